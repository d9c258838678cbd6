/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The architecture independent half of libvkvm against the fake KVM.
 */
#include "test-generic.h"

struct fake_kvm g_fake;
struct vkvm *g_kvm;
struct vkvm_vm *g_vm;
struct vkvm_vcpu *g_vcpu;
uint8_t g_pages[64 * PAGE] __attribute__((aligned(4096)));

int generic_open(struct fake_kvm *fake, struct vkvm **kvm, struct vkvm_vm **vm,
                 struct vkvm_vcpu **vcpu)
{
    int r = vkvm_open_with(&fake->sys, NULL, kvm);
    if (r >= 0)
        r = vkvm_create_vm(*kvm, 0, vm);
    if (r >= 0)
        r = vkvm_vm_create_vcpu(*vm, 0, vcpu);
    return r;
}

void generic_close(struct vkvm *kvm, struct vkvm_vm *vm, struct vkvm_vcpu *vcpu)
{
    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
}

void generic_setup(void)
{
    fake_kvm_init(&g_fake);
    fake_set_cap(&g_fake, KVM_CAP_NR_MEMSLOTS, 16);
    ck_assert_int_eq(generic_open(&g_fake, &g_kvm, &g_vm, &g_vcpu), 0);
}

void generic_teardown(void)
{
    generic_close(g_kvm, g_vm, g_vcpu);
    ck_assert_int_eq(g_fake.open_fds, 0);
    ck_assert_int_eq(g_fake.mapped, 0);
    fake_kvm_fini(&g_fake);
}

void fail_next(unsigned long request, int error)
{
    fake_inject(&g_fake, request, 1, error);
}

int main(void)
{
    SRunner *r = srunner_create(memory_suite());
    srunner_add_suite(r, dirty_suite());
    srunner_add_suite(r, stats_suite());
    srunner_add_suite(r, routes_suite());
    srunner_add_suite(r, calls_suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
