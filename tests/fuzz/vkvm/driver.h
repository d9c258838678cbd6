/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a fuzz target of libvkvm provides. With libFuzzer it is called with inputs; otherwise
 * driver.c calls it with files, seeds and random changes of them.
 */
#ifndef TESTS_FUZZ_VKVM_DRIVER_H
#define TESTS_FUZZ_VKVM_DRIVER_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Input number `index` to begin with, malloc'ed; NULL: there are no more. */
uint8_t *fuzz_seed(unsigned index, size_t *ret_size);

/* Reading what a result points to, so that sanitizers look at it. */
extern volatile uint8_t fuzz_sink;
static inline void fuzz_read(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        fuzz_sink ^= ((const uint8_t *)bytes)[i];
}

#endif
