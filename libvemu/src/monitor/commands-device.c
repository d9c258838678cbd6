/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands that plug devices in and take them out.
 */
#include <errno.h>
#include <string.h>

#include "monitor/qmp.h"

/* The value as text that properties are set from, new; NULL: it cannot be one. */
static char *property_text(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_boolean: return g_strdup(json_object_get_boolean(value) ? "on" : "off");
    case json_type_int:
    case json_type_string: return g_strdup(json_object_get_string(value));
    default: return NULL;
    }
}

int vemu__qmp_device_add(struct vemu_vm *vm, struct json_object *args, struct json_object **result,
                         struct vemu_error **err)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) props = g_array_new(FALSE, FALSE, sizeof(struct vemu_property));
    const char *driver = NULL, *id = NULL;

    json_object_object_foreach(args, key, value)
    {
        struct vemu_property prop = { .name = key, .value = property_text(value) };

        if (!prop.value)
            return vemu__error_set(err, EINVAL, "Parameter '%s' has a type no property has", key);
        g_ptr_array_add(texts, (char *)prop.value);
        if (!strcmp(key, "driver"))
            driver = prop.value;
        else if (!strcmp(key, "id"))
            id = prop.value;
        else
            g_array_append_val(props, prop);
    }
    return vemu_vm_add_device(vm, driver, id, (const struct vemu_property *)(void *)props->data,
                              props->len, err);
}

int vemu__qmp_device_del(struct vemu_vm *vm, struct json_object *args, struct json_object **result,
                         struct vemu_error **err)
{
    struct json_object *id = NULL;

    json_object_object_get_ex(args, "id", &id);
    return vemu_vm_remove_device(vm, json_object_get_string(id), err);
}
