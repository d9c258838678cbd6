#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# vemu-nbd against qemu-nbd: the same file in the page cache, the same clients, over a Unix socket.
#
#   BUILD=... tests/bench/nbd.sh [ROUNDS]
#
# For each round and server: milliseconds, and milliseconds of the server's processor time.
set -u
rounds=${1:-3} vemu_nbd=$BUILD/tools/vemu-nbd/vemu-nbd
work=$(mktemp -d)
trap 'kill $vemu $qemu 2>/dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 1
dd if=/dev/urandom of=disk bs=1M count=1024 2>/dev/null
"$vemu_nbd" -r -t -e 8 -k "$work/vemu.sock" -f raw disk & vemu=$!
qemu-nbd -r -t -e 8 -k "$work/qemu.sock" -f raw disk & qemu=$!
sleep 1
processor() { awk -v hz="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 1000 / hz) }' "/proc/${!server}/stat"; }
measure() {
    local used began
    used=$(processor) began=$(date +%s%N)
    "$@" >/dev/null 2>&1 || { echo "$* fails"; return; }
    printf '%6d %5d' $((($(date +%s%N) - began) / 1000000)) $(($(processor) - used))
}
printf '%-6s %-14s %-14s %-14s %-14s %-14s\n' server 'nbdcopy' 'nbdcopy -C 1' '4k depth 1' '4k depth 32' '64k depth 16'
for _ in $(seq "$rounds"); do
    for server in vemu qemu; do
        uri="nbd+unix:///?socket=$work/$server.sock"
        printf '%-6s' $server
        printf ' %-14s' "$(measure nbdcopy "$uri" null:)" "$(measure nbdcopy -C 1 "$uri" null:)" \
            "$(measure qemu-img bench -f raw -c 50000 -d 1 -s 4k "$uri")" \
            "$(measure qemu-img bench -f raw -c 100000 -d 32 -s 4k "$uri")" \
            "$(measure qemu-img bench -f raw -c 30000 -d 16 -s 64k "$uri")"
        echo
    done
done
