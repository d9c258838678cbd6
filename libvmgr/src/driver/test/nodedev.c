/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Node devices of the test driver: a computer with Fibre Channel adapters.
 */
#include "../nodedev.h"

#include <string.h>

#include "../../conf/nodedev.h"
#include "test.h"

struct adapter {
    char *name, *parent, *host, *unique_id, *wwnn, *wwpn, *fabric_wwn; /* host NULL: the computer */
    bool vports;
};

static void adapter_free(void *data)
{
    struct adapter *a = data;

    g_free(a->name);
    g_free(a->parent);
    g_free(a->host);
    g_free(a->unique_id);
    g_free(a->wwnn);
    g_free(a->wwpn);
    g_free(a->fabric_wwn);
    g_free(a);
}

static struct adapter *adapter_copy(const struct adapter *a)
{
    struct adapter *copy = g_new(struct adapter, 1);

    *copy = (struct adapter){
        .name = g_strdup(a->name),
        .parent = g_strdup(a->parent),
        .host = g_strdup(a->host),
        .unique_id = g_strdup(a->unique_id),
        .wwnn = g_strdup(a->wwnn),
        .wwpn = g_strdup(a->wwpn),
        .fabric_wwn = g_strdup(a->fabric_wwn),
        .vports = a->vports,
    };
    return copy;
}

#define FABRIC_1 "2000000043214321"
#define FABRIC_2 "2000000087658765"

static const struct adapter beginning[] = {
    { .name = (char *)"computer" },
    { (char *)"scsi_host1", (char *)"computer", (char *)"1", (char *)"0",
      (char *)"2000000012341234", (char *)"1000000012341234", (char *)FABRIC_1, true },
    { (char *)"scsi_host11", (char *)"scsi_host1", (char *)"11", (char *)"10",
      (char *)"2000000034563456", (char *)"1000000034563456", (char *)FABRIC_1, false },
    { (char *)"scsi_host2", (char *)"computer", (char *)"2", (char *)"1",
      (char *)"2000000056785678", (char *)"1000000056785678", (char *)FABRIC_2, true },
};
/* Every virtual one that is made is this, with other names, in place of the one before. */
static const struct adapter virtual_one = { (char *)"scsi_host12", (char *)"scsi_host1",
                                            (char *)"11",          (char *)"10",
                                            NULL,                  NULL,
                                            (char *)FABRIC_1,      false };

GPtrArray *vmgr__test_nodedevs_new(void)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(adapter_free);

    for (size_t i = 0; i < G_N_ELEMENTS(beginning); i++)
        g_ptr_array_add(list, adapter_copy(&beginning[i]));
    return list;
}

/* The device of a name, or NULL. The lock is held. */
static struct adapter *find(const struct test *t, const char *name)
{
    for (guint i = 0; i < t->nodedevs->len; i++) {
        struct adapter *a = t->nodedevs->pdata[i];

        if (strcmp(a->name, name) == 0)
            return a;
    }
    return NULL;
}

static int not_found(const char *name, struct vmgr_error **err)
{
    return nodedev_error(err, VMGR_ERR_NO_NODE_DEVICE, "no node device with matching name '%s'",
                         name);
}

/* A copy of a handle's device, for adapter_free(); NULL and *err. */
static struct adapter *enter(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    struct test *t = vmgr_nodedev_get_conn(dev)->driver_data;
    struct adapter *a;

    g_mutex_lock(&t->lock);
    a = find(t, vmgr_nodedev_get_name(dev));
    a = a ? adapter_copy(a) : NULL;
    g_mutex_unlock(&t->lock);
    if (!a)
        not_found(vmgr_nodedev_get_name(dev), err);
    return a;
}

static int dev_lookup(struct vmgr_conn *conn, const char *name, struct vmgr_nodedev **ret,
                      struct vmgr_error **err)
{
    struct vmgr_nodedev *dev = vmgr__nodedev_new(conn, name);
    struct adapter *a = enter(dev, err);

    if (!a) {
        vmgr_nodedev_unref(dev);
        return -1;
    }
    adapter_free(a);
    *ret = dev;
    return 0;
}

static uint32_t caps_of(const struct adapter *a)
{
    return a->host ? VMGR_NODEDEV_LIST_SCSI_HOST | VMGR_NODEDEV_LIST_FC_HOST |
                         (a->vports ? VMGR_NODEDEV_LIST_VPORTS : 0)
                   : VMGR_NODEDEV_LIST_SYSTEM;
}

static int dev_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;

    (void)err;
    g_mutex_lock(&t->lock);
    for (guint i = 0; i < t->nodedevs->len; i++) {
        const struct adapter *a = t->nodedevs->pdata[i];

        if (vmgr__nodedev_matches(true, caps_of(a), flags))
            g_ptr_array_add(ret, vmgr__nodedev_new(conn, a->name));
    }
    g_mutex_unlock(&t->lock);
    return 0;
}

static void write_computer(struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "capability");
    vmgr__xw_attr(w, "type", "system");
    vmgr__xw_begin(w, "hardware");
    vmgr__xw_text(w, "vendor", "Libvirt");
    vmgr__xw_text(w, "version", "Test driver");
    vmgr__xw_text(w, "serial", "123456");
    vmgr__xw_text(w, "uuid", "11111111-2222-3333-4444-555555555555");
    vmgr__xw_end(w, "hardware");
    vmgr__xw_begin(w, "firmware");
    vmgr__xw_text(w, "vendor", "Libvirt");
    vmgr__xw_text(w, "version", "Test Driver");
    vmgr__xw_text(w, "release_date", "01/22/2007");
    vmgr__xw_end(w, "firmware");
    vmgr__xw_end(w, "capability");
}

static void write_adapter(struct vmgr__xml_writer *w, const struct adapter *a)
{
    vmgr__xw_text(w, "parent", a->parent);
    vmgr__xw_begin(w, "capability");
    vmgr__xw_attr(w, "type", "scsi_host");
    vmgr__xw_text(w, "host", a->host);
    vmgr__xw_text(w, "unique_id", a->unique_id);
    vmgr__xw_begin(w, "capability");
    vmgr__xw_attr(w, "type", "fc_host");
    vmgr__xw_text(w, "wwnn", a->wwnn);
    vmgr__xw_text(w, "wwpn", a->wwpn);
    vmgr__xw_text(w, "fabric_wwn", a->fabric_wwn);
    vmgr__xw_end(w, "capability");
    if (a->vports) {
        vmgr__xw_begin(w, "capability");
        vmgr__xw_attr(w, "type", "vport_ops");
        vmgr__xw_text(w, "max_vports", "0");
        vmgr__xw_text(w, "vports", "0");
        vmgr__xw_end(w, "capability");
    }
    vmgr__xw_end(w, "capability");
}

static int dev_get_xml(struct vmgr_nodedev *dev, char **ret, struct vmgr_error **err)
{
    struct adapter *a = enter(dev, err);
    struct vmgr__xml_writer w;

    if (!a)
        return -1;
    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "device");
    vmgr__xw_text(&w, "name", a->name);
    if (a->host)
        write_adapter(&w, a);
    else
        write_computer(&w);
    vmgr__xw_end(&w, "device");
    *ret = vmgr__xw_finish(&w);
    adapter_free(a);
    return 0;
}

static int dev_get_parent(struct vmgr_nodedev *dev, char **ret, struct vmgr_error **err)
{
    struct adapter *a = enter(dev, err);

    if (!a)
        return -1;
    *ret = g_strdup(a->parent);
    adapter_free(a);
    return 0;
}

static int dev_get_caps(struct vmgr_nodedev *dev, uint32_t *ret, struct vmgr_error **err)
{
    struct adapter *a = enter(dev, err);

    if (!a)
        return -1;
    *ret = caps_of(a);
    adapter_free(a);
    return 0;
}

/* ---- making ---- */

static bool is_parent(const struct adapter *a, const struct vmgr__nodedev_def *def)
{
    if (def->parent)
        return strcmp(a->name, def->parent) == 0;
    if (def->parent_wwnn)
        return g_strcmp0(a->wwnn, def->parent_wwnn) == 0 &&
               g_strcmp0(a->wwpn, def->parent_wwpn) == 0;
    if (def->parent_fabric)
        return a->vports && g_strcmp0(a->fabric_wwn, def->parent_fabric) == 0;
    return a->vports;
}

/* Whether there is a place for it. The lock is held. */
static int check_parent(const struct test *t, const struct vmgr__nodedev_def *def,
                        struct vmgr_error **err)
{
    for (guint i = 0; i < t->nodedevs->len; i++) {
        const struct adapter *a = t->nodedevs->pdata[i];

        if (is_parent(a, def))
            return a->vports ? 0
                             : nodedev_error(err, VMGR_ERR_INTERNAL_ERROR,
                                             "Parent device %s is not capable of vport operations",
                                             a->name);
    }
    if (!def->parent && !def->parent_wwnn && !def->parent_fabric)
        return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "Could not find any vport capable device");
    return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "Could not find parent device for '%s'",
                         def->name);
}

/* Only hypervisors that libvirt knows have world wide names of their own to give. */
static int check_names(const struct vmgr__nodedev_def *def, struct vmgr_error **err)
{
    if (def->kind != VMGR__NODEDEV_FC_HOST)
        return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "Device is not a fibre channel HBA");
    if (!def->wwnn || !def->wwpn)
        return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "no WW%cN supplied for '%s', and auto-generation failed",
                             def->wwnn ? 'P' : 'N', def->name);
    return 0;
}

static int dev_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_nodedev **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    struct vmgr__nodedev_def *def;
    struct adapter *made;
    int r;

    if (flags)
        return nodedev_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                             "validation against a schema is not available");
    def = vmgr__nodedev_def_parse(xml, err);
    if (!def)
        return -1;
    r = check_names(def, err);
    g_mutex_lock(&t->lock);
    if (r == 0)
        r = check_parent(t, def, err);
    if (r == 0) {
        g_ptr_array_remove(t->nodedevs, find(t, virtual_one.name));
        made = adapter_copy(&virtual_one);
        made->wwnn = g_strdup(def->wwnn);
        made->wwpn = g_strdup(def->wwpn);
        g_ptr_array_add(t->nodedevs, made);
    }
    g_mutex_unlock(&t->lock);
    vmgr__nodedev_def_free(def);
    if (r == 0)
        vmgr__nodedev_emit(conn, virtual_one.name, VMGR_NODEDEV_EVENT_LIFECYCLE,
                           VMGR_NODEDEV_EVENT_CREATED);
    if (r == 0 && ret)
        *ret = vmgr__nodedev_new(conn, virtual_one.name);
    return r;
}

static int dev_destroy(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_nodedev_get_conn(dev);
    struct test *t = conn->driver_data;
    bool found;

    g_mutex_lock(&t->lock);
    found = g_ptr_array_remove(t->nodedevs, find(t, vmgr_nodedev_get_name(dev)));
    g_mutex_unlock(&t->lock);
    if (!found)
        return not_found(vmgr_nodedev_get_name(dev), err);
    vmgr__nodedev_emit(conn, vmgr_nodedev_get_name(dev), VMGR_NODEDEV_EVENT_LIFECYCLE,
                       VMGR_NODEDEV_EVENT_DELETED);
    return 0;
}

const struct vmgr__nodedev_ops vmgr__test_nodedev = {
    .lookup = dev_lookup,
    .list = dev_list,
    .get_xml = dev_get_xml,
    .get_parent = dev_get_parent,
    .get_caps = dev_get_caps,
    .create = dev_create,
    .destroy = dev_destroy,
};
