/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <device>: what is read of a device that is to be made.
 */
#include "nodedev.h"

#include <string.h>
#include <vmgr/nodedev.h>

#include "def.h"

#define WWN_DIGITS 16

static void attr_free(void *data)
{
    struct vmgr__nodedev_attr *attr = data;

    g_free(attr->name);
    g_free(attr->value);
    g_free(attr);
}

GPtrArray *vmgr__nodedev_attrs_new(void)
{
    return g_ptr_array_new_with_free_func(attr_free);
}

void vmgr__nodedev_attrs_add(GPtrArray *attrs, const char *name, const char *value)
{
    struct vmgr__nodedev_attr *attr = g_new0(struct vmgr__nodedev_attr, 1);

    attr->name = g_strdup(name);
    attr->value = g_strdup(value);
    g_ptr_array_add(attrs, attr);
}

void vmgr__nodedev_def_free(struct vmgr__nodedev_def *def)
{
    if (!def)
        return;
    g_free(def->name);
    g_free(def->parent);
    g_free(def->parent_wwnn);
    g_free(def->parent_wwpn);
    g_free(def->parent_fabric);
    g_free(def->wwnn);
    g_free(def->wwpn);
    g_free(def->type);
    g_free(def->uuid);
    g_ptr_array_unref(def->attrs);
    g_free(def);
}

int vmgr__wwn_check(const char *wwn, struct vmgr_error **err)
{
    if (strlen(wwn) == WWN_DIGITS && strspn(wwn, "0123456789abcdefABCDEF") == WWN_DIGITS)
        return 0;
    return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "Malformed wwn: %s", wwn);
}

/* The text of a child; NULL: it is not there or empty. */
static char *text_of(const xmlNode *parent, const char *name)
{
    const xmlNode *node = vmgr__xml_child(parent, name);
    char *text = node ? vmgr__xml_text(node) : NULL;

    if (text && !*text)
        g_clear_pointer(&text, g_free);
    return text;
}

static int read_parent(const xmlNode *root, struct vmgr__nodedev_def *def, struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(root, "parent");

    if (!node)
        return 0;
    def->parent = text_of(root, "parent");
    def->parent_wwnn = vmgr__xml_attr(node, "wwnn");
    def->parent_wwpn = vmgr__xml_attr(node, "wwpn");
    def->parent_fabric = vmgr__xml_attr(node, "fabric_wwn");
    if (def->parent_wwnn && !def->parent_wwpn)
        return nodedev_error(err, VMGR_ERR_XML_ERROR,
                             "when providing parent wwnn='%s', the wwpn must also be provided",
                             def->parent_wwnn);
    if (def->parent_wwpn && !def->parent_wwnn)
        return nodedev_error(err, VMGR_ERR_XML_ERROR,
                             "when providing parent wwpn='%s', the wwnn must also be provided",
                             def->parent_wwpn);
    return 0;
}

static int read_scsi_host(const xmlNode *node, struct vmgr__nodedev_def *def,
                          struct vmgr_error **err)
{
    def->kind = VMGR__NODEDEV_SCSI_HOST;
    for (const xmlNode *c = vmgr__xml_child(node, "capability"); c;
         c = vmgr__xml_next(c, "capability")) {
        g_autofree char *type = vmgr__xml_attr(c, "type");

        if (!type)
            return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR,
                                 "missing SCSI host capability type for '%s'", def->name);
        if (strcmp(type, "fc_host") != 0 && strcmp(type, "vport_ops") != 0)
            return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR,
                                 "unknown SCSI host capability type '%s' for '%s'", type,
                                 def->name);
        if (strcmp(type, "fc_host") != 0 || def->kind == VMGR__NODEDEV_FC_HOST)
            continue;
        def->kind = VMGR__NODEDEV_FC_HOST;
        def->wwnn = text_of(c, "wwnn");
        def->wwpn = text_of(c, "wwpn");
    }
    return 0;
}

static int read_mdev(const xmlNode *node, struct vmgr__nodedev_def *def, struct vmgr_error **err)
{
    const xmlNode *type = vmgr__xml_child(node, "type");
    g_autofree char *uuid = text_of(node, "uuid");
    uint8_t bytes[VMGR_UUID_SIZE];
    char text[VMGR_UUID_STRING_SIZE];

    def->kind = VMGR__NODEDEV_MDEV;
    def->type = type ? vmgr__xml_attr(type, "id") : NULL;
    if (!def->type || !*def->type)
        return nodedev_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "missing type id attribute for '%s'",
                             def->name);
    if (uuid && !vmgr__uuid_parse(uuid, bytes))
        return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "Invalid uuid '%s' for new mdev device",
                             uuid);
    if (uuid) {
        vmgr__uuid_format(bytes, text);
        def->uuid = g_strdup(text);
    }
    for (const xmlNode *c = vmgr__xml_child(node, "attr"); c; c = vmgr__xml_next(c, "attr")) {
        g_autofree char *name = vmgr__xml_attr(c, "name");
        g_autofree char *value = vmgr__xml_attr(c, "value");

        if (!name || !value)
            return nodedev_error(err, VMGR_ERR_XML_ERROR, "mdev attribute missing name or value");
        vmgr__nodedev_attrs_add(def->attrs, name, value);
    }
    return 0;
}

/* The first capability is the device's kind. */
static int read_capability(const xmlNode *root, struct vmgr__nodedev_def *def,
                           struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(root, "capability");
    g_autofree char *type = node ? vmgr__xml_attr(node, "type") : NULL;
    unsigned n = 0;

    if (!node)
        return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "no device capabilities for '%s'",
                             def->name);
    if (!type)
        return nodedev_error(err, VMGR_ERR_XML_ERROR,
                             "Missing required attribute 'type' in element 'capability'");
    while (vmgr_nodedev_cap_name(n) && strcmp(vmgr_nodedev_cap_name(n), type) != 0)
        n++;
    if (!vmgr_nodedev_cap_name(n))
        return nodedev_error(err, VMGR_ERR_XML_ERROR,
                             "Invalid value for attribute 'type' in element 'capability': '%s'.",
                             type);
    if (strcmp(type, "scsi_host") == 0)
        return read_scsi_host(node, def, err);
    if (strcmp(type, "mdev") == 0)
        return read_mdev(node, def, err);
    def->kind = VMGR__NODEDEV_OTHER;
    return 0;
}

struct vmgr__nodedev_def *vmgr__nodedev_def_parse(const char *xml, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(node_device_definition)", "device", err);
    struct vmgr__nodedev_def *def;
    const xmlNode *root;
    int r;

    if (!doc)
        return NULL;
    root = xmlDocGetRootElement(doc);
    def = g_new0(struct vmgr__nodedev_def, 1);
    def->attrs = vmgr__nodedev_attrs_new();
    def->name = text_of(root, "name");
    if (!def->name)
        def->name = g_strdup("new device");
    r = read_capability(root, def, err);
    if (r == 0)
        r = read_parent(root, def, err);
    xmlFreeDoc(doc);
    if (r == 0)
        return def;
    vmgr__nodedev_def_free(def);
    return NULL;
}
