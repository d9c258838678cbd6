# SPDX-License-Identifier: LGPL-2.1-or-later
"""clients-dbus.py BUILD WORK: libvirt-dbus, unmodified, on a bus and on sockets of its own: what Cockpit
asks for and hears."""
import os
import re
import shutil
import signal
import subprocess
import sys

from vmgrd_daemon import UUID, Daemon, check, document, until

BUILD, WORK = sys.argv[1:3]
PROGRAM = shutil.which("libvirt-dbus", path="/usr/sbin:/usr/bin")
NAME = "org.libvirt"
BUS = "system" if os.geteuid() == 0 else "session"
CONFIG = """<busconfig><type>session</type><listen>unix:path={}/bus</listen><auth>EXTERNAL</auth>
<policy context='default'><allow send_destination='*'/><allow own='*'/>
<allow receive_sender='*'/></policy></busconfig>"""


class Bus:
    """A bus and libvirt-dbus on it. That has libvirt's own addresses built in, so the daemon's socket
    is where libvirtd has its own: below /run (the caller's namespace) for root, else the user's."""

    def __init__(self, daemon):
        path = os.path.join(WORK, "bus.conf")
        with open(path, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(WORK))
        run = "/run/libvirt" if os.geteuid() == 0 else os.path.join(WORK, "run/libvirt")
        os.makedirs(run, exist_ok=True)
        check(not os.listdir(run), f"{run} is nobody's: run me through clients-virtinst.sh")
        for name in ("libvirt-sock", "virtqemud-sock"):
            os.symlink(daemon.socket, os.path.join(run, name))
        self.env = {**os.environ, f"DBUS_{BUS.upper()}_BUS_ADDRESS": f"unix:path={WORK}/bus",
                    "XDG_RUNTIME_DIR": os.path.join(WORK, "run"), "HOME": WORK, "LC_ALL": "C"}
        # no libvirtd may be started by the library, nor is one asked for elsewhere
        self.env["LIBVIRT_AUTOSTART"] = "0"
        self.programs = []
        self.start("dbus-daemon", f"--config-file={path}", "--nofork")
        until(lambda: os.path.exists(f"{WORK}/bus"), "the bus", 30)
        self.start(PROGRAM, "--" + BUS)
        until(lambda: self.ask("/org/libvirt/QEMU", "org.freedesktop.DBus.Peer.Ping")[0] == 0,
              "libvirt-dbus answers", 30)
        self.heard = os.path.join(WORK, "heard")
        with open(self.heard, "w", encoding="utf-8") as out:
            self.start("gdbus", "monitor", "--" + BUS, "--dest", NAME,
                       stdout=out)

    def start(self, *argv, stdout=subprocess.DEVNULL):
        self.programs.append(subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL,
                                              stdout=stdout, stderr=subprocess.DEVNULL))

    def ask(self, path, method, *arguments):
        done = subprocess.run(["gdbus", "call", "--" + BUS, "--dest", NAME, "--object-path", path,
                               "--method", method, *arguments], env=self.env, capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
        return done.returncode, done.stdout + done.stderr

    def connect(self, method, *arguments):
        return self.tell("/org/libvirt/QEMU", "org.libvirt.Connect." + method, *arguments)

    def tell(self, path, method, *arguments):
        status, output = self.ask(path, method, *arguments)
        check(status == 0, f"{method}{arguments}: {output}")
        return output

    def get(self, path, kind, name):
        return self.tell(path, "org.freedesktop.DBus.Properties.Get", "org.libvirt." + kind, name)

    def hears(self, text):
        def told():
            with open(self.heard, encoding="utf-8") as file:
                return text in file.read()
        until(told, f"libvirt-dbus signals {text}", 60)

    def all(self, path, kind):
        """every property of an object, as Cockpit asks for them"""
        return self.tell(path, "org.freedesktop.DBus.Properties.GetAll", "org.libvirt." + kind)

    def stop(self):
        for program in reversed(self.programs):
            program.send_signal(signal.SIGTERM)
            program.wait(20)


def path_of(answer):
    return answer.split("'")[1]


def questions(bus):
    check("9000000" in bus.get("/org/libvirt/QEMU", "Connect", "LibVersion"), "LibVersion")
    check("<capabilities>" in bus.connect("GetCapabilities"), "capabilities")
    domain = path_of(bus.connect("DomainDefineXML", document("g")))
    bus.hears("DomainEvent")
    check(domain in bus.connect("ListDomains", "0"), "ListDomains")
    check(domain == path_of(bus.connect("DomainLookupByName", "g")), "DomainLookupByName")
    check(domain == path_of(bus.connect("DomainLookupByUUID", UUID)), "DomainLookupByUUID")
    check("'g'" in bus.get(domain, "Domain", "Name"), "Name")
    check("false" in bus.get(domain, "Domain", "Active"), "Active")
    bus.tell(domain, "org.libvirt.Domain.Create", "0")
    check("true" in bus.get(domain, "Domain", "Active"), "Active")
    check("<name>g</name>" in bus.tell(domain, "org.libvirt.Domain.GetXMLDesc", "0"), "GetXMLDesc")
    check("state.state" in bus.tell(domain, "org.libvirt.Domain.GetStats", "0", "0"), "GetStats")
    check("state.state" in bus.connect("GetAllDomainStats", "0", "0"), "GetAllDomainStats")
    pool = path_of(bus.connect("StoragePoolDefineXML", f"<pool type='dir'><name>p</name><target><path>"
                               f"{WORK}/pool</path></target></pool>", "0"))
    bus.tell(pool, "org.libvirt.StoragePool.Build", "0")
    bus.tell(pool, "org.libvirt.StoragePool.Create", "0")
    volume = path_of(bus.tell(pool, "org.libvirt.StoragePool.StorageVolCreateXML", "<volume><name>v"
                              "</name><capacity unit='MiB'>1</capacity></volume>", "0"))
    check("'v'" in bus.get(volume, "StorageVol", "Name"), "a volume's name")
    bus.tell(volume, "org.libvirt.StorageVol.Delete", "0")
    bus.tell(pool, "org.libvirt.StoragePool.Destroy")
    bus.tell(pool, "org.libvirt.StoragePool.Undefine")
    network = path_of(bus.connect("NetworkDefineXML", "<network><name>n</name></network>"))
    check(network in bus.connect("ListNetworks", "0"), "ListNetworks")
    bus.tell(network, "org.libvirt.Network.Undefine")
    bus.hears("NetworkEvent")
    bus.tell(domain, "org.libvirt.Domain.Destroy", "0")
    bus.tell(domain, "org.libvirt.Domain.Undefine", "0")
    check(domain not in bus.connect("ListDomains", "0"), "the domain is gone")
    status, output = bus.ask("/org/libvirt/QEMU", "org.libvirt.Connect.DomainLookupByName", "g")
    check(status != 0 and "Domain not found" in output, f"an error by name: {output}")


def cockpit(bus):
    """what Cockpit's page of machines asks for when it opens: each kind of object, and all about each"""
    domain = path_of(bus.connect("DomainDefineXML", document("c")))
    known = bus.all(domain, "Domain")
    for name in ("'Active': <<false>>", "'Autostart': <<false>>", "'Name': <<'c'>>", "'Persistent': <<true>>"):
        check(name in known, f"a domain's properties: {name} in {known}")
    check("<name>c</name>" in bus.tell(domain, "org.libvirt.Domain.GetXMLDesc", "2"), "its definition")
    devices = bus.connect("ListNodeDevices", "0")
    check("/org/libvirt/QEMU/nodedev/" in devices, f"node devices: {devices}")
    device = re.search(r"/org/libvirt/QEMU/nodedev/\w*computer\w*", devices).group(0)
    check("<device>" in bus.tell(device, "org.libvirt.NodeDevice.GetXMLDesc", "0"), "a device's description")
    for path in re.findall(r"/org/libvirt/QEMU/interface/\w+", bus.connect("ListInterfaces", "0")):
        check("<interface" in bus.tell(path, "org.libvirt.Interface.GetXMLDesc", "0"), "an interface's description")
    check("/org/libvirt/QEMU/nwfilter/" in bus.connect("ListNWFilters", "0"), "filters")
    for kind in ("StoragePools", "Networks", "Secrets"):
        bus.connect("List" + kind, "0")
    secret = path_of(bus.connect("SecretDefineXML", "<secret><usage type='volume'><volume>/v</volume></usage>"
                                 "</secret>", "0"))
    bus.hears("SecretEvent")
    check("'/v'" in bus.get(secret, "Secret", "UsageID"), "what a secret is for")
    bus.tell(secret, "org.libvirt.Secret.Undefine")
    status, output = bus.ask(domain, "org.libvirt.Domain.ListDomainSnapshots", "0")
    check(status != 0 and "not supported by the connection driver" in output, f"snapshots: {output}")
    bus.tell(domain, "org.libvirt.Domain.Undefine", "0")


def main():
    for program in (PROGRAM, shutil.which("dbus-daemon"), shutil.which("gdbus")):
        if not program:
            print("no libvirt-dbus, dbus-daemon or gdbus: it is not tested")
            sys.exit(77)
    daemon = Daemon(BUILD, os.path.join(WORK, "root"))
    bus = None
    try:
        bus = Bus(daemon)
        questions(bus)
        cockpit(bus)
    finally:
        if bus:
            bus.stop()
        daemon.stop()


if __name__ == "__main__":
    main()
