# SPDX-License-Identifier: LGPL-2.1-or-later
"""What clients do while vmgrd is killed (vmgrd-crash.py BUILD WORK [KERNEL INITRAMFS]).

A client does the commands of its list one after the other, in rounds. {work} is the test's directory, {n} the
number of the round. "!" is before what is for the client's own host, "?WORDS|" before a command that must be
refused with these words, "*" before one that may find nothing to do. Before the first kill each of them must
do what it is here for."""
import base64
import os
import random
import struct
import subprocess
import sys
import time

from vmgrd_daemon import STREAM, UUID, Raw, check, document, string, until

BUILD, WORK, *REAL = sys.argv[1:]
ROOT = os.path.join(WORK, "root")
SOCKET = os.path.join(ROOT, "run/vmgr/libvirt-sock")
VMSH = [os.path.join(BUILD, "tools/vmsh/vmsh"), "-q", "-c",
        f"vemu+unix:///system?socket={SOCKET}"]
FORCE = 1 # of consoles and channels that another has
HANGS = 120 # seconds after which a client does not come back
NETWORK = """<network><name>net</name><forward mode='nat'/><bridge name='vmcrash'/>
<ip address='10.98.0.1' netmask='255.255.255.0'><dhcp><range start='10.98.0.2' end='10.98.0.9'/>
</dhcp></ip></network>"""
STEADY = NETWORK.replace(">net<", ">steady<").replace("vmcrash", "vmsteady").replace("10.98", "10.97")
PARTITION = "/vmcrash-" + WORK.rpartition("-")[2] # of control groups
LIMITED = f"<resource><partition>{PARTITION}</partition></resource><os>"
FILTER = """<filter name='own' chain='root'><rule action='drop' direction='out'>
<mac protocolid='{what}'/></rule></filter>"""
SECRET, PORT = UUID[:-2] + "a0", UUID[:-2] + "a1"
VALUE = "c2VjcmV0"
MAC = "52:54:00:00:00:77"
OWNER = f"<owner><name>other</name><uuid>{UUID[:-1]}9</uuid></owner>"
QCOW2 = """<disk type='file'><driver name='qemu' type='qcow2'/><source file='{0}'/>
<target dev='{1}' bus='virtio'/></disk>"""
BUSY = f"""<domain type='qemu'><name>busy</name><uuid>{UUID[:-1]}3</uuid>
<memory unit='MiB'>128</memory>
<os><type arch='x86_64' machine='q35'>hvm</type><kernel>{(REAL or [""])[0]}</kernel>
<initrd>{(REAL or [""])[-1]}</initrd><cmdline>console=ttyS0 quiet</cmdline></os>
<devices><emulator>{BUILD}/tools/vemu/vemu</emulator>
<serial type='file'><source path='{WORK}/serial'/></serial>
<channel type='unix'><target type='virtio' name='org.crash.0'/></channel>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
{QCOW2.format(WORK + "/image", "vda")}{QCOW2.format(WORK + "/saved", "vdb")}
<interface type='network'><source network='steady'/><model type='virtio'/>
<filterref filter='own'/></interface></devices></domain>"""
PUSH, PULL = (f"""<domainbackup mode='{mode}'>{more}<disks><disk name='vdb' backup='yes'>
<driver type='qcow2'/><{element} file='{WORK}/{element}'/></disk></disks></domainbackup>"""
              for mode, more, element in (
                  ("push", "", "target"),
                  ("pull", f"<server transport='unix' socket='{WORK}/pull/socket'/>", "scratch")))
CHECKPOINT = "<domaincheckpoint><name>{0}</name><disks><disk name='vdb'/></disks></domaincheckpoint>"

WORKS = {
    "domain": ["define {work}/one.xml", "start one", "suspend one", "schedinfo one --set cpu_shares=512 --live",
               "resume one", "autostart one", "desc one --title changed", "destroy one", "undefine one"],
    "transient": ["create {work}/two.xml", "define {work}/two.xml", "dominfo two", "destroy two",
                  "domrename two drei", "domrename drei two", "undefine two"],
    "files": ["?files|create {work}/files.xml --pass-fds 0,1", "define {work}/files.xml",
              "?files|start files --pass-fds 0", "undefine files"],
    "disk": ["attach-disk stays {work}/disk vdb --live", "domblklist stays",
             "detach-disk stays vdb --live"],
    "network": ["net-define {work}/net.xml", "net-start net", "net-autostart net",
                "net-update net add ip-dhcp-host \"<host mac='52:54:00:01:02:03' ip='10.98.0.5'/>\" --live",
                "net-destroy net", "net-undefine net"],
    "port": ["net-port-create steady {work}/port.xml", "net-port-list steady",
             f"net-port-dumpxml steady {PORT}", f"net-port-delete steady {PORT}"],
    "pool": ["pool-define-as pool dir --target {work}/pool", "pool-build pool", "pool-start pool",
             "vol-create-as pool vol 1M", "vol-upload vol {work}/bytes --pool pool", "vol-list pool",
             "vol-clone vol copy --pool pool", "vol-create-as pool grown 1M --format qcow2",
             "vol-download copy {work}/down --pool pool", "vol-clone grown copied --pool pool",
             "vol-delete copied --pool pool", "vol-delete grown --pool pool", "vol-delete copy --pool pool",
             "vol-delete vol --pool pool", "pool-destroy pool", "pool-undefine pool"],
    "secret": ["secret-define {work}/secret.xml", f"secret-set-value {SECRET} --file {{work}}/value --plain",
               "secret-list", f"secret-get-value {SECRET}", f"secret-undefine {SECRET}"],
    "filter": ["nwfilter-define {work}/filter.xml", "nwfilter-define {work}/changed.xml", "nwfilter-list",
               "nwfilter-define {work}/other.xml", "nwfilter-undefine other"],
    "binding": ["nwfilter-binding-create {work}/binding.xml", "nwfilter-binding-list",
                "nwfilter-binding-dumpxml vmbind", "nwfilter-binding-delete vmbind"],
    "bridge": ["iface-begin", "iface-define {work}/bridge.xml", "iface-start vmhost", "iface-list --all",
               "iface-dumpxml vmhost", "iface-destroy vmhost", "iface-undefine vmhost", "iface-commit"],
    "questions": ["list --all", "dumpxml stays", "domstats", "net-list --all", "pool-list --all",
                  "net-dhcp-leases steady", "nodedev-list"],
}
CHAIN = "!sh {work}/chain.sh {work}/{kind}-{n}" # three images, one on the other
WORKS_OF_REAL = {
    "copy": ["!rm -f {work}/copy",
             "blockcopy busy vda {work}/copy --transient-job --bandwidth 65536 --bytes",
             "blockjob busy vda", "blockjob busy vda --bandwidth 1", "blockjob busy vda --abort"],
    "interface": [f"attach-interface busy network steady --mac {MAC} --model virtio --live",
                  "domiflist busy", f"detach-interface busy network --mac {MAC} --live"],
    "second": ["attach-disk busy {work}/second vdc --live", "domblkinfo busy vdc",
               "detach-disk busy vdc --live"],
    "medium": ["change-media busy sda {work}/bytes --live", "domblklist busy",
               "change-media busy sda {work}/second --update --live", "change-media busy sda --eject --live"],
    "commit": [CHAIN.replace("{kind}", "commit"), "attach-disk busy {work}/commit-{n}.top vdd --subdriver qcow2 --live",
               "blockcommit busy vdd --top {work}/commit-{n}.middle --base {work}/commit-{n}.base --wait",
               "blockcommit busy vdd --active --pivot --wait", "detach-disk busy vdd --live",
               "!rm -f {work}/commit-{n}.base {work}/commit-{n}.middle {work}/commit-{n}.top"],
    "pull": [CHAIN.replace("{kind}", "pull"), "attach-disk busy {work}/pull-{n}.top vde --subdriver qcow2 --live",
             "blockpull busy vde --base {work}/pull-{n}.base --wait", "blockpull busy vde --bandwidth 1",
             "*blockjob busy vde --abort", "detach-disk busy vde --live",
             "!rm -f {work}/pull-{n}.base {work}/pull-{n}.middle {work}/pull-{n}.top"],
    "backup": ["!rm -f {work}/target", "backup-begin busy {work}/push.xml {work}/first.xml", "*domjobabort busy",
               "backup-begin busy {work}/pull.xml", "backup-dumpxml busy", "domjobinfo busy", "domjobabort busy",
               "checkpoint-create-as busy --name second --diskspec vdb", "checkpoint-list busy",
               "checkpoint-delete busy second", "checkpoint-delete busy first"],
}


def works():
    return {**WORKS, **(WORKS_OF_REAL if REAL else {})}


def vmsh(*commands):
    """What the commands print; whether they fail is for the caller."""
    return subprocess.run([*VMSH, "; ".join(commands).format(work=WORK)], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=HANGS, check=False).stdout


def write(name, text):
    with open(os.path.join(WORK, name), "w", encoding="utf-8") as out:
        out.write(text)


def documents():
    for i, name in enumerate(("stays", "one", "two", "busy", "files")):
        text = document(name, UUID[:-1] + str(i)).replace("microvm", "q35")
        write(name + ".xml", text.replace("<os>", LIMITED) if name == "one" else text)
    for name, text in (
            ("net", NETWORK), ("steady", STEADY), ("busy", BUSY), ("push", PUSH), ("pull", PULL),
            ("first", CHECKPOINT.format("first")), ("filter", FILTER.format(what="0x88cc")),
            ("changed", FILTER.format(what="0x88cd")),
            ("other", FILTER.format(what="0x88ce").replace("own", "other")),
            ("port", f"<networkport><uuid>{PORT}</uuid>{OWNER}<mac address='52:54:00:00:09:07'/></networkport>"),
            ("binding", f"<filterbinding>{OWNER}<portdev name='vmbind'/><mac address='52:54:00:00:01:01'/>"
             "<filterref filter='own'/></filterbinding>"),
            ("bridge", "<interface type='bridge' name='vmhost'><bridge stp='off'/></interface>"),
            ("secret", f"<secret><uuid>{SECRET}</uuid><usage type='volume'><volume>/x</volume></usage>"
             "</secret>")):
        write(name + ".xml", text)
    write("value", base64.b64decode(VALUE).decode())
    for name in ("bytes", "disk", "second"):
        write(name, "x" * (1 << 20))
    subprocess.run(["ip", "link", "add", "vmbind", "type", "bridge"], check=True)
    if REAL:
        images()


def images():
    write("chain.sh", "set -e\nqemu-img create -q -f qcow2 $1.base 1M\n"
          "qemu-img create -q -f qcow2 -b $1.base -F qcow2 $1.middle\n"
          "qemu-img create -q -f qcow2 -b $1.middle -F qcow2 $1.top\n")
    os.mkdir(os.path.join(WORK, "pull"))
    os.chmod(os.path.join(WORK, "pull"), 0o777) # the run's user makes its socket there
    for name, size in (("image", "64M"), ("saved", "1M")):
        path = os.path.join(WORK, name)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, size], check=True)
        subprocess.run(["qemu-img", "bench", "-q", "-w", "-c", size[:-1], "-s", "1M", "-f", "qcow2", path],
                       check=True, stdout=subprocess.DEVNULL)


def split(command):
    """What kind of command it is, and words that it must say."""
    if command[0] == "?":
        words, _, command = command[1:].partition("|")
        return "?", words, command
    return (command[0], "", command[1:]) if command[0] in "!*" else ("", "", command)


def one_round(commands, number):
    """What the commands of a round print, one shell for those between two of the host's."""
    said, batch = "", []

    def flush():
        nonlocal said
        if batch:
            said += vmsh(*batch)
            batch.clear()

    for command in commands:
        kind, _, text = split(command)
        text = text.replace("{n}", str(number))
        if kind == "!":
            flush()
            subprocess.run(text.format(work=WORK).split(), check=True)
        else:
            batch.append(text)
    flush()
    return said


def again(command):
    """Whether it works now; a moment passes if not."""
    worked = "error" not in vmsh(command)
    if not worked:
        time.sleep(0.2)
    return worked


def rehearse():
    """Each command does what it is here for, while nobody disturbs."""
    for name, commands in works().items():
        for command in commands:
            kind, words, text = split(command)
            said = one_round(["!" + text if kind == "!" else text], 0)
            if kind == "?":
                check("error" in said and words in said, f"{name}: {text} says '{said}', not '{words}'")
            elif text.startswith("detach"): # the guest decides when
                until(lambda said=said, text=text: "error" not in said or again(text), f"{name}: {text}: {said}", HANGS)
            elif kind != "*":
                check("error" not in said, f"{name}: {text}: {said}")


class Failures(list):
    """What went wrong in threads."""

    def around(self, function, *args):
        try:
            function(*args)
        except BaseException as e: # pylint: disable=broad-except
            self.append(f"{function.__name__}{args[:1]}: {e!r}")
            raise


def work_on(name, over, done):
    rng, number = random.Random(name), 0
    while not over.is_set():
        number += 1
        one_round(works()[name], number)
        done[name] += 1
        time.sleep(rng.random() * 0.05)


def streams(name, over, done):
    """Consoles and channels: a client that writes and ends in good order, gives up, or just goes."""
    rng = random.Random(name)
    procedure, device = {"console": (201, struct.pack(">I", 0)),
                         "channel": (296, struct.pack(">I", 1) + string("org.crash.0"))}[name]
    domain = "busy" if name == "channel" else "stays"
    while not over.is_set():
        try:
            raw = Raw(SOCKET)
            found = raw.call(23, string(domain))
            if isinstance(found, bytes):
                serial = raw.send(procedure, found + device + struct.pack(">I", FORCE))
                if raw.reply(serial)[0][5] == 0:
                    raw.send(procedure, b"x" * 1000, kind=STREAM, status=2, serial=serial)
                    raw.send(procedure, kind=STREAM, status=rng.randrange(2), serial=serial)
                    done[name] += 1
            raw.socket.close()
        except (OSError, EOFError): # killed
            pass
        time.sleep(rng.random() * 0.2)
