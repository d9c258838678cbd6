/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mirror of a disk that is being written to: the target follows, and takes its place.
 */
#include "disk.h"

static struct disk disk;
static uint8_t copy[DISK_SIZE];

static struct vemu_job_options options(uint32_t flags)
{
    return (struct vemu_job_options){
        .size = sizeof(struct vemu_job_options),
        .kind = VEMU_JOB_MIRROR,
        .flags = flags | VEMU_JOB_MANUAL_DISMISS,
        .id = "j",
        .node = "d",
        .target = "t",
    };
}

static void remove_node(const char *id)
{
    OK(vemu_vm_remove_block(disk.vm, id, &err));
}

/* The target is the disk now, under its own name. */
static void pivot(uint32_t flags)
{
    struct vemu_job_options o = options(flags);

    disk_begin(&disk, 2, false, NULL);
    disk_add_target(&disk, "t", NULL, NULL);
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, NULL, &err));
    disk_wait_status(&disk, "j", VEMU_JOB_READY);
    disk_guests_work(&disk, 20);
    OK(vemu_vm_complete_job(disk.vm, "j", &err));
    if (flags & VEMU_JOB_MANUAL_FINALIZE) {
        disk_wait_status(&disk, "j", VEMU_JOB_PENDING);
        disk_guests_work(&disk, 20); /* the mirror still follows */
        OK(vemu_vm_finalize_job(disk.vm, "j", &err));
    }
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    ck_assert_str_eq(disk.user.block->id, "t");
    ck_assert_ptr_eq(vemu__vm_find_block(disk.vm, "t"), disk.user.block);
    remove_node("d");
    disk_guests_work(&disk, 20);
    disk_compare(&disk);
    memcpy(copy, disk.contents, DISK_SIZE);
    user_detach(&disk.user);
    remove_node("t");
    disk_check_image(&disk, "t", copy);
    disk_empty(&disk);
    disk_end(&disk);
}

START_TEST(test_pivot)
{
    pivot(0);
}
END_TEST

START_TEST(test_write_blocking)
{
    pivot(VEMU_JOB_WRITE_BLOCKING);
}
END_TEST

START_TEST(test_finalize)
{
    pivot(VEMU_JOB_MANUAL_FINALIZE);
}
END_TEST

/* Cancelled when it is ready: the target is the disk as it is at some moment, here a quiet one. */
START_TEST(test_copy)
{
    struct vemu_job_options o = options(0);

    disk_begin(&disk, 2, false, NULL);
    disk_add_target(&disk, "t", NULL, NULL);
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, NULL, &err));
    disk_wait_status(&disk, "j", VEMU_JOB_READY);
    disk_guests_stop(&disk);
    OK(vemu_vm_cancel_job(disk.vm, "j", 0, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    ck_assert_str_eq(disk.user.block->id, "d");
    remove_node("t");
    disk_check_image(&disk, "t", disk.contents);
    disk_end(&disk);
}
END_TEST

/* The top alone, to an image that is no node; it gets the backing image, and the disk's name. */
START_TEST(test_image)
{
    struct vemu_image_open_options open = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_job_options o = options(0);
    g_autofree char *path = NULL;

    disk_begin(&disk, 2, false, NULL);
    path = disk_path(&disk, "t");
    disk_create(&disk, "t", "0.qcow2");
    open.flags = VEMU_IMAGE_WRITE | VEMU_IMAGE_NO_BACKING;
    OK(vemu_image_open(path, &open, &o.target_image, &err));
    o.target = NULL;
    o.sync = VEMU_JOB_SYNC_TOP;
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, NULL, &err));
    vemu_image_close(o.target_image);
    disk_wait_status(&disk, "j", VEMU_JOB_READY);
    OK(vemu_vm_complete_job(disk.vm, "j", &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    ck_assert_str_eq(disk.user.block->id, "d");
    ck_assert_uint_eq(disk.vm->blocks->len, 1); /* the old one is gone, and its file */
    disk_compare(&disk);
    ck_assert_str_eq(vemu_image_get_filename(disk.user.block->image), path);
    memcpy(copy, disk.contents, DISK_SIZE);
    disk_end(&disk);
}
END_TEST

/* The target refuses for a while: it is ready later, and complete. */
START_TEST(test_target_fails)
{
    struct vemu_job_options o = options(0);

    disk_begin(&disk, 1, false, NULL);
    disk_add_target(&disk, "t", NULL, "write offset=512K bytes=1M errno=EIO count=3");
    o.on_target_error = VEMU_JOB_ON_ERROR_IGNORE;
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, NULL, &err));
    disk_wait_status(&disk, "j", VEMU_JOB_READY);
    OK(vemu_vm_complete_job(disk.vm, "j", &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    disk_end(&disk);
    /* for good, and that is reported */
    o = options(VEMU_JOB_WRITE_BLOCKING);
    disk_begin(&disk, 1, false, NULL);
    disk_add_target(&disk, "t", NULL, "write offset=512K errno=EIO");
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, NULL, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), -EIO);
    ck_assert_str_eq(disk.user.block->id, "d");
    disk_end(&disk);
}
END_TEST

/* Cancelled at any moment, also with the machine going away. */
START_TEST(test_cancel)
{
    for (unsigned round = 0; round < 6; round++) {
        struct vemu_job_options o = options(round % 2 ? VEMU_JOB_WRITE_BLOCKING : 0);

        disk_begin(&disk, 2, false, NULL);
        disk_add_target(&disk, "t", NULL, NULL);
        disk_guests_start(&disk);
        OK(disk_start_job(&disk, &o, NULL, &err));
        g_usleep(round * 2000);
        if (round < 4) {
            OK(vemu_vm_cancel_job(disk.vm, "j", VEMU_JOB_CANCEL_FORCE, &err));
            ck_assert_int_eq(disk_wait_result(&disk, "j"), -ECANCELED);
            disk_guests_work(&disk, 10);
            remove_node("t");
            disk_check_image(&disk, "t", NULL);
        }
        disk_end(&disk);
    }
}
END_TEST

START_TEST(test_refused)
{
    struct vemu_job_options o = options(0);

    disk_begin(&disk, 1, false, NULL);
    disk_add_target(&disk, "t", NULL, NULL);
    o.granularity = 1000;
    FAILS(disk_start_job(&disk, &o, NULL, &err), EINVAL, "granularity");
    o = options(VEMU_JOB_COMPRESS);
    FAILS(disk_start_job(&disk, &o, NULL, &err), EINVAL, "compressed");
    o = options(0);
    o.sync = VEMU_JOB_SYNC_BITMAP;
    FAILS(disk_start_job(&disk, &o, NULL, &err), EINVAL, "sync");
    OK(vemu_vm_resize_block(disk.vm, "t", 2 * DISK_SIZE, &err));
    o.sync = VEMU_JOB_SYNC_FULL;
    FAILS(disk_start_job(&disk, &o, NULL, &err), EINVAL, "sizes");
    OK(vemu_vm_resize_block(disk.vm, "t", DISK_SIZE, &err));
    OK(disk_start_job(&disk, &o, NULL, &err));
    FAILS(vemu_vm_complete_job(disk.vm, "x", &err), ENOENT, "'x'");
    FAILS(vemu_vm_finalize_job(disk.vm, "j", &err), EINVAL, "finalize");
    disk_end(&disk);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_pivot,        test_write_blocking, test_finalize, test_copy, test_image,
        test_target_fails, test_cancel,         test_refused,  NULL,
    };

    return run_tests("mirror", tests);
}
