/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shapes: what a JSON value of QMP looks like, written as a short text.
 *
 *   str int number bool any      a string, an integer, any number, true or false, anything
 *   {name:SHAPE,other?:SHAPE}    an object; "?": the member may be absent
 *   {name:SHAPE,*}               an object that may have other members as well
 *   [SHAPE]                      a list
 *   <one|two>                    one of these strings
 *   @Name                        the shape that a command group lists under that name
 *
 * The table of commands describes arguments and results this way: arguments are checked against it,
 * and query-qmp-schema is made of it. There are no blanks. Texts are the library's own: a mistake
 * in one is an assertion, and a test parses all of them.
 */
#ifndef VEMU_MONITOR_SHAPE_H
#define VEMU_MONITOR_SHAPE_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

#include "core/error.h"

enum qmp_kind {
    QMP_STRING,
    QMP_INT,
    QMP_NUMBER,
    QMP_BOOL,
    QMP_ANY,
    QMP_LIST,
    QMP_OBJECT,
    QMP_ENUM,
    QMP_NAMED,
};

struct qmp_shape;

struct qmp_member {
    char *name;
    bool optional;
    struct qmp_shape *shape;
};

struct qmp_shape {
    enum qmp_kind kind;
    char *text;                /* as it was written; "@Name" of QMP_NAMED */
    struct qmp_shape *element; /* LIST */
    GPtrArray *members;        /* OBJECT: struct qmp_member */
    bool open;                 /* OBJECT: others too */
    char **values;             /* ENUM */
};

/* A name for a shape. */
struct qmp_named {
    const char *name, *text;
};

/* NULL stands for "{}". */
struct qmp_shape *vemu__qmp_shape_parse(const char *text);
void vemu__qmp_shape_free(struct qmp_shape *shape);
/* What "@Name" stands for, new. */
struct qmp_shape *vemu__qmp_shape_resolve(const struct qmp_shape *named);
/* Whether `value` (NULL: null) has the shape; `name` is that of the value, "" at the top. -EINVAL
 * and a message that names what is wrong in QEMU's words. */
int vemu__qmp_shape_check(const struct qmp_shape *shape, struct json_object *value,
                          const char *name, struct vemu_error **err);

#endif
