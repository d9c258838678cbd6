/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about the guest's memory and its balloon.
 */
#include <errno.h>
#include <string.h>

#include "devices/virtio-balloon/balloon.h"
#include "mem/device-memory.h"
#include "mem/memdev.h"
#include "monitor/qmp.h"

/* The first balloon there is. */
static struct vemu_device *find_balloon(struct vemu_vm *vm, struct vemu_error **err)
{
    for (guint i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];

        if (vemu__balloon_is(dev) && dev->realized)
            return dev;
    }
    vemu__error_set(err, QMP_DEVICE_NOT_ACTIVE, "No balloon device has been activated");
    return NULL;
}

static int cmd_query_balloon(QMP_PARAMS)
{
    struct vemu_device *dev = find_balloon(vm, err);
    struct vemu_balloon_info info;

    if (!dev)
        return -QMP_DEVICE_NOT_ACTIVE;
    vemu__balloon_get(dev, &info);
    *result = json_object_new_object();
    qmp_add_int(*result, "actual",
                vm->config.memory_bytes - MIN(info.actual_bytes, vm->config.memory_bytes));
    return 0;
}

static int cmd_balloon(QMP_PARAMS)
{
    int64_t value = json_object_get_int64(qmp_get(args, "value"));
    struct vemu_device *dev = find_balloon(vm, err);

    if (!dev)
        return -QMP_DEVICE_NOT_ACTIVE;
    if (value <= 0)
        return vemu__error_set(err, EINVAL, "Parameter 'target' expects a size");
    return vemu__balloon_set_size(dev, (uint64_t)value);
}

static int cmd_query_memory_size_summary(QMP_PARAMS)
{
    *result = json_object_new_object();
    qmp_add_int(*result, "base-memory", vm->config.memory_bytes);
    qmp_add_int(*result, "plugged-memory", vemu__device_memory_plugged(vm));
    return 0;
}

static void add_device(void *data, struct vemu_device *dev, const struct vemu_memory_info *info)
{
    static const char *const types[] = {
        [VEMU_MEMORY_DIMM] = "dimm",
        [VEMU_MEMORY_VIRTIO_MEM] = "virtio-mem",
        [VEMU_MEMORY_VIRTIO_PMEM] = "virtio-pmem",
    };
    struct json_object *o = json_object_new_object(), *more = json_object_new_object();
    g_autofree char *memdev = g_strdup_printf("/objects/%s", vemu__memdev_id(info->memdev));

    if (!strchr(dev->id, '#'))
        qmp_add_string(more, "id", dev->id);
    qmp_add_string(more, "memdev", memdev);
    qmp_add_int(more, "size", info->size);
    if (info->kind == VEMU_MEMORY_DIMM) {
        qmp_add_int(more, "addr", info->address);
        qmp_add_int(more, "slot", info->slot);
        qmp_add_int(more, "node", 0);
        qmp_add_bool(more, "hotplugged", dev->plugged_late);
        qmp_add_bool(more, "hotpluggable", true);
    } else {
        qmp_add_int(more, "memaddr", info->address);
    }
    if (info->kind == VEMU_MEMORY_VIRTIO_MEM) {
        qmp_add_int(more, "node", 0);
        qmp_add_int(more, "requested-size", info->requested);
        qmp_add_int(more, "max-size", info->max_size);
        qmp_add_int(more, "block-size", info->block_size);
    }
    qmp_add_string(o, "type", types[info->kind]);
    json_object_object_add(o, "data", more);
    json_object_array_add(data, o);
}

static int cmd_query_memory_devices(QMP_PARAMS)
{
    *result = json_object_new_array();
    vemu__device_memory_for_each(vm, add_device, *result);
    return 0;
}

static int cmd_query_memdev(QMP_PARAMS)
{
    *result = json_object_new_array();
    for (guint i = 0; i < vm->objects->len; i++) {
        const struct vemu_object *object = vm->objects->pdata[i];
        const struct vemu_memdev *memdev = vemu__vm_find_memdev(vm, object->id);
        struct vemu_memdev_info info;
        struct json_object *o;

        if (!memdev)
            continue;
        vemu__memdev_get_info(memdev, &info);
        o = json_object_new_object();
        qmp_add_string(o, "id", object->id);
        qmp_add_int(o, "size", vemu__memdev_size(memdev));
        qmp_add_bool(o, "merge", info.merge);
        qmp_add_bool(o, "dump", info.dump);
        qmp_add_bool(o, "prealloc", info.prealloc);
        qmp_add_bool(o, "share", info.share);
        json_object_object_add(o, "host-nodes", json_object_new_array());
        qmp_add_string(o, "policy", "default");
        json_object_array_add(*result, o);
    }
    return 0;
}

static const struct qmp_command commands[] = {
    { "balloon", cmd_balloon, "{value:int}", NULL },
    { "query-balloon", cmd_query_balloon, NULL, "{actual:int}" },
    { "query-memdev", cmd_query_memdev, NULL,
      "[{id?:str,size:int,merge:bool,dump:bool,prealloc:bool,share:bool,host-nodes:[int],"
      "policy:<default|preferred|bind|interleave>}]" },
    { "query-memory-devices", cmd_query_memory_devices, NULL, "[{type:str,data:any}]" },
    { "query-memory-size-summary", cmd_query_memory_size_summary, NULL,
      "{base-memory:int,plugged-memory?:int}" },
    { NULL },
};

const struct qmp_group vemu__qmp_memory = { .commands = commands };
