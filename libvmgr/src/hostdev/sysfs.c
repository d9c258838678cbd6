/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes and properties of a device of sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostdev.h"

#define ATTRIBUTE_MAX 4096      /* a page, as the kernel has it */
#define DATABASE_MAX  (1 << 20) /* of one device */

char *vmgr__sysfs_text(const char *dir, const char *attribute)
{
    g_autofree char *path = g_build_filename(dir, attribute, NULL);
    char buf[ATTRIBUTE_MAX];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n;

    if (fd < 0)
        return NULL;
    n = read(fd, buf, sizeof(buf) - 1);
    close(fd);
    if (n <= 0)
        return NULL;
    buf[n] = '\0';
    g_strstrip(buf);
    return *buf && g_utf8_validate(buf, -1, NULL) ? g_strdup(buf) : NULL;
}

bool vmgr__sysfs_number(const char *dir, const char *attribute, int base, uint64_t *ret)
{
    g_autofree char *text = vmgr__sysfs_text(dir, attribute);
    char *end;

    if (!text || !g_ascii_isxdigit(*text))
        return false;
    errno = 0;
    *ret = strtoull(text, &end, base);
    return errno == 0 && *end == '\0';
}

char *vmgr__sysfs_link(const char *dir, const char *link)
{
    g_autofree char *path = g_build_filename(dir, link, NULL);
    g_autofree char *target = g_file_read_link(path, NULL);

    return target ? g_path_get_basename(target) : NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *vmgr__sysfs_names(const char *path)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *entry;

    while (dir && (entry = g_dir_read_name(dir)))
        g_ptr_array_add(names, g_strdup(entry));
    g_ptr_array_sort(names, by_text);
    return names;
}

const char *vmgr__nodedev_property(const struct nodedev *dev, const char *key)
{
    return g_hash_table_lookup(dev->properties, key);
}

static void take_property(struct nodedev *dev, const char *line)
{
    const char *value = strchr(line, '=');

    if (value && g_utf8_validate(line, -1, NULL))
        g_hash_table_insert(dev->properties, g_strndup(line, value - line), g_strdup(value + 1));
}

/* The file of a device in udev's database: systemd's src/libsystemd/sd-device, device_get_device_id
 * (): by number, by interface index, or by subsystem and name. */
static char *database_path(const struct vmgr__hostdev *h, const struct nodedev *dev)
{
    const char *major = vmgr__nodedev_property(dev, "MAJOR");
    const char *minor = vmgr__nodedev_property(dev, "MINOR");
    const char *index = vmgr__nodedev_property(dev, "IFINDEX");
    g_autofree char *subsystem = vmgr__sysfs_link(dev->dir, "subsystem");

    if (major && minor)
        return g_strdup_printf("%s/run/udev/data/%c%s:%s", h->root,
                               g_strcmp0(subsystem, "block") == 0 ? 'b' : 'c', major, minor);
    if (index)
        return g_strdup_printf("%s/run/udev/data/n%s", h->root, index);
    return g_strdup_printf("%s/run/udev/data/+%s:%s", h->root, subsystem ? subsystem : "",
                           dev->sysname);
}

void vmgr__sysfs_properties(const struct vmgr__hostdev *h, struct nodedev *dev)
{
    g_autofree char *uevent = vmgr__sysfs_text(dev->dir, "uevent");
    g_auto(GStrv) lines = g_strsplit(uevent ? uevent : "", "\n", -1);
    g_autofree char *path = NULL, *text = NULL;
    g_auto(GStrv) records = NULL;
    gsize size;

    dev->properties = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    dev->links = g_ptr_array_new_with_free_func(g_free);
    for (char **line = lines; *line; line++)
        take_property(dev, *line);
    path = database_path(h, dev);
    if (!g_file_get_contents(path, &text, &size, NULL) || size > DATABASE_MAX)
        return;
    records = g_strsplit(text, "\n", -1);
    for (char **r = records; *r; r++) {
        if (g_str_has_prefix(*r, "E:"))
            take_property(dev, *r + 2);
        else if (g_str_has_prefix(*r, "S:") && g_utf8_validate(*r, -1, NULL))
            g_ptr_array_add(dev->links, g_strconcat("/dev/", *r + 2, NULL));
    }
}
