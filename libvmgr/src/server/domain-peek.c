/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures that look into domains.
 */
#include <vmgr/peek.h>

#include "internal.h"

/* Memory for an answer, which lives as long as the call; NULL: too much, the call has failed. */
static uint8_t *make_buffer(struct vmgr__call *call, uint32_t size)
{
    if (size > VMGR_PEEK_MAX) {
        vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                        "invalid argument: size %u is above %u bytes", size, VMGR_PEEK_MAX);
        return NULL;
    }
    return vmgr__arena_adopt(&call->arena, g_malloc0((gsize)size + 1), g_free);
}

static int block_peek(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_block_peek_args *a = args;
    struct wire_domain_block_peek_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    r->buffer.v = dom ? make_buffer(call, a->size) : NULL;
    if (!r->buffer.v || vmgr_domain_peek_disk(dom, a->path, a->offset, r->buffer.v, a->size,
                                              a->flags, &call->err) < 0)
        return -1;
    r->buffer.n = a->size;
    return 0;
}

static int memory_peek(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_memory_peek_args *a = args;
    struct wire_domain_memory_peek_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    r->buffer.v = dom ? make_buffer(call, a->size) : NULL;
    if (!r->buffer.v ||
        vmgr_domain_peek_memory(dom, a->offset, r->buffer.v, a->size, a->flags, &call->err) < 0)
        return -1;
    r->buffer.n = a->size;
    return 0;
}

const struct vmgr__handler vmgr__handlers_domain_peek[] = {
    { WIRE_DOMAIN_BLOCK_PEEK, block_peek, 0 },
    { WIRE_DOMAIN_MEMORY_PEEK, memory_peek, 0 },
    { 0, NULL, 0 },
};
