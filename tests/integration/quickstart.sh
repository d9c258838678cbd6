#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The one command of the README, on a fresh clone, without a terminal.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git -C "$TOP" rev-parse HEAD >/dev/null 2>&1 || { echo "not a git checkout"; exit 77; }
git clone -q "$TOP" "$work/clone" || exit 1
(cd "$work/clone" && timeout 500 ./tools/quickstart </dev/null) >"$work/out" 2>&1
status=$?
grep -q 'Linux version 6' "$work/out" && grep -q 'report from inside the guest' "$work/out" &&
    [ $status -eq 0 ] && exit 0
echo "status $status"
tail -n 40 "$work/out"
exit 1
