#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every source file says what it is and under which licence, and can be read in one sitting.
set -u
cd "$TOP" || exit 1
bad=0
git ls-files '*.c' '*.h' '*.sh' '*.py' 'tests/run' 'tools/quickstart' >/tmp/files.$$
while read -r file; do
    [ -s "$file" ] || continue
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' ||
        { echo "$file: no SPDX line"; bad=1; }
    lines=$(wc -l <"$file")
    [ "$lines" -le 1000 ] || { echo "$file: $lines lines"; bad=1; }
    grep -nP '[ \t]+$' "$file" | head -n 1 | grep -q . && { echo "$file: trailing blanks"; bad=1; }
    case $file in
    *.c | *.h) LC_ALL=C.UTF-8 grep -nP '^.{101,}' "$file" | head -n 2 | sed "s|^|$file: long line |" ;;
    esac
done </tmp/files.$$ >/tmp/files.$$.out
cat /tmp/files.$$.out
[ -s /tmp/files.$$.out ] && bad=1
rm -f /tmp/files.$$*
exit $bad
