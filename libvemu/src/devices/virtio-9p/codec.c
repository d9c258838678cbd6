/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages of 9P2000.L as bytes.
 */
#include "devices/virtio-9p/codec.h"

#include <string.h>

/* --- reading ---------------------------------------------------------------------------------- */

static uint64_t get(struct p9_reader *r, size_t size)
{
    uint64_t value = 0;

    if (r->bad || (size_t)(r->end - r->at) < size) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)r->at[i] << (8 * i);
    r->at += size;
    return value;
}

uint8_t vemu__p9_get8(struct p9_reader *r)
{
    return (uint8_t)get(r, 1);
}

uint16_t vemu__p9_get16(struct p9_reader *r)
{
    return (uint16_t)get(r, 2);
}

uint32_t vemu__p9_get32(struct p9_reader *r)
{
    return (uint32_t)get(r, 4);
}

uint64_t vemu__p9_get64(struct p9_reader *r)
{
    return get(r, 8);
}

const char *vemu__p9_get_string(struct p9_reader *r)
{
    size_t length = vemu__p9_get16(r);
    char *text;

    if (r->bad || (size_t)(r->end - r->at) < length || memchr(r->at, 0, length)) {
        r->bad = true;
        return "";
    }
    /* One byte down, over the length, so that there is room for the end. */
    text = (char *)r->at - 1;
    memmove(text, r->at, length);
    text[length] = '\0';
    r->at += length;
    return text;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put(struct p9_writer *w, uint64_t value, size_t size)
{
    if (w->full || w->size - w->used < size) {
        w->full = true;
        return;
    }
    for (size_t i = 0; i < size; i++)
        w->buf[w->used++] = (uint8_t)(value >> (8 * i));
}

void vemu__p9_put8(struct p9_writer *w, uint8_t value)
{
    put(w, value, 1);
}

void vemu__p9_put16(struct p9_writer *w, uint16_t value)
{
    put(w, value, 2);
}

void vemu__p9_put32(struct p9_writer *w, uint32_t value)
{
    put(w, value, 4);
}

void vemu__p9_put64(struct p9_writer *w, uint64_t value)
{
    put(w, value, 8);
}

void vemu__p9_put_string(struct p9_writer *w, const char *text, size_t length)
{
    if (length > UINT16_MAX || w->full || w->size - w->used < 2 + length) {
        w->full = true;
        return;
    }
    put(w, length, 2);
    memcpy(w->buf + w->used, text, length);
    w->used += length;
}

void vemu__p9_put_qid(struct p9_writer *w, const struct p9_qid *qid)
{
    vemu__p9_put8(w, qid->type);
    vemu__p9_put32(w, qid->version);
    vemu__p9_put64(w, qid->path);
}

void vemu__p9_put_header(struct p9_writer *w, uint32_t size, uint8_t type, uint16_t tag)
{
    struct p9_writer head = { w->buf, 0, P9_HEADER, false };

    vemu__p9_put32(&head, size);
    vemu__p9_put8(&head, type);
    vemu__p9_put16(&head, tag);
}
