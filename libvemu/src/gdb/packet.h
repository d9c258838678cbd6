/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GDB's remote serial protocol: framing and the numbers in it (GDB manual, appendix E.1).
 */
#ifndef VEMU_GDB_PACKET_H
#define VEMU_GDB_PACKET_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_PACKET_MAX 16384u /* bytes of a packet between '$' and '#' */

/* What a byte completes. */
enum gdb_input {
    GDB_INPUT_NONE,
    GDB_INPUT_ACK,    /* '+' */
    GDB_INPUT_NAK,    /* '-' */
    GDB_INPUT_BREAK,  /* Ctrl-C outside of a packet */
    GDB_INPUT_PACKET, /* in `data`, escapes undone, NUL behind it */
    GDB_INPUT_BAD,    /* a wrong checksum, or too long */
};

struct gdb_reader {
    enum { GDB_READ_IDLE, GDB_READ_DATA, GDB_READ_ESCAPE, GDB_READ_SUM1, GDB_READ_SUM2 } state;
    bool bad; /* this packet cannot be taken */
    uint8_t sum, told;
    size_t size;
    char data[GDB_PACKET_MAX + 1];
};

void vemu__gdb_reader_reset(struct gdb_reader *reader);
enum gdb_input vemu__gdb_reader_put(struct gdb_reader *reader, uint8_t byte);
/* Appends "$data#sum" with escapes. */
void vemu__gdb_frame(GString *out, const void *data, size_t size);

/* Takes a hexadecimal number of 1 to 16 digits from *text (which ends at `end`); false: there is
 * none, or it is longer. */
bool vemu__gdb_take_hex(const char **text, const char *end, uint64_t *ret);
/* Takes this very text. */
bool vemu__gdb_take(const char **text, const char *end, const char *word);
/* `size` bytes from twice as many digits; false: others are among them, or not that many. */
bool vemu__gdb_take_bytes(const char **text, const char *end, void *buf, size_t size);
void vemu__gdb_put_bytes(GString *out, const void *buf, size_t size);

#endif
