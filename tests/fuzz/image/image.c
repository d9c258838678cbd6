/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of image formats: hostile files that are opened, read, written, checked, repaired and
 * changed. They must not do harm, and must not take long or much memory.
 *
 * Built plainly it takes images from qemu-img, changes them at random and runs as a test:
 * fuzz-image [SEED COUNT]; it also replays FILE..., and writes its seeds:
 * fuzz-image --write FOLDER.
 * Built with libFuzzer it takes its inputs from there, with the same changes among others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "crash/disk.h"
#include "fuzz.h"
#include "image/vmdk.h"
#include "sanitized.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LENGTH_MAX  (192u << 10)
#define EXTENTS_MAX 300u
#define SLOW_S      20.0 /* with sanitizers */
/* What the limits of a format let one image have: the most are bitmaps of a qcow2, 512 MiB. */
#define PEAK_MAX_MIB 1024

const char *const fuzz_formats[FUZZ_FORMATS] = { "qcow2", "vmdk", "vdi", "vhdx", "vpc" };

enum {
    READ,
    WRITE,
    ZERO,
    DISCARD,
    FLUSH,
    EXTENTS,
    CHECK,
    REPAIR,
    SNAPSHOT_CREATE,
    SNAPSHOT_DELETE,
    SNAPSHOT_APPLY,
    RESIZE,
    COMPRESS,
    REOPEN,
    BITMAPS,
    INFO,
    MAP,
    SNAPSHOT_LOAD,
    AMEND,
    EMPTY,
    MEASURE,
    KINDS,
};

struct target {
    struct crash_store store;
    struct vemu_image *image;
    enum fuzz_format format;
    uint8_t flags;
    uint8_t *buf;
};

/* --- requests --------------------------------------------------------------------------------- */

static int name_keep(void *data, const struct vemu_image_snapshot *snapshot)
{
    char **name = data;

    g_free(*name);
    *name = g_strdup(snapshot->name);
    return 0;
}

static int bitmap_keep(void *data, const struct vemu_image_bitmap *bitmap)
{
    char **name = data;

    g_free(*name);
    *name = g_strdup(bitmap->name);
    return 0;
}

static void do_snapshot(struct target *t, const struct fuzz_op *op)
{
    char *name = NULL;

    vemu_image_list_snapshots(t->image, name_keep, &name);
    if (op->kind % KINDS == SNAPSHOT_CREATE)
        vemu_image_create_snapshot(t->image, op->what & 1 && name ? name : "n", NULL);
    else if (name && op->kind % KINDS == SNAPSHOT_DELETE)
        vemu_image_delete_snapshot(t->image, name, NULL);
    else if (name && op->kind % KINDS == SNAPSHOT_LOAD)
        vemu_image_load_snapshot(t->image, name, NULL);
    else if (name)
        vemu_image_apply_snapshot(t->image, name, NULL);
    g_free(name);
}

static void do_bitmaps(struct target *t, const struct fuzz_op *op)
{
    uint64_t offset, bytes;
    char *name = NULL;

    vemu_image_list_bitmaps(t->image, bitmap_keep, &name);
    if (op->what & 1)
        vemu_image_add_bitmap(t->image, "b", op->what & 2 ? 0 : 512u << op->what % 8,
                              VEMU_IMAGE_BITMAP_PERSISTENT | VEMU_IMAGE_BITMAP_ENABLED, NULL);
    if (name) {
        vemu_image_next_dirty(t->image, name, op->place, &offset, &bytes, NULL);
        if (op->what & 4)
            vemu_image_clear_bitmap(t->image, name, NULL);
        if (op->what & 16)
            vemu_image_enable_bitmap(t->image, name, op->what & 32, NULL);
        if (op->what & 64)
            vemu_image_merge_bitmap(t->image, "b", t->image, name, NULL);
        if (op->what & 8)
            vemu_image_remove_bitmap(t->image, name, NULL);
    }
    g_free(name);
}

static void do_extents(struct target *t, uint64_t offset)
{
    for (unsigned i = 0; i < EXTENTS_MAX; i++) {
        struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;

        if (vemu_image_get_extent(t->image, NULL, offset, INT64_MAX - offset, &extent) < 0)
            return;
        if (!extent.bytes)
            abort();
        offset += extent.bytes;
    }
}

static void do_check(struct target *t, const struct fuzz_op *op)
{
    struct vemu_image_check check = VEMU_IMAGE_CHECK_INIT;

    vemu_image_check(t->image,
                     op->kind % KINDS == CHECK
                         ? 0
                         : VEMU_IMAGE_REPAIR_LEAKS | (op->what & 1 ? VEMU_IMAGE_REPAIR_ERRORS : 0),
                     &check, NULL, NULL);
}

static void do_amend(struct target *t, const struct fuzz_op *op)
{
    static const struct vemu_property choices[] = {
        { "compat", "0.10" },        { "compat", "1.1" },         { "refcount_bits", "1" },
        { "refcount_bits", "16" },   { "refcount_bits", "64" },   { "lazy_refcounts", "on" },
        { "lazy_refcounts", "off" }, { "backing_file", "other" }, { "backing_fmt", "raw" },
        { "backing_file", "" },      { "data_file_raw", "off" },
    };

    vemu_image_amend(t->image, &choices[op->what % G_N_ELEMENTS(choices)], 1, NULL, NULL);
}

static void do_measure(struct target *t)
{
    struct vemu_image_measure measure = { .size = sizeof(measure) };

    vemu_image_measure("qcow2", t->image, 0, NULL, 0, &measure, NULL);
}

static void do_info(struct target *t)
{
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;

    vemu_image_get_info(t->image, &info, NULL);
    vemu_image_info_clear(&info);
}

static void image_open(struct target *t, bool check)
{
    bool writes = t->format == FUZZ_QCOW2 && !(t->flags & FUZZ_READ_ONLY);
    uint32_t flags = (writes ? VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP : VEMU_IMAGE_NO_DATA_FILE) |
                     (check ? VEMU_IMAGE_CHECK : 0);

    t->image = NULL;
    if (vemu__image_new(vemu__image_find_driver(fuzz_formats[t->format]), "fuzz",
                        crash_disk_new(&t->store, flags), flags, NULL, 0, &t->image, NULL) < 0)
        return;
    /* the names of backing files are not looked at: that is a file of ours */
    if ((t->flags & FUZZ_BACKING) && !t->image->backing &&
        vemu_image_open("null-co://",
                        &(struct vemu_image_open_options){
                            .size = sizeof(struct vemu_image_open_options), .format = "raw" },
                        &t->image->backing, NULL) < 0)
        t->image->backing = NULL;
}

static void play(struct target *t, const struct fuzz_op *op)
{
    uint64_t size = vemu_image_get_size(t->image);
    uint64_t offset = size ? (op->what & 0x80 ? (uint64_t)op->place << 24 : op->place) % size : 0;
    uint64_t bytes = MIN(MIN((uint64_t)op->length * 8, size - offset), LENGTH_MAX);
    struct vemu_image_span span;

    switch (op->kind % KINDS) {
    case READ: vemu_image_read(t->image, offset, t->buf, bytes); break;
    case WRITE:
        memset(t->buf, op->what, bytes);
        vemu_image_write(t->image, offset, t->buf, bytes, 0);
        break;
    case ZERO:
        vemu_image_zero(t->image, offset, bytes, op->what & 1 ? VEMU_IMAGE_MAY_UNMAP : 0);
        break;
    case DISCARD: vemu_image_discard(t->image, offset, bytes); break;
    case FLUSH: vemu_image_flush(t->image); break;
    case EXTENTS: do_extents(t, offset); break;
    case CHECK:
    case REPAIR: do_check(t, op); break;
    case SNAPSHOT_CREATE:
    case SNAPSHOT_DELETE:
    case SNAPSHOT_APPLY:
    case SNAPSHOT_LOAD: do_snapshot(t, op); break;
    case RESIZE:
        vemu_image_resize(t->image, (op->what & 1 ? size : 0) + (uint64_t)op->length * 512, NULL,
                          VEMU_IMAGE_RESIZE_SHRINK, NULL, NULL);
        break;
    case COMPRESS:
        if (t->image->cluster_size && t->image->cluster_size <= LENGTH_MAX) {
            memset(t->buf, op->what, t->image->cluster_size);
            offset -= offset % t->image->cluster_size;
            vemu_image_write(t->image, offset, t->buf, MIN(t->image->cluster_size, size - offset),
                             VEMU_IMAGE_COMPRESSED);
        }
        break;
    case REOPEN:
        vemu_image_close(t->image);
        image_open(t, op->what & 1);
        break;
    case BITMAPS: do_bitmaps(t, op); break;
    case INFO: do_info(t); break;
    case AMEND: do_amend(t, op); break;
    case EMPTY: vemu_image_make_empty(t->image, NULL); break;
    case MEASURE: do_measure(t); break;
    case MAP:
        if (bytes && vemu__image_map(t->image, offset, bytes, op->what & 1, &span) == 0)
            vemu__image_unmap(&span);
        break;
    }
}

/* --- inputs ----------------------------------------------------------------------------------- */

static uint8_t *file_unpack(const struct fuzz_header *header, const uint8_t *data, size_t size,
                            uint64_t *ret_size)
{
    uint64_t bytes = MIN((uint64_t)header->size * FUZZ_SECTOR, FUZZ_FILE_MAX);
    uint8_t *file = g_malloc0(bytes + 1);
    struct fuzz_chunk chunk;

    while (size >= sizeof(chunk)) {
        uint64_t at, n;

        memcpy(&chunk, data, sizeof(chunk));
        data += sizeof(chunk);
        size -= sizeof(chunk);
        at = (uint64_t)chunk.sector * FUZZ_SECTOR;
        n = MIN((uint64_t)chunk.count * FUZZ_SECTOR, size);
        if (at < bytes)
            memcpy(file + at, data, MIN(n, bytes - at));
        data += n;
        size -= n;
    }
    *ret_size = bytes;
    return file;
}

/* What would make us open files of the host that the input names. */
static void names_remove(enum fuzz_format format, bool writes, uint8_t *file, uint64_t size)
{
    if (format == FUZZ_QCOW2 && writes && size > 80)
        file[79] &= (uint8_t)~4; /* external data file */
    if (format == FUZZ_VMDK && size >= 4 && memcmp(file, "KDMV", 4) != 0) {
        struct vmdk_descriptor descriptor;

        file[size] = 0;
        if (vemu__vmdk_descriptor_parse((char *)file, "fuzz", &descriptor, NULL) == 0)
            vemu__vmdk_descriptor_clear(&descriptor);
        memcpy(file, "KDMV", 4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target t = { 0 };
    struct fuzz_header header;
    struct fuzz_op ops[FUZZ_OPS_MAX];
    uint64_t file_size;
    unsigned count;
    uint8_t *file;

    if (size < sizeof(header))
        return 0;
    memcpy(&header, data, sizeof(header));
    data += sizeof(header);
    size -= sizeof(header);
    count = (unsigned)MIN(header.op_count % (FUZZ_OPS_MAX + 1), size / sizeof(ops[0]));
    memcpy(ops, data, count * sizeof(ops[0]));
    data += count * sizeof(ops[0]);
    size -= count * sizeof(ops[0]);

    t.format = header.format % FUZZ_FORMATS;
    t.flags = header.flags;
    t.buf = g_malloc(LENGTH_MAX);
    file = file_unpack(&header, data, size, &file_size);
    if (header.flags & FUZZ_MEND)
        fuzz_mend(t.format, file, file_size);
    names_remove(t.format, !(t.flags & FUZZ_READ_ONLY), file, file_size);
    crash_store_init(&t.store, NULL, 2 * FUZZ_FILE_MAX);
    crash_store_load(&t.store, file, file_size);
    g_free(file);
    image_open(&t, false);
    if (!t.image)
        image_open(&t, true);
    for (unsigned i = 0; i < count && t.image; i++)
        play(&t, &ops[i]);
    vemu_image_close(t.image);
    crash_store_fini(&t.store);
    g_free(t.buf);
    return 0;
}

#ifdef FUZZ_LIBFUZZER
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;

    if (seed % 3 == 0)
        return LLVMFuzzerMutate(data, size, max);
    return fuzz_mutate(data, size, &random);
}
#else
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Inputs that take long or much memory are findings. Sanitizers keep for long what was freed. */
static bool is_modest(const char *input, double start)
{
    double took = now() - start;
    struct rusage usage;
    long peak_mib;

    getrusage(RUSAGE_SELF, &usage);
    peak_mib = SANITIZED ? 0 : usage.ru_maxrss >> 10;
    if (took > SLOW_S)
        fprintf(stderr, "fuzz-image: %s took %.1f s\n", input, took);
    if (peak_mib > PEAK_MAX_MIB)
        fprintf(stderr, "fuzz-image: %s took %ld MiB\n", input, peak_mib);
    return took <= SLOW_S && peak_mib <= PEAK_MAX_MIB;
}

static int replay(const char *path)
{
    double start = now();
    gchar *data;
    gsize size;

    if (!g_file_get_contents(path, &data, &size, NULL)) {
        fprintf(stderr, "fuzz-image: cannot read '%s'\n", path);
        return 1;
    }
    LLVMFuzzerTestOneInput((const uint8_t *)data, size);
    g_free(data);
    return is_modest(path, start) ? 0 : 1;
}

static int write_seeds(const GPtrArray *seeds, const char *folder)
{
    for (guint i = 0; i < seeds->len; i++) {
        const GByteArray *seed = seeds->pdata[i];
        g_autofree char *path = g_strdup_printf("%s/seed-%02u", folder, i);

        if (!g_file_set_contents(path, (char *)seed->data, seed->len, NULL)) {
            fprintf(stderr, "fuzz-image: cannot write '%s'\n", path);
            return 1;
        }
    }
    return 0;
}

static int run(const GPtrArray *seeds, uint64_t seed, unsigned long count)
{
    g_autofree uint8_t *data = g_malloc(FUZZ_INPUT_MAX);

    for (unsigned long i = 0; i < count; i++) {
        uint64_t random = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
        const GByteArray *from = seeds->pdata[fuzz_random(&random, seeds->len)];
        uint64_t changes = i < seeds->len ? 0 : 1 + fuzz_random(&random, 4);
        size_t size = from->len;
        double start = now();
        char name[32];

        if (i < seeds->len)
            from = seeds->pdata[i];
        size = from->len;
        memcpy(data, from->data, size);
        while (changes--)
            size = fuzz_mutate(data, size, &random);
        LLVMFuzzerTestOneInput(data, size);
        g_snprintf(name, sizeof(name), "input %" G_GUINT64_FORMAT, seed + i);
        if (!is_modest(name, start))
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) seeds = NULL;

    if (argc >= 2 && g_file_test(argv[1], G_FILE_TEST_IS_REGULAR)) {
        int r = 0;

        for (int i = 1; i < argc; i++)
            r |= replay(argv[i]);
        return r;
    }
    seeds = fuzz_seeds();
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_seeds(seeds, argv[2]);
    if (!seeds->len) {
        puts("there is no qemu-img to make images with");
        return 77;
    }
    return run(seeds, argc > 2 ? strtoull(argv[1], NULL, 0) : 1,
               argc > 2 ? strtoul(argv[2], NULL, 0) : 1500);
}
#endif
