/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filters that are always there, under the names that administrators know. A definition of the same
 * name takes their place.
 */
#include <string.h>

#include "nwfilter.h"

#define FILTER(id, attrs, content)                                                                 \
    "<filter " attrs "><uuid>6c6b7d2e-5d4f-4f0b-9a51-0000000000" id "</uuid>" content "</filter>"
#define RULE(direction, action, attrs, match)                                                      \
    "<rule direction='" direction "' action='" action "' " attrs ">" match "</rule>"
#define REF(name) "<filterref filter='" name "'/>"
#define ALL       RULE("inout", "accept", "", "")
#define DROP_REST RULE("out", "drop", "priority='1000'", "")

/* RFC 2131, 4.1; RFC 8415, 7.2: clients and servers of DHCP. */
#define DHCP_OUT                                                                                   \
    RULE("out", "accept", "priority='100'",                                                        \
         "<ip srcipaddr='0.0.0.0' dstipaddr='255.255.255.255' protocol='udp' srcportstart='68' "   \
         "dstportstart='67'/>")
#define DHCP_IN(from)                                                                              \
    RULE("in", "accept", "priority='100'",                                                         \
         "<ip " from "protocol='udp' srcportstart='67' dstportstart='68'/>")
#define DHCPV6_OUT                                                                                 \
    RULE("out", "accept", "priority='100'",                                                        \
         "<ipv6 srcipaddr='fe80::' srcipmask='10' dstipaddr='ff02::1:2' protocol='udp' "           \
         "srcportstart='546' dstportstart='547'/>")
#define DHCPV6_IN(from)                                                                            \
    RULE("in", "accept", "priority='100'",                                                         \
         "<ipv6 " from "protocol='udp' srcportstart='547' dstportstart='546'/>")

#define ANNOUNCE(direction, from)                                                                  \
    RULE(direction, "accept", "priority='500'",                                                    \
         "<rarp opcode='Request_Reverse' " from "dstmacaddr='ff:ff:ff:ff:ff:ff' "                  \
         "arpsrcmacaddr='$MAC' arpdstmacaddr='$MAC' arpsrcipaddr='0.0.0.0' "                       \
         "arpdstipaddr='0.0.0.0'/>")

static const struct {
    const char *name, *xml;
} filters[] = {
    { "allow-arp", FILTER("01", "name='allow-arp' chain='arp'", ALL) },
    { "allow-dhcp", FILTER("02", "name='allow-dhcp' chain='ipv4'", DHCP_OUT DHCP_IN("")) },
    { "allow-dhcp-server", FILTER("03", "name='allow-dhcp-server' chain='ipv4'",
                                  DHCP_OUT DHCP_IN("srcipaddr='$DHCPSERVER' ")) },
    { "allow-dhcpv6", FILTER("04", "name='allow-dhcpv6' chain='ipv6'", DHCPV6_OUT DHCPV6_IN("")) },
    { "allow-dhcpv6-server", FILTER("05", "name='allow-dhcpv6-server' chain='ipv6'",
                                    DHCPV6_OUT DHCPV6_IN("srcipaddr='$DHCPSERVER' ")) },
    { "allow-incoming-ipv4",
      FILTER("06", "name='allow-incoming-ipv4' chain='ipv4'", RULE("in", "accept", "", "")) },
    { "allow-incoming-ipv6",
      FILTER("07", "name='allow-incoming-ipv6' chain='ipv6'", RULE("in", "accept", "", "")) },
    { "allow-ipv4", FILTER("08", "name='allow-ipv4' chain='ipv4'", ALL) },
    { "allow-ipv6", FILTER("09", "name='allow-ipv6' chain='ipv6'", ALL) },
    { "clean-traffic",
      FILTER("0a", "name='clean-traffic' chain='root'",
             REF("no-mac-spoofing") REF("no-ip-spoofing")
                 RULE("out", "accept", "priority='-650'", "<mac protocolid='ipv4'/>")
                     REF("allow-incoming-ipv4") REF("no-arp-spoofing")
                         RULE("inout", "accept", "priority='-500'", "<mac protocolid='arp'/>")
                             REF("no-other-l2-traffic") REF("qemu-announce-self")) },
    { "clean-traffic-gateway",
      FILTER("0b", "name='clean-traffic-gateway' chain='root'",
             REF("no-mac-spoofing") REF("no-ip-spoofing") REF("no-arp-spoofing")
                 RULE("inout", "accept", "priority='-500'", "<mac protocolid='arp'/>")
                     RULE("in", "accept", "", "<mac srcmacaddr='$GATEWAY_MAC'/>")
                         RULE("out", "accept", "", "<mac dstmacaddr='$GATEWAY_MAC'/>")
                             REF("no-other-l2-traffic") REF("qemu-announce-self")) },
    { "no-arp-ip-spoofing",
      FILTER("0c", "name='no-arp-ip-spoofing' chain='arp-ip' priority='-510'",
             RULE("out", "return", "priority='400'", "<arp arpsrcipaddr='$IP'/>") DROP_REST) },
    { "no-arp-mac-spoofing",
      FILTER("0d", "name='no-arp-mac-spoofing' chain='arp-mac' priority='-520'",
             RULE("out", "return", "priority='350'", "<arp arpsrcmacaddr='$MAC'/>") DROP_REST) },
    { "no-arp-spoofing", FILTER("0e", "name='no-arp-spoofing' chain='root'",
                                REF("no-arp-mac-spoofing") REF("no-arp-ip-spoofing")) },
    { "no-ip-multicast",
      FILTER("0f", "name='no-ip-multicast' chain='ipv4'",
             RULE("out", "drop", "", "<ip dstipaddr='224.0.0.0' dstipmask='4'/>")) },
    { "no-ip-spoofing",
      FILTER("10", "name='no-ip-spoofing' chain='ipv4-ip' priority='-710'",
             RULE("out", "return", "priority='100'", "<ip srcipaddr='0.0.0.0' protocol='udp'/>")
                 RULE("out", "return", "priority='500'", "<ip srcipaddr='$IP'/>") DROP_REST) },
    { "no-ipv6-multicast",
      FILTER("11", "name='no-ipv6-multicast' chain='ipv6'",
             RULE("out", "drop", "", "<ipv6 dstipaddr='ff00::' dstipmask='8'/>")) },
    { "no-ipv6-spoofing",
      FILTER("12", "name='no-ipv6-spoofing' chain='ipv6-ip' priority='-610'",
             RULE("out", "return", "priority='100'",
                  "<ipv6 srcipaddr='fe80::' srcipmask='10' protocol='udp'/>")
                 RULE("out", "return", "priority='500'", "<ipv6 srcipaddr='$IPV6'/>") DROP_REST) },
    { "no-mac-broadcast",
      FILTER("13", "name='no-mac-broadcast' chain='ipv4'",
             RULE("out", "drop", "", "<mac dstmacaddr='ff:ff:ff:ff:ff:ff'/>")) },
    { "no-mac-spoofing", FILTER("14", "name='no-mac-spoofing' chain='mac' priority='-800'",
                                RULE("out", "return", "", "<mac srcmacaddr='$MAC'/>")
                                    RULE("out", "drop", "", "<mac/>")) },
    { "no-other-l2-traffic", FILTER("15", "name='no-other-l2-traffic' chain='root'",
                                    RULE("inout", "drop", "priority='1000'", "")) },
    { "no-other-rarp-traffic", FILTER("16", "name='no-other-rarp-traffic' chain='rarp'",
                                      RULE("inout", "drop", "priority='1000'", "")) },
    { "qemu-announce-self", FILTER("17", "name='qemu-announce-self' chain='root'",
                                   RULE("out", "accept", "", "<mac protocolid='0x835'/>") REF(
                                       "qemu-announce-self-rarp") REF("no-other-rarp-traffic")) },
    { "qemu-announce-self-rarp", FILTER("18", "name='qemu-announce-self-rarp' chain='rarp'",
                                        ANNOUNCE("out", "srcmacaddr='$MAC' ") ANNOUNCE("in", "")) },
};

const char *vmgr__nwfilter_standard(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
        if (strcmp(filters[i].name, name) == 0)
            return filters[i].xml;
    }
    return NULL;
}

const char *vmgr__nwfilter_standard_name(size_t i)
{
    return i < G_N_ELEMENTS(filters) ? filters[i].name : NULL;
}
