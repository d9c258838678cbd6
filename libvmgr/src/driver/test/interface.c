/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of the test driver's host: one.
 */
#include "../interface.h"

#include <string.h>

static const char name_of_it[] = "eth1", mac_of_it[] = "aa:bb:cc:dd:ee:ff";
static const char document[] = "<interface type='ethernet' name='eth1'>\n"
                               "  <start mode='onboot'/>\n"
                               "  <mtu size='1492'/>\n"
                               "  <protocol family='ipv4'>\n"
                               "    <ip address='192.168.0.5' prefix='24'/>\n"
                               "    <route gateway='192.168.0.1'/>\n"
                               "  </protocol>\n"
                               "  <mac address='aa:bb:cc:dd:ee:ff'/>\n"
                               "</interface>\n";

static int iface_lookup(struct vmgr_conn *conn, const char *name, const char *mac,
                        struct vmgr_interface **ret, struct vmgr_error **err)
{
    if (name && strcmp(name, name_of_it) != 0)
        return vmgr__error_set(err, VMGR_ERR_NO_INTERFACE, VMGR_FROM_INTERFACE,
                               "no interface with matching name '%s'", name);
    if (!name && g_ascii_strcasecmp(mac, mac_of_it) != 0)
        return vmgr__error_set(err, VMGR_ERR_NO_INTERFACE, VMGR_FROM_INTERFACE,
                               "no interface with matching mac '%s'", mac);
    *ret = vmgr__interface_new(conn, name_of_it, mac_of_it);
    return 0;
}

static int iface_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                      struct vmgr_error **err)
{
    (void)err;
    if (vmgr__interface_matches(true, flags))
        g_ptr_array_add(ret, vmgr__interface_new(conn, name_of_it, mac_of_it));
    return 0;
}

static int iface_get_xml(struct vmgr_interface *iface, uint32_t flags, char **ret,
                         struct vmgr_error **err)
{
    (void)iface;
    if (vmgr__check_flags(flags, 0, "testInterfaceGetXMLDesc", err) < 0)
        return -1;
    *ret = g_strdup(document);
    return 0;
}

static int iface_is_active(struct vmgr_interface *iface, struct vmgr_error **err)
{
    (void)iface;
    (void)err;
    return 1;
}

const struct vmgr__interface_ops vmgr__test_interface = { iface_lookup, iface_list, iface_get_xml,
                                                          iface_is_active };
