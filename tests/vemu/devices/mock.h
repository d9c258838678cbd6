/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stand-in for the core: lets a device's registers be driven with no VM and no accelerator.
 *
 * Time stands still until mock_advance(); interrupt lines, messages and requests are recorded.
 */
#ifndef TESTS_VEMU_DEVICES_MOCK_H
#define TESTS_VEMU_DEVICES_MOCK_H

#include "accel/accel.h"
#include "chardev/chardev.h"
#include "core/device.h"
#include "input/input.h"

#define MOCK_MSI_MAX 64

struct mock_irq_line {
    bool level;
    unsigned rises; /* low -> high since the start */
};

struct vemu_vm {
    int64_t now_ns;
    struct mock_irq_line irqs[24];
    /* what hangs on the lines, told of every change of one; NULL: nothing */
    void (*wire)(struct vemu_vm *vm, unsigned n, bool level);
    /* requests */
    unsigned resets, shutdowns, panics;
    enum vemu_cause reset_cause, shutdown_cause;
    uint32_t shutdown_code;
    unsigned sleeps, wakes;
    uint32_t sleep_wakes; /* of the last sleep */
    uint8_t progress;     /* the last code */
    /* the accelerator */
    unsigned msi_count; /* MOCK_MSI_MAX: there may have been more */
    struct {
        uint64_t address;
        uint32_t data;
    } msis[MOCK_MSI_MAX];
    unsigned route_updates;
    struct vemu_msi_route routes[24];
    bool extint;
    /* the chardev */
    char output[4096];
    size_t output_size;
    size_t output_room; /* bytes the back-end takes before it is full */
    struct mock *mock;
};

/* One device at a time hangs on a mock VM; further ones may be added. */
struct vemu_vm *mock_new(void);
void mock_free(struct vemu_vm *vm);
/* Makes, realizes and resets a device; `props` is "name=value,..." or NULL. Errors fail it. */
struct vemu_device *mock_add(struct vemu_vm *vm, const struct vemu_device_class *class_,
                             const char *props);
/* The same, but expects realize to fail; *ret_message is to be freed with free(). */
int mock_add_failing(struct vemu_vm *vm, const struct vemu_device_class *class_, const char *props,
                     char **ret_message);
void mock_reset(struct vemu_device *dev);
/* Saves the state fields, wipes the instance's, loads them again and calls restored(). */
void mock_save_restore(struct vemu_device *dev);
/* Fills all state fields with `byte` and calls restored(): a hostile stream. */
void mock_restore_garbage(struct vemu_device *dev, uint8_t byte);
/* ... or with bytes that follow from the seed, most of them 0. */
void mock_restore_random(struct vemu_device *dev, uint64_t seed);
void mock_powerdown(struct vemu_vm *vm);

/* What a guest would do. An unclaimed read gives all ones. */
uint32_t mock_in(struct vemu_vm *vm, uint16_t port, unsigned size);
void mock_out(struct vemu_vm *vm, uint16_t port, unsigned size, uint32_t value);
uint64_t mock_read(struct vemu_vm *vm, uint64_t gpa, unsigned size);
void mock_write(struct vemu_vm *vm, uint64_t gpa, unsigned size, uint64_t value);
#define inb(vm, port)         mock_in(vm, port, 1)
#define outb(vm, port, value) mock_out(vm, port, 1, value)

/* Lets time pass; timers fire in order, at their time. */
void mock_advance(struct vemu_vm *vm, int64_t ns);
/* Lets the earliest timer fire whose time has come; false: there is none. */
bool mock_fire(struct vemu_vm *vm);
bool mock_timer_armed(struct vemu_vm *vm);
/* How many events were posted for the embedder, and the last one. */
unsigned mock_posted(struct vemu_vm *vm, int *ret_type, uint64_t *ret_value);

/* An event for the device that takes its type, alone. */
void mock_event(struct vemu_vm *vm, uint32_t type, uint32_t code, int32_t value);

/* The chardev that property chardev=mock names. Any other name is one that takes output alone. */
void mock_input(struct vemu_vm *vm, const void *buf, size_t size, size_t *ret_taken);
void mock_break(struct vemu_vm *vm);
/* Takes `room` more bytes of output and says so. */
void mock_writable(struct vemu_vm *vm, size_t room);

#endif
