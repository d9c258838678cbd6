/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Showing an image's internal snapshots.
 */
#ifndef VEMU_IMG_SNAPSHOTS_H
#define VEMU_IMG_SNAPSHOTS_H

#include <vemu/image.h>

#include "json.h"

/* A list; NULL: there are none. */
struct value *snapshots_value(struct vemu_image *image);
/* A table; nothing if there are none. */
void snapshots_print(struct vemu_image *image);

#endif
