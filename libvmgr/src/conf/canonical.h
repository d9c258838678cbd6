/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is kept as text, put into the order in which libvirt writes it.
 */
#ifndef VMGR_SRC_CONF_CANONICAL_H
#define VMGR_SRC_CONF_CANONICAL_H

#include "xml.h"

struct vmgr__parse;

/**
 * struct vmgr__shape - an element that is kept
 * @path: its place below <domain> or <devices>: "disk/driver"; "*" stands for any parent
 * @attrs: its attributes in the order of writing, with a blank between them
 * @children: its elements likewise
 */
struct vmgr__shape {
    const char *path, *attrs, *children;
};
/* schema.c, sorted by path. */
extern const struct vmgr__shape vmgr__shapes[];
extern const size_t vmgr__shape_count;

/* The element's shape or NULL. */
const struct vmgr__shape *vmgr__shape_find(const char *path);
/* Orders attributes and children of an element and of all below it that have a shape; what a shape
 * does not have goes to the end, and is warned about. prefix: where the element is, "os/" or "".
 */
void vmgr__canonical(struct vmgr__parse *p, xmlNode *node, const char *prefix);

#endif
