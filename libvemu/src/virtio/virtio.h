/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtio (virtio 1.2): the border between a device, its queues and its transport.
 *
 * Three parts that know each other only through this file:
 *
 *   device     devices/virtio-NAME: a struct vemu_virtio_class and a struct that begins with
 *              struct vemu_virtio. Handles requests; knows queues, not who carries them.
 *   transport  virtio/mmio.c, virtio/pci.c: registers and interrupts. Is the struct vemu_device
 *              that the rest of the machine sees; owns the lock. Knows no device type.
 *   core       virtio/virtio.c (status, features, configuration), virtio/virtq*.c (rings).
 *
 * virtio/class.h makes a device class for every transport out of one virtio class. In memory the
 * two are one object: the transport's struct, then, at VEMU_VIRTIO_OFFSET(), the virtio device's.
 *
 * Locking: the lock of the struct vemu_device is held in every function here and in every
 * operation, except where "Context: any" stands. Completions from other threads take it first.
 *
 * A guest that breaks a rule of the specification breaks its device: vemu__virtio_broken() sets
 * DEVICE_NEEDS_RESET, counts and logs once; the queues stand still until a reset. Nothing else in
 * the process notices.
 */
#ifndef VEMU_VIRTIO_VIRTIO_H
#define VEMU_VIRTIO_VIRTIO_H

#include <sys/uio.h>

#include "core/device.h"

struct vemu_virtio;
struct vemu_virtq;

/* --- numbers (virtio 1.2, 2.1, 5, 6) ---------------------------------------------------------- */
#define VEMU_VIRTIO_STATUS_ACKNOWLEDGE 0x01u
#define VEMU_VIRTIO_STATUS_DRIVER      0x02u
#define VEMU_VIRTIO_STATUS_DRIVER_OK   0x04u
#define VEMU_VIRTIO_STATUS_FEATURES_OK 0x08u
#define VEMU_VIRTIO_STATUS_NEEDS_RESET 0x40u
#define VEMU_VIRTIO_STATUS_FAILED      0x80u

#define VEMU_VIRTIO_F(n)             ((uint64_t)1 << (n))
#define VEMU_VIRTIO_F_INDIRECT_DESC  VEMU_VIRTIO_F(28)
#define VEMU_VIRTIO_F_EVENT_IDX      VEMU_VIRTIO_F(29)
#define VEMU_VIRTIO_F_VERSION_1      VEMU_VIRTIO_F(32)
#define VEMU_VIRTIO_F_RING_PACKED    VEMU_VIRTIO_F(34)
#define VEMU_VIRTIO_F_IN_ORDER       VEMU_VIRTIO_F(35)
#define VEMU_VIRTIO_F_RING_RESET     VEMU_VIRTIO_F(40)

#define VEMU_VIRTIO_ID_NET     1u
#define VEMU_VIRTIO_ID_BLOCK   2u
#define VEMU_VIRTIO_ID_CONSOLE 3u
#define VEMU_VIRTIO_ID_RNG     4u
#define VEMU_VIRTIO_ID_BALLOON 5u
#define VEMU_VIRTIO_ID_SCSI    8u
#define VEMU_VIRTIO_ID_9P      9u
#define VEMU_VIRTIO_ID_INPUT   18u
#define VEMU_VIRTIO_ID_VSOCK   19u
#define VEMU_VIRTIO_ID_MEM     24u
#define VEMU_VIRTIO_ID_PMEM    27u

/* "QEMU": what drivers show as vendor (mmio VendorID, PCI 1af4 is the transport's own matter). */
#define VEMU_VIRTIO_VENDOR 0x554d4551u

#define VEMU_VIRTIO_QUEUES_MAX 66u   /* of one device: 32 pairs and two more */
#define VEMU_VIRTQ_SIZE_MAX    1024u /* entries of a queue; 32768 would be legal */

/* --- device side ------------------------------------------------------------------------------ */

struct vemu_virtio_ops {
    /* All properties are set: adds queues, sets vdev->features (device-specific bits only; the core
     * adds its own) and vdev->config_size. */
    int (*realize)(struct vemu_virtio *vdev, struct vemu_error **err);
    void (*unrealize)(struct vemu_virtio *vdev); /* after a realize that succeeded */
    /* The driver set FEATURES_OK with vdev->driver_features, a subset of what was offered. False
     * when the device cannot work with this subset. May be NULL. */
    bool (*features)(struct vemu_virtio *vdev);
    /* Fills the configuration space (config_size zeroed bytes, little endian). */
    void (*config_get)(struct vemu_virtio *vdev, uint8_t *config);
    /* The driver wrote [offset, offset + size); `config` is the whole space with the new bytes in
     * it. NULL: read only. */
    void (*config_set)(struct vemu_virtio *vdev, const uint8_t *config, size_t offset, size_t size);
    /* DRIVER_OK: queues may be used from now on. `notify` follows for each enabled queue. */
    void (*start)(struct vemu_virtio *vdev);
    /* The driver may have made buffers available in the queue. Called only between start and
     * reset, for enabled queues, not while broken or paused. */
    void (*notify)(struct vemu_virtio *vdev, unsigned queue);
    /* The driver enabled a queue after DRIVER_OK (per-queue reset, 2.6.1). `notify` follows. */
    void (*queue_enable)(struct vemu_virtio *vdev, unsigned queue);
    /* On return no request of the queue is under way and no element is held. Waits if it must.
     * NULL: the device never holds elements. */
    void (*queue_reset)(struct vemu_virtio *vdev, unsigned queue);
    /* To power-on state. queue_reset was called for all queues. */
    void (*reset)(struct vemu_virtio *vdev);
    /* vCPUs stopped: on return no request is under way, as in queue_reset, but the queues stay. */
    void (*pause)(struct vemu_virtio *vdev);
    void (*resume)(struct vemu_virtio *vdev); /* `notify` follows for all queues */
    void (*restored)(struct vemu_virtio *vdev); /* state fields were just loaded */
    void (*fini)(struct vemu_virtio *vdev); /* what properties and state own beyond them */
};

struct vemu_virtio_class {
    const char *name;        /* "virtio-blk" */
    uint32_t id;             /* VEMU_VIRTIO_ID_* */
    const char *boot_suffix; /* of boot_path, behind its bus's part; NULL: nothing */
    const struct vemu_virtio_ops *ops;
};

/* Counters; read under the lock. */
struct vemu_virtio_stats {
    uint64_t notifications; /* doorbells that reached the device */
    uint64_t requests;      /* chains taken */
    uint64_t completions;   /* chains returned */
    uint64_t interrupts;    /* of queues, sent to the transport */
    uint64_t suppressed;    /* that the driver did not want */
    uint64_t resets;
    uint64_t broken;        /* times the guest broke the device */
};

/* What of a queue is saved. Plain integers, host order: all supported hosts are little endian. */
struct vemu_virtq_state {
    uint64_t desc, driver, device; /* guest-physical addresses of the three areas */
    uint16_t size;
    uint8_t enabled;
    uint8_t wraps;      /* packed: bit 0: wrap counter of avail, bit 1: of used */
    uint16_t avail;     /* next entry to take: split: free-running index, packed: slot */
    uint16_t used;      /* next entry to return, likewise */
    uint16_t signalled; /* `used` at the last interrupt decision */
    uint16_t signalled_valid;
    uint32_t reserved;
};

/* First member of a virtio device's struct. */
struct vemu_virtio {
    struct vemu_device *dev; /* the device as the machine knows it */
    const struct vemu_virtio_class *class_;
    const struct vemu_virtio_transport *transport;

    /* set by realize of the device */
    uint64_t features;
    size_t config_size;

    /* common properties */
    bool indirect, event_idx, packed, in_order, queue_reset;
    /* of devices that have it: the thread that all `notify` are called on; NULL: whoever rings, or
     * the loop */
    struct vemu_iothread *iothread;

    /* guest-visible state, saved; see vemu__virtio_state */
    uint64_t driver_features;
    uint8_t status;
    uint8_t config_generation;
    uint8_t is_broken;
    struct vemu_virtq_state queue_state[VEMU_VIRTIO_QUEUES_MAX];

    /* the rest is the core's */
    unsigned queue_count;
    struct vemu_virtq *queues[VEMU_VIRTIO_QUEUES_MAX];
    bool running; /* vCPUs run: between resume and pause */
    bool realized;
    struct vemu_virtio_stats stats;
};

/* Adds the next queue; returns its number. `size`: entries the device offers, a power of two;
 * `elem_size`: of the device's request struct, whose first member is struct vemu_virtq_elem.
 * Context: the device's realize. */
unsigned vemu__virtio_add_queue(struct vemu_virtio *vdev, uint16_t size, size_t elem_size);

/* How many request queues a device has unless it is told: one for each vCPU where the transport can
 * interrupt them apart, at most `max`. Context: the device's realize. */
unsigned vemu__virtio_default_queues(const struct vemu_virtio *vdev, unsigned max);

/* The configuration space has changed: generation, interrupt. */
void vemu__virtio_config_changed(struct vemu_virtio *vdev);
/* The guest broke a rule (see above). `format` says which: one line for a person. */
void vemu__virtio_broken(struct vemu_virtio *vdev, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline bool vemu__virtio_has(const struct vemu_virtio *vdev, uint64_t feature)
{
    return vdev->driver_features & feature;
}
/* DRIVER_OK, not broken, vCPUs running: the device may use its queues. */
bool vemu__virtio_live(const struct vemu_virtio *vdev);

/* --- queues, device side ---------------------------------------------------------------------- */

/* A chain of descriptors as checked host memory. `out` is what the driver wrote for the device,
 * `in` what the device fills. A descriptor that spans RAM blocks appears as several entries. The
 * device may trim `out`, and lengths of `in` if it restores them before the push. */
struct vemu_virtq_elem {
    struct vemu_virtq *queue;
    struct vemu_virtq_elem *next; /* the core's, and free for the device while it holds it */
    unsigned out_count, in_count;
    struct iovec *out, *in;
    uint32_t out_size, in_size; /* bytes; a chain holds less than 4 GiB */
    /* the core's */
    uint16_t id, descs; /* head or buffer id; ring entries taken (packed) */
    uint16_t order;     /* in which it was taken */
    unsigned capacity;
    struct iovec *iov;
    uint64_t *gpa; /* of each entry of iov */
};

/* Takes the next available chain: 1 and *ret, or 0 when there is none, the queue is not live or the
 * guest broke it (then the device is broken). Every element goes back by vemu__virtq_push() or
 * vemu__virtq_drop(). */
int vemu__virtq_pop(struct vemu_virtq *queue, struct vemu_virtq_elem **ret);
/* The same where no `notify` stands behind it. When there is none the driver is asked to tell about
 * the next one: with event indices it would stay silent, since its wish was answered long ago.
 * Another look is taken then, for what came before the driver saw the wish. */
int vemu__virtq_take(struct vemu_virtq *queue, struct vemu_virtq_elem **ret);
/* Returns the chain with `written` bytes of `in` filled, and tells the accelerator which memory
 * changed. The driver sees it after vemu__virtq_flush(). Frees the element. */
void vemu__virtq_push(struct vemu_virtq_elem *elem, uint32_t written);
/* Shows the driver what was pushed, and interrupts it if it wants that. */
void vemu__virtq_flush(struct vemu_virtq *queue);
/* Frees the element without returning the chain: the queue is being reset. */
void vemu__virtq_drop(struct vemu_virtq_elem *elem);
/* Puts the element that was taken last back, as if it had not been; several in reverse order. For
 * elements that a device cannot use yet, or keeps for long when its state is to be saved. */
void vemu__virtq_unpop(struct vemu_virtq_elem *elem);
/* Whether a chain is waiting. */
bool vemu__virtq_pending(struct vemu_virtq *queue);
/* Asks the driver (not) to notify. After `true` look for chains once more. */
void vemu__virtq_want_notify(struct vemu_virtq *queue, bool want);
/* Elements taken and not yet pushed or dropped. */
unsigned vemu__virtq_held(const struct vemu_virtq *queue);
struct vemu_virtq *vemu__virtio_queue(struct vemu_virtio *vdev, unsigned n); /* NULL: no such */
unsigned vemu__virtq_index(const struct vemu_virtq *queue);
struct vemu_virtio *vemu__virtq_device(const struct vemu_virtq *queue);

/* Copies between `buf` and the chain from byte `offset` on; returns how many bytes there were. */
size_t vemu__virtq_elem_read(const struct vemu_virtq_elem *elem, size_t offset, void *buf,
                             size_t size);
size_t vemu__virtq_elem_write(const struct vemu_virtq_elem *elem, size_t offset, const void *buf,
                              size_t size);
/* A part of a list of pieces: `limit` bytes behind the first `skip`, as a list of at most `max`
 * pieces (less when there are more). Returns their number. */
unsigned vemu__virtq_slice(const struct iovec *iov, unsigned count, size_t skip, size_t limit,
                           struct iovec *ret, unsigned max);

/* --- transport side --------------------------------------------------------------------------- */

struct vemu_virtio_transport {
    const char *name;
    bool queue_interrupts; /* each queue has one of its own */
    /* A queue wants the driver's attention; the driver's wish not to be interrupted was looked at
     * already. */
    void (*queue_interrupt)(struct vemu_virtio *vdev, unsigned queue);
    /* Configuration change notification (also for DEVICE_NEEDS_RESET). */
    void (*config_interrupt)(struct vemu_virtio *vdev);
    /* Everything was reset, by the driver or the machine: interrupt status and vectors. May be
     * NULL. */
    void (*reset)(struct vemu_virtio *vdev);
};

/* Where the virtio device's struct begins behind the transport's. */
#define VEMU_VIRTIO_ALIGN 64u
#define VEMU_VIRTIO_OFFSET(transport_struct)                                                       \
    ((sizeof(transport_struct) + VEMU_VIRTIO_ALIGN - 1) & ~(size_t)(VEMU_VIRTIO_ALIGN - 1))

/* What the transport's struct vemu_device_ops pass on. realize: after the transport knows its
 * resources; on failure nothing is left. unrealize: registers are unmapped already. */
int vemu__virtio_realize(struct vemu_virtio *vdev, struct vemu_device *dev,
                         const struct vemu_virtio_class *class_,
                         const struct vemu_virtio_transport *transport, struct vemu_error **err);
void vemu__virtio_unrealize(struct vemu_virtio *vdev);
void vemu__virtio_reset(struct vemu_virtio *vdev); /* also for a status write of 0 */
void vemu__virtio_pause(struct vemu_virtio *vdev);
void vemu__virtio_resume(struct vemu_virtio *vdev);
void vemu__virtio_restored(struct vemu_virtio *vdev);
void vemu__virtio_fini(struct vemu_virtio *vdev); /* also without realize; NULL class is fine */

/* The property of devices whose requests an iothread may do. */
#define VEMU_VIRTIO_PROP_IOTHREAD(struct_)                                                         \
    VEMU_PROP(struct_, vdev.iothread, "iothread", IOTHREAD, NULL,                                  \
              "the object whose thread does the requests; without it, vCPUs and threads of drives")

/* Common properties and saved state, relative to struct vemu_virtio: class.h adds them to each
 * class. */
extern const struct vemu_prop vemu__virtio_props[];
extern const struct vemu_state_field vemu__virtio_state[];

/* Registers that all transports have. `select` is the half: 0 or 1, else zero. Out-of-order or
 * out-of-range writes change nothing, as the specification allows. */
uint32_t vemu__virtio_get_device_features(const struct vemu_virtio *vdev, uint32_t select);
uint32_t vemu__virtio_get_driver_features(const struct vemu_virtio *vdev, uint32_t select);
void vemu__virtio_set_driver_features(struct vemu_virtio *vdev, uint32_t select, uint32_t value);
void vemu__virtio_set_status(struct vemu_virtio *vdev, uint8_t status); /* 0: reset */
/* `size` 1, 2, 4 or 8. Outside the space: zeros, nothing. */
uint64_t vemu__virtio_config_read(struct vemu_virtio *vdev, uint64_t offset, unsigned size);
void vemu__virtio_config_write(struct vemu_virtio *vdev, uint64_t offset, unsigned size,
                               uint64_t value);
/* Doorbell. Any number. */
void vemu__virtio_notify(struct vemu_virtio *vdev, uint32_t queue);

enum vemu_virtq_area { VEMU_VIRTQ_DESC, VEMU_VIRTQ_DRIVER, VEMU_VIRTQ_DEVICE };
/* Registers of a queue. Refused (nothing changes) while the queue is enabled. */
uint16_t vemu__virtq_get_max(const struct vemu_virtq *queue);
uint16_t vemu__virtq_get_size(const struct vemu_virtq *queue);
void vemu__virtq_set_size(struct vemu_virtq *queue, uint16_t size);
uint64_t vemu__virtq_get_address(const struct vemu_virtq *queue, enum vemu_virtq_area area);
void vemu__virtq_set_address(struct vemu_virtq *queue, enum vemu_virtq_area area, uint64_t gpa);
bool vemu__virtq_enabled(const struct vemu_virtq *queue);
/* Checks size and addresses; what does not hold breaks the device. */
void vemu__virtq_enable(struct vemu_virtq *queue);
/* Per-queue reset (2.6.1): on return the queue is disabled, with its power-on size and no
 * addresses. */
void vemu__virtq_reset(struct vemu_virtq *queue);

/* The queue's doorbell as a descriptor, for accelerators that can signal one in place of an exit
 * (accel->ioeventfd). Made and watched on first use; signalling it is vemu__virtio_notify().
 * -errno when there is none. Context: loop (realize). */
int vemu__virtq_get_notifier(struct vemu_virtq *queue);

/* A write of `size` bytes at `address` is the doorbell; with use_match, only of `match`. */
struct vemu_virtq_doorbell {
    uint64_t address, match;
    unsigned size;
    bool use_match;
};
/* Lets the accelerator signal the notifier, which is there already, in place of that write. From
 * now on the queue decides, by what its doorbells are for, whether they come by descriptor or as
 * vemu__virtio_notify(). -errno: only the latter. */
int vemu__virtq_hook(struct vemu_virtq *queue, const struct vemu_virtq_doorbell *doorbell);
/* The doorbell is not there any more. Nothing happens if it was not. */
void vemu__virtq_unhook(struct vemu_virtq *queue);

#endif
