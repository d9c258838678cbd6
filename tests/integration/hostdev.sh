#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Devices of this host, in namespaces of its own (network, mounts): vmsh and virsh on vmgrd show the
# same, libvirtd shows the same byte for byte where it is installed, and a network device that comes
# and goes is told to both.
set -u
export PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || { echo "needs root, for namespaces"; exit 77; }
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
if [ "${1:-}" != inside ]; then
    unshare -nm true 2>/dev/null || { echo "no namespaces here"; exit 77; }
    exec unshare -nm --propagation private bash "$0" inside
fi
mount -t sysfs sysfs /sys || { echo "cannot mount sysfs"; exit 77; }
mount -t tmpfs tmpfs /run
ip tuntap add hdtest0 mode tap 2>/dev/null || { echo "no tap devices here"; exit 77; }
ip tuntap del hdtest0 mode tap

ip link add hdbr0 type bridge && ip link add hdv0 type veth peer name hdv1 &&
    ip link set hdv0 master hdbr0 up && ip link set hdbr0 up || { echo "no bridges here"; exit 77; }

. "$TOP/tests/lib/sockets.sh"
work=$(mktemp -d /tmp/hostdev-XXXXXX)
started=()
end() {
    [ ${#started[@]} = 0 ] || kill "${started[@]}" 2>/dev/null
    wait
    rm -rf "$work"
}
trap end EXIT
fail() { echo "FAILED: $*"; exit 1; }
until_ok() { # SECONDS COMMAND...: until it succeeds
    local left=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $((left -= 1)) -gt 0 ] || return 1
        sleep 0.1
    done
}
mkdir "$work/root"
ours() { "$BUILD/tools/vmsh/vmsh" -q -c vemu:///system --root "$work/root" "$@"; }
"$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
started+=($!)
socket=$work/root/run/vmgr/libvirt-sock
until_ok 60 listens "$socket" || fail "vmgrd does not serve: $(cat "$work/vmgrd.log")"
theirs() { virsh -q -c "qemu:///system?socket=$socket" "$@"; }

same() { # WHAT ONE OTHER
    diff "$2" "$3" || fail "$1 differs"
}
record() { # DIRECTORY COMMAND: all it shows of the devices
    mkdir "$1"
    "$2" nodedev-list >"$1/list" || fail "$2 nodedev-list"
    "$2" nodedev-list --tree >"$1/tree"
    for cap in pci net storage system scsi; do "$2" nodedev-list --cap $cap >"$1/cap-$cap"; done
    while read -r name; do
        [ -n "$name" ] || continue
        "$2" nodedev-dumpxml "$name" >"$1/$name.xml" || fail "$2 nodedev-dumpxml $name"
        "$2" nodedev-info "$name" >"$1/$name.info" || fail "$2 nodedev-info $name"
    done <"$1/list"
    "$2" iface-list --all >"$1/interfaces" || fail "$2 iface-list"
    for name in lo hdbr0 hdbr0.x nope; do
        "$2" iface-dumpxml $name >"$1/iface-$name" 2>&1
        "$2" iface-mac $name >>"$1/iface-$name" 2>&1
    done
    "$2" iface-name 00:00:00:00:00:00 >>"$1/iface-lo" 2>&1
    "$2" iface-name 00:11:22:33:44:55 >>"$1/iface-lo" 2>&1
    "$2" iface-start lo >/dev/null 2>&1 && fail "$2: iface-start works"
    for action in detach reattach reset; do
        "$2" nodedev-$action computer >"$1/$action" 2>&1 && fail "$2: computer: $action works"
        "$2" nodedev-$action nope >>"$1/$action" 2>&1
    done
    "$2" nodedev-list --cap foo >"$1/errors" 2>&1
    "$2" nodedev-detach computer --driver foo >>"$1/errors" 2>&1
}
record "$work/ours" ours
record "$work/theirs" theirs
grep -qx computer "$work/ours/list" || fail "no computer: $(cat "$work/ours/list")"
grep -q '^net_lo_' "$work/ours/list" || fail "no net_lo: $(cat "$work/ours/list")"
same "vmsh to virsh on vmgrd" "$work/ours" "$work/theirs"

# libvirtd needs no bus and no udevd for this; its own files are out of the way
if command -v libvirtd >/dev/null && mount -t tmpfs tmpfs /var/lib/libvirt 2>/dev/null; then
    printf 'unix_sock_dir = "%s"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\n' "$work" \
        >"$work/libvirtd.conf"
    libvirtd -f "$work/libvirtd.conf" -p "$work/libvirtd.pid" >"$work/libvirtd.log" 2>&1 &
    started+=($!)
    oracle() { virsh -q -c "qemu:///system?socket=$work/libvirt-sock" "$@"; }
    has_computer() { oracle nodedev-list | grep -qx computer; }
    if until_ok 60 has_computer; then
        record "$work/oracle" oracle
        # the board's serial numbers come from dmidecode there
        rm -f "$work"/{ours,oracle}/computer.xml
        same "vmsh to libvirtd" "$work/ours" "$work/oracle"
        echo "compared with libvirtd: $(wc -l <"$work/oracle/list") devices"
    else
        echo "libvirtd does not serve here: $(tail -1 "$work/libvirtd.log")"
    fi
fi

# What comes and goes. Waiting begins some time after the command does: it comes and goes until told,
# for longer each time.
told() { # WORD: both
    grep -q "event 'lifecycle' for node device net_hdtest0_.*: $1" "$work/ev-ours" &&
        grep -q "event 'lifecycle' for node device net_hdtest0_.*: $1" "$work/ev-theirs"
}
ours nodedev-event --event lifecycle --loop --timeout 150 >"$work/ev-ours" 2>&1 &
started+=($!)
theirs nodedev-event --event lifecycle --loop --timeout 150 >"$work/ev-theirs" 2>&1 &
started+=($!)
for patience in 1 2 4 8 16 32; do
    ip tuntap add hdtest0 mode tap
    until_ok $patience told Created
    ip tuntap del hdtest0 mode tap
    until_ok $patience told Deleted && told Created && break
done
told Created && told Deleted || fail "events: $(cat "$work/ev-ours" "$work/ev-theirs")"
echo passed
