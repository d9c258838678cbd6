/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sessions: a console or channel has one client at a time.
 *
 * Who has it holds an flock() on a file beside the run, and its text changes when another client
 * takes over by force: the holder watches the file and ends its stream.
 */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

struct vemu_session {
    int lock_fd;
    char ticket[64];
};

static bool was_taken(void *data)
{
    const struct vemu_session *s = data;
    char now[64] = { 0 };

    return pread(s->lock_fd, now, sizeof(now) - 1, 0) < 0 || strcmp(now, s->ticket) != 0;
}

void vmgr__session_free(void *data)
{
    struct vemu_session *s = data;

    close(s->lock_fd);
    g_free(s);
}

static const struct vmgr__stream_ops session_ops = { .taken = was_taken,
                                                     .closed = vmgr__session_free };

static int write_ticket(struct vemu_session *s)
{
    static gint counter;

    g_snprintf(s->ticket, sizeof(s->ticket), "%d.%d.%" G_GINT64_FORMAT, (int)getpid(),
               g_atomic_int_add(&counter, 1), g_get_monotonic_time());
    /* One write of the new text over the old: there is no moment in which the file is empty.
     * Tickets are short; the rest is cut off afterwards. */
    if (pwrite(s->lock_fd, s->ticket, strlen(s->ticket), 0) < 0 ||
        ftruncate(s->lock_fd, (off_t)strlen(s->ticket)) < 0)
        return -1;
    return 0;
}

struct vemu_session *vmgr__session_open(const char *path, bool force, const char *what,
                                        struct vmgr_error **err)
{
    struct vemu_session *s = g_new0(struct vemu_session, 1);
    bool free_now;

    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot open lock file '%s'", path);
        g_free(s);
        return NULL;
    }
    free_now = flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0;
    if (!free_now && !force) {
        vemu_error(err, VMGR_ERR_OPERATION_FAILED, "Active %s exists for this domain", what);
        vmgr__session_free(s);
        return NULL;
    }
    if (write_ticket(s) < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot write lock file '%s'", path);
        vmgr__session_free(s);
        return NULL;
    }
    /* The former holder sees the ticket and closes; its lock becomes ours when it does. A client
     * that comes in between and uses force as well wins, as it should. */
    if (!free_now) {
        for (int i = 0; i < 100 && flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0; i++)
            g_usleep(1000);
    }
    return s;
}

int vmgr__session_stream(struct vmgr_conn *conn, struct vemu_session *s, const char *path, int fd,
                         struct vmgr_stream **ret, struct vmgr_error **err)
{
    int watch;

    if (fd < 0) {
        vmgr__session_free(s);
        return -1;
    }
    watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch >= 0)
        inotify_add_watch(watch, path, IN_MODIFY);
    *ret = vmgr__stream_new(conn, fd, fd, watch, &session_ops, s, err);
    return *ret ? 0 : -1;
}
