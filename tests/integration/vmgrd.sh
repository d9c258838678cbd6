#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmgrd serves unmodified clients: virsh and python3-libvirt; and survives what is no client.
set -u
. "$TOP/tests/lib/guests.sh"
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
/usr/bin/python3 -c 'import libvirt' 2>/dev/null || { echo "no python3-libvirt"; exit 77; }
work=$(mktemp -d /tmp/vmgrd-XXXXXX)
trap 'remove_work "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
for part in virsh python hostile edges access storage host starting; do
    timeout 200 /usr/bin/python3 "$TOP/tests/tools/vmgrd-$part.py" "$BUILD" "$work" ||
        { echo "vmgrd-$part failed"; exit 1; }
done
