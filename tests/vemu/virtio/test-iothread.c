/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Iothreads: who does the requests, how many threads there are, what the object refuses.
 */
#include <dirent.h>
#include <glib.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_scsi.h>
#include <unistd.h>

#include <vemu/block.h>
#include <vemu/object.h>

#include "../core/test-main.h"
#include "core/iothread.h"
#include "guest.h"

#define DISK_SIZE (1u << 20)
#define ALL       (~0ull & ~VEMU_VIRTIO_F_RING_PACKED & ~VEMU_VIRTIO_F_IN_ORDER)
#define REQUESTS  50u

/* Threads of this process whose names begin so. */
static unsigned threads_named(const char *prefix)
{
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    unsigned count = 0;

    ck_assert(dir);
    while ((entry = readdir(dir)) != NULL) {
        g_autofree char *path = g_strdup_printf("/proc/self/task/%s/comm", entry->d_name);
        g_autofree char *name = NULL;

        count += *entry->d_name != '.' && g_file_get_contents(path, &name, NULL, NULL) &&
                 g_str_has_prefix(name, prefix);
    }
    closedir(dir);
    return count;
}

/*
 * The same once there are @count of them: a thread names itself when it first runs, which may be
 * after the call that made it, and leaves the list after the call that waited for its end.
 */
static unsigned threads_awaited(const char *prefix, unsigned count)
{
    unsigned seen = threads_named(prefix);

    for (unsigned i = 0; i < 5000 && seen != count; i++) {
        g_usleep(1000);
        seen = threads_named(prefix);
    }
    return seen;
}

static struct vemu_iothread_info info_of(struct vemu_vm *vm, const char *id)
{
    struct vemu_iothread *iothread = vemu__vm_find_iothread(vm, id);
    struct vemu_iothread_info info;

    ck_assert(iothread);
    vemu__iothread_get_info(iothread, &info);
    return info;
}

/* How often the thread went to sleep by itself. */
static unsigned long sleeps_of(struct vemu_vm *vm, const char *id)
{
    g_autofree char *path =
        g_strdup_printf("/proc/self/task/%d/status", info_of(vm, id).thread_id);
    g_autofree char *text = NULL;
    const char *line;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    line = strstr(text, "\nvoluntary_ctxt_switches:");
    ck_assert(line);
    return strtoul(strchr(line, ':') + 1, NULL, 10);
}

static void add_disk(struct vemu_vm *vm, const char *id, const char *aio)
{
    const struct vemu_property props[] = { { "size", "1M" }, { "read-zeroes", "on" },
                                           { "aio", aio } };

    OK(vemu_vm_add_block(vm, "null-co", id, props, 3, &err));
}

static void add_iothread(struct vemu_vm *vm, const char *id, const char *name, const char *value)
{
    const struct vemu_property props[] = { { "poll-max-ns", "0" }, { name, value } };

    OK(vemu_vm_add_object(vm, "iothread", id, props, name ? 2 : 1, &err));
}

static void read_sectors(struct guest *g, struct guest_queue *q, unsigned count)
{
    uint64_t heap = g->heap, header = guest_alloc(g, 16, 8), data = guest_alloc(g, 513, 512);
    const struct guest_buffer b[] = { { header, 16, false }, { data, 512, true },
                                      { data + 512, 1, true } };

    memset(guest_ptr(g, header), 0, 16);
    for (unsigned i = 0; i < count; i++) {
        memset(guest_ptr(g, data), 0xff, 513);
        ck_assert_uint_eq(guest_request(g, q, b, 3), 513);
        ck_assert_uint_eq(((uint8_t *)guest_ptr(g, data))[0], 0);
        ck_assert_uint_eq(((uint8_t *)guest_ptr(g, data))[512], VIRTIO_BLK_S_OK);
    }
    g->heap = heap;
}

/* The thread sleeps once for each request at least: it is woken up for the doorbell. */
START_TEST(test_who)
{
    struct vemu_vm *vm = guest_vm();
    unsigned long before;
    struct guest *g;

    add_disk(vm, "disk", "threads");
    add_iothread(vm, "a", NULL, NULL);
    add_iothread(vm, "b", NULL, NULL);
    ck_assert_int_ne(info_of(vm, "a").thread_id, info_of(vm, "b").thread_id);
    ck_assert_uint_eq(threads_awaited("IO a", 1), 1);
    ck_assert_uint_eq(threads_awaited("IO b", 1), 1);
    g = guest_attach(vm, "virtio-blk", "drive", "disk", "iothread", "a", "num-queues", "1", NULL);
    guest_start(g, ALL, 1);
    before = sleeps_of(vm, "a");
    read_sectors(g, &g->queues[0], REQUESTS);
    ck_assert_uint_ge(sleeps_of(vm, "a") - before, REQUESTS);
    ck_assert_uint_le(sleeps_of(vm, "b"), 2);
    ck_assert_uint_eq(threads_named("io-disk"), 0);
    ck_assert_uint_eq(threads_awaited("work-disk", 1), 1);
    FAILS(vemu_vm_remove_object(vm, "a", &err), EBUSY, "in use by");
    OK(vemu_vm_remove_object(vm, "b", &err));
    ck_assert_uint_eq(threads_awaited("IO b", 0), 0);
    guest_free(g);
    ck_assert_uint_eq(threads_awaited("IO", 0), 0);
}
END_TEST

/* Without one the drive has a thread of its own. */
START_TEST(test_without)
{
    struct vemu_vm *vm = guest_vm();
    struct guest *g;

    add_disk(vm, "disk", "threads");
    g = guest_attach(vm, "virtio-blk", "drive", "disk", "num-queues", "1", NULL);
    guest_start(g, ALL, 1);
    read_sectors(g, &g->queues[0], 1);
    ck_assert_uint_eq(threads_awaited("io-disk", 1), 1);
    ck_assert_uint_eq(threads_awaited("IO", 0), 0);
    guest_free(g);
}
END_TEST

/* Units of an adapter go with it. */
START_TEST(test_scsi)
{
    struct vemu_vm *vm = guest_vm();
    const struct vemu_property adapter[] = { { "iothread", "a" } };
    const struct vemu_property disk[] = { { "drive", "disk" } };
    struct virtio_scsi_cmd_req req = { .lun = { 1, 0, 0x40, 0 }, .cdb = { 0x28, [8] = 1 } };
    struct guest_buffer b[3] = { { .len = 51 }, { .len = 108, .write = true },
                                 { .len = 512, .write = true } };
    unsigned long before;
    struct guest *g;

    add_disk(vm, "disk", "threads");
    add_iothread(vm, "a", NULL, NULL);
    OK(vemu_vm_add_device(vm, "virtio-scsi", "scsi", adapter, 1, &err));
    OK(vemu_vm_add_device(vm, "scsi-hd", "hd", disk, 1, &err));
    g = guest_adopt(vm, "scsi");
    guest_start(g, ALL, 3);
    for (unsigned i = 0; i < 3; i++)
        b[i].gpa = guest_alloc(g, b[i].len, 512);
    vemu_dma_write(vm, b[0].gpa, &req, 51);
    guest_request(g, &g->queues[2], b, 3); /* the unit attention */
    before = sleeps_of(vm, "a");
    memset(guest_ptr(g, b[2].gpa), 0xff, 512);
    for (unsigned i = 0; i < REQUESTS; i++)
        ck_assert_uint_eq(guest_request(g, &g->queues[2], b, 3), 108 + 512);
    ck_assert_uint_eq(((uint8_t *)guest_ptr(g, b[2].gpa))[511], 0);
    ck_assert_uint_ge(sleeps_of(vm, "a") - before, REQUESTS);
    ck_assert_uint_eq(threads_named("io-disk"), 0);
    FAILS(vemu_vm_remove_object(vm, "a", &err), EBUSY, "in use by 'scsi'");
    guest_free(g);
}
END_TEST

/* Worker threads: as many as are wanted at the beginning, and no more than there may be. */
START_TEST(test_workers)
{
    const struct vemu_property three[] = { { "thread-pool-min", "3" }, { "thread-pool-max", "3" } };
    struct vemu_vm *vm = guest_vm();
    struct guest *g;
    uint64_t header, data;

    add_disk(vm, "disk", "threads");
    OK(vemu_vm_add_object(vm, "iothread", "a", three, 2, &err));
    g = guest_attach(vm, "virtio-blk", "drive", "disk", "iothread", "a", "num-queues", "1", NULL);
    guest_start(g, ALL, 1);
    read_sectors(g, &g->queues[0], 1);
    ck_assert_uint_eq(threads_awaited("work-disk", 3), 3);
    guest_free(g);

    vm = guest_vm();
    add_disk(vm, "disk", "threads");
    add_iothread(vm, "a", "thread-pool-max", "2");
    g = guest_attach(vm, "virtio-blk", "drive", "disk", "iothread", "a", "num-queues", "1", NULL);
    guest_start(g, ALL, 1);
    header = guest_alloc(g, 16, 8);
    data = guest_alloc(g, 513 * 64, 512);
    memset(guest_ptr(g, header), 0, 16);
    for (unsigned i = 0; i < 64; i++) {
        const struct guest_buffer b[] = { { header, 16, false }, { data + 513 * i, 513, true } };

        guest_add(g, &g->queues[0], b, 2);
    }
    g->t->notify(g, 0);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t len;

        ck_assert_int_ge(guest_wait(g, &g->queues[0], &len), 0);
        ck_assert_uint_eq(len, 513);
    }
    ck_assert_uint_ge(threads_named("work-disk"), 1);
    ck_assert_uint_le(threads_named("work-disk"), 2);
    guest_free(g);
}
END_TEST

/* Halting waits for what is under way, and what is asked for meanwhile is done afterwards. */
START_TEST(test_pause)
{
    struct vemu_vm *vm = guest_vm();
    struct guest *g;

    add_disk(vm, "disk", "auto");
    add_iothread(vm, "a", "aio-max-batch", "1");
    g = guest_attach(vm, "virtio-blk", "drive", "disk", "iothread", "a", "num-queues", "1", NULL);
    guest_start(g, ALL, 1);
    for (unsigned i = 0; i < 20; i++) {
        pthread_mutex_lock(&g->dev->lock);
        vemu__virtio_pause(g->vdev);
        vemu__virtio_resume(g->vdev);
        pthread_mutex_unlock(&g->dev->lock);
        read_sectors(g, &g->queues[0], 2);
    }
    guest_free(g);
}
END_TEST

static void refuse(struct vemu_vm *vm, const char *name, const char *value, const char *words)
{
    const struct vemu_property prop = { name, value };

    FAILS(vemu_vm_add_object(vm, "iothread", "x", &prop, 1, &err), EINVAL, words);
}

START_TEST(test_refused)
{
    const struct vemu_property none[] = { { "drive", "disk" }, { "iothread", "none" } };
    const struct vemu_property other[] = { { "drive", "disk" }, { "iothread", "mem" } };
    const struct vemu_property memory[] = { { "size", "4096" } };
    struct vemu_vm *vm = guest_vm();

    add_disk(vm, "disk", "auto");
    OK(vemu_vm_add_object(vm, "memory-backend-ram", "mem", memory, 1, &err));
    FAILS(vemu_vm_add_device(vm, "virtio-blk", "d", none, 2, &err), ENOENT, "no iothread 'none'");
    FAILS(vemu_vm_add_device(vm, "virtio-blk", "d", other, 2, &err), ENOENT, "no iothread 'mem'");
    FAILS(vemu_vm_add_device(vm, "virtio-rng", "d", none + 1, 1, &err), EINVAL, "'iothread'");
    refuse(vm, "poll-max-ns", "-1", "not a number");
    refuse(vm, "poll-max-ns", "9223372036854775808", "poll-max-ns value must be in range [0, ");
    refuse(vm, "poll-grow", "x", "poll-grow");
    refuse(vm, "thread-pool-min", "65", "more than thread-pool-max");
    refuse(vm, "thread-pool-max", "0", "thread-pool-max cannot be 0");
    refuse(vm, "thread-pool-max", "4097", "thread-pool-max value must be in range [0, 4096]");
    refuse(vm, "nonsense", "1", "there is no property 'nonsense'");
    ck_assert_uint_eq(threads_awaited("IO", 0), 0);
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_who,   test_without, test_scsi, test_workers,
                                   test_pause, test_refused, NULL };

    return run_tests("virtio-iothread", tests);
}
