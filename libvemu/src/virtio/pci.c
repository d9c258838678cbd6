/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtio over PCI: the structures of virtio 1.2, 4.1.4, in one BAR, and MSI-X in another.
 *
 * BAR 4 holds four pages: common configuration, interrupt status, device configuration, doorbells.
 * Each queue has a doorbell of its own, which the accelerator may signal without an exit; these
 * follow the BAR when the guest moves it. The fifth structure, a window in configuration space,
 * does the same accesses for firmware that cannot reach the BAR.
 *
 * Interrupts go by MSI-X once the guest enables it, each queue by the vector it was given; before,
 * by INTx and the interrupt status.
 */
#include "virtio/pci.h"

#include <errno.h>

#include <linux/pci_regs.h>

#include "bus/pci-bus.h"
#include "core/vm.h"
#include "virtio/class.h"

#define VENDOR_VIRTIO  0x1af4
#define DEVICE_BASE    0x1040
#define SUBSYSTEM      0x1100
#define VECTORS_CHOSEN UINT32_MAX
#define NO_VECTOR      0xffffu

#define BAR_MSIX 1u
#define BAR_REGS 4u
#define BAR_SIZE 0x4000u
#define PAGE     0x1000u

/* 4.1.4: capability types, and where the structures are in the BAR */
#define CAP_COMMON    1
#define CAP_NOTIFY    2
#define CAP_ISR       3
#define CAP_DEVICE    4
#define CAP_ACCESS    5
#define AT_COMMON     0x0000u
#define AT_ISR        0x1000u
#define AT_DEVICE     0x2000u
#define AT_NOTIFY     0x3000u
#define NOTIFY_STRIDE 4u

/* struct virtio_pci_cap, from the capability's own start */
#define CAP_LEN    2u
#define CAP_TYPE   3u
#define CAP_BAR    4u
#define CAP_OFFSET 8u
#define CAP_LENGTH 12u
#define CAP_EXTRA  16u /* notify multiplier; data of the access window */
#define CAP_SIZE   16u

enum { /* 4.1.4.3 */
       COMMON_DEVICE_FEATURES_SEL = 0x00,
       COMMON_DEVICE_FEATURES = 0x04,
       COMMON_DRIVER_FEATURES_SEL = 0x08,
       COMMON_DRIVER_FEATURES = 0x0c,
       COMMON_CONFIG_VECTOR = 0x10,
       COMMON_QUEUES = 0x12,
       COMMON_STATUS = 0x14,
       COMMON_GENERATION = 0x15,
       COMMON_QUEUE_SEL = 0x16,
       COMMON_QUEUE_SIZE = 0x18,
       COMMON_QUEUE_VECTOR = 0x1a,
       COMMON_QUEUE_ENABLE = 0x1c,
       COMMON_QUEUE_NOTIFY_OFF = 0x1e,
       COMMON_QUEUE_DESC = 0x20,
       COMMON_QUEUE_DRIVER = 0x28,
       COMMON_QUEUE_DEVICE = 0x30,
       COMMON_QUEUE_NOTIFY_DATA = 0x38,
       COMMON_QUEUE_RESET = 0x3a,
       COMMON_SIZE = 0x3c,
};

#define INTERRUPT_QUEUE  1u
#define INTERRUPT_CONFIG 2u

static struct vemu_virtio_pci *pci_of(struct vemu_virtio *vdev)
{
    return (struct vemu_virtio_pci *)vdev->dev;
}

static struct vemu_virtio *device_of(struct vemu_virtio_pci *s)
{
    return vemu__virtio_of(&s->pci.dev);
}

/* --- interrupts ------------------------------------------------------------------------------- */

static void set_interrupt(struct vemu_virtio_pci *s, uint8_t status)
{
    s->interrupt_status = status;
    vemu_pci_set_intx(&s->pci, status != 0);
}

static void interrupt(struct vemu_virtio_pci *s, uint16_t vector, uint8_t status)
{
    if (vemu_pci_msix_enabled(&s->pci))
        vemu_pci_msix_notify(&s->pci, vector);
    else
        set_interrupt(s, s->interrupt_status | status);
}

static void pci_queue_interrupt(struct vemu_virtio *vdev, unsigned queue)
{
    struct vemu_virtio_pci *s = pci_of(vdev);

    interrupt(s, s->queue_vector[queue], INTERRUPT_QUEUE);
}

static void pci_config_interrupt(struct vemu_virtio *vdev)
{
    struct vemu_virtio_pci *s = pci_of(vdev);

    interrupt(s, s->config_vector, INTERRUPT_CONFIG);
}

static void pci_transport_reset(struct vemu_virtio *vdev)
{
    struct vemu_virtio_pci *s = pci_of(vdev);

    s->features_select = s->driver_features_select = 0;
    s->queue_select = 0;
    s->config_vector = NO_VECTOR;
    for (unsigned n = 0; n < VEMU_VIRTIO_QUEUES_MAX; n++)
        s->queue_vector[n] = NO_VECTOR;
    set_interrupt(s, 0);
}

static const struct vemu_virtio_transport pci_transport = {
    .name = "pci",
    .queue_interrupts = true,
    .queue_interrupt = pci_queue_interrupt,
    .config_interrupt = pci_config_interrupt,
    .reset = pci_transport_reset,
};

/* --- common configuration --------------------------------------------------------------------- */

static uint32_t halves(uint16_t low, uint16_t high)
{
    return low | (uint32_t)high << 16;
}

/* The double word of a queue's registers, `offset` being a multiple of 4. */
static uint32_t read_queue(const struct vemu_virtio_pci *s, const struct vemu_virtq *q,
                           unsigned offset)
{
    static const enum vemu_virtq_area areas[] = { VEMU_VIRTQ_DESC, VEMU_VIRTQ_DRIVER,
                                                  VEMU_VIRTQ_DEVICE };

    if (!q) /* size 0 says that there is no such queue */
        return offset == COMMON_QUEUE_SIZE ? halves(0, NO_VECTOR) : 0;
    switch (offset) {
    case COMMON_QUEUE_SIZE:
        return halves(vemu__virtq_get_size(q), s->queue_vector[s->queue_select]);
    case COMMON_QUEUE_ENABLE: return halves(vemu__virtq_enabled(q), s->queue_select);
    case COMMON_QUEUE_NOTIFY_DATA: return halves(s->queue_select, 0);
    default:
        return (uint32_t)(vemu__virtq_get_address(q, areas[(offset - COMMON_QUEUE_DESC) / 8]) >>
                          (offset & 4 ? 32 : 0));
    }
}

static uint32_t common_read_dword(struct vemu_virtio_pci *s, unsigned offset)
{
    struct vemu_virtio *vdev = device_of(s);

    switch (offset) {
    case COMMON_DEVICE_FEATURES_SEL: return s->features_select;
    case COMMON_DEVICE_FEATURES: return vemu__virtio_get_device_features(vdev, s->features_select);
    case COMMON_DRIVER_FEATURES_SEL: return s->driver_features_select;
    case COMMON_DRIVER_FEATURES:
        return vemu__virtio_get_driver_features(vdev, s->driver_features_select);
    case COMMON_CONFIG_VECTOR: return halves(s->config_vector, (uint16_t)vdev->queue_count);
    case COMMON_STATUS:
        return halves((uint16_t)(vdev->status | vdev->config_generation << 8), s->queue_select);
    default: return read_queue(s, vemu__virtio_queue(vdev, s->queue_select), offset);
    }
}

static uint64_t common_read(struct vemu_virtio_pci *s, unsigned offset, unsigned size)
{
    return offset + size > COMMON_SIZE ? 0
                                       : common_read_dword(s, offset & ~3u) >> (8 * (offset & 3));
}

static void set_address_half(struct vemu_virtq *q, unsigned offset, uint32_t value)
{
    enum vemu_virtq_area area = offset < COMMON_QUEUE_DRIVER   ? VEMU_VIRTQ_DESC
                                : offset < COMMON_QUEUE_DEVICE ? VEMU_VIRTQ_DRIVER
                                                               : VEMU_VIRTQ_DEVICE;
    uint64_t gpa = vemu__virtq_get_address(q, area);

    if (offset & 4)
        gpa = (gpa & UINT32_MAX) | (uint64_t)value << 32;
    else
        gpa = (gpa & ~(uint64_t)UINT32_MAX) | value;
    vemu__virtq_set_address(q, area, gpa);
}

/* A vector that does not exist reads back as none (4.1.5.1.2.1). */
static uint16_t checked_vector(const struct vemu_virtio_pci *s, uint32_t value)
{
    return value < s->pci.msix_vectors ? (uint16_t)value : NO_VECTOR;
}

static void write_queue(struct vemu_virtio_pci *s, struct vemu_virtq *q, unsigned offset,
                        unsigned size, uint32_t value)
{
    if (!q)
        return;
    if (size == 4 && offset >= COMMON_QUEUE_DESC && offset < COMMON_QUEUE_NOTIFY_DATA) {
        set_address_half(q, offset, value);
        return;
    }
    if (size != 2)
        return;
    switch (offset) {
    case COMMON_QUEUE_SIZE: vemu__virtq_set_size(q, (uint16_t)value); break;
    case COMMON_QUEUE_VECTOR: s->queue_vector[s->queue_select] = checked_vector(s, value); break;
    case COMMON_QUEUE_ENABLE:
        if (value == 1)
            vemu__virtq_enable(q);
        break;
    case COMMON_QUEUE_RESET:
        if (value == 1)
            vemu__virtq_reset(q);
        break;
    default: break;
    }
}

static void common_write(struct vemu_virtio_pci *s, unsigned offset, unsigned size, uint32_t value)
{
    struct vemu_virtio *vdev = device_of(s);

    switch (offset << 4 | size) {
    case COMMON_DEVICE_FEATURES_SEL << 4 | 4: s->features_select = value; break;
    case COMMON_DRIVER_FEATURES_SEL << 4 | 4: s->driver_features_select = value; break;
    case COMMON_DRIVER_FEATURES << 4 | 4:
        vemu__virtio_set_driver_features(vdev, s->driver_features_select, value);
        break;
    case COMMON_CONFIG_VECTOR << 4 | 2: s->config_vector = checked_vector(s, value); break;
    case COMMON_STATUS << 4 | 1: vemu__virtio_set_status(vdev, (uint8_t)value); break;
    case COMMON_QUEUE_SEL << 4 | 2: s->queue_select = (uint16_t)value; break;
    default:
        if (offset >= COMMON_QUEUE_SIZE)
            write_queue(s, vemu__virtio_queue(vdev, s->queue_select), offset, size, value);
        break;
    }
}

/* --- BAR -------------------------------------------------------------------------------------- */

static uint64_t regs_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct vemu_virtio_pci *s = (struct vemu_virtio_pci *)dev;
    uint8_t status;

    switch (offset / PAGE) {
    case AT_COMMON / PAGE: return common_read(s, (unsigned)offset, size);
    case AT_ISR / PAGE:
        if (offset != AT_ISR)
            return 0;
        status = s->interrupt_status;
        set_interrupt(s, 0); /* reading acknowledges */
        return status;
    case AT_DEVICE / PAGE: return vemu__virtio_config_read(device_of(s), offset - AT_DEVICE, size);
    default: return 0;
    }
}

static void regs_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct vemu_virtio_pci *s = (struct vemu_virtio_pci *)dev;

    switch (offset / PAGE) {
    case AT_COMMON / PAGE: common_write(s, (unsigned)offset, size, (uint32_t)value); break;
    case AT_DEVICE / PAGE:
        vemu__virtio_config_write(device_of(s), offset - AT_DEVICE, size, value);
        break;
    case AT_NOTIFY / PAGE:
        vemu__virtio_notify(device_of(s), (uint32_t)(offset - AT_NOTIFY) / NOTIFY_STRIDE);
        break;
    default: break;
    }
}

static const struct vemu_region_ops regs_region = {
    .read = regs_read,
    .write = regs_write,
    .min_size = 1,
    .max_size = 4,
};

/* Moves the doorbells that the accelerator may signal to where the BAR is now. */
static void place_doorbells(struct vemu_virtio_pci *s, uint64_t bar)
{
    struct vemu_virtio *vdev = device_of(s);

    for (unsigned n = 0; n < vdev->queue_count; n++)
        vemu__virtq_unhook(vemu__virtio_queue(vdev, n));
    for (unsigned n = 0; bar != VEMU_PCI_UNMAPPED && n < vdev->queue_count; n++) {
        const struct vemu_virtq_doorbell doorbell = {
            .address = bar + AT_NOTIFY + n * NOTIFY_STRIDE,
            .size = 2,
        };

        if (vemu__virtq_hook(vemu__virtio_queue(vdev, n), &doorbell) < 0)
            break; /* the others come as register writes */
    }
}

static void pci_bar_moved(struct vemu_pci_device *pci, unsigned bar, uint64_t address)
{
    if (bar == BAR_REGS)
        place_doorbells((struct vemu_virtio_pci *)pci, address);
}

/* --- access window in configuration space (4.1.4.9) ------------------------------------------- */

/* The access that the window's registers describe; false when it is none. */
static bool window(const struct vemu_virtio_pci *s, uint32_t *ret_offset, uint32_t *ret_size)
{
    const struct vemu_pci_device *pci = &s->pci;

    *ret_offset = vemu_pci_get32(pci, s->cap_access + CAP_OFFSET);
    *ret_size = vemu_pci_get32(pci, s->cap_access + CAP_LENGTH);
    return pci->config[s->cap_access + CAP_BAR] == BAR_REGS &&
           (*ret_size == 1 || *ret_size == 2 || *ret_size == 4) && *ret_offset % *ret_size == 0 &&
           *ret_offset < BAR_SIZE;
}

static void pci_config_reading(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    struct vemu_virtio_pci *s = (struct vemu_virtio_pci *)pci;
    uint32_t at, length;

    if (!vemu_pci_touches(offset, size, s->cap_access + CAP_EXTRA, 4) || !window(s, &at, &length))
        return;
    vemu_pci_put32(pci->config, s->cap_access + CAP_EXTRA,
                   (uint32_t)regs_read(&pci->dev, at, length));
}

static void pci_config_written(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    struct vemu_virtio_pci *s = (struct vemu_virtio_pci *)pci;
    uint32_t at, length, value;

    if (!vemu_pci_touches(offset, size, s->cap_access + CAP_EXTRA, 4) || !window(s, &at, &length))
        return;
    value = vemu_pci_get32(pci, s->cap_access + CAP_EXTRA);
    regs_write(&pci->dev, at, length, length == 4 ? value : value & ((1u << (8 * length)) - 1));
}

static const struct vemu_pci_ops pci_hooks = {
    .config_reading = pci_config_reading,
    .config_written = pci_config_written,
    .bar_moved = pci_bar_moved,
};

/* --- life ------------------------------------------------------------------------------------- */

static uint8_t add_structure(struct vemu_pci_device *pci, uint8_t type, uint32_t offset,
                             uint32_t length, uint8_t extra)
{
    uint8_t at = vemu_pci_add_cap(pci, PCI_CAP_ID_VNDR, (uint8_t)(CAP_SIZE + extra));

    pci->defaults[at + CAP_LEN] = (uint8_t)(CAP_SIZE + extra);
    pci->defaults[at + CAP_TYPE] = type;
    pci->defaults[at + CAP_BAR] = BAR_REGS;
    vemu_pci_put32(pci->defaults, at + CAP_OFFSET, offset);
    vemu_pci_put32(pci->defaults, at + CAP_LENGTH, length);
    return at;
}

static void add_structures(struct vemu_virtio_pci *s)
{
    struct vemu_pci_device *pci = &s->pci;
    uint8_t at;

    add_structure(pci, CAP_COMMON, AT_COMMON, PAGE, 0);
    add_structure(pci, CAP_ISR, AT_ISR, PAGE, 0);
    add_structure(pci, CAP_DEVICE, AT_DEVICE, PAGE, 0);
    at = add_structure(pci, CAP_NOTIFY, AT_NOTIFY, PAGE, 4);
    vemu_pci_put32(pci->defaults, at + CAP_EXTRA, NOTIFY_STRIDE);
    at = add_structure(pci, CAP_ACCESS, 0, 0, 4);
    pci->defaults[at + CAP_BAR] = 0;
    pci->writable[at + CAP_BAR] = 0xff;
    vemu_pci_put32(pci->writable, at + CAP_OFFSET, ~0u);
    vemu_pci_put32(pci->writable, at + CAP_LENGTH, ~0u);
    vemu_pci_put32(pci->writable, at + CAP_EXTRA, ~0u);
    s->cap_access = at;
}

/* As guests expect it from where they have seen the device before. */
static uint32_t class_code(uint32_t id)
{
    switch (id) {
    case VEMU_VIRTIO_ID_NET: return 0x020000;
    case VEMU_VIRTIO_ID_BLOCK:
    case VEMU_VIRTIO_ID_SCSI: return 0x010000;
    case VEMU_VIRTIO_ID_CONSOLE:
    case VEMU_VIRTIO_ID_VSOCK: return 0x078000;
    case VEMU_VIRTIO_ID_INPUT: return 0x098000;
    case VEMU_VIRTIO_ID_9P: return 0x018000;
    case VEMU_VIRTIO_ID_MEM:
    case VEMU_VIRTIO_ID_PMEM: return 0x058000;
    default: return 0x00ff00;
    }
}

static void init_function(struct vemu_virtio_pci *s)
{
    struct vemu_virtio *vdev = device_of(s);
    const struct vemu_pci_ident ident = {
        .vendor = VENDOR_VIRTIO,
        .device = (uint16_t)(DEVICE_BASE + vdev->class_->id),
        .subvendor = VENDOR_VIRTIO,
        .subdevice = SUBSYSTEM,
        .class_ = class_code(vdev->class_->id),
        .revision = 1,
        .pin = 1,
    };
    uint32_t vectors = s->vectors == VECTORS_CHOSEN ? vdev->queue_count + 1 : s->vectors;

    vemu_pci_init(&s->pci, &ident, &pci_hooks);
    vemu_pci_add_bar(&s->pci, BAR_REGS, BAR_SIZE, VEMU_PCI_BAR_64 | VEMU_PCI_BAR_PREFETCH,
                     &regs_region, vdev->class_->name);
    add_structures(s);
    if (vectors)
        vemu_pci_add_msix(&s->pci, BAR_MSIX, MIN(vectors, VEMU_PCI_MSIX_MAX));
    vemu_pci_add_pm(&s->pci);
    vemu_pci_add_pcie(&s->pci, PCI_EXP_TYPE_ENDPOINT);
}

static int pci_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct vemu_virtio_pci *s = (struct vemu_virtio_pci *)dev;
    struct vemu_virtio *vdev = device_of(s);
    struct vemu_accel_vm *accel_vm = NULL;
    const struct vemu_accel_ops *accel = vemu__vm_accel(dev->vm, &accel_vm);
    int r;

    if (s->vectors != VECTORS_CHOSEN && s->vectors > VEMU_PCI_MSIX_MAX)
        return vemu__error_set(err, EINVAL, "property 'vectors': %u is more than %u", s->vectors,
                               VEMU_PCI_MSIX_MAX);
    r = vemu__virtio_realize(vdev, dev, vemu__virtio_class_of(dev), &pci_transport, err);
    if (r < 0)
        return r;
    init_function(s);
    /* Made here, on the loop; placed from whatever thread moves the BAR. */
    for (unsigned n = 0; accel->ioeventfd && !accel->direct_io && n < vdev->queue_count; n++)
        vemu__virtq_get_notifier(vemu__virtio_queue(vdev, n));
    r = vemu_pci_attach(&s->pci, err);
    if (r < 0)
        vemu__virtio_unrealize(vdev);
    return r;
}

static void pci_unrealize(struct vemu_device *dev)
{
    vemu__virtio_unrealize(vemu__virtio_of(dev));
}

static void pci_reset(struct vemu_device *dev)
{
    vemu__virtio_reset(vemu__virtio_of(dev));
    vemu_pci_reset((struct vemu_pci_device *)dev);
}

static void pci_pause(struct vemu_device *dev)
{
    vemu__virtio_pause(vemu__virtio_of(dev));
}

static void pci_resume(struct vemu_device *dev)
{
    vemu__virtio_resume(vemu__virtio_of(dev));
}

static void pci_restored(struct vemu_device *dev)
{
    struct vemu_virtio_pci *s = (struct vemu_virtio_pci *)dev;

    vemu_pci_restored(&s->pci);
    set_interrupt(s, s->interrupt_status & (INTERRUPT_QUEUE | INTERRUPT_CONFIG));
    vemu__virtio_restored(device_of(s));
}

static void pci_fini(struct vemu_device *dev)
{
    vemu__virtio_fini(vemu__virtio_of(dev));
}

static char *pci_boot_path(const struct vemu_device *dev)
{
    const struct vemu_virtio_class *class_ = vemu__virtio_class_of(dev);
    g_autofree char *path = vemu_pci_boot_path(dev);

    return g_strconcat(path, class_->boot_suffix, NULL);
}

const struct vemu_device_ops vemu__virtio_pci_ops = {
    .realize = pci_realize,
    .unrealize = pci_unrealize,
    .reset = pci_reset,
    .pause = pci_pause,
    .resume = pci_resume,
    .restored = pci_restored,
    .fini = pci_fini,
    .unplug = vemu_pci_unplug,
    .boot_path = pci_boot_path,
    .hotplug = true,
};

const struct vemu_prop vemu__virtio_pci_props[] = {
    VEMU_PROP_GROUP(0, vemu__pci_props),
    VEMU_PROP(struct vemu_virtio_pci, vectors, "vectors", U32, "4294967295",
              "MSI-X vectors, 0: none; default: one for each queue and one more"),
    VEMU_PROP_END,
};

const struct vemu_state_field vemu__virtio_pci_state[] = {
    VEMU_STATE_GROUP(0, vemu__pci_state),
    VEMU_STATE(struct vemu_virtio_pci, features_select),
    VEMU_STATE(struct vemu_virtio_pci, driver_features_select),
    VEMU_STATE(struct vemu_virtio_pci, queue_select),
    VEMU_STATE(struct vemu_virtio_pci, config_vector),
    VEMU_STATE(struct vemu_virtio_pci, queue_vector),
    VEMU_STATE(struct vemu_virtio_pci, interrupt_status),
    VEMU_STATE_END,
};
