/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Progress of long commands, and their end by a signal.
 */
#include "progress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static volatile sig_atomic_t end_signal, asked;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        asked = 1;
    else
        end_signal = number;
}

void progress_signals(void)
{
    /* the second time it ends at once */
    struct sigaction end = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND };
    struct sigaction ask = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    struct sigaction before;
    const int ends[] = { SIGINT, SIGTERM, SIGHUP };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(ends[i], &end, NULL); /* nohup's wish is kept */
    sigaction(SIGUSR1, &ask, NULL);
}

int progress_signal(void)
{
    return end_signal;
}

static void show(struct progress *p, double percent)
{
    p->percent = percent > 100 ? 100 : percent;
    if (asked && !p->show) {
        asked = 0;
        fprintf(stderr, "    (%3.2f/100%%)\n", p->percent);
    }
    if (!p->show)
        return;
    double change = p->percent - p->printed;
    if (change > 1 || change < -1 || (p->percent == 100 && change != 0)) {
        p->printed = p->percent;
        printf("    (%3.2f/100%%)\r", p->percent);
        fflush(stdout);
    }
}

int progress_set(struct progress *p, uint64_t done, uint64_t total)
{
    show(p, total ? (double)done * 100 / (double)total : 100);
    return end_signal ? -ECANCELED : 0;
}

static int on_report(void *data, uint64_t done, uint64_t total)
{
    struct progress *p = data;

    return progress_set(p, p->base + done, p->total ? p->total : total);
}

void progress_begin(struct progress *p, bool shown)
{
    *p = (struct progress){ .hooks = { on_report, p }, .show = shown };
    if (shown) {
        printf("    (0.00/100%%)\r");
        fflush(stdout);
    }
}

void progress_part(struct progress *p, uint64_t base, uint64_t total)
{
    p->base = base;
    p->total = total;
}

void progress_done(struct progress *p)
{
    show(p, 100);
}

void progress_end(struct progress *p)
{
    if (p->show)
        putchar('\n');
}
