#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Disks that python3-libvirt hands to a daemon as descriptors (FDAssociate), of files that neither the guest's
# user could open nor anybody by their names.
set -u
export PATH=/usr/bin:/usr/sbin:/sbin:$PATH
[ "$(id -u)" = 0 ] || { echo "not root: guests have no users of their own"; exit 77; }
/usr/bin/python3 -c 'import libvirt, libvirt_qemu; libvirt.virDomain.FDAssociate' 2>/dev/null ||
    { echo "no python3-libvirt with FDAssociate"; exit 77; }
work=$(mktemp -d /tmp/descriptors-XXXXXX)
chmod 755 "$work"
end() {
    for process in /proc/[0-9]*; do # guests that a failed step left behind
        case $(readlink "$process/cwd") in "$work"/*) kill -9 "${process#/proc/}" ;; esac
    done 2>/dev/null
    for file in "$work"/*/run/vmgr/vmgrd.pid; do # and the daemon
        [ -s "$file" ] && kill "$(cat "$file")"
    done 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
PYTHONDONTWRITEBYTECODE=1 timeout 400 /usr/bin/python3 "$TOP/tests/tools/vmgrd-files.py" "$BUILD" "$work"
