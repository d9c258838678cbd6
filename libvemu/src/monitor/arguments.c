/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checking a command's arguments against its table line.
 */
#include <errno.h>
#include <string.h>

#include "monitor/qmp.h"

static const struct {
    enum json_type json;
    const char *name;
} types[] = {
    [QMP_STRING] = { json_type_string, "string" },
    [QMP_INT] = { json_type_int, "integer" },
    [QMP_BOOL] = { json_type_boolean, "boolean" },
    [QMP_OBJECT] = { json_type_object, "object" },
    [QMP_LIST] = { json_type_array, "array" },
};

static const struct qmp_argument *argument_find(const struct qmp_command *command, const char *name)
{
    for (const struct qmp_argument *a = command->arguments; a->name; a++)
        if (!strcmp(a->name, name))
            return a;
    return NULL;
}

int vemu__qmp_check_arguments(const struct qmp_command *command, struct json_object *arguments,
                              struct vemu_error **err)
{
    if (arguments) {
        json_object_object_foreach(arguments, key, value)
        {
            const struct qmp_argument *a = argument_find(command, key);

            if (!a && command->open)
                continue;
            if (!a)
                return vemu__error_set(err, EINVAL, "Parameter '%s' is unexpected", key);
            if (json_object_get_type(value) != types[a->type].json)
                return vemu__error_set(err, EINVAL,
                                       "Invalid parameter type for '%s', expected: %s", key,
                                       types[a->type].name);
        }
    }
    for (const struct qmp_argument *a = command->arguments; a->name; a++)
        if (!a->optional && !json_object_object_get_ex(arguments, a->name, NULL))
            return vemu__error_set(err, EINVAL, "Parameter '%s' is missing", a->name);
    return 0;
}
