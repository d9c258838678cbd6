/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network documents: golden files for what comes in and out, golden messages for mistakes; changes
 * of parts; the interface over the test driver.
 *
 * golden/network/NAME.xml must read and be written as NAME.out (warnings at its end), which must
 * read and be written as itself. golden/network-errors/NAME.xml must fail with the text of
 * NAME.err. Both were made with another implementation of the format where it agrees.
 * VMGR_UPDATE_GOLDEN=1 rewrites the results.
 */
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <vmgr/event.h>

#include "conf/network.h"
#include "golden.h"

static void each(const char *dir, void (*run)(const char *dir, const char *name, const char *xml))
{
    g_autofree char *path = g_build_filename(GOLDEN_DIR, dir, NULL);
    g_autoptr(GDir) d = g_dir_open(path, 0, NULL);
    const char *file;
    int count = 0;

    ck_assert(d != NULL);
    while ((file = g_dir_read_name(d))) {
        if (g_str_has_suffix(file, ".xml")) {
            g_autofree char *xml = read_golden(dir, file);
            g_autofree char *name = g_strndup(file, strlen(file) - 4);

            run(dir, name, xml);
            count++;
        }
    }
    ck_assert_int_gt(count, 10);
}

static struct vmgr__network_def *parse(const char *xml)
{
    struct vmgr_error *err = NULL;
    struct vmgr__network_def *def = vmgr__network_def_parse(xml, &err);

    ck_assert_msg(def != NULL, "%.1000s: %.1000s", xml, vmgr_error_get_message(err));
    ck_assert(err == NULL);
    return def;
}

static void good(const char *dir, const char *name, const char *xml)
{
    g_autofree char *out = g_strconcat(name, ".out", NULL);
    struct vmgr__network_def *def = parse(xml), *again;
    g_autofree char *formatted = vmgr__network_def_format(def);
    g_autofree char *twice = NULL;
    g_autoptr(GString) result = g_string_new(formatted);

    for (guint w = 0; w < def->warnings->len; w++)
        g_string_append_printf(result, "warning: %s\n", (char *)def->warnings->pdata[w]);
    expect_golden(dir, out, result->str);
    again = parse(formatted);
    twice = vmgr__network_def_format(again);
    ck_assert_msg(strcmp(twice, formatted) == 0, "%s\n%.3000s--- again\n%.3000s", name, formatted,
                  twice);
    vmgr__network_def_free(again);
    vmgr__network_def_free(def);
}

static void bad(const char *dir, const char *name, const char *xml)
{
    g_autofree char *out = g_strconcat(name, ".err", NULL);
    g_autofree char *text = NULL;
    struct vmgr_error *err = NULL;

    ck_assert_msg(!vmgr__network_def_parse(xml, &err), "%s was accepted", name);
    text = g_strconcat(vmgr_error_get_message(err), "\n", NULL);
    expect_golden(dir, out, text);
    vmgr_error_free(err);
}

START_TEST(test_golden_documents)
{
    each("network", good);
}
END_TEST

START_TEST(test_golden_errors)
{
    each("network-errors", bad);
}
END_TEST

/* Cut-off documents must be refused, never crash. */
START_TEST(test_truncated)
{
    g_autofree char *xml = read_golden("network", "nat.xml");

    for (size_t i = strlen(xml) - 2; i > 0; i -= MIN(i, 7)) {
        struct vmgr_error *err = NULL;

        xml[i] = '\0';
        ck_assert(!vmgr__network_def_parse(xml, &err));
        ck_assert(err != NULL);
        vmgr_error_free(err);
    }
}
END_TEST

/* ---- changes of parts ---- */

static const char plain[] =
    "<network><name>n</name><uuid>81ff0d90-c91e-6742-64da-4a736edb9aa7</uuid>"
    "<forward mode='bridge'/>"
    "<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2' end='10.0.0.9'/>"
    "<host mac='52:54:00:00:00:01' name='a' ip='10.0.0.20'/></dhcp></ip>"
    "<ip family='ipv6' address='fd00::1' prefix='64'/></network>";

enum { ADD = 3, FIRST = 4, DELETE = 2, MODIFY = 1 };
enum { HOST = 4, RANGE = 5, INTERFACE = 7, PORTGROUP = 9, DNS_HOST = 10, TXT = 11, SRV = 12 };

/* One after the other on the same definition. The result is part of the document; after '-' what is
 * not there any more; after '!' part of the message. */
static const struct {
    int command, section, index;
    const char *xml, *result;
} steps[] = {
    { ADD, HOST, -1, "<host mac='52:54:00:00:00:02' ip='10.0.0.21'/>",
      "<host mac='52:54:00:00:00:02' ip='10.0.0.21'/>\n    </dhcp>" },
    { ADD, HOST, -1, "<host mac='52:54:0:0:0:2' ip='10.0.0.30'/>",
      "!there is an existing dhcp host entry in network 'n' that matches \"<host "
      "mac='52:54:00:00:00:02' name='(null)' ip='10.0.0.21'/>\"" },
    { FIRST, HOST, 0, "<host mac='52:54:00:00:00:03' ip='10.0.0.22'/>",
      "'10.0.0.9'/>\n      <host mac='52:54:00:00:00:03'" },
    { ADD, HOST, 5, "<host mac='52:54:00:00:00:04' ip='10.0.0.30'/>",
      "!no <ip> element found at index 5 in network 'n'" },
    { ADD, HOST, 1, "<host id='0:1' ip='fd00::9'/>", "<host id='0:1' ip='fd00::9'/>" },
    { MODIFY, HOST, -1, "<host mac='52:54:00:00:00:01' name='z' ip='10.0.0.99'/>",
      "<host mac='52:54:00:00:00:01' name='z' ip='10.0.0.99'/>" },
    { MODIFY, HOST, -1, "<host mac='52:54:00:00:00:77' ip='10.0.0.9'/>",
      "!couldn't locate an existing dhcp host entry with \"mac='52:54:00:00:00:77'\"" },
    { DELETE, HOST, -1, "<host ip='10.0.0.1'/>",
      "!couldn't locate a matching dhcp host entry in network 'n'" },
    { DELETE, HOST, -1, "<host mac='52:54:00:00:00:01'/>", "-52:54:00:00:00:01" },
    { ADD, RANGE, -1, "<range start='10.0.0.2' end='10.0.0.9'/>",
      "!there is an existing dhcp range entry in network 'n' that matches \"<range "
      "start='10.0.0.2' end='10.0.0.9'/>\"" },
    { ADD, RANGE, -1, "<range start='10.1.0.2' end='10.1.0.9'/>",
      "!is not entirely within network 10.0.0.1/24" },
    { MODIFY, RANGE, -1, "<range start='10.0.0.2' end='10.0.0.9'/>",
      "!dhcp ranges cannot be modified, only added or deleted" },
    { DELETE, RANGE, -1, "<range start='10.0.0.2' end='10.0.0.8'/>",
      "!couldn't locate a matching dhcp range entry" },
    { DELETE, RANGE, -1, "<range start='10.0.0.2' end='10.0.0.9'/>", "-<range" },
    { ADD, DNS_HOST, -1, "<host ip='1.2.3.4'><hostname>h</hostname></host>",
      "<hostname>h</hostname>" },
    { ADD, DNS_HOST, -1, "<host ip='1.2.3.5'><hostname>h</hostname></host>",
      "!there is already at least one DNS HOST record with a matching field in network n" },
    { DELETE, DNS_HOST, -1, "<host ip='1.2.3.9'/>",
      "!couldn't locate a matching DNS HOST record in network n" },
    { DELETE, DNS_HOST, -1, "<host ip='1.2.3.4'/>", "-hostname" },
    { ADD, TXT, -1, "<txt name='t' value='v'/>", "<txt name='t' value='v'/>" },
    { ADD, TXT, -1, "<txt name='t' value='w'/>",
      "!there is already a DNS TXT record with name 't' in network n" },
    { DELETE, TXT, -1, "<txt name='t'/>", "-<txt" },
    { ADD, SRV, -1, "<srv service='s' protocol='tcp'/>", "<srv service='s' protocol='tcp'/>" },
    { MODIFY, SRV, -1, "<srv service='s' protocol='tcp'/>", "!DNS SRV records cannot be modified" },
    { DELETE, SRV, -1, "<srv service='s'/>", "-<srv" },
    { ADD, PORTGROUP, -1, "<portgroup name='p' default='yes'/>",
      "<portgroup name='p' default='yes'>" },
    { ADD, PORTGROUP, -1, "<portgroup name='q' default='yes'/>",
      "!a different portgroup entry in network 'n' is already set as the default." },
    { MODIFY, PORTGROUP, -1, "<portgroup name='p'/>", "<portgroup name='p'>" },
    { DELETE, PORTGROUP, -1, "<portgroup name='p'/>", "-portgroup" },
    { DELETE, PORTGROUP, -1, "<portgroup name='p'/>",
      "!couldn't find a portgroup entry in network 'n' matching <portgroup name='p'>" },
    { ADD, INTERFACE, -1, "<interface dev='eth7'/>", "<forward dev='eth7' mode='bridge'>" },
    { DELETE, INTERFACE, -1, "<interface dev='eth7'/>", "<forward mode='bridge'/>" },
    { ADD, VMGR_NETWORK_SECTION_BRIDGE, -1, "<bridge/>",
      "!can't update 'bridge' section of network 'n'" },
    { ADD, TXT, -1, "<host/>",
      "!unexpected element <host>, expecting <txt>, while updating network 'n'" },
    { ADD, TXT, -1, "<host", "!network_update_xml" },
    { ADD, 77, -1, "<host/>", "!can't update unrecognized section" },
    { 77, TXT, -1, "<txt name='t' value='v'/>", "!unrecognized network update command code 77" },
};

START_TEST(test_update)
{
    struct vmgr__network_def *def = parse(plain);

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        const char *expected = steps[i].result;
        struct vmgr_error *err = NULL;
        int r = vmgr__network_def_update(def, steps[i].command, steps[i].section, steps[i].index,
                                         steps[i].xml, &err);
        g_autofree char *xml = vmgr__network_def_format(def);
        const char *text = r < 0 ? vmgr_error_get_message(err) : xml;

        ck_assert_msg((r < 0) == (*expected == '!'), "step %zu: %s", i, text);
        if (*expected == '-')
            ck_assert_msg(!strstr(text, expected + 1), "step %zu: %s", i, text);
        else
            ck_assert_msg(strstr(text, expected + (r < 0)) != NULL, "step %zu: %s", i, text);
        vmgr_error_free(err);
    }
    vmgr__network_def_free(def);
}
END_TEST

/* ---- the interface ---- */

static const char doc[] =
    "<network><name>n1</name><uuid>81ff0d90-c91e-6742-64da-4a736edb9a00</uuid>"
    "<bridge name='virbr9'/><bogus/><ip address='10.0.0.1' prefix='24'/></network>";
static const char host[] = "<host mac='52:54:00:00:00:01' ip='10.0.0.5'/>";

static struct vmgr_conn *open_test(uint32_t flags)
{
    struct vmgr_conn *conn = NULL;

    ck_assert_int_eq(vmgr_conn_open("test:///default", flags, &conn, NULL), 0);
    return conn;
}

static void fails(int r, struct vmgr_error **err, int code, const char *part)
{
    ck_assert_int_eq(r, -1);
    ck_assert_int_eq(vmgr_error_get_code(*err), code);
    ck_assert_msg(strstr(vmgr_error_get_message(*err), part) != NULL, "%s",
                  vmgr_error_get_message(*err));
    vmgr_error_free(*err);
    *err = NULL;
}

START_TEST(test_handles)
{
    struct vmgr_conn *conn = open_test(0);
    struct vmgr_network *net = NULL, *same = NULL, **list;
    struct vmgr_error *err = NULL;
    uint8_t uuid[VMGR_UUID_SIZE];

    ck_assert_int_eq(vmgr_network_lookup_by_name(conn, "default", &net, NULL), 0);
    ck_assert_ptr_eq(vmgr_network_get_conn(net), conn);
    ck_assert_str_eq(vmgr_network_get_name(net), "default");
    vmgr_network_get_uuid(net, uuid);
    ck_assert_int_eq(vmgr_network_lookup_by_uuid(conn, uuid, &same, NULL), 0);
    vmgr_network_unref(vmgr_network_ref(same));
    vmgr_network_unref(same);
    ck_assert_int_eq(
        vmgr_network_lookup_by_uuid_string(conn, vmgr_network_get_uuid_string(net), &same, NULL),
        0);
    vmgr_network_unref(same);
    fails(vmgr_network_lookup_by_name(conn, "no", &same, &err), &err, VMGR_ERR_NO_NETWORK,
          "Network not found: no network with matching name 'no'");
    fails(vmgr_network_lookup_by_uuid_string(conn, "zz", &same, &err), &err, VMGR_ERR_INVALID_ARG,
          "must be a valid UUID");
    uuid[0] ^= 1;
    fails(vmgr_network_lookup_by_uuid(conn, uuid, &same, &err), &err, VMGR_ERR_NO_NETWORK,
          "no network with matching uuid");
    ck_assert_int_eq(vmgr_network_list(conn, VMGR_NETWORK_LIST_ACTIVE, &list, NULL), 1);
    vmgr_network_list_free(list);
    ck_assert_int_eq(vmgr_network_list(conn, VMGR_NETWORK_LIST_INACTIVE, NULL, NULL), 0);
    fails(vmgr_network_list(conn, 1u << 20, NULL, &err), &err, VMGR_ERR_INVALID_ARG,
          "unsupported flags (0x100000)");
    vmgr_network_unref(net);
    vmgr_conn_unref(conn);
}
END_TEST

START_TEST(test_life)
{
    struct vmgr_conn *conn = open_test(0);
    struct vmgr_network *net = NULL;
    struct vmgr_error *err = NULL;
    char *text = NULL, **messages;

    ck_assert_int_eq(vmgr_network_define_xml(conn, doc, 0, &net, NULL), 0);
    ck_assert_int_eq(vmgr_network_get_messages(net, &messages, NULL), 1);
    ck_assert_str_eq(messages[0], "unknown element 'bogus' in network");
    vmgr_strings_free(messages);
    fails(vmgr_network_define_xml(conn, doc, VMGR_NETWORK_DEFINE_VALIDATE, &net, &err), &err,
          VMGR_ERR_ARGUMENT_UNSUPPORTED, "validation");
    fails(vmgr_network_define_xml(conn, "<network><name>n1</name></network>", 0, &net, &err), &err,
          VMGR_ERR_OPERATION_FAILED, "network 'n1' already exists with uuid 81ff0d90");
    ck_assert_int_eq(vmgr_network_is_active(net, NULL), 0);
    fails(vmgr_network_destroy(net, &err), &err, VMGR_ERR_OPERATION_INVALID, "is not active");
    fails(vmgr_network_update(net, 3, HOST, -1, host, VMGR_NETWORK_UPDATE_AFFECT_LIVE, &err), &err,
          VMGR_ERR_OPERATION_INVALID, "network is not running");
    ck_assert_int_eq(vmgr_network_start(net, NULL), 0);
    fails(vmgr_network_start(net, &err), &err, VMGR_ERR_OPERATION_INVALID, "already running");
    fails(vmgr_network_undefine(net, &err), &err, VMGR_ERR_OPERATION_INVALID, "still running");
    ck_assert_int_eq(vmgr_network_update(net, 3, HOST, -1, host, 0, NULL), 0);
    ck_assert_int_eq(vmgr_network_get_xml(net, 0, &text, NULL), 0);
    ck_assert(strstr(text, "52:54:00:00:00:01") != NULL);
    free(text);
    ck_assert_int_eq(vmgr_network_get_xml(net, VMGR_NETWORK_XML_INACTIVE, &text, NULL), 0);
    ck_assert(strstr(text, "52:54:00:00:00:01") == NULL);
    free(text);
    ck_assert_int_eq(vmgr_network_get_bridge(net, &text, NULL), 0);
    ck_assert_str_eq(text, "virbr9");
    free(text);
    ck_assert_int_eq(vmgr_network_set_autostart(net, 1, NULL), 0);
    ck_assert_int_eq(vmgr_network_get_autostart(net, NULL), 1);
    fails(vmgr_network_get_dhcp_leases(net, NULL, 0, NULL, &err), &err, VMGR_ERR_NO_SUPPORT,
          "virNetworkGetDHCPLeases");
    ck_assert(vmgr_network_dhcp_leases_free(NULL) == NULL);
    ck_assert_int_eq(vmgr_network_destroy(net, NULL), 0);
    ck_assert_int_eq(vmgr_network_undefine(net, NULL), 0);
    fails(vmgr_network_is_persistent(net, &err), &err, VMGR_ERR_NO_NETWORK, "(n1)");
    vmgr_network_unref(net);

    ck_assert_int_eq(vmgr_network_create_xml(conn, doc, 0, &net, NULL), 0);
    ck_assert_int_eq(vmgr_network_is_persistent(net, NULL), 0);
    fails(vmgr_network_set_autostart(net, 1, &err), &err, VMGR_ERR_OPERATION_INVALID, "transient");
    fails(vmgr_network_update(net, 3, HOST, -1, host, VMGR_NETWORK_UPDATE_AFFECT_CONFIG, &err),
          &err, VMGR_ERR_OPERATION_INVALID, "transient network");
    ck_assert_int_eq(vmgr_network_destroy(net, NULL), 0);
    ck_assert_int_eq(vmgr_network_is_active(net, NULL), -1);
    vmgr_network_unref(net);
    vmgr_conn_unref(conn);
}
END_TEST

START_TEST(test_read_only)
{
    struct vmgr_conn *conn = open_test(VMGR_CONN_RO);
    struct vmgr_network *net = NULL;
    struct vmgr_error *err = NULL;

    ck_assert_int_eq(vmgr_network_lookup_by_name(conn, "default", &net, NULL), 0);
    fails(vmgr_network_destroy(net, &err), &err, VMGR_ERR_OPERATION_DENIED,
          "read only access prevents virNetworkDestroy");
    fails(vmgr_network_create_xml(conn, doc, 0, NULL, &err), &err, VMGR_ERR_OPERATION_DENIED,
          "virNetworkCreateXML");
    vmgr_network_unref(net);
    vmgr_conn_unref(conn);
}
END_TEST

static void on_event(struct vmgr_conn *conn, struct vmgr_network *net,
                     const struct vmgr_network_event *event, void *data)
{
    ck_assert(vmgr_network_get_conn(net) == conn);
    g_string_append_printf(data, "%s %s;", vmgr_network_get_name(net),
                           vmgr_network_event_type_name(event->type));
    ck_assert_uint_ge(event->size, sizeof(*event));
    ck_assert_int_eq(event->id, VMGR_NETWORK_EVENT_LIFECYCLE);
}

static void freed(void *data)
{
    g_string_append(data, "freed");
}

START_TEST(test_events)
{
    struct vmgr_conn *conn = open_test(0);
    struct vmgr_network *net = NULL, *other = NULL;
    struct vmgr_error *err = NULL;
    g_autoptr(GString) all = g_string_new(NULL);
    g_autoptr(GString) one = g_string_new(NULL);
    struct pollfd p = { .events = POLLIN };
    int a, b;

    ck_assert_int_eq(vmgr_network_lookup_by_name(conn, "default", &other, NULL), 0);
    fails(vmgr_conn_add_network_event(conn, NULL, 7, on_event, NULL, NULL, &err), &err,
          VMGR_ERR_INVALID_ARG, "unknown event id 7");
    a = vmgr_conn_add_network_event(conn, NULL, 0, on_event, all, freed, NULL);
    b = vmgr_conn_add_network_event(conn, other, 0, on_event, one, NULL, NULL);
    ck_assert_int_ge(a, 0);
    ck_assert_int_ge(b, 0);
    ck_assert_int_eq(vmgr_network_define_xml(conn, doc, 0, &net, NULL), 0);
    ck_assert_int_eq(vmgr_network_start(net, NULL), 0);
    ck_assert_int_eq(vmgr_network_destroy(net, NULL), 0);
    ck_assert_int_eq(vmgr_network_undefine(net, NULL), 0);
    ck_assert_int_eq(vmgr_network_destroy(other, NULL), 0);
    p.fd = vmgr_conn_get_event_fd(conn, NULL);
    ck_assert_int_eq(poll(&p, 1, 1000), 1);
    ck_assert_int_eq(vmgr_conn_dispatch(conn, NULL), 5);
    ck_assert_str_eq(all->str, "n1 Defined;n1 Started;n1 Stopped;n1 Undefined;default Stopped;");
    ck_assert_str_eq(one->str, "default Stopped;");
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    g_string_truncate(all, 0);
    ck_assert_int_eq(vmgr_conn_remove_network_event(conn, a, NULL), 0);
    ck_assert_str_eq(all->str, "freed");
    fails(vmgr_conn_remove_network_event(conn, a, &err), &err, VMGR_ERR_INVALID_ARG, "not find");
    ck_assert_str_eq(vmgr_network_event_type_name(99), "unknown");
    vmgr_network_unref(net);
    vmgr_network_unref(other);
    vmgr_conn_unref(conn);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("network");
    TCase *t = tcase_create("documents");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_golden_documents);
    tcase_add_test(t, test_golden_errors);
    tcase_add_test(t, test_truncated);
    tcase_add_test(t, test_update);
    suite_add_tcase(s, t);
    t = tcase_create("interface");
    tcase_add_test(t, test_handles);
    tcase_add_test(t, test_life);
    tcase_add_test(t, test_read_only);
    tcase_add_test(t, test_events);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
