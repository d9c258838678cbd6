/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The architecture independent calls on the real KVM, with a few bytes of real mode as guest. What
 * this host's KVM lacks is skipped by name; without /dev/kvm all is (exit status 77).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vkvm/vkvm.h>

#define PAGE      4096u
#define RAM_PAGES 64u
#define CODE      0x1000u

static struct vkvm *kvm;
static struct vkvm_vm *vm;
static struct vkvm_vcpu *vcpu;
static uint8_t *ram;
static uint32_t slot;
static int failures;
static const char *skip_reason;

#define CHECK_EQ(call, expected)                                                                   \
    do {                                                                                           \
        long long is_ = (long long)(call), want_ = (long long)(expected);                          \
        if (is_ != want_) {                                                                        \
            printf("%s:%d: %s is %lld, not %lld\n", __func__, __LINE__, #call, is_, want_);        \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)
#define CHECK(condition) CHECK_EQ(!!(condition), 1)

static bool lacks(uint32_t cap)
{
    if (vkvm_vm_check_cap(vm, cap) > 0)
        return false;
    skip_reason = vkvm_cap_name(cap);
    return true;
}

static void add_vcpu(void)
{
    struct kvm_sregs sregs;
    CHECK_EQ(vkvm_vm_create_vcpu(vm, 0, &vcpu), 0);
    CHECK_EQ(vkvm_vcpu_get_sregs(vcpu, &sregs), 0);
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    CHECK_EQ(vkvm_vcpu_set_sregs(vcpu, &sregs), 0);
}

/* Runs to the next exit that is not an interruption. */
static uint32_t run(struct vkvm_exit *ret)
{
    do {
        int r = vkvm_vcpu_run(vcpu, ret);
        if (r < 0) {
            struct vkvm_error error = VKVM_ERROR_INIT;
            char line[300] = "";
            if (vkvm_vcpu_last_error(vcpu, &error) == 0)
                vkvm_error_format(&error, line, sizeof(line));
            printf("%s\n", line);
            failures++;
            return UINT32_MAX;
        }
    } while (ret->kind == VKVM_EXIT_INTR);
    return ret->kind;
}

static void enter(const uint8_t *code, size_t size)
{
    struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
    memcpy(ram + CODE, code, size);
    CHECK_EQ(vkvm_vcpu_set_regs(vcpu, &regs), 0);
}

/* The guest writes to `count` pages from page `first` on, and halts. */
static void write_pages(unsigned int first, unsigned int count)
{
    struct vkvm_exit exit;
    const uint8_t code[] = {
        0xb8, 0x00,           (uint8_t)first,                   /* mov ax, first * 256 */
        0xb9, (uint8_t)count, 0x00,                             /* mov cx, count */
        0x8e, 0xc0,                                             /* mov es, ax */
        0x26, 0xc6,           0x06,           0x00, 0x00, 0x55, /* mov byte [es:0], 0x55 */
        0x05, 0x00,           0x01,                             /* add ax, 256 */
        0xe2, 0xf3,                                             /* loop */
        0xf4,                                                   /* hlt */
    };
    enter(code, sizeof(code));
    CHECK_EQ(run(&exit), VKVM_EXIT_HLT);
    CHECK_EQ(ram[first * PAGE], 0x55);
}

/* --- dirty tracking --- */

static struct vkvm_dirty *dirty;

/* The pages handed out now are these. */
static void expect_pages(unsigned int first, unsigned int count)
{
    struct vkvm_dirty_range range;
    bool seen[RAM_PAGES] = { false };
    CHECK_EQ(vkvm_dirty_harvest(dirty), 0);
    while (vkvm_dirty_next(dirty, &range) == 1) {
        CHECK_EQ(range.slot, slot);
        for (uint64_t at = range.offset; at < range.offset + range.length; at += PAGE)
            if (at / PAGE < RAM_PAGES)
                seen[at / PAGE] = true;
    }
    for (unsigned int page = 0; page < RAM_PAGES; page++)
        if (seen[page] != (page >= first && page < first + count)) {
            printf("form %u: page %u is %s\n", vkvm_dirty_get_form(dirty), page,
                   seen[page] ? "dirty" : "not dirty");
            failures++;
        }
}

static void track(uint32_t form)
{
    dirty = NULL;
    CHECK_EQ(vkvm_dirty_new(vm, form, 0, 0, &dirty), 0);
    if (!dirty)
        return;
    add_vcpu();
    CHECK_EQ(vkvm_dirty_add_vcpu(dirty, vcpu), 0);
    CHECK_EQ(vkvm_dirty_start(dirty), 0);
    write_pages(4, 5);
    expect_pages(4, 5);
    expect_pages(0, 0);
    write_pages(6, 20); /* some again: they were protected anew */
    write_pages(20, 10);
    expect_pages(6, 24);
    CHECK_EQ(vkvm_dirty_stop(dirty), 0);
    write_pages(4, 1);
    expect_pages(0, 0);
    CHECK_EQ(vkvm_dirty_start(dirty), 0);
    write_pages(5, 2);
    CHECK_EQ(vkvm_dirty_mark(dirty, slot, 7 * PAGE, 1), 0);
    expect_pages(5, 3);
    dirty = vkvm_dirty_free(dirty);
}

static void dirty_bitmap(void)
{
    track(VKVM_DIRTY_BITMAP);
}

static void dirty_manual(void)
{
    if (!lacks(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2))
        track(VKVM_DIRTY_MANUAL);
}

static void dirty_manual_all(void)
{
    if (lacks(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2))
        return;
    CHECK_EQ(vkvm_dirty_new(vm, VKVM_DIRTY_MANUAL, 0, VKVM_DIRTY_ALL_AT_START, &dirty), 0);
    add_vcpu();
    CHECK_EQ(vkvm_dirty_start(dirty), 0);
    expect_pages(0, RAM_PAGES);
    write_pages(9, 3);
    expect_pages(9, 3);
    dirty = vkvm_dirty_free(dirty);
}

static void dirty_ring(void)
{
    if (vkvm_vm_check_cap(vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL) <= 0 && lacks(KVM_CAP_DIRTY_LOG_RING))
        return;
    track(VKVM_DIRTY_RING);
}

static void dirty_ring_too_late(void)
{
    if (lacks(KVM_CAP_DIRTY_LOG_RING_ACQ_REL))
        return;
    struct vkvm_error error = VKVM_ERROR_INIT;
    add_vcpu();
    CHECK_EQ(vkvm_dirty_new(vm, VKVM_DIRTY_RING, 0, 0, &dirty), -EINVAL);
    CHECK_EQ(vkvm_vm_last_error(vm, &error), 0);
    CHECK_EQ(error.request, KVM_ENABLE_CAP);
    CHECK_EQ(vkvm_dirty_new(vm, VKVM_DIRTY_BEST, 0, 0, &dirty), 0);
    CHECK(vkvm_dirty_get_form(dirty) != VKVM_DIRTY_RING);
    dirty = vkvm_dirty_free(dirty);
}

/* --- memory --- */

static void holes(void)
{
    struct vkvm_exit exit;
    uint32_t behind;
    struct vkvm_memory found = VKVM_MEMORY_INIT;
    /* mov ax, 0x2000; mov es, ax; mov byte [es:0x10], 7; hlt */
    const uint8_t code[] = { 0xb8, 0x00, 0x20, 0x8e, 0xc0, 0x26, 0xc6, 0x06, 0x10, 0x00, 7, 0xf4 };
    add_vcpu();
    CHECK_EQ(vkvm_vm_punch_memory(vm, slot, 0x20000, 2 * PAGE, &behind), 0);
    CHECK_EQ(vkvm_vm_list_memory(vm, NULL, 0), 2);
    CHECK_EQ(vkvm_vm_lookup_memory(vm, 0, 0x22000, &found), 0);
    CHECK_EQ(found.slot, behind);
    enter(code, sizeof(code));
    CHECK_EQ(run(&exit), VKVM_EXIT_MMIO_WRITE);
    CHECK_EQ(exit.mmio.gpa, 0x20010);
    CHECK_EQ(exit.mmio.data[0], 7);
    /* filled again */
    uint32_t middle;
    CHECK_EQ(vkvm_vm_add_memory(vm, 0x20000, 2 * PAGE, ram + 0x20000, 0, &middle), 0);
    enter(code, sizeof(code));
    CHECK_EQ(run(&exit), VKVM_EXIT_HLT);
    CHECK_EQ(ram[0x20010], 7);
}

static void guest_memfd(void)
{
    if (lacks(KVM_CAP_GUEST_MEMFD) || lacks(KVM_CAP_USER_MEMORY2))
        return;
    int flags = vkvm_vm_check_cap(vm, KVM_CAP_GUEST_MEMFD_FLAGS);
    int fd = vkvm_vm_create_guest_memfd(vm, 16 * PAGE, flags > 0 ? (uint64_t)flags : 0);
    CHECK(fd >= 0);
    struct vkvm_memory m = VKVM_MEMORY_INIT;
    uint32_t number;
    m.gpa = 0x1000000;
    m.length = 16 * PAGE;
    m.hva = ram;
    m.flags = KVM_MEM_GUEST_MEMFD;
    m.guest_memfd = fd;
    CHECK_EQ(vkvm_vm_add_memory_slot(vm, &m, &number), 0);
    CHECK_EQ(vkvm_vm_remove_memory(vm, number), 0);
    close(fd);
    CHECK_EQ(vkvm_vm_create_guest_memfd(vm, 1, 0), -EINVAL); /* half a page */
}

static void attributes_of_memory(void)
{
    if (lacks(KVM_CAP_MEMORY_ATTRIBUTES))
        return;
    CHECK_EQ(vkvm_vm_set_memory_attributes(vm, 0, PAGE, KVM_MEMORY_ATTRIBUTE_PRIVATE), 0);
    CHECK_EQ(vkvm_vm_set_memory_attributes(vm, 0, PAGE, 0), 0);
}

static void pre_fault(void)
{
    uint64_t done = 1;
    if (lacks(KVM_CAP_PRE_FAULT_MEMORY))
        return;
    add_vcpu();
    int r = vkvm_vcpu_pre_fault(vcpu, 0, RAM_PAGES * PAGE, &done);
    if (r == -EOPNOTSUPP) {
        skip_reason = "second-level paging";
        return;
    }
    CHECK_EQ(r, 0);
    CHECK_EQ(done, RAM_PAGES * PAGE);
}

/* --- the rest --- */

static void statistics(void)
{
    struct vkvm_stats *stats[2] = { NULL, NULL };
    if (lacks(KVM_CAP_BINARY_STATS_FD))
        return;
    add_vcpu();
    CHECK_EQ(vkvm_vm_open_stats(vm, &stats[0]), 0);
    CHECK_EQ(vkvm_vcpu_open_stats(vcpu, &stats[1]), 0);
    write_pages(4, 1);
    for (int i = 0; i < 2 && stats[i]; i++) {
        CHECK_EQ(vkvm_stats_read(stats[i]), 0);
        CHECK(!strncmp(vkvm_stats_get_id(stats[i]), "kvm-", 4));
        CHECK(vkvm_stats_count(stats[i]) > 5);
        for (size_t n = 0; n < vkvm_stats_count(stats[i]); n++) {
            const struct vkvm_stat *s = vkvm_stats_get(stats[i], n);
            CHECK(s->name[0] && s->count >= 1);
            CHECK(strcmp(vkvm_stat_type_name(s->type), "?") != 0);
            CHECK(strcmp(vkvm_stat_unit_name(s->unit), "?") != 0);
        }
    }
    const struct vkvm_stat *halts = stats[1] ? vkvm_stats_find(stats[1], "halt_exits") : NULL;
    CHECK(halts && halts->unit == VKVM_STAT_NONE);
    const struct vkvm_stat *poll =
        stats[1] ? vkvm_stats_find(stats[1], "halt_poll_success_ns") : NULL;
    CHECK(poll && poll->unit == VKVM_STAT_SECONDS && poll->exponent == -9);
    vkvm_stats_close(stats[0]);
    vkvm_stats_close(stats[1]);
}

static void coalesced(void)
{
    struct vkvm_exit exit;
    struct vkvm_coalesced write;
    /* mov ax, 0xd000; mov es, ax; mov [es:8], al; mov byte [es:9], 3; out 0x61, al; hlt */
    const uint8_t code[] = { 0xb8, 0x00, 0xd0, 0x8e, 0xc0, 0x26, 0xa2, 0x08, 0x00,
                             0x26, 0xc6, 0x06, 0x09, 0x00, 0x03, 0xe6, 0x61, 0xf4 };
    if (lacks(KVM_CAP_COALESCED_MMIO) || lacks(KVM_CAP_COALESCED_PIO))
        return;
    add_vcpu();
    CHECK_EQ(vkvm_vm_add_coalesced(vm, false, 0xd0000, PAGE), 0);
    CHECK_EQ(vkvm_vm_add_coalesced(vm, true, 0x61, 1), 0);
    enter(code, sizeof(code));
    CHECK_EQ(run(&exit), VKVM_EXIT_HLT);
    CHECK_EQ(vkvm_vcpu_next_coalesced(vcpu, &write), 1);
    CHECK_EQ(write.address, 0xd0008);
    CHECK_EQ(write.length, 1);
    CHECK_EQ(write.pio, 0);
    CHECK_EQ(vkvm_vcpu_next_coalesced(vcpu, &write), 1);
    CHECK_EQ(write.address, 0xd0009);
    CHECK_EQ(write.data[0], 3);
    CHECK_EQ(vkvm_vcpu_next_coalesced(vcpu, &write), 1);
    CHECK_EQ(write.address, 0x61);
    CHECK_EQ(write.pio, 1);
    CHECK_EQ(vkvm_vcpu_next_coalesced(vcpu, &write), 0);
    CHECK_EQ(vkvm_vm_remove_coalesced(vm, false, 0xd0000, PAGE), 0);
    enter(code, sizeof(code));
    CHECK_EQ(run(&exit), VKVM_EXIT_MMIO_WRITE);
}

static void events(void)
{
    struct vkvm_exit exit;
    struct vkvm_routes *routes;
    uint32_t gsi = 0;
    uint64_t count = 0;
    /* out 0x70, al; out 0x70, ax; hlt */
    const uint8_t code[] = { 0xe6, 0x70, 0xe7, 0x70, 0xf4 };
    const struct vkvm_ioeventfd io = { .address = 0x70, .pio = 1 };
    if (lacks(KVM_CAP_IOEVENTFD_ANY_LENGTH) || lacks(KVM_CAP_SPLIT_IRQCHIP))
        return;
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    add_vcpu();
    CHECK_EQ(vkvm_vm_add_ioeventfd(vm, &io, fd), 0);
    CHECK_EQ(vkvm_vm_add_ioeventfd(vm, &io, fd), -EEXIST);
    enter(code, sizeof(code));
    CHECK_EQ(run(&exit), VKVM_EXIT_HLT);
    CHECK_EQ(read(fd, &count, 8), 8);
    CHECK_EQ(count, 2); /* both lengths */
    CHECK_EQ(vkvm_vm_remove_ioeventfd(vm, &io, fd), 0);
    vcpu = vkvm_vcpu_close(vcpu);

    struct vkvm_vm *other;
    CHECK_EQ(vkvm_create_vm(kvm, 0, &other), 0);
    CHECK_EQ(vkvm_vm_enable_split_irqchip(other, 24), 0);
    CHECK_EQ(vkvm_routes_new(other, 24, &routes), 0);
    CHECK_EQ(vkvm_routes_alloc(routes, &gsi), 0);
    CHECK_EQ(vkvm_routes_set_msi(routes, gsi, 0xfee00000, 0x41), 0);
    CHECK_EQ(vkvm_routes_commit(routes), 0);
    CHECK_EQ(vkvm_vm_add_irqfd(other, fd, gsi, -1), 0);
    CHECK_EQ(vkvm_vm_add_irqfd(other, fd, gsi, -1), -EBUSY);
    CHECK_EQ(vkvm_routes_set_msi(routes, gsi, 0xfee00000, 0x42), 0);
    CHECK_EQ(vkvm_routes_commit(routes), 0);
    CHECK_EQ(vkvm_vm_remove_irqfd(other, fd, gsi), 0);
    CHECK_EQ(vkvm_routes_release(routes, gsi), 0);
    CHECK_EQ(vkvm_routes_commit(routes), 0);
    struct kvm_irq_routing_entry nonsense = { .gsi = 3, .type = 77 };
    CHECK_EQ(vkvm_routes_set(routes, &nonsense), 0);
    CHECK_EQ(vkvm_routes_commit(routes), -EINVAL);
    vkvm_routes_rollback(routes);
    CHECK_EQ(vkvm_routes_commit(routes), 0);
    vkvm_routes_free(routes);
    vkvm_vm_close(other);
    close(fd);
}

static void devices_and_attributes(void)
{
    struct vkvm_device *device = NULL;
    uint64_t value = 0;
    CHECK_EQ(vkvm_vm_create_device(vm, 12345, 0, &device), -ENODEV);
    if (vkvm_vm_create_device(vm, KVM_DEV_TYPE_VFIO, 0, &device) == 0) {
        CHECK_EQ(vkvm_device_has_attr(device, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD), 0);
        CHECK_EQ(vkvm_device_has_attr(device, 99, 0), -ENXIO);
        vkvm_device_close(device);
    }
    if (vkvm_check_cap(kvm, KVM_CAP_SYS_ATTRIBUTES) > 0) {
        CHECK_EQ(vkvm_has_attr(kvm, 0, KVM_X86_XCOMP_GUEST_SUPP), 0);
        CHECK_EQ(vkvm_get_attr(kvm, 0, KVM_X86_XCOMP_GUEST_SUPP, &value), 0);
        CHECK(value & 1); /* x87 */
        CHECK_EQ(vkvm_has_attr(kvm, 99, 0), -ENXIO);
    }
    add_vcpu();
    CHECK(vkvm_vcpu_has_attr(vcpu, 99, 0) < 0);
    CHECK(vkvm_vm_has_attr(vm, 99, 0) < 0);
}

static void registers_by_id(void)
{
    uint64_t *ids = NULL;
    size_t count = 0;
    add_vcpu();
    int r = vkvm_vcpu_get_reg_list(vcpu, &ids, &count);
    if (r == -ENOTTY || r == -EINVAL) {
        skip_reason = "KVM_GET_REG_LIST";
        return;
    }
    CHECK_EQ(r, 0);
    for (size_t i = 0; i < count; i++)
        CHECK(vkvm_reg_size(ids[i]) > 0);
    free(ids);
}

static void errors_in_words(void)
{
    struct vkvm_error error = VKVM_ERROR_INIT;
    struct vkvm_vcpu *again = NULL;
    char line[300];
    add_vcpu();
    CHECK_EQ(vkvm_vm_create_vcpu(vm, 0, &again), -EEXIST);
    CHECK_EQ(vkvm_vm_last_error(vm, &error), 0);
    CHECK(vkvm_error_format(&error, line, sizeof(line)) > 0);
    CHECK(!strcmp(line, "KVM_CREATE_VCPU(0): File exists: this id is taken"));
    /* every capability can be asked for */
    int32_t values[300];
    CHECK(vkvm_cap_limit() < 300);
    CHECK_EQ(vkvm_vm_read_caps(vm, values, vkvm_cap_limit()), 0);
    CHECK(values[KVM_CAP_USER_MEMORY] == 1);
}

static const struct {
    const char *name;
    void (*test)(void);
} tests[] = {
    { "dirty_bitmap", dirty_bitmap },
    { "dirty_manual", dirty_manual },
    { "dirty_manual_all", dirty_manual_all },
    { "dirty_ring", dirty_ring },
    { "dirty_ring_too_late", dirty_ring_too_late },
    { "holes", holes },
    { "guest_memfd", guest_memfd },
    { "attributes_of_memory", attributes_of_memory },
    { "pre_fault", pre_fault },
    { "statistics", statistics },
    { "coalesced", coalesced },
    { "events", events },
    { "devices_and_attributes", devices_and_attributes },
    { "registers_by_id", registers_by_id },
    { "errors_in_words", errors_in_words },
};

int main(void)
{
    int r = vkvm_open(&kvm);
    if (r < 0) {
        printf("/dev/kvm: %s\n", strerror(-r));
        return 77;
    }
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        int before = failures;
        skip_reason = NULL;
        vcpu = NULL;
        ram =
            mmap(NULL, RAM_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (ram == MAP_FAILED)
            return 1;
        CHECK_EQ(vkvm_create_vm(kvm, 0, &vm), 0);
        CHECK_EQ(vkvm_vm_add_memory(vm, 0, RAM_PAGES * PAGE, ram, 0, &slot), 0);
        tests[i].test();
        vkvm_vcpu_close(vcpu);
        vkvm_vm_close(vm);
        munmap(ram, RAM_PAGES * PAGE);
        if (failures != before)
            printf("%s failed\n", tests[i].name);
        else if (skip_reason)
            printf("%s skipped: this KVM lacks %s\n", tests[i].name, skip_reason);
        else
            printf("%s passed\n", tests[i].name);
    }
    vkvm_close(kvm);
    return failures != 0;
}
