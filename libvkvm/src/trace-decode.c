/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decoding one record of a recorded session.
 */
#include <string.h>

#include "trace.h"

static uint32_t get_u32(struct trace_cur *c)
{
    uint64_t value = trace__get_number(c);
    if (value > UINT32_MAX)
        c->bad = true;
    return c->bad ? 0 : (uint32_t)value;
}

static void get_blob(struct trace_cur *c, struct trace_blob *ret)
{
    ret->cur = *c;
    ret->size = trace__get_sparse(c, NULL, 0);
}

static void decode_ioctl(struct trace_cur *c, struct trace_record *ret)
{
    ret->request = get_u32(c);
    ret->child = get_u32(c);
    uint64_t form = trace__get_number(c);
    if (form >= TRACE_FORMS || (ret->child && ret->result < 0))
        c->bad = true;
    ret->form = c->bad ? TRACE_NULL : (enum trace_form)form;
    if (ret->form == TRACE_NUMBER) {
        ret->number = trace__get_number(c);
    } else if (ret->form == TRACE_PARTS) {
        uint64_t parts = trace__get_number(c);
        if (parts == 0 || parts > TRACE_MAX_PARTS)
            c->bad = true;
        for (unsigned i = 0; i < parts && !c->bad; i++) {
            get_blob(c, &ret->in[i]);
            get_blob(c, &ret->out[i]);
            ret->parts = i + 1;
        }
    }
}

static void decode_run(struct trace_cur *c, struct trace_record *ret)
{
    ret->run_flags = get_u32(c);
    uint64_t maps = trace__get_number(c);
    if (maps > TRACE_MAX_MAPS)
        c->bad = true;
    for (unsigned i = 0; i < maps && !c->bad; i++) {
        ret->run[i].mapping = get_u32(c);
        ret->run[i].in = *c;
        trace__get_patch(c, NULL, TRACE_MAX_MAP); /* against the mapping's length: when indexed */
        ret->run[i].out = *c;
        trace__get_patch(c, NULL, TRACE_MAX_MAP);
        ret->maps = i + 1;
    }
}

static void decode_mmap(struct trace_cur *c, struct trace_record *ret)
{
    ret->mapping = get_u32(c);
    ret->length = trace__get_number(c);
    ret->prot = get_u32(c);
    ret->number = get_u32(c);
    ret->offset = trace__get_number(c);
    if (!ret->mapping)
        return;
    if (ret->length > TRACE_MAX_MAP)
        c->bad = true;
    ret->patch = *c;
    trace__get_patch(c, NULL, ret->length);
}

bool trace__decode(const uint8_t *body, size_t size, struct trace_record *ret)
{
    struct trace_cur c = { body, body + size, false };
    memset(ret, 0, sizeof(*ret));
    const uint8_t *type = trace__get(&c, 1);
    if (!type || *type < TRACE_OPEN || *type >= TRACE_TYPES)
        return false;
    ret->type = (enum trace_type) * type;
    ret->handle = get_u32(&c);
    ret->result = trace__get_signed(&c);
    switch (ret->type) {
    case TRACE_OPEN:
        ret->number = get_u32(&c);
        ret->path_length = c.bad ? 0 : (size_t)(c.end - c.p);
        ret->path = trace__get(&c, ret->path_length);
        break;
    case TRACE_IOCTL: decode_ioctl(&c, ret); break;
    case TRACE_RUN: decode_run(&c, ret); break;
    case TRACE_MMAP: decode_mmap(&c, ret); break;
    case TRACE_MUNMAP: ret->mapping = get_u32(&c); break;
    case TRACE_PREAD:
        ret->length = trace__get_number(&c);
        ret->offset = trace__get_number(&c);
        get_blob(&c, &ret->out[0]);
        ret->parts = 1;
        if (ret->out[0].size != (ret->result > 0 ? (uint64_t)ret->result : 0) ||
            ret->out[0].size > ret->length)
            c.bad = true;
        break;
    case TRACE_KILL:
    case TRACE_END: ret->number = trace__get_number(&c); break;
    case TRACE_NOTE:
        ret->path_length = get_u32(&c);
        ret->path = trace__get(&c, ret->path_length);
        ret->value_length = c.bad ? 0 : (size_t)(c.end - c.p);
        trace__get(&c, ret->value_length);
        break;
    case TRACE_PAGES:
        ret->mapping = get_u32(&c);
        ret->patch = c;
        trace__get_patch(&c, NULL, TRACE_MAX_MAP);
        break;
    case TRACE_ADOPT:
    case TRACE_CLOSE:
    case TRACE_TYPES: break;
    }
    if (ret->result < -4095 || ret->result > INT32_MAX)
        return false;
    return !c.bad && c.p == c.end;
}

void trace__record(const struct vkvm_trace *trace, const struct trace_entry *entry,
                   struct trace_record *ret)
{
    trace__decode(trace->bytes + entry->at, entry->size, ret);
}

void trace__blob(const struct trace_blob *blob, uint8_t *buffer, size_t capacity)
{
    struct trace_cur c = blob->cur;
    trace__get_sparse(&c, buffer, capacity);
}
