/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Integer and string instructions of the software CPU: the cases that are easy to get wrong. Plain
 * results and flags are the business of the fuzzer, which compares with the host's CPU.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "accel/soft/int/flags.h"
#include "accel/soft/int/int.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/trace/trace.h"
#include "harness.h"

#define DATA SC_HARNESS_DATA
#define HANDLERS 0x30000u
#define EXIT "\xe6\xf4" /* out %al, $0xf4 */

static struct sc_harness *h;
static struct sc_cpu *c;

static void start(enum sc_harness_mode mode)
{
    h = sc_harness_new(mode, 8);
    c = h->cpu;
    for (unsigned v = 0; v < 256; v++)
        memcpy(h->ram + HANDLERS + v * 16, EXIT, 2);
}
static void setup64(void) { start(SC_HARNESS_64); }
static void setup32(void) { start(SC_HARNESS_32); }
static void setup16(void) { start(SC_HARNESS_16); }
static void teardown(void) { sc_harness_free(h); }

/* Puts code at the start address and resets; registers can be set before run(). */
static void load(const char *code, size_t size)
{
    sc_harness_reset(h, c);
    if (h->mode != SC_HARNESS_16)
        sc_harness_idt(h, HANDLERS);
    sc_harness_load(h, c->rip, code, size);
}
#define CODE(s) load(s EXIT, sizeof(s EXIT) - 1)

static void run(void) { ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_EXIT); }

/* Runs into an exception; its frame is on the stack: [error] RIP CS RFLAGS RSP SS. */
static void run_fault(unsigned vector, bool has_error, uint64_t rip)
{
    uint64_t frame[2];
    run();
    ck_assert_uint_eq(c->rip & ~15ull, HANDLERS + vector * 16);
    memcpy(frame, h->ram + c->gpr[VEMU_RSP], sizeof(frame));
    ck_assert_uint_eq(frame[has_error], rip);
}
static uint64_t fault_error(void)
{
    uint64_t e;
    memcpy(&e, h->ram + c->gpr[VEMU_RSP], 8);
    return e;
}

static uint64_t get(uint64_t gpa, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, h->ram + gpa, size);
    return v;
}
static void put(uint64_t gpa, unsigned size, uint64_t v) { memcpy(h->ram + gpa, &v, size); }

/* The page-directory entry of the 2 MiB from 0x200000: not present, or read-only. */
#define BOUNDARY 0x200000u
static void protect(uint64_t flags)
{
    put(SC_HARNESS_PML4 + 0x2000 + 8, 8, flags ? BOUNDARY | flags : 0);
    sc_tlb_flush_all(c);
}

#define R(n) c->gpr[VEMU_R##n]
#define HIGH 0xdead000000000000ull

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

START_TEST(cmpxchg_always_writes)
{
    CODE("\x48\x0f\xb1\x0b"); /* cmpxchg %rcx, (%rbx), not equal, page read-only */
    protect(0x81);
    R(AX) = 1;
    R(BX) = BOUNDARY + 8;
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(fault_error(), 3);
    ck_assert_uint_eq(R(AX), 1);

    CODE("\xf0\x48\x0f\xb1\x0b"); /* with LOCK */
    R(AX) = 1;
    R(BX) = BOUNDARY + 8;
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(fault_error(), 3);

    CODE("\xf0\x48\x0f\xba\x2b\x00"); /* lock bts $0, (%rbx) split over the boundary */
    R(BX) = BOUNDARY - 4;
    put(BOUNDARY - 4, 4, 0);
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(get(BOUNDARY - 4, 4), 0);
    /* The exclusive section was left again. */
    ck_assert_uint_eq(h->vm.sync->depth, 0);

    CODE("\x48\x85\x03"); /* test %rax, (%rbx) only reads */
    R(BX) = BOUNDARY + 8;
    run();
}
END_TEST

START_TEST(rep_fault_is_precise)
{
    CODE("\xf3\x48\xa5"); /* rep movsq into a missing page */
    protect(0);
    R(SI) = DATA;
    R(DI) = BOUNDARY - 36; /* four and a half elements */
    R(CX) = 10;
    for (unsigned n = 0; n < 10; n++)
        put(DATA + n * 8, 8, n + 1);
    put(BOUNDARY - 4, 4, 0x99);
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(R(CX), 6);
    ck_assert_uint_eq(R(SI), DATA + 32);
    ck_assert_uint_eq(R(DI), BOUNDARY - 4);
    ck_assert_uint_eq(get(BOUNDARY - 12, 8), 4);
    ck_assert_uint_eq(get(BOUNDARY - 4, 4), 0x99);
    ck_assert_uint_eq(c->cr2, BOUNDARY);

    CODE("\xf3\xa6"); /* repe cmpsb: a fault restores the flags */
    R(SI) = DATA + 0x100;
    R(DI) = BOUNDARY - 16;
    R(CX) = 100;
    memset(h->ram + DATA + 0x100, 0, 64);
    memset(h->ram + BOUNDARY - 16, 0, 16);
    sc_flags_set_arith(c, SC_CF | SC_SF);
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(R(CX), 84);
    ck_assert_uint_eq(get(R(SP) + 24, 8) & SC_ARITH, SC_CF | SC_SF);
}
END_TEST

/* --- strings -------------------------------------------------------------------------------- */

static uint32_t seed = 12345;
static uint32_t draw(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

/* REP MOVS against a model that moves element by element. */
START_TEST(rep_movs_overlap)
{
    enum { AREA = 0x4000 };
    static const char *const code[4] = { "\xf3\xa4\x90" EXIT, "\x66\xf3\xa5" EXIT,
                                         "\xf3\xa5\x90" EXIT, "\xf3\x48\xa5" EXIT };
    uint8_t *model = malloc(AREA);

    for (unsigned round = 0; round < 400; round++) {
        const unsigned s = draw(4), size = 1u << s, n = draw(round & 1 ? 40 : 1200) + 1;
        const bool down = draw(2);
        const int dist = (int)draw(64) - 32;
        const unsigned len = n * size;
        unsigned si = draw(AREA - len - 128) + 64, di;
        if (round & 2)
            si = si / 8 * 8;
        di = (unsigned)((int)si + dist * (draw(2) ? 1 : (int)size));
        if (di + len > AREA || (int)di < 0)
            di = si + 1;
        if (down) {
            si += len - size;
            di += len - size;
        }
        load(code[s], 5);
        c->eflags = 2 | (down ? SC_DF : 0);
        R(SI) = DATA + si;
        R(DI) = DATA + di;
        R(CX) = n;
        for (unsigned k = 0; k < AREA; k++)
            model[k] = h->ram[DATA + k] = (uint8_t)draw(256);
        for (unsigned k = 0; k < n; k++) {
            const int at = down ? -(int)(k * size) : (int)(k * size);
            uint64_t v;
            memcpy(&v, model + (int)si + at, size);
            memcpy(model + (int)di + at, &v, size);
        }
        run();
        ck_assert_msg(!memcmp(model, h->ram + DATA, AREA), "size %u n %u down %d si %u di %u", size,
                      n, down, si, di);
        ck_assert_uint_eq(R(CX), 0);
        ck_assert_uint_eq(R(DI), down ? DATA + di - len : DATA + di + len);
    }
    free(model);
}
END_TEST

START_TEST(rep_compare)
{
    CODE("\xf2\xae"); /* repne scasb over a page boundary */
    memset(h->ram + DATA, 1, 0x3000);
    h->ram[DATA + 0x1003] = 0;
    R(DI) = DATA + 0xff0;
    R(CX) = 0x1000;
    run();
    ck_assert_uint_eq(R(DI), DATA + 0x1004);
    ck_assert_uint_eq(R(CX), 0x1000 - 0x14);
    ck_assert(sc_harness_rflags(h) & SC_ZF);

    CODE("\xf3\xa7"); /* repe cmpsl: unequal in the second half of eight equal bytes */
    memset(h->ram + DATA, 7, 0x2000);
    put(DATA + 0x1000 + 0x24, 4, 0x08070707);
    R(SI) = DATA;
    R(DI) = DATA + 0x1000;
    R(CX) = 100;
    run();
    ck_assert_uint_eq(R(CX), 100 - 10);
    ck_assert_uint_eq(R(SI), DATA + 40);
    ck_assert((sc_harness_rflags(h) & (SC_ZF | SC_CF)) == SC_CF);

    CODE("\xf3\xa6"); /* a count of 0 leaves the flags alone */
    sc_flags_set_arith(c, SC_CF | SC_ZF);
    run();
    ck_assert_uint_eq(sc_harness_rflags(h) & SC_ARITH, SC_CF | SC_ZF);
}
END_TEST

static void exit_on_read(void *data, uint64_t gpa, unsigned size, uint64_t *value)
{
    *value = 0x5a;
    if (gpa & 1)
        sc_async_set(c, SC_A_EXIT);
}

START_TEST(rep_is_interruptible)
{
    h->vm.config.callbacks.mmio_read = exit_on_read;
    CODE("\x90\xf3\xa4"); /* rep movsb from MMIO */
    R(SI) = 0x40000000;
    R(DI) = DATA;
    R(CX) = 6;
    for (unsigned left = 4;; left -= 2) {
        h->exited = false;
        sc_harness_run(h);
        if (h->exited)
            break;
        ck_assert_uint_eq(c->rip, SC_HARNESS_CODE + 1);
        ck_assert_uint_eq(R(CX), left);
        ck_assert_uint_eq(R(SI), 0x40000000 + 6 - left);
    }
    ck_assert_uint_eq(R(CX), 0);
    ck_assert_uint_eq(get(DATA, 6), 0x5a5a5a5a5a5a);
}
END_TEST

static unsigned port_reads;
static void count_read(void *data, uint16_t port, unsigned size, uint32_t *value)
{
    *value = 0xc0ffee00 + port_reads++;
}

START_TEST(ins_checks_memory_first)
{
    h->vm.config.callbacks.pio_read = count_read;
    CODE("\xf3\x6d"); /* rep insl; the third does not fit */
    protect(0);
    R(DX) = 0x1f0;
    R(DI) = BOUNDARY - 10;
    R(CX) = 4;
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(port_reads, 2);
    ck_assert_uint_eq(R(CX), 2);
    ck_assert_uint_eq(get(BOUNDARY - 10, 8), 0xc0ffee01c0ffee00);
}
END_TEST

START_TEST(short_addresses)
{
    CODE("\x67\xf3\xa4"); /* addr32 rep movsb */
    R(SI) = HIGH | DATA;
    R(DI) = HIGH | (DATA + 0x100);
    R(CX) = HIGH | 3;
    put(DATA, 4, 0x04030201);
    put(DATA + 0x100, 4, 0);
    run();
    ck_assert_uint_eq(R(SI), DATA + 3);
    ck_assert_uint_eq(R(DI), DATA + 0x103);
    ck_assert_uint_eq(R(CX), 0);
    ck_assert_uint_eq(get(DATA + 0x100, 4), 0x030201);
}
END_TEST

/* Code that overwrites what comes next in its own trace. */
START_TEST(strings_write_code)
{
    CODE("\xf3\xaa\xb8\x01\x00\x00\x00"); /* rep stosb over the mov: becomes nops */
    R(DI) = SC_HARNESS_CODE + 2;
    R(CX) = 5;
    R(AX) = 0x90;
    run();
    ck_assert_uint_eq(R(AX), 0x90);
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

/* --- atomicity ------------------------------------------------------------------------------ */

struct incrementer {
    pthread_t thread;
    struct sc_harness *h;
    struct sc_cpu *c;
};
static void *increment(void *data)
{
    struct incrementer *i = data;
    struct vemu_exit e;
    return (void *)(uintptr_t)sc_harness_run_cpu(i->h, i->c, &e);
}

/* Two vCPUs add to one counter: within a line, across lines, across pages; XADD, INC, CMPXCHG loop.
 * */
static void count_together(uint64_t at)
{
    static const char code[] = "\xf0\x48\xff\x03"             /* 1: lock incq (%rbx) */
                               "\xb8\x01\x00\x00\x00"         /* mov $1, %eax */
                               "\xf0\x48\x0f\xc1\x03"         /* lock xadd %rax, (%rbx) */
                               "\x48\x8b\x03"                 /* 2: mov (%rbx), %rax */
                               "\x48\x8d\x50\x01"             /* lea 1(%rax), %rdx */
                               "\xf0\x48\x0f\xb1\x13"         /* lock cmpxchg %rdx, (%rbx) */
                               "\x75\xf2"                     /* jne 2b */
                               "\xff\xc9\x75\xe0\xf4";        /* dec %ecx; jnz 1b; hlt */
    struct sc_harness *s = sc_harness_new_smp(SC_HARNESS_64, 4, 2);
    struct incrementer i[2];
    const unsigned rounds = 4000;
    uint64_t sum;

    memcpy(s->ram + SC_HARNESS_CODE, code, sizeof(code) - 1);
    for (unsigned n = 0; n < 2; n++) {
        i[n].h = s;
        i[n].c = s->vm.cpus[n];
        i[n].c->gpr[VEMU_RBX] = at;
        i[n].c->gpr[VEMU_RCX] = rounds;
        ck_assert(!pthread_create(&i[n].thread, NULL, increment, &i[n]));
    }
    for (unsigned n = 0; n < 2; n++) {
        void *end;
        pthread_join(i[n].thread, &end);
        ck_assert_int_eq((int)(uintptr_t)end, SC_HARNESS_HALT);
    }
    memcpy(&sum, s->ram + at, 8);
    sc_harness_free(s);
    ck_assert_uint_eq(sum, 2 * 3 * rounds);
}
START_TEST(lock_is_atomic) { count_together(DATA + 8); }
END_TEST
/* Reads of the split counter are not atomic, but the comparison then fails. */
START_TEST(lock_across_lines) { count_together(DATA + 60); }
END_TEST
START_TEST(lock_across_pages) { count_together(DATA + 0xffd); }
END_TEST

START_TEST(cmpxchg16b)
{
    CODE("\xf0\x48\x0f\xc7\x0b"); /* lock cmpxchg16b (%rbx) */
    R(BX) = DATA + 8;
    run_fault(SC_GP, true, SC_HARNESS_CODE);

    CODE("\xf0\x48\x0f\xc7\x0e"); /* (%rsi) */
    R(SI) = DATA + 16;
    put(DATA + 16, 8, 1);
    put(DATA + 24, 8, 2);
    R(AX) = 1;
    R(DX) = 3;
    run();
    ck_assert_uint_eq(R(DX), 2);
    ck_assert(!(sc_harness_rflags(h) & SC_ZF));
    CODE("\xf0\x48\x0f\xc7\x0e");
    R(SI) = DATA + 16;
    R(AX) = 1;
    R(DX) = 2;
    R(BX) = 0x11;
    R(CX) = 0x22;
    run();
    ck_assert(sc_harness_rflags(h) & SC_ZF);
    ck_assert_uint_eq(get(DATA + 16, 8), 0x11);
    ck_assert_uint_eq(get(DATA + 24, 8), 0x22);
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

static TCase *tcase(Suite *s, const char *name, void (*setup)(void))
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return t;
}

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
    tcase_add_test(t, cmpxchg_always_writes);
    tcase_add_test(t, rep_fault_is_precise);
    tcase_add_test(t, rep_movs_overlap);
    tcase_add_test(t, rep_compare);
    tcase_add_test(t, rep_is_interruptible);
    tcase_add_test(t, ins_checks_memory_first);
    tcase_add_test(t, short_addresses);
    tcase_add_test(t, strings_write_code);
    tcase_add_test(t, lock_is_atomic);
    tcase_add_test(t, lock_across_lines);
    tcase_add_test(t, lock_across_pages);
    tcase_add_test(t, cmpxchg16b);
    tcase_add_test(t, dead_flags);
    t = tcase(s, "32", setup32);
    tcase_add_test(t, pusha_popa_32);
    tcase_add_test(t, decimal);
    t = tcase(s, "16", setup16);
    tcase_add_test(t, push_wraps_16);
    tcase_add_test(t, limits_16);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
