/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NOR flash with the Common Flash Interface and the Intel command set, 8 bits wide: firmware and
 * its variables ("cfi.pflash01").
 *
 * Theory of operation
 *
 * The array is memory that the accelerator shows to the guest read-only, so that code runs from it
 * at full speed. A write ends up here and is a command (command.c). While reads are to give
 * anything but the array the memory is hidden and reads come here, too. Accesses wider than a byte
 * are cut into bytes, as a narrow chip on a wide bus sees them.
 *
 * As in the chip, programming only clears bits; erasing sets those of a sector. Sectors are 4 KiB.
 *
 * The contents live in a block node. Firmware programs byte by byte and looks at the status now and
 * then: what was programmed in a row is collected, and brought to the node before the status
 * register is read, before the array is read again, when something else is programmed or erased,
 * and when the machine pauses, is reset or ends. An error of the node is a program or erase error
 * in the status register. An erase is at the node before it is in the array.
 *
 * Waiting for the node happens with the device's lock held, on the vCPU that wrote.
 *
 * Not modelled: block locks (locking and unlocking succeed without effect), suspending, protection
 * registers, times.
 */
#include "devices/pflash-cfi01/pflash.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <glib.h>

#include "core/vm.h"
#include "devices/devices.h"

/* --- the node --------------------------------------------------------------------------------- */

static void request_done(struct vemu_block_request *req, int result)
{
    req->result = result;
}

/* Carries a request out, to the end. */
static int transfer(struct pflash *s, enum vemu_block_op op, uint32_t offset, void *buf,
                    uint32_t size)
{
    struct iovec iov = { buf, size };
    struct vemu_block_request req = {
        .op = op,
        .offset = offset,
        .bytes = size,
        .iov = &iov,
        .iov_count = 1,
        .done = request_done,
    };

    vemu__block_submit(s->drive, &req);
    vemu__block_drain(s->drive);
    return req.result;
}

static int write_back(struct pflash *s, uint32_t offset, void *buf, uint32_t size)
{
    int r = transfer(s, VEMU_BLOCK_WRITE, offset, buf, size);

    if (r < 0)
        vemu_vm_log(s->dev.vm, VEMU_LOG_WARNING, "flash '%s': cannot write to drive '%s': %s",
                    s->dev.id, vemu__block_id(s->drive), strerror(-r));
    return r;
}

void vemu__pflash_settle(struct pflash *s)
{
    uint32_t start = s->dirty_start, size = s->dirty_end - s->dirty_start;

    s->dirty_start = s->dirty_end = 0;
    if (size && write_back(s, start, s->array + start, size) < 0)
        s->status |= PFLASH_PROGRAM_ERROR;
}

bool vemu__pflash_is_read_only(const struct pflash *s)
{
    return vemu__block_read_only(s->drive);
}

/* --- the array -------------------------------------------------------------------------------- */

bool vemu__pflash_program(struct pflash *s, uint32_t offset, const uint8_t *bytes, uint32_t size)
{
    if (vemu__pflash_is_read_only(s))
        return false;
    if (offset < s->dirty_start || offset > s->dirty_end)
        vemu__pflash_settle(s);
    if (s->dirty_start == s->dirty_end)
        s->dirty_start = s->dirty_end = offset;
    for (uint32_t i = 0; i < size; i++)
        s->array[offset + i] &= bytes[i];
    s->dirty_end = MAX(s->dirty_end, offset + size);
    vemu__memory_written(s->dev.vm->memory, s->address + offset, size);
    return true;
}

bool vemu__pflash_erase(struct pflash *s, uint32_t offset)
{
    uint8_t erased[PFLASH_SECTOR];
    uint32_t start = offset & ~(PFLASH_SECTOR - 1);

    vemu__pflash_settle(s);
    memset(erased, 0xff, sizeof(erased));
    if (write_back(s, start, erased, sizeof(erased)) < 0)
        return false;
    memcpy(s->array + start, erased, sizeof(erased));
    vemu__memory_written(s->dev.vm->memory, s->address + start, sizeof(erased));
    return true;
}

void vemu__pflash_set_mode(struct pflash *s, enum pflash_mode mode)
{
    int r;

    if (mode == PFLASH_ARRAY)
        vemu__pflash_settle(s);
    s->mode = (uint8_t)mode;
    r = vemu__memory_show_rom(s->dev.vm->memory, s->region, mode == PFLASH_ARRAY);
    if (r < 0) /* reads go on being answered here, or give the array */
        vemu_vm_log(s->dev.vm, VEMU_LOG_WARNING, "flash '%s': cannot %s its memory: %s", s->dev.id,
                    mode == PFLASH_ARRAY ? "show" : "hide", strerror(-r));
}

static uint64_t pflash_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct pflash *s = (struct pflash *)dev;

    switch (s->mode) {
    case PFLASH_STATUS: vemu__pflash_settle(s); return s->status;
    case PFLASH_IDENT: return vemu__pflash_ident((uint32_t)offset);
    case PFLASH_QUERY: return vemu__pflash_query(s->size, (uint32_t)offset);
    default: return s->array[offset];
    }
}

static void pflash_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    vemu__pflash_write((struct pflash *)dev, (uint32_t)offset, (uint8_t)value);
}

static const struct vemu_region_ops pflash_region = {
    .read = pflash_read,
    .write = pflash_write,
    .min_size = 1,
    .max_size = 1,
};

/* --- life ------------------------------------------------------------------------------------- */

static int load(struct pflash *s, struct vemu_error **err)
{
    int r = transfer(s, VEMU_BLOCK_READ, 0, s->array, s->size);

    if (r >= 0)
        return 0;
    return vemu__error_set(err, -r, "cannot read drive '%s': %s", vemu__block_id(s->drive),
                           strerror(-r));
}

static int pflash_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct pflash *s = (struct pflash *)dev;
    uint64_t size;
    void *array;
    int r;

    if (!s->drive)
        return vemu__error_set(err, EINVAL, "property 'drive' is missing");
    size = vemu__block_size(s->drive);
    if (size == 0 || size > PFLASH_SIZE_MAX || size % PFLASH_SECTOR)
        return vemu__error_set(err, EINVAL,
                               "drive '%s': a size of %" PRIu64 " bytes is not a multiple of "
                               "%u KiB up to %u MiB",
                               vemu__block_id(s->drive), size, PFLASH_SECTOR >> 10,
                               PFLASH_SIZE_MAX >> 20);
    s->size = (uint32_t)size;
    s->user.name = dev->id;
    r = vemu__block_attach(s->drive, &s->user, s, &dev->lock, false, err);
    if (r < 0)
        return r;
    r = vemu__memory_map_rom(dev->vm->memory, dev, s->address, size, &pflash_region, "flash",
                             &s->region, &array, err);
    if (r >= 0) {
        s->array = array;
        r = load(s, err);
    }
    if (r < 0)
        vemu__block_detach(s->drive);
    return r;
}

static void pflash_unrealize(struct vemu_device *dev)
{
    struct pflash *s = (struct pflash *)dev;

    if (!vemu__pflash_is_read_only(s))
        transfer(s, VEMU_BLOCK_FLUSH, 0, NULL, 0);
    vemu__block_detach(s->drive);
}

static void pflash_unplug(struct vemu_device *dev)
{
    struct pflash *s = (struct pflash *)dev;

    pthread_mutex_lock(&dev->lock);
    vemu__pflash_settle(s);
    vemu__memory_show_rom(dev->vm->memory, s->region, false);
    pthread_mutex_unlock(&dev->lock);
}

static void pflash_pause(struct vemu_device *dev)
{
    vemu__pflash_settle((struct pflash *)dev);
}

static void pflash_reset(struct vemu_device *dev)
{
    struct pflash *s = (struct pflash *)dev;

    vemu__pflash_set_mode(s, PFLASH_ARRAY);
    s->cycle = PFLASH_COMMAND;
    s->status = PFLASH_READY;
    s->left = 0;
    s->window = UINT32_MAX;
}

/* What was saved may be anything; the contents are those of the node. */
static void pflash_restored(struct vemu_device *dev)
{
    struct pflash *s = (struct pflash *)dev;
    struct vemu_error *why = NULL;
    uint8_t mode = s->mode;

    if (mode >= PFLASH_MODES || s->cycle >= PFLASH_CYCLES || s->left > PFLASH_BUFFER ||
        (s->window != UINT32_MAX && (s->window >= s->size || s->window % PFLASH_BUFFER)) ||
        (s->cycle == PFLASH_DATA && !s->left) ||
        (s->cycle == PFLASH_CONFIRM && s->window == UINT32_MAX)) {
        pflash_reset(dev);
        mode = PFLASH_ARRAY;
    }
    s->dirty_start = s->dirty_end = 0;
    if (load(s, &why) < 0)
        vemu_vm_log(dev->vm, VEMU_LOG_ERROR, "flash '%s': %s", dev->id, vemu_error_message(why));
    vemu_error_free(why);
    vemu__memory_written(dev->vm->memory, s->address, s->size);
    vemu__pflash_set_mode(s, mode);
}

static const struct vemu_prop pflash_props[] = {
    VEMU_PROP(struct pflash, drive, "drive", BLOCK, NULL, "the block node that holds the contents"),
    VEMU_PROP(struct pflash, address, "address", U64, "0", "guest-physical address"),
    VEMU_PROP_END,
};

static const struct vemu_state_field pflash_state[] = {
    VEMU_STATE(struct pflash, mode),
    VEMU_STATE(struct pflash, cycle),
    VEMU_STATE(struct pflash, status),
    VEMU_STATE(struct pflash, left),
    VEMU_STATE(struct pflash, window),
    VEMU_STATE(struct pflash, buffer),
    VEMU_STATE_END,
};

static const struct vemu_device_ops pflash_ops = {
    .realize = pflash_realize,
    .unrealize = pflash_unrealize,
    .unplug = pflash_unplug,
    .pause = pflash_pause,
    .reset = pflash_reset,
    .restored = pflash_restored,
};

const struct vemu_device_class vemu__device_pflash_cfi01 = {
    .name = "cfi.pflash01",
    .summary = "NOR flash memory for firmware and its variables",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct pflash),
    .props = pflash_props,
    .state = pflash_state,
    .ops = &pflash_ops,
};
