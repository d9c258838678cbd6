/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of a tree of layers as a flat list: "driver", "file.filename", "backing.driver" ...
 */
#ifndef VEMU_IMAGE_OPTIONS_H
#define VEMU_IMAGE_OPTIONS_H

#include <stdbool.h>

#include <glib.h>

#include <vemu/error.h>
#include <vemu/property.h>

/* Names and values are the list's own. */
struct image_options {
    GPtrArray *names, *values; /* char * */
};

void vemu__image_options_init(struct image_options *options);
void vemu__image_options_clear(struct image_options *options);
void vemu__image_options_add(struct image_options *options, const char *name, const char *value);
void vemu__image_options_add_all(struct image_options *options, const struct vemu_property *props,
                                 size_t count);
/* What follows "json:" in a filename: objects and lists become dotted names. What is in the list
 * already is given twice: -EINVAL. */
int vemu__image_options_add_json(struct image_options *options, const char *text,
                                 struct vemu_error **err);
/* Takes one out: caller frees. NULL: it is not there. */
char *vemu__image_options_take(struct image_options *options, const char *name);
/* The same for on or off; *ret stays if it is not there. */
int vemu__image_options_take_bool(struct image_options *options, const char *name, bool *ret,
                                  struct vemu_error **err);
/* Moves what begins with `prefix` to `to`, without it. */
void vemu__image_options_split(struct image_options *options, const char *prefix,
                               struct image_options *to);
/* As an array, borrowed from the list; caller frees the array. */
struct vemu_property *vemu__image_options_props(const struct image_options *options);

#endif
