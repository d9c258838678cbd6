/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recording and replaying with several threads, kicks, and rings of dirty pages.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fake_kvm.h"

Suite *vkvm_replay_threads_suite(void);

#define RUNS        40
#define RING_OFFSET (KVM_DIRTY_LOG_PAGE_OFFSET * 4096)

static struct fake_kvm fake;
static int file;

static struct vkvm_record *record_begin(void)
{
    struct vkvm_record *rec;
    file = memfd_create("recording", MFD_CLOEXEC);
    ck_assert_int_eq(vkvm_record_new_fd(&fake.sys, dup(file), &rec), 0);
    return rec;
}

static struct vkvm_replay *replay_begin(uint32_t wait_ms)
{
    char path[64];
    const struct vkvm_replay_options options = { .size = sizeof(options), .wait_ms = wait_ms };
    struct vkvm_replay *replay;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    ck_assert_int_eq(vkvm_replay_open(path, &options, &replay), 0);
    return replay;
}

static void setup(void)
{
    fake_kvm_init(&fake);
}

static void teardown(void)
{
    ck_assert_int_eq(fake.open_fds, 0);
    ck_assert_int_eq(fake.mapped, 0);
    fake_kvm_fini(&fake);
    close(file);
}

static void nap(long us)
{
    const struct timespec t = { 0, us * 1000 };
    nanosleep(&t, NULL);
}

/* --- two vCPUs, each on its thread, both using the VM --- */

static void fill_count(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.len = 4;
    run->mmio.is_write = 1;
    run->mmio.phys_addr++;
}

static struct fake_exit counting[RUNS];

struct runner {
    struct vkvm_vm *vm;
    struct vkvm_vcpu *vcpu;
    unsigned number;
    _Atomic unsigned *order; /* of all runs */
    unsigned seen[RUNS];
    long pause_us;
    int error;
};

static void *runner_thread(void *data)
{
    struct runner *self = data;
    struct vkvm_exit e;
    for (unsigned i = 0; i < RUNS && !self->error; i++) {
        nap(self->pause_us);
        self->error = vkvm_vcpu_run(self->vcpu, &e);
        if (self->error == 0 && (e.kind != VKVM_EXIT_MMIO_WRITE || e.mmio.gpa != i + 1))
            self->error = -EILSEQ;
        self->seen[i] = (*self->order)++;
        if (self->error == 0)
            self->error = vkvm_vm_set_irq_line(self->vm, self->number * 100 + i, true);
    }
    return NULL;
}

static void two_vcpus(const struct vkvm_syscalls *sys, const long pauses[2],
                      struct runner runners[2])
{
    struct vkvm *kvm;
    struct vkvm_vm *vm;
    pthread_t threads[2];
    _Atomic unsigned order = 0;
    ck_assert_int_eq(vkvm_open_with(sys, NULL, &kvm), 0);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &vm), 0);
    for (unsigned i = 0; i < 2; i++) {
        runners[i] =
            (struct runner){ .vm = vm, .number = i, .order = &order, .pause_us = pauses[i] };
        ck_assert_int_eq(vkvm_vm_create_vcpu(vm, i, &runners[i].vcpu), 0);
        struct fake_handle *h = fake_handle(&fake, vkvm_vcpu_get_fd(runners[i].vcpu));
        if (h) {
            h->script = counting;
            h->script_len = RUNS;
        }
    }
    for (unsigned i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, runner_thread, &runners[i]);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(runners[i].error, 0);
        vkvm_vcpu_close(runners[i].vcpu);
    }
    vkvm_vm_close(vm);
    vkvm_close(kvm);
}

START_TEST(runs_keep_their_order)
{
    struct runner recorded[2], replayed[2];
    const long first[2] = { 300, 900 }, second[2] = { 1100, 100 };
    for (int i = 0; i < RUNS; i++)
        counting[i] = (struct fake_exit){ 0, fill_count };
    struct vkvm_record *rec = record_begin();
    two_vcpus(vkvm_record_get_syscalls(rec), first, recorded);
    ck_assert_int_eq(vkvm_record_finish(rec), 0);
    vkvm_record_close(rec);

    struct vkvm_replay *replay = replay_begin(5000);
    two_vcpus(vkvm_replay_get_syscalls(replay), second, replayed);
    ck_assert_uint_eq(vkvm_replay_get_divergences(replay), 0);
    ck_assert_uint_eq(vkvm_replay_get_left(replay, NULL), 0);
    vkvm_replay_close(replay);
    /* The faster one of then, now the slower one, still gets ahead. Neighbours may look swapped:
     * the count is taken after the call. */
    unsigned misplaced = 0;
    for (int i = 0; i < RUNS; i++)
        for (int j = 0; j < 2; j++)
            misplaced += abs((int)recorded[j].seen[i] - (int)replayed[j].seen[i]) > 1;
    ck_assert_uint_le(misplaced, RUNS / 10); /* of 2 * RUNS: a thread may be stopped there */
}
END_TEST

/* The second vCPU's turn is before the first's: on one thread, so that it is so in every
 * recording. */
static int run_in_turn(const struct vkvm_syscalls *sys, bool second_comes)
{
    struct vkvm *kvm;
    struct vkvm_vm *vm;
    struct vkvm_vcpu *vcpus[2];
    struct vkvm_exit e;
    int r = 0;
    ck_assert_int_eq(vkvm_open_with(sys, NULL, &kvm), 0);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &vm), 0);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(vkvm_vm_create_vcpu(vm, i, &vcpus[i]), 0);
    if (second_comes)
        r = vkvm_vcpu_run(vcpus[1], &e);
    if (r == 0)
        r = vkvm_vcpu_run(vcpus[0], &e);
    for (unsigned i = 0; i < 2; i++)
        vkvm_vcpu_close(vcpus[i]);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    return r;
}

START_TEST(a_thread_that_never_comes)
{
    struct vkvm_divergence d = { .size = sizeof(d) };
    for (int i = 0; i < 2; i++)
        fake.script[i] = (struct fake_exit){ 0, fill_count };
    fake.script_len = 2;
    struct vkvm_record *rec = record_begin();
    ck_assert_int_eq(run_in_turn(vkvm_record_get_syscalls(rec), true), 0);
    vkvm_record_close(rec);
    struct vkvm_replay *replay = replay_begin(30);
    ck_assert_int_eq(run_in_turn(vkvm_replay_get_syscalls(replay), false), -EPROTO);
    ck_assert_int_eq(vkvm_replay_get_first_divergence(replay, &d), 0);
    ck_assert_uint_eq(d.kind, VKVM_DIVERGENCE_STALLED);
    vkvm_replay_close(replay);
}
END_TEST

/* --- kicks --- */

struct kicker {
    struct vkvm_vcpu *vcpu;
    long after_us; /* < 0: when the guest sleeps */
};

static _Atomic bool asleep;

static void *kick_thread(void *data)
{
    struct kicker *kicker = data;
    while (kicker->after_us < 0 && !asleep)
        nap(1000);
    if (kicker->after_us > 0)
        nap(kicker->after_us);
    vkvm_vcpu_kick(kicker->vcpu);
    return NULL;
}

/* The guest sleeps until it is kicked. */
static void fill_sleep(struct kvm_run *run)
{
    asleep = true;
    for (int i = 0; i < 5000 && !__atomic_load_n(&run->immediate_exit, __ATOMIC_SEQ_CST); i++)
        nap(1000);
}

static int kicked_program(const struct vkvm_syscalls *sys, long after_us)
{
    struct vkvm *kvm;
    struct vkvm_vm *vm;
    struct vkvm_exit e;
    struct kicker kicker = { .after_us = after_us };
    pthread_t thread;
    int intrs = 0;
    ck_assert_int_eq(vkvm_open_with(sys, NULL, &kvm), 0);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &vm), 0);
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm, 0, &kicker.vcpu), 0);
    vkvm_vcpu_set_kick_signal(kicker.vcpu, 40);
    pthread_create(&thread, NULL, kick_thread, &kicker);
    for (;;) {
        ck_assert_int_eq(vkvm_vcpu_run(kicker.vcpu, &e), 0);
        if (e.kind != VKVM_EXIT_INTR)
            break;
        intrs++;
    }
    pthread_join(thread, NULL);
    vkvm_vcpu_close(kicker.vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    return intrs;
}

static void fill_hlt(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_HLT;
}

START_TEST(kicks_are_waited_for)
{
    fake.script[0] = (struct fake_exit){ -EINTR, fill_sleep };
    fake.script[1] = (struct fake_exit){ 0, fill_hlt };
    fake.script_len = 2;
    struct vkvm_record *rec = record_begin();
    ck_assert_int_eq(kicked_program(vkvm_record_get_syscalls(rec), -1), 1);
    vkvm_record_close(rec);
    struct vkvm_replay *replay = replay_begin(5000);
    ck_assert_int_eq(kicked_program(vkvm_replay_get_syscalls(replay), 30000), 1);
    ck_assert_uint_eq(vkvm_replay_get_divergences(replay), 0);
    vkvm_replay_close(replay);
}
END_TEST

/* A kick may come before the run or in it: one run more or less. */
static void interrupted_program(const struct vkvm_syscalls *sys, bool runs_kicked)
{
    struct vkvm *kvm;
    struct vkvm_vm *vm;
    struct vkvm_vcpu *vcpu;
    struct vkvm_exit e;
    struct kvm_regs regs;
    ck_assert_int_eq(vkvm_open_with(sys, NULL, &kvm), 0);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &vm), 0);
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm, 0, &vcpu), 0);
    if (runs_kicked) {
        vkvm_vcpu_kick(vcpu);
        ck_assert_int_eq(vkvm_vcpu_run(vcpu, &e), 0);
        ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    }
    ck_assert_int_eq(vkvm_vcpu_get_regs(vcpu, &regs), 0);
    ck_assert_int_eq(vkvm_vcpu_run(vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_HLT);
    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
}

START_TEST(kicks_come_when_they_come)
{
    for (int i = 0; i < 4; i++) {
        fake.script[0] = (struct fake_exit){ 0, fill_hlt };
        fake.script_len = 1;
        fake.script_pos = 0;
        struct vkvm_record *rec = record_begin();
        interrupted_program(vkvm_record_get_syscalls(rec), i & 1);
        vkvm_record_close(rec);
        struct vkvm_replay *replay = replay_begin(5000);
        interrupted_program(vkvm_replay_get_syscalls(replay), i & 2);
        ck_assert_uint_eq(vkvm_replay_get_divergences(replay), 0);
        ck_assert_uint_eq(vkvm_replay_get_left(replay, NULL), 0);
        vkvm_replay_close(replay);
        if (i < 3)
            close(file);
    }
}
END_TEST

START_TEST(past_the_end_it_sleeps)
{
    struct vkvm *kvm;
    struct vkvm_vm *vm;
    struct kicker kicker = { .after_us = 5000 };
    struct vkvm_exit e;
    pthread_t thread;
    fake.script[0] = (struct fake_exit){ 0, fill_hlt };
    fake.script_len = 1;
    struct vkvm_record *rec = record_begin();
    ck_assert_int_eq(kicked_program(vkvm_record_get_syscalls(rec), 900000), 0);
    vkvm_record_close(rec);
    struct vkvm_replay *replay = replay_begin(100);
    ck_assert_int_eq(vkvm_open_with(vkvm_replay_get_syscalls(replay), NULL, &kvm), 0);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &vm), 0);
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm, 0, &kicker.vcpu), 0);
    ck_assert_int_eq(vkvm_vcpu_run(kicker.vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_HLT);
    pthread_create(&thread, NULL, kick_thread, &kicker);
    ck_assert_int_eq(vkvm_vcpu_run(kicker.vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    pthread_join(thread, NULL);
    ck_assert_int_eq(vkvm_vcpu_run(kicker.vcpu, &e), -EPROTO); /* nobody kicks */
    vkvm_vcpu_close(kicker.vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    vkvm_replay_close(replay);
}
END_TEST

/* --- rings, statistics --- */

static int vcpu_fd;

static void fill_ring(struct kvm_run *run)
{
    struct fake_handle *h = fake_handle(&fake, vcpu_fd);
    struct kvm_dirty_gfn *ring = h->maps[1].address;
    run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;
    ring[0] = (struct kvm_dirty_gfn){ .flags = KVM_DIRTY_GFN_F_DIRTY, .slot = 1, .offset = 77 };
}

static void spoil_reset(void *argument, int *result)
{
    struct kvm_dirty_gfn *ring = fake_handle(&fake, vcpu_fd)->maps[1].address;
    ring[0].flags = 0;
    *result = 1;
}

static void ring_program(const struct vkvm_syscalls *sys)
{
    struct vkvm *kvm;
    struct vkvm_vm *vm;
    struct vkvm_vcpu *vcpu;
    struct vkvm_exit e;
    void *memory;
    char name[16] = { 0 };
    ck_assert_int_eq(vkvm_open_with(sys, NULL, &kvm), 0);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &vm), 0);
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm, 0, &vcpu), 0);
    vcpu_fd = vkvm_vcpu_get_fd(vcpu);
    ck_assert_int_eq(sys->mmap(sys->data, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd,
                               RING_OFFSET, &memory),
                     0);
    struct kvm_dirty_gfn *ring = memory;
    ck_assert_int_eq(vkvm_vcpu_run(vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_DIRTY_RING_FULL);
    ck_assert_uint_eq(ring[0].offset, 77);
    ck_assert_uint_eq(ring[0].flags, KVM_DIRTY_GFN_F_DIRTY);
    ring[0].flags |= KVM_DIRTY_GFN_F_RESET;
    ck_assert_int_eq(vkvm_vm_ioctl(vm, KVM_RESET_DIRTY_RINGS, NULL), 1);
    ck_assert_uint_eq(ring[0].flags, 0);
    ck_assert_int_eq(sys->munmap(sys->data, memory, 4096), 0);
    /* statistics are read */
    int fd = vkvm_vcpu_ioctl(vcpu, KVM_GET_STATS_FD, NULL);
    ck_assert_int_ge(fd, 0);
    struct fake_handle *h = fake_handle(&fake, fd);
    if (h) {
        h->bytes = "statistics";
        h->bytes_size = 11;
    }
    ck_assert_int_eq(sys->pread(sys->data, fd, name, 6, 4), 6);
    ck_assert_str_eq(name, "istics");
    ck_assert_int_eq(sys->pread(sys->data, fd, name, 6, 400), 0);
    ck_assert_int_eq(sys->close(sys->data, fd), 0);
    ck_assert_int_eq(sys->close(sys->data, fd), -EBADF);
    ck_assert_int_eq(sys->pread(sys->data, fd, name, 6, 4), -EBADF);
    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
}

static void spoil_stats(void *argument, int *result)
{
    if (*result < 0)
        *result = fake_new_fd(&fake, 's', NULL, 0);
}

START_TEST(rings_and_statistics)
{
    const struct fake_rule reset = { .call = FAKE_IOCTL,
                                     .request = KVM_RESET_DIRTY_RINGS,
                                     .nth = 1,
                                     .after = true,
                                     .spoil = spoil_reset };
    const struct fake_rule stats = { .call = FAKE_IOCTL,
                                     .request = KVM_GET_STATS_FD,
                                     .nth = 1,
                                     .after = true,
                                     .spoil = spoil_stats };
    fake.script[0] = (struct fake_exit){ 0, fill_ring };
    fake.script_len = 1;
    fake_add_rule(&fake, &reset);
    fake_add_rule(&fake, &stats);
    struct vkvm_record *rec = record_begin();
    ring_program(vkvm_record_get_syscalls(rec));
    vkvm_record_close(rec);
    struct vkvm_replay *replay = replay_begin(0);
    ring_program(vkvm_replay_get_syscalls(replay));
    ck_assert_uint_eq(vkvm_replay_get_divergences(replay), 0);
    vkvm_replay_close(replay);
    /* the rings' records are of no interest to a reader, but it gets them */
    char path[64];
    struct vkvm_trace *trace;
    struct vkvm_trace_record r;
    unsigned pages = 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    ck_assert_int_eq(vkvm_trace_open(path, &trace), 0);
    while (vkvm_trace_next(trace, &r) == 1)
        pages += r.kind == VKVM_TRACE_PAGES;
    ck_assert_uint_eq(pages, 1);
    vkvm_trace_close(trace);
}
END_TEST

Suite *vkvm_replay_threads_suite(void)
{
    Suite *s = suite_create("vkvm-replay-threads");
    TCase *t = tcase_create("threads");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, runs_keep_their_order);
    tcase_add_test(t, a_thread_that_never_comes);
    tcase_add_test(t, kicks_are_waited_for);
    tcase_add_test(t, kicks_come_when_they_come);
    tcase_add_test(t, past_the_end_it_sleeps);
    tcase_add_test(t, rings_and_statistics);
    suite_add_tcase(s, t);
    return s;
}
