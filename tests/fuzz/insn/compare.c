/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Outcomes side by side, and cases in words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "insn.h"

#define COMPARED_FLAGS 0x240cd5u /* arithmetic, DF, NT off, AC, ID */

static const char *const gpr_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

struct report {
    FILE *out;
    unsigned differences;
};

__attribute__((format(printf, 2, 3))) static void differ(struct report *r, const char *format, ...)
{
    va_list args;

    r->differences++;
    if (!r->out)
        return;
    va_start(args, format);
    fputs("    ", r->out);
    vfprintf(r->out, format, args);
    fputc('\n', r->out);
    va_end(args);
}

static void field(struct report *r, const char *name, const uint8_t *a, const uint8_t *b,
                  unsigned size)
{
    uint64_t x = 0, y = 0;

    if (!memcmp(a, b, size))
        return;
    memcpy(&x, a, size);
    memcpy(&y, b, size);
    differ(r, "%-8s host %0*llx  soft %0*llx", name, (int)size * 2, (unsigned long long)x,
           (int)size * 2, (unsigned long long)y);
}

static void vector(struct report *r, const char *name, unsigned n, const uint8_t *a,
                   const uint8_t *b, unsigned size)
{
    char x[40], y[40];

    if (!memcmp(a, b, size))
        return;
    for (unsigned i = 0; i < size; i++) {
        snprintf(x + 2 * i, 3, "%02x", a[size - 1 - i]);
        snprintf(y + 2 * i, 3, "%02x", b[size - 1 - i]);
    }
    differ(r, "%s%-2u host %s  soft %s", name, n, x, y);
}

static uint64_t memory_address(unsigned n)
{
    return n < ARENA_A_SIZE ? ARENA_A + n : ARENA_B + (n - ARENA_A_SIZE);
}

static bool all_equal(const struct fuzz_case *k, const struct outcome *a, const struct outcome *b,
                      FILE *out)
{
    struct report r = {.out = out};
    uint64_t flags = (a->state.rflags ^ b->state.rflags) & COMPARED_FLAGS;

    if (a->vector != b->vector)
        differ(&r, "vector   host %d  soft %d", a->vector, b->vector);
    else if (a->vector >= 0) {
        if (k->loose_fault)
            ; /* an image over two pages: which of them is looked at first is the CPU's choice */
        else if (a->error != b->error)
            differ(&r, "error    host %#llx  soft %#llx", (unsigned long long)a->error,
                   (unsigned long long)b->error);
        if (a->vector == 14 && a->cr2 != b->cr2 && !k->loose_fault)
            differ(&r, "cr2      host %#llx  soft %#llx", (unsigned long long)a->cr2,
                   (unsigned long long)b->cr2);
        if (a->state.rip != b->state.rip)
            differ(&r, "rip      host %#llx  soft %#llx", (unsigned long long)a->state.rip,
                   (unsigned long long)b->state.rip);
    } else if (a->exit != b->exit) {
        differ(&r, "branch   host %s  soft %s", a->exit ? "taken" : "not taken",
               b->exit ? "taken" : "not taken");
    }
    for (unsigned n = 0; n < (k->compat ? 8 : 16); n++) {
        /* going through 32-bit code may lose the upper halves (SDM Vol. 1, 3.4.1.1) */
        uint64_t mask = k->compat ? 0xffffffff : ~0ull;
        if ((a->state.gpr[n] ^ b->state.gpr[n]) & mask)
            differ(&r, "%-8s host %016llx  soft %016llx", gpr_names[n],
                   (unsigned long long)(a->state.gpr[n] & mask),
                   (unsigned long long)(b->state.gpr[n] & mask));
    }
    flags &= ~(uint64_t)k->undefined;
    if (flags)
        differ(&r, "rflags   host %06llx  soft %06llx  (%s%s%s%s%s%s%s%s)",
               (unsigned long long)(a->state.rflags & COMPARED_FLAGS),
               (unsigned long long)(b->state.rflags & COMPARED_FLAGS), flags & 1 ? "c" : "",
               flags & 4 ? "p" : "", flags & 0x10 ? "a" : "", flags & 0x40 ? "z" : "",
               flags & 0x80 ? "s" : "", flags & 0x800 ? "o" : "", flags & 0x400 ? "d" : "",
               flags & ~0xcd5ull ? "other" : "");
    if (memcmp(a->state.fx, b->state.fx, 416)) {
        const uint8_t *x = a->state.fx, *y = b->state.fx;
        field(&r, "fcw", x, y, 2);
        field(&r, "fsw", x + 2, y + 2, 2);
        field(&r, "ftag", x + 4, y + 4, 1);
        field(&r, "fop", x + 6, y + 6, 2);
        field(&r, "fip", x + 8, y + 8, 8);
        field(&r, "fdp", x + 16, y + 16, 8);
        field(&r, "mxcsr", x + 24, y + 24, 4);
        for (unsigned n = 0; n < 8; n++)
            vector(&r, "st", n, x + 32 + 16 * n, y + 32 + 16 * n, 10);
        for (unsigned n = 0; n < 16; n++)
            vector(&r, "xmm", n, x + 160 + 16 * n, y + 160 + 16 * n, 16);
    }
    /* A CPU may store the first part of a long operand before the second part faults. */
    if (memcmp(a->memory, b->memory, ARENA_SIZE) && !(k->loose_fault && a->vector == 14)) {
        unsigned shown = 0;
        for (unsigned n = 0; n < ARENA_SIZE && shown < 16; n++)
            if (a->memory[n] != b->memory[n]) {
                differ(&r, "[%llx] host %02x  soft %02x", (unsigned long long)memory_address(n),
                       a->memory[n], b->memory[n]);
                shown++;
            }
    }
    return r.differences == 0;
}

bool outcomes_equal(const struct fuzz_case *k, const struct outcome *native,
                    const struct outcome *soft, FILE *out)
{
    static struct outcome a, b;

    if (!k->open || all_equal(k, native, soft, NULL))
        return all_equal(k, native, soft, out);
    a = *native;
    b = *soft;
    return vendor_settle(k, &a, &b) || all_equal(k, &a, &b, out);
}

const char *form_name(const struct fuzz_case *k, char *buf, size_t size)
{
    size_t used = 0;

    buf[0] = '\0';
    for (unsigned n = 0; n < k->count && used < size; n++)
        used += (size_t)snprintf(buf + used, size - used, "%s%s", n ? "; " : "", k->block[n]->name);
    return buf;
}

void case_print(const struct fuzz_case *k, FILE *out)
{
    static const uint8_t zero[16];
    char name[256];

    fprintf(out, "  %s%s at %#llx:", k->compat ? "32-bit " : "", form_name(k, name, sizeof name),
            (unsigned long long)k->address);
    for (unsigned n = 0; n < k->length; n++)
        fprintf(out, " %02x", k->code[n]);
    fprintf(out, "\n  before: rflags=%06llx", (unsigned long long)k->in.rflags);
    for (unsigned n = 0; n < 16; n++)
        if (k->in.gpr[n])
            fprintf(out, " %s=%llx", gpr_names[n], (unsigned long long)k->in.gpr[n]);
    fprintf(out, "\n  fcw=%02x%02x fsw=%02x%02x ftag=%02x mxcsr=%02x%02x", k->in.fx[1], k->in.fx[0],
            k->in.fx[3], k->in.fx[2], k->in.fx[4], k->in.fx[25], k->in.fx[24]);
    for (unsigned n = 0; n < 24; n++) {
        const uint8_t *p = k->in.fx + 32 + 16 * n;
        if (!memcmp(p, zero, 16))
            continue;
        fprintf(out, " %s%u=", n < 8 ? "st" : "xmm", n < 8 ? n : n - 8);
        for (unsigned i = n < 8 ? 10 : 16; i--;)
            fprintf(out, "%02x", p[i]);
    }
    fputc('\n', out);
}
