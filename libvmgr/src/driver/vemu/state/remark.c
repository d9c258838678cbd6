/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a definition asks for and its guest does without.
 *
 * Everything else that the emulator cannot give is refused when the guest starts. These few are
 * what virt-install and virt-manager write into every definition, and what no guest misses: how
 * ticks are made up for that came late, a USB controller to which nothing is attached, the serial
 * number by which cloud-init is told to look for the disk that it finds anyway. Messages of the
 * domain tell.
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

/* <system><entry name='serial'>ds=nocloud...</entry></system> and nothing else. */
static bool is_cloud_init(const xmlNode *root)
{
    const xmlNode *system = vmgr__xml_child(root, "system");
    const xmlNode *entry = system ? vmgr__xml_child(system, "entry") : NULL;
    g_autofree char *type = vmgr__xml_attr(root, "type");
    g_autofree char *name = entry ? vmgr__xml_attr(entry, "name") : NULL;
    g_autofree char *text = entry ? vmgr__xml_text((xmlNode *)entry) : NULL;

    return g_strcmp0(type, "smbios") == 0 && g_strcmp0(name, "serial") == 0 &&
           g_str_has_prefix(text, "ds=nocloud") && !vmgr__xml_next(entry, NULL) &&
           !vmgr__xml_next(system, NULL) && vmgr__xml_first(root) == system;
}

static const struct vmgr__kept *sysinfo_of(const struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->kept->len; i++) {
        const struct vmgr__kept *k = def->kept->pdata[i];

        if (strcmp(k->name, "sysinfo") == 0)
            return k;
    }
    return NULL;
}

bool vmgr__vemu_is_spare_sysinfo(const struct vmgr__domain_def *def)
{
    const struct vmgr__kept *k = sysinfo_of(def);
    xmlDoc *doc = k ? vmgr__xml_parse(k->text, "(sysinfo)", "sysinfo", NULL) : NULL;
    bool spare = doc && is_cloud_init(xmlDocGetRootElement(doc));

    if (doc)
        xmlFreeDoc(doc);
    return spare;
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
    if (vmgr__vemu_is_spare_sysinfo(def))
        add(ret, "<sysinfo> is not given: cloud-init finds its disk by label");
}
