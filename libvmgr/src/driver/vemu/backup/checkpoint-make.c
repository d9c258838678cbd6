/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints that are made: bitmaps of all disks at one moment, by one transaction.
 */
#include <string.h>

#include "backup.h"
#include "../device/parts.h"
#include "../run/qmp.h"

void vmgr__transaction_add(struct json_object *actions, const char *type, struct json_object *data)
{
    struct json_object *action = json_object_new_object();

    vmgr__vemu_set(action, "type", type);
    json_object_object_add(action, "data", data);
    json_object_array_add(actions, action);
}

int vmgr__transaction_run(struct vemu_qmp *q, struct json_object *actions, bool grouped,
                          struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object(), *properties;

    json_object_object_add(args, "actions", actions);
    if (grouped) {
        properties = json_object_new_object();
        vmgr__vemu_set(properties, "completion-mode", "grouped");
        json_object_object_add(args, "properties", properties);
    }
    return vmgr__qmp_execute(q, "transaction", args, NULL, err);
}

static struct json_object *get(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value)
               ? value
               : NULL;
}

struct json_object *vmgr__bitmap_find(struct json_object *blocks, const char *alias,
                                      const char *name, bool *ret_usable)
{
    struct json_object *list =
        get(get(vmgr__vemu_of_alias(blocks, alias), "inserted"), "dirty-bitmaps");
    const size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

    *ret_usable = false;
    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        if (g_strcmp0(json_object_get_string(get(o, "name")), name) != 0)
            continue;
        *ret_usable = !json_object_get_boolean(get(o, "inconsistent"));
        return o;
    }
    return NULL;
}

/* Only qcow2 images have bitmaps. */
static int check_disks(const struct vemu_change *c, const struct vmgr__checkpoint *cp,
                       struct vmgr_error **err)
{
    for (guint i = 0; i < cp->disks->len; i++) {
        const struct vmgr__checkpoint_disk *disk = cp->disks->pdata[i];
        const struct vmgr__device *dev = vmgr__disk_find(c->status.def, disk->name);
        g_autofree char *format = dev ? vmgr__device_get(dev, "driver", "type") : NULL;

        if (disk->type != VMGR__CHECKPOINT_BITMAP)
            continue;
        if (!dev->source || !*dev->source)
            return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "disk '%s' has no source: it can have no checkpoint", disk->name);
        if (g_strcmp0(format, "qcow2") != 0)
            return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "checkpoint for disk %s unsupported for storage type %s", disk->name,
                              format ? format : "raw");
    }
    return 0;
}

struct vmgr__checkpoint *vmgr__checkpoint_prepare(struct vemu_change *c, const char *xml,
                                                  struct vmgr_error **err)
{
    struct vmgr__checkpoint *cp = vmgr__checkpoint_parse(xml, &vmgr__vemu_defaults, false, err);
    g_autoptr(GPtrArray) list = vmgr__vemu_checkpoints_load(c->d, c->name);
    const struct vmgr__checkpoint *last = vmgr__checkpoints_last(list);

    if (!cp)
        return NULL;
    cp->parent = last ? g_strdup(last->name) : NULL;
    cp->dom = vmgr__domain_def_copy(c->status.def, &vmgr__vemu_defaults, err);
    if (cp->dom && vmgr__checkpoint_align(cp, err) == 0 &&
        vmgr__checkpoints_check(list, cp, false, err) == 0 && check_disks(c, cp, err) == 0)
        return cp;
    vmgr__checkpoint_free(cp);
    return NULL;
}

void vmgr__checkpoint_actions(const struct vemu_change *c, const struct vmgr__checkpoint *cp,
                              struct json_object *actions)
{
    for (guint i = 0; i < cp->disks->len; i++) {
        const struct vmgr__checkpoint_disk *disk = cp->disks->pdata[i];
        const struct vmgr__device *dev = vmgr__disk_find(c->status.def, disk->name);
        g_autofree char *alias = dev ? vmgr__device_alias(dev) : NULL;
        struct json_object *data;

        if (disk->type != VMGR__CHECKPOINT_BITMAP)
            continue;
        data = json_object_new_object();
        vmgr__vemu_set(data, "node", alias);
        vmgr__vemu_set(data, "name", disk->bitmap);
        vmgr__vemu_set_bool(data, "persistent", true);
        vmgr__transaction_add(actions, "block-dirty-bitmap-add", data);
    }
}
