/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Firmware configuration device: numbered items and named files that firmware and guests read.
 *
 * The interface is that of QEMU's fw_cfg (docs/specs/fw_cfg of QEMU): a selector at port 0x510, one
 * byte at a time at 0x511, and copies into guest memory by a command block whose address is written
 * to 0x514, big endian. Items are read only but for files that were added as writable; another DMA
 * write, and one that does not fit, is an error, as the interface allows.
 *
 * A DMA command is carried out inside the write of the address, but for one thing: a read copies
 * what is left of the item and fills the rest with zeros, of which a guest may ask for 4 GiB. More
 * than ZEROS_AT_ONCE are written in portions by the loop, so that nobody waits for the device's
 * lock, or for that vCPU to stop. The command is under way until its control word is 0 or an error,
 * which is what the interface has guests look at; a command that comes meanwhile is an error.
 */
#include "devices/fw-cfg/fw-cfg.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "devices/devices.h"

#define ITEM_SIGNATURE 0x00u
#define ITEM_ID        0x01u
#define ITEM_DIRECTORY 0x19u
#define ITEM_FILES     0x20u
#define FILES_MAX      64u
#define ITEMS          (ITEM_FILES + FILES_MAX)
#define ITEM_MASK      0x3fffu
#define ITEM_INVALID   0xffffu
#define ITEM_WRITE     0x4000u /* old guests set it to write; there is nothing to write */

#define ID_TRADITIONAL 1u
#define ID_DMA         2u

#define PORT_SELECTOR 0u
#define PORT_DATA     1u
#define PORT_DMA      4u
#define PORTS         12u

#define ZEROS_AT_ONCE (1u << 20)

#define DMA_ERROR  0x01u
#define DMA_READ   0x02u
#define DMA_SKIP   0x04u
#define DMA_SELECT 0x08u
#define DMA_WRITE  0x10u

struct item {
    uint8_t *data;
    uint32_t size;
    /* the guest may write it; NULL: it may not */
    void (*written)(void *written_data, const void *file);
    void *written_data;
};

struct fw_cfg {
    struct vemu_device dev;
    struct item items[ITEMS];
    char names[FILES_MAX][VEMU_FW_CFG_NAME_MAX + 1];
    unsigned file_count;
    /* of vemu__fw_cfg_on_read() */
    uint16_t watched; /* ITEM_INVALID: none */
    bool was_read;    /* since the reset */
    vemu_fw_cfg_fn on_read;
    void *on_read_data;
    struct vemu_timer *timer; /* for the next portion of zeros */
    /* saved */
    uint16_t selected;
    uint32_t offset;
    uint32_t dma_high;
    uint32_t zeros; /* bytes the command under way has still to write; 0: there is none */
    uint64_t zeros_gpa, zeros_command; /* where they go, and whose they are */
};

/* File directory: a count and entries of size, number and name, big endian. */
struct directory_entry {
    uint32_t size;
    uint16_t item, reserved;
    char name[VEMU_FW_CFG_NAME_MAX + 1];
};

struct dma_command {
    uint32_t control, length;
    uint64_t address;
};

/* --- contents --------------------------------------------------------------------------------- */

static int set_item(struct fw_cfg *s, uint16_t item, const void *data, size_t size)
{
    uint8_t *copy;

    if (item >= ITEMS)
        return -EINVAL;
    if (size > UINT32_MAX)
        return -ENOSPC;
    copy = g_memdup2(data, size);
    g_free(s->items[item].data);
    s->items[item].data = copy;
    s->items[item].size = (uint32_t)size;
    return 0;
}

static void update_directory(struct fw_cfg *s)
{
    size_t size = sizeof(uint32_t) + s->file_count * sizeof(struct directory_entry);
    g_autofree uint8_t *data = g_malloc0(size);
    uint32_t count = GUINT32_TO_BE(s->file_count);

    memcpy(data, &count, sizeof(count));
    for (unsigned i = 0; i < s->file_count; i++) {
        struct directory_entry entry = {
            .size = GUINT32_TO_BE(s->items[ITEM_FILES + i].size),
            .item = GUINT16_TO_BE((uint16_t)(ITEM_FILES + i)),
        };

        memcpy(entry.name, s->names[i], sizeof(entry.name));
        memcpy(data + sizeof(count) + i * sizeof(entry), &entry, sizeof(entry));
    }
    set_item(s, ITEM_DIRECTORY, data, size);
}

int vemu__fw_cfg_set(struct vemu_device *dev, uint16_t item, const void *data, size_t size)
{
    int r;

    pthread_mutex_lock(&dev->lock);
    r = set_item((struct fw_cfg *)dev, item, data, size);
    pthread_mutex_unlock(&dev->lock);
    return r;
}

int vemu__fw_cfg_set_integer(struct vemu_device *dev, uint16_t item, uint64_t value, unsigned size)
{
    value = GUINT64_TO_LE(value);
    return vemu__fw_cfg_set(dev, item, &value, size);
}

/* Where it is, or would go. */
static unsigned file_index(const struct fw_cfg *s, const char *name)
{
    unsigned i = 0;

    while (i < s->file_count && strcmp(s->names[i], name) != 0)
        i++;
    return i;
}

int vemu__fw_cfg_set_file_locked(struct vemu_device *dev, const char *name, const void *data,
                                 size_t size)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;
    unsigned i = file_index(s, name);
    int r;

    if (strlen(name) > VEMU_FW_CFG_NAME_MAX)
        return -EINVAL;
    if (i == FILES_MAX)
        return -ENOSPC;
    if (i == s->file_count)
        g_strlcpy(s->names[s->file_count++], name, sizeof(s->names[0]));
    r = set_item(s, (uint16_t)(ITEM_FILES + i), data, size);
    update_directory(s);
    return r;
}

int vemu__fw_cfg_set_file(struct vemu_device *dev, const char *name, const void *data, size_t size)
{
    int r;

    pthread_mutex_lock(&dev->lock);
    r = vemu__fw_cfg_set_file_locked(dev, name, data, size);
    pthread_mutex_unlock(&dev->lock);
    return r;
}

int vemu__fw_cfg_add_writable(struct vemu_device *dev, const char *name, size_t size,
                              void (*written)(void *data, const void *file), void *data)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;
    g_autofree uint8_t *zeros = g_malloc0(size);
    int r = 0;

    pthread_mutex_lock(&dev->lock);
    for (unsigned i = 0; i < s->file_count; i++)
        if (strcmp(s->names[i], name) == 0)
            r = -EEXIST;
    pthread_mutex_unlock(&dev->lock);
    if (r >= 0)
        r = vemu__fw_cfg_set_file(dev, name, zeros, size);
    if (r < 0)
        return r;
    pthread_mutex_lock(&dev->lock);
    s->items[ITEM_FILES + s->file_count - 1].written = written;
    s->items[ITEM_FILES + s->file_count - 1].written_data = data;
    pthread_mutex_unlock(&dev->lock);
    return 0;
}

bool vemu__fw_cfg_has_file(struct vemu_device *dev, const char *name)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;
    bool found;

    pthread_mutex_lock(&dev->lock);
    found = file_index(s, name) < s->file_count;
    pthread_mutex_unlock(&dev->lock);
    return found;
}

void vemu__fw_cfg_on_read(struct vemu_device *dev, const char *name, vemu_fw_cfg_fn fn, void *data)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;

    pthread_mutex_lock(&dev->lock);
    s->watched = (uint16_t)(ITEM_FILES + file_index(s, name));
    s->on_read = fn;
    s->on_read_data = data;
    pthread_mutex_unlock(&dev->lock);
}

/* --- reading ---------------------------------------------------------------------------------- */

static const struct item *selected(const struct fw_cfg *s)
{
    return s->selected < ITEMS ? &s->items[s->selected] : NULL;
}

static void select_item(struct fw_cfg *s, uint16_t item)
{
    s->selected = (item & ITEM_MASK) < ITEMS && !(item & ~(ITEM_MASK | ITEM_WRITE))
                      ? item & ITEM_MASK
                      : ITEM_INVALID;
    s->offset = 0;
    if (s->selected == s->watched && s->on_read && !s->was_read) {
        s->was_read = true;
        s->on_read(s->on_read_data);
    }
}

static uint8_t next_byte(struct fw_cfg *s)
{
    const struct item *item = selected(s);

    return item && s->offset < item->size ? item->data[s->offset++] : 0;
}

/* The command at `gpa` is done, `r` < 0: it failed. */
static void dma_end(struct fw_cfg *s, uint64_t gpa, int r)
{
    uint32_t result = r < 0 ? GUINT32_TO_BE(DMA_ERROR) : 0;

    vemu_dma_write(s->dev.vm, gpa, &result, sizeof(result));
}

/* A portion of zeros. 1: there are more to come, 0: that was all. */
static int dma_zeros(struct fw_cfg *s)
{
    static const uint8_t zeros[4096];
    uint32_t portion = MIN(s->zeros, ZEROS_AT_ONCE);
    int r = 0;

    s->zeros -= portion;
    for (uint32_t n; r >= 0 && portion; portion -= n, s->zeros_gpa += n) {
        n = MIN(portion, (uint32_t)sizeof(zeros));
        r = vemu_dma_write(s->dev.vm, s->zeros_gpa, zeros, n);
    }
    if (r < 0) {
        s->zeros = 0;
        return r;
    }
    if (!s->zeros)
        return 0;
    vemu_timer_set(s->timer, vemu_clock_ns(s->dev.vm));
    return 1;
}

static void on_timer(struct vemu_device *dev)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;
    int r = dma_zeros(s);

    if (r <= 0)
        dma_end(s, s->zeros_command, r);
}

/* Copies `length` bytes of the item to guest memory, zeros behind its end. 1: the command at
 * `command_gpa` is under way. */
static int dma_copy(struct fw_cfg *s, uint64_t command_gpa, uint64_t gpa, uint32_t length)
{
    const struct item *item = selected(s);
    uint32_t have = item && s->offset < item->size ? MIN(length, item->size - s->offset) : 0;
    int r;

    if (have) {
        r = vemu_dma_write(s->dev.vm, gpa, item->data + s->offset, have);
        s->offset += have;
        if (r < 0)
            return r;
    }
    s->zeros = length - have;
    s->zeros_gpa = gpa + have;
    s->zeros_command = command_gpa;
    return dma_zeros(s);
}

/* Copies `length` bytes of guest memory into a file that may be written. */
static int dma_store(struct fw_cfg *s, uint64_t gpa, uint32_t length)
{
    struct item *item = s->selected < ITEMS ? &s->items[s->selected] : NULL;
    int r;

    if (!item || !item->written || s->offset > item->size || length > item->size - s->offset)
        return -EPERM;
    r = vemu_dma_read(s->dev.vm, gpa, item->data + s->offset, length);
    if (r < 0)
        return r;
    s->offset += length;
    item->written(item->written_data, item->data);
    return 0;
}

static void dma_run(struct fw_cfg *s, uint64_t gpa)
{
    struct dma_command command;
    uint32_t control, length;
    uint64_t address;
    const struct item *item;
    int r = 0;

    if (vemu_dma_read(s->dev.vm, gpa, &command, sizeof(command)) < 0)
        return; /* nowhere to tell */
    if (s->zeros) {
        dma_end(s, gpa, -EBUSY);
        return;
    }
    control = GUINT32_FROM_BE(command.control);
    length = GUINT32_FROM_BE(command.length);
    address = GUINT64_FROM_BE(command.address);
    if (control & DMA_SELECT)
        select_item(s, (uint16_t)(control >> 16));
    if (control & DMA_READ) {
        r = dma_copy(s, gpa, address, length);
    } else if (control & DMA_WRITE) {
        r = dma_store(s, address, length);
    } else if (control & DMA_SKIP) {
        item = selected(s);
        if (item)
            s->offset += MIN(length, item->size - MIN(s->offset, item->size));
    }
    if (r <= 0)
        dma_end(s, gpa, r);
}

static uint64_t fw_cfg_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    static const char signature[] = "QEMU CFG"; /* what the DMA register reads as */
    struct fw_cfg *s = (struct fw_cfg *)dev;
    uint64_t value = 0;

    if (offset == PORT_DATA)
        return size == 1 ? next_byte(s) : 0;
    if (offset < PORT_DMA)
        return 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)(uint8_t)signature[offset - PORT_DMA + i] << (8 * i);
    return value;
}

static void fw_cfg_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;
    uint64_t address;

    if (offset == PORT_SELECTOR && size == 2) {
        select_item(s, (uint16_t)value);
    } else if (offset == PORT_DMA && size == 4) {
        s->dma_high = GUINT32_FROM_BE((uint32_t)value);
    } else if (offset == PORT_DMA + 4 && size == 4) {
        address = (uint64_t)s->dma_high << 32 | GUINT32_FROM_BE((uint32_t)value);
        s->dma_high = 0;
        dma_run(s, address);
    }
}

static const struct vemu_region_ops fw_cfg_region = {
    .read = fw_cfg_read,
    .write = fw_cfg_write,
    .min_size = 1,
    .max_size = 4,
};

/* --- class ------------------------------------------------------------------------------------ */

static int fw_cfg_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;
    uint32_t id = GUINT32_TO_LE(ID_TRADITIONAL | ID_DMA);

    s->watched = ITEM_INVALID;
    s->timer = vemu_device_add_timer(dev, on_timer);
    set_item(s, ITEM_SIGNATURE, "QEMU", 4);
    set_item(s, ITEM_ID, &id, sizeof(id));
    update_directory(s);
    return vemu_device_map(dev, VEMU_SPACE_IO, VEMU_FW_CFG_PORT, PORTS, &fw_cfg_region, "fw_cfg",
                           err);
}

static void fw_cfg_reset(struct vemu_device *dev)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;

    select_item(s, ITEM_SIGNATURE);
    s->dma_high = s->zeros = 0;
    vemu_timer_set(s->timer, INT64_MAX);
    s->was_read = false;
}

static void fw_cfg_restored(struct vemu_device *dev)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;

    if (s->selected >= ITEMS)
        s->selected = ITEM_INVALID;
    vemu_timer_set(s->timer, s->zeros ? vemu_clock_ns(dev->vm) : INT64_MAX);
}

static void fw_cfg_fini(struct vemu_device *dev)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;

    for (unsigned i = 0; i < ITEMS; i++)
        g_free(s->items[i].data);
}

static const struct vemu_prop fw_cfg_props[] = { VEMU_PROP_END };

static const struct vemu_state_field fw_cfg_state[] = {
    VEMU_STATE(struct fw_cfg, selected),
    VEMU_STATE(struct fw_cfg, offset),
    VEMU_STATE(struct fw_cfg, dma_high),
    VEMU_STATE(struct fw_cfg, zeros),
    VEMU_STATE(struct fw_cfg, zeros_gpa),
    VEMU_STATE(struct fw_cfg, zeros_command),
    VEMU_STATE_END,
};

static const struct vemu_device_ops fw_cfg_ops = {
    .realize = fw_cfg_realize,
    .reset = fw_cfg_reset,
    .restored = fw_cfg_restored,
    .fini = fw_cfg_fini,
};

const struct vemu_device_class vemu__device_fw_cfg = {
    .name = "fw_cfg",
    .summary = "configuration that firmware reads",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct fw_cfg),
    .props = fw_cfg_props,
    .state = fw_cfg_state,
    .ops = &fw_cfg_ops,
};
