/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reset by system control port A.
 */
#define RESET outb(0x92, 3)
#include "reset.h"
