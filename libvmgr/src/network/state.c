/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory of networks: definitions, states of runs, and bringing to a rest what a dead caller
 * left.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <string.h>
#include <unistd.h>

#include "../driver/vemu/run/process.h"
#include "../driver/vemu/state/lock.h"
#include "network.h"

char *vmgr__hostnet_run_path(const struct vemu *d, const char *name, const char *file)
{
    return g_strdup_printf("%s/%s.d%s%s", d->net_run_dir, name, file ? "/" : "", file ? file : "");
}

char *vmgr__hostnet_config_path(const struct vemu *d, const char *name)
{
    return g_strdup_printf("%s/%s.xml", d->net_config_dir, name);
}

static char *status_path(const struct vemu *d, const char *name)
{
    return g_strdup_printf("%s/%s.xml", d->net_run_dir, name);
}

int vmgr__hostnet_lock(struct vemu *d, struct vmgr_error **err)
{
    return vmgr__vemu_lock_networks(d, true, err);
}

int vmgr__hostnet_save_config(const struct vemu *d, const struct vmgr__network_def *def,
                              struct vmgr_error **err)
{
    g_autofree char *path = vmgr__hostnet_config_path(d, def->name);
    g_autofree char *xml = vmgr__network_def_format(def);

    if (strlen(def->name) > VEMU_NAME_MAX)
        return hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "the network's name is longer than %d bytes", VEMU_NAME_MAX);
    if (g_mkdir_with_parents(d->net_config_dir, 0700) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK, "cannot create directory '%s'",
                                     d->net_config_dir);
    return vmgr__file_replace(path, xml, true, err);
}

/* The server reads its files after it has given up root's rights. */
static int make_dir(const char *dir, struct vmgr_error **err)
{
    if (g_mkdir_with_parents(dir, 0755) < 0 || chmod(dir, 0755) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK, "cannot create directory '%s'",
                                     dir);
    return 0;
}

int vmgr__hostnet_save_status(const struct vemu *d, const struct vmgr__network_def *def,
                              bool active, struct vmgr_error **err)
{
    g_autofree char *path = status_path(d, def->name);
    g_autofree char *dir = vmgr__hostnet_run_path(d, def->name, NULL);
    g_autofree char *text = NULL;
    struct vmgr__xml_writer w;

    if (make_dir(d->net_run_dir, err) < 0)
        return -1;
    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "networkstatus");
    vmgr__xw_attr(&w, "phase", active ? "active" : "changing");
    vmgr__xw_attr(&w, "boot", vmgr__boot_id());
    vmgr__network_def_write(def, &w);
    vmgr__xw_end(&w, "networkstatus");
    text = vmgr__xw_finish(&w);
    /* The status first: by it a dead caller's directory is found. */
    return vmgr__file_replace(path, text, false, err) < 0 ? -1 : make_dir(dir, err);
}

void vmgr__hostnet_forget(const struct vemu *d, const char *name)
{
    g_autofree char *dir = vmgr__hostnet_run_path(d, name, NULL);
    g_autofree char *status = status_path(d, name);
    g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
    const char *entry;

    while (entries && (entry = g_dir_read_name(entries))) {
        g_autofree char *path = g_build_filename(dir, entry, NULL);

        unlink(path);
    }
    rmdir(dir);
    unlink(status); /* last: as long as it is there, somebody will clean up */
}

/* Reads a status. NULL: none, damaged, of another boot; or *ret_unknown: it could not be read. */
static struct vmgr__network_def *load_status(const struct vemu *d, const char *name,
                                             bool *ret_active, bool *ret_unknown)
{
    g_autofree char *path = status_path(d, name);
    g_autofree char *text = NULL, *phase = NULL, *boot = NULL;
    struct vmgr__network_def *def = NULL;
    xmlDoc *doc;
    xmlNode *root;
    const int r = vmgr__file_read(path, &text, NULL);

    *ret_unknown = r < 0;
    if (r <= 0)
        return NULL;
    doc = vmgr__xml_parse(text, "(network_status)", "networkstatus", NULL);
    if (!doc)
        return NULL;
    root = xmlDocGetRootElement(doc);
    phase = vmgr__xml_attr(root, "phase");
    boot = vmgr__xml_attr(root, "boot");
    if (phase && boot && strcmp(boot, vmgr__boot_id()) == 0 && vmgr__xml_child(root, "network"))
        def = vmgr__network_def_parse_node(vmgr__xml_child(root, "network"), NULL);
    *ret_active = phase && strcmp(phase, "active") == 0;
    xmlFreeDoc(doc);
    if (def && strcmp(def->name, name) != 0)
        g_clear_pointer(&def, vmgr__network_def_free);
    return def;
}

static struct vmgr__netobj *entry(GHashTable *table, GPtrArray *list, const char *name)
{
    struct vmgr__netobj *obj = g_hash_table_lookup(table, name);

    if (!obj) {
        obj = g_new0(struct vmgr__netobj, 1);
        g_hash_table_insert(table, g_strdup(name), obj);
        g_ptr_array_add(list, obj);
    }
    return obj;
}

static void load_configs(const struct vemu *d, GHashTable *table, GPtrArray *list)
{
    g_autoptr(GDir) dir = g_dir_open(d->net_config_dir, 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(d->net_config_dir, file, NULL);
        g_autofree char *link = g_build_filename(d->net_autostart_dir, file, NULL);
        g_autofree char *text = NULL, *name = NULL;
        struct vmgr__network_def *def = NULL;

        if (!g_str_has_suffix(file, ".xml"))
            continue;
        name = g_strndup(file, strlen(file) - 4);
        if (vmgr__file_read(path, &text, NULL) == 1)
            def = vmgr__network_def_parse(text, NULL);
        if (!def || strcmp(def->name, name) != 0) { /* not written by us */
            vmgr__network_def_free(def);
            continue;
        }
        struct vmgr__netobj *obj = entry(table, list, name);

        obj->config = def;
        obj->autostart = g_file_test(link, G_FILE_TEST_IS_SYMLINK);
    }
}

/* What a status stood for that says nothing now: the server by its name, the rest by the definition
 * at rest, if there is one. */
static int take_down(struct vemu *d, const char *name, GHashTable *table)
{
    const struct vmgr__netobj *obj = g_hash_table_lookup(table, name);

    vmgr__dnsmasq_down(d, name);
    return obj && obj->config ? vmgr__hostnet_down(d, obj->config, NULL) : 0;
}

/* locked: what is not active is a dead caller's. *ret_dead: there was one. */
static void load_runs(struct vemu *d, GHashTable *table, GPtrArray *list, bool locked,
                      bool *ret_dead)
{
    g_autoptr(GDir) dir = g_dir_open(d->net_run_dir, 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *name = NULL;
        struct vmgr__network_def *def;
        bool active = false, unknown;

        if (!g_str_has_suffix(file, ".xml"))
            continue;
        name = g_strndup(file, strlen(file) - 4);
        def = load_status(d, name, &active, &unknown);
        if (unknown) /* at this moment, perhaps: nothing of it is touched */
            continue;
        if (def && active) {
            if (locked && vmgr__dnsmasq_is_missing(d, def))
                vmgr__dnsmasq_refresh(d, def, NULL);
            else if (!locked && vmgr__dnsmasq_is_missing(d, def))
                *ret_dead = true;
            entry(table, list, name)->live = def;
            continue;
        }
        *ret_dead = true;
        if (locked && (def ? vmgr__hostnet_down(d, def, NULL) : take_down(d, name, table)) == 0)
            vmgr__hostnet_forget(d, name);
        vmgr__network_def_free(def);
    }
}

static GPtrArray *load(struct vemu *d, bool locked, bool *ret_dead)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(vmgr__netobj_free);
    g_autoptr(GHashTable) table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    load_configs(d, table, list);
    load_runs(d, table, list, locked, ret_dead);
    return list;
}

GPtrArray *vmgr__hostnet_load_locked(struct vemu *d)
{
    bool dead;

    return load(d, true, &dead);
}

GPtrArray *vmgr__hostnet_load(struct vemu *d)
{
    bool dead = false;
    GPtrArray *list = load(d, false, &dead);
    int lock;

    if (!dead || d->read_only)
        return list;
    lock = vmgr__vemu_lock_networks(d, false, NULL);
    if (lock < 0)
        return list; /* somebody is at it */
    g_ptr_array_unref(list);
    list = vmgr__hostnet_load_locked(d);
    vmgr__vemu_unlock(lock);
    return list;
}
