/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hyper-V enlightenments: what -cpu may say of them, what they need, the leaves of CPUID.
 */
#include "test-main.h"

#include <vemu/cpu.h>

#include "core/cpu-model.h"
#include "core/hyperv.h"

static struct vemu_cpuid cpuid, offered;

/* What KVM has of the leaves, less some bits. */
static void offer(uint32_t no_rights, uint32_t no_more, uint32_t no_advice)
{
    static const struct vemu_cpuid_entry own[] = {
        { 0, 0, 0, 0x1f, 0, 0, 0 },
        { 1, 0, 0, 0x806f8, 0, 1u << 31, 1 },
        { 0x40000000, 0, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d },
        { 0x40000001, 0, 0, 0x01000009, 0, 0, 0 },
        { 0x80000008, 0, 0, 0x3028, 0, 0, 0 },
    };
    const struct vemu_cpuid_entry kvm[] = {
        { 0x40000000, 0, 0, 0x40000082, 0x756e694c, 0x564b2078, 0x7648204d }, /* "Linux KVM Hv" */
        { 0x40000001, 0, 0, 0x31237648, 0, 0, 0 },
        { 0x40000003, 0, 0, 0x2eff & ~no_rights, 0x30, 0, 0x80d10 & ~no_more },
        { 0x40000004, 0, 0, 0x4e2c & ~no_advice, 0xfff, 0, 0 },
    };

    cpuid.count = G_N_ELEMENTS(own);
    memcpy(cpuid.entries, own, sizeof(own));
    offered.count = G_N_ELEMENTS(kvm);
    memcpy(offered.entries, kvm, sizeof(kvm));
}

static struct vemu_hyperv said(const char *settings)
{
    g_autofree char *model = g_strconcat("max,", settings, NULL);
    struct vemu_cpu_settings s;

    OK(vemu__cpu_model_check(model, &err));
    vemu__cpu_model_settings(model, &s);
    return s.hyperv;
}

static const struct vemu_cpuid_entry *leaf(uint32_t function)
{
    const struct vemu_cpuid_entry *e = vemu__cpuid_find(&cpuid, function, 0);

    ck_assert_msg(e != NULL, "no leaf 0x%x", function);
    return e;
}

#define APPLY(hv) vemu__hyperv_apply(&(hv), &offered, &cpuid, &err)

START_TEST(text)
{
    static const char *const good[] = {
        "hv-relaxed", "hv_relaxed=on", "hv-vapic,hv-spinlocks=0x1fff", "hv-spinlocks=4095",
        "hv-vpindex,hv-synic,hv-time,hv-stimer,hv-stimer-direct", "hv-stimer=off",
        "hv-vendor-id=KVM Hv", "hv-vendor-id=abcdefghijkl", "hv-passthrough,hv-stimer",
        "hv-vpindex,hv-tlbflush,hv-ipi", "hv-reset,hv-runtime,hv-frequencies,hv-reenlightenment",
        "hv-crash,hv-avic", "hv-spinlocks=4294967295",
    };
    static const struct {
        const char *settings, *complaint;
    } bad[] = {
        { "hv-relax", "'hv-relax' is not known" },
        { "hv-evmcs", "'hv-evmcs' is not known" },
        { "+hv-relaxed", "'+hv-relaxed' is not known" },
        { "hv-relaxed=yes", "'hv-relaxed=yes' is not on or off" },
        { "hv-passthrough=1", "'hv-passthrough=1' is not on or off" },
        { "hv-spinlocks", "'hv-spinlocks' is not a number of tries from 0xfff" },
        { "hv-spinlocks=", "'hv-spinlocks='" },
        { "hv-spinlocks=4094", "'hv-spinlocks=4094'" },
        { "hv-spinlocks=-1", "'hv-spinlocks=-1'" },
        { "hv-spinlocks=0x100000000", "'hv-spinlocks=0x100000000'" },
        { "hv-spinlocks=8191x", "'hv-spinlocks=8191x'" },
        { "hv-vendor-id", "'hv-vendor-id' is not a name" },
        { "hv-vendor-id=", "'hv-vendor-id='" },
        { "hv-vendor-id=abcdefghijklm", "'hv-vendor-id=abcdefghijklm'" },
        { "hv-vendor-id=a\tb", "is not a name" },
        { "hv-synic", "Hyper-V synthetic interrupt controller (hv-synic) requires Hyper-V "
                      "VP_INDEX MSR (hv-vpindex)" },
        { "hv-vpindex,hv-synic,hv-stimer", "(hv-stimer) requires Hyper-V clocksources (hv-time)" },
        { "hv-time,hv-stimer", "(hv-stimer) requires Hyper-V synthetic interrupt controller" },
        { "hv-stimer-direct", "(hv-stimer-direct) requires Hyper-V synthetic timers (hv-stimer)" },
        { "hv-tlbflush", "(hv-tlbflush) requires Hyper-V VP_INDEX MSR (hv-vpindex)" },
        { "hv-vpindex,hv-ipi,hv-vpindex=off", "(hv-ipi) requires" },
    };

    for (size_t n = 0; n < G_N_ELEMENTS(good); n++)
        said(good[n]);
    for (size_t n = 0; n < G_N_ELEMENTS(bad); n++) {
        g_autofree char *model = g_strconcat("max,", bad[n].settings, NULL);

        FAILS(vemu__cpu_model_check(model, &err), EINVAL, bad[n].complaint);
    }
}
END_TEST

START_TEST(wanted)
{
    static const struct {
        const char *settings;
        bool wanted;
    } rows[] = {
        { "check", false },          { "hv-relaxed=off", false },      { "hv-relaxed", true },
        { "hv-spinlocks=4095", true }, { "hv-spinlocks=0xffffffff", false },
        { "hv-vendor-id=x", true },  { "hv-passthrough", true },
    };

    for (size_t n = 0; n < G_N_ELEMENTS(rows); n++) {
        const struct vemu_hyperv hv = said(rows[n].settings);

        ck_assert_msg(vemu__hyperv_wanted(&hv) == rows[n].wanted, "%s", rows[n].settings);
    }
}
END_TEST

/* The accelerator's own leaves go behind Hyper-V's. */
START_TEST(leaves)
{
    const struct vemu_hyperv hv = said("hv-relaxed,hv-vapic,hv-spinlocks=0x1fff");

    offer(0, 0, 0);
    OK(APPLY(hv));
    ck_assert_uint_eq(cpuid.count, 5 + 6);
    ck_assert_uint_eq(leaf(0x40000000)->eax, 0x40000005);
    ck_assert_mem_eq(&leaf(0x40000000)->ebx, "Microsoft Hv", 12);
    ck_assert_mem_eq(&leaf(0x40000001)->eax, "Hv#1", 4);
    ck_assert_uint_eq(leaf(0x40000002)->eax, 14393);
    ck_assert_uint_eq(leaf(0x40000003)->eax, 1u << 5 | 1u << 4);
    ck_assert_uint_eq(leaf(0x40000003)->edx, 1u << 3);
    ck_assert_uint_eq(leaf(0x40000004)->eax, 1u << 5 | 1u << 3);
    ck_assert_uint_eq(leaf(0x40000004)->ebx, 0x1fff);
    ck_assert_uint_eq(leaf(0x40000005)->eax, 64);
    ck_assert_uint_eq(leaf(0x40000100)->eax, 0x40000101);
    ck_assert_mem_eq(&leaf(0x40000100)->ebx, "KVMKVMKVM", 9);
    ck_assert_uint_eq(leaf(0x40000101)->eax, 0x01000009);
    ck_assert_uint_eq(leaf(0x80000008)->eax, 0x3028);
}
END_TEST

/* Each feature is bits of its own: TLFS, leaves 0x40000003 (EAX, EDX) and 0x40000004 (EAX). */
START_TEST(each)
{
    static const struct {
        const char *settings;
        uint32_t rights, more, advice; /* besides hypercalls and processors that come and go */
    } rows[] = {
        { "hv-relaxed", 0, 0, 0x20 },
        { "hv-vapic", 0x10, 0, 8 },
        { "hv-time", 0x202, 0, 0 },
        { "hv-crash", 0, 0x400, 0 },
        { "hv-reset", 0x80, 0, 0 },
        { "hv-vpindex", 0x40, 0, 0 },
        { "hv-runtime", 1, 0, 0 },
        { "hv-vpindex,hv-synic", 0x44, 0, 0 },
        { "hv-time,hv-vpindex,hv-synic,hv-stimer", 0x24e, 0, 0 },
        { "hv-time,hv-vpindex,hv-synic,hv-stimer,hv-stimer-direct", 0x24e, 0x80000, 0 },
        { "hv-frequencies", 0x800, 0x100, 0 },
        { "hv-reenlightenment", 0x2000, 0, 0 },
        { "hv-vpindex,hv-tlbflush", 0x40, 0, 0x804 },
        { "hv-vpindex,hv-ipi", 0x40, 0, 0xc00 },
        { "hv-avic", 0, 0, 0x200 },
        { "hv-vendor-id=x", 0, 0, 0 },
    };

    for (size_t n = 0; n < G_N_ELEMENTS(rows); n++) {
        const struct vemu_hyperv hv = said(rows[n].settings);

        offer(0, 0, 0);
        OK(APPLY(hv));
        ck_assert_msg(leaf(0x40000003)->eax == (rows[n].rights | 0x20) &&
                          leaf(0x40000003)->edx == (rows[n].more | 8) &&
                          leaf(0x40000004)->eax == rows[n].advice &&
                          leaf(0x40000004)->ebx == 0xffffffff,
                      "%s: %x %x %x", rows[n].settings, leaf(0x40000003)->eax,
                      leaf(0x40000003)->edx, leaf(0x40000004)->eax);
        offer(rows[n].rights, rows[n].more, rows[n].advice); /* a host that has none of it */
        if (rows[n].rights | rows[n].more | rows[n].advice)
            FAILS(APPLY(hv), ENOTSUP, "is not supported by this host's KVM");
    }
}
END_TEST

START_TEST(passthrough)
{
    struct vemu_hyperv hv = said("hv-passthrough");

    offer(0x2000, 0, 0x400); /* no reenlightenment, no IPIs */
    OK(APPLY(hv));
    ck_assert_uint_eq(leaf(0x40000003)->eax, 0xaff);
    ck_assert_uint_eq(leaf(0x40000003)->edx, 0x80508);
    ck_assert_uint_eq(leaf(0x40000004)->eax, 0xa2c);
    ck_assert_uint_eq(leaf(0x40000004)->ebx, 0xfff);
    ck_assert_mem_eq(&leaf(0x40000000)->ebx, "Microsoft Hv", 12);
    hv = said("hv-passthrough,hv-spinlocks=0x2000,hv-vendor-id=me");
    offer(0, 0, 0);
    OK(APPLY(hv));
    ck_assert_uint_eq(leaf(0x40000004)->ebx, 0x2000);
    ck_assert_mem_eq(&leaf(0x40000000)->ebx, "me\0\0\0\0\0\0\0\0\0\0", 12);
    hv = said("hv-passthrough,hv-ipi");
    offer(0, 0, 0x400);
    FAILS(APPLY(hv), ENOTSUP, "paravirtualized IPI (hv-ipi) is not supported");
}
END_TEST

START_TEST(no_room)
{
    const struct vemu_hyperv hv = said("hv-relaxed");

    offer(0, 0, 0);
    cpuid.entries[1].ecx = 0;
    FAILS(APPLY(hv), ENOTSUP, "need CPU feature hypervisor");
    offer(0, 0, 0);
    offered.count = 0;
    FAILS(APPLY(hv), ENOTSUP, "relaxed timing (hv-relaxed) is not supported");
    for (offer(0, 0, 0); cpuid.count < VEMU_CPUID_MAX - 6;)
        cpuid.entries[cpuid.count++] = (struct vemu_cpuid_entry){ .function = 4 };
    OK(APPLY(hv));
    ck_assert_uint_eq(cpuid.count, VEMU_CPUID_MAX);
    for (offer(0, 0, 0); cpuid.count < VEMU_CPUID_MAX - 5;)
        cpuid.entries[cpuid.count++] = (struct vemu_cpuid_entry){ .function = 4 };
    FAILS(APPLY(hv), ENOTSUP, "no room");
}
END_TEST

/* On accelerators that have none, here and from -cpu. */
START_TEST(none)
{
    FAILS(vemu_cpu_check("soft", "max,hv-relaxed", &err), ENOTSUP,
          "accelerator soft has no Hyper-V enlightenments");
    OK(vemu_cpu_check("soft", "max,hv-relaxed=off", &err));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { text, wanted, leaves, each, passthrough, no_room, none, NULL };

    return run_tests("hyperv", tests);
}
