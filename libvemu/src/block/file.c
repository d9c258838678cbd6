/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block driver file: a regular file or block device as it is.
 *
 * The size is rounded up to sectors; what lies behind the end of the file reads as zeros. With
 * cache.direct=on, requests that are not aligned as O_DIRECT needs go through a second, cached
 * descriptor; the kernel keeps the two coherent on local file systems.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/aio.h"
#include "block/file-io.h"
#include "core/error.h"

#define SECTOR    512u
#define DIRECT_MAX_ALIGN 4096u

struct file {
    struct vemu_block block;
    char *filename, *aio_name, *discard;
    bool want_read_only, direct, no_flush, write_back;
    enum vemu_aio_kind aio_kind;
    struct vemu_aio *aio;   /* while there is a user; made at the first request */
    int fd, direct_fd;      /* direct_fd -1: none */
    bool opened;
    unsigned direct_align;
};

/* --- requests --------------------------------------------------------------------------------- */

static int file_work(void *data, const struct vemu_block_request *req)
{
    const struct file *file = data;

    if (req->op == VEMU_BLOCK_FLUSH && file->no_flush)
        return 0;
    return vemu__file_execute(file->fd, req);
}

static bool is_direct(const struct file *file, const struct vemu_block_request *req)
{
    unsigned mask = file->direct_align - 1;

    if (file->direct_fd < 0 || (req->offset | req->bytes) & mask)
        return false;
    for (unsigned i = 0; i < req->iov_count; i++)
        if (((uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len) & mask)
            return false;
    return true;
}

/* There is no engine, and there will be none: the request is done here, now. */
static void work_inline(struct file *file, struct vemu_block_request *req)
{
    req->result = file_work(file, req);
    req->next = NULL;
    *req->block->refused_last = req;
    req->block->refused_last = &req->next;
}

static void file_submit(struct vemu_block *block, struct vemu_block_request *req)
{
    struct file *file = (struct file *)block;

    if (!file->aio && vemu__aio_new(block, file->aio_kind, file_work, &file->aio) < 0) {
        work_inline(file, req);
        return;
    }
    if (req->op == VEMU_BLOCK_READ || req->op == VEMU_BLOCK_WRITE)
        vemu__aio_submit(file->aio, req, is_direct(file, req) ? file->direct_fd : file->fd);
    else if (req->op == VEMU_BLOCK_FLUSH && !file->no_flush)
        vemu__aio_submit(file->aio, req, file->fd);
    else
        vemu__aio_work(file->aio, req);
}

static void file_kick(struct vemu_block *block)
{
    struct file *file = (struct file *)block;

    if (file->aio)
        vemu__aio_kick(file->aio);
}

static void file_drain(struct vemu_block *block)
{
    struct file *file = (struct file *)block;

    if (file->aio)
        vemu__aio_wait(file->aio);
}

static void file_detach(struct vemu_block *block)
{
    struct file *file = (struct file *)block;

    vemu__aio_free(file->aio);
    file->aio = NULL;
}

static int file_resize(struct vemu_block *block, uint64_t size)
{
    struct file *file = (struct file *)block;
    struct stat st;

    if (fstat(file->fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -ENOTSUP;
    if (ftruncate(file->fd, (off_t)size) < 0)
        return -errno;
    block->size = size;
    return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int file_options(struct file *file, struct vemu_error **err)
{
    static const struct {
        const char *name;
        enum vemu_aio_kind kind;
    } kinds[] = {
        { "auto", VEMU_AIO_AUTO },
        { "io_uring", VEMU_AIO_URING },
        { "threads", VEMU_AIO_THREADS },
    };
    size_t i = 0;

    if (!file->filename)
        return vemu__error_set(err, EINVAL, "property 'filename' is missing");
    while (i < G_N_ELEMENTS(kinds) && strcmp(kinds[i].name, file->aio_name) != 0)
        i++;
    if (i == G_N_ELEMENTS(kinds))
        return vemu__error_set(err, EINVAL, "aio '%s' is neither auto, io_uring nor threads",
                               file->aio_name);
    file->aio_kind = kinds[i].kind;
    if (file->aio_kind == VEMU_AIO_URING && !vemu__aio_has_uring())
        return vemu__error_set(err, ENOTSUP, "this host has no io_uring");
    if (g_strcmp0(file->discard, "unmap") == 0 || g_strcmp0(file->discard, "on") == 0)
        file->block.can_discard = true;
    else if (g_strcmp0(file->discard, "ignore") != 0 && g_strcmp0(file->discard, "off") != 0)
        return vemu__error_set(err, EINVAL, "discard '%s' is neither ignore nor unmap",
                               file->discard);
    return 0;
}

/* O_DIRECT wants offsets and lengths in units of the storage below: finds it by trying. */
static unsigned probe_align(int fd)
{
    void *buf = NULL;
    unsigned align;

    if (posix_memalign(&buf, DIRECT_MAX_ALIGN, DIRECT_MAX_ALIGN))
        return DIRECT_MAX_ALIGN;
    for (align = SECTOR; align < DIRECT_MAX_ALIGN; align *= 2)
        if (pread(fd, buf, align, align) >= 0)
            break;
    free(buf);
    return align;
}

static int file_measure(struct file *file, struct vemu_error **err)
{
    struct stat st;
    uint64_t size = 0;

    if (fstat(file->fd, &st) < 0)
        return vemu__error_set(err, errno, "cannot look at '%s': %s", file->filename,
                               strerror(errno));
    if (S_ISREG(st.st_mode))
        size = (uint64_t)st.st_size;
    else if (!S_ISBLK(st.st_mode))
        return vemu__error_set(err, EINVAL, "'%s' is neither a file nor a block device",
                               file->filename);
    else if (ioctl(file->fd, BLKGETSIZE64, &size) < 0)
        return vemu__error_set(err, errno, "size of '%s': %s", file->filename, strerror(errno));
    file->block.size = (size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    return 0;
}

static int file_open(struct vemu_block *block, struct vemu_error **err)
{
    struct file *file = (struct file *)block;
    int flags = O_CLOEXEC | O_NOCTTY | (file->want_read_only ? O_RDONLY : O_RDWR);
    int r = file_options(file, err);

    if (r < 0)
        return r;
    file->opened = true;
    file->direct_fd = -1;
    file->fd = open(file->filename, flags);
    if (file->fd < 0)
        return vemu__error_set(err, errno, "cannot open '%s': %s", file->filename,
                               strerror(errno));
    if (file->direct) {
        file->direct_fd = open(file->filename, flags | O_DIRECT);
        if (file->direct_fd < 0)
            return vemu__error_set(err, errno, "cannot open '%s' with cache.direct=on: %s",
                                   file->filename, strerror(errno));
        file->direct_align = probe_align(file->direct_fd);
    }
    block->read_only = file->want_read_only;
    block->write_through = !file->write_back;
    return file_measure(file, err);
}

static void file_close(struct vemu_block *block)
{
    struct file *file = (struct file *)block;

    if (!file->opened)
        return;
    if (file->fd >= 0)
        close(file->fd);
    if (file->direct_fd >= 0)
        close(file->direct_fd);
}

static const struct vemu_prop file_props[] = {
    VEMU_PROP(struct file, filename, "filename", STRING, NULL, "the file or block device"),
    VEMU_PROP(struct file, want_read_only, "read-only", BOOL, "off", "open it for reading only"),
    VEMU_PROP(struct file, direct, "cache.direct", BOOL, "off",
              "bypass the host's page cache (O_DIRECT)"),
    VEMU_PROP(struct file, no_flush, "cache.no-flush", BOOL, "off",
              "ignore flushes: data is lost when the host fails"),
    VEMU_PROP(struct file, write_back, "cache.writeback", BOOL, "on",
              "off: each write is on stable storage before it is done"),
    VEMU_PROP(struct file, discard, "discard", STRING, "ignore",
              "unmap: discards of the guest free space in the file; ignore"),
    VEMU_PROP(struct file, aio_name, "aio", STRING, "auto",
              "io_uring, threads, or auto: io_uring where the host has it"),
    VEMU_PROP_END,
};

const struct vemu_block_class vemu__block_file = {
    .base = {
        .name = "file",
        .summary = "a file or block device",
        .instance_size = sizeof(struct file),
        .props = file_props,
    },
    .open = file_open,
    .close = file_close,
    .submit = file_submit,
    .kick = file_kick,
    .drain = file_drain,
    .detach = file_detach,
    .resize = file_resize,
};
