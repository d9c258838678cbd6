/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where vCPUs sit: threads in cores, cores in dies, dies in sockets, and the APIC ids that say so.
 */
#ifndef VEMU_CORE_TOPOLOGY_H
#define VEMU_CORE_TOPOLOGY_H

#include <stdint.h>

struct vemu_error;
struct vemu_vm_config;

/* How many of each there are in one of the next. Zeros: one socket, APIC ids count up. */
struct vemu_topology {
    uint32_t sockets, dies, cores, threads;
};

struct vemu_vcpu_place {
    uint32_t socket, die, core, thread;
};

/* Fills in vcpus, max_vcpus and the numbers of the topology from those that are given, as QEMU does
 * (cores before sockets). -EINVAL: they do not fit together. */
int vemu__topology_complete(struct vemu_vm_config *config, struct vemu_error **err);
struct vemu_topology vemu__topology_of(const struct vemu_vm_config *config);

/* Of the n-th vCPU. Threads are counted first, sockets last. */
struct vemu_vcpu_place vemu__topology_place(const struct vemu_topology *t, uint32_t n);
uint32_t vemu__topology_apic_id(const struct vemu_topology *t, uint32_t n);
/* Bits of the APIC id below the number of the core, the die, the package. */
struct vemu_topology_shifts {
    uint32_t core, die, package;
};
struct vemu_topology_shifts vemu__topology_shifts(const struct vemu_topology *t);
/* APIC ids are less than that. */
uint32_t vemu__topology_apic_limit(const struct vemu_vm_config *config);

#endif
