#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The examples build against an installed tree through pkg-config alone, and run.
set -u
. "$TOP/tests/lib/packages.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
DESTDIR=$work/root meson install -C "$BUILD" --no-rebuild >"$work/install.log" 2>&1 ||
    { cat "$work/install.log"; exit 1; }
prefix=$work/root/usr/local
libdir=$(dirname "$(find "$prefix" -name libvemu.so | head -n 1)")
export PKG_CONFIG_PATH=$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/root LD_LIBRARY_PATH=$libdir
export PATH=$prefix/bin:$PATH VMGR_EMULATOR=$prefix/bin/vemu # installed, but not in its final place

build() { # NAME PACKAGE COMPILER...
    local name=$1 package=$2
    shift 2
    # shellcheck disable=SC2046
    "$@" -Wall -Wextra -Werror -o "$work/$name" "$TOP/$package/docs/$name.c" \
        $(pkg-config --cflags --libs "$package") || { echo "$name does not build"; exit 1; }
    [ "$(wc -l <"$TOP/$package/docs/$name.c")" -le 100 ] || { echo "$name is over 100 lines"; exit 1; }
}
for file in "$TOP"/libvkvm/docs/example-*.c; do
    build "$(basename "$file" .c)" libvkvm gcc -std=gnu11 -pthread
done
build example-boot libvemu gcc -std=gnu11
build example-domain libvmgr gcc -std=gnu11

failed=0
if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
    # each says what it prints
    for file in "$TOP"/libvkvm/docs/example-*.c; do
        name=$(basename "$file" .c)
        expected=$(sed -n 's/^ \* Prints: //p' "$file")
        out=$(timeout 20 "$work/$name") && [ -n "$expected" ] && grep -qE "$expected" <<<"$out" ||
            { echo "$name: $out"; failed=1; }
    done
else
    echo "no /dev/kvm: libvkvm's examples were built, not run"
fi
kernel=$(find_kernel)
printf '#!/bin/sh\necho EXAMPLE-GUEST-RUNS\n/bin/busybox poweroff -f\n' >"$work/init"
"$TOP/tests/lib/initramfs.sh" "$work/initramfs" "$work/init"
timeout 120 "$work/example-boot" "$kernel" "$work/initramfs" "console=ttyS0 cryptomgr.notests" \
    </dev/null >"$work/boot.out" 2>&1
status=$?
grep -q EXAMPLE-GUEST-RUNS "$work/boot.out" && [ $status -eq 0 ] ||
    { echo "example-boot: status $status"; tail -n 5 "$work/boot.out"; failed=1; }
timeout 120 "$work/example-domain" "$work/state" "$kernel" "$work/initramfs" >"$work/domain.out" 2>&1
status=$?
grep -q 'example: shut off' "$work/domain.out" && [ $status -eq 0 ] ||
    { echo "example-domain: status $status"; tail -n 5 "$work/domain.out"; failed=1; }
exit $failed
