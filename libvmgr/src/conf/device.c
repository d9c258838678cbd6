/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device by itself: reading one from a document of its own, finding it in a definition, and
 * changing parts of a device that is kept as text.
 */
#include "device.h"

#include <string.h>

#include "element.h"
#include "memory-device.h"

struct vmgr__device *vmgr__device_parse(const char *xml, const struct vmgr__conf_defaults *defaults,
                                        uint32_t flags, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(device_definition)", NULL, err);

    return doc ? vmgr__device_from_doc(doc, defaults, flags, err) : NULL;
}

struct vmgr__device *vmgr__device_from_doc(xmlDoc *doc, const struct vmgr__conf_defaults *defaults,
                                           uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__parse p = { .defaults = defaults, .flags = flags, .err = err };
    struct vmgr__device *dev;

    p.def = vmgr__domain_def_new();
    dev = vmgr__device_read(&p, xmlDocGetRootElement(doc));
    vmgr__domain_def_free(p.def);
    xmlFreeDoc(doc);
    return dev;
}

struct vmgr__device *vmgr__device_copy(const struct vmgr__device *dev)
{
    struct vmgr__device *copy = g_new0(struct vmgr__device, 1);

    *copy = *dev;
    copy->name = g_strdup(dev->name);
    copy->text = g_strdup(dev->text);
    copy->source = g_strdup(dev->source);
    copy->target = g_strdup(dev->target);
    return copy;
}

xmlDoc *vmgr__device_doc(const struct vmgr__device *dev)
{
    return vmgr__xml_parse(dev->text, "(device_definition)", dev->name, NULL);
}

void vmgr__device_set_doc(struct vmgr__device *dev, xmlDoc *doc)
{
    g_free(dev->text);
    dev->text = vmgr__xml_keep(xmlDocGetRootElement(doc), 2);
    xmlFreeDoc(doc);
}

char *vmgr__device_get(const struct vmgr__device *dev, const char *element, const char *attr)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    xmlNode *node = element ? vmgr__xml_child(root, element) : root;
    char *value = node ? vmgr__xml_attr(node, attr) : NULL;

    if (doc)
        xmlFreeDoc(doc);
    return value;
}

xmlNode *vmgr__device_child(xmlNode *root, const char *name)
{
    xmlNode *node = vmgr__xml_child(root, name);

    return node ? node : xmlNewChild(root, NULL, BAD_CAST name, NULL);
}

char *vmgr__device_alias(const struct vmgr__device *dev)
{
    return vmgr__device_get(dev, "alias", "name");
}

void vmgr__device_set_alias(struct vmgr__device *dev, const char *alias)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *root = xmlDocGetRootElement(doc);
    xmlNode *address = vmgr__xml_child(root, "address");
    xmlNode *node = vmgr__xml_child(root, "alias");

    if (!node) {
        node = xmlNewDocNode(doc, NULL, BAD_CAST "alias", NULL);
        if (address)
            xmlAddPrevSibling(address, node);
        else
            xmlAddChild(root, node);
    }
    xmlSetProp(node, BAD_CAST "name", BAD_CAST alias);
    vmgr__device_set_doc(dev, doc);
}

int vmgr__device_index(const struct vmgr__domain_def *def, const struct vmgr__device *dev)
{
    guint i;

    for (i = 0; i < def->devices->len; i++) {
        if (def->devices->pdata[i] == dev)
            return (int)i;
    }
    return -1;
}

static struct vmgr__device *find_by(const struct vmgr__domain_def *def, const char *name,
                                    const char *element, const char *attr, const char *value)
{
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *has = NULL;

        if (name && strcmp(dev->name, name) != 0)
            continue;
        has = vmgr__device_get(dev, element, attr);
        if (has && g_ascii_strcasecmp(has, value) == 0)
            return dev;
    }
    return NULL;
}

struct vmgr__device *vmgr__device_by_alias(const struct vmgr__domain_def *def, const char *alias)
{
    return find_by(def, NULL, "alias", "name", alias);
}

struct vmgr__device *vmgr__disk_find(const struct vmgr__domain_def *def, const char *path)
{
    struct vmgr__device *by_source = NULL;

    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];

        if (strcmp(dev->name, "disk") != 0)
            continue;
        if (g_strcmp0(dev->target, path) == 0)
            return dev;
        if (!by_source && g_strcmp0(dev->source, path) == 0)
            by_source = dev;
    }
    return by_source;
}

struct vmgr__device *vmgr__interface_find(const struct vmgr__domain_def *def, const char *name)
{
    struct vmgr__device *dev = find_by(def, "interface", "target", "dev", name);

    return dev ? dev : find_by(def, "interface", "mac", "address", name);
}

struct vmgr__device *vmgr__filesystem_find(const struct vmgr__domain_def *def, const char *target)
{
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];

        if (strcmp(dev->name, "filesystem") == 0 && g_strcmp0(dev->target, target) == 0)
            return dev;
    }
    return NULL;
}

/* Text of a device without what a run adds to it. */
static char *bare(const struct vmgr__device *dev)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    char *text;

    if (!doc)
        return NULL; /* of another namespace */
    for (int i = 0; i < 2; i++) {
        xmlNode *node = vmgr__xml_child(xmlDocGetRootElement(doc), i ? "address" : "alias");

        if (node) {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        }
    }
    text = vmgr__xml_keep(xmlDocGetRootElement(doc), 2);
    xmlFreeDoc(doc);
    return text;
}

struct vmgr__device *vmgr__device_match(const struct vmgr__domain_def *def,
                                        const struct vmgr__device *like, struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(like);
    g_autofree char *mac = NULL;
    g_autofree char *text = NULL;
    struct vmgr__device *found;

    if (strcmp(like->name, "disk") == 0) {
        found = vmgr__disk_find(def, like->target);
        if (!found)
            vmgr__error_set(err, VMGR_ERR_DEVICE_MISSING, VMGR_FROM_DOMAIN, "disk %s not found",
                            like->target);
        return found;
    }
    if (strcmp(like->name, "interface") == 0) {
        mac = vmgr__device_get(like, "mac", "address");
        found = find_by(def, "interface", "mac", "address", mac);
        if (!found)
            vmgr__error_set(err, VMGR_ERR_DEVICE_MISSING, VMGR_FROM_DOMAIN,
                            "matching network device was not found");
        return found;
    }
    if (strcmp(like->name, "filesystem") == 0) {
        found = vmgr__filesystem_find(def, like->target);
        if (!found)
            vmgr__error_set(err, VMGR_ERR_DEVICE_MISSING, VMGR_FROM_DOMAIN,
                            "matching filesystem device was not found");
        return found;
    }
    if (strcmp(like->name, "memory") == 0)
        return vmgr__memory_device_find(def, like, err);
    found = alias ? vmgr__device_by_alias(def, alias) : NULL;
    if (found && strcmp(found->name, like->name) == 0)
        return found;
    text = bare(like);
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *other = strcmp(dev->name, like->name) == 0 ? bare(dev) : NULL;

        if (g_strcmp0(other, text) == 0)
            return dev;
    }
    vmgr__error_set(err, VMGR_ERR_DEVICE_MISSING, VMGR_FROM_DOMAIN,
                    "matching %s device was not found", like->name);
    return NULL;
}

struct vmgr__device *vmgr__channel_find(const struct vmgr__domain_def *def, const char *name)
{
    struct vmgr__device *by_name = NULL;

    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *alias = NULL, *target = NULL;

        if (strcmp(dev->name, "channel") != 0)
            continue;
        alias = vmgr__device_alias(dev);
        target = vmgr__device_get(dev, "target", "name");
        if (!name || g_strcmp0(alias, name) == 0)
            return dev;
        if (!by_name && g_strcmp0(target, name) == 0)
            by_name = dev;
    }
    return by_name;
}

struct vmgr__device *vmgr__device_inherit(const struct vmgr__device *old,
                                          const struct vmgr__device *fresh)
{
    static const char *const kept[] = { "alias", "address" };
    struct vmgr__device *dev = vmgr__device_copy(fresh);
    xmlDoc *doc = vmgr__device_doc(dev), *from = vmgr__device_doc(old);
    xmlNode *root = xmlDocGetRootElement(doc);

    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        xmlNode *node = vmgr__xml_child(xmlDocGetRootElement(from), kept[i]);

        if (node && !vmgr__xml_child(root, kept[i]))
            xmlAddChild(root, xmlDocCopyNode(node, doc, 1));
    }
    xmlFreeDoc(from);
    vmgr__device_set_doc(dev, doc);
    return dev;
}

void vmgr__device_replace(struct vmgr__domain_def *def, struct vmgr__device *old,
                          const struct vmgr__device *fresh)
{
    struct vmgr__device *dev = vmgr__device_inherit(old, fresh);

    def->devices->pdata[vmgr__device_index(def, old)] = dev;
    vmgr__device_free(old);
}
