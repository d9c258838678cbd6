/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel images made on the spot.
 */
#include "images.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <asm/bootparam.h>
#include <bzlib.h>
#include <lz4hc.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

const char *image_codec_name(enum image_codec codec)
{
    static const char *const names[] = { "uncompressed", "gzip", "bzip2", "xz",
                                         "lzma",         "lz4",  "zstd" };

    return names[codec];
}

GByteArray *image_noise(size_t size)
{
    GByteArray *out = g_byte_array_sized_new((guint)size);
    uint32_t x = 12345;

    g_byte_array_set_size(out, (guint)size);
    for (size_t i = 0; i < size; i++) {
        x = x * 1664525 + 1013904223;
        out->data[i] = (x >> 28) < 4 ? (uint8_t)(x >> 20) : (uint8_t)(i >> 8);
    }
    return out;
}

static void compress_lz4(const GByteArray *data, GByteArray *out)
{
    const uint32_t magic = 0x184c2102, block = 8 << 20;

    g_byte_array_append(out, (const guint8 *)&magic, 4);
    for (guint at = 0; at < data->len; at += block) {
        int n = (int)MIN(block, data->len - at), bound = LZ4_compressBound(n), packed;
        g_autofree char *buf = g_malloc((gsize)bound);

        packed = LZ4_compress_default((char *)data->data + at, buf, n, bound);
        g_byte_array_append(out, (const guint8 *)&packed, 4);
        g_byte_array_append(out, (const guint8 *)buf, (guint)packed);
    }
}

static void compress_lzma(bool xz, const GByteArray *data, GByteArray *out)
{
    lzma_stream z = LZMA_STREAM_INIT;
    lzma_options_lzma options;

    lzma_lzma_preset(&options, 1);
    options.dict_size = 1 << 20;
    if (xz) {
        lzma_filter filters[] = { { LZMA_FILTER_X86, NULL },
                                  { LZMA_FILTER_LZMA2, &options },
                                  { LZMA_VLI_UNKNOWN, NULL } };

        g_assert(lzma_stream_encoder(&z, filters, LZMA_CHECK_CRC32) == LZMA_OK);
    } else {
        g_assert(lzma_alone_encoder(&z, &options) == LZMA_OK);
    }
    g_byte_array_set_size(out, data->len + data->len / 8 + 4096);
    z.next_in = data->data;
    z.avail_in = data->len;
    z.next_out = out->data;
    z.avail_out = out->len;
    g_assert(lzma_code(&z, LZMA_FINISH) == LZMA_STREAM_END);
    g_byte_array_set_size(out, (guint)z.total_out);
    lzma_end(&z);
}

GByteArray *image_compress(enum image_codec codec, const GByteArray *data)
{
    GByteArray *out = g_byte_array_new();
    unsigned size = data->len + data->len / 8 + 4096;

    switch (codec) {
    case IMAGE_GZIP: {
        z_stream z = { 0 };

        g_byte_array_set_size(out, size);
        g_assert(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
        z.next_in = data->data;
        z.avail_in = data->len;
        z.next_out = out->data;
        z.avail_out = out->len;
        g_assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
        g_byte_array_set_size(out, (guint)z.total_out);
        deflateEnd(&z);
        break;
    }
    case IMAGE_BZIP2:
        g_byte_array_set_size(out, size);
        g_assert(BZ2_bzBuffToBuffCompress((char *)out->data, &size, (char *)data->data, data->len,
                                          9, 0, 0) == BZ_OK);
        g_byte_array_set_size(out, size);
        break;
    case IMAGE_XZ:
    case IMAGE_LZMA: compress_lzma(codec == IMAGE_XZ, data, out); break;
    case IMAGE_LZ4: compress_lz4(data, out); break;
    case IMAGE_ZSTD: {
        size_t n;

        g_byte_array_set_size(out, (guint)ZSTD_compressBound(data->len));
        n = ZSTD_compress(out->data, out->len, data->data, data->len, 3);
        g_assert(!ZSTD_isError(n));
        g_byte_array_set_size(out, (guint)n);
        break;
    }
    default: g_byte_array_append(out, data->data, data->len); break;
    }
    return out;
}

static void put_note(GByteArray *out, uint32_t type, const void *desc, uint32_t size)
{
    const uint32_t head[3] = { 4, size, type };

    g_byte_array_append(out, (const guint8 *)head, sizeof(head));
    g_byte_array_append(out, (const guint8 *)"Xen", 4);
    g_byte_array_append(out, desc, size);
    while (out->len % 4) {
        g_byte_array_append(out, (const guint8 *)"", 1);
    }
}

struct segment {
    uint32_t type;
    uint64_t offset, filesz, memsz, paddr;
};

static void put_elf_headers(GByteArray *out, bool is32, uint64_t entry, const struct segment *s,
                            unsigned n)
{
    Elf64_Ehdr e64 = {
        .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = 1,
        .e_entry = entry,
        .e_phoff = sizeof(e64),
        .e_ehsize = sizeof(e64),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (Elf64_Half)n,
    };
    Elf32_Ehdr e32 = {
        .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC,
        .e_machine = EM_386,
        .e_version = 1,
        .e_entry = (Elf32_Addr)entry,
        .e_phoff = sizeof(e32),
        .e_ehsize = sizeof(e32),
        .e_phentsize = sizeof(Elf32_Phdr),
        .e_phnum = (Elf32_Half)n,
    };

    if (is32) {
        g_byte_array_append(out, (const guint8 *)&e32, sizeof(e32));
    } else {
        g_byte_array_append(out, (const guint8 *)&e64, sizeof(e64));
    }
    for (unsigned i = 0; i < n; i++) {
        Elf64_Phdr p64 = { .p_type = s[i].type,
                           .p_offset = s[i].offset,
                           .p_filesz = s[i].filesz,
                           .p_memsz = s[i].memsz,
                           .p_paddr = s[i].paddr,
                           .p_vaddr = s[i].paddr + 0xffffffff80000000 };
        Elf32_Phdr p32 = { .p_type = s[i].type,
                           .p_offset = (Elf32_Off)s[i].offset,
                           .p_filesz = (Elf32_Word)s[i].filesz,
                           .p_memsz = (Elf32_Word)s[i].memsz,
                           .p_paddr = (Elf32_Addr)s[i].paddr,
                           .p_vaddr = (Elf32_Addr)(s[i].paddr + 0xc0000000) };

        if (is32) {
            g_byte_array_append(out, (const guint8 *)&p32, sizeof(p32));
        } else {
            g_byte_array_append(out, (const guint8 *)&p64, sizeof(p64));
        }
    }
}

GByteArray *image_elf(const struct image_elf *spec)
{
    const size_t data_size = 50000, notes_offset = 0x800, text_offset = 0x1000;
    uint64_t paddr = spec->paddr ? spec->paddr : IMAGE_ELF_TEXT;
    size_t text_size = spec->text_size ? spec->text_size : 300000;
    g_autoptr(GByteArray) notes = g_byte_array_new();
    g_autoptr(GByteArray) noise = image_noise(text_size + data_size);
    GByteArray *out = g_byte_array_new();
    struct segment s[3] = {
        { PT_LOAD, text_offset, text_size, text_size, paddr },
        { PT_LOAD, text_offset + text_size, data_size, data_size + IMAGE_ELF_BSS,
          paddr + (IMAGE_ELF_DATA - IMAGE_ELF_TEXT) },
        { PT_NOTE, notes_offset, 0, 0, 0 },
    };

    if (spec->linux_note) {
        put_note(notes, 6, "linux", 6);
    }
    if (spec->pvh_entry) {
        put_note(notes, 18, &spec->pvh_entry, 4);
    }
    s[2].filesz = notes->len;
    put_elf_headers(out, spec->is32, spec->entry ? spec->entry : paddr + 0x100, s, 3);
    g_byte_array_set_size(out, (guint)text_offset);
    memset(out->data + notes_offset, 0, text_offset - notes_offset);
    if (notes->len) {
        memcpy(out->data + notes_offset, notes->data, notes->len);
    }
    if (spec->multiboot) {
        const uint32_t header[3] = { 0x1badb002, 3, (uint32_t) - (0x1badb002 + 3) };

        memcpy(noise->data, header, sizeof(header));
    }
    g_byte_array_append(out, noise->data, noise->len);
    return out;
}

GByteArray *image_bzimage(enum image_codec codec, const GByteArray *payload)
{
    g_autoptr(GByteArray) packed = image_compress(codec, payload);
    GByteArray *out = g_byte_array_new();
    const unsigned sectors = 3, stub = 64;
    const uint32_t size = payload->len;
    struct setup_header hdr = {
        .setup_sects = sectors,
        .boot_flag = 0xaa55,
        .jump = 0xeb | (0x268 - 0x202) << 8,
        .header = 0x53726448,
        .version = 0x020f,
        .kernel_version = 0x100,
        .loadflags = LOADED_HIGH | KASLR_FLAG,
        .initrd_addr_max = 0x7fffffff,
        .kernel_alignment = 0x200000,
        .relocatable_kernel = 1,
        .xloadflags = XLF_KERNEL_64,
        .cmdline_size = 2047,
        .payload_offset = stub,
        .pref_address = IMAGE_ELF_TEXT,
        .init_size = 8 << 20,
    };

    if (codec != IMAGE_GZIP) {
        g_byte_array_append(packed, (const guint8 *)&size, 4);
    }
    hdr.payload_length = packed->len;
    hdr.syssize = (stub + packed->len + 15) / 16;
    g_byte_array_set_size(out, (sectors + 1) * 512 + stub);
    memset(out->data, 0, out->len);
    memcpy(out->data + 0x1f1, &hdr, sizeof(hdr));
    g_strlcpy((char *)out->data + 0x300, "6.1.0-test (me@here)", 64);
    g_byte_array_append(out, packed->data, packed->len);
    return out;
}

GByteArray *image_multiboot_raw(void)
{
    GByteArray *out = image_noise(20000);
    const uint32_t flags = 0x10003, at = 0x200000;
    const uint32_t header[8] = {
        0x1badb002, flags, -(0x1badb002 + flags), at + 0x40, at, at + 20000, at + 30000, at + 0x80,
    };

    memcpy(out->data + 0x40, header, sizeof(header));
    return out;
}

char *image_file(const GByteArray *data, int *ret_fd)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    size_t at = 0;

    g_assert(fd >= 0);
    while (at < data->len) {
        ssize_t n = write(fd, data->data + at, data->len - at);

        g_assert(n > 0);
        at += (size_t)n;
    }
    *ret_fd = fd;
    return g_strdup_printf("/proc/self/fd/%d", fd);
}
