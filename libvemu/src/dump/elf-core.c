/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The head of an ELF core file (System V ABI, chapter 4; AMD64 supplement): one segment of notes
 * and one for each piece of memory, by guest-physical address. For each vCPU there is the note
 * NT_PRSTATUS of Linux, which gdb and crash read, and one named "QEMU" in QEMU's layout
 * (target/i386/arch_dump), whose control registers crash finds the page tables by.
 */
#include "dump/elf-core.h"

#include <elf.h>
#include <string.h>

#define PAGE               4096u
#define MSR_KERNEL_GS_BASE 0xc0000102u

/* struct elf_prstatus of Linux on x86-64. */
struct prstatus {
    uint8_t info[32];
    uint32_t pid;
    uint8_t times[76];
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
    uint64_t rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
    uint64_t fpvalid;
};
_Static_assert(sizeof(struct prstatus) == 336, "as the kernel has it");

struct core_segment {
    uint32_t selector, limit, flags, pad;
    uint64_t base;
};

/* QEMU's CPUState note, version 1. */
struct core_cpu {
    uint32_t version, size;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    struct core_segment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
    uint64_t cr[5];
    uint64_t kernel_gs_base;
};
_Static_assert(sizeof(struct core_cpu) == 440, "as QEMU writes it");

static void put_note(GByteArray *out, const char *name, uint32_t type, const void *data,
                     uint32_t size)
{
    static const uint8_t zeros[4];
    const uint32_t name_size = (uint32_t)strlen(name) + 1;
    const Elf64_Nhdr head = { .n_namesz = name_size, .n_descsz = size, .n_type = type };

    g_byte_array_append(out, (const uint8_t *)&head, sizeof(head));
    g_byte_array_append(out, (const uint8_t *)name, name_size);
    g_byte_array_append(out, zeros, -name_size & 3);
    g_byte_array_append(out, data, size);
    g_byte_array_append(out, zeros, -size & 3);
}

static void put_prstatus(GByteArray *out, const struct vemu_cpu_state *st, uint32_t n)
{
    const uint64_t *g = st->regs.gpr;
    const struct vemu_segment *s = st->sregs.seg;
    const struct prstatus p = {
        .pid = n + 1,
        .r15 = g[15], .r14 = g[14], .r13 = g[13], .r12 = g[12], .rbp = g[VEMU_RBP],
        .rbx = g[VEMU_RBX], .r11 = g[11], .r10 = g[10], .r9 = g[9], .r8 = g[8],
        .rax = g[VEMU_RAX], .rcx = g[VEMU_RCX], .rdx = g[VEMU_RDX], .rsi = g[VEMU_RSI],
        .rdi = g[VEMU_RDI], .orig_rax = UINT64_MAX, .rip = st->regs.rip, .eflags = st->regs.rflags,
        .rsp = g[VEMU_RSP], .cs = s[VEMU_CS].selector, .ss = s[VEMU_SS].selector,
        .fs_base = s[VEMU_FS].base, .gs_base = s[VEMU_GS].base, .ds = s[VEMU_DS].selector,
        .es = s[VEMU_ES].selector, .fs = s[VEMU_FS].selector, .gs = s[VEMU_GS].selector,
    };

    put_note(out, "CORE", NT_PRSTATUS, &p, sizeof(p));
}

/* `flags` is the second word of the descriptor, without base and limit. */
static struct core_segment segment(const struct vemu_segment *s)
{
    return (struct core_segment){
        .selector = s->selector, .limit = s->limit, .base = s->base,
        .flags = (uint32_t)s->type << 8 | (uint32_t)s->s << 12 | (uint32_t)s->dpl << 13 |
                 (uint32_t)s->present << 15 | (uint32_t)s->avl << 20 | (uint32_t)s->l << 21 |
                 (uint32_t)s->db << 22 | (uint32_t)s->g << 23,
    };
}

static uint64_t kernel_gs_base(const struct vemu_cpu_state *st)
{
    for (uint32_t n = 0; n < st->msr_count; n++)
        if (st->msrs[n].index == MSR_KERNEL_GS_BASE)
            return st->msrs[n].value;
    return 0;
}

static void put_cpu(GByteArray *out, const struct vemu_cpu_state *st)
{
    const uint64_t *g = st->regs.gpr;
    const struct vemu_sregs *r = &st->sregs;
    const struct core_cpu c = {
        .version = 1, .size = sizeof(c),
        .rax = g[VEMU_RAX], .rbx = g[VEMU_RBX], .rcx = g[VEMU_RCX], .rdx = g[VEMU_RDX],
        .rsi = g[VEMU_RSI], .rdi = g[VEMU_RDI], .rsp = g[VEMU_RSP], .rbp = g[VEMU_RBP],
        .r8 = g[8], .r9 = g[9], .r10 = g[10], .r11 = g[11], .r12 = g[12], .r13 = g[13],
        .r14 = g[14], .r15 = g[15], .rip = st->regs.rip, .rflags = st->regs.rflags,
        .cs = segment(&r->seg[VEMU_CS]), .ds = segment(&r->seg[VEMU_DS]),
        .es = segment(&r->seg[VEMU_ES]), .fs = segment(&r->seg[VEMU_FS]),
        .gs = segment(&r->seg[VEMU_GS]), .ss = segment(&r->seg[VEMU_SS]),
        .ldt = segment(&r->ldt), .tr = segment(&r->tr),
        .gdt = { .limit = r->gdt.limit, .base = r->gdt.base },
        .idt = { .limit = r->idt.limit, .base = r->idt.base },
        .cr = { r->cr0, 0, r->cr2, r->cr3, r->cr4 },
        .kernel_gs_base = kernel_gs_base(st),
    };

    put_note(out, "QEMU", 0, &c, sizeof(c));
}

GByteArray *vemu__elf_core_head(struct vemu_core_block *blocks, uint32_t block_count,
                                const struct vemu_cpu_state *cpus, uint32_t cpu_count)
{
    GByteArray *out = g_byte_array_new();
    g_autoptr(GByteArray) notes = g_byte_array_new();
    const uint64_t headers = sizeof(Elf64_Ehdr) + (block_count + 1ull) * sizeof(Elf64_Phdr);
    Elf64_Ehdr e = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
        .e_phoff = sizeof(e), .e_ehsize = sizeof(e), .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (uint16_t)(block_count + 1),
    };
    uint64_t at;

    for (uint32_t n = 0; n < cpu_count; n++)
        put_prstatus(notes, &cpus[n], n);
    for (uint32_t n = 0; n < cpu_count; n++)
        put_cpu(notes, &cpus[n]);
    g_byte_array_append(out, (const uint8_t *)&e, sizeof(e));
    const Elf64_Phdr note = {
        .p_type = PT_NOTE, .p_offset = headers, .p_filesz = notes->len, .p_memsz = notes->len,
        .p_align = 4,
    };
    g_byte_array_append(out, (const uint8_t *)&note, sizeof(note));
    at = (headers + notes->len + PAGE - 1) / PAGE * PAGE;
    for (uint32_t n = 0; n < block_count; n++) {
        const Elf64_Phdr load = {
            .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = at,
            .p_paddr = blocks[n].gpa, .p_filesz = blocks[n].size, .p_memsz = blocks[n].size,
        };

        blocks[n].offset = at;
        at += blocks[n].size;
        g_byte_array_append(out, (const uint8_t *)&load, sizeof(load));
    }
    g_byte_array_append(out, notes->data, notes->len);
    return out;
}
