/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flash memory of a board: firmware and its variables.
 */
#ifndef VEMU_MACHINES_FLASH_H
#define VEMU_MACHINES_FLASH_H

#include "machines/machine.h"

#define VEMU_FLASH_UNITS 2u

/* Adds a flash device for each block node named: unit 0 ends at 4 GiB, unit 1 lies right below.
 * NULL: there is none. -ENOENT, -EINVAL with words. */
int vemu__flash_add(struct vemu_machine *machine, char *const nodes[VEMU_FLASH_UNITS],
                    struct vemu_error **err);
/* Copies the end of unit 0 to below 1 MiB, as a reset of the chipset would show it there. */
int vemu__flash_shadow(struct vemu_machine *machine, struct vemu_error **err);

#endif
