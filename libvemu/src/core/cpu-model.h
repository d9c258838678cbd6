/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU models and features: what -cpu chooses from what the accelerator offers.
 */
#ifndef VEMU_CORE_CPU_MODEL_H
#define VEMU_CORE_CPU_MODEL_H

#include <glib.h>
#include <stdbool.h>

#include "accel/accel.h"
#include "core/cpu-settings.h"

/* A bit of CPUID with a name. Several bits may share one (kvmclock). No pointers here: the table
 * would have to be relocated whenever the program starts. */
struct vemu_cpu_feature {
    char name[22];
    uint8_t word; /* index of vemu__cpu_words */
    uint8_t bit;
};
extern const struct vemu_cpu_feature vemu__cpu_features[];
extern const unsigned vemu__cpu_feature_count;

/* A register of CPUID that consists of feature bits. */
struct vemu_cpu_word {
    uint32_t function;
    uint8_t index, reg; /* EAX, EBX, ECX, EDX */
    uint32_t platform;  /* bits that say how the machine behaves and not what the CPU executes: no
                           model takes them away */
};
extern const struct vemu_cpu_word vemu__cpu_words[];
extern const unsigned vemu__cpu_word_count;

/* Is `text` that name, up to the difference between '_' and '-'? */
bool vemu__cpu_name_is(const char *name, const char *text, size_t length);
/* The feature of that name, in any of its spellings: index of the first entry, -1: none. */
int vemu__cpu_feature_find(const char *name, size_t length);
/* The entry of a leaf, NULL: none. */
struct vemu_cpuid_entry *vemu__cpuid_find(struct vemu_cpuid *cpuid, uint32_t function,
                                          uint32_t index);
/* Is the bit set? */
bool vemu__cpu_feature_test(const struct vemu_cpuid *cpuid, const struct vemu_cpu_feature *feature);

/* Sets or clears the feature's bits, all that have its name, in a set of words. */
void vemu__cpu_feature_put(uint32_t *set, int feature, bool on);

/* ---- cpu-models.c ---- */

enum { VEMU__CPU_ANY, VEMU__CPU_INTEL, VEMU__CPU_AMD };
/* A model is its parent ("": none; one before it in the table) with more, and without some. */
struct vemu_cpu_model {
    char name[28], parent[28];
    uint8_t vendor, family;
    char add[476], without[10];
};
/* Model `n`, its name; NULL behind the last one. */
const struct vemu_cpu_model *vemu__cpu_model_at(unsigned n);
const char *vemu__cpu_model_name(unsigned n);
/* It has no set of its own: it is all that is offered. */
bool vemu__cpu_model_is_all(const struct vemu_cpu_model *m);
/* Adds its features to a set of words. Not of one that is all. */
void vemu__cpu_model_words(const struct vemu_cpu_model *m, uint32_t *set);

/* ---- cpu-model.c ---- */

/* Refuses models, features and settings that are not known, and settings that contradict each
 * other: "MODEL[,+FEATURE|-FEATURE|FEATURE[=on|off]|SETTING[=VALUE]]...". */
int vemu__cpu_model_check(const char *model, struct vemu_error **err);
/* The settings behind a model that has been checked. */
void vemu__cpu_model_settings(const char *model, struct vemu_cpu_settings *ret);
/*
 * Makes what is offered into the model: features, and KVM's leaves. Names of features that it
 * should have but that are not offered are added to `missing` (gchar *, NULL: not wanted) as long
 * as they are to be checked; with "enforce" they are -ENOTSUP. `model` has been checked.
 */
int vemu__cpu_model_apply(const char *model, struct vemu_cpuid *cpuid, GPtrArray *missing,
                          struct vemu_error **err);

#endif
