/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <filterbinding>: an interface of the host, whose it is, and the filter it has.
 */
#include <string.h>

#include "def.h"
#include "network.h"
#include "nwfilter.h"

#define missing(err, what)                                                                         \
    nwfilter_error(err, VMGR_ERR_INTERNAL_ERROR, "filter binding has no %s", what)

void vmgr__nwfilter_binding_clear(struct vmgr__nwfilter_binding *b)
{
    g_free(b->owner);
    g_free(b->interface);
    g_free(b->link);
    g_free(b->mac);
    vmgr__nwfilter_ref_free(b->ref);
    memset(b, 0, sizeof(*b));
}

static char *text_of(const xmlNode *parent, const char *name)
{
    const xmlNode *node = parent ? vmgr__xml_child(parent, name) : NULL;

    return node ? vmgr__xml_text(node) : NULL;
}

static char *attr_of(const xmlNode *parent, const char *name, const char *attr)
{
    const xmlNode *node = vmgr__xml_child(parent, name);
    char *value = node ? vmgr__xml_attr(node, attr) : NULL;

    if (value && !*value)
        g_clear_pointer(&value, g_free);
    return value;
}

static int read_owner(const xmlNode *root, struct vmgr__nwfilter_binding *ret,
                      struct vmgr_error **err)
{
    const xmlNode *owner = vmgr__xml_child(root, "owner");
    g_autofree char *uuid = text_of(owner, "uuid");

    ret->owner = text_of(owner, "name");
    if (!ret->owner || !*ret->owner)
        return missing(err, "owner name");
    if (!uuid || !*uuid)
        return missing(err, "owner UUID");
    if (!vmgr__uuid_parse(uuid, ret->uuid))
        return nwfilter_error(err, VMGR_ERR_INTERNAL_ERROR, "Unable to parse UUID '%s'", uuid);
    return 0;
}

static int read_binding(const xmlNode *root, struct vmgr__nwfilter_binding *ret,
                        struct vmgr_error **err)
{
    g_autofree char *mac = attr_of(root, "mac", "address");
    const xmlNode *ref = vmgr__xml_child(root, "filterref");
    char canonical[VMGR__MAC_TEXT];
    uint8_t bytes[6];

    ret->interface = attr_of(root, "portdev", "name");
    if (!ret->interface)
        return missing(err, "port dev name");
    ret->link = attr_of(root, "linkdev", "name");
    if (!ret->link && vmgr__xml_child(root, "linkdev"))
        return missing(err, "link dev name");
    if (read_owner(root, ret, err) < 0)
        return -1;
    if (!mac)
        return missing(err, "MAC address");
    if (!vmgr__mac_parse(mac, bytes))
        return nwfilter_error(err, VMGR_ERR_INTERNAL_ERROR, "Unable to parse MAC '%s'", mac);
    ret->mac = g_strdup(vmgr__mac_format(bytes, canonical));
    if (!ref)
        return missing(err, "filter reference");
    ret->ref = vmgr__nwfilter_ref_read(ref, err);
    return ret->ref ? 0 : -1;
}

int vmgr__nwfilter_binding_parse(const char *xml, struct vmgr__nwfilter_binding *ret,
                                 struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(nwfilterbinding_definition)", "filterbinding", err);
    int r;

    memset(ret, 0, sizeof(*ret));
    if (!doc)
        return -1;
    r = read_binding(xmlDocGetRootElement(doc), ret, err);
    xmlFreeDoc(doc);
    if (r < 0)
        vmgr__nwfilter_binding_clear(ret);
    return r;
}

char *vmgr__nwfilter_binding_format(const struct vmgr__nwfilter_binding *b)
{
    char uuid[VMGR_UUID_STRING_SIZE];
    struct vmgr__xml_writer w;

    vmgr__uuid_format(b->uuid, uuid);
    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "filterbinding");
    vmgr__xw_begin(&w, "owner");
    vmgr__xw_text(&w, "name", b->owner);
    vmgr__xw_text(&w, "uuid", uuid);
    vmgr__xw_end(&w, "owner");
    vmgr__xw_begin(&w, "portdev");
    vmgr__xw_attr(&w, "name", b->interface);
    vmgr__xw_end(&w, "portdev");
    if (b->link) {
        vmgr__xw_begin(&w, "linkdev");
        vmgr__xw_attr(&w, "name", b->link);
        vmgr__xw_end(&w, "linkdev");
    }
    vmgr__xw_begin(&w, "mac");
    vmgr__xw_attr(&w, "address", b->mac);
    vmgr__xw_end(&w, "mac");
    vmgr__nwfilter_ref_write(b->ref, &w);
    vmgr__xw_end(&w, "filterbinding");
    return vmgr__xw_finish(&w);
}
