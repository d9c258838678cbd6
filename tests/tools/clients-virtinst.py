# SPDX-License-Identifier: LGPL-2.1-or-later
"""clients-virtinst.py BUILD WORK: virt-install, virt-clone and virt-xml on vmgrd. What they did is
looked at through virsh and vmsh, which say the same."""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

from vmgrd_daemon import Daemon, check

BUILD, WORK = sys.argv[1:3]
IMAGES = os.path.join(WORK, "images")
LINUX = "linux2020" # of libosinfo's: virtio for everything


class Host:
    def __init__(self):
        self.daemon = Daemon(BUILD, os.path.join(WORK, "root"))
        self.uri = f"qemu:///system?socket={self.daemon.socket}"
        # scratch images and caches of virtinst belong to its user
        self.env = {**os.environ, "LC_ALL": "C", "HOME": os.path.join(WORK, "home")}
        self.vmsh = os.path.join(BUILD, "tools/vmsh/vmsh")

    def run(self, *argv):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, env=self.env, check=False)
        return done.returncode, done.stdout + done.stderr

    def does(self, program, *options):
        status, output = self.run(program, "--connect", self.uri, *options)
        check(status == 0, f"{program} {' '.join(options)}: {output}")
        return output

    def install(self, name, *options, osinfo=LINUX, network="none"):
        return self.does("virt-install", "--name", name, "--memory", "64", "--vcpus", "1",
                         "--osinfo", osinfo, "--graphics", "none", "--noautoconsole",
                         "--network", network, *options)

    def asks(self, *command):
        """what virsh answers; vmsh answers the same"""
        theirs, ours = (self.run(client, "-q", "-c", self.uri, *command)
                        for client in ("virsh", self.vmsh))
        check(theirs == ours, f"{command}: virsh {theirs}, vmsh {ours}")
        check(theirs[0] == 0, f"{command}: {theirs[1]}")
        return theirs[1]

    def orders(self, *command):
        status, output = self.run(self.vmsh, "-q", "-c", self.uri, *command)
        check(status == 0, f"{command}: {output}")

    def document(self, name, *options):
        return ET.fromstring(self.asks("dumpxml", name, *options))

    def state(self, name):
        return self.asks("domstate", name).strip()

    def remove(self, *names):
        for name in names:
            self.run("virsh", "-c", self.uri, "destroy", name)
            self.orders("undefine", name)


def attribute(node, child, name):
    found = node.find(child)
    return None if found is None else found.get(name)


def disks(document):
    return [(d.get("type"), d.get("device"), attribute(d, "driver", "type"),
             attribute(d, "source", "file"), attribute(d, "target", "dev"),
             attribute(d, "target", "bus")) for d in document.iter("disk")]


def image(name, size="16M"):
    path = os.path.join(IMAGES, name)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, size], check=True)
    return path


def write(name, text):
    path = os.path.join(WORK, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def imports(host, base):
    """--import: what it writes starts, and the guest has it"""
    wanted = host.does("virt-install", "--name", "one", "--memory", "64", "--osinfo", LINUX,
                       "--graphics", "none", "--network", "none", "--import", "--disk", base,
                       "--print-xml")
    check("qemu-xhci" in wanted and 'machine="q35"' in wanted, f"what is asked for: {wanted}")
    check("one" not in host.asks("list", "--all", "--name"), "--print-xml makes nothing")
    host.install("one", "--import", "--disk", base)
    document = host.document("one")
    check(host.state("one") == "running", "one runs")
    check(disks(document) == [("file", "disk", "qcow2", base, "vda", "virtio")],
          f"disks: {disks(document)}")
    ports = document.findall("devices/controller[@model='pcie-root-port']")
    numbers = [int(port.get("index")) for port in ports]
    check(len(ports) >= 14 and numbers == list(range(1, len(ports) + 1)), f"ports: {numbers}")
    places = {tuple(sorted(p.find("address").attrib.items())) for p in ports}
    check(len(places) == len(ports), "each port has a place of its own")
    check(document.find("os/type").get("machine") == "q35", "q35")
    check(document.find("devices/channel/target").get("name") == "org.qemu.guest_agent.0", "agent")
    # known when the start is answered, not some time later
    _, told = host.run("virsh", "-q", "-c", host.uri, "destroy one; start one; dumpxml one")
    check("name='org.qemu.guest_agent.0' state='disconnected'" in told, f"agent: {told}")
    check("libosinfo.org" in host.asks("dumpxml", "one"), "metadata is kept")
    told = host.asks("dominfo", "one")
    for text in ("controllers of type 'usb' are not given", "'catchup' of timer 'rtc' is not given"):
        check(text in told, f"dominfo tells {text}: {told}")
    # --boot, --autostart, --metadata, a path in no pool: one is made
    host.install("two", "--disk", "none", "--import", "--boot", "kernel=/dev/null,initrd=/dev/null,"
                 "kernel_args=console=ttyS0", "--autostart", "--metadata", "title=T,description=D",
                 network="user,mac=52:54:00:00:00:02")
    document = host.document("two", "--inactive")
    check(document.find("os/kernel").text == "/dev/null", "kernel")
    check(document.find("os/cmdline").text == "console=ttyS0", "cmdline")
    check(document.find("devices/interface/mac").get("address") == "52:54:00:00:00:02", "mac")
    check(document.find("devices/interface/model").get("type") == "virtio", "a virtio card")
    check(host.asks("desc", "two", "--title").strip() == "T", "title")
    check("Autostart:      enable" in host.asks("dominfo", "two"), "autostart")
    pools = host.asks("pool-list", "--all")
    check(re.search(r"images +active +yes", pools), f"a pool for the directory: {pools}")


def disks_of_all_kinds(host, base):
    path = os.path.join(IMAGES, "three.qcow2")
    host.install("three", "--import", "--disk", f"path={path},size=1",
                 "--disk", "pool=images,size=1,format=raw,bus=scsi,serial=S-1,cache=none",
                 "--disk", f"pool=images,size=1,backing_store={base}", "--disk", "device=cdrom,bus=sata")
    found = disks(host.document("three", "--inactive"))
    check([d[1:3] + d[4:] for d in found if d[1] == "disk"] ==
          [("disk", "qcow2", "vda", "virtio"), ("disk", "raw", "sda", "scsi"),
           ("disk", "qcow2", "vdb", "virtio")], f"disks: {found}")
    check(found[0][3] == path, f"path: {found}")
    backed = [d[3] for d in found if d[4] == "vdb"][0]
    volume = host.asks("vol-dumpxml", os.path.basename(backed), "--pool", "images")
    check(f"<path>{base}</path>" in volume, f"a volume on a base: {volume}")
    host.orders("vol-create-as", "images", "given", "8M", "--format", "qcow2")
    host.install("four", "--import", "--transient", "--disk", "vol=images/given")
    check("four" in host.asks("list", "--transient", "--name").split(), "a transient guest")
    status, output = host.run("virt-install", "--connect", host.uri, "--name", "five", "--memory",
                              "64", "--osinfo", LINUX, "--graphics", "none", "--noautoconsole",
                              "--network", "none", "--import", "--disk", "vol=images/given")
    check(status != 0 and "already in use by other guests ['four']" in output,
          f"a disk in use: {output}")
    # what this emulator has not is refused by name, and nothing is left
    status, output = host.run("virt-install", "--connect", host.uri, "--name", "five", "--memory",
                              "64", "--osinfo", LINUX, "--graphics", "none", "--noautoconsole",
                              "--network", "none", "--import", "--disk", "none", "--sound", "ich9")
    check(status != 0 and "<sound> is not supported" in output, f"sound: {output}")
    check("five" not in host.asks("list", "--all", "--name").split(), "nothing is left")
    host.orders("destroy", "four")
    check("four" not in host.asks("list", "--all", "--name").split(), "a transient guest goes")
    host.remove("three")


def installs(host, base):
    """--install: a first run with the kernel, the definition without; --cloud-init: a disk made on
    the way"""
    host.install("six", "--disk", f"pool=images,size=1,backing_store={base}",
                 "--install", "kernel=/dev/null,initrd=/dev/null,kernel_args=auto")
    check(host.document("six").find("os/kernel") is not None, "the first run has the kernel")
    check(host.document("six", "--inactive").find("os/kernel") is None, "the next has not")
    host.remove("six")
    if not any(os.path.exists(f"/usr/bin/{program}") for program in ("xorriso", "genisoimage",
                                                                     "mkisofs")):
        print("no xorriso: --cloud-init is not tested")
        return
    data = write("user-data", "#cloud-config\nhostname: seven\n")
    host.install("seven", "--import", "--disk", f"pool=images,size=1,backing_store={base}",
                 "--cloud-init", f"user-data={data}")
    cdroms = [d for d in disks(host.document("seven")) if d[1] == "cdrom"]
    check(len(cdroms) == 1 and cdroms[0][3].endswith("-cloudinit.iso"), f"{cdroms}")
    check(host.document("seven").find("sysinfo/system/entry").text == "ds=nocloud", "its run")
    host.remove("seven")


def clones(host, base):
    host.orders("destroy", "one")
    host.orders("destroy", "two")
    host.does("virt-clone", "--original", "one", "--name", "copy", "--auto-clone")
    document = host.document("copy")
    copied = disks(document)[0][3]
    check(copied != base and os.path.exists(copied), f"a disk of its own: {copied}")
    check(document.find("uuid").text != host.document("one").find("uuid").text, "a new UUID")
    path = os.path.join(IMAGES, "kept")
    image("kept")
    host.does("virt-clone", "--original", "two", "--name", "twin", "--auto-clone")
    check(host.document("twin").find("devices/interface/mac").get("address") !=
          "52:54:00:00:00:02", "a new MAC address")
    host.does("virt-clone", "--original", "one", "--name", "kept", "--preserve-data",
              "--file", path, "--check", "path_in_use=off")
    check(disks(host.document("kept"))[0][3] == path, "data that was there")
    status, output = host.run("virt-clone", "--connect", host.uri, "--original", "one", "--name",
                              "copy", "--auto-clone")
    check(status != 0 and "already in use" in output, f"a name in use: {output}")
    host.orders("undefine", "copy", "--remove-all-storage")
    check(not os.path.exists(copied), "its storage goes with it")
    host.remove("twin", "kept")


def changes(host):
    def xml(name, *options):
        return host.does("virt-xml", name, *options)

    disk = os.path.join(IMAGES, "more.raw")
    xml("one", "--edit", "--memory", "128", "--define")
    check("131072 KiB" in host.asks("dominfo", "one"), "memory")
    xml("one", "--edit", "--vcpus", "2")
    check(host.asks("vcpucount", "one", "--config", "--maximum").strip() == "2", "vcpus")
    xml("one", "--edit", "--metadata", "title=new")
    check(host.asks("desc", "one", "--title").strip() == "new", "title")
    xml("one", "--add-device", "--watchdog", "i6300esb,action=poweroff")
    check(host.document("one").find("devices/watchdog").get("action") == "poweroff", "watchdog")
    xml("one", "--edit", "--watchdog", "action=reset")
    check(host.document("one").find("devices/watchdog").get("action") == "reset", "edit a device")
    xml("one", "--remove-device", "--watchdog", "all")
    check(host.document("one").find("devices/watchdog") is None, "remove a device")
    told = xml("one", "--edit", "--memory", "64", "--print-xml")
    check(">65536</currentMemory>" in told, f"--print-xml: {told}")
    check("131072 KiB" in host.asks("dominfo", "one"), "--print-xml changes nothing")
    # while it runs, and for the next time
    host.orders("start", "one")
    xml("one", "--add-device", "--disk", f"{disk},size=1,format=raw,target=vdb", "--update")
    for options in ([], ["--inactive"]):
        targets = [d[4] for d in disks(host.document("one", *options))]
        check(targets == ["vda", "vdb"], f"{options}: {targets}")
    xml("one", "--remove-device", "--disk", "target=vdb", "--update")
    for options in ([], ["--inactive"]):
        targets = [d[4] for d in disks(host.document("one", *options))]
        check(targets == ["vda"], f"{options}: {targets}")
    told = xml("one", "--edit", "--vcpus", "1", "--define")
    check("after the domain is fully powered off" in told, f"when it counts: {told}")
    host.remove("one", "two")


def firmware(host):
    """--boot uefi, and an image that is named: each guest has a file with variables, and each clone"""
    code = "/usr/share/OVMF/OVMF_CODE_4M.fd"
    if "<value>efi</value>" not in host.asks("domcapabilities", "--machine", "q35") or not os.path.exists(code):
        print("no UEFI firmware with a descriptor: virt-install --boot uefi is not tested")
        return
    for name, boot in (("uefi", "uefi"), ("named", f"loader={code},loader.readonly=yes,loader.type=pflash")):
        host.install(name, "--import", "--disk", image(f"{name}.qcow2"), "--boot", f"{boot},bootmenu.enable=no")
        nvram = host.document(name).find("os/nvram")
        check(os.path.exists(nvram.text), f"{name}: {nvram.text}")
        check(os.path.samefile(os.path.dirname(nvram.get("template")), os.path.dirname(code)), nvram.get("template"))
        check(host.document(name).find("os").get("firmware") is None, "it is chosen")
        check((host.document(name, "--inactive").find("os").get("firmware") == "efi") == (name == "uefi"), name)
        with open(nvram.text, "r+b") as out:
            out.write(name.encode())
        host.orders("destroy", name)
        host.does("virt-clone", "--original", name, "--name", f"{name}2", "--auto-clone")
        host.orders("start", f"{name}2")
        clone = host.document(f"{name}2").find("os/nvram").text
        check(clone != nvram.text and os.path.getsize(clone) == os.path.getsize(nvram.text), f"{clone}, {nvram.text}")
        host.orders("destroy", f"{name}2")
        for domain, path in ((name, nvram.text), (f"{name}2", clone)):
            host.orders("undefine", "--nvram", domain)
            check(not os.path.exists(path), f"{path} is left")


def main():
    os.makedirs(IMAGES)
    host = Host()
    try:
        base = image("base.qcow2")
        imports(host, base)
        disks_of_all_kinds(host, base)
        installs(host, base)
        clones(host, base)
        changes(host)
        firmware(host)
    finally:
        host.daemon.stop()


if __name__ == "__main__":
    main()
