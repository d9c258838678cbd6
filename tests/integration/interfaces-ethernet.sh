#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests on interfaces of type 'ethernet', in namespaces of their own: taps and macvtaps that somebody else made
# carry packets and stay as they are; scripts come and go with the guest, whoever is killed.
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
prepare_guests virtio_pci virtio_net
fail() { echo "FAILED: $*"; ip -br link; tail -n 20 "$work/console" "$work"/root/log/vmgr/* "$work/scripts"; exit 1; }
state_of() { # what is its owner's alone
    ip -o link show "$1" | sed 's/LOWER_UP,*//; s/NO-CARRIER,*//; s/,>/>/; s/state [A-Z]*//; s/qdisc [a-z_]*//
        s/\\ *alias .*//'
    ip -o addr show "$1" | grep -v fe80
}

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
ip link set lo up
ip link set eth0 up && ip addr add 10.60.0.77/24 dev eth0
echo "T: card $(cat /sys/class/net/eth0/address)"
while :; do
    echo "T: first $(ping -c 1 -W 1 10.60.0.1 | grep -c 'bytes from')"
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
card() { # MAC [MORE]
    echo "<interface type='ethernet'><mac address='52:54:00:00:06:$1'/>${2:-}</interface>"
}
theirs() { # MAC DEV [MORE]
    card "$1" "<target dev='$2' managed='no'/>${3:-}"
}
ln -s console-g "$work/console"
touch "$work/console-g" "$work/scripts"
for way in up down; do
    printf '#!/bin/sh\necho %s "$@" $(grep CapEff /proc/self/status) >>%s\n' $way "$work/scripts" >"$work/$way"
done
cat >>"$work/up" <<'SCRIPT'
ip link set "$1" alias from-script
SCRIPT
printf '#!/bin/sh\necho this host is full >&2\nexit 3\n' >"$work/full"
chmod +x "$work/up" "$work/down" "$work/full"
runs() { # WAY NAME COUNT
    [ "$(grep -c "^$1 $2 " "$work/scripts")" = "$3" ]
}

# --- what cannot be is refused, and takes nothing away ---
ip tuntap add dev mine0 mode tap
ip link set mine0 address 02:00:00:00:00:10 mtu 1450
ip addr add 10.60.0.1/24 dev mine0 && ip link set mine0 up
before=$(state_of mine0)
other() { # INTERFACE
    guest other "$1" >"$work/other.xml"
    sh create "$work/other.xml"
}
refused "target dev must be supplied when managed='no'" other "$(card 02 "<target managed='no'/>")"
refused "target managed='no' but specified dev doesn't exist" other "$(theirs 02 none0)"
refused "Unable to create tap device lo" other "$(theirs 02 lo)"
refused "Invalid value for attribute 'managed' in element 'target': 'x'" other "$(card 02 "<target managed='x'/>")"
refused "unmanaged target dev is not supported on interfaces of type 'bridge'" other \
    "<interface type='bridge'><source bridge='b'/><target dev='mine0' managed='no'/></interface>"
refused "Unable to create tap device mine0: Device or resource busy" other "$(card 02 "<target dev='mine0'/>")"
refused "the path of <script> must be absolute: 'up'" other "$(card 02 "<script path='up'/>")"
refused "Failed to execute child process" other "$(card 02 "<script path='$work/none'/>")"
refused "full failed with status 3: this host is full" other "$(card 02 "<script path='$work/full'/>")"
refused "<script> of <interface>" other "<interface type='user'><script path='/x'/></interface>"
refused "trustGuestRxFilters='yes' of <interface>" other "<interface type='user' trustGuestRxFilters='yes'/>"
[ "$before" = "$(state_of mine0)" ] || fail "a refused start changed the tap: $(state_of mine0)"
ip -br link | grep vnet && fail "a refused start left a tap"

# --- a guest on another's tap: packets both ways; limits while it has it ---
guest g "$(theirs 01 mine0 "<script path=''/><mtu size='1400'/><downscript path='$work/down'/>")" >"$work/g.xml"
sh define "$work/g.xml" || fail define
sh dumpxml g | grep -q "<script" && fail "a script without a path is kept"
sh start g || fail start
refused "Unable to create tap device mine0: Device or resource busy" other \
    "$(theirs 02 mine0 "<downscript path='$work/down'/>")"
runs down mine0 0 || fail "the other script was run for one that was not to be had"
last() { tail -n 2 "$work/console" | grep -q "^T: first $1"; }
until_ok 120 last 1 || fail "nothing comes through"
[ "$before" = "$(state_of mine0)" ] || fail "the tap is changed: $(state_of mine0)"
sh dumpxml g | grep -q "<target dev='mine0' managed='no'/>" || fail "$(sh dumpxml g)"
sh dumpxml g --inactive | grep -q "<target dev='mine0' managed='no'/>" || fail "the definition forgot the tap"
if sh domiftune g mine0 --inbound 100,200,64; then
    tc class show dev mine0 | grep -q 'rate 819200bit' || fail "$(tc class show dev mine0)"
fi
refused "can change while the guest runs" sh update-device g /dev/stdin --live \
    <<<"$(card 01 "<target dev='mine0'/><mtu size='1400'/><downscript path='$work/down'/>")"
sh domif-setlink g mine0 down >/dev/null || fail setlink
[ "$before" = "$(state_of mine0)" ] || fail "setlink changed the tap: $(state_of mine0)"
sh destroy g || fail destroy
runs down mine0 1 || fail "the other script: $(cat "$work/scripts")"
[ "$before" = "$(state_of mine0)" ] || fail "the tap is not as it was: $(state_of mine0)"
tc class show dev mine0 | grep -q htb && fail "a limit is left"

# --- killed emulators and callers ---
as_before() { [ "$before" = "$(state_of mine0)" ]; }
sh start g || fail "start again"
kill -9 "$(emulator_of g)"
off() { sh domstate g | grep -q 'shut off'; }
until_ok 30 off || fail "a killed emulator's guest is not off"
runs down mine0 2 || fail "no script after a kill: $(cat "$work/scripts")"
as_before || fail "a killed emulator changed the tap"
kill_starters g as_before

# --- one of ours with scripts; cards that come and go ---
guest s "$(card 21 "<script path='$work/up'/><downscript path='$work/down'/>")" >"$work/s.xml"
sh create "$work/s.xml" >/dev/null || fail "create s"
ip link show vnet0 | grep -q 'alias from-script' || fail "the script did nothing: $(ip link show vnet0)"
grep -q '^up vnet0 CapEff: 0000000000001000$' "$work/scripts" || fail "$(cat "$work/scripts")"
ip tuntap add dev mine1 mode tap multi_queue
second=$(state_of mine1)
theirs 22 mine1 "<driver queues='2'/><script path='$work/up'/><downscript path='$work/down'/>" >"$work/22.xml"
sed "s,$work/up,$work/full," "$work/22.xml" >"$work/bad.xml"
refused "this host is full" sh attach-device s "$work/bad.xml" --live
runs down mine1 0 || fail "the other script of a card that did not come"
sh attach-device s "$work/22.xml" --live >/dev/null || fail attach-device
runs up mine1 1 || fail "no script of a card that came"
until_ok 60 eval 'tail -n 2 "$work/console-s" | grep -q "^T: first"' || fail "the second guest is not up"
detached() { sh domiflist s | grep -q mine1 || return 0; sh detach-device s "$work/22.xml" --live; false; }
until_ok 120 detached || fail "the card does not go"
runs down mine1 1 || fail "scripts: $(cat "$work/scripts")"
[ "$second" = "$(state_of mine1)" ] || fail "mine1 is changed: $(state_of mine1)"
sh destroy s || fail "destroy s"
runs down vnet0 1 || fail "scripts: $(cat "$work/scripts")"
ip link show vnet0 2>/dev/null && fail "our own tap is left"

# --- a macvtap of somebody else ---
modprobe -q macvtap 2>/dev/null
if ip link add link w0 name theirs0 address 02:00:00:00:00:44 type macvtap mode bridge 2>/dev/null &&
    [ -c "/dev/tap$(cat /sys/class/net/theirs0/ifindex)" ]; then
    ip link set theirs0 up
    macvtap=$(state_of theirs0)
    guest m "$(theirs 44 theirs0 | sed s/52:54:00:00:06:44/02:00:00:00:00:44/)" >"$work/m.xml"
    sh create "$work/m.xml" >/dev/null || fail "create m"
    readlink "/proc/$(emulator_of m)"/fd/* | grep -q "^/dev/tap$(cat /sys/class/net/theirs0/ifindex)\$" ||
        fail "the emulator has no macvtap"
    sh destroy m || fail "destroy m"
    [ "$macvtap" = "$(state_of theirs0)" ] || fail "the macvtap is changed: $(state_of theirs0)"
else
    echo "no macvtap here: not tried"
fi

# --- who may not make interfaces may use what is his ---
if command -v setpriv >/dev/null; then
    refused "takes the capability CAP_NET_ADMIN" setpriv --bounding-set=-all "$vmsh" \
        -q -c vemu:///system --root "$work/root" create "$work/s.xml"
    ip tuntap del dev mine1 mode tap multi_queue
    ip tuntap add dev mine1 mode tap user nobody
    mkdir "$work/nobody" && chown nobody "$work/nobody" && chmod 755 "$work"
    theirs 51 mine1 >"$work/card"
    guest n "$(cat "$work/card")" | sed "s,$work/console,$work/nobody/console," >"$work/n.xml"
    chmod 644 "$work/n.xml" "$work/initramfs"
    if setpriv --reuid=nobody --clear-groups test -r "$kernel" -a -w /dev/net/tun; then
        as_nobody() {
            HOME=$work/nobody XDG_RUNTIME_DIR=$work/nobody setpriv --reuid=nobody --regid=nogroup --clear-groups \
                --bounding-set=-all "$vmsh" -q -c vemu:///session "$@"
        }
        as_nobody create "$work/n.xml" >/dev/null || fail "nobody's guest: $(cat "$work"/nobody/.cache/vmgr/*/* )"
        as_nobody domiflist n | grep -q mine1 || fail "nobody's interface"
        as_nobody destroy n || fail "nobody's destroy"
    else
        echo "nobody may not read $kernel or open /dev/net/tun: not tried"
    fi
fi
echo "taps of others, scripts, hot-plug, kills: fine"
