/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Single vCPUs of domains: <vcpus> in definitions, what the emulator is told at the start, and
 * those that come and go. The emulator without a machine has places for four.
 */
#include "vemu-domain.h"

#define VCPUS(vcpu, list, more)                                                                    \
    "<domain type='vemu'><name>v</name><uuid>" UUID_V "</uuid><memory unit='MiB'>64</memory>" vcpu \
    "<vcpus>" list                                                                                 \
    "</vcpus><os><type machine='q35'>hvm</type><kernel>/boot/vmlinuz</kernel></os>" more           \
    "</domain>"
#define ON(id, hotpluggable) "<vcpu id='" id "' enabled='yes' hotpluggable='" hotpluggable "'/>"
#define ORDERED(id, hotpluggable, order)                                                           \
    "<vcpu id='" id "' enabled='yes' hotpluggable='" hotpluggable "' order='" order "'/>"
#define OFF(id)     "<vcpu id='" id "' enabled='no' hotpluggable='yes'/>"
#define UNSUPPORTED "unsupported configuration: "
#define CONFIG      VMGR_DOMAIN_AFFECT_CONFIG
#define INACTIVE    VMGR_DOMAIN_XML_INACTIVE

static struct vmgr_domain *dom;

/* "0no1 1yes3": those that are there, whether they may go, and their order. */
static const char *listed(uint32_t flags)
{
    static char text[200];
    char *xml = NULL;

    *text = '\0';
    OK(vmgr_domain_get_xml(dom, flags, &xml, &err));
    for (const char *at = xml; (at = strstr(at, "<vcpu id=")); at++) {
        const size_t used = strlen(text);
        char id[8], enabled[8], hotpluggable[8], order[8] = "";

        sscanf(at, "<vcpu id='%7[^']' enabled='%7[^']' hotpluggable='%7[^']' order='%7[^']'", id,
               enabled, hotpluggable, order);
        if (strcmp(enabled, "yes") == 0)
            snprintf(text + used, sizeof(text) - used, "%s%s%s%s", used ? " " : "", id,
                     hotpluggable, order);
    }
    free(xml);
    return text;
}

#define LISTED(flags, expected) ck_assert_str_eq(listed(flags), expected)

static void define(const char *xml)
{
    dom = vmgr_domain_unref(dom);
    dom = define_v(xml);
}

static void drop(void)
{
    vmgr_domain_destroy(dom, 0, NULL);
    dom = vmgr_domain_unref(dom);
    teardown();
}

START_TEST(test_refused)
{
    static const struct {
        const char *xml, *message;
    } rows[] = {
        { VCPUS("<vcpu>2</vcpu>", OFF("0"), ""), UNSUPPORTED "vcpu 0 can't be offline" },
        { VCPUS("<vcpu>2</vcpu>", ON("1", "no"), ""), UNSUPPORTED "vcpu 0 can't be offline" },
        { VCPUS("<vcpu>2</vcpu>", ON("0", "yes"), ""), UNSUPPORTED "vcpu0 can't be hotpluggable" },
        { VCPUS("<vcpu>2</vcpu>", ORDERED("0", "no", "2"), ""),
          UNSUPPORTED "vcpu0 must be enabled first" },
        { VCPUS("<vcpu>3</vcpu>", ON("0", "no") ON("1", "yes") ON("2", "no"), ""), UNSUPPORTED
          "online non-hotpluggable vcpus need to be ordered prior to hotplugable vcpus" },
        { VCPUS("<vcpu>3</vcpu>",
                ORDERED("0", "no", "1") ORDERED("1", "no", "3") ORDERED("2", "no", "2"), ""),
          UNSUPPORTED "online non-hotpluggable vcpus must be ordered in ascending order" },
        { VCPUS("<vcpu>2</vcpu>", ORDERED("0", "no", "1") ON("1", "yes"), ""),
          UNSUPPORTED "all vcpus must have either set or unset order" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        FAILS(vmgr_domain_define_xml(conn, rows[i].xml, 0, &dom, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
              rows[i].message);
    define(
        "<domain type='vemu'><name>v</name><memory unit='MiB'>64</memory><vcpu>2</vcpu><vcpus>" ON(
            "0", "no") ON("1", "yes") "</vcpus><os><type machine='microvm'>hvm</type>"
                                      "<kernel>/boot/vmlinuz</kernel></os></domain>");
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
          UNSUPPORTED
          "fewer current than maximum vCPUs (1 of 2) are not supported on machine 'microvm'");
}
END_TEST

START_TEST(test_start)
{
    define(VCPUS("<vcpu>4</vcpu>",
                 ORDERED("0", "no", "1") ORDERED("1", "yes", "9") ORDERED("3", "yes", "4"), ""));
    ck_assert_int_eq(vmgr_domain_get_vcpus(dom, CONFIG, NULL), 3);
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("v", " -smp 1,maxcpus=4 -device max-x86_64-cpu,id=vcpu3,socket-id=0,"
                                    "die-id=0,core-id=3,thread-id=0 -device max-x86_64-cpu,"
                                    "id=vcpu1,socket-id=0,die-id=0,core-id=1,thread-id=0 "));
    LISTED(0, "0no1 1yes3 3yes2");
    LISTED(INACTIVE, "0no1 1yes9 3yes4");
    OK(vmgr_domain_destroy(dom, 0, &err));
    define(VCPUS("<vcpu>16</vcpu>", ON("0", "no") ON("1", "no") ON("13", "yes"),
                 "<cpu><topology sockets='2' dies='2' cores='2' threads='2'/></cpu>"));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("v", " -smp 2,maxcpus=16,sockets=2,dies=2,cores=2,threads=2 -device "
                                    "max-x86_64-cpu,id=vcpu13,socket-id=1,die-id=1,core-id=0,"
                                    "thread-id=1 "));
}
END_TEST

START_TEST(test_config)
{
    define(VCPUS("<vcpu current='2'>4</vcpu>", "", ""));
    LISTED(INACTIVE, "");
    OK(vmgr_domain_set_vcpus(dom, 3, CONFIG | VMGR_DOMAIN_VCPU_HOTPLUGGABLE, &err));
    LISTED(INACTIVE, "0no 1no 2yes");
    OK(vmgr_domain_set_vcpu(dom, "1", 0, CONFIG, &err));
    LISTED(INACTIVE, "0no 2yes");
    ck_assert_int_eq(vmgr_domain_get_vcpus(dom, 0, NULL), 2);
    FAILS(vmgr_domain_set_vcpu(dom, "9", 1, CONFIG, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: vcpu 9 is not present in persistent config");
    FAILS(vmgr_domain_set_vcpu(dom, "2", 1, CONFIG, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: vcpu '2' is already in requested state");
    FAILS(vmgr_domain_set_vcpu(dom, "0", 0, CONFIG, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: vCPU '0' can't be modified");
    FAILS(vmgr_domain_set_vcpu(dom, "x", 1, CONFIG, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: Failed to parse bitmap 'x'");
    OK(vmgr_domain_set_vcpu(dom, "1,3", 1, CONFIG, &err));
    LISTED(INACTIVE, "0no 1yes 2yes 3yes");
    OK(vmgr_domain_set_vcpus(dom, 1, CONFIG, &err));
    LISTED(INACTIVE, "0no");
    OK(vmgr_domain_set_vcpus(dom, 3, CONFIG, &err));
    LISTED(INACTIVE, "0no 1no 2no");
    OK(vmgr_domain_set_vcpus(dom, 5, CONFIG | VMGR_DOMAIN_VCPU_MAXIMUM, &err));
    OK(vmgr_domain_set_vcpus(dom, 5, CONFIG, &err));
    LISTED(INACTIVE, "0no 1no 2no 3no 4no");
    OK(vmgr_domain_set_vcpus(dom, 2, CONFIG | VMGR_DOMAIN_VCPU_MAXIMUM, &err));
    LISTED(INACTIVE, "0no 1no");
    ck_assert_int_eq(vmgr_domain_get_vcpus(dom, 0, NULL), 2);
    FAILS(vmgr_domain_set_vcpus(dom, 3, CONFIG, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: requested cpu amount exceeds maximum (3 > 2)");
}
END_TEST

START_TEST(test_live)
{
    define(VCPUS("<vcpu current='1'>4</vcpu>", "", ""));
    OK(vmgr_domain_start(dom, 0, &err));
    LISTED(0, "");
    OK(vmgr_domain_set_vcpu(dom, "3", 1, 0, &err));
    LISTED(0, "0no1 3yes2");
    LISTED(INACTIVE, "");
    OK(vmgr_domain_set_vcpus(dom, 3, 0, &err));
    LISTED(0, "0no1 1yes3 3yes2");
    OK(vmgr_domain_set_vcpu(dom, "3", 0, 0, &err));
    LISTED(0, "0no1 1yes2");
    FAILS(vmgr_domain_set_vcpu(dom, "0", 0, 0, &err), VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: vcpu '0' can't be unplugged");
    FAILS(vmgr_domain_set_vcpu(dom, "0-1", 0, 0, &err), VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: vcpu '0' can't be unplugged");
    FAILS(vmgr_domain_set_vcpu(dom, "4", 1, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: vcpu 4 is not present in live config");
    FAILS(vmgr_domain_set_vcpu(dom, "1", 1, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: vcpu '1' is already in requested state");
    FAILS(vmgr_domain_set_vcpu(dom, "0", 1, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: vcpu '0' is already in requested state");
    FAILS(vmgr_domain_set_vcpu(dom, "1", 2, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: unsupported state value");
    OK(vmgr_domain_set_vcpus(dom, 1, 0, &err));
    LISTED(0, "0no1");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vcpus");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, setup, drop);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, test_refused);
    tcase_add_test(t, test_start);
    tcase_add_test(t, test_config);
    tcase_add_test(t, test_live);
    suite_add_tcase(s, t);
    return run_suite(s);
}
