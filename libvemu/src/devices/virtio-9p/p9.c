/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-9p: a directory of the host as a file system of the guest (virtio 1.2, 5.9).
 *
 * File systems make their callers wait, so messages are worked on by a thread of the device, one
 * after the other; it is made at the first message. It does not have the device's lock while it
 * works, and takes it to hand back what it has done. A reset or a pause waits for it with that lock
 * held; then the thread leaves its results, and the waiter hands them back.
 *
 * What a client had open is not saved: a restored guest has to mount again.
 */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "core/error.h"
#include "core/thread.h"
#include "core/vm.h"
#include "devices/virtio-9p/session.h"
#include "virtio/class.h"

#define QUEUE_SIZE 128u
#define TAG_MAX    128u
#define F_TAG      VEMU_VIRTIO_F(0) /* VIRTIO_9P_MOUNT_TAG */

struct p9_request {
    struct vemu_virtq_elem elem; /* first */
    struct p9_request *next;
    uint32_t written;
};

struct p9_list {
    struct p9_request *first, **last;
};

struct p9 {
    struct vemu_virtio vdev;
    /* properties */
    struct vemu_fsdev *fs;
    char *tag;

    struct p9_session *session; /* the thread's while it works */

    pthread_mutex_t lock; /* the rest; a leaf */
    pthread_cond_t work, idle;
    pthread_t thread;
    bool started, quit, busy;
    unsigned waiters; /* for the thread to be idle; they have the device's lock */
    struct p9_list todo, done;
};

static struct p9 *p9_of(struct vemu_virtio *vdev)
{
    return (struct p9 *)vdev;
}

static void list_put(struct p9_list *list, struct p9_request *request)
{
    request->next = NULL;
    *list->last = request;
    list->last = &request->next;
}

/* All of it. */
static struct p9_request *list_take(struct p9_list *list)
{
    struct p9_request *first = list->first;

    list->first = NULL;
    list->last = &list->first;
    return first;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Hands back what is done. With the device's lock. */
static void complete(struct p9 *p9)
{
    struct p9_request *request, *next;

    pthread_mutex_lock(&p9->lock);
    request = list_take(&p9->done);
    pthread_mutex_unlock(&p9->lock);
    if (!request)
        return;
    for (; request; request = next) {
        next = request->next;
        vemu__virtq_push(&request->elem, request->written);
    }
    vemu__virtq_flush(vemu__virtio_queue(&p9->vdev, 0));
}

/* Handles one request, if there is one. p9->lock falls meanwhile, and `busy` keeps others off. */
static bool handle_locked(struct p9 *p9)
{
    struct p9_request *request = p9->todo.first;

    if (!request)
        return false;
    p9->todo.first = request->next;
    if (!p9->todo.first)
        p9->todo.last = &p9->todo.first;
    p9->busy = true;
    pthread_mutex_unlock(&p9->lock);
    request->written = vemu__p9_handle(p9->session, &request->elem);
    pthread_mutex_lock(&p9->lock);
    list_put(&p9->done, request);
    p9->busy = false;
    return true;
}

static void *p9_main(void *arg)
{
    struct p9 *p9 = arg;

    pthread_mutex_lock(&p9->lock);
    while (!p9->quit) {
        if (p9->waiters || !handle_locked(p9)) {
            pthread_cond_wait(&p9->work, &p9->lock);
            continue;
        }
        if (p9->waiters) {
            pthread_cond_broadcast(&p9->idle);
            continue;
        }
        pthread_mutex_unlock(&p9->lock);
        pthread_mutex_lock(&p9->vdev.dev->lock);
        complete(p9);
        pthread_mutex_unlock(&p9->vdev.dev->lock);
        pthread_mutex_lock(&p9->lock);
    }
    pthread_mutex_unlock(&p9->lock);
    return NULL;
}

/* On return nothing is under way, and nothing is left to do. With the device's lock, for which the
 * thread may be waiting: so what is left is done here. */
static void drain(struct p9 *p9)
{
    pthread_mutex_lock(&p9->lock);
    p9->waiters++;
    while (p9->busy)
        pthread_cond_wait(&p9->idle, &p9->lock);
    while (handle_locked(p9))
        ;
    p9->waiters--;
    pthread_cond_signal(&p9->work);
    pthread_mutex_unlock(&p9->lock);
    complete(p9);
}

/* --- the queue -------------------------------------------------------------------------------- */

static void p9_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct vemu_virtq *q = vemu__virtio_queue(vdev, queue);
    struct p9 *p9 = p9_of(vdev);
    struct vemu_virtq_elem *elem;

    if (!p9->started) {
        int r = vemu__thread_start(vdev->dev->vm, "virtio-9p", p9_main, p9, &p9->thread);

        p9->started = r >= 0;
    }
    while (vemu__virtq_pop(q, &elem)) {
        struct p9_request *request = (struct p9_request *)elem;

        if (!p9->started) { /* no thread to be had: here, then */
            vemu__virtq_push(elem, vemu__p9_handle(p9->session, elem));
            continue;
        }
        pthread_mutex_lock(&p9->lock);
        list_put(&p9->todo, request);
        pthread_cond_signal(&p9->work);
        pthread_mutex_unlock(&p9->lock);
    }
    vemu__virtq_flush(q);
}

/* What was not begun is not done any more. */
static void p9_queue_reset(struct vemu_virtio *vdev, unsigned queue)
{
    struct p9 *p9 = p9_of(vdev);
    struct p9_request *request, *next;

    pthread_mutex_lock(&p9->lock);
    request = list_take(&p9->todo);
    pthread_mutex_unlock(&p9->lock);
    for (; request; request = next) {
        next = request->next;
        vemu__virtq_drop(&request->elem);
    }
    drain(p9);
}

static void p9_pause(struct vemu_virtio *vdev)
{
    drain(p9_of(vdev));
}

static void p9_reset(struct vemu_virtio *vdev)
{
    vemu__p9_session_reset(p9_of(vdev)->session);
}

/* --- life ------------------------------------------------------------------------------------- */

static void p9_config_get(struct vemu_virtio *vdev, uint8_t *config)
{
    const char *tag = p9_of(vdev)->tag;
    size_t length = strlen(tag);

    config[0] = (uint8_t)length;
    config[1] = 0;
    memcpy(config + 2, tag, length);
}

static int p9_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    struct p9 *p9 = p9_of(vdev);

    if (!p9->fs)
        return vemu__error_set(err, EINVAL, "property 'fsdev' is missing");
    if (!p9->tag || !*p9->tag)
        return vemu__error_set(err, EINVAL, "property 'mount_tag' is missing");
    if (strlen(p9->tag) > TAG_MAX)
        return vemu__error_set(err, EINVAL, "mount_tag is longer than %u bytes", TAG_MAX);
    p9->todo.last = &p9->todo.first;
    p9->done.last = &p9->done.first;
    pthread_mutex_init(&p9->lock, NULL);
    pthread_cond_init(&p9->work, NULL);
    pthread_cond_init(&p9->idle, NULL);
    p9->session = vemu__p9_session_new(p9->fs);
    vemu__virtio_add_queue(vdev, QUEUE_SIZE, sizeof(struct p9_request));
    vdev->features = F_TAG;
    vdev->config_size = 2 + strlen(p9->tag);
    return 0;
}

/* Without the device's lock: the thread may be about to take it, for nothing. */
static void p9_fini(struct vemu_virtio *vdev)
{
    struct p9 *p9 = p9_of(vdev);

    if (!p9->session)
        return;
    pthread_mutex_lock(&p9->lock);
    p9->quit = true;
    pthread_cond_signal(&p9->work);
    pthread_mutex_unlock(&p9->lock);
    if (p9->started)
        pthread_join(p9->thread, NULL);
    vemu__p9_session_free(p9->session);
    pthread_cond_destroy(&p9->idle);
    pthread_cond_destroy(&p9->work);
    pthread_mutex_destroy(&p9->lock);
}

static const struct vemu_virtio_ops p9_ops = {
    .realize = p9_realize,
    .config_get = p9_config_get,
    .notify = p9_notify,
    .queue_reset = p9_queue_reset,
    .reset = p9_reset,
    .pause = p9_pause,
    .fini = p9_fini,
};

static const struct vemu_virtio_class p9_class = {
    .name = "virtio-9p",
    .id = VEMU_VIRTIO_ID_9P,
    .ops = &p9_ops,
};

static const struct vemu_prop p9_props[] = {
    VEMU_PROP(struct p9, fs, "fsdev", FSDEV, NULL, "the directory to share"),
    VEMU_PROP(struct p9, tag, "mount_tag", STRING, NULL, "what the guest mounts it by"),
    VEMU_PROP_END,
};

static const struct vemu_state_field p9_state[] = {
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(vemu__device_virtio_9p, struct p9, &p9_class, "virtio-9p",
                   "directory of the host", p9_props, p9_state);
