/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-blk on files: data, ranges, errors, sizes, resets with requests under way.
 */
#include <check.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/virtio_blk.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vemu/block.h>
#include <vemu/object.h>

#include "../core/test-main.h"
#include "guest.h"

#define DISK_SIZE (1u << 20)
#define ALL       (~0ull & ~VEMU_VIRTIO_F_RING_PACKED & ~VEMU_VIRTIO_F_IN_ORDER)

static char path[64];

static void make_disk(uint64_t size)
{
    int fd;

    strcpy(path, "/tmp/vemu-blk-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

/* A guest on the file; `aio` ("iothread": any, and requests are an iothread's) and more properties
 * of the node. */
static struct guest *start_on(const char *aio, const char *name, const char *value)
{
    const bool iothread = strcmp(aio, "iothread") == 0;
    const struct vemu_property props[] = {
        { "filename", path },
        { "aio", iothread ? "auto" : aio },
        { name, value },
    };
    struct vemu_vm *vm = guest_vm();
    struct guest *g;

    OK(vemu_vm_add_block(vm, "file", "disk", props, name ? 3 : 2, &err));
    if (iothread)
        OK(vemu_vm_add_object(vm, "iothread", "io", NULL, 0, &err));
    g = guest_attach(vm, "virtio-blk", "drive", "disk", "serial", "SERIAL-OF-MORE-THAN-20-BYTES",
                     "num-queues", "2", iothread ? "iothread" : NULL, "io", NULL);
    guest_start(g, ALL, 2);
    return g;
}

static struct guest *start(const char *name, const char *value)
{
    make_disk(DISK_SIZE);
    return start_on("auto", name, value);
}

static void finish(struct guest *g)
{
    guest_free(g);
    unlink(path);
}

/* One request; returns its status. `data` is copied in or out. */
static uint8_t request(struct guest *g, unsigned queue, uint32_t type, uint64_t sector, void *data,
                       uint32_t size, bool in)
{
    const struct virtio_blk_outhdr header = { .type = type, .sector = sector };
    uint64_t heap = g->heap, at = guest_alloc(g, sizeof(header), 8), status_at, data_at;
    struct guest_buffer b[3];
    unsigned count = 0;
    uint32_t len;
    uint8_t status;

    status_at = guest_alloc(g, 1, 1);
    data_at = guest_alloc(g, size + 1, 512);
    vemu_dma_write(g->vm, at, &header, sizeof(header));
    vemu_dma_write(g->vm, status_at, "\xff", 1);
    if (!in && size)
        vemu_dma_write(g->vm, data_at, data, size);
    b[count++] = (struct guest_buffer){ at, sizeof(header), false };
    if (size)
        b[count++] = (struct guest_buffer){ data_at, size, in };
    b[count++] = (struct guest_buffer){ status_at, 1, true };
    len = guest_request(g, &g->queues[queue], b, count);
    vemu_dma_read(g->vm, status_at, &status, 1);
    ck_assert_uint_ge(len, 1);
    if (in && size && status == VIRTIO_BLK_S_OK)
        vemu_dma_read(g->vm, data_at, data, size);
    g->heap = heap;
    return status;
}

static uint64_t blocks_of_file(void)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return (uint64_t)st.st_blocks;
}

static const char *const kinds[] = { "auto", "threads", "iothread" };

START_TEST(test_data)
{
    g_autofree uint8_t *data = g_malloc(65536), *back = g_malloc(65536);
    struct guest *g;
    int fd;

    make_disk(DISK_SIZE);
    g = start_on(kinds[_i], NULL, NULL);
    for (unsigned i = 0; i < 40; i++) {
        uint32_t size = 512u * (1 + i * 3);
        uint64_t sector = (i * 37) % 1500;

        memset(data, (int)i + 1, size);
        ck_assert_uint_eq(request(g, i & 1, VIRTIO_BLK_T_OUT, sector, data, size, false), 0);
        memset(back, 0, size);
        ck_assert_uint_eq(request(g, i & 1, VIRTIO_BLK_T_IN, sector, back, size, true), 0);
        ck_assert_mem_eq(data, back, size);
    }
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, false), 0);
    fd = open(path, O_RDONLY);
    ck_assert_int_eq(pread(fd, back, 512, ((39 * 37) % 1500) * 512), 512);
    ck_assert_mem_eq(data, back, 512);
    close(fd);
    finish(g);
}
END_TEST

/* Many at a time, over both queues. */
START_TEST(test_depth)
{
    struct guest *g;
    uint64_t header, data;

    make_disk(DISK_SIZE);
    g = start_on(kinds[_i], NULL, NULL);
    header = guest_alloc(g, 16, 8);
    data = guest_alloc(g, 4096 * 64, 4096);
    memset(guest_ptr(g, header), 0, 16);
    for (unsigned round = 0; round < 10; round++) {
        uint64_t status = guest_alloc(g, 64, 8);

        memset(guest_ptr(g, status), 0xff, 64);
        for (unsigned i = 0; i < 64; i++) {
            const struct guest_buffer b[] = {
                { header, 16, false },
                { data + 4096 * i, 4096, true },
                { status + i, 1, true },
            };

            guest_add(g, &g->queues[i & 1], b, 3);
        }
        g->t->notify(g, 0);
        g->t->notify(g, 1);
        for (unsigned i = 0; i < 64; i++) {
            uint32_t len;

            ck_assert_int_ge(guest_wait(g, &g->queues[i & 1], &len), 0);
            ck_assert_uint_eq(len, 4097);
        }
        for (unsigned i = 0; i < 64; i++)
            ck_assert_uint_eq(((uint8_t *)guest_ptr(g, status))[i], 0);
    }
    finish(g);
}
END_TEST

/* The driver may cut a request as it likes. */
START_TEST(test_framing)
{
    struct guest *g = start(NULL, NULL);
    uint64_t gpa = guest_alloc(g, 8192, 512), in = guest_alloc(g, 8192, 1);
    uint8_t *at = guest_ptr(g, gpa);
    const struct guest_buffer write[] = {
        { gpa, 5, false },
        { gpa + 5, 11 + 700, false }, /* header ends and data begins in the middle */
        { gpa + 716, 324, false },
        { in, 1, true },
    };
    const struct guest_buffer read[] = {
        { gpa, 16, false },
        { in, 3, true },
        { in + 3, 1022, true }, /* data, and the status in its last byte */
    };

    memset(at, 0, 16);
    at[0] = VIRTIO_BLK_T_OUT;
    for (unsigned i = 0; i < 1024; i++)
        at[16 + i] = (uint8_t)(i * 7);
    ck_assert_uint_eq(guest_request(g, &g->queues[0], write, 4), 1);
    at[0] = VIRTIO_BLK_T_IN;
    memset(guest_ptr(g, in), 0xee, 1025);
    ck_assert_uint_eq(guest_request(g, &g->queues[0], read, 3), 1025);
    ck_assert_mem_eq(guest_ptr(g, in), at + 16, 1024);
    ck_assert_uint_eq(((uint8_t *)guest_ptr(g, in))[1024], VIRTIO_BLK_S_OK);
    finish(g);
}
END_TEST

START_TEST(test_errors)
{
    struct guest *g = start(NULL, NULL);
    uint8_t data[1024] = { 0 };
    struct guest_buffer b;

    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_IN, 2048, data, 512, true), VIRTIO_BLK_S_IOERR);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_IN, 2047, data, 1024, true), VIRTIO_BLK_S_IOERR);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_OUT, UINT64_MAX, data, 512, false),
                      VIRTIO_BLK_S_IOERR);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_OUT, 1ull << 55, data, 512, false),
                      VIRTIO_BLK_S_IOERR);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_IN, 0, data, 100, true), VIRTIO_BLK_S_IOERR);
    ck_assert_uint_eq(request(g, 0, 77, 0, data, 512, true), VIRTIO_BLK_S_UNSUPP);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_SECURE_ERASE, 0, data, 16, false),
                      VIRTIO_BLK_S_UNSUPP);
    /* discard=ignore: not offered */
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_DISCARD, 0, data, 16, false),
                      VIRTIO_BLK_S_UNSUPP);
    ck_assert(!guest_broken(g));
    /* no room for a status */
    b = (struct guest_buffer){ guest_alloc(g, 16, 8), 16, false };
    guest_add(g, &g->queues[0], &b, 1);
    g->t->notify(g, 0);
    ck_assert(guest_broken(g));
    finish(g);
}
END_TEST

START_TEST(test_ranges)
{
    struct guest *g = start("discard", "unmap");
    struct virtio_blk_discard_write_zeroes range = { .sector = 8, .num_sectors = 8 };
    g_autofree uint8_t *data = g_malloc(65536), *zeros = g_malloc0(65536);
    uint64_t before;

    memset(data, 0xaa, 65536);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_OUT, 0, data, 65536, false), 0);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_WRITE_ZEROES, 0, &range, sizeof(range), false), 0);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_IN, 0, data, 65536, true), 0);
    ck_assert_mem_eq(data + 4096, zeros, 4096);
    ck_assert_uint_eq(data[4095], 0xaa);
    ck_assert_uint_eq(data[8192], 0xaa);
    before = blocks_of_file();
    range.sector = 0;
    range.num_sectors = 128;
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_DISCARD, 0, &range, sizeof(range), false), 0);
    ck_assert_uint_lt(blocks_of_file(), before);
    range.flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_WRITE_ZEROES, 0, &range, sizeof(range), false), 0);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_DISCARD, 0, &range, sizeof(range), false),
                      VIRTIO_BLK_S_UNSUPP);
    range.flags = 0x80;
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_WRITE_ZEROES, 0, &range, sizeof(range), false),
                      VIRTIO_BLK_S_UNSUPP);
    range = (struct virtio_blk_discard_write_zeroes){ .sector = 2040, .num_sectors = 9 };
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_DISCARD, 0, &range, sizeof(range), false),
                      VIRTIO_BLK_S_IOERR);
    range.num_sectors = UINT32_MAX;
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_WRITE_ZEROES, 0, &range, sizeof(range), false),
                      VIRTIO_BLK_S_IOERR);
    range.num_sectors = 0;
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_DISCARD, 0, &range, sizeof(range), false),
                      VIRTIO_BLK_S_IOERR);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_DISCARD, 0, &range, 4, false),
                      VIRTIO_BLK_S_UNSUPP);
    finish(g);
}
END_TEST

START_TEST(test_config)
{
    struct guest *g = start(NULL, NULL);
    char id[21] = { 0 };

    ck_assert_uint_eq(g->t->config_read(g, 0, 8), DISK_SIZE / 512);
    ck_assert_uint_eq(g->t->config_read(g, 12, 4), 254);
    ck_assert_uint_eq(g->t->config_read(g, 20, 4), 512);
    ck_assert_uint_eq(g->t->config_read(g, 32, 1), 1);
    ck_assert_uint_eq(g->t->config_read(g, 34, 2), 2);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_GET_ID, 0, id, 20, true), 0);
    ck_assert_str_eq(id, "SERIAL-OF-MORE-THAN-");
    g->t->config_write(g, 32, 1, 0); /* the write cache goes off; a reset turns it on */
    ck_assert_uint_eq(g->t->config_read(g, 32, 1), 0);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_OUT, 0, id, 0, false), 0);
    guest_start(g, ALL, 2);
    ck_assert_uint_eq(g->t->config_read(g, 32, 1), 1);
    finish(g);
}
END_TEST

START_TEST(test_resize)
{
    struct guest *g = start(NULL, NULL);
    uint8_t data[512] = { 0 }, generation = g->t->get_generation(g);

    g->t->config_interrupt(g);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_IN, 4095, data, 512, true), VIRTIO_BLK_S_IOERR);
    OK(vemu_vm_resize_block(g->vm, "disk", 2 * DISK_SIZE, &err));
    ck_assert(g->t->config_interrupt(g));
    ck_assert_uint_ne(g->t->get_generation(g), generation);
    ck_assert_uint_eq(g->t->config_read(g, 0, 8), 2 * DISK_SIZE / 512);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_IN, 4095, data, 512, true), 0);
    FAILS(vemu_vm_resize_block(g->vm, "disk", 100, &err), EINVAL, "multiple");
    FAILS(vemu_vm_resize_block(g->vm, "none", 512, &err), ENOENT, "'none'");
    finish(g);
}
END_TEST

START_TEST(test_read_only)
{
    struct guest *g = start("read-only", "on");
    uint8_t data[512] = { 0 };

    ck_assert(g->features & 1ull << VIRTIO_BLK_F_RO);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_IN, 0, data, 512, true), 0);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_OUT, 0, data, 512, false), VIRTIO_BLK_S_IOERR);
    FAILS(vemu_vm_resize_block(g->vm, "disk", 512, &err), EROFS, "read-only");
    finish(g);
}
END_TEST

/* A reset with requests under way: afterwards nobody writes to guest memory any more. */
/* An assertion for each byte takes its time. */
static bool all_bytes_are(const uint8_t *bytes, uint8_t value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

START_TEST(test_reset_under_way)
{
    struct guest *g;
    uint64_t header, data;

    make_disk(DISK_SIZE);
    g = start_on(kinds[_i], NULL, NULL);
    for (unsigned round = 0; round < 30; round++) {
        uint64_t heap = g->heap;

        header = guest_alloc(g, 16, 8);
        data = guest_alloc(g, 65536, 4096);
        memset(guest_ptr(g, header), 0, 16);
        for (unsigned i = 0; i < 40; i++) {
            const struct guest_buffer b[] = { { header, 16, false }, { data, 65535, true },
                                              { data + 65535, 1, true } };
            const struct guest_buffer good[] = { { header, 16, false }, { data, 32768, true },
                                                 { data + 65535, 1, true } };

            guest_add(g, &g->queues[i & 1], i % 5 ? good : b, 3);
        }
        g->t->notify(g, 0);
        g->t->notify(g, 1);
        if (round & 1)
            g->t->queue_reset(g, 0);
        g->t->set_status(g, 0);
        memset(guest_ptr(g, data), 0x77, 65536);
        g_usleep(500);
        ck_assert(all_bytes_are(guest_ptr(g, data), 0x77, 65536));
        g->heap = heap;
        guest_start(g, ALL, 2);
    }
    finish(g);
}
END_TEST

START_TEST(test_nodes)
{
    struct vemu_vm *vm = guest_vm();
    const struct vemu_property file[] = { { "filename", path } };
    const struct vemu_property window[] = { { "file", "f" }, { "offset", "512" },
                                            { "size", "1024" } };
    const struct vemu_property beyond[] = { { "file", "f" }, { "offset", "1M" },
                                            { "size", "512" } };
    const struct vemu_property drive[] = { { "drive", "w" } };
    struct guest *g;
    uint8_t data[1024];
    int fd;

    make_disk(DISK_SIZE);
    FAILS(vemu_vm_add_block(vm, "vhd17", "x", NULL, 0, &err), EINVAL, "'vhd17'");
    FAILS(vemu_vm_add_block(vm, "file", "x", NULL, 0, &err), EINVAL, "filename");
    FAILS(vemu_vm_add_block(vm, "file", "1x", file, 1, &err), EINVAL, "1x");
    OK(vemu_vm_add_block(vm, "file", "f", file, 1, &err));
    FAILS(vemu_vm_add_block(vm, "file", "f", file, 1, &err), EEXIST, "'f'");
    FAILS(vemu_vm_add_block(vm, "raw", "w", beyond, 3, &err), EINVAL, "window");
    OK(vemu_vm_add_block(vm, "raw", "w", window, 3, &err));
    FAILS(vemu_vm_add_device(vm, "virtio-blk", NULL, file, 1, &err), EINVAL, "filename");
    FAILS(vemu_vm_add_device(vm, "virtio-blk", NULL, &(struct vemu_property){ "drive", "y" }, 1,
                             &err), ENOENT, "'y'");
    OK(vemu_vm_add_device(vm, "virtio-blk", NULL, drive, 1, &err)); /* the name without suffix */
    vemu_vm_unref(vm);

    vm = guest_vm();
    OK(vemu_vm_add_block(vm, "file", "f", file, 1, &err));
    OK(vemu_vm_add_block(vm, "raw", "w", window, 3, &err));
    g = guest_attach(vm, "virtio-blk", "drive", "w", NULL);
    guest_start(g, ALL, 1);
    ck_assert_uint_eq(g->t->config_read(g, 0, 8), 2);
    memset(data, 0x33, sizeof(data));
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_OUT, 0, data, 1024, false), 0);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_OUT, 1, data, 1024, false), VIRTIO_BLK_S_IOERR);
    FAILS(vemu_vm_resize_block(vm, "f", 512, &err), EBUSY, "'f'");
    fd = open(path, O_RDONLY);
    ck_assert_int_eq(pread(fd, data, 1024, 0), 1024);
    ck_assert_uint_eq(data[511], 0);
    ck_assert_uint_eq(data[512], 0x33);
    close(fd);
    finish(g);
}
END_TEST

/* Two devices on one node: the second is refused. */
START_TEST(test_in_use)
{
    struct vemu_vm *vm = guest_vm();
    const struct vemu_property file[] = { { "filename", path } }, drive[] = { { "drive", "f" } };

    make_disk(DISK_SIZE);
    OK(vemu_vm_add_block(vm, "file", "f", file, 1, &err));
    OK(vemu_vm_add_device(vm, "virtio-blk", "a", drive, 1, &err));
    OK(vemu_vm_add_device(vm, "virtio-blk", "b", drive, 1, &err));
    FAILS(vemu_vm_realize(vm, &err), EBUSY, "'a'");
    vemu_vm_unref(vm);
    unlink(path);
}
END_TEST

/* A file whose size is no multiple of a sector: the rest reads as zeros. */
START_TEST(test_odd_size)
{
    struct guest *g;
    uint8_t data[512];
    int fd;

    make_disk(1000);
    fd = open(path, O_WRONLY);
    memset(data, 0x44, sizeof(data));
    ck_assert_int_eq(pwrite(fd, data, 488, 512), 488);
    close(fd);
    g = start_on("auto", NULL, NULL);
    ck_assert_uint_eq(g->t->config_read(g, 0, 8), 2);
    ck_assert_uint_eq(request(g, 0, VIRTIO_BLK_T_IN, 1, data, 512, true), 0);
    ck_assert_uint_eq(data[487], 0x44);
    ck_assert_uint_eq(data[488], 0);
    finish(g);
}
END_TEST

int main(void)
{
    const TTest *const looped[] = { test_data, test_depth, test_reset_under_way };
    const TTest *const tests[] = { test_framing, test_errors, test_ranges, test_config,
                                   test_resize, test_read_only, test_nodes, test_in_use,
                                   test_odd_size };
    Suite *suite = suite_create("virtio-blk");
    TCase *tcase = tcase_create("disks");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < G_N_ELEMENTS(looped); i++)
        tcase_add_loop_test(tcase, looped[i], 0, G_N_ELEMENTS(kinds));
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
