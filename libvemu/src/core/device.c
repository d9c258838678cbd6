/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device instances: from class and properties to a working device, and away again.
 *
 * new (properties set) -> realize, reset -> ... -> unrealize -> free. What a device asked for in
 * realize (regions, timers, interrupt ends) is taken back here, so that its own unrealize has to
 * deal with nothing but its own.
 */
#include "core/device.h"

#include <errno.h>
#include <string.h>

#include "chardev/chardev.h"
#include "core/bootindex.h"
#include "core/property.h"
#include "core/vm.h"
#include "devices/devices.h"

struct vemu_device_private {
    GPtrArray *timers; /* struct vemu_timer */
    vemu_powerdown_fn powerdown;
};

/* --- instances -------------------------------------------------------------------------------- */

int vemu__device_new(struct vemu_vm *vm, const struct vemu_device_class *class_, const char *id,
                     const struct vemu_property *props, size_t prop_count, struct vemu_device **ret,
                     struct vemu_error **err)
{
    struct vemu_device *dev;
    int r;

    if (id && vemu__vm_find_device(vm, id))
        return vemu__error_set(err, EEXIST, "there is already a device '%s'", id);
    dev = g_malloc0(class_->instance_size);
    dev->class_ = class_;
    dev->vm = vm;
    dev->id = id ? g_strdup(id) : vemu__vm_make_id(vm, class_->name);
    pthread_mutex_init(&dev->lock, NULL);
    dev->private_ = g_new0(struct vemu_device_private, 1);
    dev->private_->timers = g_ptr_array_new();
    r = vemu__props_set(vm, dev, class_->props, props, prop_count, err);
    if (r < 0) {
        vemu__error_prefix(err, "%s '%s'", class_->name, dev->id);
        vemu__device_free(dev);
        return r;
    }
    *ret = dev;
    return 0;
}

/* Timers and chardevs of the device are no more. */
static void device_release(struct vemu_device *dev)
{
    struct vemu_prop_iter it = { .at = dev->class_->props };
    const struct vemu_prop *prop;
    size_t offset;
    guint i;

    for (i = 0; i < dev->private_->timers->len; i++)
        vemu__timer_free(dev->private_->timers->pdata[i]);
    g_ptr_array_set_size(dev->private_->timers, 0);
    while ((prop = vemu__prop_next(&it, &offset)) != NULL) {
        struct vemu_chardev **chr = (void *)((char *)dev + offset);

        if (prop->type == VEMU_PROP_CHARDEV && *chr)
            vemu__chardev_detach_from(*chr, &dev->lock);
    }
    dev->private_->powerdown = NULL;
}

int vemu__device_realize(struct vemu_device *dev, struct vemu_error **err)
{
    const struct vemu_device_ops *ops = dev->class_->ops;
    int r = vemu__bootindex_check(dev, err);

    pthread_mutex_lock(&dev->lock);
    if (r >= 0 && ops->realize)
        r = ops->realize(dev, err);
    if (r >= 0) {
        VEMU_TRACE(dev->vm, DEVICE_REALIZE, dev->id, 0);
        dev->realized = true;
        if (ops->reset)
            ops->reset(dev);
    }
    pthread_mutex_unlock(&dev->lock);
    if (r < 0) {
        vemu__error_set(err, -r, "%s", strerror(-r));
        vemu__error_prefix(err, "%s '%s'", dev->class_->name, dev->id);
        vemu__memory_remove_device(dev->vm->memory, dev);
        device_release(dev);
    }
    return r;
}

void vemu__device_unrealize(struct vemu_device *dev)
{
    if (!dev->realized)
        return;
    VEMU_TRACE(dev->vm, DEVICE_UNREALIZE, dev->id, 0);
    if (dev->class_->ops->unplug)
        dev->class_->ops->unplug(dev);
    /* Without the device's lock: an access that is under way may be waiting for it. */
    vemu__memory_remove_device(dev->vm->memory, dev);
    pthread_mutex_lock(&dev->lock);
    if (dev->class_->ops->unrealize)
        dev->class_->ops->unrealize(dev);
    dev->realized = false;
    pthread_mutex_unlock(&dev->lock);
    device_release(dev);
}

void vemu__device_free(struct vemu_device *dev)
{
    if (!dev)
        return;
    if (dev->class_->ops->fini)
        dev->class_->ops->fini(dev);
    vemu__props_clear(dev, dev->class_->props);
    g_ptr_array_free(dev->private_->timers, TRUE);
    g_free(dev->private_);
    pthread_mutex_destroy(&dev->lock);
    g_free(dev->id);
    g_free(dev);
}

/* --- all devices ------------------------------------------------------------------------------ */

static struct vemu_device *find(GPtrArray *devices, const char *id)
{
    guint i;

    for (i = 0; i < devices->len; i++) {
        struct vemu_device *dev = devices->pdata[i];

        if (strcmp(dev->id, id) == 0)
            return dev;
    }
    return NULL;
}

struct vemu_device *vemu__vm_find_device(struct vemu_vm *vm, const char *id)
{
    struct vemu_device *dev = find(vm->devices, id);

    return dev ? dev : find(vm->user_devices, id);
}

static struct vemu_device *find_user(GPtrArray *devices, const void *object)
{
    for (guint i = 0; i < devices->len; i++) {
        struct vemu_device *dev = devices->pdata[i];
        struct vemu_prop_iter it = { .at = dev->class_->props };
        const struct vemu_prop *prop;
        size_t offset;

        while ((prop = vemu__prop_next(&it, &offset)) != NULL)
            if ((prop->type == VEMU_PROP_CHARDEV || prop->type == VEMU_PROP_BLOCK ||
                 prop->type == VEMU_PROP_NETDEV || prop->type == VEMU_PROP_MEMDEV ||
                 prop->type == VEMU_PROP_IOTHREAD) &&
                *(void **)(void *)((char *)dev + offset) == object)
                return dev;
    }
    return NULL;
}

struct vemu_device *vemu__vm_find_user(struct vemu_vm *vm, const void *object)
{
    struct vemu_device *dev = find_user(vm->devices, object);

    return dev ? dev : find_user(vm->user_devices, object);
}

void vemu__devices_call(struct vemu_vm *vm, enum vemu_device_phase phase)
{
    guint i;

    for (i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];
        const struct vemu_device_ops *ops = dev->class_->ops;
        void (*fn)(struct vemu_device * dev) = phase == VEMU_DEVICE_RESET   ? ops->reset
                                               : phase == VEMU_DEVICE_PAUSE ? ops->pause
                                                                            : ops->resume;

        if (!fn || !dev->realized)
            continue;
        pthread_mutex_lock(&dev->lock);
        fn(dev);
        pthread_mutex_unlock(&dev->lock);
    }
}

int64_t vemu__devices_sleep(struct vemu_vm *vm)
{
    int64_t first = INT64_MAX, until;

    for (guint i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];

        if (!dev->class_->ops->sleep || !dev->realized)
            continue;
        pthread_mutex_lock(&dev->lock);
        until = dev->class_->ops->sleep(dev);
        pthread_mutex_unlock(&dev->lock);
        first = MIN(first, until);
    }
    return first;
}

static void set_waking(struct vemu_vm *vm, bool waking)
{
    for (guint i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];

        pthread_mutex_lock(&dev->lock);
        dev->waking = waking;
        pthread_mutex_unlock(&dev->lock);
    }
}

void vemu__devices_wake(struct vemu_vm *vm, enum vemu_wake cause)
{
    set_waking(vm, true);
    vemu__devices_call(vm, VEMU_DEVICE_RESET);
    set_waking(vm, false);
    for (guint i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];

        if (!dev->class_->ops->woken || !dev->realized)
            continue;
        pthread_mutex_lock(&dev->lock);
        dev->class_->ops->woken(dev, cause);
        pthread_mutex_unlock(&dev->lock);
    }
}

unsigned vemu__devices_powerdown(struct vemu_vm *vm)
{
    unsigned count = 0;
    guint i;

    for (i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];

        if (!dev->private_->powerdown)
            continue;
        pthread_mutex_lock(&dev->lock);
        dev->private_->powerdown(dev);
        pthread_mutex_unlock(&dev->lock);
        count++;
    }
    return count;
}

/* --- adding by name --------------------------------------------------------------------------- */

/* "virtio-blk" is what the machine can carry of "virtio-blk-pci" and "virtio-blk-device". */
static const struct vemu_device_class *class_find(struct vemu_vm *vm, const char *name)
{
    const char *suffix = vm->machine->class_->virtio_suffix;
    const struct vemu_device_class *found;
    size_t i;

    for (i = 0; vm->extra_classes && vm->extra_classes[i]; i++)
        if (strcmp(vm->extra_classes[i]->name, name) == 0)
            return vm->extra_classes[i];
    found = vemu__device_class_find(name);
    if (!found && suffix && g_str_has_prefix(name, "virtio-")) {
        g_autofree char *full = g_strconcat(name, suffix, NULL);

        found = vemu__device_class_find(full);
    }
    return found;
}

struct vemu_device *vemu__vm_add_board_device(struct vemu_vm *vm, const char *class_name,
                                              const char *id, const struct vemu_property *props,
                                              size_t prop_count, struct vemu_error **err)
{
    const struct vemu_device_class *class_ = class_find(vm, class_name);
    struct vemu_device *dev;

    g_assert(vm->board_open);
    if (!class_) {
        vemu__error_set(err, EINVAL, "device class '%s' is not known", class_name);
        return NULL;
    }
    if (vemu__device_new(vm, class_, id, props, prop_count, &dev, err) < 0)
        return NULL;
    g_ptr_array_add(vm->devices, dev);
    return vemu__device_realize(dev, err) < 0 ? NULL : dev;
}

struct add {
    const char *class_name, *id;
    const struct vemu_property *props;
    size_t prop_count;
};

static int do_add(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct add *add = data;
    const struct vemu_device_class *class_ = class_find(vm, add->class_name);
    struct vemu_device *dev;
    int r;

    bool is_late = vm->stopping || vm->accel_vm || atomic_load(&vm->state) != VEMU_VM_CREATED;
    bool is_live = atomic_load(&vm->state) != VEMU_VM_CREATED && !vm->stopping;

    if (!class_)
        return vemu__error_set(err, EINVAL, "device class '%s' is not known", add->class_name);
    if (is_late && (!class_->ops->hotplug || !is_live))
        return vemu__error_set(err, EBUSY, "cannot add device '%s': the machine is realized",
                               add->class_name);
    if (class_ == &vemu__device_x86_cpu) {
        g_autofree char *type = vemu__vcpu_type(vm);

        if (strcmp(type, add->class_name) != 0)
            return vemu__error_set(err, EINVAL, "the machine's CPUs are of type '%s', not '%s'",
                                   type, add->class_name);
    }
    if (class_->flags & VEMU_DEVICE_INTERNAL)
        return vemu__error_set(err, EINVAL, "device '%s' is part of a machine and cannot be added",
                               add->class_name);
    if (add->id) {
        r = vemu__config_check_id(add->id, err);
        if (r < 0)
            return r;
    }
    r = vemu__device_new(vm, class_, add->id, add->props, add->prop_count, &dev, err);
    if (r < 0)
        return r;
    if (is_late)
        return vemu__device_plug(dev, err);
    g_ptr_array_add(vm->user_devices, dev);
    return 0;
}

int vemu_vm_add_device(struct vemu_vm *vm, const char *class_name, const char *id,
                       const struct vemu_property *props, size_t prop_count,
                       struct vemu_error **err)
{
    struct add add = { class_name, id, props, prop_count };

    if (!class_name)
        return vemu__error_set(err, EINVAL, "the device class is missing");
    return vemu__vm_control(vm, do_add, &add, err);
}

/* --- what a device may ask for in realize ----------------------------------------------------- */

struct vemu_irq *vemu_device_get_irq(struct vemu_device *dev, unsigned n, struct vemu_error **err)
{
    struct vemu_machine *machine = dev->vm->machine;

    if (n >= G_N_ELEMENTS(machine->irq_lines) || !machine->irq_lines[n]) {
        vemu__error_set(err, EINVAL, "machine '%s' has no interrupt %u", machine->class_->name, n);
        return NULL;
    }
    return vemu__irq_user(machine->irq_lines[n]);
}

struct vemu_timer *vemu_device_add_timer(struct vemu_device *dev, vemu_timer_fn fn)
{
    struct vemu_timer *timer = vemu__timer_new(dev->vm->timers, dev, fn);

    g_ptr_array_add(dev->private_->timers, timer);
    return timer;
}

void vemu_device_on_powerdown(struct vemu_device *dev, vemu_powerdown_fn fn)
{
    dev->private_->powerdown = fn;
}
