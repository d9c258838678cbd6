#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An unmodified Debian cloud kernel boots to /init on the software CPU, again and again, and powers off.
set -u
. "$TOP/tests/lib/packages.sh"
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
times=3
[ "${VEMU_TEST_SOAK:-0}" = 1 ] && times=50
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
echo "INIT-REACHED $(uname -r) $(grep -c ^processor /proc/cpuinfo)"
poweroff -f
INIT
"$TOP/tests/lib/initramfs.sh" "$work/initramfs" "$work/init"
good=0
for i in $(seq "$times"); do
    timeout 120 "$BUILD/tools/vemu/vemu" -accel soft -machine microvm -m 256M -kernel "$kernel" \
        -initrd "$work/initramfs" -append "console=ttyS0" -nographic -no-reboot \
        </dev/null >"$work/log" 2>&1
    status=$?
    if [ $status -eq 0 ] && grep -q INIT-REACHED "$work/log"; then
        good=$((good + 1))
    else
        echo "boot $i: status $status"
        tail -n 30 "$work/log"
    fi
done
echo "$good of $times boots reached /init"
[ "$good" = "$times" ]
