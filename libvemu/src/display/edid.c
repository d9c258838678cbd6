/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EDID: what a monitor tells of itself (VESA E-EDID 1.4, base block).
 *
 * One detailed timing, the preferred size at 60 Hz with reduced blanking; its range of frequencies;
 * a name. Whatever size was asked for, the numbers fit their fields.
 */
#include <string.h>

#include <glib.h>

#include "display/display.h"

#define DPI         96u
#define H_BLANK     160u /* CVT reduced blanking */
#define H_FRONT     48u
#define H_SYNC      32u
#define V_BLANK     35u
#define V_FRONT     3u
#define V_SYNC      6u
#define REFRESH     60u
#define FIELD12_MAX 4095u /* sizes of a detailed timing */
#define CLOCK_MAX   65535u

/* 3.10.2: bits 8 to 11 of two numbers in one byte. */
static uint8_t high(uint32_t a, uint32_t b)
{
    return (uint8_t)((a >> 8 & 0xf) << 4 | (b >> 8 & 0xf));
}

static void put_timing(uint8_t *d, uint32_t width, uint32_t height)
{
    uint32_t w = MIN(width, FIELD12_MAX), h = MIN(height, FIELD12_MAX);
    uint64_t hz = (uint64_t)(w + H_BLANK) * (h + V_BLANK) * REFRESH;
    uint32_t clock = (uint32_t)MIN(hz / 10000, CLOCK_MAX); /* 10 kHz */
    uint32_t mm_w = MIN(w * 254 / DPI / 10, FIELD12_MAX),
             mm_h = MIN(h * 254 / DPI / 10, FIELD12_MAX);

    d[0] = (uint8_t)clock;
    d[1] = (uint8_t)(clock >> 8);
    d[2] = (uint8_t)w;
    d[3] = (uint8_t)H_BLANK;
    d[4] = high(w, H_BLANK);
    d[5] = (uint8_t)h;
    d[6] = (uint8_t)V_BLANK;
    d[7] = high(h, V_BLANK);
    d[8] = H_FRONT;
    d[9] = H_SYNC;
    d[10] = V_FRONT << 4 | V_SYNC;
    d[11] = 0;
    d[12] = (uint8_t)mm_w;
    d[13] = (uint8_t)mm_h;
    d[14] = high(mm_w, mm_h);
    d[17] = 0x1e; /* digital separate sync, both positive */
}

/* 3.10.3: a descriptor that is text, ended by a newline and filled up with blanks. */
static void put_text(uint8_t *d, uint8_t tag, const char *text)
{
    memset(d + 5, ' ', 13);
    d[3] = tag;
    memcpy(d + 5, text, strlen(text));
    d[5 + strlen(text)] = '\n';
}

void vemu__edid_build(uint32_t width, uint32_t height, uint8_t edid[VEMU_EDID_SIZE])
{
    static const uint8_t head[] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    /* sRGB, 3.7 */
    static const uint8_t colours[] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 };
    uint32_t maker = ('V' - '@') << 10 | ('M' - '@') << 5 | ('U' - '@');
    uint8_t sum = 0;

    memset(edid, 0, VEMU_EDID_SIZE);
    memcpy(edid, head, sizeof(head));
    edid[8] = (uint8_t)(maker >> 8); /* big endian, alone of all */
    edid[9] = (uint8_t)maker;
    edid[10] = 0x01;
    edid[17] = 2026 - 1990;
    edid[18] = 1; /* version 1.4 */
    edid[19] = 4;
    edid[20] = 0xa5; /* digital, 8 bits a colour, DisplayPort */
    edid[21] = (uint8_t)MIN(width * 254 / DPI / 100, 255u); /* cm */
    edid[22] = (uint8_t)MIN(height * 254 / DPI / 100, 255u);
    edid[23] = 120;  /* gamma 2.2 */
    edid[24] = 0x06; /* sRGB; the first timing is the native one */
    memcpy(edid + 25, colours, sizeof(colours));
    edid[35] = 0x21;             /* 640x480, 800x600 at 60 Hz */
    edid[36] = 0x08;             /* 1024x768 at 60 Hz */
    memset(edid + 38, 0x01, 16); /* no standard timings */
    put_timing(edid + 54, width, height);
    edid[75] = 0xfd; /* range limits, without a formula */
    edid[77] = 50;   /* Hz */
    edid[78] = 125;
    edid[79] = 30; /* kHz */
    edid[80] = 160;
    edid[81] = 255; /* 10 MHz */
    edid[82] = 0x01;
    edid[83] = '\n';
    memset(edid + 84, ' ', 6);
    put_text(edid + 90, 0xfc, "vemu");
    edid[111] = 0x10; /* the fourth descriptor says nothing */
    for (unsigned i = 0; i < VEMU_EDID_SIZE - 1; i++)
        sum = (uint8_t)(sum + edid[i]);
    edid[127] = (uint8_t)(256 - sum);
}
