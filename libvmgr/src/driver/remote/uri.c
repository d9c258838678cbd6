/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * URIs: what they say about the way to a daemon, and what is left of them for the daemon.
 */
#include "uri.h"

#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    enum remote_transport transport;
} transports[] = {
    { "unix", REMOTE_UNIX }, { "tcp", REMOTE_TCP }, { "tls", REMOTE_TLS },
    { "ssh", REMOTE_SSH },   { "ext", REMOTE_EXT },
};

static bool find_transport(const char *name, enum remote_transport *ret)
{
    for (size_t i = 0; i < G_N_ELEMENTS(transports); i++) {
        if (strcmp(transports[i].name, name) == 0) {
            *ret = transports[i].transport;
            return true;
        }
    }
    return false;
}

static bool has_host(GUri *uri)
{
    return g_uri_get_host(uri) && *g_uri_get_host(uri);
}

bool vmgr__remote_is_remote(GUri *uri)
{
    const char *query = g_uri_get_query(uri);

    return strchr(g_uri_get_scheme(uri), '+') || has_host(uri) ||
           (query && (g_str_has_prefix(query, "socket=") || strstr(query, "&socket=")));
}

enum kind { TEXT, FLAG, MODE };

#define PARAM(name, kind, field)                                                                   \
    {                                                                                              \
        name, kind, offsetof(struct vmgr__remote_uri, field)                                       \
    }
static const struct param {
    const char *name;
    enum kind kind;
    size_t offset;
} params[] = {
    PARAM("name", TEXT, name),
    PARAM("socket", TEXT, socket),
    PARAM("command", TEXT, command),
    PARAM("netcat", TEXT, netcat),
    PARAM("keyfile", TEXT, keyfile),
    PARAM("known_hosts", TEXT, known_hosts),
    PARAM("auth", TEXT, auth),
    PARAM("authfile", TEXT, authfile),
    PARAM("pkipath", TEXT, pkipath),
    PARAM("tls_priority", TEXT, tls_priority),
    PARAM("tls_hostname", TEXT, tls_hostname),
    PARAM("no_verify", FLAG, no_verify),
    PARAM("no_tty", FLAG, no_tty),
    PARAM("no_start", FLAG, no_start),
    PARAM("mode", MODE, mode),
};

static int bad_value(const char *name, const char *value, const char *wanted,
                     struct vmgr_error **err)
{
    return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI,
                           "parameter %s of the URI must be %s, not '%s'", name, wanted, value);
}

static int set_param(struct vmgr__remote_uri *u, const struct param *p, const char *value,
                     struct vmgr_error **err)
{
    static const char *const modes[] = { "auto", "legacy", "direct" };
    void *slot = (char *)u + p->offset;

    switch (p->kind) {
    case TEXT:
        if (!*value)
            return bad_value(p->name, value, "given", err);
        g_free(*(char **)slot);
        *(char **)slot = g_strdup(value);
        return 0;
    case FLAG:
        if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
            return bad_value(p->name, value, "0 or 1", err);
        *(bool *)slot = *value == '1';
        return 0;
    case MODE:
        for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
            if (strcmp(modes[i], value) == 0) {
                *(int *)slot = (int)i;
                return 0;
            }
        }
        return bad_value(p->name, value, "auto, legacy or direct", err);
    }
    return 0;
}

/* Parameters for a vmgrd that may have to be started; of other schemes they are the server's. */
static char **vmgrd_param(struct vmgr__remote_uri *u, const char *name)
{
    if (strcmp(u->scheme, "vemu") != 0 || u->transport != REMOTE_UNIX)
        return NULL;
    return strcmp(name, "root") == 0       ? &u->root
           : strcmp(name, "emulator") == 0 ? &u->emulator
                                           : NULL;
}

/* Takes our parameters, and gives the others, as they are, in *rest. */
static int parse_params(struct vmgr__remote_uri *u, const char *query, GString *rest,
                        struct vmgr_error **err)
{
    GUriParamsIter iter;
    g_autoptr(GError) cause = NULL;
    char *key, *value;
    int r = 0;

    g_uri_params_iter_init(&iter, query, -1, "&;", G_URI_PARAMS_NONE);
    while (r == 0 && g_uri_params_iter_next(&iter, &key, &value, &cause)) {
        const struct param *p = NULL;
        char **own = vmgrd_param(u, key);

        for (size_t i = 0; i < G_N_ELEMENTS(params) && !p; i++)
            p = strcmp(params[i].name, key) == 0 ? &params[i] : NULL;
        if (p) {
            r = set_param(u, p, value, err);
        } else if (own) {
            g_free(*own);
            *own = g_strdup(value);
        } else {
            g_string_append_printf(rest, "%c%s=", rest->len ? '&' : '?', key);
            g_string_append_uri_escaped(rest, value, "/", FALSE);
        }
        g_free(key);
        g_free(value);
    }
    if (cause)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI,
                               "malformed URI parameters: %s", cause->message);
    return r;
}

static int check(const struct vmgr__remote_uri *u, const char *text, struct vmgr_error **err)
{
    const bool needs_host =
        u->transport == REMOTE_TCP || u->transport == REMOTE_TLS || u->transport == REMOTE_SSH;

    if (needs_host && !u->host)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI,
                               "URI %s has no host to connect to", text);
    if (u->transport == REMOTE_UNIX && u->host)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI,
                               "URI %s has a host; a unix socket is on this one", text);
    /* It becomes an argument of ssh. */
    if ((u->host && *u->host == '-') || (u->user && *u->user == '-'))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI,
                               "URI %s: host and user cannot begin with '-'", text);
    if (u->transport == REMOTE_EXT && !u->command)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_URI,
                               "transport ext needs the parameter command");
    return 0;
}

static void absolute(char **path)
{
    char *full = *path ? g_canonicalize_filename(*path, NULL) : NULL;

    g_free(*path);
    *path = full;
}

int vmgr__remote_uri_parse(GUri *uri, const char *text, struct vmgr__remote_uri *ret,
                           struct vmgr_error **err)
{
    struct vmgr__remote_uri *u = ret;
    const char *whole = g_uri_get_scheme(uri), *plus = strchr(whole, '+');
    g_autoptr(GString) rest = g_string_new(NULL);

    *u = (struct vmgr__remote_uri){ .transport = has_host(uri) ? REMOTE_TLS : REMOTE_UNIX };
    u->scheme = plus ? g_strndup(whole, (gsize)(plus - whole)) : g_strdup(whole);
    if (!*u->scheme || (plus && !find_transport(plus + 1, &u->transport)))
        return vmgr__error_set(err, VMGR_ERR_NO_CONNECT, VMGR_FROM_NONE, "%s", text);
    if (has_host(uri))
        u->host = g_strdup(g_uri_get_host(uri));
    u->user = g_strdup(g_uri_get_userinfo(uri));
    if (g_uri_get_port(uri) > 0)
        u->port = g_strdup_printf("%d", g_uri_get_port(uri));
    u->path = g_strdup(g_uri_get_path(uri));
    if (g_uri_get_query(uri) && parse_params(u, g_uri_get_query(uri), rest, err) < 0)
        return -1;
    absolute(&u->root);
    absolute(&u->emulator);
    if (!u->name && strcmp(u->scheme, "remote") != 0)
        u->name = g_strconcat(u->scheme, "://", u->path, rest->str, NULL);
    return check(u, text, err);
}

void vmgr__remote_uri_clear(struct vmgr__remote_uri *u)
{
    char **const texts[] = { &u->scheme, &u->user, &u->host, &u->port,
                             &u->path,   &u->name, &u->root, &u->emulator };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_clear_pointer(texts[i], g_free);
    for (size_t i = 0; i < G_N_ELEMENTS(params); i++) {
        if (params[i].kind == TEXT)
            g_clear_pointer((char **)(void *)((char *)u + params[i].offset), g_free);
    }
}

bool vmgr__remote_uri_is_session(const struct vmgr__remote_uri *u)
{
    return strcmp(u->path, "/session") == 0 && (geteuid() != 0 || strcmp(u->scheme, "vemu") == 0);
}

char *vmgr__remote_uri_socket(const struct vmgr__remote_uri *u, bool read_only)
{
    static const char *const libvirt_names[] = { "virtqemud-sock", "libvirt-sock" };
    const char *suffix = read_only ? "-ro" : "";
    /* A user's paths of this host say nothing about another's. */
    const bool session = vmgr__remote_uri_is_session(u) && u->transport == REMOTE_UNIX;
    const char *base = session ? g_get_user_runtime_dir() : "/run";

    if (u->socket)
        return g_strdup(u->socket);
    if (session)
        suffix = ""; /* a user's daemon has one socket */
    if (u->root)
        return g_strconcat(u->root, "/run/vmgr/libvirt-sock", suffix, NULL);
    if (strcmp(u->scheme, "vemu") == 0)
        return g_strconcat(base, "/vmgr/libvirt-sock", suffix, NULL);
    if (u->mode != REMOTE_MODE_LEGACY && strcmp(u->scheme, "qemu") == 0 &&
        u->transport == REMOTE_UNIX) {
        char *path = g_strconcat(base, "/libvirt/", libvirt_names[0], suffix, NULL);

        if (u->mode == REMOTE_MODE_DIRECT || access(path, F_OK) == 0)
            return path;
        g_free(path);
    }
    return g_strconcat(base, "/libvirt/", libvirt_names[1], suffix, NULL);
}
