#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests on virtual networks and bridges, in namespaces of their own: a guest gets its address by DHCP,
# reaches its bridge and, through NAT, a server; its tap goes with it, or when it is detached, whoever
# is killed; what cannot be is refused by name; virsh on vmgrd sees the same. The host's own network is
# never touched.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/namespaces.sh"
kernel=$(find_kernel)
if [ "${1:-}" != inside ]; then
    [ -c /dev/net/tun ] || { echo "no /dev/net/tun"; exit 77; }
    [ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
    enter_namespaces "$0" 280 cpio
fi

work=$2
check_namespaces
mount -t sysfs none /sys || { echo "no /sys of these namespaces"; exit 77; }
ip tuntap add check mode tap && ip link del check || { echo "no taps here"; exit 77; }
modules=$(find_modules "$kernel" virtio_pci virtio_net)
[ -n "$modules" ] || { echo "no modules for $kernel"; exit 77; }
vmsh=$BUILD/tools/vmsh/vmsh
export VMGR_EMULATOR=$BUILD/tools/vemu/vemu
sh() { "$vmsh" -q -c vemu:///system --root "$work/root" "$@"; }
fail() { echo "FAILED: $*"; ip -br link; tail -n 20 "$work/console" "$work"/root/log/vmgr/*; exit 1; }
refused() { # MESSAGE COMMAND...
    local message=$1; shift
    "$@" 2>"$work/err" && fail "not refused: $*"
    grep -q -e "$message" "$work/err" || fail "another error: $(cat "$work/err")"
}
says() { grep -q "^T: $1" "$work/console"; }
no_link() { ! ip link show "$1"; }
mkdir -p "$work/root"
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
echo "T: ping $(ping -c 1 -W 20 10.99.0.1 | grep -c ' from ')"
echo "T: fetched $(wget -q -O - http://10.50.0.2/)"
while :; do
    [ -e /sys/class/net/eth1 ] || { echo "T: eth1 is gone"; break; }
    sleep 0.1
done
sleep 100000
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
on_network="<interface type='network'><mac address='52:54:00:00:03:01'/><source network='nat'/></interface>"
on_bridge="<interface type='bridge'><mac address='52:54:00:00:03:02'/><source bridge='vt0'/>
<target dev='mine0'/><mtu size='1400'/></interface>"
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
refused "attribute 'portgroup' of <source>" other "s/network='nat'/& portgroup='a'/"
refused "<bandwidth> of <interface>" other "s#<target dev='mine0'/>#<bandwidth/>#"
refused "there is no bridge 'vt7'" other "s/bridge='vt0'/bridge='vt7'/"
refused "interface 'w0' is not a bridge" other "s/bridge='vt0'/bridge='w0'/"
refused "'a%d' is not the name of an interface" other "s/mine0/a%d/"
refused "create tap device w0" other "s/mine0/w0/"
refused "type 'direct' is not supported" other "s#type='bridge'#type='direct'#; s#bridge='vt0'#dev='w0'#"
if command -v setpriv >/dev/null; then
    refused "CAP_NET_ADMIN.*<interface type='user'>" setpriv --bounding-set=-all "$vmsh" -q \
        -c vemu:///system --root "$work/root" start g
fi
no_link vnet0 >/dev/null 2>&1 || fail "a tap is left"
[ "$(sh list --name | grep -c .)" = 0 ] || fail "a guest is left"

# --- a guest on both ---
sh start g || fail start
sh dumpxml g >"$work/live.xml"
grep -q "<source network='nat' bridge='vt0'/>" "$work/live.xml" &&
    grep -q "<target dev='vnet0'/>" "$work/live.xml" &&
    grep -q "<target dev='mine0'/>" "$work/live.xml" || fail "$(cat "$work/live.xml")"
sh dumpxml g --inactive | grep -q "vnet0\|network='nat' bridge" && fail "a run is in the definition"
[ "$(echo /sys/class/net/vt0/brif/*)" = "$(echo /sys/class/net/vt0/brif/{mine0,vnet0})" ] ||
    fail "not on the bridge"
ip link show vnet0 | grep -q 'fe:54:00:00:03:01' || fail "the tap's address"
ip link show mine0 | grep -q 'mtu 1400' || fail "the tap's MTU"
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
new="<interface type='network'><source network='nat'/></interface>"
echo "$new" >"$work/new.xml"
refused "live attach of an interface of type 'network' is not supported" \
    sh attach-device g "$work/new.xml" --live
echo "$on_network" | sed "s#</interface>#<link state='down'/>&#" >"$work/down.xml"
sh update-device g "$work/down.xml" --live || fail "link"
sh dumpxml g | grep -q "<target dev='vnet0'/>" || fail "an update forgot the tap"
sed "s/'nat'/'else'/" "$work/down.xml" >"$work/else.xml"
refused "only the link state can change" sh update-device g "$work/else.xml" --live
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
sh destroy g || fail destroy
until_ok 30 no_link vnet0 || fail "the tap is left"

# --- killed emulators, and callers killed at any moment of a start ---
sh start g || fail "start again"
ip link show vnet0 >/dev/null || fail "no tap"
kill -9 "$(pgrep -f "$VMGR_EMULATOR.*guest=g ")"
until_ok 30 no_link vnet0 && until_ok 30 no_link mine0 || fail "the taps of a killed emulator are left"
at_rest() { sh domstate g | grep -qE 'shut off|running'; }
for i in 1 3 5 7; do
    "$vmsh" -q -c vemu:///system --root "$work/root" start g >/dev/null 2>&1 &
    caller=$!
    sleep "0.0$((i * 12 % 100))"
    kill -9 $caller 2>/dev/null
    wait $caller 2>/dev/null
    until_ok 30 at_rest || fail "not at rest"
    sh domstate g | grep -q running && { sh destroy g || fail "destroy ($i)"; }
    until_ok 30 no_link vnet0 && until_ok 30 no_link mine0 || fail "taps are left ($i)"
done

# --- the distribution's virsh on vmgrd ---
v() { virsh -q -c "qemu:///system?socket=$work/root/run/vmgr/libvirt-sock" "$@"; }
if command -v virsh >/dev/null; then
    "$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
    until_ok 30 v uri || fail "vmgrd does not serve: $(cat "$work/vmgrd.log")"
    v start g >/dev/null || fail "virsh start"
    v domiflist g | grep -q 'vnet0 *network *nat' || fail "virsh domiflist: $(v domiflist g)"
    v domifstat g vnet0 | grep -q rx_packets || fail "virsh domifstat"
    kill -9 $! # the guest does not care
    wait $! 2>/dev/null
    ip link show vnet0 >/dev/null || fail "the tap went with the daemon"
    sh destroy g || fail "destroy after vmgrd"
    until_ok 30 no_link vnet0 || fail "the tap is left after vmgrd"
else
    echo "no virsh: vmgrd is not tested"
fi
sh net-destroy nat || fail "net-destroy at the end"
echo "guests are on networks"
