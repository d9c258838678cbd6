/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools that are iSCSI targets; volumes are their units, which the target alone can make or remove.
 *
 * iscsiadm logs in and out; what came of it is in sysfs: each session's target has units, and those
 * block devices.
 */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"

#define SESSIONS "/sys/class/iscsi_session"

static int target_of(const struct vmgr__pool_def *pool, char **ret_portal, const char **ret_iqn,
                     struct vmgr_error **err)
{
    const struct vmgr__pool_host *host = vmgr__pool_source_host(&pool->source);

    *ret_iqn = vmgr__pool_source_device(&pool->source);
    if (pool->source.hosts->len != 1)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "Expected exactly 1 host for the storage pool");
    if (vmgr__run_check_word(host->name, "source host", err) < 0 ||
        vmgr__run_check_word(*ret_iqn, "source device", err) < 0)
        return -1;
    if (pool->source.auth)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "authentication at iSCSI targets is not supported");
    if (pool->source.initiator)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "an initiator of its own for an iSCSI pool is not supported");
    *ret_portal = g_strdup_printf("%s:%d,1", host->name, host->port ? host->port : 3260);
    return 0;
}

/* First line of a small file of sysfs, for g_free(). */
static char *read_line(const char *path)
{
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    return g_strchomp(text);
}

/* The session that is logged in to a target: its name ("session3"), NULL: none. */
static char *find_session(const char *iqn)
{
    DIR *dir = opendir(SESSIONS);
    const struct dirent *e;
    char *found = NULL;

    while (dir && !found && (e = readdir(dir))) {
        g_autofree char *path = g_build_filename(SESSIONS, e->d_name, "targetname", NULL);
        g_autofree char *name = read_line(path);

        if (g_strcmp0(name, iqn) == 0)
            found = g_strdup(e->d_name);
    }
    if (dir)
        closedir(dir);
    return found;
}

static int node(const struct vmgr__pool_def *pool, const char *action, struct vmgr_error **err)
{
    g_autofree char *portal = NULL;
    const char *iqn;

    if (target_of(pool, &portal, &iqn, err) < 0)
        return -1;
    return vmgr__run_args(NULL, err, "iscsiadm", "--mode", "node", "--portal", portal,
                          "--targetname", iqn, action);
}

static int start(const struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    g_autofree char *portal = NULL, *session = NULL;
    const char *iqn;

    if (target_of(pool, &portal, &iqn, err) < 0)
        return -1;
    session = find_session(iqn);
    if (session)
        return 0;
    if (vmgr__run_args(NULL, err, "iscsiadm", "--mode", "discovery", "--type", "sendtargets",
                       "--portal", portal) < 0)
        return -1;
    return node(pool, "--login", err);
}

static int stop(const struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    g_autofree char *session = find_session(vmgr__pool_source_device(&pool->source));

    return session ? node(pool, "--logout", err) : 0;
}

/* "unit:H:C:I:L" for the address H:C:I:L of a SCSI device. */
static void add_unit(const struct vmgr__pool_def *pool, const char *scsi, const char *address,
                     GPtrArray *ret)
{
    g_autofree char *block = g_build_filename(scsi, "block", NULL);
    DIR *dir = opendir(block);
    const struct dirent *e;

    while (dir && (e = readdir(dir))) {
        struct vmgr__volume_def *def;
        const char *rest = strchr(address, ':');

        if (*e->d_name == '.')
            continue;
        def = vmgr__volume_def_new();
        def->name = g_strdup_printf("unit:%s", rest ? rest + 1 : address);
        def->target.path = g_strdup_printf("/dev/%s", e->d_name);
        def->key = g_strdup_printf("%s,%s", vmgr__pool_source_device(&pool->source), def->name);
        vmgr__volume_probe(def, NULL);
        def->type = VMGR_VOLUME_BLOCK;
        g_ptr_array_add(ret, def);
    }
    if (dir)
        closedir(dir);
}

/* The devices of a target's directory: names are addresses. */
static void add_target(const struct vmgr__pool_def *pool, const char *target, GPtrArray *ret)
{
    DIR *dir = opendir(target);
    const struct dirent *e;

    while (dir && (e = readdir(dir))) {
        g_autofree char *scsi = g_build_filename(target, e->d_name, NULL);

        if (g_ascii_isdigit(*e->d_name) && strchr(e->d_name, ':'))
            add_unit(pool, scsi, e->d_name, ret);
    }
    if (dir)
        closedir(dir);
}

static int list(const struct vmgr__pool_def *pool, GPtrArray *ret, struct vmgr_error **err)
{
    g_autofree char *session = find_session(vmgr__pool_source_device(&pool->source));
    g_autofree char *path = NULL;
    const struct dirent *e;
    DIR *dir;

    if (!session)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR, "cannot find the session of '%s'",
                             vmgr__pool_source_device(&pool->source));
    path = g_build_filename(SESSIONS, session, "device", NULL);
    dir = opendir(path);
    while (dir && (e = readdir(dir))) {
        g_autofree char *target = g_build_filename(path, e->d_name, NULL);

        if (g_str_has_prefix(e->d_name, "target"))
            add_target(pool, target, ret);
    }
    if (dir)
        closedir(dir);
    return 0;
}

static int measure(struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) units = g_ptr_array_new_with_free_func(vmgr__volume_def_free);

    if (list(pool, units, err) < 0)
        return -1;
    pool->capacity = pool->available = 0;
    for (guint i = 0; i < units->len; i++)
        pool->capacity += ((struct vmgr__volume_def *)units->pdata[i])->capacity;
    pool->allocation = pool->capacity;
    return 0;
}

const struct vmgr__backend vmgr__backend_iscsi = {
    .start = start,
    .stop = stop,
    .measure = measure,
    .list = list,
};
