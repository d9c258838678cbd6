/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Formats and their options, as the library lists them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "img.h"

/* --- formats ---------------------------------------------------------------------------------- */

struct find_format {
    const char *name;
    bool found;
    uint32_t flags;
};

static int match_format(void *data, const char *name, const char *summary, uint32_t flags)
{
    struct find_format *find = data;

    if (strcmp(name, find->name))
        return 0;
    find->found = true;
    find->flags = flags;
    return 1;
}

bool format_flags(const char *format, uint32_t *ret_flags)
{
    struct find_format find = { .name = format };

    vemu_image_list_formats(match_format, &find);
    *ret_flags = find.flags;
    return find.found;
}

static int print_format(void *data, const char *name, const char *summary, uint32_t flags)
{
    printf(" %s", name);
    return 0;
}

void print_formats(void)
{
    printf("Supported formats:");
    vemu_image_list_formats(print_format, NULL);
    putchar('\n');
}

/* --- options ---------------------------------------------------------------------------------- */

struct find_option {
    const char *name;
    bool found;
};

static int match_option(void *data, const struct vemu_image_option *option)
{
    struct find_option *find = data;

    find->found = !strcmp(option->name, find->name);
    return find->found;
}

bool format_has_option(const char *format, const char *option)
{
    struct find_option find = { .name = option };

    vemu_image_list_options(format, 1, match_option, &find);
    return find.found;
}

bool format_check_create(const char *format, const struct props *props, const char *prefix)
{
    uint32_t flags;

    if (!format_flags(format, &flags)) {
        report("%sUnknown file format '%s'", prefix, format);
        return false;
    }
    if (!(flags & VEMU_IMAGE_FORMAT_CREATE)) {
        report("%sFormat driver '%s' does not support image creation", prefix, format);
        return false;
    }
    for (size_t i = 0; i < props->count; i++) {
        const char *name = props->items[i].name;
        if (format_has_option(format, name) || !strcmp(name, "size"))
            continue;
        if (!strcmp(name, "backing_file"))
            report("%sBacking file not supported for file format '%s'", prefix, format);
        else if (!strcmp(name, "backing_fmt"))
            report("%sBacking file format not supported for file format '%s'", prefix, format);
        else
            report("%sInvalid parameter '%s'", prefix, name);
        return false;
    }
    return true;
}

/* --- "Formatting" ----------------------------------------------------------------------------- */

/* In the order of qemu-img's line; NULL: not shown when it is not given. */
static const struct {
    const char *name, *shown;
} shown_options[] = {
    { "cluster_size", "65536" },
    { "extended_l2", "off" },
    { "preallocation", NULL },
    { "compression_type", "zlib" },
    { "size", NULL },
    { "compat", NULL },
    { "backing_file", NULL },
    { "backing_fmt", NULL },
    { "data_file", NULL },
    { "data_file_raw", NULL },
    { "lazy_refcounts", "off" },
    { "refcount_bits", "16" },
    { "nocow", NULL },
    { "extent_size_hint", NULL },
};
#define SHOWN_OPTIONS (sizeof(shown_options) / sizeof(shown_options[0]))

static void print_option(const char *name, const char *value)
{
    uint64_t bytes;

    printf(" %s=", name);
    if (strstr(name, "_size") && parse_bytes(value, &bytes) == 0) {
        printf("%" PRIu64, bytes);
        return;
    }
    for (; *value; value++)
        fputs(*value == ',' ? ",," : (char[]){ *value, '\0' }, stdout);
}

struct formatting {
    const struct props *props;
    uint64_t size;
};

/* What only this format has. */
static int print_other_option(void *data, const struct vemu_image_option *option)
{
    const struct formatting *formatting = data;
    const char *value = props_get(formatting->props, option->name);

    for (size_t i = 0; i < SHOWN_OPTIONS; i++)
        if (!strcmp(option->name, shown_options[i].name))
            return 0;
    if (value || option->default_value)
        print_option(option->name, value ? value : option->default_value);
    return 0;
}

void print_formatting(const char *filename, const char *format, uint64_t size,
                      const struct props *props)
{
    bool raw = !strcmp(format, "raw"); /* has its size first */

    printf("Formatting '%s', fmt=%s", filename, format);
    if (raw)
        printf(" size=%" PRIu64, size);
    for (size_t i = 0; i < SHOWN_OPTIONS; i++) {
        const char *name = shown_options[i].name, *value = props_get(props, name);
        if (!strcmp(name, "size")) {
            if (!raw)
                printf(" size=%" PRIu64, size);
        } else if (value) {
            print_option(name, value);
        } else if (shown_options[i].shown && format_has_option(format, name)) {
            print_option(name, shown_options[i].shown);
        }
    }
    struct formatting formatting = { props, size };
    vemu_image_list_options(format, 1, print_other_option, &formatting);
    putchar('\n');
}

/* --- "-o help" -------------------------------------------------------------------------------- */

struct option_lines {
    const char *const *only; /* ends with NULL; NULL: all */
    char **lines;
    size_t count;
};

static const char *type_text(const char *type)
{
    static const char *const words[][2] = {
        { "bool", "bool (on/off)" },
        { "on/off", "bool (on/off)" },
        { "size", "size" },
        { "string", "str" },
        { "str", "str" },
        { "number", "num" },
        { "uint32", "num" },
        { "uint64", "num" },
        { "int", "num" },
        { "uint8", "num" },
        { "uint16", "num" },
        { "num", "num" },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(type, words[i][0]))
            return words[i][1];
    return "str";
}

static int add_line(void *data, const struct vemu_image_option *option)
{
    struct option_lines *all = data;
    const char *const *only = all->only;
    char *line, *left;

    while (only && *only && strcmp(*only, option->name))
        only++;
    if (only && !*only)
        return 0;
    if (asprintf(&left, "%s=<%s>", option->name, type_text(option->type)) < 0 ||
        asprintf(&line, "  %-22s - %s", left, option->summary) < 0)
        line = left = need(NULL);
    free(left);
    all->lines = need(realloc(all->lines, (all->count + 1) * sizeof(char *)));
    all->lines[all->count++] = line;
    return 0;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_lines(const char *format, const char *title, const char *const *only)
{
    static const struct vemu_image_option size = { "size", "size", NULL, "Virtual disk size" };
    struct option_lines all = { .only = only };

    vemu_image_list_options(format, 1, add_line, &all);
    if (!format_has_option(format, "size"))
        add_line(&all, &size);
    qsort(all.lines, all.count, sizeof(char *), compare_lines);
    printf("%s\n", title);
    for (size_t i = 0; i < all.count; i++) {
        puts(all.lines[i]);
        free(all.lines[i]);
    }
    free(all.lines);
}

void print_option_help(const char *format, const char *title)
{
    print_lines(format, title, NULL);
}

bool print_amend_help(const char *format)
{
    static const char *const names[] = { "backing_file",  "backing_fmt",   "compat",
                                         "data_file",     "data_file_raw", "lazy_refcounts",
                                         "refcount_bits", "size",          NULL };
    char title[100];

    if (strcmp(format, "qcow2")) {
        report("Format driver '%s' does not support option amendment", format);
        return false;
    }
    snprintf(title, sizeof(title), "Amend options for '%s':", format);
    print_lines(format, title, names);
    return true;
}
