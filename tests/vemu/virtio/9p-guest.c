/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver of virtio-9p in the test, and the directory that it sees.
 */
#include "9p-guest.h"

#include <ftw.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vemu/fsdev.h>

static char top[] = "/tmp/vemu-9p-XXXXXX"; /* outside: secret; the share: top/share */
uint64_t out_gpa, in_gpa;
uint8_t message[MSIZE];
static uint8_t answer[MSIZE];
struct p9_writer w;
struct p9_reader r;

/* --- the host --------------------------------------------------------------------------------- */

const char *host_path(const char *name)
{
    static char path[2][256];
    static unsigned which;

    which ^= 1;
    snprintf(path[which], sizeof(path[which]), "%s/%s", top, name);
    return path[which];
}

void host_write(const char *name, const char *text)
{
    ck_assert(g_file_set_contents(host_path(name), text, -1, NULL));
}

void host_expect(const char *name, const char *text)
{
    g_autofree char *is = NULL;

    ck_assert_msg(g_file_get_contents(host_path(name), &is, NULL, NULL), "no %s", name);
    ck_assert_str_eq(is, text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

bool host_has_xattrs(void)
{
    return setxattr(top, "user.test", "x", 1, 0) == 0;
}

/* --- the guest -------------------------------------------------------------------------------- */

void begin(uint8_t type)
{
    w = (struct p9_writer){ message, P9_HEADER, sizeof(message), false };
    vemu__p9_put_header(&w, 0, type, 7);
}

int exchange(struct guest *g, size_t size, uint32_t room)
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

int call(struct guest *g)
{
    struct p9_writer head = w;

    ck_assert(!w.full);
    vemu__p9_put_header(&head, (uint32_t)w.used, message[4], 7);
    return exchange(g, w.used, MSIZE);
}

void version(struct guest *g)
{
    begin(P9_VERSION);
    p32(MSIZE);
    ps("9P2000.L");
    ck_assert_int_eq(call(g), 0);
    ck_assert_uint_eq(vemu__p9_get32(&r), MSIZE);
    ck_assert_str_eq(vemu__p9_get_string(&r), "9P2000.L");
}

int attach(struct guest *g, uint32_t fid, uint32_t uid)
{
    begin(P9_ATTACH);
    p32(fid), p32(P9_NOFID), ps("user"), ps(""), p32(uid);
    return call(g);
}

struct guest *start_with(const char *model, const char *read_only)
{
    return start_more(model, read_only, (struct vemu_property){ NULL, NULL });
}

struct guest *start_more(const char *model, const char *read_only, struct vemu_property more)
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
                                               { "readonly", read_only },
                                               more };

        OK(vemu_vm_add_fsdev(vm, "local", "fs", props, more.name ? 4 : 3, &err));
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

struct guest *start(void)
{
    return start_with("none", "off");
}

void finish(struct guest *g)
{
    ck_assert(!guest_broken(g));
    guest_free(g);
    nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int walk(struct guest *g, uint32_t fid, uint32_t new_fid, const char *a, const char *b,
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

int lopen(struct guest *g, uint32_t fid, uint32_t flags)
{
    begin(P9_LOPEN);
    p32(fid), p32(flags);
    return call(g);
}

int lcreate(struct guest *g, uint32_t fid, const char *name, uint32_t flags, uint32_t mode)
{
    begin(P9_LCREATE);
    p32(fid), ps(name), p32(flags), p32(mode), p32(getgid());
    return call(g);
}

int write_at(struct guest *g, uint32_t fid, uint64_t offset, const void *data, uint32_t size)
{
    int e;

    begin(P9_WRITE_DATA);
    p32(fid), p64(offset), p32(size);
    memcpy(message + w.used, data, size);
    w.used += size;
    e = call(g);
    return e ? -e : (int)vemu__p9_get32(&r);
}

int read_at(struct guest *g, uint8_t type, uint32_t fid, uint64_t offset, uint32_t size)
{
    int e;

    begin(type);
    p32(fid), p64(offset), p32(size);
    e = call(g);
    return e ? -e : (int)vemu__p9_get32(&r);
}

int one_fid(struct guest *g, uint8_t type, uint32_t fid)
{
    begin(type);
    p32(fid);
    return call(g);
}

int clunk(struct guest *g, uint32_t fid)
{
    return one_fid(g, P9_CLUNK, fid);
}

int getattr(struct guest *g, uint32_t fid, struct attributes *a)
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

int setattr(struct guest *g, uint32_t fid, uint32_t valid, uint32_t mode, uint32_t uid,
            uint64_t size, uint64_t mtime)
{
    begin(P9_SETATTR);
    p32(fid), p32(valid), p32(mode), p32(uid), p32(uid), p64(size);
    p64(0), p64(0), p64(mtime), p64(5);
    return call(g);
}
