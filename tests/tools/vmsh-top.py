#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmsh-top.py VMSH: the live view, as text and on terminals of all sizes."""
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

from vmsh_pty import Terminal

VMSH = os.path.abspath(sys.argv[1])
URI = "test:///default"
NAMES = ["alpha", "beta", "a domain with a name that is longer than any terminal is wide, so that it has to be cut"]
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


def domains(home):
    """a command string that makes them"""
    words = []
    for number, name in enumerate(NAMES, 1):
        path = os.path.join(home, f"{number}.xml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(f"<domain type='test'><name>{name}</name><memory unit='MiB'>{number * 100}</memory>"
                      f"<vcpu>{number}</vcpu><os><type>hvm</type></os></domain>")
        words.append(f"create {path}")
    return "; ".join(words + ["suspend beta"])


def run(*args, **env):
    return subprocess.run([VMSH, "-q", "-c", URI, *args], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8", **env}, check=False)


def fails(message, *args, **env):
    done = run(*args, **env)
    assert done.returncode == 1 and message in done.stderr, (args, done)


def batch(home):
    begin = time.monotonic()
    done = run(domains(home) + "; top --batch --count 2 --interval 0.2 --sort memory")
    assert done.returncode == 0 and not done.stderr, done
    assert time.monotonic() - begin >= 0.4, "it looks again after the interval"
    assert "\x1b" not in done.stdout, "text has no escape sequences"
    looks = re.findall(r"^\d\d:\d\d:\d\d test:///default by memory: 4 domains, 3 running, 1 paused\n"
                       r"CPU [\d.]+% of 1600%, memory 2\.6G of 3\.0G, 8 vCPUs\n\n( +ID .* NAME\n(?:.+\n)+)", done.stdout,
                       re.M)
    assert len(looks) == 2, done.stdout
    rows = [line.split(None, 11) for line in looks[0].splitlines()]
    assert rows[0] == "ID STATE VCPU %CPU TIME MEM RSS RD/s WR/s RX/s TX/s NAME".split(), rows
    assert [row[11] for row in rows[1:]] == ["test", NAMES[2], "beta", "alpha"], rows
    assert rows[2][1:3] + rows[2][5:6] == ["running", "3", "300M"] and rows[3][1] == "paused", rows
    assert all(re.fullmatch(r"\d+\.\d", row[3]) for row in rows[1:]), "rates are there from the first look"
    names = [line.split(None, 11)[11] for line in
             run(domains(home) + "; top --batch --count 1 --interval 0.1 --sort name").stdout.splitlines()[4:8]]
    assert names == sorted(names), names


def refused():
    fails("a live view needs a terminal; --batch prints text", "top")
    fails("unknown sort key 'zork'", "top --batch --count 1 --sort zork")
    for value in ("0", "x", "-1", "nan", "4000", "2x"):
        fails(f"Numeric value '{value}' for <interval> option is malformed or out of range",
              f"top --batch --count 1 --interval={value}")
    fails("Numeric value '0' for <count> option is malformed or out of range", "top --batch --count 0")
    with Terminal([VMSH, "-c", URI, "top"], {"TERM": "dumb"}) as t:
        assert t.wait() == 1 and "terminal 'dumb' cannot show a live view" in t.rest(), t.rest()
    assert "network" in run("--complete", "top --sort ").stdout.split(), "completion"


def resize(terminal, lines, columns):
    fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def picture(terminal):
    """the lines of the next whole picture"""
    terminal.expect("\x1b[H")
    text = terminal.expect("\x1b[J").replace("\r", "")
    return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in text.split("\n")]


def after(terminal, keys):
    """the first picture that is drawn because of these keys"""
    while terminal.read(0) and select_more(terminal):
        pass
    terminal.at = len(terminal.seen)
    terminal.send(keys)
    return picture(terminal)


def select_more(terminal):
    size = len(terminal.seen)
    terminal.read(0.05)
    return len(terminal.seen) != size


def live(home):
    argv = [VMSH, "-q", "-c", URI, domains(home) + "; top --interval 60"]
    with Terminal(argv, {"LC_ALL": "C.UTF-8"}) as t:
        t.expect(ENTER.decode())
        resize(t, 24, 80)
        os.kill(t.pid, signal.SIGWINCH)
        for lines, columns in ((24, 80), (50, 200), (10, 40), (6, 20), (5, 10), (4, 30), (2, 12), (1, 1), (24, 132)):
            resize(t, lines, columns)
            seen = after(t, "h")
            assert len(seen) <= lines, (lines, columns, seen)
            assert all(len(line) <= columns for line in seen), (lines, columns, seen)
            if columns >= 20 and lines > 4:
                assert "%CPU" in seen[3] and "NAME" in seen[3], (lines, columns, seen)
            if columns >= 132:
                assert "VCPU" in seen[3] and "TX/s" in seen[3], seen
        resize(t, 24, 132)
        assert " by cpu:" in after(t, "c")[0]
        by_memory = after(t, "m")
        assert " by memory:" in by_memory[0] and by_memory[4].endswith(" test"), by_memory
        by_name = after(t, "a")
        assert [line.split()[-1] for line in by_name[5:7]] == ["alpha", "beta"], by_name
        # what does not fit is reached by scrolling, and no further than the last
        resize(t, 6, 132)
        first = after(t, "i")
        assert len(first) == 6 and first[4].endswith(" test"), first
        assert after(t, "\x1b[B")[4].endswith(" alpha")
        assert after(t, "\x1b[B\x1b[B\x1b[B\x1b[B\x1b[B")[5].strip().startswith("4 "), "the last line"
        assert after(t, "\x1b[5~\x1b[5~\x1b[5~\x1b[5~")[4].endswith(" test")
        assert t.modes()[3] & (termios.ICANON | termios.ECHO) == 0, "keys are read, not lines"
        t.send("q")
        assert t.wait() == 0, t.rest()
        assert t.seen.endswith(LEAVE) and t.modes() == t.before, "the terminal is as it was"


def ended_otherwise(home):
    for end, status in ((lambda t: t.send("\x03"), 0), (lambda t: os.kill(t.pid, signal.SIGTERM), -signal.SIGTERM),
                        (lambda t: os.kill(t.pid, signal.SIGHUP), -signal.SIGHUP)):
        with Terminal([VMSH, "-q", "-c", URI, "top --interval 0.1"]) as t:
            picture(t)
            picture(t) # it looks by itself
            end(t)
            assert t.wait() == status, t.status
            assert LEAVE in t.seen and t.modes() == t.before, "the terminal is as it was"
    with Terminal([VMSH, "-q", "-c", URI, "top --interval 0.1 --count 3; list --name"]) as t:
        assert t.wait() == 0 and t.seen.count(b"\x1b[H") == 3, t.seen
        assert t.seen.split(LEAVE)[1].split() == [b"test"], "the next command's output is on the usual screen"


def main():
    with tempfile.TemporaryDirectory() as home:
        batch(home)
        refused()
        live(home)
        ended_otherwise(home)


main()
