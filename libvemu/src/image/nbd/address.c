/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where an NBD server is, from the forms in which people write it.
 */
#include "image/nbd/address.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "image/nbd/proto.h"

void vemu__nbd_address_clear(struct nbd_address *address)
{
    g_free(address->path);
    g_free(address->host);
    g_free(address->port);
    g_free(address->export);
    g_free(address->tls_creds);
    g_free(address->tls_hostname);
    *address = (struct nbd_address){ 0 };
}

char *vemu__nbd_address_name(const struct nbd_address *address)
{
    if (address->path)
        return g_strdup_printf("'%s'", address->path);
    return g_strdup_printf(strchr(address->host, ':') ? "[%s]:%s" : "%s:%s", address->host,
                           address->port);
}

/* Percent escapes; no zero bytes. */
static char *unescape(const char *from, const char *to, struct vemu_error **err)
{
    char *text = g_uri_unescape_segment(from, to, NULL);

    if (!text)
        vemu__error_set(err, EINVAL, "'%.*s' has a bad escape", (int)(to - from), from);
    return text;
}

static void take(char **field, char *text)
{
    g_free(*field);
    *field = text;
}

/* "HOST", "HOST:PORT", "[V6]:PORT". */
static int parse_host(struct nbd_address *address, const char *text, bool need_port,
                      struct vemu_error **err)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
    const char *colon = end && *end == ']' ? end + 1 : end;
    guint64 port;

    if (text[0] == '[' && !end)
        return vemu__error_set(err, EINVAL, "'%s' has no ']'", text);
    if (colon && *colon && *colon != ':')
        return vemu__error_set(err, EINVAL, "'%s' is not a host and a port", text);
    if (text[0] == '[')
        address->host = g_strndup(text + 1, (gsize)(end - text - 1));
    else
        address->host = end ? g_strndup(text, (gsize)(end - text)) : g_strdup(text);
    if (!address->host[0])
        take(&address->host, g_strdup("localhost"));
    if (colon && *colon && colon[1])
        address->port = g_strdup(colon + 1);
    else if (need_port)
        return vemu__error_set(err, EINVAL, "'%s' has no port", text);
    else
        address->port = g_strdup(NBD_PORT);
    if (!g_ascii_string_to_unsigned(address->port, 10, 1, 65535, &port, NULL))
        return vemu__error_set(err, EINVAL, "'%s' is not a port number", address->port);
    return 0;
}

static int parse_parameter(struct nbd_address *address, const char *text, struct vemu_error **err)
{
    const char *equals = strchr(text, '=');
    g_autofree char *name = NULL, *value = NULL;

    if (!equals)
        return vemu__error_set(err, EINVAL, "parameter '%s' has no value", text);
    name = g_strndup(text, (gsize)(equals - text));
    value = unescape(equals + 1, text + strlen(text), err);
    if (!value)
        return -EINVAL;
    if (!strcmp(name, "socket"))
        take(&address->path, g_steal_pointer(&value));
    else if (!strcmp(name, "tls-certificates"))
        take(&address->tls_creds, g_steal_pointer(&value));
    else if (!strcmp(name, "tls-hostname"))
        take(&address->tls_hostname, g_steal_pointer(&value));
    else
        return vemu__error_set(err, EINVAL,
                               "parameter '%s' is not known (socket, "
                               "tls-certificates, tls-hostname are)",
                               name);
    return 0;
}

static int parse_query(struct nbd_address *address, const char *query, struct vemu_error **err)
{
    g_auto(GStrv) items = g_strsplit_set(query, "&;", 0);
    int r = 0;

    for (char **item = items; *item && r >= 0; item++)
        if (**item)
            r = parse_parameter(address, *item, err);
    return r;
}

static int parse_uri(struct nbd_address *address, const char *text, const char *rest,
                     struct vemu_error **err)
{
    bool is_unix = strstr(text, "+unix:") != NULL && strstr(text, "+unix:") < rest;
    const char *query = strchr(rest, '?');
    const char *end = query ? query : rest + strlen(rest);
    const char *slash = memchr(rest, '/', (size_t)(end - rest));
    g_autofree char *host = unescape(rest, slash ? slash : end, err);
    int r = host ? 0 : -EINVAL;

    if (r >= 0 && memchr(rest, '#', strlen(rest)))
        r = vemu__error_set(err, EINVAL, "an address with '#'");
    address->tls = g_str_has_prefix(text, "nbds");
    if (r >= 0) {
        /* nbd://host//name has the name "/name" */
        take(&address->export, slash ? unescape(slash + 1, end, err) : g_strdup(""));
        r = address->export ? 0 : -EINVAL;
    }
    if (r >= 0 && query)
        r = parse_query(address, query + 1, err);
    if (r < 0)
        return r;
    if (is_unix && (!address->path || !address->path[0]))
        return vemu__error_set(err, EINVAL, "'%s' has no socket=PATH", text);
    if (is_unix && host[0])
        return vemu__error_set(err, EINVAL, "'%s' names a host beside a socket", text);
    if (!is_unix && address->path)
        return vemu__error_set(err, EINVAL, "'%s': socket= goes with nbd+unix://", text);
    if (is_unix)
        return 0;
    if (strchr(host, '@'))
        return vemu__error_set(err, EINVAL, "'%s' names a user, which NBD does not have", text);
    return parse_host(address, host, false, err);
}

/* QEMU's older form, behind "nbd:". */
static int parse_words(struct nbd_address *address, const char *words, struct vemu_error **err)
{
    const char *name = strstr(words, ":exportname=");
    g_autofree char *where = name ? g_strndup(words, (gsize)(name - words)) : g_strdup(words);

    take(&address->export, g_strdup(name ? name + strlen(":exportname=") : ""));
    if (!g_str_has_prefix(where, "unix:"))
        return parse_host(address, where, true, err);
    if (!where[strlen("unix:")])
        return vemu__error_set(err, EINVAL, "'nbd:%s' has no socket path", words);
    take(&address->path, g_strdup(where + strlen("unix:")));
    return 0;
}

int vemu__nbd_address_parse(struct nbd_address *address, const char *text, struct vemu_error **err)
{
    static const char *const schemes[] = { "nbd://",       "nbds://",    "nbd+unix://",
                                           "nbds+unix://", "nbd+tcp://", "nbds+tcp://" };
    const char *rest = NULL;
    int r;

    for (unsigned i = 0; i < G_N_ELEMENTS(schemes) && !rest; i++)
        if (g_str_has_prefix(text, schemes[i]))
            rest = text + strlen(schemes[i]);
    if (rest)
        r = parse_uri(address, text, rest, err);
    else if (g_str_has_prefix(text, "nbd:") && !g_str_has_prefix(text, "nbd:/"))
        r = parse_words(address, text + strlen("nbd:"), err);
    else
        r = vemu__error_set(err, EINVAL, "'%s' is not an address of an NBD server", text);
    if (r >= 0 && strlen(address->export) > NBD_MAX_STRING)
        r = vemu__error_set(err, EINVAL, "the name of the export is longer than %u bytes",
                            NBD_MAX_STRING);
    return r;
}
