/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An accelerator without a CPU, a machine without a chipset and a device without a purpose: what
 * tests of the core run. Each vCPU plays a script of accesses and exits.
 */
#ifndef TESTS_VEMU_FAKE_ACCEL_H
#define TESTS_VEMU_FAKE_ACCEL_H

#include "core/vm.h"

enum fake_op {
    FAKE_END,   /* idle until kicked, again and again */
    FAKE_OUT,   /* address, size, value */
    FAKE_IN,    /* address, size -> result */
    FAKE_WRITE, /* to memory */
    FAKE_READ,
    FAKE_EXIT,  /* vcpu_run() returns exit */
    FAKE_FAIL,  /* vcpu_run() returns -(int)value */
    FAKE_CALL,  /* fn(vm) on the vCPU thread */
    FAKE_SPIN,  /* repeats the step before until kicked */
};

struct fake_step {
    enum fake_op op;
    uint64_t address;
    unsigned size;
    uint64_t value;
    struct vemu_exit exit;
    void (*fn)(struct vemu_vm *vm);
    uint64_t result;
};

#define FAKE_VCPUS 4
#define FAKE_LINES 24

/* What the VMs of a test made from now on shall do, and what happened. Tests run in forked
 * processes. */
struct fake {
    struct fake_step *scripts[FAKE_VCPUS]; /* FAKE_END-terminated, NULL: idle */
    int fail_vm_create, fail_vcpu_create, fail_mem_slot, fail_init, fail_load; /* errno */
    int fail_cpuid;
    uint32_t lint1[FAKE_VCPUS]; /* of the local APICs' vector tables */
    bool cpuid_needs_vm, can_sleep;
    int fail_wake; /* errno */
    _Atomic int64_t alarm_ns; /* in which a test-device wakes the machine; 0: never */
    uint64_t ram; /* bytes at 0; 0: config */
    /* what happened */
    atomic_uint vms, vcpus, runs, kicks, resets, loads, boots, inits, finis, nmis, wakes;
    atomic_int woken_by; /* enum vemu_wake, as a test-device was told; -1: it was not */
    atomic_int paused; /* last vm_paused(), -1: none */
    atomic_uint slots;
    uint64_t written_gpa, written_size; /* last ram_written() */
    struct vemu_cpuid cpuid[FAKE_VCPUS];
    _Atomic uint64_t rip[FAKE_VCPUS];
    /* what a debugger asked for: as set_debug() had it last */
    bool step[FAKE_VCPUS];
    uint32_t points[FAKE_VCPUS], points_max; /* points_max: more are -ENOSPC; 0: any number */
    bool int3;
    uint8_t at_1000; /* the byte there when a vCPU began to run last */
    char thread_name[FAKE_VCPUS][16];
    /* the board's interrupt lines */
    atomic_bool level[FAKE_LINES];
    atomic_uint edges[FAKE_LINES];
};
extern struct fake fake;

extern const struct vemu_accel_ops fake_accel;
extern const struct vemu_machine_class fake_machine; /* RAM, ROM at 0xf0000, lines */

/* "test-device": registers in both spaces that remember accesses. */
#define FAKE_LOG 64
struct fake_device {
    struct vemu_device dev;
    bool flag;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64, length;
    char *text;
    struct vemu_chardev *chardev;
    uint16_t iobase;
    uint64_t mmio; /* 0: none */
    uint8_t min, max;
    bool unaligned;
    uint8_t irq_number;
    bool fail;
    /* set by realize */
    struct vemu_region_ops ops;
    struct vemu_irq *irq;
    struct vemu_timer *timer;
    /* what happened; under dev.lock, or when nothing runs */
    unsigned accesses;
    struct {
        bool write;
        uint64_t offset, value;
        unsigned size;
    } log[FAKE_LOG];
    uint64_t next_read;
    unsigned realizes, resets, pauses, resumes, unrealizes, fires, powerdowns;
    int64_t fired_at;
    /* chardev front end */
    size_t room;
    GString *input;
    unsigned opens, closes, breaks, writables;
    void (*on_timer)(struct fake_device *device);
};
extern const struct vemu_device_class fake_device_class;
extern const struct vemu_device_class *const fake_device_classes[];

/* A VM on the fakes; fails the test on error. config NULL: default. */
struct vemu_vm *fake_vm(const struct vemu_vm_config *config);
int fake_vm_try(const struct vemu_vm_config *config, struct vemu_vm **ret, struct vemu_error **err);
/* Adds a test-device; props: "name", "value", ..., NULL. */
struct fake_device *fake_add_device(struct vemu_vm *vm, const char *id, ...)
    __attribute__((sentinel));
/* A field of the device that the loop changes. */
#define fake_field(device, field)                                                                  \
    ({                                                                                             \
        typeof((device)->field) value_;                                                            \
        pthread_mutex_lock(&(device)->dev.lock);                                                   \
        value_ = (device)->field;                                                                  \
        pthread_mutex_unlock(&(device)->dev.lock);                                                 \
        value_;                                                                                    \
    })
struct fake_device *fake_find_device(struct vemu_vm *vm, const char *id);
int fake_add_chardev(struct vemu_vm *vm, struct vemu_error **err, const char *class_name,
                     const char *id, ...) __attribute__((sentinel));
/* Fails the test with the message. */
void fake_ok(int result, struct vemu_error *err);
/* Waits up to 5 s for a condition. */
#define fake_until(condition)                                                                      \
    do {                                                                                           \
        int fake_tries_ = 0;                                                                       \
        while (!(condition) && fake_tries_++ < 5000)                                               \
            g_usleep(1000);                                                                        \
        ck_assert_msg(condition, "timed out: %s", #condition);                                     \
    } while (0)
/* Everything posted to the loop before is done. */
void fake_sync(struct vemu_vm *vm);

#endif
