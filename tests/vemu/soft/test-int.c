/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Integer instructions of the software CPU: the cases that are easy to get wrong. Plain results and
 * flags are the business of the fuzzer, which compares with the host's CPU.
 */
#include "accel/soft/int/flags.h"
#include "accel/soft/int/int.h"
#include "accel/soft/trace/trace.h"
#include "code-test.h"

/* --- registers ------------------------------------------------------------------------------ */

START_TEST(upper_halves)
{
    CODE("\x0f\x44\xd8"); /* cmove %eax, %ebx; ZF = 0: not taken */
    R(BX) = HIGH | 2;
    run();
    ck_assert_uint_eq(R(BX), 2);

    CODE("\x0f\xb1\xcb"); /* cmpxchg %ecx, %ebx fails */
    R(AX) = HIGH | 5;
    R(BX) = HIGH | 6;
    run();
    ck_assert_uint_eq(R(AX), 6);
    ck_assert_uint_eq(R(BX), HIGH | 6);

    CODE("\x0f\xb1\xcb"); /* and succeeds */
    R(AX) = HIGH | 6;
    R(BX) = HIGH | 6;
    R(CX) = 9;
    run();
    ck_assert_uint_eq(R(AX), HIGH | 6);
    ck_assert_uint_eq(R(BX), 9);

    CODE("\xd3\xe3"); /* shl %cl, %ebx by 32 = 0: extends, keeps flags */
    R(BX) = HIGH | 1;
    R(CX) = 32;
    sc_flags_set_arith(c, SC_ARITH);
    run();
    ck_assert_uint_eq(R(BX), 1);
    ck_assert_uint_eq(sc_harness_rflags(h) & SC_ARITH, SC_ARITH);

    CODE("\x0f\xbc\xd8"); /* bsf %eax, %ebx of 0: nothing is written */
    R(BX) = HIGH | 7;
    run();
    ck_assert_uint_eq(R(BX), HIGH | 7);
    ck_assert(sc_harness_rflags(h) & SC_ZF);

    CODE("\x90\x41\x90"); /* nop; xchg %eax, %r8d */
    R(AX) = HIGH | 1;
    c->gpr[8] = HIGH | 2;
    run();
    ck_assert_uint_eq(R(AX), 2);
    ck_assert_uint_eq(c->gpr[8], 1);

    CODE("\x88\xe0\x40\x88\xe1"); /* mov %ah, %al; mov %spl, %cl */
    R(AX) = 0x1234;
    run();
    ck_assert_uint_eq(R(AX), 0x1212);
    ck_assert_uint_eq(R(CX), SC_HARNESS_STACK & 0xff);
}
END_TEST

START_TEST(rotate_through_carry)
{
    CODE("\xc0\xd3\x09"); /* rcl $9, %bl is no rotation at all */
    R(BX) = 0x5a;
    sc_flags_set_arith(c, SC_CF | SC_OF);
    run();
    ck_assert_uint_eq(R(BX), 0x5a);
    ck_assert_uint_eq(sc_harness_rflags(h) & SC_ARITH, SC_CF | SC_OF);

    CODE("\x66\xc1\xdb\x11"); /* rcr $17, %bx */
    R(BX) = 0x1234;
    run();
    ck_assert_uint_eq(R(BX), 0x1234);

    CODE("\x66\x0f\xa4\xc3\x12"); /* shld $18, %ax, %bx: 16-bit count above 16 */
    R(AX) = 0x9357;
    R(BX) = 0x0081;
    run();
    ck_assert_uint_eq(R(BX), 0x4d5c);
}
END_TEST

START_TEST(inc_keeps_carry)
{
    CODE("\xf9\xff\xc0\xff\xc8\x11\xc9"); /* stc; inc %eax; dec %eax; adc %ecx, %ecx */
    run();
    ck_assert_uint_eq(R(CX), 1);
    CODE("\x39\xd8\x48\xff\xc1\x0f\x92\xc0\x9f"); /* cmp %ebx, %eax; inc %rcx; setb %al; lahf */
    R(AX) = 1;
    R(BX) = 2;
    R(CX) = ~0ull;
    run();
    ck_assert_uint_eq(R(AX) & 0xff, 1);
    ck_assert_uint_eq(R(AX) >> 8 & 0xff, SC_CF | SC_ZF | SC_PF | SC_AF | 2);
}
END_TEST

START_TEST(bit_strings)
{
    CODE("\x48\x0f\xab\x03"); /* bts %rax, (%rbx) with a negative offset */
    R(AX) = (uint64_t)-65;
    R(BX) = DATA + 64;
    run();
    ck_assert_uint_eq(get(DATA + 48, 8), 1ull << 63);
    ck_assert(!(sc_harness_rflags(h) & SC_CF));

    CODE("\x66\x0f\xb3\x03"); /* btr %ax, (%rbx): 16-bit signed offset */
    R(AX) = 0x1fff0;
    R(BX) = DATA + 64;
    put(DATA + 62, 2, 1);
    run();
    ck_assert_uint_eq(get(DATA + 62, 2), 0);
    ck_assert(sc_harness_rflags(h) & SC_CF);

    CODE("\x67\x48\x0f\xbb\x03"); /* addr32 btc %rax, (%rbx): the sum is cut to 32 bits */
    R(AX) = 64;
    R(BX) = HIGH | (DATA + 128);
    run();
    ck_assert_uint_eq(get(DATA + 136, 8), 1);
}
END_TEST

START_TEST(lock_is_ud)
{
    CODE("\xf0\x01\xc8"); /* lock add %ecx, %eax */
    run_fault(SC_UD, false, SC_HARNESS_CODE);
    CODE("\xf0\x39\x03"); /* lock cmp */
    run_fault(SC_UD, false, SC_HARNESS_CODE);
    CODE("\xf0\x88\x03"); /* lock mov */
    run_fault(SC_UD, false, SC_HARNESS_CODE);
    CODE("\x27"); /* daa */
    run_fault(SC_UD, false, SC_HARNESS_CODE);
}
END_TEST

START_TEST(divide_error)
{
    CODE("\x90\x48\xf7\xf3"); /* nop; div %rbx: quotient of 65 bits */
    R(AX) = 5;
    R(DX) = 7;
    R(BX) = 7;
    run_fault(SC_DE, false, SC_HARNESS_CODE + 1);
    ck_assert_uint_eq(R(AX), 5);
    ck_assert_uint_eq(R(DX), 7);

    CODE("\x48\xf7\xfb"); /* idiv: the most negative number by -1 */
    R(AX) = 1ull << 63;
    R(DX) = ~0ull;
    R(BX) = ~0ull;
    run_fault(SC_DE, false, SC_HARNESS_CODE);

    CODE("\x48\xf7\xfb"); /* idiv: -2^127 by -1 */
    R(DX) = 1ull << 63;
    R(BX) = ~0ull;
    run_fault(SC_DE, false, SC_HARNESS_CODE);

    CODE("\x48\xf7\xf3"); /* div: 128 by 64 bits */
    R(AX) = 0x123456789abcdef0;
    R(DX) = 0x0fffffffffffffff;
    R(BX) = 0x1000000000000000;
    run();
    const unsigned __int128 n = (unsigned __int128)0x0fffffffffffffff << 64 | 0x123456789abcdef0;
    ck_assert_uint_eq(R(AX), (uint64_t)(n / 0x1000000000000000));
    ck_assert_uint_eq(R(DX), (uint64_t)(n % 0x1000000000000000));
}
END_TEST

/* --- stack ---------------------------------------------------------------------------------- */

START_TEST(stack_pointer_operands)
{
    CODE("\x54\x58"); /* push %rsp; pop %rax: the old value */
    run();
    ck_assert_uint_eq(R(AX), SC_HARNESS_STACK);

    CODE("\x50\x5c"); /* push %rax; pop %rsp: the value */
    R(AX) = DATA + 0x100;
    run();
    ck_assert_uint_eq(R(SP), DATA + 0x100);

    CODE("\x50\x8f\x44\x24\x08"); /* push %rax; pop 8(%rsp): address after the increment */
    R(AX) = 77;
    run();
    ck_assert_uint_eq(get(SC_HARNESS_STACK + 8, 8), 77);
    ck_assert_uint_eq(R(SP), SC_HARNESS_STACK);

    CODE("\x66\x50"); /* push %ax */
    run();
    ck_assert_uint_eq(R(SP), SC_HARNESS_STACK - 2);
}
END_TEST

START_TEST(enter_leave)
{
    CODE("\xc8\x10\x00\x02"); /* enter $16, $2 */
    R(BP) = DATA + 0x80;
    put(DATA + 0x78, 8, 0x1122334455667788);
    run();
    ck_assert_uint_eq(R(BP), SC_HARNESS_STACK - 8);
    ck_assert_uint_eq(R(SP), SC_HARNESS_STACK - 24 - 16);
    ck_assert_uint_eq(get(SC_HARNESS_STACK - 8, 8), DATA + 0x80);
    ck_assert_uint_eq(get(SC_HARNESS_STACK - 16, 8), 0x1122334455667788);
    ck_assert_uint_eq(get(SC_HARNESS_STACK - 24, 8), SC_HARNESS_STACK - 8);

    CODE("\xc9"); /* leave */
    R(BP) = DATA + 0x80;
    put(DATA + 0x80, 8, 0x55);
    run();
    ck_assert_uint_eq(R(SP), DATA + 0x88);
    ck_assert_uint_eq(R(BP), 0x55);
}
END_TEST

START_TEST(noncanonical_stack)
{
    CODE("\x50"); /* push %rax */
    sc_harness_idt(h, HANDLERS);
    R(SP) = 0x800000000000ull;
    R(AX) = 1;
    /* The handler's frame goes to the same bad stack: a triple fault, but #SS first. */
    sc_harness_run(h);
    ck_assert_uint_eq(R(SP), 0x800000000000ull);
}
END_TEST

START_TEST(pusha_popa_32)
{
    CODE("\x60\x61"); /* pusha; popa */
    for (unsigned r = 0; r < 8; r++)
        if (r != VEMU_RSP)
            c->gpr[r] = r * 0x11111111;
    run();
    for (unsigned r = 0; r < 8; r++)
        ck_assert_uint_eq(c->gpr[r], r == VEMU_RSP ? SC_HARNESS_STACK : r * 0x11111111u);
    ck_assert_uint_eq(get(SC_HARNESS_STACK - 4, 4), 0);
    ck_assert_uint_eq(get(SC_HARNESS_STACK - 20, 4), SC_HARNESS_STACK); /* ESP before */
    ck_assert_uint_eq(get(SC_HARNESS_STACK - 32, 4), 0x77777777);
}
END_TEST

START_TEST(push_wraps_16)
{
    CODE("\x50"); /* push %ax with SP = 0 */
    R(SP) = 0xabcd0000;
    R(AX) = 0x1234;
    run();
    ck_assert_uint_eq(R(SP), 0xabcdfffe);
    ck_assert_uint_eq(get(0xfffe, 2), 0x1234);
}
END_TEST

START_TEST(limits_16)
{
    /* An IVT whose #GP and #SS end at 0x500 and 0x510. */
    memcpy(h->ram + 0x500, EXIT, 2);
    memcpy(h->ram + 0x510, EXIT, 2);
    CODE("\xad"); /* lodsw at offset 0xffff */
    put(SC_GP * 4, 4, 0x500);
    put(SC_SS * 4, 4, 0x510);
    R(SI) = 0xffff;
    run();
    ck_assert_uint_eq(c->rip & ~15ull, 0x500);
    ck_assert_uint_eq(R(SI), 0xffff);

    CODE("\xf3\xab"); /* rep stosw runs into the limit after three */
    put(SC_GP * 4, 4, 0x500);
    put(SC_SS * 4, 4, 0x510);
    R(DI) = 0xfff9;
    R(CX) = 100;
    R(AX) = 0xa5a5;
    run();
    ck_assert_uint_eq(c->rip & ~15ull, 0x500);
    ck_assert_uint_eq(R(DI), 0xffff);
    ck_assert_uint_eq(R(CX), 97);
    ck_assert_uint_eq(get(0xfff9, 6), 0xa5a5a5a5a5a5);

    CODE("\xf3\xaa"); /* rep stosb wraps */
    R(DI) = 0xfffe;
    R(CX) = 4;
    R(AX) = 0x77;
    put(0, 2, 0);
    run();
    ck_assert_uint_eq(R(DI), 2);
    ck_assert_uint_eq(get(0, 2), 0x7777);
}
END_TEST

/* --- faults --------------------------------------------------------------------------------- */

START_TEST(fault_leaves_nothing)
{
    CODE("\x48\x01\x03"); /* add %rax, (%rbx) across into a missing page */
    protect(0);
    put(BOUNDARY - 4, 8, 0x1111111111111111);
    R(AX) = 1;
    R(BX) = BOUNDARY - 4;
    sc_flags_set_arith(c, SC_CF | SC_ZF);
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(fault_error(), 2);
    ck_assert_uint_eq(c->cr2, BOUNDARY);
    ck_assert_uint_eq(get(BOUNDARY - 4, 8), 0x1111111111111111);
    ck_assert_uint_eq(get(R(SP) + 24, 8) & SC_ARITH, SC_CF | SC_ZF);

    CODE("\x48\x89\x03"); /* mov %rax, (%rbx) */
    R(AX) = 1;
    R(BX) = BOUNDARY - 4;
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(get(BOUNDARY - 4, 8), 0x1111111111111111);

    CODE("\x48\x0f\xc1\x03"); /* xadd */
    R(AX) = 1;
    R(BX) = BOUNDARY;
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(R(AX), 1);

    CODE("\x8f\x03"); /* pop (%rbx): RSP stays */
    R(BX) = BOUNDARY;
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(get(R(SP) + 32, 8), SC_HARNESS_STACK);
}
END_TEST

/* --- decimal -------------------------------------------------------------------------------- */

START_TEST(decimal)
{
    CODE("\x00\xd8\x27"); /* add %bl, %al; daa */
    R(AX) = 0x79;
    R(BX) = 0x35;
    run();
    ck_assert_uint_eq(R(AX), 0x14);
    ck_assert((sc_harness_rflags(h) & (SC_CF | SC_AF)) == (SC_CF | SC_AF));

    CODE("\x28\xd8\x2f"); /* sub; das */
    R(AX) = 0x35;
    R(BX) = 0x47;
    run();
    ck_assert_uint_eq(R(AX), 0x88);
    ck_assert(sc_harness_rflags(h) & SC_CF);

    CODE("\x37"); /* aaa */
    R(AX) = 0x00ff;
    run();
    ck_assert_uint_eq(R(AX), 0x0205);

    CODE("\xd4\x0a\xd5\x0a"); /* aam; aad */
    R(AX) = 0x1163;
    run();
    ck_assert_uint_eq(R(AX), 0x63);
}
END_TEST

/* --- dead flags ------------------------------------------------------------------------------- */

/* Random straight-line code leaves the same registers, flags and memory with and without them. */
START_TEST(dead_flags)
{
    for (unsigned round = 0; round < 200; round++) {
        uint8_t code[128];
        unsigned n = 0;
        uint64_t regs[2][16];
        uint32_t flags[2];
        uint8_t mem[2][64];

        for (unsigned k = 0; k < 24; k++) {
            const uint8_t rm = (uint8_t)(0xc0 | draw(4) << 3 | draw(4)), wide = 0x48;
            switch (draw(8)) {
            case 0: /* add .. xor r, r */
            case 1:
                code[n++] = wide;
                code[n++] = (uint8_t)(draw(8) << 3 | 1);
                code[n++] = rm;
                break;
            case 2: code[n++] = (uint8_t)(draw(8) << 3 | 1); code[n++] = rm; break;
            case 3: code[n++] = 0xff; code[n++] = (uint8_t)(0xc0 | draw(2) << 3 | draw(4)); break;
            case 4: /* shifts, rotates by immediate */
                code[n++] = 0xc1;
                code[n++] = (uint8_t)(0xc0 | draw(8) << 3 | draw(4));
                code[n++] = (uint8_t)draw(40);
                break;
            case 5: code[n++] = 0xd3; code[n++] = (uint8_t)(0xc0 | draw(8) << 3 | draw(4)); break;
            case 6: code[n++] = 0x0f; code[n++] = (uint8_t)(0x90 | draw(16));
                code[n++] = (uint8_t)(0xc0 | draw(4)); break;
            default: /* add .. cmp to memory at (%rsi) */
                code[n++] = (uint8_t)(draw(8) << 3 | 1);
                code[n++] = (uint8_t)(draw(4) << 3 | 6);
                break;
            }
        }
        memcpy(code + n, EXIT, 2);
        n += 2;
        for (unsigned k = 0; k < 2; k++) {
            load((const char *)code, n);
            c->traces->options = k ? SC_OPT_ALL : SC_OPT_ALL & ~SC_OPT_FLAGS;
            sc_traces_flush(c);
            for (unsigned r = 0; r < 4; r++)
                c->gpr[r] = (round * 7919ull + r) * 0x9e3779b97f4a7c15ull;
            R(SI) = DATA;
            put(DATA, 8, round);
            run();
            memcpy(regs[k], c->gpr, sizeof(regs[k]));
            memcpy(mem[k], h->ram + DATA, sizeof(mem[k]));
            flags[k] = sc_harness_rflags(h);
        }
        ck_assert(!memcmp(regs[0], regs[1], sizeof(regs[0])));
        ck_assert(!memcmp(mem[0], mem[1], sizeof(mem[0])));
        ck_assert_uint_eq(flags[0], flags[1]);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-int");
    TCase *t = tcase(s, "64", setup64);

    tcase_add_test(t, upper_halves);
    tcase_add_test(t, rotate_through_carry);
    tcase_add_test(t, inc_keeps_carry);
    tcase_add_test(t, bit_strings);
    tcase_add_test(t, lock_is_ud);
    tcase_add_test(t, divide_error);
    tcase_add_test(t, stack_pointer_operands);
    tcase_add_test(t, enter_leave);
    tcase_add_test(t, noncanonical_stack);
    tcase_add_test(t, fault_leaves_nothing);
    tcase_add_test(t, dead_flags);
    t = tcase(s, "32", setup32);
    tcase_add_test(t, pusha_popa_32);
    tcase_add_test(t, decimal);
    t = tcase(s, "16", setup16);
    tcase_add_test(t, push_wraps_16);
    tcase_add_test(t, limits_16);
    return run_suite(s);
}
