/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values of the protocol's structures, made from a fuzzer's bytes: what is well-formed, names what
 * is there or nearly so, and is odd inside.
 */
#ifndef TESTS_FUZZ_RPC_VALUE_H
#define TESTS_FUZZ_RPC_VALUE_H

#include "packet.h"

/* Bytes that are taken from the front; behind the last come zeros. */
struct fuzz_source {
    const uint8_t *data;
    size_t left;
};
uint32_t fuzz_take(struct fuzz_source *source, unsigned bytes);

/* A payload of this layout (NULL: an empty one), appended to out. Sometimes one that is not. */
void fuzz_payload(struct fuzz_source *source, const struct vmgr__wire_layout *layout,
                  GByteArray *out);

#endif
