/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A picture of a sample: as many columns as the terminal has room for, the name always last.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "top.h"

#define CELL 16

/* 1023, 1.5K, 12M: at most five characters. */
static void human(char *text, double value)
{
    static const char units[] = "\0KMGTPE";
    int unit = 0;
    for (; value >= 1023.5 && unit < 6; unit++)
        value /= 1024;
    snprintf(text, CELL, unit && value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

static void rate(char *text, const struct top_row *r, double value)
{
    if (r->has_rates)
        human(text, value);
    else
        snprintf(text, CELL, "-");
}

static void cell_id(char *text, const struct top_row *r)
{
    snprintf(text, CELL, "%d", r->id);
}

static void cell_state(char *text, const struct top_row *r)
{
    snprintf(text, CELL, "%s", vmgr_domain_state_name(r->state));
}

static void cell_vcpus(char *text, const struct top_row *r)
{
    snprintf(text, CELL, "%u", r->vcpus);
}

static void cell_cpu(char *text, const struct top_row *r)
{
    snprintf(text, CELL, r->has_rates ? "%.1f" : "-", r->cpu);
}

static void cell_time(char *text, const struct top_row *r)
{
    unsigned long long s = r->total.cpu_ns / 1000000000;
    if (s < 10000 * 3600)
        snprintf(text, CELL, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, CELL, "%llud", s / 86400);
}

static void cell_memory(char *text, const struct top_row *r)
{
    human(text, (double)r->memory_kib * 1024);
}

static void cell_resident(char *text, const struct top_row *r)
{
    human(text, (double)r->resident_kib * 1024);
}

static void cell_read(char *text, const struct top_row *r)
{
    rate(text, r, r->read);
}

static void cell_written(char *text, const struct top_row *r)
{
    rate(text, r, r->written);
}

static void cell_received(char *text, const struct top_row *r)
{
    rate(text, r, r->received);
}

static void cell_sent(char *text, const struct top_row *r)
{
    rate(text, r, r->sent);
}

/* In their order; `rank`: the higher goes first where there is no room. */
static const struct column {
    const char *title;
    int width, rank;
    void (*cell)(char *text, const struct top_row *r);
} columns[] = {
    { "ID", 4, 2, cell_id },         { "STATE", 8, 4, cell_state }, { "VCPU", 4, 9, cell_vcpus },
    { "%CPU", 6, 0, cell_cpu },      { "TIME", 8, 7, cell_time },   { "MEM", 5, 1, cell_memory },
    { "RSS", 5, 8, cell_resident },  { "RD/s", 5, 5, cell_read },   { "WR/s", 5, 5, cell_written },
    { "RX/s", 5, 6, cell_received }, { "TX/s", 5, 6, cell_sent },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static size_t width_below(int rank)
{
    size_t width = 0;
    for (size_t i = 0; i < COLUMNS; i++)
        if (columns[i].rank < rank)
            width += (size_t)columns[i].width + 1;
    return width;
}

/* Columns of a rank below this one are shown. */
static int ranks_shown(const struct top_view *view, const struct top_sample *sample)
{
    size_t name = 4;
    int rank = 10;
    for (size_t i = 0; i < sample->count; i++) {
        size_t width = text_width(sample->rows[i].name);
        name = width > name ? width : name;
    }
    size_t most = view->columns < 60 ? 8 : 16;
    name = name > most ? most : name;
    while (view->columns && rank > 0 && width_below(rank) + name > view->columns)
        rank--;
    return rank;
}

/* A line, no wider than the terminal: one that is wraps, or scrolls the picture away. */
static void put_line(FILE *out, struct top_view *view, const char *text, bool titles)
{
    size_t width = 0;
    mbstate_t state = { 0 };
    fputs(view->drawn++ ? "\n" : "", out);
    fputs(view->erase, out);
    fputs(titles ? view->highlight : "", out);
    while (*text) {
        wchar_t wide;
        size_t n = mbrtowc(&wide, text, strlen(text), &state);
        int columns_of_it = 1;
        if (n == (size_t)-1 || n == (size_t)-2) {
            state = (mbstate_t){ 0 };
            n = 1;
        } else {
            columns_of_it = wcwidth(wide);
        }
        width += columns_of_it > 0 ? (size_t)columns_of_it : 0;
        if (view->columns && width > view->columns)
            break;
        fwrite(text, 1, n, out);
        text += n;
    }
    fputs(titles ? view->plain : "", out);
}

static void put_head(FILE *out, struct top_view *view, const struct top_sample *sample)
{
    unsigned running = 0, paused = 0, vcpus = 0;
    double cpu = 0, memory = 0;
    char when[16], text[CELL], host[CELL];
    time_t now = time(NULL);
    struct tm tm;
    for (size_t i = 0; i < sample->count; i++) {
        const struct top_row *r = &sample->rows[i];
        running += r->state == VMGR_DOMAIN_RUNNING;
        paused += r->state == VMGR_DOMAIN_PAUSED;
        vcpus += r->vcpus;
        cpu += r->cpu;
        memory += (double)r->memory_kib * 1024;
    }
    strftime(when, sizeof(when), "%H:%M:%S", localtime_r(&now, &tm));
    human(text, memory);
    human(host, (double)view->host_kib * 1024);
    char *line = must_printf("%s %s by %s: %zu domains, %u running, %u paused", when, view->uri,
                             top_key_name((size_t)view->key), sample->count, running, paused);
    put_line(out, view, line, false);
    free(line);
    line = must_printf("CPU %.1f%% of %u00%%, memory %s of %s, %u vCPUs", cpu, view->host_cpus,
                       text, host, vcpus);
    put_line(out, view, line, false);
    free(line);
    put_line(out, view,
             view->help ? "sort: c cpu, m memory, t time, d disk, n network, i id, a name; "
                          "up, down, space, q"
                        : "",
             false);
}

/* row NULL: the titles. */
static void put_row(FILE *out, struct top_view *view, int rank, const struct top_row *row)
{
    char *line = NULL, cell[CELL];
    size_t size;
    FILE *text = open_memstream(&line, &size);
    if (!text)
        return;
    for (size_t i = 0; i < COLUMNS; i++) {
        if (columns[i].rank >= rank)
            continue;
        if (row)
            columns[i].cell(cell, row);
        else
            snprintf(cell, sizeof(cell), "%s", columns[i].title);
        fprintf(text, columns[i].cell == cell_state ? "%-*.*s " : "%*.*s ", columns[i].width,
                (int)sizeof(cell), cell);
    }
    fputs(row ? row->name : "NAME", text);
    if (fclose(text) == 0)
        put_line(out, view, line, !row);
    free(line);
}

#define HEAD_LINES 4 /* three and the titles */

void top_draw(FILE *out, struct top_view *view, const struct top_sample *sample)
{
    /* A terminal of a few lines has domains rather than a head. */
    bool head = !view->lines || view->lines > HEAD_LINES;
    size_t room = !view->lines ? sample->count : head ? view->lines - HEAD_LINES : view->lines;
    size_t last = sample->count > room ? sample->count - room : 0;
    int rank = ranks_shown(view, sample);
    view->first = view->first < last ? view->first : last;
    view->drawn = 0;
    if (head) {
        put_head(out, view, sample);
        put_row(out, view, rank, NULL);
    }
    for (size_t i = view->first; i < sample->count && i - view->first < room; i++)
        put_row(out, view, rank, &sample->rows[i]);
}
