#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's memtest86+ on q35 and the software CPU, started by -kernel: a pass finds no errors. Only with
# VEMU_TEST_SOAK=1.
set -u
[ "${VEMU_TEST_SOAK:-0}" = 1 ] || { echo "minutes; only with --soak"; exit 77; }
image=/boot/memtest86+x64.bin
[ -e "$image" ] || { echo "no $image (package memtest86+)"; exit 77; }
work=$(mktemp -d)
"$BUILD/tools/vemu/vemu" -accel soft -machine q35 -m 16M -kernel "$image" \
    -append "console=ttyS0,115200" -display none -serial "file:$work/log" -nic none </dev/null &
vemu=$!
trap 'kill $vemu 2>/dev/null; rm -rf "$work"' EXIT
said() { LC_ALL=C sed 's/\x1b\[[0-9;?]*[A-Za-z]/\n/g' "$work/log" 2>/dev/null; }
until_said() { # PATTERN SECONDS
    for _ in $(seq $((10 * $2))); do
        said | grep -aqE "$1" && return
        kill -0 $vemu 2>/dev/null || { echo "vemu ended"; break; }
        sleep 0.1
    done
    echo "memtest86+ does not say '$1' but:"
    said | tail -n 20
    exit 1
}
until_said 'Memtest86\+ v' 120
until_said 'Pass:  *[1-9]|^ *[1-9][0-9]* +Errors' 3000
if said | grep -aqE 'Errors: *[1-9]|Unexpected interrupt'; then
    echo "memtest86+ found errors:"
    said | tail -n 20
    exit 1
fi
