/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about secrets. Their values are overwritten once a reply has been made of them.
 */
#include <stdlib.h>
#include <string.h>
#include <vmgr/secret.h>

#include "internal.h"

#define SECRETS_MAX 16384 /* of the protocol, in one reply */

static void drop(void *secret)
{
    vmgr_secret_unref(secret);
}

static struct vmgr_secret *call_secret(struct vmgr__call *call, const struct wire_secret *wire)
{
    struct vmgr_secret *secret = NULL;

    vmgr_secret_lookup_by_uuid(call->conn, wire->uuid, &secret, &call->err);
    return secret ? vmgr__arena_adopt(&call->arena, secret, drop) : NULL;
}

static void fill(struct vmgr_secret *secret, struct wire_secret *ret)
{
    vmgr_secret_get_uuid(secret, ret->uuid);
    ret->usage_type = vmgr_secret_get_usage_type(secret);
    ret->usage_id = (char *)vmgr_secret_get_usage_id(secret);
}

/* Puts a fresh reference into a result; r: how it was got. */
static int put(struct vmgr__call *call, int r, struct vmgr_secret *secret, struct wire_secret *ret)
{
    if (r < 0)
        return -1;
    fill(vmgr__arena_adopt(&call->arena, secret, drop), ret);
    return 0;
}

static int lookup_by_uuid(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_secret_lookup_by_uuid_args *a = args;
    struct wire_secret_lookup_by_uuid_ret *r = ret;
    struct vmgr_secret *secret = NULL;
    const int result = vmgr_secret_lookup_by_uuid(call->conn, a->uuid, &secret, &call->err);

    return put(call, result, secret, &r->secret);
}

static int lookup_by_usage(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_secret_lookup_by_usage_args *a = args;
    struct wire_secret_lookup_by_usage_ret *r = ret;
    struct vmgr_secret *secret = NULL;
    const int result =
        vmgr_secret_lookup_by_usage(call->conn, a->usage_type, a->usage_id, &secret, &call->err);

    return put(call, result, secret, &r->secret);
}

static int define_xml(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_secret_define_xml_args *a = args;
    struct wire_secret_define_xml_ret *r = ret;
    struct vmgr_secret *secret = NULL;
    const int result = vmgr_secret_define_xml(call->conn, a->xml, a->flags, &secret, &call->err);

    return put(call, result, secret, &r->secret);
}

static int undefine(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_secret_undefine_args *a = args;
    struct vmgr_secret *secret = call_secret(call, &a->secret);

    (void)ret;
    return secret ? vmgr_secret_undefine(secret, &call->err) : -1;
}

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_secret_get_xml_desc_args *a = args;
    struct wire_secret_get_xml_desc_ret *r = ret;
    struct vmgr_secret *secret = call_secret(call, &a->secret);

    if (!secret || vmgr_secret_get_xml(secret, a->flags, &r->xml, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->xml, free);
    return 0;
}

static int set_value(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_secret_set_value_args *a = args;
    struct vmgr_secret *secret = call_secret(call, &a->secret);
    int r = -1;

    (void)ret;
    if (secret)
        r = vmgr_secret_set_value(secret, a->value.v, a->value.n, a->flags, &call->err);
    if (a->value.n)
        explicit_bzero(a->value.v, a->value.n);
    return r;
}

static int get_value(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_secret_get_value_args *a = args;
    struct vmgr_secret *secret = call_secret(call, &a->secret);
    struct wire_secret_get_value_ret r = { 0 };
    size_t size;

    (void)ret;
    if (!secret || vmgr_secret_get_value(secret, a->flags, &r.value.v, &size, &call->err) < 0)
        return -1;
    r.value.n = (uint32_t)size;
    vmgr__call_reply(call, &r);
    explicit_bzero(r.value.v, size);
    free(r.value.v);
    return 0;
}

/* ---- lists ---- */

static void list_drop(void *list)
{
    vmgr_secret_list_free(list);
}

static int list_secrets(struct vmgr__call *call, uint32_t flags, struct vmgr_secret ***ret)
{
    const int n = vmgr_secret_list(call->conn, flags, ret, &call->err);

    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, *ret, list_drop);
    if (n > SECRETS_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "%d secrets are more than the %d that fit into a reply", n,
                               SECRETS_MAX);
    return n;
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_all_secrets_args *a = args;
    struct wire_connect_list_all_secrets_ret *r = ret;
    struct vmgr_secret **list;
    const int n = list_secrets(call, a->flags, &list);

    if (n < 0)
        return -1;
    r->ret = (uint32_t)n;
    if (!a->need_results)
        return 0;
    r->secrets.v = vmgr__arena_adopt(&call->arena, g_new0(struct wire_secret, n + 1), g_free);
    for (; (int)r->secrets.n < n; r->secrets.n++)
        fill(list[r->secrets.n], &r->secrets.v[r->secrets.n]);
    return 0;
}

static int list_uuids(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_secrets_args *a = args;
    struct wire_connect_list_secrets_ret *r = ret;
    struct vmgr_secret **list;
    const int n = list_secrets(call, 0, &list);

    if (n < 0)
        return -1;
    r->uuids.v = vmgr__arena_adopt(&call->arena, g_new0(char *, n + 1), g_free);
    for (; (int)r->uuids.n < MIN(n, MAX(a->maxuuids, 0)); r->uuids.n++)
        r->uuids.v[r->uuids.n] = (char *)vmgr_secret_get_uuid_string(list[r->uuids.n]);
    return 0;
}

static int num_of_secrets(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_num_of_secrets_ret *r = ret;

    (void)args;
    r->num = vmgr_secret_list(call->conn, 0, NULL, &call->err);
    return r->num < 0 ? -1 : 0;
}

const struct vmgr__handler vmgr__handlers_secret[] = {
    { WIRE_SECRET_LOOKUP_BY_UUID, lookup_by_uuid, 0 },
    { WIRE_SECRET_LOOKUP_BY_USAGE, lookup_by_usage, 0 },
    { WIRE_SECRET_DEFINE_XML, define_xml, 0 },
    { WIRE_SECRET_UNDEFINE, undefine, 0 },
    { WIRE_SECRET_GET_XML_DESC, get_xml_desc, 0 },
    { WIRE_SECRET_SET_VALUE, set_value, 0 },
    { WIRE_SECRET_GET_VALUE, get_value, 0 },
    { WIRE_CONNECT_LIST_ALL_SECRETS, list_all, 0 },
    { WIRE_CONNECT_LIST_SECRETS, list_uuids, 0 },
    { WIRE_CONNECT_NUM_OF_SECRETS, num_of_secrets, 0 },
    { 0, NULL, 0 },
};
