/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public interface over the test driver: connections, life cycle, lists, metadata, events,
 * refusals.
 */
#include <poll.h>

#include "harness.h"

#define UUID_S "6695eb01-f6a4-8304-79aa-97f2502e1931"
#define DOC(name, uuid)                                                                            \
    "<domain type='test'><name>" name "</name><uuid>" uuid "</uuid><memory>1024</memory>"          \
    "<vcpu current='1'>2</vcpu><os><type>hvm</type></os>"                                          \
    "<devices><serial type='pty'/></devices></domain>"

static struct vmgr_conn *conn;

static void open_test(void)
{
    OK(vmgr_conn_open("test:///default", 0, &conn, &err));
}

static void close_test(void)
{
    conn = vmgr_conn_unref(conn);
}

static struct vmgr_domain *define_s(void)
{
    struct vmgr_domain *dom = NULL;

    OK(vmgr_domain_define_xml(conn, DOC("s", UUID_S), 0, &dom, &err));
    return dom;
}

START_TEST(test_uris)
{
    static const struct {
        const char *uri;
        int code;
        const char *message;
    } bad[] = {
        { "foo:///system", VMGR_ERR_NO_CONNECT,
          "no connection driver available for foo:///system" },
        { "foo", VMGR_ERR_NO_CONNECT,
          "no connection driver available for URI 'foo' does not include a driver name" },
        { "::", VMGR_ERR_INTERNAL_ERROR, "internal error: Unable to parse URI ::" },
        { "test:///", VMGR_ERR_INVALID_ARG,
          "invalid argument: testOpen: supply a path or use test:///default" },
        { "vemu+pigeon://host/system", VMGR_ERR_NO_CONNECT,
          "no connection driver available for vemu+pigeon://host/system" },
        { "vemu:///bogus", VMGR_ERR_INTERNAL_ERROR,
          "internal error: unexpected vemu URI path '/bogus', try vemu:///system" },
        { "test:///default?x=1", VMGR_ERR_INVALID_ARG,
          "invalid argument: unknown parameter 'x' in URI, expecting root or emulator" },
    };
    struct vmgr_conn *c = NULL;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        FAILS(vmgr_conn_open(bad[i].uri, 0, &c, &err), bad[i].code, bad[i].message);
        ck_assert_ptr_null(c);
    }
    FAILS(vmgr_conn_open("test:///default", 0x80000000u, &c, &err), VMGR_ERR_INVALID_ARG,
          "unsupported flags (0x80000000) in function vmgr_conn_open");
}
END_TEST

START_TEST(test_default_domain)
{
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;
    struct vmgr_domain *dom = NULL;
    char *text = NULL;

    ck_assert_int_eq(count_domains(conn, 0), 1);
    OK(vmgr_domain_lookup_by_id(conn, 1, &dom, &err));
    ck_assert_str_eq(vmgr_domain_get_name(dom), "test");
    ck_assert_str_eq(vmgr_domain_get_uuid_string(dom), "6695eb01-f6a4-8304-79aa-97f2502e193f");
    expect_state(dom, "running (unknown)");
    OK(vmgr_domain_get_info(dom, &info, &err));
    ck_assert_uint_eq(info.max_memory_kib, 8388608);
    ck_assert_uint_eq(info.memory_kib, 2097152);
    ck_assert_uint_eq(info.vcpus, 2);
    OK(vmgr_conn_get_uri(conn, &text, &err));
    ck_assert_str_eq(text, "test:///default");
    free(text);
    OK(vmgr_domain_get_os_type(dom, &text, &err));
    ck_assert_str_eq(text, "linux");
    free(text);
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_lifecycle)
{
    struct vmgr_domain *dom = define_s();

    expect_state(dom, "shut off (unknown)");
    FAILS(vmgr_domain_destroy(dom, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    FAILS(vmgr_domain_shutdown(dom, 0, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: domain 's' not running");
    OK(vmgr_domain_start(dom, 0, &err));
    expect_state(dom, "running (booted)");
    ck_assert_int_eq(vmgr_domain_get_id(dom, NULL), 2);
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain 's' is already running");
    OK(vmgr_domain_suspend(dom, &err));
    expect_state(dom, "paused (user)");
    OK(vmgr_domain_resume(dom, &err));
    expect_state(dom, "running (unpaused)");
    FAILS(vmgr_domain_resume(dom, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: domain 's' not paused");
    OK(vmgr_domain_reboot(dom, 0, &err));
    expect_state(dom, "running (booted)");
    OK(vmgr_domain_reset(dom, 0, &err));
    OK(vmgr_domain_shutdown(dom, 0, &err));
    expect_state(dom, "shut off (shutdown)");
    OK(vmgr_domain_start(dom, VMGR_DOMAIN_START_PAUSED, &err));
    expect_state(dom, "paused (user)");
    ck_assert_int_eq(vmgr_domain_get_id(dom, NULL), 3);
    OK(vmgr_domain_undefine(dom, 0, &err));
    ck_assert_int_eq(vmgr_domain_is_persistent(dom, NULL), 0);
    FAILS(vmgr_domain_undefine(dom, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: cannot undefine transient domain");
    FAILS(vmgr_domain_set_autostart(dom, 1, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: cannot set autostart for transient domain");
    OK(vmgr_domain_destroy(dom, VMGR_DOMAIN_DESTROY_GRACEFUL, &err));
    FAILS(vmgr_domain_get_id(dom, &err), VMGR_ERR_NO_DOMAIN,
          "Domain not found: no domain with matching uuid '" UUID_S "' (s)");
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_names_and_uuids)
{
    struct vmgr_domain *dom = define_s(), *other = NULL;

    FAILS(vmgr_domain_define_xml(conn, DOC("t", UUID_S), 0, &other, &err),
          VMGR_ERR_OPERATION_FAILED,
          "operation failed: domain 's' is already defined with uuid " UUID_S);
    FAILS(vmgr_domain_define_xml(conn, DOC("s", "6695eb01-f6a4-8304-79aa-97f2502e1932"), 0, &other,
                                 &err),
          VMGR_ERR_OPERATION_FAILED,
          "operation failed: domain 's' already exists with uuid " UUID_S);
    FAILS(vmgr_domain_rename(dom, "test", 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain with name 'test' already exists");
    FAILS(vmgr_domain_rename(dom, "s", 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: Can't rename domain to itself");
    FAILS(vmgr_domain_rename(dom, "a/b", 0, &err), VMGR_ERR_XML_ERROR,
          "XML error: name a/b cannot contain '/'");
    OK(vmgr_domain_rename(dom, "z", 0, &err));
    ck_assert_str_eq(vmgr_domain_get_name(dom), "z");
    OK(vmgr_domain_lookup_by_name(conn, "z", &other, &err));
    other = vmgr_domain_unref(other);
    OK(vmgr_domain_lookup_by_uuid_string(conn, UUID_S, &other, &err));
    other = vmgr_domain_unref(other);
    FAILS(vmgr_domain_lookup_by_name(conn, "s", &other, &err), VMGR_ERR_NO_DOMAIN,
          "Domain not found: no domain with matching name 's'");
    OK(vmgr_domain_start(dom, 0, &err));
    FAILS(vmgr_domain_rename(dom, "y", 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: cannot rename active domain");
    FAILS(vmgr_domain_create_xml(conn, DOC("z", UUID_S), 0, &other, &err),
          VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain 'z' is already active");
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_filters)
{
    struct vmgr_domain *dom = define_s(), *tmp = NULL;

    OK(vmgr_domain_create_xml(conn, DOC("t", "6695eb01-f6a4-8304-79aa-97f2502e1933"),
                              VMGR_DOMAIN_START_PAUSED, &tmp, &err));
    OK(vmgr_domain_set_autostart(dom, 1, &err));
    ck_assert_int_eq(vmgr_domain_get_autostart(dom, NULL), 1);
    ck_assert_int_eq(count_domains(conn, 0), 3);
    ck_assert_int_eq(count_domains(conn, 0xffff), 3);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_ACTIVE), 2);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_INACTIVE), 1);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_TRANSIENT), 1);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_PERSISTENT), 2);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_PAUSED), 1);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_RUNNING | VMGR_DOMAIN_LIST_SHUTOFF), 2);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_OTHER), 0);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_AUTOSTART), 1);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_NO_AUTOSTART | VMGR_DOMAIN_LIST_ACTIVE),
                     2);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_HAS_SNAPSHOT), 0);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_NO_SNAPSHOT), 3);
    FAILS(vmgr_domain_list(conn, 1u << 16, NULL, &err), VMGR_ERR_INVALID_ARG,
          "unsupported flags (0x10000) in function virConnectListAllDomains");
    vmgr_domain_unref(tmp);
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_list_entries)
{
    struct vmgr_domain *dom = define_s();
    struct vmgr_domain_entry *list;
    int seen = 0;

    ck_assert_int_eq(vmgr_domain_list_entries(conn, 0, &list, NULL), 2);
    for (struct vmgr_domain_entry *e = list; e->domain; e++) {
        int state, reason;

        OK(vmgr_domain_get_state(e->domain, 0, &state, &reason, &err));
        ck_assert_int_eq(e->state, state);
        ck_assert_int_eq(e->reason, reason);
        ck_assert_int_eq(e->id, vmgr_domain_get_id(e->domain, NULL));
        seen |= e->id ? 1 : 2;
    }
    ck_assert_int_eq(seen, 3);
    ck_assert_ptr_null(vmgr_domain_entries_free(list));
    ck_assert_int_eq(vmgr_domain_list_entries(conn, VMGR_DOMAIN_LIST_PAUSED, &list, NULL), 0);
    ck_assert_ptr_null(list->domain);
    vmgr_domain_entries_free(list);
    FAILS(vmgr_domain_list_entries(conn, 1u << 16, &list, &err), VMGR_ERR_INVALID_ARG,
          "unsupported flags (0x10000) in function virConnectListAllDomains");
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_vcpus)
{
    struct vmgr_domain *dom = define_s();

    ck_assert_int_eq(vmgr_domain_get_vcpus(dom, 0, NULL), 1);
    ck_assert_int_eq(vmgr_domain_get_vcpus(dom, VMGR_DOMAIN_VCPU_MAXIMUM, NULL), 2);
    FAILS(vmgr_domain_get_vcpus(dom, VMGR_DOMAIN_AFFECT_LIVE, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    FAILS(vmgr_domain_get_vcpus(dom, 3, &err), VMGR_ERR_INVALID_ARG,
          "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive");
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_metadata)
{
    struct vmgr_domain *dom = define_s();
    char *text = NULL;

    FAILS(vmgr_domain_get_metadata(dom, VMGR_DOMAIN_METADATA_TITLE, NULL, 0, &text, &err),
          VMGR_ERR_NO_DOMAIN_METADATA,
          "metadata not found: Requested metadata element is not present");
    OK(vmgr_domain_set_metadata(dom, VMGR_DOMAIN_METADATA_TITLE, "T & \"t\"", NULL, NULL, 0, &err));
    OK(vmgr_domain_get_metadata(dom, VMGR_DOMAIN_METADATA_TITLE, NULL, 0, &text, &err));
    ck_assert_str_eq(text, "T & \"t\"");
    free(text);
    FAILS(vmgr_domain_set_metadata(dom, VMGR_DOMAIN_METADATA_TITLE, "a\nb", NULL, NULL, 0, &err),
          VMGR_ERR_INVALID_ARG, "metadata title can't contain newlines");
    FAILS(vmgr_domain_set_metadata(dom, VMGR_DOMAIN_METADATA_DESCRIPTION, "x", NULL, NULL,
                                   VMGR_DOMAIN_AFFECT_LIVE, &err),
          VMGR_ERR_OPERATION_INVALID, "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_set_metadata(dom, VMGR_DOMAIN_METADATA_ELEMENT, "<a/>", "k", "urn:x", 0, &err));
    OK(vmgr_domain_get_metadata(dom, VMGR_DOMAIN_METADATA_ELEMENT, "urn:x", 0, &text, &err));
    ck_assert_str_eq(text, "<a/>");
    free(text);
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_messages)
{
    struct vmgr_domain *dom = NULL;
    char **messages = NULL;

    OK(vmgr_domain_define_xml(conn,
                              "<domain type='test'><name>m</name><memory>1</memory><os><type>hvm"
                              "</type></os><bogus/><devices><zork/></devices></domain>",
                              0, &dom, &err));
    ck_assert_int_eq(vmgr_domain_get_messages(dom, 0, &messages, NULL), 2);
    ck_assert_str_eq(messages[0], "unknown element 'zork' in devices");
    ck_assert_str_eq(messages[1], "unknown element 'bogus' in domain");
    vmgr_strings_free(messages);
    ck_assert_int_eq(vmgr_domain_get_messages(dom, VMGR_DOMAIN_MESSAGE_TAINTING, &messages, NULL),
                     0);
    vmgr_strings_free(messages);
    vmgr_domain_unref(dom);
}
END_TEST

static int freed;

static void count_free(void *data)
{
    (void)data;
    freed++;
}

START_TEST(test_events)
{
    struct event_log all = { "" }, reboots = { "" };
    struct vmgr_error *err1 = NULL;
    struct vmgr_domain *dom;
    struct pollfd p = { .events = POLLIN };
    int id;

    freed = 0;
    id = vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_LIFECYCLE, log_event, &all,
                                    count_free, &err1);
    ck_assert_int_ge(id, 0);
    p.fd = vmgr_conn_get_event_fd(conn, &err1);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    dom = define_s();
    OK(vmgr_conn_add_domain_event(conn, dom, VMGR_DOMAIN_EVENT_REBOOT, log_event, &reboots, NULL,
                                  &err));
    ck_assert_int_eq(poll(&p, 1, 0), 1);
    vmgr_domain_unref(define_s());
    OK(vmgr_domain_start(dom, VMGR_DOMAIN_START_PAUSED, &err));
    OK(vmgr_domain_resume(dom, &err));
    OK(vmgr_domain_suspend(dom, &err));
    OK(vmgr_domain_reboot(dom, 0, &err));
    OK(vmgr_domain_shutdown(dom, 0, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_destroy(dom, 0, &err));
    OK(vmgr_domain_rename(dom, "q", 0, &err));
    OK(vmgr_domain_undefine(dom, 0, &err));
    ck_assert_int_gt(vmgr_conn_dispatch(conn, NULL), 0);
    ck_assert_str_eq(all.text,
                     "Defined Added; Defined Updated; Started Booted; Suspended Paused; "
                     "Resumed Unpaused; Suspended Paused; Stopped Shutdown; Started Booted; "
                     "Stopped Destroyed; Undefined Renamed; Defined Renamed; Undefined Removed; ");
    ck_assert_str_eq(reboots.text, "Reboot; ");
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    ck_assert_int_eq(vmgr_conn_dispatch(conn, NULL), 0);
    OK(vmgr_conn_remove_domain_event(conn, id, &err));
    ck_assert_int_eq(freed, 1);
    FAILS(vmgr_conn_remove_domain_event(conn, id, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: could not find event callback 0 for deletion");
    ck_assert_int_eq(vmgr_conn_add_domain_event(conn, NULL, 27, log_event, &all, count_free, NULL),
                     -1);
    ck_assert_int_eq(freed, 2);
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_read_only)
{
    struct vmgr_conn *ro = NULL;
    struct vmgr_domain *dom = NULL;
    char *xml = NULL;

    OK(vmgr_conn_open("test:///default", VMGR_CONN_RO, &ro, &err));
    OK(vmgr_domain_lookup_by_name(ro, "test", &dom, &err));
#define DENIED(call, name)                                                                         \
    FAILS(call, VMGR_ERR_OPERATION_DENIED, "operation forbidden: read only access prevents " name)
    DENIED(vmgr_domain_destroy(dom, 0, &err), "virDomainDestroy");
    DENIED(vmgr_domain_shutdown(dom, 0, &err), "virDomainShutdown");
    DENIED(vmgr_domain_suspend(dom, &err), "virDomainSuspend");
    DENIED(vmgr_domain_start(dom, 0, &err), "virDomainCreate");
    DENIED(vmgr_domain_undefine(dom, 0, &err), "virDomainUndefineFlags");
    DENIED(vmgr_domain_rename(dom, "x", 0, &err), "virDomainRename");
    DENIED(vmgr_domain_define_xml(ro, DOC("s", UUID_S), 0, NULL, &err), "virDomainDefineXML");
    FAILS(vmgr_domain_get_xml(dom, VMGR_DOMAIN_XML_SECURE, &xml, &err), VMGR_ERR_OPERATION_DENIED,
          "operation forbidden: virDomainGetXMLDesc with secure flag");
    OK(vmgr_domain_get_xml(dom, 0, &xml, &err));
    free(xml);
    vmgr_domain_unref(dom);
    vmgr_conn_unref(ro);
}
END_TEST

START_TEST(test_console_echoes)
{
    struct vmgr_domain *dom = define_s();
    struct vmgr_stream *st = NULL;
    struct pollfd p = { .events = POLLIN };
    char buf[16];

    FAILS(vmgr_domain_open_console(dom, NULL, 0, &st, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_open_console(dom, NULL, 0, &st, &err));
    p.fd = vmgr_stream_get_fd(st);
    ck_assert_int_eq(vmgr_stream_recv(st, buf, sizeof(buf), NULL), VMGR_STREAM_AGAIN);
    ck_assert_int_eq(vmgr_stream_send(st, "hello", 5, NULL), 5);
    ck_assert_int_eq(poll(&p, 1, 1000), 1);
    ck_assert_int_eq(vmgr_stream_recv(st, buf, sizeof(buf), NULL), 5);
    OK(vmgr_stream_finish(st, &err));
    FAILS((int)vmgr_stream_recv(st, buf, 1, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: stream is not open");
    FAILS(vmgr_stream_abort(st, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: stream is not open");
    vmgr_stream_unref(st);
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_channel_echoes)
{
    static const char with_channel[] =
        "<domain type='test'><name>t</name><memory>1024</memory><os><type>hvm</type></os>"
        "<devices><channel type='unix'><target type='virtio' name='a.b.0'/></channel></devices>"
        "</domain>";
    struct vmgr_domain *dom = define_s();
    struct vmgr_stream *st = NULL;
    char buf[16];

    FAILS(vmgr_domain_open_channel(dom, NULL, 0, &st, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_start(dom, 0, &err));
    FAILS(vmgr_domain_open_channel(dom, NULL, 0, &st, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: cannot find channel <null>");
    vmgr_domain_unref(dom);
    OK(vmgr_domain_create_xml(conn, with_channel, 0, &dom, &err));
    FAILS(vmgr_domain_open_channel(dom, "a.b.1", 0, &st, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: cannot find channel a.b.1");
    OK(vmgr_domain_open_channel(dom, "a.b.0", VMGR_DOMAIN_CHANNEL_FORCE, &st, &err));
    ck_assert_int_eq(vmgr_stream_send(st, "hello", 5, NULL), 5);
    ck_assert_int_eq(vmgr_stream_recv(st, buf, sizeof(buf), NULL), 5);
    OK(vmgr_stream_finish(st, &err));
    vmgr_stream_unref(st);
    vmgr_domain_unref(dom);
}
END_TEST

/* Two connections are two hosts; handles outlive what they name, and keep their connection. */
START_TEST(test_handles)
{
    struct vmgr_conn *second = NULL;
    struct vmgr_domain *dom = define_s(), *kept = NULL;

    OK(vmgr_conn_open("test:///default", 0, &second, &err));
    ck_assert_int_eq(count_domains(second, 0), 1);
    OK(vmgr_domain_lookup_by_name(second, "test", &kept, &err));
    vmgr_conn_unref(second);
    expect_state(kept, "running (unknown)");
    vmgr_domain_unref(kept);
    vmgr_domain_unref(dom);
    ck_assert_ptr_null(vmgr_domain_unref(NULL));
    ck_assert_ptr_null(vmgr_conn_unref(NULL));
    ck_assert_ptr_null(vmgr_error_free(NULL));
    ck_assert_str_eq(vmgr_error_get_message(NULL), "no error");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("api");
    TCase *t = tcase_create("test driver");

    tcase_add_checked_fixture(t, open_test, close_test);
    tcase_add_test(t, test_uris);
    tcase_add_test(t, test_default_domain);
    tcase_add_test(t, test_lifecycle);
    tcase_add_test(t, test_names_and_uuids);
    tcase_add_test(t, test_filters);
    tcase_add_test(t, test_list_entries);
    tcase_add_test(t, test_vcpus);
    tcase_add_test(t, test_metadata);
    tcase_add_test(t, test_messages);
    tcase_add_test(t, test_events);
    tcase_add_test(t, test_read_only);
    tcase_add_test(t, test_console_echoes);
    tcase_add_test(t, test_channel_echoes);
    tcase_add_test(t, test_handles);
    suite_add_tcase(s, t);
    return run_suite(s);
}
