/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the payloads share: text output, exceptions with a way back, page tables, user mode, APIC.
 *
 * A payload defines payload(); what it says goes to the debug console and what it returns to the
 * debug-exit port. It is built for 64 bits, or for 32 bits when its name ends in "32". Payloads
 * also run where kernel mode is interpreted at about 1 MIPS, so they stay short.
 */
#ifndef PAYLOAD_RUNTIME_H
#define PAYLOAD_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __x86_64__
#define MOV "movq"
#define SP  "rsp"
#else
#define MOV "movl"
#define SP  "esp"
#endif

#define PAGE   4096ul
#define PTE_P  1ull
#define PTE_W  2ull
#define PTE_U  4ull
#define PTE_A  0x20ull
#define PTE_D  0x40ull
#define PTE_G  0x100ull
#define PTE_NX (1ull << 63)

#define CODE        0x08
#define DATA        0x10
#define USER_CODE32 0x1b
#define USER_DATA   0x23
#define USER_CODE64 0x2b
#define TSS         0x30
#define FREE        0x48 /* first free descriptor of 64-bit payloads; 0x50 of 32-bit ones */

/* As the stubs leave it on the stack. */
struct frame {
#ifdef __x86_64__
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
#else
    uint32_t es, ds, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint32_t vector, error, rip, cs, rflags, rsp, ss; /* the last two only from user mode */
#endif
};

typedef void (*trap_fn)(struct frame *f);

/* The last exception that was not unexpected. vector is -1 when there was none. */
struct fault {
    long vector;
    unsigned long error, rip, cr2, cs, rsp, rflags, handler_rsp, rdi;
};

extern struct fault fault;
extern volatile unsigned long resume, resume_rsp; /* resume_rsp: 0 leaves the stack as it was */
extern trap_fn handlers[64];                      /* instead of the resume address */
extern uint64_t gdt[16];
extern uint8_t payload_end[], stack_top[];

unsigned payload(void);
/* The kernel command line (PVH) is this word; the number it is. */
bool option(const char *word);
unsigned option_number(void);
void runtime_init(void);

/* --- text ------------------------------------------------------------------------------------- */

/* %x and %u, also with l; %s, %c. No widths. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void flush(void);
/* Shows all text and ends the machine. */
void finish(unsigned status) __attribute__((noreturn));
/* "what: #GP(18)", "what: #PF(2) cr2=8000" or "what: no fault". */
void report(const char *what);
/* Says "what: ok", or what is wrong. */
void check(const char *what, unsigned long got, unsigned long expected);

/*
 * Executes instructions that may fault; afterwards `fault` tells. The operands follow as in asm;
 * TRY may change EAX and EDX, other clobbers are given to TRY_FULL.
 */
#define TRY_FULL(text, outs, ins, ...)                                                             \
    do {                                                                                           \
        fault.vector = -1;                                                                         \
        __asm__ volatile(MOV " $661f, resume\n\t" text "\n661:\t" MOV " $0, resume"                \
                         : outs:ins                                                                \
                         : "memory", "cc", ##__VA_ARGS__);                                         \
        resume_rsp = 0;                                                                            \
    } while (0)
#define LIST(...)      __VA_ARGS__
#define TRY(text, ...) TRY_FULL(text, LIST(), LIST(__VA_ARGS__), "eax", "edx")
/* The text moves the stack pointer; it is put back. */
#define TRY_STACK(text, ...)                                                                       \
    TRY_FULL(MOV " %%" SP ", resume_rsp\n\t" text "\n\t" MOV " resume_rsp, %%" SP, LIST(),         \
             LIST(__VA_ARGS__), "eax", "edx")
#define TRY_REPORT(text, ...)                                                                      \
    do {                                                                                           \
        TRY(text, ##__VA_ARGS__);                                                                  \
        report(text);                                                                              \
    } while (0)

/* --- descriptors ------------------------------------------------------------------------------ */

void set_gate(unsigned vector, void *handler, unsigned type_dpl, unsigned ist);
void gate_present(unsigned vector, bool present);
/* Stack for traps from user mode; ist 1..7 (64-bit only), 0: the normal one. */
void set_stack(unsigned ist, void *top);
uint64_t descriptor(uint32_t base, uint32_t limit, unsigned access, unsigned flags);

/* --- user mode -------------------------------------------------------------------------------- */

/* Runs `entry` at CPL 3; comes back on any exception, or on syscall (vector 256 in fault). */
void user_call(void *entry, void *stack, unsigned long flags, unsigned long argument);
void user_run(void *entry, void *stack, unsigned long argument);
#ifdef __x86_64__
/* The address at which user mode sees code of the payload (mapped by the call), and a stack. */
void *user_code(void *label);
#define USER_STACK (VIRTUAL + 0x200000 + PAGE)
#endif
extern uint64_t syscall_frame[5]; /* rsp, rcx, r11, rax, rdi */
extern uint32_t syscall_returns;  /* this many syscalls go back to user mode */
void syscall_hook(void);          /* called for those; the payload may define it */

/* --- page tables (64 bits) -------------------------------------------------------------------- */

/* Maps one 4 KiB page above 512 GiB (VIRTUAL...); returns the entry. flags 0: not present. */
#define VIRTUAL 0x8000000000ul
uint64_t *map(unsigned long va, unsigned long pa, uint64_t flags);
void *page_alloc(void); /* zeroed */
extern uint64_t pml4[512], pdpt[512], pd_low[512];

static inline void invlpg(unsigned long va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* --- interrupts ------------------------------------------------------------------------------- */

#define LAPIC         0xfee00000ul
#define IOAPIC        0xfec00000ul
#define LAPIC_ID      0x20
#define LAPIC_VERSION 0x30
#define LAPIC_TPR     0x80
#define LAPIC_PPR     0xa0
#define LAPIC_EOI     0xb0
#define LAPIC_LDR     0xd0
#define LAPIC_DFR     0xe0
#define LAPIC_SVR     0xf0
#define LAPIC_ISR     0x100
#define LAPIC_IRR     0x200
#define LAPIC_ESR     0x280
#define LAPIC_ICR     0x300
#define LAPIC_ICR2    0x310
#define LAPIC_TIMER   0x320
#define LAPIC_LINT0   0x350
#define LAPIC_LINT1   0x360
#define LAPIC_INITIAL 0x380
#define LAPIC_CURRENT 0x390
#define LAPIC_DIVIDE  0x3e0

static inline uint32_t lapic_read(unsigned reg)
{
    return *(volatile uint32_t *)(LAPIC + reg);
}

static inline void lapic_write(unsigned reg, uint32_t value)
{
    *(volatile uint32_t *)(LAPIC + reg) = value;
}

void lapic_enable(void); /* software enable, spurious vector 63 */
uint32_t ioapic_read(unsigned index);
void ioapic_write(unsigned index, uint32_t value);
void ioapic_route(unsigned pin, uint64_t entry);
void pic_mask_all(void);

/*
 * Lets pending interrupts in. Interpreters of kernel mode look for events only when
 * the virtual machine leaves to its device model, hence the writes to the POST port.
 */
void window(void);
void settle(void); /* the same for the end of an interrupt, with interrupts off */

/* Waits with STI; HLT until *counter reaches `target`, or some seconds have passed: false. */
bool wait_for(volatile unsigned *counter, unsigned target);

/* Pseudo-random numbers (xorshift32), always the same for the same seed, which is not 0. */
extern uint32_t random_state;
uint32_t random_next(void);

/* --- instructions ----------------------------------------------------------------------------- */

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint64_t rdmsr(uint32_t index)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
    return low | (uint64_t)high << 32;
}

static inline void wrmsr(uint32_t index, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return low | (uint64_t)high << 32;
}

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(subleaf));
}

static inline void cli(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void sti(void)
{
    __asm__ volatile("sti" : : : "memory");
}

#define CR_ACCESS(n)                                                                               \
    static inline unsigned long read_cr##n(void)                                                   \
    {                                                                                              \
        unsigned long value;                                                                       \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(value) : : "memory");                         \
        return value;                                                                              \
    }                                                                                              \
    static inline void write_cr##n(unsigned long value)                                            \
    {                                                                                              \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory");                             \
    }
CR_ACCESS(0)
CR_ACCESS(2)
CR_ACCESS(3)
CR_ACCESS(4)
#ifdef __x86_64__
CR_ACCESS(8)
#endif

#endif
