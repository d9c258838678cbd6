/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Node devices of the test driver: a computer with Fibre Channel adapters.
 */
#include "../nodedev.h"

#include <string.h>

#include "../../conf/xml.h"

struct adapter {
    const char *name, *parent, *host, *unique_id, *wwnn, *wwpn, *fabric_wwn;
    bool vports;
};

static const struct adapter adapters[] = {
    { "scsi_host1", "computer", "1", "0", "2000000012341234", "1000000012341234",
      "2000000043214321", true },
    { "scsi_host11", "scsi_host1", "11", "10", "2000000034563456", "1000000034563456",
      "2000000043214321", false },
    { "scsi_host2", "computer", "2", "1", "2000000056785678", "1000000056785678",
      "2000000087658765", true },
};

static const char computer[] = "computer";

static const struct adapter *find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(adapters); i++) {
        if (strcmp(adapters[i].name, name) == 0)
            return &adapters[i];
    }
    return NULL;
}

static int dev_lookup(struct vmgr_conn *conn, const char *name, struct vmgr_nodedev **ret,
                      struct vmgr_error **err)
{
    if (strcmp(name, computer) != 0 && !find(name))
        return vmgr__error_set(err, VMGR_ERR_NO_NODE_DEVICE, VMGR_FROM_NODEDEV,
                               "no node device with matching name '%s'", name);
    *ret = vmgr__nodedev_new(conn, name);
    return 0;
}

static uint32_t caps_of(const struct adapter *a)
{
    return a ? VMGR_NODEDEV_LIST_SCSI_HOST | VMGR_NODEDEV_LIST_FC_HOST |
                   (a->vports ? VMGR_NODEDEV_LIST_VPORTS : 0)
             : VMGR_NODEDEV_LIST_SYSTEM;
}

static int dev_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err)
{
    (void)err;
    if (vmgr__nodedev_matches(caps_of(NULL), flags))
        g_ptr_array_add(ret, vmgr__nodedev_new(conn, computer));
    for (size_t i = 0; i < G_N_ELEMENTS(adapters); i++) {
        if (vmgr__nodedev_matches(caps_of(&adapters[i]), flags))
            g_ptr_array_add(ret, vmgr__nodedev_new(conn, adapters[i].name));
    }
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
    const struct adapter *a = find(vmgr_nodedev_get_name(dev));
    struct vmgr__xml_writer w;

    (void)err;
    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "device");
    vmgr__xw_text(&w, "name", vmgr_nodedev_get_name(dev));
    if (a)
        write_adapter(&w, a);
    else
        write_computer(&w);
    vmgr__xw_end(&w, "device");
    *ret = vmgr__xw_finish(&w);
    return 0;
}

static int dev_get_parent(struct vmgr_nodedev *dev, char **ret, struct vmgr_error **err)
{
    const struct adapter *a = find(vmgr_nodedev_get_name(dev));

    (void)err;
    *ret = a ? g_strdup(a->parent) : NULL;
    return 0;
}

static int dev_get_caps(struct vmgr_nodedev *dev, uint32_t *ret, struct vmgr_error **err)
{
    (void)err;
    *ret = caps_of(find(vmgr_nodedev_get_name(dev)));
    return 0;
}

const struct vmgr__nodedev_ops vmgr__test_nodedev = {
    .lookup = dev_lookup,
    .list = dev_list,
    .get_xml = dev_get_xml,
    .get_parent = dev_get_parent,
    .get_caps = dev_get_caps,
};
