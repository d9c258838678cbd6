/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-balloon: memory the guest gives back (virtio 1.2, 5.5).
 *
 * The host sets how many pages it wants (num_pages); the driver puts pages into the balloon, and
 * their memory goes back to the host (MADV_DONTNEED: they read as zeros when the guest uses them
 * again). Deflating needs nothing done: a page comes back when it is touched. Free page reporting
 * gives back what the guest merely does not use at the moment.
 *
 * Whatever addresses the guest names, all it can lose is contents of its own memory.
 *
 * The statistics queue works the other way round: the driver leaves a buffer with figures, and
 * writes new ones when it gets the buffer back. It is held until the host wants news.
 */
#include "devices/virtio-balloon/balloon.h"

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <string.h>

#include <glib.h>

#include "core/error.h"
#include "core/vm.h"
#include "virtio/class.h"

#define QUEUE_SIZE 128u
#define PAGE       4096u
#define BATCH      256u /* page numbers read at a time */
#define LIST_MAX   (1u << 20) /* bytes of page numbers looked at in a request */

struct balloon {
    struct vemu_virtio vdev;
    bool deflate_on_oom, reporting;
    uint32_t interval_s; /* of statistics; 0: only when asked */
    struct vemu_timer *timer, *news; /* news: of the size, to the host */
    int64_t news_ns;                 /* when there were some last */
    unsigned inflate, deflate, stats, report; /* queue numbers */
    struct vemu_virtq_elem *stats_elem; /* held */
    bool stats_wanted;
    /* saved */
    uint32_t num_pages, actual; /* wanted, reached: in pages */
    uint64_t figures[VEMU_BALLOON_STATS];
    int64_t updated_ns;
    uint64_t given_back; /* bytes */
};

static struct balloon *balloon_of(struct vemu_virtio *vdev)
{
    return (struct balloon *)vdev;
}

/* --- pages ------------------------------------------------------------------------------------ */

/* Guest memory that may lose its contents. Only whole host pages of RAM go. */
static void give_back(struct balloon *b, uint64_t gpa, uint64_t size)
{
    b->given_back += vemu__memory_discard(vemu__vm_memory(b->vdev.dev->vm), gpa, size);
}

/* Page numbers of the driver, 32 bits each; neighbours go together. */
static void inflate(struct balloon *b, const struct vemu_virtq_elem *elem)
{
    uint32_t pfns[BATCH];
    uint64_t start = 0, pages = 0;
    size_t at = 0, n;

    while (at < LIST_MAX &&
           (n = vemu__virtq_elem_read(elem, at, pfns, sizeof(pfns)) / sizeof(pfns[0])) > 0) {
        at += n * sizeof(pfns[0]);
        for (size_t i = 0; i < n; i++) {
            if (pages && pfns[i] == start + pages) {
                pages++;
                continue;
            }
            if (pages && pfns[i] + 1ull == start) {
                start--;
                pages++;
                continue;
            }
            if (pages)
                give_back(b, start * PAGE, pages * PAGE);
            start = pfns[i];
            pages = 1;
        }
    }
    if (pages)
        give_back(b, start * PAGE, pages * PAGE);
}

static void report(struct balloon *b, const struct vemu_virtq_elem *elem)
{
    for (unsigned i = 0; i < elem->in_count; i++) {
        uint64_t gpa = elem->gpa[elem->out_count + i];

        give_back(b, gpa, elem->in[i].iov_len);
    }
}

/* --- statistics ------------------------------------------------------------------------------- */

static void stats_read(struct balloon *b, const struct vemu_virtq_elem *elem)
{
    struct virtio_balloon_stat stat;

    for (size_t at = 0; at < 64 * sizeof(stat) &&
                        vemu__virtq_elem_read(elem, at, &stat, sizeof(stat)) == sizeof(stat);
         at += sizeof(stat))
        if (stat.tag < VEMU_BALLOON_STATS)
            b->figures[stat.tag] = stat.val;
    b->updated_ns = vemu_clock_ns(b->vdev.dev->vm);
}

/* Asks the driver for news: it gets its buffer back. */
static void stats_ask(struct balloon *b)
{
    struct vemu_virtq *q;

    b->stats_wanted = !b->stats_elem;
    if (!b->stats_elem)
        return;
    q = b->stats_elem->queue;
    vemu__virtq_push(b->stats_elem, 0);
    b->stats_elem = NULL;
    vemu__virtq_flush(q);
}

static void stats_timer(struct vemu_device *dev)
{
    struct balloon *b = balloon_of(vemu__virtio_of(dev));

    stats_ask(b);
    if (b->interval_s)
        vemu_timer_set(b->timer, vemu_clock_ns(dev->vm) + (int64_t)b->interval_s * 1000000000);
}

static void stats_notify(struct balloon *b, struct vemu_virtq *q)
{
    struct vemu_virtq_elem *elem;

    while (vemu__virtq_pop(q, &elem)) {
        if (b->stats_elem) { /* a driver needs no more than one: keep the newer */
            vemu__virtq_push(b->stats_elem, 0);
        }
        b->stats_elem = elem;
        stats_read(b, elem);
    }
    vemu__virtq_flush(q);
    if (b->stats_wanted)
        stats_ask(b);
}

/* --- queues ----------------------------------------------------------------------------------- */

static void balloon_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct balloon *b = balloon_of(vdev);
    struct vemu_virtq *q = vemu__virtio_queue(vdev, queue);
    struct vemu_virtq_elem *elem;

    if (queue == b->stats) {
        stats_notify(b, q);
        return;
    }
    while (vemu__virtq_pop(q, &elem)) {
        if (queue == b->inflate)
            inflate(b, elem);
        else if (queue == b->report)
            report(b, elem);
        vemu__virtq_push(elem, 0);
    }
    vemu__virtq_flush(q);
}

static void balloon_queue_reset(struct vemu_virtio *vdev, unsigned queue)
{
    struct balloon *b = balloon_of(vdev);

    if (queue == b->stats && b->stats_elem) {
        vemu__virtq_drop(b->stats_elem);
        b->stats_elem = NULL;
    }
}

/* The element goes back into its queue, from where a restored device takes it again. */
static void balloon_pause(struct vemu_virtio *vdev)
{
    struct balloon *b = balloon_of(vdev);

    if (b->stats_elem) {
        vemu__virtq_unpop(b->stats_elem);
        b->stats_elem = NULL;
    }
}

/* --- configuration ---------------------------------------------------------------------------- */

static void balloon_config_get(struct vemu_virtio *vdev, uint8_t *config)
{
    const struct balloon *b = balloon_of(vdev);
    const uint32_t words[2] = { b->num_pages, b->actual };

    memcpy(config, words, sizeof(words));
}

/* Outside the device's lock, where listeners may call anything. */
static void tell(void *data)
{
    vemu__events_flush(((struct vemu_vm *)data)->events);
}

static void news_timer(struct vemu_device *dev)
{
    const struct balloon *b = balloon_of(vemu__virtio_of(dev));
    uint64_t ram = vemu__vm_config(dev->vm)->memory_bytes;

    vemu__events_emit_value(dev->vm->events, VEMU_EVENT_BALLOON_CHANGED,
                            ram - MIN((uint64_t)b->actual * PAGE, ram));
    vemu__loop_post(dev->vm->loop, tell, dev->vm, NULL);
}

/* The driver tells of each step on its way; the host hears of it once a second. */
static void news_come(struct balloon *b)
{
    int64_t now = vemu_clock_ns(b->vdev.dev->vm);

    if (vemu_timer_armed(b->news))
        return;
    b->news_ns = b->news_ns ? MAX(now, b->news_ns + 1000000000) : now;
    vemu_timer_set(b->news, b->news_ns);
}

static void balloon_config_set(struct vemu_virtio *vdev, const uint8_t *config, size_t offset,
                               size_t size)
{
    struct balloon *b = balloon_of(vdev);
    uint32_t before = b->actual;

    /* num_pages is read-only for the driver. */
    memcpy(&b->actual, config + 4, 4);
    if (b->actual != before)
        news_come(b);
}

/* --- for the host ----------------------------------------------------------------------------- */

static struct balloon *find(struct vemu_device *dev)
{
    return dev->realized ? balloon_of(vemu__virtio_of(dev)) : NULL;
}

bool vemu__balloon_is(const struct vemu_device *dev)
{
    return g_str_has_prefix(dev->class_->name, "virtio-balloon-");
}

int vemu__balloon_set_size(struct vemu_device *dev, uint64_t memory_bytes)
{
    uint64_t ram = vemu__vm_config(dev->vm)->memory_bytes;
    struct balloon *b = find(dev);

    if (!b || !memory_bytes)
        return -EINVAL;
    pthread_mutex_lock(&dev->lock);
    b->num_pages = (uint32_t)MIN((ram - MIN(memory_bytes, ram)) / PAGE, UINT32_MAX);
    vemu__virtio_config_changed(&b->vdev);
    pthread_mutex_unlock(&dev->lock);
    return 0;
}

void vemu__balloon_get(struct vemu_device *dev, struct vemu_balloon_info *ret)
{
    struct balloon *b = find(dev);

    memset(ret, 0, sizeof(*ret));
    if (!b)
        return;
    pthread_mutex_lock(&dev->lock);
    ret->wanted_bytes = (uint64_t)b->num_pages * PAGE;
    ret->actual_bytes = (uint64_t)b->actual * PAGE;
    ret->given_back_bytes = b->given_back;
    ret->updated_ns = b->updated_ns;
    memcpy(ret->stats, b->figures, sizeof(ret->stats));
    pthread_mutex_unlock(&dev->lock);
}

int vemu__balloon_set_interval(struct vemu_device *dev, uint32_t seconds)
{
    struct balloon *b = find(dev);

    if (!b || seconds > VEMU_BALLOON_INTERVAL_MAX)
        return -EINVAL;
    pthread_mutex_lock(&dev->lock);
    b->interval_s = seconds;
    if (!seconds)
        vemu_timer_set(b->timer, INT64_MAX);
    else if (b->vdev.status & VEMU_VIRTIO_STATUS_DRIVER_OK && b->stats != UINT32_MAX)
        vemu_timer_set(b->timer, vemu_clock_ns(dev->vm));
    pthread_mutex_unlock(&dev->lock);
    return 0;
}

int vemu__balloon_ask(struct vemu_device *dev)
{
    struct balloon *b = find(dev);
    bool can;

    if (!b)
        return -ENOTSUP;
    pthread_mutex_lock(&dev->lock);
    can = vemu__virtio_has(&b->vdev, 1ull << VIRTIO_BALLOON_F_STATS_VQ);
    if (can)
        stats_ask(b);
    pthread_mutex_unlock(&dev->lock);
    return can ? 0 : -ENOTSUP;
}

/* --- life ------------------------------------------------------------------------------------- */

/* Queues are numbered by what was negotiated (5.5.2): report is 3 only if the free page hint queue
 * (never offered) and the statistics queue are counted; without statistics it would be 2. The
 * statistics queue is always offered, and a driver that leaves it out moves the next one. */
static bool balloon_features(struct vemu_virtio *vdev)
{
    struct balloon *b = balloon_of(vdev);
    unsigned next = 2;

    b->stats = vemu__virtio_has(vdev, 1ull << VIRTIO_BALLOON_F_STATS_VQ) ? next++ : UINT32_MAX;
    b->report = vemu__virtio_has(vdev, 1ull << VIRTIO_BALLOON_F_REPORTING) ? next : UINT32_MAX;
    return true;
}

static void balloon_start(struct vemu_virtio *vdev)
{
    struct balloon *b = balloon_of(vdev);

    if (b->interval_s && b->stats != UINT32_MAX)
        vemu_timer_set(b->timer, vemu_clock_ns(vdev->dev->vm));
}

static void balloon_reset(struct vemu_virtio *vdev)
{
    struct balloon *b = balloon_of(vdev);

    b->actual = 0;
    b->stats = b->report = UINT32_MAX;
    b->stats_wanted = false;
    memset(b->figures, 0xff, sizeof(b->figures)); /* not known */
    b->updated_ns = 0;
    vemu_timer_set(b->timer, INT64_MAX);
}

static void balloon_restored(struct vemu_virtio *vdev)
{
    balloon_features(vdev);
    if (vdev->status & VEMU_VIRTIO_STATUS_DRIVER_OK)
        balloon_start(vdev);
}

static int balloon_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    struct balloon *b = balloon_of(vdev);

    if (b->interval_s > VEMU_BALLOON_INTERVAL_MAX)
        return vemu__error_set(err, EINVAL, "guest-stats-polling-interval is more than a day");
    for (unsigned n = 0; n < 4; n++)
        vemu__virtio_add_queue(vdev, QUEUE_SIZE, sizeof(struct vemu_virtq_elem));
    b->inflate = 0;
    b->deflate = 1;
    b->timer = vemu_device_add_timer(vdev->dev, stats_timer);
    b->news = vemu_device_add_timer(vdev->dev, news_timer);
    vdev->features = 1ull << VIRTIO_BALLOON_F_STATS_VQ |
                     (b->deflate_on_oom ? 1ull << VIRTIO_BALLOON_F_DEFLATE_ON_OOM : 0) |
                     (b->reporting ? 1ull << VIRTIO_BALLOON_F_REPORTING : 0);
    vdev->config_size = 8;
    return 0;
}

static const struct vemu_virtio_ops balloon_ops = {
    .realize = balloon_realize,
    .features = balloon_features,
    .config_get = balloon_config_get,
    .config_set = balloon_config_set,
    .start = balloon_start,
    .notify = balloon_notify,
    .queue_reset = balloon_queue_reset,
    .reset = balloon_reset,
    .pause = balloon_pause,
    .restored = balloon_restored,
};

static const struct vemu_virtio_class balloon_class = {
    .name = "virtio-balloon",
    .id = VEMU_VIRTIO_ID_BALLOON,
    .ops = &balloon_ops,
};

static const struct vemu_prop balloon_props[] = {
    VEMU_PROP(struct balloon, deflate_on_oom, "deflate-on-oom", BOOL, "off",
              "let a guest short of memory take pages back by itself"),
    VEMU_PROP(struct balloon, reporting, "free-page-reporting", BOOL, "off",
              "let the guest give back memory it does not use"),
    VEMU_PROP(struct balloon, interval_s, "guest-stats-polling-interval", U32, "0",
              "seconds between statistics of the guest; 0: when asked"),
    VEMU_PROP_END,
};

static const struct vemu_state_field balloon_state[] = {
    VEMU_STATE(struct balloon, num_pages),
    VEMU_STATE(struct balloon, actual),
    VEMU_STATE(struct balloon, figures),
    VEMU_STATE(struct balloon, updated_ns),
    VEMU_STATE(struct balloon, given_back),
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(vemu__device_virtio_balloon, struct balloon, &balloon_class, "virtio-balloon",
                   "memory the guest gives back", balloon_props, balloon_state);
