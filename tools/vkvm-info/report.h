/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What vkvm-info finds out, gathered once and written twice: as text and as JSON.
 *
 * Order of use: report_collect() opens the device (device.h), reads the host's files (host.h), asks
 * for every capability (caps.h), makes one small VM for the rest (probe.h, cpuid.h, stats.h) and
 * reads MSRs (msrs.h). A step that fails leaves its `known` false and a line in `problems`; the
 * others go on, so that an odd host is described as far as it goes.
 */
#ifndef VKVM_INFO_REPORT_H
#define VKVM_INFO_REPORT_H

#include "caps.h"
#include "cpuid.h"
#include "device.h"
#include "host.h"
#include "msrs.h"
#include "probe.h"
#include "stats.h"

#define MAX_PROBLEMS 8

/* Exit statuses, as in the manual page. */
enum {
    STATUS_OK = 0,
    STATUS_MISSING = 1,    /* --require: something is not there */
    STATUS_USAGE = 2,      /* the command line */
    STATUS_NO_DEVICE = 3,  /* no /dev/kvm, or nothing behind it */
    STATUS_DENIED = 4,     /* it may not be opened */
    STATUS_NOT_KVM = 5,    /* not a KVM device, or an API version that is not 12 */
    STATUS_KVM_FAILED = 6, /* KVM refused a call that the report needs */
};

/* Parts of a report that can be asked for. */
enum {
    SECTION_SUMMARY = 1u << 0,
    SECTION_CAPS = 1u << 1,
    SECTION_CPUID = 1u << 2,
    SECTION_MSRS = 1u << 3,
    SECTION_STATS = 1u << 4,
    SECTION_ALL = 0x1f,
    /* With the others: run nothing. What is done would depend on time, so recordings cannot. */
    SECTION_NO_PROBE = 1u << 5,
};

struct report {
    uint32_t sections;
    struct host host;
    struct device device;
    struct caps caps;
    int vcpu_mmap_size;
    bool vfio; /* KVM_DEV_TYPE_VFIO can be made */
    struct probe probe;
    struct cpuid_report cpuid;
    struct msr_report msrs;
    struct stats_report stats;
    char problems[MAX_PROBLEMS][160];
    uint32_t problem_count;
};

/* Gathers everything `sections` need. sys NULL: the real system calls; path NULL: /dev/kvm; root:
 * "" or a folder that stands for / when host facts are read, NULL: there are none (of another
 * host). Returns an exit status; report_free() in any case. */
int report_collect(const struct vkvm_syscalls *sys, const char *path, const char *root,
                   uint32_t sections, struct report *ret);
void report_free(struct report *report);
/* Notes what went wrong; the first MAX_PROBLEMS are kept. */
void report_problem(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
