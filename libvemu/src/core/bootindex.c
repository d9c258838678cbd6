/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Boot indexes of devices: found among their properties, checked, listed.
 */
#include "core/bootindex.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <glib.h>

#include "core/property.h"
#include "core/vm.h"

/* -1: it has none. */
static int32_t index_of(const struct vemu_device *dev)
{
    struct vemu_prop_iter it = { .at = dev->class_->props };
    const struct vemu_prop *prop;
    size_t offset;

    while ((prop = vemu__prop_next(&it, &offset)) != NULL)
        if (prop->type == VEMU_PROP_S32 && strcmp(prop->name, "bootindex") == 0)
            return *(const int32_t *)(const void *)((const char *)dev + offset);
    return -1;
}

int vemu__bootindex_check(struct vemu_device *dev, struct vemu_error **err)
{
    const GPtrArray *devices = dev->vm->devices;
    int32_t index = index_of(dev);

    if (index < -1)
        return vemu__error_set(err, EINVAL, "bootindex %" PRId32 " is less than -1", index);
    if (index < 0)
        return 0;
    if (!dev->class_->ops->boot_path)
        return vemu__error_set(err, EINVAL, "bootindex: no firmware boots from a %s",
                               dev->class_->name);
    for (guint i = 0; i < devices->len; i++) {
        const struct vemu_device *other = devices->pdata[i];

        if (other != dev && other->realized && index_of(other) == index)
            return vemu__error_set(err, EEXIST, "bootindex %" PRId32 " is that of '%s' already",
                                   index, other->id);
    }
    return 0;
}

static gint compare(gconstpointer a, gconstpointer b)
{
    int32_t x = index_of(*(struct vemu_device *const *)a);
    int32_t y = index_of(*(struct vemu_device *const *)b);

    return (x > y) - (x < y);
}

char *vemu__bootindex_list(struct vemu_vm *vm)
{
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();
    GString *list = g_string_new(NULL);

    for (guint i = 0; i < vm->devices->len; i++) {
        const struct vemu_device *dev = vm->devices->pdata[i];

        if (dev->realized && index_of(dev) >= 0)
            g_ptr_array_add(chosen, vm->devices->pdata[i]);
    }
    g_ptr_array_sort(chosen, compare);
    for (guint i = 0; i < chosen->len; i++) {
        const struct vemu_device *dev = chosen->pdata[i];
        g_autofree char *path = dev->class_->ops->boot_path(dev);

        if (path)
            g_string_append_printf(list, "%s%s", list->len ? "\n" : "", path);
    }
    return g_string_free(list, FALSE);
}
