/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the image formats share: the object behind boot.h, the low-memory layout, placing things in
 * guest memory.
 */
#ifndef VEMU_BOOT_LOADER_H
#define VEMU_BOOT_LOADER_H

#include "boot/boot.h"
#include "boot/elf.h"
#include "boot/file.h"

/*
 * Where the loader puts its own things. All of it lies below 1 MiB, which Linux keeps away from
 * early (arch/x86/kernel/setup.c) and which the images themselves must leave alone.
 */
#define VEMU_BOOT_GDT         0x1000u
#define VEMU_BOOT_PARAMS      0x2000u /* Linux boot_params, PVH start info or multiboot info */
#define VEMU_BOOT_TABLES      0x3000u /* memory map and module list of PVH and multiboot */
#define VEMU_BOOT_PAGES       0x4000u /* PML4, PDPT, 4 page directories */
#define VEMU_BOOT_STACK       0xf000u /* top of what the first instructions may push to */
#define VEMU_BOOT_CMDLINE     0x10000u
#define VEMU_BOOT_CMDLINE_MAX 0xffffu
#define VEMU_BOOT_SETUP_DATA  0x20000u
#define VEMU_BOOT_LOW_START   0x1000u /* all of the above */
#define VEMU_BOOT_LOW_END     0x21000u

/* No kernel or payload is larger when unpacked. */
#define VEMU_BOOT_IMAGE_MAX (1ull << 30)

enum vemu_boot_mode {
    VEMU_BOOT_LONG,      /* 64-bit, first 4 GiB mapped one to one */
    VEMU_BOOT_PROTECTED, /* 32-bit, flat segments, paging off */
};

struct vemu_boot_format;

struct vemu_boot {
    struct vemu_vm *vm; /* for the log */
    const struct vemu_boot_format *format;
    struct vemu_boot_file kernel, initrd;
    bool has_initrd;
    char *cmdline;
    bool reload; /* guest memory has been used: what must be zero has to be zeroed */

    /* What load found out and decided. */
    uint64_t image_start, image_end; /* guest memory the image takes, with bss and working space */
    uint64_t wanted_end;             /* what it will take, known beforehand; for messages */
    uint64_t initrd_gpa;
    enum vemu_boot_mode mode;
    uint64_t rip;
    uint64_t gpr[16];
};

#define VEMU_BOOT_HEAD_SIZE 8192
struct vemu_boot_format {
    const char *name;
    /* Is it this one? `head` holds the first head_size (up to 8192) bytes. 1 yes, 0 no, or -errno
     * and *err: it is, but cannot be booted. */
    int (*probe)(struct vemu_boot *boot, const uint8_t *head, size_t head_size,
                 struct vemu_error **err);
    int (*load)(struct vemu_boot *boot, const struct vemu_boot_board *board,
                struct vemu_error **err);
};
extern const struct vemu_boot_format vemu__boot_linux, vemu__boot_elf, vemu__boot_multiboot;

/* --- loader.c: placing things ----------------------------------------------------------------- */
/* Host pointer to guest memory an image asked for: inside usable RAM, clear of the loader's own
 * area. `what` is for the message ("segment"). -ENOMEM: more memory would help; -ENOEXEC: nothing
 * would. */
int vemu__boot_claim(struct vemu_boot *boot, const struct vemu_boot_board *board, uint64_t gpa,
                     uint64_t size, const char *what, void **ret, struct vemu_error **err);
/* Host pointer to the loader's own area; it is always there when the machine has 1 MiB. */
void *vemu__boot_low(const struct vemu_boot_board *board, uint32_t gpa, uint32_t size,
                     struct vemu_error **err);
/* Puts the initrd as high as it goes below `limit` and above the image. Sets boot->initrd_gpa. */
int vemu__boot_place_initrd(struct vemu_boot *boot, const struct vemu_boot_board *board,
                            uint64_t limit, struct vemu_error **err);
/* Writes the command line with its final NUL. `max`: bytes without it the kernel takes. */
int vemu__boot_place_cmdline(struct vemu_boot *boot, const struct vemu_boot_board *board,
                             const char *text, size_t max, struct vemu_error **err);
/* GDT, and for long mode the page tables, of boot->mode. */
int vemu__boot_place_tables(struct vemu_boot *boot, const struct vemu_boot_board *board,
                            struct vemu_error **err);
/* "it needs at least 34 MiB of memory; the machine has 16 MiB": for something that ends at `end`,
 * together with all else that will be loaded. */
int vemu__boot_no_room(struct vemu_boot *boot, const struct vemu_boot_board *board, uint64_t end,
                       struct vemu_error **err);

/* --- linux-params.c --------------------------------------------------------------------------- */
struct boot_params;
/* Fills boot_params from what `boot` holds, with command line, initrd, memory map and random seed,
 * and writes it. params->hdr is the image's own or zero. `cmdline_max`, `initrd_limit` as the
 * header says. */
int vemu__boot_linux_params(struct vemu_boot *boot, const struct vemu_boot_board *board,
                            struct boot_params *params, size_t cmdline_max, uint64_t initrd_limit,
                            struct vemu_error **err);

/* --- pvh.c ------------------------------------------------------------------------------------ */
int vemu__boot_pvh(struct vemu_boot *boot, const struct vemu_boot_board *board, uint32_t entry,
                   struct vemu_error **err);

#endif
