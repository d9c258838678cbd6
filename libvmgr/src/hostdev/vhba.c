/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtual host bus adapters: ports that a Fibre Channel adapter makes besides its own.
 *
 * The kernel takes "wwpn:wwnn" in the adapter's attributes vport_create and vport_delete
 * (Documentation/scsi/scsi_fc_transport.rst); the new one is a SCSI host of its own, some time
 * later.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../conf/nodedev.h"
#include "hostdev.h"

#define WAIT_MS   30000 /* for the new host */
#define WAIT_STEP 100

/* The first with what is said: world wide names (or NULL) and, if wanted, a place for vports. */
static struct nodedev *find_host(GPtrArray *list, const char *wwnn, const char *wwpn,
                                 const char *fabric, bool vports)
{
    for (guint i = 0; i < list->len; i++) {
        struct nodedev *dev = list->pdata[i];
        struct scsi_fc_names n;
        bool is;

        if (dev->kind != &vmgr__nodedev_scsi_host || !vmgr__scsi_fc_names(dev, &n))
            continue;
        is = (!wwnn || g_strcmp0(n.wwnn, wwnn) == 0) && (!wwpn || g_strcmp0(n.wwpn, wwpn) == 0) &&
             (!fabric || g_strcmp0(n.fabric, fabric) == 0) && (!vports || n.vports);
        vmgr__scsi_fc_names_clear(&n);
        if (is)
            return dev;
    }
    return NULL;
}

struct nodedev *vmgr__vhba_find(GPtrArray *list, const char *wwnn, const char *wwpn)
{
    return find_host(list, wwnn, wwpn, NULL, false);
}

/* Where a new one is to be; NULL and *err. */
static struct nodedev *find_parent(GPtrArray *list, const struct vmgr__nodedev_def *def,
                                   struct vmgr_error **err)
{
    struct nodedev *dev;

    if (def->parent)
        dev = vmgr__hostdev_find(list, def->parent);
    else if (def->parent_wwnn)
        dev = find_host(list, def->parent_wwnn, def->parent_wwpn, NULL, false);
    else if (def->parent_fabric)
        dev = find_host(list, NULL, NULL, def->parent_fabric, true);
    else
        dev = find_host(list, NULL, NULL, NULL, true);
    if (!dev && !def->parent && !def->parent_wwnn && !def->parent_fabric)
        nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "Could not find any vport capable device");
    else if (!dev)
        nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "Could not find parent device for '%s'",
                      def->name);
    return dev;
}

static int manage(const struct nodedev *parent, const char *attribute, const char *wwpn,
                  const char *wwnn, struct vmgr_error **err)
{
    g_autofree char *dir = g_build_filename(parent->dir ? parent->dir : "", "fc_host",
                                            parent->sysname ? parent->sysname : "", NULL);
    g_autofree char *path = g_build_filename(dir, attribute, NULL);
    g_autofree char *words = g_strconcat(wwpn, ":", wwnn, NULL);
    const ssize_t length = (ssize_t)strlen(words);
    int fd, r = 0;

    if (parent->kind != &vmgr__nodedev_scsi_host || access(path, F_OK) < 0)
        return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "Parent device %s is not capable of vport operations", parent->name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, words, (size_t)length) != length)
        r = vmgr__error_set_errno(err, errno, VMGR_FROM_NODEDEV,
                                  "Write of '%s' to '%s' during vport create/delete failed", words,
                                  path);
    if (fd >= 0)
        close(fd);
    return r;
}

/* IEEE registered names (NAA 5) of the vendor whose number libvirt uses for its own. */
static char *make_wwn(void)
{
    return g_strdup_printf("5001a4a%01x%08x", g_random_int() & 0xf, g_random_int());
}

int vmgr__vhba_create(const struct vmgr__hostdev *h, const struct vmgr__nodedev_def *def,
                      char **ret_name, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__hostdev_scan(h);
    g_autofree char *wwnn = def->wwnn ? g_ascii_strdown(def->wwnn, -1) : make_wwn();
    g_autofree char *wwpn = def->wwpn ? g_ascii_strdown(def->wwpn, -1) : make_wwn();
    const gint64 end = g_get_monotonic_time() + WAIT_MS * G_TIME_SPAN_MILLISECOND;
    const struct nodedev *parent, *made;

    if (vmgr__wwn_check(wwnn, err) < 0 || vmgr__wwn_check(wwpn, err) < 0)
        return -1;
    parent = find_parent(list, def, err);
    if (!parent || manage(parent, "vport_create", wwpn, wwnn, err) < 0)
        return -1;
    for (;;) {
        g_autoptr(GPtrArray) now = vmgr__hostdev_scan(h);

        made = vmgr__vhba_find(now, wwnn, wwpn);
        if (made) {
            *ret_name = g_strdup(made->name);
            return 0;
        }
        if (g_get_monotonic_time() > end)
            break;
        g_usleep(WAIT_STEP * 1000);
    }
    return nodedev_error(err, VMGR_ERR_NO_NODE_DEVICE,
                         "no node device for '%s' with matching wwnn '%s' and wwpn '%s'", def->name,
                         wwnn, wwpn);
}

int vmgr__vhba_destroy(GPtrArray *list, const struct nodedev *dev, struct vmgr_error **err)
{
    const struct nodedev *parent = dev->parent ? vmgr__hostdev_find(list, dev->parent) : NULL;
    struct scsi_fc_names n;
    int r;

    if (!vmgr__scsi_fc_names(dev, &n))
        return nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "Device is not a fibre channel HBA");
    if (!parent || !n.wwnn || !n.wwpn)
        r = nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "Could not find parent device for '%s'",
                          dev->name);
    else
        r = manage(parent, "vport_delete", n.wwpn, n.wwnn, err);
    vmgr__scsi_fc_names_clear(&n);
    return r;
}
