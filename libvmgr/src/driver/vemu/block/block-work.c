/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An operation on a disk of a run: the frame around it.
 */
#include "../run/qmp.h"
#include "block-work.h"

#include <string.h>

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED, __VA_ARGS__)

int vmgr__block_end(struct vemu_block_work *w, int r)
{
    vmgr__qmp_close(w->q);
    g_free(w->alias);
    return vmgr__vemu_change_end(&w->c, r);
}

static int find_disk(struct vemu_block_work *w, const char *disk, struct vmgr_error **err)
{
    w->dev = vmgr__disk_find(w->c.status.def, disk);
    if (!w->dev)
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "disk '%s' not found in domain", disk);
    if (!w->dev->source || !*w->dev->source)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                          "disk '%s' does not currently have a source assigned", w->dev->target);
    w->alias = vmgr__device_alias(w->dev);
    return 0;
}

/* Locks the domain; its jobs are settled. */
int vmgr__block_begin(struct vemu_block_work *w, struct vmgr_domain *dom, const char *disk,
                      struct vmgr_error **err)
{
    *w = (struct vemu_block_work){ .q = NULL };
    if (vmgr__vemu_change_begin_active(&w->c, dom, err) < 0)
        return -1;
    if (find_disk(w, disk, err) == 0 && (w->q = vmgr__vemu_change_monitor(&w->c, err)) &&
        vmgr__blockjobs_settle(&w->c, w->q, err) == 0)
        return 0;
    return vmgr__block_end(w, -1);
}

int vmgr__block_to_bytes(uint64_t bandwidth, bool is_bytes, uint64_t *ret, struct vmgr_error **err)
{
    if (bandwidth > (uint64_t)INT64_MAX >> (is_bytes ? 0 : 20))
        return vemu_error(err, VMGR_ERR_OVERFLOW, "bandwidth must be less than %llu",
                          (unsigned long long)(((uint64_t)INT64_MAX >> (is_bytes ? 0 : 20)) + 1));
    *ret = is_bytes ? bandwidth : bandwidth << 20;
    return 0;
}

static int check_writable(const struct vemu_block_work *w, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__device_doc(w->dev);
    const xmlNode *root = xmlDocGetRootElement(doc);
    g_autofree char *device = vmgr__xml_attr(root, "device");
    const bool fixed = g_strcmp0(device, "cdrom") == 0 || vmgr__xml_child(root, "readonly");

    xmlFreeDoc(doc);
    if (!fixed)
        return 0;
    return unsupported(err, "disk '%s' is read-only: it has no block jobs", w->dev->target);
}

int vmgr__block_begin_job(struct vemu_block_work *w, struct vmgr_domain *dom, const char *disk,
                          struct vmgr_error **err)
{
    if (vmgr__block_begin(w, dom, disk, err) < 0)
        return -1;
    if (vmgr__blockjob_check_none(&w->c.status, w->dev->target, err) == 0 &&
        check_writable(w, err) == 0)
        return 0;
    return vmgr__block_end(w, -1);
}
