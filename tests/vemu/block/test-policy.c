/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of requests that fail: reported, ignored, held until the machine goes on.
 */
#include "user.h"

#include <vemu/block.h>

static struct vemu_vm *vm;
static struct user user;
static uint8_t data[4096];

/* A running machine with a node that fails as the rules say. */
static void begin(const char *rules, const char *node_werror, const char *rerror,
                  const char *werror)
{
    const struct vemu_property props[] = {
        { "file.driver", "raw" },
        { "file.filename", user_file(1u << 20) },
        { "inject-error", rules },
        { "werror", node_werror ? node_werror : "auto" },
    };

    vm = fake_vm(NULL);
    ck_assert_int_ge(vemu_vm_get_event_fd(vm), 0); /* events are kept from now on */
    OK(vemu_vm_add_block(vm, "blkdebug", "d", props, 4, &err));
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    user_attach(&user, vm, "d", rerror, werror);
}

static void end(void)
{
    user_detach(&user);
    vemu_vm_unref(vm);
    user_remove_file();
}

START_TEST(test_report)
{
    begin("write errno=EIO count=1; read count=1; flush count=1", NULL, NULL, NULL);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_WRITE, 0, data, 512), -EIO);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_READ, 0, data, 512), -EIO);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_FLUSH, 0, NULL, 0), -EIO);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_WRITE, 0, data, 512), 0);
    fake_sync(vm);
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_RUNNING);
    end();
}
END_TEST

START_TEST(test_ignore)
{
    struct vemu_block_stats stats;

    begin("any errno=EIO count=2", NULL, "ignore", "ignore");
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_WRITE, 0, data, 512), 0);
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_READ, 0, data, 512), 0);
    vemu__block_get_stats(user.block, &stats);
    ck_assert_uint_eq(stats.errors[VEMU_BLOCK_WRITE], 0);
    end();
}
END_TEST

/* No space: the machine stops, somebody makes room, it goes on, and the guest has seen nothing. */
START_TEST(test_enospc)
{
    struct request write, read;

    begin("write errno=ENOSPC count=1", NULL, NULL, NULL);
    memset(data, 0x55, sizeof(data));
    user_start(&user, &write, VEMU_BLOCK_WRITE, 4096, data, 4096, 0);
    ck_assert_int_eq(vemu_vm_wait(vm, 1u << VEMU_VM_PAUSED, 5000), VEMU_VM_PAUSED);
    ck_assert(vm->io_stopped);
    ck_assert_int_eq(user.block->io_error, -ENOSPC);
    ck_assert(!atomic_load(&write.is_done));
    /* what is not held goes on */
    user_start(&user, &read, VEMU_BLOCK_READ, 65536, data, 512, 0);
    fake_until(atomic_load(&read.is_done));
    ck_assert(!atomic_load(&write.is_done));
    memset(data, 0x55, sizeof(data));
    OK(vemu_vm_resume(vm, &err));
    fake_until(atomic_load(&write.is_done));
    ck_assert_int_eq(write.result, 0);
    ck_assert(!vm->io_stopped);
    ck_assert_int_eq(user.block->io_error, 0);
    memset(data, 0, sizeof(data));
    ck_assert_int_eq(user_do(&user, VEMU_BLOCK_READ, 4096, data, 4096), 0);
    ck_assert_int_eq(data[0], 0x55);
    ck_assert_int_eq(data[4095], 0x55);
    end();
}
END_TEST

/* It fails again: the machine stops again, as often as that happens. */
START_TEST(test_again)
{
    struct request request;

    begin("read errno=EIO count=3", NULL, "stop", NULL);
    user_start(&user, &request, VEMU_BLOCK_READ, 0, data, 512, 0);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(vemu_vm_wait(vm, 1u << VEMU_VM_PAUSED, 5000), VEMU_VM_PAUSED);
        ck_assert(!atomic_load(&request.is_done));
        OK(vemu_vm_resume(vm, &err));
    }
    fake_until(atomic_load(&request.is_done));
    ck_assert_int_eq(request.result, 0);
    end();
}
END_TEST

/* A reset of the device takes back what is held: it fails. */
START_TEST(test_drain)
{
    struct request request;

    begin("write errno=ENOSPC", "stop", NULL, NULL);
    user_start(&user, &request, VEMU_BLOCK_WRITE, 0, data, 512, 0);
    ck_assert_int_eq(vemu_vm_wait(vm, 1u << VEMU_VM_PAUSED, 5000), VEMU_VM_PAUSED);
    pthread_mutex_lock(&user.lock);
    vemu__block_pause(user.block);
    ck_assert(!atomic_load(&request.is_done));
    vemu__block_drain(user.block);
    pthread_mutex_unlock(&user.lock);
    ck_assert(atomic_load(&request.is_done));
    ck_assert_int_eq(request.result, -ENOSPC);
    end();
}
END_TEST

static int count_errors(const struct vemu_event *event, unsigned *stops, uint64_t *value)
{
    if (event->type == VEMU_EVENT_PAUSED)
        ++*stops;
    if (event->type == VEMU_EVENT_BLOCK_ERROR)
        *value = event->value;
    return event->type;
}

START_TEST(test_events)
{
    struct vemu_event event = { .size = sizeof(event) };
    struct request request;
    unsigned stops = 0;
    uint64_t value = 0;

    begin("write errno=ENOSPC count=1", NULL, NULL, NULL);
    user_start(&user, &request, VEMU_BLOCK_WRITE, 0, data, 512, 0);
    ck_assert_int_eq(vemu_vm_wait(vm, 1u << VEMU_VM_PAUSED, 5000), VEMU_VM_PAUSED);
    fake_sync(vm);
    while (vemu_vm_next_event(vm, &event) > 0)
        count_errors(&event, &stops, &value);
    ck_assert_uint_eq(stops, 1);
    ck_assert_uint_eq(value, 1 | 2 | ENOSPC << 8);
    OK(vemu_vm_resume(vm, &err));
    end();
}
END_TEST

START_TEST(test_words)
{
    const struct vemu_property bad[] = { { "filename", user_file(4096) }, { "rerror", "enospc" } };
    const struct vemu_property good[] = { { "filename", user_file(4096) } };
    struct vemu_block_user other = { .name = "other", .werror = "panic" };
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    vm = fake_vm(NULL);
    FAILS(vemu_vm_add_block(vm, "file", "f", bad, 2, &err), EINVAL, "rerror");
    OK(vemu_vm_add_block(vm, "file", "f", good, 1, &err));
    FAILS(vemu__block_attach(vemu__vm_find_block(vm, "f"), &other, NULL, &lock, false, &err),
          EINVAL, "panic");
    vemu_vm_unref(vm);
    user_remove_file();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_report, test_ignore, test_enospc, test_again,
                                   test_drain,  test_events, test_words,  NULL };

    return run_tests("block-policy", tests);
}
