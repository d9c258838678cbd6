/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XDR (RFC 4506) as the management protocol uses it: structures to bytes and back, by tables.
 *
 * Theory of operation. wire-gen.py makes from protocol.wire a C structure for each message and a
 * table that tells where each field lies and how it travels. One interpreter walks the tables in
 * both directions; there is no code per message.
 *
 * Decoding trusts nothing. A list is believed only if the bytes that are left could hold that many
 * elements, so that what is allocated is at most a small multiple (MOST_PER_BYTE in the generator,
 * asserted at compile time) of what was received. Strings are not copied: they are terminated in
 * the buffer they came in, which therefore must outlive the structure. Lists and optional
 * structures come from an arena, and go with it: nothing is freed piece by piece.
 *
 * What libvirt accepts is accepted: padding that is not zero, bytes after the last field, a
 * discriminant other than 0 and 1. A NUL inside of a string is refused.
 */
#ifndef VMGR_RPC_CODEC_H
#define VMGR_RPC_CODEC_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define VMGR__WIRE_STRING_MAX  4194304u
#define VMGR__WIRE_PACKET_MAX  33554432u /* without the length word */
#define VMGR__WIRE_HEADER_SIZE 24u

enum vmgr__wire_kind {
    WIRE_INT,
    WIRE_HYPER,
    WIRE_STRING,
    WIRE_UUID,
    WIRE_CHAR,
    WIRE_BYTE,
    WIRE_VALUE,
    WIRE_STRUCT,
};
enum vmgr__wire_form { WIRE_PLAIN, WIRE_OPTIONAL, WIRE_LIST, WIRE_ARRAY };

struct vmgr__wire_layout;
struct vmgr__wire_field {
    uint16_t offset;
    uint8_t kind;
    uint8_t form;
    uint32_t count; /* LIST: at most; ARRAY: exactly */
    const struct vmgr__wire_layout *sub;
};
struct vmgr__wire_layout {
    const struct vmgr__wire_field *fields;
    uint32_t n_fields;
    uint32_t size;  /* in memory */
    uint32_t least; /* on the wire */
};

#define WIRE_CALL_READ   (1u << 0)
#define WIRE_CALL_FAST   (1u << 1)
#define WIRE_CALL_UNAUTH (1u << 2)
#define WIRE_CALL_STREAM (1u << 3)
#define WIRE_CALL_EVENT  (1u << 4)
struct vmgr__wire_call {
    const char *name;
    const struct vmgr__wire_layout *args, *ret; /* NULL: nothing */
    uint32_t flags;
};
struct vmgr__wire_program {
    const char *name;
    uint32_t number;
    uint32_t version;
    uint32_t n_calls;
    const struct vmgr__wire_call *calls; /* of number i + 1 */
};
/* NULL: no such procedure. */
const struct vmgr__wire_call *vmgr__wire_call(const struct vmgr__wire_program *program,
                                              int32_t number);

/* Types of a typed parameter's value. */
enum {
    WIRE_VALUE_INT = 1,
    WIRE_VALUE_UINT = 2,
    WIRE_VALUE_LLONG = 3,
    WIRE_VALUE_ULLONG = 4,
    WIRE_VALUE_DOUBLE = 5,
    WIRE_VALUE_BOOLEAN = 6,
    WIRE_VALUE_STRING = 7,
};
struct wire_value {
    int32_t type;
    union {
        int32_t i;
        uint32_t ui;
        int64_t l;
        uint64_t ul;
        double d;
        int32_t b;
        char *s;
    };
};

/* ---- memory that goes at once ---- */
struct vmgr__arena {
    struct vmgr__arena_block *blocks;
    GSList *adopted;
    size_t allocated;
};
#define VMGR__ARENA_INIT                                                                           \
    {                                                                                              \
        NULL, NULL, 0                                                                              \
    }
void vmgr__arena_clear(struct vmgr__arena *a);
/* Zeroed; NULL when there is no memory. */
void *vmgr__arena_alloc(struct vmgr__arena *a, size_t size);
/* For what is not sized by a peer: never NULL. */
char *vmgr__arena_strdup(struct vmgr__arena *a, const char *text);
/* Calls free_fn(p) with the rest. Returns p. */
void *vmgr__arena_adopt(struct vmgr__arena *a, void *p, void (*free_fn)(void *p));

/* ---- codec ---- */
/*
 * Reads a structure. data is written to (strings are terminated in place) and must outlive *ret.
 * Returns the bytes it took, -EBADMSG or -ENOMEM.
 */
ssize_t vmgr__wire_decode(const struct vmgr__wire_layout *layout, uint8_t *data, size_t size,
                          struct vmgr__arena *arena, void *ret);
/* Appends a structure. 0, or -E2BIG (more than the protocol allows), -EINVAL (a string that must be
 * there is not, a value of no type); then out is as it was. */
int vmgr__wire_encode(const struct vmgr__wire_layout *layout, const void *from, GByteArray *out);

static inline uint32_t vmgr__get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void vmgr__put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

#endif
