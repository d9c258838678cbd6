/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Touching memory, so that the host has pages for all of it, by several threads at once: a large
 * guest's takes its time.
 */
#include "mem/populate.h"

#include <errno.h>
#include <glib.h>
#include <sys/mman.h>

#include "core/thread.h"

#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, since Linux 5.14 */

/* What one thread does. */
struct slice {
    uint8_t *hva;
    uint64_t size, page_size;
    int result;
    pthread_t thread;
};

static int touch(uint8_t *hva, uint64_t size, uint64_t page_size)
{
    if (madvise(hva, size, POPULATE_WRITE) == 0)
        return 0;
    if (errno == EFAULT) /* SIGBUS for who touches it: its file has no room */
        return -ENOSPC;
    if (errno != EINVAL)
        return -errno;
    /* An older kernel. Nobody else writes there yet. */
    for (uint64_t at = 0; at < size; at += page_size)
        __atomic_fetch_or(hva + at, 0, __ATOMIC_RELAXED);
    return 0;
}

static void *slice_main(void *arg)
{
    struct slice *s = arg;

    s->result = touch(s->hva, s->size, s->page_size);
    return NULL;
}

int vemu__memory_populate(struct vemu_vm *vm, uint8_t *hva, uint64_t size, uint64_t page_size,
                          uint32_t threads)
{
    const uint64_t pages = size / page_size;
    const uint32_t count = (uint32_t)MIN(threads, pages);
    g_autofree struct slice *slices = NULL;
    uint32_t started = 0;
    int r = 0;

    if (count < 2)
        return touch(hva, size, page_size);
    slices = g_new0(struct slice, count);
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        const uint64_t from = pages * i / count * page_size;
        const uint64_t to = pages * (i + 1) / count * page_size;

        slices[i] = (struct slice){ .hva = hva + from, .size = to - from, .page_size = page_size };
        r = vemu__thread_start(vm, "prealloc", slice_main, &slices[i], &slices[i].thread);
        started += r == 0;
    }
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(slices[i].thread, NULL);
        r = r ? r : slices[i].result;
    }
    return r;
}
