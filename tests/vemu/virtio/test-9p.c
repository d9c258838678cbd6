/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-9p: every operation of 9P2000.L over the queue, what may not be reached, limits, malformed
 * messages.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vemu/fsdev.h>

#include "../core/test-main.h"
#include "devices/virtio-9p/session.h"
#include "guest.h"

#define ALL    (VEMU_VIRTIO_F_EVENT_IDX | VEMU_VIRTIO_F_INDIRECT_DESC | VEMU_VIRTIO_F(0))
#define MSIZE  16384u
#define ROOT   1u

static char top[] = "/tmp/vemu-9p-XXXXXX"; /* outside: secret; the share: top/share */
static uint64_t out_gpa, in_gpa;
static uint8_t message[MSIZE], answer[MSIZE];
static struct p9_writer w;
static struct p9_reader r;

/* --- the host --------------------------------------------------------------------------------- */

static const char *host_path(const char *name)
{
    static char path[2][256];
    static unsigned which;

    which ^= 1;
    snprintf(path[which], sizeof(path[which]), "%s/%s", top, name);
    return path[which];
}

static void host_write(const char *name, const char *text)
{
    ck_assert(g_file_set_contents(host_path(name), text, -1, NULL));
}

static void host_expect(const char *name, const char *text)
{
    g_autofree char *is = NULL;

    ck_assert_msg(g_file_get_contents(host_path(name), &is, NULL, NULL), "no %s", name);
    ck_assert_str_eq(is, text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static bool host_has_xattrs(void)
{
    return setxattr(top, "user.test", "x", 1, 0) == 0;
}

/* --- the guest -------------------------------------------------------------------------------- */

static void begin(uint8_t type)
{
    w = (struct p9_writer){ message, P9_HEADER, sizeof(message), false };
    vemu__p9_put_header(&w, 0, type, 7);
}

#define p8(value)  vemu__p9_put8(&w, value)
#define p16(value) vemu__p9_put16(&w, value)
#define p32(value) vemu__p9_put32(&w, value)
#define p64(value) vemu__p9_put64(&w, value)
#define ps(text)   vemu__p9_put_string(&w, text, strlen(text))

/* The bytes as they are; 0 and the answer in `r`, or the error number. */
static int exchange(struct guest *g, size_t size, uint32_t room)
{
    /* In pieces that cut header and strings. */
    const struct guest_buffer b[] = { { out_gpa, 5, false },
                                      { out_gpa + 5, (uint32_t)size - 5, false },
                                      { in_gpa, 3, true },
                                      { in_gpa + 3, room - 3, true } };
    uint32_t len, is;

    memcpy(guest_ptr(g, out_gpa), message, size);
    len = guest_request(g, &g->queues[0], b, 4);
    ck_assert_uint_ge(len, P9_HEADER);
    memcpy(answer, guest_ptr(g, in_gpa), len);
    r = (struct p9_reader){ answer, answer + len, false };
    is = vemu__p9_get32(&r);
    ck_assert_uint_eq(is, len);
    is = vemu__p9_get8(&r);
    vemu__p9_get16(&r);
    if (is == P9_LERROR + 1)
        return (int)vemu__p9_get32(&r);
    ck_assert_uint_eq(is, message[4] + 1u);
    return 0;
}

static int call(struct guest *g)
{
    struct p9_writer head = w;

    ck_assert(!w.full);
    vemu__p9_put_header(&head, (uint32_t)w.used, message[4], 7);
    return exchange(g, w.used, MSIZE);
}

static void version(struct guest *g)
{
    begin(P9_VERSION);
    p32(MSIZE);
    ps("9P2000.L");
    ck_assert_int_eq(call(g), 0);
    ck_assert_uint_eq(vemu__p9_get32(&r), MSIZE);
    ck_assert_str_eq(vemu__p9_get_string(&r), "9P2000.L");
}

static int attach(struct guest *g, uint32_t fid, uint32_t uid)
{
    begin(P9_ATTACH);
    p32(fid), p32(P9_NOFID), ps("user"), ps(""), p32(uid);
    return call(g);
}

static struct guest *start_with(const char *model, const char *read_only)
{
    struct vemu_vm *vm = guest_vm();
    struct guest *g;

    if (strchr(top, 'X')) {
        ck_assert_ptr_nonnull(mkdtemp(top));
        ck_assert_int_eq(mkdir(host_path("share"), 0755), 0);
        ck_assert_int_eq(mkdir(host_path("share/dir"), 0755), 0);
        host_write("secret", "not yours");
        host_write("share/file", "contents");
        ck_assert_int_eq(symlink("../secret", host_path("share/up")), 0);
        ck_assert_int_eq(symlink("/etc/passwd", host_path("share/passwd")), 0);
        ck_assert_int_eq(symlink("..", host_path("share/dir/parent")), 0);
    }
    {
        const struct vemu_property props[] = { { "path", host_path("share") },
                                               { "security_model", model },
                                               { "readonly", read_only } };

        OK(vemu_vm_add_fsdev(vm, "local", "fs", props, 3, &err));
    }
    g = guest_attach(vm, "virtio-9p", "fsdev", "fs", "mount_tag", "tag", NULL);
    guest_start(g, ALL, 1);
    ck_assert_uint_eq(g->t->config_read(g, 0, 2), 3);
    ck_assert_uint_eq(g->t->config_read(g, 2, 1), 't');
    out_gpa = guest_alloc(g, MSIZE, 8);
    in_gpa = guest_alloc(g, MSIZE, 8);
    version(g);
    ck_assert_int_eq(attach(g, ROOT, getuid()), 0);
    return g;
}

static struct guest *start(void)
{
    return start_with("none", "off");
}

static void finish(struct guest *g)
{
    ck_assert(!guest_broken(g));
    guest_free(g);
    nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Up to three names; how many qids came, or minus the error. */
static int walk(struct guest *g, uint32_t fid, uint32_t new_fid, const char *a, const char *b,
                const char *c)
{
    const char *const names[] = { a, b, c };
    uint16_t count = (uint16_t)(!!a + !!b + !!c);
    int e;

    begin(P9_WALK);
    p32(fid), p32(new_fid), p16(count);
    for (unsigned i = 0; i < count; i++)
        ps(names[i]);
    e = call(g);
    return e ? -e : vemu__p9_get16(&r);
}

static int lopen(struct guest *g, uint32_t fid, uint32_t flags)
{
    begin(P9_LOPEN);
    p32(fid), p32(flags);
    return call(g);
}

static int lcreate(struct guest *g, uint32_t fid, const char *name, uint32_t flags, uint32_t mode)
{
    begin(P9_LCREATE);
    p32(fid), ps(name), p32(flags), p32(mode), p32(getgid());
    return call(g);
}

static int write_at(struct guest *g, uint32_t fid, uint64_t offset, const void *data, uint32_t size)
{
    int e;

    begin(P9_WRITE_DATA);
    p32(fid), p64(offset), p32(size);
    memcpy(message + w.used, data, size);
    w.used += size;
    e = call(g);
    return e ? -e : (int)vemu__p9_get32(&r);
}

/* The bytes are at r.at. */
static int read_at(struct guest *g, uint8_t type, uint32_t fid, uint64_t offset, uint32_t size)
{
    int e;

    begin(type);
    p32(fid), p64(offset), p32(size);
    e = call(g);
    return e ? -e : (int)vemu__p9_get32(&r);
}

static int one_fid(struct guest *g, uint8_t type, uint32_t fid)
{
    begin(type);
    p32(fid);
    return call(g);
}

static int clunk(struct guest *g, uint32_t fid)
{
    return one_fid(g, P9_CLUNK, fid);
}

struct attributes {
    uint64_t qid, links, rdev, size, mtime;
    uint32_t mode, uid, gid;
};

static int getattr(struct guest *g, uint32_t fid, struct attributes *a)
{
    int e;

    begin(P9_GETATTR);
    p32(fid), p64(0x7ff);
    e = call(g);
    if (e)
        return e;
    ck_assert_uint_eq(vemu__p9_get64(&r), 0x7ff);
    vemu__p9_get8(&r), vemu__p9_get32(&r);
    a->qid = vemu__p9_get64(&r);
    a->mode = vemu__p9_get32(&r);
    a->uid = vemu__p9_get32(&r);
    a->gid = vemu__p9_get32(&r);
    a->links = vemu__p9_get64(&r);
    a->rdev = vemu__p9_get64(&r);
    a->size = vemu__p9_get64(&r);
    for (unsigned i = 0; i < 4; i++)
        vemu__p9_get64(&r);
    a->mtime = vemu__p9_get64(&r);
    for (unsigned i = 0; i < 7; i++)
        vemu__p9_get64(&r);
    ck_assert(!r.bad && r.at == r.end);
    return 0;
}

static int setattr(struct guest *g, uint32_t fid, uint32_t valid, uint32_t mode, uint32_t uid,
                   uint64_t size, uint64_t mtime)
{
    begin(P9_SETATTR);
    p32(fid), p32(valid), p32(mode), p32(uid), p32(uid), p64(size);
    p64(0), p64(0), p64(mtime), p64(5);
    return call(g);
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(test_files)
{
    struct guest *g = start();
    struct attributes a;
    uint32_t size = 0;

    ck_assert_int_eq(walk(g, ROOT, 2, "file", NULL, NULL), 1);
    ck_assert_int_eq(lopen(g, 2, O_RDWR), 0);
    ck_assert_int_eq(read_at(g, P9_READ, 2, 3, 100), 5);
    ck_assert_mem_eq(r.at, "tents", 5);
    ck_assert_int_eq(read_at(g, P9_READ, 2, 8, 100), 0);
    ck_assert_int_eq(write_at(g, 2, 8, " and more", 9), 9);
    host_expect("share/file", "contents and more");
    begin(P9_FSYNC);
    p32(2), p32(1);
    ck_assert_int_eq(call(g), 0);
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_eq(a.size, 17);
    ck_assert_int_eq(clunk(g, 2), 0);
    ck_assert_int_eq(clunk(g, 2), EBADF);

    ck_assert_int_eq(walk(g, ROOT, 2, NULL, NULL, NULL), 0);
    ck_assert_int_eq(lcreate(g, 2, "new", O_WRONLY, 0640), 0);
    for (unsigned i = 0; i < 80; i++, size += 13000) {
        static uint8_t data[13000];

        memset(data, (int)i, sizeof(data));
        ck_assert_int_eq(write_at(g, 2, size, data, sizeof(data)), 13000);
    }
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_eq(a.size, size);
    ck_assert_uint_eq(a.mode, S_IFREG | 0640);
    ck_assert_int_eq(-read_at(g, P9_READ, 2, 0, 10), EBADF); /* write only */
    /* With and without O_EXCL for what is there. */
    ck_assert_int_eq(walk(g, ROOT, 3, NULL, NULL, NULL), 0);
    ck_assert_int_eq(lcreate(g, 3, "new", O_RDWR | O_EXCL, 0600), EEXIST);
    ck_assert_int_eq(lcreate(g, 3, "new", O_RDWR, 0600), 0);
    ck_assert_int_eq(read_at(g, P9_READ, 3, 13000 * 5 - 1, MSIZE), MSIZE - 11);
    ck_assert_uint_eq(r.at[0], 4);
    ck_assert_uint_eq(r.at[1], 5);
    ck_assert_int_eq(one_fid(g, P9_REMOVE, 3), 0);
    ck_assert_int_ne(access(host_path("share/new"), F_OK), 0);
    ck_assert_int_eq(write_at(g, 2, 0, "x", 1), 1); /* still open */
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_eq(a.links, 0);
    ck_assert_int_eq(setattr(g, 2, 8, 0, 0, 3, 0), 0); /* truncate */
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_eq(a.size, 3);
    ck_assert_int_eq(one_fid(g, P9_REMOVE, 2), ENOENT);
    ck_assert_int_eq(one_fid(g, P9_REMOVE, ROOT), EBUSY);
    finish(g);
}
END_TEST

START_TEST(test_tree)
{
    struct guest *g = start();
    struct attributes a, b;
    int n;

    begin(P9_MKDIR);
    p32(ROOT), ps("sub"), p32(02750), p32(getgid());
    ck_assert_int_eq(call(g), 0);
    ck_assert_uint_eq(vemu__p9_get8(&r), 0x80);
    ck_assert_int_eq(walk(g, ROOT, 2, "sub", NULL, NULL), 1);
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_eq(a.mode, S_IFDIR | 02750);
    begin(P9_SYMLINK);
    p32(2), ps("link"), ps("/etc/passwd"), p32(getgid());
    ck_assert_int_eq(call(g), 0);
    ck_assert_uint_eq(vemu__p9_get8(&r), 0x02);
    ck_assert_int_eq(walk(g, 2, 3, "link", NULL, NULL), 1);
    ck_assert_int_eq(one_fid(g, P9_READLINK, 3), 0);
    ck_assert_str_eq(vemu__p9_get_string(&r), "/etc/passwd");
    ck_assert_int_eq(lopen(g, 3, O_RDONLY), ELOOP);
    begin(P9_MKNOD);
    p32(2), ps("fifo"), p32(S_IFIFO | 0600), p32(0), p32(0), p32(getgid());
    ck_assert_int_eq(call(g), 0);
    ck_assert_int_eq(walk(g, 2, 4, "fifo", NULL, NULL), 1);
    ck_assert_int_eq(lopen(g, 4, O_RDONLY), ENXIO); /* at once */
    begin(P9_LINK);
    p32(2), p32(ROOT), ps("dirlink");
    ck_assert_int_eq(call(g), EPERM);
    ck_assert_int_eq(walk(g, ROOT, 5, "file", NULL, NULL), 1);
    begin(P9_LINK);
    p32(2), p32(5), ps("hard");
    ck_assert_int_eq(call(g), 0);
    ck_assert_int_eq(walk(g, 2, 6, "hard", NULL, NULL), 1);
    ck_assert_int_eq(getattr(g, 5, &a), 0);
    ck_assert_int_eq(getattr(g, 6, &b), 0);
    ck_assert_uint_eq(a.qid, b.qid);
    ck_assert_uint_eq(a.links, 2);

    begin(P9_LINK);
    p32(ROOT), p32(5), ps("third");
    ck_assert_int_eq(call(g), 0);
    ck_assert_int_eq(walk(g, ROOT, 20, "third", NULL, NULL), 1);
    begin(P9_RENAMEAT);
    p32(ROOT), ps("third"), p32(ROOT), ps("fourth");
    ck_assert_int_eq(call(g), 0);
    ck_assert_int_eq(one_fid(g, P9_REMOVE, 20), 0); /* that name and no other */
    host_expect("share/file", "contents");
    host_expect("share/sub/hard", "contents");
    ck_assert_int_ne(access(host_path("share/fourth"), F_OK), 0);

    begin(P9_RENAMEAT);
    p32(ROOT), ps("sub"), p32(ROOT), ps("renamed");
    ck_assert_int_eq(call(g), 0);
    ck_assert_int_eq(walk(g, 2, 7, "hard", NULL, NULL), 1); /* fids stay what they are */
    begin(P9_RENAMEAT);
    p32(ROOT), ps("renamed"), p32(ROOT), ps("dir/sub");
    ck_assert_int_eq(call(g), EINVAL);
    ck_assert_int_eq(walk(g, ROOT, 8, "dir", NULL, NULL), 1);
    begin(P9_RENAME);
    p32(2), p32(8), ps("moved");
    ck_assert_int_eq(call(g), 0);
    host_expect("share/dir/moved/hard", "contents");
    ck_assert_int_eq(walk(g, 2, 9, "..", "moved", ".."), 3); /* dir */
    ck_assert_int_eq(getattr(g, 8, &a), 0);
    ck_assert_int_eq(getattr(g, 9, &b), 0);
    ck_assert_uint_eq(a.qid, b.qid);
    begin(P9_UNLINKAT);
    p32(8), ps("moved"), p32(0x200);
    ck_assert_int_eq(call(g), ENOTEMPTY);
    for (n = 0; n < 3; n++) {
        begin(P9_UNLINKAT);
        p32(2), ps(n == 0 ? "link" : n == 1 ? "fifo" : "hard"), p32(0);
        ck_assert_int_eq(call(g), 0);
    }
    ck_assert_int_eq(one_fid(g, P9_REMOVE, 2), 0);
    ck_assert_int_ne(access(host_path("share/dir/moved"), F_OK), 0);
    ck_assert_int_eq(one_fid(g, P9_STATFS, ROOT), 0);
    vemu__p9_get32(&r);
    ck_assert_uint_ge(vemu__p9_get32(&r), 512);
    /* The host renames what the fid is: it is not removed by a name that is another's. */
    ck_assert_int_eq(rename(host_path("share/file"), host_path("share/other")), 0);
    host_write("share/file", "a new one");
    ck_assert_int_eq(one_fid(g, P9_REMOVE, 5), ESTALE);
    host_expect("share/file", "a new one");
    finish(g);
}
END_TEST

/* Nothing but the tree. */
START_TEST(test_no_escape)
{
    static const char *const bad[] = { ".", "..", "", "a/b", "/etc/passwd", "../secret" };
    struct guest *g = start();
    struct attributes root, a;

    ck_assert_int_eq(getattr(g, ROOT, &root), 0);
    ck_assert_int_eq(walk(g, ROOT, 2, "..", "..", ".."), 3);
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_eq(a.qid, root.qid);
    ck_assert_int_eq(walk(g, ROOT, 3, "..", "secret", NULL), 1);
    ck_assert_int_eq(-walk(g, ROOT, 3, "secret", NULL, NULL), ENOENT);
    /* Links are not followed, neither at the end nor on the way. */
    ck_assert_int_eq(walk(g, ROOT, 3, "up", NULL, NULL), 1);
    ck_assert_int_eq(lopen(g, 3, O_RDONLY), ELOOP);
    ck_assert_int_eq(walk(g, ROOT, 4, "dir", "parent", "file"), 2);
    ck_assert_int_eq(getattr(g, 4, &a), EBADF);
    ck_assert_int_eq(walk(g, ROOT, 5, NULL, NULL, NULL), 0);
    ck_assert_int_eq(lcreate(g, 5, "up", O_RDWR | O_TRUNC, 0600), ELOOP);
    ck_assert_int_eq(lcreate(g, 5, "passwd", O_RDONLY, 0600), ELOOP);
    ck_assert_int_eq(setattr(g, 3, 8, 0, 0, 0, 0), ELOOP);
    ck_assert_int_eq(setattr(g, 3, 1, 0777, 0, 0, 0), EOPNOTSUPP);
    host_expect("secret", "not yours");
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (i != 1)
            ck_assert_int_eq(-walk(g, ROOT, 6, bad[i], NULL, NULL), EINVAL);
        ck_assert_int_eq(lcreate(g, 5, bad[i], O_RDWR, 0600), EINVAL);
        begin(P9_MKDIR);
        p32(ROOT), ps(bad[i]), p32(0755), p32(0);
        ck_assert_int_eq(call(g), EINVAL);
        begin(P9_SYMLINK);
        p32(ROOT), ps(bad[i]), ps("x"), p32(0);
        ck_assert_int_eq(call(g), EINVAL);
        begin(P9_MKNOD);
        p32(ROOT), ps(bad[i]), p32(S_IFREG | 0600), p32(0), p32(0), p32(0);
        ck_assert_int_eq(call(g), EINVAL);
        begin(P9_RENAMEAT);
        p32(ROOT), ps("file"), p32(ROOT), ps(bad[i]);
        ck_assert_int_eq(call(g), EINVAL);
        begin(P9_RENAMEAT);
        p32(ROOT), ps(bad[i]), p32(ROOT), ps("x");
        ck_assert_int_eq(call(g), EINVAL);
        begin(P9_UNLINKAT);
        p32(ROOT), ps(bad[i]), p32(0);
        ck_assert_int_eq(call(g), EINVAL);
    }
    /* What the host moves out of the tree does not lead out of it. */
    ck_assert_int_eq(walk(g, ROOT, 7, "dir", NULL, NULL), 1);
    ck_assert_int_eq(rename(host_path("share/dir"), host_path("dir")), 0);
    ck_assert_int_eq(walk(g, 7, 8, "..", "secret", NULL), 1);
    ck_assert_int_eq(walk(g, 7, 8, "..", "file", NULL), 2);
    finish(g);
}
END_TEST

START_TEST(test_readdir)
{
    struct guest *g = start();
    uint64_t offset = 0;
    unsigned seen = 0;
    char name[32];
    int n;

    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "share/dir/f%03u", i);
        host_write(name, "");
    }
    ck_assert_int_eq(walk(g, ROOT, 2, "dir", NULL, NULL), 1);
    ck_assert_int_eq(-read_at(g, P9_READDIR, 2, 0, 1000), EBADF);
    ck_assert_int_eq(lopen(g, 2, O_RDONLY | O_DIRECTORY), 0);
    ck_assert_int_eq(-read_at(g, P9_READ, 2, 0, 1000), EISDIR);
    ck_assert_int_eq(-read_at(g, P9_READDIR, 2, 0, 10), EINVAL); /* not even one */
    while ((n = read_at(g, P9_READDIR, 2, offset, 700)) > 0) {
        ck_assert_int_le(n, 700);
        while (r.at < r.end) {
            uint8_t qid_type = vemu__p9_get8(&r), type;
            const char *is;

            vemu__p9_get32(&r), vemu__p9_get64(&r);
            offset = vemu__p9_get64(&r);
            type = vemu__p9_get8(&r);
            is = vemu__p9_get_string(&r);
            ck_assert(!r.bad);
            seen += is[0] == 'f';
            ck_assert_uint_eq(type, is[0] == 'f' ? DT_REG : is[0] == 'p' ? DT_LNK : DT_DIR);
            ck_assert_uint_eq(qid_type, is[0] == 'f' ? 0 : is[0] == 'p' ? 0x02 : 0x80);
        }
    }
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(seen, 300);
    finish(g);
}
END_TEST

START_TEST(test_attributes)
{
    struct guest *g = start();
    struct attributes a;

    ck_assert_int_eq(walk(g, ROOT, 2, "file", NULL, NULL), 1);
    ck_assert_int_eq(setattr(g, 2, 1, 0604, 0, 0, 0), 0);
    ck_assert_int_eq(setattr(g, 2, 0x120, 0, 0, 0, 1234567), 0);
    ck_assert_int_eq(setattr(g, 2, 8, 0, 0, 4, 0), 0);
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_eq(a.mode, S_IFREG | 0604);
    ck_assert_uint_eq(a.size, 4);
    ck_assert_int_eq(setattr(g, 2, 0x120, 0, 0, 0, 1234567), 0);
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_eq(a.mtime, 1234567);
    ck_assert_int_eq(setattr(g, 2, 0x20, 0, 0, 0, 0), 0); /* now */
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_gt(a.mtime, 1600000000);
    ck_assert_int_eq(setattr(g, 2, 0x40, 0, 0, 0, 0), 0);
    ck_assert_int_eq(setattr(g, 2, 0x200, 0, 0, 0, 0), EINVAL);
    ck_assert_int_eq(setattr(g, 2, 8, 0, 0, UINT64_MAX, 0), EFBIG);
    if (getuid() == 0) {
        ck_assert_int_eq(setattr(g, 2, 6, 0, 4711, 0, 0), 0);
        ck_assert_int_eq(getattr(g, 2, &a), 0);
        ck_assert_uint_eq(a.uid, 4711);
        ck_assert_uint_eq(a.gid, 4711);
    }
    finish(g);
}
END_TEST

static int xattr_create(struct guest *g, uint32_t fid, const char *name, const char *value,
                        uint32_t flags)
{
    size_t size = strlen(value);
    int e;

    ck_assert_int_eq(walk(g, 2, fid, NULL, NULL, NULL), 0);
    begin(P9_XATTRCREATE);
    p32(fid), ps(name), p64(size), p32(flags);
    e = call(g);
    if (!e && size)
        ck_assert_int_eq(write_at(g, fid, 0, value, (uint32_t)size), (int)size);
    if (e) {
        clunk(g, fid);
        return e;
    }
    return clunk(g, fid);
}

static int xattr_read(struct guest *g, const char *name, char *buf)
{
    int e, n;

    begin(P9_XATTRWALK);
    p32(2), p32(30), ps(name);
    e = call(g);
    if (e)
        return -e;
    n = (int)vemu__p9_get64(&r);
    ck_assert_int_eq(read_at(g, P9_READ, 30, 0, 4000), n);
    memcpy(buf, r.at, (size_t)n);
    buf[n] = '\0';
    ck_assert_int_eq(read_at(g, P9_READ, 30, (uint64_t)n + 5, 4000), 0);
    ck_assert_int_eq(clunk(g, 30), 0);
    return n;
}

START_TEST(test_xattrs)
{
    struct guest *g = start();
    char buf[4096];

    ck_assert_int_eq(walk(g, ROOT, 2, "file", NULL, NULL), 1);
    begin(P9_XATTRCREATE);
    p32(2), ps("user.big"), p64(65537), p32(0);
    ck_assert_int_eq(call(g), E2BIG);
    if (host_has_xattrs()) {
        ck_assert_int_eq(xattr_create(g, 3, "user.color", "green", 0), 0);
        ck_assert_int_eq(getxattr(host_path("share/file"), "user.color", buf, 10), 5);
        ck_assert_int_eq(xattr_read(g, "user.color", buf), 5);
        ck_assert_str_eq(buf, "green");
        ck_assert_int_eq(xattr_read(g, "", buf), 11);
        ck_assert_str_eq(buf, "user.color");
        ck_assert_int_eq(xattr_create(g, 3, "user.color", "red", XATTR_CREATE), EEXIST);
        ck_assert_int_eq(xattr_create(g, 3, "user.empty", "", 0), 0);
        ck_assert_int_eq(xattr_read(g, "user.empty", buf), 0);
        ck_assert_int_eq(xattr_create(g, 3, "user.color", "", XATTR_REPLACE), 0); /* removed */
        ck_assert_int_eq(-xattr_read(g, "user.color", buf), ENODATA);
        /* Less than was announced, and more. */
        ck_assert_int_eq(walk(g, 2, 3, NULL, NULL, NULL), 0);
        begin(P9_XATTRCREATE);
        p32(3), ps("user.x"), p64(3), p32(0);
        ck_assert_int_eq(call(g), 0);
        ck_assert_int_eq(-write_at(g, 3, 0, "long", 4), ENOSPC);
        ck_assert_int_eq(-write_at(g, 3, 1, "a", 1), ENOSPC);
        ck_assert_int_eq(clunk(g, 3), EINVAL);
        ck_assert_int_eq(-xattr_read(g, "user.x", buf), ENODATA);
    }
    finish(g);
}
END_TEST

/* Owners, types and device numbers are the guest's; on the host all are plain files of ours. */
START_TEST(test_mapped)
{
    struct guest *g = start_with("mapped-xattr", "off");
    struct attributes a;
    struct stat st;
    char buf[4096];

    if (!host_has_xattrs()) {
        finish(g);
        return;
    }
    ck_assert_int_eq(attach(g, 10, 1234), 0);
    begin(P9_MKNOD);
    p32(10), ps("disk"), p32(S_IFBLK | 0660), p32(8), p32(3), p32(6);
    ck_assert_int_eq(call(g), 0);
    ck_assert_int_eq(walk(g, 10, 2, "disk", NULL, NULL), 1);
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_eq(a.mode, S_IFBLK | 0660);
    ck_assert_uint_eq(a.uid, 1234);
    ck_assert_uint_eq(a.gid, 6);
    ck_assert_uint_eq(a.rdev, makedev(8, 3));
    ck_assert_int_eq(lopen(g, 2, O_RDWR), ENXIO);
    ck_assert_int_eq(lstat(host_path("share/disk"), &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
    ck_assert_uint_eq(st.st_uid, getuid());
    ck_assert_int_eq(setattr(g, 2, 7, 0600, 99, 0, 0), 0);
    ck_assert_int_eq(getattr(g, 2, &a), 0);
    ck_assert_uint_eq(a.mode, S_IFBLK | 0600);
    ck_assert_uint_eq(a.uid, 99);
    begin(P9_SYMLINK);
    p32(10), ps("link"), ps("/etc/shadow"), p32(6);
    ck_assert_int_eq(call(g), 0);
    ck_assert_uint_eq(vemu__p9_get8(&r), 0x02);
    ck_assert_int_eq(lstat(host_path("share/link"), &st), 0);
    ck_assert(S_ISREG(st.st_mode));
    ck_assert_int_eq(walk(g, 10, 3, "link", NULL, NULL), 1);
    ck_assert_int_eq(one_fid(g, P9_READLINK, 3), 0);
    ck_assert_str_eq(vemu__p9_get_string(&r), "/etc/shadow");
    ck_assert_int_eq(lopen(g, 3, O_RDONLY), ELOOP);
    ck_assert_int_eq(walk(g, 10, 4, NULL, NULL, NULL), 0);
    ck_assert_int_eq(lcreate(g, 4, "set-uid", O_RDWR, 04755), 0);
    ck_assert_int_eq(getattr(g, 4, &a), 0);
    ck_assert_uint_eq(a.mode, S_IFREG | 04755);
    ck_assert_int_eq(lstat(host_path("share/set-uid"), &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
    /* The map itself is not the guest's, nor is what the host gives a meaning to. */
    ck_assert_int_eq(xattr_create(g, 5, "user.virtfs.uid", "0000", 0), EPERM);
    ck_assert_int_eq(xattr_create(g, 5, "security.capability", "0000", 0), EOPNOTSUPP);
    ck_assert_int_eq(-xattr_read(g, "user.virtfs.uid", buf), ENODATA);
    ck_assert_int_eq(xattr_create(g, 5, "user.mine", "1", 0), 0);
    ck_assert_int_eq(xattr_read(g, "", buf), 10);
    ck_assert_str_eq(buf, "user.mine");
    finish(g);
}
END_TEST

START_TEST(test_read_only)
{
    struct guest *g = start_with("none", "on");

    ck_assert_int_eq(walk(g, ROOT, 2, "file", NULL, NULL), 1);
    ck_assert_int_eq(lopen(g, 2, O_RDWR), EROFS);
    ck_assert_int_eq(lopen(g, 2, O_RDONLY | O_TRUNC), EROFS);
    ck_assert_int_eq(setattr(g, 2, 1, 0777, 0, 0, 0), EROFS);
    ck_assert_int_eq(setattr(g, 2, 2, 0, 1, 0, 0), EROFS);
    ck_assert_int_eq(setattr(g, 2, 8, 0, 0, 0, 0), EROFS);
    ck_assert_int_eq(setattr(g, 2, 0x20, 0, 0, 0, 0), EROFS);
    ck_assert_int_eq(lopen(g, 2, O_RDONLY), 0);
    ck_assert_int_eq(-write_at(g, 2, 0, "x", 1), EBADF);
    ck_assert_int_eq(walk(g, ROOT, 3, NULL, NULL, NULL), 0);
    ck_assert_int_eq(lcreate(g, 3, "x", O_RDWR, 0600), EROFS);
    begin(P9_MKDIR);
    p32(ROOT), ps("x"), p32(0755), p32(0);
    ck_assert_int_eq(call(g), EROFS);
    begin(P9_UNLINKAT);
    p32(ROOT), ps("file"), p32(0);
    ck_assert_int_eq(call(g), EROFS);
    begin(P9_RENAMEAT);
    p32(ROOT), ps("file"), p32(ROOT), ps("x");
    ck_assert_int_eq(call(g), EROFS);
    begin(P9_LINK);
    p32(ROOT), p32(2), ps("x");
    ck_assert_int_eq(call(g), EROFS);
    ck_assert_int_eq(walk(g, ROOT, 4, "file", NULL, NULL), 1);
    begin(P9_XATTRCREATE);
    p32(4), ps("user.x"), p64(0), p32(0);
    ck_assert_int_eq(call(g), EROFS);
    host_expect("share/file", "contents");
    finish(g);
}
END_TEST

static int lock(struct guest *g, uint32_t fid, uint8_t type, uint64_t start, uint64_t length,
                uint32_t proc)
{
    int e;

    begin(P9_LOCK);
    p32(fid), p8(type), p32(1), p64(start), p64(length), p32(proc), ps("client");
    e = call(g);
    return e ? -e : vemu__p9_get8(&r);
}

/* The type that is in the way of a write lock. */
static int getlock(struct guest *g, uint32_t fid, uint64_t start, uint64_t length, uint32_t proc)
{
    begin(P9_GETLOCK);
    p32(fid), p8(1), p64(start), p64(length), p32(proc), ps("client");
    ck_assert_int_eq(call(g), 0);
    return vemu__p9_get8(&r);
}

START_TEST(test_locks)
{
    struct guest *g = start();

    for (uint32_t fid = 2; fid < 4; fid++) {
        ck_assert_int_eq(walk(g, ROOT, fid, "file", NULL, NULL), 1);
        ck_assert_int_eq(lopen(g, fid, O_RDWR), 0);
    }
    ck_assert_int_eq(lock(g, 2, 1, 100, 100, 1), 0);
    ck_assert_int_eq(lock(g, 3, 0, 150, 1, 2), 1); /* blocked */
    ck_assert_int_eq(lock(g, 3, 1, 150, 10, 1), 0); /* the same owner */
    ck_assert_int_eq(getlock(g, 3, 0, 0, 2), 1);
    ck_assert_int_eq(getlock(g, 3, 0, 100, 2), 2);
    ck_assert_int_eq(lock(g, 2, 2, 120, 40, 1), 0); /* a hole */
    ck_assert_int_eq(getlock(g, 3, 120, 40, 2), 2);
    ck_assert_int_eq(getlock(g, 3, 119, 1, 2), 1);
    ck_assert_int_eq(getlock(g, 3, 160, 1, 2), 1);
    ck_assert_int_eq(lock(g, 3, 0, 120, 40, 2), 0);
    ck_assert_int_eq(lock(g, 2, 0, 120, 40, 1), 0); /* readers share */
    ck_assert_int_eq(getlock(g, 3, 130, 1, 3), 0);
    ck_assert_int_eq(lock(g, 2, 1, 120, 40, 1), 1);
    ck_assert_int_eq(clunk(g, 3), 0); /* with its locks */
    ck_assert_int_eq(lock(g, 2, 1, 0, 0, 1), 0);
    ck_assert_int_eq(-lock(g, 2, 3, 0, 0, 1), EINVAL);
    ck_assert_int_eq(-lock(g, 2, 1, UINT64_MAX, 2, 1), EINVAL);
    ck_assert_int_eq(-lock(g, 9, 1, 0, 0, 1), EBADF);
    finish(g);
}
END_TEST

START_TEST(test_fids)
{
    struct guest *g = start();
    uint32_t fid;
    int e = 0;

    ck_assert_int_eq(attach(g, ROOT, 0), EINVAL); /* taken */
    ck_assert_int_eq(attach(g, P9_NOFID, 0), EINVAL);
    ck_assert_int_eq(-walk(g, 99, 2, "file", NULL, NULL), EBADF);
    ck_assert_int_eq(walk(g, ROOT, ROOT, "file", "x", NULL), 1); /* not all the way */
    ck_assert_int_eq(walk(g, ROOT, 2, "dir", NULL, NULL), 1);
    ck_assert_int_eq(-walk(g, ROOT, 2, "file", NULL, NULL), EINVAL);
    ck_assert_int_eq(walk(g, 2, 2, "..", "file", NULL), 2); /* becomes the file */
    ck_assert_int_eq(lopen(g, 2, O_RDONLY), 0);
    ck_assert_int_eq(lopen(g, 2, O_RDONLY), EINVAL);
    ck_assert_int_eq(-walk(g, 2, 2, NULL, NULL, NULL), EINVAL);
    for (fid = 100; !e && fid < 100 + 2 * P9_FIDS_MAX; fid++)
        e = walk(g, ROOT, fid, NULL, NULL, NULL) < 0;
    ck_assert_uint_ge(fid, P9_FIDS_MAX);
    ck_assert_uint_lt(fid, 101 + P9_FIDS_MAX);
    version(g); /* everything is gone */
    ck_assert_int_eq(-walk(g, ROOT, 2, NULL, NULL, NULL), EBADF);
    ck_assert_int_eq(attach(g, ROOT, 0), 0);
    begin(P9_FLUSH);
    p16(5);
    ck_assert_int_eq(call(g), 0);
    begin(P9_AUTH);
    p32(5), ps(""), ps(""), p32(0);
    ck_assert_int_eq(call(g), EOPNOTSUPP);
    finish(g);
}
END_TEST

START_TEST(test_malformed)
{
    struct guest *g = start();
    const struct guest_buffer none = { out_gpa, 30, false };
    const struct guest_buffer tiny[] = { { out_gpa, 30, false }, { in_gpa, 10, true } };

    /* Each operation, cut at each length. */
    for (unsigned type = 0; type < 256; type++) {
        if (type == P9_VERSION || type == P9_ATTACH)
            continue;
        for (uint32_t size = P9_HEADER; size < 60; size++) {
            begin((uint8_t)type);
            memset(message + P9_HEADER, 0xff, 60);
            w.used = size;
            ck_assert_int_ne(call(g), 0xfff);
        }
    }
    begin(P9_WALK); /* lengths that are not those of the message */
    p32(ROOT), p32(2), p16(0);
    for (uint32_t size = 0; size < 100000; size = size ? size * 3 : 1) {
        struct p9_writer head = w;

        vemu__p9_put_header(&head, size, P9_WALK, 7);
        if (size != w.used)
            ck_assert_int_eq(exchange(g, w.used, MSIZE), EINVAL);
    }
    begin(P9_WALK);
    p32(ROOT), p32(2), p16(17);
    ck_assert_int_eq(call(g), EINVAL);
    begin(P9_WALK);
    p32(ROOT), p32(2), p16(1), vemu__p9_put_string(&w, "a\0b", 3);
    ck_assert_int_eq(call(g), EINVAL);
    begin(P9_SYMLINK); /* no room for the answer */
    p32(ROOT), ps("made"), ps("x"), p32(getgid());
    {
        struct p9_writer head = w;

        vemu__p9_put_header(&head, (uint32_t)w.used, P9_SYMLINK, 7);
        ck_assert_int_eq(exchange(g, w.used, 12), EMSGSIZE);
    }
    begin(P9_VERSION);
    p32(1000), ps("9P2000.L");
    ck_assert_int_eq(call(g), EMSGSIZE);
    begin(P9_VERSION);
    p32(MSIZE), ps("9P2000.u");
    ck_assert_int_eq(call(g), 0);
    vemu__p9_get32(&r);
    ck_assert_str_eq(vemu__p9_get_string(&r), "unknown");
    ck_assert_int_eq(attach(g, ROOT, 0), EPROTO);
    ck_assert_uint_eq(guest_request(g, &g->queues[0], &none, 1), 0);
    ck_assert_uint_eq(guest_request(g, &g->queues[0], tiny, 2), 0);
    finish(g);
}
END_TEST

/* Messages under way: a reset and a pause wait for them. */
START_TEST(test_reset_under_way)
{
    struct guest *g = start();

    OK(vemu_vm_start(g->vm, &err));
    for (unsigned round = 0; round < 30; round++) {
        uint32_t len;
        unsigned n = 0;

        version(g);
        ck_assert_int_eq(attach(g, ROOT, 0), 0);
        begin(P9_GETATTR);
        p32(ROOT), p64(0x7ff);
        vemu__p9_put_header(&(struct p9_writer){ message, 0, 16, false }, (uint32_t)w.used,
                            P9_GETATTR, 7);
        memcpy(guest_ptr(g, out_gpa), message, w.used);
        for (unsigned i = 0; i < 60; i++) {
            const struct guest_buffer b[] = { { out_gpa, (uint32_t)w.used, false },
                                              { in_gpa, 200, true } };

            guest_add(g, &g->queues[0], b, 2);
        }
        g->t->notify(g, 0);
        if (round & 1) {
            uint64_t heap = g->heap;

            g->t->set_status(g, 0);
            memset(guest_ptr(g, in_gpa), 0x77, 200);
            g_usleep(500);
            for (unsigned i = 0; i < 200; i++)
                ck_assert_uint_eq(((uint8_t *)guest_ptr(g, in_gpa))[i], 0x77);
            guest_start(g, ALL, 1);
            g->heap = MAX(heap, g->heap);
            continue;
        }
        OK(vemu_vm_pause(g->vm, &err));
        ck_assert_uint_eq(vemu__virtq_held(vemu__virtio_queue(g->vdev, 0)), 0);
        OK(vemu_vm_resume(g->vm, &err));
        while (n < 60)
            n += guest_wait(g, &g->queues[0], &len) >= 0;
    }
    finish(g);
}
END_TEST

START_TEST(test_fsdev_refused)
{
    static const struct {
        const char *class_name, *id;
        struct vemu_property props[2];
        int code;
        const char *words;
    } rows[] = {
        { "proxy", "a", { { "path", "/" }, { "security_model", "none" } }, EINVAL, "'proxy'" },
        { "local", "1", { { "path", "/" }, { "security_model", "none" } }, EINVAL, "1" },
        { "local", "a", { { "path", "/" }, { "security_model", "no" } }, EINVAL, "'no'" },
        { "local", "a", { { "path", "/" }, { "readonly", "on" } }, EINVAL, "security_model" },
        { "local", "a", { { "readonly", "on" }, { "security_model", "none" } }, EINVAL, "path" },
        { "local", "a", { { "path", "/" }, { "fmode", "1" } }, EINVAL, "fmode" },
        { "local", "a", { { "path", "/nowhere" }, { "security_model", "none" } }, ENOENT, "/no" },
        { "local", "a", { { "path", "/etc/passwd" }, { "security_model", "none" } }, ENOTDIR, "" },
    };
    const struct vemu_property good[] = { { "path", "/tmp" }, { "security_model", "mapped" } };
    const struct vemu_property none[] = { { "fsdev", "b" } };
    const struct vemu_property untagged[] = { { "fsdev", "a" } };
    struct vemu_vm *vm = guest_vm();

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        FAILS(vemu_vm_add_fsdev(vm, rows[i].class_name, rows[i].id, rows[i].props, 2, &err),
              rows[i].code, rows[i].words);
    FAILS(vemu_vm_add_fsdev(vm, NULL, "a", NULL, 0, &err), EINVAL, "class");
    OK(vemu_vm_add_fsdev(vm, "local", "a", good, 2, &err));
    FAILS(vemu_vm_add_fsdev(vm, "local", "a", good, 2, &err), EEXIST, "'a'");
    FAILS(vemu_vm_add_device(vm, "virtio-9p", NULL, none, 1, &err), ENOENT, "'b'");
    OK(vemu_vm_add_device(vm, "virtio-9p", NULL, untagged, 1, &err));
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "mount_tag");
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_files, test_tree, test_no_escape, test_readdir, test_attributes, test_xattrs,
        test_mapped, test_read_only, test_locks, test_fids, test_malformed, test_reset_under_way,
        test_fsdev_refused, NULL,
    };

    return run_tests("9p", tests);
}
