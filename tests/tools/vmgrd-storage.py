#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Storage through vmgrd with the distribution's virsh: usage: vmgrd-storage.py BUILD WORK"""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading

from vmgrd_daemon import Daemon, check, until

build, work = sys.argv[1:3]


def run(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def virsh(*command):
    return run("virsh", "-c", uri, *command)


def ok(*command):
    status, output = virsh(*command)
    check(status == 0, f"virsh {' '.join(command)}: {output}")
    return output


def fails(expected, *command):
    status, output = virsh(*command)
    check(status != 0 and re.search(expected, output),
          f"virsh {' '.join(command)} fails with {expected}: {output}")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def image(path, *expected):
    """what qemu-img says of an image, where it is installed"""
    if not shutil.which("qemu-img"):
        return
    status, output = run("qemu-img", "check", path)
    check(status == 0, f"qemu-img check {path}: {output}")
    output = run("qemu-img", "info", path)[1]
    for text in expected:
        check(text in output, f"{text} in: {output}")


def life_cycle():
    ok("pool-define-as", "p", "dir", "--target", pool)
    fails("No such file or directory", "pool-start", "p")
    ok("pool-build", "p")
    ok("pool-start", "p")
    fails("is already active", "pool-start", "p")
    ok("pool-autostart", "p")
    check("yes" in ok("pool-list", "--all"), "autostart is listed")
    fails("is still active", "pool-undefine", "p")
    fails("Storage source conflict with pool: 'p'", "pool-define-as", "q", "dir", "--target", pool)
    check("supported='yes'" in ok("pool-capabilities"), "capabilities")
    check(re.search("State: +running", ok("pool-info", "p")), "pool-info")


def volumes():
    ok("vol-create-as", "p", "a.img", "1M")
    check(os.stat(f"{pool}/a.img").st_blocks * 512 == 1 << 20, "raw volumes are allocated")
    ok("vol-create-as", "p", "b.qcow2", "10M", "--format", "qcow2")
    ok("vol-create-as", "p", "c.qcow2", "10M", "--format", "qcow2", "--backing-vol", "b.qcow2",
       "--backing-vol-format", "qcow2")
    image(f"{pool}/b.qcow2", "virtual size: 10 MiB")
    image(f"{pool}/c.qcow2", f"backing file: {pool}/b.qcow2", "backing file format: qcow2")
    ok("vol-resize", "b.qcow2", "20M", "p")
    image(f"{pool}/b.qcow2", "virtual size: 20 MiB")
    fails("shrink", "vol-resize", "b.qcow2", "5M", "p")
    ok("vol-clone", "b.qcow2", "d.qcow2", "p")
    image(f"{pool}/d.qcow2", "virtual size: 20 MiB")
    fails("storage volume 'a.img' exists already", "vol-create-as", "p", "a.img", "1M")
    check(ok("vol-key", "a.img", "p").strip() == f"{pool}/a.img", "the key is the path")
    check(ok("vol-pool", f"{pool}/a.img").strip() == "p", "a path finds its pool")
    with open(f"{pool}/behind", "wb") as file:
        file.truncate(4096)
    check("behind" in ok("vol-list", "p"), "a file that another made is seen")
    ok("vol-delete", "behind", "p")
    check(not os.path.exists(f"{pool}/behind"), "it is gone")


def hostile():
    before = sorted(os.listdir(pool))
    for name in ("../x", "/x", "..", "a/b"):
        fails("volume name", "vol-create-as", "p", name, "1M")
    for name in ("new\nline", "tab\tulator"):
        fails("control characters", "vol-create-as", "p", name, "1M")
    fails("cannot contain '/'", "pool-define-as", "../q", "dir", "--target", work)
    fails("No space left|File too large", "vol-create-as", "p", "big", "4000000G")
    fails("inaccessible|No such", "vol-create", "p", backed_by_nothing())
    check(sorted(os.listdir(pool)) == before, f"nothing is left behind: {os.listdir(pool)}")
    check(not os.path.exists(f"{work}/x"), "nothing is outside of the pool")


def backed_by_nothing():
    path = f"{work}/bad.xml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("<volume><name>n</name><capacity>4096</capacity><target><format type='qcow2'/>"
                   "</target><backingStore><path>/nonexistent</path></backingStore></volume>")
    return path


def transfers():
    data, back = f"{work}/data", f"{work}/back"
    with open(data, "wb") as file:
        file.write(os.urandom(3_000_001))
    ok("vol-create-as", "p", "t", "3000001")
    ok("vol-upload", "t", data, "p")
    check(digest(f"{pool}/t") == digest(data), "an upload is what was sent")
    ok("vol-download", "t", back, "p")
    check(digest(back) == digest(data), "a download is what is there")
    ok("vol-download", "t", back, "p", "--offset", "1000", "--length", "5000")
    with open(data, "rb") as file:
        check(open(back, "rb").read() == file.read()[1000:6000], "a part of it")
    fails("No space left", "vol-upload", "t", data, "p", "--length", "10")

    with open(data, "wb") as file:  # data, hole, data, hole
        file.truncate(64 << 20)
        file.seek(0)
        file.write(b"begin")
        file.seek(32 << 20)
        file.write(b"middle")
    ok("vol-create-as", "p", "s", "64M", "--allocation", "0")
    ok("vol-upload", "s", data, "p", "--sparse")
    check(digest(f"{pool}/s") == digest(data), "a sparse upload is what was sent")
    check(os.stat(f"{pool}/s").st_blocks * 512 < 4 << 20, "and stays sparse")
    ok("vol-download", "s", back, "p", "--sparse")
    check(digest(back) == digest(data), "a sparse download is what is there")
    check(os.stat(back).st_blocks * 512 < 4 << 20, "and stays sparse")
    ok("vol-wipe", "t", "p")
    check(not any(open(f"{pool}/t", "rb").read()), "wiped is zeros")


def two_at_once():
    """Of callers that make the same volume, one does."""
    results = []

    def make():
        results.append(virsh("vol-create-as", "p", "race", "8M"))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [r for r in results if r[0] == 0]
    check(len(won) == 1, f"one of four: {results}")
    check(all("exists already" in r[1] for r in results if r[0]), f"the others: {results}")
    check(os.path.getsize(f"{pool}/race") == 8 << 20, "it is whole")


def events():
    waiting = subprocess.Popen(["virsh", "-c", uri, "pool-event", "--event", "lifecycle", "--loop",
                                "--timeout", "60"], stdout=subprocess.PIPE, text=True)
    # registering is over when an event comes
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(iter(waiting.stdout.readline, "")))
    reader.start()
    def stirred():
        ok("pool-define-as", "e", "dir", "--target", f"{work}/e")
        if any("pool e: Defined" in line for line in seen):
            return True
        ok("pool-undefine", "e")
        return False
    until(stirred, "the first event")
    for step in ("pool-build", "pool-start", "pool-destroy", "pool-delete", "pool-undefine"):
        ok(step, "e")
    want = ["Created", "Started", "Stopped", "Deleted", "Undefined"]
    def got():
        return [line.split()[-1] for line in seen if "Defined" not in line]
    until(lambda: got()[-len(want):] == want, f"events in order: {seen}")
    waiting.terminate()
    waiting.wait()
    reader.join()


def missing_tools():
    """What needs a program that is not there says which."""
    ok("pool-define-as", "n", "logical", "--source-name", "nosuchgroup")
    status, output = virsh("pool-start", "n")
    check(status != 0 and ("vgchange" in output), f"the program is named: {output}")
    ok("pool-undefine", "n")
    fails("cannot begin with '-'", "pool-create-as", "o", "logical", "--source-name", "-aly")


def restart():
    """What was active stays so."""
    daemon.kill()
    daemon.start()
    check(re.search("p +active +yes", ok("pool-list")), "active after the daemon was killed")
    check("a.img" in ok("vol-list", "p"), "its volumes are there")
    read_only = f"{uri}"
    status, output = run("virsh", "-r", "-c", read_only, "vol-delete", "a.img", "p")
    check(status != 0 and "read only" in output, f"looking only: {output}")
    ok("pool-destroy", "p")
    daemon.kill()
    os.unlink(f"{root}/run/vmgr/autostarted")  # as after a boot
    daemon.start()
    until(lambda: re.search("p +active +yes", ok("pool-list", "--all")), "started at boot")
    ok("pool-destroy", "p")
    fails("is not active", "vol-list", "p")
    fails("Directory not empty", "pool-delete", "p")
    ok("pool-undefine", "p")
    fails("no storage pool with matching name", "pool-info", "p")


root, pool = f"{work}/storage", f"{work}/pool"
daemon = Daemon(build, root)
uri = f"qemu+unix:///system?socket={daemon.socket}"
try:
    life_cycle()
    volumes()
    hostile()
    transfers()
    two_at_once()
    events()
    missing_tools()
    descriptors = daemon.descriptors()
    ok("vol-download", "a.img", f"{work}/back", "p")
    until(lambda: daemon.descriptors() <= descriptors, "no descriptor is left open")
    restart()
    daemon.stop()
finally:
    daemon.process.kill()
print("storage: passed")
