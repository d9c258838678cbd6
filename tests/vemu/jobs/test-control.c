/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steering jobs: states and events in their order, pauses, limits, and jobs that outlive nothing.
 */
#include "disk.h"

#include <unistd.h>

static struct disk disk;

static struct vemu_job_options options(uint32_t kind, uint32_t flags)
{
    return (struct vemu_job_options){
        .size = sizeof(struct vemu_job_options),
        .kind = kind,
        .flags = flags,
        .id = "j",
        .node = "d",
        .target = kind == VEMU_JOB_BACKUP || kind == VEMU_JOB_MIRROR ? "t" : NULL,
    };
}

/* The events of jobs until the job is gone, as words. */
static char *events(void)
{
    GString *text = g_string_new(NULL);
    int64_t end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    struct vemu_event event;

    for (;;) {
        ck_assert_int_lt(g_get_monotonic_time(), end);
        if (vemu_vm_next_event(disk.vm, &event) <= 0) {
            g_usleep(1000);
            continue;
        }
        if (event.type == VEMU_EVENT_JOB_STATUS) {
            ck_assert_str_eq(event.message, "j");
            g_string_append_printf(text, "%s ", vemu_job_status_name((uint32_t)event.value));
            if (event.value == VEMU_JOB_NULL)
                return g_string_free(text, FALSE);
        } else if (event.type > VEMU_EVENT_JOB_STATUS && event.type <= VEMU_EVENT_JOB_PENDING) {
            static const char *const names[] = { "READY", "COMPLETED", "CANCELLED", "ERROR",
                                                 "PENDING" };

            ck_assert(!strncmp(event.message, "j ", 2));
            g_string_append_printf(text, "%s ", names[event.type - VEMU_EVENT_JOB_READY]);
        }
    }
}

static void check_events(const char *wanted)
{
    g_autofree char *text = events();

    ck_assert_str_eq(text, wanted);
}

START_TEST(test_states)
{
    struct vemu_job_options o = options(VEMU_JOB_BACKUP, 0);

    disk_begin(&disk, 2, false, NULL);
    disk_add_target(&disk, "t", NULL, NULL);
    OK(disk_start_job(&disk, &o, NULL, &err));
    check_events("created running waiting pending COMPLETED concluded null ");
    o = options(VEMU_JOB_MIRROR, VEMU_JOB_MANUAL_FINALIZE | VEMU_JOB_MANUAL_DISMISS);
    OK(disk_start_job(&disk, &o, NULL, &err));
    disk_wait_status(&disk, "j", VEMU_JOB_READY);
    OK(vemu_vm_cancel_job(disk.vm, "j", 0, &err));
    disk_wait_status(&disk, "j", VEMU_JOB_PENDING);
    FAILS(vemu_vm_dismiss_job(disk.vm, "j", &err), EINVAL, "'pending'");
    OK(vemu_vm_finalize_job(disk.vm, "j", &err));
    FAILS(vemu_vm_finalize_job(disk.vm, "j", &err), EINVAL, "'concluded'");
    OK(vemu_vm_dismiss_job(disk.vm, "j", &err));
    FAILS(vemu_vm_dismiss_job(disk.vm, "j", &err), ENOENT, "'j'");
    check_events("created running ready READY waiting pending PENDING COMPLETED concluded null ");
    disk_end(&disk);
}
END_TEST

/* A disk that says it has 2 PiB does not make a job take memory for them. */
START_TEST(test_too_large)
{
    static const struct vemu_property size[] = { { "size", "2251799813685248" } };
    struct vemu_job_options o = options(VEMU_JOB_BACKUP, 0);

    disk_begin(&disk, 1, false, NULL);
    OK(vemu_vm_add_block(disk.vm, "null-co", "huge", size, 1, &err));
    OK(vemu_vm_add_block(disk.vm, "null-co", "huge-target", size, 1, &err));
    o.node = "huge";
    o.target = "huge-target";
    FAILS(vemu_vm_start_job(disk.vm, &o, &err), EFBIG, "too large for a job");
    o.kind = VEMU_JOB_MIRROR;
    FAILS(vemu_vm_start_job(disk.vm, &o, &err), EFBIG, "too large for a job");
    disk_end(&disk);
}
END_TEST

START_TEST(test_states_of_failures)
{
    struct vemu_job_options o = options(VEMU_JOB_MIRROR, 0);

    disk_begin(&disk, 2, false, NULL);
    disk_add_target(&disk, "t", NULL, "write offset=448K errno=EIO");
    OK(disk_start_job(&disk, &o, NULL, &err));
    check_events("created running ERROR aborting COMPLETED concluded null ");
    o = options(VEMU_JOB_STREAM, 0);
    o.speed = 1;
    OK(disk_start_job(&disk, &o, NULL, &err));
    OK(vemu_vm_cancel_job(disk.vm, "j", 0, &err));
    check_events("created running aborting CANCELLED concluded null ");
    o = options(VEMU_JOB_STREAM, VEMU_JOB_MANUAL_FINALIZE);
    OK(disk_start_job(&disk, &o, NULL, &err));
    disk_wait_status(&disk, "j", VEMU_JOB_PENDING);
    OK(vemu_vm_cancel_job(disk.vm, "j", 0, &err));
    check_events("created running waiting pending PENDING aborting CANCELLED concluded null ");
    disk_end(&disk);
}
END_TEST

/* A byte in a second is never done; without a limit it is at once. */
START_TEST(test_speed)
{
    struct vemu_job_options o = options(VEMU_JOB_STREAM, VEMU_JOB_MANUAL_DISMISS);
    struct disk_job before, after;

    disk_begin(&disk, 2, false, NULL);
    o.speed = 1;
    OK(disk_start_job(&disk, &o, NULL, &err));
    disk_guests_start(&disk);
    do {
        disk_guests_work(&disk, 1);
        ck_assert_uint_eq(disk_job(&disk, "j", &before), VEMU_JOB_RUNNING);
    } while (!before.info.done);
    disk_guests_work(&disk, 50);
    disk_job(&disk, "j", &after);
    ck_assert_uint_eq(after.info.done, before.info.done);
    ck_assert_uint_lt(after.info.done, after.info.total);
    ck_assert_uint_eq(after.info.total, DISK_SIZE);
    ck_assert_uint_eq(after.info.speed, 1);
    OK(vemu_vm_set_job_speed(disk.vm, "j", 0, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    disk_end(&disk);
}
END_TEST

/* Time passes: 6 MiB at 12 MiB/s takes a third of a second at the least. */
START_TEST(test_limit)
{
    struct vemu_job_options o = options(VEMU_JOB_BACKUP, VEMU_JOB_MANUAL_DISMISS);
    int64_t start = g_get_monotonic_time();

    disk_begin(&disk, 2, false, NULL);
    disk_add_target(&disk, "t", NULL, NULL);
    o.speed = 12u << 20;
    OK(disk_start_job(&disk, &o, NULL, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    ck_assert_int_gt(g_get_monotonic_time() - start, 300000);
    disk_end(&disk);
}
END_TEST

START_TEST(test_pause)
{
    struct vemu_job_options o = options(VEMU_JOB_MIRROR, VEMU_JOB_MANUAL_DISMISS);
    struct disk_job before, after;

    disk_begin(&disk, 2, false, NULL);
    disk_add_target(&disk, "t", NULL, NULL);
    o.speed = 1u << 20;
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, NULL, &err));
    OK(vemu_vm_pause_job(disk.vm, "j", &err));
    FAILS(vemu_vm_pause_job(disk.vm, "j", &err), EINVAL, "already paused");
    disk_wait_status(&disk, "j", VEMU_JOB_PAUSED);
    disk_job(&disk, "j", &before);
    disk_guests_work(&disk, 50); /* the guest goes on */
    disk_job(&disk, "j", &after);
    ck_assert_uint_eq(after.info.done, before.info.done);
    OK(vemu_vm_set_job_speed(disk.vm, "j", 0, &err));
    OK(vemu_vm_resume_job(disk.vm, "j", &err));
    FAILS(vemu_vm_resume_job(disk.vm, "j", &err), EINVAL, "not paused");
    disk_wait_status(&disk, "j", VEMU_JOB_READY);
    OK(vemu_vm_pause_job(disk.vm, "j", &err));
    disk_wait_status(&disk, "j", VEMU_JOB_STANDBY);
    FAILS(vemu_vm_complete_job(disk.vm, "j", &err), EINVAL, "cannot be completed");
    OK(vemu_vm_resume_job(disk.vm, "j", &err));
    disk_wait_status(&disk, "j", VEMU_JOB_READY);
    OK(vemu_vm_complete_job(disk.vm, "j", &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    disk_end(&disk);
}
END_TEST

/* The guest is unplugged, the disk and its job stay. */
START_TEST(test_detach)
{
    struct vemu_job_options o = options(VEMU_JOB_STREAM, VEMU_JOB_MANUAL_DISMISS);

    disk_begin(&disk, 2, false, NULL);
    o.speed = 1u << 20;
    OK(disk_start_job(&disk, &o, NULL, &err));
    user_detach(&disk.user);
    FAILS(vemu_vm_remove_block(disk.vm, "d", &err), EBUSY, "'j'");
    OK(vemu_vm_set_job_speed(disk.vm, "j", 0, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    user_attach(&disk.user, disk.vm, "d", NULL, NULL);
    disk_end(&disk);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_states, test_too_large, test_states_of_failures, test_speed, test_limit, test_pause,
        test_detach, NULL,
    };

    return run_tests("control", tests);
}
