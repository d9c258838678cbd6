/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports of networks: documents, and the interface over the vemu driver, on a network that needs no
 * rights since it only names an interface of the host. Guests' ports are integration/interfaces'.
 */
#include <vmgr/network-port.h>

#include "conf/network-port.h"
#include "sandbox.h"

#define UUID_P  "00000000-0000-4000-8000-0000000000a1"
#define UUID_Q  "00000000-0000-4000-8000-0000000000a2"
#define UUID_O  "00000000-0000-4000-8000-0000000000b1"
#define OWNER   "<owner><name>g</name><uuid>" UUID_O "</uuid></owner>"
#define MAC     "<mac address='52:54:00:00:00:01'/>"
#define PORT(x) "<networkport><uuid>" UUID_P "</uuid>" OWNER MAC x "</networkport>"
#define NET                                                                                        \
    "<network><name>n</name><uuid>" UUID_Q                                                         \
    "</uuid><forward mode='bridge'/><bridge name='lo'/><portgroup name='slow'>"                    \
    "<bandwidth><inbound average='10'/></bandwidth></portgroup></network>"

static struct vmgr_conn *conn;
static struct vmgr_network *net;

static void setup(void)
{
    sandbox_open();
    conn = sandbox_connect(0);
    OK(vmgr_network_create_xml(conn, NET, 0, &net, &err));
}

static void teardown(void)
{
    net = vmgr_network_unref(net);
    conn = vmgr_conn_unref(conn);
    sandbox_close();
}

START_TEST(test_document)
{
    static const char whole[] = "<networkport>\n"
                                "  <uuid>" UUID_P "</uuid>\n"
                                "  <owner>\n"
                                "    <name>g</name>\n"
                                "    <uuid>" UUID_O "</uuid>\n"
                                "  </owner>\n"
                                "  <group>slow</group>\n"
                                "  <mac address='52:54:00:00:00:01'/>\n"
                                "  <bandwidth>\n"
                                "    <inbound average='100' peak='200' burst='64'/>\n"
                                "    <outbound average='50'/>\n"
                                "  </bandwidth>\n"
                                "  <port isolated='yes'/>\n"
                                "  <plug type='network' bridge='virbr0'/>\n"
                                "</networkport>\n";
    struct vmgr__network_port port;
    char *text;

    OK(vmgr__network_port_parse(whole, &port, &err));
    text = vmgr__network_port_format(&port, false);
    ck_assert_str_eq(text, whole);
    g_free(text);
    port.interface = g_strdup("vnet0");
    text = vmgr__network_port_format(&port, true);
    vmgr__network_port_clear(&port);
    OK(vmgr__network_port_parse(text, &port, &err));
    ck_assert_str_eq(port.interface, "vnet0");
    g_free(text);
    vmgr__network_port_clear(&port);
}
END_TEST

static const struct {
    const char *xml;
    int code;
    const char *message;
} mistakes[] = {
    { "<networkport>" OWNER MAC "</networkport>", VMGR_ERR_INTERNAL_ERROR,
      "internal error: network port has no uuid" },
    { "<networkport><uuid>x</uuid>" OWNER MAC "</networkport>", VMGR_ERR_INTERNAL_ERROR,
      "internal error: Unable to parse UUID 'x'" },
    { "<networkport><uuid>" UUID_P "</uuid>" MAC "</networkport>", VMGR_ERR_INTERNAL_ERROR,
      "internal error: network port has no owner name" },
    { "<networkport><uuid>" UUID_P "</uuid><owner><name>g</name></owner>" MAC "</networkport>",
      VMGR_ERR_INTERNAL_ERROR, "internal error: network port has no owner UUID" },
    { "<networkport><uuid>" UUID_P "</uuid>" OWNER "</networkport>", VMGR_ERR_INTERNAL_ERROR,
      "internal error: network port has no mac" },
    { "<networkport><uuid>" UUID_P "</uuid>" OWNER "<mac address='1'/></networkport>",
      VMGR_ERR_INTERNAL_ERROR, "internal error: Unable to parse MAC '1'" },
    { PORT("<plug type='network'/>"), VMGR_ERR_XML_ERROR,
      "XML error: Missing network port bridge name" },
    { PORT("<plug type='hostdev-pci'/>"), VMGR_ERR_CONFIG_UNSUPPORTED,
      "unsupported configuration: <plug type='hostdev-pci'> of a network port is not supported" },
    { PORT("<plug type='direct'/>"), VMGR_ERR_XML_ERROR,
      "XML error: Missing network port link device name" },
    { PORT("<plug type='direct' dev='eth0' mode='zork'/>"), VMGR_ERR_XML_ERROR,
      "XML error: Invalid value for attribute 'mode' in element 'plug': 'zork'." },
    { PORT("<plug type='direct' dev='eth0'/>"), VMGR_ERR_CONFIG_UNSUPPORTED,
      "unsupported configuration: a port of network 'n' is plugged into its bridge 'lo', not "
      "'eth0'" },
    { PORT("<plug type='network' bridge='lo' macTableManager='libvirt'/>"),
      VMGR_ERR_CONFIG_UNSUPPORTED,
      "unsupported configuration: macTableManager 'libvirt' of a network port is not supported" },
    { PORT("<port isolated='2'/>"), VMGR_ERR_XML_ERROR,
      "XML error: Invalid value for attribute 'isolated' in element 'port': '2'." },
    { PORT("<vlan><tag id='1'/></vlan>"), VMGR_ERR_CONFIG_UNSUPPORTED,
      "unsupported configuration: <vlan> of a network port is not supported" },
    { PORT("<bandwidth><inbound average='1' floor='1'/></bandwidth>"), VMGR_ERR_CONFIG_UNSUPPORTED,
      "unsupported configuration: attribute 'floor' of <inbound> is not supported" },
    { PORT("<plug type='network' bridge='eth9'/>"), VMGR_ERR_CONFIG_UNSUPPORTED,
      "unsupported configuration: a port of network 'n' is plugged into its bridge 'lo', not "
      "'eth9'" },
    { PORT("<group>fast</group>"), VMGR_ERR_OPERATION_INVALID,
      "Requested operation is not valid: network 'n' doesn't have a portgroup 'fast'" },
};

START_TEST(test_mistakes)
{
    struct vmgr_network_port *port = NULL;

    FAILS(vmgr_network_port_create_xml(net, mistakes[_i].xml, 0, &port, &err), mistakes[_i].code,
          mistakes[_i].message);
    ck_assert_int_eq(vmgr_network_port_list(net, 0, NULL, NULL), 0);
}
END_TEST

/* What a client made is there for every other, until it is deleted or the network stops. */
START_TEST(test_calls)
{
    const uint32_t some[VMGR_LIMIT_COUNT] = { [VMGR_LIMIT_OUT_AVERAGE] = 7 };
    const uint32_t floor[VMGR_LIMIT_COUNT] = { [VMGR_LIMIT_IN_FLOOR] = 7 };
    uint32_t limits[VMGR_LIMIT_COUNT];
    struct vmgr_network_port *port = NULL, *same = NULL, **list;
    struct vmgr_network *again = NULL;
    char *xml;

    OK(vmgr_network_port_create_xml(net, PORT("<group>slow</group>"), 0, &port, &err));
    ck_assert_str_eq(vmgr_network_port_get_uuid_string(port), UUID_P);
    FAILS(vmgr_network_port_create_xml(net, PORT(""), 0, &same, &err), VMGR_ERR_NETWORK_PORT_EXIST,
          "network port " UUID_P " exists already");
    FAILS(
        vmgr_network_port_create_xml(net, PORT(""), VMGR_NETWORK_PORT_CREATE_VALIDATE, &same, &err),
        VMGR_ERR_ARGUMENT_UNSUPPORTED,
        "argument unsupported: validation against a schema is not available");
    FAILS(vmgr_network_port_lookup_by_uuid_string(net, UUID_Q, &same, &err),
          VMGR_ERR_NO_NETWORK_PORT,
          "network port not found: Network port with UUID " UUID_Q " does not exist");
    vmgr_conn_unref(conn);
    conn = sandbox_connect(0);
    OK(vmgr_network_lookup_by_name(conn, "n", &again, &err));
    ck_assert_int_eq(vmgr_network_port_list(again, 0, &list, NULL), 1);
    ck_assert_str_eq(vmgr_network_port_get_uuid_string(list[0]), UUID_P);
    OK(vmgr_network_port_get_limits(list[0], 0, limits, &err));
    ck_assert_uint_eq(limits[VMGR_LIMIT_IN_AVERAGE], 10);
    OK(vmgr_network_port_set_limits(list[0], VMGR_LIMIT_OUT, some, 0, &err));
    FAILS(vmgr_network_port_set_limits(list[0], VMGR_LIMIT_IN, floor, 0, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: 'inbound.floor' of interfaces is not supported");
    OK(vmgr_network_port_get_xml(port, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<inbound average='10'/>"));
    ck_assert_ptr_nonnull(strstr(xml, "<outbound average='7'/>"));
    ck_assert_ptr_nonnull(strstr(xml, "<plug type='network' bridge='lo'/>"));
    free(xml);
    OK(vmgr_network_port_delete(list[0], &err));
    FAILS(vmgr_network_port_delete(port, &err), VMGR_ERR_NO_NETWORK_PORT,
          "network port not found: Network port with UUID " UUID_P " does not exist");
    vmgr_network_port_list_free(list);
    vmgr_network_port_unref(port);
    OK(vmgr_network_port_create_xml(again, PORT(""), 0, &port, &err));
    OK(vmgr_network_destroy(again, &err));
    FAILS(vmgr_network_port_create_xml(again, PORT(""), 0, &same, &err), VMGR_ERR_NO_NETWORK,
          "Network not found: no network with matching uuid '" UUID_Q "' (n)");
    vmgr_network_unref(again);
    OK(vmgr_network_create_xml(conn, NET, 0, &again, &err));
    ck_assert_int_eq(vmgr_network_port_list(again, 0, NULL, NULL), 0);
    vmgr_network_port_unref(port);
    vmgr_network_unref(again);
}
END_TEST

/* Networks without a bridge start as they are; who is on them is up to their guests. */
START_TEST(test_direct)
{
    static const char plug[] = "<plug type='direct' dev='eth0' mode='private'/>";
    static const struct {
        const char *mode, *more, *message;
    } rows[] = {
        { "private", "<interface dev='eth0'/></forward>", NULL },
        { "vepa", "</forward>", NULL },
        { "passthrough", "<interface dev='a b'/></forward>",
          "'a b' is not the name of an interface" },
        { "bridge", "</forward><ip address='10.9.0.1' prefix='24'/>",
          "network 'm' is of forward mode 'bridge' and has no bridge, addresses, routes and limits "
          "of "
          "its own" },
        { "hostdev", "<interface dev='eth0'/></forward>",
          "forward mode 'hostdev' of network 'm' is not supported" },
    };
    struct vmgr_network *other = NULL;
    struct vmgr_network_port *made = NULL;
    struct vmgr__network_port port;
    char *text;

    OK(vmgr__network_port_parse(PORT("<plug type='direct' dev='eth0' mode='private'/>"), &port,
                                &err));
    text = vmgr__network_port_format(&port, false);
    ck_assert_ptr_nonnull(strstr(text, plug));
    g_free(text);
    vmgr__network_port_clear(&port);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *xml = g_strdup_printf(
            "<network><name>m</name><forward mode='%s'>%s</network>", rows[i].mode, rows[i].more);
        g_autofree char *message =
            g_strdup_printf("unsupported configuration: %s", rows[i].message);

        if (rows[i].message) {
            FAILS(vmgr_network_create_xml(conn, xml, 0, &other, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
                  message);
            continue;
        }
        OK(vmgr_network_create_xml(conn, xml, 0, &other, &err));
        FAILS(vmgr_network_port_create_xml(other, PORT(""), 0, &made, &err),
              VMGR_ERR_CONFIG_UNSUPPORTED,
              "unsupported configuration: network 'm' has no bridge, and ports for guests of its "
              "own alone");
        FAILS(vmgr_network_get_bridge(other, &text, &err), VMGR_ERR_INTERNAL_ERROR,
              "internal error: network 'm' does not have a bridge name.");
        OK(vmgr_network_destroy(other, &err));
        other = vmgr_network_unref(other);
    }
}
END_TEST

/* Who is on a network is shown of the run alone. */
START_TEST(test_connections)
{
    struct vmgr_network_port *port = NULL;
    char *xml;

    OK(vmgr_network_port_create_xml(net, PORT(""), 0, &port, &err));
    OK(vmgr_network_get_xml(net, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<network connections='1'>"));
    free(xml);
    OK(vmgr_network_get_xml(net, VMGR_NETWORK_XML_INACTIVE, &xml, &err));
    ck_assert_ptr_null(strstr(xml, "connections"));
    free(xml);
    vmgr_network_port_unref(port);
}
END_TEST

START_TEST(test_read_only)
{
    struct vmgr_conn *ro = sandbox_connect(VMGR_CONN_RO);
    struct vmgr_network *seen = NULL;
    struct vmgr_network_port *port = NULL;

    OK(vmgr_network_lookup_by_name(ro, "n", &seen, &err));
    ck_assert_int_eq(vmgr_network_port_list(seen, 0, NULL, NULL), 0);
    FAILS(vmgr_network_port_create_xml(seen, PORT(""), 0, &port, &err), VMGR_ERR_OPERATION_DENIED,
          "operation forbidden: read only access prevents virNetworkPortCreateXML");
    vmgr_network_unref(seen);
    vmgr_conn_unref(ro);
}
END_TEST

/* No file can be written, as on a full disk: a network can be ended. */
START_TEST(test_destroy_without_room)
{
    int r;

    sandbox_set_room(false);
    r = vmgr_network_destroy(net, NULL);
    sandbox_set_room(true);
    ck_assert_int_eq(r, 0);
    ck_assert_int_eq(vmgr_network_list(conn, 0, NULL, NULL), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("network-port");
    TCase *t = tcase_create("ports");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_document);
    tcase_add_loop_test(t, test_mistakes, 0, sizeof(mistakes) / sizeof(*mistakes));
    tcase_add_test(t, test_calls);
    tcase_add_test(t, test_destroy_without_room);
    tcase_add_test(t, test_direct);
    tcase_add_test(t, test_connections);
    tcase_add_test(t, test_read_only);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
