/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shapes: their texts, values that have them and values that do not; what the tables declare.
 */
#include "../devices/suite.h"
#include "client.h"

#include <errno.h>
#include <string.h>

/* What is wrong with the value, NULL: nothing. The text lives until the next call. */
static const char *fault(const char *text, const char *json)
{
    struct qmp_shape *shape = vemu__qmp_shape_parse(text);
    struct json_object *value = json_tokener_parse(json);
    struct vemu_error *err = NULL;
    int r = vemu__qmp_shape_check(shape, value, "", &err);
    static char message[200];

    g_strlcpy(message, r < 0 ? vemu_error_message(err) : "", sizeof(message));

    ck_assert(r == 0 || r == -EINVAL);
    vemu_error_free(err);
    vemu__qmp_shape_free(shape);
    json_object_put(value);
    return r < 0 ? message : NULL;
}

START_TEST(test_values)
{
    const char *shape = "{s:str,n?:int,list?:[{x:int}],e?:<one|two>,any?:any,d?:number}";

    ck_assert_ptr_null(fault(NULL, "{}"));
    ck_assert_str_eq(fault(NULL, "{\"a\":1}"), "Parameter 'a' is unexpected");
    ck_assert_ptr_null(fault(shape, "{\"s\":\"\"}"));
    ck_assert_ptr_null(
        fault(shape, "{\"s\":\"\",\"n\":-1,\"list\":[],\"e\":\"two\",\"any\":null}"));
    ck_assert_ptr_null(fault(shape, "{\"s\":\"\",\"list\":[{\"x\":1},{\"x\":2}],\"d\":1.5}"));
    ck_assert_ptr_null(fault(shape, "{\"s\":\"\",\"d\":1}"));
    ck_assert_str_eq(fault(shape, "{}"), "Parameter 's' is missing");
    ck_assert_str_eq(fault(shape, "{\"s\":1}"), "Invalid parameter type for 's', expected: string");
    ck_assert_str_eq(fault(shape, "{\"s\":null}"),
                     "Invalid parameter type for 's', expected: string");
    ck_assert_str_eq(fault(shape, "{\"s\":\"\",\"n\":1.5}"),
                     "Invalid parameter type for 'n', expected: integer");
    ck_assert_str_eq(fault(shape, "{\"s\":\"\",\"e\":\"three\"}"),
                     "Parameter 'e' does not accept value 'three'");
    ck_assert_str_eq(fault(shape, "{\"s\":\"\",\"list\":[{\"x\":1},{}]}"),
                     "Parameter 'list[1].x' is missing");
    ck_assert_str_eq(fault(shape, "{\"s\":\"\",\"list\":{}}"),
                     "Invalid parameter type for 'list', expected: array");
    ck_assert_ptr_null(fault("{a:int,*}", "{\"a\":1,\"b\":[]}"));
    ck_assert_str_eq(fault("{a:int,*}", "{\"b\":[]}"), "Parameter 'a' is missing");
    ck_assert_str_eq(fault("{a:{b:bool}}", "{\"a\":{\"b\":0}}"),
                     "Invalid parameter type for 'a.b', expected: boolean");
}
END_TEST

/* All texts of all tables parse, names resolve, and groups are sorted. */
START_TEST(test_tables)
{
    unsigned commands = 0;

    for (size_t i = 0; vemu__qmp_groups[i]; i++) {
        const struct qmp_group *group = vemu__qmp_groups[i];

        for (const struct qmp_command *c = group->commands; c->name; c++, commands++) {
            ck_assert_ptr_eq(vemu__qmp_command_find(c->name), c);
            ck_assert_ptr_nonnull(c->run);
            if (c[1].name)
                ck_assert_str_lt(c->name, c[1].name);
            vemu__qmp_shape_free(vemu__qmp_shape_parse(c->arguments));
            vemu__qmp_shape_free(vemu__qmp_shape_parse(c->result));
        }
    }
    ck_assert_uint_gt(commands, 40);
    for (const struct qmp_event *e = vemu__qmp_events; e->name; e++) {
        ck_assert_int_eq(!e->data, !e->make);
        vemu__qmp_shape_free(vemu__qmp_shape_parse(e->data));
    }
}
END_TEST

/* Every type that the schema refers to is in it, once; commands and events are. */
START_TEST(test_schema)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    static const char *const references[] = { "arg-type", "ret-type", "element-type" };
    struct client c;
    struct json_object *schema;
    size_t count;

    client_init(&c);
    schema = client_ok(&c, "query-qmp-schema", NULL);
    count = json_object_array_length(schema);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(
            g_hash_table_add(names,
                             (char *)qmp_get_string(json_object_array_get_idx(schema, i), "name")),
            "%s is there twice", qmp_get_string(json_object_array_get_idx(schema, i), "name"));
    for (size_t i = 0; i < count; i++) {
        struct json_object *o = json_object_array_get_idx(schema, i), *list;

        for (size_t j = 0; j < G_N_ELEMENTS(references); j++)
            if (qmp_get(o, references[j]))
                ck_assert(g_hash_table_contains(names, qmp_get_string(o, references[j])));
        list = qmp_get(o, "members");
        if (strcmp(qmp_get_string(o, "meta-type"), "object") != 0)
            continue;
        for (size_t j = 0; j < json_object_array_length(list); j++)
            ck_assert(g_hash_table_contains(
                names, qmp_get_string(json_object_array_get_idx(list, j), "type")));
    }
    ck_assert(g_hash_table_contains(names, "qmp_capabilities"));
    ck_assert(g_hash_table_contains(names, "query-qmp-schema"));
    ck_assert(g_hash_table_contains(names, "DEVICE_DELETED"));
    ck_assert(g_hash_table_contains(names, "STOP"));
    client_fini(&c);
}
END_TEST

SUITE_MAIN("shapes of QMP", test_values, test_tables, test_schema)
