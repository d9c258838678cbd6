#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmgrd is killed at random moments while clients define, start, attach, make networks and volumes: no
# guest stops, no configuration is lost or half written, nothing leaks. In namespaces of its own.
# A thousand kills with VEMU_TEST_SOAK=1.
set -u
export PATH=$PATH:/usr/sbin:/sbin PYTHONDONTWRITEBYTECODE=1
. "$TOP/tests/lib/namespaces.sh"
limit=300
[ "${VEMU_TEST_SOAK:-}" = 1 ] && limit=7200
[ "${1:-}" = inside ] || enter_namespaces "$0" $limit

work=$2
check_namespaces
/usr/bin/python3 "$TOP/tests/tools/vmgrd-crash.py" "$BUILD" "$work" || { echo "vmgrd-crash failed"; exit 1; }
