/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of networks: finding, filtering, and what needs nothing but the definitions.
 */
#include <string.h>

#include "../conf/def.h"
#include "network.h"

#define invalid(err, ...)                                                                          \
    vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_NETWORK, __VA_ARGS__)

void vmgr__netobj_free(void *data)
{
    struct vmgr__netobj *obj = data;

    if (!obj)
        return;
    vmgr__network_def_free(obj->config);
    vmgr__network_def_free(obj->live);
    g_free(obj);
}

const struct vmgr__network_def *vmgr__netobj_current(const struct vmgr__netobj *obj)
{
    return obj->live ? obj->live : obj->config;
}

static bool passes(uint32_t flags, uint32_t yes, uint32_t no, bool value)
{
    uint32_t wanted = flags & (yes | no);

    return !wanted || (wanted & (value ? yes : no));
}

bool vmgr__netobj_matches(const struct vmgr__netobj *obj, uint32_t flags)
{
    return passes(flags, VMGR_NETWORK_LIST_ACTIVE, VMGR_NETWORK_LIST_INACTIVE, obj->live != NULL) &&
           passes(flags, VMGR_NETWORK_LIST_PERSISTENT, VMGR_NETWORK_LIST_TRANSIENT,
                  obj->config != NULL) &&
           passes(flags, VMGR_NETWORK_LIST_AUTOSTART, VMGR_NETWORK_LIST_NO_AUTOSTART,
                  obj->autostart);
}

struct vmgr_network *vmgr__netobj_handle(struct vmgr_conn *conn, const struct vmgr__netobj *obj)
{
    const struct vmgr__network_def *def = vmgr__netobj_current(obj);

    return vmgr__network_new(conn, def->name, def->uuid);
}

char *vmgr__netobj_get_xml(const struct vmgr__netobj *obj, uint32_t flags)
{
    bool inactive = flags & VMGR_NETWORK_XML_INACTIVE && obj->config;

    return vmgr__network_def_format(inactive ? obj->config : vmgr__netobj_current(obj));
}

int vmgr__netobj_get_bridge(const struct vmgr__netobj *obj, char **ret, struct vmgr_error **err)
{
    const struct vmgr__network_def *def = vmgr__netobj_current(obj);

    if (!def->bridge)
        return vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_NETWORK,
                               "network '%s' does not have a bridge name.", def->name);
    *ret = g_strdup(def->bridge);
    return 0;
}

struct vmgr__netobj *vmgr__netobj_find(const GPtrArray *list, const uint8_t *uuid, const char *name)
{
    for (guint i = 0; i < list->len; i++) {
        struct vmgr__netobj *obj = list->pdata[i];
        const struct vmgr__network_def *def = vmgr__netobj_current(obj);

        if (uuid ? memcmp(def->uuid, uuid, VMGR_UUID_SIZE) == 0 : g_strcmp0(def->name, name) == 0)
            return obj;
    }
    return NULL;
}

int vmgr__netobj_check(const GPtrArray *list, const struct vmgr__network_def *def, bool inactive,
                       struct vmgr__netobj **ret, struct vmgr_error **err)
{
    struct vmgr__netobj *obj = vmgr__netobj_find(list, def->uuid, NULL);
    char uuid[VMGR_UUID_STRING_SIZE];

    if (obj && strcmp(vmgr__netobj_current(obj)->name, def->name) != 0) {
        vmgr__uuid_format(def->uuid, uuid);
        return vmgr__error_set(err, VMGR_ERR_OPERATION_FAILED, VMGR_FROM_NETWORK,
                               "network '%s' is already defined with uuid %s",
                               vmgr__netobj_current(obj)->name, uuid);
    }
    if (obj && inactive && obj->live)
        return invalid(err, "network is already active as '%s'", obj->live->name);
    if (!obj) {
        struct vmgr__netobj *other = vmgr__netobj_find(list, NULL, def->name);

        if (other) {
            vmgr__uuid_format(vmgr__netobj_current(other)->uuid, uuid);
            return vmgr__error_set(err, VMGR_ERR_OPERATION_FAILED, VMGR_FROM_NETWORK,
                                   "network '%s' already exists with uuid %s", def->name, uuid);
        }
    }
    *ret = obj;
    return 0;
}

int vmgr__netobj_not_found(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                           struct vmgr_error **err)
{
    const int from = conn->driver->error_domain;
    char text[VMGR_UUID_STRING_SIZE];

    if (!uuid)
        return vmgr__error_set(err, VMGR_ERR_NO_NETWORK, from, "no network with matching name '%s'",
                               name);
    vmgr__uuid_format(uuid, text);
    if (!name)
        return vmgr__error_set(err, VMGR_ERR_NO_NETWORK, from, "no network with matching uuid '%s'",
                               text);
    return vmgr__error_set(err, VMGR_ERR_NO_NETWORK, from,
                           "no network with matching uuid '%s' (%s)", text, name);
}

/* A changed copy. What the parts then say together is checked by reading it back. */
static struct vmgr__network_def *changed(const struct vmgr__network_def *def, int command,
                                         int section, int parent_index, const char *xml,
                                         struct vmgr_error **err)
{
    struct vmgr__network_def *copy = vmgr__network_def_copy(def, err), *good = NULL;

    if (copy && vmgr__network_def_update(copy, command, section, parent_index, xml, err) == 0)
        good = vmgr__network_def_copy(copy, err);
    vmgr__network_def_free(copy);
    return good;
}

int vmgr__netobj_update(const struct vmgr__netobj *obj, int command, int section, int parent_index,
                        const char *xml, uint32_t flags, struct vmgr__network_def **ret_live,
                        struct vmgr__network_def **ret_config, struct vmgr_error **err)
{
    struct vmgr__network_def *live = NULL, *config = NULL;

    if (!(flags & (VMGR_NETWORK_UPDATE_AFFECT_LIVE | VMGR_NETWORK_UPDATE_AFFECT_CONFIG)))
        flags |= obj->live ? VMGR_NETWORK_UPDATE_AFFECT_LIVE : VMGR_NETWORK_UPDATE_AFFECT_CONFIG;
    if (flags & VMGR_NETWORK_UPDATE_AFFECT_LIVE && !obj->live)
        return invalid(err, "network is not running");
    if (flags & VMGR_NETWORK_UPDATE_AFFECT_CONFIG && !obj->config)
        return invalid(err, "cannot change persistent config of a transient network");
    if (flags & VMGR_NETWORK_UPDATE_AFFECT_LIVE)
        live = changed(obj->live, command, section, parent_index, xml, err);
    if (flags & VMGR_NETWORK_UPDATE_AFFECT_CONFIG)
        config = changed(obj->config, command, section, parent_index, xml, err);
    if ((flags & VMGR_NETWORK_UPDATE_AFFECT_LIVE && !live) ||
        (flags & VMGR_NETWORK_UPDATE_AFFECT_CONFIG && !config)) {
        vmgr__network_def_free(live);
        vmgr__network_def_free(config);
        return -1;
    }
    *ret_live = live;
    *ret_config = config;
    return 0;
}

void vmgr__netobj_get_messages(const struct vmgr__netobj *obj, GPtrArray *ret)
{
    const struct vmgr__network_def *def = obj->config ? obj->config : obj->live;

    for (guint i = 0; i < def->warnings->len; i++)
        g_ptr_array_add(ret, g_strdup(def->warnings->pdata[i]));
}
