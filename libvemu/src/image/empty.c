/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Emptying a layer.
 */
#include <errno.h>

#include "core/error.h"
#include "image/image.h"

int vemu_image_make_empty(struct vemu_image *image, struct vemu_error **err)
{
    if (!image->driver->make_empty)
        return vemu__error_set(err, ENOTSUP, "An image of format '%s' cannot be emptied",
                               image->driver->name);
    if (!vemu_image_is_writable(image))
        return vemu__error_set(err, EROFS, "The image was opened for reading only");
    return image->driver->make_empty(image, err);
}
