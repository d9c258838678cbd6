/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of this host: what the kernel has now, and what is defined. Ends of guests' interfaces
 * (tap devices) are left out, as libvirt does.
 */
#include <stdio.h>
#include <string.h>

#include "../driver/interface.h"
#include "../driver/vemu/vemu.h"
#include "hostdev.h"
#include "iface-link.h"
#include "iface-store.h"

#define DEPTH_MAX 8 /* of interfaces in interfaces */

static const struct vmgr__hostdev *host_of(struct vmgr_conn *conn)
{
    return ((struct vemu *)conn->driver_data)->hostdev;
}

static char *dir_of(const struct vmgr__hostdev *h, const char *name)
{
    return g_strconcat(h->root, "/sys/class/net/", name, NULL);
}

static bool has(const char *dir, const char *what)
{
    g_autofree char *path = g_build_filename(dir, what, NULL);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static bool is_up(const char *dir)
{
    g_autofree char *state = vmgr__sysfs_text(dir, "operstate");

    return g_strcmp0(state, "up") == 0;
}

/* All of them; what has no uevent is the bonding driver's control file. */
static GPtrArray *interfaces(const struct vmgr__hostdev *h)
{
    g_autofree char *path = g_strconcat(h->root, "/sys/class/net", NULL);
    GPtrArray *names = vmgr__sysfs_names(path);

    for (guint i = names->len; i-- > 0;) {
        g_autofree char *dir = dir_of(h, names->pdata[i]);

        if (!has(dir, "uevent") || has(dir, "tun_flags") || has(dir, "brport"))
            g_ptr_array_remove_index(names, i);
    }
    return names;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- documents ---- */

static void write_interface(const struct vmgr__hostdev *h, struct vmgr__xml_writer *w,
                            const char *name, int depth);

static void write_ethernet(struct vmgr__xml_writer *w, const char *dir)
{
    g_autofree char *mac = vmgr__sysfs_text(dir, "address");

    vmgr__net_link_write(w, dir);
    if (mac) {
        vmgr__xw_begin(w, "mac");
        vmgr__xw_attr(w, "address", mac);
        vmgr__xw_end(w, "mac");
    }
}

static void write_bridge(const struct vmgr__hostdev *h, struct vmgr__xml_writer *w, const char *dir,
                         int depth)
{
    g_autofree char *stp = vmgr__sysfs_text(dir, "bridge/stp_state");
    g_autofree char *delay = vmgr__sysfs_text(dir, "bridge/forward_delay");
    g_autofree char *ports = g_build_filename(dir, "brif", NULL);
    g_autoptr(GPtrArray) names = vmgr__sysfs_names(ports);

    vmgr__xw_begin(w, "bridge");
    if (stp)
        vmgr__xw_attr(w, "stp", strcmp(stp, "0") == 0 ? "off" : "on");
    vmgr__xw_attr(w, "delay", delay);
    vmgr__xw_content(w);
    for (guint i = 0; i < names->len; i++)
        write_interface(h, w, names->pdata[i], depth + 1);
    vmgr__xw_end(w, "bridge");
}

/* The value after "VID: " or "Device: " in a VLAN's file of /proc/net/vlan, for g_free(). */
static char *vlan_value(const char *text, const char *key)
{
    const char *at = text ? strstr(text, key) : NULL;
    size_t length;

    if (!at)
        return NULL;
    at += strlen(key);
    at += strspn(at, " \t");
    length = strcspn(at, " \t\n");
    return length ? g_strndup(at, length) : NULL;
}

static void write_vlan(const struct vmgr__hostdev *h, struct vmgr__xml_writer *w, const char *name)
{
    g_autofree char *path = g_strconcat(h->root, "/proc/net/vlan/", name, NULL);
    g_autofree char *text = NULL, *tag = NULL, *device = NULL;

    if (g_file_get_contents(path, &text, NULL, NULL)) {
        tag = vlan_value(text, "VID:");
        device = vlan_value(text, "Device:");
    }
    vmgr__xw_begin(w, "vlan");
    vmgr__xw_attr(w, "tag", tag);
    vmgr__xw_content(w);
    if (device) {
        vmgr__xw_begin(w, "interface");
        vmgr__xw_attr(w, "name", device);
        vmgr__xw_end(w, "interface");
    }
    vmgr__xw_end(w, "vlan");
}

static void write_bond(const struct vmgr__hostdev *h, struct vmgr__xml_writer *w, const char *dir,
                       int depth)
{
    /* "balance-rr 0": the word is the mode */
    g_autofree char *mode = vmgr__sysfs_text(dir, "bonding/mode");
    g_autofree char *miimon = vmgr__sysfs_text(dir, "bonding/miimon");
    g_autofree char *slaves = vmgr__sysfs_text(dir, "bonding/slaves");
    g_auto(GStrv) names = g_strsplit(slaves ? slaves : "", " ", -1);

    vmgr__xw_begin(w, "bond");
    if (mode)
        mode[strcspn(mode, " ")] = '\0';
    vmgr__xw_attr(w, "mode", mode);
    vmgr__xw_content(w);
    if (miimon && strcmp(miimon, "0") != 0) {
        vmgr__xw_begin(w, "miimon");
        vmgr__xw_attr(w, "freq", miimon);
        vmgr__xw_end(w, "miimon");
    }
    for (char **name = names; *name; name++) {
        if (**name)
            write_interface(h, w, *name, depth + 1);
    }
    vmgr__xw_end(w, "bond");
}

static void write_interface(const struct vmgr__hostdev *h, struct vmgr__xml_writer *w,
                            const char *name, int depth)
{
    g_autofree char *dir = dir_of(h, name);
    g_autofree char *mtu = vmgr__sysfs_text(dir, "mtu");
    g_autofree char *uevent = vmgr__sysfs_text(dir, "uevent");
    const bool bridge = has(dir, "bridge"), bond = has(dir, "bonding");
    const bool vlan = uevent && strstr(uevent, "DEVTYPE=vlan");

    if (depth > DEPTH_MAX)
        return;
    vmgr__xw_begin(w, "interface");
    vmgr__xw_attr(w, "type", bridge ? "bridge" : bond ? "bond" : vlan ? "vlan" : "ethernet");
    vmgr__xw_attr(w, "name", name);
    if (mtu && depth == 0) {
        vmgr__xw_begin(w, "mtu");
        vmgr__xw_attr(w, "size", mtu);
        vmgr__xw_end(w, "mtu");
    }
    if (bridge)
        write_bridge(h, w, dir, depth);
    else if (bond)
        write_bond(h, w, dir, depth);
    else if (vlan)
        write_vlan(h, w, name);
    else
        write_ethernet(w, dir);
    vmgr__xw_end(w, "interface");
}

/* ---- operations ---- */

/* Whether the kernel has it; names from outside choose no other directory. */
static bool is_there(const struct vmgr__hostdev *h, const char *name)
{
    g_autofree char *dir = dir_of(h, name);

    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           has(dir, "uevent");
}

static char *mac_of(struct vmgr_conn *conn, const char *name)
{
    g_autofree char *dir = dir_of(host_of(conn), name);
    char *mac = vmgr__sysfs_text(dir, "address");
    struct vmgr__iface_def *def = mac ? NULL : vmgr__iface_load(conn->driver_data, name);

    if (def && def->mac)
        mac = g_strdup(def->mac);
    vmgr__iface_def_free(def);
    return mac;
}

/* Names of what is there and of what is defined, in order. */
static GPtrArray *all_names(struct vmgr_conn *conn)
{
    GPtrArray *names = interfaces(host_of(conn));
    g_autoptr(GPtrArray) defs = vmgr__iface_load_all(conn->driver_data);

    for (guint i = 0; i < defs->len; i++) {
        const struct vmgr__iface_def *def = defs->pdata[i];

        if (!g_ptr_array_find_with_equal_func(names, def->name, g_str_equal, NULL))
            g_ptr_array_add(names, g_strdup(def->name));
    }
    g_ptr_array_sort(names, by_text);
    return names;
}

/* Of what is defined: that it was set up is enough, for a bridge without ports never runs. */
static bool is_active(struct vmgr_conn *conn, const char *name)
{
    const struct vmgr__hostdev *h = host_of(conn);
    g_autofree char *dir = dir_of(h, name);
    struct vmgr__iface_def *def;
    bool defined;

    if (!is_there(h, name))
        return false;
    if (is_up(dir))
        return true;
    def = *h->root ? NULL : vmgr__iface_load(conn->driver_data, name);
    defined = def != NULL;
    vmgr__iface_def_free(def);
    return defined && vmgr__iface_is_up(name);
}

static bool exists(struct vmgr_conn *conn, const char *name)
{
    struct vmgr__iface_def *def =
        is_there(host_of(conn), name) ? NULL : vmgr__iface_load(conn->driver_data, name);
    const bool defined = def != NULL;

    vmgr__iface_def_free(def);
    return defined || is_there(host_of(conn), name);
}

static struct vmgr_interface *handle(struct vmgr_conn *conn, const char *name)
{
    g_autofree char *mac = mac_of(conn, name);

    return vmgr__interface_new(conn, name, mac);
}

static int by_mac(struct vmgr_conn *conn, const char *mac, struct vmgr_interface **ret,
                  struct vmgr_error **err)
{
    g_autoptr(GPtrArray) names = all_names(conn);
    const char *found = NULL;

    for (guint i = 0; i < names->len; i++) {
        g_autofree char *address = mac_of(conn, names->pdata[i]);

        if (!address || g_ascii_strcasecmp(address, mac) != 0)
            continue;
        if (found)
            return vmgr__error_set(err, VMGR_ERR_MULTIPLE_INTERFACES, VMGR_FROM_INTERFACE,
                                   "the MAC address '%s' matches multiple interfaces", mac);
        found = names->pdata[i];
    }
    if (!found)
        return vmgr__interface_not_found(NULL, mac, err);
    *ret = handle(conn, found);
    return 0;
}

static int iface_lookup(struct vmgr_conn *conn, const char *name, const char *mac,
                        struct vmgr_interface **ret, struct vmgr_error **err)
{
    if (!name)
        return by_mac(conn, mac, ret, err);
    if (!exists(conn, name))
        return vmgr__interface_not_found(name, NULL, err);
    *ret = handle(conn, name);
    return 0;
}

static int iface_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                      struct vmgr_error **err)
{
    g_autoptr(GPtrArray) names = all_names(conn);

    (void)err;
    for (guint i = 0; i < names->len; i++) {
        if (vmgr__interface_matches(is_active(conn, names->pdata[i]), flags))
            g_ptr_array_add(ret, handle(conn, names->pdata[i]));
    }
    return 0;
}

static char *live_document(const struct vmgr__hostdev *h, const char *name)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    write_interface(h, &w, name, 0);
    return vmgr__xw_finish(&w);
}

/* What would have to be defined for what is: NULL and *err. A recorded host has no addresses. */
static struct vmgr__iface_def *derive(const struct vmgr__hostdev *h, const char *name,
                                      struct vmgr_error **err)
{
    g_autofree char *live = live_document(h, name);
    struct vmgr__iface_def *def = vmgr__iface_def_parse(live, err);

    if (!def || *h->root || vmgr__iface_address_read(def, err) == 0)
        return def;
    vmgr__iface_def_free(def);
    return NULL;
}

static int iface_get_xml(struct vmgr_interface *iface, uint32_t flags, char **ret,
                         struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_interface_get_conn(iface);
    const struct vmgr__hostdev *h = host_of(conn);
    const char *name = vmgr_interface_get_name(iface);
    const bool there = is_there(h, name);
    struct vmgr__iface_def *def;

    if (there && !(flags & VMGR_INTERFACE_XML_INACTIVE)) {
        *ret = live_document(h, name);
        return 0;
    }
    def = vmgr__iface_load(conn->driver_data, name);
    if (!def && !there)
        return vmgr__interface_not_found(name, NULL, err);
    if (!def)
        def = derive(h, name, err);
    if (!def)
        return -1;
    *ret = vmgr__iface_def_format(def);
    vmgr__iface_def_free(def);
    return 0;
}

static int iface_is_active(struct vmgr_interface *iface, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_interface_get_conn(iface);
    const char *name = vmgr_interface_get_name(iface);

    return exists(conn, name) ? is_active(conn, name) : vmgr__interface_not_found(name, NULL, err);
}

const struct vmgr__interface_ops vmgr__vemu_interface = {
    .lookup = iface_lookup,
    .list = iface_list,
    .get_xml = iface_get_xml,
    .is_active = iface_is_active,
    .define = vmgr__iface_define,
    .undefine = vmgr__iface_undefine,
    .start = vmgr__iface_start,
    .destroy = vmgr__iface_destroy,
    .change_begin = vmgr__iface_change_begin,
    .change_commit = vmgr__iface_change_commit,
    .change_rollback = vmgr__iface_change_rollback,
};
