#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Formats that are only read, against qemu-img. Usage: image-formats.py BUILD"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

tool = os.path.join(sys.argv[1], "tests/image/tool/image-tool")
failures = 0

KINDS = [("vmdk", f"subformat={s}{o}") for s in ("monolithicSparse", "streamOptimized", "monolithicFlat",
                                                 "twoGbMaxExtentSparse", "twoGbMaxExtentFlat")
         for o in ("", ",adapter_type=lsilogic")]
KINDS += [("vmdk", "zeroed_grain=on"), ("vdi", "static=off"), ("vdi", "static=on"),
          ("vhdx", "subformat=dynamic"), ("vhdx", "subformat=fixed"), ("vhdx", "block_size=1M"),
          ("vhdx", "block_size=256M"), ("vpc", "subformat=dynamic,force_size=on"), ("vpc", "subformat=dynamic"),
          ("vpc", "subformat=fixed,force_size=on")]


def call(*argv, ok=True):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60)
    text = done.stdout.decode(errors="replace")
    if ok and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))}: exit status {done.returncode}: {text}")
    return text if ok else (done.returncode, text)


def check(what, condition, detail=""):
    global failures
    if not condition:
        failures += 1
        print(f"{what}: FAILED {detail}", flush=True)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def patch(path, to, *changes):
    data = bytearray(open(path, "rb").read())
    for offset, new in changes:
        data[offset:offset + len(new)] = new
    open(to, "wb").write(data)
    return to


def mend_vhdx(path, offset, size):
    data = bytearray(open(path, "rb").read())
    part = data[offset:offset + size]
    part[4:8] = bytes(4)
    data[offset + 4:offset + 8] = struct.pack("<I", crc32c(part))
    open(path, "wb").write(data)


def refused(what, path, fmt, word):
    status, text = call(tool, "do", "-f", fmt, "-r", path, "info", ok=False)
    check(what, status == 1 and word in text, f"{status} {text}")


def contents():
    """Three clusters of data, holes and zeros, a size that is no multiple of anything but sectors."""
    r = random.Random(7)
    with open("raw", "wb") as f:
        f.write(r.randbytes(200000))
        f.seek(3 << 20)
        f.write(b"text " * 100000)
        f.seek(33 << 20)
        f.write(r.randbytes(70000))
        f.truncate((40 << 20) + 512 * 7)
    for number, (fmt, options) in enumerate(KINDS):
        name = f"{number}.{fmt}"
        call("qemu-img", "convert", "-O", fmt, "-o", options, "raw", name)
        # the same size as QEMU's, which vpc rounds up to a geometry
        call("qemu-img", "convert", "-f", fmt, "-O", "raw", name, "back")
        what = f"{fmt} {options}"
        status, text = call(tool, "do", "-f", fmt, "-r", name, "compare back", "map", ok=False)
        check(what, status == 0, text)
        if not options.startswith("subformat=fixed") or fmt == "vhdx":
            status, text = call(tool, "do", "-r", name, "info", ok=False) # found by contents
            check(what + " probed", f"format {fmt}\n" in text, text)
        facts(what, fmt, name)
        extents(what, call(tool, "do", "-f", fmt, "-r", name, "map"))
        status, text = call(tool, "do", "-f", fmt, name, "write 0 512 1", ok=False)
        check(what + " written", status == 1 and "can only be read" in text, text)
    pieces()


def extents(what, text):
    """What is data covers what is not zero, and what is not data does not."""
    data = open("back", "rb").read()
    at, holes = 0, 0
    for line in text.splitlines():
        words = line.split()
        start, size, flags = int(words[0], 16), int(words[1], 16), int(words[3], 16)
        check(what + " map", start == at, line)
        if flags & 1:
            check(what + " map", flags & 4, line)
        else:
            check(what + " map", data.count(0, start, start + size) == min(size, len(data) - start), line)
            holes += size
        if " at " in line:
            place, name = line.split(" at ")[1].split(" of ")
            with open(name, "rb") as f:
                f.seek(int(place, 16))
                check(what + " map", f.read(size) == data[start:start + size], line)
        at += size
    check(what + " map", at == len(data), text)
    check(what + " map", holes or "lat" in what or "fixed" in what or "static=on" in what or
          "block_size=256M" in what, "no holes")


def facts(what, fmt, name):
    theirs = json.loads(call("qemu-img", "info", "-f", fmt, "--output=json", name))
    ours = dict(line.split(" ", 1) for line in call(tool, "do", "-f", fmt, "-r", name, "info").splitlines())
    check(what + " size", int(ours["virtual-size"]) == theirs["virtual-size"], ours)
    check(what + " cluster", int(ours["cluster-size"]) == theirs.get("cluster-size", 0), ours)
    for key, value in theirs.get("format-specific", {}).get("data", {}).items():
        mine = json.loads(ours[key]) if key == "extents" else ours.get(key)
        check(f"{what} {key}", mine == value or mine == str(value), f"{mine} {value}")


def pieces():
    """Reads that begin and end anywhere."""
    call("qemu-img", "convert", "-O", "vmdk", "-o", "subformat=streamOptimized", "raw", "p.vmdk")
    call("qemu-img", "convert", "-f", "vmdk", "-O", "raw", "p.vmdk", "back")
    call("qemu-img", "create", "-q", "-f", "vmdk", "-o", "backing_fmt=vmdk", "-b", "p.vmdk", "child.vmdk")
    call("qemu-io", "-f", "vmdk", "-c", "write -P 9 100k 50k", "child.vmdk")
    call("qemu-img", "convert", "-f", "vmdk", "-O", "raw", "child.vmdk", "back")
    text = call(tool, "do", "-f", "vmdk", "-r", "child.vmdk", "compare back", "info")
    check("vmdk with a parent", "backing-filename p.vmdk" in text, text)
    call("qemu-img", "convert", "-O", "vmdk", "raw", "p.vmdk") # another CID
    status, text = call(tool, "do", "-f", "vmdk", "-r", "child.vmdk", "compare back", ok=False)
    check("vmdk whose parent changed", status == 1, text)


def damaged():
    call("qemu-img", "convert", "-O", "vmdk", "raw", "g.vmdk")
    call("qemu-img", "convert", "-O", "vmdk", "-o", "subformat=monolithicFlat", "raw", "f.vmdk")
    call("qemu-img", "convert", "-O", "vdi", "raw", "g.vdi")
    call("qemu-img", "convert", "-O", "vhdx", "-o", "log_size=1M", "raw", "g.vhdx")
    call("qemu-img", "convert", "-O", "vpc", "raw", "g.vpc")
    sparse = open("g.vmdk", "rb").read()
    at = sparse.index(b"monolithicSparse")
    refused("vmdk type", patch("g.vmdk", "b", (at, b"vmfsSparseThing!")), "vmdk",
            "type 'vmfsSparseThing!' are not supported")
    refused("vmdk COWD", patch("g.vmdk", "b", (0, b"COWD")), "vmdk", "COWD")
    refused("vmdk version", patch("g.vmdk", "b", (4, b"\4")), "vmdk", "version 4")
    refused("vmdk directory", patch("g.vmdk", "b", (56, b"\xff" * 7 + b"\0")), "vmdk", "directory")
    refused("vmdk grains", patch("g.vmdk", "b", (20, b"\3\0")), "vmdk", "grain size")
    text = open("f.vmdk", "rb").read()
    open("b", "wb").write(text.replace(b"f-flat.vmdk", b"nbd:x-f.vmdk"))
    refused("vmdk extent of a protocol", "b", "vmdk", "without the name of a file")
    open("b", "wb").write(text.replace(b" FLAT ", b" VMFSRDM "))
    refused("vmdk extent type", "b", "vmdk", "'VMFSRDM' are not supported")
    open("b", "wb").write(text.replace(b"f-flat.vmdk", b"missing.vmdk"))
    refused("vmdk extent missing", "b", "vmdk", "extent of 'b'")
    refused("vdi parent", patch("g.vdi", "b", (76, b"\4")), "vdi", "parent")
    refused("vdi version", patch("g.vdi", "b", (68, b"\2")), "vdi", "version 1.2")
    refused("vdi blocks", patch("g.vdi", "b", (384, b"\xff\xff\xff\x7f")), "vdi", "cut off")
    refused("vdi size", patch("g.vdi", "b", (368, b"\xff" * 8)), "vdi", "disk size")
    refused("vpc parent", patch_vpc(4), "vpc", "parent")
    refused("vpc checksum", patch("g.vpc", "b", (20, b"x"), (os.path.getsize("g.vpc") - 492, b"x")),
            "vpc", "damaged")
    for fmt in ("vmdk", "vdi", "vhdx", "vpc"):
        whole = open("g." + fmt, "rb").read()
        for size in (0, 3, 100, 511, 700, 1535, 65536, 200000):
            open("cut", "wb").write(whole[:size])
            status, text = call(tool, "do", "-f", fmt, "-r", "cut", "map", "save out", ok=False)
            check(f"{fmt} cut off at {size}", status in (0, 1), f"{status} {text}")


def patch_vpc(kind):
    data = bytearray(open("g.vpc", "rb").read())
    for at in (0, len(data) - 512):
        data[at + 60:at + 64] = struct.pack(">I", kind)
        data[at + 64:at + 68] = bytes(4)
        data[at + 64:at + 68] = struct.pack(">I", ~sum(data[at:at + 512]) & 0xffffffff)
    open("b", "wb").write(data)
    return "b"


def vhdx():
    guid = bytes(range(16))
    patch("g.vhdx", "b", (65536 + 48, guid), (131072 + 48, guid))
    for at in (65536, 131072):
        mend_vhdx("b", at, 4096)
    status, text = call(tool, "do", "-f", "vhdx", "-r", "b", "compare raw", ok=False)
    check("vhdx with an empty log", status == 0, text)
    log = struct.unpack("<Q", open("b", "rb").read()[65536 + 72:65536 + 80])[0]
    entry = b"loge" + bytes(4) + struct.pack("<IIQII", 4096, 0, 1, 0, 0) + guid
    patch("b", "b", (log, entry))
    status, text = call(tool, "do", "-f", "vhdx", "-r", "b", "compare raw", ok=False)
    check("vhdx with a torn log entry", status == 0, text)
    mend_vhdx("b", log, 4096)
    refused("vhdx log", "b", "vhdx", "log has to be replayed")
    refused("vhdx headers", patch("g.vhdx", "b", (65536, b"x"), (131072, b"x")), "vhdx", "headers")
    patch("g.vhdx", "b", (65536, b"x"))
    status, text = call(tool, "do", "-f", "vhdx", "-r", "b", "compare raw", ok=False)
    check("vhdx with one header", status == 0, text)
    refused("vhdx regions", patch("g.vhdx", "b", (196608, b"x"), (262144, b"x")), "vhdx", "region tables")
    data = open("g.vhdx", "rb").read()
    table = data.index(b"metadata\0\0")
    params = data.index(bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b"), table)
    offset = struct.unpack("<I", data[params + 16:params + 20])[0]
    refused("vhdx parent", patch("g.vhdx", "b", (table + offset + 4, b"\2")), "vhdx", "parent")
    refused("vhdx block size", patch("g.vhdx", "b", (table + offset, b"\1")), "vhdx", "block size")


def main():
    with tempfile.TemporaryDirectory(prefix="image-formats-") as folder:
        os.chdir(folder)
        contents()
        damaged()
        vhdx()
        os.chdir("/")
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
