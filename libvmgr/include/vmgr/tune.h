/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sizes of domains: memory and vCPUs, of the guest that runs and of the next start; what happens
 * when a guest ends by itself.
 *
 * Flags say which definition is meant, as in device.h. Unless a function says otherwise: Returns 0,
 * or -1 and *err. Context: any. Since 0.1. Errors also: VMGR_ERR_INVALID_ARG (more than the
 * maximum, or nothing), VMGR_ERR_OPERATION_INVALID (LIVE of an inactive, CONFIG of a transient
 * domain; what cannot change while it runs), and those of domain.h.
 */
#ifndef VMGR_TUNE_H
#define VMGR_TUNE_H

#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Numbers of the libvirt protocol. */
#define VMGR_DOMAIN_MEM_MAXIMUM       (1u << 2) /* the limit rather than the present size */
#define VMGR_DOMAIN_VCPU_HOTPLUGGABLE (1u << 4) /* added vCPUs may go again */

/**
 * vmgr_domain_set_memory() - how much memory the guest has, in KiB
 * @flags: VMGR_DOMAIN_AFFECT_*, VMGR_DOMAIN_MEM_MAXIMUM
 *
 * A guest that runs is asked through its balloon, and follows when it can.
 */
int vmgr_domain_set_memory(struct vmgr_domain *domain, uint64_t kib, uint32_t flags,
                           struct vmgr_error **err);
/**
 * vmgr_domain_set_vcpus() - how many vCPUs the guest has
 * @flags: VMGR_DOMAIN_AFFECT_*, VMGR_DOMAIN_VCPU_MAXIMUM, VMGR_DOMAIN_VCPU_GUEST (the guest's agent
 *         lets it use so many), VMGR_DOMAIN_VCPU_HOTPLUGGABLE (those that are added to the stored
 *         definition may go while the guest runs; drivers without <vcpus> refuse it)
 *
 * A guest that runs gets further vCPUs at once, the lowest first; it is asked to let go of those
 * that were added or are hotpluggable, the highest first, and given ten seconds. Errors also:
 * VMGR_ERR_OPERATION_FAILED (it did not), VMGR_ERR_OPERATION_INVALID (not so many may go).
 */
int vmgr_domain_set_vcpus(struct vmgr_domain *domain, uint32_t count, uint32_t flags,
                          struct vmgr_error **err);
/**
 * vmgr_domain_set_vcpu() - gives the guest single vCPUs, or takes them
 * @vcpus: their numbers as in documents: "1", "2-3,5"
 * @there: 1 or 0
 * @flags: VMGR_DOMAIN_AFFECT_*
 *
 * Afterwards the definition has <vcpus>, which says of each whether it is there. Errors also:
 * VMGR_ERR_INVALID_ARG (@vcpus, @there; a vCPU that is so already, or does not exist; 0 in the
 * stored definition), VMGR_ERR_OPERATION_UNSUPPORTED (one that cannot go while the guest runs), and
 * those of vmgr_domain_set_vcpus().
 */
int vmgr_domain_set_vcpu(struct vmgr_domain *domain, const char *vcpus, int there, uint32_t flags,
                         struct vmgr_error **err);
/**
 * vmgr_domain_set_memory_stats_period() - how often the guest's balloon tells how memory is used
 * @period: seconds, 0: not
 * @flags: VMGR_DOMAIN_AFFECT_*
 *
 * Errors also: VMGR_ERR_INVALID_ARG (@period below 0), VMGR_ERR_OPERATION_INVALID (no balloon).
 */
int vmgr_domain_set_memory_stats_period(struct vmgr_domain *domain, int period, uint32_t flags,
                                        struct vmgr_error **err);
/** vmgr_domain_inject_nmi() - a non-maskable interrupt for every vCPU. @flags: none yet. */
int vmgr_domain_inject_nmi(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err);

enum vmgr_domain_lifecycle_event {
    VMGR_DOMAIN_LIFECYCLE_POWEROFF = 0,
    VMGR_DOMAIN_LIFECYCLE_REBOOT = 1,
    VMGR_DOMAIN_LIFECYCLE_CRASH = 2,
};
enum vmgr_domain_lifecycle_action {
    VMGR_DOMAIN_LIFECYCLE_ACTION_DESTROY = 0,
    VMGR_DOMAIN_LIFECYCLE_ACTION_RESTART = 1,
    VMGR_DOMAIN_LIFECYCLE_ACTION_RESTART_RENAME = 2,
    VMGR_DOMAIN_LIFECYCLE_ACTION_PRESERVE = 3,
    VMGR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY = 4, /* of CRASH */
    VMGR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_RESTART = 5, /* of CRASH */
};
/** vmgr_domain_set_lifecycle_action() - what happens when the guest powers off, reboots, crashes:
 * <on_poweroff> and its relatives. @type: enum vmgr_domain_lifecycle_event, @action: enum
 * vmgr_domain_lifecycle_action, @flags: VMGR_DOMAIN_AFFECT_*. Errors also:
 * VMGR_ERR_CONFIG_UNSUPPORTED (what the driver does not do). */
int vmgr_domain_set_lifecycle_action(struct vmgr_domain *domain, uint32_t type, uint32_t action,
                                     uint32_t flags, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
