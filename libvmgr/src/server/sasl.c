/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures of SASL: which mechanisms, the first turn, the others.
 *
 * A client takes its turns one after the other; a second call while one is under way is refused. A
 * client that fails is told that it has, and not why: that is in the log.
 */
#include "internal.h"

static int refuse(struct vmgr__call *call, const char *why)
{
    vmgr__log(call->server, VMGR__LOG_WARNING, "authentication failed",
              "client=%u address=%s reason=\"%s\"", call->client->id, call->client->address, why);
    return vmgr__call_fail(call, VMGR_ERR_AUTH_FAILED, VMGR_FROM_RPC, "authentication failed");
}

/* Takes the client's exchange for this call, or says that it may not. */
static struct vmgr__sasl *enter(struct vmgr__call *call, bool begun)
{
    struct vmgr__client *c = call->client;
    struct vmgr__sasl *sasl = NULL;
    bool fits;

    g_mutex_lock(&c->lock);
    fits = c->needs_sasl && !c->authenticated && !c->sasl_busy && begun == (c->sasl != NULL);
    if (fits) {
        c->sasl_busy = true;
        sasl = g_steal_pointer(&c->sasl);
    }
    g_mutex_unlock(&c->lock);
    if (!fits)
        vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                        "SASL is not wanted from this client, or not at this point");
    return sasl;
}

/* Gives it back; NULL: the exchange is over. */
static void leave(struct vmgr__call *call, struct vmgr__sasl *sasl)
{
    struct vmgr__client *c = call->client;

    g_mutex_lock(&c->lock);
    c->sasl = sasl;
    c->sasl_busy = false;
    g_mutex_unlock(&c->lock);
}

static struct vmgr__sasl *begin(struct vmgr__call *call, char **why)
{
    struct vmgr__client *c = call->client;
    struct vmgr__server_access access = vmgr__server_access(call->server);
    g_autofree char *local = vmgr__peer_local_name(c);
    const struct vmgr__sasl_options o = {
        .server = true,
        .local = local,
        .remote = c->address,
        .tls_strength = c->way == VMGR__SERVER_TLS ? vmgr__tls_strength(c->layer) : 0,
        .least_strength = access.tcp_strength,
        .mechanisms = access.mechanisms,
        .database = access.user_database,
    };
    struct vmgr__sasl *sasl = vmgr__sasl_new(&o, why);

    vmgr__access_clear(&access);
    return sasl;
}

static int sasl_init(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_auth_sasl_init_ret *r = ret;
    g_autofree char *why = NULL;
    struct vmgr__sasl *sasl;
    const char *list;

    (void)args;
    if (enter(call, false) || call->error.code)
        return -1;
    sasl = begin(call, &why);
    list = sasl ? vmgr__sasl_mechanisms(sasl, &why) : NULL;
    if (list)
        r->mechlist = vmgr__arena_strdup(&call->arena, list);
    else
        g_clear_pointer(&sasl, vmgr__sasl_free);
    leave(call, sasl);
    return list ? 0 : refuse(call, why);
}

/* The client has proved who it is: is it one that may come in, over a connection safe enough? */
static int finish(struct vmgr__call *call, struct vmgr__sasl *sasl, char **why)
{
    struct vmgr__client *c = call->client;
    struct vmgr__server_access access;
    const char *user = vmgr__sasl_user(sasl);
    int r = vmgr__sasl_check(sasl, why);

    if (r < 0)
        return -1;
    access = vmgr__server_access(call->server);
    if (!vmgr__access_matches(access.users, user)) {
        *why = g_strdup_printf("user '%s' is not in sasl_allowed_username_list", user);
        r = -1;
    }
    vmgr__access_clear(&access);
    if (r == 0) {
        vmgr__log(call->server, VMGR__LOG_INFO, "client's user", "client=%u user=\"%s\"", c->id,
                  user);
        vmgr__client_settled(c);
    }
    return r;
}

/* Start and step have the same results, and nearly the same arguments. */
static int turn(struct vmgr__call *call, const char *mechanism, const char *in, size_t in_size,
                struct wire_auth_sasl_start_ret *ret)
{
    struct vmgr__sasl *sasl = enter(call, true);
    g_autofree char *why = NULL;
    const char *out = NULL;
    size_t out_size = 0;
    int r;

    if (!sasl)
        return -1;
    r = vmgr__sasl_turn(sasl, mechanism, NULL, in, in_size, &out, &out_size, &why);
    if (r >= 0) {
        ret->complete = r;
        ret->nil = out == NULL;
        ret->data.n = (uint32_t)out_size;
        ret->data.v = vmgr__arena_adopt(&call->arena, g_memdup2(out, out_size), g_free);
    }
    if (r > 0 && finish(call, sasl, &why) < 0)
        r = -1;
    if (r > 0 && call->client->way == VMGR__SERVER_TCP) {
        call->layer = vmgr__sasl_layer(sasl);
        if (call->layer)
            sasl = NULL;
    }
    if (r != 0)
        g_clear_pointer(&sasl, vmgr__sasl_free);
    leave(call, sasl);
    return r < 0 ? refuse(call, why) : 0;
}

static int sasl_start(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_auth_sasl_start_args *a = args;

    return turn(call, a->mech, a->nil ? NULL : a->data.v, a->data.n, ret);
}

static int sasl_step(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_auth_sasl_step_args *a = args;

    return turn(call, NULL, a->nil ? NULL : a->data.v, a->data.n, ret);
}

const struct vmgr__handler vmgr__handlers_sasl[] = {
    { WIRE_AUTH_SASL_INIT, sasl_init, HANDLER_UNOPENED },
    { WIRE_AUTH_SASL_START, sasl_start, HANDLER_UNOPENED },
    { WIRE_AUTH_SASL_STEP, sasl_step, HANDLER_UNOPENED },
    { 0, NULL, 0 },
};
