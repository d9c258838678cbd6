/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decompressors: what each codec file offers to boot/stream.c.
 */
#ifndef VEMU_BOOT_CODEC_H
#define VEMU_BOOT_CODEC_H

#include <stdbool.h>
#include <sys/types.h>

#include "boot/file.h"

struct vemu_codec_input {
    const struct vemu_boot_file *file;
    uint64_t offset, left; /* not yet read into buf */
    uint8_t *buf;
    size_t pos, len; /* buf[pos..len) is not yet used */
};

/* Makes buf non-empty: 1, or 0 at the end, or -errno. */
int vemu__codec_fill(struct vemu_codec_input *in);
/* Takes exactly `size` bytes, past the buffer if need be. -ENODATA when there are fewer. */
int vemu__codec_take(struct vemu_codec_input *in, void *buf, size_t size);

struct vemu_codec {
    const char *name;
    uint8_t magic[6];
    size_t magic_size;
    int (*open)(struct vemu_codec_input *in, void **ret_state);
    /* Decompresses 1..size bytes into buf. 0: the end; -ENODATA, -EBADMSG, -ENOMEM. */
    ssize_t (*read)(void *state, void *buf, size_t size);
    void (*close)(void *state);
};

/* Decoders ask for no more than this for themselves (window, dictionary). */
#define VEMU_CODEC_MEMORY_LIMIT (256u << 20)

extern const struct vemu_codec vemu__codec_gzip, vemu__codec_bzip2, vemu__codec_xz,
    vemu__codec_lzma, vemu__codec_lz4, vemu__codec_zstd;

#endif
