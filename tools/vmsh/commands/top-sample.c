/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What domains take, and how fast: figures of two moments.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "top.h"

#define GROUPS                                                                                     \
    (VMGR_STATS_CPU_TOTAL | VMGR_STATS_BALLOON | VMGR_STATS_VCPU | VMGR_STATS_INTERFACE |          \
     VMGR_STATS_BLOCK)

static long long now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static unsigned long long figure(const struct vmgr_stat *stats, const char *name)
{
    const struct vmgr_stat *s = vmgr_stats_find(stats, name);
    return s && !s->text ? s->number : 0;
}

/* The sum over "GROUP.N.WHAT". */
static unsigned long long sum(const struct vmgr_stat *stats, const char *group, const char *what)
{
    size_t length = strlen(group);
    unsigned long long total = 0;
    for (const struct vmgr_stat *s = stats; s->name; s++) {
        if (strncmp(s->name, group, length))
            continue;
        const char *rest = s->name + length + strspn(s->name + length, "0123456789");
        if (rest > s->name + length && !strcmp(rest, what))
            total += s->number;
    }
    return total;
}

static void read_stats(struct top_row *row, const struct vmgr_stat *stats)
{
    row->vcpus = (unsigned)figure(stats, "vcpu.current");
    row->memory_kib = figure(stats, "balloon.current");
    row->resident_kib = figure(stats, "balloon.rss");
    row->total.cpu_ns = figure(stats, "cpu.time");
    row->total.read = sum(stats, "block.", ".rd.bytes");
    row->total.written = sum(stats, "block.", ".wr.bytes");
    row->total.received = sum(stats, "net.", ".rx.bytes");
    row->total.sent = sum(stats, "net.", ".tx.bytes");
}

/* For drivers whose statistics are few. */
static void complete_row(struct top_row *row, struct vmgr_domain *domain)
{
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;
    if ((row->vcpus && row->memory_kib) || vmgr_domain_get_info(domain, &info, NULL) < 0)
        return;
    row->vcpus = info.vcpus;
    row->memory_kib = info.memory_kib;
    row->total.cpu_ns = info.cpu_time_ns;
}

/* A counter that went back began anew. */
static double rate(unsigned long long before, unsigned long long now, double seconds)
{
    return now > before ? (double)(now - before) / seconds : 0;
}

static const struct top_row *same_run(const struct top_sample *sample, const struct top_row *row)
{
    for (size_t i = 0; sample && i < sample->count; i++)
        if (sample->rows[i].id == row->id && !strcmp(sample->rows[i].uuid, row->uuid))
            return &sample->rows[i];
    return NULL;
}

static void add_rates(struct top_row *row, const struct top_row *old, double seconds)
{
    if (!old || seconds <= 0)
        return;
    row->has_rates = true;
    row->cpu = rate(old->total.cpu_ns, row->total.cpu_ns, seconds) / 1e7;
    row->read = rate(old->total.read, row->total.read, seconds);
    row->written = rate(old->total.written, row->total.written, seconds);
    row->received = rate(old->total.received, row->total.received, seconds);
    row->sent = rate(old->total.sent, row->total.sent, seconds);
}

/* 1; 0: it has gone meanwhile; -1 and the error. */
static int add_row(struct shell *sh, struct top_sample *sample,
                   const struct vmgr_domain_entry *entry)
{
    struct vmgr_stat *stats = NULL;
    struct vmgr_error *err = NULL;
    if (vmgr_domain_get_stats(entry->domain, GROUPS, 0, &stats, &err) < 0) {
        bool gone = vmgr_error_get_code(err) == VMGR_ERR_NO_DOMAIN;
        if (gone)
            vmgr_error_free(err);
        else
            *shell_err(sh) = err;
        return gone ? 0 : -1;
    }
    struct top_row *row = &sample->rows[sample->count++];
    row->id = entry->id;
    row->state = entry->state;
    row->name = text_printable(vmgr_domain_get_name(entry->domain));
    row->uuid = must_strdup(vmgr_domain_get_uuid_string(entry->domain));
    read_stats(row, stats);
    vmgr_stats_free(stats);
    complete_row(row, entry->domain);
    return 1;
}

struct top_sample *top_sample_take(struct shell *sh, const struct top_sample *before)
{
    struct vmgr_domain_entry *entries = NULL;
    int count =
        vmgr_domain_list_entries(sh->conn, VMGR_DOMAIN_LIST_ACTIVE, &entries, shell_err(sh));
    if (count < 0)
        return NULL;
    struct top_sample *sample = must_alloc(sizeof(*sample));
    sample->rows = must_alloc(((size_t)count + 1) * sizeof(*sample->rows));
    bool ok = true;
    for (int i = 0; ok && i < count; i++)
        ok = add_row(sh, sample, &entries[i]) >= 0;
    vmgr_domain_entries_free(entries);
    if (!ok) {
        top_sample_free(sample);
        return NULL;
    }
    sample->at_ns = now_ns();
    for (size_t i = 0; before && i < sample->count; i++)
        add_rates(&sample->rows[i], same_run(before, &sample->rows[i]),
                  (double)(sample->at_ns - before->at_ns) / 1e9);
    return sample;
}

void top_sample_free(struct top_sample *sample)
{
    if (!sample)
        return;
    for (size_t i = 0; i < sample->count; i++) {
        free(sample->rows[i].name);
        free(sample->rows[i].uuid);
    }
    free(sample->rows);
    free(sample);
}

/* --- sorting -------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    const struct top_row *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int by_name(const void *a, const void *b)
{
    const struct top_row *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* The larger first; what is alike by id, so that lines do not jump. */
#define LARGER_FIRST(NAME, FIGURE)                                                                 \
    static int NAME(const void *a, const void *b)                                                  \
    {                                                                                              \
        const struct top_row *x = a, *y = b;                                                       \
        return FIGURE(x) == FIGURE(y) ? by_id(a, b) : FIGURE(x) < FIGURE(y) ? 1 : -1;              \
    }
#define CPU(r)     ((r)->cpu)
#define MEMORY(r)  ((r)->memory_kib)
#define TIME(r)    ((r)->total.cpu_ns)
#define DISK(r)    ((r)->read + (r)->written)
#define NETWORK(r) ((r)->received + (r)->sent)
LARGER_FIRST(by_cpu, CPU)
LARGER_FIRST(by_memory, MEMORY)
LARGER_FIRST(by_time, TIME)
LARGER_FIRST(by_disk, DISK)
LARGER_FIRST(by_network, NETWORK)

static const struct {
    const char *name;
    int letter;
    int (*compare)(const void *a, const void *b);
} keys[] = {
    { "cpu", 'c', by_cpu },   { "memory", 'm', by_memory },   { "time", 't', by_time },
    { "disk", 'd', by_disk }, { "network", 'n', by_network }, { "id", 'i', by_id },
    { "name", 'a', by_name },
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

const char *top_key_name(size_t n)
{
    return n < KEYS ? keys[n].name : NULL;
}

int top_key_find(const char *name)
{
    for (size_t i = 0; i < KEYS; i++)
        if (!strcmp(keys[i].name, name))
            return (int)i;
    return -1;
}

int top_key_letter(int letter)
{
    for (size_t i = 0; i < KEYS; i++)
        if (keys[i].letter == letter)
            return (int)i;
    return -1;
}

void top_sample_sort(struct top_sample *sample, int key)
{
    qsort(sample->rows, sample->count, sizeof(*sample->rows), keys[key].compare);
}
