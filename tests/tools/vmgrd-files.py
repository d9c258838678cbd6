# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-files.py BUILD WORK: disks that clients hand over as descriptors, in real guests of users of
their own; who has them, for how long, and what is said when they are not there."""
import json
import os
import re
import struct
import subprocess
import sys

import libvirt
import libvirt_qemu

from vmgrd_daemon import Daemon, check, until

BUILD, WORK = sys.argv[1:3]
LOAD = 0x100000
NOT_ASSOCIATED = "file descriptor group '{}' was not associated with the domain"
libvirt.registerErrorHandler(lambda context, error: None, None)


def at(name):
    return os.path.join(WORK, name)


def fails(code, words, call, *args):
    try:
        call(*args)
    except libvirt.libvirtError as error:
        check(error.get_error_code() == code and words in str(error), f"{call}: {error}, expected '{words}'")
        return
    check(False, f"{call} should fail: {words}")


def kernel():
    """a guest that stands still (multiboot 0.6.96, 3.1.3)"""
    flags = 1 << 16
    header = struct.pack("<IIIIIIII", 0x1badb002, flags, -(0x1badb002 + flags) & 0xffffffff, LOAD, LOAD, 0, 0, LOAD + 32)
    with open(at("kernel"), "wb") as f:
        f.write(header + b"\xfa\xf4\xeb\xfd" + bytes(4096))
    return at("kernel")


def disk(target, group, bus="virtio", kind="raw", more="", path="/nowhere/disk"):
    return (f"<disk type='file'><driver name='qemu' type='{kind}'/><source file='{path}' fdgroup='{group}'/>"
            f"<target dev='{target}' bus='{bus}'/>{more}</disk>")


def document(disks, name="d"):
    return f"""<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type><kernel>{at("kernel")}</kernel></os>
<devices>{disks}<controller type='scsi' index='0' model='virtio-scsi'/></devices></domain>"""


def secret(name, size=1 << 20):
    """a file in a directory of root's alone"""
    os.makedirs(at("secret"), mode=0o700, exist_ok=True)
    path = os.path.join(WORK, "secret", name)
    with open(path, "wb") as f:
        f.truncate(size)
    os.chmod(path, 0o600)
    return path


def hand(dom, group, path, *ways):
    fds = [os.open(path, way | os.O_CLOEXEC) for way in ways]
    dom.FDAssociate(group, fds, 0)
    for fd in fds:
        os.close(fd)


def asks(dom, command, **arguments):
    text = json.dumps({"execute": command, "arguments": arguments})
    return json.loads(libvirt_qemu.qemuMonitorCommand(dom, text, 0))["return"]


def files(dom):
    return [node["file"] for node in asks(dom, "query-named-block-nodes")]


def is_own(daemon, name):
    with open(os.path.join(daemon.root, f"run/vmgr/domains/{name}.d/status.xml"), encoding="utf-8") as f:
        pid = re.search(r" pid='(\d+)'", f.read())[1]
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return int(re.search(r"^Uid:\t(\d+)", f.read(), re.M)[1]) != 0


def starts(daemon, conn):
    """what a start needs; the file has no name any more when it is used"""
    dom = conn.defineXML(document(disk("vda", "one")))
    check("fdgroup='one'" in dom.XMLDesc(), "the document has it")
    fails(libvirt.VIR_ERR_INVALID_ARG, NOT_ASSOCIATED.format("one"), dom.create)
    path = secret("disk")
    fails(libvirt.VIR_ERR_INVALID_ARG, "no name given", dom.FDAssociate, "", [0], 0)
    fails(libvirt.VIR_ERR_INVALID_ARG, "unsupported flags", dom.FDAssociate, "one", [0], 4)
    hand(dom, "other", path, os.O_RDWR)
    fails(libvirt.VIR_ERR_INVALID_ARG, NOT_ASSOCIATED.format("one"), dom.create)
    hand(dom, "one", path, os.O_RDONLY)
    fails(libvirt.VIR_ERR_INTERNAL_ERROR, "opened O_RDWR without O_DIRECT", dom.create)
    hand(dom, "one", path, os.O_RDONLY, os.O_RDWR)
    os.unlink(path)
    dom.create()
    check(any(re.fullmatch(r"/dev/fdset/\d+", name) for name in files(dom)), f"by descriptor: {files(dom)}")
    check(is_own(daemon, "d"), "the guest is a user of its own")
    check("file='/nowhere/disk' fdgroup='one'" in dom.XMLDesc(), dom.XMLDesc())
    return dom


def plugs(dom):
    """a disk that comes while the guest runs, and goes"""
    more = disk("sda", "two", bus="scsi")
    fails(libvirt.VIR_ERR_INVALID_ARG, NOT_ASSOCIATED.format("two"), dom.attachDevice, more)
    path = secret("two")
    hand(dom, "two", path, os.O_RDONLY)
    fails(libvirt.VIR_ERR_INTERNAL_ERROR, "opened O_RDWR", dom.attachDevice, more)
    check(len(asks(dom, "query-fdsets")) == 1, "nothing is left of that")
    hand(dom, "two", path, os.O_RDWR)
    os.unlink(path)
    dom.attachDevice(more)
    check(len(asks(dom, "query-fdsets")) == 2, "its set is there")
    dom.detachDevice(more)
    check(len(asks(dom, "query-fdsets")) == 1, "its set has gone")
    check("sda" not in dom.XMLDesc(), "and the disk")


def lasts(daemon, uri):
    """a group ends with the client that made it last; a guest keeps what it has"""
    first, second = libvirt.open(uri), libvirt.open(uri)
    dom = second.lookupByName("d")
    path = secret("lasts")
    hand(first.lookupByName("d"), "one", path, os.O_RDWR)
    dom.create()
    dom.destroy()
    dom.create() # a second start, by another client
    first.close()
    check(dom.isActive() and files(dom), "the guest keeps its disk")
    dom.destroy()
    until(lambda: not holds(daemon, path), "nobody else does")
    fails(libvirt.VIR_ERR_INVALID_ARG, NOT_ASSOCIATED.format("one"), dom.create)
    first = libvirt.open(uri)
    hand(first.lookupByName("d"), "one", path, os.O_RDONLY)
    hand(dom, "one", path, os.O_RDWR)
    first.close()
    check(second.isAlive() and second.getHostname(), "the first has gone")
    dom.create()
    daemon.kill() # the guest has it still
    second.close()
    daemon.start()
    conn = libvirt.open(uri)
    dom = conn.lookupByName("d")
    check(dom.isActive() and files(dom), "the guest keeps its disk without a daemon")
    dom.destroy()
    fails(libvirt.VIR_ERR_INVALID_ARG, NOT_ASSOCIATED.format("one"), dom.create)
    dom.undefine()
    conn.close()


def holds(daemon, path):
    inode = os.stat(path)
    for fd in os.listdir(f"/proc/{daemon.process.pid}/fd"):
        try:
            st = os.stat(f"/proc/{daemon.process.pid}/fd/{fd}")
        except OSError:
            continue
        if (st.st_dev, st.st_ino) == (inode.st_dev, inode.st_ino):
            return True
    return False


def behind(conn):
    """what an image stands on is opened by its name, with the guest's rights; read-only disks"""
    base, top = secret("base"), os.path.join(WORK, "secret", "top")
    tool = os.path.join(BUILD, "tools/vemu-img/vemu-img")
    subprocess.run([tool, "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", top], check=True)
    read = secret("read")
    dom = conn.createXML(document("", "b"), libvirt.VIR_DOMAIN_START_PAUSED)
    hand(dom, "top", top, os.O_RDWR)
    hand(dom, "read", read, os.O_RDWR)
    dom.attachDevice(disk("sda", "top", bus="scsi", kind="qcow2"))
    check(base in files(dom) or base in json.dumps(asks(dom, "query-block")), "its base is there")
    check(f"file='{base}'" in dom.XMLDesc() and "fdgroup='top'" in dom.XMLDesc(), dom.XMLDesc())
    more = disk("sdb", "read", bus="scsi", more="<readonly/>")
    fails(libvirt.VIR_ERR_INTERNAL_ERROR, "for reading alone, opened O_RDONLY", dom.attachDevice, more)
    hand(dom, "read", read, os.O_RDONLY)
    dom.attachDevice(more)
    hand(dom, "top", read, os.O_RDONLY) # else the locks of a guest that is killed stay with the group
    dom.destroy()
    # a name beside the image leads nowhere
    subprocess.run([tool, "rebase", "-q", "-u", "-b", "base", "-F", "raw", top], check=True)
    dom = conn.createXML(document("", "b"), libvirt.VIR_DOMAIN_START_PAUSED)
    hand(dom, "top", top, os.O_RDWR)
    fails(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "relative path", dom.attachDevice,
          disk("sda", "top", bus="scsi", kind="qcow2"))
    dom.destroy()


def drive(source):
    return f"<disk type='file' device='cdrom'>{source}<target dev='sda' bus='sata'/><readonly/></disk>"


def media(conn):
    """media that are handed over, of a drive that has one set of descriptors at a time"""
    dom = conn.createXML(document(drive(""), "m"), libvirt.VIR_DOMAIN_START_PAUSED)
    first, second = (drive(f"<source file='/nowhere/{group}' fdgroup='{group}'/>") for group in ("first", "second"))
    fails(libvirt.VIR_ERR_INVALID_ARG, NOT_ASSOCIATED.format("first"), dom.updateDeviceFlags, first, 0)
    for group, size in (("first", 1 << 20), ("second", 2 << 20)):
        path = secret(group, size)
        hand(dom, group, path, os.O_RDONLY)
        os.unlink(path)
    dom.updateDeviceFlags(first, 0)
    check(len(asks(dom, "query-fdsets")) == 1 and capacity(dom) == 1 << 20, "the first is there")
    fails(libvirt.VIR_ERR_INVALID_ARG, NOT_ASSOCIATED.format("third"), dom.updateDeviceFlags,
          drive("<source file='/nowhere/third' fdgroup='third'/>"), 0)
    check("fdgroup='first'" in dom.XMLDesc() and capacity(dom) == 1 << 20, "it stays")
    dom.updateDeviceFlags(second, 0)
    check(len(asks(dom, "query-fdsets")) == 1 and capacity(dom) == 2 << 20, "the second in its place")
    check("fdgroup='second'" in dom.XMLDesc() and "first" not in dom.XMLDesc(), dom.XMLDesc())
    dom.updateDeviceFlags(drive(""), 0)
    check(asks(dom, "query-fdsets") == [] and files(dom) == [], "nothing is left when it is ejected")
    dom.destroy()


def capacity(dom):
    return asks(dom, "query-block")[0]["inserted"]["image"]["virtual-size"]


def shell(uri):
    """vmsh, whose groups last as long as it does"""
    path = secret("shell")
    fd = os.open(path, os.O_RDWR)
    with open(at("s.xml"), "w", encoding="utf-8") as f:
        f.write(document(disk("vda", "one"), "s"))
    said = subprocess.run([os.path.join(BUILD, "tools/vmsh/vmsh"), "-c", uri.replace("qemu", "vemu", 1),
                           f"define {at('s.xml')}; dom-fd-associate s one --pass-fds {fd}; start s; domblklist s; "
                           "undefine s; dom-fd-associate s two 99"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, pass_fds=[fd], check=False).stdout
    os.close(fd)
    check("Domain 's' started" in said and "/nowhere/disk" in said, said)
    check("descriptor 99 in virDomainFDAssociate is not open" in said and "Domain 's' has been undefined" in said, said)
    libvirt.open(uri).lookupByName("s").destroy()


def nonsense(conn):
    words = "<source fdgroup='...'> is of disks of type 'file'"
    for text in (disk("vda", ""), disk("vda", "g").replace("'file'", "'block'").replace("file=", "dev="),
                 disk("vda", "g").replace("file='/nowhere/disk' ", "")):
        fails(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, words, conn.createXML, document(text, "n"))


def main():
    kernel()
    os.makedirs(at("root/etc/vmgr"))
    with open(at("root/etc/vmgr/vemu.conf"), "w", encoding="utf-8") as f:
        f.write("[vemu]\nguests_as=own\n")
    daemon = Daemon(BUILD, at("root"), emulator=os.path.join(BUILD, "tools/vemu/vemu"))
    uri = f"qemu+unix:///system?socket={daemon.socket}"
    conn = libvirt.open(uri)
    before = daemon.descriptors()
    nonsense(conn)
    dom = starts(daemon, conn)
    plugs(dom)
    dom.destroy()
    behind(conn)
    media(conn)
    shell(uri)
    del dom
    conn.close()
    # the client had one; one may have come to be told of changes in the directory
    until(lambda: daemon.descriptors() <= before, "all are closed with the client")
    lasts(daemon, uri)
    daemon.stop()


main()
