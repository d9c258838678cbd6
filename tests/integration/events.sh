#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmgrd hears its guests with nobody connected to it; virsh and vmsh are told of events.
set -u
export PATH=$PATH:/usr/sbin:/sbin
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
work=$(mktemp -d /tmp/events-XXXXXX)
end() {
    for process in /proc/[0-9]*; do # guests that a failed step left behind
        case $(readlink "$process/cwd") in "$work"/*) kill -9 "${process#/proc/}" ;; esac
    done 2>/dev/null
    for file in "$work"/*/run/vmgr/vmgrd.pid; do # and the daemon
        [ -s "$file" ] && kill "$(cat "$file")"
    done 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
PYTHONDONTWRITEBYTECODE=1 timeout 400 python3 "$TOP/tests/tools/vmgrd-events.py" "$BUILD" "$work"
