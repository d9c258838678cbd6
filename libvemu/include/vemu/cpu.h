/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU models and features: what vemu_vm_config.cpu may name, and who offers what.
 */
#ifndef VEMU_CPU_H
#define VEMU_CPU_H

#include <stdint.h>
#include <vemu/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** More features than there will be. Since 0.1 */
#define VEMU_CPU_FEATURES_MAX 512

/**
 * struct vemu_cpu_model_info - a model: a set of features with a name
 * @size: sizeof(struct vemu_cpu_model_info), set by VEMU_CPU_MODEL_INFO_INIT
 * @everything: 1: no set of its own but all that the accelerator offers ("max", "host"); else 0
 * @name: static
 * @vendor: "Intel", "AMD", or "": of nobody; static
 * @family: of the processors it is named after (Intel SDM Vol. 2A, CPUID, leaf 1); 0: of none
 * @features: a byte each, 1 or 0, in the order of vemu_cpu_feature_name(); the index of its end,
 *            and all that come after, are 0
 */
struct vemu_cpu_model_info {
    uint32_t size;
    uint32_t everything;
    const char *name;
    const char *vendor;
    uint32_t family;
    uint32_t reserved;
    uint8_t features[VEMU_CPU_FEATURES_MAX];
};
#define VEMU_CPU_MODEL_INFO_INIT                                                                   \
    {                                                                                              \
        .size = sizeof(struct vemu_cpu_model_info)                                                 \
    }

/**
 * vemu_cpu_model_get() - the model number @index (from 0)
 * Errors: -ENOENT (index is past the last), -EINVAL (size). Context: any. Since 0.1
 */
int vemu_cpu_model_get(uint32_t index, struct vemu_cpu_model_info *ret);

/**
 * Name of feature number @index; NULL: past the last. Several bits of CPUID that have one name are
 * one feature: later ones of it have the name "". Static. Context: any. Since 0.1
 */
const char *vemu_cpu_feature_name(uint32_t index);
/**
 * Number of the feature of that name, in any of its spellings ("sse4_1", "sse4.1").
 * Errors: -ENOENT. Context: any. Since 0.1
 */
int vemu_cpu_feature_lookup(const char *name);

/**
 * struct vemu_cpu_offer - what vCPUs can have
 * @size: sizeof(struct vemu_cpu_offer), set by VEMU_CPU_OFFER_INIT
 * @family, @model, @stepping: as the processor tells them (leaf 1)
 * @physical_bits: of addresses (leaf 80000008H); 0: it does not say
 * @vendor: "GenuineIntel"
 * @features: as of struct vemu_cpu_model_info
 */
struct vemu_cpu_offer {
    uint32_t size;
    uint32_t family;
    uint32_t model;
    uint32_t stepping;
    uint32_t physical_bits;
    char vendor[16];
    uint8_t features[VEMU_CPU_FEATURES_MAX];
};
#define VEMU_CPU_OFFER_INIT                                                                        \
    {                                                                                              \
        .size = sizeof(struct vemu_cpu_offer)                                                      \
    }

/**
 * vemu_cpu_get_offer() - what an accelerator offers, or what the processor here has
 * @accel: "kvm", "soft" or "auto" (which takes as long as measuring the speed of kvm does); NULL:
 *         the processor that executes this call
 *
 * Errors: -EINVAL (size, accel), -ENODEV (the accelerator cannot be used), -ENOTSUP (the processor
 * is none that has CPUID), -ENOMEM. Context: any. Since 0.1
 */
int vemu_cpu_get_offer(const char *accel, struct vemu_cpu_offer *ret);

/**
 * vemu_cpu_check() - could vCPUs of that accelerator be so?
 * @accel: as above, without NULL
 * @cpu: as in struct vemu_vm_config. Features that are missing are no error unless it says
 *       "enforce", settings that are not possible are.
 *
 * Errors: -EINVAL (cpu, accel), -ENODEV (the accelerator cannot be used), -ENOTSUP (it lacks
 * something), -ENOMEM. Context: any. Since 0.1
 */
int vemu_cpu_check(const char *accel, const char *cpu, struct vemu_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
