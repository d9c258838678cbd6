#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A Debian kernel on the software CPU gets an address over -nic user and fetches a file from an HTTP
# server on this machine, whose checksum must be right; the same over tap in a network namespace.
set -u
. "$TOP/tests/lib/packages.sh"
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
modules=/lib/modules/${kernel#/boot/vmlinuz-}/kernel
[ -e "$modules/drivers/net/virtio_net.ko" ] || { echo "no modules for $kernel"; exit 77; }
[ -x "$BUILD/tools/vemu-slirp/vemu-slirp" ] || { echo "vemu-slirp was not built"; exit 77; }
work=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
say() { echo "T: $*"; }
k=/lib/modules/$(uname -r)/kernel
for m in drivers/virtio/virtio_ring drivers/virtio/virtio drivers/virtio/virtio_pci_legacy_dev \
    drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci drivers/virtio/virtio_mmio \
    net/core/failover drivers/net/net_failover drivers/net/virtio_net; do
    [ -e "$k/$m.ko" ] && insmod "$k/$m.ko" 2>/dev/null
done
for word in $(cat /proc/cmdline); do case $word in url=* | address=*) eval "$word" ;; esac; done
cat >/etc/dhcp <<'DHCP'
#!/bin/sh
[ "$1" = bound ] && ip address add "$ip/${mask:-24}" dev "$interface" && echo "T: address $ip router $router dns $dns" >/dev/console
exit 0
DHCP
chmod +x /etc/dhcp
say "mac $(cat /sys/class/net/eth0/address)"
ip link set eth0 up
if [ -n "$address" ]; then
    ip address add "$address" dev eth0
else
    udhcpc -i eth0 -s /etc/dhcp -n -q -t 10 >/dev/null 2>&1 || say "no address"
fi
say "carrier $(cat /sys/class/net/eth0/carrier)"
wget -q -O /tmp/file "$url" && say "sum $(sha256sum </tmp/file | cut -d ' ' -f 1)"
poweroff -f
INIT
list=()
for m in drivers/virtio/virtio{,_ring,_pci,_pci_legacy_dev,_pci_modern_dev,_mmio} net/core/failover \
    drivers/net/net_failover drivers/net/virtio_net; do
    [ -e "$modules/$m.ko" ] && list+=("$modules/$m.ko")
done
"$TOP/tests/lib/initramfs.sh" "$work/initramfs" "$work/init" "${list[@]}"

mkdir "$work/www"
head -c 3000000 /dev/urandom >"$work/www/file"
sum=$(sha256sum <"$work/www/file" | cut -d ' ' -f 1)
bad=0
log=$work/log

# serve PREFIX...: an HTTP server on a free port of all addresses, started with PREFIX.
serve() {
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
# guest MACHINE APPEND OPTION...
run_guest() {
    local machine=$1 append=$2
    shift 2
    "${prefix[@]}" timeout 120 "$BUILD/tools/vemu/vemu" -accel soft -machine "$machine" -m 256M \
        -kernel "$kernel" -initrd "$work/initramfs" -append "console=ttyS0 quiet $append" -nographic \
        -no-reboot "$@" </dev/null >"$log" 2>&1
}

prefix=()
serve
for what in q35 microvm; do
    run_guest $what "url=http://10.0.2.2:$port/file" -nic user,mac=52:54:00:12:34:56 ||
        { echo "$what: status $?"; bad=1; }
    expect "mac 52:54:00:12:34:56"
    expect "address 10.0.2.15 router 10.0.2.2 dns 10.0.2.3"
    expect "carrier 1"
    expect "sum $sum"
done
kill $server
server=

# tap: a namespace of its own, so that nothing of this machine is touched
if [ "$(id -u)" -ne 0 ] || ! command -v ip >/dev/null || [ ! -e /dev/net/tun ] ||
    ! unshare -n ip tuntap add dev probe mode tap 2>/dev/null; then
    echo "tap was not tried: no root, ip, /dev/net/tun or network namespaces"
else
    what=tap
    unshare -n sleep 300 &
    space=$!
    trap 'kill $space $server 2>/dev/null; rm -rf "$work"' EXIT
    sleep 0.5
    inside=(nsenter -t $space -n)
    "${inside[@]}" ip tuntap add dev vemu0 mode tap vnet_hdr &&
        "${inside[@]}" ip address add 192.0.2.1/24 dev vemu0 && "${inside[@]}" ip link set vemu0 up ||
        bad=1
    serve "${inside[@]}"
    prefix=("${inside[@]}")
    run_guest q35 "url=http://192.0.2.1:$port/file address=192.0.2.2/24" -netdev tap,id=n,ifname=vemu0 \
        -device virtio-net-pci,netdev=n || { echo "tap: status $?"; bad=1; }
    expect "carrier 1"
    expect "sum $sum"
fi
exit $bad
