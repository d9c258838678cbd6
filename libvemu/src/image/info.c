/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An image at a glance.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/error.h"
#include "image/image.h"

struct details {
    GArray *facts;      /* struct vemu_image_fact */
    GPtrArray *strings; /* char * */
};

static const char *keep(struct vemu_image_info *info, const char *text)
{
    struct details *details = info->reserved;
    char *copy = text ? g_strdup(text) : NULL;

    if (copy)
        g_ptr_array_add(details->strings, copy);
    return copy;
}

void vemu__image_add_fact(struct vemu_image_info *info, const char *name,
                          enum vemu_image_fact_kind kind, uint64_t number, const char *text)
{
    struct details *details = info->reserved;
    const struct vemu_image_fact fact = { keep(info, name), kind, number, keep(info, text) };

    g_array_append_val(details->facts, fact);
    info->facts = (const struct vemu_image_fact *)(void *)details->facts->data;
    info->fact_count = details->facts->len;
}

void vemu_image_info_clear(struct vemu_image_info *info)
{
    struct details *details = info ? info->reserved : NULL;
    uint32_t size;

    if (!info)
        return;
    if (details) {
        g_array_free(details->facts, TRUE);
        g_ptr_array_free(details->strings, TRUE);
        g_free(details);
    }
    size = info->size;
    *info = (struct vemu_image_info){ .size = size };
}

static struct details *details_new(void)
{
    struct details *details = g_new(struct details, 1);

    details->facts = g_array_new(FALSE, TRUE, sizeof(struct vemu_image_fact));
    details->strings = g_ptr_array_new_with_free_func(g_free);
    return details;
}

/* What the files below a layer take on the host's disk. */
static uint64_t actual_size(struct vemu_image *image)
{
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    uint64_t size = 0;

    while (image->file)
        image = image->file;
    info.reserved = details_new();
    if (image->driver->info && image->driver->info(image, &info, NULL) >= 0)
        size = info.actual_size;
    vemu_image_info_clear(&info);
    return size;
}

static void describe_backing(const struct vemu_image *image, struct vemu_image_info *ret)
{
    g_autofree char *full = NULL;

    if (!image->backing_filename)
        return;
    full = vemu__image_resolve(image, image->backing_filename);
    ret->backing_filename = keep(ret, image->backing_filename);
    ret->backing_format = keep(ret, image->backing_format);
    ret->full_backing_filename = keep(ret, full);
}

int vemu_image_get_info(struct vemu_image *image, struct vemu_image_info *ret,
                        struct vemu_error **err)
{
    uint32_t size = ret->size;
    int r = 0;

    if (size < sizeof(*ret))
        return vemu__error_set(err, EINVAL, "bad size of the result");
    *ret = (struct vemu_image_info){
        .size = size,
        .virtual_size = image->size,
        .actual_size = actual_size(image),
        .cluster_size = image->cluster_size,
        .format = image->driver->name,
        .reserved = details_new(),
    };
    ret->filename = keep(ret, image->filename);
    describe_backing(vemu__image_skip_filters(image), ret);
    if (image->driver->info)
        r = image->driver->info(image, ret, err);
    if (r < 0)
        vemu_image_info_clear(ret);
    return r < 0 ? vemu__error_set(err, -r, "'%s': %s", image->filename, strerror(-r)) : 0;
}
