#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A Debian kernel on the software CPU with its root on a virtio disk (ext4) gets an address over -nic user,
# fetches a file from an HTTP server on this machine onto that disk with the right checksum, and powers off;
# the same over tap in a network namespace. Machines, numbers of CPUs and networks are paired so that each
# two of them meet; VEMU_TEST_SOAK=1 tries all combinations.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
. "$TOP/tests/lib/tools-root.sh"
need_guest virtio_pci virtio_mmio virtio_blk virtio_net
[ -x "$BUILD/tools/vemu-slirp/vemu-slirp" ] || { echo "vemu-slirp was not built"; exit 77; }
work=$(mktemp -d)
server=
space=
trap 'kill $server $space 2>/dev/null; rm -rf "$work"' EXIT

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
mount -t ext4 /dev/vda /root && mount --move /dev /root/dev && exec switch_root /root /sbin/init
poweroff -f
INIT
make_initramfs "$work" "$modules"

mkdir -p "$work"/root/{bin,sbin,proc,sys,dev,etc}
cp "$(command -v busybox)" "$work/root/bin/busybox"
cat >"$work/root/sbin/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
say() { echo "T: $*"; }
for word in $(cat /proc/cmdline); do case $word in url=* | address=*) eval "$word" ;; esac; done
cat >/etc/dhcp <<'DHCP'
#!/bin/sh
[ "$1" = bound ] && ip address add "$ip/${mask:-24}" dev "$interface" && echo "T: address $ip router $router dns $dns" >/dev/console
exit 0
DHCP
chmod +x /etc/dhcp
say "root $(grep -c '^/dev/vda / ext4 rw' /proc/mounts) cpus $(nproc)"
say "mac $(cat /sys/class/net/eth0/address)"
ip link set eth0 up
if [ -n "$address" ]; then
    ip address add "$address" dev eth0
else
    udhcpc -i eth0 -s /etc/dhcp -n -q -t 10 >/dev/null 2>&1 || say "no address"
fi
say "carrier $(cat /sys/class/net/eth0/carrier)"
wget -q -O /file "$url" && say "sum $(sha256sum </file | cut -d ' ' -f 1)"
sync
mount -o remount,ro /
poweroff -f
INIT
chmod +x "$work/root/sbin/init"
mkfs.ext4 -q -d "$work/root" "$work/disk" 24M >/dev/null || exit 1

mkdir "$work/www"
head -c 3000000 /dev/urandom >"$work/www/file"
sum=$(sha256sum <"$work/www/file" | cut -d ' ' -f 1)
bad=0
log=$work/log

# serve PREFIX...: an HTTP server on a free port of all addresses, started with PREFIX.
serve() {
    : >"$work/port"
    "$@" python3 -u -c '
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("", 0), handler)
print(server.server_address[1])
server.serve_forever()' "$work/www" >"$work/port" 2>/dev/null &
    server=$!
    for _ in $(seq 100); do [ -s "$work/port" ] && break; sleep 0.1; done
    port=$(cat "$work/port")
}
expect() { # LINE: the guest said it
    tr -d '\r' <"$log" | grep -qxF "T: $1" && return
    echo "$what: the guest did not say '$1' but:"
    grep -a '^T: ' "$log" || tail -n 20 "$log"
    bad=1
}
# run_guest MACHINE CPUS APPEND OPTION...
run_guest() {
    local machine=$1 cpus=$2 append=$3
    shift 3
    cp "$work/disk" "$work/image"
    "${prefix[@]}" timeout 120 "$BUILD/tools/vemu/vemu" -accel soft -machine "$machine" -smp "$cpus" -m 256M \
        -kernel "$kernel" -initrd "$work/initramfs" -append "console=ttyS0 quiet $append" -nographic -no-reboot \
        -drive "file=$work/image,if=virtio,format=raw" "$@" </dev/null >"$log" 2>&1 ||
        { echo "$what: status $?"; bad=1; }
    expect "root 1 cpus $cpus"
    expect "carrier 1"
    expect "sum $sum"
    e2fsck -fn "$work/image" >"$work/fsck" 2>&1 || { echo "$what: file system:"; cat "$work/fsck"; bad=1; }
    [ "$(debugfs -R 'cat /file' "$work/image" 2>/dev/null | sha256sum | cut -d ' ' -f 1)" = "$sum" ] ||
        { echo "$what: the image has something else"; bad=1; }
}
soak=${VEMU_TEST_SOAK:-0}

prefix=()
serve
for what in "q35 1" "microvm 2" $([ "$soak" = 1 ] && echo q35+2 microvm+1); do
    set -- ${what//+/ }
    network=(-nic user,mac=52:54:00:12:34:56)
    [ "$1" = q35 ] && network=() # is what it has by default
    run_guest "$1" "$2" "url=http://10.0.2.2:$port/file" "${network[@]}"
    [ "$1" = q35 ] || expect "mac 52:54:00:12:34:56"
    expect "address 10.0.2.15 router 10.0.2.2 dns 10.0.2.3"
done
kill $server
server=

# tap: a namespace of its own, so that nothing of this machine is touched
if ! tap_possible; then
    echo "tap was not tried: no root, ip, /dev/net/tun or network namespaces"
else
    unshare -n sleep 300 &
    space=$!
    sleep 0.5
    inside=(nsenter -t $space -n)
    "${inside[@]}" ip tuntap add dev vemu0 mode tap vnet_hdr &&
        "${inside[@]}" ip address add 192.0.2.1/24 dev vemu0 && "${inside[@]}" ip link set vemu0 up ||
        bad=1
    serve "${inside[@]}"
    prefix=("${inside[@]}")
    for what in "q35 2 tap" "microvm 1 tap" $([ "$soak" = 1 ] && echo q35+1+tap microvm+2+tap); do
        set -- ${what//+/ }
        run_guest "$1" "$2" "url=http://192.0.2.1:$port/file address=192.0.2.2/24" \
            -netdev tap,id=n,ifname=vemu0 -device virtio-net,netdev=n
    done
fi

# Who has a card without being asked: -nic none, -netdev, -nodefaults and microvm do not.
cards() { # ARGUMENT...: the number of network cards
    printf '%s\n' '{"execute":"qmp_capabilities"}' '{"execute":"query-rx-filter"}' '{"execute":"quit"}' |
        timeout 20 "$BUILD/tools/vemu/vemu" -accel soft -m 128M -S -display none -kernel "$kernel" -serial none \
            -qmp stdio "$@" | grep -o '"name"' | wc -l
}
count=0
for line in "1:-machine q35" "0:-machine q35 -nic none" "0:-machine q35 -nodefaults" "0:-machine microvm" \
    "0:-machine q35 -netdev socket,id=n,path=$work/s,server=on" "1:-machine q35 -device virtio-rng,addr=1"; do
    count=$(cards ${line#*:})
    [ "$count" = "${line%%:*}" ] || { echo "${line#*:}: $count network cards"; bad=1; }
done
exit $bad
