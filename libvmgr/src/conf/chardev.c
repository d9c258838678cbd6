/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <serial> and <console>: a port of the guest and what is at its other end on the host.
 *
 * For a full machine (os type hvm) the first console is the first serial port under another name,
 * for programs that look for one of the two: whichever of them a document has, the other is made
 * from it.
 */
#include "canonical.h"
#include "element.h"

#include <string.h>

const char *const vmgr__chardev_type_names[] = { "null", "vc",           "pty",      "dev",
                                                 "file", "pipe",         "stdio",    "udp",
                                                 "tcp",  "unix",         "spicevmc", "spiceport",
                                                 "nmdm", "qemu-vdagent", "dbus",     NULL };
static const char *const modes[] = { "connect", "bind", NULL };
static const char *const serial_targets[] = { "isa-serial",    "usb-serial",
                                              "pci-serial",    "spapr-vio-serial",
                                              "system-serial", "sclp-serial",
                                              "isa-debug",     NULL };
static const char *const serial_models[] = {
    "isa-serial",  "usb-serial",    "pci-serial", "spapr-vty",    "pl011",
    "sclpconsole", "sclplmconsole", "16550a",     "isa-debugcon", NULL
};
static const char *const console_targets[] = { "serial", "xen",  "uml",    "virtio", "lxc",
                                               "openvz", "sclp", "sclplm", NULL };

void vmgr__chardev_free(void *data)
{
    struct vmgr__chardev *c = data;

    if (!c)
        return;
    g_free(c->path);
    g_free(c->kept_source);
    g_free(c->kept_in_source);
    g_free(c->kept_log);
    g_free(c->target_type);
    g_free(c->target_model);
    g_free(c->alias);
    g_free(c->kept);
    g_free(c);
}

static bool type_has_path(int type)
{
    switch (type) {
    case VMGR__CHARDEV_PTY:
    case VMGR__CHARDEV_DEV:
    case VMGR__CHARDEV_FILE:
    case VMGR__CHARDEV_PIPE:
    case VMGR__CHARDEV_UNIX: return true;
    default: return false;
    }
}

/* Shapes are those of channels, whose ends on the host are the same. */
static void keep_more(struct vmgr__parse *p, char **text, xmlNode *node, int level)
{
    g_autofree char *old = *text;
    g_autofree char *more = NULL;

    vmgr__canonical(p, node, "channel/");
    more = vmgr__xml_keep(node, level);
    *text = g_strconcat(old ? old : "", more, NULL);
}

static int parse_path_source(struct vmgr__parse *p, xmlNode *source, struct vmgr__chardev *c)
{
    static const char *const known[] = { "path", "mode", "append", NULL };
    static const char *const children[] = { "seclabel", "reconnect", NULL };
    static const char *const on_off[] = { "on", "off", NULL };
    int value;

    c->path = vmgr__xml_attr(source, "path");
    if (c->path && !*c->path)
        g_clear_pointer(&c->path, g_free);
    if (source) {
        vmgr__warn_attrs(p, source, known);
        vmgr__warn_children(p, source, children);
        if (vmgr__seclabel_check_source(p, source) < 0)
            return -1;
        for (xmlNode *n = vmgr__xml_first(source); n; n = vmgr__xml_next(n, NULL))
            keep_more(p, &c->kept_in_source, n, 4);
        switch (vmgr__xml_enum(source, "mode", modes, &value, p->err)) {
        case -1: return -1;
        case 1: c->mode = value + 1; break;
        default: break;
        }
        switch (vmgr__xml_enum(source, "append", on_off, &value, p->err)) {
        case -1: return -1;
        case 1: c->append = value + 1; break;
        default: break;
        }
    }
    if (c->type == VMGR__CHARDEV_UNIX && !c->mode)
        c->mode = 1;
    if (c->type == VMGR__CHARDEV_PTY) {
        /* The path of a pty is chosen anew for each run. */
        if (p->flags & VMGR__CONF_INACTIVE)
            g_clear_pointer(&c->path, g_free);
    } else if (!c->path) {
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR,
                          "Missing source path attribute for char device");
    }
    return 0;
}

/* Ports by number or name: of what listens, and of what is connected to. */
static int check_service(struct vmgr__parse *p, const xmlNode *source, int type)
{
    bool found = false;

    for (; source; source = vmgr__xml_next(source, "source")) {
        g_autofree char *mode = vmgr__xml_attr(source, "mode");
        g_autofree char *service = vmgr__xml_attr(source, "service");

        found = found || (service && (type == VMGR__CHARDEV_TCP || g_strcmp0(mode, "bind") != 0));
    }
    return found ? 0
                 : conf_error(p, VMGR_ERR_INTERNAL_ERROR,
                              "Missing source service attribute for char device");
}

static int check_protocol(struct vmgr__parse *p, const xmlNode *node)
{
    static const char *const protocols[] = { "raw", "telnet", "telnets", "tls", NULL };
    const xmlNode *protocol = vmgr__xml_child(node, "protocol");
    g_autofree char *type = protocol ? vmgr__xml_attr(protocol, "type") : NULL;

    return !type || vmgr__name_index(protocols, type) >= 0
               ? 0
               : conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "Unknown protocol '%s'", type);
}

static int parse_source(struct vmgr__parse *p, xmlNode *node, struct vmgr__chardev *c)
{
    xmlNode *source = vmgr__xml_child(node, "source");
    g_autofree char *host = source ? vmgr__xml_attr(source, "host") : NULL;

    if (type_has_path(c->type))
        return parse_path_source(p, source, c);
    if (c->type == VMGR__CHARDEV_TCP && !host)
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR,
                          "Missing source host attribute for char device");
    if ((c->type == VMGR__CHARDEV_TCP || c->type == VMGR__CHARDEV_UDP) &&
        check_service(p, source, c->type) < 0)
        return -1;
    if (c->type == VMGR__CHARDEV_TCP && check_protocol(p, node) < 0)
        return -1;
    for (; source; source = vmgr__xml_next(source, "source"))
        keep_more(p, &c->kept_source, source, 3);
    return 0;
}

static int parse_target(struct vmgr__parse *p, xmlNode *node, bool serial, struct vmgr__chardev *c)
{
    static const char *const known[] = { "type", "port", "name", NULL };
    static const char *const children[] = { "model", NULL };
    xmlNode *target = vmgr__xml_child(node, "target");
    g_autofree char *port = vmgr__xml_attr(target, "port");
    xmlNode *model = serial ? vmgr__xml_child(target, "model") : NULL;
    uint32_t n;

    c->port = -1;
    if (!target)
        return 0;
    vmgr__warn_attrs(p, target, known);
    vmgr__warn_children(p, target, serial ? children : NULL);
    c->target_type = vmgr__xml_attr(target, "type");
    if (c->target_type &&
        vmgr__name_index(serial ? serial_targets : console_targets, c->target_type) < 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "unknown target type '%s' specified for character device",
                          c->target_type);
    if (port) {
        if (!vmgr__parse_u32(port, &n) || n > INT32_MAX)
            return conf_error(p, VMGR_ERR_XML_ERROR, "Invalid port number: %s", port);
        c->port = (int)n;
    }
    if (model) {
        c->target_model = vmgr__xml_attr(model, "name");
        if (c->target_model && vmgr__name_index(serial_models, c->target_model) < 0)
            return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "unknown target model '%s' specified for character device",
                              c->target_model);
    }
    return 0;
}

static void parse_rest(struct vmgr__parse *p, xmlNode *node, struct vmgr__chardev *c)
{
    c->alias = vmgr__xml_attr(vmgr__xml_child(node, "alias"), "name");
    if (c->alias && (p->flags & VMGR__CONF_INACTIVE) && !g_str_has_prefix(c->alias, "ua-"))
        g_clear_pointer(&c->alias, g_free);
    for (xmlNode *n = vmgr__xml_first(node); n; n = vmgr__xml_next(n, NULL)) {
        if (vmgr__xml_is(n, "source") || vmgr__xml_is(n, "target") || vmgr__xml_is(n, "alias"))
            continue;
        if (vmgr__xml_is(n, "protocol") || vmgr__xml_is(n, "clipboard") ||
            vmgr__xml_is(n, "mouse")) {
            keep_more(p, &c->kept_source, n, 3);
        } else if (vmgr__xml_is(n, "log")) {
            keep_more(p, &c->kept_log, n, 3);
        } else {
            if (!vmgr__xml_is(n, "address"))
                vmgr__warn_element(p, n, (const char *)node->name);
            keep_more(p, &c->kept, n, 3);
        }
    }
}

struct vmgr__chardev *vmgr__chardev_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "type", "tty", NULL };
    struct vmgr__chardev *c = g_new0(struct vmgr__chardev, 1);
    g_autofree char *type = vmgr__xml_attr(node, "type");

    vmgr__warn_attrs(p, node, known);
    c->type = type ? vmgr__name_index(vmgr__chardev_type_names, type) : VMGR__CHARDEV_PTY;
    if (c->type < 0) {
        conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                   "unknown type presented to host for character device: %s", type);
    } else if (parse_source(p, node, c) == 0 &&
               parse_target(p, node, vmgr__xml_is(node, "serial"), c) == 0) {
        parse_rest(p, node, c);
        return c;
    }
    vmgr__chardev_free(c);
    return NULL;
}

static struct vmgr__chardev *copy_source(const struct vmgr__chardev *from)
{
    struct vmgr__chardev *c = g_new0(struct vmgr__chardev, 1);

    c->type = from->type;
    c->path = g_strdup(from->path);
    c->mode = from->mode;
    c->append = from->append;
    c->kept_source = g_strdup(from->kept_source);
    c->kept_in_source = g_strdup(from->kept_in_source);
    c->kept_log = g_strdup(from->kept_log);
    c->alias = g_strdup(from->alias);
    c->port = from->port;
    return c;
}

static bool console_is_serial(const struct vmgr__chardev *c)
{
    return !c->target_type || strcmp(c->target_type, "serial") == 0;
}

/* A console can stand for serial ports on the board, not for those on a bus. */
static bool serial_has_console(const struct vmgr__chardev *c)
{
    return !c->target_type ||
           (strcmp(c->target_type, "pci-serial") != 0 &&
            strcmp(c->target_type, "usb-serial") != 0 && strcmp(c->target_type, "isa-debug") != 0);
}

static int next_port(GPtrArray *list, const char *target_type)
{
    int port = -1;

    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__chardev *c = list->pdata[i];

        if ((!target_type || g_strcmp0(c->target_type, target_type) == 0) && c->port > port)
            port = c->port;
    }
    return port + 1;
}

static int settle_serials(struct vmgr__parse *p)
{
    GPtrArray *serials = p->def->serials;

    for (guint i = 0; i < serials->len; i++) {
        struct vmgr__chardev *c = serials->pdata[i];

        if (c->port < 0)
            c->port = next_port(serials, NULL);
        if (p->defaults->serial_target && !c->target_type)
            c->target_type = g_strdup("isa-serial");
        if (p->defaults->serial_target && !c->target_model &&
            strcmp(c->target_type, "isa-serial") == 0)
            c->target_model = g_strdup("isa-serial");
    }
    return 0;
}

int vmgr__chardev_settle(struct vmgr__parse *p)
{
    struct vmgr__domain_def *def = p->def;
    GPtrArray *consoles = def->consoles;

    if (def->os.type == VMGR__OS_HVM) {
        for (guint i = 1; i < consoles->len; i++) {
            if (console_is_serial(consoles->pdata[i]))
                return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                                  "Only the first console can be a serial port");
        }
        if (consoles->len && console_is_serial(consoles->pdata[0]) && def->serials->len == 0) {
            struct vmgr__chardev *serial = copy_source(consoles->pdata[0]);

            serial->port = -1;
            g_ptr_array_add(def->serials, serial);
        }
    }
    if (settle_serials(p) < 0)
        return -1;
    if (def->os.type == VMGR__OS_HVM && def->serials->len &&
        serial_has_console(def->serials->pdata[0])) {
        struct vmgr__chardev *alias = copy_source(def->serials->pdata[0]);

        alias->target_type = g_strdup("serial");
        if (consoles->len && console_is_serial(consoles->pdata[0]))
            g_ptr_array_remove_index(consoles, 0);
        g_ptr_array_insert(consoles, 0, alias);
        def->console_is_serial = true;
    }
    for (guint i = 0; i < consoles->len; i++) {
        struct vmgr__chardev *c = consoles->pdata[i];

        if (!c->target_type)
            c->target_type = g_strdup("serial");
        if (c->port < 0 || !def->console_is_serial)
            c->port = -1;
        if (c->port < 0)
            c->port = next_port(consoles, c->target_type);
    }
    return 0;
}

void vmgr__chardev_format(const struct vmgr__domain_def *def G_GNUC_UNUSED,
                          const struct vmgr__chardev *c, bool is_console,
                          bool is_alias G_GNUC_UNUSED, uint32_t flags, struct vmgr__xml_writer *w)
{
    const char *tag = is_console ? "console" : "serial";
    bool active = !(flags & VMGR__CONF_INACTIVE);
    bool show_path = c->path && (c->type != VMGR__CHARDEV_PTY || active);

    vmgr__xw_begin(w, tag);
    vmgr__xw_attr(w, "type", vmgr__chardev_type_names[c->type]);
    if (is_console && c->type == VMGR__CHARDEV_PTY && show_path)
        vmgr__xw_attr(w, "tty", c->path);
    if (show_path) {
        vmgr__xw_begin(w, "source");
        if (c->type == VMGR__CHARDEV_UNIX)
            vmgr__xw_attr(w, "mode", modes[c->mode - 1]);
        vmgr__xw_attr(w, "path", c->path);
        if (c->append)
            vmgr__xw_attr(w, "append", vmgr__on_off[c->append]);
        vmgr__xw_raw(w, c->kept_in_source);
        vmgr__xw_end(w, "source");
    }
    vmgr__xw_raw(w, c->kept_source);
    vmgr__xw_raw(w, c->kept_log);
    vmgr__xw_begin(w, "target");
    vmgr__xw_attr(w, "type", c->target_type);
    vmgr__xw_attrf(w, "port", "%d", c->port);
    if (c->target_model) {
        vmgr__xw_begin(w, "model");
        vmgr__xw_attr(w, "name", c->target_model);
        vmgr__xw_end(w, "model");
    }
    vmgr__xw_end(w, "target");
    if (c->alias && (active || g_str_has_prefix(c->alias, "ua-"))) {
        vmgr__xw_begin(w, "alias");
        vmgr__xw_attr(w, "name", c->alias);
        vmgr__xw_end(w, "alias");
    }
    vmgr__xw_raw(w, c->kept);
    vmgr__xw_end(w, tag);
}
