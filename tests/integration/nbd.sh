#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# NBD between vemu and others, both ways: vemu-nbd with nbdinfo, nbdcopy and qemu-img; the client
# driver with qemu-nbd and nbdkit; TLS with certificates that fit and such that do not; a guest with
# a disk over NBD, whose server goes and comes back.
# Time limit: 300 s
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
install_missing libnbd-bin nbdkit qemu-utils gnutls-bin >/dev/null
for program in nbdinfo nbdcopy nbdkit qemu-nbd qemu-img certtool; do
    command -v $program >/dev/null || { echo "no $program"; exit 77; }
done
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
    for i in $(seq 100); do
        [ -S "$name.sock" ] && return
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

# what a backing chain and a dirty bitmap say
qemu-img create -q -f qcow2 base.qcow2 64M
qemu-io -c 'write -P 3 1M 4M' base.qcow2 >/dev/null
qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
qemu-img bitmap --add top.qcow2 b0
qemu-io -c 'write -P 5 8M 1M' top.qcow2 >/dev/null
before=$bad
start chain "$vemu_nbd" -t -r -e 8 -A -B b0 -f qcow2 -k "$work/chain.sock" top.qcow2 >started
if grep -q "Unknown driver 'qcow2'" chain.log; then
    echo "no qcow2: no bitmaps"
    bad=$before
else
    nbdinfo --map=qemu:dirty-bitmap:b0 "$(uri chain)" | grep -q '8388608 *1048576 *1' || fail "dirty bitmap"
    nbdinfo --map=qemu:allocation-depth "$(uri chain)" >map || fail "depth"
    grep -q '1048576 *4194304 *2' map && grep -q '8388608 *1048576 *1' map || fail "depth: $(cat map)"
    stop
fi

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

# --- a guest ---
kernel=$(find_kernel)
modules=$([ -n "$kernel" ] && find_modules "$kernel" virtio_mmio virtio_blk)
if [ -n "$modules" ]; then
    cat >init <<'INIT'
#!/bin/sh
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
echo "READ $(sha256sum </dev/vda)"
for i in 1 2 3 4; do
    dd if=/dev/vda of=/dev/vda bs=64k skip=24 seek=$((i * 100)) count=64 conv=fsync 2>/dev/null || echo FAILED
    echo "ROUND $i"
    sleep 1
done
echo 3 >/proc/sys/vm/drop_caches
echo "WROTE $(sha256sum </dev/vda)"
poweroff -f
INIT
    echo "$modules" >modules
    "$TOP/tests/lib/initramfs.sh" base init $modules
    (echo modules | cpio --quiet -o -H newc -R 0:0) >more
    cat base more >initramfs
    cp copy far
    start far "$vemu_nbd" -t -e 8 -f raw -k "$work/far.sock" far
    (until grep -q 'ROUND 2' log 2>/dev/null; do sleep 0.1; done; kill "$last"; sleep 1
        exec "$vemu_nbd" -t -e 8 -f raw -k "$work/far.sock" far) &
    pids+=($!)
    timeout 120 "$BUILD/tools/vemu/vemu" -accel soft -machine microvm -m 128M -kernel "$kernel" \
        -initrd initramfs -append "console=ttyS0 quiet panic=-1" -nographic \
        -blockdev "driver=nbd,node-name=n,server.type=unix,server.path=$work/far.sock,reconnect-delay=30" \
        -device virtio-blk-device,drive=n </dev/null 2>&1 | tr -d '\r' >log
    grep -q "READ $(sha256sum <copy)" log || fail "the guest reads something else: $(tail -n 5 log)"
    grep -q "WROTE $(sha256sum <far)" log || fail "the guest wrote something else: $(tail -n 5 log)"
    cmp -s copy far && fail "the guest wrote nothing"
    grep -qE 'FAILED|I/O error' log && fail "errors in the guest: $(cat log)"
else
    echo "no kernel or no modules: no guest"
fi

# --- TLS ---
if [ -x "$BUILD/tools/vemu-tls/vemu-tls" ]; then
    # a program finds vemu-tls beside itself
    mkdir bin && cp "$tool" "$BUILD/tools/vemu-tls/vemu-tls" bin/
    tool=$work/bin/nbd-tool
    export LD_LIBRARY_PATH=$BUILD/libvemu:$BUILD/libvkvm
    mkdir pki other-pki
    for folder in pki other-pki; do
        certtool --generate-privkey --key-type=ecdsa --outfile $folder/ca-key.pem
        printf 'cn = CA\nca\ncert_signing_key\nexpiration_days = 2\n' >template
        certtool --generate-self-signed --load-privkey $folder/ca-key.pem --template template \
            --outfile $folder/ca-cert.pem
        for role in server client; do
            certtool --generate-privkey --key-type=ecdsa --outfile $folder/$role-key.pem
            printf 'cn = localhost\ndns_name = localhost\nexpiration_days = 2\nsigning_key\ntls_www_%s\n' \
                $role >template
            certtool --generate-certificate --load-ca-certificate $folder/ca-cert.pem \
                --load-ca-privkey $folder/ca-key.pem --load-privkey $folder/$role-key.pem \
                --template template --outfile $folder/$role-cert.pem
        done
    done >/dev/null 2>&1
    tls() { echo "nbds+unix:///?socket=$work/$1.sock&tls-certificates=$work/$2&tls-hostname=${3:-localhost}"; }
    cp copy disk
    start secure "$vemu_nbd" -t -e 8 -f raw -k "$work/secure.sock" --tls-creds=t0 \
        --object=tls-creds-x509,id=t0,endpoint=server,dir="$work/pki" disk
    nbdcopy "nbds+unix:///?socket=$work/secure.sock&tls-certificates=$work/pki" copy2 2>err &&
        cmp copy copy2 || fail "nbdcopy with TLS from us: $(cat err)"
    truncate -s 32M copy3
    "$tool" copy "$(tls secure pki)" copy3 4 && cmp copy copy3 || fail "TLS between us"
    "$tool" stress "$(tls secure pki)" 1 4 || fail "stress with TLS"
    "$tool" map "$(uri secure)" 2>err && fail "without TLS"
    grep -q 'wants TLS' err || fail "without TLS: $(cat err)"
    "$tool" map "$(tls secure other-pki)" 2>err && fail "another authority"
    grep -q certificate err || fail "another authority: $(cat err)"
    "$tool" map "$(tls secure pki elsewhere)" 2>err && fail "another host"
    grep -q 'name in the certificate' err || fail "another host: $(cat err)"
    mkdir bare && cp pki/ca-cert.pem bare/
    "$tool" map "$(tls secure bare)" 2>/dev/null && fail "a client without a certificate"
    stop
    start qtls qemu-nbd -t -e 8 -f raw -k "$work/qtls.sock" --tls-creds t0 \
        --object tls-creds-x509,id=t0,endpoint=server,dir="$work/pki" disk
    "$tool" stress "$(tls qtls pki)" 1 4 || fail "stress on qemu-nbd with TLS"
    stop
else
    echo "vemu-tls was not built: no TLS"
fi
exit $bad
