/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints what the software CPU does not execute in 64-bit mode, and the CPUID bits it offers, as
 * libvemu/docs/soft.md lists them (tests/meta/opcodes.sh compares).
 *
 *   opcodes         a line per range of opcodes that raise #UD, whatever the operands' values:
 *                   [PREFIX,...] MAP FIRST[..LAST] [ModRM]
 *                   without prefixes: with all of none, 66, F3, F2 (there "np"); without ModRM: all
 *                   of them; m/N and r/N: ModRM.reg N with a memory or a register operand; else
 *                   ModRM bytes
 *   opcodes cpuid   a line per feature register: LEAF[.SUBLEAF] REGISTER BIT...
 *
 * Each encoding is decoded and emitted as the trace builder would. Privilege, LOCK, and control
 * register numbers beyond ModRM.reg (REX.R) are not looked at.
 */
#include <stdio.h>
#include <string.h>

#include "accel/soft/trace/decode.h"
#include "accel/soft/sys/sys.h"
#include "accel/soft/trace/trace.h"
#include "bare-cpu.h"

#define PREFIXES 4u
#define TEXT 512u

/* What is missing of one opcode: a bit a ModRM byte for each prefix. */
struct missing {
    bool modrm;
    uint64_t set[PREFIXES][4];
};

static const uint8_t prefix_bytes[PREFIXES] = { 0, 0x66, 0xf3, 0xf2 };
static const char *const prefix_names[PREFIXES] = { "np", "66", "f3", "f2" };

/* Does the encoding raise #UD? *ret_modrm: it has a ModRM byte. */
static bool is_missing(struct sc_cpu *c, const uint8_t bytes[15], bool *ret_modrm)
{
    static struct sc_insn records[SC_TRACE_RECORDS + 1];
    struct sc_tb tb = { .c = c, .mode = SC_M_64, .insn = records, .max = SC_TRACE_RECORDS };
    struct sc_dec d;
    int len = sc_decode(&d, bytes, 15, SC_M_64, 0);

    *ret_modrm = d.has_modrm;
    if (len <= 0)
        return true;
    if (!sc_emit(&tb, &d))
        return true;
    /* An emitter may have put the exception into the trace itself. */
    sc_fn *first = records[0].fn;
    bool raises = records[0].dst == SC_UD;
    struct sc_tb probe = { .c = c, .mode = SC_M_64, .insn = records, .max = SC_TRACE_RECORDS };
    sc_tb_raise(&probe, &d, SC_UD, -1);
    return raises && first == records[0].fn;
}

/* `map` is what stands between prefix and opcode. */
static void look(struct sc_cpu *c, const uint8_t *map, unsigned map_len, unsigned opcode,
                 struct missing *m)
{
    memset(m, 0, sizeof(*m));
    for (unsigned p = 0; p < PREFIXES; p++) {
        for (unsigned modrm = 0; modrm < 256; modrm++) {
            uint8_t bytes[15] = { 0 };
            unsigned n = 0;
            bool has;

            if (prefix_bytes[p])
                bytes[n++] = prefix_bytes[p];
            memcpy(bytes + n, map, map_len);
            n += map_len;
            bytes[n++] = (uint8_t)opcode;
            bytes[n++] = (uint8_t)modrm;
            if (is_missing(c, bytes, &has))
                m->set[p][modrm >> 6] |= 1ull << (modrm & 63);
            m->modrm |= has;
        }
    }
}

static bool all_of(const uint64_t set[4])
{
    return !~(set[0] & set[1] & set[2] & set[3]);
}

static bool none_of(const uint64_t set[4])
{
    return !(set[0] | set[1] | set[2] | set[3]);
}

static bool has(const uint64_t set[4], unsigned modrm)
{
    return set[modrm >> 6] >> (modrm & 63) & 1;
}

static void append(char *text, const char *more)
{
    size_t len = strlen(text);
    snprintf(text + len, TEXT - len, "%s", more);
}

/* Appends the numbers 0..7 set in `bits` as ranges. */
static void append_regs(char *text, const char *kind, unsigned bits)
{
    if (!bits)
        return;
    append(text, " ");
    append(text, kind);
    if (bits == 0xff)
        return;
    append(text, "/");
    for (unsigned n = 0; n < 8; n++)
        if (bits >> n & 1) {
            char digit[2] = { (char)('0' + n), 0 };
            append(text, digit);
        }
}

static void describe_set(char *text, const uint64_t set[4])
{
    unsigned mem = 0, reg = 0;

    if (all_of(set))
        return;
    for (unsigned r = 0; r < 8; r++) {
        mem |= (unsigned)has(set, r << 3) << r;
        unsigned count = 0;
        for (unsigned rm = 0; rm < 8; rm++)
            count += has(set, 0xc0 | r << 3 | rm);
        reg |= (unsigned)(count == 8) << r;
    }
    append_regs(text, "m", mem);
    append_regs(text, "r", reg);
    for (unsigned modrm = 0xc0; modrm < 256; modrm++) {
        char item[16];

        if (reg >> (modrm >> 3 & 7) & 1 || !has(set, modrm))
            continue;
        unsigned last = modrm;
        while (last < 255 && (last & 7) != 7 && has(set, last + 1))
            last++;
        snprintf(item, sizeof(item), last > modrm ? " %02x..%02x" : " %02x", modrm, last);
        append(text, item);
        modrm = last;
    }
}

/* The lines of one opcode without the opcode: prefixes and ModRM, a tab between them,
 * '\n' after each. */
static void describe(const struct missing *m, char *text)
{
    bool done[PREFIXES] = { false };

    text[0] = 0;
    for (unsigned p = 0; p < PREFIXES; p++) {
        unsigned same = 0;
        if (done[p] || none_of(m->set[p]))
            continue;
        char names[32] = "";
        for (unsigned q = p; q < PREFIXES; q++)
            if (!memcmp(m->set[p], m->set[q], sizeof(m->set[p]))) {
                done[q] = true;
                snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
                         same++ ? "," : "", prefix_names[q]);
            }
        if (same < PREFIXES) {
            append(text, names);
            append(text, " ");
        }
        append(text, "\t");
        if (m->modrm)
            describe_set(text, m->set[p]);
        append(text, "\n");
    }
}

static void print_range(const char *map, unsigned first, unsigned last, const char *text)
{
    while (*text) {
        const char *tab = strchr(text, '\t'), *end = strchr(text, '\n');

        printf("%.*s%s%02x", (int)(tab - text), text, map, first);
        if (last > first)
            printf("..%02x", last);
        printf("%.*s\n", (int)(end - tab - 1), tab + 1);
        text = end + 1;
    }
}

static bool is_prefix(unsigned b)
{
    return (b & 0xe7) == 0x26 || (b >= 0x64 && b <= 0x67) || (b & 0xf0) == 0x40 || b == 0xf0 ||
           b == 0xf2 || b == 0xf3;
}

static void print_map(struct sc_cpu *c, const char *name, const uint8_t *map, unsigned map_len)
{
    char text[2][TEXT];
    unsigned first = 0;

    text[0][0] = 0;
    for (unsigned opcode = 0; opcode <= 256; opcode++) {
        struct missing m;

        text[1][0] = 0;
        if (opcode < 256 && !(map_len == 0 && (is_prefix(opcode) || opcode == 0x0f)) &&
            !(map_len == 1 && (opcode == 0x38 || opcode == 0x3a))) {
            look(c, map, map_len, opcode, &m);
            describe(&m, text[1]);
        }
        if (opcode == 256 || strcmp(text[0], text[1])) {
            if (opcode)
                print_range(name, first, opcode - 1, text[0]);
            first = opcode;
            memcpy(text[0], text[1], TEXT);
        }
    }
}

static void print_bits(const char *leaf, const char *reg, uint32_t v)
{
    if (!v)
        return;
    printf("%s %s", leaf, reg);
    for (unsigned n = 0; n < 32; n++)
        if (v >> n & 1)
            printf(" %u", n);
    printf("\n");
}

/* Registers that are made of feature bits. */
static void print_cpuid(struct vemu_cpuid *t)
{
    for (uint32_t n = 0; n < t->count; n++) {
        const struct vemu_cpuid_entry *e = &t->entries[n];
        char leaf[32];

        snprintf(leaf, sizeof(leaf), e->index ? "%x.%u" : "%x", e->function, e->index);
        switch (e->function) {
        case 1:
            print_bits(leaf, "ecx", e->ecx);
            print_bits(leaf, "edx", e->edx);
            break;
        case 6: print_bits(leaf, "eax", e->eax); break;
        case 7:
            print_bits(leaf, "ebx", e->ebx);
            print_bits(leaf, "ecx", e->ecx);
            print_bits(leaf, "edx", e->edx);
            break;
        case 0x40000001: print_bits(leaf, "eax", e->eax); break;
        case 0x80000001:
            print_bits(leaf, "ecx", e->ecx);
            print_bits(leaf, "edx", e->edx);
            break;
        case 0x80000007: print_bits(leaf, "edx", e->edx); break;
        case 0x80000008: print_bits(leaf, "ebx", e->ebx); break;
        default: break;
        }
    }
}

int main(int argc, char **argv)
{
    struct bare *b = bare_new();

    if (argc > 1 && !strcmp(argv[1], "cpuid")) {
        print_cpuid(&b->c->cpuid);
    } else {
        print_map(b->c, "", (const uint8_t[]){ 0 }, 0);
        print_map(b->c, "0f ", (const uint8_t[]){ 0x0f }, 1);
        print_map(b->c, "0f 38 ", (const uint8_t[]){ 0x0f, 0x38 }, 2);
        print_map(b->c, "0f 3a ", (const uint8_t[]){ 0x0f, 0x3a }, 2);
    }
    bare_free(b);
    return 0;
}
