/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backup of a disk that is being written to: the target is the disk as it was at the start.
 */
#include "disk.h"

static struct disk disk;
static uint8_t copy[DISK_SIZE];

static struct vemu_job_options options(uint32_t sync, const char *target)
{
    return (struct vemu_job_options){
        .size = sizeof(struct vemu_job_options),
        .kind = VEMU_JOB_BACKUP,
        .flags = VEMU_JOB_MANUAL_DISMISS,
        .sync = sync,
        .id = "j",
        .node = "d",
        .target = target,
    };
}

static void remove_target(const char *name)
{
    OK(vemu_vm_remove_block(disk.vm, name, &err));
}

static void full(uint32_t flags)
{
    struct vemu_job_options o = options(VEMU_JOB_SYNC_FULL, "t");

    o.flags |= flags;
    disk_begin(&disk, 2, false, NULL);
    disk_add_target(&disk, "t", NULL, NULL);
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, copy, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    disk_guests_work(&disk, 20);
    remove_target("t");
    disk_check_image(&disk, "t", copy);
    disk_end(&disk);
}

START_TEST(test_full)
{
    full(0);
}
END_TEST

START_TEST(test_compressed)
{
    full(VEMU_JOB_COMPRESS);
}
END_TEST

/* Only the top's own, over the same backing image. */
START_TEST(test_top)
{
    struct vemu_job_options o = options(VEMU_JOB_SYNC_TOP, "t");

    disk_begin(&disk, 2, false, NULL);
    disk_add_target(&disk, "t", "0.qcow2", NULL);
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, copy, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    remove_target("t");
    disk_check_image(&disk, "t", copy);
    disk_check_backing(&disk, "t", "0.qcow2");
    disk_end(&disk);
}
END_TEST

/* Nothing is copied but what the guest overwrites: over the disk as it is later, with the target's
 * parts put back, it is the disk as it was. */
START_TEST(test_none)
{
    struct vemu_job_options o = options(VEMU_JOB_SYNC_NONE, "t");
    struct vemu_image *target;
    struct disk_job job;

    disk_begin(&disk, 1, false, NULL);
    disk_add_target(&disk, "t", NULL, NULL);
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, copy, &err));
    disk_guests_work(&disk, 20);
    disk_guests_stop(&disk);
    target = vemu__vm_find_block(disk.vm, "t")->image;
    for (uint32_t at = 0; at < DISK_SIZE; at += DISK_CLUSTER) {
        struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
        uint8_t buf[DISK_CLUSTER];

        ck_assert_int_eq(vemu_image_get_extent(target, NULL, at, DISK_CLUSTER, &extent), 0);
        ck_assert_int_eq(vemu_image_read(target, at, buf, DISK_CLUSTER), 0);
        if (!(extent.flags & VEMU_IMAGE_EXTENT_ALLOCATED)) {
            static const uint8_t zeros[DISK_CLUSTER];

            /* not touched, or zeros that needed no copying */
            ck_assert(!memcmp(disk.contents + at, copy + at, DISK_CLUSTER) ||
                      !memcmp(copy + at, zeros, DISK_CLUSTER));
            continue;
        }
        ck_assert(!memcmp(buf, copy + at, DISK_CLUSTER));
    }
    ck_assert_uint_eq(disk_job(&disk, "j", &job), VEMU_JOB_RUNNING);
    OK(vemu_vm_cancel_job(disk.vm, "j", 0, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), -ECANCELED);
    disk_end(&disk);
}
END_TEST

/* A full backup and three incremental ones on top of each other restore the disk exactly. */
START_TEST(test_incremental)
{
    struct vemu_job_options o = options(VEMU_JOB_SYNC_FULL, "t0");
    struct vemu_image *image;

    disk_begin(&disk, 2, false, NULL);
    disk_add_target(&disk, "t0", NULL, NULL);
    image = vemu__vm_find_block(disk.vm, "d")->image;
    OK(vemu_image_add_bitmap(image, "m", 0,
                             VEMU_IMAGE_BITMAP_ENABLED | VEMU_IMAGE_BITMAP_PERSISTENT, &err));
    OK(disk_start_job(&disk, &o, copy, &err)); /* nobody has written since the bitmap is there */
    disk_guests_start(&disk);
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    remove_target("t0");
    disk_check_image(&disk, "t0", copy);
    for (int i = 1; i <= 3; i++) {
        g_autofree char *name = g_strdup_printf("t%d", i), *below = g_strdup_printf("t%d", i - 1);

        o = options(VEMU_JOB_SYNC_INCREMENTAL, name);
        o.bitmap = "m";
        disk_add_target(&disk, name, below, NULL);
        disk_guests_work(&disk, 10);
        OK(disk_start_job(&disk, &o, copy, &err));
        if (i == 2) {                                  /* what is cancelled is in the next one */
            vemu_vm_cancel_job(disk.vm, "j", 0, NULL); /* or it is done already */
            int r = disk_wait_result(&disk, "j");

            ck_assert(r == -ECANCELED || r == 0);
            if (r < 0) {
                disk_guests_work(&disk, 5);
                OK(disk_start_job(&disk, &o, copy, &err));
                ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
            }
        } else {
            ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
        }
        remove_target(name);
        disk_check_image(&disk, name, copy);
    }
    o.target = NULL;
    disk_end(&disk);
}
END_TEST

static uint64_t dirty_bytes;

static int sum_dirty(void *data, const struct vemu_image_bitmap *bitmap)
{
    dirty_bytes += bitmap->dirty_bytes;
    return 0;
}

static uint64_t count_dirty(void)
{
    dirty_bytes = 0;
    ck_assert_int_eq(
        vemu_image_list_bitmaps(vemu__vm_find_block(disk.vm, "d")->image, sum_dirty, NULL), 0);
    return dirty_bytes;
}

/* The modes of bitmaps, when the target fails half-way and when it does not. */
START_TEST(test_bitmap_modes)
{
    static const struct {
        uint32_t mode;
        bool fails;
    } cases[] = {
        { VEMU_JOB_BITMAP_ON_SUCCESS, true },  { VEMU_JOB_BITMAP_NEVER, true },
        { VEMU_JOB_BITMAP_ALWAYS, true },      { VEMU_JOB_BITMAP_NEVER, false },
        { VEMU_JOB_BITMAP_ON_SUCCESS, false },
    };

    disk_begin(&disk, 1, false, NULL);
    OK(vemu_image_add_bitmap(vemu__vm_find_block(disk.vm, "d")->image, "m", 0,
                             VEMU_IMAGE_BITMAP_ENABLED, &err));
    disk_guests_start(&disk);
    disk_guests_work(&disk, 100);
    disk_guests_stop(&disk);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct vemu_job_options o = options(VEMU_JOB_SYNC_BITMAP, "t");
        uint64_t before = count_dirty(), after;

        ck_assert_uint_gt(before, DISK_CLUSTER);
        o.bitmap = "m";
        o.bitmap_mode = cases[i].mode;
        /* not the first MiB, which is copied in one go, but what comes after it */
        disk_add_target(&disk, "t", NULL, cases[i].fails ? "write offset=1472K errno=EIO" : NULL);
        OK(disk_start_job(&disk, &o, NULL, &err));
        ck_assert_int_eq(disk_wait_result(&disk, "j"), cases[i].fails ? -EIO : 0);
        after = count_dirty();
        if (cases[i].mode == VEMU_JOB_BITMAP_ALWAYS) {
            ck_assert_uint_lt(after, before);
            ck_assert_uint_gt(after, 0);
        } else if (cases[i].mode == VEMU_JOB_BITMAP_NEVER || cases[i].fails) {
            ck_assert_uint_eq(after, before);
        } else {
            ck_assert_uint_eq(after, 0);
        }
        remove_target("t");
    }
    disk_end(&disk);
}
END_TEST

/* The target fails when the guest waits for it: the backup is lost, the guest is not. */
START_TEST(test_target_fails)
{
    struct vemu_job_options o = options(VEMU_JOB_SYNC_NONE, "t");

    disk_begin(&disk, 1, false, NULL);
    disk_add_target(&disk, "t", NULL, "write offset=512K errno=ENOSPC");
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, NULL, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), -ENOSPC);
    disk_guests_work(&disk, 20);
    disk_end(&disk);
}
END_TEST

/* The source fails once: stop, and on again. */
START_TEST(test_source_stops)
{
    struct vemu_job_options o = options(VEMU_JOB_SYNC_FULL, "t");
    struct disk_job job;

    disk_begin(&disk, 1, false, NULL);
    disk_add_target(&disk, "t", NULL, "write offset=448K errno=ENOSPC count=1");
    o.on_target_error = VEMU_JOB_ON_ERROR_ENOSPC;
    OK(disk_start_job(&disk, &o, copy, &err));
    disk_wait_status(&disk, "j", VEMU_JOB_PAUSED);
    disk_job(&disk, "j", &job);
    ck_assert_uint_eq(job.info.flags & (VEMU_JOB_INFO_FAILED | VEMU_JOB_INFO_NOSPACE),
                      VEMU_JOB_INFO_FAILED | VEMU_JOB_INFO_NOSPACE);
    disk_guests_start(&disk);
    OK(vemu_vm_resume_job(disk.vm, "j", &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    remove_target("t");
    disk_check_image(&disk, "t", copy);
    disk_end(&disk);
}
END_TEST

START_TEST(test_refused)
{
    struct vemu_job_options o = options(VEMU_JOB_SYNC_INCREMENTAL, "t");

    disk_begin(&disk, 1, false, NULL);
    FAILS(disk_start_job(&disk, &o, NULL, &err), EINVAL, "bitmap");
    o.bitmap = "m";
    FAILS(disk_start_job(&disk, &o, NULL, &err), ENOENT, "'t'");
    disk_add_target(&disk, "t", NULL, NULL);
    FAILS(disk_start_job(&disk, &o, NULL, &err), ENOENT, "'m'");
    o.sync = VEMU_JOB_SYNC_FULL;
    FAILS(disk_start_job(&disk, &o, NULL, &err), ENOTSUP, "incremental");
    o.bitmap = NULL;
    o.target = "d";
    FAILS(disk_start_job(&disk, &o, NULL, &err), EINVAL, "the same");
    o.target = NULL;
    FAILS(disk_start_job(&disk, &o, NULL, &err), EINVAL, "target");
    o.node = "x";
    FAILS(disk_start_job(&disk, &o, NULL, &err), ENOENT, "'x'");
    o.node = "d.file";
    FAILS(disk_start_job(&disk, &o, NULL, &err), EBUSY, "part of 'd'");
    /* and nothing is left over of all that */
    o = options(VEMU_JOB_SYNC_FULL, "t");
    o.speed = 1;
    OK(disk_start_job(&disk, &o, NULL, &err));
    FAILS(disk_start_job(&disk, &o, NULL, &err), EEXIST, "'j'");
    o.id = "k";
    FAILS(disk_start_job(&disk, &o, NULL, &err), EBUSY, "job 'j'");
    FAILS(vemu_vm_remove_block(disk.vm, "t", &err), EBUSY, "job 'j'");
    FAILS(vemu_vm_resize_block(disk.vm, "d", 2 * DISK_SIZE, &err), EBUSY, "job 'j'");
    disk_end(&disk); /* with the job */
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_full,         test_compressed,   test_top,          test_none,    test_incremental,
        test_bitmap_modes, test_target_fails, test_source_stops, test_refused, NULL,
    };

    return run_tests("backup", tests);
}
