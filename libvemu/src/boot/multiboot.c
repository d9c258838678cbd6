/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Multiboot (version 0.6.96, "multiboot 1"): header in the first 8 KiB, ELF or explicit addresses,
 * 32-bit protected mode, EAX = magic, EBX = multiboot information.
 *
 * The initrd becomes the one module. The command line begins with the image's path, as boot loaders
 * give it.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <glib.h>

#include "boot/loader.h"

#define HEADER_MAGIC 0x1badb002u
#define LOADER_MAGIC 0x2badb002u

#define HEADER_PAGE_ALIGN 0x00000001u
#define HEADER_MEMORY     0x00000002u
#define HEADER_VIDEO      0x00000004u
#define HEADER_REQUIRED   0x0000ffffu /* bits a loader must understand */
#define HEADER_ADDRESSES  0x00010000u

#define INFO_MEMORY      0x0001u
#define INFO_CMDLINE     0x0004u
#define INFO_MODULES     0x0008u
#define INFO_MMAP        0x0040u
#define INFO_LOADER_NAME 0x0200u

struct mb_header {
    uint32_t magic, flags, checksum;
    uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

struct mb_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
    uint32_t mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
    uint32_t apm_table;
};

struct mb_module {
    uint32_t start, end, string, reserved;
};

struct mb_mmap {
    uint32_t size;
    uint64_t addr, len;
    uint32_t type;
} __attribute__((packed));

struct mb_tables {
    struct mb_module modules[1];
    struct mb_mmap mmap[VEMU_E820_MAX];
    char loader_name[8];
    char module_name[256];
};

/* Finds the header: 4-byte aligned within the first 8192 bytes, the three words adding up to 0. */
static bool mb_find(const uint8_t *head, size_t size, struct mb_header *ret, size_t *ret_offset)
{
    for (size_t at = 0; at + 12 <= size; at += 4) {
        struct mb_header h = { 0 };

        memcpy(&h, head + at, 12);
        if (h.magic != HEADER_MAGIC || h.magic + h.flags + h.checksum != 0) {
            continue;
        }
        if (at + sizeof(h) <= size) {
            memcpy(&h, head + at, sizeof(h));
        } else if (h.flags & HEADER_ADDRESSES) {
            continue;
        }
        *ret = h;
        *ret_offset = at;
        return true;
    }
    return false;
}

static int mb_probe(struct vemu_boot *boot, const uint8_t *head, size_t size,
                    struct vemu_error **err)
{
    struct mb_header h;
    size_t at;

    if (!mb_find(head, size, &h, &at)) {
        return 0;
    }
    if (h.flags & HEADER_VIDEO) {
        return vemu__error_set(err, ENOTSUP,
                               "kernel '%s': its multiboot header asks for a video mode, "
                               "which this machine cannot give",
                               boot->kernel.path);
    }
    if (h.flags & HEADER_REQUIRED & ~(HEADER_PAGE_ALIGN | HEADER_MEMORY)) {
        return vemu__error_set(err, ENOTSUP,
                               "kernel '%s': its multiboot header asks for features "
                               "0x%04x, which are unknown",
                               boot->kernel.path, h.flags & HEADER_REQUIRED);
    }
    return 1;
}

/* Specification, section 3.1.3: the address fields of the header. */
static int mb_load_addresses(struct vemu_boot *boot, const struct vemu_boot_board *board,
                             const struct mb_header *h, size_t header_offset,
                             struct vemu_error **err)
{
    const char *path = boot->kernel.path;
    uint64_t offset, size, memory_size;
    void *to;
    int r;

    if (h->header_addr < h->load_addr || h->header_addr - h->load_addr > header_offset) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s': the addresses in its multiboot header "
                               "contradict each other",
                               path);
    }
    offset = header_offset - (h->header_addr - h->load_addr);
    if (h->load_end_addr == 0) {
        size = boot->kernel.size - offset; /* the rest of the file */
    } else if (h->load_end_addr < h->load_addr) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s': its multiboot header ends before it begins", path);
    } else {
        size = h->load_end_addr - h->load_addr;
    }
    if (offset > boot->kernel.size || size > boot->kernel.size - offset) {
        return vemu__error_set(err, ENODATA,
                               "kernel '%s' is truncated: its multiboot image ends at "
                               "byte %" PRIu64 ", the file at %" PRIu64,
                               path, offset + size, boot->kernel.size);
    }
    memory_size = size;
    if (h->bss_end_addr > h->load_addr && h->bss_end_addr - h->load_addr > size) {
        memory_size = h->bss_end_addr - h->load_addr;
    }
    r = vemu__boot_claim(boot, board, h->load_addr, memory_size, "multiboot image", &to, err);
    if (r < 0) {
        return r;
    }
    r = vemu__boot_file_read(&boot->kernel, offset, to, (size_t)size);
    if (r < 0) {
        return vemu__error_set(err, -r, "kernel '%s' %s", path, vemu__stream_strerror(r));
    }
    if (boot->reload) {
        memset((uint8_t *)to + size, 0, (size_t)(memory_size - size));
    }
    boot->rip = h->entry_addr;
    return 0;
}

static int mb_load_elf(struct vemu_boot *boot, const struct vemu_boot_board *board,
                       struct vemu_error **err)
{
    g_autofree struct vemu_elf *elf = g_new(struct vemu_elf, 1);
    struct vemu_stream *stream = NULL;
    int r = vemu__stream_open_raw(&boot->kernel, 0, boot->kernel.size, &stream);

    if (r < 0) {
        return vemu__error_set(err, -r, "kernel '%s': %s", boot->kernel.path, g_strerror(-r));
    }
    r = vemu__elf_read(stream, boot->kernel.path, elf, err);
    if (r >= 0) {
        r = vemu__elf_load(boot, board, stream, elf, err);
    }
    if (r >= 0) {
        r = vemu__elf_entry(elf, boot->kernel.path, &boot->rip, err);
    }
    vemu__stream_close(stream);
    if (r >= 0 && boot->rip > UINT32_MAX) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s': its multiboot entry 0x%" PRIx64 " is not a "
                               "32-bit address",
                               boot->kernel.path, boot->rip);
    }
    return r;
}

static int mb_place_info(struct vemu_boot *boot, const struct vemu_boot_board *board,
                         struct vemu_error **err)
{
    g_autofree char *cmdline =
        g_strconcat(boot->kernel.path, boot->cmdline[0] ? " " : NULL, boot->cmdline, NULL);
    g_autofree struct mb_tables *tables = g_new0(struct mb_tables, 1);
    struct mb_info info = { 0 };
    void *to;
    int r;

    r = vemu__boot_place_cmdline(boot, board, cmdline, VEMU_BOOT_CMDLINE_MAX, err);
    if (r >= 0) {
        r = vemu__boot_place_initrd(boot, board, 1ull << 32, err);
    }
    if (r < 0) {
        return r;
    }
    info.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MMAP | INFO_LOADER_NAME;
    info.mem_lower = 639;
    info.mem_upper = (uint32_t)((board->ram_low - (1 << 20)) >> 10);
    info.cmdline = VEMU_BOOT_CMDLINE;
    info.mods_addr = VEMU_BOOT_TABLES + offsetof(struct mb_tables, modules);
    if (boot->initrd_gpa) {
        info.mods_count = 1;
        tables->modules[0].start = (uint32_t)boot->initrd_gpa;
        tables->modules[0].end = (uint32_t)(boot->initrd_gpa + boot->initrd.size);
        tables->modules[0].string = VEMU_BOOT_TABLES + offsetof(struct mb_tables, module_name);
        g_strlcpy(tables->module_name, boot->initrd.path, sizeof(tables->module_name));
    }
    info.mmap_addr = VEMU_BOOT_TABLES + offsetof(struct mb_tables, mmap);
    info.mmap_length = board->e820->count * (uint32_t)sizeof(struct mb_mmap);
    for (unsigned i = 0; i < board->e820->count; i++) {
        tables->mmap[i] = (struct mb_mmap){
            .size = sizeof(struct mb_mmap) - 4,
            .addr = board->e820->entries[i].address,
            .len = board->e820->entries[i].size,
            .type = board->e820->entries[i].type,
        };
    }
    info.boot_loader_name = VEMU_BOOT_TABLES + offsetof(struct mb_tables, loader_name);
    g_strlcpy(tables->loader_name, "vemu", sizeof(tables->loader_name));

    to = vemu__boot_low(board, VEMU_BOOT_PARAMS, sizeof(info), err);
    if (!to) {
        return -ENOMEM;
    }
    memcpy(to, &info, sizeof(info));
    to = vemu__boot_low(board, VEMU_BOOT_TABLES, sizeof(*tables), err);
    if (!to) {
        return -ENOMEM;
    }
    memcpy(to, tables, sizeof(*tables));
    return 0;
}

static int mb_load(struct vemu_boot *boot, const struct vemu_boot_board *board,
                   struct vemu_error **err)
{
    g_autofree uint8_t *head = g_malloc0(VEMU_BOOT_HEAD_SIZE);
    size_t size = (size_t)MIN(boot->kernel.size, (uint64_t)VEMU_BOOT_HEAD_SIZE), at = 0;
    struct mb_header h = { 0 };
    int r = vemu__boot_file_read(&boot->kernel, 0, head, size);

    if (r < 0) {
        return vemu__error_set(err, -r, "kernel '%s' %s", boot->kernel.path,
                               vemu__stream_strerror(r));
    }
    if (!mb_find(head, size, &h, &at)) {
        return vemu__error_set(err, ENOEXEC, "kernel '%s' was changed into something else",
                               boot->kernel.path);
    }
    r = (h.flags & HEADER_ADDRESSES) ? mb_load_addresses(boot, board, &h, at, err)
                                     : mb_load_elf(boot, board, err);
    if (r >= 0) {
        r = mb_place_info(boot, board, err);
    }
    if (r < 0) {
        return r;
    }
    boot->mode = VEMU_BOOT_PROTECTED;
    boot->gpr[VEMU_RAX] = LOADER_MAGIC;
    boot->gpr[VEMU_RBX] = VEMU_BOOT_PARAMS;
    vemu_vm_log(boot->vm, VEMU_LOG_INFO, "boot: multiboot image, entry 0x%" PRIx64, boot->rip);
    return 0;
}

const struct vemu_boot_format vemu__boot_multiboot = {
    .name = "multiboot image",
    .probe = mb_probe,
    .load = mb_load,
};
