/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a guest that was started without firmware goes on after a sleep: what firmware does last.
 *
 * ACPI 6.4, 5.2.10. The guest writes an address into the FACS: the 32-bit one is entered in real
 * mode, as segment and offset; if only the 64-bit one is there, that is entered in protected mode
 * with flat segments and without paging. (The flag for an entry in long mode is not offered.)
 */
#include "machines/waking.h"

#include <string.h>

#include <glib.h>

#include "mem/memory.h"

#define FACS_SIZE     64u
#define FACS_LENGTH   4u
#define FACS_VECTOR   12u
#define FACS_X_VECTOR 24u

struct vemu_waking vemu__waking_read(struct vemu_memory *memory, uint64_t facs)
{
    struct vemu_waking waking = { 0 };
    const uint8_t *at = vemu__memory_ptr(memory, facs, FACS_SIZE, false);
    uint32_t vector, length;
    uint64_t x_vector;

    if (!at || memcmp(at, "FACS", 4) != 0)
        return waking;
    memcpy(&length, at + FACS_LENGTH, sizeof(length));
    memcpy(&vector, at + FACS_VECTOR, sizeof(vector));
    memcpy(&x_vector, at + FACS_X_VECTOR, sizeof(x_vector));
    vector = GUINT32_FROM_LE(vector);
    x_vector = GUINT64_FROM_LE(x_vector);
    if (GUINT32_FROM_LE(length) != FACS_SIZE)
        return waking;
    if (vector && vector < 1u << 20) {
        waking.vector = vector;
    } else if (!vector && x_vector && x_vector <= UINT32_MAX) {
        waking.vector = x_vector;
        waking.protected_mode = true;
    }
    return waking;
}

uint32_t vemu__waking_state(const struct vemu_waking *waking, struct vemu_cpu_state *state)
{
    const bool flat = waking->protected_mode;
    const uint32_t limit = flat ? 0xffffffff : 0xffff;
    struct vemu_sregs *s = &state->sregs;

    memset(&state->regs, 0, sizeof(state->regs));
    state->regs.rip = flat ? waking->vector : waking->vector & 0xf;
    state->regs.rflags = 2;

    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < VEMU_SEG_COUNT; i++)
        s->seg[i] = (struct vemu_segment){
            .limit = limit,
            .selector = flat ? 0x18 : 0,
            .type = 0x3,
            .s = 1,
            .present = 1,
            .g = flat,
            .db = flat,
        };
    s->seg[VEMU_CS].type = 0xb;
    s->seg[VEMU_CS].selector = flat ? 0x10 : (uint16_t)(waking->vector >> 4);
    s->seg[VEMU_CS].base = flat ? 0 : waking->vector & ~(uint64_t)0xf;
    s->tr = (struct vemu_segment){ .limit = 0xffff, .type = 0xb, .present = 1 };
    s->ldt = (struct vemu_segment){ .limit = 0xffff, .type = 2, .present = 1 };
    s->gdt = (struct vemu_dtable){ 0, 0xffff };
    s->idt = (struct vemu_dtable){ 0, flat ? 0 : 0x3ff };
    s->cr0 = flat ? 0x11 : 0x10;
    s->apic_base = 0xfee00900; /* enabled, bootstrap processor */
    return VEMU_STATE_REGS | VEMU_STATE_SREGS;
}
