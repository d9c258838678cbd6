#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# query-accelerator shows what the emulation assist did: something where KVM interprets kernel mode,
# nothing where it does not.
set -u
[ -r /dev/kvm ] && [ -w /dev/kvm ] || { echo "/dev/kvm is not usable here"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$BUILD/tools/vemu/vemu" -accel kvm -machine microvm -m 8M -nodefaults -serial null \
    -kernel "$BUILD/tests/guests/payloads/ticker.elf" -qmp "unix:$work/qmp,server=on,wait=off" \
    </dev/null >"$work/log" 2>&1 &
pid=$!
/usr/bin/python3 - "$work/qmp" <<'PYTHON'
import json
import os
import socket
import sys
import time

for _ in range(250):
    try:
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        break
    except OSError:
        time.sleep(0.02)
s.settimeout(10)
f = s.makefile("rw")


def command(name):
    f.write(json.dumps({"execute": name}) + "\n")
    f.flush()
    while True:
        message = json.loads(f.readline())
        if "return" in message or "error" in message:
            return message


f.readline()
command("qmp_capabilities")
time.sleep(1)
assist = command("query-accelerator")["return"]["assist"]
print(assist)
keys = {"instructions", "stretches", "nanoseconds", "host-executed", "steps", "flushes", "by-name",
        "host-executed-by-name"}
ok = set(assist) == keys
if os.path.isdir("/sys/module/kvm_pvm"):
    ok = ok and assist["stretches"] > 0 and assist["nanoseconds"] > 0
else:
    ok = ok and assist["instructions"] == assist["stretches"] == 0
command("quit")
sys.exit(not ok)
PYTHON
status=$?
wait $pid
[ $status = 0 ] || cat "$work/log"
exit $status
