#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Bindings of network filters made by hand, in namespaces of their own: rules are in force on an
# interface that is no guest's, follow redefined filters, outlive vmgrd, and go without a trace; virsh
# on vmgrd sees the same.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/namespaces.sh"
. "$TOP/tests/lib/sockets.sh"
[ "${1:-}" = inside ] || enter_namespaces "$0" 150 virsh

work=$2
check_namespaces
ip link set lo up
vmsh=$BUILD/tools/vmsh/vmsh
sh() { "$vmsh" -q -c vemu:///system --root "$work/root" "$@"; }
fail() { echo "FAILED: $*"; nft list ruleset; cat "$work/err" 2>/dev/null; exit 1; }
refused() { # WORDS COMMAND...
    local words=$1
    shift
    "$@" 2>"$work/err" && fail "not refused: $*"
    grep -q "$words" "$work/err" || fail "$* does not say '$words'"
    [ -z "$(nft list tables bridge)" ] || fail "a refused binding left rules"
}
mkdir -p "$work/root"

# --- two clients on a bridge ---
ip link add hb0 type bridge && ip link set hb0 up || fail "no bridge"
for n in 1 2; do
    ip netns add c$n
    ip link add p$n type veth peer name eth0 address 52:54:00:00:0$n:01 netns c$n
    ip link set p$n master hb0 up
    ip -n c$n addr add 10.44.0.$n/24 dev eth0
    ip -n c$n link set eth0 up
done
reaches() { ip netns exec c1 ping -c 1 -W 1 10.44.0.2 >/dev/null 2>&1; }
cut_off() { ! reaches; }
command -v ping >/dev/null || reaches() { ip netns exec c1 busybox ping -c 1 -W 1 10.44.0.2 >/dev/null; }
until_ok 20 reaches || fail "the clients do not see each other"

binding() { # PORT FILTER [REST]
    cat <<XML
<filterbinding><owner><name>hand</name><uuid>12ac8b8c-4f23-4248-ae42-fdcd50c400fd</uuid></owner>
<portdev name='$1'/><mac address='52:54:00:00:01:01'/><filterref filter='$2'>${3:-}</filterref></filterbinding>
XML
}
filter() { # ICMP-ACTION
    cat <<XML >"$work/filter.xml"
<filter name='mine'><rule action='$1' direction='inout' priority='100'><icmp/></rule></filter>
XML
    sh nwfilter-define "$work/filter.xml"
}
filter drop || fail "nwfilter-define"

# --- what cannot be is refused, and leaves nothing ---
binding p9 mine >"$work/b.xml"
refused "Unable to get index for interface p9: No such device" sh nwfilter-binding-create "$work/b.xml"
binding p1 none >"$work/b.xml"
refused "'none'" sh nwfilter-binding-create "$work/b.xml"
refused "no nwfilter binding for port dev 'p1'" sh nwfilter-binding-dumpxml p1
mkdir "$work/bin" && printf '#!/bin/sh\necho no luck >&2\nexit 3\n' >"$work/bin/nft" && chmod +x "$work/bin/nft"
binding p1 mine >"$work/b.xml"
PATH=$work/bin:$PATH refused "nft failed with status 3: no luck" sh nwfilter-binding-create "$work/b.xml"
[ -z "$(sh nwfilter-binding-list)" ] || fail "a failed binding is listed"

# --- in force, and with what the filter becomes ---
sh nwfilter-binding-create "$work/b.xml" || fail "create"
until_ok 10 cut_off || fail "the filter is not in force"
sh nwfilter-binding-create "$work/b.xml" 2>"$work/err" && fail "bound twice"
grep -q "operation failed: binding 'p1' already exists" "$work/err" || fail "bound twice"
sh nwfilter-undefine mine 2>"$work/err" && fail "a bound filter is undefined"
grep -q "nwfilter is in use" "$work/err" || fail "undefine"
filter accept || fail "redefine"
until_ok 10 reaches || fail "the redefined filter is not in force"
filter drop || fail "redefine again"

# --- vmgrd, killed and started again: the same for virsh ---
serve() {
    "$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
    vmgrd=$!
    until_ok 60 listens "$work/root/run/vmgr/libvirt-sock" || fail "vmgrd: $(cat "$work/vmgrd.log")"
}
theirs() { virsh -c "qemu:///system?socket=$work/root/run/vmgr/libvirt-sock" "$@"; }
ours() { "$vmsh" -c vemu:///system --root "$work/root" "$@"; }
remote() { "$vmsh" -c "vemu+unix:///system?socket=$work/root/run/vmgr/libvirt-sock" "$@"; }
same() { # COMMAND...
    ours "$@" >"$work/one" 2>&1
    theirs "$@" >"$work/other" 2>&1
    diff "$work/one" "$work/other" || fail "virsh shows something else: $*"
    remote "$@" >"$work/other" 2>&1
    diff "$work/one" "$work/other" || fail "vmgrd shows something else: $*"
}
serve
binding p2 allow-arp "<parameter name='Z' value='1'/><parameter name='A' value='2'/>" >"$work/b2.xml"
theirs -q nwfilter-binding-create "$work/b2.xml" || fail "virsh nwfilter-binding-create"
for end in once killed; do
    same nwfilter-binding-list
    for port in p1 p2 p3; do same nwfilter-binding-dumpxml $port; done
    # virsh 9.0 has the option and shows everything
    [ "$(ours nwfilter-binding-dumpxml p2 --xpath '//mac')" = '<mac address="52:54:00:00:01:01"/>' ] ||
        fail "$(ours nwfilter-binding-dumpxml p2 --xpath '//mac')"
    same nwfilter-binding-delete p3
    same nwfilter-binding-create "$work/b.xml"
    same nwfilter-binding-create "$work/nothing"
    reaches && fail "the binding is gone ($end)"
    [ $end = killed ] || { kill -9 "$vmgrd"; wait "$vmgrd" 2>/dev/null; serve; }
done
sh nwfilter-binding-dumpxml p2 | grep -A3 "filterref filter='allow-arp'" | tr -d ' \n' | grep -q \
    "<parametername='A'value='2'/><parametername='MAC'value='52:54:00:00:01:01'/><parametername='Z'" ||
    fail "$(sh nwfilter-binding-dumpxml p2)"
[ "$(sh nwfilter-binding-list | tr -s ' \n' ' ')" = " p1 mine p2 allow-arp " ] ||
    fail "$(sh nwfilter-binding-list)"

# --- what nft does not take away stays, and is said to ---
PATH=$work/bin:$PATH sh nwfilter-binding-delete p1 2>"$work/err" && fail "deleted without nft"
grep -q "nft failed with status 3: no luck" "$work/err" || fail "what nft says is not told"
[ "$(sh nwfilter-binding-list | tr -s ' \n' ' ')" = " p1 mine p2 allow-arp " ] || fail "p1 is forgotten"
reaches && fail "p1 has no rules"

# --- nothing is left ---
remote -q nwfilter-binding-delete p1 || fail "vmsh on vmgrd nwfilter-binding-delete"
until_ok 10 reaches || fail "rules are in force after the binding went"
sh nwfilter-binding-delete p2 || fail "delete"
[ -z "$(nft list tables bridge)" ] || fail "rules are left"
[ -z "$(ls "$work/root/run/vmgr/nwfilter")" ] || fail "files are left"
sh nwfilter-undefine mine || fail "undefine"
kill "$vmgrd"
echo passed
