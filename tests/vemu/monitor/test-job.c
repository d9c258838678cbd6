/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about jobs, bitmaps and snapshots, on a disk that nobody writes to.
 */
#include "../devices/suite.h"
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <vemu/block.h>
#include <vemu/image.h>

#include "block/backend.h"

#define SIZE (2u << 20)

static struct client c;
static char dir[64];

static char *path(const char *name)
{
    return g_strdup_printf("%s/%s", dir, name);
}

static void create(const char *name, const char *backing)
{
    const struct vemu_property props[] = { { "backing_file", backing },
                                           { "backing_fmt", "qcow2" } };
    g_autofree char *p = path(name);

    ck_assert_int_eq(vemu_image_create(p, "qcow2", SIZE, props, backing ? 2 : 0, NULL, NULL), 0);
}

static void write_byte(const char *name, uint64_t offset, uint8_t byte)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    g_autofree char *p = path(name);
    struct vemu_image *image = NULL;
    uint8_t buf[512];

    memset(buf, byte, sizeof(buf));
    options.flags = VEMU_IMAGE_WRITE;
    ck_assert_int_eq(vemu_image_open(p, &options, &image, NULL), 0);
    ck_assert_int_eq(vemu_image_write(image, offset, buf, sizeof(buf), 0), 0);
    ck_assert_int_eq(vemu_image_close(image), 0);
}

static uint8_t read_byte(const char *name, uint64_t offset)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    g_autofree char *p = path(name);
    struct vemu_image *image = NULL;
    uint8_t byte = 0;

    options.flags = VEMU_IMAGE_FORCE_SHARE;
    ck_assert_int_eq(vemu_image_open(p, &options, &image, NULL), 0);
    ck_assert_int_eq(vemu_image_read(image, offset, &byte, 1), 0);
    vemu_image_close(image);
    return byte;
}

static void add(struct vemu_vm *vm, void *data)
{
    const struct vemu_property adapter[] = { { "addr", "5" } };
    const struct vemu_property drive[] = { { "drive", "d" } };
    g_autofree char *file = path("top");
    const struct vemu_property props[] = { { "file.driver", "file" }, { "file.filename", file } };
    struct vemu_error *err = NULL;

    ck_assert_msg(vemu_vm_add_block(vm, "qcow2", "d", props, 2, &err) == 0, "%s",
                  vemu_error_message(err));
    ck_assert_int_eq(vemu_vm_add_device(vm, "ich9-ahci", "sata", adapter, 1, &err), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "ide-hd", "hd", drive, 1, &err), 0);
}

static void setup(void)
{
    strcpy(dir, "/tmp/vemu-job-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    create("base", NULL);
    create("mid", "base");
    create("top", "mid");
    write_byte("base", 0, 1);
    write_byte("mid", 65536, 2);
    write_byte("top", 131072, 3);
    client_init_with(&c, add, NULL);
}

static void teardown(void)
{
    g_autofree char *command = g_strdup_printf("rm -r '%s'", dir);

    client_fini(&c);
    ck_assert_int_eq(system(command), 0);
}

static void add_target(const char *name, const char *backing)
{
    create(name, backing);
    client_ok(&c, "blockdev-add",
              "{'driver':'qcow2','node-name':'%s','backing':null,"
              "'file':{'driver':'file','filename':'%s/%s'}}",
              name, dir, name);
}

static void wait_completed(const char *type)
{
    struct json_object *data = client_event(&c, "BLOCK_JOB_COMPLETED");

    ck_assert_str_eq(string_at(data, "type"), type);
    ck_assert_ptr_null(qmp_get(data, "error"));
}

static void check_three(const char *name)
{
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(read_byte(name, i * 65536), i + 1);
}

START_TEST(test_backup)
{
    g_autofree char *file = NULL;

    setup();
    file = path("copy");
    add_target("t", NULL);
    client_fails(&c, "blockdev-backup", "GenericError", "'x'",
                 "{'device':'d','target':'x','sync':'full'}");
    client_fails(&c, "blockdev-backup", "GenericError", "'x-perf' is not supported",
                 "{'device':'d','target':'t','sync':'full','x-perf':{}}");
    client_ok(&c, "blockdev-backup",
              "{'job-id':'j','device':'d','target':'t','sync':'full','auto-dismiss':false,"
              "'auto-finalize':false}");
    ck_assert_str_eq(string_at(client_event(&c, "BLOCK_JOB_PENDING"), "id"), "j");
    ck_assert_str_eq(string_at(client_ok(&c, "query-jobs", NULL), "0.status"), "pending");
    client_fails(&c, "block-job-complete", "GenericError", "cannot be completed", "{'device':'j'}");
    client_ok(&c, "job-finalize", "{'id':'j'}");
    wait_completed("backup");
    ck_assert_str_eq(string_at(client_ok(&c, "query-block-jobs", NULL), "0.status"), "concluded");
    client_ok(&c, "job-dismiss", "{'id':'j'}");
    ck_assert_uint_eq(json_object_array_length(client_ok(&c, "query-block-jobs", NULL)), 0);
    client_ok(&c, "blockdev-del", "{'node-name':'t'}");
    check_three("t");
    client_ok(&c, "drive-backup", "{'device':'hd','target':'%s','sync':'top'}", file);
    wait_completed("backup");
    check_three("copy"); /* with mid below */
    client_fails(&c, "block-job-cancel", "DeviceNotActive", "'d'", "{'device':'d'}");
    teardown();
}
END_TEST

START_TEST(test_bitmaps)
{
    struct json_object *o;

    setup();
    add_target("t", NULL);
    client_ok(&c, "block-dirty-bitmap-add",
              "{'node':'d','name':'a','persistent':true,'granularity':65536}");
    client_ok(&c, "block-dirty-bitmap-add", "{'node':'d','name':'b','disabled':true}");
    client_fails(&c, "block-dirty-bitmap-add", "GenericError", "already exists",
                 "{'node':'d','name':'a'}");
    client_ok(&c, "block-dirty-bitmap-disable", "{'node':'d','name':'a'}");
    client_ok(&c, "block-dirty-bitmap-enable", "{'node':'d','name':'b'}");
    client_ok(&c, "block-dirty-bitmap-merge", "{'node':'d','target':'b','bitmaps':['a']}");
    client_ok(&c, "block-dirty-bitmap-clear", "{'node':'d','name':'b'}");
    o = client_ok(&c, "query-block", NULL);
    ck_assert_str_eq(string_at(o, "0.inserted.dirty-bitmaps.1.name"), "b");
    ck_assert_int_eq(int_at(o, "0.inserted.dirty-bitmaps.0.granularity"), 65536);
    client_ok(&c, "blockdev-backup",
              "{'job-id':'j','device':'d','target':'t','sync':'incremental','bitmap':'b',"
              "'auto-finalize':false}");
    client_fails(&c, "block-dirty-bitmap-remove", "GenericError", "in use",
                 "{'node':'d','name':'b'}");
    client_event(&c, "BLOCK_JOB_PENDING");
    client_ok(&c, "block-job-finalize", "{'id':'j'}");
    wait_completed("backup");
    client_ok(&c, "block-dirty-bitmap-remove", "{'node':'d','name':'b'}");
    client_fails(&c, "block-dirty-bitmap-clear", "GenericError", "not found",
                 "{'node':'d','name':'b'}");
    teardown();
}
END_TEST

START_TEST(test_mirror)
{
    g_autofree char *file = NULL;

    setup();
    file = path("copy");
    add_target("t", NULL);
    client_ok(&c, "blockdev-mirror", "{'job-id':'j','device':'d','target':'t','sync':'full'}");
    ck_assert_int_eq(int_at(client_event(&c, "BLOCK_JOB_READY"), "len"), SIZE);
    client_ok(&c, "block-job-pause", "{'device':'j'}");
    client_ok(&c, "block-job-resume", "{'device':'j'}");
    client_ok(&c, "block-job-set-speed", "{'device':'j','speed':1000}");
    client_ok(&c, "block-job-cancel", "{'device':'j'}");
    wait_completed("mirror");
    client_fails(&c, "drive-mirror", "GenericError", "'replaces' is not supported",
                 "{'device':'d','target':'%s','sync':'full','replaces':'x'}", file);
    client_ok(&c, "drive-mirror", "{'device':'d','target':'%s','sync':'full','node-name':'n'}",
              file);
    client_event(&c, "BLOCK_JOB_READY");
    client_ok(&c, "job-complete", "{'id':'d'}");
    wait_completed("mirror");
    ck_assert_str_eq(string_at(client_ok(&c, "query-block", NULL), "0.inserted.node-name"), "n");
    ck_assert_str_eq(string_at(client_ok(&c, "query-block", NULL), "0.inserted.file"), file);
    check_three("copy");
    teardown();
}
END_TEST

START_TEST(test_chain)
{
    setup();
    client_fails(&c, "block-stream", "GenericError", "'bottom' is not supported",
                 "{'device':'d','bottom':'x'}");
    client_fails(&c, "block-commit", "GenericError", "'nothing'", "{'device':'d','top':'nothing'}");
    client_ok(&c, "block-commit", "{'job-id':'j','device':'d','top':'mid'}");
    wait_completed("commit");
    check_three("top");
    ck_assert_uint_eq(read_byte("base", 65536), 2);
    client_ok(&c, "block-stream", "{'job-id':'j','device':'hd'}");
    wait_completed("stream");
    ck_assert_int_eq(int_at(client_ok(&c, "query-block", NULL), "0.inserted.backing_file_depth"),
                     0);
    check_three("top");
    teardown();
}
END_TEST

START_TEST(test_commit_active)
{
    setup();
    client_ok(&c, "block-commit", "{'job-id':'j','device':'d','auto-dismiss':false}");
    client_event(&c, "BLOCK_JOB_READY");
    client_ok(&c, "block-job-cancel", "{'device':'j','force':true}");
    client_event(&c, "BLOCK_JOB_CANCELLED");
    client_ok(&c, "block-job-dismiss", "{'id':'j'}");
    check_three("top");
    client_ok(&c, "block-commit", "{'job-id':'j','device':'d'}");
    client_event(&c, "BLOCK_JOB_READY");
    client_ok(&c, "block-job-complete", "{'device':'j'}");
    wait_completed("commit");
    check_three("base");
    teardown();
}
END_TEST

/* Snapshots on top, with a name of its own or not, and down again. */
START_TEST(test_snapshot)
{
    struct json_object *o;

    setup();
    client_fails(&c, "blockdev-snapshot-sync", "GenericError", "backing",
                 "{'device':'d','snapshot-file':'%s/raw','format':'raw'}", dir);
    client_ok(&c, "blockdev-snapshot-sync", "{'device':'hd','snapshot-file':'%s/s1'}", dir);
    o = client_ok(&c, "query-block", NULL);
    ck_assert_str_eq(string_at(o, "0.inserted.node-name"), "d"); /* the old one has another */
    ck_assert_int_eq(int_at(o, "0.inserted.backing_file_depth"), 3);
    ck_assert(!json_object_get_boolean(at(o, "0.inserted.ro")));
    check_three("s1");
    client_ok(&c, "blockdev-snapshot-sync",
              "{'node-name':'d','snapshot-file':'%s/s2','snapshot-node-name':'n2'}", dir);
    o = client_ok(&c, "query-block", NULL);
    ck_assert_str_eq(string_at(o, "0.inserted.node-name"), "n2");
    ck_assert_int_eq(int_at(o, "0.inserted.backing_file_depth"), 4);
    check_three("s2");
    create("s3", "s2");
    client_ok(&c, "blockdev-add",
              "{'driver':'qcow2','node-name':'n3','backing':null,"
              "'file':{'driver':'file','filename':'%s/s3'}}",
              dir);
    client_fails(&c, "blockdev-snapshot", "GenericError", "'x'", "{'node':'n2','overlay':'x'}");
    client_ok(&c, "blockdev-snapshot", "{'node':'n2','overlay':'n3'}");
    o = client_ok(&c, "query-block", NULL);
    ck_assert_str_eq(string_at(o, "0.inserted.node-name"), "n3");
    client_fails(&c, "blockdev-del", "GenericError", "in use", "{'node-name':'n2'}");
    client_ok(&c, "block-commit", "{'job-id':'j','device':'hd','top-node':'n2','base-node':'d'}");
    wait_completed("commit");
    client_ok(&c, "blockdev-del", "{'node-name':'n2'}");
    check_three("s3");
    client_ok(&c, "block-commit", "{'job-id':'j','device':'hd','base-node':'d'}");
    client_event(&c, "BLOCK_JOB_READY");
    client_ok(&c, "block-job-complete", "{'device':'j'}");
    wait_completed("commit");
    ck_assert_str_eq(string_at(client_ok(&c, "query-block", NULL), "0.inserted.node-name"), "d");
    client_ok(&c, "blockdev-del", "{'node-name':'n3'}");
    check_three("s1");
    teardown();
}
END_TEST

/* --- transactions ----------------------------------------------------------------------------- */

static void no_bitmap(const char *name)
{
    client_fails(&c, "block-dirty-bitmap-clear", "GenericError", "not found",
                 "{'node':'d','name':'%s'}", name);
}

START_TEST(test_transaction_refused)
{
    setup();
    client_fails(&c, "transaction", "GenericError", "'job-cancel' is not supported",
                 "{'actions':[{'type':'job-cancel','data':{'id':'x'}}]}");
    client_fails(&c, "transaction", "GenericError", "'data.nmae' is unexpected",
                 "{'actions':[{'type':'block-dirty-bitmap-add','data':{'node':'d','name':'a',"
                 "'nmae':'b'}}]}");
    client_fails(&c, "transaction", "GenericError", "'x'",
                 "{'actions':[{'type':'block-dirty-bitmap-add','data':{'node':'x','name':'a'}}]}");
    client_fails(&c, "transaction", "GenericError", "Abort action",
                 "{'actions':[{'type':'block-dirty-bitmap-add','data':{'node':'d','name':'a'}},"
                 "{'type':'abort','data':{}}]}");
    no_bitmap("a");
    client_ok(&c, "transaction", "{'actions':[]}");
    teardown();
}
END_TEST

/* What a bitmap has is put back, whatever an action did to it. */
START_TEST(test_transaction_bitmaps)
{
    struct vemu_image *image;
    struct json_object *o;

    setup();
    client_ok(&c, "transaction",
              "{'actions':[{'type':'block-dirty-bitmap-add','data':{'node':'d','name':'a',"
              "'persistent':true,'granularity':65536}},"
              "{'type':'block-dirty-bitmap-add','data':{'node':'d','name':'b','disabled':true}}]}");
    image = vemu__vm_find_block(c.board.vm, "d")->image;
    ck_assert_int_eq(vemu_image_write(image, 65536, "x", 1, 0), 0);
    client_fails(&c, "transaction", "GenericError", "'no'",
                 "{'actions':["
                 "{'type':'block-dirty-bitmap-merge','data':{'node':'d','target':'b',"
                 "'bitmaps':['a']}},"
                 "{'type':'block-dirty-bitmap-clear','data':{'node':'d','name':'a'}},"
                 "{'type':'block-dirty-bitmap-disable','data':{'node':'d','name':'a'}},"
                 "{'type':'block-dirty-bitmap-enable','data':{'node':'d','name':'b'}},"
                 "{'type':'block-dirty-bitmap-remove','data':{'node':'d','name':'a'}},"
                 "{'type':'block-dirty-bitmap-add','data':{'node':'d','name':'a'}},"
                 "{'type':'block-dirty-bitmap-merge','data':{'node':'d','target':'b',"
                 "'bitmaps':['no']}}]}");
    o = at(client_ok(&c, "query-block", NULL), "0.inserted.dirty-bitmaps");
    ck_assert_uint_eq(json_object_array_length(o), 2);
    for (unsigned i = 0; i < 2; i++) {
        struct json_object *bitmap = json_object_array_get_idx(o, i);
        bool is_a = strcmp(string_at(bitmap, "name"), "a") == 0;

        ck_assert_int_eq(int_at(bitmap, "count"), is_a ? 65536 : 0);
        ck_assert_int_eq(json_object_get_boolean(at(bitmap, "recording")), is_a);
        ck_assert_int_eq(json_object_get_boolean(at(bitmap, "persistent")), is_a);
    }
    client_ok(&c, "transaction",
              "{'actions':["
              "{'type':'block-dirty-bitmap-merge','data':{'node':'d','target':'b',"
              "'bitmaps':['a']}},"
              "{'type':'block-dirty-bitmap-remove','data':{'node':'d','name':'a'}}]}");
    no_bitmap("a");
    ck_assert_int_eq(
        int_at(client_ok(&c, "query-block", NULL), "0.inserted.dirty-bitmaps.0.count"), 65536);
    teardown();
}
END_TEST

#define BACKUP(id, device, target)                                                                 \
    "{'type':'blockdev-backup','data':{'job-id':'" id "','device':'" device "','target':'" target  \
    "','sync':'full'}}"

/* Jobs of a transaction that fails have never been there. */
START_TEST(test_transaction_backup)
{
    setup();
    add_target("t", NULL);
    client_ok(&c, "block-dirty-bitmap-add", "{'node':'d','name':'a'}");
    client_fails(&c, "transaction", "GenericError", "Abort action",
                 "{'actions':[" BACKUP("j", "d", "t") ",{'type':'abort','data':{}}]}");
    ck_assert_uint_eq(json_object_array_length(client_ok(&c, "query-block-jobs", NULL)), 0);
    client_fails(&c, "transaction", "GenericError", "busy: job 'd'",
                 "{'actions':[{'type':'blockdev-backup','data':{'device':'d','target':'t',"
                 "'sync':'incremental','bitmap':'a'}}," BACKUP("j", "hd", "t") "]}");
    client_ok(&c, "transaction",
              "{'actions':[{'type':'block-dirty-bitmap-clear','data':{'node':'d','name':'a'}},"
              BACKUP("j", "d", "t") "]}");
    wait_completed("backup");
    client_ok(&c, "blockdev-del", "{'node-name':'t'}");
    check_three("t");
    teardown();
}
END_TEST

static void add_disk(const char *name)
{
    create(name, NULL);
    client_ok(&c, "blockdev-add",
              "{'driver':'qcow2','node-name':'%s','file':{'driver':'file','filename':'%s/%s'}}",
              name, dir, name);
}

/* Grouped jobs wait for each other; when one is cancelled so are the others. */
START_TEST(test_transaction_grouped)
{
    const char *both = "{'actions':[" BACKUP("j1", "d", "t1") ","
                       "{'type':'blockdev-backup','data':{'job-id':'j2','device':'d2',"
                       "'target':'t2','sync':'full','speed':65536}}],"
                       "'properties':{'completion-mode':'grouped'}}";
    struct json_object *data;

    setup();
    add_disk("d2");
    ck_assert_int_eq(
        vemu_image_write(vemu__vm_find_block(c.board.vm, "d2")->image, 0, dir, sizeof(dir), 0), 0);
    add_target("t1", NULL);
    add_target("t2", NULL);
    client_ok(&c, "transaction", "%s", both);
    for (;;) { /* the first is done and waits for the other */
        struct json_object *jobs = client_ok(&c, "query-jobs", NULL);

        ck_assert_uint_eq(json_object_array_length(jobs), 2);
        if (!strcmp(string_at(jobs, "0.status"), "waiting"))
            break;
        g_usleep(2000);
    }
    client_ok(&c, "block-job-cancel", "{'device':'j2'}");
    for (unsigned i = 0; i < 2; i++) {
        data = client_event(&c, "BLOCK_JOB_CANCELLED");
        ck_assert_str_eq(string_at(data, "type"), "backup");
    }
    client_ok(&c, "transaction", "%s", both);
    client_ok(&c, "block-job-set-speed", "{'device':'j2','speed':0}");
    wait_completed("backup");
    wait_completed("backup");
    client_ok(&c, "blockdev-del", "{'node-name':'t1'}");
    check_three("t1");
    teardown();
}
END_TEST

/* Snapshots are taken back: one with a name of its own, one without, one in a node. */
START_TEST(test_transaction_snapshots)
{
    struct json_object *o;

    setup();
    create("s3", NULL);
    client_ok(&c, "blockdev-add",
              "{'driver':'qcow2','node-name':'n3','backing':null,"
              "'file':{'driver':'file','filename':'%s/s3'}}",
              dir);
    client_fails(&c, "transaction", "GenericError", "Abort action",
                 "{'actions':[{'type':'blockdev-snapshot-sync','data':{'device':'hd',"
                 "'snapshot-file':'%s/s1'}},"
                 "{'type':'blockdev-snapshot-sync','data':{'node-name':'d',"
                 "'snapshot-file':'%s/s2','snapshot-node-name':'n2'}},"
                 "{'type':'blockdev-snapshot','data':{'node':'hd','overlay':'n3'}},"
                 "{'type':'abort','data':{}}]}",
                 dir, dir);
    o = client_ok(&c, "query-block", NULL);
    ck_assert_str_eq(string_at(o, "0.inserted.node-name"), "d");
    ck_assert_int_eq(int_at(o, "0.inserted.backing_file_depth"), 2);
    ck_assert(!json_object_get_boolean(at(o, "0.inserted.ro")));
    check_three("top");
    client_ok(&c, "transaction",
              "{'actions':[{'type':'blockdev-snapshot','data':{'node':'d','overlay':'n3'}}]}");
    o = client_ok(&c, "query-block", NULL);
    ck_assert_str_eq(string_at(o, "0.inserted.node-name"), "n3");
    teardown();
}
END_TEST

/* --- a disk as it was ------------------------------------------------------------------------- */

static struct vemu_image *disk_of(const char *node)
{
    return vemu__vm_find_block(c.board.vm, node)->image;
}

static void check_read(struct vemu_image *image, uint64_t offset, uint8_t byte)
{
    uint8_t buf[3000];

    memset(buf, 0x55, sizeof(buf));
    ck_assert_int_eq(vemu_image_read(image, offset, buf, sizeof(buf)), 0);
    ck_assert_uint_eq(buf[0], byte);
    ck_assert_uint_eq(buf[511], byte);
    ck_assert_uint_eq(buf[512], 0);
    ck_assert_uint_eq(buf[2999], 0);
}

/* The export of a backup's target with sync none: what the disk was, with its bitmaps, until the
 * job ends. */
START_TEST(test_view)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
    struct vemu_image *image = NULL;
    g_autofree char *uri = NULL;
    char buf[65536] = "";

    setup();
    uri = g_strdup_printf("nbd+unix:///disk?socket=%s/sock", dir);
    add_target("t", NULL);
    client_ok(&c, "nbd-server-start",
              "{'addr':{'type':'unix','data':{'path':'%s/sock'}}}", dir);
    client_ok(&c, "block-dirty-bitmap-add", "{'node':'d','name':'a','disabled':true}");
    client_ok(&c, "blockdev-backup",
              "{'job-id':'j','device':'d','target':'t','sync':'none','auto-dismiss':false}");
    client_fails(&c, "block-export-add", "GenericError", "in use by job 'j'",
                 "{'type':'nbd','id':'e','node-name':'t','writable':true}");
    client_fails(&c, "block-export-add", "GenericError", "no bitmap 'b'",
                 "{'type':'nbd','id':'e','node-name':'t','bitmaps':['b']}");
    client_ok(&c, "block-export-add",
              "{'type':'nbd','id':'e','node-name':'t','name':'disk','bitmaps':['a']}");
    options.format = "raw";
    ck_assert_int_eq(vemu_image_open(uri, &options, &image, NULL), 0);
    memset(buf, 9, sizeof(buf));
    for (unsigned i = 0; i < 3; i++) {
        check_read(image, i * 65536, (uint8_t)(i + 1));
        ck_assert_int_eq(vemu_image_write(disk_of("d"), i * 65536, buf, sizeof(buf), 0), 0);
        check_read(image, i * 65536, (uint8_t)(i + 1));
    }
    ck_assert_int_eq(vemu_image_write(disk_of("d"), 3 * 65536, buf, sizeof(buf), 0), 0);
    ck_assert_int_eq(vemu_image_read(image, 3 * 65536, buf, sizeof(buf)), 0);
    ck_assert_int_eq(buf[0] | buf[65535], 0);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, SIZE / 2, SIZE / 2, &extent), 0);
    ck_assert_uint_ne(extent.flags & VEMU_IMAGE_EXTENT_ZERO, 0);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, 65536, 512, &extent), 0);
    ck_assert_uint_ne(extent.flags & VEMU_IMAGE_EXTENT_DATA, 0);
    client_ok(&c, "block-job-cancel", "{'device':'j'}");
    client_event(&c, "BLOCK_JOB_CANCELLED");
    ck_assert_int_eq(vemu_image_read(image, 0, buf, 1), -EIO);
    vemu_image_close(image);
    ck_assert_uint_eq(json_object_array_length(client_ok(&c, "query-block-exports", NULL)), 0);
    client_ok(&c, "blockdev-del", "{'node-name':'t'}");
    client_ok(&c, "block-dirty-bitmap-remove", "{'node':'d','name':'a'}");
    client_ok(&c, "nbd-server-stop", NULL);
    teardown();
}
END_TEST

SUITE_MAIN("monitor-job", test_backup, test_bitmaps, test_mirror, test_chain, test_commit_active,
           test_snapshot, test_transaction_refused, test_transaction_bitmaps,
           test_transaction_backup, test_transaction_grouped, test_transaction_snapshots,
           test_view)
