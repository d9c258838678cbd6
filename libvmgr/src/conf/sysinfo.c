/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <sysinfo>: is kept; the UUID in it is the domain's.
 */
#include <string.h>

#include "element.h"

static const xmlNode *uuid_entry(const xmlNode *root)
{
    for (const xmlNode *info = vmgr__xml_child(root, "sysinfo"); info;
         info = vmgr__xml_next(info, "sysinfo")) {
        const xmlNode *system = vmgr__xml_child(info, "system");
        g_autofree char *type = vmgr__xml_attr(info, "type");
        const xmlNode *entry =
            g_strcmp0(type, "smbios") == 0 && system ? vmgr__xml_child(system, "entry") : NULL;

        for (; entry; entry = vmgr__xml_next(entry, "entry")) {
            g_autofree char *name = vmgr__xml_attr(entry, "name");

            if (g_strcmp0(name, "uuid") == 0)
                return entry;
        }
    }
    return NULL;
}

int vmgr__sysinfo_uuid(struct vmgr__parse *p, const xmlNode *root)
{
    const xmlNode *entry = uuid_entry(root);
    g_autofree char *text = entry ? vmgr__xml_text(entry) : NULL;
    uint8_t uuid[VMGR_UUID_SIZE];

    if (!text)
        return 0;
    if (!vmgr__uuid_parse(text, uuid))
        return conf_error(p, VMGR_ERR_XML_DETAIL, "malformed <sysinfo> uuid element");
    if (p->def->has_uuid && memcmp(uuid, p->def->uuid, sizeof(uuid)) != 0)
        return conf_error(p, VMGR_ERR_XML_DETAIL, "UUID mismatch between <uuid> and <sysinfo>");
    memcpy(p->def->uuid, uuid, sizeof(uuid));
    p->def->has_uuid = true;
    return 0;
}
