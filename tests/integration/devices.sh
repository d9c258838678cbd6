#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# virsh and vmsh change the devices, memory and vCPUs of a Debian guest that runs, and the guest sees it.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
modules=$(find_modules "$kernel" virtio_pci virtio_blk virtio_net virtio_balloon)
[ -n "$modules" ] || { echo "no modules for $kernel"; exit 77; }
work=$(mktemp -d /tmp/devices-XXXXXX)
end() {
    for process in /proc/[0-9]*; do # guests that a failed step left behind
        case $(readlink "$process/cwd") in "$work"/*) kill -9 "${process#/proc/}" ;; esac
    done 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
# What the guest sees, a line whenever it changes.
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
last=
while sleep 0.1; do
    for cpu in /sys/devices/system/cpu/cpu[0-9]*; do # those that came are switched on
        [ -e "$cpu/online" ] && [ "$(cat "$cpu/online")" = 0 ] && echo 1 >"$cpu/online"
    done 2>/dev/null
    now="T: $(ls /sys/block | tr '\n' ' ')$(ls /sys/class/net | tr '\n' ' ')$(grep -c '^processor' /proc/cpuinfo)."
    [ "$now" = "$last" ] || echo "$now"
    last=$now
done
INIT
echo "$modules" >"$work/modules"
"$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" $modules
(cd "$work" && echo modules | cpio --quiet -o -H newc -R 0:0) >"$work/more"
cat "$work/base" "$work/more" >"$work/initramfs"
PYTHONDONTWRITEBYTECODE=1 timeout 280 python3 "$TOP/tests/tools/vmgrd-devices.py" "$BUILD" "$work" \
    "$kernel"
