/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <volume>: name, sizes, target and backing store.
 */
#include "volume.h"

#include <string.h>
#include <vmgr/storage.h>

static const char *const type_names[] = {
    "file", "block", "dir", "network", "netdir", "ploop", NULL
};
static const char *const feature_names[] = { "lazy_refcounts", "extended_l2", NULL };

const char *vmgr__file_format_name(int format)
{
    return vmgr__pool_kinds[VMGR__POOL_DIR].volume_formats[format];
}

int vmgr__file_format_index(const char *name)
{
    return vmgr__name_index(vmgr__pool_kinds[VMGR__POOL_DIR].volume_formats, name);
}

static void extent_free(void *data)
{
    struct vmgr__volume_extent *e = data;

    g_free(e->path);
    g_free(e);
}

void vmgr__volume_add_extent(struct vmgr__volume_def *def, const char *path, uint64_t start,
                             uint64_t end)
{
    struct vmgr__volume_extent *e = g_new0(struct vmgr__volume_extent, 1);

    if (!def->extents)
        def->extents = g_ptr_array_new_with_free_func(extent_free);
    e->path = g_strdup(path);
    e->start = start;
    e->end = end;
    g_ptr_array_add(def->extents, e);
}

struct vmgr__volume_def *vmgr__volume_def_new(void)
{
    struct vmgr__volume_def *def = g_new0(struct vmgr__volume_def, 1);

    vmgr__perms_init(&def->target.perms);
    vmgr__perms_init(&def->backing.perms);
    return def;
}

static void target_fini(struct vmgr__volume_target *t)
{
    g_free(t->path);
    g_free(t->perms.label);
    g_free(t->compat);
    g_free(t->encryption);
}

void vmgr__volume_def_free(void *data)
{
    struct vmgr__volume_def *def = data;

    if (!def)
        return;
    target_fini(&def->target);
    target_fini(&def->backing);
    g_clear_pointer(&def->extents, g_ptr_array_unref);
    g_free(def->name);
    g_free(def->key);
    g_free(def);
}

/* ---- reading ---- */

/* 1 and *ret, 0 when there is no such child. */
static int parse_size(const xmlNode *root, const char *name, uint64_t *ret, struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(root, name);
    g_autofree char *text = vmgr__xml_child_text(root, name);
    g_autofree char *unit = vmgr__xml_attr(node, "unit");
    uint64_t value;

    if (!text)
        return 0;
    if (!vmgr__parse_u64(text, &value))
        return storage_error(err, VMGR_ERR_XML_ERROR, "malformed capacity element");
    return vmgr__scale(value, unit, 1, INT64_MAX, ret, err) < 0 ? -1 : 1;
}

static int parse_format(const xmlNode *target, const char *const *formats, int *format,
                        struct vmgr_error **err)
{
    g_autofree char *text = vmgr__xml_attr(vmgr__xml_child(target, "format"), "type");

    if (!formats || !text || !*text)
        return 0;
    *format = vmgr__name_index(formats, text);
    if (*format < 0)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "unknown volume format type %s",
                             text);
    return 0;
}

static int parse_features(const xmlNode *node, struct vmgr__volume_target *t,
                          struct vmgr_error **err)
{
    if (!node)
        return 0;
    if (!t->compat)
        t->compat = g_strdup("1.1");
    t->has_features = true;
    for (const xmlNode *n = vmgr__xml_first(node); n; n = vmgr__xml_next(n, NULL)) {
        int index = vmgr__name_index(feature_names, (const char *)n->name);

        if (index < 0)
            return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "unsupported feature %s",
                                 (const char *)n->name);
        t->features |= 1u << index;
    }
    return 0;
}

static int parse_target(const xmlNode *node, enum vmgr__pool_type pool,
                        struct vmgr__volume_target *t, struct vmgr_error **err)
{
    const struct vmgr__pool_kind *kind = &vmgr__pool_kinds[pool];
    xmlNode *encryption = vmgr__xml_child(node, "encryption");

    t->path = vmgr__xml_child_text(node, "path");
    t->format = kind->default_volume_format;
    t->compat = vmgr__xml_child_text(node, "compat");
    if (parse_format(node, kind->volume_formats, &t->format, err) < 0 ||
        vmgr__perms_parse(node, &t->perms, err) < 0)
        return -1;
    if (t->compat && strspn(t->compat, "0123456789.") != strlen(t->compat))
        return storage_error(err, VMGR_ERR_XML_ERROR, "forbidden characters in 'compat' attribute");
    if (encryption)
        t->encryption = vmgr__xml_keep(encryption, 2);
    t->nocow = vmgr__xml_child(node, "nocow") != NULL;
    if (parse_size(node, "clusterSize", &t->cluster_size, err) < 0)
        return -1;
    return parse_features(vmgr__xml_child(node, "features"), t, err);
}

static int parse_backing(const xmlNode *node, struct vmgr__volume_def *def, struct vmgr_error **err)
{
    const struct vmgr__pool_kind *files = &vmgr__pool_kinds[VMGR__POOL_DIR];

    def->backing.path = vmgr__xml_child_text(node, "path");
    if (!def->backing.path)
        return 0;
    def->has_backing = true;
    def->backing.format = files->default_volume_format;
    if (parse_format(node, files->volume_formats, &def->backing.format, err) < 0)
        return -1;
    return vmgr__perms_parse(node, &def->backing.perms, err);
}

static int parse_sizes(const xmlNode *root, uint32_t flags, struct vmgr__volume_def *def,
                       struct vmgr_error **err)
{
    int r = parse_size(root, "capacity", &def->capacity, err);

    if (r < 0)
        return -1;
    def->has_capacity = r > 0;
    if (!def->has_capacity && !(flags & VMGR__VOLUME_NO_CAPACITY) &&
        !(flags & VMGR__VOLUME_OPT_CAPACITY && def->has_backing))
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing capacity element");
    r = parse_size(root, "allocation", &def->allocation, err);
    def->has_allocation = r > 0;
    if (r == 0)
        def->allocation = def->capacity;
    return r < 0 ? -1 : 0;
}

static int parse_volume(const xmlNode *root, enum vmgr__pool_type pool, uint32_t flags,
                        struct vmgr__volume_def *def, struct vmgr_error **err)
{
    g_autofree char *type = vmgr__xml_attr(root, "type");

    def->name = vmgr__xml_child_text(root, "name");
    if (!def->name)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing volume name element");
    if (type) {
        def->type = vmgr__name_index(type_names, type);
        if (def->type < 0)
            return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "unknown volume type '%s'",
                                 type);
    }
    def->key = vmgr__xml_child_text(root, "key");
    if (parse_backing(vmgr__xml_child(root, "backingStore"), def, err) < 0 ||
        parse_sizes(root, flags, def, err) < 0)
        return -1;
    return parse_target(vmgr__xml_child(root, "target"), pool, &def->target, err);
}

struct vmgr__volume_def *vmgr__volume_def_parse(const char *xml, enum vmgr__pool_type pool,
                                                uint32_t flags, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(storage_volume_definition)", "volume", err);
    struct vmgr__volume_def *def;
    int r;

    if (!doc)
        return NULL;
    def = vmgr__volume_def_new();
    r = parse_volume(xmlDocGetRootElement(doc), pool, flags, def, err);
    xmlFreeDoc(doc);
    if (r == 0)
        return def;
    vmgr__volume_def_free(def);
    return NULL;
}

/* ---- writing ---- */

static void write_bytes(struct vmgr__xml_writer *w, const char *name, const char *unit,
                        uint64_t bytes)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, bytes);

    vmgr__xw_begin(w, name);
    vmgr__xw_attr(w, "unit", unit);
    vmgr__xw_end_text(w, name, text);
}

static void write_time(struct vmgr__xml_writer *w, const char *name, struct timespec t)
{
    g_autofree char *text = t.tv_nsec
                                ? g_strdup_printf("%lld.%09ld", (long long)t.tv_sec, t.tv_nsec)
                                : g_strdup_printf("%lld", (long long)t.tv_sec);

    vmgr__xw_text(w, name, text);
}

static void write_features(const struct vmgr__volume_target *t, struct vmgr__xml_writer *w)
{
    if (!t->has_features)
        return;
    vmgr__xw_begin(w, "features");
    vmgr__xw_content(w);
    for (int i = 0; feature_names[i]; i++) {
        if (t->features & 1u << i) {
            vmgr__xw_begin(w, feature_names[i]);
            vmgr__xw_end(w, feature_names[i]);
        }
    }
    vmgr__xw_end(w, "features");
}

static void write_target(const char *name, const struct vmgr__volume_target *t,
                         const char *const *formats, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, name);
    vmgr__xw_text(w, "path", t->path);
    if (formats) {
        vmgr__xw_begin(w, "format");
        vmgr__xw_attr(w, "type", formats[t->format]);
        vmgr__xw_end(w, "format");
    }
    vmgr__perms_write(&t->perms, w);
    if (t->has_times) {
        vmgr__xw_begin(w, "timestamps");
        write_time(w, "atime", t->atime);
        write_time(w, "mtime", t->mtime);
        write_time(w, "ctime", t->ctime);
        write_time(w, "btime", t->btime);
        vmgr__xw_end(w, "timestamps");
    }
    vmgr__xw_raw(w, t->encryption);
    vmgr__xw_text(w, "compat", t->compat);
    if (t->cluster_size)
        write_bytes(w, "clusterSize", "B", t->cluster_size);
    write_features(t, w);
    vmgr__xw_end(w, name);
}

static void write_extents(const struct vmgr__volume_def *def, struct vmgr__xml_writer *w)
{
    if (!def->extents)
        return;
    vmgr__xw_begin(w, "source");
    for (guint i = 0; i < def->extents->len; i++) {
        const struct vmgr__volume_extent *e = def->extents->pdata[i];

        vmgr__xw_begin(w, "device");
        vmgr__xw_attr(w, "path", e->path);
        vmgr__xw_begin(w, "extent");
        vmgr__xw_attrf(w, "start", "%" G_GUINT64_FORMAT, e->start);
        vmgr__xw_attrf(w, "end", "%" G_GUINT64_FORMAT, e->end);
        vmgr__xw_end(w, "extent");
        vmgr__xw_end(w, "device");
    }
    vmgr__xw_end(w, "source");
}

char *vmgr__volume_def_format(const struct vmgr__volume_def *def, enum vmgr__pool_type pool)
{
    const struct vmgr__pool_kind *kind = &vmgr__pool_kinds[pool];
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "volume");
    vmgr__xw_attr(&w, "type", type_names[def->type]);
    vmgr__xw_text(&w, "name", def->name);
    vmgr__xw_text(&w, "key", def->key);
    write_extents(def, &w);
    write_bytes(&w, "capacity", "bytes", def->capacity);
    write_bytes(&w, "allocation", "bytes", def->allocation);
    if (def->physical)
        write_bytes(&w, "physical", "bytes", def->physical);
    write_target("target", &def->target, kind->volume_formats, &w);
    if (def->has_backing)
        write_target("backingStore", &def->backing, vmgr__pool_kinds[VMGR__POOL_DIR].volume_formats,
                     &w);
    vmgr__xw_end(&w, "volume");
    return vmgr__xw_finish(&w);
}
