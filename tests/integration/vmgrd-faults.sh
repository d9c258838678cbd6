#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmgrd among a thousand stalled clients, clients that die in the middle of something, disks that are
# full, also under jobs and backups, programs that are missing or killed, guests that do not answer or
# are killed. In namespaces of its own.
set -u
export PATH=$PATH:/usr/sbin:/sbin PYTHONDONTWRITEBYTECODE=1
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/namespaces.sh"
[ "${1:-}" = inside ] || enter_namespaces "$0" 600

check_namespaces
mount -t sysfs none /sys || { echo "no /sys of these namespaces"; exit 77; }
for part in faults hostfaults; do
    /usr/bin/python3 "$TOP/tests/tools/vmgrd-$part.py" "$BUILD" "$2" || { echo "vmgrd-$part failed"; exit 1; }
done
kernel=$(find_kernel)
if [ -n "$kernel" ] && command -v qemu-img >/dev/null && command -v qemu-io >/dev/null; then
    /usr/bin/python3 "$TOP/tests/tools/vmgrd-jobfaults.py" "$BUILD" "$2" "$kernel" ||
        { echo "vmgrd-jobfaults failed"; exit 1; }
else
    echo "no jobs on disks: they need a kernel, qemu-img and qemu-io"
fi
