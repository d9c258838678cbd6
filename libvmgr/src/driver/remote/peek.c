/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking into domains behind a server.
 */
#include "../peek.h"

#include <string.h>

#include "remote.h"

/* Procedures whose answer is so many bytes. */
static int take(struct vmgr_domain *dom, int32_t procedure, const void *args, void *buf,
                size_t size, struct vmgr_error **err)
{
    struct wire_domain_memory_peek_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int r = vmgr__remote_call(vmgr_domain_get_conn(dom)->driver_data, procedure, args, &out, &reply,
                              err);

    if (r == 0 && out.buffer.n != size)
        r = vmgr__error_set(err, VMGR_ERR_RPC, VMGR_FROM_RPC, "the server sent %u bytes, not %zu",
                            out.buffer.n, size);
    else if (r == 0)
        memcpy(buf, out.buffer.v, size);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int peek_disk(struct vmgr_domain *dom, const char *disk, uint64_t offset, void *buf,
                     size_t size, struct vmgr_error **err)
{
    const struct wire_domain_block_peek_args args = { .dom = vmgr__remote_domain(dom),
                                                      .path = (char *)disk,
                                                      .offset = offset,
                                                      .size = (uint32_t)size };

    return take(dom, WIRE_DOMAIN_BLOCK_PEEK, &args, buf, size, err);
}

static int peek_memory(struct vmgr_domain *dom, uint64_t start, void *buf, size_t size,
                       uint32_t flags, struct vmgr_error **err)
{
    const struct wire_domain_memory_peek_args args = {
        .dom = vmgr__remote_domain(dom), .offset = start, .size = (uint32_t)size, .flags = flags
    };

    return take(dom, WIRE_DOMAIN_MEMORY_PEEK, &args, buf, size, err);
}

const struct vmgr__peek_ops vmgr__remote_peek = { .disk = peek_disk, .memory = peek_memory };
