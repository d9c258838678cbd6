/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about character back-ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vemu/chardev.h>

#include "chardev/backend.h"
#include "monitor/monitor.h"
#include "monitor/qmp.h"

static void add_chardev(struct json_object *list, const char *id, const char *filename, bool open)
{
    struct json_object *o = json_object_new_object();

    qmp_add_bool(o, "frontend-open", open);
    qmp_add_string(o, "filename", filename ? filename : "");
    qmp_add_string(o, "label", id);
    json_object_array_add(list, o);
}

/* A monitor for several clients is one socket here, whoever is connected to it. */
static int cmd_query_chardev(QMP_PARAMS)
{
    *result = json_object_new_array();
    for (guint i = 0; i < vm->chardevs->len; i++) {
        struct vemu_chardev *chr = vm->chardevs->pdata[i];
        char *filename = NULL;

        if (vemu__chardev_is_hidden(chr))
            continue;
        vemu_chardev_get_filename(vm, chr->id, &filename);
        add_chardev(*result, chr->id, filename, vemu__chardev_is_front_open(chr));
        free(filename);
    }
    for (guint i = 0; i < vm->monitor_servers->len; i++) {
        const struct vemu_monitor_server *server = vm->monitor_servers->pdata[i];
        g_autofree char *filename =
            g_strdup_printf("unix:%s,server=on", vemu__monitor_server_path(server));

        add_chardev(*result, vemu__monitor_server_id(server), filename, true);
    }
    return 0;
}

static int cmd_query_chardev_backends(QMP_PARAMS)
{
    *result = json_object_new_array();
    for (size_t i = 0; vemu__chardev_classes[i]; i++) {
        struct json_object *o;

        if (vemu__chardev_classes[i]->flags & VEMU_BACKEND_INTERNAL)
            continue;
        o = json_object_new_object();
        qmp_add_string(o, "name", vemu__chardev_classes[i]->name);
        json_object_array_add(*result, o);
    }
    return 0;
}

/* --- adding ----------------------------------------------------------------------------------- */

/* QEMU's names of back-ends and of their members, and ours. */
static const struct {
    const char *type, *class_name;
    struct {
        const char *theirs, *ours;
    } members[5];
} backends[] = {
    { "file", "file", { { "out", "path" }, { "in", "input-path" }, { "append", "append" } } },
    { "null", "null", { { NULL, NULL } } },
    { "pty", "pty", { { "path", "path" } } },
    { "pipe", "pipe", { { "device", "path" } } },
    { "serial", "serial", { { "device", "path" } } },
    { "udp", "udp", { { NULL, NULL } } },
    { "ringbuf", "ring", { { "size", "size" } } },
    { "memory", "ring", { { "size", "size" } } },
    { "socket",
      "socket",
      { { "server", "server" }, { "wait", "wait" }, { "reconnect", "reconnect" } } },
};

/* Host and port of an address, by our names; where: in "backend.data". */
static int add_inet_address(struct qmp_props *props, const char *host, const char *port,
                            const char *where, struct json_object *data, struct vemu_error **err)
{
    const char *const keys[][2] = { { "host", host }, { "port", port } };

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *value = qmp_get_string(data, keys[i][0]);

        if (!value)
            return vemu__error_set(err, EINVAL, "Parameter 'backend.data.%s.data.%s' is missing",
                                   where, keys[i][0]);
        vemu__qmp_props_add_text(props, keys[i][1], value);
    }
    return 0;
}

static int add_udp_address(struct qmp_props *props, const char *host, const char *port,
                           const char *where, struct json_object *address, struct vemu_error **err)
{
    g_autofree char *what = g_strconcat("backend.data.", where, NULL);
    struct qmp_shape *shape = vemu__qmp_shape_parse("{type:str,data:{host:str,port:str}}");
    int r = vemu__qmp_shape_check(shape, address, what, err);

    vemu__qmp_shape_free(shape);
    if (r < 0)
        return r;
    if (strcmp(qmp_get_string(address, "type"), "inet"))
        return vemu__error_set(err, ENOTSUP, "socket address type '%s' is not supported (inet)",
                               qmp_get_string(address, "type"));
    return add_inet_address(props, host, port, where, qmp_get(address, "data"), err);
}

/* A SocketAddress: "data" has "path" for the type unix, "str" for fd, "host" and "port" for
 * inet. */
static int add_address(struct qmp_props *props, struct json_object *address,
                       struct vemu_error **err)
{
    struct qmp_shape *shape = vemu__qmp_shape_parse("{type:str,data:{path?:str,str?:str,"
                                                    "host?:str,port?:str}}");
    int r = vemu__qmp_shape_check(shape, address, "backend.data.addr", err);
    const char *type, *value;

    vemu__qmp_shape_free(shape);
    if (r < 0)
        return r;
    type = qmp_get_string(address, "type");
    if (!strcmp(type, "inet"))
        return add_inet_address(props, "host", "port", "addr", qmp_get(address, "data"), err);
    value = qmp_get_string(qmp_get(address, "data"), strcmp(type, "fd") ? "path" : "str");
    if (strcmp(type, "unix") && strcmp(type, "fd"))
        return vemu__error_set(err, ENOTSUP,
                               "socket address type '%s' is not supported (unix, inet, fd)", type);
    if (!value)
        return vemu__error_set(err, EINVAL, "Parameter 'backend.data.addr.data.%s' is missing",
                               strcmp(type, "fd") ? "path" : "str");
    vemu__qmp_props_add_text(props, strcmp(type, "fd") ? "path" : "fd", value);
    return 0;
}

static int add_member(struct qmp_props *props, size_t backend, const char *key,
                      struct json_object *value, struct vemu_error **err)
{
    if (!strcmp(backends[backend].type, "udp") && !strcmp(key, "remote"))
        return add_udp_address(props, "host", "port", "remote", value, err);
    if (!strcmp(backends[backend].type, "udp") && !strcmp(key, "local"))
        return add_udp_address(props, "localaddr", "localport", "local", value, err);
    if (!strcmp(backends[backend].type, "socket") && !strcmp(key, "addr"))
        return add_address(props, value, err);
    if (!strcmp(key, "logfile") || !strcmp(key, "logappend"))
        return vemu__qmp_props_add(props, key, value, err);
    for (size_t i = 0; i < G_N_ELEMENTS(backends[backend].members); i++)
        if (g_strcmp0(backends[backend].members[i].theirs, key) == 0)
            return vemu__qmp_props_add(props, backends[backend].members[i].ours, value, err);
    return vemu__error_set(err, EINVAL, "Parameter 'backend.data.%s' is unexpected", key);
}

/* A server is what sockets are unless told otherwise; and nobody can wait for a client here. */
static int socket_defaults(struct qmp_props *props, struct json_object *data,
                           struct vemu_error **err)
{
    struct json_object *server = qmp_get(data, "server"), *wait = qmp_get(data, "wait");
    bool is_server = !server || json_object_get_boolean(server);

    if (is_server && wait && json_object_get_boolean(wait))
        return vemu__error_set(err, ENOTSUP,
                               "a monitor cannot wait for a client: wait must be "
                               "false");
    if (!server)
        vemu__qmp_props_add_text(props, "server", "on");
    if (!wait)
        vemu__qmp_props_add_text(props, "wait", "off");
    return 0;
}

static int backend_props(struct json_object *backend, struct qmp_props *props,
                         const char **ret_class, struct vemu_error **err)
{
    const char *type = qmp_get_string(backend, "type");
    struct json_object *data = qmp_get(backend, "data");
    size_t n = 0;
    int r = 0;

    while (n < G_N_ELEMENTS(backends) && strcmp(backends[n].type, type))
        n++;
    if (n == G_N_ELEMENTS(backends))
        return vemu__error_set(err, EINVAL, "Parameter 'backend.type' does not accept value '%s'",
                               type);
    *ret_class = backends[n].class_name;
    json_object_object_foreach(data, key, value)
    {
        if (r >= 0)
            r = add_member(props, n, key, value, err);
    }
    if (r >= 0 && !strcmp(type, "socket"))
        r = socket_defaults(props, data, err);
    return r;
}

static void add_pty(struct vemu_vm *vm, const char *id, struct json_object *o)
{
    char *filename = NULL;

    if (vemu_chardev_get_filename(vm, id, &filename) >= 0 && g_str_has_prefix(filename, "pty:"))
        qmp_add_string(o, "pty", filename + strlen("pty:"));
    free(filename);
}

static int cmd_chardev_add(QMP_PARAMS)
{
    const char *id = qmp_get_string(args, "id"), *class_name = NULL;
    struct qmp_props *props = vemu__qmp_props_new();
    int r = backend_props(qmp_get(args, "backend"), props, &class_name, err);

    if (r >= 0 && vemu__vm_find_chardev(vm, id))
        r = vemu__error_set(err, EEXIST, "Chardev with id '%s' already exists", id);
    if (r >= 0)
        r = vemu_vm_add_chardev(vm, class_name, id, vemu__qmp_props_items(props), props->items->len,
                                err);
    vemu__qmp_props_free(props);
    if (r < 0)
        return r;
    *result = json_object_new_object();
    add_pty(vm, id, *result);
    return 0;
}

static int cmd_chardev_remove(QMP_PARAMS)
{
    const char *id = qmp_get_string(args, "id");
    const struct vemu_chardev *chr = vemu__vm_find_chardev(vm, id);

    if (!chr || vemu__chardev_is_hidden(chr))
        return vemu__error_set(err, ENOENT, "Chardev '%s' not found", id);
    return vemu_vm_remove_chardev(vm, id, err);
}

static const struct qmp_command commands[] = {
    { "chardev-add", cmd_chardev_add, "{id:str,backend:{type:str,data:{*}}}", "{pty?:str}" },
    { "chardev-remove", cmd_chardev_remove, "{id:str}", NULL },
    { "query-chardev", cmd_query_chardev, NULL, "[{frontend-open:bool,filename:str,label:str}]" },
    { "query-chardev-backends", cmd_query_chardev_backends, NULL, "[{name:str}]" },
    { NULL },
};

const struct qmp_group vemu__qmp_chardev = { .commands = commands };
