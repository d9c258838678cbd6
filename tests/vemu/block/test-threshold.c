/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Write thresholds of nodes: told once, by whatever way the bytes go, of the layer that has it.
 */
#include "user.h"

#include <vemu/block.h>
#include <vemu/image.h>

#define KIB 1024u

static struct vemu_vm *vm;
static struct user user;
static struct vemu_block *disk, *file;
static uint8_t data[64 * KIB];

static void begin(const char *driver, const char *aio)
{
    const struct vemu_property props[] = {
        { "file.driver", "file" },
        { "file.filename", user_file(1024 * KIB) },
        { "aio", aio },
        { "discard", "unmap" },
    };

    if (strcmp(driver, "qcow2") == 0)
        OK(vemu_image_create(props[1].value, "qcow2", 1024 * KIB, NULL, 0, NULL, &err));
    vm = fake_vm(NULL);
    ck_assert_int_ge(vemu_vm_get_event_fd(vm), 0); /* events are kept from now on */
    OK(vemu_vm_add_block(vm, driver, "d", props, 4, &err));
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    user_attach(&user, vm, "d", NULL, NULL);
    disk = vemu__vm_find_block(vm, "d");
    file = vemu__vm_find_block(vm, "d.file");
    ck_assert_ptr_nonnull(file);
}

static void end(void)
{
    user_detach(&user);
    vemu_vm_unref(vm);
    user_remove_file();
}

/* How often it was told since the last call; the last time in `message` and *value. */
static unsigned told(char message[64], uint64_t *value)
{
    struct vemu_event event = { .size = sizeof(event) };
    unsigned count = 0;

    fake_sync(vm);
    while (vemu_vm_next_event(vm, &event) > 0)
        if (event.type == VEMU_EVENT_BLOCK_THRESHOLD) {
            g_strlcpy(message, event.message, 64);
            *value = event.value;
            count++;
        }
    return count;
}

static void do_op(enum vemu_block_op op, uint64_t offset, size_t bytes)
{
    ck_assert_int_eq(user_do(&user, op, offset, data, bytes), 0);
}

static void assert_silent(void)
{
    uint64_t value;
    char message[64];

    ck_assert_uint_eq(told(message, &value), 0);
}

static void assert_told(const char *expected, uint64_t by)
{
    uint64_t value = 0;
    char message[64] = "";

    ck_assert_uint_eq(told(message, &value), 1);
    ck_assert_str_eq(message, expected);
    ck_assert_uint_eq(value, by);
}

static void check_raw(const char *aio)
{
    static const enum vemu_block_op ops[] = { VEMU_BLOCK_WRITE, VEMU_BLOCK_ZERO,
                                              VEMU_BLOCK_DISCARD };

    begin("raw", aio);
    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        vemu__block_set_threshold(disk, 128 * KIB);
        do_op(ops[i], 0, 64 * KIB);
        do_op(ops[i], 64 * KIB, 64 * KIB); /* just as far */
        do_op(VEMU_BLOCK_READ, 256 * KIB, 64 * KIB);
        assert_silent();
        ck_assert_uint_eq(vemu__block_get_threshold(disk), 128 * KIB);
        do_op(ops[i], 100 * KIB, 60 * KIB);
        assert_told("131072 d", 32 * KIB);
        ck_assert_uint_eq(vemu__block_get_threshold(disk), 0);
        do_op(ops[i], 200 * KIB, 60 * KIB);
        assert_silent();
    }
    /* of the file, through the layer above */
    vemu__block_set_threshold(file, 512 * KIB);
    do_op(VEMU_BLOCK_WRITE, 512 * KIB, 4096);
    assert_told("524288 d.file", 4096);
    /* taken back, and set anew before it was reached */
    vemu__block_set_threshold(disk, 4096);
    vemu__block_set_threshold(disk, 0);
    do_op(VEMU_BLOCK_WRITE, 65536, 4096);
    vemu__block_set_threshold(disk, 4096);
    vemu__block_set_threshold(disk, 512 * KIB);
    do_op(VEMU_BLOCK_WRITE, 65536, 4096);
    assert_silent();
    end();
}

START_TEST(test_threads)
{
    check_raw("threads");
}
END_TEST

START_TEST(test_auto) /* io_uring, where there is one */
{
    check_raw("auto");
}
END_TEST

/* In the file of a qcow2 image: where its clusters go, not where the guest writes. */
START_TEST(test_qcow2)
{
    uint64_t value = 0;
    char message[64] = "";

    begin("qcow2", "auto");
    vemu__block_set_threshold(file, 512 * KIB);
    do_op(VEMU_BLOCK_WRITE, 960 * KIB, 64 * KIB);
    do_op(VEMU_BLOCK_FLUSH, 0, 0);
    assert_silent();
    for (unsigned i = 0; i < 10; i++)
        do_op(VEMU_BLOCK_WRITE, i * 64 * KIB, 64 * KIB);
    ck_assert_uint_eq(told(message, &value), 1);
    ck_assert_str_eq(message, "524288 d.file");
    ck_assert_uint_eq(value, 64 * KIB);
    /* what has its place already goes by io_uring, but not past a threshold */
    vemu__block_set_threshold(file, 4096);
    do_op(VEMU_BLOCK_WRITE, 0, 4096);
    ck_assert_uint_eq(told(message, &value), 1);
    ck_assert_str_eq(message, "4096 d.file");
    end();
}
END_TEST

/* The image outlives the node that it was set with. */
START_TEST(test_gone)
{
    struct vemu_image *image;

    begin("raw", "threads");
    vemu__block_set_threshold(disk, 4096);
    image = vemu_image_ref(disk->image);
    user_detach(&user);
    OK(vemu_vm_remove_block(vm, "d", &err));
    ck_assert_int_eq(vemu_image_write(image, 65536, data, 4096, 0), 0);
    assert_silent();
    ck_assert_int_eq(vemu_image_close(image), 0);
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_threads, test_auto, test_qcow2, test_gone, NULL };

    return run_tests("block-threshold", tests);
}
