/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recorder: what is in the file, that it disturbs nothing, and how it ends when it must.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session.h"

Suite *vkvm_record_suite(void);

static struct fake_kvm fake;
static char path[] = "/tmp/vkvm-record-XXXXXX";

static void setup(void)
{
    strcpy(path + sizeof(path) - 7, "XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    fake_kvm_init(&fake);
    session_prepare(&fake);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(fake.open_fds, 0);
    ck_assert_int_eq(fake.mapped, 0);
    fake_kvm_fini(&fake);
}

static void record_session(struct session_result *result)
{
    struct vkvm_record *record;
    ck_assert_int_eq(vkvm_record_new(&fake.sys, path, &record), 0);
    session_run(vkvm_record_get_syscalls(record), NULL, result);
    ck_assert_int_eq(vkvm_record_get_error(record), 0);
    ck_assert_int_eq(vkvm_record_finish(record), 0);
    ck_assert_int_eq(vkvm_record_finish(record), 0);
    ck_assert_ptr_null(vkvm_record_close(record));
}

START_TEST(changes_nothing)
{
    struct session_result plain, recorded;
    session_run(&fake.sys, NULL, &plain);
    session_prepare(&fake);
    record_session(&recorded);
    ck_assert_int_eq(plain.error, 0);
    ck_assert_uint_gt(plain.output_size, 8);
    ck_assert_mem_eq(&plain, &recorded, sizeof(plain));
    ck_assert_ptr_null(vkvm_record_close(NULL));
}
END_TEST

START_TEST(records_everything)
{
    struct session_result result;
    struct vkvm_trace *trace;
    struct vkvm_trace_record r;
    struct vkvm_trace_info info = { .size = sizeof(info) };
    struct stat st;
    uint32_t kinds[16] = { 0 };
    unsigned exits = 0;
    bool saw_regs = false, saw_region = false;
    record_session(&result);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_lt(st.st_size, 4096); /* compact: the pages are 24 KiB */
    ck_assert_int_eq(st.st_mode & 077, 0);
    ck_assert_int_eq(vkvm_trace_open(path, &trace), 0);
    ck_assert_int_eq(vkvm_trace_get_info(trace, &info), 0);
    ck_assert_uint_eq(info.end, VKVM_TRACE_COMPLETE);
    ck_assert_uint_eq(info.bytes, (uint64_t)st.st_size);
    ck_assert_uint_eq(info.readable, info.bytes);
    ck_assert_uint_eq(info.vcpus, 2);
    ck_assert_uint_eq(info.runs, 8);
    for (int pass = 0; pass < 2; pass++, vkvm_trace_rewind(trace)) {
        uint64_t order = 0;
        exits = 0;
        while (vkvm_trace_next(trace, &r) == 1) {
            ck_assert_uint_eq(r.order, order++);
            ck_assert_uint_lt(r.kind, 16);
            kinds[r.kind]++;
            if (r.kind == VKVM_TRACE_RUN) {
                struct vkvm_exit e;
                ck_assert_ptr_nonnull(r.run);
                ck_assert_uint_eq(r.run_size, FAKE_MMAP_SIZE);
                vkvm_exit_decode(r.run, r.run_size, &e);
                if (r.result == -EINTR)
                    e.kind = VKVM_EXIT_INTR;
                ck_assert_uint_eq(e.kind, result.exits[exits]);
                if (exits == 0)
                    ck_assert_mem_eq(e.io.data, "ping", 4);
                exits++;
            } else if (r.request == KVM_SET_REGS) {
                struct kvm_regs regs;
                ck_assert_int_eq(vkvm_trace_get_part(trace, 0, 0, &regs, sizeof(regs)),
                                 sizeof(regs));
                ck_assert_uint_eq(regs.rip, 0x1000);
                ck_assert_int_eq(vkvm_trace_get_part(trace, 0, 1, &regs, sizeof(regs)), 0);
                ck_assert_int_eq(vkvm_trace_get_part(trace, 1, 0, &regs, 8), -ENOENT);
                saw_regs = true;
            } else if (r.request == KVM_SET_USER_MEMORY_REGION) {
                struct kvm_userspace_memory_region region;
                vkvm_trace_get_part(trace, 0, 0, &region, sizeof(region));
                ck_assert_uint_eq(region.memory_size, 0x80000);
                ck_assert_uint_eq(region.userspace_addr, 0); /* no addresses in files */
                saw_region = true;
            } else if (r.kind == VKVM_TRACE_OPEN) {
                ck_assert_uint_eq(r.path_length, 8);
                ck_assert_mem_eq(r.path, "/dev/kvm", 8);
                ck_assert_uint_eq(r.handle, 1);
            }
        }
        ck_assert_uint_eq(order, info.records);
        ck_assert_uint_eq(exits, result.exit_count);
    }
    ck_assert(saw_regs && saw_region);
    ck_assert_uint_eq(kinds[VKVM_TRACE_OPEN], 2); /* twice each: two passes */
    ck_assert_uint_eq(kinds[VKVM_TRACE_MMAP], 4);
    ck_assert_uint_eq(kinds[VKVM_TRACE_MUNMAP], 4);
    ck_assert_uint_eq(kinds[VKVM_TRACE_CLOSE], 10);
    info.size = 4;
    ck_assert_int_eq(vkvm_trace_get_info(trace, &info), -EINVAL);
    vkvm_trace_close(trace);
    ck_assert_ptr_null(vkvm_trace_close(NULL));
}
END_TEST

/* The failed calls are in the file too. */
START_TEST(records_failures)
{
    struct vkvm_record *record;
    struct vkvm_trace *trace;
    struct vkvm_trace_record r;
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu;
    ck_assert_int_eq(vkvm_record_new(&fake.sys, path, &record), 0);
    const struct vkvm_syscalls *sys = vkvm_record_get_syscalls(record);
    ck_assert_int_eq(vkvm_open_with(sys, "/dev/nothing", &kvm), -ENOENT);
    ck_assert_int_eq(vkvm_open_with(sys, NULL, &kvm), 0);
    fake_inject(&fake, KVM_CREATE_VM, 1, -EMFILE);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &vm), -EMFILE);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &vm), 0);
    fake.fail_mmap = true;
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm, 0, &vcpu), -ENOMEM);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    vkvm_record_close(record);
    ck_assert_int_eq(vkvm_trace_open(path, &trace), 0);
    int failures[5] = { 0 }, n = 0;
    while (vkvm_trace_next(trace, &r) == 1)
        if (r.result < 0 && n < 5)
            failures[n++] = (int)r.result;
    ck_assert_int_eq(n, 3);
    ck_assert_int_eq(failures[0], -ENOENT);
    ck_assert_int_eq(failures[1], -EMFILE);
    ck_assert_int_eq(failures[2], -ENOMEM);
    vkvm_trace_close(trace);
}
END_TEST

START_TEST(survives_a_crash)
{
    struct vkvm_trace *trace;
    struct vkvm_trace_info info = { .size = sizeof(info) };
    pid_t child = fork();
    if (child == 0) {
        struct vkvm_record *record;
        struct vkvm *kvm;
        if (vkvm_record_new(&fake.sys, path, &record) < 0 ||
            vkvm_open_with(vkvm_record_get_syscalls(record), NULL, &kvm) < 0)
            _exit(1);
        for (int i = 0; i < 1000; i++)
            vkvm_check_cap(kvm, (uint32_t)i);
        kill(getpid(), SIGKILL);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(vkvm_trace_open(path, &trace), 0);
    ck_assert_int_eq(vkvm_trace_get_info(trace, &info), 0);
    ck_assert_uint_eq(info.end, VKVM_TRACE_CUT);
    ck_assert_uint_eq(info.records, 1002);
    vkvm_trace_close(trace);
}
END_TEST

/* The session goes on without the recording. */
START_TEST(disk_full)
{
    struct session_result result;
    struct vkvm_record *record;
    struct rlimit old, limit;
    struct vkvm *kvm;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(vkvm_record_new(&fake.sys, path, &record), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 1 << 20;
    ck_assert_int_eq(vkvm_open_with(vkvm_record_get_syscalls(record), NULL, &kvm), 0);
    int failed = setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 100000; i++) /* no assertions: they write to a file as well */
        failed |= vkvm_check_cap(kvm, 0xffffff);
    setrlimit(RLIMIT_FSIZE, &old);
    ck_assert_int_eq(failed, 0);
    vkvm_close(kvm);
    ck_assert_int_eq(vkvm_record_get_error(record), -EFBIG);
    uint64_t count = vkvm_record_get_count(record);
    ck_assert_uint_gt(count, 10000);
    ck_assert_uint_lt(count, 100000);
    session_prepare(&fake);
    session_run(vkvm_record_get_syscalls(record), NULL, &result);
    ck_assert_int_eq(result.error, 0);
    ck_assert_int_eq(vkvm_record_finish(record), -EFBIG);
    vkvm_record_close(record);
    struct vkvm_trace *trace;
    struct vkvm_trace_info info = { .size = sizeof(info) };
    ck_assert_int_eq(vkvm_trace_open(path, &trace), 0);
    vkvm_trace_get_info(trace, &info);
    ck_assert_uint_eq(info.records, count);
    vkvm_trace_close(trace);
}
END_TEST

START_TEST(refusals)
{
    struct vkvm_record *record = NULL;
    struct vkvm_syscalls old = fake.sys;
    old.size--;
    ck_assert_int_eq(vkvm_record_new(&old, path, &record), -EINVAL);
    ck_assert_int_eq(vkvm_record_new_fd(&fake.sys, -1, &record), -EINVAL);
    ck_assert_int_eq(vkvm_record_new(NULL, "/nowhere/file", &record), -ENOENT);
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_lt(vkvm_record_new_fd(NULL, pipes[1], &record), 0); /* closed as well */
    ck_assert_int_eq(close(pipes[1]), -1);
    close(pipes[0]);
    ck_assert_ptr_null(record);
}
END_TEST

START_TEST(adopts_descriptors)
{
    struct vkvm_record *record;
    struct vkvm *kvm;
    struct vkvm_trace *trace;
    struct vkvm_trace_record r;
    int fd = fake.sys.open(fake.sys.data, "/dev/kvm", O_RDWR);
    ck_assert_int_eq(vkvm_record_new(&fake.sys, path, &record), 0);
    ck_assert_int_eq(vkvm_from_fd(vkvm_record_get_syscalls(record), fd, &kvm), 0);
    vkvm_close(kvm);
    vkvm_record_close(record);
    ck_assert_int_eq(vkvm_trace_open(path, &trace), 0);
    ck_assert_int_eq(vkvm_trace_next(trace, &r), 1);
    ck_assert_uint_eq(r.kind, VKVM_TRACE_ADOPT);
    ck_assert_int_eq(vkvm_trace_next(trace, &r), 1);
    ck_assert_uint_eq(r.request, KVM_GET_API_VERSION);
    ck_assert_int_eq(r.result, 12);
    vkvm_trace_close(trace);
}
END_TEST

/* Descriptors that fall into the same bucket, closed in any order; NULL arguments; a mapping
 * that is
 * too large to follow. */
START_TEST(many_descriptors)
{
    struct vkvm_record *record;
    struct vkvm_trace *trace;
    struct vkvm_trace_record r;
    struct vkvm *kvm;
    struct vkvm_vm *vm;
    struct vkvm_vcpu *vcpu;
    int fds[200], result = 0;
    void *memory;
    unsigned nulls = 0;
    ck_assert_int_eq(vkvm_record_new(NULL, path, &record), 0);
    const struct vkvm_syscalls *sys = vkvm_record_get_syscalls(record);
    for (int i = 0; i < 200; i++)
        fds[i] = sys->open(sys->data, "/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 200; i++)
        result |= sys->close(sys->data, fds[(i * 77) % 200]);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(vkvm_record_get_error(record), 0);
    ck_assert_uint_eq(vkvm_record_get_count(record), 400);
    vkvm_record_close(record);

    ck_assert_int_eq(vkvm_record_new(&fake.sys, path, &record), 0);
    sys = vkvm_record_get_syscalls(record);
    ck_assert_int_eq(vkvm_open_with(sys, NULL, &kvm), 0);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &vm), 0);
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm, 0, &vcpu), 0);
    ck_assert_int_eq(vkvm_vcpu_set_signal_mask(vcpu, NULL), 0);
    const size_t large = 65u << 20;
    ck_assert_int_eq(sys->mmap(sys->data, large, 3, 1, vkvm_vcpu_get_fd(vcpu), 1 << 20, &memory),
                     0);
    ck_assert_int_eq(vkvm_record_get_error(record), -E2BIG);
    ck_assert_int_eq(sys->munmap(sys->data, memory, large), 0);
    ck_assert_int_eq(sys->pread(sys->data, 5, memory, 1, 0), -EBADF); /* no longer recorded */
    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    vkvm_record_close(record);
    ck_assert_int_eq(vkvm_trace_open(path, &trace), 0);
    while (vkvm_trace_next(trace, &r) == 1)
        nulls += r.request == KVM_SET_SIGNAL_MASK && r.parts == 0;
    ck_assert_uint_eq(nulls, 1);
    vkvm_trace_close(trace);
}
END_TEST

/* Without memory, recording ends and the session does not. */
START_TEST(no_memory)
{
    int nth, stopped = 0;
    for (nth = 1; nth < 400; nth++) {
        struct session_result result;
        struct vkvm_record *record = NULL;
        session_prepare(&fake);
        result.error = 0;
        fake_alloc_fail(nth); /* no assertions from here on: they allocate */
        int r = vkvm_record_new(&fake.sys, path, &record);
        if (r == 0)
            session_run(vkvm_record_get_syscalls(record), NULL, &result);
        bool reached = fake_alloc_count() >= nth;
        fake_alloc_fail(0);
        ck_assert(r == 0 || r == -ENOMEM);
        /* the library's own allocations fail as well */
        ck_assert(result.error == 0 || result.error == -ENOMEM);
        stopped += r == 0 && vkvm_record_get_error(record) == -ENOMEM;
        vkvm_record_close(record);
        ck_assert_int_eq(fake.open_fds, 0);
        ck_assert_int_eq(fake.mapped, 0);
        if (!reached)
            break;
    }
    ck_assert_int_lt(nth, 400);
    ck_assert_int_gt(stopped, 20);
}
END_TEST

Suite *vkvm_record_suite(void)
{
    Suite *s = suite_create("vkvm-record");
    TCase *t = tcase_create("record");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, changes_nothing);
    tcase_add_test(t, records_everything);
    tcase_add_test(t, records_failures);
    tcase_add_test(t, survives_a_crash);
    tcase_add_test(t, disk_full);
    tcase_add_test(t, refusals);
    tcase_add_test(t, adopts_descriptors);
    tcase_add_test(t, many_descriptors);
    tcase_add_test(t, no_memory);
    suite_add_tcase(s, t);
    return s;
}
