/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of the fake KVM: one row an ioctl.
 */
#ifndef TESTS_FAKE_TABLE_H
#define TESTS_FAKE_TABLE_H

#include <stddef.h>

#include "fake_kvm.h"

typedef int fake_ioctl_fn(struct fake_kvm *f, struct fake_handle *h, void *argument);

struct fake_ioctl {
    unsigned long request;
    fake_ioctl_fn *call;
    /* For the ready-made calls. */
    unsigned long other; /* GIVE: the request whose argument is given */
    size_t offset, size; /* GET, SET: a member of struct fake_kvm */
    int value;           /* NUMBER */
    enum {
        FAKE_ROW_CALL,
        FAKE_ROW_GET,
        FAKE_ROW_SET,
        FAKE_ROW_KEEP,
        FAKE_ROW_GIVE,
        FAKE_ROW_NUMBER
    } behaviour;
};

/* Own code. */
#define FAKE_CALL(REQUEST, function)                                                               \
    {                                                                                              \
        .request = (REQUEST), .call = (function)                                                   \
    }
/* A member of struct fake_kvm, out or in. */
#define FAKE_GET(REQUEST, member)                                                                  \
    {                                                                                              \
        .request = (REQUEST), .behaviour = FAKE_ROW_GET,                                           \
        .offset = offsetof(struct fake_kvm, member),                                               \
        .size = sizeof(((struct fake_kvm *)0)->member)                                             \
    }
#define FAKE_SET(REQUEST, member)                                                                  \
    {                                                                                              \
        .request = (REQUEST), .behaviour = FAKE_ROW_SET,                                           \
        .offset = offsetof(struct fake_kvm, member),                                               \
        .size = sizeof(((struct fake_kvm *)0)->member)                                             \
    }
/* Keeps _IOC_SIZE(REQUEST) bytes of the argument with the handle; returns 0. */
#define FAKE_KEEP(REQUEST)                                                                         \
    {                                                                                              \
        .request = (REQUEST), .behaviour = FAKE_ROW_KEEP                                           \
    }
/* Gives back what KEPT kept, zeros when there is nothing yet. */
#define FAKE_GIVE(REQUEST, KEPT)                                                                   \
    {                                                                                              \
        .request = (REQUEST), .behaviour = FAKE_ROW_GIVE, .other = (KEPT)                          \
    }
/* Returns a number; the argument is a number, seen in last_int. */
#define FAKE_NUMBER(REQUEST, number)                                                               \
    {                                                                                              \
        .request = (REQUEST), .behaviour = FAKE_ROW_NUMBER, .value = (number)                      \
    }
#define FAKE_OK(REQUEST) FAKE_NUMBER(REQUEST, 0)
#define FAKE_END                                                                                   \
    {                                                                                              \
        .request = 0                                                                               \
    }

extern const struct fake_ioctl fake_system_table[];
extern const struct fake_ioctl fake_vm_table[];
extern const struct fake_ioctl fake_vcpu_table[];
extern const struct fake_ioctl fake_device_table[];

/* Shared by several kinds. */
int fake_check_extension(struct fake_kvm *f, struct fake_handle *h, void *argument);
int fake_enable_cap(struct fake_kvm *f, struct fake_handle *h, void *argument);
int fake_msrs_get(struct fake_kvm *f, struct fake_handle *h, void *argument);
int fake_cpuid_out(struct kvm_cpuid2 *out, const struct kvm_cpuid_entry2 *from, uint32_t n);
int fake_has_attr(struct fake_kvm *f, struct fake_handle *h, void *argument);
int fake_set_attr(struct fake_kvm *f, struct fake_handle *h, void *argument);
int fake_get_attr(struct fake_kvm *f, struct fake_handle *h, void *argument);
/* fake_x86.c: KVM_RUN's part, before (< 0: its result) and after the guest ran, ... */
int fake_x86_enter(struct fake_kvm *f, struct kvm_run *page);
void fake_x86_leave(struct fake_kvm *f, struct kvm_run *page);
/* ... and rows. */
fake_ioctl_fn fake_x86_get_xsave, fake_x86_get_xsave2, fake_x86_set_xsave, fake_x86_get_nested,
    fake_x86_set_nested, fake_x86_hv_cpuid, fake_x86_get_irqchip, fake_x86_irq_line_status,
    fake_x86_msr_filter, fake_x86_pmu_filter, fake_x86_encrypt_op, fake_x86_emulated_cpuid,
    fake_x86_feature_list, fake_x86_mce_cap, fake_x86_reinject;
/* fake_generic.c */
int fake_generic_enable(struct fake_kvm *f, const struct kvm_enable_cap *cap);
fake_ioctl_fn fake_get_dirty_log, fake_clear_dirty_log, fake_reset_dirty_rings, fake_get_stats_fd,
    fake_get_one_reg, fake_set_one_reg, fake_get_reg_list, fake_create_guest_memfd, fake_pre_fault;
/* For rows that need memory; free() frees. */
void *fake_alloc(size_t size);
/* Stores bytes with the handle. The lock is held by every row already. */
void fake_keep(struct fake_handle *h, unsigned long request, const void *bytes, size_t size);
struct fake_kept *fake_kept(struct fake_handle *h, unsigned long request);

#endif
