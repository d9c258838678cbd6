/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Media of drives of guests that run.
 */
#include "medium.h"

#include "../run/qmp.h"
#include "../run/rights.h"
#include "parts.h"

static int run(struct vemu_qmp *q, const char *command, const char *id, const char *node,
               bool force, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();

    vmgr__vemu_set(args, "id", id);
    vmgr__vemu_set(args, "node-name", node);
    if (force)
        vmgr__vemu_set_bool(args, "force", true);
    return vmgr__qmp_execute(q, command, args, NULL, err);
}

/* What stands in a drive. */
struct medium {
    const char *alias; /* the drive's */
    char *node;        /* NULL: nothing stands in it */
    struct vemu_parts parts;
};

static int medium_init(struct medium *m, const struct vmgr__device *dev, const char *alias,
                       struct vmgr_error **err)
{
    m->alias = alias;
    m->node = dev->source && *dev->source ? vmgr__vemu_node_name(dev) : NULL;
    vmgr__vemu_parts_init(&m->parts);
    return vmgr__vemu_medium_parts(dev, &m->parts, err);
}

static void medium_fini(struct medium *m)
{
    vmgr__vemu_parts_fini(&m->parts);
    g_free(m->node);
}

static int insert(struct vemu_qmp *q, const struct medium *m, struct vmgr_error **err)
{
    if (!m->node)
        return 0;
    return run(q, "blockdev-insert-medium", m->alias, m->node, false, err) < 0
               ? -1
               : run(q, "blockdev-close-tray", m->alias, NULL, false, err);
}

/* The new one is there, or of the old one's name and then not. What fails once the tray is empty
 * gives the guest the old one again. */
static int swap(struct vemu_qmp *q, const struct medium *old, const struct medium *fresh, bool same,
                bool force, struct vmgr_error **err)
{
    int r;

    if (run(q, "blockdev-open-tray", old->alias, NULL, force, err) < 0 ||
        (old->node && run(q, "blockdev-remove-medium", old->alias, NULL, false, err) < 0))
        return -1;
    if (same)
        vmgr__vemu_parts_drop(&old->parts, q);
    r = same ? vmgr__vemu_parts_plug(&fresh->parts, q, err) : 0;
    if (r == 0)
        r = insert(q, fresh, err);
    if (r < 0 && (!same || vmgr__vemu_parts_plug(&old->parts, q, NULL) == 0))
        insert(q, old, NULL);
    return r;
}

/* The new one is opened before the guest loses the one it has, where two of their names can be
 * there at once. */
int vmgr__vemu_change_medium(struct vemu_change *c, const struct vmgr__device *old,
                             const struct vmgr__device *fresh, uint32_t flags,
                             struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(old);
    struct medium before, after;
    struct vemu_qmp *q = NULL;
    bool same;
    int r = medium_init(&after, fresh, alias, err);

    if (medium_init(&before, old, alias, r == 0 ? err : NULL) < 0)
        r = -1;
    same = g_strcmp0(before.node, after.node) == 0;
    if (r == 0)
        r = vmgr__vemu_rights_parts(c->d, c->name, &c->status, &after.parts, err);
    if (r == 0)
        q = vmgr__vemu_change_monitor(c, err);
    if (r == 0)
        r = q && (same || vmgr__vemu_parts_plug(&after.parts, q, err) == 0) ? 0 : -1;
    if (r == 0) {
        r = swap(q, &before, &after, same, flags & VMGR_DOMAIN_DEVICE_MODIFY_FORCE, err);
        if (!same)
            vmgr__vemu_parts_drop(r == 0 ? &before.parts : &after.parts, q);
    }
    vmgr__qmp_close(q);
    medium_fini(&before);
    medium_fini(&after);
    return r;
}
