#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Crashes of qcow2 images at each of their writes, 150,000 cut points (the Meson tests try some
# thousands). Only with VEMU_TEST_SOAK=1.
# Time limit: 1800 s
set -eu
[ "${VEMU_TEST_SOAK:-0}" = 1 ] || { echo "a soak: VEMU_TEST_SOAK=1"; exit 77; }
crash=$BUILD/tests/image/crash/crash-qcow2
"$crash" --ops 200 --cuts 120000
"$crash" --ops 60 --cuts 30000 --threads 4 --seed 1000
for kind in $("$crash" --list); do
    "$crash" --set "$kind" --break order --ops 200 --rounds 3
done
