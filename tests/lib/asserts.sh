# SPDX-License-Identifier: LGPL-2.1-or-later
# What tests expect of commands. A test has its own fail TEXT, which ends it, and a folder $work.
# shellcheck shell=bash disable=SC2154

# until_ok COMMAND...: until it succeeds, two minutes at most.
until_ok() {
    for _ in $(seq 1200); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    fail "timed out: $*"
}

# refused MESSAGE COMMAND...: it fails, and says so.
refused() {
    local message=$1; shift
    "$@" 2>"$work/err" >/dev/null && fail "not refused: $*"
    grep -q -e "$message" "$work/err" || fail "another error: $(cat "$work/err")"
}
