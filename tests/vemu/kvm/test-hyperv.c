/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hyper-V enlightenments of the KVM accelerator against the fake KVM: what is offered, what a vCPU
 * is given, what a reset writes, exits.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "accel/kvm/kvm.h"
#include "fake_kvm.h"

#define RIGHTS_ALL 0x2eff

static struct fake_kvm fake;
static struct vkvm_syscalls calls; /* the fake's, which notes MSRs on the way */
static struct kvm_vm vm;
static struct kvm_vcpu vcpu;
static struct vemu_accel_vcpu *const handle = (struct vemu_accel_vcpu *)&vcpu;

static struct kvm_msr_entry written[100];
static size_t written_count;

static int note_ioctl(void *data, int fd, unsigned long request, void *argument)
{
    if (request == KVM_SET_MSRS) {
        const struct kvm_msrs *msrs = argument;

        for (uint32_t i = 0; i < msrs->nmsrs && written_count < 100; i++)
            written[written_count++] = msrs->entries[i];
    }
    return fake.sys.ioctl(fake.sys.data, fd, request, argument);
}

static void setup(void)
{
    fake_kvm_init(&fake);
    calls = fake.sys;
    calls.ioctl = note_ioctl;
    memset(&vm, 0, sizeof(vm));
    memset(&vcpu, 0, sizeof(vcpu));
    written_count = 0;
    ck_assert_int_eq(vkvm_open_with(&calls, NULL, &vm.sys), 0);
    ck_assert_int_eq(vkvm_create_vm(vm.sys, 0, &vm.vm), 0);
    pthread_mutex_init(&vm.routing_lock, NULL);
    vm.config.vcpus = 8;
    vcpu.vm = &vm;
    vcpu.id = 5;
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm.vm, 5, &vcpu.vcpu), 0);
}

static void teardown(void)
{
    vkvm_vcpu_close(vcpu.vcpu);
    vkvm_vm_close(vm.vm);
    vkvm_close(vm.sys);
    pthread_mutex_destroy(&vm.routing_lock);
    ck_assert_int_eq(fake.open_fds, 0);
}

static const struct kvm_msr_entry *msr(uint32_t index)
{
    for (size_t i = 0; i < written_count; i++)
        if (written[i].index == index)
            return &written[i];
    return NULL;
}

/* A CPUID with Hyper-V's leaves, or with those of somebody else. */
static int give_cpuid(uint32_t interface, uint32_t rights)
{
    const struct vemu_cpuid cpuid = {
        .count = 3,
        .entries = { { .function = 0x40000000, .eax = 0x40000005 },
                     { .function = 0x40000001, .eax = interface },
                     { .function = 0x40000003, .eax = rights } },
    };

    return kvm__set_cpuid(handle, &cpuid);
}
#define HV1 0x31237648u

START_TEST(offered)
{
    static struct vemu_cpuid cpuid;

    ck_assert_int_eq(kvm__supported_hyperv(&vm.config, (struct vemu_accel_vm *)&vm, &cpuid),
                     -ENOTSUP);
    fake_set_cap(&fake, KVM_CAP_SYS_HYPERV_CPUID, 1);
    ck_assert_int_eq(kvm__supported_hyperv(&vm.config, (struct vemu_accel_vm *)&vm, &cpuid), 0);
    ck_assert_uint_eq(cpuid.count, 2);
    ck_assert_uint_eq(cpuid.entries[1].eax, HV1);
    fake_inject(&fake, KVM_GET_SUPPORTED_HV_CPUID, 1, -EIO);
    ck_assert_int_eq(kvm__supported_hyperv(&vm.config, (struct vemu_accel_vm *)&vm, &cpuid), -EIO);
    vm.pvm = true; /* the software CPU would have to have them */
    ck_assert_int_eq(kvm__supported_hyperv(&vm.config, (struct vemu_accel_vm *)&vm, &cpuid),
                     -ENOTSUP);
}
END_TEST

START_TEST(given)
{
    ck_assert_int_eq(give_cpuid(HV1, 1u << 2 | 1u << 5 | 1u << 6), 0);
    ck_assert_uint_eq(fake.last_cap.cap, KVM_CAP_HYPERV_SYNIC2);
    ck_assert_uint_eq(written_count, 1);
    ck_assert_uint_eq(msr(0x40000002)->data, 5);
    ck_assert_uint_eq(fake.cpuid_count, 3);
}
END_TEST

START_TEST(not_given)
{
    fake.last_cap.cap = 0;
    ck_assert_int_eq(give_cpuid(HV1, 1u << 5), 0); /* neither SynIC nor VP_INDEX */
    ck_assert_int_eq(give_cpuid(0x01000009, RIGHTS_ALL), 0); /* KVM's */
    ck_assert_uint_eq(vcpu.hyperv, 0);
    ck_assert_int_eq(kvm__hyperv_reset(&vcpu), 0);
    ck_assert_uint_eq(fake.last_cap.cap, 0);
    ck_assert_uint_eq(written_count, 0);
}
END_TEST

START_TEST(refused)
{
    fake_inject(&fake, KVM_ENABLE_CAP, 1, -EINVAL);
    ck_assert_int_eq(give_cpuid(HV1, RIGHTS_ALL), -EINVAL);
    fake.msr_refused = 0x40000002;
    ck_assert_int_eq(give_cpuid(HV1, RIGHTS_ALL), -EINVAL);
    fake.msr_refused = 0x40000073;
    ck_assert_int_eq(give_cpuid(HV1, RIGHTS_ALL), 0);
    ck_assert_int_eq(kvm__hyperv_reset(&vcpu), -EINVAL);
}
END_TEST

/* Pages that KVM writes to are gone after a reset; those of the machine are vCPU 0's. */
START_TEST(reset)
{
    ck_assert_int_eq(give_cpuid(HV1, RIGHTS_ALL), 0);
    written_count = 0;
    ck_assert_int_eq(kvm__hyperv_reset(&vcpu), 0);
    ck_assert_uint_eq(written_count, 8 + 3 + 16 + 1);
    ck_assert_uint_eq(msr(0x400000b0)->data | msr(0x400000b7)->data, 0);
    ck_assert_uint_eq(msr(0x40000080)->data | msr(0x40000082)->data | msr(0x40000083)->data, 0);
    ck_assert_uint_eq(msr(0x40000090)->data, 0x10000);
    ck_assert_uint_eq(msr(0x4000009f)->data, 0x10000);
    ck_assert_uint_eq(msr(0x40000073)->data, 0);
    ck_assert_ptr_null(msr(0x40000002)); /* it stays */
    ck_assert_ptr_null(msr(0x40000000));
    vcpu.id = 0;
    written_count = 0;
    ck_assert_int_eq(kvm__hyperv_reset(&vcpu), 0);
    ck_assert_uint_eq(written_count, 8 + 3 + 16 + 1 + 1 + 3 + 2);
    ck_assert_uint_eq(written[written_count - 2].index, 0x40000001);
    ck_assert_uint_eq(written[written_count - 1].index, 0x40000000);
    ck_assert_ptr_nonnull(msr(0x40000021));
    ck_assert_ptr_nonnull(msr(0x40000108));
    vcpu.hyperv = 1u << 5 | 1u << 4;
    written_count = 0;
    ck_assert_int_eq(kvm__hyperv_reset(&vcpu), 0);
    ck_assert_uint_eq(written_count, 3);
}
END_TEST

static void synic_exit(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_HYPERV;
    run->hyperv.type = KVM_EXIT_HYPERV_SYNIC;
}

static void call_exit(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_HYPERV;
    run->hyperv.type = KVM_EXIT_HYPERV_HCALL;
    run->hyperv.u.hcall.result = 0;
}

static void debug_exit(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_HYPERV;
    run->hyperv.type = KVM_EXIT_HYPERV_SYNDBG;
}

START_TEST(exits)
{
    struct vemu_exit exit;

    fake.script[0] = (struct fake_exit){ 0, synic_exit };
    fake.script[1] = (struct fake_exit){ 0, call_exit };
    fake.script[2] = (struct fake_exit){ 0, debug_exit };
    fake.script_len = 3;
    ck_assert_int_eq(kvm__vcpu_run(handle, &exit), 0);
    ck_assert_int_eq(exit.reason, VEMU_EXIT_INTERNAL_ERROR);
    ck_assert_uint_eq(exit.internal.suberror, KVM_EXIT_HYPERV);
    ck_assert_int_eq(fake.script_pos, 3);
}
END_TEST

START_TEST(unknown_call)
{
    struct kvm_hyperv_exit call = { .type = KVM_EXIT_HYPERV_HCALL };
    const struct vkvm_exit e = { .kind = VKVM_EXIT_HYPERV, .hyperv = &call };

    ck_assert(kvm__hyperv_exit(&vcpu, &e));
    ck_assert_uint_eq(call.u.hcall.result, 2);
    ck_assert(vcpu.access_open); /* the kernel takes the result at the next KVM_RUN */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        offered, given, not_given, refused, reset, exits, unknown_call,
    };
    Suite *suite = suite_create("kvm-hyperv");
    TCase *tcase = tcase_create("kvm-hyperv");

    tcase_add_checked_fixture(tcase, setup, teardown);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
