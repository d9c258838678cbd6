/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ELF kernels and payloads: a Linux vmlinux, a PVH image, or any static 64-bit program.
 *
 * Which way in: a Linux vmlinux (its Xen notes name the guest OS "linux") and 64-bit images without
 * a PVH note start in long mode at e_entry with RSI = boot_params, the 64-bit Linux protocol, which
 * tells a kernel more than PVH can (random seed, setup data). Other images with a PVH note
 * (XEN_ELFNOTE_PHYS32_ENTRY) start there in protected mode. 32-bit images need the note.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <asm/bootparam.h>
#include <glib.h>

#include "boot/loader.h"

#define XEN_ELFNOTE_GUEST_OS     6
#define XEN_ELFNOTE_PHYS32_ENTRY 18

#define NOTES_MAX         65536
#define LINUX_CMDLINE_MAX 2047 /* COMMAND_LINE_SIZE - 1 on x86 */

struct notes {
    bool has_entry, is_linux;
    uint64_t entry;
};

/* One PT_NOTE segment: namesz, descsz, type, name, desc, the last two padded to 4 (ELF gABI). */
static void notes_parse(const uint8_t *buf, size_t size, struct notes *ret)
{
    size_t at = 0;

    while (size - at >= 12) {
        uint32_t namesz, descsz, type;
        size_t name = at + 12, desc, left;

        memcpy(&namesz, buf + at, 4);
        memcpy(&descsz, buf + at + 4, 4);
        memcpy(&type, buf + at + 8, 4);
        left = size - name;
        if (namesz > left || ((namesz + 3u) & ~3u) > left) {
            return;
        }
        desc = name + ((namesz + 3u) & ~3u);
        if (descsz > size - desc) {
            return;
        }
        if (namesz == 4 && memcmp(buf + name, "Xen", 4) == 0) {
            if (type == XEN_ELFNOTE_PHYS32_ENTRY && (descsz == 4 || descsz == 8)) {
                ret->entry = 0;
                memcpy(&ret->entry, buf + desc, descsz);
                ret->has_entry = true;
            } else if (type == XEN_ELFNOTE_GUEST_OS && descsz >= 5 &&
                       memcmp(buf + desc, "linux", 5) == 0) {
                ret->is_linux = true;
            }
        }
        if (((descsz + 3u) & ~3u) > size - desc) {
            return;
        }
        at = desc + ((descsz + 3u) & ~3u);
    }
}

static int notes_read(const struct vemu_boot *boot, const struct vemu_elf *elf, struct notes *ret,
                      struct vemu_error **err)
{
    *ret = (struct notes){ 0 };
    for (unsigned i = 0; i < elf->count; i++) {
        const struct vemu_elf_segment *s = &elf->segments[i];
        g_autofree uint8_t *buf = NULL;
        int r;

        if (s->type != PT_NOTE || s->filesz == 0 || s->filesz > NOTES_MAX) {
            continue;
        }
        buf = g_malloc((size_t)s->filesz);
        r = vemu__boot_file_read(&boot->kernel, s->offset, buf, (size_t)s->filesz);
        if (r < 0) {
            return vemu__error_set(err, -r, "kernel '%s' %s", boot->kernel.path,
                                   vemu__stream_strerror(r));
        }
        notes_parse(buf, (size_t)s->filesz, ret);
    }
    return 0;
}

static int elf_image_probe(struct vemu_boot *boot, const uint8_t *head, size_t size,
                           struct vemu_error **err)
{
    return size >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0;
}

static int elf_image_start(struct vemu_boot *boot, const struct vemu_boot_board *board,
                           const struct vemu_elf *elf, const struct notes *notes,
                           struct vemu_error **err)
{
    g_autofree struct boot_params *params = NULL;
    int r;

    if (notes->has_entry && !(notes->is_linux && elf->is64)) {
        if (notes->entry > UINT32_MAX) {
            return vemu__error_set(
                err, ENOEXEC, "kernel '%s': its PVH entry 0x%" PRIx64 " is not a 32-bit address",
                boot->kernel.path, notes->entry);
        }
        vemu_vm_log(boot->vm, VEMU_LOG_INFO, "boot: ELF image, PVH entry 0x%" PRIx64, notes->entry);
        return vemu__boot_pvh(boot, board, (uint32_t)notes->entry, err);
    }
    if (!elf->is64) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s' is a 32-bit ELF image without a PVH note or "
                               "a multiboot header; there is no way to start it",
                               boot->kernel.path);
    }
    r = vemu__elf_entry(elf, boot->kernel.path, &boot->rip, err);
    if (r < 0) {
        return r;
    }
    boot->mode = VEMU_BOOT_LONG;
    vemu_vm_log(boot->vm, VEMU_LOG_INFO, "boot: ELF image, 64-bit entry 0x%" PRIx64 "%s", boot->rip,
                notes->is_linux ? "; KASLR is off, since the image is loaded where it is linked to"
                                : "");
    params = g_new0(struct boot_params, 1);
    return vemu__boot_linux_params(boot, board, params, LINUX_CMDLINE_MAX, 1ull << 31, err);
}

static int elf_image_load(struct vemu_boot *boot, const struct vemu_boot_board *board,
                          struct vemu_error **err)
{
    g_autofree struct vemu_elf *elf = g_new(struct vemu_elf, 1);
    struct vemu_stream *stream = NULL;
    struct notes notes = { 0 };
    int r;

    r = vemu__stream_open_raw(&boot->kernel, 0, boot->kernel.size, &stream);
    if (r < 0) {
        return vemu__error_set(err, -r, "kernel '%s': %s", boot->kernel.path, g_strerror(-r));
    }
    r = vemu__elf_read(stream, boot->kernel.path, elf, err);
    if (r >= 0) {
        r = notes_read(boot, elf, &notes, err);
    }
    if (r >= 0) {
        r = vemu__elf_load(boot, board, stream, elf, err);
    }
    vemu__stream_close(stream);
    return r < 0 ? r : elf_image_start(boot, board, elf, &notes, err);
}

const struct vemu_boot_format vemu__boot_elf = {
    .name = "ELF image",
    .probe = elf_image_probe,
    .load = elf_image_load,
};
