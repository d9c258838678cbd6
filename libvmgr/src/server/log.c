/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log lines: msg="..." and key=value pairs, whatever clients put into the values.
 */
#include <stdarg.h>

#include "internal.h"

void vmgr__log(struct vmgr__server *s, enum vmgr__log_level level, const char *message,
               const char *fields, ...)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree char *values = NULL;
    va_list ap;

    if (!s->log)
        return;
    va_start(ap, fields);
    values = g_strdup_vprintf(fields, ap);
    va_end(ap);
    g_string_append_printf(line, "msg=\"%s\" ", message);
    for (const char *p = values; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            g_string_append_printf(line, "\\x%02x", (unsigned char)*p);
        else
            g_string_append_c(line, *p);
    }
    s->log(level, line->str, s->log_data);
}
