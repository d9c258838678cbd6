/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* USB devices and their interfaces. */
#include <stdio.h>
#include <string.h>

#include "hostdev.h"

static bool is_type(const struct nodedev *dev, const char *type)
{
    return g_strcmp0(vmgr__nodedev_property(dev, "DEVTYPE"), type) == 0;
}

static bool device_is(const struct nodedev *dev)
{
    return is_type(dev, "usb_device");
}

static bool interface_is(const struct nodedev *dev)
{
    return is_type(dev, "usb_interface");
}

static void number(struct vmgr__xml_writer *w, const char *element, const char *dir,
                   const char *attribute, int base)
{
    uint64_t value = 0;
    char text[24];

    vmgr__sysfs_number(dir, attribute, base, &value);
    snprintf(text, sizeof(text), "%u", (unsigned)value);
    vmgr__xw_text(w, element, text);
}

/* A number and, from udev's database or the device itself, a name. */
static void identity(const struct nodedev *dev, struct vmgr__xml_writer *w, const char *element,
                     const char *number_attribute, const char *property, const char *attribute)
{
    g_autofree char *own = vmgr__sysfs_text(dev->dir, attribute);
    const char *known = vmgr__nodedev_property(dev, property);
    uint64_t id;

    if (!vmgr__sysfs_number(dev->dir, number_attribute, 16, &id))
        return;
    vmgr__xw_begin(w, element);
    vmgr__xw_attrf(w, "id", "0x%04x", (unsigned)id);
    if (known || own)
        vmgr__xw_end_text(w, element, known ? known : own);
    else
        vmgr__xw_end(w, element);
}

static void device_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                          struct vmgr__xml_writer *w)
{
    (void)h;
    number(w, "bus", dev->dir, "busnum", 10);
    number(w, "device", dev->dir, "devnum", 10);
    identity(dev, w, "product", "idProduct", "ID_MODEL_FROM_DATABASE", "product");
    identity(dev, w, "vendor", "idVendor", "ID_VENDOR_FROM_DATABASE", "manufacturer");
}

static void interface_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                             struct vmgr__xml_writer *w)
{
    (void)h;
    number(w, "number", dev->dir, "bInterfaceNumber", 16);
    number(w, "class", dev->dir, "bInterfaceClass", 16);
    number(w, "subclass", dev->dir, "bInterfaceSubClass", 16);
    number(w, "protocol", dev->dir, "bInterfaceProtocol", 16);
}

const struct nodedev_kind vmgr__nodedev_usb_device = {
    .type = "usb_device",
    .flag = VMGR_NODEDEV_LIST_USB_DEVICE,
    .dir = "/sys/bus/usb/devices",
    .is = device_is,
    .prefix = "usb",
    .format = device_format,
};

const struct nodedev_kind vmgr__nodedev_usb = {
    .type = "usb",
    .flag = VMGR_NODEDEV_LIST_USB_INTERFACE,
    .dir = "/sys/bus/usb/devices",
    .is = interface_is,
    .prefix = "usb",
    .format = interface_format,
};
