/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about the guest's memory and its balloon.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include "core/fd.h"
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
        qmp_add_int(more, "node", info->node);
        qmp_add_bool(more, "hotplugged", dev->plugged_late);
        qmp_add_bool(more, "hotpluggable", true);
    } else {
        qmp_add_int(more, "memaddr", info->address);
    }
    if (info->kind == VEMU_MEMORY_VIRTIO_MEM) {
        qmp_add_int(more, "node", info->node);
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

/* --- memory into files ------------------------------------------------------------------------ */

#define CHUNK 65536u

/* Where [at, at + size) lies, up to `size` bytes in one piece; *gpa. */
struct place {
    uint64_t at, size, gpa;
};
typedef int (*place_fn)(struct vemu_vm *vm, struct place *place, uint32_t cpu);

static int place_physical(struct vemu_vm *vm, struct place *place, uint32_t cpu)
{
    place->gpa = place->at;
    return 0;
}

static int translate(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu, void *data)
{
    struct place *place = data;

    return vm->accel->translate(vcpu, place->at, &place->gpa);
}

static int place_virtual(struct vemu_vm *vm, struct place *place, uint32_t cpu)
{
    place->size = MIN(place->size, 4096 - (place->at & 4095));
    return vemu__vcpu_call(vm, cpu, translate, place);
}

/* vCPUs are parked if `find` needs them. */
static int copy_memory(struct vemu_vm *vm, uint64_t at, uint64_t size, int fd, place_fn find,
                       uint32_t cpu, struct vemu_error **err)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);

    while (size) {
        struct place place = { .at = at, .size = MIN(size, CHUNK) };
        int r = find(vm, &place, cpu);

        if (r >= 0)
            r = vemu_dma_read(vm, place.gpa, buf, place.size);
        if (r < 0)
            return vemu__error_set(
                err, EFAULT, "Invalid addr 0x%016" PRIx64 "/size %" PRIu64 " specified", at, size);
        r = vemu__fd_write_all(fd, buf, place.size);
        if (r < 0)
            return vemu__error_set(err, -r, "cannot write: %s", strerror(-r));
        at += place.size;
        size -= place.size;
    }
    return 0;
}

static int save_memory(struct vemu_vm *vm, struct json_object *args, place_fn find, uint32_t cpu,
                       struct vemu_error **err)
{
    int64_t at = json_object_get_int64(qmp_get(args, "val"));
    int64_t size = json_object_get_int64(qmp_get(args, "size"));
    const char *path = qmp_get_string(args, "filename");
    int fd, r;

    if (size < 0)
        return vemu__error_set(err, EINVAL, "Parameter 'size' expects a number of bytes");
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return vemu__error_set(err, errno, "Could not open '%s': %s", path, strerror(errno));
    r = copy_memory(vm, (uint64_t)at, (uint64_t)size, fd, find, cpu, err);
    close(fd);
    return r;
}

static int cmd_pmemsave(QMP_PARAMS)
{
    return save_memory(vm, args, place_physical, 0, err);
}

static int cmd_memsave(QMP_PARAMS)
{
    int64_t cpu = json_object_get_int64(qmp_get(args, "cpu-index"));
    int r;

    if (cpu < 0 || cpu >= vm->config.vcpus)
        return vemu__error_set(err, EINVAL, "Parameter 'cpu-index' expects a CPU number");
    if (!vm->accel_vm || vm->stopping)
        return vemu__error_set(err, EBUSY, "the machine is not realized");
    vemu__vcpus_pause_for(vm);
    r = save_memory(vm, args, place_virtual, (uint32_t)cpu, err);
    vemu__vcpus_go_on(vm);
    return r;
}

static const struct qmp_command commands[] = {
    { "balloon", cmd_balloon, "{value:int}", NULL },
    { "memsave", cmd_memsave, "{val:int,size:int,filename:str,cpu-index?:int}", NULL },
    { "pmemsave", cmd_pmemsave, "{val:int,size:int,filename:str}", NULL },
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
