/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many requests at a time on one node: every format and both engines, against a copy in memory.
 */
#include "user.h"

#include <vemu/block.h>

#define SIZE  (4u << 20)
#define SLOT  (64u << 10) /* requests that are under way together are in slots of their own */
#define SLOTS (SIZE / SLOT)
#define DEPTH 32
#define STEPS 3000

struct slot {
    struct request request;
    bool is_busy;
    uint32_t offset, bytes; /* within the slot */
    uint8_t data[SLOT];
};

static struct slot slots[SLOTS];
static uint8_t copy[SIZE];
static uint32_t seed;

static uint32_t any(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

static void finish(unsigned n)
{
    struct slot *slot = &slots[n];
    uint8_t *at = copy + n * SLOT + slot->offset;

    fake_until(atomic_load(&slot->request.is_done));
    ck_assert_int_eq(slot->request.result, 0);
    if (slot->request.req.op == VEMU_BLOCK_READ)
        ck_assert_mem_eq(slot->data, at, slot->bytes);
    else if (slot->request.req.op == VEMU_BLOCK_WRITE)
        memcpy(at, slot->data, slot->bytes);
    else if (slot->request.req.op == VEMU_BLOCK_ZERO)
        memset(at, 0, slot->bytes);
    slot->is_busy = false;
}

static void begin(struct user *user, unsigned n)
{
    static const enum vemu_block_op ops[] = { VEMU_BLOCK_READ,  VEMU_BLOCK_READ, VEMU_BLOCK_WRITE,
                                              VEMU_BLOCK_WRITE, VEMU_BLOCK_ZERO, VEMU_BLOCK_FLUSH };
    struct slot *slot = &slots[n];
    enum vemu_block_op op = ops[any(G_N_ELEMENTS(ops))];

    slot->offset = any(SLOT / 512) * 512;
    slot->bytes = (1 + any((SLOT - slot->offset) / 512)) * 512;
    if (any(4) == 0) { /* a whole slot, and more of the next cluster's neighbours */
        slot->offset = 0;
        slot->bytes = SLOT;
    }
    memset(slot->data, op == VEMU_BLOCK_WRITE ? (int)any(256) : 0xee, slot->bytes);
    slot->is_busy = true;
    user_start(user, &slot->request, op, n * SLOT + slot->offset,
               op == VEMU_BLOCK_FLUSH ? NULL : slot->data, op == VEMU_BLOCK_FLUSH ? 0 : slot->bytes,
               any(8) ? 0 : VEMU_BLOCK_FUA);
}

static void check_node(struct vemu_vm *vm)
{
    struct user user;
    unsigned busy = 0;

    memset(slots, 0, sizeof(slots));
    memset(copy, 0, sizeof(copy));
    user_attach(&user, vm, "d", NULL, NULL);
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned n = any(SLOTS);

        if (slots[n].is_busy) {
            finish(n);
            busy--;
        } else if (busy < DEPTH) {
            begin(&user, n);
            busy++;
        }
        if (i % 500 == 499) {
            pthread_mutex_lock(&user.lock);
            vemu__block_drain(user.block);
            pthread_mutex_unlock(&user.lock);
            for (n = 0; n < SLOTS; n++)
                ck_assert(!slots[n].is_busy || atomic_load(&slots[n].request.is_done));
        }
    }
    for (unsigned n = 0; n < SLOTS; n++)
        if (slots[n].is_busy)
            finish(n);
    for (unsigned n = 0; n < SLOTS; n++) {
        ck_assert_int_eq(user_do(&user, VEMU_BLOCK_READ, n * SLOT, slots[n].data, SLOT), 0);
        ck_assert_mem_eq(slots[n].data, copy + n * SLOT, SLOT);
    }
    user_detach(&user);
    OK(vemu_vm_remove_block(vm, "d", &err));
}

static const char *const engines[] = { "auto", "threads" };
static const char *const formats[] = { "raw", "qcow2" };

START_TEST(test_formats)
{
    const char *format = formats[_i / 2], *path = user_file(0);
    struct vemu_vm *vm = fake_vm(NULL);
    const struct vemu_property props[] = { { "filename", path },
                                           { "aio", engines[_i % 2] },
                                           { "discard", "unmap" } };

    seed = (uint32_t)_i + 1;
    OK(vemu_image_create(path, format, SIZE, NULL, 0, NULL, &err));
    OK(vemu_vm_add_block(vm, format, "d", props, 3, &err));
    check_node(vm);
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

/* With a filter above it that copies, and a backing image of zeros. */
START_TEST(test_copying)
{
    const char *path = user_file(0);
    g_autofree char *base = g_strdup_printf("%s.base", path);
    const struct vemu_property create[] = { { "backing_file", base }, { "backing_fmt", "raw" } };
    const struct vemu_property props[] = { { "file.driver", "qcow2" }, { "file.filename", path } };
    struct vemu_vm *vm = fake_vm(NULL);

    seed = 99;
    OK(vemu_image_create(base, "raw", SIZE, &(struct vemu_property){ "preallocation", "full" }, 1,
                         NULL, &err));
    OK(vemu_image_create(path, "qcow2", SIZE, create, 2, NULL, &err));
    OK(vemu_vm_add_block(vm, "copy-on-read", "d", props, 2, &err));
    check_node(vm);
    remove(base);
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("block-depth");
    TCase *tcase = tcase_create("formats");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 100);
    tcase_add_loop_test(tcase, test_formats, 0, 4);
    tcase_add_test(tcase, test_copying);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
