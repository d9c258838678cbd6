/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Uploads and downloads: the bytes of a volume as a stream, holes as holes where that is asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vemu/image.h>

#include "backend.h"

struct transfer {
    int fd;
    char *path;
    uint64_t at;
    uint64_t end;            /* UINT64_MAX: as far as it comes */
    uint64_t size;           /* download: of the file */
    bool block;              /* a device, which has no holes */
    struct vemu_image *lock; /* upload: keeps guests and other writers away */
};

static void transfer_free(void *data)
{
    struct transfer *t = data;

    if (t->fd >= 0)
        close(t->fd);
    vemu_image_close(t->lock);
    g_free(t->path);
    g_free(t);
}

static int fail(const struct transfer *t, const char *what, struct vmgr_error **err)
{
    return vmgr__error_set_errno(err, errno, VMGR_FROM_STREAMS, "cannot %s '%s'", what, t->path);
}

/* ---- download ---- */

/* Where data begins at or behind `at`; the end when there is none. */
static uint64_t next_data(const struct transfer *t)
{
    const off_t at = t->block ? (off_t)t->at : lseek(t->fd, (off_t)t->at, SEEK_DATA);

    if (at < 0)
        return errno == ENXIO ? t->end : t->at; /* a file system that cannot tell: all is data */
    return MIN((uint64_t)at, t->end);
}

static uint64_t next_hole(const struct transfer *t)
{
    const off_t at = t->block ? -1 : lseek(t->fd, (off_t)t->at, SEEK_HOLE);

    return at < 0 ? t->end : MIN((uint64_t)at, t->end);
}

static ssize_t download(void *data, void *buf, size_t size, bool stop_at_hole,
                        struct vmgr_error **err)
{
    struct transfer *t = data;
    uint64_t want = MIN(size, t->end - t->at);
    ssize_t n;

    if (!want)
        return 0;
    if (stop_at_hole) {
        if (next_data(t) > t->at)
            return VMGR_STREAM_AT_HOLE;
        want = MIN(want, next_hole(t) - t->at);
    }
    do
        n = pread(t->fd, buf, want, (off_t)t->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail(t, "read", err);
    t->at += (uint64_t)n;
    return n;
}

static int download_hole(void *data, uint64_t *ret_bytes, struct vmgr_error **err G_GNUC_UNUSED)
{
    struct transfer *t = data;

    *ret_bytes = t->at < t->end ? next_data(t) - t->at : 0;
    t->at += *ret_bytes;
    return 0;
}

static const struct vmgr__stream_ops download_ops = {
    .closed = transfer_free,
    .recv = download,
    .recv_hole = download_hole,
};

/* ---- upload ---- */

static int check_room(const struct transfer *t, uint64_t bytes, struct vmgr_error **err)
{
    if (bytes <= INT64_MAX - t->at && (t->end == UINT64_MAX || t->at + bytes <= t->end))
        return 0;
    errno = ENOSPC;
    return fail(t, "write beyond the given length of", err);
}

static ssize_t upload(void *data, const void *buf, size_t size, struct vmgr_error **err)
{
    struct transfer *t = data;
    ssize_t n;

    if (t->end != UINT64_MAX && t->at < t->end)
        size = MIN(size, t->end - t->at);
    if (check_room(t, size, err) < 0)
        return -1;
    do
        n = pwrite(t->fd, buf, size, (off_t)t->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail(t, "write", err);
    t->at += (uint64_t)n;
    return n;
}

static int write_zeros(struct transfer *t, uint64_t bytes, struct vmgr_error **err)
{
    static const char zeros[65536];

    while (bytes) {
        ssize_t n = pwrite(t->fd, zeros, MIN(bytes, sizeof(zeros)), (off_t)t->at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(t, "write", err);
        t->at += (uint64_t)n;
        bytes -= (uint64_t)n;
    }
    return 0;
}

static int upload_hole(void *data, uint64_t bytes, struct vmgr_error **err)
{
    struct transfer *t = data;
    struct stat st;

    if (check_room(t, bytes, err) < 0)
        return -1;
    if (fstat(t->fd, &st) < 0)
        return fail(t, "stat", err);
    if (!t->block && t->at + bytes > (uint64_t)st.st_size &&
        ftruncate(t->fd, (off_t)(t->at + bytes)) < 0)
        return fail(t, "extend", err);
    if (bytes && fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)t->at,
                           (off_t)bytes) < 0)
        return errno == EOPNOTSUPP ? write_zeros(t, bytes, err) : fail(t, "make a hole in", err);
    t->at += bytes;
    return 0;
}

static int upload_end(void *data, bool aborted, struct vmgr_error **err)
{
    struct transfer *t = data;

    return !aborted && fsync(t->fd) < 0 ? fail(t, "sync", err) : 0;
}

static const struct vmgr__stream_ops upload_ops = {
    .closed = transfer_free,
    .send = upload,
    .send_hole = upload_hole,
    .end = upload_end,
};

/* ---- opening ---- */

static struct transfer *transfer_open(const struct vmgr__volume_def *def, int flags,
                                      struct vmgr_error **err)
{
    struct transfer *t = g_new0(struct transfer, 1);

    t->path = g_strdup(def->target.path);
    t->size = def->type == VMGR_VOLUME_BLOCK ? def->capacity : def->physical;
    t->block = def->type == VMGR_VOLUME_BLOCK;
    t->fd = open(t->path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (t->fd >= 0)
        return t;
    fail(t, "open", err);
    transfer_free(t);
    return NULL;
}

static int lock_image(struct transfer *t, struct vmgr_error **err)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_error *why = NULL;
    int r;

    options.format = "raw";
    options.flags = VEMU_IMAGE_WRITE;
    r = vemu_image_open(t->path, &options, &t->lock, &why);
    return r < 0 ? vmgr__storage_image_error(why, r, err) : 0;
}

static int open_stream(struct vmgr_volume *volume, uint64_t offset, uint64_t length, bool up,
                       struct vmgr_stream **ret, struct vmgr_error **err)
{
    struct vmgr__pool_record pool;
    struct vmgr__volume_def *def;
    struct transfer *t = NULL;

    if (vmgr__storage_volume_of(volume, &pool, &def, err) < 0)
        return -1;
    if (def->type == VMGR_VOLUME_DIR)
        storage_error(err, VMGR_ERR_NO_SUPPORT, "storage pool doesn't support volume %s",
                      up ? "upload" : "download");
    else
        t = transfer_open(def, up ? O_RDWR : O_RDONLY, err);
    vmgr__volume_def_free(def);
    vmgr__pool_record_clear(&pool);
    if (!t)
        return -1;
    t->at = offset;
    if (up)
        t->end = length ? offset + length : UINT64_MAX;
    else
        t->end = length ? MIN(offset + length, t->size) : t->size;
    if (!up && offset > t->size)
        t->at = t->end;
    if (up && lock_image(t, err) < 0) {
        transfer_free(t);
        return -1;
    }
    *ret = vmgr__stream_new_sync(vmgr_volume_get_conn(volume), up ? &upload_ops : &download_ops, t,
                                 err);
    return *ret ? 0 : -1;
}

/* Holes travel as holes when the caller asks the stream for them. */
int vmgr__storage_volume_upload(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                                uint32_t flags G_GNUC_UNUSED, struct vmgr_stream **ret,
                                struct vmgr_error **err)
{
    return open_stream(volume, offset, length, true, ret, err);
}

int vmgr__storage_volume_download(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                                  uint32_t flags G_GNUC_UNUSED, struct vmgr_stream **ret,
                                  struct vmgr_error **err)
{
    return open_stream(volume, offset, length, false, ret, err);
}
