/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The named CPU models: what generations of processors have, each as what it adds to an older one.
 *
 * Sources: Intel SDM Vol. 1 chapter 5 (which processors have an instruction) and Vol. 2A, CPUID;
 * AMD APM Vol. 3, appendix D and E, and the processor programming references of each family. The
 * names are those people know from other emulators, with what guests expect under them: what only
 * firmware, power management and performance monitoring see is not in them (ACPI, TM, DS, SMX,
 * EST), nor is what later microcode took away (MPX). Names that end in -IBRS and -IBPB are the same
 * with what mitigations need, -noTSX those without transactional memory.
 *
 * Fixed arrays instead of pointers: the table would have to be relocated whenever the program
 * starts.
 */
#include <string.h>

#include "core/cpu-model.h"

#define BASELINE                                                                                   \
    "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "    \
    "sse2 syscall nx lm"
#define TSX "hle rtm"
#define ALL "*" /* what is offered */

#define INTEL VEMU__CPU_INTEL
#define AMD   VEMU__CPU_AMD
#define ANY   VEMU__CPU_ANY

static const struct vemu_cpu_model models[] = {
    { "max", "", ANY, 0, ALL, "" },
    { "host", "", ANY, 0, ALL, "" },
    { "base", "", ANY, 0, "", "" },
    { "qemu64", "", ANY, 0, BASELINE " pni cx16 lahf-lm", "" },
    { "x86-64-v1", "", ANY, 0, BASELINE, "" }, /* levels of the System V ABI, with what kernels */
    { "x86-64-v2", "x86-64-v1", ANY, 0, "pni ssse3 sse4.1 sse4.2 popcnt cx16 lahf-lm", "" },
    { "x86-64-v3", "x86-64-v2", ANY, 0, "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave", "" },
    { "x86-64-v4", "x86-64-v3", ANY, 0, "avx512f avx512bw avx512cd avx512dq avx512vl", "" },
    { "qemu32", "", ANY, 0,
      "fpu de pse tsc msr pae mce cx8 apic sep pge cmov pat mmx fxsr sse sse2 pni", "" },
    { "kvm32", "qemu32", ANY, 0, "mtrr mca pse36 clflush", "" },
    { "kvm64", "", ANY, 0, BASELINE " pni cx16", "" },

    { "core2duo", "", INTEL, 6, BASELINE " vme pni ssse3 cx16 lahf-lm", "" },
    { "Conroe", "", INTEL, 6, BASELINE " pni ssse3 lahf-lm", "" },
    { "Penryn", "Conroe", INTEL, 6, "cx16 sse4.1", "" },
    { "Nehalem", "Penryn", INTEL, 6, "sse4.2 popcnt", "" },
    { "Nehalem-IBRS", "Nehalem", INTEL, 6, "spec-ctrl", "" },
    { "Westmere", "Nehalem", INTEL, 6, "aes pclmulqdq arat", "" },
    { "Westmere-IBRS", "Westmere", INTEL, 6, "spec-ctrl", "" },
    { "SandyBridge", "Westmere", INTEL, 6, "avx xsave xsaveopt x2apic tsc-deadline rdtscp", "" },
    { "SandyBridge-IBRS", "SandyBridge", INTEL, 6, "spec-ctrl", "" },
    { "IvyBridge", "SandyBridge", INTEL, 6, "vme f16c rdrand fsgsbase smep erms", "" },
    { "IvyBridge-IBRS", "IvyBridge", INTEL, 6, "spec-ctrl", "" },
    { "Haswell-noTSX", "IvyBridge", INTEL, 6, "fma movbe pcid bmi1 avx2 bmi2 invpcid abm", "vme" },
    { "Haswell-noTSX-IBRS", "Haswell-noTSX", INTEL, 6, "spec-ctrl", "" },
    { "Haswell", "Haswell-noTSX", INTEL, 6, TSX, "" },
    { "Haswell-IBRS", "Haswell", INTEL, 6, "spec-ctrl", "" },
    { "Broadwell-noTSX", "Haswell-noTSX", INTEL, 6, "rdseed adx smap 3dnowprefetch", "" },
    { "Broadwell-noTSX-IBRS", "Broadwell-noTSX", INTEL, 6, "spec-ctrl", "" },
    { "Broadwell", "Broadwell-noTSX", INTEL, 6, TSX, "" },
    { "Broadwell-IBRS", "Broadwell", INTEL, 6, "spec-ctrl", "" },
    { "Skylake-Client", "Broadwell", INTEL, 6, "vme xsavec xgetbv1", "" },
    { "Skylake-Client-IBRS", "Skylake-Client", INTEL, 6, "spec-ctrl", "" },
    { "Skylake-Client-noTSX-IBRS", "Skylake-Client-IBRS", INTEL, 6, "", TSX },
    { "Skylake-Server", "Skylake-Client", INTEL, 6,
      "avx512f avx512dq avx512cd avx512bw avx512vl clwb pdpe1gb", "" },
    { "Skylake-Server-IBRS", "Skylake-Server", INTEL, 6, "spec-ctrl", "" },
    { "Skylake-Server-noTSX-IBRS", "Skylake-Server-IBRS", INTEL, 6, "", TSX },
    { "Cascadelake-Server", "Skylake-Server-IBRS", INTEL, 6, "avx512vnni clflushopt ssbd", "" },
    { "Cascadelake-Server-noTSX", "Cascadelake-Server", INTEL, 6, "", TSX },
    { "Cooperlake", "Cascadelake-Server", INTEL, 6, "avx512-bf16 stibp arch-capabilities", "" },
    { "Icelake-Server", "Cascadelake-Server", INTEL, 6,
      "avx512vbmi umip pku avx512vbmi2 gfni vaes vpclmulqdq avx512bitalg avx512-vpopcntdq la57 "
      "wbnoinvd",
      "" },
    { "Icelake-Server-noTSX", "Icelake-Server", INTEL, 6, "", TSX },
    { "SapphireRapids", "Icelake-Server", INTEL, 6,
      "avx512ifma sha-ni rdpid bus-lock-detect fsrm serialize tsx-ldtrk amx-bf16 avx512-fp16 "
      "amx-tile amx-int8 arch-capabilities avx-vnni avx512-bf16 fzrm fsrs fsrc xsaves xfd",
      "" },
    { "Snowridge", "", INTEL, 6,
      BASELINE
      " vme pni ssse3 sse4.1 sse4.2 popcnt cx16 lahf-lm pclmulqdq aes arat xsave xsaveopt "
      "xsavec xgetbv1 x2apic tsc-deadline rdtscp rdrand fsgsbase smep erms movbe pdpe1gb rdseed "
      "smap 3dnowprefetch clflushopt clwb sha-ni umip gfni cldemote movdiri movdir64b spec-ctrl "
      "ssbd arch-capabilities core-capability",
      "" },

    { "Opteron_G1", "", AMD, 15, BASELINE " pni", "" },
    { "Opteron_G2", "Opteron_G1", AMD, 15, "cx16 lahf-lm svm", "" },
    { "Opteron_G3", "Opteron_G2", AMD, 16, "monitor popcnt rdtscp abm sse4a misalignsse", "" },
    { "Opteron_G4", "", AMD, 21,
      BASELINE " pni pclmulqdq ssse3 cx16 sse4.1 sse4.2 popcnt aes xsave avx pdpe1gb rdtscp "
               "lahf-lm svm abm sse4a misalignsse 3dnowprefetch xop fma4",
      "" },
    { "Opteron_G5", "Opteron_G4", AMD, 21, "fma f16c tbm", "" },
    { "EPYC", "", AMD, 23,
      BASELINE
      " vme pni pclmulqdq ssse3 fma cx16 sse4.1 sse4.2 movbe popcnt aes xsave avx f16c "
      "rdrand mmxext fxsr-opt pdpe1gb rdtscp lahf-lm cr8legacy svm abm sse4a misalignsse "
      "3dnowprefetch osvw fsgsbase bmi1 avx2 smep bmi2 rdseed adx smap clflushopt sha-ni xsaveopt "
      "xsavec xgetbv1 arat",
      "" },
    { "EPYC-IBPB", "EPYC", AMD, 23, "ibpb", "" },
    { "EPYC-Rome", "EPYC-IBPB", AMD, 23,
      "clwb umip rdpid perfctr-core clzero xsaveerptr wbnoinvd amd-stibp", "" },
    { "EPYC-Milan", "EPYC-Rome", AMD, 25, "pcid invpcid erms pku fsrm amd-ssbd", "" },
    { "EPYC-Genoa", "EPYC-Milan", AMD, 25,
      "avx512f avx512dq avx512ifma avx512cd avx512bw avx512vl avx512vbmi avx512vbmi2 gfni vaes "
      "vpclmulqdq avx512vnni avx512bitalg avx512-vpopcntdq la57 avx512-bf16",
      "" },
};

const struct vemu_cpu_model *vemu__cpu_model_at(unsigned n)
{
    return n < sizeof(models) / sizeof(models[0]) ? &models[n] : NULL;
}

const char *vemu__cpu_model_name(unsigned n)
{
    const struct vemu_cpu_model *m = vemu__cpu_model_at(n);

    return m ? m->name : NULL;
}

bool vemu__cpu_model_is_all(const struct vemu_cpu_model *m)
{
    return !strcmp(m->add, ALL);
}

static const struct vemu_cpu_model *parent_of(const struct vemu_cpu_model *m)
{
    for (const struct vemu_cpu_model *p = models; p < m; p++)
        if (!strcmp(p->name, m->parent))
            return p;
    return NULL;
}

/* Sets or clears the bits of features that a text names. */
static void apply_text(uint32_t *set, const char *text, bool on)
{
    while (*text) {
        const size_t length = strcspn(text, " ");
        const int feature = vemu__cpu_feature_find(text, length);

        g_assert(feature >= 0);
        vemu__cpu_feature_put(set, feature, on);
        text += length + (text[length] == ' ');
    }
}

void vemu__cpu_model_words(const struct vemu_cpu_model *m, uint32_t *set)
{
    const struct vemu_cpu_model *parent = parent_of(m);

    if (parent) /* which stands before it: this ends */
        vemu__cpu_model_words(parent, set);
    apply_text(set, m->add, true);
    apply_text(set, m->without, false);
}
