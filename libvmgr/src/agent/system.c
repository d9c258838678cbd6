/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest as a system: its end, its clock, name, passwords and keys.
 */
#include "agent.h"

#include <string.h>

#define NS_PER_S 1000000000

int vmgr__agent_shutdown(struct vmgr__agent *a, const char *mode, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();

    json_object_object_add(args, "mode", json_object_new_string(mode));
    return vmgr__agent_call_last(a, "guest-shutdown", args, err);
}

int vmgr__agent_get_time(struct vmgr__agent *a, int64_t *ret_seconds, uint32_t *ret_nanoseconds,
                         struct vmgr_error **err)
{
    struct json_object *value;
    bool ok;

    if (vmgr__agent_call(a, "guest-get-time", NULL, &value, err) < 0)
        return -1;
    ok = json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0;
    if (ok) {
        *ret_seconds = json_object_get_int64(value) / NS_PER_S;
        *ret_nanoseconds = (uint32_t)(json_object_get_int64(value) % NS_PER_S);
    }
    json_object_put(value);
    return ok ? 0
              : agent_error(err, VMGR_ERR_INTERNAL_ERROR,
                            "malformed return value of agent command 'guest-get-time'");
}

int vmgr__agent_set_time(struct vmgr__agent *a, int64_t seconds, uint32_t nanoseconds,
                         bool from_clock, struct vmgr_error **err)
{
    struct json_object *args = NULL;

    /* The protocol counts nanoseconds in 63 bits. */
    if (!from_clock && (seconds < 0 || seconds > INT64_MAX / NS_PER_S - 1))
        return agent_error(err, VMGR_ERR_INVALID_ARG,
                           "Time '%" G_GINT64_FORMAT "' is too big for guest agent", seconds);
    if (!from_clock) {
        args = json_object_new_object();
        json_object_object_add(args, "time",
                               json_object_new_int64(seconds * NS_PER_S + nanoseconds));
    }
    return vmgr__agent_call(a, "guest-set-time", args, NULL, err);
}

int vmgr__agent_get_hostname(struct vmgr__agent *a, char **ret, struct vmgr_error **err)
{
    struct json_object *value;
    const char *name;

    if (vmgr__agent_call(a, "guest-get-host-name", NULL, &value, err) < 0)
        return -1;
    name = vmgr__agent_string(value, "host-name");
    if (name)
        *ret = g_strdup(name);
    json_object_put(value);
    return name ? 0 : vmgr__agent_lacks("guest-get-host-name", "host-name", err);
}

int vmgr__agent_set_password(struct vmgr__agent *a, const char *user, const char *password,
                             bool encrypted, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();
    g_autofree char *coded = g_base64_encode((const guchar *)password, strlen(password));

    json_object_object_add(args, "crypted", json_object_new_boolean(encrypted));
    json_object_object_add(args, "username", json_object_new_string(user));
    json_object_object_add(args, "password", json_object_new_string(coded));
    return vmgr__agent_call(a, "guest-set-user-password", args, NULL, err);
}

int vmgr__agent_get_keys(struct vmgr__agent *a, const char *user, GPtrArray *ret,
                         struct vmgr_error **err)
{
    static const char command[] = "guest-ssh-get-authorized-keys";
    struct json_object *args = json_object_new_object(), *value, *list;
    size_t count;

    json_object_object_add(args, "username", json_object_new_string(user));
    if (vmgr__agent_call(a, command, args, &value, err) < 0)
        return -1;
    list = vmgr__agent_member(value, "keys", json_type_array);
    count = list ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count && count <= AGENT_LIST_MAX; i++) {
        struct json_object *key = json_object_array_get_idx(list, i);

        /* The same rules as for members: an object of one makes use of them. */
        struct json_object *wrapped = json_object_new_object();
        const char *text;

        json_object_object_add(wrapped, "key", json_object_get(key));
        text = vmgr__agent_string(wrapped, "key");
        if (text)
            g_ptr_array_add(ret, g_strdup(text));
        json_object_put(wrapped);
    }
    json_object_put(value);
    if (!list || ret->len != count)
        return vmgr__agent_lacks(command, "keys", err);
    return 0;
}

int vmgr__agent_set_keys(struct vmgr__agent *a, const char *user, const char *const *keys,
                         uint32_t count, uint32_t flags, struct vmgr_error **err)
{
    const bool removes = flags & VMGR_DOMAIN_SSH_KEYS_REMOVE;
    struct json_object *args = json_object_new_object();

    json_object_object_add(args, "username", json_object_new_string(user));
    json_object_object_add(args, "keys", vmgr__agent_text_list(keys, count));
    if (!removes)
        json_object_object_add(args, "reset",
                               json_object_new_boolean(!(flags & VMGR_DOMAIN_SSH_KEYS_APPEND)));
    return vmgr__agent_call(
        a, removes ? "guest-ssh-remove-authorized-keys" : "guest-ssh-add-authorized-keys", args,
        NULL, err);
}
