/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Power-off: sleep state S5.
 */
#include "runtime.h"

#define PM1_CONTROL 0x604

unsigned payload(void)
{
    say("control %x\n", inw(PM1_CONTROL));
    outw(PM1_CONTROL, 0x2000 | 3 << 10); /* a sleep type that is not S5 */
    say("still on\n");
    flush();
    outw(PM1_CONTROL, 0x2000);
    for (;;)
        __asm__ volatile("cli; hlt");
}
