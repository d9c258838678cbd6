/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device regions: mapped, hidden, unmapped.
 *
 * Changing a space makes a new view and swaps the pointer; the old view is retired and freed on the
 * loop thread once no reader can hold it. It is not waited for at once, because the one who changes
 * the space may hold a device's lock that a reader waits for. Only removing a device waits
 * (vemu__memory_remove_device), and holds no lock.
 *
 * Two kinds share a space. Fixed regions (RAM, the board's registers) must not overlap each other.
 * Floating ones are put where the guest says, wherever that is: they give way to fixed ones and to
 * floating ones that came before, as a whole, and wait in `hidden` until there is room. So a view
 * never has overlaps and a look-up needs no priorities.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "core/vm.h"
#include "mem/space.h"

#define IO_SPACE_SIZE 0x10000u

struct vemu_retired {
    struct vemu_retired *next;
    struct vemu_view *view;
    struct vemu_region *region; /* NULL: only the view */
};

void vemu__region_free(struct vemu_region *region)
{
    if (region->hva && !region->borrowed)
        munmap(region->hva, region->size);
    g_free(region->name);
    g_free(region);
}

void vemu__retired_free(struct vemu_retired *retired)
{
    while (retired) {
        struct vemu_retired *next = retired->next;

        vemu__view_free(retired->view);
        if (retired->region)
            vemu__region_free(retired->region);
        g_free(retired);
        retired = next;
    }
}

static void reclaim(void *data)
{
    struct vemu_memory *mem = data;
    struct vemu_retired *retired;

    pthread_mutex_lock(&mem->lock);
    retired = mem->retired;
    mem->retired = NULL;
    mem->reclaim_posted = false;
    pthread_mutex_unlock(&mem->lock);
    vemu__srcu_synchronize(&mem->srcu);
    vemu__retired_free(retired);
}

/* Both (either may be NULL) are freed when no reader can hold them any more. */
static void retire_locked(struct vemu_memory *mem, struct vemu_view *view,
                          struct vemu_region *region)
{
    struct vemu_retired *retired = g_new(struct vemu_retired, 1);

    retired->view = view;
    retired->region = region;
    retired->next = mem->retired;
    mem->retired = retired;
    if (!mem->reclaim_posted) {
        mem->reclaim_posted = true;
        vemu__loop_post(mem->vm->loop, reclaim, mem, NULL);
    }
}

static void publish_locked(struct vemu_memory *mem, enum vemu_space space, struct vemu_view *view)
{
    retire_locked(mem, atomic_exchange(&mem->views[space], view), NULL);
}

/* --- inserting -------------------------------------------------------------------------------- */

/* RAM that floats is in the accelerator's map while it is in the view. */
static void slot_on_locked(struct vemu_memory *mem, struct vemu_region *region)
{
    const struct vemu_accel_slot slot = {
        .slot = region->slot,
        .gpa = region->address,
        .size = region->size,
        .hva = region->hva,
    };
    int r;

    if (!region->floating || !region->hva)
        return;
    r = mem->vm->accel->mem_slot(mem->vm->accel_vm, &slot);
    VEMU_TRACE(mem->vm, MEMORY_SLOT, region->name, slot.slot, slot.gpa, slot.size, (uint64_t)r);
    region->has_slot = r >= 0;
}

static void slot_off_locked(struct vemu_memory *mem, struct vemu_region *region)
{
    const struct vemu_accel_slot slot = { .slot = region->slot, .gpa = region->address };
    int r;

    if (!region->has_slot)
        return;
    r = mem->vm->accel->mem_slot(mem->vm->accel_vm, &slot);
    VEMU_TRACE(mem->vm, MEMORY_SLOT, region->name, slot.slot, slot.gpa, 0, (uint64_t)r);
    region->has_slot = false;
}

static bool try_insert_locked(struct vemu_memory *mem, enum vemu_space space,
                              struct vemu_region *region, struct vemu_region **ret_other)
{
    struct vemu_view *view = vemu__view_insert(atomic_load(&mem->views[space]), region, ret_other);

    if (view) {
        VEMU_TRACE(mem->vm, MEMORY_MAP, region->name, space, region->address, region->size);
        publish_locked(mem, space, view);
        slot_on_locked(mem, region);
    }
    return view != NULL;
}

/* Something went: those that waited for the room get it, in the order they came. */
static void show_hidden_locked(struct vemu_memory *mem, enum vemu_space space)
{
    GPtrArray *hidden = mem->hidden[space];
    struct vemu_region *other;
    guint i = 0;

    while (i < hidden->len) {
        if (try_insert_locked(mem, space, hidden->pdata[i], &other))
            g_ptr_array_remove_index(hidden, i);
        else
            i++;
    }
}

static void hide_locked(struct vemu_memory *mem, enum vemu_space space, struct vemu_region *region)
{
    slot_off_locked(mem, region);
    publish_locked(mem, space,
                   vemu__view_remove_region(atomic_load(&mem->views[space]), region));
    g_ptr_array_insert(mem->hidden[space], 0, region); /* it was there before those that wait */
}

int vemu__region_insert_locked(struct vemu_memory *mem, enum vemu_space space,
                               struct vemu_region *region, struct vemu_error **err)
{
    struct vemu_region *other = NULL;

    while (!try_insert_locked(mem, space, region, &other)) {
        if (!other->floating)
            return vemu__error_set(
                err, EEXIST, "%s at 0x%" PRIx64 " (size 0x%" PRIx64 ") overlaps %s at 0x%" PRIx64,
                region->name, region->address, region->size, other->name, other->address);
        hide_locked(mem, space, other);
    }
    return 0;
}

/* NULL when the range is not inside the space. */
static struct vemu_region *region_new(struct vemu_device *dev, enum vemu_space space,
                                      uint64_t address, uint64_t size,
                                      const struct vemu_region_ops *ops, const char *name)
{
    uint64_t limit = space == VEMU_SPACE_IO ? IO_SPACE_SIZE : VEMU_GPA_MAX;
    struct vemu_region *region;

    if (size == 0 || address >= limit || size > limit - address)
        return NULL;
    region = g_new0(struct vemu_region, 1);
    region->address = address;
    region->size = size;
    region->name = g_strdup(name);
    region->space = space;
    region->dev = dev;
    region->ops = ops;
    region->min_size = ops && ops->min_size ? ops->min_size : 1;
    region->max_size = ops && ops->max_size ? ops->max_size : 8;
    return region;
}

int vemu__memory_map(struct vemu_memory *mem, struct vemu_device *dev, enum vemu_space space,
                     uint64_t address, uint64_t size, const struct vemu_region_ops *ops,
                     const char *name, struct vemu_error **err)
{
    struct vemu_region *region = region_new(dev, space, address, size, ops, name);
    int r;

    if (!region)
        return vemu__error_set(err, EINVAL,
                               "%s at 0x%" PRIx64 " (size 0x%" PRIx64 ") lies outside the %s space",
                               name, address, size, space == VEMU_SPACE_IO ? "port" : "memory");
    pthread_mutex_lock(&mem->lock);
    r = vemu__region_insert_locked(mem, space, region, err);
    pthread_mutex_unlock(&mem->lock);
    if (r < 0)
        vemu__region_free(region);
    return r;
}

int vemu_device_map(struct vemu_device *dev, enum vemu_space space, uint64_t address, uint64_t size,
                    const struct vemu_region_ops *ops, const char *region_name,
                    struct vemu_error **err)
{
    return vemu__memory_map(dev->vm->memory, dev, space, address, size, ops, region_name, err);
}

static void float_region(struct vemu_memory *mem, struct vemu_region *region)
{
    struct vemu_region *other;

    region->floating = true;
    pthread_mutex_lock(&mem->lock);
    if (!try_insert_locked(mem, region->space, region, &other))
        g_ptr_array_add(mem->hidden[region->space], region);
    pthread_mutex_unlock(&mem->lock);
}

int vemu__memory_map_floating(struct vemu_memory *mem, struct vemu_device *dev,
                              enum vemu_space space, uint64_t address, uint64_t size,
                              const struct vemu_region_ops *ops, const char *name,
                              struct vemu_region **ret)
{
    struct vemu_region *region = region_new(dev, space, address, size, ops, name);

    if (!region)
        return -EINVAL;
    float_region(mem, region);
    *ret = region;
    return 0;
}

int vemu__memory_map_block(struct vemu_memory *mem, struct vemu_device *dev, uint64_t address,
                           const struct vemu_memory_block *block, const char *name,
                           struct vemu_region **ret)
{
    struct vemu_region *region =
        region_new(dev, VEMU_SPACE_MEMORY, address, block->size, NULL, name);

    if (!region)
        return -EINVAL;
    region->hva = block->hva;
    region->slot = block->slot;
    region->borrowed = true;
    float_region(mem, region);
    *ret = region;
    return 0;
}

int vemu_device_map_floating(struct vemu_device *dev, enum vemu_space space, uint64_t address,
                             uint64_t size, const struct vemu_region_ops *ops,
                             const char *region_name, struct vemu_region **ret)
{
    return vemu__memory_map_floating(dev->vm->memory, dev, space, address, size, ops, region_name,
                                     ret);
}

/* --- removing --------------------------------------------------------------------------------- */

void vemu__memory_remove_ram(struct vemu_memory *mem, struct vemu_region *region)
{
    struct vemu_vm *vm = mem->vm;
    struct vemu_accel_slot gone = { 0 };
    struct vemu_view *view;

    if (!region)
        return;
    pthread_mutex_lock(&mem->lock);
    gone.slot = region->slot;
    /* The vCPUs' way there first: what they would find else is somebody else's soon. */
    if (vm->accel_vm)
        vm->accel->mem_slot(vm->accel_vm, &gone);
    view = vemu__view_remove_region(atomic_load(&mem->views[VEMU_SPACE_MEMORY]), region);
    if (view) {
        publish_locked(mem, VEMU_SPACE_MEMORY, view);
        show_hidden_locked(mem, VEMU_SPACE_MEMORY);
    }
    retire_locked(mem, NULL, region);
    pthread_mutex_unlock(&mem->lock);
}

void vemu__memory_unmap(struct vemu_memory *mem, struct vemu_region *region)
{
    enum vemu_space space = region->space;
    struct vemu_view *view;

    pthread_mutex_lock(&mem->lock);
    slot_off_locked(mem, region);
    view = vemu__view_remove_region(atomic_load(&mem->views[space]), region);
    if (view) {
        VEMU_TRACE(mem->vm, MEMORY_UNMAP, region->name, space, region->address, region->size);
        publish_locked(mem, space, view);
        show_hidden_locked(mem, space);
    } else {
        g_ptr_array_remove(mem->hidden[space], region);
    }
    retire_locked(mem, NULL, region);
    pthread_mutex_unlock(&mem->lock);
}

void vemu_device_unmap(struct vemu_device *dev, struct vemu_region *region)
{
    if (region)
        vemu__memory_unmap(dev->vm->memory, region);
}

void vemu__memory_remove_device(struct vemu_memory *mem, struct vemu_device *dev)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new();
    guint i, j;

    pthread_mutex_lock(&mem->lock);
    for (i = 0; i < VEMU_SPACES; i++) {
        GPtrArray *hidden = mem->hidden[i];
        struct vemu_view *view = vemu__view_remove(atomic_load(&mem->views[i]), dev, gone);

        for (j = 0; j < gone->len; j++)
            slot_off_locked(mem, gone->pdata[j]);
        for (j = hidden->len; j-- > 0;) {
            struct vemu_region *region = hidden->pdata[j];

            if (region->dev == dev) {
                g_ptr_array_remove_index(hidden, j);
                g_ptr_array_add(gone, region);
            }
        }
        if (view) {
            publish_locked(mem, (enum vemu_space)i, view);
            show_hidden_locked(mem, (enum vemu_space)i);
        }
    }
    pthread_mutex_unlock(&mem->lock);
    /* Also when nothing was mapped: an access may hold a region that was unmapped before, or have
     * found the device by another way (a PCI bus). */
    reclaim(mem);
    for (i = 0; i < gone->len; i++)
        vemu__region_free(gone->pdata[i]);
}
