/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making errors (the public side is <vemu/error.h>).
 */
#ifndef VEMU_CORE_ERROR_H
#define VEMU_CORE_ERROR_H

#include <vemu/error.h>

/* Sets *err (if err is not NULL and *err is NULL) and returns -code, or -EIO where `code` is not a
 * positive errno: never 0. */
int vemu__error_set(struct vemu_error **err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Compilers should know that: they warn of variables that are not set after a failure. */
static inline int vemu__error_code(int code)
{
    if (code >= 0)
        __builtin_unreachable();
    return code;
}
#define vemu__error_set(...) vemu__error_code(vemu__error_set(__VA_ARGS__))
/* Puts "prefix: " in front of *err's message. */
void vemu__error_prefix(struct vemu_error **err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
