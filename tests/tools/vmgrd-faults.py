#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-faults.py BUILD WORK: crowds, clients that die, a full disk, guests that do not answer.

To be run as root in a mount namespace of its own."""
import fcntl
import glob
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

from vmgrd_daemon import REMOTE, STREAM, UUID, Daemon, Raw, check, document, string, until

BUILD, WORK = sys.argv[1:3]
ROOT = os.path.join(WORK, "root")
SOCKET = os.path.join(ROOT, "run/vmgr/libvirt-sock")
VMSH = [os.path.join(BUILD, "tools/vmsh/vmsh"), "-q", "-c",
        f"vemu+unix:///system?socket={SOCKET}"]
GET_TYPE, LOOKUP, OPEN_CONSOLE = 3, 23, 201
# procedures that register callbacks for anybody's events, and how many events each knows
REGISTER = ((316, 27), (313, 1), (368, 2), (374, 2), (380, 2))
TYPE = string("QEMU")
CROWD = 1000
PATIENCE = 60 # seconds that a question may take on a slow machine; the guest's limit is 5


def vmsh(*words, timeout=300):
    """0 or an error's text; and how long it took."""
    began = time.monotonic()
    done = subprocess.run([*VMSH, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False)
    return done.returncode and done.stdout, time.monotonic() - began


def works(*words):
    failed, _ = vmsh(*words)
    check(not failed, f"{' '.join(words)}: {failed}")


def refused(wanted, *words):
    failed, seconds = vmsh(*words)
    check(failed and wanted in failed, f"{' '.join(words)}: {failed}, not {wanted}")
    return seconds


def names():
    done = subprocess.run([*VMSH, "list", "--all", "--name"], stdout=subprocess.PIPE, text=True,
                          timeout=300, check=True)
    return done.stdout.split()


def write(name, text):
    path = os.path.join(WORK, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def guest(name, number):
    return write(f"{name}.xml", document(name, UUID[:-2] + f"{number:02}"))


def emulator(name):
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{process}/cwd").endswith(f"/run/vmgr/domains/{name}.d"):
                return int(process)
        except OSError:
            pass
    return 0


def crowd(daemon):
    """A thousand clients that stall, half of them in the middle of a packet."""
    before = daemon.descriptors()
    clients = []
    for i in range(CROWD):
        if i % 2:
            client = Raw(SOCKET).socket # one that was let in
            client.sendall(struct.pack(">II", 4096, 0x20008086) + b"x" * (i % 50))
        else:
            client = socket.socket(socket.AF_UNIX)
            client.connect(SOCKET)
            client.sendall(b"\0\0\0\x1c"[:i % 5])
        clients.append(client)
    check(Raw(SOCKET).call(GET_TYPE) == TYPE, "one that works is served")
    works("list", "--all")
    check(daemon.memory_kib() < 150000, f"memory: {daemon.memory_kib()} KiB")
    for client in clients:
        client.close()
    until(lambda: daemon.descriptors() <= before + 2, "all are let go", PATIENCE)


def upload_dies(fifo, stopped):
    """A client is killed in its upload; not counted when the one before it still has the volume."""
    client = subprocess.Popen([*VMSH, "vol-upload", "vol", fifo, "--pool", "pool"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    out = None
    while out is None and client.poll() is None:
        try:
            out = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError: # nobody reads yet
            time.sleep(0.01)
    try:
        if out is not None:
            os.set_blocking(out, True)
            os.write(out, b"x" * (1 << 20))
            stopped.append(client.pid)
    except BrokenPipeError:
        pass
    finally:
        client.kill()
        client.wait()
        if out is not None:
            os.close(out)


def console_dies():
    """Clients that go while they have a console, in the middle of a packet: the next one gets it."""
    for number in range(50):
        raw = Raw(SOCKET)
        found = raw.call(LOOKUP, string("seen"))
        serials = []

        def opens(raw=raw, found=found, serials=serials):
            serials.append(raw.send(OPEN_CONSOLE, found + struct.pack(">II", 0, 0))) # not by force
            return raw.reply(serials[-1])[0][5] == 0

        until(opens, f"console {number}: it is free again", PATIENCE)
        serial = serials[-1]
        raw.send(OPEN_CONSOLE, b"x" * 1000, kind=STREAM, status=2, serial=serial)
        raw.socket.sendall(struct.pack(">IIIiiIi", 5000, REMOTE, 1, OPEN_CONSOLE, STREAM, serial, 2) + b"x" * 99)
        raw.socket.close()


def download_dies(fifo, stopped):
    """A client is killed while it takes a volume; not counted when another still has that."""
    with subprocess.Popen([*VMSH, "vol-download", "vol", fifo, "--pool", "pool"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as client, \
            open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as out:
        data = None
        while not data and client.poll() is None: # b"": nobody has opened it yet; None: nothing is there
            data = out.read(4096)
            time.sleep(0.01)
        if data:
            stopped.append(client.pid)
        client.kill()


def dead_clients(daemon):
    """Callbacks that nobody takes back, and an upload that stops in the middle."""
    before = daemon.descriptors()
    for _ in range(100):
        raw = Raw(SOCKET)
        for procedure, events in REGISTER:
            for event in range(events):
                reply = raw.call(procedure, struct.pack(">iI", event, 0))
                check(isinstance(reply, bytes), f"event {event} of {procedure}: {reply}")
        raw.socket.close()
    # of all that happens now nobody is told who is not there
    works("define", guest("seen", 1))
    works("start", "seen")
    works("net-define", write("seen.net", "<network><name>seen</name></network>"))
    works("net-undefine", "seen")
    console_dies()
    works("pool-create-as", "pool", "dir", "--target", ROOT)
    works("vol-create-as", "pool", "vol", "8M")
    fifo = os.path.join(WORK, "fifo")
    os.mkfifo(fifo)
    stopped = []
    until(lambda: upload_dies(fifo, stopped) or len(stopped) == 5, "five uploads stop in the middle",
          PATIENCE)
    stopped.clear()
    until(lambda: download_dies(fifo, stopped) or len(stopped) == 5, "five downloads stop in the middle",
          PATIENCE)
    until(lambda: not vmsh("vol-delete", "vol", "--pool", "pool")[0], "the volume is free again",
          PATIENCE)
    works("pool-destroy", "pool")
    works("destroy", "seen")
    works("undefine", "seen")
    # one for the events, which stays, and what is in flight
    until(lambda: daemon.descriptors() <= before + 8, f"descriptors: {daemon.descriptors()} after "
          f"{before}", PATIENCE)


def full_disk(daemon):
    """Definitions on a file system that fills up."""
    place = os.path.join(ROOT, "etc/vmgr/domains")
    daemon.stop() # one that has looked often is told of files, but not of what is mounted over them
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=True)
    daemon.start()
    made = 0
    while made < 100:
        failed, _ = vmsh("define", guest(f"full{made}", made))
        if failed:
            break
        made += 1
    check(0 < made < 100 and "No space left on device" in failed, f"after {made}: {failed}")
    # what is there stays as it was when it cannot be replaced
    with open(os.path.join(place, "full0.xml"), encoding="utf-8") as text:
        whole = text.read()
    long = write("long.xml", document("full0", UUID[:-2] + "00").replace(
        "<devices>", f"<description>{'x' * 60000}</description><devices>"))
    refused("No space left on device", "define", long)
    with open(os.path.join(place, "full0.xml"), encoding="utf-8") as text:
        check(text.read() == whole, "the old definition is whole")
    check(sorted(names()) == sorted(f"full{i}" for i in range(made)), "the others are there")
    for path in glob.glob(f"{place}/*.xml"):
        ET.parse(path)
    check(glob.glob(f"{place}/*.new") == [], "nothing half written is left")
    works("undefine", "full0")
    works("define", guest("again", 50))
    subprocess.run(["umount", place], check=True)
    check(names() == [], "what was below is seen again")


def killed_writers(daemon):
    """What they were at is gone when vmgrd begins, unless somebody else is at it now."""
    place = os.path.join(ROOT, "etc/vmgr/domains")
    daemon.stop()
    for name in ("dead", "alive"):
        with open(f"{place}/{name}.xml.new", "w", encoding="utf-8") as half:
            half.write("<domain><name>")
    with open(os.path.join(ROOT, "run/vmgr/locks/alive.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        daemon.start()
        check(names() == [], "that are no domains")
        check(glob.glob(f"{place}/*") == [f"{place}/alive.xml.new"], f"stays: {glob.glob(f'{place}/*')}")
    works("define", guest("alive", 60))
    check(glob.glob(f"{place}/*") == [f"{place}/alive.xml"], f"whole: {glob.glob(f'{place}/*')}")
    # and with a definition goes what was to replace it
    with open(f"{place}/alive.xml.new", "w", encoding="utf-8") as half:
        half.write("<domain><name>")
    works("undefine", "alive")
    check(glob.glob(f"{place}/*") == [], f"nothing: {glob.glob(f'{place}/*')}")


def silent_guest(_daemon):
    """A guest whose process is stopped: it harms no other, and itself gets named errors."""
    for number, name in enumerate(("mute", "lively")):
        works("define", guest(name, number))
        works("start", name)
    pid = emulator("mute")
    os.kill(pid, signal.SIGSTOP)
    asking = subprocess.Popen([*VMSH, "suspend", "mute"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for words in (("list", "--all"), ("domstate", "lively"), ("domstats", "lively"),
                  ("suspend", "lively"), ("resume", "lively"), ("dominfo", "mute"),
                  ("dumpxml", "mute"), ("domstats", "mute"), ("domstate", "mute")):
        works(*words)
    said = asking.communicate(timeout=PATIENCE)[0]
    check(asking.returncode and "monitor" in said and "mute" in said, f"suspend of it: {said}")
    os.kill(pid, signal.SIGCONT)
    works("suspend", "mute")
    works("resume", "mute")
    os.kill(pid, signal.SIGSTOP)
    works("destroy", "mute")
    until(lambda: not emulator("mute"), "a stopped guest can be ended", PATIENCE)
    works("destroy", "lively")
    works("undefine", "mute")
    works("undefine", "lively")


def main():
    daemon = Daemon(BUILD, ROOT)
    for part in (crowd, dead_clients, full_disk, killed_writers, silent_guest):
        part(daemon)
        check(daemon.process.poll() is None, f"vmgrd lives after {part.__name__}")
    check(names() == [], "nothing is left")
    daemon.stop()


main()
