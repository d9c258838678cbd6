#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Memory of a Debian guest on q35 and the software CPU, managed by vmgrd: a module, a virtio-mem and a file
# that are there from the start; a module that comes and goes; a virtio-mem that grows and shrinks, with its
# events; a daemon that is killed in between. The file is the guest's user's alone while it runs.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/asserts.sh"
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
need_guest virtio_pci virtio_mem nd_virtio virtio_pmem nd_pmem virtio_balloon
work=$(mktemp -d /tmp/memory-XXXXXX)
daemon=
end() {
    [ -z "$daemon" ] || kill -9 "$daemon"
    remove_work "$work"
}
trap end EXIT
fail() { echo "FAILED: $*"; tail -n 3 "$work/console" "$work/vmgrd.log" "$root"/log/vmgr/*.log; exit 1; }
root=$work/root
mkdir -p "$root/etc/vmgr" "$work/files"
[ "$(id -u)" != 0 ] || printf '[vemu]\nguests_as=own\n' >"$root/etc/vmgr/vemu.conf"
chmod 755 "$work"
chmod 700 "$work/files"
export VMGR_EMULATOR=$BUILD/tools/vemu/vemu
start_daemon() {
    "$BUILD/tools/vmgrd/vmgrd" --root "$root" --listen "$work/sock" >>"$work/vmgrd.log" 2>&1 &
    daemon=$!
    until_ok v uri
}
v() { virsh -q -c "qemu:///system?socket=$work/sock" "$@"; }
xml() { v dumpxml m | grep -q -e "$1"; }
# Whether users by name may use a file.
named() { python3 -c 'import os, sys; sys.exit("system.posix_acl_access" not in os.listxattr(sys.argv[1]))' "$1"; }
has() { [ "$(v dominfo m | sed -n "s/^$1: *\([0-9]*\) KiB/\1/p")" = "$2" ]; }
last_of() { # what the guest saw last
 [ "$(sed -n 's/^T: \([^\r]*\).*/\1/p' "$work/console" | tail -n 1)" = "$1" ]
}

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
last=
while sleep 0.1; do
    blocks=0
    for block in /sys/devices/system/memory/memory[0-9]*; do
        [ "$(cat "$block/state")" = online ] && blocks=$((blocks + 1))
    done 2>/dev/null
    pmem=no
    if [ -b /dev/pmem0 ]; then
        [ -e /written ] || { echo kept | dd of=/dev/pmem0 bs=512 conv=sync,fsync 2>/dev/null; >/written; }
        pmem=yes
    fi
    ones=$(ls -d /sys/devices/system/node/node1/memory[0-9]* 2>/dev/null | wc -l)
    now="T: blocks $blocks node1 $ones pmem $pmem."
    [ "$now" = "$last" ] || echo "$now"
    last=$now
done
INIT
make_initramfs "$work" "$modules"
chmod 644 "$work/initramfs"
cat >"$work/m.xml" <<XML
<domain type='qemu'>
  <name>m</name><maxMemory slots='4' unit='GiB'>4</maxMemory><memory unit='MiB'>1152</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>$kernel</kernel><initrd>$work/initramfs</initrd>
    <cmdline>console=ttyS0 quiet memhp_default_state=online_movable</cmdline></os>
  <vcpu>2</vcpu>
  <cpu mode='maximum'><numa><cell id='0' cpus='0' memory='128' unit='MiB'/>
    <cell id='1' cpus='1' memory='128' unit='MiB'/></numa></cpu>
  <devices>
    <serial type='file'><source path='$work/console'/></serial>
    <memballoon model='virtio'/>
    <memory model='dimm'><target><size unit='MiB'>256</size><node>1</node></target></memory>
    <memory model='virtio-mem'><target><size unit='MiB'>512</size><node>0</node><block unit='MiB'>2</block>
      <requested unit='MiB'>128</requested></target></memory>
    <memory model='virtio-pmem' access='shared'><source><path>$work/files/pmem</path></source>
      <target><size unit='MiB'>128</size></target></memory>
  </devices>
</domain>
XML
cat >"$work/dimm.xml" <<'XML'
<memory model='dimm'><target><size unit='MiB'>128</size><node>1</node></target></memory>
XML
cat >"$work/nvdimm.xml" <<'XML'
<memory model='nvdimm'><source><path>/n</path></source><target><size unit='MiB'>128</size></target></memory>
XML
cat >"$work/vmem.xml" <<'XML'
<memory model='virtio-mem'><target><size unit='MiB'>512</size><node>0</node><block unit='MiB'>2</block>
  <requested unit='MiB'>0</requested></target></memory>
XML

# there from the start: 256 MiB it boots with, 256 in a module, 128 of virtio-mem
start_daemon
v define "$work/m.xml" || fail define
has "Max memory" 1179648 || fail "$(v dominfo m)"
v start m || fail start
xml "<address type='dimm' slot='0' base='0x1[0-9a-f]*'/>" || fail "$(v dumpxml m)"
for alias in dimm0 virtiomem0 virtiopmem0; do xml "<alias name='$alias'/>" || fail "no $alias"; done
[ "$(stat -c %s "$work/files/pmem")" = 134217728 ] || fail "the file has $(stat -c %s "$work/files/pmem") bytes"
if [ "$(id -u)" = 0 ]; then
    named "$work/files/pmem" || fail "no entry for the guest's user"
fi
until_ok last_of "blocks 5 node1 3 pmem yes."
until_ok xml "<current unit='KiB'>131072</current>"
has "Used memory" 786432 || fail "$(v dominfo m)"

# a module comes
v attach-device m "$work/dimm.xml" --live || fail attach
until_ok last_of "blocks 6 node1 4 pmem yes."
xml "<alias name='dimm1'/>" && xml "<address type='dimm' slot='1' base=" || fail "$(v dumpxml m)"
has "Max memory" 1310720 && has "Used memory" 917504 || fail "$(v dominfo m)"
v dump m "$work/core" --memory-only --format elf || fail dump
# segments of RAM, of both modules, of what is plugged of virtio-mem: as large as what the guest has
dumped=$(python3 - "$work/core" <<'PY'
import struct
import sys
with open(sys.argv[1], "rb") as core:
    head = core.read(1 << 16)
start, (size, count) = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<HH", head, 54)
headers = [struct.unpack_from("<I4xQQQQ", head, start + i * size) for i in range(count)]
print(sum(h[4] for h in headers if h[0] == 1) // 1024)
PY
)
[ "$dumped" -ge 917504 ] || fail "the dump has $dumped KiB"
rm -f "$work/core"
refused "model 'nvdimm' of <memory> is not supported" v attach-device m "$work/nvdimm.xml" --live

# virtio-mem grows, is told, and shrinks; a daemon that is killed meanwhile loses nothing of it
stdbuf -oL virsh -q -c "qemu:///system?socket=$work/sock" event m --all --loop --timeout 200 >"$work/events" 2>&1 &
events=$!
heard() { # virsh does not say when it listens: something happens until it tells
    v desc m --live --title "$SECONDS.$RANDOM"
    grep -q metadata-change "$work/events"
}
until_ok heard
v update-memory-device m --alias virtiomem0 --requested-size 256M --live || fail update
until_ok last_of "blocks 7 node1 4 pmem yes."
until_ok xml "<current unit='KiB'>262144</current>"
xml "<requested unit='KiB'>262144</requested>" || fail "$(v dumpxml m)"
until_ok grep -q "alias: virtiomem0" "$work/events"
kill "$events"; wait "$events" 2>/dev/null
kill -9 "$daemon"; wait "$daemon" 2>/dev/null; daemon=
rm -f "$work/sock"
start_daemon
xml "<current unit='KiB'>262144</current>" || fail "$(v dumpxml m)"
refused "cannot be unplugged while" v detach-device-alias m virtiomem0 --live
v update-memory-device m --alias virtiomem0 --requested-size 0 --live || fail update
until_ok xml "<current unit='KiB'>0</current>"
until_ok last_of "blocks 5 node1 4 pmem yes."

# all go, in any order
v detach-device m "$work/dimm.xml" --live || fail detach
until_ok last_of "blocks 4 node1 3 pmem yes."
has "Max memory" 1179648 || fail "$(v dominfo m)"
v detach-device m "$work/vmem.xml" --live || fail "detach virtio-mem"
v detach-device-alias m virtiopmem0 --live || fail "detach virtio-pmem"
until_ok last_of "blocks 4 node1 3 pmem no."

# a file that comes later, in a directory that nobody may search
sed 's|@|'"$work/files/later"'|' >"$work/later.xml" <<'XML'
<memory model='virtio-pmem' access='shared'><source><path>@</path></source>
  <target><size unit='MiB'>128</size></target></memory>
XML
v attach-device m "$work/later.xml" --live || fail "attach virtio-pmem"
until_ok last_of "blocks 4 node1 3 pmem yes."
v detach-device m "$work/later.xml" --live || fail "detach the later virtio-pmem"
until_ok last_of "blocks 4 node1 3 pmem no."
v detach-device-alias m dimm0 --live || fail "detach the first module"
until_ok last_of "blocks 2 node1 1 pmem no."
has "Max memory" 262144 && has "Used memory" 262144 || fail "$(v dominfo m)"
v dumpxml m | grep -q "<memory model" && fail "$(v dumpxml m)"
v dumpxml m --inactive | grep -c "<memory model" | grep -q 3 || fail "the next start has others"

# what the guest wrote is in its file, which is nobody else's when it has ended
v destroy m || fail destroy
head -c 4 "$work/files/pmem" | grep -q kept || fail "the file is empty"
! named "$work/files/pmem" && ! named "$work/files/later" || fail "the entry stays"
echo ok
