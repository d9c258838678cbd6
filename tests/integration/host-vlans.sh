#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# VLANs of the host: alone, in a bridge, on a bridge after a boot; "ip" is the judge.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/links.sh"
. "$TOP/tests/lib/namespaces.sh"
. "$TOP/tests/lib/sockets.sh"
[ "${1:-}" = inside ] || enter_namespaces "$0" 90 python3
prepare_links "$2"
ip link add link e2 name vlantest type vlan id 5 2>/dev/null || { echo "this kernel has no VLANs"; exit 77; }
ip link del vlantest
vlan() { # NAME TAG LINK
    echo "<interface type='vlan' name='$1'><vlan tag='$2'><interface name='$3'/></vlan></interface>"
}

# --- in a bridge ---
echo "<interface type='bridge' name='hb0'><bridge><interface type='ethernet' name='e1'/>
$(vlan e2.7 7 e2)</bridge></interface>" | define || fail "define hb0"
sh iface-start hb0 || fail "start hb0"
is e2.7 'l["master"] == "hb0" and d["id"] == 7 and l["link"] == "e2"'
sh iface-destroy hb0 || fail "destroy hb0"
gone hb0
gone e2.7
sh iface-undefine hb0 || fail "undefine hb0"

# --- what fails leaves nothing that it made ---
echo "<interface type='bridge' name='hb1'><bridge>$(vlan e2.8 8 e2)<interface type='ethernet' name='nodev'/>
</bridge></interface>" | define || fail "define hb1"
refused "there is no interface 'nodev'" sh iface-start hb1
gone hb1
gone e2.8
sh iface-undefine hb1 || fail "undefine hb1"

# --- after a boot: vmgrd starts what is marked, one upon the other ---
vlan a.9 9 b0 | sed "s#<vlan#<start mode='onboot'/><vlan#" | define || fail "define a.9"
echo "<interface type='bridge' name='b0'><start mode='onboot'/><bridge/></interface>" | define || fail "define b0"
"$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
vmgrd=$!
until_ok 60 listens "$work/root/run/vmgr/libvirt-sock" || fail "vmgrd: $(cat "$work/vmgrd.log")"
until_ok 20 ip link show a.9 >/dev/null || fail "$(cat "$work/vmgrd.log")"
until_ok 20 eval 'ip link show a.9 | grep -q "[<,]UP[,>]"' || fail "a.9 is down"
is a.9 'l["link"] == "b0" and d["id"] == 9'
kill $vmgrd
wait $vmgrd
sh iface-destroy a.9 && sh iface-destroy b0 || fail "the end of b0"
gone a.9
echo passed
