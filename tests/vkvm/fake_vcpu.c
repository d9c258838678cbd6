/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake's vCPUs: state that is kept, and KVM_RUN from a script.
 */
#include <errno.h>
#include <string.h>

#include "fake_table.h"

static struct kvm_run *run_page(struct fake_handle *h)
{
    for (int i = 0; i < FAKE_MAX_MAPS; i++)
        if (h->maps[i].address && h->maps[i].offset == 0)
            return h->maps[i].address;
    return NULL;
}

/* Past the end of the script: -ENOEXEC. */
static int run_script(struct fake_kvm *f, struct fake_handle *h, struct kvm_run *page)
{
    const struct fake_exit *e;
    if (h->script)
        e = h->script_pos < h->script_len ? &h->script[h->script_pos++] : NULL;
    else
        e = f->script_pos < f->script_len ? &f->script[f->script_pos++] : NULL;
    if (!e)
        return -ENOEXEC;
    const struct fake_exit now = *e;
    pthread_mutex_unlock(&f->lock); /* other threads go on while the guest runs */
    if (now.fill)
        now.fill(page);
    pthread_mutex_lock(&f->lock);
    return now.result;
}

static int run(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_run *page = run_page(h);
    if (!page)
        return -EFAULT;
    int r = fake_x86_enter(f, page);
    if (r >= 0)
        r = __atomic_load_n(&page->immediate_exit, __ATOMIC_SEQ_CST) ? -EINTR
                                                                     : run_script(f, h, page);
    fake_x86_leave(f, page);
    return r;
}

static int set_regs(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->regs = *(const struct kvm_regs *)arg;
    f->events.exception.pending = 0;
    fake_keep(h, KVM_SET_REGS, arg, sizeof(f->regs));
    return 0;
}

static int msrs_set(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    const struct kvm_msrs *msrs = arg;
    for (uint32_t i = 0; i < msrs->nmsrs; i++)
        if (msrs->entries[i].index == f->msr_refused)
            return (int)i;
    return (int)msrs->nmsrs;
}

static int set_cpuid2(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    const struct kvm_cpuid2 *in = arg;
    if (in->nent > sizeof(f->cpuid) / sizeof(f->cpuid[0]))
        return -E2BIG;
    memcpy(f->cpuid, in->entries, in->nent * sizeof(f->cpuid[0]));
    f->cpuid_count = in->nent;
    for (uint32_t i = 0; i < in->nent; i++)
        if (f->cpuid[i].function == 1)
            f->cpuid[i].ecx |= f->force_ecx1;
    return 0;
}

static int get_cpuid2(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    return fake_cpuid_out(arg, f->cpuid, f->cpuid_count);
}

static int interrupt(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->last_int = ((struct kvm_interrupt *)arg)->irq;
    return 0;
}

/* As the kernel: what is optional counts only with its flag. */
static int set_events(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_vcpu_events new = *(struct kvm_vcpu_events *)arg;

    if (!(new.flags &KVM_VCPUEVENT_VALID_NMI_PENDING))
        new.nmi.pending = f->events.nmi.pending;
    if (!(new.flags &KVM_VCPUEVENT_VALID_SIPI_VECTOR))
        new.sipi_vector = f->events.sipi_vector;
    f->events = new;
    return 0;
}

static int nmi(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->events.nmi.pending = 1;
    return 0;
}

static int set_signal_mask(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    const struct kvm_signal_mask *mask = arg;
    f->signal_mask = 0;
    if (mask && mask->len != 8)
        return -EINVAL;
    if (mask)
        memcpy(&f->signal_mask, mask->sigset, 8);
    return 0;
}

static int translate(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_translation *t = arg;
    t->valid = t->linear_address < 0x100000;
    t->physical_address = t->linear_address + 0x1000;
    return 0;
}

static int set_guest_debug(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->last_int = ((struct kvm_guest_debug *)arg)->control;
    fake_keep(h, KVM_SET_GUEST_DEBUG, arg, sizeof(struct kvm_guest_debug));
    return 0;
}

const struct fake_ioctl fake_vcpu_table[] = {
    FAKE_CALL(KVM_RUN, run),
    FAKE_GET(KVM_GET_REGS, regs),
    FAKE_CALL(KVM_SET_REGS, set_regs),
    FAKE_GET(KVM_GET_SREGS, sregs),
    FAKE_SET(KVM_SET_SREGS, sregs),
    FAKE_GET(KVM_GET_FPU, fpu),
    FAKE_SET(KVM_SET_FPU, fpu),
    FAKE_CALL(KVM_GET_XSAVE, fake_x86_get_xsave),
    FAKE_CALL(KVM_GET_XSAVE2, fake_x86_get_xsave2),
    FAKE_CALL(KVM_SET_XSAVE, fake_x86_set_xsave),
    FAKE_GET(KVM_GET_XCRS, xcrs),
    FAKE_SET(KVM_SET_XCRS, xcrs),
    FAKE_GET(KVM_GET_DEBUGREGS, debugregs),
    FAKE_SET(KVM_SET_DEBUGREGS, debugregs),
    FAKE_GET(KVM_GET_VCPU_EVENTS, events),
    FAKE_CALL(KVM_SET_VCPU_EVENTS, set_events),
    FAKE_GET(KVM_GET_LAPIC, lapic),
    FAKE_SET(KVM_SET_LAPIC, lapic),
    FAKE_GET(KVM_GET_MP_STATE, mp),
    FAKE_SET(KVM_SET_MP_STATE, mp),
    FAKE_CALL(KVM_SET_CPUID2, set_cpuid2),
    FAKE_CALL(KVM_GET_CPUID2, get_cpuid2),
    FAKE_CALL(KVM_GET_MSRS, fake_msrs_get),
    FAKE_CALL(KVM_SET_MSRS, msrs_set),
    FAKE_CALL(KVM_ENABLE_CAP, fake_enable_cap),
    FAKE_CALL(KVM_INTERRUPT, interrupt),
    FAKE_CALL(KVM_SET_SIGNAL_MASK, set_signal_mask),
    FAKE_CALL(KVM_NMI, nmi),
    FAKE_CALL(KVM_TRANSLATE, translate),
    FAKE_CALL(KVM_SET_GUEST_DEBUG, set_guest_debug),
    FAKE_NUMBER(KVM_GET_TSC_KHZ, 2500000),
    FAKE_OK(KVM_SET_TSC_KHZ),
    FAKE_NUMBER(KVM_KVMCLOCK_CTRL, -EINVAL),
    FAKE_GIVE(KVM_GET_SREGS2, KVM_SET_SREGS2),
    FAKE_KEEP(KVM_SET_SREGS2),
    FAKE_OK(KVM_SMI),
    FAKE_KEEP(KVM_TPR_ACCESS_REPORTING),
    FAKE_KEEP(KVM_SET_VAPIC_ADDR),
    FAKE_KEEP(KVM_X86_SETUP_MCE),
    FAKE_KEEP(KVM_X86_SET_MCE),
    FAKE_CALL(KVM_GET_NESTED_STATE, fake_x86_get_nested),
    FAKE_CALL(KVM_SET_NESTED_STATE, fake_x86_set_nested),
    FAKE_CALL(KVM_GET_SUPPORTED_HV_CPUID, fake_x86_hv_cpuid),
    FAKE_CALL(KVM_GET_STATS_FD, fake_get_stats_fd),
    FAKE_CALL(KVM_GET_ONE_REG, fake_get_one_reg),
    FAKE_CALL(KVM_SET_ONE_REG, fake_set_one_reg),
    FAKE_CALL(KVM_GET_REG_LIST, fake_get_reg_list),
    FAKE_CALL(KVM_PRE_FAULT_MEMORY, fake_pre_fault),
    FAKE_CALL(KVM_HAS_DEVICE_ATTR, fake_has_attr),
    FAKE_CALL(KVM_SET_DEVICE_ATTR, fake_set_attr),
    FAKE_CALL(KVM_GET_DEVICE_ATTR, fake_get_attr),
    FAKE_END,
};
