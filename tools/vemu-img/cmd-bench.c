/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench: how fast an image is read or written.
 *
 * As many threads as requests should be under way take the next request each; a flush is made by
 * the one that comes first, when it is time, and the others wait for it, or not (--no-drain).
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "img.h"
#include "progress.h"

#define MAX_DEPTH 512

struct bench {
    struct named named;
    uint64_t count, depth, size, step, offset, pattern, flush_interval;
    bool write, no_drain, quiet;
    uint32_t flags;

    struct vemu_image *image;
    uint64_t image_size;
    uint8_t *buffers; /* `size` bytes for each thread */
    atomic_uint_fast64_t begun;
    atomic_uint threads;
    atomic_int error;
    /* when there are flushes that drain */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uint64_t finished, flushed;
};

/* Where request `index` goes: around the image, so that what is aligned stays so, without going
 * over its end. */
static uint64_t place(const struct bench *c, uint64_t index)
{
    uint64_t at = (c->offset + index * c->step) % c->image_size, last = c->image_size - c->size;

    return at < last ? at : last;
}

static int request(struct bench *c, uint64_t index, uint8_t *buffer)
{
    if (c->write)
        return vemu_image_write(c->image, place(c, index), buffer, c->size, 0);
    return vemu_image_read(c->image, place(c, index), buffer, c->size);
}

/* Waits until all requests before the last multiple of the interval are done, and flushed. */
static int drain(struct bench *c, uint64_t index)
{
    uint64_t round = index / c->flush_interval;
    int r = 0;

    pthread_mutex_lock(&c->lock);
    while (c->flushed < round && !atomic_load(&c->error)) {
        if (c->finished < round * c->flush_interval || index % c->flush_interval) {
            pthread_cond_wait(&c->wake, &c->lock);
            continue;
        }
        r = vemu_image_flush(c->image); /* nobody else has anything to do */
        c->flushed = round;
        pthread_cond_broadcast(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
    return r;
}

static void finished(struct bench *c)
{
    pthread_mutex_lock(&c->lock);
    c->finished++;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

static void *bench_thread(void *data)
{
    struct bench *c = data;
    uint8_t *buffer = c->buffers + atomic_fetch_add(&c->threads, 1) * c->size;
    bool draining = c->flush_interval && !c->no_drain;
    uint64_t index;

    while ((index = atomic_fetch_add(&c->begun, 1)) < c->count && !atomic_load(&c->error)) {
        int r = progress_signal() ? -EINTR : draining ? drain(c, index) : 0;
        if (r >= 0)
            r = request(c, index, buffer);
        if (r >= 0 && c->flush_interval && c->no_drain && (index + 1) % c->flush_interval == 0)
            r = vemu_image_flush(c->image);
        if (r < 0)
            atomic_store(&c->error, r);
        if (draining)
            finished(c);
    }
    return NULL;
}

static double seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool run_threads(struct bench *c)
{
    pthread_t ids[MAX_DEPTH];
    unsigned count = 0;
    int r = 0;

    while (r == 0 && count < c->depth) {
        r = pthread_create(&ids[count], NULL, bench_thread, c);
        count += r == 0;
    }
    if (r) {
        report_error(NULL, r, "Could not start thread %u: ", count + 1);
        atomic_store(&c->error, -r);
        pthread_mutex_lock(&c->lock);
        pthread_cond_broadcast(&c->wake);
        pthread_mutex_unlock(&c->lock);
    }
    while (count)
        pthread_join(ids[--count], NULL);
    return r == 0;
}

static int bench(struct bench *c)
{
    c->image_size = vemu_image_get_size(c->image);
    if (c->image_size < c->size) {
        report("The image is smaller than a request");
        return 1;
    }
    if (posix_memalign((void **)&c->buffers, 4096, c->size * c->depth)) {
        report("Out of memory");
        return 1;
    }
    memset(c->buffers, c->write ? (int)c->pattern : 0, c->size * c->depth);
    say(c->quiet,
        "Sending %" PRIu64 " %s requests, %" PRIu64 " bytes each, %" PRIu64
        " in parallel (starting at offset %" PRIu64 ", step size %" PRIu64 ")\n",
        c->count, c->write ? "write" : "read", c->size, c->depth, c->offset, c->step);
    if (c->flush_interval)
        say(c->quiet, "Sending flush every %" PRIu64 " requests\n", c->flush_interval);
    fflush(stdout);
    double begin = seconds();
    bool ok = run_threads(c);
    double end = seconds();
    free(c->buffers);
    if (!ok)
        return 1;
    if (progress_signal()) {
        report("Interrupted");
        return 1;
    }
    if (atomic_load(&c->error))
        return report_error(NULL, atomic_load(&c->error), "Failed request: ");
    say(c->quiet, "Run completed in %3.3f seconds.\n", end - begin);
    return 0;
}

/* --- command line ----------------------------------------------------------------------------- */

static bool number(const char *text, uint64_t max, uint64_t *ret, const char *wrong)
{
    bool ok = parse_number(text, max, ret);

    if (!ok)
        report("%s", wrong);
    return ok;
}

static bool take_cache(struct bench *c, const char *text)
{
    if (parse_cache(text, &c->flags))
        return true;
    report("Invalid cache mode");
    return false;
}

/* The library has one way; it is the one with threads. */
static bool take_aio(const char *text)
{
    if (!strcmp(text, "threads"))
        return true;
    if (!strcmp(text, "native") || !strcmp(text, "io_uring"))
        report("-i %s: only threads are supported", text);
    else
        report("Invalid aio option: %s", text);
    return false;
}

static bool take_option(struct bench *c, int option)
{
    switch (option) {
    case 'c': return number(optarg, INT32_MAX, &c->count, "Invalid request count specified");
    case 'd':
        if (!number(optarg, INT32_MAX, &c->depth, "Invalid queue depth specified"))
            return false;
        if (c->depth && c->depth <= MAX_DEPTH)
            return true;
        report("Invalid queue depth specified. Must be between 1 and %d.", MAX_DEPTH);
        return false;
    case 'o': return parse_amount("offset", optarg, 0, INT64_MAX, &c->offset);
    case 's': return parse_amount("buffer size", optarg, 1, INT32_MAX, &c->size);
    case 'S': return parse_amount("step size", optarg, 0, INT32_MAX, &c->step);
    case 't': return take_cache(c, optarg);
    case 'i': return take_aio(optarg);
    case 'n': report("-n: native AIO is not supported"); return false;
    case 'q': c->quiet = true; return true;
    case 'w': c->write = true; return true;
    case OPTION_PATTERN: return number(optarg, 0xff, &c->pattern, "Invalid pattern byte specified");
    case OPTION_FLUSH_INTERVAL:
        return number(optarg, INT32_MAX, &c->flush_interval, "Invalid flush interval specified");
    case OPTION_NO_DRAIN: c->no_drain = true; return true;
    default: return named_option(&c->named, option);
    }
}

static bool known_option(int option)
{
    return (option < 256 && option > 0 && strchr("cdfinoqsStwU", option)) ||
           option == OPTION_PATTERN || option == OPTION_FLUSH_INTERVAL ||
           option == OPTION_NO_DRAIN || option == OPTION_IMAGE_OPTS;
}

int cmd_bench(int argc, char **argv)
{
    static const struct option options[] = {
        OPTION_HELP,
        { "flush-interval", required_argument, NULL, OPTION_FLUSH_INTERVAL },
        { "image-opts", no_argument, NULL, OPTION_IMAGE_OPTS },
        { "pattern", required_argument, NULL, OPTION_PATTERN },
        { "no-drain", no_argument, NULL, OPTION_NO_DRAIN },
        OPTION_FORCE_SHARE,
        OPTION_END,
    };
    struct bench c = { .count = 75000,
                       .depth = 64,
                       .size = 4096,
                       .lock = PTHREAD_MUTEX_INITIALIZER,
                       .wake = PTHREAD_COND_INITIALIZER };
    int option;

    while ((option = getopt_long(argc, argv, ":hc:d:f:ni:o:qs:S:t:wU", options, NULL)) != -1) {
        if (!known_option(option))
            return other_option(option, argv);
        if (!take_option(&c, option))
            return 1;
    }
    if (!named_alone(&c.named, argc, argv))
        return 1;
    if (!c.write && c.flush_interval) {
        report("--flush-interval is only available in write tests");
        return 1;
    }
    if (c.flush_interval && c.flush_interval < c.depth) {
        report("Flush interval can't be smaller than depth");
        return 1;
    }
    if (!c.step)
        c.step = c.size;
    c.image = open_named(&c.named, c.flags | (c.write ? VEMU_IMAGE_WRITE : 0));
    if (!c.image)
        return 1;
    int status = bench(&c);
    return close_image(c.image) || status;
}
