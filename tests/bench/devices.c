/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest that works virtio-mmio devices from user mode and says how long it took, for vemu and for
 * QEMU's microvm. The command line says what to do:
 *
 *   blk DEPTH BYTES COUNT random   COUNT reads of BYTES, DEPTH at a time, anywhere on the disk
 *   blk DEPTH BYTES COUNT forth    the same one after the other
 *   net DEPTH BYTES COUNT          COUNT frames sent
 *   gso DEPTH BYTES COUNT          the same with segments that the host is to cut
 *   recv DEPTH BYTES COUNT         COUNT frames received
 *   irq COUNT                      doorbell to interrupt and back to the program
 *
 * The answer is "name operations cycles" on the debug console. Only setting up and the interrupt
 * handler run in kernel mode, which some hosts interpret.
 */
#include "runtime.h"

#define SLOTS      0xfeb00000ul
#define SLOT_SIZE  0x200ul
#define SLOT_COUNT 32u
#define QUEUE      256u
#define DEPTH_MAX  64u
#define HEAP       0x1000000ul /* where buffers are */
#define HEAP_END   0x3000000ul
#define NET_HDR    12u
#define IRQ_VECTOR 0x30u

#define F_EVENT_IDX 29u

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};
struct avail {
    uint16_t flags, idx, ring[QUEUE], used_event;
};
struct used {
    uint16_t flags, idx;
    struct {
        uint32_t id, len;
    } ring[QUEUE];
    uint16_t avail_event;
};
struct queue {
    struct desc desc[QUEUE];
    volatile struct avail avail __attribute__((aligned(64)));
    volatile struct used used __attribute__((aligned(64)));
    uint16_t next, seen, told; /* idx of ours; of theirs; at the last doorbell */
    uint32_t index;
} __attribute__((aligned(4096)));

struct job {
    unsigned long base;
    struct queue *q;
    unsigned depth, bytes, count;
    bool random, is_blk, is_recv;
    unsigned long sectors;
    unsigned long cycles, failed;
};

static struct queue queues[2];
static struct {
    uint32_t type, reserved;
    uint64_t sector;
} headers[DEPTH_MAX];
static volatile uint8_t status[DEPTH_MAX];
static struct job job;
static uint8_t user_stack[8192] __attribute__((aligned(4096)));
volatile uint32_t interrupts;
unsigned long irq_base;

static volatile uint32_t *reg(unsigned long base, unsigned offset)
{
    return (volatile uint32_t *)(base + offset);
}

/* --- command line ----------------------------------------------------------------------------- */

extern uint32_t boot_info; /* struct hvm_start_info */
static const char *words;

static bool word(const char *text)
{
    unsigned n = 0;
    while (text[n] && text[n] == words[n])
        n++;
    if (text[n] || (words[n] != ' ' && words[n]))
        return false;
    words += n + (words[n] == ' ');
    return true;
}

static unsigned number(void)
{
    unsigned value = 0;
    for (; *words >= '0' && *words <= '9'; words++)
        value = value * 10 + (unsigned)(*words - '0');
    words += *words == ' ';
    return value;
}

/* --- setting up ------------------------------------------------------------------------------- */

static unsigned long find(uint32_t id)
{
    for (unsigned n = 0; n < SLOT_COUNT; n++) {
        unsigned long base = SLOTS + n * SLOT_SIZE;
        if (*reg(base, 0) == 0x74726976 && *reg(base, 8) == id) {
            if (*reg(base, 4) != 2) {
                say("a legacy device\n");
                finish(1);
            }
            return base;
        }
    }
    say("no device %u\n", id);
    finish(1);
}

static void setup_queue(unsigned long base, unsigned n, struct queue *q)
{
    const unsigned long areas[] = { (unsigned long)q->desc, (unsigned long)&q->avail,
                                    (unsigned long)&q->used };
    q->index = n;
    *reg(base, 0x30) = n;
    *reg(base, 0x38) = QUEUE;
    for (unsigned i = 0; i < 3; i++) {
        *reg(base, 0x80 + 0x10 * i) = (uint32_t)areas[i];
        *reg(base, 0x84 + 0x10 * i) = 0;
    }
    *reg(base, 0x44) = 1;
}

static void negotiate(unsigned long base, uint32_t wanted)
{
    uint32_t low;
    *reg(base, 0x70) = 0;
    *reg(base, 0x70) = 3;
    *reg(base, 0x14) = 0;
    low = *reg(base, 0x10) & wanted;
    *reg(base, 0x24) = 0;
    *reg(base, 0x20) = low;
    *reg(base, 0x24) = 1;
    *reg(base, 0x20) = 1; /* VERSION_1 */
    *reg(base, 0x70) = 0xb;
    if (low != wanted || !(*reg(base, 0x70) & 8)) {
        say("features %x of %x\n", low, wanted);
        finish(1);
    }
}

/* User mode may touch all that the jobs use. */
static void open_memory(void)
{
    uint64_t *pd_high = (uint64_t *)(pdpt[3] & ~0xffful);
    for (unsigned n = 0; n <= HEAP_END >> 21; n++)
        pd_low[n] |= PTE_U;
    pd_high[(SLOTS >> 21) & 511] |= PTE_U;
    write_cr3(read_cr3());
}

/* --- the driver ------------------------------------------------------------------------------- */

static inline void offer(struct queue *q, uint16_t head)
{
    q->avail.ring[q->next % QUEUE] = head;
    q->next++;
}

/* Shows what was offered, and rings if the device wants that. */
static inline void kick(unsigned long base, struct queue *q)
{
    uint16_t old = q->told;
    __atomic_store_n(&q->avail.idx, q->next, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    q->told = q->next;
    if ((uint16_t)(q->next - q->used.avail_event - 1) < (uint16_t)(q->next - old))
        *reg(base, 0x50) = q->index;
}

static inline bool more(struct queue *q)
{
    return __atomic_load_n(&q->used.idx, __ATOMIC_ACQUIRE) != q->seen;
}

static uint32_t seed = 2463534242u;

static inline uint32_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static inline void prepare(struct job *j, unsigned slot)
{
    unsigned long n = j->sectors / (j->bytes / 512);
    static unsigned long forth;
    if (!j->is_blk)
        return;
    headers[slot].sector = (j->random ? draw() % n : forth++ % n) * (j->bytes / 512);
    status[slot] = 0xff;
}

__attribute__((noreturn)) static void leave(void)
{
    __asm__ volatile("ud2");
    __builtin_unreachable();
}

/* In user mode. Interrupts are not wanted: used_event stays behind. */
static void work(struct job *j)
{
    struct queue *q = j->q;
    unsigned given = 0, done = 0, per = j->is_blk ? 3 : 1;
    unsigned long start = rdtsc();
    for (; given < j->depth && given < j->count; given++) {
        prepare(j, given);
        offer(q, (uint16_t)(given * per));
    }
    kick(j->base, q);
    while (done < j->count) {
        bool any = false;
        while (more(q)) {
            unsigned head = q->used.ring[q->seen % QUEUE].id, slot = head / per;
            q->seen++;
            done++;
            if (j->is_blk && status[slot])
                j->failed++;
            if (given >= j->count && !j->is_recv)
                continue;
            prepare(j, slot);
            offer(q, (uint16_t)head);
            given++;
            any = true;
        }
        q->avail.used_event = (uint16_t)(q->seen - 1);
        if (any)
            kick(j->base, q);
        else
            __asm__ volatile("pause");
    }
    j->cycles = rdtsc() - start;
    leave();
}

/* --- interrupts ------------------------------------------------------------------------------- */

void irq_stub(void);
__asm__(".text\n .globl irq_stub\nirq_stub:\n"
        " push %rax\n mov irq_base, %rax\n movl $1, 0x64(%rax)\n"
        " mov $0xfee000b0, %eax\n movl $0, (%rax)\n incl interrupts\n pop %rax\n iretq\n");

static void round_trips(struct job *j)
{
    struct queue *q = j->q;
    unsigned long start = rdtsc();
    for (unsigned n = 0; n < j->count; n++) {
        uint32_t before = interrupts;
        status[0] = 0xff;
        q->avail.used_event = q->seen;
        offer(q, 0);
        kick(j->base, q);
        while (interrupts == before)
            __asm__ volatile("pause");
        j->failed += !more(q) || status[0];
        q->seen++;
    }
    j->cycles = rdtsc() - start;
    leave();
}

/* --- jobs ------------------------------------------------------------------------------------- */

static void run(void *entry, unsigned long flags)
{
    user_call(entry, user_stack + sizeof(user_stack) - 8, flags, (unsigned long)&job);
}

static void chain_blk(unsigned slot, unsigned long data, uint32_t bytes, uint32_t type)
{
    struct desc *d = &queues[0].desc[3 * slot];
    headers[slot].type = type;
    d[0] = (struct desc){ (unsigned long)&headers[slot], 16, 1, (uint16_t)(3 * slot + 1) };
    d[1] = (struct desc){ data, bytes, 3, (uint16_t)(3 * slot + 2) };
    d[2] = (struct desc){ (unsigned long)&status[slot], 1, 2, 0 };
}

static void blk(void)
{
    job.base = find(2);
    job.is_blk = true;
    job.q = &queues[0];
    negotiate(job.base, 1u << F_EVENT_IDX);
    job.sectors = *reg(job.base, 0x100); /* less than 2 TiB */
    setup_queue(job.base, 0, job.q);
    for (unsigned n = 0; n < job.depth; n++)
        chain_blk(n, HEAP + (unsigned long)n * job.bytes, job.bytes, 0);
    *reg(job.base, 0x70) = 0xf;
    run(work, 2);
}

/* A frame to nobody in particular: Ethernet, IPv4, TCP; with `gso` the host cuts it. */
static void make_frame(uint8_t *at, bool gso)
{
    static const uint8_t head[] = { 0x02, 0, 0, 0, 0, 9, 0x02, 0, 0, 0, 0,   7, 8, 0, 0x45, 0,
                                    0,    0, 0, 0, 0, 0, 64,   6, 0, 0, 192, 0, 2, 2, 192,  0,
                                    2,    9, 0, 9, 0, 9, 0,    0, 0, 0, 0,   0, 0, 0, 0x50, 0x10 };
    unsigned ip = job.bytes - 14;
    for (unsigned n = 0; n < sizeof(head); n++)
        at[NET_HDR + n] = head[n];
    at[NET_HDR + 16] = (uint8_t)(ip >> 8);
    at[NET_HDR + 17] = (uint8_t)ip;
    if (gso) {
        at[0] = 1; /* checksum to be filled in */
        at[1] = 1; /* TCP over IPv4 */
        at[2] = 54;
        at[4] = 1448 & 0xff;
        at[5] = 1448 >> 8;
        at[6] = 34;
        at[8] = 16;
    }
}

static void net(bool gso, bool recv)
{
    unsigned room = (NET_HDR + (recv ? 2048 : job.bytes) + 63) & ~63u;
    job.base = find(1);
    job.is_recv = recv;
    job.q = &queues[recv ? 0 : 1];
    negotiate(job.base, 1u << F_EVENT_IDX | (gso ? 1u << 0 | 1u << 11 : 0));
    setup_queue(job.base, 0, &queues[0]);
    setup_queue(job.base, 1, &queues[1]);
    for (unsigned n = 0; n < job.depth; n++) {
        uint8_t *at = (uint8_t *)HEAP + (unsigned long)n * room;
        job.q->desc[n] =
            (struct desc){ (unsigned long)at, recv ? room : NET_HDR + job.bytes, recv ? 2 : 0, 0 };
        if (!recv)
            make_frame(at, gso);
    }
    *reg(job.base, 0x70) = 0xf;
    if (recv) {
        say("ready\n");
        flush();
    }
    run(work, 2);
}

static void irq(void)
{
    job.base = irq_base = find(2);
    job.q = &queues[0];
    negotiate(job.base, 1u << F_EVENT_IDX);
    setup_queue(job.base, 0, job.q);
    chain_blk(0, HEAP, 20, 8); /* GET_ID */
    set_gate(IRQ_VECTOR, irq_stub, 0x8e, 0);
    pic_mask_all();
    lapic_enable();
    for (unsigned pin = 5; pin < 24; pin++)
        ioapic_route(pin, IRQ_VECTOR); /* edge-triggered */
    *reg(job.base, 0x70) = 0xf;
    run(round_trips, 0x202);
}

unsigned payload(void)
{
    const volatile uint64_t *info = (const volatile uint64_t *)(unsigned long)boot_info;
    const char *name = words = (const char *)(unsigned long)info[3];
    bool is_blk = word("blk"), is_net = word("net"), is_gso = word("gso"), is_recv = word("recv");
    bool is_irq = word("irq");

    open_memory();
    if (!is_irq) {
        job.depth = number();
        job.bytes = number();
    }
    job.count = number();
    job.random = word("random");
    if (job.depth > DEPTH_MAX || (job.depth + 1ul) * (job.bytes + 64) > HEAP_END - HEAP)
        finish(2);
    if (is_blk)
        blk();
    else if (is_net || is_gso || is_recv)
        net(is_gso, is_recv);
    else if (is_irq)
        irq();
    say("%c%c%c %u %lu %lu\n", name[0], name[1], name[2], job.count, job.cycles, job.failed);
    return 0;
}
