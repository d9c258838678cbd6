/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Atomic read-modify-write of guest memory (LOCK prefix, XCHG).
 *
 * Plain RAM within one cache line: a host atomic on the host pointer. Everything else (split locks,
 * MMIO, pages that hold code): all other vCPUs are stopped meanwhile.
 */
#ifndef SC_LOCK_H
#define SC_LOCK_H

#include "accel/soft/cpu.h"

enum sc_rmw_kind { SC_RMW_ADD, SC_RMW_AND, SC_RMW_OR, SC_RMW_XOR, SC_RMW_XCHG, SC_RMW_NEG,
                   SC_RMW_CMPXCHG /* v is stored when the old value is `expect` */ };

/* Each returns the old value. */
uint8_t sc_lock8(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, enum sc_rmw_kind kind,
                 uint8_t v, uint8_t expect);
uint16_t sc_lock16(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, enum sc_rmw_kind kind,
                   uint16_t v, uint16_t expect);
uint32_t sc_lock32(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, enum sc_rmw_kind kind,
                   uint32_t v, uint32_t expect);
uint64_t sc_lock64(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, enum sc_rmw_kind kind,
                   uint64_t v, uint64_t expect);
/* CMPXCHG16B; `old` holds the expected value and gets the old one. True: exchanged. va is aligned.
 * */
bool sc_lock128(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, uint64_t old[2],
                const uint64_t v[2]);

#endif
