/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registers as GDB numbers and describes them: one table for both.
 *
 * Names and order of the features org.gnu.gdb.i386.* are GDB's (manual, appendix G.5.8); what the
 * kernel's side of the processor has beyond them is a feature of our own.
 */
#include "gdb/registers.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define MSR_KERNEL_GS_BASE 0xc0000102u

/* The FXSAVE64 image (SDM 1.10.5.1), and behind it the XSAVE header. */
#define FX_CONTROL   0
#define FX_STATUS    2
#define FX_TAG       4
#define FX_OPCODE    6
#define FX_CODE      8
#define FX_DATA      16
#define FX_MXCSR     24
#define FX_MASK      28
#define FX_ST        32
#define FX_XMM       160
#define FX_SIZE      512
#define XSAVE_HEADER 512

enum place {
    IN_GPR,
    IN_STATE, /* 8 bytes at `arg` of the state, group of `extra` */
    IN_FLAGS,
    IN_SELECTOR,
    IN_BASE,
    IN_MSR,
    IN_FX,      /* bytes at `arg` of the image */
    IN_FX_WORD, /* 2 bytes there */
    IN_FX_TAG,
};

struct reg {
    const char *name, *type;
    uint8_t size;
    enum place place;
    uint16_t arg;
    const char *feature; /* begins here; NULL: goes on */
    const char *group;
};

#define GPR(name, type, number) { name, type, 8, IN_GPR, number, NULL, NULL }
#define SEL(name, number)       { name, "int32", 4, IN_SELECTOR, number, NULL, NULL }
#define ST(name, number)                                                                           \
    { name, "i387_ext", 10, IN_FX, FX_ST + 16 * number, NULL, NULL }
#define FX(name, size, place, offset) { name, "int", size, place, offset, NULL, "float" }
#define XMM(name, number) { name, "vec128", 16, IN_FX, FX_XMM + 16 * number, NULL, NULL }
#define SREG(name, type, field)                                                                    \
    { name, type, 8, IN_STATE, offsetof(struct vemu_cpu_state, sregs.field), NULL, "system" }

static const struct reg regs[] = {
    { "rax", "int64", 8, IN_GPR, VEMU_RAX, "org.gnu.gdb.i386.core", NULL },
    GPR("rbx", "int64", VEMU_RBX), GPR("rcx", "int64", VEMU_RCX), GPR("rdx", "int64", VEMU_RDX),
    GPR("rsi", "int64", VEMU_RSI), GPR("rdi", "int64", VEMU_RDI),
    GPR("rbp", "data_ptr", VEMU_RBP), GPR("rsp", "data_ptr", VEMU_RSP),
    GPR("r8", "int64", VEMU_R8), GPR("r9", "int64", VEMU_R9), GPR("r10", "int64", VEMU_R10),
    GPR("r11", "int64", VEMU_R11), GPR("r12", "int64", VEMU_R12), GPR("r13", "int64", VEMU_R13),
    GPR("r14", "int64", VEMU_R14), GPR("r15", "int64", VEMU_R15),
    { "rip", "code_ptr", 8, IN_STATE, offsetof(struct vemu_cpu_state, regs.rip), NULL, NULL },
    { "eflags", "i386_eflags", 4, IN_FLAGS, 0, NULL, NULL },
    SEL("cs", VEMU_CS), SEL("ss", VEMU_SS), SEL("ds", VEMU_DS), SEL("es", VEMU_ES),
    SEL("fs", VEMU_FS), SEL("gs", VEMU_GS),
    ST("st0", 0), ST("st1", 1), ST("st2", 2), ST("st3", 3), ST("st4", 4), ST("st5", 5),
    ST("st6", 6), ST("st7", 7),
    FX("fctrl", 4, IN_FX_WORD, FX_CONTROL), FX("fstat", 4, IN_FX_WORD, FX_STATUS),
    FX("ftag", 4, IN_FX_TAG, 0), FX("fiseg", 4, IN_FX, FX_CODE + 4),
    FX("fioff", 4, IN_FX, FX_CODE), FX("foseg", 4, IN_FX, FX_DATA + 4),
    FX("fooff", 4, IN_FX, FX_DATA), FX("fop", 4, IN_FX_WORD, FX_OPCODE),
    { "xmm0", "vec128", 16, IN_FX, FX_XMM, "org.gnu.gdb.i386.sse", NULL },
    XMM("xmm1", 1), XMM("xmm2", 2), XMM("xmm3", 3), XMM("xmm4", 4), XMM("xmm5", 5),
    XMM("xmm6", 6), XMM("xmm7", 7), XMM("xmm8", 8), XMM("xmm9", 9), XMM("xmm10", 10),
    XMM("xmm11", 11), XMM("xmm12", 12), XMM("xmm13", 13), XMM("xmm14", 14), XMM("xmm15", 15),
    { "mxcsr", "i386_mxcsr", 4, IN_FX, FX_MXCSR, NULL, "vector" },
    { "fs_base", "int", 8, IN_BASE, VEMU_FS, "org.gnu.gdb.i386.segments", NULL },
    { "gs_base", "int", 8, IN_BASE, VEMU_GS, NULL, NULL },
    { "k_gs_base", "int", 8, IN_MSR, 0, "org.vemu.i386.system", "system" },
    SREG("cr0", "cr0_flags", cr0), SREG("cr2", "int", cr2), SREG("cr3", "int", cr3),
    SREG("cr4", "cr4_flags", cr4), SREG("cr8", "int", cr8), SREG("efer", "efer_flags", efer),
};
#define COUNT G_N_ELEMENTS(regs)

unsigned vemu__gdb_register_count(void)
{
    return COUNT;
}

unsigned vemu__gdb_register_size(unsigned n)
{
    return regs[n].size;
}

/* --- floating point --------------------------------------------------------------------------- */

/* Components in their initial state need not be in the image (SDM 1.13.6). */
static void image_complete(const struct vemu_fpu *fpu, uint8_t image[FX_SIZE])
{
    uint64_t present = 3;

    memcpy(image, fpu->area, FX_SIZE);
    if (fpu->xsave_size >= XSAVE_HEADER + 8)
        memcpy(&present, fpu->area + XSAVE_HEADER, sizeof(present));
    if (!(present & 1)) {
        memset(image, 0, FX_MXCSR);
        memset(image + FX_ST, 0, FX_XMM - FX_ST);
        image[FX_CONTROL] = 0x7f;
        image[FX_CONTROL + 1] = 0x03;
    }
    if (!(present & 2))
        memset(image + FX_XMM, 0, 256);
}

/* Puts a changed image back, all of it present. */
static void image_store(struct vemu_fpu *fpu, const uint8_t image[FX_SIZE])
{
    uint64_t present;

    memcpy(fpu->area, image, FX_SIZE);
    if (fpu->xsave_size < XSAVE_HEADER + 8)
        return;
    memcpy(&present, fpu->area + XSAVE_HEADER, sizeof(present));
    present |= 3;
    memcpy(fpu->area + XSAVE_HEADER, &present, sizeof(present));
}

/* Two bits a register (SDM 1.8.1.7) from one: the image does not keep what follows from the value.
 */
static uint16_t tag_expand(const uint8_t *image)
{
    const unsigned top = image[FX_STATUS + 1] >> 3 & 7;
    uint16_t tag = 0;

    for (unsigned physical = 0; physical < 8; physical++) {
        const uint8_t *st = image + FX_ST + 16 * ((physical - top) & 7);
        uint64_t mantissa;
        uint16_t exponent;
        unsigned t = 0;

        memcpy(&mantissa, st, 8);
        memcpy(&exponent, st + 8, 2);
        exponent &= 0x7fff;
        if (!(image[FX_TAG] >> physical & 1))
            t = 3;
        else if (!exponent && !mantissa)
            t = 1;
        else if (!exponent || exponent == 0x7fff || !(mantissa >> 63))
            t = 2;
        tag |= (uint16_t)(t << 2 * physical);
    }
    return tag;
}

static uint8_t tag_abridge(uint16_t tag)
{
    uint8_t abridged = 0;

    for (unsigned n = 0; n < 8; n++)
        if ((tag >> 2 * n & 3) != 3)
            abridged |= (uint8_t)(1u << n);
    return abridged;
}

static void fx_get(const struct vemu_cpu_state *state, const struct reg *reg, uint8_t *buf)
{
    uint8_t image[FX_SIZE];
    uint16_t tag;

    image_complete(&state->fpu, image);
    switch (reg->place) {
    case IN_FX_WORD: memcpy(buf, image + reg->arg, 2); break;
    case IN_FX_TAG:
        tag = tag_expand(image);
        memcpy(buf, &tag, 2);
        break;
    default: memcpy(buf, image + reg->arg, reg->size);
    }
}

static void fx_set(struct vemu_cpu_state *state, const struct reg *reg, const uint8_t *buf)
{
    uint8_t image[FX_SIZE];
    uint32_t mxcsr, mask;
    uint16_t tag;

    image_complete(&state->fpu, image);
    switch (reg->place) {
    case IN_FX_WORD: memcpy(image + reg->arg, buf, 2); break;
    case IN_FX_TAG:
        memcpy(&tag, buf, 2);
        image[FX_TAG] = tag_abridge(tag);
        break;
    default: memcpy(image + reg->arg, buf, reg->size);
    }
    /* Reserved bits would be refused with everything else. */
    memcpy(&mxcsr, image + FX_MXCSR, 4);
    memcpy(&mask, image + FX_MASK, 4);
    mxcsr &= mask ? mask : 0xffbf;
    memcpy(image + FX_MXCSR, &mxcsr, 4);
    image_store(&state->fpu, image);
}

/* --- values ----------------------------------------------------------------------------------- */

static const struct vemu_msr *msr_find(const struct vemu_cpu_state *state)
{
    for (uint32_t n = 0; n < state->msr_count && n < VEMU_MSR_MAX; n++)
        if (state->msrs[n].index == MSR_KERNEL_GS_BASE)
            return &state->msrs[n];
    return NULL;
}

void vemu__gdb_register_get(const struct vemu_cpu_state *state, unsigned n, void *buf)
{
    const struct reg *reg = &regs[n];
    const struct vemu_msr *msr;
    uint64_t value = 0;

    switch (reg->place) {
    case IN_GPR: value = state->regs.gpr[reg->arg]; break;
    case IN_STATE: memcpy(&value, (const char *)state + reg->arg, 8); break;
    case IN_FLAGS: value = state->regs.rflags; break;
    case IN_SELECTOR: value = state->sregs.seg[reg->arg].selector; break;
    case IN_BASE: value = state->sregs.seg[reg->arg].base; break;
    case IN_MSR:
        msr = msr_find(state);
        value = msr ? msr->value : 0;
        break;
    default:
        memset(buf, 0, reg->size);
        fx_get(state, reg, buf);
        return;
    }
    memcpy(buf, &value, reg->size);
}

int vemu__gdb_register_set(struct vemu_cpu_state *state, unsigned n, const void *buf,
                           uint32_t *groups)
{
    const struct reg *reg = &regs[n];
    uint8_t now[GDB_REGISTER_MAX];
    uint64_t value = 0;

    vemu__gdb_register_get(state, n, now);
    if (!memcmp(now, buf, reg->size))
        return 0;
    memcpy(&value, buf, MIN(reg->size, 8));
    switch (reg->place) {
    case IN_GPR:
        state->regs.gpr[reg->arg] = value;
        *groups |= VEMU_STATE_REGS;
        return 0;
    case IN_STATE:
        memcpy((char *)state + reg->arg, &value, 8);
        *groups |= reg->arg < offsetof(struct vemu_cpu_state, sregs) ? VEMU_STATE_REGS
                                                                      : VEMU_STATE_SREGS;
        return 0;
    case IN_FLAGS:
        state->regs.rflags = (value & 0x3f7fd5) | 2;
        *groups |= VEMU_STATE_REGS;
        return 0;
    case IN_SELECTOR: return -EINVAL; /* a descriptor would have to be loaded, too */
    case IN_BASE:
        state->sregs.seg[reg->arg].base = value;
        *groups |= VEMU_STATE_SREGS;
        return 0;
    case IN_MSR:
        state->msrs[0] = (struct vemu_msr){ MSR_KERNEL_GS_BASE, value };
        state->msr_count = 1;
        *groups |= VEMU_STATE_MSRS;
        return 0;
    default:
        fx_set(state, reg, buf);
        *groups |= VEMU_STATE_FPU;
        return 0;
    }
}

/* --- description ------------------------------------------------------------------------------ */

static const char core_types[] = "i386_eflags:4:"
                                 "CF=0 =1 PF=2 AF=4 ZF=6 SF=7 TF=8 IF=9 DF=10 OF=11 NT=14 RF=16 "
                                 "VM=17 AC=18 VIF=19 VIP=20 ID=21";
static const char sse_types[] = "i386_mxcsr:4:IE=0 DE=1 ZE=2 OE=3 UE=4 PE=5 DAZ=6 IM=7 DM=8 ZM=9 "
                                "OM=10 UM=11 PM=12 FZ=15";
static const char *const system_types[] = {
    "cr0_flags:8:PE=0 MP=1 EM=2 TS=3 ET=4 NE=5 WP=16 AM=18 NW=29 CD=30 PG=31",
    ("cr4_flags:8:VME=0 PVI=1 TSD=2 DE=3 PSE=4 PAE=5 MCE=6 PGE=7 PCE=8 OSFXSR=9 OSXMMEXCPT=10 "
     "UMIP=11 LA57=12 VMXE=13 SMXE=14 FSGSBASE=16 PCIDE=17 OSXSAVE=18 SMEP=20 SMAP=21 PKE=22"),
    "efer_flags:8:SCE=0 LME=8 LMA=10 NXE=11 SVME=12 LMSLE=13 FFXSR=14",
};

/* "name:size:FIELD=bit ..." as a <flags> type. */
static void add_flags(GString *xml, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 3);
    g_auto(GStrv) fields = g_strsplit(parts[2], " ", -1);

    g_string_append_printf(xml, "<flags id=\"%s\" size=\"%s\">", parts[0], parts[1]);
    for (char **f = fields; *f; f++) {
        g_auto(GStrv) pair = g_strsplit(*f, "=", 2);
        g_string_append_printf(xml, "<field name=\"%s\" start=\"%s\" end=\"%s\"/>", pair[0],
                               pair[1], pair[1]);
    }
    g_string_append(xml, "</flags>");
}

/* GDB's way to show a vector register. */
static void add_vector(GString *xml)
{
    static const struct {
        const char *id, *type, *field;
        unsigned count;
    } rows[] = {
        { "v4f", "ieee_single", "v4_float", 4 },  { "v2d", "ieee_double", "v2_double", 2 },
        { "v16i8", "int8", "v16_int8", 16 },      { "v8i16", "int16", "v8_int16", 8 },
        { "v4i32", "int32", "v4_int32", 4 },      { "v2i64", "int64", "v2_int64", 2 },
    };

    for (size_t n = 0; n < G_N_ELEMENTS(rows); n++)
        g_string_append_printf(xml, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>", rows[n].id,
                               rows[n].type, rows[n].count);
    g_string_append(xml, "<union id=\"vec128\">");
    for (size_t n = 0; n < G_N_ELEMENTS(rows); n++)
        g_string_append_printf(xml, "<field name=\"%s\" type=\"%s\"/>", rows[n].field, rows[n].id);
    g_string_append(xml, "<field name=\"uint128\" type=\"uint128\"/></union>");
}

static void add_types(GString *xml, const char *feature)
{
    if (g_str_has_suffix(feature, ".core")) {
        add_flags(xml, core_types);
    } else if (g_str_has_suffix(feature, ".sse")) {
        add_vector(xml);
        add_flags(xml, sse_types);
    } else if (g_str_has_suffix(feature, ".system")) {
        for (size_t n = 0; n < G_N_ELEMENTS(system_types); n++)
            add_flags(xml, system_types[n]);
    }
}

GString *vemu__gdb_register_xml(void)
{
    GString *xml = g_string_new("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM "
                                "\"gdb-target.dtd\"><target>"
                                "<architecture>i386:x86-64</architecture>");

    for (size_t n = 0; n < COUNT; n++) {
        const struct reg *reg = &regs[n];

        if (reg->feature) {
            g_string_append_printf(xml, "%s<feature name=\"%s\">", n ? "</feature>" : "",
                                   reg->feature);
            add_types(xml, reg->feature);
        }
        g_string_append_printf(xml, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"", reg->name,
                               reg->size * 8u, reg->type);
        if (reg->group)
            g_string_append_printf(xml, " group=\"%s\"", reg->group);
        g_string_append(xml, "/>");
    }
    g_string_append(xml, "</feature></target>");
    return xml;
}
