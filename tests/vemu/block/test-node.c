/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making block nodes: drivers, descriptions, nodes in nodes, who may use which; their requests.
 */
#include "user.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vemu/block.h>
#include <vemu/object.h>
#include <vemu/registry.h>

#include "image/throttle.h"

#define SIZE (1u << 20)

START_TEST(test_classes)
{
    static const char *const names[] = { "blkdebug", "copy-on-read", "file",    "host_device",
                                         "null-co",  "raw",          "throttle" };
    struct vemu_class_info info = VEMU_CLASS_INFO_INIT;
    struct vemu_property_info property = VEMU_PROPERTY_INFO_INIT;
    bool has_discard = false, has_latency = false;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        ck_assert_int_eq(vemu_class_lookup(VEMU_CLASS_BLOCK, names[i], &info), 0);
    ck_assert_int_eq(vemu_class_lookup(VEMU_CLASS_BLOCK, "null-co", &info), 0);
    for (uint32_t i = 0; i < info.property_count; i++) { /* the node's, and the driver's */
        ck_assert_int_eq(vemu_class_get_property(VEMU_CLASS_BLOCK, "null-co", i, &property), 0);
        has_discard |= !strcmp(property.name, "discard");
        has_latency |= !strcmp(property.name, "latency-ns");
    }
    ck_assert(has_discard && has_latency);
    ck_assert_int_eq(
        vemu_class_get_property(VEMU_CLASS_BLOCK, "null-co", info.property_count, &property),
        -ENOENT);
}
END_TEST

/* "file.driver" makes a node of its own, which goes with the one above. */
START_TEST(test_nested)
{
    struct vemu_vm *vm = fake_vm(NULL);
    const struct vemu_property props[] = { { "file.driver", "file" },
                                           { "file.filename", user_file(SIZE) },
                                           { "offset", "512" },
                                           { "discard", "unmap" } };
    const struct vemu_property named[] = { { "file.node-name", "low" },
                                           { "file.filename", props[1].value } };
    const struct vemu_property bad[] = { { "file.filename", props[1].value }, { "colour", "red" } };
    struct vemu_block *block;

    OK(vemu_vm_add_block(vm, "raw", "d", props, 4, &err));
    block = vemu__vm_find_block(vm, "d");
    ck_assert_uint_eq(vemu__block_size(block), SIZE - 512);
    ck_assert(vemu__block_can_discard(block));
    ck_assert_ptr_eq(block->file_node, vemu__vm_find_block(vm, "d.file"));
    FAILS(vemu_vm_remove_block(vm, "d.file", &err), EBUSY, "'d'");
    OK(vemu_vm_remove_block(vm, "d", &err));
    ck_assert_ptr_null(vemu__vm_find_block(vm, "d.file"));
    FAILS(vemu_vm_add_block(vm, "raw", "e", bad, 2, &err), EINVAL, "colour");
    ck_assert_ptr_null(vemu__vm_find_block(vm, "e.file")); /* nothing is left behind */
    OK(vemu_vm_add_block(vm, "raw", "d", named, 2, &err));
    ck_assert_ptr_nonnull(vemu__vm_find_block(vm, "low"));
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

START_TEST(test_json)
{
    struct vemu_vm *vm = fake_vm(NULL);
    g_autofree char *text = g_strdup_printf(
        "json:{\"driver\":\"raw\",\"node-name\":\"j\",\"read-only\":true,"
        "\"cache\":{\"no-flush\":true},\"file\":{\"driver\":\"file\",\"filename\":\"%s\"}}",
        user_file(SIZE));
    const struct vemu_block *block;

    OK(vemu_vm_add_block(vm, text, NULL, NULL, 0, &err));
    block = vemu__vm_find_block(vm, "j");
    ck_assert(vemu__block_read_only(block));
    ck_assert(block->no_flush);
    FAILS(vemu_vm_add_block(vm, "json:{\"driver\":\"raw\"}", NULL, NULL, 0, &err), EINVAL,
          "node-name");
    FAILS(vemu_vm_add_block(vm, "json:[", NULL, NULL, 0, &err), EINVAL, "JSON");
    FAILS(vemu_vm_add_block(vm, "raw", NULL, NULL, 0, &err), EINVAL, "node name");
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

/* A node that another stands on is not for a device, nor for a second one. */
START_TEST(test_in_use)
{
    struct vemu_vm *vm = fake_vm(NULL);
    const struct vemu_property file = { "filename", user_file(SIZE) }, on = { "file", "f" };
    struct vemu_block_user user = { .name = "user" };
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    OK(vemu_vm_add_block(vm, "file", "f", &file, 1, &err));
    FAILS(vemu_vm_add_block(vm, "file", "g", &file, 1, &err), EAGAIN, "lock");
    FAILS(vemu_vm_add_block(vm, "null-co", "n", &on, 1, &err), EINVAL, "'file'");
    OK(vemu_vm_add_block(vm, "raw", "r", &on, 1, &err));
    FAILS(vemu_vm_add_block(vm, "raw", "s", &on, 1, &err), EBUSY, "'r'");
    FAILS(vemu__block_attach(vemu__vm_find_block(vm, "f"), &user, NULL, &lock, false, &err), EBUSY,
          "'r'");
    FAILS(vemu_vm_resize_block(vm, "f", SIZE, &err), EBUSY, "part of");
    OK(vemu_vm_resize_block(vm, "r", 2 * SIZE, &err));
    ck_assert_uint_eq(vemu__block_size(vemu__vm_find_block(vm, "f")), 2 * SIZE);
    OK(vemu_vm_remove_block(vm, "r", &err));
    OK(vemu_vm_remove_block(vm, "f", &err));
    OK(vemu_vm_add_block(vm, "file", "g", &file, 1, &err)); /* and its lock is gone */
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

START_TEST(test_words)
{
    static const struct {
        struct vemu_property prop;
        int code;
    } bad[] = {
        { { "aio", "native" }, EINVAL },       { { "discard", "some" }, EINVAL },
        { { "detect-zeroes", "no" }, EINVAL }, { { "detect-zeroes", "unmap" }, EINVAL },
        { { "cache.direct", "x" }, EINVAL },   { { "backing", "nobody" }, ENOENT },
        { { "force-share", "on" }, EINVAL },
    };
    struct vemu_vm *vm = fake_vm(NULL);
    const char *path = user_file(SIZE);

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        const struct vemu_property props[] = { { "filename", path }, bad[i].prop };

        FAILS(vemu_vm_add_block(vm, "file", "f", props, 2, &err), bad[i].code, "'f'");
    }
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

/* A node is opened for writing when somebody writes, and for reading if it cannot be. */
START_TEST(test_auto_read_only)
{
    struct vemu_vm *vm = fake_vm(NULL);
    const char *path = user_file(SIZE);
    const struct vemu_property props[] = { { "filename", path }, { "auto-read-only", "on" } };
    const struct vemu_property above[] = { { "file", "f" }, { "auto-read-only", "on" } };
    const struct vemu_property reader[] = { { "file", "g" }, { "read-only", "on" } };
    const struct vemu_property plain = { "filename", path };
    struct vemu_block *f, *r;
    struct user user;

    OK(vemu_vm_add_block(vm, "file", "f", props, 2, &err));
    OK(vemu_vm_add_block(vm, "raw", "r", above, 2, &err));
    f = vemu__vm_find_block(vm, "f");
    r = vemu__vm_find_block(vm, "r");
    ck_assert(vemu__block_read_only(f) && vemu__block_read_only(r));
    user_attach(&user, vm, "r", NULL, NULL);
    ck_assert(!vemu__block_read_only(f) && !vemu__block_read_only(r));
    user_detach(&user);
    OK(vemu_vm_remove_block(vm, "r", &err));
    OK(vemu_vm_remove_block(vm, "f", &err));
    /* somebody else has it: that is an error, not a reason to read only */
    OK(vemu_vm_add_block(vm, "file", "f", &plain, 1, &err));
    OK(vemu_vm_add_block(vm, "file", "g", props, 2, &err));
    FAILS(vemu__block_want_write(vemu__vm_find_block(vm, "g"), &err), EAGAIN, "lock");
    ck_assert(vemu__block_read_only(vemu__vm_find_block(vm, "g")));
    ck_assert_uint_eq(vemu__block_size(vemu__vm_find_block(vm, "g")), SIZE);
    FAILS(vemu_vm_add_block(vm, "auto", "a", reader, 1, &err), EAGAIN, "lock");
    OK(vemu_vm_add_block(vm, "auto", "a", reader, 2, &err));
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

static void check_requests(const struct vemu_property *extra, size_t extra_count)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct vemu_property props[6] = { { "filename", user_file(SIZE) } };
    g_autofree uint8_t *from = g_malloc(65536 + 4096), *to = g_malloc0(65536 + 4096);
    struct user user;

    for (size_t i = 0; i < extra_count; i++)
        props[1 + i] = extra[i];
    OK(vemu_vm_add_block(vm, "raw", "d", props, 1 + extra_count, &err));
    user_attach(&user, vm, "d", NULL, NULL);
    for (unsigned i = 0; i < 40; i++) {
        size_t bytes = 512 * (1 + i * 3);
        uint64_t offset = 512 * ((i * 37) % 1500);

        memset(from + i, (int)i + 1, bytes);
        ck_assert_int_eq(user_do(&user, VEMU_BLOCK_WRITE, offset, from + i, bytes), 0);
        ck_assert_int_eq(user_do(&user, VEMU_BLOCK_READ, offset, to, bytes), 0);
        ck_assert_mem_eq(from + i, to, bytes);
    }
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_FLUSH, 0, NULL, 0), 0);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_ZERO, 0, NULL, 4096), 0);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_READ, 0, to, 4096), 0);
    ck_assert_int_eq(to[0] | to[4095], 0);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_READ, SIZE - 511, to, 512), -EINVAL);
    user_detach(&user);
    vemu_vm_unref(vm);
    user_remove_file();
}

/* Not all file systems have O_DIRECT. */
static bool has_direct(void)
{
    int fd = open(user_file(SIZE), O_RDONLY | O_DIRECT);

    close(fd);
    user_remove_file();
    return fd >= 0;
}

START_TEST(test_requests)
{
    const struct vemu_property threads = { "aio", "threads" }, direct = { "cache.direct", "on" };
    const struct vemu_property zeroes = { "detect-zeroes", "on" };
    const struct vemu_property unsafe = { "cache.no-flush", "on" };

    check_requests(NULL, 0);
    check_requests(&threads, 1);
    if (has_direct())
        check_requests(&direct, 1);
    check_requests(&zeroes, 1);
    check_requests(&unsafe, 1);
}
END_TEST

static uint64_t blocks_of(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return (uint64_t)st.st_blocks;
}

START_TEST(test_zeroes)
{
    struct vemu_vm *vm = fake_vm(NULL);
    const struct vemu_property props[] = { { "filename", user_file(SIZE) },
                                           { "detect-zeroes", "unmap" },
                                           { "discard", "unmap" } };
    g_autofree uint8_t *data = g_malloc0(65536);
    struct user user;
    uint64_t full;

    OK(vemu_vm_add_block(vm, "file", "d", props, 3, &err));
    user_attach(&user, vm, "d", NULL, NULL);
    memset(data, 1, 65536);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_WRITE, 0, data, 65536), 0);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_FLUSH, 0, NULL, 0), 0);
    full = blocks_of(props[0].value);
    memset(data, 0, 65536);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_WRITE, 0, data, 65536), 0);
    ck_assert_uint_lt(blocks_of(props[0].value), full);
    user_detach(&user);
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

/* Slow requests do not keep quick ones from being done; a drain does not wait for limits. */
START_TEST(test_slow)
{
    struct vemu_vm *vm = fake_vm(NULL);
    const struct vemu_property props[] = { { "bps-write", "1K" },
                                           { "file.driver", "raw" },
                                           { "file.filename", user_file(SIZE) } };
    static uint8_t data[65536];
    struct request slow[8];
    struct user user;
    int64_t begin;

    OK(vemu_vm_add_block(vm, "throttle", "t", props, 3, &err));
    user_attach(&user, vm, "t", NULL, NULL);
    for (unsigned i = 0; i < 8; i++)
        user_start(&user, &slow[i], VEMU_BLOCK_WRITE, 0, data, sizeof(data), 0);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_READ, 0, data, 512), 0);
    ck_assert(!atomic_load(&slow[7].is_done));
    begin = g_get_monotonic_time();
    pthread_mutex_lock(&user.lock);
    vemu__block_drain(user.block);
    pthread_mutex_unlock(&user.lock);
    ck_assert_int_lt(g_get_monotonic_time() - begin, 10000000);
    ck_assert(atomic_load(&slow[7].is_done));
    user_detach(&user);
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

/* Reads of a node one after the other; milliseconds. */
static int64_t time_reads(struct user *user, unsigned count)
{
    int64_t begin = g_get_monotonic_time();
    static uint8_t data[4096];

    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(user_do(user, VEMU_BLOCK_READ, 0, data, sizeof(data)), 0);
    return (g_get_monotonic_time() - begin) / 1000;
}

/* Limits that come and go while the node has a user. */
START_TEST(test_tune)
{
    struct vemu_throttle_limits limits = { .iops_size = 0 };
    struct vemu_vm *vm = fake_vm(NULL);
    struct user a = { 0 }, b = { 0 };

    for (unsigned i = 0; i < THROTTLE_BUCKETS; i++)
        limits.of[i].length = 1;
    OK(vemu_vm_add_block(vm, "null-co", "a", NULL, 0, &err));
    OK(vemu_vm_add_block(vm, "null-co", "b", NULL, 0, &err));
    user_attach(&a, vm, "a", NULL, NULL);
    user_attach(&b, vm, "b", NULL, NULL);
    limits.of[THROTTLE_IOPS_TOTAL].burst = 5;
    FAILS(vemu__block_tune(a.block, &limits, NULL, &err), EINVAL, "needs a limit");
    limits.of[THROTTLE_IOPS_TOTAL].burst = 0;
    limits.of[THROTTLE_IOPS_TOTAL].rate = 100; /* ten at once, then one each 10 ms */
    OK(vemu__block_tune(a.block, &limits, "g", &err));
    ck_assert_int_ge(time_reads(&a, 50), 300);
    OK(vemu__block_tune(b.block, &limits, "g", &err));
    ck_assert_ptr_eq(a.block->tune, b.block->tune);
    limits.of[THROTTLE_IOPS_TOTAL].rate = 0; /* of the group: a has no limit either */
    OK(vemu__block_tune(b.block, &limits, "g", &err));
    OK(vemu__block_tune(a.block, &limits, NULL, &err));
    ck_assert_ptr_null(a.block->tune);
    time_reads(&a, 50);
    user_detach(&a);
    user_detach(&b);
    vemu_vm_unref(vm);
}
END_TEST

/* Two drives that together may do 100 requests in a second. */
START_TEST(test_throttle_group)
{
    const struct vemu_property limits = { "limits.iops-total", "100" };
    const struct vemu_property bad = { "limits.iops-read-max", "5" };
    const struct vemu_property member[] = { { "file.driver", "null-co" },
                                            { "throttle-group", "g" },
                                            { "iops-read", "5" } };
    struct vemu_vm *vm = fake_vm(NULL);
    struct user users[2] = { 0 };
    int64_t begin;
    uint8_t data[512];

    FAILS(vemu_vm_add_block(vm, "throttle", "a", member, 2, &err), ENOENT, "throttle-group");
    FAILS(vemu_vm_add_object(vm, "throttle-group", "g", &bad, 1, &err), EINVAL, "needs a limit");
    OK(vemu_vm_add_object(vm, "throttle-group", "g", &limits, 1, &err));
    FAILS(vemu_vm_add_block(vm, "null-co", "a", &member[1], 1, &err), EINVAL, "throttle");
    FAILS(vemu_vm_add_block(vm, "throttle", "a", member, 3, &err), EINVAL, "of its own");
    OK(vemu_vm_add_block(vm, "throttle", "a", member, 2, &err));
    OK(vemu_vm_add_block(vm, "throttle", "b", member, 2, &err));
    FAILS(vemu_vm_remove_object(vm, "g", &err), EBUSY, "'a'");
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    user_attach(&users[0], vm, "a", NULL, NULL);
    user_attach(&users[1], vm, "b", NULL, NULL);
    begin = g_get_monotonic_time();
    for (unsigned i = 0; i < 32; i++) /* a tenth of a second's worth is free */
        ck_assert_int_eq(user_do(&users[i % 2], VEMU_BLOCK_READ, 0, data, sizeof(data)), 0);
    ck_assert_int_ge(g_get_monotonic_time() - begin, 180000);
    user_detach(&users[0]);
    user_detach(&users[1]);
    OK(vemu_vm_remove_block(vm, "a", &err));
    FAILS(vemu_vm_remove_object(vm, "g", &err), EBUSY, "'b'");
    OK(vemu_vm_remove_block(vm, "b", &err));
    OK(vemu_vm_remove_object(vm, "g", &err));
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_classes,        test_nested, test_json,
                                   test_in_use,         test_words,  test_requests,
                                   test_zeroes,         test_slow,   test_auto_read_only,
                                   test_throttle_group, test_tune,   NULL };

    return run_tests("block-node", tests);
}
