/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints of domains: the operations.
 *
 * Theory of operation. A checkpoint is a file, and a persistent bitmap in the image of each of its
 * disks, which records what was written since. The file is written first: a caller that is killed
 * between the two leaves a checkpoint that has no bitmap, which is told when a backup is to use it,
 * and can be deleted; it never leaves a bitmap that nobody knows.
 */
#include <string.h>

#include "../run/agent.h"
#include "backup.h"
#include "../device/parts.h"
#include "../run/qmp.h"
#include "../state/cache.h"
#include "../state/status.h"

/* ---- making ---- */

static int make(struct vemu_change *c, const char *xml, char **ret, struct vmgr_error **err)
{
    struct json_object *actions;
    struct vmgr__checkpoint *cp;
    struct vemu_qmp *q;
    int r = -1;

    if (!vmgr__vemu_change_is_active(c))
        return vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                          "cannot create checkpoint for inactive domain");
    cp = vmgr__checkpoint_prepare(c, xml, err);
    if (!cp)
        return -1;
    q = vmgr__vemu_change_monitor(c, err);
    c->status.bitmaps = true;
    if (q && vmgr__vemu_status_save(c->d, c->name, &c->status, err) == 0 &&
        vmgr__vemu_checkpoint_save(c->d, c->name, cp, err) == 0) {
        actions = json_object_new_array();
        vmgr__checkpoint_actions(c, cp, actions);
        r = vmgr__transaction_run(q, actions, false, err);
        if (r < 0)
            vmgr__vemu_checkpoint_forget(c->d, c->name, cp->name, NULL);
    }
    if (r == 0)
        *ret = g_strdup(cp->name);
    vmgr__qmp_close(q);
    vmgr__checkpoint_free(cp);
    return r;
}

/* The disks must have what the description says. */
static int validate(struct vemu_change *c, const struct vmgr__checkpoint *cp,
                    struct vmgr_error **err)
{
    struct json_object *blocks = NULL;
    struct vemu_qmp *q;
    int r;

    if (vmgr__vemu_change_need_active(c, err) < 0)
        return -1;
    q = vmgr__vemu_change_monitor(c, err);
    r = q ? vmgr__qmp_execute(q, "query-block", NULL, &blocks, err) : -1;
    for (guint i = 0; r == 0 && i < cp->disks->len; i++) {
        const struct vmgr__checkpoint_disk *disk = cp->disks->pdata[i];
        const struct vmgr__device *dev = vmgr__disk_find(c->status.def, disk->name);
        g_autofree char *alias = dev ? vmgr__device_alias(dev) : NULL;
        bool usable;

        if (disk->type != VMGR__CHECKPOINT_BITMAP)
            continue;
        vmgr__bitmap_find(blocks, alias, disk->bitmap, &usable);
        if (!usable)
            r = vemu_error(err, VMGR_ERR_CHECKPOINT_INCONSISTENT,
                           "missing or broken bitmap '%s' for disk '%s'", disk->bitmap, disk->name);
    }
    json_object_put(blocks);
    vmgr__qmp_close(q);
    return r;
}

static int redefine(struct vemu_change *c, const char *xml, uint32_t flags, char **ret,
                    struct vmgr_error **err)
{
    struct vmgr__checkpoint *cp = vmgr__checkpoint_parse(xml, &vmgr__vemu_defaults, true, err);
    g_autoptr(GPtrArray) list = vmgr__vemu_checkpoints_load(c->d, c->name);
    int r = -1;

    if (!cp)
        return -1;
    if (vmgr__checkpoint_align(cp, err) == 0 && vmgr__checkpoints_check(list, cp, true, err) == 0)
        r = flags & VMGR_CHECKPOINT_CREATE_REDEFINE_VALIDATE ? validate(c, cp, err) : 0;
    if (r == 0)
        r = vmgr__vemu_checkpoint_save(c->d, c->name, cp, err);
    if (r == 0)
        *ret = g_strdup(cp->name);
    vmgr__checkpoint_free(cp);
    return r;
}

static int create(struct vmgr_domain *dom, const char *xml, uint32_t flags, char **ret,
                  struct vmgr_error **err)
{
    const bool quiesce = flags & VMGR_CHECKPOINT_CREATE_QUIESCE;
    struct vemu_change c;
    int r;

    if (quiesce && vmgr__vemu_agent.freeze(dom, NULL, 0, err) < 0)
        return -1;
    r = vmgr__vemu_change_begin(&c, dom, err);
    if (r == 0) {
        r = flags & VMGR_CHECKPOINT_CREATE_REDEFINE ? redefine(&c, xml, flags, ret, err)
                                                    : make(&c, xml, ret, err);
        r = vmgr__vemu_change_end(&c, r);
    }
    if (quiesce)
        vmgr__vemu_agent.thaw(dom, NULL, 0, NULL);
    return r;
}

/* ---- looking ---- */

/* A domain's checkpoints, and the one of this name (NULL: none is meant); NULL: *err. */
static GPtrArray *load(struct vmgr_domain *dom, const char *name, struct vmgr__checkpoint **ret,
                       struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    g_autofree char *domain = vmgr__vemu_name_of(d, dom, err);
    GPtrArray *list = domain ? vmgr__vemu_checkpoints_load(d, domain) : NULL;

    *ret = NULL;
    if (!list || !name)
        return list;
    *ret = vmgr__checkpoints_get(list, name, err);
    if (*ret)
        return list;
    g_ptr_array_unref(list);
    return NULL;
}

static int lookup(struct vmgr_domain *dom, const char *name, struct vmgr_error **err)
{
    struct vmgr__checkpoint *cp;
    g_autoptr(GPtrArray) list = load(dom, name, &cp, err);

    return list ? 0 : -1;
}

static int list_names(struct vmgr_domain *dom, const char *of, uint32_t flags, GPtrArray *ret,
                      struct vmgr_error **err)
{
    struct vmgr__checkpoint *cp;
    g_autoptr(GPtrArray) list = load(dom, of, &cp, err);

    if (!list)
        return -1;
    vmgr__checkpoints_select(list, cp, flags, ret);
    for (guint i = 0; i < ret->len; i++)
        ret->pdata[i] = g_strdup(((struct vmgr__checkpoint *)ret->pdata[i])->name);
    return 0;
}

static int get_parent(struct vmgr_domain *dom, const char *name, char **ret,
                      struct vmgr_error **err)
{
    struct vmgr__checkpoint *cp;
    g_autoptr(GPtrArray) list = load(dom, name, &cp, err);

    if (!list)
        return -1;
    if (!vmgr__checkpoints_find(list, cp->parent))
        return vemu_error(err, VMGR_ERR_NO_DOMAIN_CHECKPOINT,
                          "checkpoint '%s' does not have a parent", name);
    *ret = g_strdup(cp->parent);
    return 0;
}

/* How much was written since, of each disk. */
static int set_sizes(struct vmgr_domain *dom, struct vmgr__checkpoint *cp, struct vmgr_error **err)
{
    struct json_object *blocks = NULL, *count;
    struct vemu_change c;
    struct vemu_qmp *q;
    int r;

    q = vmgr__vemu_change_begin_monitor(&c, dom, err);
    if (!q)
        return -1;
    r = vmgr__qmp_execute(q, "query-block", NULL, &blocks, err);
    for (guint i = 0; r == 0 && i < cp->disks->len; i++) {
        struct vmgr__checkpoint_disk *disk = cp->disks->pdata[i];
        const struct vmgr__device *dev = vmgr__disk_find(c.status.def, disk->name);
        g_autofree char *alias = dev ? vmgr__device_alias(dev) : NULL;
        struct json_object *bitmap;
        bool usable;

        bitmap = disk->bitmap ? vmgr__bitmap_find(blocks, alias, disk->bitmap, &usable) : NULL;
        if (bitmap && usable && json_object_object_get_ex(bitmap, "count", &count)) {
            disk->has_size = true;
            disk->size = (uint64_t)MAX(json_object_get_int64(count), 0);
        }
    }
    json_object_put(blocks);
    vmgr__qmp_close(q);
    return vmgr__vemu_change_end(&c, r);
}

static int get_xml(struct vmgr_domain *dom, const char *name, uint32_t flags, char **ret,
                   struct vmgr_error **err)
{
    const uint32_t secret = flags & VMGR_CHECKPOINT_XML_SECURE ? 0 : VMGR__CONF_PUBLIC;
    struct vmgr__checkpoint *cp;
    g_autoptr(GPtrArray) list = load(dom, name, &cp, err);

    if (!list || ((flags & VMGR_CHECKPOINT_XML_SIZE) && set_sizes(dom, cp, err) < 0))
        return -1;
    *ret = vmgr__checkpoint_format(cp, !(flags & VMGR_CHECKPOINT_XML_NO_DOMAIN),
                                   VMGR__CONF_INACTIVE | secret);
    return 0;
}

/* ---- deleting ---- */

/* Bitmaps that are gone already, or belong to disks that are, do not matter. */
static int remove_bitmaps(const struct vemu_change *c, struct vemu_qmp *q,
                          struct json_object *blocks, const struct vmgr__checkpoint *cp,
                          struct vmgr_error **err)
{
    for (guint i = 0; i < cp->disks->len; i++) {
        const struct vmgr__checkpoint_disk *disk = cp->disks->pdata[i];
        const struct vmgr__device *dev = vmgr__disk_find(c->status.def, disk->name);
        g_autofree char *alias = dev ? vmgr__device_alias(dev) : NULL;
        struct json_object *args;
        bool usable;

        if (!alias || !disk->bitmap || !vmgr__bitmap_find(blocks, alias, disk->bitmap, &usable))
            continue;
        args = json_object_new_object();
        vmgr__vemu_set(args, "node", alias);
        vmgr__vemu_set(args, "name", disk->bitmap);
        if (vmgr__qmp_execute(q, "block-dirty-bitmap-remove", args, NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* First the files of its children, which get its parent, then its own. */
static int remove_file(const struct vemu_change *c, GPtrArray *list, struct vmgr__checkpoint *cp,
                       struct vmgr_error **err)
{
    g_autofree char *name = g_strdup(cp->name), *parent = g_strdup(cp->parent);

    for (guint i = 0; i < list->len; i++) {
        struct vmgr__checkpoint *each = list->pdata[i];

        if (g_strcmp0(each->parent, name) != 0)
            continue;
        g_free(each->parent);
        each->parent = g_strdup(parent);
        if (vmgr__vemu_checkpoint_save(c->d, c->name, each, err) < 0)
            return -1;
    }
    vmgr__checkpoints_remove(list, cp);
    return vmgr__vemu_checkpoint_forget(c->d, c->name, name, err);
}

/* chosen: parents before children. */
static int remove_all(struct vemu_change *c, GPtrArray *list, GPtrArray *chosen, bool bitmaps,
                      struct vmgr_error **err)
{
    struct json_object *blocks = NULL;
    struct vemu_qmp *q = NULL;
    int r = 0;

    if (bitmaps && !vmgr__vemu_change_is_active(c))
        return vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                          "cannot delete checkpoint for inactive domain");
    if (bitmaps) {
        c->status.bitmaps = true;
        if (vmgr__vemu_status_save(c->d, c->name, &c->status, err) < 0)
            return -1;
        q = vmgr__vemu_change_monitor(c, err);
        r = q ? vmgr__qmp_execute(q, "query-block", NULL, &blocks, err) : -1;
    }
    for (guint i = chosen->len; r == 0 && i-- > 0;) {
        r = bitmaps ? remove_bitmaps(c, q, blocks, chosen->pdata[i], err) : 0;
        if (r == 0)
            r = remove_file(c, list, chosen->pdata[i], err);
    }
    json_object_put(blocks);
    vmgr__qmp_close(q);
    return r;
}

static int delete (struct vmgr_domain *dom, const char *name, uint32_t flags,
                   struct vmgr_error **err)
{
    const uint32_t children =
        VMGR_CHECKPOINT_DELETE_CHILDREN | VMGR_CHECKPOINT_DELETE_CHILDREN_ONLY;
    g_autoptr(GPtrArray) chosen = g_ptr_array_new(), list = NULL;
    struct vmgr__checkpoint *cp;
    struct vemu_change c;
    int r = -1;

    if (vmgr__vemu_change_begin(&c, dom, err) < 0)
        return -1;
    list = vmgr__vemu_checkpoints_load(c.d, c.name);
    cp = vmgr__checkpoints_get(list, name, err);
    if (cp) {
        if (!(flags & VMGR_CHECKPOINT_DELETE_CHILDREN_ONLY))
            g_ptr_array_add(chosen, cp);
        if (flags & children)
            vmgr__checkpoints_select(list, cp, VMGR_CHECKPOINT_LIST_DESCENDANTS, chosen);
        r = remove_all(&c, list, chosen, !(flags & VMGR_CHECKPOINT_DELETE_METADATA_ONLY), err);
    }
    return vmgr__vemu_change_end(&c, r);
}

const struct vmgr__checkpoint_ops vmgr__vemu_checkpoint = {
    .create = create,
    .lookup = lookup,
    .list = list_names,
    .get_parent = get_parent,
    .get_xml = get_xml,
    .remove = delete,
    .begin_backup = vmgr__vemu_begin_backup,
    .get_backup_xml = vmgr__vemu_get_backup_xml,
};
