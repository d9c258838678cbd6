/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtual network's definition in memory, and what reads, writes and changes it.
 *
 * One file per part of the document: network.c (the document), network-forward.c, network-ip.c,
 * network-dns.c; network-update.c changes parts. What is not understood is kept as text where it
 * stood, and reported as a warning, as in domain documents (def.h).
 */
#ifndef VMGR_SRC_CONF_NETWORK_H
#define VMGR_SRC_CONF_NETWORK_H

#include <vmgr/network.h>

#include "xml.h"

/* An IP address. family: AF_INET, AF_INET6, 0: none. */
struct vmgr__addr {
    int family;
    uint8_t bytes[16];
};
#define VMGR__ADDR_TEXT 46 /* INET6_ADDRSTRLEN */

enum vmgr__forward {
    VMGR__FORWARD_NONE = 0,
    VMGR__FORWARD_NAT,
    VMGR__FORWARD_ROUTE,
    VMGR__FORWARD_OPEN,
    VMGR__FORWARD_BRIDGE,
    VMGR__FORWARD_PRIVATE,
    VMGR__FORWARD_VEPA,
    VMGR__FORWARD_PASSTHROUGH,
    VMGR__FORWARD_HOSTDEV,
};
extern const char *const vmgr__forward_names[];

/* How a guest's interface is on one of the host's; interface.c. A forward mode of the same name
 * gives such interfaces. */
extern const char *const vmgr__direct_modes[];

struct vmgr__net_forward {
    int mode;      /* enum vmgr__forward */
    int managed;   /* hostdev: tristate */
    bool nat_ipv6; /* masquerade IPv6 as well */
    struct vmgr__addr nat_start, nat_end;
    uint32_t port_start, port_end;
    bool has_ports;
    GPtrArray *interfaces; /* char *, host devices to forward through */
    GArray *uses;          /* uint32_t: interfaces of guests on each of them; NULL: not counted */
    GPtrArray *kept;       /* char *: <pf>, <driver>, <address> and what is unknown */
};

struct vmgr__net_lease {
    bool present;
    uint32_t expiry; /* in units; 0: never */
    int unit;        /* index into vmgr__lease_units */
};
extern const char *const vmgr__lease_units[];
uint32_t vmgr__net_lease_seconds(const struct vmgr__net_lease *lease); /* 0: never */

struct vmgr__net_range {
    struct vmgr__addr start, end;
    struct vmgr__net_lease lease;
};

struct vmgr__net_host {
    char *mac, *id, *name; /* each may be NULL */
    struct vmgr__addr ip;
    struct vmgr__net_lease lease;
};

struct vmgr__net_ip {
    char *family; /* as written, NULL: none */
    struct vmgr__addr address;
    struct vmgr__addr netmask;
    uint32_t prefix;
    bool has_prefix;
    int local_ptr; /* tristate */
    char *tftp_root;
    GPtrArray *ranges; /* struct vmgr__net_range * */
    GPtrArray *hosts;  /* struct vmgr__net_host * */
    char *boot_file;
    struct vmgr__addr boot_server;
};
/* Prefix length of the address, from what the document says or the class of an IPv4 address. */
unsigned vmgr__net_ip_prefix(const struct vmgr__net_ip *ip);

struct vmgr__net_route {
    char *family;
    struct vmgr__addr address, netmask, gateway;
    uint32_t prefix;
    bool has_prefix;
    uint32_t metric; /* 0: none */
};
unsigned vmgr__net_route_prefix(const struct vmgr__net_route *route);

struct vmgr__net_forwarder {
    char *domain;
    struct vmgr__addr address;
};
struct vmgr__net_txt {
    char *name, *value;
};
struct vmgr__net_srv {
    char *service, *protocol, *domain, *target;
    uint32_t port, priority, weight; /* 0: not said */
};
struct vmgr__net_dns_host {
    struct vmgr__addr ip;
    GPtrArray *names; /* char * */
};
struct vmgr__net_dns {
    int enable, forward_plain_names; /* tristates */
    GPtrArray *forwarders, *txts, *srvs, *hosts;
};

struct vmgr__net_portgroup {
    char *name;
    bool is_default;
    char *text; /* the element */
};

struct vmgr__net_kept {
    int rank; /* place in the document: see network.c */
    char *name;
    char *text;
};

struct vmgr__network_def {
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
    bool has_uuid;
    bool ipv6;         /* guests may speak IPv6 among themselves without an IPv6 <ip> */
    uint32_t uses;     /* interfaces that are on it; 0: none, or not counted. Is not read. */
    int trust_filters; /* tristate */
    struct vmgr__net_forward forward;
    char *bridge; /* NULL: the driver chooses */
    char *bridge_zone;
    bool stp;
    uint32_t delay; /* seconds */
    int mac_table;  /* index into kernel, libvirt; -1: none */
    uint32_t mtu;   /* 0: none */
    char *mac;      /* NULL: the driver chooses */
    char *domain;
    int domain_local; /* tristate */
    struct vmgr__net_dns dns;
    int port_isolated; /* tristate */
    GPtrArray *ips;    /* struct vmgr__net_ip * */
    GPtrArray *routes; /* struct vmgr__net_route * */
    GPtrArray *portgroups;
    GPtrArray *kept;     /* struct vmgr__net_kept *, by rank */
    GPtrArray *warnings; /* char * */
};

/* Document in, document out. */
struct vmgr__network_def *vmgr__network_def_parse(const char *xml, struct vmgr_error **err);
struct vmgr__network_def *vmgr__network_def_parse_node(xmlNode *root, struct vmgr_error **err);
char *vmgr__network_def_format(const struct vmgr__network_def *def);
void vmgr__network_def_write(const struct vmgr__network_def *def, struct vmgr__xml_writer *w);
struct vmgr__network_def *vmgr__network_def_copy(const struct vmgr__network_def *def,
                                                 struct vmgr_error **err);
void vmgr__network_def_free(struct vmgr__network_def *def);
/* It has a bridge of its own, made at start: nat, route, open and isolated. */
bool vmgr__network_def_owns_bridge(const struct vmgr__network_def *def);
/* It has none at all: guests are right on interfaces of the host. */
bool vmgr__network_def_is_direct(const struct vmgr__network_def *def);
/* vmgr_network_update(): command and section are numbers of the interface. */
int vmgr__network_def_update(struct vmgr__network_def *def, int command, int section,
                             int parent_index, const char *xml, struct vmgr_error **err);

/* ---- addresses (network-address.c) ---- */

bool vmgr__addr_parse(const char *text, struct vmgr__addr *ret);
const char *vmgr__addr_format(const struct vmgr__addr *addr, char ret[VMGR__ADDR_TEXT]);
unsigned vmgr__addr_bits(const struct vmgr__addr *addr); /* 32 or 128 */
/* As memcmp(); addresses of one family. */
int vmgr__addr_compare(const struct vmgr__addr *a, const struct vmgr__addr *b);
bool vmgr__addr_equal(const struct vmgr__addr *a, const struct vmgr__addr *b);
/* Sets all bits behind the prefix to `ones`. */
struct vmgr__addr vmgr__addr_masked(const struct vmgr__addr *addr, unsigned prefix, bool ones);
bool vmgr__addr_in(const struct vmgr__addr *addr, const struct vmgr__addr *net, unsigned prefix);
/* Length of a netmask, or -1 when its ones are not in front. */
int vmgr__addr_mask_length(const struct vmgr__addr *mask);
bool vmgr__mac_parse(const char *text, uint8_t ret[6]);
#define VMGR__MAC_TEXT 18
const char *vmgr__mac_format(const uint8_t mac[6], char ret[VMGR__MAC_TEXT]);
/* A random unicast address of ours. */
int vmgr__mac_generate(char ret[VMGR__MAC_TEXT], struct vmgr_error **err);

/* ---- between the files of the document ---- */

struct vmgr__net_parse {
    struct vmgr__network_def *def;
    struct vmgr_error **err;
};
#define net_error(p, code, ...) vmgr__error_set((p)->err, code, VMGR_FROM_NETWORK, __VA_ARGS__)

void vmgr__net_warn_attrs(struct vmgr__net_parse *p, const xmlNode *node, const char *const *known);
void vmgr__net_warn_children(struct vmgr__net_parse *p, const xmlNode *node,
                             const char *const *known);
int vmgr__net_forward_parse(struct vmgr__net_parse *p, xmlNode *node);
void vmgr__net_forward_format(const struct vmgr__network_def *def, struct vmgr__xml_writer *w);
void vmgr__net_forward_fini(struct vmgr__net_forward *f);
int vmgr__net_interface_parse(struct vmgr__net_parse *p, xmlNode *node, char **ret);

int vmgr__net_ip_parse(struct vmgr__net_parse *p, xmlNode *node);
void vmgr__net_ip_format(const struct vmgr__net_ip *ip, struct vmgr__xml_writer *w);
void vmgr__net_ip_free(void *ip);
struct vmgr__net_range *vmgr__net_range_parse(struct vmgr__net_parse *p, xmlNode *node,
                                              const struct vmgr__net_ip *ip);
struct vmgr__net_host *vmgr__net_host_parse(struct vmgr__net_parse *p, xmlNode *node,
                                            const struct vmgr__net_ip *ip, bool partial);
void vmgr__net_host_free(void *host);
int vmgr__net_route_parse(struct vmgr__net_parse *p, xmlNode *node);
void vmgr__net_route_format(const struct vmgr__net_route *route, struct vmgr__xml_writer *w);
void vmgr__net_route_free(void *route);
int vmgr__net_range_check(const struct vmgr__addr *start, const struct vmgr__addr *end,
                          const struct vmgr__net_ip *ip, struct vmgr_error **err);

int vmgr__net_dns_parse(struct vmgr__net_parse *p, xmlNode *node);
void vmgr__net_dns_format(const struct vmgr__network_def *def, struct vmgr__xml_writer *w);
void vmgr__net_dns_init(struct vmgr__net_dns *dns);
void vmgr__net_dns_fini(struct vmgr__net_dns *dns);
struct vmgr__net_txt *vmgr__net_txt_parse(struct vmgr__net_parse *p, xmlNode *node, bool partial);
struct vmgr__net_srv *vmgr__net_srv_parse(struct vmgr__net_parse *p, xmlNode *node, bool partial);
struct vmgr__net_dns_host *vmgr__net_dns_host_parse(struct vmgr__net_parse *p, xmlNode *node,
                                                    bool partial);
void vmgr__net_txt_free(void *txt);
void vmgr__net_srv_free(void *srv);
void vmgr__net_dns_host_free(void *host);

struct vmgr__net_portgroup *vmgr__net_portgroup_parse(struct vmgr__net_parse *p, xmlNode *node);
void vmgr__net_portgroup_free(void *group);

#endif
