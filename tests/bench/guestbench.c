/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Work for a guest's CPU, between lines the host stamps: "START name" ... "END name units". With
 * "integer" only that, to be run several times at once.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void mark(const char *what, const char *name, unsigned long units)
{
    char line[80];
    int n = snprintf(line, sizeof(line), "%s %s %lu\n", what, name, units);
    if (write(1, line, (size_t)n) != n)
        _exit(1);
}

static uint8_t *buffer(size_t size)
{
    uint8_t *p = malloc(size);
    if (!p)
        _exit(1);
    memset(p, 0x5a, size);
    return p;
}

/* MiB copied by REP MOVSQ, 1 MiB at a time. */
static void rep_movsq(unsigned long mib)
{
    uint8_t *a = buffer(1 << 20), *b = buffer(1 << 20);
    mark("START", "rep_movsq", mib);
    for (unsigned long i = 0; i < mib; i++) {
        void *from = a, *to = b;
        unsigned long n = (1 << 20) / 8;
        __asm__ volatile("rep movsq" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
    }
    mark("END", "rep_movsq", mib);
}

/* MiB copied by the C library, 16 MiB at a time. */
static void memcpy_16m(unsigned long mib)
{
    uint8_t *a = buffer(16 << 20), *b = buffer(16 << 20);
    mark("START", "memcpy_16M", mib);
    for (unsigned long i = 0; i < mib / 16; i++) {
        memcpy(b, a, 16 << 20);
        __asm__ volatile("" : : "r"(b) : "memory");
    }
    mark("END", "memcpy_16M", mib);
}

/* Steps of a double-precision recurrence: multiply, add, divide, compare. */
static void double_loop(unsigned long steps)
{
    volatile double seed = 0.7;
    double x = seed, sum = 0;
    mark("START", "double", steps);
    for (unsigned long i = 0; i < steps; i++) {
        x = 3.7 * x * (1.0 - x);
        sum += x / (x + 1.5);
        if (sum > 1000)
            sum -= 1000;
    }
    seed = sum;
    mark("END", "double", steps);
}

/* Steps of an integer hash over a table: loads, stores, shifts, branches. */
static void int_loop(unsigned long steps)
{
    static uint32_t table[4096];
    volatile uint32_t seed = 12345;
    uint32_t x = seed;
    mark("START", "integer", steps);
    for (unsigned long i = 0; i < steps; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        uint32_t *slot = &table[x & 4095];
        if (*slot & 1)
            *slot += x;
        else
            *slot ^= x >> 3;
    }
    seed = x;
    mark("END", "integer", steps);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "integer")) {
        int_loop(60000000);
        return 0;
    }
    rep_movsq(512);
    memcpy_16m(512);
    double_loop(5000000);
    int_loop(20000000);
    return 0;
}
