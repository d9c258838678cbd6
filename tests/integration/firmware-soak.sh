#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whole systems by firmware on q35 and the software CPU: the GRUB rescue CD to its prompt; a disk as an
# installer leaves it (MBR, GRUB in the gap, ext4 with a Debian kernel) on virtio-blk, virtio-scsi and
# AHCI; a pass of memtest86+; Debian's installer until it has found its network and disk. A soak.
set -u
[ "${VEMU_TEST_SOAK:-0}" = 1 ] || { echo "a soak: tests/run --soak"; exit 77; }
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
install_missing seabios grub-common grub-pc-bin grub-rescue-pc memtest86+ xorriso mtools \
    debian-installer-12-netboot-amd64 linux-image-amd64 kmod e2fsprogs busybox-static cpio || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
vemu=$BUILD/tools/vemu/vemu
bad=0
fail() { echo "$*"; bad=1; }
drive() { python3 "$TOP/tests/integration/firmware-soak.py" "$@"; }
timed() { # NAME COMMAND...
    local name=$1 started=$SECONDS
    shift
    "$@" >"$work/out" 2>&1 || { fail "$name"; tail -c 3000 "$work/out"; }
    echo "$name: $((SECONDS - started)) s"
    grep -a '^the mirror cannot' "$work/out"
}

timed "GRUB rescue CD" drive rescue "$vemu" /usr/lib/grub-rescue/grub-rescue-cdrom.iso

# --- an installed disk ----------------------------------------------------------------------------

kernel=$(ls -v /boot/vmlinuz-*-amd64 | grep -v cloud | tail -n 1)
modules=$(find_modules "$kernel" ahci sd_mod virtio_pci virtio_scsi virtio_blk ext4)
mkdir -p "$work"/root/{boot/grub,bin,sbin,proc,sys,dev}
cp "$(command -v busybox)" "$work/root/bin/busybox"
cp "$kernel" "$work/root/boot/vmlinuz"
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
root=$(sed 's/.*root=\([^ ]*\).*/\1/' /proc/cmdline)
i=0
until [ -b "$root" ] || [ $i -gt 300 ]; do sleep 0.1; i=$((i + 1)); done
mount -t ext4 "$root" /root && mount --move /dev /root/dev && exec switch_root /root /sbin/init
poweroff -f
INIT
cat >"$work/root/sbin/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
echo "T: root $(grep ' / ext4' /proc/mounts | cut -d' ' -f1) $(cat /boots 2>/dev/null)"
echo again >>/boots
sync
mount -o remount,ro /
poweroff -f
INIT
chmod +x "$work/root/sbin/init"
"$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" $modules || exit 1
echo "$modules" >"$work/modules"
(cd "$work" && echo modules | cpio --quiet -o -H newc -R 0:0) >"$work/more"
cat "$work/base" "$work/more" | gzip -1 >"$work/root/boot/initrd"

installed_disk() { # ROOT-DEVICE FILE
    cat >"$work/root/boot/grub/grub.cfg" <<CFG
serial --unit=0
terminal_output serial
set timeout=1
menuentry "system" {
    linux /boot/vmlinuz root=$1 console=ttyS0 quiet panic=-1
    initrd /boot/initrd
}
CFG
    rm -f "$work/fs" "$2"
    truncate -s 127M "$work/fs"
    truncate -s 128M "$2"
    mkfs.ext4 -q -d "$work/root" "$work/fs" &&
        grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$work/core" \
            biosdisk part_msdos ext2 normal linux serial terminal gzio &&
        echo 'start=2048, type=83, bootable' | sfdisk -q --label dos "$2" &&
        dd if=/usr/lib/grub/i386-pc/boot.img of="$2" bs=440 count=1 conv=notrunc 2>/dev/null &&
        dd if="$work/core" of="$2" bs=512 seek=1 conv=notrunc 2>/dev/null &&
        dd if="$work/fs" of="$2" bs=1M seek=1 conv=notrunc 2>/dev/null
}

boot_installed() { # ROOT-DEVICE ARGUMENT...
    local root=$1 n
    shift
    installed_disk "$root" "$work/disk" || return 1
    for n in 1 2; do
        timeout 400 "$vemu" -accel soft -machine q35 -m 384M -nographic -no-reboot \
            -drive "file=$work/disk,format=raw,if=none,id=d" "$@" </dev/null 2>&1 | tr -d '\r' |
            tee "$work/log"
        grep -q "^T: root $root $([ $n = 1 ] || echo again)\$" "$work/log" || return 1
    done
}
timed "installed, virtio-blk" boot_installed /dev/vda1 -device virtio-blk-pci,drive=d,bootindex=1
timed "installed, virtio-scsi" boot_installed /dev/sda1 -device virtio-scsi-pci,id=s \
    -device scsi-hd,drive=d,bootindex=1
timed "installed, AHCI" boot_installed /dev/sda1 -device ide-hd,drive=d,bootindex=1
rm -f "$work/disk" "$work/fs"

# --- memtest86+, Debian's installer ---------------------------------------------------------------

mkdir -p "$work/memtest/boot/grub"
cp /boot/memtest86+x64.bin "$work/memtest/boot/memtest"
printf '%s\n' 'serial --unit=0' 'terminal_output serial' \
    'linux /boot/memtest console=ttyS0,115200' 'boot' >"$work/memtest/boot/grub/grub.cfg"
grub-mkrescue -o "$work/memtest.iso" "$work/memtest" >/dev/null 2>&1 || fail "grub-mkrescue"
timed "memtest86+" drive memtest "$vemu" "$work/memtest.iso"

installer=/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64
truncate -s 2G "$work/target"
timed "Debian's installer" drive installer "$vemu" "$installer/linux" "$installer/initrd.gz" \
    "$work/target"
exit $bad
