/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What time a guest starts with, as far as its clock goes.
 *
 * The emulator's real-time clock starts at the host's time in UTC or as the host shows it, or at a
 * date. A clock that is variable starts at a date that is worked out when the guest starts; what
 * the guest then sets it to is in the run's definition as libvirt has it: as an adjustment of UTC.
 */
#include "clock.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../device/parts.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

/* Names of files, as the emulator's C library will read them. */
static bool is_zone(const char *name)
{
    g_autofree char *path = g_build_filename("/usr/share/zoneinfo", name, NULL);

    return *name && *name != '/' && !strstr(name, "..") && !strchr(name, ':') &&
           g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

static int64_t ahead_of_utc(void)
{
    const time_t now = time(NULL);
    struct tm tm;

    return localtime_r(&now, &tm) ? tm.tm_gmtoff : 0;
}

/* What a clock that is no host's shows first, in seconds since 1970. False: it is the host's. */
static bool first_time(const struct vmgr__clock *clock, int64_t *ret)
{
    if (clock->offset == VMGR__CLOCK_ABSOLUTE)
        *ret = (int64_t)MIN(clock->start, (uint64_t)INT64_MAX);
    else if (clock->offset != VMGR__CLOCK_VARIABLE ||
             __builtin_add_overflow((int64_t)time(NULL) + (clock->basis ? ahead_of_utc() : 0),
                                    clock->adjustment, ret))
        return false;
    return true;
}

static int check_timer(const struct vmgr__domain_def *def, const struct vmgr__timer *t,
                       struct vmgr_error **err)
{
    const char *name = vmgr__timer_names[t->name];
    bool here = strcmp(name, "pit") == 0 || strcmp(name, "rtc") == 0 || strcmp(name, "tsc") == 0;
    bool wanted = t->present != 2;

    if ((strcmp(name, "hpet") == 0 && vmgr__vemu_has_pci(def)) || strcmp(name, "kvmclock") == 0 ||
        strcmp(name, "hypervclock") == 0)
        here = wanted; /* either way, see argv.c and feature.c */
    if (wanted != here)
        return unsupported(err, "timer '%s' cannot be switched %s by the vemu driver yet", name,
                           wanted ? "on" : "off");
    if ((t->tickpolicy > 0 && !vmgr__vemu_is_spare_timer(t)) || t->track >= 0 || t->mode > 0 ||
        t->frequency || t->kept)
        return unsupported(
            err, "the settings of timer '%s' are not supported by the vemu driver yet", name);
    return 0;
}

int vmgr__vemu_clock_check(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__clock *clock = &def->clock;
    int64_t first = 0;

    if (clock->offset == VMGR__CLOCK_TIMEZONE && !is_zone(clock->timezone))
        return unsupported(err, "time zone '%s' of <clock> is not in /usr/share/zoneinfo",
                           clock->timezone);
    if (clock->offset == VMGR__CLOCK_VARIABLE || clock->offset == VMGR__CLOCK_ABSOLUTE) {
        if (!first_time(clock, &first) || first < 0 || first > UINT32_MAX)
            return unsupported(err, "<clock> with offset '%s' does not start between 1970 and 2106",
                               vmgr__clock_names[clock->offset]);
    }
    for (guint i = 0; i < clock->timers->len; i++) {
        if (check_timer(def, &g_array_index(clock->timers, struct vmgr__timer, i), err) < 0)
            return -1;
    }
    return 0;
}

void vmgr__vemu_clock_begin(struct vmgr__domain_def *def)
{
    struct vmgr__clock *clock = &def->clock;

    if (clock->offset != VMGR__CLOCK_VARIABLE)
        return;
    if (clock->basis)
        clock->adjustment += ahead_of_utc();
    clock->basis = 0;
    clock->first_adjustment = clock->adjustment;
}

char *vmgr__vemu_clock_option(const struct vmgr__domain_def *def)
{
    const struct vmgr__clock *clock = &def->clock;
    int64_t first;
    time_t seconds;
    struct tm tm;
    char date[40];

    if (clock->offset == VMGR__CLOCK_LOCALTIME || clock->offset == VMGR__CLOCK_TIMEZONE)
        return g_strdup(",rtc-base=localtime");
    if (!first_time(clock, &first))
        return g_strdup("");
    seconds = (time_t)first;
    if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
        return g_strdup("");
    return g_strdup_printf(",rtc-base=%s", date);
}

const char *vmgr__vemu_clock_zone(const struct vmgr__domain_def *def)
{
    return def->clock.offset == VMGR__CLOCK_TIMEZONE ? def->clock.timezone : g_getenv("TZ");
}

int64_t vmgr__vemu_clock_ahead(const struct vmgr__domain_def *def, int64_t offset)
{
    return def->clock.offset == VMGR__CLOCK_VARIABLE ? def->clock.first_adjustment + offset
                                                     : offset;
}
