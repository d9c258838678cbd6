/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secrets behind a server.
 */
#include "../secret.h"

#include <stdlib.h>
#include <string.h>

#include "remote.h"

/* Arguments of every procedure that takes a secret, or a secret and flags; and results that are a
 * secret: structures of one shape, which need no name here. */
struct secret_args {
    struct wire_secret secret;
    uint32_t flags;
};

static struct secret_args args_of(struct vmgr_secret *secret)
{
    struct secret_args args = { .secret.usage_type = vmgr_secret_get_usage_type(secret),
                                .secret.usage_id = (char *)vmgr_secret_get_usage_id(secret) };

    vmgr_secret_get_uuid(secret, args.secret.uuid);
    return args;
}

static struct vmgr__remote *remote_of(struct vmgr_secret *secret)
{
    return vmgr_secret_get_conn(secret)->driver_data;
}

/* A procedure that gives a secret. */
static int ask(struct vmgr_conn *conn, int32_t procedure, const void *args,
               struct vmgr_secret **ret, struct vmgr_error **err)
{
    struct wire_secret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r = vmgr__remote_call(conn->driver_data, procedure, args, &out, &reply, err);

    if (r == 0)
        *ret = vmgr__secret_new(conn, out.uuid, out.usage_type, out.usage_id);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int lookup(struct vmgr_conn *conn, const uint8_t *uuid, int usage_type, const char *usage_id,
                  struct vmgr_secret **ret, struct vmgr_error **err)
{
    const struct wire_secret_lookup_by_usage_args by_usage = { .usage_type = usage_type,
                                                               .usage_id = (char *)usage_id };

    return ask(conn, uuid ? WIRE_SECRET_LOOKUP_BY_UUID : WIRE_SECRET_LOOKUP_BY_USAGE,
               uuid ? (const void *)uuid : &by_usage, ret, err);
}

static int list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err)
{
    const struct wire_connect_list_all_secrets_args args = { .need_results = 1, .flags = flags };
    struct wire_connect_list_all_secrets_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r = vmgr__remote_call(conn->driver_data, WIRE_CONNECT_LIST_ALL_SECRETS, &args, &out,
                                    &reply, err);

    for (uint32_t i = 0; r == 0 && i < out.secrets.n; i++) {
        const struct wire_secret *s = &out.secrets.v[i];

        g_ptr_array_add(ret, vmgr__secret_new(conn, s->uuid, s->usage_type, s->usage_id));
    }
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int define(struct vmgr_conn *conn, const char *xml, struct vmgr_secret **ret,
                  struct vmgr_error **err)
{
    const struct wire_secret_define_xml_args args = { .xml = (char *)xml };

    return ask(conn, WIRE_SECRET_DEFINE_XML, &args, ret, err);
}

static int undefine(struct vmgr_secret *secret, struct vmgr_error **err)
{
    const struct secret_args args = args_of(secret);

    return vmgr__remote_do(remote_of(secret), WIRE_SECRET_UNDEFINE, &args, err);
}

static int get_xml(struct vmgr_secret *secret, char **ret, struct vmgr_error **err)
{
    const struct secret_args args = args_of(secret);

    return vmgr__remote_text(remote_of(secret), WIRE_SECRET_GET_XML_DESC, &args, ret, err);
}

static int set_value(struct vmgr_secret *secret, const uint8_t *value, size_t size,
                     struct vmgr_error **err)
{
    const struct wire_secret_set_value_args args = {
        .secret = args_of(secret).secret, .value = { .n = (uint32_t)size, .v = (uint8_t *)value }
    };

    return vmgr__remote_do(remote_of(secret), WIRE_SECRET_SET_VALUE, &args, err);
}

static int get_value(struct vmgr_secret *secret, uint8_t **ret, size_t *ret_size,
                     struct vmgr_error **err)
{
    const struct secret_args args = args_of(secret);
    struct wire_secret_get_value_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int r = vmgr__remote_call(remote_of(secret), WIRE_SECRET_GET_VALUE, &args, &out, &reply, err);

    if (r == 0) {
        *ret = malloc(out.value.n + 1);
        *ret_size = out.value.n;
        if (!*ret)
            r = vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
        else if (out.value.n)
            memcpy(*ret, out.value.v, out.value.n);
    }
    if (out.value.n)
        explicit_bzero(out.value.v, out.value.n);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int watch(struct vmgr_conn *conn, int epoll_fd G_GNUC_UNUSED, struct vmgr_error **err)
{
    for (int id = 0; id <= VMGR_SECRET_EVENT_VALUE_CHANGED; id++) {
        const struct wire_connect_secret_event_register_any_args args = { .event_id = id };

        if (vmgr__remote_ask_events(conn, VMGR__REMOTE_SECRET_LIFECYCLE + id,
                                    WIRE_CONNECT_SECRET_EVENT_REGISTER_ANY, &args, err) < 0)
            return -1;
    }
    return 0;
}

const struct vmgr__secret_ops vmgr__remote_secret = {
    .lookup = lookup,
    .list = list,
    .define = define,
    .undefine = undefine,
    .get_xml = get_xml,
    .set_value = set_value,
    .get_value = get_value,
    .watch = watch,
};
