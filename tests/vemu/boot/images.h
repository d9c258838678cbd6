/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel images made on the spot, for tests and as fuzzing seeds.
 */
#ifndef TESTS_VEMU_BOOT_IMAGES_H
#define TESTS_VEMU_BOOT_IMAGES_H

#include <glib.h>

#include <stdbool.h>
#include <stdint.h>

enum image_codec {
    IMAGE_NONE,
    IMAGE_GZIP,
    IMAGE_BZIP2,
    IMAGE_XZ,
    IMAGE_LZMA,
    IMAGE_LZ4,
    IMAGE_ZSTD,
    IMAGE_CODECS,
};
const char *image_codec_name(enum image_codec codec);
/* Data that compresses, but not to nothing. */
GByteArray *image_noise(size_t size);
GByteArray *image_compress(enum image_codec codec, const GByteArray *data);

#define IMAGE_ELF_TEXT 0x1000000u /* where the two segments go */
#define IMAGE_ELF_DATA 0x1400000u
#define IMAGE_ELF_BSS  0x10000u /* bytes behind the second's data */
struct image_elf {
    bool is32;
    uint64_t paddr, entry; /* 0: IMAGE_ELF_TEXT, and 0x100 into it */
    size_t text_size;      /* 0: 300000 */
    uint32_t pvh_entry;    /* with a PVH note */
    bool linux_note;       /* Xen note GUEST_OS "linux" */
    bool multiboot;        /* a multiboot header at the start of the text */
};
/* A static ELF program: text at paddr, data and bss 4 MiB further. */
GByteArray *image_elf(const struct image_elf *spec);
/* A bzImage with that payload; protocol 2.15. */
GByteArray *image_bzimage(enum image_codec codec, const GByteArray *payload);
/* A multiboot image without ELF headers ("a.out kludge") loaded at 2 MiB. */
GByteArray *image_multiboot_raw(void);

/* An unlinked temporary file with the data, by a path that can be opened. */
char *image_file(const GByteArray *data, int *ret_fd);

#endif
