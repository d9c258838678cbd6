/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions of network filters, and the vemu driver's operations on them.
 */
#include <errno.h>
#include <string.h>

#include "../driver/vemu/state/lock.h"
#include "nwfilter.h"

static char *path_of(const struct vemu *d, const char *name)
{
    return g_strdup_printf("%s/%s.xml", d->nwfilter_dir, name);
}

static int not_found(const char *name, struct vmgr_error **err)
{
    return nwfilter_error(err, VMGR_ERR_NO_NWFILTER, "no nwfilter with matching name '%s'", name);
}

struct vmgr__nwfilter_def *vmgr__nwfilter_load(const struct vemu *d, const char *name,
                                               struct vmgr_error **err)
{
    g_autofree char *path = path_of(d, name);
    g_autofree char *text = NULL;
    const char *standard;
    int r = strchr(name, '/') ? 0 : vmgr__file_read(path, &text, err);

    if (r < 0)
        return NULL;
    standard = r ? NULL : vmgr__nwfilter_standard(name);
    if (r || standard)
        return vmgr__nwfilter_def_parse(r ? text : standard, err);
    not_found(name, err);
    return NULL;
}

GPtrArray *vmgr__nwfilter_load_all(const struct vemu *d)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(vmgr__nwfilter_def_free);
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GDir) dir = g_dir_open(d->nwfilter_dir, 0, NULL);
    GHashTableIter iter;
    const char *file;
    void *name;

    for (size_t i = 0; (file = vmgr__nwfilter_standard_name(i)); i++)
        g_hash_table_add(names, g_strdup(file));
    while (dir && (file = g_dir_read_name(dir))) {
        if (g_str_has_suffix(file, ".xml"))
            g_hash_table_add(names, g_strndup(file, strlen(file) - 4));
    }
    g_hash_table_iter_init(&iter, names);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        struct vmgr__nwfilter_def *def = vmgr__nwfilter_load(d, name, NULL);

        if (def)
            g_ptr_array_add(list, def);
    }
    return list;
}

static const struct vmgr__nwfilter_def *find(const GPtrArray *list, const uint8_t *uuid,
                                             const char *name)
{
    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__nwfilter_def *def = list->pdata[i];

        if (uuid ? memcmp(def->uuid, uuid, VMGR_UUID_SIZE) == 0 : g_strcmp0(def->name, name) == 0)
            return def;
    }
    return NULL;
}

/* ---- looking ---- */

static int op_lookup(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                     struct vmgr_nwfilter **ret, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__nwfilter_load_all(conn->driver_data);
    const struct vmgr__nwfilter_def *def = find(list, uuid, name);
    char text[VMGR_UUID_STRING_SIZE];

    if (def) {
        *ret = vmgr__nwfilter_new(conn, def->name, def->uuid);
        return 0;
    }
    if (!uuid)
        return not_found(name, err);
    vmgr__uuid_format(uuid, text);
    return nwfilter_error(err, VMGR_ERR_NO_NWFILTER, "no nwfilter with matching uuid '%s'", text);
}

static int op_list(struct vmgr_conn *conn, GPtrArray *ret, struct vmgr_error **err G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) list = vmgr__nwfilter_load_all(conn->driver_data);

    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__nwfilter_def *def = list->pdata[i];

        g_ptr_array_add(ret, vmgr__nwfilter_new(conn, def->name, def->uuid));
    }
    return 0;
}

static int op_get_xml(struct vmgr_nwfilter *filter, char **ret, struct vmgr_error **err)
{
    const struct vemu *d = vmgr_nwfilter_get_conn(filter)->driver_data;
    struct vmgr__nwfilter_def *def = vmgr__nwfilter_load(d, vmgr_nwfilter_get_name(filter), err);

    if (!def)
        return -1;
    *ret = vmgr__nwfilter_def_format(def);
    vmgr__nwfilter_def_free(def);
    return 0;
}

/* ---- changing; the lock is held ---- */

/* Whether it may have its name and UUID, and uses no filter that uses it. */
static int check(const struct vemu *d, struct vmgr__nwfilter_def *def, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__nwfilter_load_all(d);
    const struct vmgr__nwfilter_def *same = find(list, NULL, def->name);
    const struct vmgr__nwfilter_def *other = def->has_uuid ? find(list, def->uuid, NULL) : NULL;
    char text[VMGR_UUID_STRING_SIZE];

    if (other && strcmp(other->name, def->name) != 0)
        return nwfilter_error(err, VMGR_ERR_OPERATION_FAILED,
                              "filter with same UUID but different name ('%s') already exists",
                              other->name);
    if (same && def->has_uuid && !other) {
        vmgr__uuid_format(same->uuid, text);
        return nwfilter_error(err, VMGR_ERR_OPERATION_FAILED,
                              "filter '%s' already exists with uuid %s", def->name, text);
    }
    if (same)
        memcpy(def->uuid, same->uuid, VMGR_UUID_SIZE);
    for (guint i = 0; i < def->entries->len; i++) {
        const struct vmgr__nwfilter_entry *e = def->entries->pdata[i];

        if (e->ref && (strcmp(e->ref->filter, def->name) == 0 ||
                       vmgr__nwfilter_uses(d, e->ref->filter, def->name)))
            return nwfilter_error(err, VMGR_ERR_OPERATION_FAILED, "filter would introduce a loop");
    }
    return 0;
}

/* Stores it. What runs follows, or all stays as it was. */
static int replace(struct vemu *d, const struct vmgr__nwfilter_def *def, struct vmgr_error **err)
{
    g_autofree char *path = path_of(d, def->name);
    g_autofree char *xml = vmgr__nwfilter_def_format(def);
    g_autofree char *before = NULL;

    if (g_mkdir_with_parents(d->nwfilter_dir, 0700) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_NWFILTER, "cannot create directory '%s'",
                                     d->nwfilter_dir);
    if (vmgr__file_read(path, &before, err) < 0 || vmgr__file_replace(path, xml, true, err) < 0)
        return -1;
    if (vmgr__nwfilter_rebuild(d, def->name, err) == 0)
        return 0;
    if (before)
        vmgr__file_replace(path, before, true, NULL);
    else
        vmgr__file_remove(path, true, NULL);
    vmgr__nwfilter_rebuild(d, def->name, NULL);
    return -1;
}

static int op_define(struct vmgr_conn *conn, const char *xml, struct vmgr_nwfilter **ret,
                     struct vmgr_error **err)
{
    struct vmgr__nwfilter_def *def = vmgr__nwfilter_def_parse(xml, err);
    struct vemu *d = conn->driver_data;
    int lock = def ? vmgr__nwfilter_lock(d, err) : -1;
    int r = -1;

    if (lock >= 0 && check(d, def, err) == 0)
        r = replace(d, def, err);
    vmgr__vemu_unlock(lock);
    if (r == 0 && ret)
        *ret = vmgr__nwfilter_new(conn, def->name, def->uuid);
    vmgr__nwfilter_def_free(def);
    return r;
}

static bool is_used(const struct vemu *d, const char *name)
{
    g_autoptr(GPtrArray) list = vmgr__nwfilter_load_all(d);

    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__nwfilter_def *def = list->pdata[i];

        if (vmgr__nwfilter_uses(d, def->name, name))
            return true;
    }
    return vmgr__nwfilter_is_bound(d, name);
}

static int undefine(struct vemu *d, const char *name, struct vmgr_error **err)
{
    g_autofree char *path = path_of(d, name);
    g_autofree char *text = NULL;
    const int r = vmgr__file_read(path, &text, err);

    if (r < 0)
        return -1;
    if (vmgr__nwfilter_standard(name)) { /* the standard one takes its place again */
        if (!r)
            return nwfilter_error(err, VMGR_ERR_OPERATION_INVALID,
                                  "nwfilter '%s' is a standard one, which is always there", name);
        if (vmgr__file_remove(path, true, err) < 0)
            return -1;
        if (vmgr__nwfilter_rebuild(d, name, err) == 0)
            return 0;
        vmgr__file_replace(path, text, true, NULL);
        return -1;
    }
    if (!r)
        return not_found(name, err);
    if (is_used(d, name))
        return nwfilter_error(err, VMGR_ERR_OPERATION_INVALID, "nwfilter is in use");
    return vmgr__file_remove(path, true, err);
}

static int op_undefine(struct vmgr_nwfilter *filter, struct vmgr_error **err)
{
    struct vemu *d = vmgr_nwfilter_get_conn(filter)->driver_data;
    int lock = vmgr__nwfilter_lock(d, err);
    int r = lock < 0 ? -1 : undefine(d, vmgr_nwfilter_get_name(filter), err);

    vmgr__vemu_unlock(lock);
    return r;
}

const struct vmgr__nwfilter_ops vmgr__vemu_nwfilter = {
    .lookup = op_lookup,
    .list = op_list,
    .define = op_define,
    .undefine = op_undefine,
    .get_xml = op_get_xml,
    .binding_lookup = vmgr__nwfilter_op_lookup,
    .binding_list = vmgr__nwfilter_op_list,
    .binding_create = vmgr__nwfilter_op_create,
    .binding_delete = vmgr__nwfilter_op_delete,
    .binding_get_xml = vmgr__nwfilter_op_get_xml,
};
