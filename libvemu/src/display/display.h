/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Displays: what a device shows, for those who look at it.
 *
 * A display device describes its surface (size, format, where the rows are) and hands out bytes of
 * it; views (display.c) turn them into pixels and find out which rows changed. Nobody tells when
 * the guest has drawn: a view compares with what it saw last, which costs the guest nothing and the
 * host one pass over the picture for each update.
 */
#ifndef VEMU_DISPLAY_DISPLAY_H
#define VEMU_DISPLAY_DISPLAY_H

#include <vemu/display.h>

#include "core/device.h"

/* A pixel in memory, little endian unless `swapped`. */
enum vemu_pixel_format {
    VEMU_PIXEL_X8R8G8B8, /* 32 bits: 0xXXRRGGBB */
    VEMU_PIXEL_X8B8G8R8, /* 32 bits: 0xXXBBGGRR */
    VEMU_PIXEL_R8G8B8,   /* 24 bits: B, G, R in memory */
    VEMU_PIXEL_R5G6B5,   /* 16 bits */
    VEMU_PIXEL_X1R5G5B5, /* 15 bits of 16 */
};

struct vemu_surface {
    uint32_t width, height; /* pixels */
    uint32_t stride;        /* bytes from a row to the next */
    uint64_t address;       /* of the first row, as ops->read understands it */
    enum vemu_pixel_format format;
    bool swapped; /* big endian */
};

#define VEMU_SURFACE_MAX 16384u /* pixels, of width and height */

struct vemu_display_ops {
    /* The surface that is shown, or false: none. The device's lock is held. */
    bool (*surface)(struct vemu_device *dev, struct vemu_surface *ret);
    /* Copies bytes of it. -EFAULT: they are not there (any more). The device's lock is held. */
    int (*read)(struct vemu_device *dev, uint64_t address, void *buf, size_t size);
};

/* The device is a display, from now on as long as the machine: it cannot be plugged. Context:
 * realize. */
void vemu__display_add(struct vemu_device *dev, const struct vemu_display_ops *ops);
unsigned vemu__pixel_size(enum vemu_pixel_format format); /* bytes */

/* --- edid.c ----------------------------------------------------------------------------------- */
#define VEMU_EDID_SIZE 128u
/* What a monitor that likes this size tells (VESA E-EDID 1.4, base block). */
void vemu__edid_build(uint32_t width, uint32_t height, uint8_t edid[VEMU_EDID_SIZE]);

/* --- image.c ---------------------------------------------------------------------------------- */
/* Writes the picture to a file, which is made or replaced. -errno. */
enum vemu_image_format { VEMU_IMAGE_PPM, VEMU_IMAGE_PNG };
int vemu__image_write(const struct vemu_display_frame *frame, enum vemu_image_format format,
                      const char *path, struct vemu_error **err);

#endif
