/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets of descriptors: QMP's commands for them, and nodes whose files they are. The files have no
 * name any more when they are used.
 */
#include "../core/test-main.h"
#include "../devices/suite.h"
#include "client.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vemu/block.h>

#include "block/fdset.h"

static struct client c;
static char path[] = "/tmp/test-fdset-XXXXXX";
static unsigned before;

static unsigned count_fds(void)
{
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned n = 0;

    while (g_dir_read_name(dir))
        n++;
    g_dir_close(dir);
    return n;
}

static void setup(void)
{
    int fd;

    strcpy(path, "/tmp/test-fdset-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
    close(fd);
    before = count_fds();
    client_init(&c);
}

static void teardown(void)
{
    client_fini(&c);
    ck_assert_uint_eq(count_fds(), before);
    unlink(path);
}

/* The file, opened that way, with add-fd. Returns the number it has in the monitor. */
static int add_fd(int flags, int set)
{
    struct json_object *o;
    int fd = open(path, flags | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    client_send(&c, " ", &fd, 1);
    close(fd);
    o = client_ok(&c, "add-fd", "{'fdset-id':%d}", set);
    ck_assert_int_eq(int_at(o, "fdset-id"), set);
    return (int)int_at(o, "fd");
}

START_TEST(test_sets)
{
    struct json_object *o;
    int fd;

    setup();
    client_fails(&c, "add-fd", "GenericError", "No file descriptor supplied", "{}");
    ck_assert_uint_eq(json_object_array_length(client_ok(&c, "query-fdsets", NULL)), 0);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 3; i++) {
        client_send(&c, " ", &fd, 1);
        client_fails(&c, "add-fd", "GenericError", "non-negative", "{'fdset-id':-1}");
        o = client_ok(&c, "add-fd", i == 1 ? "{'fdset-id':1,'opaque':'it'}" : "{}");
        ck_assert_int_eq(int_at(o, "fdset-id"), i);
    }
    close(fd);
    fd = add_fd(O_RDWR, 1);
    o = client_ok(&c, "query-fdsets", NULL);
    ck_assert_uint_eq(json_object_array_length(o), 3);
    ck_assert_int_eq(int_at(o, "1.fdset-id"), 1);
    ck_assert_str_eq(string_at(o, "1.fds.0.opaque"), "it");
    ck_assert_int_eq(int_at(o, "1.fds.1.fd"), fd);
    ck_assert_uint_eq(json_object_array_length(at(o, "2.fds")), 1);
    client_ok(&c, "remove-fd", "{'fdset-id':1,'fd':%d}", fd);
    client_fails(&c, "remove-fd", "GenericError", "'fdset-id:1, fd:", "{'fdset-id':1,'fd':%d}", fd);
    client_fails(&c, "remove-fd", "GenericError", "expects a file descriptor",
                 "{'fdset-id':1,'fd':-1}");
    client_ok(&c, "remove-fd", "{'fdset-id':1}");
    client_fails(&c, "remove-fd", "GenericError", "'fdset-id:1' not found", "{'fdset-id':1}");
    ck_assert_uint_eq(json_object_array_length(client_ok(&c, "query-fdsets", NULL)), 2);
    /* Other than what getfd names, they do not go with the client: with the machine. */
    teardown();
}
END_TEST

static int lock_of(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1 };

    ck_assert_int_eq(fcntl(fd, F_OFD_GETLK, &lock), 0);
    return lock.l_type;
}

START_TEST(test_nodes)
{
    static const char *const unnamed[] = { "/dev/fdset/", "/dev/fdset/x", "/dev/fdset/-1",
                                           "/dev/fdset/1/2" };
    struct json_object *o;
    int other;

    setup();
    other = open(path, O_RDWR | O_CLOEXEC);
    add_fd(O_RDONLY, 5);
    add_fd(O_RDWR | O_APPEND, 5);
    client_fails(&c, "blockdev-add", "GenericError", "for writing, opened O_RDWR without O_DIRECT",
                 "{'driver':'file','node-name':'f','filename':'/dev/fdset/5'}");
    add_fd(O_RDWR, 5);
    add_fd(O_RDWR, 6);
    ck_assert_int_eq(unlink(path), 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(unnamed); i++)
        client_fails(&c, "blockdev-add", "GenericError", "names no set",
                     "{'driver':'file','node-name':'f','filename':'%s'}", unnamed[i]);
    client_fails(&c, "blockdev-add", "GenericError",
                 "there is no set of descriptors '/dev/fdset/7'",
                 "{'driver':'file','node-name':'f','filename':'/dev/fdset/7'}");
    client_fails(&c, "blockdev-add", "GenericError", "for reading alone, opened O_RDONLY",
                 "{'driver':'file','node-name':'f','filename':'/dev/fdset/6','read-only':true}");
    client_fails(&c, "blockdev-add", "GenericError", "opened O_RDWR with O_DIRECT",
                 "{'driver':'file','node-name':'f','filename':'/dev/fdset/5',"
                 "'cache':{'direct':true}}");
    /* By itself, below a format, and with a name alone. */
    client_ok(&c, "blockdev-add", "{'driver':'file','node-name':'f','filename':'/dev/fdset/5'}");
    ck_assert_int_eq(lock_of(other), F_RDLCK);
    client_ok(&c, "blockdev-del", "{'node-name':'f'}");
    ck_assert_int_eq(lock_of(other), F_UNLCK); /* although the set has the open file */
    client_ok(&c, "blockdev-add",
              "{'driver':'raw','node-name':'r','file':{'driver':'file',"
              "'filename':'/dev/fdset/6'}}");
    o = client_ok(&c, "query-named-block-nodes", NULL);
    ck_assert_str_eq(string_at(o, "0.file"), "/dev/fdset/6");
    ck_assert_int_eq(int_at(o, "0.image.virtual-size"), 1 << 20);
    /* The node keeps what it has. */
    client_ok(&c, "remove-fd", "{'fdset-id':6}");
    OK(vemu_vm_resize_block(c.board.vm, "r", 2 << 20, &err));
    client_ok(&c, "blockdev-del", "{'node-name':'r'}");
    client_fails(&c, "blockdev-add", "GenericError", "no set of descriptors",
                 "{'driver':'file','node-name':'f','filename':'/dev/fdset/6'}");
    client_ok(&c, "blockdev-add",
              "{'driver':'raw','node-name':'r','read-only':true,'file':{'driver':'file',"
              "'filename':'/dev/fdset/5','read-only':true}}");
    client_ok(&c, "blockdev-del", "{'node-name':'r'}");
    close(other);
    teardown();
}
END_TEST

/* The library's own call keeps the caller's. */
START_TEST(test_call)
{
    const struct vemu_property prop = { "filename", "/dev/fdset/3" };
    int fd;

    setup();
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(unlink(path), 0);
    FAILS(vemu_vm_add_fd(c.board.vm, -1, fd, NULL, &err), EINVAL, "below 0");
    FAILS(vemu_vm_add_fd(c.board.vm, 3, -1, NULL, &err), EBADF, "descriptor -1");
    OK(vemu_vm_add_fd(c.board.vm, 3, fd, "x", &err));
    ck_assert_int_eq(close(fd), 0);
    OK(vemu_vm_add_block(c.board.vm, "raw", "r", &prop, 1, &err));
    OK(vemu_vm_remove_block(c.board.vm, "r", &err));
    OK(vemu_vm_add_block(c.board.vm, "auto", "a", &prop, 1, &err));
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    OK(vemu_vm_add_fd(c.board.vm, 4, fd, NULL, &err));
    FAILS(vemu_vm_add_block(c.board.vm, "file", "n",
                            &(struct vemu_property){ "filename", "/dev/fdset/4" }, 1, &err),
          EINVAL, "neither a file nor a block device");
    for (unsigned i = 2; i < 256; i++)
        OK(vemu_vm_add_fd(c.board.vm, 9, fd, NULL, &err));
    FAILS(vemu_vm_add_fd(c.board.vm, 9, fd, NULL, &err), EMFILE, "256 descriptors");
    close(fd);
    teardown();
}
END_TEST

SUITE_MAIN("sets of descriptors", test_sets, test_nodes, test_call)
