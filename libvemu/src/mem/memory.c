/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RAM blocks, and copies between guest memory and the host.
 *
 * RAM is mmap'd without reserve and (unless the configuration wants that) never touched here: a
 * page costs memory once the guest, the loader or a device writes it. RAM of memory objects belongs
 * to them (mem/memdev.c).
 */
#include "mem/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "core/vm.h"
#include "mem/memdev.h"
#include "mem/space.h"

#define PAGE_SIZE 4096u
#define HUGE_SIZE (2ull << 20)

int vemu__memory_new(struct vemu_vm *vm, struct vemu_memory **ret)
{
    struct vemu_memory *mem = NULL;
    int i;

    if (posix_memalign((void **)&mem, _Alignof(struct vemu_memory), sizeof(*mem)))
        return -ENOMEM;
    memset(mem, 0, sizeof(*mem));
    mem->vm = vm;
    vemu__srcu_init(&mem->srcu);
    mem->blocks = g_ptr_array_new();
    pthread_mutex_init(&mem->lock, NULL);
    for (i = 0; i < VEMU_SPACES; i++) {
        atomic_init(&mem->views[i], vemu__view_new());
        mem->hidden[i] = g_ptr_array_new();
    }
    *ret = mem;
    return 0;
}

void vemu__memory_free(struct vemu_memory *mem)
{
    size_t i, j;

    if (!mem)
        return;
    for (i = 0; i < VEMU_SPACES; i++) {
        struct vemu_view *view = atomic_load(&mem->views[i]);

        for (j = 0; j < view->count; j++)
            vemu__region_free(view->regions[j]);
        vemu__view_free(view);
        for (j = 0; j < mem->hidden[i]->len; j++)
            vemu__region_free(mem->hidden[i]->pdata[j]);
        g_ptr_array_free(mem->hidden[i], TRUE);
    }
    vemu__retired_free(mem->retired);
    for (i = 0; i < mem->blocks->len; i++) {
        struct vemu_memory_block *block = mem->blocks->pdata[i];

        munmap(block->hva, block->size);
        g_free(block);
    }
    g_ptr_array_free(mem->blocks, TRUE);
    vemu__ranges_free(mem->ranges);
    pthread_mutex_destroy(&mem->lock);
    vemu__srcu_fini(&mem->srcu);
    free(mem);
}

/* --- RAM -------------------------------------------------------------------------------------- */

/* Zero pages at an address that is congruent to gpa modulo 2 MiB, so that the kernel may back both
 * with huge pages. */
static void *ram_map(uint64_t gpa, uint64_t size)
{
    uint64_t slack = size >= HUGE_SIZE ? HUGE_SIZE : 0;
    uint8_t *base, *start;
    size_t before, after;

    base = mmap(NULL, size + slack, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    if (!slack)
        return base;
    before = (gpa - (uintptr_t)base) & (HUGE_SIZE - 1);
    start = base + before;
    after = slack - before;
    if (before)
        munmap(base, before);
    if (after)
        munmap(start + size, after);
    return start;
}

uint32_t vemu__memory_free_slot_locked(const struct vemu_memory *mem)
{
    const struct vemu_view *view = atomic_load(&mem->views[VEMU_SPACE_MEMORY]);
    uint32_t slot = 0;
    size_t i = 0;

    while (i < view->count) {
        const struct vemu_region *region = view->regions[i++];

        if (region->hva && region->slot == slot) {
            slot++;
            i = 0;
        }
        for (guint n = 0; i == view->count && n < mem->blocks->len; n++) {
            const struct vemu_memory_block *block = mem->blocks->pdata[n];

            if (block->slot == slot) {
                slot++;
                i = 0;
            }
        }
    }
    return slot;
}

/* Puts the region into the view and gives it to the accelerator; takes it over. */
static int insert(struct vemu_memory *mem, struct vemu_region *region, struct vemu_error **err)
{
    struct vemu_vm *vm = mem->vm;
    struct vemu_accel_slot slot;
    bool late = false;
    int r;

    pthread_mutex_lock(&mem->lock);
    region->slot = vemu__memory_free_slot_locked(mem);
    slot = (struct vemu_accel_slot){
        .slot = region->slot,
        .flags = region->flags & VEMU_RAM_READONLY ? VEMU_SLOT_READONLY : 0,
        .gpa = region->address,
        .size = region->size,
        .hva = region->hva,
    };
    r = vemu__region_insert_locked(mem, VEMU_SPACE_MEMORY, region, err);
    if (r < 0) {
        vemu__region_free(region);
    } else {
        r = vm->accel->mem_slot(vm->accel_vm, &slot);
        late = r < 0;
        VEMU_TRACE(vm, MEMORY_SLOT, region->name, slot.slot, slot.gpa, slot.size, (uint64_t)r);
    }
    pthread_mutex_unlock(&mem->lock);
    if (late) {
        vemu__error_set(err, -r, "%s: accelerator %s refuses the memory: %s", region->name,
                        vm->accel->name, strerror(-r));
        vemu__memory_remove_ram(mem, region);
    }
    return r;
}

static struct vemu_region *ram_new(uint64_t gpa, uint64_t size, uint32_t flags, const char *name,
                                   struct vemu_error **err)
{
    struct vemu_region *region;

    if (size == 0 || (gpa | size) % PAGE_SIZE || gpa >= VEMU_GPA_MAX || size > VEMU_GPA_MAX - gpa) {
        vemu__error_set(err, EINVAL, "%s: bad memory range at 0x%" PRIx64 " (size 0x%" PRIx64 ")",
                        name, gpa, size);
        return NULL;
    }
    region = g_new0(struct vemu_region, 1);
    region->address = gpa;
    region->size = size;
    region->flags = flags;
    region->name = g_strdup(name);
    return region;
}

int vemu__memory_add_ram(struct vemu_memory *mem, uint64_t gpa, uint64_t size, uint32_t flags,
                         const char *name, void **ret_hva, struct vemu_error **err)
{
    struct vemu_region *region = ram_new(gpa, size, flags, name, err);
    void *hva;
    int r;

    if (!region)
        return -EINVAL;
    region->hva = hva = ram_map(gpa, size);
    if (!hva) {
        r = vemu__error_set(err, ENOMEM, "%s: cannot map %" PRIu64 " MiB of guest memory", name,
                            size >> 20);
        vemu__region_free(region);
        return r;
    }
    r = vemu__memory_settle(mem->vm, hva, size, err);
    if (r < 0) {
        vemu__region_free(region);
        return r;
    }
    r = insert(mem, region, err);
    if (r >= 0 && ret_hva)
        *ret_hva = hva;
    return r;
}

int vemu__memory_add_ram_at(struct vemu_memory *mem, uint64_t gpa, uint64_t size, uint32_t flags,
                            const char *name, void *hva, struct vemu_region **ret,
                            struct vemu_error **err)
{
    struct vemu_region *region = ram_new(gpa, size, flags, name, err);
    int r;

    if (!region)
        return -EINVAL;
    region->hva = hva;
    region->borrowed = true;
    r = insert(mem, region, err);
    if (r >= 0 && ret)
        *ret = region;
    return r;
}

/* The pages' contents are lost. -errno. */
static int drop_pages(const struct vemu_region *region, uint8_t *hva, size_t size)
{
    if (region->flags & VEMU_RAM_KEPT)
        return -ENOTSUP;
    return madvise(hva, size, region->flags & VEMU_RAM_SHARED ? MADV_REMOVE : MADV_DONTNEED) < 0
               ? -errno
               : 0;
}

uint64_t vemu__memory_discard(struct vemu_memory *mem, uint64_t gpa, uint64_t size)
{
    atomic_uint *section = vemu__srcu_enter(&mem->srcu);
    const struct vemu_view *view = atomic_load(&mem->views[VEMU_SPACE_MEMORY]);
    uint64_t done = 0, n;

    for (; size; gpa += n, size -= n) {
        const struct vemu_region *region = vemu__view_find(view, gpa);

        if (!region || !region->hva || region->flags & VEMU_RAM_READONLY)
            break; /* not RAM: nothing to give */
        n = MIN(size, region->size - (gpa - region->address));
        if ((gpa | n) % PAGE_SIZE == 0 &&
            drop_pages(region, region->hva + (gpa - region->address), n) == 0) {
            done += n;
            vemu__memory_written(mem, gpa, n);
        }
    }
    vemu__srcu_leave(section);
    return done;
}

int vemu__memory_add_block(struct vemu_memory *mem, uint64_t size, const char *name,
                           struct vemu_memory_block **ret, struct vemu_error **err)
{
    struct vemu_memory_block *block;
    void *hva;

    g_assert(size && size % PAGE_SIZE == 0);
    hva = ram_map(0, size);
    if (!hva)
        return vemu__error_set(err, ENOMEM, "%s: cannot map %" PRIu64 " KiB of memory", name,
                               size >> 10);
    block = g_new0(struct vemu_memory_block, 1);
    block->hva = hva;
    block->size = size;
    pthread_mutex_lock(&mem->lock);
    block->slot = vemu__memory_free_slot_locked(mem);
    g_ptr_array_add(mem->blocks, block);
    pthread_mutex_unlock(&mem->lock);
    *ret = block;
    return 0;
}

void vemu__memory_for_each_ram(struct vemu_memory *mem, vemu_ram_fn fn, void *data)
{
    atomic_uint *section = vemu__srcu_enter(&mem->srcu);
    struct vemu_view *view = atomic_load(&mem->views[VEMU_SPACE_MEMORY]);
    size_t i;

    for (i = 0; i < view->count; i++) {
        struct vemu_region *region = view->regions[i];

        if (region->hva && !region->floating)
            fn(data, region->address, region->size, region->flags & VEMU_RAM_READONLY);
    }
    vemu__srcu_leave(section);
}

void vemu__memory_for_each_region(struct vemu_memory *mem, enum vemu_space space, vemu_region_fn fn,
                                  void *data)
{
    atomic_uint *section = vemu__srcu_enter(&mem->srcu);
    struct vemu_view *view = atomic_load(&mem->views[space]);

    for (size_t i = 0; i < view->count; i++) {
        const struct vemu_region *region = view->regions[i];

        fn(data, space, region->address, region->size, region->name, region->hva != NULL,
           region->flags & VEMU_RAM_READONLY);
    }
    vemu__srcu_leave(section);
}

/* --- copies ----------------------------------------------------------------------------------- */

enum copy { COPY_READ, COPY_WRITE, COPY_LOAD, COPY_ZERO };

static bool all_zero(const uint8_t *buf, size_t size)
{
    return size == 0 || (buf[0] == 0 && memcmp(buf, buf + 1, size - 1) == 0);
}

/* Stores into RAM that may never have been touched: a page of zeros over zeros stays untouched. */
static void store_sparse(const struct vemu_region *region, uint8_t *hva, const uint8_t *buf,
                         size_t size)
{
    while (size) {
        size_t n = MIN(size, PAGE_SIZE - ((uintptr_t)hva & (PAGE_SIZE - 1)));

        if (!all_zero(buf, n))
            memcpy(hva, buf, n);
        else if (n < PAGE_SIZE || drop_pages(region, hva, n) < 0)
            memset(hva, 0, n);
        hva += n;
        buf += n;
        size -= n;
    }
}

static void store_zero(const struct vemu_region *region, uint8_t *hva, size_t size)
{
    uint8_t *first = (uint8_t *)(((uintptr_t)hva + PAGE_SIZE - 1) & ~(uintptr_t)(PAGE_SIZE - 1));
    uint8_t *end = hva + size;
    uint8_t *last = (uint8_t *)((uintptr_t)end & ~(uintptr_t)(PAGE_SIZE - 1));

    if (first >= last || drop_pages(region, first, (size_t)(last - first)) < 0) {
        memset(hva, 0, size);
        return;
    }
    memset(hva, 0, (size_t)(first - hva));
    memset(last, 0, (size_t)(end - last));
}

static bool copy_allowed(const struct vemu_region *region, enum copy copy)
{
    return region && region->hva && (copy != COPY_WRITE || !(region->flags & VEMU_RAM_READONLY));
}

/* Touches nothing unless the whole range is what it should be. */
static int copy_ram(struct vemu_memory *mem, uint64_t gpa, void *buf, uint64_t size, enum copy copy)
{
    struct vemu_vm *vm = mem->vm;
    atomic_uint *section;
    struct vemu_region *region;
    struct vemu_view *view;
    uint64_t at, n;
    int r = 0;

    if (size == 0)
        return 0;
    if (gpa + size < gpa)
        return -EFAULT;
    section = vemu__srcu_enter(&mem->srcu);
    view = atomic_load(&mem->views[VEMU_SPACE_MEMORY]);
    for (at = gpa; at < gpa + size; at = region->address + region->size) {
        region = vemu__view_find(view, at);
        if (!copy_allowed(region, copy)) {
            r = -EFAULT;
            goto out;
        }
    }
    for (at = gpa; at < gpa + size; at += n) {
        uint8_t *hva, *at_buf = buf ? (uint8_t *)buf + (at - gpa) : NULL; /* COPY_ZERO has none */

        region = vemu__view_find(view, at);
        n = MIN(gpa + size - at, region->size - (at - region->address));
        hva = region->hva + (at - region->address);
        switch (copy) {
        case COPY_READ: memcpy(at_buf, hva, n); break;
        case COPY_WRITE: memcpy(hva, at_buf, n); break;
        case COPY_LOAD: store_sparse(region, hva, at_buf, n); break;
        case COPY_ZERO: store_zero(region, hva, n); break;
        }
    }
    if (copy != COPY_READ && vm->accel->ram_written)
        vm->accel->ram_written(vm->accel_vm, gpa, size);
out:
    vemu__srcu_leave(section);
    return r;
}

int vemu_dma_read(struct vemu_vm *vm, uint64_t gpa, void *buf, size_t size)
{
    return copy_ram(vm->memory, gpa, buf, size, COPY_READ);
}

int vemu_dma_write(struct vemu_vm *vm, uint64_t gpa, const void *buf, size_t size)
{
    return copy_ram(vm->memory, gpa, (void *)buf, size, COPY_WRITE);
}

int vemu__memory_write_rom(struct vemu_memory *mem, uint64_t gpa, const void *buf, size_t size)
{
    return copy_ram(mem, gpa, (void *)buf, size, COPY_LOAD);
}

int vemu__memory_zero(struct vemu_memory *mem, uint64_t gpa, uint64_t size)
{
    return copy_ram(mem, gpa, NULL, size, COPY_ZERO);
}

void *vemu__memory_span(struct vemu_memory *mem, uint64_t gpa, uint64_t size, bool write,
                        uint64_t *ret_size)
{
    atomic_uint *section = vemu__srcu_enter(&mem->srcu);
    struct vemu_region *region = vemu__view_find(atomic_load(&mem->views[VEMU_SPACE_MEMORY]), gpa);
    void *ptr = NULL;

    *ret_size = 0;
    if (copy_allowed(region, write ? COPY_WRITE : COPY_READ)) {
        ptr = region->hva + (gpa - region->address);
        *ret_size = MIN(size, region->size - (gpa - region->address));
    }
    vemu__srcu_leave(section);
    return ptr;
}

void *vemu__memory_ptr(struct vemu_memory *mem, uint64_t gpa, uint64_t size, bool write)
{
    uint64_t room;
    void *ptr = vemu__memory_span(mem, gpa, size, write, &room);

    return room == size ? ptr : NULL;
}

void vemu__memory_written(struct vemu_memory *mem, uint64_t gpa, uint64_t size)
{
    struct vemu_vm *vm = mem->vm;

    if (vm->accel->ram_written)
        vm->accel->ram_written(vm->accel_vm, gpa, size);
}
