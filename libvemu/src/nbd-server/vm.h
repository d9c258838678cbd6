/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine's NBD server: what its monitor offers of its block nodes.
 */
#ifndef VEMU_NBD_SERVER_VM_H
#define VEMU_NBD_SERVER_VM_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <vemu/nbd.h>

struct vemu_vm;

/* An export, as the monitor knows it. */
struct nbd_vm_export {
    char *id, *name, *node;
};

/* All: context: loop. */

struct nbd_vm_server_config {
    const char *path;        /* Unix socket; or */
    const char *host, *port; /* TCP; or */
    int fd;                  /* that listens, if neither */
    const char *tls_creds;   /* directory; NULL: none */
    uint32_t max_clients;    /* 0: as many as can be */
};
/* Errors: EEXIST (it runs already), those of vemu_nbd_server_new() and listening. */
int vemu__vm_nbd_start(struct vemu_vm *vm, const struct nbd_vm_server_config *config,
                       struct vemu_error **err);
bool vemu__vm_nbd_runs(const struct vemu_vm *vm);
/* Ends it with all clients and exports. Fine when it does not run. */
void vemu__vm_nbd_stop(struct vemu_vm *vm);

/* Offers a node under `options->name` (its image is filled in). Errors: EEXIST (the id), ENOENT (no
 * such node), ENOTCONN (no server), EBUSY (to be written, but a device has it), and those of
 * vemu_nbd_server_add_export(). */
int vemu__vm_nbd_add(struct vemu_vm *vm, const char *id, const char *node,
                     struct vemu_nbd_export_options *options, struct vemu_error **err);
/* By id. `force`: also with clients. Errors: ENOENT, EBUSY. */
int vemu__vm_nbd_remove(struct vemu_vm *vm, const char *id, bool force, struct vemu_error **err);
/* No export of this node any more, with or without clients. */
void vemu__vm_nbd_forget(struct vemu_vm *vm, const char *node);
/* struct nbd_vm_export, borrowed; NULL: no server runs. */
const GPtrArray *vemu__vm_nbd_exports(const struct vemu_vm *vm);
/* Whether a node is offered. */
bool vemu__vm_nbd_uses(const struct vemu_vm *vm, const char *node);

#endif
