#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmgrd serves unmodified clients: virsh and python3-libvirt; and survives what is no client.
set -u
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
/usr/bin/python3 -c 'import libvirt' 2>/dev/null || { echo "no python3-libvirt"; exit 77; }
work=$(mktemp -d /tmp/vmgrd-XXXXXX)
end() {
    for process in /proc/[0-9]*; do # guests that a failed step left behind
        case $(readlink "$process/cwd") in "$work"/*) kill -9 "${process#/proc/}" ;; esac
    done 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
export PYTHONDONTWRITEBYTECODE=1
for part in virsh python hostile edges access storage host; do
    timeout 200 /usr/bin/python3 "$TOP/tests/tools/vmgrd-$part.py" "$BUILD" "$work" ||
        { echo "vmgrd-$part failed"; exit 1; }
done
