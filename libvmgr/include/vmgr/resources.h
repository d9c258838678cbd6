/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of the host a domain may use: scheduling, memory, block I/O, NUMA nodes, CPUs.
 *
 * Flags say which definition is meant, as in device.h: VMGR_DOMAIN_AFFECT_*. Unless a function says
 * otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1. Errors also: VMGR_ERR_INVALID_ARG
 * (a parameter or a target that is not there, a value out of range), VMGR_ERR_OPERATION_INVALID
 * (LIVE of an inactive, CONFIG of a transient domain; the host has no usable control group),
 * VMGR_ERR_OPERATION_UNSUPPORTED (what the driver cannot give, by name), and those of domain.h.
 */
#ifndef VMGR_RESOURCES_H
#define VMGR_RESOURCES_H

#include <vmgr/stats.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Groups of parameters. */
enum vmgr_resource {
    /* "cpu_shares", "vcpu_period", "vcpu_quota" (microseconds), the same of "emulator_", "global_",
     * "iothread_" */
    VMGR_RESOURCE_SCHEDULER = 0,
    VMGR_RESOURCE_MEMORY = 1, /* "hard_limit", "soft_limit", "swap_hard_limit": KiB */
    VMGR_RESOURCE_BLKIO = 2,  /* "weight"; "device_weight" ...: "/dev/sda,500,/dev/sdb,200" */
    VMGR_RESOURCE_NUMA = 3,   /* "numa_mode", "numa_nodeset" */
    VMGR_RESOURCE_DISK = 4,   /* of one disk: "total_bytes_sec", "read_iops_sec" ... "group_name" */
    VMGR_RESOURCE_IOTHREAD = 5, /* of one IOThread, by its number; can only be set */
};
/** A limit of memory that is none. KiB. */
#define VMGR_MEMORY_UNLIMITED 9007199254740991ll

/**
 * vmgr_domain_get_resources() - parameters of a domain
 * @resource: enum vmgr_resource
 * @target: of VMGR_RESOURCE_DISK a disk by target or path, else NULL
 * @ret_params: for vmgr_stats_free(); signed numbers have type VMGR_STAT_LLONG
 *
 * Returns how many, or -1 and *err.
 */
int vmgr_domain_get_resources(struct vmgr_domain *domain, int resource, const char *target,
                              uint32_t flags, struct vmgr_stat **ret_params,
                              struct vmgr_error **err);
/**
 * vmgr_domain_set_resources() - changes some of them
 * @params: ends with a NULL name; borrowed. What it does not name stays; of a disk limits that are
 *          named make those of the same kind 0 that are not
 */
int vmgr_domain_set_resources(struct vmgr_domain *domain, int resource, const char *target,
                              const struct vmgr_stat *params, uint32_t flags,
                              struct vmgr_error **err);

/** What runs on host CPUs. */
enum vmgr_pin_kind {
    VMGR_PIN_VCPU = 0,
    VMGR_PIN_EMULATOR = 1,
    VMGR_PIN_IOTHREAD = 2,
};

/** struct vmgr_pin - where a vCPU, the emulator or an IOThread may run: CPU n is bit n % 8 of
 * @cpus[n / 8] */
struct vmgr_pin {
    uint32_t id; /* of the vCPU or IOThread; 0: the emulator */
    uint32_t size;
    const uint8_t *cpus;
};

/**
 * vmgr_domain_get_pins() - where they may run
 * @kind: enum vmgr_pin_kind. @ret_pins: for vmgr_pins_free()
 *
 * What is not pinned may run on all CPUs. Returns how many, or -1 and *err.
 */
int vmgr_domain_get_pins(struct vmgr_domain *domain, int kind, uint32_t flags,
                         struct vmgr_pin **ret_pins, struct vmgr_error **err);
/** Frees a list of vmgr_domain_get_pins(), whose length is @count. NULL is fine. Returns NULL.
 * Since 0.1 */
struct vmgr_pin *vmgr_pins_free(struct vmgr_pin *pins, size_t count);
/** vmgr_domain_set_pin() - lets one run on some CPUs only. @cpus: as in struct vmgr_pin */
int vmgr_domain_set_pin(struct vmgr_domain *domain, int kind, uint32_t id, const uint8_t *cpus,
                        size_t size, uint32_t flags, struct vmgr_error **err);

/** struct vmgr_vcpu_info - a vCPU of a domain that runs */
struct vmgr_vcpu_info {
    uint32_t number;
    int32_t state; /* 0 offline, 1 running, 2 blocked */
    uint64_t cpu_time_ns;
    int32_t cpu; /* of the host, on which it ran last; -1: unknown */
    uint32_t reserved;
};
/**
 * vmgr_domain_get_vcpu_info() - its vCPUs
 * @ret_info: for free(). Returns how many, or -1 and *err.
 */
int vmgr_domain_get_vcpu_info(struct vmgr_domain *domain, struct vmgr_vcpu_info **ret_info,
                              struct vmgr_error **err);
/**
 * vmgr_domain_get_cpu_stats() - what the domain used of the host's CPUs
 * @cpu: one of them: "cpu_time"; -1: all: "cpu_time", "user_time", "system_time", ns
 * @ret_stats: for vmgr_stats_free()
 *
 * Figures of single CPUs need control groups of version 1. Returns how many, or -1 and *err.
 */
int vmgr_domain_get_cpu_stats(struct vmgr_domain *domain, int cpu, struct vmgr_stat **ret_stats,
                              struct vmgr_error **err);
/** vmgr_domain_set_iothread() - adds an IOThread, or removes it (@there 0). */
int vmgr_domain_set_iothread(struct vmgr_domain *domain, uint32_t id, int there, uint32_t flags,
                             struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
