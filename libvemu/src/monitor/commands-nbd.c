/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands that offer block nodes by NBD.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/backend.h"
#include "core/property.h"
#include "monitor/qmp.h"
#include "nbd-server/vm.h"

/* --- the server ------------------------------------------------------------------------------- */

#define ADDRESS                                                                                    \
    "{type:<unix|inet|fd>,data:{path?:str,host?:str,port?:str,str?:str,to?:int,ipv4?:bool,"        \
    "ipv6?:bool,numeric?:bool,keep-alive?:bool,mptcp?:bool,abstract?:bool,tight?:bool}}"

static int missing(const char *name, struct vemu_error **err)
{
    return vemu__error_set(err, EINVAL, "Parameter 'addr.data.%s' is missing", name);
}

static int get_address(struct json_object *address, struct nbd_vm_server_config *config,
                       struct vemu_error **err)
{
    const char *type = qmp_get_string(address, "type");
    struct json_object *data = qmp_get(address, "data");
    uint64_t fd;

    json_object_object_foreach(data, key, value)
    {
        if (strcmp(key, "path") && strcmp(key, "host") && strcmp(key, "port") && strcmp(key, "str"))
            return vemu__error_set(err, ENOTSUP, "Parameter 'addr.data.%s' is not supported", key);
    }
    if (!strcmp(type, "unix")) {
        config->path = qmp_get_string(data, "path");
        return config->path ? 0 : missing("path", err);
    }
    if (!strcmp(type, "inet")) {
        config->host = qmp_get_string(data, "host");
        config->port = qmp_get_string(data, "port");
        if (!config->host)
            return missing("host", err);
        return config->port ? 0 : missing("port", err);
    }
    if (!qmp_get_string(data, "str"))
        return missing("str", err);
    if (!vemu__parse_number(qmp_get_string(data, "str"), INT32_MAX, &fd))
        return vemu__error_set(err, ENOTSUP, "descriptor '%s' is not a number",
                               qmp_get_string(data, "str"));
    config->fd = (int)fd;
    return 0;
}

static int cmd_nbd_server_start(QMP_PARAMS)
{
    struct nbd_vm_server_config config = { .tls_creds = qmp_get_string(args, "tls-creds") };
    int64_t clients = json_object_get_int64(qmp_get(args, "max-connections"));
    int r;

    if (qmp_get(args, "tls-authz"))
        return vemu__error_set(err, ENOTSUP, "Parameter 'tls-authz' is not supported");
    if (config.tls_creds && config.tls_creds[0] != '/')
        return vemu__error_set(err, ENOTSUP,
                               "Parameter 'tls-creds' expects a directory of certificates");
    if (clients < 0 || clients > UINT32_MAX)
        return vemu__error_set(err, EINVAL, "Parameter 'max-connections' expects uint32");
    config.max_clients = (uint32_t)clients;
    r = get_address(qmp_get(args, "addr"), &config, err);
    return r < 0 ? r : vemu__vm_nbd_start(vm, &config, err);
}

static int cmd_nbd_server_stop(QMP_PARAMS)
{
    if (!vemu__vm_nbd_runs(vm))
        return vemu__error_set(err, ENOTCONN, "NBD server not running");
    vemu__vm_nbd_stop(vm);
    return 0;
}

/* --- exports ---------------------------------------------------------------------------------- */

static bool is_true(struct json_object *args, const char *name)
{
    return json_object_get_boolean(qmp_get(args, name));
}

static void get_options(struct json_object *args, const char *name,
                        struct vemu_nbd_export_options *options)
{
    *options = (struct vemu_nbd_export_options)VEMU_NBD_EXPORT_OPTIONS_INIT;
    options->name = name;
    options->description = qmp_get_string(args, "description");
    options->flags = is_true(args, "writable") ? VEMU_NBD_EXPORT_WRITABLE : 0;
}

/* The node by its own name, or that of a device. */
static const char *node_of(struct vemu_vm *vm, const char *device)
{
    const struct vemu_block *block = vemu__qmp_block_of(vm, device);

    return block ? block->id : device;
}

static int cmd_nbd_server_add(QMP_PARAMS)
{
    const char *device = qmp_get_string(args, "device"), *name = qmp_get_string(args, "name");
    const char *bitmap = qmp_get_string(args, "bitmap");
    struct vemu_nbd_export_options options;

    get_options(args, name ? name : device, &options);
    options.bitmaps = &bitmap;
    options.bitmap_count = bitmap != NULL;
    return vemu__vm_nbd_add(vm, options.name, node_of(vm, device), &options, err);
}

static bool is_hard(struct json_object *args)
{
    const char *mode = qmp_get_string(args, "mode");

    return mode && !strcmp(mode, "hard");
}

static int cmd_nbd_server_remove(QMP_PARAMS)
{
    return vemu__vm_nbd_remove(vm, qmp_get_string(args, "name"), is_hard(args), err);
}

static int cmd_block_export_add(QMP_PARAMS)
{
    static const char *const unsupported[] = { "fixed-iothread", "iothread", "writethrough" };
    const char *node = qmp_get_string(args, "node-name"), *name = qmp_get_string(args, "name");
    struct json_object *list = qmp_get(args, "bitmaps");
    g_autoptr(GPtrArray) bitmaps = g_ptr_array_new();
    struct vemu_nbd_export_options options;

    for (size_t i = 0; i < G_N_ELEMENTS(unsupported); i++)
        if (qmp_get(args, unsupported[i]))
            return vemu__error_set(err, ENOTSUP, "Parameter '%s' is not supported", unsupported[i]);
    get_options(args, name ? name : node, &options);
    if (is_true(args, "allocation-depth"))
        options.flags |= VEMU_NBD_EXPORT_ALLOCATION_DEPTH;
    for (size_t i = 0; list && i < json_object_array_length(list); i++)
        g_ptr_array_add(bitmaps, (gpointer)(uintptr_t)json_object_get_string(
                                     json_object_array_get_idx(list, i)));
    options.bitmaps = (const char *const *)bitmaps->pdata;
    options.bitmap_count = bitmaps->len;
    return vemu__vm_nbd_add(vm, qmp_get_string(args, "id"), node, &options, err);
}

static int cmd_block_export_del(QMP_PARAMS)
{
    return vemu__vm_nbd_remove(vm, qmp_get_string(args, "id"), is_hard(args), err);
}

static int cmd_query_block_exports(QMP_PARAMS)
{
    const GPtrArray *exports = vemu__vm_nbd_exports(vm);

    *result = json_object_new_array();
    for (guint i = 0; exports && i < exports->len; i++) {
        const struct nbd_vm_export *export = exports->pdata[i];
        struct json_object *o = json_object_new_object();

        qmp_add_string(o, "id", export->id);
        qmp_add_string(o, "type", "nbd");
        qmp_add_string(o, "node-name", export->node);
        qmp_add_bool(o, "shutting-down", false);
        json_object_array_add(*result, o);
    }
    return 0;
}

static const struct qmp_command commands[] = {
    { "block-export-add", cmd_block_export_add,
      "{type:<nbd>,id:str,node-name:str,name?:str,description?:str,writable?:bool,"
      "writethrough?:bool,bitmaps?:[str],allocation-depth?:bool,fixed-iothread?:bool,"
      "iothread?:str}",
      NULL },
    { "block-export-del", cmd_block_export_del, "{id:str,mode?:<safe|hard>}", NULL },
    { "nbd-server-add", cmd_nbd_server_add,
      "{device:str,name?:str,description?:str,writable?:bool,bitmap?:str}", NULL },
    { "nbd-server-remove", cmd_nbd_server_remove, "{name:str,mode?:<safe|hard>}", NULL },
    { "nbd-server-start", cmd_nbd_server_start,
      "{addr:" ADDRESS ",tls-creds?:str,tls-authz?:str,max-connections?:int}", NULL },
    { "nbd-server-stop", cmd_nbd_server_stop, NULL, NULL },
    { "query-block-exports", cmd_query_block_exports, NULL,
      "[{id:str,type:str,node-name:str,shutting-down:bool}]" },
    { NULL },
};

const struct qmp_group vemu__qmp_nbd = { .commands = commands };
