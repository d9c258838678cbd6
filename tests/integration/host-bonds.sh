#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Bonds of the host, made and taken down by their definitions; "ip" is the judge.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/links.sh"
. "$TOP/tests/lib/namespaces.sh"
[ "${1:-}" = inside ] || enter_namespaces "$0" 60 python3
prepare_links "$2"
ip link add bondtest type bond 2>/dev/null || { echo "this kernel has no bonds"; exit 77; }
ip link del bondtest

echo "<interface type='bond' name='bo0'><protocol family='ipv4'><ip address='10.3.0.1' prefix='8'/>
</protocol><bond mode='active-backup'><miimon freq='100' updelay='200' downdelay='300' carrier='netif'/>
<interface type='ethernet' name='e1'/><interface type='ethernet' name='e2'/></bond></interface>" |
    define || fail "define bo0"
ip link set e1 up
sh iface-start bo0 || fail "start bo0"
is bo0 'd["mode"] == "active-backup" and d["miimon"] == 100 and d["updelay"] == 200 and
        d["downdelay"] == 300 and d["use_carrier"] == 1 and a == ["10.3.0.1/8"]'
is e1 'l["master"] == "bo0" and "UP" in l["flags"]'
is e2 'l["master"] == "bo0"'
sh iface-dumpxml bo0 | grep -q "<miimon freq='100'/>" || fail "$(sh iface-dumpxml bo0)"
sh iface-destroy bo0 || fail "destroy bo0"
gone bo0
sh iface-undefine bo0 || fail "undefine bo0"
echo "<interface type='bond' name='bo1'><bond mode='balance-xor'><arpmon interval='500'
target='10.3.0.9' validate='all'/><interface type='ethernet' name='e2'/></bond></interface>" | define ||
    fail "define bo1"
sh iface-start bo1 || fail "start bo1"
is bo1 'd["mode"] == "balance-xor" and d["arp_interval"] == 500 and "10.3.0.9" in d["arp_ip_target"]
        and d["arp_validate"] == "all"'
sh iface-destroy bo1 && sh iface-undefine bo1 || fail "end of bo1"
echo passed
