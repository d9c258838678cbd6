/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID: what the software CPU can do, and the instruction.
 *
 * The default shows x86-64-v2, as far as the host has it, and cheap extras. Everything that
 * interpretation makes dear or that is not implemented (XSAVE and what lies behind it, MONITOR,
 * performance counters) is absent. Leaf 0x15 names the TSC and LAPIC timer rates, so that guests
 * need not measure them; the vendor is GenuineIntel because only then do they look there. The KVM
 * leaves bring kvmclock and let Linux use x2APIC without interrupt remapping.
 */
#include <string.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/sys/host.h"
#include "accel/soft/sys/sys.h"

#define BIT(n) (1u << (n))

/* Family 6, model 0x2c, stepping 2 (Westmere): the processor whose instruction set this is, and one
 * about which guests know no errata that MSR_ARCH_CAPABILITIES does not deny. By the model the C
 * library chooses how to copy: REP MOVSB here, where it would take a ladder of PALIGNR for one of
 * the later ones without AVX. */
#define SIGNATURE 0x000206c2u

#define F1_EDX                                                                                     \
    (BIT(0) /* fpu */ | BIT(2) /* de */ | BIT(3) /* pse */ | BIT(4) /* tsc */ | BIT(5) /* msr */ | \
     BIT(6) /* pae */ | BIT(7) /* mce */ | BIT(8) /* cx8 */ | BIT(9) /* apic */ |                  \
     BIT(11) /* sep */ | BIT(12) /* mtrr */ | BIT(13) /* pge */ | BIT(14) /* mca */ |              \
     BIT(15) /* cmov */ | BIT(16) /* pat */ | BIT(17) /* pse36 */ | BIT(19) /* clflush */ |        \
     BIT(23) /* mmx */ | BIT(24) /* fxsr */ | BIT(25) /* sse */ | BIT(26) /* sse2 */)
#define F1_ECX                                                                                     \
    (BIT(13) /* cx16 */ | BIT(17) /* pcid */ | BIT(21) /* x2apic */ | BIT(22) /* movbe */ |        \
     BIT(23) /* popcnt */ | BIT(24) /* tsc-deadline */ | BIT(30) /* rdrand */ |                    \
     BIT(31) /* hypervisor */)
#define F7_EBX                                                                                     \
    (BIT(0) /* fsgsbase */ | BIT(1) /* tsc_adjust */ | BIT(7) /* smep */ | BIT(9) /* erms */ |     \
     BIT(10) /* invpcid */ | BIT(18) /* rdseed */ | BIT(19) /* adx */ | BIT(20) /* smap */)
#define F7_ECX (BIT(2) /* umip */ | BIT(22) /* rdpid */)
#define F7_EDX (BIT(4) /* fsrm */ | BIT(26) /* ibrs, ibpb */ | BIT(29) /* arch_capabilities */)
#define F72_EDX                                                                                    \
    BIT(4) /* bhi_ctrl: else Linux clears branch histories in software on each system call */
#define F81_ECX (BIT(0) /* lahf in 64-bit mode */ | BIT(5) /* lzcnt */)
#define F81_EDX                                                                                    \
    (BIT(11) /* syscall */ | BIT(20) /* nx */ | BIT(26) /* 1 GiB pages */ | BIT(27) /* rdtscp */ | \
     BIT(29) /* long mode */)
#define KVM_EAX                                                                                    \
    (BIT(0) /* clocksource */ | BIT(1) /* no I/O delay */ | BIT(3) /* clocksource2 */ |            \
     BIT(24) /* clock is stable across vCPUs */)

#define CPUID_BASIC_MAX 0x1fu
#define CPUID_EXT_MAX 0x80000008u
#define CPUID_KVM_MAX 0x40000010u

static void add(struct vemu_cpuid *t, uint32_t function, uint32_t eax, uint32_t ebx, uint32_t ecx,
                uint32_t edx)
{
    if (t->count < VEMU_CPUID_MAX)
        t->entries[t->count++] = (struct vemu_cpuid_entry){
            .function = function, .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx};
}

static void add_sub(struct vemu_cpuid *t, uint32_t function, uint32_t index, uint32_t eax,
                    uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    uint32_t n = t->count;

    add(t, function, eax, ebx, ecx, edx);
    if (t->count > n) {
        t->entries[n].index = index;
        t->entries[n].flags = VEMU_CPUID_INDEXED;
    }
}

static void add_text(struct vemu_cpuid *t, uint32_t function, const char text[48])
{
    uint32_t r[12];

    memcpy(r, text, sizeof(r));
    for (unsigned n = 0; n < 3; n++)
        add(t, function + n, r[n * 4], r[n * 4 + 1], r[n * 4 + 2], r[n * 4 + 3]);
}

/* Bits to number `count` things. */
static unsigned id_bits(uint32_t count)
{
    return count > 1 ? 32 - (unsigned)__builtin_clz(count - 1) : 0;
}

/* Leaf 4: type 1 data, 2 instruction, 3 unified; shared by `share` logical processors. */
static void add_cache(struct vemu_cpuid *t, uint32_t index, unsigned type, unsigned level,
                      unsigned kib, unsigned ways, uint32_t share, uint32_t cores)
{
    uint32_t sets = kib * 1024 / 64 / ways;
    uint32_t share_field = (1u << id_bits(share)) - 1, core_field = (1u << id_bits(cores)) - 1;

    if (share_field > 0xfff)
        share_field = 0xfff;
    if (core_field > 0x3f)
        core_field = 0x3f;
    add_sub(t, 4, index, type | level << 5 | 1 << 8 | share_field << 14 | core_field << 26,
            63 | (ways - 1) << 22, sets - 1, 0);
}

void sc_cpuid_default(struct sc_vm *vm, struct vemu_cpuid *t)
{
    uint32_t cores = vm->config.vcpus ? vm->config.vcpus : 1;
    uint32_t bits = vm->config.phys_bits ? (uint32_t)vm->config.phys_bits : 40;
    unsigned shift = id_bits(cores);
    static const char name[48] = "vemu software CPU";

    memset(t, 0, sizeof(*t));
    add(t, 0, CPUID_BASIC_MAX, 0x756e6547, 0x6c65746e, 0x49656e69); /* GenuineIntel */
    /* CLFLUSH line of 8 * 8 bytes; the APIC id is put in when the instruction is executed. */
    add(t, 1, SIGNATURE, 8 << 8 | (1u << shift > 255 ? 255 : 1u << shift) << 16,
        F1_ECX | sc_host_sse(), F1_EDX | (cores > 1 ? BIT(28) : 0));
    add(t, 2, 0x0000ff01, 0, 0, 0); /* caches: leaf 4 */
    add_cache(t, 0, 1, 1, 32, 8, 1, cores);
    add_cache(t, 1, 2, 1, 32, 8, 1, cores);
    add_cache(t, 2, 3, 2, 1024, 16, 1, cores);
    /* Large, so that C libraries copy by REP MOVSB, fast here, and not by streaming stores. */
    add_cache(t, 3, 3, 3, 131072, 16, cores, cores);
    add_sub(t, 4, 4, 0, 0, 0, 0);
    add(t, 6, BIT(2) /* the LAPIC timer always runs */, 0, 0, 0);
    add_sub(t, 7, 0, 2, F7_EBX, F7_ECX, F7_EDX);
    add_sub(t, 7, 2, 0, 0, 0, F72_EDX);
    for (uint32_t leaf = 0xb; leaf <= 0x1f; leaf += 0x14) { /* 0xb, 0x1f */
        add_sub(t, leaf, 0, 0, 1, 1 << 8, 0);
        add_sub(t, leaf, 1, shift, cores, 2 << 8 | 1, 0);
        add_sub(t, leaf, 2, 0, 0, 2, 0);
    }
    add(t, 0x15, 1, SC_TSC_HZ / SC_CRYSTAL_HZ, SC_CRYSTAL_HZ, 0);
    add(t, 0x16, SC_TSC_HZ / 1000000, SC_TSC_HZ / 1000000, 100, 0);

    add(t, 0x40000000, CPUID_KVM_MAX, 0x4b4d564b, 0x564b4d56, 0x0000004d); /* KVMKVMKVM */
    add(t, 0x40000001, KVM_EAX, 0, 0, 0);
    add(t, 0x40000010, SC_TSC_HZ / 1000, SC_BUS_KHZ, 0, 0);

    add(t, 0x80000000, CPUID_EXT_MAX, 0, 0, 0);
    add(t, 0x80000001, 0, 0, F81_ECX, F81_EDX);
    add_text(t, 0x80000002, name);
    add(t, 0x80000006, 0, 0, 1024 << 16 | 8 << 12 | 64, 0); /* L2: 1 MiB, 16 ways, 64-byte lines */
    add(t, 0x80000007, 0, 0, 0, BIT(8) /* invariant TSC */);
    add(t, 0x80000008, bits | 48 << 8, 0, 0, 0);
}

const struct vemu_cpuid_entry *sc_cpuid_find(const struct vemu_cpuid *t, uint32_t leaf,
                                             uint32_t subleaf)
{
    for (uint32_t n = 0; n < t->count; n++) {
        const struct vemu_cpuid_entry *e = &t->entries[n];

        if (e->function == leaf && (!(e->flags & VEMU_CPUID_INDEXED) || e->index == subleaf))
            return e;
    }
    return NULL;
}

bool sc_has(const struct sc_cpu *c, enum sc_feature_word word, unsigned bit)
{
    static const uint32_t leaf_of[] = {
        [SC_CPUID_1_EDX] = 1,           [SC_CPUID_1_ECX] = 1,
        [SC_CPUID_7_EBX] = 7,           [SC_CPUID_7_ECX] = 7,
        [SC_CPUID_7_EDX] = 7,           [SC_CPUID_81_EDX] = 0x80000001,
        [SC_CPUID_81_ECX] = 0x80000001, [SC_CPUID_KVM_EAX] = 0x40000001,
    };
    const struct vemu_cpuid_entry *e = sc_cpuid_find(&c->cpuid, leaf_of[word], 0);
    uint32_t v;

    if (!e)
        return false;
    switch (word) {
    case SC_CPUID_1_EDX:
    case SC_CPUID_7_EDX:
    case SC_CPUID_81_EDX: v = e->edx; break;
    case SC_CPUID_1_ECX:
    case SC_CPUID_7_ECX:
    case SC_CPUID_81_ECX: v = e->ecx; break;
    case SC_CPUID_7_EBX: v = e->ebx; break;
    default: v = e->eax; break;
    }
    return v >> bit & 1;
}

void sc_cpuid(struct sc_cpu *c, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    const struct vemu_cpuid_entry *e = sc_cpuid_find(&c->cpuid, leaf, subleaf);

    if (!e && !sc_cpuid_find(&c->cpuid, leaf, 0)) {
        /* Beyond the last leaf of a range: what the highest basic leaf says (SDM Vol. 2, CPUID). */
        const struct vemu_cpuid_entry *first = sc_cpuid_find(&c->cpuid, leaf & 0xffff0000, 0);

        if (!(leaf >= 0x40000000 && leaf < 0x50000000) && (!first || leaf > first->eax)) {
            first = sc_cpuid_find(&c->cpuid, 0, 0);
            if (first) {
                leaf = first->eax;
                e = sc_cpuid_find(&c->cpuid, leaf, subleaf);
            }
        }
    }
    out[0] = e ? e->eax : 0;
    out[1] = e ? e->ebx : 0;
    out[2] = e ? e->ecx : 0;
    out[3] = e ? e->edx : 0;

    /* What depends on the vCPU and its state. */
    switch (leaf) {
    case 1:
        out[1] = (out[1] & 0x00ffffff) | c->id << 24;
        out[2] &= ~BIT(27);
        if (c->cr4 & SC_CR4_OSXSAVE)
            out[2] |= BIT(27);
        if (!(c->apic_base & 0x800))
            out[3] &= ~BIT(9);
        break;
    case 0xb:
    case 0x1f:
        if (!sc_cpuid_find(&c->cpuid, leaf, 0))
            break;
        if (!e)
            out[2] = subleaf & 0xff;
        out[3] = c->id;
        break;
    default: break;
    }
    if (c->assist)
        sc_assist_cpuid(c, leaf, subleaf, out);
}
