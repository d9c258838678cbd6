#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# virsh and vmsh change the devices, memory and vCPUs of a Debian guest that runs, and the guest sees it.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
need_guest virtio_pci virtio_blk virtio_net virtio_balloon virtio_console qemu_fw_cfg
work=$(mktemp -d /tmp/devices-XXXXXX)
trap 'remove_work "$work"' EXIT
# What the guest sees, a line whenever it changes.
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
echo "S: $(cat /sys/class/dmi/id/product_serial), $(cat /sys/class/dmi/id/board_asset_tag), $(cat /sys/firmware/qemu_fw_cfg/by_name/opt/test/file/raw)."
last= known=
while sleep 0.1; do
    for cpu in /sys/devices/system/cpu/cpu[0-9]*; do # those that came are switched on
        [ -e "$cpu/online" ] && [ "$(cat "$cpu/online")" = 0 ] && echo 1 >"$cpu/online"
    done 2>/dev/null
    ports=$(cat /sys/class/virtio-ports/*/name 2>/dev/null | tr '\n' ' ')
    [ "$ports" = "$known" ] || echo "P: ${ports:-none }."
    known=$ports
    now="T: $(ls /sys/block | tr '\n' ' ')$(ls /sys/class/net | tr '\n' ' ')$(grep -c '^processor' /proc/cpuinfo)."
    [ "$now" = "$last" ] || echo "$now"
    last=$now
done
INIT
make_initramfs "$work" "$modules"
PYTHONDONTWRITEBYTECODE=1 timeout 280 python3 "$TOP/tests/tools/vmgrd-devices.py" "$BUILD" "$work" \
    "$kernel"
