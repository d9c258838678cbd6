# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-jobfaults.py BUILD WORK KERNEL: copies, merges and backups of disks when there is no room.

Each says so, leaves the disk and the guest as they were, and works when there is room. The guest is one
that does not run yet: the emulator's disks need none. To be run as root in namespaces of its own."""
import json
import os
import subprocess
import sys
import time

from vmgrd_daemon import UUID, Daemon, check, document, fails, image, result, run, until

BUILD, WORK, KERNEL = sys.argv[1:4]
ROOT = os.path.join(WORK, "jobroot")
PATIENCE = 120 # seconds on a slow machine
SMALL, TARGETS = os.path.join(WORK, "smalldisk"), os.path.join(WORK, "smalltargets")
NO_SPACE = "No space left on device"
DATA = 4 << 20
DISKS = ("vda", "vdb", "vdc")
DISK = """<disk type='file'><driver name='qemu' type='qcow2'/><source file='{0}'/>
<target dev='{1}' bus='virtio'/></disk>"""

BACKUP = """<domainbackup><disks><disk name='vda'><driver type='qcow2'/><target file='{0}'/></disk>
<disk name='vdb' backup='no'/><disk name='vdc' backup='no'/></disks></domainbackup>"""


def at(name):
    return os.path.join(WORK, name)


def write(name, text):
    with open(at(name), "w", encoding="utf-8") as out:
        out.write(text)
    return at(name)


def fill(path):
    """an image with more in it than the small file system takes"""
    image("create", "-q", "-f", "qcow2", path, str(DATA))
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", f"write -q -P 7 0 {DATA}", path], check=True,
                   stdout=subprocess.DEVNULL)


def no_room(place):
    """fills what is left of a file system; the file that does"""
    path = os.path.join(place, "filling")
    with open(path, "wb", buffering=0) as out:
        try:
            while out.write(b"x" * 4096):
                pass
        except OSError:
            pass
    return path


def ask(vmsh, command):
    return json.loads(run(vmsh, "qemu-monitor-command", "d", json.dumps({"execute": command})))["return"]


def state(vmsh):
    """what the emulator and the daemon know of disks and jobs"""
    return (sorted(node["node-name"] for node in ask(vmsh, "query-named-block-nodes")),
            [bitmap for node in ask(vmsh, "query-named-block-nodes") for bitmap in node.get("dirty-bitmaps", [])],
            ask(vmsh, "query-jobs"), ask(vmsh, "query-block-exports"), run(vmsh, "dumpxml", "d"))


def idle(vmsh):
    return all("No current block job" in result(vmsh, "blockjob", "d", disk).stdout for disk in DISKS)


def unchanged(vmsh, before, what):
    until(lambda: idle(vmsh), f"{what}: it ends", PATIENCE)
    now = state(vmsh)
    for was, is_ in zip(before, now):
        check(was == is_, f"{what}: {is_}, not {was}")
    check("paused" in run(vmsh, "domstate", "d"), f"{what}: the guest is there")


def copy(vmsh, before):
    for options in ((), ("--format", "raw")):
        done = result(vmsh, "blockcopy", "d", "vda", os.path.join(SMALL, "copy"), "--transient-job", "--wait",
                      *options)
        check(done.returncode, f"a copy that has no room fails: {done.stdout}")
        unchanged(vmsh, before, "copy")
        os.unlink(os.path.join(SMALL, "copy"))
    run(vmsh, "blockcopy", "d", "vda", at("roomy"), "--transient-job", "--wait", "--finish")
    image("compare", "-U", at("vda"), at("roomy"))


def merge(vmsh, before):
    """The upper image is on the file system without room, then the lower one."""
    done = result(vmsh, "blockpull", "d", "vdb", "--wait")
    check(done.returncode, f"a pull that has no room fails: {done.stdout}")
    unchanged(vmsh, before, "pull")
    done = result(vmsh, "blockcommit", "d", "vdc", "--active", "--wait", "--pivot")
    check(done.returncode, f"a commit that has no room fails: {done.stdout}")
    unchanged(vmsh, before, "commit")
    for name in (os.path.join(SMALL, "vdb"), at("vdc")):
        image("compare", "-U", at("vda"), name)


def backup(vmsh, before):
    checkpoint = write("checkpoint.xml", "<domaincheckpoint><name>c</name><disks><disk name='vda'/></disks>"
                       "</domaincheckpoint>")
    target = os.path.join(TARGETS, "backup")
    run(vmsh, "backup-begin", "d", write("backup.xml", BACKUP.format(target)))
    until(lambda: "no domain backup job present" in result(vmsh, "backup-dumpxml", "d").stderr,
          "the backup is over", PATIENCE)
    said = run(vmsh, "domjobinfo", "d", "--completed", "--anystats")
    check("Failed" in said and NO_SPACE in said, f"who asks is told: {said}")
    unchanged(vmsh, before, "backup")
    os.unlink(target)
    # a file system that has no room at all: it does not begin, and neither does its checkpoint
    filling = no_room(TARGETS)
    fails(vmsh, NO_SPACE, "backup-begin", "d", at("backup.xml"), checkpoint)
    check(run(vmsh, "checkpoint-list", "d", "--name").split() == [], "no checkpoint is left")
    check(not os.path.exists(target), "no target is left")
    unchanged(vmsh, before, "backup that does not begin")
    os.unlink(filling)
    run(vmsh, "backup-begin", "d", write("backup.xml", BACKUP.format(at("whole"))), checkpoint)
    until(lambda: "no domain backup job present" in result(vmsh, "backup-dumpxml", "d").stderr,
          "the backup is over", PATIENCE)
    image("compare", "-U", at("vda"), at("whole"))
    run(vmsh, "checkpoint-delete", "d", "c")
    unchanged(vmsh, before, "backup with room")


def notes(vmsh, before):
    """No room for the run's own notes: a job does not begin without one."""
    place = os.path.join(ROOT, "run/vmgr/domains")
    filling = no_room(place)
    fails(vmsh, NO_SPACE, "blockcopy", "d", "vda", at("never"), "--transient-job")
    fails(vmsh, NO_SPACE, "backup-begin", "d", write("backup.xml", BACKUP.format(at("never"))))
    check(not os.path.exists(at("never")), "no target is left")
    fails(vmsh, NO_SPACE, "attach-disk", "d", at("roomy"), "vdd", "--subdriver", "qcow2", "--live")
    os.unlink(filling)
    unchanged(vmsh, before, "without notes")


def main():
    for place, size in ((SMALL, "2m"), (TARGETS, "2m"), (os.path.join(ROOT, "run/vmgr/domains"), "256k")):
        os.makedirs(place)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", place], check=True)
    for name in ("vda", "below"):
        fill(at(name))
    image("create", "-q", "-f", "qcow2", "-b", at("below"), "-F", "qcow2", os.path.join(SMALL, "vdb"))
    image("create", "-q", "-f", "qcow2", os.path.join(SMALL, "base"), str(DATA))
    fill(at("vdc"))
    image("rebase", "-u", "-b", os.path.join(SMALL, "base"), "-F", "qcow2", at("vdc"))
    daemon = Daemon(BUILD, ROOT, emulator=os.path.join(BUILD, "tools/vemu/vemu"))
    vmsh = [os.path.join(BUILD, "tools/vmsh/vmsh"), "-c", f"vemu+unix:///system?socket={daemon.socket}"]
    disks = zip((at("vda"), os.path.join(SMALL, "vdb"), at("vdc")), DISKS)
    text = document("d", UUID, kernel=KERNEL, extra="".join(DISK.format(*disk) for disk in disks))
    text = text.replace("microvm", "q35").replace("'MiB'>64<", "'MiB'>128<")
    run(vmsh, "define", write("d.xml", text))
    run(vmsh, "start", "d", "--paused")
    before = state(vmsh)
    for part in (copy, merge, backup, notes):
        began = time.monotonic()
        part(vmsh, before)
        check(daemon.process.poll() is None, f"vmgrd lives after {part.__name__}")
        print(f"{part.__name__}: {time.monotonic() - began:.1f} s")
    run(vmsh, "destroy", "d")
    run(vmsh, "undefine", "d")
    daemon.stop()


main()
