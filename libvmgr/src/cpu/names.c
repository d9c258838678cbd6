/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What documents call features, models and vendors.
 */
#include "cpu.h"

#include <string.h>

/* Documents' spelling, where it is not ours. */
static const struct {
    const char *ours, *theirs;
} spellings[] = {
    { "pclmulqdq", "pclmuldq" },        { "ds-cpl", "ds_cpl" },
    { "tsc-adjust", "tsc_adjust" },     { "lahf-lm", "lahf_lm" },
    { "cmp-legacy", "cmp_legacy" },     { "fxsr-opt", "fxsr_opt" },
    { "perfctr-core", "perfctr_core" },
};

/* Hyper-threading follows the topology; the others what the guest's system switches on. */
static const char *const implied[] = { "ht", "osxsave", "ospke", NULL };

int vmgr__cpu_feature(const char *name)
{
    int n;

    if (vmgr__name_index(implied, name) >= 0)
        return VMGR__CPU_FEATURE_IMPLIED;
    n = vemu_cpu_feature_lookup(name);
    return n < 0 ? VMGR__CPU_FEATURE_UNKNOWN : n;
}

const char *vmgr__cpu_feature_label(int feature)
{
    const char *name = vemu_cpu_feature_name((uint32_t)feature);

    if (!name || !*name || g_str_has_prefix(name, "kvm"))
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(spellings); i++) {
        if (strcmp(spellings[i].ours, name) == 0)
            return spellings[i].theirs;
    }
    return name;
}

const char *vmgr__cpu_vendor(const char *id)
{
    return strcmp(id, "GenuineIntel") == 0   ? "Intel"
           : strcmp(id, "AuthenticAMD") == 0 ? "AMD"
                                             : NULL;
}

bool vmgr__cpu_model_next(uint32_t *index, struct vemu_cpu_model_info *ret)
{
    ret->size = sizeof(*ret);
    while (vemu_cpu_model_get((*index)++, ret) == 0) {
        if (!ret->everything && strcmp(ret->name, "base") != 0)
            return true;
    }
    return false;
}

bool vmgr__cpu_model(const char *name, struct vemu_cpu_model_info *ret)
{
    uint32_t i = 0;

    while (vmgr__cpu_model_next(&i, ret)) {
        if (strcmp(ret->name, name) == 0)
            return true;
    }
    return false;
}
