/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file in memory below an image, which remembers each change and can be put back.
 */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/iov.h"

struct crash_disk {
    struct vemu_image image;
    struct crash_store *store;
};

/* --- the file --------------------------------------------------------------------------------- */

static struct crash_store *main_of(struct crash_store *store)
{
    return store->main ? store->main : store;
}

void crash_store_init(struct crash_store *store, struct crash_store *main, uint64_t capacity)
{
    memset(store, 0, sizeof(*store));
    store->main = main;
    pthread_mutex_init(&store->lock, NULL);
    store->capacity = capacity;
    store->bytes = mmap(NULL, capacity, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (store->bytes == MAP_FAILED)
        abort();
    store->log = g_array_new(FALSE, TRUE, sizeof(struct crash_event));
    store->undo = g_array_new(FALSE, TRUE, sizeof(struct crash_undo));
    store->undo_data = g_byte_array_new();
}

void crash_log_clear(GArray *log)
{
    for (guint i = 0; i < log->len; i++)
        g_free(g_array_index(log, struct crash_event, i).data);
    g_array_set_size(log, 0);
}

void crash_store_fini(struct crash_store *store)
{
    crash_log_clear(store->log);
    g_array_free(store->log, TRUE);
    g_array_free(store->undo, TRUE);
    g_byte_array_free(store->undo_data, TRUE);
    munmap(store->bytes, store->capacity);
    pthread_mutex_destroy(&store->lock);
}

void crash_store_load(struct crash_store *store, const void *bytes, uint64_t size)
{
    madvise(store->bytes, store->capacity, MADV_DONTNEED);
    memcpy(store->bytes, bytes, size);
    store->size = size;
    crash_log_clear(store->log);
    g_array_set_size(store->undo, 0);
    g_byte_array_set_size(store->undo_data, 0);
}

uint64_t crash_store_tick(struct crash_store *store)
{
    uint64_t clock;

    pthread_mutex_lock(&store->lock);
    clock = ++store->clock;
    pthread_mutex_unlock(&store->lock);
    return clock;
}

static void remember(struct crash_store *store, uint64_t offset, uint64_t bytes)
{
    struct crash_undo undo = { offset, bytes, store->size, store->undo_data->len };

    if (main_of(store)->mode < CRASH_UNDOABLE)
        return;
    g_byte_array_append(store->undo_data, store->bytes + offset, (guint)bytes);
    g_array_append_val(store->undo, undo);
}

void crash_store_rollback(struct crash_store *store)
{
    for (guint i = store->undo->len; i-- > 0;) {
        const struct crash_undo *undo = &g_array_index(store->undo, struct crash_undo, i);

        memcpy(store->bytes + undo->offset, store->undo_data->data + undo->data, undo->bytes);
        store->size = undo->size;
    }
    g_array_set_size(store->undo, 0);
    g_byte_array_set_size(store->undo_data, 0);
}

static void put(struct crash_store *store, uint64_t offset, const uint8_t *data, uint64_t bytes)
{
    remember(store, offset, bytes);
    if (data)
        memcpy(store->bytes + offset, data, bytes);
    else
        memset(store->bytes + offset, 0, bytes);
    store->size = MAX(store->size, offset + bytes);
}

static void resize(struct crash_store *store, uint64_t size)
{
    uint64_t low = MIN(size, store->size);

    remember(store, low, store->size - low);
    memset(store->bytes + low, 0, store->size - low);
    store->size = size;
}

/* Sectors are those of the file, so the first and the last of an event may be parts. */
static void put_sectors(struct crash_store *store, const struct crash_event *event,
                        const bool *sectors)
{
    uint64_t at = event->offset, end = event->offset + event->bytes;

    for (unsigned i = 0; at < end; i++) {
        uint64_t next = MIN((at / CRASH_SECTOR + 1) * CRASH_SECTOR, end);

        if (sectors[i])
            put(store, at, event->data ? event->data + (at - event->offset) : NULL, next - at);
        at = next;
    }
}

void crash_store_apply(struct crash_store *store, const struct crash_event *event,
                       const bool *sectors)
{
    switch (event->kind) {
    case CRASH_WRITE:
        if (sectors)
            put_sectors(store, event, sectors);
        else
            put(store, event->offset, event->data, event->bytes);
        break;
    case CRASH_DISCARD:
        if (event->offset < store->size)
            put(store, event->offset, NULL, MIN(event->bytes, store->size - event->offset));
        break;
    case CRASH_TRUNCATE: resize(store, event->bytes); break;
    case CRASH_FLUSH: break;
    }
}

/* --- the layer -------------------------------------------------------------------------------- */

static struct crash_store *store_of(struct vemu_image *image)
{
    return ((struct crash_disk *)image)->store;
}

/* Takes over event->data. */
static int change(struct vemu_image *image, struct crash_event *event)
{
    struct crash_store *store = store_of(image), *main = main_of(store);
    uint64_t end = event->kind == CRASH_TRUNCATE ? 0 : event->offset;

    if (event->bytes > store->capacity || end > store->capacity - event->bytes) {
        g_free(event->data);
        return -ENOSPC;
    }
    pthread_mutex_lock(&main->lock);
    crash_store_apply(store, event, NULL);
    image->size = store->size;
    event->file = store != main;
    event->clock = ++main->clock;
    if (main->mode == CRASH_RECORD || main->mode == CRASH_UNDOABLE_RECORD)
        g_array_append_val(main->log, *event);
    else
        g_free(event->data);
    pthread_mutex_unlock(&main->lock);
    return 0;
}

static int disk_open(struct vemu_image *image, struct vemu_error **err)
{
    image->grows = true;
    return 0;
}

static int disk_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count)
{
    struct crash_store *store = store_of(image), *main = main_of(store);
    uint64_t inside;

    pthread_mutex_lock(&main->lock);
    inside = offset < store->size ? MIN(bytes, store->size - offset) : 0;
    vemu__iov_write(iov, count, 0, store->bytes + offset, inside);
    vemu__iov_fill(iov, count, inside, 0, bytes - inside);
    pthread_mutex_unlock(&main->lock);
    return 0;
}

static int disk_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count, uint32_t flags)
{
    struct crash_event event = { .kind = CRASH_WRITE,
                                 .fua = flags & VEMU_IMAGE_FUA,
                                 .offset = offset,
                                 .bytes = bytes,
                                 .data = g_malloc(bytes) };

    vemu__iov_read(iov, count, 0, event.data, bytes);
    return change(image, &event);
}

static int disk_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    struct crash_event event = {
        .kind = CRASH_WRITE, .fua = flags & VEMU_IMAGE_FUA, .offset = offset, .bytes = bytes
    };

    return change(image, &event);
}

static int disk_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    struct crash_event event = { .kind = CRASH_DISCARD, .offset = offset, .bytes = bytes };

    return change(image, &event);
}

static int disk_flush(struct vemu_image *image)
{
    struct crash_event event = { .kind = CRASH_FLUSH };

    return change(image, &event);
}

static int disk_resize(struct vemu_image *image, uint64_t size, const char *preallocation,
                       uint32_t flags, const struct vemu_progress *progress,
                       struct vemu_error **err)
{
    struct crash_event event = { .kind = CRASH_TRUNCATE, .bytes = size };

    return change(image, &event);
}

static int disk_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       struct vemu_image_extent *ret)
{
    ret->flags = VEMU_IMAGE_EXTENT_DATA | VEMU_IMAGE_EXTENT_ALLOCATED;
    ret->bytes = bytes;
    return 0;
}

static const struct vemu_image_driver driver = {
    .name = "crash-disk",
    .summary = "file in memory that remembers changes",
    .flags = VEMU_IMAGE_FORMAT_PROTOCOL | VEMU_IMAGE_FORMAT_WRITE,
    .instance_size = sizeof(struct crash_disk),
    .open = disk_open,
    .readv = disk_readv,
    .writev = disk_writev,
    .zero = disk_zero,
    .discard = disk_discard,
    .flush = disk_flush,
    .extent = disk_extent,
    .resize = disk_resize,
};

struct vemu_image *crash_disk_new(struct crash_store *store, uint32_t open_flags)
{
    struct vemu_image *image = NULL;

    if (vemu__image_new(&driver, "crash-disk", NULL,
                        open_flags | IMAGE_OPEN_CHILD | VEMU_IMAGE_UNMAP, NULL, 0, &image,
                        NULL) < 0)
        abort();
    ((struct crash_disk *)image)->store = store;
    image->size = store->size;
    return image;
}
