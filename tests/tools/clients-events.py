# SPDX-License-Identifier: LGPL-2.1-or-later
"""clients-events.py BUILD WORK: python3-libvirt on vmgrd, with libvirt's own event loop and with one of
the program's (on asyncio, as OpenStack, Cockpit's and oVirt's programs have): events of domains,
networks and pools, a console, sparse streams, the end of the connection."""
import asyncio
import os
import subprocess
import sys
import threading

import libvirt

from vmgrd_daemon import Daemon, check, document

BUILD, WORK = sys.argv[1:3]
NETWORK = "<network><name>n</name><bridge name='vmgr-none'/><ip address='10.9.9.1' prefix='24'/></network>"
MIB = 1 << 20


class Loop:
    """A loop of the program's own, in the shape that virEventRegisterImpl() wants, on asyncio."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.next, self.handles, self.timers = 1, {}, {}
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def start(self):
        libvirt.virEventRegisterImpl(self.add_handle, self.update_handle, self.remove_handle,
                                     self.add_timeout, self.update_timeout, self.remove_timeout)
        self.thread.start()

    def soon(self, function, *args):
        self.loop.call_soon_threadsafe(function, *args)

    def watch(self, number, fd, events):
        self.loop.remove_reader(fd)
        self.loop.remove_writer(fd)
        handle = self.handles.get(number)
        if handle is None:
            return
        if events & libvirt.VIR_EVENT_HANDLE_READABLE:
            self.loop.add_reader(fd, self.ready, number, libvirt.VIR_EVENT_HANDLE_READABLE)
        if events & libvirt.VIR_EVENT_HANDLE_WRITABLE:
            self.loop.add_writer(fd, self.ready, number, libvirt.VIR_EVENT_HANDLE_WRITABLE)

    def ready(self, number, event):
        handle = self.handles.get(number)
        if handle:
            handle[1](number, handle[0], event, handle[2])

    def add_handle(self, fd, events, callback, opaque):
        number, self.next = self.next, self.next + 1
        self.handles[number] = (fd, callback, opaque)
        self.soon(self.watch, number, fd, events)
        return number

    def update_handle(self, number, events):
        self.soon(self.watch, number, self.handles[number][0], events)

    def remove_handle(self, number):
        fd, _, opaque = self.handles.pop(number)
        self.soon(self.watch, number, fd, 0)
        return opaque

    def add_timeout(self, interval, callback, opaque):
        number, self.next = self.next, self.next + 1
        self.timers[number] = [interval, callback, opaque, None]
        self.soon(self.arm, number)
        return number

    def arm(self, number):
        timer = self.timers.get(number)
        if timer is None:
            return
        if timer[3]:
            timer[3].cancel()
            timer[3] = None
        if timer[0] >= 0:
            timer[3] = self.loop.call_later(timer[0] / 1000, self.due, number)

    def due(self, number):
        timer = self.timers.get(number)
        if timer:
            timer[1](number, timer[2])
            self.arm(number)

    def update_timeout(self, number, interval):
        self.timers[number][0] = interval
        self.soon(self.arm, number)

    def remove_timeout(self, number):
        timer = self.timers.pop(number)
        if timer[3]:
            self.soon(timer[3].cancel)
        return timer[2]


def own_loop():
    libvirt.virEventRegisterDefaultImpl()

    def run():
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=run, daemon=True).start()


class Heard:
    """What callbacks told, in the order in which they came."""

    def __init__(self):
        self.list, self.changed = [], threading.Condition()

    def add(self, *what):
        with self.changed:
            self.list.append(what)
            self.changed.notify_all()

    def wait(self, *what):
        with self.changed:
            check(self.changed.wait_for(lambda: what in self.list, 60), f"{what} in {self.list}")


def listen(connection, heard):
    connection.domainEventRegisterAny(
        None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
        lambda c, d, event, detail, _: heard.add("domain", d.name(), event, detail), None)
    connection.domainEventRegisterAny(
        None, libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
        lambda c, d, kind, uri, _: heard.add("metadata", d.name(), kind), None)
    connection.networkEventRegisterAny(
        None, libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE,
        lambda c, n, event, detail, _: heard.add("network", n.name(), event), None)
    connection.storagePoolEventRegisterAny(
        None, libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE,
        lambda c, p, event, detail, _: heard.add("pool", p.name(), event), None)
    connection.storagePoolEventRegisterAny(
        None, libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH,
        lambda c, p, _: heard.add("refresh", p.name()), None)
    connection.registerCloseCallback(lambda c, reason, _: heard.add("closed"), None)
    connection.setKeepAlive(5, 3)


def objects(connection, heard):
    domain = connection.defineXML(document("g"))
    heard.wait("domain", "g", libvirt.VIR_DOMAIN_EVENT_DEFINED, 0)
    domain.create()
    heard.wait("domain", "g", libvirt.VIR_DOMAIN_EVENT_STARTED, 0)
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "t", None, None,
                       libvirt.VIR_DOMAIN_AFFECT_LIVE)
    heard.wait("metadata", "g", libvirt.VIR_DOMAIN_METADATA_TITLE)
    network = connection.networkDefineXML(NETWORK)
    heard.wait("network", "n", libvirt.VIR_NETWORK_EVENT_DEFINED)
    network.undefine()
    heard.wait("network", "n", libvirt.VIR_NETWORK_EVENT_UNDEFINED)
    pool = connection.storagePoolDefineXML(
        f"<pool type='dir'><name>p</name><target><path>{WORK}/pool</path></target></pool>")
    pool.build()
    pool.create()
    heard.wait("pool", "p", libvirt.VIR_STORAGE_POOL_EVENT_STARTED)
    pool.refresh()
    heard.wait("refresh", "p")
    return domain, pool


def console(connection, domain, heard):
    """A stream that does not block: bytes come by a callback."""
    stream = connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
    domain.openConsole(None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
    got = bytearray()

    def ready(stream, events, _):
        if events & libvirt.VIR_STREAM_EVENT_READABLE:
            data = stream.recv(1024)
            if isinstance(data, bytes):
                got.extend(data)
                if b"echo" in got:
                    heard.add("console")

    stream.eventAddCallback(libvirt.VIR_STREAM_EVENT_READABLE | libvirt.VIR_STREAM_EVENT_HANGUP,
                            ready, None)
    stream.send(b"echo\r")
    heard.wait("console")
    stream.eventRemoveCallback()
    stream.abort()


def sparse(connection, pool):
    """What a volume has and has not, both ways: holes travel as holes."""
    volume = pool.createXML("<volume><name>v</name><capacity unit='MiB'>64</capacity>"
                            "<allocation>0</allocation></volume>")
    parts = [("data", b"x" * MIB), ("hole", 40 * MIB), ("data", b"y" * MIB), ("hole", 22 * MIB)]
    stream = connection.newStream()
    volume.upload(stream, 0, 64 * MIB, libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM)
    for kind, what in parts:
        if kind == "hole":
            stream.sendHole(what)
            continue
        while what:
            what = what[stream.send(what):]
    stream.finish()
    check(os.stat(f"{WORK}/pool/v").st_blocks * 512 < 8 * MIB, "the holes are holes")
    stream = connection.newStream()
    volume.download(stream, 0, 0, libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM)
    data, holes = bytearray(), 0

    def hole(_, length, count):
        nonlocal holes
        holes += length

    stream.sparseRecvAll(lambda s, piece, _: data.extend(piece), hole, None)
    stream.finish()
    check(holes >= 60 * MIB and len(data) + holes == 64 * MIB, f"{len(data)} and {holes} of holes")
    check(data.count(b"x") == MIB and data.count(b"y") == MIB, "the data came back")
    volume.delete()


def listing(connection):
    """The calls of prometheus-libvirt-exporter and of collectd."""
    for number in connection.listDomainsID():
        domain = connection.lookupByID(number)
        domain.XMLDesc()
        check(domain.info()[0] == libvirt.VIR_DOMAIN_RUNNING, "info")
    stats = connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE |
                                         libvirt.VIR_DOMAIN_STATS_VCPU)
    check([s[1]["state.state"] for s in stats] == [1], f"stats: {stats}")


def one(kind):
    """in a process of its own: a loop is registered once"""
    heard = Heard()
    if kind == "default":
        own_loop()
    else:
        Loop().start()
    daemon = Daemon(BUILD, os.path.join(WORK, "root-" + kind))
    connection = libvirt.open(f"qemu:///system?socket={daemon.socket}")
    try:
        listen(connection, heard)
        domain, pool = objects(connection, heard)
        listing(connection)
        console(connection, domain, heard)
        sparse(connection, pool)
        domain.destroy()
        heard.wait("domain", "g", libvirt.VIR_DOMAIN_EVENT_STOPPED, 1)
        domain.undefine()
        pool.destroy()
        heard.wait("pool", "p", libvirt.VIR_STORAGE_POOL_EVENT_STOPPED)
        pool.delete()
        pool.undefine()
    finally:
        daemon.stop()
    heard.wait("closed") # for which reason depends on what the loop tells the library first


def main():
    if len(sys.argv) > 3:
        one(sys.argv[3])
        os._exit(0) # loops have no end
    for kind in ("default", "own"):
        done = subprocess.run([sys.executable, __file__, BUILD, WORK, kind], timeout=200, check=False)
        check(done.returncode == 0, f"a client with the {kind} loop")


if __name__ == "__main__":
    main()
