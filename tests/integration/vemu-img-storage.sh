#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vemu-img on storage that is not a plain file with room: a block device, a full disk.
set -u
ours=$BUILD/tools/vemu-img/vemu-img
work=$(mktemp -d)
loop=
trap 'umount "$work/small" 2>/dev/null; [ -z "$loop" ] || losetup -d "$loop"; rm -rf "$work"' EXIT
bad=0
complain() { echo "FAILED: $*"; bad=1; }
cd "$work" || exit 1
mkdir small
mount -t tmpfs -o size=2m none small || { echo "no tmpfs can be mounted here"; exit 77; }
dd if=/dev/urandom of=random bs=64k count=48 status=none
truncate -s 20M a.raw
dd if=random of=a.raw bs=64k seek=3 conv=notrunc status=none
cp random disk
truncate -s 20M disk
loop=$(losetup -f --show disk) || { loop=; echo "no loop devices here"; exit 77; }

# it has what it had: zeros have to be written
"$ours" convert -f raw -O raw a.raw "$loop" && cmp a.raw "$loop" || complain "a block device"
[ "$("$ours" info -f raw "$loop" | sed -n 's/^virtual size: .*(\(.*\) bytes)/\1/p')" = 20971520 ] ||
    complain "size of a block device"

for format in raw qcow2; do
    "$ours" convert -f raw -O $format a.raw small/x 2>err && complain "full disk ($format)"
    grep -q 'No space left on device' err || complain "full disk ($format): $(cat err)"
    [ ! -e small/x ] || complain "full disk: the target stays ($format)"
    cmp -s <(dd if=a.raw bs=64k skip=3 count=48 status=none) random || complain "the source has changed"
done
exit $bad
