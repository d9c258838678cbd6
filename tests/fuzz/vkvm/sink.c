/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where fuzz_read() reads to, for programs without driver.c. */
#include "driver.h"

volatile uint8_t fuzz_sink;
