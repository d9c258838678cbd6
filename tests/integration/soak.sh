#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest with four CPUs on q35 under load for half an hour: fio with verification, TCP in both directions,
# CPU work, a balloon that comes and goes. Only with VEMU_TEST_SOAK=1; VEMU_SOAK_SECONDS is how long.
# Time limit: 2400 s
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/tools-root.sh"
[ "${VEMU_TEST_SOAK:-0}" = 1 ] || { echo "half an hour; only with --soak"; exit 77; }
install_missing fio iperf3 e2fsprogs kmod >/dev/null
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
[ -x "$BUILD/tools/vemu-slirp/vemu-slirp" ] || { echo "vemu-slirp was not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make_tools_guest "$work" "$kernel" fio iperf3 || exit 77
truncate -s 256M "$work/data"
python3 "$TOP/tests/integration/soak.py" "$BUILD/tools/vemu/vemu" "$kernel" "$work" "${VEMU_SOAK_SECONDS:-1800}"
