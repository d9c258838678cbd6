/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Media of drives of guests that run.
 */
#include "medium.h"

#include "../run/files.h"
#include "../run/qmp.h"
#include "plug.h"

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
    const struct vmgr__device *dev;
    const char *alias; /* the drive's */
    char *node;        /* NULL: nothing stands in it */
    GArray *files;     /* NULL: it cannot be opened (again) */
    struct vemu_parts parts;
};

static int medium_init(struct medium *m, const struct vmgr__device *dev, const char *alias,
                       struct vmgr_error **err)
{
    m->dev = dev;
    m->alias = alias;
    m->node = dev->source && *dev->source ? vmgr__vemu_node_name(dev) : NULL;
    m->files = NULL;
    vmgr__vemu_parts_init(&m->parts);
    return vmgr__vemu_medium_parts(dev, &m->parts, err);
}

static void medium_fini(struct medium *m)
{
    vmgr__vemu_parts_fini(&m->parts);
    if (m->files)
        g_array_unref(m->files);
    g_free(m->node);
}

static int medium_open(const struct medium *m, struct vemu_qmp *q, struct vmgr_error **err)
{
    return vmgr__vemu_plug_parts(m->dev, m->files, &m->parts, q, err);
}

static void medium_close(const struct medium *m, struct vemu_qmp *q)
{
    vmgr__vemu_parts_drop(&m->parts, q);
    vmgr__vemu_files_drop(m->dev, q);
}

/* Whether the two cannot be there at once: a node, or a set of descriptors, of one name. */
static bool are_rivals(const struct medium *a, const struct medium *b)
{
    return g_strcmp0(a->node, b->node) == 0 ||
           (vmgr__vemu_files_set(a->dev) && vmgr__vemu_files_set(b->dev));
}

static int insert(struct vemu_qmp *q, const struct medium *m, struct vmgr_error **err)
{
    if (!m->node)
        return 0;
    return run(q, "blockdev-insert-medium", m->alias, m->node, false, err) < 0
               ? -1
               : run(q, "blockdev-close-tray", m->alias, NULL, false, err);
}

/* The new one is there, or the old one's rival and then not. What fails once the tray is empty
 * gives the guest the old one again. */
static int swap(struct vemu_qmp *q, const struct medium *old, const struct medium *fresh,
                bool rivals, bool force, struct vmgr_error **err)
{
    int r;

    if (run(q, "blockdev-open-tray", old->alias, NULL, force, err) < 0 ||
        (old->node && run(q, "blockdev-remove-medium", old->alias, NULL, false, err) < 0))
        return -1;
    if (rivals)
        medium_close(old, q);
    r = rivals ? medium_open(fresh, q, err) : 0;
    if (r == 0)
        r = insert(q, fresh, err);
    if (r == 0)
        return 0;
    if (rivals)
        medium_close(fresh, q);
    if (!rivals || (old->files && medium_open(old, q, NULL) == 0))
        insert(q, old, NULL);
    return -1;
}

/* The new one is opened before the guest loses the one it has, where both can be there at once. */
int vmgr__vemu_change_medium(struct vemu_change *c, const struct vmgr__device *old,
                             const struct vmgr__device *fresh, uint32_t flags,
                             struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(old);
    struct medium before, after;
    struct vemu_qmp *q = NULL;
    bool rivals;
    int r = medium_init(&after, fresh, alias, err);

    if (medium_init(&before, old, alias, r == 0 ? err : NULL) < 0)
        r = -1;
    rivals = are_rivals(&before, &after);
    before.files = vmgr__vemu_files_open(c->d, c->status.def, old, NULL);
    if (r == 0)
        after.files = vmgr__vemu_files_open(c->d, c->status.def, fresh, err);
    r = after.files ? vmgr__vemu_plug_rights(c, after.files, &after.parts, err) : -1;
    if (r == 0)
        q = vmgr__vemu_change_monitor(c, err);
    if (r == 0)
        r = q && (rivals || medium_open(&after, q, err) == 0) ? 0 : -1;
    if (r == 0) {
        r = swap(q, &before, &after, rivals, flags & VMGR_DOMAIN_DEVICE_MODIFY_FORCE, err);
        if (!rivals)
            medium_close(r == 0 ? &before : &after, q);
    }
    vmgr__qmp_close(q);
    medium_fini(&before);
    medium_fini(&after);
    return r;
}
