/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest debugging: DR7 and DR6 (Intel SDM volume 3, chapter 18.2) in a kvm_guest_debug.
 */
#include <errno.h>
#include <string.h>

#include <vkvm/debug.h>

#include "../vm.h"

#define SLOTS         4
#define DR7           7
#define DR7_FIXED     0x400ull
#define DR7_EXACT     0x200ull          /* GE: recommended, ignored by today's CPUs */
#define DR7_ENABLE(n) (2ull << ((n)*2)) /* G bit: not cleared by a task switch */
#define DR7_FIELD(n)  (16 + (n)*4)      /* R/W below LEN, two bits each */
#define DR6_STEP      (1ull << 14)
#define VECTOR_DB     1u
#define VECTOR_BP     3u
#define CONTROLS_ALWAYS                                                                            \
    (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP |                      \
     KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)

int vkvm_vm_get_debug_controls(struct vkvm_vm *vm)
{
    int r = vkvm__ioctl_int(&vm->h, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2);
    if (r != 0)
        return r;
    r = vkvm__need_cap(&vm->h, KVM_CAP_SET_GUEST_DEBUG, KVM_SET_GUEST_DEBUG);
    return r < 0 ? r : (int)CONTROLS_ALWAYS;
}

void vkvm_debug_init(struct kvm_guest_debug *debug)
{
    memset(debug, 0, sizeof(*debug));
    debug->control = KVM_GUESTDBG_ENABLE;
    debug->arch.debugreg[DR7] = DR7_FIXED;
}

static void control_set(struct kvm_guest_debug *debug, uint32_t bits, bool on)
{
    debug->control = on ? debug->control | bits : debug->control & ~bits;
}

void vkvm_debug_set_step(struct kvm_guest_debug *debug, bool on)
{
    control_set(debug, KVM_GUESTDBG_SINGLESTEP, on);
}

void vkvm_debug_set_software(struct kvm_guest_debug *debug, bool on)
{
    control_set(debug, KVM_GUESTDBG_USE_SW_BP, on);
}

int vkvm_debug_block_irq(struct kvm_guest_debug *debug, uint32_t controls, bool on)
{
    if (!(controls & KVM_GUESTDBG_BLOCKIRQ))
        return -EOPNOTSUPP;
    control_set(debug, KVM_GUESTDBG_BLOCKIRQ, on);
    return 0;
}

/* --- hardware slots --- */

/* The R/W and LEN fields, or -EINVAL. */
static int slot_encode(uint32_t access, uint64_t address, uint32_t length)
{
    static const int8_t lengths[9] = { -1, 0, 1, -1, 3, -1, -1, -1, 2 };
    if (length > 8 || lengths[length] < 0 || address % length)
        return -EINVAL;
    if (access != VKVM_DEBUG_EXECUTE && access != VKVM_DEBUG_WRITE &&
        access != VKVM_DEBUG_READ_WRITE)
        return -EINVAL;
    if (access == VKVM_DEBUG_EXECUTE && length != 1)
        return -EINVAL;
    return (int)access | (lengths[length] << 2);
}

static bool slot_used(const struct kvm_guest_debug *debug, uint32_t slot)
{
    return debug->arch.debugreg[DR7] & DR7_ENABLE(slot);
}

static int slot_field(const struct kvm_guest_debug *debug, uint32_t slot)
{
    return (int)(debug->arch.debugreg[DR7] >> DR7_FIELD(slot) & 0xf);
}

/* The slot that holds exactly this, or -ENOENT. */
static int slot_find(const struct kvm_guest_debug *debug, uint64_t address, int field)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        if (slot_used(debug, i) && debug->arch.debugreg[i] == address &&
            slot_field(debug, i) == field)
            return (int)i;
    return -ENOENT;
}

int vkvm_debug_add(struct kvm_guest_debug *debug, uint32_t access, uint64_t address,
                   uint32_t length)
{
    int field = slot_encode(access, address, length);
    if (field < 0)
        return field;
    if (slot_find(debug, address, field) >= 0)
        return -EEXIST;
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (slot_used(debug, i))
            continue;
        debug->arch.debugreg[i] = address;
        debug->arch.debugreg[DR7] |= DR7_EXACT | DR7_ENABLE(i) | ((uint64_t)field << DR7_FIELD(i));
        debug->control |= KVM_GUESTDBG_USE_HW_BP;
        return (int)i;
    }
    return -ENOSPC;
}

int vkvm_debug_remove(struct kvm_guest_debug *debug, uint32_t access, uint64_t address,
                      uint32_t length)
{
    int field = slot_encode(access, address, length);
    int slot = field < 0 ? -ENOENT : slot_find(debug, address, field);
    if (slot < 0)
        return slot;
    debug->arch.debugreg[slot] = 0;
    debug->arch.debugreg[DR7] &= ~(DR7_ENABLE(slot) | (0xfull << DR7_FIELD(slot)));
    for (uint32_t i = 0; i < SLOTS; i++)
        if (slot_used(debug, i))
            return 0;
    debug->arch.debugreg[DR7] = DR7_FIXED;
    control_set(debug, KVM_GUESTDBG_USE_HW_BP, false);
    return 0;
}

int vkvm_debug_inject(struct kvm_guest_debug *debug, uint32_t vector)
{
    if (vector != VECTOR_DB && vector != VECTOR_BP)
        return -EINVAL;
    control_set(debug, KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP, false);
    control_set(debug, vector == VECTOR_DB ? KVM_GUESTDBG_INJECT_DB : KVM_GUESTDBG_INJECT_BP, true);
    return 0;
}

/* --- exits --- */

static void decode_slot(const struct kvm_guest_debug *debug, uint32_t slot,
                        struct vkvm_debug_event *ret)
{
    static const uint8_t lengths[4] = { 1, 2, 8, 4 };
    int field = slot_field(debug, slot);
    ret->slot = slot;
    ret->address = debug->arch.debugreg[slot];
    ret->access = (uint32_t)field & 3;
    ret->length = lengths[field >> 2];
    ret->cause = ret->access == VKVM_DEBUG_EXECUTE ? VKVM_DEBUG_CAUSE_BREAKPOINT
                                                   : VKVM_DEBUG_CAUSE_WATCHPOINT;
}

void vkvm_debug_decode(const struct kvm_guest_debug *debug, const struct vkvm_exit *exit,
                       struct vkvm_debug_event *ret)
{
    *ret = (struct vkvm_debug_event){ .address = exit->debug.pc };
    if (exit->debug.exception == VECTOR_BP) {
        if (debug->control & KVM_GUESTDBG_USE_SW_BP)
            ret->cause = VKVM_DEBUG_CAUSE_SOFTWARE;
        return;
    }
    if (debug->control & KVM_GUESTDBG_USE_HW_BP)
        for (uint32_t i = 0; i < SLOTS; i++)
            if ((exit->debug.dr6 & (1ull << i)) && slot_used(debug, i)) {
                decode_slot(debug, i, ret);
                return;
            }
    if ((debug->control & KVM_GUESTDBG_SINGLESTEP) && (exit->debug.dr6 & DR6_STEP))
        ret->cause = VKVM_DEBUG_CAUSE_STEP;
}
