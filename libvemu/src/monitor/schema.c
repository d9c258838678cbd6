/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Introspection: what this QMP knows, told by QMP (query-commands, query-events, query-qmp-schema).
 *
 * The schema is made from the tables of commands and events. Types have no names of their own, as
 * in QEMU: objects and enumerations are numbered in the order they are met, equal ones are one.
 */
#include <string.h>

#include "monitor/qmp.h"

struct schema {
    struct json_object *out;
    GHashTable *types; /* a shape's text -> name of its type */
};

static struct json_object *entry(struct schema *s, const char *name, const char *meta)
{
    struct json_object *o = json_object_new_object();

    qmp_add_string(o, "name", name);
    qmp_add_string(o, "meta-type", meta);
    json_object_array_add(s->out, o);
    return o;
}

static const char *type_of(struct schema *s, const struct qmp_shape *shape);

static void describe_object(struct schema *s, struct json_object *o, const struct qmp_shape *shape)
{
    struct json_object *members = json_object_new_array();

    for (guint i = 0; i < shape->members->len; i++) {
        const struct qmp_member *member = shape->members->pdata[i];
        struct json_object *m = json_object_new_object();

        qmp_add_string(m, "name", member->name);
        if (member->optional)
            json_object_object_add(m, "default", NULL);
        qmp_add_string(m, "type", type_of(s, member->shape));
        json_object_array_add(members, m);
    }
    json_object_object_add(o, "members", members);
}

static void describe_enum(struct json_object *o, const struct qmp_shape *shape)
{
    struct json_object *members = json_object_new_array(), *values = json_object_new_array();

    for (char **value = shape->values; *value; value++) {
        struct json_object *m = json_object_new_object();

        qmp_add_string(m, "name", *value);
        json_object_array_add(members, m);
        json_object_array_add(values, json_object_new_string(*value));
    }
    json_object_object_add(o, "members", members);
    json_object_object_add(o, "values", values);
}

static const char *builtin_json(enum qmp_kind kind)
{
    switch (kind) {
    case QMP_STRING: return "string";
    case QMP_INT: return "int";
    case QMP_NUMBER: return "number";
    case QMP_BOOL: return "boolean";
    default: return "value";
    }
}

/* Puts the type under `name`, which is known already: a type may contain itself. */
static void describe(struct schema *s, const char *name, const struct qmp_shape *shape)
{
    struct qmp_shape *target;

    switch (shape->kind) {
    case QMP_NAMED:
        target = vemu__qmp_shape_resolve(shape);
        describe(s, name, target);
        vemu__qmp_shape_free(target);
        return;
    case QMP_OBJECT: describe_object(s, entry(s, name, "object"), shape); return;
    case QMP_ENUM: describe_enum(entry(s, name, "enum"), shape); return;
    case QMP_LIST:
        qmp_add_string(entry(s, name, "array"), "element-type", type_of(s, shape->element));
        return;
    default: qmp_add_string(entry(s, name, "builtin"), "json-type", builtin_json(shape->kind));
    }
}

static const char *type_of(struct schema *s, const struct qmp_shape *shape)
{
    const char *known = g_hash_table_lookup(s->types, shape->text);
    char *name;

    if (known)
        return known;
    if (shape->kind <= QMP_ANY)
        name = g_strdup(shape->text);
    else if (shape->kind == QMP_LIST)
        name = g_strdup_printf("[%s]", type_of(s, shape->element));
    else
        name = g_strdup_printf("%u", g_hash_table_size(s->types));
    known = g_hash_table_lookup(s->types, shape->text);
    if (known) { /* the list is a member of its own element */
        g_free(name);
        return known;
    }
    g_hash_table_insert(s->types, g_strdup(shape->text), name);
    describe(s, name, shape);
    return name;
}

static const char *type_of_text(struct schema *s, const char *text)
{
    struct qmp_shape *shape = vemu__qmp_shape_parse(text);
    const char *name = type_of(s, shape);

    vemu__qmp_shape_free(shape);
    return name;
}

static void add_command(struct schema *s, const struct qmp_command *command)
{
    struct json_object *o = entry(s, command->name, "command");

    qmp_add_string(o, "arg-type", type_of_text(s, command->arguments));
    qmp_add_string(o, "ret-type", type_of_text(s, command->result));
    qmp_add_bool(o, "allow-oob", false);
}

/* Several lines of the table may have one name. */
static bool is_first(const struct qmp_event *event)
{
    return event == vemu__qmp_events || strcmp(event->name, event[-1].name) != 0;
}

static int cmd_query_qmp_schema(QMP_PARAMS)
{
    struct schema s = {
        .out = json_object_new_array(),
        .types = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
    };

    add_command(&s, &vemu__qmp_capabilities);
    for (size_t i = 0; vemu__qmp_groups[i]; i++)
        for (const struct qmp_command *c = vemu__qmp_groups[i]->commands; c->name; c++)
            add_command(&s, c);
    for (const struct qmp_event *e = vemu__qmp_events; e->name; e++)
        if (is_first(e))
            qmp_add_string(entry(&s, e->name, "event"), "arg-type", type_of_text(&s, e->data));
    g_hash_table_unref(s.types);
    *result = s.out;
    return 0;
}

static void add_name(struct json_object *list, const char *name)
{
    struct json_object *o = json_object_new_object();

    qmp_add_string(o, "name", name);
    json_object_array_add(list, o);
}

static int cmd_query_commands(QMP_PARAMS)
{
    *result = json_object_new_array();
    add_name(*result, vemu__qmp_capabilities.name);
    for (size_t i = 0; vemu__qmp_groups[i]; i++)
        for (const struct qmp_command *c = vemu__qmp_groups[i]->commands; c->name; c++)
            add_name(*result, c->name);
    return 0;
}

static int cmd_query_events(QMP_PARAMS)
{
    *result = json_object_new_array();
    for (const struct qmp_event *e = vemu__qmp_events; e->name; e++)
        if (is_first(e))
            add_name(*result, e->name);
    return 0;
}

static const struct qmp_command commands[] = {
    { "query-commands", cmd_query_commands, NULL, "[{name:str}]" },
    { "query-events", cmd_query_events, NULL, "[{name:str}]" },
    /* The members besides these depend on meta-type. */
    { "query-qmp-schema", cmd_query_qmp_schema, NULL,
      "[{name:str,meta-type:<builtin|enum|array|object|command|event>,*}]" },
    { NULL },
};

const struct qmp_group vemu__qmp_schema = { .commands = commands };
