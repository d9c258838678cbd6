/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of argument layouts, and reading arguments by it.
 */
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <vkvm/uapi.h>

#include "trace-layout.h"

/* clang-format off */
#define MASK(type, member) { offsetof(type, member), sizeof(((type *)0)->member) }
#define ARRAY(type, count, array)                                                                  \
    .count_at = offsetof(type, count), .element = sizeof(((type *)0)->array[0]),                   \
    .base = offsetof(type, array)

static const struct trace_layout layouts[] = {
    { KVM_CREATE_VM, .child = TRACE_CHILD_RESULT },
    { KVM_CREATE_VCPU, .child = TRACE_CHILD_RESULT },
    { KVM_GET_STATS_FD, .child = TRACE_CHILD_RESULT },
    { KVM_CREATE_GUEST_MEMFD, .in = sizeof(struct kvm_create_guest_memfd),
      .child = TRACE_CHILD_RESULT },
    { KVM_CREATE_DEVICE, .in = sizeof(struct kvm_create_device),
      .out = sizeof(struct kvm_create_device), .child = TRACE_CHILD_FIELD,
      .masks = { MASK(struct kvm_create_device, fd) } },
    { KVM_SET_USER_MEMORY_REGION, .in = sizeof(struct kvm_userspace_memory_region),
      .masks = { MASK(struct kvm_userspace_memory_region, userspace_addr) } },
    { KVM_SET_USER_MEMORY_REGION2, .in = sizeof(struct kvm_userspace_memory_region2),
      .masks = { MASK(struct kvm_userspace_memory_region2, userspace_addr),
                 MASK(struct kvm_userspace_memory_region2, guest_memfd) } },
    { KVM_GET_DIRTY_LOG, .in = sizeof(struct kvm_dirty_log), .pointed = TRACE_POINTS_DIRTY_LOG,
      .masks = { MASK(struct kvm_dirty_log, dirty_bitmap) } },
    { KVM_CLEAR_DIRTY_LOG, .in = sizeof(struct kvm_clear_dirty_log),
      .pointed = TRACE_POINTS_CLEAR_LOG,
      .masks = { MASK(struct kvm_clear_dirty_log, dirty_bitmap) } },
    { KVM_IRQFD, .in = sizeof(struct kvm_irqfd),
      .masks = { MASK(struct kvm_irqfd, fd), MASK(struct kvm_irqfd, resamplefd) } },
    { KVM_IOEVENTFD, .in = sizeof(struct kvm_ioeventfd),
      .masks = { MASK(struct kvm_ioeventfd, fd) } },
    { KVM_SET_GSI_ROUTING, .in = sizeof(struct kvm_irq_routing), .array_in = true,
      ARRAY(struct kvm_irq_routing, nr, entries) },
    { KVM_SET_DEVICE_ATTR, .in = sizeof(struct kvm_device_attr), .pointed = TRACE_POINTS_ATTR_IN,
      .masks = { MASK(struct kvm_device_attr, addr) } },
    { KVM_GET_DEVICE_ATTR, .in = sizeof(struct kvm_device_attr), .pointed = TRACE_POINTS_ATTR_OUT,
      .masks = { MASK(struct kvm_device_attr, addr) } },
    { KVM_HAS_DEVICE_ATTR, .in = sizeof(struct kvm_device_attr),
      .masks = { MASK(struct kvm_device_attr, addr) } },
    { KVM_GET_ONE_REG, .in = sizeof(struct kvm_one_reg), .pointed = TRACE_POINTS_REG_OUT,
      .masks = { MASK(struct kvm_one_reg, addr) } },
    { KVM_SET_ONE_REG, .in = sizeof(struct kvm_one_reg), .pointed = TRACE_POINTS_REG_IN,
      .masks = { MASK(struct kvm_one_reg, addr) } },
    { KVM_GET_REG_LIST, .in = sizeof(struct kvm_reg_list), .out = sizeof(struct kvm_reg_list),
      .array_out = true, .count_wide = true, ARRAY(struct kvm_reg_list, n, reg) },
    { KVM_SET_SIGNAL_MASK, .in = sizeof(struct kvm_signal_mask), .array_in = true,
      ARRAY(struct kvm_signal_mask, len, sigset) },
    /* Only the address goes in. */
    { KVM_TRANSLATE, .in = 8, .out = sizeof(struct kvm_translation) },
#if defined(__x86_64__)
    { KVM_GET_SUPPORTED_CPUID, .in = 4, .out = 8, .array_out = true,
      ARRAY(struct kvm_cpuid2, nent, entries) },
    { KVM_GET_EMULATED_CPUID, .in = 4, .out = 8, .array_out = true,
      ARRAY(struct kvm_cpuid2, nent, entries) },
    { KVM_GET_SUPPORTED_HV_CPUID, .in = 4, .out = 8, .array_out = true,
      ARRAY(struct kvm_cpuid2, nent, entries) },
    { KVM_GET_CPUID2, .in = 4, .out = 8, .array_out = true,
      ARRAY(struct kvm_cpuid2, nent, entries) },
    { KVM_SET_CPUID2, .in = 8, .array_in = true, ARRAY(struct kvm_cpuid2, nent, entries) },
    { KVM_SET_CPUID, .in = 8, .array_in = true, ARRAY(struct kvm_cpuid, nent, entries) },
    { KVM_GET_MSR_INDEX_LIST, .in = 4, .out = 4, .array_out = true,
      ARRAY(struct kvm_msr_list, nmsrs, indices) },
    { KVM_GET_MSR_FEATURE_INDEX_LIST, .in = 4, .out = 4, .array_out = true,
      ARRAY(struct kvm_msr_list, nmsrs, indices) },
    { KVM_GET_MSRS, .in = 8, .out = 8, .array_in = true, .array_out = true,
      ARRAY(struct kvm_msrs, nmsrs, entries), .element_mask = MASK(struct kvm_msr_entry, data) },
    { KVM_SET_MSRS, .in = 8, .array_in = true, ARRAY(struct kvm_msrs, nmsrs, entries) },
    { KVM_GET_IRQCHIP, .in = 4, .out = sizeof(struct kvm_irqchip) },
    { KVM_SET_IRQCHIP, .in = sizeof(struct kvm_irqchip) }, /* the number says read */
    { KVM_GET_PIT, .out = sizeof(struct kvm_pit_state) },
    { KVM_SET_PIT, .in = sizeof(struct kvm_pit_state) },
    { KVM_GET_XSAVE2, .out = sizeof(struct kvm_xsave), .xsave = true },
    { KVM_SET_XSAVE, .in = sizeof(struct kvm_xsave), .xsave = true },
    { KVM_GET_NESTED_STATE, .in = 8, .out = 8, .array_out = true, .element = 1,
      .count_at = offsetof(struct kvm_nested_state, size) },
    { KVM_SET_NESTED_STATE, .in = 8, .array_in = true, .element = 1,
      .count_at = offsetof(struct kvm_nested_state, size) },
    { KVM_SET_PMU_EVENT_FILTER, .in = sizeof(struct kvm_pmu_event_filter), .array_in = true,
      .count_at = offsetof(struct kvm_pmu_event_filter, nevents), .element = sizeof(uint64_t),
      .base = sizeof(struct kvm_pmu_event_filter) },
    { KVM_X86_SET_MSR_FILTER, .in = sizeof(struct kvm_msr_filter),
      .pointed = TRACE_POINTS_MSR_BITMAPS },
    { KVM_HYPERV_EVENTFD, .in = sizeof(struct kvm_hyperv_eventfd),
      .masks = { MASK(struct kvm_hyperv_eventfd, fd) } },
    /* The command's data and Xen's blobs stay out: their sizes are the firmware's affair. */
    { KVM_MEMORY_ENCRYPT_OP, .in = sizeof(struct kvm_sev_cmd), .out = sizeof(struct kvm_sev_cmd),
      .masks = { MASK(struct kvm_sev_cmd, data), MASK(struct kvm_sev_cmd, sev_fd) } },
    { KVM_MEMORY_ENCRYPT_REG_REGION, .in = sizeof(struct kvm_enc_region),
      .masks = { MASK(struct kvm_enc_region, addr) } },
    { KVM_MEMORY_ENCRYPT_UNREG_REGION, .in = sizeof(struct kvm_enc_region),
      .masks = { MASK(struct kvm_enc_region, addr) } },
    { KVM_XEN_HVM_CONFIG, .in = sizeof(struct kvm_xen_hvm_config),
      .masks = { MASK(struct kvm_xen_hvm_config, blob_addr_32),
                 MASK(struct kvm_xen_hvm_config, blob_addr_64) } },
#endif
};
/* clang-format on */

const struct trace_layout *trace__layout(unsigned long request, struct trace_layout *derived)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        if (layouts[i].request == request)
            return &layouts[i];
    memset(derived, 0, sizeof(*derived));
    derived->request = request;
    if (_IOC_DIR(request) & _IOC_WRITE)
        derived->in = _IOC_SIZE(request);
    if (_IOC_DIR(request) & _IOC_READ)
        derived->out = _IOC_SIZE(request);
    return derived;
}

void trace__object_fini(struct trace_object *object)
{
    free(object->slots);
    object->slots = NULL;
    object->slot_count = 0;
}

/* --- sizes --- */

static uint64_t slot_pages(const struct trace_object *object, uint32_t number)
{
    for (size_t i = 0; i < object->slot_count; i++)
        if (object->slots[i].number == number)
            return object->slots[i].pages;
    return 0;
}

static size_t xsave_size(const struct trace_object *object)
{
    const struct trace_object *vm = object->vm ? object->vm : object;
    size_t size = vm->xsave_size > 4096 ? vm->xsave_size : 4096;
    return size <= TRACE_MAX_PART ? size : TRACE_MAX_PART;
}

/* Bytes of the structure with as many elements as `bytes` says. */
static size_t array_end(const struct trace_layout *layout, const uint8_t *bytes)
{
    uint64_t count = 0;
    memcpy(&count, bytes + layout->count_at, layout->count_wide ? 8 : 4); /* little-endian */
    uint64_t size = count > TRACE_MAX_PART ? TRACE_MAX_PART : count * layout->element;
    size += layout->base;
    return size <= TRACE_MAX_PART ? size : TRACE_MAX_PART;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void part_set(struct trace_part *part, const void *data, uint64_t in, uint64_t capacity)
{
    part->data = (uint8_t *)(uintptr_t)data;
    part->in = in <= TRACE_MAX_PART ? in : 0;
    part->capacity = capacity <= TRACE_MAX_PART ? capacity : 0;
    part->out = 0;
    if (!data)
        part->in = part->capacity = 0;
}

/* VFIO's attributes are descriptors; what else x86 has are 64-bit numbers. */
static unsigned attr_part(const struct trace_object *object, const struct kvm_device_attr *attr,
                          bool out, struct trace_part *part)
{
    const bool fd = object->is_device && object->device_type == KVM_DEV_TYPE_VFIO;
    const void *value = (const void *)(uintptr_t)attr->addr;
    part_set(part, value, out || fd ? 0 : 8, out ? 8 : 0);
    return 1;
}

static uint64_t bitmap_bytes(uint64_t pages)
{
    return pages / 64 * 8 + (pages % 64 ? 8 : 0);
}

static unsigned pointed_parts(const struct trace_layout *layout, const struct trace_object *object,
                              const void *argument, struct trace_part *parts)
{
    switch (layout->pointed) {
    case TRACE_POINTS_DIRTY_LOG: {
        const struct kvm_dirty_log *log = argument;
        part_set(parts, log->dirty_bitmap, 0, bitmap_bytes(slot_pages(object, log->slot)));
        return 1;
    }
    case TRACE_POINTS_CLEAR_LOG: {
        const struct kvm_clear_dirty_log *log = argument;
        part_set(parts, log->dirty_bitmap, bitmap_bytes(log->num_pages), 0);
        return 1;
    }
    case TRACE_POINTS_ATTR_IN: return attr_part(object, argument, false, parts);
    case TRACE_POINTS_ATTR_OUT: return attr_part(object, argument, true, parts);
    case TRACE_POINTS_REG_IN:
    case TRACE_POINTS_REG_OUT: {
        const struct kvm_one_reg *reg = argument;
        size_t size = (size_t)1 << ((reg->id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
        const bool out = layout->pointed == TRACE_POINTS_REG_OUT;
        part_set(parts, (const void *)(uintptr_t)reg->addr, out ? 0 : size, out ? size : 0);
        return 1;
    }
#if defined(__x86_64__)
    case TRACE_POINTS_MSR_BITMAPS: {
        const struct kvm_msr_filter *filter = argument;
        for (unsigned i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
            part_set(&parts[i], filter->ranges[i].bitmap,
                     ((uint64_t)filter->ranges[i].nmsrs + 7) / 8, 0);
        return KVM_MSR_FILTER_MAX_RANGES;
    }
#endif
    default: return 0;
    }
}

unsigned trace__layout_parts(const struct trace_layout *layout, const struct trace_object *object,
                             void *argument, struct trace_part parts[TRACE_MAX_PARTS])
{
    if (!argument || (!layout->in && !layout->out))
        return 0;
    size_t in = layout->in, capacity = layout->out;
    if (layout->element) {
        size_t end = array_end(layout, argument);
        if (layout->array_in)
            in = larger(in, end);
        if (layout->array_out)
            capacity = larger(capacity, end);
    }
    if (layout->xsave) {
        in = in ? xsave_size(object) : 0;
        capacity = capacity ? xsave_size(object) : 0;
    }
    part_set(&parts[0], argument, in, capacity);
    return 1 + pointed_parts(layout, object, argument, parts + 1);
}

void trace__layout_out(const struct trace_layout *layout, struct trace_part *parts, unsigned count,
                       const uint8_t *bytes, size_t size, int result)
{
    /* A call that failed may have changed what it was also given, nothing else: the rest is not
     * even initialised. */
    for (unsigned i = 0; i < count; i++)
        parts[i].out = result >= 0 || (i == 0 && layout->in) ? parts[i].capacity : 0;
    if (!count || !layout->array_out)
        return;
    /* On failure only the head has been written: how much would be needed. */
    size_t end = result < 0 || size < layout->out ? layout->out
                                                  : larger(layout->out, array_end(layout, bytes));
    if (end < parts[0].out)
        parts[0].out = end;
}

static void mask_zero(uint8_t *bytes, size_t size, size_t offset, size_t length)
{
    if (offset < size)
        memset(bytes + offset, 0, length < size - offset ? length : size - offset);
}

void trace__layout_mask(const struct trace_layout *layout, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof(layout->masks) / sizeof(layout->masks[0]); i++)
        mask_zero(bytes, size, layout->masks[i].offset, layout->masks[i].size);
    if (layout->element_mask.size)
        for (size_t at = layout->base; at < size; at += layout->element)
            mask_zero(bytes, size, at + layout->element_mask.offset, layout->element_mask.size);
#if defined(__x86_64__)
    if (layout->pointed == TRACE_POINTS_MSR_BITMAPS)
        for (size_t i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
            mask_zero(bytes, size,
                      offsetof(struct kvm_msr_filter, ranges) +
                          i * sizeof(struct kvm_msr_filter_range) +
                          offsetof(struct kvm_msr_filter_range, bitmap),
                      sizeof(uint8_t *));
#endif
}

/* --- what later sizes depend on --- */

static void learn_slot(struct trace_object *vm, uint32_t number, uint64_t size)
{
    size_t i = 0;
    while (i < vm->slot_count && vm->slots[i].number != number)
        i++;
    if (i == vm->slot_count) {
        struct trace_slot *slots = realloc(vm->slots, (i + 1) * sizeof(*slots));
        if (!slots)
            return; /* its dirty log will have no bytes */
        vm->slots = slots;
        vm->slot_count++;
        vm->slots[i].number = number;
    }
    vm->slots[i].pages = size / 4096;
}

void trace__layout_learn(struct trace_object *object, unsigned long request, const void *argument,
                         int result)
{
    if (result < 0)
        return;
    if (request == KVM_SET_USER_MEMORY_REGION) {
        const struct kvm_userspace_memory_region *region = argument;
        learn_slot(object, region->slot, region->memory_size);
    } else if (request == KVM_SET_USER_MEMORY_REGION2) {
        const struct kvm_userspace_memory_region2 *region = argument;
        learn_slot(object, region->slot, region->memory_size);
    } else if (request == KVM_CHECK_EXTENSION && (uintptr_t)argument == KVM_CAP_XSAVE2) {
        object->xsave_size = (size_t)result;
    }
}

void trace__layout_device(struct trace_object *device, const void *argument)
{
    device->is_device = true;
    device->device_type = ((const struct kvm_create_device *)argument)->type;
}
