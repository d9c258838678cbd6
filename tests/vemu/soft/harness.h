/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtual machine of RAM and software vCPUs for white-box tests: load bytes, run, look at
 * registers.
 *
 *     struct sc_harness *h = sc_harness_new(SC_HARNESS_64, 4);
 *     sc_harness_load(h, SC_HARNESS_CODE, "\x48\xff\xc0\xf4", 4);   // inc %rax; hlt
 *     ck_assert(sc_harness_run(h) == SC_HARNESS_HALT);
 *     ck_assert(h->cpu->gpr[VEMU_RAX] == 1);
 *     sc_harness_free(h);
 *
 * The guest starts at SC_HARNESS_CODE with the stack pointer at SC_HARNESS_STACK and interrupts
 * off. It ends with HLT (interrupts off), a write to port 0xf4 (exit code in h->exit_code), a
 * triple fault, or after a time limit. Port 0xe9 collects output in h->output. No Check, no GLib.
 */
#ifndef SC_TEST_HARNESS_H
#define SC_TEST_HARNESS_H

#include <pthread.h>

#include "accel/soft/cpu.h"
#include "accel/soft/parts.h"

enum sc_harness_mode {
    SC_HARNESS_64, /* long mode, CPL 0, flat, 4 GiB mapped 1:1 in 2 MiB pages (user, writable) */
    SC_HARNESS_64_USER, /* the same with CPL 3: privileged instructions fault, so end with #UD.. */
    SC_HARNESS_32,      /* protected mode, flat, paging off */
    SC_HARNESS_16P,     /* protected mode, 16-bit segments with base 0, limit 0xffff */
    SC_HARNESS_16,      /* real mode, all segments 0 */
};

enum sc_harness_end {
    SC_HARNESS_HALT,
    SC_HARNESS_EXIT,     /* port 0xf4 */
    SC_HARNESS_SHUTDOWN, /* triple fault */
    SC_HARNESS_ERROR,    /* VEMU_EXIT_INTERNAL_ERROR and others: h->exit */
    SC_HARNESS_TIMEOUT,
};

/* Physical addresses. Below CODE lie page tables (0x1000..), GDT and IDT. */
#define SC_HARNESS_GDT 0x800u
#define SC_HARNESS_PML4 0x1000u
#define SC_HARNESS_STACK 0xe000u
#define SC_HARNESS_CODE 0x10000u   /* not in 16-bit modes: */
#define SC_HARNESS_CODE16 0x7c00u
#define SC_HARNESS_DATA 0x20000u

/* Selectors in the GDT: code and data of the harness's mode, then 64-bit user code and data. */
#define SC_HARNESS_CS 0x08u
#define SC_HARNESS_DS 0x10u
#define SC_HARNESS_UCS 0x1bu
#define SC_HARNESS_UDS 0x23u

#define SC_HARNESS_CPUS 4
struct sc_harness {
    struct sc_vm vm;
    struct sc_cpu *cpu; /* vCPU 0 */
    enum sc_harness_mode mode;
    uint8_t *ram;
    size_t ram_size;
    struct vemu_exit exit;
    uint32_t exit_code;
    bool exited, timed_out, watched_halt;
    unsigned time_limit_ms; /* 10000 */
    char output[4096];
    size_t output_size;
    uint64_t mmio_last; /* last address that no RAM covers */
};

struct sc_harness *sc_harness_new(enum sc_harness_mode mode, unsigned mib);
/* With `cpus` vCPUs (at most SC_HARNESS_CPUS), all runnable in the same mode. */
struct sc_harness *sc_harness_new_smp(enum sc_harness_mode mode, unsigned mib, unsigned cpus);
void sc_harness_free(struct sc_harness *h);
void sc_harness_load(struct sc_harness *h, uint64_t gpa, const void *bytes, size_t size);
/* Registers back to the start: general registers 0, RIP at the code. Memory and traces stay. */
void sc_harness_reset(struct sc_harness *h, struct sc_cpu *c);
enum sc_harness_end sc_harness_run(struct sc_harness *h);
enum sc_harness_end sc_harness_run_cpu(struct sc_harness *h, struct sc_cpu *c, struct vemu_exit *e);
/* Loads the bytes at the start address, resets, runs. */
enum sc_harness_end sc_harness_exec(struct sc_harness *h, const void *bytes, size_t size);
uint32_t sc_harness_rflags(const struct sc_harness *h);
/* Installs an IDT (64-bit modes and SC_HARNESS_32): vector v enters handler gpa + v * 16. */
void sc_harness_idt(struct sc_harness *h, uint64_t handlers);

#endif
