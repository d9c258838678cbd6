/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Placing things in guest memory: images, initrd, command line, descriptor and page tables.
 */
#include "boot/loader.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <glib.h>

#define MIB ((uint64_t)1 << 20)

#define PAGE_PRESENT  0x001u
#define PAGE_WRITABLE 0x002u
#define PAGE_LARGE    0x080u

int vemu__boot_no_room(struct vemu_boot *boot, const struct vemu_boot_board *board, uint64_t end,
                       struct vemu_error **err)
{
    uint64_t initrd = boot->has_initrd ? boot->initrd.size : 0;

    end = MAX(MAX(end, boot->wanted_end), boot->image_end);
    return vemu__error_set(
        err, ENOMEM,
        "kernel '%s'%s needs at least %" PRIu64 " MiB of memory; the machine has "
        "%" PRIu64 " MiB",
        boot->kernel.path, initrd ? " with its initrd" : "",
        (end + MIB - 1) / MIB + (initrd + MIB - 1) / MIB, board->ram_total / MIB);
}

int vemu__boot_claim(struct vemu_boot *boot, const struct vemu_boot_board *board, uint64_t gpa,
                     uint64_t size, const char *what, void **ret, struct vemu_error **err)
{
    const char *path = boot->kernel.path;
    uint64_t end;

    if (__builtin_add_overflow(gpa, size, &end) || size > VEMU_BOOT_IMAGE_MAX) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s': a %s of %" PRIu64 " bytes at 0x%" PRIx64
                               " is out of bounds",
                               path, what, size, gpa);
    }
    if (gpa < VEMU_BOOT_LOW_END && end > VEMU_BOOT_LOW_START) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s': a %s at 0x%" PRIx64 "-0x%" PRIx64
                               " lies on the boot loader's own 0x%x-0x%x",
                               path, what, gpa, end - 1, VEMU_BOOT_LOW_START,
                               VEMU_BOOT_LOW_END - 1);
    }
    if (!vemu__e820_is_ram(board->e820, gpa, size)) {
        if (gpa >= MIB && end > board->ram_low && end <= (uint64_t)1 << 32) {
            return vemu__boot_no_room(boot, board, end, err);
        }
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s': a %s at 0x%" PRIx64 "-0x%" PRIx64
                               " lies where the machine has no memory",
                               path, what, gpa, end - 1);
    }
    *ret = vemu__memory_ptr(board->memory, gpa, size, true);
    if (!*ret) {
        return vemu__error_set(err, EFAULT, "no memory in one piece at 0x%" PRIx64, gpa);
    }
    boot->image_start = MIN(boot->image_start, gpa);
    boot->image_end = MAX(boot->image_end, end);
    return 0;
}

void *vemu__boot_low(const struct vemu_boot_board *board, uint32_t gpa, uint32_t size,
                     struct vemu_error **err)
{
    void *p = vemu__e820_is_ram(board->e820, gpa, size)
                  ? vemu__memory_ptr(board->memory, gpa, size, true)
                  : NULL;

    if (!p) {
        vemu__error_set(err, ENOMEM,
                        "the machine has no memory at 0x%x, where the boot loader needs "
                        "it",
                        gpa);
    }
    return p;
}

int vemu__boot_place_initrd(struct vemu_boot *boot, const struct vemu_boot_board *board,
                            uint64_t limit, struct vemu_error **err)
{
    uint64_t size = boot->initrd.size, floor = MAX(boot->image_end, MIB), top;
    void *to;
    int r;

    if (!boot->has_initrd || size == 0) {
        boot->initrd_gpa = 0;
        return 0;
    }
    floor = (floor + 4095) & ~4095ull;
    top = MIN(limit, board->ram_low) & ~4095ull;
    if (size > top || top - size < floor) {
        if (size > limit || limit - size < floor) {
            return vemu__error_set(
                err, EFBIG,
                "initrd '%s' of %" PRIu64 " MiB does not fit between the kernel's "
                "end at %" PRIu64 " MiB and %" PRIu64 " MiB, the highest address "
                "the kernel takes",
                boot->initrd.path, (size + MIB - 1) / MIB, (floor + MIB - 1) / MIB, limit / MIB);
        }
        return vemu__boot_no_room(boot, board, floor, err);
    }
    boot->initrd_gpa = (top - size) & ~4095ull;
    to = vemu__memory_ptr(board->memory, boot->initrd_gpa, size, true);
    if (!to) {
        return vemu__error_set(err, EFAULT,
                               "no memory in one piece at 0x%" PRIx64 " for the initrd",
                               boot->initrd_gpa);
    }
    r = vemu__boot_file_read(&boot->initrd, 0, to, (size_t)size);
    if (r < 0) {
        return vemu__error_set(err, -r, "cannot read initrd '%s': %s", boot->initrd.path,
                               r == -ENODATA ? "it became shorter" : g_strerror(-r));
    }
    return 0;
}

int vemu__boot_place_cmdline(struct vemu_boot *boot, const struct vemu_boot_board *board,
                             const char *text, size_t max, struct vemu_error **err)
{
    size_t size = strlen(text);
    void *to;

    if (size > VEMU_BOOT_CMDLINE_MAX || size > max) {
        return vemu__error_set(err, E2BIG,
                               "the kernel command line has %zu characters; this kernel "
                               "takes %zu",
                               size, MIN(max, (size_t)VEMU_BOOT_CMDLINE_MAX));
    }
    to = vemu__boot_low(board, VEMU_BOOT_CMDLINE, (uint32_t)size + 1, err);
    if (!to) {
        return -ENOMEM;
    }
    memcpy(to, text, size + 1);
    return 0;
}

/*
 * Selectors as the 64-bit boot protocol wants them (Documentation/x86/boot.rst): 0x10 code, 0x18
 * data; a task-state segment at 0x20 because VMX insists on one.
 */
int vemu__boot_place_tables(struct vemu_boot *boot, const struct vemu_boot_board *board,
                            struct vemu_error **err)
{
    bool is_long = boot->mode == VEMU_BOOT_LONG;
    const uint64_t gdt[6] = {
        [2] = is_long ? 0x00af9b000000ffff : 0x00cf9b000000ffff,
        [3] = 0x00cf93000000ffff,
        [4] = 0x00008b0000000067,
    };
    uint64_t *pages;
    void *to = vemu__boot_low(board, VEMU_BOOT_GDT, sizeof(gdt), err);

    if (!to) {
        return -ENOMEM;
    }
    memcpy(to, gdt, sizeof(gdt));
    if (!is_long) {
        return 0;
    }
    pages = vemu__boot_low(board, VEMU_BOOT_PAGES, 6 * 4096, err);
    if (!pages) {
        return -ENOMEM;
    }
    memset(pages, 0, 2 * 4096);
    pages[0] = (VEMU_BOOT_PAGES + 4096) | PAGE_PRESENT | PAGE_WRITABLE;
    for (unsigned i = 0; i < 4; i++) {
        pages[512 + i] = (VEMU_BOOT_PAGES + (2 + i) * 4096) | PAGE_PRESENT | PAGE_WRITABLE;
    }
    for (uint64_t i = 0; i < 4 * 512; i++) {
        pages[1024 + i] = i << 21 | PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE;
    }
    return 0;
}
