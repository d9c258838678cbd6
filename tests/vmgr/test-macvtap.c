/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of guests right on interfaces of the host, in a network of the test's own: links and
 * their records, and what a record must not make us remove.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "conf/device.h"
#include "harness.h"
#include "network/direct.h"
#include "scratch-root.h"

static const uint8_t guest_a[VMGR_UUID_SIZE] = { 0xa }, guest_b[VMGR_UUID_SIZE] = { 0xb };
static struct vmgr_conn *conn;
static struct vemu *d;

/* What the host must have for any of this; NULL: it has all. */
static const char *unfit(void)
{
    char path[64];

    if (getuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
        return "no namespaces here";
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/sys", "sysfs", 0, NULL) < 0)
        return "no /sys of a namespace";
    if (system("ip link add low0 type veth peer name far0 2>/dev/null && "
               "ip link add low1 type veth peer name far1 2>/dev/null") != 0)
        return "no interfaces of type veth, or no program ip";
    if (system("ip link add link low0 name check type macvtap 2>/dev/null") != 0)
        return "this kernel has no macvtap";
    snprintf(path, sizeof(path), "/dev/tap%u", if_nametoindex("check"));
    if (access(path, F_OK) < 0)
        return "no devtmpfs on /dev";
    return system("ip link del check") == 0 ? NULL : "links cannot be removed";
}

static void setup(void)
{
    scratch_open();
    conn = scratch_connect("vemu:///system", NULL, 0);
    d = conn->driver_data;
}

static void teardown(void)
{
    vmgr__direct_forget(d, guest_a, NULL);
    vmgr__direct_forget(d, guest_b, NULL);
    conn = vmgr_conn_unref(conn);
    scratch_close();
}

/* A guest's interface as a definition asks for it. */
static struct vmgr__tap tap_of(const uint8_t *owner, const char *mode, const char *dev)
{
    struct vmgr__tap tap = { .owner = owner, .mode = g_strdup(mode), .queues = 1 };

    memset(tap.fds, -1, sizeof(tap.fds));
    memcpy(tap.mac, "\x52\x54\0\0\0\x01", 6);
    tap.mac[4] = owner[0];
    tap.pool = g_ptr_array_new_with_free_func(g_free);
    if (dev)
        g_ptr_array_add(tap.pool, g_strdup(dev));
    return tap;
}

static void tap_clear(struct vmgr__tap *tap)
{
    vmgr__tap_close_queues(tap);
    g_ptr_array_unref(tap->pool);
    g_free(tap->mode);
    g_free(tap->dev);
    g_free(tap->name);
}

static bool has_record(const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/%s.xml", d->macvtap_run_dir, name);

    return access(path, F_OK) == 0;
}

static void set_record(const char *name, const char *from, const char *to)
{
    g_autofree char *path = g_strdup_printf("%s/%s.xml", d->macvtap_run_dir, name);
    g_autofree char *text = NULL;
    g_autoptr(GString) s = NULL;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    s = g_string_new(text);
    ck_assert_uint_eq(g_string_replace(s, from, to, 0), 1);
    ck_assert(g_file_set_contents(path, s->str, -1, NULL));
}

START_TEST(test_life)
{
    struct vmgr__tap a = tap_of(guest_a, "bridge", "low0"), b = tap_of(guest_b, "bridge", "low0");
    struct vmgr__tap c = tap_of(guest_b, "private", "low1");
    struct ifreq ifr = { 0 };

    c.name = g_strdup("mine0");
    OK(vmgr__direct_open(d, &a, &err));
    OK(vmgr__direct_open(d, &b, &err));
    OK(vmgr__direct_open(d, &c, &err));
    ck_assert_str_eq(a.name, "macvtap0");
    ck_assert_str_eq(b.name, "macvtap1");
    ck_assert_str_eq(c.name, "mine0");
    ck_assert_str_eq(c.dev, "low1");
    ck_assert_int_ge(a.fds[0], 3);
    ck_assert_int_eq(ioctl(a.fds[0], TUNGETIFF, &ifr), 0);
    ck_assert_str_eq(ifr.ifr_name, "macvtap0");
    ck_assert_int_eq(ifr.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR),
                     IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
    /* one of a guest, then all of it; another guest's name says nothing */
    vmgr__direct_forget(d, guest_a, "macvtap1");
    vmgr__direct_forget(d, guest_b, "mine0");
    ck_assert(vmgr__link_exists("macvtap1") && !vmgr__link_exists("mine0"));
    ck_assert(has_record("macvtap1") && !has_record("mine0"));
    vmgr__direct_forget(d, guest_b, NULL);
    ck_assert(!vmgr__link_exists("macvtap1") && vmgr__link_exists("macvtap0"));
    ck_assert(!has_record("macvtap1"));
    tap_clear(&c);
    tap_clear(&b);
    tap_clear(&a);
}
END_TEST

/* Each queue is a descriptor of its own. */
START_TEST(test_queues)
{
    struct vmgr__tap a = tap_of(guest_a, "bridge", "low0");
    struct ifreq ifr = { .ifr_flags = IFF_DETACH_QUEUE };

    a.queues = 3;
    OK(vmgr__direct_open(d, &a, &err));
    ck_assert(a.fds[0] >= 3 && a.fds[1] > a.fds[0] && a.fds[2] > a.fds[1] && a.fds[3] == -1);
    ck_assert_int_eq(ioctl(a.fds[2], TUNSETQUEUE, &ifr), 0);
    tap_clear(&a);
}
END_TEST

START_TEST(test_mistakes)
{
    struct vmgr__tap a = tap_of(guest_a, "bridge", "low7"), b = tap_of(guest_a, "bridge", "low0");
    struct vmgr__tap c = tap_of(guest_a, "bridge", "low0");

    FAILS(vmgr__direct_open(d, &a, &err), VMGR_ERR_SYSTEM_ERROR,
          "Unable to get index for interface low7: No such device");
    b.name = g_strdup("far0");
    FAILS(vmgr__direct_open(d, &b, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: Unable to create macvtap device far0: File exists");
    c.mtu = 9000; /* more than what is under it */
    FAILS(vmgr__direct_open(d, &c, &err), VMGR_ERR_SYSTEM_ERROR,
          "cannot set interface 'macvtap0' up: Invalid input data or parameter");
    ck_assert(!has_record("macvtap0") && !has_record("far0"));
    ck_assert(!vmgr__link_exists("macvtap0") && vmgr__link_exists("far0"));
    tap_clear(&c);
    tap_clear(&b);
    tap_clear(&a);
}
END_TEST

/* The interface with the fewest of the network's guests; each but once in mode passthrough. */
START_TEST(test_pool)
{
    struct vmgr__tap taps[4];

    for (int i = 0; i < 4; i++) {
        taps[i] = tap_of(guest_a, i < 2 ? "vepa" : "passthrough", NULL);
        taps[i].network = i < 2 ? "n" : "m";
        taps[i].mac[5] = (uint8_t)i;
        g_ptr_array_add(taps[i].pool, g_strdup("low0"));
        if (i < 2)
            g_ptr_array_add(taps[i].pool, g_strdup("low1"));
    }
    OK(vmgr__direct_open(d, &taps[0], &err));
    OK(vmgr__direct_open(d, &taps[1], &err));
    ck_assert_str_eq(taps[0].dev, "low0");
    ck_assert_str_eq(taps[1].dev, "low1");
    vmgr__direct_forget(d, guest_a, NULL);
    OK(vmgr__direct_open(d, &taps[2], &err));
    FAILS(vmgr__direct_open(d, &taps[3], &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: network 'm' requires exclusive access to interfaces, but none are "
          "available");
    for (int i = 0; i < 4; i++)
        tap_clear(&taps[i]);
}
END_TEST

/* Records of callers that died, of another boot, of links that are somebody else's. */
START_TEST(test_records)
{
    struct vmgr__tap a = tap_of(guest_a, "bridge", "low0"), b = tap_of(guest_b, "bridge", "low0");

    OK(vmgr__direct_open(d, &a, &err));
    set_record("macvtap0", " index='",
               " index='0' was='"); /* it died when the link was just made */
    vmgr__direct_forget(d, guest_a, NULL);
    ck_assert(!vmgr__link_exists("macvtap0") && !has_record("macvtap0"));

    OK(vmgr__direct_open(d, &b, &err));
    set_record("macvtap0", " index='", " index='9"); /* it is another's by now */
    vmgr__direct_forget(d, guest_b, NULL);
    ck_assert(vmgr__link_exists("macvtap0") && !has_record("macvtap0"));
    ck_assert_int_eq(system("ip link del macvtap0"), 0);

    tap_clear(&a);
    a = tap_of(guest_a, "passthrough", "low0");
    OK(vmgr__direct_open(d, &a, &err));
    set_record("macvtap0", " boot='", " boot='x");
    vmgr__direct_forget(d, guest_a, NULL); /* nothing is left to be removed by it */
    ck_assert(vmgr__link_exists("macvtap0"));
    ck_assert_int_eq(system("ip link del macvtap0"), 0);
    tap_clear(&a);
    a = tap_of(guest_a, "passthrough", "low0");
    OK(vmgr__direct_open(d, &a, &err)); /* and its name is free */
    ck_assert_str_eq(a.name, "macvtap0");
    tap_clear(&b);
    tap_clear(&a);
}
END_TEST

/* What the definition of a run names stays, what it does not name goes. */
START_TEST(test_sweep)
{
    struct vmgr__tap a = tap_of(guest_a, "bridge", "low0"), b = tap_of(guest_a, "bridge", "low1");
    struct vmgr__domain_def *def = vmgr__domain_def_new();
    struct vmgr__device *dev;

    b.mac[5] = 2;
    OK(vmgr__direct_open(d, &a, &err));
    OK(vmgr__direct_open(d, &b, &err));
    memcpy(def->uuid, guest_a, VMGR_UUID_SIZE);
    dev = vmgr__device_parse("<interface type='direct'><source dev='low1'/>"
                             "<target dev='macvtap1'/></interface>",
                             &vmgr__vemu_defaults, 0, NULL);
    ck_assert_ptr_nonnull(dev);
    g_ptr_array_add(def->devices, dev);
    vmgr__direct_sweep(d, def);
    ck_assert(!vmgr__link_exists("macvtap0") && vmgr__link_exists("macvtap1"));
    ck_assert(!has_record("macvtap0") && has_record("macvtap1"));
    vmgr__domain_def_free(def);
    tap_clear(&b);
    tap_clear(&a);
}
END_TEST

int main(void)
{
    const char *why = unfit();
    Suite *s = suite_create("macvtap");
    TCase *t = tcase_create("links");
    SRunner *r = srunner_create(s);
    int failed;

    if (why) {
        printf("%s\n", why);
        srunner_free(r);
        return 77;
    }
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_life);
    tcase_add_test(t, test_queues);
    tcase_add_test(t, test_mistakes);
    tcase_add_test(t, test_pool);
    tcase_add_test(t, test_records);
    tcase_add_test(t, test_sweep);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
