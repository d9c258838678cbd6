/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The crash test's command line.
 */
#include "crash.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glib/gstdio.h>

struct settings {
    uint64_t seed, cuts, only;
    double seconds;
    unsigned operations, threads, rounds;
    const char *set, *dump;
    enum crash_break broken;
    bool verbose;
};

static const struct option options[] = {
    { "seed", required_argument, NULL, 's' }, { "rounds", required_argument, NULL, 'r' },
    { "cuts", required_argument, NULL, 'c' }, { "seconds", required_argument, NULL, 't' },
    { "ops", required_argument, NULL, 'n' },  { "threads", required_argument, NULL, 'j' },
    { "set", required_argument, NULL, 'k' },  { "break", required_argument, NULL, 'b' },
    { "cut", required_argument, NULL, 'o' },  { "dump", required_argument, NULL, 'd' },
    { "verbose", no_argument, NULL, 'v' },    { "list", no_argument, NULL, 'l' },
    { "help", no_argument, NULL, 'h' },       { 0 },
};

static const char usage[] =
    "usage: crash-qcow2 [OPTION]...\n"
    "Works on images in memory and crashes at each of their writes.\n"
    "  --seed N         of the first round (1)\n"
    "  --rounds N       so many seeds for each kind of image (1)\n"
    "  --cuts N         go on with more seeds until there were so many cut points\n"
    "  --seconds N      stop when so much time is over\n"
    "  --ops N          operations in a workload (120)\n"
    "  --threads N      requests at once (1; more: a seed does not repeat exactly)\n"
    "  --set NAME       only this kind of image (--list)\n"
    "  --cut N          only this cut point, as reports number them\n"
    "  --dump FILE      with --cut: write the image there, as the crash left it\n"
    "  --break order    flushes that the driver does to keep an order do not count\n"
    "  --break flush    no flush counts\n"
    "  --verbose        a line for each workload\n"
    "Exit status: 0 nothing found, 1 something was, 2 usage; with --break 0 something was found, "
    "1\n"
    "nothing.\n";

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void remove_folder(const char *folder)
{
    const char *name;
    GDir *dir = g_dir_open(folder, 0, NULL);

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_unlink(path);
    }
    if (dir)
        g_dir_close(dir);
    g_rmdir(folder);
}

static bool one(const struct settings *settings, const struct crash_set *set, uint64_t seed,
                const char *folder, struct crash_result *total)
{
    struct crash_run run = { .set = set,
                             .seed = seed,
                             .operations = settings->operations,
                             .threads = settings->threads,
                             .broken = settings->broken,
                             .folder = folder,
                             .verbose = settings->verbose };
    struct crash_result result = { 0 };
    bool ok = crash_workload(&run);

    if (ok)
        crash_replay(&run, settings->only, settings->dump, 5, &result);
    if (settings->verbose)
        printf("%-18s seed %-6" PRIu64 " %5u events %6" PRIu64 " cuts %3" PRIu64 " failures\n",
               set->name, seed, run.store.log->len, result.cuts, result.failures);
    total->cuts += result.cuts;
    total->failures += result.failures + !ok;
    total->deep += result.deep;
    total->again += result.again;
    total->bitmaps += result.bitmaps;
    if (run.start)
        g_byte_array_free(run.start, TRUE);
    if (run.data_start)
        g_byte_array_free(run.data_start, TRUE);
    crash_store_fini(&run.store);
    crash_store_fini(&run.data);
    model_fini(&run.model);
    return ok;
}

static int parse(int argc, char **argv, struct settings *settings)
{
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 's': settings->seed = strtoull(optarg, NULL, 0); break;
        case 'r': settings->rounds = (unsigned)strtoul(optarg, NULL, 0); break;
        case 'c': settings->cuts = strtoull(optarg, NULL, 0); break;
        case 't': settings->seconds = strtod(optarg, NULL); break;
        case 'n': settings->operations = (unsigned)strtoul(optarg, NULL, 0); break;
        case 'j': settings->threads = (unsigned)strtoul(optarg, NULL, 0); break;
        case 'k': settings->set = optarg; break;
        case 'o': settings->only = strtoull(optarg, NULL, 0); break;
        case 'd': settings->dump = optarg; break;
        case 'v': settings->verbose = true; break;
        case 'b':
            if (strcmp(optarg, "order") != 0 && strcmp(optarg, "flush") != 0) {
                fputs("--break takes order or flush\n", stderr);
                return 2;
            }
            settings->broken = strcmp(optarg, "order") == 0 ? BREAK_ORDER : BREAK_FLUSH;
            break;
        case 'l':
            for (unsigned i = 0; i < crash_set_count; i++)
                puts(crash_sets[i].name);
            exit(0);
        case 'h': fputs(usage, stdout); exit(0);
        default: fputs("try --help\n", stderr); return 2;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .seed = 1, .rounds = 1, .only = UINT64_MAX, .operations = 120, .threads = 1
    };
    g_autofree char *folder = g_dir_make_tmp("crash-qcow2-XXXXXX", NULL);
    struct crash_result total = { 0 };
    double start = now();
    unsigned matched = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (parse(argc, argv, &settings))
        return 2;
    if (!folder) {
        fputs("cannot make a temporary folder\n", stderr);
        return 2;
    }
    for (uint64_t round = 0; round < settings.rounds || total.cuts < settings.cuts; round++) {
        for (unsigned i = 0; i < crash_set_count; i++) {
            if (settings.set && strcmp(settings.set, crash_sets[i].name) != 0)
                continue;
            matched++;
            if (!settings.seconds || now() - start < settings.seconds)
                one(&settings, &crash_sets[i], settings.seed + round, folder, &total);
        }
        if (!matched || (settings.seconds && now() - start >= settings.seconds))
            break;
    }
    remove_folder(folder);
    if (!matched) {
        fprintf(stderr, "no kind of image is called '%s'\n", settings.set);
        return 2;
    }
    printf("%" PRIu64 " cut points (%" PRIu64 " with snapshots read and work afterwards), %" PRIu64
           " crashes in a repair, %" PRIu64 " bitmaps compared, %" PRIu64 " failures, %.1f s\n",
           total.cuts, total.deep, total.again, total.bitmaps, total.failures, now() - start);
    if (settings.broken != BREAK_NOTHING)
        return total.failures ? 0 : 1;
    return total.failures ? 1 : 0;
}
