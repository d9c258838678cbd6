/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of a definition's sizes, with the limits that every driver has.
 */
#include <string.h>

#include "../conf/device.h"
#include "../conf/memory-device.h"
#include "domobj.h"

#define invalid(err, ...) vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN, __VA_ARGS__)

/* Cells say how much each of them has. */
static bool has_cells(const struct vmgr__domain_def *def)
{
    for (guint i = 0; def->cpu.present && i < def->cpu.kept_names->len; i++) {
        if (strcmp(def->cpu.kept_names->pdata[i], "numa") == 0 &&
            strstr(def->cpu.kept->pdata[i], "<cell"))
            return true;
    }
    return false;
}

int vmgr__def_set_memory(struct vmgr__domain_def *def, uint64_t kib, uint32_t flags, bool live,
                         struct vmgr_error **err)
{
    if (flags & VMGR_DOMAIN_MEM_MAXIMUM) {
        if (live)
            return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                                   "cannot resize the maximum memory on an active domain");
        if (has_cells(def))
            return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                                   "initial memory size of a domain with NUMA nodes cannot be "
                                   "modified with this API");
        if (def->max_memory_kib && kib > def->max_memory_kib)
            return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                                   "cannot set initial memory size greater than the maximum "
                                   "memory size");
        if (kib <= vmgr__memory_in_devices(def))
            return vmgr__error_set(err, VMGR_ERR_CONFIG_UNSUPPORTED, VMGR_FROM_DOMAIN,
                                   "Total size of memory devices exceeds the total memory size");
        def->memory_kib = kib;
        if (def->current_memory_kib > kib)
            def->current_memory_kib = kib;
        return 0;
    }
    if (kib > def->memory_kib)
        return invalid(err, "cannot set memory higher than max memory");
    def->current_memory_kib = kib;
    return 0;
}

int vmgr__def_set_stats_period(struct vmgr__domain_def *def, int period, struct vmgr_error **err)
{
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];
        char text[12];
        xmlNode *root, *stats;
        xmlDoc *doc;

        if (strcmp(dev->name, "memballoon") != 0 || dev->model != 1)
            continue;
        doc = vmgr__device_doc(dev);
        root = xmlDocGetRootElement(doc);
        stats = vmgr__xml_child(root, "stats");
        g_snprintf(text, sizeof(text), "%d", period);
        if (period > 0) {
            if (!stats) { /* in front of the others, as libvirt writes it */
                stats = xmlNewNode(NULL, BAD_CAST "stats");
                if (root->children)
                    xmlAddPrevSibling(root->children, stats);
                else
                    xmlAddChild(root, stats);
            }
            xmlSetProp(stats, BAD_CAST "period", BAD_CAST text);
        } else if (stats) {
            xmlUnlinkNode(stats);
            xmlFreeNode(stats);
        }
        vmgr__device_set_doc(dev, doc);
        return 0;
    }
    return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                           "Memory balloon model must be virtio to set the collection period");
}
