/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running single instructions on the host: encoding them anew, calling them, taking the results.
 *
 * Each different instruction gets a slot of 16 bytes in a page range that is mapped twice: writable
 * here, executable there (W^X). Its memory operand is RIP-relative and names a scratch area behind
 * the executable range. The caller (sc_native_call) loads the guest's registers except RSP; an
 * operand that is RSP is encoded as another register, whose value is exchanged around the call. So
 * the host's stack pointer stays what it is, and signals may come at any time.
 */
#include "accel/soft/lent/native.h"

#include <cpuid.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/int/flags.h"
#include "accel/soft/fp/fpu.h"
#include "accel/soft/sys/host.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/mmu.h"
#include "accel/soft/sys/sys.h"

#define SLOT_BYTES 16u
#define SLOTS 4096u
#define CODE_BYTES (SLOT_BYTES * SLOTS)
#define HASH 8192u

/* What the call works on; offsets are known to the assembly below. */
struct call {
    uint64_t gpr[16];
    uint64_t flags;
    uint64_t vector; /* 0: none, 1: XMM, 2: YMM */
    uint8_t ymm[16][32];
};
_Static_assert(offsetof(struct call, flags) == 128, "in the assembly");
_Static_assert(offsetof(struct call, vector) == 136, "in the assembly");
_Static_assert(offsetof(struct call, ymm) == 144, "in the assembly");

/* A slot's instruction. */
struct slot {
    uint8_t bytes[SLOT_BYTES];
    uint32_t flags; /* SC_N_* */
    uint16_t size;  /* of the memory operand, 0: none */
    uint8_t substitute; /* register that stands for RSP, 0: none */
    uint8_t vex;
    const char *name;
    _Atomic uint64_t count; /* one writer */
};

struct sc_native {
    uint8_t *write;   /* the slots' code, writable */
    uint8_t *execute; /* the same, executable; behind it: */
    uint8_t *scratch;
    bool ymm; /* the host has AVX */
    bool full;
    _Atomic uint32_t used;
    struct sc_native_count old[SC_NATIVE_NAMES]; /* of slots before the last reset */
    struct call call;
    struct slot slots[SLOTS];
    uint16_t hash[HASH]; /* slot + 1 */
};

void sc_native_call(struct call *call, const void *code);

__asm__(
    ".text\n"
    ".globl sc_native_call\n"
    ".hidden sc_native_call\n"
    ".type sc_native_call, @function\n"
    ".p2align 4\n"
    "sc_native_call:\n"
    "   push %rbx\n   push %rbp\n   push %r12\n   push %r13\n   push %r14\n   push %r15\n"
    "   push %rdi\n   push %rsi\n"
    "   mov 136(%rdi), %rax\n"
    "   test %eax, %eax\n"
    "   jz 2f\n"
    "   cmp $1, %eax\n"
    "   je 1f\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "   vmovdqu (144 + 32 * \\n)(%rdi), %ymm\\n\n"
    ".endr\n"
    "   jmp 2f\n"
    "1:\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "   movdqu (144 + 32 * \\n)(%rdi), %xmm\\n\n"
    ".endr\n"
    "2:\n"
    "   pushq 128(%rdi)\n   popfq\n"
    "   mov 0(%rdi), %rax\n   mov 8(%rdi), %rcx\n   mov 16(%rdi), %rdx\n   mov 24(%rdi), %rbx\n"
    "   mov 40(%rdi), %rbp\n   mov 48(%rdi), %rsi\n"
    "   mov 64(%rdi), %r8\n   mov 72(%rdi), %r9\n   mov 80(%rdi), %r10\n   mov 88(%rdi), %r11\n"
    "   mov 96(%rdi), %r12\n   mov 104(%rdi), %r13\n"
    "   mov 112(%rdi), %r14\n   mov 120(%rdi), %r15\n"
    "   mov 56(%rdi), %rdi\n"
    "   call *(%rsp)\n"
    "   xchg %rdi, 8(%rsp)\n"
    "   mov %rax, 0(%rdi)\n   mov %rcx, 8(%rdi)\n   mov %rdx, 16(%rdi)\n   mov %rbx, 24(%rdi)\n"
    "   mov %rbp, 40(%rdi)\n   mov %rsi, 48(%rdi)\n"
    "   mov %r8, 64(%rdi)\n   mov %r9, 72(%rdi)\n   mov %r10, 80(%rdi)\n   mov %r11, 88(%rdi)\n"
    "   mov %r12, 96(%rdi)\n   mov %r13, 104(%rdi)\n"
    "   mov %r14, 112(%rdi)\n   mov %r15, 120(%rdi)\n"
    "   pushfq\n   popq 128(%rdi)\n"
    "   mov 8(%rsp), %rax\n   mov %rax, 56(%rdi)\n"
    "   mov 136(%rdi), %rax\n"
    "   test %eax, %eax\n"
    "   jz 4f\n"
    "   cmp $1, %eax\n"
    "   je 3f\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "   vmovdqu %ymm\\n, (144 + 32 * \\n)(%rdi)\n"
    ".endr\n"
    "   vzeroupper\n"
    "   jmp 4f\n"
    "3:\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "   movdqu %xmm\\n, (144 + 32 * \\n)(%rdi)\n"
    ".endr\n"
    "4:\n"
    "   add $16, %rsp\n"
    "   pop %r15\n   pop %r14\n   pop %r13\n   pop %r12\n   pop %rbp\n   pop %rbx\n"
    "   ret\n"
    ".size sc_native_call, . - sc_native_call\n");

/* --- the executable range --------------------------------------------------------------------- */

struct sc_native *sc_native_new(void)
{
    struct sc_native *n = aligned_alloc(64, (sizeof(*n) + 63) & ~(size_t)63);
    uint8_t *range;
    int fd;

    if (!n)
        return NULL;
    memset(n, 0, sizeof(*n));
    fd = memfd_create("vemu-native", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, CODE_BYTES) < 0)
        goto fail;
    n->write = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    range = mmap(NULL, CODE_BYTES + SC_PAGE_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (n->write == MAP_FAILED || range == MAP_FAILED)
        goto fail;
    if (mmap(range, CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        goto fail; /* the mappings go with the process; a host that forbids this forbids it once */
    close(fd);
    n->execute = range;
    n->scratch = range + CODE_BYTES;
    n->ymm = sc_host_avx();
    return n;

fail:
    if (fd >= 0)
        close(fd);
    if (n->write && n->write != MAP_FAILED)
        munmap(n->write, CODE_BYTES);
    free(n);
    return NULL;
}

void sc_native_free(struct sc_native *n)
{
    if (!n)
        return;
    munmap(n->write, CODE_BYTES);
    munmap(n->execute, CODE_BYTES + SC_PAGE_SIZE);
    free(n);
}

bool sc_native_full(const struct sc_native *n)
{
    return n->full;
}

/* Adds to the count with this name. */
static void add_count(struct sc_native_count counts[SC_NATIVE_NAMES], const char *name,
                      uint64_t count)
{
    unsigned n = 0;

    while (n < SC_NATIVE_NAMES && counts[n].name && strcmp(counts[n].name, name))
        n++;
    if (n == SC_NATIVE_NAMES)
        return;
    counts[n].name = name;
    counts[n].count += count;
}

void sc_native_counts(const struct sc_native *n, struct sc_native_count counts[SC_NATIVE_NAMES])
{
    for (unsigned k = 0; k < SC_NATIVE_NAMES && n->old[k].name; k++)
        add_count(counts, n->old[k].name, n->old[k].count);
    for (unsigned k = 0; k < atomic_load(&n->used); k++)
        add_count(counts, n->slots[k].name,
                  atomic_load_explicit(&n->slots[k].count, memory_order_relaxed));
}

void sc_native_reset(struct sc_native *n)
{
    struct sc_native_count sum[SC_NATIVE_NAMES] = { { 0 } };

    sc_native_counts(n, sum);
    atomic_store(&n->used, 0);
    memcpy(n->old, sum, sizeof(sum));
    n->full = false;
    memset(n->hash, 0, sizeof(n->hash));
}

/* --- encoding ------------------------------------------------------------------------------- */

/* A register that none of the operands is. */
static unsigned other_register(const struct sc_dec *d)
{
    for (unsigned r = VEMU_R12;; r++)
        if (r != d->reg && r != d->vvvv && (d->mem || r != d->rm))
            return r;
}

/* Exchanges RSP among the operands. */
static void substitute_rsp(struct sc_dec *d, const struct sc_native_form *form, uint8_t *ret)
{
    const bool high_byte = form->size == SC_NS_1 && (form->flags & SC_N_GPR) && !d->rex;
    const bool reg = (form->flags & SC_N_GREG) && d->reg == VEMU_RSP;
    const bool rm = (form->flags & SC_N_GRM) && !d->mem && d->rm == VEMU_RSP && !high_byte;
    const bool v = (form->flags & SC_N_GV) && d->vvvv == VEMU_RSP;

    *ret = 0;
    if (!reg && !rm && !v)
        return;
    /* AH to BH, which RM stands for here, cannot be named together with R12. */
    *ret = high_byte && !d->mem ? VEMU_RSI : (uint8_t)other_register(d);
    if (reg)
        d->reg = *ret;
    if (rm)
        d->rm = *ret;
    if (v)
        d->vvvv = *ret;
    if (*ret >= 8)
        d->rex |= 0x40;
}

static void encode(uint32_t slot, const struct sc_dec *d, const struct sc_native_form *form,
                   uint8_t out[SLOT_BYTES])
{
    const unsigned map = d->opcode >> 8;
    const unsigned r = d->reg >> 3, b = d->mem ? 0 : d->rm >> 3, w = d->rex >> 3 & 1;
    unsigned p = 0;

    if (d->vex) {
        const unsigned pp = d->p66 ? 1 : d->rep == 0xf3 ? 2 : d->rep == 0xf2 ? 3 : 0;
        out[p++] = 0xc4;
        out[p++] = (uint8_t)((r ^ 1) << 7 | 1 << 6 | (b ^ 1) << 5 |
                             (map == 0x0f ? 1 : map == 0x38 ? 2 : 3));
        out[p++] = (uint8_t)(w << 7 | (~d->vvvv & 15) << 3 | d->vl << 2 | pp);
    } else {
        if (d->p66)
            out[p++] = 0x66;
        if (d->rep)
            out[p++] = d->rep;
        if (d->rex)
            out[p++] = (uint8_t)(0x40 | w << 3 | r << 2 | b);
        out[p++] = 0x0f;
        if (map != 0x0f)
            out[p++] = (uint8_t)map;
    }
    out[p++] = (uint8_t)d->opcode;
    if (!(form->flags & SC_N_NOMODRM)) {
        if (d->mem) {
            out[p++] = (uint8_t)((d->reg & 7) << 3 | 5);
            int64_t end = (int64_t)slot * SLOT_BYTES + p + 4 + ((form->flags & SC_N_IMM) != 0);
            int32_t disp = (int32_t)((int64_t)CODE_BYTES - end);
            memcpy(out + p, &disp, 4);
            p += 4;
        } else {
            out[p++] = (uint8_t)(0xc0 | (d->reg & 7) << 3 | (d->rm & 7));
        }
    }
    if (form->flags & SC_N_IMM)
        out[p++] = (uint8_t)d->imm;
    out[p] = 0xc3;
}

/* The slot of this instruction; the displacement depends on the slot, so the key is made with 0. */
static struct slot *find_slot(struct sc_native *n, const struct sc_dec *d,
                              const struct sc_native_form *form, uint8_t substitute)
{
    uint8_t key[SLOT_BYTES] = { 0 };
    struct slot *s;
    uint64_t h[2];
    unsigned at;

    encode(0, d, form, key);
    memcpy(h, key, sizeof(h));
    at = (unsigned)(((h[0] ^ h[1] * 31) * 0x9e3779b97f4a7c15ull) >> 51);
    for (; n->hash[at]; at = (at + 1) & (HASH - 1)) {
        s = &n->slots[n->hash[at] - 1];
        if (!memcmp(s->bytes, key, sizeof(key)) && s->substitute == substitute)
            return s;
    }
    if (n->used == SLOTS) {
        n->full = true;
        return NULL;
    }
    s = &n->slots[n->used];
    memcpy(s->bytes, key, sizeof(key));
    s->flags = form->flags;
    s->size = d->mem ? (uint16_t)sc_native_bytes(d, form) : 0;
    s->substitute = substitute;
    s->vex = d->vex;
    s->name = form->name;
    atomic_store(&s->count, 0);
    encode(n->used, d, form, n->write + n->used * SLOT_BYTES);
    atomic_fetch_add(&n->used, 1);
    n->hash[at] = (uint16_t)n->used;
    return s;
}
_Static_assert(HASH == 1u << 13, "find_slot() shifts");

/* --- execution ------------------------------------------------------------------------------ */

/* SDM Vol. 2, tables 2-18 and following; Vol. 3, table 2-3. */
static void check_available(struct sc_cpu *c, const struct sc_insn *i, const struct slot *s)
{
    sc_assist_need_fpu(c, i);
    if (s->vex ? !(c->cr4 & SC_CR4_OSXSAVE) || (c->assist->xcr0 & 6) != 6
               : (c->cr0 & SC_CR0_EM) || !(c->cr4 & SC_CR4_OSFXSR))
        sc_raise(c, i, SC_UD, -1);
    if (c->cr0 & SC_CR0_TS)
        sc_raise(c, i, SC_NM, -1);
}

static void load_vectors(struct sc_cpu *c, struct call *k)
{
    for (unsigned n = 0; n < 16; n++) {
        memcpy(k->ymm[n], c->fpu.xmm[n], 16);
        memcpy(k->ymm[n] + 16, c->assist->ymmh[n], 16);
    }
}

static void store_vectors(struct sc_cpu *c, const struct call *k)
{
    for (unsigned n = 0; n < 16; n++) {
        memcpy(c->fpu.xmm[n], k->ymm[n], 16);
        if (k->vector == 2)
            memcpy(c->assist->ymmh[n], k->ymm[n] + 16, 16);
    }
}

/* With unmasked exceptions: runs it with none pending, and raises #XM before anything changed. */
static void run_exact(struct sc_cpu *c, const struct sc_insn *i, struct call *k, const void *code)
{
    uint32_t before = sc_mxcsr(c), raised;

    sc_host_set_mxcsr((before | SC_MXCSR_MASKS) & ~SC_MXCSR_FLAGS);
    sc_native_call(k, code);
    raised = sc_host_mxcsr() & SC_MXCSR_FLAGS;
    c->fpu.mxcsr |= raised;
    sc_host_set_mxcsr(c->fpu.mxcsr | SC_MXCSR_MASKS);
    if (raised & ~(before >> 7) & SC_MXCSR_FLAGS)
        sc_raise(c, i, c->cr4 & SC_CR4_OSXMMEXCPT ? SC_XM : SC_UD, -1);
}

static SC_NOINLINE void run(struct sc_cpu *c, const struct sc_insn *i)
{
    struct sc_native *n = c->assist->native;
    struct slot *s = (struct slot *)(uintptr_t)i->imm;
    const void *code = n->execute + (size_t)(s - n->slots) * SLOT_BYTES;
    const bool vectors = !(s->flags & SC_N_GPR);
    struct call *k = &n->call;
    uint64_t va = 0;

    if (vectors)
        check_available(c, i, s);
    if (s->size) {
        va = sc_ea(c, i);
        if ((s->flags & SC_N_ALIGN) && (va & (s->size - 1u)))
            sc_raise(c, i, SC_GP, 0);
        if (s->flags & SC_N_STORE)
            sc_probe_write(c, i, va, s->size);
        else
            sc_read_block(c, i, va, n->scratch, s->size);
    }
    memcpy(k->gpr, c->gpr, sizeof(k->gpr));
    if (s->substitute)
        k->gpr[s->substitute] = c->gpr[VEMU_RSP];
    k->flags = sc_flags_arith(c) | 2;
    k->vector = !vectors ? 0 : n->ymm ? 2 : 1;
    if (vectors)
        load_vectors(c, k);
    atomic_store_explicit(&s->count, s->count + 1, memory_order_relaxed);
    if ((s->flags & SC_N_FP) && (c->mode & SC_M_XM))
        run_exact(c, i, k, code);
    else
        sc_native_call(k, code);
    if (s->size && (s->flags & SC_N_STORE))
        sc_write_block(c, i, va, n->scratch, s->size);
    if (s->substitute) {
        c->gpr[VEMU_RSP] = k->gpr[s->substitute];
        k->gpr[s->substitute] = c->gpr[s->substitute];
    }
    k->gpr[VEMU_RSP] = c->gpr[VEMU_RSP];
    memcpy(c->gpr, k->gpr, sizeof(k->gpr));
    sc_flags_set_arith(c, (uint32_t)k->flags & SC_ARITH);
    if (vectors)
        store_vectors(c, k);
}

SC_OP(op_native)
{
    run(c, i);
    SC_NEXT;
}

/* The host's own CPUID; a guest may be shown what its host does not have. */
static bool host_has(uint16_t feature)
{
    const unsigned bit = (feature - 1) % 32;
    unsigned a = 0, b = 0, cx = 0, dx = 0;

    switch ((enum sc_feature_word)((feature - 1) / 32)) {
    case SC_CPUID_1_ECX: return __get_cpuid(1, &a, &b, &cx, &dx) && (cx >> bit & 1);
    case SC_CPUID_7_EBX: return __get_cpuid_count(7, 0, &a, &b, &cx, &dx) && (b >> bit & 1);
    case SC_CPUID_7_ECX: return __get_cpuid_count(7, 0, &a, &b, &cx, &dx) && (cx >> bit & 1);
    case SC_CPUID_81_ECX: return __get_cpuid(0x80000001, &a, &b, &cx, &dx) && (cx >> bit & 1);
    default: return false;
    }
}

/* Without it the owner is asked to run what we cannot. */
static struct sc_native *get_native(struct sc_assist *a)
{
    if (!a->native && !a->native_failed) {
        a->native = sc_native_new();
        a->native_failed = !a->native;
    }
    return a->native;
}

bool sc_native_emit(struct sc_tb *tb, const struct sc_dec *d)
{
    struct sc_native_form form;
    struct sc_native *n;
    struct sc_dec plain = *d;
    struct slot *s;
    uint8_t substitute;
    struct sc_insn *r;

    if (!tb->c->assist || !(d->mode & SC_M_64) || !sc_native_find(d, &form))
        return false;
    if (form.feature && (!sc_has(tb->c, (enum sc_feature_word)((form.feature - 1) / 32),
                                 (form.feature - 1) % 32) ||
                         !host_has(form.feature)))
        return false;
    n = get_native(tb->c->assist);
    if (!n)
        return false;
    substitute_rsp(&plain, &form, &substitute);
    s = find_slot(n, &plain, &form, substitute);
    if (!s)
        return false;
    if (d->mem)
        r = sc_tb_mem(tb, d, op_native, s->size, form.flags & SC_N_STORE);
    else
        r = sc_tb_add(tb, d, op_native);
    r->imm = (uintptr_t)s;
    return true;
}
