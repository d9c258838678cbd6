# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-backup.py BUILD WORK KERNEL: checkpoints and backups of disks that a guest writes to, by the
distribution's virsh and by vmsh through vmgrd, read with nbdcopy, nbdinfo and qemu-img."""
import json
import os
import re
import subprocess
import sys
import time

from vmgrd_daemon import Daemon, check, fails, image, result, run, tear, until

BUILD, WORK, KERNEL = sys.argv[1:4]
LOG = os.path.join(WORK, "serial")
SIZE = 16 << 20
SLOTS = 1024


def at(name):
    return os.path.join(WORK, name)


def disk(name, image="qcow2"):
    return (f"<disk type='file'><driver name='qemu' type='{image}'/><source file='{at(name)}'/>"
            f"<target dev='{name}' bus='virtio'/></disk>")


DOMAIN = f"""<domain type='qemu'><name>d</name>
<uuid>00000000-0000-4000-8000-0000000000d3</uuid><memory unit='MiB'>128</memory>
<os><type arch='x86_64' machine='q35'>hvm</type>
<kernel>{KERNEL}</kernel><initrd>{WORK}/initramfs</initrd><cmdline>console=ttyS0 quiet</cmdline></os>
<devices><serial type='file'><source path='{LOG}'/></serial>
{disk("vda")}{disk("vdb")}{disk("vdc", "raw")}</devices></domain>"""


def document(name, text):
    with open(at(name), "w", encoding="utf-8") as f:
        f.write(text)
    return at(name)


def backup(name, *disks, mode="push", inside="", element=None):
    """a document that names stores of its own, NAME-DISK, for some disks"""
    element = element or ("target" if mode == "push" else "scratch")
    lines = "".join(f"<disk name='{d}' backup='yes'><driver type='qcow2'/>"
                    f"<{element} file='{at(f'{name}-{d}')}'/></disk>" for d in disks)
    return document(name + ".xml",
                    f"<domainbackup mode='{mode}'>{inside}<disks>{lines}</disks></domainbackup>")


def written():
    """number of the last block that the guest has down"""
    with open(LOG, encoding="utf-8", errors="replace") as f:
        told = re.findall(r"^W: (\d+)\.$", f.read().replace("\r", ""), re.M)
    return int(told[-1]) if told else 0


def goes_on(blocks=2):
    now = written()
    until(lambda: written() > now + blocks, f"the guest writes on after block {now}", 120)


def blocks(path, image_format="qcow2"):
    """numbers in the slots of an image, 0: none"""
    image("convert", "-f", image_format, "-O", "raw", path, at("flat"))
    with open(at("flat"), "rb") as f:
        texts = [f.read(4096).rstrip(b" \0").decode() for _ in range(SLOTS)]
    return [int(t.split()[1]) if t else 0 for t in texts]


def moment(path, image_format="qcow2"):
    """the last block that is there; every other is what it was when that one was written"""
    found = blocks(path, image_format)
    last = max(found)
    for slot, number in enumerate(found):
        n = last - (last - slot) % SLOTS
        check(number == max(n, 0), f"{path}: block {slot} is {number}, expected {n} at {last}")
    return last


def over(virsh):
    until(lambda: "no domain backup job present" in result(virsh, "backup-dumpxml", "d").stderr,
          "the backup is over", 120)


def push(virsh, vmsh):
    """full, then what has changed since"""
    out = run(virsh, "backup-begin", "d", backup("full", "vda", "vdb"), document(
        "c1.xml", "<domaincheckpoint><name>c1</name><disks><disk name='vda'/>"
        "<disk name='vdb' checkpoint='bitmap' bitmap='other'/></disks></domaincheckpoint>"))
    check(out.strip() == "Backup started", out)
    over(vmsh)
    text = ended(virsh, "Completed")
    check(re.search(r"^Operation: +Backup *$", text, re.M) and re.search(r"^File processed: +[1-9]", text, re.M),
          text)
    first = moment(at("full-vda"))
    check(first > 0 and abs(first - moment(at("full-vdb"))) <= 1, "both disks are of one moment")
    goes_on()
    text = run(virsh, "checkpoint-dumpxml", "d", "c1", "--no-domain", "--size")
    check(re.search("<disk name='vda' checkpoint='bitmap' bitmap='c1' size='[1-9][0-9]*'/>", text)
          and "<disk name='vdc' checkpoint='no'/>" in text, text)
    run(virsh, "backup-begin", "d", backup("inc", "vda", "vdb", inside="<incremental>c1</incremental>"),
        document("c2.xml", "<domaincheckpoint><name>c2</name><disks><disk name='vda'/>"
                 "</disks></domaincheckpoint>"))
    over(virsh)
    for name in ("vda", "vdb"):
        check(os.path.getsize(at(f"inc-{name}")) < os.path.getsize(at(f"full-{name}")) + (1 << 20)
              and min(blocks(at(f"inc-{name}"))) == 0, "only what has changed is there")
        image("rebase", "-u", "-F", "qcow2", "-b", at(f"full-{name}"), at(f"inc-{name}"))
        second = moment(at(f"inc-{name}"))
        check(second > first, f"{name}: the second is newer: {first}, {second}")
    check(run(vmsh, "checkpoint-list", "d", "--tree").split() == ["c1", "|", "+-", "c2"], "tree")


def ended(virsh, how):
    """the last job of the whole domain; of one that did not complete virsh tells no more"""
    text = run(virsh, "domjobinfo", "d", "--completed")
    check(re.search(rf"^Job type: +{how}", text), text)
    return text


def end_backup(virsh, *command):
    run(virsh, *(command or ("domjobabort", "d")))
    over(virsh)
    ended(virsh, "Cancelled")
    for name in ("vda", "vdb"):
        check(not os.path.exists(at(f"pull-{name}")), "the scratch file is gone")


def dirty(uri, bitmap):
    out = subprocess.run(["nbdinfo", "--json", f"--map=qemu:dirty-bitmap:{bitmap}", uri], check=True,
                         capture_output=True, text=True).stdout
    return sum(e["length"] for e in json.loads(out) if e["type"] & 1)


def pull(daemon, virsh, vmsh):
    """all of it through an NBD server, while the guest writes, and vmgrd ends and comes again"""
    server = f"<server transport='unix' socket='{at('nbd.sock')}'/>"
    run(virsh, "backup-begin", "d", backup("pull", "vda", "vdb", mode="pull",
                                           inside="<incremental>c1</incremental>" + server))
    began = written()
    text = run(virsh, "backup-dumpxml", "d")
    check("exportname='vda' exportbitmap='backup-vda'" in text and "made" not in text, text)
    for client in virsh, vmsh:
        info = run(client, "domjobinfo", "d")
        check(re.search(r"^Operation: +Backup *$", info, re.M), info)
    fails(vmsh, "another job is active", "dump", "d", at("core"), "--memory-only")
    fails(vmsh, "another backup job is already running", "backup-begin", "d",
          backup("again", "vda"))
    fails(virsh, "already in active block job", "blockpull", "d", "vda")
    goes_on(20)
    daemon.kill()
    goes_on()
    daemon.start()
    check(run(virsh, "backup-dumpxml", "d") == text, "the backup is known again")
    uris = {n: f"nbd+unix:///{n}?socket={at('nbd.sock')}" for n in ("vda", "vdb")}
    moments = []
    for name, uri in uris.items():
        check(0 < dirty(uri, f"backup-{name}") < SIZE, "the export says what has changed")
        subprocess.run(["nbdcopy", uri, at(f"copy-{name}")], check=True)
        moments.append(moment(at(f"copy-{name}"), "raw"))
    check(abs(moments[0] - moments[1]) <= 1 and moments[0] <= began + 2 < written(),
          f"both disks are as they were: {moments}, {began}, {written()}")
    image("convert", "-f", "raw", "-O", "qcow2", uris["vda"], at("converted"))
    check(moment(at("converted")) == moments[0], "the same with qemu-img")
    end_backup(vmsh)
    # by TCP, on a port that is free
    run(vmsh, "backup-begin", "d", backup("pull", "vda", mode="pull"))
    port = re.search(r"<server transport='tcp' name='localhost' port='(\d+)'/>",
                     run(virsh, "backup-dumpxml", "d"))
    check(port, "the port is told")
    sizes = subprocess.run(["nbdinfo", "--size", f"nbd://localhost:{port[1]}/vda"], check=True,
                           capture_output=True, text=True).stdout
    check(int(sizes) == SIZE, sizes)
    end_backup(virsh, "blockjob", "d", "vda", "--abort") # that of one disk ends all


def status():
    with open(at("root/run/vmgr/domains/d.d/status.xml"), encoding="utf-8") as f:
        return f.read()


def killed(daemon, virsh, vmsh):
    """vmgrd ends somewhere in a call; whatever there is then can be ended, and leaves nothing"""
    outcomes = set()
    begun = time.monotonic()
    run(virsh, "backup-begin", "d", backup("pull", "vda", "vdb", mode="pull"))
    whole = time.monotonic() - begun
    end_backup(vmsh)
    for n in range(8):
        checkpoint = document("k.xml", f"<domaincheckpoint><name>k{n}</name><disks>"
                              "<disk name='vda'/></disks></domaincheckpoint>")
        with subprocess.Popen([*virsh, "backup-begin", "d", backup("pull", "vda", "vdb", mode="pull"),
                               checkpoint], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as client:
            time.sleep(whole * (n + 1) / 8)
            daemon.kill()
            client.wait()
        daemon.start()
        until(lambda: "kind='backup' state='starting'" not in status(), "what was begun goes on or is undone")
        known = result(virsh, "backup-dumpxml", "d").returncode == 0
        outcomes.add(known)
        if known:
            port = re.search(r"port='(\d+)'", run(virsh, "backup-dumpxml", "d"))
            check(port, "the port is told")
            sizes = subprocess.run(["nbdinfo", "--size", f"nbd://localhost:{port[1]}/vdb"],
                                   check=False, capture_output=True, text=True).stdout
            check(sizes.strip() == str(SIZE), "what was left to do is done")
            end_backup(vmsh)
        check(not os.path.exists(at("pull-vda")), "the scratch file is gone")
        names = run(virsh, "checkpoint-list", "d", "--name").split()
        if f"k{n}" in names: # it may be one without a bitmap
            run(virsh, "checkpoint-delete", "d", f"k{n}")
        for command, words in (("query-block-exports", '"return":[]'),
                               ("query-block-jobs", '"return":[]')):
            out = run(virsh, "qemu-monitor-command", "d", json.dumps({"execute": command}))
            check(words in out.replace(" ", ""), f"{command}: {out}")
    print(f"backups that were known again: {sorted(outcomes)}", file=sys.stderr)
    # who ended it died before the emulator was told
    run(virsh, "backup-begin", "d", backup("pull", "vda", "vdb", mode="pull"))
    tear(daemon, "d", "(<job kind='backup' state=')running'", r"\1canceling'")
    over(virsh)
    check(not os.path.exists(at("pull-vda")), "the scratch file is gone")


def kill_emulator(virsh):
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{process}/cwd") == at("root/run/vmgr/domains/d.d"):
                os.kill(int(process), 9)
        except OSError:
            pass
    until(lambda: "shut off" in run(virsh, "domstate", "d"), "the guest is gone")


HOSTILE = (
    ("<domainsnapshot/>", "domainbackup"),
    ("<domainbackup", "domain_backup"),
    ("<domainbackup mode='both'/>", "'mode'"),
    ("<domainbackup><server transport='tcp'/></domainbackup>", "requires pull mode"),
    ("<domainbackup mode='pull'><server transport='rdma'/></domainbackup>", "rdma"),
    ("<domainbackup mode='pull'><server transport='unix' socket='x'/></domainbackup>", "absolute"),
    ("<domainbackup mode='pull'><server transport='unix'/></domainbackup>", "socket"),
    ("<domainbackup mode='pull'><server transport='tcp' tls='yes'/></domainbackup>", "TLS"),
    ("<domainbackup mode='pull'><server transport='tcp' port='70000'/></domainbackup>", "port"),
    ("<domainbackup><disks><disk/></disks></domainbackup>", "missing name"),
    ("<domainbackup><disks><disk name='vdz'/></disks></domainbackup>", "no disk named 'vdz'"),
    ("<domainbackup><disks><disk name='vda'/><disk name='vda'/></disks></domainbackup>", "twice"),
    ("<domainbackup><disks><disk name='vda' backup='no'/></disks></domainbackup>", "no disks"),
    ("<domainbackup><disks><disk name='vda'><scratch file='/x'/></disk></disks></domainbackup>",
     "for pull mode"),
    ("<domainbackup><disks><disk name='vda'><target file='x'/></disk></disks></domainbackup>",
     "absolute path"),
    ("<domainbackup><disks><disk name='vda'><driver type='vmdk'/></disk></disks></domainbackup>",
     "format 'vmdk'"),
    ("<domainbackup><incremental>no</incremental></domainbackup>",
     "no domain checkpoint with matching name 'no'"),
    ("<domainbackup><disks><disk name='vda'><target file='/nowhere/x'/></disk></disks>"
     "</domainbackup>", "/nowhere/x"),
    (f"<domainbackup><disks><disk name='vda'><target file='{at('vdb')}'/></disk></disks>"
     "</domainbackup>", "exists"),
    (f"<domainbackup><disks><disk name='vda'><target file='{at('one')}'/></disk><disk name='vdb'>"
     f"<target file='{at('one')}'/></disk></disks></domainbackup>", "same store"),
    (f"<domainbackup mode='pull'><server transport='unix' socket='/nowhere/s'/><disks>"
     f"<disk name='vda'><scratch file='{at('late')}'/></disk></disks></domainbackup>", "/nowhere/s"),
    ("<domainbackup>" + "<disks>" * 1000 + "</disks>" * 1000 + "</domainbackup>", "error"),
)


def refuse(daemon, virsh, vmsh):
    """documents that are wrong; nothing of them is left"""
    before = sorted(os.listdir(WORK))
    for text, words in HOSTILE:
        for program in (virsh, vmsh):
            with open(at("d.xml"), "w", encoding="utf-8") as f:
                f.write(text)
            fails(program, words, "backup-begin", "d", at("d.xml"))
    check(sorted(os.listdir(WORK)) == before, f"left: {set(os.listdir(WORK)) - set(before)}")
    fails(virsh, "no domain backup job present", "backup-dumpxml", "d")
    # of a second disk that fails nothing is left, nor of the checkpoint
    fails(virsh, "unsupported for storage type raw", "checkpoint-create-as", "d", "c3",
          "--diskspec", "vdc")
    fails(vmsh, "missing or broken bitmap 'c2' for disk 'vdb'", "backup-begin", "d",
          backup("broken", "vda", "vdb", inside="<incremental>c2</incremental>"),
          document("c3.xml", "<domaincheckpoint><name>c3</name><disks><disk name='vda'/></disks>"
                   "</domaincheckpoint>"))
    fails(virsh, "cannot make store", "backup-begin", "d", document(
        "late.xml", f"<domainbackup><disks><disk name='vda'><target file='{at('late')}'/></disk>"
        "<disk name='vdb'><target file='/nowhere/x'/></disk></disks></domainbackup>"), at("c3.xml"))
    check(not os.path.exists(at("late")), "a target that was made is gone")
    check(run(virsh, "checkpoint-list", "d", "--name").split() == ["c1", "c2"], "no third one")
    goes_on()
    check(daemon.process.poll() is None, "vmgrd lives")


def checkpoints(daemon, virsh, vmsh):
    """they are there after a restart of everything, and go"""
    fails(virsh, "domain moment c1 already exists", "checkpoint-create-as", "d", "c1",
          "--diskspec", "vda")
    saved = document("saved.xml", run(virsh, "checkpoint-dumpxml", "d", "c2", "--security-info"))
    run(vmsh, "checkpoint-delete", "d", "c2", "--metadata")
    fails(virsh, "no domain checkpoint with matching name 'c2'", "checkpoint-info", "d", "c2")
    run(virsh, "checkpoint-create", "d", saved, "--redefine", "--redefine-validate")
    check(run(virsh, "checkpoint-parent", "d", "c2").strip() == "c1", "c2 is back")
    with open(saved, encoding="utf-8") as f:
        wrong = document("wrong.xml", f.read().replace("bitmap='c2'", "bitmap='nix'"))
    fails(vmsh, "missing or broken bitmap 'nix'", "checkpoint-create", "d", wrong, "--redefine",
          "--redefine-validate")
    run(virsh, "destroy", "d")
    daemon.kill()
    daemon.start()
    fails(virsh, "cannot delete inactive domain with 2 checkpoints", "undefine", "d")
    fails(virsh, "inactive domain", "checkpoint-create-as", "d", "c9")
    fails(virsh, "inactive domain", "backup-begin", "d")
    fails(vmsh, "inactive domain", "checkpoint-delete", "d", "c1")
    fails(virsh, "cannot rename domain with checkpoints", "domrename", "d", "e")
    was = os.path.getsize(LOG)
    run(virsh, "start", "d")
    until(lambda: os.path.getsize(LOG) != was and written() > 2, "the guest writes again", 120)
    run(virsh, "backup-begin", "d", backup("later", "vda", inside="<incremental>c1</incremental>"))
    over(virsh)
    # bitmaps of an emulator that was killed are not to be trusted
    kill_emulator(virsh)
    was = os.path.getsize(LOG)
    run(virsh, "start", "d")
    until(lambda: os.path.getsize(LOG) != was and written() > 2, "the guest writes again", 120)
    fails(vmsh, "checkpoint inconsistent: missing or broken bitmap 'c1' for disk 'vda'",
          "backup-begin", "d", backup("lost", "vda", inside="<incremental>c1</incremental>"))
    run(virsh, "checkpoint-delete", "d", "c1", "--children-only")
    run(virsh, "checkpoint-delete", "d", "c1")
    run(virsh, "checkpoint-create-as", "d", "c1", "--diskspec", "vda")
    run(vmsh, "checkpoint-delete", "d", "c1")
    run(virsh, "destroy", "d")
    check("bitmaps" not in subprocess.run(["qemu-img", "info", at("vda")], check=True, text=True,
                                          capture_output=True).stdout, "no bitmap is left")
    run(virsh, "undefine", "d")


def main():
    for name in ("vda", "vdb"):
        image("create", "-f", "qcow2", at(name), str(SIZE))
    image("create", "-f", "raw", at("vdc"), "1M")
    document("d.xml", DOMAIN)
    daemon = Daemon(BUILD, at("root"), emulator=os.path.join(BUILD, "tools/vemu/vemu"))
    virsh = ["virsh", "-c", f"qemu+unix:///system?socket={daemon.socket}"]
    vmsh = [os.path.join(BUILD, "tools/vmsh/vmsh"), "-c", virsh[2]]
    run(virsh, "define", at("d.xml"))
    run(virsh, "start", "d")
    until(lambda: written() > 2, "the guest writes", 120)
    begun = time.monotonic()
    for step in (lambda: push(virsh, vmsh), lambda: pull(daemon, virsh, vmsh),
                 lambda: killed(daemon, virsh, vmsh), lambda: refuse(daemon, virsh, vmsh), lambda: checkpoints(daemon, virsh, vmsh)):
        step()
        print(f"{time.monotonic() - begun:.1f} s", file=sys.stderr)
    daemon.stop()


main()
