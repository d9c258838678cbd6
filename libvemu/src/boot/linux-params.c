/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Linux boot_params ("zero page"): what the kernel is told at its 64-bit and 32-bit entry points
 * (Documentation/x86/boot.rst and zero-page.rst).
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <asm/bootparam.h>
#include <glib.h>

#include "boot/loader.h"

#define LOADER_UNDEFINED 0xff
#define VID_MODE_NORMAL  0xffff
#define PROTOCOL         0x020f
#define SEED_SIZE        32

static uint32_t e820_type(enum vemu_e820_type type)
{
    return (uint32_t)type;
}

/* A seed for the guest's random number generator, so that it need not wait for entropy. */
static int place_seed(const struct vemu_boot_board *board, struct vemu_error **err)
{
    const struct setup_data head = { .type = SETUP_RNG_SEED, .len = SEED_SIZE };
    uint8_t *to = vemu__boot_low(board, VEMU_BOOT_SETUP_DATA, sizeof(head) + SEED_SIZE, err);

    if (!to) {
        return -ENOMEM;
    }
    memcpy(to, &head, sizeof(head));
    if (getrandom(to + sizeof(head), SEED_SIZE, 0) != SEED_SIZE) {
        return vemu__error_set(err, EIO, "the host gives no random numbers: %s", g_strerror(errno));
    }
    return 0;
}

int vemu__boot_linux_params(struct vemu_boot *boot, const struct vemu_boot_board *board,
                            struct boot_params *params, size_t cmdline_max, uint64_t initrd_limit,
                            struct vemu_error **err)
{
    struct setup_header *hdr = &params->hdr;
    void *to;
    int r;

    r = vemu__boot_place_cmdline(boot, board, boot->cmdline, cmdline_max, err);
    if (r >= 0) {
        r = vemu__boot_place_initrd(boot, board, initrd_limit, err);
    }
    if (r >= 0) {
        r = place_seed(board, err);
    }
    if (r < 0) {
        return r;
    }
    if (hdr->header == 0) { /* an ELF vmlinux has no setup header: what its code looks at */
        memcpy(&hdr->header, "HdrS", 4);
        hdr->boot_flag = 0xaa55;
        hdr->version = PROTOCOL;
        hdr->loadflags = LOADED_HIGH;
        hdr->kernel_alignment = 0x1000000;
        hdr->initrd_addr_max = 0x7fffffff;
        hdr->cmdline_size = (uint32_t)cmdline_max;
    }
    hdr->type_of_loader = LOADER_UNDEFINED;
    hdr->ext_loader_type = 0;
    hdr->ext_loader_ver = 0;
    hdr->loadflags &= (uint8_t) ~(KASLR_FLAG | CAN_USE_HEAP);
    hdr->vid_mode = VID_MODE_NORMAL;
    hdr->code32_start = (uint32_t)boot->rip;
    hdr->cmd_line_ptr = VEMU_BOOT_CMDLINE;
    hdr->ramdisk_image = (uint32_t)boot->initrd_gpa;
    hdr->ramdisk_size = boot->initrd_gpa ? (uint32_t)boot->initrd.size : 0;
    hdr->setup_data = hdr->version >= 0x0209 ? VEMU_BOOT_SETUP_DATA : 0;

    params->acpi_rsdp_addr = board->rsdp;
    for (unsigned i = 0; i < board->e820->count && i < E820_MAX_ENTRIES_ZEROPAGE; i++) {
        params->e820_table[i] = (struct boot_e820_entry){
            board->e820->entries[i].address,
            board->e820->entries[i].size,
            e820_type(board->e820->entries[i].type),
        };
        params->e820_entries = (uint8_t)(i + 1);
    }
    /* For kernels that believe the older fields: KiB above 1 MiB. */
    params->alt_mem_k = (uint32_t)((board->ram_low - (1 << 20)) >> 10);
    params->screen_info.ext_mem_k = (uint16_t)MIN(params->alt_mem_k, 0xfc00u);

    to = vemu__boot_low(board, VEMU_BOOT_PARAMS, sizeof(*params), err);
    if (!to) {
        return -ENOMEM;
    }
    memcpy(to, params, sizeof(*params));
    boot->gpr[VEMU_RSI] = VEMU_BOOT_PARAMS;
    return 0;
}
