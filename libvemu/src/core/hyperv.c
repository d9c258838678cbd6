/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hyper-V enlightenments: interfaces that Windows looks for (Hypervisor Top-Level Functional
 * Specification, "Feature and Interface Discovery").
 *
 * Leaf 0x40000003 has the rights of the guest, in EAX and EBX, and in EDX what else there is; leaf
 * 0x40000004 what it is recommended to use. A feature is some of their bits, and what the host
 * shows there is what it can do. Names and dependencies are QEMU's, and so is what all guests get
 * that ask for anything: hypercalls, and that processors may come and go.
 */
#include "core/hyperv.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "accel/accel.h"
#include "core/cpu-model.h"
#include "core/error.h"

#define BASE      0x40000000u
#define INTERFACE 0x31237648u /* "Hv#1" */
#define LAST_LEAF 0x40000005u
#define MOVED     0x100u /* how far the accelerator's own leaves go */
/* Windows Server 2016: build 14393 of 10.0. */
#define BUILD   0x3839u
#define VERSION 0x000a0000u

#define HYPERCALLS         (1u << 5) /* rights: the MSRs of hypercalls */
#define DYNAMIC_PROCESSORS (1u << 3) /* more: of the partition */
#define VPS_MAX            64        /* what the interface has room for in plain masks */

enum {
    RELAXED, VAPIC, TIME, CRASH, RESET, VPINDEX, RUNTIME, SYNIC, STIMER, STIMER_DIRECT,
    FREQUENCIES, REENLIGHTENMENT, TLBFLUSH, IPI, AVIC, FEATURES,
};
#define ON(feature) (1u << (feature))

/* No pointers: the table would have to be relocated whenever the program starts. */
static const struct {
    char name[20], what[32];
    uint32_t rights;    /* 0x40000003 EAX */
    uint32_t more;      /* 0x40000003 EDX */
    uint32_t recommend; /* 0x40000004 EAX */
    uint32_t needs;     /* other features */
} features[FEATURES] = {
    [RELAXED] = { "hv-relaxed", "relaxed timing", 0, 0, 1u << 5, 0 },
    [VAPIC] = { "hv-vapic", "virtual APIC", 1u << 4, 0, 1u << 3, 0 },
    [TIME] = { "hv-time", "clocksources", 1u << 1 | 1u << 9, 0, 0, 0 },
    [CRASH] = { "hv-crash", "crash MSRs", 0, 1u << 10, 0, 0 },
    [RESET] = { "hv-reset", "reset MSR", 1u << 7, 0, 0, 0 },
    [VPINDEX] = { "hv-vpindex", "VP_INDEX MSR", 1u << 6, 0, 0, 0 },
    [RUNTIME] = { "hv-runtime", "VP_RUNTIME MSR", 1u << 0, 0, 0, 0 },
    [SYNIC] = { "hv-synic", "synthetic interrupt controller", 1u << 2, 0, 0, ON(VPINDEX) },
    [STIMER] = { "hv-stimer", "synthetic timers", 1u << 3, 0, 0, ON(SYNIC) | ON(TIME) },
    [STIMER_DIRECT] = { "hv-stimer-direct", "direct mode synthetic timers", 0, 1u << 19, 0,
                        ON(STIMER) },
    [FREQUENCIES] = { "hv-frequencies", "frequency MSRs", 1u << 11, 1u << 8, 0, 0 },
    [REENLIGHTENMENT] = { "hv-reenlightenment", "reenlightenment MSRs", 1u << 13, 0, 0, 0 },
    [TLBFLUSH] = { "hv-tlbflush", "paravirtualized TLB flush", 0, 0, 1u << 2 | 1u << 11,
                   ON(VPINDEX) },
    [IPI] = { "hv-ipi", "paravirtualized IPI", 0, 0, 1u << 10 | 1u << 11, ON(VPINDEX) },
    [AVIC] = { "hv-avic", "AVIC and APICv support", 0, 0, 1u << 9, 0 },
};

const char *vemu__hyperv_feature_name(unsigned n)
{
    return n < FEATURES ? features[n].name : NULL;
}

/* --- text ------------------------------------------------------------------------------------- */

static int bad_value(const char *text, size_t length, const char *what, struct vemu_error **err)
{
    return vemu__error_set(err, EINVAL, "CPU setting '%.*s' is not %s", (int)length, text, what);
}

/* -1: neither on nor off. */
static int switch_of(const char *value, size_t size)
{
    return !value || (size == 2 && !memcmp(value, "on", 2)) ? 1
           : size == 3 && !memcmp(value, "off", 3)          ? 0
                                                            : -1;
}

static int take_spinlocks(struct vemu_hyperv *hv, const char *text, size_t length,
                          const char *value, size_t size, struct vemu_error **err)
{
    g_autofree char *number = g_strndup(value ? value : "", size);
    char *end = number;
    const guint64 tries = g_ascii_isdigit(*number) ? g_ascii_strtoull(number, &end, 0) : 0;

    if (end == number || *end || tries < 0xfff || tries > UINT32_MAX)
        return bad_value(text, length, "a number of tries from 0xfff", err);
    hv->spinlocks = (uint32_t)tries;
    return 1;
}

static int take_vendor(struct vemu_hyperv *hv, const char *text, size_t length, const char *value,
                       size_t size, struct vemu_error **err)
{
    bool ok = value && size && size < sizeof(hv->vendor_id);

    for (size_t n = 0; ok && n < size; n++)
        ok = g_ascii_isprint(value[n]);
    if (!ok)
        return bad_value(text, length, "a name of 1 to 12 printable characters", err);
    memset(hv->vendor_id, 0, sizeof(hv->vendor_id));
    memcpy(hv->vendor_id, value, size);
    return 1;
}

int vemu__hyperv_take(struct vemu_hyperv *hv, const char *text, size_t length,
                      struct vemu_error **err)
{
    const char *equals = memchr(text, '=', length), *value = equals ? equals + 1 : NULL;
    const size_t name_length = equals ? (size_t)(equals - text) : length;
    const size_t size = value ? (size_t)(text + length - value) : 0;
    const int on = switch_of(value, size);

    if (vemu__cpu_name_is("hv-spinlocks", text, name_length))
        return take_spinlocks(hv, text, length, value, size, err);
    if (vemu__cpu_name_is("hv-vendor-id", text, name_length))
        return take_vendor(hv, text, length, value, size, err);
    if (vemu__cpu_name_is("hv-passthrough", text, name_length)) {
        hv->passthrough = on == 1;
        return on < 0 ? bad_value(text, length, "on or off", err) : 1;
    }
    for (unsigned n = 0; n < FEATURES; n++) {
        if (!vemu__cpu_name_is(features[n].name, text, name_length))
            continue;
        hv->features = on == 1 ? hv->features | ON(n) : hv->features & ~ON(n);
        return on < 0 ? bad_value(text, length, "on or off", err) : 1;
    }
    return 0;
}

/* Of a set that is not empty. */
static unsigned first(uint32_t set)
{
    return (unsigned)__builtin_ctz(set);
}

int vemu__hyperv_check(const struct vemu_hyperv *hv, struct vemu_error **err)
{
    for (unsigned n = 0; n < FEATURES && !hv->passthrough; n++) {
        const uint32_t lacks = hv->features & ON(n) ? features[n].needs & ~hv->features : 0;

        if (lacks)
            return vemu__error_set(err, EINVAL, "Hyper-V %s (%s) requires Hyper-V %s (%s)",
                                   features[n].what, features[n].name, features[first(lacks)].what,
                                   features[first(lacks)].name);
    }
    return 0;
}

bool vemu__hyperv_wanted(const struct vemu_hyperv *hv)
{
    return hv->features || hv->passthrough || hv->vendor_id[0] ||
           hv->spinlocks != VEMU_HYPERV_NEVER;
}

/* --- leaves ----------------------------------------------------------------------------------- */

/* What the host has of them. */
static uint32_t features_of(struct vemu_cpuid *offered)
{
    const struct vemu_cpuid_entry *rights = vemu__cpuid_find(offered, BASE + 3, 0);
    const struct vemu_cpuid_entry *advice = vemu__cpuid_find(offered, BASE + 4, 0);
    uint32_t set = 0;

    for (unsigned n = 0; rights && advice && n < FEATURES; n++)
        if (!(features[n].rights & ~rights->eax) && !(features[n].more & ~rights->edx) &&
            !(features[n].recommend & ~advice->eax))
            set |= ON(n);
    return set;
}

static bool move_own(struct vemu_cpuid *cpuid)
{
    for (uint32_t n = 0; n < cpuid->count; n++) {
        struct vemu_cpuid_entry *e = &cpuid->entries[n];

        if (e->function < BASE || e->function >= BASE + MOVED)
            continue;
        if (e->function == BASE && e->eax)
            e->eax += MOVED;
        e->function += MOVED;
    }
    return cpuid->count + (LAST_LEAF - BASE) < VEMU_CPUID_MAX;
}

static void add(struct vemu_cpuid *cpuid, uint32_t leaf, uint32_t eax, uint32_t ebx, uint32_t ecx,
                uint32_t edx)
{
    cpuid->entries[cpuid->count++] = (struct vemu_cpuid_entry){
        .function = BASE + leaf, .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx
    };
}

static void add_leaves(const struct vemu_hyperv *hv, uint32_t set, uint32_t spinlocks,
                       struct vemu_cpuid *cpuid)
{
    uint32_t vendor[3] = { 0 }, rights = HYPERCALLS, more = DYNAMIC_PROCESSORS, recommend = 0;

    memcpy(vendor, hv->vendor_id[0] ? hv->vendor_id : "Microsoft Hv", sizeof(vendor));
    for (unsigned n = 0; n < FEATURES; n++) {
        if (!(set & ON(n)))
            continue;
        rights |= features[n].rights;
        more |= features[n].more;
        recommend |= features[n].recommend;
    }
    add(cpuid, 0, LAST_LEAF, vendor[0], vendor[1], vendor[2]);
    add(cpuid, 1, INTERFACE, 0, 0, 0);
    add(cpuid, 2, BUILD, VERSION, 0, 0);
    add(cpuid, 3, rights, 0, 0, more);
    add(cpuid, 4, recommend, spinlocks, 0, 0);
    add(cpuid, 5, VPS_MAX, 0, 0, 0);
}

int vemu__hyperv_apply(const struct vemu_hyperv *hv, struct vemu_cpuid *offered,
                       struct vemu_cpuid *cpuid, struct vemu_error **err)
{
    const struct vemu_cpuid_entry *one = vemu__cpuid_find(cpuid, 1, 0);
    const struct vemu_cpuid_entry *advice = vemu__cpuid_find(offered, BASE + 4, 0);
    const uint32_t has = features_of(offered), lacks = hv->features & ~has;
    const bool as_host = hv->passthrough && hv->spinlocks == VEMU_HYPERV_NEVER && advice;

    if (lacks)
        return vemu__error_set(err, ENOTSUP, "Hyper-V %s (%s) is not supported by this host's KVM",
                               features[first(lacks)].what, features[first(lacks)].name);
    if (!one || !(one->ecx >> 31 & 1))
        return vemu__error_set(err, ENOTSUP, "Hyper-V enlightenments need CPU feature hypervisor");
    if (!move_own(cpuid))
        return vemu__error_set(err, ENOTSUP, "CPUID has no room for Hyper-V's leaves");
    add_leaves(hv, hv->features | (hv->passthrough ? has : 0),
               as_host ? advice->ebx : hv->spinlocks, cpuid);
    return 0;
}
