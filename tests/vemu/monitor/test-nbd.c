/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands that offer block nodes by NBD.
 */
#include "../devices/suite.h"
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <vemu/block.h>
#include <vemu/image.h>
#include <vemu/nbd.h>

#include "block/backend.h"

static struct client c;
static char path[64], socket_path[96], uri[160];

static void add(struct vemu_vm *vm, void *data)
{
    const struct vemu_property file[] = { { "filename", path }, { "aio", "threads" } };
    const struct vemu_property adapter[] = { { "addr", "5" } };
    const struct vemu_property drive[] = { { "drive", "used" } };
    struct vemu_error *err = NULL;

    ck_assert_int_eq(vemu_vm_add_block(vm, "file", "free", file, 2, &err), 0);
    ck_assert_int_eq(vemu_vm_add_block(vm, "null-co", "used", NULL, 0, &err), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "ich9-ahci", "sata", adapter, 1, &err), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "ide-hd", "hd", drive, 1, &err), 0);
}

static void setup(void)
{
    int fd;

    strcpy(path, "/tmp/vemu-nbd-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_eq(ftruncate(fd, 65536), 0);
    close(fd);
    snprintf(socket_path, sizeof(socket_path), "%s.sock", path);
    snprintf(uri, sizeof(uri), "nbd+unix:///disk?socket=%s", socket_path);
    client_init_with(&c, add, NULL);
}

static void teardown(void)
{
    client_fini(&c);
    ck_assert_int_ne(access(socket_path, F_OK), 0);
    unlink(path);
}

static void start(void)
{
    client_ok(&c, "nbd-server-start", "{'addr':{'type':'unix','data':{'path':'%s'}}}", socket_path);
}

static struct vemu_image *open_export(uint32_t flags)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;

    options.flags = flags;
    options.format = "raw";
    ck_assert_msg(vemu_image_open(uri, &options, &image, &err) == 0, "%s", vemu_error_message(err));
    return image;
}

START_TEST(test_server)
{
    setup();
    client_fails(&c, "nbd-server-stop", "GenericError", "not running", NULL);
    client_fails(&c, "nbd-server-add", "GenericError", "not running", "{'device':'free'}");
    client_fails(&c, "nbd-server-start", "GenericError", "'addr.data.path' is missing",
                 "{'addr':{'type':'unix','data':{}}}");
    client_fails(&c, "nbd-server-start", "GenericError", "'addr.data.to' is not supported",
                 "{'addr':{'type':'inet','data':{'host':'127.0.0.1','port':'0','to':5}}}");
    client_fails(&c, "nbd-server-start", "GenericError", "directory",
                 "{'addr':{'type':'unix','data':{'path':'/x'}},'tls-creds':'t0'}");
    start();
    client_fails(&c, "nbd-server-start", "GenericError", "already running",
                 "{'addr':{'type':'unix','data':{'path':'/x'}}}");
    client_ok(&c, "nbd-server-stop", NULL);
    ck_assert_int_ne(access(socket_path, F_OK), 0);
    client_ok(&c, "nbd-server-start",
              "{'addr':{'type':'inet','data':{'host':'127.0.0.1','port':'0'}},"
              "'max-connections':2}");
    client_ok(&c, "nbd-server-stop", NULL);
    start(); /* and the machine ends with it */
    teardown();
}
END_TEST

START_TEST(test_export)
{
    struct vemu_image *image;
    struct json_object *list;
    char text[8] = "written", back[8];

    setup();
    start();
    client_fails(&c, "block-export-add", "GenericError", "bitmap 'b'",
                 "{'type':'nbd','id':'e0','node-name':'free','bitmaps':['b']}");
    client_fails(&c, "block-export-add", "GenericError", "node-name='no'",
                 "{'type':'nbd','id':'e0','node-name':'no'}");
    client_fails(&c, "block-export-add", "GenericError", "in use by 'hd'",
                 "{'type':'nbd','id':'e0','node-name':'used','writable':true}");
    client_fails(&c, "block-export-add", "GenericError", "'iothread' is not supported",
                 "{'type':'nbd','id':'e0','node-name':'free','iothread':'t'}");
    client_ok(&c, "nbd-server-add", "{'device':'hd','name':'hd'}");
    client_ok(&c, "block-export-add",
              "{'type':'nbd','id':'e0','node-name':'free','name':'disk','writable':true,"
              "'allocation-depth':true}");
    client_fails(&c, "block-export-add", "GenericError", "already in use",
                 "{'type':'nbd','id':'e0','node-name':'free','name':'other'}");
    list = client_ok(&c, "query-block-exports", NULL);
    ck_assert_uint_eq(json_object_array_length(list), 2);
    ck_assert_str_eq(string_at(list, "0.node-name"), "used");
    ck_assert_str_eq(string_at(list, "1.id"), "e0");

    image = open_export(VEMU_IMAGE_WRITE);
    ck_assert_int_eq(vemu_image_write(image, 4096, text, sizeof(text), VEMU_IMAGE_FUA), 0);
    ck_assert_int_eq(
        vemu_image_read(vemu__vm_find_block(c.board.vm, "free")->image, 4096, back, sizeof(back)),
        0);
    ck_assert_str_eq(back, text);
    client_fails(&c, "blockdev-del", "GenericError", "busy: block export", "{'node-name':'free'}");
    client_fails(&c, "block-export-del", "GenericError", "in use", "{'id':'e0'}");
    client_fails(&c, "block-export-del", "GenericError", "not found", "{'id':'e1'}");
    client_ok(&c, "block-export-del", "{'id':'e0','mode':'hard'}");
    ck_assert_int_eq(vemu_image_read(image, 0, back, 1), -EIO);
    vemu_image_close(image);
    client_ok(&c, "blockdev-del", "{'node-name':'free'}");
    client_ok(&c, "nbd-server-remove", "{'name':'hd'}");
    list = client_ok(&c, "query-block-exports", NULL);
    ck_assert_uint_eq(json_object_array_length(list), 0);
    teardown();
}
END_TEST

SUITE_MAIN("monitor-nbd", test_server, test_export)
