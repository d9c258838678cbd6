/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Linux bzImage, started without its own decompressor.
 *
 * A bzImage is a real-mode setup part whose header describes a compressed ELF vmlinux
 * (Documentation/x86/boot.rst, protocol 2.08 and later: payload_offset, payload_length). The
 * payload is decompressed straight into guest memory at the addresses its program headers give, and
 * entered at its own entry (startup_64, or startup_32 for 32-bit kernels) with boot_params as the
 * decompressor would pass them.
 *
 * Kernel address space randomization of the image is done by the decompressor, so it does not
 * happen: the kernel runs where it was linked to, as with "nokaslr", and KASLR_FLAG is clear, so
 * the kernel knows. The relocation table behind the ELF image is not needed then.
 *
 * An image without a payload is a program that only has the form of a kernel, as memtest86+: its
 * protected-mode part is put where its header says and entered as a boot loader would.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <asm/bootparam.h>
#include <glib.h>

#include "boot/loader.h"
#include "boot/stream.h"

#define HEADER_OFFSET 0x1f1u
#define HDRS          0x53726448u /* "HdrS" */
#define BOOT_FLAG     0xaa55u
#define SECTOR        512u

#define PROTOCOL_PAYLOAD   0x0208
#define PROTOCOL_INIT_SIZE 0x020a
#define PROTOCOL_XLF       0x020c

#define PLAIN_ADDRESS 0x100000u

/* A copy of the setup header, zero beyond what the image has. */
static bool linux_header(const uint8_t *head, size_t size, struct setup_header *ret)
{
    size_t end;

    if (size < 0x210) {
        return false;
    }
    /* The jump instruction at 0x200 leaps over the header: its operand is the header's end. */
    end = 0x202u + head[0x201];
    if (end > size) {
        end = size;
    }
    if (end > HEADER_OFFSET + sizeof(*ret)) {
        end = HEADER_OFFSET + sizeof(*ret);
    }
    memset(ret, 0, sizeof(*ret));
    memcpy(ret, head + HEADER_OFFSET, end - HEADER_OFFSET);
    return ret->header == HDRS && ret->boot_flag == BOOT_FLAG;
}

static int linux_probe(struct vemu_boot *boot, const uint8_t *head, size_t size,
                       struct vemu_error **err)
{
    const char *path = boot->kernel.path;
    struct setup_header hdr;

    if (!linux_header(head, size, &hdr)) {
        return 0;
    }
    if (hdr.version < PROTOCOL_PAYLOAD) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s' speaks boot protocol %u.%02u; 2.08 (Linux "
                               "2.6.26) or later is needed",
                               path, hdr.version >> 8, hdr.version & 0xff);
    }
    if (!(hdr.loadflags & LOADED_HIGH)) {
        return vemu__error_set(err, ENOEXEC, "kernel '%s' is a zImage; a bzImage is needed", path);
    }
    if (hdr.payload_length && hdr.payload_length < 8) {
        return vemu__error_set(err, ENOEXEC, "kernel '%s' has no payload", path);
    }
    return 1;
}

static void linux_log(struct vemu_boot *boot, const struct setup_header *hdr, const uint8_t *head,
                      size_t head_size, const char *codec, uint64_t size)
{
    char version[64] = "";
    size_t at = hdr->kernel_version + 0x200u;

    if (hdr->kernel_version && at < head_size) {
        size_t n = MIN(head_size - at, sizeof(version) - 1);

        for (size_t i = 0; i < n && head[at + i] > 0x20 && head[at + i] < 0x7f; i++) {
            version[i] = (char)head[at + i];
        }
    }
    vemu_vm_log(boot->vm, VEMU_LOG_INFO,
                "boot: Linux %s, bzImage with %s payload of %" PRIu64 " KiB, entry 0x%" PRIx64
                "; KASLR is off, since the image is unpacked by the host",
                version, codec, size >> 10, boot->rip);
}

/* Where the payload is, and what it says to be the size unpacked. */
struct payload {
    uint64_t offset, length;
    uint32_t stated;
};

static int linux_find_payload(struct vemu_boot *boot, const struct setup_header *hdr,
                              struct payload *ret, struct vemu_error **err)
{
    const char *path = boot->kernel.path;
    unsigned sectors = hdr->setup_sects ? hdr->setup_sects : 4;
    uint64_t offset = (uint64_t)(sectors + 1) * SECTOR + hdr->payload_offset;
    uint64_t length = hdr->payload_length;
    uint8_t magic[2];
    uint32_t stated;
    int r;

    if (offset + length > boot->kernel.size) {
        return vemu__error_set(err, ENODATA,
                               "kernel '%s' is truncated: its payload ends at byte %" PRIu64
                               ", the file at %" PRIu64,
                               path, offset + length, boot->kernel.size);
    }
    /* The last four bytes are the size unpacked; gzip has it as part of its own format. */
    r = vemu__boot_file_read(&boot->kernel, offset + length - 4, &stated, sizeof(stated));
    if (r >= 0) {
        r = vemu__boot_file_read(&boot->kernel, offset, magic, sizeof(magic));
    }
    if (r < 0) {
        return vemu__error_set(err, -r, "kernel '%s' %s", path, vemu__stream_strerror(r));
    }
    if (magic[0] != 0x1f || magic[1] != 0x8b) {
        length -= 4;
    }
    stated = GUINT32_FROM_LE(stated);
    if (stated > VEMU_BOOT_IMAGE_MAX) {
        return vemu__error_set(err, ENOEXEC,
                               "kernel '%s' is corrupt or too large: it claims to unpack "
                               "to %u MiB",
                               path, stated >> 20);
    }
    *ret = (struct payload){ offset, length, stated };
    return 0;
}

/* Loads the ELF image of the payload. */
static int linux_load_payload(struct vemu_boot *boot, const struct vemu_boot_board *board,
                              const struct setup_header *hdr, const char **ret_codec,
                              uint64_t *ret_size, struct vemu_error **err)
{
    const char *path = boot->kernel.path;
    struct payload payload;
    struct vemu_stream *stream = NULL;
    g_autofree struct vemu_elf *elf = g_new(struct vemu_elf, 1);
    uint64_t total;
    int r = linux_find_payload(boot, hdr, &payload, err);

    if (r >= 0) {
        r = vemu__stream_open_compressed(&boot->kernel, payload.offset, payload.length,
                                         payload.stated, &stream, err);
    }
    if (r < 0) {
        return r;
    }
    *ret_codec = vemu__stream_name(stream);
    r = vemu__elf_read(stream, path, elf, err);
    if (r >= 0) {
        r = vemu__elf_load(boot, board, stream, elf, err);
    }
    if (r >= 0) {
        r = vemu__elf_entry(elf, path, &boot->rip, err);
    }
    if (r >= 0) {
        r = vemu__stream_drain(stream, &total);
        if (r < 0) {
            vemu__error_set(err, -r, "kernel '%s' %s", path, vemu__stream_strerror(r));
        } else if (strcmp(*ret_codec, "uncompressed") != 0 && total != payload.stated) {
            r = vemu__error_set(err, EBADMSG,
                                "kernel '%s' is corrupt: it unpacks to %" PRIu64
                                " bytes instead of %u",
                                path, total, payload.stated);
        }
        *ret_size = total;
    }
    vemu__stream_close(stream);
    boot->mode = elf->is64 ? VEMU_BOOT_LONG : VEMU_BOOT_PROTECTED;
    return r;
}

/* The protected-mode part as it is. Its first 512 bytes are the 32-bit entry, the 64-bit one
 * follows where there is one. */
static int linux_load_plain(struct vemu_boot *boot, const struct vemu_boot_board *board,
                            const struct setup_header *hdr, struct vemu_error **err)
{
    const char *path = boot->kernel.path;
    const unsigned sectors = hdr->setup_sects ? hdr->setup_sects : 4;
    const uint64_t offset = (uint64_t)(sectors + 1) * SECTOR;
    const bool states_size = hdr->version >= PROTOCOL_INIT_SIZE;
    const uint64_t at = states_size && hdr->pref_address ? hdr->pref_address : PLAIN_ADDRESS;
    uint64_t length, size;
    uint8_t *to;
    void *claimed;
    int r;

    if (offset >= boot->kernel.size || boot->kernel.size - offset > VEMU_BOOT_IMAGE_MAX) {
        return vemu__error_set(err, ENOEXEC, "kernel '%s' has no protected-mode part", path);
    }
    length = boot->kernel.size - offset;
    size = MAX(length, states_size ? hdr->init_size : 0);
    if (at >= UINT32_MAX) {
        return vemu__error_set(err, ENOEXEC, "kernel '%s' wants to lie at 0x%" PRIx64, path, at);
    }
    r = vemu__boot_claim(boot, board, at, size, "kernel", &claimed, err);
    if (r < 0) {
        return r;
    }
    to = claimed;
    r = vemu__boot_file_read(&boot->kernel, offset, to, (size_t)length);
    if (r < 0) {
        return vemu__error_set(err, -r, "kernel '%s' %s", path, vemu__stream_strerror(r));
    }
    if (boot->reload) {
        memset(to + length, 0, (size_t)(size - length));
    }
    const bool is_long = hdr->version >= PROTOCOL_XLF && hdr->xloadflags & XLF_KERNEL_64;
    boot->mode = is_long ? VEMU_BOOT_LONG : VEMU_BOOT_PROTECTED;
    boot->rip = is_long ? at + 0x200 : at;
    return 0;
}

/* The working space behind the image that the kernel counts on (init_size). */
static int linux_reserve(struct vemu_boot *boot, const struct vemu_boot_board *board,
                         const struct setup_header *hdr, struct vemu_error **err)
{
    uint64_t end;

    if (hdr->version < PROTOCOL_INIT_SIZE || !hdr->init_size) {
        return 0;
    }
    end = boot->image_start + hdr->init_size;
    if (end > boot->image_end) {
        if (end > board->ram_low) {
            return vemu__boot_no_room(boot, board, end, err);
        }
        boot->image_end = end;
    }
    return 0;
}

static int linux_load(struct vemu_boot *boot, const struct vemu_boot_board *board,
                      struct vemu_error **err)
{
    g_autofree struct boot_params *params = g_new0(struct boot_params, 1);
    g_autofree uint8_t *head = g_malloc0(VEMU_BOOT_HEAD_SIZE);
    size_t head_size = (size_t)MIN(boot->kernel.size, (uint64_t)VEMU_BOOT_HEAD_SIZE);
    const char *codec = "";
    uint64_t size = 0;
    int r;

    r = vemu__boot_file_read(&boot->kernel, 0, head, head_size);
    if (r < 0) {
        return vemu__error_set(err, -r, "kernel '%s' %s", boot->kernel.path,
                               vemu__stream_strerror(r));
    }
    /* Looked at again, since the file may have changed since it was opened. */
    if (!linux_header(head, head_size, &params->hdr) || params->hdr.version < PROTOCOL_PAYLOAD ||
        (params->hdr.payload_length && params->hdr.payload_length < 8)) {
        return vemu__error_set(err, ENOEXEC, "kernel '%s' was changed into something else",
                               boot->kernel.path);
    }
    if (params->hdr.version >= PROTOCOL_INIT_SIZE && params->hdr.pref_address < UINT32_MAX) {
        boot->wanted_end = params->hdr.pref_address + params->hdr.init_size;
    }
    const bool is_plain = !params->hdr.payload_length;
    r = is_plain ? linux_load_plain(boot, board, &params->hdr, err)
                 : linux_load_payload(boot, board, &params->hdr, &codec, &size, err);
    if (r >= 0) {
        r = linux_reserve(boot, board, &params->hdr, err);
    }
    if (r >= 0) {
        r = vemu__boot_linux_params(boot, board, params,
                                    params->hdr.cmdline_size ? params->hdr.cmdline_size : 255,
                                    (uint64_t)params->hdr.initrd_addr_max + 1, err);
    }
    if (r >= 0 && is_plain) {
        vemu_vm_log(boot->vm, VEMU_LOG_INFO, "boot: bzImage without payload, entry 0x%" PRIx64,
                    boot->rip);
    } else if (r >= 0) {
        linux_log(boot, &params->hdr, head, head_size, codec, size);
    }
    return r;
}

const struct vemu_boot_format vemu__boot_linux = {
    .name = "Linux bzImage",
    .probe = linux_probe,
    .load = linux_load,
};
