# SPDX-License-Identifier: LGPL-2.1-or-later
"""clients-storage.py BUILD WORK: the bytes of volumes through vmsh and virsh, on vmgrd and libvirtd.

What one client sends the other gets back, with holes and without, whole and in parts; and vmsh is
told what happens to pools and networks."""
import hashlib
import os
import subprocess
import sys
import time

from libvirtd_daemon import Libvirtd
from vmgrd_daemon import Daemon, check

BUILD, WORK = sys.argv[1:3]
VMSH = os.path.join(BUILD, "tools/vmsh/vmsh")
MIB = 1 << 20
# Data, a hole, data, a hole at the end; more than what either end keeps in memory.
DATA = [(0, 9 * MIB), (21 * MIB, MIB + 12345)]
SIZE = 24 * MIB


def run(client, uri, *command):
    return subprocess.run([client, "-c", uri, *command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, check=False)


def ok(client, uri, *command):
    done = run(client, uri, *command)
    check(done.returncode == 0, f"{client} {command} on {uri}: {done.stdout}{done.stderr}")
    return done.stdout


def fails(client, uri, expected, *command):
    done = run(client, uri, *command)
    check(done.returncode != 0 and expected in done.stderr,
          f"{client} {command} on {uri} fails with '{expected}': {done.stdout}{done.stderr}")


def digest(path, offset=0, length=-1):
    with open(path, "rb") as file:
        file.seek(offset)
        return hashlib.sha256(file.read(length)).hexdigest()


def make_data(path):
    with open(path, "wb") as out:
        out.truncate(SIZE)
        for at, length in DATA:
            out.seek(at)
            out.write(os.urandom(length))


def taken(path):
    return os.stat(path).st_blocks * 512


def transfers(uri, directory, source):
    """every way there and back"""
    volume, back = os.path.join(directory, "v"), os.path.join(WORK, "back")
    for number, (there, here, options) in enumerate((
            (VMSH, VMSH, []), (VMSH, VMSH, ["--sparse"]), ("virsh", VMSH, ["--sparse"]),
            (VMSH, "virsh", ["--sparse"]))):
        ok(VMSH, uri, "vol-create-as", "p", "v", str(SIZE), "--allocation", "0")
        ok(there, uri, "vol-upload", "v", source, "--pool", "p", *options)
        check(digest(volume) == digest(source), f"{uri}: upload {number}")
        if os.path.exists(back):
            os.unlink(back)
        ok(here, uri, "vol-download", "v", back, "--pool", "p", *options)
        check(digest(back) == digest(source), f"{uri}: download {number}")
        if options:
            check(taken(volume) < SIZE / 2, f"{uri}: upload {number} keeps holes")
            check(taken(back) < SIZE / 2, f"{uri}: download {number} keeps holes")
        ok(VMSH, uri, "vol-delete", "v", "--pool", "p")


def parts(uri, directory, source):
    volume, part = os.path.join(directory, "v"), os.path.join(WORK, "part")
    ok(VMSH, uri, "vol-create-as", "p", "v", str(SIZE), "--allocation", "0")
    with open(source, "rb") as whole, open(part, "wb") as out:
        out.write(whole.read(1000001))
    ok(VMSH, uri, "vol-upload", "v", part, "--pool", "p", "--offset", "4097", "--length",
       "1000001")
    check(digest(volume, 4097, 1000001) == digest(part), f"{uri}: upload of a part")
    ok(VMSH, uri, "vol-download", "v", part, "--pool", "p", "--offset", "5000", "--length",
       "70000")
    check(digest(part) == digest(source, 903, 70000), f"{uri}: download of a part")
    fails(VMSH, uri, "No space left on device", "vol-upload", "v", source, "--pool", "p",
          "--length", "1000001")
    fails(VMSH, uri, "nobody", "vol-download", "nobody", part, "--pool", "p")
    ok(VMSH, uri, "vol-delete", "v", "--pool", "p")


def told(uri, watch, stop, start, expected):
    """vmsh waits for an event; it comes sooner or later: when vmsh listens is not said"""
    with subprocess.Popen([VMSH, "-c", uri, *watch, "--event", "lifecycle"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as waiting:
        end = time.monotonic() + 60
        while waiting.poll() is None:
            if time.monotonic() > end:
                waiting.kill()
            ok(VMSH, uri, *stop)
            ok(VMSH, uri, *start)
        output = waiting.stdout.read()
    check(expected in output and waiting.returncode == 0, f"{uri}: {watch} says: {output}")


def main():
    source = os.path.join(WORK, "source")
    make_data(source)
    daemons = {"libvirtd": Libvirtd(os.path.join(WORK, "lv")),
               "vmgrd": Daemon(BUILD, os.path.join(WORK, "vm"))}
    test = Daemon(BUILD, os.path.join(WORK, "test"), "--uri", "test:///default")
    uris = {"libvirtd": "storage+unix:///session", "vmgrd": "qemu+unix:///system"}
    try:
        for name, daemon in daemons.items():
            uri = f"{uris[name]}?socket={daemon.socket}"
            directory = os.path.join(WORK, "pool-" + name)
            os.mkdir(directory)
            os.chmod(directory, 0o777)
            ok(VMSH, uri, "pool-create-as", "p", "dir", "--target", directory)
            transfers(uri, directory, source)
            parts(uri, directory, source)
            ok(VMSH, uri, "pool-destroy", "p")
            ok(VMSH, uri, "pool-define-as", "p", "dir", "--target", directory)
            ok(VMSH, uri, "pool-start", "p")
            told(uri, ["pool-event"], ["pool-destroy", "p"], ["pool-start", "p"],
                 "event 'lifecycle' for storage pool p:")
        told(f"test+unix:///default?socket={test.socket}", ["net-event"],
             ["net-destroy", "default"], ["net-start", "default"],
             "event 'lifecycle' for network default:")
    finally:
        for daemon in (*daemons.values(), test):
            daemon.stop()
    print("volumes come back as they went")


if __name__ == "__main__":
    main()
