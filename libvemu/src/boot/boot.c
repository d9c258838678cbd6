/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Direct boot: recognizing images, loading, and the first state of vCPU 0.
 */
#include "boot/boot.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "accel/accel.h"
#include "boot/loader.h"
#include "machines/machine.h"

/* In order: multiboot images are often ELF files too. */
static const struct vemu_boot_format *const formats[] = {
    &vemu__boot_linux,
    &vemu__boot_multiboot,
    &vemu__boot_elf,
};

/* For people who gave the wrong file. */
static const char *describe(const uint8_t *head, size_t size)
{
    static const struct {
        const char *name;
        uint16_t offset, length;
        const char *magic;
    } known[] = {
        { "gzip data (an initrd?)", 0, 2, "\x1f\x8b" },
        { "xz data (an initrd?)", 0, 6, "\xfd\x37zXZ\0" },
        { "zstd data (an initrd?)", 0, 4, "\x28\xb5\x2f\xfd" },
        { "lz4 data (an initrd?)", 0, 4, "\x02\x21\x4c\x18" },
        { "bzip2 data", 0, 3, "BZh" },
        { "a cpio archive (an initrd?)", 0, 6, "070701" },
        { "a qcow2 disk image", 0, 4, "QFI\xfb" },
        { "a VMDK disk image", 0, 4, "KDMV" },
        { "an ar archive or Debian package", 0, 7, "!<arch>" },
        { "a U-Boot image", 0, 4, "\x27\x05\x19\x56" },
        { "a Linux kernel for arm64", 56, 4, "ARM\x64" },
        { "a script", 0, 2, "#!" },
        { "a zip archive", 0, 4, "PK\x03\x04" },
        { "a PE (Windows or UEFI) program", 0, 2, "MZ" },
        { "a disk image or boot sector", 510, 2, "\x55\xaa" },
    };

    if (size == 0) {
        return "empty";
    }
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if (size >= (size_t)known[i].offset + known[i].length &&
            memcmp(head + known[i].offset, known[i].magic, known[i].length) == 0) {
            return known[i].name;
        }
    }
    for (size_t i = 0; i < MIN(size, (size_t)512); i++) {
        if ((head[i] < 0x20 && !strchr("\t\n\r\f", head[i])) || head[i] == 0 || head[i] == 0x7f) {
            return "data of no known kind";
        }
    }
    return "text";
}

static int boot_recognize(struct vemu_boot *boot, struct vemu_error **err)
{
    g_autofree uint8_t *head = g_malloc0(VEMU_BOOT_HEAD_SIZE);
    size_t size = (size_t)MIN(boot->kernel.size, (uint64_t)VEMU_BOOT_HEAD_SIZE);
    int r = vemu__boot_file_read(&boot->kernel, 0, head, size);

    if (r < 0) {
        return vemu__error_set(err, -r, "cannot read kernel '%s': %s", boot->kernel.path,
                               g_strerror(-r));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        r = formats[i]->probe(boot, head, size, err);
        if (r < 0) {
            return r;
        }
        if (r > 0) {
            boot->format = formats[i];
            return 0;
        }
    }
    return vemu__error_set(err, ENOEXEC,
                           "'%s' is not a kernel this machine can boot: it is %s, not a "
                           "Linux bzImage, an ELF image or a multiboot image",
                           boot->kernel.path, describe(head, size));
}

int vemu__boot_open(struct vemu_vm *vm, const char *kernel, const char *initrd, const char *cmdline,
                    struct vemu_boot **ret, struct vemu_error **err)
{
    struct vemu_boot *boot = g_new0(struct vemu_boot, 1);
    int r;

    boot->vm = vm;
    boot->kernel.fd = boot->initrd.fd = -1;
    boot->cmdline = g_strdup(cmdline ? cmdline : "");
    r = vemu__boot_file_open(kernel, "kernel", &boot->kernel, err);
    if (r >= 0 && initrd) {
        r = vemu__boot_file_open(initrd, "initrd", &boot->initrd, err);
        boot->has_initrd = r >= 0;
    }
    if (r >= 0) {
        r = boot_recognize(boot, err);
    }
    if (r < 0) {
        vemu__boot_free(boot);
        return r;
    }
    *ret = boot;
    return 0;
}

/* Tells the accelerator that code it may have translated has been overwritten. */
static void boot_notify(const struct vemu_boot *boot)
{
    struct vemu_accel_vm *accel_vm = NULL;
    const struct vemu_accel_ops *accel = vemu__vm_accel(boot->vm, &accel_vm);

    if (!accel || !accel_vm || !accel->ram_written) {
        return;
    }
    accel->ram_written(accel_vm, VEMU_BOOT_LOW_START, VEMU_BOOT_LOW_END - VEMU_BOOT_LOW_START);
    accel->ram_written(accel_vm, boot->image_start, boot->image_end - boot->image_start);
    if (boot->initrd_gpa) {
        accel->ram_written(accel_vm, boot->initrd_gpa, boot->initrd.size);
    }
}

void vemu__boot_add_cmdline(struct vemu_boot *boot, const char *word)
{
    char *old = boot->cmdline;

    boot->cmdline = g_strconcat(old, old[0] ? " " : "", word, NULL);
    g_free(old);
}

int vemu__boot_load(struct vemu_boot *boot, const struct vemu_boot_board *board,
                    struct vemu_error **err)
{
    int r;

    boot->image_start = UINT64_MAX;
    boot->image_end = 0;
    boot->wanted_end = 0;
    boot->initrd_gpa = 0;
    boot->rip = 0;
    memset(boot->gpr, 0, sizeof(boot->gpr));
    r = boot->format->load(boot, board, err);
    if (r >= 0) {
        r = vemu__boot_place_tables(boot, board, err);
    }
    if (boot->reload && boot->image_start < boot->image_end) {
        boot_notify(boot);
    }
    boot->reload = true;
    return r;
}

uint32_t vemu__boot_state(const struct vemu_boot *boot, struct vemu_cpu_state *state)
{
    bool is_long = boot->mode == VEMU_BOOT_LONG;
    const struct vemu_segment code = {
        .limit = 0xffffffff,
        .selector = 0x10,
        .type = 0xb,
        .s = 1,
        .present = 1,
        .g = 1,
        .l = is_long,
        .db = !is_long,
    };
    const struct vemu_segment data = {
        .limit = 0xffffffff,
        .selector = 0x18,
        .type = 0x3,
        .s = 1,
        .present = 1,
        .g = 1,
        .db = 1,
    };

    memset(&state->regs, 0, sizeof(state->regs));
    memcpy(state->regs.gpr, boot->gpr, sizeof(boot->gpr));
    state->regs.gpr[VEMU_RSP] = VEMU_BOOT_STACK;
    state->regs.rip = boot->rip;
    state->regs.rflags = 2;

    memset(&state->sregs, 0, sizeof(state->sregs));
    for (unsigned i = 0; i < VEMU_SEG_COUNT; i++) {
        state->sregs.seg[i] = i == VEMU_CS ? code : data;
    }
    state->sregs.tr = (struct vemu_segment){
        .limit = 0x67,
        .selector = 0x20,
        .type = 0xb,
        .present = 1,
    };
    state->sregs.ldt = (struct vemu_segment){ .limit = 0xffff, .type = 2, .unusable = 1 };
    state->sregs.gdt = (struct vemu_dtable){ VEMU_BOOT_GDT, 6 * 8 - 1 };
    state->sregs.cr0 = is_long ? 0x80000011 : 0x11; /* PG, ET, PE */
    if (is_long) {
        state->sregs.cr3 = VEMU_BOOT_PAGES;
        state->sregs.cr4 = 0x20;   /* PAE */
        state->sregs.efer = 0x500; /* LMA, LME */
    }
    state->sregs.apic_base = 0xfee00900; /* enabled, bootstrap processor */
    return VEMU_STATE_REGS | VEMU_STATE_SREGS;
}

void vemu__boot_free(struct vemu_boot *boot)
{
    if (!boot) {
        return;
    }
    vemu__boot_file_close(&boot->kernel);
    vemu__boot_file_close(&boot->initrd);
    g_free(boot->cmdline);
    g_free(boot);
}
