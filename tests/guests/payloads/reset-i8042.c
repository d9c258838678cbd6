/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reset by the keyboard controller: everything starts anew, the CMOS memory stays.
 */
#define RESET outb(0x64, 0xfe)
#include "reset.h"
