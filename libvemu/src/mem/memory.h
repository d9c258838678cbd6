/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest-physical memory and port space: RAM blocks, device regions, dispatch.
 *
 * Each space is an immutable, sorted view that is swapped atomically; dispatch takes no lock and
 * holds a read-side section, so that a region can go while another thread is in the middle of an
 * access.
 */
#ifndef VEMU_MEM_MEMORY_H
#define VEMU_MEM_MEMORY_H

#include "core/device.h"

struct vemu_memory;
struct vemu_region;
struct vemu_accel_ops;
struct vemu_accel_vm;

int vemu__memory_new(struct vemu_vm *vm, struct vemu_memory **ret);
void vemu__memory_free(struct vemu_memory *mem);
struct vemu_memory *vemu__vm_memory(struct vemu_vm *vm);

/* Adds `size` bytes of zeroed RAM (or ROM) at gpa: mmap'd, not yet touched, given to the
 * accelerator as a slot. *ret_hva is valid as long as the VM. */
#define VEMU_RAM_READONLY (1u << 0)
#define VEMU_RAM_SHARED   (1u << 1) /* a shared mapping: pages are dropped by punching holes */
#define VEMU_RAM_KEPT     (1u << 2) /* pages that are dropped come back with contents */
int vemu__memory_add_ram(struct vemu_memory *mem, uint64_t gpa, uint64_t size, uint32_t flags,
                         const char *name, void **ret_hva, struct vemu_error **err);
/*
 * The same with memory of somebody else's (mem/memdev.h), who keeps it until the VM is freed or the
 * region is removed. *ret (may be NULL) is for vemu__memory_remove_ram(). -ENOSPC: no slot is left.
 * Context: any.
 */
int vemu__memory_add_ram_at(struct vemu_memory *mem, uint64_t gpa, uint64_t size, uint32_t flags,
                            const char *name, void *hva, struct vemu_region **ret,
                            struct vemu_error **err);
/* RAM goes while the machine runs. Pointers into it stay valid if they came from mem/range.h.
 * NULL is fine. Context: any. */
void vemu__memory_remove_ram(struct vemu_memory *mem, struct vemu_region *region);
/* Contents of [gpa, gpa + size) are lost, as far as it is RAM that can lose them and whole pages.
 * Returns how many bytes went back to the host. */
uint64_t vemu__memory_discard(struct vemu_memory *mem, uint64_t gpa, uint64_t size);
/* Loader access: RAM and ROM alike. -EFAULT when [gpa, gpa + size) is not all RAM/ROM. */
int vemu__memory_write_rom(struct vemu_memory *mem, uint64_t gpa, const void *buf, size_t size);
/* Makes [gpa, gpa + size) zero, RAM and ROM, without touching whole pages. -EFAULT as above. */
int vemu__memory_zero(struct vemu_memory *mem, uint64_t gpa, uint64_t size);
/* Host pointer to [gpa, gpa + size) inside one RAM block, or NULL. */
void *vemu__memory_ptr(struct vemu_memory *mem, uint64_t gpa, uint64_t size, bool write);
/* Host pointer to the RAM at gpa, and how many of the `size` bytes from there on lie in the same
 * block; NULL when there is none. */
void *vemu__memory_span(struct vemu_memory *mem, uint64_t gpa, uint64_t size, bool write,
                        uint64_t *ret_size);
/* A device wrote [gpa, gpa + size) through such a pointer: translated code there must go. */
void vemu__memory_written(struct vemu_memory *mem, uint64_t gpa, uint64_t size);

/* What vemu_device_map() does; -EEXIST on overlap. */
int vemu__memory_map(struct vemu_memory *mem, struct vemu_device *dev, enum vemu_space space,
                     uint64_t address, uint64_t size, const struct vemu_region_ops *ops,
                     const char *name, struct vemu_error **err);
/* What vemu_device_map_floating() and vemu_device_unmap() do. */
int vemu__memory_map_floating(struct vemu_memory *mem, struct vemu_device *dev,
                              enum vemu_space space, uint64_t address, uint64_t size,
                              const struct vemu_region_ops *ops, const char *name,
                              struct vemu_region **ret);
void vemu__memory_unmap(struct vemu_memory *mem, struct vemu_region *region);
/* Zeroed host memory of a device that the guest is to see (a frame buffer in a BAR): valid as long
 * as the VM, like RAM, since other devices may be at work on it. `size` is a multiple of a page.
 * Context: realize. */
struct vemu_memory_block {
    uint8_t *hva;
    uint64_t size;
    uint32_t slot; /* of the accelerator, while it is mapped */
};
int vemu__memory_add_block(struct vemu_memory *mem, uint64_t size, const char *name,
                           struct vemu_memory_block **ret, struct vemu_error **err);
/* Like vemu__memory_map_floating(), but the guest gets at the block without an exit. A block is
 * mapped once at a time; address and size are multiples of a page. Where the accelerator has no
 * slot for it, accesses come here and do the same, slowly. */
int vemu__memory_map_block(struct vemu_memory *mem, struct vemu_device *dev, uint64_t address,
                           const struct vemu_memory_block *block, const char *name,
                           struct vemu_region **ret);
/* The device's regions go; on return no access is under way. Context: loop, no lock held. */
void vemu__memory_remove_device(struct vemu_memory *mem, struct vemu_device *dev);

/*
 * ROM of a device: `size` bytes at `gpa` that read as memory while they are shown, at the speed of
 * memory; what is written goes to `ops`, and reads as well while they are not shown, which is how
 * it begins. *ret_hva is the contents, zeroed, valid as long as the device; other devices read them
 * whether they are shown or not. Errors as of vemu__memory_add_ram(). Context: realize. The device
 * hides it before it goes.
 */
int vemu__memory_map_rom(struct vemu_memory *mem, struct vemu_device *dev, uint64_t gpa,
                         uint64_t size, const struct vemu_region_ops *ops, const char *name,
                         struct vemu_region **ret, void **ret_hva, struct vemu_error **err);
/* -errno of the accelerator: it stays as it was, or becomes hidden. Context: any; the device's lock
 * may be held. */
int vemu__memory_show_rom(struct vemu_memory *mem, struct vemu_region *region, bool shown);

/* Accelerator callbacks land here. */
uint64_t vemu__memory_read(struct vemu_memory *mem, enum vemu_space space, uint64_t address,
                           unsigned size);
void vemu__memory_write(struct vemu_memory *mem, enum vemu_space space, uint64_t address,
                        unsigned size, uint64_t value);

/* Walks what is in a space, in order of address. */
typedef void (*vemu_region_fn)(void *data, int space, uint64_t address, uint64_t size,
                               const char *name, bool is_ram, bool is_rom);
void vemu__memory_for_each_region(struct vemu_memory *mem, enum vemu_space space, vemu_region_fn fn,
                                  void *data);

/* Walks the RAM blocks in order of address (for e820 and the like). */
typedef void (*vemu_ram_fn)(void *data, uint64_t gpa, uint64_t size, bool readonly);
void vemu__memory_for_each_ram(struct vemu_memory *mem, vemu_ram_fn fn, void *data);

#endif
