/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of the last failure, put into words.
 *
 * handle.c keeps the request, the errno and the first bytes of the argument. Here a request that
 * has something to say about its argument has a function, and a pair of request and errno whose
 * meaning is not plain from errno has a hint [the Errors tables of each section of 4].
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <vkvm/error.h>
#include <vkvm/uapi.h>

#include "device.h"
#include "handle.h"
#include "vcpu.h"
#include "vm.h"

/* --- arguments --- */

typedef int describe_fn(char *buffer, size_t size, const void *argument);

static int describe_region(char *buffer, size_t size, const void *argument)
{
    const struct kvm_userspace_memory_region *r = argument; /* REGION2 begins the same */
    return snprintf(buffer, size, "slot %#x gpa %#llx size %#llx hva %#llx flags %#x", r->slot,
                    r->guest_phys_addr, r->memory_size, r->userspace_addr, r->flags);
}

static int describe_dirty_log(char *buffer, size_t size, const void *argument)
{
    const struct kvm_dirty_log *log = argument;
    return snprintf(buffer, size, "slot %#x", log->slot);
}

static int describe_clear_dirty_log(char *buffer, size_t size, const void *argument)
{
    const struct kvm_clear_dirty_log *log = argument;
    return snprintf(buffer, size, "slot %#x pages %llu+%u", log->slot, log->first_page,
                    log->num_pages);
}

static int describe_enable_cap(char *buffer, size_t size, const void *argument)
{
    const struct kvm_enable_cap *enable = argument;
    return snprintf(buffer, size, "cap %u args %#llx %#llx %#llx %#llx", enable->cap,
                    enable->args[0], enable->args[1], enable->args[2], enable->args[3]);
}

static int describe_irq_level(char *buffer, size_t size, const void *argument)
{
    const struct kvm_irq_level *line = argument;
    return snprintf(buffer, size, "irq %#x level %u", line->irq, line->level);
}

static int describe_msi(char *buffer, size_t size, const void *argument)
{
    const struct kvm_msi *msi = argument;
    return snprintf(buffer, size, "address %#llx data %#x flags %#x devid %#x",
                    (unsigned long long)msi->address_hi << 32 | msi->address_lo, msi->data,
                    msi->flags, msi->devid);
}

static int describe_irqfd(char *buffer, size_t size, const void *argument)
{
    const struct kvm_irqfd *irqfd = argument;
    return snprintf(buffer, size, "fd %u gsi %u flags %#x", irqfd->fd, irqfd->gsi, irqfd->flags);
}

static int describe_ioeventfd(char *buffer, size_t size, const void *argument)
{
    const struct kvm_ioeventfd *io = argument;
    return snprintf(buffer, size, "address %#llx length %u fd %d flags %#x value %#llx", io->addr,
                    io->len, io->fd, io->flags, io->datamatch);
}

static int describe_zone(char *buffer, size_t size, const void *argument)
{
    const struct kvm_coalesced_mmio_zone *zone = argument;
    return snprintf(buffer, size, "%s %#llx size %#x", zone->pio ? "port" : "gpa", zone->addr,
                    zone->size);
}

static int describe_create_device(char *buffer, size_t size, const void *argument)
{
    const struct kvm_create_device *create = argument;
    return snprintf(buffer, size, "type %u flags %#x", create->type, create->flags);
}

static int describe_attr(char *buffer, size_t size, const void *argument)
{
    const struct kvm_device_attr *attr = argument;
    return snprintf(buffer, size, "group %u attribute %#llx", attr->group, attr->attr);
}

static int describe_one_reg(char *buffer, size_t size, const void *argument)
{
    const struct kvm_one_reg *reg = argument;
    return snprintf(buffer, size, "register %#llx", reg->id);
}

static int describe_attributes(char *buffer, size_t size, const void *argument)
{
    const struct kvm_memory_attributes *a = argument;
    return snprintf(buffer, size, "gpa %#llx size %#llx attributes %#llx", a->address, a->size,
                    a->attributes);
}

static int describe_guest_memfd(char *buffer, size_t size, const void *argument)
{
    const struct kvm_create_guest_memfd *create = argument;
    return snprintf(buffer, size, "size %#llx flags %#llx", create->size, create->flags);
}

static int describe_pre_fault(char *buffer, size_t size, const void *argument)
{
    const struct kvm_pre_fault_memory *fault = argument;
    return snprintf(buffer, size, "gpa %#llx size %#llx", fault->gpa, fault->size);
}

static int describe_u32(char *buffer, size_t size, const void *argument)
{
    return snprintf(buffer, size, "%u", *(const uint32_t *)argument);
}

/* Structures that begin with the number of their entries. */
static int describe_entries(char *buffer, size_t size, const void *argument)
{
    return snprintf(buffer, size, "%u entries", *(const uint32_t *)argument);
}

static const struct {
    uint32_t request;
    describe_fn *describe;
} describers[] = {
    { KVM_SET_USER_MEMORY_REGION, describe_region },
    { KVM_SET_USER_MEMORY_REGION2, describe_region },
    { KVM_GET_DIRTY_LOG, describe_dirty_log },
    { KVM_CLEAR_DIRTY_LOG, describe_clear_dirty_log },
    { KVM_ENABLE_CAP, describe_enable_cap },
    { KVM_IRQ_LINE, describe_irq_level },
    { KVM_IRQ_LINE_STATUS, describe_irq_level },
    { KVM_SIGNAL_MSI, describe_msi },
    { KVM_SET_GSI_ROUTING, describe_entries },
    { KVM_IRQFD, describe_irqfd },
    { KVM_IOEVENTFD, describe_ioeventfd },
    { KVM_REGISTER_COALESCED_MMIO, describe_zone },
    { KVM_UNREGISTER_COALESCED_MMIO, describe_zone },
    { KVM_CREATE_DEVICE, describe_create_device },
    { KVM_HAS_DEVICE_ATTR, describe_attr },
    { KVM_GET_DEVICE_ATTR, describe_attr },
    { KVM_SET_DEVICE_ATTR, describe_attr },
    { KVM_GET_ONE_REG, describe_one_reg },
    { KVM_SET_ONE_REG, describe_one_reg },
    { KVM_SET_MEMORY_ATTRIBUTES, describe_attributes },
    { KVM_CREATE_GUEST_MEMFD, describe_guest_memfd },
    { KVM_PRE_FAULT_MEMORY, describe_pre_fault },
    { KVM_SET_MP_STATE, describe_u32 },
#if defined(__x86_64__)
    { KVM_INTERRUPT, describe_u32 },
    { KVM_GET_SUPPORTED_CPUID, describe_entries },
    { KVM_GET_EMULATED_CPUID, describe_entries },
    { KVM_GET_SUPPORTED_HV_CPUID, describe_entries },
    { KVM_SET_CPUID2, describe_entries },
    { KVM_GET_CPUID2, describe_entries },
    { KVM_GET_MSRS, describe_entries },
    { KVM_SET_MSRS, describe_entries },
#endif
};

/* --- hints --- */

static const struct {
    uint32_t request; /* 0: any */
    int error;
    const char *hint;
} hints[] = {
    { KVM_CREATE_VM, EINVAL, "this machine type does not exist here" },
    { KVM_CREATE_VM, ENOMEM, "no memory, or virtualization is switched off in firmware" },
    { KVM_CREATE_VCPU, EEXIST, "this id is taken" },
    { KVM_CREATE_VCPU, EINVAL, "too many vCPUs, or the id is above KVM_CAP_MAX_VCPU_ID" },
    { KVM_SET_USER_MEMORY_REGION, EEXIST, "the range overlaps a slot" },
    { KVM_SET_USER_MEMORY_REGION, EINVAL, "not page aligned, wraps around, or an unknown flag" },
    { KVM_SET_USER_MEMORY_REGION, ENOSPC, "all KVM_CAP_NR_MEMSLOTS slots are in use" },
    { KVM_SET_USER_MEMORY_REGION, ENOENT, "there is no such slot" },
    { KVM_SET_USER_MEMORY_REGION2, EEXIST,
      "the range overlaps a slot, or the guest_memfd range is bound" },
    { KVM_SET_USER_MEMORY_REGION2, EINVAL,
      "not page aligned, wraps around, an unknown flag, or a change of a guest_memfd slot" },
    { KVM_SET_USER_MEMORY_REGION2, ENOSPC, "all KVM_CAP_NR_MEMSLOTS slots are in use" },
    { KVM_GET_DIRTY_LOG, ENOENT, "the slot does not log dirty pages" },
    { KVM_GET_DIRTY_LOG, ENXIO, "the VM uses the dirty ring, which excludes the bitmap" },
    { KVM_CLEAR_DIRTY_LOG, EINVAL,
      "not in steps of 64 pages, or KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 is not enabled" },
    { KVM_RESET_DIRTY_RINGS, EINVAL, "the VM has no dirty ring" },
    { KVM_ENABLE_CAP, EINVAL,
      "the capability is unknown, its arguments are wrong, or it is too late for it" },
    { KVM_CREATE_DEVICE, ENODEV, "this device type is not known here" },
    { KVM_CREATE_DEVICE, EEXIST, "there can be only one, and there is" },
    { KVM_HAS_DEVICE_ATTR, ENXIO, "no such group or attribute" },
    { KVM_GET_DEVICE_ATTR, ENXIO, "no such group or attribute" },
    { KVM_SET_DEVICE_ATTR, ENXIO, "no such group or attribute" },
    { KVM_SET_DEVICE_ATTR, EBUSY, "it can be set once, or not while a vCPU runs" },
    { KVM_GET_ONE_REG, ENOENT, "no such register" },
    { KVM_SET_ONE_REG, ENOENT, "no such register" },
    { KVM_GET_ONE_REG, EINVAL, "the register is not there on this vCPU, or its size is another" },
    { KVM_SET_ONE_REG, EINVAL, "the register is not there on this vCPU, or not this value" },
    { KVM_SET_ONE_REG, EBUSY, "the vCPU has run already" },
    { KVM_IRQFD, EBUSY, "the descriptor has an irqfd already" },
    { KVM_IRQFD, EINVAL, "the GSI has no route, or the descriptor is no eventfd" },
    { KVM_IOEVENTFD, EEXIST, "the address and value have an eventfd already" },
    { KVM_IOEVENTFD, EINVAL, "the length is not 0, 1, 2, 4 or 8, or 0 with a value to match" },
    { KVM_IOEVENTFD, ENOENT, "there is no such ioeventfd" },
    { KVM_SET_GSI_ROUTING, EINVAL, "an entry names a controller or pin that is not there" },
    { KVM_SET_GSI_ROUTING, E2BIG, "more entries than KVM_CAP_IRQ_ROUTING" },
    { KVM_REGISTER_COALESCED_MMIO, ENOSPC, "all zones are in use" },
    { KVM_CREATE_IRQCHIP, EEXIST, "there is one" },
    { KVM_CREATE_IRQCHIP, EINVAL, "a vCPU was made before it" },
    { KVM_RUN, ENOEXEC, "the vCPU is not initialised" },
    { KVM_RUN, EPERM, "the vCPU is not finalised" },
    { KVM_RUN, EFAULT, "guest memory cannot be reached, or is private where it should be shared" },
    { KVM_PRE_FAULT_MEMORY, ENOENT, "outside of all slots" },
    { KVM_PRE_FAULT_MEMORY, EOPNOTSUPP, "the vCPU is in a mode without second-level paging" },
#if defined(__x86_64__)
    { KVM_GET_SUPPORTED_CPUID, E2BIG, "there are more leaves than entries" },
    { KVM_GET_CPUID2, E2BIG, "there are more leaves than entries" },
    { KVM_SET_CPUID2, EINVAL, "the vCPU has run already, or a leaf asks for what the host lacks" },
#endif
    { 0, ENOTTY, "the kernel does not know this call" },
    { 0, EOPNOTSUPP, "the host lacks the capability" },
    { 0, EIO, "the VM is of another process (before a fork), or has died" },
    { 0, ENODEV, "the VM is of another process, or has died" },
};

/* --- the record --- */

static int last_error(struct vkvm_handle *h, struct vkvm_error *ret)
{
    struct vkvm_failure failure;
    if (ret->size < sizeof(*ret))
        return -EINVAL;
    pthread_mutex_lock(&h->failure_lock);
    failure = h->failure;
    pthread_mutex_unlock(&h->failure_lock);
    if (!failure.error)
        return -ENODATA;

    ret->error = failure.error;
    ret->request = failure.request;
    ret->name = vkvm_ioctl_name(failure.request);
    ret->hint = NULL;
    ret->argument[0] = '\0';
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        if ((!hints[i].request || hints[i].request == failure.request) &&
            hints[i].error == -failure.error) {
            ret->hint = hints[i].hint;
            break;
        }
    if (!_IOC_SIZE(failure.request))
        snprintf(ret->argument, sizeof(ret->argument), "%lu", failure.value);
    for (size_t i = 0; failure.size && i < sizeof(describers) / sizeof(describers[0]); i++)
        if (describers[i].request == failure.request)
            describers[i].describe(ret->argument, sizeof(ret->argument), failure.bytes);
    return 0;
}

int vkvm_last_error(struct vkvm *kvm, struct vkvm_error *ret_error)
{
    return last_error(&kvm->h, ret_error);
}

int vkvm_vm_last_error(struct vkvm_vm *vm, struct vkvm_error *ret_error)
{
    return last_error(&vm->h, ret_error);
}

int vkvm_vcpu_last_error(struct vkvm_vcpu *vcpu, struct vkvm_error *ret_error)
{
    return last_error(&vcpu->h, ret_error);
}

int vkvm_device_last_error(struct vkvm_device *device, struct vkvm_error *ret_error)
{
    return last_error(&device->h, ret_error);
}

int vkvm_error_format(const struct vkvm_error *error, char *buffer, size_t size)
{
    char number[24], text[64];
    if (!error->name)
        snprintf(number, sizeof(number), "ioctl %#llx", (unsigned long long)error->request);
    return snprintf(buffer, size, "%s(%s): %s%s%s", error->name ? error->name : number,
                    error->argument, strerror_r(-error->error, text, sizeof(text)),
                    error->hint ? ": " : "", error->hint ? error->hint : "");
}
