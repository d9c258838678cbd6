/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * insn-fuzz: runs random instructions on the software CPU and on the host's and compares.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "insn.h"

struct totals {
    uint64_t runs, faults, differences;
};

static struct fuzz_case current, reduced;
static struct outcome host, soft, trial_host, trial_soft;

static bool run_both(const struct fuzz_case *k, struct outcome *h, struct outcome *s)
{
    case_place(k);
    soft_run(k, s);
    native_run(k, h);
    return outcomes_equal(k, h, s, NULL);
}

/* Sets what does not matter to zero. */
static bool still_differs(const struct fuzz_case *k)
{
    soft_new_code();
    return !run_both(k, &trial_host, &trial_soft);
}
static void reduce(void)
{
    static const uint16_t fcw = 0x037f;
    static const uint32_t mxcsr = 0x1f80;
    struct fuzz_case save;

    reduced = current;
#define TRY(change)                                                                                \
    do {                                                                                           \
        save = reduced;                                                                            \
        change;                                                                                    \
        if (!still_differs(&reduced))                                                              \
            reduced = save;                                                                        \
    } while (0)
    for (unsigned n = 0; n < 16; n++)
        if (!(reduced.pinned >> n & 1))
            TRY(reduced.in.gpr[n] = 0);
    TRY(reduced.in.rflags = 2);
    TRY(memset(reduced.in.fx + 32, 0, 128));
    TRY(memset(reduced.in.fx + 160, 0, 256));
    for (unsigned n = 0; n < 24; n++)
        TRY(memset(reduced.in.fx + 32 + 16 * n, 0, 16));
    TRY(memcpy(reduced.in.fx + 24, &mxcsr, 4));
    TRY(memcpy(reduced.in.fx, &fcw, 2));
    TRY(memset(reduced.in.fx + 2, 0, 2));
    TRY(reduced.in.fx[4] = 0);
    TRY(reduced.in.fx[4] = 0xff);
    TRY(memset(reduced.memory, 0, ARENA_SIZE));
#undef TRY
}

static const struct form *find_form(const char *name)
{
    for (unsigned n = 0; n < form_count; n++)
        if (!strcmp(forms[n].name, name))
            return &forms[n];
    return NULL;
}

static bool is_beyond(const struct form *f)
{
    static const char *const others[] = {"lzcnt",    "popcnt",   "movddup",  "movsldup",
                                         "movshdup", "haddpd",   "haddps",   "hsubpd",
                                         "hsubps",   "addsubpd", "addsubps", "lddqu",
                                         "fisttp m32", "fisttp m64", "fisttp m16"};

    for (size_t n = 0; n < sizeof others / sizeof others[0]; n++)
        if (!strcmp(f->name, others[n]))
            return true;
    return f->opcode >= 0x3800;
}

static void usage(FILE *out)
{
    fputs("usage: insn-fuzz [options]\n"
          "  --seed N     all cases follow from it (default 1)\n"
          "  --count N    number of cases (default 100000)\n"
          "  --first N    number of the first case (default 0)\n"
          "  --form NAME  only this form\n"
          "  --prefix S   only forms whose names begin so\n"
          "  --beyond     only forms beyond x86-64-v1 (SSE3 and later)\n"
          "  --blocks P   percent of cases that are blocks of instructions (default 20)\n"
          "  --compat P   percent of cases that are 32-bit code (default 20)\n"
          "  --stop N     stop after N differences (default 20, 0: never)\n"
          "  --list       print the forms\n"
          "  --open       print what is not compared on this host's CPU\n"
          "  --summary    print how often each form ran\n"
          "exit status: 0 no difference, 1 differences, 2 cannot run\n",
          out);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What the command line says. */
struct choice {
    uint64_t seed, count, first, stop;
    unsigned blocks, compat;
    const struct form *only;
    const char *prefix;
    bool beyond, summary;
    const struct form **list; /* by prefix or beyond; none: all */
    unsigned listed;
};

static struct totals all, *totals; /* of forms */

/* -1: go on; otherwise the exit status. */
static int parse(int argc, char **argv, struct choice *c)
{
    static const struct option options[] = {
        {"seed", 1, NULL, 's'},    {"count", 1, NULL, 'c'},  {"first", 1, NULL, 'f'},
        {"form", 1, NULL, 'o'},    {"blocks", 1, NULL, 'b'}, {"compat", 1, NULL, 'm'},
        {"stop", 1, NULL, 'x'},    {"prefix", 1, NULL, 'p'}, {"list", 0, NULL, 'l'},
        {"beyond", 0, NULL, 'e'},  {"open", 0, NULL, 'n'},
        {"summary", 0, NULL, 'u'}, {"help", 0, NULL, 'h'},   {NULL, 0, NULL, 0}};
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (o) {
        case 's': c->seed = strtoull(optarg, NULL, 0); break;
        case 'c': c->count = strtoull(optarg, NULL, 0); break;
        case 'f': c->first = strtoull(optarg, NULL, 0); break;
        case 'b': c->blocks = (unsigned)strtoul(optarg, NULL, 0); break;
        case 'm': c->compat = (unsigned)strtoul(optarg, NULL, 0); break;
        case 'x': c->stop = strtoull(optarg, NULL, 0); break;
        case 'p': c->prefix = optarg; break;
        case 'u': c->summary = true; break;
        case 'e': c->beyond = true; break;
        case 'o':
            c->only = find_form(optarg);
            if (!c->only) {
                fprintf(stderr, "insn-fuzz: no form '%s'; --list shows them\n", optarg);
                return 2;
            }
            break;
        case 'l':
            for (unsigned n = 0; n < form_count; n++)
                puts(forms[n].name);
            return 0;
        case 'n':
            if (!vendor_init(stdout))
                return 77;
            vendor_print(stdout);
            return 0;
        case 'h': usage(stdout); return 0;
        default: usage(stderr); return 2;
        }
    }
    return -1;
}

/* The forms that --prefix and --beyond name. */
static bool choose_forms(struct choice *c)
{
    for (unsigned n = 0; c->prefix && n < form_count; n++)
        if (!strncmp(forms[n].name, c->prefix, strlen(c->prefix)))
            c->list[c->listed++] = &forms[n];
    for (unsigned n = 0; c->beyond && n < form_count; n++)
        if (is_beyond(&forms[n]))
            c->list[c->listed++] = &forms[n];
    if (c->prefix && !c->listed)
        fprintf(stderr, "insn-fuzz: no form begins with '%s'\n", c->prefix);
    return !c->prefix || c->listed;
}

/* How to see it again, and what it is. */
static void report(const struct choice *c, uint64_t n)
{
    printf("difference: --seed %llu --first %llu --count 1%s%s%s\n", (unsigned long long)c->seed,
           (unsigned long long)n,
           c->only     ? " --form '"
           : c->prefix ? " --prefix '"
           : c->beyond ? " --beyond"
                       : "",
           c->only     ? c->only->name
           : c->prefix ? c->prefix
                       : "",
           c->only || c->prefix ? "'" : "");
    if (!still_differs(&current)) {
        puts("  depends on what ran before");
        case_print(&current, stdout);
        outcomes_equal(&current, &host, &soft, stdout);
    } else {
        reduce();
        still_differs(&reduced);
        case_print(&reduced, stdout);
        outcomes_equal(&reduced, &trial_host, &trial_soft, stdout);
    }
    soft_new_code();
}

static void run(const struct choice *c)
{
    for (uint64_t n = c->first; n < c->first + c->count && (!c->stop || all.differences < c->stop);
         n++) {
        const struct form *form = c->only     ? c->only
                                  : c->listed ? c->list[n % c->listed]
                                              : NULL;
        struct totals *of_form;
        bool equal;

        if (n == c->first || n % CODE_SLOTS == 0)
            soft_new_code();
        generate_case(&current, c->seed, n, form, c->blocks, c->compat);
        equal = run_both(&current, &host, &soft);
        of_form = &totals[current.block[0] - forms];
        of_form->runs++;
        all.runs++;
        if (equal) {
            of_form->faults += host.vector >= 0;
            all.faults += host.vector >= 0;
        } else {
            of_form->differences++;
            all.differences++;
            report(c, n);
        }
    }
}

static void print_totals(const struct choice *c, double took)
{
    printf("%llu cases, %llu faults, %llu differences, %.0f cases/s\n",
           (unsigned long long)all.runs, (unsigned long long)all.faults,
           (unsigned long long)all.differences, (double)all.runs / took);
    for (unsigned n = 0; n < form_count; n++)
        if (c->summary || totals[n].differences)
            printf("  %-24s %9llu runs %9llu faults %6llu differences\n", forms[n].name,
                   (unsigned long long)totals[n].runs, (unsigned long long)totals[n].faults,
                   (unsigned long long)totals[n].differences);
}

static int compare(struct choice *c)
{
    double start;

    if (!choose_forms(c))
        return 2;
    if (!vendor_init(stdout))
        return 77;
    if (native_init() < 0 || soft_init() < 0) {
        fprintf(stderr, "insn-fuzz: cannot set up memory or the CPU\n");
        return 2;
    }
    start = seconds();
    run(c);
    print_totals(c, seconds() - start);
    soft_fini();
    return all.differences ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct choice c = {.seed = 1, .count = 100000, .stop = 20, .blocks = 20, .compat = 20};
    int status = parse(argc, argv, &c);

    if (status >= 0)
        return status;
    totals = calloc(form_count, sizeof *totals);
    c.list = calloc(2 * form_count, sizeof *c.list); /* --prefix and --beyond may name the same */
    status = totals && c.list ? compare(&c) : 2;
    free(totals);
    free(c.list);
    return status;
}
