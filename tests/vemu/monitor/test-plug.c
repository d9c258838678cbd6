/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUs, memory and watchdogs that are plugged in through QMP, and the guest's half of it: registers
 * with good values and with hostile ones.
 */
#include "../devices/suite.h"
#include "client.h"

#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/acpi-hotplug/acpi-hotplug.h"
#include "devices/ich9-lpc/lpc.h"
#include "fake-accel.h"

#define CPU    VEMU_HOTPLUG_CPU_PORT
#define MEMORY VEMU_HOTPLUG_MEMORY_PORT
#define GPE    VEMU_ICH9_GPE_PORT

static struct client c;

static void setup(void)
{
    client_init(&c);
}

static void teardown(void)
{
    client_fini(&c);
}

static uint32_t in(unsigned port, unsigned size)
{
    return board_in(&c.board, (uint16_t)port, size);
}

static void out(unsigned port, unsigned size, uint32_t value)
{
    board_out(&c.board, (uint16_t)port, size, value);
}

/* The element of a list whose member has the value. */
static struct json_object *find(struct json_object *list, const char *key, const char *value)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        if (g_strcmp0(qmp_get_string(o, key), value) == 0)
            return o;
    }
    ck_abort_msg("no %s '%s' in %s", key, value, json_object_to_json_string(list));
    return NULL;
}

static size_t count(const char *command)
{
    return json_object_array_length(client_ok(&c, command, NULL));
}

#define ADD_CPU2 "{'driver':'max-x86_64-cpu','id':'cpu2','core-id':2,'socket-id':0,'thread-id':0}"

START_TEST(test_cpu)
{
    setup();
    ck_assert_uint_eq(count("query-cpus-fast"), 1);
    ck_assert_uint_eq(count("query-hotpluggable-cpus"), BOARD_VCPUS);
    client_fails(&c, "device_add", "GenericError", "'core-id' is missing",
                 "{'driver':'max-x86_64-cpu'}");
    client_fails(&c, "device_add", "GenericError", "there is no place for a CPU",
                 "{'driver':'max-x86_64-cpu','core-id':4}");
    client_fails(&c, "device_add", "GenericError", "there is no place for a CPU",
                 "{'driver':'max-x86_64-cpu','core-id':1,'thread-id':1}");
    client_fails(&c, "device_add", "GenericError", "vCPU 0 is there already",
                 "{'driver':'max-x86_64-cpu','core-id':0}");
    client_fails(&c, "device_add", "GenericError", "are of type 'max-x86_64-cpu'",
                 "{'driver':'host-x86_64-cpu','core-id':1}");
    client_ok(&c, "cont", NULL);
    for (unsigned round = 0; round < 5; round++) {
        out(GPE, 1, 0xff);
        ck_assert_uint_eq(fake.vcpus, round ? 2 : 1); /* made once, kept for the next time */
        client_ok(&c, "device_add", ADD_CPU2);
        ck_assert_uint_eq(fake.vcpus, 2);
        ck_assert_uint_eq(in(GPE, 1), 1 << 2);
        ck_assert_uint_eq(count("query-cpus-fast"), 2);
        ck_assert_str_eq(string_at(client_ok(&c, "query-cpus-fast", NULL), "1.qom-path"),
                         "/machine/peripheral/cpu2");
        ck_assert_int_eq(int_at(client_ok(&c, "query-cpus-fast", NULL), "1.cpu-index"), 2);
        client_fails(&c, "device_add", "GenericError", "already", ADD_CPU2);

        /* The guest looks for it, as \_SB.CPUS.CSCN does. */
        out(CPU, 4, 0);
        out(CPU + 5, 1, 0);
        ck_assert_uint_eq(in(CPU + 8, 4), 2);
        ck_assert_uint_eq(in(CPU + 4, 1), 3); /* there, inserting */
        out(CPU + 4, 1, 2);
        ck_assert_uint_eq(in(CPU + 4, 1), 1);
        out(CPU + 5, 1, 3);
        ck_assert_uint_eq(in(CPU + 8, 4), 2); /* APIC id */
        ck_assert_uint_eq(in(CPU, 4), 0);
        out(CPU + 5, 1, 1);
        out(CPU + 8, 4, 1);
        out(CPU + 5, 1, 2);
        out(CPU + 8, 4, 7);
        ck_assert_int_eq(int_at(client_event(&c, "ACPI_DEVICE_OST"), "info.status"), 7);

        /* It is asked to let go, and does. */
        out(GPE, 1, 0xff);
        client_ok(&c, "device_del", "{'id':'cpu2'}");
        client_ok(&c, "device_del", "{'id':'cpu2'}"); /* asked again */
        ck_assert_uint_eq(in(GPE, 1), 1 << 2);
        ck_assert_uint_eq(in(CPU + 4, 1), 5);
        out(CPU + 4, 1, 4);
        ck_assert_uint_eq(in(CPU + 4, 1), 1);
        out(CPU + 4, 1, 8);
        out(CPU + 4, 1, 8); /* as often as it likes */
        ck_assert_str_eq(string_at(client_event(&c, "DEVICE_DELETED"), "device"), "cpu2");
        ck_assert_uint_eq(in(CPU + 4, 1), 0);
        ck_assert_uint_eq(count("query-cpus-fast"), 1);
        client_fails(&c, "device_del", "DeviceNotFound", "not found", "{'id':'cpu2'}");
    }
    teardown();
}
END_TEST

/* Not asked for, not there, out of range. */
START_TEST(test_cpu_hostile)
{
    setup();
    out(CPU + 4, 1, 0xff); /* CPU 0 leaves: it cannot */
    out(CPU, 4, 1);
    out(CPU + 4, 1, 0xff);
    for (uint32_t n = 4; n; n = n << 1 | 1) {
        out(CPU, 4, n);
        out(CPU + 4, 1, 0xff);
        for (unsigned command = 0; command < 256; command += 3) {
            out(CPU + 5, 1, command);
            out(CPU + 8, 4, n);
            ck_assert_uint_eq(in(CPU + 8, 4), 0);
        }
        ck_assert_uint_eq(in(CPU + 4, 1), 0);
        if (n == UINT32_MAX)
            break;
    }
    out(CPU, 4, 3); /* empty: what the guest says of it is its own affair */
    out(CPU + 5, 1, 2);
    for (unsigned i = 0; i < 1000; i++)
        out(CPU + 8, 4, i);
    ck_assert_uint_eq(in(CPU + 4, 2), 0);
    ck_assert_uint_eq(in(CPU + 9, 1), 0);
    out(CPU, 4, 0);
    ck_assert_uint_eq(in(CPU + 4, 1), 1);
    ck_assert_uint_eq(count("query-cpus-fast"), 1);
    teardown();
}
END_TEST

START_TEST(test_objects)
{
    char path[] = "/tmp/test-plug-XXXXXX";
    struct json_object *o;
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    setup();
    client_fails(&c, "object-add", "GenericError", "'no-such' is not known",
                 "{'qom-type':'no-such','id':'m'}");
    client_fails(&c, "object-add", "GenericError", "'size' is missing",
                 "{'qom-type':'memory-backend-ram','id':'m'}");
    client_fails(&c, "object-add", "GenericError", "not a multiple of 4096",
                 "{'qom-type':'memory-backend-ram','id':'m','size':4097}");
    client_fails(&c, "object-add", "GenericError", "no property 'mem-path'",
                 "{'qom-type':'memory-backend-ram','id':'m','size':4096,'mem-path':'x'}");
    client_fails(&c, "object-add", "GenericError", "'mem-path' is missing",
                 "{'qom-type':'memory-backend-file','id':'m','size':4096}");
    client_fails(&c, "object-add", "GenericError", "cannot open '/nonexistent/x'",
                 "{'qom-type':'memory-backend-file','id':'m','size':4096,"
                 "'mem-path':'/nonexistent/x'}");
    client_fails(&c, "object-add", "GenericError", "only together with hugetlb",
                 "{'qom-type':'memory-backend-memfd','id':'m','size':4096,'hugetlbsize':2097152}");
    client_fails(&c, "object-add", "GenericError", "not a power of two",
                 "{'qom-type':'memory-backend-memfd','id':'m','size':4096,'hugetlb':true,"
                 "'hugetlbsize':5000}");
    client_fails(&c, "object-add", "GenericError", "cannot map",
                 "{'qom-type':'memory-backend-ram','id':'m','size':%lld}", 1ll << 50);
    client_ok(&c, "object-add",
              "{'qom-type':'memory-backend-file','id':'f','size':8192,'mem-path':'%s',"
              "'share':true}",
              path);
    client_ok(&c, "object-add",
              "{'qom-type':'memory-backend-ram','id':'m','size':134217728,'prealloc':true,"
              "'prealloc-threads':3}");
    client_fails(&c, "object-add", "GenericError", "'prealloc-threads': 0 is not 1 to 1024",
                 "{'qom-type':'memory-backend-ram','id':'n','size':4096,'prealloc-threads':0}");
    client_fails(&c, "object-add", "GenericError", "'prealloc-threads': 1025 is not 1 to 1024",
                 "{'qom-type':'memory-backend-ram','id':'n','size':4096,'prealloc-threads':1025}");
    client_ok(&c, "object-add", /* more threads than pages */
              "{'qom-type':'memory-backend-memfd','id':'n','size':8192,'prealloc':true,"
              "'prealloc-threads':9}");
    client_ok(&c, "object-del", "{'id':'n'}");
    client_fails(&c, "object-add", "GenericError", "already an object 'm'",
                 "{'qom-type':'memory-backend-ram','id':'m','size':4096}");
    o = find(client_ok(&c, "query-memdev", NULL), "id", "m");
    ck_assert_int_eq(int_at(o, "size"), 128 << 20);
    ck_assert(json_object_get_boolean(at(o, "prealloc")));
    find(client_ok(&c, "qom-list", "{'path':'/objects'}"), "name", "f");
    client_ok(&c, "qom-get", "{'path':'/objects/f','property':'mem-path'}");
    client_fails(&c, "object-del", "GenericError", "'x' not found", "{'id':'x'}");
    client_ok(&c, "object-del", "{'id':'f'}");
    client_ok(&c, "object-del", "{'id':'m'}");
    ck_assert_uint_eq(count("query-memdev"), 0);
    teardown();
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 8192);
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(test_iothreads)
{
    struct json_object *o;
    int64_t tid;

    setup();
    client_ok(&c, "object-add",
              "{'qom-type':'iothread','id':'io1','poll-max-ns':1000,'poll-grow':3}");
    client_fails(&c, "object-add", "GenericError", "poll-shrink value must be in range",
                 "{'qom-type':'iothread','id':'io2','poll-shrink':9223372036854775808}");
    client_ok(&c, "object-add", "{'qom-type':'iothread','id':'io2'}");
    o = find(client_ok(&c, "query-iothreads", NULL), "id", "io1");
    ck_assert_int_eq(int_at(o, "poll-max-ns"), 1000);
    ck_assert_int_eq(int_at(o, "poll-grow"), 3);
    ck_assert_int_eq(int_at(o, "poll-shrink"), 0);
    ck_assert_int_eq(int_at(o, "aio-max-batch"), 0);
    tid = int_at(o, "thread-id");
    ck_assert_int_gt(tid, 0);
    o = find(client_ok(&c, "query-iothreads", NULL), "id", "io2");
    ck_assert_int_eq(int_at(o, "poll-max-ns"), 32768);
    ck_assert_int_ne(int_at(o, "thread-id"), tid);

    client_ok(&c, "qom-set", "{'path':'/objects/io2','property':'poll-max-ns','value':0}");
    client_ok(&c, "qom-set", "{'path':'/objects/io2','property':'thread-pool-max','value':8}");
    client_ok(&c, "qom-set", "{'path':'/objects/io2','property':'thread-pool-min','value':8}");
    ck_assert_int_eq(json_object_get_int64(client_ok(
                         &c, "qom-get", "{'path':'/objects/io2','property':'thread-pool-min'}")),
                     8);
    o = find(client_ok(&c, "query-iothreads", NULL), "id", "io2");
    ck_assert_int_eq(int_at(o, "poll-max-ns"), 0);
    client_fails(&c, "qom-set", "GenericError", "more than thread-pool-max",
                 "{'path':'/objects/io2','property':'thread-pool-max','value':7}");
    client_fails(&c, "qom-set", "GenericError", "in range [0, 9223372036854775807]",
                 "{'path':'/objects/io2','property':'poll-grow','value':-1}");
    client_fails(&c, "qom-set", "GenericError", "expected: integer",
                 "{'path':'/objects/io2','property':'poll-grow','value':'x'}");
    client_fails(&c, "qom-set", "GenericError", "'iothread.poll' not found",
                 "{'path':'/objects/io2','property':'poll','value':1}");

    client_fails(&c, "device_add", "GenericError", "no iothread 'io3'",
                 "{'driver':'virtio-scsi-pci','id':'s','iothread':'io3'}");
    client_ok(&c, "object-del", "{'id':'io1'}");
    client_ok(&c, "object-del", "{'id':'io2'}");
    ck_assert_uint_eq(count("query-iothreads"), 0);
    teardown();
}
END_TEST

#define DIMM_AT BOARD_DEVICE_MEMORY

START_TEST(test_dimm)
{
    struct json_object *o;

    setup();
    client_ok(&c, "cont", NULL);
    client_fails(&c, "device_add", "GenericError", "'memdev' is missing", "{'driver':'pc-dimm'}");
    client_fails(&c, "device_add", "GenericError", "no memory back-end 'm'",
                 "{'driver':'pc-dimm','memdev':'m'}");
    for (unsigned round = 0; round < 5; round++) {
        client_ok(&c, "object-add",
                  "{'qom-type':'memory-backend-%s','id':'m','size':134217728}",
                  round & 1 ? "memfd" : "ram");
        client_fails(&c, "device_add", "GenericError", "memory slot 4 is not there",
                     "{'driver':'pc-dimm','memdev':'m','slot':4}");
        client_fails(&c, "device_add", "GenericError", "is not a multiple of",
                     "{'driver':'pc-dimm','memdev':'m','addr':4096}");
        client_fails(&c, "device_add", "GenericError", "exceeds the number of numa nodes: 1",
                     "{'driver':'pc-dimm','memdev':'m','node':1}");
        out(GPE, 1, 0xff);
        client_ok(&c, "device_add", "{'driver':'pc-dimm','id':'d','memdev':'m','slot':1}");
        ck_assert_uint_eq(in(GPE, 1), 1 << 3);
        client_fails(&c, "object-del", "GenericError", "in use by 'd'", "{'id':'m'}");
        client_fails(&c, "device_add", "GenericError", "in use by 'd'",
                     "{'driver':'pc-dimm','memdev':'m'}");
        o = client_ok(&c, "query-memory-devices", NULL);
        ck_assert_str_eq(string_at(o, "0.type"), "dimm");
        ck_assert_str_eq(string_at(o, "0.data.memdev"), "/objects/m");
        ck_assert_int_eq(int_at(o, "0.data.addr"), (int64_t)DIMM_AT);
        ck_assert_int_eq(int_at(o, "0.data.slot"), 1);
        ck_assert(json_object_get_boolean(at(o, "0.data.hotplugged")));
        o = client_ok(&c, "query-memory-size-summary", NULL);
        ck_assert_int_eq(int_at(o, "plugged-memory"), 128 << 20);

        out(MEMORY, 4, 0);
        ck_assert_uint_eq(in(MEMORY + 20, 1), 0);
        out(MEMORY, 4, 1);
        ck_assert_uint_eq(in(MEMORY + 20, 1), 3);
        ck_assert_uint_eq(in(MEMORY, 4), (uint32_t)DIMM_AT);
        ck_assert_uint_eq(in(MEMORY + 4, 4), DIMM_AT >> 32);
        ck_assert_uint_eq(in(MEMORY + 8, 4), 128 << 20);
        ck_assert_uint_eq(in(MEMORY + 12, 4), 0);
        out(MEMORY + 20, 1, 2);
        ck_assert_uint_eq(in(MEMORY + 20, 1), 1);
        ck_assert_uint_eq(board_read(&c.board, DIMM_AT + 4096, 8), 0); /* always fresh */
        board_write(&c.board, DIMM_AT + 4096, 8, 0x1122334455667788);
        ck_assert_uint_eq(board_read(&c.board, DIMM_AT + 4096, 8), 0x1122334455667788);
        ck_assert_uint_eq(board_read(&c.board, DIMM_AT + (128 << 20), 8), UINT64_MAX);

        client_ok(&c, "device_del", "{'id':'d'}");
        ck_assert_uint_eq(in(MEMORY + 20, 1), 5);
        out(MEMORY + 20, 1, 4);
        out(MEMORY + 4, 4, 3);
        out(MEMORY + 8, 4, 1); /* the guest says no */
        o = client_event(&c, "ACPI_DEVICE_OST");
        ck_assert_str_eq(string_at(o, "info.device"), "d");
        ck_assert_str_eq(string_at(o, "info.slot-type"), "DIMM");
        ck_assert_int_eq(int_at(o, "info.source"), 3);
        ck_assert_int_eq(int_at(o, "info.status"), 1);
        o = find(client_ok(&c, "query-acpi-ospm-status", NULL), "device", "d");
        ck_assert_int_eq(int_at(o, "status"), 1);
        client_ok(&c, "device_del", "{'id':'d'}"); /* and yes */
        out(MEMORY + 20, 1, 8);
        client_event(&c, "DEVICE_DELETED");
        ck_assert_uint_eq(board_read(&c.board, DIMM_AT + 4096, 8), UINT64_MAX);
        ck_assert_uint_eq(count("query-memory-devices"), 0);
        client_ok(&c, "object-del", "{'id':'m'}");
    }
    teardown();
}
END_TEST

/* A pointer that a device has kept stays good when the memory is gone, and when other memory is
 * there. */
START_TEST(test_stale_pointer)
{
    uint8_t *stale, *again;

    setup();
    client_ok(&c, "object-add", "{'qom-type':'memory-backend-ram','id':'m','size':134217728}");
    client_ok(&c, "device_add", "{'driver':'pc-dimm','id':'d','memdev':'m'}");
    stale = vemu__memory_ptr(c.board.vm->memory, DIMM_AT, 4096, true);
    ck_assert_ptr_nonnull(stale);
    memset(stale, 0x55, 4096);
    client_ok(&c, "device_del", "{'id':'d','force':true}");
    client_event(&c, "DEVICE_DELETED");
    client_ok(&c, "object-del", "{'id':'m'}");
    ck_assert_uint_eq(stale[0], 0);
    memset(stale, 0x66, 4096);
    client_ok(&c, "object-add", "{'qom-type':'memory-backend-ram','id':'m','size':134217728}");
    client_ok(&c, "device_add", "{'driver':'pc-dimm','id':'d','memdev':'m'}");
    again = vemu__memory_ptr(c.board.vm->memory, DIMM_AT, 4096, true);
    ck_assert_ptr_eq(again, stale); /* the same addresses: still the guest's own memory */
    ck_assert_uint_eq(again[0], 0);
    teardown();
}
END_TEST

START_TEST(test_memory_room)
{
    setup();
    client_ok(&c, "object-add", "{'qom-type':'memory-backend-ram','id':'big','size':%lld}",
              4ll << 30);
    client_fails(&c, "device_add", "GenericError", "would be more than maxmem",
                 "{'driver':'pc-dimm','memdev':'big'}");
    for (unsigned i = 0; i < 4; i++) {
        client_ok(&c, "object-add",
                  "{'qom-type':'memory-backend-ram','id':'m%u','size':134217728}", i);
        client_ok(&c, "device_add", "{'driver':'pc-dimm','id':'d%u','memdev':'m%u'}", i, i);
    }
    client_ok(&c, "object-add", "{'qom-type':'memory-backend-ram','id':'m4','size':134217728}");
    client_fails(&c, "device_add", "GenericError", "no memory slot is empty",
                 "{'driver':'pc-dimm','memdev':'m4'}");
    client_ok(&c, "device_del", "{'id':'d2','force':true}");
    client_event(&c, "DEVICE_DELETED");
    client_fails(&c, "device_add", "GenericError", "is taken",
                 "{'driver':'pc-dimm','memdev':'m4','addr':%lld}", (long long)DIMM_AT);
    client_ok(&c, "device_add", "{'driver':'pc-dimm','id':'d4','memdev':'m4'}");
    ck_assert_int_eq(int_at(client_ok(&c, "query-memory-devices", NULL), "2.data.addr"),
                     (int64_t)DIMM_AT + 2 * (128 << 20));
    teardown();
}
END_TEST

START_TEST(test_virtio_mem)
{
    struct json_object *o;

    setup();
    client_ok(&c, "object-add", "{'qom-type':'memory-backend-ram','id':'m','size':%lld}",
              1ll << 30);
    client_fails(&c, "device_add", "GenericError", "a power of two, at least 4194304",
                 "{'driver':'virtio-mem-pci','bus':'rp2','memdev':'m','block-size':2097152}");
    client_fails(&c, "device_add", "GenericError", "not a multiple of the block size",
                 "{'driver':'virtio-mem-pci','bus':'rp2','memdev':'m','requested-size':4096}");
    client_fails(&c, "device_add", "GenericError", "is more than the memory of",
                 "{'driver':'virtio-mem-pci','bus':'rp2','memdev':'m','requested-size':'2G'}");
    client_ok(&c, "device_add",
              "{'driver':'virtio-mem-pci','id':'v','bus':'rp2','memdev':'m',"
              "'requested-size':'64M'}");
    o = client_ok(&c, "query-memory-devices", NULL);
    ck_assert_str_eq(string_at(o, "0.type"), "virtio-mem");
    ck_assert_int_eq(int_at(o, "0.data.size"), 0);
    ck_assert_int_eq(int_at(o, "0.data.requested-size"), 64 << 20);
    ck_assert_int_eq(int_at(o, "0.data.block-size"), 4 << 20);
    ck_assert_int_eq(int_at(o, "0.data.max-size"), 1 << 30);
    client_ok(&c, "qom-set", "{'path':'/machine/peripheral/v','property':'requested-size',"
                             "'value':8388608}");
    client_fails(&c, "qom-set", "GenericError", "not a multiple of the block size",
                 "{'path':'/machine/peripheral/v','property':'requested-size','value':1}");
    client_fails(&c, "qom-set", "GenericError", "expected: size",
                 "{'path':'/machine/peripheral/v','property':'requested-size','value':-1}");
    client_fails(&c, "qom-set", "GenericError", "cannot be changed",
                 "{'path':'/machine/peripheral/v','property':'memaddr','value':1}");
    ck_assert_int_eq(json_object_get_int64(client_ok(
                         &c, "qom-get",
                         "{'path':'/machine/peripheral/v','property':'requested-size'}")),
                     8 << 20);
    client_fails(&c, "device_del", "GenericError", "cannot be unplugged while", "{'id':'v'}");
    client_ok(&c, "qom-set", "{'path':'/machine/peripheral/v','property':'requested-size',"
                             "'value':'0'}");
    client_ok(&c, "device_del", "{'id':'v'}");
    client_event(&c, "DEVICE_DELETED");
    client_ok(&c, "object-del", "{'id':'m'}");
    teardown();
}
END_TEST

/* --- watchdog --------------------------------------------------------------------------------- */

#define DOG_BDF (1u << 8) /* behind rp2, whose bus is made number 1 */
#define RP2_BDF (3u << 3)
#define DOG_BAR 0xc0000000u
#define RELOAD  (DOG_BAR + 0xc)

static void unlock(void)
{
    board_write(&c.board, RELOAD, 2, 0x80);
    board_write(&c.board, RELOAD, 2, 0x86);
}

/* The guest switches the slot on. */
static void slot_on(void)
{
    unsigned at_cap = board_config_read(&c.board, RP2_BDF, PCI_CAPABILITY_LIST, 1);

    while (board_config_read(&c.board, RP2_BDF, at_cap, 1) != PCI_CAP_ID_EXP)
        at_cap = board_config_read(&c.board, RP2_BDF, at_cap + 1, 1);
    board_config_write(&c.board, RP2_BDF, at_cap + PCI_EXP_SLTCTL, 2,
                       PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_ATTN_IND_OFF);
}

static void dog_set_up(void)
{
    client_ok(&c, "device_add", "{'driver':'i6300esb','id':'dog','bus':'rp2'}");
    slot_on();
    board_config_write(&c.board, RP2_BDF, 0x18, 4, 0x010100);
    board_config_write(&c.board, RP2_BDF, 0x20, 4, 0xc000c000); /* memory window */
    board_config_write(&c.board, RP2_BDF, 0x04, 2, 6);
    ck_assert_uint_eq(board_config_read(&c.board, DOG_BDF, 0, 4), 0x25ab8086);
    board_config_write(&c.board, DOG_BDF, 0x10, 4, DOG_BAR);
    board_config_write(&c.board, DOG_BDF, 0x04, 2, 2);
    board_config_write(&c.board, DOG_BDF, 0x60, 2, 0x04); /* the fast clock */
    unlock();
    board_write(&c.board, DOG_BAR, 4, 1000);
    unlock();
    board_write(&c.board, DOG_BAR + 4, 4, 0xfff01000);
}

START_TEST(test_watchdog)
{
    const struct vemu_pci_device *dog;

    setup();
    client_ok(&c, "watchdog-set-action", "{'action':'pause'}");
    dog_set_up();
    client_ok(&c, "cont", NULL);
    board_config_write(&c.board, DOG_BDF, 0x68, 1, 2); /* on */
    ck_assert_str_eq(string_at(client_event(&c, "WATCHDOG"), "action"), "pause");
    client_event(&c, "STOP");
    ck_assert_uint_eq(board_read(&c.board, RELOAD, 2), 0x200);
    board_write(&c.board, RELOAD, 2, 0x200); /* still locked */
    ck_assert_uint_eq(board_read(&c.board, RELOAD, 2), 0x200);
    unlock();
    board_write(&c.board, RELOAD, 2, 0x200);
    ck_assert_uint_eq(board_read(&c.board, RELOAD, 2), 0);

    client_ok(&c, "watchdog-set-action", "{'action':'none'}");
    client_ok(&c, "cont", NULL);
    unlock();
    board_write(&c.board, RELOAD, 2, 0x100); /* once more */
    ck_assert_str_eq(string_at(client_event(&c, "WATCHDOG"), "action"), "none");
    client_ok(&c, "watchdog-set-action", "{'action':'reset'}");
    unlock();
    board_write(&c.board, RELOAD, 2, 0x100);
    client_event(&c, "WATCHDOG");
    client_event(&c, "RESET");
    dog = (const struct vemu_pci_device *)vemu__vm_find_device(c.board.vm, "dog");
    ck_assert_uint_eq(dog->config[0x68] & 2, 0); /* the bus has no number now */
    teardown();
}
END_TEST

/* The first stage ends: INTA# until somebody has seen it. */
START_TEST(test_watchdog_interrupt)
{
    setup();
    dog_set_up();
    client_ok(&c, "cont", NULL);
    ck_assert_uint_eq(board_config_read(&c.board, DOG_BDF, 0x3d, 1), 1);
    ck_assert_uint_eq(board_read(&c.board, DOG_BAR + 8, 4), 0);
    board_config_write(&c.board, DOG_BDF, 0x60, 2, 0x24);
    board_config_write(&c.board, DOG_BDF, 0x68, 1, 2);
    g_usleep(50000);
    ck_assert_uint_eq(board_read(&c.board, DOG_BAR + 8, 4), 1);
    ck_assert_uint_eq(board_config_read(&c.board, DOG_BDF, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT,
                      PCI_STATUS_INTERRUPT);
    board_write(&c.board, DOG_BAR + 8, 4, 1);
    ck_assert_uint_eq(board_read(&c.board, DOG_BAR + 8, 4), 0);
    ck_assert_uint_eq(board_config_read(&c.board, DOG_BDF, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT,
                      0);
    /* no interrupt wanted, as by Linux */
    board_config_write(&c.board, DOG_BDF, 0x60, 2, 0x27);
    unlock();
    board_write(&c.board, RELOAD, 2, 0x100);
    g_usleep(50000);
    ck_assert_uint_eq(board_read(&c.board, DOG_BAR + 8, 4), 0);
    teardown();
}
END_TEST

/* Locked is locked; switched off or muted it does not bark. */
START_TEST(test_watchdog_quiet)
{
    setup();
    dog_set_up();
    client_ok(&c, "cont", NULL);
    board_config_write(&c.board, DOG_BDF, 0x60, 2, 0x24);
    board_config_write(&c.board, DOG_BDF, 0x68, 1, 2);
    g_usleep(50000);
    ck_assert_uint_eq(board_read(&c.board, RELOAD, 4), 0x200);
    board_config_write(&c.board, DOG_BDF, 0x68, 1, 0);
    board_config_write(&c.board, DOG_BDF, 0x68, 1, 1);
    board_config_write(&c.board, DOG_BDF, 0x68, 1, 6);
    ck_assert_uint_eq(board_config_read(&c.board, DOG_BDF, 0x68, 1), 1);
    board_config_write(&c.board, DOG_BDF, 0x60, 4, ~0u);
    ck_assert_uint_eq(board_config_read(&c.board, DOG_BDF, 0x60, 4), 0x27);
    for (unsigned at_ = 0; at_ < 16; at_++) {
        board_write(&c.board, DOG_BAR + at_, 1, ~0u);
        board_read(&c.board, DOG_BAR + at_, 1);
    }
    board_sync(&c.board);
    ck_assert_str_eq(string_at(client_ok(&c, "query-status", NULL), "status"), "running");
    for (guint i = 0; i < c.events->len; i++)
        ck_assert_str_ne(qmp_get_string(c.events->pdata[i], "event"), "WATCHDOG");
    teardown();
}
END_TEST

/* What is gone reads as ones, as PCI Express wants it (2.3.2: unsupported requests). */
START_TEST(test_pulled)
{
    setup();
    dog_set_up();
    ck_assert_uint_eq(board_read(&c.board, DOG_BAR + 8, 4), 0);
    client_ok(&c, "device_del", "{'id':'dog','force':true}");
    client_event(&c, "DEVICE_DELETED");
    for (unsigned at_ = 0; at_ < 16; at_ += 4)
        ck_assert_uint_eq(board_read(&c.board, DOG_BAR + at_, 4), UINT32_MAX);
    for (unsigned at_ = 0; at_ < 4096; at_ += 4)
        ck_assert_uint_eq(board_config_read(&c.board, DOG_BDF, at_, 4), UINT32_MAX);
    teardown();
}
END_TEST

SUITE_MAIN("QMP plug", test_pulled, test_cpu, test_cpu_hostile, test_objects, test_iothreads,
           test_dimm, test_stale_pointer, test_memory_room, test_virtio_mem, test_watchdog,
           test_watchdog_interrupt, test_watchdog_quiet)
