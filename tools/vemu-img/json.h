/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values that are shown as JSON, or indented for people.
 */
#ifndef VEMU_IMG_JSON_H
#define VEMU_IMG_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct value;

struct value *value_object(void);
struct value *value_array(void);
struct value *value_string(const char *text);
struct value *value_number(uint64_t number);
struct value *value_bool(bool on);
/* NULL: not JSON. */
struct value *value_parse(const char *json);
void value_free(struct value *value);

/* Puts `child` into an object or (key NULL) array, which owns it then; returns it. */
struct value *value_add(struct value *parent, const char *key, struct value *child);
struct value *value_get(const struct value *object, const char *key);
bool value_is_object(const struct value *value);

/* As JSON over several lines, and a line end. */
void value_print(const struct value *value);
/* The members of an object as "name: value" lines, indented by 4 * `level`. */
void value_print_human(const struct value *value, int level);
/* On one line; caller frees. */
char *value_text(const struct value *value);

#endif
