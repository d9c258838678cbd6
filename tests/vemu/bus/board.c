/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A board that is little more than a PCI host.
 */
#include "board.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "devices/ich9-lpc/lpc.h"
#include "fake-accel.h"

struct board_log board_log;

/* --- function --------------------------------------------------------------------------------- */

static uint64_t regs_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, ((struct board_function *)dev)->registers + offset, size);
    return value;
}

static void regs_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    memcpy(((struct board_function *)dev)->registers + offset, &value, size);
}

static uint64_t plain_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return offset;
}

static const struct vemu_region_ops regs = { .read = regs_read, .write = regs_write };
static const struct vemu_region_ops plain = { .read = plain_read };

static void function_moved(struct vemu_pci_device *pci, unsigned bar, uint64_t address)
{
    struct board_function *f = (struct board_function *)pci;

    f->moves++;
    f->moved_to[bar] = address;
}

static const struct vemu_pci_ops function_hooks = { .bar_moved = function_moved };

static int function_realize(struct vemu_device *dev, struct vemu_error **err)
{
    static const struct vemu_pci_ident ident = {
        .vendor = 0x1234,
        .device = 0x5678,
        .subvendor = 0x4321,
        .subdevice = 0x8765,
        .class_ = 0x058000,
        .revision = 7,
        .pin = 1,
    };
    struct vemu_pci_device *pci = (struct vemu_pci_device *)dev;

    vemu_pci_init(pci, &ident, &function_hooks);
    vemu_pci_add_bar(pci, 0, 4096, 0, &regs, "regs");
    vemu_pci_add_bar(pci, 1, 32, VEMU_PCI_BAR_IO, &plain, "ports");
    vemu_pci_add_bar(pci, 2, 1 << 20, VEMU_PCI_BAR_64 | VEMU_PCI_BAR_PREFETCH, &plain, "wide");
    vemu_pci_add_pm(pci);
    vemu_pci_add_msi(pci, 4);
    vemu_pci_add_msix(pci, 4, 4);
    vemu_pci_add_pcie(pci, PCI_EXP_TYPE_ENDPOINT);
    return vemu_pci_attach(pci, err);
}

static void function_reset(struct vemu_device *dev)
{
    ((struct board_function *)dev)->resets++;
    vemu_pci_reset((struct vemu_pci_device *)dev);
}

static void function_restored(struct vemu_device *dev)
{
    vemu_pci_restored((struct vemu_pci_device *)dev);
}

static const struct vemu_prop function_props[] = {
    VEMU_PROP_GROUP(0, vemu__pci_props),
    VEMU_PROP_END,
};
static const struct vemu_state_field function_state[] = {
    VEMU_STATE_GROUP(0, vemu__pci_state),
    VEMU_STATE_END,
};
static const struct vemu_device_ops function_ops = {
    .realize = function_realize,
    .reset = function_reset,
    .restored = function_restored,
    .unplug = vemu_pci_unplug,
    .hotplug = true,
};
static const struct vemu_device_class function_class = {
    .name = "pci-test",
    .summary = "function of no purpose",
    .state_version = 1,
    .instance_size = sizeof(struct board_function),
    .props = function_props,
    .state = function_state,
    .ops = &function_ops,
};
static const struct vemu_device_class *const classes[] = { &function_class, NULL };

/* --- machine ---------------------------------------------------------------------------------- */

static void board_line(void *data, unsigned n, bool level)
{
    board_log.levels = (board_log.levels & ~(1u << n)) | (unsigned)level << n;
}

static void board_hotplug_event(void *data, unsigned kind, bool level)
{
    if (level)
        vemu__ich9_raise_gpe(data, kind == VEMU_HOTPLUG_CPU ? 2 : 3);
}

/* CPUs and memory modules can be plugged in. */
static int add_hotplug(struct vemu_machine *machine, struct vemu_device *lpc,
                       struct vemu_error **err)
{
    static const char *const names[] = { "acpi-cpu-hotplug", "acpi-memory-hotplug" };
    static const struct vemu_property slots[] = { { "slots", "4" } };

    for (unsigned kind = 0; kind < VEMU_HOTPLUG_KINDS; kind++) {
        machine->hotplug_lines[kind] =
            vemu__irq_user(vemu__irq_new(machine->vm, board_hotplug_event, lpc, kind));
        machine->hotplug[kind] =
            vemu__vm_add_board_device(machine->vm, names[kind], names[kind], slots, 1, err);
        if (!machine->hotplug[kind])
            return -ENOMEM;
    }
    machine->device_memory_base = BOARD_DEVICE_MEMORY;
    machine->device_memory_size = 8ull << 30;
    return 0;
}

static bool is_full; /* of the machine that is being made */

static bool add_legacy(struct vemu_machine *machine, struct vemu_error **err)
{
    static const struct vemu_property ps2[] = { { "keyboard", "on" }, { "mouse", "on" } };

    return vemu__vm_add_board_device(machine->vm, "fw_cfg", "fw_cfg", NULL, 0, err) &&
           vemu__vm_add_board_device(machine->vm, "i8042", "i8042", ps2, 2, err);
}

static int machine_init(struct vemu_machine *machine, struct vemu_error **err)
{
    static const struct vemu_property mch[] = { { "addr", "0" }, { "ecam", "0xb0000000" } };
    static const struct vemu_property lpc[] = { { "addr", "1f.0" } };
    struct vemu_device *host, *lpc_device;
    int r;

    r = vemu__memory_add_ram(machine->vm->memory, 0, 1 << 20, 0, "ram", NULL, err);
    for (unsigned n = 0; n < 24; n++)
        machine->irq_lines[n] = vemu__irq_new(machine->vm, board_line, NULL, n);
    host = vemu__vm_add_board_device(machine->vm, "pcie-host", "host", NULL, 0, err);
    if (r < 0 || !host)
        return -ENOMEM;
    machine->pci = (struct vemu_pci_host *)host;
    if (!vemu__vm_add_board_device(machine->vm, "mch", "mch", mch, 2, err))
        return -ENOMEM;
    lpc_device = vemu__vm_add_board_device(machine->vm, "ICH9-LPC", "lpc", lpc, 1, err);
    if (!lpc_device || (is_full && !add_legacy(machine, err)))
        return -ENOMEM;
    machine->genid_line = vemu__irq_user(vemu__irq_new(machine->vm, board_line, NULL, 23));
    return add_hotplug(machine, lpc_device, err);
}

static const struct vemu_machine_class machine_class = {
    .name = "pci-board",
    .summary = "a PCI host",
    .max_vcpus = BOARD_VCPUS,
    .has_numa = true,
    .instance_size = sizeof(struct vemu_machine),
    .init = machine_init,
};

static int record_msi(struct vemu_accel_vm *vm, uint64_t address, uint32_t data)
{
    unsigned n = board_log.msis++ % BOARD_MSIS;

    board_log.msi[n].address = address;
    board_log.msi[n].data = data;
    return 1;
}

static void must(int r, struct vemu_error *err)
{
    if (r < 0) {
        fprintf(stderr, "board: %s\n", vemu_error_message(err));
        abort();
    }
}

int board_plug(struct board *board, const char *id, const char *bus, const char *addr,
               struct vemu_error **err)
{
    struct vemu_property props[2];
    size_t count = 0;

    if (bus)
        props[count++] = (struct vemu_property){ "bus", bus };
    if (addr)
        props[count++] = (struct vemu_property){ "addr", addr };
    return vemu_vm_add_device(board->vm, "pci-test", id, props, count, err);
}

struct board_function *board_find(struct board *board, const char *id)
{
    return (struct board_function *)vemu__vm_find_device(board->vm, id);
}

void board_init(struct board *board)
{
    board_init_with(board, NULL, NULL);
}

void board_init_with(struct board *board, void (*add)(struct vemu_vm *vm, void *data), void *data)
{
    static const struct vemu_property ports[2][2] = {
        { { "addr", "2" }, { "slot", "5" } },
        { { "addr", "3" }, { "slot", "6" } },
    };
    static const struct vemu_property rng[] = { { "addr", "4" } };
    static struct vemu_accel_ops accel;
    const struct vemu_vm_parts parts = {
        .accel = &accel,
        .accel_reason = "the test wants it",
        .machine = &machine_class,
        .extra_classes = classes,
    };
    struct vemu_vm_config config = VEMU_VM_CONFIG_INIT;
    struct vemu_error *err = NULL;

    config.max_vcpus = BOARD_VCPUS;
    config.memory_slots = 4;
    config.max_memory_bytes = 2ull << 30;
    accel = fake_accel;
    accel.signal_msi = record_msi;
    memset(&board_log, 0, sizeof(board_log));
    must(vemu__vm_new(&config, &parts, &board->vm, &err), err);
    must(board_plug(board, "f", NULL, NULL, &err), err);
    must(vemu_vm_add_device(board->vm, "pcie-root-port", "rp1", ports[0], 2, &err), err);
    must(vemu_vm_add_device(board->vm, "pcie-root-port", "rp2", ports[1], 2, &err), err);
    must(board_plug(board, "below", "rp1", NULL, &err), err);
    must(vemu_vm_add_device(board->vm, "virtio-rng-pci", "rng", rng, 1, &err), err);
    if (add)
        add(board->vm, data);
    must(vemu_vm_realize(board->vm, &err), err);
    board->host = board->vm->machine->pci;
    board->f = board_find(board, "f");
}

void board_init_full(struct board *board, void (*add)(struct vemu_vm *vm, void *data), void *data)
{
    is_full = true;
    board_init_with(board, add, data);
    is_full = false;
}

void board_fini(struct board *board)
{
    vemu_vm_unref(board->vm);
}

/* --- ways in ---------------------------------------------------------------------------------- */

uint64_t board_read(struct board *board, uint64_t address, unsigned size)
{
    return vemu__memory_read(board->vm->memory, VEMU_SPACE_MEMORY, address, size);
}

void board_write(struct board *board, uint64_t address, unsigned size, uint64_t value)
{
    vemu__memory_write(board->vm->memory, VEMU_SPACE_MEMORY, address, size, value);
}

uint32_t board_in(struct board *board, uint16_t port, unsigned size)
{
    return (uint32_t)vemu__memory_read(board->vm->memory, VEMU_SPACE_IO, port, size);
}

void board_out(struct board *board, uint16_t port, unsigned size, uint32_t value)
{
    vemu__memory_write(board->vm->memory, VEMU_SPACE_IO, port, size, value);
}

uint32_t board_config_read(struct board *board, unsigned bdf, unsigned offset, unsigned size)
{
    return (uint32_t)board_read(board, BOARD_ECAM + (bdf << 12) + offset, size);
}

void board_config_write(struct board *board, unsigned bdf, unsigned offset, unsigned size,
                        uint32_t value)
{
    board_write(board, BOARD_ECAM + (bdf << 12) + offset, size, value);
}

void board_sync(struct board *board)
{
    fake_sync(board->vm);
}
