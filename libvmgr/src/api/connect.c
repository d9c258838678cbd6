/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections: from a URI to a driver, and what the host says.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vmgr/connect.h>

#include "../driver/driver.h"
#include "../driver/remote/uri.h"
#include "events.h"
#include "give.h"
#include "operation.h"

#define VERSION_NUMBER(major, minor, release)                                                      \
    ((uint64_t)(major)*1000000 + (uint64_t)(minor)*1000 + (uint64_t)(release))

static const struct vmgr__driver *const drivers[] = { &vmgr__driver_vemu, &vmgr__driver_test,
                                                      &vmgr__driver_remote };

int vmgr__check_flags(uint32_t flags, uint32_t known, const char *function, struct vmgr_error **err)
{
    uint32_t unknown = flags & ~known;

    if (!unknown)
        return 0;
    g_autofree char *sentence =
        g_strdup_printf("unsupported flags (0x%x) in function %s", unknown, function);
    return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE, sentence);
}

static const struct vmgr__driver *driver_for(const char *scheme)
{
    for (size_t i = 0; i < G_N_ELEMENTS(drivers); i++) {
        for (const char *const *s = drivers[i]->schemes; *s; s++) {
            if (strcmp(*s, scheme) == 0)
                return drivers[i];
        }
    }
    return NULL;
}

struct params {
    char *root;
    char *emulator;
};

static void params_clear(struct params *p)
{
    g_free(p->root);
    g_free(p->emulator);
}

static int parse_params(const char *query, struct params *p, struct vmgr_error **err)
{
    GUriParamsIter iter;
    GError *gerr = NULL;
    char *key, *value;

    if (!query)
        return 0;
    g_uri_params_iter_init(&iter, query, -1, "&;", G_URI_PARAMS_NONE);
    while (g_uri_params_iter_next(&iter, &key, &value, &gerr)) {
        g_autofree char *k = key;
        char **slot = strcmp(k, "root") == 0       ? &p->root
                      : strcmp(k, "emulator") == 0 ? &p->emulator
                                                   : NULL;

        if (!slot) {
            g_free(value);
            return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI,
                                   "unknown parameter '%s' in URI, expecting root or emulator", k);
        }
        g_free(*slot);
        *slot = value;
    }
    if (gerr) {
        vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI, "malformed URI parameters: %s",
                        gerr->message);
        g_error_free(gerr);
        return -1;
    }
    return 0;
}

/* A root must mean the same place for the next process, whatever its working directory. */
static int absolute(const char *what, char **path, struct vmgr_error **err)
{
    char *full;

    if (!*path || g_path_is_absolute(*path))
        return 0;
    if (!**path)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI, "%s is empty", what);
    full = g_canonicalize_filename(*path, NULL);
    g_free(*path);
    *path = full;
    return 0;
}

static char *canonical_uri(const struct vmgr__driver *driver, const char *path,
                           const struct params *p)
{
    GString *s = g_string_new(NULL);
    char sep = '?';

    g_string_append_printf(s, "%s://%s", driver->schemes[0], path);
    if (p->root) {
        g_string_append_printf(s, "%croot=", sep);
        g_string_append_uri_escaped(s, p->root, "/", FALSE);
        sep = '&';
    }
    if (p->emulator) {
        g_string_append_printf(s, "%cemulator=", sep);
        g_string_append_uri_escaped(s, p->emulator, "/", FALSE);
    }
    return g_string_free(s, FALSE);
}

/* Options for a driver in this process mean nothing to another. */
static int remote_options(const struct vmgr_conn_options *o, struct vmgr_error **err)
{
    if (!o->root && !o->emulator)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI,
                           "a remote connection takes no root directory and no emulator; "
                           "vemu+unix URIs have parameters for those of a daemon to be started");
}

/* Words without a colon are no URI at all; says what is missing rather than "parse error". */
static int no_uri(const char *text, struct vmgr_error **err)
{
    if (strchr(text, ':'))
        return vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_URI,
                               "Unable to parse URI %s", text);
    return vmgr__error_set(err, VMGR_ERR_NO_CONNECT, VMGR_FROM_NONE,
                           "URI '%s' does not include a driver name", text);
}

/* Options come before the URI's parameters. */
static int take_options(struct params *params, const struct vmgr_conn_options *o,
                        struct vmgr_error **err)
{
    if (o->root) {
        g_free(params->root);
        params->root = g_strdup(o->root);
    }
    if (o->emulator) {
        g_free(params->emulator);
        params->emulator = g_strdup(o->emulator);
    }
    if (absolute("root directory", &params->root, err) < 0)
        return -1;
    return absolute("emulator", &params->emulator, err);
}

static int conn_open(const char *text, const struct vmgr_conn_options *o,
                     struct vmgr_conn **ret_conn, struct vmgr_error **err)
{
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
    const struct vmgr__driver *driver;
    struct vmgr__open_args args;
    struct vmgr_conn *conn;
    struct params params = { 0 };
    bool remote;
    int r = -1;

    if (!uri)
        return no_uri(text, err);
    remote = vmgr__remote_is_remote(uri);
    driver = remote ? &vmgr__driver_remote : driver_for(g_uri_get_scheme(uri));
    if (!driver)
        return vmgr__error_set(err, VMGR_ERR_NO_CONNECT, VMGR_FROM_NONE, "%s", text);
    if (remote ? remote_options(o, err) < 0 : parse_params(g_uri_get_query(uri), &params, err) < 0)
        goto out;
    if (take_options(&params, o, err) < 0)
        goto out;
    args = (struct vmgr__open_args){ .scheme = g_uri_get_scheme(uri),
                                     .path = g_uri_get_path(uri),
                                     .root = params.root,
                                     .emulator = params.emulator,
                                     .flags = o->flags,
                                     .uri = uri,
                                     .text = text,
                                     .options = o };
    conn = g_new0(struct vmgr_conn, 1);
    conn->refs = 1;
    conn->driver = driver;
    conn->read_only = o->flags & VMGR_CONN_RO;
    conn->events = vmgr__events_new();
    conn->uri = remote ? g_strdup(text) : canonical_uri(driver, args.path, &params);
    vmgr__close_init(&conn->close);
    if (driver->open(conn, &args, err) < 0) {
        vmgr__events_free(conn->events);
        vmgr__close_fini(&conn->close);
        g_free(conn->uri);
        g_free(conn);
        goto out;
    }
    *ret_conn = conn;
    r = 0;
out:
    params_clear(&params);
    return r;
}

int vmgr_conn_open_with(const struct vmgr_conn_options *options, struct vmgr_conn **ret_conn,
                        struct vmgr_error **err)
{
    static gsize xml_ready;
    struct vmgr_conn_options o = VMGR_CONN_OPTIONS_INIT;

    if (g_once_init_enter(&xml_ready)) {
        xmlInitParser();
        g_once_init_leave(&xml_ready, 1);
    }
    if (options) {
        if (options->size < offsetof(struct vmgr_conn_options, uri))
            return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE,
                                   "size of struct vmgr_conn_options is not set");
        memcpy(&o, options, MIN(options->size, sizeof(o)));
    }
    if (vmgr__check_flags(o.flags, VMGR_CONN_RO, "vmgr_conn_open", err) < 0)
        return -1;
    if (!o.uri || !*o.uri)
        o.uri = geteuid() == 0 ? "vemu:///system" : "vemu:///session";
    return conn_open(o.uri, &o, ret_conn, err);
}

int vmgr_conn_open(const char *uri, uint32_t flags, struct vmgr_conn **ret_conn,
                   struct vmgr_error **err)
{
    struct vmgr_conn_options o = VMGR_CONN_OPTIONS_INIT;

    o.uri = uri;
    o.flags = flags;
    return vmgr_conn_open_with(&o, ret_conn, err);
}

struct vmgr_conn *vmgr_conn_ref(struct vmgr_conn *conn)
{
    g_atomic_int_inc(&conn->refs);
    return conn;
}

struct vmgr_conn *vmgr_conn_unref(struct vmgr_conn *conn)
{
    if (conn && g_atomic_int_dec_and_test(&conn->refs)) {
        conn->driver->close(conn);
        vmgr__events_free(conn->events);
        vmgr__close_fini(&conn->close);
        g_free(conn->uri);
        g_free(conn);
    }
    return NULL;
}

int vmgr_conn_get_uri(struct vmgr_conn *conn, char **ret_uri, struct vmgr_error **err)
{
    return vmgr__give_text(g_strdup(conn->uri), 0, ret_uri, err);
}

int vmgr_conn_get_type(struct vmgr_conn *conn, const char **ret_type, struct vmgr_error **err)
{
    if (conn->driver->get_type)
        return conn->driver->get_type(conn, ret_type, err);
    *ret_type = conn->driver->name;
    return 0;
}

int vmgr_conn_get_hostname(struct vmgr_conn *conn, char **ret_hostname, struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED(conn, get_hostname, "virConnectGetHostname");
    r = conn->driver->get_hostname(conn, &text, err);
    return vmgr__give_text(text, r, ret_hostname, err);
}

int vmgr_conn_get_version(struct vmgr_conn *conn, uint64_t *ret_version, struct vmgr_error **err)
{
    NEED(conn, get_version, "virConnectGetVersion");
    return conn->driver->get_version(conn, ret_version, err);
}

int vmgr_conn_get_lib_version(struct vmgr_conn *conn, uint64_t *ret_version,
                              struct vmgr_error **err)
{
    if (conn->driver->get_lib_version)
        return conn->driver->get_lib_version(conn, ret_version, err);
    *ret_version = vmgr_version();
    return 0;
}

int vmgr_conn_is_alive(struct vmgr_conn *conn, struct vmgr_error **err G_GNUC_UNUSED)
{
    /* Drivers in this process have nothing to lose. */
    return conn->driver->is_alive ? conn->driver->is_alive(conn) : 1;
}

int vmgr_conn_set_keepalive(struct vmgr_conn *conn, int interval_seconds, unsigned count,
                            struct vmgr_error **err G_GNUC_UNUSED)
{
    return conn->driver->set_keepalive ? conn->driver->set_keepalive(conn, interval_seconds, count)
                                       : 1;
}

int vmgr_conn_is_read_only(struct vmgr_conn *conn)
{
    return conn->read_only;
}

int vmgr_conn_get_capabilities(struct vmgr_conn *conn, char **ret_xml, struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED(conn, get_capabilities, "virConnectGetCapabilities");
    r = conn->driver->get_capabilities(conn, &text, err);
    return vmgr__give_text(text, r, ret_xml, err);
}

int vmgr_conn_get_max_vcpus(struct vmgr_conn *conn, const char *type, struct vmgr_error **err)
{
    NEED(conn, get_max_vcpus, "virConnectGetMaxVcpus");
    return conn->driver->get_max_vcpus(conn, type, err);
}

int vmgr_conn_get_node_info(struct vmgr_conn *conn, struct vmgr_node_info *ret_info,
                            struct vmgr_error **err)
{
    struct vmgr_node_info info = VMGR_NODE_INFO_INIT;
    uint32_t size = ret_info->size;

    NEED(conn, get_node_info, "virNodeGetInfo");
    if (size < sizeof(info))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE,
                               "size of struct vmgr_node_info is not set");
    if (conn->driver->get_node_info(conn, &info, err) < 0)
        return -1;
    memcpy(ret_info, &info, sizeof(info));
    ret_info->size = size;
    return 0;
}

uint64_t vmgr_version(void)
{
    return VERSION_NUMBER(VMGR_VERSION_MAJOR, VMGR_VERSION_MINOR, VMGR_VERSION_RELEASE);
}

char **vmgr_strings_free(char **strings)
{
    for (char **s = strings; s && *s; s++)
        free(*s);
    free(strings);
    return NULL;
}
