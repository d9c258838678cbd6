/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the payloads share.
 */
#include "runtime.h"

#include <stdarg.h>

#define DEBUG_CONSOLE 0xe9
#define DEBUG_EXIT    0xf4

struct fault fault;
volatile unsigned long resume, resume_rsp;
trap_fn handlers[64];
extern uint8_t stubs[], user_return[], syscall_entry[];

/* --- what the compiler may call --------------------------------------------------------------- */

void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);

void *memset(void *to, int byte, size_t size)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}

/* --- text ------------------------------------------------------------------------------------- */

static char text[4096];
static unsigned text_size;

void flush(void)
{
    const char *at = text;
    size_t size = text_size;
    __asm__ volatile("cld; rep outsb" : "+S"(at), "+c"(size) : "d"(DEBUG_CONSOLE) : "memory");
    text_size = 0;
}

static void put(char c)
{
    if (text_size == sizeof(text))
        flush();
    text[text_size++] = c;
}

static void put_number(unsigned long value, unsigned base)
{
    char digits[24];
    unsigned n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (n)
        put(digits[--n]);
}

void say(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    for (; *format; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        if (*++format == 'l')
            format++;
        switch (*format) {
        case 'x':
            put_number(format[-1] == 'l' ? va_arg(ap, unsigned long) : va_arg(ap, unsigned), 16);
            break;
        case 'u':
            put_number(format[-1] == 'l' ? va_arg(ap, unsigned long) : va_arg(ap, unsigned), 10);
            break;
        case 'c': put((char)va_arg(ap, int)); break;
        case 's':
            for (const char *s = va_arg(ap, const char *); *s; s++)
                put(*s);
            break;
        default: put(*format);
        }
    }
    va_end(ap);
}

void finish(unsigned status)
{
    flush();
    outl(DEBUG_EXIT, status);
    for (;;)
        __asm__ volatile("cli; hlt");
}

static const char names[32][4] = {
    "DE", "DB", "NMI", "BP", "OF", "BR", "UD", "NM", "DF", "CSO", "TS",
    "NP", "SS", "GP",  "PF", "15", "MF", "AC", "MC", "XM", "VE",  "CP",
};

void report(const char *what)
{
    if (fault.vector < 0) {
        say("%s: no fault\n", what);
        return;
    }
    if (fault.vector >= 32) {
        say("%s: vector %lu\n", what, (unsigned long)fault.vector);
        return;
    }
    say("%s: #%s", what, names[fault.vector]);
    if (fault.vector == 8 || (fault.vector >= 10 && fault.vector <= 14) || fault.vector == 17)
        say("(%lx)", fault.error);
    if (fault.vector == 14)
        say(" cr2=%lx", fault.cr2);
    say("\n");
}

void check(const char *what, unsigned long got, unsigned long expected)
{
    if (got == expected)
        say("%s: ok\n", what);
    else
        say("%s: %lx instead of %lx\n", what, got, expected);
}

/* --- command line ----------------------------------------------------------------------------- */

extern uint32_t boot_info; /* struct hvm_start_info */

static const char *cmdline(void)
{
    const volatile uint64_t *info = (const volatile uint64_t *)(unsigned long)boot_info;
    return (const char *)(unsigned long)info[3];
}

bool option(const char *word)
{
    const char *text = cmdline();
    while (*word && *word == *text) {
        word++;
        text++;
    }
    return *word == *text;
}

unsigned option_number(void)
{
    unsigned value = 0;
    for (const char *text = cmdline(); *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (unsigned)(*text - '0');
    return value;
}

/* --- descriptors ------------------------------------------------------------------------------ */

#ifdef __x86_64__
struct gate {
    uint16_t low, selector;
    uint8_t ist, type;
    uint16_t middle;
    uint32_t high, reserved;
};
static struct {
    uint32_t reserved0;
    uint64_t rsp[3], reserved1, ist[7], reserved2;
    uint16_t reserved3, iomap;
    uint8_t bitmap[33];
} __attribute__((packed, aligned(16))) tss;
#else
struct gate {
    uint16_t low, selector;
    uint8_t ist, type;
    uint16_t middle;
};
static struct {
    uint32_t link, esp0, ss0, other[22];
    uint16_t trap, iomap;
    uint8_t bitmap[33];
} __attribute__((packed, aligned(16))) tss;
#endif

static struct gate idt[64];

void set_gate(unsigned vector, void *handler, unsigned type_dpl, unsigned ist)
{
    unsigned long at = (unsigned long)handler;
    struct gate *g = &idt[vector];
    g->low = (uint16_t)at;
    g->selector = CODE;
    g->ist = (uint8_t)ist;
    g->type = (uint8_t)type_dpl;
    g->middle = (uint16_t)(at >> 16);
#ifdef __x86_64__
    g->high = (uint32_t)(at >> 32);
#endif
}

void gate_present(unsigned vector, bool present)
{
    idt[vector].type = (uint8_t)((idt[vector].type & 0x7f) | (present ? 0x80 : 0));
}

void set_stack(unsigned ist, void *top)
{
#ifdef __x86_64__
    if (ist)
        tss.ist[ist - 1] = (uint64_t)top;
    else
        tss.rsp[0] = (uint64_t)top;
#else
    (void)ist;
    tss.esp0 = (uint32_t)top;
    tss.ss0 = DATA;
#endif
}

uint64_t descriptor(uint32_t base, uint32_t limit, unsigned access, unsigned flags)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
           (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)flags << 52 |
           (uint64_t)(base >> 24) << 56;
}

/* --- traps ------------------------------------------------------------------------------------ */

void trap(struct frame *f);

void trap(struct frame *f)
{
    if (handlers[f->vector]) {
        handlers[f->vector](f);
        return;
    }
    bool user = f->cs & 3;
    if (!resume && !user) {
        say("unexpected exception %lu error %lx at %lx cr2 %lx\n", (unsigned long)f->vector,
            (unsigned long)f->error, (unsigned long)f->rip, read_cr2());
        finish(0x3f);
    }
    fault.vector = (long)f->vector;
    fault.error = f->error;
    fault.rip = f->rip;
    fault.cs = f->cs;
    fault.rflags = f->rflags;
    fault.rdi = f->rdi;
    fault.handler_rsp = (unsigned long)f;
    fault.cr2 = f->vector == 14 ? read_cr2() : 0;
    if (user) {
        fault.rsp = f->rsp;
        f->rip = (unsigned long)user_return;
        f->cs = CODE;
        f->rflags = 2;
#ifdef __x86_64__
        f->ss = DATA;
#endif
    } else {
        f->rip = resume;
        resume = 0;
#ifdef __x86_64__
        fault.rsp = f->rsp;
        if (resume_rsp)
            f->rsp = resume_rsp;
#endif
    }
}

void user_run(void *entry, void *stack, unsigned long argument)
{
    fault.vector = 256;
    user_call(entry, stack, 2, argument);
}

__attribute__((weak)) void syscall_hook(void) {}

void runtime_init(void)
{
    for (unsigned i = 0; i < 64; i++)
        set_gate(i, stubs + 16 * i, 0x8e, 0);
    struct {
        uint16_t limit;
        unsigned long base;
    } __attribute__((packed)) idtr = { sizeof(idt) - 1, (unsigned long)idt };
    __asm__ volatile("lidt %0" : : "m"(idtr));

    /* 256 ports of permission bitmap, all denied, and its closing byte */
    memset(tss.bitmap, 0xff, sizeof(tss.bitmap));
    tss.iomap = (uint16_t)(tss.bitmap - (uint8_t *)&tss);
    static uint8_t trap_stack[4096] __attribute__((aligned(16)));
    set_stack(0, trap_stack + sizeof(trap_stack));
    gdt[TSS / 8] = descriptor((uint32_t)(unsigned long)&tss, sizeof(tss) - 1, 0x89, 0);
    __asm__ volatile("ltr %w0" : : "r"(TSS));
    wrmsr(0x174, CODE); /* SYSENTER_CS */
#ifdef __x86_64__
    wrmsr(0xc0000081, (uint64_t)(0x18 | 3) << 48 | (uint64_t)CODE << 32);
    wrmsr(0xc0000082, (uint64_t)syscall_entry);
    wrmsr(0xc0000084, 0x700); /* IF, TF, DF are cleared by SYSCALL */
#endif
}

/* --- page tables ------------------------------------------------------------------------------ */

void *page_alloc(void)
{
    static uint8_t *next;
    if (!next)
        next = payload_end;
    void *page = next;
    next += PAGE;
    return memset(page, 0, PAGE);
}

#ifdef __x86_64__
static bool stack_mapped;

uint64_t *map(unsigned long va, unsigned long pa, uint64_t flags)
{
    uint64_t *table = pml4;
    for (unsigned shift = 39; shift > 12; shift -= 9) {
        uint64_t *entry = &table[va >> shift & 511];
        if (!*entry)
            *entry = (uint64_t)page_alloc() | PTE_P | PTE_W | PTE_U;
        table = (uint64_t *)(*entry & 0xffffffffff000);
    }
    uint64_t *entry = &table[va >> 12 & 511];
    *entry = flags ? pa | flags : 0;
    invlpg(va);
    return entry;
}

void *user_code(void *label)
{
    unsigned long at = (unsigned long)label, page = at & ~(PAGE - 1), va = VIRTUAL + 0x100000;
    map(va, page, PTE_P | PTE_U);
    map(va + PAGE, page + PAGE, PTE_P | PTE_U);
    if (!stack_mapped)
        map(USER_STACK - PAGE, (unsigned long)page_alloc(), PTE_P | PTE_W | PTE_U | PTE_NX);
    stack_mapped = true;
    return (void *)(va + (at & (PAGE - 1)));
}
#endif

/* --- interrupts ------------------------------------------------------------------------------- */

void lapic_enable(void)
{
    lapic_write(LAPIC_SVR, 0x100 | 63);
    lapic_write(LAPIC_LINT0, 0x10000);
    lapic_write(LAPIC_LINT1, 0x400);
}

uint32_t ioapic_read(unsigned index)
{
    *(volatile uint32_t *)IOAPIC = index;
    return *(volatile uint32_t *)(IOAPIC + 0x10);
}

void ioapic_write(unsigned index, uint32_t value)
{
    *(volatile uint32_t *)IOAPIC = index;
    *(volatile uint32_t *)(IOAPIC + 0x10) = value;
}

void ioapic_route(unsigned pin, uint64_t entry)
{
    ioapic_write(0x10 + 2 * pin + 1, (uint32_t)(entry >> 32));
    ioapic_write(0x10 + 2 * pin, (uint32_t)entry);
}

void pic_mask_all(void)
{
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}

void window(void)
{
    __asm__ volatile("sti; nop; outb %%al, $0x80; outb %%al, $0x80; outb %%al, $0x80;"
                     "outb %%al, $0x80; cli"
                     :
                     : "a"(0)
                     : "memory");
}

uint32_t random_state = 12345;

uint32_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

void settle(void)
{
    outb(0x80, 0);
    outb(0x80, 0);
}

bool wait_for(volatile unsigned *counter, unsigned target)
{
    uint64_t start = rdtsc();
    while (*counter < target) {
        if (rdtsc() - start > 20000000000ull)
            return false;
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    }
    return true;
}
