/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The button of a server: an NMI by way of the local APICs.
 */
#include <glib.h>
#include <string.h>

#include "core/vm.h"

#define LAPIC_LVT_LINT1  0x360u
#define LAPIC_LVT_MASKED (1u << 16)
#define LAPIC_LVT_MODE   0x700u
#define LAPIC_LVT_NMI    0x400u

/* Intel SDM Vol. 3, 11.5.1: the local vector table says what a pulse on LINT1 becomes. Linux leaves
 * it on for the first processor only. */
static int vcpu_lint1(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu)
{
    g_autofree struct vemu_cpu_state *state = g_new0(struct vemu_cpu_state, 1);
    int r = vm->accel->get_state(vcpu, VEMU_STATE_LAPIC, state);
    uint32_t lvt;

    if (r < 0)
        return r;
    memcpy(&lvt, state->lapic + LAPIC_LVT_LINT1, sizeof(lvt));
    return lvt & LAPIC_LVT_MASKED || (lvt & LAPIC_LVT_MODE) != LAPIC_LVT_NMI
               ? 0
               : vm->accel->inject_nmi(vcpu);
}

int vemu__vcpus_nmi(struct vemu_vm *vm)
{
    int r;

    vemu__vcpus_pause_for(vm);
    r = vemu__vcpus_call(vm, vcpu_lint1);
    vemu__vcpus_go_on(vm);
    return r;
}
