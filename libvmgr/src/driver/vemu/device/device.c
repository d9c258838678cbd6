/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a device of a definition to its parts in the emulator.
 *
 * Each kind names the elements and attributes it understands; anything else is refused by name, so
 * that a guest has all its definition says.
 */
#include <string.h>

#include "../../../conf/element.h"
#include "../tune/iothread.h"
#include "memory.h"
#include "parts.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

static bool is_word(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += length) {
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    }
    return false;
}

int vmgr__vemu_only(const xmlNode *node, const char *children, const char *attrs,
                    struct vmgr_error **err)
{
    for (const xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        if (!c->ns && !is_word(children, (const char *)c->name))
            return unsupported(err, "<%s> of <%s> is not supported by the vemu driver yet",
                               (const char *)c->name, (const char *)node->name);
    }
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        if (!a->ns && !is_word(attrs, (const char *)a->name))
            return unsupported(err,
                               "attribute '%s' of <%s> is not supported by the vemu driver yet",
                               (const char *)a->name, (const char *)node->name);
    }
    return 0;
}

bool vmgr__vemu_has_pci(const struct vmgr__domain_def *def)
{
    return strcmp(def->os.machine, "microvm") != 0;
}

char *vmgr__vemu_virtio_class(const struct vmgr__domain_def *def, const char *name)
{
    return g_strconcat(name, vmgr__vemu_has_pci(def) ? "-pci" : "-device", NULL);
}

/* One number of an address, "0x1f" or "31". */
static bool number(const xmlNode *node, const char *attr, unsigned limit, unsigned *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);
    char *end;
    guint64 n;

    *ret = 0;
    if (!text)
        return true;
    n = g_ascii_strtoull(text, &end, 0);
    *ret = (unsigned)n;
    return *text && !*end && n <= limit;
}

int vmgr__vemu_part_address(const struct vmgr__domain_def *def, const xmlNode *root,
                            struct json_object *props, struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(root, "address");
    g_autofree char *type = node ? vmgr__xml_attr(node, "type") : NULL;
    g_autofree char *multi = node ? vmgr__xml_attr(node, "multifunction") : NULL;
    unsigned domain, bus, slot, function;

    if (!node)
        return 0;
    if (!vmgr__vemu_has_pci(def) || g_strcmp0(type, "pci") != 0)
        return unsupported(err, "an address of type '%s' for <%s> on machine '%s' is not supported",
                           type, (const char *)root->name, def->os.machine);
    if (!number(node, "domain", 0, &domain) || !number(node, "bus", 255, &bus) ||
        !number(node, "slot", 31, &slot) || !number(node, "function", 7, &function))
        return vemu_error(err, VMGR_ERR_XML_ERROR, "invalid PCI address of <%s>",
                          (const char *)root->name);
    if (bus)
        vmgr__vemu_setf(props, "bus", "pci.%u", bus);
    else
        vmgr__vemu_set(props, "bus", "pcie.0");
    vmgr__vemu_setf(props, "addr", "%x.%x", slot, function);
    if (g_strcmp0(multi, "on") == 0)
        vmgr__vemu_set_bool(props, "multifunction", true);
    return 0;
}

/* What the functions below get. */
struct job {
    const struct vmgr__domain_def *def;
    const xmlNode *root;
    const char *alias;
    struct vemu_parts *parts;
    struct vmgr_error **err;
};

/* A device of a class, with its address. */
static struct json_object *add(const struct job *j, const char *class_name, int *r)
{
    struct json_object *o = vmgr__vemu_part_add(j->parts, VEMU_PART_DEVICE, class_name, j->alias);

    *r = vmgr__vemu_part_address(j->def, j->root, o, j->err);
    return o;
}

static int add_virtio(const struct job *j, const char *name)
{
    g_autofree char *class_name = vmgr__vemu_virtio_class(j->def, name);
    int r;

    add(j, class_name, &r);
    return r;
}

static int add_scsi(const struct job *j, const xmlNode *driver)
{
    g_autofree char *class_name = vmgr__vemu_virtio_class(j->def, "virtio-scsi");
    int r;
    struct json_object *o = add(j, class_name, &r);

    return r < 0 ? r : vmgr__vemu_put_iothread(j->def, driver, "Controller", o, j->err);
}

static int refuse(const struct job *j, const char *what, const char *value)
{
    return unsupported(j->err, "%s '%s' of <%s> is not supported by the vemu driver yet", what,
                       value ? value : "", (const char *)j->root->name);
}

static int controller(const struct job *j)
{
    g_autofree char *type = vmgr__xml_attr(j->root, "type");
    g_autofree char *model = vmgr__xml_attr(j->root, "model");
    const xmlNode *target = vmgr__xml_child(j->root, "target");
    const xmlNode *driver = vmgr__xml_child(j->root, "driver");
    unsigned index, chassis = 0, port = 0;
    struct json_object *o;
    int r;

    if (g_strcmp0(type, "usb") == 0)
        return 0; /* remark.c: there is none, and what is to be attached to it is refused */
    if (vmgr__vemu_only(j->root, "model target driver alias address", "type index model ports",
                        j->err) < 0 ||
        (driver && vmgr__vemu_only(driver, "", "iothread", j->err) < 0))
        return -1;
    if (driver && g_strcmp0(model, "virtio-scsi") != 0)
        return unsupported(j->err, "'iothread' attribute only supported for controller model "
                                   "'virtio-scsi'");
    if (!number(j->root, "index", 255, &index))
        return refuse(j, "index", "out of range");
    if (!vmgr__vemu_has_pci(j->def) && g_strcmp0(type, "virtio-serial") != 0)
        return refuse(j, "type", type);
    if (g_strcmp0(type, "pci") == 0 && g_strcmp0(model, "pcie-root") == 0)
        return 0;
    if (g_strcmp0(type, "sata") == 0 && index == 0)
        return 0; /* part of the machine */
    if (g_strcmp0(type, "virtio-serial") == 0 && index == 0)
        return add_virtio(j, "virtio-serial");
    if (g_strcmp0(type, "scsi") == 0 && g_strcmp0(model, "virtio-scsi") == 0 && index == 0)
        return add_scsi(j, driver);
    if (g_strcmp0(type, "pci") != 0 || g_strcmp0(model, "pcie-root-port") != 0)
        return refuse(j, type, model ? model : "default");
    if (target &&
        (!number(target, "chassis", 255, &chassis) || !number(target, "port", 255, &port)))
        return refuse(j, "target", "out of range");
    o = add(j, "pcie-root-port", &r);
    vmgr__vemu_set_int(o, "chassis", chassis ? chassis : index);
    vmgr__vemu_set_int(o, "slot", index);
    vmgr__vemu_set_int(o, "port", port);
    return r;
}

static int memballoon(const struct job *j)
{
    g_autofree char *model = vmgr__xml_attr(j->root, "model");
    g_autofree char *deflate = vmgr__xml_attr(j->root, "autodeflate");
    g_autofree char *reporting = vmgr__xml_attr(j->root, "freePageReporting");
    g_autofree char *class_name = vmgr__vemu_virtio_class(j->def, "virtio-balloon");
    const xmlNode *stats = vmgr__xml_child(j->root, "stats");
    struct json_object *o;
    unsigned period;
    int r;

    if (g_strcmp0(model, "none") == 0)
        return 0;
    if (g_strcmp0(model, "virtio") != 0)
        return refuse(j, "model", model);
    if (vmgr__vemu_only(j->root, "stats alias address", "model autodeflate freePageReporting",
                        j->err) < 0)
        return -1;
    o = add(j, class_name, &r);
    if (deflate)
        vmgr__vemu_set_bool(o, "deflate-on-oom", strcmp(deflate, "on") == 0);
    if (reporting)
        vmgr__vemu_set_bool(o, "free-page-reporting", strcmp(reporting, "on") == 0);
    if (stats && !number(stats, "period", INT32_MAX, &period))
        return refuse(j, "stats period", "out of range");
    if (stats)
        vmgr__vemu_set_int(o, "guest-stats-polling-interval", period);
    return r;
}

static int rng(const struct job *j)
{
    g_autofree char *model = vmgr__xml_attr(j->root, "model");
    const xmlNode *backend = vmgr__xml_child(j->root, "backend");
    const xmlNode *rate = vmgr__xml_child(j->root, "rate");
    g_autofree char *kind = backend ? vmgr__xml_attr(backend, "model") : NULL;
    g_autofree char *path = backend ? vmgr__xml_text(backend) : NULL;
    g_autofree char *class_name = vmgr__vemu_virtio_class(j->def, "virtio-rng");
    struct json_object *o;
    unsigned bytes, period;
    int r;

    if (g_strcmp0(model, "virtio") != 0)
        return refuse(j, "model", model);
    if (vmgr__vemu_only(j->root, "backend rate alias address", "model", j->err) < 0)
        return -1;
    if ((g_strcmp0(kind, "random") != 0 && g_strcmp0(kind, "builtin") != 0) ||
        (path && *path && strcmp(path, "/dev/urandom") != 0 && strcmp(path, "/dev/random") != 0))
        return refuse(j, "backend", path && *path ? path : kind);
    o = add(j, class_name, &r);
    if (rate &&
        (!number(rate, "bytes", INT32_MAX, &bytes) || !number(rate, "period", INT32_MAX, &period)))
        return refuse(j, "rate", "out of range");
    if (rate) {
        vmgr__vemu_set_int(o, "max-bytes", bytes);
        vmgr__vemu_set_int(o, "period", period ? period : 1000);
    }
    return r;
}

static int watchdog(const struct job *j)
{
    g_autofree char *model = vmgr__xml_attr(j->root, "model");
    int r;

    if (!vmgr__vemu_has_pci(j->def) || g_strcmp0(model, "i6300esb") != 0)
        return refuse(j, "model", model);
    if (vmgr__vemu_only(j->root, "alias address", "model action", j->err) < 0)
        return -1;
    add(j, "i6300esb", &r);
    return r;
}

/* Where on which virtio-serial device a channel's port is; the guest knows it by its name. */
static int port_address(const struct job *j, struct json_object *o)
{
    const xmlNode *node = vmgr__xml_child(j->root, "address");
    g_autofree char *type = node ? vmgr__xml_attr(node, "type") : NULL;
    unsigned controller_index, bus, port;

    vmgr__vemu_set(o, "bus", "virtio-serial0.0");
    if (!node)
        return 0;
    if (g_strcmp0(type, "virtio-serial") != 0 ||
        !number(node, "controller", 0, &controller_index) || !number(node, "bus", 0, &bus) ||
        !number(node, "port", 30, &port))
        return unsupported(j->err,
                           "only addresses of type 'virtio-serial' on controller 0, ports 1 "
                           "to 30, are supported for <channel> by the vemu driver yet");
    if (port) /* 0: the first that is free */
        vmgr__vemu_set_int(o, "nr", port);
    return 0;
}

static int channel(const struct job *j)
{
    const xmlNode *target = vmgr__xml_child(j->root, "target");
    g_autofree char *kind = target ? vmgr__xml_attr(target, "type") : NULL;
    g_autofree char *name = target ? vmgr__xml_attr(target, "name") : NULL;
    g_autofree char *back = g_strdup_printf("char%s", j->alias ? j->alias : "");
    g_autofree char *socket = g_strdup_printf("%s.sock", j->alias ? j->alias : "channel");
    struct json_object *o;

    if (vmgr__vemu_only(j->root, "source protocol log target alias address", "type", j->err) < 0)
        return -1;
    if (g_strcmp0(kind, "virtio") != 0 || !name)
        return refuse(j, "target", kind);
    /* Without a path the socket is in the run's directory. */
    if (vmgr__vemu_chardev_parts(j->root, back, socket, j->parts, j->err) < 0)
        return -1;
    o = vmgr__vemu_part_add(j->parts, VEMU_PART_DEVICE, "virtserialport", j->alias);
    vmgr__vemu_set(o, "chardev", back);
    vmgr__vemu_set(o, "name", name);
    return port_address(j, o);
}

static int panic(const struct job *j)
{
    g_autofree char *model = vmgr__xml_attr(j->root, "model");

    if (model && strcmp(model, "isa") != 0)
        return refuse(j, "model", model);
    if (vmgr__vemu_only(j->root, "alias", "model", j->err) < 0)
        return -1;
    vmgr__vemu_part_add(j->parts, VEMU_PART_DEVICE, "pvpanic", j->alias);
    return 0;
}

static int input(const struct job *j)
{
    g_autofree char *type = vmgr__xml_attr(j->root, "type");
    g_autofree char *bus = vmgr__xml_attr(j->root, "bus");
    g_autofree char *name = g_strdup_printf("virtio-%s", type ? type : "");
    bool keys = g_strcmp0(type, "keyboard") == 0, mouse = g_strcmp0(type, "mouse") == 0;

    if (vmgr__vemu_only(j->root, "alias address", "type bus", j->err) < 0)
        return -1;
    if (g_strcmp0(bus, "ps2") == 0 && (keys || mouse) && vmgr__vemu_has_pci(j->def))
        return 0; /* part of the machine */
    if (g_strcmp0(bus, "virtio") != 0)
        return refuse(j, "bus", bus);
    if (!keys && !mouse && g_strcmp0(type, "tablet") != 0)
        return refuse(j, "type", type);
    return add_virtio(j, name);
}

static int video(const struct job *j)
{
    const xmlNode *model = vmgr__xml_child(j->root, "model");
    g_autofree char *type = model ? vmgr__xml_attr(model, "type") : NULL;
    g_autofree char *heads = model ? vmgr__xml_attr(model, "heads") : NULL;
    unsigned kib;
    struct json_object *o;
    int r;

    if (g_strcmp0(type, "none") == 0)
        return 0;
    if (g_strcmp0(type, "bochs") != 0 || !vmgr__vemu_has_pci(j->def))
        return refuse(j, "model", type);
    if (vmgr__vemu_only(j->root, "model alias address", "", j->err) < 0 ||
        vmgr__vemu_only(model, "", "type vram heads primary", j->err) < 0)
        return -1;
    if (heads && strcmp(heads, "1") != 0)
        return refuse(j, "heads", heads);
    if (!number(model, "vram", 1u << 20, &kib))
        return refuse(j, "vram", "out of range");
    o = add(j, "bochs-display", &r);
    if (kib)
        vmgr__vemu_setf(o, "vgamem", "%uk", kib);
    return r;
}

/* A serial port or a console, which are no struct vmgr__device; as documents have them. */
static xmlDoc *chardev_doc(const struct vmgr__domain_def *def, const struct vmgr__chardev *c,
                           bool console)
{
    struct vmgr__xml_writer w;
    g_autofree char *text = NULL;

    vmgr__xw_init(&w);
    vmgr__chardev_format(def, c, console, false, 0, &w);
    text = vmgr__xw_finish(&w);
    return vmgr__xml_parse(text, "(device_definition)", NULL, NULL);
}

static int serial(const struct job *j, const struct vmgr__chardev *c)
{
    g_autofree char *back = g_strdup_printf("charserial%d", c->port);
    struct json_object *o;

    if (vmgr__vemu_only(j->root, "source protocol log target alias", "type", j->err) < 0)
        return -1;
    if (strcmp(c->target_type, "isa-serial") != 0 || g_strcmp0(c->target_model, "isa-serial") != 0)
        return unsupported(j->err,
                           "serial port of type '%s' is not supported by the vemu driver yet",
                           c->target_type);
    if (c->port > 3)
        return unsupported(j->err, "serial port %d: there are four, 0 to 3", c->port);
    if (vmgr__vemu_chardev_parts(j->root, back, NULL, j->parts, j->err) < 0)
        return -1;
    o = vmgr__vemu_part_add(j->parts, VEMU_PART_DEVICE, "isa-serial", NULL);
    vmgr__vemu_set(o, "chardev", back);
    vmgr__vemu_set_int(o, "index", c->port);
    return 0;
}

static int console(const struct job *j, const struct vmgr__chardev *c, guint index)
{
    g_autofree char *back = g_strdup_printf("charconsole%u", index);
    g_autofree char *alias = g_strdup_printf("console%u", index);
    struct json_object *o;

    if (strcmp(c->target_type, "virtio") != 0)
        return unsupported(j->err, "<console> of type '%s' is not supported by the vemu driver yet",
                           c->target_type);
    if (vmgr__vemu_only(j->root, "source protocol log target alias address", "type tty", j->err) <
            0 ||
        vmgr__vemu_chardev_parts(j->root, back, NULL, j->parts, j->err) < 0)
        return -1;
    o = vmgr__vemu_part_add(j->parts, VEMU_PART_DEVICE, "virtconsole", alias);
    vmgr__vemu_set(o, "chardev", back);
    return port_address(j, o);
}

static int ports(struct job *j, const struct vmgr__chardev *c, bool is_console, guint index)
{
    xmlDoc *doc = chardev_doc(j->def, c, is_console);
    int r;

    j->root = xmlDocGetRootElement(doc);
    r = is_console ? console(j, c, index) : serial(j, c);
    xmlFreeDoc(doc);
    return r;
}

int vmgr__vemu_serials_parts(const struct vmgr__domain_def *def, struct vemu_parts *parts,
                             struct vmgr_error **err)
{
    struct job j = { .def = def, .parts = parts, .err = err };
    unsigned taken = 0;

    for (guint i = 0; i < def->serials->len; i++) {
        const struct vmgr__chardev *c = def->serials->pdata[i];

        if (ports(&j, c, false, i) < 0)
            return -1;
        if (taken & 1u << c->port)
            return unsupported(err, "serial port %d is used twice", c->port);
        taken |= 1u << c->port;
    }
    return 0;
}

int vmgr__vemu_consoles_parts(const struct vmgr__domain_def *def, struct vemu_parts *parts,
                              struct vmgr_error **err)
{
    struct job j = { .def = def, .parts = parts, .err = err };

    for (guint i = def->console_is_serial ? 1 : 0; i < def->consoles->len; i++) {
        if (ports(&j, def->consoles->pdata[i], true, i) < 0)
            return -1;
    }
    return 0;
}

static const struct {
    const char *name;
    int (*make)(const struct job *job);
} kinds[] = {
    { "controller", controller }, { "memballoon", memballoon }, { "rng", rng },
    { "watchdog", watchdog },     { "channel", channel },       { "panic", panic },
    { "input", input },           { "video", video },
};

/* Those that have files of their own. */
static const struct {
    const char *name;
    int (*make)(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                struct vemu_parts *parts, struct vmgr_error **err);
} others[] = {
    { "disk", vmgr__vemu_disk_parts },
    { "interface", vmgr__vemu_interface_parts },
    { "filesystem", vmgr__vemu_filesystem_parts },
    { "vsock", vmgr__vemu_vsock_parts },
    { "memory", vmgr__vemu_memory_parts },
};

int vmgr__vemu_device_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                            struct vemu_parts *parts, struct vmgr_error **err)
{
    g_autofree char *alias = NULL;
    struct job j = { .def = def, .parts = parts, .err = err };
    xmlDoc *doc;
    int r = -1;

    if (dev->unknown)
        return 0;
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        if (strcmp(dev->name, others[i].name) == 0)
            return others[i].make(def, dev, parts, err);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(dev->name, kinds[i].name) != 0)
            continue;
        doc = vmgr__device_doc(dev);
        j.root = xmlDocGetRootElement(doc);
        j.alias = alias = vmgr__device_alias(dev);
        r = kinds[i].make(&j);
        xmlFreeDoc(doc);
        return r;
    }
    return unsupported(err, "<%s> is not supported by the vemu driver yet", dev->name);
}
