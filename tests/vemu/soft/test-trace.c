/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Traces and the run loop: branches in all modes, self-modifying code, page-crossing instructions,
 * single steps, interrupts, several vCPUs, and that the optimisations change nothing.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel/soft/mem/mem.h"
#include "accel/soft/trace/trace.h"
#include "harness.h"

#define PAYLOAD(name) extern const uint8_t payload_##name[], payload_##name##_end[]
#define BYTES(name) payload_##name, (size_t)(payload_##name##_end - payload_##name)
PAYLOAD(branches64);
PAYLOAD(smc_loop);
PAYLOAD(smc_next);
PAYLOAD(smc_data);
PAYLOAD(smc_function);
PAYLOAD(cross);
PAYLOAD(cross_remap);
PAYLOAD(far_remap);
PAYLOAD(count);
PAYLOAD(mix);
PAYLOAD(step);
PAYLOAD(step_handler);
PAYLOAD(breakpoint_handler);
PAYLOAD(wait);
PAYLOAD(wait_handler);
PAYLOAD(smp_writer);
PAYLOAD(smp_reader);
PAYLOAD(smp_function);
PAYLOAD(branches32);
PAYLOAD(branches16);

static struct sc_harness *h;

static void use(enum sc_harness_mode mode, unsigned cpus)
{
    h = sc_harness_new_smp(mode, 4, cpus);
}
static void done(void)
{
    sc_harness_free(h);
    h = NULL;
}

START_TEST(branches64)
{
    use(SC_HARNESS_64, 1);
    ck_assert_int_eq(sc_harness_exec(h, BYTES(branches64)), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 500500);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RSP], SC_HARNESS_STACK);
    /* Again with warm traces, and with none of the optimisations. */
    ck_assert_int_eq(sc_harness_exec(h, BYTES(branches64)), SC_HARNESS_HALT);
    h->cpu->traces->options = 0;
    sc_traces_flush(h->cpu);
    ck_assert_int_eq(sc_harness_exec(h, BYTES(branches64)), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 500500);
    done();
}
END_TEST

START_TEST(branches32)
{
    use(SC_HARNESS_32, 1);
    ck_assert_int_eq(sc_harness_exec(h, BYTES(branches32)), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 5150);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RSP], SC_HARNESS_STACK);
    done();
}
END_TEST

START_TEST(branches16)
{
    for (unsigned protected = 0; protected < 2; protected++) {
        use(protected ? SC_HARNESS_16P : SC_HARNESS_16, 1);
        ck_assert_int_eq(sc_harness_exec(h, BYTES(branches16)), SC_HARNESS_HALT);
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 5050);
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RBX], 51);
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RSP], SC_HARNESS_CODE16);
        done();
    }
}
END_TEST

/* IP wraps at 64 KiB in a jump, but code that runs over the end faults. */
START_TEST(wrap16)
{
    static const uint8_t jump[] = { 0xeb, 0x0e }; /* at fff0: to 0000 */
    static const uint8_t halt[] = { 0xb8, 0x34, 0x12, 0xf4 };
    static const uint8_t over[] = { 0x90, 0x90, 0xb8 }; /* at fffd: mov ax, imm16 over the end */

    use(SC_HARNESS_16, 1);
    sc_harness_load(h, 0xfff0, jump, sizeof(jump));
    sc_harness_load(h, 0, halt, sizeof(halt));
    h->cpu->rip = 0xfff0;
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 0x1234);
    ck_assert_uint_eq(h->cpu->rip, 4);

    sc_harness_load(h, 0xfffd, over, sizeof(over));
    sc_harness_reset(h, h->cpu);
    h->cpu->idt = (struct vemu_dtable){ .base = 0x2000, .limit = 0x3ff };
    static const uint8_t vector13[] = { 0x00, 0x30, 0x00, 0x00 };
    sc_harness_load(h, 0x2000 + 13 * 4, vector13, sizeof(vector13));
    sc_harness_load(h, 0x3000, halt, sizeof(halt));
    h->cpu->rip = 0xfffd;
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->rip, 0x3004);
    ck_assert_uint_eq(*(uint16_t *)(h->ram + SC_HARNESS_CODE16 - 6), 0xffff); /* IP pushed */
    done();
}
END_TEST

START_TEST(self_modifying)
{
    use(SC_HARNESS_64, 1);
    for (unsigned round = 0; round < 2; round++) {
        ck_assert_int_eq(sc_harness_exec(h, BYTES(smc_loop)), SC_HARNESS_HALT);
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 4950);
        ck_assert_int_eq(sc_harness_exec(h, BYTES(smc_next)), SC_HARNESS_HALT);
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 8);
        ck_assert_int_eq(sc_harness_exec(h, BYTES(smc_data)), SC_HARNESS_HALT);
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 1000);
        ck_assert_int_eq(sc_harness_exec(h, BYTES(smc_function)), SC_HARNESS_HALT);
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 3);
        h->cpu->traces->options = 0;
    }
    /* The page stops being a code page when the last trace is gone. */
    ck_assert(h->vm.slots[0].pages[SC_HARNESS_CODE >> 12] & SC_PAGE_CODE);
    sc_traces_flush(h->cpu);
    ck_assert(!(h->vm.slots[0].pages[SC_HARNESS_CODE >> 12] & SC_PAGE_CODE));
    done();
}
END_TEST

START_TEST(page_crossing)
{
    use(SC_HARNESS_64, 1);
    for (unsigned round = 0; round < 2; round++) {
        ck_assert_int_eq(sc_harness_exec(h, BYTES(cross)), SC_HARNESS_HALT);
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 0x11 + 0x1111);
    }
    done();
}
END_TEST

/* Maps the first 2 MiB in 4 KiB pages, and makes a copy of the code's second page. The guest gets
 * the address of that page's entry in RSI and the entry that maps the copy in RDI. */
static uint8_t *prepare_remap(const uint8_t *code, size_t size)
{
    const uint64_t pt = 0x200000, second = 0x210000, pde = pt | 7;

    for (uint64_t n = 0; n < 512; n++) {
        uint64_t pte = n << 12 | 7;
        memcpy(h->ram + pt + n * 8, &pte, 8);
    }
    memcpy(h->ram + SC_HARNESS_PML4 + 0x2000, &pde, 8);
    sc_harness_load(h, SC_HARNESS_CODE, code, size);
    memcpy(h->ram + second, h->ram + SC_HARNESS_CODE + 0x1000, 0x1000);
    sc_harness_reset(h, h->cpu);
    h->cpu->gpr[VEMU_RSI] = pt + ((SC_HARNESS_CODE + 0x1000) >> 12) * 8;
    h->cpu->gpr[VEMU_RDI] = second | 7;
    return h->ram + second;
}

START_TEST(page_crossing_remapped)
{
    use(SC_HARNESS_64, 1);
    uint8_t *copy = prepare_remap(BYTES(cross_remap));
    copy[0] = 0x07; /* first byte of the immediate: 81 c3 are before the boundary */
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 0x05 + 0x07);
    done();
}
END_TEST

START_TEST(far_links_remapped)
{
    use(SC_HARNESS_64, 1);
    uint8_t *copy = prepare_remap(BYTES(far_remap));
    for (unsigned n = 0; n < 16; n++) /* add $1, %eax becomes add $16, %eax */
        if (copy[n] == 0x83)
            copy[n + 2] = 16;
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 9 + 9 * 16);
    done();
}
END_TEST

START_TEST(options_agree)
{
    uint64_t rax = 0, rdx = 0, rbx = 0;

    use(SC_HARNESS_64, 1);
    for (uint32_t options = 0; options <= SC_OPT_ALL; options++) {
        sc_traces_flush(h->cpu);
        h->cpu->traces->options = options;
        ck_assert_int_eq(sc_harness_exec(h, BYTES(mix)), SC_HARNESS_HALT);
        if (options == 0) {
            rax = h->cpu->gpr[VEMU_RAX];
            rbx = h->cpu->gpr[VEMU_RBX];
            rdx = h->cpu->gpr[VEMU_RDX];
        }
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], rax);
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RBX], rbx);
        ck_assert_uint_eq(h->cpu->gpr[VEMU_RDX], rdx);
    }
    done();
}
END_TEST

START_TEST(single_step)
{
    use(SC_HARNESS_64, 1);
    sc_harness_reset(h, h->cpu);
    sc_harness_load(h, 0x30000 + 1 * 16, BYTES(step_handler));
    sc_harness_load(h, SC_HARNESS_CODE, BYTES(step));
    sc_harness_idt(h, 0x30000);
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_HALT);
    /* nop, mov, 3 x (dec, jnz), pushf, and, popf */
    ck_assert_uint_eq(h->cpu->gpr[VEMU_R8], 11);
    ck_assert_uint_eq(h->cpu->dr6 & SC_DR6_BS, SC_DR6_BS);
    done();
}
END_TEST

/* An interrupt that is already pending comes after the instruction that follows STI. */
static void *send_interrupt(void *data)
{
    while (!atomic_load(&h->cpu->traces->asleep))
        ;
    sc_lapic_msi(&h->vm, 0xfee00000, 0x40);
    return NULL;
}

START_TEST(interrupt)
{
    pthread_t thread;

    use(SC_HARNESS_64, 1);
    sc_harness_reset(h, h->cpu);
    sc_harness_load(h, 0x30000 + 0x40 * 16, BYTES(wait_handler));
    sc_harness_load(h, SC_HARNESS_CODE, BYTES(wait));
    sc_harness_idt(h, 0x30000);
    sc_lapic_write(h->cpu, 0xf0, 0x1ff); /* software enable */
    pthread_create(&thread, NULL, send_interrupt, NULL);
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_HALT);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 42);
    done();
}
END_TEST

/* Fifteen bytes are an instruction, sixteen are #GP; neither VEX nor a reserved opcode executes. */
START_TEST(limits)
{
    static const uint8_t hlt = 0xf4;
    static const uint8_t long15[] = { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                      0x66, 0x66, 0x66, 0x66, 0x90, 0xf4 };
    static const uint8_t long16[] = { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                      0x66, 0x66, 0x66, 0x66, 0x66, 0x90, 0xf4 };
    static const struct {
        uint8_t bytes[8];
        unsigned vector;
    } bad[] = {
        { { 0xc5, 0xf8, 0x77 }, SC_UD }, /* vzeroupper */
        { { 0x62, 0xf1, 0x7c, 0x48, 0x10, 0xc0 }, SC_UD },
        { { 0x0f, 0x0b }, SC_UD }, { { 0x0f, 0xff, 0xc0 }, SC_UD },
        { { 0xf0, 0x90 }, SC_UD }, { { 0xf0, 0x01, 0xc8 }, SC_UD }, /* lock on a register */
        { { 0xf0, 0x39, 0x03 }, SC_UD },                            /* lock cmp */
        { { 0x27 }, SC_UD }, { { 0x9a }, SC_UD }, { { 0x0f, 0x0a }, SC_UD },
        { { 0xff, 0xf8 }, SC_UD }, { { 0xff, 0xe8 }, SC_UD }, { { 0x8d, 0xc0 }, SC_UD },
    };

    use(SC_HARNESS_64, 1);
    ck_assert_int_eq(sc_harness_exec(h, long15, sizeof(long15)), SC_HARNESS_HALT);
    sc_harness_idt(h, 0x30000);
    for (unsigned v = 0; v < 32; v++)
        sc_harness_load(h, 0x30000 + v * 16, &hlt, 1);
    sc_harness_reset(h, h->cpu);
    sc_harness_idt(h, 0x30000);
    sc_harness_load(h, SC_HARNESS_CODE, long16, sizeof(long16));
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->rip, 0x30000 + SC_GP * 16 + 1);
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        sc_harness_reset(h, h->cpu);
        sc_harness_idt(h, 0x30000);
        sc_harness_load(h, SC_HARNESS_CODE, bad[n].bytes, sizeof(bad[n].bytes));
        ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_HALT);
        ck_assert_msg(h->cpu->rip == 0x30000 + bad[n].vector * 16 + 1, "case %zu: rip %lx", n,
                      (unsigned long)h->cpu->rip);
    }
    done();
}
END_TEST

/* Filling the pool over and over must not lose anything. */
START_TEST(pool_full)
{
    uint8_t *code = malloc(2 << 20);
    size_t size = 0;

    /* 1.9 MiB of jumps to the next instruction: a trace each. */
    while (size < (19u << 20) / 10) {
        code[size++] = 0xff;
        code[size++] = 0xc0;
        code[size++] = 0xeb;
        code[size++] = 0x00;
    }
    code[size++] = 0xf4;
    use(SC_HARNESS_64, 1);
    ck_assert_int_eq(sc_harness_exec(h, code, size), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], size / 4);
    ck_assert_int_eq(sc_harness_exec(h, code, size), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], size / 4);
    free(code);
    done();
}
END_TEST

static void *second_cpu(void *data)
{
    struct vemu_exit e;

    sc_run(h->vm.cpus[1], &e);
    return NULL;
}

START_TEST(cross_modifying)
{
    pthread_t thread;

    use(SC_HARNESS_64, 2);
    h->time_limit_ms = 60000;
    sc_harness_load(h, SC_HARNESS_CODE, BYTES(smp_writer));
    sc_harness_load(h, SC_HARNESS_CODE + 0x1000, BYTES(smp_reader));
    sc_harness_load(h, 0x20100, BYTES(smp_function));
    h->vm.cpus[1]->rip = SC_HARNESS_CODE + 0x1000;
    pthread_create(&thread, NULL, second_cpu, NULL);
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_EXIT);
    sc_async_set(h->vm.cpus[1], SC_A_EXIT);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(h->exit_code, 1);
    done();
}
END_TEST

/* While a section lasts, no vCPU executes anything; afterwards all go on. */
START_TEST(exclusive)
{
    pthread_t thread;
    volatile uint64_t *counter;

    use(SC_HARNESS_64, 2);
    sc_harness_load(h, SC_HARNESS_CODE, BYTES(count));
    h->vm.cpus[1]->gpr[VEMU_RDI] = SC_HARNESS_DATA;
    counter = (volatile uint64_t *)(h->ram + SC_HARNESS_DATA);
    pthread_create(&thread, NULL, second_cpu, NULL);
    for (unsigned round = 0; round < 50; round++) {
        uint64_t before = *counter;
        while (*counter == before)
            ;
        sc_exclusive_begin(&h->vm, NULL);
        sc_exclusive_begin(&h->vm, NULL); /* nests */
        before = *counter;
        usleep(200);
        sc_exclusive_end(&h->vm, NULL);
        ck_assert_uint_eq(*counter, before);
        sc_exclusive_end(&h->vm, NULL);
    }
    sc_async_set(h->vm.cpus[1], SC_A_EXIT);
    pthread_join(thread, NULL);
    done();
}
END_TEST

/* An instruction breakpoint faults once, with RF letting IRET go on. */
START_TEST(breakpoint)
{
    static const uint8_t code[] = {
        0x90, 0xff, 0xc0, 0xff, 0xc0, 0xf4
    }; /* nop, 2 x inc eax, hlt */

    use(SC_HARNESS_64, 1);
    sc_harness_reset(h, h->cpu);
    sc_harness_load(h, 0x30000 + 1 * 16, BYTES(breakpoint_handler));
    sc_harness_load(h, SC_HARNESS_CODE, code, sizeof(code));
    sc_harness_idt(h, 0x30000);
    h->cpu->dr[2] = SC_HARNESS_CODE + 3;
    h->cpu->dr7 = 0x400 | 1 << 5; /* G2, execution */
    sc_update_mode(h->cpu);
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 2);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_R8], 1);
    ck_assert_uint_eq(h->cpu->dr6 & 0xf, 4);
    done();
}
END_TEST

/* A handler that goes on although its trace is over is stopped, and is not lost in old records. */
static SC_RET go_on(struct sc_cpu *c, struct sc_insn *i)
{
    SC_NEXT;
}

START_TEST(past_the_end)
{
    static const uint8_t halt[] = { 0xf4 };

    use(SC_HARNESS_64, 1);
    ck_assert_int_eq(sc_harness_exec(h, halt, sizeof(halt)), SC_HARNESS_HALT);
    struct sc_insn *first = sc_jce(h->cpu, SC_HARNESS_CODE)->first;
    ck_assert(first && first[-1].fn == sc_trace_mark);
    first->fn = go_on;
    sc_harness_reset(h, h->cpu);
    h->cpu->rip = SC_HARNESS_CODE;
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_ERROR);
    ck_assert_int_eq(h->exit.reason, VEMU_EXIT_INTERNAL_ERROR);
    done();
}
END_TEST

/* STI ends its trace, also where it changes nothing. */
START_TEST(sti_twice)
{
    static const uint8_t code[] = { 0xfb, 0x90, 0xfb, 0xff, 0xc0, 0xfa, 0xf4 };

    use(SC_HARNESS_64, 1);
    ck_assert_int_eq(sc_harness_exec(h, code, sizeof(code)), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 1);
    done();
}
END_TEST

/* The last generation of the jump cache is used up while a trace is running. */
static void last_generation(void *data, uint64_t gpa, unsigned size, uint64_t value)
{
    h->cpu->jc_gen |= 63ull << 58 | ~SC_PAGE_MASK;
    sc_tlb_flush_all(h->cpu);
}

START_TEST(generations)
{
    static const uint8_t code[] = {
        0x89, 0x03,                               /* mov %eax,(%rbx): the device */
        0xc6, 0x05, 0x01, 0x00, 0x00, 0x00, 0x02, /* movb $2,1(%rip) */
        0xb8, 0x01, 0x00, 0x00, 0x00,             /* mov $1,%eax, which becomes $2 */
        0xeb, 0x01, 0x90, 0xf4,                   /* jmp to hlt */
    };
    struct sc_traces *t;

    use(SC_HARNESS_64, 1);
    h->vm.config.callbacks.mmio_write = last_generation;
    sc_harness_load(h, SC_HARNESS_CODE, code, sizeof(code));
    h->cpu->gpr[VEMU_RBX] = 0x80000000;
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_HALT);
    ck_assert_uint_eq(h->cpu->jc_gen & ~SC_PAGE_MASK, 0);
    ck_assert_uint_eq(h->cpu->gpr[VEMU_RAX], 2);
    t = h->cpu->traces; /* no record of what was thrown away is linked to what came after */
    for (uint32_t n = 1; n < t->used; n += 1 + sc_trace_at(t, n)->count) {
        ck_assert(sc_trace_at(t, n)->mark == sc_trace_mark);
        ck_assert_uint_lt(sc_trace_at(t, n)->incoming, t->used);
    }
    done();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-trace");
    TCase *t = tcase_create("trace");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_test(t, branches64);
    tcase_add_test(t, branches32);
    tcase_add_test(t, branches16);
    tcase_add_test(t, wrap16);
    tcase_add_test(t, self_modifying);
    tcase_add_test(t, page_crossing);
    tcase_add_test(t, page_crossing_remapped);
    tcase_add_test(t, far_links_remapped);
    tcase_add_test(t, exclusive);
    tcase_add_test(t, breakpoint);
    tcase_add_test(t, options_agree);
    tcase_add_test(t, single_step);
    tcase_add_test(t, interrupt);
    tcase_add_test(t, limits);
    tcase_add_test(t, pool_full);
    tcase_add_test(t, cross_modifying);
    tcase_add_test(t, past_the_end);
    tcase_add_test(t, sti_twice);
    tcase_add_test(t, generations);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
