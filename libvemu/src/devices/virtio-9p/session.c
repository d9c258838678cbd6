/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A 9P2000.L server: messages in and out, and the operations about the session itself.
 *
 * A message is copied before it is looked at, since the driver may change it meanwhile; bulk data
 * are not, they go between the file and the chain. What is malformed gets an Rlerror.
 */
#include "devices/virtio-9p/session.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* --- version, attach, flush, clunk ------------------------------------------------------------ */

static int op_version(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    uint32_t msize = vemu__p9_get32(r);
    const char *version = vemu__p9_get_string(r);
    bool known = strcmp(version, "9P2000.L") == 0;

    if (r->bad)
        return -EINVAL;
    if (msize < P9_MSIZE_MIN)
        return -EMSGSIZE;
    vemu__p9_session_reset(s);
    msize = MIN(msize, P9_MSIZE_MAX);
    s->msize = known ? msize : 0;
    version = known ? "9P2000.L" : "unknown";
    vemu__p9_put32(w, msize);
    vemu__p9_put_string(w, version, strlen(version));
    return 0;
}

static int op_attach(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    uint32_t number = vemu__p9_get32(r), afid = vemu__p9_get32(r), uid;
    struct p9_node *node;
    struct p9_qid qid;
    int e;

    vemu__p9_get_string(r); /* who, by name */
    vemu__p9_get_string(r); /* a tree's name; there is only one */
    uid = vemu__p9_get32(r);
    if (r->bad || afid != P9_NOFID)
        return -EINVAL;
    e = vemu__p9_node_root(s, &node);
    if (e < 0)
        return e;
    e = vemu__p9_qid(s, node->fd, &qid);
    if (e >= 0)
        e = vemu__p9_fid_new(s, number, node, uid, NULL);
    if (e < 0)
        vemu__p9_node_unref(s, node);
    else
        vemu__p9_put_qid(w, &qid);
    return e;
}

static int op_auth(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    return -EOPNOTSUPP; /* the transport says who the client is */
}

/* Messages are done in turn: the one that is to be flushed was answered already. */
static int op_flush(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    vemu__p9_get16(r);
    return r->bad ? -EINVAL : 0;
}

static int op_clunk(struct p9_session *s, struct p9_reader *r, struct p9_writer *w)
{
    struct p9_fid *fid = vemu__p9_fid_find(s, vemu__p9_get32(r));
    int e = 0;

    if (r->bad || !fid)
        return r->bad ? -EINVAL : -EBADF;
    if (fid->kind == P9_XATTR_WRITE)
        e = vemu__p9_xattr_commit(s, fid);
    vemu__p9_fid_free(s, fid);
    return e;
}

/* --- messages --------------------------------------------------------------------------------- */

static p9_op *op_of(uint8_t type)
{
    static p9_op *const ops[] = {
        [P9_STATFS] = vemu__p9_statfs,
        [P9_LOPEN] = vemu__p9_lopen,
        [P9_LCREATE] = vemu__p9_lcreate,
        [P9_SYMLINK] = vemu__p9_symlink,
        [P9_MKNOD] = vemu__p9_mknod,
        [P9_RENAME] = vemu__p9_rename,
        [P9_READLINK] = vemu__p9_readlink,
        [P9_GETATTR] = vemu__p9_getattr,
        [P9_SETATTR] = vemu__p9_setattr,
        [P9_XATTRWALK] = vemu__p9_xattrwalk,
        [P9_XATTRCREATE] = vemu__p9_xattrcreate,
        [P9_READDIR] = vemu__p9_readdir,
        [P9_FSYNC] = vemu__p9_fsync,
        [P9_LOCK] = vemu__p9_lock,
        [P9_GETLOCK] = vemu__p9_getlock,
        [P9_LINK] = vemu__p9_link,
        [P9_MKDIR] = vemu__p9_mkdir,
        [P9_RENAMEAT] = vemu__p9_renameat,
        [P9_UNLINKAT] = vemu__p9_unlinkat,
        [P9_VERSION] = op_version,
        [P9_AUTH] = op_auth,
        [P9_ATTACH] = op_attach,
        [P9_FLUSH] = op_flush,
        [P9_WALK] = vemu__p9_walk,
        [P9_READ] = vemu__p9_read,
        [P9_WRITE_DATA] = vemu__p9_write,
        [P9_CLUNK] = op_clunk,
        [P9_REMOVE] = vemu__p9_remove,
    };

    return type < G_N_ELEMENTS(ops) ? ops[type] : NULL;
}

/* The message, without the data of a write; -errno with what can be said about it. */
static int receive(struct p9_session *s, struct p9_reader *r, uint8_t *ret_type, uint16_t *ret_tag)
{
    size_t n = vemu__virtq_elem_read(s->elem, 0, s->request, sizeof(s->request));
    uint32_t size;

    *r = (struct p9_reader){ s->request, s->request + n, false };
    size = vemu__p9_get32(r);
    *ret_type = vemu__p9_get8(r);
    *ret_tag = r->bad ? P9_NOTAG : vemu__p9_get16(r);
    if (r->bad || size < P9_HEADER || size > s->elem->out_size)
        return -EINVAL;
    if (*ret_type != P9_WRITE_DATA && size > n)
        return -EMSGSIZE;
    r->end = s->request + MIN(size, n);
    return 0;
}

static int work(struct p9_session *s, struct p9_reader *r, uint8_t type, struct p9_writer *w)
{
    p9_op *op = op_of(type);

    if (!op)
        return -EOPNOTSUPP;
    if (!s->msize && type != P9_VERSION)
        return -EPROTO;
    return op(s, r, w);
}

uint32_t vemu__p9_handle(struct p9_session *s, const struct vemu_virtq_elem *elem)
{
    struct p9_writer w = { s->reply, P9_HEADER, MIN(sizeof(s->reply), elem->in_size), false };
    struct p9_reader r;
    uint8_t type;
    uint16_t tag;
    int e;

    if (elem->in_size < P9_HEADER + 4)
        return 0; /* no room for an error */
    s->elem = elem;
    s->bulk = 0;
    e = receive(s, &r, &type, &tag);
    if (e >= 0)
        e = work(s, &r, type, &w);
    if (e >= 0 && w.full)
        e = -EMSGSIZE;
    if (e < 0) {
        s->errors++;
        s->bulk = 0;
        type = P9_LERROR;
        w.used = P9_HEADER;
        w.full = false;
        vemu__p9_put32(&w, (uint32_t)-e);
    }
    vemu__p9_put_header(&w, (uint32_t)(w.used + s->bulk), type + 1, tag);
    vemu__virtq_elem_write(elem, 0, s->reply, w.used);
    return (uint32_t)(w.used + s->bulk);
}

/* --- life ------------------------------------------------------------------------------------- */

static guint node_hash(gconstpointer key)
{
    const struct p9_node *node = key;

    return (guint)(node->ino ^ node->ino >> 32 ^ node->dev);
}

static gboolean node_equal(gconstpointer a, gconstpointer b)
{
    const struct p9_node *x = a, *y = b;

    return x->ino == y->ino && x->dev == y->dev;
}

struct p9_session *vemu__p9_session_new(const struct vemu_fsdev *fs)
{
    struct p9_session *s = g_new0(struct p9_session, 1);
    struct rlimit limit;

    s->fs = fs;
    s->fids = g_hash_table_new(NULL, NULL);
    s->nodes = g_hash_table_new(node_hash, node_equal);
    s->locks = g_ptr_array_new();
    s->fds_max = P9_FDS_MAX;
    /* The others of this process need some, too. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < s->fds_max)
        s->fds_max = (unsigned)(limit.rlim_cur / 2);
    return s;
}

void vemu__p9_session_reset(struct p9_session *s)
{
    vemu__p9_fids_clear(s);
    vemu__p9_locks_clear(s);
    s->msize = 0;
}

void vemu__p9_session_free(struct p9_session *s)
{
    if (!s)
        return;
    vemu__p9_session_reset(s);
    g_ptr_array_free(s->locks, TRUE);
    g_hash_table_destroy(s->nodes);
    g_hash_table_destroy(s->fids);
    g_free(s);
}
