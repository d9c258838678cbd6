/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that come and go while the machine is there.
 *
 * Plugging in is realizing late: the device's bus tells the guest. Taking out has two halves: the
 * bus asks the guest to let go (vemu_vm_remove_device), and when it has (or at once, where nobody
 * needs to be asked) the device goes on the loop thread, where nothing else uses the list. Pulling
 * out (vemu_vm_pull_device) leaves the first half away: the guest finds the slot empty.
 */
#include <errno.h>
#include <string.h>

#include "bus/pci-bus.h"
#include "core/vm.h"
#include "mem/device-memory.h"

int vemu__device_plug(struct vemu_device *dev, struct vemu_error **err)
{
    struct vemu_vm *vm = dev->vm;
    const struct vemu_device_ops *ops = dev->class_->ops;
    int r;

    dev->plugged_late = true;
    g_ptr_array_add(vm->devices, dev);
    r = vemu__device_realize(dev, err);
    if (r < 0) {
        g_ptr_array_remove(vm->devices, dev); /* frees it */
        return r;
    }
    if (atomic_load(&vm->state) == VEMU_VM_RUNNING && ops->resume) {
        pthread_mutex_lock(&dev->lock);
        ops->resume(dev);
        pthread_mutex_unlock(&dev->lock);
    }
    return 0;
}

struct removal {
    struct vemu_vm *vm;
    char *id;
};

static void removal_free(void *data)
{
    struct removal *removal = data;

    g_free(removal->id);
    g_free(removal);
}

static void remove_now(void *data)
{
    struct removal *removal = data;
    struct vemu_vm *vm = removal->vm;
    struct vemu_device *dev = vemu__vm_find_device(vm, removal->id);

    if (!dev || vm->stopping || !dev->realized)
        return; /* gone already, or all of it goes */
    vemu__device_unrealize(dev);
    g_ptr_array_remove(vm->devices, dev); /* frees it */
    vemu__events_emit(vm->events, VEMU_EVENT_DEVICE_DELETED, VEMU_CAUSE_NONE, 0, removal->id);
    vemu__events_flush(vm->events);
}

void vemu__device_request_removal(struct vemu_device *dev)
{
    struct removal *removal = g_new(struct removal, 1);

    removal->vm = dev->vm;
    removal->id = g_strdup(dev->id);
    vemu__loop_post(dev->vm->loop, remove_now, removal, removal_free);
}

/* The device, which may go now, and its bus; NULL: the device is asked itself. */
static int find_bus(struct vemu_vm *vm, const char *id, struct vemu_device **ret_dev,
                    struct vemu_pci_bus **ret_bus, struct vemu_error **err)
{
    struct vemu_device *dev = vemu__vm_find_device(vm, id);
    struct vemu_pci_bus *bus;

    if (!dev)
        return vemu__error_set(err, ENOENT, "there is no device '%s'", id);
    if (!dev->realized || vm->stopping)
        return vemu__error_set(err, EBUSY, "device '%s': the machine is not realized", id);
    *ret_dev = dev;
    *ret_bus = NULL;
    if (dev->class_->ops->request_unplug)
        return 0;
    bus = dev->class_->ops->hotplug ? ((struct vemu_pci_device *)dev)->bus : NULL;
    if (!bus || !bus->request_unplug)
        return vemu__error_set(err, ENOTSUP, "device '%s' cannot be unplugged", id);
    *ret_bus = bus;
    return 0;
}

static int do_remove(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const char *id = data;
    struct vemu_device *dev;
    struct vemu_pci_bus *bus;
    int r = find_bus(vm, id, &dev, &bus, err);

    if (r >= 0)
        r = vemu__device_memory_check_leave(dev, err);
    if (r < 0)
        return r;
    if (!bus)
        return dev->class_->ops->request_unplug(dev, err);
    r = bus->request_unplug(bus->bridge);
    if (r == -EALREADY)
        vemu__error_set(err, EALREADY, "Device %s is already in the process of unplug", id);
    else if (r < 0)
        vemu__error_set(err, -r,
                        "device '%s' cannot be unplugged now: the guest is busy with its slot", id);
    return r;
}

static int do_pull(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    struct vemu_device *dev;
    struct vemu_pci_bus *bus;
    int r = find_bus(vm, data, &dev, &bus, err);

    if (r >= 0)
        vemu__device_request_removal(dev);
    return r;
}

int vemu_vm_remove_device(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    if (!id)
        return vemu__error_set(err, EINVAL, "the device's id is missing");
    return vemu__vm_control(vm, do_remove, (void *)id, err);
}

int vemu_vm_pull_device(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    if (!id)
        return vemu__error_set(err, EINVAL, "the device's id is missing");
    return vemu__vm_control(vm, do_pull, (void *)id, err);
}
