/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device classes: what a device file declares, and what it may use.
 *
 * A device is one folder or file with a `struct vemu_device_class` and one line in
 * core/registry.c. It knows neither its accelerator nor its machine: it gets properties, asks for
 * regions, interrupt lines and timers, and answers register accesses.
 *
 * Locking: every device has one lock. The core holds it around region callbacks, timer callbacks,
 * chardev handlers and all of vemu_device_ops after init, so a device's own code needs none. With
 * the lock held a device may call vemu_irq_set(), timers and chardev writes. Lock order: device ->
 * interrupt controller -> accelerator. A device never calls into another device directly.
 */
#ifndef VEMU_CORE_DEVICE_H
#define VEMU_CORE_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vemu/error.h>
#include <vemu/event.h>
#include <vemu/vm.h>

#include "core/error.h"

struct vemu_device;
struct vemu_irq;
struct vemu_chardev;
struct vemu_block;
struct vemu_net;
struct vemu_fsdev;
struct vemu_memdev;
struct vemu_iothread;

/* --- properties ------------------------------------------------------------------------------ */
enum vemu_prop_type {
    VEMU_PROP_BOOL,    /* bool */
    VEMU_PROP_U8,      /* uint8_t */
    VEMU_PROP_U16,
    VEMU_PROP_U32,
    VEMU_PROP_U64,
    VEMU_PROP_S32,     /* int32_t */
    VEMU_PROP_SIZE,    /* uint64_t, text with suffix */
    VEMU_PROP_STRING,  /* char *, owned by the instance */
    VEMU_PROP_CHARDEV, /* struct vemu_chardev *, by id, NULL when not given */
    VEMU_PROP_BLOCK,   /* struct vemu_block *, by node name, NULL when not given */
    VEMU_PROP_NETDEV,  /* struct vemu_net *, by id, NULL when not given */
    VEMU_PROP_FSDEV,   /* struct vemu_fsdev *, by id, NULL when not given */
    VEMU_PROP_MEMDEV,  /* struct vemu_memdev *, by id, NULL when not given */
    VEMU_PROP_IOTHREAD, /* struct vemu_iothread *, by id, NULL when not given */
    VEMU_PROP_TABLE,   /* the properties of `group`, relative to `offset` */
};
struct vemu_prop {
    const char *name;
    enum vemu_prop_type type;
    size_t offset;
    const char *def;     /* default as text, NULL: zero */
    const char *summary; /* one line for -device help and the manual */
    const struct vemu_prop *group;
};
#define VEMU_PROP(struct_, field, name_, type_, def_, summary_)                                    \
    { .name = name_, .type = VEMU_PROP_##type_, .offset = offsetof(struct_, field), .def = def_,   \
      .summary = summary_ }
#define VEMU_PROP_GROUP(offset_, table)                                                            \
    { .name = "", .type = VEMU_PROP_TABLE, .offset = offset_, .group = table }
#define VEMU_PROP_END { .name = NULL }

/* --- saved state ------------------------------------------------------------------------------ */
/* Fields of the instance that make up its guest-visible state, in order; for save and restore. */
struct vemu_state_field {
    const char *name;
    size_t offset, size; /* plain integers or byte arrays, stored little endian */
    uint32_t since;      /* class state version that introduced it */
    const struct vemu_state_field *group; /* or the fields of a table, relative to `offset` */
};
#define VEMU_STATE(struct_, field)                                                                 \
    { .name = #field, .offset = offsetof(struct_, field), .size = sizeof(((struct_ *)0)->field),   \
      .since = 1 }
#define VEMU_STATE_GROUP(offset_, table) { .name = "", .offset = offset_, .group = table }
#define VEMU_STATE_END { .name = NULL }

/* --- class ------------------------------------------------------------------------------------ */
/* What wakes a machine that sleeps. */
enum vemu_wake {
    VEMU_WAKE_OTHER,  /* the host, a key, a mouse */
    VEMU_WAKE_RTC,    /* the clock's alarm */
    VEMU_WAKE_BUTTON, /* the power button */
};
#define VEMU_WAKE_BIT(cause) (1u << (cause))
struct vemu_device_ops {
    int (*realize)(struct vemu_device *dev, struct vemu_error **err); /* all properties are set */
    void (*unrealize)(struct vemu_device *dev);  /* after a realize that succeeded */
    void (*reset)(struct vemu_device *dev);      /* power-on state; called after realize too */
    void (*pause)(struct vemu_device *dev);      /* vCPUs stopped */
    void (*resume)(struct vemu_device *dev);
    void (*restored)(struct vemu_device *dev);   /* state fields were just loaded */
    /* The machine falls asleep, its vCPUs stopped: in how many ns the device wakes it (0: at once,
     * INT64_MAX: never). */
    int64_t (*sleep)(struct vemu_device *dev);
    void (*woken)(struct vemu_device *dev, enum vemu_wake cause); /* after the reset by it */
    void (*fini)(struct vemu_device *dev); /* frees what properties and state own beyond them */
    /* Before unrealize, and before regions go: the device leaves its bus, so that nothing finds it
     * any more. No lock is held. May be NULL. */
    void (*unplug)(struct vemu_device *dev);
    /* Somebody wants the device away: asks whoever has to agree, or calls
     * vemu__device_request_removal(). No lock is held. NULL: a PCI function, whose bus asks. */
    int (*request_unplug)(struct vemu_device *dev, struct vemu_error **err);
    /* Open Firmware path that firmware knows the device by, to be freed with g_free(); NULL: what
     * it was attached to is gone. After realize. No function: firmware boots neither from it nor
     * from what is attached to it. */
    char *(*boot_path)(const struct vemu_device *dev);
    bool hotplug; /* may come and go while the machine runs */
};
#define VEMU_DEVICE_INTERNAL (1u << 0) /* part of a machine: not for -device */
struct vemu_device_class {
    const char *name;    /* as QEMU names it where QEMU has it */
    const char *summary; /* one line */
    uint32_t flags;
    uint32_t state_version;
    size_t instance_size; /* of the struct whose first member is struct vemu_device */
    const struct vemu_prop *props;
    const struct vemu_state_field *state;
    const struct vemu_device_ops *ops;
};

/* First member of every device's struct. */
struct vemu_device {
    const struct vemu_device_class *class_;
    struct vemu_vm *vm;
    char *id; /* never NULL: given or generated */
    pthread_mutex_t lock; /* recursive is not allowed */
    bool realized;
    bool plugged_late; /* added when the machine was realized */
    bool waking;       /* what resets it is that the machine wakes: the guest's memory stays */
    struct vemu_device_private *private_; /* core/device.c: regions, timers, irqs to tear down */
    uint64_t reads, writes; /* of its registers, by vCPUs */
};

/* --- regions ---------------------------------------------------------------------------------- */
enum vemu_space { VEMU_SPACE_MEMORY, VEMU_SPACE_IO };
/* Access to a device's own region; `offset` is relative to it, `size` is within the declared limits
 * and naturally aligned when `unaligned` is false. */
struct vemu_region_ops {
    uint64_t (*read)(struct vemu_device *dev, uint64_t offset, unsigned size);
    void (*write)(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value);
    /* Accesses of other sizes are split or widened by the core (split: little endian pieces;
     * widened reads take the bytes asked for; widened writes are dropped). 0 means 1 and 8. */
    uint8_t min_size, max_size;
    bool unaligned;
};
/* Maps `size` bytes at `address`. The region belongs to the device and goes with it. `cookie_name`
 * is for people ("rtc", "serial"). -EEXIST when the range overlaps another region. Context:
 * realize. */
int vemu_device_map(struct vemu_device *dev, enum vemu_space space, uint64_t address, uint64_t size,
                    const struct vemu_region_ops *ops, const char *region_name,
                    struct vemu_error **err);

/*
 * Maps a region where the guest wants it (a BAR): it can be unmapped and mapped anew at any time.
 * RAM and regions of vemu_device_map() take precedence over it, and so do floating ones that were
 * mapped earlier: while it overlaps any of them all of it is hidden; it appears when they are gone.
 * `ops` and the device must outlive it. -EINVAL: outside the space, or size 0. Context: any; the
 * device's lock may be held.
 */
struct vemu_region;
int vemu_device_map_floating(struct vemu_device *dev, enum vemu_space space, uint64_t address,
                             uint64_t size, const struct vemu_region_ops *ops,
                             const char *region_name, struct vemu_region **ret);
/* The region goes. An access that is under way may still arrive after the return, unless the
 * caller came from vemu__memory_remove_device(). NULL is fine. Context: as above. */
void vemu_device_unmap(struct vemu_device *dev, struct vemu_region *region);

/* --- interrupts ------------------------------------------------------------------------------- */
/* The machine's ISA interrupt `n` (0..15: PIC and IOAPIC; 16..23: IOAPIC only), shared; borrowed
 * from the machine. NULL and *err when out of range. Context: realize. */
struct vemu_irq *vemu_device_get_irq(struct vemu_device *dev, unsigned n, struct vemu_error **err);
/* Sets the level of this user's end of the line. A line shared by several users is high while one
 * of them is. Context: any (with the device's lock held, or none). */
void vemu_irq_set(struct vemu_irq *irq, bool level);
/* Low -> high -> low. */
void vemu_irq_pulse(struct vemu_irq *irq);

/* --- time ------------------------------------------------------------------------------------- */
/* The VM's clock: CLOCK_MONOTONIC nanoseconds that do not pass while the VM is paused. */
int64_t vemu_clock_ns(struct vemu_vm *vm);
struct vemu_timer;
typedef void (*vemu_timer_fn)(struct vemu_device *dev);
/* Makes a timer of the device (freed with it). The callback runs on the loop thread with the
 * device's lock held. Context: realize. */
struct vemu_timer *vemu_device_add_timer(struct vemu_device *dev, vemu_timer_fn fn);
/* Fires once at `deadline_ns` of vemu_clock_ns() (in the past: at once). INT64_MAX: never. */
void vemu_timer_set(struct vemu_timer *timer, int64_t deadline_ns);
bool vemu_timer_armed(const struct vemu_timer *timer);

/* --- guest memory ----------------------------------------------------------------------------- */
/* Copies between guest RAM and `buf`; -EFAULT when any byte is not RAM (or ROM, for reads). */
int vemu_dma_read(struct vemu_vm *vm, uint64_t gpa, void *buf, size_t size);
int vemu_dma_write(struct vemu_vm *vm, uint64_t gpa, const void *buf, size_t size);

/* --- what a device can ask of the machine ----------------------------------------------------- */
/* The guest asked for it; takes effect soon, asynchronously. Context: any. */
void vemu_vm_request_reset(struct vemu_vm *vm, enum vemu_cause cause);
void vemu_vm_request_shutdown(struct vemu_vm *vm, enum vemu_cause cause, uint32_t code);
void vemu_vm_report_panic(struct vemu_vm *vm, const char *message);
/* The guest goes to sleep (ACPI S3), soon; `wakes` (VEMU_WAKE_BIT) may wake it, beside buttons and
 * keys. Context: any. */
void vemu_vm_request_sleep(struct vemu_vm *vm, uint32_t wakes);
/* Wakes the machine, soon, if it sleeps. Context: any. */
void vemu_vm_request_wake(struct vemu_vm *vm, enum vemu_wake cause);
/* The guest says how far it is (a POST code); when it first said so is kept. Context: any. */
void vemu_vm_report_progress(struct vemu_vm *vm, uint8_t code);
/* The power button was pressed: devices that have one (ACPI) subscribe. */
typedef void (*vemu_powerdown_fn)(struct vemu_device *dev);
void vemu_device_on_powerdown(struct vemu_device *dev, vemu_powerdown_fn fn);
void vemu_vm_log(struct vemu_vm *vm, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- registry --------------------------------------------------------------------------------- */
const struct vemu_device_class *vemu__device_class_find(const char *name);
/* NULL-terminated table in core/registry.c. */
extern const struct vemu_device_class *const vemu__device_classes[];

#endif
