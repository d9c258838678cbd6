/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program that is recorded and replayed.
 */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RAM_SIZE 0x80000 /* 128 pages: a dirty log of two words */

/* --- the kernel's side --- */

static void fill_out(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = KVM_EXIT_IO_OUT;
    run->io.size = 1;
    run->io.count = 4;
    run->io.port = 0x3f8;
    run->io.data_offset = 4096;
    memcpy((char *)run + 4096, "ping", 4);
}

static void fill_in(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = KVM_EXIT_IO_IN;
    run->io.size = 2;
    run->io.count = 1;
    run->io.port = 0x60;
    run->io.data_offset = 4096;
}

static void fill_mmio_write(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.phys_addr = 0xfee00000;
    run->mmio.len = 4;
    run->mmio.is_write = 1;
    memcpy(run->mmio.data, "\1\2\3\4", 4);
}

static void fill_mmio_read(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.phys_addr = 0xfee00020;
    run->mmio.len = 8;
    run->mmio.is_write = 0;
}

static void fill_hlt(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_HLT;
}

void session_prepare(struct fake_kvm *fake)
{
    static const struct fake_exit script[] = {
        { 0, fill_out },        { 0, fill_in },        { -EINTR, NULL },
        { 0, fill_mmio_write }, { 0, fill_mmio_read }, { 0, fill_hlt }, /* the first vCPU's end */
        { 0, fill_mmio_write }, { 0, fill_hlt },
    };
    memcpy(fake->script, script, sizeof(script));
    fake->script_len = sizeof(script) / sizeof(script[0]);
    fake->script_pos = 0;
    fake->supported_count = 5;
}

/* --- the program's side --- */

struct session {
    const struct session_change *change;
    struct session_result *result;
    struct vkvm *kvm;
    struct vkvm_vm *vm;
    struct vkvm_vcpu *vcpus[2];
    struct vkvm_device *device;
    uint8_t *ram;
    uint32_t slot;
};

static void add_bytes(struct session *s, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    while (size--)
        s->result->sum = s->result->sum * 31 + *p++;
}

/* Notes a result; true: go on. */
static bool went(struct session *s, int r)
{
    add_bytes(s, &r, sizeof(r));
    if (r < 0 && !s->result->error)
        s->result->error = r;
    return r >= 0;
}

static bool session_system(struct session *s)
{
    struct vkvm_cpuid *cpuid = NULL;
    struct vkvm_msrs *msrs = NULL;
    uint32_t *list = NULL;
    size_t n;
    bool ok = went(s, vkvm_check_cap(s->kvm, KVM_CAP_USER_MEMORY + s->change->cap)) &&
              went(s, vkvm_get_supported_cpuid(s->kvm, &cpuid));
    if (ok) {
        const struct kvm_cpuid_entry2 *entries = vkvm_cpuid_entries(cpuid, &n);
        add_bytes(s, entries, n * sizeof(*entries));
        ok = went(s, vkvm_get_msr_index_list(s->kvm, &list, &n));
    }
    if (ok) {
        add_bytes(s, list, n * sizeof(*list));
        ok = went(s, vkvm_msrs_new(2, &msrs)) && went(s, vkvm_msrs_add(msrs, 0x8b, 0)) &&
             went(s, vkvm_get_feature_msrs(s->kvm, msrs));
    }
    if (ok && s->change->little_room) {
        struct {
            struct kvm_cpuid2 head;
            struct kvm_cpuid_entry2 entries[1];
        } small = { .head.nent = 1 };
        went(s, vkvm_ioctl(s->kvm, KVM_GET_SUPPORTED_CPUID, &small));
    }
    vkvm_cpuid_free(cpuid);
    vkvm_msrs_free(msrs);
    free(list);
    return ok;
}

static bool session_vm(struct session *s)
{
    struct vkvm_routing *routing = NULL;
    uint64_t value = 0x1234, bitmap[2] = { 0 };
    bool ok = went(s, vkvm_vm_set_identity_map_addr(s->vm, 0xfffbc000)) &&
              went(s, vkvm_vm_enable_split_irqchip(s->vm, 24)) &&
              went(s, vkvm_vm_add_memory(s->vm, 0, RAM_SIZE, s->ram, KVM_MEM_LOG_DIRTY_PAGES,
                                         &s->slot)) &&
              went(s, vkvm_routing_new(&routing)) &&
              went(s, vkvm_routing_add_msi(routing, 5, 0xfee00000, 0x41)) &&
              went(s, vkvm_vm_set_routing(s->vm, routing)) &&
              went(s, vkvm_vm_signal_msi(s->vm, 0xfee00000, 0x42)) &&
              went(s, vkvm_vm_create_device(s->vm, KVM_DEV_TYPE_VFIO, 0, &s->device)) &&
              went(s, vkvm_device_set_attr(s->device, 1, 0, &value)) &&
              went(s, vkvm_device_get_attr(s->device, 1, 0, &value)) &&
              went(s, vkvm_vm_get_dirty_log(s->vm, s->slot, bitmap));
    add_bytes(s, &value, sizeof(value));
    add_bytes(s, bitmap, sizeof(bitmap));
    vkvm_routing_free(routing);
    return ok;
}

static bool session_exit(struct session *s, const struct vkvm_exit *e)
{
    struct session_result *result = s->result;
    uint32_t n = 0;
    if (result->exit_count < sizeof(result->exits) / sizeof(result->exits[0]))
        result->exits[result->exit_count++] = e->kind;
    if (e->kind == VKVM_EXIT_IO_OUT)
        n = e->io.size * e->io.count;
    else if (e->kind == VKVM_EXIT_MMIO_WRITE)
        n = e->mmio.length;
    if (n && n <= sizeof(result->output) - result->output_size) {
        memcpy(result->output + result->output_size,
               e->kind == VKVM_EXIT_IO_OUT ? e->io.data : e->mmio.data, n);
        result->output_size += n;
    }
    if (e->kind == VKVM_EXIT_IO_IN)
        memset(e->io.data, 0x55 + s->change->answer, (size_t)e->io.size * e->io.count);
    if (e->kind == VKVM_EXIT_MMIO_READ)
        memset(e->mmio.data, 0x66, e->mmio.length);
    return e->kind != VKVM_EXIT_HLT && e->kind != VKVM_EXIT_OTHER;
}

static bool session_vcpu(struct session *s, struct vkvm_vcpu *vcpu, bool again)
{
    struct kvm_regs regs = { .rip = 0x1000 + s->change->rip, .rflags = 2 }, read;
    struct kvm_sregs sregs;
    struct vkvm_exit e;
    const uint64_t mask = 1ull << 33;
    bool ok = went(s, vkvm_vcpu_set_signal_mask(vcpu, &mask)) &&
              went(s, vkvm_vcpu_get_sregs(vcpu, &sregs)) &&
              (s->change->without_regs || went(s, vkvm_vcpu_set_regs(vcpu, &regs))) &&
              (!s->change->with_nmi || went(s, vkvm_vcpu_nmi(vcpu)));
    if (ok)
        add_bytes(s, &sregs, sizeof(sregs));
    for (int left = 50; ok && left; left--) {
        ok = went(s, vkvm_vcpu_run(vcpu, &e));
        if (ok && !session_exit(s, &e))
            break;
    }
    if (ok && again)
        ok = went(s, vkvm_vcpu_run(vcpu, &e));
    if (ok && went(s, vkvm_vcpu_get_regs(vcpu, &read))) {
        add_bytes(s, &read, sizeof(read));
        return true;
    }
    return false;
}

void session_run(const struct vkvm_syscalls *sys, const struct session_change *change,
                 struct session_result *ret)
{
    static const struct session_change unchanged;
    struct session s = { .change = change ? change : &unchanged, .result = ret };
    memset(ret, 0, sizeof(*ret));
    s.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool ok = s.ram != MAP_FAILED && went(&s, vkvm_open_with(sys, s.change->path, &s.kvm)) &&
              session_system(&s) && went(&s, vkvm_create_vm(s.kvm, 0, &s.vm)) && session_vm(&s);
    for (int i = 0; ok && i < 2; i++)
        ok = went(&s, vkvm_vm_create_vcpu(s.vm, (uint32_t)i, &s.vcpus[i]));
    if (ok && session_vcpu(&s, s.vcpus[0], s.change->again))
        session_vcpu(&s, s.vcpus[1], false);
    vkvm_device_close(s.device);
    vkvm_vcpu_close(s.vcpus[0]);
    vkvm_vm_close(s.vm);
    vkvm_vcpu_close(s.vcpus[1]);
    vkvm_close(s.kvm);
    if (s.ram != MAP_FAILED)
        munmap(s.ram, RAM_SIZE);
}
