/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Garbage for the software CPU: random code in every operating mode, with random descriptors, page
 * tables and control registers, in a small machine. It must come back, and not touch what is not
 * its own (to be seen with sanitizers).
 *
 * With libFuzzer (-fsanitize=fuzzer, SOFT_RANDOM_LIBFUZZER) the input is the fuzzer's; otherwise
 * main() makes inputs from a seed and a number, and each can be had again by these two.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "accel/soft/parts.h"
#include "accel/soft/sys/sys.h"
#include "random.h"

static struct machine machine;
static uint64_t ends[16]; /* by exit reason; 0: state refused */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine *m = &machine;
    struct input in = { data, data + size };
    struct vemu_exit exit = { 0 };
    int r;

    if (!m->cpu)
        machine_init(m);
    machine_renew(m);
    sc_get_state(m->cpu, VEMU_STATE_ALL, &m->state);
    guest_make(m, &in, (enum mode)(input_take(&in, 1) % MODE_COUNT));
    r = sc_set_state(m->cpu,
                     VEMU_STATE_REGS | VEMU_STATE_SREGS | VEMU_STATE_FPU | VEMU_STATE_DEBUGREGS,
                     &m->state);
    if (r < 0) {
        ends[0]++;
        return 0;
    }
    machine_age(m, &in);
    code_put(m, &in, CODE_GPA, CODE_GPA + CODE_SIZE);
    r = machine_run(m, &exit);
    ends[r < 0 ? 15 : exit.reason < 15 ? exit.reason : 14]++;
    sc_get_state(m->cpu, VEMU_STATE_ALL, &m->state);
    machine_check(m);
    return 0;
}

#ifndef SOFT_RANDOM_LIBFUZZER
static const char *const mode_names[] = { "real", "v86",    "prot16", "prot32", "paged32",
                                          "pae",  "compat", "long0",  "long3" };

static volatile sig_atomic_t stop; /* after this case */

static void on_stop(int sig)
{
    (void)sig;
    stop = 1;
}

struct options {
    uint64_t seed, first, count, repeat, seconds;
    bool verbose;
};

static const char usage[] =
    "usage: soft-random [--seed N] [--first N] [--count N | --seconds N] [--repeat N] [--verbose]\n"
    "                   [FILE...]\n"
    "--seconds is processor time; --repeat runs each case N times. SIGINT and SIGTERM end it.\n";

static uint64_t splitmix(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* Random bytes; in the code's part every now and then a snippet. */
static size_t random_input(uint8_t *p, size_t max, uint64_t seed)
{
    uint64_t s = seed, choice = splitmix(&s);
    size_t size = 900 + choice % (max - 900);
    unsigned share = choice >> 32 & 15;

    for (size_t n = 0; n < size; n++) {
        uint64_t v = splitmix(&s);
        p[n] = (uint8_t)v;
        if ((v >> 8 & 31) < share)
            p[n] = 0xd6;
    }
    return size;
}

static int run_file(const char *name)
{
    static uint8_t data[65536];
    const struct report report = { .file = name };
    FILE *f = fopen(name, "rb");
    size_t size;

    if (!f) {
        fprintf(stderr, "soft-random: cannot open '%s': %s\n", name, strerror(errno));
        return -1;
    }
    size = fread(data, 1, sizeof data, f);
    fclose(f);
    report_case(&report);
    LLVMFuzzerTestOneInput(data, size);
    report_case(NULL);
    return 0;
}

static double processor_seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Returns the number of cases. */
static uint64_t run_cases(const struct options *o)
{
    static uint8_t data[4096];
    static struct report report;
    uint64_t n;

    report.seed = o->seed;
    report_case(&report);
    for (n = 0; !stop; n++) {
        size_t size;

        if (o->seconds ? processor_seconds() >= (double)o->seconds : n >= o->count)
            break;
        report.number = o->first + n;
        size = random_input(data, sizeof data, o->seed << 32 ^ report.number);
        if (o->verbose) {
            printf("%" PRIu64 " %s\n", report.number, mode_names[data[0] % MODE_COUNT]);
            fflush(stdout);
        }
        for (uint64_t k = 0; k < o->repeat; k++)
            LLVMFuzzerTestOneInput(data, size);
    }
    report_case(NULL);
    return n;
}

static bool number_option(const char *name, const char *value, struct options *o)
{
    const struct {
        const char *name;
        uint64_t *to;
    } known[] = {
        { "--seed", &o->seed },       { "--first", &o->first },   { "--count", &o->count },
        { "--seconds", &o->seconds }, { "--repeat", &o->repeat },
    };
    char *end;

    for (size_t n = 0; value && n < sizeof known / sizeof known[0]; n++) {
        if (strcmp(name, known[n].name))
            continue;
        errno = 0;
        *known[n].to = strtoull(value, &end, 0);
        return !errno && *value && !*end;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct options o = { .seed = 1, .count = 500, .repeat = 1 };
    uint64_t cases = 0;
    bool files = false;

    report_start();
    signal(SIGINT, on_stop);
    signal(SIGTERM, on_stop);
    for (int n = 1; n < argc; n++) {
        if (!strcmp(argv[n], "--verbose")) {
            o.verbose = true;
        } else if (argv[n][0] != '-') {
            files = true;
            cases++;
            if (run_file(argv[n]) < 0)
                return 2;
        } else if (!number_option(argv[n], argv[n + 1], &o)) {
            fputs(usage, stderr);
            return 2;
        } else {
            n++;
        }
    }
    if (!files)
        cases = run_cases(&o);
    printf("%" PRIu64 " cases: %" PRIu64 " runs ended by the timer, %" PRIu64 " shutdowns, %" PRIu64
           " internal errors, %" PRIu64 " states refused; %.0f s of processor time\n",
           cases, ends[VEMU_EXIT_INTR], ends[VEMU_EXIT_SHUTDOWN], ends[VEMU_EXIT_INTERNAL_ERROR],
           ends[0], processor_seconds());
    if (machine.cpu)
        machine_fini(&machine);
    if (report_count())
        printf("%u reports of sanitizers\n", report_count());
    return report_count() ? 1 : 0;
}
#endif
