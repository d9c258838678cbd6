/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct vemu_vm, and what the files of core/ offer to each other.
 *
 * Which thread owns what: the lists of devices and monitors, and every change of the life-cycle
 * state, belong to the loop thread. The rest names its lock. docs/locking.md has the order.
 */
#ifndef VEMU_CORE_VM_H
#define VEMU_CORE_VM_H

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>

#include "accel/accel.h"
#include "core/device.h"
#include "core/events.h"
#include "core/loop.h"
#include "core/numa.h"
#include "core/timer.h"
#include "core/trace.h"
#include "core/vcpu.h"
#include "input/input.h"
#include "machines/machine.h"
#include "mem/memory.h"

/* When things happened, in nanoseconds of CLOCK_MONOTONIC; 0: not yet. Those from `started` on are
 * of the last power-on or reset. */
struct vemu_times {
    int64_t created, realized;
    _Atomic int64_t started;    /* the first instruction */
    _Atomic int64_t codes[256]; /* progress codes, when they first came */
};

/* What the guest or the machine's inside asked for, until the loop gets to it. */
struct vemu_wishes {
    bool reset, shutdown, panic, error, debug, io_stop, sleep, wake;
    enum vemu_cause reset_cause, shutdown_cause;
    uint32_t shutdown_code, sleep_wakes;
    enum vemu_wake wake_cause;
    char *message; /* of error, or else of panic */
};
struct vemu_requests {
    pthread_mutex_t lock;
    bool posted; /* the loop has been told */
    struct vemu_wishes wishes;
};

struct vemu_vm {
    atomic_uint refs;
    struct vemu_vm_config config; /* owned strings, defaults filled in */
    const struct vemu_device_class *const *extra_classes; /* NULL, or a test's table */

    const struct vemu_accel_ops *accel;
    struct vemu_accel_vm *accel_vm; /* from realize until the VM is freed */
    struct vemu_accel_config accel_config;
    char accel_reason[256];
    struct vemu_machine *machine;
    struct vemu_memory *memory;
    struct vemu_loop *loop;
    struct vemu_timers *timers;
    struct vemu_events *events;
    struct vemu_vcpus vcpus;
    struct vemu_requests requests;
    struct vemu_inputs *inputs; /* input/input.c */
    struct vemu_trace trace;
    struct vemu_times times;

    GPtrArray *devices;      /* board order, then user devices; loop */
    GPtrArray *user_devices; /* added before realize; loop */
    GPtrArray *monitors;     /* struct vemu_monitor; loop */
    GPtrArray *monitor_servers; /* struct vemu_monitor_server; loop */
    struct vemu_dump *dump;  /* the last one; NULL: none was made; loop */
    struct vemu_gdb *gdb;    /* NULL: no debugger; set by the loop, freed when vCPUs are parked */
    GPtrArray *fw_files; /* NULL: none; machines/fw-file.c; loop */
    struct vemu_numa *numa;  /* NULL: no nodes; core/numa.c; loop */
    GArray *memory_places;   /* mem/device-memory.c; loop */
    bool board_open;         /* machine->init runs: board devices may be added; loop */

    pthread_mutex_t list_lock; /* chardevs, blocks, nets, fsdevs, displays, objects, irqs, ids */
    GPtrArray *chardevs;
    GPtrArray *blocks; /* struct vemu_block; added by the loop */
    GArray *fdsets;    /* struct vemu_fdset_fd, by set (block/fdset.c); loop */
    GPtrArray *nets;   /* struct vemu_net; changed by the loop */
    GPtrArray *fsdevs; /* struct vemu_fsdev; added by the loop */
    GPtrArray *displays; /* struct vemu_display (display/display.c); added by the loop */
    GPtrArray *objects; /* struct vemu_object; changed by the loop */
    GPtrArray *jobs;   /* struct vemu_job (jobs/job.h), oldest first; loop */
    GPtrArray *held_jobs; /* of a transaction, to be let go when it succeeds; NULL: none; loop */
    struct vemu_vm_nbd *nbd; /* nbd-server/vm.c; NULL: it does not run; loop */
    struct vemu_irq *irqs;
    unsigned next_id;

    pthread_mutex_t stop_lock; /* one stop at a time */

    pthread_mutex_t state_lock; /* written by the loop only */
    pthread_cond_t state_cond;
    atomic_int state; /* enum vemu_vm_state */
    int cause;
    uint32_t code;
    bool io_stopped; /* paused because of an error of a drive; loop */
    bool started;  /* vCPUs have run since realize; loop */
    bool powerdown_resets; /* the guest's next power-off is to be a reset; loop */
    bool stopping; /* vemu_vm_stop() is at work; loop */
    uint32_t wakes; /* SUSPENDED: VEMU_WAKE_BIT() of what wakes the machine; loop */
    struct vemu_delay *alarm; /* SUSPENDED: until the clock wakes it; NULL: it does not; loop */
    atomic_int watchdog_action; /* enum vemu_watchdog_action */
};

/* --- vm.c ------------------------------------------------------------------------------------- */
/* What vemu_vm_new() finds out by name; tests hand in their own. */
struct vemu_vm_parts {
    const struct vemu_accel_ops *accel;
    const char *accel_reason;
    const struct vemu_machine_class *machine;            /* NULL: by config->machine */
    const struct vemu_device_class *const *extra_classes; /* NULL-terminated, or NULL */
};
int vemu__vm_new(const struct vemu_vm_config *config, const struct vemu_vm_parts *parts,
                 struct vemu_vm **ret_vm, struct vemu_error **err);
struct vemu_chardev *vemu__vm_find_chardev(struct vemu_vm *vm, const char *id);
/* A name for an object nobody named: "class#N". */
char *vemu__vm_make_id(struct vemu_vm *vm, const char *class_name);
/* Runs fn(vm, data, err) on the loop thread, then hands out the events it caused. Sets *err also
 * for what keeps it from running: -EDEADLK (vCPU thread), -ESHUTDOWN. */
int vemu__vm_control(struct vemu_vm *vm, int (*fn)(struct vemu_vm *vm, void *data,
                                                   struct vemu_error **err),
                     void *data, struct vemu_error **err);

/* --- times.c ---------------------------------------------------------------------------------- */
int64_t vemu__times_now(void);
/* vCPUs are about to run: if that is the beginning, what is known of an earlier one goes. */
void vemu__times_start(struct vemu_vm *vm);
void vemu__times_reset(struct vemu_vm *vm);

/* --- config.c --------------------------------------------------------------------------------- */
/* Checks and copies; fills in defaults. `ret` is ready for vemu__config_clear() also on failure. */
int vemu__config_copy(const struct vemu_vm_config *config, struct vemu_vm_config *ret,
                      struct vemu_error **err);
void vemu__config_clear(struct vemu_vm_config *config);
/* The machine object of the class, its options set from config->machine. */
int vemu__config_machine(struct vemu_vm *vm, const struct vemu_machine_class *class_,
                         struct vemu_error **err);
/* Letters, digits, '-', '.', '_', beginning with a letter. */
int vemu__config_check_id(const char *id, struct vemu_error **err);

/* --- request.c -------------------------------------------------------------------------------- */
/* An accelerator or device gave up: state ERROR, soon. Context: any. */
void vemu__vm_request_error(struct vemu_vm *vm, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A vCPU stopped for the debugger, which knows why. Context: vcpu. */
void vemu__vm_request_debug(struct vemu_vm *vm);
/* A drive has an error about which somebody has to do something first: the machine pauses, soon, if
 * it runs. Context: any. */
void vemu__vm_request_io_stop(struct vemu_vm *vm);
/* vCPUs that were parked inside of one call run again, if the machine does. Context: loop. */
void vemu__requests_go_on(struct vemu_vm *vm);
void vemu__requests_init(struct vemu_requests *requests);
void vemu__requests_fini(struct vemu_requests *requests);

/* --- device.c --------------------------------------------------------------------------------- */
int vemu__device_new(struct vemu_vm *vm, const struct vemu_device_class *class_, const char *id,
                     const struct vemu_property *props, size_t prop_count,
                     struct vemu_device **ret, struct vemu_error **err);
/* realize, then reset. */
int vemu__device_realize(struct vemu_device *dev, struct vemu_error **err);
void vemu__device_unrealize(struct vemu_device *dev);
void vemu__device_free(struct vemu_device *dev);
enum vemu_device_phase { VEMU_DEVICE_RESET, VEMU_DEVICE_PAUSE, VEMU_DEVICE_RESUME };
void vemu__devices_call(struct vemu_vm *vm, enum vemu_device_phase phase);
/* They are told that the machine falls asleep: in how many ns one of them wakes it. */
int64_t vemu__devices_sleep(struct vemu_vm *vm);
/* Reset, when the machine wakes. */
void vemu__devices_wake(struct vemu_vm *vm, enum vemu_wake cause);
/* Number of devices that took the power button. */
unsigned vemu__devices_powerdown(struct vemu_vm *vm);
struct vemu_device *vemu__vm_find_device(struct vemu_vm *vm, const char *id);
/* The device one of whose properties names the chardev, block node or network; NULL: none does. */
struct vemu_device *vemu__vm_find_user(struct vemu_vm *vm, const void *object);

/* --- hotplug.c -------------------------------------------------------------------------------- */
/* Realizes a device while the machine is there, and makes it one of its own; frees it on failure.
 * -EINVAL when its class cannot. Context: loop. */
int vemu__device_plug(struct vemu_device *dev, struct vemu_error **err);
/* The device goes: unrealized, forgotten, freed; event DEVICE_DELETED. Soon, on the loop. Context:
 * any, also with locks held. */
void vemu__device_request_removal(struct vemu_device *dev);

/* --- chardev/chardev.c ------------------------------------------------------------------------ */
void vemu__chardevs_close(struct vemu_vm *vm); /* loop */
void vemu__chardev_close(struct vemu_chardev *chr); /* loop */
void vemu__chardev_free(struct vemu_chardev *chr);
/* Detaches the front end that attached with `lock`, if it is there. Context: loop. */
void vemu__chardev_detach_from(struct vemu_chardev *chr, pthread_mutex_t *lock);

/* --- irq.c ---------------------------------------------------------------------------------- */
void vemu__irqs_free(struct vemu_vm *vm);

#endif
