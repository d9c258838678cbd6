#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The host's clock may be set while guests, jobs and clients wait: waits and deadlines are of the monotonic
# clock. Who needs the time of day is named here, with what for.
set -u
cd "$TOP" || exit 1
allowed='libvmgr/src/agent/session.c          a number that sessions before did not have
libvmgr/src/conf/checkpoint.c        when one was made, and its name if it has none
libvmgr/src/driver/test/domain.c     CPU time of made-up domains
libvmgr/src/driver/vemu/backup/backup.c  names of files that nobody named
libvmgr/src/driver/vemu/run/clock.c what a guest'\''s clock shows first
libvmgr/src/driver/vemu/run/crash.c names of dumps
libvmgr/src/driver/vemu/run/log.c when a run began, in its log
libvmgr/src/network/leases.c         when a lease ends, as dnsmasq wrote it
tools/vmgrd/log.c                    when something happened
tools/vmsh/commands/agent.c          the time that a guest is set to
tools/vmsh/commands/event.c          when an event came
tools/vmsh/commands/screen.c         names of pictures
tools/vmsh/commands/top-screen.c     the time, in the first line'
found=$(git grep -lE 'g_get_real_time|g_get_current_time|CLOCK_REALTIME|gettimeofday|\btime\((NULL|0)\)|g_date_time_new_now' \
    -- libvmgr/src tools/vmgrd tools/vmsh | sort)
wanted=$(sed 's/ .*//' <<<"$allowed" | sort)
if ! difference=$(diff <(echo "$wanted") <(echo "$found")); then
    echo "$difference" | sed -n 's/^> \(.*\)/\1: uses the time of day; if it must, tests\/meta\/clock.sh says what for/p
                              s/^< \(.*\)/\1: is in tests\/meta\/clock.sh, but does not use the time of day/p'
    exit 1
fi
