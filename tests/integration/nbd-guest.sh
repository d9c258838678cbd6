#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest with a disk over NBD, whose server goes and comes back.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
kernel=$(find_kernel)
modules=$([ -n "$kernel" ] && find_modules "$kernel" virtio_mmio virtio_blk)
[ -n "$modules" ] || { echo "no kernel with its modules in /boot"; exit 77; }
. "$TOP/tests/lib/nbd.sh"

cat >init <<'INIT'
#!/bin/sh
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
echo "READ $(sha256sum </dev/vda)"
for i in 1 2 3 4; do
    dd if=/dev/vda of=/dev/vda bs=64k skip=24 seek=$((i * 100)) count=64 conv=fsync 2>/dev/null || echo FAILED
    echo "ROUND $i"
    sleep 1
done
echo 3 >/proc/sys/vm/drop_caches
echo "WROTE $(sha256sum </dev/vda)"
poweroff -f
INIT
make_initramfs . "$modules"
cp disk far
start far "$vemu_nbd" -t -e 8 -f raw -k "$work/far.sock" far
(until grep -q 'ROUND 2' log 2>/dev/null; do sleep 0.1; done; kill "$last"; sleep 1
    exec "$vemu_nbd" -t -e 8 -f raw -k "$work/far.sock" far) &
pids+=($!)
timeout 120 "$BUILD/tools/vemu/vemu" -accel soft -machine microvm -m 128M -kernel "$kernel" \
    -initrd initramfs -append "console=ttyS0 quiet panic=-1" -nographic \
    -blockdev "driver=nbd,node-name=n,server.type=unix,server.path=$work/far.sock,reconnect-delay=30" \
    -device virtio-blk-device,drive=n </dev/null 2>&1 | tr -d '\r' >log
grep -q "READ $(sha256sum <disk)" log || fail "the guest reads something else: $(tail -n 5 log)"
grep -q "WROTE $(sha256sum <far)" log || fail "the guest wrote something else: $(tail -n 5 log)"
cmp -s disk far && fail "the guest wrote nothing"
grep -qE 'FAILED|I/O error' log && fail "errors in the guest: $(cat log)"
exit $bad
