/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's vCPUs as it sees them: which there are, and which it uses.
 */
#include "agent.h"

#include <string.h>

#include "../conf/def.h"
#include "../driver/stats.h"

#define VCPUS_MAX 4096

/* By number. */
struct vcpus {
    uint8_t known[VCPUS_MAX], online[VCPUS_MAX], offlinable[VCPUS_MAX];
};

static int read_vcpus(struct vmgr__agent *a, struct vcpus *ret, struct vmgr_error **err)
{
    static const char command[] = "guest-get-vcpus";
    struct json_object *list;
    int r = 0;

    memset(ret, 0, sizeof(*ret));
    if (vmgr__agent_call(a, command, NULL, &list, err) < 0)
        return -1;
    if (!vmgr__agent_is_list(list, command, err))
        r = -1;
    for (size_t i = 0; r == 0 && i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        struct json_object *online = vmgr__agent_member(o, "online", json_type_boolean);
        struct json_object *can = vmgr__agent_member(o, "can-offline", json_type_boolean);
        int64_t id;

        if (!vmgr__agent_int(o, "logical-id", &id) || id < 0 || id >= VCPUS_MAX || !online) {
            r = vmgr__agent_lacks(command, online ? "logical-id" : "online", err);
            break;
        }
        ret->known[id] = 1;
        ret->online[id] = json_object_get_boolean(online) != 0;
        ret->offlinable[id] = can && json_object_get_boolean(can);
    }
    json_object_put(list);
    return r;
}

/* "0-3,5" */
static char *format(const uint8_t *set)
{
    GString *s = g_string_new(NULL);

    for (int i = 0; i < VCPUS_MAX; i++) {
        int last = i;

        if (!set[i])
            continue;
        while (last + 1 < VCPUS_MAX && set[last + 1])
            last++;
        g_string_append_printf(s, "%s%d", s->len ? "," : "", i);
        if (last > i)
            g_string_append_printf(s, "-%d", last);
        i = last;
    }
    return g_string_free(s, FALSE);
}

int vmgr__agent_get_vcpus(struct vmgr__agent *a, GArray *ret, struct vmgr_error **err)
{
    g_autofree struct vcpus *v = g_new(struct vcpus, 1);
    g_autofree char *known = NULL, *online = NULL, *offlinable = NULL;

    if (read_vcpus(a, v, err) < 0)
        return -1;
    known = format(v->known);
    online = format(v->online);
    offlinable = format(v->offlinable);
    vmgr__stat_add_text(ret, known, "vcpus");
    vmgr__stat_add_text(ret, online, "online");
    vmgr__stat_add_text(ret, offlinable, "offlinable");
    return 0;
}

/* Adds a vCPU to the list of those that are to change. */
static void add_change(struct json_object *list, int id, bool on)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "logical-id", json_object_new_int(id));
    json_object_object_add(o, "online", json_object_new_boolean(on));
    json_object_array_add(list, o);
}

/* Takes the list over. */
static int change(struct vmgr__agent *a, struct json_object *list, struct vmgr_error **err)
{
    const size_t count = json_object_array_length(list);
    struct json_object *args = json_object_new_object(), *value;
    int64_t done = -1;

    json_object_object_add(args, "vcpus", list);
    if (vmgr__agent_call(a, "guest-set-vcpus", args, &value, err) < 0)
        return -1;
    if (json_object_is_type(value, json_type_int))
        done = json_object_get_int64(value);
    json_object_put(value);
    /* The agent goes through the list until one fails. */
    if (done != (int64_t)count)
        return agent_error(err, VMGR_ERR_INTERNAL_ERROR,
                           "failed to set state of cpu by guest agent");
    return 0;
}

int vmgr__agent_set_vcpus(struct vmgr__agent *a, const char *cpus, bool on, struct vmgr_error **err)
{
    g_autofree uint8_t *wanted = g_new0(uint8_t, VCPUS_MAX);
    g_autofree struct vcpus *v = g_new(struct vcpus, 1);
    struct json_object *list;

    if (!vmgr__cpuset_parse(cpus, wanted, VCPUS_MAX))
        return agent_error(err, VMGR_ERR_INVALID_ARG, "'%s' is no list of vCPUs", cpus);
    if (read_vcpus(a, v, err) < 0)
        return -1;
    list = json_object_new_array();
    for (int i = 0; i < VCPUS_MAX; i++) {
        if (wanted[i] && (!v->known[i] || (!on && v->online[i] && !v->offlinable[i]))) {
            json_object_put(list);
            return v->known[i]
                       ? agent_error(err, VMGR_ERR_INVALID_ARG, "vCPU '%d' is not offlinable", i)
                       : agent_error(err, VMGR_ERR_INVALID_ARG, "guest is missing vCPU '%d'", i);
        }
        if (wanted[i])
            add_change(list, i, on);
    }
    return change(a, list, err);
}

int vmgr__agent_count_vcpus(struct vmgr__agent *a, bool maximum, struct vmgr_error **err)
{
    g_autofree struct vcpus *v = g_new(struct vcpus, 1);
    int count = 0;

    if (read_vcpus(a, v, err) < 0)
        return -1;
    for (int i = 0; i < VCPUS_MAX; i++)
        count += maximum ? v->known[i] : v->online[i];
    return count;
}

int vmgr__agent_resize_vcpus(struct vmgr__agent *a, uint32_t count, struct vmgr_error **err)
{
    g_autofree struct vcpus *v = g_new(struct vcpus, 1);
    struct json_object *list;
    uint32_t online = 0;

    if (read_vcpus(a, v, err) < 0)
        return -1;
    for (int i = 0; i < VCPUS_MAX; i++)
        online += v->online[i];
    list = json_object_new_array();
    for (int i = 0; i < VCPUS_MAX && online < count; i++) {
        if (v->known[i] && !v->online[i]) {
            add_change(list, i, true);
            online++;
        }
    }
    for (int i = VCPUS_MAX; i-- > 0 && online > count;) {
        if (v->online[i] && v->offlinable[i]) {
            add_change(list, i, false);
            online--;
        }
    }
    if (online == count)
        return change(a, list, err);
    json_object_put(list);
    return agent_error(err, VMGR_ERR_INVALID_ARG,
                       online < count ? "requested vcpu count is greater than the count of enabled "
                                        "vcpus in the domain"
                                      : "not enough vCPUs of the guest can go offline");
}
