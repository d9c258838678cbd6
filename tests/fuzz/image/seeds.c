/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seeds: small images of every kind that qemu-img makes, with some requests.
 */
#include "fuzz.h"

#include <string.h>

#include <glib/gstdio.h>

/* Commands for a shell, in an empty folder; the image is "i". Data is at 0 and at 48k. */
static const struct {
    enum fuzz_format format;
    uint8_t flags;
    const char *command;
} makers[] = {
#define DATA                                                                                       \
    "head -c 6000 /usr/bin/env >r; truncate -s 48k r; head -c 3000 /usr/bin/env >>r; truncate -s " \
    "96k r; "
#define QCOW2(options) DATA "qemu-img convert -O qcow2 -o " options " r i"
    { FUZZ_QCOW2, 0, QCOW2("cluster_size=512") },
    { FUZZ_QCOW2, 0, QCOW2("cluster_size=1k,refcount_bits=64") },
    { FUZZ_QCOW2, 0, QCOW2("cluster_size=4k,lazy_refcounts=on") },
    { FUZZ_QCOW2, 0, QCOW2("cluster_size=2k,refcount_bits=1") },
    { FUZZ_QCOW2, 0, QCOW2("cluster_size=16k,extended_l2=on") },
    { FUZZ_QCOW2, 0, QCOW2("cluster_size=4k,compat=0.10") },
    { FUZZ_QCOW2, 0, QCOW2("cluster_size=4k") " -c" },
    { FUZZ_QCOW2, 0, QCOW2("cluster_size=4k,compression_type=zstd") " -c" },
    { FUZZ_QCOW2, 0,
      QCOW2("cluster_size=1k") "; qemu-img snapshot -c a i; qemu-io -c 'write 0 8k' i; "
                               "qemu-img snapshot -c b i; qemu-io -c 'write 40k 3k' i" },
    { FUZZ_QCOW2, 0,
      QCOW2("cluster_size=1k") "; qemu-img bitmap --add -g 1k i x; "
                               "qemu-io -c 'write 3k 9k' i; qemu-img bitmap --add i y" },
    { FUZZ_QCOW2, FUZZ_BACKING,
      DATA "qemu-img create -q -f qcow2 -o cluster_size=512 -b r -F raw i; "
           "qemu-io -c 'write 1k 3k' -c 'write -z 8k 4k' i" },
    { FUZZ_QCOW2, FUZZ_BACKING,
      DATA "qemu-img create -q -f qcow2 -o cluster_size=16k,extended_l2=on "
           "-b r -F raw i; qemu-io -c 'write 1k 3k' -c 'discard 8k 4k' i" },
    { FUZZ_VMDK, 0, DATA "qemu-img convert -O vmdk r i" },
    { FUZZ_VMDK, 0,
      DATA "qemu-img convert -O vmdk -o zeroed_grain=on r i; qemu-io -c 'write -z 0 64k' i" },
    { FUZZ_VMDK, 0, DATA "qemu-img convert -O vmdk -o subformat=streamOptimized r i" },
    { FUZZ_VMDK, 0, DATA "qemu-img convert -O vmdk -o subformat=twoGbMaxExtentSparse r i" },
    { FUZZ_VDI, 0, DATA "qemu-img convert -O vdi r i" },
    { FUZZ_VHDX, FUZZ_MEND, DATA "qemu-img convert -O vhdx -o block_size=1M,log_size=1M r i" },
    { FUZZ_VPC, FUZZ_MEND, DATA "qemu-img convert -O vpc r i" },
    { FUZZ_VPC, FUZZ_MEND, DATA "qemu-img convert -O vpc -o subformat=fixed r i" },
};

static bool is_zero(const char *bytes)
{
    for (unsigned i = 0; i < FUZZ_SECTOR; i++)
        if (bytes[i])
            return false;
    return true;
}

static GByteArray *pack(enum fuzz_format format, uint8_t flags, unsigned number, const char *file,
                        gsize size)
{
    const struct fuzz_header header = { (uint8_t)format, flags, 24, 0,
                                        (uint32_t)((size + FUZZ_SECTOR - 1) / FUZZ_SECTOR) };
    GByteArray *input = g_byte_array_new();
    uint64_t random = number * UINT64_C(0x9e3779b97f4a7c15) | 1;

    g_byte_array_append(input, (const guint8 *)&header, sizeof(header));
    for (unsigned i = 0; i < header.op_count; i++) {
        struct fuzz_op op = { (uint8_t)(i < 20 ? number + i : 0),
                              (uint8_t)fuzz_random(&random, 128),
                              (uint16_t)fuzz_random(&random, 1024),
                              (uint32_t)fuzz_random(&random, 98304) & ~511u };

        g_byte_array_append(input, (const guint8 *)&op, sizeof(op));
    }
    for (gsize at = 0; at + FUZZ_SECTOR <= size;) {
        struct fuzz_chunk chunk = { (uint32_t)(at / FUZZ_SECTOR), 0 };

        while (at + (chunk.count + 1) * FUZZ_SECTOR <= size && chunk.count < 64 &&
               !is_zero(file + at + chunk.count * FUZZ_SECTOR))
            chunk.count++;
        if (chunk.count) {
            g_byte_array_append(input, (const guint8 *)&chunk, sizeof(chunk));
            g_byte_array_append(input, (const guint8 *)file + at, chunk.count * FUZZ_SECTOR);
        }
        at += MAX(chunk.count, 1) * FUZZ_SECTOR;
    }
    return input;
}

static GByteArray *make(unsigned number, const char *folder)
{
    g_autofree char *command = g_strdup_printf("cd '%s' && { %s; } >/dev/null 2>&1; test -f i",
                                               folder, makers[number].command);
    const char *argv[] = { "sh", "-c", command, NULL };
    g_autofree char *image = g_build_filename(folder, "i", NULL);
    g_autofree char *extent = g_build_filename(folder, "i-s001", NULL);
    g_autofree char *raw = g_build_filename(folder, "r", NULL);
    const char *path = image;
    GByteArray *input = NULL;
    char *file = NULL;
    gsize size;
    int status;

    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                      &status, NULL) ||
        status != 0)
        return NULL;
    if (makers[number].format == FUZZ_VMDK && g_file_test(extent, G_FILE_TEST_EXISTS))
        path = extent;
    if (g_file_get_contents(path, &file, &size, NULL))
        input = pack(makers[number].format, makers[number].flags, number, file, size);
    g_free(file);
    g_unlink(image);
    g_unlink(extent);
    g_unlink(raw);
    return input;
}

GPtrArray *fuzz_seeds(void)
{
    GPtrArray *seeds = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    g_autofree char *folder = g_dir_make_tmp("fuzz-image-XXXXXX", NULL);

    for (unsigned i = 0; folder && i < G_N_ELEMENTS(makers); i++) {
        GByteArray *seed = make(i, folder);

        if (seed)
            g_ptr_array_add(seeds, seed);
    }
    if (folder)
        g_rmdir(folder);
    return seeds;
}
