/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-mem (virtio 1.2, 5.15): memory that guest and host agree on in blocks.
 *
 * Theory of operation
 *
 * The device has a range of guest memory, cut into blocks. The host says how much of it the guest
 * is to have (requested_size), the driver asks for blocks to be plugged and unplugged until it
 * does.
 *
 * Each plugged block is a piece of RAM of its own, with a memory slot of the accelerator. So what
 * is not plugged is not there, for the guest's CPUs as for its devices, and no other block is
 * touched when one comes or goes: accelerators cannot change a slot while vCPUs use it. Slots are
 * few, so blocks are as large as it takes to have no more than BLOCKS_MAX of them. A driver has to
 * know that unplugged memory must not be read (VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE).
 *
 * A block that is unplugged forgets: its memory goes back to the host.
 *
 * Resetting the device leaves the memory plugged (5.15.5.2: a driver asks for the state); resetting
 * the machine unplugs all of it, since firmware and the next kernel do not know of it.
 */
#include "devices/virtio-mem/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_mem.h>
#include <string.h>

#include <glib.h>

#include "core/vm.h"
#include "mem/device-memory.h"
#include "mem/memdev.h"
#include "virtio/class.h"

#define QUEUE_SIZE 128u
#define BLOCKS_MAX 256u
#define BLOCK_MIN  (2ull << 20)
#define ALIGN      (128ull << 20) /* of the range: what Linux adds at a time */
#define NEWS_NS    1000000000

struct mem {
    struct vemu_virtio vdev;
    /* properties */
    struct vemu_memdev *memdev;
    uint64_t wanted_address, block_size;
    uint32_t node;

    uint64_t address, size;
    uint32_t blocks;
    struct vemu_region *ram[BLOCKS_MAX];
    struct vemu_timer *news;
    int64_t news_ns;
    /* saved */
    uint64_t requested;
    uint64_t plugged_size;
    uint8_t plugged[BLOCKS_MAX];
};

static struct mem *mem_of(struct vemu_virtio *vdev)
{
    return (struct mem *)vdev;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static int block_plug(struct mem *m, uint32_t n)
{
    struct vemu_device *dev = m->vdev.dev;
    int r = vemu__memory_add_ram_at(dev->vm->memory, m->address + n * m->block_size, m->block_size,
                                    vemu__memdev_ram_flags(m->memdev), dev->id,
                                    vemu__memdev_ptr(m->memdev) + n * m->block_size, &m->ram[n],
                                    NULL);

    if (r < 0)
        return r;
    m->plugged[n] = 1;
    m->plugged_size += m->block_size;
    return 0;
}

static void block_unplug(struct mem *m, uint32_t n)
{
    struct vemu_vm *vm = m->vdev.dev->vm;

    vemu__memory_remove_ram(vm->memory, m->ram[n]);
    m->ram[n] = NULL;
    if (vemu__memdev_discard(m->memdev, n * m->block_size, m->block_size) < 0)
        vemu_vm_log(vm, VEMU_LOG_WARNING, "%s: unplugged memory cannot be given back: %s",
                    m->vdev.dev->id, strerror(errno));
    m->plugged[n] = 0;
    m->plugged_size -= m->block_size;
}

static void unplug_all(struct mem *m)
{
    for (uint32_t n = 0; n < m->blocks; n++)
        if (m->plugged[n])
            block_unplug(m, n);
}

/* The first block of a range that lies in the device; false: there is none such. */
static bool find_blocks(const struct mem *m, uint64_t address, uint32_t count, uint32_t *ret)
{
    uint64_t first;

    if (!count || address < m->address || (address - m->address) % m->block_size)
        return false;
    first = (address - m->address) / m->block_size;
    if (first >= m->blocks || count > m->blocks - first)
        return false;
    *ret = (uint32_t)first;
    return true;
}

static uint32_t count_plugged(const struct mem *m, uint32_t first, uint32_t count)
{
    uint32_t plugged = 0;

    for (uint32_t n = first; n < first + count; n++)
        plugged += m->plugged[n];
    return plugged;
}

/* --- requests (5.15.6) ------------------------------------------------------------------------ */

static uint16_t do_plug(struct mem *m, uint32_t first, uint32_t count)
{
    if (count_plugged(m, first, count))
        return VIRTIO_MEM_RESP_ERROR;
    if (m->plugged_size + count * m->block_size > m->requested)
        return VIRTIO_MEM_RESP_NACK;
    for (uint32_t n = first; n < first + count; n++) {
        if (block_plug(m, n) >= 0)
            continue;
        while (n-- > first) /* all or nothing */
            block_unplug(m, n);
        return VIRTIO_MEM_RESP_BUSY;
    }
    return VIRTIO_MEM_RESP_ACK;
}

static uint16_t do_unplug(struct mem *m, uint32_t first, uint32_t count)
{
    if (count_plugged(m, first, count) != count)
        return VIRTIO_MEM_RESP_ERROR;
    for (uint32_t n = first; n < first + count; n++)
        block_unplug(m, n);
    return VIRTIO_MEM_RESP_ACK;
}

static uint16_t state_of(const struct mem *m, uint32_t first, uint32_t count)
{
    uint32_t plugged = count_plugged(m, first, count);

    return plugged == count ? VIRTIO_MEM_STATE_PLUGGED
           : plugged        ? VIRTIO_MEM_STATE_MIXED
                            : VIRTIO_MEM_STATE_UNPLUGGED;
}

static void news_come(struct mem *m)
{
    int64_t now = vemu_clock_ns(m->vdev.dev->vm);

    if (vemu_timer_armed(m->news))
        return;
    m->news_ns = m->news_ns ? MAX(now, m->news_ns + NEWS_NS) : now;
    vemu_timer_set(m->news, m->news_ns);
}

static void serve(struct mem *m, const struct virtio_mem_req *req, struct virtio_mem_resp *resp)
{
    /* Plug, unplug and state requests have the same layout. */
    uint64_t address = GUINT64_FROM_LE(req->u.plug.addr), before = m->plugged_size;
    uint32_t count = GUINT16_FROM_LE(req->u.plug.nb_blocks), first;
    uint16_t type = GUINT16_FROM_LE(req->type), result = VIRTIO_MEM_RESP_ERROR;

    if (type == VIRTIO_MEM_REQ_UNPLUG_ALL) {
        unplug_all(m);
        result = VIRTIO_MEM_RESP_ACK;
    } else if (find_blocks(m, address, count, &first)) {
        if (type == VIRTIO_MEM_REQ_PLUG) {
            result = do_plug(m, first, count);
        } else if (type == VIRTIO_MEM_REQ_UNPLUG) {
            result = do_unplug(m, first, count);
        } else if (type == VIRTIO_MEM_REQ_STATE) {
            resp->u.state.state = GUINT16_TO_LE(state_of(m, first, count));
            result = VIRTIO_MEM_RESP_ACK;
        }
    }
    resp->type = GUINT16_TO_LE(result);
    if (m->plugged_size != before)
        news_come(m);
}

static void mem_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct mem *m = mem_of(vdev);
    struct vemu_virtq *q = vemu__virtio_queue(vdev, queue);
    struct vemu_virtq_elem *elem;

    while (vemu__virtq_pop(q, &elem)) {
        struct virtio_mem_req req;
        struct virtio_mem_resp resp = { 0 };

        if (vemu__virtq_elem_read(elem, 0, &req, sizeof(req)) != sizeof(req) ||
            elem->in_size < sizeof(resp)) {
            vemu__virtq_push(elem, 0);
            vemu__virtio_broken(vdev, "request of %u bytes with %u for the response",
                                elem->out_size, elem->in_size);
            return;
        }
        serve(m, &req, &resp);
        vemu__virtq_push(elem, (uint32_t)vemu__virtq_elem_write(elem, 0, &resp, sizeof(resp)));
    }
    vemu__virtq_flush(q);
}

/* --- configuration ---------------------------------------------------------------------------- */

static void mem_config_get(struct vemu_virtio *vdev, uint8_t *bytes)
{
    const struct mem *m = mem_of(vdev);
    const struct virtio_mem_config config = {
        .block_size = GUINT64_TO_LE(m->block_size),
        .node_id = GUINT16_TO_LE((uint16_t)m->node),
        .addr = GUINT64_TO_LE(m->address),
        .region_size = GUINT64_TO_LE(m->size),
        .usable_region_size = GUINT64_TO_LE(m->size),
        .plugged_size = GUINT64_TO_LE(m->plugged_size),
        .requested_size = GUINT64_TO_LE(m->requested),
    };

    memcpy(bytes, &config, sizeof(config));
}

static bool mem_features(struct vemu_virtio *vdev)
{
    return vemu__virtio_has(vdev, VEMU_VIRTIO_F(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE));
}

/* --- for the host ----------------------------------------------------------------------------- */

/* Outside the device's lock, where listeners may call anything. */
static void tell(void *data)
{
    vemu__events_flush(((struct vemu_vm *)data)->events);
}

static void news_timer(struct vemu_device *dev)
{
    const struct vemu_event event = {
        .type = VEMU_EVENT_MEMORY_CHANGED,
        .message = dev->id,
        .value = mem_of(vemu__virtio_of(dev))->plugged_size,
    };

    vemu__events_emit_full(dev->vm->events, &event);
    vemu__loop_post(dev->vm->loop, tell, dev->vm, NULL);
}

bool vemu__virtio_mem_is(const struct vemu_device *dev)
{
    return g_str_has_prefix(dev->class_->name, "virtio-mem-");
}

static int check_requested(const struct mem *m, uint64_t size, struct vemu_error **err)
{
    if (size > m->size)
        return vemu__error_set(err, EINVAL,
                               "property 'requested-size': %" PRIu64 " is more than the memory of "
                               "%" PRIu64 " bytes",
                               size, m->size);
    return size % m->block_size
               ? vemu__error_set(err, EINVAL,
                                 "property 'requested-size': %" PRIu64
                                 " is not a multiple of the block size, %" PRIu64,
                                 size, m->block_size)
               : 0;
}

int vemu__virtio_mem_set_requested(struct vemu_device *dev, uint64_t size, struct vemu_error **err)
{
    struct mem *m = mem_of(vemu__virtio_of(dev));
    int r;

    pthread_mutex_lock(&dev->lock);
    r = dev->realized ? check_requested(m, size, err)
                      : vemu__error_set(err, EBUSY, "the machine is not realized");
    if (r >= 0 && m->requested != size) {
        m->requested = size;
        vemu__virtio_config_changed(&m->vdev);
    }
    pthread_mutex_unlock(&dev->lock);
    return r;
}

uint64_t vemu__virtio_mem_get_size(struct vemu_device *dev)
{
    uint64_t size;

    pthread_mutex_lock(&dev->lock);
    size = mem_of(vemu__virtio_of(dev))->plugged_size;
    pthread_mutex_unlock(&dev->lock);
    return size;
}

static void mem_describe(struct vemu_device *dev, struct vemu_memory_info *ret)
{
    const struct mem *m = mem_of(vemu__virtio_of(dev));

    pthread_mutex_lock(&dev->lock);
    ret->kind = VEMU_MEMORY_VIRTIO_MEM;
    ret->memdev = m->memdev;
    ret->size = m->plugged_size;
    ret->requested = m->requested;
    ret->block_size = m->block_size;
    ret->node = m->node;
    pthread_mutex_unlock(&dev->lock);
}

/* --- life ------------------------------------------------------------------------------------- */

static int choose_blocks(struct mem *m, struct vemu_error **err)
{
    uint64_t least = MAX(BLOCK_MIN, vemu__memdev_page_size(m->memdev));

    m->size = vemu__memdev_size(m->memdev);
    while (m->size / least > BLOCKS_MAX)
        least *= 2;
    if (!m->block_size)
        m->block_size = least;
    if (m->block_size & (m->block_size - 1) || m->block_size < least)
        return vemu__error_set(err, EINVAL,
                               "property 'block-size': for this memory it is a power of two, at "
                               "least %" PRIu64 " (there are at most %u blocks)",
                               least, BLOCKS_MAX);
    if (m->size % m->block_size)
        return vemu__error_set(err, EINVAL,
                               "memory '%s' has %" PRIu64 " bytes, no multiple of the block size, "
                               "%" PRIu64,
                               vemu__memdev_id(m->memdev), m->size, m->block_size);
    m->blocks = (uint32_t)(m->size / m->block_size);
    return check_requested(m, m->requested, err);
}

static int mem_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    struct mem *m = mem_of(vdev);
    struct vemu_device *dev = vdev->dev;
    int r;

    if (!m->memdev)
        return vemu__error_set(err, EINVAL, "property 'memdev' is missing");
    if (!vemu__memdev_can_discard(m->memdev))
        return vemu__error_set(err, EINVAL,
                               "memory '%s' keeps its contents: a file needs share=on",
                               vemu__memdev_id(m->memdev));
    if (vemu__numa_check(dev->vm, m->node, err) < 0)
        return -EINVAL;
    if (dev->vm->config.flags & VEMU_VM_MEMORY_LOCK)
        return vemu__error_set(err, EINVAL,
                               "guest memory is locked (mem-lock=on), and could not be given back");
    r = choose_blocks(m, err);
    if (r >= 0)
        r = vemu__memdev_take(m->memdev, dev->id, err);
    if (r < 0)
        return r;
    r = vemu__device_memory_place(dev, m->size, MAX(ALIGN, m->block_size), m->wanted_address,
                                  mem_describe, &m->address, err);
    if (r < 0) {
        vemu__memdev_leave(m->memdev);
        return r;
    }
    m->news = vemu_device_add_timer(dev, news_timer);
    vemu__virtio_add_queue(vdev, QUEUE_SIZE, sizeof(struct vemu_virtq_elem));
    vdev->features = VEMU_VIRTIO_F(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);
    if (vemu__numa_count(dev->vm)) /* node_id means something */
        vdev->features |= VEMU_VIRTIO_F(VIRTIO_MEM_F_ACPI_PXM);
    vdev->config_size = sizeof(struct virtio_mem_config);
    return 0;
}

static void mem_unrealize(struct vemu_virtio *vdev)
{
    struct mem *m = mem_of(vdev);

    unplug_all(m);
    vemu__device_memory_leave(vdev->dev);
    vemu__memdev_leave(m->memdev);
}

/* vCPUs stand still when the machine is reset, and run when a driver resets the device. */
static void mem_reset(struct vemu_virtio *vdev)
{
    struct mem *m = mem_of(vdev);

    if (!vdev->running && !vdev->dev->waking && m->plugged_size) {
        unplug_all(m);
        news_come(m);
    }
}

/* What was plugged is plugged again; a hostile stream cannot plug more than there is. */
static void mem_restored(struct vemu_virtio *vdev)
{
    struct mem *m = mem_of(vdev);

    for (uint32_t n = 0; n < m->blocks; n++) {
        if (m->ram[n]) {
            vemu__memory_remove_ram(vdev->dev->vm->memory, m->ram[n]);
            m->ram[n] = NULL;
        }
    }
    m->plugged_size = 0;
    for (uint32_t n = 0; n < BLOCKS_MAX; n++) {
        if (n >= m->blocks || !m->plugged[n] || block_plug(m, n) < 0)
            m->plugged[n] = 0;
    }
    if (m->requested > m->size || m->requested % m->block_size)
        m->requested = m->plugged_size;
}

static const struct vemu_virtio_ops mem_ops = {
    .realize = mem_realize,
    .unrealize = mem_unrealize,
    .features = mem_features,
    .config_get = mem_config_get,
    .notify = mem_notify,
    .reset = mem_reset,
    .restored = mem_restored,
};

static const struct vemu_virtio_class mem_class = {
    .name = "virtio-mem",
    .id = VEMU_VIRTIO_ID_MEM,
    .ops = &mem_ops,
};

static const struct vemu_prop mem_props[] = {
    VEMU_PROP(struct mem, memdev, "memdev", MEMDEV, NULL, "memory back-end"),
    VEMU_PROP(struct mem, wanted_address, "memaddr", U64, "0",
              "guest-physical address, 0: chosen"),
    VEMU_PROP(struct mem, requested, "requested-size", SIZE, "0",
              "bytes that the guest is to have; can be changed by qom-set"),
    VEMU_PROP(struct mem, block_size, "block-size", SIZE, "0",
              "bytes that come and go at a time, 0: chosen"),
    VEMU_PROP(struct mem, node, "node", U32, "0", "NUMA node"),
    VEMU_PROP_END,
};

static const struct vemu_state_field mem_state[] = {
    VEMU_STATE(struct mem, requested),
    VEMU_STATE(struct mem, plugged_size),
    VEMU_STATE(struct mem, plugged),
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(vemu__device_virtio_mem, struct mem, &mem_class, "virtio-mem",
                   "memory that grows and shrinks", mem_props, mem_state);
