/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes to structures.
 */
#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "codec.h"

struct reader {
    uint8_t *at, *end;
    struct vmgr__arena *arena;
};

static int take32(struct reader *r, uint32_t *ret)
{
    if (r->end - r->at < 4)
        return -EBADMSG;
    *ret = vmgr__get32(r->at);
    r->at += 4;
    return 0;
}

static int take64(struct reader *r, uint64_t *ret)
{
    uint32_t high, low;

    if (take32(r, &high) < 0 || take32(r, &low) < 0)
        return -EBADMSG;
    *ret = (uint64_t)high << 32 | low;
    return 0;
}

/* RFC 4506 section 4.9: a length, bytes, padding to a multiple of four. */
static int take_bytes(struct reader *r, uint32_t most, uint32_t *ret_n, uint8_t **ret)
{
    uint32_t n, padded;

    if (take32(r, &n) < 0 || n > most || n > (size_t)(r->end - r->at))
        return -EBADMSG;
    padded = (n + 3) & ~3u;
    if (padded > (size_t)(r->end - r->at))
        return -EBADMSG;
    *ret_n = n;
    *ret = r->at;
    r->at += padded;
    return 0;
}

static int take_string(struct reader *r, char **ret)
{
    uint8_t *text;
    uint32_t n;

    if (take_bytes(r, VMGR__WIRE_STRING_MAX, &n, &text) < 0 || memchr(text, 0, n))
        return -EBADMSG;
    /* Without padding the terminator's place is gained from the length, which has been read. */
    if (n % 4 == 0) {
        memmove(text - 1, text, n);
        text--;
    }
    text[n] = 0;
    *ret = (char *)text;
    return 0;
}

static int take_value(struct reader *r, struct wire_value *ret)
{
    uint32_t type, word;
    uint64_t wide;

    if (take32(r, &type) < 0)
        return -EBADMSG;
    ret->type = (int32_t)type;
    switch (type) {
    case WIRE_VALUE_INT:
    case WIRE_VALUE_UINT:
    case WIRE_VALUE_BOOLEAN:
        if (take32(r, &word) < 0)
            return -EBADMSG;
        ret->ui = word;
        return 0;
    case WIRE_VALUE_LLONG:
    case WIRE_VALUE_ULLONG:
    case WIRE_VALUE_DOUBLE:
        if (take64(r, &wide) < 0)
            return -EBADMSG;
        ret->ul = wide;
        return 0;
    case WIRE_VALUE_STRING: return take_string(r, &ret->s);
    default: return -EBADMSG;
    }
}

static int take_struct(struct reader *r, const struct vmgr__wire_layout *layout, uint8_t *out);

static int take_one(struct reader *r, const struct vmgr__wire_field *f, uint8_t *out)
{
    uint32_t word;

    switch (f->kind) {
    case WIRE_INT: return take32(r, (uint32_t *)out);
    case WIRE_HYPER: return take64(r, (uint64_t *)out);
    case WIRE_STRING: return take_string(r, (char **)out);
    case WIRE_UUID:
        if (r->end - r->at < 16)
            return -EBADMSG;
        memcpy(out, r->at, 16);
        r->at += 16;
        return 0;
    case WIRE_CHAR:
        if (take32(r, &word) < 0)
            return -EBADMSG;
        *out = (uint8_t)word;
        return 0;
    case WIRE_VALUE: return take_value(r, (struct wire_value *)out);
    default: return take_struct(r, f->sub, out);
    }
}

static void one_sizes(const struct vmgr__wire_field *f, size_t *memory, size_t *least)
{
    static const uint8_t sizes[][2] = {
        [WIRE_INT] = { 4, 4 },    [WIRE_HYPER] = { 8, 8 },
        [WIRE_UUID] = { 16, 16 }, [WIRE_STRING] = { sizeof(char *), 4 },
        [WIRE_CHAR] = { 1, 4 },   [WIRE_VALUE] = { sizeof(struct wire_value), 8 },
    };

    *memory = f->kind == WIRE_STRUCT ? f->sub->size : sizes[f->kind][0];
    *least = f->kind == WIRE_STRUCT ? f->sub->least : sizes[f->kind][1];
}

static int take_list(struct reader *r, const struct vmgr__wire_field *f, uint8_t *out)
{
    struct {
        uint32_t n;
        uint8_t *v;
    } *list = (void *)out;
    size_t memory, least;
    int result = 0;

    if (f->kind == WIRE_BYTE)
        return take_bytes(r, f->count, &list->n, &list->v);
    one_sizes(f, &memory, &least);
    if (take32(r, &list->n) < 0 || list->n > f->count || list->n > (size_t)(r->end - r->at) / least)
        return -EBADMSG;
    list->v = vmgr__arena_alloc(r->arena, list->n * memory);
    if (!list->v)
        return -ENOMEM;
    for (uint32_t i = 0; i < list->n && result == 0; i++)
        result = take_one(r, f, list->v + i * memory);
    return result;
}

static int take_optional(struct reader *r, const struct vmgr__wire_field *f, uint8_t *out)
{
    uint32_t there;
    void *sub;

    if (take32(r, &there) < 0)
        return -EBADMSG;
    if (!there)
        return 0;
    if (f->kind == WIRE_STRING)
        return take_string(r, (char **)out);
    sub = vmgr__arena_alloc(r->arena, f->sub->size);
    if (!sub)
        return -ENOMEM;
    *(void **)out = sub;
    return take_struct(r, f->sub, sub);
}

static int take_struct(struct reader *r, const struct vmgr__wire_layout *layout, uint8_t *out)
{
    int result = 0;

    for (uint32_t i = 0; i < layout->n_fields && result == 0; i++) {
        const struct vmgr__wire_field *f = &layout->fields[i];

        switch (f->form) {
        case WIRE_OPTIONAL: result = take_optional(r, f, out + f->offset); break;
        case WIRE_LIST: result = take_list(r, f, out + f->offset); break;
        case WIRE_ARRAY: {
            size_t memory, least;

            one_sizes(f, &memory, &least);
            for (uint32_t n = 0; n < f->count && result == 0; n++)
                result = take_one(r, f, out + f->offset + n * memory);
            break;
        }
        default: result = take_one(r, f, out + f->offset);
        }
    }
    return result;
}

ssize_t vmgr__wire_decode(const struct vmgr__wire_layout *layout, uint8_t *data, size_t size,
                          struct vmgr__arena *arena, void *ret)
{
    uint8_t nothing;
    struct reader r = { .arena = arena };
    int result;

    if (!size)
        data = &nothing;
    r.at = data;
    r.end = data + size;
    memset(ret, 0, layout->size);
    result = take_struct(&r, layout, ret);
    return result < 0 ? result : r.at - data;
}

const struct vmgr__wire_call *vmgr__wire_call(const struct vmgr__wire_program *program,
                                              int32_t number)
{
    return number > 0 && (uint32_t)number <= program->n_calls ? &program->calls[number - 1] : NULL;
}
