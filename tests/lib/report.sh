# SPDX-License-Identifier: LGPL-2.1-or-later
# Counting and printing of results.

n_passed=0
n_failed=0
n_skipped=0

passed() { n_passed=$((n_passed + 1)); echo "ok      $1"; }
skipped() { n_skipped=$((n_skipped + 1)); echo "skip    $1: $2"; }

# failed NAME LOG: the log's end is shown.
failed() {
    n_failed=$((n_failed + 1))
    echo "FAILED  $1"
    [ -f "$2" ] && { grep -nE 'warning:|error:|FAIL|Error' "$2" | head -n 20; tail -n 25 "$2"; } |
        sed 's/^/        | /'
}

# count_meson SETUP JSON: one result line per Meson test.
count_meson() {
    local result name seconds reason
    [ -f "$2" ] || { failed "meson-$1" "$2"; return; }
    while IFS=$'\t' read -r result name seconds reason; do
        case $result in
        OK | EXPECTEDFAIL) passed "$1/$name ($seconds s)" ;;
        SKIP) skipped "$1/$name" "${reason:-not possible here}" ;;
        *) n_failed=$((n_failed + 1)); echo "FAILED  $1/$name ($result)"
           echo "$reason" | tr '\r' '\n' | sed 's/^/        | /' ;;
        esac
    done < <(/usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1]):
    t = json.loads(line)
    out = (t.get("stdout") or "") + (t.get("stderr") or "")
    tail = out.strip().splitlines()
    text = tail[-1] if t["result"] == "SKIP" and tail else "\r".join(tail[-25:])
    name = t["name"].split(" / ")[-1]
    print(t["result"], name, round(t["duration"]), text.replace("\t", " "), sep="\t")
' "$2")
}

summary() {
    echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
    [ $n_failed -eq 0 ]
    exit $?
}
