/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ELF images: parsing headers of both classes and loading segments.
 *
 * Segments are read in the order in which they lie in the file, so that a compressed image can be
 * loaded while it is decompressed. Every number in the headers is checked before use; where
 * segments go is checked by vemu__boot_claim().
 */
#include "boot/elf.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <glib.h>

#include "boot/loader.h"

#define HEADERS_MAX 65536 /* program headers stand near the start of every kernel */

static int elf_stream_error(const char *path, int r, struct vemu_error **err)
{
    return vemu__error_set(err, -r, "kernel '%s' %s", path, vemu__stream_strerror(r));
}

static int elf_check_ident(const uint8_t *ident, uint16_t type, uint16_t machine, const char *path,
                           struct vemu_error **err)
{
    bool is64 = ident[EI_CLASS] == ELFCLASS64;

    if (memcmp(ident, ELFMAG, SELFMAG) != 0) {
        return vemu__error_set(err, ENOEXEC, "kernel '%s' does not hold an ELF image", path);
    }
    if ((!is64 && ident[EI_CLASS] != ELFCLASS32) || ident[EI_DATA] != ELFDATA2LSB) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s' is an ELF image of class %u, data %u; this "
                               "machine runs little-endian x86",
                               path, ident[EI_CLASS], ident[EI_DATA]);
    }
    if (machine != EM_X86_64 && machine != EM_386) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s' is an ELF image for machine type %u; this "
                               "machine runs x86-64 (62) and i386 (3)",
                               path, machine);
    }
    if (is64 && machine != EM_X86_64) {
        return vemu__error_set(err, ENOEXEC, "kernel '%s' is a 64-bit ELF image for i386", path);
    }
    if (type != ET_EXEC) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s' is an ELF image of type %u (%s); it must be "
                               "an executable with fixed addresses (2)",
                               path, type,
                               type == ET_DYN   ? "position independent"
                               : type == ET_REL ? "object file"
                                                : "not executable");
    }
    return 0;
}

/* Fills all but the segments; *ret_offset is where their headers are. */
static int elf_read_header(struct vemu_stream *stream, const char *path, struct vemu_elf *ret,
                           uint64_t *ret_offset, struct vemu_error **err)
{
    union {
        uint8_t ident[EI_NIDENT];
        Elf64_Ehdr e64;
        Elf32_Ehdr e32;
    } h;
    unsigned phentsize, needed;
    int r = vemu__stream_read(stream, &h, sizeof(h.e32));

    if (r < 0) {
        return elf_stream_error(path, r, err);
    }
    /* type and machine stand at the same place in both classes */
    r = elf_check_ident(h.ident, h.e32.e_type, h.e32.e_machine, path, err);
    if (r < 0) {
        return r;
    }
    ret->is64 = h.ident[EI_CLASS] == ELFCLASS64;
    if (ret->is64) {
        r = vemu__stream_read(stream, (uint8_t *)&h + sizeof(h.e32), sizeof(h.e64) - sizeof(h.e32));
        if (r < 0) {
            return elf_stream_error(path, r, err);
        }
    }
    ret->entry = ret->is64 ? h.e64.e_entry : h.e32.e_entry;
    *ret_offset = ret->is64 ? h.e64.e_phoff : h.e32.e_phoff;
    ret->count = ret->is64 ? h.e64.e_phnum : h.e32.e_phnum;
    phentsize = ret->is64 ? h.e64.e_phentsize : h.e32.e_phentsize;
    needed = ret->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    if (ret->count == 0 || ret->count > VEMU_ELF_SEGMENT_MAX || phentsize != needed) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s': ELF header with %u program headers of %u "
                               "bytes; 1 to %u of %u bytes are expected",
                               path, ret->count, phentsize, VEMU_ELF_SEGMENT_MAX, needed);
    }
    if (*ret_offset < vemu__stream_position(stream) || *ret_offset > HEADERS_MAX) {
        return vemu__error_set(err, ENOEXEC, "kernel '%s': ELF program headers at offset %" PRIu64,
                               path, *ret_offset);
    }
    return 0;
}

static int elf_read_segment(struct vemu_stream *stream, bool is64, struct vemu_elf_segment *ret)
{
    Elf64_Phdr p64;
    Elf32_Phdr p32;
    int r;

    if (is64) {
        r = vemu__stream_read(stream, &p64, sizeof(p64));
        *ret = (struct vemu_elf_segment){ p64.p_type,  p64.p_offset, p64.p_filesz, p64.p_memsz,
                                          p64.p_paddr, p64.p_vaddr,  p64.p_align };
    } else {
        r = vemu__stream_read(stream, &p32, sizeof(p32));
        *ret = (struct vemu_elf_segment){ p32.p_type,  p32.p_offset, p32.p_filesz, p32.p_memsz,
                                          p32.p_paddr, p32.p_vaddr,  p32.p_align };
    }
    return r;
}

int vemu__elf_read(struct vemu_stream *stream, const char *path, struct vemu_elf *ret,
                   struct vemu_error **err)
{
    uint64_t offset;
    int r;

    *ret = (struct vemu_elf){ 0 };
    r = elf_read_header(stream, path, ret, &offset, err);
    if (r < 0) {
        return r;
    }
    r = vemu__stream_seek(stream, offset);
    for (unsigned i = 0; r >= 0 && i < ret->count; i++) {
        r = elf_read_segment(stream, ret->is64, &ret->segments[i]);
    }
    return r < 0 ? elf_stream_error(path, r, err) : 0;
}

/* Indices of the PT_LOAD segments in order of file offset. */
static unsigned elf_sort(const struct vemu_elf *elf, unsigned order[VEMU_ELF_SEGMENT_MAX])
{
    unsigned n = 0;

    for (unsigned i = 0; i < elf->count; i++) {
        unsigned at = n;

        if (elf->segments[i].type != PT_LOAD || elf->segments[i].memsz == 0) {
            continue;
        }
        while (at && elf->segments[order[at - 1]].offset > elf->segments[i].offset) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
        n++;
    }
    return n;
}

static int elf_load_segment(struct vemu_boot *boot, const struct vemu_boot_board *board,
                            struct vemu_stream *stream, const struct vemu_elf_segment *s,
                            struct vemu_error **err)
{
    void *to;
    int r;

    if (s->filesz > s->memsz) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s': a segment of %" PRIu64 " bytes holds %" PRIu64
                               " in the file",
                               boot->kernel.path, s->memsz, s->filesz);
    }
    r = vemu__boot_claim(boot, board, s->paddr, s->memsz, "segment", &to, err);
    if (r < 0) {
        return r;
    }
    if (s->filesz) {
        r = vemu__stream_seek(stream, s->offset);
        if (r >= 0) {
            r = vemu__stream_read(stream, to, (size_t)s->filesz);
        }
    }
    if (r < 0) {
        return elf_stream_error(boot->kernel.path, r, err);
    }
    if (boot->reload) { /* at the first load guest memory is zero already, and not yet touched */
        memset((uint8_t *)to + s->filesz, 0, (size_t)(s->memsz - s->filesz));
    }
    return 0;
}

int vemu__elf_load(struct vemu_boot *boot, const struct vemu_boot_board *board,
                   struct vemu_stream *stream, const struct vemu_elf *elf, struct vemu_error **err)
{
    unsigned order[VEMU_ELF_SEGMENT_MAX];
    unsigned n = elf_sort(elf, order);

    if (n == 0) {
        return vemu__error_set(err, ENOEXEC, "kernel '%s': the ELF image has nothing to load",
                               boot->kernel.path);
    }
    for (unsigned i = 0; i < n; i++) {
        const struct vemu_elf_segment *s = &elf->segments[order[i]];

        if (s->paddr < UINT32_MAX && s->memsz < UINT32_MAX) {
            boot->wanted_end = MAX(boot->wanted_end, s->paddr + s->memsz);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        int r = elf_load_segment(boot, board, stream, &elf->segments[order[i]], err);

        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int vemu__elf_entry(const struct vemu_elf *elf, const char *path, uint64_t *ret,
                    struct vemu_error **err)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < elf->count; i++) {
            const struct vemu_elf_segment *s = &elf->segments[i];
            uint64_t start = pass ? s->vaddr : s->paddr;

            if (s->type == PT_LOAD && elf->entry >= start && elf->entry - start < s->memsz) {
                *ret = s->paddr + (elf->entry - start);
                return 0;
            }
        }
    }
    return vemu__error_set(err, ENOEXEC,
                           "kernel '%s': its entry 0x%" PRIx64 " lies outside of what "
                           "is loaded",
                           path, elf->entry);
}
