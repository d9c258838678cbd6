/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of soft-random share.
 *
 * An input is a stream of bytes that decisions are taken from, and then code. Where it ends, zeros
 * follow. A case begins with a machine as it was never used, so that it depends on its input alone;
 * only what a guest learns of the time (RDTSC, and when the run is ended) differs between runs.
 */
#ifndef SOFT_RANDOM_H
#define SOFT_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accel/soft/cpu.h"

#define RAM_SIZE  0x80000u
#define ROM_GPA   0xc0000u
#define ROM_SIZE  0x10000u
#define HIGH_GPA  0x100000u
#define HIGH_SIZE 0x40000u
#define CODE_GPA  0x8000u
#define CODE_SIZE 0x2000u

enum mode { REAL, V86, PROT16, PROT32, PAGED32, PAE, COMPAT, LONG0, LONG3, MODE_COUNT };

/* --- input ----------------------------------------------------------------------------------- */
struct input {
    const uint8_t *p, *end;
};
static inline uint64_t input_take(struct input *in, unsigned size)
{
    uint64_t v = 0;
    for (unsigned n = 0; n < size && in->p < in->end; n++)
        v |= (uint64_t)*in->p++ << (8 * n);
    return v;
}
/* True in about one of n cases when the input is random; never at its end. */
static inline bool input_rarely(struct input *in, unsigned n)
{
    return input_take(in, 1) % n == 1;
}

/* --- machine.c: one vCPU, RAM, a ROM, and RAM with a dirty log -------------------------------- */
struct machine {
    struct sc_vm vm;
    struct sc_cpu *cpu, *cpus[1];
    uint8_t *ram, *rom, *high;
    struct vemu_cpu_state state;
};
void machine_init(struct machine *m); /* aborts where that is not possible */
void machine_fini(struct machine *m);
/* As after machine_init(). */
void machine_renew(struct machine *m);
/* A vCPU that has been running for a long time. After the state was set. */
void machine_age(struct machine *m, struct input *in);
/* Runs the vCPU until it stops by itself or has had its share of time. Aborts when it hangs. */
int machine_run(struct machine *m, struct vemu_exit *exit);
/* Aborts when the vCPU's tables of traces are not what they should be. */
void machine_check(struct machine *m);

/* --- guest.c, code.c -------------------------------------------------------------------------- */
/* Tables and handlers in RAM; registers into m->state. */
void guest_make(struct machine *m, struct input *in, enum mode mode);
/* What is left of the input becomes code from gpa on. */
void code_put(struct machine *m, struct input *in, uint32_t gpa, uint32_t end);

/* --- report.c: which case it was ------------------------------------------------------------- */
struct report {
    uint64_t seed, number;
    const char *file; /* instead of a seed's case */
};
/* What fatal signals and sanitizers' reports name from now on. */
void report_start(void);
void report_case(const struct report *r);
/* Says which case it is, on stderr. Context: any, signal handlers too. */
void report_print(void);
unsigned report_count(void); /* of sanitizers' reports that did not end the process */

#endif
