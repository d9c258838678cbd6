/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics KVM keeps of a VM or vCPU: named values with units [4.133], Linux 5.14.
 *
 * What there is, the kernel describes itself: a descriptor a statistic, read once when opened; the
 * values are read again by each vkvm_stats_read(). A value in its unit is
 *
 *     value * base ^ exponent         nanoseconds: unit seconds, base 10, exponent -9
 *
 * The description is checked as if it came from an enemy: it may come from a recording.
 */
#ifndef VKVM_STATS_H
#define VKVM_STATS_H

#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm_stats;

/** How a statistic moves. The numbers are the kernel's. */
enum vkvm_stat_type {
    VKVM_STAT_CUMULATIVE = 0,       /* only grows */
    VKVM_STAT_INSTANT = 1,          /* goes up and down */
    VKVM_STAT_PEAK = 2,             /* the highest there was */
    VKVM_STAT_LINEAR_HISTOGRAM = 3, /* value i counts [i, i + 1) * bucket_size, the last the rest */
    VKVM_STAT_LOG_HISTOGRAM = 4,    /* value 0 counts 0, i [2^(i-1), 2^i), the last the rest */
};

/** What it counts. The numbers are the kernel's. */
enum vkvm_stat_unit {
    VKVM_STAT_NONE = 0, /* events, things */
    VKVM_STAT_BYTES = 1,
    VKVM_STAT_SECONDS = 2,
    VKVM_STAT_CYCLES = 3,
    VKVM_STAT_BOOLEAN = 4,
};

/**
 * struct vkvm_stat - a statistic
 * @name: "halt_poll_success_ns". Borrowed from the struct vkvm_stats
 * @values: `count` of them, as read last; zeros before. Borrowed likewise
 * @count: 1 for all but histograms
 * @type, @unit: enum vkvm_stat_type, enum vkvm_stat_unit; a number above these is newer than this
 * @base: 10 or 2
 * @bucket_size: of a linear histogram, in the unit
 */
struct vkvm_stat {
    const char *name;
    const uint64_t *values;
    uint32_t count;
    uint32_t type;
    uint32_t unit;
    uint32_t base;
    int32_t exponent;
    uint32_t bucket_size;
};

/**
 * vkvm_vm_open_stats(), vkvm_vcpu_open_stats() - KVM_GET_STATS_FD, KVM_CAP_BINARY_STATS_FD
 * @ret_stats: receives the statistics, values not read yet; close with vkvm_stats_close()
 *
 * They outlive the handle they came from, and keep the VM in the kernel. Errors: -ENOTTY: the host
 * has none; -EMFILE; -ENOMEM; -EPROTO: a description that contradicts itself; -EIO: it ends early;
 * those of pread(2). Context: any. Since 0.1
 */
int vkvm_vm_open_stats(struct vkvm_vm *vm, struct vkvm_stats **ret_stats);
int vkvm_vcpu_open_stats(struct vkvm_vcpu *vcpu, struct vkvm_stats **ret_stats);
/** The same from a descriptor somebody else got; it is owned from now on, also on failure. Since
 * 0.1 */
int vkvm_stats_from_fd(const struct vkvm_syscalls *syscalls, int fd, struct vkvm_stats **ret_stats);
/** NULL is fine. Returns NULL. Since 0.1 */
struct vkvm_stats *vkvm_stats_close(struct vkvm_stats *stats);

/** Whose they are, as the kernel says: "kvm-1234", "kvm-1234/vcpu-0". Borrowed. Since 0.1 */
const char *vkvm_stats_get_id(const struct vkvm_stats *stats);
/** How many statistics there are. Since 0.1 */
size_t vkvm_stats_count(const struct vkvm_stats *stats);
/** Statistic `index`, borrowed; NULL: there are not as many. Since 0.1 */
const struct vkvm_stat *vkvm_stats_get(const struct vkvm_stats *stats, size_t index);
/** The statistic of this name, borrowed, or NULL. Since 0.1 */
const struct vkvm_stat *vkvm_stats_find(const struct vkvm_stats *stats, const char *name);
/** Reads all values. Works while vCPUs run: each value is whole, but they are not of one moment.
 * Errors: -EIO: fewer than described; those of pread(2). Context: one thread at a time. Since
 * 0.1 */
int vkvm_stats_read(struct vkvm_stats *stats);

/** "cumulative", ... for enum vkvm_stat_type; "?" for a newer one. Since 0.1 */
const char *vkvm_stat_type_name(uint32_t type);
/** "", "bytes", "seconds", "cycles", "boolean" for enum vkvm_stat_unit; "?" otherwise. Since 0.1 */
const char *vkvm_stat_unit_name(uint32_t unit);
/** A value of it in its unit, e.g. 1500 with 10 ^ -9 seconds: 1.5e-6. Since 0.1 */
double vkvm_stat_scale(const struct vkvm_stat *stat, uint64_t value);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
