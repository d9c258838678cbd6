#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's own bash, perl, python3, openssl, gzip and sha256sum give in a guest on the software CPU what
# they give on the host.
set -u
. "$TOP/tests/lib/packages.sh"
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/data"
script=$TOP/tests/guests/userland.sh
openssl genrsa 2048 >"$work/data/rsa.pem" 2>/dev/null
awk 'BEGIN { x = 7; for (i = 0; i < 4000; i++) { x = (x * 16807) % 2147483647; print "line", x, i % 13, "text" x } }' \
    >"$work/data/text.txt"

# The host's C library would choose AVX2 and FMA code, whose last bits may differ: keep it to SSE2.
export PATH=/usr/bin:/bin:/usr/sbin:/sbin
cp -r "$work/data" "$work/host"
GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX,-FMA,-FMA4,-AVX512F,-AVX2_Usable,-FMA_Usable \
    bash "$script" "$work/host" >"$work/host.out" 2>"$work/host.err"
tail -n 1 "$work/host.out" | grep -q '== end' || { echo "host run failed"; cat "$work/host.err"; exit 1; }

# What python and perl load beyond their shared libraries.
modules=$(/usr/bin/python3 -c '
import hashlib, json, math, struct, zlib, re, fractions, encodings.utf_8, encodings.ascii, encodings.latin_1, sys
import site, os, io, codecs, sysconfig
files = {getattr(m, "__file__", None) for m in list(sys.modules.values())}
print("\n".join(sorted(f for f in files if f)))')
perl_modules=$(/usr/bin/perl -e 'use strict; use warnings; print join("\n", values %INC)')
programs="/bin/bash /usr/bin/perl /usr/bin/python3 /usr/bin/openssl /bin/gzip /usr/bin/sha256sum
    /usr/bin/sort /usr/bin/awk /usr/bin/cut /usr/bin/head /usr/bin/tail /usr/bin/cmp /usr/bin/cat"
cat >"$work/init" <<'INIT'
#!/bin/bash
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo "GUEST-BEGIN"
/bin/bash /userland.sh /data
echo "GUEST-END $?"
poweroff -f
INIT
"$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" $programs $modules $perl_modules \
    /usr/lib/ssl/openssl.cnf
mkdir "$work/extra"
cp "$script" "$work/extra/userland.sh"
cp -r "$work/data" "$work/extra/data"
(cd "$work/extra" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/more"
cat "$work/base" "$work/more" >"$work/initramfs"

timeout 300 "$BUILD/tools/vemu/vemu" -accel soft -machine microvm -m 768M -kernel "$kernel" \
    -initrd "$work/initramfs" -append "console=ttyS0 quiet cryptomgr.notests" -nographic -no-reboot \
    </dev/null 2>&1 | tr -d '\r' >"$work/log"
sed -n '/^GUEST-BEGIN/,/^GUEST-END/p' "$work/log" | sed '1d;$d' >"$work/guest.out"
if ! diff "$work/host.out" "$work/guest.out"; then
    echo "host (<) and guest (>) differ"
    tail -n 20 "$work/log"
    exit 1
fi
echo "$(wc -l <"$work/host.out") lines are the same"
