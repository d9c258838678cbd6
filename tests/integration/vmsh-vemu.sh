#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmsh runs a real guest through its whole life; the guest obeys its power button.
set -u
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/guests.sh"
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
drivers=/lib/modules/${kernel#/boot/vmlinuz-}/kernel/drivers
for module in "$drivers/acpi/button.ko" "$drivers/input/evdev.ko"; do
    [ -e "$module" ] || { echo "no module $module"; exit 77; }
done
work=$(mktemp -d)
trap 'remove_work "$work"' EXIT
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
drivers=/lib/modules/$(uname -r)/kernel/drivers
insmod "$drivers/input/evdev.ko"
insmod "$drivers/acpi/button.ko"
mkdir -p /etc/acpi/PWRF /var/log /var/run
cat >/etc/acpi/PWRF/00000080 <<'PRESSED'
#!/bin/sh
echo POWER-BUTTON >/dev/console
poweroff -f
PRESSED
chmod +x /etc/acpi/PWRF/00000080
acpid
until ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q /dev/input/event; do :; done
echo READY
while :; do setsid sh -c 'exec sh </dev/ttyS0 >/dev/ttyS0 2>&1'; done
INIT
"$TOP/tests/lib/initramfs.sh" "$work/initramfs" "$work/init" "$drivers/acpi/button.ko" \
    "$drivers/input/evdev.ko"
PYTHONDONTWRITEBYTECODE=1 timeout 300 python3 "$TOP/tests/tools/vmsh-vemu.py" \
    "$BUILD/tools/vmsh/vmsh" "$kernel" "$work/initramfs" "$work"
