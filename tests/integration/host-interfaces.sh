#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The host's bridges and cards changed, in namespaces of their own (host-bonds, host-vlans: the others); what
# the kernel has in the end is judged by "ip". Refusals leave nothing; changes are taken back; vmgrd starts
# what is marked so after a boot; virsh on vmgrd does the same; /etc is not touched.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/links.sh"
. "$TOP/tests/lib/namespaces.sh"
. "$TOP/tests/lib/sockets.sh"
[ "${1:-}" = inside ] || enter_namespaces "$0" 150 virsh python3

prepare_links "$2"
find /etc/network /etc/netplan /etc/systemd/network -ls >"$work/etc-before" 2>/dev/null

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

# --- a bridge ---
echo "<interface type='bridge' name='hb0'><protocol family='ipv4'><ip address='10.2.0.1' prefix='16'/>
</protocol><bridge stp='on' delay='4.5'><interface type='ethernet' name='e1'/>
</bridge></interface>" | define || fail "define hb0"
ip addr add 10.2.9.9/24 dev e1
sh iface-start hb0 || fail "start hb0"
is hb0 'l["linkinfo"]["info_kind"] == "bridge" and d["stp_state"] == 1 and d["forward_delay"] == 450 and
        "UP" in l["flags"] and a == ["10.2.0.1/16"]'
is e1 'l["master"] == "hb0" and "UP" in l["flags"] and a == []'
refused "interface 'e1' is part of interface 'hb0'" define <<<"<interface type='ethernet' name='e1'/>"
sh iface-dumpxml hb0 | grep -q "<bridge stp='on' delay='450'>" || fail "$(sh iface-dumpxml hb0)"
sh iface-dumpxml hb0 --inactive | grep -q "delay='4.5'" || fail "$(sh iface-dumpxml hb0 --inactive)"
sh iface-destroy hb0 || fail "destroy hb0"
gone hb0
is e1 '"master" not in l and "UP" not in l["flags"]'
sh iface-undefine hb0 || fail "undefine hb0"

# --- what fails leaves nothing that it made ---
echo "<interface type='bridge' name='hb1'><bridge><interface type='ethernet' name='nodev'/></bridge></interface>" |
    define || fail "define hb1"
refused "there is no interface 'nodev'" sh iface-start hb1
gone hb1
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
echo "<interface type='bridge' name='b0'><start mode='onboot'/><bridge/></interface>" | define ||
    fail "define b0"
echo "<interface type='bridge' name='b1'><start mode='none'/><bridge/></interface>" | define
echo "<interface type='ethernet' name='miss'><start mode='onboot'/></interface>" | define
"$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
vmgrd=$!
until_ok 60 listens "$work/root/run/vmgr/libvirt-sock" || fail "vmgrd: $(cat "$work/vmgrd.log")"
until_ok 20 grep -q "interface not started at boot.*interface=\"miss\".*there is no interface 'miss'" \
    "$work/vmgrd.log" || fail "$(cat "$work/vmgrd.log")"
is b0 '"UP" in l["flags"]'
gone b1
kill -9 $vmgrd
wait $vmgrd 2>/dev/null
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
    done | sed -e '/^ br/s/[0-9a-f:]\{17\}/MAC/' -e '/^ w[0-9] /d' # their carrier follows when the kernel gets to it
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
