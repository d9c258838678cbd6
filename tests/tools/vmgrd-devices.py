# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-devices.py BUILD WORK KERNEL: devices of a guest that runs, through virsh and vmgrd."""
import os
import re
import subprocess
import sys

from vmgrd_daemon import Daemon, check, run, until

BUILD, WORK, KERNEL = sys.argv[1:4]
SOAK = os.environ.get("VEMU_TEST_SOAK") == "1"
LOG = os.path.join(WORK, "serial")
IMAGES = [os.path.join(WORK, f"disk{n}") for n in range(2)]
DOMAIN = f"""<domain type='qemu'><name>d</name>
<uuid>00000000-0000-4000-8000-0000000000d1</uuid><memory unit='MiB'>256</memory>
<vcpu current='2'>4</vcpu>
<vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='3' enabled='yes' hotpluggable='yes'/></vcpus><os><type arch='x86_64' machine='q35'>hvm</type>
<kernel>{KERNEL}</kernel><initrd>{WORK}/initramfs</initrd><cmdline>console=ttyS0 quiet</cmdline><smbios mode='sysinfo'/></os>
<sysinfo type='smbios'><system><entry name='serial'>S-1, 2</entry></system>
<baseBoard><entry name='asset'>A 7</entry></baseBoard></sysinfo>
<sysinfo type='fwcfg'><entry name='opt/test/file' file='{WORK}/told'/></sysinfo>
<devices><serial type='file'><source path='{LOG}'/></serial>
<disk type='file'><driver type='raw'/><source file='{IMAGES[0]}'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sdc' bus='sata'/></disk>
<controller type='virtio-serial' index='0'/>
<memballoon model='virtio'/></devices></domain>"""


def guest_says(text):
    """the last state that the guest told is this one"""
    def last():
        with open(LOG, encoding="utf-8", errors="replace") as log:
            told = re.findall(r"^T: (.*)\.$", log.read().replace("\r", ""), re.M)
        return told and told[-1] == text
    until(last, f"the guest says {text}", 120)


CHANNEL = "<channel type='unix'><source mode='bind'/><target type='virtio' name='org.test.late'/></channel>"


def port_says(text):
    """what ports the guest told last"""
    until(lambda: (re.findall(r"^P: (.*) \.$", contents(LOG).replace("\r", ""), re.M) or [""])[-1] == text,
          f"the guest has the ports: {text}", 120)


def contents(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def await_listener(virsh, heard):
    """virsh does not say when it listens: something happens until it tells"""
    titles = iter(range(1000))

    def told():
        run(virsh, "desc", "d", "--live", "--title", f"t{next(titles)}")
        return "metadata-change" in contents(heard)
    until(told, "virsh listens")


def main():
    for image in IMAGES:
        with open(image, "wb") as f:
            f.truncate(8 << 20)
    with open(f"{WORK}/told", "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write("by a file")
    path = os.path.join(WORK, "d.xml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(DOMAIN)
    daemon = Daemon(BUILD, os.path.join(WORK, "root"), emulator=os.path.join(BUILD, "tools/vemu/vemu"))
    virsh = ["virsh", "-c", f"qemu+unix:///system?socket={daemon.socket}"]
    vmsh = [os.path.join(BUILD, "tools/vmsh/vmsh"), "-c", "vemu:///system", "--root", daemon.root]
    run(virsh, "define", path)
    run(virsh, "start", "d")
    guest_says("vda lo 2")
    check("S: S-1, 2, A 7, by a file." in contents(LOG), "what SMBIOS and fw_cfg tell the guest")
    heard = os.path.join(WORK, "events")
    with open(heard, "w", encoding="utf-8") as out, \
            subprocess.Popen(["stdbuf", "-oL", *virsh, "event", "--all", "--loop", "--timeout", "200"],
                             stdout=out) as events:
        await_listener(virsh, heard)
        # a disk comes and goes, each time under the same name; a guest takes 5 s to let it go
        for _ in range(10 if SOAK else 1):
            check(run(virsh, "attach-disk", "d", IMAGES[1], "vdb", "--live", "--subdriver", "raw")
                  == "Disk attached successfully\n\n", "attach-disk")
            guest_says("vda vdb lo 2")
            check("block.2.rd.bytes=" in run(virsh, "domstats", "d", "--block"), "domstats")
            run(vmsh, "detach-disk", "d", "vdb")
            guest_says("vda lo 2")
        # a card, by vmsh; both print the same about it
        run(vmsh, "attach-interface", "d", "user", "x", "--mac", "52:54:00:00:00:0d", "--model",
            "virtio")
        guest_says("vda eth0 lo 2")
        for command in (["domiflist", "d"], ["domblklist", "d", "--details"], ["vcpucount", "d"],
                        ["domblkinfo", "d", "--all"], ["domif-getlink", "d", "52:54:00:00:00:0d"]):
            ours, theirs = run(vmsh, *command), run(virsh, *command)
            check(ours == theirs, f"{command}: vmsh {ours}, virsh {theirs}")
        net = "eth0 "
        if SOAK:
            run(virsh, "detach-interface", "d", "user", "--mac", "52:54:00:00:00:0d")
            net = ""
        # a channel
        path = os.path.join(WORK, "channel.xml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(CHANNEL)
        run(virsh, "attach-device", "d", path, "--live")
        port_says("org.test.late")
        check("org.test.late" in run(virsh, "dumpxml", "d"), "a channel that came late")
        run(virsh, "detach-device-alias", "d", "channel0", "--live")
        port_says("none")
        until(lambda: "org.test.late" not in run(virsh, "dumpxml", "d"), "the channel has gone")
        # vCPUs and memory
        run(virsh, "setvcpus", "d", "3", "--live")
        guest_says(f"vda {net}lo 3")
        run(vmsh, "setvcpu", "d", "3", "--disable", "--live")
        guest_says(f"vda {net}lo 2")
        check("<vcpu id='1' enabled='yes' hotpluggable='yes' order='2'/>" in run(virsh, "dumpxml", "d"),
              "a vCPU that came later")
        run(virsh, "setmem", "d", "200M")
        until(lambda: "actual 204800" in run(virsh, "dommemstat", "d"), "the balloon")
        # a medium
        run(virsh, "change-media", "d", "sdc", IMAGES[1], "--insert")
        run(virsh, "change-media", "d", "sdc", "--eject")
        run(virsh, "inject-nmi", "d")
        for expected in ("'device-added' for domain 'd': virtio-disk1",
                         "'device-removed' for domain 'd': virtio-disk1",
                         "'device-added' for domain 'd': net0",
                         "'balloon-change' for domain 'd': 204800KiB",
                         f"'disk-change' for domain 'd' disk sata0-0-2: {IMAGES[1]} -> "):
            until(lambda text=expected: text in contents(heard), f"event {expected}")
        # vmgrd may end: the devices are still known
        daemon.kill()
        daemon.start()
        check("vda" in run(virsh, "domblklist", "d"), "domblklist after vmgrd ended")
        events.terminate()
    run(virsh, "destroy", "d")
    run(virsh, "undefine", "d")
    daemon.stop()


main()
