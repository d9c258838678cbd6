#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests that sleep (ACPI S3) on q35, an unmodified Debian kernel on the software CPU: started directly, by
# SeaBIOS and by OVMF. Woken by QMP, the clock's alarm, the power button, a key and a mouse, they go on with
# memory, disk, ports, processors and time; boards without S3 say so.
# VEMU_TEST_SOAK=1: on KVM too, where it can be used; some hosts run a kernel there very slowly.
set -u
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
need_guest virtio_pci virtio_mmio virtio_blk virtio_console button
work=$(mktemp -d)
trap 'remove_work "$work"' EXIT
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
for module in $(cat /modules); do insmod "$module"; done
port=
until [ -n "$port" ]; do
    port=$(grep -lx org.test.shell /sys/class/virtio-ports/*/name 2>/dev/null)
done
port=${port%/name}
exec 3<>"/dev/${port##*/}"
sh <&3 >&3 2>&3
poweroff -f
INIT
make_initramfs "$work" "$modules" || exit 1
machines="direct microvm off"
[ "${VEMU_TEST_SOAK:-0}" != 1 ] || [ ! -w /dev/kvm ] || machines="$machines kvm"
if command -v grub-mkrescue xorriso mformat >/dev/null && [ -d /usr/lib/grub/i386-pc ]; then
    mkdir -p "$work/iso/boot/grub"
    cp "$kernel" "$work/iso/boot/vmlinuz"
    cp "$work/initramfs" "$work/iso/boot/initramfs"
    printf '%s\n' 'linux /boot/vmlinuz console=ttyS0 quiet panic=-1' 'initrd /boot/initramfs' 'boot' \
        >"$work/iso/boot/grub/grub.cfg"
    grub-mkrescue -o "$work/grub.iso" "$work/iso" >/dev/null 2>&1 || { echo "grub-mkrescue"; exit 1; }
    [ ! -e /usr/share/seabios/bios-256k.bin ] || machines="$machines seabios"
    [ ! -e /usr/share/OVMF/OVMF_CODE_4M.fd ] || [ ! -d /usr/lib/grub/x86_64-efi ] || machines="$machines ovmf"
fi
bad=0
for machine in $machines; do
    mkdir "$work/$machine"
    truncate -s 16M "$work/$machine/data"
    if python3 "$TOP/tests/integration/sleep.py" "$BUILD/tools/vemu/vemu" "$kernel" "$work" "$machine"; then
        echo "$machine: ok"
    else
        echo "$machine: FAILED"
        bad=1
    fi
done
exit $bad
