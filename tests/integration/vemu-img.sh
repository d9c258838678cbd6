#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vemu-img beside qemu-img: the same command lines give the same output, byte for byte, the same exit
# status, and images that the other one finds clean and equal. Also: interrupted.
set -u
command -v qemu-img >/dev/null || { echo "no qemu-img"; exit 77; }
ours=$BUILD/tools/vemu-img/vemu-img
[ -x "$ours" ] || { echo "no vemu-img"; exit 1; }
export LC_ALL=C TZ=UTC
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work"/{read,theirs,ours}
bad=0 count=0
complain() { echo "FAILED: $*"; bad=1; }

# run WHOSE DIRECTORY ARGS...: leaves output, errors and status.
run() {
    local who=$1 dir=$2 program=qemu-img
    shift 2
    [ "$who" = ours ] && program=$ours
    (cd "$dir" && timeout 60 "$program" "$@" >"$work/$who.out" 2>"$work/$who.err" </dev/null
        echo $? >"$work/$who.status")
    # how often progress is shown depends on the pieces
    sed -i -E 's/qemu-img/vemu-img/g; s/( {4}\([0-9.]+\/100%\)\r)+/(progress)/g' "$work/$who.out" \
        "$work/$who.err"
}
differs() { # WHAT ARGS...
    local what=$1
    shift
    complain "vemu-img $*"
    diff "$work/theirs.$what" "$work/ours.$what" | head -n 20
}
compare() { # WHAT... -- ARGS...
    local whats=() what
    while [ "$1" != -- ]; do whats+=("$1"); shift; done
    shift
    count=$((count + 1))
    for what in "${whats[@]}"; do
        cmp -s "$work/theirs.$what" "$work/ours.$what" || { differs "$what" "$@"; return; }
    done
}
# Reading: both look at the same files.
same() { run theirs "$work/read" "$@"; run ours "$work/read" "$@"; compare status out err -- "$@"; }
# The same, but errors are worded in another way: there has to be one, or none.
like() {
    run theirs "$work/read" "$@"
    run ours "$work/read" "$@"
    compare status out -- "$@"
    [ -s "$work/theirs.err" ] && [ ! -s "$work/ours.err" ] && complain "vemu-img $*: no message"
}
# Writing: each has its own directory.
both() { run theirs "$work/theirs" "$@"; run ours "$work/ours" "$@"; compare status out err -- "$@"; }
alike() { run theirs "$work/theirs" "$@"; run ours "$work/ours" "$@"; compare status out -- "$@"; }
# What both have made has the same contents and no errors.
equal() { # FORMAT FILE...
    local format=$1 file
    shift
    for file in "$@"; do
        count=$((count + 1))
        qemu-img compare -q -f "$format" -F "$format" "$work/theirs/$file" "$work/ours/$file" ||
            complain "contents of $file"
        [ "$format" != qcow2 ] || qemu-img check -q "$work/ours/$file" || complain "check of $file"
    done
}

# --- images --------------------------------------------------------------------------------------

cd "$work/read" || exit 1
dd if=/dev/urandom of=random bs=64k count=48 status=none
qemu-img create -q -f raw a.raw 20M
dd if=random of=a.raw bs=64k seek=3 conv=notrunc status=none
dd if=random of=a.raw bs=4k seek=2500 count=100 conv=notrunc status=none
dd if=/dev/zero of=a.raw bs=64k seek=200 count=10 conv=notrunc status=none
cp a.raw b.raw
printf x | dd of=b.raw bs=1 seek=9000000 conv=notrunc status=none
cp a.raw longer.raw
truncate -s 24M longer.raw
cp longer.raw other.raw
printf x | dd of=other.raw bs=1 seek=23000000 conv=notrunc status=none
printf abc >odd.raw
qemu-img create -q -f raw empty.raw 0
cp ./*.raw "$work/theirs"
cp ./*.raw "$work/ours"

# --- raw -----------------------------------------------------------------------------------------

for image in a.raw odd.raw empty.raw; do
    same info $image
    same info -f raw --output=json $image
    same info --backing-chain --output=json $image
    same measure -f raw $image
    [ $image = odd.raw ] && continue # the last sector is one for us
    same map -f raw $image
    same map -f raw --output=json $image
done
same map --output=json -f raw --start-offset=190k --max-length=1.5M a.raw
same map --output=json -f raw --max-length=0 a.raw
same info --image-opts driver=raw,file.driver=file,file.filename=a.raw
same info -U --image-opts driver=raw,file.filename=a.raw
for pair in "a.raw a.raw" "a.raw b.raw" "a.raw longer.raw" "longer.raw a.raw" "a.raw other.raw" \
    "-s a.raw longer.raw" "-p a.raw a.raw" "-q a.raw b.raw" "-s a.raw a.raw" "a.raw none" \
    "none a.raw" "-U -T none a.raw b.raw" "-T bad a.raw a.raw"; do
    # shellcheck disable=SC2086
    like compare -f raw -F raw $pair
done
same measure --size 1G
same measure --output=json --size 1.5T
same check -f raw a.raw
same check -q --output=json -f raw a.raw
same snapshot -l a.raw

both create -f raw new.raw 10M
both create -q new.raw 64k
both create -f raw full.raw 1M -o preallocation=full
both create -f raw falloc.raw -o preallocation=falloc,size=3M
equal raw new.raw full.raw falloc.raw
both convert -f raw -O raw a.raw c.raw
both convert -f raw -p -O raw -S 0 a.raw s0.raw
both convert -f raw -O raw -S 64k -m 4 -W a.raw s64.raw
both convert -f raw -O raw -C a.raw c2.raw
both convert -f raw -O raw a.raw odd.raw b.raw concat.raw
both convert -f raw -O raw -n a.raw longer.raw
both convert -f raw -O raw -n --target-is-zero a.raw c2.raw
both convert -f raw -O raw -t none -T none --salvage -q a.raw c3.raw
both convert -f raw --target-image-opts -n a.raw driver=raw,file.filename=c3.raw
equal raw c.raw s0.raw s64.raw c2.raw concat.raw longer.raw c3.raw
for file in c.raw c3.raw; do # holes are kept
    [ "$(du -k "$work/ours/$file" | cut -f 1)" -le $(($(du -k "$work/theirs/$file" | cut -f 1) + 64)) ] ||
        complain "$file has fewer holes"
done
[ "$(du -k "$work/ours/s0.raw" | cut -f 1)" -ge 20480 ] || complain "convert -S 0 left holes"
both dd -f raw if=a.raw of=d.raw bs=1M count=7
both dd -f raw if=a.raw of=d2.raw bs=3000 skip=5
both dd -f raw if=a.raw of=d3.raw bs=1M skip=100
equal raw d.raw d2.raw
[ ! -s "$work/ours/d3.raw" ] || complain "dd beyond the end"
(cd "$work/ours" && "$ours" dd -f raw bs=64k skip=3 count=5 if=a.raw of=part.raw) &&
    cmp -n $((5 * 65536)) "$work/ours/part.raw" "$work/read/random" &&
    [ "$(stat -c %s "$work/ours/part.raw")" -eq $((5 * 65536)) ] || complain "dd skip and count"
both resize -f raw c.raw +1M
both resize -f raw c.raw 30M
both resize -f raw c.raw 1M
both resize -f raw --shrink c.raw 1M
both resize -f raw --shrink c.raw -- -512k
both resize -q -f raw --preallocation=full c.raw +1M
both resize -f raw --preallocation=off c.raw 3M
both resize c.raw +1M
equal raw c.raw

# --- what is wrong -------------------------------------------------------------------------------

same
same nonsense
same -x
same create
same create --bad x
same create -f
same create a b c
same info
same info a b
same info --output=xml a.raw
like info none
same info -f nope a.raw
same info --image-opts -f raw driver=raw,file.filename=a.raw
like info --image-opts a.raw
like info -f qcow2 a.raw
same check -r foo a.raw
same map --start-offset=1Q a.raw
same map
same measure
same measure --size 1G a.raw
same measure -O nope --size 1G
same measure -O raw -o bad=1 --size 1G
same convert a.raw
same convert -O nope a.raw x
same convert -S 3 a.raw x
same convert -S bad a.raw x
same convert -m 100 a.raw x
same convert -m 0 a.raw x
same convert -C -S 4k a.raw x
same convert -c -C a.raw x
same convert -c -O raw a.raw x
like convert -n a.raw none
same convert -n -o size=1 a.raw b.raw
same convert --target-is-zero a.raw b.raw
same convert --bitmaps a.raw x
same convert --skip-broken-bitmaps a.raw x
same convert -r bad a.raw x
same convert -t bad a.raw x
rm -f x # qemu-img has made it before it looks
same convert -T bad a.raw x
same convert --target-image-opts a.raw b.raw
same convert --salvage -C a.raw x
same convert -n longer.raw a.raw
same convert -Z
like convert a.raw nodir/x
same convert -O raw a.raw a.raw
same convert -O qcow2 ./a.raw a.raw
same dd if=a.raw
same dd if=a.raw of=x bs=0
same dd if=a.raw of=x foo=1
same dd if=a.raw of=x count
same dd if=a.raw of=x bs=1T
like dd if=none of=x
same resize a.raw
same resize a.raw 10X
like resize none +10
same resize -f raw --preallocation=bad a.raw +1M
same resize -f raw --shrink --preallocation=full a.raw -- -1M
same resize -f raw --shrink a.raw -- -100M
same snapshot
same snapshot -l -c x a.raw
same commit
same commit -f raw a.raw
same rebase
same rebase a.raw
same compare a.raw
same bitmap --add a.raw
same bitmap a.raw x
same bitmap --add -b foo a.raw x
same bitmap --add -F foo a.raw x
same bitmap --clear -g 1M a.raw x
same amend a.raw
same amend -o x=1
same amend -f raw -o help
same bench
same bench -c bad a.raw
same bench -d bad a.raw
same bench -t bad a.raw
same bench -i bad a.raw
same bench --pattern=300 a.raw
same bench --flush-interval=10 a.raw
same bench -w --flush-interval=10 -d 64 -f raw a.raw
[ ! -e x ] || complain "a refused command left a file"
both create -f nope x 1M
both create -f raw x
both create -f raw x 10Q
both create x 9E
alike create -f raw nodir/x 5
both create -f raw -b a.raw x
both create -f raw -o foo=bar x 1M
both create -f raw -o size=1 x 1M
both create -F raw x 1M
[ ! -e "$work/ours/x" ] || complain "a refused create left a file"
for refused in "info --object secret,id=x a.raw" "bench -i io_uring a.raw" "bench -n a.raw" \
    "-T x info a.raw" "amend --force -o x=1 a.raw"; do
    # shellcheck disable=SC2086
    "$ours" $refused >/dev/null 2>"$work/err" && complain "$refused was accepted"
    grep -q 'not supported\|only threads' "$work/err" || complain "$refused: $(cat "$work/err")"
done

# --- bench ---------------------------------------------------------------------------------------

for way in "-c 300" "-c 500 -d 3 -s 8k -S 12k -o 64k -U" "-c 200 -t none" "-c 300 -w -d 4 --pattern=3" \
    "-c 300 -w -d 8 --flush-interval=20" "-c 100 -w -d 4 --flush-interval=10 --no-drain"; do
    # shellcheck disable=SC2086
    run theirs "$work/theirs" bench -f raw $way b.raw
    # shellcheck disable=SC2086
    run ours "$work/ours" bench -f raw $way b.raw
    sed -i 's/[0-9.]* seconds/N seconds/' "$work/theirs.out" "$work/ours.out"
    compare status out err -- bench "$way"
done
equal raw b.raw

# --- salvage ---------------------------------------------------------------------------------------

bad_sectors='driver=blkdebug,inject-error=read errno=5 offset=204800 bytes=1024,file.filename=a.raw'
cd "$work/ours" || exit 1
"$ours" convert --image-opts -O raw "$bad_sectors" salvaged.raw 2>"$work/err" && complain "read errors"
grep -q 'error while reading at byte .*: Input/output error' "$work/err" || complain "read error: $(cat "$work/err")"
[ ! -e salvaged.raw ] || complain "a failed convert left its target"
"$ours" convert --salvage --image-opts -O raw "$bad_sectors" salvaged.raw 2>"$work/err" || complain "salvage"
grep -q 'error while reading offset 204800: Input/output error' "$work/err" &&
    grep -q 'error while reading offset 205312: Input/output error' "$work/err" &&
    [ "$(wc -l <"$work/err")" -eq 2 ] || complain "salvage: $(cat "$work/err")"
cp a.raw salvage-expected.raw
dd if=/dev/zero of=salvage-expected.raw bs=512 seek=400 count=2 conv=notrunc status=none
cmp salvaged.raw salvage-expected.raw || complain "salvaged contents"
count=$((count + 4))

# --- a signal -------------------------------------------------------------------------------------

cd "$work/ours" || exit 1
for signal in HUP TERM; do # a shell keeps INT from what runs behind it
    "$ours" convert -f raw -O raw -r 2M a.raw killed.raw &
    pid=$!
    sleep 0.5
    [ -e killed.raw ] || complain "convert has made nothing in half a second"
    kill -$signal $pid
    wait $pid
    [ $? -gt 128 ] || complain "convert ended by SIG$signal with status $?"
    [ ! -e killed.raw ] || complain "convert ended by SIG$signal left its target"
done
cp a.raw there.raw
"$ours" convert -f raw -O raw -r 2M a.raw there.raw 2>"$work/err" &
pid=$!
sleep 0.5
kill $pid
wait $pid
[ -e there.raw ] && grep -q "'there.raw' is not complete" "$work/err" || complain "a target that was there"
"$ours" convert -f raw -O raw -r 4M a.raw asked.raw 2>"$work/err" &
pid=$!
sleep 0.5
kill -USR1 $pid
wait $pid || complain "SIGUSR1"
grep -q '/100%)' "$work/err" || complain "SIGUSR1 shows no progress"

# --- qcow2 ---------------------------------------------------------------------------------------

cd "$work/read" || exit 1
qemu-img convert -f raw -O qcow2 a.raw a.qcow2
qemu-img convert -f raw -c -O qcow2 a.raw c.qcow2
qemu-img convert -f raw -c -O qcow2 -o compression_type=zstd,cluster_size=16k a.raw z.qcow2
qemu-img create -q -f qcow2 -o extended_l2=on,lazy_refcounts=on,refcount_bits=8 -b a.qcow2 -F qcow2 o.qcow2 22M
qemu-io -c 'write -P 1 100k 300k' -c 'write -z 5M 1M' -c 'discard 7M 1M' o.qcow2 >/dev/null
qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 3M
qemu-img create -q -f qcow2 -u -b none -F raw lost.qcow2 3M
qemu-img create -q -f qcow2 -b "$work/read/a.raw" -F raw full.qcow2
qemu-img create -q -f qcow2 -o preallocation=metadata meta.qcow2 5M
# Holes where tables see data, and places in the file for what is not there.
qemu-img create -q -f qcow2 -o "preallocation=metadata,data_file=$work/read/ext.raw" ext.qcow2 5M
qemu-img create -q -f qcow2 holes.qcow2 5M
qemu-io -c 'write -P 7 0 1M' holes.qcow2 >/dev/null
fallocate -p -o 600k -l 300k holes.qcow2
qemu-img create -q -f qcow2 -o extended_l2=on parts.qcow2 5M
qemu-io -c 'write -P 7 8k 2k' -c 'write -P 7 100k 60k' -c 'write -P 7 700k 2k' parts.qcow2 >/dev/null
qemu-img create -q -f qcow2 -b "$work/read/parts.qcow2" -F qcow2 -o extended_l2=on more.qcow2 6M
qemu-io -c 'write -P 7 4k 2k' -c 'write -z 400k 64k' -c 'write -P 7 5300k 2k' more.qcow2 >/dev/null
cp --sparse=never a.qcow2 snap.qcow2
qemu-img snapshot -c one snap.qcow2
qemu-io -c 'write -P 7 0 1M' snap.qcow2 >/dev/null
qemu-img snapshot -c 'two words' snap.qcow2
cp snap.qcow2 plain.qcow2
qemu-img bitmap --add snap.qcow2 b0
qemu-img bitmap --add --disable -g 1M snap.qcow2 b1
qemu-io -c 'write -P 7 3M 1M' snap.qcow2 >/dev/null
python3 - <<'PY'
import struct
d = bytearray(open('a.qcow2', 'rb').read())
d += bytes(-len(d) % 65536)
table = struct.unpack('>4sIQIIQIIQQIIQ', d[:72])[9]
block = struct.unpack('>Q', d[table:table + 8])[0]
d += bytes(65536)
d[block + 2 * (len(d) // 65536 - 1):][:2] = b''
last = block + 2 * (len(d) // 65536 - 1)
d[last:last + 2] = struct.pack('>H', 1)
open('leak.qcow2', 'wb').write(d)
d[block + 2 * 6:block + 2 * 6 + 2] = b'\0\0'
open('corrupt.qcow2', 'wb').write(d)
PY
for image in *.qcow2; do
    same info "$image"
    same info --output=json "$image"
    like snapshot -l "$image"
    like check "$image"
    like check --output=json "$image"
    like check -q "$image"
    case $image in lost*) continue ;; esac
    same info --backing-chain "$image"
    same info --backing-chain --output=json "$image"
    same map --output=json "$image"
    same map "$image"
    same measure -O qcow2 "$image"
    same measure -O qcow2 --output=json -o cluster_size=4k "$image"
    same measure -O raw "$image"
    same compare "$image" a.raw
    same compare -s "$image" a.raw
done
like info --backing-chain lost.qcow2
rm ext.raw # nobody asked for it to be opened
same info ext.qcow2
same measure -O qcow2 -l one snap.qcow2
same measure -O qcow2 -l nope snap.qcow2
same measure -O qcow2 --size 3T -o cluster_size=2M,refcount_bits=64
same measure -O qcow2 --size 3T -o preallocation=full
like measure -O qcow2 --size 1G -o cluster_size=5
same map --output=json --start-offset=90k --max-length=300k o.qcow2
same snapshot snap.qcow2
same info --image-opts driver=qcow2,file.filename=a.qcow2
cp ./*.qcow2 "$work/theirs"
cp ./*.qcow2 "$work/ours"

both create -f qcow2 n.qcow2 10M
both create -f qcow2 -o cluster_size=4k,lazy_refcounts=on n2.qcow2 10M
both create -f qcow2 -b a.qcow2 -F qcow2 n3.qcow2
both create -f qcow2 -o backing_file=a.qcow2,backing_fmt=qcow2,compat=v3 n4.qcow2 30M
both create -f qcow2 -u -b nothere -F raw n5.qcow2 3M
both create -f qcow2 -o preallocation=falloc,refcount_bits=1,compression_type=zstd n6.qcow2 3M
both create -f qcow2 -o data_file=n7.data,data_file_raw=on n7.qcow2 3M
both create -q -f qcow2 -o extended_l2=on,preallocation=full n8.qcow2 3M
equal qcow2 n.qcow2 n2.qcow2 n3.qcow2 n4.qcow2 n6.qcow2 n8.qcow2
(cd "$work/ours" && qemu-img check -q n7.qcow2) || complain "check of n7.qcow2"
both create -f qcow2 x
alike create -f qcow2 -b none -F qcow2 x
both create -f qcow2 -u -b none -F qcow2 x
alike create -f qcow2 -b a.qcow2 x
both create -f qcow2 -o cluster_size=5 x 1M
both create -f qcow2 -o refcount_bits=7 x 1M
both create -f qcow2 -o foo=1 x 1M
[ ! -e "$work/ours/x" ] || complain "a refused create left a file"
for image in a.qcow2 c.qcow2 z.qcow2 o.qcow2 meta.qcow2; do
    both convert -O raw $image "raw-$image"
    equal raw "raw-$image"
    both convert -O qcow2 $image "q-$image"
    both convert -c -O qcow2 -o cluster_size=128k,compression_type=zstd $image "cq-$image"
    both convert -O qcow2 -W -m 4 -o cluster_size=512,extended_l2=off $image "w-$image"
    equal qcow2 "q-$image" "cq-$image" "w-$image"
    ratio=$(($(du -k "$work/ours/q-$image" | cut -f 1) * 100 / $(du -k "$work/theirs/q-$image" | cut -f 1)))
    [ $ratio -le 110 ] || complain "q-$image takes $ratio% of what qemu-img's takes"
done
both convert -f raw -O qcow2 a.raw from-raw.qcow2
both convert -f raw -O qcow2 -S 0 a.raw s0.qcow2
both convert -O qcow2 -B a.qcow2 -F qcow2 o.qcow2 top.qcow2
both convert -O qcow2 a.raw a.qcow2 concat.qcow2
equal qcow2 from-raw.qcow2 s0.qcow2 top.qcow2 concat.qcow2
[ "$(stat -c %b "$work/ours/top.qcow2")" -lt 4000 ] || complain "convert -B copied the backing image"
both convert -O qcow2 -l one snap.qcow2 one.qcow2
both convert -O qcow2 -l snapshot.name='two words' snap.qcow2 two.qcow2
both convert -O qcow2 -l nope snap.qcow2 x
both convert -O qcow2 -l snapshot.id=1,foo=2 snap.qcow2 x
equal qcow2 one.qcow2 two.qcow2
both convert -O qcow2 --bitmaps snap.qcow2 bitmaps.qcow2
equal qcow2 bitmaps.qcow2
cmp <(qemu-img info --output=json "$work/theirs/bitmaps.qcow2" | grep -v -e actual-size -e filename) \
    <(qemu-img info --output=json "$work/ours/bitmaps.qcow2" | grep -v -e actual-size -e filename) ||
    complain "bitmaps"
both convert -O qcow2 -B a.qcow2 a.raw x
both convert -O qcow2 -F qcow2 a.raw x
both convert -O qcow2 -B a.qcow2 -F qcow2 a.raw a.raw x
both convert -O qcow2 -c -o preallocation=full a.raw x
both convert -O qcow2 -o bad=3 a.raw x
both convert -O qcow2 -o cluster_size=3 a.raw x
[ ! -e "$work/ours/x" ] || complain "a refused convert left a file"

both resize n.qcow2 +10M
both resize n.qcow2 5M
both resize --shrink n.qcow2 5M
both resize --preallocation=metadata n.qcow2 9M
equal qcow2 n.qcow2
both snapshot -c s1 n4.qcow2
alike snapshot -d nope n4.qcow2
alike snapshot -a nope n4.qcow2
both snapshot -a one plain.qcow2
both snapshot -q -d one plain.qcow2
equal qcow2 n4.qcow2 plain.qcow2
both bitmap --add -g 32k n2.qcow2 x
both bitmap --add --disable n2.qcow2 y
both bitmap --merge y --enable --clear n2.qcow2 x
alike bitmap --add n2.qcow2 x
alike bitmap --remove n2.qcow2 nope
both bitmap --remove n2.qcow2 y
alike bitmap --add -b snap.qcow2 --merge b0 snap.qcow2 m
both bitmap --add -b snap.qcow2 --merge b0 n3.qcow2 m
equal qcow2 n2.qcow2
both amend -o lazy_refcounts=on,compat=1.1 v2.qcow2
both amend -p -o compat=0.10,lazy_refcounts=off v2.qcow2
alike amend -o foo=1 v2.qcow2
run theirs "$work/read" amend -f qcow2 -o help
run ours "$work/read" amend -f qcow2 -o help
sed -i '/encrypt/d; s/ - .*//' "$work/theirs.out" "$work/ours.out"
compare status out -- amend -o help
run theirs "$work/read" create -f qcow2 -o help
run ours "$work/read" create -f qcow2 -o help
sed -i '/encrypt/d; /nocow/d; /^  /!d; s/ - .*//' "$work/theirs.out" "$work/ours.out"
compare status out -- create -o help
alike amend -o cluster_size=4k v2.qcow2
equal qcow2 v2.qcow2
alike check -r leaks leak.qcow2
alike check -r all corrupt.qcow2
equal qcow2 leak.qcow2 corrupt.qcow2

for dir in theirs ours; do # two layers above a.qcow2, and what they read as
    (cd "$work/$dir" && qemu-img create -q -f qcow2 -b o.qcow2 -F qcow2 top2.qcow2 &&
        qemu-io -c 'write -P 9 2M 700k' -c 'write -z 9M 64k' top2.qcow2 >/dev/null &&
        qemu-img convert -O raw top2.qcow2 expected.raw && cp o.qcow2 o2.qcow2 &&
        cp top2.qcow2 drop.qcow2)
done
both commit -d drop.qcow2
equal qcow2 o.qcow2 drop.qcow2
alike commit -b nope o.qcow2
cp "$work/theirs/o2.qcow2" "$work/theirs/o.qcow2"
cp "$work/ours/o2.qcow2" "$work/ours/o.qcow2"
(cd "$work/ours" && "$ours" commit -b a.qcow2 -q top2.qcow2 && qemu-img compare -q -f raw expected.raw a.qcow2) ||
    complain "commit -b"
cp "$work/theirs/a.qcow2" "$work/ours/a.qcow2"
cp "$work/theirs/top2.qcow2" "$work/ours/top2.qcow2"
run ours "$work/ours" commit top2.qcow2
cp "$work/ours/drop.qcow2" "$work/ours/top2.qcow2"
both commit top2.qcow2
both commit -q top2.qcow2
equal qcow2 o.qcow2 top2.qcow2
cmp <(qemu-img map --output=json "$work/theirs/top2.qcow2" | grep -c '"depth": 0') \
    <(qemu-img map --output=json "$work/ours/top2.qcow2" | grep -c '"depth": 0') ||
    complain "commit has not emptied the overlay"

for dir in theirs ours; do
    cp "$work/read/a.qcow2" "$work/$dir/a.qcow2"
    (cd "$work/$dir" && qemu-img convert -O raw o2.qcow2 expected.raw)
done
both rebase -b a.raw -F raw o2.qcow2
both rebase -p -b b.raw -F raw o2.qcow2
equal qcow2 o2.qcow2
qemu-img compare -q -f raw "$work/ours/expected.raw" "$work/ours/o2.qcow2" || complain "rebase"
both rebase -b '' o2.qcow2
equal qcow2 o2.qcow2
qemu-img compare -q -f raw "$work/ours/expected.raw" "$work/ours/o2.qcow2" || complain "rebase -b ''"
both rebase -u -b nothere -F qcow2 o2.qcow2
alike rebase -b a.raw o2.qcow2
both rebase -u -b '' o2.qcow2
equal qcow2 o2.qcow2

# No image becomes its own backing file: by another path, through a chain, without a look at it.
# (qemu-img writes it down.)
refused() { # ARGS...
    local before
    before=$(sha256sum <"$work/ours/self.qcow2")
    run ours "$work/ours" "$@"
    [ "$(cat "$work/ours.status")" = 1 ] || complain "vemu-img $*: not refused"
    grep -q "would be its own backing file" "$work/ours.err" || complain "vemu-img $*: no such message"
    [ "$before" = "$(sha256sum <"$work/ours/self.qcow2")" ] || complain "vemu-img $*: has changed it"
}
run ours "$work/ours" create -f qcow2 self.qcow2 1M
run ours "$work/ours" create -f qcow2 -b self.qcow2 -F qcow2 above.qcow2
run ours "$work/ours" create -f qcow2 -b above.qcow2 -F qcow2 higher.qcow2
ln -s self.qcow2 "$work/ours/link.qcow2"
ln "$work/ours/self.qcow2" "$work/ours/hard.qcow2"
for name in self.qcow2 ./self.qcow2 link.qcow2 hard.qcow2 above.qcow2 higher.qcow2 \
    "$work/ours/self.qcow2" "file:$work/ours/self.qcow2"; do
    refused rebase -u -b "$name" -F qcow2 self.qcow2
    refused rebase -b "$name" -F qcow2 self.qcow2
    refused amend -o "compat=1.1,backing_file=$name,backing_fmt=qcow2" self.qcow2
done
refused rebase -u -b self.qcow2 -F qcow2 link.qcow2
echo "$count comparisons"
exit $bad
