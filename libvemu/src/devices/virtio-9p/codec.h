/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages of 9P2000.L as bytes: size[4] type[1] tag[2], then little-endian integers and strings
 * with a length[2] in front.
 *
 * Readers and writers never go beyond their buffers: a reader that would turns bad and gives zeros
 * and empty strings from then on, a writer that would turns full. Handlers look once, at the end.
 */
#ifndef VEMU_DEVICES_VIRTIO_9P_CODEC_H
#define VEMU_DEVICES_VIRTIO_9P_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P9_HEADER   7u
#define P9_QID      13u
#define P9_IO       4u                /* behind the header of Rread and Rreaddir: count */
#define P9_WRITE    (P9_HEADER + 16u) /* Twrite: where data begin */
#define P9_NOTAG    0xffffu
#define P9_NOFID    0xffffffffu
#define P9_WALK_MAX 16u

enum p9_type { /* of T messages; R is the next number */
               P9_LERROR = 6,
               P9_STATFS = 8,
               P9_LOPEN = 12,
               P9_LCREATE = 14,
               P9_SYMLINK = 16,
               P9_MKNOD = 18,
               P9_RENAME = 20,
               P9_READLINK = 22,
               P9_GETATTR = 24,
               P9_SETATTR = 26,
               P9_XATTRWALK = 30,
               P9_XATTRCREATE = 32,
               P9_READDIR = 40,
               P9_FSYNC = 50,
               P9_LOCK = 52,
               P9_GETLOCK = 54,
               P9_LINK = 70,
               P9_MKDIR = 72,
               P9_RENAMEAT = 74,
               P9_UNLINKAT = 76,
               P9_VERSION = 100,
               P9_AUTH = 102,
               P9_ATTACH = 104,
               P9_FLUSH = 108,
               P9_WALK = 110,
               P9_READ = 116,
               P9_WRITE_DATA = 118,
               P9_CLUNK = 120,
               P9_REMOVE = 122,
};

struct p9_qid {
    uint8_t type; /* 0x80: directory, 0x02: symbolic link */
    uint32_t version;
    uint64_t path;
};

/* The buffer is the reader's own: strings get their end in it. */
struct p9_reader {
    uint8_t *at, *end;
    bool bad;
};
uint8_t vemu__p9_get8(struct p9_reader *r);
uint16_t vemu__p9_get16(struct p9_reader *r);
uint32_t vemu__p9_get32(struct p9_reader *r);
uint64_t vemu__p9_get64(struct p9_reader *r);
/* Never NULL; one with a zero byte in it is bad. */
const char *vemu__p9_get_string(struct p9_reader *r);

struct p9_writer {
    uint8_t *buf;
    size_t used, size;
    bool full;
};
void vemu__p9_put8(struct p9_writer *w, uint8_t value);
void vemu__p9_put16(struct p9_writer *w, uint16_t value);
void vemu__p9_put32(struct p9_writer *w, uint32_t value);
void vemu__p9_put64(struct p9_writer *w, uint64_t value);
void vemu__p9_put_string(struct p9_writer *w, const char *text, size_t length);
void vemu__p9_put_qid(struct p9_writer *w, const struct p9_qid *qid);
/* The header, at the beginning of the buffer. */
void vemu__p9_put_header(struct p9_writer *w, uint32_t size, uint8_t type, uint16_t tag);

#endif
