/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of ACPI hot-plug, the LPC bridge that it interrupts through, the i6300esb watchdog and the
 * generation ID: a guest that writes their registers as it likes, while the host plugs CPUs and
 * memory modules in and out. What must hold: the machine's own lists agree with each other, and all
 * of it can be taken out in the end.
 *
 * Input: operations of 8 bytes (struct fuzz_op). Built plainly it makes inputs from a seed and runs
 * as a test: fuzz-hotplug [SEED COUNT]; it also replays files. Built with libFuzzer it takes its
 * inputs from there.
 */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include <vemu/object.h>

#include "../ops/ops.h"
#include "board.h"
#include "core/watchdog.h"
#include "devices/acpi-hotplug/acpi-hotplug.h"
#include "devices/vmgenid/vmgenid.h"
#include "mem/device-memory.h"

#define OPS_MAX 400
#define SLOTS   4u
#define DOG_BDF (5u << 3)
#define DOG_BAR 0xc0000000u
#define LPC_BDF (0x1fu << 3)
#define RCBA    0xc8000000u

enum {
    CPU_OUT,
    CPU_IN,
    MEMORY_OUT,
    MEMORY_IN,
    LPC,
    RCBA_OR_CONFIG,
    DOG,
    DOG_CONFIG,
    PLUG_CPU,
    PLUG_MEMORY,
    EJECT,
    PULL,
    TOUCH,
    GENID,
    RESET,
    KINDS
};

static struct board board;

static unsigned size_of(const struct fuzz_op *op)
{
    return 1u << op->what % 3;
}

/* Numbers that often name a slot. */
static uint32_t value_of(const struct fuzz_op *op)
{
    return op->what & 0x40 ? op->value : op->value % 10;
}

static const char *name_of(const struct fuzz_op *op, char text[8])
{
    snprintf(text, 8, "%c%u", op->what & 8 ? 'c' : 'd', op->small % SLOTS);
    return text;
}

static void plug_cpu(unsigned n)
{
    char id[8], core[8];
    const struct vemu_property props[] = { { "core-id", core } };

    snprintf(id, sizeof(id), "c%u", n);
    snprintf(core, sizeof(core), "%u", n);
    vemu_vm_add_device(board.vm, "max-x86_64-cpu", id, props, 1, NULL);
}

static void plug_memory(unsigned n)
{
    char id[8], memory[8];
    const struct vemu_property size[] = { { "size", "128M" } };
    const struct vemu_property props[] = { { "memdev", memory } };

    snprintf(id, sizeof(id), "d%u", n);
    snprintf(memory, sizeof(memory), "m%u", n);
    vemu_vm_add_object(board.vm, n & 1 ? "memory-backend-memfd" : "memory-backend-ram", memory,
                       size, 1, NULL);
    vemu_vm_add_device(board.vm, "pc-dimm", id, props, 1, NULL);
}

static int renew(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    return vemu__vmgenid_set(vemu__vmgenid_find(vm), "auto", err);
}

/* General-purpose events, SMI, the port that would cause one. */
static void lpc_ports(const struct fuzz_op *op)
{
    static const uint16_t ports[] = { 0x620, 0x624, 0x628, 0x62c, 0x630, 0x634, 0xb2, 0x620 };
    const uint16_t port = (uint16_t)(ports[op->what >> 5] + op->small % 4);

    if (op->what & 4)
        board_in(&board, port, size_of(op));
    else
        board_out(&board, port, size_of(op), op->value);
}

/* The bridge's memory, wherever it is, or its configuration: interrupt routes, for one. */
static void lpc_memory(const struct fuzz_op *op)
{
    if (op->what & 0x80) {
        board_config_write(&board, LPC_BDF, 0x40 + op->small % 0xc0, size_of(op), op->value);
        return;
    }
    if (op->what & 8)
        board_config_write(&board, LPC_BDF, 0xf0, 4, RCBA | 1);
    board_write(&board, RCBA + op->small % 0x4000, size_of(op), op->value);
    board_read(&board, RCBA + op->small % 0x4000, size_of(op));
}

static void play(const struct fuzz_op *op)
{
    uint16_t cpu = (uint16_t)(VEMU_HOTPLUG_CPU_PORT + op->small % VEMU_HOTPLUG_CPU_SIZE);
    uint16_t memory = (uint16_t)(VEMU_HOTPLUG_MEMORY_PORT + op->small % VEMU_HOTPLUG_MEMORY_SIZE);
    char id[8];

    switch (op->kind % KINDS) {
    case CPU_OUT: board_out(&board, cpu, size_of(op), value_of(op)); break;
    case CPU_IN: board_in(&board, cpu, size_of(op)); break;
    case MEMORY_OUT: board_out(&board, memory, size_of(op), value_of(op)); break;
    case MEMORY_IN: board_in(&board, memory, size_of(op)); break;
    case LPC: lpc_ports(op); break;
    case RCBA_OR_CONFIG: lpc_memory(op); break;
    case DOG:
        if (op->what & 0x80) {
            board_write(&board, DOG_BAR + 12, 2, 0x80);
            board_write(&board, DOG_BAR + 12, 2, 0x86);
        }
        board_write(&board, DOG_BAR + op->small % 16, size_of(op), op->value);
        board_read(&board, DOG_BAR + op->small % 16, size_of(op));
        break;
    case DOG_CONFIG:
        board_config_write(&board, DOG_BDF, 0x60 + op->small % 12, size_of(op), op->value);
        board_config_read(&board, DOG_BDF, 0x60 + op->small % 12, size_of(op));
        break;
    case PLUG_CPU: plug_cpu(op->small % SLOTS); break;
    case PLUG_MEMORY: plug_memory(op->small % SLOTS); break;
    case EJECT: vemu_vm_remove_device(board.vm, name_of(op, id), NULL); break;
    case PULL:
        if (op->what & 1)
            vemu_vm_pull_device(board.vm, name_of(op, id), NULL);
        break;
    case TOUCH:
        board_write(&board, BOARD_DEVICE_MEMORY + op->value % (600u << 20), size_of(op), op->value);
        break;
    case GENID:
        board_write(&board, VEMU_VMGENID_ADDRESS + op->small % 4096, size_of(op), op->value);
        board_read(&board, VEMU_VMGENID_ADDRESS + op->small % 24, size_of(op));
        if (op->what & 0x80)
            vemu__vm_control(board.vm, renew, NULL, NULL);
        break;
    default:
        if (op->what % 16 == 0)
            vemu_vm_reset(board.vm, NULL);
        break;
    }
}

static void count_memory(void *data, struct vemu_device *dev, const struct vemu_memory_info *info)
{
    ++*(unsigned *)data;
}

static int agree(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    unsigned cpus = 1, modules = 0, places = 0;

    for (guint i = 0; i < vm->devices->len; i++) {
        const struct vemu_device *dev = vm->devices->pdata[i];

        cpus += strcmp(dev->class_->name, "x86_64-cpu") == 0;
        modules += strcmp(dev->class_->name, "pc-dimm") == 0;
    }
    vemu__device_memory_for_each(vm, count_memory, &places);
    if (cpus != vemu__vcpus_present(vm) || modules != places)
        abort();
    return 0;
}

/* Everything that was plugged in goes, and nothing is left. */
static void take_out(void)
{
    char id[8];

    for (unsigned n = 0; n < SLOTS; n++) {
        snprintf(id, sizeof(id), "c%u", n);
        vemu_vm_pull_device(board.vm, id, NULL);
        snprintf(id, sizeof(id), "d%u", n);
        vemu_vm_pull_device(board.vm, id, NULL);
    }
    board_sync(&board);
    vemu__vm_control(board.vm, agree, NULL, NULL);
    for (unsigned n = 0; n < SLOTS; n++) {
        snprintf(id, sizeof(id), "m%u", n);
        vemu_vm_remove_object(board.vm, id, NULL);
    }
    if (vemu__vcpus_present(board.vm) != 1 || board.vm->objects->len)
        abort();
}

static void add_dog(struct vemu_vm *vm, void *data)
{
    static const struct vemu_property props[] = { { "addr", "5" } };
    static const struct vemu_property guid[] = { { "guid", "auto" } };

    if (vemu_vm_add_device(vm, "i6300esb", "dog", props, 1, NULL) < 0 ||
        vemu_vm_add_device(vm, "vmgenid", "g", guid, 1, NULL) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_op op;

    board_init_with(&board, add_dog, NULL);
    vemu__watchdog_set_action(board.vm, VEMU_WATCHDOG_NONE);
    vemu_vm_start(board.vm, NULL);
    board_config_write(&board, DOG_BDF, PCI_BASE_ADDRESS_0, 4, DOG_BAR);
    board_config_write(&board, DOG_BDF, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    for (unsigned count = 0; count < OPS_MAX && fuzz_take_op(&data, &size, &op, sizeof(op));
         count++) {
        play(&op);
        if (count % 64 == 63)
            vemu__vm_control(board.vm, agree, NULL, NULL);
    }
    take_out();
    board_fini(&board);
    return 0;
}

const struct fuzz_target fuzz_target = { "hotplug", OPS_MAX, 60, NULL };
