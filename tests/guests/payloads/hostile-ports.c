/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile guest: reads and writes of all widths at every port ("all" on the command line) or at a
 * sample.
 */
#include "runtime.h"

/* Those that are meant to end the machine. */
static bool ends(uint32_t port)
{
    static const uint16_t ports[] = { 0xf4, 0x64, 0x92, 0xcf9, 0x604, 0x605 };
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (port + 4 > ports[i] && port < ports[i] + 4u)
            return true;
    return port + 4 > 0xe9 && port <= 0xec; /* our output */
}

unsigned payload(void)
{
    bool all = option("all");
    unsigned count = 0;
    cli();
    for (uint32_t port = 0; port < 0x10000; port += all || port < 0x100 ? 1 : 97) {
        if (ends(port))
            continue;
        uint32_t value = random_next();
        switch (all ? 3 : value >> 30) {
        case 0:
            outb((uint16_t)port, (uint8_t)value);
            inb((uint16_t)port);
            break;
        case 1:
            outw((uint16_t)port, (uint16_t)value);
            inw((uint16_t)port);
            break;
        case 2:
            outl((uint16_t)port, value);
            inl((uint16_t)port);
            break;
        default:
            inb((uint16_t)port);
            outb((uint16_t)port, (uint8_t)value);
            inw((uint16_t)port);
            outw((uint16_t)port, (uint16_t)(value >> 8));
            inl((uint16_t)port);
            outl((uint16_t)port, random_next());
        }
        count++;
    }
    say("still here, %s\n", count > 500 ? "many ports" : "few ports");
    return 0;
}
