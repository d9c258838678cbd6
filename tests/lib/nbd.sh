# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of NBD share: servers that come and go, and an image. To be sourced after
# packages.sh; leaves the shell in a directory of its own, $work, with the image `disk`.
. "$TOP/tests/lib/sockets.sh"
vemu_nbd=$BUILD/tools/vemu-nbd/vemu-nbd tool=$BUILD/tests/vemu/nbd/nbd-tool
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
fail() { echo "$*"; bad=1; }

# start NAME COMMAND...: a server that listens at NAME.sock
start() {
    local name=$1 i
    shift
    "$@" >"$name.log" 2>&1 &
    pids+=($!)
    last=$!
    for i in $(seq 400); do
        listens "$work/$name.sock" && return
        kill -0 "$last" 2>/dev/null || break
        sleep 0.05
    done
    fail "$name does not start: $(cat "$name.log")"
}
stop() { kill "$last"; wait "$last" 2>/dev/null; }
uri() { echo "nbd+unix:///${2:-}?socket=$work/$1.sock"; }

# data, zeros and holes
truncate -s 32M disk
dd if=/dev/urandom of=disk bs=64k seek=20 count=100 conv=notrunc 2>/dev/null
dd if=/dev/zero of=disk bs=64k seek=200 count=20 conv=notrunc 2>/dev/null
