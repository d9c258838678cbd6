/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processors: names of models and features as documents have them, sets of features, which model
 * fits a set, documents that are compared and combined.
 *
 * The sets and the models are libvemu's (vemu/cpu.h). Documents use other spellings for some
 * features, and name some that follow from the machine and not from the model.
 */
#ifndef VMGR_SRC_CPU_CPU_H
#define VMGR_SRC_CPU_CPU_H

#include <vemu/cpu.h>

#include "../conf/def.h"

/* A processor: what it can, by index of vemu_cpu_feature_name(). */
struct vmgr__cpu_set {
    const char *vendor; /* "Intel", "AMD"; NULL: of nobody in particular */
    uint8_t on[VEMU_CPU_FEATURES_MAX];
};

/* ---- names.c ---- */
enum { VMGR__CPU_FEATURE_UNKNOWN = -1, VMGR__CPU_FEATURE_IMPLIED = -2 };
/* Index of the feature. IMPLIED: it is there or not as the topology and the system want it. */
int vmgr__cpu_feature(const char *name);
/* Its name in documents; NULL: documents do not name it. */
const char *vmgr__cpu_feature_label(int feature);
/* "Intel" of "GenuineIntel"; NULL: another one. */
const char *vmgr__cpu_vendor(const char *id);
bool vmgr__cpu_model(const char *name, struct vemu_cpu_model_info *ret);
/* Those that a definition may name, in order; false behind the last. */
bool vmgr__cpu_model_next(uint32_t *index, struct vemu_cpu_model_info *ret);

/* ---- host.c ---- */
/* What an accelerator ("kvm", "soft", "auto"; NULL: the processor here) has, asked once. NULL: it
 * cannot be used. Static. */
const struct vemu_cpu_offer *vmgr__cpu_offer(const char *accel);
bool vmgr__cpu_offered(const char *accel, struct vmgr__cpu_set *ret);

/* ---- model.c ---- */
/* The model that says most of the set and nothing that is not in it. */
bool vmgr__cpu_best_model(const struct vmgr__cpu_set *set, struct vemu_cpu_model_info *ret);
/* What a definition asks for: features that must be there, and that must not. */
int vmgr__cpu_wanted(const struct vmgr__cpu *cpu, struct vmgr__cpu_set *ret_require,
                     struct vmgr__cpu_set *ret_forbid, struct vmgr_error **err);
/* Names, in order, of what is in `a` and not in `b`; what no document names is left out. */
GPtrArray *vmgr__cpu_difference(const uint8_t *a, const uint8_t *b);
/* The same as one text, "" when there is none. For g_free(). */
char *vmgr__cpu_difference_text(const uint8_t *a, const uint8_t *b);
/* Makes a definition name a model and features instead of "host-model". */
int vmgr__cpu_expand(struct vmgr__cpu *cpu, const struct vmgr__cpu_set *host,
                     struct vmgr_error **err);

/* ---- compare.c ---- */
/* enum vmgr_cpu_compare of a <cpu> document and a processor, or -1. */
int vmgr__cpu_compare(const char *xml, const struct vmgr__cpu_set *host, bool fail,
                      struct vmgr_error **err);
/* A <cpu> that all of these, and `limit` (NULL: nothing more), can be. *ret for g_free(). */
int vmgr__cpu_baseline(const char *const *xml, uint32_t count, const struct vmgr__cpu_set *limit,
                       uint32_t flags, char **ret, struct vmgr_error **err);

#endif
