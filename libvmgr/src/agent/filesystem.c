/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's file systems: freezing, trimming, what there is.
 */
#include "agent.h"

/* Runs a command whose answer is how many. */
static int count_of(struct vmgr__agent *a, const char *command, struct json_object *args,
                    struct vmgr_error **err)
{
    struct json_object *value;
    int64_t n = -1;

    if (vmgr__agent_call(a, command, args, &value, err) < 0)
        return -1;
    if (json_object_is_type(value, json_type_int))
        n = json_object_get_int64(value);
    json_object_put(value);
    if (n < 0 || n > INT32_MAX)
        return agent_error(err, VMGR_ERR_INTERNAL_ERROR,
                           "malformed return value of agent command '%s'", command);
    return (int)n;
}

int vmgr__agent_freeze(struct vmgr__agent *a, const char *const *mountpoints, uint32_t count,
                       struct vmgr_error **err)
{
    struct json_object *args;

    if (!count)
        return count_of(a, "guest-fsfreeze-freeze", NULL, err);
    args = json_object_new_object();
    json_object_object_add(args, "mountpoints", vmgr__agent_text_list(mountpoints, count));
    return count_of(a, "guest-fsfreeze-freeze-list", args, err);
}

int vmgr__agent_thaw(struct vmgr__agent *a, struct vmgr_error **err)
{
    return count_of(a, "guest-fsfreeze-thaw", NULL, err);
}

int vmgr__agent_trim(struct vmgr__agent *a, uint64_t minimum, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();

    json_object_object_add(args, "minimum", json_object_new_int64((int64_t)minimum));
    return vmgr__agent_call(a, "guest-fstrim", args, NULL, err);
}

const char *vmgr__agent_disk_target(const GArray *disks, struct json_object *disk)
{
    struct json_object *pci = vmgr__agent_member(disk, "pci-controller", json_type_object);
    const char *serial = vmgr__agent_string(disk, "serial");
    int64_t at[4] = { -1, -1, -1, -1 };

    vmgr__agent_int(pci, "domain", &at[0]);
    vmgr__agent_int(pci, "bus", &at[1]);
    vmgr__agent_int(pci, "slot", &at[2]);
    vmgr__agent_int(pci, "function", &at[3]);
    for (guint i = 0; i < disks->len; i++) {
        const struct vmgr__agent_disk *d = &g_array_index(disks, struct vmgr__agent_disk, i);

        if (d->has_pci && at[0] == d->pci[0] && at[1] == d->pci[1] && at[2] == d->pci[2] &&
            at[3] == d->pci[3])
            return d->target;
        if (serial && d->serial && g_str_has_suffix(serial, d->serial))
            return d->target;
    }
    return NULL;
}

static int add_fs(struct json_object *o, const GArray *disks, GPtrArray *ret,
                  struct vmgr_error **err)
{
    const char *mountpoint = vmgr__agent_string(o, "mountpoint");
    const char *name = vmgr__agent_string(o, "name"), *type = vmgr__agent_string(o, "type");
    struct json_object *list = vmgr__agent_member(o, "disk", json_type_array);
    g_autoptr(GPtrArray) targets = g_ptr_array_new();

    if (!mountpoint || !name || !type)
        return vmgr__agent_lacks("guest-get-fsinfo",
                                 !mountpoint ? "mountpoint"
                                 : !name     ? "name"
                                             : "type",
                                 err);
    if (list && !vmgr__agent_is_list(list, "guest-get-fsinfo", err))
        return -1;
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        const char *target = vmgr__agent_disk_target(disks, json_object_array_get_idx(list, i));

        if (target)
            g_ptr_array_add(targets, (char *)target);
    }
    g_ptr_array_add(targets, NULL);
    g_ptr_array_add(ret,
                    vmgr__fs_info_new(mountpoint, name, type, (const char *const *)targets->pdata));
    return 0;
}

int vmgr__agent_get_fs_info(struct vmgr__agent *a, const GArray *disks, GPtrArray *ret,
                            struct vmgr_error **err)
{
    struct json_object *list;
    int r = 0;

    if (vmgr__agent_call(a, "guest-get-fsinfo", NULL, &list, err) < 0)
        return -1;
    if (!vmgr__agent_is_list(list, "guest-get-fsinfo", err))
        r = -1;
    for (size_t i = 0; r == 0 && i < json_object_array_length(list); i++)
        r = add_fs(json_object_array_get_idx(list, i), disks, ret, err);
    json_object_put(list);
    return r;
}
