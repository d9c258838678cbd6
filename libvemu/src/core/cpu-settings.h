/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What -cpu says besides features: how it is checked, what is not shown, the width of addresses.
 */
#ifndef VEMU_CORE_CPU_SETTINGS_H
#define VEMU_CORE_CPU_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hyperv.h"

struct vemu_accel_config;
struct vemu_accel_ops;
struct vemu_accel_vm;
struct vemu_cpuid;
struct vemu_error;

struct vemu_cpu_settings {
    bool check, enforce;           /* features that are missing are told, or are an error */
    bool kvm;                      /* KVM's leaves are shown */
    bool kvm_hint_dedicated;       /* and say that vCPUs have host CPUs of their own */
    bool host_phys_bits;           /* addresses are as wide as the host's */
    uint32_t phys_bits;            /* their width; 0: what the accelerator offers */
    uint32_t host_phys_bits_limit; /* of host_phys_bits; 0: none */
    struct vemu_hyperv hyperv;
};

/* As when nothing is said. */
void vemu__cpu_settings_init(struct vemu_cpu_settings *ret);

/* Takes KEY or KEY=VALUE, `length` bytes. 1: it is a setting; 0: it is none. -EINVAL: its value is
 * not right. */
int vemu__cpu_settings_take(struct vemu_cpu_settings *settings, const char *text, size_t length,
                            struct vemu_error **err);
/* Refuses settings that contradict each other: -EINVAL. */
int vemu__cpu_settings_check(const struct vemu_cpu_settings *settings, struct vemu_error **err);

/* A setting with its value: borrowed text; or a number; or 1, 0: on, off. */
struct vemu_cpu_setting {
    const char *name;
    bool is_number;
    uint32_t value;
    const char *text; /* NULL: no text */
};
/* Setting number `n`, for who lists them; false: behind the last one. */
bool vemu__cpu_settings_get(const struct vemu_cpu_settings *settings, unsigned n,
                            struct vemu_cpu_setting *ret);

/* Makes the width of physical addresses in `cpuid`, as the accelerator offers it, that of the
 * settings. -ENOTSUP: the accelerator cannot have so many bits. */
int vemu__cpu_settings_fit_width(const struct vemu_cpu_settings *settings,
                                 const struct vemu_accel_ops *accel, struct vemu_cpuid *cpuid,
                                 struct vemu_error **err);

/* Hyper-V's leaves, if they are asked for: -ENOTSUP: the accelerator or its host lacks something;
 * -EAGAIN: as of supported_cpuid(). */
int vemu__cpu_settings_add_hyperv(const struct vemu_cpu_settings *settings,
                                  const struct vemu_accel_ops *accel,
                                  const struct vemu_accel_config *config, struct vemu_accel_vm *vm,
                                  struct vemu_cpuid *cpuid, struct vemu_error **err);

#endif
