#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The one command of the README, on a fresh clone, without a terminal and with one. Only in a soak it
# builds for itself, which is what build-gcc has done already.
set -u
build=(--build "$BUILD")
[ "${VEMU_TEST_SOAK:-0}" = 1 ] && build=()
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git -C "$TOP" rev-parse HEAD >/dev/null 2>&1 || { echo "not a git checkout"; exit 77; }
git clone -q "$TOP" "$work/clone" || exit 1
(cd "$work/clone" && timeout 500 ./tools/quickstart "${build[@]}" </dev/null) >"$work/out" 2>&1
status=$?
if ! grep -q 'Linux version 6' "$work/out" || ! grep -q 'report from inside the guest' "$work/out" ||
    [ $status -ne 0 ]; then
    echo "status $status"
    tail -n 40 "$work/out"
    exit 1
fi

# And on a terminal: a shell inside the guest.
PYTHONPATH=$TOP/tests/lib /usr/bin/python3 - "$work/clone" "${build[@]}" <<'PY'
import sys
from terminal import Terminal
t = Terminal(["./tools/quickstart", *sys.argv[2:]], cwd=sys.argv[1])
t.expect("Connected to domain", 200)
t.expect("guest:/root# ", 100)
t.type("echo answer $((6*7))\n")
t.expect("answer 42")
t.type("poweroff\n")
t.expect("Power down")
sys.exit(t.finish())
PY
