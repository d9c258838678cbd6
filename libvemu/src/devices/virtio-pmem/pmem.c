/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-pmem (virtio 1.2, 5.19): a file of the host as persistent memory.
 *
 * The guest reads and writes the file by memory accesses, and asks for it to be synchronised.
 *
 * Synchronising takes the host's disk its time, so a thread of the device does it. Requests that
 * come meanwhile are answered together by the next one. The thread never takes the device's lock:
 * it moves requests from `todo` to `done` under a lock of its own and signals the loop, which hands
 * them back. So whoever holds the device's lock can wait for it (queue_reset, pause).
 */
#include <errno.h>
#include <linux/virtio_pmem.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib.h>

#include "core/thread.h"
#include "core/vm.h"
#include "mem/device-memory.h"
#include "mem/memdev.h"
#include "virtio/class.h"

#define QUEUE_SIZE 64u
#define ALIGN      (128ull << 20)

struct request {
    struct vemu_virtq_elem elem;
    int result;
};

struct list {
    struct request *first, *last;
};

struct pmem {
    struct vemu_virtio vdev;
    struct vemu_memdev *memdev; /* properties */
    uint64_t wanted_address;

    uint64_t address, size;
    struct vemu_region *ram;
    struct vemu_watch *watch;
    int eventfd, fd;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock; /* everything below; behind the device's lock */
    pthread_cond_t wake, idle;
    struct list todo, done;
    bool busy, quit;
};

static struct pmem *pmem_of(struct vemu_virtio *vdev)
{
    return (struct pmem *)vdev;
}

/* --- lists ------------------------------------------------------------------------------------ */

static void append(struct list *list, struct request *request)
{
    request->elem.next = NULL;
    if (list->last)
        list->last->elem.next = &request->elem;
    else
        list->first = request;
    list->last = request;
}

static struct list take(struct list *list)
{
    struct list taken = *list;

    *list = (struct list){ 0 };
    return taken;
}

static struct request *pop(struct list *list)
{
    struct request *request = list->first;

    if (request) {
        list->first = (struct request *)request->elem.next;
        if (!list->first)
            list->last = NULL;
    }
    return request;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void *pmem_main(void *data)
{
    struct pmem *m = data;
    const uint64_t one = 1;

    pthread_mutex_lock(&m->lock);
    while (!m->quit) {
        struct list work = take(&m->todo);
        struct request *request;
        int result;

        if (!work.first) {
            m->busy = false;
            pthread_cond_broadcast(&m->idle);
            pthread_cond_wait(&m->wake, &m->lock);
            continue;
        }
        m->busy = true;
        pthread_mutex_unlock(&m->lock);
        result = fdatasync(m->fd) < 0 ? errno : 0;
        pthread_mutex_lock(&m->lock);
        while ((request = pop(&work)) != NULL) {
            request->result = result;
            append(&m->done, request);
        }
        if (write(m->eventfd, &one, sizeof(one)) < 0)
            continue; /* it is full: signalled anyway */
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* -errno: there is no thread. */
static int start_thread(struct pmem *m)
{
    int r = m->has_thread ? 0
                          : vemu__thread_start(m->vdev.dev->vm, "virtio-pmem", pmem_main, m,
                                               &m->thread);

    m->has_thread |= r >= 0;
    return r;
}

/* --- requests --------------------------------------------------------------------------------- */

static void answer(struct request *request, int result)
{
    const struct virtio_pmem_resp resp = { .ret = GUINT32_TO_LE(result ? 1u : 0) };

    vemu__virtq_push(&request->elem,
                     (uint32_t)vemu__virtq_elem_write(&request->elem, 0, &resp, sizeof(resp)));
}

static void hand_back(struct pmem *m, bool drop)
{
    struct request *request;
    struct list done;

    pthread_mutex_lock(&m->lock);
    done = take(&m->done);
    pthread_mutex_unlock(&m->lock);
    if (!done.first)
        return;
    while ((request = pop(&done)) != NULL) {
        if (drop)
            vemu__virtq_drop(&request->elem);
        else
            answer(request, request->result);
    }
    if (!drop)
        vemu__virtq_flush(vemu__virtio_queue(&m->vdev, 0));
}

static void on_done(void *data, uint32_t revents)
{
    struct pmem *m = data;
    struct vemu_device *dev = m->vdev.dev;
    uint64_t count;

    if (read(m->eventfd, &count, sizeof(count)) < 0)
        return;
    pthread_mutex_lock(&dev->lock);
    hand_back(m, false);
    pthread_mutex_unlock(&dev->lock);
}

static void pmem_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct pmem *m = pmem_of(vdev);
    struct vemu_virtq *q = vemu__virtio_queue(vdev, queue);
    struct vemu_virtq_elem *elem;
    bool any = false;

    while (vemu__virtq_pop(q, &elem)) {
        struct request *request = (struct request *)elem;
        struct virtio_pmem_req req;

        if (vemu__virtq_elem_read(elem, 0, &req, sizeof(req)) != sizeof(req) ||
            elem->in_size < sizeof(struct virtio_pmem_resp)) {
            vemu__virtq_push(elem, 0);
            vemu__virtio_broken(vdev, "flush request without type or room for the result");
            break;
        }
        if (req.type != GUINT32_TO_LE(VIRTIO_PMEM_REQ_TYPE_FLUSH)) {
            answer(request, EINVAL);
        } else if (m->fd < 0) {
            answer(request, 0); /* memory of this process: as safe as it gets */
        } else if (start_thread(m) < 0) {
            answer(request, ENOMEM);
        } else {
            pthread_mutex_lock(&m->lock);
            append(&m->todo, request);
            m->busy = any = true;
            pthread_mutex_unlock(&m->lock);
        }
    }
    if (any)
        pthread_cond_signal(&m->wake);
    vemu__virtq_flush(q);
}

/* Waits until the thread has nothing. */
static void wait_idle(struct pmem *m)
{
    pthread_mutex_lock(&m->lock);
    while (m->has_thread && m->busy)
        pthread_cond_wait(&m->idle, &m->lock);
    pthread_mutex_unlock(&m->lock);
}

static void pmem_queue_reset(struct vemu_virtio *vdev, unsigned queue)
{
    struct pmem *m = pmem_of(vdev);

    wait_idle(m);
    hand_back(m, true);
}

static void pmem_pause(struct vemu_virtio *vdev)
{
    struct pmem *m = pmem_of(vdev);

    wait_idle(m);
    hand_back(m, false);
}

/* --- life ------------------------------------------------------------------------------------- */

static void pmem_config_get(struct vemu_virtio *vdev, uint8_t *bytes)
{
    const struct pmem *m = pmem_of(vdev);
    const struct virtio_pmem_config config = {
        .start = GUINT64_TO_LE(m->address),
        .size = GUINT64_TO_LE(m->size),
    };

    memcpy(bytes, &config, sizeof(config));
}

static void pmem_describe(struct vemu_device *dev, struct vemu_memory_info *ret)
{
    const struct pmem *m = pmem_of(vemu__virtio_of(dev));

    ret->kind = VEMU_MEMORY_VIRTIO_PMEM;
    ret->memdev = m->memdev;
    ret->size = m->size;
}

static int place(struct pmem *m, struct vemu_error **err)
{
    struct vemu_device *dev = m->vdev.dev;
    int r = vemu__memdev_take(m->memdev, dev->id, err);

    if (r < 0)
        return r;
    r = vemu__device_memory_place(dev, m->size, ALIGN, m->wanted_address, pmem_describe,
                                  &m->address, err);
    if (r >= 0) {
        r = vemu__memory_add_ram_at(dev->vm->memory, m->address, m->size,
                                    vemu__memdev_ram_flags(m->memdev), dev->id,
                                    vemu__memdev_ptr(m->memdev), &m->ram, err);
        if (r < 0)
            vemu__device_memory_leave(dev);
    }
    if (r < 0)
        vemu__memdev_leave(m->memdev);
    return r;
}

static int pmem_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    struct pmem *m = pmem_of(vdev);
    int r;

    if (!m->memdev)
        return vemu__error_set(err, EINVAL, "property 'memdev' is missing");
    m->size = vemu__memdev_size(m->memdev);
    m->fd = vemu__memdev_fd(m->memdev);
    m->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->eventfd < 0)
        return vemu__error_set(err, errno, "cannot make an eventfd: %s", strerror(errno));
    r = place(m, err);
    if (r < 0) {
        close(m->eventfd);
        return r;
    }
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->wake, NULL);
    pthread_cond_init(&m->idle, NULL);
    m->busy = m->quit = m->has_thread = false;
    m->watch = vemu__watch_new(vdev->dev->vm->loop, m->eventfd, POLLIN, on_done, m);
    vemu__virtio_add_queue(vdev, QUEUE_SIZE, sizeof(struct request));
    vdev->config_size = sizeof(struct virtio_pmem_config);
    return 0;
}

static void pmem_unrealize(struct vemu_virtio *vdev)
{
    struct pmem *m = pmem_of(vdev);

    vemu__watch_free(m->watch);
    if (m->has_thread) {
        pthread_mutex_lock(&m->lock);
        m->quit = true;
        pthread_mutex_unlock(&m->lock);
        pthread_cond_signal(&m->wake);
        pthread_join(m->thread, NULL);
    }
    pthread_cond_destroy(&m->idle);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    close(m->eventfd);
    vemu__memory_remove_ram(vdev->dev->vm->memory, m->ram);
    m->ram = NULL;
    vemu__device_memory_leave(vdev->dev);
    vemu__memdev_leave(m->memdev);
}

static const struct vemu_virtio_ops pmem_ops = {
    .realize = pmem_realize,
    .unrealize = pmem_unrealize,
    .config_get = pmem_config_get,
    .notify = pmem_notify,
    .queue_reset = pmem_queue_reset,
    .pause = pmem_pause,
};

static const struct vemu_virtio_class pmem_class = {
    .name = "virtio-pmem",
    .id = VEMU_VIRTIO_ID_PMEM,
    .ops = &pmem_ops,
};

static const struct vemu_prop pmem_props[] = {
    VEMU_PROP(struct pmem, memdev, "memdev", MEMDEV, NULL,
              "memory back-end, a file with share=on to be persistent"),
    VEMU_PROP(struct pmem, wanted_address, "memaddr", U64, "0",
              "guest-physical address, 0: chosen"),
    VEMU_PROP_END,
};

static const struct vemu_state_field pmem_state[] = { VEMU_STATE_END };

VEMU_VIRTIO_DEVICE(vemu__device_virtio_pmem, struct pmem, &pmem_class, "virtio-pmem",
                   "persistent memory", pmem_props, pmem_state);
