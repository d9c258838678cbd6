/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about the guest's memory and its balloon.
 */
#include <errno.h>
#include <string.h>

#include "devices/virtio-balloon/balloon.h"
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
    qmp_add_int(*result, "plugged-memory", 0);
    return 0;
}

/* No device adds memory. */
static int cmd_query_memory_devices(QMP_PARAMS)
{
    *result = json_object_new_array();
    return 0;
}

static const struct qmp_command commands[] = {
    { "balloon", cmd_balloon, "{value:int}", NULL },
    { "query-balloon", cmd_query_balloon, NULL, "{actual:int}" },
    { "query-memory-devices", cmd_query_memory_devices, NULL, "[{type:str,data:any}]" },
    { "query-memory-size-summary", cmd_query_memory_size_summary, NULL,
      "{base-memory:int,plugged-memory?:int}" },
    { NULL },
};

const struct qmp_group vemu__qmp_memory = { .commands = commands };
