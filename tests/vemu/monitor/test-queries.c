/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands that ask, and those that steer what is there: good and bad arguments.
 */
#include "../devices/suite.h"
#include "client.h"

#include <linux/pci_regs.h>
#include <string.h>
#include <unistd.h>

#include "fake-accel.h"

static struct client c;

static void setup(void)
{
    client_init(&c);
}

static void teardown(void)
{
    client_fini(&c);
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

START_TEST(test_machine)
{
    struct json_object *o;

    setup();
    ck_assert_str_eq(string_at(client_ok(&c, "query-status", NULL), "status"), "prelaunch");
    ck_assert_str_eq(string_at(client_ok(&c, "query-target", NULL), "arch"), "x86_64");
    ck_assert_str_eq(string_at(client_ok(&c, "query-name", NULL), "name"), "vemu");
    ck_assert_int_eq(int_at(client_ok(&c, "query-version", NULL), "qemu.major"), 7);
    client_ok(&c, "query-kvm", NULL);
    client_ok(&c, "query-uuid", NULL);
    client_ok(&c, "query-events", NULL);
    ck_assert_str_eq(string_at(client_ok(&c, "query-accelerator", NULL), "name"), "fake");
    o = find(client_ok(&c, "query-machines", NULL), "name", "q35");
    ck_assert_int_eq(int_at(o, "cpu-max"), 255);
    o = find(client_ok(&c, "query-commands", NULL), "name", "qmp_capabilities");
    client_fails(&c, "system_wakeup", "GenericError", "not supported by this guest", NULL);
    ck_assert(!json_object_get_boolean(json_object_object_get(
        client_ok(&c, "query-current-machine", NULL), "wakeup-suspend-support")));
    client_fails(&c, "system_powerdown", "GenericError", "does not accept value 'no'",
                 "{'then':'no'}");
    client_fails(&c, "query-status", "GenericError", "'x' is unexpected", "{'x':1}");
    client_fails(&c, "watchdog-set-action", "GenericError", "does not accept value 'x'",
                 "{'action':'x'}");
    client_ok(&c, "watchdog-set-action", "{'action':'none'}");
    client_fails(&c, "no-such-command", "CommandNotFound", "has not been found", NULL);
    client_ok(&c, "rtc-reset-reinjection", NULL);
    teardown();
}
END_TEST

START_TEST(test_cpus)
{
    struct json_object *o;

    setup();
    o = client_ok(&c, "query-cpus-fast", NULL);
    ck_assert_uint_eq(json_object_array_length(o), 1);
    ck_assert_int_gt(int_at(o, "0.thread-id"), 0);
    ck_assert_int_ne(int_at(o, "0.thread-id"), getpid());
    ck_assert_str_eq(string_at(o, "0.qom-path"), "/machine/unattached/device[0]");
    o = client_ok(&c, "query-hotpluggable-cpus", NULL);
    ck_assert_int_eq(int_at(o, "0.vcpus-count"), 1);
    find(client_ok(&c, "query-cpu-definitions", NULL), "name", "max");
    o = find(client_ok(&c, "query-cpu-definitions", NULL), "name", "x86-64-v2");
    o = json_object_object_get(o, "unavailable-features"); /* the fake CPU has an FPU only */
    ck_assert_uint_gt(json_object_array_length(o), 20);
    ck_assert_str_eq(json_object_get_string(json_object_array_get_idx(o, 0)), "de");
    o = client_ok(&c, "query-cpu-model-expansion", "{'type':'full','model':{'name':'max'}}");
    ck_assert_str_eq(string_at(o, "model.name"), "max");
    ck_assert(json_object_get_boolean(at(o, "model.props.fpu")));
    ck_assert(!json_object_get_boolean(at(o, "model.props.sse")));
    o = client_ok(&c, "query-cpu-model-expansion",
                  "{'type':'static','model':{'name':'max','props':{'fpu':true}}}");
    ck_assert_str_eq(string_at(o, "model.name"), "base");
    ck_assert_int_eq(json_object_object_length(at(o, "model.props")), 1);
    o = client_ok(&c, "query-cpu-model-expansion",
                  "{'type':'full','model':{'name':'max','props':{'fpu':false}}}");
    ck_assert(!json_object_get_boolean(at(o, "model.props.fpu")));
    ck_assert(json_object_get_boolean(at(o, "model.props.kvm")));
    ck_assert(!json_object_get_boolean(at(o, "model.props.host-phys-bits")));
    o = client_ok(&c, "query-cpu-model-expansion",
                  "{'type':'static','model':{'name':'max','props':{'kvm':false,'phys-bits':36}}}");
    ck_assert(!json_object_get_boolean(at(o, "model.props.kvm")));
    ck_assert_int_eq(json_object_get_int(at(o, "model.props.phys-bits")), 36);
    ck_assert_int_eq(json_object_object_length(at(o, "model.props")), 3); /* fpu */
    o = client_ok(&c, "query-cpu-model-expansion",
                  "{'type':'static','model':{'name':'max','props':{'hv-relaxed':true,"
                  "'hv-spinlocks':8191,'hv-vendor-id':'me'}}}");
    ck_assert(json_object_get_boolean(at(o, "model.props.hv-relaxed")));
    ck_assert_int_eq(json_object_get_int(at(o, "model.props.hv-spinlocks")), 8191);
    ck_assert_str_eq(string_at(o, "model.props.hv-vendor-id"), "me");
    ck_assert_int_eq(json_object_object_length(at(o, "model.props")), 4); /* fpu */
    client_fails(&c, "query-cpu-model-expansion", "GenericError", "'hv-vendor-id' is not true",
                 "{'type':'full','model':{'name':'max','props':{'hv-vendor-id':'me,too'}}}");
    client_fails(&c, "query-cpu-model-expansion", "GenericError", "(hv-synic) requires",
                 "{'type':'full','model':{'name':'max','props':{'hv-synic':true}}}");
    client_fails(&c, "query-cpu-model-expansion", "GenericError", "'phys-bits=60'",
                 "{'type':'full','model':{'name':'max','props':{'phys-bits':60}}}");
    client_fails(&c, "query-cpu-model-expansion", "GenericError", "'z80'",
                 "{'type':'full','model':{'name':'z80'}}");
    client_fails(&c, "query-cpu-model-expansion", "GenericError", "'avx9=on'",
                 "{'type':'full','model':{'name':'max','props':{'avx9':true}}}");
    client_fails(&c, "query-cpu-model-expansion", "GenericError", "not true, false or a number",
                 "{'type':'full','model':{'name':'max','props':{'avx':'on'}}}");
    ck_assert_uint_eq(json_object_array_length(client_ok(&c, "query-iothreads", NULL)), 0);

    client_fails(&c, "inject-nmi", "GenericError", "not started", NULL);
    client_ok(&c, "cont", NULL);
    client_ok(&c, "inject-nmi", NULL); /* LINT1 is a plain interrupt */
    ck_assert_uint_eq(fake.nmis, 0);
    fake.lint1[0] = 0x10400; /* masked */
    client_ok(&c, "inject-nmi", NULL);
    ck_assert_uint_eq(fake.nmis, 0);
    fake.lint1[0] = 0x400;
    client_ok(&c, "inject-nmi", NULL);
    ck_assert_uint_eq(fake.nmis, 1);
    ck_assert_str_eq(string_at(client_ok(&c, "query-status", NULL), "status"), "running");
    client_ok(&c, "stop", NULL);
    client_ok(&c, "inject-nmi", NULL);
    ck_assert_uint_eq(fake.nmis, 2);
    ck_assert_str_eq(string_at(client_ok(&c, "query-status", NULL), "status"), "paused");
    teardown();
}
END_TEST

START_TEST(test_memory)
{
    struct json_object *o;

    setup();
    o = client_ok(&c, "query-memory-size-summary", NULL);
    ck_assert_int_eq(int_at(o, "base-memory"), 128 << 20);
    ck_assert_uint_eq(json_object_array_length(client_ok(&c, "query-memory-devices", NULL)), 0);
    client_fails(&c, "query-balloon", "DeviceNotActive", "No balloon device", NULL);
    client_fails(&c, "balloon", "DeviceNotActive", "No balloon device", "{'value':1}");
    client_ok(&c, "device_add", "{'driver':'virtio-balloon-pci','id':'b','bus':'rp2'}");
    ck_assert_int_eq(int_at(client_ok(&c, "query-balloon", NULL), "actual"), 128 << 20);
    client_fails(&c, "balloon", "GenericError", "'target' expects a size", "{'value':0}");
    client_fails(&c, "balloon", "GenericError", "'target' expects a size", "{'value':-5}");
    client_fails(&c, "balloon", "GenericError", "expected: integer", "{'value':'1M'}");
    client_fails(&c, "balloon", "GenericError", "'value' is missing", "{}");
    client_ok(&c, "balloon", "{'value':%d}", 64 << 20);
    ck_assert_int_eq(int_at(client_ok(&c, "query-balloon", NULL), "actual"), 128 << 20);

    o = client_ok(&c, "qom-get", "{'path':'/machine/peripheral/b','property':'guest-stats'}");
    ck_assert_int_eq(int_at(o, "last-update"), 0);
    ck_assert_uint_eq(json_object_get_uint64(at(o, "stats.stat-free-memory")), UINT64_MAX);
    client_ok(&c, "qom-set",
              "{'path':'/machine/peripheral/b','value':5,'property':"
              "'guest-stats-polling-interval'}");
    o = client_ok(&c, "qom-get",
                  "{'path':'/machine/peripheral/b','property':"
                  "'guest-stats-polling-interval'}");
    ck_assert_int_eq(json_object_get_int64(o), 5);
    client_fails(&c, "qom-set", "GenericError", "from 0 to",
                 "{'path':'/machine/peripheral/b','value':-1,'property':"
                 "'guest-stats-polling-interval'}");
    client_fails(&c, "qom-set", "GenericError", "cannot be changed",
                 "{'path':'/machine/peripheral/b','value':true,'property':'deflate-on-oom'}");
    teardown();
}
END_TEST

START_TEST(test_objects)
{
    struct json_object *o;

    setup();
    o = client_ok(&c, "qom-list", "{'path':'/machine/peripheral'}");
    ck_assert_str_eq(qmp_get_string(find(o, "name", "rng"), "type"), "child<virtio-rng-pci>");
    find(client_ok(&c, "qom-list", "{'path':'/machine'}"), "name", "peripheral");
    find(client_ok(&c, "qom-list", "{'path':'/machine/unattached'}"), "name", "device[0]");
    o = client_ok(&c, "qom-list", "{'path':'/machine/peripheral/rp1'}");
    ck_assert_str_eq(qmp_get_string(find(o, "name", "slot"), "type"), "uint16");
    o = client_ok(&c, "qom-get", "{'path':'/machine/peripheral/rp1','property':'slot'}");
    ck_assert_int_eq(json_object_get_int(o), 5);
    o = client_ok(&c, "qom-get", "{'path':'/machine/peripheral/rp1','property':'hotplug'}");
    ck_assert(json_object_get_boolean(o));
    o = client_ok(&c, "qom-get", "{'path':'/machine/peripheral/rp1','property':'addr'}");
    ck_assert_str_eq(json_object_get_string(o), "2");
    o = client_ok(&c, "qom-get", "{'path':'/machine/unattached/device[0]','property':'type'}");
    client_fails(&c, "qom-list", "DeviceNotFound", "'/machine/peripheral/x' not found",
                 "{'path':'/machine/peripheral/x'}");
    client_fails(&c, "qom-list", "DeviceNotFound", "not found",
                 "{'path':'/machine/peripheral/mch'}");
    client_fails(&c, "qom-get", "DeviceNotFound", "not found",
                 "{'path':'/machine/unattached/device[1]','property':'type'}");
    client_fails(&c, "qom-get", "GenericError", "Property 'pcie-root-port.x' not found",
                 "{'path':'/machine/peripheral/rp1','property':'x'}");
    find(client_ok(&c, "qom-list-types", NULL), "name", "virtio-blk-pci");
    o = client_ok(&c, "qom-list-types", "{'implements':'tpm'}");
    ck_assert_uint_eq(json_object_array_length(o), 0);
    o = client_ok(&c, "device-list-properties", "{'typename':'virtio-blk-pci'}");
    ck_assert_str_eq(qmp_get_string(find(o, "name", "serial"), "type"), "str");
    client_fails(&c, "device-list-properties", "DeviceNotFound", "'x' not found",
                 "{'typename':'x'}");
    teardown();
}
END_TEST

START_TEST(test_pci)
{
    struct json_object *o, *f;

    setup();
    board_config_write(&c.board, 2 << 3, PCI_PRIMARY_BUS, 4, 0x00070700);
    board_config_write(&c.board, 1 << 3, PCI_BASE_ADDRESS_0, 4, 0xe0000000);
    board_config_write(&c.board, 1 << 3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    o = at(client_ok(&c, "query-pci", NULL), "0.devices");
    f = find(o, "qdev_id", "f");
    ck_assert_int_eq(int_at(f, "slot"), 1);
    ck_assert_int_eq(int_at(f, "id.vendor"), 0x1234);
    ck_assert_int_eq(int_at(f, "class_info.class"), 0x0580);
    ck_assert_int_eq(int_at(f, "regions.0.address"), 0xe0000000);
    ck_assert_int_eq(int_at(f, "regions.0.size"), 4096);
    ck_assert_int_eq(int_at(f, "regions.1.address"), -1);
    ck_assert_str_eq(string_at(f, "regions.1.type"), "io");
    f = find(o, "qdev_id", "rp1");
    ck_assert_int_eq(int_at(f, "pci_bridge.bus.secondary"), 7);
    ck_assert_int_eq(int_at(f, "pci_bridge.devices.0.bus"), 7);
    ck_assert_str_eq(string_at(f, "pci_bridge.devices.0.qdev_id"), "below");
    teardown();
}
END_TEST

SUITE_MAIN("QMP queries", test_machine, test_cpus, test_memory, test_objects, test_pci)
