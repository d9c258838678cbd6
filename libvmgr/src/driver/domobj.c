/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of domains: finding, filtering, and the questions that need nothing but the definitions.
 */
#include "domobj.h"

#include <string.h>

#include "../conf/commandline.h"

struct vmgr__domobj *vmgr__domobj_new(void)
{
    struct vmgr__domobj *obj = g_new0(struct vmgr__domobj, 1);

    obj->state = VMGR_DOMAIN_SHUTOFF;
    return obj;
}

void vmgr__domobj_free(void *data)
{
    struct vmgr__domobj *obj = data;

    if (!obj)
        return;
    if (obj->priv_free)
        obj->priv_free(obj->priv);
    vmgr__domain_def_free(obj->config);
    vmgr__domain_def_free(obj->live);
    if (obj->checkpoints)
        g_ptr_array_unref(obj->checkpoints);
    g_free(obj->key);
    g_free(obj);
}

struct vmgr__domain_def *vmgr__domobj_current(const struct vmgr__domobj *obj)
{
    return obj->live ? obj->live : obj->config;
}

const char *vmgr__domobj_name(const struct vmgr__domobj *obj)
{
    return vmgr__domobj_current(obj)->name;
}

const uint8_t *vmgr__domobj_uuid(const struct vmgr__domobj *obj)
{
    return vmgr__domobj_current(obj)->uuid;
}

bool vmgr__domobj_is_active(const struct vmgr__domobj *obj)
{
    return obj->live != NULL;
}

/* ---- lists ---- */

guint vmgr__uuid_hash(gconstpointer key)
{
    guint h;

    memcpy(&h, key, sizeof(h));
    return h;
}

gboolean vmgr__uuid_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, VMGR_UUID_SIZE) == 0;
}

/* Keys are copies: definitions come and go while their object stays. */
void vmgr__domlist_init(struct vmgr__domlist *list)
{
    list->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, vmgr__domobj_free);
    list->by_uuid = g_hash_table_new(vmgr__uuid_hash, vmgr__uuid_equal);
}

void vmgr__domlist_fini(struct vmgr__domlist *list)
{
    g_clear_pointer(&list->by_uuid, g_hash_table_unref);
    g_clear_pointer(&list->by_name, g_hash_table_unref);
}

void vmgr__domlist_add(struct vmgr__domlist *list, struct vmgr__domobj *obj)
{
    const char *name = vmgr__domobj_name(obj);
    const size_t size = strlen(name) + 1;

    obj->key = g_malloc(sizeof(*obj->key) + size);
    memcpy(obj->key->uuid, vmgr__domobj_uuid(obj), VMGR_UUID_SIZE);
    memcpy(obj->key->name, name, size);
    g_hash_table_insert(list->by_uuid, obj->key->uuid, obj);
    g_hash_table_insert(list->by_name, obj->key->name, obj);
}

void vmgr__domlist_remove(struct vmgr__domlist *list, struct vmgr__domobj *obj)
{
    g_hash_table_remove(list->by_uuid, obj->key->uuid);
    g_hash_table_remove(list->by_name, obj->key->name);
}

struct vmgr__domobj *vmgr__domlist_by_name(const struct vmgr__domlist *list, const char *name)
{
    return g_hash_table_lookup(list->by_name, name);
}

struct vmgr__domobj *vmgr__domlist_by_uuid(const struct vmgr__domlist *list, const uint8_t *uuid)
{
    return g_hash_table_lookup(list->by_uuid, uuid);
}

struct vmgr__domobj *vmgr__domlist_by_id(const struct vmgr__domlist *list, int id)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, list->by_name);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct vmgr__domobj *obj = value;

        if (obj->live && obj->live->id == id)
            return obj;
    }
    return NULL;
}

struct vmgr__domobj *vmgr__domlist_of(const struct vmgr__domlist *list, struct vmgr_domain *dom,
                                      struct vmgr_error **err)
{
    uint8_t uuid[VMGR_UUID_SIZE];
    struct vmgr__domobj *obj;

    vmgr_domain_get_uuid(dom, uuid);
    obj = vmgr__domlist_by_uuid(list, uuid);
    if (!obj)
        vmgr__error_set(err, VMGR_ERR_NO_DOMAIN, vmgr_domain_get_conn(dom)->driver->error_domain,
                        "no domain with matching uuid '%s' (%s)", vmgr_domain_get_uuid_string(dom),
                        vmgr_domain_get_name(dom));
    return obj;
}

int vmgr__domlist_lookup(const struct vmgr__domlist *list, struct vmgr_conn *conn, int id,
                         const uint8_t *uuid, const char *name, struct vmgr_domain **ret,
                         struct vmgr_error **err)
{
    struct vmgr__domobj *obj = name   ? vmgr__domlist_by_name(list, name)
                               : uuid ? vmgr__domlist_by_uuid(list, uuid)
                                      : vmgr__domlist_by_id(list, id);
    char text[VMGR_UUID_STRING_SIZE];

    if (obj) {
        *ret = vmgr__domain_new(conn, vmgr__domobj_name(obj), vmgr__domobj_uuid(obj));
        return 0;
    }
    if (name)
        return vmgr__error_set(err, VMGR_ERR_NO_DOMAIN, conn->driver->error_domain,
                               "no domain with matching name '%s'", name);
    if (!uuid)
        return vmgr__error_set(err, VMGR_ERR_NO_DOMAIN, conn->driver->error_domain,
                               "no domain with matching id %d", id);
    vmgr__uuid_format(uuid, text);
    return vmgr__error_set(err, VMGR_ERR_NO_DOMAIN, conn->driver->error_domain,
                           "no domain with matching uuid '%s'", text);
}

/* One group of filters: `yes` and `no` are its bits. */
static bool passes(uint32_t flags, uint32_t yes, uint32_t no, bool value)
{
    uint32_t wanted = flags & (yes | no);

    return !wanted || (wanted & (value ? yes : no));
}

static bool matches(const struct vmgr__domobj *obj, uint32_t flags)
{
    const uint32_t states = VMGR_DOMAIN_LIST_RUNNING | VMGR_DOMAIN_LIST_PAUSED |
                            VMGR_DOMAIN_LIST_SHUTOFF | VMGR_DOMAIN_LIST_OTHER;
    uint32_t state = obj->state == VMGR_DOMAIN_RUNNING   ? VMGR_DOMAIN_LIST_RUNNING
                     : obj->state == VMGR_DOMAIN_PAUSED  ? VMGR_DOMAIN_LIST_PAUSED
                     : obj->state == VMGR_DOMAIN_SHUTOFF ? VMGR_DOMAIN_LIST_SHUTOFF
                                                         : VMGR_DOMAIN_LIST_OTHER;

    if ((flags & states) && !(flags & state))
        return false;
    return passes(flags, VMGR_DOMAIN_LIST_ACTIVE, VMGR_DOMAIN_LIST_INACTIVE, obj->live != NULL) &&
           passes(flags, VMGR_DOMAIN_LIST_PERSISTENT, VMGR_DOMAIN_LIST_TRANSIENT,
                  obj->config != NULL) &&
           passes(flags, VMGR_DOMAIN_LIST_AUTOSTART, VMGR_DOMAIN_LIST_NO_AUTOSTART,
                  obj->autostart) &&
           /* No driver here saves, snapshots or checkpoints yet. */
           passes(flags, VMGR_DOMAIN_LIST_MANAGED_SAVE, VMGR_DOMAIN_LIST_NO_MANAGED_SAVE, false) &&
           passes(flags, VMGR_DOMAIN_LIST_HAS_SNAPSHOT, VMGR_DOMAIN_LIST_NO_SNAPSHOT, false) &&
           passes(flags, VMGR_DOMAIN_LIST_HAS_CHECKPOINT, VMGR_DOMAIN_LIST_NO_CHECKPOINT, false);
}

void vmgr__domlist_select(const struct vmgr__domlist *list, struct vmgr_conn *conn, uint32_t flags,
                          GPtrArray *ret)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, list->by_name);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct vmgr__domobj *obj = value;

        if (matches(obj, flags))
            g_ptr_array_add(ret, vmgr__domain_new(conn, obj->key->name, obj->key->uuid));
    }
}

void vmgr__domlist_select_entries(const struct vmgr__domlist *list, struct vmgr_conn *conn,
                                  uint32_t flags, GArray *ret)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, list->by_name);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct vmgr__domobj *obj = value;
        struct vmgr_domain_entry e = { .id = obj->live ? obj->live->id : 0,
                                       .state = obj->state,
                                       .reason = obj->reason };

        if (!matches(obj, flags))
            continue;
        e.domain = vmgr__domain_new(conn, obj->key->name, obj->key->uuid);
        g_array_append_val(ret, e);
    }
}

int vmgr__domlist_check(const struct vmgr__domlist *list, const struct vmgr__domain_def *def,
                        bool inactive, struct vmgr__domobj **ret, struct vmgr_error **err)
{
    struct vmgr__domobj *obj = vmgr__domlist_by_uuid(list, def->uuid);
    char text[VMGR_UUID_STRING_SIZE];

    if (obj) {
        vmgr__uuid_format(def->uuid, text);
        if (strcmp(vmgr__domobj_name(obj), def->name) != 0)
            return vmgr__error_set(err, VMGR_ERR_OPERATION_FAILED, VMGR_FROM_DOMAIN,
                                   "domain '%s' is already defined with uuid %s",
                                   vmgr__domobj_name(obj), text);
        if (inactive && obj->live)
            return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                                   "domain '%s' is already active", vmgr__domobj_name(obj));
    } else {
        obj = vmgr__domlist_by_name(list, def->name);
        if (obj) {
            vmgr__uuid_format(vmgr__domobj_uuid(obj), text);
            return vmgr__error_set(err, VMGR_ERR_OPERATION_FAILED, VMGR_FROM_DOMAIN,
                                   "domain '%s' already exists with uuid %s", def->name, text);
        }
    }
    *ret = obj;
    return 0;
}

int vmgr__domlist_check_rename(const struct vmgr__domlist *list, const struct vmgr__domobj *obj,
                               const char *name, struct vmgr_error **err)
{
    if (vmgr__name_check(name, err) < 0)
        return -1;
    if (obj->live)
        return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                               "cannot rename active domain");
    if (strcmp(vmgr__domobj_name(obj), name) == 0)
        return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                               "Can't rename domain to itself");
    if (vmgr__domlist_by_name(list, name))
        return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                               "domain with name '%s' already exists", name);
    if (!obj->config)
        return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                               "cannot rename a transient domain");
    return 0;
}

/* ---- questions ---- */

int vmgr__domobj_need_active(const struct vmgr__domobj *obj, struct vmgr_error **err)
{
    if (obj->live)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                           "domain is not running");
}

struct vmgr__domain_def *vmgr__domobj_def(const struct vmgr__domobj *obj, uint32_t flags,
                                          struct vmgr_error **err)
{
    if ((flags & VMGR_DOMAIN_AFFECT_LIVE) && vmgr__domobj_need_active(obj, err) < 0)
        return NULL;
    if ((flags & VMGR_DOMAIN_AFFECT_CONFIG) && !obj->config) {
        vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                        "transient domains do not have any persistent config");
        return NULL;
    }
    return flags & VMGR_DOMAIN_AFFECT_CONFIG ? obj->config : vmgr__domobj_current(obj);
}

const struct vmgr__domain_def *vmgr__domobj_xml_def(const struct vmgr__domobj *obj, uint32_t flags,
                                                    uint32_t *ret_flags)
{
    const bool inactive = !obj->live || (flags & VMGR_DOMAIN_XML_INACTIVE);

    *ret_flags = (inactive ? VMGR__CONF_INACTIVE : 0) |
                 (flags & VMGR_DOMAIN_XML_SECURE ? 0 : VMGR__CONF_PUBLIC);
    return (flags & VMGR_DOMAIN_XML_INACTIVE) && obj->config ? obj->config
                                                             : vmgr__domobj_current(obj);
}

char *vmgr__domobj_get_xml(const struct vmgr__domobj *obj, uint32_t flags)
{
    uint32_t conf_flags;
    const struct vmgr__domain_def *def = vmgr__domobj_xml_def(obj, flags, &conf_flags);

    return vmgr__domain_def_format(def, conf_flags);
}

int vmgr__domobj_get_vcpus(const struct vmgr__domobj *obj, uint32_t flags, struct vmgr_error **err)
{
    const struct vmgr__domain_def *def = vmgr__domobj_def(obj, flags, err);

    if (!def)
        return -1;
    return (int)(flags & VMGR_DOMAIN_VCPU_MAXIMUM ? def->max_vcpus : def->vcpus);
}

void vmgr__domobj_get_info(const struct vmgr__domobj *obj, struct vmgr_domain_info *ret)
{
    const struct vmgr__domain_def *def = vmgr__domobj_current(obj);

    ret->state = obj->state;
    ret->max_memory_kib = def->memory_kib;
    ret->memory_kib = def->current_memory_kib;
    ret->vcpus = def->vcpus;
}

int vmgr__domobj_get_metadata(const struct vmgr__domobj *obj, int type, const char *uri,
                              uint32_t flags, char **ret, struct vmgr_error **err)
{
    const struct vmgr__domain_def *def;

    if ((flags & VMGR_DOMAIN_AFFECT_LIVE) && (flags & VMGR_DOMAIN_AFFECT_CONFIG))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN,
                               "cannot read the live and the persistent definition at once");
    def = vmgr__domobj_def(obj, flags, err);
    if (!def)
        return -1;
    switch (type) {
    case VMGR_DOMAIN_METADATA_TITLE: *ret = g_strdup(def->title); break;
    case VMGR_DOMAIN_METADATA_DESCRIPTION: *ret = g_strdup(def->description); break;
    default: *ret = vmgr__metadata_get(def, uri); break;
    }
    if (!*ret)
        return vmgr__error_set(err, VMGR_ERR_NO_DOMAIN_METADATA, VMGR_FROM_DOMAIN,
                               "Requested metadata element is not present");
    return 0;
}

int vmgr__def_set_metadata(struct vmgr__domain_def *def, int type, const char *text,
                           const char *key, const char *uri, struct vmgr_error **err)
{
    char **slot = type == VMGR_DOMAIN_METADATA_TITLE ? &def->title : &def->description;

    if (type == VMGR_DOMAIN_METADATA_ELEMENT)
        return vmgr__metadata_set(def, text, key, uri, err);
    g_free(*slot);
    *slot = text && *text ? g_strdup(text) : NULL;
    return 0;
}

void vmgr__domobj_get_messages(const struct vmgr__domobj *obj, uint32_t flags, GPtrArray *ret)
{
    const struct vmgr__domain_def *def = obj->config ? obj->config : obj->live;

    if ((!flags || flags & VMGR_DOMAIN_MESSAGE_TAINTING) && obj->live &&
        vmgr__commandline_present(obj->live))
        g_ptr_array_add(ret, g_strdup("tainted: custom configuration parameters specified"));
    if (flags && !(flags & VMGR_DOMAIN_MESSAGE_UNKNOWN))
        return;
    for (guint i = 0; i < def->warnings->len; i++)
        g_ptr_array_add(ret, g_strdup(def->warnings->pdata[i]));
}
