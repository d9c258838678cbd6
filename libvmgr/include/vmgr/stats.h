/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics of domains: names and numbers, in groups.
 */
#ifndef VMGR_STATS_H
#define VMGR_STATS_H

#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Groups. Numbers of the libvirt protocol; those without a line here nobody has. */
#define VMGR_STATS_STATE     (1u << 0) /* "state.state", "state.reason" */
#define VMGR_STATS_CPU_TOTAL (1u << 1) /* "cpu.time", "cpu.user", "cpu.system", ns */
#define VMGR_STATS_BALLOON   (1u << 2) /* "balloon.current" and what the guest tells, KiB */
#define VMGR_STATS_VCPU      (1u << 3) /* "vcpu.current", "vcpu.N.state", "vcpu.N.time" */
#define VMGR_STATS_INTERFACE (1u << 4) /* "net.count", "net.N.name", "net.N.rx.bytes" ... */
#define VMGR_STATS_BLOCK     (1u << 5) /* "block.count", "block.N.name", "block.N.rd.reqs" ... */
#define VMGR_STATS_IOTHREAD  (1u << 7) /* "iothread.count", "iothread.N.poll-max-ns" ... */

/* Flags. Numbers of the libvirt protocol. */
#define VMGR_STATS_NOWAIT  (1u << 29) /* leave out what only a guest knows */
#define VMGR_STATS_ENFORCE (1u << 31) /* fail for groups the driver has not */

/** Types of values. Numbers of the libvirt protocol. */
enum vmgr_stat_type {
    VMGR_STAT_INT = 1,
    VMGR_STAT_UINT = 2,
    VMGR_STAT_LLONG = 3, /* @number as int64_t */
    VMGR_STAT_ULLONG = 4,
    VMGR_STAT_BOOLEAN = 6,
    VMGR_STAT_STRING = 7,
};

/** struct vmgr_stat - one value: @number for the numbers, @text for strings */
struct vmgr_stat {
    const char *name;
    int32_t type;
    uint32_t reserved;
    uint64_t number;
    const char *text;
};

/**
 * vmgr_domain_get_stats() - statistics of a domain
 * @groups: VMGR_STATS_*, 0: all the driver has. @flags: VMGR_STATS_NOWAIT, VMGR_STATS_ENFORCE
 * @ret_stats: an array that ends with a NULL name, for vmgr_stats_free()
 *
 * What a domain at rest has not, or its guest does not tell, is left out. Returns how many, or -1
 * and *err: VMGR_ERR_ARGUMENT_UNSUPPORTED (ENFORCE), and those of domain.h. A guest that does not
 * answer within a second is left alone. Context: any. Since 0.1
 */
int vmgr_domain_get_stats(struct vmgr_domain *domain, uint32_t groups, uint32_t flags,
                          struct vmgr_stat **ret_stats, struct vmgr_error **err);
/** Frees an array of vmgr_domain_get_stats(). NULL is fine. Returns NULL. Since 0.1 */
struct vmgr_stat *vmgr_stats_free(struct vmgr_stat *stats);
/** The value of a name in such an array; NULL: it is not there. Borrowed. Since 0.1 */
const struct vmgr_stat *vmgr_stats_find(const struct vmgr_stat *stats, const char *name);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
