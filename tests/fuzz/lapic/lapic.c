/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of the software CPU's local APICs: four that are written, read, sent messages and switched
 * between their modes as a guest or a device may, with interrupts taken and ended meanwhile, and
 * states set that are not theirs. What must hold: only legal vectors are announced and taken, what
 * is announced is taken and is in service then, nothing of a priority that is masked comes, a saved
 * page is the same when it was loaded, and a reset leaves nothing.
 *
 * Input: operations of 8 bytes (struct fuzz_op). Built plainly it makes inputs from a seed and runs
 * as a test: fuzz-lapic [SEED COUNT]; it also replays files. Built with libFuzzer it takes its
 * inputs from there.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "../ops/ops.h"
#include "accel/soft/apic/lapic.h"
#include "harness.h"

#define OPS_MAX   1000
#define APIC_BASE 0x1bu
#define DEADLINE  0x6e0u

enum {
    WRITE,
    READ,
    COMMAND, /* the ICR */
    WRITE_MSR,
    READ_MSR,
    MODE,
    TIMER,
    MSI,
    TAKE,
    END,
    TPR,
    TSC,
    RUN, /* INIT and SIPI are accepted */
    WIRE,
    PAGE,
    RESET,
    KINDS
};

static struct sc_harness *h;

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void on_eoi(void *data, uint8_t vector)
{
    expect(vector >= 16);
}

static int on_ack(void *data)
{
    h->vm.extint = false;
    return 0x20;
}

static uint64_t wide(const struct fuzz_op *op)
{
    return op->what & 0x80 ? (uint64_t)op->value << 32 | op->small : op->value;
}

static bool in_service(const struct sc_cpu *c, int vector)
{
    return c->lapic->isr[vector >> 6] >> (vector & 63) & 1;
}

/* What a vCPU does when it is told of an interrupt. */
static void take(struct sc_cpu *c)
{
    const int vector = sc_lapic_pending(c);
    int taken;

    expect(vector == -2 || vector == -1 || (vector >= 16 && vector <= 255));
    expect(vector < 16 || vector >> 4 > sc_lapic_tpr(c));
    if (vector == -1)
        return;
    taken = sc_lapic_ack(c);
    /* a higher one may have come since: the timer's */
    expect(vector == -2 ? taken >= -1 && taken <= 255 : taken >= vector && taken <= 255);
    expect(vector == -2 || in_service(c, taken));
}

static void timer(struct sc_cpu *c, const struct fuzz_op *op)
{
    static const uint32_t modes[] = { 0, 0x20000, 0x40000, 0x60000 };

    sc_lapic_write(c, APIC_TIMER_DIVIDE, op->what);
    sc_lapic_write(c, APIC_LVT_TIMER, modes[op->what >> 4 & 3] | (op->small & 0x100ff));
    sc_lapic_write(c, APIC_TIMER_INITIAL, op->small & 0x8000 ? op->value : op->value % 1000);
    sc_lapic_wrmsr(c, DEADLINE, sc_time_tsc(c) + op->value % 100000);
    expect(sc_lapic_read(c, APIC_TIMER_CURRENT) <= c->lapic->initial);
}

static void mode(struct sc_cpu *c, const struct fuzz_op *op)
{
    static const uint32_t bits[] = { 0, APIC_BASE_ENABLE, APIC_BASE_ENABLE | APIC_BASE_EXTD,
                                     APIC_BASE_EXTD };
    const uint64_t base = op->what & 0x80 ? wide(op) & ~0xfffull : 0xfee00000;

    sc_lapic_wrmsr(c, APIC_BASE, base | bits[op->what >> 4 & 3] | (op->small & 0x100));
}

/* Saved and loaded again it is the same, whatever it was before. */
static void page(struct sc_cpu *c, const struct fuzz_op *op)
{
    uint8_t before[1024], after[1024];

    sc_lapic_get(c, before);
    if (op->what & 0x40)
        memcpy(before + (op->small & 0x3f0), &op->value, sizeof(op->value));
    if (op->what & 0x20)
        memset(before + (op->small & 0x3f0), op->what, 1024 - (op->small & 0x3f0));
    if (sc_lapic_set(c, before) < 0)
        return;
    sc_lapic_get(c, before);
    expect(sc_lapic_set(c, before) >= 0);
    sc_lapic_get(c, after);
    memcpy(after + APIC_TIMER_CURRENT, before + APIC_TIMER_CURRENT, 4); /* it runs */
    memcpy(after + APIC_IRR, before + APIC_IRR, 0x80);                  /* ... and ends */
    expect(memcmp(before, after, sizeof(before)) == 0);
}

static void play(const struct fuzz_op *op)
{
    struct sc_cpu *c = h->vm.cpus[op->what % SC_HARNESS_CPUS];
    const unsigned index = 0x800 + op->small % 0x100;
    uint64_t value;

    switch (op->kind % KINDS) {
    case WRITE: sc_lapic_write(c, op->small & 0x3f0, op->value); break;
    case READ: sc_lapic_read(c, op->small & 0xfff); break;
    case COMMAND:
        sc_lapic_write(c, APIC_ICR2, (uint32_t)op->what << 24);
        sc_lapic_write(c, APIC_ICR, op->value);
        break;
    case WRITE_MSR: sc_lapic_wrmsr(c, index, wide(op)); break;
    case READ_MSR: sc_lapic_rdmsr(c, index, &value); break;
    case MODE: mode(c, op); break;
    case TIMER: timer(c, op); break;
    case MSI:
        sc_lapic_msi(&h->vm, 0xfee00000 | (op->small & 0xff) << 12 | op->what, op->value);
        break;
    case TAKE: take(c); break;
    case END: sc_lapic_write(c, APIC_EOI, op->value & 1); break;
    case TPR: sc_lapic_set_tpr(c, op->small & 15); break;
    case TSC: sc_time_set_tsc(c, op->what & 8 ? wide(op) : sc_time_tsc(c) + op->value); break;
    case RUN:
        sc_accept_init(c);
        if (op->what & 4)
            sc_accept_sipi(c);
        break;
    case WIRE: h->vm.extint = op->small & 1; break;
    case PAGE: page(c, op); break;
    default: sc_lapic_reset(c, op->what & 4); break;
    }
}

static void start(void)
{
    h = sc_harness_new_smp(SC_HARNESS_64, 1, SC_HARNESS_CPUS);
    h->vm.config.callbacks.ioapic_eoi = on_eoi;
    h->vm.config.callbacks.pic_ack = on_ack;
    for (unsigned n = 0; n < SC_HARNESS_CPUS; n++)
        sc_lapic_write(h->vm.cpus[n], APIC_SVR, SVR_ENABLE | 0xff);
}

static void check_end(void)
{
    h->vm.extint = false;
    for (unsigned n = 0; n < SC_HARNESS_CPUS; n++) {
        struct sc_cpu *c = h->vm.cpus[n];

        sc_lapic_reset(c, false);
        expect(sc_lapic_pending(c) == -1 && sc_lapic_covers(c, 0xfee00000));
        expect(sc_lapic_read(c, APIC_ID) == n << 24 && sc_lapic_read(c, APIC_SVR) == 0xff);
        sc_lapic_write(c, APIC_SVR, SVR_ENABLE | 0xff);
        expect(sc_lapic_msi(&h->vm, 0xfee00000 | n << 12, 0x51) == 1);
        expect(sc_lapic_ack(c) == 0x51);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_op op;

    start();
    for (unsigned count = 0; count < OPS_MAX && fuzz_take_op(&data, &size, &op, sizeof(op));
         count++) {
        play(&op);
    }
    check_end();
    sc_harness_free(h);
    return 0;
}

const struct fuzz_target fuzz_target = { "lapic", OPS_MAX, 200, NULL };
