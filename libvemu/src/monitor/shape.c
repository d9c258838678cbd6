/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shapes of JSON values: parsing their texts, checking values.
 */
#include "monitor/shape.h"

#include <errno.h>
#include <string.h>

#include "monitor/qmp.h"

static const struct {
    const char *word, *name; /* in the text, for people */
    enum json_type json;
} kinds[] = {
    [QMP_STRING] = { "str", "string", json_type_string },
    [QMP_INT] = { "int", "integer", json_type_int },
    [QMP_NUMBER] = { "number", "number", json_type_double },
    [QMP_BOOL] = { "bool", "boolean", json_type_boolean },
    [QMP_ANY] = { "any", "value", json_type_null },
    [QMP_LIST] = { NULL, "array", json_type_array },
    [QMP_OBJECT] = { NULL, "object", json_type_object },
    [QMP_ENUM] = { NULL, "string", json_type_string },
    [QMP_NAMED] = { NULL, "value", json_type_null },
};

/* --- parsing ---------------------------------------------------------------------------------- */

static struct qmp_shape *parse(const char **at);

static bool accept(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* Up to one of the characters in `ends`. */
static char *word(const char **at, const char *ends)
{
    size_t size = strcspn(*at, ends);
    char *text = g_strndup(*at, size);

    g_assert(size);
    *at += size;
    return text;
}

static void member_free(gpointer data)
{
    struct qmp_member *member = data;

    vemu__qmp_shape_free(member->shape);
    g_free(member->name);
    g_free(member);
}

static void parse_members(struct qmp_shape *shape, const char **at)
{
    shape->members = g_ptr_array_new_with_free_func(member_free);
    if (accept(at, '}'))
        return;
    do {
        struct qmp_member *member;

        if (accept(at, '*')) {
            shape->open = true;
            continue;
        }
        member = g_new0(struct qmp_member, 1);
        member->name = word(at, "?:");
        member->optional = accept(at, '?');
        g_assert(accept(at, ':'));
        member->shape = parse(at);
        g_ptr_array_add(shape->members, member);
    } while (accept(at, ','));
    g_assert(accept(at, '}'));
}

static enum qmp_kind kind_of(const char *name)
{
    for (enum qmp_kind kind = QMP_STRING; kind <= QMP_ANY; kind++)
        if (strcmp(kinds[kind].word, name) == 0)
            return kind;
    g_assert_not_reached();
}

static struct qmp_shape *parse(const char **at)
{
    struct qmp_shape *shape = g_new0(struct qmp_shape, 1);
    const char *start = *at;
    g_autofree char *name = NULL;

    if (accept(at, '[')) {
        shape->kind = QMP_LIST;
        shape->element = parse(at);
        g_assert(accept(at, ']'));
    } else if (accept(at, '{')) {
        shape->kind = QMP_OBJECT;
        parse_members(shape, at);
    } else if (accept(at, '<')) {
        name = word(at, ">");
        shape->kind = QMP_ENUM;
        shape->values = g_strsplit(name, "|", -1);
        g_assert(accept(at, '>'));
    } else {
        name = word(at, ",]}");
        shape->kind = name[0] == '@' ? QMP_NAMED : kind_of(name);
    }
    shape->text = g_strndup(start, (gsize)(*at - start));
    return shape;
}

struct qmp_shape *vemu__qmp_shape_parse(const char *text)
{
    const char *at = text ? text : "{}";
    struct qmp_shape *shape = parse(&at);

    g_assert(!*at);
    return shape;
}

void vemu__qmp_shape_free(struct qmp_shape *shape)
{
    if (!shape)
        return;
    vemu__qmp_shape_free(shape->element);
    if (shape->members)
        g_ptr_array_free(shape->members, TRUE);
    g_strfreev(shape->values);
    g_free(shape->text);
    g_free(shape);
}

struct qmp_shape *vemu__qmp_shape_resolve(const struct qmp_shape *named)
{
    for (size_t i = 0; vemu__qmp_groups[i]; i++)
        for (const struct qmp_named *n = vemu__qmp_groups[i]->shapes; n && n->name; n++)
            if (strcmp(n->name, named->text + 1) == 0)
                return vemu__qmp_shape_parse(n->text);
    g_assert_not_reached();
}

/* --- checking --------------------------------------------------------------------------------- */

static const struct qmp_member *member_find(const struct qmp_shape *shape, const char *name)
{
    for (guint i = 0; i < shape->members->len; i++) {
        const struct qmp_member *member = shape->members->pdata[i];

        if (strcmp(member->name, name) == 0)
            return member;
    }
    return NULL;
}

static char *path(const char *outer, const char *name)
{
    return *outer ? g_strdup_printf("%s.%s", outer, name) : g_strdup(name);
}

static int check_object(const struct qmp_shape *shape, struct json_object *object, const char *name,
                        struct vemu_error **err)
{
    int r = 0;

    json_object_object_foreach(object, key, value)
    {
        const struct qmp_member *member = member_find(shape, key);
        g_autofree char *at = path(name, key);

        if (!member && shape->open)
            continue;
        if (!member)
            return vemu__error_set(err, EINVAL, "Parameter '%s' is unexpected", at);
        r = vemu__qmp_shape_check(member->shape, value, at, err);
        if (r < 0)
            return r;
    }
    for (guint i = 0; i < shape->members->len; i++) {
        const struct qmp_member *member = shape->members->pdata[i];
        g_autofree char *at = path(name, member->name);

        if (!member->optional && !json_object_object_get_ex(object, member->name, NULL))
            return vemu__error_set(err, EINVAL, "Parameter '%s' is missing", at);
    }
    return 0;
}

static int check_list(const struct qmp_shape *shape, struct json_object *list, const char *name,
                      struct vemu_error **err)
{
    int r = 0;

    for (size_t i = 0; i < json_object_array_length(list) && r >= 0; i++) {
        g_autofree char *at = g_strdup_printf("%s[%zu]", name, i);

        r = vemu__qmp_shape_check(shape->element, json_object_array_get_idx(list, i), at, err);
    }
    return r;
}

int vemu__qmp_shape_check(const struct qmp_shape *shape, struct json_object *value,
                          const char *name, struct vemu_error **err)
{
    enum json_type type = json_object_get_type(value);
    struct qmp_shape *target;
    int r;

    if (shape->kind == QMP_ANY)
        return 0;
    if (shape->kind == QMP_NAMED) {
        target = vemu__qmp_shape_resolve(shape);
        r = vemu__qmp_shape_check(target, value, name, err);
        vemu__qmp_shape_free(target);
        return r;
    }
    if (shape->kind == QMP_NUMBER && type == json_type_int)
        return 0;
    if (type != kinds[shape->kind].json)
        return vemu__error_set(err, EINVAL, "Invalid parameter type for '%s', expected: %s", name,
                               kinds[shape->kind].name);
    switch (shape->kind) {
    case QMP_OBJECT: return check_object(shape, value, name, err);
    case QMP_LIST: return check_list(shape, value, name, err);
    case QMP_ENUM:
        if (g_strv_contains((const char *const *)shape->values, json_object_get_string(value)))
            return 0;
        return vemu__error_set(err, EINVAL, "Parameter '%s' does not accept value '%s'", name,
                               json_object_get_string(value));
    default: return 0;
    }
}
