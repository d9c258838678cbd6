/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Structures to bytes.
 */
#include <errno.h>
#include <string.h>

#include "codec.h"

static void put32(GByteArray *out, uint32_t v)
{
    uint8_t bytes[4];

    vmgr__put32(bytes, v);
    g_byte_array_append(out, bytes, sizeof(bytes));
}

static void put64(GByteArray *out, uint64_t v)
{
    put32(out, (uint32_t)(v >> 32));
    put32(out, (uint32_t)v);
}

static int put_bytes(GByteArray *out, const void *bytes, size_t n, uint32_t most)
{
    const guint at = out->len, padding = (guint)(-n & 3);

    if (n > most || n > VMGR__WIRE_PACKET_MAX)
        return -E2BIG;
    g_byte_array_set_size(out, at + 4 + (guint)n + padding);
    vmgr__put32(out->data + at, (uint32_t)n);
    if (n)
        memcpy(out->data + at + 4, bytes, n);
    memset(out->data + at + 4 + n, 0, padding);
    return 0;
}

static int put_string(GByteArray *out, const char *text)
{
    return text ? put_bytes(out, text, strlen(text), VMGR__WIRE_STRING_MAX) : -EINVAL;
}

static int put_value(GByteArray *out, const struct wire_value *value)
{
    put32(out, (uint32_t)value->type);
    switch (value->type) {
    case WIRE_VALUE_INT:
    case WIRE_VALUE_UINT:
    case WIRE_VALUE_BOOLEAN: put32(out, value->ui); return 0;
    case WIRE_VALUE_LLONG:
    case WIRE_VALUE_ULLONG:
    case WIRE_VALUE_DOUBLE: put64(out, value->ul); return 0;
    case WIRE_VALUE_STRING: return put_string(out, value->s);
    default: return -EINVAL;
    }
}

static int put_struct(GByteArray *out, const struct vmgr__wire_layout *layout, const uint8_t *from);

static int put_one(GByteArray *out, const struct vmgr__wire_field *f, const uint8_t *from)
{
    switch (f->kind) {
    case WIRE_INT: put32(out, *(const uint32_t *)from); return 0;
    case WIRE_HYPER: put64(out, *(const uint64_t *)from); return 0;
    case WIRE_STRING: return put_string(out, *(char *const *)from);
    case WIRE_UUID: g_byte_array_append(out, from, 16); return 0;
    case WIRE_CHAR: put32(out, (uint32_t)(int32_t)(int8_t)*from); return 0;
    case WIRE_VALUE: return put_value(out, (const struct wire_value *)from);
    default: return put_struct(out, f->sub, from);
    }
}

static size_t one_size(const struct vmgr__wire_field *f)
{
    static const uint8_t sizes[] = {
        [WIRE_INT] = 4,   [WIRE_HYPER] = 8, [WIRE_STRING] = sizeof(char *),
        [WIRE_UUID] = 16, [WIRE_CHAR] = 1,  [WIRE_VALUE] = sizeof(struct wire_value),
    };

    return f->kind == WIRE_STRUCT ? f->sub->size : sizes[f->kind];
}

static int put_list(GByteArray *out, const struct vmgr__wire_field *f, const uint8_t *from)
{
    const struct {
        uint32_t n;
        const uint8_t *v;
    } *list = (const void *)from;
    int result = 0;

    if (f->kind == WIRE_BYTE)
        return put_bytes(out, list->v, list->n, f->count);
    if (list->n > f->count)
        return -E2BIG;
    put32(out, list->n);
    for (uint32_t i = 0; i < list->n && result == 0; i++) {
        result = put_one(out, f, list->v + i * one_size(f));
        if (out->len > VMGR__WIRE_PACKET_MAX)
            result = -E2BIG;
    }
    return result;
}

static int put_optional(GByteArray *out, const struct vmgr__wire_field *f, const uint8_t *from)
{
    const void *sub = *(void *const *)from;

    put32(out, sub != NULL);
    if (!sub)
        return 0;
    return f->kind == WIRE_STRING ? put_string(out, sub) : put_struct(out, f->sub, sub);
}

static int put_struct(GByteArray *out, const struct vmgr__wire_layout *layout, const uint8_t *from)
{
    int result = 0;

    for (uint32_t i = 0; i < layout->n_fields && result == 0; i++) {
        const struct vmgr__wire_field *f = &layout->fields[i];

        switch (f->form) {
        case WIRE_OPTIONAL: result = put_optional(out, f, from + f->offset); break;
        case WIRE_LIST: result = put_list(out, f, from + f->offset); break;
        case WIRE_ARRAY:
            for (uint32_t n = 0; n < f->count && result == 0; n++)
                result = put_one(out, f, from + f->offset + n * one_size(f));
            break;
        default: result = put_one(out, f, from + f->offset);
        }
    }
    return result;
}

int vmgr__wire_encode(const struct vmgr__wire_layout *layout, const void *from, GByteArray *out)
{
    const guint before = out->len;
    int result = put_struct(out, layout, from);

    /* The length word is not part of what the limit counts. */
    if (result == 0 && out->len > VMGR__WIRE_PACKET_MAX + 4)
        result = -E2BIG;
    if (result < 0)
        g_byte_array_set_size(out, before);
    return result;
}
