/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From <filesystem> to its parts: a directory of the host, and a virtio-9p device that serves it.
 */
#include <string.h>

#include "parts.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

#define TAG_MAX 128 /* of the emulator */

static int refuse(struct vmgr_error **err, const char *what, const char *value)
{
    return unsupported(err, "%s '%s' of <filesystem> is not supported by the vemu driver yet", what,
                       value);
}

/* Whose the files are, as the emulator calls it. */
static const char *security_of(const char *access_mode)
{
    if (g_strcmp0(access_mode, "mapped") == 0)
        return "mapped-xattr";
    return g_strcmp0(access_mode, "squash") == 0 ? "none" : "passthrough";
}

static int check(const xmlNode *root, struct vmgr_error **err)
{
    const xmlNode *driver = vmgr__xml_child(root, "driver");
    g_autofree char *type = vmgr__xml_attr(root, "type");
    g_autofree char *model = vmgr__xml_attr(root, "model");
    g_autofree char *multidevs = vmgr__xml_attr(root, "multidevs");
    g_autofree char *access_mode = vmgr__xml_attr(root, "accessmode");
    g_autofree char *fmode = vmgr__xml_attr(root, "fmode");
    g_autofree char *dmode = vmgr__xml_attr(root, "dmode");
    g_autofree char *kind = driver ? vmgr__xml_attr(driver, "type") : NULL;

    if (g_strcmp0(type, "mount") != 0)
        return refuse(err, "type", type);
    if (kind && strcmp(kind, "path") != 0)
        return refuse(err, "driver", kind);
    if (model && strcmp(model, "virtio") != 0)
        return refuse(err, "model", model);
    /* Numbers of files on other file systems are changed, so that none comes twice. */
    if (multidevs && strcmp(multidevs, "default") != 0 && strcmp(multidevs, "remap") != 0)
        return refuse(err, "multidevs", multidevs);
    if (vmgr__vemu_only(root, "driver source target readonly alias address",
                        "type accessmode model multidevs fmode dmode", err) < 0 ||
        vmgr__vemu_only(vmgr__xml_child(root, "source"), "", "dir", err) < 0 ||
        (driver && vmgr__vemu_only(driver, "", "type wrpolicy", err) < 0))
        return -1;
    if ((fmode || dmode) && g_strcmp0(access_mode, "mapped") != 0)
        return unsupported(err, "fmode and dmode must be used with accessmode=mapped");
    return 0;
}

static int make(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                const xmlNode *root, struct vemu_parts *parts, struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(dev);
    g_autofree char *back = g_strdup_printf("fsdev-%s", alias ? alias : "");
    g_autofree char *access_mode = vmgr__xml_attr(root, "accessmode");
    g_autofree char *fmode = vmgr__xml_attr(root, "fmode");
    g_autofree char *dmode = vmgr__xml_attr(root, "dmode");
    const xmlNode *driver = vmgr__xml_child(root, "driver");
    g_autofree char *policy = driver ? vmgr__xml_attr(driver, "wrpolicy") : NULL;
    g_autofree char *class_name = vmgr__vemu_virtio_class(def, "virtio-9p");
    struct json_object *o;

    if (check(root, err) < 0)
        return -1;
    if (!g_path_is_absolute(dev->source))
        return unsupported(err, "the directory of <filesystem> must be absolute: '%s'",
                           dev->source);
    if (!*dev->target || strlen(dev->target) > TAG_MAX)
        return unsupported(err, "the target of <filesystem> must have 1 to %d bytes: '%s'", TAG_MAX,
                           dev->target);
    o = vmgr__vemu_part_add(parts, VEMU_PART_FSDEV, "local", back);
    vmgr__vemu_set(o, "path", dev->source);
    vmgr__vemu_set(o, "security_model", security_of(access_mode));
    vmgr__vemu_set(o, "fmode", fmode);
    vmgr__vemu_set(o, "dmode", dmode);
    vmgr__vemu_set(o, "writeout", policy);
    if (vmgr__xml_child(root, "readonly"))
        vmgr__vemu_set_bool(o, "readonly", true);
    o = vmgr__vemu_part_add(parts, VEMU_PART_DEVICE, class_name, alias);
    vmgr__vemu_set(o, "fsdev", back);
    vmgr__vemu_set(o, "mount_tag", dev->target);
    return vmgr__vemu_part_address(def, root, o, err);
}

int vmgr__vemu_filesystem_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                                struct vemu_parts *parts, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    int r = make(def, dev, xmlDocGetRootElement(doc), parts, err);

    xmlFreeDoc(doc);
    return r;
}
