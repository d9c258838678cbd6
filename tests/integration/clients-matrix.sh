#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Both clients, vmsh and virsh, on both daemons, vmgrd and libvirtd: the same bytes for the same
# state, and everything vmsh does works on a real libvirtd.
set -u
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
[ -x /usr/sbin/libvirtd ] || { echo "no libvirtd (package libvirt-daemon)"; exit 77; }
work=$(mktemp -d /tmp/matrix-XXXXXX)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
timeout 250 /usr/bin/python3 "$TOP/tests/tools/clients-matrix.py" "$BUILD" "$work"
