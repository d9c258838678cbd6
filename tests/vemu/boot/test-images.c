/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Booting images: what lands where, the entry state, and what each wrong file is told.
 */
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <asm/bootparam.h>

#include "../devices/suite.h"
#include "board.h"
#include "boot/loader.h"
#include "images.h"

#define MIB ((uint64_t)1 << 20)

static struct board board;

/* Loads `kernel`; returns 0 or the error with its text in `message`. */
static int load(const GByteArray *kernel, const GByteArray *initrd, const char *cmdline,
                struct vemu_boot **ret, char message[512])
{
    int kernel_fd, initrd_fd = -1, r;
    g_autofree char *kernel_path = image_file(kernel, &kernel_fd);
    g_autofree char *initrd_path = initrd ? image_file(initrd, &initrd_fd) : NULL;
    struct vemu_error *err = NULL;
    struct vemu_boot *boot = NULL;

    message[0] = 0;
    r = vemu__boot_open(NULL, kernel_path, initrd_path, cmdline, &boot, &err);
    if (r == 0) {
        r = vemu__boot_load(boot, &board.boot, &err);
    }
    ck_assert_msg((r < 0) == (err != NULL), "result %d, error %s", r,
                  err ? vemu_error_message(err) : "none");
    if (err) {
        g_strlcpy(message, vemu_error_message(err), 512);
        ck_assert_int_eq(vemu_error_code(err), -r);
        vemu_error_free(err);
    }
    close(kernel_fd);
    if (initrd_fd >= 0) {
        close(initrd_fd);
    }
    if (r == 0 && ret) {
        *ret = boot;
    } else {
        vemu__boot_free(boot);
    }
    return r;
}

static struct vemu_boot *load_ok(const GByteArray *kernel, const GByteArray *initrd,
                                 const char *cmdline)
{
    struct vemu_boot *boot = NULL;
    char message[512];

    ck_assert_msg(load(kernel, initrd, cmdline, &boot, message) == 0, "%s", message);
    return boot;
}

static void load_fails(const GByteArray *kernel, const GByteArray *initrd, const char *cmdline,
                       int code, const char *words)
{
    char message[512];
    int r = load(kernel, initrd, cmdline, NULL, message);

    ck_assert_msg(r == -code && strstr(message, words), "wanted %d with '%s', got %d: %s", -code,
                  words, r, message);
}

static const struct boot_params *params(void)
{
    return (const struct boot_params *)(board.memory.ram + VEMU_BOOT_PARAMS);
}

static void check_elf_loaded(void)
{
    g_autoptr(GByteArray) noise = image_noise(350000);

    ck_assert_mem_eq(board.memory.ram + IMAGE_ELF_TEXT + 12, noise->data + 12, 300000 - 12);
    ck_assert_mem_eq(board.memory.ram + IMAGE_ELF_DATA, noise->data + 300000, 50000);
}

/* Translates through the page tables that were written. */
static uint64_t walk(uint64_t cr3, uint64_t gva)
{
    uint64_t table = cr3, entry = 0;

    for (unsigned shift = 39; shift >= 21; shift -= 9) {
        memcpy(&entry, board.memory.ram + table + (gva >> shift & 511) * 8, 8);
        ck_assert_uint_eq(entry & 3, 3);
        if (entry & 0x80) {
            return (entry & ~0xfffull) + (gva & ((1ull << shift) - 1));
        }
        table = entry & ~0xfffull;
    }
    ck_abort_msg("no large page");
    return 0;
}

static void check_long_state(const struct vemu_boot *boot)
{
    struct vemu_cpu_state *state = g_new0(struct vemu_cpu_state, 1);
    uint32_t groups = vemu__boot_state(boot, state);
    uint64_t code;

    ck_assert_uint_eq(groups, VEMU_STATE_REGS | VEMU_STATE_SREGS);
    ck_assert_uint_eq(state->regs.rip, IMAGE_ELF_TEXT + 0x100);
    ck_assert_uint_eq(state->regs.gpr[VEMU_RSI], VEMU_BOOT_PARAMS);
    ck_assert_uint_eq(state->sregs.efer, 0x500);
    ck_assert_uint_eq(state->sregs.cr0, 0x80000011);
    ck_assert_uint_eq(state->sregs.seg[VEMU_CS].l, 1);
    for (uint64_t gva = 0; gva < 4096 * MIB; gva += 17 * MIB + 123) {
        ck_assert_uint_eq(walk(state->sregs.cr3, gva), gva);
    }
    memcpy(&code, board.memory.ram + state->sregs.gdt.base + 0x10, 8);
    ck_assert_uint_eq(code, 0x00af9b000000ffff);
    g_free(state);
}

START_TEST(test_bzimage)
{
    g_autoptr(GByteArray) elf = image_elf(&(struct image_elf){ 0 });
    g_autoptr(GByteArray) initrd = image_noise(123457);

    for (int codec = 0; codec < IMAGE_CODECS; codec++) {
        g_autoptr(GByteArray) kernel = image_bzimage(codec, elf);
        const struct setup_data *seed;
        struct vemu_boot *boot;

        board_init(&board, 64 * MIB);
        boot = load_ok(kernel, initrd, "console=ttyS0 quiet");
        check_elf_loaded();
        check_long_state(boot);
        ck_assert_uint_eq(params()->hdr.boot_flag, 0xaa55);
        ck_assert_uint_eq(params()->hdr.type_of_loader, 0xff);
        ck_assert_uint_eq(params()->hdr.loadflags & KASLR_FLAG, 0);
        ck_assert_uint_eq(params()->sentinel, 0);
        ck_assert_uint_eq(params()->acpi_rsdp_addr, 0xe0000);
        ck_assert_str_eq((char *)board.memory.ram + params()->hdr.cmd_line_ptr,
                         "console=ttyS0 quiet");
        ck_assert_uint_eq(params()->hdr.ramdisk_size, 123457);
        ck_assert_uint_eq(params()->hdr.ramdisk_image, (64 * MIB - 123457) & ~0xfffull);
        ck_assert_mem_eq(board.memory.ram + params()->hdr.ramdisk_image, initrd->data, 123457);
        ck_assert_uint_eq(params()->e820_entries, 4);
        ck_assert_uint_eq(params()->e820_table[3].addr, MIB);
        ck_assert_uint_eq(params()->e820_table[3].size, 63 * MIB);
        seed = (const struct setup_data *)(board.memory.ram + params()->hdr.setup_data);
        ck_assert_uint_eq(seed->type, SETUP_RNG_SEED);
        ck_assert_uint_eq(seed->len, 32);
        ck_assert_uint_eq(seed->next, 0);
        /* Nothing of the bss was touched, nothing copied twice. */
        ck_assert_uint_lt(board_resident(&board), MIB);
        vemu__boot_free(boot);
        board_fini(&board);
    }
}
END_TEST

/* A program in a kernel's form: its protected-mode part as it is, entered at the 64-bit or the
 * 32-bit entry. */
START_TEST(test_plain)
{
    g_autoptr(GByteArray) body = image_noise(70000);

    for (int is_long = 0; is_long < 2; is_long++) {
        g_autoptr(GByteArray) kernel = image_bzimage(IMAGE_NONE, body);
        struct vemu_cpu_state *state = g_new0(struct vemu_cpu_state, 1);
        const gsize head = 4 * 512;
        struct setup_header hdr;
        struct vemu_boot *boot;
        uint8_t *at;

        memcpy(&hdr, kernel->data + 0x1f1, sizeof(hdr));
        hdr.payload_offset = hdr.payload_length = 0;
        hdr.pref_address = 2 * MIB;
        hdr.init_size = 200000;
        hdr.xloadflags = is_long ? XLF_KERNEL_64 : 0;
        memcpy(kernel->data + 0x1f1, &hdr, sizeof(hdr));
        board_init(&board, 64 * MIB);
        boot = load_ok(kernel, NULL, "a b");
        at = board.memory.ram + 2 * MIB;
        ck_assert_mem_eq(at, kernel->data + head, kernel->len - head);
        vemu__boot_state(boot, state);
        ck_assert_uint_eq(state->regs.rip, 2 * MIB + (is_long ? 0x200 : 0));
        ck_assert_uint_eq(state->regs.gpr[VEMU_RSI], VEMU_BOOT_PARAMS);
        ck_assert_int_eq(state->sregs.seg[VEMU_CS].l, is_long);
        ck_assert_uint_eq(params()->hdr.code32_start, state->regs.rip);
        memset(board.memory.ram, 0xcc, board.memory.size);
        ck_assert_int_eq(vemu__boot_load(boot, &board.boot, NULL), 0);
        ck_assert_mem_eq(at, kernel->data + head, kernel->len - head);
        ck_assert_uint_eq(at[kernel->len - head], 0);
        ck_assert_uint_eq(at[199999], 0);
        vemu__boot_free(boot);
        board_fini(&board);
        g_free(state);
        /* no part behind the setup */
        g_byte_array_set_size(kernel, (guint)head);
        board_init(&board, 64 * MIB);
        load_fails(kernel, NULL, "", ENOEXEC, "no protected-mode part");
        board_fini(&board);
    }
}
END_TEST

START_TEST(test_reload)
{
    g_autoptr(GByteArray) elf = image_elf(&(struct image_elf){ 0 });
    g_autoptr(GByteArray) kernel = image_bzimage(IMAGE_LZ4, elf);
    struct vemu_boot *boot;
    uint8_t first_seed[32];

    board_init(&board, 64 * MIB);
    boot = load_ok(kernel, NULL, "");
    memcpy(first_seed, board.memory.ram + VEMU_BOOT_SETUP_DATA + 16, 32);
    memset(board.memory.ram, 0xcc, board.memory.size); /* the guest used its memory */
    ck_assert_int_eq(vemu__boot_load(boot, &board.boot, NULL), 0);
    check_elf_loaded();
    check_long_state(boot);
    for (size_t i = 0; i < IMAGE_ELF_BSS; i++) {
        ck_assert_uint_eq(board.memory.ram[IMAGE_ELF_DATA + 50000 + i], 0);
    }
    ck_assert_mem_ne(first_seed, board.memory.ram + VEMU_BOOT_SETUP_DATA + 16, 32);
    vemu__boot_free(boot);
    board_fini(&board);
}
END_TEST

START_TEST(test_vmlinux)
{
    g_autoptr(GByteArray) kernel =
        image_elf(&(struct image_elf){ .linux_note = true, .pvh_entry = 0x1000200 });
    struct vemu_boot *boot;

    board_init(&board, 64 * MIB);
    boot = load_ok(kernel, NULL, "a=b");
    check_elf_loaded();
    check_long_state(boot);
    ck_assert_uint_eq(params()->hdr.header, 0x53726448);
    ck_assert_uint_eq(params()->hdr.version, 0x020f);
    ck_assert_uint_eq(params()->hdr.ramdisk_size, 0);
    ck_assert_str_eq((char *)board.memory.ram + VEMU_BOOT_CMDLINE, "a=b");
    vemu__boot_free(boot);
    board_fini(&board);
}
END_TEST

START_TEST(test_virtual_entry)
{
    /* An entry given as a virtual address is translated. */
    g_autoptr(GByteArray) kernel =
        image_elf(&(struct image_elf){ .entry = 0xffffffff80000000 + IMAGE_ELF_TEXT + 0x100 });
    struct vemu_boot *boot;

    board_init(&board, 64 * MIB);
    boot = load_ok(kernel, NULL, NULL);
    check_long_state(boot);
    vemu__boot_free(boot);
    board_fini(&board);
}
END_TEST

START_TEST(test_pvh)
{
    g_autoptr(GByteArray) initrd = image_noise(5000);

    for (int is32 = 0; is32 < 2; is32++) {
        g_autoptr(GByteArray) kernel =
            image_elf(&(struct image_elf){ .is32 = is32, .pvh_entry = 0x1000200 });
        struct vemu_cpu_state *state = g_new0(struct vemu_cpu_state, 1);
        struct vemu_boot *boot;
        const uint32_t *info;
        const uint64_t *module, *map;

        board_init(&board, 64 * MIB);
        boot = load_ok(kernel, initrd, "pvh");
        check_elf_loaded();
        vemu__boot_state(boot, state);
        ck_assert_uint_eq(state->regs.rip, 0x1000200);
        ck_assert_uint_eq(state->sregs.cr0, 0x11);
        ck_assert_uint_eq(state->sregs.efer, 0);
        ck_assert_uint_eq(state->sregs.seg[VEMU_CS].db, 1);
        info = (const uint32_t *)(board.memory.ram + state->regs.gpr[VEMU_RBX]);
        ck_assert_uint_eq(info[0], 0x336ec578);
        ck_assert_uint_eq(info[1], 1);
        ck_assert_uint_eq(info[3], 1); /* modules */
        module = (const uint64_t *)(board.memory.ram + info[4]);
        ck_assert_uint_eq(module[1], 5000);
        ck_assert_mem_eq(board.memory.ram + module[0], initrd->data, 5000);
        ck_assert_str_eq((char *)board.memory.ram + info[6], "pvh");
        ck_assert_uint_eq(info[8], 0xe0000);
        ck_assert_uint_eq(info[12], 4);
        map = (const uint64_t *)(board.memory.ram + info[10]);
        ck_assert_uint_eq(map[3 * 3], MIB);
        vemu__boot_free(boot);
        board_fini(&board);
        g_free(state);
    }
}
END_TEST

START_TEST(test_multiboot)
{
    g_autoptr(GByteArray) initrd = image_noise(5000);
    g_autoptr(GByteArray) elf = image_elf(&(struct image_elf){ .is32 = true, .multiboot = true });
    g_autoptr(GByteArray) elf64 = image_elf(&(struct image_elf){ .multiboot = true });
    g_autoptr(GByteArray) raw = image_multiboot_raw();
    const GByteArray *kernels[] = { elf, elf64, raw };
    const uint32_t entries[] = { IMAGE_ELF_TEXT + 0x100, IMAGE_ELF_TEXT + 0x100, 0x200080 };

    for (unsigned i = 0; i < 3; i++) {
        struct vemu_cpu_state *state = g_new0(struct vemu_cpu_state, 1);
        struct vemu_boot *boot;
        const uint32_t *info, *module;
        const char *cmdline;

        board_init(&board, 64 * MIB);
        boot = load_ok(kernels[i], initrd, "one two");
        vemu__boot_state(boot, state);
        ck_assert_uint_eq(state->regs.rip, entries[i]);
        ck_assert_uint_eq(state->regs.gpr[VEMU_RAX], 0x2badb002);
        ck_assert_uint_eq(state->sregs.cr0, 0x11);
        info = (const uint32_t *)(board.memory.ram + state->regs.gpr[VEMU_RBX]);
        ck_assert_uint_eq(info[0], 0x24d);
        ck_assert_uint_eq(info[1], 639);
        ck_assert_uint_eq(info[2], 63 * 1024);
        cmdline = (char *)board.memory.ram + info[4];
        ck_assert_str_eq(strchr(cmdline, ' '), " one two");
        ck_assert_uint_eq(info[5], 1);
        module = (const uint32_t *)(board.memory.ram + info[6]);
        ck_assert_uint_eq(module[1] - module[0], 5000);
        ck_assert_mem_eq(board.memory.ram + module[0], initrd->data, 5000);
        ck_assert_uint_eq(info[11], 4 * 24); /* memory map */
        ck_assert_str_eq((char *)board.memory.ram + info[16], "vemu");
        vemu__boot_free(boot);
        board_fini(&board);
        g_free(state);
    }
}
END_TEST

START_TEST(test_wrong_files)
{
    static const struct {
        const char *data;
        size_t size;
        const char *words;
    } files[] = {
        { "", 0, "it is empty" },
        { "hello world\n", 12, "it is text" },
        { "\x01\x02\x03\x04", 4, "data of no known kind" },
        { "\x1f\x8b\x08\x00", 4, "gzip data" },
        { "QFI\xfb\x00\x00\x00\x03", 8, "qcow2" },
        { "070701000002", 12, "cpio archive" },
        { "MZ\x90\x00", 4, "PE (Windows or UEFI)" },
        { "!<arch>\ndebian", 14, "Debian package" },
    };

    board_init(&board, 64 * MIB);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autoptr(GByteArray) data = g_byte_array_new();

        g_byte_array_append(data, (const guint8 *)files[i].data, (guint)files[i].size);
        load_fails(data, NULL, "", ENOEXEC, files[i].words);
    }
    board_fini(&board);
}
END_TEST

START_TEST(test_missing_files)
{
    struct vemu_error *err = NULL;
    struct vemu_boot *boot = NULL;

    ck_assert_int_eq(vemu__boot_open(NULL, "/nonexistent/kernel", NULL, "", &boot, &err), -ENOENT);
    ck_assert_str_eq(vemu_error_message(err),
                     "cannot open kernel '/nonexistent/kernel': No such file or directory");
    err = vemu_error_free(err);
    ck_assert_int_eq(vemu__boot_open(NULL, "/tmp", NULL, "", &boot, &err), -EISDIR);
    err = vemu_error_free(err);
    ck_assert_int_eq(vemu__boot_open(NULL, "/dev/null", NULL, "", &boot, &err), -EINVAL);
    ck_assert_ptr_nonnull(strstr(vemu_error_message(err), "special file"));
    err = vemu_error_free(err);
    ck_assert_int_eq(vemu__boot_open(NULL, "/etc/passwd", "/nonexistent/initrd", "", &boot, &err),
                     -ENOENT);
    ck_assert_ptr_nonnull(strstr(vemu_error_message(err), "initrd '/nonexistent/initrd'"));
    vemu_error_free(err);
}
END_TEST

static void patch(GByteArray *image, size_t offset, uint32_t value, size_t size)
{
    memcpy(image->data + offset, &value, size);
}

START_TEST(test_bad_bzimage)
{
    g_autoptr(GByteArray) elf = image_elf(&(struct image_elf){ 0 });
    g_autoptr(GByteArray) text = g_byte_array_new();
    const size_t hdr = 0x1f1;
    static const struct {
        size_t offset, size;
        uint32_t value;
        int code;
        const char *words;
    } cases[] = {
        { offsetof(struct setup_header, version), 2, 0x0207, ENOEXEC, "protocol 2.07" },
        { offsetof(struct setup_header, loadflags), 1, 0, ENOEXEC, "zImage" },
        { offsetof(struct setup_header, payload_length), 4, 4, ENOEXEC, "no payload" },
        { offsetof(struct setup_header, payload_length), 4, 0x7fffffff, ENODATA, "truncated" },
        { offsetof(struct setup_header, payload_offset), 4, 0xffffffff, ENODATA, "truncated" },
        { offsetof(struct setup_header, payload_offset), 4, 0, ENOEXEC, "none of gzip" },
        { offsetof(struct setup_header, init_size), 4, 0xffffffff, ENOMEM, "at least 4113 MiB" },
        { offsetof(struct setup_header, cmdline_size), 4, 3, E2BIG, "takes 3" },
        { offsetof(struct setup_header, initrd_addr_max), 4, 0x1800000, EFBIG, "highest address" },
    };

    board_init(&board, 64 * MIB);
    g_byte_array_append(text,
                        (const guint8 *)"not an ELF image, but long enough to be read as one. "
                                        "Indeed it must be longer than that: a header has 64 bytes",
                        110);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) kernel = image_bzimage(IMAGE_ZSTD, elf);
        g_autoptr(GByteArray) initrd = image_noise(100000);

        patch(kernel, hdr + cases[i].offset, cases[i].value, cases[i].size);
        load_fails(kernel, initrd, "abcd", cases[i].code, cases[i].words);
    }
    for (int codec = IMAGE_GZIP; codec < IMAGE_CODECS; codec++) {
        g_autoptr(GByteArray) kernel = image_bzimage(codec, elf);
        g_autoptr(GByteArray) not_elf = image_bzimage(codec, text);
        size_t last = kernel->len;

        load_fails(not_elf, NULL, "", ENOEXEC, "does not hold an ELF image");
        g_byte_array_set_size(kernel, kernel->len - 100);
        load_fails(kernel, NULL, "", ENODATA, "truncated");
        g_byte_array_set_size(kernel, (guint)last);
        memset(kernel->data + last - 100, 0, 100);
        patch(kernel, last - 4, 3000000, 4); /* a wrong size, and the end is damaged */
        load(kernel, NULL, "", NULL, (char[512]){ 0 });
        patch(kernel, last - 4, 0x7fffffff, 4);
        load_fails(kernel, NULL, "", ENOEXEC, "claims to unpack");
    }
    board_fini(&board);
}
END_TEST

START_TEST(test_bad_elf)
{
    static const struct {
        size_t offset, size;
        uint32_t value;
        int code;
        const char *words;
    } cases[] = {
        { EI_CLASS, 1, 7, ENOEXEC, "class 7" },
        { EI_DATA, 1, 2, ENOEXEC, "little-endian" },
        { offsetof(Elf64_Ehdr, e_machine), 2, EM_AARCH64, ENOEXEC, "machine type 183" },
        { offsetof(Elf64_Ehdr, e_machine), 2, EM_386, ENOEXEC, "64-bit ELF image for i386" },
        { offsetof(Elf64_Ehdr, e_type), 2, ET_DYN, ENOEXEC, "position independent" },
        { offsetof(Elf64_Ehdr, e_type), 2, ET_REL, ENOEXEC, "object file" },
        { offsetof(Elf64_Ehdr, e_phnum), 2, 0, ENOEXEC, "program headers" },
        { offsetof(Elf64_Ehdr, e_phnum), 2, 65, ENOEXEC, "program headers" },
        { offsetof(Elf64_Ehdr, e_phentsize), 2, 32, ENOEXEC, "program headers" },
        { offsetof(Elf64_Ehdr, e_phoff), 4, 0, ENOEXEC, "offset 0" },
        { offsetof(Elf64_Ehdr, e_phoff), 4, 0x7fffffff, ENOEXEC, "offset 2147483647" },
        { offsetof(Elf64_Ehdr, e_entry), 4, 0, ENOEXEC, "entry 0x0" },
        { 64 + offsetof(Elf64_Phdr, p_paddr), 4, 0x1000, ENOEXEC, "boot loader's own" },
        { 64 + offsetof(Elf64_Phdr, p_paddr), 4, 0xa0000, ENOEXEC, "no memory" },
        { 64 + offsetof(Elf64_Phdr, p_paddr), 4, 0x8000000, ENOMEM, "at least 129 MiB" },
        { 64 + offsetof(Elf64_Phdr, p_paddr) + 4, 4, 0xffffffff, ENOEXEC, "no memory" },
        { 64 + offsetof(Elf64_Phdr, p_memsz), 4, 100, ENOEXEC, "holds 300000 in the file" },
        { 64 + offsetof(Elf64_Phdr, p_memsz) + 4, 4, 0xffffffff, ENOEXEC, "out of bounds" },
        { 64 + offsetof(Elf64_Phdr, p_offset), 4, 0x7fffffff, ENODATA, "truncated" },
        { 64 + offsetof(Elf64_Phdr, p_offset) + 4, 4, 0xffffffff, ENODATA, "truncated" },
    };

    board_init(&board, 64 * MIB);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) kernel = image_elf(&(struct image_elf){ 0 });

        patch(kernel, cases[i].offset, cases[i].value, cases[i].size);
        load_fails(kernel, NULL, "", cases[i].code, cases[i].words);
    }
    {
        g_autoptr(GByteArray) kernel = image_elf(&(struct image_elf){ .is32 = true });

        load_fails(kernel, NULL, "", ENOEXEC, "32-bit ELF image without a PVH note");
    }
    for (guint cut = 5; cut < 300000; cut += cut / 3 + 1) {
        g_autoptr(GByteArray) kernel = image_elf(&(struct image_elf){ .pvh_entry = 0x1000200 });

        g_byte_array_set_size(kernel, cut);
        load_fails(kernel, NULL, "", ENODATA, "truncated");
    }
    board_fini(&board);
}
END_TEST

START_TEST(test_bad_multiboot)
{
    static const struct {
        unsigned word;
        uint32_t value;
        int code;
        const char *words;
    } cases[] = {
        { 1, 0x10007, ENOTSUP, "video mode" },       { 1, 0x1000b, ENOTSUP, "features 0x000b" },
        { 3, 0x100000, ENOEXEC, "contradict" },      { 4, 0, ENOEXEC, "contradict" },
        { 5, 0x1fffff, ENOEXEC, "ends before" },     { 5, 0x300000, ENODATA, "truncated" },
        { 6, 0x70000000, ENOEXEC, "out of bounds" }, { 6, 0x8000000, ENOMEM, "at least 128 MiB" },
    };

    board_init(&board, 64 * MIB);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) kernel = image_multiboot_raw();
        uint32_t *header = (uint32_t *)(kernel->data + 0x40);

        header[cases[i].word] = cases[i].value;
        header[2] = -(header[0] + header[1]);
        load_fails(kernel, NULL, "", cases[i].code, cases[i].words);
    }
    board_fini(&board);
}
END_TEST

START_TEST(test_memory_sizes)
{
    g_autoptr(GByteArray) elf = image_elf(&(struct image_elf){ 0 });
    g_autoptr(GByteArray) kernel = image_bzimage(IMAGE_LZ4, elf);
    g_autoptr(GByteArray) initrd = image_noise(5 << 20);

    /* The kernel takes 16 to 24 MiB (init_size), the initrd 5 more. */
    board_init(&board, 16 * MIB);
    load_fails(kernel, NULL, "", ENOMEM, "at least 24 MiB");
    board_fini(&board);
    board_init(&board, 22 * MIB);
    load_fails(kernel, NULL, "", ENOMEM, "at least 24 MiB of memory; the machine has 22 MiB");
    board_fini(&board);
    board_init(&board, 28 * MIB);
    load_fails(kernel, initrd, "", ENOMEM, "with its initrd needs at least 29 MiB of memory");
    board_fini(&board);
    board_init(&board, 29 * MIB);
    vemu__boot_free(load_ok(kernel, initrd, ""));
    board_fini(&board);
}
END_TEST

START_TEST(test_long_cmdline)
{
    g_autoptr(GByteArray) elf = image_elf(&(struct image_elf){ .pvh_entry = 0x1000200 });
    g_autoptr(GByteArray) bzimage = image_bzimage(IMAGE_GZIP, elf);
    g_autofree char *text = g_strnfill(70000, 'x');

    board_init(&board, 64 * MIB);
    load_fails(elf, NULL, text, E2BIG, "70000 characters; this kernel takes 65535");
    load_fails(bzimage, NULL, text, E2BIG, "this kernel takes 2047");
    text[2047] = 0;
    vemu__boot_free(load_ok(bzimage, NULL, text));
    board_fini(&board);
}
END_TEST

START_TEST(test_host_kernel)
{
    g_autoptr(GDir) dir = g_dir_open("/boot", 0, NULL);
    const char *name;

    /* Whatever kernels this host has. */
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename("/boot", name, NULL);
        struct vemu_error *err = NULL;
        struct vemu_boot *boot = NULL;
        int r;

        if (!g_str_has_prefix(name, "vmlinuz-") || access(path, R_OK) != 0) {
            continue;
        }
        board_init(&board, 512 * MIB);
        r = vemu__boot_open(NULL, path, NULL, "console=ttyS0", &boot, &err);
        if (r == 0) {
            r = vemu__boot_load(boot, &board.boot, &err);
        }
        ck_assert_msg(r == 0, "%s", err ? vemu_error_message(err) : "?");
        ck_assert_uint_eq(boot->rip, 0x1000000);
        ck_assert_int_eq(boot->mode, VEMU_BOOT_LONG);
        ck_assert_uint_gt(board_resident(&board), 10 * MIB);
        vemu__boot_free(boot);
        board_fini(&board);
    }
}
END_TEST

SUITE_MAIN("boot-images", test_bzimage, test_plain, test_reload, test_vmlinux, test_virtual_entry,
           test_pvh, test_multiboot, test_wrong_files, test_missing_files, test_bad_bzimage,
           test_bad_elf, test_bad_multiboot, test_memory_sizes, test_long_cmdline, test_host_kernel)
