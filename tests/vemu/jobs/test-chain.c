/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stream and commit on a disk that is being written to: the chain gets shorter, the disk stays.
 */
#include "disk.h"

#include <unistd.h>

static struct disk disk;

static struct vemu_job_options options(uint32_t kind)
{
    return (struct vemu_job_options){
        .size = sizeof(struct vemu_job_options),
        .kind = kind,
        .flags = VEMU_JOB_MANUAL_DISMISS,
        .id = "j",
        .node = "d",
    };
}

static unsigned depth(void)
{
    const struct vemu_image *image = vemu__image_skip_filters(disk.user.block->image);
    unsigned n = 0;

    while ((image = vemu_image_get_backing(image)) != NULL)
        n++;
    return n;
}

static void run(const struct vemu_job_options *o, int result)
{
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, o, NULL, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), result);
    disk_guests_work(&disk, 20);
    disk_compare(&disk);
}

/* --- stream ----------------------------------------------------------------------------------- */

static void stream_all(bool named)
{
    struct vemu_job_options o = options(VEMU_JOB_STREAM);

    disk_begin(&disk, 3, named, NULL);
    run(&o, 0);
    ck_assert_uint_eq(depth(), 0);
    if (named) {
        ck_assert_ptr_null(disk.user.block->backing_node);
        OK(vemu_vm_remove_block(disk.vm, "b1", &err));
        OK(vemu_vm_remove_block(disk.vm, "b0", &err));
    }
    FAILS(disk_start_job(&disk, &o, NULL, &err), EINVAL, "no backing");
    disk_check_backing(&disk, "2.qcow2", NULL);
    disk_end(&disk);
}

START_TEST(test_stream)
{
    stream_all(false);
}
END_TEST

START_TEST(test_stream_nodes)
{
    stream_all(true);
}
END_TEST

START_TEST(test_stream_base)
{
    for (int named = 0; named < 2; named++) {
        struct vemu_job_options o = options(VEMU_JOB_STREAM);

        o.base = named ? "b0" : "0.qcow2";
        disk_begin(&disk, 3, named, NULL);
        run(&o, 0);
        ck_assert_uint_eq(depth(), 1);
        if (named)
            ck_assert_ptr_eq(disk.user.block->backing_node, vemu__vm_find_block(disk.vm, "b0"));
        disk_check_backing(&disk, "2.qcow2", "0.qcow2");
        disk_end(&disk);
    }
}
END_TEST

/* It fails to write: report, or stop and on again; the disk is whole, the chain as it was. */
START_TEST(test_stream_fails)
{
    struct vemu_job_options o = options(VEMU_JOB_STREAM);

    disk_begin(&disk, 2, false, NULL);
    o.base = "x";
    FAILS(disk_start_job(&disk, &o, NULL, &err), ENOENT, "'x'");
    disk_end(&disk);
    o.base = NULL;
    disk_begin(&disk, 2, false, "write offset=3M errno=ENOSPC count=1");
    OK(disk_start_job(&disk, &o, NULL, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), -ENOSPC);
    ck_assert_uint_eq(depth(), 1);
    run(&o, 0); /* the second time there is room */
    ck_assert_uint_eq(depth(), 0);
    disk_end(&disk);
}
END_TEST

/* --- commit ----------------------------------------------------------------------------------- */

static void commit_active(bool named, const char *base, unsigned left, bool pivot)
{
    struct vemu_job_options o = options(VEMU_JOB_COMMIT);
    g_autofree char *file = g_strdup_printf("%u.qcow2", left);
    int writable;

    o.base = base;
    disk_begin(&disk, 3, named, NULL);
    disk_guests_start(&disk);
    OK(disk_start_job(&disk, &o, NULL, &err));
    disk_wait_status(&disk, "j", VEMU_JOB_READY);
    disk_guests_work(&disk, 20);
    if (pivot)
        OK(vemu_vm_complete_job(disk.vm, "j", &err));
    else
        OK(vemu_vm_cancel_job(disk.vm, "j", 0, &err));
    ck_assert_int_eq(disk_wait_result(&disk, "j"), 0);
    disk_guests_work(&disk, 20);
    disk_compare(&disk);
    ck_assert_uint_eq(depth(), pivot ? left : 2);
    ck_assert_str_eq(disk.user.block->id, !pivot || !named ? "d" : left ? "b1" : "b0");
    writable = vemu_image_is_writable(disk.user.block->image);
    ck_assert(writable && !disk.user.block->read_only);
    if (!pivot)
        ck_assert(
            !vemu_image_is_writable(vemu__image_skip_filters(disk.user.block->image)->backing));
    if (pivot && named)
        OK(vemu_vm_remove_block(disk.vm, "d", &err)); /* that is the old one now */
    disk_guests_stop(&disk);
    if (pivot) {
        g_autofree uint8_t *contents = g_memdup2(disk.contents, DISK_SIZE);

        ck_assert_int_eq(user_do(&disk.user, VEMU_BLOCK_FLUSH, 0, NULL, 0), 0);
        user_detach(&disk.user);
        OK(vemu_vm_remove_block(disk.vm, disk.user.block->id, &err));
        if (named)
            OK(vemu_vm_remove_block(disk.vm, left ? "b0" : "b1", &err));
        disk_check_image(&disk, file, contents);
        disk_empty(&disk);
    }
}

START_TEST(test_commit_active)
{
    commit_active(false, NULL, 0, true);
    disk_end(&disk);
    commit_active(false, "1.qcow2", 1, true);
    disk_end(&disk);
    commit_active(false, NULL, 0, false);
    disk_end(&disk);
}
END_TEST

START_TEST(test_commit_active_nodes)
{
    commit_active(true, NULL, 0, true);
    disk_end(&disk);
    commit_active(true, "b1", 1, true);
    disk_end(&disk);
    commit_active(true, "b1", 1, false);
    disk_end(&disk);
}
END_TEST

/* Images in the middle go down; the one on them is told. */
START_TEST(test_commit_middle)
{
    for (int named = 0; named < 2; named++) {
        struct vemu_job_options o = options(VEMU_JOB_COMMIT);

        o.top = named ? "b2" : "2.qcow2";
        o.base = named ? "b0" : "0.qcow2";
        disk_begin(&disk, 4, named, NULL);
        run(&o, 0);
        ck_assert_uint_eq(depth(), 1);
        disk_check_backing(&disk, "3.qcow2", "0.qcow2");
        disk_end(&disk);
        /* the image above is not the active one */
        o.top = named ? "b1" : "1.qcow2";
        o.base = NULL;
        disk_begin(&disk, 4, named, NULL);
        run(&o, 0);
        ck_assert_uint_eq(depth(), 2);
        disk_check_backing(&disk, "2.qcow2", "0.qcow2");
        disk_end(&disk);
    }
}
END_TEST

/* Cancelled at any moment: the disk reads as ever, and the next one goes through. */
START_TEST(test_cancel)
{
    static const uint32_t kinds[] = { VEMU_JOB_STREAM, VEMU_JOB_COMMIT, VEMU_JOB_COMMIT };

    for (unsigned round = 0; round < 9; round++) {
        struct vemu_job_options o = options(kinds[round % 3]);
        struct vemu_error *late = NULL;
        int r;

        o.top = round % 3 == 2 ? "1.qcow2" : NULL;
        disk_begin(&disk, 3, false, NULL);
        disk_guests_start(&disk);
        OK(disk_start_job(&disk, &o, NULL, &err));
        g_usleep(round / 3 * 4000);
        vemu_vm_cancel_job(disk.vm, "j", VEMU_JOB_CANCEL_FORCE, &late);
        vemu_error_free(late);
        r = disk_wait_result(&disk, "j");
        ck_assert(r == -ECANCELED || r == 0);
        disk_guests_work(&disk, 10);
        disk_compare(&disk);
        if (r < 0) {
            ck_assert_uint_eq(depth(), 2);
            o = options(VEMU_JOB_STREAM);
            run(&o, 0);
            ck_assert_uint_eq(depth(), 0);
        }
        disk_end(&disk);
    }
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_stream,        test_stream_nodes,  test_stream_base,
        test_stream_fails,  test_commit_active, test_commit_active_nodes,
        test_commit_middle, test_cancel,        NULL,
    };

    return run_tests("chain", tests);
}
