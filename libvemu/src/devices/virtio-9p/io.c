/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 9P2000.L: opening, reading and writing files, reading directories.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "devices/virtio-9p/session.h"

#define PIECES      256u
#define DIR_BUF     16384u
#define ENTRY_FIXED (P9_QID + 8u + 1u + 2u) /* of an entry: qid, offset, type, length of the name */

/* P9_DOTL_*: the numbers of Linux on x86, which are not those of every host */
#define DOTL_ACCMODE   00000003u
#define DOTL_EXCL      00000200u
#define DOTL_TRUNC     00001000u
#define DOTL_APPEND    00002000u
#define DOTL_DSYNC     00010000u
#define DOTL_DIRECTORY 00200000u
#define DOTL_SYNC      04000000u

/* --- opening ---------------------------------------------------------------------------------- */

/* What concerns the host; the rest (O_DIRECT, O_NOATIME ...) is for the guest and its kernel. */
static int host_flags(uint32_t dotl)
{
    int flags = (int)(dotl & DOTL_ACCMODE);

    flags |= dotl & DOTL_TRUNC ? O_TRUNC : 0;
    flags |= dotl & DOTL_APPEND ? O_APPEND : 0;
    flags |= dotl & DOTL_DSYNC ? O_DSYNC : 0;
    flags |= dotl & DOTL_SYNC ? O_SYNC : 0;
    flags |= dotl & DOTL_DIRECTORY ? O_DIRECTORY : 0;
    return flags;
}

static int put_open(struct p9_session *s, const struct p9_fid *fid, struct p9_writer *w)
{
    struct p9_qid qid;
    int e = vemu__p9_qid(s, fid->node->fd, &qid);

    if (e < 0)
        return e;
    vemu__p9_put_qid(w, &qid);
    vemu__p9_put32(w, 0); /* iounit: as much as a message holds */
    return 0;
}

static int open_node(struct p9_session *s, struct p9_fid *fid, const struct p9_node *node,
                     uint32_t dotl)
{
    int fd, e = vemu__p9_fd_count(s);

    if (e < 0)
        return e;
    fd = vemu__fs_open(s->fs, node->fd, host_flags(dotl));
    if (fd < 0)
        vemu__p9_fd_close(s, -1);
    else
        fid->fd = fd;
    return fd;
}

int vemu__p9_lopen(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    uint32_t dotl = vemu__p9_get32(r);
    int e;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (fid->fd >= 0 || fid->kind != P9_FILE || (dotl & DOTL_ACCMODE) == DOTL_ACCMODE)
        return -EINVAL;
    e = open_node(s, fid, fid->node, dotl);
    return e < 0 ? e : put_open(s, fid, w);
}

/* The fid was the directory's and becomes the file's. */
static void fid_becomes(struct p9_session *s, struct p9_fid *fid, struct p9_node *node,
                        const char *name)
{
    vemu__p9_place_set(s, &fid->place, fid->node, name);
    vemu__p9_node_unref(s, fid->node);
    fid->node = node;
}

/* Somebody else made it, or it was there: then it is opened as it is. */
static int open_existing(struct p9_session *s, struct p9_fid *fid, const char *name, uint32_t dotl)
{
    struct p9_node *node;
    int e = vemu__p9_node_walk(s, fid->node, name, &node);

    if (e < 0)
        return e;
    e = open_node(s, fid, node, dotl);
    if (e < 0)
        vemu__p9_node_unref(s, node);
    else
        fid_becomes(s, fid, node, name);
    return e;
}

static int create(struct p9_session *s, struct p9_fid *fid, const char *name, uint32_t dotl,
                  uint32_t mode, uint32_t gid)
{
    const struct vemu_fs_owner owner = { fid->uid, gid };
    struct p9_node *node;
    int fd, e = vemu__p9_fd_count(s);

    if (e < 0)
        return e;
    fd = vemu__fs_create(s->fs, fid->node->fd, name,
                         host_flags(dotl & ~(DOTL_TRUNC | DOTL_DIRECTORY)), mode, owner);
    if (fd < 0) {
        vemu__p9_fd_close(s, -1);
        return fd;
    }
    e = vemu__p9_node_walk(s, fid->node, name, &node);
    if (e < 0) {
        vemu__p9_fd_close(s, fd);
        return e;
    }
    fid_becomes(s, fid, node, name);
    fid->fd = fd;
    return 0;
}

int vemu__p9_lcreate(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    const char *name = vemu__p9_get_string(r);
    uint32_t dotl = vemu__p9_get32(r), mode = vemu__p9_get32(r), gid = vemu__p9_get32(r);
    int e;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (fid->fd >= 0 || fid->kind != P9_FILE || (dotl & DOTL_ACCMODE) == DOTL_ACCMODE)
        return -EINVAL;
    e = create(s, fid, name, dotl, mode, gid);
    if (e == -EEXIST && !(dotl & DOTL_EXCL))
        e = open_existing(s, fid, name, dotl);
    return e < 0 ? e : put_open(s, fid, w);
}

int vemu__p9_fsync(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    uint32_t only_data = r->at < r->end ? vemu__p9_get32(r) : 0; /* older clients say nothing */
    int e;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (fid->fd < 0)
        return -EBADF;
    e = only_data ? fdatasync(fid->fd) : fsync(fid->fd);
    return e < 0 ? -errno : 0;
}

/* --- bulk data -------------------------------------------------------------------------------- */

static ssize_t transfer(int fd, const struct iovec *iov, unsigned count, uint64_t offset, bool in)
{
    ssize_t n;

    if (offset > INT64_MAX)
        return -EINVAL;
    do
        n = in ? preadv(fd, iov, (int)count, (off_t)offset)
               : pwritev(fd, iov, (int)count, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int vemu__p9_read(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    const struct vemu_virtq_elem *elem = s->elem;
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    uint64_t offset = vemu__p9_get64(r);
    size_t count = vemu__p9_get32(r);
    struct iovec iov[PIECES];
    ssize_t n;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (elem->in_size < P9_HEADER + P9_IO)
        return -EMSGSIZE;
    count = MIN(count, MIN(elem->in_size, s->msize) - P9_HEADER - P9_IO);
    if (fid->kind == P9_XATTR_READ) {
        n = (ssize_t)(offset < fid->size ? MIN(count, fid->size - offset) : 0);
        vemu__virtq_elem_write(elem, P9_HEADER + P9_IO, fid->value + (n ? offset : 0), (size_t)n);
    } else if (fid->fd < 0 || fid->kind != P9_FILE) {
        return -EBADF;
    } else {
        unsigned pieces =
            vemu__virtq_slice(elem->in, elem->in_count, P9_HEADER + P9_IO, count, iov, PIECES);

        n = transfer(fid->fd, iov, pieces, offset, true);
        if (n < 0)
            return (int)n;
    }
    vemu__p9_put32(w, (uint32_t)n);
    s->bulk = (size_t)n;
    return 0;
}

int vemu__p9_write(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    const struct vemu_virtq_elem *elem = s->elem;
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    uint64_t offset = vemu__p9_get64(r);
    size_t count = vemu__p9_get32(r);
    struct iovec iov[PIECES];
    ssize_t n;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    /* Drivers of before 2020 do not count the data of a write in the message's size. */
    if (count > elem->out_size - P9_WRITE)
        return -EINVAL;
    if (fid->kind == P9_XATTR_WRITE) {
        if (offset != fid->filled || count > fid->size - fid->filled)
            return -ENOSPC;
        n = (ssize_t)vemu__virtq_elem_read(elem, P9_WRITE, fid->value + offset, count);
        fid->filled += (size_t)n;
    } else if (fid->fd < 0 || fid->kind != P9_FILE) {
        return -EBADF;
    } else {
        unsigned pieces =
            vemu__virtq_slice(elem->out, elem->out_count, P9_WRITE, count, iov, PIECES);

        n = transfer(fid->fd, iov, pieces, offset, false);
        if (n > 0)
            vemu__fs_wrote(s->fs, fid->fd, offset, (uint64_t)n);
        if (n < 0)
            return (int)n;
    }
    vemu__p9_put32(w, (uint32_t)n);
    return 0;
}

/* --- directories ------------------------------------------------------------------------------ */

/* What the host says of an entry; with mapped-xattr it does not know the type. */
static void put_entry(const struct p9_session *s, const struct p9_fid *fid,
                      const struct dirent64 *entry, struct p9_writer *w)
{
    struct stat st = { .st_dev = fid->node->dev, .st_ino = entry->d_ino };
    uint8_t type = entry->d_type;
    struct p9_qid qid;

    if (s->fs->security == VEMU_FS_MAPPED && type == DT_REG)
        type = DT_UNKNOWN;
    st.st_mode = type == DT_DIR ? S_IFDIR : type == DT_LNK ? S_IFLNK : S_IFREG;
    if (!fid->node->parent && strcmp(entry->d_name, "..") == 0)
        st.st_ino = fid->node->ino; /* what is above is nobody's business */
    qid = vemu__p9_qid_of(s, &st);
    vemu__p9_put_qid(w, &qid);
    vemu__p9_put64(w, (uint64_t)entry->d_off);
    vemu__p9_put8(w, type);
    vemu__p9_put_string(w, entry->d_name, strlen(entry->d_name));
}

/* As many entries as fit into `room` bytes. */
static int put_entries(struct p9_session *s, const struct p9_fid *fid, size_t room,
                       struct p9_writer *w)
{
    char buf[DIR_BUF] __attribute__((aligned(8)));
    size_t start = w->used;

    for (;;) {
        ssize_t n = getdents64(fid->fd, buf, sizeof(buf));

        if (n <= 0)
            return n < 0 && w->used == start ? -errno : 0;
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *entry = (const void *)(buf + at);

            if (w->used - start + ENTRY_FIXED + strlen(entry->d_name) > room)
                return w->used == start ? -EINVAL : 0;
            put_entry(s, fid, entry, w);
            at += entry->d_reclen;
        }
    }
}

int vemu__p9_readdir(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    uint64_t offset = vemu__p9_get64(r);
    size_t room = vemu__p9_get32(r), at = w->used, used;
    int e;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (fid->fd < 0 || fid->kind != P9_FILE)
        return -EBADF;
    vemu__p9_put32(w, 0);
    if (w->full)
        return -EMSGSIZE;
    room = MIN(room, MIN(w->size, s->msize) - w->used);
    /* Offsets are the host's; whatever the client makes up leads somewhere in the directory. */
    if (lseek(fid->fd, (off_t)offset, SEEK_SET) < 0)
        return -errno;
    e = put_entries(s, fid, room, w);
    if (e < 0)
        return e;
    used = w->used;
    w->used = at;
    vemu__p9_put32(w, (uint32_t)(used - at - P9_IO));
    w->used = used;
    return 0;
}
