/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XML in and out: a parser for hostile documents, readers of nodes, a writer with one house style.
 */
#ifndef VMGR_SRC_CONF_XML_H
#define VMGR_SRC_CONF_XML_H

#include <glib.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "../api/error.h"

#define VMGR__XML_MAX_SIZE (8u << 20)

/* ---- parsing ---- */

/* Parses a document whose root must be `root`. `what` names it in errors: "(domain_definition)".
 * Refused: more than VMGR__XML_MAX_SIZE, a document type, undefined entities, depth over 256, wrong
 * encodings. NULL and *err on failure; for xmlFreeDoc(). */
xmlDoc *vmgr__xml_parse(const char *text, const char *what, const char *root,
                        struct vmgr_error **err);
/* Parses what stands inside an element: for metadata. */
xmlDoc *vmgr__xml_parse_fragment(const char *text, struct vmgr_error **err);

/* First child element with this name and no namespace, or NULL. */
xmlNode *vmgr__xml_child(const xmlNode *node, const char *name);
/* Next sibling that is an element with this name and no namespace (NULL name: any element). */
xmlNode *vmgr__xml_next(const xmlNode *node, const char *name);
xmlNode *vmgr__xml_first(const xmlNode *node); /* first child that is an element, of any name */
bool vmgr__xml_is(const xmlNode *node, const char *name);

/* Attribute or text content as a new string for g_free(); NULL: there is none (an empty text is
 * ""). */
char *vmgr__xml_attr(const xmlNode *node, const char *name);
char *vmgr__xml_text(const xmlNode *node);

/* Attribute whose value must be in the NULL-terminated `names`. 1 and *ret (index), 0 when absent,
 * -1 and *err: "Invalid value for attribute ...". */
int vmgr__xml_enum(const xmlNode *node, const char *attr, const char *const *names, int *ret,
                   struct vmgr_error **err);
/* A tristate is 0 absent, 1 on/yes, 2 off/no. */
extern const char *const vmgr__on_off[];
extern const char *const vmgr__yes_no[];
/* Index of value in names or -1. */
int vmgr__name_index(const char *const *names, const char *value);
/* Whole-string decimal numbers without sign or space. */
bool vmgr__parse_u64(const char *text, uint64_t *ret);
bool vmgr__parse_u32(const char *text, uint32_t *ret);
/* Bytes from a number and a unit (NULL: `scale` bytes), refused above `limit`. */
int vmgr__scale(uint64_t value, const char *unit, uint64_t scale, uint64_t limit, uint64_t *ret,
                struct vmgr_error **err);

/* The element as text in house style at an indent of `level` x 2 columns, with all it holds: for
 * what is kept without being understood. Ends with a newline. For g_free(). */
char *vmgr__xml_keep(xmlNode *node, int level);
/* The same in libxml2's style (double quotes), as metadata is shown. No newline at the end. */
char *vmgr__xml_dump(xmlNode *node, int level);

/* ---- writing ---- */

/* Elements close themselves when they got no content; attributes come in single quotes. */
struct vmgr__xml_writer {
    GString *out;
    int level;
    bool open; /* a start tag waits for attributes or its end */
};

void vmgr__xw_init(struct vmgr__xml_writer *w);
void vmgr__xw_begin(struct vmgr__xml_writer *w, const char *name);
void vmgr__xw_attr(struct vmgr__xml_writer *w, const char *name,
                   const char *value); /* NULL: none */
void vmgr__xw_attrf(struct vmgr__xml_writer *w, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
void vmgr__xw_content(struct vmgr__xml_writer *w); /* the element has an end tag even if empty */
void vmgr__xw_end(struct vmgr__xml_writer *w, const char *name);
/* Ends the open element with text. */
void vmgr__xw_end_text(struct vmgr__xml_writer *w, const char *name, const char *text);
/* <name>text</name>; text NULL: nothing. */
void vmgr__xw_text(struct vmgr__xml_writer *w, const char *name, const char *text);
/* Text from vmgr__xml_keep() of the right level. */
void vmgr__xw_raw(struct vmgr__xml_writer *w, const char *text);
void vmgr__xw_escape(GString *out, const char *text);
/* The document, for g_free(). */
char *vmgr__xw_finish(struct vmgr__xml_writer *w);

#endif
