#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Jobs on the disk of a guest that writes to it all the time; qemu-img looks at what comes of it.
set -u
[ "${VEMU_TEST_SOAK:-}" = 1 ] || { echo "VEMU_TEST_SOAK is not 1"; exit 77; }
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
command -v qemu-img >/dev/null || { echo "qemu-img is not installed"; exit 77; }
kernel=$(find_kernel)
modules=$([ -n "$kernel" ] && find_modules "$kernel" virtio_mmio virtio_blk)
[ -n "$modules" ] || { echo "no kernel with its modules in /boot"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

cat >init <<'INIT'
#!/bin/sh
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
(read line </dev/ttyS0; touch /stop) &
i=0
echo "GUEST READY"
while [ ! -e /stop ]; do
    i=$((i + 1))
    # pseudo-random places; every fourth time into what is there already
    dd if=/dev/urandom of=/dev/vda bs=$((4096 << i % 5)) seek=$((i * 37 % 120)) count=3 \
        conv=fsync 2>/dev/null || echo FAILED
done
wait
for line in 1 2; do
    sync
    echo 3 >/proc/sys/vm/drop_caches
    echo "SHA $(sha256sum </dev/vda)"
    read line </dev/ttyS0
done
echo "ROUNDS $i"
poweroff -f
INIT
make_initramfs . "$modules"

timeout 600 /usr/bin/python3 "$TOP/tests/integration/jobs.py" "$BUILD/tools/vemu/vemu" "$kernel" "$work/initramfs" "$work"
