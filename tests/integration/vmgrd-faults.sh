#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmgrd among a thousand stalled clients, clients that die in the middle of something, a disk that is
# full, a guest that does not answer. In namespaces of its own.
set -u
export PATH=$PATH:/usr/sbin:/sbin PYTHONDONTWRITEBYTECODE=1
. "$TOP/tests/lib/namespaces.sh"
[ "${1:-}" = inside ] || enter_namespaces "$0" 300

/usr/bin/python3 "$TOP/tests/tools/vmgrd-faults.py" "$BUILD" "$2" || { echo "vmgrd-faults failed"; exit 1; }
