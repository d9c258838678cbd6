/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-mem: blocks come and go, requests that must fail, and memory that is not plugged.
 */
#include <check.h>
#include <linux/virtio_mem.h>
#include <string.h>

#include <vemu/object.h>

#include "../core/test-main.h"
#include "devices/virtio-mem/mem.h"
#include "guest.h"

#define MIB     (1ull << 20)
#define BLOCK   (2 * MIB)
#define SIZE    (64 * MIB)
#define BASE    GUEST_DEVICE_MEMORY
#define FEATURE (1ull << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE)
#define ERROR   VIRTIO_MEM_RESP_ERROR
#define ACK     VIRTIO_MEM_RESP_ACK
#define NACK    VIRTIO_MEM_RESP_NACK

static struct guest *start(const char *backend)
{
    static const struct vemu_property props[] = { { "size", "64M" } };
    struct vemu_vm *vm = guest_vm();
    struct guest *g;

    OK(vemu_vm_add_object(vm, backend, "m", props, 1, &err));
    g = guest_attach(vm, "virtio-mem", "memdev", "m", "requested-size", "8M", NULL);
    guest_start(g, FEATURE, 1);
    return g;
}

static struct virtio_mem_resp request(struct guest *g, uint16_t type, uint64_t addr, uint16_t count)
{
    const struct guest_buffer b[2] = {
        { 0x1000, sizeof(struct virtio_mem_req), false },
        { 0x2000, sizeof(struct virtio_mem_resp), true },
    };
    struct virtio_mem_req *req = guest_ptr(g, b[0].gpa);

    memset(req, 0, sizeof(*req));
    req->type = type;
    req->u.plug.addr = addr;
    req->u.plug.nb_blocks = count;
    ck_assert_uint_eq(guest_request(g, &g->queues[0], b, 2), sizeof(struct virtio_mem_resp));
    return *(struct virtio_mem_resp *)guest_ptr(g, b[1].gpa);
}

static uint16_t state(struct guest *g, uint64_t addr, uint16_t count)
{
    struct virtio_mem_resp resp = request(g, VIRTIO_MEM_REQ_STATE, addr, count);

    ck_assert_uint_eq(resp.type, ACK);
    return resp.u.state.state;
}

static uint64_t config(struct guest *g, size_t offset)
{
    return g->t->config_read(g, (unsigned)offset, 8);
}
#define CONFIG(g, field) config(g, offsetof(struct virtio_mem_config, field))

static uint64_t load(struct guest *g, uint64_t gpa)
{
    return vemu__memory_read(g->vm->memory, VEMU_SPACE_MEMORY, gpa, 8);
}

static void store(struct guest *g, uint64_t gpa, uint64_t value)
{
    vemu__memory_write(g->vm->memory, VEMU_SPACE_MEMORY, gpa, 8, value);
}

static void plug_and_unplug(const char *backend)
{
    struct guest *g = start(backend);
    uint64_t value;

    ck_assert_uint_eq(CONFIG(g, block_size), BLOCK);
    ck_assert_uint_eq(CONFIG(g, addr), BASE);
    ck_assert_uint_eq(CONFIG(g, region_size), SIZE);
    ck_assert_uint_eq(CONFIG(g, usable_region_size), SIZE);
    ck_assert_uint_eq(CONFIG(g, requested_size), 8 * MIB);
    ck_assert_uint_eq(CONFIG(g, plugged_size), 0);
    ck_assert_uint_eq(load(g, BASE), UINT64_MAX);

    ck_assert_uint_eq(request(g, VIRTIO_MEM_REQ_PLUG, BASE + BLOCK, 2).type, ACK);
    ck_assert_uint_eq(CONFIG(g, plugged_size), 2 * BLOCK);
    ck_assert_uint_eq(load(g, BASE), UINT64_MAX);
    ck_assert_uint_eq(load(g, BASE + BLOCK), 0);
    ck_assert_uint_eq(load(g, BASE + 3 * BLOCK), UINT64_MAX);
    store(g, BASE + 2 * BLOCK - 4, 0x1122334455667788); /* over the edge of a block */
    store(g, BASE + 2 * BLOCK + 8, 0x99);
    ck_assert_uint_eq(load(g, BASE + 2 * BLOCK - 4), 0x1122334455667788);
    ck_assert_uint_eq(state(g, BASE + BLOCK, 2), VIRTIO_MEM_STATE_PLUGGED);
    ck_assert_uint_eq(state(g, BASE, 2), VIRTIO_MEM_STATE_MIXED);
    ck_assert_uint_eq(state(g, BASE + 3 * BLOCK, 1), VIRTIO_MEM_STATE_UNPLUGGED);

    ck_assert_uint_eq(request(g, VIRTIO_MEM_REQ_UNPLUG, BASE + 2 * BLOCK, 1).type, ACK);
    ck_assert_uint_eq(load(g, BASE + 2 * BLOCK + 8), UINT64_MAX);
    ck_assert_int_eq(vemu_dma_read(g->vm, BASE + 2 * BLOCK, &value, 8), -EFAULT);
    ck_assert_uint_eq(load(g, BASE + 2 * BLOCK - 4) & UINT32_MAX, 0x55667788);
    ck_assert_uint_eq(request(g, VIRTIO_MEM_REQ_PLUG, BASE + 2 * BLOCK, 1).type, ACK);
    ck_assert_uint_eq(load(g, BASE + 2 * BLOCK + 8), 0); /* it forgot */
    ck_assert_uint_eq(request(g, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0).type, ACK);
    ck_assert_uint_eq(CONFIG(g, plugged_size), 0);
    ck_assert_uint_eq(load(g, BASE + BLOCK), UINT64_MAX);
    ck_assert(!guest_broken(g));
    guest_free(g);
}

START_TEST(test_blocks)
{
    plug_and_unplug("memory-backend-ram");
}
END_TEST

START_TEST(test_memfd)
{
    plug_and_unplug("memory-backend-memfd");
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        uint16_t type;
        uint64_t addr;
        uint16_t count, answer;
    } rows[] = {
        { VIRTIO_MEM_REQ_PLUG, BASE, 0, ERROR },
        { VIRTIO_MEM_REQ_PLUG, BASE + 1, 1, ERROR },
        { VIRTIO_MEM_REQ_PLUG, BASE - BLOCK, 1, ERROR },
        { VIRTIO_MEM_REQ_PLUG, BASE + SIZE, 1, ERROR },
        { VIRTIO_MEM_REQ_PLUG, BASE + SIZE - BLOCK, 2, ERROR },
        { VIRTIO_MEM_REQ_PLUG, BASE, 0xffff, ERROR },
        { VIRTIO_MEM_REQ_PLUG, UINT64_MAX & ~(BLOCK - 1), 0xffff, ERROR },
        { VIRTIO_MEM_REQ_PLUG, 0, 1, ERROR },
        { VIRTIO_MEM_REQ_PLUG, BASE, 5, NACK }, /* more than requested */
        { VIRTIO_MEM_REQ_UNPLUG, BASE, 1, ERROR },
        { VIRTIO_MEM_REQ_PLUG, BASE, 4, ACK },
        { VIRTIO_MEM_REQ_PLUG, BASE, 1, ERROR },
        { VIRTIO_MEM_REQ_PLUG, BASE + 4 * BLOCK, 1, NACK },
        { VIRTIO_MEM_REQ_UNPLUG, BASE, 5, ERROR },
        { VIRTIO_MEM_REQ_STATE, BASE, 33, ERROR },
        { 4, BASE, 1, ERROR },
        { 0xffff, BASE, 1, ERROR },
        { VIRTIO_MEM_REQ_UNPLUG, BASE, 4, ACK },
    };
    struct guest *g = start("memory-backend-ram");

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        ck_assert_msg(request(g, rows[i].type, rows[i].addr, rows[i].count).type == rows[i].answer,
                      "row %zu", i);
    ck_assert_uint_eq(CONFIG(g, plugged_size), 0);
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

/* A request or an answer that does not fit. */
START_TEST(test_short)
{
    const struct guest_buffer b[2] = { { 0x1000, _i ? 24 : 23, false }, { 0x2000, 9, true } };
    struct guest *g = start("memory-backend-ram");

    guest_add(g, &g->queues[0], b, 2);
    g->t->notify(g, 0);
    ck_assert(guest_broken(g));
    guest_free(g);
}
END_TEST

/* A driver that would read what is not plugged is not for this device. */
START_TEST(test_features)
{
    struct guest *g = start("memory-backend-ram");

    ck_assert(!guest_negotiate(g, 0));
    ck_assert(guest_negotiate(g, FEATURE));
    guest_free(g);
}
END_TEST

START_TEST(test_requested)
{
    struct guest *g = start("memory-backend-ram");
    OK(vemu__virtio_mem_set_requested(g->dev, 4 * MIB, &err));
    ck_assert(g->t->config_interrupt(g));
    ck_assert_uint_eq(CONFIG(g, requested_size), 4 * MIB);
    ck_assert_uint_eq(request(g, VIRTIO_MEM_REQ_PLUG, BASE, 3).type, NACK);
    ck_assert_uint_eq(request(g, VIRTIO_MEM_REQ_PLUG, BASE, 2).type, ACK);
    OK(vemu__virtio_mem_set_requested(g->dev, 0, &err)); /* the driver takes its time */
    ck_assert_uint_eq(CONFIG(g, plugged_size), 4 * MIB);
    FAILS(vemu__virtio_mem_set_requested(g->dev, 1, &err), EINVAL, "block size");
    FAILS(vemu__virtio_mem_set_requested(g->dev, SIZE + BLOCK, &err), EINVAL, "is more than");

    g->t->set_status(g, 0); /* the device's reset keeps the memory */
    ck_assert_uint_eq(vemu__virtio_mem_get_size(g->dev), 4 * MIB);
    ck_assert_uint_eq(load(g, BASE), 0);
    OK(vemu_vm_start(g->vm, &err));
    OK(vemu_vm_reset(g->vm, &err)); /* the machine's does not */
    ck_assert_uint_eq(vemu__virtio_mem_get_size(g->dev), 0);
    ck_assert_uint_eq(load(g, BASE), UINT64_MAX);
    guest_free(g);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("virtio-mem");
    TCase *tcase = tcase_create("mem");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_blocks);
    tcase_add_test(tcase, test_memfd);
    tcase_add_test(tcase, test_refused);
    tcase_add_loop_test(tcase, test_short, 0, 2);
    tcase_add_test(tcase, test_features);
    tcase_add_test(tcase, test_requested);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
