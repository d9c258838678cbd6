#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Disks and CD-ROM drives beside virtio-blk on q35, with a Debian kernel and its own drivers: found,
# read and written with checksums that host and guest agree on, mounted, ejected, trimmed;
# SeaBIOS boots GRUB from them. The cloud kernel has no AHCI driver: the other one is needed.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
install_missing linux-image-amd64 xorriso kmod >/dev/null
kernel=$(ls -v /boot/vmlinuz-*-amd64 2>/dev/null | grep -v cloud | tail -n 1)
[ -n "$kernel" ] || { echo "no kernel with AHCI in /boot"; exit 77; }
command -v xorriso >/dev/null || { echo "no xorriso"; exit 77; }
modules=$(find_modules "$kernel" ahci sd_mod sr_mod virtio_pci virtio_scsi isofs)
[[ $modules == *ahci.ko* ]] || { echo "no modules for $kernel"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
vemu=$BUILD/tools/vemu/vemu

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
say() { echo "T: $*"; }
appear() { i=0; until [ -b "$1" ] || [ $i -gt 600 ]; do sleep 0.1; i=$((i + 1)); done; }
for d in sda sdb sr0 sr1; do appear /dev/$d; done
for d in /sys/block/sd* /sys/block/sr*; do
    say "${d##*/} $(cat $d/size) $(cat $d/ro) $(readlink -f $d/device | grep -o -e ata -e virtio | head -n 1)"
done
for d in sda sdb; do
    say "read $d $(dd if=/dev/$d bs=64k count=128 2>/dev/null | sha256sum)"
    dd if=/dev/urandom of=/tmp/random bs=64k count=100 2>/dev/null
    # at an odd place, in odd pieces, past the page cache as well
    dd if=/tmp/random of=/dev/$d bs=3584 seek=5000 2>/dev/null
    dd if=/tmp/random of=/dev/$d bs=64k seek=400 oflag=direct 2>/dev/null
    sync
    say "wrote $d $(sha256sum </tmp/random)"
    say "queue $d $(cat /sys/block/$d/device/queue_depth) $(cat /sys/block/$d/queue/write_cache)"
done
say "serial $(dd if=/sys/block/sdb/device/vpd_pg80 bs=1 skip=4 2>/dev/null)"
blkdiscard -o 0 -l 8388608 /dev/sda && say "trimmed sda"
blkdiscard -o 0 -l 8388608 /dev/sdb && say "trimmed sdb"
for d in sr0 sr1; do
    mount -t iso9660 -o ro /dev/$d /root && say "file $d $(sha256sum </root/data)"
    umount /root
    one() { dd if=/dev/$d of=/dev/null bs=2048 count=1 2>/dev/null; }
    # the last close opens the tray; opening does not close it; opening closes it, and sr_mod looks
    # what is in it at the next one
    echo 0 >/proc/sys/dev/cdrom/autoclose
    echo 1 >/proc/sys/dev/cdrom/autoeject
    one && echo 0 >/proc/sys/dev/cdrom/autoeject
    one || say "ejected $d"
    echo 1 >/proc/sys/dev/cdrom/autoclose
    one
    one && say "closed $d"
done
say "interrupts $(grep -c -e 'PCI-MSI.*ahci' -e 'PCI-MSI.*virtio.-request' /proc/interrupts)"
dmesg | grep -e 'ata.*exception' -e 'ata.*failed' -e 'I/O error, dev sd' && say "trouble"
poweroff -f
INIT
make_initramfs "$work" "$modules" || exit 1
mkdir "$work/iso"
head -c 3000000 /dev/urandom >"$work/iso/data"
xorriso -as mkisofs -quiet -o "$work/cd.iso" "$work/iso" 2>/dev/null || { echo "xorriso"; exit 1; }
sums=()
for disk in ata scsi; do
    head -c 8388608 /dev/urandom >"$work/$disk"
    truncate -s 48M "$work/$disk"
    sums+=("$(head -c 8388608 "$work/$disk" | sha256sum)")
done

timeout 500 "$vemu" -accel soft -machine q35 -m 384M -kernel "$kernel" -initrd "$work/initramfs" \
    -append "console=ttyS0 quiet panic=-1" -nographic -no-reboot \
    -drive "file=$work/ata,format=raw,discard=unmap" -cdrom "$work/cd.iso" \
    -device virtio-scsi-pci,id=scsi0,num_queues=2 \
    -drive "file=$work/scsi,format=raw,if=none,id=s,discard=unmap" \
    -device scsi-hd,drive=s,bus=scsi0.0,serial=integration \
    -drive "file=$work/cd.iso,if=none,id=c,media=cdrom" -device scsi-cd,drive=c,bus=scsi0.0 \
    </dev/null 2>&1 | tr -d '\r' >"$work/log"

bad=0
expect() { # TEXT: the guest said it
    grep -qxF "T: $1" "$work/log" && return
    echo "the guest did not say '$1'"
    bad=1
}
blocks=$(($(stat -c %s "$work/cd.iso") / 512))
expect "sda 98304 0 ata"
expect "sdb 98304 0 virtio"
expect "sr0 $blocks 1 ata"
expect "sr1 $blocks 1 virtio"
expect "read sda ${sums[0]}"
expect "read sdb ${sums[1]}"
expect "queue sda 32 write back"
grep -q '^T: queue sdb .* write back' "$work/log" || { echo "sdb has no write cache"; bad=1; }
expect "serial integration"
for disk in "sda ata" "sdb scsi"; do
    set -- $disk
    sum=$(sed -n "s/^T: wrote $1 //p" "$work/log")
    size=$((100 * 65536))
    [ -n "$sum" ] || { echo "$1: nothing written"; bad=1; continue; }
    [ "$(tail -c +$((5000 * 3584 + 1)) "$work/$2" | head -c $size | sha256sum)" = "$sum" ] ||
        { echo "$1: the host reads something else"; bad=1; }
    [ "$(tail -c +$((400 * 65536 + 1)) "$work/$2" | head -c $size | sha256sum)" = "$sum" ] ||
        { echo "$1: the host reads something else (direct)"; bad=1; }
    expect "trimmed $1"
    [ "$(stat -c %b "$work/$2")" -lt 40000 ] || { echo "$1: discards freed nothing"; bad=1; }
done
for drive in sr0 sr1; do
    expect "file $drive $(sha256sum <"$work/iso/data")"
    expect "ejected $drive"
    expect "closed $drive"
done
expect "interrupts 2"
grep -q '^T: trouble' "$work/log" && { echo "the kernel met errors"; bad=1; }
[ $bad = 0 ] || tail -n 60 "$work/log"

# SeaBIOS boots GRUB from a SATA disk and from the CD-ROM drive.
if [ -e /usr/share/seabios/bios-256k.bin ] && command -v grub-mkrescue mformat >/dev/null &&
    [ -d /usr/lib/grub/i386-pc ]; then
    mkdir -p "$work/rescue/boot/grub"
    printf '%s\n' 'serial --unit=0' 'terminal_output serial' 'echo "GRUB-IS-HERE"' 'halt' \
        >"$work/rescue/boot/grub/grub.cfg"
    grub-mkrescue -o "$work/grub.iso" "$work/rescue" >/dev/null 2>&1 ||
        { echo "grub-mkrescue"; bad=1; }
    for how in "-cdrom $work/grub.iso" "-drive file=$work/grub.iso,format=raw,if=ide,index=1"; do
        timeout 100 "$vemu" -accel soft -machine q35 -m 128M -nographic -no-reboot $how \
            </dev/null >"$work/bios" 2>&1
        status=$?
        [ $status -eq 0 ] && grep -aq GRUB-IS-HERE "$work/bios" && continue
        echo "SeaBIOS with $how: status $status"
        cat "$work/bios"
        bad=1
    done
else
    echo "no SeaBIOS or no GRUB image: booting is not tested"
fi

# What -drive refuses.
refuse() { # WORDS ARGUMENT...
    local words=$1
    shift
    "$vemu" "$@" </dev/null >"$work/refused" 2>&1 && { echo "not refused: $*"; bad=1; }
    grep -qF -- "$words" "$work/refused" || { echo "$*:"; cat "$work/refused"; bad=1; }
}
refuse "no SCSI adapter" -machine q35 -drive "file=$work/cd.iso,if=scsi"
refuse "no IDE or SATA" -machine microvm -drive "file=$work/cd.iso,if=ide"
refuse "index=2 already" -machine q35 -cdrom "$work/cd.iso" -cdrom "$work/cd.iso"
refuse "from 0 to 5" -machine q35 -drive "file=$work/cd.iso,index=6"
refuse "neither disk nor cdrom" -machine q35 -drive "file=$work/cd.iso,media=tape"
refuse "'file' is missing" -machine q35 -drive media=disk
exit $bad
