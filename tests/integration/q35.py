# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hot-plug, generation ID, dump and power button of a q35 guest through QMP: q35.py VEMU KERNEL INITRAMFS."""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

VEMU, KERNEL, INITRAMFS = sys.argv[1:4]
LIMIT = 90
GUID = "12345678-9abc-def0-1234-56789abcdef0"
GUID2 = "00112233-4455-6677-8899-aabbccddeeff"


def words_of(guid):
    """As the guest reads them."""
    h = guid.replace("-", "")
    b = bytes.fromhex(h[6:8] + h[4:6] + h[2:4] + h[0:2] + h[10:12] + h[8:10] + h[14:16] + h[12:14] + h[16:])
    return " ".join(f"0x{w:08X}" for w in struct.unpack("<4I", b))


def look_at_core(path, mark):
    """The segments of a core file; the mark stands in one of them, and a note for each CPU is there."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:7] == b"\x7fELF\2\1\1" and struct.unpack_from("<HH", data, 16) == (4, 62), data[:20]
    count = struct.unpack_from("<H", data, 56)[0]
    found = statuses = total = 0
    for n in range(count):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", data, 64 + 56 * n)
        part = data[offset:offset + size]
        assert len(part) == size, (n, offset, size, len(data))
        if kind == 4:
            statuses = part.count(b"CORE\0")
        else:
            found += part.count(mark)
            total += size
    return found, statuses, total


class Guest:
    def __init__(self, then):
        self.work = tempfile.TemporaryDirectory()
        self.log = os.path.join(self.work.name, "log")
        path = os.path.join(self.work.name, "qmp")
        self.process = subprocess.Popen(
            [VEMU, "-accel", "soft", "-machine", "q35", "-m", "256M", "-kernel", KERNEL,
             "-initrd", INITRAMFS, "-append", f"console=ttyS0 quiet then={then}", "-display", "none",
             "-serial", f"file:{self.log}", "-qmp", f"unix:{path},server=on,wait=off",
             "-device", "pcie-root-port,id=rp1,addr=4", "-smp", "4,dies=2,threads=2",
             "-device", f"vmgenid,id=genid,guid={GUID}", "-no-reboot", "-nic", "none"],
            stdin=subprocess.DEVNULL)
        self.deadline = time.monotonic() + LIMIT
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                self.check_time("QMP socket")
        self.file = self.socket.makefile("r")  # of one that writes too, a write drops what was read ahead
        json.loads(self.file.readline())
        self.events = []
        self.command("qmp_capabilities")

    def check_time(self, what):
        if time.monotonic() > self.deadline:
            self.process.kill()
            print(open(self.log, errors="replace").read()[-3000:])
            sys.exit(f"timed out: {what}")
        time.sleep(0.02)

    def message(self):
        return json.loads(self.file.readline())

    def command(self, name, **arguments):
        self.socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            message = self.message()
            if "event" not in message:
                return message
            self.events.append(message)

    def event(self, name):
        while True:
            for message in self.events:
                if message["event"] == name:
                    self.events.remove(message)
                    return message
            self.events.append(self.message())

    def said(self, text):
        while f"T: {text}" not in open(self.log, errors="replace").read().replace("\r", ""):
            self.check_time(text)

    def end(self):
        status = self.process.wait(timeout=max(1, self.deadline - time.monotonic()))
        if status != 0:
            sys.exit(f"vemu ended with {status}")


guest = Guest("qmp")
guest.said("ready")
refused = guest.command("device_add", driver="virtio-rng-pci", id="r", bus="pcie.0")
assert "while the machine runs" in refused["error"]["desc"], refused
added = guest.command("device_add", driver="virtio-rng-pci", id="r", bus="rp1")
assert "return" in added, added
guest.said("plugged 0x1af4 0x0004")
taken = guest.command("device_add", driver="virtio-rng-pci", bus="rp1")
assert "no free slot" in taken["error"]["desc"], taken
assert "cannot be unplugged" in guest.command("device_del", id="rp1")["error"]["desc"]
assert "return" in guest.command("device_del", id="r")
gone = guest.event("DEVICE_DELETED")
assert gone["data"]["device"] == "r", gone
guest.said("unplugged")

for cpu, place in ((0, "0 0 0 0-1"), (1, "0 0 0 0-1"), (2, "0 1 1 2-3"), (3, "0 1 1 2-3")):
    guest.said(f"place cpu{cpu} {place}")
places = guest.command("query-cpus-fast")["return"]
assert [c["props"] for c in places][2] == {"socket-id": 0, "die-id": 1, "core-id": 0, "thread-id": 0}, places

guest.said("genid \\_SB_.VGEN " + words_of(GUID))
assert guest.command("query-vm-generation-id")["return"] == {"guid": GUID}
assert "return" in guest.command("qom-set", path="/machine/peripheral/genid", property="guid", value=GUID2)
guest.said("genid " + words_of(GUID2))
assert guest.command("query-vm-generation-id")["return"] == {"guid": GUID2}

core = os.path.join(guest.work.name, "core")
assert guest.command("query-dump")["return"]["status"] == "none"
dump = {"paging": False, "protocol": f"file:{core}"}
assert "return" in guest.command("dump-guest-memory", **dump)
done = guest.event("DUMP_COMPLETED")["data"]
assert done == {"result": {"status": "completed", "completed": 256 << 20, "total": 256 << 20}}, done
marks, cpus, size = look_at_core(core, b"vemu-dump-in-the-memory-of-the-guest")
assert marks >= 1 and cpus == 4 and size == 256 << 20, (marks, cpus, size)
text = subprocess.run(["readelf", "-hln", core], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout
assert b"NT_PRSTATUS" in text and b"warning" not in text.lower(), text
assert guest.command("query-status")["return"]["status"] == "running"
assert "return" in guest.command("dump-guest-memory", **dump, detach=True, begin=1 << 20, length=1 << 20)
done = guest.event("DUMP_COMPLETED")["data"]
assert done["result"]["total"] == 1 << 20, done
for arguments, words in (({"format": "kdump-zlib"}, "kdump-zlib"), ({"begin": 1}, "length"), ({"paging": True}, "paging"),
                         ({"protocol": "file:/nowhere/x"}, "/nowhere/x"), ({"protocol": "x"}, "protocol")):
    assert words in guest.command("dump-guest-memory", **{**dump, **arguments})["error"]["desc"], arguments
guest.command("system_powerdown")
guest.said("button")
guest.end()
