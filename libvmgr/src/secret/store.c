/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where secrets are: files and memory. See secret.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../conf/def.h"
#include "../driver/vemu/state/file.h"
#include "secret.h"

#define LOCK_TIMEOUT_MS 30000

struct vmgr__secret_store {
    GMutex lock;
    char *dir;         /* NULL: none */
    GPtrArray *memory; /* struct vmgr__secret_def */
    struct vmgr__secret_watch *watch; /* NULL: nobody listens to what is stored */
};

#define secret_error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_SECRET, __VA_ARGS__)

struct vmgr__secret_store *vmgr__secret_store_new(const char *dir)
{
    struct vmgr__secret_store *store = g_new0(struct vmgr__secret_store, 1);

    g_mutex_init(&store->lock);
    store->dir = g_strdup(dir);
    store->memory = g_ptr_array_new_with_free_func(vmgr__secret_def_free);
    return store;
}

void vmgr__secret_store_free(struct vmgr__secret_store *store)
{
    if (!store)
        return;
    vmgr__secret_watch_free(store->watch);
    g_ptr_array_unref(store->memory);
    g_mutex_clear(&store->lock);
    g_free(store->dir);
    g_free(store);
}

/* ---- files ---- */

static char *path_of(const struct vmgr__secret_store *store, const uint8_t *uuid, const char *end)
{
    char text[VMGR_UUID_STRING_SIZE];

    vmgr__uuid_format(uuid, text);
    return g_strdup_printf("%s/%s.%s", store->dir, text, end);
}

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    g_free(text);
}

static void load_value(const struct vmgr__secret_store *store, struct vmgr__secret_def *def)
{
    g_autofree char *path = path_of(store, def->uuid, "base64");
    char *text = NULL;
    guchar *value;
    gsize size;

    if (vmgr__file_read(path, &text, NULL) <= 0)
        return;
    value = g_base64_decode(text, &size);
    vmgr__secret_value_set(def, value, size);
    explicit_bzero(value, size);
    g_free(value);
    wipe(text);
}

void vmgr__secret_documents_load(const char *path_of_dir, GPtrArray *list)
{
    GDir *dir = g_dir_open(path_of_dir, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(path_of_dir, name, NULL);
        g_autofree char *text = NULL;
        struct vmgr__secret_def *def;

        if (!g_str_has_suffix(name, ".xml") || vmgr__file_read(path, &text, NULL) <= 0)
            continue;
        def = vmgr__secret_def_parse(text, NULL);
        if (def)
            g_ptr_array_add(list, def);
    }
    if (dir)
        g_dir_close(dir);
}

static void load(const struct vmgr__secret_store *store, GPtrArray *list)
{
    if (store->dir)
        vmgr__secret_documents_load(store->dir, list);
    for (guint i = 0; i < list->len; i++)
        load_value(store, list->pdata[i]);
}

/* All there are: those of the files are the list's, those of memory stay the store's. */
struct view {
    GPtrArray *stored, *all;
};

static void view_open(struct vmgr__secret_store *store, struct view *ret)
{
    g_mutex_lock(&store->lock);
    ret->stored = g_ptr_array_new_with_free_func(vmgr__secret_def_free);
    load(store, ret->stored);
    ret->all = g_ptr_array_new();
    for (guint i = 0; i < store->memory->len; i++)
        g_ptr_array_add(ret->all, store->memory->pdata[i]);
    for (guint i = 0; i < ret->stored->len; i++)
        g_ptr_array_add(ret->all, ret->stored->pdata[i]);
}

static void view_close(struct vmgr__secret_store *store, struct view *v)
{
    g_ptr_array_unref(v->all);
    g_ptr_array_unref(v->stored);
    g_mutex_unlock(&store->lock);
}

static struct vmgr__secret_def *find_uuid(const struct view *v, const uint8_t *uuid)
{
    for (guint i = 0; i < v->all->len; i++) {
        struct vmgr__secret_def *def = v->all->pdata[i];

        if (memcmp(def->uuid, uuid, VMGR_UUID_SIZE) == 0)
            return def;
    }
    return NULL;
}

static struct vmgr__secret_def *find_usage(const struct view *v, int usage, const char *id)
{
    for (guint i = 0; usage && i < v->all->len; i++) {
        struct vmgr__secret_def *def = v->all->pdata[i];

        if (def->usage == usage && g_strcmp0(def->usage_id, id) == 0)
            return def;
    }
    return NULL;
}

static bool is_memory(const struct vmgr__secret_store *store, const struct vmgr__secret_def *def)
{
    return !store->dir || def->ephemeral;
}

/* Descriptor of the lock of changes; -1 and *err. Without a directory: -2, none. */
static int lock_files(const struct vmgr__secret_store *store, struct vmgr_error **err)
{
    g_autofree char *path = store->dir ? g_build_filename(store->dir, ".lock", NULL) : NULL;

    if (!store->dir)
        return -2;
    if (g_mkdir_with_parents(store->dir, 0700) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_SECRET, "cannot create directory '%s'",
                                     store->dir);
    return vmgr__file_lock(path, LOCK_TIMEOUT_MS, err);
}

static void unlock_files(int fd)
{
    if (fd >= 0)
        close(fd);
}

static int save_value(const struct vmgr__secret_store *store, const struct vmgr__secret_def *def,
                      struct vmgr_error **err)
{
    g_autofree char *path = path_of(store, def->uuid, "base64");
    char *value = g_base64_encode(def->value, def->size);
    int r = vmgr__file_replace(path, value, true, err);

    wipe(value);
    return r;
}

static int save_document(const struct vmgr__secret_store *store, const struct vmgr__secret_def *def,
                         struct vmgr_error **err)
{
    g_autofree char *path = path_of(store, def->uuid, "xml");
    g_autofree char *xml = vmgr__secret_def_format(def);

    return vmgr__file_replace(path, xml, true, err);
}

static int remove_files(const struct vmgr__secret_store *store, const uint8_t *uuid,
                        struct vmgr_error **err)
{
    g_autofree char *value_path = path_of(store, uuid, "base64");
    g_autofree char *path = path_of(store, uuid, "xml");

    return vmgr__file_remove(path, true, err) < 0 ? -1 : vmgr__file_remove(value_path, true, err);
}

/* What is left of one that was being removed is no value of a new one. */
static int remove_old_value(const struct vmgr__secret_store *store,
                            const struct vmgr__secret_def *def, struct vmgr_error **err)
{
    g_autofree char *path = path_of(store, def->uuid, "base64");

    return vmgr__file_remove(path, true, err);
}

/* ---- operations ---- */

static struct vmgr_secret *handle(struct vmgr_conn *conn, const struct vmgr__secret_def *def)
{
    return vmgr__secret_new(conn, def->uuid, def->usage, def->usage_id);
}

static int no_secret(struct vmgr_error **err, const uint8_t *uuid)
{
    char text[VMGR_UUID_STRING_SIZE];

    vmgr__uuid_format(uuid, text);
    return secret_error(err, VMGR_ERR_NO_SECRET, "no secret with matching uuid '%s'", text);
}

static int lookup(struct vmgr_conn *conn, const uint8_t *uuid, int usage_type, const char *usage_id,
                  struct vmgr_secret **ret, struct vmgr_error **err)
{
    const struct vmgr__secret_def *def;
    struct view v;

    view_open(conn->secrets, &v);
    def = uuid ? find_uuid(&v, uuid) : find_usage(&v, usage_type, usage_id);
    *ret = def ? handle(conn, def) : NULL;
    view_close(conn->secrets, &v);
    if (*ret)
        return 0;
    return uuid ? no_secret(err, uuid)
                : secret_error(err, VMGR_ERR_NO_SECRET, "no secret with matching usage '%s'",
                               usage_id);
}

/* Of a pair of flags, neither is as good as both. */
static bool passes(uint32_t flags, uint32_t yes, uint32_t no, bool is)
{
    return !(flags & (yes | no)) || flags & (is ? yes : no);
}

static gint by_uuid(gconstpointer a, gconstpointer b)
{
    const struct vmgr__secret_def *x = *(void *const *)a, *y = *(void *const *)b;

    return memcmp(x->uuid, y->uuid, VMGR_UUID_SIZE);
}

static int list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                struct vmgr_error **err G_GNUC_UNUSED)
{
    struct view v;

    view_open(conn->secrets, &v);
    g_ptr_array_sort(v.all, by_uuid);
    for (guint i = 0; i < v.all->len; i++) {
        const struct vmgr__secret_def *def = v.all->pdata[i];

        if (passes(flags, VMGR_SECRET_LIST_EPHEMERAL, VMGR_SECRET_LIST_NO_EPHEMERAL,
                   def->ephemeral) &&
            passes(flags, VMGR_SECRET_LIST_PRIVATE, VMGR_SECRET_LIST_NO_PRIVATE, def->is_private))
            g_ptr_array_add(ret, handle(conn, def));
    }
    view_close(conn->secrets, &v);
    return 0;
}

/* Whether the new one may be beside the others, and in place of `old` (NULL: there is none). */
static int check_define(const struct view *v, const struct vmgr__secret_def *def,
                        const struct vmgr__secret_def *old, struct vmgr_error **err)
{
    const struct vmgr__secret_def *other = find_usage(v, def->usage, def->usage_id);
    char uuid[VMGR_UUID_STRING_SIZE];

    if (old && (old->usage != def->usage || g_strcmp0(old->usage_id, def->usage_id) != 0)) {
        vmgr__uuid_format(old->uuid, uuid);
        return secret_error(err, VMGR_ERR_INTERNAL_ERROR,
                            "a secret with UUID %s is already defined for use with %s", uuid,
                            old->usage_id ? old->usage_id : "nothing");
    }
    if (other && other != old) {
        vmgr__uuid_format(other->uuid, uuid);
        return secret_error(err, VMGR_ERR_INTERNAL_ERROR,
                            "a secret with UUID %s already defined for use with %s", uuid,
                            def->usage_id);
    }
    if (old && old->is_private && !def->is_private)
        return secret_error(err, VMGR_ERR_OPERATION_DENIED,
                            "cannot change private flag on existing secret");
    return 0;
}

static int put(struct vmgr__secret_store *store, struct vmgr__secret_def *def,
               struct vmgr__secret_def *old, struct vmgr_error **err)
{
    if (old && old->value)
        vmgr__secret_value_set(def, old->value, old->size);
    if (!is_memory(store, def)) {
        /* The value first: a document without its value is a secret that has none yet. One that is
         * stored already stays as it is. */
        if ((!old || is_memory(store, old)) &&
            (def->value ? save_value(store, def, err) : remove_old_value(store, def, err)) < 0)
            return -1;
        if (save_document(store, def, err) < 0)
            return -1;
    } else if (old && !is_memory(store, old) && remove_files(store, def->uuid, err) < 0) {
        return -1;
    }
    if (old && is_memory(store, old))
        g_ptr_array_remove(store->memory, old);
    if (is_memory(store, def))
        g_ptr_array_add(store->memory, def);
    else
        vmgr__secret_def_free(def);
    return 0;
}

static struct vmgr__secret_watch *watch_of(struct vmgr__secret_store *store)
{
    struct vmgr__secret_watch *w;

    g_mutex_lock(&store->lock);
    w = store->watch; /* stays as long as the store */
    g_mutex_unlock(&store->lock);
    return w;
}

/* What this connection did with a secret. Of one that is stored the files tell, as they tell
 * others. */
static void tell(struct vmgr_secret *secret, bool in_memory, int id, int type)
{
    struct vmgr_conn *conn = vmgr_secret_get_conn(secret);
    struct vmgr__secret_watch *w = watch_of(conn->secrets);
    uint8_t uuid[VMGR_UUID_SIZE];

    if (w && !in_memory) {
        vmgr__secret_watch_look(w, conn);
        return;
    }
    vmgr_secret_get_uuid(secret, uuid);
    if (w)
        vmgr__secret_watch_forget(w, uuid); /* it may have been stored before */
    vmgr__secret_emit(conn, uuid, vmgr_secret_get_usage_type(secret),
                      vmgr_secret_get_usage_id(secret), id, type);
}

static int define(struct vmgr_conn *conn, const char *xml, struct vmgr_secret **ret,
                  struct vmgr_error **err)
{
    struct vmgr__secret_store *store = conn->secrets;
    struct vmgr__secret_def *def = vmgr__secret_def_parse(xml, err), *old;
    int fd = def ? lock_files(store, err) : -1, r = -1;
    bool in_memory;
    struct view v;

    if (fd == -1) {
        vmgr__secret_def_free(def);
        return -1;
    }
    view_open(store, &v);
    old = find_uuid(&v, def->uuid);
    in_memory = is_memory(store, def);
    if (check_define(&v, def, old, err) == 0) {
        *ret = handle(conn, def);
        r = put(store, def, old, err);
        if (r < 0)
            *ret = vmgr_secret_unref(*ret);
    }
    if (r < 0)
        vmgr__secret_def_free(def);
    view_close(store, &v);
    unlock_files(fd);
    if (r == 0)
        tell(*ret, in_memory, VMGR_SECRET_EVENT_LIFECYCLE, VMGR_SECRET_EVENT_DEFINED);
    return r;
}

/* A change of one secret, with the files locked. */
struct change {
    struct vmgr__secret_store *store;
    struct vmgr__secret_def *def; /* in `view` */
    bool in_memory;
    struct view view;
    int fd;
};

static void change_end(struct change *c)
{
    view_close(c->store, &c->view);
    unlock_files(c->fd);
}

/* -1: there is no such secret, or no lock. */
static int change_begin(struct change *c, struct vmgr_secret *secret, struct vmgr_error **err)
{
    uint8_t uuid[VMGR_UUID_SIZE];

    c->store = vmgr_secret_get_conn(secret)->secrets;
    c->fd = lock_files(c->store, err);
    if (c->fd == -1)
        return -1;
    vmgr_secret_get_uuid(secret, uuid);
    view_open(c->store, &c->view);
    c->def = find_uuid(&c->view, uuid);
    if (!c->def) {
        no_secret(err, uuid);
        change_end(c);
        return -1;
    }
    c->in_memory = is_memory(c->store, c->def);
    return 0;
}

static int undefine(struct vmgr_secret *secret, struct vmgr_error **err)
{
    struct change c;
    int r = 0;

    if (change_begin(&c, secret, err) < 0)
        return -1;
    if (c.in_memory)
        g_ptr_array_remove(c.store->memory, c.def);
    else
        r = remove_files(c.store, c.def->uuid, err);
    change_end(&c);
    if (r == 0)
        tell(secret, c.in_memory, VMGR_SECRET_EVENT_LIFECYCLE, VMGR_SECRET_EVENT_UNDEFINED);
    return r;
}

static int get_xml(struct vmgr_secret *secret, char **ret, struct vmgr_error **err)
{
    struct vmgr__secret_store *store = vmgr_secret_get_conn(secret)->secrets;
    const struct vmgr__secret_def *def;
    uint8_t uuid[VMGR_UUID_SIZE];
    struct view v;

    vmgr_secret_get_uuid(secret, uuid);
    view_open(store, &v);
    def = find_uuid(&v, uuid);
    *ret = def ? vmgr__secret_def_format(def) : NULL;
    view_close(store, &v);
    return *ret ? 0 : no_secret(err, uuid);
}

static int set_value(struct vmgr_secret *secret, const uint8_t *value, size_t size,
                     struct vmgr_error **err)
{
    struct change c;
    int r;

    if (change_begin(&c, secret, err) < 0)
        return -1;
    vmgr__secret_value_set(c.def, value ? value : (const uint8_t *)"", value ? size : 0);
    r = c.in_memory ? 0 : save_value(c.store, c.def, err);
    change_end(&c);
    if (r == 0)
        tell(secret, c.in_memory, VMGR_SECRET_EVENT_VALUE_CHANGED, 0);
    return r;
}

static int copy_value(const struct vmgr__secret_def *def, uint8_t **ret, size_t *ret_size,
                      struct vmgr_error **err)
{
    char uuid[VMGR_UUID_STRING_SIZE];

    if (def->is_private)
        return secret_error(err, VMGR_ERR_INVALID_SECRET, "secret is private");
    if (!def->value) {
        vmgr__uuid_format(def->uuid, uuid);
        return secret_error(err, VMGR_ERR_NO_SECRET, "secret '%s' does not have a value", uuid);
    }
    *ret = malloc(def->size + 1);
    if (!*ret)
        return secret_error(err, VMGR_ERR_NO_MEMORY, NULL);
    memcpy(*ret, def->value, def->size);
    *ret_size = def->size;
    return 0;
}

static int get_value(struct vmgr_secret *secret, uint8_t **ret, size_t *ret_size,
                     struct vmgr_error **err)
{
    struct vmgr__secret_store *store = vmgr_secret_get_conn(secret)->secrets;
    const struct vmgr__secret_def *def;
    uint8_t uuid[VMGR_UUID_SIZE];
    struct view v;
    int r;

    vmgr_secret_get_uuid(secret, uuid);
    view_open(store, &v);
    def = find_uuid(&v, uuid);
    r = def ? copy_value(def, ret, ret_size, err) : no_secret(err, uuid);
    view_close(store, &v);
    return r;
}

static int watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err)
{
    struct vmgr__secret_store *store = conn->secrets;
    struct vmgr__secret_watch *w;

    if (!store->dir)
        return 0;
    w = vmgr__secret_watch_new(store->dir, epoll_fd, err);
    g_mutex_lock(&store->lock);
    store->watch = w;
    g_mutex_unlock(&store->lock);
    return w ? 0 : -1;
}

static void poll_events(struct vmgr_conn *conn)
{
    struct vmgr__secret_watch *w = watch_of(conn->secrets);

    if (w)
        vmgr__secret_watch_poll(w, conn);
}

const struct vmgr__secret_ops vmgr__secret_host = {
    .lookup = lookup,
    .list = list,
    .define = define,
    .undefine = undefine,
    .get_xml = get_xml,
    .set_value = set_value,
    .get_value = get_value,
    .watch = watch,
    .poll_events = poll_events,
};
