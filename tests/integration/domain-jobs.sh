#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# virsh and vmsh dump guests, abort dumps, take pictures, press keys; guests crash, and what their
# definitions say of that happens.
set -u
. "$TOP/tests/lib/guests.sh"
export PATH=$PATH:/usr/sbin:/sbin
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
work=$(mktemp -d /tmp/domain-jobs-XXXXXX)
trap 'remove_work "$work"' EXIT
PYTHONDONTWRITEBYTECODE=1 timeout 200 python3 "$TOP/tests/tools/vmgrd-jobs.py" "$BUILD" "$work"
