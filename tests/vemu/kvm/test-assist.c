/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulation assist against the fake KVM: instructions it gives up on, what neither can do, and
 * a host that interprets kernel mode.
 */
#include <check.h>
#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/kvm/assist.h"
#include "accel/soft/apic/lapic.h"
#include "accel/soft/sys/sys.h"
#include "fake_kvm.h"

#define RAM_SIZE (2u << 20)
#define CODE     0x100000u
#define DATA     0x120000u
#define IDT      0x4000u
#define HANDLERS 0x5000u
#define STACK    0x80000u

static struct fake_kvm fake;
static struct kvm_vm vm;
static struct kvm_vcpu vcpu;
static struct kvm_vcpu *vcpus[1];
static struct vemu_accel_vcpu *const handle = (struct vemu_accel_vcpu *)&vcpu;
static struct vemu_exit ex;
static uint8_t *ram;
static char logged[4096];
static uint32_t port_value;
static const uint8_t *failing; /* the bytes that KVM gives up on */

static void log_line(void *data, int level, const char *message)
{
    size_t used = strlen(logged);
    snprintf(logged + used, sizeof(logged) - used, "%s\n", message);
}

static void pio_write(void *data, uint16_t port, unsigned size, uint32_t value)
{
    port_value = value;
}

static void put64(uint32_t at, uint64_t v)
{
    memcpy(ram + at, &v, sizeof(v));
}

/* 64-bit mode at CPL 0, identity-mapped; each vector's handler is OUT. */
static void set_state(void)
{
    struct kvm_segment data = { .limit = ~0u, .selector = 16, .type = 3, .s = 1, .present = 1,
                                .db = 1, .g = 1 };
    struct kvm_sregs *s = &fake.sregs;

    s->ds = s->es = s->ss = s->fs = s->gs = data;
    s->cs = (struct kvm_segment){ .limit = ~0u, .selector = 8, .type = 11, .s = 1, .present = 1,
                                  .l = 1, .g = 1 };
    s->tr = (struct kvm_segment){ .limit = 0x67, .selector = 0x18, .type = 11, .present = 1 };
    s->cr0 = 0x80010033;
    s->cr3 = 0x1000;
    s->cr4 = 0x40620; /* PAE, OSFXSR, OSXMMEXCPT, OSXSAVE */
    s->efer = 0x500;
    s->apic_base = 0xfee00d00;
    s->idt.base = IDT;
    s->idt.limit = 0xfff;
    s->gdt.base = 0x6000;
    s->gdt.limit = 0x2f;
    put64(0x6008, 0x00af9b000000ffff);
    put64(0x6010, 0x00cf93000000ffff);
    put64(0x1000, 0x2003);
    put64(0x2000, 0x3003);
    put64(0x3000, 0x83);
    for (unsigned n = 0; n < 256; n++) {
        put64(IDT + 16 * n, (HANDLERS + 4 * n) | 8 << 16 | 0x8e0000000000);
        memcpy(ram + HANDLERS + 4 * n, "\xe6\x80\xf4\xf4", 4); /* out %al, $0x80; hlt */
    }
    fake.regs = (struct kvm_regs){ .rip = CODE, .rsp = STACK, .rflags = 2 };
    fake.debugregs.dr6 = 0xffff0ff0;
    fake.debugregs.dr7 = 0x400;
    fake.xcrs.nr_xcrs = 1;
    fake.xcrs.xcrs[0].value = 7;
    fake.xsave.region[0] = 0x37f;
    fake.xsave.region[6] = 0x1f80;
    fake.xsave.region[128] = 7;
}

static void set_cpuid(void)
{
    static const uint32_t leaves[][2] = { { 0, 0 }, { 1, 0 }, { 7, 0 }, { 0xd, 0 }, { 0xd, 1 },
                                          { 0xd, 2 }, { 0x80000001, 0 }, { 0x80000008, 0 } };

    for (unsigned n = 0; n < sizeof(leaves) / sizeof(leaves[0]); n++) {
        struct kvm_cpuid_entry2 *e = &fake.cpuid[fake.cpuid_count++];
        e->function = leaves[n][0];
        e->index = leaves[n][1];
        e->flags = e->function == 7 || e->function == 0xd ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
        __cpuid_count(e->function, e->index, e->eax, e->ebx, e->ecx, e->edx);
    }
    fake.cpuid[1].ecx |= 1u << 13; /* CMPXCHG16B, whatever the host's kernel shows */
    fake.cpuid[2].ebx |= 1u << 20; /* SMAP */
    fake.cpuid[6].edx |= 1u << 27; /* RDTSCP */
}

static void setup(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, kvm__kick_signal());
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    fake_kvm_init(&fake);
    memset(&vm, 0, sizeof(vm));
    memset(&vcpu, 0, sizeof(vcpu));
    logged[0] = '\0';
    port_value = 0;
    ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(vkvm_open_with(&fake.sys, NULL, &vm.sys), 0);
    ck_assert_int_eq(vkvm_create_vm(vm.sys, 0, &vm.vm), 0);
    ck_assert_int_eq(vkvm_get_msr_index_list(vm.sys, &vm.msr_list, &vm.msr_count), 0);
    kvm__assist_init(&vm);
    vm.config.vcpus = 1;
    vm.config.callbacks = (struct vemu_accel_callbacks){ .log = log_line, .pio_write = pio_write };
    vm.vcpus = vcpus;
    vm.slot_count = 1;
    vm.slots[0].used = true;
    vm.slots[0].slot = (struct vemu_accel_slot){ .size = RAM_SIZE, .hva = ram };
    vcpus[0] = &vcpu;
    vcpu.vm = &vm;
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm.vm, 0, &vcpu.vcpu), 0);
    fake.mp.mp_state = KVM_MP_STATE_RUNNABLE;
    set_cpuid();
    set_state();
}

static void teardown(void)
{
    kvm__assist_vcpu_fini(&vcpu);
    kvm__assist_fini(&vm);
    free(vm.msr_list);
    vkvm_vcpu_close(vcpu.vcpu);
    vkvm_vm_close(vm.vm);
    vkvm_close(vm.sys);
    munmap(ram, RAM_SIZE);
    ck_assert_int_eq(fake.open_fds, 0);
    fake_kvm_fini(&fake);
}

/* --- what KVM_RUN does ------------------------------------------------------------------------ */

static void script(int result, void (*fill)(struct kvm_run *run))
{
    fake.script[fake.script_len++] = (struct fake_exit){ result, fill };
}

static void gives_up(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
    run->internal.ndata = 4;
    run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
    run->emulation_failure.insn_size = 15;
    memcpy(run->emulation_failure.insn_bytes, failing, 15);
}

static void shutdown_exit(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_SHUTDOWN;
}

static void debug_exit(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_DEBUG;
    run->debug.arch.pc = fake.regs.rip;
}

static void nothing(struct kvm_run *run)
{
}

static void interrupt_acknowledged(struct kvm_run *run)
{
    fake.events.interrupt.injected = 1;
    fake.events.interrupt.nr = 0x41;
}

/* KVM gives up on the instruction, and after it was executed reports a triple fault. */
static void assist(const void *code, size_t size)
{
    memcpy(ram + CODE, code, size);
    failing = ram + CODE;
    fake.regs.rip = CODE;
    fake.script_len = fake.script_pos = 0;
    script(0, gives_up);
    script(0, shutdown_exit);
    ck_assert_int_eq(kvm__vcpu_run(handle, &ex), 0);
    ck_assert_msg(ex.reason == VEMU_EXIT_SHUTDOWN, "reason %d: %s", ex.reason, logged);
}
#define ASSIST(code) assist(code, sizeof(code) - 1)
#define ASSISTED(code)                                                                             \
    do {                                                                                           \
        ASSIST(code);                                                                              \
        ck_assert_uint_eq(fake.regs.rip, CODE + sizeof(code) - 1);                                 \
    } while (0)

static uint64_t named(const char *name)
{
    for (unsigned n = 0; n < vm.assist.opcode_count; n++)
        if (!strcmp(vm.assist.opcodes[n].name, name))
            return vm.assist.opcodes[n].count;
    return 0;
}

/* --- one instruction -------------------------------------------------------------------------- */

START_TEST(integers)
{
    fake.regs.rcx = 0xf0f0;
    ASSISTED("\xf3\x0f\xb8\xc1"); /* popcnt */
    ck_assert_uint_eq(fake.regs.rax, 8);
    ASSISTED("\xf3\x0f\xbc\xc1"); /* tzcnt */
    ck_assert_uint_eq(fake.regs.rax, 4);
    fake.regs.rdx = 0x3000;
    ASSISTED("\xc4\xe2\x68\xf2\xc1"); /* andn %ecx, %edx, %eax */
    ck_assert_uint_eq(fake.regs.rax, 0xc0f0);
    fake.regs.rbx = DATA;
    put64(DATA, 0x1122334455667788);
    ASSISTED("\x48\x0f\x38\xf0\x03"); /* movbe (%rbx), %rax */
    ck_assert_uint_eq(fake.regs.rax, 0x8877665544332211);
    ck_assert_uint_eq(vm.assist.assists, 4);
    ck_assert_uint_eq(named("popcnt"), 1);
    ck_assert_uint_eq(named("bmi1"), 1);
    ck_assert_uint_eq(named("movbe"), 1);
}
END_TEST

START_TEST(memory_of_16_bytes)
{
    put64(DATA, 1);
    put64(DATA + 8, 2);
    fake.regs.rdi = DATA;
    fake.regs.rax = 1;
    fake.regs.rdx = 2;
    fake.regs.rbx = 3;
    fake.regs.rcx = 4;
    ASSISTED("\xf0\x48\x0f\xc7\x0f"); /* lock cmpxchg16b (%rdi) */
    ck_assert_uint_eq(ram[DATA], 3);
    ck_assert_uint_eq(ram[DATA + 8], 4);
    ck_assert_uint_eq(fake.regs.rflags & 0x40, 0x40);
    ck_assert_uint_eq(named("cmpxchg16b"), 1);
}
END_TEST

START_TEST(software_interrupts)
{
    ASSIST("\xcc");
    ck_assert_uint_eq(fake.regs.rip, HANDLERS + 4 * 3);
    ck_assert_uint_eq(fake.regs.rsp, STACK - 40);
    uint64_t pushed;
    memcpy(&pushed, ram + STACK - 40, 8);
    ck_assert_uint_eq(pushed, CODE + 1);
    ASSIST("\xcd\x80");
    ck_assert_uint_eq(fake.regs.rip, HANDLERS + 4 * 0x80);
    ck_assert_uint_eq(named("int3"), 1);
    ck_assert_uint_eq(named("int"), 1);
}
END_TEST

START_TEST(system_instructions)
{
    fake.sregs.cr4 |= 1u << 21;
    ASSISTED("\x0f\x01\xcb"); /* stac */
    ck_assert_uint_eq(fake.regs.rflags & 0x40000, 0x40000);
    ASSISTED("\x0f\x01\xca"); /* clac */
    ck_assert_uint_eq(fake.regs.rflags & 0x40000, 0);
    fake.regs.rcx = 0x10;
    ASSISTED("\x0f\x00\xe9"); /* verw %cx */
    ck_assert_uint_eq(fake.regs.rflags & 0x40, 0x40);
    ASSISTED("\x0f\x03\xc1"); /* lsl %ecx, %eax */
    ck_assert_uint_eq(fake.regs.rax, 0xffffffff);
    ASSISTED("\x0f\x01\xf9"); /* rdtscp */
    ck_assert_uint_eq(named("stac") + named("clac") + named("verw") + named("lsl") +
                          named("rdtscp"), 5);
}
END_TEST

START_TEST(vectors)
{
    for (unsigned n = 0; n < 4; n++) {
        fake.xsave.region[40 + n] = n + 1; /* XMM0 */
        fake.xsave.region[44 + n] = 10;
        fake.xsave.region[144 + n] = n + 5; /* upper half of YMM0 */
        fake.xsave.region[148 + n] = 20;
    }
    ASSISTED("\x66\x0f\xfe\xc8"); /* paddd %xmm0, %xmm1 */
    ck_assert_uint_eq(fake.xsave.region[47], 14);
    ck_assert_uint_eq(fake.xsave.region[151], 20); /* not touched */
    ASSISTED("\xc5\xfd\xfe\xd1"); /* vpaddd %ymm1, %ymm0, %ymm2 */
    ck_assert_uint_eq(fake.xsave.region[51], 18);
    ck_assert_uint_eq(fake.xsave.region[155], 28);
    fake.regs.rbx = DATA;
    ASSISTED("\x0f\xae\x1b"); /* stmxcsr (%rbx) */
    ck_assert_uint_eq(ram[DATA + 1], 0x1f);
    ck_assert_uint_eq(named("sse"), 1);
    ck_assert_uint_eq(named("avx"), 1);
    ck_assert_uint_eq(named("stmxcsr"), 1);
}
END_TEST

START_TEST(xsave)
{
    fake.xsave.region[40] = 0x1234;
    fake.regs.rbx = DATA;
    fake.regs.rax = 7;
    fake.regs.rdx = 0;
    ASSISTED("\x48\x0f\xae\x23");
    ck_assert_uint_eq(ram[DATA + 160], 0x34);
    ck_assert_uint_eq(ram[DATA + 512] & 2, 2);
    ram[DATA + 160] = 0x56;
    ASSISTED("\x48\x0f\xae\x2b");
    ck_assert_uint_eq(fake.xsave.region[40], 0x1256);
    fake.regs.rcx = 0;
    ASSISTED("\x0f\x01\xd0"); /* xgetbv */
    ck_assert_uint_eq(fake.regs.rax, 7);
    ck_assert_uint_eq(named("xsave") + named("xrstor") + named("xgetbv"), 3);
}
END_TEST

/* A fault is given to KVM, which delivers it. */
START_TEST(faults)
{
    fake.regs.rbx = 0x40000000;
    ASSIST("\xf3\x0f\xb8\x03"); /* popcnt (%rbx), %eax */
    ck_assert_uint_eq(fake.regs.rip, CODE);
    ck_assert_uint_eq(fake.events.exception.injected, 1);
    ck_assert_uint_eq(fake.events.exception.nr, 14);
    ck_assert_uint_eq(fake.events.exception.error_code, 0);
    ck_assert_uint_eq(fake.sregs.cr2, 0x40000000);
}
END_TEST

/* --- what does not work ----------------------------------------------------------------------- */

START_TEST(neither_can)
{
    static const uint8_t code[15] = { 0x0f, 0x01, 0xc1 }; /* vmcall */

    memcpy(ram + CODE, code, sizeof(code));
    failing = ram + CODE;
    script(0, gives_up);
    script(0, gives_up); /* when asked to do just this one */
    ck_assert_int_eq(kvm__vcpu_run(handle, &ex), 0);
    ck_assert_int_eq(ex.reason, VEMU_EXIT_INTERNAL_ERROR);
    ck_assert_uint_eq(ex.internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
    ck_assert_mem_eq(ex.internal.insn, code, 15);
    ck_assert_msg(strstr(logged, "neither KVM nor the software CPU can execute this: 0f 01 c1"),
                  "%s", logged);
    ck_assert_uint_eq(fake.regs.rip, CODE);
}
END_TEST

START_TEST(kvm_refuses_the_state)
{
    memcpy(ram + CODE, "\x66\x0f\xfe\xc8", 4); /* paddd */
    failing = ram + CODE;
    script(0, gives_up);
    fake_inject(&fake, KVM_SET_XSAVE, 1, -EINVAL);
    ck_assert_int_eq(kvm__vcpu_run(handle, &ex), -EINVAL);
    ck_assert_ptr_nonnull(strstr(logged, "KVM refuses the state"));
}
END_TEST

START_TEST(a_mode_that_the_software_cpu_lacks)
{
    memcpy(ram + CODE, "\xf3\x0f\xb8\xc1", 4);
    failing = ram + CODE;
    fake.sregs.cr4 |= 1u << 12; /* five levels */
    script(0, gives_up);
    script(0, gives_up);
    ck_assert_int_eq(kvm__vcpu_run(handle, &ex), 0);
    ck_assert_int_eq(ex.reason, VEMU_EXIT_INTERNAL_ERROR);
    ck_assert_ptr_nonnull(strstr(logged, "popcnt (in this mode)"));
}
END_TEST

/* Where nothing fails, nothing is made. */
START_TEST(costs_nothing_unless_needed)
{
    struct vemu_accel_stats stats = { 0 };

    script(0, shutdown_exit);
    ck_assert_int_eq(kvm__vcpu_run(handle, &ex), 0);
    ck_assert_ptr_null(vcpu.assist);
    ck_assert_ptr_null(vm.assist.soft);
    kvm__assist_stats(&vm, &stats);
    ck_assert_uint_eq(stats.assists, 0);
}
END_TEST

/* --- a host that interprets kernel mode ------------------------------------------------------- */

START_TEST(kernel_mode_runs_here)
{
    /* mov $5, %eax; out %al, $0x10; popcnt %eax, %ecx; hlt */
    memcpy(ram + CODE, "\xb8\x05\x00\x00\x00\xe6\x10\xf3\x0f\xb8\xc8\xf4", 12);
    vm.assist.eager = true;
    script(0, shutdown_exit); /* KVM only gets to see the HLT */
    ck_assert_int_eq(kvm__vcpu_run(handle, &ex), 0);
    ck_assert_int_eq(ex.reason, VEMU_EXIT_SHUTDOWN);
    ck_assert_uint_eq(port_value, 5);
    ck_assert_uint_eq(fake.regs.rcx, 2);
    ck_assert_uint_eq(fake.regs.rip, CODE + 12);
    ck_assert_uint_eq(fake.mp.mp_state, KVM_MP_STATE_HALTED);
    ck_assert_uint_eq(vm.assist.assists, 0);
    ck_assert_uint_eq(vm.assist.stretches, 1);
}
END_TEST

START_TEST(steps_kvm_where_it_must)
{
    const struct kvm_guest_debug *debug;

    memcpy(ram + CODE, "\x0f\x30\xf4", 3); /* wrmsr; hlt */
    fake.regs.rcx = 0x4b564d00;
    vm.assist.eager = true;
    script(0, debug_exit);  /* after WRMSR */
    script(-EINTR, nothing); /* ... and what it asked for */
    script(0, shutdown_exit);
    ck_assert_int_eq(kvm__vcpu_run(handle, &ex), 0);
    debug = fake_seen(&fake, vkvm_vcpu_get_fd(vcpu.vcpu), KVM_SET_GUEST_DEBUG, NULL);
    ck_assert_ptr_nonnull(debug);
    ck_assert_uint_eq(debug->control, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);
    ck_assert_uint_eq(vm.assist.stretches, 2);
    ck_assert_uint_ge(vm.assist.steps, 2);
}
END_TEST

START_TEST(interrupts_come_from_the_kernels_apic)
{
    memcpy(ram + CODE, "\xfb\x90\x90\xeb\xfe", 5); /* sti; nop; nop; jmp . */
    vm.assist.eager = true;
    script(-EINTR, nothing); /* the timer becomes a request */
    script(-EINTR, interrupt_acknowledged);
    script(0, shutdown_exit);
    ck_assert_int_eq(kvm__vcpu_run(handle, &ex), 0);
    ck_assert_int_eq(ex.reason, VEMU_EXIT_SHUTDOWN);
    ck_assert_uint_eq(fake.regs.rip, HANDLERS + 4 * 0x41 + 3); /* halted in the handler */
    ck_assert_uint_eq(fake.events.interrupt.injected, 0);
}
END_TEST

/* A second interrupt, as soon as the kernel knows of no first one. */
static void another_acknowledged(struct kvm_run *run)
{
    if (!fake.events.interrupt.injected)
        fake.events.interrupt.nr = 0x51;
    fake.events.interrupt.injected = 1;
}

START_TEST(an_interrupt_in_hand_is_kept)
{
    vm.assist.eager = true;
    ck_assert_int_eq(kvm__assist_ensure(&vcpu), 0);
    ck_assert_int_eq(kvm__assist_load(&vcpu), 0);
    sc_lapic_inject(vcpu.assist->cpu, 0x41); /* taken, and not delivered yet */
    script(-EINTR, another_acknowledged);
    script(-EINTR, another_acknowledged);
    ck_assert_int_eq(kvm__assist_interrupt(&vcpu, &ex), 0);
    ck_assert_int_eq(vcpu.assist->cpu->lapic->inject, 0x41);
}
END_TEST

/* --- NMIs ----------------------------------------------------------------------------------- */

START_TEST(an_nmi_beside_an_assist_is_kept)
{
    ck_assert_int_eq(kvm__assist_ensure(&vcpu), 0);
    ck_assert_int_eq(kvm__assist_load(&vcpu), 0);
    vcpu.assist->cpu->shadow = 1;                            /* makes the events differ */
    ck_assert_int_eq(vemu__accel_kvm.inject_nmi(handle), 0); /* while the software CPU has it */
    ck_assert(atomic_load(&vcpu.assist->cpu->assist->nmi_due));
    ck_assert_int_eq(kvm__assist_store(&vcpu), 0);
    ck_assert_uint_eq(fake.events.interrupt.shadow, 1);
    ck_assert_uint_eq(fake.events.nmi.pending, 1);
}
END_TEST

START_TEST(an_nmi_not_delivered_is_given_back)
{
    fake.events.nmi.pending = 1;
    ck_assert_int_eq(kvm__assist_ensure(&vcpu), 0);
    ck_assert_int_eq(kvm__assist_load(&vcpu), 0);
    ck_assert(vcpu.assist->cpu->nmi_pending);
    ck_assert_uint_eq(fake.events.nmi.pending, 0);
    ck_assert_int_eq(kvm__assist_store(&vcpu), 0);
    ck_assert_uint_eq(fake.events.nmi.pending, 1);
    ck_assert_uint_eq(fake.events.nmi.injected, 0);
    ck_assert(!vcpu.assist->cpu->nmi_pending);
}
END_TEST

START_TEST(an_nmi_comes_with_interrupts_off)
{
    memcpy(ram + CODE, "\x90\xeb\xfe", 3); /* nop; jmp . */
    fake.events.nmi.pending = 1;
    vm.assist.eager = true;
    script(0, shutdown_exit);
    ck_assert_int_eq(kvm__vcpu_run(handle, &ex), 0);
    ck_assert_int_eq(ex.reason, VEMU_EXIT_SHUTDOWN);
    ck_assert_uint_eq(fake.regs.rip, HANDLERS + 4 * 2 + 3); /* halted in the handler */
    ck_assert_uint_eq(fake.events.nmi.pending, 0);
    ck_assert_uint_eq(fake.events.nmi.masked, 1);
}
END_TEST

/* It waits in the kernel until the handler of one before it has come to its IRET. */
START_TEST(an_nmi_waits_for_iret)
{
    memcpy(ram + CODE, "\x90\x48\xcf", 3);  /* nop; iretq */
    memcpy(ram + CODE + 16, "\xeb\xfe", 2); /* jmp . */
    put64(STACK, CODE + 16);
    put64(STACK + 8, 8);
    put64(STACK + 16, 2);
    put64(STACK + 24, STACK + 0x100);
    put64(STACK + 32, 16);
    fake.events.nmi.pending = fake.events.nmi.masked = 1;
    vm.assist.eager = true;
    script(-EINTR, nothing); /* the look at its events */
    script(0, shutdown_exit);
    ck_assert_int_eq(kvm__vcpu_run(handle, &ex), 0);
    ck_assert_int_eq(ex.reason, VEMU_EXIT_SHUTDOWN);
    ck_assert_uint_eq(fake.regs.rip, HANDLERS + 4 * 2 + 3);
    uint64_t back;
    memcpy(&back, ram + STACK + 0x100 - 40, sizeof(back));
    ck_assert_uint_eq(back, CODE + 16);
    ck_assert_uint_eq(fake.events.nmi.pending, 0);
    ck_assert_uint_eq(fake.events.nmi.masked, 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("accel-kvm-assist");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, integers);
    tcase_add_test(t, memory_of_16_bytes);
    tcase_add_test(t, software_interrupts);
    tcase_add_test(t, system_instructions);
    tcase_add_test(t, vectors);
    tcase_add_test(t, xsave);
    tcase_add_test(t, faults);
    tcase_add_test(t, neither_can);
    tcase_add_test(t, kvm_refuses_the_state);
    tcase_add_test(t, a_mode_that_the_software_cpu_lacks);
    tcase_add_test(t, costs_nothing_unless_needed);
    tcase_add_test(t, kernel_mode_runs_here);
    tcase_add_test(t, steps_kvm_where_it_must);
    tcase_add_test(t, interrupts_come_from_the_kernels_apic);
    tcase_add_test(t, an_interrupt_in_hand_is_kept);
    tcase_add_test(t, an_nmi_beside_an_assist_is_kept);
    tcase_add_test(t, an_nmi_not_delivered_is_given_back);
    tcase_add_test(t, an_nmi_comes_with_interrupts_off);
    tcase_add_test(t, an_nmi_waits_for_iret);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
