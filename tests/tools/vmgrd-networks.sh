# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by tests/integration/networks.sh: the distribution's virsh on vmgrd, a cycle with a network.
# Uses BUILD, work, fail, until_ok, nothing_left; the network is $work/bad.xml, named bad, on vt2.

serve() {
    "$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >>"$work/vmgrd.log" 2>&1 &
    daemon=$!
    until_ok 30 v uri || fail "vmgrd does not serve: $(cat "$work/vmgrd.log")"
}
v() { virsh -q -c "qemu:///system?socket=$work/root/run/vmgr/libvirt-sock" "$@"; }

cycle() {
    serve
    v net-define "$work/bad.xml" || fail "virsh net-define"
    v net-event --event lifecycle --timeout 60 --loop >"$work/events" 2>/dev/null &
    local waiter=$!
    v net-start bad || fail "virsh net-start"
    v net-list --all | grep -Eq '^ bad +active +no +yes' || fail "virsh net-list"
    v net-info bad | grep -Eq '^Bridge: +vt2' || fail "virsh net-info"
    v net-dumpxml bad | grep -q "<mac address='52:54:00:" || fail "virsh net-dumpxml"
    [ "$(v net-name "$(v net-uuid bad)")" = bad ] || fail "virsh net-name"
    v net-update bad add ip-dhcp-host "<host mac='52:54:00:00:09:01' ip='10.97.0.9'/>" \
        --live --config >/dev/null || fail "virsh net-update"
    grep -q 10.97.0.9 "$work/root/run/vmgr/networks/bad.d/hosts" || fail "the server was not told"
    client v1 vt2 52:54:00:00:09:01
    local address
    address=$(dhcp v1)
    [ "$address" = 10.97.0.9 ] || fail "the lease with vmgrd is $address"
    v net-dhcp-leases bad | grep -q 'ipv4 *10.97.0.9/24' || fail "virsh net-dhcp-leases"
    v net-autostart bad && v net-info bad | grep -Eq '^Autostart: +yes' || fail "virsh net-autostart"
    cat >"$work/port.xml" <<'XML'
<networkport><uuid>00000000-0000-4000-8000-0000000000a1</uuid><owner><name>other</name>
<uuid>00000000-0000-4000-8000-0000000000b1</uuid></owner><mac address='52:54:00:00:09:07'/></networkport>
XML
    v net-port-create bad "$work/port.xml" >/dev/null || fail "virsh net-port-create"
    v net-port-create bad "$work/port.xml" 2>&1 | grep -q 'exists already' || fail "the same port twice"
    # a daemon that is killed leaves the network, the next one takes it up
    kill -9 $daemon
    wait $daemon 2>/dev/null
    ip link show vt2 >/dev/null || fail "the network ended with the daemon"
    serve
    v net-list --name | grep -qx bad || fail "the network was not taken up"
    [ "$(v net-port-list bad --uuid)" = 00000000-0000-4000-8000-0000000000a1 ] || fail "its port went with the daemon"
    for what in "net-port-list bad" "net-port-dumpxml bad x" \
        "net-port-dumpxml bad 00000000-0000-4000-8000-0000000000a1"; do
        [ "$(v $what 2>&1)" = "$(sh $what 2>&1)" ] || fail "$what: $(v $what 2>&1) is not $(sh $what 2>&1)"
    done
    # events reach a client, whoever causes them
    kill $waiter 2>/dev/null
    v net-event --event lifecycle --timeout 60 --network bad >"$work/events" &
    waiter=$!
    while kill -0 $waiter 2>/dev/null; do
        sh net-destroy bad >/dev/null 2>&1
        v net-start bad >/dev/null 2>&1
    done
    grep -q "event 'lifecycle' for network bad: St" "$work/events" || fail "no event from vmgrd"
    [ -z "$(v net-port-list bad --uuid)" ] || fail "a port outlives its network"
    v net-port-create bad "$work/port.xml" >/dev/null || fail "virsh net-port-create again"
    v net-port-delete bad 00000000-0000-4000-8000-0000000000a1 >/dev/null || fail "virsh net-port-delete"
    [ -z "$(v net-port-list bad --uuid)" ] || fail "a deleted port is there"
    v net-destroy bad || fail "virsh net-destroy"
    nothing_left bad vt2
    v net-destroy bad 2>&1 | grep -q "network 'bad' is not active" || fail "virsh net-destroy twice"
    v net-undefine bad || fail "virsh net-undefine"
    kill $daemon
    wait $daemon || fail "vmgrd ends badly: $(cat "$work/vmgrd.log")"
}
cycle
