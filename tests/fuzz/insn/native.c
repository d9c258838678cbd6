/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cases on the CPU this program runs on.
 *
 * native_enter loads every register, the stack pointer too, and jumps to the case's code. The code
 * ends in an indirect jump to one of two exits, which store every register; so no signal is needed
 * unless the instruction faults. Then the handler takes the registers from the signal frame.
 */
#include <asm/prctl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "insn.h"

uint8_t *code_write, *ram_view;
uint64_t native_exit_address[2];

/* Written by the assembly below; struct state's layout. */
struct state fuzz_native_in, fuzz_native_out;
uint64_t fuzz_native_rsp, fuzz_native_exit;
uint32_t fuzz_native_ds;
uint8_t fuzz_native_compat;
struct {
    uint32_t offset;
    uint16_t selector;
} __attribute__((packed, aligned(8))) fuzz_native_far;
static int fault_vector;
static uint64_t fault_error, fault_cr2;

void fuzz_native_enter(void);
extern const char fuzz_native_exit0[], fuzz_native_exit1[], fuzz_native_fault[];

_Static_assert(offsetof(struct state, rip) == 128 && offsetof(struct state, rflags) == 136 &&
                   offsetof(struct state, fx) == 192,
               "the assembly knows the offsets");

#define LOAD(n, reg) "mov fuzz_native_in+8*" #n "(%rip), %" reg "\n"
#define SAVE(n, reg) "mov %" reg ", fuzz_native_out+8*" #n "(%rip)\n"
#define EACH(X)                                                                                    \
    X(0, "rax")                                                                                    \
    X(1, "rcx") X(2, "rdx") X(3, "rbx") X(5, "rbp") X(6, "rsi") X(7, "rdi") X(8, "r8") X(9, "r9")  \
        X(10, "r10") X(11, "r11") X(12, "r12") X(13, "r13") X(14, "r14") X(15, "r15")
__asm__(".pushsection .text\n"
        "fuzz_native_enter:\n"
        "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "mov %rsp, fuzz_native_rsp(%rip)\n"
        "fxrstor64 fuzz_native_in+192(%rip)\n"
        "pushq fuzz_native_in+136(%rip)\n"
        /* AC off until nothing of ours is accessed any more: all our accesses are aligned */
        "mov fuzz_native_ds(%rip), %eax\n mov %eax, %ds\n mov %eax, %es\n"
        "cmpb $0, fuzz_native_compat(%rip)\n"
        "jne 3f\n"
        "popfq\n" EACH(LOAD) LOAD(
            4,
            "rsp") "jmp *fuzz_native_in+128(%rip)\n"
                   "3:\n"
                   "popfq\n" EACH(LOAD) LOAD(
                       4,
                       "rsp") "ljmp *fuzz_native_far(%rip)\n"

                              "fuzz_native_exit0:\n" SAVE(
                                  4,
                                  "rsp") "movq $0, fuzz_native_exit(%rip)\n"
                                         "jmp 1f\n"
                                         "fuzz_native_exit1:\n" SAVE(
                                             4,
                                             "rsp") "movq $1, fuzz_native_exit(%rip)\n"
                                                    "1:\n" EACH(
                                                        SAVE) "mov fuzz_native_rsp(%rip), %rsp\n"
                                                              "pushfq\n popq "
                                                              "fuzz_native_out+136(%rip)\n"
                                                              "pushq $2\n popfq\n"
                                                              "fxsave64 fuzz_native_out+192(%rip)\n"
                                                              "jmp 2f\n"

                                                              "fuzz_native_fault:\n"
                                                              "mov fuzz_native_rsp(%rip), %rsp\n"
                                                              "2:\n"
                                                              "fninit\n"
                                                              "movl $0x1f80, -8(%rsp)\n ldmxcsr "
                                                              "-8(%rsp)\n"
                                                              "pop %r15\n pop %r14\n pop %r13\n "
                                                              "pop %r12\n pop %rbp\n pop %rbx\n"
                                                              "ret\n"
                                                              ".popsection\n");

static void on_fault(int sig, siginfo_t *info, void *context)
{
    static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                  REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                  REG_R12, REG_R13, REG_R14, REG_R15};
    ucontext_t *uc = context;
    greg_t *g = uc->uc_mcontext.gregs;
    uint64_t rip = (uint64_t)g[REG_RIP];

    /* The kernel leaves AC as it was. */
    __asm__ volatile("pushq $2; popfq" : : : "memory", "cc");
    (void)info;
    if (rip < CODE_BASE - 4096 || rip >= DATA_BASE || !fuzz_native_rsp) {
        /* ours, not the case's (jumps to nowhere are not generated) */
        dprintf(2, "insn-fuzz: signal %d at %#llx, vector %lld, address %#llx\n", sig,
                (unsigned long long)rip, (long long)g[REG_TRAPNO], (unsigned long long)g[REG_CR2]);
        signal(sig, SIG_DFL);
        return;
    }
    for (unsigned n = 0; n < 16; n++)
        fuzz_native_out.gpr[n] = (uint64_t)g[order[n]];
    fuzz_native_out.rip = rip;
    fuzz_native_out.rflags = (uint64_t)g[REG_EFL];
    memcpy(fuzz_native_out.fx, uc->uc_mcontext.fpregs, 512);
    fault_vector = (int)g[REG_TRAPNO];
    fault_error = (uint64_t)g[REG_ERR];
    fault_cr2 = (uint64_t)g[REG_CR2];
    g[REG_RIP] = (greg_t)(uintptr_t)fuzz_native_fault;
    g[REG_EFL] = 0x202;
    g[REG_CSGSFS] = (g[REG_CSGSFS] & ~0xffffll) | USER_CS64;
}

static int map(int fd, uint64_t va, unsigned page, unsigned pages, int protection)
{
    void *p = mmap((void *)va, pages * 4096ul, protection,
                   MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, fd, page * 4096l);
    return p == (void *)va ? 0 : -1;
}

/* Where 32-bit code ends: far jumps to 64-bit code that goes on to the assembly above. */
static int low_exits(void)
{
    uint8_t *p = mmap((void *)LOW_EXIT(0), 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (p != (void *)LOW_EXIT(0))
        return -1;
    native_exit_address[0] = (uintptr_t)fuzz_native_exit0;
    native_exit_address[1] = (uintptr_t)fuzz_native_exit1;
    for (unsigned n = 0; n < 2; n++) {
        uint8_t *q = p + 64 * n;
        uint32_t to = (uint32_t)LOW_EXIT(n) + 16;
        q[0] = 0xea;
        memcpy(q + 1, &to, 4);
        q[5] = USER_CS64;
        q[16] = 0xff;
        q[17] = 0x25;
        q[18] = 2; /* an aligned pointer, should AC be set */
        memcpy(q + 24, &native_exit_address[n], 8);
    }
    return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

int native_init(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_size = 262144};
    int fd = memfd_create("insn-fuzz", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, RAM_PAGES * 4096l) < 0)
        return -1;
    ram_view =
        mmap(NULL, RAM_PAGES * 4096ul, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (ram_view == MAP_FAILED || map(fd, CODE_BASE, 0, CODE_PAGES, PROT_READ | PROT_EXEC) < 0 ||
        map(fd, DATA_BASE, CODE_PAGES, DATA_PAGES, PROT_READ | PROT_WRITE) < 0 ||
        map(fd, RO_BASE, CODE_PAGES + DATA_PAGES, 1, PROT_READ) < 0) {
        close(fd);
        return -1;
    }
    close(fd);
    code_write = ram_view;
    for (unsigned n = 0; n < 4096; n++)
        ram_view[(CODE_PAGES + DATA_PAGES) * 4096 + n] = (uint8_t)(n * 37 + (n >> 5));

    if (low_exits() < 0)
        return -1;
    stack.ss_sp =
        mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) < 0)
        return -1;
    sigfillset(&sa.sa_mask);
    for (unsigned n = 0; n < sizeof signals / sizeof signals[0]; n++)
        if (sigaction(signals[n], &sa, NULL) < 0)
            return -1;
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE) < 0)
        return -1;
    return 0;
}

void native_run(const struct fuzz_case *k, struct outcome *o)
{
    arena_load(k->memory);
    fuzz_native_in = k->in;
    fault_vector = VECTOR_NONE;
    fault_error = fault_cr2 = 0;
    fuzz_native_out.rip = 0;
    fuzz_native_compat = k->compat;
    fuzz_native_ds = k->compat ? USER_DS : 0;
    fuzz_native_far.offset = (uint32_t)k->in.rip;
    fuzz_native_far.selector = USER_CS32;
    fuzz_native_enter();
    o->state = fuzz_native_out;
    o->vector = fault_vector;
    o->exit = (unsigned)fuzz_native_exit;
    o->error = fault_error;
    o->cr2 = fault_cr2;
    arena_store(o->memory);
}
