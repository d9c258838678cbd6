/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of options: "cluster_size=4k,lazy_refcounts=on".
 */
#ifndef VEMU_IMG_PROPS_H
#define VEMU_IMG_PROPS_H

#include <stdbool.h>
#include <stddef.h>
#include <vemu/property.h>

struct props {
    struct vemu_property *items; /* names and values are copies */
    size_t count;
};

/* Adds what `text` has; ",," stands for a comma, and a word without '=' has the value "on". Says
 * what is wrong with it. */
bool props_parse(struct props *props, const char *text);
/* Replaces what there is under that name. */
void props_set(struct props *props, const char *name, const char *value);
const char *props_get(const struct props *props, const char *name);
void props_remove(struct props *props, const char *name);
void props_clear(struct props *props);
/* Whether "help" or "?" is one of the words. */
bool props_ask_help(const char *text);

/* Memory that cannot be had ends the program. */
void *need(void *memory);

#endif
