/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 9P2000.L: attributes, statistics, links' targets, extended attributes.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "devices/virtio-9p/session.h"

#define GETATTR_BASIC 0x7ffull

#define SET_MODE      (1u << 0)
#define SET_UID       (1u << 1)
#define SET_GID       (1u << 2)
#define SET_SIZE      (1u << 3)
#define SET_ATIME     (1u << 4)
#define SET_MTIME     (1u << 5)
#define SET_CTIME     (1u << 6)
#define SET_ATIME_SET (1u << 7) /* to the value given, not to now */
#define SET_MTIME_SET (1u << 8)
#define SET_ALL       0x1ffu

/* --- identity --------------------------------------------------------------------------------- */

/* Inode numbers of other file systems below the tree are moved away from those of its own. */
struct p9_qid vemu__p9_qid_of(const struct p9_session *s, const struct stat *st)
{
    struct p9_qid qid = { .path = st->st_ino };

    if (st->st_dev != s->fs->root_stat.st_dev)
        qid.path ^= (uint64_t)st->st_dev * 0x9e3779b97f4a7c15u;
    qid.version = (uint32_t)(st->st_mtim.tv_sec ^ st->st_mtim.tv_nsec ^ st->st_size << 8);
    qid.type = S_ISDIR(st->st_mode) ? 0x80 : S_ISLNK(st->st_mode) ? 0x02 : 0;
    return qid;
}

int vemu__p9_qid(struct p9_session *s, int file, struct p9_qid *ret)
{
    struct stat st;
    int e = vemu__fs_stat(s->fs, file, &st);

    if (e >= 0)
        *ret = vemu__p9_qid_of(s, &st);
    return e;
}

/* --- attributes ------------------------------------------------------------------------------- */

static void put_time(struct p9_writer *w, const struct timespec *t)
{
    vemu__p9_put64(w, (uint64_t)t->tv_sec);
    vemu__p9_put64(w, (uint64_t)t->tv_nsec);
}

int vemu__p9_getattr(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    static const struct timespec unknown;
    struct p9_qid qid;
    struct stat st;
    int e;

    vemu__p9_get64(r); /* what is asked for: all of the basic ones are given */
    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    e = vemu__fs_stat(s->fs, fid->node->fd, &st);
    if (e < 0)
        return e;
    qid = vemu__p9_qid_of(s, &st);
    vemu__p9_put64(w, GETATTR_BASIC);
    vemu__p9_put_qid(w, &qid);
    vemu__p9_put32(w, st.st_mode);
    vemu__p9_put32(w, st.st_uid);
    vemu__p9_put32(w, st.st_gid);
    vemu__p9_put64(w, st.st_nlink);
    vemu__p9_put64(w, st.st_rdev);
    vemu__p9_put64(w, (uint64_t)st.st_size);
    vemu__p9_put64(w, (uint64_t)st.st_blksize);
    vemu__p9_put64(w, (uint64_t)st.st_blocks);
    put_time(w, &st.st_atim);
    put_time(w, &st.st_mtim);
    put_time(w, &st.st_ctim);
    put_time(w, &unknown); /* birth */
    vemu__p9_put64(w, 0);  /* generation */
    vemu__p9_put64(w, 0);  /* data version */
    return 0;
}

struct change {
    uint32_t valid, mode;
    struct vemu_fs_owner owner;
    uint64_t size;
    struct timespec times[2];
};

static struct timespec get_time(struct p9_reader *r, bool set, bool given)
{
    struct timespec t;

    t.tv_sec = (time_t)vemu__p9_get64(r);
    t.tv_nsec = (long)vemu__p9_get64(r);
    if (!set)
        t.tv_nsec = UTIME_OMIT;
    else if (!given)
        t.tv_nsec = UTIME_NOW;
    else if (t.tv_nsec < 0 || t.tv_nsec > 999999999)
        r->bad = true;
    return t;
}

static int set_attributes(struct p9_session *s, int file, const struct change *c)
{
    int e = 0;

    if (c->valid & SET_MODE)
        e = vemu__fs_chmod(s->fs, file, c->mode);
    if (e >= 0 && c->valid & (SET_ATIME | SET_MTIME))
        e = vemu__fs_utimens(s->fs, file, c->times);
    /* Nobody can set ctime; any change does. */
    if (e >= 0 && c->valid & (SET_UID | SET_GID | SET_CTIME))
        e = vemu__fs_chown(s->fs, file, c->owner);
    if (e >= 0 && c->valid & SET_SIZE)
        e = vemu__fs_truncate(s->fs, file, c->size);
    return e;
}

int vemu__p9_setattr(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    struct change c = { .valid = vemu__p9_get32(r) };

    c.mode = vemu__p9_get32(r);
    c.owner.uid = vemu__p9_get32(r);
    c.owner.gid = vemu__p9_get32(r);
    c.size = vemu__p9_get64(r);
    c.times[0] = get_time(r, c.valid & SET_ATIME, c.valid & SET_ATIME_SET);
    c.times[1] = get_time(r, c.valid & SET_MTIME, c.valid & SET_MTIME_SET);
    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (c.valid & ~SET_ALL)
        return -EINVAL;
    if (!(c.valid & SET_UID))
        c.owner.uid = VEMU_FS_KEEP;
    if (!(c.valid & SET_GID))
        c.owner.gid = VEMU_FS_KEEP;
    return set_attributes(s, fid->node->fd, &c);
}

int vemu__p9_statfs(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    struct statfs st;
    int e;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    e = vemu__fs_statfs(s->fs, fid->node->fd, &st);
    if (e < 0)
        return e;
    vemu__p9_put32(w, (uint32_t)st.f_type);
    vemu__p9_put32(w, (uint32_t)st.f_bsize);
    vemu__p9_put64(w, st.f_blocks);
    vemu__p9_put64(w, st.f_bfree);
    vemu__p9_put64(w, st.f_bavail);
    vemu__p9_put64(w, st.f_files);
    vemu__p9_put64(w, st.f_ffree);
    vemu__p9_put64(w, (uint32_t)st.f_fsid.__val[0] | (uint64_t)(uint32_t)st.f_fsid.__val[1] << 32);
    vemu__p9_put32(w, (uint32_t)st.f_namelen);
    return 0;
}

int vemu__p9_readlink(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    char target[PATH_MAX];
    int n;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    n = vemu__fs_readlink(s->fs, fid->node->fd, target, sizeof(target));
    if (n < 0)
        return n;
    vemu__p9_put_string(w, target, (size_t)n);
    return 0;
}

/* --- extended attributes ---------------------------------------------------------------------- */

/* Room for a value; the session as a whole has a limit. */
static int reserve(struct p9_session *s, size_t size, uint8_t **ret)
{
    if (size > P9_XATTR_MAX)
        return -E2BIG;
    if (s->xattr_bytes + size > P9_XATTRS_TOTAL)
        return -ENOSPC;
    *ret = g_try_malloc(MAX(size, 1));
    if (!*ret)
        return -ENOMEM;
    s->xattr_bytes += size;
    return 0;
}

/* `name` empty: the list of names. */
static int64_t fetch(struct p9_session *s, int file, const char *name, void *buf, size_t size)
{
    return *name ? vemu__fs_get_xattr(s->fs, file, name, buf, size)
                 : vemu__fs_list_xattr(s->fs, file, buf, size);
}

int vemu__p9_xattrwalk(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r)), *made;
    uint32_t number = vemu__p9_get32(r);
    const char *name = vemu__p9_get_string(r);
    uint8_t *value;
    int64_t size, n;
    int e;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    size = fetch(s, fid->node->fd, name, NULL, 0);
    if (size < 0)
        return (int)size;
    e = vemu__p9_fid_new(s, number, fid->node, fid->uid, &made);
    if (e < 0)
        return e;
    vemu__p9_node_ref(fid->node);
    made->kind = P9_XATTR_READ;
    e = reserve(s, (size_t)size, &value);
    if (e >= 0) {
        made->value = value;
        made->size = (size_t)size;
        n = size ? fetch(s, fid->node->fd, name, value, made->size) : 0;
        e = n < 0 ? (int)n : 0;
        if (n >= 0) { /* it may have become shorter */
            s->xattr_bytes -= made->size - (size_t)n;
            made->size = (size_t)n;
        }
    }
    if (e < 0) {
        vemu__p9_fid_free(s, made);
        return e;
    }
    vemu__p9_put64(w, made->size);
    return 0;
}

int vemu__p9_xattrcreate(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    const char *name = vemu__p9_get_string(r);
    uint64_t size = vemu__p9_get64(r);
    uint32_t flags = vemu__p9_get32(r);
    int e;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (fid->kind != P9_FILE || fid->fd >= 0 || !*name || strlen(name) > XATTR_NAME_MAX ||
        flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
        return -EINVAL;
    if (s->fs->read_only)
        return -EROFS;
    e = reserve(s, size > P9_XATTR_MAX ? P9_XATTR_MAX + 1 : (size_t)size, &fid->value);
    if (e < 0)
        return e;
    fid->kind = P9_XATTR_WRITE;
    fid->name = g_strdup(name);
    fid->size = (size_t)size;
    fid->flags = (int)flags;
    return 0;
}

/* Linux removes an attribute by replacing it by nothing. */
int vemu__p9_xattr_commit(struct p9_session *s, struct p9_fid *fid)
{
    if (fid->filled != fid->size)
        return -EINVAL;
    if (!fid->size && fid->flags == XATTR_REPLACE)
        return vemu__fs_remove_xattr(s->fs, fid->node->fd, fid->name);
    return vemu__fs_set_xattr(s->fs, fid->node->fd, fid->name, fid->value, fid->size, fid->flags);
}
