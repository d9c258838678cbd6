/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hostile debugger: any bytes, or packets that are right outside and wrong inside, to a session
 * whose machine (tests/vemu/gdb/session-board.c) checks that it is used by the rules.
 *
 *     fuzz-gdb [SEED COUNT | FILE]
 *
 * The first byte of an input: bit 0 frames each line as a packet, so that the checksum is right.
 * Within, the byte 0x01 stops the machine as a breakpoint does, 0x02 ends the guest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session-board.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void happen(struct board *board, uint8_t byte)
{
    const struct gdb_stop stop = {
        .signal = GDB_SIGTRAP, .thread = byte % BOARD_THREADS, .debug = true,
        .exit.debug = { .kind = VEMU_DEBUG_READ, .address = 0x77 },
    };

    if (board->machine != GDB_MACHINE_RUNNING)
        return;
    board->machine = byte == 1 ? GDB_MACHINE_STOPPED : GDB_MACHINE_OFF;
    if (byte == 1)
        vemu__gdb_session_stopped(&board->session, &stop);
    else
        vemu__gdb_session_exited(&board->session, byte);
}

static void line(struct board *board, const char *text, size_t size)
{
    g_autoptr(GString) frame = g_string_new(NULL);

    vemu__gdb_frame(frame, text, size);
    vemu__gdb_session_input(&board->session, frame->str, frame->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct board board;
    const char *text = (const char *)data + 1, *end = (const char *)data + size;

    if (!size)
        return 0;
    board_init(&board);
    while (text < end) {
        const char *next = memchr(text, '\n', (size_t)(end - text));
        const size_t part = (size_t)((next ? next : end) - text);

        if (part == 1 && (*text == 1 || *text == 2))
            happen(&board, (uint8_t)*text);
        else if (data[0] & 1)
            line(&board, text, part);
        else
            vemu__gdb_session_input(&board.session, text, part + (next != NULL));
        g_string_truncate(board.session.out, 0);
        text += part + 1;
    }
    board_fini(&board);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

static const char *const words[] = {
    "?", "g", "G00", "p1", "p10", "P1=0011223344556677", "mffffffff80000000,40", "m0,1",
    "Mffffffff80000000,2:abcd", "Xffffffff80000000,2:ab", "Z0,1000,1", "z0,1000,1", "Z2,2000,8",
    "Z4,ffffffffffffffff,1", "vCont?", "vCont;c", "vCont;s:1;c:-1", "vCont;C05:2", "c", "s",
    "S05;4000", "c1000", "Hg0", "Hg2", "Hc-1", "T2", "D", "k", "qSupported:swbreak+;hwbreak+",
    "QStartNoAckMode", "qXfer:features:read:target.xml:0,ffff", "qfThreadInfo", "qsThreadInfo",
    "qThreadExtraInfo,1", "qC", "qRcmd,68656c70", "qRcmd,73797374656d5f7265736574", "qAttached",
    "\1", "\2", "\3", "vMustReplyEmpty",
};

static uint64_t state;

static uint32_t below(uint32_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 11) % limit;
}

static void one(void)
{
    static const char interesting[] = "0123456789abcdef,;:=-$#}*\3+\n\xff";
    g_autoptr(GString) input = g_string_new(NULL);

    g_string_append_c(input, (char)below(4));
    for (unsigned n = below(40); n; n--) {
        g_string_append(input, words[below(G_N_ELEMENTS(words))]);
        g_string_append_c(input, '\n');
    }
    for (unsigned n = below(12); n && input->len > 1; n--) {
        const gsize at = 1 + below((uint32_t)input->len - 1), some = below(8);

        switch (below(4)) {
        case 0: input->str[at] = interesting[below(sizeof(interesting) - 1)]; break;
        case 1: input->str[at] = (char)below(256); break;
        case 2: g_string_erase(input, (gssize)at, (gssize)MIN(some, input->len - at)); break;
        default:
            g_string_insert_c(input, (gssize)at, interesting[below(sizeof(interesting) - 1)]);
        }
    }
    LLVMFuzzerTestOneInput((const uint8_t *)input->str, input->len);
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    const unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 2000;
    g_autofree char *text = NULL;
    gsize size;

    if (argc == 2) {
        if (!g_file_get_contents(argv[1], &text, &size, NULL)) {
            fprintf(stderr, "fuzz-gdb: cannot read %s\n", argv[1]);
            return 1;
        }
        return LLVMFuzzerTestOneInput((const uint8_t *)text, size);
    }
    for (unsigned n = 0; n < count; n++) {
        state = (seed + n + 1) * 0x9e3779b97f4a7c15ull;
        one();
    }
    printf("fuzz-gdb: %u inputs from seed %llu\n", count, (unsigned long long)seed);
    return 0;
}

#endif
