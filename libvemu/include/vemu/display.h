/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guest's displays show.
 */
#ifndef VEMU_DISPLAY_H
#define VEMU_DISPLAY_H

#include <stdint.h>
#include <vemu/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vemu_vm;
struct vemu_display_view;

/**
 * struct vemu_display_info - one display
 * @size: sizeof(struct vemu_display_info), set by the caller (VEMU_DISPLAY_INFO_INIT)
 * @active: 1 when the guest has set a mode
 * @width, @height: pixels, of the blank picture when not active
 * @id: of its device; valid as long as the VM
 */
struct vemu_display_info {
    uint32_t size;
    uint32_t active;
    uint32_t width, height;
    const char *id;
};
#define VEMU_DISPLAY_INFO_INIT { .size = sizeof(struct vemu_display_info) }

/** vemu_vm_get_display() - display number `index` (from 0) of a realized machine
 * Errors: -ENOENT (index is past the last), -EINVAL (size). Context: any. Since 0.1 */
int vemu_vm_get_display(struct vemu_vm *vm, uint32_t index, struct vemu_display_info *ret);

/**
 * vemu_display_view_new() - begins to look at a display
 * @id: of its device; NULL: the first display
 * A view has a picture of its own and knows what changed since it was last updated; several can
 * look at one display. It holds a reference to the VM.
 * Errors: ENOENT (no such display). Context: any. Since 0.1
 */
int vemu_display_view_new(struct vemu_vm *vm, const char *id, struct vemu_display_view **ret,
                          struct vemu_error **err);
/** Ends it; NULL is fine. Returns NULL. Context: any, not inside an update of it. Since 0.1 */
struct vemu_display_view *vemu_display_view_free(struct vemu_display_view *view);

/**
 * struct vemu_display_frame - the picture of a view
 * @size: sizeof(struct vemu_display_frame), set by the caller (VEMU_DISPLAY_FRAME_INIT)
 * @width, @height: pixels
 * @stride: pixels from a row to the next
 * @pixels: 0x00RRGGBB each; the view's, until its next update
 * @dirty: a byte a row, 1: it changed with this update; the view's
 * @first_dirty, @dirty_count: rows from the first that changed to the last
 */
struct vemu_display_frame {
    uint32_t size;
    uint32_t width, height, stride;
    uint32_t first_dirty, dirty_count;
    const uint32_t *pixels;
    const uint8_t *dirty;
};
#define VEMU_DISPLAY_FRAME_INIT { .size = sizeof(struct vemu_display_frame) }

/**
 * vemu_display_view_update() - brings the picture up to date
 * A display without a mode shows 640 by 480 black pixels. After a change of the size all rows are
 * dirty. Returns 1: something changed, 0: nothing did (*ret is filled all the same).
 * Errors: -ESHUTDOWN (the machine was stopped), -ENOMEM, -EINVAL (size). Context: any, one thread
 * at a time a view. Since 0.1
 */
int vemu_display_view_update(struct vemu_display_view *view, struct vemu_display_frame *ret);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
