/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the black-box tests of libvmgr share.
 */
#ifndef TESTS_VMGR_HARNESS_H
#define TESTS_VMGR_HARNESS_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vmgr/vmgr.h>

/* The call must succeed. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct vmgr_error *err = NULL;                                                             \
        int ok_result = (call);                                                                    \
        ck_assert_msg(ok_result >= 0, "%s: %s", #call, vmgr_error_get_message(err));               \
        ck_assert_msg(!err, "%s: error set on success", #call);                                    \
    } while (0)

/* The call must fail with this code and message. */
#define FAILS(call, want_code, want_text)                                                          \
    do {                                                                                           \
        struct vmgr_error *err = NULL;                                                             \
        int fails_result = (call);                                                                 \
        ck_assert_msg(fails_result == -1, "%s: succeeded", #call);                                 \
        ck_assert_str_eq(vmgr_error_get_message(err), want_text);                                  \
        ck_assert_int_eq(vmgr_error_get_code(err), want_code);                                     \
        vmgr_error_free(err);                                                                      \
    } while (0)

/* "running (booted)"; soon: a process that ends takes a moment to be gone. */
static inline void expect_state(struct vmgr_domain *dom, const char *want)
{
    char text[100];
    int state, reason;

    for (int i = 0; i < 200; i++) {
        OK(vmgr_domain_get_state(dom, 0, &state, &reason, &err));
        snprintf(text, sizeof(text), "%s (%s)", vmgr_domain_state_name(state),
                 vmgr_domain_reason_name(state, reason));
        if (strcmp(text, want) == 0)
            return;
        nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
    }
    ck_assert_str_eq(text, want);
}

/* Events as one text: "Started Booted; Stopped Destroyed; ". */
struct event_log {
    char text[4096];
};

static inline void log_event(struct vmgr_conn *conn, struct vmgr_domain *domain,
                             const struct vmgr_domain_event *event, void *data)
{
    struct event_log *log = data;
    size_t used = strlen(log->text);

    (void)conn;
    (void)domain;
    if (event->id == VMGR_DOMAIN_EVENT_REBOOT)
        snprintf(log->text + used, sizeof(log->text) - used, "Reboot; ");
    else
        snprintf(log->text + used, sizeof(log->text) - used, "%s %s; ",
                 vmgr_domain_event_type_name(event->type),
                 vmgr_domain_event_detail_name(event->type, event->detail));
}

static inline int count_domains(struct vmgr_conn *conn, uint32_t flags)
{
    struct vmgr_error *err = NULL;
    int n = vmgr_domain_list(conn, flags, NULL, &err);

    ck_assert_msg(n >= 0, "%s", vmgr_error_get_message(err));
    return n;
}

static inline int run_suite(Suite *s)
{
    SRunner *r = srunner_create(s);
    int failed;

    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}

#endif
