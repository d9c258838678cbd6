#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvmgr/docs/functions.md names each public function of libvmgr, and none that does not exist.
set -u
map=$(grep -o 'vmgr_[a-z0-9_]*;' "$TOP/libvmgr/libvmgr.map" | tr -d ';' | sort -u)
named=$(grep -o '`vmgr_[a-z0-9_]*`' "$TOP/libvmgr/docs/functions.md" | tr -d '`' | sort -u)
missing=$(comm -23 <(echo "$map") <(echo "$named"))
unknown=$(comm -13 <(echo "$map") <(echo "$named"))
[ -z "$missing" ] || printf 'not in functions.md: %s\n' $missing
[ -z "$unknown" ] || printf 'not exported: %s\n' $unknown
[ -z "$missing$unknown" ]
