/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hostile peer: any bytes as a stream of packets, each of which is decoded as what its header
 * says it is, and also as an error.
 *
 *     fuzz-rpc [SEED COUNT | FILE]
 *
 * What is checked: no more memory is used than a small multiple of what came; what can be decoded
 * can be encoded, and decodes again to the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz-rpc: %s\n", what);
        abort();
    }
}

static void try_layout(const struct vmgr__wire_layout *layout, const uint8_t *payload, size_t size)
{
    g_autofree uint8_t *copy = g_memdup2(payload, size);
    g_autofree uint8_t *value = g_malloc0(layout->size + 16);
    g_autoptr(GByteArray) once = g_byte_array_new(), twice = g_byte_array_new();
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    ssize_t n = vmgr__wire_decode(layout, copy, size, &arena, value);

    require(n <= (ssize_t)size, "took more than there was");
    require(arena.allocated <= 16 * size + 16384, "used too much memory");
    if (n >= 0) {
        require(vmgr__wire_encode(layout, value, once) == 0, "cannot encode what was decoded");
        vmgr__arena_clear(&arena);
        g_free(g_steal_pointer(&copy));
        copy = g_memdup2(once->data, once->len);
        n = vmgr__wire_decode(layout, copy, once->len, &arena, value);
        require(n == (ssize_t)once->len, "cannot decode what was encoded");
        require(vmgr__wire_encode(layout, value, twice) == 0 && twice->len == once->len &&
                    memcmp(twice->data, once->data, once->len) == 0,
                "two ways to encode one value");
    }
    vmgr__arena_clear(&arena);
}

static void packet(const struct vmgr__rpc_packet *p)
{
    const struct vmgr__wire_call *call = vmgr__wire_call(
        p->header.program == WIRE_QEMU_PROGRAM ? &vmgr__wire_qemu : &vmgr__wire_remote,
        p->header.procedure);

    try_layout(&vmgr__wire_layout_error, p->payload, p->size);
    if (call && call->args)
        try_layout(call->args, p->payload, p->size);
    if (call && call->ret)
        try_layout(call->ret, p->payload, p->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vmgr__rpc_reader reader;
    struct vmgr__rpc_packet *p;

    vmgr__rpc_reader_init(&reader);
    while (size) {
        /* in pieces, whose sizes are as odd as the bytes */
        const size_t piece = MIN(size, (size_t)data[0] * 3 + 1);

        vmgr__rpc_reader_feed(&reader, data, piece);
        data += piece;
        size -= piece;
        int r;

        while ((r = vmgr__rpc_reader_next(&reader, &p)) == 1) {
            packet(p);
            vmgr__rpc_packet_free(p);
        }
        if (r < 0)
            break;
    }
    vmgr__rpc_reader_fini(&reader);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

static uint64_t state;

static uint32_t below(uint32_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 11) % limit;
}

static GByteArray *from_hex(const char *hex)
{
    GByteArray *bytes = g_byte_array_new();

    for (; g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]); hex += 2) {
        const guint8 byte =
            (guint8)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));

        g_byte_array_append(bytes, &byte, 1);
    }
    return bytes;
}

static void spoil(GByteArray *bytes)
{
    static const uint32_t words[] = { 0, 1, 2, 7, 8, 0x7fffffff, 0xffffffff, 0x4000, 0x400000 };
    const guint at = below(bytes->len);

    switch (below(4)) {
    case 0: bytes->data[at] = (guint8)below(256); break;
    case 1:
        if (bytes->len >= 8)
            vmgr__put32(bytes->data + MIN(at & ~3u, bytes->len - 4),
                        words[below(G_N_ELEMENTS(words))]);
        break;
    case 2: g_byte_array_set_size(bytes, at + 1); break;
    default: /* another procedure's */
        if (bytes->len >= 16)
            vmgr__put32(bytes->data + 12, 1 + below(WIRE_REMOTE_CALLS));
    }
    /* Mostly with a length that is right: what is inside matters more. */
    if (below(8) && bytes->len >= 28)
        vmgr__put32(bytes->data, bytes->len);
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    const unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 30000;
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    gsize size;

    if (argc == 2 && g_file_get_contents(argv[1], &text, &size, NULL))
        return LLVMFuzzerTestOneInput((const uint8_t *)text, size);
    if (!g_file_get_contents(SAMPLES, &text, NULL, NULL)) {
        fprintf(stderr, "fuzz-rpc: cannot read %s\n", SAMPLES);
        return 1;
    }
    lines = g_strsplit(text, "\n", -1);
    state = seed * 0x9e3779b97f4a7c15u | 1;
    for (unsigned i = 0; i < count; i++) {
        const char *line = lines[below(g_strv_length(lines))];
        const char *hex = strrchr(line, ' ');
        g_autoptr(GByteArray) bytes = from_hex(hex && line[0] != '#' ? hex + 1 : "");

        for (unsigned n = below(4); n && bytes->len; n--)
            spoil(bytes);
        LLVMFuzzerTestOneInput(bytes->data, bytes->len);
    }
    return 0;
}
#endif
