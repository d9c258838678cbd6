/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HLT: a vCPU whose sleeps are short looks for what wakes it before it sleeps, others do not. */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "accel/accel.h"
#include "accel/soft/trace/trace.h"

#define OPS (&vemu__accel_soft)
#define MIB (1u << 20)

static struct vemu_accel_vm *vm;
static struct vemu_accel_vcpu *vcpu;
static struct vemu_error *err;
static pthread_barrier_t ready;

/* In its thread, as the core has it; in 16-bit mode: cli; 1: hlt; jmp 1b */
static void *vcpu_main(void *ram)
{
    static const uint8_t code[] = { 0xfa, 0xf4, 0xeb, 0xfd };
    struct vemu_cpu_state state;
    struct vemu_exit exit;

    memcpy((uint8_t *)ram + 0x1000, code, sizeof(code));
    ck_assert_int_eq(OPS->vcpu_create(vm, 0, &vcpu, &err), 0);
    memset(&state, 0, sizeof(state));
    ck_assert_int_eq(OPS->get_state(vcpu, VEMU_STATE_SREGS | VEMU_STATE_REGS, &state), 0);
    state.sregs.seg[VEMU_CS].base = 0;
    state.sregs.seg[VEMU_CS].selector = 0;
    state.regs.rip = 0x1000;
    ck_assert_int_eq(OPS->set_state(vcpu, VEMU_STATE_SREGS | VEMU_STATE_REGS, &state), 0);
    pthread_barrier_wait(&ready);
    ck_assert_int_eq(OPS->vcpu_run(vcpu, &exit), 0);
    ck_assert_int_eq(exit.reason, VEMU_EXIT_INTR);
    OPS->vcpu_destroy(vcpu);
    return NULL;
}

/* Wakes it, every `pause_ns`, until it polls or does not. False: it took more than 20 s. */
static bool until(struct sc_cpu *c, bool polls, long pause_ns)
{
    const struct timespec pause = { .tv_nsec = pause_ns };
    struct timespec now;
    time_t end;

    clock_gettime(CLOCK_MONOTONIC, &now);
    end = now.tv_sec + 20;
    while ((atomic_load(&c->traces->poll_ns) != 0) != polls && now.tv_sec < end) {
        if (pause_ns)
            nanosleep(&pause, NULL);
        else
            sched_yield();
        sc_async_set(c, SC_A_INTR);
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    return now.tv_sec < end;
}

START_TEST(polling)
{
    static const struct vemu_accel_config config = { .vcpus = 1, .ioapic_pins = 24 };
    void *ram = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const struct vemu_accel_slot slot = { .size = MIB, .hva = ram };
    struct sc_cpu *c;
    pthread_t thread;

    ck_assert_int_eq(OPS->vm_create(&config, &vm, &err), 0);
    ck_assert_int_eq(OPS->mem_slot(vm, &slot), 0);
    pthread_barrier_init(&ready, NULL, 2);
    pthread_create(&thread, NULL, vcpu_main, ram);
    pthread_barrier_wait(&ready);
    c = (struct sc_cpu *)vcpu; /* its first member */
    ck_assert_uint_eq(atomic_load(&c->traces->poll_ns), 0);
    if (!c->vm->sync->crowded) {
        ck_assert(until(c, true, 0));
        ck_assert(until(c, false, 5000000));
        ck_assert(until(c, true, 0));
    }
    OPS->vcpu_kick(vcpu);
    pthread_join(thread, NULL);
    OPS->vm_destroy(vm);
    munmap(ram, MIB);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-idle");
    TCase *t = tcase_create("idle");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 90);
    tcase_add_test(t, polling);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
