/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image filter throttle: so many bytes and requests in a second, and no more.
 *
 * Each limit is a bucket that leaks at its rate. A request pours in what it costs; when the bucket
 * is over its brim, the next request waits until it is not. The brim is a tenth of a second's
 * worth, or with a burst (-max) what that rate gives in the burst's length; a second bucket then
 * keeps the burst itself to its rate. A request is accounted for when it comes, before it sleeps,
 * so that requests go on in the order in which they came.
 */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <time.h>

#include "core/error.h"
#include "core/thread.h"
#include "image/drivers.h"
#include "image/filter.h"

enum bucket { BPS_TOTAL, BPS_READ, BPS_WRITE, IOPS_TOTAL, IOPS_READ, IOPS_WRITE, BUCKETS };

struct limit {
    uint64_t rate, burst, length; /* a second; of the burst; seconds */
};

struct level {
    double level, burst_level;
};

struct throttle {
    struct vemu_image image;
    struct limit limits[BUCKETS];
    uint64_t iops_size;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool has_lock;
    /* under the lock */
    struct level levels[BUCKETS];
    int64_t last_ns;
    unsigned hurried;
};

static struct throttle *throttle_of(const struct vemu_image *image)
{
    return (struct throttle *)image;
}

/* --- buckets ---------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void leak(struct throttle *throttle, int64_t now)
{
    double seconds = (double)(now - throttle->last_ns) / 1e9;

    throttle->last_ns = now;
    for (unsigned i = 0; i < BUCKETS; i++) {
        const struct limit *limit = &throttle->limits[i];
        struct level *at = &throttle->levels[i];

        at->level = MAX(0, at->level - (double)limit->rate * seconds);
        at->burst_level = MAX(0, at->burst_level - (double)limit->burst * seconds);
    }
}

/* Seconds until there is room. */
static double wait_of(const struct limit *limit, const struct level *at)
{
    double brim =
        limit->burst ? (double)limit->burst * (double)limit->length : (double)limit->rate / 10;
    double over = at->level - brim, seconds = 0;

    if (!limit->rate)
        return 0;
    if (over > 0)
        seconds = over / (double)limit->rate;
    over = at->burst_level - (double)limit->burst / 10;
    if (limit->burst && over > 0)
        seconds = MAX(seconds, over / (double)limit->burst);
    return seconds;
}

static double pour(struct throttle *throttle, enum bucket bucket, double cost)
{
    double seconds = wait_of(&throttle->limits[bucket], &throttle->levels[bucket]);

    throttle->levels[bucket].level += cost;
    throttle->levels[bucket].burst_level += cost;
    return seconds;
}

static void sleep_locked(struct throttle *throttle, int64_t until)
{
    const struct timespec at = { until / 1000000000, (long)(until % 1000000000) };

    while (!throttle->hurried && now_ns() < until)
        pthread_cond_timedwait(&throttle->cond, &throttle->lock, &at);
}

static void account(struct vemu_image *image, uint64_t bytes, bool write)
{
    struct throttle *throttle = throttle_of(image);
    double ops = throttle->iops_size ? (double)bytes / (double)throttle->iops_size : 1;
    double seconds = 0;
    int64_t now;

    pthread_mutex_lock(&throttle->lock);
    now = now_ns();
    leak(throttle, now);
    ops = MAX(ops, 1);
    seconds = MAX(seconds, pour(throttle, BPS_TOTAL, (double)bytes));
    seconds = MAX(seconds, pour(throttle, write ? BPS_WRITE : BPS_READ, (double)bytes));
    seconds = MAX(seconds, pour(throttle, IOPS_TOTAL, ops));
    seconds = MAX(seconds, pour(throttle, write ? IOPS_WRITE : IOPS_READ, ops));
    if (seconds > 0)
        sleep_locked(throttle, now + (int64_t)(MIN(seconds, 1e6) * 1e9));
    pthread_mutex_unlock(&throttle->lock);
}

static void throttle_hurry(struct vemu_image *image, bool on)
{
    struct throttle *throttle = throttle_of(image);

    pthread_mutex_lock(&throttle->lock);
    throttle->hurried += on ? 1 : -1u;
    pthread_cond_broadcast(&throttle->cond);
    pthread_mutex_unlock(&throttle->lock);
}

/* --- requests --------------------------------------------------------------------------------- */

static int throttle_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                          const struct iovec *iov, unsigned count)
{
    account(image, bytes, false);
    return vemu__filter_readv(image, offset, bytes, iov, count);
}

static int throttle_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                           const struct iovec *iov, unsigned count, uint32_t flags)
{
    account(image, bytes, true);
    return vemu__filter_writev(image, offset, bytes, iov, count, flags);
}

static int throttle_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    account(image, bytes, true);
    return vemu__filter_zero(image, offset, bytes, flags);
}

static int throttle_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    account(image, bytes, true);
    return vemu__filter_discard(image, offset, bytes);
}

/* --- life ------------------------------------------------------------------------------------- */

static int check(const struct throttle *throttle, struct vemu_error **err)
{
    const struct limit *l = throttle->limits;

    for (unsigned i = 0; i < BUCKETS; i++) {
        if (l[i].rate > 1000000000000000 || l[i].burst > 1000000000000000)
            return vemu__error_set(err, EINVAL, "limits are at most 10^15 in a second");
        if (l[i].burst && l[i].burst < l[i].rate)
            return vemu__error_set(err, EINVAL, "a burst (-max) is not below its limit");
        if (l[i].burst && !l[i].rate)
            return vemu__error_set(err, EINVAL, "a burst (-max) needs a limit");
        if (!l[i].length || l[i].length > 1000000)
            return vemu__error_set(err, EINVAL, "a burst's length is from 1 to 1000000 seconds");
        if (l[i].length > 1 && !l[i].burst)
            return vemu__error_set(err, EINVAL, "a burst's length needs a burst (-max)");
    }
    if ((l[BPS_TOTAL].rate && (l[BPS_READ].rate || l[BPS_WRITE].rate)) ||
        (l[IOPS_TOTAL].rate && (l[IOPS_READ].rate || l[IOPS_WRITE].rate)))
        return vemu__error_set(err, EINVAL,
                               "a limit of the total excludes limits of reads and writes");
    return 0;
}

static int throttle_open(struct vemu_image *image, struct vemu_error **err)
{
    struct throttle *throttle = throttle_of(image);
    int r = check(throttle, err);

    if (r < 0)
        return r;
    pthread_mutex_init(&throttle->lock, NULL);
    vemu__cond_init(&throttle->cond);
    throttle->has_lock = true;
    throttle->last_ns = now_ns();
    vemu__filter_open(image);
    return 0;
}

static int throttle_close(struct vemu_image *image)
{
    struct throttle *throttle = throttle_of(image);

    if (throttle->has_lock) {
        pthread_cond_destroy(&throttle->cond);
        pthread_mutex_destroy(&throttle->lock);
    }
    return 0;
}

#define LIMIT(bucket, name, what)                                                                  \
    VEMU_PROP(struct throttle, limits[bucket].rate, name, SIZE, "0",                               \
              what " a second; 0: no limit"),                                                      \
        VEMU_PROP(struct throttle, limits[bucket].burst, name "-max", SIZE, "0",                   \
                  what " a second in bursts"),                                                     \
        VEMU_PROP(struct throttle, limits[bucket].length, name "-max-length", U64, "1",            \
                  "seconds that a burst lasts")

static const struct vemu_prop throttle_props[] = {
    LIMIT(BPS_TOTAL, "bps-total", "bytes"),
    LIMIT(BPS_READ, "bps-read", "bytes read"),
    LIMIT(BPS_WRITE, "bps-write", "bytes written"),
    LIMIT(IOPS_TOTAL, "iops-total", "requests"),
    LIMIT(IOPS_READ, "iops-read", "reads"),
    LIMIT(IOPS_WRITE, "iops-write", "writes"),
    VEMU_PROP(struct throttle, iops_size, "iops-size", SIZE, "0",
              "a request that is longer counts as several; 0: as one"),
    VEMU_PROP_END,
};

const struct vemu_image_driver vemu__image_throttle = {
    .name = "throttle",
    .summary = "limits bytes and requests in a second",
    .flags = VEMU_IMAGE_FORMAT_FILTER | VEMU_IMAGE_FORMAT_WRITE,
    .instance_size = sizeof(struct throttle),
    .props = throttle_props,
    .open = throttle_open,
    .close = throttle_close,
    .readv = throttle_readv,
    .writev = throttle_writev,
    .zero = throttle_zero,
    .discard = throttle_discard,
    .hurry = throttle_hurry,
};
