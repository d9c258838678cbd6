/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small machine of real mode on the host's KVM.
 */
#include "x86-kvm.h"

#include <sys/mman.h>

struct vkvm *kvm;
const char *skip_reason;
int failures;

bool lacks(struct machine *m, uint32_t cap)
{
    static char text[100];
    int r = m ? vkvm_vm_check_cap(m->vm, cap) : vkvm_check_cap(kvm, cap);
    if (r > 0)
        return false;
    const char *name = vkvm_cap_name(cap);
    snprintf(text, sizeof(text), "this KVM lacks %s", name ? name : "a capability");
    skip_reason = text;
    return true;
}

void machine_fini(struct machine *m)
{
    vkvm_vcpu_close(m->vcpu);
    vkvm_vm_close(m->vm);
    if (m->ram)
        munmap(m->ram, RAM_SIZE);
}

void machine_init(struct machine *m, enum chips chips)
{
    uint32_t slot;
    memset(m, 0, sizeof(*m));
    CHECK_EQ(vkvm_create_vm(kvm, 0, &m->vm), 0);
    CHECK_EQ(vkvm_vm_set_tss_addr(m->vm, 0xfffbd000), 0);
    if (chips == SPLIT_CHIPS)
        CHECK_EQ(vkvm_vm_enable_split_irqchip(m->vm, 24), 0);
    if (chips == FULL_CHIPS)
        CHECK_EQ(vkvm_vm_create_irqchip(m->vm), 0);
    m->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_EQ(vkvm_vm_add_memory(m->vm, 0, RAM_SIZE, m->ram, 0, &slot), 0);
}

void machine_add_vcpu(struct machine *m, const uint8_t *code, size_t size)
{
    struct vkvm_cpuid *cpuid;
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rsp = 0x8000 };
    memcpy(m->ram + CODE, code, size);
    CHECK_EQ(vkvm_vm_create_vcpu(m->vm, 0, &m->vcpu), 0);
    CHECK_EQ(vkvm_get_supported_cpuid(kvm, &cpuid), 0);
    CHECK_EQ(vkvm_vcpu_set_cpuid(m->vcpu, cpuid), 0);
    vkvm_cpuid_free(cpuid);
    CHECK_EQ(vkvm_vcpu_get_sregs(m->vcpu, &sregs), 0);
    sregs.cs.base = sregs.cs.selector = 0;
    CHECK_EQ(vkvm_vcpu_set_sregs(m->vcpu, &sregs), 0);
    CHECK_EQ(vkvm_vcpu_set_regs(m->vcpu, &regs), 0);
}

void machine_new(struct machine *m, enum chips chips, const uint8_t *code, size_t size)
{
    machine_init(m, chips);
    machine_add_vcpu(m, code, size);
}

void run_to(struct machine *m, uint32_t kind, struct vkvm_exit *e)
{
    CHECK_EQ(vkvm_vcpu_run(m->vcpu, e), 0);
    if (e->kind != kind)
        printf("exit %s, not %s\n", vkvm_exit_name(e->kind), vkvm_exit_name(kind));
    CHECK_EQ(e->kind, kind);
}
