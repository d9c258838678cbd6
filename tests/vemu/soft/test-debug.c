/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A debugger outside of the guest: breakpoints in traces, steps, watchpoints, faults, interrupts
 * that wait. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/accel.h"

#define OPS (&vemu__accel_soft)
#define MIB (1u << 20)

static struct vemu_accel_vm *vm;
static struct vemu_accel_vcpu *cpu;
static uint8_t *ram;
static struct vemu_cpu_state st;
static struct vemu_exit ex;

static void pio_read(void *data, uint16_t port, unsigned size, uint32_t *value)
{
    *value = 0;
}
static void pio_write(void *data, uint16_t port, unsigned size, uint32_t value)
{
    OPS->vcpu_kick(cpu);
}
static void mmio_read(void *data, uint64_t gpa, unsigned size, uint64_t *value)
{
    *value = 0;
}
static void mmio_write(void *data, uint64_t gpa, unsigned size, uint64_t value)
{
}

/* Flat 32-bit code at 0x1000, stack below 0x8000. */
static void begin(const char *code, size_t size)
{
    static const struct vemu_accel_config config = {
        .vcpus = 1, .ioapic_pins = 24,
        .callbacks = { .pio_read = pio_read, .pio_write = pio_write, .mmio_read = mmio_read,
                       .mmio_write = mmio_write } };
    struct vemu_accel_slot slot = { .size = MIB };
    struct vemu_error *err = NULL;

    ram = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    slot.hva = ram;
    ck_assert_int_eq(OPS->vm_create(&config, &vm, &err), 0);
    ck_assert_int_eq(OPS->vcpu_create(vm, 0, &cpu, &err), 0);
    ck_assert_int_eq(OPS->mem_slot(vm, &slot), 0);
    memcpy(ram + 0x1000, code, size);
    ck_assert_int_eq(OPS->get_state(cpu, VEMU_STATE_SREGS | VEMU_STATE_REGS, &st), 0);
    for (unsigned n = 0; n < VEMU_SEG_COUNT; n++)
        st.sregs.seg[n] = (struct vemu_segment){ .limit = ~0u, .selector = n == VEMU_CS ? 8 : 16,
            .type = n == VEMU_CS ? 11 : 3, .s = 1, .present = 1, .db = 1, .g = 1 };
    st.sregs.cr0 = 0x11;
    /* an interrupt table at 0x3000 whose #UD gate leads to 0x2000, and a code descriptor */
    st.sregs.idt = (struct vemu_dtable){ 0x3000, 0xff };
    st.sregs.gdt = (struct vemu_dtable){ 0x4000, 0x1f };
    memcpy(ram + 0x3000 + 6 * 8, "\x00\x20\x08\x00\x00\x8e\x00\x00", 8);
    memcpy(ram + 0x4008, "\xff\xff\x00\x00\x00\x9b\xcf\x00", 8);
    st.regs.rip = 0x1000;
    st.regs.gpr[VEMU_RSP] = 0x8000;
    st.regs.rflags = 2;
    st.mp_state = VEMU_MP_RUNNABLE;
    ck_assert_int_eq(OPS->set_state(cpu, VEMU_STATE_SREGS | VEMU_STATE_REGS | VEMU_STATE_MP, &st),
                     0);
}
#define BEGIN(code) begin(code, sizeof(code) - 1)

static void end(void)
{
    OPS->vcpu_destroy(cpu);
    OPS->vm_destroy(vm);
    munmap(ram, MIB);
}

static void debug(bool step, const struct vemu_debug_point *points, uint32_t count)
{
    const struct vemu_debug d = { step, count, points };

    ck_assert_int_eq(OPS->set_debug(cpu, &d), 0);
}

static void run(int reason)
{
    ck_assert_int_eq(OPS->vcpu_run(cpu, &ex), 0);
    ck_assert_int_eq(ex.reason, reason);
    ck_assert_int_eq(OPS->get_state(cpu, VEMU_STATE_REGS, &st), 0);
}

static void stops(enum vemu_debug_kind kind, uint64_t address, uint64_t rip)
{
    run(VEMU_EXIT_DEBUG);
    ck_assert_int_eq(ex.debug.kind, kind);
    ck_assert_uint_eq(ex.debug.address, address);
    ck_assert_uint_eq(st.regs.rip, rip);
}

/* 1000 mov $3,%ecx; 1005 inc %eax; 1006 nop; 1007 dec %ecx; 1008 jnz 1005; 100a out; 100c hlt */
#define LOOP "\xb9\x03\x00\x00\x00\x40\x90\x49\x75\xfb\xe6\xf4\xf4"

START_TEST(breakpoints)
{
    static const struct vemu_debug_point points[] = {
        { VEMU_DEBUG_SOFTWARE, 0x1006, 1 }, /* a NOP, which has no record of its own */
        { VEMU_DEBUG_EXECUTE, 0x1008, 1 },  /* the second half of a fused pair */
        { VEMU_DEBUG_SOFTWARE, 0x2006, 1 }, /* the same offset of another page */
    };
    static const struct vemu_debug_point wrong = { VEMU_DEBUG_STEP, 0, 1 };
    const struct vemu_debug bad = { false, 1, &wrong };

    BEGIN(LOOP);
    debug(false, points, 3);
    stops(VEMU_DEBUG_SOFTWARE, 0x1006, 0x1006);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RAX], 1);
    stops(VEMU_DEBUG_SOFTWARE, 0x1006, 0x1006); /* not stepped over: there it is */
    debug(true, points, 3);
    stops(VEMU_DEBUG_STEP, 0, 0x1007);
    debug(false, points, 3);
    stops(VEMU_DEBUG_EXECUTE, 0x1008, 0x1008);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RCX], 2);
    ck_assert(!(st.regs.rflags & 0x40)); /* flags are there although nobody reads them */
    ck_assert_uint_eq(ram[0x1006], 0x90);
    ck_assert_int_eq(OPS->set_debug(cpu, &bad), -EINVAL);
    debug(false, NULL, 0);
    run(VEMU_EXIT_INTR);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RAX], 3);
    end();
}
END_TEST

START_TEST(steps)
{
    BEGIN("\x40\x0f\x0b"); /* inc %eax; ud2 */
    memcpy(ram + 0x2000, "\x43\xf4", 2); /* its handler: inc %ebx; hlt */
    debug(true, NULL, 0);
    stops(VEMU_DEBUG_STEP, 0, 0x1001);
    stops(VEMU_DEBUG_STEP, 0, 0x2000); /* a fault is a step to its handler */
    stops(VEMU_DEBUG_STEP, 0, 0x2001);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RBX], 1);
    stops(VEMU_DEBUG_STEP, 0, 0x2002); /* HLT is one, too: it does not wait */
    end();
}
END_TEST

START_TEST(steps_keep_interrupts_out)
{
    BEGIN("\x40\x40\xf4");
    memcpy(ram + 0x3000 + 2 * 8, "\x00\x20\x08\x00\x00\x8e\x00\x00", 8); /* NMI */
    OPS->inject_nmi(cpu);
    debug(true, NULL, 0);
    stops(VEMU_DEBUG_STEP, 0, 0x1001);
    stops(VEMU_DEBUG_STEP, 0, 0x1002);
    ram[0x2000] = 0xe6; /* out: it comes as soon as the debugger lets go */
    ram[0x2001] = 0xf4;
    debug(false, NULL, 0);
    run(VEMU_EXIT_INTR);
    ck_assert_uint_eq(st.regs.rip, 0x2002);
    end();
}
END_TEST

START_TEST(watchpoints)
{
    static const struct vemu_debug_point write = { VEMU_DEBUG_WRITE, 0x5000, 4 };
    static const struct vemu_debug_point read = { VEMU_DEBUG_READ, 0x5000, 4 };
    static const struct vemu_debug_point access = { VEMU_DEBUG_ACCESS, 0x5004, 1 };

    /* mov %eax,0x5000; mov 0x5000,%ebx; incl 0x5003; mov %eax,0x5008; out */
    BEGIN("\xa3\x00\x50\x00\x00\x8b\x1d\x00\x50\x00\x00\xff\x05\x03\x50\x00\x00"
          "\xa3\x08\x50\x00\x00\xe6\xf4");
    debug(false, &write, 1);
    stops(VEMU_DEBUG_WRITE, 0x5000, 0x1005);
    stops(VEMU_DEBUG_WRITE, 0x5000, 0x1011); /* not the load; but INC, which overlaps */
    run(VEMU_EXIT_INTR);
    st.regs.rip = 0x1000;
    ck_assert_int_eq(OPS->set_state(cpu, VEMU_STATE_REGS, &st), 0);
    debug(false, &read, 1);
    stops(VEMU_DEBUG_READ, 0x5000, 0x100b);
    stops(VEMU_DEBUG_READ, 0x5000, 0x1011);
    run(VEMU_EXIT_INTR);
    st.regs.rip = 0x1000;
    ck_assert_int_eq(OPS->set_state(cpu, VEMU_STATE_REGS, &st), 0);
    debug(false, &access, 1);
    stops(VEMU_DEBUG_ACCESS, 0x5004, 0x1011);
    run(VEMU_EXIT_INTR);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-debug");
    TCase *tc = tcase_create("all");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, breakpoints);
    tcase_add_test(tc, steps);
    tcase_add_test(tc, steps_keep_interrupts_out);
    tcase_add_test(tc, watchpoints);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
