/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics: what KVM counts of a vCPU, by name and unit.
 *
 *     gcc example-stats.c $(pkg-config --cflags --libs libvkvm)
 *
 * Prints: ^exits [0-9]+ *$|^this kernel has no binary statistics$
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <vkvm/stats.h>
#include <vkvm/vkvm.h>

static int tell(struct vkvm_stats *stats)
{
    int r = vkvm_stats_read(stats);
    if (r < 0)
        return r;
    for (size_t i = 0; i < vkvm_stats_count(stats); i++) {
        const struct vkvm_stat *s = vkvm_stats_get(stats, i);
        if (s->count == 1) /* the others are histograms */
            printf("%s %g %s\n", s->name, vkvm_stat_scale(s, s->values[0]),
                   vkvm_stat_unit_name(s->unit));
    }
    return 0;
}

int main(void)
{
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu = NULL;
    struct vkvm_stats *stats = NULL;
    int r = vkvm_open(&kvm);
    if (r >= 0)
        r = vkvm_create_vm(kvm, 0, &vm);
    if (r >= 0)
        r = vkvm_vm_create_vcpu(vm, 0, &vcpu);
    if (r >= 0)
        r = vkvm_vcpu_open_stats(vcpu, &stats);
    if (r == -ENOTTY) {
        printf("this kernel has no binary statistics\n");
        r = 0;
    } else if (r >= 0) {
        r = tell(stats); /* again and again, if wanted: the names are read only once */
    }
    if (r < 0)
        fprintf(stderr, "error: %s\n", strerror(-r));
    vkvm_stats_close(stats);
    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    return r == 0 ? 0 : 1;
}
