#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Line coverage of libvkvm by the tests that need no /dev/kvm: builds the library and its tests with
# coverage in a folder of its own, runs them where /dev/kvm cannot be opened, prints the coverage of
# each file and of all. Fails below 95 %.
#
#   VKVM_COVERAGE_LINES=1    also print the lines that were not reached
set -u
least=95
command -v gcov >/dev/null || { echo "gcov is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build=$work/build

CC=gcc meson setup "$build" "$TOP" -Db_coverage=true -Dbuildtype=debug -Doptimization=0 \
    >"$work/setup.log" 2>&1 || { tail -n 20 "$work/setup.log"; exit 1; }

# The tests by name: those of libvkvm that work on the fake kernel or on a recording. Programs named
# -kvm want the real one.
mapfile -t tests < <(ninja -C "$build" -t targets all |
    sed -n 's|^\(tests/vkvm/test-[a-z0-9-]*\): .*|\1|p; s|^\(tests/fuzz/vkvm/fuzz-vkvm-[a-z]*\): .*|\1|p' |
    grep -v -e '-kvm$' | sort -u)
[ ${#tests[@]} -ge 3 ] || { echo "only ${#tests[@]} tests found"; exit 1; }
nice ninja -C "$build" "${tests[@]}" >"$work/build.log" 2>&1 ||
    { grep -E 'error|FAILED' "$work/build.log" | head -n 20; exit 1; }

# As where there is no KVM, if this may be had; the tests never open it anyway.
hide=()
# shellcheck disable=SC2016
unshare --user --map-root-user --mount true 2>/dev/null &&
    hide=(unshare --user --map-root-user --mount sh -c '
        [ ! -e /dev/kvm ] || mount --bind /dev/null /dev/kvm; exec "$@"' sh)
for test in "${tests[@]}"; do
    count=()
    case $test in *fuzz-vkvm-replay) count=(--count 300) ;; *fuzz-*) count=(--count 5000) ;; esac
    CK_DEFAULT_TIMEOUT=120 timeout 600 "${hide[@]}" "$build/$test" "${count[@]}" >"$work/test.log" 2>&1 ||
        { echo "$test failed"; tail -n 20 "$work/test.log"; exit 1; }
done

# gcov's "lines executed" of each source of the library, from the objects of the static library
objects=$build/libvkvm/libvkvm_static.a.p
cd "$build" || exit 1 # where sources' names are relative to
find "$objects" -name '*.gcno' -print0 | sort -z |
    xargs -0 gcov -s "$TOP" >"$work/gcov.txt" 2>/dev/null
awk -v least=$least -v top="$TOP/" '
/^File / {
    file = $2; gsub(/\x27/, "", file); sub(top, "", file); sub(/^.*libvkvm\/src\//, "", file)
    is_ours = $2 ~ /libvkvm\/src\/.*\.c/
}
/^Lines executed:/ && is_ours {
    split($0, part, /[:% ]+/)
    n = part[5]; hit = int(part[3] * n / 100 + 0.5)
    printf "%6.2f %%  %4d of %4d  %s\n", part[3], hit, n, file
    all += n; reached += hit; is_ours = 0
}
/^No executable lines/ { is_ours = 0 }
END {
    if (!all) { print "no coverage was measured"; exit 1 }
    printf "%6.2f %%  %4d of %4d  ~ libvkvm in all\n", reached * 100 / all, reached, all
    exit reached * 100 < least * all
}' "$work/gcov.txt" | sort -k 6 | sed 's/~ //'
status=${PIPESTATUS[0]} # awk's
if [ "${VKVM_COVERAGE_LINES:-0}" = 1 ]; then
    grep -H '#####' ./*.c.gcov | sed 's/\.gcov: *#####:/:/'
fi
exit "$status"
