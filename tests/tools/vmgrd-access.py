# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-access.py BUILD WORK: who may do what over unix sockets.

All procedures of protocol.wire are tried: one that is added is covered."""
import grp
import os
import re
import stat
import struct
import subprocess
import sys

from vmgrd_daemon import UUID, Daemon, Raw, check, document, string

BUILD, WORK = sys.argv[1:3]
HERE = os.path.dirname(os.path.abspath(__file__))
WIRE = os.path.join(HERE, "../../libvmgr/src/rpc/protocol.wire")
DENIED, NO_SUPPORT, NO_CHECKPOINT = 29, 3, 103
READ_ONLY = 1 # of CONNECT_OPEN's flags
PROGRAMS = {"remote": 0x20008086, "qemu": 0x20008087, "lxc": 0x20008088}
# What a question's name has; and what names have that say of a change.
ASKS = re.compile(r"_(get|list|num|lookup|is|has|supports|compare|baseline|register|deregister|"
                  r"unregister|current|stats)(_|$)|(^|_)(open|close|auth|stats|num)(_|$)|_stats|_info$|_addresses$")
CHANGES = re.compile(r"_(set|create|define|undefine|destroy|start|attach|detach|update|delete|add|del|"
                     r"pin|reset|reboot|resume|suspend|shutdown|save|restore|migrate|abort|rename|send|"
                     r"inject|resize|wipe|upload|build|refresh|revert|pull|commit|copy|rebase|peek|"
                     r"dump|fsfreeze|fsthaw|fstrim|begin|rollback|alloc|command)(_|$)")
READS_ALL_THE_SAME = { # questions that have such a word in their names
    "domain_managed_save_get_xml_desc", "domain_has_managed_save_image", "domain_get_vcpu_pin_info",
    "domain_get_emulator_pin_info"}


def calls():
    """(program, number, name, words)"""
    program, found = None, []
    with open(WIRE, encoding="utf-8") as lines:
        for line in lines:
            if match := re.match(r"program ([a-z]+) (0x[0-9a-f]+)", line):
                program = match[1], int(match[2], 16)
            elif match := re.match(r"call (\d+) (\w+)((?: [a-z]+)*) \(", line):
                found.append((*program, int(match[1]), match[2], match[3].split()))
    return found


def opened(path, flags):
    raw = Raw(path, opened=False)
    check(raw.call(66) == struct.pack(">II", 1, 0), "nothing more is asked of root")
    check(raw.call(1, struct.pack(">II", 0, flags)) == b"", "it opens")
    return raw


def words(table):
    """What is open to those who may only look is a question by its name, too."""
    for _, _, _, name, has in table:
        if "read" in has and "unauth" not in has:
            check(ASKS.search(name), f"{name} has the word 'read', but asks nothing")
            check(not CHANGES.search(name) or name in READS_ALL_THE_SAME,
                  f"{name} has the word 'read', but seems to change something")


def read_only(daemon, table):
    """Each procedure that is no question is refused, by its name, before anything of it is looked at; whether
    the socket or the client's own wish makes it read-only."""
    for path, flags in ((daemon.socket + "-ro", 0), (daemon.socket, READ_ONLY)):
        raw = opened(path, flags)
        refused = 0
        for program, number, procedure, name, has in table:
            if name in ("connect_open", "connect_close"):
                continue
            answer = raw.call(procedure, program=number)
            code = answer[0] if isinstance(answer, tuple) else 0
            if "read" in has or "unauth" in has:
                check(code != DENIED, f"{name} may be asked: {answer}")
                continue
            full = name if program == "remote" else f"{program}_{name}"
            check(answer == (DENIED, 7, f"operation forbidden: read only access prevents {full}"),
                  f"{program} {name}: {answer}")
            refused += 1
        check(refused > 150, f"{refused} procedures are refused")


def questions(daemon):
    """Questions that do more than ask are for those who may do more."""
    writer = Raw(daemon.socket)
    check(isinstance(writer.call(11, string(document("g", UUID))), bytes), "define")
    dom = string("g") + bytes.fromhex(UUID.replace("-", "")) + struct.pack(">i", -1)
    check(writer.call(9, dom) == b"", "start")
    reader = opened(daemon.socket + "-ro", 0)
    for what, procedure, payload, wanted in (
            ("secrets of a definition", 14, struct.pack(">I", 1), "virDomainGetXMLDesc with secure flag"),
            ("what migration needs", 14, struct.pack(">I", 8), "virDomainGetXMLDesc with secure flag"),
            ("the agent's CPUs", 200, struct.pack(">I", 8),
             "read only access prevents virDomainGetVcpusFlags"),
            ("the agent's addresses", 353, struct.pack(">II", 1, 0),
             "read only access prevents virDomainInterfaceAddresses")):
        answer = reader.call(procedure, dom + payload)
        check(answer == (DENIED, 7, "operation forbidden: " + wanted), f"{what}: {answer}")
        answer = writer.call(procedure, dom + payload)
        check(not isinstance(answer, tuple) or answer[0] != DENIED, f"{what}, a writer: {answer}")
    for client, flags, wanted in ((reader, 1, DENIED), (reader, 0, NO_CHECKPOINT),
                                  (writer, 1, NO_CHECKPOINT)):
        answer = client.call(412, string("none") + dom + struct.pack(">I", flags))
        check(answer[0] == wanted, f"secrets of a checkpoint's definition, flags {flags}: {answer}")
    for what, procedure, payload in (("a definition", 14, struct.pack(">I", 0)),
                                     ("CPUs", 200, struct.pack(">I", 1)),
                                     ("addresses", 353, struct.pack(">II", 2, 0))):
        answer = reader.call(procedure, dom + payload)
        check(isinstance(answer, bytes), f"{what}: {answer}")
    check(writer.call(12, dom) == b"" and writer.call(35, dom) == b"", "destroy and undefine")


def polkit(daemon):
    """There is none: the socket's mode and the peer's user decide, and what asks for it is told so."""
    answer = Raw(daemon.socket).call(70)
    check(answer == (NO_SUPPORT, 7, "this function is not supported by the connection driver: auth_polkit"),
          f"polkit: {answer}")


def as_user(groups, path, script):
    """What a client of user 65534 prints."""
    text = ("import os, sys\n"
            f"os.setgroups({groups}); os.setgid(65534); os.setuid(65534)\n"
            f"sys.path.insert(0, {HERE!r})\n"
            "from vmgrd_daemon import Raw\n" + script)
    done = subprocess.run(["/usr/bin/python3", "-c", text, path], capture_output=True, text=True,
                          check=False, timeout=60)
    return done.stdout + done.stderr


LOOK = "raw = Raw(sys.argv[1])\nprint(raw.call(3), raw.call(40))\n" # the type; to make a network
KNOCK = "raw = Raw(sys.argv[1], opened=False)\nprint(raw.call(66), raw.call(3))\n"
TYPE, SHUT = "QEMU", "Permission denied"
MAY, MAY_LOOK = "Unable to decode", "read only access prevents network_create_xml"
DAEMON = grp.getgrnam("daemon").gr_gid
# keys; mode of the socket and of the read-only one; who of whom gets what on them
ACCESS = (
    ("", 0o600, 0o600, {(): (SHUT, SHUT), (DAEMON,): (SHUT, SHUT)}),
    ("group = daemon\n", 0o660, 0o660, {(): (SHUT, SHUT), (DAEMON,): (MAY, MAY_LOOK)}),
    ("read_only_for_all = true\n", 0o600, 0o666, {(): (SHUT, MAY_LOOK), (DAEMON,): (SHUT, MAY_LOOK)}),
    ("group = daemon\nread_only_for_all = true\n", 0o660, 0o666,
     {(): (SHUT, MAY_LOOK), (DAEMON,): (MAY, MAY_LOOK)}),
)


def users():
    """Modes of the sockets, and who is let in by them: root, one group, and everybody to look. The mode alone
    does not decide: who gets past it is still asked who he is."""
    root = os.path.join(WORK, "users")
    os.makedirs(os.path.join(root, "etc/vmgr"))
    for folder in (WORK, root):
        os.chmod(folder, 0o755)
    for keys, read_write, for_look, who in ACCESS:
        with open(os.path.join(root, "etc/vmgr/vmgrd.conf"), "w", encoding="utf-8") as out:
            out.write("[vmgrd]\n" + keys)
        daemon = Daemon(BUILD, root)
        for path, wanted in ((daemon.socket, read_write), (daemon.socket + "-ro", for_look)):
            mode = stat.S_IMODE(os.stat(path).st_mode)
            check(mode == wanted, f"'{keys}': {path} has mode {mode:o}")
        for groups, answers in who.items():
            for path, wanted in zip((daemon.socket, daemon.socket + "-ro"), answers):
                said = as_user(list(groups), path, LOOK)
                check(wanted in said and (wanted == SHUT or TYPE in said),
                      f"'{keys}': groups {groups} on {path}: {said}")
                if wanted != SHUT:
                    continue
                mode = stat.S_IMODE(os.stat(path).st_mode)
                os.chmod(path, 0o666)
                said = as_user(list(groups), path, KNOCK)
                check("authentication failed: user 65534 may not use this socket" in said and
                      "authentication required" in said, f"'{keys}': past the mode: {said}")
                os.chmod(path, mode)
        daemon.stop()


def main():
    if os.geteuid() != 0:
        print("not root: other users are not tried")
    table = calls()
    check(len(table) > 350, f"{len(table)} procedures")
    words(table)
    daemon = Daemon(BUILD, os.path.join(WORK, "access"))
    read_only(daemon, table)
    questions(daemon)
    polkit(daemon)
    daemon.stop()
    if os.geteuid() == 0:
        users()


main()
