#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The host's interfaces changed: bridges, bonds, VLANs, cards, in namespaces of their own; what the
# kernel has in the end is judged by "ip". Refusals leave nothing; changes are taken back; vmgrd starts
# what is marked so after a boot; virsh on vmgrd does the same; /etc is not touched.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/namespaces.sh"
. "$TOP/tests/lib/sockets.sh"
[ "${1:-}" = inside ] || enter_namespaces "$0" 150 virsh python3

work=$2
check_namespaces
mount -t sysfs sysfs /sys || { echo "cannot mount sysfs"; exit 77; }
ip link set lo up
vmsh=$BUILD/tools/vmsh/vmsh
sh() { "$vmsh" -q -c vemu:///system --root "$work/root" "$@"; }
fail() { echo "FAILED: $*"; ip addr; cat "$work/err" 2>/dev/null; exit 1; }
refused() { # WORDS COMMAND...
    local words=$1
    shift
    "$@" 2>"$work/err" && fail "not refused: $*"
    grep -q "$words" "$work/err" || fail "$* does not say '$words'"
}
# is NAME PYTHON-EXPRESSION of l, what ip says of the link, and a, its addresses
is() {
    ip -d -j addr show dev "$1" 2>/dev/null | python3 -c '
import json, sys
l = json.load(sys.stdin)[0]
a = sorted("%s/%s" % (i["local"], i["prefixlen"]) for i in l["addr_info"] if i["scope"] == "global")
d = l.get("linkinfo", {}).get("info_data", {})
sys.exit(not eval("(%s)" % sys.argv[1]))' "$2" || fail "$1: not $2: $(ip -d -j addr show dev "$1")"
}
gone() { ! ip link show "$1" >/dev/null 2>&1 || fail "$1 is left"; }
active() { sh iface-list | awk -v n="$1" '$1 == n && $2 == "active" { f = 1 } END { exit !f }'; }
define() { sh iface-define /dev/stdin; }
mkdir -p "$work/root"
for n in 0 1 2; do
    ip link add e$n type veth peer name w$n && ip link set w$n up || { echo "no veth here"; exit 77; }
done
find /etc/network /etc/netplan /etc/systemd/network -ls >"$work/etc-before" 2>/dev/null
vlans=
ip link add link e2 name vlantest type vlan id 5 2>/dev/null && ip link del vlantest && vlans=1
[ "$vlans" ] || echo "no VLANs here: left out"
vlan() { # NAME TAG LINK
    [ -z "$vlans" ] ||
        echo "<interface type='vlan' name='$1'><vlan tag='$2'><interface name='$3'/></vlan></interface>"
}

# --- a card: addresses, MTU, gateway ---
card() { # NAME ADDRESS
    echo "<interface type='ethernet' name='$1'><start mode='onboot'/><mtu size='1400'/>
        <protocol family='ipv4'><ip address='$2' prefix='24'/><route gateway='${2%.*}.1'/></protocol>
        <protocol family='ipv6'><ip address='fd00:1::2' prefix='64'/></protocol></interface>"
}
refused "interface 'e0' has no definition here" sh iface-start e0
refused "interface 'e0' has no definition here" sh iface-destroy e0
card e0 10.1.0.2 | define || fail "define e0"
sh iface-list --inactive | grep -q e0 || fail "e0 is not inactive"
sh iface-start e0 || fail "start e0"
active e0 || fail "e0 is not active"
is e0 'l["mtu"] == 1400 and "UP" in l["flags"] and a == ["10.1.0.2/24", "fd00:1::2/64"]'
ip -j addr show e0 | grep -q '"broadcast":"10.1.0.255"' || fail "broadcast"
ip route show default | grep -q 'via 10.1.0.1 dev e0' || fail "no gateway"
refused "interface 'e0' is already active" sh iface-start e0
sh iface-destroy e0 || fail "destroy e0"
is e0 '"UP" not in l["flags"] and a == []'
refused "interface 'e0' is not active" sh iface-destroy e0
card e1 10.1.0.2 | sed "s#<mtu#<mac address='52:54:00:01:02:03'/><mtu#" | define || fail "define e1"
refused "interface 'e1' does not have the MAC address 52:54:00:01:02:03" sh iface-start e1
is e1 '"UP" not in l["flags"]'
card e1 10.1.1.2 | sed 's/1400/60000/;s/gateway=.10.1.1.1/gateway="10.9.9.9/' | tr '"' "'" | define ||
    fail "define e1 again"
refused "cannot make 10.9.9.9 the default gateway of interface 'e1'" sh iface-start e1
is e1 '"UP" not in l["flags"] and a == []'
sh iface-undefine e1 || fail "undefine e1"
card nodev 10.1.0.2 | define || fail "define nodev"
refused "there is no interface 'nodev'" sh iface-start nodev
sh iface-undefine nodev || fail "undefine nodev"
refused "couldn't find interface named 'nodev'" sh iface-start nodev

# --- a bridge, a bond, VLANs in it ---
echo "<interface type='bridge' name='hb0'><protocol family='ipv4'><ip address='10.2.0.1' prefix='16'/>
</protocol><bridge stp='on' delay='4.5'><interface type='ethernet' name='e1'/>
$(vlan e2.7 7 e2)</bridge></interface>" | define || fail "define hb0"
ip addr add 10.2.9.9/24 dev e1
sh iface-start hb0 || fail "start hb0"
is hb0 'l["linkinfo"]["info_kind"] == "bridge" and d["stp_state"] == 1 and d["forward_delay"] == 450 and
        "UP" in l["flags"] and a == ["10.2.0.1/16"]'
is e1 'l["master"] == "hb0" and "UP" in l["flags"] and a == []'
[ -z "$vlans" ] || is e2.7 'l["master"] == "hb0" and d["id"] == 7 and l["link"] == "e2"'
refused "interface 'e1' is part of interface 'hb0'" define <<<"<interface type='ethernet' name='e1'/>"
sh iface-dumpxml hb0 | grep -q "<bridge stp='on' delay='450'>" || fail "$(sh iface-dumpxml hb0)"
sh iface-dumpxml hb0 --inactive | grep -q "delay='4.5'" || fail "$(sh iface-dumpxml hb0 --inactive)"
sh iface-destroy hb0 || fail "destroy hb0"
gone hb0
gone e2.7
is e1 '"master" not in l and "UP" not in l["flags"]'
sh iface-undefine hb0 || fail "undefine hb0"

if ip link add bondtest type bond 2>/dev/null; then
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
    sh iface-undefine bo0
    echo "<interface type='bond' name='bo1'><bond mode='balance-xor'><arpmon interval='500'
target='10.3.0.9' validate='all'/><interface type='ethernet' name='e2'/></bond></interface>" | define
    sh iface-start bo1 || fail "start bo1"
    is bo1 'd["mode"] == "balance-xor" and d["arp_interval"] == 500 and "10.3.0.9" in d["arp_ip_target"]
            and d["arp_validate"] == "all"'
    sh iface-destroy bo1 && sh iface-undefine bo1 || fail "end of bo1"
else
    echo "no bonds here: left out"
fi

# --- what fails leaves nothing that it made ---
echo "<interface type='bridge' name='hb1'><bridge>$(vlan e2.8 8 e2)<interface type='ethernet' name='nodev'/></bridge></interface>" |
    define || fail "define hb1"
refused "there is no interface 'nodev'" sh iface-start hb1
gone hb1
gone e2.8
sh iface-undefine hb1
echo "<interface type='bridge' name='e2'><bridge/></interface>" | define || fail "define e2"
refused "interface 'e2' is there and is no bridge" sh iface-start e2
sh iface-undefine e2 || fail "undefine e2"
if command -v setpriv >/dev/null; then
    refused CAP_NET_ADMIN setpriv --bounding-set=-all "$vmsh" -q -c vemu:///system --root "$work/root" \
        iface-start e0
fi

# --- DHCP: a client that plays dhclient ---
echo "<interface type='ethernet' name='e2'><protocol family='ipv4'><dhcp peerdns='no'/></protocol>
</interface>" | define || fail "define e2"
if ! command -v dhclient >/dev/null; then
    refused "the program 'dhclient' is not installed (package isc-dhcp-client)" sh iface-start e2
    is e2 '"UP" not in l["flags"]'
fi
mkdir "$work/bin"
cat >"$work/bin/dhclient" <<'CLIENT'
#!/bin/bash
while [ $# -gt 1 ]; do
    case $1 in -pf) pid=$2; shift ;; -cf) conf=$2; shift ;; -lf) leases=$2; shift ;; esac
    shift
done
grep -q domain-name-servers "$conf" && exit 2
ip addr add 10.7.0.7/24 dev "$1" valid_lft 600 preferred_lft 600
setsid bash -c 'echo $$ >"$0"; trap "exit 0" TERM; while :; do sleep 0.1; done' "$pid" "$leases" \
    </dev/null >/dev/null 2>&1 &
until [ -s "$pid" ]; do sleep 0.05; done
CLIENT
chmod +x "$work/bin/dhclient"
PATH=$work/bin:$PATH sh iface-start e2 || fail "start e2 with DHCP"
is e2 'a == ["10.7.0.7/24"]'
client=$(cat "$work/root/run/vmgr/interfaces/e2.dhcp4.pid") && kill -0 "$client" || fail "no client"
sh iface-destroy e2 || fail "destroy e2"
# nobody may have taken note of its end
grep -q '^State:.[^Z]' "/proc/$client/status" 2>/dev/null && fail "the client is left"
is e2 'a == [] and "UP" not in l["flags"]'
[ -z "$(ls "$work/root/run/vmgr/interfaces")" ] || fail "files of the client are left"
sh iface-undefine e2 || fail "undefine e2"

# --- bridge and unbridge: the addresses move there and back, with a definition and without ---
sh iface-start e0 || fail "start e0"
sh iface-bridge e0 br0 --no-stp --delay 2 || fail "iface-bridge"
is br0 'a == ["10.1.0.2/24", "fd00:1::2/64"] and d["stp_state"] == 0 and d["forward_delay"] == 200'
is e0 'l["master"] == "br0" and a == []'
ip route show default | grep -q 'via 10.1.0.1 dev br0' || fail "the gateway did not move"
refused "Network device br0 already exists" sh iface-bridge e0 br0
refused "Existing device br0 is already a bridge" sh iface-bridge br0 br1
refused "Device e0 is not a bridge" sh iface-unbridge e0
sh iface-unbridge br0 || fail "iface-unbridge"
gone br0
is e0 'a == ["10.1.0.2/24", "fd00:1::2/64"] and "master" not in l and l["mtu"] == 1400'
sh iface-undefine e0 || fail "undefine e0"
active e0 || fail "undefined means stopped"
sh iface-bridge e0 br0 || fail "iface-bridge of what others made"
is br0 'a == ["10.1.0.2/24", "fd00:1::2/64"] and d["stp_state"] == 1'
ip route show default | grep -q 'via 10.1.0.1 dev br0' || fail "the gateway was not found"

# --- begin, and all that came after is taken back ---
sh iface-begin || fail begin
sh iface-unbridge br0 && sh iface-destroy e0 || fail "changes"
echo "<interface type='bridge' name='hb2'><bridge/></interface>" | define && sh iface-start hb2 ||
    fail "a bridge more"
active hb2 || fail "a bridge without ports is not active"
sh iface-rollback || fail rollback
gone hb2
is br0 'a == ["10.1.0.2/24", "fd00:1::2/64"]'
is e0 'l["master"] == "br0"'
[ "$(ls "$work/root/etc/vmgr/interfaces")" = br0.xml ] || fail "definitions after a rollback"
[ ! -e "$work/root/etc/vmgr/interfaces-begin" ] || fail "what was kept is left"
sh iface-unbridge br0 && sh iface-destroy e0 || fail "the end of br0"

# --- after a boot: vmgrd starts what is marked, one upon the other ---
vlan a.9 9 b0 | sed "s#<vlan#<start mode='onboot'/><vlan#" >"$work/a.9.xml"
[ -z "$vlans" ] || sh iface-define "$work/a.9.xml" || fail "define a.9"
echo "<interface type='bridge' name='b0'><start mode='onboot'/><bridge/></interface>" | define ||
    fail "define b0"
echo "<interface type='bridge' name='b1'><start mode='none'/><bridge/></interface>" | define
echo "<interface type='ethernet' name='miss'><start mode='onboot'/></interface>" | define
"$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
vmgrd=$!
until_ok 60 listens "$work/root/run/vmgr/libvirt-sock" || fail "vmgrd: $(cat "$work/vmgrd.log")"
until_ok 20 grep -q "interface not started at boot.*interface=\"miss\".*there is no interface 'miss'" \
    "$work/vmgrd.log" || fail "$(cat "$work/vmgrd.log")"
[ -z "$vlans" ] || is a.9 'l["link"] == "b0" and d["id"] == 9 and "UP" in l["flags"]'
is b0 '"UP" in l["flags"]'
gone b1
kill -9 $vmgrd
wait $vmgrd 2>/dev/null
[ -z "$vlans" ] || sh iface-destroy a.9 || fail "destroy a.9"
sh iface-destroy b0 || fail "destroy b0"
"$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd2.log" 2>&1 &
vmgrd=$!
until_ok 60 listens "$work/root/run/vmgr/libvirt-sock" || fail "vmgrd: $(cat "$work/vmgrd2.log")"
gone b0 # what an administrator stopped stays so

# --- virsh and vmsh on vmgrd: the same words ---
theirs() { virsh -c "qemu:///system?socket=$work/root/run/vmgr/libvirt-sock" "$@"; }
ours() { "$vmsh" -c vemu:///system --root "$work/root" "$@"; }
remote() { "$vmsh" -c "vemu+unix:///system?socket=$work/root/run/vmgr/libvirt-sock" "$@"; }
echo "<interface type='ethernet' name='e1'><protocol family='ipv4'><ip address='10.5.0.1' prefix='24'/>
</protocol></interface>" >"$work/e1.xml"
echo "<interface type='ethernet' name='e1'><mtu size='1'/></interface>" >"$work/bad.xml"
record() { # COMMAND: everything it says
    for line in "iface-define $work/e1.xml" "iface-list --all" "iface-dumpxml e1" \
        "iface-dumpxml e1 --inactive" "iface-start e1" "iface-start e1" "iface-list" \
        "iface-dumpxml e1 --inactive" "iface-begin" "iface-begin" "iface-bridge e1 brx --delay 3" \
        "iface-bridge e1 bry --delay x" "iface-list --all" "iface-dumpxml brx --inactive" \
        "iface-unbridge brx" "iface-commit" "iface-rollback" "iface-destroy e1" "iface-destroy e1" \
        "iface-bridge e1 brx --no-start --no-stp" "iface-dumpxml brx --inactive" "iface-unbridge brx" \
        "iface-undefine brx" "iface-undefine e1" "iface-define $work/bad.xml" "iface-unbridge b0" \
        "iface-start lo" "iface-define --validate $work/bad.xml" "iface-define $work/nothing"; do
        echo "-- $line"
        "$1" $line 2>&1
        echo "status $?"
    done | sed '/^ br/s/[0-9a-f:]\{17\}/MAC/'
}
record ours >"$work/ours"
record remote >"$work/remote"
diff -U2 "$work/ours" "$work/remote" || fail "vmgrd says something else"
# virsh 9.0 ends with status 1 when it has destroyed an interface
record theirs | sed '/^Interface e1 destroyed/,/^status/s/^status 1/status 0/' >"$work/theirs"
diff -U2 "$work/ours" "$work/theirs" || fail "virsh says something else"
grep -q "Bridge interface brx started" "$work/ours" || fail "$(cat "$work/ours")"
kill "$vmgrd"

find /etc/network /etc/netplan /etc/systemd/network -ls >"$work/etc-after" 2>/dev/null
diff "$work/etc-before" "$work/etc-after" || fail "/etc was touched"
echo passed
