#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest that writes to ext4 on qcow2 with a backing file, whose vemu is killed in mid-write: three times; with
# VEMU_TEST_SOAK=1 fifty times on images of all kinds, and with fio, which takes the guest seconds to start.
# Time limit: 1800 s
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
for tool in fio mkfs.ext4 e2fsck debugfs qemu-img; do
    command -v $tool >/dev/null || { echo "no $tool"; exit 77; }
done
kernel=$(find_kernel)
modules=$([ -n "$kernel" ] && find_modules "$kernel" virtio_mmio virtio_blk ext4)
[ -n "$modules" ] || { echo "no kernel with its modules in /boot"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# What goes on: fio overwrites blocks that carry their own checksum, slots of a file are overwritten one by one,
# files come and go. A line on the console after fsync() says what has to be there from now on.
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in $(cat /modules); do insmod "$module"; done
mount -t ext4 -o discard,noatime /dev/vda /root || { echo MOUNT-FAILED; poweroff -f; }
mount -t devtmpfs dev /root/dev
boot=$(sed 's/.*boot=\([0-9]*\).*/\1/' /proc/cmdline)
for file in /root/files/*; do
    [ "${file##*/}" = "${file##*/$((boot - 1))-}" ] || continue # the last boot's stay
    echo "GONE ${file##*/}"
    rm -f "$file"
done
fio=$(cat /fio 2>/dev/null)
[ -z "$fio" ] || chroot /root "$fio" --name=over --filename=/fio.data --rw=randwrite --bs=4k --size=16M --direct=1 --loops=1000 \
    --verify=crc32c --do_verify=0 --verify_fatal=1 --verify_state_save=0 --fsync=48 --allow_file_create=0 \
    --randseed=$((boot + 77)) \
    >/fio.log 2>&1 &
until [ -z "$fio" ] || [ "$(awk '{ print $5 }' /sys/block/vda/stat)" -gt 40 ]; do
    kill -0 %1 2>/dev/null || { echo FIO-FAILED; cat /fio.log; break; }
    usleep 20000
done
(
    i=0
    while :; do
        i=$((i + 1))
        slot=$((i * 7919 % 256))
        yes "slot $slot boot $boot round $i" |
            dd of=/root/slots bs=4k count=1 iflag=fullblock seek=$slot conv=notrunc,fsync 2>/dev/null ||
            { echo SLOT-FAILED; break; }
        echo "SLOT $slot $boot $i"
    done
) &
i=0
while :; do
    i=$((i + 1))
    dd if=/dev/urandom of=/root/files/$boot-$i bs=4k count=$((1 + i * 37 % 96)) conv=fsync 2>/dev/null ||
        { echo FILE-FAILED; break; }
    echo "FILE $boot-$i $(sha256sum </root/files/$boot-$i | cut -c 1-64)"
    [ -z "$fio" ] || kill -0 %1 2>/dev/null || { echo FIO-FAILED; cat /fio.log; }
    [ $i -gt 40 ] && echo "GONE $boot-$((i - 40))" && rm /root/files/$boot-$((i - 40))
done
poweroff -f
INIT
echo "$modules" >"$work/modules"
fio=$(readlink -f "$(command -v fio)")
kills=3 load=
[ "${VEMU_TEST_SOAK:-0}" = 1 ] && kills=50 load=$fio
echo "$load" >"$work/fio"
"$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" $modules || exit 1
(cd "$work" && printf "modules\nfio\n" | cpio --quiet -o -H newc -R 0:0) >"$work/more"
cat "$work/base" "$work/more" >"$work/initramfs"

# The backing file: fio with its libraries, and blocks and slots that were written once. A block of the file
# system is one of fio's, or a kill could rightly leave half of that.
mkdir -p "$work/tree/files" "$work/tree/dev" || exit 1
for file in ${load:+$fio $(ldd "$fio" | grep -o '/[^ ]*')}; do
    mkdir -p "$work/tree/${file%/*}" && cp -L "$file" "$work/tree/$file" || exit 1
done
truncate -s 1M "$work/tree/slots"
fio --name=lay --filename="$work/tree/fio.data" --rw=write --bs=4k --size=16M --verify=crc32c \
    --do_verify=0 --verify_state_save=0 >/dev/null || exit 1
mkfs.ext4 -q -b 4096 -d "$work/tree" "$work/base.raw" "$(($(du -sm "$work/tree" | cut -f 1) + 96))M" >/dev/null || exit 1
qemu-img convert -O qcow2 "$work/base.raw" "$work/base.qcow2" || exit 1
rm -r "$work/tree" "$work/base" "$work/more" "$work/base.raw"

python3 "$TOP/tests/integration/disk-kill.py" "$BUILD" "$kernel" "$work" "$kills" "${load:+fio}"
