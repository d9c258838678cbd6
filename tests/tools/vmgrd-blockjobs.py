# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-blockjobs.py BUILD WORK KERNEL: jobs on disks that a guest writes to, through vmgrd."""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

from vmgrd_daemon import Daemon, check, fails, image, listens, result, run, tear, until

BUILD, WORK, KERNEL = sys.argv[1:4]
LOG = os.path.join(WORK, "serial")
SIZE = 16 << 20


def at(name):
    return os.path.join(WORK, name)


DOMAIN = f"""<domain type='qemu'><name>d</name>
<uuid>00000000-0000-4000-8000-0000000000d2</uuid><memory unit='MiB'>128</memory>
<os><type arch='x86_64' machine='q35'>hvm</type>
<kernel>{KERNEL}</kernel><initrd>{WORK}/initramfs</initrd><cmdline>console=ttyS0 quiet</cmdline></os>
<devices><serial type='file'><source path='{LOG}'/></serial>
<disk type='file'><driver name='qemu' type='qcow2'/><source file='{at("top")}'/>
<backingStore type='file'><format type='qcow2'/><source file='{at("middle")}'/></backingStore>
<target dev='vda' bus='virtio'/></disk>
<disk type='volume'><driver name='qemu' type='qcow2'/><source pool='p' volume='other'/>
<target dev='vdb' bus='virtio'/></disk>
<disk type='network'><driver name='qemu' type='raw' queues='1'/>
<source protocol='nbd' name='e'><host transport='unix' socket='{at("nbd.sock")}'/></source>
<blockio logical_block_size='512' physical_block_size='4096'/><target dev='vdc' bus='virtio'/></disk>
<disk type='file'><driver name='qemu' type='raw'/><source file='{at("scsi")}'/>
<target dev='sda' bus='scsi'/><wwn>5000c50015ea71aa</wwn><vendor>VENDOR</vendor>
<product>PRODUCT</product></disk>
</devices></domain>"""
POOL = f"<pool type='dir'><name>p</name><target><path>{at('pool')}</path></target></pool>"


def contents(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def written():
    """number of the last block that the guest has down, and the sectors that it sees"""
    told = re.findall(r"^W: (\d+) (\d+)\.$", contents(LOG).replace("\r", ""), re.M)
    return (int(told[-1][0]), int(told[-1][1])) if told else (0, 0)


def goes_on():
    now = written()[0]
    until(lambda: written()[0] > now + 1, f"the guest writes on after block {now}", 120)


def chain(program, target, *options):
    """paths of a disk's images, its own first"""
    disk = ET.fromstring(run(program, "dumpxml", "d", *options)).find(
        f"devices/disk/target[@dev='{target}']/..")
    paths = [disk.find("source").get("file")]
    below = disk.find("backingStore")
    while below is not None and below.find("source") is not None:
        paths.append(below.find("source").get("file"))
        below = below.find("backingStore")
    return paths, disk.find("mirror") is not None


def expect(program, target, *paths, options=()):
    got = chain(program, target, *options)
    check(got == ([at(p) for p in paths], False), f"{target} should stand on {paths}: {got}")


def make_images():
    os.mkdir(at("pool"))
    image("create", "-f", "raw", at("bottom"), str(SIZE))
    image("create", "-f", "qcow2", "-b", at("bottom"), "-F", "raw", at("middle"))
    image("create", "-f", "qcow2", "-b", at("middle"), "-F", "qcow2", at("top"))
    image("create", "-f", "raw", at("pool/below"), str(SIZE))
    with open(at("pool/below"), "r+b") as f:
        f.write(b"from below" * 100000)
    image("create", "-f", "qcow2", "-b", at("pool/below"), "-F", "raw", at("pool/other"))
    for name in ("scsi", "served"):
        image("create", "-f", "raw", at(name), "1M")


def merge(virsh, vmsh):
    """images become fewer under the guest"""
    expect(virsh, "vda", "top", "middle", "bottom")
    expect(virsh, "vdb", "pool/other", "pool/below")
    fails(virsh, "active layer requires active flag", "blockcommit", "d", "vda")
    fails(virsh, "disk 'vdz' not found", "blockpull", "d", "vdz")
    out = run(virsh, "blockcommit", "d", "vda", "--top", "vda[2]", "--base", at("bottom"), "--wait")
    check("Commit complete" in out, out)
    expect(virsh, "vda", "top", "bottom")
    goes_on()
    out = run(vmsh, "blockcommit", "d", "vda", "--active", "--pivot", "--delete")
    check("Successfully pivoted" in out, out)
    expect(vmsh, "vda", "bottom")
    expect(virsh, "vda", "bottom", options=["--inactive"])
    check(not os.path.exists(at("top")), "--delete removes the overlay")
    goes_on()
    out = run(virsh, "blockpull", "d", "vdb", "--wait")
    check("Pull complete" in out, out)
    expect(virsh, "vdb", "pool/other")


def copy(daemon, virsh, vmsh, remote):
    """the disk moves to another file; vmgrd may end while it does"""
    with open(at("taken"), "w", encoding="utf-8") as f:
        f.write("x" * 10)
    fails(virsh, "already exists and is not a block device", "blockcopy", "d", "vda", at("taken"),
          "--transient-job")
    run(virsh, "blockcopy", "d", "vda", at("copy"), "--format", "qcow2", "--bandwidth", "65536",
        "--bytes", "--transient-job")
    for program in (virsh, vmsh, remote):
        fails(program, "already in active block job", "blockpull", "d", "vda")
        fails(program, "not ready for pivot yet", "blockjob", "d", "vda", "--pivot")
        check(" bandwidth=65536\n" in run(program, "blockjob", "d", "vda", "--raw", "--bytes"), "speed")
    check(chain(virsh, "vda")[1], "the definition of the run has <mirror>")
    check(not chain(virsh, "vda", "--inactive")[1], "the stored one has not")
    fails(virsh, "already in active block job", "detach-disk", "d", "vda", "--live")
    daemon.kill()
    daemon.start()
    check("Block Copy" in run(virsh, "blockjob", "d", "vda", "--raw"), "the job is known again")
    run(virsh, "blockjob", "d", "vda", "--bandwidth", "1000")
    until(lambda: "ready='yes'" in run(virsh, "dumpxml", "d"), "the copy is ready", 120)
    goes_on()
    run(virsh, "blockjob", "d", "vda", "--pivot")
    expect(virsh, "vda", "copy")
    expect(vmsh, "vda", "copy", options=["--inactive"])
    check(result(virsh, "blockjob", "d", "vda").stdout.startswith("No current block job"), "none")
    goes_on()
    # a copy that is left behind, by an abort
    out = run(remote, "blockcopy", "d", "vdb", at("left"), "--finish", "--transient-job")
    check("Successfully copied" in out, out)
    expect(virsh, "vdb", "pool/other")
    # and one that is given up
    run(virsh, "blockcopy", "d", "vdb", at("given-up"), "--bandwidth", "65536", "--bytes",
        "--transient-job")
    run(remote, "blockjob", "d", "vdb", "--bandwidth", "1")
    run(remote, "blockjob", "d", "vdb", "--abort")
    fails(virsh, "does not have an active block job", "blockjob", "d", "vdb", "--abort")
    # who gave it up died before the emulator was told
    run(virsh, "blockcopy", "d", "vdb", at("torn"), "--bandwidth", "65536", "--bytes",
        "--transient-job")
    tear(daemon, "d", "(<blockjob disk='vdb'[^>]* state=')running'", r"\1canceling'")
    until(lambda: result(virsh, "blockjob", "d", "vdb").stdout.startswith("No current"),
          "the copy is given up", 60)


def check_blocks(path, last):
    """each block is the one that was written there last; the guest may have been one ahead"""
    image("convert", "-O", "raw", path, at("flat"))
    with open(at("flat"), "rb") as f:
        for slot in range(1024):
            n = last - (last - slot) % 1024
            block = f.read(4096).rstrip(b" \0").decode()
            check(block in (f"block {n}" if n > 0 else "", f"block {n + 1024}"),
                  f"block {slot} of {path}: '{block}', expected {n}")


def main():
    make_images()
    for name, text in (("d.xml", DOMAIN), ("p.xml", POOL)):
        with open(at(name), "w", encoding="utf-8") as f:
            f.write(text)
    daemon = Daemon(BUILD, at("root"), emulator=os.path.join(BUILD, "tools/vemu/vemu"))
    virsh = ["virsh", "-c", f"qemu+unix:///system?socket={daemon.socket}"]
    vmsh = [os.path.join(BUILD, "tools/vmsh/vmsh"), "-c", "vemu:///system", "--root", daemon.root]
    remote = [vmsh[0], "-c", virsh[2]]
    run(virsh, "define", at("d.xml"))
    fails(virsh, "no storage pool with matching name 'p'", "start", "d")
    run(virsh, "pool-define", at("p.xml"))
    fails(virsh, "storage pool 'p' containing volume 'other' is not active", "start", "d")
    run(virsh, "pool-start", "p")
    fails(virsh, "nbd.sock", "start", "d")
    server = subprocess.Popen(["qemu-nbd", "-t", "-f", "raw", "-x", "e", "-k", at("nbd.sock"),
                               at("served")], cwd=at("pool"))
    until(lambda: listens(at("nbd.sock")), "qemu-nbd listens")
    run(virsh, "start", "d")
    until(lambda: written()[0] > 2, lambda: f"the guest writes; {contents(LOG)[-2000:]}", 120)
    heard = at("events")
    with open(heard, "w", encoding="utf-8") as out, subprocess.Popen(
            ["stdbuf", "-oL", *vmsh, "event", "--all", "--loop", "--timeout", "250"],
            stdout=out) as events:
        merge(virsh, vmsh)
        copy(daemon, virsh, vmsh, remote)
        for text in (f"'block-job' for domain 'd': Active Block Commit for {at('bottom')} completed",
                     "'block-job-2' for domain 'd': Block Pull for vdb completed",
                     "'block-job-2' for domain 'd': Block Copy for vda ready",
                     f"'block-job' for domain 'd': Block Copy for {at('copy')} completed",
                     "'block-job-2' for domain 'd': Block Copy for vdb canceled"):
            until(lambda want=text: want in contents(heard), f"event {text}")
        events.terminate()
    run(remote, "blockresize", "d", "vda", "24M")
    until(lambda: written()[1] == 24 << 11, "the guest sees the new size")
    last = written()[0]
    run(virsh, "destroy", "d")
    last = max(last, written()[0])
    fails(virsh, "domain is not running", "blockresize", "d", "vda", "32M")
    check_blocks(at("copy"), last)
    image("compare", at("pool/other"), at("left"))
    # what the disk is now is what the next start takes
    run(virsh, "start", "d")
    expect(virsh, "vda", "copy")
    run(virsh, "destroy", "d")
    run(virsh, "undefine", "d")
    server.terminate()
    server.wait()
    daemon.stop()


main()
