#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests behind passt, in namespaces of their own: out, in, what DHCP says; cards that come and go; whoever is
# killed, no passt is left. Guests on the emulator's own network get the addresses of their documents.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/asserts.sh"
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/namespaces.sh"
. "$TOP/tests/lib/netguests.sh"
enter_with_guests "${1:-}" "$0" passt setpriv

work=$2
check_namespaces
make_world "$work"
ip route add default via 10.50.0.2
ip -n world addr add 10.50.0.3/24 dev w1
prepare_guests virtio_pci virtio_net af_packet
fail() { echo "FAILED: $*"; pgrep -a passt; tail -n 20 "$work/console-g" "$work"/root/log/vmgr/* "$work"/*.log; exit 1; }
passts() { ps -C passt,passt.avx2 -o stat= | grep -vc Z; }
# The ends of connections are left to the servers: some versions of passt lose what comes after the client's.
inside() { [ "$({ printf 'GET / HTTP/1.0\r\n\r\n'; sleep 1; } | timeout 5 busybox nc 127.0.0.1 2080 | tail -n 1)" = guest ]; }
no_passt() { [ "$(passts)" = 0 ]; }
mkdir -p "$work/root/etc/vmgr"
printf '[vemu]\nguests_as=own\n' >"$work/root/etc/vmgr/vemu.conf"

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
ip link set lo up
ip link set eth0 up
printf '#!/bin/sh\n[ "$1" = bound ] && echo "T: lease $ip $subnet $router" || true\n' >/script
chmod +x /script
for try in 1 2 3 4 5; do
    udhcpc -i eth0 -n -q -f -t 3 -T 2 -s /script 2>/dev/null | grep "^T: lease" && break
done
ip addr add 10.50.0.77/24 dev eth0
ip route add default via 10.50.0.2
mkdir /www && echo guest >/www/index.html
httpd -p 80 -h /www
while :; do
    echo "T: outside $({ printf 'GET / HTTP/1.0\r\n\r\n'; sleep 1; } | timeout 5 nc 10.50.0.3 80 | tail -n 1)"
    sleep 0.3
done
INIT
echo "$modules" >"$work/modules"
"$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" $modules
(cd "$work" && echo modules | cpio --quiet -o -H newc -R 0:0) >"$work/more"
cat "$work/base" "$work/more" >"$work/initramfs"
guest() { # NAME INTERFACES
    cat <<XML
<domain type='qemu'><name>$1</name><memory unit='MiB'>192</memory>
<os><type machine='q35'>hvm</type><kernel>$kernel</kernel><initrd>$work/initramfs</initrd>
<cmdline>console=ttyS0 quiet</cmdline></os>
<devices><serial type='file'><source path='$work/console-$1'/></serial>$2</devices></domain>
XML
}
card() { # MAC [MORE]
    echo "<interface type='user'><mac address='52:54:00:00:07:$1'/>${2:-}</interface>"
}
passt() { # MAC [MORE]
    card "$1" "<backend type='passt'/>${2:-}"
}
touch "$work/console-g"

# --- what cannot be is refused, and leaves nothing ---
other() { # INTERFACE
    guest other "$1" >"$work/other.xml"
    sh create "$work/other.xml"
}
forward() { # ATTRIBUTES RANGES
    passt 02 "<portForward $1>${2:-}</portForward>"
}
refused "Invalid value for attribute 'type' in element 'backend': 'zork'" other "$(card 02 "<backend type='zork'/>")"
refused "<portForward> of <interface type='user'> needs <backend type='passt'/>" other \
    "$(card 02 "<portForward proto='tcp'><range start='1'/></portForward>")"
refused "Missing required attribute 'proto' in element 'portForward'" other "$(forward "")"
refused "Invalid value for attribute 'proto' in element 'portForward': 'icmp'" other "$(forward "proto='icmp'")"
refused "Invalid address 'x' in <portForward>" other "$(forward "proto='tcp' address='x'")"
refused "port '70000' of <range> is not the number of a port" other "$(forward "proto='tcp'" "<range start='70000'/>")"
refused "ends before it begins" other "$(forward "proto='tcp'" "<range start='9' end='8'/>")"
refused "Only one IPv4 address per interface is allowed" other \
    "$(passt 02 "<ip address='10.0.0.1'/><ip address='10.0.0.2'/>")"
refused "invalid prefix, must be in range of 4-27" other "$(passt 02 "<ip address='10.0.0.1' prefix='28'/>")"
refused "must be 64" other "$(passt 02 "<ip family='ipv6' address='fd00::1' prefix='65'/>")"
refused "the logFile of <backend> must be absolute: 'x'" other "$(card 02 "<backend type='passt' logFile='x'/>")"
refused "passt failed with status 1" other "$(passt 02 "<source dev='none0'/>")"
refused "passt failed with status 1" other "$(forward "proto='tcp' address='192.0.2.9'" "<range start='2081'/>")"
places=$(type -ap passt | xargs -n 1 realpath | sort -u)
for place in $places; do mount --bind /dev/null "$place"; done
refused "the program 'passt' is not installed (package passt)" other "$(passt 02)"
for place in $places; do umount "$place"; done
no_passt || fail "a refused start left passt"

# --- a guest, which is a user of its own: out and in ---
guest g "$(card 01 "<backend type='passt' logFile='$work/passt.log'/><ip address='10.50.0.77' prefix='24'/>
<mtu size='1400'/><portForward proto='tcp' address='127.0.0.1'><range start='2080' to='80'/>
<range start='2090' end='2092' to='90'/></portForward>")" >"$work/g.xml"
sh define "$work/g.xml" || fail define
sh start g || fail start
[ "$(passts)" = 1 ] || fail "$(passts) times passt"
user=$(stat -c %u "/proc/$(emulator_of g)")
[ "$user" -ge 1900000000 ] || fail "the guest is user $user"
uid_of() { awk '/^Uid/ { print $2, $3 }' "/proc/$1/status"; }
[ "$(uid_of "$(pgrep -x 'passt(.avx2)?')")" = "$user $user" ] || fail "passt is another user than its guest"
tr '\0' ' ' <"/proc/$(pgrep -x 'passt(.avx2)?')/cmdline" >"$work/words"
grep -q -- "--mac-addr 52:54:00:00:07:01 --mtu 1400 --log-file $work/passt.log --address 10.50.0.77 --netmask 24" \
    "$work/words" || fail "$(cat "$work/words")"
grep -q -- "--tcp-ports 127.0.0.1/2080:80,2090-2092:90-92 " "$work/words" || fail "$(cat "$work/words")"
until_ok 120 grep -q "^T: outside hello" "$work/console-g" || fail "nothing comes through"
grep -q "^T: lease 10.50.0.77 255.255.255.0 10.50.0.2" "$work/console-g" || fail "what DHCP says"
until_ok 30 inside || fail "nothing comes in"
[ -s "$work/passt.log" ] || fail "no log"
sh dumpxml g | grep -q "<backend type='passt' logFile='$work/passt.log'/>" || fail "$(sh dumpxml g)"
card 01 "<backend type='passt' logFile='$work/passt.log'/><ip address='10.50.0.77' prefix='24'/>
<mtu size='1400'/><portForward proto='tcp'><range start='2081' to='80'/></portForward>" >"$work/other.xml"
refused "only the link state can change" sh update-device g "$work/other.xml" --live
sh domif-setlink g 52:54:00:00:07:01 down >/dev/null && sh domif-setlink g 52:54:00:00:07:01 up >/dev/null ||
    fail setlink

# a card that comes while the guest runs, and goes; one that cannot come
passt 11 "<portForward proto='tcp' address='127.0.0.1'><range start='2080'/></portForward>" >"$work/11.xml"
refused "passt failed with status 1" sh attach-device g "$work/11.xml" --live
sed -i s/2080/2083/ "$work/11.xml"
[ "$(passts)" = 1 ] || fail "a refused card left passt"
sh attach-device g "$work/11.xml" --live >/dev/null || fail attach-device
[ "$(passts)" = 2 ] || fail "the second card has no passt"
detached() { sh dumpxml g | grep -q 07:11 || return 0; sh detach-device g "$work/11.xml" --live; false; }
until_ok 120 detached || fail "the card does not go"
one() { [ "$(passts)" = 1 ]; }
until_ok 30 one || fail "passt stays when its card goes"
until_ok 30 inside || fail "the first card has suffered"
sh destroy g || fail destroy
until_ok 30 no_passt || fail "passt is left"

# --- killed emulators and callers ---
sh start g || fail "start again"
kill -9 "$(emulator_of g)"
until_ok 30 no_passt || fail "a killed emulator's passt is left"
off() { sh domstate g | grep -q 'shut off'; }
until_ok 30 off || fail "a killed emulator's guest is not off"
kill_starters g no_passt
sh start g || fail "start for a kill of passt"
pkill -9 -x 'passt(.avx2)?' # of this namespace of processes
sh domstate g | grep -q running || fail "the guest went with its network"
sh destroy g || fail "destroy without passt"

# --- a vmgrd that is killed leaves the guest its network, and the guest's end takes that away ---
"$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
daemon=$!
v() { "$vmsh" -q -c "qemu:///system?socket=$work/root/run/vmgr/libvirt-sock" "$@"; }
until_ok 30 v uri || fail "vmgrd does not serve"
v start g >/dev/null || fail "start by vmgrd"
v attach-device g "$work/11.xml" --live >/dev/null || fail "attach by vmgrd"
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
[ "$(passts)" = 2 ] || fail "$(passts) times passt after vmgrd"
kill -9 "$(emulator_of g)"
until_ok 30 no_passt || fail "passt is left of a guest of vmgrd"
until_ok 30 off || fail "the guest is not off"

# --- the emulator's own network, around the guest's address ---
guest u "$(card 21 "<ip address='172.17.2.9' prefix='24'/><ip family='ipv6' address='fd00:1::5' prefix='64'/>")" \
    >"$work/u.xml"
sh create "$work/u.xml" >/dev/null || fail "create u"
until_ok 120 grep -q "^T: lease 172.17.2.15 255.255.255.0 172.17.2.2" "$work/console-u" ||
    fail "the emulator's network: $(cat "$work/console-u")"
sh destroy u || fail "destroy u"
echo "passt: out, in, hot-plug, kills: fine"
