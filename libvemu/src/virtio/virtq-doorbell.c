/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Doorbells of a virtqueue: as descriptors, who serves them, and how to do with fewer.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/vm.h"
#include "virtio/virtq.h"

/* --- waiting for the next chain --------------------------------------------------------------- */

/*
 * A doorbell costs the guest an exit and us a wake-up, together more than most requests. A driver
 * that has got an answer often has the next request at once, so before doorbells are asked for
 * again, the ring is watched for some microseconds. How long adapts: it grows while doorbells come
 * so soon that waiting would have caught them, and goes to nothing when they do not. Only for
 * doorbells that come by descriptor: others are served by the thread that rings.
 */
#define LINGER_MAX_NS  32000
#define LINGER_STEP_NS 4000
#define LINGER_LOOKS   16 /* between two looks at the clock */

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

void vemu__virtq_adapt(struct vemu_virtq *q)
{
    if (q->alone) /* watching would keep the driver from running */
        q->linger_ns = 0;
    else if (now_ns() - q->slept_ns <= LINGER_MAX_NS)
        q->linger_ns = MIN(MAX(2 * q->linger_ns, LINGER_STEP_NS), LINGER_MAX_NS);
    else
        q->linger_ns = q->linger_ns > LINGER_STEP_NS ? q->linger_ns / 2 : 0;
}

void vemu__virtq_slept(struct vemu_virtq *q)
{
    q->slept_ns = now_ns();
}

bool vemu__virtq_linger(struct vemu_virtq *q)
{
    const uint16_t *seen;
    uint16_t old;
    int64_t end;
    bool hit = false;

    if (!q->linger_ns)
        return false;
    if (vemu__virtq_pending(q))
        return true;
    /* Memory of the guest stays, whatever becomes of the queue meanwhile. */
    seen = q->ring->watch(q);
    old = __atomic_load_n(seen, __ATOMIC_RELAXED);
    if (vemu__virtq_pending(q))
        return true;
    pthread_mutex_unlock(&q->vdev->dev->lock);
    end = now_ns() + q->linger_ns;
    do {
        for (unsigned i = 0; i < LINGER_LOOKS && !hit; i++) {
            hit = __atomic_load_n(seen, __ATOMIC_RELAXED) != old;
            __builtin_ia32_pause();
        }
    } while (!hit && now_ns() < end);
    pthread_mutex_lock(&q->vdev->dev->lock);
    return hit && vemu__virtq_pending(q);
}

/* --- doorbells by descriptor ------------------------------------------------------------------ */

static void notifier_ready(void *data, uint32_t revents)
{
    struct vemu_virtq *q = data;
    uint64_t count;

    if (read(q->notifier, &count, sizeof(count)) >= 0)
        vemu__virtq_rung(q);
}

static void notifier_ready_locked(void *data)
{
    struct vemu_virtq *q = data;
    uint64_t count;

    if (read(q->notifier, &count, sizeof(count)) >= 0)
        vemu__virtq_rung_locked(q);
}

int vemu__virtq_get_notifier(struct vemu_virtq *q)
{
    struct vemu_device *dev = q->vdev->dev;
    int r = 0;

    if (q->notifier >= 0)
        return q->notifier;
    q->notifier = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->notifier < 0)
        return -errno;
    q->alone = sysconf(_SC_NPROCESSORS_ONLN) < 2;
    if (q->vdev->iothread)
        r = vemu__iothread_watch(q->vdev->iothread, q->notifier, &dev->lock, notifier_ready_locked,
                                 q, &q->iothread_watch);
    else
        q->watch = vemu__watch_new(dev->vm->loop, q->notifier, POLLIN, notifier_ready, q);
    if (r < 0) {
        close(q->notifier);
        q->notifier = r;
    }
    return q->notifier;
}

bool vemu__virtq_ring(struct vemu_virtq *q)
{
    static const uint64_t one = 1;

    return q->notifier >= 0 && write(q->notifier, &one, sizeof(one)) == sizeof(one);
}

struct virtq_later {
    struct vemu_virtq *q; /* NULL: it is gone; changes on the loop alone */
};

static void look_later(void *data)
{
    struct virtq_later *later = data;
    struct vemu_virtq *q = later->q;

    if (!q)
        return;
    pthread_mutex_lock(&q->vdev->dev->lock);
    vemu__virtq_forget_later(q);
    vemu__virtq_rung_locked(q);
    pthread_mutex_unlock(&q->vdev->dev->lock);
}

static void later_free(void *data)
{
    struct virtq_later *later = data;

    if (later->q)
        vemu__virtq_forget_later(later->q);
    g_free(later);
}

void vemu__virtq_ring_later(struct vemu_virtq *q)
{
    if (q->later)
        return;
    q->later = g_new(struct virtq_later, 1);
    q->later->q = q;
    vemu__loop_post(q->vdev->dev->vm->loop, look_later, q->later, later_free);
}

void vemu__virtq_forget_later(struct vemu_virtq *q)
{
    if (q->later)
        q->later->q = NULL;
    q->later = NULL;
}

static int set_hook(struct vemu_virtq *q, bool on)
{
    struct vemu_accel_vm *accel_vm = NULL;
    const struct vemu_accel_ops *accel = vemu__vm_accel(q->vdev->dev->vm, &accel_vm);
    const struct vemu_virtq_doorbell *d = &q->doorbell;

    if (!accel || !accel_vm || !accel->ioeventfd)
        return -ENOTSUP;
    return accel->ioeventfd(accel_vm, on, false, d->address, d->size, d->use_match, d->match,
                            q->notifier);
}

int vemu__virtq_hook(struct vemu_virtq *q, const struct vemu_virtq_doorbell *doorbell)
{
    int r;

    if (q->notifier < 0)
        return -EBADF;
    vemu__virtq_unhook(q);
    q->doorbell = *doorbell;
    r = set_hook(q, true);
    q->placed = q->hooked = r >= 0;
    return r;
}

void vemu__virtq_unhook(struct vemu_virtq *q)
{
    if (q->hooked)
        set_hook(q, false);
    q->placed = q->hooked = false;
}

/* --- who serves them -------------------------------------------------------------------------- */

/*
 * A doorbell by descriptor wakes the loop, and the interrupt that answers it has to reach a vCPU on
 * another CPU: two hand-overs, often of tens of microseconds each. That is well spent on work that
 * takes long or is done while the vCPU goes on. Where every doorbell is for a chain or few that are
 * answered on the spot, and the driver waits for the interrupt, the thread that rings does better
 * to serve it: the descriptor is taken from the accelerator, and doorbells come as register writes.
 * When most of them are not of that kind any more, it is given back. Both cost the kernel a grace
 * period, so it takes a row of doorbells, and after each return a longer one. With an iothread
 * it is the user's word that that thread serves: nothing is taken or given.
 */
#define QUICK_CHAINS 4u
#define ROW_MIN      32u
#define ROW_MAX      (1u << 20)
#define ODD_MAX      16u /* more doorbells that were not quick than ones that were */

void vemu__virtq_serve_begin(const struct vemu_virtq *q, struct virtq_service *s)
{
    s->start_ns = q->notifier >= 0 ? now_ns() : 0;
    s->requests = q->vdev->stats.requests;
    s->interrupts = q->vdev->stats.interrupts;
}

static bool was_quick(const struct vemu_virtq *q, const struct virtq_service *s)
{
    uint64_t requests = q->vdev->stats.requests - s->requests;

    return requests >= 1 && requests <= QUICK_CHAINS && !q->held &&
           q->vdev->stats.interrupts != s->interrupts && now_ns() - s->start_ns < q->quick_ns;
}

static void come_by_register(struct vemu_virtq *q, bool quick)
{
    q->row = quick ? q->row + 1 : 0;
    if (q->row < MAX(q->row_wanted, ROW_MIN))
        return;
    q->row = 0;
    if (set_hook(q, false) >= 0)
        q->hooked = false;
}

static void come_by_descriptor(struct vemu_virtq *q, bool quick)
{
    q->row = quick ? q->row - !!q->row : q->row + 1;
    if (q->row < ODD_MAX)
        return;
    q->row = 0;
    q->row_wanted = MIN(2 * MAX(q->row_wanted, ROW_MIN), ROW_MAX);
    q->hooked = set_hook(q, true) >= 0;
}

void vemu__virtq_serve_end(struct vemu_virtq *q, const struct virtq_service *s)
{
    if (!q->placed || q->vdev->iothread)
        return;
    if (q->hooked)
        come_by_register(q, was_quick(q, s));
    else
        come_by_descriptor(q, was_quick(q, s));
}
