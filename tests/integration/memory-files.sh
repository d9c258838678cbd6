#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests whose memory is in files: whose they are, what is in them, cells and a module that comes later;
# nothing is left when a guest ends, is killed, or its daemon is; a file system without room for them.
set -u
. "$TOP/tests/lib/asserts.sh"
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/guests.sh"
. "$TOP/tests/lib/users.sh"
system_guests memory-files
small=
trap '[ -z "$daemon" ] || kill -9 "$daemon"; [ -z "$small" ] || umount -l "$small"; remove_work "$work"' EXIT
mkdir -p "$root/etc/vmgr" "$work/images"
chmod 700 "$work" "$work/images"
cp "$kernel" "$work/images/kernel"
conf() { printf '[vemu]\nguests_as=own\n%s\n' "${1:-}" >"$root/etc/vmgr/vemu.conf"; }
conf
base=$root/var/lib/vmgr/ram
document() { # NAME BACKING MORE
    cat >"$work/$1.xml" <<XML
<domain type='qemu'>
  <name>$1</name><maxMemory slots='2' unit='GiB'>1</maxMemory><memory unit='MiB'>128</memory>
  <memoryBacking><source type='file'/>$2</memoryBacking>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>$work/images/kernel</kernel>
    <cmdline>words-of-a-command-line</cmdline></os>
  $3
  <devices><memballoon model='none'/></devices>
</domain>
XML
    sh define "$work/$1.xml" || fail "define $1"
}
place() { readlink "$root/run/vmgr/domains/$1.d/ram"; }
uid_of() { stat -c %u "/proc/$(pid "$1")"; }
nothing() { # NAME: of its memory is left
    local left; left=$(ls "$base" 2>/dev/null | grep "^$1\.")
    [ -z "$left" ] && [ ! -L "$root/run/vmgr/domains/$1.d/ram" ] || fail "left of $1: $left"
}

# --- whose they are, and what is in them ---
document a "<access mode='shared'/><discard/>" ""
document b "" "<vcpu>2</vcpu><cpu><numa><cell id='0' cpus='0' memory='64' unit='MiB' memAccess='shared'/>
  <cell id='1' cpus='1' memory='64' unit='MiB'/></numa></cpu>"
sh start a --paused && sh start b --paused || fail start
a=$(place a) b=$(place b)
[ "$(ls "$a")" = pc.ram ] || fail "a has $(ls "$a")"
[ "$(ls "$b" | xargs)" = "ram-node0 ram-node1" ] || fail "b has $(ls "$b")"
[ "$(stat -c '%s %u %a' "$a/pc.ram")" = "134217728 $(uid_of a) 600" ] || fail "$(stat "$a/pc.ram")"
[ "$(stat -c '%u %a' "$a")" = "$(uid_of a) 700" ] || fail "$(stat "$a")"
as() { local uid; uid=$(uid_of "$1"); shift; setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"; }
as b head -c 1 "$a/pc.ram" 2>/dev/null && fail "b can read a's memory"
as b ls "$base" 2>/dev/null && fail "b can list who has memory there"
grep -qa "words-of-a-command-line" "$a/pc.ram" || fail "what a boots with is not in its file"

# --- a module that comes later ---
cat >"$work/dimm.xml" <<'XML'
<memory model='dimm' access='shared'><target><size unit='MiB'>128</size></target></memory>
XML
sh attach-device a "$work/dimm.xml" --live || fail attach
[ "$(stat -c '%s %u' "$a/dimm0")" = "134217728 $(uid_of a)" ] || fail "no file of the module: $(ls -l "$a")"

# --- a daemon that is killed, and one that comes after it ---
start_daemon() {
    "$BUILD/tools/vmgrd/vmgrd" --root "$root" >"$work/vmgrd.log" 2>&1 &
    daemon=$!
    until_ok remote list
}
remote() { "$BUILD/tools/vmsh/vmsh" -q -c "vemu+unix:///system?socket=$root/run/vmgr/libvirt-sock" "$@"; }
start_daemon
kill -9 $daemon; wait $daemon 2>/dev/null; daemon=
[ -e "$a/pc.ram" ] && [ -e "$b/ram-node0" ] || fail "files went with the daemon"
start_daemon
remote destroy a || fail destroy
nothing a
[ ! -e "$a" ] || fail "$a is there"
kill -9 "$(pid b)"
until_ok test ! -e "$b" # the daemon hears of it
nothing b

# --- a guest that is killed while nobody looks ---
kill -9 $daemon; wait $daemon 2>/dev/null; daemon=
sh start b --paused || fail "start b"
b=$(place b) victim=$(pid b)
kill -9 "$victim"
until_ok test ! -e "/proc/$victim"
[ "$(sh domstate b)" = "shut off" ] || fail "b is $(sh domstate b)"
nothing b

# --- a user that no file is opened to ---
document c "" "<seclabel type='static' model='dac' relabel='no'><label>+1234567:+1234567</label></seclabel>"
chmod 755 "$work" "$work/images" "$work/images/kernel"
sh start c --paused || fail "start c"
[ "$(stat -c %u "$(place c)/pc.ram")" = 1234567 ] || fail "$(ls -l "$(place c)")"
sh destroy c || fail "destroy c"
nothing c

# --- a place of one's own, without room ---
mkdir "$work/small"
mount -t tmpfs -o size=64m,mode=755 none "$work/small" || { echo "no tmpfs can be mounted"; exit 77; }
small=$work/small
base=$small/vmgr
conf "memory_backing_dir=$small"
document d "<access mode='shared'/><allocation mode='immediate'/>" ""
refused "'ram/pc.ram': there is no room for 128 MiB: No space left on device" sh start d --paused
nothing d
document e "<allocation mode='immediate'/>" ""
refused "cannot allocate 128 MiB: No space left on device" sh start e --paused
nothing e
[ "$(df --output=used "$small" | tail -n 1 | xargs)" -lt 1024 ] || fail "$(df "$small")"
document f "<access mode='shared'/><discard/>" ""
sh start f --paused || fail "start f"
case $(place f) in "$small"/vmgr/f.*) ;; *) fail "f is in $(place f)" ;; esac
sh destroy f || fail "destroy f"
nothing f
echo ok
