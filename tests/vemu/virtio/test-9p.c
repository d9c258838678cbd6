/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-9p: files, directories, their attributes, and what may not be reached.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "9p-guest.h"

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

static void expect_mode(const char *name, mode_t mode)
{
    struct stat st;

    ck_assert_int_eq(lstat(host_path(name), &st), 0);
    ck_assert_msg(st.st_mode == mode, "%s: %o", name, st.st_mode);
}

/* Modes of the host, whatever the umask; the guest has its own. */
static void check_modes(struct vemu_property more, mode_t file, mode_t dir)
{
    const mode_t before = umask(077);
    struct guest *g = start_more("mapped", "off", more);
    struct attributes a;

    if (host_has_xattrs()) {
        ck_assert_int_eq(walk(g, ROOT, 4, NULL, NULL, NULL), 0);
        ck_assert_int_eq(lcreate(g, 4, "new", O_RDWR, 0600), 0);
        ck_assert_int_eq(getattr(g, 4, &a), 0);
        ck_assert_uint_eq(a.mode, S_IFREG | 0600);
        expect_mode("share/new", S_IFREG | file);
        begin(P9_MKDIR);
        p32(ROOT), ps("folder"), p32(0711), p32(0);
        ck_assert_int_eq(call(g), 0);
        expect_mode("share/folder", S_IFDIR | dir);
        begin(P9_SYMLINK);
        p32(ROOT), ps("link"), ps("new"), p32(6);
        ck_assert_int_eq(call(g), 0);
        expect_mode("share/link", S_IFREG | file);
    }
    finish(g);
    umask(before);
}

START_TEST(test_file_mode)
{
    check_modes((struct vemu_property){ "fmode", "0644" }, 0644, 0700);
}
END_TEST

START_TEST(test_dir_mode)
{
    check_modes((struct vemu_property){ "dmode", "0755" }, 0600, 0755);
}
END_TEST

/* That it is written sooner cannot be seen; what is written can. */
START_TEST(test_written_soon)
{
    struct guest *g = start_more("none", "off", (struct vemu_property){ "writeout", "immediate" });

    ck_assert_int_eq(walk(g, ROOT, 2, "file", NULL, NULL), 1);
    ck_assert_int_eq(lopen(g, 2, O_RDWR), 0);
    ck_assert_int_eq(write_at(g, 2, 3, "TENTS", 5), 5);
    ck_assert_int_eq(write_at(g, 2, 0, "", 0), 0);
    host_expect("share/file", "conTENTS");
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

int main(void)
{
    const TTest *const tests[] = { test_files,    test_tree,         test_no_escape,
                                   test_readdir,  test_attributes,   test_xattrs,
                                   test_mapped,   test_read_only,    test_file_mode,
                                   test_dir_mode, test_written_soon, NULL };

    return run_tests("9p", tests);
}
