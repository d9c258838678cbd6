# SPDX-License-Identifier: LGPL-2.1-or-later
"""A vmgrd under test, in a directory of its own."""
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

UUID = "7795eb01-f6a4-8304-79aa-97f2502e1931"


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def until(condition, what, seconds=60):
    """what: a text, or what makes one of how things are by then"""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"FAILED: timed out: {what() if callable(what) else what}")
        time.sleep(0.01)


def result(program, *command):
    """of a shell; program: its words and options"""
    return subprocess.run([*program, *command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120, check=False)


def run(program, *command):
    """what a command prints that must not fail"""
    done = result(program, *command)
    check(done.returncode == 0, f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def fails(program, text, *command):
    """a command that must fail, with these words"""
    done = result(program, *command)
    check(done.returncode != 0 and text in done.stderr,
          f"{command} should fail with '{text}': {done.stdout}{done.stderr}")


def image(*words):
    """an image, by the judge of images"""
    subprocess.run(["qemu-img", *words], check=True, stdout=subprocess.DEVNULL)


def tear(daemon, name, pattern, text):
    """vmgrd is killed after it noted something in a domain's status, and before it did it"""
    path = os.path.join(daemon.root, "run/vmgr/domains", name + ".d", "status.xml")
    daemon.kill()
    with open(path, encoding="utf-8") as status:
        torn, count = re.subn(pattern, text, status.read())
    check(count == 1, f"{pattern} is in the status: {torn}")
    with open(path, "w", encoding="utf-8") as status:
        status.write(torn)
    daemon.start()


def emulators(name):
    """Processes of a domain."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{process}/cwd").endswith(f"/run/vmgr/domains/{name}.d"):
                found.append(int(process))
        except OSError:
            pass
    return found


def listens(path):
    """whether a server accepts there; the file is there before it does (proc_net_unix(5))"""
    with open("/proc/net/unix", encoding="utf-8") as table:
        return any(row[3] == "00010000" and row[7:] == [path] for row in map(str.split, table))


class Daemon:
    def __init__(self, build, root, *options, emulator=None):
        self.build, self.root, self.options = build, root, options
        if "--uri" not in options:
            emulator = emulator or os.path.join(build, "tests/vmgr/fake-vemu")
            self.options += ("--emulator", emulator)
        self.socket = os.path.join(root, "run/vmgr/libvirt-sock")
        self.log = os.path.join(root, "vmgrd.log")
        os.makedirs(root, exist_ok=True)
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [os.path.join(self.build, "tools/vmgrd/vmgrd"), "--root", self.root, "-v",
                 *self.options], stderr=log, stdin=subprocess.DEVNULL)
        until(lambda: self.connects() or self.process.poll() is not None, "vmgrd listens")
        check(self.process.poll() is None, "vmgrd runs: " + self.text())

    def connects(self):
        try:
            Raw(self.socket) # a socket that takes connections may be a dead server's
            return True
        except (OSError, EOFError):
            return False

    def text(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(20) == 0, "vmgrd ends in good order: " + self.text()[-2000:])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        return 0


def document(name="g", uuid=UUID, kernel="/dev/null", kind="qemu", extra=""):
    return (f"<domain type='{kind}'><name>{name}</name><uuid>{uuid}</uuid>"
            f"<memory unit='MiB'>64</memory><vcpu>1</vcpu>"
            f"<os><type arch='x86_64' machine='microvm'>hvm</type><kernel>{kernel}</kernel></os>"
            f"<devices><serial type='pty'/>{extra}</devices></domain>")


REMOTE, KEEPALIVE = 0x20008086, 0x6b656570
CALL, REPLY, MESSAGE, STREAM = 0, 1, 2, 3


def string(text):
    data = text.encode()
    return struct.pack(">I", len(data)) + data + b"\0" * (-len(data) % 4)


def take(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


class Raw:
    """A client that says what it likes."""

    def __init__(self, path, opened=True, name=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.serial = 0
        if opened:
            check(self.call(66) == struct.pack(">II", 1, 0), "no authentication is asked for")
            name_arg = struct.pack(">I", 0) if name is None else struct.pack(">I", 1) + string(name)
            check(self.call(1, name_arg + struct.pack(">I", 0)) == b"", "the connection opens")

    def send(self, procedure, payload=b"", program=REMOTE, version=1, kind=CALL, status=0,
             serial=None):
        if serial is None:
            serial = self.serial
            self.serial += 1
        self.socket.sendall(struct.pack(">IIIiiIi", 28 + len(payload), program, version, procedure,
                                        kind, serial, status) + payload)
        return serial

    def take(self, size):
        return take(self.socket, size)

    def receive(self):
        (length,) = struct.unpack(">I", self.take(4))
        data = self.take(length - 4)
        return struct.unpack(">IIiiIi", data[:24]), data[24:]

    def reply(self, serial):
        while True:
            header, payload = self.receive()
            if header[3] == REPLY and header[4] == serial:
                return header, payload

    def call(self, procedure, payload=b"", **how):
        """The payload of a reply, or (code, domain, message) of an error."""
        header, payload = self.reply(self.send(procedure, payload, **how))
        if header[5] == 0:
            return payload
        code, domain, there = struct.unpack(">iiI", payload[:12])
        (length,) = struct.unpack(">I", payload[12:16])
        return code, domain, payload[16:16 + length].decode() if there else None

    def closed(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
