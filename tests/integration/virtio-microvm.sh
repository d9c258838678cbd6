#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's kernel with its own virtio drivers on microvm: root on an ext4 image, data that the host and
# two boots of the guest agree on, entropy, discards, a console, a named port, a balloon.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
need_guest virtio_mmio virtio_blk virtio-rng virtio_console virtio_balloon
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work"/root/{bin,sbin,proc,sys,dev,data}
cp "$(command -v busybox)" "$work/root/bin/busybox"
head -c 4000000 /dev/urandom >"$work/root/data/from-host"
cat >"$work/root/sbin/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
grep -q '^/dev/vda / ext4' /proc/mounts && echo "ROOT vda"
if [ ! -e /data/from-guest ]; then
    echo "HOST-DATA $(sha256sum </data/from-host)"
    echo "SERIAL $(cat /sys/block/vda/serial)"
    echo "QUEUE $(cat /sys/block/vda/queue/write_cache) $(cat /sys/block/vda/size)"
    echo "SECOND $(cat /sys/block/vdb/ro) $(sha256sum </dev/vdb)"
    echo "RNG $(cat /sys/class/misc/hw_random/rng_current)"
    echo "PORT $(cat /sys/class/virtio-ports/*/name)"
    echo "for the agent" >/dev/vport4p1
    echo "on the second console" >/dev/hvc0
    echo "BALLOON $(ls /sys/bus/virtio/drivers/virtio_balloon | grep -c virtio)"
    dd if=/dev/hwrng of=/data/from-guest bs=4096 count=100 iflag=fullblock 2>/dev/null
    rm /data/from-host; sync
    fstrim / && echo "TRIMMED"
    sync
    echo "GUEST-DATA $(sha256sum </data/from-guest)"
    mount -o remount,ro /
    reboot -f
fi
echo "AGAIN $(sha256sum </data/from-guest)"
mount -o remount,ro /
poweroff -f
INIT
chmod +x "$work/root/sbin/init"
mkfs.ext4 -q -d "$work/root" "$work/disk" 48M || exit 1
head -c 1000000 /dev/urandom >"$work/second"
truncate -s 1000448 "$work/second" # whole sectors

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
mount -t ext4 /dev/vda /root && mount --move /dev /root/dev && exec switch_root /root /sbin/init
poweroff -f
INIT
make_initramfs "$work" "$modules"
before=$(stat -c %b "$work/disk")

timeout 200 "$BUILD/tools/vemu/vemu" -accel soft -machine microvm -m 256M -kernel "$kernel" \
    -initrd "$work/initramfs" -append "console=ttyS0 quiet panic=-1" -nographic \
    -drive "file=$work/disk,if=none,id=d0,format=raw,discard=unmap" \
    -device virtio-blk-device,drive=d0,serial=integration \
    -blockdev "raw,node-name=d1,read-only=on,file.driver=file,file.filename=$work/second,file.read-only=on" \
    -device virtio-blk,drive=d1 -device virtio-rng -device virtio-balloon,free-page-reporting=on \
    -chardev "file,id=con,path=$work/con" -chardev "file,id=agent,path=$work/agent" \
    -device virtio-serial -device virtconsole,chardev=con \
    -device virtserialport,chardev=agent,name=org.test.agent </dev/null 2>&1 | tr -d '\r' >"$work/log"

bad=0
expect() { # WHAT TEXT
    grep -qF -- "$2" "$work/log" || { echo "$1: no '$2'"; bad=1; }
}
[ "$(grep -c '^ROOT vda' "$work/log")" = 2 ] || { echo "not two boots"; bad=1; }
expect "what the host wrote" "HOST-DATA $(sha256sum <"$work/root/data/from-host")"
expect "serial number" "SERIAL integration"
expect "queue" "QUEUE write back $((48 * 2048))"
expect "second disk, read-only" "SECOND 1 $(sha256sum <"$work/second")"
expect "entropy" "RNG virtio_rng"
expect "discard" TRIMMED
expect "named port" "PORT org.test.agent"
expect "balloon" "BALLOON 1"
grep -q "for the agent" "$work/agent" || { echo "nothing at the agent's port"; bad=1; }
grep -q "on the second console" "$work/con" || { echo "nothing on the virtio console"; bad=1; }
guest=$(sed -n 's/^GUEST-DATA //p' "$work/log")
[ -n "$guest" ] && expect "after the reboot" "AGAIN $guest"
[ "$(stat -c %b "$work/disk")" -lt "$before" ] || { echo "discards freed nothing"; bad=1; }
e2fsck -fn "$work/disk" >"$work/fsck" 2>&1 || { echo "file system:"; cat "$work/fsck"; bad=1; }
debugfs -R "dump /data/from-guest $work/from-guest" "$work/disk" 2>/dev/null
[ "$(sha256sum <"$work/from-guest")" = "$guest" ] || { echo "the host reads something else"; bad=1; }
[ $bad = 0 ] || tail -n 30 "$work/log"
exit $bad
