#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every ioctl of the installed <linux/kvm.h>, and of the newer ones in vkvm/uapi.h, has a typed call or
# a reason why not, in libvkvm/docs/ioctls.tsv:
# - no ioctl is missing from the table, and none is in it that no header has; each has a name;
# - P0 to P2 have a call; only P3, obsolete ones and other architectures have a reason instead;
# - each call is exported (or declared, for another architecture), and is in a file of the library
#   that makes the request.
set -u
table=$TOP/libvkvm/docs/ioctls.tsv
src=$TOP/libvkvm/src
bad=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The macros that are ioctls: defined by _IO and its kin, on this line or the next.
headers=$(echo '#include <vkvm/uapi.h>' | ${CC:-cc} -xc -I"$TOP/libvkvm/include" -M - |
    tr ' \\' '\n\n' | grep -E '/linux/kvm\.h$|vkvm/uapi\.h$')
# shellcheck disable=SC2086 # two names
sed -e ':a' -e '/\\$/N; s/\\\n//; ta' $headers |
    grep -oP '^\s*#\s*define\s+\KKVM_\w+(?=\s+_IO[WR]*\(\s*KVMIO)' | sort -u >"$work/defined"
count=$(wc -l <"$work/defined")
[ "$count" -ge 150 ] || { echo "only $count ioctls found in" $headers; exit 1; }

grep -v '^#' "$table" | cut -f1 | sort >"$work/listed"
complain() { # FILE WORDS: each line of the file is a mistake
    [ -s "$1" ] || return
    sed "s/\$/: $2/" "$1"
    bad=1
}
uniq -d "$work/listed" >"$work/twice"
complain "$work/twice" "twice in the table"
comm -23 "$work/defined" "$work/listed" >"$work/unexplained"
complain "$work/unexplained" "neither a typed call nor a reason in ioctls.tsv"
comm -13 "$work/defined" "$work/listed" >"$work/unknown"
complain "$work/unknown" "in ioctls.tsv, but in no header"

# The library's files without those that only know names and layouts of requests.
find "$src" -name '*.[ch]' |
    grep -vE '/(ioctl-names|error|record|replay|trace|sync)[^/]*$' >"$work/files"

calls=0
while IFS=$'\t' read -r request priority arch what; do
    case $request in '#'*) continue ;; esac
    grep -qE "\((KVM_)?${request#KVM_}[,)]" "$src/ioctl-names.c" || { echo "$request: no name"; bad=1; }
    case $what in
    '- '*)
        case $priority.$arch in
        P3.* | obsolete.*) ;;
        other.x86 | other.generic) echo "$request: $arch is no other architecture"; bad=1 ;;
        other.*) ;;
        *) echo "$request: $priority without a call"; bad=1 ;;
        esac
        continue
        ;;
    '') echo "$request: neither call nor reason"; bad=1; continue ;;
    esac
    case $priority in P[0-3]) ;; *) echo "$request: $priority with a call"; bad=1 ;; esac
    made=$request
    [ "$request" = KVM_ENABLE_CAP ] && made='KVM_ENABLE_CAP|vkvm__enable_cap'
    xargs grep -lwE -- "$made" <"$work/files" >"$work/makers"
    [ -s "$work/makers" ] || { echo "$request: no file of libvkvm makes it"; bad=1; continue; }
    for call in $what; do
        calls=$((calls + 1))
        case $arch in
        x86 | generic) grep -qE "^ +$call;" "$TOP/libvkvm/libvkvm.map" ;;
        *) grep -qE "\b$call\(" "$TOP/libvkvm/include/vkvm/$arch.h" ;;
        esac || { echo "$request: $call is not exported"; bad=1; }
        # defined by hand, or by a macro that is given the end of its name
        xargs grep -qE "\b$call\(|GROUP\(${call#vkvm_vcpu_[gs]et_}," <"$work/makers" ||
            { echo "$request: $call is not in $(tr '\n' ' ' <"$work/makers")"; bad=1; }
    done
done <"$table"
echo "$count ioctls, $calls typed calls, $(grep -c $'\t- ' "$table") without for a reason," \
    "$(wc -l <"$work/unexplained") unexplained"
exit $bad
