/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A CPU that is plugged in: "max-x86_64-cpu" and the like, by the place that
 * query-hotpluggable-cpus tells.
 *
 * The class stands for all models: core/registry.c finds it by the end of the name, and adding one
 * of another model than the machine's is refused.
 */
#include <errno.h>

#include "core/vm.h"
#include "devices/acpi-hotplug/acpi-hotplug.h"
#include "devices/devices.h"
#include "devices/x86-cpu/cpu.h"

#define NOT_GIVEN UINT32_MAX

struct cpu {
    struct vemu_device dev;
    struct vemu_vcpu_place place; /* properties */
    uint32_t id, node;
};

/* The node follows from the place. */
static int check_node(const struct cpu *s, struct vemu_error **err)
{
    const uint32_t node = vemu__numa_of_vcpu(s->dev.vm, s->id);

    if (s->node == NOT_GIVEN || s->node == node)
        return 0;
    return vemu__error_set(err, EINVAL, "property 'node-id': the CPU is in node %u, not %u", node,
                           s->node);
}

/* The vCPU at that place. */
static int find_id(struct cpu *s, struct vemu_error **err)
{
    const struct vemu_vm *vm = s->dev.vm;
    struct vemu_vcpu_place place;

    if (s->place.core == NOT_GIVEN)
        return vemu__error_set(err, EINVAL, "property 'core-id' is missing");
    for (uint32_t id = 0; id < vm->config.max_vcpus; id++) {
        vemu__vcpu_place(vm, id, &place);
        if (place.socket != s->place.socket || place.die != s->place.die ||
            place.core != s->place.core || place.thread != s->place.thread)
            continue;
        s->id = id;
        return check_node(s, err);
    }
    return vemu__error_set(err, EINVAL,
                           "there is no place for a CPU at socket-id %u, die-id %u, core-id %u, "
                           "thread-id %u",
                           s->place.socket, s->place.die, s->place.core, s->place.thread);
}

static int cpu_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct cpu *s = (struct cpu *)dev;
    struct vemu_machine *machine = dev->vm->machine;
    bool is_late = atomic_load(&dev->vm->state) != VEMU_VM_CREATED;
    int r;

    if (!machine->hotplug[VEMU_HOTPLUG_CPU])
        return vemu__error_set(err, ENOTSUP,
                               "the machine takes no more CPUs: there is no -smp maxcpus= above "
                               "the CPUs it has");
    r = find_id(s, err);
    if (r >= 0)
        r = vemu__vcpu_plug(dev->vm, s->id, err);
    if (r < 0)
        return r;
    r = vemu__hotplug_insert(machine->hotplug[VEMU_HOTPLUG_CPU], s->id, dev, NULL, is_late);
    if (r < 0)
        vemu__vcpu_unplug(dev->vm, s->id);
    return r;
}

static void cpu_unrealize(struct vemu_device *dev)
{
    struct cpu *s = (struct cpu *)dev;

    vemu__hotplug_remove(dev->vm->machine->hotplug[VEMU_HOTPLUG_CPU], s->id);
    vemu__vcpu_unplug(dev->vm, s->id);
}

static int cpu_request_unplug(struct vemu_device *dev, struct vemu_error **err)
{
    vemu__hotplug_request_eject(dev->vm->machine->hotplug[VEMU_HOTPLUG_CPU],
                                ((struct cpu *)dev)->id);
    return 0;
}

static const struct vemu_prop cpu_props[] = {
    VEMU_PROP(struct cpu, place.socket, "socket-id", U32, "0", "socket that it is in"),
    VEMU_PROP(struct cpu, place.die, "die-id", U32, "0", "die of the socket"),
    VEMU_PROP(struct cpu, place.core, "core-id", U32, "4294967295", "core of the die"),
    VEMU_PROP(struct cpu, place.thread, "thread-id", U32, "0", "thread of the core"),
    VEMU_PROP(struct cpu, node, "node-id", U32, "4294967295",
              "NUMA node; default: the one that it is in"),
    VEMU_PROP_END,
};

static const struct vemu_state_field cpu_state[] = { VEMU_STATE_END };

static const struct vemu_device_ops cpu_ops = {
    .realize = cpu_realize,
    .unrealize = cpu_unrealize,
    .request_unplug = cpu_request_unplug,
    .hotplug = true,
};

const struct vemu_device_class vemu__device_x86_cpu = {
    .name = "x86_64-cpu",
    .summary = "CPU (MODEL-x86_64-cpu, as query-hotpluggable-cpus tells)",
    .state_version = 1,
    .instance_size = sizeof(struct cpu),
    .props = cpu_props,
    .state = cpu_state,
    .ops = &cpu_ops,
};

uint32_t vemu__x86_cpu_id(const struct vemu_device *dev)
{
    return ((const struct cpu *)dev)->id;
}
