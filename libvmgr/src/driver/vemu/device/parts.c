/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parts of devices: as options of the emulator, and as commands of its monitor.
 */
#include "../run/qmp.h"
#include "../state/paths.h"
#include "parts.h"

#include <string.h>

static const struct {
    const char *option, *class_key, *id_key, *add, *remove;
} kinds[] = {
    [VEMU_PART_OBJECT] = { "-object", "qom-type", "id", "object-add", "object-del" },
    [VEMU_PART_BLOCK] = { "-blockdev", "driver", "node-name", "blockdev-add", "blockdev-del" },
    [VEMU_PART_NET] = { "-netdev", "type", "id", "netdev_add", "netdev_del" },
    [VEMU_PART_CHARDEV] = { "-chardev", "type", "id", "chardev-add", "chardev-remove" },
    [VEMU_PART_FSDEV] = { "-fsdev", "fsdriver", "id", NULL, NULL }, /* with the guest alone */
    [VEMU_PART_DEVICE] = { "-device", "driver", "id", "device_add", "device_del" },
};

static void part_clear(void *data)
{
    json_object_put(((struct vemu_part *)data)->props);
}

void vmgr__vemu_parts_init(struct vemu_parts *p)
{
    p->list = g_array_new(FALSE, TRUE, sizeof(struct vemu_part));
    g_array_set_clear_func(p->list, part_clear);
}

void vmgr__vemu_parts_fini(struct vemu_parts *p)
{
    g_clear_pointer(&p->list, g_array_unref);
}

struct json_object *vmgr__vemu_part_add(struct vemu_parts *p, enum vemu_part_kind kind,
                                        const char *class_name, const char *id)
{
    struct vemu_part part = { .kind = kind, .props = json_object_new_object() };

    vmgr__vemu_set(part.props, kinds[kind].class_key, class_name);
    vmgr__vemu_set(part.props, kinds[kind].id_key, id);
    g_array_append_val(p->list, part);
    return part.props;
}

struct vemu_part *vmgr__vemu_part_last(const struct vemu_parts *p)
{
    return &g_array_index(p->list, struct vemu_part, p->list->len - 1);
}

void vmgr__vemu_set(struct json_object *o, const char *key, const char *value)
{
    if (value)
        json_object_object_add(o, key, json_object_new_string(value));
}

void vmgr__vemu_setf(struct json_object *o, const char *key, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    vmgr__vemu_set(o, key, text);
}

void vmgr__vemu_set_int(struct json_object *o, const char *key, int64_t value)
{
    json_object_object_add(o, key, json_object_new_int64(value));
}

void vmgr__vemu_set_bool(struct json_object *o, const char *key, bool value)
{
    json_object_object_add(o, key, json_object_new_boolean(value));
}

/* ---- the command line ---- */

/* "key=value" pairs; objects inside become "outer.inner". A comma is written twice. */
static void flatten(GString *s, const char *prefix, struct json_object *o, const char *skip)
{
    json_object_object_foreach(o, key, value)
    {
        g_autofree char *name = g_strconcat(prefix, key, NULL);
        g_auto(GStrv) parts = NULL;
        g_autofree char *text = NULL;

        if (g_strcmp0(key, skip) == 0)
            continue;
        if (json_object_is_type(value, json_type_object)) {
            g_autofree char *inner = g_strconcat(name, ".", NULL);

            flatten(s, inner, value, NULL);
            continue;
        }
        if (json_object_is_type(value, json_type_boolean)) {
            text = g_strdup(json_object_get_boolean(value) ? "on" : "off");
        } else {
            parts = g_strsplit(json_object_get_string(value), ",", -1);
            text = g_strjoinv(",,", parts);
        }
        g_string_append_printf(s, ",%s=%s", name, text);
    }
}

void vmgr__vemu_parts_argv(const struct vemu_parts *p, GPtrArray *args)
{
    for (guint i = 0; i < p->list->len; i++) {
        const struct vemu_part *part = &g_array_index(p->list, struct vemu_part, i);
        struct json_object *class_name = NULL;
        GString *s;

        json_object_object_get_ex(part->props, kinds[part->kind].class_key, &class_name);
        s = g_string_new(json_object_get_string(class_name));
        flatten(s, "", part->props, kinds[part->kind].class_key);
        g_ptr_array_add(args, g_strdup(kinds[part->kind].option));
        g_ptr_array_add(args, g_string_free(s, FALSE));
    }
}

/* ---- the monitor ---- */

static const char *part_id(const struct vemu_part *part)
{
    struct json_object *id = NULL;

    json_object_object_get_ex(part->props, kinds[part->kind].id_key, &id);
    return json_object_get_string(id);
}

/* An address as chardev-add has it: {type, data: {host, port}} or {type, data: {path}}. The values
 * move there from `props`. */
static void put_address(struct json_object *data, const char *name, struct json_object *props,
                        const char *type, const char *const keys[2][2])
{
    struct json_object *address = json_object_new_object(), *inner = json_object_new_object();
    struct json_object *value;

    vmgr__vemu_set(address, "type", type);
    for (int i = 0; i < 2; i++) {
        if (keys[i][0] && json_object_object_get_ex(props, keys[i][0], &value))
            json_object_object_add(inner, keys[i][1], json_object_get(value));
    }
    if (strcmp(type, "inet") == 0 && !json_object_object_get_ex(inner, "host", NULL))
        vmgr__vemu_set(inner, "host", "");
    json_object_object_add(address, "data", inner);
    json_object_object_add(data, name, address);
}

static bool has(struct json_object *props, const char *key)
{
    return json_object_object_get_ex(props, key, NULL);
}

/* What QEMU's monitor has instead of a path, a host and a port. */
static void put_place(struct json_object *data, const char *type, struct json_object *props)
{
    static const char *const unix_keys[2][2] = { { "path", "path" } };
    static const char *const inet_keys[2][2] = { { "host", "host" }, { "port", "port" } };
    static const char *const own_keys[2][2] = { { "localaddr", "host" }, { "localport", "port" } };
    struct json_object *path;

    if (strcmp(type, "socket") == 0)
        put_address(data, "addr", props, has(props, "path") ? "unix" : "inet",
                    has(props, "path") ? unix_keys : inet_keys);
    else if (strcmp(type, "udp") == 0)
        put_address(data, "remote", props, "inet", inet_keys);
    else if (json_object_object_get_ex(props, "path", &path))
        json_object_object_add(data, strcmp(type, "file") == 0 ? "out" : "device",
                               json_object_get(path));
    if (has(props, "localport"))
        put_address(data, "local", props, "inet", own_keys);
}

/* chardev-add wants {id, backend: {type, data}}. */
static struct json_object *chardev_args(struct json_object *props)
{
    static const char *const places[] = { "path", "host", "port", "localaddr", "localport", NULL };
    struct json_object *args = json_object_new_object(), *backend = json_object_new_object();
    struct json_object *data = json_object_new_object(), *type;

    json_object_object_foreach(props, key, value)
    {
        struct json_object *to = strcmp(key, "id") == 0     ? args
                                 : strcmp(key, "type") == 0 ? backend
                                                            : data;

        if (vmgr__name_index(places, key) < 0)
            json_object_object_add(to, key, json_object_get(value));
    }
    if (json_object_object_get_ex(props, "type", &type))
        put_place(data, json_object_get_string(type), props);
    json_object_object_add(backend, "data", data);
    json_object_object_add(args, "backend", backend);
    return args;
}

static int drop_part(const struct vemu_part *part, struct vemu_qmp *q)
{
    struct json_object *args = json_object_new_object();

    vmgr__vemu_set(args, kinds[part->kind].id_key, part_id(part));
    if (part->kind == VEMU_PART_DEVICE)
        vmgr__vemu_set_bool(args, "force", true);
    return vmgr__qmp_execute(q, kinds[part->kind].remove, args, NULL, NULL);
}

int vmgr__vemu_parts_plug(const struct vemu_parts *p, struct vemu_qmp *q, struct vmgr_error **err)
{
    for (guint i = 0; i < p->list->len; i++) {
        const struct vemu_part *part = &g_array_index(p->list, struct vemu_part, i);
        struct json_object *args;

        g_assert(kinds[part->kind].add); /* attach.c refuses what cannot come later */
        args = part->kind == VEMU_PART_CHARDEV ? chardev_args(part->props)
                                               : json_object_get(part->props);
        if (vmgr__qmp_execute(q, kinds[part->kind].add, args, NULL, err) == 0)
            continue;
        while (i-- > 0)
            drop_part(&g_array_index(p->list, struct vemu_part, i), q);
        return -1;
    }
    return 0;
}

void vmgr__vemu_parts_shorten(const struct vemu_parts *p, const char *run_dir)
{
    for (guint i = 0; i < p->list->len; i++) {
        const struct vemu_part *part = &g_array_index(p->list, struct vemu_part, i);
        struct json_object *path;
        g_autofree char *file = NULL;

        if (part->kind != VEMU_PART_CHARDEV ||
            !json_object_object_get_ex(part->props, "path", &path))
            continue;
        file = g_strdup(vmgr__vemu_run_file(run_dir, json_object_get_string(path)));
        vmgr__vemu_set(part->props, "path", file);
    }
}

void vmgr__vemu_parts_drop(const struct vemu_parts *p, struct vemu_qmp *q)
{
    for (guint i = p->list->len; i-- > 0;) {
        const struct vemu_part *part = &g_array_index(p->list, struct vemu_part, i);

        if (part->kind != VEMU_PART_DEVICE)
            drop_part(part, q);
    }
}
