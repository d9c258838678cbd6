/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dump-guest-memory: the file, ranges, threads, refusals; the generation ID; NUMA nodes of vCPUs.
 */
#include "../devices/suite.h"
#include "client.h"

#include <elf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vemu/numa.h>

#include "devices/vmgenid/vmgenid.h"

#define GUID "12345678-9abc-def0-1234-56789abcdef0"
#define MARK 0x12345u
#define TEXT "known words in the guest's memory"

static struct client c;
static char path[64];

static void add_genid(struct vemu_vm *vm, void *data)
{
    static const struct vemu_property guid[] = { { "guid", GUID } };
    static const struct vemu_property bad[] = { { "guid", "1234" } };
    static const uint32_t cpu = 1;
    struct vemu_numa_node node = VEMU_NUMA_NODE_INIT;
    struct vemu_error *err = NULL;

    ck_assert_int_eq(vemu_vm_add_device(vm, "vmgenid", "g", guid, 1, NULL), 0);
    ck_assert_int_lt(vemu_vm_add_device(vm, "vmgenid", "g", bad, 1, &err), 0); /* the same id */
    vemu_error_free(err);
    ck_assert_int_eq(vemu_vm_add_numa_node(vm, &node, NULL), 0);
    node.id = 1;
    node.memory_bytes = vm->config.memory_bytes;
    node.cpus = &cpu;
    node.cpu_count = 1;
    ck_assert_int_eq(vemu_vm_add_numa_node(vm, &node, NULL), 0);
}

static void setup(void)
{
    client_init_with(&c, add_genid, NULL);
    g_snprintf(path, sizeof(path), "/tmp/test-dump-%d", (int)getpid());
    ck_assert_int_eq(vemu_vm_write_memory(c.board.vm, MARK, TEXT, strlen(TEXT)), 0);
}

static void teardown(void)
{
    unlink(path);
    client_fini(&c);
}

/* Where the file has the guest's address, checked against its size; 0: it has not. */
static uint64_t place(const char *data, gsize size, uint64_t gpa)
{
    const Elf64_Ehdr *e = (const Elf64_Ehdr *)(const void *)data;
    const Elf64_Phdr *p = (const Elf64_Phdr *)(const void *)(data + e->e_phoff);

    ck_assert_mem_eq(e->e_ident, ELFMAG "\2\1\1", 7);
    ck_assert_uint_eq(e->e_type, ET_CORE);
    ck_assert_uint_eq(p->p_type, PT_NOTE);
    ck_assert_mem_eq(data + p->p_offset + 12, "CORE", 5);
    for (unsigned n = 1; n < e->e_phnum; n++) {
        ck_assert_uint_eq(p[n].p_type, PT_LOAD);
        ck_assert_uint_le(p[n].p_offset + p[n].p_filesz, size);
        if (gpa >= p[n].p_paddr && gpa - p[n].p_paddr < p[n].p_filesz)
            return p[n].p_offset + (gpa - p[n].p_paddr);
    }
    return 0;
}

static void check_file(bool has_mark)
{
    g_autofree char *data = NULL;
    gsize size;
    uint64_t at;

    ck_assert(g_file_get_contents(path, &data, &size, NULL));
    at = place(data, size, MARK);
    ck_assert_int_eq(at != 0, has_mark);
    if (at)
        ck_assert_mem_eq(data + at, TEXT, strlen(TEXT));
}

START_TEST(test_dump)
{
    struct json_object *o;
    struct stat st;

    setup();
    o = client_ok(&c, "query-dump", NULL);
    ck_assert_str_eq(string_at(o, "status"), "none");
    o = client_ok(&c, "query-dump-guest-memory-capability", NULL);
    ck_assert_str_eq(string_at(o, "formats.0"), "elf");
    client_ok(&c, "dump-guest-memory", "{'paging':false,'protocol':'file:%s','format':'elf'}",
              path);
    o = client_event(&c, "DUMP_COMPLETED");
    ck_assert_str_eq(string_at(o, "result.status"), "completed");
    ck_assert_int_eq(int_at(o, "result.completed"), int_at(o, "result.total"));
    check_file(true);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_lt(st.st_blocks, 512);   /* zeros are holes */
    ck_assert_int_gt(st.st_size, 1 << 20); /* all of it */
    /* a part, while it runs, by a thread */
    client_ok(&c, "cont", NULL);
    client_ok(&c, "dump-guest-memory",
              "{'paging':false,'protocol':'file:%s','detach':true,'begin':%u,'length':4096}", path,
              MARK & ~4095u);
    o = client_event(&c, "DUMP_COMPLETED");
    ck_assert_int_eq(int_at(o, "result.total"), 4096);
    check_file(true);
    client_event(&c, "RESUME");
    ck_assert_str_eq(string_at(client_ok(&c, "query-status", NULL), "status"), "running");
    client_ok(&c, "dump-guest-memory",
              "{'paging':false,'protocol':'file:%s','begin':0,'length':4096}", path);
    check_file(false);
    teardown();
}
END_TEST

#define DUMP(arguments) "{'paging':false,'protocol':'file:/dev/null'," arguments "}"

START_TEST(test_refusals)
{
    struct json_object *o;

    setup();
    client_fails(&c, "dump-guest-memory", "GenericError", "dump format 'kdump-zlib'",
                 DUMP("'format':'kdump-zlib'"));
    client_fails(&c, "dump-guest-memory", "GenericError", "Parameter 'length' is missing",
                 DUMP("'begin':1"));
    client_fails(&c, "dump-guest-memory", "GenericError", "Parameter 'begin' is missing",
                 DUMP("'length':1"));
    client_fails(&c, "dump-guest-memory", "GenericError", "Invalid parameter 'begin'",
                 DUMP("'begin':-1,'length':1"));
    client_fails(&c, "dump-guest-memory", "GenericError", "Invalid parameter 'length'",
                 DUMP("'begin':1,'length':0"));
    client_fails(&c, "dump-guest-memory", "GenericError", "no memory in the range",
                 DUMP("'begin':1099511627776,'length':4096"));
    client_fails(&c, "dump-guest-memory", "GenericError", "'paging' is not supported",
                 "{'paging':true,'protocol':'file:/dev/null'}");
    client_fails(&c, "dump-guest-memory", "GenericError", "must start with 'file:'",
                 "{'paging':false,'protocol':'tcp:x'}");
    client_fails(&c, "dump-guest-memory", "GenericError", "'x' has not been found",
                 "{'paging':false,'protocol':'fd:x'}");
    client_fails(&c, "dump-guest-memory", "GenericError", "'3' is no name of getfd",
                 "{'paging':false,'protocol':'fd:3'}");
    client_fails(&c, "dump-guest-memory", "GenericError", "'a:b' is no name of getfd",
                 "{'paging':false,'protocol':'fd:a:b'}");
    client_fails(&c, "dump-guest-memory-cancel", "GenericError", "no dump in process", NULL);
    client_fails(&c, "dump-guest-memory", "GenericError", "failed to open '/nowhere/x'",
                 "{'paging':false,'protocol':'file:/nowhere/x'}");
    ck_assert_str_eq(string_at(client_ok(&c, "query-dump", NULL), "status"), "none");
    client_fails(&c, "dump-guest-memory", "GenericError", "No space left",
                 "{'paging':false,'protocol':'file:/dev/full'}");
    o = client_event(&c, "DUMP_COMPLETED");
    ck_assert_str_eq(string_at(o, "result.status"), "failed");
    ck_assert_ptr_nonnull(strstr(string_at(o, "error"), "No space left"));
    teardown();
}
END_TEST

/* A pipe that nobody reads holds a dump up. */
START_TEST(test_cancel)
{
    struct json_object *o;
    char buf[65536];
    int fds[2];

    setup();
    ck_assert_int_eq(pipe(fds), 0);
    client_ok(&c, "cont", NULL);
    client_ok(&c, "dump-guest-memory",
              "{'paging':false,'protocol':'file:/proc/self/fd/%d','detach':true}", fds[1]);
    ck_assert_str_eq(string_at(client_ok(&c, "query-dump", NULL), "status"), "active");
    client_fails(&c, "cont", "GenericError", "dump in process", NULL);
    client_ok(&c, "dump-guest-memory-cancel", NULL);
    close(fds[1]);
    while (read(fds[0], buf, sizeof(buf)) > 0)
        ;
    close(fds[0]);
    o = client_event(&c, "DUMP_COMPLETED");
    ck_assert_str_eq(string_at(o, "result.status"), "failed");
    ck_assert_int_lt(int_at(o, "result.completed"), int_at(o, "result.total"));
    o = client_ok(&c, "query-dump", NULL);
    ck_assert_ptr_nonnull(strstr(string_at(o, "error"), "canceled"));
    ck_assert_str_eq(string_at(client_ok(&c, "query-status", NULL), "status"), "running");
    teardown();
}
END_TEST

START_TEST(test_generation_id)
{
    const char *other = "00112233-4455-6677-8899-aabbccddeeff";

    setup();
    ck_assert_str_eq(string_at(client_ok(&c, "query-vm-generation-id", NULL), "guid"), GUID);
    ck_assert_uint_eq(board_read(&c.board, VEMU_VMGENID_ADDRESS, 4), 0x12345678);
    ck_assert_uint_eq(board_read(&c.board, VEMU_VMGENID_ADDRESS + 4, 4), 0xdef09abc);
    ck_assert_uint_eq(board_read(&c.board, VEMU_VMGENID_ADDRESS + 8, 8), 0xf0debc9a78563412ull);
    board_write(&c.board, VEMU_VMGENID_ADDRESS, 8, 0);
    ck_assert_uint_eq(board_read(&c.board, VEMU_VMGENID_ADDRESS, 4), 0x12345678);
    ck_assert_uint_eq(board_read(&c.board, VEMU_VMGENID_ADDRESS + 16, 8), 0);
    client_fails(&c, "qom-set", "GenericError", "is not a UUID or 'auto'",
                 "{'path':'/machine/peripheral/"
                 "g','property':'guid','value':'00112233-4455-6677-8899-aabbccddeef'}");
    client_fails(&c, "qom-set", "GenericError", "is not a UUID or 'auto'",
                 "{'path':'/machine/peripheral/"
                 "g','property':'guid','value':'0011223344556677-8899-aabbccddeeff12'}");
    client_fails(&c, "qom-set", "GenericError", "expected: string",
                 "{'path':'/machine/peripheral/g','property':'guid','value':1}");
    client_ok(&c, "qom-set", "{'path':'/machine/peripheral/g','property':'guid','value':'%s'}",
              other);
    ck_assert_str_eq(string_at(client_ok(&c, "query-vm-generation-id", NULL), "guid"), other);
    client_ok(&c, "qom-set", "{'path':'/machine/peripheral/g','property':'guid','value':'auto'}");
    ck_assert_str_ne(string_at(client_ok(&c, "query-vm-generation-id", NULL), "guid"), other);
    teardown();
    client_init(&c);
    client_fails(&c, "query-vm-generation-id", "GenericError", "device not found", NULL);
    client_fini(&c);
}
END_TEST

START_TEST(test_nodes)
{
    struct json_object *o;

    setup();
    o = client_ok(&c, "query-hotpluggable-cpus", NULL);
    for (size_t n = 0; n < json_object_array_length(o); n++) {
        struct json_object *props = at(json_object_array_get_idx(o, n), "props");
        ck_assert_int_eq(int_at(props, "node-id"), int_at(props, "core-id") == 1);
    }
    client_fails(&c, "device_add", "GenericError", "the CPU is in node 1, not 0",
                 "{'driver':'max-x86_64-cpu','core-id':1,'node-id':0}");
    client_ok(&c, "device_add", "{'driver':'max-x86_64-cpu','core-id':1,'node-id':1,'id':'x'}");
    client_ok(&c, "object-add", "{'qom-type':'memory-backend-ram','id':'m','size':134217728}");
    client_fails(&c, "device_add", "GenericError", "exceeds the number of numa nodes: 2",
                 "{'driver':'pc-dimm','memdev':'m','node':2}");
    client_ok(&c, "device_add", "{'driver':'pc-dimm','memdev':'m','node':1,'id':'d'}");
    o = client_ok(&c, "query-memory-devices", NULL);
    ck_assert_int_eq(int_at(o, "0.data.node"), 1);
    board_out(&c.board, 0xa00, 4, 0);
    ck_assert_uint_eq(board_in(&c.board, 0xa10, 4), 1); /* for _PXM */
    ck_assert_ptr_nonnull(strstr(
        json_object_get_string(
            client_ok(&c, "human-monitor-command", "{'command-line':'info numa'}")),
        "2 nodes\nnode 0 cpus: 0\nnode 0 size: 0 MB\nnode 1 cpus: 1\nnode 1 size: 128 MB\n"));
    teardown();
}
END_TEST

SUITE_MAIN("monitor-dump", test_dump, test_cancel, test_refusals, test_generation_id, test_nodes)
