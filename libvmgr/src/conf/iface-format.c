/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <interface> of the host, written as libvirt writes it.
 */
#include "iface.h"

static const char *const types[] = { "ethernet", "bridge", "bond", "vlan" };
static const char *const starts[] = { NULL, "onboot", "none", "hotplug" };
static const char *const on_off[] = { NULL, "on", "off" };
static const char *const yes_no[] = { NULL, "yes", "no" };
static const char *const carriers[] = { NULL, "ioctl", "netif" };

static void write_def(struct vmgr__xml_writer *w, const struct vmgr__iface_def *def);

static void write_one(struct vmgr__xml_writer *w, const char *element, const char *attr,
                      const char *value)
{
    vmgr__xw_begin(w, element);
    vmgr__xw_attr(w, attr, value);
    vmgr__xw_end(w, element);
}

static void write_ms(struct vmgr__xml_writer *w, const char *attr, int32_t value)
{
    if (value > 0)
        vmgr__xw_attrf(w, attr, "%d", value);
}

static void write_protocol(struct vmgr__xml_writer *w, const struct vmgr__iface_protocol *p)
{
    vmgr__xw_begin(w, "protocol");
    vmgr__xw_attr(w, "family", p->family);
    vmgr__xw_content(w);
    if (p->autoconf) {
        vmgr__xw_begin(w, "autoconf");
        vmgr__xw_end(w, "autoconf");
    }
    if (p->dhcp)
        write_one(w, "dhcp", "peerdns", yes_no[p->peerdns]);
    for (guint i = 0; i < p->ips->len; i++) {
        const struct vmgr__iface_ip *ip = p->ips->pdata[i];

        vmgr__xw_begin(w, "ip");
        vmgr__xw_attr(w, "address", ip->address);
        if (ip->prefix)
            vmgr__xw_attrf(w, "prefix", "%u", ip->prefix);
        vmgr__xw_end(w, "ip");
    }
    if (p->gateway)
        write_one(w, "route", "gateway", p->gateway);
    vmgr__xw_end(w, "protocol");
}

static void write_ports(struct vmgr__xml_writer *w, const struct vmgr__iface_def *def)
{
    for (guint i = 0; i < def->ports->len; i++)
        write_def(w, def->ports->pdata[i]);
}

static void write_bridge(struct vmgr__xml_writer *w, const struct vmgr__iface_def *def)
{
    vmgr__xw_begin(w, "bridge");
    vmgr__xw_attr(w, "stp", on_off[def->stp]);
    vmgr__xw_attr(w, "delay", def->delay);
    vmgr__xw_content(w);
    write_ports(w, def);
    vmgr__xw_end(w, "bridge");
}

static void write_bond(struct vmgr__xml_writer *w, const struct vmgr__iface_def *def)
{
    vmgr__xw_begin(w, "bond");
    if (def->mode)
        vmgr__xw_attr(w, "mode", vmgr__bond_modes[def->mode - 1]);
    vmgr__xw_content(w);
    if (def->monitor == VMGR__IFACE_MII) {
        vmgr__xw_begin(w, "miimon");
        vmgr__xw_attrf(w, "freq", "%d", def->interval);
        write_ms(w, "downdelay", def->downdelay);
        write_ms(w, "updelay", def->updelay);
        vmgr__xw_attr(w, "carrier", carriers[def->carrier]);
        vmgr__xw_end(w, "miimon");
    } else if (def->monitor == VMGR__IFACE_ARP) {
        vmgr__xw_begin(w, "arpmon");
        vmgr__xw_attrf(w, "interval", "%d", def->interval);
        vmgr__xw_attr(w, "target", def->target);
        if (def->validate)
            vmgr__xw_attr(w, "validate", vmgr__bond_validates[def->validate - 1]);
        vmgr__xw_end(w, "arpmon");
    }
    write_ports(w, def);
    vmgr__xw_end(w, "bond");
}

static void write_vlan(struct vmgr__xml_writer *w, const struct vmgr__iface_def *def)
{
    vmgr__xw_begin(w, "vlan");
    vmgr__xw_attr(w, "tag", def->tag);
    write_one(w, "interface", "name", def->link);
    vmgr__xw_end(w, "vlan");
}

static void write_def(struct vmgr__xml_writer *w, const struct vmgr__iface_def *def)
{
    vmgr__xw_begin(w, "interface");
    vmgr__xw_attr(w, "type", types[def->type]);
    vmgr__xw_attr(w, "name", def->name);
    vmgr__xw_content(w);
    if (def->start)
        write_one(w, "start", "mode", starts[def->start]);
    if (def->mtu) {
        vmgr__xw_begin(w, "mtu");
        vmgr__xw_attrf(w, "size", "%u", def->mtu);
        vmgr__xw_end(w, "mtu");
    }
    for (guint i = 0; i < def->protocols->len; i++)
        write_protocol(w, def->protocols->pdata[i]);
    switch (def->type) {
    case VMGR__IFACE_ETHERNET:
        if (def->mac)
            write_one(w, "mac", "address", def->mac);
        break;
    case VMGR__IFACE_BRIDGE: write_bridge(w, def); break;
    case VMGR__IFACE_BOND: write_bond(w, def); break;
    case VMGR__IFACE_VLAN: write_vlan(w, def); break;
    }
    vmgr__xw_end(w, "interface");
}

char *vmgr__iface_def_format(const struct vmgr__iface_def *def)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    write_def(&w, def);
    return vmgr__xw_finish(&w);
}
