/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reset by the reset control register.
 */
#define RESET (outb(0xcf9, 2), outb(0xcf9, 6))
#include "reset.h"
