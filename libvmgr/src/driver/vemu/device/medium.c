/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Media of drives of guests that run.
 */
#include "medium.h"

#include "../block/blockjob.h"
#include "../run/files.h"
#include "../run/qmp.h"
#include "../state/status.h"
#include "plug-note.h"
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
static int change(struct vemu_qmp *q, const struct medium *old, const struct medium *fresh,
                  uint32_t flags, struct vmgr_error **err)
{
    const bool rivals = are_rivals(old, fresh);
    int r = rivals ? 0 : medium_open(fresh, q, err);

    if (r < 0)
        return -1;
    r = swap(q, old, fresh, rivals, flags & VMGR_DOMAIN_DEVICE_MODIFY_FORCE, err);
    if (!rivals)
        medium_close(r == 0 ? old : fresh, q);
    return r;
}

int vmgr__vemu_change_medium(struct vemu_change *c, const struct vmgr__device *old,
                             const struct vmgr__device *fresh, uint32_t flags,
                             struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(old);
    struct medium before, after;
    struct vemu_qmp *q = NULL;
    int r = medium_init(&after, fresh, alias, err);

    if (medium_init(&before, old, alias, r == 0 ? err : NULL) < 0)
        r = -1;
    before.files = vmgr__vemu_files_open(c->d, c->status.def, old, NULL);
    if (r == 0)
        after.files = vmgr__vemu_files_open(c->d, c->status.def, fresh, err);
    r = after.files ? vmgr__vemu_plug_rights(c, after.files, &after.parts, err) : -1;
    if (r == 0)
        q = vmgr__vemu_change_monitor(c, err);
    if (q) {
        r = vmgr__vemu_plug_note_coming(c, alias, fresh, true, err);
        if (r == 0)
            r = change(q, &before, &after, flags, err);
        vmgr__vemu_plug_forget(c, alias);
        if (r < 0)
            vmgr__vemu_status_save(c->d, c->name, &c->status, NULL);
    }
    vmgr__qmp_close(q);
    medium_fini(&before);
    medium_fini(&after);
    return q ? r : -1;
}

/* ---- after a caller that died ---- */

/* Into a tray that is empty. */
static bool put_in(struct vemu_change *c, struct vemu_qmp *q, struct medium *m)
{
    if (insert(q, m, NULL) == 0) /* it was open already, or is none */
        return true;
    m->files = vmgr__vemu_files_open(c->d, c->status.def, m->dev, NULL);
    return m->files && vmgr__vemu_plug_rights(c, m->files, &m->parts, NULL) == 0 &&
           medium_open(m, q, NULL) == 0 && insert(q, m, NULL) == 0;
}

/* Of two, this one is not in the drive. */
static void leave(const struct medium *m, const struct medium *other, struct vemu_qmp *q)
{
    if (!m->node || g_strcmp0(m->node, other->node) == 0)
        return;
    vmgr__vemu_parts_drop(&m->parts, q);
    if (!are_rivals(m, other))
        vmgr__vemu_files_drop(m->dev, q);
}

bool vmgr__vemu_medium_settle(struct vemu_change *c, struct vemu_qmp *q, const char *alias,
                              const struct vmgr__device *fresh)
{
    struct vmgr__device *old = vmgr__device_by_alias(c->status.def, alias);
    g_autofree char *node = NULL;
    struct medium before, after;
    bool has_new, has_old;

    if (!old)
        return true;
    if (vmgr__vemu_drive_node(q, alias, &node, NULL) < 0)
        return false;
    medium_init(&before, old, alias, NULL);
    medium_init(&after, fresh, alias, NULL);
    has_new = g_strcmp0(node, after.node) == 0 || (!node && before.node && put_in(c, q, &after));
    has_old = !has_new && (node || !before.node || put_in(c, q, &before));
    if (node) /* the caller may have died before */
        run(q, "blockdev-close-tray", alias, NULL, false, NULL);
    if (has_new) {
        leave(&before, &after, q);
        vmgr__device_replace(c->status.def, old, fresh);
        c->status.updated = true;
    } else if (has_old) {
        leave(&after, &before, q);
    }
    medium_fini(&before);
    medium_fini(&after);
    return has_new || has_old;
}
