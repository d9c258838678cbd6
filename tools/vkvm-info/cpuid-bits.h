/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of CPUID bits, as Linux writes them where it has one.
 */
#ifndef VKVM_INFO_CPUID_BITS_H
#define VKVM_INFO_CPUID_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feature_place {
    uint32_t function, index;
    uint32_t reg; /* 0 EAX, 1 EBX, 2 ECX, 3 EDX */
    uint32_t bit;
};

/* Is this register a set of named bits? */
bool features_known(uint32_t function, uint32_t index, uint32_t reg);
/* The name of a bit into ret ("bit7" where there is none). */
void features_name(uint32_t function, uint32_t index, uint32_t reg, uint32_t bit, char *ret,
                   size_t size);
/* Where a name is. */
bool features_find(const char *name, struct feature_place *ret);
/* Bits that KVM computes from the state of the vCPU, so that no mask can mean anything. */
uint32_t features_dynamic(uint32_t function, uint32_t index, uint32_t reg);
const char *features_reg_name(uint32_t reg);

#endif
