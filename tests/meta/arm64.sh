#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The architecture independent half of libvkvm, and src/arm64, compile for arm64 without warnings, and
# the library exports there what it exports here without x86's share, and arm64's own.
set -u
cd "$TOP/libvkvm" || exit 1
cc=aarch64-linux-gnu-gcc
command -v $cc >/dev/null || { echo "$cc is not installed"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0

flags=(-std=gnu11 -D_GNU_SOURCE -O2 -fPIC -fvisibility=hidden -Wall -Wextra -Werror -Wshadow
    -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wimplicit-fallthrough
    -Wno-unused-parameter -Wno-missing-field-initializers -Iinclude)
$cc "${flags[@]}" -shared -o "$dir/libvkvm.so" src/*.c src/arm64/*.c -lpthread \
    -Wl,--version-script=libvkvm.map -Wl,--version-script=src/arm64/libvkvm-arm64.map \
    -Wl,--no-undefined || exit 1

# Each header by itself, and none brings in x86.
for header in include/vkvm/*.h; do
    [ "$header" = include/vkvm/x86.h ] && continue
    echo "#include <${header#include/}>" >"$dir/header.c"
    $cc "${flags[@]}" -fsyntax-only "$dir/header.c" || { echo "$header"; bad=1; }
    $cc "${flags[@]}" -M "$dir/header.c" | grep -o 'vkvm/x86/[a-z0-9-]*\.h' |
        sed "s|^|$header includes |" | grep . && bad=1
done

# names FILE...: functions that headers declare.
names() {
    cat "$@" | tr '\n' ' ' | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' |
        grep -oP '\bvkvm_[a-z0-9_]+(?=\()' | sort -u
}
mapped() { grep -hoP '^\s+\K[a-z_0-9]+(?=;)' "$@" | sort -u; }

names include/vkvm/arm64.h >"$dir/arm64"
names include/vkvm/x86/*.h include/vkvm/debug.h >"$dir/x86"
# what vcpu.h declares only for x86 is not there either
nm -D --defined-only "$dir/libvkvm.so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' |
    sort -u >"$dir/exported"
mapped libvkvm.map | comm -23 - "$dir/x86" >"$dir/generic"
comm -23 "$dir/generic" "$dir/exported" >"$dir/missing"
sort -u "$dir/generic" "$dir/arm64" | comm -13 - "$dir/exported" >"$dir/unexpected"
[ -s "$dir/missing" ] && { echo "not exported on arm64:"; cat "$dir/missing"; bad=1; }
[ -s "$dir/unexpected" ] && { echo "exported on arm64 only:"; cat "$dir/unexpected"; bad=1; }
diff <(mapped src/arm64/libvkvm-arm64.map) "$dir/arm64" >"$dir/diff" ||
    { echo "arm64's map (<) against its header (>):"; cat "$dir/diff"; bad=1; }
grep -qx vkvm_vcpu_get_reg "$dir/exported" || { echo "no ONE_REG"; bad=1; }
echo "$(wc -l <"$dir/exported") functions, $(wc -l <"$dir/arm64") of them arm64's own"
exit $bad
