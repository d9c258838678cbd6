/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Write thresholds of nodes: an event when a node's own layer is written to behind a place. That is
 * a guest's place for a format, and one in the file for what is below it.
 */
#include "block/backend.h"
#include "core/vm.h"
#include "jobs/graph.h"

struct watch {
    struct vemu_vm *vm;
    char *id;
};

static void watch_free(void *data)
{
    struct watch *watch = data;

    g_free(watch->id);
    g_free(watch);
}

static void exceeded(void *data, uint64_t by, uint64_t threshold)
{
    const struct watch *watch = data;
    g_autofree char *message = g_strdup_printf("%" G_GUINT64_FORMAT " %s", threshold, watch->id);

    vemu__events_post(watch->vm, VEMU_EVENT_BLOCK_THRESHOLD, message, by);
}

void vemu__block_set_threshold(struct vemu_block *block, uint64_t bytes)
{
    struct watch *watch;

    if (!bytes) {
        if (vemu__block_get_threshold(block))
            vemu__image_set_threshold(vemu__graph_image(block), 0, NULL, NULL, NULL);
        return;
    }
    watch = g_new0(struct watch, 1);
    watch->vm = block->vm;
    watch->id = g_strdup(block->id);
    vemu__image_set_threshold(vemu__graph_image(block), bytes, exceeded, watch, watch_free);
}

uint64_t vemu__block_get_threshold(const struct vemu_block *block)
{
    return vemu__image_get_threshold(vemu__graph_image(block));
}
