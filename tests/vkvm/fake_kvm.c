/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake KVM. Each request does what the kernel's API document says, on plain memory.
 */
#include "fake_kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FD_BASE 1000

static int fake_new_fd(struct fake_kvm *f, char kind)
{
    for (int i = 0; i < FAKE_MAX_FDS; i++)
        if (!f->kind[i]) {
            f->kind[i] = kind;
            f->open_fds++;
            return FD_BASE + i;
        }
    return -EMFILE;
}

static int fake_open(void *data, const char *path, int flags)
{
    struct fake_kvm *f = data;
    if (f->fail_open)
        return -EACCES;
    if (strcmp(path, "/dev/kvm"))
        return -ENOENT;
    return fake_new_fd(f, 'k');
}

static int fake_close(void *data, int fd)
{
    struct fake_kvm *f = data;
    if (fd < FD_BASE || !f->kind[fd - FD_BASE])
        return -EBADF;
    f->kind[fd - FD_BASE] = 0;
    f->open_fds--;
    return 0;
}

static int fake_mmap(void *data, size_t length, int prot, int flags, int fd, off_t offset,
                     void **ret)
{
    struct fake_kvm *f = data;
    if (f->fail_mmap)
        return -ENOMEM;
    f->run = calloc(1, length);
    f->mapped++;
    *ret = f->run;
    return 0;
}

static int fake_munmap(void *data, void *address, size_t length)
{
    struct fake_kvm *f = data;
    free(address);
    f->mapped--;
    return 0;
}

static int fake_kill_thread(void *data, int thread_id, int signal_number)
{
    struct fake_kvm *f = data;
    f->last_signal = signal_number;
    f->last_signal_thread = thread_id;
    return 0;
}

/* Copies a state group in or out. */
#define GROUP(GET, SET, member)                                                                    \
    case GET: memcpy(arg, &f->member, sizeof(f->member)); return 0;                                \
    case SET: memcpy(&f->member, arg, sizeof(f->member)); return 0

static int fake_cpuid_out(struct kvm_cpuid2 *out, const struct kvm_cpuid_entry2 *from, uint32_t n)
{
    if (out->nent < n)
        return -E2BIG;
    memcpy(out->entries, from, n * sizeof(*from));
    out->nent = n;
    return 0;
}

static int fake_supported(struct fake_kvm *f, struct kvm_cpuid2 *out)
{
    struct kvm_cpuid_entry2 *e = calloc(f->supported_count + 1, sizeof(*e));
    for (uint32_t i = 0; i < f->supported_count; i++)
        e[i] = (struct kvm_cpuid_entry2){ .function = i, .eax = i + 100, .ecx = 0x5a5a };
    int r = fake_cpuid_out(out, e, f->supported_count);
    free(e);
    return r;
}

static int fake_msrs(struct fake_kvm *f, struct kvm_msrs *msrs, bool set)
{
    for (uint32_t i = 0; i < msrs->nmsrs; i++) {
        if (msrs->entries[i].index == f->msr_refused)
            return (int)i;
        if (!set)
            msrs->entries[i].data = msrs->entries[i].index + 1ull;
    }
    return (int)msrs->nmsrs;
}

static int fake_msr_list(struct kvm_msr_list *list)
{
    static const uint32_t indices[] = { 0x10, 0x1b, 0x174, 0xc0000080 };
    uint32_t room = list->nmsrs;
    list->nmsrs = 4;
    if (room < 4)
        return -E2BIG;
    memcpy(list->indices, indices, sizeof(indices));
    return 0;
}

static int fake_run(struct fake_kvm *f)
{
    if (f->run->immediate_exit)
        return -EINTR;
    if (f->script_pos == f->script_len)
        return -ENOEXEC;
    const struct fake_exit *e = &f->script[f->script_pos++];
    if (e->fill)
        e->fill(f->run);
    return e->result;
}

static int fake_system_ioctl(struct fake_kvm *f, unsigned long request, void *arg)
{
    switch (request) {
    case KVM_GET_API_VERSION: return f->api_version;
    case KVM_CREATE_VM:
        f->last_int = (uintptr_t)arg;
        return fake_new_fd(f, 'v');
    case KVM_CHECK_EXTENSION:
        return (uintptr_t)arg == KVM_CAP_USER_MEMORY ? 1
               : (uintptr_t)arg == KVM_CAP_NR_MEMSLOTS ? 4 : 0;
    case KVM_GET_VCPU_MMAP_SIZE: return FAKE_MMAP_SIZE;
    case KVM_GET_SUPPORTED_CPUID: return fake_supported(f, arg);
    case KVM_GET_MSRS: return fake_msrs(f, arg, false);
    case KVM_GET_MSR_INDEX_LIST: return fake_msr_list(arg);
    default: return -ENOTTY;
    }
}

static int fake_vm_ioctl(struct fake_kvm *f, unsigned long request, void *arg)
{
    switch (request) {
    case KVM_CREATE_VCPU:
        f->last_int = (uintptr_t)arg;
        return fake_new_fd(f, 'c');
    case KVM_CHECK_EXTENSION: return (uintptr_t)arg == KVM_CAP_NR_MEMSLOTS ? 4 : 0;
    case KVM_SET_USER_MEMORY_REGION:
        f->last_region = *(struct kvm_userspace_memory_region *)arg;
        return 0;
    case KVM_GET_DIRTY_LOG:
        *(uint64_t *)((struct kvm_dirty_log *)arg)->dirty_bitmap = 0x5;
        return 0;
    case KVM_SET_IDENTITY_MAP_ADDR: f->last_int = *(uint64_t *)arg; return 0;
    case KVM_SET_TSS_ADDR:
    case KVM_CREATE_IRQCHIP: f->last_int = (uintptr_t)arg; return 0;
    case KVM_CREATE_PIT2: f->last_int = ((struct kvm_pit_config *)arg)->flags; return 0;
    case KVM_ENABLE_CAP: f->last_cap = *(struct kvm_enable_cap *)arg; return 0;
    case KVM_IRQ_LINE: f->last_line = *(struct kvm_irq_level *)arg; return 0;
    case KVM_SIGNAL_MSI: f->last_msi = *(struct kvm_msi *)arg; return 1;
    case KVM_SET_GSI_ROUTING: f->last_routing_count = ((struct kvm_irq_routing *)arg)->nr; return 0;
    case KVM_IRQFD: f->last_irqfd = *(struct kvm_irqfd *)arg; return 0;
    case KVM_IOEVENTFD: f->last_ioeventfd = *(struct kvm_ioeventfd *)arg; return 0;
    case KVM_CREATE_DEVICE: {
        struct kvm_create_device *create = arg;
        if (create->type != KVM_DEV_TYPE_VFIO)
            return -ENODEV;
        if (create->flags & KVM_CREATE_DEVICE_TEST)
            return 0;
        int fd = fake_new_fd(f, 'd');
        create->fd = (uint32_t)fd;
        return fd < 0 ? fd : 0;
    }
    GROUP(KVM_GET_CLOCK, KVM_SET_CLOCK, clock);
    default: return -ENOTTY;
    }
}

static int fake_set_cpuid(struct fake_kvm *f, const struct kvm_cpuid2 *in)
{
    if (in->nent > sizeof(f->cpuid) / sizeof(f->cpuid[0]))
        return -E2BIG;
    memcpy(f->cpuid, in->entries, in->nent * sizeof(f->cpuid[0]));
    f->cpuid_count = in->nent;
    for (uint32_t i = 0; i < in->nent; i++)
        if (f->cpuid[i].function == 1)
            f->cpuid[i].ecx |= f->force_ecx1;
    return 0;
}

static int fake_vcpu_ioctl(struct fake_kvm *f, unsigned long request, void *arg)
{
    switch (request) {
    case KVM_RUN: return fake_run(f);
    GROUP(KVM_GET_REGS, KVM_SET_REGS, regs);
    GROUP(KVM_GET_SREGS, KVM_SET_SREGS, sregs);
    GROUP(KVM_GET_FPU, KVM_SET_FPU, fpu);
    GROUP(KVM_GET_XSAVE, KVM_SET_XSAVE, xsave);
    GROUP(KVM_GET_XCRS, KVM_SET_XCRS, xcrs);
    GROUP(KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, debugregs);
    GROUP(KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, events);
    GROUP(KVM_GET_LAPIC, KVM_SET_LAPIC, lapic);
    GROUP(KVM_GET_MP_STATE, KVM_SET_MP_STATE, mp);
    case KVM_SET_CPUID2: return fake_set_cpuid(f, arg);
    case KVM_GET_CPUID2: return fake_cpuid_out(arg, f->cpuid, f->cpuid_count);
    case KVM_GET_MSRS: return fake_msrs(f, arg, false);
    case KVM_SET_MSRS: return fake_msrs(f, arg, true);
    case KVM_ENABLE_CAP: f->last_cap = *(struct kvm_enable_cap *)arg; return 0;
    case KVM_INTERRUPT: f->last_int = ((struct kvm_interrupt *)arg)->irq; return 0;
    case KVM_SET_SIGNAL_MASK: {
        const struct kvm_signal_mask *mask = arg;
        f->signal_mask = 0;
        if (mask && mask->len != 8)
            return -EINVAL;
        if (mask)
            memcpy(&f->signal_mask, mask->sigset, 8);
        return 0;
    }
    case KVM_NMI: f->last_int = 0x2; return 0;
    case KVM_TRANSLATE: {
        struct kvm_translation *t = arg;
        t->valid = t->linear_address < 0x100000;
        t->physical_address = t->linear_address + 0x1000;
        return 0;
    }
    case KVM_SET_GUEST_DEBUG: f->last_int = ((struct kvm_guest_debug *)arg)->control; return 0;
    case KVM_GET_TSC_KHZ: return 2500000;
    case KVM_SET_TSC_KHZ: f->last_int = (uintptr_t)arg; return 0;
    case KVM_KVMCLOCK_CTRL: return -EINVAL;
    default: return -ENOTTY;
    }
}

static int fake_device_ioctl(struct fake_kvm *f, unsigned long request, void *arg)
{
    struct kvm_device_attr *attr = arg;
    switch (request) {
    case KVM_HAS_DEVICE_ATTR: return attr->group == 1 ? 0 : -ENXIO;
    case KVM_SET_DEVICE_ATTR: f->attr_value = *(uint64_t *)(uintptr_t)attr->addr; return 0;
    case KVM_GET_DEVICE_ATTR: *(uint64_t *)(uintptr_t)attr->addr = f->attr_value; return 0;
    default: return -ENOTTY;
    }
}

static int fake_ioctl(void *data, int fd, unsigned long request, void *arg)
{
    struct fake_kvm *f = data;
    f->last_request = request;
    f->calls++;
    if (f->fail_nth && f->fail_request == request && --f->fail_nth == 0)
        return f->fail_error;
    if (fd < FD_BASE || fd >= FD_BASE + FAKE_MAX_FDS)
        return -EBADF;
    switch (f->kind[fd - FD_BASE]) {
    case 'k': return fake_system_ioctl(f, request, arg);
    case 'v': return fake_vm_ioctl(f, request, arg);
    case 'c': return fake_vcpu_ioctl(f, request, arg);
    case 'd': return fake_device_ioctl(f, request, arg);
    default: return -EBADF;
    }
}

void fake_kvm_init(struct fake_kvm *fake)
{
    memset(fake, 0, sizeof(*fake));
    fake->api_version = 12;
    fake->supported_count = 3;
    fake->msr_refused = 0xffffffff;
    fake->sys = (struct vkvm_syscalls){
        .size = sizeof(fake->sys),
        .data = fake,
        .open = fake_open,
        .close = fake_close,
        .ioctl = fake_ioctl,
        .mmap = fake_mmap,
        .munmap = fake_munmap,
        .kill_thread = fake_kill_thread,
    };
}
