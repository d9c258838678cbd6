#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares instruction lengths of the software CPU's decoder with objdump's, for random bytes.

usage: lengths.py LENGTHS-DUMP [COUNT [SEED]]

Every opcode of the one-byte, 0F, 0F 38 and 0F 3A maps is tried with random prefixes, ModRM, SIB and
operands in 16-, 32- and 64-bit mode. Encodings that objdump calls bad are left out, and so are those
that the decoder gives to no group, since an invalid instruction has no length to agree about.
"""
import random
import re
import shutil
import subprocess
import sys
import tempfile

PREFIX_ONLY = re.compile(r"^(rex(\.\w+)?|data16|data32|addr16|addr32|[cdefgs]s|repz|repnz|lock|"
                         r"xacquire|xrelease|bnd|notrack)( (rex(\.\w+)?|data16|data32|addr16|addr32|"
                         r"[cdefgs]s|repz|repnz|lock))*$")
# Forms that objdump knows and this CPU has no group for, or about which the two differ knowingly.
KNOWN = re.compile(r"\(bad\)|^v|^k[a-z]+[bwdq]|^bl|^tzmsk|^t1mskc|^llwpcb|^slwpcb|^lwp|^bextr|^rd[fg]s|\b(insert|extr)q\b|"
                   r"^jmpe|^xabort|^xbegin|^pf|^pi2f|^femms|^montmul|^x(store|crypt|sha)")
LEGACY = b"\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3"


def objdump_misreads(code, mode):
    """objdump glues FWAIT to the x87 instruction behind it and ends an instruction at a REX prefix
    that is not the last one (SDM Vol. 2, 2.2.1: such a REX is ignored)."""
    at, rex = 0, False
    while code[at] in LEGACY or (mode == 64 and code[at] & 0xf0 == 0x40):
        if rex:
            return True
        rex = mode == 64 and code[at] & 0xf0 == 0x40
        at += 1
    return code[at] == 0x9b


def candidates(count, rng, mode):
    maps = [b"", b"\x0f", b"\x0f\x38", b"\x0f\x3a"]
    prefixes = [0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x36, 0x64, 0x65]
    for n in range(count):
        lead = bytes(rng.choice(prefixes) for _ in range(rng.choice((0, 0, 0, 1, 1, 2))))
        if mode == 64 and rng.random() < 0.5:
            lead += bytes([rng.randrange(0x40, 0x50)])
        which = maps[rng.choice((0, 0, 0, 1, 1, 1, 2, 3))]
        body = which + bytes([n % 256]) + rng.randbytes(14)
        yield (lead + body)[:15] + b"\x90" * 17


def reference(path, mode):
    """Slot number -> (length, text), joining prefixes that objdump shows on lines of their own."""
    cpu = {16: "i8086", 32: "i386", 64: "i386:x86-64"}[mode]
    out = subprocess.run(["objdump", "-D", "-b", "binary", "-m", cpu, "-M", "intel64",
                          "--insn-width=16", "-z", path], check=True, capture_output=True,
                         text=True).stdout
    slots = {}
    carry = {}
    for line in out.splitlines():
        m = re.match(r"^\s*([0-9a-f]+):\t([0-9a-f ]+?)\s*(?:\t(.*))?$", line)
        if not m:
            continue
        address, length, text = int(m[1], 16), len(m[2].split()), (m[3] or "").strip()
        slot = address // 32
        if slot in slots:
            continue
        if address % 32 == 0:
            start = 0
        elif carry.get(slot) == address % 32:
            start = carry[slot]
        else:
            continue
        if PREFIX_ONLY.match(text):
            carry[slot] = start + length
        else:
            slots[slot] = (start + length, text)
    return slots


def main():
    dump = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    if not shutil.which("objdump"):
        print("objdump is not installed")
        return 77
    failures = compared = 0
    for mode in (16, 32, 64):
        rng = random.Random(seed * 100 + mode)
        with tempfile.NamedTemporaryFile() as f:
            data = list(candidates(count, rng, mode))
            f.write(b"".join(data))
            f.flush()
            ours = subprocess.run([dump, str(mode), f.name], check=True, capture_output=True,
                                  text=True).stdout.split("\n")
            theirs = reference(f.name, mode)
        for n, bytes_ in enumerate(data):
            length, group = map(int, ours[n].split())
            if n not in theirs or KNOWN.search(theirs[n][1]) or group == 0 \
                    or objdump_misreads(bytes_, mode):
                continue
            compared += 1
            if theirs[n][0] != length:
                failures += 1
                if failures <= 40:
                    print(f"{mode}: {bytes_[:15].hex(' ')}: {length}, objdump {theirs[n][0]}"
                          f" {theirs[n][1]}")
    print(f"{compared} compared, {failures} differ")
    return 1 if failures or compared < count else 0


sys.exit(main())
