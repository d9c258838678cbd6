/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP about what a disk's node is: its write threshold, and whether an error stopped the machine.
 */
#include "../devices/suite.h"
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <vemu/block.h>

#include "block/backend.h"

static struct client c;

static void add(struct vemu_vm *vm, void *data)
{
    const struct vemu_property adapter[] = { { "addr", "5" } };
    const struct vemu_property drive[] = { { "drive", "d" } };
    const struct vemu_property deaf[] = { { "drive", "e" }, { "bus", "sata.1" } };
    const struct vemu_property props[] = { { "size", "1M" }, { "werror", "report" } };

    ck_assert_int_eq(vemu_vm_add_block(vm, "null-co", "d", props, 1, NULL), 0);
    ck_assert_int_eq(vemu_vm_add_block(vm, "null-co", "e", props, 2, NULL), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "ich9-ahci", "sata", adapter, 1, NULL), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "ide-hd", "hd", drive, 1, NULL), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "ide-hd", "deaf", deaf, 2, NULL), 0);
}

static struct vemu_block *node(const char *name)
{
    return vemu__vm_find_block(c.board.vm, name);
}

START_TEST(test_threshold)
{
    struct json_object *o;
    uint8_t bytes[512] = { 0 };

    client_init_with(&c, add, NULL);
    ck_assert_int_eq(int_at(client_ok(&c, "query-block", NULL), "0.inserted.write_threshold"), 0);
    client_fails(&c, "block-set-write-threshold", "GenericError", "Device 'x' not found",
                 "{'node-name':'x','write-threshold':1}");
    client_fails(&c, "block-set-write-threshold", "GenericError", "'write-threshold'",
                 "{'node-name':'d','write-threshold':-1}");
    client_ok(&c, "block-set-write-threshold", "{'node-name':'d','write-threshold':4096}");
    ck_assert_int_eq(int_at(client_ok(&c, "query-block", NULL), "0.inserted.write_threshold"),
                     4096);
    ck_assert_int_eq(vemu_image_write(node("d")->image, 0, bytes, sizeof(bytes), 0), 0);
    ck_assert_int_eq(vemu_image_write(node("d")->image, 4096, bytes, sizeof(bytes), 0), 0);
    o = client_event(&c, "BLOCK_WRITE_THRESHOLD");
    ck_assert_str_eq(string_at(o, "node-name"), "d");
    ck_assert_int_eq(int_at(o, "amount-exceeded"), 512);
    ck_assert_int_eq(int_at(o, "write-threshold"), 4096);
    o = client_ok(&c, "query-named-block-nodes", NULL);
    ck_assert_int_eq(int_at(o, "0.write_threshold"), 0);
    client_fini(&c);
}
END_TEST

static void set_error(const char *name, int result)
{
    struct vemu_block *block = node(name);

    pthread_mutex_lock(block->user_lock);
    block->io_error = result;
    pthread_mutex_unlock(block->user_lock);
}

START_TEST(test_io_status)
{
    struct json_object *o;

    client_init_with(&c, add, NULL);
    o = client_ok(&c, "query-block", NULL);
    ck_assert_str_eq(string_at(o, "0.io-status"), "ok"); /* werror is enospc */
    ck_assert_ptr_null(json_object_object_get(at(o, "1"), "io-status"));
    set_error("d", -ENOSPC);
    ck_assert_str_eq(string_at(client_ok(&c, "query-block", NULL), "0.io-status"), "nospace");
    set_error("d", -EIO);
    ck_assert_str_eq(string_at(client_ok(&c, "query-block", NULL), "0.io-status"), "failed");
    vemu__blocks_resume(c.board.vm);
    ck_assert_str_eq(string_at(client_ok(&c, "query-block", NULL), "0.io-status"), "ok");
    client_fini(&c);
}
END_TEST

SUITE_MAIN("monitor-block", test_threshold, test_io_status)
