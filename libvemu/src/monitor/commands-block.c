/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about block nodes: adding, removing, resizing, what they are and did.
 */
#include <errno.h>
#include <string.h>

#include <vemu/block.h>

#include "block/policy.h"
#include "image/throttle.h"
#include "jobs/bitmap.h"
#include "jobs/graph.h"
#include "monitor/qmp.h"
#include "nbd-server/vm.h"
#include "scsi/scsi.h"

/* --- adding and removing ---------------------------------------------------------------------- */

/* "backing": null: there is none. */
static int add_props(struct json_object *node, struct qmp_props *props, struct vemu_error **err)
{
    int r = 0;

    json_object_object_foreach(node, key, value)
    {
        if (r < 0 || !strcmp(key, "driver") || !strcmp(key, "node-name"))
            continue;
        if (!value)
            vemu__qmp_props_add_text(props, key, "");
        else
            r = vemu__qmp_props_add(props, key, value, err);
    }
    return r;
}

static int cmd_blockdev_add(QMP_PARAMS)
{
    struct qmp_props *props = vemu__qmp_props_new();
    int r = add_props(args, props, err);

    if (r >= 0)
        r = vemu_vm_add_block(vm, qmp_get_string(args, "driver"), qmp_get_string(args, "node-name"),
                              vemu__qmp_props_items(props), props->items->len, err);
    vemu__qmp_props_free(props);
    return r;
}

static int cmd_blockdev_del(QMP_PARAMS)
{
    const char *id = qmp_get_string(args, "node-name");
    const struct vemu_block *block = vemu__vm_find_block(vm, id);

    if (!block)
        return vemu__error_set(err, ENOENT, "Failed to find node with node-name='%s'", id);
    if (block->with_parent)
        return vemu__error_set(err, EBUSY, "Node %s is not owned by the monitor", id);
    if (vemu__vm_nbd_uses(vm, id))
        return vemu__error_set(err, EBUSY, "Node %s is busy: block export", id);
    return vemu_vm_remove_block(vm, id, err);
}

/* --- the nodes of devices --------------------------------------------------------------------- */

/* The node by its own name, or the one that the device of that name uses. */
struct vemu_block *vemu__qmp_block_of(struct vemu_vm *vm, const char *name)
{
    struct vemu_block *block = vemu__vm_find_block(vm, name);

    for (guint i = 0; !block && i < vm->blocks->len; i++) {
        struct vemu_block *other = vm->blocks->pdata[i];

        if (other->user && !strcmp(other->user->name, name) && !vemu__block_parent(other))
            block = other;
    }
    return block;
}

static int cmd_block_resize(QMP_PARAMS)
{
    const char *device = qmp_get_string(args, "device"), *node = qmp_get_string(args, "node-name");
    const char *name = device ? device : node;
    int64_t size = json_object_get_int64(qmp_get(args, "size"));
    struct vemu_block *block;

    if (!device == !node)
        return vemu__error_set(err, EINVAL, "%s",
                               device ? "'device' and 'node-name' exclude each other"
                                      : "Parameter 'node-name' is missing");
    block = device ? vemu__qmp_block_of(vm, name) : vemu__vm_find_block(vm, name);
    if (!block && device)
        return vemu__qmp_not_found(name, err);
    if (!block)
        return vemu__error_set(err, ENOENT, "Cannot find device='' nor node-name='%s'", name);
    if (size < 0)
        return vemu__error_set(err, EINVAL, "Parameter 'size' expects a >0 size");
    return vemu_vm_resize_block(vm, block->id, (uint64_t)size, err);
}

static int cmd_block_set_write_threshold(QMP_PARAMS)
{
    const char *name = qmp_get_string(args, "node-name");
    int64_t bytes = json_object_get_int64(qmp_get(args, "write-threshold"));
    struct vemu_block *block = vemu__vm_find_block(vm, name);

    if (!block)
        return vemu__error_set(err, ENOENT, "Device '%s' not found", name);
    if (bytes < 0)
        return vemu__error_set(err, EINVAL,
                               "Parameter 'write-threshold' expects a number from 0 on");
    vemu__block_set_threshold(block, (uint64_t)bytes);
    return 0;
}

/* --- limits ----------------------------------------------------------------------------------- */

/* Limits of a second, of bursts, and of their lengths; QEMU's names. */
static const struct {
    const char *rate, *burst, *length;
} tune_names[THROTTLE_BUCKETS] = {
    [THROTTLE_BPS_TOTAL] = { "bps", "bps_max", "bps_max_length" },
    [THROTTLE_BPS_READ] = { "bps_rd", "bps_rd_max", "bps_rd_max_length" },
    [THROTTLE_BPS_WRITE] = { "bps_wr", "bps_wr_max", "bps_wr_max_length" },
    [THROTTLE_IOPS_TOTAL] = { "iops", "iops_max", "iops_max_length" },
    [THROTTLE_IOPS_READ] = { "iops_rd", "iops_rd_max", "iops_rd_max_length" },
    [THROTTLE_IOPS_WRITE] = { "iops_wr", "iops_wr_max", "iops_wr_max_length" },
};

static int get_limit(struct json_object *args, const char *name, uint64_t otherwise, uint64_t *ret,
                     struct vemu_error **err)
{
    struct json_object *value = qmp_get(args, name);
    int64_t number = value ? json_object_get_int64(value) : (int64_t)otherwise;

    if (number < 0)
        return vemu__error_set(err, EINVAL, "Parameter '%s' expects a number from 0 on", name);
    *ret = (uint64_t)number;
    return 0;
}

static int cmd_block_set_io_throttle(QMP_PARAMS)
{
    const char *device = qmp_get_string(args, "device"), *id = qmp_get_string(args, "id");
    const char *name = id ? id : device;
    struct vemu_block *block = name ? vemu__qmp_block_of(vm, name) : NULL;
    struct vemu_throttle_limits limits = { .iops_size = 0 };
    int r = get_limit(args, "iops_size", 0, &limits.iops_size, err);

    if (!device == !id)
        return vemu__error_set(err, EINVAL, "Need exactly one of 'device' and 'id'");
    if (!block)
        return vemu__qmp_not_found(name, err);
    for (unsigned i = 0; r >= 0 && i < THROTTLE_BUCKETS; i++) {
        r = get_limit(args, tune_names[i].rate, 0, &limits.of[i].rate, err);
        if (r >= 0)
            r = get_limit(args, tune_names[i].burst, 0, &limits.of[i].burst, err);
        if (r >= 0)
            r = get_limit(args, tune_names[i].length, 1, &limits.of[i].length, err);
    }
    return r < 0 ? r : vemu__block_tune(block, &limits, qmp_get_string(args, "group"), err);
}

/* --- what they are ---------------------------------------------------------------------------- */

static const struct vemu_image *lowest(const struct vemu_image *image)
{
    while (vemu_image_get_file(image))
        image = vemu_image_get_file(image);
    return image;
}

/* The name of the file at the end of the layers. */
static const char *file_name(const struct vemu_image *image)
{
    return vemu_image_get_filename(lowest(image));
}

#define IMAGE                                                                                      \
    "{filename:str,format:str,virtual-size:int,actual-size?:int,cluster-size?:int,"                \
    "backing-filename?:str,full-backing-filename?:str,backing-filename-format?:str,"               \
    "backing-image?:any}"
#define NODE                                                                                       \
    "{node-name:str,drv:str,file:str,ro:bool,backing_file?:str,backing_file_depth:int,"            \
    "detect_zeroes:<off|on|unmap>,write_threshold:int,image:" IMAGE                                \
    ",cache:{writeback:bool,direct:bool,no-flush:bool},dirty-bitmaps?:[{name:str,count:int,"       \
    "granularity:int,recording:bool,busy:bool,persistent:bool,inconsistent?:bool}]}"

static void add_optional(struct json_object *o, const char *name, const char *text)
{
    if (text)
        qmp_add_string(o, name, text);
}

static struct json_object *describe_image(struct vemu_image *image)
{
    struct json_object *o = json_object_new_object();
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;

    qmp_add_string(o, "filename", file_name(image));
    qmp_add_string(o, "format", vemu_image_get_format(image));
    qmp_add_int(o, "virtual-size", vemu_image_get_size(image));
    if (vemu_image_get_info(image, &info, NULL) < 0)
        return o;
    qmp_add_int(o, "actual-size", info.actual_size);
    if (info.cluster_size)
        qmp_add_int(o, "cluster-size", info.cluster_size);
    add_optional(o, "backing-filename", info.backing_filename);
    add_optional(o, "full-backing-filename", info.full_backing_filename);
    add_optional(o, "backing-filename-format", info.backing_format);
    vemu_image_info_clear(&info);
    return o;
}

/* The image, and in it the one below, and so on. */
static struct json_object *describe_chain(struct vemu_image *image)
{
    struct json_object *first = describe_image(image), *last = first;

    while ((image = vemu_image_get_backing(vemu__image_skip_filters(image))) != NULL) {
        struct json_object *next = describe_image(image);

        json_object_object_add(last, "backing-image", next);
        last = next;
    }
    return first;
}

static unsigned chain_depth(const struct vemu_image *image)
{
    unsigned depth = 0;

    while ((image = vemu_image_get_backing(image)) != NULL)
        depth++;
    return depth;
}

struct bitmaps {
    const struct vemu_block *block;
    struct json_object *list;
};

static int describe_bitmap(void *data, const struct vemu_image_bitmap *bitmap)
{
    const struct bitmaps *bitmaps = data;
    struct json_object *o = json_object_new_object();

    qmp_add_string(o, "name", bitmap->name);
    qmp_add_int(o, "count", bitmap->dirty_bytes);
    qmp_add_int(o, "granularity", bitmap->granularity);
    qmp_add_bool(o, "recording", bitmap->flags & VEMU_IMAGE_BITMAP_ENABLED);
    qmp_add_bool(o, "busy", vemu__job_check_bitmap(bitmaps->block, bitmap->name, NULL) < 0);
    qmp_add_bool(o, "persistent", bitmap->flags & VEMU_IMAGE_BITMAP_PERSISTENT);
    if (bitmap->flags & VEMU_IMAGE_BITMAP_INCONSISTENT)
        qmp_add_bool(o, "inconsistent", true);
    json_object_array_add(bitmaps->list, o);
    return 0;
}

static void add_bitmaps(struct json_object *o, const struct vemu_block *block)
{
    struct bitmaps bitmaps = { block, json_object_new_array() };

    if (vemu_image_list_bitmaps(block->image, describe_bitmap, &bitmaps) >= 0 &&
        json_object_array_length(bitmaps.list))
        json_object_object_add(o, "dirty-bitmaps", bitmaps.list);
    else
        json_object_put(bitmaps.list);
}

static struct json_object *describe_node(const struct vemu_block *block)
{
    struct json_object *o = json_object_new_object(), *cache = json_object_new_object();
    struct vemu_image *image = vemu__image_skip_filters(block->image);
    struct vemu_image *own = vemu__graph_image(block); /* not a job's */

    qmp_add_string(o, "node-name", block->id);
    qmp_add_string(o, "drv", vemu_image_get_format(own));
    qmp_add_string(o, "file", file_name(own));
    qmp_add_bool(o, "ro", vemu__block_read_only(block));
    if (vemu_image_get_backing(image))
        qmp_add_string(o, "backing_file", file_name(vemu_image_get_backing(image)));
    qmp_add_int(o, "backing_file_depth", chain_depth(image));
    qmp_add_string(o, "detect_zeroes", block->detect_zeroes_name);
    qmp_add_int(o, "write_threshold", vemu__block_get_threshold(block));
    json_object_object_add(o, "image", describe_chain(own));
    qmp_add_bool(cache, "writeback", !vemu__block_write_through(block));
    qmp_add_bool(cache, "direct", lowest(image)->open_flags & VEMU_IMAGE_DIRECT);
    qmp_add_bool(cache, "no-flush", lowest(image)->open_flags & VEMU_IMAGE_NO_FLUSH);
    json_object_object_add(o, "cache", cache);
    add_bitmaps(o, block);
    return o;
}

static int cmd_query_named_block_nodes(QMP_PARAMS)
{
    *result = json_object_new_array();
    for (guint i = 0; i < vm->blocks->len; i++)
        json_object_array_add(*result, describe_node(vm->blocks->pdata[i]));
    return 0;
}

/* Calls fn for each node that a device uses. */
static void each_root(struct vemu_vm *vm, struct json_object *list,
                      void (*fn)(struct json_object *o, const struct vemu_block *block))
{
    for (guint i = 0; i < vm->blocks->len; i++) {
        struct vemu_block *block = vm->blocks->pdata[i];
        struct json_object *o;
        g_autofree char *path = NULL;

        if (!block->user || vemu__block_parent(block))
            continue;
        o = json_object_new_object();
        path = g_strdup_printf("/machine/peripheral%s/%s",
                               strchr(block->user->name, '#') ? "-anon" : "", block->user->name);
        qmp_add_string(o, "device", block->id);
        qmp_add_string(o, "qdev", path);
        pthread_mutex_lock(block->user_lock);
        fn(o, block);
        pthread_mutex_unlock(block->user_lock);
        json_object_array_add(list, o);
    }
}

/* The drive that has the node; NULL: something else has. */
static const struct vemu_scsi_unit *drive_of(const struct vemu_block *block)
{
    struct vemu_device *dev = vemu__vm_find_device(block->vm, block->user->name);

    return dev ? vemu__qmp_cdrom_of(dev) : NULL;
}

static void add_drive(struct json_object *o, const struct vemu_scsi_unit *cd)
{
    qmp_add_string(o, "type", "unknown");
    qmp_add_bool(o, "removable", cd != NULL);
    qmp_add_bool(o, "locked", cd && cd->s.locked);
    if (cd)
        qmp_add_bool(o, "tray_open", cd->s.tray_open);
}

/* Where errors can stop the machine: whether one has. */
static void add_io_status(struct json_object *o, const struct vemu_block *block)
{
    if (vemu__block_may_stop(block))
        qmp_add_string(o, "io-status",
                       !block->io_error                                           ? "ok"
                       : block->io_error == -ENOSPC || block->io_error == -EDQUOT ? "nospace"
                                                                                  : "failed");
}

static void add_block(struct json_object *o, const struct vemu_block *block)
{
    add_drive(o, drive_of(block));
    add_io_status(o, block);
    json_object_object_add(o, "inserted", describe_node(block));
}

static void add_empty_drives(struct vemu_vm *vm, struct json_object *list)
{
    for (guint i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];
        const struct vemu_scsi_unit *cd = vemu__qmp_cdrom_of(dev);
        struct json_object *o;
        g_autofree char *path = NULL;

        if (!cd || cd->props.drive)
            continue;
        path = g_strdup_printf("/machine/peripheral%s/%s", strchr(dev->id, '#') ? "-anon" : "",
                               dev->id);
        o = json_object_new_object();
        qmp_add_string(o, "device", "");
        qmp_add_string(o, "qdev", path);
        pthread_mutex_lock(cd->lock);
        add_drive(o, cd);
        pthread_mutex_unlock(cd->lock);
        json_object_array_add(list, o);
    }
}

static int cmd_query_block(QMP_PARAMS)
{
    *result = json_object_new_array();
    each_root(vm, *result, add_block);
    add_empty_drives(vm, *result);
    return 0;
}

#define STATS                                                                                      \
    "{rd_bytes:int,wr_bytes:int,unmap_bytes:int,rd_operations:int,wr_operations:int,"              \
    "flush_operations:int,unmap_operations:int,failed_rd_operations:int,"                          \
    "failed_wr_operations:int,failed_flush_operations:int,failed_unmap_operations:int}"

static void add_stats(struct json_object *o, const struct vemu_block *block)
{
    struct json_object *stats = json_object_new_object();
    struct vemu_block_stats s;

    vemu__block_get_stats(block, &s);
    qmp_add_int(stats, "rd_bytes", s.bytes[VEMU_BLOCK_READ]);
    qmp_add_int(stats, "wr_bytes", s.bytes[VEMU_BLOCK_WRITE] + s.bytes[VEMU_BLOCK_ZERO]);
    qmp_add_int(stats, "unmap_bytes", s.bytes[VEMU_BLOCK_DISCARD]);
    qmp_add_int(stats, "rd_operations", s.ops[VEMU_BLOCK_READ]);
    qmp_add_int(stats, "wr_operations", s.ops[VEMU_BLOCK_WRITE] + s.ops[VEMU_BLOCK_ZERO]);
    qmp_add_int(stats, "flush_operations", s.ops[VEMU_BLOCK_FLUSH]);
    qmp_add_int(stats, "unmap_operations", s.ops[VEMU_BLOCK_DISCARD]);
    qmp_add_int(stats, "failed_rd_operations", s.errors[VEMU_BLOCK_READ]);
    qmp_add_int(stats, "failed_wr_operations",
                s.errors[VEMU_BLOCK_WRITE] + s.errors[VEMU_BLOCK_ZERO]);
    qmp_add_int(stats, "failed_flush_operations", s.errors[VEMU_BLOCK_FLUSH]);
    qmp_add_int(stats, "failed_unmap_operations", s.errors[VEMU_BLOCK_DISCARD]);
    qmp_add_string(o, "node-name", block->id);
    json_object_object_add(o, "stats", stats);
}

static int cmd_query_blockstats(QMP_PARAMS)
{
    *result = json_object_new_array();
    each_root(vm, *result, add_stats);
    return 0;
}

static const struct qmp_command commands[] = {
    { "block-set-write-threshold", cmd_block_set_write_threshold,
      "{node-name:str,write-threshold:int}", NULL },
    { "block_resize", cmd_block_resize, "{device?:str,node-name?:str,size:int}", NULL },
    { "block_set_io_throttle", cmd_block_set_io_throttle,
      "{device?:str,id?:str,bps:int,bps_rd:int,bps_wr:int,iops:int,iops_rd:int,iops_wr:int,"
      "bps_max?:int,bps_rd_max?:int,bps_wr_max?:int,iops_max?:int,iops_rd_max?:int,"
      "iops_wr_max?:int,bps_max_length?:int,bps_rd_max_length?:int,bps_wr_max_length?:int,"
      "iops_max_length?:int,iops_rd_max_length?:int,iops_wr_max_length?:int,iops_size?:int,"
      "group?:str}",
      NULL },
    { "blockdev-add", cmd_blockdev_add, "{driver:str,node-name:str,*}", NULL },
    { "blockdev-del", cmd_blockdev_del, "{node-name:str}", NULL },
    { "query-block", cmd_query_block, NULL,
      "[{device:str,qdev:str,type:str,removable:bool,locked:bool,tray_open?:bool,"
      "io-status?:<ok|failed|nospace>,inserted?:@BlockNode}]" },
    { "query-blockstats", cmd_query_blockstats, NULL,
      "[{device:str,qdev:str,node-name:str,stats:" STATS "}]" },
    { "query-named-block-nodes", cmd_query_named_block_nodes, "{flat?:bool}", "[@BlockNode]" },
    { NULL },
};

static const struct qmp_named shapes[] = { { "BlockNode", NODE }, { NULL } };

const struct qmp_group vemu__qmp_block = { .commands = commands, .shapes = shapes };
