# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-hostfaults.py BUILD WORK: the host has no space, no programs, other processes, dead emulators.

To be run as root in namespaces of its own: it mounts, and makes networks."""
import fcntl
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

from vmgrd_daemon import UUID, Daemon, check, document, emulators, until

BUILD, WORK = sys.argv[1:3]
ROOT = os.path.join(WORK, "hostroot")
CONFIG, RUN = os.path.join(ROOT, "etc/vmgr"), os.path.join(ROOT, "run/vmgr")
VMSH = [os.path.join(BUILD, "tools/vmsh/vmsh"), "-q", "-c",
        f"vemu+unix:///system?socket={RUN}/libvirt-sock"]
PATIENCE = 60 # seconds on a slow machine
MANY = 200
NO_SPACE = "No space left on device"
NETWORK = """<network><name>{name}</name>{more}<bridge name='{bridge}'/>
<ip address='10.{number}.0.1' netmask='255.255.255.0'><dhcp><range start='10.{number}.0.2'
end='10.{number}.0.9'/></dhcp></ip></network>"""


def vmsh(*words):
    """(whether it worked, what it said)"""
    done = subprocess.run([*VMSH, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    return done.returncode == 0, done.stdout


def works(*words):
    worked, said = vmsh(*words)
    check(worked, f"{' '.join(words)}: {said}")
    return said


def refused(wanted, *words):
    worked, said = vmsh(*words)
    check(not worked and wanted in said, f"{' '.join(words)}: '{said}', not '{wanted}'")


def write(name, text):
    path = os.path.join(WORK, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


class SmallDisk:
    """A file system with little room over a directory."""

    def __init__(self, place, size):
        self.place, self.size = place, size

    def __enter__(self):
        os.makedirs(self.place, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "none", self.place],
                       check=True)

    def __exit__(self, *_):
        subprocess.run(["umount", self.place], check=True)


class Missing:
    """A program that is not there for as long as this lasts."""

    def __init__(self, name):
        self.path = os.path.realpath(shutil.which(name))

    def __enter__(self):
        subprocess.run(["mount", "--bind", "/dev/null", self.path], check=True)

    def __exit__(self, *_):
        subprocess.run(["umount", self.path], check=True)


def uuid(number):
    return UUID[:-4] + f"{number:04}"


# folder; commands to define, to list and to undefine; a document by number, a long one of number 0; its name
PLENTY = "x" * 60000
KINDS = (
    ("networks", "net-define", ("net-list", "--all"), "net-undefine",
     lambda n: f"<network><name>full{n}</name><uuid>{uuid(n)}</uuid></network>",
     f"<network><name>full0</name><uuid>{uuid(0)}</uuid><domain name='{PLENTY}'/></network>",
     lambda n: f"full{n}"),
    ("storage", "pool-define", ("pool-list", "--all"), "pool-undefine",
     lambda n: f"<pool type='dir'><name>full{n}</name><uuid>{uuid(n)}</uuid>"
               f"<target><path>/full{n}</path></target></pool>",
     f"<pool type='dir'><name>full0</name><uuid>{uuid(0)}</uuid>"
     f"<target><path>/{PLENTY}</path></target></pool>",
     lambda n: f"full{n}"),
    ("nwfilter", "nwfilter-define", ("nwfilter-list",), "nwfilter-undefine",
     lambda n: f"<filter name='full{n}'><uuid>{uuid(n)}</uuid></filter>",
     f"<filter name='full0'><uuid>{uuid(0)}</uuid>" + "<rule action='drop' direction='in'/>" * 1500 +
     "</filter>",
     lambda n: f"full{n}"),
    ("secrets", "secret-define", ("secret-list",), "secret-undefine",
     lambda n: f"<secret><uuid>{uuid(n)}</uuid><usage type='volume'><volume>/full{n}</volume></usage>"
               "</secret>",
     f"<secret><uuid>{uuid(0)}</uuid><description>{PLENTY}</description>"
     "<usage type='volume'><volume>/full0</volume></usage></secret>",
     uuid),
)


def full_disk(_daemon):
    """Definitions on a file system that fills up: an error that says so, the others are there and whole."""
    for folder, define, listing, undefine, text, long, name in KINDS:
        place = os.path.join(CONFIG, folder)

        def there(ask=listing):
            return sorted(re.findall(r"\bfull(\d+)\b", works(*ask)), key=int)

        with SmallDisk(place, "64k"):
            made = 0
            while made < MANY:
                worked, said = vmsh(define, write("full.xml", text(made)))
                if not worked:
                    break
                made += 1
            check(0 < made < MANY and NO_SPACE in said, f"{define}: after {made}: {said}")
            before = {path: read(path) for path in glob.glob(f"{place}/*.xml")}
            refused(NO_SPACE, define, write("long.xml", long))
            for path, whole in before.items():
                check(read(path) == whole, f"{path} is as it was")
                ET.fromstring(whole)
            check(there() == [str(n) for n in range(made)], f"{define}: the others are there: {there()}")
            rest = [name for name in os.listdir(place) if not name.endswith(".xml") and
                    name not in (".lock", "autostart")]
            check(not rest, f"nothing half written is left: {rest}")
            works(undefine, name(0))
            works(define, write("again.xml", text(MANY + 1)))
            check(there() == [str(n) for n in (*range(1, made), MANY + 1)], f"{define}: {there()}")
        check(there() == [], f"{define}: what was below is seen again")


def full_pool(_daemon):
    """Volumes in a pool that fills up: what does not fit is an error, and nothing of it stays."""
    place = os.path.join(WORK, "small")
    with SmallDisk(place, "1m"):
        works("pool-create-as", "small", "dir", "--target", place)
        works("vol-create-as", "small", "half", "600k")
        before = sorted(os.listdir(place))
        for what, *words in (
                ("a raw volume", "vol-create-as", "small", "raw", "800k"),
                ("a copy", "vol-clone", "half", "copy", "--pool", "small"),
                ("metadata", "vol-create-as", "small", "meta", "1M", "--format", "qcow2",
                 "--allocation", "1M", "--prealloc-metadata")):
            refused(NO_SPACE, *words)
            check(sorted(os.listdir(place)) == before, f"{what}: {os.listdir(place)}")
        # what is sparse fits, until somebody writes it
        works("vol-create-as", "small", "sparse", "8M", "--allocation", "0")
        bytes_ = write("bytes", "x" * (1 << 20))
        refused(NO_SPACE, "vol-upload", "sparse", bytes_, "--pool", "small")
        works("vol-delete", "sparse", "--pool", "small")
        works("pool-refresh", "small")
        check("half" in works("vol-list", "small"), "the other volume is there")
        works("pool-destroy", "small")


def full_run(_daemon):
    """No room for what a run needs: the start fails with a reason, and nothing of it is left."""
    works("define", write("g.xml", document("cramped", UUID)))
    place = os.path.join(RUN, "domains")
    with SmallDisk(place, "4k"):
        with open(os.path.join(place, "fill"), "w", encoding="utf-8") as out:
            out.write("x" * 4096)
        refused("No space left on device", "start", "cramped")
        check(emulators("cramped") == [], "no process is left")
    check("shut off" in works("domstate", "cramped"), "it does not run")
    works("start", "cramped")
    works("destroy", "cramped")
    works("undefine", "cramped")


def tables():
    return subprocess.run(["nft", "list", "tables"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout


def missing_programs(_daemon):
    """Networks without nft or dnsmasq: errors that name the package, and nothing is left."""
    path = write("miss.xml", NETWORK.format(name="miss", bridge="vmmiss", number=96,
                                            more="<forward mode='nat'/>"))
    works("net-define", path)
    for program, package in (("nft", "nftables"), ("dnsmasq", "dnsmasq-base")):
        with Missing(program):
            refused(f"the program '{program}' is not installed (package {package})", "net-start", "miss")
            check(not os.path.exists("/sys/class/net/vmmiss"), f"{program}: no bridge is left")
            check("inactive" in works("net-list", "--all"), f"{program}: it is not active")
            works("list", "--all")
    works("net-start", "miss")
    # gone while a network is there: what cannot be taken away is told, and taken away later
    with Missing("nft"):
        refused("the program 'nft' is not installed (package nftables)", "net-destroy", "miss")
        check("inactive" in works("net-list", "--all"), "it is not active")
    until(lambda: "inactive" in works("net-list", "--all") and not tables(), "rules go", PATIENCE)
    works("net-start", "miss")
    check("vmgr_vmmiss" in tables(), "it can be started again")
    works("net-destroy", "miss")
    works("net-undefine", "miss")
    check(not tables(), f"rules are left: {tables()}")


def dead_server(daemon):
    """dnsmasq is killed, again and again: the next look starts one, and one alone, with the same leases."""
    path = write("served.xml", NETWORK.format(name="served", bridge="vmserved", number=94, more=""))
    works("net-create", path)
    place = os.path.join(RUN, "networks/served.d")
    with open(os.path.join(place, "leases"), "a", encoding="utf-8") as leases:
        leases.write("4102444800 52:54:00:00:00:94 10.94.0.5 kept *\n")
    before = set()
    for _ in range(5):
        pid = int(read(os.path.join(place, "pid")))
        check(pid not in before, f"{pid} is another than {before}")
        before.add(pid)
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: "served" in works("net-list") and servers() and servers() != [pid],
              "there is another", PATIENCE)
        check(len(servers()) == 1, f"it is one: {servers()}")
        check("10.94.0.5" in works("net-dhcp-leases", "served"), "the lease is there")
    daemon.kill() # and while nobody looks
    os.kill(servers()[0], signal.SIGKILL)
    daemon.start()
    until(lambda: "served" in works("net-list") and len(servers()) == 1, "there is one again", PATIENCE)
    works("net-destroy", "served")
    until(lambda: not servers(), "it goes with its network", PATIENCE)


def servers():
    """Processes of dnsmasq that live."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = read(f"/proc/{process}/stat")
        except OSError:
            continue
        if "(dnsmasq)" in stat and ") Z" not in stat:
            found.append(int(process))
    return found


def dead_emulators(_daemon):
    """Emulators that are killed: while nothing happens, and while somebody waits for their answer."""
    works("define", write("dies.xml", document("dies", UUID)))
    for state in ("idle", "asked"):
        works("start", "dies")
        (pid,) = emulators("dies")
        if state == "asked":
            os.kill(pid, signal.SIGSTOP)
            asking = subprocess.Popen([*VMSH, "suspend", "dies"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            time.sleep(0.5)
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            said = asking.communicate(timeout=PATIENCE)[0]
            check(asking.returncode and time.monotonic() - began < 4,
                  f"who waits is told at once: {said} after {time.monotonic() - began}")
        else:
            os.kill(pid, signal.SIGKILL)
        until(lambda: "shut off" in works("domstate", "dies"), f"{state}: it is seen", PATIENCE)
        check("crashed" in works("domstate", "dies", "--reason"), f"{state}: and called a crash")
        # who asks while another caller is at it is not kept waiting
        until(lambda: not os.path.exists(os.path.join(RUN, "domains/dies.d/qmp.sock")), "its socket is gone")
    # somebody else is at it, and writes nothing: who asks is told at once, and it is tidied up later
    works("start", "dies")
    with open(os.path.join(RUN, "locks/dies.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.kill(emulators("dies")[0], signal.SIGKILL)
        until(lambda: "shut off" in works("domstate", "dies"), "it is seen", PATIENCE)
        check(os.path.exists(os.path.join(RUN, "domains/dies.d/qmp.sock")), "nobody else touches it")
    works("list", "--all")
    check(not os.path.exists(os.path.join(RUN, "domains/dies.d/qmp.sock")), "its socket is gone")
    works("start", "dies")
    works("destroy", "dies")
    works("undefine", "dies")


def taken_numbers(daemon):
    """Process numbers that somebody else has by now: he is left alone."""
    works("define", write("stale.xml", document("stale", UUID)))
    works("start", "stale")
    network = write("stale-net.xml", NETWORK.format(name="stale", bridge="vmstale", number=95, more=""))
    works("net-create", network)
    status = os.path.join(RUN, "domains/stale.d/status.xml")
    server = os.path.join(RUN, "networks/stale.d/pid")
    daemon.kill()
    with subprocess.Popen(["sleep", "1000"]) as other:
        (pid,) = emulators("stale")
        for name in (pid, int(read(server))):
            os.kill(name, signal.SIGKILL)
        for path in (status, server, os.path.join(RUN, "vmgrd.pid")):
            text = read(path)
            with open(path, "w", encoding="utf-8") as out:
                out.write(re.sub(r"\bpid='\d+'", f"pid='{other.pid}'", text) if path == status else
                          f"{other.pid}\n")
        check(f"pid='{other.pid}'" in read(status), f"the status has the number: {read(status)}")
        daemon.start()
        check("shut off" in works("domstate", "stale"), "its guest is known to be gone")
        refused("not running", "destroy", "stale")
        works("start", "stale")
        works("destroy", "stale")
        works("net-destroy", "stale")
        works("undefine", "stale")
        check(other.poll() is None, "the other process goes on")
        other.kill()
    check(int(read(os.path.join(RUN, "vmgrd.pid"))) == daemon.process.pid, "the daemon's number is there")


def half_states(daemon):
    """What a crash of the host may leave in files of runs is no reason not to start."""
    works("define", write("torn.xml", document("torn", UUID)))
    works("start", "torn")
    (pid,) = emulators("torn")
    status = os.path.join(RUN, "domains/torn.d/status.xml")
    whole = read(status)
    for text in ("", whole[:len(whole) // 2], "<domstatus/>", "\0" * 100, "x" * 100000):
        daemon.kill()
        if emulators("torn"):
            os.kill(pid, signal.SIGKILL)
        with open(status, "w", encoding="utf-8") as out:
            out.write(text)
        daemon.start()
        check("torn" in works("list", "--all"), f"'{text[:20]}': the domain is known")
        until(lambda: "shut off" in works("domstate", "torn"), f"'{text[:20]}': it does not run", PATIENCE)
        works("start", "torn")
        (pid,) = emulators("torn")
    works("destroy", "torn")
    works("undefine", "torn")


def main():
    daemon = Daemon(BUILD, ROOT)
    for part in (full_disk, full_pool, full_run, missing_programs, dead_server, dead_emulators, taken_numbers,
                 half_states):
        began = time.monotonic()
        part(daemon)
        check(daemon.process.poll() is None, f"vmgrd lives after {part.__name__}")
        print(f"{part.__name__}: {time.monotonic() - began:.1f} s")
    check(works("list", "--all", "--name").split() == [], "no domain is left")
    daemon.stop()


main()
