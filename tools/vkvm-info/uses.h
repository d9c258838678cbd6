/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a host is good for: uses, each with the capabilities it needs and those it gains from.
 */
#ifndef VKVM_INFO_USES_H
#define VKVM_INFO_USES_H

#include <stddef.h>
#include <stdint.h>

struct report;

/*
 * Terms, as in the table and in --require:
 *     NAME         a capability, with or without KVM_CAP_
 *     NAME>=N      whose value is at least N
 *     NAME&N       whose value has all bits of N
 *     cpuid:BIT    a CPUID bit a guest sees
 *     device:vfio  KVM makes devices of this type
 *     A|B          one of several
 * and by themselves: the id of a use, and "kernel-mode" (run by hardware).
 */
struct use_info {
    const char *id, *title;
    const char *needs, *wants; /* terms, separated by blanks */
    const char *shows;         /* a capability whose value is worth telling, or NULL */
};

enum use_status { USE_MISSING, USE_PARTIAL, USE_OK };

struct use_result {
    uint32_t status;
    char needs[400], wants[400]; /* those that are missing, separated by blanks */
};

const struct use_info *uses_table(size_t *ret_count);
void uses_check(const struct report *report, const struct use_info *use, struct use_result *ret);
const char *uses_status_name(uint32_t status);
/* 1: the term holds, 0: not, -ENOENT: there is no such name. */
int uses_term(const struct report *report, const char *term);

#endif
