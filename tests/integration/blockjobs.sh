#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# virsh and vmsh merge and copy the images of disks that a guest writes to; nothing of it is lost.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
for tool in virsh qemu-img qemu-nbd; do
    command -v "$tool" >/dev/null || { echo "no $tool"; exit 77; }
done
need_guest virtio_pci virtio_blk
work=$(mktemp -d /tmp/blockjobs-XXXXXX)
trap 'remove_work "$work"' EXIT
# Writes numbered blocks to the first disk, one after the other, and says which is down.
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
until [ -b /dev/vda ]; do
    echo "no disk yet"
    sleep 1
done
n=0
while :; do
    n=$((n + 1))
    printf '%-4096s' "block $n" | dd of=/dev/vda bs=4096 seek=$((n % 1024)) conv=fsync 2>/dev/null \
        || { echo "cannot write"; sleep 1; continue; }
    echo "W: $n $(cat /sys/block/vda/size)."
    usleep 50000
done
INIT
make_initramfs "$work" "$modules"
PYTHONDONTWRITEBYTECODE=1 timeout 280 python3 "$TOP/tests/tools/vmgrd-blockjobs.py" "$BUILD" \
    "$work" "$kernel"
