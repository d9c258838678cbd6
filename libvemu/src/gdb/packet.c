/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Framing of GDB's remote serial protocol, byte by byte: input is hostile and comes in any pieces.
 */
#include "gdb/packet.h"

#include <string.h>

#define CTRL_C 3

static int digit(char c)
{
    return g_ascii_isxdigit(c) ? g_ascii_xdigit_value(c) : -1;
}

void vemu__gdb_reader_reset(struct gdb_reader *r)
{
    r->state = GDB_READ_IDLE;
    r->size = 0;
}

static enum gdb_input idle(struct gdb_reader *r, uint8_t byte)
{
    switch (byte) {
    case '+': return GDB_INPUT_ACK;
    case '-': return GDB_INPUT_NAK;
    case CTRL_C: return GDB_INPUT_BREAK;
    case '$':
        r->state = GDB_READ_DATA;
        r->bad = false;
        r->sum = 0;
        r->size = 0;
        return GDB_INPUT_NONE;
    default: return GDB_INPUT_NONE;
    }
}

static void append(struct gdb_reader *r, uint8_t byte)
{
    if (r->size < GDB_PACKET_MAX)
        r->data[r->size++] = (char)byte;
    else
        r->bad = true;
}

static enum gdb_input finish(struct gdb_reader *r)
{
    r->state = GDB_READ_IDLE;
    if (r->bad || r->told != r->sum)
        return GDB_INPUT_BAD;
    r->data[r->size] = '\0';
    return GDB_INPUT_PACKET;
}

enum gdb_input vemu__gdb_reader_put(struct gdb_reader *r, uint8_t byte)
{
    switch (r->state) {
    case GDB_READ_IDLE: return idle(r, byte);
    case GDB_READ_DATA:
        if (byte == '$') /* the end of the one before got lost */
            return idle(r, byte);
        if (byte == '#') {
            r->state = GDB_READ_SUM1;
            return GDB_INPUT_NONE;
        }
        r->sum = (uint8_t)(r->sum + byte);
        if (byte == '}')
            r->state = GDB_READ_ESCAPE;
        else
            append(r, byte);
        return GDB_INPUT_NONE;
    case GDB_READ_ESCAPE:
        r->sum = (uint8_t)(r->sum + byte);
        r->state = GDB_READ_DATA;
        append(r, byte ^ 0x20);
        return GDB_INPUT_NONE;
    case GDB_READ_SUM1:
    case GDB_READ_SUM2:
        if (digit((char)byte) < 0)
            r->bad = true;
        else
            r->told = (uint8_t)(r->told << 4 | digit((char)byte));
        if (r->state == GDB_READ_SUM2)
            return finish(r);
        r->state = GDB_READ_SUM2;
        return GDB_INPUT_NONE;
    }
    return GDB_INPUT_NONE;
}

void vemu__gdb_frame(GString *out, const void *data, size_t size)
{
    const char *bytes = data;
    uint8_t sum = 0;

    g_string_append_c(out, '$');
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];

        if (c == '#' || c == '$' || c == '}' || c == '*') {
            g_string_append_c(out, '}');
            sum = (uint8_t)(sum + '}');
            c ^= 0x20;
        }
        g_string_append_c(out, c);
        sum = (uint8_t)(sum + (uint8_t)c);
    }
    g_string_append_printf(out, "#%02x", sum);
}

/* --- numbers ---------------------------------------------------------------------------------- */

bool vemu__gdb_take_hex(const char **text, const char *end, uint64_t *ret)
{
    const char *at = *text;
    uint64_t value = 0;

    while (at < end && digit(*at) >= 0) {
        if (at - *text == 16)
            return false;
        value = value << 4 | (uint64_t)digit(*at++);
    }
    if (at == *text)
        return false;
    *text = at;
    *ret = value;
    return true;
}

bool vemu__gdb_take(const char **text, const char *end, const char *word)
{
    const size_t size = strlen(word);

    if ((size_t)(end - *text) < size || memcmp(*text, word, size))
        return false;
    *text += size;
    return true;
}

bool vemu__gdb_take_bytes(const char **text, const char *end, void *buf, size_t size)
{
    uint8_t *bytes = buf;
    const char *at = *text;

    if ((size_t)(end - at) / 2 < size)
        return false;
    for (size_t i = 0; i < size; i++, at += 2) {
        if (digit(at[0]) < 0 || digit(at[1]) < 0)
            return false;
        bytes[i] = (uint8_t)(digit(at[0]) << 4 | digit(at[1]));
    }
    *text = at;
    return true;
}

void vemu__gdb_put_bytes(GString *out, const void *buf, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = buf;

    for (size_t i = 0; i < size; i++) {
        g_string_append_c(out, digits[bytes[i] >> 4]);
        g_string_append_c(out, digits[bytes[i] & 15]);
    }
}
