# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives a program on a pseudo-terminal: expect a text, type a text."""
import os
import pty
import select
import signal
import sys
import time


class Terminal:
    def __init__(self, argv, env=None, cwd=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if cwd:
                os.chdir(cwd)
            os.execvpe(argv[0], argv, env or os.environ)
        self.output = ""
        self.at = 0

    def read(self, timeout):
        ready, _, _ = select.select([self.fd], [], [], timeout)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.output += data.decode(errors="replace")
        return bool(data)

    def expect(self, text, timeout=60):
        """Waits until `text` comes behind what was expected before."""
        deadline = time.monotonic() + timeout
        while text not in self.output[self.at:]:
            left = deadline - time.monotonic()
            if left <= 0 or (not self.read(left) and self.ended()):
                sys.exit(f"'{text}' did not come; the terminal shows:\n{self.output[-3000:]}")
        self.at = self.output.index(text, self.at) + len(text)

    def ended(self):
        pid, self.status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.pid = 0
        return bool(pid)

    def type(self, text):
        os.write(self.fd, text.encode())

    def finish(self, timeout=60):
        """Exit status."""
        deadline = time.monotonic() + timeout
        while self.pid and not self.ended():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                sys.exit(f"it did not end; the terminal shows:\n{self.output[-3000:]}")
            self.read(0.1)
        return os.waitstatus_to_exitcode(self.status)
