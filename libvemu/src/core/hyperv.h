/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hyper-V enlightenments: what -cpu asks for, and the leaves of CPUID that tell the guest.
 */
#ifndef VEMU_CORE_HYPERV_H
#define VEMU_CORE_HYPERV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vemu_cpuid;
struct vemu_error;

#define VEMU_HYPERV_NEVER 0xffffffffu /* spinlocks: the hypervisor is not told of long spins */

struct vemu_hyperv {
    uint32_t features;  /* bits, in the order of vemu__hyperv_feature_name() */
    bool passthrough;   /* and all that the host has */
    uint32_t spinlocks; /* tries before the hypervisor is told; VEMU_HYPERV_NEVER */
    char vendor_id[13]; /* "": Microsoft's */
};

/* "hv-relaxed"; NULL behind the last. */
const char *vemu__hyperv_feature_name(unsigned n);

/* As vemu__cpu_settings_take(): "hv-NAME[=VALUE]". */
int vemu__hyperv_take(struct vemu_hyperv *hv, const char *text, size_t length,
                      struct vemu_error **err);
/* Refuses features without those that they need: -EINVAL. */
int vemu__hyperv_check(const struct vemu_hyperv *hv, struct vemu_error **err);
/* Anything at all is asked for. */
bool vemu__hyperv_wanted(const struct vemu_hyperv *hv);

/*
 * Puts the leaves 0x40000000 to 0x40000005 into `cpuid`, and moves the accelerator's own behind
 * them, to 0x40000100. `offered`: what the host has of them. -ENOTSUP: it lacks something, or the
 * guest is to see no hypervisor.
 */
int vemu__hyperv_apply(const struct vemu_hyperv *hv, struct vemu_cpuid *offered,
                       struct vemu_cpuid *cpuid, struct vemu_error **err);

#endif
