/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report for programs. The form is described in vkvm-info(1).
 */
#ifndef VKVM_INFO_JSON_H
#define VKVM_INFO_JSON_H

#include <stdio.h>

#include "report.h"

/* One object and a newline. `status` is what the program exits with. -ENOMEM, -EIO. */
int json_write(const struct report *report, int status, FILE *out);

#endif
