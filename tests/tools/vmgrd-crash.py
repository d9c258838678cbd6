#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-crash.py BUILD WORK: vmgrd is killed at random moments while clients work.

After each kill: the guest that runs beside goes on, the daemon is there again, every file of a
definition is whole. In the end, when all is undefined: no process, link, rule, lease, run directory
or half-written file is left, and the daemon has no more descriptors than in the beginning. To be run
in namespaces of its own: it makes networks."""
import os
import random
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET

from vmgrd_daemon import UUID, Daemon, Raw, check, document, until

BUILD, WORK = sys.argv[1:3]
KILLS = 1000 if os.environ.get("VEMU_TEST_SOAK") == "1" else 10
ROOT = os.path.join(WORK, "root")
SOCKET = os.path.join(ROOT, "run/vmgr/libvirt-sock")
VMSH = [os.path.join(BUILD, "tools/vmsh/vmsh"), "-q", "-c",
        f"vemu+unix:///system?socket={SOCKET}"]
NETWORK = """<network><name>net</name><forward mode='nat'/><bridge name='vmcrash'/>
<ip address='10.98.0.1' netmask='255.255.255.0'><dhcp><range start='10.98.0.2' end='10.98.0.9'/>
</dhcp></ip></network>"""

WORKS = [
    ["define {work}/one.xml", "start one", "suspend one", "resume one", "autostart one",
     "desc one --title changed", "destroy one", "undefine one"],
    ["create {work}/two.xml", "define {work}/two.xml", "dominfo two", "destroy two",
     "domrename two drei", "domrename drei two", "undefine two"],
    ["attach-disk stays {work}/disk vdb --live", "domblklist stays",
     "detach-disk stays vdb --live"],
    ["net-define {work}/net.xml", "net-start net", "net-autostart net",
     "net-update net add ip-dhcp-host \"<host mac='52:54:00:01:02:03' ip='10.98.0.5'/>\" --live",
     "net-destroy net", "net-undefine net"],
    ["pool-define-as pool dir --target {work}/pool", "pool-build pool", "pool-start pool",
     "vol-create-as pool vol 1M", "vol-upload vol {work}/bytes --pool pool", "vol-list pool",
     "vol-delete vol --pool pool", "pool-destroy pool", "pool-undefine pool"],
    ["list --all", "dumpxml stays", "domstats stays", "net-list --all", "pool-list --all"],
]
REST = ["destroy one", "undefine one", "destroy two", "undefine two", "destroy drei",
        "undefine drei", "destroy stays", "undefine stays", "net-destroy net", "net-undefine net",
        "pool-destroy pool", "pool-undefine pool"]


def vmsh(*commands):
    """What the commands print; whether they fail is for the caller."""
    return subprocess.run([*VMSH, "; ".join(commands).format(work=WORK)], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, check=False).stdout


def write(name, text):
    with open(os.path.join(WORK, name), "w", encoding="utf-8") as out:
        out.write(text)


def documents():
    for i, name in enumerate(("stays", "one", "two")):
        text = document(name, UUID[:-1] + str(i)).replace("microvm", "q35")
        write(name + ".xml", text)
    write("net.xml", NETWORK)
    write("bytes", "x" * (1 << 20))
    write("disk", "x" * (1 << 20))


def guests(name=""):
    """Emulators of a domain, or of all."""
    found = []
    for process in os.listdir("/proc"):
        try:
            if f"/run/vmgr/domains/{name}" in os.readlink(f"/proc/{process}/cwd"):
                found.append(int(process))
        except OSError:
            pass
    return found


def whole():
    """No file of a definition is half written."""
    for folder, _, names in os.walk(os.path.join(ROOT, "etc")):
        for name in names:
            if not name.endswith(".xml"):
                continue
            try:
                ET.parse(os.path.join(folder, name))
            except FileNotFoundError:
                pass
            except ET.ParseError as e:
                with open(os.path.join(folder, name), encoding="utf-8") as text:
                    check(not text.read(), f"{folder}/{name}: {e}")


def work_on(commands, over, done):
    rng = random.Random(commands[0])
    while not over.is_set():
        before = len(done)
        vmsh(*commands)
        done.append(before)
        time.sleep(rng.random() * 0.05)


def left_over():
    """What should not be there any more, in words."""
    words = []
    for folder, folders, names in os.walk(ROOT):
        short = os.path.relpath(folder, ROOT)
        if short.startswith("etc"):
            words += [f"{short}/{name}" for name in names if not name.endswith(".conf")]
        if short in ("run/vmgr/domains", "run/vmgr/networks", "run/vmgr/storage"):
            words += [f"{short}/{name}" for name in folders + names
                      if not name.endswith(".lock")] # those stay, one for each name
    links = subprocess.run(["ip", "-br", "link"], stdout=subprocess.PIPE, text=True, check=True)
    words += [line.split()[0] for line in links.stdout.splitlines() if not line.startswith("lo ")]
    rules = subprocess.run(["nft", "list", "tables"], stdout=subprocess.PIPE, text=True, check=True)
    words += rules.stdout.splitlines()
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/stat", encoding="utf-8") as stat:
                name, state = stat.read().partition("(")[2].rpartition(")")[::2]
        except OSError:
            continue
        if state.split()[0] != "Z" and name in ("fake-vemu", "dnsmasq", "nft", "vmsh"):
            words.append(f"process {name}")
    return words


def main():
    documents()
    daemon = Daemon(BUILD, ROOT)
    vmsh("define {work}/stays.xml", "start stays")
    until(lambda: len(guests("stays")) == 1, "the guest that stays runs", 60)
    stays = guests("stays")
    vmsh(*(command for commands in WORKS for command in commands))
    descriptors = daemon.descriptors()
    over, done = threading.Event(), []
    workers = [threading.Thread(target=work_on, args=(commands, over, done), daemon=True)
               for commands in WORKS]
    for worker in workers:
        worker.start()
    rng = random.Random(6)
    for _ in range(KILLS):
        time.sleep(rng.random() * 0.3)
        daemon.kill()
        whole()
        daemon.start()
        check(guests("stays") == stays, "the guest goes on")
        Raw(SOCKET)
    over.set()
    for worker in workers:
        worker.join(150)
        check(not worker.is_alive(), "a client hangs")
    check(len(done) >= len(WORKS), "the clients got something done")
    check(guests("stays") == stays and "running" in vmsh("domstate stays"), "the guest went on")
    said = vmsh(*REST)
    check(vmsh("list --all --name", "net-list --all --name", "pool-list --all --name").split() == [],
          "all is undefined: " + said)
    until(lambda: not left_over(), f"nothing is left: {left_over()}", 30)
    until(lambda: daemon.descriptors() <= descriptors,
          f"descriptors: {daemon.descriptors()} after {descriptors}", 30)
    daemon.stop()


main()
