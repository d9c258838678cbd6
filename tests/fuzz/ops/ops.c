/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzz target without libFuzzer, or makes inputs for libFuzzer to begin with:
 *
 *     TARGET [SEED COUNT | FILE]
 *     TARGET --write FOLDER
 */
#include "ops.h"

#include <stdio.h>
#include <stdlib.h>

#include <glib.h>

#define FUZZ_WRITTEN 100u /* inputs */

static int replay(const char *path)
{
    g_autofree gchar *data = NULL;
    gsize size;

    if (!g_file_get_contents(path, &data, &size, NULL)) {
        fprintf(stderr, "%s: cannot read '%s'\n", fuzz_target.name, path);
        return 1;
    }
    return LLVMFuzzerTestOneInput((const uint8_t *)data, size);
}

/* An input that follows from its number. */
static void make(uint64_t number, uint64_t *input)
{
    uint64_t state = number * 0x9e3779b97f4a7c15ull | 1;

    for (unsigned i = 0; i < fuzz_target.words; i++) {
        input[i] = fuzz_next(&state);
        if (fuzz_target.make)
            fuzz_target.make(input[i], &state, &input[i]);
    }
}

/* From short ones to whole ones: a fuzzer that begins with nothing stays with short ones for hours.
 */
static int write_inputs(const char *folder)
{
    g_autofree uint64_t *input = g_new(uint64_t, fuzz_target.words);

    for (unsigned n = 1; n <= FUZZ_WRITTEN; n++) {
        g_autofree char *path = g_strdup_printf("%s/seed-%u", folder, n);
        const size_t words = MAX(fuzz_target.words * n / FUZZ_WRITTEN, 1);

        make(n, input);
        if (!g_file_set_contents(path, (const char *)input, (gssize)(words * sizeof(*input)),
                                 NULL)) {
            fprintf(stderr, "%s: cannot write '%s'\n", fuzz_target.name, path);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    const bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
    const uint64_t seed = argc == 3 && !write ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned count = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 0) : fuzz_target.count;
    g_autofree uint64_t *input = NULL;

    if (argc == 2)
        return replay(argv[1]);
    if (write)
        return write_inputs(argv[2]);
    input = g_new(uint64_t, fuzz_target.words);
    for (unsigned n = 0; n < count; n++) {
        make(seed + n, input);
        LLVMFuzzerTestOneInput((const uint8_t *)input, fuzz_target.words * sizeof(*input));
    }
    printf("%s: %u inputs of %u words from seed %" G_GUINT64_FORMAT "\n", fuzz_target.name, count,
           fuzz_target.words, seed);
    return 0;
}
