/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <clock>: what time the guest starts with, and its timers.
 */
#include "canonical.h"
#include "element.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const vmgr__clock_names[] = { "utc",      "localtime", "variable",
                                          "timezone", "absolute",  NULL };
const char *const vmgr__timer_names[] = { "platform", "pit",         "rtc",       "hpet", "tsc",
                                          "kvmclock", "hypervclock", "armvtimer", NULL };
const char *const vmgr__tickpolicy_names[] = { "delay", "catchup", "merge", "discard", NULL };
static const char *const track_names[] = { "boot", "guest", "wall", "realtime", NULL };
static const char *const mode_names[] = {
    "auto", "native", "emulate", "paravirt", "smpsafe", NULL
};
static const char *const basis_names[] = { "utc", "localtime", NULL };

static void timer_clear(void *data)
{
    g_free(((struct vmgr__timer *)data)->kept);
}

void vmgr__clock_fini(struct vmgr__clock *clock)
{
    g_free(clock->timezone);
    g_clear_pointer(&clock->timers, g_array_unref);
}

static int parse_i64(const char *text, int64_t *ret)
{
    char *end;

    errno = 0;
    *ret = g_ascii_strtoll(text, &end, 10);
    return errno || end == text || *end ? -1 : 0;
}

static int parse_timer(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "name",      "present", "tickpolicy", "track",
                                         "frequency", "mode",    NULL };
    static const char *const yes_no[] = { "yes", "no", NULL };
    static const char *const children[] = { "catchup", NULL };
    struct vmgr__timer t = { .name = -1, .tickpolicy = -1, .track = -1, .mode = -1 };
    g_autofree char *frequency = vmgr__xml_attr(node, "frequency");
    xmlNode *catchup = vmgr__xml_child(node, "catchup");
    int value;

    vmgr__warn_attrs(p, node, known);
    vmgr__warn_children(p, node, children);
    switch (vmgr__xml_enum(node, "name", vmgr__timer_names, &t.name, p->err)) {
    case -1: return -1;
    case 0:
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Missing required attribute 'name' in element 'timer'");
    default: break;
    }
    switch (vmgr__xml_enum(node, "present", yes_no, &value, p->err)) {
    case -1: return -1;
    case 1: t.present = value + 1; break;
    default: break;
    }
    if (vmgr__xml_enum(node, "tickpolicy", vmgr__tickpolicy_names, &t.tickpolicy, p->err) < 0 ||
        vmgr__xml_enum(node, "track", track_names, &t.track, p->err) < 0 ||
        vmgr__xml_enum(node, "mode", mode_names, &t.mode, p->err) < 0)
        return -1;
    if (frequency && !vmgr__parse_u64(frequency, &t.frequency))
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR, "invalid timer frequency");
    if (catchup) {
        vmgr__canonical(p, catchup, "clock/");
        t.kept = vmgr__xml_keep(catchup, 3);
    }
    g_array_append_val(p->def->clock.timers, t);
    return 0;
}

static int parse_offset(struct vmgr__parse *p, xmlNode *node)
{
    struct vmgr__clock *clock = &p->def->clock;
    g_autofree char *offset = vmgr__xml_attr(node, "offset");
    g_autofree char *adjustment = vmgr__xml_attr(node, "adjustment");
    g_autofree char *basis = vmgr__xml_attr(node, "basis");
    g_autofree char *start = vmgr__xml_attr(node, "start");

    if (offset) {
        clock->offset = vmgr__name_index(vmgr__clock_names, offset);
        if (clock->offset < 0)
            return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "unknown clock offset '%s'", offset);
    }
    switch (clock->offset) {
    case VMGR__CLOCK_UTC:
    case VMGR__CLOCK_LOCALTIME:
        if (adjustment && strcmp(adjustment, "reset") == 0) {
            clock->adjust_reset = true;
        } else if (adjustment) {
            if (parse_i64(adjustment, &clock->adjustment) < 0)
                return conf_error(p, VMGR_ERR_XML_ERROR, "unknown clock adjustment '%s'",
                                  adjustment);
            clock->basis = clock->offset == VMGR__CLOCK_LOCALTIME;
            clock->offset = VMGR__CLOCK_VARIABLE;
        }
        break;
    case VMGR__CLOCK_VARIABLE:
        if (adjustment)
            parse_i64(adjustment, &clock->adjustment);
        if (basis)
            clock->basis = vmgr__name_index(basis_names, basis);
        if (clock->basis < 0)
            return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "unknown clock basis '%s'", basis);
        break;
    case VMGR__CLOCK_TIMEZONE:
        clock->timezone = vmgr__xml_attr(node, "timezone");
        if (!clock->timezone)
            return conf_error(p, VMGR_ERR_INTERNAL_ERROR,
                              "missing 'timezone' attribute for clock with offset='timezone'");
        break;
    case VMGR__CLOCK_ABSOLUTE:
        if (!vmgr__parse_u64(start, &clock->start))
            return conf_error(p, VMGR_ERR_INTERNAL_ERROR,
                              "missing 'start' attribute for clock with "
                              "offset='absolute'");
        break;
    default: break;
    }
    return 0;
}

static int clock_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = {
        "offset", "adjustment", "basis", "timezone", "start", NULL
    };
    static const char *const known_of_run[] = { "offset",   "adjustment", "adjustment0", "basis",
                                                "timezone", "start",      NULL };
    static const char *const children[] = { "timer", NULL };
    struct vmgr__clock *clock = &p->def->clock;
    g_autofree char *first = NULL;

    clock->timers = g_array_new(FALSE, FALSE, sizeof(struct vmgr__timer));
    g_array_set_clear_func(clock->timers, timer_clear);
    if (!node)
        return 0;
    vmgr__warn_attrs(p, node, p->flags & VMGR__CONF_INACTIVE ? known : known_of_run);
    vmgr__warn_children(p, node, children);
    if (parse_offset(p, node) < 0)
        return -1;
    first = p->flags & VMGR__CONF_INACTIVE ? NULL : vmgr__xml_attr(node, "adjustment0");
    if (first)
        parse_i64(first, &clock->first_adjustment);
    for (xmlNode *t = vmgr__xml_child(node, "timer"); t; t = vmgr__xml_next(t, "timer")) {
        if (parse_timer(p, t) < 0)
            return -1;
    }
    return 0;
}

static void format_timer(const struct vmgr__timer *t, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "timer");
    vmgr__xw_attr(w, "name", vmgr__timer_names[t->name]);
    if (t->present)
        vmgr__xw_attr(w, "present", vmgr__yes_no[t->present]);
    if (t->tickpolicy >= 0)
        vmgr__xw_attr(w, "tickpolicy", vmgr__tickpolicy_names[t->tickpolicy]);
    if (t->track >= 0)
        vmgr__xw_attr(w, "track", track_names[t->track]);
    if (t->frequency)
        vmgr__xw_attrf(w, "frequency", "%" G_GUINT64_FORMAT, t->frequency);
    if (t->mode >= 0)
        vmgr__xw_attr(w, "mode", mode_names[t->mode]);
    vmgr__xw_raw(w, t->kept);
    vmgr__xw_end(w, "timer");
}

static void clock_format(const struct vmgr__domain_def *def, uint32_t flags,
                         struct vmgr__xml_writer *w)
{
    const struct vmgr__clock *clock = &def->clock;

    vmgr__xw_begin(w, "clock");
    vmgr__xw_attr(w, "offset", vmgr__clock_names[clock->offset]);
    if (clock->adjust_reset)
        vmgr__xw_attr(w, "adjustment", "reset");
    if (clock->offset == VMGR__CLOCK_VARIABLE)
        vmgr__xw_attrf(w, "adjustment", "%" G_GINT64_FORMAT, clock->adjustment);
    if (clock->offset == VMGR__CLOCK_VARIABLE && flags & VMGR__CONF_STATUS)
        vmgr__xw_attrf(w, "adjustment0", "%" G_GINT64_FORMAT, clock->first_adjustment);
    if (clock->offset == VMGR__CLOCK_VARIABLE)
        vmgr__xw_attr(w, "basis", basis_names[clock->basis]);
    vmgr__xw_attr(w, "timezone", clock->timezone);
    if (clock->offset == VMGR__CLOCK_ABSOLUTE)
        vmgr__xw_attrf(w, "start", "%" G_GUINT64_FORMAT, clock->start);
    for (guint i = 0; i < clock->timers->len; i++)
        format_timer(&g_array_index(clock->timers, struct vmgr__timer, i), w);
    vmgr__xw_end(w, "clock");
}

const struct vmgr__element vmgr__element_clock = { "clock", clock_parse, clock_format,
                                                   .always = true };
