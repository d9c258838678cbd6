/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices, sizes and statistics of domains, over an emulator without a machine.
 */
#include "harness.h"
#include "sandbox.h"

#define DOC(more)                                                                                  \
    "<domain type='vemu'><name>d</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e7001</uuid>"          \
    "<memory unit='MiB'>64</memory><vcpu current='1'>4</vcpu><os><type machine='q35'>hvm</type>"   \
    "<kernel>/boot/vmlinuz</kernel></os><devices><memballoon model='virtio'/>" more                \
    "</devices></domain>"
#define DISK(path, target)                                                                         \
    "<disk type='file'><driver type='raw'/><source file='" path "'/><target dev='" target          \
    "' bus='virtio'/></disk>"
#define BOTH (VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG)

static struct vmgr_conn *conn;
static struct vmgr_domain *dom;
static struct event_log seen;

static void setup(void)
{
    sandbox_open();
    conn = sandbox_connect(0);
    OK(vmgr_domain_define_xml(conn, DOC(DISK("/a", "vda")), 0, &dom, &err));
}

static void teardown(void)
{
    vmgr_domain_destroy(dom, 0, NULL);
    dom = vmgr_domain_unref(dom);
    conn = vmgr_conn_unref(conn);
    sandbox_close();
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

static void log_device(struct vmgr_conn *c, struct vmgr_domain *domain,
                       const struct vmgr_domain_event *event, void *data)
{
    struct event_log *log = data;
    size_t used = strlen(log->text);

    (void)c;
    (void)domain;
    snprintf(log->text + used, sizeof(log->text) - used, "%d %s %s %lld; ", event->id,
             event->device ? event->device : "-", event->text ? event->text : "-",
             (long long)event->value);
}

START_TEST(test_config)
{
    /* addresses are there from the beginning, and stay */
    ck_assert_int_eq(count(0, "bus='0x02' slot='0x00' function='0x0'/>"), 1);
    ck_assert_int_eq(count(0, "pcie-root-port'>"), 6);
    ck_assert_int_eq(count(0, "<alias"), 0);
    OK(vmgr_domain_attach_device(dom, DISK("/b", "vdb"), 0, &err));
    ck_assert_int_eq(count(0, "<disk "), 2);
    FAILS(vmgr_domain_attach_device(dom, DISK("/c", "vdb"), 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: target vdb already exists");
    FAILS(vmgr_domain_attach_device(dom, "<zork/>", 0, &err), VMGR_ERR_XML_ERROR,
          "XML error: unknown device type 'zork'");
    FAILS(vmgr_domain_attach_device(dom, "<sound model='ich6'/>", 0, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: <sound> is not supported by the vemu driver yet");
    FAILS(vmgr_domain_attach_device(dom, DISK("/c", "vdc"), VMGR_DOMAIN_AFFECT_LIVE, &err),
          VMGR_ERR_OPERATION_INVALID, "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_update_device(dom, DISK("/other", "vdb"), 0, &err));
    ck_assert_int_eq(count(0, "file='/other'"), 1);
    OK(vmgr_domain_detach_device(dom, DISK("/x", "vdb"), 0, &err));
    ck_assert_int_eq(count(0, "<disk "), 1);
    FAILS(vmgr_domain_detach_device(dom, DISK("/x", "vdb"), 0, &err), VMGR_ERR_DEVICE_MISSING,
          "device not found: disk vdb not found");
    OK(vmgr_domain_attach_device(
        dom, "<rng model='virtio'><backend model='random'/><alias name='ua-r'/></rng>", 0, &err));
    ck_assert_int_eq(count(0, "ua-r"), 1);
    OK(vmgr_domain_detach_device_alias(dom, "ua-r", 0, &err));
    FAILS(vmgr_domain_detach_device_alias(dom, "ua-r", 0, &err), VMGR_ERR_DEVICE_MISSING,
          "device not found: no device found with alias ua-r");
}
END_TEST

START_TEST(test_live)
{
    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_DEVICE_ADDED, log_device, &seen,
                                  NULL, &err));
    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_DEVICE_REMOVED, log_device, &seen,
                                  NULL, &err));
    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_BALLOON_CHANGE, log_device, &seen,
                                  NULL, &err));
    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_METADATA_CHANGE, log_device, &seen,
                                  NULL, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert_int_eq(count(0, "<alias name='virtio-disk0'/>"), 1);
    OK(vmgr_domain_attach_device(dom, DISK("/b", "vdb"), BOTH, &err));
    ck_assert_int_eq(count(0, "<alias name='virtio-disk1'/>"), 1);
    ck_assert_int_eq(count(VMGR_DOMAIN_XML_INACTIVE, "dev='vdb'"), 1);
    ck_assert_int_eq(count(VMGR_DOMAIN_XML_INACTIVE, "<alias"), 0);
    /* what the emulator refuses leaves nothing behind */
    FAILS(vmgr_domain_attach_device(dom, DISK("/refused", "vdc"), BOTH, &err),
          VMGR_ERR_INTERNAL_ERROR,
          "internal error: unable to execute monitor command 'blockdev-add': no such file");
    ck_assert_int_eq(count(0, "vdc"), 0);
    ck_assert_int_eq(count(VMGR_DOMAIN_XML_INACTIVE, "vdc"), 0);
    FAILS(vmgr_domain_attach_device(dom, "<watchdog model='i6300esb'/>", 0, &err),
          VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: live attach of device 'watchdog' is not supported");
    FAILS(vmgr_domain_update_device(dom, DISK("/other", "vdb"), 0, &err),
          VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: disk device='disk' is not removable");
    OK(vmgr_domain_detach_device(dom, DISK("/b", "vdb"), VMGR_DOMAIN_AFFECT_LIVE, &err));
    ck_assert_int_eq(count(0, "vdb"), 0);
    ck_assert_int_eq(count(VMGR_DOMAIN_XML_INACTIVE, "dev='vdb'"), 1);
    OK(vmgr_domain_attach_device(dom, DISK("/b", "vdb"), VMGR_DOMAIN_AFFECT_LIVE, &err));
    OK(vmgr_domain_set_memory(dom, 32768, 0, &err));
    OK(vmgr_domain_set_metadata(dom, VMGR_DOMAIN_METADATA_TITLE, "t", NULL, NULL, 0, &err));
    OK(vmgr_domain_set_metadata(dom, VMGR_DOMAIN_METADATA_ELEMENT, "<x/>", "p", "urn:p", 0, &err));
    ck_assert_int_ge(vmgr_conn_dispatch(conn, NULL), 6);
    ck_assert_str_eq(seen.text, "19 virtio-disk1 - 0; 15 virtio-disk1 - 0; 19 virtio-disk1 - 0; "
                                "13 - - 32768; 23 - - 0; 23 - urn:p 0; ");
    ck_assert_int_eq(vmgr_domain_is_updated(dom, NULL), 1);
}
END_TEST

/* What was plugged and then cannot be had is taken out again: it can come a second time. */
START_TEST(test_live_taken_back)
{
    int r;

    OK(vmgr_domain_start(dom, 0, &err));
    FAILS(vmgr_domain_attach_device(
              dom,
              "<disk type='file'><driver type='raw'/><source file='/b'/><target dev='vdb' "
              "bus='virtio'/><iotune><total_bytes_sec>4096</total_bytes_sec></iotune></disk>",
              0, &err),
          VMGR_ERR_INTERNAL_ERROR,
          "internal error: unable to execute monitor command 'block_set_io_throttle': no such "
          "limit");
    ck_assert_int_eq(count(0, "vdb"), 0);
    sandbox_set_room(false);
    r = vmgr_domain_attach_device(dom, DISK("/b", "vdb"), 0, NULL);
    sandbox_set_room(true);
    ck_assert_int_eq(r, -1);
    ck_assert_int_eq(count(0, "vdb"), 0);
    OK(vmgr_domain_attach_device(dom, DISK("/b", "vdb"), 0, &err));
    ck_assert_int_eq(count(0, "dev='vdb'"), 1);
    ck_assert_int_eq(vmgr_domain_is_updated(dom, NULL), 1);
}
END_TEST

#define CDROM(path)                                                                                \
    "<disk type='file' device='cdrom'><driver type='raw'/><source file='" path "'/>"               \
    "<target dev='sda' bus='sata'/></disk>"

/* Whether the emulator has the node of a medium. */
static bool has_node(const char *node)
{
    char command[200], *answer = NULL;
    bool has;

    snprintf(command, sizeof(command),
             "{\"execute\":\"blockdev-insert-medium\",\"arguments\":{\"id\":\"none\","
             "\"node-name\":\"%s\"}}",
             node);
    OK(vmgr_domain_monitor_command(dom, command, 0, &answer, &err));
    has = strstr(answer, "\"return\"");
    free(answer);
    return has;
}

/* A medium that cannot be opened leaves the guest the one it had, whose file it may be too. Nodes
 * are named by the SHA-256 of their paths. */
START_TEST(test_medium_taken_back)
{
    OK(vmgr_domain_attach_device(dom, CDROM("/a.iso"), 0, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_update_device(dom, CDROM("/b.iso"), 0, &err));
    ck_assert(has_node("drive-sda-d72e2c6e") && !has_node("drive-sda-5c9fa47d"));
    FAILS(vmgr_domain_update_device(dom, CDROM("/refused.iso"), 0, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: unable to execute monitor command 'blockdev-add': no such file");
    ck_assert_int_eq(count(0, "/b.iso"), 1);
    ck_assert(has_node("drive-sda-d72e2c6e") && !has_node("drive-sda-0c3a68d6"));
    OK(vmgr_domain_update_device(dom, CDROM("/b.iso"), 0, &err));
    ck_assert(has_node("drive-sda-d72e2c6e"));
    OK(vmgr_domain_update_device(dom, CDROM("/a.iso"), 0, &err));
    ck_assert(has_node("drive-sda-5c9fa47d") && !has_node("drive-sda-d72e2c6e"));
}
END_TEST

/* As if a caller had died while this came or went. */
static void tear(const char *plug)
{
    static char text[65536];
    char path[300], *end;
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "%s/run/vmgr/domains/d.d/status.xml", scratch_root);
    f = fopen(path, "r+");
    ck_assert_ptr_nonnull(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = 0;
    end = strstr(text, "</domstatus>");
    ck_assert_ptr_nonnull(end);
    ck_assert_int_eq(fseek(f, end - text, SEEK_SET), 0);
    fprintf(f, "%s</domstatus>\n", plug);
    ck_assert_int_eq(fclose(f), 0);
}

static void ask(const char *command)
{
    char *answer = NULL;

    OK(vmgr_domain_monitor_command(dom, command, 0, &answer, &err));
    ck_assert_msg(!strstr(answer, "\"error\""), "%s: %s", command, answer);
    free(answer);
}

/* What a command says, that must fail. */
static void ask_in_vain(const char *command)
{
    char *answer = NULL;

    OK(vmgr_domain_monitor_command(dom, command, 0, &answer, &err));
    ck_assert_msg(strstr(answer, "\"error\"") != NULL, "%s: %s", command, answer);
    free(answer);
}

#define RNG                                                                                        \
    "<rng model='virtio'><backend model='random'>/dev/urandom</backend>"                           \
    "<alias name='ua-r'/><address type='pci' bus='0x05'/></rng>"
#define NIC                                                                                        \
    "<interface type='user'><mac address='52:54:00:00:00:07'/><alias name='ua-n'/>"                \
    "<address type='pci' bus='0x05'/></interface>"

START_TEST(test_torn)
{
    OK(vmgr_domain_start(dom, 0, &err));
    /* it has come: whoever changes the domain next finds it, and it can be taken away */
    ask("{\"execute\":\"device_add\",\"arguments\":{\"id\":\"ua-r\"}}");
    tear("<plug alias='ua-r'>" RNG "</plug>");
    OK(vmgr_domain_suspend(dom, &err));
    ck_assert_int_eq(count(0, "<rng "), 1);
    OK(vmgr_domain_detach_device_alias(dom, "ua-r", VMGR_DOMAIN_AFFECT_LIVE, &err));
    ck_assert_int_eq(count(0, "<rng "), 0);
    ask_in_vain("{\"execute\":\"device_del\",\"arguments\":{\"id\":\"ua-r\"}}");
    /* it has not: what it was to stand on goes, by a description of the run, too */
    ask("{\"execute\":\"netdev_add\",\"arguments\":{\"id\":\"hostua-n\"}}");
    tear("<plug alias='ua-n'>" NIC "</plug>");
    ck_assert_int_eq(count(0, "<interface "), 0);
    OK(vmgr_domain_resume(dom, &err));
    ck_assert_int_eq(count(0, "<interface "), 0);
    ask_in_vain("{\"execute\":\"netdev_del\",\"arguments\":{\"id\":\"hostua-n\"}}");
    /* a disk that went after its caller had died, from a node that a job had given it */
    OK(vmgr_domain_attach_device(dom, DISK("/b", "vdb"), VMGR_DOMAIN_AFFECT_LIVE, &err));
    ask("{\"execute\":\"device_del\",\"arguments\":{\"id\":\"virtio-disk1\"}}");
    ask("{\"execute\":\"blockdev-add\",\"arguments\":{\"node-name\":\"other\"}}");
    tear("<plug alias='virtio-disk1' node='other'/>");
    ck_assert_int_eq(count(0, "dev='vdb'"), 1);
    OK(vmgr_domain_detach_device(dom, DISK("/b", "vdb"), VMGR_DOMAIN_AFFECT_LIVE, &err));
    ck_assert_int_eq(count(0, "dev='vdb'"), 0);
    ask_in_vain("{\"execute\":\"blockdev-del\",\"arguments\":{\"node-name\":\"other\"}}");
    /* what nobody can read is nobody's */
    tear("<plug/><plug alias='x'><zork/></plug>");
    OK(vmgr_domain_suspend(dom, &err));
}
END_TEST

static void tell_drive(const char *command, const char *more)
{
    char text[200];

    snprintf(text, sizeof(text), "{\"execute\":\"%s\",\"arguments\":{\"id\":\"sata0-0-0\"%s}}",
             command, more);
    ask(text);
}

static void open_node(const char *node)
{
    char text[200];

    snprintf(text, sizeof(text),
             "{\"execute\":\"blockdev-add\",\"arguments\":{\"node-name\":\"%s\"}}", node);
    ask(text);
}

#define NODE_A "drive-sda-5c9fa47d"
#define NODE_B "drive-sda-d72e2c6e"
#define INTO   ",\"node-name\":\""

/* As if a caller had died while a drive got another medium, or none. */
START_TEST(test_torn_medium)
{
    static const char to_a[] = "<plug alias='sata0-0-0' medium='yes'>" CDROM("/a.iso") "</plug>";

    OK(vmgr_domain_attach_device(dom, CDROM("/a.iso"), 0, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_update_device(dom, CDROM("/b.iso"), 0, &err));
    /* before the tray: it has the old one */
    open_node(NODE_A);
    tear(to_a);
    OK(vmgr_domain_suspend(dom, &err));
    ck_assert_int_eq(count(0, "/b.iso"), 1);
    ck_assert(has_node(NODE_B) && !has_node(NODE_A));
    /* an empty tray gets the new one */
    open_node(NODE_A);
    tell_drive("blockdev-remove-medium", "");
    tear(to_a);
    OK(vmgr_domain_resume(dom, &err));
    ck_assert_int_eq(count(0, "/a.iso"), 1);
    ck_assert_int_eq(count(0, "/b.iso"), 0);
    ck_assert(has_node(NODE_A) && !has_node(NODE_B));
    /* after the tray: what it has is the definition's, whose address stays */
    open_node(NODE_B);
    tell_drive("blockdev-insert-medium", INTO NODE_B "\"");
    tear("<plug alias='sata0-0-0' medium='yes'>" CDROM("/b.iso") "</plug>");
    OK(vmgr_domain_suspend(dom, &err));
    ck_assert_int_eq(count(0, "/b.iso"), 1);
    ck_assert_int_eq(count(0, "<alias name='sata0-0-0'/>"), 1);
    ck_assert(has_node(NODE_B) && !has_node(NODE_A));
    /* one that cannot be opened: the old one comes back */
    tell_drive("blockdev-remove-medium", "");
    tear("<plug alias='sata0-0-0' medium='yes'>" CDROM("/refused.iso") "</plug>");
    OK(vmgr_domain_resume(dom, &err));
    ck_assert_int_eq(count(0, "/b.iso"), 1);
    ck_assert_int_eq(count(0, "/refused.iso"), 0);
    /* none */
    tell_drive("blockdev-remove-medium", "");
    tear("<plug alias='sata0-0-0' medium='yes'>"
         "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk></plug>");
    OK(vmgr_domain_suspend(dom, &err));
    ck_assert_int_eq(count(0, ".iso"), 0);
    ck_assert(!has_node(NODE_B) && !has_node(NODE_A));
    /* and nothing is left to be looked at */
    OK(vmgr_domain_update_device(dom, CDROM("/a.iso"), 0, &err));
    ck_assert_int_eq(count(0, "/a.iso"), 1);
}
END_TEST

#define NET(more)                                                                                  \
    "<interface type='user'><mac address='52:54:00:00:00:01'/>" more "</interface>"
#define CHANNEL(more)                                                                              \
    "<channel type='unix'><target type='virtio' name='org.x'/>" more "</channel>"

/* Of a device that runs only what the guest can be told may change. */
START_TEST(test_update_live)
{
    OK(vmgr_domain_attach_device(dom, NET(""), 0, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_update_device(dom, NET("<link state='down'/>"), BOTH, &err));
    ck_assert_int_eq(count(0, "<link state='down'/>"), 1);
    FAILS(vmgr_domain_update_device(dom, NET("<mtu size='1400'/>"), BOTH, &err),
          VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: of interface 'net0' only the link state can change while the "
          "guest runs");
    FAILS(vmgr_domain_update_device(dom, NET("<boot order='1'/>"), VMGR_DOMAIN_AFFECT_LIVE, &err),
          VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: of interface 'net0' only the link state can change while the "
          "guest runs");
    ck_assert_int_eq(count(0, "<link state='down'/>"), 1);
    ck_assert_int_eq(count(VMGR_DOMAIN_XML_INACTIVE, "<mtu"), 0);
}
END_TEST

#define ON(type, source, more)                                                                     \
    "<interface type='" type "'><mac address='52:54:00:00:00:02'/><source " source "/>" more       \
    "</interface>"

/* On networks and bridges of the host; with real ones in integration/interfaces. */
START_TEST(test_host_network)
{
    static const struct {
        const char *xml, *message;
    } bad[] = {
        { ON("network", "network='none' portgroup='a'", "<vlan><tag id='5'/></vlan>"),
          "<vlan> of <interface> is not supported by the vemu driver yet" },
        { ON("network", "network='none'",
             "<bandwidth><inbound average='1' floor='1'/></bandwidth>"),
          "attribute 'floor' of <inbound> is not supported" },
        { ON("ethernet", "dev='none'", ""),
          "attribute 'dev' of <source> is not supported by the vemu driver yet" },
        { ON("bridge", "bridge='none'", "<target dev='x' managed='no'/>"),
          "unmanaged target dev is not supported on interfaces of type 'bridge'" },
        { ON("bridge", "bridge='none' network='x'", ""),
          "attribute 'network' of <source> is not supported by the vemu driver yet" },
        { ON("direct", "dev='none' bridge='x'", ""),
          "attribute 'bridge' of <source> is not supported by the vemu driver yet" },
        { ON("direct", "dev='none'", "<virtualport type='802.1Qbh'/>"),
          "<virtualport> of <interface> is not supported by the vemu driver yet" },
        { ON("direct", "dev='none'", "<filterref filter='clean-traffic'/>"),
          "interface 52:54:00:00:00:02 - filterref is not supported for network interfaces of type "
          "direct" },
        { ON("vdpa", "dev='none'", ""),
          "interface type 'vdpa' is not supported by the vemu driver yet" },
    };
    char message[200];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(message, sizeof(message), "unsupported configuration: %s", bad[i].message);
        FAILS(vmgr_domain_attach_device(dom, bad[i].xml, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
              message);
    }
    OK(vmgr_domain_start(dom, 0, &err));
    FAILS(vmgr_domain_attach_device(dom, ON("network", "network='none'", ""), 0, &err),
          VMGR_ERR_NO_NETWORK, "Network not found: no network with matching name 'none'");
    OK(vmgr_domain_destroy(dom, 0, &err));
    /* what a run noted is not stored, what a user chose is */
    OK(vmgr_domain_attach_device(
        dom, ON("network", "network='none' portid='p' bridge='virbr7'", "<target dev='vnet3'/>"), 0,
        &err));
    ck_assert_int_eq(count(0, "<source network='none'/>"), 1);
    ck_assert_int_eq(count(0, "vnet3"), 0);
    OK(vmgr_domain_update_device(dom,
                                 ON("direct", "network='none' portid='p' dev='eth7' mode='bridge'",
                                    "<target dev='macvtap3'/>"),
                                 0, &err));
    ck_assert_int_eq(count(0, "<source network='none'/>"), 1);
    ck_assert_int_eq(count(0, "<interface type='network'>"), 1);
    ck_assert_int_eq(count(0, "macvtap3"), 0);
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_NO_NETWORK,
          "Network not found: no network with matching name 'none'");
    ck_assert_int_eq(vmgr_domain_is_active(dom, NULL), 0);
    ck_assert_int_eq(sandbox_emulators(NULL), 0);
    OK(vmgr_domain_update_device(dom, ON("network", "network='none'", "<target dev='mine'/>"), 0,
                                 &err));
    ck_assert_int_eq(count(0, "<target dev='mine'/>"), 1);
}
END_TEST

START_TEST(test_channel_address)
{
    static const char *const bad[] = {
        CHANNEL("<address type='virtio-serial' controller='1' bus='0' port='1'/>"),
        CHANNEL("<address type='virtio-serial' controller='0' bus='0' port='31'/>"),
        CHANNEL("<address type='usb' bus='0' port='1'/>"),
    };

    OK(vmgr_domain_attach_device(
        dom, CHANNEL("<address type='virtio-serial' controller='0' bus='0' port='7'/>"), 0, &err));
    ck_assert_int_eq(count(0, "port='7'"), 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        FAILS(vmgr_domain_attach_device(dom, bad[i], 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
              "unsupported configuration: only addresses of type 'virtio-serial' on controller 0, "
              "ports 1 to 30, are supported for <channel> by the vemu driver yet");
    OK(vmgr_domain_start(dom, 0, &err));
}
END_TEST

START_TEST(test_ports)
{
    char xml[300];
    int n = 0;

    OK(vmgr_domain_start(dom, 0, &err));
    for (; n < 6; n++) {
        struct vmgr_error *err = NULL;

        snprintf(xml, sizeof(xml), DISK("/p%d", "vd%c"), n, 'b' + n);
        if (vmgr_domain_attach_device(dom, xml, VMGR_DOMAIN_AFFECT_LIVE, &err) < 0) {
            ck_assert_str_eq(vmgr_error_get_message(err),
                             "internal error: No more available PCI slots");
            vmgr_error_free(err);
            break;
        }
    }
    ck_assert_int_eq(n, 4);
}
END_TEST

START_TEST(test_sizes)
{
    FAILS(vmgr_domain_set_memory(dom, 0, 0, &err), VMGR_ERR_INVALID_ARG,
          "memory in virDomainSetMemoryFlags must not be zero");
    FAILS(vmgr_domain_set_memory(dom, 65537, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: cannot set memory higher than max memory");
    OK(vmgr_domain_set_memory(dom, 131072, VMGR_DOMAIN_MEM_MAXIMUM, &err));
    OK(vmgr_domain_set_vcpus(dom, 2, 0, &err));
    ck_assert_int_eq(vmgr_domain_get_vcpus(dom, 0, NULL), 2);
    OK(vmgr_domain_set_vcpus(dom, 1, 0, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    FAILS(vmgr_domain_set_memory(dom, 1, VMGR_DOMAIN_MEM_MAXIMUM, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: cannot resize the maximum memory on an active domain");
    OK(vmgr_domain_set_vcpus(dom, 3, 0, &err));
    ck_assert_int_eq(vmgr_domain_get_vcpus(dom, 0, NULL), 3);
    OK(vmgr_domain_set_vcpus(dom, 1, 0, &err));
    ck_assert_int_eq(vmgr_domain_get_vcpus(dom, 0, NULL), 1);
    /* one that came when its caller died counts, and goes */
    ask("{\"execute\":\"device_add\",\"arguments\":{\"id\":\"vcpu1\"}}");
    OK(vmgr_domain_set_vcpus(dom, 2, 0, &err));
    ask_in_vain("{\"execute\":\"device_del\",\"arguments\":{\"id\":\"vcpu2\"}}");
    OK(vmgr_domain_set_vcpus(dom, 1, 0, &err));
    ask_in_vain("{\"execute\":\"device_del\",\"arguments\":{\"id\":\"vcpu1\"}}");
    FAILS(vmgr_domain_set_vcpus(dom, 5, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: requested cpu amount exceeds maximum (5 > 4)");
    OK(vmgr_domain_inject_nmi(dom, 0, &err));
}
END_TEST

static bool xml_has(uint32_t flags, const char *words)
{
    char *xml = NULL;
    bool has;

    OK(vmgr_domain_get_xml(dom, flags, &xml, &err));
    has = strstr(xml, words) != NULL;
    free(xml);
    return has;
}

START_TEST(test_stats_period)
{
    OK(vmgr_domain_start(dom, 0, &err));
    FAILS(vmgr_domain_set_memory_stats_period(dom, -1, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: period in virDomainSetMemoryStatsPeriod must be zero or greater");
    OK(vmgr_domain_set_memory_stats_period(dom, 7, 0, &err));
    ck_assert(xml_has(0, "<stats period='7'/>"));
    ck_assert(!xml_has(VMGR_DOMAIN_XML_INACTIVE, "<stats"));
    OK(vmgr_domain_set_memory_stats_period(
        dom, 9, VMGR_DOMAIN_AFFECT_CONFIG | VMGR_DOMAIN_AFFECT_LIVE, &err));
    ck_assert(xml_has(0, "<stats period='9'/>"));
    ck_assert(xml_has(VMGR_DOMAIN_XML_INACTIVE, "<stats period='9'/>"));
    OK(vmgr_domain_set_memory_stats_period(dom, 0, VMGR_DOMAIN_AFFECT_LIVE, &err));
    ck_assert(!xml_has(0, "<stats"));
}
END_TEST

START_TEST(test_iothreads)
{
    static const char disk[] = "<disk type='file'><driver type='raw' iothread='2'/>"
                               "<source file='/b'/><target dev='vdb' bus='virtio'/></disk>";
    int r;

    OK(vmgr_domain_set_iothread(dom, 1, 1, 0, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(xml_has(0, "<iothread id='1'/>"));
    FAILS(vmgr_domain_attach_device(dom, disk, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: Disk iothread '2' not defined in iothreadid");
    sandbox_set_room(false); /* what cannot be written down is taken back */
    r = vmgr_domain_set_iothread(dom, 2, 1, VMGR_DOMAIN_AFFECT_LIVE, NULL);
    sandbox_set_room(true);
    ck_assert_int_eq(r, -1);
    ck_assert(!xml_has(0, "<iothread id='2'/>"));
    OK(vmgr_domain_set_iothread(dom, 2, 1, VMGR_DOMAIN_AFFECT_LIVE, &err));
    ck_assert(!xml_has(VMGR_DOMAIN_XML_INACTIVE, "<iothread id='2'/>"));
    OK(vmgr_domain_attach_device(dom, disk, 0, &err));
    FAILS(vmgr_domain_set_iothread(dom, 2, 0, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: cannot remove IOThread 2 since it is being used by disk 'vdb'");
    OK(vmgr_domain_set_iothread(dom, 1, 0, 0, &err));
    ck_assert(!xml_has(0, "<iothread id='1'/>"));
    ck_assert(xml_has(VMGR_DOMAIN_XML_INACTIVE, "<iothread id='1'/>"));
    OK(vmgr_domain_detach_device(dom, disk, 0, &err));
    OK(vmgr_domain_set_iothread(dom, 2, 0, 0, &err));
    ck_assert(!xml_has(0, "iothread"));
}
END_TEST

START_TEST(test_threshold)
{
    FAILS(vmgr_domain_set_block_threshold(dom, "vda", 1, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_start(dom, 0, &err));
    FAILS(vmgr_domain_set_block_threshold(dom, "vda", UINT64_MAX, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: the threshold is out of range");
    FAILS(vmgr_domain_set_block_threshold(dom, "", 1, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: no disk given in virDomainSetBlockThreshold");
}
END_TEST

START_TEST(test_stats)
{
    struct vmgr_stat *stats = NULL;

    OK(vmgr_domain_get_stats(dom, 0, 0, &stats, &err));
    ck_assert_int_eq((int)vmgr_stats_find(stats, "state.state")->number, VMGR_DOMAIN_SHUTOFF);
    ck_assert_ptr_null(vmgr_stats_find(stats, "balloon.current"));
    ck_assert_str_eq(vmgr_stats_find(stats, "block.0.name")->text, "vda");
    stats = vmgr_stats_free(stats);
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_get_stats(dom, VMGR_STATS_BALLOON | VMGR_STATS_CPU_TOTAL, VMGR_STATS_NOWAIT,
                             &stats, &err));
    ck_assert_int_eq((int)vmgr_stats_find(stats, "balloon.current")->number, 65536);
    ck_assert_ptr_nonnull(vmgr_stats_find(stats, "cpu.time"));
    ck_assert_ptr_null(vmgr_stats_find(stats, "state.state"));
    stats = vmgr_stats_free(stats);
    FAILS(vmgr_domain_get_stats(dom, 1u << 6, VMGR_STATS_ENFORCE, &stats, &err),
          VMGR_ERR_ARGUMENT_UNSUPPORTED,
          "argument unsupported: Stats types bits 0x40 are not supported by this daemon");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("devices");
    TCase *t = tcase_create("driver");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_config);
    tcase_add_test(t, test_live);
    tcase_add_test(t, test_live_taken_back);
    tcase_add_test(t, test_medium_taken_back);
    tcase_add_test(t, test_torn);
    tcase_add_test(t, test_torn_medium);
    tcase_add_test(t, test_update_live);
    tcase_add_test(t, test_host_network);
    tcase_add_test(t, test_channel_address);
    tcase_add_test(t, test_ports);
    tcase_add_test(t, test_sizes);
    tcase_add_test(t, test_stats_period);
    tcase_add_test(t, test_iothreads);
    tcase_add_test(t, test_threshold);
    tcase_add_test(t, test_stats);
    suite_add_tcase(s, t);
    return run_suite(s);
}
