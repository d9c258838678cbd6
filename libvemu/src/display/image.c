/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pictures as files: PPM (netpbm's P6) and PNG (W3C, second edition; true colour, no filter).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <zlib.h>

#include "core/fd.h"
#include "display/display.h"

/* "P6" wants the bytes red, green, blue, and so does PNG. `lead`: bytes of zero before each row. */
static uint8_t *rows_of(const struct vemu_display_frame *frame, size_t lead, size_t *ret_size)
{
    size_t row = lead + 3 * (size_t)frame->width;
    uint8_t *bytes = g_try_malloc0_n(frame->height, row), *to = bytes;

    for (uint32_t y = 0; bytes && y < frame->height; y++) {
        const uint32_t *from = frame->pixels + (size_t)y * frame->stride;

        to += lead;
        for (uint32_t x = 0; x < frame->width; x++, to += 3) {
            to[0] = (uint8_t)(from[x] >> 16);
            to[1] = (uint8_t)(from[x] >> 8);
            to[2] = (uint8_t)from[x];
        }
    }
    *ret_size = row * frame->height;
    return bytes;
}

static int write_ppm(int fd, const struct vemu_display_frame *frame)
{
    char head[64];
    size_t size;
    g_autofree uint8_t *rows = rows_of(frame, 0, &size);
    int r, length = g_snprintf(head, sizeof(head), "P6\n%u %u\n255\n", frame->width, frame->height);

    if (!rows)
        return -ENOMEM;
    r = vemu__fd_write_all(fd, head, (size_t)length);
    return r < 0 ? r : vemu__fd_write_all(fd, rows, size);
}

/* Length, type, data, checksum of type and data (5.3). */
static int write_chunk(int fd, const char *type, const void *data, size_t size)
{
    uint32_t word = GUINT32_TO_BE((uint32_t)size);
    uLong sum = crc32(0, (const Bytef *)type, 4);
    int r = vemu__fd_write_all(fd, &word, 4);

    if (size)
        sum = crc32_z(sum, data, size);
    if (r >= 0)
        r = vemu__fd_write_all(fd, type, 4);
    if (r >= 0)
        r = vemu__fd_write_all(fd, data, size);
    word = GUINT32_TO_BE((uint32_t)sum);
    return r < 0 ? r : vemu__fd_write_all(fd, &word, 4);
}

static int write_png(int fd, const struct vemu_display_frame *frame)
{
    static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    uint32_t size_be[2] = { GUINT32_TO_BE(frame->width), GUINT32_TO_BE(frame->height) };
    uint8_t head[13] = { 0, 0, 0, 0, 0, 0, 0, 0, 8, 2 }; /* 8 bits, true colour */
    size_t size;
    g_autofree uint8_t *rows = rows_of(frame, 1, &size); /* filter 0 before each row */
    uLongf packed_size = compressBound(size);
    g_autofree uint8_t *packed = g_try_malloc(packed_size);
    int r;

    if (!rows || !packed || compress2(packed, &packed_size, rows, size, 1) != Z_OK)
        return -ENOMEM;
    memcpy(head, size_be, sizeof(size_be));
    r = vemu__fd_write_all(fd, signature, sizeof(signature));
    if (r >= 0)
        r = write_chunk(fd, "IHDR", head, sizeof(head));
    if (r >= 0)
        r = write_chunk(fd, "IDAT", packed, packed_size);
    return r < 0 ? r : write_chunk(fd, "IEND", NULL, 0);
}

int vemu__image_write(const struct vemu_display_frame *frame, enum vemu_image_format format,
                      const char *path, struct vemu_error **err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), r;

    if (fd < 0)
        return vemu__error_set(err, errno, "cannot open '%s': %s", path, g_strerror(errno));
    r = format == VEMU_IMAGE_PNG ? write_png(fd, frame) : write_ppm(fd, frame);
    if (close(fd) < 0 && r >= 0)
        r = -errno;
    if (r < 0) {
        unlink(path);
        return vemu__error_set(err, -r, "cannot write '%s': %s", path, g_strerror(-r));
    }
    return 0;
}
