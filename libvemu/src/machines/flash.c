/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flash memory of a board: firmware and its variables.
 */
#include "machines/flash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <glib.h>

#include "block/backend.h"
#include "core/vm.h"

#define FOUR_GIB   ((uint64_t)1 << 32)
#define TOTAL_MAX  (8u << 20)
#define SHADOW_END 0x100000u
#define SHADOW_MAX 0x20000u

static int add_unit(struct vemu_machine *machine, unsigned unit, const char *node, uint64_t *end,
                    struct vemu_error **err)
{
    const struct vemu_block *block = vemu__vm_find_block(machine->vm, node);
    char id[16], address[24];
    const struct vemu_property props[] = { { "drive", node }, { "address", address } };
    uint64_t size;

    if (!block)
        return vemu__error_set(err, ENOENT, "pflash%u: there is no drive '%s'", unit, node);
    size = vemu__block_size(block);
    if (size > TOTAL_MAX - (FOUR_GIB - *end))
        return vemu__error_set(err, EINVAL, "pflash%u: flash of more than %u MiB in all", unit,
                               TOTAL_MAX >> 20);
    *end -= size;
    snprintf(id, sizeof(id), "system.flash%u", unit);
    snprintf(address, sizeof(address), "0x%" PRIx64, *end);
    return vemu__vm_add_board_device(machine->vm, "cfi.pflash01", id, props, G_N_ELEMENTS(props),
                                     err)
               ? 0
               : -EINVAL;
}

int vemu__flash_add(struct vemu_machine *machine, char *const nodes[VEMU_FLASH_UNITS],
                    struct vemu_error **err)
{
    uint64_t end = FOUR_GIB;
    int r = 0;

    if (nodes[1] && !nodes[0])
        return vemu__error_set(err, EINVAL,
                               "there is pflash1 but no pflash0, where the machine begins");
    for (unsigned unit = 0; r >= 0 && unit < VEMU_FLASH_UNITS; unit++)
        if (nodes[unit])
            r = add_unit(machine, unit, nodes[unit], &end, err);
    return r;
}

int vemu__flash_shadow(struct vemu_machine *machine, struct vemu_error **err)
{
    g_autofree uint8_t *bytes = g_malloc(SHADOW_MAX);
    struct vemu_vm *vm = machine->vm;
    uint32_t size = SHADOW_MAX;
    int r;

    /* A smaller unit 0 has unit 1, or nothing, below it. */
    do
        r = vemu_dma_read(vm, FOUR_GIB - size, bytes, size);
    while (r < 0 && (size /= 2));
    if (r >= 0)
        r = vemu__memory_write_rom(vm->memory, SHADOW_END - size, bytes, size);
    return r < 0 ? vemu__error_set(err, -r, "no memory below 1 MiB for firmware") : 0;
}
