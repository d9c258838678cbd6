/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: what happens to a virtual machine, by callback or by a pollable descriptor.
 */
#ifndef VEMU_EVENT_H
#define VEMU_EVENT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum vemu_event_type {
    VEMU_EVENT_STARTED = 1,    /* vCPUs run for the first time */
    VEMU_EVENT_PAUSED = 2,     /* vCPUs stand still (pause) */
    VEMU_EVENT_RESUMED = 3,
    VEMU_EVENT_RESET = 4,      /* reset; cause says who asked */
    VEMU_EVENT_SHUTDOWN = 5,   /* the guest is off for good; cause says why */
    VEMU_EVENT_POWERDOWN = 6,  /* the power button was pressed (by vemu_vm_powerdown) */
    VEMU_EVENT_PANICKED = 7,   /* the guest kernel reported a panic */
    VEMU_EVENT_ERROR = 8,      /* an accelerator or device gave up; message says why; VM paused */
    VEMU_EVENT_DEBUG_EXIT = 9, /* the guest wrote the debug-exit port; code holds the value */
    VEMU_EVENT_DEVICE_DELETED = 10, /* an unplugged device is gone; message is its id */
    VEMU_EVENT_BALLOON_CHANGED = 11, /* at most once a second; value: bytes the guest has left */
    VEMU_EVENT_TRAY_MOVED = 16, /* of a CD-ROM drive; message is its id, value 1: open, 0: closed */
    /* The guest opened (value 1) or closed (0) a virtserialport; message is its id. A port's at
     * most once a second, the last of them always. */
    VEMU_EVENT_PORT_CHANGED = 17,
    /* The guest changed what its network card listens to; message is its id. Not again until
     * somebody asked for it (query-rx-filter). */
    VEMU_EVENT_NET_FILTER_CHANGED = 18,
    /* A block node could not do what it was asked for; message is its name, value bit 0: it was a
     * write, bit 1: the machine pauses for it, bit 2: it is ignored (else the guest is told), bits
     * 8 and on: the errno. At most once a second, unless the machine pauses. */
    VEMU_EVENT_BLOCK_ERROR = 19,
    /* A watchdog was not fed; message is what is done about it; at most once a second, unless the
     * machine pauses. */
    VEMU_EVENT_WATCHDOG = 20,
    /* The guest told what became of a CPU or memory module (ACPI _OST): message is "CPU N ID" or
     * "DIMM N ID", code the status, value the event that it is about. A slot's at most once a
     * second, the last of them always. */
    VEMU_EVENT_DEVICE_OST = 21,
    /* The guest took or gave back memory of a virtio-mem device; at most once a second. message is
     * its id, value the bytes it has now. */
    VEMU_EVENT_MEMORY_CHANGED = 22,
    /* Writing the guest's memory to a file (QMP's dump-guest-memory) ended; message says why it
     * failed, or nothing; value is how many bytes of memory were written. */
    VEMU_EVENT_DUMP_COMPLETED = 23,
    /* A job (<vemu/job.h>) has another status; message is its id, value the enum vemu_job_status.
     * The others about jobs have the message "ID KIND DONE TOTAL SPEED ERROR", numbers in bytes and
     * bytes in a second, the last of it what went wrong, or nothing. */
    VEMU_EVENT_JOB_STATUS = 24,
    VEMU_EVENT_JOB_READY = 25,
    VEMU_EVENT_JOB_COMPLETED = 26, /* it is over, well or (ERROR) not */
    VEMU_EVENT_JOB_CANCELLED = 27,
    VEMU_EVENT_JOB_ERROR = 28, /* value bit 0: a write failed; 1: it pauses; 2: it goes on */
    VEMU_EVENT_JOB_PENDING = 29,
    /* A block node was written to behind its threshold (QMP's block-set-write-threshold), which is
     * none any more; message is "THRESHOLD NAME", in bytes, value by how many bytes. */
    VEMU_EVENT_BLOCK_THRESHOLD = 30,
    /* The guest set its clock; at most once a second. message is the device's id, value (signed)
     * by how many seconds the clock is ahead of what the host gave it (its property base). */
    VEMU_EVENT_RTC_CHANGED = 31,
    VEMU_EVENT_SUSPENDED = 32, /* the guest put the machine to sleep (ACPI S3) */
    VEMU_EVENT_WOKEN = 33,     /* a machine that slept goes on */
};

enum vemu_cause {
    VEMU_CAUSE_NONE = 0,
    VEMU_CAUSE_HOST_QUIT = 1,          /* vemu_vm_stop() or QMP quit */
    VEMU_CAUSE_HOST_RESET = 2,         /* vemu_vm_reset() */
    VEMU_CAUSE_GUEST_SHUTDOWN = 3,     /* ACPI S5 or the like */
    VEMU_CAUSE_GUEST_RESET = 4,        /* keyboard controller, port 0xcf9, ACPI reset */
    VEMU_CAUSE_GUEST_TRIPLE_FAULT = 5,
    VEMU_CAUSE_GUEST_PANIC = 6,
    VEMU_CAUSE_GUEST_DEBUG_EXIT = 7,
    VEMU_CAUSE_INTERNAL_ERROR = 8,
};

/**
 * struct vemu_event - one event
 * @size: sizeof(struct vemu_event) of the library that filled it
 * @type: enum vemu_event_type
 * @cause: enum vemu_cause
 * @code: VEMU_EVENT_DEBUG_EXIT: the value written
 * @realtime_us: wall-clock microseconds since the epoch
 * @message: one line for a person, or ""; valid until the callback returns, or until the next
 *           vemu_vm_next_event() call
 * @value: what the event's type says, else 0
 */
struct vemu_event {
    uint32_t size;
    int32_t type;
    int32_t cause;
    uint32_t code;
    int64_t realtime_us;
    const char *message;
    uint64_t value;
};

/** Receives an event. Context: loop thread of the VM; no lock held; may call into the VM. */
typedef void (*vemu_event_fn)(void *data, const struct vemu_event *event);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
