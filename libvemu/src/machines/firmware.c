/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Firmware images.
 *
 * The first instruction is fetched from 16 bytes below 4 GiB. The last 128 KiB also stand below
 * 1 MiB, as the chipset's shadow memory would hold them after a reset.
 */
#include "machines/firmware.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "boot/file.h"

#define FOUR_GIB     ((uint64_t)1 << 32)
#define ROM_MAX      (8u << 20)
#define ROM_UNIT     (64u << 10)
#define SHADOW_END   0x100000u
#define SHADOW_MAX   0x20000u
#define VOLUME_SIGNATURE_AT 40u
#define DEFAULT_BIOS "/usr/share/seabios/bios-256k.bin"

struct vemu_firmware {
    uint8_t *image;
    size_t size;
    char *path;
};

int vemu__firmware_open(const char *path, struct vemu_firmware **ret, struct vemu_error **err)
{
    struct vemu_boot_file file = { .fd = -1 };
    struct vemu_firmware *firmware;
    int r;

    if (!path) {
        path = DEFAULT_BIOS;
        if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
            return vemu__error_set(err, ENOENT,
                                   "there is neither a kernel nor firmware: '%s' is missing "
                                   "(package seabios)",
                                   path);
        }
    }
    r = vemu__boot_file_open(path, "firmware", &file, err);
    if (r < 0) {
        return r;
    }
    if (file.size == 0 || file.size > ROM_MAX || file.size % ROM_UNIT) {
        r = vemu__error_set(err, EINVAL,
                            "firmware '%s': a size of %" G_GUINT64_FORMAT
                            " bytes is not a multiple of 64 KiB up to 8 MiB",
                            path, file.size);
        vemu__boot_file_close(&file);
        return r;
    }
    firmware = g_new0(struct vemu_firmware, 1);
    firmware->size = (size_t)file.size;
    firmware->image = g_malloc(firmware->size);
    firmware->path = g_strdup(path);
    r = vemu__boot_file_read(&file, 0, firmware->image, firmware->size);
    vemu__boot_file_close(&file);
    if (r < 0) {
        vemu__error_set(err, -r, "cannot read firmware '%s': %s", path, g_strerror(-r));
        vemu__firmware_free(firmware);
        return r;
    }
    *ret = firmware;
    return 0;
}

bool vemu__firmware_is_uefi(const struct vemu_firmware *firmware)
{
    return memcmp(firmware->image + VOLUME_SIGNATURE_AT, "_FVH", 4) == 0;
}

int vemu__firmware_add_rom(struct vemu_firmware *firmware, struct vemu_memory *mem,
                           struct vemu_error **err)
{
    uint64_t gpa = FOUR_GIB - firmware->size;
    int r = vemu__memory_add_ram(mem, gpa, firmware->size, VEMU_RAM_READONLY, "bios", NULL, err);

    return r < 0 ? r : vemu__memory_write_rom(mem, gpa, firmware->image, firmware->size);
}

int vemu__firmware_shadow(struct vemu_firmware *firmware, struct vemu_memory *mem,
                          struct vemu_error **err)
{
    size_t size = MIN(firmware->size, (size_t)SHADOW_MAX);
    int r = vemu__memory_write_rom(mem, SHADOW_END - size, firmware->image + firmware->size - size,
                                   size);

    return r < 0 ? vemu__error_set(err, -r, "no memory below 1 MiB for firmware") : 0;
}

void vemu__firmware_free(struct vemu_firmware *firmware)
{
    if (firmware) {
        g_free(firmware->image);
        g_free(firmware->path);
        g_free(firmware);
    }
}
