#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Stop, cont, system_reset and quit on each accelerator, whatever the guest is doing.
set -u
accels=(soft)
if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
    accels+=(kvm)
else
    echo "skip    kvm: /dev/kvm is not usable here"
fi
failures=0
for accel in "${accels[@]}"; do
    for mode in halt spin user ports; do
        if timeout 60 /usr/bin/python3 "$TOP/tests/integration/lifecycle.py" \
            "$BUILD/tools/vemu/vemu" "$BUILD/tests/guests/payloads/ticker.elf" \
            "$accel" "$mode"; then
            echo "ok      $accel $mode"
        else
            echo "FAILED  $accel $mode"
            failures=$((failures + 1))
        fi
    done
done
[ $failures = 0 ]
