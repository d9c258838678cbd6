#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests right on interfaces of the host (macvtap), in namespaces of their own: packets go both ways; cards
# come and go; networks without a bridge share out their interfaces; whoever is killed, no link is left.
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
make_world "$work"
modprobe -q macvtap 2>/dev/null
ip link add link w0 name check type macvtap 2>/dev/null || { echo "this kernel has no macvtap"; exit 77; }
[ -c "/dev/tap$(cat /sys/class/net/check/ifindex)" ] || { echo "no devtmpfs on /dev"; exit 77; }
ip link del check
prepare_guests virtio_pci virtio_net
uri="qemu:///system?socket=$work/root/run/vmgr/libvirt-sock"
fail() { echo "FAILED: $*"; ip -br link; tail -n 20 "$work/console" "$work"/root/log/vmgr/*; exit 1; }
says() { grep -q "^T: $1" "$work/console"; }
no_link() { ! ip link show "$1" 2>/dev/null; }
nothing_left() { # macvtap links and records
    [ -z "$(ip -o link show type macvtap)" ] && [ -z "$(ls "$work/root/run/vmgr/macvtap" 2>/dev/null)" ]
}
queues() { readlink "/proc/$(emulator_of "$1")"/fd/* | grep -c "^/dev/tap$(cat "/sys/class/net/$2/ifindex")\$"; }
mac_of() { cat "/sys/class/net/$1/address"; }
ip -n world addr add 10.50.0.3/24 dev w1
for n in 1 2; do # more interfaces of the host, with their other ends outside
    ip link add "e$n" type veth peer name "f$n" netns world
    ip -n world addr add "10.6$n.0.2/24" dev "f$n" && ip -n world link set "f$n" up
done

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
ip link set lo up
ip link set eth0 up && ip addr add 10.50.0.77/24 dev eth0
echo "T: card $(cat /sys/class/net/eth0/address) mtu $(cat /sys/class/net/eth0/mtu)" \
    "queues $(ls -d /sys/class/net/eth0/queues/rx-* | wc -l)"
while :; do
    other=$(ls -d /sys/class/net/eth[1-9] 2>/dev/null | head -n 1)
    [ -z "$other" ] || { ip link set "${other##*/}" up; ip addr add 10.61.0.77/24 dev "${other##*/}" 2>/dev/null; }
    echo "T: first $(ping -c 1 -W 1 10.50.0.2 | grep -c 'bytes from')" \
        "second $(ping -c 1 -W 1 10.61.0.2 | grep -c 'bytes from')" \
        "carrier $(cat /sys/class/net/eth0/carrier)"
    sleep 0.2
done
INIT
echo "$modules" >"$work/modules"
"$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" $modules
(cd "$work" && echo modules | cpio --quiet -o -H newc -R 0:0) >"$work/more"
cat "$work/base" "$work/more" >"$work/initramfs"
guest() { # NAME INTERFACES
    cat <<XML
<domain type='qemu'><name>$1</name><memory unit='MiB'>192</memory><vcpu>2</vcpu>
<os><type machine='q35'>hvm</type><kernel>$kernel</kernel><initrd>$work/initramfs</initrd>
<cmdline>console=ttyS0 quiet</cmdline></os>
<devices><serial type='file'><source path='$work/console-$1'/></serial>$2</devices></domain>
XML
}
card() { # MAC DEV MODE [MORE]
    echo "<interface type='direct'><mac address='52:54:00:00:05:$1'/><source dev='$2' mode='$3'/>${4:-}</interface>"
}
ln -s console-g "$work/console"
touch "$work/console-g"
guest g "$(card 01 w0 bridge "<driver name='qemu' queues='2'><host ufo='off'/></driver><mtu size='1400'/>")" >"$work/g.xml"
sh define "$work/g.xml" || fail define

# --- what cannot be is refused, and leaves nothing ---
other() { # INTERFACE
    guest other "$1" >"$work/other.xml"
    sh create "$work/other.xml"
}
refused "Unable to get index for interface w7: No such device" other "$(card 02 w7 bridge)"
refused "Invalid value for attribute 'mode' in element 'source': 'zork'" other "$(card 02 w0 zork)"
refused "'a%d' is not the name of an interface" other "$(card 02 w0 bridge "<target dev='a%d'/>")"
refused "Unable to create macvtap device e1: File exists" other "$(card 02 w0 bridge "<target dev='e1'/>")"
refused "interface 52:54:00:00:05:02 - filterref is not supported for network interfaces of type direct" \
    other "$(card 02 w0 bridge "<filterref filter='clean-traffic'/>")"
refused "<virtualport> of <interface>" \
    other "$(card 02 w0 vepa "<virtualport type='802.1Qbh'><parameters profileid='x'/></virtualport>")"
refused "<vlan> of <interface>" other "$(card 02 w0 vepa "<vlan><tag id='5'/></vlan>")"
refused "cannot set interface 'macvtap0' up" other "$(card 02 w0 bridge "<mtu size='9000'/>")"
if command -v setpriv >/dev/null; then
    refused "host interface 'w0' takes the capability CAP_NET_ADMIN" setpriv --bounding-set=-all "$vmsh" \
        -q -c vemu:///system --root "$work/root" start g
fi
nothing_left || fail "a refused start left something"

# --- a guest ---
sh start g || fail start
sh dumpxml g >"$work/live.xml"
grep -q "<interface type='direct'>" "$work/live.xml" && grep -q "<target dev='macvtap0'/>" "$work/live.xml" &&
    grep -q "<source dev='w0' mode='bridge'/>" "$work/live.xml" || fail "$(cat "$work/live.xml")"
sh dumpxml g --inactive | grep -q macvtap0 && fail "a run is in the definition"
ip -d link show macvtap0 | grep -q 'macvtap mode bridge' || fail "$(ip -d link show macvtap0)"
[ "$(mac_of macvtap0)" = 52:54:00:00:05:01 ] || fail "not the guest's address"
ip link show macvtap0 | grep -q 'mtu 1400' || fail "the link's MTU"
sh domiflist g | grep -q 'macvtap0 *direct *w0' || fail "$(sh domiflist g)"
last() { tail -n 3 "$work/console" | grep -q "^T: first $1 second $2 carrier $3"; }
until_ok 120 last 1 0 1 || fail "nothing comes through"
says "card 52:54:00:00:05:01 mtu 1400 queues 2" || fail "the guest's card"
ip netns exec world busybox ping -q -c 1 -W 10 10.50.0.77 >/dev/null || fail "the guest does not answer"
# what the guest receives is counted as received: datagrams that nobody answers at length
for _ in $(seq 40); do
    ip netns exec world bash -c 'head -c 1300 /dev/zero >/dev/udp/10.50.0.77/9'
done
sh domifstat g macvtap0 |
    awk '$2 == "rx_bytes" { rx = $3 } $2 == "tx_bytes" { tx = $3 } END { exit !(rx - tx > 20000) }' ||
    fail "figures: $(sh domifstat g macvtap0)"

# limits: what the guest sends goes out of the link
if sh domiftune g macvtap0 --outbound 100,200,64; then
    tc class show dev macvtap0 | grep -q 'rate 819200bit ceil 1638Kbit' || fail "$(tc class show dev macvtap0)"
    sh domiftune g macvtap0 --outbound 0 || fail "no limits"
    tc class show dev macvtap0 | grep -q htb && fail "the limit is left"
fi
sh domif-setlink g macvtap0 down >/dev/null || fail setlink
until_ok 60 last 0 0 0 || fail "the cable is in"
sh domif-setlink g macvtap0 up >/dev/null || fail "setlink up"
card 01 w0 vepa "<driver name='qemu' queues='2'><host ufo='off'/></driver><mtu size='1400'/>" >"$work/vepa.xml"
refused "only the link state and bandwidth can change" sh update-device g "$work/vepa.xml" --live
refused "only the link state and bandwidth can change" sh update-device g /dev/stdin --live \
    <<<"<interface type='bridge'><mac address='52:54:00:00:05:01'/><source bridge='b'/><mtu size='1400'/></interface>"

# one that comes while the guest runs, and goes; the interface under it was down
sh attach-interface g direct e1 --source-mode private --mac 52:54:00:00:05:11 --live >/dev/null ||
    fail attach-interface
ip -d link show macvtap1 | grep -q 'macvtap mode private' || fail "$(ip -d link show macvtap1)"
until_ok 120 last 1 1 1 || fail "nothing comes through the second card"
card 12 e7 bridge >"$work/bad.xml"
refused "interface e7" sh attach-device g "$work/bad.xml" --live
no_link macvtap2 || fail "a refused card left its link"
card 13 w0 bridge "<target dev='macvtap0'/>" >"$work/bad.xml"
refused "the guest has an interface 'macvtap0' on the host already" sh attach-device g "$work/bad.xml" --live
card 13 w0 bridge "<target dev='e2'/>" >"$work/bad.xml"
refused "Unable to create macvtap device e2: File exists" sh attach-device g "$work/bad.xml" --live
ip link show macvtap0 >/dev/null && ip link show e2 >/dev/null || fail "a refused card took another's link"
detached() { no_link macvtap1 || { sh detach-interface g direct --mac 52:54:00:00:05:11 --live; no_link macvtap1; }; }
until_ok 120 detached || fail "the second card does not go"
ip link show macvtap0 >/dev/null || fail "the first went too"
[ "$(ls "$work/root/run/vmgr/macvtap")" = macvtap0.xml ] || fail "records: $(ls "$work/root/run/vmgr/macvtap")"

# --- a network that has no bridge: the interface with the fewest guests; one's own name ---
network() { # NAME MODE DEV...
    local name=$1 mode=$2
    shift 2
    echo "<network><name>$name</name><forward mode='$mode'>$(printf "<interface dev='%s'/>" "$@")</forward></network>"
}
network pool bridge e1 e2 >"$work/pool.xml"
network alone passthrough e2 >"$work/alone.xml"
sh net-define "$work/pool.xml" >/dev/null && sh net-define "$work/alone.xml" >/dev/null || fail net-define
on() { # NETWORK MAC [MORE]
    echo "<interface type='network'><mac address='52:54:00:00:05:$2'/><source network='$1'/>${3:-}</interface>"
}
on pool 21 >"$work/21.xml"
on pool 22 "<target dev='mine0'/><driver queues='2'/>" >"$work/22.xml"
refused "network 'pool' is not active" sh attach-device g "$work/21.xml" --live
sh net-start pool >/dev/null && sh net-start alone >/dev/null || fail net-start
sh attach-device g "$work/21.xml" --live >/dev/null && sh attach-device g "$work/22.xml" --live >/dev/null ||
    fail "attach to a network"
sh dumpxml g >"$work/live.xml"
grep -q "<source network='pool' portid='[-0-9a-f]*' dev='e1' mode='bridge'/>" "$work/live.xml" &&
    grep -q "<source network='pool' portid='[-0-9a-f]*' dev='e2' mode='bridge'/>" "$work/live.xml" &&
    grep -q "<target dev='mine0'/>" "$work/live.xml" || fail "$(cat "$work/live.xml")"
sh net-dumpxml pool >"$work/pool-live.xml"
grep -q "<network connections='2'>" "$work/pool-live.xml" &&
    grep -q "<interface dev='e2' connections='1'/>" "$work/pool-live.xml" || fail "$(cat "$work/pool-live.xml")"
sh net-dumpxml pool --inactive | grep -q connections && fail "a run is in the network's definition"
[ "$(queues g mine0)" = 2 ] && [ "$(queues g macvtap1)" = 1 ] || fail "queues: $(queues g mine0) of mine0"
port=$(sh net-port-list pool --uuid | head -n 1)
sh net-port-dumpxml pool "$port" | grep -q "<plug type='direct' dev='e[12]' mode='bridge'/>" ||
    fail "$(sh net-port-dumpxml pool "$port")"
sh domif-setlink g mine0 down >/dev/null || fail "setlink on a network"
sh dumpxml g | grep -q "dev='e2' mode='bridge'" || fail "an update forgot the interface: $(sh dumpxml g)"
on pool 23 "<filterref filter='clean-traffic'/>" >"$work/23.xml"
refused "filterref is not supported" sh attach-device g "$work/23.xml" --live
sh destroy g || fail destroy
until_ok 30 nothing_left || fail "links are left"
[ -z "$(sh net-port-list pool --uuid)" ] || fail "ports are left"

# --- one's own: the address of the interface is the guest's, and then again its own ---
address=$(mac_of e2)
guest one "$(on alone 31)" >"$work/one.xml"
sh create "$work/one.xml" >/dev/null || fail create
[ "$(mac_of e2)" = 52:54:00:00:05:31 ] && [ "$(mac_of macvtap0)" = 52:54:00:00:05:31 ] || fail "addresses"
refused "network 'alone' requires exclusive access to interfaces, but none are available" other "$(on alone 32)"
sh dumpxml one >"$work/live.xml"
sh destroy one || fail "destroy one"
sed -i "s/dev='e2'/dev='e1'/" "$work/live.xml" # a document of a run is one of its network
sh create "$work/live.xml" >/dev/null || fail "create from a run's document: $(cat "$work/live.xml")"
[ "$(mac_of e2)" = 52:54:00:00:05:31 ] && [ "$(sh net-port-list alone --uuid | grep -c .)" = 1 ] ||
    fail "$(sh dumpxml one)"
sh destroy one || fail "destroy one again"
[ "$(mac_of e2)" = "$address" ] || fail "the interface has not its address again"
nothing_left || fail "links are left of a transient guest"

# --- killed emulators, and callers killed at any moment ---
sh start g || fail "start again"
kill -9 "$(emulator_of g)"
off() { sh domstate g | grep -q 'shut off'; }
until_ok 30 off || fail "a killed emulator's guest is not off"
nothing_left || fail "links of a killed emulator are left"
kill_starters g nothing_left
sh start g || fail "start for hot-plug"
for i in 0 1 2 4; do # what a killed caller was about to give the guest came, or it did not
    "$vmsh" -q -c vemu:///system --root "$work/root" attach-device g "$work/21.xml" --live >/dev/null 2>&1 &
    caller=$!
    sleep "0.0$((i * 13 % 100))"
    kill -9 $caller 2>/dev/null
    wait $caller 2>/dev/null
    sh domif-setlink g macvtap0 up >/dev/null || fail "a change ($i)"
    [ "$(sh dumpxml g | grep -c "<target dev='macvtap")" = "$(ip -o link show type macvtap | wc -l)" ] ||
        fail "links that nobody knows ($i): $(sh domiflist g)"
    gone() { sh domiflist g | grep -q 05:21 || return 0; sh detach-device g "$work/21.xml" --live; false; }
    until_ok 120 gone || fail "it does not go ($i)"
done
sh destroy g || fail "destroy after hot-plug"
nothing_left || fail "links are left after hot-plug"

# --- the distribution's virsh on vmgrd, which is killed; the guest ends before it is back ---
v() { virsh -q -c "$uri" "$@"; }
serve() {
    "$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
    daemon=$!
    until_ok 30 v uri || fail "vmgrd does not serve: $(cat "$work/vmgrd.log")"
}
if command -v virsh >/dev/null; then
    serve
    v start g >/dev/null || fail "virsh start"
    v domiflist g | grep -q 'macvtap0 *direct *w0' || fail "virsh domiflist: $(v domiflist g)"
    v attach-interface g direct e1 --live >/dev/null || fail "virsh attach-interface"
    ip -d link show macvtap1 | grep -q 'macvtap mode vepa' || fail "no link by virsh"
    kill -9 "$daemon"
    wait "$daemon" 2>/dev/null
    ip link show macvtap1 >/dev/null || fail "a link went with the daemon"
    kill -9 "$(emulator_of g)"
    serve
    until_ok 30 nothing_left || fail "links are left after vmgrd"
    v start g >/dev/null || fail "virsh start again"
    kill -9 "$(emulator_of g)"
    until_ok 30 nothing_left || fail "vmgrd leaves links of a killed emulator"
    kill "$daemon"
else
    echo "no virsh: vmgrd is not tested"
fi
echo "guests are right on interfaces"
