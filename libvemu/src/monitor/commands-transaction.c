/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The QMP command "transaction": several actions on disks, all of them or none.
 *
 * Theory of operation: all disks that actions name are quiesced first, so no write of the guest
 * comes between two actions, and what they do is at one point in time. An action is the command of
 * its name. It is run at once, and what is needed to take it back is kept: a bitmap as it was, a
 * job that was made but not let go, a disk with one image more. If one fails, those before it are
 * taken back, the last one first. Only when all have succeeded jobs begin, and are told of.
 */
#include <errno.h>
#include <string.h>

#include "image/image.h"
#include "jobs/graph.h"
#include "jobs/job.h"
#include "monitor/qmp.h"

#define MAX_ACTIONS 4096u

struct range {
    uint64_t offset, bytes;
};

struct action;

struct kind {
    const char *type;            /* of the action, and the command's name */
    const char *node, *node_too; /* arguments that name the disk */
    const char *bitmap;          /* the one that names a bitmap it changes */
    void (*undo)(struct vemu_vm *, struct action *);
};

struct action {
    const struct kind *kind;
    const struct qmp_command *command; /* NULL: abort */
    struct json_object *data;          /* borrowed */
    struct vemu_block *block;          /* of the user; nodes may change under it */
    struct vemu_job *job;              /* that it made */
    /* the bitmap as it was */
    bool saved, existed;
    uint32_t flags;
    uint64_t granularity;
    GArray *ranges;
};

/* --- bitmaps ---------------------------------------------------------------------------------- */

struct search {
    const char *name;
    struct action *action;
};

static int match(void *data, const struct vemu_image_bitmap *bitmap)
{
    const struct search *search = data;

    if (strcmp(bitmap->name, search->name) != 0)
        return 0;
    search->action->existed = true;
    search->action->flags = bitmap->flags;
    search->action->granularity = bitmap->granularity;
    return 1;
}

/* What cannot be read now could not be put back later. A node without bitmaps is the command's own
 * error. */
static int save_bitmap(struct action *a, struct vemu_error **err)
{
    const char *name = qmp_get_string(a->data, a->kind->bitmap);
    struct search search = { name, a };
    uint64_t at = 0, bytes = 0;
    int r;

    if (vemu_image_list_bitmaps(a->block->image, match, &search) < 0)
        return 0;
    if (a->existed && a->flags & VEMU_IMAGE_BITMAP_INCONSISTENT)
        return vemu__error_set(err, ENOTSUP,
                               "Bitmap '%s' is inconsistent: it can be removed on its own, not in "
                               "a transaction",
                               name);
    a->ranges = g_array_new(FALSE, FALSE, sizeof(struct range));
    while (a->existed &&
           (r = vemu_image_next_dirty(a->block->image, name, at, &at, &bytes, err)) != 0) {
        const struct range range = { at, bytes };

        if (r < 0)
            return r;
        g_array_append_val(a->ranges, range);
        at += bytes;
    }
    a->saved = true;
    return 0;
}

static void undo_bitmap(struct vemu_vm *vm, struct action *a)
{
    const char *name = qmp_get_string(a->data, a->kind->bitmap);
    struct vemu_image *image = a->block->image, *layer = vemu__image_skip_filters(image);
    const uint32_t flags = VEMU_IMAGE_BITMAP_ENABLED | VEMU_IMAGE_BITMAP_PERSISTENT;
    int r = 0;

    if (!a->saved)
        return;
    vemu_image_remove_bitmap(image, name, NULL); /* it may not be there */
    if (a->existed)
        r = vemu_image_add_bitmap(image, name, a->granularity, a->flags & flags, NULL);
    for (guint i = 0; i < a->ranges->len && r >= 0; i++) {
        const struct range *range = &g_array_index(a->ranges, struct range, i);

        r = layer->driver->bitmaps->set_dirty(layer, name, range->offset, range->bytes);
    }
    if (r < 0) /* a bitmap that misses something is worse than none */
        vemu_image_remove_bitmap(image, name, NULL);
    if (r < 0)
        vemu_vm_log(vm, VEMU_LOG_ERROR, "bitmap '%s' of '%s' is lost: make a full backup next (%s)",
                    name, layer->filename, strerror(-r));
}

/* --- jobs, snapshots -------------------------------------------------------------------------- */

static void undo_job(struct vemu_vm *vm, struct action *a)
{
    if (a->job)
        vemu__job_unmake(a->job);
}

static void undo_snapshot(struct vemu_vm *vm, struct action *a)
{
    bool overlay_stays = !strcmp(a->kind->type, "blockdev-snapshot");
    struct vemu_error *err = NULL;

    if (vemu__graph_undo_snapshot(a->block, overlay_stays, &err) < 0)
        vemu_vm_log(vm, VEMU_LOG_ERROR, "the snapshot of '%s' cannot be taken back: %s",
                    a->block->id, vemu_error_message(err));
    vemu_error_free(err);
}

static const struct kind kinds[] = {
    { "abort", NULL, NULL, NULL, NULL },
    { "block-dirty-bitmap-add", "node", NULL, "name", undo_bitmap },
    { "block-dirty-bitmap-clear", "node", NULL, "name", undo_bitmap },
    { "block-dirty-bitmap-disable", "node", NULL, "name", undo_bitmap },
    { "block-dirty-bitmap-enable", "node", NULL, "name", undo_bitmap },
    { "block-dirty-bitmap-merge", "node", NULL, "target", undo_bitmap },
    { "block-dirty-bitmap-remove", "node", NULL, "name", undo_bitmap },
    { "blockdev-backup", "device", NULL, NULL, undo_job },
    { "blockdev-snapshot", "node", NULL, NULL, undo_snapshot },
    { "blockdev-snapshot-sync", "device", "node-name", NULL, undo_snapshot },
    { "drive-backup", "device", NULL, NULL, undo_job },
};

/* --- actions ---------------------------------------------------------------------------------- */

static const struct kind *find_kind(const char *type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (!strcmp(kinds[i].type, type))
            return &kinds[i];
    return NULL;
}

static int read_action(struct vemu_vm *vm, struct json_object *o, struct action *a,
                       struct vemu_error **err)
{
    const char *type = qmp_get_string(o, "type"), *name;
    struct qmp_shape *shape;
    int r;

    a->kind = find_kind(type);
    a->data = qmp_get(o, "data");
    if (!a->kind)
        return vemu__error_set(err, ENOTSUP, "Action '%s' is not supported in a transaction", type);
    a->command = vemu__qmp_command_find(type);
    shape = vemu__qmp_shape_parse(a->command ? a->command->arguments : NULL);
    r = vemu__qmp_shape_check(shape, a->data, "data", err);
    vemu__qmp_shape_free(shape);
    if (r < 0 || !a->command)
        return r;
    name = qmp_get_string(a->data, a->kind->node);
    if (!name && a->kind->node_too)
        name = qmp_get_string(a->data, a->kind->node_too);
    a->block = name ? vemu__qmp_block_of(vm, name) : NULL;
    if (!a->block)
        return vemu__error_set(err, ENOENT, "Cannot find device='%s' nor node-name='%s'",
                               name ? name : "", name ? name : "");
    return 0;
}

static int run(struct vemu_vm *vm, struct action *a, struct vemu_error **err)
{
    struct json_object *result = NULL;
    guint before = vm->held_jobs->len;
    int r = 0;

    if (!a->command)
        return vemu__error_set(err, ECANCELED, "Transaction aborted using Abort action");
    if (a->kind->bitmap)
        r = save_bitmap(a, err);
    if (r >= 0)
        r = a->command->run(vm, a->data, &result, err);
    json_object_put(result);
    if (r < 0 && a->saved) /* a merge may have been half done */
        a->kind->undo(vm, a);
    if (r >= 0 && vm->held_jobs->len > before)
        a->job = vm->held_jobs->pdata[before];
    return r;
}

/* Disks whose requests are held, struct vemu_block; each once. */
static GPtrArray *quiesce(GArray *actions)
{
    GPtrArray *blocks = g_ptr_array_new();

    for (guint i = 0; i < actions->len; i++) {
        struct vemu_block *block = g_array_index(actions, struct action, i).block;

        if (!block || g_ptr_array_find(blocks, block, NULL))
            continue;
        vemu__block_quiesce(block);
        g_ptr_array_add(blocks, block);
    }
    return blocks;
}

static void finish(struct vemu_vm *vm, GArray *actions, guint done, bool failed, bool grouped)
{
    g_autoptr(GPtrArray) jobs = vm->held_jobs;

    vm->held_jobs = NULL;
    for (guint i = done; failed && i-- > 0;) {
        struct action *a = &g_array_index(actions, struct action, i);

        if (a->kind->undo)
            a->kind->undo(vm, a);
    }
    if (!failed && grouped)
        vemu__job_group(jobs);
    for (guint i = 0; !failed && i < jobs->len; i++) {
        struct vemu_job *job = jobs->pdata[i];

        /* one that got no thread may have ended those that are grouped with it */
        if (g_ptr_array_find(vm->jobs, job, NULL) && !job->status)
            vemu__job_go(job);
    }
}

static void clear_action(void *data)
{
    struct action *a = data;

    if (a->ranges)
        g_array_free(a->ranges, TRUE);
}

static int cmd_transaction(QMP_PARAMS)
{
    struct json_object *list = qmp_get(args, "actions"), *properties = qmp_get(args, "properties");
    const char *mode = properties ? qmp_get_string(properties, "completion-mode") : NULL;
    g_autoptr(GArray) actions = g_array_new(FALSE, TRUE, sizeof(struct action));
    g_autoptr(GPtrArray) blocks = NULL;
    guint done = 0;
    int r = 0;

    if (json_object_array_length(list) > MAX_ACTIONS)
        return vemu__error_set(err, E2BIG, "a transaction has at most %u actions", MAX_ACTIONS);
    g_array_set_clear_func(actions, clear_action);
    g_array_set_size(actions, (guint)json_object_array_length(list));
    for (guint i = 0; i < actions->len && r >= 0; i++)
        r = read_action(vm, json_object_array_get_idx(list, i),
                        &g_array_index(actions, struct action, i), err);
    if (r < 0)
        return r;
    blocks = quiesce(actions);
    vm->held_jobs = g_ptr_array_new();
    while (done < actions->len &&
           (r = run(vm, &g_array_index(actions, struct action, done), err)) >= 0)
        done++;
    finish(vm, actions, done, r < 0, mode && !strcmp(mode, "grouped"));
    for (guint i = 0; i < blocks->len; i++)
        vemu__block_release(blocks->pdata[i]);
    return r < 0 ? r : 0;
}

static const struct qmp_command commands[] = {
    { "transaction", cmd_transaction,
      "{actions:[{type:str,data:any}],properties?:{completion-mode?:<individual|grouped>}}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_transaction = { .commands = commands };
