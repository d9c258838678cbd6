/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Volumes of pools in memory.
 */
#include <string.h>

#include "storage.h"

static struct vmgr__volume_def *find_volume(const struct test_pool *p, const char *name)
{
    for (guint i = 0; i < p->volumes->len; i++) {
        struct vmgr__volume_def *def = p->volumes->pdata[i];

        if (strcmp(def->name, name) == 0)
            return def;
    }
    return NULL;
}

static int no_volume(const char *what, const char *value, struct vmgr_error **err)
{
    return storage_error(err, VMGR_ERR_NO_STORAGE_VOL, "no storage vol with matching %s '%s'", what,
                         value);
}

int vmgr__test_volume_list(struct vmgr_pool *pool, GPtrArray *ret, struct vmgr_error **err)
{
    struct test *t;
    const struct test_pool *p = vmgr__test_pool_enter(pool, &t, err);

    if (!p)
        return -1;
    if (!p->active)
        return vmgr__test_leave(
            t, storage_error(err, VMGR_ERR_OPERATION_INVALID, "storage pool is not active"));
    for (guint i = 0; i < p->volumes->len; i++) {
        const struct vmgr__volume_def *def = p->volumes->pdata[i];

        g_ptr_array_add(
            ret, vmgr__volume_new(vmgr_pool_get_conn(pool), p->def->name, def->name, def->key));
    }
    return vmgr__test_leave(t, 0);
}

int vmgr__test_volume_lookup(struct vmgr_pool *pool, const char *name, struct vmgr_volume **ret,
                             struct vmgr_error **err)
{
    struct test *t;
    const struct test_pool *p = vmgr__test_pool_enter(pool, &t, err);
    const struct vmgr__volume_def *def;

    if (!p)
        return -1;
    if (vmgr__test_pool_need_active(p, err) < 0)
        return vmgr__test_leave(t, -1);
    def = find_volume(p, name);
    if (!def)
        return vmgr__test_leave(t, no_volume("name", name, err));
    *ret = vmgr__volume_new(vmgr_pool_get_conn(pool), p->def->name, def->name, def->key);
    return vmgr__test_leave(t, 0);
}

/* Key and path are the same here. */
static int volume_lookup_anywhere(struct vmgr_conn *conn, const char *what, const char *value,
                                  struct vmgr_volume **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;

    *ret = NULL;
    g_mutex_lock(&t->lock);
    for (guint i = 0; i < t->pools->len && !*ret; i++) {
        const struct test_pool *p = t->pools->pdata[i];

        for (guint j = 0; p->active && j < p->volumes->len; j++) {
            const struct vmgr__volume_def *def = p->volumes->pdata[j];

            if (strcmp(def->key, value) == 0) {
                *ret = vmgr__volume_new(conn, p->def->name, def->name, def->key);
                break;
            }
        }
    }
    g_mutex_unlock(&t->lock);
    return *ret ? 0 : no_volume(what, value, err);
}

int vmgr__test_volume_lookup_by_key(struct vmgr_conn *conn, const char *key,
                                    struct vmgr_volume **ret, struct vmgr_error **err)
{
    return volume_lookup_anywhere(conn, "key", key, ret, err);
}

int vmgr__test_volume_lookup_by_path(struct vmgr_conn *conn, const char *path,
                                     struct vmgr_volume **ret, struct vmgr_error **err)
{
    return volume_lookup_anywhere(conn, "path", path, ret, err);
}

static int check_volume(const struct test_pool *p, const struct vmgr__volume_def *def,
                        struct vmgr_error **err)
{
    if (find_volume(p, def->name))
        return storage_error(err, VMGR_ERR_OPERATION_FAILED, "storage vol already exists");
    /* Although there are no files, the names of real ones cannot be these. */
    if (strchr(def->name, '/'))
        return storage_error(err, VMGR_ERR_OPERATION_INVALID, "volume name '%s' cannot contain '/'",
                             def->name);
    if (def->allocation > p->def->available)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "Not enough free space in pool for volume '%s'", def->name);
    return 0;
}

int vmgr__test_volume_create(struct vmgr_pool *pool, const char *xml, struct vmgr_volume *source,
                             uint32_t flags, struct vmgr_volume **ret, struct vmgr_error **err)
{
    struct test *t;
    struct test_pool *p, *from;
    struct vmgr__volume_def *def = NULL;

    if (vmgr__check_flags(
            flags, 0, source ? "testStorageVolCreateXMLFrom" : "testStorageVolCreateXML", err) < 0)
        return -1;
    p = vmgr__test_pool_enter(pool, &t, err);
    if (!p)
        return -1;
    if (vmgr__test_pool_need_active(p, err) == 0)
        def = vmgr__volume_def_parse(xml, p->def->type, 0, err);
    if (!def)
        return vmgr__test_leave(t, -1);
    if (source) {
        from = vmgr__test_pool_by_name(t, vmgr_volume_get_pool_name(source));
        if (!from || !find_volume(from, vmgr_volume_get_name(source))) {
            vmgr__volume_def_free(def);
            return vmgr__test_leave(t, no_volume("name", vmgr_volume_get_name(source), err));
        }
    }
    if (check_volume(p, def, err) < 0) {
        vmgr__volume_def_free(def);
        return vmgr__test_leave(t, -1);
    }
    g_free(def->target.path);
    g_free(def->key);
    def->target.path = g_strdup_printf("%s/%s", p->def->path ? p->def->path : "", def->name);
    def->key = g_strdup(def->target.path);
    p->def->allocation += def->allocation;
    p->def->available = p->def->capacity - p->def->allocation;
    g_ptr_array_add(p->volumes, def);
    if (ret)
        *ret = vmgr__volume_new(vmgr_pool_get_conn(pool), p->def->name, def->name, def->key);
    return vmgr__test_leave(t, 0);
}

/* Locks, and finds a handle's volume and pool; NULL and unlocked when either is gone. */
static struct vmgr__volume_def *enter_volume(struct vmgr_volume *volume, struct test **ret_test,
                                             struct test_pool **ret_pool, struct vmgr_error **err)
{
    const char *pool = vmgr_volume_get_pool_name(volume), *name = vmgr_volume_get_name(volume);
    struct test *t = *ret_test = vmgr_volume_get_conn(volume)->driver_data;
    struct vmgr__volume_def *def = NULL;
    struct test_pool *p;

    g_mutex_lock(&t->lock);
    p = *ret_pool = vmgr__test_pool_by_name(t, pool);
    if (!p)
        vmgr__test_no_pool("name", pool, err);
    else if (vmgr__test_pool_need_active(p, err) == 0 && !(def = find_volume(p, name)))
        no_volume("name", name, err);
    if (!def)
        g_mutex_unlock(&t->lock);
    return def;
}

int vmgr__test_volume_delete(struct vmgr_volume *volume, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__volume_def *def;
    struct test_pool *p;
    struct test *t;

    if (vmgr__check_flags(flags, 0, "testStorageVolDelete", err) < 0)
        return -1;
    def = enter_volume(volume, &t, &p, err);
    if (!def)
        return -1;
    p->def->allocation -= def->allocation;
    p->def->available = p->def->capacity - p->def->allocation;
    g_ptr_array_remove(p->volumes, def);
    return vmgr__test_leave(t, 0);
}

int vmgr__test_volume_get_info(struct vmgr_volume *volume, uint32_t flags G_GNUC_UNUSED,
                               struct vmgr_volume_info *ret, struct vmgr_error **err)
{
    struct test_pool *p;
    struct test *t;
    const struct vmgr__volume_def *def = enter_volume(volume, &t, &p, err);

    if (!def)
        return -1;
    ret->type = p->def->type == VMGR__POOL_DIR || p->def->type == VMGR__POOL_FS ||
                        p->def->type == VMGR__POOL_NETFS
                    ? VMGR_VOLUME_FILE
                    : VMGR_VOLUME_BLOCK;
    ret->capacity = def->capacity;
    ret->allocation = def->allocation;
    return vmgr__test_leave(t, 0);
}

int vmgr__test_volume_get_xml(struct vmgr_volume *volume, char **ret, struct vmgr_error **err)
{
    struct test_pool *p;
    struct test *t;
    const struct vmgr__volume_def *def = enter_volume(volume, &t, &p, err);

    if (!def)
        return -1;
    *ret = vmgr__volume_def_format(def, p->def->type);
    return vmgr__test_leave(t, 0);
}

int vmgr__test_volume_get_path(struct vmgr_volume *volume, char **ret, struct vmgr_error **err)
{
    struct test_pool *p;
    struct test *t;
    const struct vmgr__volume_def *def = enter_volume(volume, &t, &p, err);

    if (!def)
        return -1;
    *ret = g_strdup(def->target.path);
    return vmgr__test_leave(t, 0);
}
