#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a library exports, what its version map lists and what its headers declare are the same.
set -u
bad=0
for lib in vkvm vemu vmgr; do
    so=$(ls "$BUILD"/lib$lib/lib$lib.so 2>/dev/null) || { echo "lib$lib.so is missing"; bad=1; continue; }
    exported=$(nm -D --defined-only "$so" | awk '$2 ~ /[TDRB]/ { sub(/@.*/, "", $3); print $3 }' | sort -u)
    mapped=$(grep -oP '^\s+\K[a-z_0-9]+(?=;)' "$TOP/lib$lib/lib$lib.map" | sort -u)
    # arm64.h has its own map, which arm64.sh compares
    declared=$(find "$TOP/lib$lib/include/$lib" -name '*.h' ! -name arm64.h -exec cat {} + | sed 's|/\*.*\*/||g' |
        tr '\n' ' ' | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' |
        grep -oP "\b${lib}_[a-z0-9_]+(?=\()" | sort -u)
    diff <(echo "$exported") <(echo "$mapped") >/tmp/symbols.$$ ||
        { echo "lib$lib: exported (<) against map (>):"; cat /tmp/symbols.$$; bad=1; }
    diff <(echo "$mapped") <(echo "$declared") >/tmp/symbols.$$ ||
        { echo "lib$lib: map (<) against headers (>):"; cat /tmp/symbols.$$; bad=1; }
done
rm -f /tmp/symbols.$$
exit $bad
