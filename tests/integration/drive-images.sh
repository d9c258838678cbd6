#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# -drive and -blockdev: what nodes their words make, locks that vemu and QEMU respect of each other,
# what is refused and how.
set -u
vemu=$BUILD/tools/vemu/vemu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
fail() { echo "FAILED: $*"; bad=1; }

gcc -m32 -nostdlib -static -Wl,--build-id=none "-Wl,-T,$TOP/tests/bench/payload.ld" -DIDLE -o idle \
    "$TOP/tests/bench/payload.S" 2>/dev/null || exit 1
truncate -s 1M a.img
machine=("$vemu" -accel soft -M microvm -S -display none -kernel idle)

# nodes TEXT ARGS...: the nodes there are, as "name:driver:file:ro:direct ...", are TEXT.
nodes() {
    local text=$1 found
    shift
    found=$(printf '%s\n' '{"execute":"qmp_capabilities"}' '{"execute":"query-named-block-nodes"}' \
        '{"execute":"quit"}' | timeout 60 "${machine[@]}" -qmp stdio "$@" 2>err | python3 -c '
import json, sys
for line in sys.stdin:
    answer = json.loads(line).get("return")
    if isinstance(answer, list):
        print(*["%s:%s:%s:%d:%d" % (n["node-name"], n["drv"], n["file"].split("/")[-1], n["ro"],
                                    n["cache"]["direct"]) for n in answer])')
    [ "$found" = "$text" ] || fail "$*: nodes '$found', expected '$text'; $(cat err)"
}
# refuse TEXT ARGS...
refuse() {
    local text=$1
    shift
    timeout 60 "${machine[@]}" "$@" </dev/null >out 2>err && fail "$*: no error"
    grep -qF -- "$text" err || fail "$*: says '$(cat err)', expected '$text'"
}

nodes "virtio0:raw:a.img:0:0" -drive file=a.img,format=raw
nodes "virtio0:raw:a.img:0:0" -drive file=a.img
grep -q "no format is given for 'a.img'" err || fail "no warning about the format: $(cat err)"
nodes "d:raw:a.img:1:1" -drive file=a.img,format=raw,id=d,readonly=on,cache=none
nodes "virtio0.file:file:a.img:0:0 virtio0:raw:a.img:0:0" \
    -drive file.driver=file,file.filename=a.img,format=raw
nodes "virtio0.file.file:raw:a.img:0:0 virtio0.file:copy-on-read:a.img:0:0 virtio0:throttle:a.img:0:0" \
    -drive file=a.img,format=raw,throttling.bps-total=1M,iops_rd=100,copy-on-read=on,werror=stop
nodes "virtio0.file:file:a.img:0:0 virtio0:raw:a.img:0:0" -drive file.filename=a.img
nodes "x.file:file:a.img:0:0 x:raw:a.img:0:0" \
    -blockdev '{"driver":"raw","node-name":"x","file":{"driver":"file","filename":"a.img"}}'
nodes "low:file:a.img:0:1 x:raw:a.img:0:1" \
    -blockdev raw,node-name=x,file.driver=file,file.node-name=low,file.filename=a.img,file.cache.direct=on
nodes "f:file:a.img:0:0 x:raw:a.img:0:0" \
    -blockdev file,node-name=f,filename=a.img -blockdev raw,node-name=x,file=f

refuse "'bogus' is not known" -drive file=a.img,format=bogus
refuse "Unknown protocol 'gopher'" -drive file=gopher://a,format=raw
refuse "there is no property 'colour'" -drive file=a.img,format=raw,colour=red
refuse "werror 'panic'" -drive file=a.img,format=raw,werror=panic
refuse "excludes" -drive file=a.img,format=raw,throttling.bps-total=1,throttling.bps-read=1
refuse "detect-zeroes=unmap needs discard=unmap" -drive file=a.img,format=raw,detect-zeroes=unmap
refuse "node-name" -blockdev '{"driver":"raw"}'
refuse "JSON" -blockdev '{"driver":'
refuse "Failed to get \"write\" lock" -drive file=a.img,format=raw -drive file=a.img,format=raw

# two programs
if command -v qemu-io >/dev/null; then
    mkfifo hold
    qemu-io -f raw a.img <hold >/dev/null 2>&1 &
    exec 9>hold
    for _ in $(seq 100); do
        grep -q "OFDLCK.*READ" /proc/locks && break
        sleep 0.1
    done
    sleep 0.5
    refuse "\"write\" lock" -drive file=a.img,format=raw
    nodes "virtio0.file:file:a.img:1:0 virtio0:raw:a.img:1:0" -drive \
        file.filename=a.img,format=raw,readonly=on,file.locking=off,file.read-only=on
    exec 9>&-
    wait
    mkfifo qmp
    timeout 60 "${machine[@]}" -qmp stdio -drive file=a.img,format=raw <qmp >out 2>err &
    exec 9>qmp
    for _ in $(seq 200); do grep -q QMP out && break; sleep 0.1; done
    qemu-io -f raw -c "write 0 512" a.img >io 2>&1
    grep -q 'Failed to get "write" lock' io || fail "qemu-io wrote to a disk in use: $(cat io)"
    echo '{"execute":"qmp_capabilities"}{"execute":"quit"}' >&9
    exec 9>&-
    wait
    qemu-io -f raw -c "write 0 512" a.img >io 2>&1 || fail "the lock outlives the machine: $(cat io)"
fi

# throwaway overlays, where there is a format for them
if "$vemu" -blockdev help | grep -q "^  qcow2 "; then
    before=$(sha256sum <a.img)
    TMPDIR=$work timeout 60 "${machine[@]}" -qmp stdio -drive file=a.img,format=raw,snapshot=on >out 2>err \
        <<<'{"execute":"qmp_capabilities"}{"execute":"query-block"}{"execute":"quit"}'
    grep -q '"drv":"qcow2"' out || fail "snapshot=on: $(cat out err)"
    [ "$(sha256sum <a.img)" = "$before" ] || fail "snapshot=on changed the image"
    [ -z "$(ls vemu-* 2>/dev/null)" ] || fail "snapshot=on left $(ls vemu-*)"
else
    refuse "qcow2" -drive file=a.img,format=raw,snapshot=on
fi
exit $bad
