/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs on whole domains: records in a status file, what is told of them, what the public calls
 * refuse; numbers of keys.
 */
#include <stdlib.h>
#include <unistd.h>

#include "driver/display.h"
#include "driver/vemu/job/domain-job.h"
#include "driver/vemu/state/status.h"
#include "harness.h"
#include "sandbox.h"

/* ---- records ---- */

static struct vemu_status parse(const char *xml)
{
    struct vemu_status s = { 0 };
    xmlDoc *doc = vmgr__xml_parse(xml, "(test)", "domstatus", NULL);

    ck_assert_ptr_nonnull(doc);
    vmgr__domain_jobs_read(xmlDocGetRootElement(doc), &s);
    xmlFreeDoc(doc);
    return s;
}

static char *format(const struct vemu_status *s)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "domstatus");
    vmgr__domain_jobs_write(s, &w);
    vmgr__xw_end(&w, "domstatus");
    return vmgr__xw_finish(&w);
}

START_TEST(records)
{
    struct vemu_status s =
        parse("<domstatus>"
              "<job kind='dump' state='failed' serial='1' started='5' told='yes' elapsed='7' "
              "memory-total='100' memory-done='20' path='/a&amp;b' error='it &lt;broke&gt;'/>"
              "<job kind='dump' state='running' serial='2' started='99' then='2' resume='yes' "
              "path='/x'/></domstatus>");
    g_autofree char *text = format(&s);
    struct vemu_status again = parse(text);
    g_autofree char *same = format(&again);

    ck_assert_str_eq(text, same);
    ck_assert_int_eq(again.job->state, VEMU_DOMAIN_JOB_RUNNING);
    ck_assert_int_eq(again.job->then, 2);
    ck_assert(again.job->resume);
    ck_assert_uint_eq(again.job->serial, 2);
    ck_assert_int_eq(again.job->started_us, 99);
    ck_assert_int_eq(again.last_job->state, VEMU_DOMAIN_JOB_FAILED);
    ck_assert(again.last_job->told);
    ck_assert_uint_eq(again.last_job->elapsed_ms, 7);
    ck_assert_uint_eq(again.last_job->figures.memory_total, 100);
    ck_assert_str_eq(again.last_job->path, "/a&b");
    ck_assert_str_eq(again.last_job->error, "it <broke>");
    vmgr__vemu_status_clear(&s);
    vmgr__vemu_status_clear(&again);
}
END_TEST

START_TEST(records_of_another_shape)
{
    static const char *const bad[] = {
        "<job/>",
        "<job kind='other' state='running' serial='1' started='1'/>",
        "<job kind='dump' state='odd' serial='1' started='1'/>",
        "<job kind='dump' state='running' serial='-1' started='1'/>",
        "<job kind='dump' state='running' serial='1'/>",
        "<job kind='dump' state='running' serial='1' started='9223372036854775808'/>",
        "<job kind='dump' state='running' serial='1' started='1' then='2147483648'/>",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *xml = g_strdup_printf("<domstatus>%s</domstatus>", bad[i]);
        struct vemu_status s = parse(xml);

        ck_assert_ptr_null(s.job);
        ck_assert_ptr_null(s.last_job);
    }
}
END_TEST

static struct vmgr_stat *stats_of(const struct vemu_domain_job *job,
                                  const struct vemu_domain_job_figures *now)
{
    GArray *list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));

    vmgr__domain_job_stats(job, now, list);
    return (struct vmgr_stat *)(void *)g_array_free(list, FALSE);
}

START_TEST(what_is_told)
{
    struct vemu_domain_job job = { .kind = VEMU_DOMAIN_JOB_DUMP,
                                   .state = VEMU_DOMAIN_JOB_RUNNING,
                                   .started_us = g_get_monotonic_time() - 3000000 };
    struct vemu_domain_job_figures now = { .memory_total = 100, .memory_done = 150 };
    struct vmgr_stat *stats = stats_of(&job, &now);

    ck_assert_uint_eq(vmgr_stats_find(stats, "operation")->number, VMGR_DOMAIN_JOB_OPERATION_DUMP);
    ck_assert_uint_ge(vmgr_stats_find(stats, "time_elapsed")->number, 3000);
    /* more than all is all */
    ck_assert_uint_eq(vmgr_stats_find(stats, "memory_processed")->number, 100);
    ck_assert_uint_eq(vmgr_stats_find(stats, "memory_remaining")->number, 0);
    ck_assert_ptr_null(vmgr_stats_find(stats, "disk_total"));
    ck_assert_ptr_null(vmgr_stats_find(stats, "success"));
    vmgr_stats_free(stats);
    job.state = VEMU_DOMAIN_JOB_FAILED;
    job.elapsed_ms = 12;
    job.error = (char *)"why";
    job.figures.disk_total = 10;
    job.figures.disk_done = 4;
    job.figures.temp_used = 3;
    stats = stats_of(&job, NULL);
    ck_assert_uint_eq(vmgr_stats_find(stats, "time_elapsed")->number, 12);
    ck_assert_uint_eq(vmgr_stats_find(stats, "disk_remaining")->number, 6);
    ck_assert_uint_eq(vmgr_stats_find(stats, "disk_temp_used")->number, 3);
    ck_assert_uint_eq(vmgr_stats_find(stats, "success")->number, 0);
    ck_assert_str_eq(vmgr_stats_find(stats, "errmsg")->text, "why");
    vmgr_stats_free(stats);
}
END_TEST

/* ---- keys ---- */

START_TEST(keys)
{
    ck_assert_int_eq(vmgr_keycode_find(VMGR_KEYCODE_LINUX, "KEY_ENTER"), 28);
    ck_assert_int_eq(vmgr_keycode_find(VMGR_KEYCODE_WIN32, "VK_RETURN"), 13);
    ck_assert_int_eq(vmgr_keycode_find(VMGR_KEYCODE_LINUX, "VK_RETURN"), -1);
    ck_assert_int_eq(vmgr_keycode_find(VMGR_KEYCODE_USB, "KEY_ENTER"), -1);
    /* one key by every set that is known */
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_LINUX, 97), 97);
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_XT, 0xe01d), 97);
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_ATSET1, 0xe01d), 97);
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_ATSET2, 0xe014), 97);
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_USB, 228), 97);
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_WIN32, 0xa3), 97);
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_QNUM, 0x9d), 97);
    ck_assert_int_eq(vmgr__keycode_to_qnum(97), 0x9d);
    /* none, and sets that are not */
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_LINUX, 0), -1);
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_WIN32, 0), -1);
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_QNUM, 0x1009d), -1);
    ck_assert_int_eq(vmgr__keycode_to_linux(VMGR_KEYCODE_ATSET3, 1), -2);
    ck_assert_int_eq(vmgr__keycode_to_qnum(0), -1);
    ck_assert_str_eq(vmgr_keycode_set_name(VMGR_KEYCODE_OSX), "os_x");
    ck_assert_ptr_null(vmgr_keycode_set_name(VMGR_KEYCODE_SETS));
    ck_assert_ptr_null(vmgr_keycode_set_name(-1));
}
END_TEST

/* ---- the test driver ---- */

static struct vmgr_domain *open_test(struct vmgr_conn **ret_conn)
{
    struct vmgr_domain *dom;

    OK(vmgr_conn_open("test:///default", 0, ret_conn, &err));
    OK(vmgr_domain_lookup_by_name(*ret_conn, "test", &dom, &err));
    return dom;
}

START_TEST(refusals)
{
    static const uint32_t many[VMGR_KEYS_MAX + 1] = { 1 };
    struct vmgr_domain_job job = VMGR_DOMAIN_JOB_INIT;
    struct vmgr_stat *stats;
    struct vmgr_conn *conn;
    struct vmgr_domain *dom = open_test(&conn);
    int type;

    FAILS(vmgr_domain_get_job_info(dom, &job, &err), VMGR_ERR_NO_SUPPORT,
          "this function is not supported by the connection driver: virDomainGetJobInfo");
    FAILS(vmgr_domain_get_job_stats(dom, 0, &type, &stats, &err), VMGR_ERR_NO_SUPPORT,
          "this function is not supported by the connection driver: virDomainGetJobStats");
    FAILS(vmgr_domain_abort_job(dom, 0, &err), VMGR_ERR_NO_SUPPORT,
          "this function is not supported by the connection driver: virDomainAbortJob");
    FAILS(vmgr_domain_core_dump(dom, "/tmp/x", 0, 1u << 5, &err), VMGR_ERR_INVALID_ARG,
          "unsupported flags (0x20) in function virDomainCoreDump");
    FAILS(vmgr_domain_core_dump(dom, "/tmp/x", 5, VMGR_DOMAIN_DUMP_MEMORY_ONLY, &err),
          VMGR_ERR_INVALID_ARG, "invalid argument: dumpformat '5' is not supported");
    FAILS(vmgr_domain_core_dump(dom, "", 0, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: no path given in virDomainCoreDump");
    FAILS(vmgr_domain_send_key(dom, VMGR_KEYCODE_SETS, 0, many, 1, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: Unsupported codeset '10' in virDomainSendKey");
    FAILS(vmgr_domain_send_key(dom, 0, 0, many, VMGR_KEYS_MAX + 1, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: nkeycodes in virDomainSendKey must be from 1 to 16");
    FAILS(vmgr_domain_send_key(dom, 0, 0, many, 0, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: nkeycodes in virDomainSendKey must be from 1 to 16");
    FAILS(vmgr_domain_set_lifecycle_action(dom, 3, 0, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: lifecycle event 3 or action 0 is unknown");
    vmgr_domain_unref(dom);
    vmgr_conn_unref(conn);
}
END_TEST

static void on_event(struct vmgr_conn *conn, struct vmgr_domain *dom,
                     const struct vmgr_domain_event *event, void *data)
{
    (void)conn;
    (void)dom;
    *(struct vmgr_domain_event *)data = *event;
}

START_TEST(dump_and_picture)
{
    char path[] = "/tmp/test-job-XXXXXX", buf[256];
    struct vmgr_domain_event event = { 0 };
    struct vmgr_stream *stream;
    struct vmgr_conn *conn;
    struct vmgr_domain *dom = open_test(&conn);
    int fd = mkstemp(path), state, reason;
    char *mime;

    OK(vmgr_domain_screenshot(dom, 0, 0, &mime, &stream, &err));
    ck_assert_str_eq(mime, "image/png");
    free(mime);
    ck_assert_int_eq(vmgr_stream_recv(stream, buf, sizeof(buf), NULL), 67);
    ck_assert_mem_eq(buf, "\x89PNG", 4);
    ck_assert_int_eq(vmgr_stream_recv(stream, buf, sizeof(buf), NULL), 0);
    OK(vmgr_stream_finish(stream, &err));
    vmgr_stream_unref(stream);
    ck_assert_int_ge(vmgr_conn_add_domain_event(conn, dom, VMGR_DOMAIN_EVENT_LIFECYCLE, on_event,
                                                &event, NULL, NULL),
                     0);
    OK(vmgr_domain_core_dump(dom, path, 0, VMGR_DOMAIN_DUMP_CRASH, &err));
    ck_assert_int_eq(read(fd, buf, sizeof(buf)), 15);
    ck_assert_str_eq(buf, "TestGuestMagic");
    OK(vmgr_domain_get_state(dom, 0, &state, &reason, &err));
    ck_assert_int_eq(state, VMGR_DOMAIN_SHUTOFF);
    ck_assert_int_eq(reason, VMGR_DOMAIN_SHUTOFF_CRASHED);
    ck_assert_int_ge(vmgr_conn_dispatch(conn, NULL), 1);
    ck_assert_int_eq(event.type, VMGR_DOMAIN_EVENT_STOPPED);
    ck_assert_int_eq(event.detail, VMGR_DOMAIN_EVENT_STOPPED_CRASHED);
    close(fd);
    unlink(path);
    vmgr_domain_unref(dom);
    vmgr_conn_unref(conn);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vmgr-job");
    TCase *tc = tcase_create("jobs");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, records);
    tcase_add_test(tc, records_of_another_shape);
    tcase_add_test(tc, what_is_told);
    tcase_add_test(tc, keys);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, dump_and_picture);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
