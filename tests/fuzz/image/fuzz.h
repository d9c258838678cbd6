/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fuzzer of image formats: inputs, seeds and changes of them.
 *
 * An input is a header, requests, and a file as a list of the sectors in it that are not zeros
 * (some formats have megabytes of nothing between their tables).
 */
#ifndef TESTS_FUZZ_IMAGE_FUZZ_H
#define TESTS_FUZZ_IMAGE_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#define FUZZ_SECTOR    512u
#define FUZZ_FILE_MAX  (UINT64_C(32) << 20)
#define FUZZ_OPS_MAX   40u
#define FUZZ_INPUT_MAX (256u << 10)

enum fuzz_format { FUZZ_QCOW2, FUZZ_VMDK, FUZZ_VDI, FUZZ_VHDX, FUZZ_VPC, FUZZ_FORMATS };
extern const char *const fuzz_formats[FUZZ_FORMATS];

#define FUZZ_MEND      (1u << 0) /* checksums are put right first */
#define FUZZ_BACKING   (1u << 1) /* there is something below */
#define FUZZ_READ_ONLY (1u << 2)

struct fuzz_header {
    uint8_t format, flags, op_count, spare;
    uint32_t size; /* of the file, in sectors */
};
struct fuzz_op {
    uint8_t kind, what;
    uint16_t length;
    uint32_t place;
};
/* The file: such a header and so many sectors, again and again. */
struct fuzz_chunk {
    uint32_t sector;
    uint32_t count;
};

/* --- seeds.c ---------------------------------------------------------------------------------- */

/* Inputs from images that qemu-img makes, GByteArray each. Empty: there is no qemu-img. */
GPtrArray *fuzz_seeds(void);

/* --- mutate.c --------------------------------------------------------------------------------- */

/* Changes an input in place. Returns its size. */
size_t fuzz_mutate(uint8_t *data, size_t size, uint64_t *random);
/* Puts the checksums of a file right, for those formats that have any. */
void fuzz_mend(enum fuzz_format format, uint8_t *file, uint64_t size);

static inline uint64_t fuzz_random(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % below;
}

#endif
