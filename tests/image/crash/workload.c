/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random work on an image, of which the model knows what it does.
 */
#include "workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "image/qcow2/qcow2.h"

#define THREADS_MAX 8u
#define STORE_SIZE  (UINT64_C(64) << 20)

enum op_kind { OP_WRITE, OP_ZERO, OP_DISCARD, OP_FLUSH, OP_COMPRESS };

/* What may run beside others. */
struct op {
    struct crash_run *run;
    struct vemu_image *image;
    enum op_kind kind;
    uint64_t first, count; /* sectors */
    uint64_t value;
    uint32_t flags;
    uint64_t start; /* FLUSH */
    bool reserve;   /* WRITE */
    int result;
};

/* --- opening ---------------------------------------------------------------------------------- */

int crash_open(struct crash_run *run, uint32_t flags, struct vemu_image **ret,
               struct vemu_error **err)
{
    struct vemu_image *image = NULL;
    int r;

    r = vemu__image_new(vemu__image_find_driver("qcow2"), "crash.qcow2",
                        crash_disk_new(&run->store, flags), flags | VEMU_IMAGE_UNMAP, NULL, 0,
                        &image, err);
    if (r >= 0 && (run->set->flags & SET_BACKING)) {
        r = vemu__image_open_backing(image, NULL, 0, err);
        if (r < 0) {
            vemu_image_close(image);
            return r;
        }
    }
    if (r >= 0 && (run->set->flags & SET_DATA_FILE)) { /* the one that remembers */
        struct qcow2 *s = qcow2_of(image);

        vemu_image_close(s->data);
        s->data = crash_disk_new(&run->data, flags);
    }
    *ret = image;
    return r;
}

bool crash_complain(const struct crash_run *run, const char *what, int r, struct vemu_error *err)
{
    fprintf(stderr, "%s, seed %" PRIu64 ": %s: %s\n", run->set->name, run->seed, what,
            err ? vemu_error_message(err) : g_strerror(-r));
    vemu_error_free(err);
    return false;
}

static bool backing_create(struct crash_run *run, const char *path)
{
    uint64_t sectors = run->set->sectors;
    g_autofree uint8_t *bytes = g_malloc(sectors * CRASH_SECTOR);

    for (uint64_t i = 0; i < sectors; i++)
        model_fill(BACKING_VALUE + i, bytes + i * CRASH_SECTOR);
    model_set_initial(&run->model, sectors, BACKING_VALUE);
    return g_file_set_contents(path, (char *)bytes, (gssize)(sectors * CRASH_SECTOR), NULL);
}

/* By way of a real file, since creating works with names. */
static bool image_create(struct crash_run *run)
{
    g_autofree char *path = g_build_filename(run->folder, "start.qcow2", NULL);
    g_autofree char *beside = g_build_filename(run->folder, "beside.raw", NULL);
    struct vemu_property props[SET_PROPS + 2];
    struct vemu_error *err = NULL;
    g_autofree char *bytes = NULL;
    size_t count = 0;
    gsize size;
    int r;

    for (; count < SET_PROPS && run->set->props[count].name; count++)
        props[count] = run->set->props[count];
    if (run->set->flags & SET_BACKING) {
        if (!backing_create(run, beside))
            return crash_complain(run, "cannot write the backing file", -errno, NULL);
        props[count++] = (struct vemu_property){ "backing_file", beside };
        props[count++] = (struct vemu_property){ "backing_fmt", "raw" };
    }
    if (run->set->flags & SET_DATA_FILE)
        props[count++] = (struct vemu_property){ "data_file", beside };
    r = vemu_image_create(path, "qcow2", run->set->sectors * CRASH_SECTOR, props, count, NULL,
                          &err);
    if (r < 0)
        return crash_complain(run, "cannot create the image", r, err);
    if (!g_file_get_contents(path, &bytes, &size, NULL))
        return crash_complain(run, "cannot read the image", -errno, NULL);
    if (run->set->flags & SET_WORDS)
        crash_words_begin(run, (uint8_t *)bytes);
    run->start = g_byte_array_append(g_byte_array_new(), (guint8 *)bytes, (guint)size);
    crash_store_load(&run->store, bytes, size);
    if (run->set->flags & SET_DATA_FILE) {
        g_autofree char *data = NULL;

        if (!g_file_get_contents(beside, &data, &size, NULL))
            return crash_complain(run, "cannot read the data file", -errno, NULL);
        run->data_start = g_byte_array_append(g_byte_array_new(), (guint8 *)data, (guint)size);
        crash_store_load(&run->data, data, size);
    }
    return true;
}

/* --- requests --------------------------------------------------------------------------------- */

static int write_sectors(const struct op *op)
{
    uint64_t bytes = op->count * CRASH_SECTOR;
    g_autofree uint8_t *data = g_malloc(bytes);

    for (uint64_t i = 0; i < op->count; i++)
        model_fill(op->value + op->first + i, data + i * CRASH_SECTOR);
    /* every other one as copies do it: places first */
    if (op->reserve && op->image->driver->reserve(op->image, op->first * CRASH_SECTOR, bytes) < 0)
        return -EIO;
    return vemu_image_write(op->image, op->first * CRASH_SECTOR, data, bytes, op->flags);
}

static void op_prepare(struct op *op)
{
    struct model *model = &op->run->model;
    uint64_t clock = crash_store_tick(&op->run->store);

    switch (op->kind) {
    case OP_COMPRESS:
    case OP_WRITE: model_begin(model, clock, op->first, op->count, op->value); break;
    case OP_ZERO: model_begin(model, clock, op->first, op->count, VALUE_ZERO); break;
    case OP_DISCARD: model_begin(model, clock, op->first, op->count, VALUE_ANY); break;
    case OP_FLUSH: return;
    }
    model_touch(model, clock, op->first, op->count);
    if (op->flags & VEMU_IMAGE_FUA)
        model_set_fua(model, op->first, op->count);
}

void crash_mark_flush(struct crash_store *store)
{
    bool seen[2] = { false };

    pthread_mutex_lock(&store->lock);
    for (guint i = store->log->len; i-- > 0 && !(seen[0] && seen[1]);) {
        struct crash_event *event = &g_array_index(store->log, struct crash_event, i);

        if (event->kind != CRASH_FLUSH || seen[event->file])
            continue;
        event->for_guest = true;
        seen[event->file] = true;
    }
    pthread_mutex_unlock(&store->lock);
}

static void *op_do(void *data)
{
    struct op *op = data;
    struct crash_store *store = &op->run->store;
    uint64_t offset = op->first * CRASH_SECTOR, bytes = op->count * CRASH_SECTOR;

    switch (op->kind) {
    case OP_COMPRESS:
    case OP_WRITE: op->result = write_sectors(op); break;
    case OP_ZERO: op->result = vemu_image_zero(op->image, offset, bytes, op->flags); break;
    case OP_DISCARD: op->result = vemu_image_discard(op->image, offset, bytes); break;
    case OP_FLUSH:
        op->start = crash_store_tick(store);
        op->result = vemu_image_flush(op->image);
        crash_mark_flush(store);
        return NULL;
    }
    if (op->result >= 0)
        model_end(&op->run->model, crash_store_tick(store), op->first, op->count);
    return NULL;
}

static bool op_done(struct op *op)
{
    static const char *const names[] = { "write", "zero", "discard", "flush", "compressed write" };

    if (op->result < 0)
        return crash_complain(op->run, names[op->kind], op->result, NULL);
    if (op->kind == OP_FLUSH)
        model_add_flush(&op->run->model, op->start, crash_store_tick(&op->run->store));
    return true;
}

/* Small ones mostly, some of whole clusters, few large ones. */
static void op_place(struct crash_run *run, struct op *op)
{
    uint64_t cluster = MAX(run->set->cluster_size / CRASH_SECTOR, 1), end = run->model.sectors;
    uint64_t kind = crash_random(&run->random, 8);

    op->first = crash_random(&run->random, end);
    op->count = 1 + crash_random(&run->random, 8);
    if (kind < 3) {
        op->first = op->first / cluster * cluster;
        op->count = cluster * (1 + crash_random(&run->random, 3));
    } else if (kind == 3) {
        op->count = 1 + crash_random(&run->random, MIN(16 * cluster, 256));
    }
    if (crash_random(&run->random, 3) == 0) /* a place where there is more to be overwritten */
        op->first %= MAX(end / 8, 1);
    op->count = MIN(op->count, end - op->first);
}

/* A cluster where nothing is; false: none was found. */
static bool op_compress(struct crash_run *run, struct op *op)
{
    uint64_t cluster = run->set->cluster_size / CRASH_SECTOR;
    uint64_t clusters = run->model.sectors / cluster;

    for (unsigned i = 0; i < 8 && clusters; i++) {
        op->first = crash_random(&run->random, clusters) * cluster;
        op->count = cluster;
        if (!model_is_untouched(&run->model, op->first, op->count))
            continue;
        op->kind = OP_COMPRESS;
        op->flags = VEMU_IMAGE_COMPRESSED;
        return true;
    }
    return false;
}

static void op_choose(struct crash_run *run, struct vemu_image *image, struct op *op)
{
    uint64_t roll = crash_random(&run->random, 80);

    *op = (struct op){ .run = run, .image = image };
    op_place(run, op);
    op->value = model_new_value(&run->model, crash_random(&run->random, 2));
    if (roll < 48) {
        op->kind = OP_WRITE;
        op->flags = crash_random(&run->random, 16) ? 0 : VEMU_IMAGE_FUA;
        op->reserve = !(run->set->flags & SET_BACKING) && run->model.writes % 2;
    } else if (roll < 56) {
        op->kind = OP_ZERO;
        op->flags = crash_random(&run->random, 2) ? VEMU_IMAGE_MAY_UNMAP : 0;
    } else if (roll < 62) {
        op->kind = OP_DISCARD;
    } else {
        op->kind = OP_FLUSH;
    }
}

static bool overlaps(const struct op *a, const struct op *b)
{
    return a->kind != OP_FLUSH && b->kind != OP_FLUSH && a->first < b->first + b->count &&
           b->first < a->first + a->count;
}

/* Some requests at once, or one. */
static bool do_requests(struct crash_run *run, struct vemu_image *image)
{
    struct op ops[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    unsigned count = 0, want = CLAMP(run->threads, 1, THREADS_MAX);
    bool ok = true;

    if ((run->set->flags & SET_COMPRESS) && crash_random(&run->random, 16) == 0) {
        ops[0] = (struct op){ .run = run, .image = image };
        ops[0].value = model_new_value(&run->model, true);
        if (op_compress(run, &ops[0])) {
            op_prepare(&ops[0]);
            op_do(&ops[0]);
            return op_done(&ops[0]);
        }
    }
    while (count < want) {
        bool free_place = true;

        op_choose(run, image, &ops[count]);
        for (unsigned i = 0; i < count; i++)
            free_place = free_place && !overlaps(&ops[i], &ops[count]);
        if (free_place)
            op_prepare(&ops[count++]);
    }
    if (count == 1) {
        op_do(&ops[0]);
        return op_done(&ops[0]);
    }
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, op_do, &ops[i]) != 0)
            abort();
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < count; i++)
        ok = op_done(&ops[i]) && ok;
    return ok;
}

/* --- all of it -------------------------------------------------------------------------------- */

bool crash_workload(struct crash_run *run)
{
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;
    bool ok;
    int r;

    run->random.state = run->seed;
    model_init(&run->model, run->set->sectors, run->set->max_sectors);
    crash_store_init(&run->store, NULL, STORE_SIZE);
    crash_store_init(&run->data, &run->store, STORE_SIZE);
    if (!image_create(run))
        return false;
    run->store.clock = 1;
    model_add_flush(&run->model, 1, 1);
    run->store.mode = CRASH_RECORD;
    r = crash_open(run, VEMU_IMAGE_WRITE, &image, &err);
    ok = r >= 0 || crash_complain(run, "open", r, err);
    for (unsigned i = 0; i < run->operations && ok; i++) {
        bool done = false;

        ok = crash_whole(run, &image, &done);
        if (ok && !done)
            ok = do_requests(run, image);
    }
    r = vemu_image_close(image);
    run->store.mode = CRASH_PLAIN;
    return ok && (r >= 0 || crash_complain(run, "close", r, NULL));
}
