# SPDX-License-Identifier: LGPL-2.1-or-later
# For tests that change a host's interfaces, in namespaces of their own: three cards (e0 to e2, whose other
# ends are w0 to w2), vmsh with a root of its own, and "ip" as the judge. Needs namespaces.sh; sets vmsh.
# shellcheck shell=bash

# prepare_links WORK: to be called inside; ends the test with 77 where this cannot be had.
prepare_links() {
    work=$1
    check_namespaces
    mount -t sysfs sysfs /sys || { echo "cannot mount sysfs"; exit 77; }
    ip link set lo up
    vmsh=$BUILD/tools/vmsh/vmsh
    mkdir -p "$work/root"
    local n
    for n in 0 1 2; do
        ip link add e$n type veth peer name w$n && ip link set w$n up || { echo "no veth here"; exit 77; }
    done
}
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
