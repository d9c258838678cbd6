/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <clock> of guests over an emulator without a machine: what the emulator is told, what a run's
 * definition says of it, and what is refused.
 */
#include <inttypes.h>
#include <sys/stat.h>

#include "vemu-domain.h"

static struct vmgr_domain *define_clock(const char *clock)
{
    char xml[1000];

    snprintf(xml, sizeof(xml), DOC("v", UUID_V, "x", "%s"), clock);
    return define_v(xml);
}

/* The date that the emulator was given, in seconds since 1970; -1: none. */
static int64_t given_date(void)
{
    const char *date = strstr(sandbox_command_line("v"), ",rtc-base=");
    struct tm tm = { 0 };

    if (!date || sscanf(date, ",rtc-base=%d-%d-%dT%d:%d:%d ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                        &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    return timegm(&tm);
}

START_TEST(test_host_clocks)
{
    static const struct {
        const char *clock, *option;
    } rows[] = {
        { "", "-machine microvm -m " },
        { "<clock offset='utc'/>", "-machine microvm -m " },
        { "<clock offset='utc' adjustment='reset'/>", "-machine microvm -m " },
        { "<clock offset='localtime'/>", "-machine microvm,rtc-base=localtime -m " },
        { "<clock offset='localtime' adjustment='reset'/>",
          "-machine microvm,rtc-base=localtime -m " },
        { "<clock offset='absolute' start='1000000000'/>",
          "-machine microvm,rtc-base=2001-09-09T01:46:40 -m " },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vmgr_domain *dom = define_clock(rows[i].clock);

        OK(vmgr_domain_start(dom, 0, &err));
        OK(vmgr_domain_destroy(dom, 0, &err));
        ck_assert_msg(sandbox_ran_with("v", rows[i].option), "%s", rows[i].clock);
        vmgr_domain_unref(dom);
    }
}
END_TEST

/* The emulator reads the time zone from its environment. */
START_TEST(test_zone)
{
    struct vmgr_domain *dom;
    char path[400], status[4000] = "", env[8000];
    const char *pid;
    bool found = false;
    size_t n;
    FILE *f;

    if (access("/usr/share/zoneinfo/Asia/Kathmandu", R_OK) < 0)
        return;
    dom = define_clock("<clock offset='timezone' timezone='Asia/Kathmandu'/>");
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert_ptr_nonnull(
        strstr(sandbox_command_line("v"), "-machine microvm,rtc-base=localtime -m "));
    snprintf(path, sizeof(path), "%s/run/vmgr/domains/v.d/status.xml", scratch_root);
    f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    n = fread(status, 1, sizeof(status) - 1, f);
    fclose(f);
    status[n] = '\0';
    pid = strstr(status, " pid='");
    ck_assert_ptr_nonnull(pid);
    snprintf(path, sizeof(path), "/proc/%d/environ", atoi(pid + strlen(" pid='")));
    f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    n = fread(env, 1, sizeof(env) - 1, f);
    fclose(f);
    env[n] = '\0';
    for (const char *word = env; word < env + n; word += strlen(word) + 1)
        found = found || strcmp(word, "TZ=Asia/Kathmandu") == 0;
    ck_assert(found);
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_variable)
{
    struct vmgr_domain *dom =
        define_clock("<clock offset='variable' adjustment='-3600' basis='utc'/>");
    int64_t before = time(NULL), first;

    OK(vmgr_domain_start(dom, 0, &err));
    first = given_date() + 3600;
    ck_assert_int_ge(first, before);
    ck_assert_int_le(first, time(NULL));
    ck_assert(sandbox_shows(dom, 0, "<clock offset='variable' adjustment='-3600' basis='utc'/>"));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);

    /* That is another way to say so. Nepal is 5:45 h ahead, the whole year. */
    setenv("TZ", "NPT-5:45", 1);
    tzset();
    dom = define_clock("<clock offset='localtime' adjustment='60'/>");
    ck_assert(
        sandbox_shows(dom, 0, "<clock offset='variable' adjustment='60' basis='localtime'/>"));
    before = time(NULL);
    OK(vmgr_domain_start(dom, 0, &err));
    first = given_date() - 60 - 20700;
    ck_assert_int_ge(first, before);
    ck_assert_int_le(first, time(NULL));
    ck_assert(sandbox_shows(dom, 0, "<clock offset='variable' adjustment='20760' basis='utc'/>"));
    ck_assert(sandbox_shows(dom, VMGR_DOMAIN_XML_INACTIVE,
                            "<clock offset='variable' adjustment='60' basis='localtime'/>"));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *clock, *words;
    } rows[] = {
        { "<clock offset='timezone' timezone='Nowhere/At_All'/>",
          "time zone 'Nowhere/At_All' of <clock> is not in /usr/share/zoneinfo" },
        { "<clock offset='timezone' timezone='../../../etc/passwd'/>",
          "time zone '../../../etc/passwd' of <clock> is not in /usr/share/zoneinfo" },
        { "<clock offset='timezone' timezone=''/>",
          "time zone '' of <clock> is not in /usr/share/zoneinfo" },
        { "<clock offset='absolute' start='4294967296'/>",
          "<clock> with offset 'absolute' does not start between 1970 and 2106" },
        { "<clock offset='absolute' start='18446744073709551615'/>",
          "<clock> with offset 'absolute' does not start between 1970 and 2106" },
        { "<clock offset='variable' adjustment='-9223372036854775808'/>",
          "<clock> with offset 'variable' does not start between 1970 and 2106" },
        { "<clock offset='variable' adjustment='9223372036854775807'/>",
          "<clock> with offset 'variable' does not start between 1970 and 2106" },
    };
    struct vmgr_domain *none = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vmgr_domain *dom = define_clock(rows[i].clock);
        char message[300];

        snprintf(message, sizeof(message), "unsupported configuration: %s", rows[i].words);
        FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED, message);
        vmgr_domain_unref(dom);
    }
    FAILS(vmgr_domain_define_xml(
              conn, DOC("v", UUID_V, "x", "<clock offset='utc' adjustment='1h'/>"), 0, &none, &err),
          VMGR_ERR_XML_ERROR, "XML error: unknown clock adjustment '1h'");
    FAILS(vmgr_domain_define_xml(conn,
                                 DOC("v", UUID_V, "x", "<clock offset='variable' basis='moon'/>"),
                                 0, &none, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED, "unsupported configuration: unknown clock basis 'moon'");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("clock");
    TCase *t = tcase_create("vemu");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_host_clocks);
    tcase_add_test(t, test_zone);
    tcase_add_test(t, test_variable);
    tcase_add_test(t, test_refused);
    suite_add_tcase(s, t);
    return run_suite(s);
}
