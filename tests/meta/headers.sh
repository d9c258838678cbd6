#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each public header compiles alone as C99 and C++, is guarded, and names no foreign library's type.
set -u
cd "$TOP" || exit 1
bad=0
for header in lib*/include/*/*.h lib*/include/*/*/*.h; do
    lib=${header%%/*}
    include=(-I libvkvm/include -I libvemu/include -I libvmgr/include)
    echo "#include \"$header\"" >/tmp/header.$$.c
    for compiler in "gcc -std=c99 -x c" "clang -std=c99 -x c" "g++ -std=c++11 -x c++"; do
        $compiler -Wall -Wextra -Werror -pedantic -fsyntax-only -I. "${include[@]}" /tmp/header.$$.c \
            2>/tmp/header.$$.log || {
            # the kernel's own <linux/kvm.h> is not pedantic
            $compiler -Wall -Wextra -Werror -fsyntax-only -I. "${include[@]}" /tmp/header.$$.c \
                2>/tmp/header.$$.log && [ "$lib" = libvkvm ]
        } || { echo "$header: $compiler"; cat /tmp/header.$$.log; bad=1; }
    done
    grep -qE 'glib|GString|GError|gboolean|xmlDoc|xmlNode|json_object|nl_sock' "$header" &&
        { echo "$header: foreign type"; bad=1; }
    grep -qE '^\s*(bool|long|unsigned long) [a-z_]+;' "$header" &&
        { echo "$header: bool or long member"; bad=1; }
done
rm -f /tmp/header.$$.*
exit $bad
