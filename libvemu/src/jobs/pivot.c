/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another image takes a disk's place: nodes change places under their user.
 *
 * A device has its node for as long as it is there. So what changes is what the node is: its name,
 * image and options go to the other one, while the user, its requests and its figures stay.
 */
#include <string.h>

#include <vemu/block.h>

#include "core/property.h"
#include "core/vm.h"
#include "jobs/graph.h"

static void keep_user(struct vemu_block *block, const struct vemu_block *was)
{
    block->user = was->user;
    block->user_data = was->user_data;
    block->user_lock = was->user_lock;
    block->user_policy[0] = was->user_policy[0];
    block->user_policy[1] = was->user_policy[1];
    block->aio = was->aio;
    block->with_medium = was->with_medium;
    block->in_flight = was->in_flight;
    block->refused = was->refused;
    block->refused_last = was->refused_last;
    block->held = was->held;
    block->held_last = was->held_last;
    block->no_holding = was->no_holding;
    block->quiesced = was->quiesced;
    block->stats = was->stats;
    block->error_second = was->error_second;
    block->io_error = was->io_error;
    block->job = was->job;
    block->claimed = was->claimed;
}

/* Nodes that stand on one of the two mean the image, which is the other's now. Who has a disk below
 * as a backing node keeps the image, but the node is the user's. */
static void move_links(struct vemu_block *block, struct vemu_block *other)
{
    GPtrArray *blocks = block->vm->blocks;

    for (guint i = 0; i < blocks->len; i++) {
        struct vemu_block *each = blocks->pdata[i];
        struct vemu_block **links[] = { &each->file_node, &each->backing_node };

        for (unsigned n = 0; n < G_N_ELEMENTS(links); n++) {
            if (*links[n] == block)
                *links[n] = other;
            else if (*links[n] == other)
                *links[n] = n ? NULL : block;
        }
    }
}

void vemu__graph_swap(struct vemu_block *block, struct vemu_block *other)
{
    pthread_mutex_t *lock = block->user ? block->user_lock : NULL;
    struct vemu_block mine, its;

    if (lock) /* before looking: the user goes on submitting requests, which are held */
        pthread_mutex_lock(lock);
    pthread_mutex_lock(&block->vm->list_lock);
    mine = *block;
    its = *other;
    *block = its;
    *other = mine;
    keep_user(block, &mine);
    keep_user(other, &its);
    pthread_mutex_unlock(&block->vm->list_lock);
    move_links(block, other);
    block->with_parent = other->with_parent = false;
    if (lock)
        pthread_mutex_unlock(lock);
}

struct vemu_block *vemu__graph_new_node(const struct vemu_block *like, const char *id,
                                        struct vemu_image *image)
{
    struct vemu_block *block = g_new0(struct vemu_block, 1);

    block->vm = like->vm;
    block->id = g_strdup(id);
    vemu__props_set(block->vm, block, vemu__block_props, NULL, 0, NULL); /* what nobody gave */
    block->image = vemu_image_ref(image);
    block->driver = g_strdup(image->driver->name);
    block->filename = g_strdup(image->filename);
    vemu__image_options_init(&block->options);
    block->refused_last = &block->refused;
    block->held_last = &block->held;
    block->write_back = like->write_back;
    block->direct = like->direct;
    block->aio_kind = like->aio_kind;
    block->can_discard = like->can_discard;
    block->detect_zeroes = like->detect_zeroes;
    block->policy[0] = like->policy[0];
    block->policy[1] = like->policy[1];
    g_free(block->detect_zeroes_name);
    block->detect_zeroes_name = g_strdup(like->detect_zeroes_name);
    block->read_only = !(image->open_flags & VEMU_IMAGE_WRITE);
    block->flush_fd = vemu__image_flush_fd(image);
    return block;
}

void vemu__graph_swap_names(struct vemu_block *block, struct vemu_block *other)
{
    char *id = block->id;

    pthread_mutex_lock(&block->vm->list_lock);
    block->id = other->id;
    other->id = id;
    pthread_mutex_unlock(&block->vm->list_lock);
}

void vemu__graph_pivot(struct vemu_block *block, struct vemu_block *target,
                       struct vemu_image *image, const char *name)
{
    struct vemu_vm *vm = block->vm;
    g_autofree char *id = NULL;

    if (target) {
        vemu__graph_swap(block, target);
        return;
    }
    id = name ? g_strdup(name) : vemu__vm_make_id(vm, "old");
    target = vemu__graph_new_node(block, id, image);
    vemu__backend_list(vm, &vemu__block_kind, target);
    vemu__graph_swap(block, target);
    if (!name)
        vemu__graph_swap_names(block, target);
    vemu_vm_remove_block(vm, target->id, NULL);
}
