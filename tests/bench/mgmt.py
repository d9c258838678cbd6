# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmsh on vmgrd against virsh on libvirtd, and one python3-libvirt program on both.

Both daemons belong to an ordinary user, have directories of their own, and are given the same
documents. Every figure is a median of interleaved runs."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tools"))
from vmgrd_daemon import listens  # pylint: disable=wrong-import-position

NOBODY = 65534
DEFINED = 5000  # domains of the lists
BATCH = 1000    # definitions of one run
DOCUMENT = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>128</memory>
<vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type>{kernel}</os>
<devices><console type='pty'/><memballoon model='none'/></devices></domain>"""

# What a program of an administrator does. Prints seconds, or calls a second.
PROGRAM = """
import json, sys, time, libvirt
uri, defined, extra = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
conn = libvirt.open(uri)
def seconds(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
def calls():
    for _ in range(5000):
        conn.getLibVersion()
document = open(sys.argv[4]).read()
documents = [document.replace("NAME", "python-%d" % i) for i in range(extra)]
made = []
result = {"calls": 5000 / seconds(calls)}
result["list"] = seconds(conn.listAllDomains)
domains = conn.listAllDomains()
assert len(domains) == defined, len(domains)
result["xml"] = defined / seconds(lambda: [d.XMLDesc(0) for d in domains])
result["define"] = extra / seconds(lambda: [made.append(conn.defineXML(d)) for d in documents])
for domain in made:
    domain.undefine()
print(json.dumps(result))
"""


class Side:
    """A daemon and the client that belongs to it."""

    def __init__(self, b, name, argv, socket, client, uri):
        self.b, self.name, self.argv, self.socket, self.uri = b, name, argv, socket, uri
        self.client = [client, "-q", "-c", uri]
        self.root = f"{b.work}/{name}"
        self.env = {**os.environ, "HOME": self.root, "XDG_RUNTIME_DIR": f"{self.root}/run",
                    "XDG_CONFIG_HOME": f"{self.root}/config",
                    "XDG_CACHE_HOME": f"{self.root}/cache"}
        self.reaper = None
        self.pid = 0

    def start(self):
        """Seconds until the first answer to `list --all --name`."""
        began = time.perf_counter()
        with open(f"{self.root}/daemon.log", "a", encoding="utf-8") as log:
            self.reaper = subprocess.Popen([f"{self.b.work}/reaper", *self.argv], env=self.env,
                                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                           stderr=log, cwd=self.root, **user())
        self.pid = int(self.reaper.stdout.readline())
        while not listens(self.socket):
            if self.reaper.poll() is not None or time.perf_counter() - began > 120:
                sys.exit(f"{self.name} did not start: " + open(f"{self.root}/daemon.log").read())
            time.sleep(0.001)
        self.run("list", "--all", "--name")
        return time.perf_counter() - began

    def stop(self):
        if self.reaper:
            self.reaper.terminate()
            self.reaper.wait(60)
        self.reaper = None

    def run(self, *words, script=None):
        """Seconds of one command, or of a client that is given a file of them."""
        stdin = open(script, encoding="utf-8") if script else subprocess.DEVNULL
        began = time.perf_counter()
        done = subprocess.run([*self.client, *words], stdin=stdin, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False)
        seconds = time.perf_counter() - began
        if done.returncode:
            sys.exit(f"{self.name}: {' '.join(words) or script}: {done.stderr.decode()[-2000:]}")
        return seconds

    def program(self, document):
        done = subprocess.run(["/usr/bin/python3", "-c", PROGRAM, self.uri.replace("vemu", "qemu"),
                               str(DEFINED), "500", document], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def memory(self):
        """MiB that are resident."""
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def user():
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def directory(path):
    os.makedirs(path, mode=0o700)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)


def make_sides(b):
    os.chmod(b.work, 0o755)
    for name in ("vmgrd", "libvirtd"):
        for part in ("", "/config", "/config/libvirt", "/cache", "/sock"):
            directory(f"{b.work}/{name}{part}")
        # what is of a run is in memory, as /run is
        directory(f"{b.memory}/{name}")
        os.symlink(f"{b.memory}/{name}", f"{b.work}/{name}/run")
    with open(f"{b.work}/libvirtd.conf", "w", encoding="utf-8") as out:
        out.write(f'unix_sock_dir = "{b.work}/libvirtd/sock"\nauth_unix_ro = "none"\n'
                  'auth_unix_rw = "none"\n')
    with open(f"{b.work}/libvirtd/config/libvirt/qemu.conf", "w", encoding="utf-8") as out:
        out.write('stdio_handler = "file"\nsecurity_driver = "none"\n')
    own = f"{b.work}/vmgrd/run/vmgr/libvirt-sock"
    peer = f"{b.work}/libvirtd/sock/libvirt-sock"
    return (Side(b, "vmgrd", [f"{b.build}/tools/vmgrd/vmgrd", "--session", "--root",
                              f"{b.work}/vmgrd", "--emulator", b.vemu], own, b.vmsh,
                 f"vemu+unix:///session?socket={own}"),
            Side(b, "libvirtd", ["/usr/sbin/libvirtd", "-f", f"{b.work}/libvirtd.conf", "-p",
                                 f"{b.work}/libvirtd/pid"], peer, "virsh",
                 f"qemu+unix:///session?socket={peer}"))


def script(b, name, command, numbers):
    path = f"{b.work}/{name}"
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(command.format(i=i) + "\n" for i in numbers)
    return path


def write_documents(b):
    os.makedirs(f"{b.work}/xml")
    for i in range(DEFINED):
        with open(f"{b.work}/xml/{i}.xml", "w", encoding="utf-8") as out:
            out.write(DOCUMENT.format(name=f"guest-{i}", kernel=""))
    for name, kernel in (("NAME", ""), ("tiny", f"<kernel>{b.work}/idle</kernel>")):
        with open(f"{b.work}/{name}.xml", "w", encoding="utf-8") as out:
            out.write(DOCUMENT.format(name=name, kernel=kernel))
    os.chmod(f"{b.work}/idle", 0o755)


def faster(b, what, values, unit, goal, scale=1.0, speed=False):
    """A row: how many times better we are. values: ours and theirs."""
    ours, theirs = (statistics.median(v) * scale for v in values)
    ratio = ours / theirs if speed else theirs / ours
    b.row(what, ours, theirs, unit, ratio, f">= {goal}" if goal else "-",
          not goal or ratio >= goal, "virsh and libvirtd")


def rounds(b, sides, work, n=None):
    """work(side) for each side in turn; the results of either."""
    results = ([], [])
    for _ in range(n or b.rounds):
        for side, values in zip(sides, results):
            values.append(work(side))
    return results


def start_and_destroy(b, sides):
    def cycle(side):
        return side.run("start", "tiny"), side.run("destroy", "tiny")
    for side in sides:
        side.run("define", f"{b.work}/tiny.xml")
        cycle(side)
    ours, theirs = rounds(b, sides, cycle, b.rounds * 2)
    for i, name in enumerate(("start", "destroy")):
        faster(b, f"{name} of a tiny guest", ([x[i] for x in ours], [x[i] for x in theirs]), "ms",
               8, 1e3)
    for side in sides:
        side.run("undefine", "tiny")


def definitions(b, sides):
    """Each round has names of its own, and what was defined goes at the end: ext4 without a journal looks for an
    inode that was not used a minute ago, which takes longer than the definition when a thousand were."""
    turns = min(b.rounds, 3)
    parts = [range(turn * BATCH, (turn + 1) * BATCH) for turn in range(turns)]

    for what, command, unit, goal in (
            (f"define {BATCH} one after the other, durable", f"define {b.work}/xml/{{i}}.xml", "definitions/s", 3),
            (f"undefine {BATCH} one after the other", "undefine guest-{i}", "/s", None)):
        left = {side: iter(parts) for side in sides}

        def one(side, command=command, left=left):
            return BATCH / side.run(script=script(b, "part", command, next(left[side])))
        faster(b, what, rounds(b, sides, one, turns), unit, goal, speed=True)


def lists(b, sides):
    everything = script(b, "all", f"define {b.work}/xml/{{i}}.xml", range(DEFINED))
    dump = script(b, "dump", "dumpxml guest-{i}", range(DEFINED))
    for side in sides:
        side.run(script=everything)
    values = rounds(b, sides, lambda side: side.run("list", "--all"))
    faster(b, f"list --all of {DEFINED}", values, "ms", 20, 1e3)
    values = rounds(b, sides, lambda side: side.run("list", "--all", "--name"))
    faster(b, f"list --all --name of {DEFINED}", values, "ms", None, 1e3)
    ours, theirs = rounds(b, sides, lambda side: side.run("list"), b.rounds * 4)
    ours, theirs = (statistics.median(v) * 1e3 for v in (ours, theirs))
    b.row(f"list of what runs beside {DEFINED}, a new process", ours, theirs, "ms", theirs / ours,
          "<= 10 ms", ours <= 10, "virsh and libvirtd")
    values = rounds(b, sides, lambda side: side.run(script=dump), min(b.rounds, 3))
    faster(b, f"dumpxml of {DEFINED}, one after the other", values, "s", 5)


def programs(b, sides):
    ours, theirs = rounds(b, sides, lambda side: side.program(f"{b.work}/NAME.xml"))
    for name, what, unit, goal, speed, scale in (
            ("define", "define", "definitions/s", 3, True, 1),
            ("xml", "XML descriptions", "/s", 2, True, 1),
            ("list", f"list of {DEFINED}", "ms", 2, False, 1e3),
            ("calls", "plain calls", "/s", 1.3, True, 1)):
        faster(b, f"python3-libvirt: {what}", ([r[name] for r in ours], [r[name] for r in theirs]),
               unit, goal, scale, speed)


def restarts(b, sides):
    def again(side):
        side.stop()
        return side.start(), side.memory()
    ours, theirs = rounds(b, sides, again)
    faster(b, f"daemon with {DEFINED} started, to its first list", ([x[0] for x in ours],
           [x[0] for x in theirs]), "s", 10)
    ours, theirs = (statistics.median(x[1] for x in v) for v in (ours, theirs))
    b.row(f"daemon memory with {DEFINED}, resident", ours, theirs, "MiB", theirs / ours, ">= 2",
          theirs >= 2 * ours, "virsh and libvirtd")


def bench_mgmt(b):
    if not (shutil.which("virsh") and os.path.exists("/usr/sbin/libvirtd")):
        print("skip mgmt: no libvirtd")
        return
    subprocess.run(["gcc", "-O2", "-o", f"{b.work}/reaper", f"{HERE}/reaper.c"], check=True)
    b.memory = tempfile.mkdtemp(prefix="bench", dir="/dev/shm")
    os.chmod(b.memory, 0o755)
    sides = make_sides(b)
    write_documents(b)
    try:
        for side in sides:
            side.start()
        for part in (start_and_destroy, definitions, lists, programs, restarts):
            part(b, sides)
    finally:
        for side in sides:
            side.stop()
        shutil.rmtree(b.memory, ignore_errors=True)
