/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices as a list: which there are, their names and parents, and the frame of their documents. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "hostdev.h"

static const struct nodedev_kind *const kinds[] = {
    &vmgr__nodedev_pci,  &vmgr__nodedev_usb_device, &vmgr__nodedev_usb,
    &vmgr__nodedev_net,  &vmgr__nodedev_scsi_host,  &vmgr__nodedev_scsi_target,
    &vmgr__nodedev_scsi, &vmgr__nodedev_storage,    &vmgr__nodedev_scsi_generic,
    &vmgr__nodedev_drm,  &vmgr__nodedev_mdev,
};

void vmgr__nodedev_free(void *data)
{
    struct nodedev *dev = data;

    if (!dev)
        return;
    g_free(dev->name);
    g_free(dev->path);
    g_free(dev->dir);
    g_free(dev->sysname);
    g_free(dev->parent);
    g_clear_pointer(&dev->properties, g_hash_table_unref);
    g_clear_pointer(&dev->links, g_ptr_array_unref);
    vmgr__mdev_config_free(dev->config);
    g_free(dev);
}

void vmgr__nodedev_make_name(char *text)
{
    for (; *text; text++) {
        if (!g_ascii_isalnum(*text))
            *text = '_';
    }
}

/* "pci_0000_00_02_0" */
char *vmgr__nodedev_name(const struct nodedev *dev)
{
    g_autofree char *suffix = dev->kind->suffix ? dev->kind->suffix(dev) : NULL;
    char *name =
        g_strconcat(dev->kind->prefix, "_", dev->sysname, suffix ? "_" : NULL, suffix, NULL);

    vmgr__nodedev_make_name(name);
    return name;
}

static void add(const struct vmgr__hostdev *h, const struct nodedev_kind *kind, const char *link,
                const char *base, GPtrArray *list)
{
    char real[PATH_MAX];
    const size_t length = strlen(base);
    struct nodedev *dev;

    /* Out of the tree lead only links that somebody made up; a file is a control of the class. */
    if (!realpath(link, real) || strncmp(real, base, length) != 0 ||
        strncmp(real + length, "/sys/", 5) != 0 || !g_file_test(real, G_FILE_TEST_IS_DIR))
        return;
    dev = g_new0(struct nodedev, 1);
    dev->kind = kind;
    dev->dir = g_strdup(real);
    dev->path = g_strdup(real + length);
    dev->sysname = g_path_get_basename(real);
    vmgr__sysfs_properties(h, dev);
    if (kind->is && !kind->is(dev)) {
        vmgr__nodedev_free(dev);
        return;
    }
    dev->name = vmgr__nodedev_name(dev);
    g_ptr_array_add(list, dev);
}

static void scan_kind(const struct vmgr__hostdev *h, const struct nodedev_kind *kind,
                      const char *base, GPtrArray *list)
{
    g_autofree char *path = g_strconcat(h->root, kind->dir, NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *entry;

    while (dir && (entry = g_dir_read_name(dir))) {
        g_autofree char *link = g_build_filename(path, entry, NULL);

        add(h, kind, link, base, list);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct nodedev *const *one = a, *const *two = b;

    return strcmp((*one)->name, (*two)->name);
}

/* The nearest directory above that is a device of the list, or the computer. */
static char *parent_of(GHashTable *by_path, const struct nodedev *dev)
{
    g_autofree char *path = g_strdup(dev->path);
    char *slash;

    while ((slash = strrchr(path, '/')) && slash != path) {
        const char *name;

        *slash = '\0';
        name = g_hash_table_lookup(by_path, path);
        if (name)
            return g_strdup(name);
    }
    return g_strdup("computer");
}

GPtrArray *vmgr__hostdev_scan(const struct vmgr__hostdev *h)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(vmgr__nodedev_free);
    g_autoptr(GHashTable) by_path = g_hash_table_new(g_str_hash, g_str_equal);
    struct nodedev *computer = g_new0(struct nodedev, 1);
    char base[PATH_MAX];

    if (!realpath(*h->root ? h->root : "/", base))
        base[0] = '\0';
    if (strcmp(base, "/") == 0)
        base[0] = '\0';
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        scan_kind(h, kinds[i], base, list);
    for (guint i = 0; i < list->len; i++) {
        const struct nodedev *dev = list->pdata[i];

        g_hash_table_insert(by_path, dev->path, dev->name);
    }
    for (guint i = 0; i < list->len; i++) {
        struct nodedev *dev = list->pdata[i];

        dev->parent = parent_of(by_path, dev);
    }
    computer->kind = &vmgr__nodedev_system;
    computer->name = g_strdup("computer");
    g_ptr_array_add(list, computer);
    g_ptr_array_sort(list, by_name);
    return list;
}

GPtrArray *vmgr__hostdev_scan_all(const struct vmgr__hostdev *h)
{
    GPtrArray *list = vmgr__hostdev_scan(h);

    vmgr__mdev_add_configs(h, list);
    g_ptr_array_sort(list, by_name);
    return list;
}

struct nodedev *vmgr__hostdev_find(GPtrArray *list, const char *name)
{
    for (guint i = 0; i < list->len; i++) {
        struct nodedev *dev = list->pdata[i];

        if (strcmp(dev->name, name) == 0)
            return dev;
    }
    return NULL;
}

uint32_t vmgr__hostdev_caps(const struct nodedev *dev)
{
    return dev->kind->flag | (dev->kind->more ? dev->kind->more(dev) : 0);
}

char *vmgr__hostdev_format(const struct vmgr__hostdev *h, const struct nodedev *dev)
{
    g_autofree char *driver = dev->dir ? vmgr__sysfs_link(dev->dir, "driver") : NULL;
    const char *node = dev->properties ? vmgr__nodedev_property(dev, "DEVNAME") : NULL;
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "device");
    vmgr__xw_text(&w, "name", dev->name);
    vmgr__xw_text(&w, "path", dev->path);
    if (node) {
        g_autofree char *path = *node == '/' ? g_strdup(node) : g_strconcat("/dev/", node, NULL);

        vmgr__xw_begin(&w, "devnode");
        vmgr__xw_attr(&w, "type", "dev");
        vmgr__xw_end_text(&w, "devnode", path);
    }
    for (guint i = 0; dev->links && i < dev->links->len; i++) {
        vmgr__xw_begin(&w, "devnode");
        vmgr__xw_attr(&w, "type", "link");
        vmgr__xw_end_text(&w, "devnode", dev->links->pdata[i]);
    }
    vmgr__xw_text(&w, "parent", dev->parent);
    if (driver) {
        vmgr__xw_begin(&w, "driver");
        vmgr__xw_text(&w, "name", driver);
        vmgr__xw_end(&w, "driver");
    }
    vmgr__xw_begin(&w, "capability");
    vmgr__xw_attr(&w, "type", dev->kind->type);
    dev->kind->format(h, dev, &w);
    vmgr__xw_end(&w, "capability");
    vmgr__xw_end(&w, "device");
    return vmgr__xw_finish(&w);
}
