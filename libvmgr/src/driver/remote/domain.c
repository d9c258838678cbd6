/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains behind a server: finding them, looking at them.
 */
#include <string.h>
#include <vmgr/stats.h>

#include "../domobj.h"
#include "remote.h"

struct wire_domain vmgr__remote_domain(struct vmgr_domain *dom)
{
    struct wire_domain wire = { .name = (char *)vmgr_domain_get_name(dom), .id = -1 };

    vmgr_domain_get_uuid(dom, wire.uuid); /* what servers go by */
    return wire;
}

static struct vmgr__remote *remote_of(struct vmgr_domain *dom)
{
    return vmgr_domain_get_conn(dom)->driver_data;
}

/* Arguments of every procedure that takes a domain, or a domain and flags. */
struct domain_args {
    struct wire_domain dom;
    uint32_t flags;
};

static int ask_number(struct vmgr_domain *dom, int32_t procedure, uint32_t flags,
                      struct vmgr_error **err)
{
    const struct domain_args args = { vmgr__remote_domain(dom), flags };

    return vmgr__remote_number(remote_of(dom), procedure, &args, err);
}

static int ask_text(struct vmgr_domain *dom, int32_t procedure, uint32_t flags, char **ret,
                    struct vmgr_error **err)
{
    const struct domain_args args = { vmgr__remote_domain(dom), flags };

    return vmgr__remote_text(remote_of(dom), procedure, &args, ret, err);
}

/* ---- finding ---- */

/* All three give a domain, and nothing else. */
static int find(struct vmgr_conn *conn, int32_t procedure, const void *args, int *ret_id,
                struct vmgr_domain **ret, struct vmgr_error **err)
{
    struct wire_domain_lookup_by_name_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data, procedure, args, &out, &reply, err);

    if (result == 0 && ret)
        *ret = vmgr__domain_new(conn, out.dom.name, out.dom.uuid);
    if (result == 0 && ret_id)
        *ret_id = out.dom.id;
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_domain_lookup(struct vmgr_conn *conn, int id, const uint8_t *uuid,
                               const char *name, struct vmgr_domain **ret, struct vmgr_error **err)
{
    const struct wire_domain_lookup_by_id_args by_id = { id };
    const struct wire_domain_lookup_by_name_args by_name = { (char *)name };
    struct wire_domain_lookup_by_uuid_args by_uuid;

    if (name)
        return find(conn, WIRE_DOMAIN_LOOKUP_BY_NAME, &by_name, NULL, ret, err);
    if (!uuid)
        return find(conn, WIRE_DOMAIN_LOOKUP_BY_ID, &by_id, NULL, ret, err);
    memcpy(by_uuid.uuid, uuid, sizeof(by_uuid.uuid));
    return find(conn, WIRE_DOMAIN_LOOKUP_BY_UUID, &by_uuid, NULL, ret, err);
}

int vmgr__remote_domain_get_id(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct wire_domain_lookup_by_uuid_args args;
    int id = -1;

    vmgr_domain_get_uuid(dom, args.uuid);
    if (find(vmgr_domain_get_conn(dom), WIRE_DOMAIN_LOOKUP_BY_UUID, &args, &id, NULL, err) < 0)
        return -1;
    return MAX(id, 0);
}

static int ask_list(struct vmgr_conn *conn, uint32_t flags,
                    struct wire_connect_list_all_domains_ret *ret, struct vmgr__remote_reply *reply,
                    struct vmgr_error **err)
{
    const struct wire_connect_list_all_domains_args args = { .need_results = 1, .flags = flags };

    return vmgr__remote_call(conn->driver_data, WIRE_CONNECT_LIST_ALL_DOMAINS, &args, ret, reply,
                             err);
}

int vmgr__remote_domain_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                             struct vmgr_error **err)
{
    struct wire_connect_list_all_domains_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = ask_list(conn, flags, &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.domains.n; i++) {
        const struct wire_domain *d = &out.domains.v[i];

        g_ptr_array_add(ret, vmgr__domain_new(conn, d->name, d->uuid));
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

/* ---- finding, and looking at all at once ---- */

#define STATS_FILTERS 0xffu /* those of VMGR_DOMAIN_LIST_* that statistics know */

static void take_states(const struct wire_connect_get_all_domain_stats_ret *from, GHashTable *to)
{
    for (uint32_t i = 0; i < from->ret_stats.n; i++) {
        const struct wire_domain_stats_record *record = &from->ret_stats.v[i];
        struct vmgr_domain_entry *e = g_hash_table_lookup(to, record->dom.uuid);

        for (uint32_t k = 0; e && k < record->params.n; k++) {
            const struct wire_typed_param *p = &record->params.v[k];

            if (p->value.type != WIRE_VALUE_INT)
                continue;
            if (strcmp(p->field, "state.state") == 0)
                e->state = p->value.i;
            else if (strcmp(p->field, "state.reason") == 0)
                e->reason = p->value.i;
        }
    }
}

/* False: the server cannot tell. */
static bool ask_states(struct vmgr_conn *conn, uint32_t flags, GHashTable *to)
{
    const struct wire_connect_get_all_domain_stats_args args = {
        .stats = VMGR_STATS_STATE, .flags = (flags & STATS_FILTERS) | VMGR_STATS_NOWAIT
    };
    struct wire_connect_get_all_domain_stats_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data, WIRE_CONNECT_GET_ALL_DOMAIN_STATS,
                                         &args, &out, &reply, NULL);

    if (result == 0)
        take_states(&out, to);
    vmgr__remote_reply_clear(&reply);
    return result == 0;
}

/* What the statistics did not tell: all, or a domain that has changed its state between. */
static void ask_missing(GArray *entries)
{
    for (guint i = 0; i < entries->len; i++) {
        struct vmgr_domain_entry *e = &g_array_index(entries, struct vmgr_domain_entry, i);

        if (e->state < 0 &&
            vmgr__remote_domain_get_state(e->domain, &e->state, &e->reason, NULL) < 0)
            e->state = e->reason = 0;
    }
}

int vmgr__remote_domain_list_entries(struct vmgr_conn *conn, uint32_t flags, GArray *ret,
                                     struct vmgr_error **err)
{
    struct wire_connect_list_all_domains_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = ask_list(conn, flags, &out, &reply, err);
    g_autoptr(GHashTable) by_uuid = g_hash_table_new(vmgr__uuid_hash, vmgr__uuid_equal);

    for (uint32_t i = 0; result == 0 && i < out.domains.n; i++) {
        const struct wire_domain *d = &out.domains.v[i];
        struct vmgr_domain_entry e = { .id = MAX(d->id, 0), .state = -1 };

        e.domain = vmgr__domain_new(conn, d->name, d->uuid);
        g_array_append_val(ret, e);
    }
    for (guint i = 0; i < ret->len; i++)
        g_hash_table_insert(by_uuid, out.domains.v[i].uuid,
                            &g_array_index(ret, struct vmgr_domain_entry, i));
    /* One domain is asked itself: all that pass the filters may be more than that. */
    if (ret->len > 1)
        ask_states(conn, flags, by_uuid);
    ask_missing(ret);
    vmgr__remote_reply_clear(&reply);
    return result;
}

/* ---- looking ---- */

int vmgr__remote_domain_get_state(struct vmgr_domain *dom, int *ret_state, int *ret_reason,
                                  struct vmgr_error **err)
{
    const struct domain_args args = { .dom = vmgr__remote_domain(dom) };
    struct wire_domain_get_state_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_STATE, &args, &out, &reply, err);

    *ret_state = out.state;
    *ret_reason = out.reason;
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_domain_get_info(struct vmgr_domain *dom, struct vmgr_domain_info *ret,
                                 struct vmgr_error **err)
{
    const struct domain_args args = { .dom = vmgr__remote_domain(dom) };
    struct wire_domain_get_info_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_INFO, &args, &out, &reply, err);

    ret->state = (int32_t)out.state;
    ret->max_memory_kib = out.max_mem;
    ret->memory_kib = out.memory;
    ret->vcpus = out.nr_virt_cpu;
    ret->cpu_time_ns = out.cpu_time;
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_domain_is_persistent(struct vmgr_domain *dom, struct vmgr_error **err)
{
    return ask_number(dom, WIRE_DOMAIN_IS_PERSISTENT, 0, err);
}

int vmgr__remote_domain_is_updated(struct vmgr_domain *dom, struct vmgr_error **err)
{
    return ask_number(dom, WIRE_DOMAIN_IS_UPDATED, 0, err);
}

int vmgr__remote_domain_has_managed_save(struct vmgr_domain *dom, struct vmgr_error **err)
{
    return ask_number(dom, WIRE_DOMAIN_HAS_MANAGED_SAVE_IMAGE, 0, err);
}

int vmgr__remote_domain_get_vcpus(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    return ask_number(dom, WIRE_DOMAIN_GET_VCPUS_FLAGS, flags, err);
}

int vmgr__remote_domain_get_autostart(struct vmgr_domain *dom, struct vmgr_error **err)
{
    return ask_number(dom, WIRE_DOMAIN_GET_AUTOSTART, 0, err);
}

int vmgr__remote_domain_get_os_type(struct vmgr_domain *dom, char **ret, struct vmgr_error **err)
{
    return ask_text(dom, WIRE_DOMAIN_GET_OS_TYPE, 0, ret, err);
}

int vmgr__remote_domain_get_xml(struct vmgr_domain *dom, uint32_t flags, char **ret,
                                struct vmgr_error **err)
{
    return ask_text(dom, WIRE_DOMAIN_GET_XML_DESC, flags, ret, err);
}

int vmgr__remote_domain_get_messages(struct vmgr_domain *dom, uint32_t flags, GPtrArray *ret,
                                     struct vmgr_error **err)
{
    const struct domain_args args = { vmgr__remote_domain(dom), flags };
    struct wire_domain_get_messages_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_MESSAGES, &args, &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.msgs.n; i++)
        g_ptr_array_add(ret, g_strdup(out.msgs.v[i]));
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_domain_get_metadata(struct vmgr_domain *dom, int type, const char *uri,
                                     uint32_t flags, char **ret, struct vmgr_error **err)
{
    const struct wire_domain_get_metadata_args args = {
        .dom = vmgr__remote_domain(dom), .type = type, .uri = (char *)uri, .flags = flags
    };

    return vmgr__remote_text(remote_of(dom), WIRE_DOMAIN_GET_METADATA, &args, ret, err);
}
