/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reset by a triple fault.
 */
#define RESET triple_fault()
#include "runtime.h"

static void triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none;
    __asm__ volatile("lidt %0; ud2" : : "m"(none));
}

#include "reset.h"
