# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hot-plug and power button of a q35 guest through QMP: q35.py VEMU KERNEL INITRAMFS."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

VEMU, KERNEL, INITRAMFS = sys.argv[1:4]
LIMIT = 90


class Guest:
    def __init__(self, then):
        self.work = tempfile.TemporaryDirectory()
        self.log = os.path.join(self.work.name, "log")
        path = os.path.join(self.work.name, "qmp")
        self.process = subprocess.Popen(
            [VEMU, "-accel", "soft", "-machine", "q35", "-m", "256M", "-kernel", KERNEL,
             "-initrd", INITRAMFS, "-append", f"console=ttyS0 quiet then={then}", "-display", "none",
             "-serial", f"file:{self.log}", "-qmp", f"unix:{path},server=on,wait=off",
             "-device", "pcie-root-port,id=rp1,addr=4", "-no-reboot", "-nic", "none"],
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
guest.command("system_powerdown")
guest.said("button")
guest.end()
