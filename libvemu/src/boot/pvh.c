/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PVH entry: 32-bit protected mode, paging off, EBX = hvm_start_info (Xen docs/misc/pvh.pandoc and
 * xen/include/public/arch-x86/hvm/start_info.h, version 1).
 */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "boot/loader.h"

#define START_MAGIC 0x336ec578u

struct hvm_start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modlist_paddr, cmdline_paddr, rsdp_paddr;
    uint64_t memmap_paddr;
    uint32_t memmap_entries, reserved;
};

struct hvm_modlist_entry {
    uint64_t paddr, size, cmdline_paddr, reserved;
};

struct hvm_memmap_entry {
    uint64_t addr, size;
    uint32_t type, reserved;
};

struct pvh_tables {
    struct hvm_modlist_entry modules[1];
    struct hvm_memmap_entry memmap[VEMU_E820_MAX];
};

int vemu__boot_pvh(struct vemu_boot *boot, const struct vemu_boot_board *board, uint32_t entry,
                   struct vemu_error **err)
{
    struct hvm_start_info info = { .magic = START_MAGIC, .version = 1 };
    struct pvh_tables tables = { 0 };
    void *to;
    int r;

    r = vemu__boot_place_cmdline(boot, board, boot->cmdline, VEMU_BOOT_CMDLINE_MAX, err);
    if (r >= 0) {
        r = vemu__boot_place_initrd(boot, board, 1ull << 32, err);
    }
    if (r < 0) {
        return r;
    }
    info.cmdline_paddr = VEMU_BOOT_CMDLINE;
    info.rsdp_paddr = board->rsdp;
    if (boot->initrd_gpa) {
        info.nr_modules = 1;
        info.modlist_paddr = VEMU_BOOT_TABLES + offsetof(struct pvh_tables, modules);
        tables.modules[0].paddr = boot->initrd_gpa;
        tables.modules[0].size = boot->initrd.size;
    }
    info.memmap_paddr = VEMU_BOOT_TABLES + offsetof(struct pvh_tables, memmap);
    info.memmap_entries = board->e820->count;
    for (unsigned i = 0; i < board->e820->count; i++) {
        tables.memmap[i].addr = board->e820->entries[i].address;
        tables.memmap[i].size = board->e820->entries[i].size;
        tables.memmap[i].type = board->e820->entries[i].type;
    }
    to = vemu__boot_low(board, VEMU_BOOT_PARAMS, sizeof(info), err);
    if (!to) {
        return -ENOMEM;
    }
    memcpy(to, &info, sizeof(info));
    to = vemu__boot_low(board, VEMU_BOOT_TABLES, sizeof(tables), err);
    if (!to) {
        return -ENOMEM;
    }
    memcpy(to, &tables, sizeof(tables));
    boot->mode = VEMU_BOOT_PROTECTED;
    boot->rip = entry;
    boot->gpr[VEMU_RBX] = VEMU_BOOT_PARAMS;
    return 0;
}
