/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 9P2000.L: record locks, between the owners that the client tells apart.
 *
 * An owner is a process of a client; locks of one owner never conflict, they replace each other.
 * Locks hold within the session: programs of the host do not see them, since a lock of the host
 * would belong to a descriptor or to this process, neither of which is an owner. Waiting is the
 * client's: it asks again.
 */
#include <errno.h>
#include <string.h>

#include "devices/virtio-9p/session.h"

#define LOCK_READ   0u
#define LOCK_WRITE  1u
#define LOCK_UNLOCK 2u

#define STATUS_SUCCESS 0u
#define STATUS_BLOCKED 1u
#define STATUS_ERROR   2u

static void lock_free(struct p9_session *s, guint i)
{
    struct p9_lock *lock = g_ptr_array_remove_index_fast(s->locks, i);

    g_free(lock->client);
    g_free(lock);
}

void vemu__p9_locks_drop(struct p9_session *s, const struct p9_fid *fid)
{
    for (guint i = 0; i < s->locks->len;) {
        const struct p9_lock *lock = s->locks->pdata[i];

        if (lock->fid == fid->number)
            lock_free(s, i);
        else
            i++;
    }
}

void vemu__p9_locks_clear(struct p9_session *s)
{
    while (s->locks->len)
        lock_free(s, s->locks->len - 1);
}

static bool same_owner(const struct p9_lock *a, const struct p9_lock *b)
{
    return a->proc == b->proc && strcmp(a->client, b->client) == 0;
}

static bool overlaps(const struct p9_lock *a, const struct p9_lock *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->start <= b->end && b->start <= a->end;
}

static const struct p9_lock *conflict(const struct p9_session *s, const struct p9_lock *wanted)
{
    for (guint i = 0; i < s->locks->len; i++) {
        const struct p9_lock *lock = s->locks->pdata[i];

        if (overlaps(lock, wanted) && !same_owner(lock, wanted) &&
            (lock->exclusive || wanted->exclusive))
            return lock;
    }
    return NULL;
}

static bool add(struct p9_session *s, const struct p9_lock *like, uint64_t start, uint64_t end)
{
    struct p9_lock *lock;

    if (s->locks->len >= P9_LOCKS_MAX)
        return false;
    lock = g_new(struct p9_lock, 1);
    *lock = *like;
    lock->client = g_strdup(like->client);
    lock->start = start;
    lock->end = end;
    g_ptr_array_add(s->locks, lock);
    return true;
}

/* The owner's locks in the range go; what sticks out of it stays. */
static bool cut(struct p9_session *s, const struct p9_lock *range)
{
    bool fits = true;

    for (guint i = 0; i < s->locks->len;) {
        struct p9_lock *lock = s->locks->pdata[i];
        uint64_t end = lock->end;

        if (!overlaps(lock, range) || !same_owner(lock, range)) {
            i++;
        } else if (lock->start < range->start) {
            lock->end = range->start - 1;
            if (end > range->end)
                fits = add(s, lock, range->end + 1, end) && fits;
            i++;
        } else if (lock->end > range->end) {
            lock->start = range->end + 1;
            i++;
        } else {
            lock_free(s, i);
        }
    }
    return fits;
}

/* start, length (0: to the end), process, client; false: not a range. */
static bool get_range(struct p9_reader *r, struct p9_lock *ret)
{
    uint64_t length;

    ret->start = vemu__p9_get64(r);
    length = vemu__p9_get64(r);
    ret->end = length ? ret->start + length - 1 : UINT64_MAX;
    ret->proc = vemu__p9_get32(r);
    ret->client = (char *)vemu__p9_get_string(r);
    return ret->end >= ret->start;
}

int vemu__p9_lock(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    uint8_t type = vemu__p9_get8(r), status = STATUS_SUCCESS;
    struct p9_lock wanted = { 0 };
    bool good;

    vemu__p9_get32(r); /* whether the client will ask again */
    good = get_range(r, &wanted);
    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (!good || type > LOCK_UNLOCK || fid->fd < 0)
        return -EINVAL;
    wanted.dev = fid->node->dev;
    wanted.ino = fid->node->ino;
    wanted.fid = fid->number;
    wanted.exclusive = type == LOCK_WRITE;
    if (type == LOCK_UNLOCK) {
        status = cut(s, &wanted) ? STATUS_SUCCESS : STATUS_ERROR;
    } else if (conflict(s, &wanted)) {
        status = STATUS_BLOCKED;
    } else {
        /* Two more at most: what is cut in two, and the new one. */
        if (s->locks->len + 2 > P9_LOCKS_MAX || !cut(s, &wanted) ||
            !add(s, &wanted, wanted.start, wanted.end))
            status = STATUS_ERROR;
    }
    vemu__p9_put8(w, status);
    return 0;
}

int vemu__p9_getlock(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    uint8_t type = vemu__p9_get8(r);
    const struct p9_lock *found;
    struct p9_lock wanted = { 0 };
    bool good = get_range(r, &wanted);

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (!good || type > LOCK_WRITE)
        return -EINVAL;
    wanted.dev = fid->node->dev;
    wanted.ino = fid->node->ino;
    wanted.exclusive = type == LOCK_WRITE;
    found = conflict(s, &wanted);
    vemu__p9_put8(w, (uint8_t)(!found ? LOCK_UNLOCK : found->exclusive ? LOCK_WRITE : LOCK_READ));
    found = found ? found : &wanted;
    vemu__p9_put64(w, found->start);
    vemu__p9_put64(w, found->end == UINT64_MAX ? 0 : found->end - found->start + 1);
    vemu__p9_put32(w, found->proc);
    vemu__p9_put_string(w, found->client, strlen(found->client));
    return 0;
}
