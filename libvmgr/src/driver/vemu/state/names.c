/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has a name or UUID.
 *
 * The file of the global lock counts how often the set of names and UUIDs has grown. While it says
 * what it said when this cache was complete, nobody else has added to the set, and looking through
 * all files can be left out. Files that went away only make for conflicts that are none, so those
 * are checked against the files.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../vemu.h"
#include "cache.h"

#define DIGITS 20

/* 0: nobody knows. */
static uint64_t read_generation(int lock)
{
    char text[DIGITS + 1] = { 0 };
    uint64_t n = 0;

    if (lock < 0 || pread(lock, text, DIGITS, 0) != DIGITS)
        return 0;
    return vmgr__parse_u64(text, &n) ? n : 0;
}

void vmgr__vemu_set_grew(struct vemu *d, int lock)
{
    const uint64_t n = read_generation(lock);
    char text[DIGITS + 2];
    bool written;

    /* In place: replacing a file, and cutting it short, waits for the disk on some file systems. */
    g_snprintf(text, sizeof(text), "%0*" G_GUINT64_FORMAT "\n", DIGITS, n + 1);
    written = pwrite(lock, text, DIGITS + 1, 0) == DIGITS + 1;
    if (!written && ftruncate(lock, 0) < 0) /* everybody looks at all files again */
        g_debug("the number of changes cannot be taken back: %s", g_strerror(errno));
    g_mutex_lock(&d->lock);
    /* What was added is this caller's own, and is in the cache before it asks again. */
    d->generation = written && d->generation == n && n ? n + 1 : 0;
    g_mutex_unlock(&d->lock);
}

int vmgr__vemu_check_unique(struct vemu *d, int lock, const struct vmgr__domain_def *def,
                            bool inactive, struct vmgr_error **err)
{
    const uint64_t generation = read_generation(lock);
    struct vmgr__domobj *obj;
    int r = -1;

    g_mutex_lock(&d->lock);
    if (generation && generation == d->generation) {
        vmgr__vemu_refresh_locked(d, def->name);
        r = vmgr__domlist_check(&d->list, def, inactive, &obj, NULL);
    }
    if (r < 0) {
        vmgr__vemu_refresh_all_locked(d);
        d->generation = generation;
        r = vmgr__domlist_check(&d->list, def, inactive, &obj, err);
    }
    g_mutex_unlock(&d->lock);
    return r;
}
