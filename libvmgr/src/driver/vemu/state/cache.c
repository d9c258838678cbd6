/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this connection knows of the directory, and the events that follow from what changed.
 *
 * Theory of operation. Before each question the cache is compared with the files: a file is read
 * again when its identity (inode, size, times) is another, and a run is looked at again when its
 * process ended. The difference between the old record and the new one is the list of events. So an
 * event comes out the same whoever caused it, this connection's own calls included. Events are only
 * derived while runs are listened to; what there is when that begins is the baseline.
 */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "../define.h"
#include "../device/parts.h"
#include "../device/parts.h"
#include "../run/console.h"
#include "../run/news.h"
#include "cache.h"
#include "lifecycle-event.h"
#include "notice.h"
#include "paths.h"
#include "record.h"
#include "status.h"
#include "text.h"
#include "watch.h"

/* A run between its announcement and its process is nobody's business yet. */
static bool is_visible(const struct vemu_status *s)
{
    return s->phase == VEMU_ACTIVE || s->phase == VEMU_STOPPING ||
           (s->phase == VEMU_STARTING && s->process.pid);
}

static bool has_autostart(const struct vemu *d, const char *name)
{
    g_autofree char *link = vmgr__vemu_autostart_path(d, name);
    struct stat st;

    return lstat(link, &st) == 0;
}

/* Takes an object out of the list. reason: why it does not run any more, if it did. */
static void drop(struct vemu *d, struct vmgr__domobj *obj, int reason, int undefined_detail)
{
    struct vemu_view old = vmgr__vemu_view_of(obj);
    struct vemu_view now = { .state = VMGR_DOMAIN_SHUTOFF, .reason = reason };
    const char *name = vmgr__domobj_name(obj);

    if (d->copies)
        vmgr__vemu_notice_set(d, false); /* its UUID is free for another file */
    d->copies = false;
    vmgr__vemu_emit_state(d, name, vmgr__domobj_uuid(obj), &old, &now);
    g_hash_table_remove(d->job_names, name);
    if (old.persistent)
        vmgr__vemu_emit(d, name, vmgr__domobj_uuid(obj), VMGR_DOMAIN_EVENT_UNDEFINED,
                        undefined_detail);
    vmgr__vemu_text_forget(d, name);
    g_hash_table_remove(d->unsettled, obj);
    vmgr__domlist_remove(&d->list, obj);
}

/* Adds an object for what was read about a name. NULL when its UUID belongs to someone else. */
static struct vmgr__domobj *admit(struct vemu *d, struct vmgr__domain_def *config,
                                  struct vmgr__domain_def *live, bool *ret_renamed)
{
    const struct vmgr__domain_def *any = live ? live : config;
    struct vmgr__domobj *other = vmgr__domlist_by_uuid(&d->list, any->uuid);
    struct vmgr__domobj *obj;

    if (other) {
        g_autofree char *path = vmgr__vemu_config_path(d, vmgr__domobj_name(other));

        /* A copy that somebody made of a file: the first one keeps the UUID. */
        if (other->live || access(path, F_OK) == 0) {
            d->copies = true;
            return NULL;
        }
        drop(d, other, VMGR_DOMAIN_SHUTOFF_UNKNOWN, VMGR_DOMAIN_EVENT_UNDEFINED_RENAMED);
        *ret_renamed = true;
    }
    obj = vmgr__domobj_new();
    vmgr__vemu_record_add(obj);
    obj->config = config;
    obj->live = live;
    vmgr__domlist_add(&d->list, obj);
    vmgr__vemu_obj_doubt(d, obj);
    return obj;
}

static bool is_current(const struct vmgr__domobj *obj, const struct vemu_file_key *config_key,
                       const struct vemu_file_key *status_key, bool autostart)
{
    const struct vemu_record *r = vmgr__vemu_record_of(obj);

    return vmgr__vemu_key_equal(&r->config_key, config_key) &&
           vmgr__vemu_key_equal(&r->status_key, status_key) && obj->autostart == autostart &&
           (!obj->live || vmgr__process_is_alive(&r->process));
}

/* Nothing was told about it, and a guest's process is the only thing that changes silently. */
static bool is_certain(const struct vmgr__domobj *obj)
{
    const struct vemu_record *r = vmgr__vemu_record_of(obj);

    return obj->certain && (!obj->live || vmgr__process_is_alive(&r->process));
}

/* What one look at the files of a name found. */
struct found {
    struct vemu_file_key config_key, status_key;
    bool autostart;
    bool same_config; /* the object's definition still stands; config is not read */
    bool outline;     /* config has name and UUID alone */
    bool unreadable;  /* there is a run, and nothing to be read about it */
    struct vmgr__domain_def *config;
    struct vemu_status status;
};

/* What is known of a run whose status nobody can read: its name, and the UUID that its definition
 * has or its monitor tells. NULL: not even that. */
static struct vmgr__domain_def *outline_of_run(const struct vemu *d, const char *name,
                                               const struct vmgr__domain_def *config)
{
    struct vmgr__domain_def *def = vmgr__domain_def_new();
    bool found = config != NULL;

    def->name = g_strdup(name);
    if (config)
        memcpy(def->uuid, config->uuid, VMGR_UUID_SIZE);
    else
        found = vmgr__vemu_ask_uuid(d, name, def->uuid);
    if (!found)
        vmgr__domain_def_free(def);
    return found ? def : NULL;
}

/* How the domain is by what was found; `live` is its definition if it runs. */
static void put_state(struct vmgr__domobj *obj, const struct vmgr__domain_def *live,
                      const struct found *f)
{
    obj->unreadable = live && f->unreadable;
    obj->state = obj->unreadable ? VMGR_DOMAIN_NOSTATE
                 : live          ? f->status.state
                                 : VMGR_DOMAIN_SHUTOFF;
    obj->reason =
        live || f->status.phase == VEMU_OFF ? f->status.reason : VMGR_DOMAIN_SHUTOFF_UNKNOWN;
    obj->updated = live && f->status.updated;
    obj->autostart = f->autostart;
}

static void apply(struct vemu *d, const char *name, struct vmgr__domobj *obj, struct found *f)
{
    struct vmgr__domain_def *live = f->unreadable            ? outline_of_run(d, name, f->config)
                                    : is_visible(&f->status) ? g_steal_pointer(&f->status.def)
                                                             : NULL;
    struct vmgr__domain_def *config = f->same_config ? obj->config : g_steal_pointer(&f->config);
    const struct vmgr__domain_def *any = live ? live : config;
    struct vemu_view old = { .state = VMGR_DOMAIN_SHUTOFF }, now;
    bool renamed = false, replaced = false, same_run = false, heard, was_unreadable = false;
    struct vemu_record *r;

    if (obj && (!any || memcmp(vmgr__domobj_uuid(obj), any->uuid, VMGR_UUID_SIZE) != 0)) {
        if (f->same_config)
            config = NULL; /* it goes with the object */
        drop(d, obj, f->status.reason, VMGR_DOMAIN_EVENT_UNDEFINED_REMOVED);
        obj = NULL;
        any = live ? live : config;
    }
    if (!any)
        return;
    if (obj) {
        old = vmgr__vemu_view_of(obj);
        was_unreadable = obj->unreadable;
        replaced = !f->same_config && obj->config && config;
        same_run = obj->live && live && obj->live->id == live->id;
        if (d->watching && same_run)
            vmgr__vemu_emit_difference(d, obj->live, live);
        else if (d->watching && replaced && !obj->live && !live)
            vmgr__vemu_emit_metadata(d, obj->config, config);
        vmgr__vemu_text_forget(d, name);
        if (!f->same_config)
            vmgr__domain_def_free(obj->config);
        vmgr__domain_def_free(obj->live);
        obj->config = config;
        obj->live = live;
    } else {
        obj = admit(d, config, live, &renamed);
        if (!obj) {
            vmgr__domain_def_free(config);
            vmgr__domain_def_free(live);
            return;
        }
    }
    put_state(obj, live, f);
    r = vmgr__vemu_record_of(obj);
    if (!f->same_config) {
        r->outline = f->outline;
        r->silent = false;
    }
    r->config_key = f->config_key;
    r->status_key = f->status_key;
    if (f->status.unsettled) /* to be read again, whatever the file's times say */
        memset(&r->status_key, 0, sizeof(r->status_key));
    heard = r->listener != NULL;
    vmgr__vemu_record_set_process(d, name, r,
                                  live ? &f->status.process : &(struct vemu_process){ 0 });
    vmgr__vemu_record_take_jobs(d, obj, &f->status, same_run);
    if (!heard && r->listener)
        vmgr__vemu_ask_soon(d, name);
    now = vmgr__vemu_view_of(obj);
    vmgr__vemu_emit_config(d, obj, &old, replaced, renamed);
    if (!was_unreadable) /* what it was before is not known */
        vmgr__vemu_emit_state(d, name, vmgr__domobj_uuid(obj), &old, &now);
}

/* What directories were found to hold, for a look at all names. */
struct contents {
    GHashTable *configs, *runs, *autostarts; /* sets of names */
    bool told;                               /* what came into them since is told */
};

static int load_config(struct vemu *d, const char *name, bool outline, struct found *f,
                       struct vmgr_error **err)
{
    const bool stored = d->stored && strcmp(d->stored->name, name) == 0;
    g_autofree char *path = outline || stored ? vmgr__vemu_config_path(d, name) : NULL;
    g_autofree char *text = NULL;

    if (path && vmgr__file_read(path, &text, NULL) < 0)
        g_clear_pointer(&text, g_free);
    if (text && stored && strcmp(text, d->stored_text) == 0) {
        f->config = g_steal_pointer(&d->stored);
        return 1;
    }
    if (text && outline)
        f->config = vmgr__vemu_outline(text, name);
    f->outline = f->config != NULL;
    return f->outline ? 1 : vmgr__vemu_config_load(d, name, &f->config, err);
}

/* It agrees with its files, for as long as what happens to them is told. */
static void looked_at(struct vemu *d, struct vmgr__domobj *obj, bool told)
{
    vmgr__vemu_obj_doubt(d, obj);
    obj->certain = told;
    if (told && !obj->live)
        g_hash_table_remove(d->unsettled, obj);
}

/* reason: how a run ended whose status file is gone, where the caller knows. in: or NULL. */
static void look(struct vemu *d, const char *name, int reason, const struct contents *in)
{
    g_autofree char *config_path = vmgr__vemu_config_path(d, name);
    const bool has_run = !in || g_hash_table_contains(in->runs, name);
    g_autofree char *status_path = has_run ? vmgr__vemu_run_path(d, name, "status.xml") : NULL;
    const bool told = has_run ? vmgr__vemu_notice_run(d, name) : in->told;
    struct vmgr__domobj *obj = vmgr__domlist_by_name(&d->list, name);
    struct found f = { .status = { .state = VMGR_DOMAIN_SHUTOFF } };
    struct vmgr_error *err = NULL;
    bool has_status;
    int r = 0;

    vmgr__vemu_notice_seen(d, name);
    vmgr__vemu_read_key(config_path, &f.config_key);
    has_status = has_run && vmgr__vemu_read_key(status_path, &f.status_key);
    f.autostart = in ? g_hash_table_contains(in->autostarts, name) : has_autostart(d, name);
    if (d->watching && has_run)
        vmgr__vemu_watch_run(d, name);
    if (obj && is_current(obj, &f.config_key, &f.status_key, f.autostart)) {
        looked_at(d, obj, told);
        return;
    }
    if (has_status)
        r = vmgr__vemu_status_settled(d, name, &f.status, &err);
    f.unreadable = r < 0;
    if (r == 0)
        f.status.reason = reason;
    f.same_config =
        obj && vmgr__vemu_key_equal(&vmgr__vemu_record_of(obj)->config_key, &f.config_key);
    if (r >= 0 && !f.same_config)
        r = load_config(d, name, !d->whole, &f, &err);
    /*
     * Files that nobody can read: what is known stays, and the operation that needs them complains.
     * A run of which nothing is known is in the list all the same.
     */
    if (f.unreadable && !obj)
        load_config(d, name, !d->whole, &f, NULL);
    if (r >= 0 || !obj)
        apply(d, name, obj, &f);
    obj = r >= 0 ? vmgr__domlist_by_name(&d->list, name) : NULL;
    if (obj)
        looked_at(d, obj, told);
    if (f.status.unsettled)
        vmgr__vemu_notice_doubt(d, name);
    vmgr_error_free(err);
    vmgr__domain_def_free(f.config);
    vmgr__vemu_status_clear(&f.status);
}

static void refresh(struct vemu *d, const char *name, int reason)
{
    const bool told = vmgr__vemu_notice_look(d);
    const struct vmgr__domobj *obj = vmgr__domlist_by_name(&d->list, name);

    if (!told || !obj || !is_certain(obj))
        look(d, name, reason, NULL);
}

void vmgr__vemu_refresh_locked(struct vemu *d, const char *name)
{
    refresh(d, name, VMGR_DOMAIN_SHUTOFF_UNKNOWN);
}

void vmgr__vemu_changed(struct vemu *d, const char *name, int reason)
{
    g_mutex_lock(&d->lock);
    refresh(d, name, reason);
    g_mutex_unlock(&d->lock);
}

/* Looks at those domains about which something was told. */
static void refresh_doubtful(struct vemu *d)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    void *obj;

    g_hash_table_iter_init(&iter, d->unsettled);
    while (g_hash_table_iter_next(&iter, &obj, NULL)) {
        if (!is_certain(obj))
            g_ptr_array_add(names, g_strdup(vmgr__domobj_name(obj)));
    }
    vmgr__vemu_notice_strangers(d, names);
    for (guint i = 0; i < names->len; i++)
        look(d, names->pdata[i], VMGR_DOMAIN_SHUTOFF_UNKNOWN, NULL);
}

/* Names in a directory: entries that end in `suffix`, without it. */
static void collect(GHashTable *names, const char *dir, const char *suffix)
{
    DIR *stream = opendir(dir);
    const struct dirent *e;

    while (stream && (e = readdir(stream))) {
        if (g_str_has_suffix(e->d_name, suffix) && strlen(e->d_name) > strlen(suffix))
            g_hash_table_add(names, g_strndup(e->d_name, strlen(e->d_name) - strlen(suffix)));
    }
    if (stream)
        closedir(stream);
}

static GHashTable *collect_in(const char *dir, const char *suffix)
{
    GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    collect(names, dir, suffix);
    return names;
}

static void look_at_all(struct vemu *d, const struct contents *in)
{
    g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    void *name;

    /* New names first: a rename is then seen as one, not as a loss and a find. */
    g_hash_table_iter_init(&iter, d->list.by_name);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_ptr_array_add(known, g_strdup(name));
    g_hash_table_iter_init(&iter, in->configs);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        look(d, name, VMGR_DOMAIN_SHUTOFF_UNKNOWN, in);
    g_hash_table_iter_init(&iter, in->runs);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        if (!g_hash_table_contains(in->configs, name))
            look(d, name, VMGR_DOMAIN_SHUTOFF_UNKNOWN, in);
    }
    for (guint i = 0; i < known->len; i++) {
        if (!g_hash_table_contains(in->configs, known->pdata[i]) &&
            !g_hash_table_contains(in->runs, known->pdata[i]))
            look(d, known->pdata[i], VMGR_DOMAIN_SHUTOFF_UNKNOWN, NULL);
    }
}

void vmgr__vemu_refresh_all_locked(struct vemu *d)
{
    struct contents in = { .told = vmgr__vemu_notice_look(d) };

    if (in.told && vmgr__vemu_notice_set_known(d)) {
        refresh_doubtful(d);
        return;
    }
    vmgr__vemu_notice_set(d, true);
    in.configs = collect_in(d->config_dir, ".xml");
    in.runs = collect_in(d->run_dir, ".d");
    in.autostarts = collect_in(d->autostart_dir, ".xml");
    vmgr__vemu_notice_count(d, g_hash_table_size(in.configs));
    look_at_all(d, &in);
    g_hash_table_unref(in.configs);
    g_hash_table_unref(in.runs);
    g_hash_table_unref(in.autostarts);
}

/* ---- handles ---- */

static bool file_says(const struct vemu *d, const char *name, const char *text)
{
    g_autofree char *path = vmgr__vemu_config_path(d, name);
    g_autofree char *found = NULL;

    return vmgr__file_read(path, &found, NULL) > 0 && strcmp(found, text) == 0;
}

void vmgr__vemu_keep_definition(struct vemu *d, const char *name, struct vmgr__domain_def *def,
                                const char *text)
{
    g_autoptr(GPtrArray) remarks = g_ptr_array_new_with_free_func(g_free);
    GPtrArray *warnings = g_ptr_array_ref(def->warnings);
    struct vmgr__domobj *obj;

    vmgr__vemu_remarks(def, remarks);
    g_mutex_lock(&d->lock);
    d->stored = def;
    d->stored_text = text;
    refresh(d, name, VMGR_DOMAIN_SHUTOFF_UNKNOWN); /* load_config() takes it */
    obj = vmgr__domlist_by_name(&d->list, name);
    /* Somebody has read the file already. */
    if (d->stored && warnings->len && obj && obj->config &&
        vmgr__vemu_obj_load(d, obj, NULL) == 0) {
        g_ptr_array_unref(obj->config->warnings);
        obj->config->warnings = g_ptr_array_ref(warnings);
    }
    if (obj && obj->config && !warnings->len && !remarks->len)
        vmgr__vemu_record_of(obj)->silent = !d->stored || file_says(d, name, text);
    vmgr__domain_def_free(d->stored);
    d->stored = NULL;
    d->stored_text = NULL;
    g_mutex_unlock(&d->lock);
    g_ptr_array_unref(warnings);
}
