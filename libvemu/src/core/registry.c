/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables of all classes: a new one adds its line here.
 */
#include <vemu/registry.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "block/backend.h"
#include "block/throttle-object.h"
#include "bus/pci-bus.h"
#include "bus/pcie-port.h"
#include "chardev/backend.h"
#include "core/iothread.h"
#include "core/property.h"
#include "devices/devices.h"
#include "fsdev/fsdev.h"
#include "machines/machine.h"
#include "mem/memdev.h"
#include "net/net.h"

/* --- devices (alphabetical) ------------------------------------------------------------------- */

const struct vemu_device_class *const vemu__device_classes[] = {
    &vemu__device_acpi_cpu_hotplug,
    &vemu__device_acpi_memory_hotplug,
    &vemu__device_acpi_pm,
    &vemu__device_ahci,
    &vemu__device_bochs_display,
    &vemu__device_debug_exit,
    &vemu__device_debugcon,
    &vemu__device_fw_cfg,
    &vemu__device_hpet,
    &vemu__device_i6300esb,
    &vemu__device_i8042,
    &vemu__device_i8254,
    &vemu__device_i8259,
    &vemu__device_ich9_lpc,
    &vemu__device_ide_cd,
    &vemu__device_ide_hd,
    &vemu__device_ioapic,
    &vemu__device_pc_dimm,
    &vemu__device_pci_host,
    &vemu__device_pcie_root_port,
    &vemu__device_pflash_cfi01,
    &vemu__device_port92,
    &vemu__device_post_port,
    &vemu__device_pvpanic,
    &vemu__device_q35_mch,
    &vemu__device_ramfb,
    &vemu__device_reset_port,
    &vemu__device_rtc,
    &vemu__device_scsi_cd,
    &vemu__device_scsi_hd,
    &vemu__device_serial_16550,
    &vemu__device_virtio_9p_mmio.base,
    &vemu__device_virtio_9p_pci.base,
    &vemu__device_virtio_balloon_mmio.base,
    &vemu__device_virtio_balloon_pci.base,
    &vemu__device_virtio_blk_mmio.base,
    &vemu__device_virtio_blk_pci.base,
    &vemu__device_virtio_keyboard_mmio.base,
    &vemu__device_virtio_keyboard_pci.base,
    &vemu__device_virtio_mouse_mmio.base,
    &vemu__device_virtio_mouse_pci.base,
    &vemu__device_virtio_mem_mmio.base,
    &vemu__device_virtio_mem_pci.base,
    &vemu__device_virtio_net_mmio.base,
    &vemu__device_virtio_net_pci.base,
    &vemu__device_virtio_pmem_mmio.base,
    &vemu__device_virtio_pmem_pci.base,
    &vemu__device_virtio_rng_mmio.base,
    &vemu__device_virtio_rng_pci.base,
    &vemu__device_virtio_scsi_mmio.base,
    &vemu__device_virtio_scsi_pci.base,
    &vemu__device_virtio_serial_mmio.base,
    &vemu__device_virtio_serial_pci.base,
    &vemu__device_virtio_tablet_mmio.base,
    &vemu__device_virtio_tablet_pci.base,
    &vemu__device_virtio_vsock_mmio.base,
    &vemu__device_virtio_vsock_pci.base,
    &vemu__device_virtconsole,
    &vemu__device_virtserialport,
    &vemu__device_vmgenid,
    &vemu__device_x86_cpu,
    NULL,
};

/* --- machines --------------------------------------------------------------------------------- */

const struct vemu_machine_class *const vemu__machine_classes[] = {
    &vemu__machine_microvm,
    &vemu__machine_q35,
    NULL,
};

/* --- network back-ends (alphabetical) --------------------------------------------------------- */

const struct vemu_backend_class *const vemu__net_classes[] = {
    &vemu__net_socket.base,
    &vemu__net_tap.base,
    &vemu__net_user.base,
    NULL,
};

/* --- shared directories ----------------------------------------------------------------------- */

const struct vemu_backend_class *const vemu__fsdev_classes[] = {
    &vemu__fsdev_local.base,
    NULL,
};

/* --- objects (alphabetical) ------------------------------------------------------------------- */

const struct vemu_backend_class *const vemu__object_classes[] = {
    &vemu__iothread_object.base,
    &vemu__memdev_file.base,
    &vemu__memdev_memfd.base,
    &vemu__memdev_ram.base,
    &vemu__throttle_object.base,
    NULL,
};

/* --- character back-ends (alphabetical) ------------------------------------------------------- */

const struct vemu_backend_class *const vemu__chardev_classes[] = {
    &vemu__chardev_callback.base,
    &vemu__chardev_file.base,
    &vemu__chardev_null.base,
    &vemu__chardev_pipe.base,
    &vemu__chardev_pty.base,
    &vemu__chardev_ring.base,
    &vemu__chardev_serial.base,
    &vemu__chardev_socket.base,
    &vemu__chardev_stdio.base,
    &vemu__chardev_tty.base,
    &vemu__chardev_udp.base,
    NULL,
};

const struct vemu_device_class *vemu__device_class_find(const char *name)
{
    size_t i;

    for (i = 0; vemu__device_classes[i]; i++)
        if (strcmp(vemu__device_classes[i]->name, name) == 0)
            return vemu__device_classes[i];
    /* Of every model, one class. */
    return g_str_has_suffix(name, "-x86_64-cpu") ? &vemu__device_x86_cpu : NULL;
}

/* --- <vemu/registry.h> ------------------------------------------------------------------------ */

/* Properties are handed around as the beginning of a walk: block drivers have two tables. */
static struct vemu_prop_iter all_of(const struct vemu_prop *props)
{
    return (struct vemu_prop_iter){ .at = props };
}

static uint32_t count_props(struct vemu_prop_iter it)
{
    uint32_t count = 0;
    size_t offset;

    while (vemu__prop_next(&it, &offset))
        count++;
    return count;
}

/* Walks, as describe() does. */
static bool describe_backend(const struct vemu_backend_class *const *classes, uint32_t index,
                             struct vemu_class_info *info, struct vemu_prop_iter *ret_props)
{
    for (uint32_t i = 0; classes[i]; i++) {
        if (i != index)
            continue;
        info->name = classes[i]->name;
        info->summary = classes[i]->summary;
        info->flags = classes[i]->flags & VEMU_BACKEND_INTERNAL ? VEMU_CLASS_INTERNAL : 0;
        *ret_props = all_of(classes[i]->props);
        return true;
    }
    return false;
}

/* What every node has, then what the driver of its image has. */
static bool describe_block(uint32_t index, struct vemu_class_info *info,
                           struct vemu_prop_iter *ret_props)
{
    for (uint32_t i = 0; vemu__image_drivers[i]; i++) {
        if (i != index)
            continue;
        info->name = vemu__image_drivers[i]->name;
        info->summary = vemu__image_drivers[i]->summary;
        *ret_props = all_of(vemu__block_props);
        ret_props->outer[0] = vemu__image_drivers[i]->props;
        ret_props->depth = 1;
        return true;
    }
    return false;
}

/* The class `index` of a kind as a complete description; false past the last. */
static bool describe(int kind, uint32_t index, struct vemu_class_info *info,
                     struct vemu_prop_iter *ret_props)
{
    uint32_t i;

    /* Walks, so that an index behind the end is never used. */
    switch (kind) {
    case VEMU_CLASS_DEVICE:
        for (i = 0; vemu__device_classes[i]; i++) {
            const struct vemu_device_class *class_ = vemu__device_classes[i];

            if (i != index)
                continue;
            info->name = class_->name;
            info->summary = class_->summary;
            info->flags = class_->flags & VEMU_DEVICE_INTERNAL ? VEMU_CLASS_INTERNAL : 0;
            *ret_props = all_of(class_->props);
            return true;
        }
        return false;
    case VEMU_CLASS_CHARDEV:
        return describe_backend(vemu__chardev_classes, index, info, ret_props);
    case VEMU_CLASS_BLOCK:
        return describe_block(index, info, ret_props);
    case VEMU_CLASS_NET:
        return describe_backend(vemu__net_classes, index, info, ret_props);
    case VEMU_CLASS_FSDEV:
        return describe_backend(vemu__fsdev_classes, index, info, ret_props);
    case VEMU_CLASS_OBJECT:
        return describe_backend(vemu__object_classes, index, info, ret_props);
    default:
        for (i = 0; vemu__machine_classes[i]; i++) {
            const struct vemu_machine_class *class_ = vemu__machine_classes[i];

            if (i != index)
                continue;
            info->name = class_->name;
            info->alias = class_->alias;
            info->summary = class_->summary;
            info->max_vcpus = class_->max_vcpus;
            *ret_props = all_of(class_->props);
            return true;
        }
        return false;
    }
}

static bool kind_valid(int kind)
{
    return kind >= VEMU_CLASS_MACHINE && kind <= VEMU_CLASS_OBJECT;
}

static int lookup(int kind, const char *name, struct vemu_class_info *info,
                  struct vemu_prop_iter *ret_props)
{
    uint32_t i;

    for (i = 0;; i++) {
        memset(info, 0, sizeof(*info));
        if (!describe(kind, i, info, ret_props))
            return -ENOENT;
        if (strcmp(info->name, name) == 0 || vemu__alias_matches(info->alias, name))
            return 0;
    }
}

/* Fills no more than the caller has; `size` stays the caller's. */
static void hand_over(void *ret, const void *from, size_t size, uint32_t caller_size)
{
    memcpy((char *)ret + sizeof(uint32_t), (const char *)from + sizeof(uint32_t),
           (caller_size < size ? caller_size : size) - sizeof(uint32_t));
}

int vemu_class_get(int kind, uint32_t index, struct vemu_class_info *ret)
{
    struct vemu_class_info info = { 0 };
    struct vemu_prop_iter props;

    if (!kind_valid(kind) || ret->size < sizeof(*ret))
        return -EINVAL;
    if (!describe(kind, index, &info, &props))
        return -ENOENT;
    info.property_count = count_props(props);
    hand_over(ret, &info, sizeof(info), ret->size);
    return 0;
}

int vemu_class_lookup(int kind, const char *name, struct vemu_class_info *ret)
{
    struct vemu_class_info info;
    struct vemu_prop_iter props;
    int r;

    if (!kind_valid(kind) || ret->size < sizeof(*ret))
        return -EINVAL;
    r = lookup(kind, name, &info, &props);
    if (r < 0)
        return r;
    info.property_count = count_props(props);
    hand_over(ret, &info, sizeof(info), ret->size);
    return 0;
}

int vemu_class_get_property(int kind, const char *name, uint32_t index,
                            struct vemu_property_info *ret)
{
    struct vemu_property_info info = { 0 };
    struct vemu_class_info class_info;
    const struct vemu_prop *prop = NULL;
    struct vemu_prop_iter props;
    size_t offset;
    int r;

    if (!kind_valid(kind) || ret->size < sizeof(*ret))
        return -EINVAL;
    r = lookup(kind, name, &class_info, &props);
    if (r < 0)
        return r;
    if (index >= count_props(props))
        return -ENOENT;
    for (uint32_t i = 0; i <= index; i++)
        prop = vemu__prop_next(&props, &offset);
    info.name = prop->name;
    info.type = vemu__prop_type_name(prop->type);
    info.default_value = prop->def;
    info.summary = prop->summary;
    hand_over(ret, &info, sizeof(info), ret->size);
    return 0;
}
