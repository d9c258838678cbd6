/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of a tree of layers as a flat list.
 */
#include "image/options.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "core/error.h"
#include "core/property.h"

void vemu__image_options_init(struct image_options *options)
{
    options->names = g_ptr_array_new_with_free_func(g_free);
    options->values = g_ptr_array_new_with_free_func(g_free);
}

void vemu__image_options_clear(struct image_options *options)
{
    g_ptr_array_free(options->names, TRUE);
    g_ptr_array_free(options->values, TRUE);
}

void vemu__image_options_add(struct image_options *options, const char *name, const char *value)
{
    g_ptr_array_add(options->names, g_strdup(name));
    g_ptr_array_add(options->values, g_strdup(value));
}

void vemu__image_options_add_all(struct image_options *options, const struct vemu_property *props,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (props[i].name && props[i].value)
            vemu__image_options_add(options, props[i].name, props[i].value);
}

static bool find(const struct image_options *options, const char *name, guint *ret)
{
    for (guint i = 0; i < options->names->len; i++)
        if (strcmp(options->names->pdata[i], name) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

char *vemu__image_options_take(struct image_options *options, const char *name)
{
    guint i;

    if (!find(options, name, &i))
        return NULL;
    g_ptr_array_remove_index(options->names, i);
    return g_ptr_array_steal_index(options->values, i);
}

int vemu__image_options_take_bool(struct image_options *options, const char *name, bool *ret,
                                  struct vemu_error **err)
{
    g_autofree char *text = vemu__image_options_take(options, name);

    if (!text || vemu__parse_bool(text, ret))
        return 0;
    return vemu__error_set(err, EINVAL, "option '%s': '%s' is neither on nor off", name, text);
}

void vemu__image_options_split(struct image_options *options, const char *prefix,
                               struct image_options *to)
{
    size_t n = strlen(prefix);

    for (guint i = 0; i < options->names->len;) {
        const char *name = options->names->pdata[i];

        if (strncmp(name, prefix, n) != 0) {
            i++;
            continue;
        }
        vemu__image_options_add(to, name + n, options->values->pdata[i]);
        g_ptr_array_remove_index(options->names, i);
        g_ptr_array_remove_index(options->values, i);
    }
}

struct vemu_property *vemu__image_options_props(const struct image_options *options)
{
    struct vemu_property *props = g_new0(struct vemu_property, options->names->len + 1);

    for (guint i = 0; i < options->names->len; i++)
        props[i] = (struct vemu_property){ options->names->pdata[i], options->values->pdata[i] };
    return props;
}

/* --- json: ------------------------------------------------------------------------------------ */

static int add_value(struct image_options *options, const char *name, struct json_object *value,
                     struct vemu_error **err);

static int add_member(struct image_options *options, const char *outer, const char *name,
                      struct json_object *value, struct vemu_error **err)
{
    g_autofree char *full = *outer ? g_strdup_printf("%s.%s", outer, name) : g_strdup(name);

    return add_value(options, full, value, err);
}

/* json-c refuses text that nests deeper than 32. */
static int add_value(struct image_options *options, const char *name, struct json_object *value,
                     struct vemu_error **err)
{
    int r = 0;
    guint i;

    switch (json_object_get_type(value)) {
    case json_type_object: {
        json_object_object_foreach(value, key, member)
        {
            if (r >= 0)
                r = add_member(options, name, key, member, err);
        }
        return r;
    }
    case json_type_array:
        for (size_t n = 0; r >= 0 && n < json_object_array_length(value); n++) {
            g_autofree char *index = g_strdup_printf("%zu", n);

            r = add_member(options, name, index, json_object_array_get_idx(value, n), err);
        }
        return r;
    default: break;
    }
    if (find(options, name, &i))
        return vemu__error_set(err, EINVAL, "option '%s' is given twice", name);
    vemu__image_options_add(options, name,
                            json_object_is_type(value, json_type_boolean)
                                ? (json_object_get_boolean(value) ? "on" : "off")
                            : value ? json_object_get_string(value)
                                    : "");
    return 0;
}

int vemu__image_options_add_json(struct image_options *options, const char *text,
                                 struct vemu_error **err)
{
    struct json_object *root = json_tokener_parse(text);
    int r;

    if (!json_object_is_type(root, json_type_object)) {
        json_object_put(root);
        return vemu__error_set(err, EINVAL, "'json:%s' is not a JSON object", text);
    }
    r = add_value(options, "", root, err);
    json_object_put(root);
    return r;
}
