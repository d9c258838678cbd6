#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-crash.py BUILD WORK [KERNEL INITRAMFS]: vmgrd is killed at random moments while clients work.

After each kill: the guests that run beside go on, the daemon is there again and knows them and their
network, every file of a definition is whole. In the end, when all is undefined: no process, link, rule,
lease, run directory, socket, control group, access right or half-written file is left, and the daemon
has no more descriptors than in the beginning. With a kernel one of the guests is a real one, with copies of its disk
and interfaces that come and go. To be run in namespaces of its own: it makes networks."""
import glob
import os
import random
import stat
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET

from vmgrd_daemon import UUID, Daemon, Raw, check, document, until

BUILD, WORK, *REAL = sys.argv[1:]
KILLS = 1000 if os.environ.get("VEMU_TEST_SOAK") == "1" else 10
ROOT = os.path.join(WORK, "root")
SOCKET = os.path.join(ROOT, "run/vmgr/libvirt-sock")
VMSH = [os.path.join(BUILD, "tools/vmsh/vmsh"), "-q", "-c",
        f"vemu+unix:///system?socket={SOCKET}"]
NETWORK = """<network><name>net</name><forward mode='nat'/><bridge name='vmcrash'/>
<ip address='10.98.0.1' netmask='255.255.255.0'><dhcp><range start='10.98.0.2' end='10.98.0.9'/>
</dhcp></ip></network>"""
STEADY = NETWORK.replace(">net<", ">steady<").replace("vmcrash", "vmsteady").replace("10.98", "10.97")
PARTITION = "/vmcrash-" + WORK.rpartition("-")[2] # of control groups
LIMITED = f"<resource><partition>{PARTITION}</partition></resource><os>"
FILTER = """<filter name='own' chain='root'><rule action='drop' direction='out'>
<mac protocolid='{what}'/></rule></filter>"""
SECRET = "7795eb01-f6a4-8304-79aa-97f2502e1900"
VALUE = "c2VjcmV0"
BUSY = f"""<domain type='qemu'><name>busy</name><uuid>{UUID[:-1]}3</uuid>
<memory unit='MiB'>128</memory>
<os><type arch='x86_64' machine='q35'>hvm</type><kernel>{(REAL or [""])[0]}</kernel>
<initrd>{(REAL or [""])[-1]}</initrd><cmdline>console=ttyS0 quiet</cmdline></os>
<devices><emulator>{BUILD}/tools/vemu/vemu</emulator>
<serial type='file'><source path='{WORK}/serial'/></serial>
<disk type='file'><driver name='qemu' type='qcow2'/><source file='{WORK}/image'/>
<target dev='vda' bus='virtio'/></disk>
<interface type='network'><source network='steady'/><model type='virtio'/>
<filterref filter='own'/></interface></devices></domain>"""

# What the clients do, each one list after the other; "!" is for the client's own host.
WORKS = [
    ["define {work}/one.xml", "start one", "suspend one", "schedinfo one --set cpu_shares=512 --live",
     "resume one", "autostart one", "desc one --title changed", "destroy one", "undefine one"],
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
    ["secret-define {work}/secret.xml", f"secret-set-value {SECRET} --base64 {VALUE}",
     "secret-list", f"secret-get-value {SECRET}", f"secret-undefine {SECRET}"],
    ["nwfilter-define {work}/filter.xml", "nwfilter-define {work}/changed.xml", "nwfilter-list",
     "nwfilter-define {work}/other.xml", "nwfilter-undefine other"],
    ["list --all", "dumpxml stays", "domstats", "net-list --all", "pool-list --all",
     "net-dhcp-leases steady", "nodedev-list"],
]
WORKS_OF_REAL = [
    ["!rm -f {work}/copy", "blockcopy busy vda {work}/copy --transient-job --bandwidth 65536 --bytes",
     "blockjob busy vda", "blockjob busy vda --bandwidth 1", "blockjob busy vda --abort"],
    ["attach-interface busy network steady --mac 52:54:00:00:00:77 --model virtio --live",
     "domiflist busy", "detach-interface busy network --mac 52:54:00:00:00:77 --live"],
    ["attach-disk busy {work}/second vdb --live", "domblkinfo busy vdb",
     "detach-disk busy vdb --live"],
]
REST = ["destroy busy", "undefine busy","destroy one", "undefine one", "destroy two", "undefine two", "destroy drei",
        "undefine drei", "destroy stays", "undefine stays", "net-destroy net", "net-undefine net",
        "net-destroy steady", "net-undefine steady", "pool-destroy pool", "pool-undefine pool",
        f"secret-undefine {SECRET}", "nwfilter-undefine other", "nwfilter-undefine own"]


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
        write(name + ".xml", text.replace("<os>", LIMITED) if name == "one" else text)
    write("net.xml", NETWORK)
    write("steady.xml", STEADY)
    write("busy.xml", BUSY)
    write("secret.xml", f"<secret><uuid>{SECRET}</uuid><usage type='volume'><volume>/x</volume></usage>"
          "</secret>")
    write("filter.xml", FILTER.format(what="0x88cc"))
    write("changed.xml", FILTER.format(what="0x88cd"))
    write("other.xml", FILTER.format(what="0x88ce").replace("own", "other"))
    for name in ("bytes", "disk", "second"):
        write(name, "x" * (1 << 20))
    if REAL:
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", os.path.join(WORK, "image"), "64M"],
                       check=True)
        subprocess.run(["qemu-img", "bench", "-q", "-w", "-c", "64", "-s", "1M", "-f", "qcow2",
                        os.path.join(WORK, "image")], check=True, stdout=subprocess.DEVNULL)


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
    """No file of a definition is half written, none that nobody takes away is gone."""
    there = [os.path.join(ROOT, "etc/vmgr", name)
             for name in ("domains/stays.xml", "networks/steady.xml", "nwfilter/own.xml")]
    check(all(map(os.path.exists, there)), f"{there} are there")
    for folder, _, names in os.walk(os.path.join(ROOT, "etc")):
        for name in names:
            if name.endswith(".base64"):
                secret_whole(os.path.join(folder, name))
            if not name.endswith(".xml"):
                continue
            try:
                ET.parse(os.path.join(folder, name))
            except FileNotFoundError:
                pass
            except ET.ParseError as e:
                with open(os.path.join(folder, name), encoding="utf-8") as text:
                    check(not text.read(), f"{folder}/{name}: {e}")


def secret_whole(path):
    try:
        with open(path, encoding="utf-8") as text:
            check(text.read().strip() in ("", VALUE), f"{path} is whole")
    except FileNotFoundError:
        pass


def work_on(commands, over, done):
    rng = random.Random(commands[0])
    while not over.is_set():
        before = len(done)
        for command in commands:
            if command.startswith("!"):
                subprocess.run(command[1:].format(work=WORK).split(), check=True)
        vmsh(*(command for command in commands if not command.startswith("!")))
        done.append(before)
        time.sleep(rng.random() * 0.05)


def left_over():
    """What should not be there any more, in words."""
    words = []
    for folder, folders, names in os.walk(ROOT):
        short = os.path.relpath(folder, ROOT)
        if short.startswith("etc"):
            words += [f"{short}/{name}" for name in names if not name.endswith((".conf", ".lock"))]
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
        if state.split()[0] != "Z" and name in ("fake-vemu", "vemu", "dnsmasq", "nft", "vmsh"):
            words.append(f"process {name}")
    words += glob.glob(f"/sys/fs/cgroup{PARTITION}/vmgr-*") + \
        glob.glob(f"/sys/fs/cgroup/*{PARTITION}/vmgr-*")
    for name in ("disk", "second", "image", "one.xml"):
        path = os.path.join(WORK, name)
        if os.path.exists(path) and "system.posix_acl_access" in os.listxattr(path):
            words.append(f"rights on {name}")
    return words


def ends_clean(daemon):
    """Of the daemon itself no socket stays; and the partition was made for this test alone."""
    daemon.stop()
    sockets = [os.path.join(folder, name) for folder, _, names in os.walk(ROOT) for name in names
               if stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode)]
    check(not sockets, f"sockets are left: {sockets}")
    for path in glob.glob(f"/sys/fs/cgroup{PARTITION}") + glob.glob(f"/sys/fs/cgroup/*{PARTITION}"):
        os.rmdir(path)


def make_constants():
    """What is there from beginning to end: names of guests and their processes."""
    said = vmsh("nwfilter-define {work}/filter.xml", "net-define {work}/steady.xml",
                "net-start steady", "define {work}/stays.xml", "start stays")
    names = ["stays"]
    if REAL:
        names.append("busy")
        said += vmsh("define {work}/busy.xml", "start busy")
    until(lambda: all(len(guests(name)) == 1 for name in names), f"{names} run: {said}", 60)
    return {name: guests(name) for name in names}


def known(constants, what):
    """The daemon knows what is there, and it is the same as ever."""
    for name, processes in constants.items():
        check(guests(name) == processes, f"{name} goes on {what}")
    said = vmsh("list --name --state-running", "net-list --name").split()
    check(set(constants) | {"steady"} <= set(said), f"{said} are known {what}")


def main():
    documents()
    daemon = Daemon(BUILD, ROOT)
    works = WORKS + (WORKS_OF_REAL if REAL else [])
    constants = make_constants()
    if REAL:
        until(lambda: os.path.exists(os.path.join(WORK, "serial")) and
              "ready" in open(os.path.join(WORK, "serial"), encoding="utf-8").read(),
              "the real guest is up", 120)
    vmsh(*(command for commands in works for command in commands if not command.startswith("!")))
    descriptors = daemon.descriptors()
    over, done = threading.Event(), []
    workers = [threading.Thread(target=work_on, args=(commands, over, done), daemon=True)
               for commands in works]
    for worker in workers:
        worker.start()
    rng, began = random.Random(6), time.monotonic()
    for number in range(KILLS):
        time.sleep(rng.random() * 0.3)
        daemon.kill()
        whole()
        daemon.start()
        known(constants, f"after kill {number}")
        if number % 100 == 99:
            print(f"{number + 1} kills, {len(done)} rounds of clients, "
                  f"{time.monotonic() - began:.0f} s", flush=True)
    over.set()
    for worker in workers:
        worker.join(150)
        check(not worker.is_alive(), "a client hangs")
    check(len(done) >= len(works), "the clients got something done")
    known(constants, "at the end")
    said = vmsh(*REST)
    check(vmsh("list --all --name", "net-list --all --name", "pool-list --all --name").split() == [],
          "all is undefined: " + said)
    until(lambda: not left_over(), f"nothing is left: {left_over()}", 30)
    until(lambda: daemon.descriptors() <= descriptors,
          f"descriptors: {daemon.descriptors()} after {descriptors}", 30)
    ends_clean(daemon)


main()
