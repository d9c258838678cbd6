/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors of the control path: making, reading and freeing them.
 */
#include "core/error.h"

#include <errno.h>
#include <glib.h>
#include <stdarg.h>

struct vemu_error {
    int code;
    char *message;
};

int(vemu__error_set)(struct vemu_error **err, int code, const char *format, ...)
{
    if (code <= 0)
        code = EIO;
    if (err && !*err) {
        va_list ap;

        va_start(ap, format);
        *err = g_new(struct vemu_error, 1);
        (*err)->code = code;
        (*err)->message = g_strdup_vprintf(format, ap);
        va_end(ap);
    }
    return -code;
}

void vemu__error_prefix(struct vemu_error **err, const char *format, ...)
{
    g_autofree char *prefix = NULL;
    char *message;
    va_list ap;

    if (!err || !*err)
        return;
    va_start(ap, format);
    prefix = g_strdup_vprintf(format, ap);
    va_end(ap);
    message = g_strdup_printf("%s: %s", prefix, (*err)->message);
    g_free((*err)->message);
    (*err)->message = message;
}

int vemu_error_code(const struct vemu_error *error)
{
    return error ? error->code : 0;
}

const char *vemu_error_message(const struct vemu_error *error)
{
    return error ? error->message : "";
}

struct vemu_error *vemu_error_free(struct vemu_error *error)
{
    if (error) {
        g_free(error->message);
        g_free(error);
    }
    return NULL;
}
