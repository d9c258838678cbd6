/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Four CPUs that count together: LOCK on words in a line, across lines and across pages (split
 * locks), XCHG as a lock, CMPXCHG8B; and IPIs to all but oneself meanwhile.
 */
#include "runtime.h"

#define TRAMPOLINE 0x8000
#define CPUS       4u
#define ROUNDS     3000u
#define PAIR       VIRTUAL /* two pages that do not lie next to each other */

extern uint8_t trampoline[], trampoline_end[];
void ap_main(void);

extern uint8_t stacks[CPUS][4096];
uint8_t stacks[CPUS][4096] __attribute__((aligned(16)));
volatile uint32_t ap_index;
static volatile uint32_t started, go, ready, pings;
static volatile uint32_t lock, guarded;
static struct {
    volatile uint32_t plain;
    uint8_t pad[58];
    volatile uint32_t line; /* over the end of a cache line */
} __attribute__((packed, aligned(64))) words;
static volatile uint64_t wide __attribute__((aligned(64)));

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
        "ap_64: mov $1, %eax; lock xaddl %eax, ap_index; inc %eax; shl $12, %eax\n"
        " lea stacks(%rax), %rsp; xor %ebp, %ebp; call ap_main; 1: cli; hlt; jmp 1b\n");

static void on_ping(struct frame *f)
{
    (void)f;
    __asm__ volatile("lock incl %0" : "+m"(pings));
    lapic_write(LAPIC_EOI, 0);
}

static void work(void)
{
    /* the last two bytes of one page and the first two of the other */
    volatile uint32_t *split = (volatile uint32_t *)(PAIR + PAGE - 2);

    __asm__ volatile("lock incl %0" : "+m"(started));
    while (!go)
        __asm__ volatile("pause");
    for (unsigned n = 0; n < ROUNDS; n++) {
        uint32_t low, high;

        __asm__ volatile("lock incl %0" : "+m"(words.plain));
        if (n % 8 == 0) {
            __asm__ volatile("lock incl %0" : "+m"(words.line));
            __asm__ volatile("lock addl $3, %0" : "+m"(*split));
        }
        while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
            __asm__ volatile("pause");
        guarded = guarded + 1;
        __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
        low = (uint32_t)wide;
        high = (uint32_t)(wide >> 32);
        __asm__ volatile("1: mov %%eax, %%ebx; mov %%edx, %%ecx; add $1, %%ebx; adc $7, %%ecx\n\t"
                         "lock cmpxchg8b %2; jne 1b"
                         : "+a"(low), "+d"(high), "+m"(wide)
                         :
                         : "ebx", "ecx", "cc", "memory");
    }
    __asm__ volatile("lock incl %0" : "+m"(ready));
}

void ap_main(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr = { 0x3ff, *(volatile uint64_t *)0x9000 };

    __asm__ volatile("lidt %0" : : "m"(idtr));
    lapic_write(LAPIC_SVR, 0x13f);
    sti();
    work();
    for (;;)
        __asm__ volatile("hlt");
}

static bool until(volatile uint32_t *what, uint32_t value)
{
    uint64_t start = rdtsc();

    while (*what != value) {
        if (rdtsc() - start > 40000000000ull)
            return false;
        __asm__ volatile("pause");
    }
    return true;
}

unsigned payload(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr;
    uint8_t *one = page_alloc(), *two;

    page_alloc();
    two = page_alloc();
    map(PAIR, (unsigned long)one, PTE_P | PTE_W);
    map(PAIR + PAGE, (unsigned long)two, PTE_P | PTE_W);
    cli();
    lapic_enable();
    handlers[0x2a] = on_ping;
    __asm__ volatile("sidt %0" : "=m"(idtr));
    *(volatile uint64_t *)0x9000 = idtr.base;
    __builtin_memcpy((void *)TRAMPOLINE, trampoline, (size_t)(trampoline_end - trampoline));

    /* INIT and SIPI to all but this one */
    lapic_write(LAPIC_ICR, 0xc4500);
    settle();
    lapic_write(LAPIC_ICR, 0xc4600 | TRAMPOLINE >> 12);
    settle();
    check("started", until(&started, CPUS - 1), 1);
    go = 1;
    for (unsigned n = 1; n <= 5; n++) {
        lapic_write(LAPIC_ICR, 0xc4000 | 0x2a);
        check("all answered", until(&pings, n * (CPUS - 1)), 1);
    }
    work();
    check("done", until(&ready, CPUS), 1);
    say("plain %u line %u split %u %u guarded %u wide %x %x\n", words.plain, words.line,
        *(uint16_t *)(one + PAGE - 2), *(uint16_t *)two, guarded, (unsigned)(wide >> 32),
        (unsigned)wide);
    return 0;
}
