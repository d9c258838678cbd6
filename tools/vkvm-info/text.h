/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report for people.
 */
#ifndef VKVM_INFO_TEXT_H
#define VKVM_INFO_TEXT_H

#include <stdio.h>

#include "report.h"

/* The sections the report has, in 80 columns. */
void text_write(const struct report *report, FILE *out);
/* Why there is no report: for standard error. */
void text_write_failure(const struct device *device, FILE *out);

#endif
