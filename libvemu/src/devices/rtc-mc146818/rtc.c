/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MC146818 real-time clock and the PC's CMOS memory (ports 0x70 and 0x71).
 *
 * Theory of operation
 *
 * The model is the Motorola MC146818A data sheet. Time is not counted: it is the VM's clock plus an
 * offset, turned into calendar bytes when the guest reads them. The offset is taken from the host's
 * wall clock at start, reset and resume, so that a guest paused for a week wakes up with the right
 * time; what the guest sets by writing the bytes is kept as a difference from the host. The host's
 * clock being stepped in between is not followed.
 *
 * That a guest has set the clock is told to the host, at most once a second: a guest may write
 * these bytes as fast as it likes.
 *
 * The flags of register C are found out the same way: the moments of the next update, alarm and
 * periodic event are kept, and events that lie in the past set their flags when register C is read.
 * A host timer runs only while one of the interrupts is enabled.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <glib.h>

#include "core/events.h"
#include "devices/devices.h"
#include "devices/rtc-mc146818/rtc.h"

#define NS 1000000000ll

enum {
    REG_SECONDS = 0,
    REG_SECONDS_ALARM = 1,
    REG_MINUTES = 2,
    REG_MINUTES_ALARM = 3,
    REG_HOURS = 4,
    REG_HOURS_ALARM = 5,
    REG_WEEKDAY = 6,
    REG_DAY = 7,
    REG_MONTH = 8,
    REG_YEAR = 9,
    REG_A = 10,
    REG_B = 11,
    REG_C = 12,
    REG_D = 13,
    REG_SHUTDOWN = 15, /* memory: what a reset is about */
    REG_CENTURY = 0x32,
};

#define A_UIP     0x80
#define A_DIVIDER 0x70
#define A_RATE    0x0f
#define A_RUNNING 0x20 /* divider chain set for a 32768 Hz crystal */

#define B_SET 0x80
#define B_PIE 0x40
#define B_AIE 0x20
#define B_UIE 0x10
#define B_DM  0x04 /* binary */
#define B_24H 0x02

#define C_IRQF 0x80
#define C_PF   0x40
#define C_AF   0x20
#define C_UF   0x10

#define D_VRT 0x80 /* battery is good */

#define SHUTDOWN_S3 0xfe

#define UIP_NS 244000ll /* UIP is set that long before an update (data sheet, table 7) */

struct rtc {
    struct vemu_device dev;
    /* properties */
    char *base;
    uint64_t ram_low, ram_high;
    uint8_t vcpus;
    /* wiring */
    struct vemu_irq *irq;
    struct vemu_timer *timer, *news; /* news: that the guest set the clock, to the host */
    int64_t news_ns;                 /* when there may be some again */
    /* state */
    uint8_t cmos[128];
    uint8_t index;
    int64_t offset_ns;     /* RTC time since the epoch = VM clock + offset */
    int64_t host_delta_ns; /* RTC time = host's wall clock + this, when resynchronized */
    int64_t base_delta_ns; /* what that was before the guest set it; not saved */
    int64_t next_update, next_alarm, next_periodic; /* VM clock; INT64_MAX: never */
};

/* --- calendar --------------------------------------------------------------------------------- */

static uint8_t rtc_encode(const struct rtc *s, unsigned value)
{
    return (uint8_t)((s->cmos[REG_B] & B_DM) ? value : (value / 10 % 10) << 4 | value % 10);
}

static unsigned rtc_decode(const struct rtc *s, uint8_t value)
{
    return (s->cmos[REG_B] & B_DM) ? value : (unsigned)(value >> 4) * 10 + (value & 15);
}

static uint8_t rtc_encode_hour(const struct rtc *s, unsigned hour)
{
    if (s->cmos[REG_B] & B_24H) {
        return rtc_encode(s, hour);
    }
    return rtc_encode(s, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
}

static unsigned rtc_decode_hour(const struct rtc *s, uint8_t value)
{
    if (s->cmos[REG_B] & B_24H) {
        return rtc_decode(s, value);
    }
    return rtc_decode(s, value & 0x7f) % 12 + ((value & 0x80) ? 12 : 0);
}

static bool rtc_running(const struct rtc *s)
{
    return !(s->cmos[REG_B] & B_SET) && (s->cmos[REG_A] & A_DIVIDER) == A_RUNNING;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;

    return q * b > a ? q - 1 : q;
}

/* RTC time in ns since the epoch. */
static int64_t rtc_time(const struct rtc *s)
{
    return vemu_clock_ns(s->dev.vm) + s->offset_ns;
}

/* Writes the calendar bytes for the time now. While stopped the bytes are what counts. */
static void rtc_fill(struct rtc *s)
{
    time_t seconds = (time_t)floor_div(rtc_time(s), NS);
    struct tm tm;

    if (!rtc_running(s) || !gmtime_r(&seconds, &tm)) {
        return;
    }
    s->cmos[REG_SECONDS] = rtc_encode(s, (unsigned)tm.tm_sec);
    s->cmos[REG_MINUTES] = rtc_encode(s, (unsigned)tm.tm_min);
    s->cmos[REG_HOURS] = rtc_encode_hour(s, (unsigned)tm.tm_hour);
    s->cmos[REG_WEEKDAY] = rtc_encode(s, (unsigned)tm.tm_wday + 1);
    s->cmos[REG_DAY] = rtc_encode(s, (unsigned)tm.tm_mday);
    s->cmos[REG_MONTH] = rtc_encode(s, (unsigned)tm.tm_mon + 1);
    s->cmos[REG_YEAR] = rtc_encode(s, (unsigned)(tm.tm_year % 100 + 100) % 100);
    s->cmos[REG_CENTURY] = (uint8_t)((unsigned)(tm.tm_year + 1900) / 1000 << 4 |
                                     (unsigned)(tm.tm_year + 1900) / 100 % 10);
}

static int64_t host_time_ns(void)
{
    return g_get_real_time() * 1000;
}

/* Takes the bytes for the time now. `fraction_ns`: how far into the second. */
static void rtc_take(struct rtc *s, int64_t fraction_ns)
{
    unsigned century = (unsigned)(s->cmos[REG_CENTURY] >> 4) * 10 + (s->cmos[REG_CENTURY] & 15);
    struct tm tm = {
        .tm_sec = (int)rtc_decode(s, s->cmos[REG_SECONDS]),
        .tm_min = (int)rtc_decode(s, s->cmos[REG_MINUTES]),
        .tm_hour = (int)rtc_decode_hour(s, s->cmos[REG_HOURS]),
        .tm_mday = (int)rtc_decode(s, s->cmos[REG_DAY]),
        .tm_mon = (int)rtc_decode(s, s->cmos[REG_MONTH]) - 1,
        .tm_year = (int)(century * 100 + rtc_decode(s, s->cmos[REG_YEAR])) - 1900,
    };
    int64_t seconds = timegm(&tm), now;

    /* 1970 to 2106: what fits the arithmetic in nanoseconds. Guests that mean it set such times. */
    seconds = seconds < 0 ? 0 : seconds > UINT32_MAX ? UINT32_MAX : seconds;
    now = seconds * NS + fraction_ns;
    s->offset_ns = now - vemu_clock_ns(s->dev.vm);
    s->host_delta_ns = now - host_time_ns();
}

/* The guest's doing: tells the host, now or when a second has passed since it was told last. */
static void rtc_tell(struct vemu_device *dev)
{
    struct rtc *s = (struct rtc *)dev;
    const int64_t ahead = s->host_delta_ns - s->base_delta_ns + NS / 2;

    s->news_ns = vemu_clock_ns(dev->vm) + NS;
    vemu__events_post(dev->vm, VEMU_EVENT_RTC_CHANGED, dev->id, (uint64_t)floor_div(ahead, NS));
}

static void rtc_set_by_guest(struct rtc *s, int64_t fraction_ns)
{
    rtc_take(s, fraction_ns);
    if (vemu_clock_ns(s->dev.vm) >= s->news_ns)
        rtc_tell(&s->dev);
    else if (!vemu_timer_armed(s->news))
        vemu_timer_set(s->news, s->news_ns);
}

/* --- events ----------------------------------------------------------------------------------- */

static bool alarm_matches(const struct rtc *s, unsigned reg, unsigned value)
{
    uint8_t alarm = s->cmos[reg];

    if (alarm >= 0xc0) {
        return true; /* "don't care" */
    }
    return value == (reg == REG_HOURS_ALARM ? rtc_decode_hour(s, alarm) : rtc_decode(s, alarm));
}

/* Whether the alarm's byte stands for any value below `count`. */
static bool alarm_is_time(const struct rtc *s, unsigned reg, unsigned count)
{
    for (unsigned value = 0; value < count; value++) {
        if (alarm_matches(s, reg, value)) {
            return true;
        }
    }
    return false;
}

/*
 * Seconds since the epoch of the first alarm after `second`, or -1 when the bytes match no time.
 * Those are told first: a byte that stands for nothing would have each second of a day looked at,
 * by the loop and as often as the periodic interrupt comes.
 */
static int64_t rtc_find_alarm(const struct rtc *s, int64_t second)
{
    int64_t t = second + 1;

    if (!alarm_is_time(s, REG_HOURS_ALARM, 24) || !alarm_is_time(s, REG_MINUTES_ALARM, 60) ||
        !alarm_is_time(s, REG_SECONDS_ALARM, 60)) {
        return -1;
    }
    while (t <= second + 86400) {
        unsigned in_day = (unsigned)(t - floor_div(t, 86400) * 86400);

        if (!alarm_matches(s, REG_HOURS_ALARM, in_day / 3600)) {
            t += 3600 - in_day % 3600;
        } else if (!alarm_matches(s, REG_MINUTES_ALARM, in_day / 60 % 60)) {
            t += 60 - in_day % 60;
        } else if (!alarm_matches(s, REG_SECONDS_ALARM, in_day % 60)) {
            t++;
        } else {
            return t;
        }
    }
    return -1;
}

static int64_t rtc_period_ns(const struct rtc *s)
{
    unsigned rate = s->cmos[REG_A] & A_RATE;

    if (!rate || (s->cmos[REG_A] & A_DIVIDER) != A_RUNNING) {
        return 0;
    }
    if (rate <= 2) {
        rate += 7; /* data sheet, table 5: 256 and 128 Hz */
    }
    return (NS << (rate - 1)) / 32768;
}

static void rtc_update_irq(struct rtc *s)
{
    uint8_t c = s->cmos[REG_C] & (C_PF | C_AF | C_UF);

    /* The flags and their enables stand at the same bits. */
    if (c & s->cmos[REG_B]) {
        c |= C_IRQF;
    }
    s->cmos[REG_C] = c;
    vemu_irq_set(s->irq, (c & C_IRQF) != 0);
}

/* Finds the next moments anew: time or alarm bytes or the rate changed. */
static void rtc_plan(struct rtc *s)
{
    int64_t now = vemu_clock_ns(s->dev.vm), second = floor_div(now + s->offset_ns, NS), alarm;
    int64_t period = rtc_period_ns(s);

    s->next_update = INT64_MAX;
    s->next_alarm = INT64_MAX;
    if (rtc_running(s)) {
        s->next_update = (second + 1) * NS - s->offset_ns;
        alarm = rtc_find_alarm(s, second);
        if (alarm >= 0) {
            s->next_alarm = alarm * NS - s->offset_ns;
        }
    }
    s->next_periodic = period ? (now / period + 1) * period : INT64_MAX;
}

static void rtc_schedule(struct rtc *s)
{
    uint8_t b = s->cmos[REG_B];
    int64_t deadline = INT64_MAX;

    if ((b & B_PIE) && s->next_periodic < deadline) {
        deadline = s->next_periodic;
    }
    if ((b & B_AIE) && s->next_alarm < deadline) {
        deadline = s->next_alarm;
    }
    if ((b & B_UIE) && s->next_update < deadline) {
        deadline = s->next_update;
    }
    vemu_timer_set(s->timer, deadline);
}

/* Sets the flags of everything that has happened by now. */
static void rtc_catch_up(struct rtc *s)
{
    int64_t now = vemu_clock_ns(s->dev.vm);
    uint8_t flags = (now >= s->next_update ? C_UF : 0) | (now >= s->next_alarm ? C_AF : 0) |
                    (now >= s->next_periodic ? C_PF : 0);

    if (flags) {
        s->cmos[REG_C] |= flags;
        rtc_plan(s);
    }
}

static void rtc_tick(struct vemu_device *dev)
{
    struct rtc *s = (struct rtc *)dev;

    rtc_catch_up(s);
    rtc_update_irq(s);
    rtc_schedule(s);
}

/* --- registers -------------------------------------------------------------------------------- */

static uint8_t rtc_read_register(struct rtc *s)
{
    uint8_t value;

    switch (s->index) {
    case REG_SECONDS:
    case REG_MINUTES:
    case REG_HOURS:
    case REG_WEEKDAY:
    case REG_DAY:
    case REG_MONTH:
    case REG_YEAR:
    case REG_CENTURY: rtc_fill(s); return s->cmos[s->index];
    case REG_A:
        value = s->cmos[REG_A] & ~A_UIP;
        if (rtc_running(s)) {
            int64_t now = rtc_time(s);

            value |= (floor_div(now, NS) + 1) * NS - now <= UIP_NS ? A_UIP : 0;
        }
        return value;
    case REG_C:
        rtc_catch_up(s);
        rtc_update_irq(s);
        value = s->cmos[REG_C];
        s->cmos[REG_C] = 0;
        rtc_update_irq(s);
        rtc_schedule(s);
        return value;
    default: return s->cmos[s->index];
    }
}

static void rtc_write_b(struct rtc *s, uint8_t value)
{
    bool was_running = rtc_running(s), format = (value ^ s->cmos[REG_B]) & (B_DM | B_24H);

    rtc_catch_up(s);
    if (value & B_SET) {
        value &= ~B_UIE; /* data sheet, register B: SET clears UIE */
    }
    rtc_fill(s); /* so that the bytes hold the time in the old format when SET stops it */
    s->cmos[REG_B] = value;
    if (!was_running && rtc_running(s)) {
        rtc_set_by_guest(s, 0);
    }
    if (!(value & B_SET) != was_running || format) {
        rtc_plan(s);
    }
    rtc_update_irq(s);
    rtc_schedule(s);
}

static void rtc_write_a(struct rtc *s, uint8_t value)
{
    bool was_running = rtc_running(s);

    rtc_catch_up(s);
    rtc_fill(s);
    s->cmos[REG_A] = value & ~A_UIP;
    if (!was_running && rtc_running(s)) {
        rtc_set_by_guest(
            s, NS / 2); /* the first update comes half a second after the divider starts */
    }
    rtc_plan(s);
    rtc_schedule(s);
}

static void rtc_write_register(struct rtc *s, uint8_t value)
{
    switch (s->index) {
    case REG_SECONDS:
    case REG_MINUTES:
    case REG_HOURS:
    case REG_WEEKDAY:
    case REG_DAY:
    case REG_MONTH:
    case REG_YEAR:
    case REG_CENTURY:
        rtc_fill(s);
        s->cmos[s->index] = value;
        if (rtc_running(s)) {
            rtc_set_by_guest(s, rtc_time(s) - floor_div(rtc_time(s), NS) * NS);
            rtc_plan(s);
            rtc_schedule(s);
        }
        return;
    case REG_SECONDS_ALARM:
    case REG_MINUTES_ALARM:
    case REG_HOURS_ALARM:
        rtc_catch_up(s);
        s->cmos[s->index] = value;
        rtc_plan(s);
        rtc_schedule(s);
        return;
    case REG_A: rtc_write_a(s, value); return;
    case REG_B: rtc_write_b(s, value); return;
    case REG_C:
    case REG_D: return; /* read-only */
    default: s->cmos[s->index] = value; return;
    }
}

static uint64_t rtc_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct rtc *s = (struct rtc *)dev;

    return offset == 0 ? 0xff : rtc_read_register(s); /* the index is write-only */
}

static void rtc_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct rtc *s = (struct rtc *)dev;

    if (offset == 0) {
        s->index = value & 0x7f; /* bit 7 masks NMI on the board, which has no NMI source */
    } else {
        rtc_write_register(s, (uint8_t)value);
    }
}

static const struct vemu_region_ops rtc_region = {
    .read = rtc_read,
    .write = rtc_write,
    .min_size = 1,
    .max_size = 1,
};

/* --- life cycle ------------------------------------------------------------------------------- */

/* How far the RTC is ahead of the host's UTC, from property base=. */
static int rtc_parse_base(struct rtc *s, struct vemu_error **err)
{
    struct tm tm = { 0 };
    int64_t seconds;
    const char *end;

    if (!s->base || strcmp(s->base, "utc") == 0) {
        s->host_delta_ns = 0;
        return 0;
    }
    if (strcmp(s->base, "localtime") == 0) {
        time_t now = time(NULL);

        if (!localtime_r(&now, &tm)) {
            return vemu__error_set(err, EINVAL, "the host's local time is not known");
        }
        s->host_delta_ns = (int64_t)tm.tm_gmtoff * NS;
        return 0;
    }
    end = strptime(s->base, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end) {
        tm = (struct tm){ 0 };
        end = strptime(s->base, "%Y-%m-%d", &tm);
    }
    if (!end || *end) {
        return vemu__error_set(err, EINVAL,
                               "base is '%s'; it must be utc, localtime, or a date like "
                               "2026-01-31T12:00:00",
                               s->base);
    }
    seconds = timegm(&tm);
    if (seconds < 0 || seconds > UINT32_MAX) {
        return vemu__error_set(err, EINVAL, "base is '%s'; it must lie between 1970 and 2106",
                               s->base);
    }
    s->host_delta_ns = seconds * NS - host_time_ns();
    return 0;
}

static void rtc_resync(struct rtc *s)
{
    s->offset_ns = host_time_ns() + s->host_delta_ns - vemu_clock_ns(s->dev.vm);
    rtc_plan(s);
    rtc_schedule(s);
}

static void put16(uint8_t *at, uint64_t value)
{
    value = value > 0xffff ? 0xffff : value;
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

/* The CMOS bytes PC firmware and old kernels look at (as SeaBIOS uses them). */
static void rtc_fill_nvram(struct rtc *s)
{
    uint64_t above_1m = s->ram_low > (1 << 20) ? s->ram_low - (1 << 20) : 0;
    uint64_t above_16m = s->ram_low > (16 << 20) ? s->ram_low - (16 << 20) : 0;
    uint64_t above_4g = s->ram_high >> 16;

    put16(&s->cmos[0x15], 640);            /* KiB of base memory */
    put16(&s->cmos[0x17], above_1m >> 10); /* KiB above 1 MiB */
    put16(&s->cmos[0x30], above_1m >> 10);
    put16(&s->cmos[0x34], above_16m >> 16); /* 64 KiB units above 16 MiB */
    above_4g = above_4g > 0xffffff ? 0xffffff : above_4g;
    s->cmos[0x5b] = (uint8_t)above_4g; /* 64 KiB units above 4 GiB */
    s->cmos[0x5c] = (uint8_t)(above_4g >> 8);
    s->cmos[0x5d] = (uint8_t)(above_4g >> 16);
    s->cmos[0x5f] = s->vcpus ? s->vcpus - 1 : 0;
    s->cmos[0x14] = 0x06; /* equipment: FPU, PS/2 mouse port */
}

static int rtc_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct rtc *s = (struct rtc *)dev;
    int r = rtc_parse_base(s, err);

    if (r < 0) {
        return r;
    }
    s->base_delta_ns = s->host_delta_ns;
    s->irq = vemu_device_get_irq(dev, 8, err);
    if (!s->irq) {
        return -EINVAL;
    }
    s->timer = vemu_device_add_timer(dev, rtc_tick);
    s->news = vemu_device_add_timer(dev, rtc_tell);
    if (!s->timer || !s->news) {
        return vemu__error_set(err, ENOMEM, "no memory for a timer");
    }
    /* The battery-backed part: survives resets. */
    s->cmos[REG_A] = A_RUNNING | 6;
    s->cmos[REG_B] = B_24H;
    s->cmos[REG_D] = D_VRT;
    rtc_fill_nvram(s);
    return vemu_device_map(dev, VEMU_SPACE_IO, 0x70, 2, &rtc_region, "rtc", err);
}

void vemu__rtc_set_cmos(struct vemu_device *dev, uint8_t index, uint8_t value)
{
    pthread_mutex_lock(&dev->lock);
    ((struct rtc *)dev)->cmos[index] = value;
    pthread_mutex_unlock(&dev->lock);
}

static void rtc_reset(struct vemu_device *dev)
{
    struct rtc *s = (struct rtc *)dev;

    /* Data sheet, RESET pin: interrupts and flags are cleared, time and memory stay. */
    if (s->cmos[REG_B] & B_SET) {
        s->cmos[REG_B] &= ~B_SET; /* a guest that died while setting must not stop the clock */
        rtc_take(s, 0);
    }
    s->cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE);
    s->cmos[REG_C] = 0;
    if (s->cmos[REG_SHUTDOWN] == SHUTDOWN_S3 && !dev->waking) {
        s->cmos[REG_SHUTDOWN] = 0;
    }
    s->index = 0;
    rtc_resync(s);
    rtc_update_irq(s);
}

/* What firmware reads when it starts: that it is to wake a guest, not to boot (SeaBIOS's and OVMF's
 * word for it). The alarm goes by the host's time, which the clock does too. */
static int64_t rtc_sleep(struct vemu_device *dev)
{
    struct rtc *s = (struct rtc *)dev;

    rtc_catch_up(s);
    rtc_resync(s);
    s->cmos[REG_SHUTDOWN] = SHUTDOWN_S3;
    if (!(s->cmos[REG_B] & B_AIE)) {
        return INT64_MAX;
    }
    if (s->cmos[REG_C] & C_AF) {
        return 0; /* it came when the guest was about to sleep */
    }
    return s->next_alarm == INT64_MAX ? INT64_MAX : s->next_alarm - vemu_clock_ns(dev->vm);
}

static void rtc_resume(struct vemu_device *dev)
{
    rtc_resync((struct rtc *)dev);
}

static void rtc_restored(struct vemu_device *dev)
{
    struct rtc *s = (struct rtc *)dev;

    s->index &= 0x7f;
    s->cmos[REG_D] = D_VRT;
    /* Far-off values would overflow the arithmetic above; 2^62 ns are 146 years. */
    if (s->host_delta_ns > INT64_MAX / 4 || s->host_delta_ns < -(INT64_MAX / 4)) {
        s->host_delta_ns = 0;
    }
    rtc_resync(s);
    rtc_update_irq(s);
}

static const struct vemu_prop rtc_props[] = {
    VEMU_PROP(struct rtc, base, "base", STRING, "utc",
              "utc, localtime or a date such as 2026-01-31T12:00:00"),
    VEMU_PROP(struct rtc, ram_low, "ram-below-4g", SIZE, NULL, "memory shown in CMOS"),
    VEMU_PROP(struct rtc, ram_high, "ram-above-4g", SIZE, NULL, "memory above 4 GiB shown in CMOS"),
    VEMU_PROP(struct rtc, vcpus, "vcpus", U8, "1", "number of vCPUs shown in CMOS"),
    VEMU_PROP_END,
};

static const struct vemu_state_field rtc_state[] = {
    VEMU_STATE(struct rtc, cmos),
    VEMU_STATE(struct rtc, index),
    VEMU_STATE(struct rtc, host_delta_ns),
    VEMU_STATE_END,
};

static const struct vemu_device_ops rtc_ops = {
    .realize = rtc_realize,
    .reset = rtc_reset,
    .resume = rtc_resume,
    .sleep = rtc_sleep,
    .restored = rtc_restored,
};

const struct vemu_device_class vemu__device_rtc = {
    .name = "mc146818rtc",
    .summary = "MC146818 real-time clock and CMOS memory",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct rtc),
    .props = rtc_props,
    .state = rtc_state,
    .ops = &rtc_ops,
};
