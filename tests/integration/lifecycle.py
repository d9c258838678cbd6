#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pauses, resumes, resets and ends a guest through QMP while it halts, spins or does I/O.

lifecycle.py VEMU PAYLOAD ACCEL MODE: exit status 0 when all of it went as it should.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time


class Guest:
    def __init__(self, vemu, payload, accel, mode, folder):
        self.text_file = os.path.join(folder, "text")
        path = os.path.join(folder, "qmp")
        self.process = subprocess.Popen([
            vemu, "-accel", accel, "-machine", "microvm", "-m", "8M", "-kernel", payload,
            "-append", mode, "-nodefaults", "-qmp", f"unix:{path},server=on,wait=off", "-chardev",
            f"file,id=text,path={self.text_file}", "-device", "isa-debugcon,chardev=text"])
        deadline = time.monotonic() + 10
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self.socket.settimeout(10)
        self.stream = self.socket.makefile("rw")
        self.events = []
        json.loads(self.stream.readline())
        self.command("qmp_capabilities")

    def message(self):
        line = self.stream.readline()
        if not line:
            raise EOFError("the monitor was closed")
        return json.loads(line)

    def command(self, name, **arguments):
        self.stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            reply = self.message()
            if "event" in reply:
                self.events.append(reply["event"])
            elif "error" in reply:
                raise RuntimeError(f"{name}: {reply['error']}")
            else:
                return reply["return"]

    def text(self):
        with open(self.text_file, encoding="ascii") as file:
            return file.read()

    def wait_text(self, what, enough):
        deadline = time.monotonic() + 15
        while not enough(self.text()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: the guest said only {self.text()[-60:]!r}")
            time.sleep(0.005)

    def more_ticks(self, what):
        before = self.text().count(".")
        self.wait_text(what, lambda text: text.count(".") > before + 2)


def check(what, good):
    if not good:
        raise AssertionError(what)


def life(guest):
    guest.wait_text("start", lambda text: "start" in text)
    guest.more_ticks("running")
    for _ in range(5):
        guest.command("stop")
        check("status is paused", guest.command("query-status")["status"] == "paused")
        before = guest.text()
        time.sleep(0.05)
        check("a stopped guest says nothing", guest.text() == before)
        guest.command("cont")
        check("status is running", guest.command("query-status")["running"])
        guest.more_ticks("after cont")
    for count in (2, 3, 4):
        guest.command("system_reset")
        guest.wait_text("reset", lambda text, n=count: text.count("start") == n)
        guest.more_ticks("after reset")
    guest.command("stop")
    guest.command("system_reset")
    check("a reset does not resume", guest.command("query-status")["status"] == "paused")
    check("nor does the guest start", guest.text().count("start") == 4)
    guest.command("cont")
    guest.wait_text("cont", lambda text: text.count("start") == 5)
    guest.more_ticks("after reset and cont")
    guest.command("quit")
    check("exit status", guest.process.wait(10) == 0)
    check("events", {"STOP", "RESUME", "RESET"} <= set(guest.events))


def main():
    vemu, payload, accel, mode = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        guest = Guest(vemu, payload, accel, mode, folder)
        try:
            life(guest)
        finally:
            guest.process.kill()
            guest.process.wait()


main()
