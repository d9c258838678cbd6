/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random numbers, interesting values, and register states made of them. */
#ifndef INSN_FUZZ_VALUES_H
#define INSN_FUZZ_VALUES_H

#include "insn.h"

struct rng {
    uint64_t s;
};
uint64_t rng_next(struct rng *r);
unsigned rng_below(struct rng *r, unsigned n);
bool rng_chance(struct rng *r, unsigned percent);

uint64_t random_integer(struct rng *r);
/* Values of a kind (enum fp_kind) into at most `room` bytes, as many as fit into 16. */
void random_fp(struct rng *r, unsigned kind, uint8_t *p, unsigned room);
/* The FXSAVE image that the form should start from. */
void random_fx(struct rng *r, const struct form *f, struct state *s);
/* Random bytes, the same in every run, to fill memory from: POOL_SIZE + ARENA_SIZE of them. */
#define POOL_SIZE 65536u
const uint8_t *random_pool(void);

#endif
