/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a definition asks for and its guest does without.
 *
 * Everything else that the emulator cannot give is refused when the guest starts. These few are
 * what virt-install and virt-manager write into every definition, and what no guest misses: how
 * ticks are made up for that came late, a USB controller to which nothing is attached. Messages of
 * the domain tell.
 */
#include <string.h>

#include "../device/parts.h"

bool vmgr__vemu_is_spare_timer(const struct vmgr__timer *t)
{
    const char *name = vmgr__timer_names[t->name];

    return t->tickpolicy >= 0 && !t->kept && (strcmp(name, "rtc") == 0 || strcmp(name, "pit") == 0);
}

static bool is_usb_controller(const struct vmgr__device *dev)
{
    g_autofree char *type = NULL;
    g_autofree char *model = NULL;

    /* The text is as the library writes it: a type that is "usb" stands there as it is. */
    if (strcmp(dev->name, "controller") != 0 || !strstr(dev->text, "usb"))
        return false;
    type = vmgr__device_get(dev, NULL, "type");
    model = vmgr__device_get(dev, NULL, "model");
    return g_strcmp0(type, "usb") == 0 && g_strcmp0(model, "none") != 0;
}

static void G_GNUC_PRINTF(2, 3) add(GPtrArray *ret, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    g_ptr_array_add(ret, g_strdup_vprintf(format, ap));
    va_end(ap);
}

void vmgr__vemu_remarks(const struct vmgr__domain_def *def, GPtrArray *ret)
{
    bool usb = false;

    for (guint i = 0; i < def->clock.timers->len; i++) {
        const struct vmgr__timer *t = &g_array_index(def->clock.timers, struct vmgr__timer, i);

        if (vmgr__vemu_is_spare_timer(t))
            add(ret, "tickpolicy '%s' of timer '%s' is not given: late ticks are dropped",
                vmgr__tickpolicy_names[t->tickpolicy], vmgr__timer_names[t->name]);
    }
    for (guint i = 0; i < def->devices->len; i++)
        usb = usb || is_usb_controller(def->devices->pdata[i]);
    if (usb)
        add(ret, "controllers of type 'usb' are not given: there is no USB yet");
}
