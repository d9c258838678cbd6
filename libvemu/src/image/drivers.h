/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The image drivers there are: one line each here and in drivers.c.
 */
#ifndef VEMU_IMAGE_DRIVERS_H
#define VEMU_IMAGE_DRIVERS_H

#include "image/image.h"

extern const struct vemu_image_driver vemu__image_file, vemu__image_host_device;
extern const struct vemu_image_driver vemu__image_nbd;
extern const struct vemu_image_driver vemu__image_null_aio, vemu__image_null_co;
extern const struct vemu_image_driver vemu__image_raw;
extern const struct vemu_image_driver vemu__image_blkdebug, vemu__image_copy_on_read;
extern const struct vemu_image_driver vemu__image_throttle;
extern const struct vemu_image_driver vemu__qcow2_driver;
extern const struct vemu_image_driver vemu__image_vdi, vemu__image_vhdx;
extern const struct vemu_image_driver vemu__image_vmdk, vemu__image_vpc;

/* Creating a raw file, which is also how a file is created. */
struct vemu_image_raw_create {
    uint64_t size;
    char *preallocation;
    bool nocow;
    uint64_t extent_size_hint;
};
extern const struct vemu_prop vemu__image_raw_create_props[];
int vemu__image_create_raw(const struct vemu_image_create_args *args, struct vemu_error **err);

/* A path that is a block device. */
bool vemu__image_is_device(const char *filename);
/* Which file of the host a name or an open layer stands for; false: none (nbd ...). */
bool vemu__image_file_id(const char *filename, uint64_t id[2]);
bool vemu__image_layer_id(const struct vemu_image *image, uint64_t id[2]);

#endif
