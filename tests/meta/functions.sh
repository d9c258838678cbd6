#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvmgr/docs/functions.md names each public function of libvmgr, and none that does not exist; it says how
# many of libvirt's have one.
set -u
map=$(grep -o 'vmgr_[a-z0-9_]*;' "$TOP/libvmgr/libvmgr.map" | tr -d ';' | sort -u)
named=$(grep -o '`vmgr_[a-z0-9_]*`' "$TOP/libvmgr/docs/functions.md" | tr -d '`' | sort -u)
missing=$(comm -23 <(echo "$map") <(echo "$named"))
unknown=$(comm -13 <(echo "$map") <(echo "$named"))
[ -z "$missing" ] || printf 'not in functions.md: %s\n' $missing
[ -z "$unknown" ] || printf 'not exported: %s\n' $unknown
has=$(grep -cE '^\| vir[A-Za-z0-9]+ \| `' "$TOP/libvmgr/docs/functions.md")
says=$(sed -n 's/.*libvmgr has what they do: \([0-9]*\) of them.*/\1/p' "$TOP/libvmgr/docs/functions.md")
[ "$has" = "$says" ] || echo "functions.md says $says functions, its table has $has"
[ -z "$missing$unknown" ] && [ "$has" = "$says" ]
