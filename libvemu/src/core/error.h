/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making errors (the public side is <vemu/error.h>).
 */
#ifndef VEMU_CORE_ERROR_H
#define VEMU_CORE_ERROR_H

#include <vemu/error.h>

/* Sets *err (if err is not NULL and *err is NULL) and returns -code. `code` is a positive errno. */
int vemu__error_set(struct vemu_error **err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "prefix: " in front of *err's message. */
void vemu__error_prefix(struct vemu_error **err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
