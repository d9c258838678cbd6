/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors that callers have associated with domains.
 *
 * Theory of operation. A group has a name and belongs to a domain, by its UUID; it lasts as long as
 * the connection. A disk whose <source> has that name as its fdgroup is not opened by its path: the
 * emulator gets duplicates of the group's descriptors, when it starts or through its monitor, as
 * set N (libvemu/docs/images.md), where N comes from the disk's target. The emulator keeps them as
 * long as it has the disk, whatever becomes of the connection.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../../../conf/device.h"
#include "../device/parts.h"
#include "../state/cache.h"

#define GROUPS_MAX 256 /* of a connection */
#define SET_PREFIX "/dev/fdset/"

struct vemu_files {
    GMutex lock;        /* leaf */
    GHashTable *groups; /* "UUID name" -> GArray of int */
};

/* One descriptor for the emulator. */
struct file {
    uint32_t set;
    int fd;
};

/* ---- groups ---- */

static void close_fd(void *fd)
{
    close(*(int *)fd);
}

struct vemu_files *vmgr__vemu_files_new(void)
{
    struct vemu_files *files = g_new0(struct vemu_files, 1);

    g_mutex_init(&files->lock);
    files->groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                          (GDestroyNotify)(void (*)(void))g_array_unref);
    return files;
}

void vmgr__vemu_files_free(struct vemu_files *files)
{
    if (!files)
        return;
    g_hash_table_unref(files->groups);
    g_mutex_clear(&files->lock);
    g_free(files);
}

static char *key_of(const uint8_t *uuid, const char *name)
{
    char text[VMGR_UUID_STRING_SIZE];

    vmgr__uuid_format(uuid, text);
    return g_strconcat(text, " ", name, NULL);
}

/* The handle's domain is there. */
static int check_domain(struct vmgr_domain *dom, uint8_t *ret_uuid, struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    const struct vmgr__domobj *obj;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    if (obj)
        memcpy(ret_uuid, vmgr__domobj_uuid(obj), VMGR_UUID_SIZE);
    g_mutex_unlock(&d->lock);
    return obj ? 0 : -1;
}

/* NULL: one of them cannot be duplicated. */
static GArray *duplicate(const int *fds, uint32_t n, struct vmgr_error **err)
{
    g_autoptr(GArray) group = g_array_new(FALSE, FALSE, sizeof(int));

    g_array_set_clear_func(group, close_fd);
    for (uint32_t i = 0; i < n; i++) {
        const int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

        if (fd < 0) {
            vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot keep descriptor %d", fds[i]);
            return NULL;
        }
        g_array_append_val(group, fd);
    }
    return g_steal_pointer(&group);
}

static int associate(struct vmgr_domain *dom, const char *name, const int *fds, uint32_t n_fds,
                     uint32_t flags, struct vmgr_error **err)
{
    struct vemu_files *files = ((struct vemu *)vmgr_domain_get_conn(dom)->driver_data)->files;
    g_autoptr(GArray) group = NULL;
    uint8_t uuid[VMGR_UUID_SIZE];
    g_autofree char *key = NULL;
    int r = 0;

    (void)flags; /* about security labels, of which there are none */
    if (check_domain(dom, uuid, err) < 0)
        return -1;
    group = duplicate(fds, n_fds, err);
    if (!group)
        return -1;
    key = key_of(uuid, name);
    g_mutex_lock(&files->lock);
    if (!g_hash_table_contains(files->groups, key) &&
        g_hash_table_size(files->groups) >= GROUPS_MAX)
        r = vemu_error(err, VMGR_ERR_OPERATION_FAILED,
                       "there are %d groups of file descriptors already", GROUPS_MAX);
    else
        g_hash_table_replace(files->groups, g_steal_pointer(&key), g_steal_pointer(&group));
    g_mutex_unlock(&files->lock);
    return r;
}

/* Of a domain that may have gone. */
static int dissociate(struct vmgr_domain *dom, const char *name, struct vmgr_error **err)
{
    struct vemu_files *files = ((struct vemu *)vmgr_domain_get_conn(dom)->driver_data)->files;
    uint8_t uuid[VMGR_UUID_SIZE];
    g_autofree char *key = NULL;
    bool there;

    vmgr_domain_get_uuid(dom, uuid);
    key = key_of(uuid, name);
    g_mutex_lock(&files->lock);
    there = g_hash_table_remove(files->groups, key);
    g_mutex_unlock(&files->lock);
    return there
               ? 0
               : vemu_error(err, VMGR_ERR_INVALID_ARG,
                            "file descriptor group '%s' was not associated with the domain", name);
}

const struct vmgr__files_ops vmgr__vemu_files = {
    .associate = associate,
    .dissociate = dissociate,
};

/* ---- disks ---- */

/* For g_free(); NULL: the image has a name to be opened by. */
static char *group_of(const struct vmgr__device *dev)
{
    char *name = !dev->unknown && strcmp(dev->name, "disk") == 0
                     ? vmgr__device_get(dev, "source", "fdgroup")
                     : NULL;

    if (name && !*name)
        g_clear_pointer(&name, g_free);
    return name;
}

uint32_t vmgr__vemu_files_set(const struct vmgr__device *dev)
{
    g_autofree char *group = group_of(dev);
    const uint32_t hash = g_str_hash(dev->target ? dev->target : "") & INT32_MAX;

    return group ? MAX(hash, 1) : 0;
}

bool vmgr__vemu_files_is_set(const char *filename)
{
    return filename && g_str_has_prefix(filename, SET_PREFIX);
}

/* Numbers come from names, which could meet. */
static int check_alone(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                       struct vmgr_error **err)
{
    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *other = def->devices->pdata[i];

        if (g_strcmp0(other->target, dev->target) != 0 &&
            vmgr__vemu_files_set(other) == vmgr__vemu_files_set(dev))
            return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "disks '%s' and '%s' cannot both have a group of file descriptors: "
                              "rename one",
                              other->target, dev->target);
    }
    return 0;
}

static int open_one(struct vemu_files *files, const struct vmgr__domain_def *def,
                    const struct vmgr__device *dev, GArray *ret, struct vmgr_error **err)
{
    g_autofree char *name = group_of(dev);
    g_autofree char *key = name ? key_of(def->uuid, name) : NULL;
    g_autoptr(GArray) copy = NULL;
    const GArray *group;

    if (!name)
        return 0;
    if (check_alone(def, dev, err) < 0)
        return -1;
    g_mutex_lock(&files->lock);
    group = g_hash_table_lookup(files->groups, key);
    if (group)
        copy = duplicate((const int *)(const void *)group->data, group->len, err);
    g_mutex_unlock(&files->lock);
    if (!group)
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "file descriptor group '%s' was not associated with the domain", name);
    for (guint i = 0; copy && i < copy->len; i++) {
        const struct file file = { vmgr__vemu_files_set(dev), g_array_index(copy, int, i) };

        g_array_append_val(ret, file);
    }
    if (copy)
        g_array_set_clear_func(copy, NULL); /* they are the other list's now */
    return copy ? 0 : -1;
}

static void file_clear(void *data)
{
    close(((struct file *)data)->fd);
}

GArray *vmgr__vemu_files_open(struct vemu *d, const struct vmgr__domain_def *def,
                              const struct vmgr__device *dev, struct vmgr_error **err)
{
    g_autoptr(GArray) ret = g_array_new(FALSE, FALSE, sizeof(struct file));
    int r = 0;

    g_array_set_clear_func(ret, file_clear);
    if (dev)
        r = open_one(d->files, def, dev, ret, err);
    for (guint i = 0; !dev && r == 0 && i < def->devices->len; i++)
        r = open_one(d->files, def, def->devices->pdata[i], ret, err);
    return r == 0 ? g_steal_pointer(&ret) : NULL;
}

static const struct file *at(const GArray *files, size_t i)
{
    return &g_array_index(files, struct file, i);
}

size_t vmgr__vemu_files_count(const GArray *files)
{
    return files ? files->len : 0;
}

int vmgr__vemu_files_fd(const GArray *files, size_t i)
{
    return at(files, i)->fd;
}

int vmgr__vemu_files_of(const GArray *files, const char *filename)
{
    uint32_t set;

    if (!vmgr__vemu_files_is_set(filename) || !vmgr__parse_u32(filename + strlen(SET_PREFIX), &set))
        return -1;
    for (size_t i = 0; i < vmgr__vemu_files_count(files); i++) {
        if (at(files, i)->set == set)
            return at(files, i)->fd;
    }
    return -1;
}

/* ---- to the emulator ---- */

void vmgr__vemu_files_argv(const GArray *files, GPtrArray *args)
{
    for (size_t i = 0; i < vmgr__vemu_files_count(files); i++) {
        g_ptr_array_add(args, g_strdup("-add-fd"));
        g_ptr_array_add(args, g_strdup_printf("fd=%d,set=%u", at(files, i)->fd, at(files, i)->set));
    }
}

static void remove_set(uint32_t set, struct vemu_qmp *q)
{
    struct json_object *args = json_object_new_object();

    vmgr__vemu_set_int(args, "fdset-id", set);
    vmgr__qmp_execute(q, "remove-fd", args, NULL, NULL);
}

int vmgr__vemu_files_send(const GArray *files, struct vemu_qmp *q, struct vmgr_error **err)
{
    for (size_t i = 0; i < vmgr__vemu_files_count(files); i++) {
        struct json_object *args = json_object_new_object();

        vmgr__vemu_set_int(args, "fdset-id", at(files, i)->set);
        if (vmgr__qmp_execute_with_fd(q, "add-fd", args, at(files, i)->fd, err) == 0)
            continue;
        while (i-- > 0)
            remove_set(at(files, i)->set, q);
        return -1;
    }
    return 0;
}

void vmgr__vemu_files_drop(const struct vmgr__device *dev, struct vemu_qmp *q)
{
    const uint32_t set = vmgr__vemu_files_set(dev);

    if (set)
        remove_set(set, q);
}
