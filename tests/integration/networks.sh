#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Virtual networks with the real dnsmasq and nft, in namespaces of their own (network, processes,
# mounts): a client behind NAT gets an address and a name and reaches a server, one on an isolated
# network does not; changes while it runs; callers killed in the middle; a server killed; nothing is
# left of what ended. The host's own network is never touched.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/namespaces.sh"
[ "${1:-}" = inside ] || enter_namespaces "$0" 150

work=$2
check_namespaces
vmsh=$BUILD/tools/vmsh/vmsh
sh() { "$vmsh" -q -c vemu:///system --root "$work/root" "$@"; }
fail() { echo "FAILED: $*"; ip -br link; nft list ruleset; exit 1; }
# at_rest NAME: nobody is changing it. A killed caller's last child may have the lock for a moment.
at_rest() { sh net-info "$1" && ! grep -q "phase='changing'" "$work/root/run/vmgr/networks/$1.xml"; }
nothing_left() { # NAME BRIDGE
    ! ip link show "$2" >/dev/null 2>&1 || fail "$1: bridge $2 is left"
    ! nft list table inet "vmgr_$2" >/dev/null 2>&1 || fail "$1: rules are left"
    ! pgrep -f "networks/$1.d/dnsmasq.conf" >/dev/null || fail "$1: dnsmasq is left"
    [ ! -e "$work/root/run/vmgr/networks/$1.d" ] || fail "$1: its directory is left"
}
client() { # NAMESPACE BRIDGE MAC: an interface eth0 in it, plugged in
    ip netns add "$1"
    ip link add "t-$1" type veth peer name eth0 address "$3" netns "$1"
    ip link set "t-$1" master "$2" up
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 up
}
cat >"$work/udhcpc" <<'SCRIPT'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev eth0
[ -z "$router" ] || ip route replace default via "${router%% *}"
echo "$ip" >"$OUT"
SCRIPT
chmod +x "$work/udhcpc"
dhcp() { # NAMESPACE
    rm -f "$work/$1.ip"
    OUT=$work/$1.ip ip netns exec "$1" busybox udhcpc -i eth0 -n -q -t 20 -T 1 -s "$work/udhcpc" \
        -x hostname:"$1" >"$work/$1.log" 2>&1
    [ -e "$work/$1.ip" ] || cat "$work/$1.log"
    cat "$work/$1.ip"
}
mkdir -p "$work/root"

# --- the world behind NAT: no route leads back ---
make_world "$work"
get='exec 3<>/dev/tcp/10.50.0.2/80 && printf "GET / HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3'
fetch() { ip netns exec "$1" timeout 5 bash -c "$get"; }
until_ok 20 bash -c "$get" || fail "the server does not serve"

cat >"$work/nat.xml" <<'XML'
<network>
  <name>nat</name><forward mode='nat'/><bridge name='vt0' stp='off'/>
  <domain name='lab.test' localOnly='yes'/>
  <dns>
    <txt name='note' value='a, b'/><srv service='x' protocol='tcp' target='gate.lab.test' port='5'/>
    <host ip='10.99.0.1'><hostname>gate</hostname></host>
  </dns>
  <ip address='10.99.0.1' prefix='24'>
    <dhcp><range start='10.99.0.10' end='10.99.0.50'/></dhcp>
  </ip>
  <ip family='ipv6' address='fd00:99::1' prefix='64'/>
  <route address='10.77.0.0' prefix='16' gateway='10.99.0.77'/>
</network>
XML
sh net-define "$work/nat.xml" || fail define
sh net-start nat || fail start
[ "$(cat /sys/class/net/vt0/address 2>/dev/null || ip -o link show vt0 | grep -o '52:54:[0-9a-f:]*')" ] ||
    fail "the bridge has no address of ours"
ip route | grep -q '10.77.0.0/16 via 10.99.0.77 dev vt0' || fail "no static route"
client c1 vt0 52:54:00:00:01:01
client c2 vt0 52:54:00:00:01:02
a=$(dhcp c1) && b=$(dhcp c2) || fail "no lease"
[ "$a" != "$b" ] && [[ $a == 10.99.0.* && $b == 10.99.0.* ]] || fail "leases $a $b"
ip netns exec c1 busybox ping -c 1 -W 5 "$b" >/dev/null || fail "clients do not see each other"
ip netns exec c1 busybox nslookup gate.lab.test 10.99.0.1 | grep -q 'Address.*10.99.0.1$' ||
    fail "no name"
ip netns exec c1 busybox nslookup c2.lab.test 10.99.0.1 | grep -q "$b" || fail "no name of c2"
[ "$(fetch c1)" = hello ] || fail "NAT does not lead out"
sh net-dhcp-leases nat | grep -q "52:54:00:00:01:01 *ipv4 *$a/24 *c1 " || fail "leases are not shown"
[ "$(sh net-dhcp-leases nat --mac 52:54:00:00:01:02 | wc -l)" = 1 ] || fail "leases by MAC"

# --- changes while it runs: a host by SIGHUP, a range by a new server ---
pid=$(cat "$work/root/run/vmgr/networks/nat.d/pid")
sh net-update nat add ip-dhcp-host \
    "<host mac='52:54:00:00:01:03' name='fixed' ip='10.99.0.99'/>" --live --config >/dev/null ||
    fail "update host"
[ "$(cat "$work/root/run/vmgr/networks/nat.d/pid")" = "$pid" ] || fail "the server was started again"
client c3 vt0 52:54:00:00:01:03
[ "$(dhcp c3)" = 10.99.0.99 ] || fail "the fixed address was not given"
sh net-update nat add dns-host "<host ip='10.99.0.5'><hostname>late</hostname></host>" >/dev/null ||
    fail "update dns"
late() { ip netns exec c1 busybox nslookup late.lab.test 10.99.0.1 | grep -q 10.99.0.5; }
until_ok 20 late || fail "no late name"
sh net-update nat add ip-dhcp-range "<range start='10.99.0.60' end='10.99.0.70'/>" >/dev/null ||
    fail "update range"
[ "$(cat "$work/root/run/vmgr/networks/nat.d/pid")" != "$pid" ] || fail "the server knows no new range"
sh net-dumpxml nat --inactive | grep -q 'fixed' || fail "the definition has no new host"
sh net-dumpxml nat --inactive | grep -q '10.99.0.60' && fail "a live change is in the definition"

# --- the server is killed: the next look starts it again, leases stay ---
kill -9 "$(cat "$work/root/run/vmgr/networks/nat.d/pid")"
serves() { sh net-info nat && pgrep -f networks/nat.d/dnsmasq.conf; }
gone() { ! pgrep -f networks/nat.d/dnsmasq.conf; }
until_ok 30 gone
until_ok 30 serves || fail "no new server"
sh net-dhcp-leases nat | grep -q "52:54:00:00:01:01" || fail "leases were lost"
[ "$(dhcp c1)" = "$a" ] || fail "another address after the server was killed"

# --- isolated: an address, but no way out ---
cat >"$work/iso.xml" <<'XML'
<network><name>iso</name><bridge name='vt1' stp='off'/>
<ip address='10.98.0.1' prefix='24'><dhcp><range start='10.98.0.10' end='10.98.0.50'/></dhcp></ip>
</network>
XML
sh net-create "$work/iso.xml" || fail "create"
client i1 vt1 52:54:00:00:02:01
[[ $(dhcp i1) == 10.98.0.* ]] || fail "no lease on the isolated network"
[ -z "$(ip -n i1 route show default)" ] || fail "an isolated network names a router"
ip -n i1 route add default via 10.98.0.1
fetch i1 >/dev/null 2>&1 && fail "an isolated network leads out"
ip netns exec i1 busybox ping -c 1 -W 1 "$a" >/dev/null && fail "an isolated network leads to another"
sh net-list --transient --name | grep -qx iso || fail "iso is not transient"

# --- starts that fail leave nothing ---
sed "s/iso/bad/; s/vt1/vt2/" "$work/iso.xml" >"$work/bad.xml"
sh net-create "$work/bad.xml" 2>"$work/err" && fail "two networks on one subnet"
grep -q 'already in use by interface vt1' "$work/err" || fail "$(cat "$work/err")"
sed -i "s/10\.98/10.97/g" "$work/bad.xml"
mkdir "$work/bin" && printf '#!/bin/sh\necho no luck >&2\nexit 3\n' >"$work/bin/dnsmasq"
chmod +x "$work/bin/dnsmasq"
PATH=$work/bin:$PATH sh net-create "$work/bad.xml" 2>"$work/err" && fail "a server that fails"
grep -q 'dnsmasq failed with status 3: no luck' "$work/err" || fail "$(cat "$work/err")"
nothing_left bad vt2
mv "$work/bin/dnsmasq" "$work/bin/nft"
PATH=$work/bin:$PATH sh net-create "$work/bad.xml" 2>"$work/err" && fail "rules that fail"
grep -q 'nft failed with status 3: no luck' "$work/err" || fail "$(cat "$work/err")"
rm "$work/bin/nft"
nothing_left bad vt2
if command -v setpriv >/dev/null; then
    setpriv --bounding-set=-all "$vmsh" -q -c vemu:///system --root "$work/root" \
        net-create "$work/bad.xml" 2>"$work/err" && fail "without rights"
    grep -q "CAP_NET_ADMIN.*<interface type='user'>" "$work/err" || fail "$(cat "$work/err")"
fi
limited() { sed "s#<ip #<bandwidth><inbound average='100'$1/></bandwidth><ip #" "$work/bad.xml"; }
limited " floor='1'" >"$work/bw.xml"
sh net-create "$work/bw.xml" 2>"$work/err" && fail "floor"
grep -q "attribute 'floor' of <inbound> is not supported" "$work/err" || fail "$(cat "$work/err")"
limited " peak='200'" >"$work/bw.xml"
sh net-create "$work/bw.xml" || fail "bandwidth"
tc class show dev vt2 | grep -q 'rate 819200bit ceil 1638Kbit' || fail "$(tc class show dev vt2)"
sh net-destroy bad || fail "the limited network does not end"
nothing_left bad vt2

# --- callers killed at any moment of a start and of an end ---
sh net-define "$work/bad.xml" || fail "define bad"
for i in $(seq 1 14); do
    "$vmsh" -q -c vemu:///system --root "$work/root" net-start bad >/dev/null 2>&1 &
    caller=$!
    sleep "0.0$(printf %02d $((i * 7)))"
    kill -9 $caller 2>/dev/null
    wait $caller 2>/dev/null
    until_ok 30 at_rest bad
    if sh net-list --name | grep -qx bad; then
        ip link show vt2 >/dev/null && nft list table inet vmgr_vt2 >/dev/null &&
            pgrep -f networks/bad.d/dnsmasq.conf >/dev/null || fail "half started ($i)"
        "$vmsh" -q -c vemu:///system --root "$work/root" net-destroy bad >/dev/null 2>&1 &
        caller=$!
        sleep "0.00$((i % 10))"
        kill -9 $caller 2>/dev/null
        wait $caller 2>/dev/null
        until_ok 30 at_rest bad
        sh net-list --name | grep -qx bad && { sh net-destroy bad || fail "destroy bad"; }
    fi
    nothing_left bad vt2
done
[ "$(fetch c1)" = hello ] || fail "others were disturbed"

# --- events of another caller's doings ---
sh net-event --event lifecycle --network bad --timeout 60 >"$work/events" &
waiter=$!
while kill -0 $waiter 2>/dev/null; do
    sh net-start bad >/dev/null
    sh net-destroy bad >/dev/null
done
grep -q "event 'lifecycle' for network bad: St" "$work/events" || fail "no event"

# --- unmodified clients through vmgrd ---
sh net-undefine bad || fail "undefine bad"
if command -v virsh >/dev/null; then
    . "$TOP/tests/tools/vmgrd-networks.sh"
else
    echo "no virsh: vmgrd is not tested"
fi

# --- a status that cannot be read now stays; one that says nothing takes all of it down ---
status=$work/root/run/vmgr/networks/nat.xml
mv "$status" "$work/kept.xml" && mkdir "$status"
sh net-list --all >/dev/null
pgrep -f networks/nat.d/dnsmasq.conf >/dev/null || fail "the server was ended"
rmdir "$status" && mv "$work/kept.xml" "$status"
sh net-list --name | grep -qx nat || fail "not active any more"
echo "<networkstatus phase='act" >"$status"
sh net-list --name | grep -qx nat && fail "active with a damaged status"
nothing_left nat vt0
sh net-start nat || fail "start after a damaged status"

# --- all that ended is gone ---
sh net-autostart nat || fail autostart
sh net-list --autostart --name | grep -qx nat || fail "not autostarted"
sh net-destroy iso && nothing_left iso vt1
sh net-list --all --name | grep -qx iso && fail "a transient network stays"
sh net-destroy nat && nothing_left nat vt0
[ -z "$(nft list ruleset)" ] || fail "rules are left"
sh net-undefine nat || fail undefine
[ -z "$(find "$work/root/etc" -name '*.xml*')" ] || fail "definitions are left"
echo "networks work"
