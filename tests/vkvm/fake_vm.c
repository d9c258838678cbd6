/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake's virtual machines.
 */
#include <errno.h>
#include <string.h>

#include "fake_table.h"

static int create_vcpu(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->last_int = (uintptr_t)arg;
    return fake_new_fd(f, 'c', h, (uint32_t)(uintptr_t)arg);
}

static int set_identity_map_addr(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->last_int = *(uint64_t *)arg;
    return 0;
}

static int create_pit2(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->last_int = ((struct kvm_pit_config *)arg)->flags;
    return 0;
}

int fake_enable_cap(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->last_cap = *(struct kvm_enable_cap *)arg;
    return fake_generic_enable(f, arg);
}

static int signal_msi(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->last_msi = *(struct kvm_msi *)arg;
    return 1;
}

static int set_gsi_routing(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    const struct kvm_irq_routing *routing = arg;
    f->last_routing_count = routing->nr;
    fake_keep(h, KVM_SET_GSI_ROUTING, routing,
              sizeof(*routing) + routing->nr * sizeof(routing->entries[0]));
    return 0;
}

static int create_device(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_create_device *create = arg;
    if (create->type != KVM_DEV_TYPE_VFIO)
        return -ENODEV;
    if (create->flags & KVM_CREATE_DEVICE_TEST)
        return 0;
    int fd = fake_new_fd(f, 'd', h, create->type);
    create->fd = (uint32_t)fd;
    return fd < 0 ? fd : 0;
}

const struct fake_ioctl fake_vm_table[] = {
    FAKE_CALL(KVM_CREATE_VCPU, create_vcpu),
    FAKE_CALL(KVM_CHECK_EXTENSION, fake_check_extension),
    FAKE_SET(KVM_SET_USER_MEMORY_REGION, last_region),
    FAKE_CALL(KVM_GET_DIRTY_LOG, fake_get_dirty_log),
    FAKE_CALL(KVM_SET_IDENTITY_MAP_ADDR, set_identity_map_addr),
    FAKE_OK(KVM_SET_TSS_ADDR),
    FAKE_OK(KVM_CREATE_IRQCHIP),
    FAKE_CALL(KVM_CREATE_PIT2, create_pit2),
    FAKE_CALL(KVM_ENABLE_CAP, fake_enable_cap),
    FAKE_SET(KVM_IRQ_LINE, last_line),
    FAKE_CALL(KVM_SIGNAL_MSI, signal_msi),
    FAKE_CALL(KVM_SET_GSI_ROUTING, set_gsi_routing),
    FAKE_SET(KVM_IRQFD, last_irqfd),
    FAKE_SET(KVM_IOEVENTFD, last_ioeventfd),
    FAKE_CALL(KVM_CREATE_DEVICE, create_device),
    FAKE_CALL(KVM_GET_IRQCHIP, fake_x86_get_irqchip),
    FAKE_KEEP(KVM_SET_IRQCHIP),
    FAKE_GIVE(KVM_GET_PIT2, KVM_SET_PIT2),
    FAKE_KEEP(KVM_SET_PIT2),
    FAKE_CALL(KVM_REINJECT_CONTROL, fake_x86_reinject),
    FAKE_CALL(KVM_IRQ_LINE_STATUS, fake_x86_irq_line_status),
    FAKE_OK(KVM_SET_BOOT_CPU_ID),
    FAKE_OK(KVM_SET_NR_MMU_PAGES),
    FAKE_NUMBER(KVM_GET_NR_MMU_PAGES, 1024),
    FAKE_NUMBER(KVM_GET_TSC_KHZ, 2600000),
    FAKE_OK(KVM_SET_TSC_KHZ),
    FAKE_CALL(KVM_X86_SET_MSR_FILTER, fake_x86_msr_filter),
    FAKE_CALL(KVM_SET_PMU_EVENT_FILTER, fake_x86_pmu_filter),
    FAKE_CALL(KVM_MEMORY_ENCRYPT_OP, fake_x86_encrypt_op),
    FAKE_KEEP(KVM_MEMORY_ENCRYPT_REG_REGION),
    FAKE_KEEP(KVM_MEMORY_ENCRYPT_UNREG_REGION),
    FAKE_KEEP(KVM_HYPERV_EVENTFD),
    FAKE_GET(KVM_GET_CLOCK, clock),
    FAKE_SET(KVM_SET_CLOCK, clock),
    FAKE_KEEP(KVM_SET_USER_MEMORY_REGION2),
    FAKE_KEEP(KVM_SET_MEMORY_ATTRIBUTES),
    FAKE_CALL(KVM_CREATE_GUEST_MEMFD, fake_create_guest_memfd),
    FAKE_CALL(KVM_CLEAR_DIRTY_LOG, fake_clear_dirty_log),
    FAKE_CALL(KVM_RESET_DIRTY_RINGS, fake_reset_dirty_rings),
    FAKE_KEEP(KVM_REGISTER_COALESCED_MMIO),
    FAKE_KEEP(KVM_UNREGISTER_COALESCED_MMIO),
    FAKE_CALL(KVM_GET_STATS_FD, fake_get_stats_fd),
    FAKE_CALL(KVM_HAS_DEVICE_ATTR, fake_has_attr),
    FAKE_CALL(KVM_SET_DEVICE_ATTR, fake_set_attr),
    FAKE_CALL(KVM_GET_DEVICE_ATTR, fake_get_attr),
    FAKE_END,
};
