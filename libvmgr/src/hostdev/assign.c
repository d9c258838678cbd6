/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking PCI functions from the host's drivers, for guests, and giving them back.
 *
 * A function that is taken has "vfio-pci" in driver_override, is unbound from its driver and probed
 * again (the kernel's Documentation/ABI/testing/sysfs-bus-pci); given back, the override is empty.
 * Both are idempotent, and a step that fails undoes what was done.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../driver/vemu/vemu.h"
#include "hostdev.h"

#define VFIO_DRIVER "vfio-pci"

#define refuse(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_NODEDEV, __VA_ARGS__)

static struct vmgr__hostdev *host_of(struct vmgr_nodedev *dev)
{
    return ((struct vemu *)vmgr_nodedev_get_conn(dev)->driver_data)->hostdev;
}

static int write_file(const char *path, const char *text, struct vmgr_error **err)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
    const int saved = errno;

    if (fd >= 0)
        close(fd);
    return n < 0 ? vmgr__error_set_errno(err, saved, VMGR_FROM_NODEDEV,
                                         "Failed to write '%s' to '%s'", text, path)
                 : 0;
}

static int write_attribute(const struct nodedev *dev, const char *attribute, const char *text,
                           struct vmgr_error **err)
{
    g_autofree char *path = g_build_filename(dev->dir, attribute, NULL);

    return write_file(path, text, err);
}

/* The PCI function of a handle; NULL and *err. */
static const struct nodedev *pci_of(struct vmgr_nodedev *handle, GPtrArray **ret_list,
                                    struct vmgr_error **err)
{
    const struct nodedev *dev = vmgr__hostdev_enter(handle, ret_list, err);

    if (dev && dev->kind != &vmgr__nodedev_pci) {
        refuse(err, VMGR_ERR_INVALID_ARG, "device %s is not a PCI device", dev->name);
        return NULL;
    }
    return dev;
}

/* Gives the function to the driver that driver_override, or else its own tables, names. */
static int rebind(const struct vmgr__hostdev *h, const struct nodedev *dev, const char *override,
                  struct vmgr_error **err)
{
    g_autofree char *driver = vmgr__sysfs_link(dev->dir, "driver");
    g_autofree char *probe = g_strconcat(h->root, "/sys/bus/pci/drivers_probe", NULL);

    if (write_attribute(dev, "driver_override", override, err) < 0)
        return -1;
    if (driver && write_attribute(dev, "driver/unbind", dev->sysname, err) < 0) {
        write_attribute(dev, "driver_override", "\n", NULL);
        return -1;
    }
    return write_file(probe, dev->sysname, err);
}

/* Whether the host has an IOMMU and VFIO is loaded. */
static bool can_vfio(const struct vmgr__hostdev *h)
{
    g_autofree char *groups = g_strconcat(h->root, "/sys/kernel/iommu_groups", NULL);
    g_autofree char *driver = g_strconcat(h->root, "/sys/bus/pci/drivers/" VFIO_DRIVER, NULL);
    g_autoptr(GDir) dir = g_dir_open(groups, 0, NULL);

    return dir && g_dir_read_name(dir) && g_file_test(driver, G_FILE_TEST_IS_DIR);
}

int vmgr__hostdev_detach(struct vmgr_nodedev *handle, const char *driver, struct vmgr_error **err)
{
    const struct vmgr__hostdev *h = host_of(handle);
    g_autoptr(GPtrArray) list = NULL;
    g_autofree char *bound = NULL, *now = NULL;
    const struct nodedev *dev;

    if (driver && strcmp(driver, "vfio") != 0)
        return refuse(err, VMGR_ERR_INVALID_ARG, "unknown driver name '%s'", driver);
    if (!can_vfio(h))
        return refuse(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                      "VFIO device assignment is currently not supported on this system");
    dev = pci_of(handle, &list, err);
    if (!dev)
        return -1;
    bound = vmgr__sysfs_link(dev->dir, "driver");
    if (g_strcmp0(bound, VFIO_DRIVER) == 0)
        return 0;
    if (rebind(h, dev, VFIO_DRIVER, err) < 0)
        return -1;
    now = vmgr__sysfs_link(dev->dir, "driver");
    if (g_strcmp0(now, VFIO_DRIVER) == 0)
        return 0;
    rebind(h, dev, "\n", NULL); /* its own driver shall not miss it */
    return refuse(err, VMGR_ERR_INTERNAL_ERROR, "Failed to bind PCI device '%s' to %s",
                  dev->sysname, VFIO_DRIVER);
}

int vmgr__hostdev_reattach(struct vmgr_nodedev *handle, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = NULL;
    g_autofree char *bound = NULL;
    const struct nodedev *dev = pci_of(handle, &list, err);

    if (!dev)
        return -1;
    bound = vmgr__sysfs_link(dev->dir, "driver");
    if (bound && strcmp(bound, VFIO_DRIVER) != 0)
        return 0;
    return rebind(host_of(handle), dev, "\n", err);
}

int vmgr__hostdev_reset(struct vmgr_nodedev *handle, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = NULL;
    g_autofree char *bound = NULL, *attribute = NULL;
    const struct nodedev *dev = pci_of(handle, &list, err);

    if (!dev)
        return -1;
    bound = vmgr__sysfs_link(dev->dir, "driver");
    /* A driver of the host's would not know of it. */
    if (bound && strcmp(bound, VFIO_DRIVER) != 0)
        return refuse(err, VMGR_ERR_OPERATION_INVALID,
                      "PCI device %s is in use by driver %s; detach it first", dev->sysname, bound);
    attribute = g_build_filename(dev->dir, "reset", NULL);
    if (access(attribute, F_OK) < 0)
        return refuse(err, VMGR_ERR_INTERNAL_ERROR,
                      "Unable to reset PCI device %s: no FLR, PM reset or bus reset available",
                      dev->sysname);
    return write_file(attribute, "1", err);
}
