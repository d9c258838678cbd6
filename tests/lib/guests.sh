# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests of a test: what they boot, and that none is left behind.
# shellcheck shell=bash

# need_guest MODULE...: sets kernel, and modules to the files of these and of what they need; ends the test
# with 77 where there are none. Needs packages.sh and modules.sh.
need_guest() {
    kernel=$(find_kernel)
    [ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
    modules=$(find_modules "$kernel" "$@")
    [ -n "$modules" ] || { echo "no modules for $kernel"; exit 77; }
}

# make_initramfs WORK MODULES [FILE...]: WORK/initramfs, whose /init is WORK/init, with the modules and other
# files of the host, and the modules' names in /modules.
make_initramfs() {
    local work=$1 modules=$2
    shift 2
    echo "$modules" >"$work/modules"
    # shellcheck disable=SC2086 # a name a word
    "$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" "$@" $modules &&
        (cd "$work" && echo modules | cpio --quiet -o -H newc -R 0:0) >"$work/more" &&
        cat "$work/base" "$work/more" >"$work/initramfs"
}

# remove_work WORK: ends the guests that a failed step left behind in it, and takes it away.
remove_work() {
    local process
    for process in /proc/[0-9]*; do
        case $(readlink "$process/cwd") in "$1"/*) kill -9 "${process#/proc/}" ;; esac
    done 2>/dev/null
    rm -rf "$1"
}
