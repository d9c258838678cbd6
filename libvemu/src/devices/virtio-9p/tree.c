/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 9P2000.L: walking, making, renaming and removing.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "devices/virtio-9p/session.h"

#define REMOVE_DIR 0x200u /* P9_DOTL_AT_REMOVEDIR */

/* --- walking ---------------------------------------------------------------------------------- */

/* As far as the names lead: their number, or -errno if not even the first does. `*node` is where it
 * came, `*dir` where that was found; both are references, which go and come. */
static int walk(struct p9_session *s, struct p9_node **node, struct p9_node **dir,
                const char *const *names, unsigned count, struct p9_qid *qids)
{
    struct p9_node *next;
    unsigned i;
    int e = 0;

    for (i = 0; i < count; i++) {
        e = vemu__p9_node_walk(s, *node, names[i], &next);
        if (e < 0)
            break;
        vemu__p9_node_unref(s, *dir);
        *dir = *node;
        *node = next;
        e = vemu__p9_qid(s, next->fd, &qids[i]);
        if (e < 0)
            break;
    }
    return i || e >= 0 ? (int)i : e;
}

/* The fid, or a new one, is the node from now on. */
static int arrive(struct p9_session *s, struct p9_fid *fid, uint32_t number, struct p9_node *node,
                  const struct p9_place *place)
{
    struct p9_fid *made = fid;
    int e;

    vemu__p9_node_ref(node);
    if (fid->number == number) {
        vemu__p9_node_unref(s, fid->node);
        fid->node = node;
    } else {
        e = vemu__p9_fid_new(s, number, node, fid->uid, &made);
        if (e < 0) {
            vemu__p9_node_unref(s, node);
            return e;
        }
    }
    vemu__p9_place_set(s, &made->place, place->dir, place->name);
    return 0;
}

int vemu__p9_walk(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    uint32_t number = vemu__p9_get32(r), new_number = vemu__p9_get32(r);
    struct p9_fid *fid = vemu__p9_fid_find(s, number);
    struct p9_node *node, *dir = NULL;
    unsigned count = vemu__p9_get16(r);
    const char *names[P9_WALK_MAX];
    struct p9_qid qids[P9_WALK_MAX];
    int e, arrived = 0;

    if (count > P9_WALK_MAX)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++)
        names[i] = vemu__p9_get_string(r);
    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (number == new_number ? fid->fd >= 0 || fid->kind != P9_FILE
                             : vemu__p9_fid_find(s, new_number) != NULL)
        return -EINVAL;
    node = vemu__p9_node_ref(fid->node);
    e = walk(s, &node, &dir, names, count, qids);
    if (e == (int)count) {
        bool is_dir = count && qids[count - 1].type & 0x80;
        const struct p9_place found = { is_dir || !count ? NULL : dir,
                                        count ? (char *)names[count - 1] : NULL };

        arrived = arrive(s, fid, new_number, node, count ? &found : &fid->place);
    }
    vemu__p9_node_unref(s, dir);
    vemu__p9_node_unref(s, node);
    if (e < 0 || arrived < 0)
        return e < 0 ? e : arrived;
    vemu__p9_put16(w, (uint16_t)e);
    for (int i = 0; i < e; i++)
        vemu__p9_put_qid(w, &qids[i]);
    return 0;
}

/* --- making ----------------------------------------------------------------------------------- */

/* The answer to what made a file: its qid. */
static int put_new(struct p9_session *s, const struct p9_fid *dir, const char *name,
                   struct p9_writer *w)
{
    struct p9_qid qid;
    int fd = vemu__fs_lookup(s->fs, dir->node->fd, name), e;

    if (fd < 0)
        return fd;
    e = vemu__p9_qid(s, fd, &qid);
    close(fd);
    if (e >= 0)
        vemu__p9_put_qid(w, &qid);
    return e;
}

int vemu__p9_mkdir(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *dir = vemu__p9_fid_find(s, vemu__p9_get32(r));
    const char *name = vemu__p9_get_string(r);
    uint32_t mode = vemu__p9_get32(r), gid = vemu__p9_get32(r);
    int e;

    if (r->bad || !dir)
        return r->bad ? -EINVAL : -EBADF;
    e = vemu__fs_mkdir(s->fs, dir->node->fd, name, mode, (struct vemu_fs_owner){ dir->uid, gid });
    return e < 0 ? e : put_new(s, dir, name, w);
}

int vemu__p9_mknod(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *dir = vemu__p9_fid_find(s, vemu__p9_get32(r));
    const char *name = vemu__p9_get_string(r);
    uint32_t mode = vemu__p9_get32(r), major_ = vemu__p9_get32(r), minor_ = vemu__p9_get32(r);
    uint32_t gid = vemu__p9_get32(r);
    int e;

    if (r->bad || !dir)
        return r->bad ? -EINVAL : -EBADF;
    e = vemu__fs_mknod(s->fs, dir->node->fd, name, mode, makedev(major_, minor_),
                       (struct vemu_fs_owner){ dir->uid, gid });
    return e < 0 ? e : put_new(s, dir, name, w);
}

int vemu__p9_symlink(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *dir = vemu__p9_fid_find(s, vemu__p9_get32(r));
    const char *name = vemu__p9_get_string(r), *target = vemu__p9_get_string(r);
    uint32_t gid = vemu__p9_get32(r);
    int e;

    if (r->bad || !dir)
        return r->bad ? -EINVAL : -EBADF;
    e = vemu__fs_symlink(s->fs, target, dir->node->fd, name,
                         (struct vemu_fs_owner){ dir->uid, gid });
    return e < 0 ? e : put_new(s, dir, name, w);
}

int vemu__p9_link(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *dir = vemu__p9_fid_find(s, vemu__p9_get32(r));
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    const char *name = vemu__p9_get_string(r);

    if (r->bad || !dir || !fid)
        return r->bad ? -EINVAL : -EBADF;
    return vemu__fs_link(s->fs, fid->node->fd, dir->node->fd, name);
}

/* --- moving and removing ---------------------------------------------------------------------- */

/* Where the fid's file is, if it still is there. Borrowed. */
static int locate(struct p9_session *s, const struct p9_fid *fid, struct p9_place *ret)
{
    const struct p9_node *node = fid->node;
    struct stat st;
    int fd, e = 0;

    *ret = fid->place.dir ? fid->place : (struct p9_place){ node->parent, node->name };
    if (!ret->dir)
        return -EBUSY; /* the root */
    fd = vemu__fs_lookup(s->fs, ret->dir->fd, ret->name);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        e = -errno;
    else if (st.st_dev != node->dev || st.st_ino != node->ino)
        e = -ESTALE;
    close(fd);
    return e;
}

/* Copies: places and nodes change under way. */
static int move(struct p9_session *s, const struct p9_place *from, const struct p9_place *to)
{
    struct p9_place old = { 0 };
    int e = vemu__fs_rename(s->fs, from->dir->fd, from->name, to->dir->fd, to->name);

    if (e < 0)
        return e;
    vemu__p9_place_set(s, &old, from->dir, from->name);
    vemu__p9_moved(s, &old, to);
    vemu__p9_place_set(s, &old, NULL, NULL);
    return 0;
}

int vemu__p9_rename(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    struct p9_fid *dir = vemu__p9_fid_find(s, vemu__p9_get32(r));
    const char *name = vemu__p9_get_string(r);
    struct p9_place from;
    int e;

    if (r->bad || !dir || !fid)
        return r->bad ? -EINVAL : -EBADF;
    e = locate(s, fid, &from);
    return e < 0 ? e : move(s, &from, &(struct p9_place){ dir->node, (char *)name });
}

int vemu__p9_renameat(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *old_dir = vemu__p9_fid_find(s, vemu__p9_get32(r)), *new_dir;
    const char *old_name = vemu__p9_get_string(r), *new_name;

    new_dir = vemu__p9_fid_find(s, vemu__p9_get32(r));
    new_name = vemu__p9_get_string(r);
    if (r->bad || !old_dir || !new_dir)
        return r->bad ? -EINVAL : -EBADF;
    return move(s, &(struct p9_place){ old_dir->node, (char *)old_name },
                &(struct p9_place){ new_dir->node, (char *)new_name });
}

int vemu__p9_unlinkat(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *dir = vemu__p9_fid_find(s, vemu__p9_get32(r));
    const char *name = vemu__p9_get_string(r);
    uint32_t flags = vemu__p9_get32(r);

    if (r->bad || !dir)
        return r->bad ? -EINVAL : -EBADF;
    if (flags & ~REMOVE_DIR)
        return -EINVAL;
    return vemu__fs_unlink(s->fs, dir->node->fd, name, flags & REMOVE_DIR);
}

/* The fid goes in any case. */
int vemu__p9_remove(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    struct p9_place place;
    int e;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    e = locate(s, fid, &place);
    if (e >= 0) /* directories have no place of their own */
        e = vemu__fs_unlink(s->fs, place.dir->fd, place.name, !fid->place.dir);
    vemu__p9_fid_free(s, fid);
    return e;
}
