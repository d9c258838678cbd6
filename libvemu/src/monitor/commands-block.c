/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about block nodes: adding, removing, resizing, what they are and did.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <vemu/block.h>

#include "block/backend.h"
#include "core/property.h"
#include "monitor/qmp.h"
#include "scsi/scsi.h"

/* --- adding and removing ---------------------------------------------------------------------- */

#define DEPTH_MAX 8 /* of nodes in nodes */

static int add_node(struct vemu_vm *vm, struct json_object *node, const char *id, unsigned depth,
                    struct vemu_error **err);

static bool has_prop(const struct vemu_prop *table, const char *name, enum vemu_prop_type type,
                     size_t *ret_offset)
{
    struct vemu_prop_iter it = { .at = table };
    const struct vemu_prop *prop;

    while ((prop = vemu__prop_next(&it, ret_offset)) != NULL)
        if (prop->type == type && strcmp(prop->name, name) == 0)
            return true;
    return false;
}

static bool class_takes_node(const char *class_name, const char *name)
{
    size_t offset;

    for (size_t i = 0; vemu__block_classes[i]; i++)
        if (strcmp(vemu__block_classes[i]->name, class_name) == 0)
            return has_prop(vemu__block_classes[i]->props, name, VEMU_PROP_BLOCK, &offset);
    return false;
}

/* A node described in the place of its name: gets the name "NODE.MEMBER" unless it has one. */
static int add_inner(struct vemu_vm *vm, struct json_object *node, const char *outer,
                     const char *member, unsigned depth, GPtrArray *made, struct qmp_props *props,
                     struct vemu_error **err)
{
    const char *given = qmp_get_string(node, "node-name");
    g_autofree char *id = given ? g_strdup(given) : g_strdup_printf("%s.%s", outer, member);
    int r = add_node(vm, node, id, depth + 1, err);

    if (r < 0)
        return r;
    vemu__vm_find_block(vm, id)->with_parent = true;
    vemu__qmp_props_add_text(props, member, id);
    g_ptr_array_add(made, g_steal_pointer(&id));
    return 0;
}

static int check_node(struct json_object *node, unsigned depth, struct vemu_error **err)
{
    if (depth > DEPTH_MAX)
        return vemu__error_set(err, EINVAL, "more than %d nodes stand on each other", DEPTH_MAX);
    if (!json_object_is_type(qmp_get(node, "driver"), json_type_string))
        return vemu__error_set(err, EINVAL, "Parameter 'driver' is missing");
    if (qmp_get(node, "node-name") &&
        !json_object_is_type(qmp_get(node, "node-name"), json_type_string))
        return vemu__error_set(err, EINVAL,
                               "Invalid parameter type for 'node-name', expected: string");
    return 0;
}

static int add_node(struct vemu_vm *vm, struct json_object *node, const char *id, unsigned depth,
                    struct vemu_error **err)
{
    const char *driver = qmp_get_string(node, "driver");
    g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
    struct qmp_props *props;
    int r = check_node(node, depth, err);

    if (r < 0)
        return r;
    props = vemu__qmp_props_new();
    json_object_object_foreach(node, key, value)
    {
        /* cppcheck-suppress identicalConditionAfterEarlyExit; an earlier round may have failed */
        if (r < 0 || !strcmp(key, "driver") || !strcmp(key, "node-name"))
            continue;
        if (json_object_is_type(value, json_type_object) && class_takes_node(driver, key))
            r = add_inner(vm, value, id, key, depth, made, props, err);
        else
            r = vemu__qmp_props_add(props, key, value, err);
    }
    if (r >= 0)
        r = vemu_vm_add_block(vm, driver, id, vemu__qmp_props_items(props), props->items->len, err);
    vemu__qmp_props_free(props);
    for (guint i = made->len; r < 0 && i > 0; i--)
        vemu_vm_remove_block(vm, made->pdata[i - 1], NULL);
    return r;
}

static int cmd_blockdev_add(QMP_PARAMS)
{
    return add_node(vm, args, qmp_get_string(args, "node-name"), 0, err);
}

static int cmd_blockdev_del(QMP_PARAMS)
{
    const char *id = qmp_get_string(args, "node-name");
    const struct vemu_block *block = vemu__vm_find_block(vm, id);

    if (!block)
        return vemu__error_set(err, ENOENT, "Failed to find node with node-name='%s'", id);
    if (block->with_parent)
        return vemu__error_set(err, EBUSY, "Node %s is not owned by the monitor", id);
    return vemu_vm_remove_block(vm, id, err);
}

/* --- the nodes of devices --------------------------------------------------------------------- */

static bool has_parent(struct vemu_vm *vm, const struct vemu_block *block)
{
    for (guint i = 0; i < vm->blocks->len; i++)
        if (((const struct vemu_block *)vm->blocks->pdata[i])->child == block)
            return true;
    return false;
}

/* The node by its own name, or the one that the device of that name uses. */
static struct vemu_block *find_root(struct vemu_vm *vm, const char *name)
{
    struct vemu_block *block = vemu__vm_find_block(vm, name);

    for (guint i = 0; !block && i < vm->blocks->len; i++) {
        struct vemu_block *other = vm->blocks->pdata[i];

        if (other->user && !strcmp(other->user->name, name) && !has_parent(vm, other))
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
    block = device ? find_root(vm, name) : vemu__vm_find_block(vm, name);
    if (!block && device)
        return vemu__qmp_not_found(name, err);
    if (!block)
        return vemu__error_set(err, ENOENT, "Cannot find device='' nor node-name='%s'", name);
    if (size < 0)
        return vemu__error_set(err, EINVAL, "Parameter 'size' expects a >0 size");
    return vemu_vm_resize_block(vm, block->id, (uint64_t)size, err);
}

/* --- what they are ---------------------------------------------------------------------------- */

/* The file at the end of the chain of nodes, NULL: none has one. */
static const char *file_name(const struct vemu_block *block)
{
    size_t offset;

    for (; block; block = block->child)
        if (has_prop(block->class_->base.props, "filename", VEMU_PROP_STRING, &offset))
            return *(char *const *)(const void *)((const char *)block + offset);
    return NULL;
}

static bool flag_of(const struct vemu_block *block, const char *name)
{
    size_t offset;

    for (; block; block = block->child)
        if (has_prop(block->class_->base.props, name, VEMU_PROP_BOOL, &offset))
            return *(const bool *)((const char *)block + offset);
    return false;
}

#define IMAGE "{filename:str,format:str,virtual-size:int,actual-size?:int}"
#define NODE                                                                                       \
    "{node-name:str,drv:str,file:str,ro:bool,backing_file_depth:int,image:" IMAGE                  \
    ",cache:{writeback:bool,direct:bool,no-flush:bool}}"

static struct json_object *describe_image(const struct vemu_block *block, const char *file)
{
    struct json_object *image = json_object_new_object();
    struct stat st;

    qmp_add_string(image, "filename", file);
    qmp_add_string(image, "format", block->class_->base.name);
    qmp_add_int(image, "virtual-size", vemu__block_size(block));
    if (*file && stat(file, &st) == 0 && S_ISREG(st.st_mode))
        qmp_add_int(image, "actual-size", (uint64_t)st.st_blocks * 512);
    return image;
}

static struct json_object *describe_node(const struct vemu_block *block)
{
    struct json_object *o = json_object_new_object(), *cache = json_object_new_object();
    const char *file = file_name(block);

    qmp_add_string(o, "node-name", block->id);
    qmp_add_string(o, "drv", block->class_->base.name);
    qmp_add_string(o, "file", file ? file : "");
    qmp_add_bool(o, "ro", vemu__block_read_only(block));
    qmp_add_int(o, "backing_file_depth", 0);
    json_object_object_add(o, "image", describe_image(block, file ? file : ""));
    qmp_add_bool(cache, "writeback", !vemu__block_write_through(block));
    qmp_add_bool(cache, "direct", flag_of(block, "cache.direct"));
    qmp_add_bool(cache, "no-flush", flag_of(block, "cache.no-flush"));
    json_object_object_add(o, "cache", cache);
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

        if (!block->user || has_parent(vm, block))
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

static void add_block(struct json_object *o, const struct vemu_block *block)
{
    add_drive(o, drive_of(block));
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
    { "block_resize", cmd_block_resize, "{device?:str,node-name?:str,size:int}", NULL },
    { "blockdev-add", cmd_blockdev_add, "{driver:str,node-name:str,*}", NULL },
    { "blockdev-del", cmd_blockdev_del, "{node-name:str}", NULL },
    { "query-block", cmd_query_block, NULL,
      "[{device:str,qdev:str,type:str,removable:bool,locked:bool,tray_open?:bool,"
      "inserted?:@BlockNode}]" },
    { "query-blockstats", cmd_query_blockstats, NULL,
      "[{device:str,qdev:str,node-name:str,stats:" STATS "}]" },
    { "query-named-block-nodes", cmd_query_named_block_nodes, "{flat?:bool}", "[@BlockNode]" },
    { NULL },
};

static const struct qmp_named shapes[] = { { "BlockNode", NODE }, { NULL } };

const struct qmp_group vemu__qmp_block = { .commands = commands, .shapes = shapes };
