/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Direct boot: a kernel image, an initrd and a command line become guest memory and the first state
 * of vCPU 0. What machines use.
 *
 * Life: vemu__boot_open (files opened and recognized) -> vemu__boot_load, at start and at each
 * reset -> vemu__boot_state -> vemu__boot_free. The files stay open, so that a reset boots what was
 * started even if the path now names another file; nothing is kept in memory.
 */
#ifndef VEMU_BOOT_BOOT_H
#define VEMU_BOOT_BOOT_H

#include <stdint.h>

#include "accel/state.h"
#include "boot/e820.h"
#include "core/device.h"
#include "mem/memory.h"

struct vemu_boot;

/* Where the image may go; filled in by the machine. */
struct vemu_boot_board {
    struct vemu_memory *memory;
    const struct vemu_e820 *e820;
    uint64_t ram_low;   /* RAM goes from 0 to here, apart from the hole below 1 MiB */
    uint64_t ram_total; /* what the person asked for; only for messages */
    uint64_t rsdp;      /* ACPI root pointer, 0: none */
};

/* Opens kernel and initrd (may be NULL) and finds out what the kernel is. `vm` is for the log.
 * -ENOENT, -EACCES, ...: a file cannot be opened; -ENOEXEC: not a kernel this can boot. */
int vemu__boot_open(struct vemu_vm *vm, const char *kernel, const char *initrd, const char *cmdline,
                    struct vemu_boot **ret, struct vemu_error **err);
/* Appends a word to the kernel's command line, before the first load. */
void vemu__boot_add_cmdline(struct vemu_boot *boot, const char *word);
int vemu__boot_load(struct vemu_boot *boot, const struct vemu_boot_board *board,
                    struct vemu_error **err);
/* The state at the kernel's entry; returns the groups it filled in. */
uint32_t vemu__boot_state(const struct vemu_boot *boot, struct vemu_cpu_state *state);
void vemu__boot_free(struct vemu_boot *boot);

#endif
