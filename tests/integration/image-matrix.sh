#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# qcow2 images that QEMU's tools and ours make and write in turn: each finds the other's without
# errors and with the same contents. 20 combinations of options; with VEMU_TEST_SOAK=1, 560.
# Time limit: 1800 s
set -u
. "$TOP/tests/lib/packages.sh"
install_missing qemu-utils >/dev/null
command -v qemu-img >/dev/null || { echo "no qemu-img"; exit 77; }
count=20
[ "${VEMU_TEST_SOAK:-0}" = 1 ] && count=560
exec /usr/bin/python3 "$TOP/tests/integration/image-matrix.py" --build "$BUILD" --count "$count"
