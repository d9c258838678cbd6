/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trace events: switching, patterns, lines; boot times; flags that change.
 */
#include "test-main.h"

#include <vemu/trace.h>

#include "core/vm.h"

struct seen {
    unsigned count;
    char last[300];
};

static void note(void *data, const char *line)
{
    struct seen *seen = data;

    seen->count++;
    snprintf(seen->last, sizeof(seen->last), "%s", line);
}

START_TEST(test_list)
{
    struct vemu_trace_info info = VEMU_TRACE_INFO_INIT;
    uint32_t n = 0;

    for (; vemu_trace_get(n, &info) == 0; n++) {
        ck_assert_uint_gt(strlen(info.name), 2);
        ck_assert_uint_gt(strlen(info.summary), 5);
    }
    ck_assert_uint_eq(n, VEMU_TRACE_COUNT);
    ck_assert_int_eq(vemu_trace_get(UINT32_MAX, &info), -ENOENT);
    info.size = 4;
    ck_assert_int_eq(vemu_trace_get(0, &info), -EINVAL);
}
END_TEST

START_TEST(test_switching)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct seen seen = { 0 };

    VEMU_TRACE(vm, IO_READ, "x", 1, 2, 3);
    ck_assert_int_eq(vemu_vm_set_trace_handler(vm, note, &seen), 0);
    OK(vemu_vm_set_trace(vm, "io_read", 1, &err));
    ck_assert_int_eq(vemu_vm_set_trace_handler(vm, note, &seen), -EBUSY);
    ck_assert_int_eq(vemu_vm_get_trace(vm, VEMU_TRACE_IO_READ), 1);
    ck_assert_int_eq(vemu_vm_get_trace(vm, VEMU_TRACE_IO_WRITE), 0);
    ck_assert_int_eq(vemu_vm_get_trace(vm, VEMU_TRACE_COUNT), -ENOENT);
    VEMU_TRACE(vm, IO_READ, NULL, 0x80, 1, 0xff);
    ck_assert_str_eq(seen.last, "io_read port=0x80 size=0x1 value=0xff");
    VEMU_TRACE(vm, IO_WRITE, NULL, 0x80, 1, 0xff);
    ck_assert_uint_eq(seen.count, 1);
    VEMU_TRACE(vm, IO_READ, "somebody", UINT64_MAX);
    ck_assert_str_eq(seen.last, "io_read somebody port=0xffffffffffffffff size=0x0 value=0x0");
    OK(vemu_vm_set_trace(vm, "*", 0, &err));
    VEMU_TRACE(vm, IO_READ, NULL, 0);
    ck_assert_uint_eq(seen.count, 2);
    FAILS(vemu_vm_set_trace(vm, "nobody", 1, &err), ENOENT, "'nobody'");
    FAILS(vemu_vm_set_trace(vm, "", 1, &err), ENOENT, "''");
    ck_assert_int_eq(vemu_vm_set_trace(vm, "mmio_*", 1, NULL), 2);
    vemu_vm_unref(vm);
}
END_TEST

/* A name that is longer than a line. */
START_TEST(test_long)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct seen seen = { 0 };
    char who[1000];

    memset(who, 'w', sizeof(who) - 1);
    who[sizeof(who) - 1] = '\0';
    vemu_vm_set_trace_handler(vm, note, &seen);
    OK(vemu_vm_set_trace(vm, "*", 1, &err));
    VEMU_TRACE(vm, MEMORY_SLOT, who, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    ck_assert_uint_eq(strlen(seen.last), 255);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(test_life)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct seen seen = { 0 };

    vemu_vm_set_trace_handler(vm, note, &seen);
    OK(vemu_vm_set_trace(vm, "vm_*", 1, &err));
    OK(vemu_vm_realize(vm, &err));
    ck_assert_str_eq(seen.last, "vm_state not started state=0x1");
    ck_assert_int_eq(atomic_load(&vm->times.started), 0);
    OK(vemu_vm_start(vm, &err));
    ck_assert(atomic_load(&vm->times.started) >= vm->times.realized);
    ck_assert(vm->times.realized >= vm->times.created);
    vemu_vm_report_progress(vm, 0x42);
    ck_assert(atomic_load(&vm->times.codes[0x42]) >= atomic_load(&vm->times.started));
    OK(vemu_vm_reset(vm, &err));
    ck_assert_int_eq(atomic_load(&vm->times.codes[0x42]), 0);
    ck_assert_int_ne(atomic_load(&vm->times.started), 0);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(test_flags)
{
    struct vemu_vm *vm = fake_vm(NULL);

    ck_assert_uint_eq(vemu_vm_get_flags(vm) & VEMU_VM_NO_REBOOT, 0);
    OK(vemu_vm_set_flags(vm, VEMU_VM_NO_REBOOT, UINT32_MAX, &err));
    ck_assert_uint_eq(vemu_vm_get_flags(vm) & ~VEMU_VM_CALLER_LOOP, VEMU_VM_NO_REBOOT);
    FAILS(vemu_vm_set_flags(vm, VEMU_VM_CALLER_LOOP, 0, &err), EINVAL, "0x4");
    OK(vemu_vm_set_flags(vm, VEMU_VM_NO_REBOOT, 0, &err));
    ck_assert_uint_eq(vemu_vm_get_flags(vm) & VEMU_VM_NO_REBOOT, 0);
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_list, test_switching, test_long, test_life, test_flags, NULL
    };

    return run_tests("trace", tests);
}
