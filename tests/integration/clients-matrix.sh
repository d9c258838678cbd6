#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Both clients, vmsh and virsh, on both daemons, vmgrd and libvirtd: the same bytes for the same
# state, everything vmsh does works on a real libvirtd, and volumes come back as they were sent.
set -u
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
[ -x /usr/sbin/libvirtd ] || { echo "no libvirtd (package libvirt-daemon)"; exit 77; }
work=$(mktemp -d /tmp/matrix-XXXXXX)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
chmod 755 "$work" # libvirtd runs as nobody where that can be
mkdir "$work/matrix" "$work/storage" "$work/corpus"
timeout 250 /usr/bin/python3 "$TOP/tests/tools/clients-matrix.py" "$BUILD" "$work/matrix" || exit 1
timeout 250 /usr/bin/python3 "$TOP/tests/tools/clients-storage.py" "$BUILD" "$work/storage" || exit 1
timeout 100 /usr/bin/python3 "$TOP/tests/tools/xml-corpus.py" "$BUILD" "$work/corpus" "$TOP/tests/vmgr/corpus"
