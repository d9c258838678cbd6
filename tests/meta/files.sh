#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every source file says what it is and under which licence, and can be read in one sitting.
set -u
cd "$TOP" || exit 1
mapfile -t files < <(git ls-files '*.c' '*.h' '*.sh' '*.py' 'tests/run' 'tools/quickstart')
mapfile -t sources < <(git ls-files '*.c' '*.h')
found=$({
    awk '
    function close_file() {
        if (lines && !licensed) print file ": no SPDX line"
        if (lines > 1000) print file ": " lines " lines"
    }
    FNR == 1 { close_file(); file = FILENAME; licensed = 0 }
    { lines = FNR }
    FNR <= 3 && /SPDX-License-Identifier: LGPL-2.1-or-later/ { licensed = 1 }
    END { close_file() }' "${files[@]}"
    grep -nE '[[:blank:]]$' "${files[@]}" | sed 's/:[^:]*$/: trailing blanks/'
    LC_ALL=C.UTF-8 grep -nE '^.{101,}' "${sources[@]}" | sed 's/^\([^:]*:[0-9]*\):/\1: long line:/'
} 2>&1)
[ -z "$found" ] || { echo "$found"; exit 1; }
