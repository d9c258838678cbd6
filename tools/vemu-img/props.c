/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of options: "cluster_size=4k,lazy_refcounts=on".
 */
#include "props.h"

#include <stdlib.h>
#include <string.h>

#include "img.h"

void *need(void *memory)
{
    if (!memory) {
        report("Out of memory");
        exit(1);
    }
    return memory;
}

/* Ends the word at `s` (with ",," as ",") and returns where the next one begins, or NULL. */
static char *end_word(char *s)
{
    char *out = s;

    for (; *s; s++) {
        if (*s == ',' && s[1] != ',') {
            *out = '\0';
            return s + 1;
        }
        if (*s == ',')
            s++;
        *out++ = *s;
    }
    *out = '\0';
    return NULL;
}

bool props_parse(struct props *props, const char *text)
{
    char *copy = need(strdup(text));

    for (char *word = copy, *next; word; word = next) {
        next = end_word(word);
        char *equals = strchr(word, '=');
        if (!*word && !next)
            break; /* a comma at the end */
        if (!*word || equals == word) {
            report("Invalid parameter '%s'", word);
            free(copy);
            return false;
        }
        if (equals)
            *equals = '\0';
        props_set(props, word, equals ? equals + 1 : "on");
    }
    free(copy);
    return true;
}

void props_remove(struct props *props, const char *name)
{
    for (size_t i = 0; i < props->count; i++) {
        if (strcmp(props->items[i].name, name))
            continue;
        free((char *)props->items[i].name);
        free((char *)props->items[i].value);
        memmove(&props->items[i], &props->items[i + 1],
                (props->count - i - 1) * sizeof(props->items[0]));
        props->count--;
        return;
    }
}

void props_set(struct props *props, const char *name, const char *value)
{
    struct vemu_property item = { need(strdup(name)), need(strdup(value)) };

    props_remove(props, name);
    props->items = need(realloc(props->items, (props->count + 1) * sizeof(item)));
    props->items[props->count++] = item;
}

const char *props_get(const struct props *props, const char *name)
{
    for (size_t i = 0; i < props->count; i++)
        if (!strcmp(props->items[i].name, name))
            return props->items[i].value;
    return NULL;
}

void props_clear(struct props *props)
{
    while (props->count)
        props_remove(props, props->items[props->count - 1].name);
    free(props->items);
    props->items = NULL;
}

bool props_ask_help(const char *text)
{
    char *copy = need(strdup(text));
    bool ask = false;

    for (char *word = copy, *next; word; word = next) {
        next = end_word(word);
        ask = ask || !strcmp(word, "help") || !strcmp(word, "?");
    }
    free(copy);
    return ask;
}
