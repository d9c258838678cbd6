/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -trace: events of the machine's inside, a line each.
 *
 * Lines come from any thread of the machine, with locks held: each is written with one call, and
 * the time in front of it is that of the host's monotonic clock since the program began.
 */
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vemu/trace.h>

#include "keyval.h"
#include "report.h"

struct trace {
    FILE *stream;
    struct timespec start;
};

static void keep_value(struct options *o, struct option_list *list, const char *value)
{
    char *copy = strdup(value);
    if (!copy) {
        report("out of memory");
        exit(1);
    }
    option_list_add(&o->owned, copy);
    option_list_add(list, copy);
}

/* A file with a pattern on each line; '#' begins a comment, '-' in front switches off. */
static bool read_events(struct options *o, const char *path)
{
    char line[256];
    FILE *file = fopen(path, "re");
    if (!file) {
        report("-trace events=%s: %s", path, strerror(errno));
        return false;
    }
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "#\r\n")] = '\0';
        char *word = line + strspn(line, " \t");
        word[strcspn(word, " \t")] = '\0';
        if (*word)
            keep_value(o, &o->traces, word);
    }
    fclose(file);
    return true;
}

bool trace_option(struct options *o, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "trace", value, true))
        return false;
    bool ok = true;
    if (kv.first)
        keep_value(o, &o->traces, kv.first);
    for (size_t i = 0; ok && i < kv.count; i++) {
        const char *name = kv.items[i].name, *text = kv.items[i].value;
        if (!strcmp(name, "enable")) {
            keep_value(o, &o->traces, text);
        } else if (!strcmp(name, "events")) {
            ok = read_events(o, text);
        } else if (!strcmp(name, "file")) {
            keep_value(o, &o->trace_files, text);
        } else {
            report("-trace: unknown parameter '%s' (enable, events, file)", name);
            ok = false;
        }
    }
    keyval_free(&kv);
    return ok;
}

bool trace_help(const char *value)
{
    struct vemu_trace_info info = VEMU_TRACE_INFO_INIT;
    if (strcmp(value, "help") && strcmp(value, "?") && strcmp(value, "enable=help"))
        return false;
    printf("Trace events (-trace enable=PATTERN[,file=FILE]):\n");
    for (uint32_t n = 0; vemu_trace_get(n, &info) == 0; n++)
        printf("  %-18s %s\n", info.name, info.summary);
    return true;
}

struct trace *trace_open(const struct options *o, bool *ok)
{
    const char *path =
        o->trace_files.count ? o->trace_files.items[o->trace_files.count - 1] : NULL;
    struct trace *trace;
    *ok = true;
    if (!o->traces.count && !path)
        return NULL;
    trace = calloc(1, sizeof(*trace));
    if (trace)
        trace->stream = path ? fopen(path, "we") : stderr;
    if (!trace || !trace->stream) {
        report("-trace file=%s: %s", path ? path : "", strerror(errno));
        free(trace);
        *ok = false;
        return NULL;
    }
    setvbuf(trace->stream, NULL, _IOLBF, 4096);
    clock_gettime(CLOCK_MONOTONIC, &trace->start);
    return trace;
}

static void print_line(void *data, const char *line)
{
    const struct trace *trace = data;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long us = (now.tv_sec - trace->start.tv_sec) * 1000000 +
              (now.tv_nsec - trace->start.tv_nsec) / 1000;
    fprintf(trace->stream, "%ld.%06ld %s\n", us / 1000000, us % 1000000, line);
}

bool trace_begin(struct trace *trace, struct vemu_vm *vm, const struct options *o)
{
    if (!trace)
        return true;
    vemu_vm_set_trace_handler(vm, print_line, trace);
    for (size_t i = 0; i < o->traces.count; i++) {
        const char *pattern = o->traces.items[i];
        bool off = pattern[0] == '-';
        struct vemu_error *err = NULL;
        if (vemu_vm_set_trace(vm, pattern + off, !off, &err) >= 0)
            continue;
        report("-trace: %s ('help' lists them)", vemu_error_message(err));
        vemu_error_free(err);
        return false;
    }
    return true;
}

void trace_close(struct trace *trace)
{
    if (trace && trace->stream != stderr)
        fclose(trace->stream);
    free(trace);
}
