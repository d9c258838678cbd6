/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VMDK images, VMware's format, for reading ("Virtual Disk Format 5.0").
 *
 * An image is one or more extents, each in a file. A text, the descriptor, lists them; it is a file
 * of its own (monolithicFlat, twoGbMaxExtentSparse ...), or is inside the only extent
 * (monolithicSparse, streamOptimized). A sparse extent without a descriptor stands for itself.
 * Supported are flat, sparse, compressed and zero extents; other kinds of image are refused by
 * their createType. A parent is a backing image, whose contents must not have changed (CID).
 */
#include "image/vmdk.h"

#include <errno.h>
#include <string.h>

#include <glib.h>
#include <json-c/json.h>

#include "core/error.h"

static const char *const create_types[] = {
    "monolithicSparse",     "monolithicFlat",     "streamOptimized", "vmfs",
    "twoGbMaxExtentSparse", "twoGbMaxExtentFlat",
};

struct vmdk {
    struct image_places places;
    struct vmdk_descriptor descriptor;
    struct vmdk_extent *extents; /* in order, without gaps */
    unsigned extent_count;
};

static int vmdk_probe(const uint8_t *head, size_t bytes, const char *filename)
{
    static const char text[] = "# Disk DescriptorFile";

    if (bytes >= 4 && (memcmp(head, "KDMV", 4) == 0 || memcmp(head, "COWD", 4) == 0))
        return 100;
    return bytes >= sizeof(text) - 1 && memcmp(head, text, sizeof(text) - 1) == 0 ? 100 : 0;
}

/* --- finding ---------------------------------------------------------------------------------- */

static struct vmdk_extent *extent_at(struct vmdk *vmdk, uint64_t offset)
{
    unsigned low = 0, high = vmdk->extent_count;

    while (high - low > 1) {
        unsigned middle = (low + high) / 2;

        if (vmdk->extents[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return &vmdk->extents[low];
}

static bool parent_is_right(struct vmdk *vmdk)
{
    struct vemu_image *backing = vmdk->places.image.backing;

    return !backing || backing->driver != vmdk->places.image.driver ||
           ((struct vmdk *)backing)->descriptor.cid == vmdk->descriptor.parent_cid;
}

static int vmdk_find(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                     struct image_place *ret)
{
    struct vmdk *vmdk = (struct vmdk *)image;
    struct vmdk_extent *extent = extent_at(vmdk, offset);
    int r = 0;

    offset -= extent->start;
    switch (extent->type) {
    case VMDK_SPARSE: r = vemu__vmdk_grains_find(extent, offset, bytes, ret); break;
    case VMDK_ZERO:
        ret->kind = IMAGE_PLACE_ZERO;
        ret->bytes = extent->bytes;
        break;
    case VMDK_FLAT:
        ret->kind = IMAGE_PLACE_DATA;
        ret->file = extent->file;
        ret->offset = extent->offset + offset;
        ret->bytes = extent->bytes;
        break;
    }
    if (r < 0)
        return r;
    ret->bytes = MIN(ret->bytes, extent->bytes - offset);
    if (ret->kind == IMAGE_PLACE_ABSENT && !parent_is_right(vmdk))
        return -ESTALE;
    return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void extent_init(struct vmdk_extent *extent)
{
    extent->unpacked = UINT64_MAX;
    pthread_mutex_init(&extent->lock, NULL);
    if (extent->file)
        vemu__image_pages_init(&extent->pages, extent->file);
}

/* The image's descriptor as text, from its place in `file`. */
static int descriptor_read(struct vemu_image *file, const char *filename, uint64_t offset,
                           uint64_t bytes, char **ret, struct vemu_error **err)
{
    uint64_t size = vemu_image_get_size(file);
    g_autofree char *text = NULL;
    int r;

    if (offset > size || bytes > size - offset || bytes > VMDK_DESCRIPTOR_MAX)
        return vemu__error_set(err, EINVAL, "'%s': invalid place or size of the vmdk descriptor",
                               filename);
    text = g_malloc0(bytes + 1);
    r = vemu_image_read(file, offset, text, bytes);
    if (r < 0)
        return vemu__error_set(err, -r, "'%s': cannot read the vmdk descriptor: %s", filename,
                               g_strerror(-r));
    *ret = g_steal_pointer(&text);
    return 0;
}

static int descriptor_check(const struct vemu_image *image, const struct vmdk_descriptor *d,
                            struct vemu_error **err)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(create_types); i++)
        if (strcmp(create_types[i], d->create_type) == 0)
            return 0;
    return vemu__error_set(err, ENOTSUP, "'%s': vmdk images of type '%s' are not supported",
                           image->filename, d->create_type);
}

static int extent_open(struct vmdk *vmdk, const struct vmdk_extent_line *line,
                       struct vmdk_extent *extent, struct vemu_error **err)
{
    struct vemu_image *image = &vmdk->places.image;
    g_autofree char *path = NULL;
    int r;

    extent->type = line->type;
    extent->type_name = line->type_name;
    extent->bytes = line->bytes;
    if (line->type == VMDK_ZERO) {
        extent_init(extent);
        return 0;
    }
    path = vemu__image_resolve(image, line->filename);
    r = vemu__image_open_protocol(path, image->open_flags, NULL, 0, &extent->file, err);
    extent_init(extent);
    if (r == 0 && line->type == VMDK_SPARSE) {
        r = vemu__vmdk_grains_read(extent->file, path, &extent->grains, err);
        extent->bytes = extent->grains.bytes;
    } else if (r == 0) {
        extent->offset = line->offset;
    }
    if (r < 0)
        vemu__error_prefix(err, "extent of '%s'", image->filename);
    return r;
}

/* A descriptor that is a file of its own. */
static int extents_open(struct vmdk *vmdk, struct vemu_error **err)
{
    const struct vmdk_descriptor *d = &vmdk->descriptor;
    struct vemu_image *image = &vmdk->places.image;
    uint64_t size = 0;

    if (!d->line_count)
        return vemu__error_set(err, EINVAL, "'%s': the vmdk descriptor has no extents",
                               image->filename);
    vmdk->extents = g_new0(struct vmdk_extent, d->line_count);
    for (unsigned i = 0; i < d->line_count; i++) {
        struct vmdk_extent *extent = &vmdk->extents[vmdk->extent_count++];
        int r = extent_open(vmdk, &d->lines[i], extent, err);

        if (r < 0)
            return r;
        extent->start = size;
        if (extent->bytes > INT64_MAX - size)
            return vemu__error_set(err, EINVAL, "'%s': the vmdk extents are too large",
                                   image->filename);
        size += extent->bytes;
        if (!extent->bytes) { /* nothing is ever found there */
            vmdk->extent_count--;
            vemu__image_pages_fini(&extent->pages);
            pthread_mutex_destroy(&extent->lock);
            vemu_image_close(extent->file);
            memset(extent, 0, sizeof(*extent));
        }
    }
    if (!vmdk->extent_count)
        return vemu__error_set(err, EINVAL, "'%s': all vmdk extents are empty", image->filename);
    image->size = size;
    return 0;
}

/* An extent that is all of the image. */
static int single_open(struct vmdk *vmdk, struct vemu_error **err)
{
    struct vemu_image *image = &vmdk->places.image;
    g_autofree char *text = NULL;
    struct vmdk_extent *extent;
    int r = 0;

    vmdk->extents = g_new0(struct vmdk_extent, 1);
    vmdk->extent_count = 1;
    extent = vmdk->extents;
    extent->type = VMDK_SPARSE;
    extent->type_name = "";
    extent->file = image->file;
    extent_init(extent);
    r = vemu__vmdk_grains_read(image->file, image->filename, &extent->grains, err);
    if (r < 0)
        return r;
    extent->bytes = extent->grains.bytes;
    image->size = extent->bytes;
    if (!extent->grains.descriptor_size) {
        vmdk->descriptor = (struct vmdk_descriptor){ .create_type = g_strdup("monolithicSparse"),
                                                     .parent_cid = UINT32_MAX };
        return 0;
    }
    r = descriptor_read(image->file, image->filename, extent->grains.descriptor_offset,
                        extent->grains.descriptor_size, &text, err);
    if (r == 0)
        r = vemu__vmdk_descriptor_parse(text, image->filename, &vmdk->descriptor, err);
    return r < 0 ? r : descriptor_check(image, &vmdk->descriptor, err);
}

static int vmdk_open(struct vemu_image *image, struct vemu_error **err)
{
    struct vmdk *vmdk = (struct vmdk *)image;
    uint64_t size = vemu_image_get_size(image->file);
    g_autofree char *text = NULL;
    char magic[4];
    int r;

    vmdk->places.find = vmdk_find;
    r = vemu__image_read_part(image->file, 0, magic, sizeof(magic));
    if (r < 0)
        return vemu__error_set(err, -r, "'%s': cannot read the vmdk header: %s", image->filename,
                               r == -EINVAL ? "the file is too short" : g_strerror(-r));
    if (memcmp(magic, "KDMV", 4) == 0 || memcmp(magic, "COWD", 4) == 0) {
        r = single_open(vmdk, err);
    } else {
        r = descriptor_read(image->file, image->filename, 0, size, &text, err);
        if (r == 0)
            r = vemu__vmdk_descriptor_parse(text, image->filename, &vmdk->descriptor, err);
        if (r == 0)
            r = descriptor_check(image, &vmdk->descriptor, err);
        if (r == 0)
            r = extents_open(vmdk, err);
    }
    if (r < 0)
        return r;
    for (unsigned i = 0; i < vmdk->extent_count; i++)
        if (vmdk->extents[i].type == VMDK_SPARSE)
            image->cluster_size = (uint32_t)vmdk->extents[i].grains.grain_size;
    if (vmdk->descriptor.parent && vmdk->descriptor.parent_cid != UINT32_MAX) {
        image->backing_filename = g_strdup(vmdk->descriptor.parent);
        image->backing_format = g_strdup("vmdk");
    }
    return 0;
}

static int vmdk_close(struct vemu_image *image)
{
    struct vmdk *vmdk = (struct vmdk *)image;

    for (unsigned i = 0; i < vmdk->extent_count; i++) {
        struct vmdk_extent *extent = &vmdk->extents[i];

        vemu__image_pages_fini(&extent->pages);
        pthread_mutex_destroy(&extent->lock);
        g_free(extent->unpacked_bytes);
        if (extent->file != image->file)
            vemu_image_close(extent->file);
    }
    g_free(vmdk->extents);
    vemu__vmdk_descriptor_clear(&vmdk->descriptor);
    return 0;
}

/* --- facts ------------------------------------------------------------------------------------ */

static struct json_object *extent_describe(const struct vmdk_extent *extent)
{
    struct json_object *ret = json_object_new_object();
    const char *filename = extent->file ? vemu_image_get_filename(extent->file) : "";

    if (extent->grains.compressed)
        json_object_object_add(ret, "compressed", json_object_new_boolean(true));
    json_object_object_add(ret, "virtual-size", json_object_new_int64((int64_t)extent->bytes));
    json_object_object_add(ret, "filename", json_object_new_string(filename));
    if (extent->type == VMDK_SPARSE)
        json_object_object_add(ret, "cluster-size",
                               json_object_new_int64((int64_t)extent->grains.grain_size));
    json_object_object_add(ret, "format", json_object_new_string(extent->type_name));
    return ret;
}

/* Of an extent's own file; what cannot be found out does not count. */
static uint64_t extent_actual_size(const struct vemu_image *image, const struct vmdk_extent *extent)
{
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    uint64_t size = 0;

    if (extent->file && extent->file != image->file &&
        vemu_image_get_info(extent->file, &info, NULL) == 0)
        size = info.actual_size;
    vemu_image_info_clear(&info);
    return size;
}

static int vmdk_info(struct vemu_image *image, struct vemu_image_info *info,
                     struct vemu_error **err)
{
    struct vmdk *vmdk = (struct vmdk *)image;
    struct json_object *list = json_object_new_array();

    vemu__image_add_fact(info, "cid", VEMU_IMAGE_FACT_NUMBER, vmdk->descriptor.cid, NULL);
    vemu__image_add_fact(info, "parent-cid", VEMU_IMAGE_FACT_NUMBER, vmdk->descriptor.parent_cid,
                         NULL);
    vemu__image_add_fact(info, "create-type", VEMU_IMAGE_FACT_TEXT, 0,
                         vmdk->descriptor.create_type);
    for (unsigned i = 0; i < vmdk->extent_count; i++) {
        json_object_array_add(list, extent_describe(&vmdk->extents[i]));
        info->actual_size += extent_actual_size(image, &vmdk->extents[i]);
    }
    vemu__image_add_fact(info, "extents", VEMU_IMAGE_FACT_JSON, 0,
                         json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN));
    json_object_put(list);
    return 0;
}

const struct vemu_image_driver vemu__image_vmdk = {
    .name = "vmdk",
    .summary = "VMware's disk image, for reading",
    .instance_size = sizeof(struct vmdk),
    .probe = vmdk_probe,
    .open = vmdk_open,
    .close = vmdk_close,
    .readv = vemu__image_places_readv,
    .extent = vemu__image_places_extent,
    .map = vemu__image_places_map,
    .info = vmdk_info,
};
