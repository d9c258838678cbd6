# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-edges.py BUILD WORK: odd packets are answered with the bytes that libvirtd 9.0 answers.

tests/golden/rpc/edge-cases.txt has what was recorded of it. One thing differs on purpose: an error's strings
for clients that translate are "%s" and the whole sentence here (libvmgr/src/rpc/errors.c)."""
import os
import select
import struct
import sys

from vmgrd_daemon import Daemon, Raw, check, document, string

BUILD, WORK = sys.argv[1:3]
CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden/rpc/edge-cases.txt")
T1 = "11111111-2222-3333-4444-555555555555"
AUTH_LIST, SUPPORTS_FEATURE, DEFINE = 66, 60, 11
# Where this daemon has another answer, and why (libvmgr/docs/rpc.md): (procedure, argument) -> answer
# Features of migration.
DIFFERENT = {(SUPPORTS_FEATURE, feature): 0 for feature in (3, 4, 6, 7, 12, 13)}


def cases():
    """(title, [(bytes sent, bytes expected or a word)])"""
    found = []
    with open(CASES, encoding="utf-8") as lines:
        for line in lines:
            mark, _, rest = line.rstrip("\n").partition(" ")
            if mark == "*":
                found.append((rest, []))
            elif mark == ">":
                found[-1][1].append([bytes.fromhex(rest), None])
            elif mark == "<":
                found[-1][1][-1][1] = bytes.fromhex(rest)
            elif mark == "=":
                found[-1][1][-1][1] = rest
    return found


def expected(sent, wanted):
    procedure, argument = struct.unpack(">12xi12xi", sent) if len(sent) == 32 else (0, 0)
    if (procedure, argument) in DIFFERENT:
        return wanted[:-4] + struct.pack(">i", DIFFERENT[procedure, argument])
    return wanted


def take_string(data, at):
    """A string that may be absent, and where it ends."""
    (there,) = struct.unpack_from(">I", data, at)
    if not there:
        return None, at + 4
    (size,) = struct.unpack_from(">I", data, at + 4)
    return data[at + 8:at + 8 + size].decode(), at + 8 + size + -size % 4


def plain(packet):
    """An error with its sentence alone: what its strings say, put together, must be that."""
    if len(packet) < 40 or packet[12:16] == b"\0\0\0\2" or packet[24:28] != b"\0\0\0\1":
        return packet
    message, at = take_string(packet, 36)
    between = packet[at:at + 8] # level, domain
    form, at = take_string(packet, at + 8)
    detail, at = take_string(packet, at)
    check(form and form.replace("%s", detail or "") == message, f"{form}, {detail}: {message}")
    return packet[4:36], message, between, packet[at:]


def answer(raw):
    """One packet."""
    head = raw.take(4)
    return head + raw.take(struct.unpack(">I", head)[0] - 4)


def one(path, title, steps):
    bare = "before" in title or steps[0][0][12:16] == struct.pack(">I", AUTH_LIST)
    raw = Raw(path, opened=not bare)
    for sent, wanted in steps:
        raw.socket.sendall(sent)
        if isinstance(wanted, bytes):
            got, wanted = answer(raw), expected(sent, wanted)
            check(plain(got) == plain(wanted), f"{title}:\n> {sent.hex()}\n< {got.hex()}\n! {wanted.hex()}\n{got}")
        elif wanted == "timeout":
            ready = select.select([raw.socket], [], [], 0.3)[0]
            check(not ready, f"{title}: is answered")
        else:
            check(raw.closed(), f"{title}: the connection ends")
    return len(steps)


def main():
    daemon = Daemon(BUILD, os.path.join(WORK, "edges"))
    check(isinstance(Raw(daemon.socket).call(DEFINE, string(document("t1", T1))), bytes), "define t1")
    count = sum(one(daemon.socket, title, steps) for title, steps in cases())
    check(count >= 49, f"{count} cases")
    daemon.stop()


main()
