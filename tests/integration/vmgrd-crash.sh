#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmgrd is killed at random moments while clients define, start, attach, copy and merge disks, back them up,
# write to consoles and channels, make networks and their ports, bridges, volumes, filters and their
# bindings, and secrets: no guest stops, no configuration is lost or half written, nothing leaks. In
# namespaces of its own. A thousand kills with VEMU_TEST_SOAK=1, N with VEMU_TEST_KILLS=N; RESULTS.md.
set -u
export PATH=$PATH:/usr/sbin:/sbin PYTHONDONTWRITEBYTECODE=1
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
. "$TOP/tests/lib/namespaces.sh"
limit=600
[ "${VEMU_TEST_SOAK:-}" = 1 ] && limit=7200
[ "${1:-}" = inside ] || enter_namespaces "$0" $limit

work=$2
check_namespaces
# interfaces are those of this namespace, control groups the host's
mkdir /run/groups && mount --rbind /sys/fs/cgroup /run/groups && mount -t sysfs none /sys &&
    mount --rbind /run/groups /sys/fs/cgroup || { echo "no /sys of these namespaces"; exit 77; }
kernel=$(find_kernel)
modules=
[ -z "$kernel" ] || modules=$(find_modules "$kernel" virtio_pci virtio_blk virtio_net virtio_console)
real=()
if [ -n "$modules" ] && [ -c /dev/net/tun ] && command -v qemu-img >/dev/null; then
    cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
echo "ready"
while :; do # what comes by the channel is read
    cat /dev/vport*p1 >/dev/null
    sleep 1
done
INIT
    make_initramfs "$work" "$modules"
    real=("$kernel" "$work/initramfs")
else
    echo "no real guest: it needs a kernel with its modules, /dev/net/tun and qemu-img"
fi
/usr/bin/python3 "$TOP/tests/tools/vmgrd-crash.py" "$BUILD" "$work" "${real[@]}" ||
    { echo "vmgrd-crash failed"; exit 1; }
