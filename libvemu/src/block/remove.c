/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking block nodes away from a machine that goes on.
 */
#include <errno.h>

#include <vemu/block.h>

#include "block/backend.h"
#include "core/vm.h"

/* A node that nothing uses has no request under way and no thread. */
static void remove_now(struct vemu_vm *vm, struct vemu_block *block)
{
    struct vemu_block *below[] = { block->file_node, block->backing_node };

    vemu__backend_unlist(vm, &vemu__block_kind, block);
    vemu__block_free(block);
    for (unsigned i = 0; i < G_N_ELEMENTS(below); i++)
        if (below[i] && below[i]->with_parent && !vemu__block_parent(below[i]))
            remove_now(vm, below[i]);
}

static int do_remove(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const char *id = data;
    struct vemu_block *block = vemu__vm_find_block(vm, id);
    const struct vemu_device *user;
    const struct vemu_block *parent;

    if (!block)
        return vemu__error_set(err, ENOENT, "there is no drive '%s'", id);
    parent = vemu__block_parent(block);
    if (parent)
        return vemu__error_set(err, EBUSY, "drive '%s' is in use by '%s'", id, parent->id);
    if (vemu__block_check_free(block, err) < 0)
        return -EBUSY;
    user = vemu__vm_find_user(vm, block);
    if (user || block->user)
        return vemu__error_set(err, EBUSY, "drive '%s' is in use by '%s'", id,
                               user ? user->id : block->user->name);
    remove_now(vm, block);
    return 0;
}

int vemu_vm_remove_block(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    if (!id)
        return vemu__error_set(err, EINVAL, "the node name is missing");
    return vemu__vm_control(vm, do_remove, (void *)id, err);
}
