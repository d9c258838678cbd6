/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtual machines: configuration, life cycle, events.
 *
 * Life:  vemu_vm_new -> vemu_vm_add_chardev, vemu_vm_add_device ... -> vemu_vm_realize
 *        -> vemu_vm_start -> pause / resume / reset / powerdown ... -> vemu_vm_stop
 *        -> vemu_vm_unref
 *
 * Every call is thread-safe. The VM runs a loop thread and one thread a vCPU of its own; a program
 * with nothing else to do lends it the thread instead (VEMU_VM_CALLER_LOOP).
 */
#ifndef VEMU_VM_H
#define VEMU_VM_H

#include <stddef.h>
#include <stdint.h>

#include <vemu/error.h>
#include <vemu/event.h>
#include <vemu/log.h>
#include <vemu/property.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vemu_vm;

/** What the guest's wish to reboot or power off leads to. */
#define VEMU_VM_NO_REBOOT (1u << 0)   /* a guest reset ends the machine */
#define VEMU_VM_NO_SHUTDOWN (1u << 1) /* a guest power-off pauses the machine */
/** No loop thread is started: the thread that calls vemu_vm_new() does its work, all of it inside
 * vemu_vm_serve(), vemu_vm_wait() and its other calls, which take effect without a hand-over. Calls
 * from other threads wait until it does. That thread keeps a reference, ignores or blocks SIGPIPE,
 * and stops the machine. Since 0.1 */
#define VEMU_VM_CALLER_LOOP (1u << 2)
/** What the application means to do when the guest panics: nothing, so that somebody can look at
 * it. The machine stops its vCPUs either way; the flag is kept here for QMP's set-action. Since
 * 0.1 */
#define VEMU_VM_PANIC_PAUSE (1u << 3)
/** Guest memory is locked in the host's memory; it is there from the start. Since 0.1 */
#define VEMU_VM_MEMORY_LOCK (1u << 8)
/** Guest memory is there from the start. Since 0.1 */
#define VEMU_VM_MEMORY_PREALLOC (1u << 9)

/**
 * struct vemu_vm_config - what vemu_vm_new() needs to know
 * @size: sizeof(struct vemu_vm_config), set by VEMU_VM_CONFIG_INIT
 * @flags: VEMU_VM_*
 * @name: shown to people; NULL: "vemu"
 * @uuid: "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" or NULL
 * @machine: "microvm"; options may follow: "microvm,pit=off"; NULL: "microvm"
 * @accel: "kvm", "soft" or "auto" (NULL); behind "kvm", ",record=FILE" writes what is asked of KVM
 * to a file, ",replay=FILE" runs against such a file (",strict=off": also when something differs);
 * a comma in FILE is doubled
 * @cpu: CPU model; NULL: "max", all the accelerator offers. "x86-64-v2,+pcid,-smap,enforce": a
 * model ("max", "host", "base", "qemu64", "x86-64-v1", "x86-64-v2", "x86-64-v3") with features by
 * their usual names, also FEATURE=on or =off; with "enforce" vemu_vm_realize() fails (ENOTSUP) when
 * the accelerator lacks one of them, else a warning is logged, unless "check=off" is given
 * @memory_bytes: guest memory, a multiple of 4096; 0: 128 MiB
 * @vcpus: 1..; 0: all of @sockets, @cores and so on, if only they are given, else 1
 * @kernel: path of a Linux bzImage, an ELF vmlinux (PVH or 64-bit), or a multiboot image; with UEFI
 * firmware, which starts it then, a bzImage; NULL: none
 * @initrd, @cmdline: for the kernel; NULL: none
 * @log, @log_data: where lines go; NULL: nowhere
 * @max_vcpus: how many there can be once more are plugged in; 0: @vcpus
 * @memory_slots: for memory modules (pc-dimm) that can be plugged in; needs @max_memory_bytes
 * @max_memory_bytes: how much memory there can be with what is plugged in; 0: @memory_bytes
 * @memory_backend: name of an object (vemu_vm_add_object()) of @memory_bytes that is the guest's
 * memory; NULL: memory of the library's own
 * @watchdog_action: what a watchdog does: reset (NULL), shutdown, poweroff, pause, debug, none,
 * inject-nmi
 * @sockets, @dies, @cores, @threads: how many of each there are in one of the next; 0: what follows
 * from @max_vcpus (or @vcpus) and the others, cores before sockets. Their product is @max_vcpus.
 *
 * Strings are copied. Fields are only ever added at the end.
 */
struct vemu_vm_config {
    uint32_t size;
    uint32_t flags;
    const char *name;
    const char *uuid;
    const char *machine;
    const char *accel;
    const char *cpu;
    uint64_t memory_bytes;
    uint32_t vcpus;
    uint32_t reserved;
    const char *kernel;
    const char *initrd;
    const char *cmdline;
    vemu_log_fn log;
    void *log_data;
    uint32_t max_vcpus;
    uint32_t memory_slots;
    uint64_t max_memory_bytes;
    const char *memory_backend;
    const char *watchdog_action;
    uint32_t sockets, dies, cores, threads;
};
#define VEMU_VM_CONFIG_INIT { .size = sizeof(struct vemu_vm_config) }

/** Life-cycle state. Legal transitions stand in docs/lifecycle.md. */
enum vemu_vm_state {
    VEMU_VM_CREATED = 0,  /* devices are being added */
    VEMU_VM_PRELAUNCH = 1, /* realized, not started */
    VEMU_VM_RUNNING = 2,
    VEMU_VM_PAUSED = 3,
    VEMU_VM_SHUTDOWN = 4, /* the guest is off; with VEMU_VM_NO_SHUTDOWN it can be reset */
    VEMU_VM_PANICKED = 5, /* the guest kernel reported a panic; vCPUs stopped */
    VEMU_VM_ERROR = 6,    /* internal error; vCPUs stopped */
    VEMU_VM_STOPPED = 7,  /* after vemu_vm_stop(): threads joined */
    VEMU_VM_SUSPENDED = 8, /* the guest sleeps (ACPI S3) until something wakes the machine */
};

/**
 * vemu_vm_new() - makes a virtual machine in state CREATED
 * Errors: EINVAL (bad configuration: the message names the field), ENOMEM, ENOENT/EACCES (kernel or
 * initrd cannot be read), ENOTSUP (accelerator not usable here). Context: any. Since 0.1
 */
int vemu_vm_new(const struct vemu_vm_config *config, struct vemu_vm **ret_vm,
                struct vemu_error **err);
struct vemu_vm *vemu_vm_ref(struct vemu_vm *vm);
/** Drops a reference; the last one frees. A VM that still runs is stopped first. Returns NULL. */
struct vemu_vm *vemu_vm_unref(struct vemu_vm *vm);

/**
 * vemu_vm_add_device() - adds a device by class name, for example "isa-serial"
 * @id: unique name or NULL
 * Once the machine is realized only devices on a bus that takes them (a pcie-root-port) can be
 * added; the guest is told.
 * Errors: EINVAL (unknown class, property or value; the bus does not take it now), EEXIST (id
 * taken), EBUSY (the machine is realized and the class cannot be plugged in).
 */
int vemu_vm_add_device(struct vemu_vm *vm, const char *class_name, const char *id,
                       const struct vemu_property *props, size_t prop_count,
                       struct vemu_error **err);
/** Bytes of a file of vemu_vm_add_fw_cfg(), and how many there can be. Since 0.1 */
#define VEMU_FW_CFG_DATA_MAX   (64u << 20)
#define VEMU_FW_CFG_USER_FILES 32u
/**
 * vemu_vm_add_fw_cfg() - gives the guest a file by fw_cfg
 * @name: "opt/ORGANIZATION/NAME", at most 55 printable bytes
 * @data, @size: what is in it; copied
 *
 * Errors: EINVAL (name), EEXIST, E2BIG (more than VEMU_FW_CFG_DATA_MAX), ENOSPC (more than
 * VEMU_FW_CFG_USER_FILES), ENOTSUP (the machine has none), EBUSY (it is realized). Context: any.
 * Source: QEMU's fw_cfg interface, docs/specs/fw_cfg. Since 0.1
 */
int vemu_vm_add_fw_cfg(struct vemu_vm *vm, const char *name, const void *data, size_t size,
                       struct vemu_error **err);
/**
 * vemu_vm_remove_device() - asks the guest to let go of a device
 * Returns when the guest has been asked; VEMU_EVENT_DEVICE_DELETED comes when the device is gone.
 * Errors: ENOENT (no such device), ENOTSUP (it cannot be unplugged), EBUSY (not realized; the guest
 * is at work on the slot), EALREADY (it was asked less than five seconds ago). Context: any. Since
 * 0.1
 */
int vemu_vm_remove_device(struct vemu_vm *vm, const char *id, struct vemu_error **err);
/**
 * vemu_vm_pull_device() - takes a device out without asking the guest (surprise removal)
 * VEMU_EVENT_DEVICE_DELETED comes when the device is gone, soon.
 * Errors: ENOENT, ENOTSUP, EBUSY (not realized). Context: any. Since 0.1
 */
int vemu_vm_pull_device(struct vemu_vm *vm, const char *id, struct vemu_error **err);
/** vemu_vm_add_chardev() - adds a character back-end by class: null, stdio, file, pty, socket, ring
 * (<vemu/registry.h> lists them and their properties). Errors: as vemu_vm_add_device(), and what
 * opening it gives. A socket server with wait=on returns when the first client is there. */
int vemu_vm_add_chardev(struct vemu_vm *vm, const char *class_name, const char *id,
                        const struct vemu_property *props, size_t prop_count,
                        struct vemu_error **err);
/** vemu_vm_remove_chardev() - closes a character back-end that nobody uses any more; no other call
 * with its id may be under way. Errors: ENOENT (no such chardev), EBUSY (a device or monitor uses
 * it). Context: any. Since 0.1 */
int vemu_vm_remove_chardev(struct vemu_vm *vm, const char *id, struct vemu_error **err);
/** Offers a QMP monitor on a chardev. Errors: ENOENT (no such chardev), EBUSY (chardev in use). */
int vemu_vm_add_monitor(struct vemu_vm *vm, const char *chardev_id, struct vemu_error **err);
/**
 * vemu_vm_add_monitor_server() - offers QMP monitors on a Unix socket, to several clients at a time
 * @id: names it; the clients' chardevs are ID-1, ID-2, ...
 * @path: of the socket, which is made and, in the end, removed
 * @clients: how many at most, 1 to 64; further ones wait until one leaves
 *
 * Each client has a session of its own: what it is told, and what it named (getfd), is its own;
 * events come to all. Errors: EINVAL (@clients, no @id or @path), EBUSY (the machine is being
 * stopped), and those of bind(2). Context: any. Since 0.1
 */
int vemu_vm_add_monitor_server(struct vemu_vm *vm, const char *id, const char *path,
                               uint32_t clients, struct vemu_error **err);

/**
 * vemu_vm_add_gdbserver() - lets GDB debug the guest over a chardev
 * Whoever can reach the chardev controls the guest. One per machine; see docs/gdb.md.
 * Errors: ENOENT (no such chardev), EBUSY (chardev in use, the machine has one already, is not
 * realized or is being stopped), ENOTSUP (the accelerator cannot). Context: any. Since 0.1
 */
int vemu_vm_add_gdbserver(struct vemu_vm *vm, const char *chardev_id, struct vemu_error **err);

/** CREATED -> PRELAUNCH: loads the kernel, realizes devices, creates vCPUs. */
int vemu_vm_realize(struct vemu_vm *vm, struct vemu_error **err);
/** PRELAUNCH -> RUNNING. */
int vemu_vm_start(struct vemu_vm *vm, struct vemu_error **err);
/** RUNNING -> PAUSED; returns when no vCPU runs. */
int vemu_vm_pause(struct vemu_vm *vm, struct vemu_error **err);
/** PAUSED -> RUNNING. */
int vemu_vm_resume(struct vemu_vm *vm, struct vemu_error **err);
/** Resets the machine; state stays RUNNING or PAUSED, one that sleeps wakes. */
int vemu_vm_reset(struct vemu_vm *vm, struct vemu_error **err);
/** Presses the power button; a machine that sleeps wakes. ENOTSUP when the machine has none. */
int vemu_vm_powerdown(struct vemu_vm *vm, struct vemu_error **err);
/** vemu_vm_wakeup() - SUSPENDED -> RUNNING: wakes a machine whose guest sleeps
 * Errors: ENOTSUP (the machine cannot sleep), EINVAL (it does not). Context: any. Since 0.1 */
int vemu_vm_wakeup(struct vemu_vm *vm, struct vemu_error **err);
/** Any state -> STOPPED: vCPUs and loop end, devices are unrealized. Fine when STOPPED already.
 * EDEADLK from a callback of this VM. */
int vemu_vm_stop(struct vemu_vm *vm, struct vemu_error **err);

/** vemu_vm_get_flags() - the flags as they are now
 * Context: any. Since 0.1 */
uint32_t vemu_vm_get_flags(struct vemu_vm *vm);
/** vemu_vm_set_flags() - changes those of `flags` that `mask` names
 * VEMU_VM_NO_REBOOT, VEMU_VM_NO_SHUTDOWN and VEMU_VM_PANIC_PAUSE can be changed at any time.
 * Errors: EINVAL (another bit). Context: any. Since 0.1 */
int vemu_vm_set_flags(struct vemu_vm *vm, uint32_t mask, uint32_t flags, struct vemu_error **err);
/** enum vemu_vm_state. */
int vemu_vm_get_state(struct vemu_vm *vm);
/** Waits until the state is one of `mask` (bits 1u << enum vemu_vm_state). `timeout_ms` < 0: for
 * ever. Returns the state, or -ETIMEDOUT. Not from a callback of this VM (-EDEADLK). */
int vemu_vm_wait(struct vemu_vm *vm, uint32_t mask, int timeout_ms);
/** Why the VM is in SHUTDOWN (enum vemu_cause), and the debug-exit value (cause DEBUG_EXIT). */
int vemu_vm_get_cause(struct vemu_vm *vm, uint32_t *ret_code);
/** The accelerator chosen ("kvm", "soft") and one sentence why; borrowed from the VM. */
const char *vemu_vm_get_accel(struct vemu_vm *vm, const char **ret_reason);

/** Sets the event callback (NULL: none). free(data) runs once, when replaced or the VM is freed. */
int vemu_vm_set_event_handler(struct vemu_vm *vm, vemu_event_fn fn, void *data,
                              void (*free_fn)(void *data));
/** A descriptor that polls readable while events wait; borrowed. Turns event queueing on (at most
 * 1024 events; the oldest go first). -errno on failure. */
int vemu_vm_get_event_fd(struct vemu_vm *vm);
/** With VEMU_VM_CALLER_LOOP: does the machine's work until an event waits (1; needs
 * vemu_vm_get_event_fd() once), `fd` polls readable (0; -1: none) or `timeout_ms` passed
 * (-ETIMEDOUT;
 * < 0: never). -ESHUTDOWN: the machine was stopped; -EINVAL: the thread was not lent; -EDEADLK:
 * from a callback. Context: the thread that called vemu_vm_new(). Since 0.1 */
int vemu_vm_serve(struct vemu_vm *vm, int fd, int timeout_ms);
/** Takes the next queued event: 1 and *ret filled, or 0 when there is none. */
int vemu_vm_next_event(struct vemu_vm *vm, struct vemu_event *ret);

/** Copies guest-physical memory. -EFAULT when the range is not all RAM. */
int vemu_vm_read_memory(struct vemu_vm *vm, uint64_t gpa, void *buf, size_t size);
int vemu_vm_write_memory(struct vemu_vm *vm, uint64_t gpa, const void *buf, size_t size);

/** "0.1.0" */
const char *vemu_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
