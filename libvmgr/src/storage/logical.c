/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools that are LVM volume groups; volumes are logical volumes. See lvm(8).
 */
#include <string.h>

#include "backend.h"

#define REPORT "--noheadings", "--separator", "|", "--units", "b", "--nosuffix", "--unbuffered"

static int check_group(const struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    if (strchr(pool->source.name, '/'))
        return storage_error(err, VMGR_ERR_XML_ERROR, "volume group '%s' cannot contain '/'",
                             pool->source.name);
    return vmgr__run_check_word(pool->source.name, "volume group", err);
}

static int activate(const struct vmgr__pool_def *pool, const char *how, struct vmgr_error **err)
{
    if (check_group(pool, err) < 0)
        return -1;
    return vmgr__run_args(NULL, err, "vgchange", how, pool->source.name);
}

static int start(const struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    return activate(pool, "-aly", err);
}

static int stop(const struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    return activate(pool, "-aln", err);
}

static int measure(struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    g_autofree char *out = NULL;
    g_auto(GStrv) cells = NULL;

    if (check_group(pool, err) < 0 || vmgr__run_args(&out, err, "vgs", REPORT, "--options",
                                                     "vg_size,vg_free", pool->source.name) < 0)
        return -1;
    cells = g_strsplit(g_strstrip(out), "|", 3);
    if (g_strv_length(cells) != 2 || !vmgr__parse_u64(cells[0], &pool->capacity) ||
        !vmgr__parse_u64(cells[1], &pool->available) || pool->available > pool->capacity)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR, "cannot read what vgs printed: '%s'",
                             out);
    pool->allocation = pool->capacity - pool->available;
    return 0;
}

/* "/dev/sda(0),/dev/sdb(12)": the extents of one segment. */
static void add_extents(struct vmgr__volume_def *def, const char *devices, uint64_t extent_size,
                        uint64_t segment_size)
{
    g_auto(GStrv) list = g_strsplit(devices, ",", 64);

    for (char **d = list; *d; d++) {
        char *paren = strrchr(*d, '(');
        uint64_t number;

        if (!paren)
            continue;
        *paren = '\0';
        paren[strcspn(paren + 1, ")") + 1] = '\0';
        if (vmgr__parse_u64(paren + 1, &number) && extent_size &&
            number <= (UINT64_MAX - segment_size) / extent_size)
            vmgr__volume_add_extent(def, *d, number * extent_size,
                                    number * extent_size + segment_size);
    }
}

enum { NAME, ORIGIN, UUID, DEVICES, SEGMENT, EXTENT, SIZE, ATTR, COLUMNS };

/* One line is a segment; lines of one volume follow each other. */
static void add_line(const struct vmgr__pool_def *pool, char **cells, GPtrArray *ret)
{
    struct vmgr__volume_def *def = ret->len ? ret->pdata[ret->len - 1] : NULL;
    uint64_t segment = 0, extent = 0;

    /* Pools of thin volumes and their like hold data of volumes, and are none. */
    if (strchr("tTeVo", cells[ATTR][0]) && cells[ATTR][0] != 'o' && cells[ATTR][0] != 'V')
        return;
    if (!def || strcmp(def->name, cells[NAME]) != 0) {
        def = vmgr__volume_def_new();
        def->name = g_strdup(cells[NAME]);
        def->target.path = g_strdup_printf("%s/%s", pool->path, cells[NAME]);
        def->key = g_strdup(cells[UUID]);
        g_ptr_array_add(ret, def);
        if (vmgr__volume_probe(def, NULL) <= 0)
            def->type = VMGR_VOLUME_BLOCK;
        vmgr__parse_u64(cells[SIZE], &def->capacity);
        def->allocation = def->physical = def->capacity;
        if (*cells[ORIGIN]) {
            def->has_backing = true;
            def->backing.path = g_strdup_printf("%s/%s", pool->path, cells[ORIGIN]);
            def->backing.format = vmgr__file_format_index("raw");
        }
    }
    vmgr__parse_u64(cells[SEGMENT], &segment);
    vmgr__parse_u64(cells[EXTENT], &extent);
    add_extents(def, cells[DEVICES], extent, segment);
}

static int list(const struct vmgr__pool_def *pool, GPtrArray *ret, struct vmgr_error **err)
{
    g_autofree char *out = NULL;
    g_auto(GStrv) lines = NULL;

    if (check_group(pool, err) < 0 ||
        vmgr__run_args(&out, err, "lvs", REPORT, "--options",
                       "lv_name,origin,uuid,devices,seg_size,vg_extent_size,lv_size,lv_attr",
                       pool->source.name) < 0)
        return -1;
    lines = g_strsplit(out, "\n", -1);
    for (char **l = lines; *l; l++) {
        g_auto(GStrv) cells = g_strsplit(g_strstrip(*l), "|", COLUMNS + 1);

        if (g_strv_length(cells) == COLUMNS)
            add_line(pool, cells, ret);
    }
    return 0;
}

static int delete_volume(const struct vmgr__pool_def *pool, const struct vmgr__volume_def *def,
                         uint32_t flags, struct vmgr_error **err)
{
    g_autofree char *name = g_strdup_printf("%s/%s", pool->source.name, def->name);

    if (vmgr__check_flags(flags, 0, "virStorageBackendLogicalDeleteVol", err) < 0 ||
        check_group(pool, err) < 0)
        return -1;
    return vmgr__run_args(NULL, err, "lvremove", "-f", name);
}

static char *kib(uint64_t bytes)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT "K", bytes / 1024 + (bytes % 1024 != 0));
}

static int run_lvcreate(const struct vmgr__pool_def *pool, const struct vmgr__volume_def *def,
                        struct vmgr_error **err)
{
    g_autofree char *capacity = kib(def->capacity), *allocation = kib(MAX(def->allocation, 1024));
    const char *argv[16] = { "lvcreate", "--name", def->name, "--wipesignatures", "n", "-L" };
    size_t n = 6;

    if (def->has_backing) {
        argv[n++] = allocation;
        argv[n++] = "-s";
        argv[n++] = def->backing.path;
    } else {
        argv[n++] = capacity;
        if (def->allocation < def->capacity)
            return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                                 "a logical volume is allocated as a whole: allocation must be "
                                 "its capacity");
        argv[n++] = pool->source.name;
    }
    return vmgr__run(argv, NULL, err);
}

static int create(const struct vmgr__pool_def *pool, struct vmgr__volume_def *def,
                  const struct vmgr__volume_origin *origin, uint32_t flags, struct vmgr_error **err)
{
    GPtrArray *found;
    int r = -1;

    if (vmgr__check_flags(flags, 0, "virStorageBackendLogicalCreateVol", err) < 0 ||
        check_group(pool, err) < 0 || vmgr__run_check_word(def->name, "volume name", err) < 0)
        return -1;
    if (def->target.encryption)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "storage pool does not support encrypted volumes");
    if (def->has_backing && *def->backing.path != '/')
        return storage_error(err, VMGR_ERR_XML_ERROR, "backing store path '%s' is not absolute",
                             def->backing.path);
    found = g_ptr_array_new_with_free_func(vmgr__volume_def_free);
    if (list(pool, found, err) == 0) {
        r = 0;
        for (guint i = 0; i < found->len && r == 0; i++) {
            if (strcmp(((struct vmgr__volume_def *)found->pdata[i])->name, def->name) == 0)
                r = storage_error(err, VMGR_ERR_STORAGE_VOL_EXIST, "'%s'", def->name);
        }
    }
    g_ptr_array_unref(found);
    if (r < 0 || run_lvcreate(pool, def, err) < 0)
        return -1;
    def->target.path = g_strdup_printf("%s/%s", pool->path, def->name);
    if (origin && vmgr__volume_copy(origin, def->target.path, "raw", false, err) < 0) {
        delete_volume(pool, def, 0, NULL);
        return -1;
    }
    def->key = g_strdup(def->target.path);
    return 0;
}

static int resize(const struct vmgr__pool_def *pool, const struct vmgr__volume_def *def,
                  uint64_t capacity, uint32_t flags G_GNUC_UNUSED, struct vmgr_error **err)
{
    g_autofree char *name = g_strdup_printf("%s/%s", pool->source.name, def->name);
    g_autofree char *size = kib(capacity);

    if (check_group(pool, err) < 0)
        return -1;
    return vmgr__run_args(NULL, err, "lvresize", "-f", "-L", size, name);
}

static int build(const struct vmgr__pool_def *pool, uint32_t flags, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    const bool overwrite = flags & VMGR_POOL_BUILD_OVERWRITE;

    if (vmgr__check_flags(flags, VMGR_POOL_BUILD_OVERWRITE | VMGR_POOL_BUILD_NO_OVERWRITE,
                          "virStorageBackendLogicalBuildPool", err) < 0 ||
        check_group(pool, err) < 0)
        return -1;
    if (overwrite && flags & VMGR_POOL_BUILD_NO_OVERWRITE)
        return storage_error(err, VMGR_ERR_INVALID_ARG,
                             "Overwrite and no overwrite flags are mutually exclusive");
    if (!pool->source.devices->len)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing storage pool source device name");
    g_ptr_array_add(argv, (char *)"vgcreate");
    g_ptr_array_add(argv, pool->source.name);
    for (guint i = 0; i < pool->source.devices->len; i++) {
        char *path = ((struct vmgr__pool_device *)pool->source.devices->pdata[i])->path;

        if (*path != '/')
            return storage_error(err, VMGR_ERR_XML_ERROR, "source device path '%s' is not absolute",
                                 path);
        /* Without --force, pvcreate refuses what is in use. */
        if (overwrite ? vmgr__run_args(NULL, err, "pvcreate", "--force", "--yes", path) < 0
                      : vmgr__run_args(NULL, err, "pvcreate", path) < 0)
            return -1;
        g_ptr_array_add(argv, path);
    }
    g_ptr_array_add(argv, NULL);
    return vmgr__run((const char *const *)argv->pdata, NULL, err);
}

static int remove_group(const struct vmgr__pool_def *pool, uint32_t flags, struct vmgr_error **err)
{
    if (vmgr__check_flags(flags, 0, "virStorageBackendLogicalDeletePool", err) < 0 ||
        check_group(pool, err) < 0 ||
        vmgr__run_args(NULL, err, "vgremove", "-f", pool->source.name) < 0)
        return -1;
    for (guint i = 0; i < pool->source.devices->len; i++) {
        const struct vmgr__pool_device *d = pool->source.devices->pdata[i];

        if (*d->path == '/' && vmgr__run_args(NULL, err, "pvremove", d->path) < 0)
            return -1;
    }
    return 0;
}

const struct vmgr__backend vmgr__backend_logical = {
    .build = build,
    .start = start,
    .stop = stop,
    .remove = remove_group,
    .measure = measure,
    .list = list,
    .create = create,
    .delete = delete_volume,
    .resize = resize,
};
