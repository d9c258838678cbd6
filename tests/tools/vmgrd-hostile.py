#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is no client, or a bad one: vmgrd-hostile.py BUILD WORK"""
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from vmgrd_daemon import (CALL, KEEPALIVE, MESSAGE, REPLY, STREAM, UUID, Daemon, Raw, check,
                          document, string, until)

build, work = sys.argv[1:3]
GET_TYPE, LOOKUP_NAME = 3, 23
TYPE = string("QEMU")


def answers(daemon):
    """It serves on."""
    check(Raw(daemon.socket).call(GET_TYPE) == TYPE, "vmgrd answers: " + daemon.text()[-500:])


def refusals(daemon):
    """As libvirtd 9.0 answers the same bytes."""
    fresh = Raw(daemon.socket, opened=False)
    check(fresh.call(GET_TYPE)[:2] == (1, 7), "a call before CONNECT_OPEN")
    raw = Raw(daemon.socket)
    nothing = struct.pack(">II", 0, 0)
    expected = [
        ("a second CONNECT_OPEN", raw.call(1, nothing), (1, 7, "internal error: connection already open")),
        ("an unknown procedure", raw.call(999), (39, 7, "unknown procedure: 999")),
        ("an event as a procedure", raw.call(318), (39, 7, "unknown procedure: 318")),
        ("procedure 0", raw.call(0), (39, 7, "unknown procedure: 0")),
        ("procedure -1", raw.call(-1), (39, 7, "unknown procedure: -1")),
        ("an unknown program", raw.call(1, program=0x12345678),
         (39, 7, "Cannot find program 305419896 version 1")),
        ("an unknown version", raw.call(GET_TYPE, version=2),
         (39, 7, "Cannot find program 536903814 version 2")),
        ("a status in a call", raw.call(GET_TYPE, status=1), (39, 7, "Unexpected message status 1")),
        ("no arguments", raw.call(LOOKUP_NAME), (39, 7, "Unable to decode message payload")),
        ("a string beyond the packet", raw.call(LOOKUP_NAME, struct.pack(">I", 100) + b"abcd"),
         (39, 7, "Unable to decode message payload")),
        ("a string beyond the limit", raw.call(LOOKUP_NAME, struct.pack(">I", 5000000) + b"abcd"),
         (39, 7, "Unable to decode message payload")),
        ("an unknown callback", raw.call(317, struct.pack(">i", 77)),
         (1, 7, "internal error: domain event callback 77 not registered")),
        ("an unknown event", raw.call(316, struct.pack(">iI", 99, 0)),
         (1, 7, "internal error: unsupported event ID 99")),
        ("padding that is not zero", raw.call(LOOKUP_NAME, b"\0\0\0\2t1\1\2")[:2], (42, 10)),
        ("what comes after", raw.call(LOOKUP_NAME, string("t1") + b"ZZZZ")[:2], (42, 10)),
        ("descriptors, but none", raw.call(GET_TYPE, b"\0\0\0\0", kind=4), TYPE),
        ("a program without handlers", raw.call(1, program=0x68000)[0], 3),
        ("a procedure without a handler", raw.call(55)[0], 3),
    ]
    for what, got, wanted in expected:
        check(got == wanted, f"{what}: {got}")
    # not answered, and no harm
    raw.send(GET_TYPE, kind=REPLY)
    raw.send(GET_TYPE, kind=99)
    raw.send(GET_TYPE, kind=MESSAGE)
    raw.send(201, b"abc", kind=STREAM, status=2)
    raw.send(201, b"abc", kind=6, status=2)
    check(raw.call(GET_TYPE) == TYPE, "after what is not answered")
    raw.send(1, program=KEEPALIVE, kind=MESSAGE, serial=0)
    header, _ = raw.receive()
    check(header[0] == KEEPALIVE and header[2] == 2, "PING is answered")


def openings(daemon):
    for name, wanted in (("foo:///", 5), ("qemu:///session", 1), ("qemu://host/system", 8),
                         ("qemu:///system?x=y", 8), ("::", 1)):
        raw = Raw(daemon.socket, opened=False)
        raw.call(66)
        got = raw.call(1, struct.pack(">I", 1) + string(name) + struct.pack(">I", 0))
        check(got[0] == wanted, f"CONNECT_OPEN {name}: {got}")
    raw = Raw(daemon.socket, opened=False)
    raw.call(66)
    check(raw.call(1, struct.pack(">II", 0, 8))[0] == 8, "CONNECT_OPEN with an unknown flag")
    # the discriminant of an optional string may be any number
    check(raw.call(1, struct.pack(">I", 2) + string("") + struct.pack(">I", 0)) == b"", "2 is true")


def lengths(daemon):
    for word in (0, 3, 27, 0x7fffffff, 0xffffffff, 33554437):
        raw = Raw(daemon.socket)
        raw.socket.sendall(struct.pack(">I", word) + b"\0" * 24)
        check(raw.closed(), f"a packet of {word} bytes")
    raw = Raw(daemon.socket, opened=False)
    raw.socket.sendall(struct.pack(">I", 33554436) + b"\0" * 24)
    check(raw.closed(), "a large packet before authentication")
    raw = Raw(daemon.socket)
    raw.socket.sendall(struct.pack(">IIIiiIi", 29, 0x20008086, 1, GET_TYPE, CALL, 50, 0) + b"Z")
    check(raw.reply(50)[1] == TYPE, "a length that is no multiple of four")
    # announced, not sent: nothing is kept for it
    before = daemon.memory_kib()
    half = [Raw(daemon.socket) for _ in range(20)]
    for raw in half:
        raw.socket.sendall(struct.pack(">I", 33554436) + b"\0" * 100)
    answers(daemon)
    check(daemon.memory_kib() - before < 20000, "memory for what has not come")


def stalled(daemon):
    """200 clients that connect and say nothing, or half a packet."""
    before = daemon.descriptors()
    clients = []
    for i in range(200):
        s = socket.socket(socket.AF_UNIX)
        s.connect(daemon.socket)
        s.sendall((b"", b"\0", b"\0\0\0\x1c", b"\0\0\0\x1c\x20\0\x80\x86")[i % 4])
        clients.append(s)
    began = time.monotonic()
    answers(daemon)
    check(time.monotonic() - began < 20, "a working client beside 200 stalled ones")
    # they have two seconds (vmgrd.conf)
    until(lambda: daemon.descriptors() <= before + 3, "stalled clients go", 20)
    check("authentication took too long" in daemon.text(), "and the log says why")
    for s in clients:
        s.close()


def crowd(daemon):
    """More than may be pending: the oldest goes, the newest is served."""
    clients = [socket.socket(socket.AF_UNIX) for _ in range(350)]
    for s in clients:
        s.connect(daemon.socket)
    answers(daemon)
    check("too many clients wait" in daemon.text(), "the oldest pending goes")
    for s in clients:
        s.close()


def greedy(daemon):
    """Calls without end, replies never read."""
    raw = Raw(daemon.socket)
    raw.socket.setblocking(False)
    packet = struct.pack(">IIIiiIi", 28, 0x20008086, 1, 7, CALL, 5, 0) * 200
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        try:
            raw.socket.send(packet)
        except BlockingIOError:
            time.sleep(0.01)
    answers(daemon)
    check(daemon.memory_kib() < 150000, f"memory: {daemon.memory_kib()} KiB")
    raw.socket.close()
    pings = Raw(daemon.socket)
    pings.socket.setblocking(False)
    packet = struct.pack(">IIIiiIi", 28, KEEPALIVE, 1, 1, MESSAGE, 0, 0) * 200
    end = time.monotonic() + 1
    while time.monotonic() < end:
        try:
            pings.socket.send(packet)
        except BlockingIOError:
            time.sleep(0.01)
    answers(daemon)


def subscribers(daemon):
    """Whoever may look on may subscribe, but not without end."""
    raw = Raw(daemon.socket + "-ro")
    most, wanted, refusals = 4096, struct.pack(">iI", 0, 0), 0
    for _ in range(10):
        serials = [raw.send(316, wanted) for _ in range(500)]
        refusals += sum(raw.receive()[0][5] for _ in serials)
    check(refusals == 5000 - most, f"callbacks beyond {most} are refused: {refusals}")
    check(raw.call(316, wanted)[:2] == (9, 7), "with a reason")
    check(raw.call(GET_TYPE) == TYPE, "it goes on")
    answers(daemon)
    other = Raw(daemon.socket + "-ro")
    check(isinstance(other.call(316, wanted), bytes), "others may")
    raw.socket.close()
    again = Raw(daemon.socket + "-ro")
    check(isinstance(again.call(316, wanted), bytes), "and it may, once it has come again")


def descriptors(daemon):
    """Clients that send descriptors: none is kept, whatever they say of them and however they go."""
    held, keep = os.pipe() # what is sent is the writing end: held is at its end when all are closed
    dom = string("g") + bytes.fromhex(UUID.replace("-", "")) + struct.pack(">i", -1)
    associate = dom + string("group") + struct.pack(">I", 0)

    def announce(raw, procedure, payload, number, come=None):
        """a call that announces descriptors, and so many one by one after it"""
        serial = raw.send(procedure, struct.pack(">I", number) + payload, kind=4)
        for _ in range(number if come is None else come):
            socket.send_fds(raw.socket, [b"\0"], [keep])
        return serial

    def ends(what, raw, words):
        check(raw.closed(), what)
        raw.socket.close()
        until(lambda: f'reason="{words}"' in daemon.text()[begun:], f"{what}: {words}")

    raw = Raw(daemon.socket)
    check(isinstance(raw.call(11, string(document())), bytes), "define")
    check(raw.call(60, struct.pack(">I", 8)) == struct.pack(">I", 1), "descriptors may come")
    check(Raw(daemon.socket + "-ro").call(60, struct.pack(">I", 8)) == bytes(4), "not from everybody")
    raw.reply(announce(raw, 443, associate, 1)) # what is opened to find a domain stays
    before = daemon.descriptors() - 1
    for number in (1, 3, 32):
        for procedure, name, payload in (
                (309, "virDomainCreateXMLWithFiles", string(document()) + struct.pack(">I", 0)),
                (310, "virDomainCreateWithFiles", dom + struct.pack(">I", 0))):
            header, answer = raw.reply(announce(raw, procedure, payload, number))
            check(header[5] == 1 and struct.unpack(">i", answer[:4])[0] == 3 and
                  f"not supported by the connection driver: {name}".encode() in answer,
                  f"{name} is refused by its name: {answer}")
        check(raw.reply(announce(raw, 443, associate, number))[1] == b"", "a group is there, or another takes its place")
        check(raw.reply(announce(raw, GET_TYPE, b"", number))[1] == TYPE, "a call that has no use for them")
    # many calls one behind the other, more than wait at a time
    serials = [announce(raw, 443, associate, 8) for _ in range(100)]
    for _ in serials:
        check(raw.receive()[0][4] in serials, "each is answered")
    before += 1 # one may have come to be told of changes in the directory
    until(lambda: daemon.descriptors() <= before + 8, "all but the last eight are closed while the client stays")
    raw.socket.close()
    raw = Raw(daemon.socket)
    until(lambda: daemon.descriptors() <= before, "the group goes with the client")

    begun = len(daemon.text())
    malformed, many = "malformed packet", "more descriptors than it may send"
    for what, number, come, words in (("33 announced", 33, 0, malformed),
                                      ("four billion announced", 0xffffffff, 0, malformed)):
        bad = Raw(daemon.socket)
        announce(bad, 443, associate, number, come)
        ends(what, bad, words)
    bad = Raw(daemon.socket)
    announce(bad, 443, associate, 2, 1)
    bad.socket.sendall(b"\0") # the second byte brings none
    ends("fewer than announced", bad, malformed)
    bad = Raw(daemon.socket)
    socket.send_fds(bad.socket, [struct.pack(">IIIiiIi", 28, 0x20008086, 1, GET_TYPE, CALL, 9, 0)],
                    [keep])
    ends("a descriptor with a call without any", bad, malformed)
    for number in (33, 200):
        bad = Raw(daemon.socket)
        socket.send_fds(bad.socket, [b"\0"], [keep] * number)
        ends(f"{number} in one message", bad, many)
    for what, bad in (("before authentication", Raw(daemon.socket, opened=False)),
                      ("from who may only look on", Raw(daemon.socket + "-ro"))):
        socket.send_fds(bad.socket, [b"\0"], [keep])
        ends(what, bad, many)
    for what, bad in (("announced before authentication", Raw(daemon.socket, opened=False)),
                      ("announced by who may only look on", Raw(daemon.socket + "-ro"))):
        announce(bad, 443, associate, 1, 0)
        ends(what, bad, malformed)

    # those that go in the middle of it
    for number in range(40):
        gone = Raw(daemon.socket)
        announce(gone, 443, associate, 8, number % 8)
        gone.socket.close()
        gone = Raw(daemon.socket)
        announce(gone, 443, associate, 8)
        gone.socket.close() # does not wait for the answer
    until(lambda: daemon.descriptors() <= before, "all are closed when clients go")
    os.close(keep)
    os.set_blocking(held, False)

    def at_end():
        try:
            return os.read(held, 1) == b""
        except BlockingIOError:
            return False

    until(at_end, "nobody has one that was sent")
    os.close(held)
    check(raw.call(35, dom) == b"", "undefine")
    raw.socket.close()
    answers(daemon)


def random_bytes(daemon):
    rng = random.Random(1)
    for _ in range(150):
        raw = Raw(daemon.socket, opened=rng.random() < 0.7)
        for _ in range(rng.randrange(6)):
            payload = bytes(rng.choice(b"\0\0\0\1\2\xff") for _ in range(rng.randrange(200)))
            try:
                raw.send(rng.randrange(1, 450), payload, kind=rng.choice((0, 0, 0, 1, 2, 3, 6)))
            except OSError:
                break
        raw.socket.close()
    answers(daemon)


def closing(daemon):
    """Clients that go in the middle of a call, a stream, with callbacks left."""
    raw = Raw(daemon.socket)
    check(isinstance(raw.call(11, string(document("h", UUID))), bytes), "define")
    dom = string("h") + bytes.fromhex(UUID.replace("-", "")) + struct.pack(">i", -1)
    check(raw.call(9, dom) == b"", "start")
    raw.call(316, struct.pack(">iI", 0, 0)) # the driver's own descriptors for events
    before = daemon.descriptors()
    for _ in range(20):
        other = Raw(daemon.socket)
        for event in range(27):
            other.call(316, struct.pack(">iI", event, 0))
        reply = other.call(201, dom + struct.pack(">II", 0, 1)) # by force
        check(reply == b"", f"console: {reply}")
        other.send(201, b"x" * 1000, kind=STREAM, status=2)
        other.send(34, dom)
        other.send(28, dom)
        other.socket.close()
    until(lambda: daemon.descriptors() <= before + 2, "nothing is left of clients that went")
    # a stream is ended by its own client's packets only, and a hole is no data for it
    serial = raw.send(201, dom + struct.pack(">II", 0, 1))
    check(raw.reply(serial)[0][5] == 0, "console")
    raw.send(201, struct.pack(">qI", 100, 0), kind=6, status=2, serial=serial)
    while True:
        header, _ = raw.receive()
        if header[3] == STREAM and header[5] == 1:
            break
    serial = raw.send(201, dom + struct.pack(">II", 0, 1))
    check(raw.reply(serial)[0][5] == 0, "console again")
    raw.send(201, kind=STREAM, status=1, serial=serial)
    while True:
        header, _ = raw.receive()
        if header[3] == STREAM and header[5] == 0:
            break
    check(raw.call(12, dom) == b"" and raw.call(35, dom) == b"", "destroy and undefine")


def concurrent(daemon):
    """Starts whose monitor says nothing; questions on the same connection do not wait for them."""
    raw = Raw(daemon.socket)
    serials = []
    for i in range(5):
        uuid = UUID[:-1] + str(i)
        xml = document(f"slow{i}", uuid).replace("</os>", "<cmdline>mute</cmdline></os>")
        check(isinstance(raw.call(11, string(xml)), bytes), "define")
        if i < 4: # the fifth of a client's calls must be free for the questions
            serials.append(raw.send(9, string(f"slow{i}") + bytes.fromhex(uuid.replace("-", "")) +
                                    struct.pack(">i", -1)))
    until(lambda: len(mute_guests(daemon)) == 4, "four starts are under way")
    began = time.monotonic()
    for _ in range(50):
        check(struct.unpack(">I", raw.call(273, struct.pack(">iI", 1, 0))[:4])[0] == 5, "list")
        raw.call(59)
    check(time.monotonic() - began < 5, f"100 questions: {time.monotonic() - began} s")
    for pid in mute_guests(daemon):
        os.kill(pid, signal.SIGKILL)
    for _ in serials: # in whatever order they end
        header, _ = raw.receive()
        check(header[4] in serials and header[5] == 1, f"a start that failed: {header}")
    for i in range(5):
        raw.call(35, string(f"slow{i}") + bytes.fromhex((UUID[:-1] + str(i)).replace("-", "")) +
                 struct.pack(">i", -1))


def mute_guests(daemon):
    found = []
    for process in os.listdir("/proc"):
        try:
            if os.readlink(f"/proc/{process}/cwd").startswith(daemon.root) and \
                    b"mute" in open(f"/proc/{process}/cmdline", "rb").read():
                found.append(int(process))
        except (OSError, ValueError):
            pass
    return found


def strangers(daemon):
    """Another user is refused with a reason on one socket, and may look on the other."""
    if os.geteuid() != 0:
        return
    script = (
        "import os, sys\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})\n"
        "from vmgrd_daemon import Raw\n"
        "raw = Raw(sys.argv[1], opened=False)\nprint(raw.call(66))\nprint(raw.call(3))\n")
    for path, wanted in ((daemon.socket, "Permission denied"),
                         (daemon.socket + "-ro", "authentication failed: user 65534")):
        if path == daemon.socket:
            os.chmod(path, 0o600)
        else:
            os.chmod(path, 0o666)
        done = subprocess.run(["/usr/bin/python3", "-c", script, path], capture_output=True,
                              text=True, check=False)
        check(wanted in done.stdout + done.stderr, f"a stranger on {path}: {done}")
    check("authentication required" in done.stdout, f"and gets no further: {done}")


def reload(daemon):
    path = os.path.join(daemon.root, "etc/vmgr/vmgrd.conf")
    with open(path, "a", encoding="utf-8") as file:
        file.write("max_clients = nonsense\n")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: "max_clients must be a number" in daemon.text(), "a bad file is reported")
    answers(daemon)
    with open(path, "w", encoding="utf-8") as file:
        file.write("[vmgrd]\nmax_clients = 3\n")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: "configuration reloaded" in daemon.text(), "the file is read again")
    keep = [Raw(daemon.socket) for _ in range(3)]
    s = socket.socket(socket.AF_UNIX)
    s.connect(daemon.socket)
    s.settimeout(5)
    check(s.recv(1) == b"", "one client too many")
    check(keep[0].call(GET_TYPE) == TYPE, "the others go on")


def killed():
    """vmgrd is killed at random moments while a client defines, starts, ends, undefines: the guest that
    runs beside goes on, what was answered is there, and no file is half written."""
    daemon = Daemon(build, os.path.join(work, "killed"))
    raw = Raw(daemon.socket)
    check(isinstance(raw.call(11, string(document("stays", UUID))), bytes), "define")
    stays = string("stays") + bytes.fromhex(UUID.replace("-", "")) + struct.pack(">i", -1)
    check(raw.call(9, stays) == b"", "start")
    number = raw.call(LOOKUP_NAME, string("stays"))[-4:]
    done, over = [], threading.Event()
    uuid = UUID[:-1] + "9"
    other = string("other") + bytes.fromhex(uuid.replace("-", "")) + struct.pack(">i", -1)

    def work_on():
        while not over.is_set():
            try:
                client = Raw(daemon.socket)
                while not over.is_set():
                    for procedure, payload in ((11, string(document("other", uuid))), (9, other),
                                               (12, other), (35, other)):
                        client.call(procedure, payload)
                    done.append(1)
            except (OSError, EOFError, struct.error, SystemExit):
                time.sleep(0.01)

    worker = threading.Thread(target=work_on, daemon=True)
    worker.start()
    rng = random.Random(2)
    kills = 300 if os.environ.get("VEMU_TEST_SOAK") == "1" else 12
    for _ in range(kills):
        time.sleep(rng.random() * 0.15)
        daemon.kill()
        daemon.start()
        check(Raw(daemon.socket).call(LOOKUP_NAME, string("stays"))[-4:] == number,
              "the guest goes on")
    over.set()
    worker.join(60)
    check(not worker.is_alive() and done, "the client got something done")
    folder = os.path.join(daemon.root, "etc/vmgr/domains")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            check(name.endswith(".new") or file.read().rstrip().endswith("</domain>"),
                  f"{name} is whole")
    raw = Raw(daemon.socket)
    raw.call(12, other)
    raw.call(35, other)
    check(raw.call(12, stays) == b"" and raw.call(35, stays) == b"", "destroy and undefine")
    check(struct.unpack(">I", raw.call(273, struct.pack(">iI", 1, 0))[:4])[0] == 0, "nothing is left")
    daemon.stop()


def activation():
    """Started for a client by a service manager, it leaves when it is not needed."""
    path = os.path.join(work, "activated")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    script = ('exec 3<&"$1"; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$2" --root "$3" --timeout 1 '
              '--uri test:///default')
    process = subprocess.Popen(
        ["bash", "-c", script, "sh", str(listener.fileno()),
         os.path.join(build, "tools/vmgrd/vmgrd"), os.path.join(work, "act")],
        pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
    raw = Raw(path)
    check(raw.call(GET_TYPE) == string("TEST"), "the passed socket is served")
    raw.socket.close()
    check(process.wait(10) == 0, "it leaves after a second without a client")
    check(os.path.exists(path), "a socket that was passed stays")


def command_line():
    vmgrd = os.path.join(build, "tools/vmgrd/vmgrd")
    config = os.path.join(work, "bad.conf")

    def run(*args):
        done = subprocess.run([vmgrd, *args], capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stdout + done.stderr

    check(run("--version")[0] == 0 and "usage: vmgrd" in run("--help")[1], "--version and --help")
    check(run("--nonsense")[0] == 2 and run("word")[0] == 2, "what is not known")
    check(run("--timeout", "x")[0] == 2, "--timeout x")
    for text, wanted in (("[vmgrd]\nnonsense = 1\n", "nonsense is not a key"),
                         ("[other]\nx = 1\n", "other is not a group"),
                         ("[vmgrd]\ngroup = no-such-group\n", "names a group that is not there"),
                         ("[vmgrd]\nread_only_socket = maybe\n", "must be true or false"),
                         ("[vmgrd]\nlog_level = loud\n", "must be error, warning, info or debug")):
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        status, output = run("--config", config, "--root", os.path.join(work, "c"))
        check(status == 1 and wanted in output, f"{text}: {output}")
    status, output = run("--config", "/nonexistent/x", "--root", work)
    check(status == 1 and "/nonexistent/x" in output, "a named file must be there")
    root = os.path.join(work, "background")
    listen = os.path.join(work, "extra")
    check(run("--daemon", "--root", root, "--listen", listen)[0] == 0, "--daemon")
    check(Raw(listen).call(GET_TYPE) == TYPE, "ready when the first process ends; --listen")
    check(run("--root", root)[0] == 1, "two daemons on one directory")
    with open(os.path.join(root, "run/vmgr/vmgrd.pid"), encoding="utf-8") as file:
        pid = int(file.read())
    os.kill(pid, signal.SIGTERM)
    until(lambda: not os.path.exists(listen), "it ends and removes its sockets")


def main():
    root = os.path.join(work, "hostile")
    os.makedirs(os.path.join(root, "etc/vmgr"))
    with open(os.path.join(root, "etc/vmgr/vmgrd.conf"), "w", encoding="utf-8") as file:
        file.write("[vmgrd]\npending_timeout = 2\nmax_pending_clients = 300\n")
    daemon = Daemon(build, root)
    for part in (refusals, openings, lengths, stalled, crowd, greedy, subscribers, descriptors, random_bytes,
                 closing, concurrent, strangers, reload):
        part(daemon)
        check(daemon.process.poll() is None, f"vmgrd lives after {part.__name__}")
    daemon.stop()
    killed()
    activation()
    command_line()


main()
