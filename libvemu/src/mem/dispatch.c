/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accesses of vCPUs to ports and memory that is not RAM: to the device, in sizes it declared.
 *
 * An access is cut into pieces that lie in one region, are not larger than the region takes and are
 * aligned if it wants that; little endian, lowest address first. A piece smaller than the region
 * takes is read out of the enclosing aligned access, and dropped when written. What no region
 * covers reads as all ones and swallows writes, as an open bus does.
 */
#include "mem/memory.h"

#include <inttypes.h>
#include <string.h>

#include "core/vm.h"
#include "mem/space.h"

#define LOG_BURST 10

static uint64_t size_mask(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (1ull << (size * 8)) - 1;
}

/* The guest decides how often this happens. */
static void complain(struct vemu_memory *mem, enum vemu_space space, uint64_t address,
                     unsigned size, const char *what)
{
    int64_t second;
    unsigned count;

    if (!mem->vm->config.log)
        return;
    second = g_get_monotonic_time() / 1000000;
    if (atomic_exchange(&mem->log_second, second) != second)
        atomic_store(&mem->log_count, 0);
    count = atomic_fetch_add(&mem->log_count, 1);
    if (count < LOG_BURST)
        vemu_vm_log(mem->vm, VEMU_LOG_DEBUG, "guest: %s of %u bytes at %s 0x%" PRIx64, what, size,
                    space == VEMU_SPACE_IO ? "port" : "address", address);
    else if (count == LOG_BURST)
        vemu_vm_log(mem->vm, VEMU_LOG_DEBUG, "guest: more such accesses in this second");
}

/* How many of the `size` bytes at `offset` go to the region in one piece: a power of two. */
static unsigned piece_size(const struct vemu_region *region, uint64_t offset, unsigned size)
{
    unsigned piece = MIN(size, region->max_size);

    while (piece & (piece - 1))
        piece &= piece - 1; /* 3 -> 2, 5, 6, 7 -> 4 */
    if (!region->ops->unaligned)
        while (offset & (piece - 1))
            piece /= 2;
    /* A widened piece must not leave its enclosing access. */
    while (piece < region->min_size && (offset & (region->min_size - 1)) + piece > region->min_size)
        piece /= 2;
    return piece;
}

static uint64_t region_read(const struct vemu_region *region, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    unsigned done, piece;

    if (!region->ops->read)
        return size_mask(size);
    for (done = 0; done < size; done += piece) {
        uint64_t at = offset + done, part;

        piece = piece_size(region, at, size - done);
        if (piece < region->min_size) {
            part = region->ops->read(region->dev, at & ~(uint64_t)(region->min_size - 1),
                                     region->min_size);
            part >>= 8 * (at & (region->min_size - 1));
        } else {
            part = region->ops->read(region->dev, at, piece);
        }
        value |= (part & size_mask(piece)) << (8 * done);
    }
    return value;
}

static void region_write(const struct vemu_region *region, uint64_t offset, unsigned size,
                         uint64_t value)
{
    unsigned done, piece;

    if (!region->ops->write)
        return;
    for (done = 0; done < size; done += piece) {
        piece = piece_size(region, offset + done, size - done);
        if (piece >= region->min_size)
            region->ops->write(region->dev, offset + done, piece,
                               (value >> (8 * done)) & size_mask(piece));
    }
}

static uint64_t ram_read(const struct vemu_region *region, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, region->hva + offset, size);
    return value;
}

/* Ports wrap at 64 KiB, addresses at 2^64: the part behind the end lies nowhere. */
static unsigned size_in_space(enum vemu_space space, uint64_t address, unsigned size)
{
    uint64_t room = space == VEMU_SPACE_IO ? 0x10000 - address : 0 - address;

    return room && room < size ? (unsigned)room : size;
}

/* How many of `size` bytes at `address` belong to `region` (or the hole in front of the next). */
static unsigned span(const struct vemu_view *view, const struct vemu_region *region,
                     uint64_t address, unsigned size)
{
    const struct vemu_region *next;
    uint64_t room = size;

    if (region) {
        room = region->size - (address - region->address);
    } else {
        next = vemu__view_next(view, address);
        if (next)
            room = next->address - address;
    }
    return room < size ? (unsigned)room : size;
}

uint64_t vemu__memory_read(struct vemu_memory *mem, enum vemu_space space, uint64_t address,
                           unsigned size)
{
    atomic_uint *section = vemu__srcu_enter(&mem->srcu);
    const struct vemu_view *view = atomic_load(&mem->views[space]);
    uint64_t value = size_mask(size), part;
    unsigned done, n, total = size_in_space(space, address, size);

    for (done = 0; done < total; done += n) {
        const struct vemu_region *region = vemu__view_find(view, address + done);

        n = span(view, region, address + done, total - done);
        if (!region) {
            complain(mem, space, address + done, n, "unmapped read");
            continue;
        }
        if (!region->ops) { /* memory, of the machine or of a device */
            part = ram_read(region, address + done - region->address, n);
        } else {
            pthread_mutex_lock(&region->dev->lock);
            region->dev->reads++;
            part = region_read(region, address + done - region->address, n);
            pthread_mutex_unlock(&region->dev->lock);
        }
        value &= ~(size_mask(n) << (8 * done));
        value |= part << (8 * done);
    }
    vemu__srcu_leave(section);
    return value;
}

void vemu__memory_write(struct vemu_memory *mem, enum vemu_space space, uint64_t address,
                        unsigned size, uint64_t value)
{
    atomic_uint *section = vemu__srcu_enter(&mem->srcu);
    const struct vemu_view *view = atomic_load(&mem->views[space]);
    unsigned done, n, total = size_in_space(space, address, size);

    for (done = 0; done < total; done += n) {
        const struct vemu_region *region = vemu__view_find(view, address + done);
        uint64_t part;

        n = span(view, region, address + done, total - done);
        part = (value >> (8 * done)) & size_mask(n);
        if (!region) {
            complain(mem, space, address + done, n, "unmapped write");
        } else if (region->ops) {
            pthread_mutex_lock(&region->dev->lock);
            region->dev->writes++;
            region_write(region, address + done - region->address, n, part);
            pthread_mutex_unlock(&region->dev->lock);
        } else if (region->flags & VEMU_RAM_READONLY) {
            complain(mem, space, address + done, n, "write to ROM");
        } else {
            vemu_dma_write(mem->vm, address + done, &part, n);
        }
    }
    vemu__srcu_leave(section);
}
