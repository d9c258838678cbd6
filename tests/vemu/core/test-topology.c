/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU topology and NUMA nodes: what follows from what was said, what does not fit, APIC ids, CPUID.
 */
#include "test-main.h"

#include <vemu/numa.h>

#include "core/vm.h"

/* Numbers in the order of -smp's parameters: cpus, maxcpus, sockets, dies, cores, threads. */
static struct vemu_vm_config smp(const uint32_t n[6])
{
    struct vemu_vm_config c = VEMU_VM_CONFIG_INIT;

    c.vcpus = n[0];
    c.max_vcpus = n[1];
    c.sockets = n[2];
    c.dies = n[3];
    c.cores = n[4];
    c.threads = n[5];
    return c;
}

START_TEST(what_is_not_said_follows)
{
    static const struct {
        uint32_t said[6], is[6];
    } cases[] = {
        { { 0 }, { 1, 1, 1, 1, 1, 1 } },
        { { 4 }, { 4, 4, 1, 1, 4, 1 } },
        { { 2, 6 }, { 2, 6, 1, 1, 6, 1 } },
        { { 8, 0, 2 }, { 8, 8, 2, 1, 4, 1 } },
        { { 8, 0, 0, 0, 2 }, { 8, 8, 4, 1, 2, 1 } },
        { { 8, 0, 0, 0, 2, 2 }, { 8, 8, 2, 1, 2, 2 } },
        { { 8, 0, 2, 0, 2 }, { 8, 8, 2, 1, 2, 2 } },
        { { 8, 0, 0, 2, 2 }, { 8, 8, 2, 2, 2, 1 } },
        { { 0, 0, 2, 0, 3, 2 }, { 12, 12, 2, 1, 3, 2 } },
        { { 0, 8 }, { 1, 8, 1, 1, 8, 1 } },
    };

    for (size_t n = 0; n < G_N_ELEMENTS(cases); n++) {
        struct vemu_vm_config c = smp(cases[n].said);

        OK(vemu__topology_complete(&c, &err));
        const uint32_t is[6] = { c.vcpus, c.max_vcpus, c.sockets, c.dies, c.cores, c.threads };
        ck_assert_msg(!memcmp(is, cases[n].is, sizeof(is)), "case %zu: %u %u %u %u %u %u", n, is[0],
                      is[1], is[2], is[3], is[4], is[5]);
    }
}
END_TEST

START_TEST(what_does_not_fit)
{
    static const struct {
        uint32_t said[6];
        const char *words;
    } cases[] = {
        { { 4, 0, 2, 0, 4 },
          "product of the hierarchy must match maxcpus: sockets (2) * dies (1) "
          "* cores (4) * threads (0) != maxcpus (4)" },
        { { 3, 0, 2 }, "sockets (2) * dies (1) * cores (1) * threads (1) != maxcpus (3)" },
        { { 4, 2 },
          "maxcpus must be equal to or greater than smp: sockets (1) * dies (1) * "
          "cores (2) * threads (1) == maxcpus (2) < smp_cpus (4)" },
        { { 4, 0, 4096, 4096, 4096, 4096 }, "!= maxcpus (4)" },
        { { 0, 0, 5000 }, "4096 of each at most" },
    };

    for (size_t n = 0; n < G_N_ELEMENTS(cases); n++) {
        struct vemu_vm_config c = smp(cases[n].said);

        FAILS(vemu__topology_complete(&c, &err), EINVAL, cases[n].words);
    }
}
END_TEST

START_TEST(apic_ids)
{
    const struct vemu_topology t = { .sockets = 2, .dies = 2, .cores = 3, .threads = 2 };
    const struct vemu_topology_shifts s = vemu__topology_shifts(&t);
    const struct vemu_topology none = { 0 };
    static const uint32_t ids[24] = { 0,  1,  2,  3,  4,  5,  8,  9,  10, 11, 12, 13,
                                      16, 17, 18, 19, 20, 21, 24, 25, 26, 27, 28, 29 };

    ck_assert_uint_eq(s.core, 1);
    ck_assert_uint_eq(s.die, 3);
    ck_assert_uint_eq(s.package, 4);
    for (uint32_t n = 0; n < 24; n++)
        ck_assert_uint_eq(vemu__topology_apic_id(&t, n), ids[n]);
    const struct vemu_vcpu_place p = vemu__topology_place(&t, 23);
    ck_assert(p.socket == 1 && p.die == 1 && p.core == 2 && p.thread == 1);
    ck_assert_uint_eq(vemu__topology_apic_id(&none, 17), 17);
}
END_TEST

static struct vemu_cpuid cpuid;

static const struct vemu_cpuid_entry *leaf(uint32_t function, uint32_t index)
{
    for (uint32_t n = 0; n < cpuid.count; n++)
        if (cpuid.entries[n].function == function && cpuid.entries[n].index == index)
            return &cpuid.entries[n];
    ck_abort_msg("no leaf %x.%u", function, index);
    return NULL;
}

static void offer(uint32_t last)
{
    const struct vemu_cpuid_entry entries[] = {
        { 0, 0, 0, last, 0, 0, 0 },
        { 1, 0, 0, 0, 0x0800, 0, 0 },
        { 4, 0, VEMU_CPUID_INDEXED, 0x121, 0, 0, 0 },
        { 4, 1, VEMU_CPUID_INDEXED, 0x143, 0, 0, 0 },
        { 4, 2, VEMU_CPUID_INDEXED, 0xfc000163, 0, 0, 0 },
        { 4, 3, VEMU_CPUID_INDEXED, 0, 0, 0, 0 },
        { 0x80000008, 0, 0, 0x3028, 0, 0x7001, 0 },
        { 0x8000001d, 3, VEMU_CPUID_INDEXED, 0x163, 0, 0, 0 },
        { 0x8000001e, 0, 0, 7, 7, 7, 7 },
    };

    cpuid.count = G_N_ELEMENTS(entries);
    memcpy(cpuid.entries, entries, sizeof(entries));
}

START_TEST(cpuid_of_dies)
{
    const struct vemu_topology t = { .sockets = 2, .dies = 2, .cores = 3, .threads = 2 };
    const uint32_t id = 29;

    offer(0xd);
    vemu__cpuid_topology(&cpuid, &t, 23);
    ck_assert_uint_eq(leaf(0, 0)->eax, 0x1f);
    ck_assert_uint_eq(leaf(1, 0)->ebx, id << 24 | 12u << 16 | 0x0800);
    ck_assert(leaf(1, 0)->edx & 1u << 28);
    ck_assert_uint_eq(leaf(4, 0)->eax, 7u << 26 | 1u << 14 | 0x121); /* a core's two threads */
    ck_assert_uint_eq(leaf(4, 2)->eax, 7u << 26 | 7u << 14 | 0x163); /* the die */
    ck_assert_uint_eq(leaf(4, 3)->eax, 0);
    ck_assert_uint_eq(leaf(0xb, 0)->eax, 1);
    ck_assert_uint_eq(leaf(0xb, 0)->ebx, 2);
    ck_assert_uint_eq(leaf(0xb, 0)->ecx, 0x100);
    ck_assert_uint_eq(leaf(0xb, 1)->eax, 4);
    ck_assert_uint_eq(leaf(0xb, 1)->ebx, 12);
    ck_assert_uint_eq(leaf(0xb, 1)->ecx, 0x201);
    ck_assert_uint_eq(leaf(0xb, 2)->ecx, 2);
    ck_assert_uint_eq(leaf(0x1f, 1)->eax, 3);
    ck_assert_uint_eq(leaf(0x1f, 1)->ebx, 6);
    ck_assert_uint_eq(leaf(0x1f, 2)->eax, 4);
    ck_assert_uint_eq(leaf(0x1f, 2)->ebx, 12);
    ck_assert_uint_eq(leaf(0x1f, 2)->ecx, 0x502);
    ck_assert_uint_eq(leaf(0x1f, 3)->ecx, 3);
    ck_assert_uint_eq(leaf(0x1f, 3)->ebx, 0);
    ck_assert_uint_eq(leaf(0x1f, 2)->edx, id);
    ck_assert_uint_eq(leaf(0x80000008, 0)->ecx, 4u << 12 | 11);
    ck_assert_uint_eq(leaf(0x8000001d, 3)->eax, 7u << 14 | 0x163);
    ck_assert_uint_eq(leaf(0x8000001e, 0)->eax, id);
    ck_assert_uint_eq(leaf(0x8000001e, 0)->ebx, 1u << 8 | 2);
    ck_assert_uint_eq(leaf(0x8000001e, 0)->ecx, 1u << 8 | 3);
}
END_TEST

START_TEST(cpuid_of_one)
{
    const struct vemu_topology t = { .sockets = 1, .dies = 1, .cores = 1, .threads = 1 };

    offer(0xd);
    vemu__cpuid_topology(&cpuid, &t, 0);
    ck_assert_uint_eq(leaf(0, 0)->eax, 0xd);
    ck_assert(!(leaf(1, 0)->edx & 1u << 28));
    ck_assert_uint_eq(leaf(4, 2)->eax, 0x163);
    ck_assert_uint_eq(leaf(0xb, 1)->ebx, 1);
    for (uint32_t n = 0; n < cpuid.count; n++)
        ck_assert_uint_ne(cpuid.entries[n].function, 0x1f);
}
END_TEST

/* --- NUMA ------------------------------------------------------------------------------------- */

static struct vemu_vm *machine(uint32_t vcpus, uint32_t sockets)
{
    struct vemu_vm_config c = VEMU_VM_CONFIG_INIT;

    c.memory_bytes = 2 << 20;
    c.vcpus = vcpus;
    c.sockets = sockets;
    return fake_vm(&c);
}

static int add(struct vemu_vm *vm, uint32_t id, uint64_t bytes, const char *memdev, int cpu,
               struct vemu_error **err)
{
    const uint32_t number = (uint32_t)cpu;
    struct vemu_numa_node node = VEMU_NUMA_NODE_INIT;

    node.id = id;
    node.memory_bytes = bytes;
    node.memory_backend = memdev;
    node.cpus = &number;
    node.cpu_count = cpu >= 0;
    return vemu_vm_add_numa_node(vm, &node, err);
}

static void done(struct vemu_vm *vm)
{
    vemu_vm_stop(vm, NULL);
    vemu_vm_unref(vm);
}

START_TEST(nodes)
{
    struct vemu_vm *vm = machine(4, 2);

    ck_assert_uint_eq(vemu__numa_count(vm), 0);
    OK(vemu__numa_check(vm, 0, &err));
    FAILS(vemu__numa_check(vm, 1, &err), EINVAL, "exceeds the number of numa nodes: 1");
    OK(add(vm, 0, 1 << 20, NULL, 1, &err));
    FAILS(add(vm, 0, 0, NULL, -1, &err), EEXIST, "Duplicate NUMA nodeid: 0");
    FAILS(add(vm, 128, 0, NULL, -1, &err), EINVAL, "Max number");
    FAILS(add(vm, 1, 0, NULL, 4, &err), EINVAL, "CPU index (4) should be smaller than maxcpus (4)");
    FAILS(add(vm, 1, 0, NULL, 1, &err), EINVAL, "CPU 1 is already assigned to node 0");
    FAILS(add(vm, 1, 0, "m", -1, &err), EINVAL, "mixing both is not allowed");
    FAILS(add(vm, 1, 1000, NULL, -1, &err), EINVAL, "multiple of 4096");
    OK(add(vm, 1, 1 << 20, NULL, 3, &err));
    FAILS(vemu_vm_set_numa_distance(vm, 0, 2, 20, &err), ENOENT, "declare it first");
    FAILS(vemu_vm_set_numa_distance(vm, 0, 200, 20, &err), ENOENT, "Invalid node 200");
    FAILS(vemu_vm_set_numa_distance(vm, 0, 1, 9, &err), EINVAL, "shouldn't be less than 10");
    FAILS(vemu_vm_set_numa_distance(vm, 0, 1, 256, &err), EINVAL, "255");
    FAILS(vemu_vm_set_numa_distance(vm, 1, 1, 11, &err), EINVAL,
          "Local distance of node 1 should be 10");
    OK(vemu_vm_set_numa_distance(vm, 0, 1, 21, &err));
    OK(vemu_vm_realize(vm, &err));
    ck_assert_uint_eq(vemu__numa_of_vcpu(vm, 1), 0);
    ck_assert_uint_eq(vemu__numa_of_vcpu(vm, 2), 0); /* said of nobody */
    ck_assert_uint_eq(vemu__numa_of_vcpu(vm, 3), 1);
    ck_assert_uint_eq(vm->numa->distances[1][0], 21);
    ck_assert_uint_eq(vm->numa->distances[1][1], 10);
    FAILS(add(vm, 2, 0, NULL, -1, &err), EINVAL, "change NUMA nodes");
    done(vm);
}
END_TEST

START_TEST(sockets_take_turns)
{
    struct vemu_vm *vm = machine(4, 2);

    OK(add(vm, 0, 1 << 20, NULL, -1, &err));
    OK(add(vm, 1, 1 << 20, NULL, -1, &err));
    OK(vemu_vm_realize(vm, &err));
    ck_assert_uint_eq(vemu__numa_of_vcpu(vm, 1), 0);
    ck_assert_uint_eq(vemu__numa_of_vcpu(vm, 2), 1);
    done(vm);
}
END_TEST

START_TEST(nodes_that_are_not_complete)
{
    struct vemu_vm *vm = machine(1, 1);

    OK(add(vm, 1, 2 << 20, NULL, -1, &err));
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "numa: Node ID missing: 0");
    OK(add(vm, 0, 1 << 20, NULL, -1, &err));
    FAILS(vemu_vm_realize(vm, &err), EINVAL,
          "total memory for NUMA nodes (0x300000) should equal RAM size (0x200000)");
    done(vm);

    vm = machine(1, 1);
    OK(add(vm, 0, 0, "m", -1, &err));
    FAILS(vemu_vm_realize(vm, &err), ENOENT, "no memory back-end 'm'");
    done(vm);

    vm = machine(1, 1);
    for (uint32_t n = 0; n < 3; n++)
        OK(add(vm, n, n ? 0 : 2 << 20, NULL, -1, &err));
    OK(vemu_vm_set_numa_distance(vm, 0, 1, 21, &err));
    OK(vemu_vm_set_numa_distance(vm, 1, 0, 31, &err));
    OK(vemu_vm_set_numa_distance(vm, 0, 2, 21, &err));
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "between node 1 and 2 is missing");
    OK(vemu_vm_set_numa_distance(vm, 2, 1, 21, &err));
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "asymmetrical pair");
    OK(vemu_vm_set_numa_distance(vm, 2, 0, 41, &err));
    OK(vemu_vm_set_numa_distance(vm, 1, 2, 42, &err));
    OK(vemu_vm_realize(vm, &err));
    done(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_not_said_follows,
        what_does_not_fit,
        apic_ids,
        cpuid_of_dies,
        cpuid_of_one,
        nodes,
        sockets_take_turns,
        nodes_that_are_not_complete,
        NULL,
    };

    return run_tests("core-topology", tests);
}
