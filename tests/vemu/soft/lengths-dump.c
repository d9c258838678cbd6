/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decodes 32-byte slots of a file (argv[2]) in a mode (argv[1]: 16, 32, 64): length and group a
 * line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel/soft/trace/decode.h"

int main(int argc, char **argv)
{
    uint8_t slot[32];
    FILE *f;
    uint32_t mode;

    if (argc != 3 || !(f = fopen(argv[2], "rb"))) {
        fprintf(stderr, "usage: lengths-dump 16|32|64 FILE\n");
        return 2;
    }
    mode = !strcmp(argv[1], "64") ? SC_M_64 : !strcmp(argv[1], "32") ? SC_M_32 : 0;
    while (fread(slot, sizeof(slot), 1, f) == 1) {
        struct sc_dec d;
        int len = sc_decode(&d, slot, 15, mode, 0);
        /* The same answer when the bytes come one by one, and never one that looks beyond them. */
        for (int n = 1; n < 15; n++) {
            struct sc_dec e;
            int part = sc_decode(&e, slot, (unsigned)n, mode, 0);
            if (len > 0 && part != (n < len ? 0 : len)) {
                fprintf(stderr, "%d of %d bytes: %d\n", n, len, part);
                return 1;
            }
        }
        printf("%d %u\n", len, len > 0 ? d.group : 0);
    }
    fclose(f);
    return 0;
}
