# SPDX-License-Identifier: LGPL-2.1-or-later
"""xml-corpus.py BUILD WORK DIRECTORY: documents in another order than libvirt writes them, defined on
libvirtd's test hypervisor and on ours. What both show must be the same but for the differences below;
what ours shows must be stable when it is defined again."""
import difflib
import glob
import os
import re
import subprocess
import sys

from libvirtd_daemon import Libvirtd
from vmgrd_daemon import Daemon, Raw, check

BUILD, WORK, CORPUS = sys.argv[1:4]

# Lines that one of the two has alone, with the reason.
EXPLAINED = {
    "libvirt writes what its test hypervisor adds to devices and controllers of its own making": [
        r"<target dev='testnet\d+'/>", r"<address type='(drive|ccid)' .*/>",
        r"<controller type='(sata|ccid)' index='0'/>", r"<hostdev .* managed='no'.*>",
        r"<model type='bochs' vram='16384' heads='1'/>"],
    "sizes are kept in the unit in which they were given": [
        r"<(hard_limit|soft_limit) .*", r"<soft_limit>.*", r"<cell id='0' cpus='0-3' .*/>"],
    "entries of sysinfo stay in the order in which they were given": [
        r"<entry name='\w+'>.*</entry>"],
    "libvirt forgets what is for a run, for the other kind of device, or is the default": [
        r"<source file='/d/a.qcow2' startupPolicy='optional'( index='3')?>",
        r"<reconnect delay='10'/>", r"<controller type='sata' index='0' ports='6'/>",
        r"<backend tap='/dev/net/tun'( vhost='/dev/vhost-net')?/>",
        r"<iothread id='4' .*>", r"<poll .*/>", r"</iothread>", r"<driver vgaconf='io'/>",
        r"<model type='(qxl|bochs)'.*/>", r"<msi .*/>", r"<hostdev mode='subsystem' type=.*>",
        r"<target type='virtio' port='[01]'/>"],
    "numbers are kept as they were written": [r"<usbdev class='0x08' .*/>"],
    "the two ends of a UDP port stay in the order in which they were given": [
        r"<source mode='(bind|connect)' host='[bh]' service='[12]'/>"],
    "a controller's card is an element that ours leaves empty": [
        r"</?smartcard.*>"],
}


def run(uri, *command):
    done = subprocess.run(["virsh", "-q", "-c", uri, *command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    check(done.returncode == 0, f"{uri} {command}: {done.stderr}")
    return done.stdout


def shown(uri, path, name):
    run(uri, "define", path)
    return run(uri, "dumpxml", "--inactive", name)


def explained(line):
    return any(re.fullmatch(pattern, line.strip()) for rows in EXPLAINED.values()
               for pattern in rows)


def disks_last(text):
    """libvirt sorts disks by bus and target; a definition here keeps its order"""
    disks = re.findall(r"    <disk .*?</disk>\n", text, re.S)
    rest = re.sub(r"    <disk .*?</disk>\n", "", text, flags=re.S)
    return rest + "".join(sorted(disks, key=lambda d: re.search(r"dev='(\w+)' bus|dev='(\w+)'/?",
                                                               d).group(0)))


def compare(name, theirs, ours):
    wrong = [line for line in difflib.ndiff(disks_last(theirs).splitlines(),
                                            disks_last(ours).splitlines())
             if line[0] in "+-" and not explained(line[2:])]
    for line in wrong:
        print(f"{name}: {line}")
    return len(wrong)


def main():
    libvirtd = Libvirtd(os.path.join(WORK, "libvirtd"))
    keep = Raw(libvirtd.socket, name="test:///default") # its state ends with its last client
    vmgrd = Daemon(BUILD, os.path.join(WORK, "vmgrd"), "--uri", "test:///default")
    wrong = 0
    try:
        theirs, ours = (f"test+unix:///default?socket={d.socket}" for d in (libvirtd, vmgrd))
        documents = sorted(glob.glob(os.path.join(CORPUS, "*.xml")))
        check(documents, f"there are documents in {CORPUS}")
        for path in documents:
            name = os.path.basename(path)[:-4]
            text = shown(ours, path, name)
            wrong += compare(name, shown(theirs, path, name), text)
            again = os.path.join(WORK, "again.xml")
            with open(again, "w", encoding="utf-8") as out:
                out.write(text)
            wrong += compare(name + " again", text, shown(ours, again, name))
            told = run(ours, "dominfo", name)
            check("Messages:" not in told, f"{name}: every element is known: {told}")
        # what nobody knows is told, and stays
        path = os.path.join(WORK, "unknown.xml")
        with open(path, "w", encoding="utf-8") as out:
            out.write("<domain type='test'><name>unknown</name><memory>1024</memory><os><type>hvm"
                      "</type></os><devices><disk type='file'><source file='/a' colour='red'/>"
                      "<target dev='vda'/><speed/></disk></devices><cputune><hurry/></cputune>"
                      "</domain>")
        text = shown(ours, path, "unknown")
        told = run(ours, "dominfo", "unknown")
        for what, message in ((" colour='red'", "unknown attribute 'colour' in element 'source'"),
                              ("<speed/>", "unknown element 'speed' in disk"),
                              ("<hurry/>", "unknown element 'hurry' in cputune")):
            check(what in text and message in told, f"{what}: {text}{told}")
    finally:
        keep.socket.close()
        libvirtd.stop()
        vmgrd.stop()
    print(f"{len(documents)} documents, {wrong} differences")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
