# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs on the disk of a busy guest: jobs.py VEMU KERNEL INITRAMFS DIR."""
import hashlib
import json
import os
import random
import re
import socket
import subprocess
import sys
import time

VEMU, KERNEL, INITRAMFS, WORK = sys.argv[1:5]
SIZE = 8 << 20


def path(name):
    return os.path.join(WORK, name)


def qemu_img(*args):
    return subprocess.run(["qemu-img", *args], check=True, capture_output=True).stdout


def contents(name):
    """What the image shows, and that it is sound."""
    qemu_img("check", path(name))
    qemu_img("convert", "-O", "raw", path(name), path("raw"))
    with open(path("raw"), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Guest:
    def __init__(self):
        self.process = subprocess.Popen(
            [VEMU, "-accel", "soft", "-machine", "microvm", "-m", "128M", "-kernel", KERNEL,
             "-initrd", INITRAMFS, "-append", "console=ttyS0 quiet panic=-1", "-display", "none",
             "-serial", f"unix:{path('tty')},server=on,wait=on",
             "-qmp", f"unix:{path('qmp')},server=on,wait=off",
             "-blockdev", f"driver=qcow2,node-name=d,file.driver=file,file.filename={path('d')}",
             "-device", "virtio-blk-device,drive=d,id=disk"], stdin=subprocess.DEVNULL)
        self.console = self.connect("tty")
        self.text = ""
        self.file = self.connect("qmp").makefile("rw")
        self.events = []
        json.loads(self.file.readline())
        self.ok("qmp_capabilities")

    def connect(self, name):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(300)
        deadline = time.monotonic() + 60
        while True:
            try:
                s.connect(path(name))
                return s
            except OSError:
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.05)

    def line(self, pattern):
        """Waits for a line of the console that matches."""
        while not (found := re.search(pattern + r".*\n", self.text)):
            data = self.console.recv(4096)
            assert data, self.text
            self.text += data.decode(errors="replace")
            assert "FAILED" not in self.text and "I/O error" not in self.text, self.text
        self.text = self.text[found.end():]
        return found

    def ok(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": {
            k.replace("_", "-"): v for k, v in arguments.items()}}) + "\n")
        self.file.flush()
        while "event" in (reply := json.loads(self.file.readline())):
            self.events.append(reply)
        assert "return" in reply, (command, arguments, reply)
        return reply["return"]

    def event(self, name):
        while True:
            for i, event in enumerate(self.events):
                if event["event"] == name:
                    del self.events[:i + 1]
                    return event["data"]
            self.events.append(json.loads(self.file.readline()))

    def completed(self):
        data = self.event("BLOCK_JOB_COMPLETED")
        assert "error" not in data, data
        return data

    def work(self):
        """The guest writes for a while."""
        before = self.ok("query-blockstats")[0]["stats"]["wr_operations"]
        deadline = time.monotonic() + 120
        while self.ok("query-blockstats")[0]["stats"]["wr_operations"] < before + 30:
            assert time.monotonic() < deadline, "the guest does not write"
            time.sleep(0.05)


def main():
    with open(path("base"), "wb") as file:
        file.write(random.Random(1).randbytes(SIZE))
    qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", "base", path("d"))
    guest = Guest()
    guest.line("GUEST READY")
    guest.work()
    guest.ok("block-stream", job_id="stream", device="disk", speed=4 << 20)
    guest.completed()
    assert "backing-filename" not in json.loads(
        qemu_img("info", "-U", "--output=json", path("d")))
    guest.ok("block-dirty-bitmap-add", node="d", name="m", persistent=True)
    guest.ok("drive-backup", job_id="backup", device="d", target=path("full"), sync="full")
    guest.completed()
    for name in ("s1", "s2", "s3"):
        guest.ok("blockdev-snapshot-sync", device="disk", snapshot_file=path(name),
                 snapshot_node_name=name)
        guest.work()
    guest.ok("block-commit", job_id="middle", device="s3", top_node="s2", base_node="s1")
    guest.completed()
    guest.ok("blockdev-del", node_name="s2")
    guest.ok("block-commit", job_id="cancelled", device="s3", base_node="s1")
    guest.event("BLOCK_JOB_READY")
    guest.ok("block-job-cancel", device="cancelled", force=True)
    guest.event("BLOCK_JOB_CANCELLED")
    guest.work()
    guest.ok("block-commit", job_id="active", device="s3", base_node="d")
    guest.event("BLOCK_JOB_READY")
    guest.work()
    guest.ok("block-job-complete", device="active")
    guest.completed()
    guest.ok("blockdev-del", node_name="s3")
    guest.ok("blockdev-del", node_name="s1")
    guest.work()
    guest.console.sendall(b"\n")
    first = guest.line(r"SHA (\w{64})").group(1)
    qemu_img("create", "-f", "qcow2", "-F", "qcow2", "-b", "full", path("more"))
    guest.ok("drive-backup", job_id="more", device="d", target=path("more"), mode="existing",
             format="qcow2", sync="incremental", bitmap="m")
    guest.completed()
    assert contents("more") == first, "the incremental backup is not the disk"
    guest.ok("drive-mirror", job_id="mirror", device="d", target=path("m"), sync="full",
             node_name="new")
    guest.event("BLOCK_JOB_READY")
    guest.ok("block-job-complete", device="mirror")
    guest.completed()
    guest.console.sendall(b"\n")
    assert guest.line(r"SHA (\w{64})").group(1) == first, "the disk has changed"
    guest.console.sendall(b"\n")
    rounds = guest.line(r"ROUNDS (\d+)").group(1)
    assert guest.process.wait(60) == 0
    assert contents("m") == first, "the mirror is not the disk"
    qemu_img("check", path("d"))
    qemu_img("check", path("full"))
    print(f"{rounds} rounds of writes, all as it must be")


main()
