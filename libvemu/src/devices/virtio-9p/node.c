/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that a 9P client knows: nodes, and the fids that refer to them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "devices/virtio-9p/session.h"

/* --- descriptors ------------------------------------------------------------------------------ */

int vemu__p9_fd_count(struct p9_session *s)
{
    if (s->fds >= s->fds_max)
        return -EMFILE;
    s->fds++;
    return 0;
}

void vemu__p9_fd_close(struct p9_session *s, int fd)
{
    if (fd >= 0)
        close(fd);
    s->fds--;
}

/* --- nodes ------------------------------------------------------------------------------------ */

struct p9_node *vemu__p9_node_ref(struct p9_node *node)
{
    node->refs++;
    return node;
}

void vemu__p9_node_unref(struct p9_session *s, struct p9_node *node)
{
    while (node && --node->refs == 0) {
        struct p9_node *parent = node->parent;

        g_hash_table_remove(s->nodes, node);
        vemu__p9_fd_close(s, node->fd);
        g_free(node->name);
        g_free(node);
        node = parent;
    }
}

/* The node of the file that `fd` is; takes the descriptor, which was counted. */
static int node_of(struct p9_session *s, int fd, struct p9_node **ret)
{
    struct p9_node key, *node;
    struct stat st;

    if (fstat(fd, &st) < 0) {
        int r = -errno;

        vemu__p9_fd_close(s, fd);
        return r;
    }
    key.dev = st.st_dev;
    key.ino = st.st_ino;
    node = g_hash_table_lookup(s->nodes, &key);
    if (node) {
        vemu__p9_fd_close(s, fd);
        *ret = vemu__p9_node_ref(node);
        return 0;
    }
    node = g_new0(struct p9_node, 1);
    node->refs = 1;
    node->fd = fd;
    node->dev = st.st_dev;
    node->ino = st.st_ino;
    g_hash_table_add(s->nodes, node);
    *ret = node;
    return 0;
}

static void node_place(struct p9_session *s, struct p9_node *node, struct p9_node *dir,
                       const char *name)
{
    struct p9_node *old = node->parent;

    if (node->dev == s->fs->root_stat.st_dev && node->ino == s->fs->root_stat.st_ino)
        return; /* mounted into itself: the root stays the root */
    if (old == dir && node->name && strcmp(node->name, name) == 0)
        return;
    node->parent = vemu__p9_node_ref(dir);
    g_free(node->name);
    node->name = g_strdup(name);
    vemu__p9_node_unref(s, old);
}

static int counted(struct p9_session *s, int fd)
{
    if (fd < 0)
        s->fds--;
    return fd;
}

int vemu__p9_node_root(struct p9_session *s, struct p9_node **ret)
{
    int r = vemu__p9_fd_count(s);

    if (r < 0)
        return r;
    r = counted(s, vemu__fs_root(s->fs));
    return r < 0 ? r : node_of(s, r, ret);
}

int vemu__p9_node_walk(struct p9_session *s, struct p9_node *dir, const char *name,
                       struct p9_node **ret)
{
    int r;

    if (strcmp(name, "..") == 0) {
        *ret = vemu__p9_node_ref(dir->parent ? dir->parent : dir);
        return 0;
    }
    r = vemu__p9_fd_count(s);
    if (r < 0)
        return r;
    r = counted(s, vemu__fs_lookup(s->fs, dir->fd, name));
    if (r >= 0)
        r = node_of(s, r, ret);
    if (r >= 0)
        node_place(s, *ret, dir, name);
    return r;
}

/* --- names ------------------------------------------------------------------------------------ */

void vemu__p9_place_set(struct p9_session *s, struct p9_place *place, struct p9_node *dir,
                        const char *name)
{
    const struct p9_place old = *place;

    place->dir = dir ? vemu__p9_node_ref(dir) : NULL;
    place->name = dir ? g_strdup(name) : NULL;
    vemu__p9_node_unref(s, old.dir);
    g_free(old.name);
}

void vemu__p9_moved(struct p9_session *s, const struct p9_place *from, const struct p9_place *to)
{
    struct p9_node *node;
    GHashTableIter it;
    gpointer value;

    /* A directory's node hears by being looked for. */
    if (vemu__p9_node_walk(s, to->dir, to->name, &node) >= 0)
        vemu__p9_node_unref(s, node);
    g_hash_table_iter_init(&it, s->fids);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        struct p9_fid *fid = value;

        if (fid->place.dir == from->dir && strcmp(fid->place.name, from->name) == 0)
            vemu__p9_place_set(s, &fid->place, to->dir, to->name);
    }
}

/* --- fids ------------------------------------------------------------------------------------- */

struct p9_fid *vemu__p9_fid_find(struct p9_session *s, uint32_t number)
{
    return g_hash_table_lookup(s->fids, GUINT_TO_POINTER(number));
}

int vemu__p9_fid_new(struct p9_session *s, uint32_t number, struct p9_node *node, uint32_t uid,
                     struct p9_fid **ret)
{
    struct p9_fid *fid;

    if (number == P9_NOFID || vemu__p9_fid_find(s, number))
        return -EINVAL;
    if (g_hash_table_size(s->fids) >= P9_FIDS_MAX)
        return -EMFILE;
    fid = g_new0(struct p9_fid, 1);
    fid->number = number;
    fid->uid = uid;
    fid->node = node;
    fid->fd = -1;
    g_hash_table_insert(s->fids, GUINT_TO_POINTER(number), fid);
    if (ret)
        *ret = fid;
    return 0;
}

static void fid_release(struct p9_session *s, struct p9_fid *fid)
{
    vemu__p9_locks_drop(s, fid);
    if (fid->fd >= 0)
        vemu__p9_fd_close(s, fid->fd);
    if (fid->value)
        s->xattr_bytes -= fid->size;
    g_free(fid->value);
    g_free(fid->name);
    vemu__p9_place_set(s, &fid->place, NULL, NULL);
    vemu__p9_node_unref(s, fid->node);
    g_free(fid);
}

void vemu__p9_fid_free(struct p9_session *s, struct p9_fid *fid)
{
    g_hash_table_remove(s->fids, GUINT_TO_POINTER(fid->number));
    fid_release(s, fid);
}

void vemu__p9_fids_clear(struct p9_session *s)
{
    GHashTableIter it;
    gpointer value;

    g_hash_table_iter_init(&it, s->fids);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        g_hash_table_iter_remove(&it);
        fid_release(s, value);
    }
    /* Directories that the host moved into each other may hold each other. */
    g_hash_table_iter_init(&it, s->nodes);
    while (g_hash_table_iter_next(&it, &value, NULL)) {
        struct p9_node *node = value;

        g_hash_table_iter_remove(&it);
        vemu__p9_fd_close(s, node->fd);
        g_free(node->name);
        g_free(node);
    }
}
