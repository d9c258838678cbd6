/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The software CPU on a lent vCPU: what the host executes for it, XSAVE, leaving, stale code.
 */
#include <check.h>
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <vemu/error.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/lent/native.h"
#include "accel/soft/sys/sys.h"

#define OPS (&vemu__accel_soft)
#define RAM_SIZE (4u << 20)
#define CODE 0x100000u
#define DATA 0x200000u /* the page behind is not mapped */
#define IDT 0x4000u
#define HANDLERS 0x5000u
#define STACK 0x80000u

static struct vemu_accel_vm *vm;
static struct vemu_accel_vcpu *vcpu;
static struct sc_cpu *cpu;
static struct sc_assist_state state;
static struct vemu_fpu fpu;
static uint64_t xcr0;
static uint8_t *ram;
static struct vemu_exit ex;
static uint64_t msr_written[2];

static int get_fpu(void *data, struct vemu_fpu *ret, uint64_t *ret_xcr0)
{
    *ret = fpu;
    *ret_xcr0 = xcr0;
    return 0;
}

static int rdmsr(void *data, uint32_t index, uint64_t *value)
{
    *value = index;
    return index == 0x80a ? -1 : 0;
}

static int wrmsr(void *data, uint32_t index, uint64_t value)
{
    msr_written[0] = index;
    msr_written[1] = value;
    return 0;
}

/* CPUID of the host, as far as it matters here. */
static void set_cpuid(void)
{
    static const uint32_t leaves[][2] = { { 0, 0 }, { 1, 0 }, { 7, 0 }, { 0xd, 0 }, { 0xd, 1 },
                                          { 0xd, 2 }, { 0xd, 5 }, { 0xd, 6 }, { 0xd, 7 },
                                          { 0x80000000, 0 }, { 0x80000001, 0 }, { 0x80000008, 0 } };
    struct vemu_cpuid *cpuid = calloc(1, sizeof(*cpuid));

    for (unsigned n = 0; n < sizeof(leaves) / sizeof(leaves[0]); n++) {
        struct vemu_cpuid_entry *e = &cpuid->entries[cpuid->count++];
        e->function = leaves[n][0];
        e->index = leaves[n][1];
        e->flags = e->function == 7 || e->function == 0xd ? VEMU_CPUID_INDEXED : 0;
        __cpuid_count(e->function, e->index, e->eax, e->ebx, e->ecx, e->edx);
    }
    ck_assert_int_eq(OPS->set_cpuid(vcpu, cpuid), 0);
    free(cpuid);
}

static void put64(uint32_t at, uint64_t v)
{
    memcpy(ram + at, &v, sizeof(v));
}

/* 64-bit mode at CPL 0, identity-mapped but for the page behind DATA; each vector's handler is
 * HLT. */
static void prepare(void)
{
    struct vemu_segment data = { .limit = ~0u, .selector = 16, .type = 3, .s = 1, .present = 1,
                                 .db = 1, .g = 1 };
    struct vemu_sregs *s = &state.sregs;

    memset(&state, 0, sizeof(state));
    for (unsigned n = 0; n < VEMU_SEG_COUNT; n++)
        s->seg[n] = data;
    s->seg[VEMU_CS] = (struct vemu_segment){ .limit = ~0u, .selector = 8, .type = 11, .s = 1,
                                             .present = 1, .l = 1, .g = 1 };
    s->tr = (struct vemu_segment){ .limit = 0x67, .selector = 0x18, .type = 11, .present = 1 };
    s->ldt.unusable = 1;
    s->cr0 = 0x80010033;
    s->cr3 = 0x1000;
    s->cr4 = SC_CR4_PAE | SC_CR4_OSFXSR | SC_CR4_OSXMMEXCPT | SC_CR4_OSXSAVE;
    s->efer = SC_EFER_LME | SC_EFER_LMA;
    s->apic_base = 0xfee00c00; /* x2APIC */
    s->idt = (struct vemu_dtable){ IDT, 0xfff };
    s->gdt = (struct vemu_dtable){ 0x6000, 0x2f };
    put64(0x6008, 0x00af9b000000ffff);
    put64(0x6010, 0x00cf93000000ffff);
    put64(0x1000, 0x2007);
    put64(0x2000, 0x3007);
    put64(0x3000, 0x87);
    put64(0x3000 + 8, 0x7007);
    for (unsigned n = 0; n < 512; n++)
        put64(0x7000 + 8 * n, n == 1 ? 0 : (0x200000 + 4096 * n) | 7);
    for (unsigned n = 0; n < 256; n++) {
        put64(IDT + 16 * n, (HANDLERS + n) | 8 << 16 | 0x8e0000000000);
        put64(IDT + 16 * n + 8, 0);
    }
    memset(ram + HANDLERS, 0xf4, 256);
    put64(0x3000 + 16, 0x200087); /* another way to DATA */
    state.regs.rflags = 2;
    state.regs.rip = CODE;
    state.regs.gpr[VEMU_RSP] = STACK;
    state.debugregs.dr6 = SC_DR6_FIXED;
    state.debugregs.dr7 = 0x400;
    memset(&fpu, 0, sizeof(fpu));
    fpu.xsave_size = VEMU_XSAVE_MAX;
    fpu.area[0] = 0x7f;
    fpu.area[1] = 3;
    fpu.area[24] = 0x80;
    fpu.area[25] = 0x1f;
    fpu.area[512] = 7;
    xcr0 = 7;
}

static void setup(void)
{
    const struct vemu_accel_config config = { .vcpus = 1, .ioapic_pins = 24 };
    const struct sc_assist_owner owner = { NULL, get_fpu, rdmsr, wrmsr };
    struct vemu_error *err = NULL;

    ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(OPS->vm_create(&config, &vm, &err), 0);
    const struct vemu_accel_slot slot = { .size = RAM_SIZE, .hva = ram };
    ck_assert_int_eq(OPS->mem_slot(vm, &slot), 0);
    ck_assert_int_eq(OPS->vcpu_create(vm, 0, &vcpu, &err), 0);
    cpu = (struct sc_cpu *)vcpu;
    set_cpuid();
    ck_assert_int_eq(sc_assist_attach(cpu, &owner), 0);
    prepare();
}

static void teardown(void)
{
    sc_assist_detach(cpu);
    OPS->vcpu_destroy(vcpu);
    OPS->vm_destroy(vm);
    munmap(ram, RAM_SIZE);
}

/* Runs what is at CODE until it leaves. */
static enum sc_leave go(void)
{
    ck_assert_int_eq(sc_assist_load(cpu, &state), 0);
    ck_assert_int_eq(OPS->vcpu_run(vcpu, &ex), 0);
    ck_assert_int_eq(ex.reason, VEMU_EXIT_INTR);
    if (sc_assist_store(cpu, &state))
        fpu = cpu->assist->fpu;
    return cpu->assist->leave;
}

static enum sc_leave run(const void *code, size_t size)
{
    memcpy(ram + CODE, code, size);
    ram[CODE + size] = 0xf4;
    state.regs.rip = CODE;
    return go();
}
#define RUN(code) run(code, sizeof(code) - 1)

/* The vector whose handler it halted in, -1: in none. */
static int vector(void)
{
    uint64_t at = state.regs.rip - 1 - HANDLERS;
    return at < 256 ? (int)at : -1;
}

/* --- all encodings, compared with the host ---------------------------------------------------- */

struct call {
    uint64_t gpr[16], flags, vector;
    uint8_t ymm[16][32];
};
void sc_native_call(struct call *call, const void *code);

static uint8_t *host_page; /* executable */
static uint8_t *host_data; /* a page with nothing behind it */
static sigjmp_buf broken;

static void on_fault(int number)
{
    siglongjmp(broken, number);
}

static void fill(void *p, size_t size, uint32_t seed)
{
    for (size_t n = 0; n < size; n++) {
        seed = seed * 1103515245 + 12345;
        ((uint8_t *)p)[n] = (uint8_t)(seed >> 16);
    }
}

/* The host runs the same bytes. False: it raised a signal. */
static bool host_run(struct call *k, const uint8_t *bytes, unsigned size)
{
    memcpy(host_page, bytes, size);
    host_page[size] = 0xc3;
    if (sigsetjmp(broken, 1))
        return false;
    sc_native_call(k, host_page);
    return true;
}

/* The vCPU's state as the host's call had it. */
static void give(const struct call *k, uint64_t rbx)
{
    memcpy(state.regs.gpr, k->gpr, sizeof(k->gpr));
    state.regs.gpr[VEMU_RSP] = STACK;
    state.regs.gpr[VEMU_RBX] = rbx;
    state.regs.rflags = k->flags;
    for (unsigned n = 0; n < 16; n++) {
        memcpy(fpu.area + 160 + 16 * n, k->ymm[n], 16);
        memcpy(fpu.area + 576 + 16 * n, k->ymm[n] + 16, 16);
    }
    fpu.area[512] = 7;
}

static unsigned differences(const struct call *k, const uint8_t *host, const uint8_t *guest,
                            unsigned size)
{
    unsigned bad = 0;

    for (unsigned n = 0; n < 16; n++) {
        if (n != VEMU_RSP && n != VEMU_RBX && state.regs.gpr[n] != k->gpr[n])
            bad |= 1;
        if (memcmp(cpu->fpu.xmm[n], k->ymm[n], 16) && cpu->assist->fpu_loaded)
            bad |= 2;
        if (memcmp(cpu->assist->ymmh[n], k->ymm[n] + 16, 16) && cpu->assist->fpu_loaded)
            bad |= 4;
    }
    if ((state.regs.rflags ^ k->flags) & SC_ARITH)
        bad |= 8;
    if (memcmp(host, guest, size))
        bad |= 16;
    return bad;
}

static unsigned tried;

/* Tries the instruction if it is one that the table lets through. */
static void try(const uint8_t *bytes, unsigned size, bool vex)
{
    struct sc_native_form form;
    struct call k;
    struct sc_dec d;
    char text[64] = "";
    int len = vex ? sc_vex_decode(&d, bytes, size, SC_M_64, 0)
                  : sc_decode(&d, bytes, size, SC_M_64, 0);

    if (len != (int)size || !sc_native_find(&d, &form))
        return;
    unsigned word = (unsigned)(form.feature - 1) / 32;
    if (!sc_has(cpu, (enum sc_feature_word)word, (form.feature - 1) % 32))
        return;
    for (unsigned n = 0; n < size; n++)
        sprintf(text + 3 * n, "%02x ", bytes[n]);
    const unsigned operand = d.mem ? sc_native_bytes(&d, &form) : 0;
    /* Not comparable: RSP is exchanged, RBX is an address. */
    const bool special =
        ((form.flags & SC_N_GREG) && (d.reg == VEMU_RSP || d.reg == VEMU_RBX)) ||
        ((form.flags & SC_N_GRM) && !d.mem && d.rm == VEMU_RSP &&
         (d.rex || form.size != SC_NS_1 || !(form.flags & SC_N_GPR))) ||
        ((form.flags & SC_N_GV) && d.vvvv == VEMU_RSP);
    fill(&k, sizeof(k), 7 + bytes[size - 1]);
    k.flags = 2 | (bytes[1] & 1);
    k.vector = 2;
    k.gpr[VEMU_RBX] = (uintptr_t)host_data + 4096 - operand;
    fill(host_data + 4096 - 64, 64, 99);
    memcpy(ram + DATA + 4096 - 64, host_data + 4096 - 64, 64);
    give(&k, DATA + 4096 - operand);
    ck_assert_msg(run(bytes, size) == SC_LEAVE_HALT && vector() < 0,
                  "%s: leave %d, vector %d, %s", text, cpu->assist->leave, vector(),
                  cpu->assist->why ? cpu->assist->why : "");
    tried++;
    if (special)
        return;
    ck_assert_msg(host_run(&k, bytes, size), "%s: the host raises a signal", text);
    unsigned bad = differences(&k, host_data + 4096 - 64, ram + DATA + 4096 - 64, 64);
    ck_assert_msg(!bad, "%s: differs (%x)", text, bad);
}

/* One opcode with ModRM `modrm`, in all its prefixes. */
static void try_forms(unsigned map, unsigned op, uint8_t modrm)
{
    static const uint8_t prefixes[][2] = { { 0, 0 }, { 0x66, 0 }, { 0xf3, 0 }, { 0xf2, 0 },
                                           { 0x66, 0xf3 }, { 0x66, 0xf2 } };
    for (unsigned imm = 0; imm < 2; imm++) {
        for (unsigned p = 0; p < 6; p++)
            for (unsigned rex = 0; rex < 3; rex++) {
                uint8_t b[16];
                unsigned n = 0;
                for (unsigned k = 0; k < 2; k++)
                    if (prefixes[p][k])
                        b[n++] = prefixes[p][k];
                if (rex)
                    b[n++] = rex == 1 ? 0x48 : 0x44;
                b[n++] = 0x0f;
                if (map > 1)
                    b[n++] = map == 2 ? 0x38 : 0x3a;
                b[n++] = (uint8_t)op;
                b[n++] = modrm;
                if (imm)
                    b[n++] = 0x9d;
                try(b, n, false);
            }
        for (unsigned bits = 0; bits < 64; bits++) {
            const unsigned v = bits >> 4 == 0 ? 15 : bits >> 4 == 1 ? 5 : bits >> 4 == 2 ? 11 : 0;
            uint8_t b[16] = { 0xc4, (uint8_t)(0xe0 | map),
                              (uint8_t)((bits & 8) << 4 | v << 3 | (bits & 7)), (uint8_t)op,
                              modrm, 0x9d };
            try(b, op == 0x77 && map == 1 ? 4 : 5 + imm, true);
        }
    }
}

START_TEST(the_host_runs_all_it_is_given)
{
    static const uint8_t modrms[] = { 0x0b, 0xca, 0xe5, 0xec, 0x33, 0xd1, 0xdf, 0xf9, 0xfe };
    struct sigaction fault = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

    sigaction(SIGILL, &fault, NULL);
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGFPE, &fault, NULL);
    host_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
    host_data = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(host_data + 4096, 4096, PROT_NONE);
    ck_assert_ptr_null(cpu->assist->native); /* made when it is needed */
    for (unsigned map = 1; map <= 3; map++)
        for (unsigned op = 0; op < 256; op++)
            for (unsigned n = 0; n < sizeof(modrms); n++)
                try_forms(map, op, modrms[n]);
    ck_assert_ptr_nonnull(cpu->assist->native);
    ck_assert_uint_gt(tried, 3000);
}
END_TEST

/* --- single instructions ---------------------------------------------------------------------- */

START_TEST(registers_of_all_kinds)
{
    state.regs.gpr[VEMU_RCX] = 0xff00ff;
    ck_assert_int_eq(RUN("\xf3\x0f\xb8\xc1"), SC_LEAVE_HALT); /* popcnt %ecx, %eax */
    ck_assert_uint_eq(state.regs.gpr[VEMU_RAX], 16);
    ck_assert_int_eq(RUN("\xf3\x48\x0f\xb8\xe1"), SC_LEAVE_HALT); /* popcnt %rcx, %rsp */
    ck_assert_uint_eq(state.regs.gpr[VEMU_RSP], 16);
    state.regs.gpr[VEMU_RSP] = STACK;
    ck_assert_int_eq(RUN("\xf3\x48\x0f\xb8\xd4"), SC_LEAVE_HALT); /* popcnt %rsp, %rdx */
    ck_assert_uint_eq(state.regs.gpr[VEMU_RDX], 1);
    ck_assert_uint_eq(state.regs.gpr[VEMU_RSP], STACK);
    state.regs.gpr[VEMU_RCX] = 0;
    ck_assert_int_eq(RUN("\xf3\x48\x0f\xbc\xd1"), SC_LEAVE_HALT); /* tzcnt, not bsf */
    ck_assert_uint_eq(state.regs.gpr[VEMU_RDX], 64);
    ck_assert(!cpu->assist->fpu_loaded); /* none of these needed it */
}
END_TEST

START_TEST(faults_are_the_guests)
{
    state.regs.gpr[VEMU_RBX] = DATA + 4096 - 3;
    state.regs.gpr[VEMU_RAX] = 77;
    ck_assert_int_eq(RUN("\xf3\x0f\xb8\x03"), SC_LEAVE_HALT); /* popcnt (%rbx), %eax */
    ck_assert_int_eq(vector(), SC_PFV);
    ck_assert_uint_eq(state.sregs.cr2, DATA + 4096);
    ck_assert_uint_eq(state.regs.gpr[VEMU_RAX], 77);
    prepare();
    state.regs.gpr[VEMU_RBX] = DATA + 8;
    ck_assert_int_eq(RUN("\x66\x0f\x38\x00\x03"), SC_LEAVE_HALT); /* pshufb (%rbx), %xmm0 */
    ck_assert_int_eq(vector(), SC_GP);
    prepare();
    state.sregs.cr0 |= SC_CR0_TS;
    ck_assert_int_eq(RUN("\xc5\xf5\xfe\xd0"), SC_LEAVE_HALT); /* vpaddd */
    ck_assert_int_eq(vector(), SC_NM);
    prepare();
    state.sregs.cr4 &= ~(uint64_t)SC_CR4_OSXSAVE;
    ck_assert_int_eq(RUN("\xc5\xf5\xfe\xd0"), SC_LEAVE_HALT);
    ck_assert_int_eq(vector(), SC_UD);
    prepare();
    xcr0 = 3;
    ck_assert_int_eq(RUN("\xc5\xf5\xfe\xd0"), SC_LEAVE_HALT);
    ck_assert_int_eq(vector(), SC_UD);
}
END_TEST

START_TEST(unmasked_exceptions_change_nothing)
{
    const float one = 1, zero = 0;

    memcpy(fpu.area + 160, &one, 4);
    memcpy(fpu.area + 160 + 16, &zero, 4);
    fpu.area[25] = 0x1d; /* divide by zero is not masked */
    ck_assert_int_eq(RUN("\xc5\xfa\x5e\xd1"), SC_LEAVE_HALT); /* vdivss %xmm1, %xmm0, %xmm2 */
    ck_assert_int_eq(vector(), SC_XM);
    ck_assert_uint_eq(fpu.area[24] & 4, 4);
    ck_assert_uint_eq(cpu->fpu.xmm[2][3], 0);
}
END_TEST

START_TEST(avx_goes_through_the_state)
{
    fill(fpu.area + 160, 256, 1);
    fill(fpu.area + 576, 256, 2);
    const struct vemu_fpu before = fpu;
    ck_assert_int_eq(RUN("\xc4\x41\x7d\x6f\xc1"), SC_LEAVE_HALT); /* vmovdqa %ymm9, %ymm8 */
    ck_assert_mem_eq(fpu.area + 160 + 128, before.area + 160 + 144, 16);
    ck_assert_mem_eq(fpu.area + 576 + 128, before.area + 576 + 144, 16);
    ck_assert_mem_eq(fpu.area + 576, before.area + 576, 128);
    ck_assert_int_eq(RUN("\xc5\xf8\x77"), SC_LEAVE_HALT); /* vzeroupper */
    for (unsigned n = 0; n < 256; n++)
        ck_assert_uint_eq(fpu.area[576 + n], 0);
    ck_assert_mem_eq(fpu.area + 160, before.area + 160, 128);
}
END_TEST

/* --- XSAVE ---------------------------------------------------------------------------------- */

/* xsave/xrstor instructions on (%rbx) with all components asked for. */
static enum sc_leave xs(const void *code, size_t size)
{
    state.regs.gpr[VEMU_RBX] = DATA;
    state.regs.gpr[VEMU_RAX] = state.regs.gpr[VEMU_RDX] = 0xffffffff;
    return run(code, size);
}
#define XS(code) xs(code, sizeof(code) - 1)

START_TEST(xsave_and_back)
{
    fill(fpu.area + 160, 256, 1);
    fill(fpu.area + 576, 256, 2);
    memset(ram + DATA, 0, 4096);
    const struct vemu_fpu before = fpu;
    ck_assert_int_eq(XS("\x48\x0f\xae\x23"), SC_LEAVE_HALT); /* xsave64 */
    ck_assert_int_eq(vector(), -1);
    ck_assert_mem_eq(ram + DATA + 160, before.area + 160, 256);
    ck_assert_mem_eq(ram + DATA + 576, before.area + 576, 256);
    ck_assert_uint_eq(ram[DATA + 512] & 6, 6);
    fill(fpu.area + 160, 256, 3);
    fill(fpu.area + 576, 256, 4);
    ck_assert_int_eq(XS("\x48\x0f\xae\x2b"), SC_LEAVE_HALT); /* xrstor64 */
    ck_assert_int_eq(vector(), -1);
    ck_assert_mem_eq(fpu.area + 160, before.area + 160, 256);
    ck_assert_mem_eq(fpu.area + 576, before.area + 576, 256);
    ram[DATA + 512] = 1; /* SSE and AVX: initial */
    ck_assert_int_eq(XS("\x48\x0f\xae\x2b"), SC_LEAVE_HALT);
    for (unsigned n = 0; n < 256; n++)
        ck_assert_uint_eq(fpu.area[160 + n] | fpu.area[576 + n], 0);
}
END_TEST

START_TEST(xsavec_leaves_out_what_is_initial)
{
    memset(ram + DATA, 0x55, 4096);
    fpu.area[576] = 1;
    ck_assert_int_eq(XS("\x0f\xc7\x23"), SC_LEAVE_HALT); /* xsavec */
    ck_assert_int_eq(vector(), -1);
    ck_assert_uint_eq(ram[DATA + 512], 4);
    ck_assert_uint_eq(ram[DATA + 520], 7);
    ck_assert_uint_eq(ram[DATA + 527], 0x80);
    ck_assert_uint_eq(ram[DATA + 160], 0x55); /* SSE was not written */
    ck_assert_uint_eq(ram[DATA + 576], 1);
    memset(ram + DATA + 528, 0, 48);
    fpu.area[576] = 9;
    ck_assert_int_eq(XS("\x0f\xae\x2b"), SC_LEAVE_HALT); /* xrstor, compacted */
    ck_assert_int_eq(vector(), -1);
    ck_assert_uint_eq(fpu.area[576], 1);
}
END_TEST

START_TEST(xrstor_refuses_bad_headers)
{
    static const struct { unsigned at; uint8_t value; } bad[] = {
        { 512, 8 }, { 513, 1 }, { 520, 1 }, { 530, 1 }, { 27, 0xff },
    };
    for (unsigned n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        prepare();
        memset(ram + DATA, 0, 1024);
        ram[DATA + 512] = 7;
        ram[DATA + bad[n].at] = bad[n].value;
        ck_assert_int_eq(XS("\x48\x0f\xae\x2b"), SC_LEAVE_HALT);
        ck_assert_msg(vector() == SC_GP, "header %u", n);
    }
    prepare();
    state.regs.gpr[VEMU_RBX] = DATA + 8;
    ck_assert_int_eq(RUN("\x48\x0f\xae\x23"), SC_LEAVE_HALT);
    ck_assert_int_eq(vector(), SC_GP);
}
END_TEST

START_TEST(xgetbv_says_what_is_enabled)
{
    state.regs.gpr[VEMU_RCX] = 0;
    ck_assert_int_eq(RUN("\x0f\x01\xd0"), SC_LEAVE_HALT);
    ck_assert_uint_eq(state.regs.gpr[VEMU_RAX], 7);
    state.regs.gpr[VEMU_RCX] = 9;
    ck_assert_int_eq(RUN("\x0f\x01\xd0"), SC_LEAVE_HALT);
    ck_assert_int_eq(vector(), SC_GP);
}
END_TEST

START_TEST(cpuid_follows_xcr0)
{
    state.regs.gpr[VEMU_RAX] = 0xd;
    state.regs.gpr[VEMU_RCX] = 0;
    ck_assert_int_eq(RUN("\x0f\xa2"), SC_LEAVE_HALT);
    ck_assert_uint_eq(state.regs.gpr[VEMU_RBX], 832);
    ck_assert_uint_eq(state.regs.gpr[VEMU_RAX] & 0x60000, 0); /* AMX */
}
END_TEST

START_TEST(avx512_is_one_vcpus)
{
    uint32_t out[4] = { 0, 1u << 16, 0, 0 }, components[4] = { 0xe7, 0, 0, 0 };

    sc_assist_cpuid(cpu, 7, 0, out);
    ck_assert_uint_eq(out[1], 1u << 16);
    cpu->vm->config.vcpus = 2;
    sc_assist_cpuid(cpu, 7, 0, out);
    ck_assert_uint_eq(out[1], 0);
    sc_assist_cpuid(cpu, 0xd, 0, components);
    ck_assert_uint_eq(components[0], 7);
    cpu->vm->config.vcpus = 1;
}
END_TEST

/* --- leaving -------------------------------------------------------------------------------- */

START_TEST(leaves_for_what_is_the_owners)
{
    /* an unknown MSR, a CR4 bit, the local APIC's page, an unknown instruction */
    state.regs.gpr[VEMU_RCX] = 0x4b564d00;
    ck_assert_int_eq(RUN("\x90\x0f\x30"), SC_LEAVE_OWNER);
    ck_assert_uint_eq(state.regs.rip, CODE + 1);
    ck_assert_str_eq(cpu->assist->why, "MSR");
    state.regs.gpr[VEMU_RAX] = 0x20 | 1u << 12; /* LA57 */
    ck_assert_int_eq(RUN("\x0f\x22\xe0"), SC_LEAVE_OWNER);
    ck_assert_int_eq(RUN("\x0f\x01\xc1"), SC_LEAVE_OWNER); /* vmcall */
    ck_assert_uint_eq(state.regs.rip, CODE);
    ck_assert_int_eq(RUN("\x62\xf1\x7d\x48\x6f\xc1"), SC_LEAVE_OWNER); /* EVEX */
    ck_assert_int_eq(RUN("\x0f\x0b"), SC_LEAVE_HALT); /* but UD2 is meant */
    ck_assert_int_eq(vector(), SC_UD);
}
END_TEST

START_TEST(apic_registers_go_to_the_owner)
{
    state.regs.gpr[VEMU_RCX] = 0x80b;
    state.regs.gpr[VEMU_RAX] = 5;
    state.regs.gpr[VEMU_RDX] = 0;
    ck_assert_int_eq(RUN("\x0f\x30"), SC_LEAVE_HALT);
    ck_assert_uint_eq(msr_written[0], 0x80b);
    ck_assert_uint_eq(msr_written[1], 5);
    state.regs.gpr[VEMU_RCX] = 0x80a; /* which it refuses: it shall raise #GP itself */
    ck_assert_int_eq(RUN("\x0f\x32"), SC_LEAVE_OWNER);
    state.regs.gpr[VEMU_RCX] = 0xc0000082;
    state.regs.gpr[VEMU_RAX] = 0x1234;
    ck_assert_int_eq(RUN("\x0f\x30"), SC_LEAVE_HALT);
    ck_assert_uint_eq(state.lstar, 0x1234);
}
END_TEST

START_TEST(one_instruction_and_no_more)
{
    cpu->assist->single = true;
    state.regs.gpr[VEMU_RCX] = 3;
    ck_assert_int_eq(RUN("\xf3\x0f\xb8\xc1\xff\xc0"), SC_LEAVE_ONE);
    ck_assert_uint_eq(state.regs.rip, CODE + 4);
    ck_assert_uint_eq(state.regs.gpr[VEMU_RAX], 2);
    ck_assert_int_eq(RUN("\x0f\x0b"), SC_LEAVE_ONE); /* a fault is for the owner to deliver */
    ck_assert_uint_eq(state.events.exception_injected, 1);
    ck_assert_uint_eq(state.events.exception_nr, SC_UD);
    ck_assert_uint_eq(state.regs.rip, CODE);
}
END_TEST

START_TEST(asks_for_interrupts_when_they_may_come)
{
    sc_assist_notify(cpu, false);
    ck_assert_int_eq(RUN("\x90\xfb\x90\x90"), SC_LEAVE_IRQ); /* nop; sti; nop | nop */
    ck_assert_uint_eq(state.regs.rip, CODE + 3);
    state.events.interrupt_injected = 1;
    state.events.interrupt_nr = 0x31;
    atomic_store(&cpu->assist->irq_due, false);
    ck_assert_int_eq(go(), SC_LEAVE_HALT);
    ck_assert_int_eq(vector(), 0x31);
}
END_TEST

/* Between stretches, others may have written where code was. */
START_TEST(changed_code_is_noticed)
{
    for (unsigned n = 0; n < 50; n++) {
        const uint8_t code[] = { 0xb8, (uint8_t)n, 0, 0, 0, 0xeb, 0 }; /* mov $n, %eax; jmp */
        ck_assert_int_eq(run(code, sizeof(code)), SC_LEAVE_HALT);
        ck_assert_uint_eq(state.regs.gpr[VEMU_RAX], n);
    }
}
END_TEST

START_TEST(a_full_range_of_slots_starts_anew)
{
    for (unsigned n = 0; n < 6000; n++) {
        /* vpinsrd with ever new registers and immediates */
        const uint8_t code[] = { 0xc4, 0xe3, (uint8_t)(0x01 | (n >> 3 & 15) << 3), 0x22,
                                 (uint8_t)(0xc0 | (n & 7) << 3), (uint8_t)(n >> 7) };
        ck_assert_int_eq(run(code, sizeof(code)), SC_LEAVE_HALT);
    }
    struct sc_native_count counts[SC_NATIVE_NAMES] = { { 0 } };
    sc_native_counts(cpu->assist->native, counts);
    ck_assert_str_eq(counts[0].name, "avx");
    ck_assert_uint_eq(counts[0].count, 6000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-assist");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 200);
    tcase_add_test(t, the_host_runs_all_it_is_given);
    tcase_add_test(t, registers_of_all_kinds);
    tcase_add_test(t, faults_are_the_guests);
    tcase_add_test(t, unmasked_exceptions_change_nothing);
    tcase_add_test(t, avx_goes_through_the_state);
    tcase_add_test(t, xsave_and_back);
    tcase_add_test(t, xsavec_leaves_out_what_is_initial);
    tcase_add_test(t, xrstor_refuses_bad_headers);
    tcase_add_test(t, xgetbv_says_what_is_enabled);
    tcase_add_test(t, cpuid_follows_xcr0);
    tcase_add_test(t, avx512_is_one_vcpus);
    tcase_add_test(t, leaves_for_what_is_the_owners);
    tcase_add_test(t, apic_registers_go_to_the_owner);
    tcase_add_test(t, one_instruction_and_no_more);
    tcase_add_test(t, asks_for_interrupts_when_they_may_come);
    tcase_add_test(t, changed_code_is_noticed);
    tcase_add_test(t, a_full_range_of_slots_starts_anew);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
