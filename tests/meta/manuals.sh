#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Manual pages format without warnings and name every option and command the programs have.
set -u
bad=0
for page in "$TOP"/tools/man/*.[18]; do
    warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    [ -z "$warnings" ] || { echo "$page: $warnings"; bad=1; }
done
plain() { sed 's/\\-/-/g; s/\\f[BIR]//g' "$1"; }
vemu=$BUILD/tools/vemu/vemu vmsh=$BUILD/tools/vmsh/vmsh
for option in $("$vemu" -help | sed -n 's/^  \(-[A-Za-z_-]*\).*/\1/p'); do
    plain "$TOP/tools/man/vemu.1" | grep -qw -- "$option" || { echo "vemu.1 lacks $option"; bad=1; }
done
for program in vkvm-info vkvm-trace; do
    for option in $("$BUILD/tools/$program/$program" --help | sed -n 's/^  \(--[a-z]*\).*/\1/p'); do
        plain "$TOP/tools/man/$program.1" | grep -qw -- "$option" || { echo "$program.1 lacks $option"; bad=1; }
    done
    bash -n "$TOP/tools/completion/$program" || bad=1
done
for option in $("$BUILD/tools/vmgrd/vmgrd" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p') \
    $(sed -n 's/^    KEY("\([a-z_]*\)".*/\1/p' "$TOP/tools/vmgrd/config.c"); do
    plain "$TOP/tools/man/vmgrd.8" | grep -qw -- "$option" || { echo "vmgrd.8 lacks $option"; bad=1; }
done
bash -n "$TOP/tools/completion/vmgrd" || bad=1
for option in $("$BUILD/tools/vemu-nbd/vemu-nbd" --help | sed -n 's/^ *\(-.,\)\? *\(--[a-z-]*\).*/\2/p'); do
    plain "$TOP/tools/man/vemu-nbd.1" | grep -qw -- "$option" || { echo "vemu-nbd.1 lacks $option"; bad=1; }
done
bash -n "$TOP/tools/completion/vemu-nbd" || bad=1
for word in $(sed -n 's/.*strcmp(name, "\([a-z0-9-]*\)").*/\1/p' "$TOP/tools/vemu-tls/main.c"); do
    plain "$TOP/tools/man/vemu-tls.1" | grep -q -- "^$word=" || { echo "vemu-tls.1 lacks $word"; bad=1; }
done
for word in $("$BUILD/tools/vemu-img/vemu-img" --help | sed -n '/^Command syntax:/,/^$/s/^  //p' | grep -oE '^[a-z]+|-{1,2}[a-zA-Z-]+' |
    sort -u); do
    plain "$TOP/tools/man/vemu-img.1" | grep -qw -- "$word" || { echo "vemu-img.1 lacks $word"; bad=1; }
done
for word in $(sed -n 's/.*strcmp(name, "\([a-z0-9-]*\)").*/\1/p' "$TOP/tools/vemu-slirp/config.c"); do
    plain "$TOP/tools/man/vemu-slirp.1" | grep -q -- "^$word=" || { echo "vemu-slirp.1 lacks $word"; bad=1; }
done
for command in $("$vmsh" help | sed -n 's/^    \([a-z-]*\) .*/\1/p'); do
    plain "$TOP/tools/man/vmsh.1" | grep -qw -- "$command" || { echo "vmsh.1 lacks $command"; bad=1; }
done
bash -n "$TOP/tools/completion/vemu" && bash -n "$TOP/tools/completion/vemu-img" && bash -n "$TOP/tools/completion/vkvm-info" &&
    bash -n "$TOP/tools/completion/vmsh" || bad=1
exit $bad
