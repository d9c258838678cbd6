/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver's side of split and packed rings.
 */
#include <glib.h>
#include <string.h>

#include "guest.h"

#define F_NEXT     1u
#define F_WRITE    2u
#define F_INDIRECT 4u
#define F_AVAIL    (1u << 7)
#define F_USED     (1u << 15)

#define WAIT_US 25000000

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t half[2];
};

static struct desc *table(struct guest *g, const struct guest_queue *q)
{
    return guest_ptr(g, q->area[0]);
}

static uint16_t *words(struct guest *g, const struct guest_queue *q, unsigned area)
{
    return guest_ptr(g, q->area[area]);
}

/* --- split ------------------------------------------------------------------------------------ */

static void split_publish(struct guest *g, struct guest_queue *q, uint16_t head)
{
    uint16_t *avail = words(g, q, VEMU_VIRTQ_DRIVER);

    avail[2 + q->next % q->size] = head;
    __atomic_store_n(&avail[1], ++q->next, __ATOMIC_SEQ_CST);
}

static uint16_t split_add(struct guest *g, struct guest_queue *q,
                          const struct guest_buffer *buffers, unsigned count)
{
    uint16_t head = q->free_desc, n = head;

    for (unsigned i = 0; i < count; i++) {
        uint16_t next = (uint16_t)((n + 1) % q->size);

        table(g, q)[n] = (struct desc){
            buffers[i].gpa,
            buffers[i].len,
            { (uint16_t)((buffers[i].write ? F_WRITE : 0) | (i + 1 < count ? F_NEXT : 0)), next },
        };
        n = next;
    }
    q->free_desc = n;
    split_publish(g, q, head);
    return head;
}

static int split_take(struct guest *g, struct guest_queue *q, uint32_t *ret_len)
{
    uint16_t *used = words(g, q, VEMU_VIRTQ_DEVICE);
    uint32_t entry[2];

    if (__atomic_load_n(&used[1], __ATOMIC_ACQUIRE) == q->seen)
        return -1;
    memcpy(entry, (uint8_t *)used + 4 + 8 * (q->seen % q->size), sizeof(entry));
    q->seen++;
    *ret_len = entry[1];
    return (int)entry[0];
}

/* --- packed ----------------------------------------------------------------------------------- */

static uint16_t packed_bits(bool wrap)
{
    return wrap ? F_AVAIL : F_USED;
}

static void packed_step(const struct guest_queue *q, uint16_t *slot, bool *wrap)
{
    if (++*slot == q->size) {
        *slot = 0;
        *wrap = !*wrap;
    }
}

/* Entries become available from the last to the first: the device sees all or nothing. */
static uint16_t packed_put(struct guest *g, struct guest_queue *q, const struct desc *descs,
                           unsigned count)
{
    uint16_t first = q->next, id = first, first_flags = 0;

    for (unsigned i = 0; i < count; i++) {
        struct desc *d = &table(g, q)[q->next];
        uint16_t flags = (uint16_t)(descs[i].half[0] | packed_bits(q->wrap));

        d->addr = descs[i].addr;
        d->len = descs[i].len;
        d->half[0] = id;
        if (i == 0)
            first_flags = flags;
        else
            d->half[1] = flags;
        packed_step(q, &q->next, &q->wrap);
    }
    q->descs[id % GUEST_SIZE] = (uint16_t)count;
    __atomic_store_n(&table(g, q)[first].half[1], first_flags, __ATOMIC_SEQ_CST);
    return id;
}

static uint16_t packed_add(struct guest *g, struct guest_queue *q,
                           const struct guest_buffer *buffers, unsigned count)
{
    struct desc descs[GUEST_SIZE];

    for (unsigned i = 0; i < count; i++)
        descs[i] = (struct desc){
            buffers[i].gpa,
            buffers[i].len,
            { (uint16_t)((buffers[i].write ? F_WRITE : 0) | (i + 1 < count ? F_NEXT : 0)), 0 },
        };
    return packed_put(g, q, descs, count);
}

static int packed_take(struct guest *g, struct guest_queue *q, uint32_t *ret_len)
{
    struct desc *d = &table(g, q)[q->seen];
    uint16_t flags = __atomic_load_n(&d->half[1], __ATOMIC_ACQUIRE), id;

    if (!!(flags & F_AVAIL) != q->seen_wrap || !!(flags & F_USED) != q->seen_wrap)
        return -1;
    id = d->half[0];
    *ret_len = flags & F_WRITE ? d->len : 0;
    for (unsigned i = 0; i < q->descs[id % GUEST_SIZE]; i++)
        packed_step(q, &q->seen, &q->seen_wrap);
    return id;
}

/* --- both ------------------------------------------------------------------------------------- */

uint16_t guest_add(struct guest *g, struct guest_queue *q, const struct guest_buffer *buffers,
                   unsigned count)
{
    return q->packed ? packed_add(g, q, buffers, count) : split_add(g, q, buffers, count);
}

uint16_t guest_add_indirect(struct guest *g, struct guest_queue *q,
                            const struct guest_buffer *buffers, unsigned count)
{
    uint64_t gpa = guest_alloc(g, count * sizeof(struct desc), 16);
    struct desc *descs = guest_ptr(g, gpa);

    for (unsigned i = 0; i < count; i++) {
        uint16_t write = buffers[i].write ? F_WRITE : 0;

        descs[i] = (struct desc){ buffers[i].gpa, buffers[i].len, { 0, 0 } };
        if (q->packed) {
            descs[i].half[1] = write;
        } else {
            descs[i].half[0] = (uint16_t)(write | (i + 1 < count ? F_NEXT : 0));
            descs[i].half[1] = (uint16_t)(i + 1);
        }
    }
    return guest_add_raw(g, q, gpa, (uint32_t)(count * sizeof(struct desc)), F_INDIRECT, 0);
}

uint16_t guest_add_raw(struct guest *g, struct guest_queue *q, uint64_t addr, uint32_t len,
                       uint16_t flags, uint16_t next)
{
    struct desc d = { addr, len, { flags, next } };
    uint16_t head = q->free_desc;

    if (q->packed)
        return packed_put(g, q, &d, 1);
    table(g, q)[head] = d;
    q->free_desc = (uint16_t)((head + 1) % q->size);
    split_publish(g, q, head);
    return head;
}

int guest_take(struct guest *g, struct guest_queue *q, uint32_t *ret_len)
{
    return q->packed ? packed_take(g, q, ret_len) : split_take(g, q, ret_len);
}

int guest_wait(struct guest *g, struct guest_queue *q, uint32_t *ret_len)
{
    int id = guest_take(g, q, ret_len);

    for (gint64 end = g_get_monotonic_time() + WAIT_US; id < 0 && g_get_monotonic_time() < end;) {
        g_usleep(100);
        id = guest_take(g, q, ret_len);
    }
    return id;
}

void guest_want_interrupt(struct guest *g, struct guest_queue *q, bool want)
{
    uint16_t *driver = words(g, q, VEMU_VIRTQ_DRIVER);
    bool event = g->features & VEMU_VIRTIO_F_EVENT_IDX;

    if (q->packed) {
        driver[0] = (uint16_t)(q->seen | (q->seen_wrap ? 0x8000 : 0));
        __atomic_store_n(&driver[1], want ? (event ? 2 : 0) : 1, __ATOMIC_SEQ_CST);
    } else if (event) {
        __atomic_store_n(&driver[2 + q->size], want ? q->seen : (uint16_t)(q->seen - 1),
                         __ATOMIC_SEQ_CST);
    } else {
        __atomic_store_n(&driver[0], want ? 0 : 1, __ATOMIC_SEQ_CST);
    }
}

bool guest_may_skip_notify(struct guest *g, struct guest_queue *q)
{
    uint16_t *device = words(g, q, VEMU_VIRTQ_DEVICE);

    if (q->packed)
        return device[1] == 1;
    if (g->features & VEMU_VIRTIO_F_EVENT_IDX)
        return device[2 + 4 * q->size] != (uint16_t)(q->next - 1);
    return device[0] & 1;
}

uint32_t guest_request(struct guest *g, struct guest_queue *q, const struct guest_buffer *buffers,
                       unsigned count)
{
    uint32_t len = 0;
    uint16_t id = guest_add(g, q, buffers, count);

    g->t->notify(g, q->index);
    guest_assert(guest_wait(g, q, &len) == id);
    return len;
}
