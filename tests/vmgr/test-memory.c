/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory devices of domains, over an emulator without a machine.
 */
#include <glib.h>

#include "harness.h"
#include "sandbox.h"

#define MAX_MEMORY "<maxMemory slots='4' unit='MiB'>4096</maxMemory>"
#define DOC(max, machine, kib, more)                                                               \
    "<domain type='vemu'><name>m</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e7101</uuid>" max      \
    "<memory unit='KiB'>" kib "</memory><os><type machine='" machine "'>hvm</type>"                \
    "<kernel>/boot/vmlinuz</kernel></os><devices><memballoon model='virtio'/>" more                \
    "</devices></domain>"
#define DIMM(mib, more)                                                                            \
    "<memory model='dimm'><target><size unit='MiB'>" mib "</size></target>" more "</memory>"
#define KIB_DIMM(kib) "<memory model='dimm'><target><size>" kib "</size></target></memory>"
#define VMEM(requested, more)                                                                      \
    "<memory model='virtio-mem'><target><size unit='MiB'>256</size><block unit='MiB'>2</block>"    \
    "<requested unit='MiB'>" requested "</requested></target>" more "</memory>"
#define PMEM(path, more)                                                                           \
    "<memory model='virtio-pmem' " more "><source><path>" path "</path></source>"                  \
    "<target><size unit='MiB'>128</size></target></memory>"
#define BOTH (VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG)

static struct vmgr_conn *conn;
static struct vmgr_domain *dom;
static char seen[2000];

static void setup(void)
{
    sandbox_open();
    conn = sandbox_connect(0);
}

static void teardown(void)
{
    vmgr_domain_destroy(dom, 0, NULL);
    dom = vmgr_domain_unref(dom);
    conn = vmgr_conn_unref(conn);
    sandbox_close();
}

static void define(const char *xml)
{
    dom = vmgr_domain_unref(dom);
    OK(vmgr_domain_define_xml(conn, xml, 0, &dom, &err));
}

/* How often a text stands in the definition. */
static int count(uint32_t flags, const char *text)
{
    char *xml = NULL;
    int n = 0;

    OK(vmgr_domain_get_xml(dom, flags, &xml, &err));
    for (const char *at = xml; (at = strstr(at, text)); at++)
        n++;
    free(xml);
    return n;
}

#define expect(flags, text)                                                                        \
    ck_assert_msg(count(flags, text) == 1, "%s: %d", text, count(flags, text))

static void sizes(uint64_t max, uint64_t now)
{
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;

    OK(vmgr_domain_get_info(dom, &info, &err));
    ck_assert_uint_eq(info.max_memory_kib, max);
    ck_assert_uint_eq(info.memory_kib, now);
}

/* What the monitor answers has this in it. */
static void ask(const char *command, const char *part)
{
    char *answer = NULL;

    OK(vmgr_domain_monitor_command(dom, command, 0, &answer, &err));
    ck_assert_msg(strstr(answer, part) != NULL, "%s: %s", command, answer);
    free(answer);
}

static void note_event(struct vmgr_conn *c, struct vmgr_domain *domain,
                       const struct vmgr_domain_event *event, void *data)
{
    size_t used = strlen(seen);

    (void)c;
    (void)domain;
    (void)data;
    snprintf(seen + used, sizeof(seen) - used, "%d %s %lld; ", event->id,
             event->device ? event->device : "-", (long long)event->value);
}

/* A definition that is stored, and refused when it starts. */
static void refused(const char *xml, const char *message)
{
    define(xml);
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED, message);
}

START_TEST(test_cold)
{
    g_autofree char *path = g_strdup_printf("%s/p", scratch_root);
    g_autofree char *pmem = g_strdup_printf(PMEM("%s", "access='shared'"), path);
    g_autofree char *xml = g_strdup_printf(
        DOC(MAX_MEMORY, "q35", "720896", DIMM("256", "") VMEM("64", "") "%s"), pmem);

    define(xml);
    sizes(720896, 720896);
    expect(0, "<maxMemory slots='4' unit='KiB'>4194304</maxMemory>");
    expect(0, "<address type='dimm' slot='0'/>");
    ck_assert_int_eq(count(0, "<current "), 0);
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("m", "-m size=65536k,slots=4,maxmem=4194304k"));
    ck_assert(sandbox_ran_with("m",
                               "-object memory-backend-ram,id=memdimm0,size=268435456,share=off "
                               "-device pc-dimm,id=dimm0,memdev=memdimm0,slot=0"));
    ck_assert(sandbox_ran_with(
        "m", "-device virtio-mem-pci,id=virtiomem0,memdev=memvirtiomem0,block-size=2097152,"
             "requested-size=67108864,bus=pci."));
    ck_assert(sandbox_ran_with("m", "-object memory-backend-file,id=memvirtiopmem0,mem-path="));
    ck_assert(sandbox_ran_with(
        "m", "-device virtio-pmem-pci,id=virtiopmem0,memdev=memvirtiopmem0,bus=pci."));
    expect(0, "<alias name='dimm0'/>");
    expect(0, "<address type='dimm' slot='0' base='0x100000000'/>");
    expect(0, "<alias name='virtiomem0'/>");
    expect(0, "<current unit='KiB'>0</current>");
    expect(0, "<alias name='virtiopmem0'/>");
    sizes(720896, 458752);
    ck_assert_int_eq(count(VMGR_DOMAIN_XML_INACTIVE, "base="), 0);
    ck_assert_int_eq(count(VMGR_DOMAIN_XML_INACTIVE, "<current "), 0);
    /* the balloon takes of what the guest booted with */
    OK(vmgr_domain_set_memory(dom, 425984, 0, &err));
    ask("{\"execute\":\"query-balloon\"}", "33554432");
    sizes(720896, 425984);
    OK(vmgr_domain_set_memory(dom, 720896, 0, &err));
    sizes(720896, 458752);
    FAILS(vmgr_domain_set_memory(dom, 393216, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: cannot set memory to 393216 KiB: 393216 KiB are in memory devices");
    sizes(720896, 458752);
    FAILS(vmgr_domain_set_memory(dom, 4194305, VMGR_DOMAIN_AFFECT_CONFIG | VMGR_DOMAIN_MEM_MAXIMUM,
                                 &err),
          VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: cannot set initial memory size greater than the "
          "maximum memory size");
    FAILS(vmgr_domain_set_memory(dom, 655360, VMGR_DOMAIN_AFFECT_CONFIG | VMGR_DOMAIN_MEM_MAXIMUM,
                                 &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: Total size of memory devices exceeds the total memory size");
}
END_TEST

/* A definition that is full stays one that can be read. */
START_TEST(test_rounded)
{
    define(DOC("<maxMemory slots='2'>131071</maxMemory>", "q35", "131071", KIB_DIMM("65535")));
    conn = vmgr_conn_unref(conn);
    dom = vmgr_domain_unref(dom);
    conn = sandbox_connect(0);
    OK(vmgr_domain_lookup_by_name(conn, "m", &dom, &err));
    sizes(131072, 131072);
    expect(0, "<maxMemory slots='2' unit='KiB'>131072</maxMemory>");
    FAILS(vmgr_domain_attach_device(dom, KIB_DIMM("1"), 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: memory device total size exceeds hotplug space");
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("m", "-m size=65536k,slots=2,maxmem=131072k"));
    sizes(131072, 131072);
}
END_TEST

START_TEST(test_backends)
{
    define(DOC(MAX_MEMORY
               "<memoryBacking><source type='memfd'/><allocation mode='immediate' threads='4'/>"
               "<discard/></memoryBacking>",
               "q35", "262144",
               "<memory model='dimm' access='shared' discard='yes'><source><pagesize "
               "unit='KiB'>4</pagesize></source><target><size unit='MiB'>64</size></target>"
               "<alias name='ua-d'/><address type='dimm' slot='3' base='0x140000000'/></memory>"
               "<memory model='dimm'><source><pagesize unit='MiB'>2</pagesize></source><target>"
               "<size unit='MiB'>64</size></target></memory>"));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: process exited while connecting to monitor: fake-vemu: -mem-prealloc: "
          "invalid option");
    ck_assert(sandbox_ran_with(
        "m",
        "memory-backend-memfd,id=memua-d,size=67108864,share=on,prealloc=on,prealloc-threads=4 "
        "-device pc-dimm,id=ua-d,memdev=memua-d,slot=3,addr=5368709120"));
    ck_assert(
        sandbox_ran_with("m", "memory-backend-memfd,id=memdimm0,size=67108864,share=off,hugetlb=on,"
                              "hugetlbsize=2097152,prealloc=on,prealloc-threads=4"));
    ck_assert(sandbox_ran_with("m",
                               "-object memory-backend-memfd,id=pc.ram,size=134217728,share=off,"
                               "prealloc=on,prealloc-threads=4"));
}
END_TEST

/* Cells whose memory is another's than the guest's. */
START_TEST(test_cells)
{
    define(DOC("<vcpu>2</vcpu><memoryBacking><access mode='shared'/></memoryBacking><cpu><numa>"
               "<cell id='0' cpus='0' memory='65536'/>"
               "<cell id='1' cpus='1' memory='65536' memAccess='private' discard='yes'/>"
               "</numa></cpu>",
               "q35", "131072", ""));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("m", "-machine q35 -m size=131072k "));
    ck_assert(sandbox_ran_with(
        "m", "-object memory-backend-memfd,id=ram-node0,size=67108864,share=on -numa "
             "node,nodeid=0,memdev=ram-node0,cpus=0-0 -object memory-backend-ram,id=ram-node1,"
             "size=67108864,share=off -numa node,nodeid=1,memdev=ram-node1,cpus=1-1 "));
    OK(vmgr_domain_destroy(dom, 0, &err));
    define(DOC("<cpu><numa><cell id='0' memory='131072' memAccess='all'/></numa></cpu>", "q35",
               "131072", ""));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_XML_ERROR,
          "XML error: Invalid value for attribute 'memAccess' in element 'cell': 'all'.");
}
END_TEST

START_TEST(test_refused)
{
    refused(DOC("", "q35", "131072", DIMM("64", "")),
            "unsupported configuration: cannot use/hotplug a memory device when domain "
            "'maxMemory' is not defined");
    refused(DOC(MAX_MEMORY, "microvm", "131072", ""),
            "unsupported configuration: <maxMemory> is not supported on machine 'microvm'");
    refused(DOC("", "microvm", "131072", DIMM("64", "")),
            "unsupported configuration: cannot use/hotplug a memory device when domain "
            "'maxMemory' is not defined");
    refused(DOC("<maxMemory slots='300' unit='MiB'>4096</maxMemory>", "q35", "131072", ""),
            "unsupported configuration: <maxMemory> with more than 256 slots is not supported");
    refused(DOC("<maxMemory slots='1' unit='MiB'>4096</maxMemory>", "q35", "1048576",
                VMEM("0", "") VMEM("0", "")),
            "unsupported configuration: memory device count '2' exceeds slots count '1'");
    refused(DOC(MAX_MEMORY "<currentMemory unit='MiB'>64</currentMemory>", "q35", "131072",
                DIMM("64", "")),
            "unsupported configuration: <currentMemory> leaves the guest nothing beside memory "
            "devices");
    refused(DOC(MAX_MEMORY "<cpu><numa><cell id='0' memory='64' unit='MiB'/></numa></cpu>", "q35",
                "131072", DIMM("64", "")),
            "unsupported configuration: target NUMA node needs to be specified for memory device");
    refused(DOC(MAX_MEMORY "<cpu><numa><cell id='0' memory='32' unit='MiB'/></numa></cpu>", "q35",
                "131072", DIMM("64", "")),
            "unsupported configuration: the memory of all NUMA cells is 32768 KiB, <memory> "
            "without that of devices says 65536 KiB");
}
END_TEST

/* What one device of a definition with room for it may not say. */
START_TEST(test_refused_devices)
{
    static const char *const pairs[][2] = {
        { "<memory model='nvdimm'><source><path>/n</path></source><target><size "
          "unit='MiB'>64</size></target></memory>",
          "model 'nvdimm' of <memory> is not supported by the vemu driver yet" },
        { "<memory model='sgx-epc'><target><size unit='MiB'>64</size></target></memory>",
          "model 'sgx-epc' of <memory> is not supported by the vemu driver yet" },
        { PMEM("/p", "access='private'"), "shared access mode required for virtio-pmem device" },
        { PMEM("/p", "access='shared' discard='yes'"),
          "discard is not supported for virtio-pmem device" },
        { PMEM("p", "access='shared'"), "the path of <memory> must be absolute: 'p'" },
        { PMEM("/tmp", "access='shared'"), "the path of <memory> is a directory: '/tmp'" },
        { "<memory model='virtio-mem'><target><size unit='GiB'>1</size><block "
          "unit='MiB'>2</block></target></memory>",
          "virtio-mem of 1048576 KiB must be at most 256 blocks of one size, not of 2048 KiB" },
        { DIMM("0", ""), "a memory device of 0 KiB, with pages of 0 KiB, is not supported" },
        { "<memory model='dimm'><source><nodemask>0</nodemask></source><target><size "
          "unit='MiB'>64</size></target></memory>",
          "<nodemask> of <source> is not supported by the vemu driver yet" },
        { "<memory model='dimm'><target><size unit='MiB'>64</size><node>1</node></target></memory>",
          "can't add memory backend as guest has no NUMA nodes configured" },
        { DIMM("64", "<address type='pci' bus='0x05'/>"),
          "only 'dimm' addresses are supported for the pc-dimm device" },
        { DIMM("64", "<address type='dimm' slot='4'/>"),
          "memory device slot '4' exceeds slots count '4'" },
        { DIMM("8796093022207", ""),
          "a memory device of 9007199254739968 KiB, with pages of 0 KiB, is not supported" },
        { "<memory model='dimm'><source><pagesize unit='EiB'>7</pagesize></source><target><size "
          "unit='MiB'>64</size></target></memory>",
          "a memory device of 65536 KiB, with pages of 7881299347898368 KiB, is not supported" },
        { DIMM("8192", ""), "memory device total size exceeds hotplug space" },
    };

    define(DOC(MAX_MEMORY, "q35", "65536", ""));
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *message = g_strconcat("unsupported configuration: ", pairs[i][1], NULL);

        FAILS(vmgr_domain_attach_device(dom, pairs[i][0], 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
              message);
    }
    sizes(65536, 65536);
}
END_TEST

START_TEST(test_plug)
{
    define(DOC(MAX_MEMORY, "q35", "65536", ""));
    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_BALLOON_CHANGE, note_event, NULL,
                                  NULL, &err));
    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_DEVICE_ADDED, note_event, NULL,
                                  NULL, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_attach_device(dom, DIMM("64", ""), BOTH, &err));
    sizes(131072, 131072);
    expect(0, "<address type='dimm' slot='0' base='0x100000000'/>");
    expect(VMGR_DOMAIN_XML_INACTIVE, "<address type='dimm' slot='0'/>");
    expect(VMGR_DOMAIN_XML_INACTIVE, "<memory unit='KiB'>131072</memory>");
    ask("{\"execute\":\"object-del\",\"arguments\":{\"id\":\"memdimm0\"}}", "return");
    ask("{\"execute\":\"object-add\",\"arguments\":{\"id\":\"memdimm0\"}}", "return");
    OK(vmgr_domain_attach_device(dom, DIMM("128", ""), 0, &err));
    expect(0, "<alias name='dimm1'/>");
    sizes(262144, 262144);
    /* whole MiB, however it is named */
    OK(vmgr_domain_attach_device(dom, KIB_DIMM("65535"), BOTH, &err));
    expect(0, "<alias name='dimm2'/>");
    sizes(327680, 327680);
    expect(VMGR_DOMAIN_XML_INACTIVE, "<memory unit='KiB'>196608</memory>");
    OK(vmgr_domain_detach_device(dom, KIB_DIMM("65530"), BOTH, &err));
    FAILS(vmgr_domain_detach_device(dom, DIMM("32", ""), 0, &err), VMGR_ERR_DEVICE_MISSING,
          "device not found: matching memory device was not found");
    OK(vmgr_domain_detach_device(dom, DIMM("64", ""), BOTH, &err));
    sizes(196608, 196608);
    expect(VMGR_DOMAIN_XML_INACTIVE, "<memory unit='KiB'>65536</memory>");
    ask("{\"execute\":\"object-del\",\"arguments\":{\"id\":\"memdimm0\"}}", "error");
    /* the slot that is free again */
    OK(vmgr_domain_attach_device(dom, DIMM("64", ""), 0, &err));
    expect(0, "<alias name='dimm0'/>");
    OK(vmgr_domain_detach_device(dom, DIMM("128", "<address type='dimm' slot='1'/>"), 0, &err));
    ck_assert_int_eq(count(0, "dimm1"), 0);
    /* what the guest has of a device that comes is not for its document to say */
    OK(vmgr_domain_attach_device(
        dom,
        "<memory model='virtio-mem'><target><size unit='MiB'>64</size><block unit='MiB'>2</block>"
        "<requested unit='MiB'>0</requested><current unit='MiB'>64</current></target></memory>",
        BOTH, &err));
    sizes(196608, 131072);
    expect(0, "<current unit='KiB'>0</current>");
    ck_assert_int_eq(count(VMGR_DOMAIN_XML_INACTIVE, "<current "), 0);
    OK(vmgr_domain_detach_device_alias(dom, "virtiomem0", 0, &err));
    sizes(131072, 131072);
    FAILS(vmgr_domain_attach_device(dom, DIMM("64", "<address type='dimm' slot='0'/>"), 0, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: memory device slot '0' is already being used by another "
          "memory device");
    vmgr_conn_dispatch(conn, NULL);
    ck_assert_str_eq(seen, "19 dimm0 0; 19 dimm1 0; 19 dimm2 0; 19 dimm0 0; "
                           "19 virtiomem0 0; ");
}
END_TEST

/* No room on the disk for the status: the module goes again, and what counts is as it was. */
START_TEST(test_taken_back)
{
    int r;

    define(DOC(MAX_MEMORY, "q35", "65536", ""));
    OK(vmgr_domain_start(dom, 0, &err));
    sandbox_set_room(false);
    r = vmgr_domain_attach_device(dom, DIMM("64", ""), 0, NULL);
    sandbox_set_room(true);
    ck_assert_int_eq(r, -1);
    sizes(65536, 65536);
    ask("{\"execute\":\"object-del\",\"arguments\":{\"id\":\"memdimm0\"}}", "error");
    FAILS(vmgr_domain_attach_device(dom, PMEM("/refused", "access='shared'"), 0, &err),
          VMGR_ERR_INTERNAL_ERROR,
          "internal error: unable to execute monitor command 'object-add': no such file");
    sizes(65536, 65536);
    OK(vmgr_domain_attach_device(dom, DIMM("64", ""), 0, &err));
    sizes(131072, 131072);
}
END_TEST

/* As if a caller had died while this came. */
static void tear(const char *plug)
{
    g_autofree char *path = g_strdup_printf("%s/run/vmgr/domains/m.d/status.xml", scratch_root);
    g_autofree char *text = NULL;
    g_autofree char *torn = NULL;
    char *end;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    end = strstr(text, "</domstatus>");
    ck_assert_ptr_nonnull(end);
    torn = g_strdup_printf("%.*s%s</domstatus>\n", (int)(end - text), text, plug);
    ck_assert(g_file_set_contents(path, torn, -1, NULL));
}

/* Half a module goes, a whole one is the guest's, and counts. */
START_TEST(test_torn)
{
    static const char half[] = "<plug alias='dimm0'>" DIMM(
        "64", "<alias name='dimm0'/><address type='dimm' slot='0'/>") "</plug>";

    define(DOC(MAX_MEMORY, "q35", "65536", ""));
    OK(vmgr_domain_start(dom, 0, &err));
    ask("{\"execute\":\"object-add\",\"arguments\":{\"id\":\"memdimm0\"}}", "return");
    tear(half);
    OK(vmgr_domain_suspend(dom, &err));
    sizes(65536, 65536);
    ask("{\"execute\":\"object-del\",\"arguments\":{\"id\":\"memdimm0\"}}", "error");
    ask("{\"execute\":\"object-add\",\"arguments\":{\"id\":\"memdimm0\"}}", "return");
    ask("{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"pc-dimm\",\"id\":\"dimm0\"}}",
        "return");
    tear(half);
    OK(vmgr_domain_resume(dom, &err));
    sizes(131072, 131072);
    expect(0, "<address type='dimm' slot='0' base='0x100000000'/>");
    OK(vmgr_domain_detach_device_alias(dom, "dimm0", 0, &err));
    sizes(65536, 65536);
    ask("{\"execute\":\"object-del\",\"arguments\":{\"id\":\"memdimm0\"}}", "error");
}
END_TEST

START_TEST(test_virtio_mem)
{
    define(DOC(MAX_MEMORY, "q35", "327680", VMEM("0", "<alias name='ua-m'/>")));
    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE,
                                  note_event, NULL, NULL, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    sizes(327680, 65536);
    OK(vmgr_domain_update_device(dom, VMEM("64", "<alias name='ua-m'/>"), BOTH, &err));
    expect(0, "<requested unit='KiB'>65536</requested>");
    expect(VMGR_DOMAIN_XML_INACTIVE, "<requested unit='KiB'>65536</requested>");
    for (int i = 0; i < 500 && !count(0, "<current unit='KiB'>65536</current>"); i++) {
        g_usleep(10000);
        vmgr_conn_dispatch(conn, NULL);
    }
    expect(0, "<current unit='KiB'>65536</current>");
    ck_assert_str_eq(seen, "26 ua-m 67108864; ");
    sizes(327680, 131072);
    FAILS(vmgr_domain_update_device(
              dom,
              "<memory model='virtio-mem'><target><size unit='MiB'>512</size><block "
              "unit='MiB'>2</block><requested>0</requested></target><alias name='ua-m'/></memory>",
              0, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: cannot modify memory size from '262144' to '524288'");
    FAILS(vmgr_domain_update_device(dom, DIMM("256", "<alias name='ua-m'/>"), 0, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: cannot modify memory model from 'virtio-mem' to 'dimm'");
    FAILS(vmgr_domain_update_device(dom, VMEM("128", "<alias name='ua-x'/>"), 0, &err),
          VMGR_ERR_DEVICE_MISSING, "device not found: matching memory device was not found");
    OK(vmgr_domain_detach_device_alias(dom, "ua-m", VMGR_DOMAIN_AFFECT_LIVE, &err));
    sizes(65536, 65536);
}
END_TEST

/* Nobody listens: what the guest has is asked for. */
START_TEST(test_unseen)
{
    define(DOC(MAX_MEMORY, "q35", "327680", VMEM("0", "")));
    OK(vmgr_domain_start(dom, 0, &err));
    sizes(327680, 65536);
    ask("{\"execute\":\"qom-set\",\"arguments\":{\"path\":\"/machine/peripheral/virtiomem0\","
        "\"property\":\"requested-size\",\"value\":33554432}}",
        "return");
    expect(0, "<current unit='KiB'>32768</current>");
    ask("{\"execute\":\"qom-set\",\"arguments\":{\"path\":\"/machine/peripheral/virtiomem0\","
        "\"property\":\"requested-size\",\"value\":0}}",
        "return");
    sizes(327680, 65536);
    expect(0, "<current unit='KiB'>0</current>");
}
END_TEST

/* Never ends by itself. */
static void churn(void)
{
    struct vmgr_conn *c = sandbox_connect(0);
    struct vmgr_domain *m = NULL;

    if (vmgr_domain_lookup_by_name(c, "m", &m, NULL) < 0)
        _exit(1);
    for (;;) {
        vmgr_domain_attach_device(m, DIMM("64", ""), 0, NULL);
        vmgr_domain_attach_device(m, DIMM("128", ""), 0, NULL);
        vmgr_domain_detach_device(m, DIMM("64", ""), 0, NULL);
        vmgr_domain_detach_device(m, DIMM("128", ""), 0, NULL);
    }
}

/* A caller is killed while modules come and go: whoever is next can take away what there is, and
 * nothing is left of any in the emulator, nor in what counts. */
START_TEST(test_killed)
{
    define(DOC(MAX_MEMORY, "q35", "65536", ""));
    OK(vmgr_domain_start(dom, 0, &err));
    for (int round = 0; round < 40; round++) {
        sandbox_kill_caller(churn, 30000);
        OK(vmgr_domain_suspend(dom, &err)); /* settles what was torn */
        OK(vmgr_domain_resume(dom, &err));
        for (int slot = 0; slot < 4; slot++) {
            g_autofree char *alias = g_strdup_printf("dimm%d", slot);
            g_autofree char *has = g_strdup_printf("<alias name='%s'/>", alias);
            g_autofree char *del = g_strdup_printf(
                "{\"execute\":\"object-del\",\"arguments\":{\"id\":\"mem%s\"}}", alias);

            if (count(0, has))
                OK(vmgr_domain_detach_device_alias(dom, alias, 0, &err));
            ask(del, "no such device");
        }
        sizes(65536, 65536);
        ask("{\"execute\":\"query-memory-devices\"}", "\"return\":[]");
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("memory");
    TCase *c = tcase_create("memory");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, test_cold);
    tcase_add_test(c, test_rounded);
    tcase_add_test(c, test_backends);
    tcase_add_test(c, test_cells);
    tcase_add_test(c, test_refused);
    tcase_add_test(c, test_refused_devices);
    tcase_add_test(c, test_plug);
    tcase_add_test(c, test_taken_back);
    tcase_add_test(c, test_torn);
    tcase_add_test(c, test_virtio_mem);
    tcase_add_test(c, test_unseen);
    tcase_add_test(c, test_killed);
    suite_add_tcase(s, c);
    return run_suite(s);
}
