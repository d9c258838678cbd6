# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests of the system's instance below a directory of the test's own, which may have users of their own.
# Needs packages.sh and guests.sh.
# shellcheck shell=bash

# system_guests NAME: sets kernel, work and root, or ends the test with 77 where such guests cannot be.
# A test that starts a vmgrd puts its process id into `daemon`: it is killed at the end.
system_guests() {
    [ "$(id -u)" = 0 ] || { echo "not root"; exit 77; }
    command -v setpriv >/dev/null || { echo "no setpriv"; exit 77; }
    kernel=$(find_kernel)
    [ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
    work=$(mktemp -d "/tmp/$1-XXXXXX")
    root=$work/root
    daemon=
    trap '[ -z "$daemon" ] || kill -9 "$daemon"; remove_work "$work"' EXIT
    export VMGR_EMULATOR=$BUILD/tools/vemu/vemu
}

sh() { "$BUILD/tools/vmsh/vmsh" -q -c vemu:///system --root "$root" "$@"; }
fail() { echo "FAILED: $*"; tail -n 5 "$root"/log/vmgr/* 2>/dev/null; exit 1; }
pid() { sed -n "s/.*<domstatus.* pid='\([0-9]*\)'.*/\1/p" "$root/run/vmgr/domains/$1.d/status.xml"; }
