/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image drivers file and host_device: a regular file or a block device of the host as it is.
 *
 * The size is rounded up to sectors; what lies behind the end of the file reads as zeros. With
 * O_DIRECT there are two descriptors: requests whose place is not aligned as O_DIRECT needs it go
 * through the cached one (the kernel keeps the two coherent on local file systems), those whose
 * memory alone is not, through an aligned buffer.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "image/drivers.h"
#include "image/file-io.h"

struct file {
    struct vemu_image image;
    char *filename, *locking;
    char *fds;         /* "7:8": what stands for the file; NULL: it is opened */
    int fd, direct_fd; /* direct_fd -1: none */
    bool is_device, is_locked;
    unsigned direct_align;
    atomic_bool no_punch, no_zero_range; /* the file system cannot */
};

static struct file *file_of(const struct vemu_image *image)
{
    return (struct file *)image;
}

static const char *path_of(const char *filename)
{
    if (g_str_has_prefix(filename, "file:"))
        return filename + strlen("file:");
    return g_str_has_prefix(filename, "host_device:") ? filename + strlen("host_device:")
                                                      : filename;
}

/* --- size ------------------------------------------------------------------------------------- */

static uint64_t round_up(uint64_t bytes)
{
    return (bytes + IMAGE_SECTOR - 1) & ~(uint64_t)(IMAGE_SECTOR - 1);
}

static int measure(struct file *file, struct vemu_error **err)
{
    const char *name = file->image.filename;
    struct stat st;
    uint64_t size = 0;

    if (fstat(file->fd, &st) < 0)
        return vemu__error_set(err, errno, "cannot look at '%s': %s", name, strerror(errno));
    file->is_device = S_ISBLK(st.st_mode);
    if (S_ISREG(st.st_mode))
        size = (uint64_t)st.st_size;
    else if (!file->is_device)
        return vemu__error_set(err, EINVAL, "'%s' is neither a file nor a block device", name);
    else if (ioctl(file->fd, BLKGETSIZE64, &size) < 0)
        return vemu__error_set(err, errno, "size of '%s': %s", name, strerror(errno));
    file->image.size = round_up(size);
    file->image.grows = !file->is_device;
    return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

enum way { CACHED, DIRECT, BOUNCED };

static enum way way_of(const struct file *file, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count)
{
    unsigned mask = file->direct_align - 1;

    if (file->direct_fd < 0 || (offset | bytes) & mask)
        return CACHED;
    for (unsigned i = 0; i < count; i++)
        if (((uintptr_t)iov[i].iov_base | iov[i].iov_len) & mask)
            return BOUNCED;
    return DIRECT;
}

static int file_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count)
{
    const struct file *file = file_of(image);

    switch (way_of(file, offset, bytes, iov, count)) {
    case DIRECT: return vemu__file_read(file->direct_fd, offset, iov, count);
    case BOUNCED:
        return vemu__file_bounce(file->direct_fd, file->direct_align, offset, bytes, iov, count,
                                 false, false);
    case CACHED: break;
    }
    return vemu__file_read(file->fd, offset, iov, count);
}

static int file_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count, uint32_t flags)
{
    struct file *file = file_of(image);
    bool fua = (flags & VEMU_IMAGE_FUA) && !(image->open_flags & VEMU_IMAGE_NO_FLUSH);
    int r = 0;

    if (flags & VEMU_IMAGE_COMPRESSED)
        return -ENOTSUP;
    switch (way_of(file, offset, bytes, iov, count)) {
    case DIRECT: r = vemu__file_write(file->direct_fd, offset, iov, count, fua); break;
    case BOUNCED:
        r = vemu__file_bounce(file->direct_fd, file->direct_align, offset, bytes, iov, count, true,
                              fua);
        break;
    case CACHED: r = vemu__file_write(file->fd, offset, iov, count, fua); break;
    }
    if (r >= 0)
        vemu__image_grow(image, offset + bytes);
    return r;
}

static int file_flush(struct vemu_image *image)
{
    if (image->open_flags & VEMU_IMAGE_NO_FLUSH)
        return 0;
    return fdatasync(file_of(image)->fd) < 0 ? -errno : 0;
}

static int file_flush_fd(struct vemu_image *image)
{
    return image->open_flags & VEMU_IMAGE_NO_FLUSH ? -1 : file_of(image)->fd;
}

static int file_map(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool write,
                    struct vemu_image_span *ret)
{
    const struct file *file = file_of(image);

    if (write)
        vemu__image_grow(image, offset + bytes);
    *ret = (struct vemu_image_span){
        .fd = file->fd,
        .direct_fd = file->direct_fd,
        .direct_align = file->direct_align,
        .offset = offset,
        .bytes = bytes,
    };
    return 0;
}

/* --- space ------------------------------------------------------------------------------------ */

static int try_allocate(struct file *file, atomic_bool *cannot, int mode, uint64_t offset,
                        uint64_t bytes)
{
    int r;

    if ((cannot && atomic_load_explicit(cannot, memory_order_relaxed)) ||
        (file->is_device && (offset | bytes) % IMAGE_SECTOR))
        return -ENOTSUP;
    r = vemu__file_allocate(file->fd, mode | FALLOC_FL_KEEP_SIZE, offset, bytes);
    if (!vemu__file_is_unsupported(r))
        return r;
    if (cannot && r != -EINVAL) /* which may be about this place alone */
        atomic_store_explicit(cannot, true, memory_order_relaxed);
    return -ENOTSUP;
}

/* Zeros behind the end: the last byte is written, the rest is a hole. Right also if somebody else
 * has made the file longer meanwhile. */
static int extend_with_zero(const struct file *file, uint64_t end)
{
    struct stat st;

    if (file->is_device)
        return 0;
    if (fstat(file->fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size >= end)
        return 0;
    return vemu__file_write(file->fd, end - 1, &(struct iovec){ (char *)"", 1 }, 1, false);
}

/* Without writing them where the file system can; a hole only with leave to free space. */
static int file_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    struct file *file = file_of(image);
    int r = -ENOTSUP;

    if (flags & VEMU_IMAGE_MAY_UNMAP)
        r = try_allocate(file, &file->no_punch, FALLOC_FL_PUNCH_HOLE, offset, bytes);
    if (r == -ENOTSUP)
        r = try_allocate(file, &file->no_zero_range, FALLOC_FL_ZERO_RANGE, offset, bytes);
    if (r == -ENOTSUP && !file->is_device) { /* what ZERO_RANGE does, in two steps */
        r = try_allocate(file, &file->no_punch, FALLOC_FL_PUNCH_HOLE, offset, bytes);
        if (r >= 0 && !(flags & VEMU_IMAGE_MAY_UNMAP))
            r = try_allocate(file, NULL, 0, offset, bytes);
    }
    if (r >= 0)
        r = extend_with_zero(file, offset + bytes);
    if (r >= 0)
        vemu__image_grow(image, offset + bytes);
    if (r >= 0 && (flags & VEMU_IMAGE_FUA))
        r = file_flush(image);
    return r;
}

/* Contents need not change: a file system that cannot free space is no error. */
static int file_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    struct file *file = file_of(image);
    int r = try_allocate(file, &file->no_punch, FALLOC_FL_PUNCH_HOLE, offset, bytes);

    return r == -ENOTSUP ? 0 : r;
}

static int file_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       struct vemu_image_extent *ret)
{
    const struct file *file = file_of(image);
    uint32_t flags = VEMU_IMAGE_EXTENT_ALLOCATED | VEMU_IMAGE_EXTENT_OFFSET;
    off_t data, hole;

    ret->offset = offset;
    ret->filename = image->filename;
    ret->bytes = bytes;
    ret->flags = flags | VEMU_IMAGE_EXTENT_DATA;
    if (file->is_device)
        return 0;
    data = lseek(file->fd, (off_t)offset, SEEK_DATA);
    if (data < 0 && errno != ENXIO)
        return 0; /* no such question on this file system: all is data */
    if (data < 0 || (uint64_t)data > offset) {
        ret->flags = flags | VEMU_IMAGE_EXTENT_ZERO;
        ret->bytes = data < 0 ? bytes : MIN(bytes, (uint64_t)data - offset);
        return 0;
    }
    hole = lseek(file->fd, (off_t)offset, SEEK_HOLE);
    if (hole > 0 && (uint64_t)hole > offset) {
        uint64_t end = (uint64_t)hole;

        /* the last sector of a file that ends within it has data to its end */
        if (end % IMAGE_SECTOR && round_up(end) >= image->size)
            end = round_up(end);
        ret->bytes = MIN(bytes, end - offset);
    }
    return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

bool vemu__image_is_device(const char *filename)
{
    struct stat st;

    return stat(filename, &st) == 0 && S_ISBLK(st.st_mode);
}

static void id_of(const struct stat *st, uint64_t id[2])
{
    id[0] = S_ISBLK(st->st_mode) ? UINT64_MAX : st->st_dev;
    id[1] = S_ISBLK(st->st_mode) ? st->st_rdev : st->st_ino;
}

bool vemu__image_file_id(const char *filename, uint64_t id[2])
{
    struct stat st;

    if (stat(path_of(filename), &st) < 0)
        return false;
    id_of(&st, id);
    return true;
}

bool vemu__image_layer_id(const struct vemu_image *image, uint64_t id[2])
{
    struct stat st;

    if ((image->driver != &vemu__image_file && image->driver != &vemu__image_host_device) ||
        fstat(file_of(image)->fd, &st) < 0)
        return false;
    id_of(&st, id);
    return true;
}

static int lock(struct file *file, struct vemu_error **err)
{
    uint32_t flags = file->image.open_flags;
    uint32_t perms = FILE_PERM_READ, shared = FILE_PERM_ALL;

    if (strcmp(file->locking, "off") == 0)
        return 0;
    if (strcmp(file->locking, "auto") != 0 && strcmp(file->locking, "on") != 0)
        return vemu__error_set(err, EINVAL, "locking '%s' is neither auto, on nor off",
                               file->locking);
    if (!vemu__file_can_lock(file->fd))
        return strcmp(file->locking, "on") == 0
                   ? vemu__error_set(err, ENOTSUP, "'%s' is on a file system without OFD locks",
                                     file->image.filename)
                   : 0;
    if (flags & VEMU_IMAGE_WRITE)
        perms |= FILE_PERM_WRITE | FILE_PERM_RESIZE;
    if (flags & (VEMU_IMAGE_WRITE | IMAGE_OPEN_BACKING))
        shared &= ~(FILE_PERM_WRITE | FILE_PERM_RESIZE);
    if (flags & VEMU_IMAGE_FORCE_SHARE)
        shared = FILE_PERM_ALL;
    file->is_locked = true;
    return vemu__file_lock(file->fd, file->image.filename, perms, shared, err);
}

int vemu__image_lock_contents(struct vemu_image *image, struct vemu_error **err)
{
    struct file *file;

    image = vemu__image_skip_filters(image);
    file = file_of(image);
    if ((image->driver != &vemu__image_file && image->driver != &vemu__image_host_device) ||
        !file->is_locked || (image->open_flags & VEMU_IMAGE_FORCE_SHARE))
        return 0;
    return vemu__file_lock(file->fd, image->filename, FILE_PERM_READ,
                           FILE_PERM_READ | FILE_PERM_UNCHANGED, err);
}

/* --- descriptors that stand for the file ------------------------------------------------------ */

/* A duplicate of the one with this access. Its flags are those of all duplicates, and stay. */
static int duplicate(const struct file *file, bool direct, struct vemu_error **err)
{
    const int access = file->image.open_flags & VEMU_IMAGE_WRITE ? O_RDWR : O_RDONLY;
    g_auto(GStrv) list = g_strsplit(file->fds, ":", -1);

    for (unsigned i = 0; list[i]; i++) {
        guint64 number;
        int flags, fd;

        if (!g_ascii_string_to_unsigned(list[i], 10, 0, INT_MAX, &number, NULL))
            return vemu__error_set(err, EINVAL, "fds '%s' are not numbers with ':' between",
                                   file->fds);
        flags = fcntl((int)number, F_GETFL);
        if (flags < 0)
            return vemu__error_set(err, errno, "descriptor %s: %s", list[i], strerror(errno));
        if ((flags & O_ACCMODE) != access || !(flags & O_DIRECT) != !direct ||
            (flags & (O_APPEND | O_PATH)))
            continue;
        fd = fcntl((int)number, F_DUPFD_CLOEXEC, 0);
        return fd >= 0 ? fd
                       : vemu__error_set(err, errno, "descriptor %s: %s", list[i], strerror(errno));
    }
    return vemu__error_set(err, EACCES, "'%s' has no descriptor for %s, opened %s %s O_DIRECT",
                           file->image.filename, access == O_RDWR ? "writing" : "reading alone",
                           access == O_RDWR ? "O_RDWR" : "O_RDONLY", direct ? "with" : "without");
}

static int open_fds(struct file *file, struct vemu_error **err)
{
    int r;

    file->fd = duplicate(file, false, err);
    if (file->fd < 0)
        return file->fd;
    r = measure(file, err);
    if (r >= 0)
        r = lock(file, err);
    if (r < 0 || !(file->image.open_flags & VEMU_IMAGE_DIRECT))
        return r;
    file->direct_fd = duplicate(file, true, err);
    if (file->direct_fd < 0)
        return file->direct_fd;
    file->direct_align = vemu__file_probe_align(file->direct_fd);
    return 0;
}

static int file_open(struct vemu_image *image, struct vemu_error **err)
{
    struct file *file = file_of(image);
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    const char *path;
    int r;

    file->fd = file->direct_fd = -1;
    if (!*image->filename && file->filename) {
        g_free(image->filename);
        image->filename = g_strdup(file->filename);
    }
    path = path_of(image->filename);
    if (!*path)
        return vemu__error_set(err, EINVAL, "property 'filename' is missing");
    if (file->fds)
        return open_fds(file, err);
    flags |= image->open_flags & VEMU_IMAGE_WRITE ? O_RDWR : O_RDONLY;
    flags |= image->open_flags & IMAGE_OPEN_CREATE ? O_CREAT : 0;
    file->fd = open(path, flags, 0644);
    if (file->fd < 0)
        return vemu__error_set(err, errno, "cannot open '%s': %s", path, strerror(errno));
    r = measure(file, err);
    fcntl(file->fd, F_SETFL, flags & ~(O_NONBLOCK | O_CREAT)); /* was only for pipes' sake */
    if (r >= 0)
        r = lock(file, err);
    if (r < 0 || !(image->open_flags & VEMU_IMAGE_DIRECT))
        return r;
    file->direct_fd = open(path, (flags & ~(O_CREAT | O_NONBLOCK)) | O_DIRECT);
    if (file->direct_fd < 0)
        return vemu__error_set(err, errno, "cannot open '%s' with O_DIRECT (cache.direct=on): %s",
                               path, strerror(errno));
    file->direct_align = vemu__file_probe_align(file->direct_fd);
    return 0;
}

static int file_close(struct vemu_image *image)
{
    struct file *file = file_of(image);

    if (file->direct_fd >= 0)
        close(file->direct_fd);
    if (file->fds && file->is_locked) /* others have the same open file, and its locks */
        vemu__file_unlock(file->fd);
    return file->fd >= 0 && close(file->fd) < 0 && errno != EINTR ? -errno : 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int file_resize(struct vemu_image *image, uint64_t size, const char *preallocation,
                       uint32_t flags, const struct vemu_progress *progress,
                       struct vemu_error **err)
{
    struct file *file = file_of(image);
    struct stat st;
    int r;

    if (file->is_device)
        return size == image->size
                   ? 0
                   : vemu__error_set(err, ENOTSUP, "a block device cannot change its size");
    if (fstat(file->fd, &st) < 0)
        return -errno;
    preallocation = preallocation ? preallocation : "off";
    if (strcmp(preallocation, "metadata") == 0)
        return vemu__error_set(err, ENOTSUP,
                               "preallocation 'metadata' is not supported by raw "
                               "files (off, falloc, full)");
    if (size < (uint64_t)st.st_size) {
        if (strcmp(preallocation, "off") != 0)
            return vemu__error_set(err, ENOTSUP, "preallocation is only for growing images");
        r = ftruncate(file->fd, (off_t)size) < 0 ? -errno : 0;
    } else {
        r = vemu__file_preallocate(file->fd, preallocation, (uint64_t)st.st_size, size, progress);
        if (r < 0 && ftruncate(file->fd, st.st_size) < 0)
            return r; /* half of it is there, which does no harm */
    }
    if (r >= 0)
        image->size = round_up(size);
    return r;
}

static int file_info(struct vemu_image *image, struct vemu_image_info *ret, struct vemu_error **err)
{
    struct stat st;

    if (fstat(file_of(image)->fd, &st) < 0)
        return -errno;
    ret->actual_size = (uint64_t)st.st_blocks * 512;
    return 0;
}

static const struct vemu_prop file_props[] = {
    VEMU_PROP(struct file, filename, "filename", STRING, NULL, "the file or block device"),
    VEMU_PROP(struct file, locking, "locking", STRING, "auto",
              "lock the file against other programs: on, off, or auto: where it can be locked"),
    VEMU_PROP(struct file, fds, "fds", STRING, NULL,
              "descriptors that stand for the file (7:8): the one with the access is duplicated"),
    VEMU_PROP_END,
};

#define COMMON                                                                                     \
    .instance_size = sizeof(struct file), .props = file_props, .open = file_open,                  \
    .close = file_close, .readv = file_readv, .writev = file_writev, .zero = file_zero,            \
    .discard = file_discard, .flush = file_flush, .flush_fd = file_flush_fd,                       \
    .extent = file_extent, .map = file_map, .resize = file_resize, .info = file_info

const struct vemu_image_driver vemu__image_file = {
    .name = "file",
    .summary = "a file of the host",
    .flags = VEMU_IMAGE_FORMAT_PROTOCOL | VEMU_IMAGE_FORMAT_CREATE | VEMU_IMAGE_FORMAT_WRITE,
    .prefix = "file:",
    .create_props = vemu__image_raw_create_props,
    .create_size = sizeof(struct vemu_image_raw_create),
    .create = vemu__image_create_raw,
    COMMON,
};

const struct vemu_image_driver vemu__image_host_device = {
    .name = "host_device",
    .summary = "a block device of the host",
    .flags = VEMU_IMAGE_FORMAT_PROTOCOL | VEMU_IMAGE_FORMAT_WRITE,
    .prefix = "host_device:",
    COMMON,
};
