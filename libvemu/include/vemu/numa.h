/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NUMA nodes: which vCPUs and how much of the guest's memory lie together, as ACPI tells the guest.
 */
#ifndef VEMU_NUMA_H
#define VEMU_NUMA_H

#include <stddef.h>
#include <stdint.h>

#include <vemu/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Nodes there can be. Since 0.1 */
#define VEMU_NUMA_NODES_MAX 128

/**
 * struct vemu_numa_node - a node
 * @size: sizeof(struct vemu_numa_node), set by VEMU_NUMA_NODE_INIT
 * @id: nodes are numbered from 0 on, without gaps
 * @memory_backend: name of an object (vemu_vm_add_object()) that is the node's memory; NULL:
 * @memory_bytes of the machine's. All nodes' memory together is the machine's
 * @cpus, @cpu_count: numbers of vCPUs; a vCPU is in one node
 */
struct vemu_numa_node {
    uint32_t size;
    uint32_t id;
    const char *memory_backend;
    uint64_t memory_bytes;
    const uint32_t *cpus;
    size_t cpu_count;
};
#define VEMU_NUMA_NODE_INIT { .size = sizeof(struct vemu_numa_node) }

/**
 * vemu_vm_add_numa_node() - adds a node to a machine that is not realized
 * vemu_vm_realize() looks whether they are complete. vCPUs that no node names are in node 0; if no
 * node names any, sockets take turns.
 * Errors: EINVAL (no such node, no such vCPU, a vCPU is in another node, memory of both kinds; the
 * machine is realized), EEXIST (there is that node), ENOTSUP (the machine has no NUMA). Context:
 * any. Since 0.1
 */
int vemu_vm_add_numa_node(struct vemu_vm *vm, const struct vemu_numa_node *node,
                          struct vemu_error **err);

/**
 * vemu_vm_set_numa_distance() - says how far memory of node @to is from a vCPU in node @from
 * 10 is local memory, 255 is not reachable. Once one is set, all pairs need one, in at least one
 * direction. Errors: ENOENT (no such node), EINVAL (a distance that cannot be; the machine is
 * realized), ENOTSUP (it has no NUMA). Context: any. Since 0.1
 */
int vemu_vm_set_numa_distance(struct vemu_vm *vm, uint32_t from, uint32_t to, uint32_t distance,
                              struct vemu_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
