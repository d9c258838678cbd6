/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file format of recorded sessions, and its encoding.
 *
 * A file is a header and records, nothing else:
 *
 *     header  "VKVMREC\n", u32 version, u32 architecture (ELF machine), u32 0, u32 CRC of these
 *     record  u32 length of the body, u32 CRC of the body, body
 *
 * Words are little-endian; the CRC is CRC-32C. A length of 0, a record that is cut off or a wrong
 * CRC ends what can be read: a file grows in large zeroed steps, so a recorder that dies leaves
 * whole records and then zeros. The last record of a complete file is TRACE_END.
 *
 * The position of a record in the file is its order number: records are written when a call
 * returns. Bodies are made of variable-length numbers (7 bits a byte, least significant first):
 *
 *     type handle result(zigzag) then
 *     OPEN    flags path                             handle: the new one, 0 when it failed
 *     ADOPT                                          a descriptor made elsewhere is used first
 *     CLOSE
 *     IOCTL   request child form ...                 child: handle made by it, 0 none
 *             form 0: number
 *             form 1: count, then for each part: sparse in, sparse out
 *             form 2: NULL
 *     RUN     flags count, then for each mapping: mapping, patch in, patch out
 *     MMAP    mapping length prot flags offset patch(over zeros; when it succeeded)
 *     MUNMAP  mapping
 *     PREAD   size offset sparse
 *     KILL    signal                                 handle 0
 *     PAGES   mapping patch                          another call changed a vCPU's mapping
 *     END     records before this one
 *     NOTE    key length, key, value                 handle 0
 *
 *     sparse  size, then until that is reached: zeros, literals, literal bytes
 *     patch   pieces of length, unchanged bytes before it, bytes; a length of 0 ends it
 *
 * Handles and mappings are numbered from 1 in the order they are made. `in` of a mapping is
 * what user
 * space changed since the last record of it, `out` what the kernel did.
 */
#ifndef VKVM_SRC_TRACE_FORMAT_H
#define VKVM_SRC_TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC       "VKVMREC\n"
#define TRACE_VERSION     1u
#define TRACE_HEADER_SIZE 24
#define TRACE_RECORD_HEAD 8
#define TRACE_MAX_RECORD  (64u << 20)
#define TRACE_MAX_PART    (16u << 20) /* bytes of one argument: the log of a slot of 512 GiB */
#define TRACE_MAX_PARTS   20          /* of one ioctl */
#define TRACE_MAX_MAPS    8           /* of one handle */
#define TRACE_MAX_MAP     (64u << 20) /* bytes */
#define TRACE_MAX_HANDLES 65536

enum trace_type {
    TRACE_OPEN = 1,
    TRACE_ADOPT,
    TRACE_CLOSE,
    TRACE_IOCTL,
    TRACE_RUN,
    TRACE_MMAP,
    TRACE_MUNMAP,
    TRACE_PREAD,
    TRACE_KILL,
    TRACE_PAGES,
    TRACE_END,
    TRACE_NOTE,
    TRACE_TYPES
};

enum trace_form { TRACE_NUMBER, TRACE_PARTS, TRACE_NULL, TRACE_FORMS };

#define TRACE_RUN_KICKED 1u /* immediate_exit was set when KVM_RUN came back */

uint32_t trace__arch(void);
uint32_t trace__crc(uint32_t crc, const void *bytes, size_t size);

/* --- writing --- */

/* A growing buffer. After a failed allocation it stays as it was and `failed` is set. */
struct trace_buf {
    uint8_t *data;
    size_t size, capacity;
    bool failed;
};

void trace__buf_fini(struct trace_buf *b);
void trace__put(struct trace_buf *b, const void *bytes, size_t size);
void trace__put_number(struct trace_buf *b, uint64_t value);
void trace__put_signed(struct trace_buf *b, int64_t value);
void trace__put_sparse(struct trace_buf *b, const uint8_t *bytes, size_t size);
/* The differences from `old` to `new`, which is then copied over `old`. old NULL: zeros. Byte
 * `skip`
 * (SIZE_MAX: none) is taken as unchanged. Returns the number of pieces. */
size_t trace__put_patch(struct trace_buf *b, uint8_t *old, const uint8_t *new, size_t size,
                        size_t skip);
void trace__put_u32(uint8_t *p, uint32_t value);

/* --- reading --- */

/* A position in a body. After anything wrong `bad` is set, and everything read is 0. */
struct trace_cur {
    const uint8_t *p, *end;
    bool bad;
};

uint32_t trace__get_u32(const uint8_t *p);
uint64_t trace__get_number(struct trace_cur *c);
int64_t trace__get_signed(struct trace_cur *c);
/* `size` bytes, or NULL. */
const uint8_t *trace__get(struct trace_cur *c, size_t size);
/* Decodes into `buffer` when it is large enough, else only steps over. Returns the size, which may
 * be larger than `capacity`. */
size_t trace__get_sparse(struct trace_cur *c, uint8_t *buffer, size_t capacity);
/* Applies a patch to `size` bytes; a piece that lies outside is bad and nothing after it is done.
 * target NULL: only checks. Returns the number of pieces. */
size_t trace__get_patch(struct trace_cur *c, uint8_t *target, size_t size);

#endif
