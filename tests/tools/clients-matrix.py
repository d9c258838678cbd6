# SPDX-License-Identifier: LGPL-2.1-or-later
"""clients-matrix.py BUILD WORK: vmsh and virsh on vmgrd and libvirtd, all over test:///default.

The state is made by vmsh on one daemon and by virsh on the other, in the same steps. Then each
question goes both ways on both, and the four answers (output, errors, status) must be the same."""
import difflib
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from libvirtd_daemon import Libvirtd
from vmgrd_daemon import Daemon, Raw, check

BUILD, WORK = sys.argv[1:3]
VMSH = os.path.join(BUILD, "tools/vmsh/vmsh")

DOMAIN = """<domain type='test'><name>{name}</name><uuid>{uuid}</uuid><title>T &amp; U</title>
<memory unit='MiB'>{memory}</memory><vcpu current='1'>2</vcpu><os><type>hvm</type></os>
<on_crash>restart</on_crash><devices><console type='pty'/></devices></domain>"""
UUID = "11111111-2222-3333-4444-5555555555"

STEPS = [
    "define {work}/one.xml", "define {work}/two.xml", "define {work}/three.xml",
    "start one", "suspend one", "start two", "autostart three", "create {work}/four.xml",
    "desc three --title another title", "desc three some words", "domrename three drei",
    "shutdown two", "suspend test", "resume test", "reboot test", "define {work}/two-changed.xml",
]
QUESTIONS = [
    "uri", "hostname", "nodeinfo", "capabilities", "maxvcpus", "maxvcpus test", "version",
    "version --daemon",
    "list", "list --all", "list --all --name", "list --all --uuid", "list --all --title",
    "list --inactive", "list --state-paused", "list --persistent", "list --transient",
    "list --all --autostart", "list --all --no-autostart", "list --all --id", "list --all --table",
    *[f"{command} {domain}" for domain in ("test", "one", "two", "drei", "four")
      for command in ("dominfo", "domstate --reason", "domid", "domuuid", "domname", "dumpxml",
                      "dumpxml --inactive", "vcpucount", "vcpucount --maximum --config",
                      "desc", "desc --title")],
    "domname 1", "domname 99", "domuuid 1", "domid " + UUID + "01", "domname " + UUID + "01",
    "dumpxml --security-info one", "dumpxml --migratable test", "vcpucount one --live",
    "vcpucount drei --live", "vcpucount four --config", "dominfo nobody", "dominfo 4711",
    "dumpxml " + UUID + "77",
]
# Refused, and nothing is changed.
REFUSALS = [
    "start one", "start four", "destroy drei", "suspend drei", "resume test", "undefine nobody",
    "define {work}/bad.xml", "define {work}/taken.xml", "domrename one two",
    "domrename drei one", "console drei", "create {work}/one.xml", "shutdown drei",
]
# Not of the state, or of one client's own.
REWRITE = [
    (r"(?m)^(Compiled against|Using) library: lib(virt|vmgr) [\d.]+$", r"\1 library: VERSION"),
    (r"(?m)^(Using API|Running hypervisor|Running against daemon): ([A-Z]* ?)[\d.]+$", r"\1: \2"),
    (r"(?m)^(CPU time: +)[\d.]+s$", r"\1"),
    (r"/[^ ?]*/libvirt-sock", "SOCKET"),
]


def run(client, daemon, command, rewritten=True):
    uri = f"test+unix:///default?socket={daemon.socket}"
    done = subprocess.run([client, "-c", uri, *command.format(work=WORK).split()],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "LC_ALL": "C"}, check=False)
    text = f"status {done.returncode}\n{done.stdout}--\n{done.stderr}"
    for pattern, to in REWRITE if rewritten else ():
        text = re.sub(pattern, to, text)
    return text


def compare(what, one, other, names):
    if one == other:
        return 0
    sys.stdout.writelines(difflib.unified_diff(one.splitlines(True), other.splitlines(True),
                                               f"{what} ({names[0]})", f"{what} ({names[1]})"))
    return 1


def write(name, text):
    with open(os.path.join(WORK, name + ".xml"), "w", encoding="utf-8") as out:
        out.write(text)


def documents():
    for number, name in enumerate(("one", "two", "three", "four"), 1):
        write(name, DOMAIN.format(name=name, uuid=f"{UUID}{number:02}", memory=16 * number))
    write("two-changed", DOMAIN.format(name="two", uuid=UUID + "02", memory=512))
    write("taken", DOMAIN.format(name="one", uuid=UUID + "55", memory=16))
    write("bad", "<domain type='test'><name>bad</name><memory>1</memory></domain>")


def ask(daemons, questions):
    wrong = 0
    for question in questions:
        pairs = [(name, client) for name in daemons for client in (VMSH, "virsh")]
        with ThreadPoolExecutor(len(pairs)) as pool:
            answers = list(pool.map(lambda p: run(p[1], daemons[p[0]], question), pairs))
        first = answers[pairs.index(("vmgrd", VMSH))]
        for (name, client), answer in zip(pairs, answers):
            wrong += compare(question, first, answer,
                             ("vmsh on vmgrd", f"{os.path.basename(client)} on {name}"))
    return wrong


def on_demand():
    """Clients that come at once find no daemon, and have one afterwards."""
    root = os.path.join(WORK, "demand")
    uri = f"vemu+unix:///session?root={root}&emulator={BUILD}/tests/vmgr/fake-vemu"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: subprocess.run(
            [VMSH, "-c", uri, "uri"], capture_output=True, text=True, timeout=60, check=False),
            range(4)))
    with open(os.path.join(root, "run/vmgr/vmgrd.pid"), encoding="utf-8") as file:
        os.kill(int(file.read()), signal.SIGTERM)
    check(all(a.returncode == 0 and a.stdout.strip() == uri for a in answers),
          f"vmgrd is started on demand: {answers}")


def main():
    on_demand()
    documents()
    daemons = {"libvirtd": Libvirtd(os.path.join(WORK, "libvirtd")),
               "vmgrd": Daemon(BUILD, os.path.join(WORK, "vmgrd"), "--uri", "test:///default")}
    # libvirtd forgets the test hypervisor's state with its last client.
    keep = Raw(daemons["libvirtd"].socket, name="test:///default")
    wrong = 0
    try:
        for step in STEPS:
            wrong += compare(step, run("virsh", daemons["vmgrd"], step),
                             run(VMSH, daemons["libvirtd"], step),
                             ("virsh on vmgrd", "vmsh on libvirtd"))
        wrong += ask(daemons, QUESTIONS)
        wrong += ask(daemons, REFUSALS)
        wrong += ask(daemons, ["list --all --uuid"])
    finally:
        keep.socket.close()
        for daemon in daemons.values():
            daemon.stop()
    print(f"{len(QUESTIONS) + len(REFUSALS)} commands, {wrong} differences")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
