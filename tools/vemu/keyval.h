/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "first,key=value,flag": QEMU's option value grammar.
 */
#ifndef VEMU_TOOL_KEYVAL_H
#define VEMU_TOOL_KEYVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <vemu/property.h>

#define KEYVAL_MAX 64

/* Keys and values point into `text`, a private copy. A key without '=' has the value "on". */
struct keyval {
    char *text;
    const char *first; /* the leading word without '=', or NULL */
    struct vemu_property items[KEYVAL_MAX];
    size_t count;
};

/* ",," stands for a comma. With `implied`, a first word without '=' becomes `first`. Returns false
 * and prints why when it cannot be parsed. */
bool keyval_parse(struct keyval *kv, const char *option, const char *text, bool implied);
void keyval_free(struct keyval *kv);
/* Takes the key out of the list; NULL when it is not there. The value stays valid. */
const char *keyval_take(struct keyval *kv, const char *key);
/* True when nothing is left; otherwise names the leftover: "-m: unknown parameter 'x'". */
bool keyval_done(const struct keyval *kv, const char *option);

/* "on"/"off"/"yes"/"no"/"true"/"false". */
bool parse_switch(const char *option, const char *key, const char *text, bool *ret);
/* A size with suffix b, K, M, G, T; without one in units of `unit` bytes. */
bool parse_size(const char *option, const char *text, unsigned long long unit,
                unsigned long long *ret);

#endif
