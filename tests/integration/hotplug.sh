#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's kernel on q35 and the software CPU: a disk and a network card come and go behind root ports,
# so do a CPU and a memory module, and the guest sees each time what QMP says; sizes, cables, a guest that
# ejects, surprise removal, virtio-mem, persistent memory, a watchdog, a balloon, an NMI.
# VEMU_TEST_SOAK=1: 100 rounds instead of 4.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
need_guest virtio_pci virtio_blk virtio_net virtio_balloon virtio_mem nd_virtio \
    virtio_pmem nd_pmem
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What the guest sees, a line whenever it changes; and what it is told to do on the second serial port.
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
stty -F /dev/ttyS1 raw -echo
while read -r line; do eval "$line"; done </dev/ttyS1 &
look() {
    disks= cards=
    if [ -e /sys/block/vda ]; then
        [ -n "$serial" ] || serial=$(cat /sys/block/vda/serial)
        disks=$serial:$(cat /sys/block/vda/size)
    else
        serial=
    fi
    if [ -e /sys/class/net/eth0 ]; then
        [ -n "$up" ] || ip link set eth0 up
        up=1
        cards=$(cat /sys/class/net/eth0/address):$(cat /sys/class/net/eth0/carrier)
    else
        up=
    fi
}
numbers() { # CPUs that run, after those that came were switched on; memory that is there, in MiB
    for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
        [ -e "$cpu/online" ] && [ "$(cat "$cpu/online")" = 0 ] && echo 1 >"$cpu/online"
    done
    blocks=0
    for block in /sys/devices/system/memory/memory[0-9]*; do
        [ "$(cat "$block/state")" = online ] && blocks=$((blocks + 1))
    done
    echo "$(cat /sys/devices/system/cpu/online) blocks $blocks"
}
functions() { for d in /sys/bus/pci/devices/*; do cat "$d/vendor" "$d/device"; done | grep -A 1 0x1af4 | grep -v -e 1af4 -e --; }
listed() { command -v lspci >/dev/null && lspci -n | grep -c 1af4: || echo -; }
echo "T: ready"
serial= up= last= last2=
while sleep 0.1; do
    look 2>/dev/null
    now="T: disks $disks cards $cards pci $(functions 2>/dev/null | sort | tr '\n' ' ')lspci $(listed)"
    [ "$now" = "$last" ] || echo "$now"
    last=$now
    now2="T: cpus $(numbers 2>/dev/null)"
    [ "$now2" = "$last2" ] || echo "$now2"
    last2=$now2
done
INIT
lspci=$(command -v lspci)
make_initramfs "$work" "$modules" ${lspci:+"$lspci"}
rounds=4
[ "${VEMU_TEST_SOAK:-0}" = 1 ] && rounds=100
python3 "$TOP/tests/integration/hotplug.py" "$BUILD/tools/vemu/vemu" "$kernel" "$work/initramfs" "$work" \
    $rounds
