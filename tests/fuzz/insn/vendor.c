/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the manuals leave open, or what CPUs of AMD's do otherwise than Intel's, as which the
 * software CPU behaves. Each row says for which instructions, what is done about it, and why.
 *
 * Some of it is kept out of the cases (generate.c asks for OPEN_DOUBLE_SHIFT, OPEN_PREFIX and
 * OPEN_NOBLOCK, and for flags); the rest is made equal here before outcomes are compared. On
 * Intel's nothing is open.
 */
#include <cpuid.h>
#include <stdio.h>
#include <string.h>

#include "insn.h"

#define FLAG_AF    0x10u
#define FLAG_AC    0x40000u
#define ARITHMETIC 0x8d5u
#define FSW_ES     0x80u
#define FSW_TOP    0x3800u
#define MXCSR_MM   0x20000u

enum {
    VECTOR_BR = 5,
    VECTOR_UD = 6,
    VECTOR_SS = 12,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
    VECTOR_AC = 17
};

static bool is_amd;

/* --- which instructions ----------------------------------------------------------------------- */

static bool any(const struct form *f)
{
    (void)f;
    return true;
}

static bool is_shift(const struct form *f)
{
    return f->ext >= 4 &&
           (f->opcode == 0xc0 || f->opcode == 0xc1 || (f->opcode >= 0xd0 && f->opcode <= 0xd3));
}

static bool is_double_shift(const struct form *f)
{
    return f->opcode == 0x0fa4 || f->opcode == 0x0fa5 || f->opcode == 0x0fac || f->opcode == 0x0fad;
}

static bool is_segment_push(const struct form *f)
{
    return f->opcode == 0x0fa0 || f->opcode == 0x0fa8 ||
           (f->only == ONLY_32 && (f->opcode & ~0x18) == 0x06);
}

static bool is_fxsave(const struct form *f)
{
    return f->opcode == 0x0fae && f->ext == 0;
}

static bool is_environment_store(const struct form *f)
{
    return (f->opcode == 0xd9 || f->opcode == 0xdd) && f->flags & F_MEM && f->ext == 6;
}

static bool is_fldcw(const struct form *f)
{
    return f->opcode == 0xd9 && f->flags & F_MEM && f->ext == 5;
}

static bool is_mmx_store(const struct form *f)
{
    return f->flags & F_MMX && !f->prefix &&
           (f->opcode == 0x0f7e || f->opcode == 0x0f7f || f->opcode == 0x0fe7);
}

static bool is_string(const struct form *f)
{
    return f->flags & F_STRING;
}

static bool is_compare(const struct form *f)
{
    return f->opcode == 0xa6 || f->opcode == 0xa7;
}

static bool is_unaligned_sse(const struct form *f)
{
    if (f->flags & F_MMX) /* MOVQ, which F3 makes MOVDQU */
        return f->opcode == 0x0f6f || f->opcode == 0x0f7f;
    return f->flags & F_SSE && f->size == 16 && !(f->flags & F_ALIGN);
}

/* Forms that store what may be refused by an unmasked x87 exception. */
static bool is_x87_store(const struct form *f)
{
    if (!(f->flags & F_X87) || !(f->flags & F_MEM) || f->opcode < 0xd9 || f->opcode > 0xdf)
        return false;
    if (f->opcode == 0xdb && f->ext == 7)
        return true;
    return f->opcode == 0xdf ? f->ext == 1 || f->ext == 2 || f->ext == 3 || f->ext >= 6
                             : f->opcode & 1 && f->ext >= 1 && f->ext <= 3;
}

static bool is_bound(const struct form *f)
{
    return f->opcode == 0x62;
}

static bool is_mov_cr0(const struct form *f)
{
    return f->opcode == 0x0f20 && f->ext == 0xc0;
}

static bool is_movnt(const struct form *f)
{
    return f->opcode == 0x0f2b;
}

static bool is_mxcsr_load(const struct form *f)
{
    return f->opcode == 0x0fae && (f->ext == 1 || f->ext == 2);
}

static bool is_movsxd(const struct form *f)
{
    return f->opcode == 0x63 && f->only != ONLY_32;
}

static bool is_ud1(const struct form *f)
{
    return f->opcode == 0x0fb9;
}

static bool is_dot_product(const struct form *f)
{
    return f->opcode == 0x3a40 || f->opcode == 0x3a41;
}

static const struct {
    bool (*concerns)(const struct form *f);
    uint32_t open;
    const char *what, *source;
} amd[] = {
    { is_shift, OPEN_AF, "AF after shifts",
      "APM Vol. 3, SAL/SHL, SAR, SHR: undefined; SDM Vol. 2, the same" },
    { is_double_shift, OPEN_DOUBLE_SHIFT, "SHLD, SHRD of 16 bits by more than 16",
      "SDM Vol. 2 and APM Vol. 3, SHLD, SHRD: result and flags are undefined" },
    { is_segment_push, OPEN_PUSHED, "what PUSH of a segment register writes above its 16 bits",
      "SDM Vol. 2, PUSH: zero-extended, or a 16-bit move that leaves the rest" },
    { any, OPEN_POINTERS, "FOP, FIP and FDP without a pending exception",
      "APM Vol. 2, 11.4.4, and CPUID 8000_0008 EBX[2]: not saved or restored if FSW.ES is clear" },
    { is_fxsave, OPEN_IMAGE, "the same in the image in memory, and MXCSR_MASK",
      "the same, and MM" },
    { is_environment_store, OPEN_ENVIRONMENT, "FCS, FDS, FOP and FDP of FNSTENV and FNSAVE",
      "SDM Vol. 1, 8.1.8 and 8.1.9, CPUID 7 EBX[6], EBX[13]: these are Intel's later CPUs'" },
    { is_fldcw, OPEN_OPCODE, "FOP where FLDCW makes an exception pending that was not",
      "SDM Vol. 1, 8.1.9: kept of all instructions, or of unmasked exceptions only" },
    { any, OPEN_DATA_POINTER, "FDP after an instruction without a memory operand",
      "SDM Vol. 1, 8.1.8: undefined" },
    { is_mmx_store, OPEN_TOP, "TOP after stores of MMX registers",
      "measured; SDM Vol. 3, 12.2 and APM Vol. 1, 5.12 have it cleared, as the software CPU does" },
    { is_string, OPEN_STRING,
      "upper halves of a string instruction's registers with 32-bit addresses; its "
      "flags where it ends in a fault, and which operand of CMPS faults first",
      "SDM Vol. 2, REP, has flags as before for CMPS and SCAS; the rest is said nowhere" },
    { is_unaligned_sse, OPEN_ALIGN, "#AC of 16 bytes that need no alignment",
      "SDM Vol. 2, MOVUPS, MOVDQU, LDDQU: depends on the implementation" },
    { any, OPEN_LIMIT, "operands that go on behind 4 GiB in 32-bit code",
      "SDM Vol. 3, 5.3: with a limit of FFFFFFFF they may or may not fault" },
    { is_x87_store, OPEN_ORDER, "an unmasked x87 exception of a store that faults, too",
      "SDM Vol. 3, table 6-2: the order within a class depends on the implementation" },
    { is_bound, OPEN_ORDER, "BOUND out of range whose other bound faults", "the same" },
    { is_mov_cr0, OPEN_PREFIX, "LOCK MOV CR0, which is MOV CR8",
      "APM Vol. 3, MOV CRn; CPUID 8000_0001 ECX[4]" },
    { is_movnt, OPEN_PREFIX, "MOVNTPS with F2 or F3, which is MOVNTSD, MOVNTSS",
      "APM Vol. 4, SSE4A; CPUID 8000_0001 ECX[6]" },
    { is_mxcsr_load, OPEN_MXCSR, "MXCSR.MM", "APM Vol. 1, 4.2.2; CPUID 8000_0001 ECX[7]" },
    { is_movsxd, OPEN_WIDTH, "how much MOVSXD with prefix 66 reads",
      "SDM Vol. 2, MOVSXD: 16 bits; APM Vol. 3: 32" },
    { is_ud1, OPEN_LENGTH, "whether UD1 is too long",
      "SDM Vol. 2, UD: its ModRM may not be looked at" },
    { is_dot_product, OPEN_NAN, "which NaN is the sum of two of DPPS and DPPD",
      "SDM Vol. 2 and APM Vol. 4: the order of the additions is said nowhere" },
};

bool vendor_init(FILE *out)
{
    uint32_t eax, ebx, ecx, edx;
    char name[13] = "";

    if (__get_cpuid(0, &eax, &ebx, &ecx, &edx)) {
        memcpy(name, &ebx, 4);
        memcpy(name + 4, &edx, 4);
        memcpy(name + 8, &ecx, 4);
    }
    is_amd = strcmp(name, "AuthenticAMD") == 0 || strcmp(name, "HygonGenuine") == 0;
    if (is_amd || strcmp(name, "GenuineIntel") == 0)
        return true;
    fprintf(out, "nobody has written down what CPUs of '%s' do where the manuals leave it open\n",
            name);
    return false;
}

void vendor_print(FILE *out)
{
    for (size_t n = 0; is_amd && n < sizeof amd / sizeof amd[0]; n++)
        fprintf(out, "%s\n    %s\n", amd[n].what, amd[n].source);
}

uint32_t vendor_open(const struct form *f)
{
    uint32_t open = 0;

    for (size_t n = 0; is_amd && n < sizeof amd / sizeof amd[0]; n++)
        if (amd[n].concerns(f))
            open |= amd[n].open;
    return open;
}

uint16_t vendor_undefined(uint32_t open)
{
    return open & OPEN_AF ? FLAG_AF : 0;
}

/* --- outcomes --------------------------------------------------------------------------------- */

static uint16_t fsw(const struct outcome *o)
{
    uint16_t v;

    memcpy(&v, o->state.fx + 2, sizeof v);
    return v;
}

static bool is_access_fault(int vector)
{
    return vector == VECTOR_SS || vector == VECTOR_GP || vector == VECTOR_PF || vector == VECTOR_AC;
}

/* Near the ends of the 4 GiB of 32-bit code. */
static bool wraps(uint64_t address)
{
    return (uint32_t)(address + 512) < 1024;
}

static uint32_t mxcsr(const struct outcome *o)
{
    uint32_t v;

    memcpy(&v, o->state.fx + 24, sizeof v);
    return v;
}

/* A case in which the CPUs may go different ways. */
static bool ways_part(const struct fuzz_case *k, const struct outcome *host,
                      const struct outcome *soft)
{
    uint64_t pushed = k->in.gpr[4] - k->open_size;

    if (k->open & OPEN_ALIGN && host->vector == VECTOR_AC)
        return true;
    if (k->open & OPEN_PUSHED &&
        (k->in.rflags & FLAG_AC || pushed >> 12 != (k->in.gpr[4] - 1) >> 12) &&
        (host->vector >= 0 || soft->vector >= 0))
        return true;
    if (k->open & OPEN_LIMIT && k->compat &&
        (host->vector == VECTOR_SS || host->vector == VECTOR_GP) &&
        (soft->vector == VECTOR_AC || (soft->vector == VECTOR_PF && wraps(soft->cr2))))
        return true;
    if (k->open & OPEN_ORDER && is_access_fault(host->vector) && !(fsw(host) & FSW_ES) &&
        (soft->vector == VECTOR_BR || fsw(soft) & FSW_ES))
        return true;
    if (k->open & OPEN_STRING && is_compare(k->form) && is_access_fault(host->vector) &&
        is_access_fault(soft->vector) && host->vector != soft->vector)
        return true;
    if (k->open & OPEN_WIDTH && is_access_fault(host->vector))
        return true;
    if (k->open & OPEN_LENGTH && host->vector == VECTOR_UD && soft->vector == VECTOR_GP)
        return true;
    return k->open & OPEN_MXCSR && mxcsr(host) & MXCSR_MM && soft->vector == VECTOR_GP;
}

/* Bytes of memory that may be either. */
static void even_memory(struct outcome *host, const struct outcome *soft, uint64_t from,
                        unsigned size)
{
    for (; size; size--, from++) {
        if (from >= ARENA_A && from < ARENA_A + ARENA_A_SIZE)
            host->memory[from - ARENA_A] = soft->memory[from - ARENA_A];
        else if (from >= ARENA_B && from < ARENA_B + ARENA_B_SIZE)
            host->memory[ARENA_A_SIZE + (from - ARENA_B)] =
                soft->memory[ARENA_A_SIZE + (from - ARENA_B)];
    }
}

/* Registers of the stack by their own numbers instead of by distance from TOP. */
static void forget_top(struct outcome *o)
{
    uint8_t stack[8][16];
    unsigned top = (fsw(o) & FSW_TOP) >> 11;
    uint16_t status = (uint16_t)(fsw(o) & ~FSW_TOP);

    memcpy(stack, o->state.fx + 32, sizeof stack);
    for (unsigned n = 0; n < 8; n++)
        memcpy(o->state.fx + 32 + 16 * ((n + top) & 7), stack[n], 16);
    memcpy(o->state.fx + 2, &status, sizeof status);
}

static void even_string(const struct fuzz_case *k, struct outcome *host, const struct outcome *soft)
{
    static const unsigned counts[] = { 1, 6, 7 };
    const uint64_t *theirs = soft->state.gpr;
    uint64_t *ours = host->state.gpr;

    for (unsigned n = 0; n < 3 && k->open_size == 4; n++)
        if ((uint32_t)ours[counts[n]] == (uint32_t)theirs[counts[n]])
            ours[counts[n]] = theirs[counts[n]];
    if (host->vector < 0 || host->vector != soft->vector)
        return;
    host->state.rflags =
        (host->state.rflags & ~(uint64_t)ARITHMETIC) | (soft->state.rflags & ARITHMETIC);
    if (is_compare(k->form)) {
        host->cr2 = soft->cr2;
        host->error = soft->error;
    }
}

/* Lanes of SSE registers that are NaNs on both sides. */
static void even_nans(const struct fuzz_case *k, struct outcome *host, const struct outcome *soft)
{
    bool is_double = k->form->opcode == 0x3a41;
    unsigned size = is_double ? 8 : 4;
    uint64_t infinity = is_double ? 0x7ffull << 52 : 0x7f800000, sign = 1ull << (8 * size - 1);

    for (unsigned at = 160; at < 416; at += size) {
        uint64_t a = 0, b = 0;
        memcpy(&a, host->state.fx + at, size);
        memcpy(&b, soft->state.fx + at, size);
        if ((a & ~sign) > infinity && (b & ~sign) > infinity)
            memcpy(host->state.fx + at, &b, size);
    }
}

bool vendor_settle(const struct fuzz_case *k, struct outcome *host, struct outcome *soft)
{
    if (ways_part(k, host, soft))
        return true;
    if (k->open & OPEN_POINTERS && !(fsw(host) & FSW_ES))
        memcpy(host->state.fx + 6, soft->state.fx + 6, 18);
    if (k->open & OPEN_DATA_POINTER && (k->count > 1 || !(k->form->flags & F_MEM)))
        memcpy(host->state.fx + 16, soft->state.fx + 16, 8);
    if (k->open & OPEN_OPCODE)
        memcpy(host->state.fx + 6, soft->state.fx + 6, 2);
    if (k->open & OPEN_IMAGE) {
        if (!(fsw(host) & FSW_ES))
            even_memory(host, soft, k->open_address + 6, 18);
        even_memory(host, soft, k->open_address + 28, 4);
    }
    if (k->open & OPEN_PUSHED && soft->vector < 0)
        even_memory(host, soft, soft->state.gpr[4] + 2, k->open_size - 2);
    if (k->open & OPEN_TOP) {
        forget_top(host);
        forget_top(soft);
    }
    if (k->open & OPEN_NAN)
        even_nans(k, host, soft);
    if (k->open & OPEN_STRING)
        even_string(k, host, soft);
    return false;
}
