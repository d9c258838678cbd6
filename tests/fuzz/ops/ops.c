/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzz target without libFuzzer:
 *
 *     TARGET [SEED COUNT | FILE]
 */
#include "ops.h"

#include <stdio.h>
#include <stdlib.h>

#include <glib.h>

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

int main(int argc, char **argv)
{
    const uint64_t seed = argc == 3 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned count = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 0) : fuzz_target.count;
    g_autofree uint64_t *input = NULL;

    if (argc == 2)
        return replay(argv[1]);
    input = g_new(uint64_t, fuzz_target.words);
    for (unsigned n = 0; n < count; n++) {
        uint64_t state = (seed + n) * 0x9e3779b97f4a7c15ull | 1;

        for (unsigned i = 0; i < fuzz_target.words; i++) {
            input[i] = fuzz_next(&state);
            if (fuzz_target.make)
                fuzz_target.make(input[i], &state, &input[i]);
        }
        LLVMFuzzerTestOneInput((const uint8_t *)input, fuzz_target.words * sizeof(*input));
    }
    printf("%s: %u inputs of %u words from seed %" G_GUINT64_FORMAT "\n", fuzz_target.name, count,
           fuzz_target.words, seed);
    return 0;
}
