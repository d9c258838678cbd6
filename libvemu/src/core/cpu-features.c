/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bits of CPUID that have names: Intel SDM Vol. 2A, CPUID; AMD APM Vol. 3, appendix E; the leaf
 * 0x40000001 of KVM's documentation.
 */
#include <string.h>

#include "core/cpu-model.h"

enum {
    W_1_EDX, W_1_ECX, W_6_EAX, W_7_EBX, W_7_ECX, W_7_EDX, W_71_EAX, W_72_EDX, W_D1_EAX,
    W_KVM_EAX, W_81_ECX, W_81_EDX, W_87_EDX, W_88_EBX, W_COUNT,
};

enum { EAX, EBX, ECX, EDX };

const struct vemu_cpu_word vemu__cpu_words[] = {
    [W_1_EDX] = { 1, 0, EDX, 0 },
    [W_1_ECX] = { 1, 0, ECX, 0x81200000u }, /* x2apic tsc-deadline hypervisor */
    [W_6_EAX] = { 6, 0, EAX, 0x4u }, /* arat */
    [W_7_EBX] = { 7, 0, EBX, 0x2u }, /* tsc-adjust */
    [W_7_ECX] = { 7, 0, ECX, 0 },
    [W_7_EDX] = { 7, 0, EDX, 0xbc000400u },
    [W_71_EAX] = { 7, 1, EAX, 0 },
    [W_72_EDX] = { 7, 2, EDX, 0x10u }, /* bhi-ctrl */
    [W_D1_EAX] = { 0xd, 1, EAX, 0 },
    [W_KVM_EAX] = { 0x40000001, 0, EAX, 0xffffffffu },
    [W_81_ECX] = { 0x80000001, 0, ECX, 0 },
    [W_81_EDX] = { 0x80000001, 0, EDX, 0 },
    [W_87_EDX] = { 0x80000007, 0, EDX, 0x100u }, /* invtsc */
    [W_88_EBX] = { 0x80000008, 0, EBX, 0x1009004u }, /* xsaveerptr ibpb amd-stibp amd-ssbd */
};
const unsigned vemu__cpu_word_count = W_COUNT;

const struct vemu_cpu_feature vemu__cpu_features[] = {
    { "fpu", W_1_EDX, 0 }, { "vme", W_1_EDX, 1 }, { "de", W_1_EDX, 2 }, { "pse", W_1_EDX, 3 },
    { "tsc", W_1_EDX, 4 }, { "msr", W_1_EDX, 5 }, { "pae", W_1_EDX, 6 }, { "mce", W_1_EDX, 7 },
    { "cx8", W_1_EDX, 8 }, { "apic", W_1_EDX, 9 }, { "sep", W_1_EDX, 11 }, { "mtrr", W_1_EDX, 12 },
    { "pge", W_1_EDX, 13 }, { "mca", W_1_EDX, 14 }, { "cmov", W_1_EDX, 15 },
    { "pat", W_1_EDX, 16 }, { "pse36", W_1_EDX, 17 }, { "pn", W_1_EDX, 18 },
    { "clflush", W_1_EDX, 19 }, { "ds", W_1_EDX, 21 }, { "acpi", W_1_EDX, 22 },
    { "mmx", W_1_EDX, 23 }, { "fxsr", W_1_EDX, 24 }, { "sse", W_1_EDX, 25 },
    { "sse2", W_1_EDX, 26 }, { "ss", W_1_EDX, 27 }, { "tm", W_1_EDX, 29 }, { "pbe", W_1_EDX, 31 },
    { "pni", W_1_ECX, 0 }, { "pclmulqdq", W_1_ECX, 1 }, { "dtes64", W_1_ECX, 2 },
    { "monitor", W_1_ECX, 3 }, { "ds-cpl", W_1_ECX, 4 }, { "vmx", W_1_ECX, 5 },
    { "smx", W_1_ECX, 6 }, { "est", W_1_ECX, 7 }, { "tm2", W_1_ECX, 8 }, { "ssse3", W_1_ECX, 9 },
    { "cid", W_1_ECX, 10 }, { "fma", W_1_ECX, 12 }, { "cx16", W_1_ECX, 13 },
    { "xtpr", W_1_ECX, 14 }, { "pdcm", W_1_ECX, 15 }, { "pcid", W_1_ECX, 17 },
    { "dca", W_1_ECX, 18 }, { "sse4.1", W_1_ECX, 19 }, { "sse4.2", W_1_ECX, 20 },
    { "x2apic", W_1_ECX, 21 }, { "movbe", W_1_ECX, 22 }, { "popcnt", W_1_ECX, 23 },
    { "tsc-deadline", W_1_ECX, 24 }, { "aes", W_1_ECX, 25 }, { "xsave", W_1_ECX, 26 },
    { "avx", W_1_ECX, 28 }, { "f16c", W_1_ECX, 29 }, { "rdrand", W_1_ECX, 30 },
    { "hypervisor", W_1_ECX, 31 },
    { "arat", W_6_EAX, 2 },
    { "fsgsbase", W_7_EBX, 0 }, { "tsc-adjust", W_7_EBX, 1 }, { "sgx", W_7_EBX, 2 },
    { "bmi1", W_7_EBX, 3 }, { "hle", W_7_EBX, 4 }, { "avx2", W_7_EBX, 5 }, { "smep", W_7_EBX, 7 },
    { "bmi2", W_7_EBX, 8 }, { "erms", W_7_EBX, 9 }, { "invpcid", W_7_EBX, 10 },
    { "rtm", W_7_EBX, 11 }, { "mpx", W_7_EBX, 14 }, { "avx512f", W_7_EBX, 16 },
    { "avx512dq", W_7_EBX, 17 }, { "rdseed", W_7_EBX, 18 }, { "adx", W_7_EBX, 19 },
    { "smap", W_7_EBX, 20 }, { "avx512ifma", W_7_EBX, 21 }, { "clflushopt", W_7_EBX, 23 },
    { "clwb", W_7_EBX, 24 }, { "intel-pt", W_7_EBX, 25 }, { "avx512pf", W_7_EBX, 26 },
    { "avx512er", W_7_EBX, 27 }, { "avx512cd", W_7_EBX, 28 }, { "sha-ni", W_7_EBX, 29 },
    { "avx512bw", W_7_EBX, 30 }, { "avx512vl", W_7_EBX, 31 },
    { "avx512vbmi", W_7_ECX, 1 }, { "umip", W_7_ECX, 2 }, { "pku", W_7_ECX, 3 },
    { "waitpkg", W_7_ECX, 5 }, { "avx512vbmi2", W_7_ECX, 6 }, { "gfni", W_7_ECX, 8 },
    { "vaes", W_7_ECX, 9 }, { "vpclmulqdq", W_7_ECX, 10 }, { "avx512vnni", W_7_ECX, 11 },
    { "avx512bitalg", W_7_ECX, 12 }, { "avx512-vpopcntdq", W_7_ECX, 14 }, { "la57", W_7_ECX, 16 },
    { "rdpid", W_7_ECX, 22 }, { "bus-lock-detect", W_7_ECX, 24 }, { "cldemote", W_7_ECX, 25 },
    { "movdiri", W_7_ECX, 27 }, { "movdir64b", W_7_ECX, 28 },
    { "avx512-4vnniw", W_7_EDX, 2 }, { "avx512-4fmaps", W_7_EDX, 3 }, { "fsrm", W_7_EDX, 4 },
    { "avx512-vp2intersect", W_7_EDX, 8 }, { "md-clear", W_7_EDX, 10 },
    { "serialize", W_7_EDX, 14 }, { "tsx-ldtrk", W_7_EDX, 16 }, { "arch-lbr", W_7_EDX, 19 },
    { "ibt", W_7_EDX, 20 }, { "amx-bf16", W_7_EDX, 22 }, { "avx512-fp16", W_7_EDX, 23 },
    { "amx-tile", W_7_EDX, 24 }, { "amx-int8", W_7_EDX, 25 }, { "spec-ctrl", W_7_EDX, 26 },
    { "stibp", W_7_EDX, 27 }, { "flush-l1d", W_7_EDX, 28 }, { "arch-capabilities", W_7_EDX, 29 },
    { "core-capability", W_7_EDX, 30 }, { "ssbd", W_7_EDX, 31 },
    { "avx-vnni", W_71_EAX, 4 }, { "avx512-bf16", W_71_EAX, 5 }, { "fzrm", W_71_EAX, 10 },
    { "fsrs", W_71_EAX, 11 }, { "fsrc", W_71_EAX, 12 }, { "amx-fp16", W_71_EAX, 21 },
    { "bhi-ctrl", W_72_EDX, 4 },
    { "xsaveopt", W_D1_EAX, 0 }, { "xsavec", W_D1_EAX, 1 }, { "xgetbv1", W_D1_EAX, 2 },
    { "xsaves", W_D1_EAX, 3 }, { "xfd", W_D1_EAX, 4 },
    { "kvmclock", W_KVM_EAX, 0 }, { "kvm-nopiodelay", W_KVM_EAX, 1 }, { "kvmclock", W_KVM_EAX, 3 },
    { "kvm-asyncpf", W_KVM_EAX, 4 }, { "kvm-steal-time", W_KVM_EAX, 5 },
    { "kvm-pv-eoi", W_KVM_EAX, 6 }, { "kvm-pv-unhalt", W_KVM_EAX, 7 },
    { "kvm-pv-tlb-flush", W_KVM_EAX, 9 }, { "kvm-pv-ipi", W_KVM_EAX, 11 },
    { "kvm-poll-control", W_KVM_EAX, 12 }, { "kvm-pv-sched-yield", W_KVM_EAX, 13 },
    { "kvm-asyncpf-int", W_KVM_EAX, 14 }, { "kvmclock-stable-bit", W_KVM_EAX, 24 },
    { "lahf-lm", W_81_ECX, 0 }, { "cmp-legacy", W_81_ECX, 1 }, { "svm", W_81_ECX, 2 },
    { "extapic", W_81_ECX, 3 }, { "cr8legacy", W_81_ECX, 4 }, { "abm", W_81_ECX, 5 },
    { "sse4a", W_81_ECX, 6 }, { "misalignsse", W_81_ECX, 7 }, { "3dnowprefetch", W_81_ECX, 8 },
    { "osvw", W_81_ECX, 9 }, { "ibs", W_81_ECX, 10 }, { "xop", W_81_ECX, 11 },
    { "skinit", W_81_ECX, 12 }, { "wdt", W_81_ECX, 13 }, { "fma4", W_81_ECX, 16 },
    { "tbm", W_81_ECX, 21 }, { "topoext", W_81_ECX, 22 }, { "perfctr-core", W_81_ECX, 23 },
    { "syscall", W_81_EDX, 11 }, { "nx", W_81_EDX, 20 }, { "mmxext", W_81_EDX, 22 },
    { "fxsr-opt", W_81_EDX, 25 }, { "pdpe1gb", W_81_EDX, 26 }, { "rdtscp", W_81_EDX, 27 },
    { "lm", W_81_EDX, 29 }, { "3dnowext", W_81_EDX, 30 }, { "3dnow", W_81_EDX, 31 },
    { "invtsc", W_87_EDX, 8 },
    { "clzero", W_88_EBX, 0 }, { "xsaveerptr", W_88_EBX, 2 }, { "wbnoinvd", W_88_EBX, 9 },
    { "ibpb", W_88_EBX, 12 }, { "amd-stibp", W_88_EBX, 15 }, { "amd-ssbd", W_88_EBX, 24 },
};
const unsigned vemu__cpu_feature_count = sizeof(vemu__cpu_features) / sizeof(vemu__cpu_features[0]);

/* Other spellings; '_' is '-' besides. */
static const struct {
    char alias[12], name[12];
} aliases[] = {
    { "sse3", "pni" },     { "sse4-1", "sse4.1" },   { "sse4-2", "sse4.2" }, { "lzcnt", "abm" },
    { "lahf", "lahf-lm" }, { "ffxsr", "fxsr-opt" },  { "i64", "lm" },        { "xd", "nx" },
    { "sha", "sha-ni" },   { "pclmuldq", "pclmulqdq" },
};

bool vemu__cpu_name_is(const char *name, const char *text, size_t length)
{
    for (size_t n = 0; n < length; n++)
        if (!name[n] || (text[n] == '_' ? '-' : text[n]) != name[n])
            return false;
    return !name[length];
}

int vemu__cpu_feature_find(const char *name, size_t length)
{
    for (size_t n = 0; n < sizeof(aliases) / sizeof(aliases[0]); n++)
        if (vemu__cpu_name_is(aliases[n].alias, name, length)) {
            name = aliases[n].name;
            length = strlen(name);
            break;
        }
    for (unsigned n = 0; n < vemu__cpu_feature_count; n++)
        if (vemu__cpu_name_is(vemu__cpu_features[n].name, name, length))
            return (int)n;
    return -1;
}

void vemu__cpu_feature_put(uint32_t *set, int feature, bool on)
{
    const char *name = vemu__cpu_features[feature].name;

    for (unsigned n = (unsigned)feature; n < vemu__cpu_feature_count; n++) {
        const struct vemu_cpu_feature *f = &vemu__cpu_features[n];
        const uint32_t bit = 1u << f->bit;

        if (!strcmp(f->name, name))
            set[f->word] = on ? set[f->word] | bit : set[f->word] & ~bit;
    }
}

struct vemu_cpuid_entry *vemu__cpuid_find(struct vemu_cpuid *cpuid, uint32_t function,
                                          uint32_t index)
{
    for (uint32_t n = 0; n < cpuid->count; n++)
        if (cpuid->entries[n].function == function && cpuid->entries[n].index == index)
            return &cpuid->entries[n];
    return NULL;
}

bool vemu__cpu_feature_test(const struct vemu_cpuid *cpuid, const struct vemu_cpu_feature *feature)
{
    const struct vemu_cpu_word *word = &vemu__cpu_words[feature->word];

    for (uint32_t n = 0; n < cpuid->count; n++) {
        const struct vemu_cpuid_entry *e = &cpuid->entries[n];
        const uint32_t regs[4] = { e->eax, e->ebx, e->ecx, e->edx };

        if (e->function == word->function && e->index == word->index)
            return regs[word->reg] >> feature->bit & 1;
    }
    return false;
}
