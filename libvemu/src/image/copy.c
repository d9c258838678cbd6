/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copying contents from one image to another.
 *
 * Theory of operation: what is to be copied is cut into pieces, of one kind each (data, zeros, left
 * to the backing image), by asking the source for its extents; copy-plan.c does that, and pieces
 * end where the target's clusters do. A few threads take pieces in order. Zeros are skipped or
 * written as zeros; data is read into a buffer, searched for zeros, and written (copy-piece.c).
 *
 * Clusters of the target should lie in its file in the order of their contents, and be in the same
 * places whenever the same is copied. So unless the caller wants otherwise threads take turns in
 * the order of their pieces, but only for having the clusters placed (`reserve` of the driver):
 * they write into them at the same time. A device likes several requests at once; into the page
 * cache of one file the kernel lets one thread write at a time, but then the others read, and each
 * writes what is in its own processor's cache. A format without clusters needs no order. Where
 * places cannot be reserved, since a backing file shows through them, pieces are written as a whole
 * in turn. Without order (or compressed, where most of the work is in the writing) there are no
 * turns.
 */
#include "image/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <glib.h>

#include "core/error.h"

#define DEFAULT_SPARSE 4096u
#define HUGE_PAGE      (2u << 20)
#define HUGE_FROM      (64u << 20) /* bytes to be copied for which they are worth it */
#define TURN_SPINS     500u        /* some 20 microseconds */

/* --- speed limit ------------------------------------------------------------------------------ */

static bool throttled_locked(const struct vemu__copy *c)
{
    return c->options.max_bytes_per_s && (uint64_t)g_get_monotonic_time() < c->next_us;
}

/* Waits for the speed limit, not for long, so that the caller can stop the copy meanwhile. */
static void pause_locked(struct vemu__copy *c)
{
    uint64_t us = MIN(c->next_us - MIN((uint64_t)g_get_monotonic_time(), c->next_us), 100000u);
    struct timespec time = { 0, (long)us * 1000 };

    pthread_mutex_unlock(&c->work.lock);
    nanosleep(&time, NULL);
    pthread_mutex_lock(&c->work.lock);
    vemu__work_done_locked(&c->work, 0);
}

static void count_speed_locked(struct vemu__copy *c, uint64_t bytes)
{
    uint64_t now = (uint64_t)g_get_monotonic_time();

    c->next_us =
        MAX(c->next_us, now) + (uint64_t)((double)bytes * 1e6 / (double)c->options.max_bytes_per_s);
}

/* --- threads ---------------------------------------------------------------------------------- */

/* Zeros, and what is left to the backing image. */
static void do_plain_locked(struct vemu__copy *c, const struct vemu__copy_piece *piece)
{
    pthread_mutex_unlock(&c->work.lock);
    if (piece->kind == COPY_ZERO)
        vemu__copy_write_zeros(c, piece->offset, piece->bytes);
    pthread_mutex_lock(&c->work.lock);
    vemu__work_done_locked(&c->work, piece->bytes);
}

/* A turn comes soon as a rule, sooner than a thread that sleeps could be woken. */
static int wait_turn(struct vemu__copy *c, uint64_t turn)
{
    int r;

    for (unsigned i = 0; i < TURN_SPINS && atomic_load(&c->turn) != turn; i++)
        __builtin_ia32_pause();
    pthread_mutex_lock(&c->work.lock);
    while (!c->work.error && atomic_load(&c->turn) != turn)
        pthread_cond_wait(&c->work.wake, &c->work.lock);
    r = c->work.error;
    pthread_mutex_unlock(&c->work.lock);
    return r;
}

static void end_turn(struct vemu__copy *c)
{
    pthread_mutex_lock(&c->work.lock);
    atomic_fetch_add(&c->turn, 1);
    pthread_cond_broadcast(&c->work.wake);
    pthread_mutex_unlock(&c->work.lock);
}

static void write_slot(struct vemu__copy *c, const struct vemu__copy_slot *slot, uint64_t turn)
{
    if (c->order != COPY_ANY && wait_turn(c, turn) < 0)
        return;
    int r = c->order == COPY_TURNS ? vemu__copy_reserve(c, slot) : 0;
    if (c->order == COPY_TURNS)
        end_turn(c);
    if (r >= 0) {
        vemu__copy_hint(c, slot);
        vemu__copy_write(c, slot);
    }
    if (c->order == COPY_SERIAL)
        end_turn(c);
}

/* Reads and writes in one go. */
static void do_data_locked(struct vemu__copy *c, const struct vemu__copy_piece *piece,
                           struct vemu__copy_slot *slot)
{
    uint64_t turn = c->taken++;

    slot->piece = *piece;
    pthread_mutex_unlock(&c->work.lock);
    if (c->options.flags & VEMU_IMAGE_COPY_OFFLOAD)
        vemu__copy_offload(c, &slot->piece);
    if (slot->piece.bytes && vemu__copy_read(c, slot) >= 0)
        write_slot(c, slot, turn);
    pthread_mutex_lock(&c->work.lock);
    vemu__work_done_locked(&c->work, piece->bytes);
}

static void *copy_thread(void *data)
{
    struct vemu__copy *c = data;
    struct vemu__copy_piece piece;

    pthread_mutex_lock(&c->work.lock);
    struct vemu__copy_slot *own = &c->slots[c->started++ % c->slot_count];
    for (;;) {
        while (!c->work.error && c->planned < c->end && throttled_locked(c))
            pause_locked(c);
        if (c->work.error || !vemu__copy_plan_locked(c, &piece))
            break;
        if (piece.kind == COPY_DATA && c->options.max_bytes_per_s)
            count_speed_locked(c, piece.bytes);
        if (piece.kind == COPY_DATA)
            do_data_locked(c, &piece, own);
        else
            do_plain_locked(c, &piece);
    }
    pthread_mutex_unlock(&c->work.lock);
    return NULL;
}

/* --- setting up ------------------------------------------------------------------------------- */

static int check_options(const struct vemu_image_copy_options *options, struct vemu_error **err)
{
    const uint32_t known = VEMU_IMAGE_COPY_TARGET_IS_ZERO | VEMU_IMAGE_COPY_COMPRESSED |
                           VEMU_IMAGE_COPY_ALLOCATED | VEMU_IMAGE_COPY_OUT_OF_ORDER |
                           VEMU_IMAGE_COPY_NO_SPARSE | VEMU_IMAGE_COPY_SALVAGE |
                           VEMU_IMAGE_COPY_OFFLOAD;

    if (options->flags & ~known)
        return vemu__error_set(err, EINVAL, "Unknown flags 0x%x of a copy",
                               options->flags & ~known);
    if (options->flags & VEMU_IMAGE_COPY_OFFLOAD &&
        options->flags & (VEMU_IMAGE_COPY_COMPRESSED | VEMU_IMAGE_COPY_SALVAGE))
        return vemu__error_set(err, EINVAL,
                               "Copy offloading is neither for compressed targets nor for salvage");
    return 0;
}

static int set_range(struct vemu__copy *c, struct vemu_error **err)
{
    uint64_t source_size = vemu_image_get_size(c->source);
    uint64_t target_size = vemu_image_get_size(c->target), offset = c->options.offset;

    if (offset > source_size || c->options.target_offset > target_size)
        return vemu__error_set(err, EINVAL, "The part to be copied begins behind the end");
    uint64_t room = MIN(source_size - offset, target_size - c->options.target_offset);
    uint64_t bytes = c->options.bytes ? c->options.bytes : room;
    if (bytes > room)
        return vemu__error_set(err, EINVAL, "The part to be copied goes beyond the end");
    c->start = c->planned = offset;
    c->end = offset + bytes;
    c->delta = c->options.target_offset - offset;
    return 0;
}

static void set_order(struct vemu__copy *c)
{
    const uint32_t none =
        VEMU_IMAGE_COPY_OUT_OF_ORDER | VEMU_IMAGE_COPY_COMPRESSED | VEMU_IMAGE_COPY_OFFLOAD;

    if (c->options.flags & none || !c->target->cluster_size)
        c->order = COPY_ANY;
    else if (c->target->driver->reserve && !c->target->backing_filename)
        c->order = COPY_TURNS;
    else
        c->order = COPY_SERIAL;
}

/* Where pieces may be cut: clusters of the target, so that none is written twice. Larger ones would
 * waste space where there is little data; compressed ones are written as a whole. */
static void set_sizes(struct vemu__copy *c)
{
    bool waits = vemu__image_waits(c->source) || vemu__image_waits(c->target);
    uint32_t cluster = c->target->cluster_size;

    c->sparse = c->options.sparse_bytes ? c->options.sparse_bytes : DEFAULT_SPARSE;
    c->align = 512;
    while (c->align < DEFAULT_SPARSE && c->align * 2 <= c->sparse)
        c->align *= 2;
    if (cluster) /* a power of two */
        c->align = MAX(c->align, MIN(cluster, COPY_MAX_ALIGN));
    if (c->options.flags & VEMU_IMAGE_COPY_COMPRESSED && cluster)
        c->align = cluster;
    c->chunk = MAX(waits ? COPY_CHUNK_WAITS : COPY_CHUNK, c->align);
}

static unsigned choose_threads(const struct vemu__copy *c)
{
    uint64_t chunks = (c->end - c->start + c->chunk - 1) / c->chunk;
    unsigned wanted =
        c->options.threads ? c->options.threads : vemu__work_threads(c->source, c->target);

    return (unsigned)MIN(MIN(wanted, WORK_MAX_THREADS), MAX(chunks, 1));
}

/* Huge pages make requests of few segments, and take few page faults. */
static int allocate_slots(struct vemu__copy *c, unsigned count)
{
    size_t units = c->chunk / c->align + 2; /* the first and the last one may be parts */
    uint8_t *at;

    c->slots = g_try_new0(struct vemu__copy_slot, count);
    if (!c->slots)
        return -ENOMEM;
    c->slot_count = count;
    c->memory_size = c->chunk * count + HUGE_PAGE;
    c->memory =
        mmap(NULL, c->memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c->memory == MAP_FAILED)
        return -ENOMEM;
    at = (uint8_t *)(((uintptr_t)c->memory + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
    if (c->end - c->start >= HUGE_FROM)
        (void)madvise(at, c->chunk * count, MADV_HUGEPAGE); /* it works without */
    for (unsigned i = 0; i < count; i++, at += c->chunk) {
        c->slots[i].buf = at;
        c->slots[i].runs = g_try_new(struct vemu__copy_run, units);
        if (!c->slots[i].runs)
            return -ENOMEM;
    }
    return 0;
}

static void free_slots(struct vemu__copy *c)
{
    for (unsigned i = 0; i < c->slot_count; i++)
        g_free(c->slots[i].runs);
    if (c->slot_count && c->memory != MAP_FAILED)
        munmap(c->memory, c->memory_size);
    g_free(c->slots);
}

int vemu_image_copy(struct vemu_image *source, struct vemu_image *target,
                    const struct vemu_image_copy_options *options,
                    const struct vemu_progress *progress, struct vemu_error **err)
{
    struct vemu__copy c = { .source = source,
                            .target = target,
                            .options = VEMU_IMAGE_COPY_OPTIONS_INIT };
    int r;

    if (options)
        memcpy(&c.options, options, MIN(options->size, sizeof(c.options)));
    r = check_options(&c.options, err);
    if (r == 0)
        r = set_range(&c, err);
    if (r < 0)
        return r;
    set_order(&c);
    set_sizes(&c);
    unsigned threads = choose_threads(&c);
    r = allocate_slots(&c, threads);
    if (r < 0) {
        vemu__error_set(err, ENOMEM, "Not enough memory to copy");
    } else {
        vemu__work_init(&c.work, progress, c.end - c.start);
        vemu__copy_hint_begin(&c);
        vemu__work_run("vemu-copy", threads, copy_thread, &c);
        vemu__copy_hint_end(&c);
        r = vemu__work_fini(&c.work, err);
    }
    free_slots(&c);
    return r;
}
