/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about a domain's title, description and metadata.
 */
#include <stdlib.h>

#include "internal.h"

static int get_metadata(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_metadata_args *a = args;
    struct wire_domain_get_metadata_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    if (!dom ||
        vmgr_domain_get_metadata(dom, a->type, a->uri, a->flags, &r->metadata, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->metadata, free);
    return 0;
}

static int set_metadata(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_set_metadata_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    (void)ret;
    return dom ? vmgr_domain_set_metadata(dom, a->type, a->metadata, a->key, a->uri, a->flags,
                                          &call->err)
               : -1;
}

const struct vmgr__handler vmgr__handlers_domain_metadata[] = {
    { WIRE_DOMAIN_GET_METADATA, get_metadata, 0 },
    { WIRE_DOMAIN_SET_METADATA, set_metadata, 0 },
    { 0, NULL, 0 },
};
