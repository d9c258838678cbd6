/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that are made: mediated ones by an mdevctl that changes a made-up tree of sysfs, virtual
 * host bus adapters by a thread that plays the kernel; refusals.
 */
#include <check.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vmgr/nodedev.h>
#include <vmgr/vmgr.h>

#include "scratch-root.h"

#define GPU   "/sys/devices/pci0000:00/0000:00:02.0"
#define HOST  "/sys/devices/pci0000:00/0000:00:05.0/host7"
#define VPORT HOST "/rport-7:0-0/host8"
#define ONE   "4b20d080-1b54-4048-85b3-a6a62d165c01"
#define OTHER "4b20d080-1b54-4048-85b3-a6a62d165c02"

/* A name that ends with '@' is a link. */
static const struct {
    const char *path, *text;
} tree[] = {
    { GPU "/class", "0x030000\n" },
    { GPU "/vendor", "0x8086\n" },
    { GPU "/device", "0x1912\n" },
    { GPU "/mdev_supported_types/small/device_api", "vfio-pci\n" },
    { "/sys/bus/pci/devices/0000:00:02.0@", "../../../devices/pci0000:00/0000:00:02.0" },
    { "/sys/bus/mdev/devices/.keep", "" },
    { "/etc/mdevctl.d/0000:00:02.0/" ONE, "{\"mdev_type\":\"small\",\"start\":\"auto\",\"attrs\":[{"
                                          "\"assign\":\"5\"},{\"x\":\"<y>\"}]}" },
    { "/etc/mdevctl.d/0000:00:09.0/" OTHER, "{\"mdev_type\":\"gone\"}" },
    /* What cannot be read is not there. */
    { "/etc/mdevctl.d/0000:00:02.0/not-a-uuid", "{\"mdev_type\":\"small\"}" },
    { "/etc/mdevctl.d/0000:00:02.0/4b20d080-1b54-4048-85b3-a6a62d165c03", "{\"mdev_type\":7}" },
    { "/etc/mdevctl.d/0000:00:02.0/4b20d080-1b54-4048-85b3-a6a62d165c04", "[[" },
    { "/etc/mdevctl.d/0000:00:02.0/4b20d080-1b54-4048-85b3-a6a62d165c05", "" },
    { "/etc/mdevctl.d/scripts.d/" ONE, "{\"mdev_type\":\"small\"}" },
    { HOST "/uevent", "DEVTYPE=scsi_host\n" },
    { HOST "/scsi_host/host7/unique_id", "3\n" },
    { HOST "/fc_host/host7/node_name", "0x2000000012341234\n" },
    { HOST "/fc_host/host7/port_name", "0x1000000012341234\n" },
    { HOST "/fc_host/host7/fabric_name", "0x2000000043214321\n" },
    { HOST "/fc_host/host7/vport_create", "" },
    { HOST "/fc_host/host7/vport_delete", "" },
    { "/sys/bus/scsi/devices/host7@", "../../../devices/pci0000:00/0000:00:05.0/host7" },
    { "/usr/bin/mdevctl",
      "#!/bin/sh\n"
      "root=${0%/usr/bin/mdevctl}\n"
      "echo \"$*\" | sed 's# /[^ ]*##' >>$root/calls\n"
      "what=$1; shift\n"
      "while [ $# -gt 0 ]; do\n"
      "    case $1 in\n"
      "    --parent) p=$2; shift ;;\n"
      "    --uuid) u=$2; shift ;;\n"
      "    --jsonfile) j=$2; shift ;;\n"
      "    --auto) a=auto ;;\n"
      "    --manual) a=manual ;;\n"
      "    esac\n"
      "    shift\n"
      "done\n"
      "config=$root/etc/mdevctl.d/$p/$u\n"
      "[ ! -e $root/refuse ] || { echo not today >&2; exit 1; }\n"
      "case $what in\n"
      "define) mkdir -p ${config%/*} && cp $j $config ;;\n"
      "undefine) rm $config ;;\n"
      "modify) sed -i 's/\"start\": *\"[a-z]*\"/\"start\":\"'$a'\"/' $config ;;\n"
      "start) mkdir $root" GPU "/$u && ln -s ../mdev_supported_types/small $root" GPU
      "/$u/mdev_type &&\n"
      "    ln -s ../../../devices/pci0000:00/0000:00:02.0/$u $root/sys/bus/mdev/devices/$u ;;\n"
      "stop) rm $root/sys/bus/mdev/devices/$u && rm -r $root" GPU "/$u ;;\n"
      "esac\n" },
};

static struct vmgr_conn *conn;

static void put(const char *path, const char *text)
{
    g_autofree char *full = g_strconcat(scratch_root, path, NULL);
    g_autofree char *dir = g_path_get_dirname(full);
    char *end = full + strlen(full) - 1;

    ck_assert_int_eq(g_mkdir_with_parents(dir, 0755), 0);
    if (*end == '@') {
        *end = '\0';
        ck_assert_int_eq(symlink(text, full), 0);
    } else {
        ck_assert(g_file_set_contents(full, text, -1, NULL));
    }
}

static struct vmgr_conn *connect_root(uint32_t flags)
{
    return scratch_connect("vemu:///session", NULL, flags);
}

static void setup(void)
{
    g_autofree char *program = NULL;

    scratch_open();
    for (size_t i = 0; i < G_N_ELEMENTS(tree); i++)
        put(tree[i].path, tree[i].text);
    program = g_strconcat(scratch_root, "/usr/bin/mdevctl", NULL);
    ck_assert_int_eq(g_chmod(program, 0755), 0);
    conn = connect_root(0);
}

static void teardown(void)
{
    conn = vmgr_conn_unref(conn);
    scratch_close();
}

static char *file(const char *path)
{
    g_autofree char *full = g_strconcat(scratch_root, path, NULL);
    char *text = NULL;

    ck_assert_msg(g_file_get_contents(full, &text, NULL, NULL), "%s", full);
    return text;
}

static void expect(int r, struct vmgr_error **err, const char *text)
{
    ck_assert_int_eq(r, -1);
    ck_assert_str_eq(vmgr_error_get_message(*err), text);
    *err = vmgr_error_free(*err);
}

static struct vmgr_nodedev *find(const char *name)
{
    struct vmgr_nodedev *dev = NULL;
    struct vmgr_error *err = NULL;

    ck_assert_msg(vmgr_nodedev_lookup_by_name(conn, name, &dev, &err) == 0, "%s",
                  err ? vmgr_error_get_message(err) : "");
    return dev;
}

static void state(struct vmgr_nodedev *dev, int active, int persistent, int autostart)
{
    ck_assert_int_eq(vmgr_nodedev_is_active(dev, NULL), active);
    ck_assert_int_eq(vmgr_nodedev_is_persistent(dev, NULL), persistent);
    ck_assert_int_eq(vmgr_nodedev_get_autostart(dev, NULL), autostart);
}

#define NAME_ONE   "mdev_4b20d080_1b54_4048_85b3_a6a62d165c01_0000_00_02_0"
#define NAME_OTHER "mdev_4b20d080_1b54_4048_85b3_a6a62d165c02_0000_00_02_0"

/* ---- mediated devices ---- */

START_TEST(test_defined)
{
    struct vmgr_nodedev *dev = find(NAME_ONE), *gone;
    struct vmgr_error *err = NULL;
    char *xml = NULL, *parent = NULL;

    ck_assert_int_eq(vmgr_nodedev_list(conn, VMGR_NODEDEV_LIST_MDEV, NULL, NULL), 2);
    ck_assert_int_eq(vmgr_nodedev_list(conn, VMGR_NODEDEV_LIST_INACTIVE, NULL, NULL), 2);
    ck_assert_int_eq(vmgr_nodedev_list(conn, VMGR_NODEDEV_LIST_ACTIVE, NULL, NULL), 3);
    state(dev, 0, 1, 1);
    ck_assert_int_eq(vmgr_nodedev_get_xml(dev, 0, &xml, NULL), 0);
    ck_assert_str_eq(xml, "<device>\n"
                          "  <name>" NAME_ONE "</name>\n"
                          "  <parent>pci_0000_00_02_0</parent>\n"
                          "  <capability type='mdev'>\n"
                          "    <type id='small'/>\n"
                          "    <uuid>" ONE "</uuid>\n"
                          "    <parent_addr>0000:00:02.0</parent_addr>\n"
                          "    <iommuGroup number='0'/>\n"
                          "    <attr name='assign' value='5'/>\n"
                          "    <attr name='x' value='&lt;y&gt;'/>\n"
                          "  </capability>\n"
                          "</device>\n");
    free(xml);
    gone = find("mdev_4b20d080_1b54_4048_85b3_a6a62d165c02_0000_00_09_0");
    ck_assert_int_eq(vmgr_nodedev_get_parent(gone, &parent, NULL), 0);
    ck_assert_str_eq(parent, "computer");
    state(gone, 0, 1, 0);
    free(parent);
    expect(vmgr_nodedev_destroy(gone, &err), &err,
           "Requested operation is not valid: Device "
           "'mdev_4b20d080_1b54_4048_85b3_a6a62d165c02_0000_00_09_0' is not active");
    vmgr_nodedev_unref(gone);
    vmgr_nodedev_unref(dev);
}
END_TEST

static void on_event(struct vmgr_conn *c, struct vmgr_nodedev *dev,
                     const struct vmgr_nodedev_event *event, void *data)
{
    (void)c;
    g_string_append_printf(data, "%s %s\n", vmgr_nodedev_get_name(dev),
                           vmgr_nodedev_event_type_name(event->type));
}

#define MDEV(parent, rest)                                                                         \
    "<device><name>x</name>" parent "<capability type='mdev'>" rest "</capability></device>"
#define ON_GPU "<parent>pci_0000_00_02_0</parent>"

START_TEST(test_life)
{
    g_autoptr(GString) events = g_string_new(NULL);
    struct vmgr_nodedev *dev = NULL;
    struct vmgr_error *err = NULL;
    g_autofree char *calls = NULL, *config = NULL;
    g_autofree char *refuse = g_strconcat(scratch_root, "/refuse", NULL);
    g_autofree char *said =
        g_strdup_printf("internal error: Unable to destroy '" NAME_OTHER "': internal error: "
                        "%s/usr/bin/mdevctl failed with status 1: not today",
                        scratch_root);

    ck_assert_int_ge(vmgr_conn_add_nodedev_event(conn, NULL, 0, on_event, events, NULL, NULL), 0);
    ck_assert_int_eq(vmgr_nodedev_define_xml(
                         conn,
                         MDEV(ON_GPU, "<type id='small'/><uuid>" OTHER "</uuid>"
                                      "<attr name='a' value='1'/><attr name='a' value='2'/>"),
                         0, &dev, NULL),
                     0);
    ck_assert_str_eq(vmgr_nodedev_get_name(dev), NAME_OTHER);
    config = file("/etc/mdevctl.d/0000:00:02.0/" OTHER);
    ck_assert_ptr_nonnull(strstr(config, "\"a\": \"1\""));
    ck_assert_ptr_nonnull(strstr(config, "\"a\": \"2\""));
    state(dev, 0, 1, 0);
    ck_assert_int_eq(vmgr_nodedev_set_autostart(dev, 1, NULL), 0);
    state(dev, 0, 1, 1);
    ck_assert_int_eq(vmgr_nodedev_set_autostart(dev, 0, NULL), 0);
    ck_assert_int_eq(vmgr_nodedev_start(dev, 0, NULL), 0);
    state(dev, 1, 1, 0);
    expect(vmgr_nodedev_start(dev, 0, &err), &err,
           "Requested operation is not valid: Device is already active");
    put("/refuse", "");
    expect(vmgr_nodedev_destroy(dev, &err), &err, said);
    ck_assert_int_eq(unlink(refuse), 0);
    ck_assert_int_eq(vmgr_nodedev_undefine(dev, 0, NULL), 0);
    state(dev, 1, 0, 0);
    expect(vmgr_nodedev_undefine(dev, 0, &err), &err,
           "Requested operation is not valid: Node device '" NAME_OTHER "' is not defined");
    expect(vmgr_nodedev_set_autostart(dev, 1, &err), &err,
           "Requested operation is not valid: cannot set autostart for transient device");
    ck_assert_int_eq(vmgr_nodedev_destroy(dev, NULL), 0);
    ck_assert_int_eq(vmgr_nodedev_is_active(dev, NULL), -1);
    vmgr_nodedev_unref(dev);

    dev = NULL; /* without a definition, and with a UUID that is made up */
    ck_assert_int_eq(
        vmgr_nodedev_create_xml(conn, MDEV(ON_GPU, "<type id='small'/>"), 0, &dev, NULL), 0);
    state(dev, 1, 0, 0);
    ck_assert_int_eq(vmgr_nodedev_destroy(dev, NULL), 0);
    vmgr_nodedev_unref(dev);

    ck_assert_int_ge(vmgr_conn_dispatch(conn, NULL), 0);
    ck_assert_str_eq(events->str, NAME_OTHER " Defined\n" NAME_OTHER " Undefined\n");
    calls = file("/calls");
    ck_assert_msg(g_str_has_prefix(calls,
                                   "define --parent 0000:00:02.0 --uuid " OTHER " --jsonfile\n"
                                   "modify --parent 0000:00:02.0 --uuid " OTHER " --auto\n"
                                   "modify --parent 0000:00:02.0 --uuid " OTHER " --manual\n"
                                   "start --parent 0000:00:02.0 --uuid " OTHER "\n"
                                   "stop --uuid " OTHER "\n"
                                   "undefine --parent 0000:00:02.0 --uuid " OTHER "\n"
                                   "stop --uuid " OTHER "\n"
                                   "start --parent 0000:00:02.0 --uuid "),
                  "%s", calls);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *xml, *create, *define;
    } cases[] = {
        { "<dev/>", "XML error: expecting root element of 'device', not 'dev'", NULL },
        { "<device/>", "internal error: no device capabilities for 'new device'", NULL },
        { "<device><capability/></device>",
          "XML error: Missing required attribute 'type' in element 'capability'", NULL },
        { "<device><capability type='foo'/></device>",
          "XML error: Invalid value for attribute 'type' in element 'capability': 'foo'.", NULL },
        { "<device><capability type='net'/></device>",
          "unsupported configuration: Unsupported device type", NULL },
        { "<device><capability type='scsi_host'/></device>",
          "internal error: Device is not a fibre channel HBA",
          "unsupported configuration: Unsupported device type" },
        { "<device><capability type='scsi_host'><capability type='x'/></capability></device>",
          "internal error: unknown SCSI host capability type 'x' for 'new device'", NULL },
        { MDEV("", ""), "unsupported configuration: missing type id attribute for 'x'", NULL },
        { MDEV("", "<type id='small'/><uuid>zz</uuid>"),
          "internal error: Invalid uuid 'zz' for new mdev device", NULL },
        { MDEV("", "<type id='small'/><attr name='a'/>"),
          "XML error: mdev attribute missing name or value", NULL },
        { MDEV("", "<type id='small'/>"), "unsupported configuration: missing parent device",
          NULL },
        { MDEV("<parent>nope</parent>", "<type id='small'/>"),
          "unsupported configuration: invalid parent device 'nope'", NULL },
        { MDEV("<parent>computer</parent>", "<type id='small'/>"),
          "unsupported configuration: Unable to find address for parent device 'computer'", NULL },
        { MDEV("<parent wwnn='1'/>", "<type id='small'/>"),
          "XML error: when providing parent wwnn='1', the wwpn must also be provided", NULL },
        { MDEV("<parent wwpn='1'/>", "<type id='small'/>"),
          "XML error: when providing parent wwpn='1', the wwnn must also be provided", NULL },
    };
    struct vmgr_nodedev *dev = find("computer"), *none = NULL;
    struct vmgr_conn *reader = connect_root(VMGR_CONN_RO);
    struct vmgr_error *err = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        expect(vmgr_nodedev_create_xml(conn, cases[i].xml, 0, NULL, &err), &err, cases[i].create);
        expect(vmgr_nodedev_define_xml(conn, cases[i].xml, 0, NULL, &err), &err,
               cases[i].define ? cases[i].define : cases[i].create);
    }
    ck_assert_int_eq(vmgr_nodedev_create_xml(conn, NULL, 0, NULL, NULL), -1);
    ck_assert_int_eq(vmgr_nodedev_create_xml(conn, "<device/>", 1u << 5, NULL, NULL), -1);
    expect(vmgr_nodedev_define_xml(conn, "<device/>", VMGR_NODEDEV_VALIDATE, NULL, &err), &err,
           "argument unsupported: validation against a schema is not available");
    expect(vmgr_nodedev_create_xml(reader, "<device/>", 0, NULL, &err), &err,
           "operation forbidden: read only access prevents virNodeDeviceCreateXML");
    expect(vmgr_nodedev_destroy(dev, &err), &err,
           "unsupported configuration: Unsupported device type");
    expect(vmgr_nodedev_undefine(dev, 0, &err), &err,
           "unsupported configuration: Unsupported device type");
    expect(vmgr_nodedev_set_autostart(dev, 1, &err), &err,
           "Operation not supported: Unsupported device type");
    expect(vmgr_nodedev_start(dev, 0, &err), &err,
           "Requested operation is not valid: Device is already active");
    expect(vmgr_nodedev_lookup_scsi_host_by_wwn(conn, "2000000012341234", "1", 0, &none, &err),
           &err,
           "Node device not found: no node device with matching wwnn '2000000012341234' and wwpn "
           "'1'");
    ck_assert_int_eq(vmgr_nodedev_lookup_scsi_host_by_wwn(conn, "2000000012341234",
                                                          "1000000012341234", 0, &none, NULL),
                     0);
    ck_assert_str_eq(vmgr_nodedev_get_name(none), "scsi_host7");
    vmgr_nodedev_unref(none);
    vmgr_conn_unref(reader);
    vmgr_nodedev_unref(dev);
}
END_TEST

START_TEST(test_no_program)
{
    struct vmgr_error *err = NULL;
    g_autofree char *program = g_strconcat(scratch_root, "/usr/bin/mdevctl", NULL);
    g_autofree char *text = g_strdup_printf(
        "internal error: Unable to define mediated device: unsupported configuration: the program "
        "'%s' is not installed (package mdevctl)",
        program);

    ck_assert_int_eq(unlink(program), 0);
    expect(vmgr_nodedev_define_xml(conn, MDEV(ON_GPU, "<type id='small'/>"), 0, NULL, &err), &err,
           text);
}
END_TEST

/* ---- virtual host bus adapters ---- */

#define FC(parent, wwns)                                                                           \
    "<device>" parent "<capability type='scsi_host'><capability type='fc_host'>" wwns              \
    "</capability></capability></device>"
#define WWNS "<wwnn>2000000012349999</wwnn><wwpn>1000000012349999</wwpn>"

/* The kernel: a host for what is written. */
static gpointer serve(gpointer data)
{
    for (int i = 0; i < 1000; i++) {
        g_autofree char *words = file(HOST "/fc_host/host7/vport_create");

        if (strlen(words) == 33) {
            g_autofree char *wwpn = g_strdup_printf("0x%.16s\n", words);
            g_autofree char *wwnn = g_strdup_printf("0x%s\n", words + 17);

            put(VPORT "/uevent", "DEVTYPE=scsi_host\n");
            put(VPORT "/fc_host/host8/node_name", wwnn);
            put(VPORT "/fc_host/host8/port_name", wwpn);
            put("/sys/bus/scsi/devices/host8@",
                "../../../devices/pci0000:00/0000:00:05.0/host7/rport-7:0-0/host8");
            return data;
        }
        g_usleep(10000);
    }
    return NULL;
}

START_TEST(test_vhba)
{
    static const char *const parents[] = {
        "",
        "<parent>scsi_host7</parent>",
        "<parent wwnn='2000000012341234' wwpn='1000000012341234'/>",
        "<parent fabric_wwn='2000000043214321'/>",
    };
    g_autofree char *xml = g_strdup_printf(FC("%s", WWNS), parents[_i]);
    GThread *kernel = g_thread_new("kernel", serve, conn);
    struct vmgr_nodedev *dev = NULL;
    g_autofree char *created = NULL, *deleted = NULL;

    ck_assert_int_eq(vmgr_nodedev_create_xml(conn, xml, 0, &dev, NULL), 0);
    ck_assert_ptr_eq(g_thread_join(kernel), conn);
    ck_assert_str_eq(vmgr_nodedev_get_name(dev), "scsi_host8");
    created = file(HOST "/fc_host/host7/vport_create");
    ck_assert_str_eq(created, "1000000012349999:2000000012349999");
    state(dev, 1, 0, 0);
    ck_assert_int_eq(vmgr_nodedev_destroy(dev, NULL), 0);
    deleted = file(HOST "/fc_host/host7/vport_delete");
    ck_assert_str_eq(deleted, "1000000012349999:2000000012349999");
    vmgr_nodedev_unref(dev);
}
END_TEST

/* Names that nobody gave are of the form that switches take. */
START_TEST(test_vhba_names)
{
    GThread *kernel = g_thread_new("kernel", serve, conn);
    g_autofree char *created = NULL;

    ck_assert_int_eq(vmgr_nodedev_create_xml(conn, FC("", ""), 0, NULL, NULL), 0);
    g_thread_join(kernel);
    created = file(HOST "/fc_host/host7/vport_create");
    ck_assert_int_eq(strlen(created), 33);
    ck_assert(g_str_has_prefix(created, "5001a4a") && g_str_has_prefix(created + 17, "5001a4a"));
    ck_assert_int_ne(strncmp(created, created + 17, 16), 0);
}
END_TEST

START_TEST(test_vhba_refused)
{
    struct vmgr_nodedev *host = find("scsi_host7");
    struct vmgr_error *err = NULL;
    g_autofree char *create = g_strconcat(scratch_root, HOST "/fc_host/host7/vport_create", NULL);

    expect(vmgr_nodedev_create_xml(conn, FC("<parent>nope</parent>", WWNS), 0, NULL, &err), &err,
           "internal error: Could not find parent device for 'new device'");
    expect(vmgr_nodedev_create_xml(conn, FC("<parent>computer</parent>", WWNS), 0, NULL, &err),
           &err, "internal error: Parent device computer is not capable of vport operations");
    expect(vmgr_nodedev_create_xml(conn, FC("<parent wwnn='1' wwpn='2'/>", WWNS), 0, NULL, &err),
           &err, "internal error: Could not find parent device for 'new device'");
    expect(vmgr_nodedev_create_xml(conn, FC("", "<wwnn>200000001234999g</wwnn>"), 0, NULL, &err),
           &err, "internal error: Malformed wwn: 200000001234999g");
    expect(vmgr_nodedev_destroy(host, &err), &err,
           "internal error: Parent device computer is not capable of vport operations");
    ck_assert_int_eq(unlink(create), 0);
    expect(vmgr_nodedev_create_xml(conn, FC("", WWNS), 0, NULL, &err), &err,
           "internal error: Could not find any vport capable device");
    vmgr_nodedev_unref(host);
}
END_TEST

/* ---- the test driver ---- */

START_TEST(test_driver)
{
    struct vmgr_nodedev *dev = NULL;
    struct vmgr_conn *test = NULL;
    struct vmgr_error *err = NULL;
    char *xml = NULL;

    ck_assert_int_eq(vmgr_conn_open("test:///default", 0, &test, NULL), 0);
    expect(vmgr_nodedev_create_xml(test, FC("", ""), 0, NULL, &err), &err,
           "internal error: no WWNN supplied for 'new device', and auto-generation failed");
    for (int i = 0; i < 2; i++) { /* the second takes the place of the first */
        vmgr_nodedev_unref(dev);
        ck_assert_int_eq(vmgr_nodedev_create_xml(test, FC("", WWNS), 0, &dev, NULL), 0);
    }
    ck_assert_int_eq(vmgr_nodedev_list(test, 0, NULL, NULL), 5);
    ck_assert_int_eq(vmgr_nodedev_get_xml(dev, 0, &xml, NULL), 0);
    ck_assert_ptr_nonnull(strstr(xml, "<wwnn>2000000012349999</wwnn>"));
    free(xml);
    ck_assert_int_eq(vmgr_nodedev_destroy(dev, NULL), 0);
    expect(vmgr_nodedev_destroy(dev, &err), &err,
           "Node device not found: no node device with matching name 'scsi_host12'");
    expect(vmgr_nodedev_start(dev, 0, &err), &err,
           "this function is not supported by the connection driver: virNodeDeviceCreate");
    vmgr_nodedev_unref(dev);
    vmgr_conn_unref(test);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("devices that are made");
    TCase *tc = tcase_create("all");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_defined);
    tcase_add_test(tc, test_life);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_no_program);
    tcase_add_loop_test(tc, test_vhba, 0, 4);
    tcase_add_test(tc, test_vhba_names);
    tcase_add_test(tc, test_vhba_refused);
    tcase_add_test(tc, test_driver);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
