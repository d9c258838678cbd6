/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The replayer: the same program gets the same answers, another one is told what differs, and files
 * that lie do no harm.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "session.h"

Suite *vkvm_trace_suite(void);
Suite *vkvm_record_suite(void);
Suite *vkvm_replay_threads_suite(void);
Suite *vkvm_syscalls_suite(void);

static struct fake_kvm fake;
static struct session_result recorded;
static uint8_t *file;
static size_t file_size;
static struct vkvm_record *recording;

/* Records into memory. */
static void record(void (*program)(const struct vkvm_syscalls *sys))
{
    struct vkvm_record *rec;
    int fd = memfd_create("recording", MFD_CLOEXEC);
    int keep = dup(fd);
    ck_assert_int_eq(vkvm_record_new_fd(&fake.sys, fd, &rec), 0);
    recording = rec;
    program(vkvm_record_get_syscalls(rec));
    ck_assert_int_eq(vkvm_record_finish(rec), 0);
    vkvm_record_close(rec);
    file_size = (size_t)lseek(keep, 0, SEEK_END);
    file = malloc(file_size);
    ck_assert_int_eq(pread(keep, file, file_size, 0), (ssize_t)file_size);
    close(keep);
}

static void session_program(const struct vkvm_syscalls *sys)
{
    ck_assert_int_eq(vkvm_record_add_note(recording, "host", "fake"), 0);
    session_run(sys, NULL, &recorded);
    ck_assert_int_eq(vkvm_record_add_note(recording, "empty", ""), 0);
}

static void setup(void)
{
    fake_kvm_init(&fake);
    session_prepare(&fake);
    record(session_program);
    ck_assert_int_eq(recorded.error, 0);
}

static void teardown(void)
{
    free(file);
    fake_kvm_fini(&fake);
}

static struct vkvm_replay *load(uint32_t flags)
{
    const struct vkvm_replay_options options = { .size = sizeof(options), .flags = flags };
    struct vkvm_replay *replay;
    ck_assert_int_eq(vkvm_replay_load(file, file_size, &options, &replay), 0);
    return replay;
}

START_TEST(same_program)
{
    struct session_result result;
    uint64_t runs;
    for (uint32_t flags = 0; flags <= VKVM_REPLAY_LENIENT; flags++) {
        struct vkvm_divergence d = { .size = sizeof(d) };
        struct vkvm_replay *replay = load(flags);
        session_run(vkvm_replay_get_syscalls(replay), NULL, &result);
        ck_assert_mem_eq(&result, &recorded, sizeof(result));
        ck_assert_uint_eq(vkvm_replay_get_divergences(replay), 0);
        ck_assert_int_eq(vkvm_replay_get_first_divergence(replay, &d), -ENODATA);
        ck_assert_uint_eq(vkvm_replay_get_left(replay, &runs), 0);
        ck_assert_uint_eq(runs, 0);
        ck_assert_ptr_null(vkvm_replay_close(replay));
    }
    ck_assert_ptr_null(vkvm_replay_close(NULL));
}
END_TEST

START_TEST(notes)
{
    char value[8] = "unset";
    struct vkvm_replay *replay = load(0);
    ck_assert_int_eq(vkvm_replay_get_note(replay, "host", value, sizeof(value)), 4);
    ck_assert_str_eq(value, "fake");
    ck_assert_int_eq(vkvm_replay_get_note(replay, "hos", value, sizeof(value)), -ENOENT);
    ck_assert_int_eq(vkvm_replay_get_note(replay, "empty", value, sizeof(value)), 0);
    ck_assert_str_eq(value, "");
    ck_assert_int_eq(vkvm_replay_get_note(replay, "host", value, 4), 4); /* no room */
    ck_assert_str_eq(value, "");
    vkvm_replay_close(replay);
}
END_TEST

/* --- every call failing in turn --- */

static int walked;

/* The session, recorded; then against the recording: the same, failure included. */
static int walk_scenario(struct fake_kvm *f)
{
    struct session_result live, again;
    struct vkvm_record *rec;
    struct vkvm_replay *replay;
    const struct vkvm_replay_options options = { .size = sizeof(options) };
    char path[64];
    int fd = memfd_create("recording", MFD_CLOEXEC);
    ck_assert_int_eq(vkvm_record_new_fd(&f->sys, dup(fd), &rec), 0);
    session_run(vkvm_record_get_syscalls(rec), NULL, &live);
    ck_assert_int_eq(vkvm_record_finish(rec), 0);
    vkvm_record_close(rec);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ck_assert_int_eq(vkvm_replay_open(path, &options, &replay), 0);
    session_run(vkvm_replay_get_syscalls(replay), NULL, &again);
    ck_assert_uint_eq(vkvm_replay_get_divergences(replay), 0);
    ck_assert_uint_eq(vkvm_replay_get_left(replay, NULL), 0);
    vkvm_replay_close(replay);
    close(fd);
    ck_assert_mem_eq(&live, &again, sizeof(live));
    walked++;
    return live.error;
}

START_TEST(failures_replay)
{
    int ignored;
    int calls = fake_walk(walk_scenario, session_prepare, -EIO, &ignored);
    ck_assert_int_gt(calls, 30);
    ck_assert_int_lt(ignored, calls / 4); /* failures that libvkvm gets along with */
    ck_assert_int_eq(walked, calls + 1);
    /* a signal at any place */
    ck_assert_int_eq(fake_walk(walk_scenario, session_prepare, -EINTR, &ignored), calls);
}
END_TEST

START_TEST(stops_early)
{
    struct vkvm_trace_info info = { .size = sizeof(info) };
    struct vkvm_replay *replay = load(0);
    struct vkvm *kvm;
    uint64_t runs;
    ck_assert_int_eq(vkvm_open_with(vkvm_replay_get_syscalls(replay), NULL, &kvm), 0);
    ck_assert_int_ge(vkvm_get_fd(kvm), 0x40000000); /* no descriptor of the process */
    vkvm_close(kvm);
    vkvm_replay_get_info(replay, &info);
    ck_assert_uint_gt(vkvm_replay_get_left(replay, &runs), 20);
    ck_assert_uint_lt(vkvm_replay_get_left(replay, NULL), info.records);
    ck_assert_uint_eq(runs, info.runs);
    vkvm_replay_close(replay);
}
END_TEST

/* Runs a changed program both ways; *ret is what was found. */
static void changed(const struct session_change *change, struct vkvm_divergence *ret,
                    struct session_result *ret_lenient)
{
    struct session_result strict;
    struct vkvm_replay *replay = load(0);
    *ret = (struct vkvm_divergence){ .size = sizeof(*ret) };
    session_run(vkvm_replay_get_syscalls(replay), change, &strict);
    ck_assert_int_eq(strict.error, -EPROTO);
    ck_assert_uint_eq(vkvm_replay_get_divergences(replay), 1);
    ck_assert_int_eq(vkvm_replay_get_first_divergence(replay, ret), 0);
    ret->size = 0;
    ck_assert_int_eq(vkvm_replay_get_first_divergence(replay, ret), -EINVAL);
    vkvm_replay_close(replay);
    replay = load(VKVM_REPLAY_LENIENT);
    session_run(vkvm_replay_get_syscalls(replay), change, ret_lenient);
    ck_assert_uint_ge(vkvm_replay_get_divergences(replay), 1);
    vkvm_replay_close(replay);
}

static void same_exits(const struct session_result *result)
{
    ck_assert_uint_eq(result->exit_count, recorded.exit_count);
    ck_assert_mem_eq(result->exits, recorded.exits, sizeof(recorded.exits));
    ck_assert_uint_eq(result->output_size, recorded.output_size);
    ck_assert_mem_eq(result->output, recorded.output, sizeof(recorded.output));
}

START_TEST(another_argument)
{
    const struct session_change change = { .rip = 0x20 };
    struct vkvm_divergence d;
    struct session_result lenient;
    changed(&change, &d, &lenient);
    ck_assert_uint_eq(d.kind, VKVM_DIVERGENCE_ARGUMENT);
    ck_assert_uint_eq(d.request, KVM_SET_REGS);
    ck_assert_uint_eq(d.offset, offsetof(struct kvm_regs, rip));
    ck_assert_uint_eq(d.recorded, 0x00);
    ck_assert_uint_eq(d.replayed, 0x20);
    ck_assert_ptr_nonnull(strstr(d.text, "KVM_SET_REGS"));
    ck_assert_int_eq(lenient.error, 0);
    same_exits(&lenient);
}
END_TEST

START_TEST(another_number)
{
    const struct session_change change = { .cap = 1 };
    struct vkvm_divergence d;
    struct session_result lenient;
    changed(&change, &d, &lenient);
    ck_assert_uint_eq(d.kind, VKVM_DIVERGENCE_ARGUMENT);
    ck_assert_uint_eq(d.request, KVM_CHECK_EXTENSION);
    ck_assert_ptr_nonnull(strstr(d.text, "the argument is 4, recorded 3"));
    same_exits(&lenient);
}
END_TEST

START_TEST(another_path)
{
    const struct session_change change = { .path = "/dev/other" };
    struct vkvm_divergence d;
    struct session_result lenient;
    changed(&change, &d, &lenient);
    ck_assert_uint_eq(d.kind, VKVM_DIVERGENCE_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(d.text, "'/dev/other', recorded '/dev/kvm'"));
    same_exits(&lenient);
}
END_TEST

START_TEST(another_answer)
{
    const struct session_change change = { .answer = 2 };
    struct vkvm_divergence d;
    struct session_result lenient;
    changed(&change, &d, &lenient);
    ck_assert_uint_eq(d.kind, VKVM_DIVERGENCE_ANSWER);
    ck_assert_uint_eq(d.offset, 4096);
    ck_assert_uint_eq(d.recorded, 0x55);
    ck_assert_uint_eq(d.replayed, 0x57);
    same_exits(&lenient);
}
END_TEST

START_TEST(calls_left_out)
{
    const struct session_change change = { .without_regs = true };
    struct vkvm_divergence d;
    struct session_result lenient;
    changed(&change, &d, &lenient);
    ck_assert_uint_eq(d.kind, VKVM_DIVERGENCE_SKIPPED);
    ck_assert_ptr_nonnull(strstr(d.text, "1 recorded calls were not made"));
    ck_assert_ptr_nonnull(strstr(d.text, "KVM_SET_REGS"));
    same_exits(&lenient);
}
END_TEST

START_TEST(calls_added)
{
    const struct session_change nmi = { .with_nmi = true }, again = { .again = true };
    struct vkvm_divergence d;
    struct session_result lenient;
    changed(&nmi, &d, &lenient);
    ck_assert_uint_eq(d.kind, VKVM_DIVERGENCE_CALL);
    ck_assert_uint_eq(d.request, KVM_NMI);
    ck_assert_int_eq(lenient.error, 0); /* there is nothing it would return */
    same_exits(&lenient);
    changed(&again, &d, &lenient);
    ck_assert_uint_eq(d.kind, VKVM_DIVERGENCE_EXTRA);
    ck_assert_uint_eq(d.request, KVM_RUN);
    ck_assert_uint_eq(d.order, UINT64_MAX);
}
END_TEST

START_TEST(too_little_room)
{
    const struct session_change change = { .little_room = true };
    struct vkvm_divergence d;
    struct session_result lenient;
    changed(&change, &d, &lenient);
    ck_assert_uint_eq(d.request, KVM_GET_SUPPORTED_CPUID);
    ck_assert_int_eq(lenient.error, -EPROTO); /* not written past the end */
}
END_TEST

static int reports;

static void report(void *data, const struct vkvm_divergence *d)
{
    ck_assert_ptr_eq(data, &reports);
    ck_assert_uint_ne(d->text[0], 0);
    reports++;
}

START_TEST(reporting)
{
    const struct session_change change = { .rip = 8, .answer = 1 };
    const struct vkvm_replay_options options = {
        .size = sizeof(options),
        .flags = VKVM_REPLAY_LENIENT,
        .report = report,
        .data = &reports,
    };
    struct session_result result;
    struct vkvm_replay *replay;
    ck_assert_int_eq(vkvm_replay_load(file, file_size, &options, &replay), 0);
    session_run(vkvm_replay_get_syscalls(replay), &change, &result);
    ck_assert_int_eq(reports, 3); /* two vCPUs' registers, one answer */
    ck_assert_uint_eq(vkvm_replay_get_divergences(replay), 3);
    vkvm_replay_close(replay);
}
END_TEST

START_TEST(refusals)
{
    struct vkvm_replay_options options = { .size = sizeof(options), .flags = 1u << 9 };
    struct vkvm_replay *replay = NULL;
    ck_assert_int_eq(vkvm_replay_load(file, file_size, &options, &replay), -EINVAL);
    options = (struct vkvm_replay_options){ .size = 3 };
    ck_assert_int_eq(vkvm_replay_load(file, file_size, &options, &replay), -EINVAL);
    ck_assert_int_eq(vkvm_replay_load(file, 10, NULL, &replay), -EBADMSG);
    ck_assert_int_eq(vkvm_replay_load("", 0, NULL, &replay), -EBADMSG);
    ck_assert_int_eq(vkvm_replay_open("/nowhere/file", NULL, &replay), -ENOENT);
    ck_assert_int_eq(vkvm_replay_open("/dev/null", NULL, &replay), -EBADMSG);
    ck_assert_int_eq(vkvm_replay_open("/", NULL, &replay), -EBADMSG);
    ck_assert_ptr_null(replay);
}
END_TEST

/* A file that ends early replays up to there. */
START_TEST(cut_anywhere)
{
    for (size_t size = 0; size < file_size; size += size < 100 ? 1 : 13) {
        struct session_result result;
        struct vkvm_trace_info info = { .size = sizeof(info) };
        struct vkvm_replay *replay;
        const struct vkvm_replay_options options = { .size = sizeof(options) };
        int r = vkvm_replay_load(file, size, &options, &replay);
        if (size < 24) {
            ck_assert_int_eq(r, -EBADMSG);
            continue;
        }
        ck_assert_int_eq(r, 0);
        vkvm_replay_get_info(replay, &info);
        ck_assert_uint_eq(info.end, VKVM_TRACE_CUT);
        ck_assert_uint_le(info.readable, size);
        session_run(vkvm_replay_get_syscalls(replay), NULL, &result);
        ck_assert(result.error == -ENODATA || result.error == 0);
        ck_assert_uint_eq(vkvm_replay_get_divergences(replay), 0);
        vkvm_replay_close(replay);
    }
}
END_TEST

static uint32_t crc32c(const uint8_t *p, size_t size)
{
    uint32_t crc = UINT32_MAX;
    while (size--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
    }
    return ~crc;
}

/* Any bit: damage is seen; with the checksum mended, sense is checked and nothing breaks. */
START_TEST(flipped_bits)
{
    unsigned invalid = 0, accepted = 0;
    for (size_t record_at = 24; record_at < file_size;) {
        uint32_t size;
        memcpy(&size, file + record_at, 4);
        uint8_t *body = file + record_at + 8;
        for (uint32_t bit = 0; bit<size * 8; bit += size> 100 ? 7 : 1) {
            struct session_result result;
            struct vkvm_trace_info info = { .size = sizeof(info) };
            struct vkvm_replay *replay;
            const struct vkvm_replay_options options = { .size = sizeof(options),
                                                         .flags = VKVM_REPLAY_LENIENT };
            uint32_t crc, old;
            body[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_assert_int_eq(vkvm_replay_load(file, file_size, &options, &replay), 0);
            vkvm_replay_get_info(replay, &info);
            ck_assert_uint_eq(info.end, VKVM_TRACE_DAMAGED);
            ck_assert_uint_eq(info.readable, record_at);
            vkvm_replay_close(replay);

            memcpy(&old, file + record_at + 4, 4);
            crc = crc32c(body, size);
            memcpy(file + record_at + 4, &crc, 4);
            ck_assert_int_eq(vkvm_replay_load(file, file_size, &options, &replay), 0);
            vkvm_replay_get_info(replay, &info);
            invalid += info.end == VKVM_TRACE_INVALID;
            accepted += info.end == VKVM_TRACE_COMPLETE;
            session_run(vkvm_replay_get_syscalls(replay), NULL, &result);
            vkvm_replay_close(replay);

            memcpy(file + record_at + 4, &old, 4);
            body[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        record_at += 8 + size;
    }
    ck_assert_uint_gt(invalid, 100);
    ck_assert_uint_gt(accepted, 100);
}
END_TEST

/* Handles left open are the caller's mistake, but no leak. */
START_TEST(left_open)
{
    struct vkvm_replay *replay = load(0);
    const struct vkvm_syscalls *sys = vkvm_replay_get_syscalls(replay);
    struct vkvm_trace *trace;
    struct vkvm_trace_record r;
    void *memory = NULL;
    int fd = sys->open(sys->data, "/dev/kvm", O_RDWR), made = -1;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(vkvm_trace_load(file, file_size, &trace), 0);
    while (vkvm_trace_next(trace, &r) == 1 && !memory) {
        if (r.request == KVM_CREATE_VM)
            made = sys->ioctl(sys->data, fd, KVM_CREATE_VM, NULL);
        else if (r.request == KVM_CREATE_VCPU && !memory)
            made = sys->ioctl(sys->data, made, KVM_CREATE_VCPU, NULL);
        else if (r.kind == VKVM_TRACE_MMAP)
            ck_assert_int_eq(sys->mmap(sys->data, r.length, 3, 1, made, (off_t)r.offset, &memory),
                             0);
        else if (r.kind == VKVM_TRACE_IOCTL && r.handle == 1 && r.parts == 0)
            ck_assert_int_eq(sys->ioctl(sys->data, fd, r.request, (void *)(uintptr_t)r.number),
                             r.result);
    }
    ck_assert_ptr_nonnull(memory);
    vkvm_trace_close(trace);
    vkvm_replay_close(replay);
}
END_TEST

START_TEST(headers)
{
    struct vkvm_trace *trace;
    file[9]++; /* version */
    ck_assert_int_eq(vkvm_trace_load(file, file_size, &trace), -EBADMSG);
    uint32_t crc = crc32c(file, 20);
    memcpy(file + 20, &crc, 4);
    ck_assert_int_eq(vkvm_trace_load(file, file_size, &trace), -EPROTONOSUPPORT);
    file[9]--;
    file[12]++; /* architecture: readable, but not to be replayed here */
    crc = crc32c(file, 20);
    memcpy(file + 20, &crc, 4);
    struct vkvm_trace_info info = { .size = sizeof(info) };
    struct vkvm_replay *replay;
    ck_assert_int_eq(vkvm_trace_load(file, file_size, &trace), 0);
    vkvm_trace_get_info(trace, &info);
    ck_assert_uint_eq(info.arch, file[12]);
    vkvm_trace_close(trace);
    ck_assert_int_eq(vkvm_replay_load(file, file_size, NULL, &replay), -ENOEXEC);
}
END_TEST

/* --- descriptors from elsewhere --- */

static void adopted_program(const struct vkvm_syscalls *sys)
{
    const bool real = sys->data != NULL && fake.open_fds > 0;
    struct vkvm *kvm;
    int fd = real ? 1000 : 700; /* any number at replay */
    ck_assert_int_eq(vkvm_from_fd(sys, fd, &kvm), 0);
    ck_assert_int_eq(vkvm_check_cap(kvm, KVM_CAP_NR_MEMSLOTS), 4);
    vkvm_close(kvm);
}

START_TEST(adopted_descriptors)
{
    free(file);
    ck_assert_int_eq(fake.sys.open(fake.sys.data, "/dev/kvm", O_RDWR), 1000);
    record(adopted_program);
    ck_assert_int_eq(fake.open_fds, 0);
    struct vkvm_replay *replay = load(0);
    adopted_program(vkvm_replay_get_syscalls(replay));
    ck_assert_uint_eq(vkvm_replay_get_left(replay, NULL), 0);
    struct vkvm *kvm;
    ck_assert_int_eq(vkvm_from_fd(vkvm_replay_get_syscalls(replay), 701, &kvm), -EBADF);
    vkvm_replay_close(replay);
}
END_TEST

/* --- memory --- */

START_TEST(no_memory)
{
    int nth, failed = 0;
    for (nth = 1; nth < 600; nth++) {
        const struct vkvm_replay_options options = { .size = sizeof(options) };
        struct session_result result = { 0 };
        struct vkvm_replay *replay = NULL;
        fake_alloc_fail(nth);
        int r = vkvm_replay_load(file, file_size, &options, &replay);
        if (r == 0)
            session_run(vkvm_replay_get_syscalls(replay), NULL, &result);
        bool reached = fake_alloc_count() >= nth;
        fake_alloc_fail(0);
        vkvm_replay_close(replay);
        if (!reached)
            break;
        /* a comparison that lacks memory counts as a difference; the search may find it after all
         */
        ck_assert(r == -ENOMEM || result.error == -ENOMEM || result.error == -EPROTO ||
                  (r == 0 && result.error == 0));
        failed += r < 0 || result.error;
    }
    ck_assert_int_lt(nth, 600);
    ck_assert_int_gt(failed, 20);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vkvm-replay");
    TCase *t = tcase_create("replay");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, same_program);
    tcase_add_test(t, notes);
    tcase_add_test(t, failures_replay);
    tcase_add_test(t, stops_early);
    tcase_add_test(t, another_argument);
    tcase_add_test(t, another_number);
    tcase_add_test(t, another_path);
    tcase_add_test(t, another_answer);
    tcase_add_test(t, calls_left_out);
    tcase_add_test(t, calls_added);
    tcase_add_test(t, too_little_room);
    tcase_add_test(t, reporting);
    tcase_add_test(t, refusals);
    tcase_add_test(t, cut_anywhere);
    tcase_add_test(t, flipped_bits);
    tcase_add_test(t, left_open);
    tcase_add_test(t, headers);
    tcase_add_test(t, adopted_descriptors);
    tcase_add_test(t, no_memory);
    suite_add_tcase(s, t);

    SRunner *r = srunner_create(s);
    srunner_add_suite(r, vkvm_trace_suite());
    srunner_add_suite(r, vkvm_record_suite());
    srunner_add_suite(r, vkvm_replay_threads_suite());
    srunner_add_suite(r, vkvm_syscalls_suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
