/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A text of bounded length that is put together from pieces of a command line.
 */
#ifndef VEMU_TOOL_TEXT_H
#define VEMU_TOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "keyval.h"

/* Begins as { 0 }. `used` goes on counting when the bytes are used up. */
struct text {
    char bytes[4096 + 64];
    size_t used;
};

void text_add(struct text *text, const char *more);
/* ",NAME=VALUE"; a comma in the value is doubled. */
void text_add_item(struct text *text, const char *name, const char *value);
void text_add_items(struct text *text, const struct keyval *kv);
/* Whether all of it is there; if not, the option is blamed on stderr. */
bool text_fits(const struct text *text, const char *option);

#endif
