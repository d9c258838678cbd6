/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Node devices: a recorded tree of sysfs, the test driver, refusals. */
#include <check.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vmgr/interface.h>
#include <vmgr/nodedev.h>
#include <vmgr/vmgr.h>

#define PCI  "/sys/devices/pci0000:00"
#define NIC  PCI "/0000:00:1c.0/0000:01:00.0"
#define DISK PCI "/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0"
#define HUB  PCI "/0000:00:14.0/usb1"
#define FC   PCI "/0000:00:05.0/host7"

static const uint8_t bridge_config[128] = {
    [0x06] = 0x10, [0x0e] = 0x01, [0x34] = 0x40, [0x40] = 0x01, [0x41] = 0x50, [0x50] = 0x10,
    [0x52] = 0x42, [0x5c] = 0x13, [0x5d] = 0x0c, [0x5f] = 0x05, [0x62] = 0x12, [0x63] = 0x10,
};
/* Capabilities that go round in a circle. */
static const uint8_t hostile_config[64 + 8] = {
    [0x06] = 0x10, [0x34] = 0x40, [0x40] = 1, [0x41] = 0x40
};

/* A name that ends with '@' is a link. */
static const struct {
    const char *path, *text;
} tree[] = {
    { "/usr/share/misc/pci.ids",
      "# names\n8086  Intel Corporation\n\t10c9  82576 Gigabit\n\t\t1234 0001  sub\n"
      "8087  Another\n\t9c10  not this\n" },
    { PCI "/0000:00:1c.0/class", "0x060400\n" },
    { PCI "/0000:00:1c.0/vendor", "0x8086\n" },
    { PCI "/0000:00:1c.0/device", "0x9c10\n" },
    { PCI "/0000:00:1c.0/numa_node", "-1\n" },
    { PCI "/0000:00:1c.0/driver@", "../../../bus/pci/drivers/pcieport" },
    { "/sys/bus/pci/devices/0000:00:1c.0@", "../../../devices/pci0000:00/0000:00:1c.0" },
    { NIC "/class", "0x020000\n" },
    { NIC "/vendor", "0x8086\n" },
    { NIC "/device", "0x10c9\n" },
    { NIC "/numa_node", "0\n" },
    { NIC "/sriov_totalvfs", "7\n" },
    { NIC "/virtfn0@", "../0000:01:10.0" },
    { NIC "/iommu_group@", "../../../../kernel/iommu_groups/12" },
    { "/sys/kernel/iommu_groups/12/devices/0000:01:00.0", "" },
    { NIC "/driver_override", "(null)\n" },
    { NIC "/mdev_supported_types/i915-GVTg_V5_4/name", "GVTg_V5_4\n" },
    { NIC "/mdev_supported_types/i915-GVTg_V5_4/device_api", "vfio-pci\n" },
    { NIC "/mdev_supported_types/i915-GVTg_V5_4/available_instances", "2\n" },
    { "/sys/bus/pci/devices/0000:01:00.0@",
      "../../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0" },
    { "/sys/bus/pci/drivers_probe", "" },
    { NIC "/net/eth9/uevent", "INTERFACE=eth9\nIFINDEX=9\n" },
    { NIC "/net/eth9/address", "52:54:00:12:34:56\n" },
    { NIC "/net/eth9/operstate", "up\n" },
    { NIC "/net/eth9/speed", "1000\n" },
    { "/sys/class/net/eth9@", "../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0/net/eth9" },
    { "/sys/devices/virtual/net/br9/uevent", "DEVTYPE=bridge\nINTERFACE=br9\n" },
    { "/sys/class/net/br9@", "../../devices/virtual/net/br9" },
    { "/sys/devices/virtual/net/eth9.5/uevent", "DEVTYPE=vlan\nINTERFACE=eth9.5\n" },
    { "/sys/devices/virtual/net/eth9.5/mtu", "1500\n" },
    { "/sys/class/net/eth9.5@", "../../devices/virtual/net/eth9.5" },
    { "/proc/net/vlan/eth9.5",
      "eth9.5  VID: 5\t REORDER_HDR: 1  dev->priv_flags: 1\nDevice: eth9\nINGRESS\n" },
    { "/sys/devices/virtual/net/bond9/uevent", "DEVTYPE=bond\n" },
    { "/sys/devices/virtual/net/bond9/bonding/mode", "active-backup 1\n" },
    { "/sys/devices/virtual/net/bond9/bonding/miimon", "100\n" },
    { "/sys/devices/virtual/net/bond9/bonding/slaves", "eth9\n" },
    { "/sys/class/net/bond9@", "../../devices/virtual/net/bond9" },
    { "/sys/devices/virtual/net/vnet9/tun_flags", "0x1002\n" },
    { "/sys/devices/virtual/net/vnet9/uevent", "DEVTYPE=tap\n" },
    { "/sys/class/net/vnet9@", "../../devices/virtual/net/vnet9" },
    { "/sys/class/net/bonding_masters", "bond9\n" },
    { "/sys/class/net/out@", "/etc" },
    { "/sys/class/net/nothing@", "../../devices/gone" },
    { PCI "/0000:00:1f.2/class", "0x010601\n" },
    { PCI "/0000:00:1f.2/vendor", "0x1022\n" },
    { PCI "/0000:00:1f.2/device", "0x7901\n" },
    { "/sys/bus/pci/devices/0000:00:1f.2@", "../../../devices/pci0000:00/0000:00:1f.2" },
    { PCI "/0000:00:1f.2/ata1/host0/uevent", "DEVTYPE=scsi_host\n" },
    { PCI "/0000:00:1f.2/ata1/host0/scsi_host/host0/unique_id", "1\n" },
    { "/sys/bus/scsi/devices/host0@", "../../../devices/pci0000:00/0000:00:1f.2/ata1/host0" },
    { PCI "/0000:00:1f.2/ata1/host0/target0:0:0/uevent", "DEVTYPE=scsi_target\n" },
    { "/sys/bus/scsi/devices/target0:0:0@",
      "../../../devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0" },
    { DISK "/uevent", "DEVTYPE=scsi_device\nDRIVER=sd\n" },
    { DISK "/type", "0\n" },
    { DISK "/vendor", "ATA     \n" },
    { DISK "/model", "Samsung SSD 850\n" },
    { DISK "/driver@", "../../../../../../../bus/scsi/drivers/sd" },
    { "/sys/bus/scsi/devices/0:0:0:0@",
      "../../../devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0" },
    { DISK "/block/sda/uevent", "MAJOR=8\nMINOR=0\nDEVNAME=sda\nDEVTYPE=disk\n" },
    { DISK "/block/sda/subsystem@", "../../../../../../../../../class/block" },
    { DISK "/block/sda/device@", "../../../0:0:0:0" },
    { DISK "/block/sda/size", "500118192\n" },
    { DISK "/block/sda/queue/logical_block_size", "512\n" },
    { DISK "/block/sda/removable", "0\n" },
    { "/sys/class/block/sda@",
      "../../devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda" },
    { "/run/udev/data/b8:0", "S:disk/by-id/ata-Samsung\nE:ID_BUS=ata\nE:ID_TYPE=disk\n"
                             "E:ID_SERIAL=Samsung_S21N\nE:ID_MODEL=Samsung_SSD\nG:systemd\n" },
    { DISK "/block/sda/sda1/uevent", "DEVNAME=sda1\nDEVTYPE=partition\n" },
    { "/sys/class/block/sda1@",
      "../../devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1" },
    { DISK "/scsi_generic/sg0/uevent", "MAJOR=21\nMINOR=0\nDEVNAME=sg0\n" },
    { "/sys/class/scsi_generic/sg0@",
      "../../devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/scsi_generic/sg0" },
    { "/sys/devices/virtual/block/loop0/uevent", "DEVNAME=loop0\nDEVTYPE=disk\n" },
    { "/sys/class/block/loop0@", "../../devices/virtual/block/loop0" },
    { "/sys/devices/virtual/block/sr0/uevent", "MAJOR=11\nMINOR=0\nDEVNAME=sr0\nDEVTYPE=disk\n" },
    { "/sys/devices/virtual/block/sr0/subsystem@", "../../../../class/block" },
    { "/sys/devices/virtual/block/sr0/removable", "1\n" },
    { "/sys/devices/virtual/block/sr0/size", "2097151\n" },
    { "/run/udev/data/b11:0", "E:ID_TYPE=cd\nE:ID_CDROM=1\nE:ID_BUS=ata\n" },
    { "/sys/class/block/sr0@", "../../devices/virtual/block/sr0" },
    { HUB "/uevent", "MAJOR=189\nMINOR=0\nDEVNAME=bus/usb/001/001\nDEVTYPE=usb_device\n" },
    { HUB "/busnum", "1\n" },
    { HUB "/devnum", "1\n" },
    { HUB "/idVendor", "1d6b\n" },
    { HUB "/idProduct", "0002\n" },
    { HUB "/manufacturer", "Linux 6.1 <xhci-hcd>\n" },
    { HUB "/1-0:1.0/uevent", "DEVTYPE=usb_interface\n" },
    { HUB "/1-0:1.0/bInterfaceNumber", "00\n" },
    { HUB "/1-0:1.0/bInterfaceClass", "09\n" },
    { HUB "/1-0:1.0/bInterfaceSubClass", "00\n" },
    { HUB "/1-0:1.0/bInterfaceProtocol", "1f\n" },
    { "/sys/bus/usb/devices/usb1@", "../../../devices/pci0000:00/0000:00:14.0/usb1" },
    { "/sys/bus/usb/devices/1-0:1.0@", "../../../devices/pci0000:00/0000:00:14.0/usb1/1-0:1.0" },
    { FC "/uevent", "DEVTYPE=scsi_host\n" },
    { FC "/scsi_host/host7/unique_id", "3\n" },
    { FC "/fc_host/host7/node_name", "0x2000000012341234\n" },
    { FC "/fc_host/host7/port_name", "0x1000000012341234\n" },
    { FC "/fc_host/host7/fabric_name", "0x2000000043214321\n" },
    { FC "/fc_host/host7/vport_create", "" },
    { FC "/fc_host/host7/max_npiv_vports", "127\n" },
    { FC "/fc_host/host7/npiv_vports_inuse", "2\n" },
    { "/sys/bus/scsi/devices/host7@", "../../../devices/pci0000:00/0000:00:05.0/host7" },
    { NIC "/drm/card0/uevent", "MAJOR=226\nMINOR=0\nDEVNAME=dri/card0\nDEVTYPE=drm_minor\n" },
    { NIC "/drm/renderD128/uevent", "DEVNAME=dri/renderD128\nDEVTYPE=drm_minor\n" },
    { NIC "/drm/card0-DP-1/uevent", "DEVTYPE=drm_connector\n" },
    { "/sys/class/drm/card0@", "../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0/drm/card0" },
    { "/sys/class/drm/renderD128@",
      "../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0/drm/renderD128" },
    { "/sys/class/drm/card0-DP-1@",
      "../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0/drm/card0-DP-1" },
    { NIC "/4b20d080-1b54-4048-85b3-a6a62d165c01/mdev_type@",
      "../mdev_supported_types/i915-GVTg_V5_4" },
    { NIC "/4b20d080-1b54-4048-85b3-a6a62d165c01/iommu_group@", "../../../kernel/iommu_groups/13" },
    { "/sys/bus/mdev/devices/4b20d080-1b54-4048-85b3-a6a62d165c01@",
      "../../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0/"
      "4b20d080-1b54-4048-85b3-a6a62d165c01" },
    { "/sys/devices/virtual/dmi/id/product_name", "KVM\n" },
    { "/sys/devices/virtual/dmi/id/sys_vendor", "Red Hat\n" },
    { "/sys/devices/virtual/dmi/id/product_uuid", "C7A5FDBD-EDAF-9455-926A-D65C16DB1809\n" },
    { "/sys/devices/virtual/dmi/id/bios_vendor", "SeaBIOS\n" },
    { "/sys/devices/virtual/dmi/id/bios_version", "1.16\n" },
    { "/sys/devices/virtual/dmi/id/bios_date", "04/01/2014\n" },
};

static char *root;
static struct vmgr_conn *conn;

static void put(const char *path, const void *data, gssize size)
{
    g_autofree char *full = g_strconcat(root, path, NULL);
    g_autofree char *dir = g_path_get_dirname(full);
    char *end = full + strlen(full) - 1;

    ck_assert_int_eq(g_mkdir_with_parents(dir, 0755), 0);
    if (*end == '@') {
        *end = '\0';
        ck_assert_int_eq(symlink(data, full), 0);
    } else {
        ck_assert(g_file_set_contents(full, data, size, NULL));
    }
}

static void setup(void)
{
    struct vmgr_conn_options options = VMGR_CONN_OPTIONS_INIT;

    root = g_dir_make_tmp("hostdev-XXXXXX", NULL);
    ck_assert_ptr_nonnull(root);
    for (size_t i = 0; i < G_N_ELEMENTS(tree); i++)
        put(tree[i].path, tree[i].text, -1);
    put(PCI "/0000:00:1c.0/config", bridge_config, sizeof(bridge_config));
    put(PCI "/0000:00:1f.2/config", hostile_config, sizeof(hostile_config));
    options.uri = "vemu:///session";
    options.root = root;
    ck_assert_int_eq(vmgr_conn_open_with(&options, &conn, NULL), 0);
}

static void teardown(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", root);

    conn = vmgr_conn_unref(conn);
    ck_assert_int_eq(system(command), 0);
    g_free(root);
}

static struct vmgr_nodedev *find(const char *name)
{
    struct vmgr_nodedev *dev = NULL;

    ck_assert_int_eq(vmgr_nodedev_lookup_by_name(conn, name, &dev, NULL), 0);
    ck_assert_str_eq(vmgr_nodedev_get_name(dev), name);
    ck_assert_ptr_eq(vmgr_nodedev_get_conn(dev), conn);
    return dev;
}

/* Every device of the tree against its golden document, and no other is there. */
START_TEST(test_documents)
{
    struct vmgr_nodedev **devs;
    const int n = vmgr_nodedev_list(conn, 0, &devs, NULL);
    g_autoptr(GDir) dir = g_dir_open(GOLDEN_DIR "/nodedev", 0, NULL);
    int goldens = 0;

    ck_assert_int_gt(n, 0);
    for (int i = 0; i < n; i++) {
        g_autofree char *path =
            g_strdup_printf(GOLDEN_DIR "/nodedev/%s.xml", vmgr_nodedev_get_name(devs[i]));
        g_autofree char *golden = NULL;
        char *xml = NULL;

        ck_assert_int_eq(vmgr_nodedev_get_xml(devs[i], 0, &xml, NULL), 0);
        if (g_getenv("VMGR_UPDATE_GOLDEN"))
            ck_assert(g_file_set_contents(path, xml, -1, NULL));
        ck_assert_msg(g_file_get_contents(path, &golden, NULL, NULL), "no %s", path);
        ck_assert_str_eq(xml, golden);
        free(xml);
    }
    vmgr_nodedev_list_free(devs);
    while (dir && g_dir_read_name(dir))
        goldens++;
    ck_assert_int_eq(goldens, n);
}
END_TEST

START_TEST(test_relations)
{
    static const struct {
        const char *name, *parent, *caps;
    } cases[] = {
        { "computer", NULL, "system" },
        { "pci_0000_00_1c_0", "computer", "pci" },
        { "pci_0000_01_00_0", "pci_0000_00_1c_0", "pci mdev_types" },
        { "net_eth9_52_54_00_12_34_56", "pci_0000_01_00_0", "net" },
        { "scsi_host0", "pci_0000_00_1f_2", "scsi_host" },
        { "scsi_host7", "computer", "scsi_host fc_host vports" },
        { "block_sda_Samsung_S21N", "scsi_0_0_0_0", "storage" },
        { "usb_1_0_1_0", "usb_usb1", "usb" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct vmgr_nodedev *dev = find(cases[i].name);
        const char **names = NULL;
        char *parent = NULL;
        g_autofree char *joined = NULL;

        ck_assert_int_eq(vmgr_nodedev_get_parent(dev, &parent, NULL), 0);
        ck_assert_pstr_eq(parent, cases[i].parent);
        ck_assert_int_gt(vmgr_nodedev_list_caps(dev, &names, NULL), 0);
        joined = g_strjoinv(" ", (char **)names);
        ck_assert_str_eq(joined, cases[i].caps);
        ck_assert_int_eq(vmgr_nodedev_is_active(dev, NULL), 1);
        ck_assert_int_eq(vmgr_nodedev_is_persistent(dev, NULL), !cases[i].parent);
        ck_assert_int_eq(vmgr_nodedev_get_autostart(dev, NULL), !cases[i].parent);
        free(names);
        free(parent);
        vmgr_nodedev_unref(vmgr_nodedev_ref(dev));
        vmgr_nodedev_unref(dev);
    }
    ck_assert_int_eq(vmgr_nodedev_list(conn, VMGR_NODEDEV_LIST_USB_DEVICE, NULL, NULL), 1);
    ck_assert_int_eq(vmgr_nodedev_list(conn, VMGR_NODEDEV_LIST_FC_HOST, NULL, NULL), 1);
    ck_assert_int_eq(vmgr_nodedev_list(conn, VMGR_NODEDEV_LIST_INACTIVE, NULL, NULL), 0);
    ck_assert_int_eq(vmgr_nodedev_list(conn, 1u << 25, NULL, NULL), -1);
}
END_TEST

static void refused(int r, struct vmgr_error **err, const char *text)
{
    ck_assert_int_eq(r, -1);
    ck_assert_str_eq(vmgr_error_get_message(*err), text);
    *err = vmgr_error_free(*err);
}

static char *file(const char *path)
{
    g_autofree char *full = g_strconcat(root, path, NULL);
    char *text = NULL;

    ck_assert(g_file_get_contents(full, &text, NULL, NULL));
    return text;
}

START_TEST(test_assignment)
{
    struct vmgr_nodedev *nic = find("pci_0000_01_00_0"), *disk = find("scsi_0_0_0_0");
    struct vmgr_error *err = NULL;
    g_autofree char *override = NULL, *after = NULL;

    refused(vmgr_nodedev_detach(nic, "xen", 0, &err), &err,
            "invalid argument: unknown driver name 'xen'");
    refused(vmgr_nodedev_detach(nic, NULL, 0, &err), &err,
            "argument unsupported: VFIO device assignment is currently not supported on this "
            "system");
    put("/sys/bus/pci/drivers/vfio-pci/bind", "", 0);
    refused(vmgr_nodedev_detach(disk, "vfio", 0, &err), &err,
            "invalid argument: device scsi_0_0_0_0 is not a PCI device");
    refused(vmgr_nodedev_reset(disk, &err), &err,
            "invalid argument: device scsi_0_0_0_0 is not a PCI device");
    /* Nobody binds it here: the override is taken back. */
    refused(vmgr_nodedev_detach(nic, NULL, 0, &err), &err,
            "internal error: Failed to bind PCI device '0000:01:00.0' to vfio-pci");
    override = file(NIC "/driver_override");
    ck_assert_int_eq(*override, '\n');
    refused(vmgr_nodedev_reset(nic, &err), &err,
            "internal error: Unable to reset PCI device 0000:01:00.0: no FLR, PM reset or bus "
            "reset available");
    put(NIC "/reset", "", 0);
    ck_assert_int_eq(vmgr_nodedev_reset(nic, NULL), 0);
    /* It is there already. */
    put(NIC "/driver@", "../../../../bus/pci/drivers/vfio-pci", 0);
    ck_assert_int_eq(vmgr_nodedev_detach(nic, NULL, 0, NULL), 0);
    ck_assert_int_eq(vmgr_nodedev_reattach(nic, NULL), -1); /* vfio-pci/unbind is not there */
    put("/sys/bus/pci/drivers/vfio-pci/unbind", "", 0);
    ck_assert_int_eq(vmgr_nodedev_reattach(nic, NULL), 0);
    after = file("/sys/bus/pci/drivers/vfio-pci/unbind");
    ck_assert_msg(g_str_has_prefix(after, "0000:01:00.0"), "%s", after);
    vmgr_nodedev_unref(nic);
    vmgr_nodedev_unref(disk);
}
END_TEST

START_TEST(test_driver)
{
    struct vmgr_conn *test = NULL;
    struct vmgr_nodedev *dev = NULL;
    struct vmgr_error *err = NULL;

    ck_assert_int_eq(vmgr_conn_open("test:///default", 0, &test, NULL), 0);
    ck_assert_int_eq(vmgr_nodedev_list(test, 0, NULL, NULL), 4);
    ck_assert_int_eq(vmgr_nodedev_list(test, VMGR_NODEDEV_LIST_VPORTS, NULL, NULL), 2);
    refused(vmgr_nodedev_lookup_by_name(test, "nope", &dev, &err), &err,
            "Node device not found: no node device with matching name 'nope'");
    ck_assert_int_eq(vmgr_nodedev_lookup_by_name(test, "computer", &dev, NULL), 0);
    refused(vmgr_nodedev_detach(dev, NULL, 0, &err), &err,
            "this function is not supported by the connection driver: virNodeDeviceDettach");
    vmgr_nodedev_unref(dev);
    vmgr_conn_unref(test);
}
END_TEST

START_TEST(test_interfaces)
{
    struct vmgr_interface *iface = NULL, **ifaces = NULL;
    struct vmgr_error *err = NULL;
    char *xml = NULL;

    ck_assert_int_eq(vmgr_interface_list(conn, 0, &ifaces, NULL), 4);
    ck_assert_str_eq(vmgr_interface_get_name(ifaces[0]), "bond9");
    vmgr_interface_list_free(ifaces);
    ck_assert_int_eq(vmgr_interface_list(conn, VMGR_INTERFACE_LIST_ACTIVE, NULL, NULL), 1);
    ck_assert_int_eq(vmgr_interface_list(conn, 1u << 7, NULL, NULL), -1);
    ck_assert_int_eq(vmgr_interface_lookup_by_mac(conn, "52:54:00:12:34:56", &iface, NULL), 0);
    ck_assert_str_eq(vmgr_interface_get_name(iface), "eth9");
    ck_assert_str_eq(vmgr_interface_get_mac(iface), "52:54:00:12:34:56");
    ck_assert_ptr_eq(vmgr_interface_get_conn(iface), conn);
    ck_assert_int_eq(vmgr_interface_is_active(iface, NULL), 1);
    vmgr_interface_unref(vmgr_interface_ref(iface));
    vmgr_interface_unref(iface);
    refused(vmgr_interface_lookup_by_name(conn, "../block", &iface, &err), &err,
            "Interface not found: couldn't find interface named '../block'");
    ck_assert_int_eq(vmgr_interface_lookup_by_name(conn, "eth9.5", &iface, NULL), 0);
    ck_assert_int_eq(vmgr_interface_get_xml(iface, VMGR_INTERFACE_XML_INACTIVE, &xml, NULL), 0);
    ck_assert_str_eq(xml, "<interface type='vlan' name='eth9.5'>\n"
                          "  <mtu size='1500'/>\n"
                          "  <vlan tag='5'>\n"
                          "    <interface name='eth9'/>\n"
                          "  </vlan>\n"
                          "</interface>\n");
    free(xml);
    vmgr_interface_unref(iface);
    ck_assert_int_eq(vmgr_interface_lookup_by_name(conn, "bond9", &iface, NULL), 0);
    ck_assert_int_eq(vmgr_interface_is_active(iface, NULL), 0);
    ck_assert_int_eq(vmgr_interface_get_xml(iface, 0, &xml, NULL), 0);
    ck_assert_str_eq(xml, "<interface type='bond' name='bond9'>\n"
                          "  <bond mode='active-backup'>\n"
                          "    <miimon freq='100'/>\n"
                          "    <interface type='ethernet' name='eth9'>\n"
                          "      <link speed='1000' state='up'/>\n"
                          "      <mac address='52:54:00:12:34:56'/>\n"
                          "    </interface>\n"
                          "  </bond>\n"
                          "</interface>\n");
    free(xml);
    vmgr_interface_unref(iface);
}
END_TEST

static void on_event(struct vmgr_conn *c, struct vmgr_nodedev *dev,
                     const struct vmgr_nodedev_event *event, void *data)
{
    (void)c;
    (void)dev;
    (void)event;
    ++*(int *)data;
}

/* What comes over the kernel's socket is shown by tests/integration/nodedev.sh. */
START_TEST(test_events)
{
    struct vmgr_nodedev *dev = find("computer");
    int count = 0, id;

    ck_assert_int_eq(vmgr_conn_add_nodedev_event(conn, NULL, 7, on_event, &count, NULL, NULL), -1);
    id = vmgr_conn_add_nodedev_event(conn, dev, VMGR_NODEDEV_EVENT_UPDATE, on_event, &count, NULL,
                                     NULL);
    ck_assert_int_ge(id, 0);
    ck_assert_int_ge(vmgr_conn_dispatch(conn, NULL), 0);
    ck_assert_int_eq(count, 0);
    ck_assert_int_eq(vmgr_conn_remove_nodedev_event(conn, id, NULL), 0);
    ck_assert_str_eq(vmgr_nodedev_event_type_name(VMGR_NODEDEV_EVENT_DELETED), "Deleted");
    ck_assert_str_eq(vmgr_nodedev_event_type_name(9), "unknown");
    ck_assert_str_eq(vmgr_nodedev_cap_name(21), "vpd");
    ck_assert_ptr_null(vmgr_nodedev_cap_name(22));
    vmgr_nodedev_unref(dev);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hostdev");
    TCase *tc = tcase_create("hostdev");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_documents);
    tcase_add_test(tc, test_relations);
    tcase_add_test(tc, test_assignment);
    tcase_add_test(tc, test_driver);
    tcase_add_test(tc, test_interfaces);
    tcase_add_test(tc, test_events);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
