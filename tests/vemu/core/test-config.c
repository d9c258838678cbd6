/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vemu_vm_new(): what it refuses, what it fills in; CPU models and CPUID topology.
 */
#include "test-main.h"

#include "core/vm.h"

#include <unistd.h>

#define CONFIG(...)                                                                                \
    &(struct vemu_vm_config)                                                                       \
    {                                                                                              \
        .size = sizeof(struct vemu_vm_config), __VA_ARGS__                                         \
    }

static int try(const struct vemu_vm_config *config, struct vemu_error **err)
{
    struct vemu_vm *vm = NULL;
    int r = fake_vm_try(config, &vm, err);

    vemu_vm_unref(vm);
    return r;
}

START_TEST(defaults)
{
    struct vemu_vm *vm = fake_vm(NULL);
    const struct vemu_vm_config *config = vemu__vm_config(vm);
    const char *reason;

    ck_assert_str_eq(config->name, "vemu");
    ck_assert_str_eq(config->machine, "microvm");
    ck_assert_str_eq(config->cpu, "max");
    ck_assert_uint_eq(config->memory_bytes, 128u << 20);
    ck_assert_uint_eq(config->vcpus, 1);
    ck_assert_str_eq(vemu_vm_get_accel(vm, &reason), "fake");
    ck_assert_str_eq(reason, "the test wants it");
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_CREATED);
    ck_assert_ptr_null(vemu_vm_unref(vm));
    ck_assert_ptr_null(vemu_vm_unref(NULL));
}
END_TEST

START_TEST(refused)
{
    struct {
        struct vemu_vm_config config;
        uint64_t unknown;
    } newer = { .config = { .size = sizeof(newer) } };

    FAILS(try(&(struct vemu_vm_config){ 0 }, &err), EINVAL, "size");
    OK(try(&newer.config, &err));
    newer.unknown = 1;
    FAILS(try(&newer.config, &err), EINVAL, "does not know");
    FAILS(try(CONFIG(.flags = 1u << 31), &err), EINVAL, "0x80000000");
    FAILS(try(CONFIG(.reserved = 1), &err), EINVAL, "reserved");
    FAILS(try(CONFIG(.uuid = "1-2-3"), &err), EINVAL, "'1-2-3' is not a UUID");
    OK(try(CONFIG(.uuid = "12345678-9abc-def0-1234-56789abcdef0"), &err));
    FAILS(try(CONFIG(.memory_bytes = 4097), &err), EINVAL, "4097");
    FAILS(try(CONFIG(.memory_bytes = 1ull << 53), &err), EINVAL, "2^52");
    FAILS(try(CONFIG(.vcpus = 5), &err), EINVAL, "at most 4, not 5");
    FAILS(try(CONFIG(.initrd = "/dev/null"), &err), EINVAL, "kernel");
    FAILS(try(CONFIG(.cmdline = "x"), &err), EINVAL, "kernel");
    FAILS(try(CONFIG(.kernel = "/nonexistent/k"), &err), ENOENT, "'/nonexistent/k'");
    FAILS(try(CONFIG(.kernel = "/"), &err), EISDIR, "kernel '/'");
    FAILS(try(CONFIG(.kernel = "/dev/null", .initrd = "/none"), &err), ENOENT, "initrd '/none'");
    FAILS(try(CONFIG(.machine = "fake,option=maybe"), &err), EINVAL, "'maybe'");
    FAILS(try(CONFIG(.machine = "fake,colour=red"), &err), EINVAL, "'colour'");
    FAILS(try(CONFIG(.machine = "fake,option"), &err), EINVAL, "'option'");
    FAILS(try(CONFIG(.machine = "fake,text=a,text=b"), &err), EINVAL, "twice");
    OK(try(CONFIG(.machine = "fake,option=off,text="), &err));
}
END_TEST

START_TEST(by_name)
{
    struct vemu_vm *vm = NULL;

    FAILS(vemu_vm_new(CONFIG(.machine = "pdp11"), &vm, &err), EINVAL, "'pdp11'");
    FAILS(vemu_vm_new(CONFIG(.accel = "abacus"), &vm, &err), EINVAL, "abacus");
    ck_assert_ptr_null(vm);
    /* Errors are not compulsory. */
    ck_assert_int_eq(vemu_vm_new(CONFIG(.machine = "pdp11"), &vm, NULL), -EINVAL);
}
END_TEST

START_TEST(cpu_models)
{
    struct vemu_vm *vm;

    OK(try(CONFIG(.cpu = "max"), &err));
    OK(try(CONFIG(.cpu = "host"), &err));
    FAILS(try(CONFIG(.cpu = "i286"), &err), EINVAL, "'i286'");
    FAILS(try(CONFIG(.cpu = ""), &err), EINVAL, "''");
    FAILS(try(CONFIG(.cpu = "max,+avx3"), &err), EINVAL, "'+avx3'");

    vm = fake_vm(CONFIG(.cpu = "x86-64-v2,enforce"));
    FAILS(vemu_vm_realize(vm, &err), ENOTSUP, "sse4.2");
    vemu_vm_unref(vm);
    vm = fake_vm(CONFIG(.cpu = "x86-64-v2")); /* tells, and goes on */
    OK(vemu_vm_realize(vm, &err));
    vemu_vm_unref(vm);
    vm = fake_vm(CONFIG(.cpu = "max,-fpu"));
    OK(vemu_vm_realize(vm, &err));
    ck_assert_uint_eq(fake.cpuid[0].entries[1].edx, 0);
    vemu_vm_unref(vm);
}
END_TEST

static const struct vemu_cpuid_entry *leaf(uint32_t cpu, uint32_t function, uint32_t index)
{
    uint32_t i;

    for (i = 0; i < fake.cpuid[cpu].count; i++)
        if (fake.cpuid[cpu].entries[i].function == function &&
            fake.cpuid[cpu].entries[i].index == index)
            return &fake.cpuid[cpu].entries[i];
    ck_abort_msg("no leaf 0x%x:%u", function, index);
    return NULL;
}

/* An accelerator that has none of Hyper-V's leaves; one that has them after its VM is there. */
static int offer_hyperv(const struct vemu_accel_config *config, struct vemu_accel_vm *vm,
                        struct vemu_cpuid *ret)
{
    static const struct vemu_cpuid_entry entries[] = {
        { .function = 0x40000003, .eax = 0x40 },
        { .function = 0x40000004, .eax = 0x20 },
    };

    if (!vm)
        return -EAGAIN;
    ret->count = G_N_ELEMENTS(entries);
    memcpy(ret->entries, entries, sizeof(entries));
    return 0;
}

static int offer_hypervisor(const struct vemu_accel_config *config, struct vemu_accel_vm *vm,
                            struct vemu_cpuid *ret)
{
    int r = fake_accel.supported_cpuid(config, vm, ret);

    ret->entries[1].ecx |= 1u << 31;
    return r;
}

START_TEST(hyperv)
{
    struct vemu_vm *vm = fake_vm(CONFIG(.cpu = "max,hv-relaxed,hv-vpindex"));
    struct vemu_accel_ops with = fake_accel;

    FAILS(vemu_vm_realize(vm, &err), ENOTSUP, "has no Hyper-V enlightenments");
    vemu_vm_unref(vm);
    with.supported_cpuid = offer_hypervisor;
    with.supported_hyperv = offer_hyperv;
    vm = fake_vm(CONFIG(.cpu = "max,hv-relaxed,hv-vpindex"));
    vm->accel = &with;
    OK(vemu_vm_realize(vm, &err));
    ck_assert_uint_eq(leaf(0, 0x40000003, 0)->eax, 0x60);
    ck_assert_uint_eq(leaf(0, 0x40000100, 0)->eax, 0x40000101);
    vemu_vm_unref(vm);
    vm = fake_vm(CONFIG(.cpu = "max,hv-reset"));
    vm->accel = &with;
    FAILS(vemu_vm_realize(vm, &err), ENOTSUP, "reset MSR (hv-reset) is not supported");
    vemu_vm_unref(vm);
}
END_TEST

/* The vCPUs see the width they were given, and the board must fit into it. */
START_TEST(widths)
{
    struct vemu_vm *vm = fake_vm(CONFIG(.cpu = "max,phys-bits=36"));

    OK(vemu_vm_realize(vm, &err));
    ck_assert_uint_eq(leaf(0, 0x80000008, 0)->eax, 36);
    vemu_vm_unref(vm);
    vm = fake_vm(CONFIG(.cpu = "max,phys-bits=41"));
    FAILS(vemu_vm_realize(vm, &err), ENOTSUP, "at most 40");
    vemu_vm_unref(vm);
    vm = fake_vm(CONFIG(.cpu = "max,phys-bits=36", .max_memory_bytes = 1ull << 37));
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "of 36 bits do not reach");
    vemu_vm_unref(vm);
    vm = fake_vm(CONFIG(.max_memory_bytes = 1ull << 37));
    OK(vemu_vm_realize(vm, &err));
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(topology)
{
    struct vemu_vm *vm = fake_vm(CONFIG(.vcpus = 3));

    OK(vemu_vm_realize(vm, &err));
    ck_assert_uint_eq(leaf(2, 1, 0)->ebx, 0x0203ffff);
    ck_assert_uint_ne(leaf(2, 1, 0)->edx & 1u << 28, 0);
    ck_assert_uint_ne(leaf(2, 1, 0)->ecx & 1u << 31, 0);
    ck_assert_uint_eq(leaf(2, 0xb, 0)->ebx, 1);
    ck_assert_uint_eq(leaf(2, 0xb, 1)->eax, 2); /* two bits of APIC id */
    ck_assert_uint_eq(leaf(2, 0xb, 1)->ebx, 3);
    ck_assert_uint_eq(leaf(2, 0xb, 1)->edx, 2);
    ck_assert_uint_eq(leaf(0, 0xb, 1)->edx, 0);
    ck_assert_uint_eq(leaf(0, 0x80000008, 0)->ecx, 0x2002);
    ck_assert_uint_eq(leaf(1, 4, 3)->eax >> 26, 3);
    ck_assert_str_eq(fake.thread_name[0], "vcpu0");
    ck_assert_str_eq(fake.thread_name[2], "vcpu2");
    vemu_vm_unref(vm);
    ck_assert_uint_eq(atomic_load(&fake.vcpus), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { defaults, refused, by_name,  cpu_models,
                                   hyperv,   widths,  topology, NULL };

    return run_tests("config", tests);
}
