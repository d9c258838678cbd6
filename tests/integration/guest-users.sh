#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests as users of their own: none is root, none can open what is another's, no more system calls
# than needed; disks keep owner and mode, before, during (but for the list of users) and after; a
# disk that comes later, a base image of two guests, a daemon and a guest that are killed, one user
# for all, and what cannot be, which is refused by name.
set -u
. "$TOP/tests/lib/asserts.sh"
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/guests.sh"
. "$TOP/tests/lib/users.sh"
system_guests guest-users
status() { sed -n "s/^$2:\t\([^\t]*\).*/\1/p" "/proc/$(pid "$1")/status"; }
# as GUEST COMMAND...: what its process could do. Groups are its own, too.
as() {
    local uid gid groups; uid=$(status "$1" Uid); gid=$(status "$1" Gid)
    groups=$(sed -n 's/^Groups:\t//p' "/proc/$(pid "$1")/status" | xargs | tr ' ' ,)
    shift
    if [ -n "$groups" ]; then groups="--groups $groups"; else groups=--clear-groups; fi
    # shellcheck disable=SC2086
    setpriv --reuid "$uid" --regid "$gid" $groups --no-new-privs "$@"
}
can_read() { as "$1" head -c 1 "$2" >"$work/byte" 2>/dev/null && [ -s "$work/byte" ]; }
can_write() { as "$1" dd if=/dev/zero of="$2" bs=1 count=0 conv=notrunc 2>/dev/null; }
unchanged() { # FILE: owner, mode, and nobody named
    local now; now=$(stat -c '%u:%g %a' "$1")
    [ "$now" = "0:0 600" ] || fail "$1 is now $now"
}

mkdir -p "$root/etc/vmgr" "$work/images"
chmod 700 "$work" "$work/images"
cd "$work/images" || exit 1
umask 077
"$BUILD/tools/vemu-img/vemu-img" create -q -f qcow2 base.qcow2 8M
for guest in a b; do
    "$BUILD/tools/vemu-img/vemu-img" create -q -f qcow2 -b "$work/images/base.qcow2" -F qcow2 $guest.qcow2
    dd if=/dev/zero of=$guest.more bs=1M count=1 2>/dev/null
done
dd if=/dev/zero of=later bs=1M count=1 2>/dev/null
cp "$kernel" "$work/images/kernel"
cd /
files=(base.qcow2 a.qcow2 b.qcow2 a.more b.more later kernel)
for guest in a b; do
    cat >"$work/$guest.xml" <<XML
<domain type='qemu'>
  <name>$guest</name><memory unit='MiB'>128</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>$work/images/kernel</kernel></os>
  <devices>
    <disk type='file'><driver type='qcow2'/><source file='$work/images/$guest.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file'><driver type='raw'/><source file='$work/images/$guest.more'/><target dev='vdb' bus='virtio'/></disk>
    <serial type='file'><source path='$work/$guest.console'/></serial>
    <serial type='pty'/>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    $([ $guest = a ] || echo "<interface type='user'><model type='virtio'/></interface>")
  </devices>
</domain>
XML
    sh define "$work/$guest.xml" || fail "define $guest"
done

# --- what vemu.conf may say ---
conf() { printf '[vemu]\n%s\n' "$1" >"$root/etc/vmgr/vemu.conf"; }
conf 'guests_as=no-such-user'
refused "guests_as names a user that is not there" sh start a --paused
conf 'guests_as=root'
refused "guests_as must not be root" sh start a --paused
conf 'guest_as=own'
refused "guest_as is not a key" sh start a --paused
conf 'uid_first=7'
refused "uid_first must be a number from 1000 on" sh start a --paused

# --- each a user of its own ---
conf 'guests_as=own'
sh start a --paused && sh start b --paused || fail start
for guest in a b; do
    [ "$(status $guest Uid)" -ge 1900000000 ] || fail "$guest runs as $(status $guest Uid)"
    [ "$(status $guest NoNewPrivs)" = 1 ] || fail "$guest may get new privileges"
    [ "$(status $guest Seccomp)" = 2 ] || fail "$guest has all system calls"
    [ "$(status $guest CapEff)" = 0000000000000000 ] || fail "$guest has capabilities"
done
[ "$(status a Uid)" != "$(status b Uid)" ] || fail "one user for both"
# a console is of the run's user, whatever the run tells
console() { { sleep 1; printf '\035'; } | timeout 60 script -qec "$BUILD/tools/vmsh/vmsh -c vemu:///system --root $root console $1 serial1" /dev/null; }
pty() { sh dumpxml "$1" | sed -n "s|.*<serial type='pty' tty='\([^']*\)'.*|\1|p; s|.*<source path='\(/dev/pts/[0-9]*\)'/>.*|\1|p" | head -n 1; }
console a >"$work/console" 2>&1
grep -q "Escape character" "$work/console" || fail "no console: $(cat "$work/console")"
own=$(pty a) foreign=$(pty b)
[ -n "$own" ] && [ -n "$foreign" ] || fail "no terminals: $own, $foreign"
grep -rlF "$own" "$root/run/vmgr/domains" | xargs sed -i "s|$own'|$foreign'|g"
console a >"$work/console" 2>&1
grep -q "is not of the guest's user" "$work/console" ||
    fail "the other guest's console: $(cat "$work/console")"
grep -rlF "$foreign" "$root"/run/vmgr/domains/a* | xargs sed -i "s|$foreign'|$own'|g"
for guest in a b; do
    other=$([ $guest = a ] && echo b || echo a)
    for file in "$guest.qcow2" "$guest.more"; do
        can_read $guest "$work/images/$file" && can_write $guest "$work/images/$file" ||
            fail "$guest cannot use $file"
    done
    can_read $guest "$work/images/base.qcow2" || fail "$guest cannot read its base"
    can_write $guest "$work/images/base.qcow2" && fail "$guest can write its base"
    for file in "$work/images/$other.qcow2" "$work/images/$other.more" "$work/images/later" \
        "$root/run/vmgr/domains/$other.d/status.xml" "$root/run/vmgr/domains/$guest.d/status.xml" \
        "$root/log/vmgr/$guest.log" "$root/etc/vmgr/domains/$guest.xml" "$work/$other.console"; do
        [ -e "$file" ] || fail "no $file"
        can_read $guest "$file" && fail "$guest can read $file"
        can_write $guest "$file" && fail "$guest can write $file"
    done
    as $guest ls "$work/images" 2>/dev/null && fail "$guest can list the images"
    as $guest touch "$root/run/vmgr/domains/x" 2>/dev/null && fail "$guest can make files beside runs"
    as $guest mv "/proc/$(pid $guest)/cwd/status.xml" "/proc/$(pid $guest)/cwd/x" 2>/dev/null &&
        fail "$guest can move its status"
    as $guest kill -0 "$(pid $other)" 2>/dev/null && fail "$guest can signal $other"
done
[ "$(sh domstate a)" = paused ] && sh resume a && sh suspend a || fail "the monitor of a"

# --- a disk that comes later ---
sh attach-disk a "$work/images/later" vdc --live || fail attach
can_write a "$work/images/later" || fail "a cannot use its new disk"
can_read b "$work/images/later" && fail "b can read a's new disk"

# --- a network of type user is a program: at the start (b), later (a), never with capabilities ---
sh attach-interface a user x --model virtio --live || fail "attach a network"
slirps() { cat "/proc/$1/task/$1/children"; }
for guest in a b; do
    slirp=$(slirps "$(pid $guest)")
    [ "$(cat "/proc/${slirp% }/comm")" = vemu-slirp ] || fail "$guest has no vemu-slirp"
    [ "$(sed -n 's/^Cap\(Prm\|Eff\):\t//p' "/proc/${slirp% }/status" | sort -u)" = 0000000000000000 ] ||
        fail "the network of $guest has capabilities"
done

# --- a daemon that is killed changes nothing ---
for _ in 1 2; do
    "$BUILD/tools/vmgrd/vmgrd" --root "$root" >"$work/vmgrd.log" 2>&1 &
    daemon=$!
    remote() { "$BUILD/tools/vmsh/vmsh" -q -c "vemu+unix:///system?socket=$root/run/vmgr/libvirt-sock" "$@"; }
    until_ok remote list
    [ "$(remote list --name | sort | xargs)" = "a b" ] || fail "the daemon lists $(remote list --name)"
    kill -9 $daemon
    wait $daemon 2>/dev/null
    daemon=
done
[ "$(status a Uid)" -ge 1900000000 ] || fail "a after the daemon"

# --- the end takes it all back: of one that is killed, of one that is destroyed ---
uid_a=$(status a Uid)
kill -9 "$(pid a)"
until_ok eval '[ "$(sh domstate a)" = "shut off" ]'
can_read b "$work/images/base.qcow2" || fail "b lost its base with a's end"
setpriv --reuid "$uid_a" --regid "$uid_a" --clear-groups head -c 1 "$work/images/a.qcow2" 2>/dev/null &&
    fail "a's user can still read its disk"
sh destroy b || fail destroy
for file in "${files[@]}"; do unchanged "$work/images/$file"; done
[ "$(stat -c %a "$work") $(stat -c %a "$work/images")" = "700 700" ] || fail "directories stay open"

# --- one user for all ---
conf "$(printf 'guests_as=nobody:nogroup\nsandbox=false')"
sh start a --paused && sh start b --paused || fail "start as nobody"
[ "$(status a Uid) $(status a Seccomp)" = "$(id -u nobody) 0" ] || fail "a runs as $(status a Uid)"
sh destroy a || fail "destroy a"
can_read b "$work/images/base.qcow2" || fail "b lost its base"
sh destroy b || fail "destroy b"
for file in "${files[@]}"; do unchanged "$work/images/$file"; done

# --- what cannot be ---
conf 'guests_as=own'
sed -i "s|<channel type='unix'>|&<source mode='bind' path='$work/images/agent'/>|" "$work/a.xml"
sh undefine a && sh define "$work/a.xml" || fail "define again"
refused "cannot make the socket '$work/images/agent'" sh start a --paused
for file in "${files[@]}"; do unchanged "$work/images/$file"; done
echo "guests are users of their own"
