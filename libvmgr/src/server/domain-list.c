/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures that list domains, and the older pairs of count and list.
 */
#include "internal.h"

#define DOMAINS_MAX 16384 /* of the protocol, in one reply */

static void entries_free(void *entries)
{
    vmgr_domain_entries_free(entries);
}

int vmgr__call_list_entries(struct vmgr__call *call, uint32_t flags, struct vmgr_domain_entry **ret)
{
    const int n = vmgr_domain_list_entries(call->conn, flags, ret, &call->err);

    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, *ret, entries_free);
    if (n > DOMAINS_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "%d domains are more than the %d that fit into a reply", n,
                               DOMAINS_MAX);
    return n;
}

/* The domains that pass, with their numbers. */
static int list_domains(struct vmgr__call *call, uint32_t flags, struct wire_domain **ret_domains,
                        uint32_t *ret_n)
{
    struct vmgr_domain_entry *list;
    struct wire_domain *out;
    const int n = vmgr__call_list_entries(call, flags, &list);

    if (n < 0)
        return -1;
    out = vmgr__arena_adopt(&call->arena, g_new0(struct wire_domain, n + 1), g_free);
    *ret_domains = out;
    *ret_n = (uint32_t)n;
    for (int i = 0; i < n; i++) {
        out[i].name = (char *)vmgr_domain_get_name(list[i].domain);
        vmgr_domain_get_uuid(list[i].domain, out[i].uuid);
        out[i].id = list[i].id > 0 ? list[i].id : -1;
    }
    return 0;
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_all_domains_args *a = args;
    struct wire_connect_list_all_domains_ret *r = ret;
    int n;

    if (!a->need_results) {
        n = vmgr_domain_list(call->conn, a->flags, NULL, &call->err);
        r->ret = (uint32_t)n;
        return n < 0 ? -1 : 0;
    }
    if (list_domains(call, a->flags, &r->domains.v, &r->domains.n) < 0)
        return -1;
    r->ret = r->domains.n;
    return 0;
}

static int num_of_domains(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_num_of_domains_ret *r = ret;

    (void)args;
    r->num = vmgr_domain_list(call->conn, VMGR_DOMAIN_LIST_ACTIVE, NULL, &call->err);
    return r->num < 0 ? -1 : 0;
}

static int num_of_defined_domains(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_num_of_defined_domains_ret *r = ret;

    (void)args;
    r->num = vmgr_domain_list(call->conn, VMGR_DOMAIN_LIST_INACTIVE, NULL, &call->err);
    return r->num < 0 ? -1 : 0;
}

static int check_most(struct vmgr__call *call, int most)
{
    if (most >= 0 && most <= DOMAINS_MAX)
        return 0;
    return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                           "a list of %d domains is asked for, between 0 and %d is possible", most,
                           DOMAINS_MAX);
}

static int list_ids(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_domains_args *a = args;
    struct wire_connect_list_domains_ret *r = ret;
    struct wire_domain *domains;
    uint32_t n;

    if (check_most(call, a->maxids) < 0 ||
        list_domains(call, VMGR_DOMAIN_LIST_ACTIVE, &domains, &n) < 0)
        return -1;
    r->ids.v = vmgr__arena_adopt(&call->arena, g_new0(int32_t, n + 1), g_free);
    for (uint32_t i = 0; i < n && r->ids.n < (uint32_t)a->maxids; i++) {
        if (domains[i].id > 0)
            r->ids.v[r->ids.n++] = domains[i].id;
    }
    return 0;
}

static int list_names(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_defined_domains_args *a = args;
    struct wire_connect_list_defined_domains_ret *r = ret;
    struct wire_domain *domains;
    uint32_t n;

    if (check_most(call, a->maxnames) < 0 ||
        list_domains(call, VMGR_DOMAIN_LIST_INACTIVE, &domains, &n) < 0)
        return -1;
    r->names.v = vmgr__arena_adopt(&call->arena, g_new0(char *, n + 1), g_free);
    for (uint32_t i = 0; i < n && r->names.n < (uint32_t)a->maxnames; i++)
        r->names.v[r->names.n++] = domains[i].name;
    return 0;
}

const struct vmgr__handler vmgr__handlers_domain_list[] = {
    { WIRE_CONNECT_LIST_ALL_DOMAINS, list_all, 0 },
    { WIRE_CONNECT_NUM_OF_DOMAINS, num_of_domains, 0 },
    { WIRE_CONNECT_LIST_DOMAINS, list_ids, 0 },
    { WIRE_CONNECT_NUM_OF_DEFINED_DOMAINS, num_of_defined_domains, 0 },
    { WIRE_CONNECT_LIST_DEFINED_DOMAINS, list_names, 0 },
    { 0, NULL, 0 },
};
