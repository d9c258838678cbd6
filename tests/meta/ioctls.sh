#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every ioctl of the installed <linux/kvm.h>, and those libvkvm knows besides, has a typed call, or
# stands in ioctls.txt with the reason why not; and has a name. Prints the table.
set -u
cd "$TOP" || exit 1
table=$(mktemp) && trap 'rm -f "$table"' EXIT
bad=0

# The macros that are ioctls: defined by _IO and its kin, on this line or the next.
headers=$(echo '#include <vkvm/uapi.h>' | gcc -xc -Ilibvkvm/include -M - | tr ' \\' '\n\n' |
    grep -E '/linux/kvm\.h$|vkvm/uapi\.h$')
all=$(sed -e ':a' -e '/\\$/N; s/\\\n//; ta' $headers |
    grep -oP '^\s*#\s*define\s+\KKVM_\w+(?=\s+_IO[WR]*\()' | sort -u)
[ "$(echo "$all" | wc -l)" -gt 150 ] || { echo "only $(echo "$all" | wc -l) ioctls found"; exit 1; }

# Where each is used: files that name all of them do not count, and neither do comments.
sources=$(ls libvkvm/src/*.c libvkvm/src/x86/*.c libvkvm/src/arm64/*.c |
    grep -vE '/(ioctl-names|error|record|replay|trace|sync)[^/]*\.c$')
used=$(cat $sources | sed 's|/\*.*\*/||; s|^ \*.*||' | grep -oP '\bKVM_[A-Z0-9_]+\b' | sort -u)
calls=$(comm -12 <(echo "$all") <(echo "$used"))
declare -A reasons=()
while read -r name reason; do
    case $name in '' | '#'*) continue ;; esac
    reasons[$name]=$reason
    echo "$all" | grep -qx "$name" || { echo "ioctls.txt: $name is no ioctl"; bad=1; }
done <tests/meta/ioctls.txt

for name in $all; do
    if echo "$calls" | grep -qx "$name"; then
        where=$(grep -lw "$name" $sources | head -n 1)
        printf '%-34s %s\n' "$name" "${where#libvkvm/src/}" >>"$table"
        [ -n "${reasons[$name]:-}" ] && { echo "ioctls.txt: $name has a call"; bad=1; }
    elif [ -n "${reasons[$name]:-}" ]; then
        printf '%-34s - %s\n' "$name" "${reasons[$name]}" >>"$table"
    else
        echo "$name: no typed call, and no reason in ioctls.txt"
        bad=1
    fi
    grep -qE "\((KVM_)?${name#KVM_}[,)]" libvkvm/src/ioctl-names.c || { echo "$name: no name"; bad=1; }
done
cat "$table"
echo "$(echo "$all" | wc -l) ioctls, $(echo "$calls" | wc -l) with typed calls, ${#reasons[@]} without"
exit $bad
