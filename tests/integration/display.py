# SPDX-License-Identifier: LGPL-2.1-or-later
"""Displays and input of a q35 guest through QMP: display.py VEMU KERNEL INITRAMFS."""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import zlib

VEMU, KERNEL, INITRAMFS = sys.argv[1:4]
VGABIOS = "/usr/share/seabios/vgabios-ramfb.bin"
LIMIT = 120


class Machine:
    def __init__(self, *options):
        self.work = tempfile.TemporaryDirectory()
        self.log = os.path.join(self.work.name, "log")
        path = os.path.join(self.work.name, "qmp")
        self.process = subprocess.Popen(
            [VEMU, "-accel", "soft", "-machine", "q35", "-m", "256M", "-display", "none", "-vga", "none",
             "-serial", f"file:{self.log}", "-qmp", f"unix:{path},server=on,wait=off", *options],
            stdin=subprocess.DEVNULL)
        self.deadline = time.monotonic() + LIMIT
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                self.check_time("QMP socket")
        self.file = self.socket.makefile("r")
        json.loads(self.file.readline())
        self.command("qmp_capabilities")

    def text(self):
        return open(self.log, errors="replace").read().replace("\r", "")

    def check_time(self, what):
        if time.monotonic() > self.deadline:
            self.process.kill()
            print(self.text()[-3000:])
            sys.exit(f"timed out: {what}")
        time.sleep(0.05)

    def command(self, name, **arguments):
        self.socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            message = json.loads(self.file.readline())
            if "event" not in message:
                assert "return" in message, (name, message)
                return message["return"]

    def said(self, text):
        while f"T: {text}" not in self.text():
            self.check_time(text)

    def picture(self):
        """Width, height, and rows of bytes; as PPM, and the same as PNG."""
        ppm, png = (os.path.join(self.work.name, name) for name in ("ppm", "png"))
        self.command("screendump", filename=ppm)
        self.command("screendump", filename=png, format="png")
        data = open(ppm, "rb").read()
        width, height = (int(n) for n in re.match(rb"P6\n(\d+) (\d+)\n255\n", data).groups())
        body = data[-width * height * 3:]
        rows = [body[y * width * 3:(y + 1) * width * 3] for y in range(height)]
        return width, height, rows, open(png, "rb").read()

    def end(self):
        self.command("quit")
        self.process.wait(timeout=20)


def png_rows(data, width):
    """Of a PNG without filters."""
    at, packed = 8, b""
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        kind, body = data[at + 4:at + 8], data[at + 8:at + 8 + size]
        assert zlib.crc32(kind + body) == int.from_bytes(data[at + 8 + size:at + 12 + size], "big")
        packed += body if kind == b"IDAT" else b""
        at += 12 + size
    raw, row = zlib.decompress(packed), 1 + 3 * width
    return [raw[y * row + 1:(y + 1) * row] for y in range(len(raw) // row)]


def linux():
    m = Machine("-kernel", KERNEL, "-initrd", INITRAMFS, "-append", "console=ttyS0 quiet panic=-1",
                "-no-reboot", "-device", "bochs-display,xres=1280,yres=720", "-device", "virtio-keyboard-pci,id=kbd",
                "-device", "virtio-tablet-pci,id=tab")
    m.said("screen 1280,720 32")
    m.said("ready")
    colours = [bytes.fromhex(c) for c in ("aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa").split()]
    painted = [colours[y // 16 % 7] * 1280 for y in range(720)]
    while True:  # the driver copies what was written a moment later
        width, height, rows, png = m.picture()
        assert (width, height) == (1280, 720)
        if rows == painted:
            break
        wrong = [y for y in range(720) if rows[y] != painted[y]]
        m.check_time(f"the picture; rows {wrong[:9]} differ, the first begins with {rows[wrong[0]][:12]}")
    if png_rows(png, width) != rows:
        sys.exit("PNG and PPM differ")
    names = dict((m, int(n)) for m, n in re.findall(r'device N: Name="(.*)"\nT: device H: .*event(\d)', m.text()))
    mouse = next(n for name, n in names.items() if "Mouse" in name)
    keyboard, tablet, ps2 = (names[n] for n in ("vemu virtio keyboard", "vemu virtio tablet",
                                                "AT Translated Set 2 keyboard"))
    time.sleep(1)  # readers open their devices
    key = [{"type": "key", "data": {"key": {"type": "qcode", "data": "f1"}, "down": down}} for down in (True, False)]
    m.command("send-key", keys=[{"type": "qcode", "data": "a"}])
    m.command("input-send-event", device="i8042", events=key)
    m.command("input-send-event", events=[{"type": "abs", "data": {"axis": "x", "value": 1000}},
                                          {"type": "abs", "data": {"axis": "y", "value": 2000}},
                                          {"type": "btn", "data": {"button": "left", "down": True}}])
    m.command("input-send-event", events=[{"type": "rel", "data": {"axis": "x", "value": 7}},
                                          {"type": "rel", "data": {"axis": "y", "value": -9}}])
    m.command("input-send-event", device="tab", events=[{"type": "btn", "data": {"button": "wheel-up", "down": True}}])
    m.command("input-send-event", device="i8042", events=[{"type": "btn", "data": {"button": "right", "down": True}}])
    for line in (f"event {keyboard} 1 30 1", f"event {keyboard} 1 30 0",
                 f"event {ps2} 1 59 1", f"event {ps2} 1 59 0",
                 f"event {tablet} 3 0 1000", f"event {tablet} 3 1 2000", f"event {tablet} 1 272 1",
                 f"event {tablet} 2 8 1",
                 f"event {mouse} 2 0 7", f"event {mouse} 2 1 {65536 - 9}", f"event {mouse} 1 273 1"):
        m.said(line + "\n")
    times = m.command("query-boot-times")
    assert 0 < times["realized"] <= times["started"] == times["kernel"] < times["output"], times
    m.end()


def firmware():
    """SeaBIOS writes text on ramfb."""
    if not os.path.exists(VGABIOS):
        print("no VGA BIOS for ramfb: SeaBIOS is not tested")
        return
    m = Machine("-device", "ramfb,id=fb")
    while True:
        width, height, rows, _ = m.picture()
        lit = sum(any(row) for row in rows)
        if m.command("query-displays")[0]["active"] and lit > 20:
            break
        m.check_time("text of SeaBIOS")
    assert (width, height) == (640, 400) or width >= 640, (width, height)
    m.end()




linux()
firmware()
