/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A board that is little more than a PCI host, for tests and fuzzing: two root ports, a function of
 * no purpose, and ways in as a guest has them. No CPU runs.
 */
#ifndef TESTS_VEMU_BUS_BOARD_H
#define TESTS_VEMU_BUS_BOARD_H

#include "bus/pci-bus.h"
#include "core/vm.h"

#define BOARD_ECAM          0xb0000000u
#define BOARD_DEVICE_MEMORY 0x100000000ull /* 8 GiB for memory devices */
#define BOARD_VCPUS         4u             /* one, and three that can be plugged in */

/* "pci-test": BAR 0: 4 KiB of registers, BAR 1: 32 ports, BAR 2: 64-bit, 1 MiB, prefetchable, BAR
 * 4: MSI-X with 4 vectors; MSI with 4; INTA#. */
struct board_function {
    struct vemu_pci_device pci;
    uint8_t registers[4096]; /* of BAR 0; ports and BAR 2 read their offset */
    unsigned resets, moves;
    uint64_t moved_to[VEMU_PCI_BARS];
};

struct board {
    struct vemu_vm *vm;
    struct vemu_pci_host *host;
    struct board_function *f; /* "f": slot 1 of the root bus */
};

/* What happened, of all boards of the process. */
#define BOARD_MSIS 64
struct board_log {
    unsigned msis;
    struct {
        uint64_t address;
        uint32_t data;
    } msi[BOARD_MSIS];
    unsigned levels; /* bit n: line n of the interrupt controllers */
};
extern struct board_log board_log;

/* Ports rp1 (slot 2) and rp2 (slot 3), function "below" behind rp1, nothing behind rp2;
 * virtio-rng-pci "rng" in slot 4. */
void board_init(struct board *board);
/* The same with what `add` adds before it is realized. */
void board_init_with(struct board *board, void (*add)(struct vemu_vm *vm, void *data), void *data);
/* The same with a firmware configuration, and PS/2 keyboard and mouse. */
void board_init_full(struct board *board, void (*add)(struct vemu_vm *vm, void *data), void *data);
void board_fini(struct board *board);
/* Adds a "pci-test" as device_add does; -errno and *err. */
int board_plug(struct board *board, const char *id, const char *bus, const char *addr,
               struct vemu_error **err);
struct board_function *board_find(struct board *board, const char *id);

/* Configuration space through the memory window; `bdf` is bus << 8 | devfn. */
uint32_t board_config_read(struct board *board, unsigned bdf, unsigned offset, unsigned size);
void board_config_write(struct board *board, unsigned bdf, unsigned offset, unsigned size,
                        uint32_t value);
uint64_t board_read(struct board *board, uint64_t address, unsigned size);
void board_write(struct board *board, uint64_t address, unsigned size, uint64_t value);
uint32_t board_in(struct board *board, uint16_t port, unsigned size);
void board_out(struct board *board, uint16_t port, unsigned size, uint32_t value);
/* Everything posted to the loop is done. */
void board_sync(struct board *board);

#endif
