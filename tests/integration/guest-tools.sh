#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What Debian's own tools say in a guest with two CPUs on q35: lspci, dmidecode, acpidump (and iasl here on
# what it dumped), ethtool, fio with verification, iperf3, /proc/interrupts, the balloon, entropy, console
# and port; root on virtio-blk. 9p and vsock have virtio-share.sh, disks on other buses disks.sh.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/tools-root.sh"
tools="pciutils dmidecode acpica-tools ethtool fio iperf3 e2fsprogs kmod"
install_missing $tools >/dev/null
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
work=$(mktemp -d)
space=
trap '[ -n "$space" ] && kill "$space" 2>/dev/null; rm -rf "$work"' EXIT
make_tools_guest "$work" "$kernel" lspci dmidecode acpidump ethtool fio iperf3 || exit 77
truncate -s 64M "$work/data"

prefix=()
network=user
if tap_possible; then
    unshare -n sleep 600 &
    space=$!
    sleep 0.3
    prefix=(nsenter -t "$space" -n)
    "${prefix[@]}" sh -c 'ip link set lo up && ip tuntap add dev vemu0 mode tap vnet_hdr multi_queue &&
        ip address add 192.0.2.1/24 dev vemu0 && ip link set vemu0 up' || exit 1
    network=tap
elif [ ! -x "$BUILD/tools/vemu-slirp/vemu-slirp" ]; then
    echo "neither tap nor vemu-slirp"
    exit 77
fi
"${prefix[@]}" python3 "$TOP/tests/integration/guest-tools.py" "$BUILD/tools/vemu/vemu" "$kernel" "$work" $network
