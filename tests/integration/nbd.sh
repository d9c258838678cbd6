#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# NBD between vemu and others, both ways: vemu-nbd with nbdinfo, nbdcopy and qemu-img; the client
# driver with qemu-nbd and nbdkit.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
install_missing libnbd-bin nbdkit qemu-utils >/dev/null
for program in nbdinfo nbdcopy nbdkit qemu-nbd qemu-img; do
    command -v $program >/dev/null || { echo "no $program"; exit 77; }
done
. "$TOP/tests/lib/nbd.sh"

# --- our server ---
start server "$vemu_nbd" -t -e 8 -f raw -k "$work/server.sock" -x disk -D 'a disk' disk
nbdinfo "$(uri server disk)" >info || fail "nbdinfo"
grep -q 'export-size: 33554432' info && grep -q 'description: a disk' info || fail "$(cat info)"
grep -q 'can_multi_conn: true' info && grep -q base:allocation info || fail "$(cat info)"
nbdinfo --map "$(uri server disk)" | head -n 1 | grep -q '0 *1310720 *3' || fail "nbdinfo --map"
nbdinfo --list "$(uri server)" | grep -q 'export="disk"' || fail "nbdinfo --list"
nbdcopy "$(uri server disk)" copy && cmp disk copy || fail "nbdcopy from us"
nbdcopy --no-extents --synchronous "$(uri server disk)" copy2 && cmp disk copy2 || fail "nbdcopy -s"
qemu-img compare -f raw -F raw disk "$(uri server disk)" >/dev/null || fail "qemu-img compare"
dd if=/dev/urandom of=other bs=1M count=32 2>/dev/null
nbdcopy other "$(uri server disk)" && cmp other disk || fail "nbdcopy to us"
qemu-img convert -n -f raw -O raw copy "$(uri server disk)" && cmp copy disk || fail "qemu-img to us"
qemu-io -f raw -c 'write -P 7 1000 5000' -c 'write -z 2000 1000' -c 'discard 1M 1M' -c flush \
    -c 'read -P 7 1000 1000' -c 'read -P 0 2000 1000' "$(uri server disk)" >io ||
    fail "qemu-io: $(cat io)"
grep -q 'Pattern verification failed' io && fail "qemu-io: $(cat io)"
"$tool" list "$(uri server)" | grep -q "'disk' 'a disk' 33554432 rw" || fail "our list"
"$vemu_nbd" -L -k "$work/server.sock" | grep -q "export: 'disk'" || fail "vemu-nbd -L"
"$tool" stress "$(uri server disk)" 1 8 || fail "stress on our server"
stop
[ -e server.sock ] && fail "the socket is still there"
"$vemu_nbd" -r -f raw --fork --pid-file=pid -k "$work/once.sock" disk || fail "--fork"
kill -0 "$(cat pid)" || fail "--pid-file"
qemu-io -f raw -c 'write 0 512' "$(uri once)" >/dev/null 2>&1 && fail "-r lets clients write"
for i in $(seq 100); do [ -e once.sock ] || break; sleep 0.05; done
[ -e once.sock ] && fail "it does not end with the last client"
"$vemu_nbd" -c /dev/nbd0 disk 2>err && fail "--connect"
grep -q -- '--connect is not supported' err || fail "--connect: $(cat err)"
# what would have no effect is refused
refused() { # WORDS OPTION...
    local words=$1
    shift
    timeout 20 "$vemu_nbd" "$@" 2>err && fail "vemu-nbd $* is taken"
    grep -q -- "$words" err || fail "vemu-nbd $*: $(cat err)"
}
refused '--export-name does not go with --list' -L -x name -k server.sock
refused '--cache does not go with --list' -L --cache=none -k server.sock
refused '--fork does not go with --list' -L --fork -k server.sock
creds=tls-creds-x509,id=t0,dir=/nowhere
refused '--tls-creds=t0 is missing' --object $creds -k x.sock disk
refused 'not of endpoint=server' --object $creds,endpoint=client --tls-creds t0 -k x.sock disk
refused 'not of endpoint=client' --object $creds,endpoint=server --tls-creds t0 -L -k x.sock
refused 'verify-peer=off is not supported' --object $creds,verify-peer=off --tls-creds t0 -L -k x.sock

# what a backing chain and a dirty bitmap say
qemu-img create -q -f qcow2 base.qcow2 64M
qemu-io -c 'write -P 3 1M 4M' base.qcow2 >/dev/null
qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
qemu-img bitmap --add top.qcow2 b0
qemu-io -c 'write -P 5 8M 1M' top.qcow2 >/dev/null
start chain "$vemu_nbd" -t -r -e 8 -A -B b0 -f qcow2 -k "$work/chain.sock" top.qcow2 >started
nbdinfo --map=qemu:dirty-bitmap:b0 "$(uri chain)" | grep -q '8388608 *1048576 *1' || fail "dirty bitmap"
nbdinfo --map=qemu:allocation-depth "$(uri chain)" >map || fail "depth"
grep -q '1048576 *4194304 *2' map && grep -q '8388608 *1048576 *1' map || fail "depth: $(cat map)"
stop

# --- our client ---
cp copy disk
start qemu qemu-nbd -t -e 8 -f raw -k "$work/qemu.sock" -x disk disk
"$tool" copy "$(uri qemu disk)" copy2 4 && cmp copy copy2 || fail "copy from qemu-nbd"
"$tool" map "$(uri qemu disk)" | head -n 1 | grep -q '^0 1310720 zero' || fail "map of qemu-nbd"
"$tool" stress "$(uri qemu disk)" 1 8 || fail "stress on qemu-nbd"
"$tool" copy "$(uri qemu none)" copy2 1 2>err && fail "an export that is not there"
grep -q "no such export" err || fail "no such export: $(cat err)"
json='json:{"driver": "raw", "file": {"driver": "nbd", "export": "disk",
    "server": {"type": "unix", "path": "'$work'/qemu.sock"}}}'
"$tool" map "$json" >/dev/null || fail "json:"
stop
start kit nbdkit -f -U "$work/kit.sock" --filter=blocksize-policy memory 16M \
    blocksize-minimum=4096 blocksize-preferred=4096 blocksize-maximum=1M blocksize-error-policy=error
"$tool" stress "$(uri kit)" 1 8 || fail "stress on nbdkit with large blocks"
stop
start once nbdkit -f -U "$work/once.sock" --filter=exitlast --mask-handshake=0 memory 16M
"$tool" stress "$(uri once)" 1 4 || fail "stress on the oldest negotiation"
stop
# it goes in the middle of the work, and comes back
cp copy away
start back qemu-nbd -t -e 8 -f raw -k "$work/back.sock" away
(sleep 0.5; kill "$last"; sleep 0.5; rm -f back.sock; exec qemu-nbd -t -e 8 -f raw -k "$work/back.sock" away) &
pids+=($!)
json='json:{"driver": "raw", "file": {"driver": "nbd", "reconnect-delay": "20",
    "server": {"type": "unix", "path": "'$work'/back.sock"}}}'
"$tool" stress "$json" 3 8 || fail "stress over a break"
exit $bad
