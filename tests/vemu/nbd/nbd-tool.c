/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A user of images by their public interface, for tests against other NBD programs.
 *
 *     nbd-tool copy SOURCE TARGET THREADS    copies contents, threads take pieces in turn
 *     nbd-tool stress IMAGE SECONDS THREADS  each thread writes, zeroes, discards and checks a
 *                                            region of its own
 *     nbd-tool map IMAGE                     extents: offset, length, kind
 *     nbd-tool list ADDRESS                  exports
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vemu/image.h>
#include <vemu/nbd.h>

#define PIECE       (256u << 10)
#define THREADS_MAX 64

static struct vemu_image *source, *target;
static atomic_ullong next_piece;
static atomic_int failures;
static time_t end_time;
static int thread_count;

static struct vemu_image *open_image(const char *name, uint32_t flags)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;

    options.flags = flags;
    options.format = strncmp(name, "json:", 5) ? "raw" : NULL;
    if (vemu_image_open(name, &options, &image, &err) < 0) {
        fprintf(stderr, "nbd-tool: %s\n", vemu_error_message(err));
        exit(1);
    }
    return image;
}

static void failed(const char *what, uint64_t offset, int r)
{
    if (atomic_fetch_add(&failures, 1) < 5)
        fprintf(stderr, "nbd-tool: %s at %" PRIu64 ": %s\n", what, offset, strerror(-r));
}

static void *copy_main(void *data)
{
    uint64_t size = vemu_image_get_size(source), offset;
    char *buf = malloc(PIECE);

    while ((offset = atomic_fetch_add(&next_piece, 1) * PIECE) < size && !failures) {
        size_t n = size - offset < PIECE ? (size_t)(size - offset) : PIECE;
        int r = vemu_image_read(source, offset, buf, n);

        if (r < 0)
            failed("reading", offset, r);
        else if ((r = vemu_image_write(target, offset, buf, n, 0)) < 0)
            failed("writing", offset, r);
    }
    free(buf);
    return NULL;
}

/* One round on a piece of at most PIECE bytes. */
static void stress_once(uint64_t from, uint64_t bytes, unsigned *seed, uint8_t *buf, uint8_t *model)
{
    uint64_t at = (uint64_t)rand_r(seed) % bytes;
    size_t n = 1 + (size_t)rand_r(seed) % (PIECE / (rand_r(seed) % 3 ? 64 : 1));
    int r = 0, what = rand_r(seed) % 8;

    n = n > bytes - at ? (size_t)(bytes - at) : n;
    if (what < 3) {
        memset(model + at, rand_r(seed) & 255, n);
        r = vemu_image_write(target, from + at, model + at, n, what == 0 ? VEMU_IMAGE_FUA : 0);
    } else if (what == 3) {
        memset(model + at, 0, n);
        r = vemu_image_zero(target, from + at, n, VEMU_IMAGE_MAY_UNMAP);
    } else if (what == 4 && rand_r(seed) % 16 == 0) {
        r = vemu_image_flush(target);
    } else {
        r = vemu_image_read(target, from + at, buf, n);
        if (r >= 0 && memcmp(buf, model + at, n))
            failed("wrong data", from + at, 0);
    }
    if (r < 0)
        failed("a request", from + at, r);
}

static void *stress_main(void *data)
{
    uint64_t index = (uint64_t)(uintptr_t)data;
    uint64_t region = vemu_image_get_size(target) / (uint64_t)thread_count;
    unsigned seed = (unsigned)index + 1;
    uint8_t *buf = malloc(PIECE), *model;

    region = region < (4u << 20) ? region : 4u << 20;
    model = calloc(1, region);
    if (vemu_image_zero(target, index * region, region, 0) < 0)
        failed("zeroing", index * region, -5);
    while (time(NULL) < end_time && !failures)
        stress_once(index * region, region, &seed, buf, model);
    free(model);
    free(buf);
    return NULL;
}

static void run_threads(void *(*fn)(void *))
{
    pthread_t threads[THREADS_MAX];

    for (int i = 0; i < thread_count; i++)
        pthread_create(&threads[i], NULL, fn, (void *)(uintptr_t)i);
    for (int i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
}

static int close_all(void)
{
    int r = vemu_image_close(target);

    vemu_image_close(source);
    if (r < 0)
        failed("closing", 0, r);
    return failures != 0;
}

static void map(void)
{
    uint64_t size = vemu_image_get_size(source);

    for (uint64_t offset = 0; offset < size;) {
        struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;

        if (vemu_image_get_extent(source, NULL, offset, size - offset, &extent) < 0) {
            failed("extent", offset, -5);
            return;
        }
        printf("%" PRIu64 " %" PRIu64 " %s\n", offset, extent.bytes,
               extent.flags & VEMU_IMAGE_EXTENT_ZERO ? "zero" : "data");
        offset += extent.bytes;
    }
}

static int print_export(void *data, const char *name, const char *description, uint64_t size,
                        uint32_t flags)
{
    printf("'%s' '%s' %" PRIu64 " %s\n", name, description, size, flags & 2 ? "ro" : "rw");
    return 0;
}

static int list(const char *address)
{
    struct vemu_error *err = NULL;
    int r = vemu_nbd_list(address, NULL, print_export, NULL, &err);

    if (r < 0)
        fprintf(stderr, "nbd-tool: %s\n", vemu_error_message(err));
    vemu_error_free(err);
    return r < 0;
}

int main(int argc, char **argv)
{
    bool copy = argc == 5 && !strcmp(argv[1], "copy");

    thread_count = argc == 5 ? atoi(argv[4]) : 1;
    if (thread_count < 1 || thread_count > THREADS_MAX)
        return 2;
    if (argc == 3 && !strcmp(argv[1], "list"))
        return list(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "map")) {
        source = open_image(argv[2], 0);
        map();
    } else if (copy) {
        source = open_image(argv[2], 0);
        target = open_image(argv[3], VEMU_IMAGE_WRITE);
        run_threads(copy_main);
    } else if (argc == 5 && !strcmp(argv[1], "stress")) {
        target = open_image(argv[2], VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP);
        end_time = time(NULL) + atoi(argv[3]);
        run_threads(stress_main);
    } else {
        return 2;
    }
    return close_all();
}
