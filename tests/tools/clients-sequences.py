# SPDX-License-Identifier: LGPL-2.1-or-later
"""clients-sequences.py BUILD WORK: what virt-viewer, virt-manager and OpenStack's compute service ask of a daemon, in
their order, replayed with python3-libvirt on vmgrd: those programs need a screen, or a cloud. The order of calls is
what recordings of the programs showed."""
import os
import re
import sys
import threading
import xml.etree.ElementTree as ET

import libvirt

from vmgrd_daemon import Daemon, check, document, until

BUILD, WORK = sys.argv[1:3]
NETWORK = "<network><name>n</name><bridge name='vmgr-none'/><ip address='10.9.9.1' prefix='24'/></network>"


def refused(procedure, call, *args):
    """by the procedure's name, which clients take for "not there" and go on"""
    try:
        call(*args)
    except libvirt.libvirtError as error:
        check(error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT and procedure in error.get_error_message(),
              f"{procedure} is refused by name: {error}")
        return
    check(False, f"{procedure} is refused")


def fails(code, words, call, *args):
    try:
        call(*args)
    except libvirt.libvirtError as error:
        check(error.get_error_code() == code and words in error.get_error_message(), f"{words}: {error}")
        return
    check(False, f"fails with {words}")


def start_loop():
    libvirt.virEventRegisterDefaultImpl()

    def turn():
        while True:
            libvirt.virEventRunDefaultImpl()
    threading.Thread(target=turn, daemon=True).start()


def viewer(uri):
    """virt-viewer: read-only, waits for the guest, wants to know where its display is"""
    conn = libvirt.openAuth(uri, [[libvirt.VIR_CRED_AUTHNAME, libvirt.VIR_CRED_PASSPHRASE], lambda *_: -1, None],
                            libvirt.VIR_CONNECT_RO)
    heard = []
    conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                lambda _c, dom, event, _d, _o: heard.append((dom.name(), event)), None)
    conn.registerCloseCallback(lambda *_: None, None)
    conn.setKeepAlive(5, 3)
    fails(libvirt.VIR_ERR_NO_DOMAIN, "nosuch", conn.lookupByName, "nosuch")
    dom = conn.lookupByName("g")
    check(conn.lookupByUUID(dom.UUID()).ID() == conn.lookupByID(dom.ID()).ID(), "found by each of its names")
    check(dom.state()[0] == libvirt.VIR_DOMAIN_RUNNING, "it runs")
    tree = ET.fromstring(dom.XMLDesc())
    check(tree.find("devices/graphics") is None, "no display: virt-viewer says that it cannot determine its type")
    fails(libvirt.VIR_ERR_OPERATION_DENIED, "read only access", dom.openConsole, None, conn.newStream(0), 0)
    return conn, heard


def viewer_sees_the_end(conn, heard):
    until(lambda: ("g", libvirt.VIR_DOMAIN_EVENT_STOPPED) in heard, f"virt-viewer hears that its guest ended: {heard}")
    conn.close()


def listens(conn, heard):
    """virt-manager's registrations"""
    for event in (0, 13, 10, 15, 19, 18, 23):
        conn.domainEventRegisterAny(None, event, lambda _c, dom, *_: heard.append(("domain", dom.name())), None)
    conn.networkEventRegisterAny(None, 0, lambda _c, net, *_: heard.append(("network", net.name())), None)
    for event in (0, 1):
        conn.storagePoolEventRegisterAny(None, event, lambda _c, pool, *_: heard.append(("pool", pool.name())), None)
        conn.nodeDeviceEventRegisterAny(None, event, lambda _c, dev, *_: heard.append(("device", dev.name())), None)


def manager(uri):
    """virt-manager: everything there is, then each thing, then what happens"""
    conn, heard = libvirt.open(uri), []
    check(conn.getURI().startswith("qemu") and conn.getType() == "QEMU", "what it talks to")
    check(conn.getVersion() == 7002000 and conn.getLibVersion() == 9000000, "whose interfaces there are")
    check("<capabilities>" in conn.getCapabilities() and conn.getInfo()[1] > 0, "the host")
    check("<domainCapabilities>" in conn.getDomainCapabilities(None, "x86_64", "q35", "qemu"), "what guests may have")
    listens(conn, heard)
    check([dom.name() for dom in conn.listAllDomains()] == ["g"], "guests")
    check([conn.listAllNetworks(), conn.listAllStoragePools(), conn.listAllSecrets()] == [[], [], []], "nothing else")
    check("computer" in [dev.name() for dev in conn.listAllDevices()], "the host's devices")
    check(all(dev.XMLDesc().startswith("<device>") for dev in conn.listAllDevices()), "each of them")
    for interface in conn.listAllInterfaces():
        check(interface.XMLDesc().startswith("<interface") and interface.isActive() in (0, 1), "the host's interfaces")
    dom = conn.lookupByName("g")
    check(dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) and dom.state() and dom.info()[0] == 1, "a guest")
    check(dom.hasManagedSaveImage(0) == 0 and dom.autostart() == 0 and dom.isPersistent() == 1, "its flags")
    stats = conn.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL |
                                   libvirt.VIR_DOMAIN_STATS_VCPU, 0)
    check(len(stats) == 1 and stats[0][1]["state.state"] == 1, f"statistics: {stats}")
    refused("domain_list_all_snapshots", dom.listAllSnapshots)
    # what happens while its window is open
    net = conn.networkDefineXML(NETWORK)
    pool = conn.storagePoolDefineXML(f"<pool type='dir'><name>p</name><target><path>{WORK}/p</path></target></pool>", 0)
    dom.suspend()
    dom.resume()
    until(lambda: {("network", "n"), ("pool", "p"), ("domain", "g")} <= set(heard), f"virt-manager hears: {heard}")
    pool.undefine()
    net.undefine()
    conn.close()


def compute(uri):
    """nova-compute: the host, then an instance's life"""
    conn, heard = libvirt.open(uri), []
    conn.registerCloseCallback(lambda *_: None, None)
    for event in (0, 15, 22):
        conn.domainEventRegisterAny(None, event, lambda _c, dom, *_: heard.append(dom.name()), None)
    caps = ET.fromstring(conn.getCapabilities())
    cpu = caps.find("host/cpu")
    check(cpu is not None and caps.find("host/uuid") is not None, "the host's identity")
    check("<cpu" in conn.baselineCPU([ET.tostring(cpu, encoding="unicode")], 1), "baselineCPU")
    model = "<cpu><arch>x86_64</arch><model>x86-64-v1</model></cpu>"
    check(conn.compareCPU(model, 0) in (libvirt.VIR_CPU_COMPARE_IDENTICAL, libvirt.VIR_CPU_COMPARE_SUPERSET),
          "compareCPU")
    check("Nehalem" in conn.getCPUModelNames("x86_64", 0), "getCPUModelNames")
    for guest in caps.iter("guest"):
        for machine in {m.text for m in guest.iter("machine")} & {"q35", "microvm"}:
            check(machine in conn.getDomainCapabilities(None, guest.find("arch").get("name"), machine, "qemu"), machine)
    check(conn.getCPUStats(-1)["kernel"] > 0 and conn.getMemoryStats(-1)["total"] > 0, "figures of the host")
    check(conn.getInfo()[2] > 0 and conn.getCPUMap()[0] > 0 and conn.getHostname(), "its sizes")
    fails(libvirt.VIR_ERR_NO_SECRET, "nosuch", conn.secretLookupByUsage, libvirt.VIR_SECRET_USAGE_TYPE_VOLUME, "nosuch")
    check("no-ip-spoofing" in conn.nwfilterLookupByName("no-ip-spoofing").XMLDesc(), "the standard filters")
    text = document("instance-1", uuid="00000000-0000-4000-8000-0000000000f1",
                    extra="").replace("</name>", "</name><metadata><nova:instance xmlns:nova="
                                      "'http://openstack.org/xmlns/libvirt/nova/1.1'/></metadata>", 1)
    dom = conn.defineXML(text)
    dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    check(dom.state()[0] == libvirt.VIR_DOMAIN_PAUSED and dom.resume() == 0, "an instance starts")
    check("<instance" in dom.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT,
                                      "http://openstack.org/xmlns/libvirt/nova/1.1", 0), "its metadata")
    check(dom.info()[0] == 1 and dom.memoryStats()["actual"] == 65536, "its figures")
    check(len(conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)) == 2, "both run")
    # a console's log; and what a cloud has that is not served yet
    check(re.search(r"<console type=.pty", dom.XMLDesc()), "its console")
    fails(libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, "migration is not supported", dom.migrateToURI3,
          "qemu+tcp://other/system", {}, libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER)
    refused("domain_managed_save", dom.managedSave, 0)
    refused("domain_snapshot_create_xml", dom.snapshotCreateXML, "<domainsnapshot/>", 0)
    dom.destroy()
    dom.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
    until(lambda: heard.count("instance-1") >= 4, f"its life is told: {heard}")
    conn.close()


def main():
    libvirt.registerErrorHandler(lambda *_: None, None)
    start_loop()
    daemon = Daemon(BUILD, os.path.join(WORK, "root"))
    uri = f"qemu:///system?socket={daemon.socket}"
    conn = libvirt.open(uri)
    dom = conn.defineXML(document("g"))
    dom.create()
    try:
        watching = viewer(uri)
        manager(uri)
        compute(uri)
        # a display is refused where it would be needed, by name
        fails(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "graphics", conn.createXML,
              document("shown", uuid="00000000-0000-4000-8000-0000000000f2",
                       extra="<graphics type='vnc' port='-1' autoport='yes'/>"), 0)
        dom.destroy()
        viewer_sees_the_end(*watching)
        dom.undefine()
    finally:
        conn.close()
        daemon.stop()
    print("virt-viewer, virt-manager and nova-compute are answered")


if __name__ == "__main__":
    main()
