/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <memballoon>: checked and kept.
 */
#include "element.h"

#include <string.h>

int vmgr__memballoon_check(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev)
{
    static const char *const models[] = {
        "none", "virtio", "xen", "virtio-transitional", "virtio-non-transitional", NULL
    };

    for (guint i = 0; i + 1 < p->def->devices->len; i++) {
        const struct vmgr__device *other = p->def->devices->pdata[i];

        if (other->kind == dev->kind)
            return conf_error(p, VMGR_ERR_INTERNAL_ERROR,
                              "only a single memory balloon device is supported");
    }
    switch (vmgr__xml_enum(node, "model", models, &dev->model, p->err)) {
    case -1: return -1;
    case 0:
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Missing required attribute 'model' in element 'memballoon'");
    default: return 0;
    }
}
