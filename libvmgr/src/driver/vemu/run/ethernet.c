/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests' interfaces of type 'ethernet': whose they are, and their scripts.
 *
 * A script is run when the host's end is there and before the guest has it, the other one when the
 * guest has let it go. The second is run once or more: whoever dies over the end of a run leaves
 * it to the next one. It is not run for an interface that a start never came to, which may be in
 * use by somebody else.
 */
#include "ethernet.h"

#include <string.h>

#include "../../../network/network.h"
#include "../device/plug-note.h"
#include "log.h"

static bool is_ethernet(const struct vmgr__device *dev)
{
    g_autofree char *type = NULL;

    if (dev->unknown || strcmp(dev->name, "interface") != 0)
        return false;
    type = vmgr__device_get(dev, NULL, "type");
    return g_strcmp0(type, "ethernet") == 0;
}

bool vmgr__vemu_ethernet_is_foreign(const struct vmgr__device *dev)
{
    g_autofree char *managed = is_ethernet(dev) ? vmgr__device_get(dev, "target", "managed") : NULL;

    return g_strcmp0(managed, "no") == 0;
}

int vmgr__vemu_ethernet_check(const struct vmgr__device *dev, struct vmgr_error **err)
{
    static const char *const elements[] = { "script", "downscript" };

    for (size_t i = 0; is_ethernet(dev) && i < G_N_ELEMENTS(elements); i++) {
        g_autofree char *path = vmgr__device_get(dev, elements[i], "path");

        if (path && !g_path_is_absolute(path))
            return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "the path of <%s> must be absolute: '%s'", elements[i], path);
    }
    return 0;
}

bool vmgr__vemu_ethernet_same(const struct vmgr__device *a, const struct vmgr__device *b)
{
    static const char *const elements[] = { "script", "downscript" };

    if (vmgr__vemu_ethernet_is_foreign(a) != vmgr__vemu_ethernet_is_foreign(b))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(elements); i++) {
        g_autofree char *one = vmgr__device_get(a, elements[i], "path");
        g_autofree char *other = vmgr__device_get(b, elements[i], "path");

        if (g_strcmp0(one, other) != 0)
            return false;
    }
    return true;
}

int vmgr__vemu_ethernet_up(const struct vmgr__device *dev, const char *name,
                           struct vmgr_error **err)
{
    g_autofree char *script = is_ethernet(dev) ? vmgr__device_get(dev, "script", "path") : NULL;

    return script ? vmgr__script_run(script, name, err) : 0;
}

/* Its owner gave it none, or they are gone since the guest had it. */
static void unlimit(const char *name)
{
    static const struct vmgr__bandwidth none = { .in.present = false };

    if (vmgr__link_exists(name))
        vmgr__link_limit(name, &none, NULL);
}

static bool is_limited(const struct vmgr__device *dev)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    const bool limited = vmgr__xml_child(xmlDocGetRootElement(doc), "bandwidth");

    xmlFreeDoc(doc);
    return limited;
}

void vmgr__vemu_ethernet_down(const struct vemu *d, const struct vmgr__domain_def *def,
                              const struct vmgr__device *dev)
{
    g_autofree char *name = is_ethernet(dev) ? vmgr__device_get(dev, "target", "dev") : NULL;
    g_autofree char *script = name ? vmgr__device_get(dev, "downscript", "path") : NULL;
    struct vmgr_error *why = NULL;

    if (!name)
        return;
    if (vmgr__vemu_ethernet_is_foreign(dev) && is_limited(dev))
        unlimit(name);
    if (script && vmgr__script_run(script, name, &why) < 0)
        vmgr__vemu_log_failure(d, def->name, "the end of an interface", why);
}

void vmgr__vemu_ethernets_down(const struct vemu *d, const struct vemu_status *s)
{
    if (!s->process.pid && !s->ports_open)
        return;
    for (guint i = 0; i < s->def->devices->len; i++)
        vmgr__vemu_ethernet_down(d, s->def, s->def->devices->pdata[i]);
    for (guint i = 0; s->plugs && i < s->plugs->len; i++) {
        const struct vemu_plug *p = s->plugs->pdata[i];

        if (p->dev && p->port_open)
            vmgr__vemu_ethernet_down(d, s->def, p->dev);
    }
}
