/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of the host guests may use, over the test driver: limits, pins, IOThreads, and the events
 * that tell of them.
 */
#include "harness.h"

static struct vmgr_conn *conn;

static void open_test(void)
{
    OK(vmgr_conn_open("test:///default", 0, &conn, &err));
}

static void close_test(void)
{
    conn = vmgr_conn_unref(conn);
}

/* The value of a parameter as text; "0": it is not there. */
static const char *value_of(struct vmgr_domain *dom, int resource, const char *target,
                            uint32_t flags, const char *name)
{
    static char text[100];
    const struct vmgr_stat *s;
    struct vmgr_stat *stats;

    OK(vmgr_domain_get_resources(dom, resource, target, flags, &stats, &err));
    s = vmgr_stats_find(stats, name);
    if (s && s->text)
        snprintf(text, sizeof(text), "%s", s->text);
    else
        snprintf(text, sizeof(text), "%lld", s ? (long long)s->number : 0);
    vmgr_stats_free(stats);
    return text;
}

static int set_number(struct vmgr_domain *dom, int resource, const char *target, const char *name,
                      int type, int64_t number, struct vmgr_error **err)
{
    const struct vmgr_stat params[] = {
        { .name = name, .type = type, .number = (uint64_t)number }, { .name = NULL }
    };

    return vmgr_domain_set_resources(dom, resource, target, params, VMGR_DOMAIN_AFFECT_LIVE, err);
}

START_TEST(test_resources)
{
    const int live = VMGR_DOMAIN_AFFECT_LIVE;
    struct vmgr_domain *dom = NULL;
    struct vmgr_vcpu_info *info;
    struct vmgr_pin *pins;
    struct vmgr_stat *stats;
    const uint8_t third[] = { 1 << 2, 0 }, none[] = { 0, 0 };
    char *xml;
    int n;

    OK(vmgr_domain_lookup_by_name(conn, "test", &dom, &err));
    ck_assert_str_eq(value_of(dom, VMGR_RESOURCE_SCHEDULER, NULL, 0, "cpu_shares"), "0");
    ck_assert_str_eq(value_of(dom, VMGR_RESOURCE_MEMORY, NULL, 0, "hard_limit"),
                     "9007199254740991");
    OK(set_number(dom, VMGR_RESOURCE_SCHEDULER, NULL, "cpu_shares", VMGR_STAT_ULLONG, 500, &err));
    OK(set_number(dom, VMGR_RESOURCE_SCHEDULER, NULL, "vcpu_quota", VMGR_STAT_LLONG, -5, &err));
    OK(set_number(dom, VMGR_RESOURCE_MEMORY, NULL, "hard_limit", VMGR_STAT_ULLONG, 9000, &err));
    OK(set_number(dom, VMGR_RESOURCE_BLKIO, NULL, "weight", VMGR_STAT_UINT, 200, &err));
    OK(set_number(dom, VMGR_RESOURCE_NUMA, NULL, "numa_mode", VMGR_STAT_INT, 2, &err));
    OK(set_number(dom, VMGR_RESOURCE_DISK, "vda", "read_iops_sec", VMGR_STAT_ULLONG, 70, &err));
    ck_assert_str_eq(value_of(dom, VMGR_RESOURCE_SCHEDULER, NULL, live, "cpu_shares"), "500");
    ck_assert_str_eq(value_of(dom, VMGR_RESOURCE_SCHEDULER, NULL, live, "vcpu_quota"), "-1");
    ck_assert_str_eq(value_of(dom, VMGR_RESOURCE_DISK, "vda", live, "read_iops_sec"), "70");
    /* the next start's definition is another one */
    ck_assert_str_eq(
        value_of(dom, VMGR_RESOURCE_SCHEDULER, NULL, VMGR_DOMAIN_AFFECT_CONFIG, "cpu_shares"), "0");
    OK(vmgr_domain_get_xml(dom, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<shares>500</shares>\n    <quota>-1</quota>"));
    ck_assert_ptr_nonnull(strstr(xml, "<hard_limit unit='KiB'>9000</hard_limit>"));
    ck_assert_ptr_nonnull(strstr(xml, "<read_iops_sec>70</read_iops_sec>"));
    free(xml);
    FAILS(set_number(dom, VMGR_RESOURCE_SCHEDULER, NULL, "cpu_shares", VMGR_STAT_ULLONG, 1, &err),
          VMGR_ERR_INVALID_ARG,
          "invalid argument: value of 'cpu_shares' is out of range [2, 262144]");
    FAILS(set_number(dom, VMGR_RESOURCE_MEMORY, NULL, "nix", VMGR_STAT_ULLONG, 1, &err),
          VMGR_ERR_INVALID_ARG, "invalid argument: parameter 'nix' not supported");
    FAILS(set_number(dom, VMGR_RESOURCE_MEMORY, NULL, "swap_hard_limit", VMGR_STAT_ULLONG, 8999,
                     &err),
          VMGR_ERR_INVALID_ARG,
          "invalid argument: memory hard_limit tunable value must be lower than or equal to "
          "swap_hard_limit");
    FAILS(set_number(dom, VMGR_RESOURCE_DISK, "vdz", "read_iops_sec", VMGR_STAT_ULLONG, 7, &err),
          VMGR_ERR_INVALID_ARG, "invalid argument: invalid path vdz not assigned to domain");
    FAILS(set_number(dom, VMGR_RESOURCE_DISK, "vda", "read_iops_sec_max", VMGR_STAT_ULLONG, 60,
                     &err),
          VMGR_ERR_INVALID_ARG,
          "invalid argument: value 'read_iops_sec_max' must be at least 'read_iops_sec'");

    n = vmgr_domain_get_pins(dom, VMGR_PIN_VCPU, 0, &pins, NULL);
    ck_assert_int_eq(n, 2);
    ck_assert_uint_eq(pins[1].cpus[0], 0xff);
    ck_assert_ptr_null(vmgr_pins_free(pins, 2));
    OK(vmgr_domain_set_pin(dom, VMGR_PIN_VCPU, 1, third, sizeof(third), 0, &err));
    FAILS(vmgr_domain_set_pin(dom, VMGR_PIN_VCPU, 1, none, sizeof(none), 0, &err),
          VMGR_ERR_INVALID_ARG, "invalid argument: Empty cpu list for pinning");
    n = vmgr_domain_get_pins(dom, VMGR_PIN_VCPU, 0, &pins, NULL);
    ck_assert_int_eq(n, 2);
    ck_assert_uint_eq(pins[1].cpus[0], 1 << 2);
    vmgr_pins_free(pins, 2);

    n = vmgr_domain_get_vcpu_info(dom, &info, NULL);
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(info[1].state, 1);
    free(info);
    FAILS(vmgr_domain_get_cpu_stats(dom, -1, &stats, &err), VMGR_ERR_NO_SUPPORT,
          "this function is not supported by the connection driver: virDomainGetCPUStats");
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_iothreads)
{
    struct vmgr_domain *dom = NULL;
    const uint8_t third[] = { 1 << 2 };
    struct vmgr_stat *stats = NULL;
    struct vmgr_pin *pins = NULL;
    char *xml = NULL;

    OK(vmgr_domain_lookup_by_name(conn, "test", &dom, &err));
    ck_assert_int_eq(vmgr_domain_get_pins(dom, VMGR_PIN_IOTHREAD, 0, &pins, NULL), 0);
    vmgr_pins_free(pins, 0);
    FAILS(vmgr_domain_set_iothread(dom, 3, 0, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: cannot find IOThread '3' in iothreadids list");
    OK(vmgr_domain_set_iothread(dom, 3, 1, 0, &err));
    FAILS(vmgr_domain_set_iothread(dom, 3, 1, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: an IOThread is already using iothread_id '3'");
    FAILS(vmgr_domain_set_pin(dom, VMGR_PIN_IOTHREAD, 1, third, 1, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: iothread 1 not found");
    OK(vmgr_domain_set_pin(dom, VMGR_PIN_IOTHREAD, 3, third, 1, 0, &err));
    ck_assert_int_eq(vmgr_domain_get_pins(dom, VMGR_PIN_IOTHREAD, 0, &pins, NULL), 1);
    ck_assert_uint_eq(pins[0].id, 3);
    ck_assert_uint_eq(pins[0].cpus[0], 1 << 2);
    vmgr_pins_free(pins, 1);
    OK(set_number(dom, VMGR_RESOURCE_IOTHREAD, "3", "poll_max_ns", VMGR_STAT_ULLONG, 5, &err));
    OK(vmgr_domain_get_stats(dom, VMGR_STATS_IOTHREAD, 0, &stats, &err));
    ck_assert_uint_eq(vmgr_stats_find(stats, "iothread.3.poll-max-ns")->number, 5);
    ck_assert_uint_eq(vmgr_stats_find(stats, "iothread.count")->number, 1);
    vmgr_stats_free(stats);
    OK(set_number(dom, VMGR_RESOURCE_IOTHREAD, "3", "thread_pool_max", VMGR_STAT_INT, 8, &err));
    FAILS(set_number(dom, VMGR_RESOURCE_IOTHREAD, "3", "thread_pool_min", VMGR_STAT_INT, 9, &err),
          VMGR_ERR_INVALID_ARG,
          "invalid argument: thread_pool_min (9) can't be greater than thread_pool_max (8)");
    FAILS(set_number(dom, VMGR_RESOURCE_IOTHREAD, "4", "poll_grow", VMGR_STAT_UINT, 5, &err),
          VMGR_ERR_INVALID_ARG, "invalid argument: cannot find IOThread '4' in iothreadids list");
    OK(vmgr_domain_get_xml(dom, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<iothreads>1</iothreads>"));
    ck_assert_ptr_nonnull(strstr(xml, "<iothread id='3' thread_pool_max='8'>"));
    ck_assert_ptr_nonnull(strstr(xml, "<poll max='5'/>"));
    ck_assert_ptr_nonnull(strstr(xml, "<iothreadpin iothread='3' cpuset='2'/>"));
    free(xml);
    OK(vmgr_domain_set_iothread(dom, 3, 0, 0, &err));
    OK(vmgr_domain_get_xml(dom, 0, &xml, &err));
    ck_assert_ptr_null(strstr(xml, "iothread"));
    free(xml);
    vmgr_domain_unref(dom);
}
END_TEST

/* Each event: the domain, the values and the numbers' types. */
static void log_values(struct vmgr_conn *c, struct vmgr_domain *domain,
                       const struct vmgr_domain_event *event, void *data)
{
    struct event_log *log = data;
    FILE *f = fmemopen(log->text + strlen(log->text), sizeof(log->text) - strlen(log->text), "w");

    (void)c;
    ck_assert_ptr_nonnull(f);
    fprintf(f, "%s", vmgr_domain_get_name(domain));
    for (const struct vmgr_stat *s = event->stats; s->name; s++) {
        if (s->type == VMGR_STAT_STRING)
            fprintf(f, " %s=%s", s->name, s->text);
        else
            fprintf(f, " %s=%lld/%d", s->name, (long long)s->number, s->type);
    }
    fputs("; ", f);
    ck_assert_int_eq(fclose(f), 0);
}

/* What the callbacks have been told since the last time. */
static void expect_told(struct event_log *log, const char *text)
{
    ck_assert_int_ge(vmgr_conn_dispatch(conn, NULL), 0);
    ck_assert_str_eq(log->text, text);
    log->text[0] = 0;
}

START_TEST(test_events)
{
    const struct vmgr_stat disk[] = {
        { .name = "total_bytes_sec", .type = VMGR_STAT_ULLONG, .number = 9 },
        { .name = "group_name", .type = VMGR_STAT_STRING, .text = "g" },
        { .name = NULL }
    };
    const uint8_t some[] = { 1 << 2 | 3, 0 }, all[] = { 0xff, 0xff };
    const int config = VMGR_DOMAIN_AFFECT_CONFIG;
    struct event_log log = { "" };
    struct vmgr_domain *dom = NULL;

    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_TUNABLE, log_values, &log, NULL,
                                  &err));
    OK(vmgr_domain_lookup_by_name(conn, "test", &dom, &err));
    OK(set_number(dom, VMGR_RESOURCE_SCHEDULER, NULL, "cpu_shares", VMGR_STAT_ULLONG, 500, &err));
    expect_told(&log, "test cputune.cpu_shares=500/4; ");
    OK(set_number(dom, VMGR_RESOURCE_SCHEDULER, NULL, "global_quota", VMGR_STAT_LLONG, -1, &err));
    expect_told(&log, "test cputune.global_quota=-1/3; ");
    OK(vmgr_domain_set_resources(dom, VMGR_RESOURCE_DISK, "vda", disk, 0, &err));
    expect_told(&log, "test blkdeviotune.disk=vda blkdeviotune.total_bytes_sec=9/4 "
                      "blkdeviotune.group_name=g; ");
    OK(set_number(dom, VMGR_RESOURCE_DISK, "vda", "read_bytes_sec", VMGR_STAT_ULLONG, 7, &err));
    expect_told(&log, "test blkdeviotune.disk=vda blkdeviotune.total_bytes_sec=0/4 "
                      "blkdeviotune.read_bytes_sec=7/4; ");
    OK(vmgr_domain_set_pin(dom, VMGR_PIN_VCPU, 1, some, sizeof(some), 0, &err));
    expect_told(&log, "test cputune.vcpupin1=0-2; ");
    OK(vmgr_domain_set_pin(dom, VMGR_PIN_EMULATOR, 0, some, sizeof(some), 0, &err));
    expect_told(&log, "test cputune.emulatorpin=0-2; ");
    OK(vmgr_domain_set_iothread(dom, 3, 1, 0, &err));
    expect_told(&log, "");
    OK(vmgr_domain_set_pin(dom, VMGR_PIN_IOTHREAD, 3, all, sizeof(all), 0, &err));
    expect_told(&log, "test cputune.iothreadpin3=0-15; ");
    /* What changes nothing, or fails, or is for the next start, or has no such event. */
    OK(vmgr_domain_set_pin(dom, VMGR_PIN_VCPU, 1, some, sizeof(some), 0, &err));
    FAILS(set_number(dom, VMGR_RESOURCE_SCHEDULER, NULL, "cpu_shares", VMGR_STAT_ULLONG, 1, &err),
          VMGR_ERR_INVALID_ARG,
          "invalid argument: value of 'cpu_shares' is out of range [2, 262144]");
    OK(vmgr_domain_set_pin(dom, VMGR_PIN_VCPU, 0, some, sizeof(some), config, &err));
    OK(vmgr_domain_set_resources(dom, VMGR_RESOURCE_DISK, "vda", disk, config, &err));
    OK(set_number(dom, VMGR_RESOURCE_MEMORY, NULL, "hard_limit", VMGR_STAT_ULLONG, 9000, &err));
    OK(vmgr_domain_set_iothread(dom, 3, 0, 0, &err));
    expect_told(&log, "");
    vmgr_domain_unref(dom);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("resources");
    TCase *t = tcase_create("test driver");

    tcase_add_checked_fixture(t, open_test, close_test);
    tcase_add_test(t, test_resources);
    tcase_add_test(t, test_iothreads);
    tcase_add_test(t, test_events);
    suite_add_tcase(s, t);
    return run_suite(s);
}
