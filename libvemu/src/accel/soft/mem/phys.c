/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest-physical memory: slots, the local APIC's page, and the machine's devices.
 */
#include <string.h>

#include "accel/soft/mem/mmu.h"
#include "accel/soft/parts.h"

struct sc_slot *sc_slot_find(struct sc_vm *vm, uint64_t gpa)
{
    uint32_t lo = 0, hi = vm->slot_count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        struct sc_slot *s = &vm->slots[mid];
        if (gpa < s->gpa)
            hi = mid;
        else if (gpa - s->gpa < s->size)
            return s;
        else
            lo = mid + 1;
    }
    return NULL;
}

void sc_slot_written(struct sc_cpu *c, struct sc_slot *s, uint64_t pa, unsigned size)
{
    _Atomic uint8_t *page = sc_slot_page(s, pa);
    uint8_t v = atomic_load_explicit(page, memory_order_relaxed);
    if (SC_UNLIKELY(v & SC_PAGE_CODE))
        sc_smc_write(c->vm, c, pa, size);
    if ((s->flags & VEMU_SLOT_LOG_DIRTY) && !(v & SC_PAGE_DIRTY))
        atomic_fetch_or_explicit(page, SC_PAGE_DIRTY, memory_order_relaxed);
}

/* The largest naturally aligned piece of at most 8 bytes at the start of [gpa, gpa + size). */
static unsigned first_piece(uint64_t gpa, unsigned size)
{
    unsigned n = 8;
    while (n > size || (gpa & (n - 1)))
        n >>= 1;
    return n;
}

static uint64_t device_ld(struct sc_cpu *c, uint64_t gpa, unsigned size)
{
    if (sc_lapic_covers(c, gpa)) {
        unsigned offset = gpa & 0xfff;
        uint64_t v = sc_lapic_read(c, offset & ~3u) >> (offset & 3) * 8;
        if (size == 8)
            v |= (uint64_t)sc_lapic_read(c, offset + 4) << 32;
        return v;
    }
    return sc_mmio_read(c, gpa, size);
}

static void device_st(struct sc_cpu *c, uint64_t gpa, unsigned size, uint64_t v)
{
    if (sc_lapic_covers(c, gpa)) {
        /* Registers are 32 bits wide; narrower writes are undefined (SDM 3A.11.4.1), we drop them.
         * */
        if (size >= 4)
            sc_lapic_write(c, gpa & 0xfff, (uint32_t)v);
        if (size == 8)
            sc_lapic_write(c, (gpa & 0xfff) + 4, (uint32_t)(v >> 32));
        return;
    }
    sc_mmio_write(c, gpa, size, v);
}

uint64_t sc_phys_ld(struct sc_cpu *c, uint64_t gpa, unsigned size)
{
    uint64_t v = 0;
    for (unsigned done = 0, n; done < size; done += n) {
        n = first_piece(gpa + done, size - done);
        struct sc_slot *s = sc_slot_find(c->vm, gpa + done);
        uint64_t part = 0;
        if (s)
            memcpy(&part, sc_slot_host(s, gpa + done), n);
        else
            part = device_ld(c, gpa + done, n);
        if (n < 8)
            part &= (1ull << n * 8) - 1;
        v |= part << done * 8;
    }
    return v;
}

void sc_phys_st(struct sc_cpu *c, uint64_t gpa, unsigned size, uint64_t v)
{
    for (unsigned done = 0, n; done < size; done += n) {
        n = first_piece(gpa + done, size - done);
        uint64_t part = v >> done * 8;
        if (n < 8)
            part &= (1ull << n * 8) - 1;
        struct sc_slot *s = sc_slot_find(c->vm, gpa + done);
        if (s && !(s->flags & VEMU_SLOT_READONLY)) {
            sc_slot_written(c, s, gpa + done, n);
            memcpy(sc_slot_host(s, gpa + done), &part, n);
        } else {
            device_st(c, gpa + done, n, part);
        }
    }
}
