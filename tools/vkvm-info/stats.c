/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading statistics while there is a machine.
 */
#include "stats.h"

#include <errno.h>

static int read_opened(int r, struct vkvm_stats **stats)
{
    if (r == -ENOTTY || r == -EOPNOTSUPP)
        return 0;
    if (r >= 0)
        r = vkvm_stats_read(*stats);
    if (r < 0)
        *stats = vkvm_stats_close(*stats);
    return r;
}

int stats_read_vm(struct vkvm_vm *vm, struct stats_report *ret)
{
    return read_opened(vkvm_vm_open_stats(vm, &ret->vm), &ret->vm);
}

int stats_read_vcpu(struct vkvm_vcpu *vcpu, struct stats_report *ret)
{
    return read_opened(vkvm_vcpu_open_stats(vcpu, &ret->vcpu), &ret->vcpu);
}

void stats_free(struct stats_report *report)
{
    report->vm = vkvm_stats_close(report->vm);
    report->vcpu = vkvm_stats_close(report->vcpu);
}
