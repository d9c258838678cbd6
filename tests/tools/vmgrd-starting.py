#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How vmgrd starts: beside one that ends, with descriptors, and where it cannot say that it did.
vmgrd-starting.py BUILD WORK"""
import fcntl
import os
import signal
import socket
import subprocess
import sys

from vmgrd_daemon import UUID, Daemon, Raw, check, document, string, until

build, work = sys.argv[1:3]
VMGRD = os.path.join(build, "tools/vmgrd/vmgrd")
DEFINE, SET_AUTOSTART, DESTROY, LOOKUP_NAME = 11, 29, 12, 23


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


def activated(listener, count="1"):
    """vmgrd with a socket as its descriptor 3"""
    script = ('exec 3<&"$1"; export LISTEN_FDS="$4" LISTEN_PID=$$; exec "$2" --root "$3" '
              '--uri test:///default')
    return subprocess.Popen(
        ["bash", "-c", script, "sh", str(listener.fileno()), VMGRD, os.path.join(work, "act"), count],
        pass_fds=[listener.fileno()], stderr=subprocess.PIPE, text=True)


def passed_sockets():
    """The name of a socket tells that it is for reading, also where it is no file's."""
    for name, read_only in (("\0vmgrd-starting-%d" % os.getpid(), False),
                            ("\0vmgrd-starting-%d-ro" % os.getpid(), True)):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(name)
        listener.listen()
        process = activated(listener)
        answer = Raw(name).call(DEFINE, string("<domain/>"))
        check((answer[2].startswith("operation forbidden: read only access")) == read_only,
              f"{name!r}: {answer}")
        process.send_signal(signal.SIGTERM)
        check(process.wait(60) == 0, "it ends")
        process.stderr.close()
    # what is no socket, does not listen, or is not there
    idle = socket.socket(socket.AF_UNIX)
    with open("/dev/null", "rb") as null:
        for what, count, wanted in ((null, "1", "descriptor 3 is not a listening unix socket"),
                                    (idle, "1", "descriptor 3 is not a listening unix socket"),
                                    (idle, "17", "LISTEN_FDS is '17', not a number from 1 to 16"),
                                    (idle, "", "LISTEN_FDS is '', not a number from 1 to 16"),
                                    (idle, "1x", "LISTEN_FDS is '1x', not a number")):
            process = activated(what, count)
            said = process.communicate(timeout=60)[1]
            check(process.returncode == 1 and wanted in said, f"{wanted}: {said}")


def no_record():
    """Where it cannot be said that the guests were started they are not, which is said in the log."""
    daemon = Daemon(build, os.path.join(work, "record"))
    raw = Raw(daemon.socket)
    check(isinstance(raw.call(DEFINE, string(document("g", UUID))), bytes), "define")
    guest = string("g") + bytes.fromhex(UUID.replace("-", "")) + b"\xff\xff\xff\xff"
    check(raw.call(SET_AUTOSTART, guest + b"\0\0\0\1") == b"", "autostart")
    daemon.stop()
    record = os.path.join(daemon.root, "run/vmgr/autostarted")
    os.unlink(record)
    os.mkdir(record)
    daemon.start()
    until(lambda: 'msg="nothing started at boot" error=' in daemon.text(), "the log tells")
    check(Raw(daemon.socket).call(LOOKUP_NAME, string("g"))[-4:] == b"\xff\xff\xff\xff", "it is off")
    daemon.stop()
    os.rmdir(record)
    daemon.start()
    until(lambda: 'msg="domain started at boot" domain="g"' in daemon.text(), "the next one starts it")
    check(Raw(daemon.socket).call(DESTROY, guest) == b"", "destroy")
    daemon.stop()


second_of_two()
passed_sockets()
no_record()
