/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The accelerator interface: slots, dirty log, ioeventfds, vCPU life, kicks, SMP start, devices
 * that change memory from inside a callback. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vemu/error.h>

#include "accel/accel.h"

#define OPS (&vemu__accel_soft)
#define MIB (1u << 20)

static struct vemu_accel_vm *vm;
static struct vemu_accel_vcpu *cpu;
static struct vemu_error *err;
static uint8_t *ram;
static struct vemu_cpu_state st;
static struct vemu_exit ex;
static uint32_t ports[256];
static uint64_t mmio_at, mmio_value;
static unsigned mmio_writes;
static void (*on_port)(uint16_t port, uint32_t value);

static void pio_read(void *data, uint16_t port, unsigned size, uint32_t *value)
{
    *value = ports[port & 0xff];
}
static void pio_write(void *data, uint16_t port, unsigned size, uint32_t value)
{
    ports[port & 0xff] = value;
    if (port == 0xf4)
        OPS->vcpu_kick(cpu);
    else if (on_port)
        on_port(port, value);
}
static void mmio_read(void *data, uint64_t gpa, unsigned size, uint64_t *value)
{
    mmio_at = gpa;
    *value = 0x1122334455667788;
}
static void mmio_write(void *data, uint64_t gpa, unsigned size, uint64_t value)
{
    mmio_at = gpa;
    mmio_value = value;
    mmio_writes++;
}

static const struct vemu_accel_config config = {
    .vcpus = 3, .ioapic_pins = 24,
    .callbacks = { .pio_read = pio_read, .pio_write = pio_write, .mmio_read = mmio_read,
                   .mmio_write = mmio_write } };

static void setup(void)
{
    ram = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(ports, 0, sizeof(ports));
    mmio_writes = 0;
    mmio_at = 0;
    on_port = NULL;
    ck_assert_int_eq(OPS->vm_create(&config, &vm, &err), 0);
    ck_assert_int_eq(OPS->vcpu_create(vm, 0, &cpu, &err), 0);
}
static void teardown(void)
{
    OPS->vcpu_destroy(cpu);
    OPS->vm_destroy(vm);
    munmap(ram, 4 * MIB);
}

static int slot(uint32_t id, uint64_t gpa, uint64_t size, void *hva, uint32_t flags)
{
    const struct vemu_accel_slot s = { .slot = id, .flags = flags, .gpa = gpa, .size = size,
                                       .hva = hva };
    return OPS->mem_slot(vm, &s);
}

/* Flat 32-bit protected mode at 0x1000. */
static void start_at(struct vemu_accel_vcpu *v, const void *code, size_t size)
{
    memcpy(ram + 0x1000, code, size);
    OPS->ram_written(vm, 0x1000, size);
    memset(&st, 0, sizeof(st));
    ck_assert_int_eq(OPS->get_state(v, VEMU_STATE_SREGS | VEMU_STATE_REGS, &st), 0);
    for (unsigned n = 0; n < VEMU_SEG_COUNT; n++)
        st.sregs.seg[n] = (struct vemu_segment){ .limit = ~0u, .selector = n == VEMU_CS ? 8 : 16,
            .type = n == VEMU_CS ? 11 : 3, .s = 1, .present = 1, .db = 1, .g = 1 };
    st.sregs.cr0 = 0x11;
    st.regs.rip = 0x1000;
    st.regs.gpr[VEMU_RSP] = 0x8000;
    st.regs.rflags = 2;
    st.mp_state = VEMU_MP_RUNNABLE;
    ck_assert_int_eq(OPS->set_state(v, VEMU_STATE_SREGS | VEMU_STATE_REGS | VEMU_STATE_MP, &st), 0);
}
static void run(const void *code, size_t size)
{
    start_at(cpu, code, size);
    ck_assert_int_eq(OPS->vcpu_run(cpu, &ex), 0);
    ck_assert_int_eq(ex.reason, VEMU_EXIT_INTR);
    ck_assert_int_eq(OPS->get_state(cpu, VEMU_STATE_REGS, &st), 0);
}
#define RUN(code) run(code, sizeof(code) - 1)
#define END "\xe6\xf4\xf4" /* out %al, $0xf4; hlt */

START_TEST(slots)
{
    ck_assert_int_eq(slot(0, 0, MIB, ram, 0), 0);
    ck_assert_int_eq(slot(1, MIB - 4096, MIB, ram + MIB, 0), -EEXIST);
    ck_assert_int_eq(slot(1, MIB + 1, MIB, ram + MIB, 0), -EINVAL);
    ck_assert_int_eq(slot(1, MIB, MIB, ram + MIB + 1, 0), -EINVAL);
    ck_assert_int_eq(slot(1, MIB, MIB, NULL, 0), -EINVAL);
    ck_assert_int_eq(slot(1, ~0ull << 12, 8192, ram, 0), -EINVAL);
    ck_assert_int_eq(slot(1, MIB, MIB, ram + MIB, 1u << 5), -EINVAL);
    ck_assert_int_eq(slot(9, 0, 0, NULL, 0), -EINVAL); /* not there */
    ck_assert_int_eq(slot(1, MIB, MIB, ram + MIB, 0), 0);
    ck_assert_int_eq(slot(0, 0, 0, NULL, 0), 0);
    ck_assert_int_eq(slot(0, 0, MIB, ram, VEMU_SLOT_READONLY), 0);
}
END_TEST

START_TEST(io)
{
    uint64_t gpa;

    ck_assert_int_eq(slot(0, 0, 2 * MIB, ram, 0), 0);
    ck_assert_int_eq(slot(1, 0xf0000000, 4096, ram + 2 * MIB, VEMU_SLOT_READONLY), 0);
    ports[0x20] = 0x12345678;
    /* in $0x20, %eax; mov %eax, %ebx; mov 0xe0000010, %ecx; movb $0x55, 0xf0000008; out.. */
    RUN("\xe5\x20\x89\xc3\x8b\x0d\x10\x00\x00\xe0\xc6\x05\x08\x00\x00\xf0\x55" END);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RBX], 0x12345678);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RCX], 0x55667788);
    ck_assert_uint_eq(mmio_at, 0xf0000008); /* a write to ROM goes to the device */
    ck_assert_uint_eq(mmio_value, 0x55);
    ck_assert_uint_eq(ram[2 * MIB + 8], 0);
    ck_assert_int_eq(OPS->translate(cpu, 0x1234, &gpa), 0);
    ck_assert_uint_eq(gpa, 0x1234);
}
END_TEST

START_TEST(dirty_log)
{
    uint64_t bits[8] = { 0 };

    ck_assert_int_eq(slot(0, 0, 2 * MIB, ram, VEMU_SLOT_LOG_DIRTY), 0);
    ck_assert_int_eq(OPS->dirty_get(vm, 5, bits), -ENOENT);
    ck_assert_int_eq(OPS->dirty_get(vm, 0, bits), 0);
    memset(bits, 0, sizeof(bits));
    /* mov %eax, 0x20000; mov 0x30000, %eax; mov %eax, 0x42ffe (two pages); out */
    RUN("\xa3\x00\x00\x02\x00\xa1\x00\x00\x03\x00\xa3\xfe\x2f\x04\x00" END);
    ck_assert_int_eq(OPS->dirty_get(vm, 0, bits), 0);
    ck_assert_uint_eq(bits[0], 1ull << 0x20);
    ck_assert_uint_eq(bits[1], 1ull << 2 | 1ull << 3); /* pages 0x42, 0x43 */
    memset(bits, 0, sizeof(bits));
    ck_assert_int_eq(OPS->dirty_get(vm, 0, bits), 0);
    ck_assert_uint_eq(bits[0] | bits[1], 0);
    RUN("\xa3\x00\x00\x02\x00" END); /* again: the TLB must not hide it */
    ck_assert_int_eq(OPS->dirty_get(vm, 0, bits), 0);
    ck_assert_uint_eq(bits[0], 1ull << 0x20);
    ck_assert_int_eq(slot(0, 0, 2 * MIB, ram, 0), 0);
    ck_assert_int_eq(OPS->dirty_get(vm, 0, bits), -EINVAL);
}
END_TEST

START_TEST(ioeventfds)
{
    int a = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), b = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    uint64_t v;

    ck_assert_int_eq(slot(0, 0, 2 * MIB, ram, 0), 0);
    ck_assert_int_eq(OPS->ioeventfd(vm, true, false, 0xe0000050, 4, true, 1, a), 0);
    ck_assert_int_eq(OPS->ioeventfd(vm, true, false, 0xe0000050, 4, true, 1, b), -EEXIST);
    ck_assert_int_eq(OPS->ioeventfd(vm, true, true, 0x60, 0, false, 0, b), 0);
    ck_assert_int_eq(OPS->ioeventfd(vm, true, true, 0x10000, 1, false, 0, b), -EINVAL);
    ck_assert_int_eq(OPS->ioeventfd(vm, true, false, 0x60, 3, false, 0, b), -EINVAL);
    /* movl $1, 0xe0000050; movl $2, 0xe0000050; movw $1, 0xe0000050; out %al, $0x60 */
    RUN("\xc7\x05\x50\x00\x00\xe0\x01\x00\x00\x00\xc7\x05\x50\x00\x00\xe0\x02\x00\x00\x00"
        "\x66\xc7\x05\x50\x00\x00\xe0\x01\x00\xe6\x60" END);
    ck_assert_int_eq(read(a, &v, 8), 8);
    ck_assert_uint_eq(v, 1);
    ck_assert_uint_eq(mmio_writes, 2); /* another value, another size */
    ck_assert_int_eq(read(b, &v, 8), 8);
    ck_assert_uint_eq(ports[0x60], 0);
    ck_assert_int_eq(OPS->ioeventfd(vm, false, false, 0xe0000050, 4, true, 2, a), -ENOENT);
    ck_assert_int_eq(OPS->ioeventfd(vm, false, false, 0xe0000050, 4, true, 1, a), 0);
    RUN("\xc7\x05\x50\x00\x00\xe0\x01\x00\x00\x00" END);
    ck_assert_int_lt(read(a, &v, 8), 0);
    ck_assert_uint_eq(mmio_writes, 3);
    close(a);
    close(b);
}
END_TEST

START_TEST(vcpu_life)
{
    struct vemu_accel_vcpu *again;
    static struct vemu_cpuid cpuid;

    ck_assert_int_eq(OPS->vcpu_create(vm, 0, &again, &err), -EEXIST);
    ck_assert_ptr_nonnull(strstr(vemu_error_message(err), "vCPU 0"));
    err = vemu_error_free(err);
    ck_assert_int_eq(OPS->vcpu_create(vm, 3, &again, &err), -EINVAL);
    err = vemu_error_free(err);
    for (unsigned n = 0; n < 3; n++) {
        ck_assert_int_eq(OPS->vcpu_create(vm, 1, &again, &err), 0);
        ck_assert_int_eq(OPS->get_state(again, VEMU_STATE_MP, &st), 0);
        ck_assert_int_eq(st.mp_state, VEMU_MP_UNINITIALIZED);
        ck_assert_int_eq(OPS->signal_msi(vm, 0xfee01000, 0x400), 1);
        OPS->vcpu_destroy(again);
        ck_assert_int_eq(OPS->signal_msi(vm, 0xfee01000, 0x400), 0); /* nobody there any more */
    }
    ck_assert_int_eq(OPS->supported_cpuid(&config, NULL, &cpuid), -EAGAIN);
    ck_assert_int_eq(OPS->supported_cpuid(&config, vm, &cpuid), 0);
    ck_assert_int_eq(OPS->set_cpuid(cpu, &cpuid), 0);
    cpuid.count = VEMU_CPUID_MAX + 1;
    ck_assert_int_eq(OPS->set_cpuid(cpu, &cpuid), -EINVAL);
    ck_assert_int_eq(OPS->get_cpuid(cpu, &cpuid), 0);
    ck_assert_int_eq(OPS->vcpu_reset(cpu), 0);
    ck_assert_int_eq(OPS->get_state(cpu, VEMU_STATE_REGS | VEMU_STATE_SREGS, &st), 0);
    ck_assert_uint_eq(st.regs.rip, 0xfff0);
    ck_assert_uint_eq(st.sregs.seg[VEMU_CS].base, 0xffff0000);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RDX], cpuid.entries[1].eax);
    OPS->vcpu_kick(cpu); /* before the run: it returns at once */
    ck_assert_int_eq(OPS->vcpu_run(cpu, &ex), 0);
    ck_assert_int_eq(ex.reason, VEMU_EXIT_INTR);
}
END_TEST

/* A device replaces memory while the vCPU is in the middle of the instruction that asked for it. */
static void swap_slot(uint16_t port, uint32_t value)
{
    ck_assert_int_eq(slot(1, 2 * MIB, 0, NULL, 0), 0);
    ck_assert_int_eq(slot(1, 2 * MIB, MIB, ram + 3 * MIB, 0), 0);
}

START_TEST(slot_change_in_callback)
{
    on_port = swap_slot;
    memset(ram + 2 * MIB, 0x11, 16);
    memset(ram + 3 * MIB, 0x33, 16);
    ck_assert_int_eq(slot(0, 0, 2 * MIB, ram, 0), 0);
    ck_assert_int_eq(slot(1, 2 * MIB, MIB, ram + 2 * MIB, 0), 0);
    /* mov 0x200000, %ebx; out %al, $0x92; mov 0x200000, %ecx; movb $0x44, 0x200004 */
    RUN("\x8b\x1d\x00\x00\x20\x00\xe6\x92\x8b\x0d\x00\x00\x20\x00\xc6\x05\x04\x00\x20\x00\x44" END);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RBX], 0x11111111);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RCX], 0x33333333);
    ck_assert_uint_eq(ram[2 * MIB + 4], 0x11);
    ck_assert_uint_eq(ram[3 * MIB + 4], 0x44);
}
END_TEST

/* Code that a device overwrites is not executed from the trace cache. */
START_TEST(dma_over_code)
{
    ck_assert_int_eq(slot(0, 0, 2 * MIB, ram, 0), 0);
    RUN("\xb8\x01\x00\x00\x00" END);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RAX], 1);
    ram[0x1001] = 2;
    OPS->ram_written(vm, 0x1001, 1);
    st.regs.rip = 0x1000;
    ck_assert_int_eq(OPS->set_state(cpu, VEMU_STATE_REGS, &st), 0);
    ck_assert_int_eq(OPS->vcpu_run(cpu, &ex), 0);
    ck_assert_int_eq(OPS->get_state(cpu, VEMU_STATE_REGS, &st), 0);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RAX], 2);
    OPS->ram_written(vm, 0xfff, 0x100000000); /* past the end: nothing */
}
END_TEST

START_TEST(shutdown)
{
    ck_assert_int_eq(slot(0, 0, 2 * MIB, ram, 0), 0);
    start_at(cpu, "\x0f\x0b", 2);
    ck_assert_int_eq(OPS->vcpu_run(cpu, &ex), 0);
    ck_assert_int_eq(ex.reason, VEMU_EXIT_SHUTDOWN);
}
END_TEST

/* --- two vCPUs -------------------------------------------------------------------------------- */

static pthread_mutex_t device = PTHREAD_MUTEX_INITIALIZER;
static struct vemu_accel_vcpu *second;
static pthread_barrier_t ready;
static _Atomic bool stop;

/* A device with a lock whose writes change memory: while one vCPU stops the other for that, the
 * other may be waiting for the device's lock. */
static void locked_device(uint16_t port, uint32_t value)
{
    if (port == 0x80)
        return;
    pthread_mutex_lock(&device);
    ck_assert_int_eq(slot(1, 2 * MIB, 0, NULL, 0), 0);
    ck_assert_int_eq(slot(1, 2 * MIB, MIB, ram + (port == 0x92 ? 2 : 3) * MIB, 0), 0);
    pthread_mutex_unlock(&device);
}

static void *second_main(void *data)
{
    struct vemu_exit e;

    ck_assert_int_eq(OPS->vcpu_create(vm, 1, &second, NULL), 0);
    pthread_barrier_wait(&ready);
    do {
        ck_assert_int_eq(OPS->vcpu_run(second, &e), 0);
        ck_assert_int_eq(e.reason, VEMU_EXIT_INTR);
    } while (!stop);
    return NULL;
}

START_TEST(callbacks_and_stopping)
{
    pthread_t t;
    static const uint8_t ap[] = {
        0xe6, 0x93, 0xa2, 0x00, 0x05, 0xfe, 0x06, 0x02, 0x05, 0xeb, 0xf5
    };
    /* 0x2000, real mode: 1: out %al, $0x93; mov %al, 0x500; incb 0x502; jmp 1b */

    on_port = locked_device;
    stop = false;
    ck_assert_int_eq(slot(0, 0, 2 * MIB, ram, 0), 0);
    ck_assert_int_eq(slot(1, 2 * MIB, MIB, ram + 2 * MIB, 0), 0);
    memcpy(ram + 0x2000, ap, sizeof(ap));
    pthread_barrier_init(&ready, NULL, 2);
    pthread_create(&t, NULL, second_main, NULL);
    pthread_barrier_wait(&ready);
    /* movl $2 << 16 ..: INIT, SIPI to vCPU 1 through the xAPIC, then 2000 rounds of out $0x92 */
    RUN("\xc7\x05\x10\x03\xe0\xfe\x00\x00\x00\x01"     /* movl $0x1000000, 0xfee00310 */
        "\xc7\x05\x00\x03\xe0\xfe\x00\x45\x00\x00"     /* movl $0x4500, 0xfee00300 */
        "\xc7\x05\x00\x03\xe0\xfe\x02\x46\x00\x00"     /* movl $0x4602, 0xfee00300 */
        "\x80\x3d\x02\x05\x00\x00\x00\x74\xf7"         /* 1: cmpb $0, 0x502; je 1b */
        "\xb9\xd0\x07\x00\x00"                         /* mov $2000, %ecx */
        "\xe6\x92\xa1\x00\x00\x20\x00\xe2\xf7"         /* 2: out; mov 0x200000, %eax; loop 2b */
        END);
    ck_assert_uint_eq(st.regs.gpr[VEMU_RCX], 0);
    stop = true;
    OPS->vcpu_kick(second);
    pthread_join(t, NULL);
    OPS->vcpu_destroy(second);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-accel");
    TCase *t = tcase_create("accel");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, slots);
    tcase_add_test(t, io);
    tcase_add_test(t, dirty_log);
    tcase_add_test(t, ioeventfds);
    tcase_add_test(t, vcpu_life);
    tcase_add_test(t, slot_change_in_callback);
    tcase_add_test(t, dma_over_code);
    tcase_add_test(t, shutdown);
    tcase_add_test(t, callbacks_and_stopping);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
