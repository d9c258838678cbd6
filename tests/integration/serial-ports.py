# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's ends of a guest's ports; see serial-ports.sh. Arguments: build folder, work folder, kernel."""
import os
import pty
import signal
import socket
import stat
import subprocess
import sys
import time

build, work, kernel = sys.argv[1:]
root = work + "/root"
environment = dict(os.environ, VMGR_EMULATOR=build + "/tools/vemu/vemu")
deadline = time.monotonic() + 380


def fail(text):
    for name in ("private/console.log", "root/log/vmgr/g.log"):
        if os.path.exists(f"{work}/{name}"):
            print(open(f"{work}/{name}", errors="replace").read()[-2000:])
    sys.exit("FAILED: " + text)


signal.signal(signal.SIGALRM, lambda *_: fail("timed out"))
signal.alarm(390)  # what waits for a peer for ever


def sh(*args, wrong=None):
    done = subprocess.run([build + "/tools/vmsh/vmsh", "-q", "-c", "vemu:///system", "--root", root, *args],
                          env=environment, capture_output=True, text=True)
    if wrong is None and done.returncode:
        fail(f"{args}: {done.stderr}")
    if wrong is not None and (not done.returncode or wrong not in done.stderr):
        fail(f"{args} was to say {wrong!r}: {done.stderr or 'nothing'}")
    return done.stdout


def until(what, test):
    while not test():
        if time.monotonic() > deadline:
            fail("timed out: " + what)
        time.sleep(0.1)


def read(path):
    return open(path, errors="replace").read().replace("\r", "") if os.path.exists(path) else ""


class Line:
    """A stream of lines, by two functions."""

    def __init__(self, name, receive, send):
        self.name, self.receive, self.send, self.text = name, receive, send, b""

    def expect(self, line):
        """Others before it are what the guest said earlier."""
        while line.encode() + b"\n" not in self.text.replace(b"\r", b""):
            data = self.receive()
            if not data or time.monotonic() > deadline:
                fail(f"{self.name}: {line!r} is not in {self.text!r}")
            self.text += data

    def ask(self, text, answer):
        self.send(text.encode() + b"\n")
        self.expect(answer)


def listener(kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET, kind)
    s.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        s.listen()
    s.settimeout(300)
    return s, s.getsockname()[1]


def lists(path):
    return [a for a in os.listxattr(path) if a.startswith("system.posix_acl")]


def free_port(kind=socket.SOCK_STREAM):
    s, port = listener(kind)
    s.close()
    return port


os.makedirs(root + "/etc/vmgr")
with open(root + "/etc/vmgr/vemu.conf", "w") as f:
    f.write("[vemu]\nguests_as=own\n")
private = work + "/private"
os.mkdir(private, 0o700)
os.chmod(work, 0o700)
for end in ("in", "out"):
    os.mkfifo(f"{private}/pipe.{end}", 0o600)
master, slave = pty.openpty()
tty = os.ttyname(slave)
os.chmod(tty, 0o666)  # devpts has no access control lists
tcp_server = free_port()
peer, tcp_peer = listener()
udp, udp_port = listener(socket.SOCK_DGRAM)
udp_own = free_port(socket.SOCK_DGRAM)
xml = f"""<domain type='qemu'><name>g</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e7b01</uuid>
  <memory unit='MiB'>192</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>{kernel}</kernel><initrd>{work}/initramfs</initrd>
    <cmdline>console=ttyS0 quiet panic=-1</cmdline></os>
  <devices>
    <serial type='null'><log file='{private}/console.log' append='on'/></serial>
    <serial type='tcp'><source mode='bind' host='127.0.0.1' service='%s'/><log file='{private}/tcp.log'/></serial>
    <serial type='tcp'><source mode='connect' host='localhost' service='{tcp_peer}'><reconnect enabled='yes'
      timeout='1'/></source></serial>
    <serial type='udp'><source mode='bind' host='127.0.0.1' service='{udp_own}'/>
      <source mode='connect' host='127.0.0.1' service='{udp_port}'/></serial>
    <console type='pty'><target type='virtio'/></console>
    <channel type='pipe'><source path='{private}/pipe'/><target type='virtio' name='org.pipe'/></channel>
    <channel type='dev'><source path='{tty}'/><target type='virtio' name='org.tty'/></channel>
  </devices></domain>"""


def define(text):
    with open(work + "/g.xml", "w") as file:
        file.write(text)
    sh("define", work + "/g.xml")


with open(private + "/console.log", "w") as f:
    f.write("before\n")
define(xml % tcp_server)
sh("start", "g")
until("the guest", lambda: "T: ready\n" in read(private + "/console.log"))
if not read(private + "/console.log").startswith("before\n"):
    fail("a log that was to be appended to")

# TCP: the guest's end listens, for one after the other
for _ in range(2):
    client = socket.create_connection(("127.0.0.1", tcp_server), 300)
    Line("tcp", lambda: client.recv(4096), client.sendall).ask("hello", "ttyS1 got hello")
    client.close()
until("the log of a port", lambda: read(private + "/tcp.log").count("ttyS1 got hello\n") == 2)
# it connects, and again
for _ in range(2):
    server, _ = peer.accept()
    server.settimeout(300)
    Line("connect", lambda: server.recv(4096), server.sendall).ask("you", "ttyS2 got you")
    server.close()
udp.connect(("127.0.0.1", udp_own))
Line("udp", lambda: udp.recv(4096), udp.send).ask("datagram", "ttyS3 got datagram")

# a console on virtio has a terminal
live = sh("dumpxml", "g")
hvc = live.split("<console type='pty' tty='")[1].split("'")[0]
fd = os.open(hvc, os.O_RDWR | os.O_NOCTTY)
Line("virtio", lambda: os.read(fd, 4096), lambda data: os.write(fd, data)).ask("hvc", "hvc0 got hvc")
os.close(fd)

# channels
to_guest = os.open(private + "/pipe.in", os.O_WRONLY)
from_guest = os.open(private + "/pipe.out", os.O_RDONLY)
Line("pipe", lambda: os.read(from_guest, 4096), lambda data: os.write(to_guest, data)).ask("fifo", "pipe got fifo")
Line("tty", lambda: os.read(master, 4096), lambda data: os.write(master, data)).ask("line", "tty got line")
if not lists(private + "/pipe.in") or not lists(private + "/console.log"):
    fail("the guest's user has no entry for what it has open")

# nothing is left
sh("destroy", "g")
for name in ("console.log", "tcp.log", "pipe.in", "pipe.out"):
    if lists(f"{private}/{name}") or stat.S_IMODE(os.stat(f"{private}/{name}").st_mode) != 0o600 and name != "console.log":
        fail(f"{name} is not as it was")
if lists(private):
    fail("entries are left")

# what cannot be had
taken, port = listener()
define(xml % port)
sh("start", "g", wrong="Address already in use")
taken.close()
define(xml.replace("'bind' host='127.0.0.1' service='%s'", "'connect' host='127.0.0.1' service='%s'") % free_port())
sh("start", "g", wrong="Connection refused")
define((xml % tcp_server).replace(private + "/pipe'", private + "/none'"))
sh("start", "g", wrong="none.in")
define((xml % tcp_server).replace(tty, "/dev/null"))
sh("start", "g", wrong="is not a terminal")
define((xml % tcp_server).replace("/tcp.log'", "/none/tcp.log'"))
sh("start", "g", wrong="none/tcp.log")
if sh("domstate", "g").strip() != "shut off" or lists(private):
    fail("something is left of what was refused")
print("ports of guests and their ends on the host")
