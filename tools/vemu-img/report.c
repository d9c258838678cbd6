/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages of the program to its user.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "img.h"

static void __attribute__((format(printf, 2, 0)))
print(const char *kind, const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "vemu-img: %s", kind);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void report(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print("", format, args);
    va_end(args);
}

void warn(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print("warning: ", format, args);
    va_end(args);
}

int complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print("", format, args);
    va_end(args);
    fputs("Try 'vemu-img --help' for more information\n", stderr);
    return 1;
}

int report_error(struct vemu_error **err, int code, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("vemu-img: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "%s\n", err && *err ? vemu_error_message(*err) : strerror(abs(code)));
    if (err)
        *err = vemu_error_free(*err);
    return 1;
}

void say(bool quiet, const char *format, ...)
{
    va_list args;

    if (quiet)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}
