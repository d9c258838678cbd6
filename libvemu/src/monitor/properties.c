/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON arguments as the text that properties of devices and back-ends are set from.
 */
#include <errno.h>

#include "monitor/qmp.h"

struct qmp_props *vemu__qmp_props_new(void)
{
    struct qmp_props *props = g_new0(struct qmp_props, 1);

    props->items = g_array_new(FALSE, FALSE, sizeof(struct vemu_property));
    props->texts = g_ptr_array_new_with_free_func(g_free);
    return props;
}

void vemu__qmp_props_free(struct qmp_props *props)
{
    if (!props)
        return;
    g_array_free(props->items, TRUE);
    g_ptr_array_free(props->texts, TRUE);
    g_free(props);
}

void vemu__qmp_props_add_text(struct qmp_props *props, const char *name, const char *text)
{
    struct vemu_property item = { .name = g_strdup(name), .value = g_strdup(text) };

    g_ptr_array_add(props->texts, (char *)item.name);
    g_ptr_array_add(props->texts, (char *)item.value);
    g_array_append_val(props->items, item);
}

int vemu__qmp_props_add(struct qmp_props *props, const char *name, struct json_object *value,
                        struct vemu_error **err)
{
    int r;

    switch (json_object_get_type(value)) {
    case json_type_boolean:
        vemu__qmp_props_add_text(props, name, json_object_get_boolean(value) ? "on" : "off");
        return 0;
    case json_type_int:
    case json_type_string:
        vemu__qmp_props_add_text(props, name, json_object_get_string(value));
        return 0;
    case json_type_object: break;
    default: return vemu__error_set(err, EINVAL, "Parameter '%s' has a type no property has", name);
    }
    json_object_object_foreach(value, key, inner)
    {
        g_autofree char *full = g_strdup_printf("%s.%s", name, key);

        r = vemu__qmp_props_add(props, full, inner, err);
        if (r < 0)
            return r;
    }
    return 0;
}
