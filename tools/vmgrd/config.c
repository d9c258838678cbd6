/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmgrd's configuration file: one group, [vmgrd], of keys. A key that is not known, or a value that
 * is not of its kind, is an error that names it.
 */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "vmgrd.h"

enum kind { NUMBER, SIGNED, BOOLEAN, TEXT, LIST, LEVEL, GROUP, AUTH };

struct key {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct config */
    long least, most;
};

#define KEY(name, kind, field, least, most)                                                        \
    {                                                                                              \
        name, kind, offsetof(struct config, field), least, most                                    \
    }
static const struct key keys[] = {
    KEY("log_level", LEVEL, log_level, 0, 0),
    KEY("log_file", TEXT, log_file, 0, 0),
    KEY("read_only_socket", BOOLEAN, read_only_socket, 0, 0),
    KEY("read_only_for_all", BOOLEAN, limits.open_read_only, 0, 0),
    KEY("standard_sockets", BOOLEAN, standard_sockets, 0, 0),
    KEY("sockets", LIST, extra_sockets, 0, 0),
    KEY("group", GROUP, limits.group, 0, 0),
    KEY("autostart", BOOLEAN, autostart, 0, 0),
    KEY("max_clients", NUMBER, limits.clients, 1, 1000000),
    KEY("max_pending_clients", NUMBER, limits.pending, 1, 1000000),
    KEY("pending_timeout", NUMBER, limits.pending_seconds, 1, 3600),
    KEY("max_client_calls", NUMBER, limits.calls_per_client, 1, 1000),
    KEY("workers", NUMBER, limits.workers, 1, 1000),
    KEY("keepalive_interval", SIGNED, limits.keepalive_seconds, -1, 3600),
    KEY("keepalive_count", NUMBER, limits.keepalive_count, 0, 1000),
    KEY("idle_timeout", NUMBER, limits.idle_seconds, 0, 1000000),
    KEY("listen_tls", BOOLEAN, listen_tls, 0, 0),
    KEY("listen_tcp", BOOLEAN, listen_tcp, 0, 0),
    KEY("listen_addr", TEXT, listen_addr, 0, 0),
    KEY("tls_port", NUMBER, tls_port, 1, 65535),
    KEY("tcp_port", NUMBER, tcp_port, 1, 65535),
    KEY("auth_tls", AUTH, access.tls_sasl, 0, 0),
    KEY("auth_tcp", AUTH, tcp_sasl, 0, 0),
    KEY("ca_file", TEXT, ca_file, 0, 0),
    KEY("cert_file", TEXT, cert_file, 0, 0),
    KEY("key_file", TEXT, key_file, 0, 0),
    KEY("crl_file", TEXT, crl_file, 0, 0),
    KEY("tls_priority", TEXT, tls_priority, 0, 0),
    KEY("tls_no_verify_certificate", BOOLEAN, access.accept_unsigned, 0, 0),
    KEY("tls_allowed_dn_list", LIST, access.subjects, 0, 0),
    KEY("sasl_allowed_username_list", LIST, access.users, 0, 0),
    KEY("sasl_mechanisms", TEXT, access.mechanisms, 0, 0),
    KEY("sasl_database", TEXT, access.user_database, 0, 0),
    KEY("tcp_min_ssf", NUMBER, access.tcp_strength, 56, 1000),
};

static int bad(char **err, const char *file, const char *key, const char *why)
{
    *err = g_strdup_printf("%s: %s %s", file, key, why);
    return -1;
}

static int read_level(const char *text, enum vmgr__log_level *ret)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum vmgr__log_level)i;
            return 0;
        }
    }
    return -1;
}

static int read_group(const char *text, int64_t *ret)
{
    const struct group *g = getgrnam(text); /* no other thread asks */

    *ret = g ? (int64_t)g->gr_gid : -1;
    return g ? 0 : -1;
}

static int read_key(GKeyFile *f, const char *file, const struct key *k, struct config *c,
                    char **err)
{
    void *slot = (char *)c + k->offset;
    g_autofree char *text = g_key_file_get_string(f, "vmgrd", k->name, NULL);
    g_autoptr(GError) cause = NULL;
    gint64 number = 0;

    if (!text)
        return bad(err, file, k->name, "cannot be read");
    switch (k->kind) {
    case NUMBER:
    case SIGNED:
        number = g_key_file_get_int64(f, "vmgrd", k->name, &cause);
        if (cause || number < k->least || number > k->most) {
            g_autofree char *why =
                g_strdup_printf("must be a number from %ld to %ld", k->least, k->most);
            return bad(err, file, k->name, why);
        }
        if (k->kind == NUMBER)
            *(unsigned *)slot = (unsigned)number;
        else
            *(int *)slot = (int)number;
        return 0;
    case BOOLEAN:
        *(bool *)slot = g_key_file_get_boolean(f, "vmgrd", k->name, &cause);
        return cause ? bad(err, file, k->name, "must be true or false") : 0;
    case TEXT:
        g_free(*(char **)slot);
        *(char **)slot = g_steal_pointer(&text);
        return 0;
    case LIST:
        g_strfreev(*(char ***)slot);
        *(char ***)slot = g_key_file_get_string_list(f, "vmgrd", k->name, NULL, NULL);
        return 0;
    case LEVEL:
        return read_level(text, slot) < 0
                   ? bad(err, file, k->name, "must be error, warning, info or debug")
                   : 0;
    case AUTH:
        *(bool *)slot = strcmp(text, "sasl") == 0;
        return *(bool *)slot || strcmp(text, "none") == 0
                   ? 0
                   : bad(err, file, k->name, "must be none or sasl");
    case GROUP:
        return read_group(text, slot) < 0
                   ? bad(err, file, k->name, "names a group that is not there")
                   : 0;
    }
    return 0;
}

static int read_file(GKeyFile *f, const char *file, struct config *c, char **err)
{
    g_auto(GStrv) groups = g_key_file_get_groups(f, NULL);
    g_auto(GStrv) names = g_key_file_get_keys(f, "vmgrd", NULL, NULL);

    for (char **g = groups; *g; g++) {
        if (strcmp(*g, "vmgrd") != 0)
            return bad(err, file, *g, "is not a group; all keys are in [vmgrd]");
    }
    for (char **name = names; name && *name; name++) {
        const struct key *k = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(keys) && !k; i++) {
            if (strcmp(keys[i].name, *name) == 0)
                k = &keys[i];
        }
        if (!k)
            return bad(err, file, *name, "is not a key");
        if (read_key(f, file, k, c, err) < 0)
            return -1;
    }
    return 0;
}

static void defaults(struct config *c)
{
    const bool system_mode = geteuid() == 0 && !c->session;

    c->limits = (struct vmgr__server_limits)VMGR__SERVER_LIMITS_INIT;
    c->limits.open_read_only = system_mode && !c->root;
    c->read_only_socket = c->standard_sockets = c->autostart = true;
    c->log_level = VMGR__LOG_INFO;
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].kind == TEXT || keys[i].kind == LIST)
            *(void **)(void *)((char *)c + keys[i].offset) = NULL;
    }
    c->tls_port = 16514;
    c->tcp_port = 16509;
    c->listen_tls = c->listen_tcp = false;
    c->tcp_sasl = true;
    c->access.tls_sasl = c->access.accept_unsigned = false;
    c->access.tcp_strength = 112;
}

void config_free_keys(struct config *c)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        void *slot = (char *)c + keys[i].offset;

        if (keys[i].kind == TEXT)
            g_clear_pointer((char **)slot, g_free);
        else if (keys[i].kind == LIST)
            g_clear_pointer((char ***)slot, g_strfreev);
    }
}

/* What each key may say, but not all together. */
static int check(const struct config *c, const char *file, char **err)
{
    if (c->listen_tcp && !c->tcp_sasl)
        return bad(err, file, "auth_tcp", "must be sasl: nothing else proves who a client is");
    if (c->listen_tls && c->access.accept_unsigned && !c->access.tls_sasl)
        return bad(err, file, "tls_no_verify_certificate",
                   "needs auth_tls=sasl: nothing else proves who a client is");
    return 0;
}

int config_load(struct config *c, char **err)
{
    g_autofree char *file = places_config_file(c);
    g_autoptr(GKeyFile) f = g_key_file_new();
    g_autoptr(GError) cause = NULL;
    struct config fresh = *c;

    defaults(&fresh);
    if (!g_key_file_load_from_file(f, file, G_KEY_FILE_NONE, &cause)) {
        const bool missing = g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT);

        if (!missing || c->file)
            return bad(err, file, "cannot be used:", cause->message);
    } else if (read_file(f, file, &fresh, err) < 0 || check(&fresh, file, err) < 0) {
        config_free_keys(&fresh);
        return -1;
    }
    config_free_keys(c);
    *c = fresh;
    if (c->timeout >= 0)
        c->limits.idle_seconds = (unsigned)c->timeout;
    if (c->verbose)
        c->log_level = VMGR__LOG_DEBUG;
    return 0;
}
