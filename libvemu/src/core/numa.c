/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NUMA nodes: what was said about them, checked, and filled in when the machine is realized.
 *
 * The machine's memory is that of node 0, then that of node 1, and so on, in the order of
 * guest-physical addresses. boot/acpi-numa.c tells the guest.
 */
#include "core/numa.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/lifecycle.h"
#include "core/vm.h"
#include "mem/memdev.h"

#define LOCAL 10u

static struct vemu_numa *numa_get(struct vemu_vm *vm)
{
    if (!vm->numa) {
        vm->numa = g_new0(struct vemu_numa, 1);
        vm->numa->cpu_nodes = g_malloc(vm->config.max_vcpus);
        memset(vm->numa->cpu_nodes, VEMU_NUMA_NONE, vm->config.max_vcpus);
    }
    return vm->numa;
}

void vemu__numa_free(struct vemu_numa *numa)
{
    if (!numa)
        return;
    for (uint32_t n = 0; n < VEMU_NUMA_NODES_MAX; n++)
        g_free(numa->nodes[n].memory_backend);
    g_free(numa->cpu_nodes);
    g_free(numa);
}

uint32_t vemu__numa_count(const struct vemu_vm *vm)
{
    return vm->numa ? vm->numa->count : 0;
}

uint32_t vemu__numa_of_vcpu(const struct vemu_vm *vm, uint32_t id)
{
    const uint8_t node = vm->numa ? vm->numa->cpu_nodes[id] : 0;

    return node == VEMU_NUMA_NONE ? 0 : node;
}

int vemu__numa_check(const struct vemu_vm *vm, uint32_t node, struct vemu_error **err)
{
    const uint32_t count = MAX(vemu__numa_count(vm), 1);

    if (node < count)
        return 0;
    return vemu__error_set(err, EINVAL,
                           "property 'node' has value %u, which exceeds the number of numa nodes: "
                           "%u",
                           node, count);
}

/* --- what was said ---------------------------------------------------------------------------- */

static int check_state(struct vemu_vm *vm, struct vemu_error **err)
{
    if (!vm->machine->class_->has_numa)
        return vemu__error_set(err, ENOTSUP, "NUMA is not supported by machine '%s'",
                               vm->machine->class_->name);
    return vemu__state_check(vm, VEMU_STATE_BIT(VEMU_VM_CREATED), "change NUMA nodes", err);
}

/* All nodes' memory is of one kind. */
static int check_memory(const struct vemu_numa *numa, const struct vemu_numa_node *node,
                        struct vemu_error **err)
{
    bool by_size = node->memory_bytes, by_object = node->memory_backend;

    for (uint32_t n = 0; n < VEMU_NUMA_NODES_MAX; n++) {
        by_object = by_object || numa->nodes[n].memory_backend;
        by_size = by_size || (numa->nodes[n].bytes && !numa->nodes[n].memory_backend);
    }
    if (by_size && by_object)
        return vemu__error_set(err, EINVAL,
                               "numa configuration should use either mem= or memdev=, mixing both "
                               "is not allowed");
    if (node->memory_bytes % 4096)
        return vemu__error_set(err, EINVAL,
                               "node %u: memory of %" PRIu64 " bytes is not a multiple of 4096",
                               node->id, node->memory_bytes);
    return 0;
}

static int do_add(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct vemu_numa_node *node = data;
    int r = check_state(vm, err);
    struct vemu_numa *numa;

    if (r < 0)
        return r;
    numa = numa_get(vm);
    if (node->id >= VEMU_NUMA_NODES_MAX)
        return vemu__error_set(err, EINVAL, "Max number of NUMA nodes reached: %u", node->id);
    if (numa->nodes[node->id].is_there)
        return vemu__error_set(err, EEXIST, "Duplicate NUMA nodeid: %u", node->id);
    for (size_t n = 0; n < node->cpu_count; n++) {
        const uint32_t cpu = node->cpus[n];

        if (cpu >= vm->config.max_vcpus)
            return vemu__error_set(err, EINVAL,
                                   "CPU index (%u) should be smaller than maxcpus (%u)", cpu,
                                   vm->config.max_vcpus);
        if (numa->cpu_nodes[cpu] != VEMU_NUMA_NONE)
            return vemu__error_set(err, EINVAL, "CPU %u is already assigned to node %u", cpu,
                                   numa->cpu_nodes[cpu]);
    }
    r = check_memory(numa, node, err);
    if (r < 0)
        return r;
    for (size_t n = 0; n < node->cpu_count; n++)
        numa->cpu_nodes[node->cpus[n]] = (uint8_t)node->id;
    numa->nodes[node->id] = (struct vemu_numa_place){
        .is_there = true,
        .memory_backend = g_strdup(node->memory_backend),
        .bytes = node->memory_bytes,
    };
    numa->count++;
    return 0;
}

int vemu_vm_add_numa_node(struct vemu_vm *vm, const struct vemu_numa_node *node,
                          struct vemu_error **err)
{
    if (node->size < sizeof(*node))
        return vemu__error_set(err, EINVAL, "the NUMA node has no size");
    return vemu__vm_control(vm, do_add, (void *)node, err);
}

struct distance {
    uint32_t from, to, value;
};

static int do_distance(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct distance *d = data;
    int r = check_state(vm, err);

    if (r < 0)
        return r;
    if (d->from >= VEMU_NUMA_NODES_MAX || d->to >= VEMU_NUMA_NODES_MAX)
        return vemu__error_set(err, ENOENT, "Invalid node %u, max possible could be %u",
                               MAX(d->from, d->to), VEMU_NUMA_NODES_MAX);
    if (!vm->numa || !vm->numa->nodes[d->from].is_there || !vm->numa->nodes[d->to].is_there)
        return vemu__error_set(err, ENOENT,
                               "Source/Destination NUMA node is missing. Please use '-numa node' "
                               "option to declare it first.");
    if (d->value < LOCAL || d->value > 255)
        return vemu__error_set(err, EINVAL,
                               "NUMA distance (%u) is invalid, it shouldn't be less than %u or "
                               "more than 255",
                               d->value, LOCAL);
    if (d->from == d->to && d->value != LOCAL)
        return vemu__error_set(err, EINVAL, "Local distance of node %u should be %u.", d->from,
                               LOCAL);
    vm->numa->distances[d->from][d->to] = (uint8_t)d->value;
    vm->numa->has_distances = true;
    return 0;
}

int vemu_vm_set_numa_distance(struct vemu_vm *vm, uint32_t from, uint32_t to, uint32_t distance,
                              struct vemu_error **err)
{
    struct distance d = { from, to, distance };

    return vemu__vm_control(vm, do_distance, &d, err);
}

/* --- what follows from it --------------------------------------------------------------------- */

/* One direction stands for both, unless some pair has two that differ. */
static int complete_distances(struct vemu_numa *numa, struct vemu_error **err)
{
    bool asymmetrical = false, one_way = false;

    if (!numa->has_distances)
        return 0;
    for (uint32_t a = 0; a < numa->count; a++)
        for (uint32_t b = a + 1; b < numa->count; b++) {
            const uint8_t there = numa->distances[a][b], back = numa->distances[b][a];

            if (!there && !back)
                return vemu__error_set(err, EINVAL,
                                       "The distance between node %u and %u is missing, at least "
                                       "one distance value between each nodes should be provided.",
                                       a, b);
            one_way |= !there || !back;
            asymmetrical |= there && back && there != back;
        }
    if (asymmetrical && one_way)
        return vemu__error_set(err, EINVAL,
                               "At least one asymmetrical pair of distances is given, please "
                               "provide distances for both directions of all node pairs.");
    for (uint32_t a = 0; a < numa->count; a++)
        for (uint32_t b = 0; b < numa->count; b++)
            if (a == b)
                numa->distances[a][b] = LOCAL;
            else if (!numa->distances[a][b])
                numa->distances[a][b] = numa->distances[b][a];
    return 0;
}

static int complete_memory(struct vemu_vm *vm, struct vemu_error **err)
{
    struct vemu_numa *numa = vm->numa;
    uint64_t total = 0;

    for (uint32_t n = 0; n < numa->count; n++) {
        struct vemu_numa_place *node = &numa->nodes[n];

        if (node->memory_backend && vm->config.memory_backend)
            return vemu__error_set(err, EINVAL,
                                   "'-machine memory-backend' and '-numa memdev' properties are "
                                   "mutually exclusive");
        if (node->memory_backend) {
            node->memdev = vemu__vm_find_memdev(vm, node->memory_backend);
            if (!node->memdev)
                return vemu__error_set(err, ENOENT,
                                       "NUMA node %u: there is no memory back-end "
                                       "'%s'",
                                       n, node->memory_backend);
            node->bytes = vemu__memdev_size(node->memdev);
        }
        if (__builtin_add_overflow(total, node->bytes, &total))
            total = UINT64_MAX;
    }
    if (total != vm->config.memory_bytes)
        return vemu__error_set(err, EINVAL,
                               "total memory for NUMA nodes (0x%" PRIx64
                               ") should equal RAM size (0x%" PRIx64 ")",
                               total, vm->config.memory_bytes);
    for (uint32_t n = 0; n < numa->count; n++) {
        int r = numa->nodes[n].memdev ? vemu__memdev_take_node(numa->nodes[n].memdev, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static void complete_cpus(struct vemu_vm *vm)
{
    struct vemu_numa *numa = vm->numa;
    const struct vemu_topology topology = vemu__topology_of(&vm->config);
    bool any = false;

    for (uint32_t id = 0; id < vm->config.max_vcpus; id++)
        any |= numa->cpu_nodes[id] != VEMU_NUMA_NONE;
    for (uint32_t id = 0; id < vm->config.max_vcpus; id++) {
        if (numa->cpu_nodes[id] != VEMU_NUMA_NONE)
            continue;
        if (any)
            vemu_vm_log(vm, VEMU_LOG_WARNING, "CPU %u is in no NUMA node: it goes to node 0", id);
        numa->cpu_nodes[id] =
            any ? 0 : (uint8_t)(vemu__topology_place(&topology, id).socket % numa->count);
    }
}

int vemu__numa_complete(struct vemu_vm *vm, struct vemu_error **err)
{
    struct vemu_numa *numa = vm->numa;
    int r;

    if (!vemu__numa_count(vm))
        return 0;
    for (uint32_t n = 0; n < numa->count; n++)
        if (!numa->nodes[n].is_there)
            return vemu__error_set(err, EINVAL, "numa: Node ID missing: %u", n);
    r = complete_distances(numa, err);
    if (r >= 0)
        r = complete_memory(vm, err);
    if (r >= 0)
        complete_cpus(vm);
    return r;
}
