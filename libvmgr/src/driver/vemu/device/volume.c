/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks that name a volume of a pool: a run gets the file or block device behind it.
 *
 * The definition of the run says where the data is (<disk type='file'>), the stored one keeps pool
 * and volume, which are looked up again at each start.
 */
#include <stdlib.h>
#include <string.h>

#include "../../storage.h"
#include "parts.h"

/* Where the data of a volume is, for free(). */
static char *find_path(struct vmgr_conn *conn, const char *pool_name, const char *name,
                       struct vmgr_error **err)
{
    const struct vmgr__storage_ops *ops = conn->driver->storage;
    struct vmgr_volume *volume = NULL;
    struct vmgr_pool *pool = NULL;
    char *path = NULL;
    int active;

    if (ops->pool_lookup(conn, NULL, pool_name, &pool, err) < 0)
        return NULL;
    active = ops->pool_is_active(pool, err);
    if (active == 0)
        vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                   "storage pool '%s' containing volume '%s' is not active", pool_name, name);
    if (active == 1 && ops->volume_lookup(pool, name, &volume, err) == 0 &&
        ops->volume_get_path(volume, &path, err) < 0)
        path = NULL;
    vmgr_volume_unref(volume);
    vmgr_pool_unref(pool);
    return path;
}

static int resolve(struct vmgr_conn *conn, struct vmgr__device *dev, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *root = xmlDocGetRootElement(doc), *source = vmgr__xml_child(root, "source");
    g_autofree char *pool = source ? vmgr__xml_attr(source, "pool") : NULL;
    g_autofree char *volume = source ? vmgr__xml_attr(source, "volume") : NULL;
    char *path = NULL;
    struct stat st;
    bool block;
    int r;

    if (source && vmgr__vemu_only(source, "", "pool volume index", err) < 0) {
        xmlFreeDoc(doc);
        return -1;
    }
    if (pool && volume)
        path = find_path(conn, pool, volume, err);
    else if (source)
        vemu_error(err, VMGR_ERR_XML_ERROR, "missing 'pool' or 'volume' of disk '%s'", dev->target);
    else
        path = strdup(""); /* a drive without a medium */
    if (path && source) {
        block = stat(path, &st) == 0 && S_ISBLK(st.st_mode);
        xmlSetProp(root, BAD_CAST "type", BAD_CAST(block ? "block" : "file"));
        xmlUnsetProp(source, BAD_CAST "pool");
        xmlUnsetProp(source, BAD_CAST "volume");
        xmlSetProp(source, BAD_CAST(block ? "dev" : "file"), BAD_CAST path);
        g_free(dev->source);
        dev->source = g_strdup(path);
    } else if (path) {
        xmlSetProp(root, BAD_CAST "type", BAD_CAST "file");
    }
    vmgr__device_set_doc(dev, doc);
    r = path ? 0 : -1;
    free(path);
    return r;
}

int vmgr__vemu_volume_resolve(struct vmgr_conn *conn, struct vmgr__device *dev,
                              struct vmgr_error **err)
{
    g_autofree char *type = NULL;

    if (strcmp(dev->name, "disk") != 0)
        return 0;
    type = vmgr__device_get(dev, NULL, "type");
    return g_strcmp0(type, "volume") == 0 ? resolve(conn, dev, err) : 0;
}

int vmgr__vemu_volumes_resolve(struct vmgr_conn *conn, const struct vmgr__domain_def *def,
                               struct vmgr_error **err)
{
    for (guint i = 0; i < def->devices->len; i++) {
        if (vmgr__vemu_volume_resolve(conn, def->devices->pdata[i], err) < 0)
            return -1;
    }
    return 0;
}
