/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The x86 half of libvkvm against the fake KVM.
 */
#include "test-x86.h"

#include <vcpu.h> /* libvkvm's own */

struct fake_kvm x86_fake;
struct vkvm *x86_kvm;
struct vkvm_vm *x86_vm;
struct vkvm_vcpu *x86_vcpu;

#define MAX_REQUESTS 65536

static unsigned long requests[MAX_REQUESTS];
static int request_count;

static int logging_ioctl(void *data, int fd, unsigned long request, void *argument)
{
    struct fake_kvm *f = data;
    if (request_count < MAX_REQUESTS) /* no assertion here: those allocate */
        requests[request_count++] = request;
    return f->sys.ioctl(data, fd, request, argument);
}

void x86_log_clear(void)
{
    request_count = 0;
}

int x86_log_total(void)
{
    return request_count;
}

int x86_log_count(unsigned long request)
{
    int count = 0;
    for (int i = 0; i < request_count; i++)
        count += requests[i] == request;
    return count;
}

unsigned long x86_log_at(int n)
{
    ck_assert_int_lt(n, request_count);
    return requests[n];
}

int x86_open(struct fake_kvm *fake, struct vkvm **kvm, struct vkvm_vm **vm, struct vkvm_vcpu **vcpu)
{
    struct vkvm_syscalls sys = fake->sys;
    sys.ioctl = logging_ioctl;
    int r = vkvm_open_with(&sys, NULL, kvm);
    if (r >= 0)
        r = vkvm_create_vm(*kvm, 0, vm);
    if (r >= 0)
        r = vkvm_vm_create_vcpu(*vm, 0, vcpu);
    return r;
}

void x86_vcpu_set_xsave_bound(struct vkvm_vcpu *vcpu, size_t bound)
{
    vcpu->xsave_bound = bound;
}

void x86_setup(void)
{
    fake_kvm_init(&x86_fake);
    ck_assert_int_eq(x86_open(&x86_fake, &x86_kvm, &x86_vm, &x86_vcpu), 0);
    x86_log_clear();
}

void x86_teardown(void)
{
    x86_vcpu = vkvm_vcpu_close(x86_vcpu);
    x86_vm = vkvm_vm_close(x86_vm);
    x86_kvm = vkvm_close(x86_kvm);
    ck_assert_int_eq(x86_fake.open_fds, 0);
    ck_assert_int_eq(x86_fake.mapped, 0);
    fake_kvm_fini(&x86_fake);
}

int main(void)
{
    SRunner *r = srunner_create(x86_sync_suite());
    srunner_add_suite(r, x86_order_suite());
    srunner_add_suite(r, x86_calls_suite());
    srunner_add_suite(r, x86_containers_suite());
    srunner_add_suite(r, x86_debug_suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
