/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that are under way, exclusive work, and the guest clusters that are being allocated.
 */
#include <errno.h>

#include "image/qcow2/qcow2.h"

unsigned vemu__qcow2_begin(struct qcow2 *s)
{
    unsigned token;

    while (s->exclusive)
        pthread_cond_wait(&s->changed, &s->lock);
    token = s->epoch & 1;
    atomic_fetch_add(&s->requests[token], 1);
    return token;
}

void vemu__qcow2_end(struct qcow2 *s, unsigned token)
{
    if (atomic_fetch_sub(&s->requests[token], 1) != 1 || !atomic_load(&s->waiting))
        return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

int vemu__qcow2_begin_change(struct qcow2 *s, uint64_t offset, uint64_t bytes, unsigned *ret_token)
{
    int r;

    pthread_mutex_lock(&s->lock);
    *ret_token = vemu__qcow2_begin(s);
    r = vemu__qcow2_bitmaps_touch(s, offset, bytes);
    pthread_mutex_unlock(&s->lock);
    return r;
}

int vemu__qcow2_end_change(struct qcow2 *s, unsigned token, uint32_t flags, int r)
{
    int r2;

    vemu__qcow2_end(s, token);
    r2 = flags & VEMU_IMAGE_FUA ? vemu__qcow2_flush(&s->image) : vemu__qcow2_relieve(s);
    return r < 0 ? r : r2;
}

int vemu__qcow2_exclusive_begin(struct qcow2 *s)
{
    int r = 0;

    pthread_mutex_lock(&s->writeback_lock);
    pthread_mutex_lock(&s->lock);
    s->exclusive = true;
    atomic_store(&s->waiting, true);
    while (atomic_load(&s->requests[0]) || atomic_load(&s->requests[1]))
        pthread_cond_wait(&s->changed, &s->lock);
    atomic_store(&s->waiting, false);
    pthread_mutex_unlock(&s->lock);
    if (s->writable)
        r = vemu__qcow2_settle(s);
    if (r < 0)
        vemu__qcow2_exclusive_end(s);
    return r;
}

void vemu__qcow2_exclusive_end(struct qcow2 *s)
{
    pthread_mutex_lock(&s->lock);
    s->exclusive = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->writeback_lock);
}

int vemu__qcow2_quiet(struct vemu_image *image, void (*fn)(void *), void *data)
{
    struct qcow2 *s = qcow2_of(image);
    int r = vemu__qcow2_exclusive_begin(s);

    if (r < 0)
        return r;
    fn(data);
    vemu__qcow2_exclusive_end(s);
    return 0;
}

uint64_t vemu__qcow2_not_in_flight(const struct qcow2 *s, uint64_t first, uint64_t count)
{
    for (const struct qcow2_flight *flight = s->in_flight; flight; flight = flight->next) {
        if (flight->first >= first + count || flight->first + flight->count <= first)
            continue;
        if (flight->first <= first)
            return 0;
        count = flight->first - first;
    }
    return count;
}

void vemu__qcow2_flight_add(struct qcow2 *s, struct qcow2_flight *flight)
{
    flight->next = s->in_flight;
    s->in_flight = flight;
}

void vemu__qcow2_flight_remove(struct qcow2 *s, struct qcow2_flight *flight)
{
    struct qcow2_flight **at = &s->in_flight;

    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    pthread_cond_broadcast(&s->changed);
}
