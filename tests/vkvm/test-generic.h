/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the suites of test-generic share: a vCPU on the fake.
 */
#ifndef TESTS_VKVM_GENERIC_H
#define TESTS_VKVM_GENERIC_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_kvm.h"

#define PAGE 4096ull

extern struct fake_kvm g_fake;
extern struct vkvm *g_kvm;
extern struct vkvm_vm *g_vm;
extern struct vkvm_vcpu *g_vcpu;

/* Fixture. */
void generic_setup(void);
void generic_teardown(void);
/* The next call of this request fails. */
void fail_next(unsigned long request, int error);
/* Opens all three on a fake; for walks. Returns 0 or the first error. */
int generic_open(struct fake_kvm *fake, struct vkvm **kvm, struct vkvm_vm **vm,
                 struct vkvm_vcpu **vcpu);
void generic_close(struct vkvm *kvm, struct vkvm_vm *vm, struct vkvm_vcpu *vcpu);
/* Page-aligned memory for slots, 64 pages. */
extern uint8_t g_pages[64 * PAGE];

Suite *memory_suite(void);
Suite *dirty_suite(void);
Suite *stats_suite(void);
Suite *routes_suite(void);
Suite *calls_suite(void);

#endif
