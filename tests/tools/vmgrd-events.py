# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-events.py BUILD WORK: vmgrd hears its guests, whether or not somebody is connected to it, and
virsh and vmsh are told of every kind of event that there is.

Most guests are fake-vemu, which says what it is told to; the clock is set by a real one, of a few
instructions.
"""
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys

from vmgrd_daemon import Daemon, check, until

BUILD, WORK = sys.argv[1:3]
LOAD = 0x100000
PATIENCE = 60


def at(name):
    return os.path.join(WORK, name)


def result(program, *command):
    return subprocess.run([*program, *command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=100, check=False)


def run(program, *command):
    done = result(program, *command)
    check(done.returncode == 0, f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def clients(daemon):
    """virsh and vmsh on a daemon"""
    uri = f"qemu:///system?socket={daemon.socket}"
    return ["virsh", "-q", "-c", uri], [os.path.join(BUILD, "tools/vmsh/vmsh"), "-q", "-c", uri]


def document(name, more="", devices="", kernel="/k", memory=64):
    return f"""<domain type='vemu'><name>{name}</name><memory unit='MiB'>{memory}</memory>
<os><type arch='x86_64' machine='q35'>hvm</type><kernel>{kernel}</kernel></os>{more}
<devices>{devices}</devices></domain>"""


def write(name, text):
    with open(at(name), "w", encoding="utf-8") as f:
        f.write(text)
    return at(name)


CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
OTHER = "<channel type='unix'><target type='virtio' name='org.other.0'/></channel>"


class Guest:
    """what goes on in a run's directory, asked without the daemon"""

    def __init__(self, daemon, name):
        self.dir = os.path.join(daemon.root, f"run/vmgr/domains/{name}.d")

    def says(self, command, **arguments):
        """a command on its monitor, by somebody who is no client of the daemon"""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.dir, "qmp.sock")) # with a limit it would not wait for others
            s.settimeout(PATIENCE)
            with s.makefile("rw", encoding="utf-8") as f:
                for line in {"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}:
                    f.write(json.dumps(line) + "\n")
                f.flush()
                answers = 0
                while answers < 2:
                    answer = json.loads(f.readline())
                    check("error" not in answer, f"{command}: {answer}")
                    answers += isinstance(answer, dict) and "return" in answer

    def status(self):
        with open(os.path.join(self.dir, "status.xml"), encoding="utf-8") as f:
            return f.read()

    def shows(self, pattern, what):
        until(lambda: re.search(pattern, self.status()), f"{what}: {self.status()[:400]}", PATIENCE)

    def nodes(self):
        """the names of its disks' nodes, from its command line"""
        with open(os.path.join(self.dir, "status.xml"), encoding="utf-8") as f:
            pid = re.search(r"pid='(\d+)'", f.read())[1]
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
            return re.findall(r"node-name=([^,\0]+)", f.read())


def no_clients(daemon):
    """nobody is connected: what is there of sockets listens"""
    with open("/proc/net/unix", encoding="utf-8") as table:
        rows = [row.split() for row in table]
    return not any(row[7:] == [daemon.socket] and row[3] != "00010000" for row in rows)


def crash(daemon, virsh):
    guest = Guest(daemon, "g")
    for action, state in (("restart", r"state='1' reason='9'"), ("preserve", r"state='6' reason='1'")):
        run(virsh, "set-lifecycle-action", "g", "crash", action, "--live")
        until(lambda: no_clients(daemon), "the client has gone", PATIENCE)
        guest.says("x-panic")
        guest.shows(state, f"on_crash={action}")
    check(run(virsh, "domstate", "g", "--reason").strip() == "crashed (panicked)", "crashed")
    run(virsh, "destroy", "g")


def agent(daemon, virsh):
    """an agent comes while nobody is connected, and while there is not even a daemon"""
    guest = Guest(daemon, "g")
    connected = "name='org.qemu.guest_agent.0' state='connected'"
    run(virsh, "set-lifecycle-action", "g", "crash", "restart", "--config")
    run(virsh, "start", "g")
    until(lambda: no_clients(daemon), "the client has gone", PATIENCE)
    guest.says("x-port", id="channel0", open=True)
    guest.shows(connected, "the agent is there")
    check("'org.other.0' state='connected'" not in guest.status(), "another channel")
    check(connected in run(virsh, "dumpxml", "g"), "a client sees it")
    daemon.kill()
    guest.says("x-port", id="channel0", open=False)
    guest.says("x-port", id="channel1", open=True)
    check(connected in guest.status(), "nobody is there to hear it")
    daemon.start()
    guest.shows("'org.qemu.guest_agent.0' state='disconnected'", "heard by the next daemon")
    guest.shows("'org.other.0' state='connected'", "all channels are")
    daemon.kill()
    guest.says("x-panic")
    daemon.start()
    guest.shows(r"state='1' reason='9'", "a crash before the daemon came")
    run(virsh, "destroy", "g")


def sleep(daemon, virsh):
    """a guest falls asleep and wakes while there is no daemon; one that begins later knows"""
    guest = Guest(daemon, "g")
    run(virsh, "start", "g")
    daemon.kill()
    guest.says("x-sleep")
    check("state='1'" in guest.status(), "nobody is there to hear it")
    daemon.start()
    guest.shows(r"state='7' reason='0'", "heard by the next daemon")
    daemon.kill()
    daemon.start()
    check(run(virsh, "domstate", "g").strip() == "pmsuspended", "it sleeps on")
    daemon.kill()
    guest.says("system_wakeup")
    daemon.start()
    guest.shows(r"state='1' reason='8'", "woken before the daemon came")
    guest.says("x-sleep")
    guest.shows(r"state='7' reason='0'", "asleep again")
    run(virsh, "destroy", "g")
    check(run(virsh, "domstate", "g", "--reason").strip() == "shut off (destroyed)", "ended in its sleep")


def idle(daemon, virsh):
    """a guest that does nothing costs two descriptors, and goes with them"""
    until(lambda: no_clients(daemon), "the client has gone", PATIENCE)
    before = daemon.descriptors()
    run(virsh, "start", "g")
    until(lambda: no_clients(daemon) and daemon.descriptors() == before + 2, "two descriptors", PATIENCE)
    run(virsh, "destroy", "g")
    until(lambda: no_clients(daemon) and daemon.descriptors() == before, "none of them stays", PATIENCE)


def stays():
    """a daemon that ends when it is idle stays while a guest runs, and goes when that has gone"""
    daemon = Daemon(BUILD, at("idle"), "--timeout", "1")
    virsh, vmsh = clients(daemon)
    run(virsh, "define", write("g.xml", document("g", devices=CHANNEL)))
    run(virsh, "start", "g")
    try:
        check(daemon.process.wait(4) is None, "it has ended: " + daemon.text())
    except subprocess.TimeoutExpired:
        pass
    run([vmsh[0], "-q", "-c", "vemu:///system", "--root", daemon.root], "destroy", "g")
    check(daemon.process.wait(PATIENCE) == 0, "it ends in good order: " + daemon.text())


@contextlib.contextmanager
def listening(program, path):
    with open(path, "w", encoding="utf-8") as out, \
            subprocess.Popen(["stdbuf", "-oL", *program, "event", "--all", "--loop", "--timeout", "500"],
                             stdin=subprocess.DEVNULL, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.kill()


def contents(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def everybody_listens(virsh, name, paths):
    """kinds are asked for one after the other: changes, until one is told that is asked for late"""
    titles = iter(range(1000))

    def all_told():
        run(virsh, "desc", name, "--title", f"title {next(titles)}")
        return all("'metadata-change'" in contents(path) for path in paths)
    until(all_told, "all listen", PATIENCE)


def tuned(virsh, vmsh, heard):
    """limits of disks, whoever changes them; not what is for the next start"""
    run(virsh, "blkdeviotune", "t", "vda", "--total-bytes-sec", "5000", "--config")
    run(virsh, "blkdeviotune", "t", "vda", "--read-iops-sec", "77", "--group-name", "g", "--live")
    heard("tunable", ":\n\tblkdeviotune.disk: vda\n\tblkdeviotune.read_iops_sec: 77\n"
          "\tblkdeviotune.group_name: g\n")
    run(vmsh, "blkdeviotune", "t", "vda", "--write-iops-sec", "78", "--live")
    heard("tunable", ":\n\tblkdeviotune.disk: vda\n\tblkdeviotune.read_iops_sec: 0\n"
          "\tblkdeviotune.write_iops_sec: 78\n")


def told(virsh, vmsh, daemon):
    """each kind of event that a guest brings about, by both clients in the same words"""
    disks = f"""<disk type='file'><driver name='qemu' type='raw'/><source file='{write("disk", "x" * 512)}'/>
<target dev='vda' bus='virtio'/></disk>"""
    run(virsh, "define", write("t.xml", document("t", devices=disks + CHANNEL)))
    ours, theirs = at("events.vmsh"), at("events.virsh")
    guest = Guest(daemon, "t")
    with listening(virsh, theirs), listening(vmsh, ours):
        def heard(kind, words):
            line = f"event '{kind}' for domain 't'{words}"
            for path in ours, theirs:
                until(lambda: line in contents(path), f"{line}: {contents(path)}", PATIENCE)

        everybody_listens(virsh, "t", (ours, theirs))
        heard("metadata-change", ": type title, uri <null>")
        run(virsh, "start", "t")
        heard("lifecycle", ": Started Booted")
        node = guest.nodes()[-1]
        path = at("disk")
        for kind, words, event, data in (
                ("reboot", "", "RESET", {"guest": True, "reason": "guest-reset"}),
                ("rtc-change", ": -3600", "RTC_CHANGE", {"offset": -3600, "qom-path": "/x"}),
                ("watchdog", ": reset", "WATCHDOG", {"action": "reset"}),
                ("io-error", f": {path} (virtio-disk0) report", "BLOCK_IO_ERROR",
                 {"device": node, "node-name": node, "operation": "write", "action": "report", "nospace": True,
                  "reason": "x"}),
                ("io-error-reason", f": {path} (virtio-disk0) report due to enospc", None, None),
                ("block-threshold", f": dev: vda({path}) 100 7", "BLOCK_WRITE_THRESHOLD",
                 {"node-name": node, "write-threshold": 100, "amount-exceeded": 7}),
                ("tray-change", " disk sata0-0-0: opened", "DEVICE_TRAY_MOVED",
                 {"device": node, "id": "/machine/peripheral/sata0-0-0", "tray-open": True}),
                ("device-removal-failed", ": dimm0", "ACPI_DEVICE_OST",
                 {"info": {"device": "dimm0", "slot-type": "DIMM", "slot": "0", "source": 3, "status": 1}}),
                ("memory-device-size-change", ":\nalias: vm0\nsize: 4194304", "MEMORY_DEVICE_SIZE_CHANGE",
                 {"id": "vm0", "size": 4194304, "qom-path": "/x"})):
            if event:
                guest.says("x-event", event=event, data=data)
            heard(kind, words)
        guest.says("x-port", id="channel0", open=True)
        heard("agent-lifecycle", ": state: 'connected' reason: 'channel event'")
        guest.says("x-event", event="RESET", data={})
        heard("agent-lifecycle", ": state: 'disconnected' reason: 'channel event'")
        tuned(virsh, vmsh, heard)
        run(virsh, "suspend", "t")
        run(virsh, "resume", "t")
        heard("lifecycle", ": Resumed Unpaused")
        # it falls asleep and wakes by itself
        guest.says("x-sleep")
        heard("pm-suspend", "")
        heard("lifecycle", ": PMSuspended Memory")
        check(run(virsh, "domstate", "t", "--reason").strip() == "pmsuspended (unknown)", "asleep")
        check("t" in run(vmsh, "list", "--name", "--state-other").split(), "the list")
        guest.says("system_wakeup")
        heard("pm-wakeup", "")
        heard("lifecycle", ": Started Event wakeup")
        check(run(vmsh, "domstate", "t", "--reason").strip() == "running (event wakeup)", "awake")
        # what cannot be: words of no kind, numbers that are none, names that nobody has
        for event, data in (("NO_SUCH_EVENT", {}), ("RTC_CHANGE", {"offset": "soon"}), ("BLOCK_IO_ERROR", []),
                            ("VSERPORT_CHANGE", {"id": "nobody", "open": True}), ("WATCHDOG", {"action": 7}),
                            ("DEVICE_TRAY_MOVED", {"id": None})):
            guest.says("x-event", event=event, data=data)
        guest.says("x-event", raw="no event at all")
        heard("control-error", "")
        run(virsh, "destroy", "t")
        heard("lifecycle", ": Stopped Destroyed")
    for path in ours, theirs: # an agent comes and goes once, however many hear it
        check(contents(path).count("event 'agent-lifecycle'") == 2, contents(path))
        check(contents(path).count("event 'tunable'") == 2, contents(path))
        check("5000" not in contents(path), "what is for the next start")


def sets_clock(pairs):
    """mov al,REGISTER; out 0x70,al; mov al,VALUE; out 0x71,al for each; jmp to the first, for good"""
    code = b"".join(bytes([0xb0, register, 0xe6, 0x70, 0xb0, value, 0xe6, 0x71]) for register, value in pairs)
    return code + bytes([0xeb, 256 - len(code) - 2])


def clock(daemon):
    """a real guest, which sets its clock to the year 2080"""
    flags = 1 << 16 # a multiboot image with addresses in its header (multiboot 0.6.96, 3.1.3)
    header = struct.pack("<IIIIIIII", 0x1badb002, flags, -(0x1badb002 + flags) & 0xffffffff, LOAD, LOAD, 0, 0, LOAD + 32)
    with open(at("clock"), "wb") as f:
        f.write(header + sets_clock(((11, 0x82), (9, 0x80), (11, 0x02))) + bytes(4096))
    virsh, vmsh = clients(daemon)
    variable = "<clock offset='variable' adjustment='7200'/>"
    run(virsh, "define", write("c.xml", document("c", variable, kernel=at("clock")).replace("'vemu'", "'qemu'")))

    def adjustment(*options):
        return int(re.search(r"adjustment='(-?\d+)'", run(virsh, "dumpxml", *options, "c"))[1])

    ours, theirs = at("clock.vmsh"), at("clock.virsh")
    with listening(virsh, theirs), listening(vmsh, ours):
        everybody_listens(virsh, "c", (ours, theirs))
        run(virsh, "start", "c")
        for path in ours, theirs:
            until(lambda: "'rtc-change' for domain 'c'" in contents(path), contents(path), PATIENCE)
            ahead = int(re.search(r"'rtc-change' for domain 'c': (-?\d+)", contents(path))[1])
            check(ahead > 40 * 365 * 86400, f"it is in the future: {ahead}")
        # a variable clock is what the guest made of it, until the run ends
        until(lambda: adjustment() > 40 * 365 * 86400, "it is in the definition", PATIENCE)
        check(adjustment("--inactive") == 7200, "only in that of the run")
        run(virsh, "destroy", "c")


def main():
    daemon = Daemon(BUILD, at("root"))
    virsh, vmsh = clients(daemon)
    run(virsh, "define", write("g.xml", document("g", devices=CHANNEL + OTHER)))
    run(virsh, "start", "g")
    crash(daemon, virsh)
    agent(daemon, virsh)
    sleep(daemon, virsh)
    idle(daemon, virsh)
    stays()
    told(virsh, vmsh, daemon)
    daemon.stop()
    daemon = Daemon(BUILD, at("real"), emulator=os.path.join(BUILD, "tools/vemu/vemu"))
    clock(daemon)
    daemon.stop()


main()
