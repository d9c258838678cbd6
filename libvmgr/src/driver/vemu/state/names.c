/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has a name or UUID.
 *
 * A file counts how often the set of names and UUIDs has grown. While it says what it said when
 * this cache was complete, nobody else has added to the set, and looking through all files can be
 * left out. Files that went away only make for conflicts that are none, so those are checked
 * against the files.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../vemu.h"
#include "cache.h"

static char *generation_path(const struct vemu *d)
{
    return g_strconcat(d->lock_dir, ".generation", NULL);
}

static uint64_t read_generation(const struct vemu *d)
{
    g_autofree char *path = generation_path(d);
    g_autofree char *text = NULL;
    uint64_t n = 0;

    if (vmgr__file_read(path, &text, NULL) > 0)
        g_strchomp(text);
    return text && vmgr__parse_u64(text, &n) ? n : 0;
}

void vmgr__vemu_set_grew(struct vemu *d)
{
    g_autofree char *path = generation_path(d);
    uint64_t n = read_generation(d);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    char text[32];
    bool written;

    /* In place, since replacing a file waits for the disk on some file systems. What is read while
     * it is half written is no number, or none that anybody has. */
    g_snprintf(text, sizeof(text), "%020" G_GUINT64_FORMAT "\n", n + 1);
    written = fd >= 0 && pwrite(fd, text, strlen(text), 0) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    if (!written)
        unlink(path); /* everybody looks at all files again */
    g_mutex_lock(&d->lock);
    /* What was added is this caller's own, and is in the cache before it asks again. */
    d->generation = written && d->generation == n && n ? n + 1 : 0;
    g_mutex_unlock(&d->lock);
}

int vmgr__vemu_check_unique(struct vemu *d, const struct vmgr__domain_def *def, bool inactive,
                            struct vmgr_error **err)
{
    uint64_t generation = read_generation(d);
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
