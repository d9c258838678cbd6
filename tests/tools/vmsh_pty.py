# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program on a terminal of its own."""
import fcntl
import os
import pty
import select
import signal
import termios
import time


class Terminal:
    """What a person would type and see. Times out with what was seen instead."""

    def __init__(self, argv, env=None, cwd=None):
        self.seen, self.at, self.status = b'', 0, None
        self.fd, inner = pty.openpty()
        self.before = termios.tcgetattr(self.fd)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.fd)
            os.setsid()
            fcntl.ioctl(inner, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(inner, fd)
            if cwd:
                os.chdir(cwd)
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT): # whoever runs the tests may ignore them
                signal.signal(number, signal.SIG_DFL)
            os.execvpe(argv[0], argv, {**os.environ, 'TERM': 'xterm', **(env or {})})
        os.close(inner)

    def send(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        """False at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b''
        self.seen += data
        return bool(data)

    def expect(self, text, seconds=20):
        """Waits for text after what was expected last; gives what stood before it."""
        end = time.monotonic() + seconds
        while True:
            found = self.seen.find(text.encode(), self.at)
            if found >= 0:
                before = self.seen[self.at:found].decode('utf-8', 'replace')
                self.at = found + len(text.encode())
                return before
            if time.monotonic() > end or not self.read(0.1):
                raise AssertionError(f'{text!r} did not come, but {self.rest()!r}')

    def rest(self):
        return self.seen[self.at:].decode('utf-8', 'replace')

    def wait(self, seconds=20):
        """Until the program ends; its status. What it printed last is in rest()."""
        end = time.monotonic() + seconds
        while self.status is None:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f'it does not end; seen: {self.rest()!r}')
        while select.select([self.fd], [], [], 0)[0] and self.read(0):
            pass
        return self.status

    def gone(self, seconds):
        """Whether the program ends within that time."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def modes(self):
        return termios.tcgetattr(self.fd)

    def editing(self, seconds=20):
        """Waits until it reads keys, not lines: Ctrl-D means another thing to a terminal."""
        end = time.monotonic() + seconds
        while self.modes()[3] & termios.ICANON and time.monotonic() < end:
            self.read(0.01)

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
