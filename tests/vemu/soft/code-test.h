/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Code for the software CPU in the harness: bytes that are loaded, run to their end or into a
 * fault, in one of the modes. Each test has a new machine.
 */
#ifndef CODE_TEST_H
#define CODE_TEST_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "accel/soft/mem/mem.h"
#include "harness.h"

#define DATA     SC_HARNESS_DATA
#define HANDLERS 0x30000u
#define EXIT     "\xe6\xf4" /* out %al, $0xf4 */

static struct sc_harness *h;
static struct sc_cpu *c;

static inline void start(enum sc_harness_mode mode)
{
    h = sc_harness_new(mode, 8);
    c = h->cpu;
    for (unsigned v = 0; v < 256; v++)
        memcpy(h->ram + HANDLERS + v * 16, EXIT, 2);
}
static inline void setup64(void)
{
    start(SC_HARNESS_64);
}
static inline void setup32(void)
{
    start(SC_HARNESS_32);
}
static inline void setup16(void)
{
    start(SC_HARNESS_16);
}
static inline void teardown(void)
{
    sc_harness_free(h);
}

/* Puts code at the start address and resets; registers can be set before run(). */
static inline void load(const char *code, size_t size)
{
    sc_harness_reset(h, c);
    if (h->mode != SC_HARNESS_16)
        sc_harness_idt(h, HANDLERS);
    sc_harness_load(h, c->rip, code, size);
}
#define CODE(s) load(s EXIT, sizeof(s EXIT) - 1)

static inline void run(void)
{
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_EXIT);
}

/* Runs into an exception; its frame is on the stack: [error] RIP CS RFLAGS RSP SS. */
static inline void run_fault(unsigned vector, bool has_error, uint64_t rip)
{
    uint64_t frame[2];
    run();
    ck_assert_uint_eq(c->rip & ~15ull, HANDLERS + vector * 16);
    memcpy(frame, h->ram + c->gpr[VEMU_RSP], sizeof(frame));
    ck_assert_uint_eq(frame[has_error], rip);
}
static inline uint64_t fault_error(void)
{
    uint64_t e;
    memcpy(&e, h->ram + c->gpr[VEMU_RSP], 8);
    return e;
}

static inline uint64_t get(uint64_t gpa, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, h->ram + gpa, size);
    return v;
}
static inline void put(uint64_t gpa, unsigned size, uint64_t v)
{
    memcpy(h->ram + gpa, &v, size);
}

/* The page-directory entry of the 2 MiB from 0x200000: not present, or read-only. */
#define BOUNDARY 0x200000u
static inline void protect(uint64_t flags)
{
    put(SC_HARNESS_PML4 + 0x2000 + 8, 8, flags ? BOUNDARY | flags : 0);
    sc_tlb_flush_all(c);
}

#define R(n) c->gpr[VEMU_R##n]
#define HIGH 0xdead000000000000ull

static uint32_t seed = 12345;

/* Below n, the same each time. */
static inline uint32_t draw(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static inline TCase *tcase(Suite *s, const char *name, void (*setup)(void))
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return t;
}

/* main(): the program's exit status. Takes the suite. */
static inline int run_suite(Suite *s)
{
    SRunner *r = srunner_create(s);
    int failed;

    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
