#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Work for Debian's own programs. Prints the same wherever it runs: the test compares guest and host.
# Usage: userland.sh DIRECTORY (with rsa.pem and text.txt; files are written there)
cd "$1" || exit 1
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0

echo "== bash"
declare -A seen
a=1 b=1
for i in {1..60}; do
    seen[$((a % 97))]+="$i,"
    ((c = a + b, a = b, b = c))
done
echo "fib $a $b ${#seen[@]}"
for k in $(printf '%s\n' "${!seen[@]}" | sort -n); do echo "$k ${seen[$k]}"; done | head -n 12
s=abcdefghijklmnopqrstuvwxyz
echo "${s:3:9} ${s//[aeiou]/-} ${s^^}" $((0x7fffffffffffffff + 1)) $((-7 / 2)) $((-7 % 3))
[[ "2026-11-21" =~ ^([0-9]+)-([0-9]+)-([0-9]+)$ ]] && echo "${BASH_REMATCH[@]}"
printf '%5.2f|%-8s|%08x|%e\n' 3.14159 left 48879 12345.678

echo "== perl"
perl -e '
use strict; use warnings;
my %h; my $x = 12345;
for (1 .. 20000) { $x = ($x * 1103515245 + 12345) & 0x7fffffff; $h{$x % 1009} += $x & 255; }
my @top = (sort { $h{$b} <=> $h{$a} || $a <=> $b } keys %h)[0 .. 9];
print join(" ", map { "$_=$h{$_}" } @top), "\n";
my $t = "the quick brown fox jumps over the lazy dog " x 200;
my %w; $w{$_}++ for split / /, $t;
print join(",", map { "$_:$w{$_}" } sort keys %w), "\n";
$t =~ s/(\w+) (\w+)/$2 $1/g; print substr($t, 0, 60), " ", length $t, "\n";
printf "%.15g %.17g %s %s\n", 1/3, 1e100/7, 0.1+0.2, 1e15+0.3;
print join(" ", unpack("N n C a*", pack("N n C a*", 4042322160, 65535, 255, "xyz"))), "\n";
print 18446744073709551615, " ", -17 % 5, " ", 2**0.5, " ", int(-3.7), " ", 7.5 % 4, "\n";
'

echo "== python"
python3 - <<'PY'
import hashlib, json, math, struct, zlib, re
from fractions import Fraction
n = 1
for i in range(2, 400): n *= i
print(n % (10**40), len(str(n)), hash(n) % 1000003)
print(sum(Fraction(1, i) for i in range(1, 60)))
x, acc = 42, []
for _ in range(5000):
    x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
    acc.append(x >> 33)
acc.sort()
print(acc[:3], acc[-3:], sum(acc))
data = struct.pack("<%dI" % len(acc), *acc)
print(hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest(), zlib.crc32(data), zlib.adler32(data))
print(len(zlib.compress(data, 9)), zlib.decompress(zlib.compress(data)) == data)
print(json.dumps({"pi": math.pi, "list": [1.5, None, True, "ü"], "e": [1e-7, 1e22, -0.0]}, sort_keys=True))
z = 0.0
for i in range(1, 3000): z += math.sqrt(i) / (i * i + 0.5) * (-1) ** i
print(repr(z), z.hex(), math.fsum([0.1] * 10), round(2.675, 2), math.floor(-2.5), divmod(-7, 2))
print([f"{v:.10f}" for v in (math.sin(1.25), math.exp(-3.5), math.log(17), math.atan2(3, -4), math.pow(1.7, 9.3))])
print(float.fromhex("0x1.fffffffffffffp-1022"), 5e-324 / 2, 1.7976931348623157e308 * 10)
print(re.sub(r"(\d+)", lambda m: str(int(m[1]) ** 2), "a1b22c333"), pow(3, 10**9, 10**9 + 7))
PY

echo "== openssl"
openssl version | cut -d' ' -f1
for digest in md5 sha1 sha256 sha512 sha3-256 blake2b512; do openssl dgst -$digest text.txt; done
openssl enc -aes-256-cbc -K $(printf 'ab%.0s' {1..32}) -iv $(printf '01%.0s' {1..16}) -in text.txt | sha256sum
openssl enc -chacha20 -K $(printf 'cd%.0s' {1..32}) -iv $(printf '02%.0s' {1..16}) -in text.txt | sha256sum
openssl dgst -sha256 -sign rsa.pem -out sig.bin text.txt && sha256sum sig.bin
openssl rsa -in rsa.pem -pubout -out pub.pem 2>/dev/null && openssl dgst -sha256 -verify pub.pem -signature sig.bin text.txt
openssl prime 170141183460469231731687303715884105727

echo "== gzip sha256sum sort"
gzip -n9 <text.txt >text.gz && sha256sum text.gz && gzip -dc text.gz | cmp - text.txt && echo same
gzip -n1 <text.txt | sha256sum
sort text.txt | sha256sum
sort -n -k2 text.txt | tail -n 3
sha256sum text.txt | cut -c1-64
echo "== end"
