/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of volumes, whatever type of pool they are in.
 */
#include <string.h>

#include "backend.h"

static const struct vmgr__backend *const backends[VMGR__POOL_TYPES] = {
    [VMGR__POOL_DIR] = &vmgr__backend_dir,     [VMGR__POOL_FS] = &vmgr__backend_fs,
    [VMGR__POOL_NETFS] = &vmgr__backend_netfs, [VMGR__POOL_LOGICAL] = &vmgr__backend_logical,
    [VMGR__POOL_DISK] = &vmgr__backend_disk,   [VMGR__POOL_ISCSI] = &vmgr__backend_iscsi,
};

bool vmgr__backend_is_supported(enum vmgr__pool_type type)
{
    return backends[type] != NULL;
}

const struct vmgr__backend *vmgr__backend_of(const struct vmgr__pool_def *pool,
                                             struct vmgr_error **err)
{
    if (!backends[pool->type])
        storage_error(err, VMGR_ERR_INTERNAL_ERROR, "missing backend for pool type %d (%s)",
                      (int)pool->type, vmgr__pool_kinds[pool->type].name);
    return backends[pool->type];
}

int vmgr__backend_find(const struct vmgr__backend *b, const struct vmgr__pool_def *pool,
                       const char *name, struct vmgr__volume_def **ret, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = NULL;

    if (b->find)
        return b->find(pool, name, ret, err);
    list = g_ptr_array_new_with_free_func(vmgr__volume_def_free);
    if (b->list(pool, list, err) < 0)
        return -1;
    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__volume_def *def = list->pdata[i];

        if (strcmp(def->name, name) == 0) {
            *ret = g_ptr_array_steal_index(list, i);
            return 1;
        }
    }
    return 0;
}

/* A name becomes a file's, an argument's, a line's. */
static int check_name(const char *name, struct vmgr_error **err)
{
    if (strchr(name, '/'))
        return storage_error(err, VMGR_ERR_OPERATION_INVALID, "volume name '%s' cannot contain '/'",
                             name);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return storage_error(err, VMGR_ERR_OPERATION_INVALID, "volume name '%s' is not a file name",
                             name);
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return storage_error(err, VMGR_ERR_OPERATION_INVALID,
                                 "volume name cannot contain control characters");
    }
    if (g_str_has_prefix(name, ".vmgr-"))
        return storage_error(err, VMGR_ERR_OPERATION_INVALID,
                             "volume name '%s' is of those for volumes in the making", name);
    return 0;
}

/* Where contents come from: a volume of this or another pool. */
struct source {
    struct vmgr__pool_record pool;
    struct vmgr__volume_def *def;
    struct vmgr__volume_origin origin;
};

static int source_open(struct source *s, struct vmgr_volume *volume, struct vmgr_error **err)
{
    if (vmgr__storage_volume_of(volume, &s->pool, &s->def, err) < 0)
        return -1;
    s->origin = (struct vmgr__volume_origin){ s->def->target.path,
                                              vmgr__volume_image_format(s->def), s->def->capacity };
    return 0;
}

static void source_close(struct source *s)
{
    vmgr__volume_def_free(s->def);
    vmgr__pool_record_clear(&s->pool);
}

/* What is not said of a copy is as it is in the source. */
static void settle_sizes(struct vmgr__volume_def *def, const struct source *s)
{
    if (def->capacity < s->def->capacity)
        def->capacity = s->def->capacity;
    if (!def->has_allocation)
        def->allocation = def->capacity;
}

static int create(const struct vmgr__pool_def *pool, const char *xml, struct source *s,
                  uint32_t flags, struct vmgr__volume_def **ret, struct vmgr_error **err)
{
    const struct vmgr__backend *b = vmgr__backend_of(pool, err);
    struct vmgr__volume_def *def;

    if (!b)
        return -1;
    if (!b->create)
        return storage_error(err, VMGR_ERR_NO_SUPPORT,
                             "storage pool does not support volume creation");
    if (flags & VMGR_VOLUME_CREATE_VALIDATE)
        return storage_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                             "validation against a schema is not available");
    def = *ret = vmgr__volume_def_parse(
        xml, pool->type, s ? VMGR__VOLUME_NO_CAPACITY : VMGR__VOLUME_OPT_CAPACITY, err);
    if (!def || check_name(def->name, err) < 0)
        return -1;
    g_clear_pointer(&def->key, g_free);
    g_clear_pointer(&def->target.path, g_free);
    if (s)
        settle_sizes(def, s);
    else if (!def->has_capacity)
        def->capacity = UINT64_MAX; /* that of the backing store */
    return b->create(pool, def, s ? &s->origin : NULL, flags & ~VMGR_VOLUME_CREATE_VALIDATE, err);
}

int vmgr__storage_volume_create(struct vmgr_pool *pool, const char *xml, struct vmgr_volume *source,
                                uint32_t flags, struct vmgr_volume **ret, struct vmgr_error **err)
{
    struct source s = { .def = NULL };
    struct vmgr__pool_record record;
    struct vmgr__volume_def *def = NULL;
    int r = -1;

    if (vmgr__pool_record_of(pool, &record, err) < 0)
        return -1;
    if (vmgr__pool_record_need_active(&record, err) == 0 &&
        (!source || source_open(&s, source, err) == 0))
        r = create(record.live, xml, source ? &s : NULL, flags, &def, err);
    if (r == 0 && ret)
        *ret = vmgr__volume_new(vmgr_pool_get_conn(pool), record.name, def->name, def->key);
    vmgr__volume_def_free(def);
    source_close(&s);
    vmgr__pool_record_clear(&record);
    return r;
}

/* Runs `change` on a volume and its pool's backend. */
static int with_volume(struct vmgr_volume *volume,
                       int (*change)(const struct vmgr__backend *b, struct vmgr__pool_def *pool,
                                     const struct vmgr__volume_def *def, uint64_t number,
                                     uint32_t flags, struct vmgr_error **err),
                       uint64_t number, uint32_t flags, struct vmgr_error **err)
{
    const struct vmgr__backend *b;
    struct vmgr__pool_record pool;
    struct vmgr__volume_def *def;
    int r;

    if (vmgr__storage_volume_of(volume, &pool, &def, err) < 0)
        return -1;
    b = vmgr__backend_of(pool.live, err);
    r = b ? change(b, pool.live, def, number, flags, err) : -1;
    vmgr__volume_def_free(def);
    vmgr__pool_record_clear(&pool);
    return r;
}

static int delete_volume(const struct vmgr__backend *b, struct vmgr__pool_def *pool,
                         const struct vmgr__volume_def *def, uint64_t number G_GNUC_UNUSED,
                         uint32_t flags, struct vmgr_error **err)
{
    if (!b->delete)
        return storage_error(err, VMGR_ERR_NO_SUPPORT,
                             "storage pool does not support vol deletion");
    return b->delete (pool, def, flags, err);
}

int vmgr__storage_volume_delete(struct vmgr_volume *volume, uint32_t flags, struct vmgr_error **err)
{
    return with_volume(volume, delete_volume, 0, flags, err);
}

static int resize(const struct vmgr__backend *b, struct vmgr__pool_def *pool,
                  const struct vmgr__volume_def *def, uint64_t number, uint32_t flags,
                  struct vmgr_error **err)
{
    const bool shrink = flags & VMGR_VOLUME_RESIZE_SHRINK;
    uint64_t capacity = number;

    if (!b->resize)
        return storage_error(err, VMGR_ERR_NO_SUPPORT,
                             "storage pool does not support changing of volume capacity");
    if (flags & VMGR_VOLUME_RESIZE_DELTA && shrink)
        capacity = def->capacity - MIN(def->capacity, number);
    else if (flags & VMGR_VOLUME_RESIZE_DELTA)
        capacity = def->capacity + number;
    if (capacity > INT64_MAX)
        return storage_error(err, VMGR_ERR_OVERFLOW, "capacity is too large");
    if (capacity < def->allocation)
        return storage_error(err, VMGR_ERR_INVALID_ARG,
                             "can't shrink capacity below existing allocation");
    if (capacity < def->capacity && !shrink)
        return storage_error(err, VMGR_ERR_INVALID_ARG,
                             "Can't shrink capacity below current capacity unless shrink flag "
                             "explicitly specified");
    if (b->measure(pool, err) < 0)
        return -1;
    if (flags & VMGR_VOLUME_RESIZE_ALLOCATE && capacity > def->allocation &&
        capacity - def->allocation > pool->available)
        return storage_error(err, VMGR_ERR_OPERATION_FAILED,
                             "Not enough space left in storage pool");
    return b->resize(pool, def, capacity, flags, err);
}

int vmgr__storage_volume_resize(struct vmgr_volume *volume, uint64_t capacity, uint32_t flags,
                                struct vmgr_error **err)
{
    return with_volume(volume, resize, capacity, flags, err);
}
