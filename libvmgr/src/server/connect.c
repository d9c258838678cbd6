/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures of a connection: opening, closing, who is there.
 *
 * The vemu driver answers to the name qemu as well, because that is what clients ask for. Who opens
 * qemu:///system is told what it has to know to work: that the hypervisor is of type QEMU, at the
 * versions whose interfaces are served. Who opens vemu:///system is told our own.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* The protocol that is served, and the emulator interface (monitor, command line) that vemu
 * follows: clients choose by these what they may ask for. */
#define AS_LIBVIRT_VERSION 9000000u /* 9.0.0 */
#define AS_QEMU_VERSION    7002000u /* 7.2.0 */

#define OPEN_READ_ONLY (1u << 0)
/* How the client looked for its server: a user's own, started on demand. Nothing to do here. */
#define OPEN_USER      (1u << 1)
#define OPEN_AUTOSTART (1u << 2)
#define OPEN_KNOWN     (OPEN_READ_ONLY | OPEN_USER | OPEN_AUTOSTART)

/* Features a client asks about. */
enum {
    FEATURE_FD_PASSING = 8,
    FEATURE_TYPED_PARAM_STRING = 9,
    FEATURE_KEEPALIVE = 10,
    FEATURE_XML_MIGRATABLE = 11,
    FEATURE_EVENT_CALLBACK = 14,
    FEATURE_CLOSE_CALLBACK = 15,
    FEATURE_NETWORK_UPDATE_ORDER = 16, /* command, then section: older servers had it wrong */
};

/* Which of the names of this server's hypervisor a URI uses; NULL and the call's error. */
static const char *find_scheme(struct vmgr__call *call, const char *name)
{
    struct vmgr__server *s = call->server;
    const char *own = s->runs_guests ? "vemu" : "test";
    g_autoptr(GUri) uri = NULL;
    const char *scheme;

    if (!name || !*name)
        return s->runs_guests ? "qemu" : own;
    uri = g_uri_parse(name, G_URI_FLAGS_NONE, NULL);
    if (!uri) {
        vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_URI,
                        "internal error: Unable to parse URI %s", name);
        return NULL;
    }
    scheme = g_uri_get_scheme(uri);
    if (strcmp(scheme, own) != 0 && !(s->runs_guests && strcmp(scheme, "qemu") == 0)) {
        vmgr__call_fail(call, VMGR_ERR_NO_CONNECT, VMGR_FROM_NONE,
                        "no connection driver available for %s", name);
        return NULL;
    }
    if ((g_uri_get_host(uri) && *g_uri_get_host(uri)) || g_uri_get_query(uri)) {
        vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI,
                        "invalid argument: a host or a parameter in URI %s has no meaning here",
                        name);
        return NULL;
    }
    if (strcmp(g_uri_get_path(uri), s->scheme_path) != 0) {
        vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_QEMU,
                        "internal error: unexpected %s URI path '%s', try %s://%s", scheme,
                        g_uri_get_path(uri), scheme, s->scheme_path);
        return NULL;
    }
    return strcmp(scheme, "qemu") == 0 ? "qemu" : own;
}

static int connect_open(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_open_args *a = args;
    struct vmgr__client *c = call->client;
    const char *scheme;
    bool already;

    (void)ret;
    if (a->flags & ~OPEN_KNOWN)
        return vmgr__call_fail(
            call, VMGR_ERR_INVALID_ARG, VMGR_FROM_RPC,
            "invalid argument: unsupported flags (0x%x) in function connect_open",
            a->flags & ~OPEN_KNOWN);
    g_mutex_lock(&c->lock);
    already = c->opened;
    g_mutex_unlock(&c->lock);
    if (already)
        return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                               "internal error: connection already open");
    scheme = find_scheme(call, a->name);
    if (!scheme)
        return -1;
    g_mutex_lock(&c->lock);
    c->opened = true;
    c->scheme = scheme;
    c->read_only = c->read_only_socket || a->flags & OPEN_READ_ONLY;
    g_mutex_unlock(&c->lock);
    return 0;
}

static int connect_close(struct vmgr__call *call, const void *args, void *ret)
{
    struct vmgr__client *c = call->client;

    (void)args;
    (void)ret;
    g_mutex_lock(&c->lock);
    c->opened = false;
    c->close_callback = false;
    g_mutex_unlock(&c->lock);
    vmgr__subscriptions_drop(call->server, c);
    vmgr__autodestroy_run(c);
    vmgr__associations_drop(call->server, c);
    return 0;
}

static int supports_feature(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_supports_feature_args *a = args;
    struct wire_connect_supports_feature_ret *r = ret;
    struct vmgr__client *c = call->client;

    switch (a->feature) {
    case FEATURE_KEEPALIVE: {
        /* Who asks answers PINGs. */
        const struct vmgr__server_limits limits = vmgr__server_limits(call->server);

        g_mutex_lock(&c->lock);
        vmgr__keepalive_start(&c->keepalive, limits.keepalive_seconds, limits.keepalive_count,
                              g_get_monotonic_time());
        g_mutex_unlock(&c->lock);
        r->supported = 1;
        break;
    }
    case FEATURE_FD_PASSING: r->supported = vmgr__client_sends_fds(c); break;
    case FEATURE_TYPED_PARAM_STRING:
    case FEATURE_XML_MIGRATABLE:
    case FEATURE_EVENT_CALLBACK:
    case FEATURE_NETWORK_UPDATE_ORDER:
    case FEATURE_CLOSE_CALLBACK: r->supported = 1; break;
    default: r->supported = 0;
    }
    return 0;
}

static bool is_qemu(const struct vmgr__call *call)
{
    return strcmp(call->client->scheme, "qemu") == 0;
}

static int get_type(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_get_type_ret *r = ret;
    const char *type;

    (void)args;
    if (vmgr_conn_get_type(call->conn, &type, &call->err) < 0)
        return -1;
    r->type = vmgr__arena_strdup(&call->arena, is_qemu(call) ? "QEMU" : type);
    return 0;
}

static int get_version(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_get_version_ret *r = ret;

    (void)args;
    if (is_qemu(call)) {
        r->hv_ver = AS_QEMU_VERSION;
        return 0;
    }
    return vmgr_conn_get_version(call->conn, &r->hv_ver, &call->err);
}

static int get_lib_version(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_get_lib_version_ret *r = ret;

    (void)args;
    if (is_qemu(call)) {
        r->lib_ver = AS_LIBVIRT_VERSION;
        return 0;
    }
    return vmgr_conn_get_lib_version(call->conn, &r->lib_ver, &call->err);
}

static int get_hostname(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_get_hostname_ret *r = ret;

    (void)args;
    if (vmgr_conn_get_hostname(call->conn, &r->hostname, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->hostname, free);
    return 0;
}

static int get_uri(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_get_uri_ret *r = ret;

    (void)args;
    r->uri = vmgr__arena_adopt(
        &call->arena, g_strdup_printf("%s://%s", call->client->scheme, call->server->scheme_path),
        g_free);
    return 0;
}

static int is_secure(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_is_secure_ret *r = ret;
    struct vmgr__client *c = call->client;

    (void)args;
    g_mutex_lock(&c->lock);
    r->secure = !c->address || c->layer; /* it does not leave the host, or nobody can read it */
    g_mutex_unlock(&c->lock);
    return 0;
}

static int get_capabilities(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_get_capabilities_ret *r = ret;

    (void)args;
    if (vmgr_conn_get_capabilities(call->conn, &r->capabilities, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->capabilities, free);
    return 0;
}

static int get_max_vcpus(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_get_max_vcpus_args *a = args;
    struct wire_connect_get_max_vcpus_ret *r = ret;

    r->max_vcpus = vmgr_conn_get_max_vcpus(call->conn, a->type, &call->err);
    return r->max_vcpus < 0 ? -1 : 0;
}

/* The socket's end tells a client that the connection is gone; asking for word is all there is. */
static int set_close_callback(struct vmgr__call *call, bool on)
{
    struct vmgr__client *c = call->client;
    bool was;

    g_mutex_lock(&c->lock);
    was = c->close_callback;
    c->close_callback = on;
    g_mutex_unlock(&c->lock);
    if (was == on)
        return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC, "internal error: %s",
                               on ? "the close callback is already registered"
                                  : "the close callback is not registered");
    return 0;
}

static int register_close(struct vmgr__call *call, const void *args, void *ret)
{
    (void)args;
    (void)ret;
    return set_close_callback(call, true);
}

static int unregister_close(struct vmgr__call *call, const void *args, void *ret)
{
    (void)args;
    (void)ret;
    return set_close_callback(call, false);
}

const struct vmgr__handler vmgr__handlers_connect[] = {
    { WIRE_CONNECT_OPEN, connect_open, HANDLER_UNOPENED },
    { WIRE_CONNECT_CLOSE, connect_close, HANDLER_UNOPENED },
    { WIRE_CONNECT_SUPPORTS_FEATURE, supports_feature, HANDLER_UNOPENED },
    { WIRE_CONNECT_GET_TYPE, get_type, HANDLER_INLINE },
    { WIRE_CONNECT_GET_VERSION, get_version, HANDLER_INLINE },
    { WIRE_CONNECT_GET_LIB_VERSION, get_lib_version, HANDLER_INLINE },
    { WIRE_CONNECT_GET_HOSTNAME, get_hostname, 0 },
    { WIRE_CONNECT_GET_URI, get_uri, HANDLER_INLINE },
    { WIRE_CONNECT_IS_SECURE, is_secure, HANDLER_INLINE },
    { WIRE_CONNECT_GET_CAPABILITIES, get_capabilities, 0 },
    { WIRE_CONNECT_GET_MAX_VCPUS, get_max_vcpus, 0 },
    { WIRE_CONNECT_REGISTER_CLOSE_CALLBACK, register_close, 0 },
    { WIRE_CONNECT_UNREGISTER_CLOSE_CALLBACK, unregister_close, 0 },
    { 0, NULL, 0 },
};
