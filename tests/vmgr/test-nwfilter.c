/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network filters: documents, what rules match in nft's words, the interface over the vemu driver;
 * and limits and addresses of interfaces that are not there.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmgr/guestnet.h>
#include <vmgr/nwfilter-binding.h>

#include "conf/bandwidth.h"
#include "conf/nwfilter.h"
#include "driver/vemu/run/port.h"
#include "driver/vemu/vemu.h"
#include "nwfilter/nwfilter.h"
#include "scratch-root.h"

static struct vmgr_conn *conn;

static struct vmgr_conn *connect_root(uint32_t flags)
{
    return scratch_connect("vemu:///system", NULL, flags);
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

static void expect(struct vmgr_error *err, int code, const char *words)
{
    ck_assert_ptr_nonnull(err);
    ck_assert_msg(vmgr_error_get_code(err) == code && strstr(vmgr_error_get_message(err), words),
                  "%d: %s", vmgr_error_get_code(err), vmgr_error_get_message(err));
    vmgr_error_free(err);
}

static void refused(const char *xml, int code, const char *words)
{
    struct vmgr_error *err = NULL;

    ck_assert_ptr_null(vmgr__nwfilter_def_parse(xml, &err));
    expect(err, code, words);
}

/* ---- documents ---- */

START_TEST(test_document)
{
    static const char text[] =
        "<filter name='f' chain='ipv4-x' priority='-700'>\n"
        "  <uuid>12345678-1234-1234-1234-123456789abc</uuid>\n"
        "  <filterref filter='other'>\n"
        "    <parameter name='IP' value='10.0.0.1'/>\n"
        "    <parameter name='IP' value='10.0.0.2'/>\n"
        "  </filterref>\n"
        "  <rule action='drop' direction='out' priority='500'>\n"
        "    <ip match='no' srcipaddr='$IP' protocol='udp'/>\n"
        "  </rule>\n"
        "  <rule action='accept' direction='inout' priority='-7' statematch='false'/>\n"
        "</filter>\n";
    struct vmgr__nwfilter_def *def = vmgr__nwfilter_def_parse(text, NULL);
    g_autofree char *again = NULL;

    ck_assert_ptr_nonnull(def);
    again = vmgr__nwfilter_def_format(def);
    ck_assert_str_eq(again, text);
    vmgr__nwfilter_def_free(def);
    def = vmgr__nwfilter_def_parse("<filter name='a'/>", NULL);
    ck_assert_ptr_nonnull(def);
    ck_assert_str_eq(def->chain, "root");
    ck_assert(!def->has_uuid);
    vmgr__nwfilter_def_free(def);
}
END_TEST

#define RULE(text) "<filter name='a'><rule action='drop' direction='out'>" text "</rule></filter>"

START_TEST(test_mistakes)
{
    refused("<filter/>", VMGR_ERR_INTERNAL_ERROR, "no name");
    refused("<filter name='../a'/>", VMGR_ERR_XML_ERROR, "'../a'");
    refused("<filter name='a' chain='tcp'/>", VMGR_ERR_INVALID_ARG, "'tcp'");
    refused("<filter name='a' chain='ipv4x'/>", VMGR_ERR_INVALID_ARG, "'ipv4x'");
    refused("<filter name='a' chain='root-x'/>", VMGR_ERR_INVALID_ARG, "'root-x'");
    refused("<filter name='a' priority='1001'/>", VMGR_ERR_XML_ERROR, "1001");
    refused("<filter name='a'><uuid>x</uuid></filter>", VMGR_ERR_INTERNAL_ERROR, "uuid");
    refused("<filter name='a'><bogus/></filter>", VMGR_ERR_XML_ERROR, "<bogus>");
    refused("<filter name='a'><filterref/></filter>", VMGR_ERR_XML_ERROR, "filterref");
    refused("<filter name='a'><filterref filter='b'><parameter name='x;'/></filterref></filter>",
            VMGR_ERR_XML_ERROR, "parameter");
    refused("<filter name='a'><rule direction='in'/></filter>", VMGR_ERR_INTERNAL_ERROR, "action");
    refused("<filter name='a'><rule action='drop'/></filter>", VMGR_ERR_INTERNAL_ERROR,
            "direction");
    refused("<filter name='a'><rule action='x' direction='in'/></filter>", VMGR_ERR_XML_ERROR, "x");
    refused(RULE("<mac/><ip/>"), VMGR_ERR_XML_ERROR, "one protocol");
    refused(RULE("<bogus/>"), VMGR_ERR_CONFIG_UNSUPPORTED, "<bogus>");
    refused(RULE("<mac vlanid='1'/>"), VMGR_ERR_CONFIG_UNSUPPORTED, "'vlanid' of <mac>");
    refused(RULE("<mac srcmacmask='ff:ff:ff:00:00:00'/>"), VMGR_ERR_CONFIG_UNSUPPORTED,
            "'srcmacmask'");
    refused(RULE("<mac srcmacaddr='52:54'/>"), VMGR_ERR_XML_ERROR, "'52:54'");
    refused(RULE("<ip srcipaddr='10.0.0.1; flush ruleset'/>"), VMGR_ERR_XML_ERROR, "flush");
    refused(RULE("<ip srcipaddr='10.0.0.1' srcipmask='255.0.255.0'/>"), VMGR_ERR_XML_ERROR,
            "255.0.255.0");
    refused(RULE("<ip srcipaddr='$IP[@1]'/>"), VMGR_ERR_CONFIG_UNSUPPORTED, "$IP[@1]");
    refused(RULE("<tcp dstportstart='65536'/>"), VMGR_ERR_XML_ERROR, "65536");
    refused(RULE("<tcp connlimit-above='1'/>"), VMGR_ERR_CONFIG_UNSUPPORTED, "connlimit-above");
    refused(RULE("<arp gratuitous='true'/>"), VMGR_ERR_CONFIG_UNSUPPORTED, "gratuitous");
}
END_TEST

/* ---- rules ---- */

static const struct {
    const char *rule, *match, *reverse;
} rules[] = {
    { "<mac srcmacaddr='$MAC'/>", " ether saddr 52:54:00:00:00:01",
      " ether daddr 52:54:00:00:00:01" },
    { "<mac match='no' dstmacaddr='FF:ff:ff:ff:ff:ff' comment='x'/>",
      " ether daddr != ff:ff:ff:ff:ff:ff", " ether saddr != ff:ff:ff:ff:ff:ff" },
    { "<mac srcmacaddr='01:02:03:04:05:06' srcmacmask='ff:ff:00:00:00:00'/>",
      " ether saddr & ff:ff:00:00:00:00 == 01:02:00:00:00:00",
      " ether daddr & ff:ff:00:00:00:00 == 01:02:00:00:00:00" },
    { "<mac protocolid='arp'/>", " ether type 0x0806", " ether type 0x0806" },
    { "<ip srcipaddr='$LIST' protocol='udp' dstportstart='67' dstportend='68'/>",
      "ether type ip ip saddr { 10.0.0.1, 10.0.0.2 } ip protocol 17 th dport 67-68",
      "ether type ip ip daddr { 10.0.0.1, 10.0.0.2 } ip protocol 17 th sport 67-68" },
    { "<ip dstipaddr='$LIST[1]' dstipmask='24'/>", NULL, NULL },
    { "<ip dstipaddr='$LIST[1]'/>", "ether type ip ip daddr 10.0.0.2",
      "ether type ip ip saddr 10.0.0.2" },
    { "<ip dstipaddr='$LIST[2]'/>", NULL, NULL },
    { "<ip dstipaddr='224.0.0.0' dstipmask='240.0.0.0'/>", "ether type ip ip daddr 224.0.0.0/4",
      "ether type ip ip saddr 224.0.0.0/4" },
    { "<ip srcipaddr='$IP'/>", "ether type ip ip saddr @learned",
      "ether type ip ip daddr @learned" },
    { "<ip srcipaddr='$MISSING'/>", NULL, NULL },
    { "<ip srcipaddr='$MAC'/>", NULL, NULL },
    { "<ipv6 dstipaddr='FF00::' dstipmask='8'/>", "ether type ip6 ip6 daddr ff00::/8",
      "ether type ip6 ip6 saddr ff00::/8" },
    { "<tcp srcipfrom='1.0.0.1' srcipto='1.0.0.9' dstportstart='22'/>",
      "ether type ip ip protocol tcp ip saddr 1.0.0.1-1.0.0.9 th dport 22",
      "ether type ip ip protocol tcp ip daddr 1.0.0.1-1.0.0.9 th sport 22" },
    { "<rarp opcode='Request_Reverse' arpsrcmacaddr='$MAC' arpdstipaddr='127.0.0.1'/>",
      "ether type 0x8035 @nh,48,16 3 @nh,64,48 0x525400000001 @nh,192,32 0x7f000001",
      "ether type 0x8035 @nh,48,16 3 @nh,144,48 0x525400000001 @nh,112,32 0x7f000001" },
};

START_TEST(test_match)
{
    g_autofree char *xml = g_strdup_printf(
        "<filter name='a'><rule action='drop' direction='out'>%s</rule></filter>", rules[_i].rule);
    g_autoptr(GHashTable) vars = vmgr__nwfilter_vars_new();
    struct vmgr__nwfilter_def *def = vmgr__nwfilter_def_parse(xml, NULL);
    const struct vmgr__nwfilter_rule *rule;
    struct vmgr_error *err = NULL;

    vmgr__nwfilter_vars_add(vars, "MAC", "52:54:00:00:00:01");
    vmgr__nwfilter_vars_add(vars, "LIST", "10.0.0.1");
    vmgr__nwfilter_vars_add(vars, "LIST", "10.0.0.2");
    if (!def) { /* a mask beside a parameter is refused at once */
        ck_assert_ptr_null(rules[_i].match);
        return;
    }
    rule = ((struct vmgr__nwfilter_entry *)def->entries->pdata[0])->rule;
    for (int reverse = 0; reverse < 2; reverse++) {
        bool learned = false;
        g_autofree char *match = vmgr__nwfilter_match(rule, reverse, vars, &learned, &err);

        if (!rules[_i].match) {
            ck_assert_ptr_null(match);
            ck_assert_ptr_nonnull(err);
            err = vmgr_error_free(err);
            continue;
        }
        ck_assert_ptr_nonnull(match);
        ck_assert_str_eq(match, reverse ? rules[_i].reverse : rules[_i].match);
        ck_assert_int_eq(learned, strstr(match, "@learned") != NULL);
    }
    vmgr__nwfilter_def_free(def);
}
END_TEST

/* ---- the interface ---- */

START_TEST(test_interface)
{
    static const uint8_t none[VMGR_UUID_SIZE];
    struct vmgr_nwfilter *f = NULL, *same = NULL, **list;
    uint8_t uuid[VMGR_UUID_SIZE];
    struct vmgr_error *err = NULL;
    char *xml = NULL;
    int n;

    setup();
    n = vmgr_nwfilter_list(conn, 0, &list, NULL);
    ck_assert_int_ge(n, 24);
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(vmgr_nwfilter_get_xml(list[i], 0, &xml, NULL), 0);
        ck_assert_ptr_nonnull(strstr(xml, vmgr_nwfilter_get_uuid_string(list[i])));
        free(xml);
    }
    ck_assert_ptr_null(vmgr_nwfilter_list_free(list));
    ck_assert_int_eq(vmgr_nwfilter_list(conn, 1, NULL, &err), -1);
    expect(err, VMGR_ERR_INVALID_ARG, "unsupported flags");
    err = NULL;

    ck_assert_int_eq(vmgr_nwfilter_define_xml(conn, "<filter name='b'/>", 0, &f, NULL), 0);
    ck_assert_str_eq(vmgr_nwfilter_get_name(f), "b");
    ck_assert_ptr_eq(vmgr_nwfilter_get_conn(f), conn);
    vmgr_nwfilter_get_uuid(f, uuid);
    ck_assert_int_eq(vmgr_nwfilter_lookup_by_uuid(conn, uuid, &same, NULL), 0);
    ck_assert_str_eq(vmgr_nwfilter_get_name(same), "b");
    same = vmgr_nwfilter_unref(same);
    ck_assert_int_eq(
        vmgr_nwfilter_lookup_by_uuid_string(conn, vmgr_nwfilter_get_uuid_string(f), &same, NULL),
        0);
    ck_assert_ptr_eq(vmgr_nwfilter_ref(same), same);
    vmgr_nwfilter_unref(same);
    same = vmgr_nwfilter_unref(same);
    ck_assert_int_eq(vmgr_nwfilter_lookup_by_uuid_string(conn, "x", &same, &err), -1);
    expect(err, VMGR_ERR_INVALID_ARG, "valid UUID");
    err = NULL;
    ck_assert_int_eq(vmgr_nwfilter_lookup_by_uuid(conn, none, &same, &err), -1);
    expect(err, VMGR_ERR_NO_NWFILTER, "matching uuid");
    err = NULL;
    ck_assert_int_eq(vmgr_nwfilter_lookup_by_name(conn, "../../x", &same, &err), -1);
    expect(err, VMGR_ERR_NO_NWFILTER, "matching name");
    err = NULL;
    ck_assert_int_eq(vmgr_nwfilter_define_xml(conn, "<filter name='c'/>",
                                              VMGR_NWFILTER_DEFINE_VALIDATE, NULL, &err),
                     -1);
    expect(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, "schema");
    vmgr_nwfilter_unref(f);
    teardown();
}
END_TEST

static void define_fails(const char *xml, int code, const char *words)
{
    struct vmgr_error *err = NULL;

    ck_assert_int_eq(vmgr_nwfilter_define_xml(conn, xml, 0, NULL, &err), -1);
    expect(err, code, words);
}

START_TEST(test_uses)
{
    struct vmgr_nwfilter *a = NULL, *b = NULL, *standard = NULL;
    struct vmgr_conn *reader;
    struct vmgr_error *err = NULL;
    g_autofree char *xml = NULL;

    setup();
    ck_assert_int_eq(vmgr_nwfilter_define_xml(conn, "<filter name='b'/>", 0, &b, NULL), 0);
    ck_assert_int_eq(vmgr_nwfilter_define_xml(
                         conn, "<filter name='a'><filterref filter='b'/></filter>", 0, &a, NULL),
                     0);
    define_fails("<filter name='b'><filterref filter='a'/></filter>", VMGR_ERR_OPERATION_FAILED,
                 "loop");
    define_fails("<filter name='b'><filterref filter='b'/></filter>", VMGR_ERR_OPERATION_FAILED,
                 "loop");
    define_fails("<filter name='b'><uuid>12345678-1234-1234-1234-123456789abc</uuid></filter>",
                 VMGR_ERR_OPERATION_FAILED, "already exists with uuid");
    xml = g_strdup_printf("<filter name='c'><uuid>%s</uuid></filter>",
                          vmgr_nwfilter_get_uuid_string(b));
    define_fails(xml, VMGR_ERR_OPERATION_FAILED, "different name ('b')");
    ck_assert_int_eq(vmgr_nwfilter_undefine(b, &err), -1);
    expect(err, VMGR_ERR_OPERATION_INVALID, "in use");
    err = NULL;
    ck_assert_int_eq(vmgr_nwfilter_undefine(a, NULL), 0);
    ck_assert_int_eq(vmgr_nwfilter_undefine(b, NULL), 0);
    ck_assert_int_eq(vmgr_nwfilter_undefine(b, &err), -1);
    expect(err, VMGR_ERR_NO_NWFILTER, "'b'");
    err = NULL;
    vmgr_nwfilter_unref(a);
    vmgr_nwfilter_unref(b);

    /* A standard one may be replaced, and comes back. */
    ck_assert_int_eq(vmgr_nwfilter_lookup_by_name(conn, "allow-arp", &standard, NULL), 0);
    ck_assert_int_eq(vmgr_nwfilter_undefine(standard, &err), -1);
    expect(err, VMGR_ERR_OPERATION_INVALID, "always there");
    err = NULL;
    ck_assert_int_eq(vmgr_nwfilter_define_xml(conn, "<filter name='allow-arp'/>", 0, NULL, NULL),
                     0);
    ck_assert_int_eq(vmgr_nwfilter_undefine(standard, NULL), 0);
    ck_assert_int_eq(vmgr_nwfilter_lookup_by_name(conn, "allow-arp", &b, NULL), 0);

    reader = connect_root(VMGR_CONN_RO);
    ck_assert_int_eq(vmgr_nwfilter_define_xml(reader, "<filter name='c'/>", 0, NULL, &err), -1);
    expect(err, VMGR_ERR_OPERATION_DENIED, "read only");
    vmgr_conn_unref(reader);
    vmgr_nwfilter_unref(standard);
    vmgr_nwfilter_unref(b);
    teardown();
}
END_TEST

/* ---- bindings ---- */

#define OWNER "<owner><name>g</name><uuid>12345678-1234-1234-1234-123456789abc</uuid></owner>"
#define BOUND(port, rest)                                                                          \
    "<filterbinding><portdev name='" port "'/>" OWNER "<mac address='52:54:00:AA:00:01'/>" rest    \
    "</filterbinding>"

START_TEST(test_binding_document)
{
    static const struct {
        const char *xml, *words;
    } wrong[] = {
        { "<filterbinding/>", "no port dev name" },
        { "<filterbinding><portdev name=''/></filterbinding>", "no port dev name" },
        { "<filterbinding><portdev name='a'/><linkdev/></filterbinding>", "no link dev name" },
        { "<filterbinding><portdev name='a'/></filterbinding>", "no owner name" },
        { "<filterbinding><portdev name='a'/><owner><name>x</name></owner></filterbinding>",
          "no owner UUID" },
        { "<filterbinding><portdev name='a'/><owner><name>x</name><uuid>z</uuid></owner>"
          "</filterbinding>",
          "Unable to parse UUID 'z'" },
        { "<filterbinding><portdev name='a'/>" OWNER "</filterbinding>", "no MAC address" },
        { "<filterbinding><portdev name='a'/>" OWNER "<mac address='z'/></filterbinding>",
          "Unable to parse MAC 'z'" },
        { BOUND("a", ""), "no filter reference" },
        { BOUND("a", "<filterref filter='../x'/>"), "'../x'" },
        { "<filter/>", "expecting root element of 'filterbinding', not 'filter'" },
        { "<filterbinding", "" },
    };
    struct vmgr__nwfilter_binding b;
    g_autofree char *text = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        struct vmgr_error *err = NULL;

        ck_assert_int_eq(vmgr__nwfilter_binding_parse(wrong[i].xml, &b, &err), -1);
        ck_assert_msg(strstr(vmgr_error_get_message(err), wrong[i].words), "%s",
                      vmgr_error_get_message(err));
        vmgr_error_free(err);
    }
    ck_assert_int_eq(
        vmgr__nwfilter_binding_parse(
            BOUND("a", "<linkdev name='l'/><filterref filter='f'><parameter name='A' value='1'/>"
                       "</filterref>"),
            &b, NULL),
        0);
    text = vmgr__nwfilter_binding_format(&b);
    ck_assert_str_eq(text, "<filterbinding>\n"
                           "  <owner>\n"
                           "    <name>g</name>\n"
                           "    <uuid>12345678-1234-1234-1234-123456789abc</uuid>\n"
                           "  </owner>\n"
                           "  <portdev name='a'/>\n"
                           "  <linkdev name='l'/>\n"
                           "  <mac address='52:54:00:aa:00:01'/>\n"
                           "  <filterref filter='f'>\n"
                           "    <parameter name='A' value='1'/>\n"
                           "  </filterref>\n"
                           "</filterbinding>\n");
    vmgr__nwfilter_binding_clear(&b);
}
END_TEST

static void unbound(struct vmgr_conn *c, const char *xml, int code, const char *words)
{
    struct vmgr_error *err = NULL;

    ck_assert_int_eq(vmgr_nwfilter_binding_create_xml(c, xml, 0, NULL, &err), -1);
    expect(err, code, words);
    ck_assert_int_eq(vmgr_nwfilter_binding_list(conn, 0, NULL, NULL), 0);
}

/* What ends before a rule is made. */
START_TEST(test_binding_calls)
{
    struct vmgr_nwfilter_binding *b = NULL, **list = NULL;
    struct vmgr_error *err = NULL;
    struct vmgr_conn *reader, *test = NULL;

    setup();
    ck_assert_int_eq(vmgr_nwfilter_binding_list(conn, 0, &list, NULL), 0);
    ck_assert_ptr_null(list[0]);
    ck_assert_ptr_null(vmgr_nwfilter_binding_list_free(list));
    ck_assert_int_eq(vmgr_nwfilter_binding_list(conn, 1, NULL, &err), -1);
    expect(err, VMGR_ERR_INVALID_ARG, "flags");
    err = NULL;
    ck_assert_int_eq(vmgr_nwfilter_binding_lookup_by_port_dev(conn, "../x", &b, &err), -1);
    expect(err, VMGR_ERR_NO_NWFILTER_BINDING,
           "Network filter binding not found: no nwfilter binding for port dev '../x'");
    err = NULL;
    unbound(conn, NULL, VMGR_ERR_INVALID_ARG, "no document");
    unbound(conn, BOUND("no such", "<filterref filter='allow-arp'/>"), VMGR_ERR_CONFIG_UNSUPPORTED,
            "'no such'");
    unbound(conn, BOUND("../x", "<filterref filter='allow-arp'/>"), VMGR_ERR_CONFIG_UNSUPPORTED,
            "'../x'");
    unbound(conn, BOUND("nodev9", "<filterref filter='allow-arp'/>"), VMGR_ERR_SYSTEM_ERROR,
            "interface nodev9: No such device");
    unbound(conn, BOUND("lo", "<filterref filter='none'/>"), VMGR_ERR_NO_NWFILTER, "'none'");
    ck_assert_int_eq(vmgr_nwfilter_binding_create_xml(conn, BOUND("lo", "<filterref filter='a'/>"),
                                                      VMGR_NWFILTER_BINDING_CREATE_VALIDATE, NULL,
                                                      &err),
                     -1);
    expect(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, "schema");
    reader = connect_root(VMGR_CONN_RO);
    unbound(reader, BOUND("lo", "<filterref filter='none'/>"), VMGR_ERR_OPERATION_DENIED,
            "read only access prevents virNWFilterBindingCreateXML");
    vmgr_conn_unref(reader);
    ck_assert_int_eq(vmgr_conn_open("test:///default", 0, &test, NULL), 0);
    err = NULL;
    ck_assert_int_eq(vmgr_nwfilter_binding_list(test, 0, NULL, &err), -1);
    expect(err, VMGR_ERR_NO_SUPPORT, "virConnectListAllNWFilterBindings");
    vmgr_conn_unref(test);
    ck_assert_ptr_null(vmgr_nwfilter_binding_unref(NULL));
    teardown();
}
END_TEST

/* ---- what nft does not do ---- */

/* nft from here on: what it is told is in ROOT/said; it fails when there is ROOT/broken. */
static void fake_nft(void)
{
    g_autofree char *dir = g_build_filename(scratch_root, "bin", NULL);
    g_autofree char *path = g_build_filename(dir, "nft", NULL);
    g_autofree char *paths = g_strdup_printf("%s:%s", dir, g_getenv("PATH"));
    g_autofree char *script =
        g_strdup_printf("#!/bin/sh\n"
                        "[ ! -e %s/broken ] || { echo no luck >&2; exit 3; }\n"
                        "echo \"$@\" >>%s/said\n",
                        scratch_root, scratch_root);

    ck_assert_int_eq(mkdir(dir, 0700), 0);
    ck_assert(g_file_set_contents(path, script, -1, NULL));
    ck_assert_int_eq(chmod(path, 0700), 0);
    ck_assert(g_setenv("PATH", paths, TRUE));
}

static void set_broken(bool on)
{
    g_autofree char *path = g_build_filename(scratch_root, "broken", NULL);

    if (on)
        ck_assert(g_file_set_contents(path, "", 0, NULL));
    else
        ck_assert_int_eq(unlink(path), 0);
}

static bool has(const char *file, const char *words)
{
    g_autofree char *path = g_build_filename(scratch_root, file, NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, words);
}

START_TEST(test_binding_stays)
{
    struct vmgr_nwfilter_binding *b = NULL;
    struct vmgr__nwfilter_binding bare = { .interface = (char *)"lo" };
    struct vmgr__domain_def def = { .name = (char *)"hand" };
    struct vmgr_error *err = NULL;
    struct vemu *d;

    setup();
    fake_nft();
    d = conn->driver_data;
    ck_assert(vmgr__uuid_parse("12345678-1234-1234-1234-123456789abc", def.uuid));
    set_broken(true);
    unbound(conn, BOUND("lo", "<filterref filter='allow-arp'/>"), VMGR_ERR_INTERNAL_ERROR,
            "nft failed with status 3: no luck");
    ck_assert_int_eq(vmgr_nwfilter_binding_list(conn, 0, NULL, NULL), 0);
    set_broken(false);
    ck_assert_int_eq(vmgr_nwfilter_binding_create_xml(
                         conn, BOUND("lo", "<filterref filter='allow-arp'/>"), 0, &b, NULL),
                     0);
    /* by hand, at the start of a run without filters, and at the end of one */
    set_broken(true);
    ck_assert_int_eq(vmgr_nwfilter_binding_delete(b, &err), -1);
    expect(err, VMGR_ERR_INTERNAL_ERROR, "nft failed with status 3: no luck");
    err = NULL;
    ck_assert_int_eq(vmgr__nwfilter_bind(d, &bare, &err), -1);
    expect(err, VMGR_ERR_INTERNAL_ERROR, "nft failed with status 3: no luck");
    vmgr__vemu_ports_forget(d, &def);
    ck_assert(has("log/vmgr/hand.log", ": rules of interfaces may be left: "));
    ck_assert(has("log/vmgr/hand.log", "nft failed with status 3: no luck"));
    ck_assert_int_eq(vmgr_nwfilter_binding_list(conn, 0, NULL, NULL), 1);
    ck_assert(!has("said", "delete"));
    set_broken(false);
    def.uuid[0] ^= 1; /* another's stays */
    vmgr__vemu_ports_forget(d, &def);
    ck_assert_int_eq(vmgr_nwfilter_binding_list(conn, 0, NULL, NULL), 1);
    def.uuid[0] ^= 1;
    vmgr__vemu_ports_forget(d, &def);
    ck_assert_int_eq(vmgr_nwfilter_binding_list(conn, 0, NULL, NULL), 0);
    ck_assert(has("said", "add table bridge vmgr_filter_lo; delete table bridge vmgr_filter_lo"));
    vmgr_nwfilter_binding_unref(b);
    teardown();
}
END_TEST

/* ---- limits and addresses ---- */

START_TEST(test_bandwidth)
{
    static const struct {
        const char *xml, *words;
    } wrong[] = {
        { "<bandwidth><inbound/></bandwidth>", "Missing mandatory average" },
        { "<bandwidth><inbound average='x'/></bandwidth>", "'x'" },
        { "<bandwidth><inbound average='1' floor='1'/></bandwidth>", "'floor'" },
        { "<bandwidth><inbound average='1' odd='1'/></bandwidth>", "'odd'" },
        { "<bandwidth><both average='1'/></bandwidth>", "<both>" },
        { "<bandwidth><inbound average='1'/><inbound average='1'/></bandwidth>", "Only one" },
    };
    struct vmgr__bandwidth b;

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        struct vmgr_error *err = NULL;

        ck_assert_int_eq(vmgr__bandwidth_parse(wrong[i].xml, &b, &err), -1);
        ck_assert_msg(strstr(vmgr_error_get_message(err), wrong[i].words), "%s",
                      vmgr_error_get_message(err));
        vmgr_error_free(err);
    }
    ck_assert_int_eq(vmgr__bandwidth_parse("<bandwidth><outbound average='7' burst='9'/>"
                                           "</bandwidth>",
                                           &b, NULL),
                     0);
    ck_assert(!b.in.present && b.out.present && b.out.average == 7 && b.out.burst == 9);
    ck_assert_int_eq(vmgr__bandwidth_parse(NULL, &b, NULL), 0);
    ck_assert(!vmgr__bandwidth_is_any(&b));
}
END_TEST

START_TEST(test_limits)
{
    struct vmgr_domain_interface **list = NULL;
    uint32_t limits[VMGR_LIMIT_COUNT] = {
        [VMGR_LIMIT_IN_AVERAGE] = 100, [VMGR_LIMIT_OUT_PEAK] = 9
    };
    uint32_t got[VMGR_LIMIT_COUNT];
    struct vmgr_domain *dom = NULL;
    struct vmgr_error *err = NULL;
    char *xml = NULL;

    setup();
    ck_assert_int_eq(
        vmgr_domain_define_xml(conn,
                               "<domain type='qemu'><name>d</name><memory>65536</memory>"
                               "<os><type machine='q35'>hvm</type><kernel>/k</kernel></os>"
                               "<devices><interface type='bridge'><source bridge='br0'/>"
                               "<mac address='52:54:00:00:00:01'/></interface></devices></domain>",
                               0, &dom, NULL),
        0);
    ck_assert_str_eq(vmgr_interface_limit_name(VMGR_LIMIT_OUT_BURST), "outbound.burst");
    ck_assert_ptr_null(vmgr_interface_limit_name(VMGR_LIMIT_COUNT));
    ck_assert_ptr_null(vmgr_interface_limit_name(-1));
    ck_assert_int_eq(vmgr_domain_set_interface_limits(dom, "52:54:00:00:00:01", VMGR_LIMIT_IN,
                                                      limits, VMGR_DOMAIN_AFFECT_CONFIG, NULL),
                     0);
    ck_assert_int_eq(vmgr_domain_get_interface_limits(dom, "52:54:00:00:00:01", 0, got, NULL), 0);
    ck_assert_uint_eq(got[VMGR_LIMIT_IN_AVERAGE], 100);
    ck_assert_uint_eq(got[VMGR_LIMIT_OUT_PEAK], 0);
    ck_assert_int_eq(vmgr_domain_get_xml(dom, 0, &xml, NULL), 0);
    ck_assert_ptr_nonnull(strstr(xml, "<inbound average='100'/>"));
    free(xml);
    limits[VMGR_LIMIT_IN_AVERAGE] = 0;
    ck_assert_int_eq(
        vmgr_domain_set_interface_limits(dom, "52:54:00:00:00:01", VMGR_LIMIT_IN, limits, 0, NULL),
        0);
    ck_assert_int_eq(vmgr_domain_get_xml(dom, 0, &xml, NULL), 0);
    ck_assert_ptr_null(strstr(xml, "<bandwidth"));
    free(xml);
    ck_assert_int_eq(vmgr_domain_set_interface_limits(dom, "vnet9", VMGR_LIMIT_IN, limits, 0, &err),
                     -1);
    expect(err, VMGR_ERR_INVALID_ARG, "vnet9");
    err = NULL;
    ck_assert_int_eq(vmgr_domain_set_interface_limits(dom, "vnet9", 0, limits, 0, &err), -1);
    expect(err, VMGR_ERR_INVALID_ARG, "directions");
    err = NULL;
    ck_assert_int_eq(vmgr_domain_get_interface_limits(dom, "x", VMGR_DOMAIN_AFFECT_LIVE, got, &err),
                     -1);
    expect(err, VMGR_ERR_OPERATION_INVALID, "not running");
    err = NULL;
    ck_assert_int_eq(vmgr_domain_get_interface_addresses(dom, 0, 0, &list, &err), -1);
    expect(err, VMGR_ERR_OPERATION_INVALID, "not running");
    err = NULL;
    ck_assert_int_eq(vmgr_domain_get_interface_addresses(dom, 99, 0, &list, &err), -1);
    expect(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, "99");
    ck_assert_ptr_null(vmgr_domain_interfaces_free(NULL));
    vmgr_domain_unref(dom);
    teardown();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("network filters");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(s);
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_document);
    tcase_add_test(tc, test_mistakes);
    tcase_add_loop_test(tc, test_match, 0, (int)G_N_ELEMENTS(rules));
    tcase_add_test(tc, test_interface);
    tcase_add_test(tc, test_uses);
    tcase_add_test(tc, test_binding_document);
    tcase_add_test(tc, test_binding_calls);
    tcase_add_test(tc, test_binding_stays);
    tcase_add_test(tc, test_bandwidth);
    tcase_add_test(tc, test_limits);
    suite_add_tcase(s, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
