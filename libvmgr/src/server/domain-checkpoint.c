/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about checkpoints and backups of domains.
 */
#include <stdlib.h>
#include <vmgr/checkpoint.h>

#include "internal.h"

#define CHECKPOINTS_MAX 16384 /* of the protocol, in one reply */

static void drop(void *checkpoint)
{
    vmgr_checkpoint_unref(checkpoint);
}

static void drop_list(void *list)
{
    vmgr_checkpoint_list_free(list);
}

static int refuse_flags(struct vmgr__call *call, uint32_t flags, const char *function)
{
    return flags ? vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN_CHECKPOINT,
                                   "invalid argument: unsupported flags (0x%x) in function %s",
                                   flags, function)
                 : 0;
}

/* The checkpoint of an argument, which must be there; or NULL and call->err. */
static struct vmgr_checkpoint *call_checkpoint(struct vmgr__call *call,
                                               const struct wire_domain_checkpoint *wire)
{
    struct vmgr_domain *dom = vmgr__call_domain(call, &wire->dom);
    struct vmgr_checkpoint *c = NULL;

    if (!dom || vmgr_checkpoint_lookup_by_name(dom, wire->name, &c, &call->err) < 0)
        return NULL;
    return vmgr__arena_adopt(&call->arena, c, drop);
}

static int fill(struct vmgr__call *call, struct vmgr_checkpoint *c,
                struct wire_domain_checkpoint *ret)
{
    ret->name = (char *)vmgr_checkpoint_get_name(c);
    return vmgr__call_put_domain(call, vmgr_checkpoint_get_domain(c), &ret->dom);
}

/* Puts a fresh reference into a result; r: how it was got. */
static int put(struct vmgr__call *call, int r, struct vmgr_checkpoint *c,
               struct wire_domain_checkpoint *ret)
{
    if (r < 0)
        return -1;
    return fill(call, vmgr__arena_adopt(&call->arena, c, drop), ret);
}

static int create_xml(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_checkpoint_create_xml_args *a = args;
    struct wire_domain_checkpoint_create_xml_ret *out = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_checkpoint *c = NULL;
    const int r = dom ? vmgr_checkpoint_create_xml(dom, a->xml_desc, a->flags, &c, &call->err) : -1;

    return put(call, r, c, &out->checkpoint);
}

static int lookup_by_name(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_checkpoint_lookup_by_name_args *a = args;
    struct wire_domain_checkpoint_lookup_by_name_ret *out = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_checkpoint *c = NULL;
    int r = dom ? refuse_flags(call, a->flags, "domain_checkpoint_lookup_by_name") : -1;

    if (r == 0)
        r = vmgr_checkpoint_lookup_by_name(dom, a->name, &c, &call->err);
    return put(call, r, c, &out->checkpoint);
}

static int get_parent(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_checkpoint_get_parent_args *a = args;
    struct wire_domain_checkpoint_get_parent_ret *out = ret;
    struct vmgr_checkpoint *of = call_checkpoint(call, &a->checkpoint), *c = NULL;
    int r = of ? refuse_flags(call, a->flags, "domain_checkpoint_get_parent") : -1;

    if (r == 0)
        r = vmgr_checkpoint_get_parent(of, &c, &call->err);
    return put(call, r, c, &out->parent);
}

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_checkpoint_get_xml_desc_args *a = args;
    struct wire_domain_checkpoint_get_xml_desc_ret *out = ret;
    struct vmgr_checkpoint *c;

    if (a->flags & VMGR_CHECKPOINT_XML_SECURE &&
        vmgr__call_need_write(call, "virDomainCheckpointGetXMLDesc with secure flag") < 0)
        return -1;
    c = call_checkpoint(call, &a->checkpoint);
    if (!c || vmgr_checkpoint_get_xml(c, a->flags, &out->xml, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, out->xml, free);
    return 0;
}

static int delete (struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_checkpoint_delete_args *a = args;
    struct vmgr_checkpoint *c = call_checkpoint(call, &a->checkpoint);

    (void)ret;
    return c ? vmgr_checkpoint_delete(c, a->flags, &call->err) : -1;
}

/* ---- lists ---- */

/* Both results have this shape. n: how many, or -1. */
static int put_list(struct vmgr__call *call, int n, struct vmgr_checkpoint **list, int need_results,
                    struct wire_domain_list_all_checkpoints_ret *ret)
{
    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, list, drop_list);
    if (n > CHECKPOINTS_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "%d checkpoints are more than the %d that fit into a reply", n,
                               CHECKPOINTS_MAX);
    ret->ret = n;
    if (!need_results)
        return 0;
    ret->checkpoints.v =
        vmgr__arena_adopt(&call->arena, g_new0(struct wire_domain_checkpoint, n + 1), g_free);
    for (; (int)ret->checkpoints.n < n; ret->checkpoints.n++) {
        struct wire_domain_checkpoint *to = &ret->checkpoints.v[ret->checkpoints.n];

        /* they are all of one domain, which is asked once */
        *to = ret->checkpoints.v[0];
        to->name = (char *)vmgr_checkpoint_get_name(list[ret->checkpoints.n]);
        if (!ret->checkpoints.n && fill(call, list[0], to) < 0)
            return -1;
    }
    return 0;
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_list_all_checkpoints_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_checkpoint **list = NULL;
    const int n = dom ? vmgr_domain_list_checkpoints(dom, a->flags, &list, &call->err) : -1;

    return put_list(call, n, list, a->need_results, ret);
}

static int list_all_children(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_checkpoint_list_all_children_args *a = args;
    struct vmgr_checkpoint *of = call_checkpoint(call, &a->checkpoint), **list = NULL;
    const int n = of ? vmgr_checkpoint_list_children(of, a->flags, &list, &call->err) : -1;

    return put_list(call, n, list, a->need_results, ret);
}

/* ---- backups ---- */

static int backup_begin(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_backup_begin_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    (void)ret;
    return dom ? vmgr_domain_begin_backup(dom, a->backup_xml, a->checkpoint_xml, a->flags,
                                          &call->err)
               : -1;
}

static int backup_get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_backup_get_xml_desc_args *a = args;
    struct wire_domain_backup_get_xml_desc_ret *out = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    if (!dom || vmgr_domain_get_backup_xml(dom, a->flags, &out->xml, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, out->xml, free);
    return 0;
}

const struct vmgr__handler vmgr__handlers_domain_checkpoint[] = {
    { WIRE_DOMAIN_CHECKPOINT_CREATE_XML, create_xml, 0 },
    { WIRE_DOMAIN_CHECKPOINT_GET_XML_DESC, get_xml_desc, 0 },
    { WIRE_DOMAIN_LIST_ALL_CHECKPOINTS, list_all, 0 },
    { WIRE_DOMAIN_CHECKPOINT_LIST_ALL_CHILDREN, list_all_children, 0 },
    { WIRE_DOMAIN_CHECKPOINT_LOOKUP_BY_NAME, lookup_by_name, 0 },
    { WIRE_DOMAIN_CHECKPOINT_GET_PARENT, get_parent, 0 },
    { WIRE_DOMAIN_CHECKPOINT_DELETE, delete, 0 },
    { WIRE_DOMAIN_BACKUP_BEGIN, backup_begin, 0 },
    { WIRE_DOMAIN_BACKUP_GET_XML_DESC, backup_get_xml_desc, 0 },
    { 0, NULL, 0 },
};
