#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# <seclabel> with real guests: a user that the definition names and its entries in access control
# lists, also where a guest comes, goes and shares files with others; files that are left alone; what
# clients are told of it, before and after a daemon that is killed; what cannot be.
set -u
. "$TOP/tests/lib/asserts.sh"
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/guests.sh"
. "$TOP/tests/lib/users.sh"
system_guests guest-labels
owner() { stat -c %u:%g "/proc/$(pid "$1")"; }
# what USER could do
can_write() { setpriv --reuid "$1" --regid "$1" --clear-groups dd if=/dev/zero of="$2" bs=1 count=0 conv=notrunc 2>/dev/null; }
plain() { # FILE OWNER MODE: nobody is named in it
    local now; now=$(stat -c '%u %a' "$1")
    [ "$now" = "$2 $3" ] || fail "$1 is now $now"
}
label() { echo "<seclabel type='$1' model='dac' relabel='$2'>${3:+<label>$3</label>}</seclabel>"; }
# guest NAME LABELS [OF-THE-DISK]
guest() {
    cat >"$work/$1.xml" <<XML
<domain type='qemu'>
  <name>$1</name><uuid>c0ffee00-1234-4abc-8def-00000000000$1</uuid><memory unit='MiB'>128</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>$work/images/kernel</kernel></os>
  <devices>
    <disk type='file'><driver type='qcow2'/><source file='$work/images/$1'>${3-}</source><target dev='vda' bus='virtio'/></disk>
    <serial type='pty'/>
  </devices>
  $2
</domain>
XML
    sh define "$work/$1.xml" || fail "define $1"
}

mkdir -p "$root/etc/vmgr" "$work/images"
printf '[vemu]\nguests_as=own\n' >"$root/etc/vmgr/vemu.conf"
chmod 700 "$work" "$work/images"
umask 077
cp "$kernel" "$work/images/kernel"
"$BUILD/tools/vemu-img/vemu-img" create -q -f qcow2 "$work/images/base" 8M
for name in a b; do
    "$BUILD/tools/vemu-img/vemu-img" create -q -f qcow2 -b "$work/images/base" -F qcow2 "$work/images/$name"
done
files=(base a b kernel)
user=$(id -u nobody) group=$(id -g nobody)

# --- two guests of one user, who come and go ---
guest a "$(label static yes "nobody:+$group")"
guest b "$(label static yes "+$user:+$group")"
sh start a --paused && sh start b --paused || fail "start as nobody"
for name in a b; do
    [ "$(owner $name)" = "$user:$group" ] || fail "$name is $(owner $name)"
    can_write "$user" "$work/images/$name" || fail "$name cannot use its disk"
    sh dumpxml "$name" | grep -A 2 "<seclabel type='static' model='dac' relabel='yes'>" |
        grep -q "<imagelabel>.*:+$group</imagelabel>" || fail "the label of $name"
    sh dumpxml "$name" --inactive | grep -q "<imagelabel>" && fail "$name at rest has an image's label"
done
can_write "$user" "$work/images/base" && fail "the base can be written"
sh destroy a || fail "destroy a"
setpriv --reuid "$user" --regid "$group" --clear-groups head -c 1 "$work/images/base" >/dev/null ||
    fail "b lost its base with a's end"
can_write "$user" "$work/images/a" && fail "a's disk stays open"
sh destroy b || fail "destroy b"
for file in "${files[@]}"; do plain "$work/images/$file" 0 600; done
[ "$(stat -c %a "$work") $(stat -c %a "$work/images")" = "700 700" ] || fail "directories stay open"

# --- root ---
guest a "$(label static yes +0:+0)"
sh start a --paused || fail "start as root"
[ "$(owner a)" = 0:0 ] || fail "a is $(owner a)"
sh destroy a || fail "destroy root's"

# --- files that are left alone ---
guest a "$(label static no "+$user:+$group")"
refused "Permission denied" sh start a --paused
plain "$work/images/a" 0 600
chmod 711 "$work" "$work/images" && chmod 644 "$work/images/kernel" "$work/images/base" &&
    chown "$user" "$work/images/a" || fail chown
sh start a --paused || fail "start with files of its own"
[ "$(owner a)" = "$user:$group" ] || fail "a is $(owner a)"
plain "$work/images/a" "$user" 600
grep -q / "$root/run/vmgr/domains/a.d/rights" && fail "entries: $(cat "$root/run/vmgr/domains/a.d/rights")"
sh destroy a || fail "destroy a"
plain "$work/images/a" "$user" 600
chmod 700 "$work" "$work/images"; chmod 600 "$work/images/kernel" "$work/images/base"
chown 0 "$work/images/a"
# one disk of a guest, whose other files are opened
guest a "" "<seclabel model='dac' relabel='no'/>"
refused "Permission denied" sh start a --paused
plain "$work/images/a" 0 600
chmod 666 "$work/images/a"
refused "'$work/images/base': Permission denied" sh start a --paused
chmod 644 "$work/images/base"
sh start a --paused && sh destroy a || fail "a disk that everybody may use"
chmod 600 "$work/images/a" "$work/images/base"
for file in "${files[@]}"; do plain "$work/images/$file" 0 600; done

# --- an entry that somebody else has made stays ---
python3 - "$work/images/a" "$user" <<'PY' || fail "an entry of one's own"
import os, struct, sys
entries = [(1, 6, -1), (2, 6, int(sys.argv[2])), (4, 0, -1), (16, 6, -1), (32, 0, -1)]
os.setxattr(sys.argv[1], "system.posix_acl_access",
            struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries))
PY
guest a "$(label static yes "+$user:+$group")"
sh start a --paused && sh destroy a || fail "start with an entry"
chmod 711 "$work" "$work/images"
can_write "$user" "$work/images/a" || fail "the entry is gone"
chmod 700 "$work" "$work/images"
python3 -c 'import os, sys; os.removexattr(sys.argv[1], "system.posix_acl_access")' "$work/images/a"
chmod 600 "$work/images/a"

# --- what clients are told, of a daemon, and of the next one ---
guest a ""
guest b "<seclabel type='dynamic' model='dac'><baselabel>+5:+5</baselabel></seclabel>"
sh start a --paused && sh start b --paused || fail start
uri="qemu:///system?socket=$root/run/vmgr/libvirt-sock"
remote() { "$BUILD/tools/vmsh/vmsh" -c "vemu+unix:///system?socket=$root/run/vmgr/libvirt-sock" "$@"; }
for _ in 1 2; do
    "$BUILD/tools/vmgrd/vmgrd" --root "$root" >"$work/vmgrd.log" 2>&1 &
    daemon=$!
    until_ok remote list
    for name in a b; do
        id=$(owner $name); id=+${id%:*}:+${id#*:}
        remote dumpxml $name >"$work/live"
        grep -q "    <label>$id</label>" "$work/live" && grep -q "    <imagelabel>$id</imagelabel>" "$work/live" ||
            fail "$name is $id, told: $(grep -A 3 seclabel "$work/live")"
    done
    grep -q "    <baselabel>+5:+5</baselabel>" "$work/live" || fail "b lost its base label"
    remote dumpxml a --inactive | grep seclabel && fail "a at rest has a label"
    remote capabilities | grep -A 1 "<model>dac</model>" | grep -q "<doi>0</doi>" || fail capabilities
    if command -v virsh >/dev/null; then
        for command in "dominfo a" "dumpxml a" "dumpxml b --inactive" capabilities; do
            # shellcheck disable=SC2086
            virsh -c "$uri" $command | grep -v "^CPU time" >"$work/virsh"
            # shellcheck disable=SC2086
            remote $command | grep -v "^CPU time" >"$work/vmsh"
            cmp -s "$work/virsh" "$work/vmsh" || fail "$command: $(diff "$work/virsh" "$work/vmsh")"
        done
    fi
    if /usr/bin/python3 -c 'import libvirt' 2>/dev/null; then
        id=$(owner a); id=+${id%:*}:+${id#*:}
        labels=$(/usr/bin/python3 - "$uri" 2>&1 <<'PY'
import libvirt, sys
conn = libvirt.open(sys.argv[1])
print(conn.getSecurityModel(), conn.lookupByName('a').securityLabel(), conn.lookupByName('a').securityLabelList())
PY
        )
        [ "$labels" = "['none', '0'] ['', False] [['', False], ['$id', False]]" ] || fail "labels: $labels"
    fi
    kill -9 "$daemon"
    wait "$daemon" 2>/dev/null
    daemon=
done
# one that is under way, whatever vemu.conf says by now
printf '[vemu]\nguests_as=caller\n' >"$root/etc/vmgr/vemu.conf"
dd if=/dev/zero of="$work/images/later" bs=1M count=1 2>/dev/null
sh attach-disk b "$work/images/later" vdb --live || fail "attach a disk"
printf '[vemu]\nguests_as=own\n' >"$root/etc/vmgr/vemu.conf"
can_write "$(owner b | cut -d : -f 1)" "$work/images/later" || fail "b cannot use its new disk"
files+=(later)
kill -9 "$(pid a)"
sh destroy b || fail "destroy b"
until_ok eval '[ "$(sh domstate a)" = "shut off" ]'
for file in "${files[@]}"; do plain "$work/images/$file" 0 600; done

# --- what cannot be ---
guest a "$(label static yes no-such-user:+1)"
refused "Failed to parse user 'no-such-user'" sh start a
guest a "<seclabel type='dynamic' model='apparmor'/>"
refused "Security driver model 'apparmor' is not available" sh start a
printf '[vemu]\nguests_as=caller\n' >"$root/etc/vmgr/vemu.conf"
guest a "$(label static yes "+$user:+$group")"
refused "Security driver model 'dac' is not available" sh start a
sh capabilities | grep -q "<model>dac</model>" && fail "capabilities have dac"
for file in "${files[@]}"; do plain "$work/images/$file" 0 600; done
echo "guests have the users that their definitions name"
