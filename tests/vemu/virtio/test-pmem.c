/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-pmem: a file as memory, flushes one by one, many at once, and those under way at a reset.
 */
#include <check.h>
#include <fcntl.h>
#include <linux/virtio_pmem.h>
#include <string.h>
#include <unistd.h>

#include <vemu/object.h>

#include "../core/test-main.h"
#include "guest.h"

#define SIZE (2u << 20)
#define BASE GUEST_DEVICE_MEMORY
#define REQ  0x1000u
#define RESP 0x2000u

static char path[] = "/tmp/test-pmem-XXXXXX";

static struct guest *start(void)
{
    const struct vemu_property props[] = { { "mem-path", path },
                                           { "size", "2M" },
                                           { "share", "on" } };
    struct vemu_vm *vm = guest_vm();
    struct guest *g;

    strcpy(path, "/tmp/test-pmem-XXXXXX");
    close(mkstemp(path));
    OK(vemu_vm_add_object(vm, "memory-backend-file", "m", props, 3, &err));
    g = guest_attach(vm, "virtio-pmem", "memdev", "m", NULL);
    guest_start(g, 0, 1);
    return g;
}

static void stop(struct guest *g)
{
    guest_free(g);
    unlink(path);
}

static const struct guest_buffer buffers[2] = { { REQ, 4, false }, { RESP, 4, true } };

static uint32_t flush(struct guest *g, uint32_t type)
{
    uint32_t *resp = guest_ptr(g, RESP);

    *(uint32_t *)guest_ptr(g, REQ) = type;
    *resp = 0x55;
    ck_assert_uint_eq(guest_request(g, &g->queues[0], buffers, 2), 4);
    return *resp;
}

START_TEST(test_flush)
{
    struct guest *g = start();
    char text[8] = "";
    int fd;

    ck_assert_uint_eq(g->t->config_read(g, 0, 8), BASE);
    ck_assert_uint_eq(g->t->config_read(g, 8, 8), SIZE);
    ck_assert_int_eq(vemu_dma_write(g->vm, BASE + 4096, "written", 8), 0);
    ck_assert_uint_eq(flush(g, VIRTIO_PMEM_REQ_TYPE_FLUSH), 0);
    fd = open(path, O_RDONLY);
    ck_assert_int_eq(pread(fd, text, 8, 4096), 8);
    close(fd);
    ck_assert_str_eq(text, "written");
    ck_assert_uint_eq(flush(g, 1), 1); /* nothing that is known */
    ck_assert_uint_eq(flush(g, UINT32_MAX), 1);
    ck_assert(!guest_broken(g));
    stop(g);
}
END_TEST

START_TEST(test_many)
{
    struct guest *g = start();
    uint32_t len;

    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 16; i++)
            guest_add(g, &g->queues[0], buffers, 2);
        g->t->notify(g, 0);
        if (round % 5 == 4) { /* while they are under way */
            g->t->set_status(g, 0);
            guest_start(g, 0, 1);
            continue;
        }
        for (unsigned i = 0; i < 16; i++)
            ck_assert_int_ge(guest_wait(g, &g->queues[0], &len), 0);
    }
    OK(vemu_vm_start(g->vm, &err));
    for (unsigned i = 0; i < 16; i++)
        guest_add(g, &g->queues[0], buffers, 2);
    g->t->notify(g, 0);
    OK(vemu_vm_pause(g->vm, &err)); /* all are answered then */
    for (unsigned i = 0; i < 16; i++)
        ck_assert_int_ge(guest_take(g, &g->queues[0], &len), 0);
    ck_assert(!guest_broken(g));
    stop(g);
}
END_TEST

START_TEST(test_short)
{
    const struct guest_buffer b[2] = { { REQ, _i ? 4 : 3, false }, { RESP, 3, true } };
    struct guest *g = start();

    guest_add(g, &g->queues[0], b, 2);
    g->t->notify(g, 0);
    ck_assert(guest_broken(g));
    stop(g);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("virtio-pmem");
    TCase *tcase = tcase_create("pmem");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_flush);
    tcase_add_test(tcase, test_many);
    tcase_add_loop_test(tcase, test_short, 0, 2);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
