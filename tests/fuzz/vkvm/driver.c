/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzz target without libFuzzer: its seeds, files, and random changes of the seeds.
 *
 *     TARGET [--seed N] [--count N] [--write DIR] [FILE...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

#define MAX_INPUT (1 << 20)

volatile uint8_t fuzz_sink;

static uint64_t state;

static uint32_t random32(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

/* A few of: a bit, a byte, a word of an interesting value, a piece copied, cut off. */
static size_t mutate(uint8_t *bytes, size_t size)
{
    static const uint32_t values[] = { 0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0xffffffff };
    for (unsigned n = 1 + random32() % 6; n && size; n--) {
        size_t at = random32() % size;
        size_t left = size - at;
        switch (random32() % 6) {
        case 0: bytes[at] ^= (uint8_t)(1u << random32() % 8); break;
        case 1: bytes[at] = (uint8_t)random32(); break;
        case 2: {
            uint32_t value = values[random32() % (sizeof(values) / sizeof(values[0]))];
            memcpy(bytes + at, &value, left < 4 ? left : 4);
            break;
        }
        case 3: {
            size_t from = random32() % size, length = random32() % 64;
            if (length > left)
                length = left;
            if (length > size - from)
                length = size - from;
            memmove(bytes + at, bytes + from, length);
            break;
        }
        case 4: bytes[at] = (uint8_t)(bytes[at] + random32() % 5 - 2); break;
        case 5:
            if (random32() % 8 == 0)
                size = at;
            break;
        }
    }
    return size;
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    uint8_t *bytes = malloc(MAX_INPUT);
    size_t size = bytes ? fread(bytes, 1, MAX_INPUT, file) : 0;
    fclose(file);
    if (bytes)
        LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return bytes == NULL;
}

static int write_seed(const char *folder, unsigned index, const uint8_t *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/seed-%u", folder, index);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) {
        perror(path);
        return 1;
    }
    return 0;
}

/* Exactly as large as it is, so that reading behind it is seen. */
static void run_changed(const uint8_t *bytes, size_t size)
{
    uint8_t *changed = malloc(size + 1);
    if (!changed)
        return;
    memcpy(changed, bytes, size);
    size_t left = mutate(changed, size);
    uint8_t *exact = malloc(left ? left : 1);
    if (exact) {
        memcpy(exact, changed, left);
        LLVMFuzzerTestOneInput(exact, left);
    }
    free(exact);
    free(changed);
}

int main(int argc, char **argv)
{
    unsigned long seed = 1, count = 0;
    const char *folder = NULL;
    int bad = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            seed = strtoul(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "--count") && i + 1 < argc)
            count = strtoul(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "--write") && i + 1 < argc)
            folder = argv[++i];
        else
            bad |= run_file(argv[i]);
    }
    unsigned seeds = 0;
    uint8_t *bytes;
    size_t size;
    while ((bytes = fuzz_seed(seeds, &size))) {
        if (folder)
            bad |= write_seed(folder, seeds, bytes, size);
        LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
        seeds++;
    }
    state = seed;
    for (unsigned long i = 0; i < count && seeds; i++) {
        bytes = fuzz_seed(random32() % seeds, &size);
        if (bytes)
            run_changed(bytes, size);
        free(bytes);
    }
    printf("%u seeds, %lu changed\n", seeds, count);
    return bad;
}
