/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of pools: definition and life cycle.
 */
#include <string.h>
#include <unistd.h>

#include "../conf/def.h"
#include "backend.h"

/* A change of one pool: its lock, and what its files say while it is held. */
struct change {
    struct vmgr__storage *st;
    char *name;
    int lock;
    struct vmgr__pool_record record;
};

static int change_end(struct change *c, int r)
{
    if (c->lock >= 0)
        close(c->lock);
    vmgr__storage_changed(c->st, c->name);
    vmgr__pool_record_clear(&c->record);
    g_free(c->name);
    return r;
}

static int change_begin(struct change *c, struct vmgr_pool *pool, struct vmgr_error **err)
{
    *c = (struct change){ .st = vmgr_pool_get_conn(pool)->storage,
                          .name = g_strdup(vmgr_pool_get_name(pool)) };
    c->lock = vmgr__pool_lock(c->st, c->name, err);
    if (c->lock >= 0 && vmgr__pool_record_of(pool, &c->record, err) == 0)
        return 0;
    return change_end(c, -1);
}

/* The same of one that is active, and what it is made of. */
static int change_begin_active(struct change *c, struct vmgr_pool *pool,
                               const struct vmgr__backend **ret, struct vmgr_error **err)
{
    if (change_begin(c, pool, err) < 0)
        return -1;
    if (vmgr__pool_record_need_active(&c->record, err) == 0 &&
        (*ret = vmgr__backend_of(c->record.live, err)))
        return 0;
    return change_end(c, -1);
}

static int need_inactive(const struct change *c, struct vmgr_error **err)
{
    if (!c->record.live)
        return 0;
    return storage_error(err, VMGR_ERR_OPERATION_INVALID, "storage pool '%s' is still active",
                         c->name);
}

/* ---- who has a name, a UUID, a source ---- */

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool same_device(const struct vmgr__pool_source *a, const struct vmgr__pool_source *b)
{
    for (guint i = 0; i < a->devices->len; i++) {
        const struct vmgr__pool_device *d = a->devices->pdata[i];

        for (guint j = 0; j < b->devices->len; j++) {
            if (same(d->path, ((const struct vmgr__pool_device *)b->devices->pdata[j])->path))
                return true;
        }
    }
    return false;
}

static bool same_host(const struct vmgr__pool_source *a, const struct vmgr__pool_source *b)
{
    const struct vmgr__pool_host *x = vmgr__pool_source_host(a), *y = vmgr__pool_source_host(b);

    return x && y && same(x->name, y->name);
}

static bool conflicts(const struct vmgr__pool_def *a, const struct vmgr__pool_def *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VMGR__POOL_DIR: return same(a->path, b->path);
    case VMGR__POOL_NETFS:
        return same(a->source.dir, b->source.dir) && same_host(&a->source, &b->source);
    case VMGR__POOL_ISCSI:
        return same_device(&a->source, &b->source) && same_host(&a->source, &b->source);
    case VMGR__POOL_LOGICAL: return same(a->source.name, b->source.name);
    case VMGR__POOL_FS:
    case VMGR__POOL_DISK: return same_device(&a->source, &b->source);
    default: return false;
    }
}

/* Whether a definition may stand beside another pool's. */
static int check_against(const struct vmgr__pool_def *def, const struct vmgr__pool_record *other,
                         struct vmgr_error **err)
{
    const struct vmgr__pool_def *theirs = vmgr__pool_record_def(other);
    const bool same_uuid = memcmp(def->uuid, theirs->uuid, VMGR_UUID_SIZE) == 0;
    char uuid[VMGR_UUID_STRING_SIZE];

    vmgr__uuid_format(theirs->uuid, uuid);
    if (strcmp(def->name, other->name) == 0) {
        if (same_uuid)
            return 0;
        return storage_error(err, VMGR_ERR_OPERATION_FAILED,
                             "pool '%s' already exists with uuid %s", def->name, uuid);
    }
    if (same_uuid)
        return storage_error(err, VMGR_ERR_OPERATION_FAILED,
                             "pool '%s' is already defined with uuid %s", other->name, uuid);
    if (conflicts(def, theirs))
        return storage_error(err, VMGR_ERR_OPERATION_FAILED,
                             "Storage source conflict with pool: '%s'", other->name);
    return 0;
}

static int check_unique(const struct vmgr__storage *st, const struct vmgr__pool_def *def,
                        struct vmgr_error **err)
{
    g_autoptr(GPtrArray) names = vmgr__pool_record_names(st);
    int r = 0;

    for (guint i = 0; i < names->len && r == 0; i++) {
        struct vmgr__pool_record other;

        if (vmgr__pool_record_load(st, names->pdata[i], &other, NULL) > 0) {
            r = check_against(def, &other, err);
            vmgr__pool_record_clear(&other);
        }
    }
    return r;
}

static int refuse_validate(uint32_t flags, struct vmgr_error **err)
{
    if (!(flags & VMGR_POOL_DEFINE_VALIDATE))
        return 0;
    return storage_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                         "validation against a schema is not available");
}

/* Locks the name of a new definition; the set is locked as well, so that no other can take its UUID
 * meanwhile. */
static int change_new(struct change *c, struct vmgr__storage *st, const struct vmgr__pool_def *def,
                      int *ret_set, struct vmgr_error **err)
{
    *c = (struct change){ .st = st, .name = g_strdup(def->name) };
    *ret_set = -1;
    c->lock = vmgr__pool_lock(st, def->name, err);
    if (c->lock >= 0)
        *ret_set = vmgr__pool_lock_set(st, err);
    if (*ret_set >= 0 && vmgr__pool_record_load(st, def->name, &c->record, err) >= 0 &&
        check_unique(st, def, err) == 0) {
        if (!c->record.name)
            c->record.name = g_strdup(def->name);
        return 0;
    }
    if (*ret_set >= 0)
        close(*ret_set);
    return change_end(c, -1);
}

int vmgr__storage_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_pool **ret, struct vmgr_error **err)
{
    struct vmgr__pool_def *def;
    struct change c;
    int set, r;

    if (refuse_validate(flags, err) < 0)
        return -1;
    def = vmgr__pool_def_parse(xml, err);
    if (!def)
        return -1;
    r = change_new(&c, conn->storage, def, &set, err);
    if (r == 0) {
        r = vmgr__pool_record_save_config(c.st, def, err);
        close(set);
        change_end(&c, r);
    }
    if (r == 0 && ret)
        *ret = vmgr__pool_new(conn, def->name, def->uuid);
    vmgr__pool_def_free(def);
    return r;
}

/* ---- life cycle ---- */

static int build(struct vmgr__pool_record *record, const struct vmgr__pool_def *def, uint32_t flags,
                 struct vmgr_error **err)
{
    const struct vmgr__backend *b = vmgr__backend_of(def, err);

    if (!b || (b->build && b->build(def, flags, err) < 0))
        return -1;
    record->builds++;
    return 0;
}

static int build_first(struct vmgr__pool_record *record, const struct vmgr__pool_def *def,
                       uint32_t flags, struct vmgr_error **err)
{
    uint32_t how = 0;

    if (flags & VMGR_POOL_CREATE_WITH_BUILD_OVERWRITE)
        how |= VMGR_POOL_BUILD_OVERWRITE;
    if (flags & VMGR_POOL_CREATE_WITH_BUILD_NO_OVERWRITE)
        how |= VMGR_POOL_BUILD_NO_OVERWRITE;
    if (how == (VMGR_POOL_BUILD_OVERWRITE | VMGR_POOL_BUILD_NO_OVERWRITE))
        return storage_error(err, VMGR_ERR_INVALID_ARG,
                             "Overwrite and no overwrite flags are mutually exclusive");
    return flags ? build(record, def, how, err) : 0;
}

/* Starts `def`, which the record keeps from then on. */
static int begin(struct change *c, const struct vmgr__pool_def *def, uint32_t flags,
                 struct vmgr_error **err)
{
    const struct vmgr__backend *b = vmgr__backend_of(def, err);
    struct vmgr__pool_def *live;

    if (!b || build_first(&c->record, def, flags, err) < 0)
        return -1;
    if (b->start && b->start(def, err) < 0)
        return -1;
    live = vmgr__pool_def_copy(def);
    if (live && b->measure(live, err) == 0) {
        c->record.live = live;
        if (vmgr__pool_record_save(c->st, &c->record, err) == 0)
            return 0;
        c->record.live = NULL;
    }
    vmgr__pool_def_free(live);
    if (b->stop)
        b->stop(def, NULL);
    return -1;
}

int vmgr__storage_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_pool **ret, struct vmgr_error **err)
{
    struct vmgr__pool_def *def = vmgr__pool_def_parse(xml, err);
    struct change c;
    int set, r;

    if (!def)
        return -1;
    r = change_new(&c, conn->storage, def, &set, err);
    if (r == 0) {
        if (c.record.live)
            r = storage_error(err, VMGR_ERR_OPERATION_INVALID, "pool is already active as '%s'",
                              def->name);
        else
            r = begin(&c, def, flags, err);
        close(set);
        change_end(&c, r);
    }
    if (r == 0 && ret)
        *ret = vmgr__pool_new(conn, def->name, def->uuid);
    vmgr__pool_def_free(def);
    return r;
}

int vmgr__storage_start(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    struct change c;
    int r;

    if (change_begin(&c, pool, err) < 0)
        return -1;
    if (c.record.live)
        r = storage_error(err, VMGR_ERR_OPERATION_INVALID, "storage pool '%s' is already active",
                          c.name);
    else
        r = begin(&c, c.record.config, flags, err);
    return change_end(&c, r);
}

int vmgr__storage_destroy(struct vmgr_pool *pool, struct vmgr_error **err)
{
    const struct vmgr__backend *b;
    struct change c;
    int r;

    if (change_begin_active(&c, pool, &b, err) < 0)
        return -1;
    r = b->stop ? b->stop(c.record.live, err) : 0;
    if (r == 0) {
        g_clear_pointer(&c.record.live, vmgr__pool_def_free);
        r = vmgr__pool_record_save(c.st, &c.record, err);
    }
    return change_end(&c, r);
}

int vmgr__storage_undefine(struct vmgr_pool *pool, struct vmgr_error **err)
{
    struct change c;
    int r;

    if (change_begin(&c, pool, err) < 0)
        return -1;
    r = need_inactive(&c, err);
    if (r == 0)
        r = vmgr__pool_record_remove_config(c.st, c.name, err);
    if (r == 0) {
        g_clear_pointer(&c.record.config, vmgr__pool_def_free);
        r = vmgr__pool_record_save(c.st, &c.record, err);
    }
    return change_end(&c, r);
}

int vmgr__storage_build(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    struct change c;
    int r;

    if (change_begin(&c, pool, err) < 0)
        return -1;
    r = need_inactive(&c, err);
    if (r == 0)
        r = build(&c.record, c.record.config, flags, err);
    if (r == 0)
        r = vmgr__pool_record_save(c.st, &c.record, err);
    return change_end(&c, r);
}

int vmgr__storage_delete(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    const struct vmgr__backend *b = NULL;
    struct change c;
    int r;

    if (change_begin(&c, pool, err) < 0)
        return -1;
    r = need_inactive(&c, err);
    if (r == 0) {
        b = vmgr__backend_of(c.record.config, err);
        r = b ? 0 : -1;
    }
    if (r == 0 && !b->remove)
        r = storage_error(err, VMGR_ERR_NO_SUPPORT, "pool does not support pool deletion");
    if (r == 0)
        r = b->remove(c.record.config, flags, err);
    if (r == 0) {
        c.record.deletes++;
        r = vmgr__pool_record_save(c.st, &c.record, err);
    }
    return change_end(&c, r);
}

int vmgr__storage_refresh(struct vmgr_pool *pool, struct vmgr_error **err)
{
    const struct vmgr__backend *b;
    struct change c;
    int r;

    if (change_begin_active(&c, pool, &b, err) < 0)
        return -1;
    r = b->measure(c.record.live, err);
    if (r == 0) {
        c.record.refreshes++;
        r = vmgr__pool_record_save(c.st, &c.record, err);
    }
    return change_end(&c, r);
}

int vmgr__storage_set_autostart(struct vmgr_pool *pool, bool on, struct vmgr_error **err)
{
    struct change c;
    int r;

    if (change_begin(&c, pool, err) < 0)
        return -1;
    if (!c.record.config)
        r = storage_error(err, VMGR_ERR_INVALID_ARG, "pool has no config file");
    else
        r = vmgr__pool_record_set_autostart(c.st, c.name, on, err);
    return change_end(&c, r);
}
