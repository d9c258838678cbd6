/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers by id, attributes, coalesced writes; the last error; names and capabilities.
 */
#include <sys/ioctl.h>
#include <vkvm/coalesced.h>
#include <vkvm/onereg.h>

#include "test-generic.h"

#define REG(log2) (0x2000000000000001ull | (uint64_t)(log2) << 52)

START_TEST(registers)
{
    uint64_t value = 0;
    uint8_t wide[32], back[32];
    for (int log2 = 0; log2 <= 8; log2++)
        ck_assert_uint_eq(vkvm_reg_size(REG(log2)), 1u << log2);
    ck_assert_uint_eq(vkvm_reg_size(REG(9)), 0);
    ck_assert_uint_eq(vkvm_reg_size(REG(15)), 0);

    g_fake.generic.reg_id = REG(2);
    ck_assert_int_eq(vkvm_vcpu_set_reg64(g_vcpu, REG(2), 0xfedcba98), 0);
    ck_assert_int_eq(vkvm_vcpu_get_reg64(g_vcpu, REG(2), &value), 0);
    ck_assert_uint_eq(value, 0xfedcba98);
    ck_assert_int_eq(vkvm_vcpu_set_reg64(g_vcpu, REG(2), 1ull << 32), -ERANGE);
    ck_assert_int_eq(vkvm_vcpu_get_reg64(g_vcpu, REG(3), &value), -ENOENT);
    ck_assert_int_eq(vkvm_vcpu_get_reg64(g_vcpu, REG(4), &value), -EINVAL); /* 128 bits */
    ck_assert_int_eq(vkvm_vcpu_set_reg64(g_vcpu, REG(4), 0), -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_get_reg64(g_vcpu, REG(12), &value), -EINVAL);

    g_fake.generic.reg_id = REG(5);
    memset(wide, 0x37, sizeof(wide));
    ck_assert_int_eq(vkvm_vcpu_set_reg(g_vcpu, REG(5), wide, 32), 0);
    ck_assert_int_eq(vkvm_vcpu_get_reg(g_vcpu, REG(5), back, 32), 0);
    ck_assert_mem_eq(wide, back, 32);
    ck_assert_int_eq(vkvm_vcpu_get_reg(g_vcpu, REG(5), back, 16), -EINVAL);
    struct vkvm_error error = VKVM_ERROR_INIT;
    ck_assert_int_eq(vkvm_vcpu_last_error(g_vcpu, &error), 0);
    ck_assert_str_eq(error.argument, "register 0x2050000000000001");
}
END_TEST

START_TEST(register_lists)
{
    uint64_t *ids = NULL;
    size_t count = 9;
    ck_assert_int_eq(vkvm_vcpu_get_reg_list(g_vcpu, &ids, &count), 0);
    ck_assert_uint_eq(count, 0);
    free(ids);
    g_fake.generic.reg_count = 300;
    ck_assert_int_eq(vkvm_vcpu_get_reg_list(g_vcpu, &ids, &count), 0);
    ck_assert_uint_eq(count, 300);
    ck_assert_uint_eq(ids[0], 0x100);
    ck_assert_uint_eq(ids[299], 0x100 + 299);
    free(ids);
    g_fake.generic.reg_lie = 1; /* tells more than there was room for */
    ck_assert_int_eq(vkvm_vcpu_get_reg_list(g_vcpu, &ids, &count), -EPROTO);
    g_fake.generic.reg_lie = 0;
    g_fake.generic.reg_grows = true; /* never enough */
    ck_assert_int_eq(vkvm_vcpu_get_reg_list(g_vcpu, &ids, &count), -EPROTO);
    g_fake.generic.reg_grows = false;
    g_fake.generic.reg_count = 1 << 20;
    ck_assert_int_eq(vkvm_vcpu_get_reg_list(g_vcpu, &ids, &count), -EPROTO);
    fail_next(KVM_GET_REG_LIST, -ENOTTY);
    ck_assert_int_eq(vkvm_vcpu_get_reg_list(g_vcpu, &ids, &count), -ENOTTY);
    g_fake.generic.reg_count = 3;
    for (int nth = 1; nth <= 2; nth++) {
        fake_alloc_fail(nth);
        ck_assert_int_eq(vkvm_vcpu_get_reg_list(g_vcpu, &ids, &count), -ENOMEM);
        fake_alloc_fail(0);
    }
}
END_TEST

/* Group 1 is there, others are not; a value comes back as it was set. */
START_TEST(attributes)
{
    struct vkvm_device *device;
    uint64_t value = 77, back = 0;
    ck_assert_int_eq(vkvm_vm_create_device(g_vm, KVM_DEV_TYPE_VFIO, 0, &device), 0);
    ck_assert_int_eq(vkvm_device_has_attr(device, 1, 5), 0);
    ck_assert_int_eq(vkvm_device_has_attr(device, 2, 5), -ENXIO);
    ck_assert_int_eq(vkvm_device_set_attr(device, 1, 5, &value), 0);
    ck_assert_int_eq(vkvm_device_get_attr(device, 1, 5, &back), 0);
    ck_assert_uint_eq(back, 77);
    ck_assert_int_eq(vkvm_device_ioctl(device, 0x4321, NULL), -ENOTTY);
    struct vkvm_error error = VKVM_ERROR_INIT;
    ck_assert_int_eq(vkvm_device_last_error(device, &error), 0);
    ck_assert_ptr_null(error.name);
    vkvm_device_close(device);

    value++;
    ck_assert_int_eq(vkvm_vm_has_attr(g_vm, 1, 5), 0);
    ck_assert_int_eq(vkvm_vm_has_attr(g_vm, 2, 5), -ENXIO);
    ck_assert_int_eq(vkvm_vm_set_attr(g_vm, 1, 5, &value), 0);
    ck_assert_int_eq(vkvm_vm_get_attr(g_vm, 1, 5, &back), 0);
    ck_assert_uint_eq(back, 78);
    value++;
    ck_assert_int_eq(vkvm_vcpu_has_attr(g_vcpu, 1, 5), 0);
    ck_assert_int_eq(vkvm_vcpu_has_attr(g_vcpu, 2, 5), -ENXIO);
    ck_assert_int_eq(vkvm_vcpu_set_attr(g_vcpu, 1, 5, &value), 0);
    ck_assert_int_eq(vkvm_vcpu_get_attr(g_vcpu, 1, 5, &back), 0);
    ck_assert_uint_eq(back, 79);
    ck_assert_int_eq(vkvm_has_attr(g_kvm, 1, 0), 0);
    ck_assert_int_eq(vkvm_has_attr(g_kvm, 0, 0), -ENXIO);
    ck_assert_int_eq(vkvm_get_attr(g_kvm, 1, 0, &back), 0);
    fail_next(KVM_GET_DEVICE_ATTR, -ENXIO);
    ck_assert_int_eq(vkvm_get_attr(g_kvm, 7, 0x55, &back), -ENXIO);
    ck_assert_int_eq(vkvm_last_error(g_kvm, &error), 0);
    ck_assert_str_eq(error.argument, "group 7 attribute 0x55");
    ck_assert_str_eq(error.hint, "no such group or attribute");
}
END_TEST

START_TEST(coalesced_zones)
{
    ck_assert_int_eq(vkvm_vm_add_coalesced(g_vm, false, 0xa0000, 0x1000), -EOPNOTSUPP);
    ck_assert_int_eq(vkvm_vm_remove_coalesced(g_vm, true, 0x60, 1), -EOPNOTSUPP);
    fake_set_cap(&g_fake, KVM_CAP_COALESCED_MMIO, 2);
    fake_set_cap(&g_fake, KVM_CAP_COALESCED_PIO, 1);
    ck_assert_int_eq(vkvm_vm_add_coalesced(g_vm, false, 0xa0000, 0x1000), 0);
    const struct kvm_coalesced_mmio_zone *zone =
        fake_seen(&g_fake, vkvm_vm_get_fd(g_vm), KVM_REGISTER_COALESCED_MMIO, NULL);
    ck_assert_uint_eq(zone->addr, 0xa0000);
    ck_assert_uint_eq(zone->size, 0x1000);
    ck_assert_uint_eq(zone->pio, 0);
    ck_assert_int_eq(vkvm_vm_remove_coalesced(g_vm, true, 0x60, 1), 0);
    zone = fake_seen(&g_fake, vkvm_vm_get_fd(g_vm), KVM_UNREGISTER_COALESCED_MMIO, NULL);
    ck_assert_uint_eq(zone->pio, 1);
    fail_next(KVM_REGISTER_COALESCED_MMIO, -ENOSPC);
    ck_assert_int_eq(vkvm_vm_add_coalesced(g_vm, true, 0x60, 1), -ENOSPC);
}
END_TEST

START_TEST(coalesced_ring)
{
    struct vkvm_coalesced write;
    struct kvm_coalesced_mmio_ring *ring =
        (void *)((uint8_t *)vkvm_vcpu_get_run(g_vcpu) + KVM_COALESCED_MMIO_PAGE_OFFSET * PAGE);
    const uint32_t entries = (PAGE - sizeof(*ring)) / sizeof(ring->coalesced_mmio[0]);
    ck_assert_int_eq(vkvm_vcpu_next_coalesced(g_vcpu, &write), 0);
    ring->first = ring->last = entries - 1;
    ring->coalesced_mmio[entries - 1] =
        (struct kvm_coalesced_mmio){ .phys_addr = 0xa0010, .len = 2, .data = { 1, 2 } };
    ring->coalesced_mmio[0] =
        (struct kvm_coalesced_mmio){ .phys_addr = 0x61, .len = 200, .pio = 7, .data = { 9 } };
    ring->last = 1; /* around the end */
    ck_assert_int_eq(vkvm_vcpu_next_coalesced(g_vcpu, &write), 1);
    ck_assert_uint_eq(write.address, 0xa0010);
    ck_assert_uint_eq(write.length, 2);
    ck_assert_uint_eq(write.pio, 0);
    ck_assert_uint_eq(write.data[1], 2);
    ck_assert_int_eq(vkvm_vcpu_next_coalesced(g_vcpu, &write), 1);
    ck_assert_uint_eq(write.address, 0x61);
    ck_assert_uint_eq(write.length, 8); /* a lie */
    ck_assert_uint_eq(write.pio, 1);
    ck_assert_int_eq(vkvm_vcpu_next_coalesced(g_vcpu, &write), 0);
    ck_assert_uint_eq(ring->first, 1);
    /* positions outside of the page are taken as inside */
    ring->first = UINT32_MAX;
    ring->last = UINT32_MAX - 1;
    uint32_t taken = 0;
    while (vkvm_vcpu_next_coalesced(g_vcpu, &write) == 1)
        taken++;
    ck_assert_uint_eq(taken, entries - 1);
    /* a mapping without that page */
    struct vkvm_vcpu *bare;
    g_fake.mmap_size = 4096;
    struct vkvm_vm *vm;
    ck_assert_int_eq(vkvm_create_vm(g_kvm, 0, &vm), 0);
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm, 0, &bare), 0);
    ck_assert_int_eq(vkvm_vcpu_next_coalesced(bare, &write), -EOPNOTSUPP);
    vkvm_vcpu_close(bare);
    vkvm_vm_close(vm);
}
END_TEST

/* Without a table of system calls they are the real ones. */
START_TEST(real_system_calls)
{
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    int r = vkvm_open(&kvm);
    if (r == 0) {
        ck_assert_int_ge(vkvm_get_fd(kvm), 0);
        ck_assert_int_eq(vkvm_get_api_version(kvm), 12);
    } else { /* not here, or not for us */
        ck_assert_ptr_null(kvm);
    }
    vkvm_close(kvm);
    kvm = NULL;
    ck_assert_int_eq(vkvm_open_with(NULL, "/dev/null", &kvm), -ENOTTY);
    ck_assert_int_eq(vkvm_from_fd(NULL, -1, &kvm), -EINVAL);
    ck_assert_ptr_null(kvm);
    ck_assert_int_eq(vkvm_vm_from_fd(NULL, -1, 4096, &vm), -EINVAL);
}
END_TEST

/* --- the last error --- */

START_TEST(last_error)
{
    struct vkvm_error error = VKVM_ERROR_INIT;
    char line[200];
    uint32_t slot;
    /* opening the vCPU asked for things that may have failed */
    ck_assert_int_eq(vkvm_last_error(g_kvm, &error), -ENODATA);
    fail_next(KVM_CREATE_VCPU, -EEXIST);
    struct vkvm_vcpu *vcpu;
    ck_assert_int_eq(vkvm_vm_create_vcpu(g_vm, 7, &vcpu), -EEXIST);
    ck_assert_int_eq(vkvm_vm_last_error(g_vm, &error), 0);
    ck_assert_int_eq(error.error, -EEXIST);
    ck_assert_uint_eq(error.request, KVM_CREATE_VCPU);
    ck_assert_str_eq(error.name, "KVM_CREATE_VCPU");
    ck_assert_int_gt(vkvm_error_format(&error, line, sizeof(line)), 20);
    ck_assert_str_eq(line, "KVM_CREATE_VCPU(7): File exists: this id is taken");
    ck_assert_int_eq(vkvm_error_format(&error, line, 5), (int)strlen(error.name) + 42 - 8);
    ck_assert_str_eq(line, "KVM_");

    /* found by the library */
    ck_assert_int_eq(vkvm_vm_add_memory(g_vm, 0x1000, PAGE, g_pages, 0, &slot), 0);
    ck_assert_int_eq(vkvm_vm_add_memory(g_vm, 0x1000, 2 * PAGE, g_pages, 0, &slot), -EEXIST);
    ck_assert_int_eq(vkvm_vm_last_error(g_vm, &error), 0);
    vkvm_error_format(&error, line, sizeof(line));
    ck_assert_ptr_nonnull(strstr(line, "gpa 0x1000 size 0x2000"));
    ck_assert_ptr_nonnull(strstr(line, "overlaps"));
    /* a success leaves it */
    ck_assert_int_eq(vkvm_vm_remove_memory(g_vm, slot), 0);
    ck_assert_int_eq(vkvm_vm_last_error(g_vm, &error), 0);
    ck_assert_uint_eq(error.request, KVM_SET_USER_MEMORY_REGION);
    error.size = 8;
    ck_assert_int_eq(vkvm_vm_last_error(g_vm, &error), -EINVAL);
}
END_TEST

START_TEST(arguments_in_short)
{
    static const struct {
        unsigned long request;
        int error;
        const char *has;
    } rows[] = {
        { KVM_ENABLE_CAP, -EINVAL, "cap 121 args 0x18" },
        { KVM_IRQ_LINE, -EIO, "irq 0x4 level 1" },
        { KVM_SIGNAL_MSI, -EIO, "address 0x1fee00000 data 0x41" },
        { KVM_SET_GSI_ROUTING, -EINVAL, "1 entries" },
        { KVM_IRQFD, -EBUSY, "fd 3 gsi 5" },
        { KVM_IOEVENTFD, -EEXIST, "address 0x1000 length 4 fd 3" },
        { KVM_REGISTER_COALESCED_MMIO, -ENOSPC, "port 0x60 size 0x2" },
        { KVM_CREATE_DEVICE, -ENODEV, "type 4" },
        { KVM_GET_DIRTY_LOG, -ENOENT, "slot 0x3" },
        { KVM_CLEAR_DIRTY_LOG, -EINVAL, "slot 0x3 pages 64+128" },
        { KVM_SET_MEMORY_ATTRIBUTES, -EINVAL, "gpa 0x1000 size 0x2000 attributes 0x8" },
        { KVM_CREATE_GUEST_MEMFD, -EINVAL, "size 0x3000 flags 0x1" },
    };
    fake_set_cap(&g_fake, KVM_CAP_COALESCED_PIO, 1);
    fake_set_cap(&g_fake, KVM_CAP_MEMORY_ATTRIBUTES, 8);
    fake_set_cap(&g_fake, KVM_CAP_GUEST_MEMFD, 1);
    struct vkvm_routing *routing;
    ck_assert_int_eq(vkvm_routing_new(&routing), 0);
    ck_assert_int_eq(vkvm_routing_add_msi(routing, 1, 2, 3), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint64_t args[4] = { 24 };
        const struct vkvm_ioeventfd io = { .address = 0x1000, .length = 4 };
        struct vkvm_device *device;
        uint64_t bits[8];
        int r = 0;
        fail_next(rows[i].request, rows[i].error);
        switch (rows[i].request) {
        case KVM_ENABLE_CAP: r = vkvm_vm_enable_cap(g_vm, 121, args); break;
        case KVM_IRQ_LINE: r = vkvm_vm_set_irq_line(g_vm, 4, true); break;
        case KVM_SIGNAL_MSI: r = vkvm_vm_signal_msi(g_vm, 0x1fee00000ull, 0x41); break;
        case KVM_SET_GSI_ROUTING: r = vkvm_vm_set_routing(g_vm, routing); break;
        case KVM_IRQFD: r = vkvm_vm_add_irqfd(g_vm, 3, 5, -1); break;
        case KVM_IOEVENTFD: r = vkvm_vm_add_ioeventfd(g_vm, &io, 3); break;
        case KVM_REGISTER_COALESCED_MMIO: r = vkvm_vm_add_coalesced(g_vm, true, 0x60, 2); break;
        case KVM_CREATE_DEVICE: r = vkvm_vm_create_device(g_vm, 4, 0, &device); break;
        case KVM_GET_DIRTY_LOG: r = vkvm_vm_get_dirty_log(g_vm, 3, bits); break;
        case KVM_CLEAR_DIRTY_LOG: r = vkvm_vm_clear_dirty_log(g_vm, 3, 64, 128, bits); break;
        case KVM_SET_MEMORY_ATTRIBUTES:
            r = vkvm_vm_set_memory_attributes(g_vm, 0x1000, 2 * PAGE, 8);
            break;
        default: r = vkvm_vm_create_guest_memfd(g_vm, 3 * PAGE, 1); break;
        }
        ck_assert_int_eq(r, rows[i].error);
        struct vkvm_error error = VKVM_ERROR_INIT;
        ck_assert_int_eq(vkvm_vm_last_error(g_vm, &error), 0);
        ck_assert_uint_eq(error.request, rows[i].request);
        ck_assert_msg(strstr(error.argument, rows[i].has) != NULL, "'%s' lacks '%s'",
                      error.argument, rows[i].has);
    }
    vkvm_routing_free(routing);
    g_fake.generic.pre_fault_end = 0x5000;
    struct vkvm_error error = VKVM_ERROR_INIT;
    ck_assert_int_eq(vkvm_vcpu_pre_fault(g_vcpu, 0x5000, PAGE, NULL), -ENOENT);
    ck_assert_int_eq(vkvm_vcpu_last_error(g_vcpu, &error), 0);
    ck_assert_str_eq(error.argument, "gpa 0x5000 size 0x1000");
    fail_next(KVM_SET_MP_STATE, -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_set_mp_state(g_vcpu, 3), -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_last_error(g_vcpu, &error), 0);
    ck_assert_str_eq(error.argument, "3");
}
END_TEST

START_TEST(raw_calls_are_not_looked_into)
{
    struct vkvm_error error = VKVM_ERROR_INIT;
    char line[120];
    /* a pointer that leads nowhere: the kernel says so, the library must not follow it */
    fail_next(KVM_SET_USER_MEMORY_REGION, -EFAULT);
    ck_assert_int_eq(vkvm_vm_ioctl(g_vm, KVM_SET_USER_MEMORY_REGION, (void *)8), -EFAULT);
    ck_assert_int_eq(vkvm_vm_last_error(g_vm, &error), 0);
    ck_assert_str_eq(error.argument, "");
    ck_assert_int_eq(vkvm_ioctl(g_kvm, _IO('x', 99), (void *)12), -ENOTTY);
    ck_assert_int_eq(vkvm_last_error(g_kvm, &error), 0);
    vkvm_error_format(&error, line, sizeof(line));
    ck_assert_str_eq(line, "ioctl 0x7863(12): Inappropriate ioctl for device: "
                           "the kernel does not know this call");
}
END_TEST

/* --- names --- */

START_TEST(ioctl_names)
{
    uint64_t request = 0;
    ck_assert_str_eq(vkvm_ioctl_name(KVM_RUN), "KVM_RUN");
    ck_assert_str_eq(vkvm_ioctl_name(KVM_SET_USER_MEMORY_REGION2), "KVM_SET_USER_MEMORY_REGION2");
    /* one number, told apart by direction or size */
    ck_assert_str_eq(vkvm_ioctl_name(KVM_IRQ_LINE_STATUS), "KVM_IRQ_LINE_STATUS");
    ck_assert_str_eq(vkvm_ioctl_name(KVM_REGISTER_COALESCED_MMIO), "KVM_REGISTER_COALESCED_MMIO");
    ck_assert_str_eq(vkvm_ioctl_name(KVM_GET_PIT2), "KVM_GET_PIT2");
    ck_assert_str_eq(vkvm_ioctl_name(KVM_GET_VCPU_EVENTS), "KVM_GET_VCPU_EVENTS");
    ck_assert_ptr_null(vkvm_ioctl_name(0x1234));
    ck_assert_int_eq(vkvm_ioctl_number("KVM_GET_SREGS2", &request), 0);
    ck_assert_uint_eq(request, KVM_GET_SREGS2);
    ck_assert_int_eq(vkvm_ioctl_number("ARM_VCPU_INIT", &request), 0);
    ck_assert_uint_eq(request, _IOC(_IOC_WRITE, KVMIO, 0xae, 32));
    ck_assert_int_eq(vkvm_ioctl_number("NOTHING", &request), -ENOENT);
}
END_TEST

START_TEST(capabilities)
{
    char line[100];
    uint32_t missing[3];
    const uint32_t wanted[] = { KVM_CAP_IRQFD, KVM_CAP_SPLIT_IRQCHIP, 5000 };
    ck_assert_int_eq(vkvm_vm_require_caps(g_vm, wanted, 3, missing), 3);
    int length = vkvm_caps_format(missing, 3, line, sizeof(line));
    ck_assert_str_eq(line, "KVM_CAP_IRQFD, KVM_CAP_SPLIT_IRQCHIP, 5000");
    ck_assert_int_eq(length, (int)strlen(line));
    ck_assert_int_eq(vkvm_caps_format(missing, 3, line, 16), length);
    ck_assert_str_eq(line, "KVM_CAP_IRQFD, ");
    ck_assert_int_eq(vkvm_caps_format(missing, 3, NULL, 0), length);
    ck_assert_int_eq(vkvm_caps_format(missing, 0, line, sizeof(line)), 0);
    ck_assert_str_eq(line, "");

    int32_t values[250];
    ck_assert_uint_ge(vkvm_cap_limit(), 247);
    ck_assert_uint_le(vkvm_cap_limit(), 250);
    ck_assert_int_eq(vkvm_vm_read_caps(g_vm, values, vkvm_cap_limit()), 0);
    ck_assert_int_eq(values[KVM_CAP_NR_MEMSLOTS], 16);
    ck_assert_int_eq(vkvm_read_caps(g_kvm, values, vkvm_cap_limit()), 0);
    ck_assert_int_eq(values[KVM_CAP_USER_MEMORY], 1);
    fail_next(KVM_CHECK_EXTENSION, -EIO);
    ck_assert_int_eq(vkvm_read_caps(g_kvm, values, 3), -EIO);

    int named = 0;
    for (uint32_t cap = 0; cap < vkvm_cap_limit(); cap++)
        if (vkvm_cap_name(cap)) {
            ck_assert_int_eq(vkvm_cap_number(vkvm_cap_name(cap)), (int)cap);
            named++;
        }
    ck_assert_int_ge(named, 238);
    ck_assert_ptr_null(vkvm_cap_name(vkvm_cap_limit()));
    ck_assert_str_eq(vkvm_cap_name(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2),
                     "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2");
    ck_assert_int_eq(vkvm_cap_number("ARM_SVE"), 170);
}
END_TEST

Suite *calls_suite(void)
{
    Suite *s = suite_create("vkvm-calls");
    TCase *t = tcase_create("calls");
    tcase_add_checked_fixture(t, generic_setup, generic_teardown);
    tcase_add_test(t, registers);
    tcase_add_test(t, register_lists);
    tcase_add_test(t, attributes);
    tcase_add_test(t, coalesced_zones);
    tcase_add_test(t, coalesced_ring);
    tcase_add_test(t, real_system_calls);
    tcase_add_test(t, last_error);
    tcase_add_test(t, arguments_in_short);
    tcase_add_test(t, raw_calls_are_not_looked_into);
    tcase_add_test(t, ioctl_names);
    tcase_add_test(t, capabilities);
    suite_add_tcase(s, t);
    return s;
}
