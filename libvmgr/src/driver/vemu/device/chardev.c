/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's end of serial ports, consoles and channels, whose elements say it in the same way:
 * from type, <source>, <protocol> and <log> to a character device of the emulator.
 */
#include <string.h>

#include "../run/seclabel.h"
#include "parts.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

#define RECONNECT_MAX 86400 /* of the emulator */

/* What the functions below get. */
struct end {
    const xmlNode *root, *source;
    const char *id, *socket; /* socket: a path where the document has none; may be NULL */
    struct vemu_parts *parts;
    struct vmgr_error **err;
};

static int refuse(const struct end *e, const char *what, const char *value)
{
    return unsupported(e->err, "%s '%s' of <%s> is not supported by the vemu driver yet", what,
                       value ? value : "", (const char *)e->root->name);
}

static struct json_object *add(const struct end *e, const char *class_name)
{
    return vmgr__vemu_part_add(e->parts, VEMU_PART_CHARDEV, class_name, e->id);
}

static int check_source(const struct end *e, const char *children, const char *attrs)
{
    return e->source ? vmgr__vemu_only(e->source, children, attrs, e->err) : 0;
}

/* A path of <source> or <log>, for g_free(); NULL and *err. */
static char *path_of(const struct end *e, const xmlNode *node, const char *attr)
{
    char *path = node ? vmgr__xml_attr(node, attr) : NULL;

    if (path && g_path_is_absolute(path))
        return path;
    unsupported(e->err, "the path of a %s must be absolute: '%s'",
                vmgr__xml_is(e->root, "serial") ? "serial port" : (const char *)e->root->name,
                path ? path : "");
    g_free(path);
    return NULL;
}

/* <reconnect>, of what connects. */
static int put_reconnect(const struct end *e, bool server, struct json_object *o)
{
    const xmlNode *node = e->source ? vmgr__xml_child(e->source, "reconnect") : NULL;
    g_autofree char *enabled = node ? vmgr__xml_attr(node, "enabled") : NULL;
    g_autofree char *timeout = node ? vmgr__xml_attr(node, "timeout") : NULL;
    uint32_t seconds;

    if (g_strcmp0(enabled, "yes") != 0)
        return 0;
    if (server)
        return unsupported(e->err, "chardev reconnect is possible only for connect mode");
    if (!vmgr__parse_u32(timeout, &seconds) || !seconds || seconds > RECONNECT_MAX)
        return refuse(e, "reconnect timeout", timeout);
    vmgr__vemu_set_int(o, "reconnect", seconds);
    return 0;
}

/* Who connects: <source mode='bind'> waits for others, for none before the guest begins. */
static int put_mode(const struct end *e, bool server, struct json_object *o)
{
    vmgr__vemu_set_bool(o, "server", server);
    if (server)
        vmgr__vemu_set_bool(o, "wait", false);
    return put_reconnect(e, server, o);
}

/* ---- types ---- */

static int make_plain(const struct end *e)
{
    g_autofree char *type = vmgr__xml_attr(e->root, "type");

    if (check_source(e, "", "path") < 0) /* a run notes where a pty is */
        return -1;
    add(e, type ? type : "pty");
    return 0;
}

static int make_file(const struct end *e)
{
    g_autofree char *path = path_of(e, e->source, "path");
    g_autofree char *append = path ? vmgr__xml_attr(e->source, "append") : NULL;
    struct json_object *o;

    if (!path || check_source(e, "seclabel", "path append") < 0)
        return -1;
    o = add(e, "file");
    vmgr__vemu_set(o, "path", path);
    vmgr__vemu_set_bool(o, "append", g_strcmp0(append, "on") == 0);
    return 0;
}

static int make_unix(const struct end *e)
{
    g_autofree char *mode = e->source ? vmgr__xml_attr(e->source, "mode") : NULL;
    const bool has_path = e->source && xmlHasProp(e->source, BAD_CAST "path");
    g_autofree char *path =
        has_path || !e->socket ? path_of(e, e->source, "path") : g_strdup(e->socket);
    struct json_object *o;

    if (!path || check_source(e, "reconnect seclabel", "mode path") < 0)
        return -1;
    o = add(e, "socket");
    vmgr__vemu_set(o, "path", path);
    return put_mode(e, e->socket ? g_strcmp0(mode, "connect") != 0 : g_strcmp0(mode, "bind") == 0,
                    o);
}

/* A port by its number, an address by its numbers: nothing is looked up. */
static int put_place(const struct end *e, const xmlNode *source, const char *host_key,
                     const char *port_key, struct json_object *o)
{
    g_autofree char *host = vmgr__xml_attr(source, "host");
    g_autofree char *service = vmgr__xml_attr(source, "service");
    uint32_t port;

    if (host && *host && strcmp(host, "localhost") != 0 && !g_hostname_is_ip_address(host))
        return unsupported(e->err, "host '%s' of <%s> is not a numeric address or localhost", host,
                           (const char *)e->root->name);
    if (!vmgr__parse_u32(service, &port) || port > 65535)
        return unsupported(e->err, "service '%s' of <%s> is not the number of a port",
                           service ? service : "", (const char *)e->root->name);
    if (host && *host)
        vmgr__vemu_set(o, host_key, host);
    vmgr__vemu_set(o, port_key, service);
    return 0;
}

static int make_tcp(const struct end *e)
{
    const xmlNode *protocol = vmgr__xml_child(e->root, "protocol");
    g_autofree char *kind = protocol ? vmgr__xml_attr(protocol, "type") : NULL;
    g_autofree char *tls = vmgr__xml_attr(e->source, "tls");
    g_autofree char *mode = vmgr__xml_attr(e->source, "mode");
    struct json_object *o;

    if (kind && strcmp(kind, "raw") != 0)
        return refuse(e, "protocol", kind);
    if (tls && strcmp(tls, "no") != 0)
        return refuse(e, "tls", tls);
    if (check_source(e, "reconnect", "mode host service tls") < 0)
        return -1;
    o = add(e, "socket");
    if (put_place(e, e->source, "host", "port", o) < 0)
        return -1;
    return put_mode(e, g_strcmp0(mode, "bind") == 0, o);
}

/* Two <source>: where the peer is (connect), and where this end is (bind), which may be missing. */
static int make_udp(const struct end *e)
{
    struct json_object *o = add(e, "udp");
    bool peer = false;

    for (const xmlNode *s = e->source; s; s = vmgr__xml_next(s, "source")) {
        g_autofree char *mode = vmgr__xml_attr(s, "mode");
        const bool own = g_strcmp0(mode, "bind") == 0;

        if (vmgr__vemu_only(s, "", "mode host service", e->err) < 0 ||
            put_place(e, s, own ? "localaddr" : "host", own ? "localport" : "port", o) < 0)
            return -1;
        peer = peer || !own;
    }
    return peer ? 0
                : unsupported(e->err, "<%s type='udp'> needs a <source mode='connect'>",
                              (const char *)e->root->name);
}

/* FIFOs "PATH.in" and "PATH.out"; a terminal of the host. */
static int make_path(const struct end *e)
{
    g_autofree char *type = vmgr__xml_attr(e->root, "type");
    g_autofree char *path = path_of(e, e->source, "path");

    if (!path || check_source(e, "seclabel", "path") < 0)
        return -1;
    vmgr__vemu_set(add(e, strcmp(type, "dev") == 0 ? "serial" : "pipe"), "path", path);
    return 0;
}

static const struct {
    const char *type;
    int (*make)(const struct end *e);
} types[] = {
    { "null", make_plain }, { "pty", make_plain }, { "stdio", make_plain },
    { "file", make_file },  { "unix", make_unix }, { "tcp", make_tcp },
    { "udp", make_udp },    { "pipe", make_path }, { "dev", make_path },
};

/* Of the end itself; the log is not what <source> tells of. */
static int put_label(const struct end *e)
{
    return e->source ? vmgr__vemu_seclabel_source(
                           e->source, &vmgr__vemu_part_last(e->parts)->left_alone, e->err)
                     : 0;
}

static int put_log(const struct end *e)
{
    const xmlNode *log = vmgr__xml_child(e->root, "log");
    struct json_object *o = vmgr__vemu_part_last(e->parts)->props;
    g_autofree char *path = NULL, *append = NULL;

    if (!log)
        return 0;
    path = path_of(e, log, "file");
    append = vmgr__xml_attr(log, "append");
    if (!path || vmgr__vemu_only(log, "", "file append", e->err) < 0)
        return -1;
    vmgr__vemu_set(o, "logfile", path);
    if (g_strcmp0(append, "on") == 0)
        vmgr__vemu_set_bool(o, "logappend", true);
    return 0;
}

int vmgr__vemu_chardev_parts(const xmlNode *root, const char *id, const char *socket,
                             struct vemu_parts *parts, struct vmgr_error **err)
{
    const struct end e = { .root = root,
                           .source = vmgr__xml_child(root, "source"),
                           .id = id,
                           .socket = socket,
                           .parts = parts,
                           .err = err };
    g_autofree char *type = vmgr__xml_attr(root, "type");

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].type, type ? type : "pty") == 0)
            return types[i].make(&e) < 0 || put_label(&e) < 0 ? -1 : put_log(&e);
    }
    return unsupported(err, "character device type '%s' is not supported by the vemu driver yet",
                       type);
}
