# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Linux guest under test: QMP, the log of its serial port, and a shell in it over a virtio port.

The shell is what the guest's init starts on the port named org.test.shell (tests/lib/tools-root.sh), so
whatever a test learns from the guest has gone through virtio-serial in both directions.
"""
import json
import os
import socket
import subprocess
import sys
import time


class Guest:
    def __init__(self, argv, work, limit):
        """argv: vemu and its machine; limit: seconds for all of it."""
        self.work = work
        self.deadline = time.monotonic() + limit
        self.log = os.path.join(work, "log")
        self.events = []
        paths = {name: os.path.join(work, name) for name in ("qmp", "shell", "console")}
        for name in ("shell", "console"):
            argv = argv + ["-chardev", f"socket,id={name},path={paths[name]},server=on,wait=off"]
        argv = argv + [
            "-display", "none", "-no-reboot", "-serial", f"file:{self.log}",
            "-qmp", f"unix:{paths['qmp']},server=on,wait=off", "-device", "virtio-serial,id=ports",
            "-device", "virtserialport,chardev=shell,name=org.test.shell",
            "-device", "virtconsole,chardev=console"]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        self.qmp = self.connect(paths["qmp"])
        self.shell = self.connect(paths["shell"])
        self.console = self.connect(paths["console"])
        self.replies = self.qmp.makefile("r")
        self.output = self.shell.makefile("rb")
        json.loads(self.replies.readline())
        self.command("qmp_capabilities")

    def connect(self, path):
        s = socket.socket(socket.AF_UNIX)
        while True:
            try:
                s.connect(path)
                s.settimeout(max(1, self.deadline - time.monotonic()))
                return s
            except OSError:
                self.look(path)
                time.sleep(0.02)

    def fail(self, what):
        self.process.kill()
        self.process.wait()
        print(open(self.log, errors="replace").read()[-3000:])
        sys.exit(f"FAILED: {what}")

    def look(self, what):
        """Time is not up, and the guest is there."""
        if self.process.poll() is not None:
            self.fail(f"vemu ended with {self.process.returncode} at: {what}")
        if time.monotonic() > self.deadline:
            self.fail(f"timed out: {what}")

    def message(self):
        try:
            line = self.replies.readline()
        except TimeoutError:
            line = ""
        if not line:
            self.fail("the monitor says nothing more")
        return json.loads(line)

    def command(self, name, **arguments):
        self.qmp.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            message = self.message()
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                self.fail(f"{name}: {message['error']}")
            else:
                return message["return"]

    def ready(self):
        """Waits for the shell."""
        self.run("true")

    def begin(self, command):
        self.shell.sendall(f"{{ {command}\n}} </dev/null 2>&1; echo \"\n@@ $?\"\n".encode())

    def finish(self, command="command"):
        """The output of what was begun, and its status."""
        lines = []
        while True:
            try:
                line = self.output.readline()
            except TimeoutError:
                line = b""
            if not line:
                self.fail(f"{command}: no end; so far: {''.join(lines)[-2000:]}")
            text = line.decode(errors="replace")
            if text.startswith("@@ "):
                return "".join(lines)[:-1], int(text[3:])
            lines.append(text)

    def run(self, command, status=0):
        """What the command prints, both streams; it must end with the status."""
        self.look(command)
        self.begin(command)
        text, got = self.finish(command)
        if got != status:
            self.fail(f"{command}: status {got}: {text}")
        return text

    def power_off(self):
        self.shell.sendall(b"poweroff -f\n")
        try:
            status = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.fail("the guest does not power off")
        if status != 0:
            self.fail(f"vemu ended with {status}")
