/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secrets: documents, values, files that only their owner reads, what is refused, events.
 */
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#define UUID_A                  "0a81f5b2-8403-7b23-c8d6-21ccc2f80d6a"
#define DOC(attrs, uuid, usage) "<secret " attrs "><uuid>" uuid "</uuid>" usage "</secret>"
#define VOLUME(path)            "<usage type='volume'><volume>" path "</volume></usage>"

static struct vmgr_conn *conn;
static char dir[] = "/tmp/test-secret-XXXXXX";

static struct vmgr_conn *open_store(uint32_t flags)
{
    struct vmgr_conn *c = NULL;
    char uri[200];

    snprintf(uri, sizeof(uri), "vemu:///system?root=%s", dir);
    OK(vmgr_conn_open(uri, flags, &c, &err));
    return c;
}

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    conn = open_store(0);
}

static void tear_down(void)
{
    char command[100];

    conn = vmgr_conn_unref(conn);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static struct vmgr_secret *define(const char *xml)
{
    struct vmgr_secret *secret = NULL;

    OK(vmgr_secret_define_xml(conn, xml, 0, &secret, &err));
    return secret;
}

static void expect_value(struct vmgr_secret *secret, const char *want, size_t size)
{
    uint8_t *value = NULL;
    size_t got;

    OK(vmgr_secret_get_value(secret, 0, &value, &got, &err));
    ck_assert_uint_eq(got, size);
    ck_assert_mem_eq(value, want, size);
    free(value);
}

/* Of a file of the secret: 0600, and nobody else's. -1: there is none. */
static int mode_of(const char *end)
{
    char path[300];
    struct stat st;

    snprintf(path, sizeof(path), "%s/etc/vmgr/secrets/" UUID_A ".%s", dir, end);
    return stat(path, &st) < 0 ? -1 : (int)(st.st_mode & 0777);
}

START_TEST(test_stored)
{
    static const char bytes[] = "a\0b";
    struct vmgr_secret *secret = define(DOC("", UUID_A, VOLUME("/v&amp;x"))), *again = NULL;
    struct vmgr_secret **list;
    struct vmgr_conn *other;
    uint8_t *value, uuid[VMGR_UUID_SIZE];
    char *xml = NULL;
    size_t size;

    FAILS(vmgr_secret_get_value(secret, 0, &value, &size, &err), VMGR_ERR_NO_SECRET,
          "Secret not found: secret '" UUID_A "' does not have a value");
    OK(vmgr_secret_set_value(secret, (const uint8_t *)bytes, 3, 0, &err));
    expect_value(secret, bytes, 3);
    ck_assert_int_eq(mode_of("xml"), 0600);
    ck_assert_int_eq(mode_of("base64"), 0600);
    /* another process, as it were; and once more defined, the value stays */
    other = open_store(0);
    OK(vmgr_secret_lookup_by_usage(other, VMGR_SECRET_USAGE_VOLUME, "/v&x", &again, &err));
    ck_assert_str_eq(vmgr_secret_get_uuid_string(again), UUID_A);
    ck_assert_str_eq(vmgr_secret_get_usage_id(again), "/v&x");
    ck_assert_int_eq(vmgr_secret_get_usage_type(again), VMGR_SECRET_USAGE_VOLUME);
    ck_assert_ptr_eq(vmgr_secret_get_conn(again), other);
    expect_value(again, bytes, 3);
    vmgr_secret_unref(again);
    vmgr_conn_unref(other);
    vmgr_secret_unref(define(DOC("", UUID_A, "<description>d</description>" VOLUME("/v&amp;x"))));
    expect_value(secret, bytes, 3);
    OK(vmgr_secret_get_xml(secret, 0, &xml, &err));
    ck_assert_str_eq(xml, "<secret ephemeral='no' private='no'>\n"
                          "  <uuid>" UUID_A "</uuid>\n"
                          "  <description>d</description>\n"
                          "  <usage type='volume'>\n"
                          "    <volume>/v&amp;x</volume>\n"
                          "  </usage>\n"
                          "</secret>\n");
    free(xml);
    ck_assert_int_eq(vmgr_secret_list(conn, VMGR_SECRET_LIST_NO_EPHEMERAL, &list, NULL), 1);
    vmgr_secret_list_free(list);
    ck_assert_int_eq(vmgr_secret_list(conn, VMGR_SECRET_LIST_PRIVATE, NULL, NULL), 0);
    vmgr_secret_get_uuid(secret, uuid);
    OK(vmgr_secret_lookup_by_uuid(conn, uuid, &again, &err));
    vmgr_secret_unref(again);
    OK(vmgr_secret_undefine(secret, &err));
    ck_assert_int_eq(mode_of("xml"), -1);
    ck_assert_int_eq(mode_of("base64"), -1);
    FAILS(vmgr_secret_undefine(secret, &err), VMGR_ERR_NO_SECRET,
          "Secret not found: no secret with matching uuid '" UUID_A "'");
    vmgr_secret_unref(vmgr_secret_ref(secret));
    vmgr_secret_unref(secret);
}
END_TEST

/* Who removed it was killed in the middle: a new one of that UUID does not get its value. */
START_TEST(test_half_removed)
{
    struct vmgr_secret *secret = define(DOC("", UUID_A, VOLUME("/v")));
    char path[300];
    uint8_t *value;
    size_t size;

    snprintf(path, sizeof(path), "%s/etc/vmgr/secrets/" UUID_A ".xml", dir);
    OK(vmgr_secret_set_value(secret, (const uint8_t *)"old", 3, 0, &err));
    vmgr_secret_unref(secret);
    ck_assert_int_eq(unlink(path), 0);
    secret = define(DOC("", UUID_A, VOLUME("/w")));
    FAILS(vmgr_secret_get_value(secret, 0, &value, &size, &err), VMGR_ERR_NO_SECRET,
          "Secret not found: secret '" UUID_A "' does not have a value");
    ck_assert_int_eq(mode_of("base64"), -1);
    vmgr_secret_unref(secret);
}
END_TEST

START_TEST(test_private)
{
    struct vmgr_secret *secret = define(DOC("private='yes' ephemeral='yes'", UUID_A, ""));
    struct vmgr_conn *other = open_store(VMGR_CONN_RO);
    struct vmgr_secret *seen = NULL;
    uint8_t *value;
    size_t size;

    OK(vmgr_secret_set_value(secret, (const uint8_t *)"x", 1, 0, &err));
    FAILS(vmgr_secret_get_value(secret, 0, &value, &size, &err), VMGR_ERR_INVALID_SECRET,
          "Invalid secret: secret is private");
    FAILS(vmgr_secret_define_xml(conn, DOC("ephemeral='yes'", UUID_A, ""), 0, NULL, &err),
          VMGR_ERR_OPERATION_DENIED,
          "operation forbidden: cannot change private flag on existing "
          "secret");
    ck_assert_int_eq(mode_of("xml"), -1); /* in memory, of this connection alone */
    ck_assert_int_eq(vmgr_secret_list(other, 0, NULL, NULL), 0);
    vmgr_secret_unref(define(DOC("private='yes'", UUID_A, ""))); /* to be stored from now on */
    ck_assert_int_eq(mode_of("base64"), 0600);
    OK(vmgr_secret_lookup_by_uuid_string(other, UUID_A, &seen, &err));
    FAILS(vmgr_secret_get_value(seen, 0, &value, &size, &err), VMGR_ERR_OPERATION_DENIED,
          "operation forbidden: read only access prevents virSecretGetValue");
    FAILS(vmgr_secret_undefine(seen, &err), VMGR_ERR_OPERATION_DENIED,
          "operation forbidden: read only access prevents virSecretUndefine");
    vmgr_secret_unref(seen);
    vmgr_secret_unref(secret);
    vmgr_conn_unref(other);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *xml, *message;
    } bad[] = {
        { "<secret ephemeral='maybe'/>", "XML error: invalid value of 'ephemeral'" },
        { "<secret><uuid>x</uuid></secret>", "XML error: malformed uuid element" },
        { "<secret><usage/></secret>", "XML error: unknown secret usage type" },
        { "<secret><usage type='x'/></secret>", "XML error: unknown secret usage type x" },
        { "<secret><usage type='ceph'/></secret>",
          "XML error: Ceph usage specified, but name is missing" },
        { "<secret><usage type='volume'><volume/></usage></secret>",
          "XML error: volume usage specified, but volume path is missing" },
        { "<secret>" VOLUME("/v") "</secret>",
          "internal error: a secret with UUID " UUID_A " already defined for use with /v" },
        { DOC("", UUID_A, VOLUME("/w")),
          "internal error: a secret with UUID " UUID_A " is already defined for use with /v" },
    };
    struct vmgr_secret *secret = define(DOC("", UUID_A, VOLUME("/v"))), *none = NULL;
    static uint8_t large[VMGR_SECRET_VALUE_MAX + 1];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct vmgr_error *err = NULL;

        ck_assert_int_eq(vmgr_secret_define_xml(conn, bad[i].xml, 0, NULL, &err), -1);
        ck_assert_str_eq(vmgr_error_get_message(err), bad[i].message);
        vmgr_error_free(err);
    }
    FAILS(vmgr_secret_set_value(secret, large, sizeof(large), 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: value of a secret is longer than 65536 bytes");
    FAILS(vmgr_secret_lookup_by_usage(conn, VMGR_SECRET_USAGE_TLS, "/v", &none, &err),
          VMGR_ERR_NO_SECRET, "Secret not found: no secret with matching usage '/v'");
    FAILS(vmgr_secret_lookup_by_uuid_string(conn, "x", &none, &err), VMGR_ERR_INVALID_ARG,
          "uuidstr in virSecretLookupByUUIDString must be a valid UUID");
    vmgr_secret_unref(secret);
}
END_TEST

static void on_event(struct vmgr_conn *c, struct vmgr_secret *secret,
                     const struct vmgr_secret_event *event, void *data)
{
    struct event_log *log = data;
    size_t used = strlen(log->text);

    (void)c;
    snprintf(log->text + used, sizeof(log->text) - used, "%s %s; ",
             vmgr_secret_get_usage_id(secret),
             event->id == VMGR_SECRET_EVENT_LIFECYCLE ? vmgr_secret_event_type_name(event->type)
                                                      : "Value");
    ck_assert_uint_ge(event->size, sizeof(*event));
}

START_TEST(test_events)
{
    struct event_log log = { "" };
    struct vmgr_secret *secret = define(DOC("", UUID_A, VOLUME("/v")));
    int ids[2];

    for (int id = 0; id < 2; id++) {
        ids[id] =
            vmgr_conn_add_secret_event(conn, id ? secret : NULL, id, on_event, &log, NULL, NULL);
        ck_assert_int_ge(ids[id], 0);
    }
    FAILS(vmgr_conn_add_secret_event(conn, NULL, 2, on_event, &log, NULL, &err),
          VMGR_ERR_INVALID_ARG, "invalid argument: unknown event id 2");
    vmgr_secret_unref(define("<secret><usage type='tls'><name>t</name></usage></secret>"));
    OK(vmgr_secret_set_value(secret, (const uint8_t *)"x", 1, 0, &err));
    OK(vmgr_secret_undefine(secret, &err));
    OK(vmgr_conn_dispatch(conn, &err));
    ck_assert_str_eq(log.text, "t Defined; /v Value; /v Undefined; ");
    for (int i = 0; i < 2; i++)
        OK(vmgr_conn_remove_secret_event(conn, ids[i], &err));
    vmgr_secret_unref(secret);
}
END_TEST

/* Another process, as it were: what is stored is told, what is in its memory is not. */
START_TEST(test_events_of_others)
{
    struct event_log log = { "" };
    struct vmgr_conn *other = open_store(0);
    struct vmgr_secret *secret, *ephemeral;

    for (int id = 0; id < 2; id++)
        ck_assert_int_ge(vmgr_conn_add_secret_event(other, NULL, id, on_event, &log, NULL, NULL),
                         0);
    secret = define(DOC("", UUID_A, VOLUME("/v")));
    OK(vmgr_conn_dispatch(other, &err));
    ck_assert_str_eq(log.text, "/v Defined; ");
    OK(vmgr_secret_set_value(secret, (const uint8_t *)"x", 1, 0, &err));
    OK(vmgr_conn_dispatch(other, &err));
    ck_assert_str_eq(log.text, "/v Defined; /v Value; ");
    /* the same once more is a definition, and the value is not touched */
    vmgr_secret_unref(define(DOC("", UUID_A, VOLUME("/v"))));
    OK(vmgr_conn_dispatch(other, &err));
    OK(vmgr_conn_dispatch(other, &err));
    ck_assert_str_eq(log.text, "/v Defined; /v Value; /v Defined; ");
    expect_value(secret, "x", 1);
    ephemeral = define("<secret ephemeral='yes'><usage type='tls'><name>t</name></usage></secret>");
    OK(vmgr_secret_undefine(ephemeral, &err));
    vmgr_secret_unref(ephemeral);
    OK(vmgr_secret_undefine(secret, &err));
    OK(vmgr_conn_dispatch(other, &err));
    ck_assert_str_eq(log.text, "/v Defined; /v Value; /v Defined; /v Undefined; ");
    vmgr_secret_unref(secret);
    vmgr_conn_unref(other);
}
END_TEST

/* Into memory and back: one event each, and no secret that seems to go. */
START_TEST(test_events_of_moves)
{
    struct event_log log = { "" };
    struct vmgr_secret *secret = define(DOC("", UUID_A, VOLUME("/v")));

    OK(vmgr_secret_set_value(secret, (const uint8_t *)"x", 1, 0, &err));
    for (int id = 0; id < 2; id++)
        ck_assert_int_ge(vmgr_conn_add_secret_event(conn, NULL, id, on_event, &log, NULL, NULL), 0);
    vmgr_secret_unref(define(DOC("ephemeral='yes'", UUID_A, VOLUME("/v"))));
    ck_assert_int_eq(mode_of("xml"), -1);
    OK(vmgr_conn_dispatch(conn, &err));
    ck_assert_str_eq(log.text, "/v Defined; ");
    log.text[0] = '\0';
    vmgr_secret_unref(define(DOC("", UUID_A, VOLUME("/v"))));
    OK(vmgr_conn_dispatch(conn, &err));
    ck_assert_str_eq(log.text, "/v Defined; /v Value; ");
    expect_value(secret, "x", 1);
    OK(vmgr_secret_undefine(secret, &err));
    vmgr_secret_unref(secret);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("secret");
    TCase *t = tcase_create("store");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, test_stored);
    tcase_add_test(t, test_half_removed);
    tcase_add_test(t, test_private);
    tcase_add_test(t, test_refused);
    tcase_add_test(t, test_events);
    tcase_add_test(t, test_events_of_others);
    tcase_add_test(t, test_events_of_moves);
    suite_add_tcase(s, t);
    return run_suite(s);
}
