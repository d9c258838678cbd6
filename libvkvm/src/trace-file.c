/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The growing file of a recording.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace-file.h"
#include "trace-format.h"

#define TRACE_WINDOW (1u << 20)

static void window_close(struct trace_file *file)
{
    if (file->map)
        munmap(file->map, TRACE_WINDOW);
    file->map = NULL;
}

/* Makes the window hold the byte behind the last one. */
static int window_move(struct trace_file *file)
{
    window_close(file);
    file->map_at = file->size / TRACE_WINDOW * TRACE_WINDOW;
    int r = posix_fallocate(file->fd, (off_t)file->map_at, TRACE_WINDOW);
    if (r)
        return -r;
    void *map =
        mmap(NULL, TRACE_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, (off_t)file->map_at);
    if (map == MAP_FAILED)
        return -errno;
    file->map = map;
    return 0;
}

static int file_write(struct trace_file *file, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    while (size) {
        if (!file->map || file->size >= file->map_at + TRACE_WINDOW) {
            int r = window_move(file);
            if (r < 0)
                return r;
        }
        size_t at = (size_t)(file->size - file->map_at);
        size_t n = size < TRACE_WINDOW - at ? size : TRACE_WINDOW - at;
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): window_move() set it */
        memcpy(file->map + at, p, n);
        file->size += n;
        p += n;
        size -= n;
    }
    return 0;
}

int trace__file_init(struct trace_file *file, int fd)
{
    uint8_t header[TRACE_HEADER_SIZE] = { 0 };
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): no string */
    memcpy(header, TRACE_MAGIC, 8);
    trace__put_u32(header + 8, TRACE_VERSION);
    trace__put_u32(header + 12, trace__arch());
    trace__put_u32(header + 20, trace__crc(0, header, 20));
    memset(file, 0, sizeof(*file));
    file->fd = fd;
    int r = file_write(file, header, sizeof(header));
    if (r < 0)
        trace__file_fini(file);
    return r;
}

int trace__file_append(struct trace_file *file, const void *body, size_t size)
{
    uint8_t head[TRACE_RECORD_HEAD];
    if (size > TRACE_MAX_RECORD)
        return -EFBIG;
    trace__put_u32(head, (uint32_t)size);
    trace__put_u32(head + 4, trace__crc(0, body, size));
    int r = file_write(file, head, sizeof(head));
    return r < 0 ? r : file_write(file, body, size);
}

int trace__file_fini(struct trace_file *file)
{
    int r = 0;
    window_close(file);
    if (file->fd >= 0) {
        if (ftruncate(file->fd, (off_t)file->size) < 0)
            r = -errno;
        close(file->fd);
    }
    file->fd = -1;
    return r;
}
