/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs on disks: records in a status file, chains of images out of what a monitor says, and what
 * the public calls refuse.
 */
#include "conf/device.h"
#include "driver/vemu/block/blockjob.h"
#include "driver/vemu/device/parts.h"
#include "driver/vemu/state/status.h"
#include "harness.h"
#include "parts-of.h"
#include "sandbox.h"

/* ---- chains ---- */

static struct vmgr__device *disk(const char *more)
{
    g_autofree char *xml = g_strdup_printf("<disk type='file'><driver type='qcow2'/>"
                                           "<source file='/top'/>%s<target dev='vda'/>"
                                           "<alias name='virtio-disk0'/></disk>",
                                           more);
    struct vmgr__device *dev = vmgr__device_parse(xml, &vmgr__vemu_defaults, 0, NULL);

    ck_assert_ptr_nonnull(dev);
    return dev;
}

#define IMAGE(name, format, more) "{'filename':'" name "','format':'" format "'" more "}"
#define BELOW(image)              ",'backing-image':" image
#define BLOCKS(image)                                                                              \
    "[7,{'qdev':5},{'qdev':'/machine/peripheral/virtio-disk0','inserted':{'image':" image "}}]"

static int update(struct vmgr__device *dev, const char *text, bool strict, struct vmgr_error **err)
{
    g_autofree char *json = g_strdelimit(g_strdup(text), "'", '"');
    struct json_object *blocks = json_tokener_parse(json);
    int r;

    ck_assert_ptr_nonnull(blocks);
    r = vmgr__vemu_chain_update(dev, blocks, strict, err);
    json_object_put(blocks);
    return r;
}

START_TEST(chain_from_monitor)
{
    struct vmgr__device *dev = disk("");
    GPtrArray *paths;
    char *path;

    OK(update(dev, BLOCKS(IMAGE("/new", "qcow2", BELOW(IMAGE("/low", "raw", "")))), true, &err));
    ck_assert_str_eq(dev->source, "/new");
    ck_assert_ptr_nonnull(strstr(dev->text, "<source file='/new' index='1'/>"));
    ck_assert_ptr_nonnull(strstr(dev->text, "<backingStore type='file' index='2'>"));
    ck_assert_ptr_nonnull(strstr(dev->text, "<format type='raw'/>"));
    paths = vmgr__vemu_chain_paths(dev);
    ck_assert_uint_eq(paths->len, 2);
    ck_assert_str_eq(paths->pdata[1], "/low");
    g_ptr_array_unref(paths);
    path = vmgr__vemu_chain_resolve(dev, "vda[2]", NULL);
    ck_assert_str_eq(path, "/low");
    g_free(path);
    for (const char *const *bad =
             (const char *const[]){ "vda[0]", "vda[3]", "vda[]", "vda[", "vdb[1]", "", NULL };
         *bad; bad++)
        ck_assert_ptr_null(vmgr__vemu_chain_resolve(dev, *bad, NULL));
    vmgr__device_free(dev);
}
END_TEST

START_TEST(chain_of_another_shape)
{
    static const char *const odd[] = {
        "{}",
        "[]",
        "5",
        "[[]]",
        "[{'qdev':'/machine/peripheral/virtio-disk0'}]",
        BLOCKS("[]"),
        BLOCKS("{'filename':3,'format':4}"),
        BLOCKS(IMAGE("nbd://host/x", "qcow2", "")),
    };
    struct vmgr__device *dev = disk("");
    g_autofree char *before = g_strdup(dev->text);

    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
        OK(update(dev, odd[i], true, &err));
        ck_assert_str_eq(dev->text, before);
    }
    vmgr__device_free(dev);
}
END_TEST

/* What a document says of the image below must be so. */
START_TEST(chain_is_compared)
{
    struct vmgr__device *dev = disk("<backingStore type='file'><format type='raw'/>"
                                    "<source file='/low'/></backingStore>");

    OK(update(dev, BLOCKS(IMAGE("/top", "qcow2", BELOW(IMAGE("/low", "raw", "")))), true, &err));
    FAILS(
        update(dev, BLOCKS(IMAGE("/top", "qcow2", BELOW(IMAGE("/other", "raw", "")))), true, &err),
        VMGR_ERR_CONFIG_UNSUPPORTED,
        "unsupported configuration: <backingStore> of disk 'vda' names '/low', its image stands "
        "on '/other'");
    /* after a job it follows */
    OK(update(dev, BLOCKS(IMAGE("/top", "qcow2", "")), false, &err));
    ck_assert_ptr_nonnull(strstr(dev->text, "<backingStore/>"));
    vmgr__device_free(dev);
}
END_TEST

START_TEST(chain_is_stored)
{
    struct vmgr__domain_def def = { .devices = g_ptr_array_new_with_free_func(vmgr__device_free) };
    struct vmgr__device *stored = disk("<backingStore><source file='/middle'/></backingStore>");
    struct vmgr__device *run = disk("");

    g_ptr_array_add(def.devices, stored);
    /* an image in the middle has gone: what the document said of it is not so any more */
    ck_assert(vmgr__vemu_chain_store(&def, run, "/top"));
    ck_assert_ptr_null(strstr(stored->text, "backingStore"));
    ck_assert(!vmgr__vemu_chain_store(&def, run, "/top"));
    /* the disk is elsewhere */
    g_free(run->source);
    run->source = g_strdup("/copy");
    ck_assert(vmgr__vemu_chain_store(&def, run, "/top"));
    ck_assert_str_eq(stored->source, "/copy");
    ck_assert_ptr_nonnull(strstr(stored->text, "<source file='/copy'/>"));
    /* the stored disk is another one by now */
    ck_assert(!vmgr__vemu_chain_store(&def, run, "/top"));
    vmgr__device_free(run);
    g_ptr_array_unref(def.devices);
}
END_TEST

/* ---- what disks become ---- */

/* The command line of a disk, or the error. */
static char *disk_parts(const char *root, const char *inside)
{
    g_autofree char *xml = g_strdup_printf("<disk %s>%s<alias name='x'/></disk>", root, inside);

    return parts_of(xml, "q35");
}

#define TO(target, bus) "<target dev='" target "' bus='" bus "'/>"
#define NBD(inside)     "<source protocol='nbd' name='e'>" inside "</source>" TO("vda", "virtio")

START_TEST(traits)
{
    static const struct {
        const char *root, *inside, *want;
    } rows[] = {
        { "type='network'", NBD("<host name='h'/>"),
          "file.driver=nbd,file.server.type=inet,file.server.host=h,file.server.port=10809,"
          "file.export=e" },
        { "type='network'", NBD("<host transport='unix' socket='/s'/>"),
          "file.driver=nbd,file.server.type=unix,file.server.path=/s,file.export=e" },
        { "type='network'", NBD(""), "protocol 'nbd' accepts only one host" },
        { "type='network'", NBD("<host name='a'/><host name='b'/>"), "accepts only one host" },
        { "type='network'", NBD("<host name='a' port='65536'/>"), "port number '65536'" },
        { "type='network'", NBD("<host name='a' transport='rdma'/>"), "transport 'rdma'" },
        { "type='network'", "<source protocol='rbd' name='x'/>" TO("vda", "virtio"),
          "disk protocol 'rbd' is not supported" },
        { "type='network'",
          "<source protocol='nbd' tls='yes'><host name='h'/></source>" TO("vda", "virtio"),
          "attribute 'tls' of <source>" },
        { "type='file'",
          "<driver queues='4' queue_size='64'/><source file='/a'/>"
          "<blockio logical_block_size='4096' physical_block_size='4096'/>" TO("vda", "virtio"),
          "logical_block_size=4096,physical_block_size=4096,num-queues=4,queue-size=64" },
        { "type='file'",
          "<source file='/a'/><wwn>5000c50015ea71aa</wwn><vendor>SEAGATE</vendor>"
          "<product>ST3146707LC</product>" TO("sda", "scsi"),
          "wwn=0x5000c50015ea71aa,vendor=SEAGATE,product=ST3146707LC" },
        { "type='file'", "<source file='/a'/><wwn>5</wwn>" TO("sda", "scsi"), "malformed wwn: 5" },
        { "type='file'", "<source file='/a'/><wwn>5000c50015ea71aa</wwn>" TO("vda", "virtio"),
          "Only ide and scsi disk support wwn" },
        { "type='file'", "<source file='/a'/><vendor>x</vendor>" TO("sda", "sata"),
          "Only scsi disk supports vendor and product" },
        { "type='file'",
          "<source file='/a'/><product>01234567890123456</product>" TO("sda", "scsi"),
          "disk product is more than 16 characters" },
        { "type='file'", "<driver queues='0'/><source file='/a'/>" TO("vda", "virtio"),
          "attribute 'queues'" },
        { "type='file'", "<source file='/a'/><shareable/>" TO("vda", "virtio"),
          "<shareable> of <disk> is not supported" },
        { "type='file'", "<source file='/a'/><transient/>" TO("vda", "virtio"),
          "<transient> of <disk> is not supported" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = disk_parts(rows[i].root, rows[i].inside);

        ck_assert_msg(strstr(got, rows[i].want) != NULL, "%s: %s", rows[i].inside, got);
    }
}
END_TEST

/* ---- records ---- */

static char *written(const GPtrArray *jobs)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "domstatus");
    vmgr__blockjobs_write(jobs, &w);
    vmgr__xw_end(&w, "domstatus");
    return vmgr__xw_finish(&w);
}

START_TEST(records_come_back)
{
    struct vemu_status s = { .phase = VEMU_ACTIVE };
    struct vemu_blockjob *job = vmgr__blockjob_add(&s, "vda", VMGR_BLOCK_JOB_ACTIVE_COMMIT);
    g_autofree char *text = NULL, *again = NULL, *id = vmgr__blockjob_id(job);
    xmlDoc *doc;

    ck_assert_str_eq(id, "commit-vda");
    job->files = g_strdup("/a\n/b");
    job->state = VEMU_JOB_READY;
    ck_assert(vmgr__blockjobs_active(s.jobs));
    FAILS(vmgr__blockjob_check_none(&s, "vda", &err), VMGR_ERR_BLOCK_COPY_ACTIVE,
          "block copy still active: disk 'vda' already in active block job");
    OK(vmgr__blockjob_check_none(&s, "vdb", &err));
    job->state = VEMU_JOB_FAILED;
    ck_assert(!vmgr__blockjobs_active(s.jobs));
    job->kept = true; /* the emulator is to be told yet */
    ck_assert(vmgr__blockjobs_active(s.jobs));
    ck_assert_ptr_null(vmgr__blockjob_of(s.jobs, "vda"));
    job = vmgr__blockjob_add(&s, "vdb", VMGR_BLOCK_JOB_COPY);
    job->state = VEMU_JOB_CANCELED;
    job->kept = true;
    /* the next one of the disk takes its place, under another number */
    job = vmgr__blockjob_add(&s, "vda", VMGR_BLOCK_JOB_PULL);
    ck_assert_uint_eq(job->serial, 3);
    ck_assert_uint_eq(s.jobs->len, 2);
    text = written(s.jobs);
    vmgr__vemu_status_clear(&s);
    doc = vmgr__xml_parse(text, "(domain_status)", "domstatus", NULL);
    s.jobs = vmgr__blockjobs_read(xmlDocGetRootElement(doc));
    again = written(s.jobs);
    ck_assert_str_eq(text, again);
    ck_assert(((struct vemu_blockjob *)s.jobs->pdata[0])->kept);
    vmgr__vemu_status_clear(&s);
    xmlFreeDoc(doc);
}
END_TEST

START_TEST(records_that_are_damaged)
{
    xmlDoc *doc =
        vmgr__xml_parse("<domstatus><blockjob/><blockjob disk='vda' type='x' state='ready' "
                        "serial='1'/><blockjob disk='vda' type='pull' state='ready' "
                        "serial='-1'/></domstatus>",
                        "(domain_status)", "domstatus", NULL);

    ck_assert_ptr_null(vmgr__blockjobs_read(xmlDocGetRootElement(doc)));
    xmlFreeDoc(doc);
}
END_TEST

/* ---- the public calls ---- */

START_TEST(refusals)
{
    struct vmgr_block_job job = VMGR_BLOCK_JOB_INIT;
    struct vmgr_conn *conn;
    struct vmgr_domain *dom;

    sandbox_open();
    conn = sandbox_connect(0);
    OK(vmgr_domain_define_xml(conn,
                              "<domain type='vemu'><name>d</name><memory>65536</memory><os>"
                              "<type machine='q35'>hvm</type></os></domain>",
                              0, &dom, &err));
#define NOT_RUNNING(call)                                                                          \
    FAILS(call, VMGR_ERR_OPERATION_INVALID,                                                        \
          "Requested operation is not valid: domain is not running")
    NOT_RUNNING(vmgr_domain_get_block_job(dom, "vda", 0, &job, &err));
    NOT_RUNNING(vmgr_domain_abort_block_job(dom, "vda", 0, &err));
    NOT_RUNNING(vmgr_domain_set_block_job_speed(dom, "vda", 1, 0, &err));
    NOT_RUNNING(vmgr_domain_block_pull(dom, "vda", 0, 0, &err));
    NOT_RUNNING(vmgr_domain_block_rebase(dom, "vda", NULL, 0, 0, &err));
    NOT_RUNNING(vmgr_domain_block_commit(dom, "vda", NULL, NULL, 0, 0, &err));
    NOT_RUNNING(
        vmgr_domain_block_copy(dom, "vda", "<disk><source file='/x'/></disk>", NULL, 0, &err));
    NOT_RUNNING(vmgr_domain_block_resize(dom, "vda", 1, 0, &err));
    FAILS(vmgr_domain_block_pull(dom, "vda", UINT64_MAX, 0, &err), VMGR_ERR_OVERFLOW,
          "numerical overflow: bandwidth must be less than 8796093022208");
    FAILS(vmgr_domain_block_resize(dom, "vda", UINT64_MAX, 0, &err), VMGR_ERR_OVERFLOW,
          "numerical overflow: size must be less than 9007199254740991");
    FAILS(vmgr_domain_block_copy(dom, "vda", "<disk><source file='x'/></disk>", NULL, 0, &err),
          VMGR_ERR_XML_ERROR, "XML error: the destination of a copy needs an absolute path");
    FAILS(vmgr_domain_block_rebase(dom, "vda", NULL, 0, VMGR_BLOCK_REBASE_COPY, &err),
          VMGR_ERR_INVALID_ARG, "invalid argument: base in virDomainBlockRebase must not be NULL");
    FAILS(vmgr_domain_block_pull(dom, "", 0, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: no disk given in virDomainBlockPull");
    vmgr_domain_unref(dom);
    vmgr_conn_unref(conn);
    sandbox_close();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("block");
    TCase *tc = tcase_create("jobs");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, chain_from_monitor);
    tcase_add_test(tc, chain_of_another_shape);
    tcase_add_test(tc, chain_is_compared);
    tcase_add_test(tc, chain_is_stored);
    tcase_add_test(tc, traits);
    tcase_add_test(tc, records_come_back);
    tcase_add_test(tc, records_that_are_damaged);
    tcase_add_test(tc, refusals);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
