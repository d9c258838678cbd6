/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mediated devices: those that are there, and those that are defined.
 *
 * Definitions are mdevctl's, which the host's own start scripts read too: /etc/mdevctl.d has a
 * directory for a parent's address and a JSON file in it for each UUID (mdevctl(8), "FILES").
 * Changes go through the program, because it runs the host's hooks.
 */
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "../conf/def.h"
#include "../conf/nodedev.h"
#include "../driver/vemu/state/file.h"
#include "../network/network.h"
#include "hostdev.h"

#define DIRECTORY  "/etc/mdevctl.d"
#define CONFIG_MAX (1 << 20) /* of one definition */

/* ---- as a kind of device ---- */

/* The address of its parent, for g_free(). */
static char *mdev_suffix(const struct nodedev *dev)
{
    g_autofree char *above = dev->path ? g_path_get_dirname(dev->path) : NULL;

    return above ? g_path_get_basename(above) : g_strdup(dev->config->parent);
}

static void mdev_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                        struct vmgr__xml_writer *w)
{
    g_autofree char *type = dev->dir ? vmgr__sysfs_link(dev->dir, "mdev_type") : NULL;
    g_autofree char *parent = mdev_suffix(dev);
    g_autofree char *group = dev->dir ? vmgr__sysfs_link(dev->dir, "iommu_group") : NULL;
    const GPtrArray *attrs = dev->config ? dev->config->attrs : NULL;

    (void)h;
    if (type || dev->config) {
        vmgr__xw_begin(w, "type");
        vmgr__xw_attr(w, "id", type ? type : dev->config->type);
        vmgr__xw_end(w, "type");
    }
    vmgr__xw_text(w, "uuid", dev->sysname);
    vmgr__xw_text(w, "parent_addr", parent);
    if (group || !dev->dir) {
        vmgr__xw_begin(w, "iommuGroup");
        vmgr__xw_attr(w, "number", group ? group : "0");
        vmgr__xw_end(w, "iommuGroup");
    }
    for (guint i = 0; attrs && i < attrs->len; i++) {
        const struct vmgr__nodedev_attr *attr = attrs->pdata[i];

        vmgr__xw_begin(w, "attr");
        vmgr__xw_attr(w, "name", attr->name);
        vmgr__xw_attr(w, "value", attr->value);
        vmgr__xw_end(w, "attr");
    }
}

const struct nodedev_kind vmgr__nodedev_mdev = {
    .type = "mdev",
    .flag = VMGR_NODEDEV_LIST_MDEV,
    .dir = "/sys/bus/mdev/devices",
    .prefix = "mdev",
    .suffix = mdev_suffix,
    .format = mdev_format,
};

/* ---- definitions ---- */

void vmgr__mdev_config_free(struct mdev_config *config)
{
    if (!config)
        return;
    g_free(config->parent);
    g_free(config->type);
    g_ptr_array_unref(config->attrs);
    g_free(config);
}

static const char *text_in(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_object_get_ex(o, key, &value) &&
                   json_object_is_type(value, json_type_string) &&
                   g_utf8_validate(json_object_get_string(value), -1, NULL)
               ? json_object_get_string(value)
               : NULL;
}

static void read_attrs(struct json_object *root, GPtrArray *ret)
{
    struct json_object *list;

    if (!json_object_object_get_ex(root, "attrs", &list) ||
        !json_object_is_type(list, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *one = json_object_array_get_idx(list, i);

        if (!json_object_is_type(one, json_type_object))
            continue;
        json_object_object_foreach(one, name, value)
        {
            if (json_object_is_type(value, json_type_string) && g_utf8_validate(name, -1, NULL))
                vmgr__nodedev_attrs_add(ret, name, json_object_get_string(value));
        }
    }
}

/* NULL: nobody can read it. */
static struct mdev_config *read_config(const char *path, const char *parent)
{
    g_autofree char *text = NULL;
    struct mdev_config *config = NULL;
    struct json_object *root;
    const char *type;

    if (vmgr__file_read(path, &text, NULL) <= 0 || strlen(text) > CONFIG_MAX)
        return NULL;
    root = json_tokener_parse(text);
    type = json_object_is_type(root, json_type_object) ? text_in(root, "mdev_type") : NULL;
    if (type) {
        config = g_new0(struct mdev_config, 1);
        config->parent = g_strdup(parent);
        config->type = g_strdup(type);
        config->autostart = g_strcmp0(text_in(root, "start"), "auto") == 0;
        config->attrs = vmgr__nodedev_attrs_new();
        read_attrs(root, config->attrs);
    }
    json_object_put(root);
    return config;
}

/* The device of a parent's address: "computer" when it is not there. */
static const char *parent_name(const GPtrArray *list, const char *address)
{
    for (guint i = 0; i < list->len; i++) {
        const struct nodedev *dev = list->pdata[i];

        if (dev->kind == &vmgr__nodedev_pci && strcmp(dev->sysname, address) == 0)
            return dev->name;
    }
    return "computer";
}

/* Adds a definition to the device that is there, or as one that is not. */
static void add_config(GPtrArray *list, const char *uuid, struct mdev_config *config)
{
    struct nodedev *dev = g_new0(struct nodedev, 1), *there;

    dev->kind = &vmgr__nodedev_mdev;
    dev->sysname = g_strdup(uuid);
    dev->config = config;
    dev->name = vmgr__nodedev_name(dev);
    there = vmgr__hostdev_find(list, dev->name);
    if (there) {
        dev->config = NULL;
        vmgr__nodedev_free(dev);
        vmgr__mdev_config_free(there->config);
        there->config = config;
        return;
    }
    dev->parent = g_strdup(parent_name(list, config->parent));
    g_ptr_array_add(list, dev);
}

void vmgr__mdev_add_configs(const struct vmgr__hostdev *h, GPtrArray *list)
{
    g_autofree char *top = g_strconcat(h->root, DIRECTORY, NULL);
    g_autoptr(GPtrArray) parents = vmgr__sysfs_names(top);

    for (guint i = 0; i < parents->len; i++) {
        const char *parent = parents->pdata[i];
        g_autofree char *dir = g_build_filename(top, parent, NULL);
        g_autoptr(GPtrArray) uuids = vmgr__sysfs_names(dir);

        for (guint k = 0; k < uuids->len && strcmp(parent, "scripts.d") != 0; k++) {
            g_autofree char *path = g_build_filename(dir, uuids->pdata[k], NULL);
            uint8_t bytes[VMGR_UUID_SIZE];
            struct mdev_config *config =
                vmgr__uuid_parse(uuids->pdata[k], bytes) && g_utf8_validate(parent, -1, NULL)
                    ? read_config(path, parent)
                    : NULL;

            if (config)
                add_config(list, uuids->pdata[k], config);
        }
    }
}

/* ---- changes ---- */

/* Runs mdevctl, in a made-up tree that tree's. failed: what the error says first. */
static int run(const struct vmgr__hostdev *h, const char *const *words, const char *failed,
               struct vmgr_error **err)
{
    g_autofree char *program =
        g_strconcat(*h->root ? h->root : "", *h->root ? "/usr/bin/mdevctl" : "mdevctl", NULL);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    struct vmgr_error *why = NULL;
    int r;

    g_ptr_array_add(argv, program);
    for (; *words; words++)
        g_ptr_array_add(argv, (char *)*words);
    g_ptr_array_add(argv, NULL);
    r = vmgr__program_run((const char *const *)argv->pdata, "mdevctl", &why);
    if (r < 0)
        nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "%s: %s", failed, vmgr_error_get_message(why));
    vmgr_error_free(why);
    return r;
}

static char *config_text(const struct vmgr__nodedev_def *def)
{
    struct json_object *root = json_object_new_object(), *attrs = json_object_new_array();
    char *text;

    json_object_object_add(root, "mdev_type", json_object_new_string(def->type));
    json_object_object_add(root, "start", json_object_new_string("manual"));
    for (guint i = 0; i < def->attrs->len; i++) {
        const struct vmgr__nodedev_attr *attr = def->attrs->pdata[i];
        struct json_object *one = json_object_new_object();

        json_object_object_add(one, attr->name, json_object_new_string(attr->value));
        json_object_array_add(attrs, one);
    }
    json_object_object_add(root, "attrs", attrs);
    text = g_strdup(json_object_to_json_string(root));
    json_object_put(root);
    return text;
}

/* The PCI address of the parent a document names; NULL and *err. */
static const char *parent_address(GPtrArray *list, const struct vmgr__nodedev_def *def,
                                  struct vmgr_error **err)
{
    const struct nodedev *dev = def->parent ? vmgr__hostdev_find(list, def->parent) : NULL;

    if (!def->parent)
        nodedev_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "missing parent device");
    else if (!dev)
        nodedev_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "invalid parent device '%s'", def->parent);
    else if (dev->kind != &vmgr__nodedev_pci)
        nodedev_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                      "Unable to find address for parent device '%s'", def->parent);
    else
        return dev->sysname;
    return NULL;
}

int vmgr__mdev_make(const struct vmgr__hostdev *h, const struct vmgr__nodedev_def *def, bool define,
                    char **ret_name, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__hostdev_scan(h);
    const char *address = parent_address(list, def, err);
    g_autofree char *text = config_text(def), *path = NULL;
    char uuid[VMGR_UUID_STRING_SIZE];
    uint8_t bytes[VMGR_UUID_SIZE];
    int fd, r = -1;

    if (!address)
        return -1;
    if (def->uuid)
        g_strlcpy(uuid, def->uuid, sizeof(uuid));
    else if (vmgr__uuid_generate(bytes, err) < 0)
        return -1;
    else
        vmgr__uuid_format(bytes, uuid);
    fd = g_file_open_tmp("vmgr-mdev-XXXXXX", &path, NULL);
    if (fd < 0)
        return nodedev_error(err, VMGR_ERR_SYSTEM_ERROR, "cannot write the device's definition");
    close(fd);
    {
        const char *const words[] = { define ? "define" : "start",
                                      "--parent",
                                      address,
                                      "--uuid",
                                      uuid,
                                      "--jsonfile",
                                      path,
                                      NULL };

        if (vmgr__file_replace(path, text, false, err) == 0)
            r = run(h, words,
                    define ? "Unable to define mediated device" : "Unable to start mediated device",
                    err);
    }
    unlink(path);
    if (r == 0) {
        *ret_name = g_strconcat("mdev_", uuid, "_", address, NULL);
        vmgr__nodedev_make_name(*ret_name);
    }
    return r;
}

int vmgr__mdev_start(const struct vmgr__hostdev *h, const struct nodedev *dev,
                     struct vmgr_error **err)
{
    const char *const words[] = { "start",  "--parent",   dev->config->parent,
                                  "--uuid", dev->sysname, NULL };

    return run(h, words, "Unable to create mediated device", err);
}

int vmgr__mdev_stop(const struct vmgr__hostdev *h, const struct nodedev *dev,
                    struct vmgr_error **err)
{
    const char *const words[] = { "stop", "--uuid", dev->sysname, NULL };
    g_autofree char *failed = g_strdup_printf("Unable to destroy '%s'", dev->name);

    return run(h, words, failed, err);
}

int vmgr__mdev_undefine(const struct vmgr__hostdev *h, const struct nodedev *dev,
                        struct vmgr_error **err)
{
    const char *const words[] = { "undefine", "--parent",   dev->config->parent,
                                  "--uuid",   dev->sysname, NULL };

    return run(h, words, "Unable to undefine mediated device", err);
}

int vmgr__mdev_set_autostart(const struct vmgr__hostdev *h, const struct nodedev *dev, bool on,
                             struct vmgr_error **err)
{
    const char *const words[] = { "modify", "--parent",   dev->config->parent,
                                  "--uuid", dev->sysname, on ? "--auto" : "--manual",
                                  NULL };
    g_autofree char *failed = g_strdup_printf("Unable to set autostart on '%s'", dev->name);

    return run(h, words, failed, err);
}
