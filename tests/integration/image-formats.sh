#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Images of formats that are only read (vmdk, vdi, vhdx, vpc), as qemu-img makes them: contents,
# size, facts. Damaged and unsupported ones are refused in words.
. "$TOP/tests/lib/packages.sh"
install_missing qemu-utils >/dev/null
command -v qemu-img >/dev/null || { echo "no qemu-img"; exit 77; }
exec /usr/bin/python3 "$TOP/tests/integration/image-formats.py" "$BUILD"
