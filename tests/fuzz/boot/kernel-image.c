/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of the kernel loaders: whatever the file, load or refuse with words, and nothing else.
 *
 * Input: one byte for the size of memory, two for that of the initrd, then the kernel file. Built
 * with libFuzzer it takes its inputs from there; built plainly it runs over seeds made on the spot,
 * over mutations of them from a fixed seed (how many: first argument), as a test. It also replays
 * files, and writes its seeds for libFuzzer: kernel-image --write-seeds DIRECTORY.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "boot/loader.h"
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MIB ((uint64_t)1 << 20)

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "kernel-image: %s\n", what);
        abort();
    }
}

/* A kernel that was accepted starts where its image is, in a state that makes sense. */
static void check_loaded(const struct vemu_boot *boot, const struct board *board)
{
    static struct vemu_cpu_state state;

    check(vemu__boot_state(boot, &state) == (VEMU_STATE_REGS | VEMU_STATE_SREGS), "state groups");
    check(boot->image_start < boot->image_end, "empty image");
    check(boot->image_end <= board->memory.size, "image beyond memory");
    if (boot->initrd_gpa) {
        check(boot->initrd_gpa >= boot->image_end, "initrd on the image");
        check(boot->initrd_gpa + boot->initrd.size <= board->memory.size, "initrd beyond memory");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GByteArray) kernel = NULL, initrd = NULL;
    g_autofree char *kernel_path = NULL, *initrd_path = NULL;
    int kernel_fd, initrd_fd, r;
    struct vemu_error *err = NULL;
    struct vemu_boot *boot = NULL;
    struct board board;

    if (size < 3) {
        return 0;
    }
    board_init(&board, (16 + (data[0] & 63)) * MIB);
    kernel = g_byte_array_new();
    g_byte_array_append(kernel, data + 3, (guint)(size - 3));
    initrd = image_noise((size_t)(data[1] | data[2] << 8) * 64);
    kernel_path = image_file(kernel, &kernel_fd);
    initrd_path = image_file(initrd, &initrd_fd);

    r = vemu__boot_open(NULL, kernel_path, initrd_path, "console=ttyS0", &boot, &err);
    for (unsigned pass = 0; pass < 2 && r >= 0; pass++) { /* start and reset */
        r = vemu__boot_load(boot, &board.boot, &err);
        if (r >= 0) {
            check_loaded(boot, &board);
        }
    }
    check((r < 0) == (err != NULL), "result and error differ");
    if (err) {
        check(vemu_error_code(err) == -r && vemu_error_message(err)[0], "error without words");
        vemu_error_free(err);
    }
    if (r >= 0 || boot) {
        vemu__boot_free(boot);
    }
    close(kernel_fd);
    close(initrd_fd);
    board_fini(&board);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return n ? (uint32_t)((random_state >> 16) % n) : 0;
}

static void add_seed(GPtrArray *seeds, GByteArray *image)
{
    g_byte_array_prepend(image, (const guint8 *)"\x30\x40\x00", 3);
    g_ptr_array_add(seeds, image);
}

static GPtrArray *make_seeds(void)
{
    GPtrArray *seeds = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    const struct image_elf elves[] = {
        { .text_size = 5000 },
        { .text_size = 5000, .is32 = true, .pvh_entry = 0x1000200 },
        { .text_size = 5000, .pvh_entry = 0x1000200 },
        { .text_size = 5000, .linux_note = true, .pvh_entry = 0x1000200 },
        { .text_size = 5000, .is32 = true, .multiboot = true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(elves); i++) {
        add_seed(seeds, image_elf(&elves[i]));
    }
    for (int codec = 0; codec < IMAGE_CODECS; codec++) {
        g_autoptr(GByteArray) elf = image_elf(&elves[0]);

        add_seed(seeds, image_bzimage(codec, elf));
    }
    add_seed(seeds, image_multiboot_raw());
    return seeds;
}

/* Mostly in the headers, where the decisions are. */
static void mutate(GByteArray *image)
{
    static const uint32_t interesting[] = { 0,          1,          0x7f,       0xff,
                                            0xffff,     0x7fffffff, 0x80000000, 0xfffffffe,
                                            0xffffffff, 0x1000,     0x100000,   0x1000000 };
    unsigned count = 1 + random_below(6);

    while (count--) {
        uint32_t span = random_below(4) ? MIN(image->len, 0x1800u) : image->len;
        uint32_t at = random_below(span), value;

        switch (random_below(6)) {
        case 0: image->data[at] ^= (uint8_t)(1u << random_below(8)); break;
        case 1: image->data[at] = (uint8_t)random_below(256); break;
        case 2:
            value = interesting[random_below(G_N_ELEMENTS(interesting))];
            memcpy(image->data + at, &value, MIN(4, image->len - at));
            break;
        case 3:
            value = random_below(UINT32_MAX);
            memcpy(image->data + at, &value, MIN(4, image->len - at));
            break;
        case 4: /* a word of the bzImage header */
            at = 3 + 0x1f1 + random_below(0x80);
            value = interesting[random_below(G_N_ELEMENTS(interesting))];
            if (at + 4 <= image->len) {
                memcpy(image->data + at, &value, 4);
            }
            break;
        default:
            if (random_below(4) == 0) {
                g_byte_array_set_size(image, 3 + random_below(image->len - 3));
            }
            break;
        }
    }
}

static int replay(const char *path)
{
    g_autofree char *text = NULL;
    gsize size;

    if (!g_file_get_contents(path, &text, &size, NULL)) {
        fprintf(stderr, "kernel-image: cannot read %s\n", path);
        return 1;
    }
    return LLVMFuzzerTestOneInput((const uint8_t *)text, size);
}

static int write_seeds(const GPtrArray *seeds, const char *directory)
{
    for (guint i = 0; i < seeds->len; i++) {
        const GByteArray *seed = seeds->pdata[i];
        g_autofree char *path = g_strdup_printf("%s/seed-%02u", directory, i);

        if (!g_file_set_contents(path, (const char *)seed->data, seed->len, NULL)) {
            fprintf(stderr, "kernel-image: cannot write %s\n", path);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) seeds = NULL;
    unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000;

    if (argc == 3 && strcmp(argv[1], "--write-seeds") == 0) {
        seeds = make_seeds();
        return write_seeds(seeds, argv[2]);
    }
    if (argc > 1 && runs == 0) {
        int r = 0;

        for (int i = 1; i < argc; i++) {
            r |= replay(argv[i]);
        }
        return r;
    }
    seeds = make_seeds();
    for (guint i = 0; i < seeds->len; i++) {
        const GByteArray *seed = seeds->pdata[i];

        LLVMFuzzerTestOneInput(seed->data, seed->len);
    }
    for (unsigned i = 0; i < runs; i++) {
        const GByteArray *seed = seeds->pdata[random_below(seeds->len)];
        g_autoptr(GByteArray) image = g_byte_array_sized_new(seed->len);

        g_byte_array_append(image, seed->data, seed->len);
        mutate(image);
        LLVMFuzzerTestOneInput(image->data, image->len);
    }
    printf("kernel-image: %u seeds, %u mutations\n", seeds->len, runs);
    return 0;
}

#endif
