/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gdb session: framing, commands and their errors, stops, what hostile input may not do. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session-board.h"

static struct board board;

static void setup(void)
{
    board_init(&board);
}

static void teardown(void)
{
    board_fini(&board);
}

static void feed(const char *bytes, size_t size)
{
    vemu__gdb_session_input(&board.session, bytes, size);
}

/* What came back since the last time; valid until the next. */
static const char *taken(void)
{
    static char text[2 * GDB_PACKET_MAX + 64];

    g_strlcpy(text, board.session.out->str, sizeof(text));
    g_string_truncate(board.session.out, 0);
    return text;
}

/* A packet and its reply, both without frame and acknowledgement. */
static const char *ask_bytes(const char *data, size_t size)
{
    static char reply[2 * GDB_PACKET_MAX + 64];
    g_autoptr(GString) frame = g_string_new(NULL);
    const char *text, *end;

    vemu__gdb_frame(frame, data, size);
    feed(frame->str, frame->len);
    text = taken();
    ck_assert_int_eq(*text, '+');
    if (!text[1]) /* none */
        return "(none)";
    ck_assert_int_eq(text[1], '$');
    end = strrchr(text, '#');
    ck_assert_ptr_nonnull(end);
    ck_assert_uint_eq(strlen(end), 3);
    g_strlcpy(reply, text + 2, (gsize)(end - text - 1));
    return reply;
}

static const char *ask(const char *data)
{
    return ask_bytes(data, strlen(data));
}

#define ASK(question, answer) ck_assert_str_eq(ask(question), answer)
#define SAYS(text)            ck_assert_str_eq(taken(), text)

START_TEST(framing)
{
    feed("garbage$qC#b4", 13);
    SAYS("+$QC1#c5");
    feed("-", 1); /* again, please */
    SAYS("$QC1#c5");
    feed("+-", 2); /* has it; nothing to say again */
    SAYS("");
    feed("$qC#b5", 6);
    SAYS("-");
    feed("$qC#zz", 6);
    SAYS("-");
    feed("$qC$qC#b4", 9); /* the end of the first got lost */
    SAYS("+$QC1#c5");
    for (const char *c = "$qC#b4"; *c; c++)
        feed(c, 1);
    SAYS("+$QC1#c5");
    ASK("QStartNoAckMode", "OK");
    feed("$qC#b4", 6);
    SAYS("$QC1#c5");
    feed("$qC#b5", 6);
    SAYS("");
}
END_TEST

START_TEST(packets_that_are_too_long)
{
    g_autoptr(GString) long_one = g_string_new("$m");

    for (unsigned n = 0; n < 2 * GDB_PACKET_MAX; n++)
        g_string_append_c(long_one, '0');
    g_string_append(long_one, "#00");
    feed(long_one->str, long_one->len);
    SAYS("-");
    ASK("qC", "QC1");
}
END_TEST

/* What is asked for a thousand times is not kept a thousand times for who reads none of it. */
START_TEST(asked_again_and_again)
{
    const char *reply = ask("mffffffff80000000,1f00");
    const size_t size = strlen(reply);

    ck_assert_uint_eq(size, 2 * 0x1f00);
    for (unsigned i = 0; i < 4096; i++)
        feed("-", 1);
    ck_assert_uint_ge(board.session.out->len, size);
    ck_assert_uint_le(board.session.out->len, 8 * size);
    g_string_truncate(board.session.out, 0);
    feed("-", 1); /* now there is room */
    ck_assert_uint_gt(board.session.out->len, size);
}
END_TEST

START_TEST(unknown_is_empty)
{
    static const char *const words[] = { "", "!", "A", "vMustReplyEmpty", "vKill;1", "qTStatus",
                                         "qSymbol::", "QNonStop:1", "Z5,1,1", "z9,1,1", "y" };

    for (size_t n = 0; n < G_N_ELEMENTS(words); n++)
        ASK(words[n], "");
}
END_TEST

START_TEST(registers)
{
    const char *all;

    board.states[0].regs.gpr[VEMU_RBX] = 0x1122334455667788;
    board.states[0].sregs.cr3 = 0xabc000;
    ASK("p1", "8877665544332211");
    ASK("p10", "0010000000000000"); /* rip */
    ASK("P1=0100000000000080", "OK");
    ck_assert_uint_eq(board.states[0].regs.gpr[VEMU_RBX], 0x8000000000000001);
    ck_assert_uint_eq(board.set_groups, VEMU_STATE_REGS);
    ASK("p1", "0100000000000080");
    all = ask("g");
    ck_assert_int_eq(strncmp(all + 16, "0100000000000080", 16), 0);
    /* the same back: nothing to do; all else changed: a selector cannot be */
    {
        g_autofree char *back = g_strdup_printf("G%s", all);
        unsigned sets = board.sets;

        ASK(back, "OK");
        ck_assert_uint_eq(board.sets, sets);
        back[1 + 16 * 16 + 16 + 8] = '1'; /* cs */
        ASK(back, "E16");
        back[strlen(back) - 1] = '\0'; /* short of a digit */
        back[1 + 16 * 16 + 16 + 8] = '0';
        ASK(back, "E16");
    }
    ASK("p", "E16");
    ASK("pffff", "E16");
    ASK("p10000000000000000", "E16");
    ASK("P1=00", "E16");
    ASK("P1:0100000000000080", "E16");
    ASK("Pffff=00", "E16");
    board.fail = EIO;
    ASK("Hg2", "OK");
    ASK("g", "E05");
    ASK("p1", "E05");
}
END_TEST

START_TEST(floating_point)
{
    uint8_t *area = board.states[0].fpu.area;
    uint8_t value[16];
    uint32_t groups = 0;

    /* one register in use, top of stack 7, 1.0 */
    area[0] = 0x7f;
    area[1] = 0x03;
    area[3] = 7 << 3;
    area[4] = 0x80;
    memcpy(area + 32, "\0\0\0\0\0\0\0\x80\xff\x3f", 10);
    ASK("p18", "0000000000000080ff3f"); /* st0 */
    ASK("p20", "7f030000");             /* fctrl */
    ASK("p22", "ff3f0000");             /* ftag: 7 valid, others empty */
    ASK("P22=ffff0000", "OK");
    ck_assert_uint_eq(area[4], 0);
    ASK("P28=000102030405060708090a0b0c0d0e0f", "OK"); /* xmm0 */
    ck_assert_uint_eq(area[160 + 15], 15);
    ASK("P38=ffffffff", "OK"); /* mxcsr: reserved bits stay 0 */
    ASK("p38", "bfff0000");
    /* XSAVE: what is in its initial state is not in the image */
    board.states[1].fpu.xsave_size = 832;
    vemu__gdb_register_get(&board.states[1], 0x20, value);
    ck_assert_uint_eq(value[0] | value[1] << 8, 0x37f);
    memset(value, 9, sizeof(value));
    ck_assert_int_eq(vemu__gdb_register_set(&board.states[1], 0x28, value, &groups), 0);
    ck_assert_uint_eq(groups, VEMU_STATE_FPU);
    ck_assert_uint_eq(board.states[1].fpu.area[512], 3);
}
END_TEST

START_TEST(memory)
{
    ASK("mffffffff80000000,4", "00070e15");
    ASK("mffffffff80000000,0", "");
    ASK("mffffffff8000fffe,8", "f1f8"); /* what there is */
    ASK("m1000,4", "E0e");
    ASK("mffffffffffffffff,2", "E16"); /* over the end */
    ASK("mffffffff80000000", "E16");
    ASK("mffffffff80000000,4x", "E16");
    ASK("m,4", "E16");
    ck_assert_uint_eq(strlen(ask("mffffffff80000000,7fffffff")), GDB_PACKET_MAX - 64);
    ASK("Mffffffff80000001,2:abcd", "OK");
    ASK("mffffffff80000000,4", "00abcd15");
    ASK("Mffffffff80000001,3:abcd", "E16");
    ASK("Mffffffff80000001,1:abcd", "E16");
    ASK("Mffffffff80000001,ffffffffff:ab", "E16");
    ASK("Mffffffff8000ffff,2:abcd", "E0e");
    ck_assert_str_eq(ask_bytes("Xffffffff80000000,3:#$}", 23), "OK"); /* escaped on the way */
    ASK("mffffffff80000000,3", "23247d");
    ASK("Xffffffff80000000,0:", "OK");
    ASK("Xffffffff80000000,2:a", "E16");
}
END_TEST

START_TEST(points)
{
    ASK("Z0,1000,1", "OK");
    ASK("Z2,2000,8", "OK");
    ck_assert_uint_eq(board.point_count, 2);
    ck_assert_uint_eq(board.points[1].kind, VEMU_DEBUG_WRITE);
    ck_assert_uint_eq(board.points[1].size, 8);
    ASK("z0,1000,1", "OK");
    ck_assert_uint_eq(board.point_count, 1);
    ASK("Z2,2000,0", "E16");
    ASK("Z2,2000,100000000", "E16");
    ASK("Z3,ffffffffffffffff,2", "E16");
    ASK("Z0,1000", "E16");
    ASK("Z0,1000,1;X1,0", "E16");
    board.fail = ENOSPC;
    ASK("Z1,3000,1", "E1c");
}
END_TEST

START_TEST(threads)
{
    ASK("qfThreadInfo", "m1,2");
    ASK("qsThreadInfo", "l");
    ASK("T1", "OK");
    ASK("T3", "E03");
    ASK("T0", "E03");
    ASK("Hg2", "OK");
    ASK("qC", "QC2");
    ASK("p10", "0020000000000000");
    ASK("Hg3", "E16");
    ASK("Hx1", "E16");
    ASK("H", "E16");
    ASK("Hc-1", "OK");
    ASK("qThreadExtraInfo,2", "764350552031205b68616c7465645d"); /* vCPU 1 [halted] */
    ASK("qThreadExtraInfo,9", "E03");
}
END_TEST

START_TEST(places_without_a_vcpu)
{
    board.absent = 1;
    ASK("qfThreadInfo", "m1");
    ASK("T2", "E03");
    ASK("Hg2", "E16");
    ASK("qThreadExtraInfo,2", "E03");
    ASK("vCont;s:2", "E16");
    ck_assert_uint_eq(board.resumes, 0);
    ASK("vCont;s:1", "(none)"); /* goes; one that is plugged in meanwhile as well */
    ck_assert_int_eq(board.actions[0], GDB_ACTION_STEP);
    ck_assert_int_eq(board.actions[1], GDB_ACTION_RUN);
    board.machine = GDB_MACHINE_STOPPED;
    vemu__gdb_session_stopped(&board.session, &(struct gdb_stop){ .signal = GDB_SIGTRAP });
    taken();
    board.absent = 0;
    ASK("qfThreadInfo", "m2");
}
END_TEST

START_TEST(description)
{
    g_autoptr(GString) xml = g_string_new(NULL);
    char question[64];
    const char *part;

    do {
        g_snprintf(question, sizeof(question), "qXfer:features:read:target.xml:%zx,3e8", xml->len);
        part = ask(question);
        g_string_append(xml, part + 1);
        ck_assert_uint_lt(xml->len, 100000);
    } while (*part == 'm');
    ck_assert_int_eq(*part, 'l');
    ck_assert(g_str_has_suffix(xml->str, "</target>"));
    ck_assert_ptr_nonnull(strstr(xml->str, "<reg name=\"cr3\""));
    ASK("qXfer:features:read:target.xml:fffff,10", "E16");
    ASK("qXfer:features:read:other.xml:0,10", "E00");
    ASK("qXfer:features:read:target.xml:0", "E00");
    ck_assert_ptr_nonnull(strstr(ask("qSupported:swbreak+"), "PacketSize=4000"));
}
END_TEST

START_TEST(running)
{
    struct gdb_stop stop = { .signal = GDB_SIGTRAP, .thread = 1, .debug = true,
                             .exit.debug = { .kind = VEMU_DEBUG_SOFTWARE } };

    ASK("?", "T05thread:1;");
    ASK("vCont?", "vCont;c;C;s;S");
    ASK("vCont;s:2;c", "(none)");
    ck_assert_int_eq(board.actions[0], GDB_ACTION_RUN);
    ck_assert_int_eq(board.actions[1], GDB_ACTION_STEP);
    board.machine = GDB_MACHINE_STOPPED;
    vemu__gdb_session_stopped(&board.session, &stop);
    ck_assert(g_str_has_prefix(taken(), "$T05thread:2;#"));
    ASK("qC", "QC2");
    ASK("qSupported:swbreak+;hwbreak+", ask("qSupported:swbreak+;hwbreak+"));
    /* one alone: the others stay */
    ASK("vCont;s:1", "(none)");
    ck_assert_int_eq(board.actions[0], GDB_ACTION_STEP);
    ck_assert_int_eq(board.actions[1], GDB_ACTION_HOLD);
    board.machine = GDB_MACHINE_STOPPED;
    vemu__gdb_session_stopped(&board.session, &stop);
    ck_assert_ptr_nonnull(strstr(taken(), "T05thread:2;swbreak:;"));
    vemu__gdb_session_stopped(&board.session, &stop); /* nobody waits */
    SAYS("");
    /* Ctrl-C */
    ASK("c", "(none)");
    feed("\3", 1);
    ck_assert_ptr_nonnull(strstr(taken(), "T02thread:1;"));
    feed("\3", 1); /* it does not run */
    SAYS("");
    /* a packet while it runs stops it */
    ASK("c", "(none)");
    ck_assert_ptr_nonnull(strstr(ask("g"), "T02"));
    /* something has happened already */
    board.stop_at_once = true;
    ASK("vCont;c", "T05thread:2;watch:1234;");
    board.stop_at_once = false;
    /* not that */
    ASK("vCont", "E16");
    ASK("vCont;x", "E16");
    ASK("vCont;c:9", "E16");
    ASK("vCont;", "E16");
    ASK("C", "E16");
    ASK("cxyz", "E16");
    board.fail = EIO;
    ASK("c", "E05");
    board.fail = 0;
    /* at an address, with a signal that there is not */
    ASK("S05;4000", "(none)");
    ck_assert_uint_eq(board.states[1].regs.rip, 0x4000);
    /* the guest is off */
    board.machine = GDB_MACHINE_OFF;
    vemu__gdb_session_exited(&board.session, 7);
    ck_assert(g_str_has_prefix(taken(), "$W07#"));
    ASK("?", "W00");
    ASK("c", "W00");
    board.machine = GDB_MACHINE_NONE;
    ASK("g", "E13");
}
END_TEST

START_TEST(leaving)
{
    ASK("D", "OK");
    ck_assert_uint_eq(board.detaches, 1);
    ASK("k", "(none)");
    ck_assert_uint_eq(board.quits, 1);
    ASK("qRcmd,73797374656d5f7265736574", "OK"); /* system_reset */
    ck_assert_uint_eq(board.resets, 1);
    ck_assert_ptr_nonnull(strstr(ask("qRcmd,68656c70"), "71756974")); /* help lists quit */
    ck_assert_ptr_nonnull(strstr(ask("qRcmd,6e6f"), "756e6b6e6f776e")); /* unknown */
    ASK("qRcmd,6", "E16");
    ASK("qAttached", "1");
    vemu__gdb_session_reset(&board.session);
    SAYS("");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { framing,
                                   packets_that_are_too_long,
                                   asked_again_and_again,
                                   unknown_is_empty,
                                   registers,
                                   floating_point,
                                   memory,
                                   points,
                                   threads,
                                   places_without_a_vcpu,
                                   description,
                                   running,
                                   leaving };
    Suite *suite = suite_create("gdb-session");
    TCase *tcase = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    for (size_t n = 0; n < G_N_ELEMENTS(tests); n++)
        tcase_add_test(tcase, tests[n]);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
