/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <filesystem>: checked, told how its files are accessed if it does not say, and kept.
 */
#include "element.h"

#include <string.h>

static const char *const types[] = { "mount", "block", "file",   "template",
                                     "ram",   "bind",  "volume", NULL };
static const char *const drivers[] = { "path",  "handle",   "loop", "nbd",
                                       "ploop", "virtiofs", "mtp",  NULL };
static const char *const access_modes[] = { "passthrough", "mapped", "squash", NULL };
static const char *const models[] = { "virtio", "virtio-transitional", "virtio-non-transitional",
                                      NULL };
static const char *const multidevs[] = { "default", "remap", "forbid", "warn", NULL };
static const char *const wrpolicies[] = { "immediate", NULL };
/* Of <source>, by type; NULL: it has none. */
static const char *const source_attrs[] = { "dir", "dev", "file",   "name",
                                            NULL,  "dir", "volume", NULL };

/* Modes of files are written in octal, with four digits; 0 says nothing. */
static int check_mode(struct vmgr__parse *p, xmlNode *node, const char *attr)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);
    char canonical[8];
    guint64 mode;

    if (!text)
        return 0;
    if (*text && strlen(text) <= 10 && strspn(text, "01234567") == strlen(text)) {
        mode = g_ascii_strtoull(text, NULL, 8);
        if (mode > 0777)
            return conf_error(p, VMGR_ERR_XML_ERROR, "invalid %s: '0%" G_GINT64_MODIFIER "o'", attr,
                              mode);
        g_snprintf(canonical, sizeof(canonical), "%04o", (unsigned)mode);
        if (mode)
            xmlSetProp(node, BAD_CAST attr, BAD_CAST canonical);
        else
            xmlUnsetProp(node, BAD_CAST attr);
        return 0;
    }
    return conf_error(p, VMGR_ERR_XML_ERROR,
                      "Invalid value for attribute '%s' in element 'filesystem': '%s'. Expected "
                      "non-negative integer value",
                      attr, text);
}

static int check_words(struct vmgr__parse *p, xmlNode *node, int *ret_type)
{
    const xmlNode *driver = vmgr__xml_child(node, "driver");
    int index;

    *ret_type = 0;
    if (vmgr__xml_enum(node, "type", types, ret_type, p->err) < 0 ||
        vmgr__xml_enum(node, "accessmode", access_modes, &index, p->err) < 0 ||
        vmgr__xml_enum(node, "model", models, &index, p->err) < 0 ||
        vmgr__xml_enum(node, "multidevs", multidevs, &index, p->err) < 0 ||
        check_mode(p, node, "fmode") < 0 || check_mode(p, node, "dmode") < 0)
        return -1;
    if (driver && (vmgr__xml_enum(driver, "type", drivers, &index, p->err) < 0 ||
                   vmgr__xml_enum(driver, "wrpolicy", wrpolicies, &index, p->err) < 0))
        return -1;
    return 0;
}

static void set_default(xmlNode *node, const char *attr, const char *value)
{
    if (!xmlHasProp(node, BAD_CAST attr))
        xmlNewProp(node, BAD_CAST attr, BAD_CAST value);
}

int vmgr__filesystem_check(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev)
{
    const xmlNode *source = vmgr__xml_child(node, "source");
    const xmlNode *driver = vmgr__xml_child(node, "driver");
    g_autofree char *kind = driver ? vmgr__xml_attr(driver, "type") : NULL;
    g_autofree char *socket = NULL;
    int type;

    if (check_words(p, node, &type) < 0)
        return -1;
    if (source && source_attrs[type])
        dev->source = vmgr__xml_attr(source, source_attrs[type]);
    if (source && g_strcmp0(kind, "virtiofs") == 0)
        socket = vmgr__xml_attr(source, "socket");
    if (vmgr__xml_child(node, "target"))
        dev->target = vmgr__xml_attr(vmgr__xml_child(node, "target"), "dir");
    if (source_attrs[type] && !dev->source && !socket)
        return conf_error(p, VMGR_ERR_NO_SOURCE, dev->target ? "%s" : NULL, dev->target);
    if (!dev->target)
        return conf_error(p, VMGR_ERR_NO_TARGET, dev->source ? "%s" : NULL, dev->source);
    set_default(node, "type", types[type]);
    if (!socket) /* who has the socket decides */
        set_default(node, "accessmode", access_modes[0]);
    return 0;
}
