/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of the host that are defined: documents, what makes sense, the stored definitions, and
 * the interface over the vemu driver as far as it goes without a kernel, and over the test driver.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vmgr/interface.h>
#include <vmgr/vmgr.h>

#include "conf/iface.h"
#include "scratch-root.h"

static struct vmgr_conn *conn;

static struct vmgr_conn *connect_root(uint32_t flags)
{
    return scratch_connect("vemu:///session", NULL, flags);
}

static void setup(void)
{
    scratch_open();
    conn = connect_root(0);
}

static void teardown(void)
{
    conn = vmgr_conn_unref(conn);
    scratch_close();
}

static void expect(int r, struct vmgr_error **err, const char *text)
{
    ck_assert_int_eq(r, -1);
    ck_assert_str_eq(vmgr_error_get_message(*err), text);
    *err = vmgr_error_free(*err);
}

/* ---- documents ---- */

/* As libvirt writes them: virsh iface-define and iface-dumpxml on its test driver. */
static const char *const documents[] = {
    "<interface type='ethernet' name='x'>\n"
    "</interface>\n",
    "<interface type='ethernet' name='x'>\n"
    "  <start mode='hotplug'/>\n"
    "  <mtu size='1400'/>\n"
    "  <protocol family='ipv6'>\n"
    "    <autoconf/>\n"
    "    <dhcp peerdns='yes'/>\n"
    "    <ip address='fe80::1' prefix='8'/>\n"
    "    <route gateway='fe80::2'/>\n"
    "  </protocol>\n"
    "  <protocol family='ipv4'>\n"
    "    <dhcp/>\n"
    "  </protocol>\n"
    "  <mac address='aa:bb:cc:dd:ee:ff'/>\n"
    "</interface>\n",
    "<interface type='bridge' name='x'>\n"
    "  <bridge stp='off' delay='0.01'>\n"
    "    <interface type='bond' name='y'>\n"
    "      <bond>\n"
    "        <interface type='ethernet' name='e0'>\n"
    "        </interface>\n"
    "      </bond>\n"
    "    </interface>\n"
    "    <interface type='vlan' name='z'>\n"
    "      <vlan tag='5'>\n"
    "        <interface name='e1'/>\n"
    "      </vlan>\n"
    "    </interface>\n"
    "  </bridge>\n"
    "</interface>\n",
    "<interface type='bond' name='x'>\n"
    "  <start mode='none'/>\n"
    "  <bond mode='active-backup'>\n"
    "    <miimon freq='100' downdelay='20' updelay='10' carrier='ioctl'/>\n"
    "    <interface type='ethernet' name='e0'>\n"
    "      <mac address='aa:bb:cc:dd:ee:ff'/>\n"
    "    </interface>\n"
    "  </bond>\n"
    "</interface>\n",
    "<interface type='bond' name='x'>\n"
    "  <bond mode='balance-tlb'>\n"
    "    <arpmon interval='100' target='192.168.50.7' validate='active'/>\n"
    "  </bond>\n"
    "</interface>\n",
};

START_TEST(test_documents)
{
    struct vmgr__iface_def *def = vmgr__iface_def_parse(documents[_i], NULL);
    g_autofree char *text = NULL;

    ck_assert_ptr_nonnull(def);
    text = vmgr__iface_def_format(def);
    ck_assert_str_eq(text, documents[_i]);
    vmgr__iface_def_free(def);
}
END_TEST

#define X(type, rest) "<interface name='x' type='" type "'>" rest "</interface>"

START_TEST(test_mistakes)
{
    static const struct {
        const char *xml, *words;
    } cases[] = {
        { "<interface/>", "Missing required attribute 'type' in element 'interface'" },
        { "<interface type='foo' name='x'/>",
          "Invalid value for attribute 'type' in element 'interface': 'foo'." },
        { "<interface type='ethernet'/>", "interface has no name" },
        { X("ethernet", "<start mode='foo'/>"), "unknown interface startmode foo" },
        { X("ethernet", "<mtu size='abc'/>"),
          "Invalid value for attribute 'size' in element 'mtu': 'abc'. Expected integer value" },
        { X("ethernet", "<protocol/>"), "protocol misses the family attribute" },
        { X("ethernet", "<protocol family='foo'/>"), "unsupported protocol family 'foo'" },
        { X("ethernet", "<protocol family='ipv4'><ip address='1.2.3.4' prefix='q'/></protocol>"),
          "Invalid value for attribute 'prefix' in element 'ip': 'q'. Expected integer value" },
        { X("ethernet", "<protocol family='ipv4'><dhcp peerdns='q'/></protocol>"),
          "Invalid value for attribute 'peerdns' in element 'dhcp': 'q'." },
        { X("bridge", ""), "bridge interface misses the bridge element" },
        { X("bridge", "<bridge><interface type='bridge' name='y'><bridge/></interface></bridge>"),
          "interface has unsupported type 'bridge'" },
        { X("bridge", "<bridge><interface type='ethernet'/></bridge>"), "interface has no name" },
        { X("bond", ""), "bond interface misses the bond element" },
        { X("bond", "<bond mode='q'/>"), "unknown bonding mode q" },
        { X("bond", "<bond><interface type='vlan' name='q'/></bond>"),
          "interface has unsupported type 'vlan'" },
        { X("bond", "<bond><miimon/></bond>"), "bond interface miimon freq missing or invalid" },
        { X("bond", "<bond><miimon freq='1' updelay='x'/></bond>"),
          "bond interface miimon updelay invalid" },
        { X("bond", "<bond><miimon freq='1' downdelay='x'/></bond>"),
          "bond interface miimon downdelay invalid" },
        { X("bond", "<bond><miimon freq='1' carrier='x'/></bond>"),
          "unknown mii bonding carrier x" },
        { X("bond", "<bond><arpmon/></bond>"),
          "bond interface arpmon interval missing or invalid" },
        { X("bond", "<bond><arpmon interval='1'/></bond>"),
          "bond interface arpmon target missing" },
        { X("bond", "<bond><arpmon interval='1' target='a' validate='q'/></bond>"),
          "unknown arp bonding validate q" },
        { X("vlan", ""), "vlan interface misses the vlan element" },
        { X("vlan", "<vlan/>"), "vlan interface misses the tag attribute" },
        { X("vlan", "<vlan tag='5'/>"), "vlan interface misses name attribute" },
        { "<foo/>", "expecting root element of 'interface', not 'foo'" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strconcat("XML error: ", cases[i].words, NULL);
        struct vmgr_error *err = NULL;

        ck_assert_ptr_null(vmgr__iface_def_parse(cases[i].xml, &err));
        expect(-1, &err, text);
    }
}
END_TEST

/* What libvirt stores and no host could be given. */
START_TEST(test_nonsense)
{
    static const struct {
        const char *xml, *text;
    } cases[] = {
        { "<interface type='ethernet' name='a/b'/>",
          "XML error: 'a/b' is not the name of an interface" },
        { "<interface type='ethernet' name='sixteen-letters-'/>",
          "XML error: 'sixteen-letters-' is not the name of an interface" },
        { "<interface type='ethernet' name='e%d'/>",
          "XML error: 'e%d' is not the name of an interface" },
        { X("ethernet", "<start mode='hotplug'/>"),
          "unsupported configuration: start mode 'hotplug' of interface 'x' is not supported" },
        { X("ethernet", "<mtu size='67'/>"),
          "XML error: the MTU 67 of interface 'x' is not between 68 and 65535" },
        { X("ethernet", "<mac address='zz'/>"),
          "XML error: 'zz' of interface 'x' is not a MAC address" },
        { X("ethernet", "<protocol family='ipv4'><ip address='::1' prefix='8'/></protocol>"),
          "XML error: '::1' of interface 'x' is not an address of ipv4" },
        { X("ethernet", "<protocol family='ipv4'><ip address='1.2.3.4' prefix='33'/></protocol>"),
          "XML error: the prefix of address 1.2.3.4 of interface 'x' is missing or too long" },
        { X("ethernet", "<protocol family='ipv6'><ip address='fd00::1'/></protocol>"),
          "XML error: the prefix of address fd00::1 of interface 'x' is missing or too long" },
        { X("ethernet", "<protocol family='ipv6'><route gateway='1.2.3.4'/></protocol>"),
          "XML error: gateway '1.2.3.4' of interface 'x' is not an address of ipv6" },
        { X("bridge", "<bridge delay='1s'/>"),
          "XML error: the delay '1s' of bridge 'x' is not a number of seconds up to 30" },
        { X("bridge", "<bridge delay='30.5'/>"),
          "XML error: the delay '30.5' of bridge 'x' is not a number of seconds up to 30" },
        { X("bridge", "<bridge><interface type='ethernet' name='x'/></bridge>"),
          "XML error: interface 'x' is in itself" },
        { X("bridge", "<bridge><interface type='ethernet' name='../y'/></bridge>"),
          "XML error: '../y' is not the name of an interface" },
        { X("bond", "<bond><arpmon interval='1' target='a'/></bond>"),
          "XML error: the target 'a' of bond 'x' is not an address of ipv4" },
        { X("vlan", "<vlan tag='4095'><interface name='e'/></vlan>"),
          "XML error: the tag '4095' of vlan 'x' is not a number from 1 to 4094" },
        { X("vlan", "<vlan tag='5'><interface name=''/></vlan>"),
          "XML error: '' is not the name of an interface" },
    };
    uint32_t delay = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct vmgr_error *err = NULL;

        expect(vmgr_interface_define_xml(conn, cases[i].xml, 0, NULL, &err), &err, cases[i].text);
    }
    ck_assert(vmgr__iface_delay("1.25", 3000, &delay) && delay == 125);
    ck_assert(!vmgr__iface_delay("0x10", 3000, &delay) && !vmgr__iface_delay("-1", 3000, &delay) &&
              !vmgr__iface_delay("nan", 3000, &delay) && !vmgr__iface_delay("", 3000, &delay));
}
END_TEST

/* ---- the vemu driver ---- */

static struct vmgr_interface *define(const char *xml)
{
    struct vmgr_interface *iface = NULL;
    struct vmgr_error *err = NULL;

    ck_assert_msg(vmgr_interface_define_xml(conn, xml, 0, &iface, &err) == 0, "%s",
                  err ? vmgr_error_get_message(err) : "");
    return iface;
}

static bool has(const char *name)
{
    struct vmgr_interface *iface = NULL;
    const bool found = vmgr_interface_lookup_by_name(conn, name, &iface, NULL) == 0;

    vmgr_interface_unref(iface);
    return found;
}

#define CARD                                                                                       \
    "<interface type='ethernet' name='tst-e0'><mac address='52:54:00:aa:bb:0a'/></interface>"
#define OVER                                                                                       \
    "<interface type='bridge' name='tst-br'><bridge><interface type='ethernet' name='tst-e0'/>"    \
    "</bridge></interface>"

START_TEST(test_store)
{
    struct vmgr_interface *card = define(CARD), *bridge, *found = NULL;
    struct vmgr_conn *reader = connect_root(VMGR_CONN_RO);
    struct vmgr_error *err = NULL;
    char *xml = NULL;

    ck_assert_str_eq(vmgr_interface_get_name(card), "tst-e0");
    ck_assert_int_eq(vmgr_interface_is_active(card, NULL), 0);
    ck_assert_int_eq(vmgr_interface_lookup_by_mac(conn, "52:54:00:AA:BB:0A", &found, NULL), 0);
    ck_assert_str_eq(vmgr_interface_get_name(found), "tst-e0");
    vmgr_interface_unref(found);
    for (uint32_t flags = 0; flags <= VMGR_INTERFACE_XML_INACTIVE; flags++) {
        ck_assert_int_eq(vmgr_interface_get_xml(card, flags, &xml, NULL), 0);
        ck_assert_str_eq(xml, "<interface type='ethernet' name='tst-e0'>\n"
                              "  <mac address='52:54:00:aa:bb:0a'/>\n"
                              "</interface>\n");
        free(xml);
    }
    expect(vmgr_interface_destroy(card, 0, &err), &err,
           "Requested operation is not valid: interface 'tst-e0' is not active");
    ck_assert_int_eq(vmgr_interface_start(card, 1, NULL), -1);
    expect(vmgr_interface_define_xml(reader, CARD, 0, NULL, &err), &err,
           "operation forbidden: read only access prevents virInterfaceDefineXML");
    expect(vmgr_interface_define_xml(conn, CARD, VMGR_INTERFACE_DEFINE_VALIDATE, NULL, &err), &err,
           "argument unsupported: validation against a schema is not available");
    ck_assert_int_eq(vmgr_interface_define_xml(conn, NULL, 0, NULL, NULL), -1);

    bridge = define(OVER); /* takes the card's definition over */
    ck_assert(!has("tst-e0"));
    expect(vmgr_interface_define_xml(conn, CARD, 0, NULL, &err), &err,
           "Requested operation is not valid: interface 'tst-e0' is part of interface 'tst-br'");
    expect(vmgr_interface_define_xml(conn,
                                     "<interface type='bridge' name='tst-b2'><bridge><interface "
                                     "type='ethernet' name='tst-e0'/></bridge></interface>",
                                     0, NULL, &err),
           &err,
           "Requested operation is not valid: interface 'tst-e0' is part of interface 'tst-br'");
    ck_assert_int_eq(vmgr_interface_undefine(bridge, NULL), 0);
    ck_assert_int_eq(vmgr_interface_undefine(bridge, &err), -1);
    vmgr_error_free(err);
    ck_assert(!has("tst-br"));
    vmgr_conn_unref(reader);
    vmgr_interface_unref(bridge);
    vmgr_interface_unref(card);
}
END_TEST

START_TEST(test_changes)
{
    struct vmgr_interface *card = define(CARD);
    struct vmgr_error *err = NULL;

    expect(vmgr_interface_change_commit(conn, 0, &err), &err,
           "Requested operation is not valid: no transaction running, nothing to be committed.");
    expect(vmgr_interface_change_rollback(conn, 0, &err), &err,
           "Requested operation is not valid: no transaction running, nothing to rollback.");
    ck_assert_int_eq(vmgr_interface_change_begin(conn, 1, NULL), -1);
    ck_assert_int_eq(vmgr_interface_change_begin(conn, 0, NULL), 0);
    conn = vmgr_conn_unref(conn); /* it is of the host, not of the connection */
    conn = connect_root(0);
    expect(vmgr_interface_change_begin(conn, 0, &err), &err,
           "Requested operation is not valid: there is another transaction running.");
    vmgr_interface_unref(define(OVER));
    ck_assert(!has("tst-e0") && has("tst-br"));
    ck_assert_int_eq(vmgr_interface_change_rollback(conn, 0, NULL), 0);
    ck_assert(has("tst-e0") && !has("tst-br"));
    ck_assert_int_eq(vmgr_interface_change_begin(conn, 0, NULL), 0);
    vmgr_interface_unref(define(OVER));
    ck_assert_int_eq(vmgr_interface_change_commit(conn, 0, NULL), 0);
    ck_assert(!has("tst-e0") && has("tst-br"));
    ck_assert_int_eq(vmgr_interface_change_rollback(conn, 0, NULL), -1);
    vmgr_interface_unref(card);
}
END_TEST

/* Files that somebody else wrote. */
START_TEST(test_files)
{
    g_autofree char *dir = g_strconcat(scratch_root, "/etc/vmgr/interfaces", NULL);
    static const struct {
        const char *name, *text;
    } files[] = {
        { "tst-a.xml", "<interface type='ethernet' name='tst-b'/>" },
        { "tst-c.xml", "<interface" },
        { "tst-d.txt", "<interface type='ethernet' name='tst-d'/>" },
        { "..xml", "<interface type='ethernet' name='.'/>" },
        { "tst-e.xml", "<interface type='ethernet' name='tst-e'/>" },
    };

    ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(dir, files[i].name, NULL);

        ck_assert(g_file_set_contents(path, files[i].text, -1, NULL));
    }
    ck_assert(has("tst-e"));
    ck_assert(!has("tst-a") && !has("tst-b") && !has("tst-c") && !has("tst-d") && !has("."));
    ck_assert(!has("../interfaces/tst-e"));
}
END_TEST

/* ---- the test driver ---- */

START_TEST(test_driver)
{
    struct vmgr_interface *iface = NULL, *bridge = NULL;
    struct vmgr_conn *test = NULL;
    struct vmgr_error *err = NULL;

    ck_assert_int_eq(vmgr_conn_open("test:///default", 0, &test, NULL), 0);
    ck_assert_int_eq(vmgr_interface_lookup_by_name(test, "eth1", &iface, NULL), 0);
    expect(vmgr_interface_start(iface, 0, &err), &err, "Requested operation is not valid");
    ck_assert_int_eq(vmgr_interface_destroy(iface, 0, NULL), 0);
    expect(vmgr_interface_destroy(iface, 0, &err), &err, "Requested operation is not valid");
    ck_assert_int_eq(vmgr_interface_list(test, VMGR_INTERFACE_LIST_INACTIVE, NULL, NULL), 1);
    ck_assert_int_eq(vmgr_interface_change_begin(test, 0, NULL), 0);
    ck_assert_int_eq(vmgr_interface_define_xml(test, OVER, 0, &bridge, NULL), 0);
    ck_assert_int_eq(vmgr_interface_undefine(iface, NULL), 0);
    ck_assert_int_eq(vmgr_interface_list(test, 0, NULL, NULL), 1);
    ck_assert_int_eq(vmgr_interface_change_rollback(test, 0, NULL), 0);
    expect(vmgr_interface_undefine(bridge, &err), &err,
           "Interface not found: no interface with matching name 'tst-br'");
    ck_assert_int_eq(vmgr_interface_start(iface, 0, NULL), 0);
    ck_assert_int_eq(vmgr_interface_change_begin(test, 0, NULL), 0); /* never ended */
    vmgr_interface_unref(bridge);
    vmgr_interface_unref(iface);
    vmgr_conn_unref(test);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host interfaces");
    TCase *tc = tcase_create("all");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, test_documents, 0, (int)G_N_ELEMENTS(documents));
    tcase_add_test(tc, test_mistakes);
    tcase_add_test(tc, test_nonsense);
    tcase_add_test(tc, test_store);
    tcase_add_test(tc, test_changes);
    tcase_add_test(tc, test_files);
    tcase_add_test(tc, test_driver);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
