/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A 9P2000.L server: one client's view of a shared directory.
 *
 *   session.c   messages in and out, the table of operations, version, attach, flush, clunk
 *   node.c      files that the client knows, fids
 *   tree.c      walking, making, renaming, removing
 *   io.c        opening, reading, writing, directories
 *   attr.c      attributes, statistics, extended attributes
 *   lock.c      record locks
 *
 * A node is a file that is known by a fid or lies on the way to one: an O_PATH descriptor, and the
 * directory it was found in, which ".." leads back to, so that ".." needs no look at the host and
 * ends at the root. There is one node for an inode.
 *
 * A session does one message after the other, on any thread. It knows nothing of virtio but the
 * shape of a chain.
 */
#ifndef VEMU_DEVICES_VIRTIO_9P_SESSION_H
#define VEMU_DEVICES_VIRTIO_9P_SESSION_H

#include <glib.h>

#include "devices/virtio-9p/codec.h"
#include "fsdev/fsdev.h"
#include "virtio/virtio.h"

#define P9_MSIZE_MIN    4096u
#define P9_MSIZE_MAX    (512u << 10)
#define P9_REQUEST_MAX  16384u /* of a message without bulk data; longer ones make no sense */
#define P9_REPLY_MAX    65536u /* likewise; bounds the entries in one answer to a readdir */
#define P9_FIDS_MAX     16384u
#define P9_FDS_MAX      16384u /* descriptors; and no more than half of what the process may have */
#define P9_XATTR_MAX    65536u /* XATTR_SIZE_MAX of Linux */
#define P9_XATTRS_TOTAL (8u << 20) /* bytes in fids of extended attributes */
#define P9_LOCKS_MAX    4096u

struct p9_session;

struct p9_node {
    unsigned refs;
    int fd; /* O_PATH */
    dev_t dev;
    ino_t ino;
    struct p9_node *parent; /* NULL: the root */
    char *name;             /* in parent, where it was last found */
};

/* Where a file was found that may have other names elsewhere. */
struct p9_place {
    struct p9_node *dir; /* NULL: a directory, whose node knows */
    char *name;
};

enum p9_kind { P9_FILE, P9_XATTR_READ, P9_XATTR_WRITE };

struct p9_fid {
    uint32_t number, uid;
    struct p9_node *node;
    struct p9_place place;
    enum p9_kind kind;
    int fd; /* open for I/O; or -1 */
    /* extended attributes: what was read, or is to be set when the fid goes */
    char *name;
    uint8_t *value;
    size_t size, filled;
    int flags;
};

struct p9_lock {
    dev_t dev;
    ino_t ino;
    uint32_t fid, proc;
    char *client;
    bool exclusive;
    uint64_t start, end; /* inclusive */
};

struct p9_session {
    const struct vemu_fsdev *fs;
    uint32_t msize; /* 0: no version yet */
    GHashTable *fids;
    GHashTable *nodes; /* a set, by dev and ino */
    unsigned fds, fds_max;
    size_t xattr_bytes;
    GPtrArray *locks;
    /* the message that is being worked on */
    const struct vemu_virtq_elem *elem;
    size_t bulk; /* bytes of the answer that are in the chain already, behind the rest */
    uint8_t request[P9_REQUEST_MAX], reply[P9_REPLY_MAX];
    uint64_t errors;
};

struct p9_session *vemu__p9_session_new(const struct vemu_fsdev *fs);
void vemu__p9_session_free(struct p9_session *s);
/* Everything the client had is gone. */
void vemu__p9_session_reset(struct p9_session *s);
/* Works on the message in the chain's `out`; returns how many bytes of answer are in `in` (0: not
 * even an error fits). */
uint32_t vemu__p9_handle(struct p9_session *s, const struct vemu_virtq_elem *elem);

/* --- node.c ----------------------------------------------------------------------------------- */
/* A descriptor more; -EMFILE when there are too many. Undone by vemu__p9_fd_close(). */
int vemu__p9_fd_count(struct p9_session *s);
void vemu__p9_fd_close(struct p9_session *s, int fd);
struct p9_node *vemu__p9_node_ref(struct p9_node *node);
void vemu__p9_node_unref(struct p9_session *s, struct p9_node *node);
/* New references; -errno. */
int vemu__p9_node_root(struct p9_session *s, struct p9_node **ret);
int vemu__p9_node_walk(struct p9_session *s, struct p9_node *dir, const char *name,
                       struct p9_node **ret);
/* What was at `from` is at `to` now. */
void vemu__p9_moved(struct p9_session *s, const struct p9_place *from, const struct p9_place *to);
/* Takes references; NULL: none. */
void vemu__p9_place_set(struct p9_session *s, struct p9_place *place, struct p9_node *dir,
                        const char *name);
/* NULL: no such fid. */
struct p9_fid *vemu__p9_fid_find(struct p9_session *s, uint32_t number);
/* Takes the reference to the node on success. */
int vemu__p9_fid_new(struct p9_session *s, uint32_t number, struct p9_node *node, uint32_t uid,
                     struct p9_fid **ret);
void vemu__p9_fid_free(struct p9_session *s, struct p9_fid *fid);
void vemu__p9_fids_clear(struct p9_session *s);

/* --- attr.c ----------------------------------------------------------------------------------- */
struct p9_qid vemu__p9_qid_of(const struct p9_session *s, const struct stat *st);
int vemu__p9_qid(struct p9_session *s, int file, struct p9_qid *ret);
/* Sets the attribute of a fid that was made for it. */
int vemu__p9_xattr_commit(struct p9_session *s, struct p9_fid *fid);

/* --- lock.c ----------------------------------------------------------------------------------- */
/* Locks that were taken with the fid go. */
void vemu__p9_locks_drop(struct p9_session *s, const struct p9_fid *fid);
void vemu__p9_locks_clear(struct p9_session *s);

/* --- operations: 0 with the rest of the answer in `w`, or -errno ------------------------------ */
typedef int p9_op(struct p9_session *s, struct p9_reader *r, struct p9_writer *w);
p9_op vemu__p9_walk, vemu__p9_symlink, vemu__p9_mknod, vemu__p9_link, vemu__p9_mkdir,
    vemu__p9_rename, vemu__p9_renameat, vemu__p9_unlinkat, vemu__p9_remove;
p9_op vemu__p9_lopen, vemu__p9_lcreate, vemu__p9_read, vemu__p9_write, vemu__p9_readdir,
    vemu__p9_fsync;
p9_op vemu__p9_getattr, vemu__p9_setattr, vemu__p9_statfs, vemu__p9_readlink, vemu__p9_xattrwalk,
    vemu__p9_xattrcreate;
p9_op vemu__p9_lock, vemu__p9_getlock;

#endif
