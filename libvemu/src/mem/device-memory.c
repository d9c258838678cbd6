/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory devices: places in the machine's device memory.
 *
 * The board keeps a range of guest-physical addresses free for them (struct vemu_machine). The list
 * is sorted by address and belongs to the loop.
 */
#include "mem/device-memory.h"

#include <errno.h>
#include <inttypes.h>

#include "core/vm.h"

struct place {
    struct vemu_device *dev;
    uint64_t address, size;
    vemu_memory_describe_fn describe;
};

static GArray *places_of(struct vemu_vm *vm)
{
    if (!vm->memory_places)
        vm->memory_places = g_array_new(FALSE, FALSE, sizeof(struct place));
    return vm->memory_places;
}

static struct place *at(GArray *places, guint i)
{
    return &g_array_index(places, struct place, i);
}

/* Where the range goes into the list; places->len + 1: it overlaps. */
static guint find_gap(GArray *places, uint64_t address, uint64_t size)
{
    guint i = 0;

    while (i < places->len && at(places, i)->address + at(places, i)->size <= address)
        i++;
    return i < places->len && at(places, i)->address < address + size ? places->len + 1 : i;
}

static int choose(GArray *places, const struct vemu_machine *machine, uint64_t size, uint64_t align,
                  uint64_t *ret)
{
    const uint64_t end = machine->device_memory_base + machine->device_memory_size;
    uint64_t address = (machine->device_memory_base + align - 1) / align * align;

    for (guint i = 0; i < places->len; i++) {
        const struct place *other = at(places, i);

        if (other->address + other->size <= address)
            continue;
        if (address + size <= other->address)
            break;
        address = (other->address + other->size + align - 1) / align * align;
    }
    *ret = address;
    return address > end || size > end - address ? -ENOSPC : 0;
}

static int check_total(struct vemu_vm *vm, uint64_t size, struct vemu_error **err)
{
    GArray *places = places_of(vm);
    uint64_t total = vm->config.memory_bytes;

    for (guint i = 0; i < places->len; i++)
        total += at(places, i)->size;
    return total + size <= vm->config.max_memory_bytes
               ? 0
               : vemu__error_set(err, ENOSPC,
                                 "%" PRIu64 " MiB more would be more than maxmem=%" PRIu64
                                 "M: there are %" PRIu64 " MiB",
                                 size >> 20, vm->config.max_memory_bytes >> 20, total >> 20);
}

int vemu__device_memory_place(struct vemu_device *dev, uint64_t size, uint64_t align,
                              uint64_t wanted, vemu_memory_describe_fn describe,
                              uint64_t *ret_address, struct vemu_error **err)
{
    const struct vemu_machine *machine = dev->vm->machine;
    GArray *places = places_of(dev->vm);
    struct place place = { .dev = dev, .address = wanted, .size = size, .describe = describe };
    guint index;

    if (!machine->device_memory_size)
        return vemu__error_set(err, ENOTSUP,
                               "the machine has no room for memory devices: -m needs maxmem= above "
                               "the memory it has");
    if (check_total(dev->vm, size, err) < 0)
        return -ENOSPC;
    if (!wanted && choose(places, machine, size, align, &place.address) < 0)
        return vemu__error_set(err, ENOSPC, "no place of %" PRIu64 " MiB is free", size >> 20);
    if (place.address % align || place.address < machine->device_memory_base ||
        place.address - machine->device_memory_base > machine->device_memory_size ||
        size > machine->device_memory_size - (place.address - machine->device_memory_base))
        return vemu__error_set(err, EINVAL,
                               "address 0x%" PRIx64 " is not a multiple of 0x%" PRIx64
                               " with room from 0x%" PRIx64 " to 0x%" PRIx64,
                               place.address, align, machine->device_memory_base,
                               machine->device_memory_base + machine->device_memory_size);
    index = find_gap(places, place.address, size);
    if (index > places->len)
        return vemu__error_set(err, EBUSY, "address 0x%" PRIx64 " is taken", place.address);
    g_array_insert_val(places, index, place);
    *ret_address = place.address;
    return 0;
}

static const struct place *find(struct vemu_device *dev, guint *ret_index)
{
    GArray *places = places_of(dev->vm);

    for (guint i = 0; i < places->len; i++) {
        if (at(places, i)->dev != dev)
            continue;
        *ret_index = i;
        return at(places, i);
    }
    return NULL;
}

void vemu__device_memory_leave(struct vemu_device *dev)
{
    guint index;

    if (find(dev, &index))
        g_array_remove_index(places_of(dev->vm), index);
}

static void describe(const struct place *place, struct vemu_memory_info *ret)
{
    *ret = (struct vemu_memory_info){ .address = place->address, .max_size = place->size };
    place->describe(place->dev, ret);
}

void vemu__device_memory_for_each(struct vemu_vm *vm, vemu_memory_fn fn, void *data)
{
    GArray *places = places_of(vm);
    struct vemu_memory_info info;

    for (guint i = 0; i < places->len; i++) {
        describe(at(places, i), &info);
        fn(data, at(places, i)->dev, &info);
    }
}

static void add_size(void *data, struct vemu_device *dev, const struct vemu_memory_info *info)
{
    if (info->kind != VEMU_MEMORY_VIRTIO_PMEM)
        *(uint64_t *)data += info->size;
}

uint64_t vemu__device_memory_plugged(struct vemu_vm *vm)
{
    uint64_t size = 0;

    vemu__device_memory_for_each(vm, add_size, &size);
    return size;
}

int vemu__device_memory_check_leave(struct vemu_device *dev, struct vemu_error **err)
{
    struct vemu_memory_info info;
    guint index;
    const struct place *place = find(dev, &index);

    if (!place)
        return 0;
    describe(place, &info);
    return info.kind != VEMU_MEMORY_VIRTIO_MEM || (!info.size && !info.requested)
               ? 0
               : vemu__error_set(err, EBUSY,
                                 "device '%s' cannot be unplugged while its requested-size or the "
                                 "memory that the guest has of it is not 0",
                                 dev->id);
}
