/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The KVM accelerator against the fake KVM: exits become callbacks, kicks, ExtINT, routes, state,
 * reset.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel/kvm/kvm.h"
#include "fake_kvm.h"

#define PINS 24

static struct fake_kvm fake;
static struct kvm_vm vm;
static struct kvm_vcpu vcpu;
static struct kvm_vcpu *vcpus[1];
static struct vemu_msi_route eoi_routes[PINS];
static struct vemu_accel_vcpu *const handle = (struct vemu_accel_vcpu *)&vcpu;

/* What the callbacks saw, as text. */
static char seen[1024];
static bool kick_in_callback;
static int pic_vector;

static __attribute__((format(printf, 1, 2))) void note(const char *format, ...)
{
    size_t used = strlen(seen);
    va_list ap;
    va_start(ap, format);
    vsnprintf(seen + used, sizeof(seen) - used, format, ap);
    va_end(ap);
    if (kick_in_callback)
        kvm__vcpu_kick(handle);
    kick_in_callback = false;
}

static void pio_read(void *data, uint16_t port, unsigned size, uint32_t *value)
{
    note("in %x/%u ", port, size);
    *value = 0xa1b2c3d4;
}

static void pio_write(void *data, uint16_t port, unsigned size, uint32_t value)
{
    note("out %x/%u=%x ", port, size, value);
}

static void mmio_read(void *data, uint64_t gpa, unsigned size, uint64_t *value)
{
    note("read %lx/%u ", (unsigned long)gpa, size);
    *value = 0x1122334455667788;
}

static void mmio_write(void *data, uint64_t gpa, unsigned size, uint64_t value)
{
    note("write %lx/%u=%lx ", (unsigned long)gpa, size, (unsigned long)value);
}

static void ioapic_eoi(void *data, uint8_t vector)
{
    note("eoi %x ", vector);
}

static int pic_ack(void *data)
{
    note("ack ");
    atomic_store(&vm.extint, false);
    return pic_vector;
}

static void setup(void)
{
    fake_kvm_init(&fake);
    memset(&vm, 0, sizeof(vm));
    memset(&vcpu, 0, sizeof(vcpu));
    memset(eoi_routes, 0, sizeof(eoi_routes));
    seen[0] = '\0';
    kick_in_callback = false;
    pic_vector = 0x28;
    ck_assert_int_eq(vkvm_open_with(&fake.sys, NULL, &vm.sys), 0);
    ck_assert_int_eq(vkvm_create_vm(vm.sys, 0, &vm.vm), 0);
    ck_assert_int_eq(vkvm_routing_new(&vm.routing), 0);
    ck_assert_int_eq(vkvm_get_msr_index_list(vm.sys, &vm.msr_list, &vm.msr_count), 0);
    pthread_mutex_init(&vm.routing_lock, NULL);
    vm.config.vcpus = 1;
    vm.config.ioapic_pins = PINS;
    vm.config.callbacks = (struct vemu_accel_callbacks){
        .pio_read = pio_read,
        .pio_write = pio_write,
        .mmio_read = mmio_read,
        .mmio_write = mmio_write,
        .ioapic_eoi = ioapic_eoi,
        .pic_ack = pic_ack,
    };
    for (unsigned i = 0; i < PINS; i++)
        eoi_routes[i].masked = true;
    vm.eoi_routes = eoi_routes;
    vm.vcpus = vcpus;
    vcpus[0] = &vcpu;
    vcpu.vm = &vm;
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm.vm, 0, &vcpu.vcpu), 0);
}

static void teardown(void)
{
    free(vcpu.power_on);
    free(vm.msr_list);
    vkvm_routing_free(vm.routing);
    vkvm_vcpu_close(vcpu.vcpu);
    vkvm_vm_close(vm.vm);
    vkvm_close(vm.sys);
    pthread_mutex_destroy(&vm.routing_lock);
    ck_assert_int_eq(fake.open_fds, 0);
}

static void script(void (*fill)(struct kvm_run *run))
{
    fake.script[fake.script_len++] = (struct fake_exit){ 0, fill };
}

static void shutdown_exit(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_SHUTDOWN;
}

static void out_two_words(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = KVM_EXIT_IO_OUT;
    run->io.size = 2;
    run->io.port = 0x3f8;
    run->io.count = 2;
    run->io.data_offset = 4096;
    memcpy((uint8_t *)run + 4096, "\x11\x22\x33\x44", 4);
}

static void in_byte(struct kvm_run *run)
{
    out_two_words(run);
    run->io.direction = KVM_EXIT_IO_IN;
    run->io.size = run->io.count = 1;
}

static void mmio(struct kvm_run *run, bool is_write, uint64_t gpa, uint32_t length)
{
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.is_write = is_write;
    run->mmio.phys_addr = gpa;
    run->mmio.len = length;
    memcpy(run->mmio.data, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
}

static void write_four(struct kvm_run *run)
{
    mmio(run, true, 0xd0000004, 4);
}

static void write_seven(struct kvm_run *run)
{
    mmio(run, true, 0xd0000001, 7);
}

static void read_eight(struct kvm_run *run)
{
    mmio(run, false, 0xd0000003, 8);
}

static void eoi_exit(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_IOAPIC_EOI;
    run->eoi.vector = 0x31;
}

/* Emulation failures go to the assist: test-assist.c. */
static void delivery_failure(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
}

static void unknown_exit(struct kvm_run *run)
{
    run->exit_reason = 99;
}

static enum vemu_exit_reason run_once(void)
{
    struct vemu_exit exit;
    ck_assert_int_eq(kvm__vcpu_run(handle, &exit), 0);
    return exit.reason;
}

START_TEST(accesses_become_callbacks)
{
    script(out_two_words);
    script(in_byte);
    script(write_four);
    script(read_eight);
    script(shutdown_exit);
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN);
    ck_assert_str_eq(seen, "out 3f8/2=2211 out 3f8/2=4433 in 3f8/1 write d0000004/4=4030201 "
                           "read d0000003/8 ");
    ck_assert_uint_eq(((uint8_t *)fake.run)[4096], 0xd4);
    ck_assert_uint_eq(fake.run->mmio.data[7], 0x11);
    ck_assert_uint_eq(atomic_load(&vm.exits_io), 2);
    ck_assert_uint_eq(atomic_load(&vm.exits_mmio), 2);
}
END_TEST

START_TEST(odd_pieces_are_cut)
{
    script(write_seven);
    script(shutdown_exit);
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN);
    ck_assert_str_eq(seen, "write d0000001/1=1 write d0000002/2=302 write d0000004/4=7060504 ");
}
END_TEST

START_TEST(eoi_is_passed_on)
{
    script(eoi_exit);
    script(shutdown_exit);
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN);
    ck_assert_str_eq(seen, "eoi 31 ");
}
END_TEST

START_TEST(a_kick_before_the_run_ends_it)
{
    script(shutdown_exit);
    kvm__vcpu_kick(handle);
    ck_assert_int_eq(run_once(), VEMU_EXIT_INTR);
    ck_assert_int_eq(fake.script_pos, 0);
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN);
}
END_TEST

/* A kick during a callback: the kernel gets to finish the access before the vCPU is given back. */
START_TEST(a_kick_lets_the_access_be_finished)
{
    script(in_byte);
    script(shutdown_exit);
    kick_in_callback = true;
    fake.calls = 0;
    ck_assert_int_eq(run_once(), VEMU_EXIT_INTR);
    ck_assert_int_eq(fake.calls, 2); /* KVM_RUN, and KVM_RUN with immediate_exit */
    ck_assert_int_eq(fake.script_pos, 1);
    ck_assert(!vcpu.access_open);
    ck_assert_int_eq(fake.run->immediate_exit, 0);
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN);
}
END_TEST

START_TEST(extint_waits_for_the_window)
{
    script(eoi_exit); /* any exit */
    script(shutdown_exit);
    vemu__accel_kvm.set_extint((struct vemu_accel_vm *)&vm, true);
    fake.run->immediate_exit = 0;
    fake.run->ready_for_interrupt_injection = 0;
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN);
    ck_assert_int_eq(fake.run->request_interrupt_window, 1);
    ck_assert_str_eq(seen, "eoi 31 ");

    fake.script_pos = 1;
    fake.run->ready_for_interrupt_injection = 1;
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN);
    ck_assert_str_eq(seen, "eoi 31 ack ");
    ck_assert_uint_eq(fake.last_int, 0x28);
    ck_assert_int_eq(fake.run->request_interrupt_window, 0);
}
END_TEST

START_TEST(extint_that_dropped_is_not_injected)
{
    script(shutdown_exit);
    pic_vector = -1;
    atomic_store(&vm.extint, true);
    fake.last_int = 0;
    fake.run->ready_for_interrupt_injection = 1;
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN);
    ck_assert_uint_eq(fake.last_int, 0);
}
END_TEST

START_TEST(failures_are_described)
{
    struct vemu_exit exit;
    script(delivery_failure);
    script(unknown_exit);
    ck_assert_int_eq(kvm__vcpu_run(handle, &exit), 0);
    ck_assert_int_eq(exit.reason, VEMU_EXIT_INTERNAL_ERROR);
    ck_assert_uint_eq(exit.internal.suberror, KVM_INTERNAL_ERROR_DELIVERY_EV);
    ck_assert_uint_eq(exit.internal.insn_size, 0);
    ck_assert_int_eq(kvm__vcpu_run(handle, &exit), 0);
    ck_assert_int_eq(exit.reason, VEMU_EXIT_INTERNAL_ERROR);
    ck_assert_uint_eq(exit.internal.suberror, 99);
    ck_assert_int_lt(kvm__vcpu_run(handle, &exit), 0); /* the script is over */
}
END_TEST

static int set_slot(uint32_t number, uint64_t gpa, uint64_t size)
{
    static _Alignas(4096) uint8_t page[4096];
    const struct vemu_accel_slot slot = { .slot = number, .gpa = gpa, .size = size, .hva = page };
    return vemu__accel_kvm.mem_slot((struct vemu_accel_vm *)&vm, &slot);
}

/* Each slot costs a grace period: KVM gets what is there when a vCPU first runs, and then each
 * change. */
START_TEST(slots_are_given_when_a_vcpu_runs)
{
    int before = fake.calls;
    ck_assert_int_eq(set_slot(0, 0, 4096), 0);
    ck_assert_int_eq(set_slot(1, 0x8000, 4096), 0);
    ck_assert_int_eq(set_slot(1, 0, 0), 0);
    ck_assert_int_eq(set_slot(1, 0, 0), -EINVAL);
    ck_assert_int_eq(set_slot(1, 0, 4096), -EEXIST);
    ck_assert_int_eq(set_slot(1, 0x800, 4096), -EINVAL);
    ck_assert_int_eq(set_slot(1, 0xffff0000, 4096), 0);
    ck_assert_int_eq(fake.calls, before);
    script(shutdown_exit);
    script(shutdown_exit);
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN);
    ck_assert_uint_eq(fake.last_region.guest_phys_addr, 0xffff0000);
    ck_assert_uint_eq(fake.last_region.slot, 1);
    before = fake.calls;
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN);
    ck_assert_int_eq(fake.calls, before + 1); /* KVM_RUN */
    ck_assert_int_eq(set_slot(2, 0x10000, 4096), 0);
    ck_assert_uint_eq(fake.last_region.guest_phys_addr, 0x10000);
    ck_assert_int_eq(set_slot(2, 0x10000, 0), 0);
    ck_assert_uint_eq(fake.last_region.memory_size, 0);
}
END_TEST

START_TEST(slots_that_kvm_refuses)
{
    struct vemu_exit exit;
    ck_assert_int_eq(set_slot(0, 0, 4096), 0);
    ck_assert_int_eq(set_slot(1, 0x8000, 4096), 0);
    fake.fail_request = KVM_SET_USER_MEMORY_REGION;
    fake.fail_nth = 2;
    fake.fail_error = -ENOSPC;
    script(shutdown_exit);
    ck_assert_int_eq(kvm__vcpu_run(handle, &exit), -ENOSPC);
    ck_assert_int_eq(run_once(), VEMU_EXIT_SHUTDOWN); /* those that are there stay */
    ck_assert_uint_eq(fake.last_region.guest_phys_addr, 0x8000);
}
END_TEST

static int set_routes(const struct vemu_msi_route *routes)
{
    return vemu__accel_kvm.set_ioapic_routes((struct vemu_accel_vm *)&vm, routes, PINS);
}

/* Each KVM_SET_GSI_ROUTING costs a grace period: only what the kernel needs is given to it. */
START_TEST(routes_are_given_when_level_entries_change)
{
    struct vemu_msi_route routes[PINS];
    for (unsigned i = 0; i < PINS; i++)
        routes[i] = (struct vemu_msi_route){ .masked = true };
    fake.calls = 0;
    ck_assert_int_eq(set_routes(routes), 0);
    routes[4] = (struct vemu_msi_route){ .address = 0xfee00000, .data = 0x31 }; /* edge */
    ck_assert_int_eq(set_routes(routes), 0);
    ck_assert_int_eq(fake.calls, 0);

    routes[9] = (struct vemu_msi_route){ .level = true, .address = 0xfee00000, .data = 0xc032 };
    fake.fail_request = KVM_SET_GSI_ROUTING;
    fake.fail_nth = 1;
    fake.fail_error = -ENOMEM;
    ck_assert_int_eq(set_routes(routes), -ENOMEM);
    fake.fail_nth = 0;
    fake.calls = 0;
    ck_assert_int_eq(set_routes(routes), 0); /* the same again, since it failed */
    ck_assert_int_eq(fake.calls, 1);
    ck_assert_uint_eq(fake.last_routing_count, 1);
    ck_assert_int_eq(set_routes(routes), 0);
    ck_assert_int_eq(fake.calls, 1);
    routes[9].masked = true;
    ck_assert_int_eq(set_routes(routes), 0);
    ck_assert_uint_eq(fake.last_routing_count, 0);
    ck_assert_int_eq(vemu__accel_kvm.set_ioapic_routes((struct vemu_accel_vm *)&vm, routes, 25),
                     -EINVAL);
}
END_TEST

START_TEST(state_makes_the_round)
{
    struct vemu_cpu_state *in = calloc(1, sizeof(*in)), *out = calloc(1, sizeof(*out));
    for (int i = 0; i < 16; i++)
        in->regs.gpr[i] = 0x1000u + (unsigned)i;
    in->regs.rip = 0xffffffff81000000;
    in->regs.rflags = 0x202;
    in->sregs.cr3 = 0x5000;
    in->sregs.seg[VEMU_CS] = (struct vemu_segment){ .base = 0x10,
                                                    .limit = 0xfffff,
                                                    .selector = 8,
                                                    .type = 11,
                                                    .s = 1,
                                                    .present = 1,
                                                    .l = 1,
                                                    .g = 1 };
    in->sregs.idt = (struct vemu_dtable){ 0x6000, 0xfff };
    in->debugregs.dr7 = 0x400;
    in->xcr0 = 7;
    in->mp_state = VEMU_MP_HALTED;
    in->fpu.xsave_size = 512;
    in->fpu.area[0] = 0x7f;
    const uint32_t groups = VEMU_STATE_REGS | VEMU_STATE_SREGS | VEMU_STATE_DEBUGREGS |
                            VEMU_STATE_XCRS | VEMU_STATE_MP | VEMU_STATE_FPU;
    ck_assert_int_eq(kvm__set_state(handle, groups, in), 0);
    ck_assert_uint_eq(fake.regs.rbx, 0x1000u + VEMU_RBX);
    ck_assert_int_eq(kvm__get_state(handle, groups, out), 0);
    ck_assert_mem_eq(&in->regs, &out->regs, sizeof(in->regs));
    ck_assert_mem_eq(&in->sregs.seg[VEMU_CS], &out->sregs.seg[VEMU_CS],
                     sizeof(struct vemu_segment));
    ck_assert_uint_eq(out->sregs.idt.base, 0x6000);
    ck_assert_uint_eq(out->debugregs.dr7, 0x400);
    ck_assert_int_eq(out->mp_state, VEMU_MP_HALTED);
    ck_assert_uint_eq(out->fpu.area[0], 0x7f);
    ck_assert_uint_eq(out->fpu.area[512], 3); /* x87 and SSE in use */

    ck_assert_int_eq(kvm__set_state(handle, 1u << 31, in), -EINVAL);
    in->fpu.xsave_size = 100;
    ck_assert_int_eq(kvm__set_state(handle, VEMU_STATE_FPU, in), -EINVAL);
    in->msr_count = VEMU_MSR_MAX + 1;
    ck_assert_int_eq(kvm__set_state(handle, VEMU_STATE_MSRS, in), -EINVAL);
    fake.fail_request = KVM_SET_REGS;
    fake.fail_nth = 1;
    fake.fail_error = -EFAULT;
    ck_assert_int_eq(kvm__set_state(handle, VEMU_STATE_REGS, in), -EFAULT);
    free(in);
    free(out);
}
END_TEST

/* An NMI that came between reading the events and writing them. */
START_TEST(an_nmi_is_not_overwritten)
{
    struct vemu_cpu_state *st = calloc(1, sizeof(*st));

    ck_assert_int_eq(kvm__get_state(handle, VEMU_STATE_EVENTS, st), 0);
    fake.events.sipi_vector = 0x9a;
    ck_assert_int_eq(vemu__accel_kvm.inject_nmi(handle), 0);
    st->events.exception_injected = 1;
    st->events.exception_nr = 6;
    ck_assert_int_eq(kvm__set_state(handle, VEMU_STATE_EVENTS, st), 0);
    ck_assert_uint_eq(fake.events.exception.nr, 6);
    ck_assert_uint_eq(fake.events.nmi.pending, 1);
    ck_assert_uint_eq(fake.events.sipi_vector, 0x9a);
    /* A state as a whole is another matter. */
    st->mp_state = VEMU_MP_RUNNABLE;
    ck_assert_int_eq(kvm__set_state(handle, VEMU_STATE_EVENTS | VEMU_STATE_MP, st), 0);
    ck_assert_uint_eq(fake.events.nmi.pending, 0);
    ck_assert_uint_eq(fake.events.sipi_vector, 0);
    st->events.nmi_pending = 1;
    ck_assert_int_eq(kvm__set_state(handle, VEMU_STATE_EVENTS | VEMU_STATE_MP, st), 0);
    ck_assert_uint_eq(fake.events.nmi.pending, 1);
    free(st);
}
END_TEST

START_TEST(an_nmi_is_claimed_when_it_could_come)
{
    struct vemu_vcpu_events e = { .nmi_pending = 1, .nmi_masked = 1 };

    fake.events.nmi.pending = 1;
    ck_assert_int_eq(kvm__claim_nmi(&vcpu, &e), 0);
    e = (struct vemu_vcpu_events){ .nmi_pending = 1, .nmi_injected = 1 };
    ck_assert_int_eq(kvm__claim_nmi(&vcpu, &e), 0);
    ck_assert_uint_eq(fake.events.nmi.pending, 1);
    e = (struct vemu_vcpu_events){ .nmi_pending = 1, .interrupt_shadow = 1 };
    ck_assert_int_eq(kvm__claim_nmi(&vcpu, &e), 1);
    ck_assert_uint_eq(fake.events.nmi.pending, 0);
    ck_assert_uint_eq(fake.events.interrupt.shadow, 1);
    ck_assert_int_eq(kvm__claim_nmi(&vcpu, &e), 0);
}
END_TEST

START_TEST(reset_brings_back_the_first_state)
{
    fake.regs.rip = 0xfff0;
    fake.sregs.cr0 = 0x60000010;
    ck_assert_int_eq(vemu__accel_kvm.vcpu_reset(handle), 0);
    fake.regs.rip = 0x1234;
    fake.sregs.cr0 = 0x80000011;
    fake.mp.mp_state = KVM_MP_STATE_HALTED;
    ck_assert_int_eq(vemu__accel_kvm.vcpu_reset(handle), 0);
    ck_assert_uint_eq(fake.regs.rip, 0xfff0);
    ck_assert_uint_eq(fake.sregs.cr0, 0x60000010);
    ck_assert_uint_eq(fake.mp.mp_state, KVM_MP_STATE_RUNNABLE);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        accesses_become_callbacks,
        odd_pieces_are_cut,
        eoi_is_passed_on,
        a_kick_before_the_run_ends_it,
        a_kick_lets_the_access_be_finished,
        extint_waits_for_the_window,
        extint_that_dropped_is_not_injected,
        failures_are_described,
        slots_are_given_when_a_vcpu_runs,
        slots_that_kvm_refuses,
        routes_are_given_when_level_entries_change,
        state_makes_the_round,
        an_nmi_is_not_overwritten,
        an_nmi_is_claimed_when_it_could_come,
        reset_brings_back_the_first_state,
    };
    Suite *suite = suite_create("accel-kvm");
    TCase *tcase = tcase_create("accel-kvm");
    tcase_add_checked_fixture(tcase, setup, teardown);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
