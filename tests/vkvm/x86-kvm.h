/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of test-x86-kvm share: checks, skipping by capability, and a small machine of real
 * mode on the host's KVM.
 */
#ifndef TESTS_VKVM_X86_KVM_H
#define TESTS_VKVM_X86_KVM_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/uapi.h>
#include <vkvm/vkvm.h>

#define CODE     0x1000
#define RAM_SIZE 0x10000

struct machine {
    struct vkvm_vm *vm;
    struct vkvm_vcpu *vcpu;
    uint8_t *ram;
};

enum chips { NO_CHIPS, SPLIT_CHIPS, FULL_CHIPS };

extern struct vkvm *kvm;
extern const char *skip_reason; /* set by a test that cannot run here */
extern int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: failed: %s\n", __func__, __LINE__, #condition);                         \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)
#define CHECK_EQ(call, expected)                                                                   \
    do {                                                                                           \
        long long is_ = (long long)(call), want_ = (long long)(expected);                          \
        if (is_ != want_) {                                                                        \
            printf("%s:%d: %s is %lld, not %lld\n", __func__, __LINE__, #call, is_, want_);        \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

/* True: the test is skipped; the reason is set. `m` may be NULL. */
bool lacks(struct machine *m, uint32_t cap);
/* A VM, before its vCPU. */
void machine_init(struct machine *m, enum chips chips);
void machine_add_vcpu(struct machine *m, const uint8_t *code, size_t size);
void machine_new(struct machine *m, enum chips chips, const uint8_t *code, size_t size);
void machine_fini(struct machine *m);
/* Runs to an exit of that kind. */
void run_to(struct machine *m, uint32_t kind, struct vkvm_exit *e);

static const uint8_t hlt[] = { 0xf4 };

/* --- tests, by file --- */
/* test-x86-kvm-policy.c */
void policy(void);
void pmu_filter(void);
void msr_exits(void);
void debugging(void);
/* test-x86-kvm-page.c */
void compare_with_plain_ioctls(void);
void registers_without_ioctls(void);

#endif
