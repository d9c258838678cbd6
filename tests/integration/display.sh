#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Displays and input with Debian's own drivers: what the console paints on bochs-display is what screendump
# shows; keys and movements arrive at /dev/input by PS/2 and virtio; SeaBIOS writes on ramfb and takes
# keys. The cloud kernel has no display drivers: the other one is needed.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
install_missing linux-image-amd64 kmod seabios >/dev/null
kernel=$(ls -v /boot/vmlinuz-*-amd64 2>/dev/null | grep -v cloud | tail -n 1)
[ -n "$kernel" ] || { echo "no kernel with display drivers in /boot"; exit 77; }
modules=$(find_modules "$kernel" bochs virtio_pci virtio_input evdev psmouse)
[[ $modules == *bochs.ko* ]] || { echo "no modules for $kernel"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
say() { echo "T: $*"; }
i=0
until grep -q 'Mouse' /proc/bus/input/devices || [ $i -gt 300 ]; do sleep 0.1; i=$((i + 1)); done
say "screen $(cat /sys/class/graphics/fb0/virtual_size) $(cat /sys/class/graphics/fb0/bits_per_pixel)"
# line n of the console has the background 1 + n % 7; no cursor
{
    printf '\033[?25l\033[H'
    n=0
    while [ $n -lt 45 ]; do
        printf '\033[%d;1H\033[4%dm\033[K' $((n + 1)) $((1 + n % 7))
        n=$((n + 1))
    done
} >/dev/tty1
grep -e '^N:' -e '^H:' /proc/bus/input/devices | while read -r line; do say "device $line"; done
for device in /dev/input/event*; do
    n=${device#/dev/input/event}
    # 24 bytes each: time, type, code, value; as numbers of 16 bits
    (while set -- $(dd bs=24 count=1 2>/dev/null | od -An -v -tu2) && [ $# -eq 12 ]; do
        say "event $n $9 ${10} ${11}"
    done <"$device") &
done
say "ready"
wait
sleep 1000
INIT
make_initramfs "$work" "$modules" || exit 1
timeout 300 python3 "$TOP/tests/integration/display.py" "$BUILD/tools/vemu/vemu" "$kernel" \
    "$work/initramfs"
