/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a q35 tells its firmware about booting: paths of devices, letters, options; and what it
 * refuses.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vemu/block.h>

#include "core/bootindex.h"
#include "core/vm.h"
#include "devices/suite.h"
#include "fake-accel.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct vemu_error *err = NULL;                                                             \
        int result_ = (call);                                                                      \
        fake_ok(result_, err);                                                                     \
    } while (0)
#define FAILS(call, code, words)                                                                   \
    do {                                                                                           \
        struct vemu_error *err = NULL;                                                             \
        ck_assert_int_eq(call, -(code));                                                           \
        ck_assert_msg(strstr(vemu_error_message(err), words), "%s", vemu_error_message(err));      \
        vemu_error_free(err);                                                                      \
    } while (0)

static struct vemu_vm *vm;
static char path[32];

static int new_vm(const char *options, struct vemu_error **err)
{
    g_autofree char *machine = g_strdup_printf("q35,pflash0=d0%s", options);
    struct vemu_vm_config config = VEMU_VM_CONFIG_INIT;
    const struct vemu_vm_parts parts = { .accel = &fake_accel, .accel_reason = "test" };

    config.machine = machine;
    config.memory_bytes = 64 << 20;
    return vemu__vm_new(&config, &parts, &vm, err);
}

/* A machine with drives d0 (its flash) to d7 on an empty image. */
static void start(const char *options)
{
    int fd;

    strcpy(path, "/tmp/vemu-boot-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
    close(fd);
    OK(new_vm(options, &err));
    for (unsigned i = 0; i < 8; i++) {
        const struct vemu_property props[] = { { "filename", path }, { "read-only", "on" } };
        char id[4];

        g_snprintf(id, sizeof(id), "d%u", i);
        OK(vemu_vm_add_block(vm, "file", id, props, 2, &err));
    }
}

static void end(void)
{
    vemu_vm_unref(vm);
    unlink(path);
}

/* "name=value,..." */
static int add(const char *class_name, const char *id, const char *text, struct vemu_error **err)
{
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    struct vemu_property props[8];
    size_t count = 0;

    for (; items[count]; count++) {
        props[count].name = strtok(items[count], "=");
        props[count].value = strtok(NULL, "");
    }
    return vemu_vm_add_device(vm, class_name, id, props, count, err);
}

static uint64_t in(uint16_t port, unsigned size)
{
    return vemu__memory_read(vm->memory, VEMU_SPACE_IO, port, size);
}

static void out(uint16_t port, unsigned size, uint64_t value)
{
    vemu__memory_write(vm->memory, VEMU_SPACE_IO, port, size, value);
}

static void read_item(uint16_t item, void *buf, size_t size)
{
    out(0x510, 2, item);
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)buf)[i] = (uint8_t)in(0x511, 1);
}

/* The file's contents; NULL: there is none. */
static const char *file(const char *name, size_t *ret_size)
{
    static char text[4096];
    uint8_t entry[64];
    uint32_t count;

    read_item(0x19, &count, 4);
    for (count = GUINT32_FROM_BE(count); count--;) {
        for (unsigned i = 0; i < sizeof(entry); i++)
            entry[i] = (uint8_t)in(0x511, 1);
        if (strcmp((char *)entry + 8, name) != 0)
            continue;
        *ret_size = (size_t)entry[2] << 8 | entry[3];
        read_item((uint16_t)(entry[4] << 8 | entry[5]), text, MIN(*ret_size, sizeof(text)));
        return text;
    }
    return NULL;
}

static uint8_t cmos(uint8_t index)
{
    out(0x70, 1, index);
    return (uint8_t)in(0x71, 1);
}

START_TEST(test_paths)
{
    static const char want[] = "/pci@i0cf8/scsi@4/disk@0,0\n"
                               "/pci@i0cf8/pci8086,2922@1f,2/drive@3/disk@0\n"
                               "/pci@i0cf8/scsi@6,1/channel@0/disk@2,1\n"
                               "/pci@i0cf8/pci-bridge@5/scsi@0/disk@0,0\n"
                               "/pci@i0cf8/pci8086,2922@1f,2/drive@0/disk@0\n"
                               "/pci@i0cf8/scsi@6,1/channel@0/disk@a,0";
    size_t size;
    const char *list;

    start("");
    OK(add("pcie-root-port", "rp", "addr=5", &err));
    OK(add("virtio-scsi-pci", "s0", "addr=6,multifunction=on", &err));
    OK(add("virtio-scsi-pci", "s", "addr=6.1", &err));
    OK(add("virtio-blk-pci", "behind", "drive=d1,bus=rp,bootindex=3", &err));
    OK(add("virtio-blk-pci", "first", "drive=d2,addr=4,bootindex=0", &err));
    OK(add("virtio-blk-pci", "none", "drive=d3,addr=7", &err));
    OK(add("ide-cd", "cd", "drive=d4,bus=ide.3,bootindex=1", &err));
    OK(add("ide-hd", "hd", "drive=d5,bus=ide.0,bootindex=100", &err));
    OK(add("scsi-cd", "scd", "drive=d6,bus=s.0,scsi-id=2,lun=1,bootindex=2", &err));
    OK(add("scsi-hd", "shd", "drive=d7,bus=s.0,scsi-id=10,bootindex=2147483647", &err));
    OK(vemu_vm_realize(vm, &err));
    list = file("bootorder", &size);
    ck_assert_ptr_nonnull(list);
    ck_assert_uint_eq(size, sizeof(want));
    ck_assert_str_eq(list, want);
    end();
}
END_TEST

START_TEST(test_letters)
{
    size_t size;
    uint8_t menu[2];

    start(",boot.once=dc,boot.menu=on,boot.splash-time=1000,boot.reboot-timeout=513,"
          "boot.strict=on");
    OK(vemu_vm_realize(vm, &err));
    ck_assert_uint_eq(cmos(0x3d), 0x23);
    ck_assert_uint_eq(cmos(0x38), 0x00);
    OK(vemu_vm_reset(vm, &err));
    ck_assert_uint_eq(cmos(0x3d), 0x12); /* cad */
    ck_assert_uint_eq(cmos(0x38), 0x30);
    read_item(0x0e, menu, 2);
    ck_assert_mem_eq(menu, "\1\0", 2);
    ck_assert_mem_eq(file("etc/boot-menu-wait", &size), "\xe8\x03", 2);
    ck_assert_uint_eq(size, 2);
    ck_assert_mem_eq(file("etc/boot-fail-wait", &size), "\1\2\0\0", 4);
    ck_assert_uint_eq(size, 4);
    ck_assert_ptr_null(file("bootorder", &size)); /* strict alone says nothing */
    end();
    start(",boot.strict=on");
    OK(add("virtio-blk-pci", "b", "drive=d1,addr=2,bootindex=7", &err));
    OK(vemu_vm_realize(vm, &err));
    ck_assert_str_eq(file("bootorder", &size), "/pci@i0cf8/scsi@2/disk@0,0\nHALT");
    ck_assert_ptr_null(file("etc/boot-menu-wait", &size));
    end();
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *options, *words;
    } rows[] = {
        { ",boot.order=cx", "'x' is no boot device" },
        { ",boot.once=dd", "'d' is given twice" },
        { ",boot.order=acdn", "more than 3" },
        { ",boot.splash-time=65536", "boot.splash-time" },
        { ",boot.reboot-timeout=-2", "boot.reboot-timeout" },
        { ",firmware=/x", "from a file or from flash" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        start(rows[i].options);
        FAILS(vemu_vm_realize(vm, &err), EINVAL, rows[i].words);
        end();
    }
    start("");
    FAILS(add("virtio-blk-pci", "b", "drive=d1,bootindex=x", &err), EINVAL, "not a number");
    FAILS(add("virtio-blk-pci", "b", "drive=d1,bootindex=2147483648", &err), EINVAL, "2147483647");
    OK(add("virtio-blk-pci", "b", "drive=d1,bootindex=-2", &err));
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "less than -1");
    end();
    start("");
    OK(add("virtio-blk-pci", "b", "drive=d1,bootindex=1", &err));
    OK(add("ide-hd", "h", "drive=d2,bootindex=1", &err));
    FAILS(vemu_vm_realize(vm, &err), EEXIST, "bootindex 1 is that of 'b'");
    end();
    FAILS(new_vm(",boot.strict=7", &err), EINVAL, "boot.strict");
}
END_TEST

/* A device that is plugged in is in the list after the next reset, and one that is gone is not. */
START_TEST(test_hotplug)
{
    size_t size;

    start("");
    OK(add("pcie-root-port", "rp", "addr=5", &err));
    OK(vemu_vm_realize(vm, &err));
    ck_assert_ptr_null(file("bootorder", &size));
    OK(add("virtio-blk-pci", "b", "drive=d1,bus=rp,bootindex=1", &err));
    FAILS(add("virtio-blk-pci", "c", "drive=d2,bus=rp,bootindex=1", &err), EEXIST, "'b'");
    OK(vemu_vm_reset(vm, &err));
    ck_assert_str_eq(file("bootorder", &size), "/pci@i0cf8/pci-bridge@5/scsi@0/disk@0,0");
    vemu__device_request_removal(vemu__vm_find_device(vm, "b"));
    fake_until(!vemu__vm_find_device(vm, "b"));
    OK(vemu_vm_reset(vm, &err));
    ck_assert_ptr_nonnull(file("bootorder", &size));
    ck_assert_uint_eq(size, 0);
    end();
}
END_TEST

/* Tables follow the configuration space to where firmware moves it, and keep their size. */
START_TEST(test_tables)
{
    static const uint8_t mcfg[] = "MCFG";
    g_autofree uint8_t *tables = NULL;
    size_t size, loader_size;
    uint64_t address = 0;
    uint8_t *at;

    start("");
    OK(vemu_vm_realize(vm, &err));
    out(0xcf8, 4, 0x80000060); /* PCIEXBAR */
    out(0xcfc, 4, 0xe0000001);
    ck_assert_ptr_nonnull(file("etc/table-loader", &loader_size));
    ck_assert_uint_eq(loader_size % 4096, 0);
    ck_assert_ptr_nonnull(file("etc/acpi/tables", &size));
    ck_assert_uint_eq(size % 4096, 0);
    tables = g_malloc(size);
    out(0x510, 2, 0x20); /* find it anew: the file is larger than what file() keeps */
    for (uint16_t item = 0x20; item < 0x30; item++) {
        read_item(item, tables, size);
        at = memmem(tables, size, mcfg, 4);
        if (!at)
            continue;
        memcpy(&address, at + 44, 8);
        if (address == 0xe0000000)
            break;
    }
    ck_assert_uint_eq(address, 0xe0000000);
    end();
}
END_TEST

SUITE_MAIN("boot-order", test_paths, test_letters, test_refused, test_hotplug, test_tables)
