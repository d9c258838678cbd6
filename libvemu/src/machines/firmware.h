/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Firmware images: found, read, placed below 4 GiB and below 1 MiB.
 */
#ifndef VEMU_MACHINES_FIRMWARE_H
#define VEMU_MACHINES_FIRMWARE_H

#include "mem/memory.h"

struct vemu_firmware;

/* Opens a BIOS image; NULL: the distribution's SeaBIOS. -ENOENT and so on with words. */
int vemu__firmware_open(const char *path, struct vemu_firmware **ret, struct vemu_error **err);
/* Whether it is UEFI, which begins with a firmware volume (UEFI PI 1.7, volume 3, 3.2.1). */
bool vemu__firmware_is_uefi(const struct vemu_firmware *firmware);
/* ROM that ends at 4 GiB, holding the image. */
int vemu__firmware_add_rom(struct vemu_firmware *firmware, struct vemu_memory *mem,
                           struct vemu_error **err);
/* Copies the end of the image to below 1 MiB (again at each reset: the guest may have written
 * there). */
int vemu__firmware_shadow(struct vemu_firmware *firmware, struct vemu_memory *mem,
                          struct vemu_error **err);
void vemu__firmware_free(struct vemu_firmware *firmware); /* NULL is fine */

#endif
