# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-host.py BUILD WORK: what a host can do and does, through virsh, vmsh and vmgrd."""
import os
import re
import subprocess
import sys

from vmgrd_daemon import Daemon, check, until

BUILD, WORK = sys.argv[1:3]
SCHEMAS = "/usr/share/libvirt/schemas"
UUID = "00000000-0000-4000-8000-0000000000c1"


def run(program, *command):
    done = subprocess.run([*program, *command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stdout + done.stderr


def ok(program, *command):
    status, output, everything = run(program, *command)
    check(status == 0, f"{command}: {everything}")
    return output


def fits(schema, document, name):
    """the document is what other managers' schema says"""
    path = os.path.join(WORK, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(document)
    if not os.path.exists(f"{SCHEMAS}/{schema}.rng") or run(["xmllint"], "--version")[0]:
        return # asserted where they are installed
    status, _, output = run(["xmllint"], "--noout", "--relaxng", f"{SCHEMAS}/{schema}.rng", path)
    check(status == 0, f"{name} fits {schema}.rng: {output}")


def capabilities(virsh):
    text = ok(virsh, "capabilities")
    # the schema forgot that names of features have dots (sse4.1), which shows where no model has them
    fits("capability", re.sub(r"(<feature name='[^']*)\.", r"\1_", text), "capabilities")
    for machine in "q35", "microvm":
        text = ok(virsh, "domcapabilities", "--machine", machine, "--virttype", "qemu")
        fits("domaincaps", text, f"domcapabilities-{machine}")
        check("<value>virtio</value>" in text, f"{machine} has virtio disks")
        check(("<value>sata</value>" in text) == (machine == "q35"), f"SATA and {machine}")
        check("usable='yes' vendor='unknown'>x86-64-v1<" in text, "a model that can be had")
    status, _, output = run(virsh, "domcapabilities", "--virttype", "xen")
    check(status and "xen" in output, f"virttype xen is refused: {output}")


def figures(virsh):
    check(re.search(r"CPUs present: +\d+\n", ok(virsh, "nodecpumap")), "nodecpumap")
    check(re.search(r"^user: +\d+$", ok(virsh, "nodecpustats"), re.M), "nodecpustats")
    check(re.search(r"^total *: +\d+ KiB$", ok(virsh, "nodememstats"), re.M), "nodememstats")
    check(re.search(r"^ +0: +\d+ KiB$", ok(virsh, "freecell", "--all"), re.M), "freecell")
    check("4KiB: " in ok(virsh, "freepages", "--all"), "freepages")


def cpus(virsh, emulator):
    check("Nehalem" in ok(virsh, "cpu-models", "x86_64").split(), "cpu-models")
    path = os.path.join(WORK, "cpu.xml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("<cpu match='exact'><model>x86-64-v1</model></cpu>")
    check("superset" in ok(virsh, "cpu-compare", path), "cpu-compare")
    check("superset" in ok(virsh, "hypervisor-cpu-compare", path, "--virttype", "qemu",
                           "--emulator", emulator), "hypervisor-cpu-compare")
    check(">x86-64-v1<" in ok(virsh, "hypervisor-cpu-baseline", path, "--virttype", "qemu"),
          "hypervisor-cpu-baseline")
    ok(virsh, "cpu-baseline", os.path.join(WORK, "capabilities"))


def define(virsh, cpu, machine="q35", vcpus=4):
    path = os.path.join(WORK, "domain.xml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"<domain type='qemu'><name>c</name><uuid>{UUID}</uuid><memory>65536</memory>"
                f"<vcpu>{vcpus}</vcpu><os><type arch='x86_64' machine='{machine}'>hvm</type>"
                f"<kernel>/x</kernel></os>{cpu}</domain>")
    ok(virsh, "define", path)


def command_line(root):
    with open(os.path.join(root, "log/vmgr/c.log"), encoding="utf-8") as f:
        return [line for line in f if "-cpu" in line][-1]


def guests(virsh, root):
    define(virsh, "<cpu mode='host-model'><topology sockets='2' dies='1' cores='1' threads='2'/>"
                  "<feature policy='disable' name='sse4.2'/>"
                  "<numa><cell id='0' cpus='0-1' memory='32768'/>"
                  "<cell id='1' cpus='2,3' memory='32' unit='MiB'><distances>"
                  "<sibling id='0' value='21'/></distances></cell></numa></cpu>")
    check("mode='custom'" in ok(virsh, "dumpxml", "c", "--update-cpu"), "--update-cpu expands")
    check("mode='host-model'" in ok(virsh, "dumpxml", "c"), "what is stored stays")
    ok(virsh, "start", "c")
    live = ok(virsh, "dumpxml", "c")
    check(re.search(r"<cpu mode='custom' match='exact' check='full'>\s*<model fallback='forbid'>",
                    live), f"a run names its model: {live}")
    check("name='sse4.2'" in live and "policy='disable' name='sse4.2'" in live, "what was said stays")
    line = command_line(root)
    for part in (r"sse4\.2=off", "enforce", "sockets=2,dies=1,cores=1,threads=2",
                 "node,nodeid=1,mem=32768k,cpus=2-3", "dist,src=1,dst=0,val=21"):
        check(re.search(part, line), f"{part} in {line}")
    ok(virsh, "destroy", "c")
    define(virsh, "<cpu><model>EPYC</model></cpu>")
    status, _, output = run(virsh, "start", "c")
    check(status and "Host CPU does not provide required features:" in output and "svm" in output,
          f"what cannot be had is named: {output}")
    define(virsh, "<cpu check='none'><model>EPYC</model></cpu>")
    ok(virsh, "start", "c")
    check("enforce" not in command_line(root), "check='none' does not insist")
    ok(virsh, "destroy", "c")
    ok(virsh, "undefine", "c")


def secrets(virsh, root):
    path = os.path.join(WORK, "secret.xml")
    uuid = "00000000-0000-4000-8000-0000000000c2"
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"<secret><uuid>{uuid}</uuid><usage type='ceph'><name>client x</name></usage>"
                "</secret>")
    ok(virsh, "secret-define", path)
    fits("secret", ok(virsh, "secret-dumpxml", uuid), "secret")
    check(re.search(rf"{uuid} +ceph client x", ok(virsh, "secret-list")), "secret-list")
    with open(path, "w", encoding="utf-8") as f:
        f.write("c2VjcmV0 d29yZA==\n")
    waits = subprocess.Popen([*virsh, "secret-event", "--event", "lifecycle", "--timeout", "60"],
                             stdout=subprocess.PIPE, text=True)
    ok(virsh, "secret-set-value", uuid, "--file", path)
    check(ok(virsh, "secret-get-value", uuid).strip() == "c2VjcmV0d29yZA==", "secret-get-value")
    check(ok(virsh, "secret-get-value", uuid, "--plain").strip() == "secretword", "in plain")
    with open(os.path.join(root, "vmgrd.log"), encoding="utf-8") as log:
        text = log.read()
        check("secretword" not in text and "c2Vjcm" not in text, "no value in the log")
    # the waiting one may not have registered yet: until it has been told, it happens again
    def told():
        ok(virsh, "secret-undefine", uuid)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"<secret><uuid>{uuid}</uuid></secret>")
        ok(virsh, "secret-define", path)
        return waits.poll() is not None
    until(told, "secret-event tells")
    said = waits.stdout.read()
    check(f"event 'lifecycle' for secret {uuid}: " in said, f"secret-event: {said}")
    ok(virsh, "secret-undefine", uuid)
    status, _, output = run(virsh, "secret-dumpxml", uuid)
    check(status and "no secret with matching uuid" in output, f"it is gone: {output}")


def main():
    root = os.path.join(WORK, "host")
    daemon = Daemon(BUILD, root)
    emulator = os.path.join(BUILD, "tests/vmgr/fake-vemu")
    uri = f"qemu+unix:///system?socket={daemon.socket}"
    for shell in ["virsh", "-q", "-c", uri], [f"{BUILD}/tools/vmsh/vmsh", "-q", "-c", uri]:
        capabilities(shell)
        figures(shell)
        cpus(shell, emulator)
        guests(shell, root)
        secrets(shell, root)
    daemon.stop()


main()
