/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Putting a machine together: accelerator, board, devices, vCPUs, what the loader leaves in memory.
 */
#include <errno.h>
#include <string.h>

#include "core/lifecycle.h"

static int load(struct vemu_vm *vm, struct vemu_error **err)
{
    int r = 0;

    if (vm->machine->class_->load)
        r = vm->machine->class_->load(vm->machine, err);
    if (r < 0)
        vemu__error_set(err, -r, "cannot load the machine: %s", strerror(-r));
    return r;
}

int vemu__machine_load(struct vemu_vm *vm, struct vemu_error **err)
{
    int r = load(vm, err);

    return r < 0 ? r : vemu__vcpus_reset(vm, err);
}

static int board_init(struct vemu_vm *vm, struct vemu_error **err)
{
    int r;

    vm->board_open = true;
    r = vm->machine->class_->init(vm->machine, err);
    vm->board_open = false;
    if (r < 0)
        vemu__error_set(err, -r, "cannot make machine '%s': %s", vm->machine->class_->name,
                        strerror(-r));
    return r;
}

static int user_devices_realize(struct vemu_vm *vm, struct vemu_error **err)
{
    int r;

    while (vm->user_devices->len) {
        struct vemu_device *dev = g_ptr_array_steal_index(vm->user_devices, 0);

        g_ptr_array_add(vm->devices, dev);
        r = vemu__device_realize(dev, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static void cb_pio_read(void *data, uint16_t port, unsigned size, uint32_t *value)
{
    struct vemu_vm *vm = data;

    *value = (uint32_t)vemu__memory_read(vm->memory, VEMU_SPACE_IO, port, size);
    VEMU_TRACE(vm, IO_READ, NULL, port, size, *value);
}

static void cb_pio_write(void *data, uint16_t port, unsigned size, uint32_t value)
{
    struct vemu_vm *vm = data;

    VEMU_TRACE(vm, IO_WRITE, NULL, port, size, value);
    vemu__memory_write(vm->memory, VEMU_SPACE_IO, port, size, value);
}

static void cb_mmio_read(void *data, uint64_t gpa, unsigned size, uint64_t *value)
{
    struct vemu_vm *vm = data;

    *value = vemu__memory_read(vm->memory, VEMU_SPACE_MEMORY, gpa, size);
    VEMU_TRACE(vm, MMIO_READ, NULL, gpa, size, *value);
}

static void cb_mmio_write(void *data, uint64_t gpa, unsigned size, uint64_t value)
{
    struct vemu_vm *vm = data;

    VEMU_TRACE(vm, MMIO_WRITE, NULL, gpa, size, value);
    vemu__memory_write(vm->memory, VEMU_SPACE_MEMORY, gpa, size, value);
}

static void cb_ioapic_eoi(void *data, uint8_t vector)
{
    struct vemu_vm *vm = data;

    if (vm->machine->ioapic_eoi)
        vm->machine->ioapic_eoi(vm->machine, vector);
}

static int cb_pic_ack(void *data)
{
    struct vemu_vm *vm = data;

    return vm->machine->pic_ack ? vm->machine->pic_ack(vm->machine) : -1;
}

static void cb_log(void *data, int level, const char *message)
{
    vemu_vm_log(data, level, "%s", message);
}

static void accel_configure(struct vemu_vm *vm)
{
    vm->accel_config = (struct vemu_accel_config){
        .vcpus = vemu__topology_apic_limit(&vm->config),
        .ioapic_pins = 24,
        .options = vemu__accel_options(vm->config.accel),
        .callbacks = {
            .data = vm,
            .pio_read = cb_pio_read,
            .pio_write = cb_pio_write,
            .mmio_read = cb_mmio_read,
            .mmio_write = cb_mmio_write,
            .ioapic_eoi = cb_ioapic_eoi,
            .pic_ack = cb_pic_ack,
            .log = cb_log,
        },
    };
}

static int accel_create(struct vemu_vm *vm, struct vemu_error **err)
{
    int r = vm->accel->vm_create(&vm->accel_config, &vm->accel_vm, err);

    if (r < 0) {
        vm->accel_vm = NULL;
        vemu__error_set(err, -r, "accelerator %s: %s", vm->accel->name, strerror(-r));
        return r;
    }
    vm->accel->vm_paused(vm->accel_vm, true);
    return 0;
}

int vemu__realize(struct vemu_vm *vm, struct vemu_error **err)
{
    int r;

    if (vm->accel_vm)
        return vemu__error_set(err, EINVAL, "cannot realize: an earlier attempt failed");
    r = vemu__numa_complete(vm, err);
    if (r < 0)
        return r;
    accel_configure(vm);
    r = vemu__vcpus_spawn(vm, err);
    if (r >= 0)
        r = accel_create(vm, err);
    if (r < 0) {
        vemu__vcpus_destroy(vm);
        return r;
    }
    vemu__vcpus_begin(vm);
    r = board_init(vm, err);
    if (r >= 0)
        r = user_devices_realize(vm, err);
    if (r >= 0)
        r = load(vm, err);
    if (r >= 0)
        r = vemu__vcpus_create(vm, err);
    if (r >= 0)
        r = vemu__vcpus_check_reach(vm, err);
    return r;
}
