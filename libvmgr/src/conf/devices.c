/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <devices>: the table of device elements; <emulator>; devices that are checked and kept.
 *
 * The table stands in the order in which devices are written. A device with a parser of its own is
 * read into the definition; the others are kept as text, after their check if they have one.
 * Whether a driver can give a device to a guest is the driver's affair, when the guest starts.
 */
#include "device.h"

#include <string.h>

#include "canonical.h"
#include "element.h"

struct device_class {
    const char *name;
    int (*check)(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev);
};

static const struct device_class classes[] = {
    { "emulator", NULL },
    { "disk", vmgr__disk_check },
    { "controller", NULL },
    { "lease", NULL },
    { "filesystem", vmgr__filesystem_check },
    { "interface", vmgr__interface_check },
    { "smartcard", NULL },
    { "serial", NULL },
    { "parallel", NULL },
    { "console", NULL },
    { "channel", NULL },
    { "input", NULL },
    { "tpm", NULL },
    { "graphics", NULL },
    { "sound", NULL },
    { "audio", NULL },
    { "video", NULL },
    { "hostdev", NULL },
    { "redirdev", NULL },
    { "redirfilter", NULL },
    { "hub", NULL },
    { "watchdog", NULL },
    { "memballoon", vmgr__memballoon_check },
    { "rng", NULL },
    { "nvram", NULL },
    { "panic", NULL },
    { "shmem", NULL },
    { "memory", vmgr__memory_device_check },
    { "iommu", NULL },
    { "vsock", vmgr__vsock_check },
    { "crypto", NULL },
};

static int class_index(const xmlNode *node)
{
    for (size_t i = 0; !node->ns && i < G_N_ELEMENTS(classes); i++) {
        if (strcmp(classes[i].name, (const char *)node->name) == 0)
            return (int)i;
    }
    return G_N_ELEMENTS(classes);
}

void vmgr__device_free(void *data)
{
    struct vmgr__device *dev = data;

    g_free(dev->name);
    g_free(dev->text);
    g_free(dev->source);
    g_free(dev->target);
    g_free(dev);
}

/* Names that a run gave to devices mean nothing to the next; those of users begin with "ua-". */
static void drop_alias(xmlNode *node)
{
    xmlNode *alias = vmgr__xml_child(node, "alias");
    g_autofree char *name = alias ? vmgr__xml_attr(alias, "name") : NULL;

    if (name && !g_str_has_prefix(name, "ua-")) {
        xmlUnlinkNode(alias);
        xmlFreeNode(alias);
    }
}

static int keep_device(struct vmgr__parse *p, xmlNode *node, int kind)
{
    struct vmgr__device *dev = g_new0(struct vmgr__device, 1);

    dev->kind = kind;
    dev->unknown = kind == G_N_ELEMENTS(classes) && !node->ns;
    dev->name = g_strdup((const char *)node->name);
    g_ptr_array_add(p->def->devices, dev);
    if (kind == G_N_ELEMENTS(classes))
        vmgr__warn_element(p, node, "devices");
    else if (classes[kind].check && classes[kind].check(p, node, dev) < 0)
        return -1;
    if (p->flags & VMGR__CONF_INACTIVE)
        drop_alias(node);
    if (kind != G_N_ELEMENTS(classes))
        vmgr__canonical(p, node, "");
    dev->text = vmgr__xml_keep(node, 2);
    return 0;
}

struct vmgr__device *vmgr__device_read(struct vmgr__parse *p, xmlNode *node)
{
    int kind = class_index(node);

    if (kind == G_N_ELEMENTS(classes) || kind == 0) {
        conf_error(p, VMGR_ERR_XML_ERROR, "unknown device type '%s'", (const char *)node->name);
        return NULL;
    }
    if (vmgr__xml_is(node, "serial") || vmgr__xml_is(node, "console")) {
        conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                   "<%s> cannot be attached, changed or detached by itself yet",
                   (const char *)node->name);
        return NULL;
    }
    if (keep_device(p, node, kind) < 0)
        return NULL;
    return vmgr__device_copy(p->def->devices->pdata[0]);
}

static int parse_device(struct vmgr__parse *p, xmlNode *node)
{
    struct vmgr__domain_def *def = p->def;
    bool serial = vmgr__xml_is(node, "serial");

    if (vmgr__xml_is(node, "emulator")) {
        if (!def->emulator)
            def->emulator = vmgr__xml_text(node);
        if (!*def->emulator)
            g_clear_pointer(&def->emulator, g_free);
        return 0;
    }
    if (serial || vmgr__xml_is(node, "console")) {
        struct vmgr__chardev *c = vmgr__chardev_parse(p, node);

        if (!c)
            return -1;
        g_ptr_array_add(serial ? def->serials : def->consoles, c);
        return 0;
    }
    return keep_device(p, node, class_index(node));
}

static int devices_parse(struct vmgr__parse *p, xmlNode *node)
{
    if (node)
        vmgr__warn_attrs(p, node, NULL);
    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        if (parse_device(p, c) < 0)
            return -1;
    }
    if (vmgr__disk_settle(p, "disk") < 0)
        return -1;
    return vmgr__chardev_settle(p);
}

/* A display's password is for those alone who may change it. */
static void write_device(const struct vmgr__device *dev, uint32_t flags, struct vmgr__xml_writer *w)
{
    g_autofree char *text = NULL;
    xmlDoc *doc;

    if (!(flags & VMGR__CONF_PUBLIC) || strcmp(dev->name, "graphics") != 0 ||
        !strstr(dev->text, " passwd=")) {
        vmgr__xw_raw(w, dev->text);
        return;
    }
    doc = vmgr__device_doc(dev);
    xmlUnsetProp(xmlDocGetRootElement(doc), BAD_CAST "passwd");
    text = vmgr__xml_keep(xmlDocGetRootElement(doc), 2);
    vmgr__xw_raw(w, text);
    xmlFreeDoc(doc);
}

static void devices_format(const struct vmgr__domain_def *def, uint32_t flags,
                           struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "devices");
    vmgr__xw_content(w);
    vmgr__xw_text(w, "emulator", def->emulator);
    for (int kind = 0; kind <= (int)G_N_ELEMENTS(classes); kind++) {
        const char *name = kind < (int)G_N_ELEMENTS(classes) ? classes[kind].name : "";

        if (strcmp(name, "serial") == 0) {
            for (guint i = 0; i < def->serials->len; i++)
                vmgr__chardev_format(def, def->serials->pdata[i], false, false, flags, w);
        } else if (strcmp(name, "console") == 0) {
            for (guint i = 0; i < def->consoles->len; i++)
                vmgr__chardev_format(def, def->consoles->pdata[i], true,
                                     i == 0 && def->console_is_serial, flags, w);
        }
        for (guint i = 0; i < def->devices->len; i++) {
            const struct vmgr__device *dev = def->devices->pdata[i];

            if (dev->kind == kind)
                write_device(dev, flags, w);
        }
    }
    vmgr__xw_end(w, "devices");
}

const struct vmgr__element vmgr__element_devices = { "devices", devices_parse, devices_format,
                                                     .always = true };
