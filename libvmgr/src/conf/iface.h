/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <interface> of the host: what a network card, bridge, bond or VLAN of it is to be.
 */
#ifndef VMGR_SRC_CONF_IFACE_H
#define VMGR_SRC_CONF_IFACE_H

#include "xml.h"

#define iface_error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_INTERFACE, __VA_ARGS__)

enum vmgr__iface_type {
    VMGR__IFACE_ETHERNET,
    VMGR__IFACE_BRIDGE,
    VMGR__IFACE_BOND,
    VMGR__IFACE_VLAN,
};
enum vmgr__iface_start { /* 0: not said */
                         VMGR__IFACE_START_ONBOOT = 1,
                         VMGR__IFACE_START_NONE,
                         VMGR__IFACE_START_HOTPLUG,
};

struct vmgr__iface_ip {
    char *address;
    uint32_t prefix; /* 0: not said */
};

struct vmgr__iface_protocol {
    char *family; /* "ipv4", "ipv6" */
    bool autoconf, dhcp;
    int peerdns;    /* of dhcp: 0 not said, 1 yes, 2 no */
    GPtrArray *ips; /* struct vmgr__iface_ip * */
    char *gateway;  /* NULL: none */
};

enum vmgr__iface_monitor { VMGR__IFACE_NO_MONITOR, VMGR__IFACE_MII, VMGR__IFACE_ARP };

struct vmgr__iface_def {
    enum vmgr__iface_type type;
    char *name;
    char *mac; /* of ETHERNET; NULL: not said */
    enum vmgr__iface_start start;
    uint32_t mtu;         /* 0: not said */
    GPtrArray *protocols; /* struct vmgr__iface_protocol * */
    GPtrArray *ports;     /* of BRIDGE and BOND: struct vmgr__iface_def * */

    /* BRIDGE */
    int stp;     /* 0 not said, 1 on, 2 off */
    char *delay; /* seconds, with a fraction; NULL: not said */

    /* BOND */
    int mode; /* index into vmgr__bond_modes + 1; 0: not said */
    enum vmgr__iface_monitor monitor;
    int32_t interval;           /* ms, of either monitor */
    int32_t updelay, downdelay; /* ms, of MII; 0: not said */
    int carrier;                /* of MII: 0 not said, 1 ioctl, 2 netif */
    char *target;               /* of ARP */
    int validate;               /* of ARP: 0 not said, or index into vmgr__bond_validates + 1 */

    /* VLAN */
    char *tag, *link;
};

/* NULL-terminated; the kernel's names and, but for the second, its order. */
extern const char *const vmgr__bond_modes[];
extern const char *const vmgr__bond_validates[];

/* ---- iface.c ---- */
/* What libvirt takes is taken. For vmgr__iface_def_free(); NULL and *err. */
struct vmgr__iface_def *vmgr__iface_def_parse(const char *xml, struct vmgr_error **err);
void vmgr__iface_def_free(void *def);
/* Borrowed from the definition. */
struct vmgr__iface_protocol *vmgr__iface_protocol_add(struct vmgr__iface_def *def,
                                                      const char *family);
void vmgr__iface_ip_add(struct vmgr__iface_protocol *p, const char *address, uint32_t prefix);

/* ---- iface-format.c ---- */
char *vmgr__iface_def_format(const struct vmgr__iface_def *def);

/* ---- iface-check.c ---- */
/* Whether this host could be given it, as far as words tell: names, addresses, numbers, and what is
 * not supported. */
int vmgr__iface_def_check(const struct vmgr__iface_def *def, struct vmgr_error **err);
/* The name of an interface, for the kernel and for a file. */
bool vmgr__iface_name_is_valid(const char *name);
/* Seconds with a fraction in hundredths; false: it is no such number, or more than `max`. */
bool vmgr__iface_delay(const char *text, uint32_t max, uint32_t *ret);

#endif
