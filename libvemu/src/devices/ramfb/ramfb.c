/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ramfb: a frame buffer in the guest's own memory, which firmware sets up.
 *
 * The interface is one file of the firmware configuration, etc/ramfb (28 bytes, big endian): where
 * the picture is, its format as a DRM fourcc, flags, width, height, stride. Writing it shows the
 * picture; a description that makes no sense shows nothing. Rows are read from memory as they are
 * asked for, so nothing is checked in advance and memory may go.
 *
 * SeaBIOS needs a VGA BIOS to use it, which it takes from the configuration as well.
 *
 * Locking: the file is written with fw_cfg's lock held, so what it holds has a lock of its own,
 * behind both devices'.
 */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "boot/file.h"
#include "core/vm.h"
#include "devices/devices.h"
#include "devices/fw-cfg/fw-cfg.h"
#include "display/display.h"

#define FILE_NAME   "etc/ramfb"
#define ROM_DEFAULT "/usr/share/seabios/vgabios-ramfb.bin"
#define ROM_NAME    "vgaroms/vgabios-ramfb.bin"
#define ROM_MAX     (256u << 10)
#define SIZE_MIN    16u

struct config {
    uint64_t address;
    uint32_t fourcc, flags, width, height, stride;
} __attribute__((packed));

struct ramfb {
    struct vemu_device dev;
    char *rom_path;
    pthread_mutex_t lock; /* config */
    bool has_lock;
    struct config config; /* as the guest wrote it; saved */
};

#define FOURCC(a, b, c, d)                                                                         \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static bool format_of(uint32_t fourcc, enum vemu_pixel_format *ret)
{
    switch (fourcc) {
    case FOURCC('X', 'R', '2', '4'):
    case FOURCC('A', 'R', '2', '4'): *ret = VEMU_PIXEL_X8R8G8B8; return true;
    case FOURCC('X', 'B', '2', '4'):
    case FOURCC('A', 'B', '2', '4'): *ret = VEMU_PIXEL_X8B8G8R8; return true;
    case FOURCC('R', 'G', '2', '4'): *ret = VEMU_PIXEL_R8G8B8; return true;
    case FOURCC('R', 'G', '1', '6'): *ret = VEMU_PIXEL_R5G6B5; return true;
    case FOURCC('X', 'R', '1', '5'): *ret = VEMU_PIXEL_X1R5G5B5; return true;
    default: return false;
    }
}

static bool ramfb_surface(struct vemu_device *dev, struct vemu_surface *ret)
{
    struct ramfb *s = (struct ramfb *)dev;
    struct config config;
    uint64_t row;

    pthread_mutex_lock(&s->lock);
    config = s->config;
    pthread_mutex_unlock(&s->lock);
    ret->width = GUINT32_FROM_BE(config.width);
    ret->height = GUINT32_FROM_BE(config.height);
    ret->stride = GUINT32_FROM_BE(config.stride);
    ret->address = GUINT64_FROM_BE(config.address);
    if (!format_of(GUINT32_FROM_BE(config.fourcc), &ret->format) || ret->width < SIZE_MIN ||
        ret->height < SIZE_MIN || ret->width > VEMU_SURFACE_MAX || ret->height > VEMU_SURFACE_MAX)
        return false;
    row = (uint64_t)ret->width * vemu__pixel_size(ret->format);
    if (!ret->stride)
        ret->stride = (uint32_t)row;
    return ret->stride >= row;
}

static int ramfb_read(struct vemu_device *dev, uint64_t address, void *buf, size_t size)
{
    return vemu_dma_read(dev->vm, address, buf, size);
}

static const struct vemu_display_ops ramfb_display = {
    .surface = ramfb_surface,
    .read = ramfb_read,
};

static void ramfb_written(void *data, const void *file)
{
    struct ramfb *s = data;

    pthread_mutex_lock(&s->lock);
    memcpy(&s->config, file, sizeof(s->config));
    pthread_mutex_unlock(&s->lock);
}

static struct vemu_device *find_fw_cfg(struct vemu_vm *vm)
{
    for (guint i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];

        if (dev->class_ == &vemu__device_fw_cfg && dev->realized)
            return dev;
    }
    return NULL;
}

/* The default may be missing: other firmware needs none. */
static int add_rom(struct ramfb *s, struct vemu_device *fw_cfg, struct vemu_error **err)
{
    const char *path = s->rom_path ? s->rom_path : ROM_DEFAULT;
    struct vemu_boot_file file = { .fd = -1 };
    g_autofree uint8_t *rom = NULL;
    int r;

    if (!*path || (!s->rom_path && !g_file_test(path, G_FILE_TEST_EXISTS)))
        return 0;
    r = vemu__boot_file_open(path, "ROM", &file, err);
    if (r < 0)
        return r;
    if (!file.size || file.size > ROM_MAX) {
        r = vemu__error_set(err, EINVAL, "ROM '%s' does not have from 1 to %u bytes", path,
                            ROM_MAX);
    } else {
        rom = g_malloc(file.size);
        r = vemu__boot_file_read(&file, 0, rom, (size_t)file.size);
        if (r >= 0)
            r = vemu__fw_cfg_set_file(fw_cfg, ROM_NAME, rom, (size_t)file.size);
        if (r < 0)
            vemu__error_set(err, -r, "cannot read ROM '%s': %s", path, g_strerror(-r));
    }
    vemu__boot_file_close(&file);
    return r;
}

static int ramfb_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct ramfb *s = (struct ramfb *)dev;
    struct vemu_device *fw_cfg = find_fw_cfg(dev->vm);
    int r;

    if (!fw_cfg)
        return vemu__error_set(err, ENOTSUP,
                               "the machine has no fw_cfg, through which a guest sets it up");
    pthread_mutex_init(&s->lock, NULL);
    s->has_lock = true;
    r = vemu__fw_cfg_add_writable(fw_cfg, FILE_NAME, sizeof(struct config), ramfb_written, s);
    if (r < 0)
        return r == -EEXIST ? vemu__error_set(err, EEXIST, "there is a ramfb already") : r;
    r = add_rom(s, fw_cfg, err);
    if (r >= 0)
        vemu__display_add(dev, &ramfb_display);
    return r;
}

static void ramfb_reset(struct vemu_device *dev)
{
    static const struct config none;

    ramfb_written(dev, &none);
}

static void ramfb_fini(struct vemu_device *dev)
{
    struct ramfb *s = (struct ramfb *)dev;

    if (s->has_lock)
        pthread_mutex_destroy(&s->lock);
}

static const struct vemu_prop ramfb_props[] = {
    VEMU_PROP(struct ramfb, rom_path, "romfile", STRING, NULL,
              "VGA BIOS for SeaBIOS; default: SeaBIOS's own; empty: none"),
    VEMU_PROP_END,
};

static const struct vemu_state_field ramfb_state[] = {
    VEMU_STATE(struct ramfb, config),
    VEMU_STATE_END,
};

static const struct vemu_device_ops ramfb_ops = {
    .realize = ramfb_realize,
    .reset = ramfb_reset,
    .fini = ramfb_fini,
};

const struct vemu_device_class vemu__device_ramfb = {
    .name = "ramfb",
    .summary = "display: a frame buffer in RAM that firmware sets up",
    .state_version = 1,
    .instance_size = sizeof(struct ramfb),
    .props = ramfb_props,
    .state = ramfb_state,
    .ops = &ramfb_ops,
};
