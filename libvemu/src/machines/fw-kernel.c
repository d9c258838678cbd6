/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Items of fw_cfg for a kernel (QEMU: docs/specs/fw_cfg, "All Other Data Items"; EDK2:
 * QemuKernelLoaderFsDxe). The real-mode part of a bzImage and the rest are items of their own; UEFI
 * puts them together again and starts the whole as a program.
 */
#include "machines/fw-kernel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "boot/file.h"
#include "devices/fw-cfg/fw-cfg.h"

#define KERNEL_SIZE  0x08u
#define INITRD_SIZE  0x0bu
#define KERNEL_DATA  0x11u
#define INITRD_DATA  0x12u
#define CMDLINE_SIZE 0x14u
#define CMDLINE_DATA 0x15u
#define SETUP_SIZE   0x17u
#define SETUP_DATA   0x18u

/* Linux, Documentation/arch/x86/boot.rst */
#define SETUP_SECTORS_AT 0x1f1u
#define MAGIC_AT         0x202u
#define HEAD_SIZE        0x206u
#define SECTOR           512u

struct vemu_fw_kernel {
    struct vemu_boot_file kernel, initrd;
    uint32_t setup_size;
    char *cmdline;
};

static int read_header(struct vemu_fw_kernel *k, struct vemu_error **err)
{
    uint8_t head[HEAD_SIZE] = { 0 };
    int r = k->kernel.size < sizeof(head)
                ? 0
                : vemu__boot_file_read(&k->kernel, 0, head, sizeof(head));

    if (r < 0)
        return vemu__error_set(err, -r, "cannot read kernel '%s': %s", k->kernel.path,
                               g_strerror(-r));
    if (memcmp(head + MAGIC_AT, "HdrS", 4) == 0)
        k->setup_size = (head[SETUP_SECTORS_AT] ? head[SETUP_SECTORS_AT] + 1u : 5u) * SECTOR;
    if (!k->setup_size || k->setup_size >= k->kernel.size)
        return vemu__error_set(err, ENOEXEC, "'%s' is not a Linux kernel that firmware can start",
                               k->kernel.path);
    return 0;
}

int vemu__fw_kernel_open(const struct vemu_vm_config *config, struct vemu_fw_kernel **ret,
                         struct vemu_error **err)
{
    struct vemu_fw_kernel *k = g_new0(struct vemu_fw_kernel, 1);
    int r;

    k->kernel.fd = k->initrd.fd = -1;
    k->cmdline = g_strdup(config->cmdline ? config->cmdline : "");
    r = vemu__boot_file_open(config->kernel, "kernel", &k->kernel, err);
    if (r >= 0)
        r = read_header(k, err);
    if (r >= 0 && config->initrd)
        r = vemu__boot_file_open(config->initrd, "initrd", &k->initrd, err);
    if (r < 0)
        vemu__fw_kernel_free(k);
    else
        *ret = k;
    return r;
}

static void set(struct vemu_device *fw_cfg, uint16_t size_item, uint16_t data_item,
                const void *data, uint32_t size)
{
    vemu__fw_cfg_set_integer(fw_cfg, size_item, size, 4);
    vemu__fw_cfg_set(fw_cfg, data_item, data, size);
}

/* The whole of a file, for free(). */
static int read_all(const struct vemu_boot_file *file, uint8_t **ret, struct vemu_error **err)
{
    uint8_t *data;
    int r;

    if (file->size > UINT32_MAX)
        return vemu__error_set(err, E2BIG, "'%s': %" PRIu64 " bytes are more than firmware takes",
                               file->path, file->size);
    data = malloc(file->size + 1);
    r = data ? vemu__boot_file_read(file, 0, data, file->size) : -ENOMEM;
    if (r < 0) {
        free(data);
        return vemu__error_set(err, -r, "cannot read '%s': %s", file->path, g_strerror(-r));
    }
    *ret = data;
    return 0;
}

int vemu__fw_kernel_publish(const struct vemu_fw_kernel *k, struct vemu_device *fw_cfg,
                            struct vemu_error **err)
{
    uint8_t *data = NULL;
    int r = read_all(&k->kernel, &data, err);

    if (r < 0)
        return r;
    set(fw_cfg, SETUP_SIZE, SETUP_DATA, data, k->setup_size);
    set(fw_cfg, KERNEL_SIZE, KERNEL_DATA, data + k->setup_size,
        (uint32_t)k->kernel.size - k->setup_size);
    free(data);
    set(fw_cfg, CMDLINE_SIZE, CMDLINE_DATA, k->cmdline, (uint32_t)strlen(k->cmdline) + 1);
    if (k->initrd.fd < 0)
        return 0;
    r = read_all(&k->initrd, &data, err);
    if (r < 0)
        return r;
    set(fw_cfg, INITRD_SIZE, INITRD_DATA, data, (uint32_t)k->initrd.size);
    free(data);
    return 0;
}

void vemu__fw_kernel_free(struct vemu_fw_kernel *k)
{
    if (!k)
        return;
    vemu__boot_file_close(&k->kernel);
    vemu__boot_file_close(&k->initrd);
    g_free(k->cmdline);
    g_free(k);
}
