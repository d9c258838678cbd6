/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions about pools and volumes, and the table of all operations.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../conf/def.h"
#include "backend.h"

struct vmgr__storage *vmgr__storage_new(struct vmgr_conn *conn, const char *config_dir,
                                        const char *run_dir)
{
    struct vmgr__storage *st = g_new0(struct vmgr__storage, 1);

    st->conn = conn;
    st->config_dir = g_strdup(config_dir);
    st->autostart_dir = g_build_filename(config_dir, "autostart", NULL);
    st->run_dir = g_strdup(run_dir);
    st->inotify_fd = -1;
    g_mutex_init(&st->lock);
    return st;
}

void vmgr__storage_free(struct vmgr__storage *st)
{
    if (!st)
        return;
    if (st->inotify_fd >= 0)
        close(st->inotify_fd);
    g_clear_pointer(&st->known, g_hash_table_unref);
    g_mutex_clear(&st->lock);
    g_free(st->config_dir);
    g_free(st->autostart_dir);
    g_free(st->run_dir);
    g_free(st);
}

/* ---- pools ---- */

/* Calls `each` with every pool until it returns something else than 0; returns that. Pools whose
 * files nobody can read are passed over: the operation that needs them complains. */
static int each_pool(const struct vmgr__storage *st,
                     int (*each)(const struct vmgr__pool_record *record, void *data), void *data)
{
    g_autoptr(GPtrArray) names = vmgr__pool_record_names(st);
    int r = 0;

    for (guint i = 0; i < names->len && r == 0; i++) {
        struct vmgr__pool_record record;

        if (vmgr__pool_record_load(st, names->pdata[i], &record, NULL) > 0) {
            r = each(&record, data);
            vmgr__pool_record_clear(&record);
        }
    }
    return r;
}

static struct vmgr_pool *handle(struct vmgr_conn *conn, const struct vmgr__pool_record *record)
{
    return vmgr__pool_new(conn, record->name, vmgr__pool_record_def(record)->uuid);
}

struct wanted {
    struct vmgr_conn *conn;
    const uint8_t *uuid;
    const char *path;
    struct vmgr_pool *found;
};

static int match_uuid(const struct vmgr__pool_record *record, void *data)
{
    struct wanted *w = data;

    if (memcmp(vmgr__pool_record_def(record)->uuid, w->uuid, VMGR_UUID_SIZE) == 0)
        w->found = handle(w->conn, record);
    return w->found != NULL;
}

static int pool_lookup(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                       struct vmgr_pool **ret, struct vmgr_error **err)
{
    struct wanted w = { .conn = conn, .uuid = uuid };
    struct vmgr__pool_record record;
    char text[VMGR_UUID_STRING_SIZE];
    int r;

    if (uuid) {
        each_pool(conn->storage, match_uuid, &w);
        *ret = w.found;
        vmgr__uuid_format(uuid, text);
        return w.found ? 0
                       : storage_error(err, VMGR_ERR_NO_STORAGE_POOL,
                                       "no storage pool with matching uuid '%s'", text);
    }
    r = vmgr__pool_record_load(conn->storage, name, &record, err);
    if (r < 0)
        return -1;
    if (r == 0)
        return storage_error(err, VMGR_ERR_NO_STORAGE_POOL,
                             "no storage pool with matching name '%s'", name);
    *ret = handle(conn, &record);
    vmgr__pool_record_clear(&record);
    return 0;
}

static int match_path(const struct vmgr__pool_record *record, void *data)
{
    struct wanted *w = data;

    if (record->live && g_strcmp0(record->live->path, w->path) == 0)
        w->found = handle(w->conn, record);
    return w->found != NULL;
}

static int pool_lookup_by_target_path(struct vmgr_conn *conn, const char *path,
                                      struct vmgr_pool **ret, struct vmgr_error **err)
{
    g_autofree char *clean = g_canonicalize_filename(path, "/");
    struct wanted w = { .conn = conn, .path = clean };

    each_pool(conn->storage, match_path, &w);
    *ret = w.found;
    return w.found ? 0
                   : storage_error(err, VMGR_ERR_NO_STORAGE_POOL,
                                   "no storage pool with matching target path '%s'", path);
}

/* Bits of a group that say yes to a fact, and those that say no. */
static bool passes(uint32_t flags, uint32_t yes, uint32_t no, bool fact)
{
    return !(flags & (yes | no)) || flags & (fact ? yes : no);
}

struct listing {
    struct vmgr_conn *conn;
    uint32_t flags;
    GPtrArray *found;
};

static int add_pool(const struct vmgr__pool_record *record, void *data)
{
    const uint32_t types = ~0x3fu;
    const struct listing *l = data;
    const uint32_t type = vmgr__pool_kinds[vmgr__pool_record_def(record)->type].list_flag;

    if (passes(l->flags, VMGR_POOL_LIST_ACTIVE, VMGR_POOL_LIST_INACTIVE, record->live) &&
        passes(l->flags, VMGR_POOL_LIST_PERSISTENT, VMGR_POOL_LIST_TRANSIENT, record->config) &&
        passes(l->flags, VMGR_POOL_LIST_AUTOSTART, VMGR_POOL_LIST_NO_AUTOSTART,
               record->autostart) &&
        (!(l->flags & types) || l->flags & type))
        g_ptr_array_add(l->found, handle(l->conn, record));
    return 0;
}

static int pool_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                     struct vmgr_error **err G_GNUC_UNUSED)
{
    struct listing l = { conn, flags, ret };

    return each_pool(conn->storage, add_pool, &l);
}

/* What is active, measured now. */
static int measure(struct vmgr__pool_record *record, struct vmgr_error **err)
{
    const struct vmgr__backend *b = vmgr__backend_of(record->live, err);

    return b ? b->measure(record->live, err) : -1;
}

static int pool_get_info(struct vmgr_pool *pool, struct vmgr_pool_info *ret,
                         struct vmgr_error **err)
{
    struct vmgr__pool_record record;
    int r;

    if (vmgr__pool_record_of(pool, &record, err) < 0)
        return -1;
    ret->state = record.live ? VMGR_POOL_RUNNING : VMGR_POOL_INACTIVE;
    r = record.live ? measure(&record, err) : 0;
    ret->capacity = vmgr__pool_record_def(&record)->capacity;
    ret->allocation = vmgr__pool_record_def(&record)->allocation;
    ret->available = vmgr__pool_record_def(&record)->available;
    vmgr__pool_record_clear(&record);
    return r;
}

/* Who owns the directory now. */
static void see_owner(struct vmgr__pool_def *def)
{
    struct stat st;

    if (!def->path || stat(def->path, &st) < 0)
        return;
    def->perms.mode = (int)(st.st_mode & 0777);
    def->perms.owner = st.st_uid;
    def->perms.group = st.st_gid;
}

static int pool_get_xml(struct vmgr_pool *pool, uint32_t flags, char **ret, struct vmgr_error **err)
{
    struct vmgr__pool_record record;

    if (vmgr__pool_record_of(pool, &record, err) < 0)
        return -1;
    if (flags & VMGR_POOL_XML_INACTIVE && record.config) {
        *ret = vmgr__pool_def_format(record.config);
    } else {
        /* A question about the definition is answered even when the storage is not. */
        if (record.live && measure(&record, NULL) == 0)
            see_owner(record.live);
        *ret = vmgr__pool_def_format(vmgr__pool_record_def(&record));
    }
    vmgr__pool_record_clear(&record);
    return 0;
}

/* Answers with a fact of the record. */
static int ask(struct vmgr_pool *pool, bool (*fact)(const struct vmgr__pool_record *record),
               struct vmgr_error **err)
{
    struct vmgr__pool_record record;
    int answer;

    if (vmgr__pool_record_of(pool, &record, err) < 0)
        return -1;
    answer = fact(&record);
    vmgr__pool_record_clear(&record);
    return answer;
}

static bool is_active(const struct vmgr__pool_record *record)
{
    return record->live != NULL;
}

static bool is_persistent(const struct vmgr__pool_record *record)
{
    return record->config != NULL;
}

static bool has_autostart(const struct vmgr__pool_record *record)
{
    return record->autostart;
}

static int pool_is_active(struct vmgr_pool *pool, struct vmgr_error **err)
{
    return ask(pool, is_active, err);
}

static int pool_is_persistent(struct vmgr_pool *pool, struct vmgr_error **err)
{
    return ask(pool, is_persistent, err);
}

static int pool_get_autostart(struct vmgr_pool *pool, struct vmgr_error **err)
{
    return ask(pool, has_autostart, err);
}

/* ---- volumes ---- */

/* The record and backend of an active pool. */
static const struct vmgr__backend *
active_pool(struct vmgr_pool *pool, struct vmgr__pool_record *record, struct vmgr_error **err)
{
    const struct vmgr__backend *b = NULL;

    if (vmgr__pool_record_of(pool, record, err) < 0)
        return NULL;
    if (vmgr__pool_record_need_active(record, err) == 0)
        b = vmgr__backend_of(record->live, err);
    if (!b)
        vmgr__pool_record_clear(record);
    return b;
}

static int pool_list_volumes(struct vmgr_pool *pool, GPtrArray *ret, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(vmgr__volume_def_free);
    struct vmgr__pool_record record;
    const struct vmgr__backend *b = active_pool(pool, &record, err);
    int r;

    if (!b)
        return -1;
    r = b->list(record.live, found, err);
    for (guint i = 0; r == 0 && i < found->len; i++) {
        const struct vmgr__volume_def *def = found->pdata[i];

        g_ptr_array_add(
            ret, vmgr__volume_new(vmgr_pool_get_conn(pool), record.name, def->name, def->key));
    }
    vmgr__pool_record_clear(&record);
    return r;
}

static int volume_lookup(struct vmgr_pool *pool, const char *name, struct vmgr_volume **ret,
                         struct vmgr_error **err)
{
    struct vmgr__volume_def *def = NULL;
    struct vmgr__pool_record record;
    const struct vmgr__backend *b = active_pool(pool, &record, err);
    int r;

    if (!b)
        return -1;
    r = vmgr__backend_find(b, record.live, name, &def, err);
    if (r == 0)
        storage_error(err, VMGR_ERR_NO_STORAGE_VOL, "no storage vol with matching name '%s'", name);
    if (r > 0)
        *ret = vmgr__volume_new(vmgr_pool_get_conn(pool), record.name, def->name, def->key);
    vmgr__volume_def_free(def);
    vmgr__pool_record_clear(&record);
    return r > 0 ? 0 : -1;
}

struct search {
    struct vmgr_conn *conn;
    const char *path, *key; /* one of them */
    struct vmgr_volume *found;
};

/* Looks through a pool; where volumes are files, their path says which name it would be. */
static int search_pool(const struct vmgr__pool_record *record, void *data)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(vmgr__volume_def_free);
    struct search *s = data;
    const char *path = s->path ? s->path : s->key;
    const struct vmgr__backend *b = record->live ? vmgr__backend_of(record->live, NULL) : NULL;

    if (!b)
        return 0;
    if (b->find) {
        const char *slash = strrchr(path, '/');
        g_autofree char *dir = slash ? g_strndup(path, (gsize)(slash - path)) : NULL;
        struct vmgr__volume_def *def = NULL;

        if (slash && strcmp(*dir ? dir : "/", record->live->path) == 0 &&
            b->find(record->live, slash + 1, &def, NULL) > 0)
            g_ptr_array_add(list, def);
    } else if (b->list(record->live, list, NULL) < 0) {
        return 0;
    }
    for (guint i = 0; i < list->len && !s->found; i++) {
        const struct vmgr__volume_def *def = list->pdata[i];

        if (g_strcmp0(s->path, def->target.path) == 0 || g_strcmp0(s->key, def->key) == 0)
            s->found = vmgr__volume_new(s->conn, record->name, def->name, def->key);
    }
    return s->found != NULL;
}

static int volume_lookup_by_key(struct vmgr_conn *conn, const char *key, struct vmgr_volume **ret,
                                struct vmgr_error **err)
{
    struct search s = { .conn = conn, .key = key };

    each_pool(conn->storage, search_pool, &s);
    *ret = s.found;
    return s.found ? 0
                   : storage_error(err, VMGR_ERR_NO_STORAGE_VOL,
                                   "no storage vol with matching key %s", key);
}

static int volume_lookup_by_path(struct vmgr_conn *conn, const char *path, struct vmgr_volume **ret,
                                 struct vmgr_error **err)
{
    g_autofree char *clean = *path == '/' ? g_canonicalize_filename(path, "/") : g_strdup(path);
    struct search s = { .conn = conn, .path = clean };

    if (*path == '/')
        each_pool(conn->storage, search_pool, &s);
    *ret = s.found;
    if (s.found)
        return 0;
    if (strcmp(path, clean) == 0)
        return storage_error(err, VMGR_ERR_NO_STORAGE_VOL, "no storage vol with matching path '%s'",
                             path);
    return storage_error(err, VMGR_ERR_NO_STORAGE_VOL,
                         "no storage vol with matching path '%s' (%s)", path, clean);
}

int vmgr__storage_volume_of(struct vmgr_volume *volume, struct vmgr__pool_record *ret_pool,
                            struct vmgr__volume_def **ret_def, struct vmgr_error **err)
{
    const struct vmgr__storage *st = vmgr_volume_get_conn(volume)->storage;
    const char *pool = vmgr_volume_get_pool_name(volume), *name = vmgr_volume_get_name(volume);
    const struct vmgr__backend *b;
    int r = vmgr__pool_record_load(st, pool, ret_pool, err);

    *ret_def = NULL;
    if (r == 0)
        storage_error(err, VMGR_ERR_NO_STORAGE_POOL, "no storage pool with matching name '%s'",
                      pool);
    if (r <= 0)
        return -1;
    r = -1;
    if (vmgr__pool_record_need_active(ret_pool, err) == 0) {
        b = vmgr__backend_of(ret_pool->live, err);
        r = b ? vmgr__backend_find(b, ret_pool->live, name, ret_def, err) : -1;
        if (r == 0)
            storage_error(err, VMGR_ERR_NO_STORAGE_VOL, "no storage vol with matching name '%s'",
                          name);
    }
    if (r > 0)
        return 0;
    vmgr__pool_record_clear(ret_pool);
    return -1;
}

static int volume_get_info(struct vmgr_volume *volume, uint32_t flags, struct vmgr_volume_info *ret,
                           struct vmgr_error **err)
{
    struct vmgr__pool_record pool;
    struct vmgr__volume_def *def;

    if (vmgr__storage_volume_of(volume, &pool, &def, err) < 0)
        return -1;
    ret->type = def->type;
    ret->capacity = def->capacity;
    ret->allocation = flags & VMGR_VOLUME_GET_PHYSICAL ? def->physical : def->allocation;
    vmgr__volume_def_free(def);
    vmgr__pool_record_clear(&pool);
    return 0;
}

static int volume_get_xml(struct vmgr_volume *volume, char **ret, struct vmgr_error **err)
{
    struct vmgr__pool_record pool;
    struct vmgr__volume_def *def;

    if (vmgr__storage_volume_of(volume, &pool, &def, err) < 0)
        return -1;
    *ret = vmgr__volume_def_format(def, pool.live->type);
    vmgr__volume_def_free(def);
    vmgr__pool_record_clear(&pool);
    return 0;
}

static int volume_get_path(struct vmgr_volume *volume, char **ret, struct vmgr_error **err)
{
    struct vmgr__pool_record pool;
    struct vmgr__volume_def *def;

    if (vmgr__storage_volume_of(volume, &pool, &def, err) < 0)
        return -1;
    *ret = g_strdup(def->target.path);
    vmgr__volume_def_free(def);
    vmgr__pool_record_clear(&pool);
    return 0;
}

const struct vmgr__storage_ops vmgr__storage_vemu = {
    .pool_lookup = pool_lookup,
    .pool_lookup_by_target_path = pool_lookup_by_target_path,
    .pool_list = pool_list,
    .pool_define = vmgr__storage_define,
    .pool_create = vmgr__storage_create,
    .pool_start = vmgr__storage_start,
    .pool_destroy = vmgr__storage_destroy,
    .pool_undefine = vmgr__storage_undefine,
    .pool_build = vmgr__storage_build,
    .pool_delete = vmgr__storage_delete,
    .pool_refresh = vmgr__storage_refresh,
    .pool_get_info = pool_get_info,
    .pool_get_xml = pool_get_xml,
    .pool_is_active = pool_is_active,
    .pool_is_persistent = pool_is_persistent,
    .pool_get_autostart = pool_get_autostart,
    .pool_set_autostart = vmgr__storage_set_autostart,
    .pool_list_volumes = pool_list_volumes,
    .find_sources = vmgr__storage_find_sources,
    .get_capabilities = vmgr__storage_get_capabilities,
    .volume_lookup = volume_lookup,
    .volume_lookup_by_key = volume_lookup_by_key,
    .volume_lookup_by_path = volume_lookup_by_path,
    .volume_create = vmgr__storage_volume_create,
    .volume_delete = vmgr__storage_volume_delete,
    .volume_wipe = vmgr__storage_volume_wipe,
    .volume_resize = vmgr__storage_volume_resize,
    .volume_get_info = volume_get_info,
    .info_flags = true,
    .volume_get_xml = volume_get_xml,
    .volume_get_path = volume_get_path,
    .volume_upload = vmgr__storage_volume_upload,
    .volume_download = vmgr__storage_volume_download,
    .watch = vmgr__storage_watch,
    .poll_events = vmgr__storage_poll_events,
};
