/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine's NBD server: what its monitor offers of its block nodes.
 *
 * An export of a node that a backup with sync "none" writes to is the disk as it was (jobs/view.h).
 * Any other is the node's image, which any number of threads may use; it does not take part in what
 * the node does besides (limits of the device, error policies). It holds the image, and the monitor
 * keeps the node from being removed meanwhile.
 */
#include "nbd-server/vm.h"

#include <errno.h>
#include <string.h>

#include "block/backend.h"
#include "core/vm.h"
#include "jobs/view.h"

#define MAX_CLIENTS 4096u /* when no limit is given */

struct vemu_vm_nbd {
    struct vemu_nbd_server *server;
    GPtrArray *exports; /* struct nbd_vm_export */
};

static void export_free(gpointer data)
{
    struct nbd_vm_export *export = data;

    g_free(export->id);
    g_free(export->name);
    g_free(export->node);
    g_free(export);
}

static int start_server(struct vemu_nbd_server *server, const struct nbd_vm_server_config *config,
                        struct vemu_error **err)
{
    int r;

    if (config->path)
        r = vemu_nbd_server_listen_unix(server, config->path, err);
    else if (config->port)
        r = vemu_nbd_server_listen_inet(server, config->host, config->port, err);
    else
        r = vemu_nbd_server_listen_fd(server, config->fd, err);
    return r < 0 ? r : vemu_nbd_server_start(server, err);
}

int vemu__vm_nbd_start(struct vemu_vm *vm, const struct nbd_vm_server_config *config,
                       struct vemu_error **err)
{
    struct vemu_nbd_server_options options = VEMU_NBD_SERVER_OPTIONS_INIT;
    struct vemu_nbd_server *server = NULL;
    int r;

    if (vm->nbd)
        return vemu__error_set(err, EEXIST, "NBD server already running");
    options.max_clients = config->max_clients ? config->max_clients : MAX_CLIENTS;
    options.tls_creds = config->tls_creds;
    options.flags = config->tls_creds ? VEMU_NBD_TLS_REQUIRED | VEMU_NBD_TLS_VERIFY_PEER : 0;
    r = vemu_nbd_server_new(&options, &server, err);
    if (r >= 0)
        r = start_server(server, config, err);
    if (r < 0) {
        vemu_nbd_server_free(server);
        return r;
    }
    vm->nbd = g_new0(struct vemu_vm_nbd, 1);
    vm->nbd->server = server;
    vm->nbd->exports = g_ptr_array_new_with_free_func(export_free);
    return 0;
}

bool vemu__vm_nbd_runs(const struct vemu_vm *vm)
{
    return vm->nbd != NULL;
}

void vemu__vm_nbd_stop(struct vemu_vm *vm)
{
    if (!vm->nbd)
        return;
    vemu_nbd_server_free(vm->nbd->server);
    g_ptr_array_free(vm->nbd->exports, TRUE);
    g_free(vm->nbd);
    vm->nbd = NULL;
}

/* --- exports ---------------------------------------------------------------------------------- */

static struct nbd_vm_export *find(const struct vemu_vm *vm, const char *id)
{
    for (guint i = 0; vm->nbd && i < vm->nbd->exports->len; i++) {
        struct nbd_vm_export *export = vm->nbd->exports->pdata[i];

        if (!strcmp(export->id, id))
            return export;
    }
    return NULL;
}

int vemu__vm_nbd_add(struct vemu_vm *vm, const char *id, const char *node,
                     struct vemu_nbd_export_options *options, struct vemu_error **err)
{
    struct vemu_block *block = vemu__vm_find_block(vm, node);
    struct vemu_image *view = NULL;
    struct nbd_vm_export *export;
    int r;

    if (!vm->nbd)
        return vemu__error_set(err, ENOTCONN, "NBD server not running");
    if (find(vm, id))
        return vemu__error_set(err, EEXIST, "Block export id '%s' is already in use", id);
    if (!block)
        return vemu__error_set(err, ENOENT, "Cannot find device='%s' nor node-name='%s'", node,
                               node);
    if (options->flags & VEMU_NBD_EXPORT_WRITABLE && block->user)
        return vemu__error_set(err, EBUSY,
                               "Node '%s' is in use by '%s': it can be exported for reading only",
                               node, block->user->name);
    if (block->job || (options->flags & VEMU_NBD_EXPORT_WRITABLE && block->claimed))
        return vemu__block_check_free(block, err);
    r = vemu__backup_view(block, &view, err);
    if (r < 0)
        return r;
    options->image = view ? view : block->image;
    r = vemu_nbd_server_add_export(vm->nbd->server, options, err);
    if (view)
        vemu_image_close(view);
    if (r < 0)
        return r;
    export = g_new0(struct nbd_vm_export, 1);
    export->id = g_strdup(id);
    export->name = g_strdup(options->name);
    export->node = g_strdup(node);
    g_ptr_array_add(vm->nbd->exports, export);
    return 0;
}

int vemu__vm_nbd_remove(struct vemu_vm *vm, const char *id, bool force, struct vemu_error **err)
{
    struct nbd_vm_export *export = find(vm, id);
    int r;

    if (!export)
        return vemu__error_set(err, ENOENT, "Export '%s' is not found", id);
    r = vemu_nbd_server_remove_export(vm->nbd->server, export->name,
                                      force ? VEMU_NBD_REMOVE_FORCE : 0, err);
    if (r >= 0)
        g_ptr_array_remove(vm->nbd->exports, export);
    return r;
}

void vemu__vm_nbd_forget(struct vemu_vm *vm, const char *node)
{
    for (guint i = vm->nbd ? vm->nbd->exports->len : 0; i-- > 0;) {
        const struct nbd_vm_export *export = vm->nbd->exports->pdata[i];

        if (!strcmp(export->node, node))
            vemu__vm_nbd_remove(vm, export->id, true, NULL);
    }
}

const GPtrArray *vemu__vm_nbd_exports(const struct vemu_vm *vm)
{
    return vm->nbd ? vm->nbd->exports : NULL;
}

bool vemu__vm_nbd_uses(const struct vemu_vm *vm, const char *node)
{
    for (guint i = 0; vm->nbd && i < vm->nbd->exports->len; i++) {
        const struct nbd_vm_export *export = vm->nbd->exports->pdata[i];

        if (!strcmp(export->node, node))
            return true;
    }
    return false;
}
