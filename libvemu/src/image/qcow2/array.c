/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables of 64-bit entries that are in memory as a whole: the L1 table and the refcount table.
 */
#include <errno.h>
#include <stdlib.h>

#include "image/qcow2/qcow2.h"

#define SECTOR_ENTRIES (IMAGE_SECTOR / 8)

int vemu__qcow2_array_init(struct qcow2_array *array, uint64_t offset, uint64_t count)
{
    vemu__qcow2_array_fini(array);
    array->entry = calloc(count ? count : 1, 8);
    array->dirty = calloc(count / SECTOR_ENTRIES + 1, 1);
    if (!array->entry || !array->dirty) {
        vemu__qcow2_array_fini(array);
        return -ENOMEM;
    }
    array->offset = offset;
    array->count = count;
    return 0;
}

int vemu__qcow2_array_load(struct qcow2_array *array, struct vemu_image *file, uint64_t offset,
                           uint64_t count)
{
    uint64_t *entry = NULL;
    int r;

    r = vemu__qcow2_array_init(array, offset, 0);
    if (r < 0 || !count)
        return r;
    r = vemu__qcow2_file_read_table(file, offset, count, &entry);
    if (r < 0)
        return r;
    free(array->dirty);
    free(array->entry);
    array->entry = entry;
    array->count = count;
    array->dirty = calloc(count / SECTOR_ENTRIES + 1, 1);
    return array->dirty ? 0 : -ENOMEM;
}

void vemu__qcow2_array_fini(struct qcow2_array *array)
{
    free(array->entry);
    free(array->dirty);
    memset(array, 0, sizeof(*array));
}

void vemu__qcow2_array_set(struct qcow2_array *array, uint64_t index, uint64_t value)
{
    array->entry[index] = value;
    array->dirty[index / SECTOR_ENTRIES] = 1;
    array->any_dirty = true;
}

int vemu__qcow2_array_grow(struct qcow2_array *array, uint64_t count)
{
    uint64_t *entry;
    uint8_t *dirty;
    uint64_t was = array->count;

    if (count <= was)
        return 0;
    dirty = realloc(array->dirty, count / SECTOR_ENTRIES + 1);
    if (!dirty)
        return -ENOMEM;
    array->dirty = dirty;
    /* also aligned after realloc() would be no use: it is copied for writing */
    entry = realloc(array->entry, count * 8);
    if (!entry)
        return -ENOMEM;
    array->entry = entry;
    memset(entry + was, 0, (count - was) * 8);
    memset(dirty + was / SECTOR_ENTRIES + 1, 0, count / SECTOR_ENTRIES - was / SECTOR_ENTRIES);
    array->count = count;
    return 0;
}
