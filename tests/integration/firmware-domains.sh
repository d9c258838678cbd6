#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Domains with UEFI firmware, on vmgrd and without: descriptors lead to OVMF, a guest that is a user of its
# own keeps a variable over a restart and a rename, --reset-nvram forgets it, undefine takes the file along or
# leaves it; an image that is named, and a ROM.
set -u
. "$TOP/tests/lib/asserts.sh"
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/guests.sh"
install_missing ovmf seabios mtools libvirt-clients >/dev/null
ovmf=/usr/share/OVMF
[ -e $ovmf/OVMF_CODE_4M.fd ] || { echo "no OVMF"; exit 77; }
command -v mcopy >/dev/null || { echo "no mtools"; exit 77; }
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
work=$(mktemp -d /tmp/firmware-XXXXXX)
daemon=
end() {
    [ -z "$daemon" ] || kill -9 "$daemon"
    remove_work "$work"
}
trap end EXIT
root=$work/root
vars=$root/var/lib/vmgr/nvram/u_VARS.fd
export VMGR_EMULATOR=$BUILD/tools/vemu/vemu
sh() { "$BUILD/tools/vmsh/vmsh" -q -c vemu:///system --root "$root" "$@"; }
theirs() { virsh -q -c "qemu:///system?socket=$work/sock" "$@"; }
fail() { echo "FAILED: $*"; tail -c 2000 "$work/console" "$root"/log/vmgr/*.log 2>/dev/null; exit 1; }
refused() { # MESSAGE COMMAND...
    local message=$1; shift
    "$@" >"$work/out" 2>"$work/err" && fail "not refused: $*"
    grep -qF -- "$message" "$work/err" || fail "another error: $(cat "$work/err")"
}
is_off() { [ "$(sh domstate "$1")" = "shut off" ]; }
umask 077
mkdir -p "$root/etc/vmgr" "$root/etc/qemu/firmware"
# Other descriptors than the one of this test are hidden.
for file in /usr/share/qemu/firmware/*.json; do
    [ -e "$file" ] && : >"$root/etc/qemu/firmware/${file##*/}"
done
descriptor() { # NAME CODE VARS FEATURE
    cat >"$root/etc/qemu/firmware/$1.json" <<JSON
{ "description": "$1", "interface-types": [ "uefi" ], "mapping": { "device": "flash",
    "executable": { "filename": "$ovmf/$2", "format": "raw" },
    "nvram-template": { "filename": "$ovmf/$3", "format": "raw" } },
  "targets": [ { "architecture": "x86_64", "machines": [ "pc-q35-*" ] } ], "features": [ "$4" ], "tags": [] }
JSON
}
descriptor 10-secure OVMF_CODE_4M.secboot.fd OVMF_VARS_4M.ms.fd requires-smm
descriptor 20-plain OVMF_CODE_4M.fd OVMF_VARS_4M.fd acpi-s3
own=0
[ "$(id -u)" != 0 ] || { own=1; printf '[vemu]\nguests_as=own\n' >"$root/etc/vmgr/vemu.conf"; }

# What the firmware's shell runs: shows the date and the variable, sets it, and powers off.
guid=5ac2f9c4-2b31-4d62-9a3b-6f0c5f3a7e11
printf 'date\r\nsetvar Kept -guid %s\r\nsetvar Kept -guid %s -nv -bs =C0FFEE77\r\nreset -s\r\n' $guid $guid \
    >"$work/startup.nsh"
truncate -s 4M "$work/disk"
mformat -i "$work/disk" :: && mcopy -i "$work/disk" "$work/startup.nsh" :: || fail "the disk"
document() { # ATTRIBUTE OS
    cat <<XML
<domain type='qemu'>
  <name>u</name><memory unit='MiB'>128</memory>
  <os$1><type arch='x86_64' machine='q35'>hvm</type>$2</os>
  <features><acpi/></features>
  <clock offset='absolute' start='1000000000'/>
  <on_reboot>destroy</on_reboot>
  <devices>
    <disk type='file'><driver type='raw'/><source file='$work/disk'/><target dev='vda' bus='virtio'/></disk>
    <serial type='file'><source path='$work/console'/></serial>
  </devices>
</domain>
XML
}
seen() { tr -d '\r\000' <"$work/console" | grep -aqF "$1"; }
boot() { # kept|unset NAME OPTION...: runs the guest until it is off; whether it had the variable
    local want=$1 name=$2; shift 2
    rm -f "$work/console"
    sh start "$name" "$@" || fail "start"
    until_ok is_off "$name"
    seen "=C0FFEE77" || fail "the shell did not set its variable"
    seen "09/09/2001" || fail "the clock shows another day"
    if seen "C0 FF EE 77"; then [ "$want" = kept ]; else [ "$want" = unset ]; fi || fail "a variable is not $want"
}

# --- the file's life --------------------------------------------------------------------------------

"$BUILD/tools/vmgrd/vmgrd" --root "$root" --listen "$work/sock" 2>"$work/daemon.log" &
daemon=$!
until_ok theirs version
document " firmware='efi'" "" >"$work/u.xml"
theirs define "$work/u.xml" || fail "virsh define"
theirs start u --paused || fail "virsh start"
theirs dumpxml u | grep -qF "<nvram template='$ovmf/OVMF_VARS_4M.fd'>$vars</nvram>" || fail "$(theirs dumpxml u)"
theirs dumpxml u | grep -qF "<loader readonly='yes' type='pflash'>$ovmf/OVMF_CODE_4M.fd</loader>" ||
    fail "another image"
theirs dumpxml --inactive u | grep -q "<os firmware='efi'>" || fail "the choice is not left open"
if [ $own = 1 ]; then
    uid=$(stat -c %u "/proc/$(sed -n "s/.*<domstatus.* pid='\([0-9]*\)'.*/\1/p" "$root/run/vmgr/domains/u.d/status.xml")")
    [ "$uid" -ge 1900000000 ] || fail "the guest is user $uid"
fi
cmp "$vars" $ovmf/OVMF_VARS_4M.fd || fail "no copy of the template"
theirs destroy u || fail "destroy"
[ "$(stat -c %a "$vars")" = 600 ] || fail "the file is left open: $(stat -c '%u:%g %a' "$vars")"
boot unset u
[ "$(stat -c %s "$vars")" = "$(stat -c %s $ovmf/OVMF_VARS_4M.fd)" ] || fail "the file has another size"
cmp -s "$vars" $ovmf/OVMF_VARS_4M.fd && fail "nothing was kept"
boot kept u
refused "cannot undefine domain with nvram" theirs undefine u
refused "cannot undefine domain with nvram" sh undefine u
theirs domrename u w || fail "rename"
theirs dumpxml w | grep -qF "<nvram>$vars</nvram>" || fail "the file is not found after a rename"
theirs domrename w u || fail "rename"
theirs undefine u --keep-nvram || fail "undefine --keep-nvram"
sh define "$work/u.xml" || fail "define"
boot unset u --reset-nvram

# A start that is killed leaves nothing behind that matters.
rm "$vars"
for delay in 0 0.002 0.005 0.01 0.02; do
    sh start u --paused 2>/dev/null & starter=$!
    sleep $delay
    kill -9 $starter
    wait $starter 2>/dev/null
    sh domstate u >/dev/null
    [ ! -e "$vars" ] || cmp -s "$vars" $ovmf/OVMF_VARS_4M.fd || fail "half a file"
    sh destroy u >/dev/null 2>&1
    [ ! -e "$vars.new" ] || fail "a file beside is left"
    rm -f "$vars"
done
sh start u --paused || fail "start after starters that were killed"
sh destroy u && sh undefine u --nvram || fail "undefine --nvram"
[ -z "$(ls -A "$root/var/lib/vmgr/nvram")" ] || fail "left: $(ls -A "$root/var/lib/vmgr/nvram")"

# --- images that are named --------------------------------------------------------------------------

document "" "<loader readonly='yes' type='pflash'>$ovmf/OVMF_CODE_4M.fd</loader><nvram>$work/mine.fd</nvram>" >"$work/u.xml"
sh define "$work/u.xml" && sh start u --paused || fail "an image that is named"
cmp "$work/mine.fd" $ovmf/OVMF_VARS_4M.fd || fail "no template was found"
sh destroy u && sh undefine u --nvram || fail "its end"
[ ! -e "$work/mine.fd" ] || fail "$work/mine.fd is still there"
document "" "<loader type='rom'>/usr/share/seabios/bios-256k.bin</loader><bootmenu enable='yes' timeout='1000'/>" >"$work/u.xml"
if [ -e /usr/share/seabios/bios-256k.bin ]; then
    sh define "$work/u.xml" && rm -f "$work/console" && sh start u || fail "a ROM"
    until_ok seen "for boot menu"
    sh destroy u && sh undefine u || fail "its end"
fi
# UEFI starts a kernel that is named; it has no root file system, and so ends soon.
kernel=$(find_kernel)
if [ -n "$kernel" ]; then
    document " firmware='efi'" "<kernel>$kernel</kernel><cmdline>console=ttyS0 panic=-1 hello</cmdline>" |
        sed "s/>128</>256</" >"$work/u.xml" # with 128 MiB a kernel overwrites OVMF, with QEMU, too
    sh define "$work/u.xml" && rm -f "$work/console" && sh start u || fail "a kernel that UEFI starts"
    until_ok is_off u
    seen "EFI v2" && seen "Command line: console=ttyS0 panic=-1 hello" && seen "Kernel panic" || fail "another kernel"
    sh undefine u --nvram || fail "its end"
fi
document " firmware='efi'" "<firmware><feature enabled='yes' name='secure-boot'/></firmware>" >"$work/u.xml"
sh define "$work/u.xml" || fail "define"
refused "secure boot needs system management mode (SMM)" sh start u
echo "firmware of domains works"
