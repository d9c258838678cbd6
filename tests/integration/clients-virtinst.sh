#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# virt-install, virt-clone and virt-xml, unmodified, on vmgrd; python3-libvirt with event loops and
# libvirt-dbus's way of working; the calls of virt-viewer, virt-manager and nova. Over an emulator without a machine; first-day.sh has real guests.
set -u
. "$TOP/tests/lib/guests.sh"
for program in virt-install virt-clone virt-xml; do
    command -v $program >/dev/null || { echo "no $program (package virtinst)"; exit 77; }
done
/usr/bin/python3 -c 'import libvirt' 2>/dev/null || { echo "no python3-libvirt"; exit 77; }
# Run by root, virt-install keeps what it makes below /var/lib/libvirt, and libvirt-dbus looks for the
# daemon in /run/libvirt: not the host's.
if [ "$(id -u)" = 0 ] && [ "${1:-}" != inside ]; then
    unshare --mount true 2>/dev/null || { echo "no mount namespaces here"; exit 77; }
    exec unshare --mount bash "$0" inside
fi
if [ "${1:-}" = inside ]; then
    for directory in /var/lib/libvirt /run/libvirt; do
        mkdir -p $directory && mount -t tmpfs none $directory || exit 1
    done
    mkdir /var/lib/libvirt/boot /var/lib/libvirt/images # as the package libvirt-daemon has them
fi
work=$(mktemp -d /tmp/virtinst-XXXXXX)
trap 'remove_work "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
for part in virtinst events sequences dbus; do
    mkdir "$work/$part"
    timeout 280 /usr/bin/python3 "$TOP/tests/tools/clients-$part.py" "$BUILD" "$work/$part"
    status=$?
    [ $status = 77 ] && continue # says why
    [ $status = 0 ] || { echo "clients-$part failed"; exit 1; }
done
