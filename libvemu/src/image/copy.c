/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copying contents from one image to another.
 *
 * Theory of operation: what is to be copied is cut into pieces, of one kind each (data, zeros, left
 * to the backing image), by asking the source for its extents; copy-plan.c does that, and pieces
 * end where the target's clusters do. A few threads take pieces in order. Zeros are skipped or
 * written as zeros; data is read into a buffer, searched for zeros, and written.
 *
 * Clusters of the target should lie in its file in the order of their contents, so writes of data
 * happen in order unless the caller wants otherwise: filled buffers form a ring, and the thread
 * that fills the next one to be written becomes the writer, until the next one is not filled yet.
 * Meanwhile the others read ahead, as far as the ring goes: that bounds the memory. Without order
 * (or compressed, where most of the work is in the writing) each thread writes what it has read.
 */
#include "image/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "core/error.h"
#include "core/iov.h"
#include "core/thread.h"

#define DEFAULT_SPARSE 4096u
#define MAX_THREADS    16u
#define SALVAGE_UNIT   512u

/* The first failure counts. Returns its code. */
int vemu__copy_fail_locked(struct vemu__copy *c, int code, const char *what, uint64_t offset)
{
    if (!c->error) {
        c->error = code;
        if (what)
            vemu__error_set(&c->message, -code, "error while %s at byte %" PRIu64 ": %s", what,
                            offset, g_strerror(-code));
        else
            vemu__error_set(&c->message, -code, "Canceled");
    }
    pthread_cond_broadcast(&c->wake);
    return c->error;
}

static int fail(struct vemu__copy *c, int code, const char *what, uint64_t offset)
{
    pthread_mutex_lock(&c->lock);
    vemu__copy_fail_locked(c, code, what, offset);
    pthread_mutex_unlock(&c->lock);
    return code;
}

/* So much more is done. The caller is told by one thread at a time, without the lock, and not again
 * after it wanted to stop. */
static void progress_locked(struct vemu__copy *c, uint64_t bytes)
{
    c->done += bytes;
    if (!c->progress || !c->progress->report || c->reporting || c->error)
        return;
    c->reporting = true;
    uint64_t done = c->done;
    pthread_mutex_unlock(&c->lock);
    int stop = c->progress->report(c->progress->data, done, c->end - c->start);
    pthread_mutex_lock(&c->lock);
    c->reporting = false;
    if (stop)
        vemu__copy_fail_locked(c, -ECANCELED, NULL, 0);
}

static bool throttled_locked(const struct vemu__copy *c)
{
    return c->options.max_bytes_per_s && (uint64_t)g_get_monotonic_time() < c->next_us;
}

/* Waits for the speed limit, not for long, so that the caller can stop the copy meanwhile. */
static void pause_locked(struct vemu__copy *c)
{
    uint64_t us = MIN(c->next_us - MIN((uint64_t)g_get_monotonic_time(), c->next_us), 100000u);
    struct timespec time = { 0, (long)us * 1000 };

    pthread_mutex_unlock(&c->lock);
    nanosleep(&time, NULL);
    pthread_mutex_lock(&c->lock);
    progress_locked(c, 0);
}

static void count_speed_locked(struct vemu__copy *c, uint64_t bytes)
{
    uint64_t now = (uint64_t)g_get_monotonic_time();

    c->next_us =
        MAX(c->next_us, now) + (uint64_t)((double)bytes * 1e6 / (double)c->options.max_bytes_per_s);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Halves what cannot be read until the bad sectors are found. */
static void salvage(struct vemu__copy *c, uint64_t offset, uint8_t *buf, size_t bytes)
{
    int r = vemu_image_read(c->source, offset, buf, bytes);

    if (r >= 0)
        return;
    if (bytes > SALVAGE_UNIT) {
        size_t half = MAX(bytes / 2 / SALVAGE_UNIT * SALVAGE_UNIT, SALVAGE_UNIT);
        salvage(c, offset, buf, half);
        salvage(c, offset + half, buf + half, bytes - half);
        return;
    }
    memset(buf, 0, bytes);
    if (c->options.read_error)
        c->options.read_error(c->options.read_error_data, offset, bytes, -r);
}

static int read_piece(struct vemu__copy *c, const struct vemu__copy_piece *piece, uint8_t *buf)
{
    int r = vemu_image_read(c->source, piece->offset, buf, piece->bytes);

    if (r < 0 && c->options.flags & VEMU_IMAGE_COPY_SALVAGE) {
        salvage(c, piece->offset, buf, piece->bytes);
        r = 0;
    }
    return r < 0 ? fail(c, r, "reading", piece->offset) : 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int write_zeros(struct vemu__copy *c, uint64_t offset, uint64_t bytes)
{
    if (c->options.flags & VEMU_IMAGE_COPY_TARGET_IS_ZERO)
        return 0;
    int r = vemu_image_zero(c->target, offset + c->delta, bytes, VEMU_IMAGE_MAY_UNMAP);
    return r < 0 ? fail(c, r, "writing", offset) : 0;
}

static int write_data(struct vemu__copy *c, uint64_t offset, const uint8_t *buf, uint64_t bytes)
{
    uint32_t flags = c->options.flags & VEMU_IMAGE_COPY_COMPRESSED ? VEMU_IMAGE_COMPRESSED : 0;

    vemu__copy_hint(c, offset + c->delta, bytes);
    int r = vemu_image_write(c->target, offset + c->delta, buf, bytes, flags);

    return r < 0 ? fail(c, r, "writing", offset) : 0;
}

/* How many bytes from `at` on are in units that are all zeros, or all not. */
static uint64_t same_run(struct vemu__copy *c, const struct vemu__copy_piece *piece,
                         const uint8_t *buf, uint64_t at, bool *ret_zero)
{
    uint64_t begin = at;

    while (at < piece->bytes) {
        uint64_t place = piece->offset + c->delta + at;
        uint64_t n = MIN(c->align - (place & (c->align - 1)), piece->bytes - at);
        bool zero = vemu__is_zero(buf + at, n);
        if (at == begin)
            *ret_zero = zero;
        else if (zero != *ret_zero)
            break;
        at += n;
    }
    return at - begin;
}

/* Writes what was read, without its zeros. Few zeros between data are written too: a hole would
 * only cost time. */
static int write_piece(struct vemu__copy *c, const struct vemu__copy_piece *piece,
                       const uint8_t *buf)
{
    uint64_t data = 0, at = 0; /* [data, at) is to be written */
    int r;

    if (c->options.flags & VEMU_IMAGE_COPY_NO_SPARSE)
        return write_data(c, piece->offset, buf, piece->bytes);
    while (at < piece->bytes) {
        bool zero = false;
        uint64_t n = same_run(c, piece, buf, at, &zero);
        if (!zero || (n < c->sparse && at > data && at + n < piece->bytes)) {
            at += n;
            continue;
        }
        if (at > data) {
            r = write_data(c, piece->offset + data, buf + data, at - data);
            if (r < 0)
                return r;
        }
        r = write_zeros(c, piece->offset + at, n);
        if (r < 0)
            return r;
        data = at += n;
    }
    return at > data ? write_data(c, piece->offset + data, buf + data, at - data) : 0;
}

/* --- the kernel copies ------------------------------------------------------------------------ */

/* Returns how much was copied; 0: this place needs reading and writing. */
static uint64_t offload_some(struct vemu__copy *c, uint64_t offset, uint64_t bytes)
{
    struct vemu_image_span from, to;
    uint64_t done = 0;

    if (vemu__image_map(c->source, offset, bytes, false, &from) < 0)
        return 0;
    if (vemu__image_map(c->target, offset + c->delta, from.bytes, true, &to) == 0) {
        off_t in = (off_t)from.offset, out = (off_t)to.offset;
        uint64_t want = MIN(from.bytes, to.bytes);
        while (done < want) {
            ssize_t n = copy_file_range(from.fd, &in, to.fd, &out, want - done, 0);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                break; /* writing finds out what is wrong, if anything is */
            done += (uint64_t)n;
        }
        vemu__image_unmap(&to);
    }
    vemu__image_unmap(&from);
    return done;
}

/* Leaves in `piece` what is still to be done. */
static void offload(struct vemu__copy *c, struct vemu__copy_piece *piece)
{
    while (piece->bytes) {
        uint64_t n = offload_some(c, piece->offset, piece->bytes);
        if (!n)
            return;
        piece->offset += n;
        piece->bytes -= n;
    }
}

/* --- threads ---------------------------------------------------------------------------------- */

/* Zeros, and what is left to the backing image. */
static void do_plain_locked(struct vemu__copy *c, const struct vemu__copy_piece *piece)
{
    pthread_mutex_unlock(&c->lock);
    if (piece->kind == COPY_ZERO)
        write_zeros(c, piece->offset, piece->bytes);
    pthread_mutex_lock(&c->lock);
    progress_locked(c, piece->bytes);
}

/* Reads and writes in one go, in any order. */
static void do_unordered_locked(struct vemu__copy *c, struct vemu__copy_piece *piece, uint8_t *buf)
{
    uint64_t bytes = piece->bytes;

    pthread_mutex_unlock(&c->lock);
    if (c->options.flags & VEMU_IMAGE_COPY_OFFLOAD)
        offload(c, piece);
    if (piece->bytes && read_piece(c, piece, buf) == 0)
        write_piece(c, piece, buf);
    pthread_mutex_lock(&c->lock);
    progress_locked(c, bytes);
}

/* Reads, and writes what can be written of the ring. */
static void do_ordered_locked(struct vemu__copy *c, const struct vemu__copy_piece *piece)
{
    struct vemu__copy_slot *slot = &c->ring[c->taken++ % c->ring_size];

    slot->piece = *piece;
    slot->ready = false;
    pthread_mutex_unlock(&c->lock);
    int r = read_piece(c, piece, slot->buf);
    pthread_mutex_lock(&c->lock);
    if (r < 0)
        return;
    slot->ready = true;
    if (c->writing)
        return;
    c->writing = true;
    while (!c->error && c->written < c->taken && c->ring[c->written % c->ring_size].ready) {
        slot = &c->ring[c->written % c->ring_size];
        pthread_mutex_unlock(&c->lock);
        write_piece(c, &slot->piece, slot->buf);
        pthread_mutex_lock(&c->lock);
        slot->ready = false;
        c->written++;
        if (c->taken - c->written <= c->ring_size / 2) /* not for each: waking takes time */
            pthread_cond_broadcast(&c->wake);
        progress_locked(c, slot->piece.bytes);
    }
    c->writing = false;
}

static void *copy_thread(void *data)
{
    struct vemu__copy *c = data;
    struct vemu__copy_piece piece;

    pthread_mutex_lock(&c->lock);
    struct vemu__copy_slot *own = &c->ring[c->started++ % c->ring_size];
    for (;;) {
        while (!c->error && c->planned < c->end) {
            if (c->ordered && c->taken - c->written >= c->ring_size)
                pthread_cond_wait(&c->wake, &c->lock);
            else if (throttled_locked(c))
                pause_locked(c);
            else
                break;
        }
        if (c->error || !vemu__copy_plan_locked(c, &piece))
            break;
        if (piece.kind == COPY_DATA && c->options.max_bytes_per_s)
            count_speed_locked(c, piece.bytes);
        if (piece.kind != COPY_DATA)
            do_plain_locked(c, &piece);
        else if (c->ordered)
            do_ordered_locked(c, &piece);
        else
            do_unordered_locked(c, &piece, own->buf);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static int run(struct vemu__copy *c, unsigned threads)
{
    pthread_t ids[MAX_THREADS];
    unsigned count = 0;

    while (count + 1 < threads &&
           vemu__thread_start(NULL, "vemu-copy", copy_thread, c, &ids[count]) == 0)
        count++;
    copy_thread(c); /* without further threads it takes longer */
    while (count)
        pthread_join(ids[--count], NULL);
    return c->error;
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

/* Where pieces may be cut: clusters of the target, so that none is written twice. Larger ones would
 * waste space where there is little data; compressed ones are written as a whole. */
static void set_sizes(struct vemu__copy *c)
{
    uint32_t cluster = c->target->cluster_size;

    c->sparse = c->options.sparse_bytes ? c->options.sparse_bytes : DEFAULT_SPARSE;
    c->align = 512;
    while (c->align < DEFAULT_SPARSE && c->align * 2 <= c->sparse)
        c->align *= 2;
    if (cluster) /* a power of two */
        c->align = MAX(c->align, MIN(cluster, COPY_MAX_ALIGN));
    if (c->options.flags & VEMU_IMAGE_COPY_COMPRESSED && cluster)
        c->align = cluster;
    c->chunk = MAX(COPY_CHUNK, c->align);
}

static int allocate_ring(struct vemu__copy *c, unsigned slots)
{
    c->ring = g_try_new0(struct vemu__copy_slot, slots);
    if (!c->ring)
        return -ENOMEM;
    for (; c->ring_size < slots; c->ring_size++)
        if (posix_memalign((void **)&c->ring[c->ring_size].buf, 4096, c->chunk))
            return -ENOMEM;
    return 0;
}

static unsigned choose_threads(const struct vemu__copy *c)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t chunks = (c->end - c->start + c->chunk - 1) / c->chunk;
    /* even one processor has something to do while another thread waits for the storage */
    unsigned wanted = c->options.threads ? c->options.threads : (unsigned)MAX(cpus, 2);

    return (unsigned)MIN(MIN(wanted, MAX_THREADS), MAX(chunks, 1));
}

int vemu_image_copy(struct vemu_image *source, struct vemu_image *target,
                    const struct vemu_image_copy_options *options,
                    const struct vemu_progress *progress, struct vemu_error **err)
{
    struct vemu__copy c = { .source = source,
                            .target = target,
                            .options = VEMU_IMAGE_COPY_OPTIONS_INIT,
                            .progress = progress,
                            .lock = PTHREAD_MUTEX_INITIALIZER,
                            .wake = PTHREAD_COND_INITIALIZER };
    int r;

    if (options)
        memcpy(&c.options, options, MIN(options->size, sizeof(c.options)));
    c.ordered = !(c.options.flags & (VEMU_IMAGE_COPY_OUT_OF_ORDER | VEMU_IMAGE_COPY_COMPRESSED |
                                     VEMU_IMAGE_COPY_OFFLOAD));
    r = check_options(&c.options, err);
    if (r == 0)
        r = set_range(&c, err);
    if (r < 0)
        return r;
    set_sizes(&c);
    if (c.ordered)
        vemu__copy_hint_begin(&c);
    unsigned threads = choose_threads(&c);
    r = allocate_ring(&c, c.ordered ? threads + 6 : threads);
    if (r < 0)
        vemu__error_set(err, ENOMEM, "Not enough memory to copy");
    else
        r = run(&c, threads);
    vemu__copy_hint_end(&c);
    if (r < 0 && err && !*err)
        *err = g_steal_pointer(&c.message);
    if (r == 0 && progress && progress->report)
        progress->report(progress->data, c.end - c.start, c.end - c.start);
    vemu_error_free(c.message);
    for (unsigned i = 0; i < c.ring_size; i++)
        free(c.ring[i].buf);
    g_free(c.ring);
    pthread_cond_destroy(&c.wake);
    pthread_mutex_destroy(&c.lock);
    return r;
}
