#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How vmgrd starts: beside one that ends. vmgrd-starting.py BUILD WORK"""
import fcntl
import os
import signal
import subprocess
import sys

from vmgrd_daemon import check, until

build, work = sys.argv[1:3]
VMGRD = os.path.join(build, "tools/vmgrd/vmgrd")


def second_of_two():
    """One that ends takes its pid file away and then lets go of the lock: who waited for that lock has
    one on no file, and a third would see nobody."""
    root = os.path.join(work, "two")
    run = os.path.join(root, "run/vmgr")
    path = os.path.join(run, "vmgrd.pid")
    os.makedirs(run)
    with open(path, "w", encoding="ascii") as ending:
        fcntl.flock(ending, fcntl.LOCK_EX)
        waiting = subprocess.Popen([VMGRD, "--root", root, "--uri", "test:///default"],
                                   stderr=subprocess.DEVNULL)
        until(lambda: any(os.path.exists(x) and os.path.samefile(x, path) for x in descriptors(waiting)),
              "it waits for the lock")
        os.unlink(path)
    until(lambda: os.path.exists(os.path.join(run, "libvirt-sock")), "it serves")
    check(os.path.exists(path), "it has a pid file")
    with open(path, encoding="ascii") as file:
        check(int(file.read()) == waiting.pid, "the pid file has its number")
    third = subprocess.run([VMGRD, "--root", root, "--uri", "test:///default"], capture_output=True,
                           text=True, timeout=60, check=False)
    check(third.returncode == 1 and f"another vmgrd (process {waiting.pid})" in third.stderr, third)
    waiting.send_signal(signal.SIGTERM)
    check(waiting.wait(60) == 0 and not os.path.exists(path), "it ends and leaves no pid file")


def descriptors(process):
    folder = f"/proc/{process.pid}/fd"
    return [os.path.join(folder, x) for x in os.listdir(folder)]


second_of_two()
