/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small program on libvkvm, for recording and replaying: it makes one of everything, runs two
 * vCPUs one after the other and answers their exits.
 */
#ifndef TESTS_VKVM_SESSION_H
#define TESTS_VKVM_SESSION_H

#include <vkvm/vkvm.h>

#include "fake_kvm.h"

/* What the program does differently this time: each makes one divergence. */
struct session_change {
    const char *path;  /* NULL: /dev/kvm */
    uint64_t rip;      /* added to the value given to KVM_SET_REGS */
    uint32_t cap;      /* added to the capability asked for */
    uint8_t answer;    /* added to the answer to port input */
    bool without_regs; /* KVM_SET_REGS is not called */
    bool with_nmi;     /* KVM_NMI is called besides */
    bool again;        /* the first vCPU is run once more */
    bool little_room;  /* KVM_GET_SUPPORTED_CPUID with too little room */
};

struct session_result {
    int error;          /* first error of a call; 0 */
    uint32_t exits[16]; /* enum vkvm_exit_kind */
    unsigned exit_count;
    uint8_t output[64]; /* bytes of port and memory output */
    unsigned output_size;
    uint64_t sum; /* over everything the calls returned */
};

/* The fake's part: the script and the capabilities. */
void session_prepare(struct fake_kvm *fake);
void session_run(const struct vkvm_syscalls *sys, const struct session_change *change,
                 struct session_result *ret);

#endif
