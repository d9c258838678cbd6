/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake's x86: registers through the run page, and requests whose argument has a length of its
 * own.
 */
#include <errno.h>
#include <string.h>

#include "fake_table.h"

/* --- KVM_RUN --- */

/* As kvm_arch_vcpu_ioctl_run() does it: a vCPU that waits for INIT comes first, then the check of
 * the groups, then taking what is dirty. */
int fake_x86_enter(struct fake_kvm *f, struct kvm_run *page)
{
    if (f->x86.waiting)
        return page->immediate_exit ? -EINTR : -EAGAIN;
    if (f->x86.sync_strict &&
        ((page->kvm_valid_regs | page->kvm_dirty_regs) & ~(uint64_t)f->x86.sync_groups))
        return -EINVAL;
    uint64_t take = page->kvm_dirty_regs & f->x86.sync_groups;
    if (f->x86.sync_skipped)
        return 0;
    if (take & KVM_SYNC_X86_REGS) {
        f->regs = page->s.regs.regs;
        f->regs.rflags |= 2;
        f->events.exception.pending = 0;
    }
    if (take & KVM_SYNC_X86_SREGS)
        f->sregs = page->s.regs.sregs;
    if (take & KVM_SYNC_X86_EVENTS)
        f->events = page->s.regs.events;
    page->kvm_dirty_regs &= ~take;
    return 0;
}

void fake_x86_leave(struct fake_kvm *f, struct kvm_run *page)
{
    uint64_t give = page->kvm_valid_regs & f->x86.sync_groups;
    if (f->x86.sync_skipped)
        return;
    if (give & KVM_SYNC_X86_REGS)
        page->s.regs.regs = f->regs;
    if (give & KVM_SYNC_X86_SREGS)
        page->s.regs.sregs = f->sregs;
    if (give & KVM_SYNC_X86_EVENTS)
        page->s.regs.events = f->events;
}

/* --- vCPU --- */

int fake_x86_get_xsave(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    if (f->x86.xsave_size > sizeof(f->xsave))
        return -EINVAL;
    memcpy(arg, &f->xsave, sizeof(f->xsave));
    return 0;
}

int fake_x86_get_xsave2(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    memcpy(arg, &f->xsave, sizeof(f->xsave));
    if (f->x86.xsave_size > sizeof(f->xsave))
        memset((char *)arg + sizeof(f->xsave), 0xee, f->x86.xsave_size - sizeof(f->xsave));
    return 0;
}

/* Reads as much as the vCPU has, whatever the caller has. */
int fake_x86_set_xsave(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    memcpy(&f->xsave, arg, sizeof(f->xsave));
    f->x86.xsave_beyond = 0;
    for (size_t i = sizeof(f->xsave); i < f->x86.xsave_size; i++)
        f->x86.xsave_beyond |= ((const uint8_t *)arg)[i];
    return 0;
}

int fake_x86_get_nested(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_nested_state *state = arg;
    uint32_t room = state->size;
    state->size = f->x86.nested_claim ? f->x86.nested_claim : f->x86.nested_size;
    if (room < f->x86.nested_size)
        return -E2BIG;
    memset((char *)arg + sizeof(*state), 0x5e, f->x86.nested_size - sizeof(*state));
    return 0;
}

int fake_x86_set_nested(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    fake_keep(h, KVM_SET_NESTED_STATE, arg, ((const struct kvm_nested_state *)arg)->size);
    return 0;
}

int fake_x86_hv_cpuid(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    const struct kvm_cpuid_entry2 leaves[] = { { .function = 0x40000000, .eax = 0x40000005 },
                                               { .function = 0x40000001, .eax = 0x31237648 } };
    return fake_cpuid_out(arg, leaves, 2);
}

/* --- VM --- */

int fake_x86_get_irqchip(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_irqchip *chip = arg;
    const struct fake_kept *kept = fake_kept(h, KVM_SET_IRQCHIP);
    if (chip->chip_id > KVM_IRQCHIP_IOAPIC)
        return -EINVAL;
    if (kept && ((const struct kvm_irqchip *)kept->bytes)->chip_id == chip->chip_id)
        memcpy(arg, kept->bytes, sizeof(*chip));
    return 0;
}

/* Its number says nothing about the argument. */
int fake_x86_reinject(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    fake_keep(h, KVM_REINJECT_CONTROL, arg, sizeof(struct kvm_reinject_control));
    return 0;
}

int fake_x86_irq_line_status(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_irq_level *line = arg;
    f->last_line = *line;
    line->status = line->level ? 1 : 0;
    return 0;
}

int fake_x86_msr_filter(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->x86.filter = *(const struct kvm_msr_filter *)arg;
    f->x86.filter_ranges = 0;
    for (int i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
        const struct kvm_msr_filter_range *range = &f->x86.filter.ranges[i];
        if (!range->nmsrs)
            continue;
        f->x86.filter_ranges++;
        memcpy(f->x86.filter_bits[i], range->bitmap, 8);
    }
    if (!f->x86.filter_ranges && (f->x86.filter.flags & KVM_MSR_FILTER_DEFAULT_DENY))
        return -EINVAL;
    return 0;
}

int fake_x86_pmu_filter(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    const struct kvm_pmu_event_filter *filter = arg;
    uint32_t count = filter->nevents < 4 ? filter->nevents : 4;
    f->x86.pmu = *filter;
    memcpy(f->x86.pmu_events, filter->events, count * sizeof(filter->events[0]));
    return 0;
}

int fake_x86_encrypt_op(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_sev_cmd *command = arg;
    if (!command)
        return 0;
    fake_keep(h, KVM_MEMORY_ENCRYPT_OP, arg, sizeof(*command));
    command->error = f->x86.sev_error;
    return command->error ? -EIO : 0;
}

/* --- system --- */

int fake_x86_emulated_cpuid(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    static const struct kvm_cpuid_entry2 leaf = { .function = 1, .ecx = 1u << 22 /* MOVBE */ };
    const struct kvm_cpuid2 *in = arg;
    for (uint32_t i = 0; i < in->nent; i++)
        if (in->entries[i].padding[0] || in->entries[i].padding[1] || in->entries[i].padding[2])
            return -EINVAL;
    return fake_cpuid_out(arg, &leaf, 1);
}

int fake_x86_feature_list(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_msr_list *list = arg;
    uint32_t room = list->nmsrs;
    list->nmsrs = 2;
    if (room < 2)
        return -E2BIG;
    list->indices[0] = 0x8b;
    list->indices[1] = 0x10a;
    return 0;
}

int fake_x86_mce_cap(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    *(uint64_t *)arg = 0x1000020;
    return 0;
}
