/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage pools in memory: documents that change as those of real ones would.
 */
#include <string.h>

#include "storage.h"

#define CAPACITY (100ull << 30) /* of any pool */

static const char default_pool[] = "<pool type='dir'>"
                                   "  <name>default-pool</name>"
                                   "  <uuid>dfe224cb-28fb-8dd0-c4b2-64eb3f0f4566</uuid>"
                                   "  <target>"
                                   "    <path>/default-pool</path>"
                                   "  </target>"
                                   "</pool>";

static void pool_free(void *data)
{
    struct test_pool *p = data;

    vmgr__pool_def_free(p->def);
    vmgr__pool_def_free(p->next);
    g_ptr_array_unref(p->volumes);
    g_free(p);
}

static struct test_pool *pool_add(struct test *t, struct vmgr__pool_def *def)
{
    struct test_pool *p = g_new0(struct test_pool, 1);

    p->def = def;
    def->capacity = def->available = CAPACITY;
    def->allocation = 0;
    p->volumes = g_ptr_array_new_with_free_func(vmgr__volume_def_free);
    g_ptr_array_add(t->pools, p);
    return p;
}

void vmgr__test_storage_init(struct test *t)
{
    struct test_pool *p;

    t->pools = g_ptr_array_new_with_free_func(pool_free);
    p = pool_add(t, vmgr__pool_def_parse(default_pool, NULL));
    p->persistent = p->active = true;
}

void vmgr__test_storage_fini(struct test *t)
{
    g_clear_pointer(&t->pools, g_ptr_array_unref);
}

/* ---- finding; the lock is held ---- */

struct test_pool *vmgr__test_pool_by_name(const struct test *t, const char *name)
{
    for (guint i = 0; i < t->pools->len; i++) {
        struct test_pool *p = t->pools->pdata[i];

        if (strcmp(p->def->name, name) == 0)
            return p;
    }
    return NULL;
}

static struct test_pool *find_uuid(const struct test *t, const uint8_t *uuid)
{
    for (guint i = 0; i < t->pools->len; i++) {
        struct test_pool *p = t->pools->pdata[i];

        if (memcmp(p->def->uuid, uuid, VMGR_UUID_SIZE) == 0)
            return p;
    }
    return NULL;
}

int vmgr__test_no_pool(const char *what, const char *value, struct vmgr_error **err)
{
    return storage_error(err, VMGR_ERR_NO_STORAGE_POOL, "no storage pool with matching %s '%s'",
                         what, value);
}

struct test_pool *vmgr__test_pool_enter(struct vmgr_pool *pool, struct test **ret_test,
                                        struct vmgr_error **err)
{
    struct test *t = *ret_test = vmgr_pool_get_conn(pool)->driver_data;
    uint8_t uuid[VMGR_UUID_SIZE];
    struct test_pool *p;

    vmgr_pool_get_uuid(pool, uuid);
    g_mutex_lock(&t->lock);
    p = find_uuid(t, uuid);
    if (p)
        return p;
    g_mutex_unlock(&t->lock);
    vmgr__test_no_pool("uuid", vmgr_pool_get_uuid_string(pool), err);
    return NULL;
}

int vmgr__test_pool_need_active(const struct test_pool *p, struct vmgr_error **err)
{
    if (p->active)
        return 0;
    return storage_error(err, VMGR_ERR_OPERATION_INVALID, "storage pool '%s' is not active",
                         p->def->name);
}

static int need_inactive(const struct test_pool *p, struct vmgr_error **err)
{
    if (!p->active)
        return 0;
    return storage_error(err, VMGR_ERR_OPERATION_INVALID, "storage pool '%s' is active",
                         p->def->name);
}

static void emit(struct vmgr_conn *conn, const struct test_pool *p, int type)
{
    vmgr__pool_emit(conn, p->def->name, p->def->uuid, VMGR_POOL_EVENT_LIFECYCLE, type);
}

static int lookup(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                  struct vmgr_pool **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    char text[VMGR_UUID_STRING_SIZE];
    const struct test_pool *p;

    g_mutex_lock(&t->lock);
    p = uuid ? find_uuid(t, uuid) : vmgr__test_pool_by_name(t, name);
    if (p)
        *ret = vmgr__pool_new(conn, p->def->name, p->def->uuid);
    g_mutex_unlock(&t->lock);
    if (p)
        return 0;
    if (uuid)
        vmgr__uuid_format(uuid, text);
    return vmgr__test_no_pool(uuid ? "uuid" : "name", uuid ? text : name, err);
}

static int lookup_by_target_path(struct vmgr_conn *conn, const char *path, struct vmgr_pool **ret,
                                 struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    bool found = false;

    g_mutex_lock(&t->lock);
    for (guint i = 0; i < t->pools->len && !found; i++) {
        const struct test_pool *p = t->pools->pdata[i];

        found = p->active && g_strcmp0(p->def->path, path) == 0;
        if (found)
            *ret = vmgr__pool_new(conn, p->def->name, p->def->uuid);
    }
    g_mutex_unlock(&t->lock);
    return found ? 0 : vmgr__test_no_pool("target path", path, err);
}

/* Bits of a group that say yes to a fact, and those that say no. */
static bool passes(uint32_t flags, uint32_t yes, uint32_t no, bool fact)
{
    return !(flags & (yes | no)) || flags & (fact ? yes : no);
}

static int list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                struct vmgr_error **err G_GNUC_UNUSED)
{
    struct test *t = conn->driver_data;

    g_mutex_lock(&t->lock);
    for (guint i = 0; i < t->pools->len; i++) {
        const struct test_pool *p = t->pools->pdata[i];

        if (passes(flags, VMGR_POOL_LIST_ACTIVE, VMGR_POOL_LIST_INACTIVE, p->active) &&
            passes(flags, VMGR_POOL_LIST_PERSISTENT, VMGR_POOL_LIST_TRANSIENT, p->persistent) &&
            passes(flags, VMGR_POOL_LIST_AUTOSTART, VMGR_POOL_LIST_NO_AUTOSTART, p->autostart) &&
            (!(flags & ~0x3fu) || flags & vmgr__pool_kinds[p->def->type].list_flag))
            g_ptr_array_add(ret, vmgr__pool_new(conn, p->def->name, p->def->uuid));
    }
    g_mutex_unlock(&t->lock);
    return 0;
}

/* ---- defining and life cycle ---- */

/* Whether a definition may stand beside the others; *ret is the one it replaces. */
static int check_new(const struct test *t, const struct vmgr__pool_def *def, struct test_pool **ret,
                     struct vmgr_error **err)
{
    struct test_pool *by_name = vmgr__test_pool_by_name(t, def->name),
                     *by_uuid = find_uuid(t, def->uuid);
    char uuid[VMGR_UUID_STRING_SIZE];

    *ret = by_uuid;
    if (by_uuid && strcmp(by_uuid->def->name, def->name) != 0) {
        vmgr__uuid_format(def->uuid, uuid);
        return storage_error(err, VMGR_ERR_OPERATION_FAILED,
                             "pool '%s' is already defined with uuid %s", by_uuid->def->name, uuid);
    }
    if (by_name && by_name != by_uuid) {
        vmgr__uuid_format(by_name->def->uuid, uuid);
        return storage_error(err, VMGR_ERR_OPERATION_FAILED,
                             "pool '%s' already exists with uuid %s", def->name, uuid);
    }
    for (guint i = 0; i < t->pools->len; i++) {
        const struct test_pool *p = t->pools->pdata[i];

        if (p != by_uuid && p->def->type == VMGR__POOL_DIR && def->type == VMGR__POOL_DIR &&
            strcmp(p->def->path, def->path) == 0)
            return storage_error(err, VMGR_ERR_OPERATION_FAILED,
                                 "Storage source conflict with pool: '%s'", p->def->name);
    }
    return 0;
}

static int define(struct vmgr_conn *conn, const char *xml, uint32_t flags, struct vmgr_pool **ret,
                  struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    struct vmgr__pool_def *def;
    struct test_pool *p;

    if (flags & VMGR_POOL_DEFINE_VALIDATE)
        return storage_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                             "validation against a schema is not available");
    def = vmgr__pool_def_parse(xml, err);
    if (!def)
        return -1;
    g_mutex_lock(&t->lock);
    if (check_new(t, def, &p, err) < 0) {
        vmgr__pool_def_free(def);
        return vmgr__test_leave(t, -1);
    }
    if (p && p->active) {
        vmgr__pool_def_free(p->next);
        p->next = def;
    } else {
        if (p)
            g_ptr_array_remove(t->pools, p);
        p = pool_add(t, def);
    }
    p->persistent = true;
    emit(conn, p, VMGR_POOL_EVENT_DEFINED);
    if (ret)
        *ret = vmgr__pool_new(conn, p->def->name, p->def->uuid);
    return vmgr__test_leave(t, 0);
}

static int create(struct vmgr_conn *conn, const char *xml, uint32_t flags, struct vmgr_pool **ret,
                  struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    struct vmgr__pool_def *def;
    struct test_pool *p;

    if (vmgr__check_flags(flags, 0, "testStoragePoolCreateXML", err) < 0)
        return -1;
    def = vmgr__pool_def_parse(xml, err);
    if (!def)
        return -1;
    g_mutex_lock(&t->lock);
    if (check_new(t, def, &p, err) < 0 || (p && need_inactive(p, err) < 0)) {
        vmgr__pool_def_free(def);
        return vmgr__test_leave(t, -1);
    }
    if (p)
        vmgr__pool_def_free(def); /* what is defined is what starts */
    else
        p = pool_add(t, def);
    p->active = true;
    emit(conn, p, VMGR_POOL_EVENT_STARTED);
    if (ret)
        *ret = vmgr__pool_new(conn, p->def->name, p->def->uuid);
    return vmgr__test_leave(t, 0);
}

static int start(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    struct test_pool *p;
    struct test *t;
    int r;

    if (vmgr__check_flags(flags, 0, "testStoragePoolCreate", err) < 0)
        return -1;
    p = vmgr__test_pool_enter(pool, &t, err);
    if (!p)
        return -1;
    r = need_inactive(p, err);
    if (r == 0) {
        p->active = true;
        emit(vmgr_pool_get_conn(pool), p, VMGR_POOL_EVENT_STARTED);
    }
    return vmgr__test_leave(t, r);
}

static int destroy(struct vmgr_pool *pool, struct vmgr_error **err)
{
    struct test *t;
    struct test_pool *p = vmgr__test_pool_enter(pool, &t, err);

    if (!p)
        return -1;
    if (vmgr__test_pool_need_active(p, err) < 0)
        return vmgr__test_leave(t, -1);
    p->active = false;
    emit(vmgr_pool_get_conn(pool), p, VMGR_POOL_EVENT_STOPPED);
    if (p->next) {
        vmgr__pool_def_free(p->def);
        p->def = g_steal_pointer(&p->next);
        p->def->capacity = p->def->available = CAPACITY;
    }
    if (!p->persistent)
        g_ptr_array_remove(t->pools, p);
    return vmgr__test_leave(t, 0);
}

static int undefine(struct vmgr_pool *pool, struct vmgr_error **err)
{
    struct test *t;
    struct test_pool *p = vmgr__test_pool_enter(pool, &t, err);

    if (!p)
        return -1;
    if (need_inactive(p, err) < 0)
        return vmgr__test_leave(t, -1);
    emit(vmgr_pool_get_conn(pool), p, VMGR_POOL_EVENT_UNDEFINED);
    g_ptr_array_remove(t->pools, p);
    return vmgr__test_leave(t, 0);
}

/* Builds or deletes, which here is an event only. */
static int pretend(struct vmgr_pool *pool, int type, struct vmgr_error **err)
{
    struct test *t;
    const struct test_pool *p = vmgr__test_pool_enter(pool, &t, err);
    int r;

    if (!p)
        return -1;
    r = need_inactive(p, err);
    if (r == 0)
        emit(vmgr_pool_get_conn(pool), p, type);
    return vmgr__test_leave(t, r);
}

static int build(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    if (vmgr__check_flags(flags, 0, "testStoragePoolBuild", err) < 0)
        return -1;
    return pretend(pool, VMGR_POOL_EVENT_CREATED, err);
}

static int delete_pool(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    if (vmgr__check_flags(flags, 0, "testStoragePoolDelete", err) < 0)
        return -1;
    return pretend(pool, VMGR_POOL_EVENT_DELETED, err);
}

static int refresh(struct vmgr_pool *pool, struct vmgr_error **err)
{
    struct test *t;
    const struct test_pool *p = vmgr__test_pool_enter(pool, &t, err);
    int r;

    if (!p)
        return -1;
    r = vmgr__test_pool_need_active(p, err);
    if (r == 0)
        vmgr__pool_emit(vmgr_pool_get_conn(pool), p->def->name, p->def->uuid,
                        VMGR_POOL_EVENT_REFRESH, 0);
    return vmgr__test_leave(t, r);
}

/* ---- looking ---- */

static int get_info(struct vmgr_pool *pool, struct vmgr_pool_info *ret, struct vmgr_error **err)
{
    struct test *t;
    const struct test_pool *p = vmgr__test_pool_enter(pool, &t, err);

    if (!p)
        return -1;
    ret->state = p->active ? VMGR_POOL_RUNNING : VMGR_POOL_INACTIVE;
    ret->capacity = p->def->capacity;
    ret->allocation = p->def->allocation;
    ret->available = p->def->available;
    return vmgr__test_leave(t, 0);
}

static int get_xml(struct vmgr_pool *pool, uint32_t flags, char **ret, struct vmgr_error **err)
{
    const struct test_pool *p;
    struct test *t;

    if (vmgr__check_flags(flags, 0, "testStoragePoolGetXMLDesc", err) < 0)
        return -1;
    p = vmgr__test_pool_enter(pool, &t, err);
    if (!p)
        return -1;
    *ret = vmgr__pool_def_format(p->def);
    return vmgr__test_leave(t, 0);
}

#define ASK(name, question)                                                                        \
    static int name(struct vmgr_pool *pool, struct vmgr_error **err)                               \
    {                                                                                              \
        struct test *t;                                                                            \
        const struct test_pool *p = vmgr__test_pool_enter(pool, &t, err);                          \
                                                                                                   \
        return p ? vmgr__test_leave(t, question) : -1;                                             \
    }

ASK(is_active, p->active)
ASK(is_persistent, p->persistent)
ASK(get_autostart, p->autostart)

static int set_autostart(struct vmgr_pool *pool, bool on, struct vmgr_error **err)
{
    struct test *t;
    struct test_pool *p = vmgr__test_pool_enter(pool, &t, err);

    if (!p)
        return -1;
    if (!p->persistent)
        return vmgr__test_leave(
            t, storage_error(err, VMGR_ERR_INVALID_ARG, "pool has no config file"));
    p->autostart = on;
    return vmgr__test_leave(t, 0);
}

static int find_sources(struct vmgr_conn *conn G_GNUC_UNUSED, const char *type, const char *source,
                        char **ret, struct vmgr_error **err)
{
    const int index = vmgr__pool_type_index(type);
    struct vmgr__pool_source spec = { .name = NULL };
    const struct vmgr__pool_host *host;
    int r = 0;

    if (index <= 0)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR, "unknown storage pool type %s", type);
    if (index != VMGR__POOL_LOGICAL && index != VMGR__POOL_NETFS)
        return storage_error(err, VMGR_ERR_NO_SUPPORT,
                             "pool type '%s' does not support source discovery", type);
    if (source && vmgr__pool_source_parse_doc(source, (enum vmgr__pool_type)index, &spec, err) < 0)
        r = -1;
    host = vmgr__pool_source_host(&spec);
    if (r == 0 && index == VMGR__POOL_LOGICAL) {
        *ret = g_strdup("<sources>\n"
                        "  <source>\n"
                        "    <device path='/dev/sda20'/>\n"
                        "    <name>testvg1</name>\n"
                        "    <format type='lvm2'/>\n"
                        "  </source>\n"
                        "  <source>\n"
                        "    <device path='/dev/sda21'/>\n"
                        "    <name>testvg2</name>\n"
                        "    <format type='lvm2'/>\n"
                        "  </source>\n"
                        "</sources>\n");
    } else if (r == 0 && !host) {
        r = storage_error(err, VMGR_ERR_INVALID_ARG,
                          "hostname must be specified for netfs sources");
    } else if (r == 0) {
        g_autofree char *name = g_markup_escape_text(host->name, -1);

        *ret = g_strdup_printf("<sources>\n"
                               "  <source>\n"
                               "    <host name='%s'/>\n"
                               "    <dir path='/testshare'/>\n"
                               "    <format type='nfs'/>\n"
                               "  </source>\n"
                               "</sources>\n",
                               name);
    }
    vmgr__pool_source_fini(&spec);
    return r;
}

const struct vmgr__storage_ops vmgr__storage_test = {
    .pool_lookup = lookup,
    .pool_lookup_by_target_path = lookup_by_target_path,
    .pool_list = list,
    .pool_define = define,
    .pool_create = create,
    .pool_start = start,
    .pool_destroy = destroy,
    .pool_undefine = undefine,
    .pool_build = build,
    .pool_delete = delete_pool,
    .pool_refresh = refresh,
    .pool_get_info = get_info,
    .pool_get_xml = get_xml,
    .pool_is_active = is_active,
    .pool_is_persistent = is_persistent,
    .pool_get_autostart = get_autostart,
    .pool_set_autostart = set_autostart,
    .pool_list_volumes = vmgr__test_volume_list,
    .find_sources = find_sources,
    .volume_lookup = vmgr__test_volume_lookup,
    .volume_lookup_by_key = vmgr__test_volume_lookup_by_key,
    .volume_lookup_by_path = vmgr__test_volume_lookup_by_path,
    .volume_create = vmgr__test_volume_create,
    .volume_delete = vmgr__test_volume_delete,
    .volume_get_info = vmgr__test_volume_get_info,
    .volume_get_xml = vmgr__test_volume_get_xml,
    .volume_get_path = vmgr__test_volume_get_path,
};
