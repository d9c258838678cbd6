/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bochs-display: a frame buffer on PCI, without VGA.
 *
 * BAR 0 is the frame buffer, plain memory to the guest. BAR 2 has registers: EDID, the VBE DISPI
 * registers of Bochs (16 bits each; Bochs, iodev/display/vga.h), and QEMU's two for the order of
 * bytes (docs/specs/standard-vga of QEMU). Modes have 15, 16, 24 or 32 bits a pixel; there is no
 * palette. Banks, and what else needs VGA's window at 0xa0000, do nothing.
 *
 * The guest may write any number into any register: a mode that does not fit into the memory shows
 * nothing.
 */
#include <errno.h>
#include <string.h>

#include "bus/pci.h"
#include "core/vm.h"
#include "devices/devices.h"
#include "display/display.h"

#define BAR_MEMORY    0u
#define BAR_REGISTERS 2u
#define REGISTERS     0x1000u
#define AT_EDID       0x000u
#define AT_DISPI      0x500u
#define AT_EXTENDED   0x600u
#define EXTENDED_SIZE 8u

enum {
    DISPI_ID,
    DISPI_XRES,
    DISPI_YRES,
    DISPI_BPP,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRT_WIDTH,
    DISPI_VIRT_HEIGHT,
    DISPI_X_OFFSET,
    DISPI_Y_OFFSET,
    DISPI_MEMORY_64K,
    DISPI_COUNT
};
#define DISPI_ID5     0xb0c5u
#define DISPI_ENABLED 0x01u

#define LITTLE_ENDIAN_ORDER 0x1e1e1e1eu
#define BIG_ENDIAN_ORDER    0xbebebebeu

#define MEMORY_MIN (1u << 20)
#define MEMORY_MAX (256u << 20)
#define SIZE_MIN   64u

struct bochs_display {
    struct vemu_pci_device pci;
    uint64_t memory_size;
    uint32_t xres, yres;
    bool has_edid;
    struct vemu_memory_block *memory;
    uint8_t edid[VEMU_EDID_SIZE];
    /* saved */
    uint16_t dispi[DISPI_COUNT];
    uint8_t big_endian;
};

/* --- the picture ------------------------------------------------------------------------------ */

static bool format_of(uint16_t bits, enum vemu_pixel_format *ret)
{
    switch (bits) {
    case 15: *ret = VEMU_PIXEL_X1R5G5B5; return true;
    case 16: *ret = VEMU_PIXEL_R5G6B5; return true;
    case 24: *ret = VEMU_PIXEL_R8G8B8; return true;
    case 32: *ret = VEMU_PIXEL_X8R8G8B8; return true;
    default: return false;
    }
}

static bool display_surface(struct vemu_device *dev, struct vemu_surface *ret)
{
    const struct bochs_display *s = (struct bochs_display *)dev;
    const uint16_t *r = s->dispi;
    uint64_t width, pixel, end;

    if (!(r[DISPI_ENABLE] & DISPI_ENABLED) || !format_of(r[DISPI_BPP], &ret->format) ||
        r[DISPI_XRES] < SIZE_MIN || r[DISPI_YRES] < SIZE_MIN)
        return false;
    pixel = vemu__pixel_size(ret->format);
    width = MAX(r[DISPI_VIRT_WIDTH], r[DISPI_XRES]);
    ret->width = r[DISPI_XRES];
    ret->height = r[DISPI_YRES];
    ret->stride = (uint32_t)(width * pixel);
    ret->address = r[DISPI_Y_OFFSET] * (uint64_t)ret->stride + r[DISPI_X_OFFSET] * pixel;
    ret->swapped = s->big_endian;
    /* 16-bit numbers: far from overflow. */
    end = ret->address + (ret->height - 1) * (uint64_t)ret->stride + ret->width * pixel;
    return end <= s->memory->size;
}

static int display_read(struct vemu_device *dev, uint64_t address, void *buf, size_t size)
{
    const struct vemu_memory_block *memory = ((struct bochs_display *)dev)->memory;

    if (address > memory->size || size > memory->size - address)
        return -EFAULT;
    memcpy(buf, memory->hva + address, size);
    return 0;
}

static const struct vemu_display_ops display_ops = {
    .surface = display_surface,
    .read = display_read,
};

/* --- registers -------------------------------------------------------------------------------- */

static uint8_t dispi_byte(const struct bochs_display *s, unsigned at)
{
    return (uint8_t)(s->dispi[at / 2] >> (8 * (at & 1)));
}

static uint8_t read_byte(const struct bochs_display *s, uint64_t at)
{
    uint32_t order = s->big_endian ? BIG_ENDIAN_ORDER : LITTLE_ENDIAN_ORDER;

    if (at < AT_EDID + VEMU_EDID_SIZE)
        return s->has_edid ? s->edid[at - AT_EDID] : 0;
    if (at >= AT_DISPI && at < AT_DISPI + 2 * DISPI_COUNT)
        return dispi_byte(s, (unsigned)(at - AT_DISPI));
    if (at >= AT_EXTENDED && at < AT_EXTENDED + 4)
        return at == AT_EXTENDED ? EXTENDED_SIZE : 0;
    if (at >= AT_EXTENDED + 4 && at < AT_EXTENDED + EXTENDED_SIZE)
        return (uint8_t)order;
    return 0;
}

static uint64_t registers_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)read_byte((struct bochs_display *)dev, offset + i) << (8 * i);
    return value;
}

static void write_dispi(struct bochs_display *s, unsigned n, uint16_t value)
{
    if (n == DISPI_ID || n >= DISPI_MEMORY_64K) /* read only */
        return;
    s->dispi[n] = value;
}

static void registers_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct bochs_display *s = (struct bochs_display *)dev;

    if (offset == AT_EXTENDED + 4 && size == 4) {
        if (value == BIG_ENDIAN_ORDER || value == LITTLE_ENDIAN_ORDER)
            s->big_endian = value == BIG_ENDIAN_ORDER;
        return;
    }
    /* Whole registers: one, or two at a time. */
    for (unsigned i = 0; i + 1 < size; i += 2)
        if (offset + i >= AT_DISPI && offset + i < AT_DISPI + 2 * DISPI_COUNT)
            write_dispi(s, (unsigned)(offset + i - AT_DISPI) / 2, (uint16_t)(value >> (8 * i)));
}

static const struct vemu_region_ops registers = {
    .read = registers_read,
    .write = registers_write,
    .min_size = 1,
    .max_size = 4,
};

/* --- life ------------------------------------------------------------------------------------- */

static int bochs_realize(struct vemu_device *dev, struct vemu_error **err)
{
    static const struct vemu_pci_ident ident = {
        .vendor = 0x1234,
        .device = 0x1111,
        .subvendor = 0x1af4,
        .subdevice = 0x1100,
        .class_ = 0x038000,
        .revision = 2, /* has the registers for the order of bytes */
    };
    struct bochs_display *s = (struct bochs_display *)dev;
    int r;

    if (s->memory_size < MEMORY_MIN || s->memory_size > MEMORY_MAX ||
        (s->memory_size & (s->memory_size - 1)))
        return vemu__error_set(err, EINVAL, "vgamem is not a power of two from 1 MiB to 256 MiB");
    if (s->xres < SIZE_MIN || s->yres < SIZE_MIN || s->xres > VEMU_SURFACE_MAX ||
        s->yres > VEMU_SURFACE_MAX)
        return vemu__error_set(err, EINVAL, "xres and yres are from %u to %u", SIZE_MIN,
                               VEMU_SURFACE_MAX);
    if (!s->memory) {
        r = vemu__memory_add_block(dev->vm->memory, s->memory_size, "vgamem", &s->memory, err);
        if (r < 0)
            return r;
    }
    vemu__edid_build(s->xres, s->yres, s->edid);
    vemu_pci_init(&s->pci, &ident, NULL);
    vemu_pci_add_memory_bar(&s->pci, BAR_MEMORY, s->memory, VEMU_PCI_BAR_PREFETCH, "vgamem");
    vemu_pci_add_bar(&s->pci, BAR_REGISTERS, REGISTERS, 0, &registers, "bochs-display");
    r = vemu_pci_attach(&s->pci, err);
    if (r >= 0)
        vemu__display_add(dev, &display_ops);
    return r;
}

static void reset_constants(struct bochs_display *s)
{
    s->dispi[DISPI_ID] = DISPI_ID5;
    s->dispi[DISPI_MEMORY_64K] = (uint16_t)(s->memory->size >> 16);
}

/* What is in the memory stays, as in a real card. */
static void bochs_reset(struct vemu_device *dev)
{
    struct bochs_display *s = (struct bochs_display *)dev;

    vemu_pci_reset(&s->pci);
    memset(s->dispi, 0, sizeof(s->dispi));
    reset_constants(s);
    s->big_endian = 0;
}

static void bochs_restored(struct vemu_device *dev)
{
    struct bochs_display *s = (struct bochs_display *)dev;

    vemu_pci_restored(&s->pci);
    reset_constants(s);
    s->big_endian = s->big_endian != 0;
}

static const struct vemu_prop bochs_props[] = {
    VEMU_PROP_GROUP(0, vemu__pci_props),
    VEMU_PROP(struct bochs_display, memory_size, "vgamem", SIZE, "16M",
              "size of the frame buffer, a power of two"),
    VEMU_PROP(struct bochs_display, has_edid, "edid", BOOL, "on", "tell what the monitor is"),
    VEMU_PROP(struct bochs_display, xres, "xres", U32, "1280", "width that the monitor likes"),
    VEMU_PROP(struct bochs_display, yres, "yres", U32, "800", "height that the monitor likes"),
    VEMU_PROP_END,
};

static const struct vemu_state_field bochs_state[] = {
    VEMU_STATE_GROUP(0, vemu__pci_state),
    VEMU_STATE(struct bochs_display, dispi),
    VEMU_STATE(struct bochs_display, big_endian),
    VEMU_STATE_END,
};

static const struct vemu_device_ops bochs_ops = {
    .realize = bochs_realize,
    .reset = bochs_reset,
    .restored = bochs_restored,
    .unplug = vemu_pci_unplug,
};

const struct vemu_device_class vemu__device_bochs_display = {
    .name = "bochs-display",
    .summary = "display: a frame buffer on PCI",
    .state_version = 1,
    .instance_size = sizeof(struct bochs_display),
    .props = bochs_props,
    .state = bochs_state,
    .ops = &bochs_ops,
};
