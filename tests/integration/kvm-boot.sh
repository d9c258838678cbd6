#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# An unmodified Debian cloud kernel boots under -accel kvm to /init, with all its boot-time self-tests,
# and powers off. Where KVM cannot execute kernel-mode code, the emulation assist must: the statistics
# say what it did. Where it can, nothing may have been assisted.
#
# A soak (tests/run --soak), with user processes that use AVX while others run.
set -u
. "$TOP/tests/lib/packages.sh"
[ -r /dev/kvm ] && [ -w /dev/kvm ] || { echo "/dev/kvm is not usable here"; exit 77; }
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
[ "${VEMU_TEST_SOAK:-0}" = 1 ] || { echo "a soak: tests/run --soak"; exit 77; }
times=5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The programs below are dynamically linked: their C library picks AVX functions.
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev 2>/dev/null
echo "INIT-REACHED $(uname -r)"
dd if=/dev/urandom of=/tmp/data bs=64k count=16 2>/dev/null
want=$(md5sum </tmp/data)
for round in 1 2 3 4; do
    for job in 1 2 3; do
        (for i in 1 2 3 4 5; do [ "$(/usr/bin/md5sum </tmp/data)" = "$want" ] || echo "WRONG-SUM"; done) &
    done
    wait
done
echo "SUMS-DONE"
poweroff -f
INIT
"$TOP/tests/lib/initramfs.sh" "$work/initramfs" "$work/init" /usr/bin/md5sum

check_log() { # FILE: what a boot must and must not say
    local file=$1 bad
    grep -q INIT-REACHED "$file" || { echo "/init was not reached"; return 1; }
    grep -q SUMS-DONE "$file" || { echo "the processes did not end"; return 1; }
    bad=$(grep -E 'WRONG-SUM|WARNING:|BUG:|Oops|general protection|segfault|XSAVE consistency|alg: .*fail|self-?tests? fail|Kernel panic' "$file")
    [ -z "$bad" ] || { echo "the guest complains: $bad"; return 1; }
    grep -qE 'alg: self-tests for .* passed' "$file" || { echo "no self-tests seen"; return 1; }
}

good=0
for i in $(seq "$times"); do
    timeout 1500 "$BUILD/tools/vemu/vemu" -accel kvm -machine microvm -m 256M -kernel "$kernel" \
        -initrd "$work/initramfs" -append "console=ttyS0" -nographic -no-reboot \
        -d debug -D "$work/debug" </dev/null >"$work/log" 2>&1
    status=$?
    if [ $status -eq 0 ] && check_log "$work/log"; then
        good=$((good + 1))
    else
        echo "boot $i: status $status"
        tail -n 30 "$work/log"
    fi
    grep 'emulation assist' "$work/debug" | sed 's/^[^ ]* debug: //'
    if [ -d /sys/module/kvm_pvm ]; then
        grep -q 'emulation assist: .* on the host' "$work/debug" || { echo "no statistics"; good=-99; }
    elif grep -q 'emulation assist' "$work/debug"; then
        echo "this KVM runs kernel mode itself and needed help"
        good=-99
    fi
    rm -f "$work/debug"
done
echo "$good of $times boots reached /init"
[ "$good" = "$times" ]
