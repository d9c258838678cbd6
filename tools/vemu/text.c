/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A text of bounded length that is put together from pieces of a command line.
 */
#include "text.h"

#include <stdio.h>
#include <string.h>

#include "report.h"

void text_add(struct text *text, const char *more)
{
    if (text->used < sizeof(text->bytes))
        snprintf(text->bytes + text->used, sizeof(text->bytes) - text->used, "%s", more);
    text->used += strlen(more);
}

void text_add_item(struct text *text, const char *name, const char *value)
{
    text_add(text, ",");
    text_add(text, name);
    text_add(text, "=");
    for (; *value; value++) {
        const char one[] = { *value, *value == ',' ? ',' : '\0', '\0' };
        text_add(text, one);
    }
}

void text_add_items(struct text *text, const struct keyval *kv)
{
    for (size_t i = 0; i < kv->count; i++)
        text_add_item(text, kv->items[i].name, kv->items[i].value);
}

bool text_fits(const struct text *text, const char *option)
{
    if (text->used < sizeof(text->bytes))
        return true;
    report("-%s: too long", option);
    return false;
}
