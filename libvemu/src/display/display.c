/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Displays of a machine, and views of them.
 *
 * The list of displays is complete when the machine is realized and stays: a display is not
 * plugged in or out. A view keeps the VM, so that the device is there; what it finds after the
 * machine was stopped is a device that is not realized.
 *
 * An update holds the device's lock, row after row: the guest can change the mode between two
 * rows, but not in the middle of one. The surface is asked for again after each batch of rows, and
 * the update begins anew if it is another one.
 */
#include "display/display.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "core/vm.h"

#define BLANK_WIDTH  640u
#define BLANK_HEIGHT 480u
#define BATCH_ROWS   64u /* with the lock held */
#define RETRIES      4u  /* of a guest that changes the mode all the time */

struct vemu_display {
    struct vemu_device *dev;
    const struct vemu_display_ops *ops;
};

struct vemu_display_view {
    struct vemu_vm *vm;
    struct vemu_display display;
    uint32_t width, height;
    bool was_active;
    uint32_t *pixels;
    uint8_t *dirty, *raw; /* raw: a row as the guest has it */
    size_t raw_size;
};

unsigned vemu__pixel_size(enum vemu_pixel_format format)
{
    switch (format) {
    case VEMU_PIXEL_X8R8G8B8:
    case VEMU_PIXEL_X8B8G8R8: return 4;
    case VEMU_PIXEL_R8G8B8: return 3;
    case VEMU_PIXEL_R5G6B5:
    case VEMU_PIXEL_X1R5G5B5: break;
    }
    return 2;
}

/* --- the machine's displays ------------------------------------------------------------------- */

void vemu__display_add(struct vemu_device *dev, const struct vemu_display_ops *ops)
{
    struct vemu_vm *vm = dev->vm;
    struct vemu_display *display = g_new(struct vemu_display, 1);

    g_assert(!dev->class_->ops->hotplug);
    display->dev = dev;
    display->ops = ops;
    pthread_mutex_lock(&vm->list_lock);
    g_ptr_array_add(vm->displays, display);
    pthread_mutex_unlock(&vm->list_lock);
}

/* By number, or by the device's id (NULL: any). */
static bool find(struct vemu_vm *vm, const char *id, uint32_t index, struct vemu_display *ret)
{
    bool found = false;

    pthread_mutex_lock(&vm->list_lock);
    for (guint i = index; i < vm->displays->len && !found; i++) {
        const struct vemu_display *display = vm->displays->pdata[i];

        found = !id || strcmp(display->dev->id, id) == 0;
        *ret = *display;
    }
    pthread_mutex_unlock(&vm->list_lock);
    return found;
}

/* The device's lock is held. What the device says is checked: it may be the guest's word. */
static bool surface_of(const struct vemu_display *display, struct vemu_surface *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (display->dev->realized && display->ops->surface(display->dev, ret) && ret->width &&
        ret->height && ret->width <= VEMU_SURFACE_MAX && ret->height <= VEMU_SURFACE_MAX)
        return true;
    memset(ret, 0, sizeof(*ret));
    ret->width = BLANK_WIDTH;
    ret->height = BLANK_HEIGHT;
    return false;
}

int vemu_vm_get_display(struct vemu_vm *vm, uint32_t index, struct vemu_display_info *ret)
{
    struct vemu_display display;
    struct vemu_surface surface;
    bool active;

    if (ret->size < sizeof(*ret))
        return -EINVAL;
    if (!find(vm, NULL, index, &display))
        return -ENOENT;
    pthread_mutex_lock(&display.dev->lock);
    active = surface_of(&display, &surface);
    pthread_mutex_unlock(&display.dev->lock);
    ret->active = active;
    ret->width = surface.width;
    ret->height = surface.height;
    ret->id = display.dev->id;
    return 0;
}

/* --- views ------------------------------------------------------------------------------------ */

int vemu_display_view_new(struct vemu_vm *vm, const char *id, struct vemu_display_view **ret,
                          struct vemu_error **err)
{
    struct vemu_display display;
    struct vemu_display_view *view;

    if (!find(vm, id, 0, &display))
        return id ? vemu__error_set(err, ENOENT, "there is no display '%s'", id)
                  : vemu__error_set(err, ENOENT, "the machine has no display");
    view = g_new0(struct vemu_display_view, 1);
    view->vm = vemu_vm_ref(vm);
    view->display = display;
    *ret = view;
    return 0;
}

static void forget(struct vemu_display_view *view)
{
    g_clear_pointer(&view->pixels, g_free);
    g_clear_pointer(&view->dirty, g_free);
    g_clear_pointer(&view->raw, g_free);
    view->width = view->height = 0;
    view->raw_size = 0;
}

struct vemu_display_view *vemu_display_view_free(struct vemu_display_view *view)
{
    if (!view)
        return NULL;
    forget(view);
    vemu_vm_unref(view->vm);
    g_free(view);
    return NULL;
}

static uint32_t widen(uint32_t value, unsigned bits)
{
    return value << (8 - bits) | value >> (2 * bits - 8);
}

static uint32_t pixel(const uint8_t *at, enum vemu_pixel_format format, bool swapped)
{
    unsigned size = vemu__pixel_size(format);
    uint32_t v = 0;

    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)at[swapped ? size - 1 - i : i] << (8 * i);
    switch (format) {
    case VEMU_PIXEL_X8R8G8B8:
    case VEMU_PIXEL_R8G8B8: return v & 0xffffff;
    case VEMU_PIXEL_X8B8G8R8: return (v & 0xff) << 16 | (v & 0xff00) | (v >> 16 & 0xff);
    case VEMU_PIXEL_R5G6B5:
        return widen(v >> 11, 5) << 16 | widen(v >> 5 & 0x3f, 6) << 8 | widen(v & 0x1f, 5);
    case VEMU_PIXEL_X1R5G5B5:
        return widen(v >> 10 & 0x1f, 5) << 16 | widen(v >> 5 & 0x1f, 5) << 8 | widen(v & 0x1f, 5);
    }
    return 0;
}

/* Turns a raw row into pixels; true: they are others than before. */
static bool put_row(uint32_t *to, const uint8_t *raw, const struct vemu_surface *s)
{
    unsigned size = vemu__pixel_size(s->format);
    uint32_t differs = 0;

    if (s->format == VEMU_PIXEL_X8R8G8B8 && !s->swapped) {
        for (uint32_t x = 0; x < s->width; x++) {
            uint32_t value;

            memcpy(&value, raw + 4 * (size_t)x, 4);
            value = GUINT32_FROM_LE(value) & 0xffffff;
            differs |= value ^ to[x];
            to[x] = value;
        }
        return differs;
    }
    for (uint32_t x = 0; x < s->width; x++) {
        uint32_t value = pixel(raw + (size_t)size * x, s->format, s->swapped);

        differs |= value ^ to[x];
        to[x] = value;
    }
    return differs;
}

/* Room for a picture of that size; what was there is forgotten. */
static int resize(struct vemu_display_view *view, const struct vemu_surface *s)
{
    size_t raw_size = (size_t)s->width * 4;

    if (view->width == s->width && view->height == s->height && view->pixels)
        return 0;
    forget(view);
    view->pixels = g_try_malloc0_n((size_t)s->width * s->height, sizeof(*view->pixels));
    view->dirty = g_try_malloc0(s->height);
    view->raw = g_try_malloc0(raw_size);
    if (!view->pixels || !view->dirty || !view->raw) {
        forget(view);
        return -ENOMEM;
    }
    view->raw_size = raw_size;
    view->width = s->width;
    view->height = s->height;
    return 1;
}

/* Rows [first, end) with the device's lock held. A row that cannot be read is black. */
static void read_rows(struct vemu_display_view *view, const struct vemu_surface *s, bool active,
                      uint32_t first, uint32_t end)
{
    const struct vemu_display *display = &view->display;
    size_t bytes = (size_t)s->width * vemu__pixel_size(s->format);

    for (uint32_t y = first; y < end; y++) {
        uint64_t address = s->address + (uint64_t)y * s->stride;

        if (!active || display->ops->read(display->dev, address, view->raw, bytes) < 0)
            memset(view->raw, 0, bytes);
        view->dirty[y] |= put_row(view->pixels + (size_t)y * s->width, view->raw, s);
    }
}

static bool same_surface(const struct vemu_surface *a, const struct vemu_surface *b)
{
    return a->width == b->width && a->height == b->height && a->stride == b->stride &&
           a->address == b->address && a->format == b->format && a->swapped == b->swapped;
}

/* One pass; false: the surface changed on the way. */
static bool pass(struct vemu_display_view *view, const struct vemu_surface *want, bool active)
{
    struct vemu_device *dev = view->display.dev;

    for (uint32_t y = 0, end; y < want->height; y = end) {
        struct vemu_surface now;
        bool same;

        end = MIN(y + BATCH_ROWS, want->height);
        pthread_mutex_lock(&dev->lock);
        same = surface_of(&view->display, &now) == active && same_surface(want, &now);
        if (same)
            read_rows(view, want, active, y, end);
        pthread_mutex_unlock(&dev->lock);
        if (!same)
            return false;
    }
    return true;
}

static void fill_frame(const struct vemu_display_view *view, struct vemu_display_frame *ret)
{
    uint32_t first = 0, last = 0;

    for (uint32_t y = view->height; y-- > 0;)
        if (view->dirty[y]) {
            first = y;
            last = MAX(last, y + 1);
        }
    ret->width = ret->stride = view->width;
    ret->height = view->height;
    ret->first_dirty = first;
    ret->dirty_count = last - first;
    ret->pixels = view->pixels;
    ret->dirty = view->dirty;
}

int vemu_display_view_update(struct vemu_display_view *view, struct vemu_display_frame *ret)
{
    struct vemu_device *dev = view->display.dev;
    bool all = false, realized;

    if (ret->size < sizeof(*ret))
        return -EINVAL;
    if (view->dirty)
        memset(view->dirty, 0, view->height);
    for (unsigned round = 0; round < RETRIES; round++) {
        struct vemu_surface surface;
        bool active;
        int r;

        pthread_mutex_lock(&dev->lock);
        realized = dev->realized;
        active = surface_of(&view->display, &surface);
        pthread_mutex_unlock(&dev->lock);
        if (!realized)
            return -ESHUTDOWN;
        r = resize(view, &surface);
        if (r < 0)
            return r;
        all |= r > 0;
        if (pass(view, &surface, active))
            break;
    }
    if (all)
        memset(view->dirty, 1, view->height);
    fill_frame(view, ret);
    return ret->dirty_count != 0;
}
