/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands that plug devices in and take them out.
 */
#include <errno.h>
#include <string.h>

#include "core/property.h"
#include "monitor/qmp.h"

#define PERIPHERAL "/machine/peripheral/"

static int cmd_device_add(QMP_PARAMS)
{
    struct qmp_props *props = vemu__qmp_props_new();
    int r = 0;

    json_object_object_foreach(args, key, value)
    {
        if (r >= 0 && strcmp(key, "driver") && strcmp(key, "id"))
            r = vemu__qmp_props_add(props, key, value, err);
    }
    if (r >= 0)
        r = vemu_vm_add_device(vm, qmp_get_string(args, "driver"), qmp_get_string(args, "id"),
                               vemu__qmp_props_items(props), props->items->len, err);
    vemu__qmp_props_free(props);
    return r;
}

/* By id or path. "force" is ours: the device is pulled out without the guest's consent. */
static int cmd_device_del(QMP_PARAMS)
{
    const char *id = qmp_get_string(args, "id");
    struct json_object *force = qmp_get(args, "force");

    if (g_str_has_prefix(id, PERIPHERAL))
        id += strlen(PERIPHERAL);
    if (!vemu__vm_find_device(vm, id))
        return vemu__qmp_not_found(id, err);
    return json_object_get_boolean(force) ? vemu_vm_pull_device(vm, id, err)
                                          : vemu_vm_remove_device(vm, id, err);
}

static int cmd_device_list_properties(QMP_PARAMS)
{
    const char *name = qmp_get_string(args, "typename");
    const struct vemu_device_class *class_ = vemu__device_class_find(name);
    struct vemu_prop_iter it = { .at = class_ ? class_->props : NULL };
    const struct vemu_prop *prop;
    size_t offset;

    if (!class_)
        return vemu__error_set(err, QMP_DEVICE_NOT_FOUND, "Device '%s' not found", name);
    *result = json_object_new_array();
    while ((prop = vemu__prop_next(&it, &offset)) != NULL) {
        struct json_object *o = json_object_new_object();

        qmp_add_string(o, "name", prop->name);
        qmp_add_string(o, "type", vemu__prop_type_name(prop->type));
        if (prop->summary)
            qmp_add_string(o, "description", prop->summary);
        if (prop->def) /* as text, whatever the type */
            qmp_add_string(o, "default-value", prop->def);
        json_object_array_add(*result, o);
    }
    return 0;
}

static const struct qmp_command commands[] = {
    { "device-list-properties", cmd_device_list_properties, "{typename:str}",
      "[{name:str,type:str,description?:str,default-value?:any}]" },
    { "device_add", cmd_device_add, "{driver:str,bus?:str,id?:str,*}", NULL },
    { "device_del", cmd_device_del, "{id:str,force?:bool}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_device = { .commands = commands };
