#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What libvemu/docs/soft.md says the software CPU does not execute, and which CPUID bits it says there
# are, is what the emulator does.
set -u
doc=$TOP/libvemu/docs/soft.md
program=$BUILD/tests/vemu/soft/opcodes
bad=0

# block NAME: the lines of all blocks of that kind, without comments.
block() {
    awk -v kind="\`\`\`$1" '$0 == kind { on = 1; next } /^```/ { on = 0 } on' "$doc" |
        sed 's/ *#.*//; s/  *$//'
}

[ -x "$program" ] || { echo "$program is missing"; exit 1; }
for command in opcodes cpuid; do
    if [ $command = cpuid ]; then
        # Names stand after their bits.
        listed=$(block cpuid | sed 's/://' | perl -lane 'print join " ", @F[0, 1], grep /^\d+$/, @F[2 .. $#F]')
        actual=$("$program" cpuid) || bad=1
    else
        listed=$(block opcodes)
        actual=$("$program") || bad=1
    fi
    [ -n "$actual" ] || bad=1
    diff <(echo "$listed" | sort) <(echo "$actual" | sort) >/tmp/opcodes.$$ ||
        { echo "$command: libvemu/docs/soft.md (<) against the emulator (>):"; cat /tmp/opcodes.$$; bad=1; }
done
rm -f /tmp/opcodes.$$
exit $bad
