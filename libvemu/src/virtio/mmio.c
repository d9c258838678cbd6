/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtio over MMIO: the registers of virtio 1.2, 4.2.2, version 2 (no legacy interface).
 *
 * The machine gives a slot: an address and an interrupt line. The line is high while the interrupt
 * status is not zero, so it may be shared when it is level-triggered.
 */
#include "virtio/mmio.h"

#include <errno.h>

#include "core/error.h"
#include "core/vm.h"
#include "virtio/class.h"

enum {
    REG_MAGIC = 0x000,
    REG_VERSION = 0x004,
    REG_DEVICE_ID = 0x008,
    REG_VENDOR_ID = 0x00c,
    REG_DEVICE_FEATURES = 0x010,
    REG_DEVICE_FEATURES_SEL = 0x014,
    REG_DRIVER_FEATURES = 0x020,
    REG_DRIVER_FEATURES_SEL = 0x024,
    REG_QUEUE_SEL = 0x030,
    REG_QUEUE_NUM_MAX = 0x034,
    REG_QUEUE_NUM = 0x038,
    REG_QUEUE_READY = 0x044,
    REG_QUEUE_NOTIFY = 0x050,
    REG_INTERRUPT_STATUS = 0x060,
    REG_INTERRUPT_ACK = 0x064,
    REG_STATUS = 0x070,
    REG_QUEUE_DESC = 0x080, /* two registers each: low, high */
    REG_QUEUE_DRIVER = 0x090,
    REG_QUEUE_DEVICE = 0x0a0,
    REG_SHM_LENGTH = 0x0b0, /* and base: four registers */
    REG_SHM_END = 0x0c0,
    REG_QUEUE_RESET = 0x0c0,
    REG_GENERATION = 0x0fc,
    REG_CONFIG = 0x100,
};

#define MAGIC   0x74726976u /* "virt" */
#define VERSION 2u

#define INTERRUPT_QUEUE  1u
#define INTERRUPT_CONFIG 2u

static struct vemu_virtio *device_of(struct vemu_virtio_mmio *mmio)
{
    return (void *)((char *)mmio + VEMU_VIRTIO_OFFSET(struct vemu_virtio_mmio));
}

static struct vemu_virtio_mmio *mmio_of(struct vemu_virtio *vdev)
{
    return (struct vemu_virtio_mmio *)vdev->dev;
}

/* --- interrupts ------------------------------------------------------------------------------- */

static void set_interrupt(struct vemu_virtio_mmio *mmio, uint32_t status)
{
    mmio->interrupt_status = status;
    vemu_irq_set(mmio->irq, status != 0);
}

static void mmio_queue_interrupt(struct vemu_virtio *vdev, unsigned queue)
{
    struct vemu_virtio_mmio *mmio = mmio_of(vdev);

    set_interrupt(mmio, mmio->interrupt_status | INTERRUPT_QUEUE);
}

static void mmio_config_interrupt(struct vemu_virtio *vdev)
{
    struct vemu_virtio_mmio *mmio = mmio_of(vdev);

    set_interrupt(mmio, mmio->interrupt_status | INTERRUPT_CONFIG);
}

static void mmio_transport_reset(struct vemu_virtio *vdev)
{
    struct vemu_virtio_mmio *mmio = mmio_of(vdev);

    mmio->features_select = mmio->driver_features_select = mmio->queue_select = 0;
    set_interrupt(mmio, 0);
}

static const struct vemu_virtio_transport mmio_transport = {
    .name = "mmio",
    .queue_interrupt = mmio_queue_interrupt,
    .config_interrupt = mmio_config_interrupt,
    .reset = mmio_transport_reset,
};

/* --- registers -------------------------------------------------------------------------------- */

static uint32_t read_queue_register(const struct vemu_virtq *q, uint64_t offset)
{
    if (!q)
        return 0;
    switch (offset) {
    case REG_QUEUE_NUM_MAX: return vemu__virtq_get_max(q);
    case REG_QUEUE_READY: return vemu__virtq_enabled(q);
    default: return 0; /* the rest is write-only; QUEUE_RESET is done when it was written */
    }
}

static uint64_t mmio_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct vemu_virtio_mmio *mmio = (struct vemu_virtio_mmio *)dev;
    struct vemu_virtio *vdev = device_of(mmio);

    if (offset >= REG_CONFIG)
        return vemu__virtio_config_read(vdev, offset - REG_CONFIG, size);
    if (size != 4)
        return 0;
    if (offset >= REG_SHM_LENGTH && offset < REG_SHM_END)
        return UINT32_MAX; /* no shared memory regions: length and base are -1 */
    switch (offset) {
    case REG_MAGIC: return MAGIC;
    case REG_VERSION: return VERSION;
    case REG_DEVICE_ID: return vdev->class_->id;
    case REG_VENDOR_ID: return VEMU_VIRTIO_VENDOR;
    case REG_DEVICE_FEATURES: return vemu__virtio_get_device_features(vdev, mmio->features_select);
    case REG_INTERRUPT_STATUS: return mmio->interrupt_status;
    case REG_STATUS: return vdev->status;
    case REG_GENERATION: return vdev->config_generation;
    default: return read_queue_register(vemu__virtio_queue(vdev, mmio->queue_select), offset);
    }
}

static void set_address_half(struct vemu_virtq *q, enum vemu_virtq_area area, bool high,
                             uint32_t value)
{
    uint64_t gpa = vemu__virtq_get_address(q, area);

    if (high)
        gpa = (gpa & UINT32_MAX) | (uint64_t)value << 32;
    else
        gpa = (gpa & ~(uint64_t)UINT32_MAX) | value;
    vemu__virtq_set_address(q, area, gpa);
}

static void write_queue_register(struct vemu_virtq *q, uint64_t offset, uint32_t value)
{
    bool high = offset & 4;

    if (!q)
        return;
    switch (offset) {
    case REG_QUEUE_NUM:
        if (value <= UINT16_MAX)
            vemu__virtq_set_size(q, (uint16_t)value);
        break;
    case REG_QUEUE_READY:
        /* Writing 0 is left to resets: 4.2.3.2 wants the driver to use QUEUE_RESET. */
        if (value & 1)
            vemu__virtq_enable(q);
        else
            vemu__virtq_reset(q);
        break;
    case REG_QUEUE_DESC:
    case REG_QUEUE_DESC + 4: set_address_half(q, VEMU_VIRTQ_DESC, high, value); break;
    case REG_QUEUE_DRIVER:
    case REG_QUEUE_DRIVER + 4: set_address_half(q, VEMU_VIRTQ_DRIVER, high, value); break;
    case REG_QUEUE_DEVICE:
    case REG_QUEUE_DEVICE + 4: set_address_half(q, VEMU_VIRTQ_DEVICE, high, value); break;
    case REG_QUEUE_RESET:
        if (value & 1)
            vemu__virtq_reset(q);
        break;
    default: break;
    }
}

static void mmio_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct vemu_virtio_mmio *mmio = (struct vemu_virtio_mmio *)dev;
    struct vemu_virtio *vdev = device_of(mmio);
    uint32_t value32 = (uint32_t)value;

    if (offset >= REG_CONFIG) {
        vemu__virtio_config_write(vdev, offset - REG_CONFIG, size, value);
        return;
    }
    if (size != 4)
        return;
    switch (offset) {
    case REG_DEVICE_FEATURES_SEL: mmio->features_select = value32; break;
    case REG_DRIVER_FEATURES:
        vemu__virtio_set_driver_features(vdev, mmio->driver_features_select, value32);
        break;
    case REG_DRIVER_FEATURES_SEL: mmio->driver_features_select = value32; break;
    case REG_QUEUE_SEL: mmio->queue_select = value32; break;
    case REG_QUEUE_NOTIFY: vemu__virtio_notify(vdev, value32); break;
    case REG_INTERRUPT_ACK: set_interrupt(mmio, mmio->interrupt_status & ~value32); break;
    case REG_STATUS: vemu__virtio_set_status(vdev, (uint8_t)value32); break;
    default:
        write_queue_register(vemu__virtio_queue(vdev, mmio->queue_select), offset, value32);
        break;
    }
}

static const struct vemu_region_ops mmio_region = { .read = mmio_read, .write = mmio_write };

/* --- doorbells -------------------------------------------------------------------------------- */

/* Gives the doorbells to the accelerator, as far as it takes them. */
static void hook_doorbells(struct vemu_virtio_mmio *mmio)
{
    struct vemu_virtio *vdev = device_of(mmio);

    for (unsigned n = 0; n < vdev->queue_count; n++) {
        struct vemu_virtq *q = vemu__virtio_queue(vdev, n);
        const struct vemu_virtq_doorbell doorbell = {
            .address = mmio->address + REG_QUEUE_NOTIFY,
            .size = 4,
            .use_match = true,
            .match = n,
        };

        if (vemu__virtq_get_notifier(q) < 0 || vemu__virtq_hook(q, &doorbell) < 0)
            return; /* the others come as register writes */
    }
}

static void unhook_doorbells(struct vemu_virtio *vdev)
{
    for (unsigned n = 0; n < vdev->queue_count; n++)
        vemu__virtq_unhook(vemu__virtio_queue(vdev, n));
}

/* --- life ------------------------------------------------------------------------------------- */

static int mmio_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct vemu_virtio_mmio *mmio = (struct vemu_virtio_mmio *)dev;
    struct vemu_virtio *vdev = device_of(mmio);
    struct vemu_accel_vm *accel_vm;
    const struct vemu_accel_ops *accel = vemu__vm_accel(dev->vm, &accel_vm);
    struct vemu_machine *machine = vemu__vm_machine(dev->vm);
    unsigned irq;
    int r;

    if (!machine->class_->virtio_slot)
        return vemu__error_set(err, ENOTSUP, "machine '%s' has no virtio-mmio slots",
                               machine->class_->name);
    r = machine->class_->virtio_slot(machine, dev, &mmio->address, &irq, err);
    if (r < 0)
        return r;
    mmio->irq = vemu_device_get_irq(dev, irq, err);
    if (!mmio->irq)
        return -EINVAL;
    r = vemu__virtio_realize(vdev, dev, vemu__virtio_class_of(dev), &mmio_transport, err);
    if (r < 0)
        return r;
    r = vemu_device_map(dev, VEMU_SPACE_MEMORY, mmio->address, VEMU_VIRTIO_MMIO_SIZE, &mmio_region,
                        vdev->class_->name, err);
    if (r < 0) {
        vemu__virtio_unrealize(vdev);
        return r;
    }
    if (accel->ioeventfd && !accel->direct_io)
        hook_doorbells(mmio);
    return 0;
}

static void mmio_unrealize(struct vemu_device *dev)
{
    struct vemu_virtio *vdev = device_of((struct vemu_virtio_mmio *)dev);

    unhook_doorbells(vdev);
    vemu__virtio_unrealize(vdev);
}

static void mmio_reset(struct vemu_device *dev)
{
    vemu__virtio_reset(device_of((struct vemu_virtio_mmio *)dev));
}

static void mmio_pause(struct vemu_device *dev)
{
    vemu__virtio_pause(device_of((struct vemu_virtio_mmio *)dev));
}

static void mmio_resume(struct vemu_device *dev)
{
    vemu__virtio_resume(device_of((struct vemu_virtio_mmio *)dev));
}

static void mmio_restored(struct vemu_device *dev)
{
    struct vemu_virtio_mmio *mmio = (struct vemu_virtio_mmio *)dev;

    set_interrupt(mmio, mmio->interrupt_status & (INTERRUPT_QUEUE | INTERRUPT_CONFIG));
    vemu__virtio_restored(device_of(mmio));
}

static void mmio_fini(struct vemu_device *dev)
{
    vemu__virtio_fini(device_of((struct vemu_virtio_mmio *)dev));
}

const struct vemu_device_ops vemu__virtio_mmio_ops = {
    .realize = mmio_realize,
    .unrealize = mmio_unrealize,
    .reset = mmio_reset,
    .pause = mmio_pause,
    .resume = mmio_resume,
    .restored = mmio_restored,
    .fini = mmio_fini,
};

const struct vemu_prop vemu__virtio_mmio_props[] = { VEMU_PROP_END };

const struct vemu_state_field vemu__virtio_mmio_state[] = {
    VEMU_STATE(struct vemu_virtio_mmio, features_select),
    VEMU_STATE(struct vemu_virtio_mmio, driver_features_select),
    VEMU_STATE(struct vemu_virtio_mmio, queue_select),
    VEMU_STATE(struct vemu_virtio_mmio, interrupt_status),
    VEMU_STATE_END,
};
