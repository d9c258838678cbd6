/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * query-command-line-options: what the options of the program vemu take.
 *
 * The library has no command line; what an option takes are properties of classes, which it knows,
 * and a few words that the program splits off.
 */
#include <errno.h>
#include <string.h>

#include <vemu/registry.h>

#include "monitor/qmp.h"

/* A parameter of an option that is no property: "name:type". */
struct option {
    const char *name;
    int kind; /* enum vemu_class_kind of the classes whose properties it takes; 0: none */
    const char *const *words;
};

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct option options[] = {
    { "accel", 0, WORDS("accel:string", "record:string", "replay:string", "strict:boolean") },
    { "action", 0, WORDS("reboot:string", "shutdown:string", "panic:string") },
    { "chardev", VEMU_CLASS_CHARDEV, WORDS("backend:string", "id:string") },
    { "device", VEMU_CLASS_DEVICE, WORDS("driver:string", "id:string") },
    { "drive", 0,
      WORDS("file:string", "if:string", "media:string", "index:number", "bus:number", "unit:number",
            "format:string", "readonly:boolean", "cache:string", "discard:string", "aio:string",
            "id:string") },
    { "fsdev", VEMU_CLASS_FSDEV, WORDS("fsdriver:string", "id:string") },
    { "machine", VEMU_CLASS_MACHINE, WORDS("type:string", "accel:string") },
    { "memory", 0, WORDS("size:size") },
    { "name", 0, WORDS("guest:string") },
    { "netdev", VEMU_CLASS_NET, WORDS("type:string", "id:string") },
    { "smp-opts", 0, WORDS("cpus:number") },
    { "trace", 0, WORDS("enable:string", "events:string", "file:string") },
};

static void add_parameter(struct json_object *list, GHashTable *seen, const char *name,
                          const char *type, const char *help)
{
    struct json_object *o;

    if (!g_hash_table_add(seen, g_strdup(name)))
        return;
    o = json_object_new_object();
    qmp_add_string(o, "name", name);
    qmp_add_string(o, "type", type);
    if (help)
        qmp_add_string(o, "help", help);
    json_object_array_add(list, o);
}

static const char *type_of(const char *property_type)
{
    if (!strcmp(property_type, "bool"))
        return "boolean";
    if (!strcmp(property_type, "size"))
        return "size";
    return g_str_has_prefix(property_type, "uint") ? "number" : "string";
}

static void add_classes(struct json_object *list, GHashTable *seen, int kind)
{
    struct vemu_class_info class_ = VEMU_CLASS_INFO_INIT;
    struct vemu_property_info prop = VEMU_PROPERTY_INFO_INIT;

    for (uint32_t i = 0; vemu_class_get(kind, i, &class_) == 0; i++)
        for (uint32_t n = 0; vemu_class_get_property(kind, class_.name, n, &prop) == 0; n++)
            if (!(class_.flags & VEMU_CLASS_INTERNAL))
                add_parameter(list, seen, prop.name, type_of(prop.type), prop.summary);
}

static struct json_object *describe(const struct option *option)
{
    struct json_object *o = json_object_new_object(), *list = json_object_new_array();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (const char *const *word = option->words; *word; word++) {
        g_auto(GStrv) parts = g_strsplit(*word, ":", 2);

        add_parameter(list, seen, parts[0], parts[1], NULL);
    }
    if (option->kind)
        add_classes(list, seen, option->kind);
    qmp_add_string(o, "option", option->name);
    json_object_object_add(o, "parameters", list);
    return o;
}

static int cmd_query_command_line_options(QMP_PARAMS)
{
    const char *name = qmp_get_string(args, "option");

    *result = json_object_new_array();
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
        if (!name || !strcmp(name, options[i].name))
            json_object_array_add(*result, describe(&options[i]));
    if (!name || json_object_array_length(*result))
        return 0;
    json_object_put(*result);
    *result = NULL;
    return vemu__error_set(err, EINVAL, "invalid option name: %s", name);
}

static const struct qmp_command commands[] = {
    { "query-command-line-options", cmd_query_command_line_options, "{option?:str}",
      "[{option:str,parameters:[{name:str,type:<string|boolean|number|size>,help?:str,"
      "default?:str}]}]" },
    { NULL },
};

const struct qmp_group vemu__qmp_options = { .commands = commands };
