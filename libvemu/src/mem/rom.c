/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ROM of a device: memory to the guest's reads, registers to its writes (flash).
 *
 * The region is always in the view, so that the device gets what is written. Whether the
 * accelerator has a slot for it decides where reads go: into memory, or to the device. The device
 * answers reads in either case, since one may be under way while the slot comes or goes.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "core/vm.h"
#include "mem/space.h"

#define PAGE_SIZE 4096u

int vemu__memory_map_rom(struct vemu_memory *mem, struct vemu_device *dev, uint64_t gpa,
                         uint64_t size, const struct vemu_region_ops *ops, const char *name,
                         struct vemu_region **ret, void **ret_hva, struct vemu_error **err)
{
    struct vemu_region *region;
    void *hva;
    int r;

    if (size == 0 || (gpa | size) % PAGE_SIZE || gpa >= VEMU_GPA_MAX || size > VEMU_GPA_MAX - gpa)
        return vemu__error_set(err, EINVAL,
                               "%s: bad memory range at 0x%" PRIx64 " (size 0x%" PRIx64 ")", name,
                               gpa, size);
    hva = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
               0);
    if (hva == MAP_FAILED)
        return vemu__error_set(err, ENOMEM, "%s: cannot map %" PRIu64 " KiB of memory", name,
                               size >> 10);
    region = g_new0(struct vemu_region, 1);
    region->address = gpa;
    region->size = size;
    region->name = g_strdup(name);
    region->dev = dev;
    region->ops = ops;
    region->min_size = ops->min_size ? ops->min_size : 1;
    region->max_size = ops->max_size ? ops->max_size : 8;
    region->flags = VEMU_RAM_READONLY;
    region->hva = hva;
    pthread_mutex_lock(&mem->lock);
    region->slot = vemu__memory_free_slot_locked(mem);
    r = vemu__region_insert_locked(mem, VEMU_SPACE_MEMORY, region, err);
    pthread_mutex_unlock(&mem->lock);
    if (r < 0) {
        vemu__region_free(region);
        return r;
    }
    *ret = region;
    *ret_hva = hva;
    return 0;
}

int vemu__memory_show_rom(struct vemu_memory *mem, struct vemu_region *region, bool shown)
{
    const struct vemu_accel_slot slot = {
        .slot = region->slot,
        .flags = VEMU_SLOT_READONLY,
        .gpa = region->address,
        .size = shown ? region->size : 0,
        .hva = region->hva,
    };
    struct vemu_vm *vm = mem->vm;
    int r = 0;

    pthread_mutex_lock(&mem->lock);
    if (region->shown != shown)
        r = vm->accel->mem_slot(vm->accel_vm, &slot);
    if (r >= 0)
        region->shown = shown;
    pthread_mutex_unlock(&mem->lock);
    return r;
}
