/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of devices and media that come and go; see plug-note.h.
 */
#include <string.h>

#include "../state/status.h"
#include "plug-note.h"

#define PLUGS_MAX 256 /* of one status file */

static void plug_free(void *data)
{
    struct vemu_plug *p = data;

    if (p->dev)
        vmgr__device_free(p->dev);
    g_free(p->alias);
    g_free(p->node);
    g_free(p);
}

static struct vemu_plug *plug_add(GPtrArray **plugs, const char *alias)
{
    struct vemu_plug *p = g_new0(struct vemu_plug, 1);

    p->alias = g_strdup(alias);
    if (!*plugs)
        *plugs = g_ptr_array_new_with_free_func(plug_free);
    g_ptr_array_add(*plugs, p);
    return p;
}

struct vemu_plug *vmgr__vemu_plug_find(const GPtrArray *plugs, const char *alias)
{
    for (guint i = 0; plugs && i < plugs->len; i++) {
        struct vemu_plug *p = plugs->pdata[i];

        if (strcmp(p->alias, alias) == 0)
            return p;
    }
    return NULL;
}

GPtrArray *vmgr__vemu_plugs_read(const xmlNode *root)
{
    GPtrArray *plugs = NULL;

    for (xmlNode *n = vmgr__xml_child(root, "plug"); n; n = vmgr__xml_next(n, "plug")) {
        xmlNode *child = xmlFirstElementChild(n);
        g_autofree char *alias = vmgr__xml_attr(n, "alias");
        g_autofree char *medium = vmgr__xml_attr(n, "medium");
        g_autofree char *port = vmgr__xml_attr(n, "port");
        g_autofree char *text = child ? vmgr__xml_keep(child, 2) : NULL;
        struct vmgr__device *dev =
            text ? vmgr__device_parse(text, &vmgr__vemu_defaults, 0, NULL) : NULL;
        struct vemu_plug *p;

        if (!alias || (child && !dev) || (plugs && plugs->len >= PLUGS_MAX)) {
            if (dev)
                vmgr__device_free(dev);
            continue;
        }
        p = plug_add(&plugs, alias);
        p->dev = dev;
        p->node = vmgr__xml_attr(n, "node");
        p->medium = medium && strcmp(medium, "yes") == 0;
        p->port_open = port && strcmp(port, "yes") == 0;
    }
    return plugs;
}

void vmgr__vemu_plugs_write(const GPtrArray *plugs, struct vmgr__xml_writer *w)
{
    for (guint i = 0; plugs && i < plugs->len; i++) {
        const struct vemu_plug *p = plugs->pdata[i];

        vmgr__xw_begin(w, "plug");
        vmgr__xw_attr(w, "alias", p->alias);
        vmgr__xw_attr(w, "node", p->node);
        vmgr__xw_attr(w, "medium", p->medium ? "yes" : NULL);
        vmgr__xw_attr(w, "port", p->port_open ? "yes" : NULL);
        if (p->dev)
            vmgr__xw_raw(w, p->dev->text);
        vmgr__xw_end(w, "plug");
    }
}

bool vmgr__vemu_plugs_torn(const GPtrArray *plugs)
{
    for (guint i = 0; plugs && i < plugs->len; i++) {
        if (((const struct vemu_plug *)plugs->pdata[i])->dev)
            return true;
    }
    return false;
}

struct vemu_plug *vmgr__vemu_plug_note(struct vemu_change *c, const char *alias)
{
    struct vemu_plug *p = vmgr__vemu_plug_find(c->status.plugs, alias);

    return p ? p : plug_add(&c->status.plugs, alias);
}

int vmgr__vemu_plug_note_coming(struct vemu_change *c, const char *alias,
                                const struct vmgr__device *dev, bool medium,
                                struct vmgr_error **err)
{
    struct vemu_plug *p = vmgr__vemu_plug_note(c, alias);

    if (p->dev)
        vmgr__device_free(p->dev);
    p->dev = vmgr__device_copy(dev);
    p->medium = medium;
    return vmgr__vemu_status_save(c->d, c->name, &c->status, err);
}

int vmgr__vemu_plug_note_port(struct vemu_change *c, const char *alias,
                              const struct vmgr__device *dev, struct vmgr_error **err)
{
    vmgr__vemu_plug_note(c, alias)->port_open = true;
    return vmgr__vemu_plug_note_coming(c, alias, dev, false, err);
}

void vmgr__vemu_plug_forget(struct vemu_change *c, const char *alias)
{
    struct vemu_plug *p = vmgr__vemu_plug_find(c->status.plugs, alias);

    if (p)
        g_ptr_array_remove(c->status.plugs, p);
}
