/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A second CPU: INIT and SIPI, real mode to long mode, interrupts between the two, HLT, atomics,
 * reset.
 */
#include "runtime.h"

#define TRAMPOLINE 0x8000

extern uint8_t trampoline[], trampoline_end[];
static volatile uint32_t ap_alive, ap_id, ap_done, shared, guarded, pings, pongs, parked;
static uint8_t ap_stack[4096] __attribute__((aligned(16)));
static volatile uint32_t lock;
void ap_main(void);
extern volatile uint64_t ap_rsp;
volatile uint64_t ap_rsp;

__asm__(".text\n"
        "trampoline: .code16\n cli; xor %ax, %ax; mov %ax, %ds\n"
        " lgdtl 0x8000 + tr_gdtr - trampoline\n"
        " mov %cr0, %eax; or $1, %eax; mov %eax, %cr0\n"
        " ljmpl $0x40, $0x8000 + tr_32 - trampoline\n"
        "tr_32: .code32\n mov $0x10, %eax; mov %eax, %ds; mov %eax, %ss\n"
        " mov $0x20, %eax; mov %eax, %cr4; mov $pml4, %eax; mov %eax, %cr3\n"
        " mov $0xc0000080, %ecx; mov $0x900, %eax; xor %edx, %edx; wrmsr\n"
        " mov $0x80010033, %eax; mov %eax, %cr0; ljmp $8, $ap_64\n"
        " .balign 4\n tr_gdtr: .word 0x7f; .long gdt\n"
        "trampoline_end: .code64\n"
        "ap_64: mov ap_rsp, %rsp; xor %ebp, %ebp; call ap_main; 1: cli; hlt; jmp 1b\n");

static void on_ping(struct frame *f)
{
    (void)f;
    pings++;
    lapic_write(LAPIC_EOI, 0);
    lapic_write(LAPIC_ICR2, 0);
    lapic_write(LAPIC_ICR, 0x4000 | 0x2b);
}

static void on_pong(struct frame *f)
{
    (void)f;
    pongs++;
    lapic_write(LAPIC_EOI, 0);
}

void ap_main(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr;
    __asm__ volatile("sidt %0"
                     : "=m"(idtr)); /* the power-on value; the IDT comes from the other CPU */
    idtr.base = *(volatile uint64_t *)0x9000;
    idtr.limit = 0x3ff;
    __asm__ volatile("lidt %0" : : "m"(idtr));
    ap_id = lapic_read(LAPIC_ID) >> 24;
    lapic_write(LAPIC_SVR, 0x13f);
    ap_alive++;
    if (ap_alive == 2)
        for (;;) /* the second start: wait to be reset again, or for ever */
            __asm__ volatile("pause");
    for (unsigned i = 0; i < 200; i++)
        __asm__ volatile("lock; incl %0" : "+m"(shared));
    for (unsigned i = 0; i < 20; i++) {
        while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
            __asm__ volatile("pause");
        guarded = guarded + 1;
        __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
    }
    parked = 1;
    while (pings < 3)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    ap_done = 1;
}

static bool until(volatile uint32_t *what, uint32_t value)
{
    uint64_t start = rdtsc();
    while (*what != value) {
        if (rdtsc() - start > 20000000000ull)
            return false;
        __asm__ volatile("pause");
    }
    return true;
}

static void init_sipi(void)
{
    lapic_write(LAPIC_ICR2, 1u << 24);
    lapic_write(LAPIC_ICR, 0x4500);
    settle();
    lapic_write(LAPIC_ICR2, 1u << 24);
    lapic_write(LAPIC_ICR, 0x4600 | TRAMPOLINE >> 12);
    settle();
}

unsigned payload(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr;
    cli();
    lapic_enable();
    handlers[0x2a] = on_ping;
    handlers[0x2b] = on_pong;
    __asm__ volatile("sidt %0" : "=m"(idtr));
    *(volatile uint64_t *)0x9000 = idtr.base;
    __builtin_memcpy((void *)TRAMPOLINE, trampoline, (size_t)(trampoline_end - trampoline));
    ap_rsp = (uint64_t)(ap_stack + sizeof(ap_stack));

    init_sipi();
    check("started", until(&ap_alive, 1), 1);
    for (unsigned i = 0; i < 200; i++)
        __asm__ volatile("lock; incl %0" : "+m"(shared));
    for (unsigned i = 0; i < 20; i++) {
        while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
            __asm__ volatile("pause");
        guarded = guarded + 1;
        __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
    }
    check("ready", until(&parked, 1), 1);
    say("id %u shared %u guarded %u\n", ap_id, shared, guarded);

    /* a second SIPI without INIT does nothing */
    lapic_write(LAPIC_ICR2, 1u << 24);
    lapic_write(LAPIC_ICR, 0x4600 | TRAMPOLINE >> 12);
    settle();
    for (unsigned i = 1; i <= 3; i++) {
        lapic_write(LAPIC_ICR2, 1u << 24);
        lapic_write(LAPIC_ICR, 0x4000 | 0x2a);
        check("answered", wait_for(&pongs, i), 1);
    }
    check("done", until(&ap_done, 1), 1);
    say("pings %u alive %u\n", pings, ap_alive);

    /* INIT and SIPI again, on a CPU that halts with interrupts off */
    init_sipi();
    check("started again", until(&ap_alive, 2), 1);
    /* and on one that runs */
    init_sipi();
    check("started while running", until(&ap_alive, 3), 1);

    /* a reset while it runs: it has to be started again */
    outb(0x70, 0x50);
    if (inb(0x71) != 0x10) {
        outb(0x70, 0x50);
        outb(0x71, 0x10);
        say("reset\n");
        flush();
        outb(0x64, 0xfe);
        for (;;)
            __asm__ volatile("hlt");
    }
    return 0;
}
