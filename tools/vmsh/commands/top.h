/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * top: what running domains take, sampled again and again.
 */
#ifndef VMSH_TOP_H
#define VMSH_TOP_H

#include <stdint.h>
#include <stdio.h>

#include "../shell.h"

/* Counters of a domain; all but memory only ever rise while it runs. */
struct top_count {
    unsigned long long cpu_ns, read, written, received, sent; /* bytes */
};

struct top_row {
    int id;
    char *uuid, *name;
    int state;
    unsigned vcpus;
    unsigned long long memory_kib, resident_kib; /* what the guest has; what the host gives it */
    struct top_count total;
    bool has_rates;                       /* it was there in the sample before */
    double cpu;                           /* per cent of one CPU of the host */
    double read, written, received, sent; /* bytes per second */
};

struct top_sample {
    long long at_ns; /* monotonic */
    struct top_row *rows;
    size_t count;
};

/* commands/top-sample.c */
/* Running and paused domains; rates are since `before` (NULL: there are none). NULL: failed, the
 * library's error is in shell_err(). */
struct top_sample *top_sample_take(struct shell *sh, const struct top_sample *before);
void top_sample_free(struct top_sample *sample);
/* What domains can be sorted by: "cpu", ...; NULL after the last. */
const char *top_key_name(size_t n);
/* Its number; -1: there is no such key. */
int top_key_find(const char *name);
/* That of a letter typed; -1: none. */
int top_key_letter(int letter);
void top_sample_sort(struct top_sample *sample, int key);

/* commands/top-screen.c */
struct top_view {
    const char *uri;
    unsigned host_cpus;
    unsigned long long host_kib;
    int key;                       /* sorted by it */
    size_t columns, lines;         /* of the terminal; 0: as many as it takes */
    size_t first;                  /* row at the top; made to fit */
    bool help;                     /* explain the keys */
    const char *highlight, *plain; /* around the titles; "" or escape sequences */
    const char *erase;             /* in front of each line, likewise */
    size_t drawn;                  /* lines so far; top_draw()'s */
};
/* Writes one picture: no more lines than the terminal has, none wider than it; without the end of
 * the last one. */
void top_draw(FILE *out, struct top_view *view, const struct top_sample *sample);

#endif
