/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools that are disks; volumes are their partitions. See parted(8).
 *
 * `parted --machine` prints a line for the disk, then one for each partition or free range, with
 * cells that colons end: number, start, end, size, file system or "free", name, flags.
 */
#include <string.h>

#include "backend.h"

static const char *device_of(const struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    const char *device = vmgr__pool_source_device(&pool->source);

    if (device && *device == '/')
        return device;
    storage_error(err, VMGR_ERR_XML_ERROR, "source device path '%s' is not absolute",
                  device ? device : "");
    return NULL;
}

struct range {
    bool free;
    uint32_t number;
    uint64_t start, end, size; /* bytes, end inclusive */
};

/* "1048576B" */
static bool parse_bytes(char *cell, uint64_t *ret)
{
    const size_t n = strlen(cell);

    if (!n || cell[n - 1] != 'B')
        return false;
    cell[n - 1] = '\0';
    return vmgr__parse_u64(cell, ret);
}

/* Partitions and free ranges; also the size of the disk. */
static GArray *read_table(const struct vmgr__pool_def *pool, uint64_t *ret_size,
                          struct vmgr_error **err)
{
    const char *device = device_of(pool, err);
    g_autofree char *out = NULL;
    g_auto(GStrv) lines = NULL;
    GArray *ranges;

    if (!device || vmgr__run_args(&out, err, "parted", "-m", "-s", "--", device, "unit", "B",
                                  "print", "free") < 0)
        return NULL;
    ranges = g_array_new(FALSE, FALSE, sizeof(struct range));
    lines = g_strsplit(out, "\n", -1);
    *ret_size = 0;
    for (char **l = lines; *l; l++) {
        g_auto(GStrv) cells = g_strsplit(*l, ":", 8);
        struct range r = { .free = false };

        if (g_strv_length(cells) >= 2 && strcmp(cells[0], device) == 0)
            parse_bytes(cells[1], ret_size);
        else if (g_strv_length(cells) >= 5 && vmgr__parse_u32(cells[0], &r.number) &&
                 parse_bytes(cells[1], &r.start) && parse_bytes(cells[2], &r.end) &&
                 parse_bytes(cells[3], &r.size)) {
            r.free = g_str_has_prefix(cells[4], "free");
            g_array_append_val(ranges, r);
        }
    }
    return ranges;
}

static int measure(struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    GArray *ranges = read_table(pool, &pool->capacity, err);

    if (!ranges)
        return -1;
    pool->allocation = pool->available = 0;
    for (guint i = 0; i < ranges->len; i++) {
        const struct range *r = &g_array_index(ranges, struct range, i);

        *(r->free ? &pool->available : &pool->allocation) += r->size;
    }
    g_array_unref(ranges);
    return 0;
}

/* "sda" and 1 are sda1, "nvme0n1" and 1 are nvme0n1p1. */
static char *partition_name(const struct vmgr__pool_def *pool, uint32_t number)
{
    const struct vmgr__pool_device *d = pool->source.devices->pdata[0];
    g_autofree char *base = g_path_get_basename(d->path);
    const bool separate = d->part_separator ? strcmp(d->part_separator, "yes") == 0
                                            : g_ascii_isdigit(base[strlen(base) - 1]);

    return g_strdup_printf("%s%s%u", base, separate ? "p" : "", number);
}

static struct vmgr__volume_def *make_volume(const struct vmgr__pool_def *pool,
                                            const struct range *r)
{
    struct vmgr__volume_def *def = vmgr__volume_def_new();
    const char *device = vmgr__pool_source_device(&pool->source);

    def->name = partition_name(pool, r->number);
    def->target.path = g_strdup_printf("%s/%s", pool->path, def->name);
    def->key = g_strdup(def->target.path);
    vmgr__volume_probe(def, NULL);
    def->type = VMGR_VOLUME_BLOCK;
    def->target.format = 0;
    def->capacity = def->allocation = def->physical = r->size;
    vmgr__volume_add_extent(def, device, r->start, r->end + 1);
    return def;
}

static int list(const struct vmgr__pool_def *pool, GPtrArray *ret, struct vmgr_error **err)
{
    uint64_t size;
    GArray *ranges = read_table(pool, &size, err);

    if (!ranges)
        return -1;
    for (guint i = 0; i < ranges->len; i++) {
        const struct range *r = &g_array_index(ranges, struct range, i);

        if (!r->free)
            g_ptr_array_add(ret, make_volume(pool, r));
    }
    g_array_unref(ranges);
    return 0;
}

static uint32_t partition_number(const struct vmgr__pool_def *pool, const char *name)
{
    for (uint32_t number = 1; number <= 256; number++) {
        g_autofree char *candidate = partition_name(pool, number);

        if (strcmp(candidate, name) == 0)
            return number;
    }
    return 0;
}

static int delete_volume(const struct vmgr__pool_def *pool, const struct vmgr__volume_def *def,
                         uint32_t flags, struct vmgr_error **err)
{
    g_autofree char *number = g_strdup_printf("%u", partition_number(pool, def->name));
    const char *device = device_of(pool, err);

    if (!device || vmgr__check_flags(flags, 0, "virStorageBackendDiskDeleteVol", err) < 0)
        return -1;
    return vmgr__run_args(NULL, err, "parted", "-s", "--", device, "rm", number);
}

/* The smallest free range that has so many bytes from a whole MiB on. */
static bool find_room(const GArray *ranges, uint64_t bytes, uint64_t *ret_start)
{
    const uint64_t mib = 1u << 20;
    uint64_t best = UINT64_MAX;

    for (guint i = 0; i < ranges->len; i++) {
        const struct range *r = &g_array_index(ranges, struct range, i);
        const uint64_t start = MAX((r->start + mib - 1) / mib * mib, mib);

        if (r->free && start <= r->end && r->end - start + 1 >= bytes && r->size < best) {
            best = r->size;
            *ret_start = start;
        }
    }
    return best != UINT64_MAX;
}

static bool is_used(const GArray *ranges, uint32_t number)
{
    for (guint i = 0; i < ranges->len; i++) {
        const struct range *r = &g_array_index(ranges, struct range, i);

        if (!r->free && r->number == number)
            return true;
    }
    return false;
}

static int make_partition(const struct vmgr__pool_def *pool, const struct vmgr__volume_def *def,
                          const GArray *ranges, struct vmgr_error **err)
{
    const char *device = vmgr__pool_source_device(&pool->source);
    g_autofree char *first = NULL, *last = NULL, *name = NULL;
    uint32_t next = 1;
    uint64_t start;

    while (is_used(ranges, next))
        next++;
    name = partition_name(pool, next);
    if (strcmp(name, def->name) != 0)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "invalid partition name '%s', expected '%s'", def->name, name);
    if (!find_room(ranges, def->capacity, &start))
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR, "no large enough free extent");
    first = g_strdup_printf("%" G_GUINT64_FORMAT "B", start);
    last = g_strdup_printf("%" G_GUINT64_FORMAT "B", start + def->capacity - 1);
    return vmgr__run_args(NULL, err, "parted", "-s", "--", device, "mkpart", "primary", first,
                          last);
}

static int create(const struct vmgr__pool_def *pool, struct vmgr__volume_def *def,
                  const struct vmgr__volume_origin *origin, uint32_t flags, struct vmgr_error **err)
{
    uint64_t size;
    GArray *ranges;
    int r;

    if (vmgr__check_flags(flags, 0, "virStorageBackendDiskCreateVol", err) < 0)
        return -1;
    if (def->target.encryption)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "storage pool does not support encrypted volumes");
    if (!def->capacity || def->has_backing)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "a partition has a capacity and no backing store");
    ranges = read_table(pool, &size, err);
    if (!ranges)
        return -1;
    r = make_partition(pool, def, ranges, err);
    g_array_unref(ranges);
    if (r < 0)
        return -1;
    def->target.path = g_strdup_printf("%s/%s", pool->path, def->name);
    def->key = g_strdup(def->target.path);
    if (origin && vmgr__volume_copy(origin, def->target.path, "raw", false, err) < 0) {
        delete_volume(pool, def, 0, NULL);
        return -1;
    }
    return 0;
}

/* What parted cannot read may hold something all the same, such as an encrypted volume. */
static int check_empty(const struct vmgr__pool_def *pool, const char *device,
                       struct vmgr_error **err)
{
    uint64_t size;
    GArray *ranges = read_table(pool, &size, NULL);
    int r;

    if (ranges) {
        g_array_unref(ranges);
        return storage_error(err, VMGR_ERR_STORAGE_POOL_BUILT,
                             "Device '%s' already has a partition table", device);
    }
    r = vmgr__device_has_content(device, err);
    return r > 0 ? storage_error(err, VMGR_ERR_STORAGE_POOL_BUILT, "Device '%s' already formatted",
                                 device)
                 : r;
}

static int build(const struct vmgr__pool_def *pool, uint32_t flags, struct vmgr_error **err)
{
    const char *format = vmgr__pool_kinds[pool->type].formats[pool->source.format];
    const char *device = device_of(pool, err);

    if (!device ||
        vmgr__check_flags(flags, VMGR_POOL_BUILD_OVERWRITE | VMGR_POOL_BUILD_NO_OVERWRITE,
                          "virStorageBackendDiskBuildPool", err) < 0)
        return -1;
    if (flags == (VMGR_POOL_BUILD_OVERWRITE | VMGR_POOL_BUILD_NO_OVERWRITE))
        return storage_error(err, VMGR_ERR_INVALID_ARG,
                             "Overwrite and no overwrite flags are mutually exclusive");
    if (!(flags & VMGR_POOL_BUILD_OVERWRITE) && check_empty(pool, device, err) < 0)
        return -1;
    if (strcmp(format, "unknown") == 0 || strcmp(format, "dos") == 0)
        format = "msdos"; /* parted's name for it */
    return vmgr__run_args(NULL, err, "parted", "-s", "--", device, "mklabel", format);
}

const struct vmgr__backend vmgr__backend_disk = {
    .build = build,
    .measure = measure,
    .list = list,
    .create = create,
    .delete = delete_volume,
};
