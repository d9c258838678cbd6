/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands that add and remove: devices, block nodes, networks, character back-ends.
 */
#include "../devices/suite.h"
#include "client.h"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RP2 (3u << 3)

static struct client c;
static char image[] = "/tmp/test-monitor-XXXXXX";

static void setup(void)
{
    int fd = mkstemp(image);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
    close(fd);
    client_init(&c);
}

static void teardown(void)
{
    client_fini(&c);
    unlink(image);
}

static unsigned slot_register(unsigned offset)
{
    unsigned at_cap = board_config_read(&c.board, RP2, PCI_CAPABILITY_LIST, 1);

    while (board_config_read(&c.board, RP2, at_cap, 1) != PCI_CAP_ID_EXP)
        at_cap = board_config_read(&c.board, RP2, at_cap + 1, 1);
    return at_cap + offset;
}

/* The guest's half of plugging and unplugging: power of rp2's slot. */
static void slot_control(uint16_t value)
{
    board_config_write(&c.board, RP2, slot_register(PCI_EXP_SLTCTL), 2, value);
}

/* Whether the button was pressed since the last time. */
static bool slot_pressed(void)
{
    const unsigned status = slot_register(PCI_EXP_SLTSTA);
    const bool pressed = board_config_read(&c.board, RP2, status, 2) & PCI_EXP_SLTSTA_ABP;

    board_config_write(&c.board, RP2, status, 2, PCI_EXP_SLTSTA_ABP);
    return pressed;
}

#define SLOT_ON    (PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_ATTN_IND_OFF)
#define SLOT_BLINK (PCI_EXP_SLTCTL_PWR_IND_BLINK | PCI_EXP_SLTCTL_ATTN_IND_OFF)
#define SLOT_OFF   (PCI_EXP_SLTCTL_PWR_IND_OFF | PCI_EXP_SLTCTL_ATTN_IND_OFF | PCI_EXP_SLTCTL_PCC)

START_TEST(test_device)
{
    setup();
    client_fails(&c, "device_add", "GenericError", "'driver' is missing", "{}");
    client_fails(&c, "device_add", "GenericError", "'no-such' is not known",
                 "{'driver':'no-such'}");
    client_fails(&c, "device_add", "GenericError", "no property 'x'",
                 "{'driver':'virtio-rng-pci','bus':'rp2','x':1}");
    client_fails(&c, "device_add", "GenericError", "a type no property has",
                 "{'driver':'virtio-rng-pci','bus':'rp2','addr':[]}");
    client_fails(&c, "device_add", "GenericError", "no PCI bus 'rp9'",
                 "{'driver':'virtio-rng-pci','bus':'rp9'}");
    client_fails(&c, "device_add", "GenericError", "already a device 'rng'",
                 "{'driver':'virtio-rng-pci','bus':'rp2','id':'rng'}");
    client_fails(&c, "device_add", "GenericError", "the machine is realized",
                 "{'driver':'isa-serial'}");
    client_fails(&c, "device_del", "DeviceNotFound", "Device 'x' not found", "{'id':'x'}");
    client_fails(&c, "device_del", "GenericError", "cannot be unplugged", "{'id':'rng'}");
    client_ok(&c, "device_add",
              "{'driver':'virtio-rng-pci','bus':'rp2','id':'r','max-bytes':1024}");

    /* The guest never switched the slot on: nobody to ask. */
    client_ok(&c, "device_del", "{'id':'/machine/peripheral/r'}");
    ck_assert_str_eq(string_at(client_event(&c, "DEVICE_DELETED"), "device"), "r");

    /* Asked once; a second press would call it off. */
    client_ok(&c, "device_add", "{'driver':'virtio-rng-pci','bus':'rp2','id':'r'}");
    slot_control(SLOT_ON);
    client_ok(&c, "device_del", "{'id':'r'}");
    client_fails(&c, "device_del", "GenericError", "already in the process of unplug",
                 "{'id':'r'}");
    slot_control(SLOT_BLINK);
    slot_control(SLOT_OFF);
    ck_assert_str_eq(string_at(client_event(&c, "DEVICE_DELETED"), "path"),
                     "/machine/peripheral/r");
    client_fails(&c, "device_del", "DeviceNotFound", "not found", "{'id':'r'}");

    /* The guest is at it by itself. */
    client_ok(&c, "device_add", "{'driver':'virtio-rng-pci','bus':'rp2','id':'r'}");
    slot_control(SLOT_BLINK);
    client_fails(&c, "device_del", "GenericError", "busy", "{'id':'r'}");
    slot_control(SLOT_ON);
    client_ok(&c, "device_del", "{'id':'r','force':true}");
    ck_assert_str_eq(string_at(client_event(&c, "DEVICE_DELETED"), "device"), "r");
    client_fails(&c, "device_del", "GenericError", "cannot be unplugged",
                 "{'id':'f','force':true}");
    teardown();
}
END_TEST

/* A guest that finds a device by its presence takes the press that came with it for a wish to
 * remove it. That is called off, once. */
START_TEST(test_press)
{
    setup();
    client_ok(&c, "device_add", "{'driver':'virtio-rng-pci','bus':'rp2','id':'r'}");
    ck_assert(slot_pressed());
    slot_control(SLOT_BLINK | PCI_EXP_SLTCTL_PCC);
    slot_control(SLOT_BLINK); /* on its way to be on */
    ck_assert(!slot_pressed());
    slot_control(SLOT_ON);
    ck_assert(!slot_pressed());
    slot_control(SLOT_BLINK);
    ck_assert(slot_pressed());
    slot_control(SLOT_ON);
    slot_control(SLOT_BLINK);
    ck_assert(!slot_pressed());
    slot_control(SLOT_ON);
    /* One that was asked for is not. */
    client_ok(&c, "device_del", "{'id':'r','force':true}");
    client_event(&c, "DEVICE_DELETED");
    client_ok(&c, "device_add", "{'driver':'virtio-rng-pci','bus':'rp2','id':'r'}");
    slot_control(SLOT_ON);
    slot_pressed();
    client_ok(&c, "device_del", "{'id':'r'}");
    ck_assert(slot_pressed());
    slot_control(SLOT_BLINK);
    ck_assert(!slot_pressed());
    slot_control(SLOT_OFF);
    client_event(&c, "DEVICE_DELETED");
    teardown();
}
END_TEST

START_TEST(test_block)
{
    struct json_object *o;
    struct stat st;

    setup();
    client_fails(&c, "blockdev-add", "GenericError", "'driver' is missing", "{'node-name':'d'}");
    client_fails(&c, "blockdev-add", "GenericError", "'gluster' is not known",
                 "{'driver':'gluster','node-name':'d'}");
    client_fails(&c, "blockdev-add", "GenericError", "cannot open '/nonexistent'",
                 "{'driver':'file','node-name':'d','filename':'/nonexistent'}");
    client_fails(&c, "blockdev-add", "GenericError", "no property 'size'",
                 "{'driver':'raw','node-name':'d','file':{'driver':'file','filename':'%s',"
                 "'size':1}}",
                 image);
    client_fails(&c, "blockdev-add", "GenericError", "offset and size",
                 "{'driver':'raw','node-name':'d','offset':1,'file':{'driver':'file',"
                 "'filename':'%s'}}",
                 image);
    o = client_ok(&c, "query-named-block-nodes", NULL);
    ck_assert_uint_eq(json_object_array_length(o), 0); /* the inner node went again */

    client_ok(&c, "blockdev-add",
              "{'driver':'raw','node-name':'d','file':{'driver':'file','filename':'%s',"
              "'cache':{'no-flush':true}}}",
              image);
    client_fails(&c, "blockdev-add", "GenericError", "already a drive 'd'",
                 "{'driver':'file','node-name':'d','filename':'%s'}", image);
    client_fails(&c, "blockdev-del", "GenericError", "not owned by the monitor",
                 "{'node-name':'d.file'}");
    ck_assert_uint_eq(json_object_array_length(client_ok(&c, "query-block", NULL)), 0);
    client_ok(&c, "device_add", "{'driver':'virtio-blk-pci','bus':'rp2','id':'v','drive':'d'}");
    o = client_ok(&c, "query-block", NULL);
    ck_assert_str_eq(string_at(o, "0.device"), "d");
    ck_assert_str_eq(string_at(o, "0.qdev"), "/machine/peripheral/v");
    ck_assert_str_eq(string_at(o, "0.inserted.file"), image);
    ck_assert_str_eq(string_at(o, "0.inserted.image.format"), "raw");
    ck_assert_int_eq(int_at(o, "0.inserted.image.virtual-size"), 1 << 20);
    ck_assert(json_object_get_boolean(at(o, "0.inserted.cache.no-flush")));
    o = client_ok(&c, "query-blockstats", NULL);
    ck_assert_int_eq(int_at(o, "0.stats.rd_operations"), 0);
    ck_assert_str_eq(string_at(o, "0.node-name"), "d");

    client_fails(&c, "blockdev-del", "GenericError", "in use by 'v'", "{'node-name':'d'}");
    client_fails(&c, "block_resize", "GenericError", "'node-name' is missing", "{'size':512}");
    client_fails(&c, "block_resize", "GenericError", "exclude each other",
                 "{'size':512,'device':'d','node-name':'d'}");
    client_fails(&c, "block_resize", "DeviceNotFound", "Device 'x' not found",
                 "{'size':512,'device':'x'}");
    client_fails(&c, "block_resize", "GenericError", "Cannot find device",
                 "{'size':512,'node-name':'x'}");
    client_fails(&c, "block_resize", "GenericError", "expects a >0 size",
                 "{'size':-512,'node-name':'d'}");
    client_fails(&c, "block_resize", "GenericError", "multiple of 512", "{'size':1,'device':'d'}");
    client_fails(&c, "block_resize", "GenericError", "resize that",
                 "{'size':512,'node-name':'d.file'}");
    client_ok(&c, "block_resize", "{'size':2097152,'device':'v'}");
    ck_assert_int_eq(stat(image, &st), 0);
    ck_assert_int_eq(st.st_size, 2 << 20);

    client_ok(&c, "device_del", "{'id':'v'}");
    client_event(&c, "DEVICE_DELETED");
    client_ok(&c, "blockdev-del", "{'node-name':'d'}");
    client_fails(&c, "blockdev-del", "GenericError", "Failed to find node", "{'node-name':'d'}");
    o = client_ok(&c, "query-named-block-nodes", "{'flat':true}");
    ck_assert_uint_eq(json_object_array_length(o), 0);
    teardown();
}
END_TEST

START_TEST(test_net)
{
    struct json_object *o;

    setup();
    client_fails(&c, "netdev_add", "GenericError", "'id' is missing", "{'type':'user'}");
    client_fails(&c, "netdev_add", "GenericError", "'vde' is not known", "{'type':'vde','id':'n'}");
    client_fails(&c, "netdev_add", "GenericError", "no property 'x'",
                 "{'type':'user','id':'n','x':1}");
    client_fails(&c, "netdev_add", "GenericError", "'hostfwd[0]', expected: string",
                 "{'type':'user','id':'n','hostfwd':[5]}");
    client_ok(&c, "netdev_add", "{'type':'stream','id':'n','path':'%s.sock','server':true}", image);
    client_fails(&c, "netdev_add", "GenericError", "already a netdev 'n'",
                 "{'type':'stream','id':'n','path':'%s.2','server':true}", image);
    client_ok(&c, "device_add",
              "{'driver':'virtio-net-pci','bus':'rp2','id':'e','netdev':'n',"
              "'mac':'52:54:00:00:00:07'}");
    o = client_ok(&c, "query-rx-filter", NULL);
    ck_assert_str_eq(string_at(o, "0.main-mac"), "52:54:00:00:00:07");
    ck_assert(json_object_get_boolean(at(o, "0.promiscuous")));
    ck_assert_str_eq(string_at(o, "0.vlan"), "all");
    o = client_ok(&c, "query-rx-filter", "{'name':'e'}");
    ck_assert_uint_eq(json_object_array_length(o), 1);
    client_fails(&c, "query-rx-filter", "DeviceNotFound", "'x' not found", "{'name':'x'}");
    client_fails(&c, "query-rx-filter", "GenericError", "rx-filter", "{'name':'rng'}");
    client_ok(&c, "set_link", "{'name':'e','up':false}");
    client_ok(&c, "set_link", "{'name':'n','up':true}");
    client_fails(&c, "set_link", "DeviceNotFound", "'rng' not found", "{'name':'rng','up':true}");
    client_fails(&c, "set_link", "GenericError", "'up' is missing", "{'name':'n'}");
    client_fails(&c, "netdev_del", "GenericError", "in use by 'e'", "{'id':'n'}");
    client_ok(&c, "device_del", "{'id':'e'}");
    client_event(&c, "DEVICE_DELETED");
    client_ok(&c, "netdev_del", "{'id':'n'}");
    client_fails(&c, "netdev_del", "DeviceNotFound", "Device 'n' not found", "{'id':'n'}");
    teardown();
}
END_TEST

static void add_chardev(const char *id, const char *backend)
{
    client_ok(&c, "chardev-add", "{'id':'%s','backend':%s}", id, backend);
}

START_TEST(test_chardev)
{
    struct json_object *o;
    g_autofree char *socket = NULL;

    setup();
    o = client_ok(&c, "chardev-add", "{'id':'p','backend':{'type':'pty','data':{}}}");
    ck_assert_int_eq(strncmp(string_at(o, "pty"), "/dev/pts/", 9), 0);
    add_chardev("n", "{'type':'null','data':{}}");
    add_chardev("r", "{'type':'ringbuf','data':{'size':4096}}");
    client_ok(&c, "chardev-add", "{'id':'f','backend':{'type':'file','data':{'out':'%s'}}}", image);
    socket = g_strdup_printf("{'type':'socket','data':{'addr':{'type':'unix','data':"
                             "{'path':'%s.sock'}}}}",
                             image);
    add_chardev("s", socket);
    add_chardev("t", "{'type':'socket','data':{'addr':{'type':'inet','data':{'host':'127.0.0.1',"
                     "'port':'0'}}}}");
    add_chardev("u", "{'type':'udp','data':{'remote':{'type':'inet','data':{'host':'127.0.0.1',"
                     "'port':'9'}},'local':{'type':'inet','data':{'host':'127.0.0.1','port':'0'}},"
                     "'logfile':'/dev/null','logappend':true}}");
    client_fails(&c, "chardev-add", "GenericError", "already exists",
                 "{'id':'n','backend':{'type':'null','data':{}}}");
    client_fails(&c, "chardev-add", "GenericError", "does not accept value 'vc'",
                 "{'id':'x','backend':{'type':'vc','data':{}}}");
    client_fails(&c, "chardev-add", "GenericError", "'backend.data' is missing",
                 "{'id':'x','backend':{'type':'null'}}");
    client_fails(&c, "chardev-add", "GenericError", "'backend.data.y' is unexpected",
                 "{'id':'x','backend':{'type':'null','data':{'y':1}}}");
    client_fails(&c, "chardev-add", "GenericError", "'vsock' is not supported",
                 "{'id':'x','backend':{'type':'socket','data':{'addr':{'type':'vsock',"
                 "'data':{}}}}}");
    client_fails(&c, "chardev-add", "GenericError", "addr.data.port' is missing",
                 "{'id':'x','backend':{'type':'socket','data':{'addr':{'type':'inet',"
                 "'data':{'host':'127.0.0.1'}}}}}");
    client_fails(&c, "chardev-add", "GenericError", "remote.data.port' is missing",
                 "{'id':'x','backend':{'type':'udp','data':{'remote':{'type':'inet',"
                 "'data':{'host':'127.0.0.1'}}}}}");
    client_fails(&c, "chardev-add", "GenericError", "'unix' is not supported (inet)",
                 "{'id':'x','backend':{'type':'udp','data':{'remote':{'type':'unix',"
                 "'data':{'host':'a','port':'1'}}}}}");
    client_fails(&c, "chardev-add", "GenericError", "not a terminal",
                 "{'id':'x','backend':{'type':'serial','data':{'device':'/dev/null'}}}");
    client_fails(&c, "chardev-add", "GenericError", "/nonexistent/x.in",
                 "{'id':'x','backend':{'type':'pipe','data':{'device':'/nonexistent/x'}}}");
    client_fails(&c, "chardev-add", "GenericError", "cannot open log '/nonexistent/x'",
                 "{'id':'x','backend':{'type':'null','data':{'logfile':'/nonexistent/x'}}}");
    client_fails(&c, "chardev-add", "GenericError", "wait must be false",
                 "{'id':'x','backend':{'type':'socket','data':{'wait':true,'addr':{'type':'unix',"
                 "'data':{'path':'/nonexistent/x'}}}}}");
    client_fails(&c, "chardev-add", "GenericError", "addr.data.path' is missing",
                 "{'id':'x','backend':{'type':'socket','data':{'addr':{'type':'unix',"
                 "'data':{}}}}}");
    o = client_ok(&c, "query-chardev", NULL);
    ck_assert_uint_eq(json_object_array_length(o), 8); /* the monitor's own too */
    client_ok(&c, "query-chardev-backends", NULL);
    client_fails(&c, "chardev-remove", "GenericError", "'qmp' is in use", "{'id':'qmp'}");
    client_fails(&c, "chardev-remove", "GenericError", "Chardev 'x' not found", "{'id':'x'}");
    for (const char *id = "pnrfstu"; *id; id++)
        client_ok(&c, "chardev-remove", "{'id':'%c'}", *id);
    o = client_ok(&c, "query-chardev", NULL);
    ck_assert_uint_eq(json_object_array_length(o), 1);
    ck_assert_int_eq(access(socket, F_OK), -1);
    teardown();
}
END_TEST

/* A command with descriptors of /dev/null beside it. */
static void send_with(const char *line, unsigned count)
{
    int fds[8];

    for (unsigned i = 0; i < count; i++)
        ck_assert_int_ge(fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC), 0);
    client_send(&c, line, fds, count);
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

/* Descriptors of /dev/null that this process has. */
static unsigned count_null(void)
{
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    const char *name;
    unsigned n = 0;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%s", name);
        g_autofree char *to = g_file_read_link(path, NULL);

        n += g_strcmp0(to, "/dev/null") == 0;
    }
    g_dir_close(dir);
    return n;
}

START_TEST(test_descriptor)
{
    unsigned before;

    setup();
    before = count_null();
    client_fails(&c, "getfd", "GenericError", "No file descriptor supplied", "{'fdname':'a'}");
    client_fails(&c, "closefd", "GenericError", "named 'a' has not been found", "{'fdname':'a'}");
    send_with(" ", 1);
    client_fails(&c, "getfd", "GenericError", "not starting with a digit", "{'fdname':'1'}");
    ck_assert_uint_eq(count_null(), before + 1);
    send_with(" ", 3); /* one is kept, and takes the place of that which got no name */
    client_ok(&c, "getfd", "{'fdname':'a'}");
    ck_assert_uint_eq(count_null(), before + 1);
    send_with(" ", 1);
    client_ok(&c, "getfd", "{'fdname':'b'}");
    client_fails(&c, "getfd", "GenericError", "No file descriptor supplied", "{'fdname':'c'}");
    client_fails(&c, "netdev_add", "GenericError", "named 'x' has not been found",
                 "{'type':'tap','id':'n','fd':'x'}");
    client_fails(&c, "netdev_add", "GenericError", "named 'x' has not been found",
                 "{'type':'stream','id':'n','fd':'x'}");
    /* What is no tap interface is refused, and used up. */
    client_fails(&c, "netdev_add", "GenericError", "is not that of a tap interface",
                 "{'type':'tap','id':'n','fd':'a'}");
    client_fails(&c, "closefd", "GenericError", "named 'a' has not been found", "{'fdname':'a'}");
    ck_assert_uint_eq(count_null(), before + 1);
    client_fails(&c, "netdev_add", "GenericError", "Socket operation on non-socket",
                 "{'type':'stream','id':'n','fd':'b'}");
    client_fails(&c, "closefd", "GenericError", "named 'b' has not been found", "{'fdname':'b'}");
    ck_assert_uint_eq(count_null(), before);
    send_with(" ", 1);
    client_ok(&c, "getfd", "{'fdname':'b'}");
    client_ok(&c, "closefd", "{'fdname':'b'}");
    ck_assert_uint_eq(count_null(), before);
    /* The rest goes with the session. */
    send_with(" ", 1);
    client_ok(&c, "getfd", "{'fdname':'a'}");
    send_with(" ", 1);
    client_ok(&c, "query-name", NULL);
    ck_assert_uint_eq(count_null(), before + 2);
    teardown();
    ck_assert_uint_eq(count_null(), before);
}
END_TEST

SUITE_MAIN("hot-plug by QMP", test_device, test_press, test_block, test_net, test_chardev,
           test_descriptor)
