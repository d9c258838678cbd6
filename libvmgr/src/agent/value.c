/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in an agent's answers, none of which is believed to be what it should.
 */
#include "agent.h"

#include <string.h>

struct json_object *vmgr__agent_member(struct json_object *o, const char *key, enum json_type type)
{
    struct json_object *value;

    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &value) ||
        !json_object_is_type(value, type))
        return NULL;
    return value;
}

const char *vmgr__agent_string(struct json_object *o, const char *key)
{
    struct json_object *value = vmgr__agent_member(o, key, json_type_string);
    const char *text = value ? json_object_get_string(value) : NULL;

    /* "\u0000" would cut it, and what is no UTF-8 no client can take. */
    if (!text || strlen(text) != (size_t)json_object_get_string_len(value) ||
        !g_utf8_validate(text, -1, NULL))
        return NULL;
    return text;
}

bool vmgr__agent_int(struct json_object *o, const char *key, int64_t *ret)
{
    struct json_object *value = vmgr__agent_member(o, key, json_type_int);

    if (value)
        *ret = json_object_get_int64(value);
    return value != NULL;
}

bool vmgr__agent_is_list(struct json_object *list, const char *command, struct vmgr_error **err)
{
    bool ok = json_object_is_type(list, json_type_array) &&
              json_object_array_length(list) <= AGENT_LIST_MAX;

    for (size_t i = 0; ok && i < json_object_array_length(list); i++)
        ok = json_object_is_type(json_object_array_get_idx(list, i), json_type_object);
    if (!ok)
        agent_error(err, VMGR_ERR_INTERNAL_ERROR,
                    "the agent's answer to '%s' is no list of objects, or too long", command);
    return ok;
}

int vmgr__agent_lacks(const char *command, const char *key, struct vmgr_error **err)
{
    return agent_error(err, VMGR_ERR_INTERNAL_ERROR, "'%s' missing in reply of %s", key, command);
}

struct json_object *vmgr__agent_text_list(const char *const *texts, uint32_t count)
{
    struct json_object *list = json_object_new_array();

    for (uint32_t i = 0; i < count; i++)
        json_object_array_add(list, json_object_new_string(texts[i]));
    return list;
}
