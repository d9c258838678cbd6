#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# valgrind has nothing to say about libvkvm's unit tests. They take minutes under it: a soak.
set -u
[ "${VEMU_TEST_SOAK:-0}" = 1 ] || { echo "a soak: tests/run --soak"; exit 77; }
command -v valgrind >/dev/null || { echo "valgrind is not installed"; exit 77; }
failed=0
for test in test-vkvm test-vkvm-generic test-x86 test-vkvm-replay; do
    log=$(mktemp)
    if CK_FORK=no valgrind -q --error-exitcode=9 --leak-check=full --track-origins=yes \
        "$BUILD/tests/vkvm/$test" >"$log" 2>&1; then
        echo "$test: $(tail -n 1 "$log")"
    else
        echo "$test:"
        head -n 60 "$log"
        failed=1
    fi
    rm -f "$log"
done
exit $failed
