#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests on virtual networks and bridges, in namespaces of their own: a guest gets its address by DHCP,
# reaches its bridge and, through NAT, a server; its tap goes with it, or when it is detached, whoever
# is killed; what cannot be is refused by name; virsh on vmgrd sees the same. The host's own network is
# never touched.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/asserts.sh"
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/namespaces.sh"
. "$TOP/tests/lib/netguests.sh"
enter_with_guests "${1:-}" "$0"

work=$2
check_namespaces
mount_sysfs
ip tuntap add check mode tap && ip link del check || { echo "no taps here"; exit 77; }
prepare_guests virtio_pci virtio_net
fail() { echo "FAILED: $*"; ip -br link; tail -n 20 "$work/console" "$work"/root/log/vmgr/*; exit 1; }
says() { grep -q "^T: $1" "$work/console"; }
no_link() { ! ip link show "$1"; }
make_world "$work"

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
ip link set lo up
for card in /sys/class/net/eth*; do
    name=${card##*/}
    echo "T: $(cat "$card/address") mtu $(cat "$card/mtu")"
    ip link set "$name" up
done
udhcpc -i eth0 -n -q -t 60 -T 1 -s /udhcpc
echo "T: ping $(ping -c 1 -W 20 10.99.0.1 | grep -c 'bytes from')"
echo "T: fetched $(wget -q -O - http://10.50.0.2/)"
ip addr add 10.99.0.66/32 dev eth0
gone=
while :; do
    [ -n "$gone" ] || [ -e /sys/class/net/eth1 ] || { echo "T: eth1 is gone"; gone=1; }
    [ ! -e /sys/class/net/eth2 ] || ip link set eth2 up
    echo "T: honest $(ping -c 1 -W 1 10.99.0.1 | grep -c 'bytes from')" \
        "spoofed $(ping -c 1 -W 1 -I 10.99.0.66 10.99.0.1 | grep -c 'bytes from')" \
        "carrier $(cat /sys/class/net/eth0/carrier) third $(cat /sys/class/net/eth2/address 2>/dev/null)"
    sleep 0.2
done
INIT
cat >"$work/udhcpc" <<'SCRIPT'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev eth0
ip route replace default via "${router%% *}"
echo "T: address $ip"
SCRIPT
chmod +x "$work/udhcpc"
echo "$modules" >"$work/modules"
"$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" $modules
(cd "$work" && printf 'modules\nudhcpc\n' | cpio --quiet -o -H newc -R 0:0) >"$work/more"
cat "$work/base" "$work/more" >"$work/initramfs"

cat >"$work/nat.xml" <<'XML'
<network><name>nat</name><forward mode='nat'/><bridge name='vt0' stp='off'/>
<ip address='10.99.0.1' prefix='24'><dhcp><range start='10.99.0.10' end='10.99.0.50'/></dhcp></ip>
</network>
XML
guest() { # NAME INTERFACES
    cat <<XML
<domain type='qemu'><name>$1</name><memory unit='MiB'>192</memory>
<os><type machine='q35'>hvm</type><kernel>$kernel</kernel><initrd>$work/initramfs</initrd>
<cmdline>console=ttyS0 quiet</cmdline></os>
<devices><serial type='file'><source path='$work/console'/></serial>$2</devices></domain>
XML
}
on_network="<interface type='network'><mac address='52:54:00:00:03:01'/><source network='nat'/>
<filterref filter='clean-traffic'/></interface>"
on_bridge="<interface type='bridge'><mac address='52:54:00:00:03:02'/><source bridge='vt0'/>
<target dev='mine0'/><driver queues='2'/><mtu size='1400'/></interface>"
guest g "$on_network$on_bridge" >"$work/g.xml"
touch "$work/console"
sh define "$work/g.xml" || fail define

# --- what cannot be is refused, and leaves nothing ---
refused "no network with matching name 'nat'" sh start g
sh net-define "$work/nat.xml" || fail net-define
refused "network 'nat' is not active" sh start g
sh net-start nat || fail net-start
other() { # SED-SCRIPT
    sed "s/<name>g</<name>other</; $1" "$work/g.xml" >"$work/other.xml"
    sh create "$work/other.xml"
}
refused "network 'nat' doesn't have a portgroup 'a'" other "s/network='nat'/& portgroup='a'/"
refused "attribute 'floor' of <inbound>" other \
    "s#<target dev='mine0'/>#<bandwidth><inbound average='9' floor='9'/></bandwidth>#"
refused "<vlan> of <interface>" other "s#<target dev='mine0'/>#<vlan><tag id='5'/></vlan>#"
refused "no nwfilter with matching name 'none'" other "s/clean-traffic/none/"
refused "variables.*: DHCPSERVER" other "s/clean-traffic/allow-dhcp-server/"
refused "there is no bridge 'vt7'" other "s/bridge='vt0'/bridge='vt7'/"
refused "interface 'w0' is not a bridge" other "s/bridge='vt0'/bridge='w0'/"
refused "'a%d' is not the name of an interface" other "s/mine0/a%d/"
refused "create tap device w0" other "s/mine0/w0/"
refused "type 'vdpa' is not supported" other "s#type='bridge'#type='vdpa'#; s#bridge='vt0'#dev='w0'#"
if command -v setpriv >/dev/null; then
    refused "CAP_NET_ADMIN.*<interface type='user'>" setpriv --bounding-set=-all "$vmsh" -q \
        -c vemu:///system --root "$work/root" start g
fi
no_link vnet0 >/dev/null 2>&1 || fail "a tap is left"
[ -z "$(nft list tables bridge)" ] || fail "a filter is left"
[ "$(sh list --name | grep -c .)" = 0 ] || fail "a guest is left"

# --- a guest on both ---
sh start g || fail start
sh dumpxml g >"$work/live.xml"
port=$(sh net-port-list nat --uuid)
grep -q "<source network='nat' portid='$port' bridge='vt0'/>" "$work/live.xml" &&
    grep -q "<target dev='vnet0'/>" "$work/live.xml" &&
    grep -q "<target dev='mine0'/>" "$work/live.xml" || fail "$(cat "$work/live.xml")"
sh dumpxml g --inactive | grep -q "vnet0\|network='nat' bridge" && fail "a run is in the definition"
sh dumpxml g --inactive | grep -q portid && fail "a port is in the definition"
sh net-port-dumpxml nat "$port" >"$work/port.xml" || fail net-port-dumpxml
grep -q '<name>g</name>' "$work/port.xml" && grep -q "<mac address='52:54:00:00:03:01'/>" "$work/port.xml" &&
    grep -q "<plug type='network' bridge='vt0'/>" "$work/port.xml" || fail "$(cat "$work/port.xml")"
refused "is of interface 'vnet0' of domain 'g', with which it goes" sh net-port-delete nat "$port"
ports() { [ "$(sh net-port-list nat --uuid | grep -c .)" = "$1" ]; }
[ "$(echo /sys/class/net/vt0/brif/*)" = "$(echo /sys/class/net/vt0/brif/{mine0,vnet0})" ] ||
    fail "not on the bridge: $(echo /sys/class/net/vt0/brif/*)"
ip link show vnet0 | grep -q 'fe:54:00:00:03:01' || fail "the tap's address"
ip link show mine0 | grep -q 'mtu 1400' || fail "the tap's MTU"
ip -d link show mine0 | grep -q multi_queue || fail "one queue: $(ip -d link show mine0)"
ip -d link show vnet0 | grep -q 'persist on' && fail "the tap is persistent"
refused "create tap device mine0" other "s/00:03:0/00:04:0/g"
until_ok 200 says fetched || fail "the guest does not come to an end"
says "address 10.99.0." || fail "no address"
says "52:54:00:00:03:01 mtu 1500" && says "52:54:00:00:03:02 mtu 1400" || fail "the guest's cards"
says "ping 1" || fail "the bridge does not answer"
says "fetched hello" || fail "NAT does not lead out"
sh net-dhcp-leases nat | grep -q '52:54:00:00:03:01' || fail "no lease"
sh domiflist g | grep -q 'vnet0 *network *nat' || fail "$(sh domiflist g)"
sh domifstat g vnet0 | grep -q 'vnet0 rx_packets [1-9]' || fail "no figures: $(sh domifstat g vnet0)"

# --- changes while it runs ---
sh domifaddr g | grep -qE "vnet0 +52:54:00:00:03:01 +ipv4 +10.99.0.[0-9]+/24" ||
    fail "no address by its lease: $(sh domifaddr g)"
sh domifaddr g --source arp --full | grep -qE "vnet0 +52:54:00:00:03:01 +ipv4 +10.99.0.[0-9]+/0" ||
    fail "no address by the neighbours: $(sh domifaddr g --source arp; ip neigh)"
refused "Unknown data source 'else'" sh domifaddr g --source else
last() { tail -n 5 "$work/console" | grep -q "^T: honest $1 spoofed $2 carrier $3 third $4"; }
until_ok 60 last 1 0 1 "" || fail "what is honest is stopped, or what is spoofed is not"
nft list table bridge vmgr_filter_vnet0 | grep -q 'ether saddr 52:54:00:00:03:01 return' ||
    fail "no rules: $(nft list ruleset)"

# a cable that is pulled
sh domif-setlink g vnet0 down >/dev/null || fail "setlink"
sh domif-getlink g vnet0 | grep -qx 'vnet0 down' || fail "$(sh domif-getlink g vnet0)"
until_ok 60 last 0 0 0 "" || fail "the guest does not see it"
sh dumpxml g | grep -q "<target dev='vnet0'/>" || fail "an update forgot the tap"
sh domif-setlink g 52:54:00:00:03:01 up >/dev/null || fail "setlink up"

# limits: what the kernel cannot do is an error that says so, and changes nothing
sh domiftune g vnet0 --inbound 100,200,64 || fail "domiftune"
tc class show dev vnet0 | grep -q 'rate 819200bit ceil 1638Kbit burst 64Kb' ||
    fail "no limit: $(tc class show dev vnet0)"
sh net-port-dumpxml nat "$port" | grep -q "<inbound average='100' peak='200' burst='64'/>" ||
    fail "the port does not know: $(sh net-port-dumpxml nat "$port")"
sh domiftune g vnet0 | grep -q '^inbound.peak *: 200$' || fail "$(sh domiftune g vnet0)"
sh domiftune g 52:54:00:00:03:01 --config | grep -q '^inbound.peak *: 0$' || fail "the definition has it too"
refused "'inbound.floor' of interfaces" sh domiftune g vnet0 --inbound 1,1,1,1
refused "can't find interface 'vnet7'" sh domiftune g vnet7 --inbound 1
if sh domiftune g vnet0 --outbound 300 2>"$work/err"; then
    tc filter show dev vnet0 ingress | grep -q police || fail "nothing polices"
else
    grep -q "cannot limit what is received on (u32 and police)" "$work/err" ||
        fail "outbound: $(cat "$work/err")"
    echo "this kernel cannot police: outbound limits are not tested"
fi
sh domiftune g vnet0 --inbound 0 --outbound 0 || fail "limits away"
tc qdisc show dev vnet0 | grep -q htb && fail "the limit is left"
sh net-port-dumpxml nat "$port" | grep -q bandwidth && fail "the port's limit is left"

# a filter of one's own, changed while it is in use; then none
filter() { # PROTOCOL
    echo "<filter name='mine'><filterref filter='no-mac-spoofing'/>
        <rule action='drop' direction='in'><$1/></rule></filter>" >"$work/filter.xml"
    sh nwfilter-define "$work/filter.xml" >/dev/null
}
rules() { nft list table bridge vmgr_filter_vnet0; }
filter icmp || fail "nwfilter-define"
[ "$(sh nwfilter-binding-list | awk '$2 == "clean-traffic"' | wc -l)" = 1 ] || fail "$(sh nwfilter-binding-list)"
echo "$on_network" | sed "s#clean-traffic#mine#" >"$work/filtered.xml"
sh update-device g "$work/filtered.xml" --live >/dev/null || fail "another filter"
rules | grep -q 'ip protocol icmp drop' || fail "not the new filter: $(rules)"
until_ok 60 last 0 0 1 "" || fail "the new filter lets pass what it should not"
filter igmp && rules | grep -q 'ip protocol igmp drop' || fail "a change did not get through"
until_ok 60 last 1 1 1 "" || fail "the changed filter stops what it should not"
filter nonsense 2>/dev/null && fail "nonsense was defined"
refused "nwfilter is in use" sh nwfilter-undefine mine
refused "introduce a loop" sh nwfilter-define /dev/stdin \
    <<<"<filter name='no-mac-spoofing'><filterref filter='mine'/></filter>"
echo "$on_network" | sed "/filterref/s#<filterref[^>]*>##" >"$work/free.xml"
sh update-device g "$work/free.xml" --live >/dev/null || fail "no filter"
rules >/dev/null 2>&1 && fail "the filter is left"
sh nwfilter-undefine mine >/dev/null || fail "nwfilter-undefine"

# another place, and back
ip link add vt8 type bridge && ip link set vt8 up
sed "s/type='network'/type='bridge'/; s/network='nat'/bridge='vt8'/" "$work/free.xml" >"$work/there.xml"
sh update-device g "$work/there.xml" --live >/dev/null || fail "another bridge"
[ -e /sys/class/net/vt8/brif/vnet0 ] || fail "it did not move"
ports 0 || fail "it is on the network still"
sed "s/'vt8'/'vt7'/" "$work/there.xml" >"$work/nowhere.xml"
refused "there is no bridge 'vt7'" sh update-device g "$work/nowhere.xml" --live
[ -e /sys/class/net/vt8/brif/vnet0 ] || fail "a refused move moved it"
sh update-device g "$work/free.xml" --live >/dev/null || fail "back"
[ -e /sys/class/net/vt0/brif/vnet0 ] || fail "it is not back"
ports 1 || fail "it has no port again"
sed "s#<source#<target dev='new0'/>&#" "$work/free.xml" >"$work/name.xml"
refused "only the link state, source, bandwidth and filter can change" \
    sh update-device g "$work/name.xml" --live

# one that comes while the guest runs, on a network and on nothing
third="<interface type='network'><mac address='52:54:00:00:03:03'/><source network='nat'/><port isolated='yes'/>
<bandwidth><inbound average='50'/></bandwidth><filterref filter='no-mac-spoofing'/></interface>"
echo "$third" >"$work/third.xml"
sh attach-device g "$work/third.xml" --live >/dev/null || fail "attach"
until_ok 120 last 1 1 1 52:54:00:00:03:03 || fail "the guest has no third card"
[ -e /sys/class/net/vt0/brif/vnet1 ] || fail "it is not on the bridge"
ports 2 || fail "the third card has no port: $(sh net-port-list nat)"
sh domiflist g | grep -q 'vnet1 *network *nat' || fail "$(sh domiflist g)"
tc class show dev vnet1 | grep -q 'rate 409600bit' || fail "$(tc class show dev vnet1)"
nft list table bridge vmgr_filter_vnet1 >/dev/null || fail "it has no filter"
isolated() { [ "$(cat "/sys/class/net/$1/brport/isolated")" = "$2" ]; }
isolated vnet1 1 && isolated vnet0 0 || fail "ports of the bridge are not as isolated as they should be"
ports=$(for port in $(sh net-port-list nat --uuid); do sh net-port-dumpxml nat "$port"; done)
[ "$(grep -c "<port isolated='yes'/>" <<<"$ports")" = 1 ] || fail "the network's ports do not show which is isolated"
sed "s#<port isolated='yes'/>##" "$work/third.xml" >"$work/open.xml"
sh update-device g "$work/open.xml" --live >/dev/null && isolated vnet1 0 || fail "the port is isolated still"
sh update-device g "$work/third.xml" --live >/dev/null && isolated vnet1 1 || fail "the port is not isolated again"
moved() { [ "$(cat /sys/class/net/vnet1/statistics/rx_packets)" -gt 0 ]; }
until_ok 60 moved || fail "nothing comes from it"
sed "s/03:03/03:04/; s/filter='no-mac-spoofing'/filter='none'/" "$work/third.xml" >"$work/bad.xml"
refused "no nwfilter" sh attach-device g "$work/bad.xml" --live
no_link vnet2 2>/dev/null || fail "a refused card left its tap"
detached() { no_link vnet1 || { sh detach-device g "$work/third.xml" --live; no_link vnet1; }; }
until_ok 120 detached 2>/dev/null || fail "the third card does not go"
[ -z "$(nft list tables bridge)" ] || fail "its filter is left"
ports 1 || fail "its port is left: $(sh net-port-list nat)"
echo "<interface type='ethernet'><mac address='52:54:00:00:03:05'/><target dev='own0'/></interface>" \
    >"$work/own.xml"
sh attach-device g "$work/own.xml" --live >/dev/null || fail "attach ethernet"
ip link show own0 | grep -q 'master' && fail "it is on a bridge"
ip link show own0 | grep -q ',UP' || fail "it is not up"
# one on a socket of this host
echo "<interface type='server'><mac address='52:54:00:00:03:06'/><source address='127.0.0.1' port='5558'/></interface>" \
    >"$work/server.xml"
listens() { grep -q ' 0100007F:15B6 00000000:0000 0A ' /proc/net/tcp; }
sh attach-device g "$work/server.xml" --live >/dev/null || fail "attach server"
listens || fail "nobody listens: $(cat /proc/net/tcp)"
refused "only the link state can change" sh update-device g /dev/stdin --live <<<"$(sed 's/5558/5559/' "$work/server.xml")"
detached() { ! listens || { sh detach-device g "$work/server.xml" --live; ! listens; }; }
until_ok 120 detached || fail "a detached interface listens on"
echo "$on_bridge" >"$work/bridge.xml"
detached() { # a slow guest is asked again
    no_link mine0 || { sh detach-device g "$work/bridge.xml" --live; no_link mine0; }
}
until_ok 120 detached || fail "a detached tap is left"
ip link show vnet0 >/dev/null || fail "the other went too"

# --- a network that ends leaves guests their taps ---
sh net-destroy nat || fail net-destroy
no_link vt0 >/dev/null 2>&1 || fail "the bridge is left"
ip link show vnet0 >/dev/null && sh domstate g | grep -q running || fail "the guest lost its tap"
sh net-start nat || fail "net-start again"
ports 0 || fail "ports outlive their network"
sh destroy g || fail destroy
until_ok 30 no_link vnet0 || fail "the tap is left"

# --- killed emulators, and callers killed at any moment of a start ---
sh start g || fail "start again"
ip link show vnet0 >/dev/null || fail "no tap"
nft list table bridge vmgr_filter_vnet0 >/dev/null || fail "no filter"
kill -9 "$(pgrep -f "$VMGR_EMULATOR.*guest=g ")"
until_ok 30 no_link vnet0 && until_ok 30 no_link mine0 || fail "the taps of a killed emulator are left"
no_taps() { no_link vnet0 && no_link mine0; }
kill_starters g no_taps
ports 0 || fail "ports are left: $(sh net-port-list nat)"

# --- the distribution's virsh on vmgrd ---
v() { virsh -q -c "qemu:///system?socket=$work/root/run/vmgr/libvirt-sock" "$@"; }
if command -v virsh >/dev/null; then
    "$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
    until_ok 30 v uri || fail "vmgrd does not serve: $(cat "$work/vmgrd.log")"
    v start g >/dev/null || fail "virsh start"
    v domiflist g | grep -q 'vnet0 *network *nat' || fail "virsh domiflist: $(v domiflist g)"
    v domifstat g vnet0 | grep -q rx_packets || fail "virsh domifstat"
    v domiftune g vnet0 --inbound 70 || fail "virsh domiftune"
    v domiftune g vnet0 | grep -q '^inbound.average: 70$' || fail "$(v domiftune g vnet0)"
    if /usr/bin/python3 -c 'import libvirt' 2>/dev/null; then
        /usr/bin/python3 - "qemu:///system?socket=$work/root/run/vmgr/libvirt-sock" <<'PYTHON' || fail "a port's limits"
import libvirt, sys
port, = libvirt.open(sys.argv[1]).networkLookupByName("nat").listAllPorts()
assert port.parameters()["inbound.average"] == 70, port.parameters()
port.setParameters({"inbound.average": 90})
assert port.parameters()["inbound.average"] == 90, port.parameters()
PYTHON
        tc class show dev vnet0 | grep -q 'rate 737280bit' || fail "not the port's: $(tc class show dev vnet0)"
        v domiftune g vnet0 | grep -q '^inbound.average: 90$' || fail "$(v domiftune g vnet0)"
    fi
    leased() { v domifaddr g | grep -q 'vnet0 .*ipv4 .*/24'; }
    until_ok 200 leased || fail "virsh domifaddr: $(v domifaddr g)"
    for what in "nwfilter-list" "nwfilter-dumpxml clean-traffic" "domiftune g vnet0" "domifaddr g" \
        "net-port-list nat"; do
        [ "$(v $what)" = "$(sh $what)" ] || fail "$what: $(v $what) is not $(sh $what)"
    done
    filter icmp
    v nwfilter-define "$work/filter.xml" >/dev/null || fail "virsh nwfilter-define"
    v nwfilter-dumpxml mine | grep -q '<icmp/>' || fail "virsh nwfilter-dumpxml"
    v nwfilter-undefine mine >/dev/null || fail "virsh nwfilter-undefine"
    v attach-interface g network nat --live >/dev/null || fail "virsh attach-interface"
    ip link show vnet1 >/dev/null || fail "no tap by virsh"
    kill -9 $! # the guest does not care
    wait $! 2>/dev/null
    ip link show vnet0 >/dev/null || fail "the tap went with the daemon"
    sh destroy g || fail "destroy after vmgrd"
    until_ok 30 no_link vnet0 || fail "the tap is left after vmgrd"
else
    echo "no virsh: vmgrd is not tested"
fi
[ -z "$(nft list tables bridge)" ] || fail "filters are left: $(nft list ruleset)"
sh net-destroy nat || fail "net-destroy at the end"
echo "guests are on networks"
