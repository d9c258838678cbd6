/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the suites of test-x86 share: a vCPU on the fake, and a log of the requests it got.
 */
#ifndef TESTS_VKVM_X86_H
#define TESTS_VKVM_X86_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_kvm.h"

extern struct fake_kvm x86_fake;
extern struct vkvm *x86_kvm;
extern struct vkvm_vm *x86_vm;
extern struct vkvm_vcpu *x86_vcpu;

/* Fixture. */
void x86_setup(void);
void x86_teardown(void);
/* How many ioctls there were since x86_log_clear(), and how many of one request. */
int x86_log_total(void);
int x86_log_count(unsigned long request);
/* The nth request, counted from 0. */
unsigned long x86_log_at(int n);
void x86_log_clear(void);
/* A new VM and vCPU on a fake, without the fixture; for walks. */
int x86_open(struct fake_kvm *fake, struct vkvm **kvm, struct vkvm_vm **vm,
             struct vkvm_vcpu **vcpu);
/* White box: what the library takes for the size of the host's XSAVE area. */
void x86_vcpu_set_xsave_bound(struct vkvm_vcpu *vcpu, size_t bound);

/* Registers through the run page (test-x86-sync.c). */
#define X86_SYNC_ALL (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)
/* Fixture: as x86_setup(), and the kernel offers all groups. */
void x86_sync_setup(void);
/* Runs to an exit that has changed every group, or to that error. */
void x86_sync_run(int result);
/* Reads and compares with what the fake has. */
void x86_sync_check(void);
/* Gets to a state where all groups are known to come through the page. */
void x86_sync_warm_up(void);

Suite *x86_sync_suite(void);
Suite *x86_order_suite(void);
Suite *x86_calls_suite(void);
Suite *x86_containers_suite(void);
Suite *x86_debug_suite(void);

#endif
