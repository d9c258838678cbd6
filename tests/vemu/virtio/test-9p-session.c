/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-9p: locks, limits, malformed messages, resets, and shares that are refused.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vemu/fsdev.h>

#include "9p-guest.h"

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
    ck_assert_int_eq(lock(g, 3, 0, 150, 1, 2), 1);  /* blocked */
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

#define SHARED(model, key, value)                                                                  \
    {                                                                                              \
        { "path", "/" }, { "security_model", model },                                              \
        {                                                                                          \
            key, value                                                                             \
        }                                                                                          \
    }

START_TEST(test_fsdev_refused)
{
    static const struct {
        const char *class_name, *id;
        struct vemu_property props[3];
        int code;
        const char *words;
    } rows[] = {
        { "proxy", "a", { { "path", "/" }, { "security_model", "none" } }, EINVAL, "'proxy'" },
        { "local", "1", { { "path", "/" }, { "security_model", "none" } }, EINVAL, "1" },
        { "local", "a", { { "path", "/" }, { "security_model", "no" } }, EINVAL, "'no'" },
        { "local", "a", { { "path", "/" }, { "readonly", "on" } }, EINVAL, "security_model" },
        { "local", "a", { { "readonly", "on" }, { "security_model", "none" } }, EINVAL, "path" },
        { "local", "a", { { "path", "/" }, { "throttling", "1" } }, EINVAL, "throttling" },
        { "local", "a", SHARED("none", "fmode", "0644"), EINVAL, "'fmode': only with" },
        { "local", "a", SHARED("passthrough", "dmode", "0"), EINVAL, "'dmode': only with" },
        { "local", "a", SHARED("mapped", "fmode", "01000"), EINVAL, "'01000' is not a mode" },
        { "local", "a", SHARED("mapped", "dmode", "-1"), EINVAL, "'-1' is not a mode" },
        { "local", "a", SHARED("mapped", "dmode", "0755x"), EINVAL, "'0755x' is not a mode" },
        { "local", "a", SHARED("mapped", "dmode", ""), EINVAL, "'' is not a mode" },
        { "local", "a", SHARED("none", "writeout", "later"), EINVAL, "'later' is not supported" },
        { "local", "a", { { "path", "/nowhere" }, { "security_model", "none" } }, ENOENT, "/no" },
        { "local", "a", { { "path", "/etc/passwd" }, { "security_model", "none" } }, ENOTDIR, "" },
    };
    const struct vemu_property good[] = { { "path", "/tmp" }, { "security_model", "mapped" } };
    const struct vemu_property none[] = { { "fsdev", "b" } };
    const struct vemu_property untagged[] = { { "fsdev", "a" } };
    struct vemu_vm *vm = guest_vm();

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        FAILS(vemu_vm_add_fsdev(vm, rows[i].class_name, rows[i].id, rows[i].props,
                                rows[i].props[2].name ? 3 : 2, &err),
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
    const TTest *const tests[] = { test_locks,           test_fids,          test_malformed,
                                   test_reset_under_way, test_fsdev_refused, NULL };

    return run_tests("9p-session", tests);
}
