/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits of bytes and requests in a second, which images share or have for themselves.
 *
 * Each limit is a bucket that leaks at its rate. A request pours in what it costs; when the bucket
 * is over its brim, the next request waits until it is not. The brim is a tenth of a second's
 * worth, or with a burst (-max) what that rate gives in the burst's length; a second bucket then
 * keeps the burst itself to its rate. A request is accounted for when it comes, before it sleeps,
 * so that requests go on in the order in which they came, whichever image of the group they are
 * for.
 */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "core/thread.h"
#include "image/throttle.h"

struct level {
    double level, burst_level;
};

struct vemu_throttle_group {
    gint refs;
    struct vemu_throttle_limits limits;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    /* under the lock */
    struct level levels[THROTTLE_BUCKETS];
    int64_t last_ns;
};

/* --- buckets ---------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void leak(struct vemu_throttle_group *group, int64_t now)
{
    double seconds = (double)(now - group->last_ns) / 1e9;

    group->last_ns = now;
    for (unsigned i = 0; i < THROTTLE_BUCKETS; i++) {
        struct level *at = &group->levels[i];

        at->level = MAX(0, at->level - (double)group->limits.of[i].rate * seconds);
        at->burst_level = MAX(0, at->burst_level - (double)group->limits.of[i].burst * seconds);
    }
}

/* What it costs is poured in; seconds until there is room. */
static double pour(struct vemu_throttle_group *group, enum vemu_throttle_bucket bucket, double cost)
{
    double rate = (double)group->limits.of[bucket].rate;
    double burst = (double)group->limits.of[bucket].burst, seconds = 0;
    double brim = burst > 0 ? burst * (double)group->limits.of[bucket].length : rate / 10;
    struct level *at = &group->levels[bucket];

    if (rate > 0 && at->level > brim)
        seconds = (at->level - brim) / rate;
    if (rate > 0 && burst > 0 && at->burst_level > burst / 10)
        seconds = MAX(seconds, (at->burst_level - burst / 10) / burst);
    at->level += cost;
    at->burst_level += cost;
    return seconds;
}

static void sleep_locked(struct vemu_throttle_group *group, int64_t until, const unsigned *hurried)
{
    const struct timespec at = { until / 1000000000, (long)(until % 1000000000) };

    while (!*hurried && now_ns() < until)
        pthread_cond_timedwait(&group->cond, &group->lock, &at);
}

void vemu__throttle_group_account(struct vemu_throttle_group *group, uint64_t bytes, bool write,
                                  const unsigned *hurried)
{
    uint64_t unit = group->limits.iops_size;
    double ops = unit && bytes > unit ? (double)bytes / (double)unit : 1, seconds = 0;
    int64_t now;

    pthread_mutex_lock(&group->lock);
    now = now_ns();
    leak(group, now);
    seconds = MAX(seconds, pour(group, THROTTLE_BPS_TOTAL, (double)bytes));
    seconds =
        MAX(seconds, pour(group, write ? THROTTLE_BPS_WRITE : THROTTLE_BPS_READ, (double)bytes));
    seconds = MAX(seconds, pour(group, THROTTLE_IOPS_TOTAL, ops));
    seconds = MAX(seconds, pour(group, write ? THROTTLE_IOPS_WRITE : THROTTLE_IOPS_READ, ops));
    if (seconds > 0)
        sleep_locked(group, now + (int64_t)(MIN(seconds, 1e6) * 1e9), hurried);
    pthread_mutex_unlock(&group->lock);
}

void vemu__throttle_group_hurry(struct vemu_throttle_group *group, unsigned *hurried, bool on)
{
    pthread_mutex_lock(&group->lock);
    *hurried += on ? 1 : -1u;
    pthread_cond_broadcast(&group->cond);
    pthread_mutex_unlock(&group->lock);
}

/* --- life ------------------------------------------------------------------------------------- */

int vemu__throttle_check(const struct vemu_throttle_limits *limits, struct vemu_error **err)
{
    for (unsigned i = 0; i < THROTTLE_BUCKETS; i++) {
        uint64_t rate = limits->of[i].rate, burst = limits->of[i].burst;
        uint64_t length = limits->of[i].length;

        if (rate > 1000000000000000 || burst > 1000000000000000)
            return vemu__error_set(err, EINVAL, "limits are at most 10^15 in a second");
        if (burst && burst < rate)
            return vemu__error_set(err, EINVAL, "a burst (-max) is not below its limit");
        if (burst && !rate)
            return vemu__error_set(err, EINVAL, "a burst (-max) needs a limit");
        if (!length || length > 1000000)
            return vemu__error_set(err, EINVAL, "a burst's length is from 1 to 1000000 seconds");
        if (length > 1 && !burst)
            return vemu__error_set(err, EINVAL, "a burst's length needs a burst (-max)");
    }
    if ((limits->of[THROTTLE_BPS_TOTAL].rate &&
         (limits->of[THROTTLE_BPS_READ].rate || limits->of[THROTTLE_BPS_WRITE].rate)) ||
        (limits->of[THROTTLE_IOPS_TOTAL].rate &&
         (limits->of[THROTTLE_IOPS_READ].rate || limits->of[THROTTLE_IOPS_WRITE].rate)))
        return vemu__error_set(err, EINVAL,
                               "a limit of the total excludes limits of reads and writes");
    return 0;
}

int vemu__throttle_group_new(const struct vemu_throttle_limits *limits,
                             struct vemu_throttle_group **ret, struct vemu_error **err)
{
    struct vemu_throttle_group *group;
    int r = vemu__throttle_check(limits, err);

    if (r < 0)
        return r;
    group = g_new0(struct vemu_throttle_group, 1);
    group->refs = 1;
    group->limits = *limits;
    pthread_mutex_init(&group->lock, NULL);
    vemu__cond_init(&group->cond);
    group->last_ns = now_ns();
    *ret = group;
    return 0;
}

int vemu__throttle_group_set(struct vemu_throttle_group *group,
                             const struct vemu_throttle_limits *limits, struct vemu_error **err)
{
    int r = vemu__throttle_check(limits, err);

    if (r < 0)
        return r;
    pthread_mutex_lock(&group->lock);
    leak(group, now_ns());
    group->limits = *limits;
    memset(group->levels, 0, sizeof(group->levels));
    pthread_cond_broadcast(&group->cond);
    pthread_mutex_unlock(&group->lock);
    return 0;
}

struct vemu_throttle_group *vemu__throttle_group_ref(struct vemu_throttle_group *group)
{
    g_atomic_int_inc(&group->refs);
    return group;
}

void vemu__throttle_group_unref(struct vemu_throttle_group *group)
{
    if (!group || !g_atomic_int_dec_and_test(&group->refs))
        return;
    pthread_cond_destroy(&group->cond);
    pthread_mutex_destroy(&group->lock);
    g_free(group);
}
