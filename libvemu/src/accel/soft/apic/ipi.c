/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where an interrupt message goes: IPIs from the ICR and MSIs (SDM 3.11.6, 3.11.11).
 *
 * Both are brought into one form, struct message, matched against every LAPIC and handed to those
 * that accept it. Context of everything here: any thread. vm->cpus[] entries appear when vCPUs are
 * created and stay until the VM goes.
 */
#include <errno.h>

#include "accel/soft/apic/lapic.h"

enum shorthand { SH_NONE, SH_SELF, SH_ALL, SH_OTHERS };

struct message {
    struct sc_cpu *source; /* NULL: not an IPI */
    uint32_t dest;
    enum shorthand shorthand;
    bool logical, wide; /* wide: 32-bit destination, broadcast is 0xffffffff */
    bool lowest;        /* to one of the matching LAPICs only */
    bool level;
    uint8_t mode, vector;
};

static struct sc_cpu *cpu_at(struct sc_vm *vm, uint32_t n)
{
    return __atomic_load_n(&vm->cpus[n], __ATOMIC_ACQUIRE);
}

uint32_t sc_lapic_x2_ldr(uint32_t id)
{
    return (id >> 4) << 16 | 1u << (id & 15);
}

static bool matches(struct sc_cpu *target, const struct message *m)
{
    struct sc_lapic *l = target->lapic;
    uint32_t ldr, dest = m->dest;

    if (!l || l->mode == SC_APIC_OFF)
        return false;
    switch (m->shorthand) {
    case SH_SELF: return target == m->source;
    case SH_ALL: return true;
    case SH_OTHERS: return target != m->source;
    case SH_NONE: break;
    }
    if (dest == (m->wide ? 0xffffffffu : 0xffu))
        return true;
    if (!m->logical)
        return l->id == dest;
    ldr = l->ldr;
    if (l->mode == SC_APIC_X2APIC)
        return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
    if (dest > 0xff)
        return false;
    ldr >>= 24;
    if (l->dfr >> 28 == 0xf)
        return ldr & dest;
    return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
}

static bool deliver_to(struct sc_cpu *target, const struct message *m)
{
    switch (m->mode) {
    case DM_FIXED:
    case DM_LOWEST:
        if (!(target->lapic->svr & SVR_ENABLE) || !sc_lapic_accept(target, m->vector, m->level))
            return false;
        sc_async_set(target, SC_A_INTR);
        return true;
    case DM_NMI:
        sc_async_set(target, SC_A_NMI);
        return true;
    case DM_INIT:
        sc_async_set(target, SC_A_INIT);
        return true;
    case DM_SIPI:
        __atomic_store_n(&target->sipi_vector, m->vector, __ATOMIC_RELEASE);
        sc_async_set(target, SC_A_SIPI);
        return true;
    case DM_EXTINT:
        target->lapic->extint = true;
        sc_async_set(target, SC_A_INTR);
        return true;
    default: /* SMI: this CPU has no system management mode */
        return false;
    }
}

/* The software-enabled LAPIC with the lowest TPR; among equals the vector decides, which spreads
 * devices over vCPUs and keeps each device where it is. */
static struct sc_cpu *lowest_priority(struct sc_vm *vm, const struct message *m)
{
    unsigned best = 256, count = 0, n;

    for (uint32_t k = 0; k < vm->config.vcpus; k++) {
        struct sc_cpu *t = cpu_at(vm, k);

        if (!t || !matches(t, m) || !(t->lapic->svr & SVR_ENABLE))
            continue;
        if (t->lapic->tpr < best) {
            best = t->lapic->tpr;
            count = 0;
        }
        count += t->lapic->tpr == best;
    }
    if (!count)
        return NULL;
    n = m->vector % count;
    for (uint32_t k = 0; k < vm->config.vcpus; k++) {
        struct sc_cpu *t = cpu_at(vm, k);

        if (t && matches(t, m) && (t->lapic->svr & SVR_ENABLE) && t->lapic->tpr == best && !n--)
            return t;
    }
    return NULL; /* priorities changed meanwhile: the caller tries anyone */
}

static bool deliver(struct sc_vm *vm, const struct message *m)
{
    bool any = false;

    if (m->lowest) {
        struct sc_cpu *t = lowest_priority(vm, m);

        if (t)
            return deliver_to(t, m);
    }
    if (!m->logical && m->shorthand == SH_NONE && m->dest < vm->config.vcpus) {
        struct sc_cpu *t = cpu_at(vm, m->dest); /* id and index are nearly always the same */

        if (t && t->lapic && t->lapic->id == m->dest && matches(t, m) && m->dest != 0xff)
            return deliver_to(t, m);
    }
    for (uint32_t k = 0; k < vm->config.vcpus; k++) {
        struct sc_cpu *t = cpu_at(vm, k);

        if (!t || !matches(t, m))
            continue;
        any |= deliver_to(t, m);
        if (m->lowest && any)
            break;
    }
    return any;
}

void sc_lapic_send(struct sc_cpu *c)
{
    struct sc_lapic *l = c->lapic;
    uint32_t lo = (uint32_t)l->icr;
    struct message m = {
        .source = c,
        .dest = (uint32_t)(l->icr >> 32),
        .shorthand = (enum shorthand)((lo >> 18) & 3),
        .logical = lo & 0x800,
        .wide = l->mode == SC_APIC_X2APIC,
        .mode = (lo >> 8) & 7,
        .vector = (uint8_t)lo,
    };

    if (!m.wide)
        m.dest >>= 24;
    m.lowest = m.mode == DM_LOWEST;
    if (m.mode == DM_EXTINT || m.mode == DM_RESERVED)
        return;
    if (m.mode == DM_INIT && (lo & 0xc000) == 0x8000)
        return; /* INIT level de-assert: nothing listens to it since the Pentium 4 */
    if ((m.mode == DM_FIXED || m.mode == DM_LOWEST) && m.vector < 16) {
        sc_lapic_error(c, ESR_SEND_ILLEGAL);
        return;
    }
    deliver(c->vm, &m);
}

/* Address 0xFEExxxxx: destination in bits 19:12, redirection hint bit 3, destination mode bit 2; an
 * x2APIC destination beyond 255 has its upper bits in address bits 63:40, as KVM has it. */
int sc_lapic_msi(struct sc_vm *vm, uint64_t address, uint32_t data)
{
    uint32_t high = (uint32_t)(address >> 40);
    struct message m = {
        .dest = ((address >> 12) & 0xff) | high << 8,
        .logical = address & 4,
        .wide = high != 0,
        .lowest = (address & 8) || ((data >> 8) & 7) == DM_LOWEST,
        .level = data & 0x8000,
        .mode = (data >> 8) & 7,
        .vector = (uint8_t)data,
    };

    if ((address & 0xfff00000u) != 0xfee00000u)
        return -EINVAL;
    if (m.mode == DM_SIPI || m.mode == DM_RESERVED)
        return 0; /* reserved for MSIs */
    return deliver(vm, &m);
}
