#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The distribution's python3-libvirt on vmgrd, with an event loop: vmgrd-python.py BUILD WORK"""
import os
import signal
import sys
import threading
import time

import libvirt

from vmgrd_daemon import UUID, Daemon, check, document, until

build, work = sys.argv[1:3]
libvirt.registerErrorHandler(lambda context, error: None, None)


def code_of(call, *args):
    try:
        call(*args)
    except libvirt.libvirtError as error:
        return error.get_error_code(), error.get_error_domain()
    return None


def loop():
    libvirt.virEventRegisterDefaultImpl()

    def run():
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=run, daemon=True).start()


def identity(conn):
    check(conn.getType() == "QEMU", "type")
    check(conn.getVersion() == 7002000 and conn.getLibVersion() == 9000000, "versions")
    check(conn.isSecure() == 1 and conn.isAlive() == 1, "secure and alive")
    check(conn.getInfo()[0] == os.uname().machine, "getInfo")
    check("<capabilities>" in conn.getCapabilities(), "getCapabilities")
    check(conn.getMaxVcpus("qemu") > 0, "getMaxVcpus")


def lists(conn, dom):
    check(conn.listDefinedDomains() == [] and conn.numOfDefinedDomains() == 0, "defined")
    check(conn.listDomainsID() == [dom.ID()] and conn.numOfDomains() == 1, "ids")
    check([d.name() for d in conn.listAllDomains()] == ["p"], "listAllDomains")
    flags = libvirt.VIR_CONNECT_LIST_DOMAINS_INACTIVE
    check(conn.listAllDomains(flags) == [], "listAllDomains, inactive")
    check(conn.lookupByID(dom.ID()).UUIDString() == UUID, "lookupByID")
    check(conn.lookupByUUIDString(UUID).name() == "p", "lookupByUUIDString")
    ((who, stats),) = conn.getAllDomainStats()
    check(who.name() == "p" and stats["state.state"] == 1 and stats["vcpu.maximum"] == 1, "stats")
    ((_, stats),) = conn.domainListGetStats([dom], libvirt.VIR_DOMAIN_STATS_BALLOON)
    check(stats.get("balloon.current") == 65536 and stats.get("balloon.maximum") == 65536,
          f"balloon: {stats}")


def errors(conn, dom):
    check(code_of(conn.lookupByName, "nosuch") == (libvirt.VIR_ERR_NO_DOMAIN, 10), "no domain")
    check(code_of(conn.lookupByID, 999)[0] == libvirt.VIR_ERR_NO_DOMAIN, "no such id")
    check(code_of(conn.defineXML, "<domain")[0] in (libvirt.VIR_ERR_XML_DETAIL,
                                                   libvirt.VIR_ERR_XML_ERROR), "XML error")
    check(code_of(dom.create)[0] == libvirt.VIR_ERR_OPERATION_INVALID, "already running")
    check(code_of(dom.XMLDesc, 1 << 20)[0] == libvirt.VIR_ERR_INVALID_ARG, "unknown flag")
    check(code_of(conn.networkLookupByName, "nosuch")[0] == libvirt.VIR_ERR_NO_NETWORK, "no network")
    check(code_of(conn.storagePoolLookupByName, "nosuch")[0] == libvirt.VIR_ERR_NO_STORAGE_POOL,
          "no pool")
    check("clean-traffic" in [f.name() for f in conn.listAllNWFilters()], "the standard filters are there")
    check(conn.listAllNWFilterBindings() == [], "nothing has filters")
    check(code_of(conn.nwfilterBindingLookupByPortDev, "vnet99")[0] ==
          libvirt.VIR_ERR_NO_NWFILTER_BINDING, "no binding")
    check(dom.listAllCheckpoints() == [], "no checkpoints")
    check(code_of(dom.checkpointLookupByName, "c")[0] == libvirt.VIR_ERR_NO_DOMAIN_CHECKPOINT,
          "no checkpoint")
    check(code_of(dom.backupGetXMLDesc)[0] == libvirt.VIR_ERR_NO_DOMAIN_BACKUP, "no backup")
    check(code_of(dom.backupBegin, "<domainbackup/>", None)[0] == libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
          "no disks")
    check(code_of(dom.listAllSnapshots)[0] == libvirt.VIR_ERR_NO_SUPPORT, "no snapshots")


def console(conn, dom):
    """Many bytes both ways; finish; abort; and a second session."""
    stream = conn.newStream(libvirt.VIR_STREAM_NONBLOCK)
    dom.openConsole(None, stream, 0)
    check(code_of(dom.openConsole, None, conn.newStream(0), 0)[0] == libvirt.VIR_ERR_OPERATION_FAILED,
          "one console session")
    sent, got = 0, b""
    line = b"0123456789abcdef" * 15 + b"\n"
    end = time.monotonic() + 20
    while len(got) < 50 * len(line) and time.monotonic() < end:
        if sent - len(got) < 3 * len(line) and sent < 50 * len(line):
            sent += max(stream.send(line[sent % len(line):]), 0)
        data = stream.recv(4096)
        if isinstance(data, bytes):
            got += data
        else:
            time.sleep(0.001)
    check(got == line * 50, f"the console echoes: {len(got)}")
    stream.finish()
    stream = conn.newStream(0)
    until(lambda: code_of(dom.openConsole, None, stream, 0) is None, "the console is free again")
    stream.abort()


def concurrent(conn):
    """A slow call keeps no other waiting, on the same connection."""
    slow = conn.defineXML(document("slow", UUID[:-1] + "8").replace(
        "</os>", "<cmdline>mute</cmdline></os>"))
    result = []
    starter = threading.Thread(target=lambda: result.append(code_of(slow.create)))
    starter.start()
    time.sleep(0.2)
    # The client library itself may take until its next keepalive to send a call from a second thread
    # (libvirt 9.0); how fast vmgrd answers is tested without it.
    for _ in range(3):
        conn.getHostname()
        conn.listAllDomains()
    check(starter.is_alive(), f"questions do not wait for a start: {result}")
    place = os.path.join(work, "python/run/vmgr/domains/slow.d")
    for process in os.listdir("/proc"): # nobody waits for its deadline here
        try:
            if os.readlink(f"/proc/{process}/cwd") == os.path.realpath(place):
                os.kill(int(process), signal.SIGKILL)
        except (OSError, ValueError):
            pass
    starter.join(40)
    check(result and result[0], "a monitor that says nothing makes an error")
    slow.undefine()


def passing():
    """Descriptors go over, and are closed: a pipe is at its end when nobody has its other one."""
    daemon = Daemon(build, os.path.join(work, "passing"), "--uri", "test:///default")
    conn = libvirt.open(f"test+unix:///default?socket={daemon.socket}")
    dom = conn.lookupByName("test")
    before = daemon.descriptors()
    for number in (0, 1, 32):
        held, keep = os.pipe()
        os.set_blocking(held, False)
        dom.destroy()
        dom.createWithFiles([keep] * number)
        check(dom.isActive(), f"started with {number}")
        made = conn.createXMLWithFiles(document("made", kind="test"), [keep] * number)
        check(made.isActive() and made.name() == "made", f"made with {number}")
        made.destroy()
        check(code_of(dom.FDAssociate, "group", [keep] * max(number, 1))[0] ==
              libvirt.VIR_ERR_NO_SUPPORT, "FDAssociate is refused")
        os.close(keep)
        until(lambda: at_end(held), "they are closed")
        os.close(held)
    until(lambda: daemon.descriptors() <= before, "none stays")
    check(code_of(conn.createXMLWithFiles, "<nonsense>", [0])[0] == libvirt.VIR_ERR_XML_DETAIL, "XML")
    conn.close()
    daemon.stop()


def at_end(pipe):
    try:
        return os.read(pipe, 1) == b""
    except BlockingIOError:
        return False


def tunables(conn):
    """limits that change, with the types that libvirt has for them"""
    seen, disk = [], os.path.join(work, "disk")
    with open(disk, "wb") as f:
        f.truncate(1 << 20)
    dom = conn.createXML(document("t", uuid=UUID.replace("7", "8"), extra=
                                  f"<disk type='file'><source file='{disk}'/>"
                                  "<target dev='vda' bus='virtio'/></disk>"))
    callback = conn.domainEventRegisterAny(dom, libvirt.VIR_DOMAIN_EVENT_ID_TUNABLE,
                                           lambda c, d, values, data: seen.append((d.name(), values)), None)
    for count in range(1, 6):
        dom.setBlockIoTune("vda", {"total_bytes_sec": count << 40, "group_name": "limited"},
                           libvirt.VIR_DOMAIN_AFFECT_LIVE)
    until(lambda: len(seen) == 5, f"tunables: {seen}")
    check(seen[0] == ("t", {"blkdeviotune.disk": "vda", "blkdeviotune.total_bytes_sec": 1 << 40,
                            "blkdeviotune.group_name": "limited"}), f"tunable: {seen}")
    check(seen[4] == ("t", {"blkdeviotune.disk": "vda", "blkdeviotune.total_bytes_sec": 5 << 40}),
          f"tunables: {seen}")
    conn.domainEventDeregisterAny(callback)
    dom.destroy()


def main():
    loop()
    passing()
    daemon = Daemon(build, os.path.join(work, "python"))
    closed, events = [], []
    conn = libvirt.open(f"qemu+unix:///system?socket={daemon.socket}")
    conn.setKeepAlive(1, 3)
    conn.registerCloseCallback(lambda c, reason, data: closed.append(reason), None)
    check(code_of(conn.registerCloseCallback, lambda c, r, d: None, None) is not None,
          "one close callback")
    conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                lambda c, d, event, detail, data: events.append((event, detail)),
                                None)
    others = [conn.domainEventRegisterAny(None, kind, lambda *args: None, None)
              for kind in range(1, 27) if kind not in (2, 4)]
    identity(conn)
    dom = conn.defineXML(document("p"))
    dom.create()
    check(dom.info()[:4] == [1, 65536, 65536, 1] and dom.isActive() and dom.isPersistent(), "info")
    check(dom.OSType() == "hvm" and dom.maxMemory() == 65536 and dom.maxVcpus() == 1, "numbers")
    lists(conn, dom)
    errors(conn, dom)
    console(conn, dom)
    concurrent(conn)
    tunables(conn)
    one = []
    only = conn.domainEventRegisterAny(dom, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                       lambda c, d, event, detail, data: one.append(event), None)
    dom.suspend()
    dom.resume()
    dom.destroy()
    until(lambda: (5, 1) in events, f"events: {events}")
    for event in ((0, 0), (2, 0), (3, 0), (4, 0)):
        check(event in events, f"event {event} in {events}")
    until(lambda: 5 in one, "events of one domain")
    check(0 not in one, "not what was before")
    conn.domainEventDeregisterAny(only)
    for callback in others:
        conn.domainEventDeregisterAny(callback)
    dom.undefine()
    # longer than three unanswered questions would take
    time.sleep(4.5)
    check(conn.isAlive() == 1 and conn.getHostname(), "keepalive is answered")
    daemon.kill()
    until(lambda: closed, "the close callback is called")
    del dom, conn
    daemon.start()
    daemon.stop()


main()
