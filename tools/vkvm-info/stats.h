/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The statistics of the measuring machine and its vCPU.
 */
#ifndef VKVM_INFO_STATS_H
#define VKVM_INFO_STATS_H

#include <vkvm/stats.h>
#include <vkvm/vkvm.h>

/* NULL: not known. They outlive the machine. */
struct stats_report {
    struct vkvm_stats *vm, *vcpu;
};

/* Each opens and reads; -errno. A host without statistics is no error. */
int stats_read_vm(struct vkvm_vm *vm, struct stats_report *ret);
int stats_read_vcpu(struct vkvm_vcpu *vcpu, struct stats_report *ret);
void stats_free(struct stats_report *report);

#endif
