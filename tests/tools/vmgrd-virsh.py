#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The distribution's virsh on vmgrd: usage: vmgrd-virsh.py BUILD WORK"""
import os
import pty
import re
import subprocess
import sys
import termios
import time

from vmgrd_daemon import UUID, Daemon, check, document, listens, until

build, work = sys.argv[1:3]


class Virsh:
    def __init__(self, uri, *options):
        self.uri, self.options = uri, options

    def argv(self, command):
        return ["virsh", *self.options, "-c", self.uri, *command]

    def run(self, *command):
        done = subprocess.run(self.argv(command), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30, check=False)
        return done.returncode, done.stdout + done.stderr

    def ok(self, *command):
        status, output = self.run(*command)
        check(status == 0, f"virsh {' '.join(command)}: {output}")
        return output

    def says(self, expected, *command):
        output = self.ok(*command)
        check(re.search(expected, output), f"virsh {' '.join(command)}: {expected} in: {output}")

    def fails(self, expected, *command):
        status, output = self.run(*command)
        check(status != 0 and re.search(expected, output),
              f"virsh {' '.join(command)} fails with {expected}: {output}")


def write(name, text):
    path = os.path.join(work, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def questions(virsh, name):
    """What can be asked of a running domain, whatever runs it."""
    virsh.says(rf"\d+ +{name} +running", "list", "--all")
    virsh.says(rf"^{name}\n", "list", "--name")
    virsh.says(UUID, "domuuid", name)
    virsh.says(r"^\d+\n", "domid", name)
    virsh.says(rf"^{name}\n", "domname", UUID)
    virsh.says(r"running \(booted\)", "domstate", name, "--reason")
    info = virsh.ok("dominfo", name)
    for line in (rf"Name: +{name}", rf"UUID: +{UUID}", "State: +running", "Persistent: +yes",
                 "Autostart: +disable", "Managed save: +no", "Security model:"):
        check(re.search(line, info), f"dominfo says {line}: {info}")
    virsh.says(f"<name>{name}</name>", "dumpxml", name)
    virsh.says(f"<uuid>{UUID}</uuid>", "dumpxml", name, "--inactive")
    virsh.says(f"<uuid>{UUID}</uuid>", "dumpxml", name, "--migratable")
    virsh.says("maximum +live +1", "vcpucount", name)
    virsh.says("actual 65536", "dommemstat", name)
    stats = virsh.ok("domstats", name)
    for line in ("state.state=1", "state.reason=1", r"cpu.time=\d+", "balloon.current=65536",
                 "vcpu.current=1", "vcpu.maximum=1"):
        check(line in stats or re.search(line, stats), f"domstats says {line}: {stats}")
    check("balloon" not in virsh.ok("domstats", "--state"), "domstats gives what is asked for")
    virsh.fails("0x40 are not supported", "domstats", "--perf", "--enforce")


def changes(virsh, name):
    virsh.ok("suspend", name)
    virsh.says(r"paused \(user\)", "domstate", name, "--reason")
    virsh.fails("", "suspend", "nosuch")
    virsh.ok("resume", name)
    virsh.says("running", "domstate", name)
    virsh.ok("autostart", name)
    virsh.says("Autostart: +enable", "dominfo", name)
    virsh.says(name, "list", "--autostart")
    virsh.ok("autostart", "--disable", name)
    virsh.ok("desc", name, "--config", "--live", "some words")
    virsh.says("^some words\n", "desc", name)
    virsh.ok("desc", name, "--config", "--live", "--title", "a title")
    virsh.says("a title", "list", "--title")
    virsh.ok("metadata", name, "--config", "--live", "http://example.org/x", "--key", "x", "--set",
             "<e/>")
    virsh.says("<e", "metadata", name, "http://example.org/x")
    virsh.fails("not present", "metadata", name, "http://example.org/y")
    virsh.ok("reset", name)


def over(virsh, name):
    virsh.ok("destroy", name)
    virsh.says(r"shut off \(destroyed\)", "domstate", name, "--reason")
    virsh.fails("domain is not running", "dommemstat", name)
    virsh.ok("domrename", name, name + "2")
    virsh.ok("undefine", name + "2")
    virsh.fails("failed to get domain", "dominfo", name)
    check(name not in virsh.ok("list", "--all", "--name").split(), "the domain is gone")


def read_only(daemon, uri, name):
    for virsh in (Virsh(f"{uri}?socket={daemon.socket}-ro"),
                  Virsh(f"{uri}?socket={daemon.socket}-ro", "-r"),
                  Virsh(f"{uri}?socket={daemon.socket}", "-r")):
        virsh.says(name, "list", "--all")
        virsh.says("<domain", "dumpxml", name)
        for command in (("destroy", name), ("suspend", name), ("undefine", name),
                        ("autostart", name), ("dumpxml", "--security-info", name),
                        ("define", os.path.join(work, "g.xml")), ("desc", name, "x"),
                        ("domrename", name, "x"), ("shutdown", name), ("reboot", name)):
            virsh.fails("operation forbidden", *command)


def console(virsh, name):
    """Bytes go both ways, and the escape ends it."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("virsh", virsh.argv(["console", name]))
    seen = b""

    def read(expected):
        nonlocal seen
        end = time.monotonic() + 10
        while expected not in seen:
            check(time.monotonic() < end, f"console shows {expected}: {seen}")
            try:
                seen += os.read(terminal, 4096)
            except OSError:
                check(False, f"console shows {expected}: {seen}")

    read(b"Escape character")
    # What is typed before virsh takes the terminal is thrown away.
    until(lambda: not termios.tcgetattr(terminal)[3] & termios.ICANON, "virsh takes the terminal")
    os.write(terminal, b"echo-this\r")
    read(b"echo-this")
    os.write(terminal, b"\x1d")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    check(os.waitstatus_to_exitcode(status) == 0, "console ends")


def events(daemon, uri, xml):
    virsh = Virsh(f"{uri}?socket={daemon.socket}")
    path = os.path.join(work, "events")
    with open(path, "w", encoding="utf-8") as out:
        watcher = subprocess.Popen(virsh.argv(["event", "--all", "--loop", "--timestamp"]),
                                   stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def seen():
        with open(path, encoding="utf-8") as file:
            return re.findall(r"event 'lifecycle' for domain '?e'?: (.*)", file.read())

    # It says nothing when it is ready: ask until it hears.
    for _ in range(100):
        virsh.ok("define", xml)
        if seen():
            break
        time.sleep(0.05)
    for command in ("start", "suspend", "resume", "destroy", "undefine"):
        virsh.ok(command, "e")
    until(lambda: seen() and seen()[-1] == "Undefined Removed", f"events: {seen()}")
    text = "; ".join(seen())
    position = 0
    for expected in ("Started Booted", "Suspended Paused", "Resumed Unpaused", "Stopped Destroyed",
                     "Undefined Removed"):
        position = text.find(expected, position)
        check(position >= 0, f"event {expected} in: {text}")
    watcher.terminate()
    watcher.wait()


def fake():
    """Over an emulator without a machine."""
    daemon = Daemon(build, os.path.join(work, "fake"))
    uri = "qemu:///system"
    virsh = Virsh(f"{uri}?socket={daemon.socket}")
    before = daemon.descriptors()
    virsh.says("API: QEMU 9.0.0", "version")
    virsh.says("daemon: 9.0.0", "version", "--daemon")
    virsh.says("CPU model: +x86_64", "nodeinfo")
    virsh.says(os.uname().nodename.split(".")[0], "hostname")
    virsh.says("<capabilities>", "capabilities")
    virsh.says(r"^\d+\n", "maxvcpus")
    virsh.says("qemu\\+unix:///session|" + re.escape(uri), "uri")
    xml = write("g.xml", document())
    virsh.ok("define", xml)
    virsh.says("shut off", "domstate", "g")
    virsh.ok("start", "g")
    virsh.fails("already active", "start", "g")
    questions(virsh, "g")
    changes(virsh, "g")
    read_only(daemon, uri, "g")
    console(virsh, "g")
    # killed while a guest runs: nothing is lost, and it goes on
    pid = virsh.ok("domid", "g")
    daemon.kill()
    daemon.start()
    check(virsh.ok("domid", "g") == pid, "the guest has been taken up")
    virsh.says("running", "domstate", "g")
    check("running=1" in daemon.text(), "the log tells what was taken up")
    over(virsh, "g")
    # a run that ends with its client
    virsh.ok("create", xml, "--autodestroy")
    until(lambda: "g" not in virsh.ok("list", "--all", "--name").split(), "autodestroy")
    virsh.ok("create", xml, "--paused")
    virsh.says("paused", "domstate", "g")
    virsh.ok("destroy", "g")
    until(lambda: "g" not in virsh.ok("list", "--all", "--name").split(), "a transient domain goes")
    events(daemon, uri, write("e.xml", document("e")))
    # errors by name
    virsh.fails("not supported by the connection driver: domain_restore", "restore", xml)
    virsh.fails("XML|xml|Document|parser error", "define", write("bad.xml", "<domain"))
    Virsh(f"qemu:///session?socket={daemon.socket}").fails("unexpected qemu URI path", "list")
    Virsh(f"xen+unix:///system?socket={daemon.socket}").fails("no connection driver", "list")
    Virsh(f"vemu+unix:///system?socket={daemon.socket}").says("API: VEMU", "version")
    Virsh(f"remote+unix:///?socket={daemon.socket}").says("API: QEMU", "version")
    until(lambda: daemon.descriptors() <= before + 8, "no descriptor leaks")
    daemon.stop()
    check(not os.path.exists(daemon.socket), "the socket is removed")


def autostart():
    """After a boot of the host, once."""
    daemon = Daemon(build, os.path.join(work, "auto"))
    virsh = Virsh(f"qemu:///system?socket={daemon.socket}")
    virsh.ok("define", write("a.xml", document("a")))
    virsh.ok("autostart", "a")
    daemon.stop()
    daemon.start()
    time.sleep(0.3)
    virsh.says("shut off", "domstate", "a")
    daemon.stop()
    with open(os.path.join(daemon.root, "run/vmgr/autostarted"), "w", encoding="utf-8") as file:
        file.write("an earlier boot")
    daemon.start()
    until(lambda: "running" in virsh.ok("domstate", "a"), "autostart")
    virsh.ok("destroy", "a")
    virsh.ok("undefine", "a")
    daemon.stop()


def session():
    """A user's own daemon, and the user's own client."""
    if os.geteuid() != 0:
        return
    home = os.path.join(work, "home")
    os.mkdir(home)
    os.chown(home, 65534, 65534)
    os.chmod(work, 0o755)
    as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "env",
                 f"HOME={home}", f"XDG_RUNTIME_DIR={home}", f"XDG_CONFIG_HOME={home}/config",
                 f"XDG_CACHE_HOME={home}/cache"]
    daemon = subprocess.Popen([*as_nobody, os.path.join(build, "tools/vmgrd/vmgrd")],
                              stderr=subprocess.DEVNULL)
    socket_path = os.path.join(home, "vmgr/libvirt-sock")
    until(lambda: listens(socket_path) and listens(socket_path + "-ro"), "a user's vmgrd listens")
    for uri, user in ((f"qemu:///session?socket={socket_path}", as_nobody),
                      (f"qemu:///session?socket={socket_path}", []),
                      (f"qemu:///session?socket={socket_path}-ro", as_nobody)):
        done = subprocess.run([*user, "virsh", "-c", uri, "list", "--all"], capture_output=True,
                              text=True, timeout=30, check=False)
        check(done.returncode == 0 and "State" in done.stdout, f"{uri}: {done}")
    daemon.terminate()
    check(daemon.wait(10) == 0, "it ends")


def in_memory():
    daemon = Daemon(build, os.path.join(work, "memory"), "--uri", "test:///default")
    virsh = Virsh(f"test+unix:///default?socket={daemon.socket}")
    virsh.says("1 +test +running", "list")
    virsh.ok("define", write("t.xml", document(kind="test")))
    virsh.ok("start", "g")
    virsh.says("2 +g +running", "list")
    virsh.ok("suspend", "g")
    virsh.ok("resume", "g")
    over(virsh, "g")
    daemon.stop()


def real():
    """A guest that runs, on the software CPU."""
    vemu = os.path.join(build, "tools/vemu/vemu")
    kernel = os.path.join(build, "tests/guests/payloads/ticker.elf")
    check(os.path.exists(vemu) and os.path.exists(kernel), f"{vemu} and {kernel} are built")
    daemon = Daemon(build, os.path.join(work, "real"), emulator=vemu)
    virsh = Virsh(f"qemu:///system?socket={daemon.socket}")
    virsh.ok("define", write("r.xml", document("r", kernel=kernel)))
    virsh.ok("start", "r")
    virsh.says("running", "domstate", "r")
    used = int(re.search(r"cpu.time=(\d+)", virsh.ok("domstats", "r", "--cpu-total")).group(1))
    daemon.kill()
    daemon.start()
    until(lambda: int(re.search(r"cpu.time=(\d+)", virsh.ok("domstats", "r", "--cpu-total"))
                      .group(1)) > used, "the guest goes on without vmgrd")
    virsh.ok("suspend", "r")
    virsh.ok("resume", "r")
    virsh.ok("destroy", "r")
    virsh.ok("undefine", "r")
    daemon.stop()


fake()
autostart()
session()
in_memory()
real()
