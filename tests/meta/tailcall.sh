#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Checks that the software CPU's handlers continue by jumping, not by calling: a call would let the
# host's stack grow with every guest instruction.
#
# usage: tailcall.sh [ARCHIVE]   (default: the one in $BUILD)
#
# In functions that are handlers (op_*, f_*, sc_op_*, sc_edge_*, and their _miss and _slow twins) there
# may be no indirect call, and no direct call to another handler.
set -eu

command -v objdump >/dev/null || { echo "objdump is not installed"; exit 77; }
objdump -d --no-show-raw-insn "${1:-$BUILD/libvemu/src/accel/soft/libvemu_soft.a}" | awk '
function handler(name) {
    sub(/\.(constprop|isra|part|cold).*/, "", name)
    return name ~ /^(op_|f_|sc_op_|sc_edge_(unlinked|legacy)|fused_|edge_)/
}
/^[0-9a-f]+ <.*>:$/ {
    name = $2; gsub(/[<>:]/, "", name)
    inside = handler(name)
    if (inside) handlers++
    next
}
inside && / call/ {
    target = $NF; gsub(/[<>]/, "", target); sub(/\+0x.*/, "", target)
    if ($0 ~ /call *\*/ || handler(target)) {
        print name ": " $0
        bad++
    }
}
END {
    printf "%d handlers, %d calls that should be jumps\n", handlers, bad
    exit bad > 0 || handlers < 500
}'
