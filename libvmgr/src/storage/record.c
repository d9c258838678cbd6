/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools as their files have them.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../conf/def.h"
#include "../driver/vemu/run/process.h"
#include "../driver/vemu/vemu.h"
#include "storage.h"

#define NAME_MAX_HERE 200 /* a name with ".xml.new" must be a file name */

static char *path_of(const char *dir, const char *name, const char *suffix)
{
    return g_strdup_printf("%s/%s%s", dir, name, suffix);
}

void vmgr__pool_record_clear(struct vmgr__pool_record *r)
{
    g_clear_pointer(&r->name, g_free);
    g_clear_pointer(&r->config, vmgr__pool_def_free);
    g_clear_pointer(&r->live, vmgr__pool_def_free);
}

const struct vmgr__pool_def *vmgr__pool_record_def(const struct vmgr__pool_record *r)
{
    return r->live ? r->live : r->config;
}

static uint32_t number(const xmlNode *node, const char *attr)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);
    uint32_t n = 0;

    vmgr__parse_u32(text, &n);
    return n;
}

static int parse_state(const char *text, struct vmgr__pool_record *r, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(text, "(storage_pool_state)", "poolstate", err);
    const xmlNode *root, *pool;
    g_autofree char *boot = NULL;
    int result = 0;

    if (!doc)
        return -1;
    root = xmlDocGetRootElement(doc);
    pool = vmgr__xml_child(root, "pool");
    r->builds = number(root, "builds");
    r->deletes = number(root, "deletes");
    r->refreshes = number(root, "refreshes");
    boot = vmgr__xml_attr(root, "boot");
    /* What was active before the host was started again is not active any more. */
    if (pool && g_strcmp0(boot, vmgr__boot_id()) == 0) {
        r->live = vmgr__pool_def_parse_node(pool, err);
        result = r->live ? 0 : -1;
    }
    xmlFreeDoc(doc);
    return result;
}

/* A name that could not have a file has no pool. */
static bool is_name(const char *name)
{
    return *name && strlen(name) <= NAME_MAX_HERE && !strchr(name, '/');
}

static int load_files(const struct vmgr__storage *st, const char *name, struct vmgr__pool_record *r,
                      struct vmgr_error **err)
{
    g_autofree char *config_path = path_of(st->config_dir, name, ".xml");
    g_autofree char *state_path = path_of(st->run_dir, name, ".xml");
    g_autofree char *link = path_of(st->autostart_dir, name, ".xml");
    g_autofree char *config = NULL, *state = NULL;
    struct stat info;

    if (vmgr__file_read(config_path, &config, err) < 0 ||
        vmgr__file_read(state_path, &state, err) < 0)
        return -1;
    if (config) {
        r->config = vmgr__pool_def_parse(config, err);
        if (!r->config)
            return -1;
    }
    if (state && parse_state(state, r, err) < 0)
        return -1;
    r->autostart = r->config && lstat(link, &info) == 0;
    return r->config || r->live;
}

int vmgr__pool_record_load(const struct vmgr__storage *st, const char *name,
                           struct vmgr__pool_record *ret, struct vmgr_error **err)
{
    int r;

    *ret = (struct vmgr__pool_record){ 0 };
    if (!is_name(name))
        return 0;
    r = load_files(st, name, ret, err);
    if (r > 0)
        ret->name = g_strdup(name);
    else
        vmgr__pool_record_clear(ret);
    return r;
}

static void collect(GHashTable *names, const char *dir)
{
    DIR *stream = opendir(dir);
    const struct dirent *e;

    while (stream && (e = readdir(stream))) {
        if (g_str_has_suffix(e->d_name, ".xml") && strlen(e->d_name) > 4)
            g_hash_table_add(names, g_strndup(e->d_name, strlen(e->d_name) - 4));
    }
    if (stream)
        closedir(stream);
}

static gint compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *vmgr__pool_record_names(const struct vmgr__storage *st)
{
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    void *name;

    collect(names, st->config_dir);
    collect(names, st->run_dir);
    g_hash_table_iter_init(&iter, names);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_ptr_array_add(list, g_strdup(name));
    g_ptr_array_sort(list, compare);
    return list;
}

static char *format_state(const struct vmgr__pool_record *r)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "poolstate");
    vmgr__xw_attr(&w, "boot", vmgr__boot_id());
    vmgr__xw_attrf(&w, "builds", "%u", r->builds);
    vmgr__xw_attrf(&w, "deletes", "%u", r->deletes);
    vmgr__xw_attrf(&w, "refreshes", "%u", r->refreshes);
    if (r->live)
        vmgr__pool_def_write(r->live, &w);
    vmgr__xw_end(&w, "poolstate");
    return vmgr__xw_finish(&w);
}

int vmgr__pool_record_save(const struct vmgr__storage *st, const struct vmgr__pool_record *r,
                           struct vmgr_error **err)
{
    g_autofree char *path = path_of(st->run_dir, r->name, ".xml");
    g_autofree char *text = format_state(r);

    if (!r->live && !r->config)
        return vmgr__file_remove(path, false, err);
    return vmgr__file_replace(path, text, false, err);
}

static int make_dirs(const struct vmgr__storage *st, struct vmgr_error **err)
{
    const char *const dirs[] = { st->config_dir, st->autostart_dir, st->run_dir };

    for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++) {
        if (g_mkdir_with_parents(dirs[i], 0700) < 0)
            return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE,
                                         "cannot create directory '%s'", dirs[i]);
    }
    return 0;
}

int vmgr__pool_record_save_config(const struct vmgr__storage *st, const struct vmgr__pool_def *def,
                                  struct vmgr_error **err)
{
    g_autofree char *path = path_of(st->config_dir, def->name, ".xml");
    g_autofree char *text = vmgr__pool_def_format(def);

    return vmgr__file_replace(path, text, true, err);
}

int vmgr__pool_record_remove_config(const struct vmgr__storage *st, const char *name,
                                    struct vmgr_error **err)
{
    g_autofree char *path = path_of(st->config_dir, name, ".xml");
    g_autofree char *link = path_of(st->autostart_dir, name, ".xml");

    if (vmgr__file_remove(link, false, err) < 0)
        return -1;
    return vmgr__file_remove(path, true, err);
}

int vmgr__pool_record_set_autostart(const struct vmgr__storage *st, const char *name, bool on,
                                    struct vmgr_error **err)
{
    g_autofree char *link = path_of(st->autostart_dir, name, ".xml");
    g_autofree char *target = g_strdup_printf("../%s.xml", name);

    if (!on)
        return vmgr__file_remove(link, true, err);
    if (symlink(target, link) < 0 && errno != EEXIST)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE,
                                     "Failed to create symlink '%s' to '%s'", link, target);
    vmgr__file_sync_dir(link);
    return 0;
}

int vmgr__pool_record_of(struct vmgr_pool *pool, struct vmgr__pool_record *ret,
                         struct vmgr_error **err)
{
    const struct vmgr__storage *st = vmgr_pool_get_conn(pool)->storage;
    uint8_t uuid[VMGR_UUID_SIZE];
    int r = vmgr__pool_record_load(st, vmgr_pool_get_name(pool), ret, err);

    if (r < 0)
        return -1;
    vmgr_pool_get_uuid(pool, uuid);
    if (r > 0 && memcmp(vmgr__pool_record_def(ret)->uuid, uuid, VMGR_UUID_SIZE) == 0)
        return 0;
    vmgr__pool_record_clear(ret);
    return storage_error(err, VMGR_ERR_NO_STORAGE_POOL,
                         "no storage pool with matching uuid '%s' (%s)",
                         vmgr_pool_get_uuid_string(pool), vmgr_pool_get_name(pool));
}

int vmgr__pool_record_need_active(const struct vmgr__pool_record *r, struct vmgr_error **err)
{
    if (r->live)
        return 0;
    return storage_error(err, VMGR_ERR_OPERATION_INVALID, "storage pool '%s' is not active",
                         r->name);
}

int vmgr__pool_lock(const struct vmgr__storage *st, const char *name, struct vmgr_error **err)
{
    g_autofree char *path = path_of(st->run_dir, name, ".lock");

    if (strlen(name) > NAME_MAX_HERE)
        return storage_error(err, VMGR_ERR_XML_ERROR,
                             "name of a storage pool cannot be longer than %d bytes",
                             NAME_MAX_HERE);
    if (make_dirs(st, err) < 0)
        return -1;
    return vmgr__file_lock(path, STORAGE_LOCK_TIMEOUT_MS, err);
}

int vmgr__pool_lock_set(const struct vmgr__storage *st, struct vmgr_error **err)
{
    g_autofree char *path = g_strconcat(st->run_dir, ".lock", NULL);

    return vmgr__file_lock(path, STORAGE_LOCK_TIMEOUT_MS, err);
}
