/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <vsock>: checked, told how its address is chosen if it does not say, and kept.
 */
#include "element.h"

#include <string.h>

#define CID_FIRST 3 /* below are everybody's and the host's */

static const char *const models[] = { "virtio", "virtio-transitional", "virtio-non-transitional",
                                      NULL };
static const char *const yes_no[] = { "yes", "no", NULL };

static int check_cid(struct vmgr__parse *p, xmlNode *cid)
{
    g_autofree char *text = vmgr__xml_attr(cid, "address");
    int index, r = vmgr__xml_enum(cid, "auto", yes_no, &index, p->err);
    uint32_t n;

    if (r < 0)
        return -1;
    if (text && !vmgr__parse_u32(text, &n))
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute 'address' in element 'cid': '%s'. Expected "
                          "non-negative integer value",
                          text);
    if (text && n < CID_FIRST)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "guest CIDs must be >= 3");
    if (r == 0)
        xmlNewProp(cid, BAD_CAST "auto", BAD_CAST(text ? "no" : "yes"));
    return 0;
}

int vmgr__vsock_check(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev)
{
    xmlNode *cid = vmgr__xml_child(node, "cid");

    for (guint i = 0; i + 1 < p->def->devices->len; i++) {
        const struct vmgr__device *other = p->def->devices->pdata[i];

        if (other->kind == dev->kind)
            return conf_error(p, VMGR_ERR_XML_ERROR, "only a single vsock device is supported");
    }
    if (vmgr__xml_enum(node, "model", models, &dev->model, p->err) < 0)
        return -1;
    if (!xmlHasProp(node, BAD_CAST "model"))
        xmlNewProp(node, BAD_CAST "model", BAD_CAST models[0]);
    if (!cid)
        cid = xmlNewChild(node, NULL, BAD_CAST "cid", NULL);
    return check_cid(p, cid);
}
