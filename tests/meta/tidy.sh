#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# clang-tidy has nothing to say about libvkvm (.clang-tidy lists the checks). It takes a minute: a soak.
set -u
[ "${VEMU_TEST_SOAK:-0}" = 1 ] || { echo "a soak: tests/run --soak"; exit 77; }
command -v clang-tidy >/dev/null || { echo "clang-tidy is not installed"; exit 77; }
commands=$(dirname "$BUILD")/clang # gcc's options are not all known to clang
[ -f "$commands/compile_commands.json" ] || commands=$BUILD
cd "$TOP" || exit 1
mapfile -t files < <(git ls-files 'libvkvm/src/*.c' | grep -v arm64)
found=$(printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$commands" 2>/dev/null |
    grep -E '(warning|error): ' | sort -u)
[ -z "$found" ] && { echo "${#files[@]} files, nothing found"; exit 0; }
echo "$found"
exit 1
