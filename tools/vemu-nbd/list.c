/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vemu-nbd -L: what a server offers, worded like qemu-nbd's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "report.h"

struct entry {
    char *name, *description;
    uint64_t size;
    uint32_t flags;
};

struct list {
    struct entry *entries;
    size_t count;
};

static char *copy(const char *text)
{
    char *result = strdup(text);
    if (!result) {
        report("out of memory");
        exit(1);
    }
    return result;
}

static int collect(void *data, const char *name, const char *description, uint64_t size,
                   uint32_t flags)
{
    struct list *list = data;
    struct entry *entries = realloc(list->entries, (list->count + 1) * sizeof(*entries));
    if (!entries) {
        report("out of memory");
        exit(1);
    }
    list->entries = entries;
    entries[list->count++] = (struct entry){ copy(name), copy(description), size, flags };
    return 0;
}

/* "Transmission flags" of the protocol. */
static void print_flags(uint32_t flags)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        { 1, "readonly" }, { 2, "flush" },  { 3, "fua" },        { 4, "rotational" },
        { 5, "trim" },     { 6, "zeroes" }, { 7, "df" },         { 8, "multi" },
        { 9, "resize" },   { 10, "cache" }, { 11, "fast-zero" },
    };
    printf("  flags: 0x%" PRIx32 " (", flags);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (flags >> names[i].bit & 1)
            printf(" %s", names[i].name);
    printf(" )\n");
}

static void print_list(const struct list *list)
{
    printf("exports available: %zu\n", list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *e = &list->entries[i];
        printf(" export: '%s'\n", e->name);
        if (e->description[0])
            printf("  description: %s\n", e->description);
        if (e->size == UINT64_MAX)
            continue;
        printf("  size:  %" PRIu64 "\n", e->size);
        print_flags(e->flags);
    }
}

/* Characters with a meaning in an address are escaped. */
static char *escape(const char *path)
{
    char *text = malloc(3 * strlen(path) + 1), *p = text;
    if (!text) {
        report("out of memory");
        exit(1);
    }
    for (; *path; path++)
        p += strchr("%?#&;+", *path) || (unsigned char)*path <= ' '
                 ? sprintf(p, "%%%02x", (unsigned char)*path)
                 : sprintf(p, "%c", *path);
    *p = '\0';
    return text;
}

int list_exports(const struct options *o)
{
    struct list list = { 0 };
    struct vemu_error *err = NULL;
    const char *host = o->host ? o->host : "localhost";
    char address[4096], *path = o->socket ? escape(o->socket) : NULL;
    if (path)
        snprintf(address, sizeof(address), "nbd+unix:///?socket=%s", path);
    else
        snprintf(address, sizeof(address), strchr(host, ':') ? "nbd://[%s]:%s" : "nbd://%s:%s",
                 host, o->port ? o->port : "10809");
    int r = vemu_nbd_list(address, o->tls ? o->tls->dir : NULL, collect, &list, &err);
    if (r < 0)
        report("%s", vemu_error_message(err));
    else
        print_list(&list);
    vemu_error_free(err);
    for (size_t i = 0; i < list.count; i++) {
        free(list.entries[i].name);
        free(list.entries[i].description);
    }
    free(list.entries);
    free(path);
    return r < 0;
}
