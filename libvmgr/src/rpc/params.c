/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Typed parameters: building a list of them.
 */
#include "params.h"

#include <stdarg.h>

void vmgr__params_init(struct vmgr__params *p, struct vmgr__arena *arena)
{
    p->arena = arena;
    p->list = g_array_new(FALSE, TRUE, sizeof(struct wire_typed_param));
}

/* Checked where it is called: its callers are declared as taking a format. */
__attribute__((format(printf, 3, 0))) static void
add(struct vmgr__params *p, struct wire_value value, const char *name, va_list ap)
{
    struct wire_typed_param param = { .value = value };

    param.field = vmgr__arena_adopt(p->arena, g_strdup_vprintf(name, ap), g_free);
    g_array_append_val(p->list, param);
}

#define ADD(value)                                                                                 \
    do {                                                                                           \
        va_list ap;                                                                                \
        va_start(ap, name);                                                                        \
        add(p, value, name, ap);                                                                   \
        va_end(ap);                                                                                \
    } while (0)

void vmgr__params_add_int(struct vmgr__params *p, int32_t value, const char *name, ...)
{
    ADD(((struct wire_value){ .type = WIRE_VALUE_INT, .i = value }));
}

void vmgr__params_add_uint(struct vmgr__params *p, uint32_t value, const char *name, ...)
{
    ADD(((struct wire_value){ .type = WIRE_VALUE_UINT, .ui = value }));
}

void vmgr__params_add_ullong(struct vmgr__params *p, uint64_t value, const char *name, ...)
{
    ADD(((struct wire_value){ .type = WIRE_VALUE_ULLONG, .ul = value }));
}

void vmgr__params_add_llong(struct vmgr__params *p, int64_t value, const char *name, ...)
{
    ADD(((struct wire_value){ .type = WIRE_VALUE_LLONG, .l = value }));
}

void vmgr__params_add_boolean(struct vmgr__params *p, bool value, const char *name, ...)
{
    ADD(((struct wire_value){ .type = WIRE_VALUE_BOOLEAN, .b = value }));
}

void vmgr__params_add_string(struct vmgr__params *p, const char *value, const char *name, ...)
{
    char *copy = vmgr__arena_strdup(p->arena, value);

    ADD(((struct wire_value){ .type = WIRE_VALUE_STRING, .s = copy }));
}

struct wire_typed_param *vmgr__params_end(struct vmgr__params *p, uint32_t *ret_n)
{
    *ret_n = p->list->len;
    return vmgr__arena_adopt(p->arena, g_array_free(g_steal_pointer(&p->list), FALSE), g_free);
}
