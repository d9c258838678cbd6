/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layers of images: making and closing them, reading and writing with all checks.
 */
#include "image/image.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <string.h>

#include "core/error.h"
#include "core/iov.h"
#include "core/property.h"

#define ZEROS_SIZE  (64u << 10)
#define ZEROS_COUNT 16u /* times the buffer in one write */

/* --- making and closing ----------------------------------------------------------------------- */

int vemu__image_set_options(void *object, const struct vemu_prop *table,
                            const struct vemu_property *props, size_t prop_count,
                            struct vemu_error **err)
{
    return vemu__props_set(NULL, object, table, props, prop_count, err);
}

static void image_free(struct vemu_image *image)
{
    vemu__props_clear(image, image->driver->props);
    vemu__image_free_threshold(image);
    g_free(image->filename);
    g_free(image->backing_filename);
    g_free(image->backing_format);
    g_free(image);
}

static int check_new(const struct vemu_image_driver *driver, const struct vemu_image *file,
                     const char *filename, uint32_t flags, struct vemu_error **err)
{
    bool is_protocol = driver->flags & VEMU_IMAGE_FORMAT_PROTOCOL;

    if (is_protocol && file)
        return vemu__error_set(err, EINVAL, "'%s' stands on nothing: it takes no 'file'",
                               driver->name);
    if (!is_protocol && !file)
        return vemu__error_set(err, EINVAL, "a %s image needs a file", driver->name);
    if ((flags & VEMU_IMAGE_WRITE) && !(driver->flags & VEMU_IMAGE_FORMAT_WRITE))
        return vemu__error_set(err, ENOTSUP, "'%s': %s images can only be read", filename,
                               driver->name);
    return 0;
}

int vemu__image_new(const struct vemu_image_driver *driver, const char *filename,
                    struct vemu_image *file, uint32_t open_flags, const struct vemu_property *props,
                    size_t prop_count, struct vemu_image **ret, struct vemu_error **err)
{
    struct vemu_image *image = g_malloc0(driver->instance_size);
    int r;

    image->driver = driver;
    atomic_init(&image->refs, 1);
    image->filename = g_strdup(filename ? filename : "");
    image->open_flags = open_flags;
    image->file = file;
    r = check_new(driver, file, image->filename, open_flags, err);
    if (r >= 0)
        r = vemu__image_set_options(image, driver->props, props, prop_count, err);
    if (r >= 0 && file && driver->probe)
        r = vemu__image_lock_contents(file, err);
    if (r < 0) {
        vemu_image_close(file);
        image_free(image);
        return r;
    }
    r = driver->open(image, err);
    if (r < 0) {
        vemu__error_set(err, -r, "cannot open '%s': %s", image->filename, strerror(-r));
        image->open_flags &= ~VEMU_IMAGE_WRITE; /* nothing to write back */
        vemu_image_close(image);
        return r;
    }
    *ret = image;
    return 0;
}

struct vemu_image *vemu_image_ref(struct vemu_image *image)
{
    atomic_fetch_add(&image->refs, 1);
    return image;
}

/* Frees one layer; what it stands on is left to the caller. */
static int layer_close(struct vemu_image *image)
{
    int r = 0, closed = 0;

    if (image->open_flags & VEMU_IMAGE_WRITE)
        r = vemu_image_flush(image);
    if (image->driver->close)
        closed = image->driver->close(image);
    image_free(image);
    return r < 0 ? r : closed;
}

int vemu_image_close(struct vemu_image *image)
{
    int r = 0;

    /* a chain is 200 long at most, so only `file`, which is short, goes into itself */
    while (image && atomic_fetch_sub(&image->refs, 1) == 1) {
        struct vemu_image *file = image->file, *backing = image->backing;
        int closed = layer_close(image), below = vemu_image_close(file);

        if (r >= 0)
            r = closed < 0 ? closed : below;
        image = backing;
    }
    return r;
}

/* A filter passes on what goes behind the end. */
void vemu__image_set_child(struct vemu_image *image)
{
    image->open_flags |= IMAGE_OPEN_CHILD;
    while ((image->driver->flags & VEMU_IMAGE_FORMAT_FILTER) && image->file) {
        image = image->file;
        image->open_flags |= IMAGE_OPEN_CHILD;
    }
}

struct vemu_image *vemu__image_skip_filters(struct vemu_image *image)
{
    while ((image->driver->flags & VEMU_IMAGE_FORMAT_FILTER) && image->file)
        image = image->file;
    return image;
}

/* --- ranges ----------------------------------------------------------------------------------- */

static int check_range(const struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    uint64_t size = image->size;

    if (offset > INT64_MAX || bytes > INT64_MAX - offset)
        return -EINVAL;
    if (offset <= size && bytes <= size - offset)
        return 0;
    return image->open_flags & IMAGE_OPEN_CHILD ? 0 : -EINVAL;
}

static int check_write(const struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    int r = check_range(image, offset, bytes);

    if (r < 0)
        return r;
    if (!(image->open_flags & VEMU_IMAGE_WRITE))
        return -EROFS;
    return image->grows || offset + bytes <= image->size ? 0 : -ENOSPC;
}

static bool is_exceeded(const struct vemu_image *image, uint64_t end)
{
    uint64_t threshold = vemu__image_get_threshold(image);

    return threshold && end > threshold;
}

/* A change begins, which ends at `end`. */
static void watch(struct vemu_image *image, uint64_t end)
{
    if (is_exceeded(image, end))
        vemu__image_exceed_threshold(image, end);
}

/* Below a format, what is behind the end reads as zeros. */
static int read_beyond(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count)
{
    uint64_t size = image->size, inside = offset < size ? size - offset : 0;
    g_autofree struct iovec *part = NULL;
    unsigned n;

    vemu__iov_fill(iov, count, inside, 0, bytes - inside);
    if (!inside)
        return 0;
    part = g_new(struct iovec, count);
    n = vemu__iov_slice(iov, count, 0, inside, part, count);
    return image->driver->readv(image, offset, inside, part, n);
}

/* --- reading and writing ---------------------------------------------------------------------- */

int vemu_image_readv(struct vemu_image *image, uint64_t offset, const struct iovec *iov,
                     unsigned count)
{
    uint64_t bytes = vemu__iov_size(iov, count);
    int r = check_range(image, offset, bytes);

    if (r < 0 || !bytes)
        return r;
    if (!image->grows && offset + bytes > image->size)
        return read_beyond(image, offset, bytes, iov, count);
    return image->driver->readv(image, offset, bytes, iov, count);
}

int vemu_image_read(struct vemu_image *image, uint64_t offset, void *buf, size_t bytes)
{
    const struct iovec iov = { buf, bytes };

    return vemu_image_readv(image, offset, &iov, 1);
}

int vemu_image_writev(struct vemu_image *image, uint64_t offset, const struct iovec *iov,
                      unsigned count, uint32_t flags)
{
    uint64_t bytes = vemu__iov_size(iov, count);
    int r = check_write(image, offset, bytes);

    if (r < 0)
        return r;
    if (flags & ~(VEMU_IMAGE_FUA | VEMU_IMAGE_COMPRESSED))
        return -EINVAL;
    if (!bytes)
        return 0;
    if (!image->driver->writev)
        return -ENOTSUP;
    watch(image, offset + bytes);
    if (image->open_flags & VEMU_IMAGE_WRITE_THROUGH)
        flags |= VEMU_IMAGE_FUA;
    return image->driver->writev(image, offset, bytes, iov, count, flags);
}

int vemu_image_write(struct vemu_image *image, uint64_t offset, const void *buf, size_t bytes,
                     uint32_t flags)
{
    const struct iovec iov = { (void *)buf, bytes };

    return vemu_image_writev(image, offset, &iov, 1, flags);
}

static int write_zeros(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    g_autofree uint8_t *zeros = g_malloc0(MIN(bytes, ZEROS_SIZE));
    struct iovec iov[ZEROS_COUNT];
    int r = image->driver->writev ? 0 : -ENOTSUP;

    while (bytes && r >= 0) {
        uint64_t piece = 0;
        unsigned n = 0;

        while (n < ZEROS_COUNT && piece < bytes) {
            iov[n] = (struct iovec){ zeros, MIN(bytes - piece, ZEROS_SIZE) };
            piece += iov[n++].iov_len;
        }
        r = image->driver->writev(image, offset, piece, iov, n, flags);
        offset += piece;
        bytes -= piece;
    }
    return r;
}

int vemu_image_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    int r = check_write(image, offset, bytes);

    if (r < 0)
        return r;
    if (flags & ~(VEMU_IMAGE_FUA | VEMU_IMAGE_MAY_UNMAP | VEMU_IMAGE_NO_FALLBACK))
        return -EINVAL;
    if (!bytes)
        return 0;
    watch(image, offset + bytes);
    if (!(image->open_flags & VEMU_IMAGE_UNMAP))
        flags &= ~VEMU_IMAGE_MAY_UNMAP;
    if (image->open_flags & VEMU_IMAGE_WRITE_THROUGH)
        flags |= VEMU_IMAGE_FUA;
    r = image->driver->zero ? image->driver->zero(image, offset, bytes, flags) : -ENOTSUP;
    if (r != -ENOTSUP || (flags & VEMU_IMAGE_NO_FALLBACK))
        return r;
    return write_zeros(image, offset, bytes, flags & VEMU_IMAGE_FUA);
}

int vemu_image_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    int r = check_write(image, offset, bytes);

    if (r < 0 || !bytes || !(image->open_flags & VEMU_IMAGE_UNMAP) || !image->driver->discard)
        return r;
    watch(image, offset + bytes);
    return image->driver->discard(image, offset, bytes);
}

int vemu_image_flush(struct vemu_image *image)
{
    if (!(image->open_flags & VEMU_IMAGE_WRITE))
        return 0;
    if (image->driver->flush)
        return image->driver->flush(image);
    return image->file ? vemu_image_flush(image->file) : 0;
}

/* --- what the kernel can do by itself --------------------------------------------------------- */

int vemu__image_map(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool write,
                    struct vemu_image_span *ret)
{
    if (!image->driver->map || (write && is_exceeded(image, offset + bytes)))
        return -EAGAIN;
    return image->driver->map(image, offset, bytes, write, ret);
}

void vemu__image_unmap(struct vemu_image_span *span)
{
    if (span->owner)
        span->owner->driver->unmap(span->owner, span);
    span->owner = NULL;
}

int vemu__image_flush_fd(struct vemu_image *image)
{
    return image->driver->flush_fd ? image->driver->flush_fd(image) : -1;
}

void vemu__image_hurry(struct vemu_image *image, bool on)
{
    for (; image; image = image->file)
        if (image->driver->hurry)
            image->driver->hurry(image, on);
}

/* --- facts ------------------------------------------------------------------------------------ */

int vemu__image_progress(const struct vemu_progress *progress, uint64_t done, uint64_t total)
{
    if (!progress || !progress->report)
        return 0;
    return progress->report(progress->data, done, total) ? -ECANCELED : 0;
}

void vemu__image_grow(struct vemu_image *image, uint64_t end)
{
    uint64_t size = image->size;

    end = (end + IMAGE_SECTOR - 1) & ~(uint64_t)(IMAGE_SECTOR - 1);
    while (end > size && !atomic_compare_exchange_weak(&image->size, &size, end))
        continue;
}

uint64_t vemu_image_get_size(const struct vemu_image *image)
{
    return image->size;
}

const char *vemu_image_get_format(const struct vemu_image *image)
{
    return image->driver->name;
}

const char *vemu_image_get_filename(const struct vemu_image *image)
{
    return image->filename;
}

struct vemu_image *vemu_image_get_backing(const struct vemu_image *image)
{
    return image->backing;
}

struct vemu_image *vemu_image_get_file(const struct vemu_image *image)
{
    return image->file;
}

int vemu_image_is_writable(const struct vemu_image *image)
{
    return (image->open_flags & VEMU_IMAGE_WRITE) != 0;
}
