/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine's NUMA nodes.
 */
#ifndef VEMU_CORE_NUMA_H
#define VEMU_CORE_NUMA_H

#include <stdbool.h>
#include <stdint.h>
#include <vemu/numa.h>

struct vemu_memdev;

struct vemu_numa_place {
    bool is_there;
    char *memory_backend; /* NULL: a part of the machine's */
    struct vemu_memdev *memdev;
    uint64_t bytes;
};

/* Written by the loop, before the machine is realized. */
struct vemu_numa {
    uint32_t count;
    struct vemu_numa_place nodes[VEMU_NUMA_NODES_MAX];
    uint8_t *cpu_nodes; /* of config.max_vcpus vCPUs; VEMU_NUMA_NONE: not said */
    bool has_distances;
    uint8_t distances[VEMU_NUMA_NODES_MAX][VEMU_NUMA_NODES_MAX]; /* from, to; 0: not said */
};
#define VEMU_NUMA_NONE 0xffu

/* Are they complete? What was not said is filled in, and back-ends taken. Context: loop. */
int vemu__numa_complete(struct vemu_vm *vm, struct vemu_error **err);
void vemu__numa_free(struct vemu_numa *numa);
/* How many nodes; 0: the machine has none. */
uint32_t vemu__numa_count(const struct vemu_vm *vm);
/* The vCPU's node. */
uint32_t vemu__numa_of_vcpu(const struct vemu_vm *vm, uint32_t id);
/* A device's property 'node'. -EINVAL */
int vemu__numa_check(const struct vemu_vm *vm, uint32_t node, struct vemu_error **err);

#endif
