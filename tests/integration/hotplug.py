# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugs disks, cards, CPUs and memory into a guest and out of it: hotplug.py VEMU KERNEL INITRAMFS DIR ROUNDS."""
import json
import os
import re
import socket
import subprocess
import sys
import time

VEMU, KERNEL, INITRAMFS, WORK = sys.argv[1:5]
ROUNDS = int(sys.argv[5])
MIB = 1 << 20
MAC = "52:54:00:00:00:%02x"
PATIENCE = 240  # seconds; virtio_mem of Linux tries again after 50 when a page could not be moved


class Guest:
    def __init__(self):
        self.log = os.path.join(WORK, "log")
        path, console = os.path.join(WORK, "qmp"), os.path.join(WORK, "tty")
        self.process = subprocess.Popen(
            [VEMU, "-accel", "soft", "-machine", "q35", "-m", "256M,slots=2,maxmem=4G",
             "-smp", "1,maxcpus=3", "-kernel", KERNEL, "-initrd", INITRAMFS,
             "-append", "console=ttyS0 quiet memhp_default_state=online_movable", "-display", "none", "-serial", f"file:{self.log}",
             "-serial", f"unix:{console},server=on,wait=off", "-qmp", f"unix:{path},server=on,wait=off",
             "-device", "pcie-root-port,id=rp1,addr=4,slot=1", "-device", "pcie-root-port,id=rp2,addr=5,slot=2",
             "-device", "virtio-balloon-pci,id=balloon0,addr=6", "-device", "i6300esb,id=dog,addr=7",
             "-action", "watchdog=none", "-no-reboot", "-nic", "none"],
            stdin=subprocess.DEVNULL)
        self.events = []
        self.qmp = self.connect(path)
        self.console = self.connect(console)
        self.file = self.qmp.makefile("r")
        json.loads(self.file.readline())
        self.ok("qmp_capabilities")

    def connect(self, path):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(90)
        deadline = time.monotonic() + 20
        while True:
            try:
                s.connect(path)
                return s
            except OSError:
                self.wait(deadline, path)

    def fail(self, what):
        self.process.kill()
        print(open(self.log, errors="replace").read()[-3000:])
        sys.exit(f"FAILED: {what}")

    def wait(self, deadline, what):
        if time.monotonic() > deadline or self.process.poll() is not None:
            self.fail(f"waiting for {what}")
        time.sleep(0.02)

    def call(self, name, /, **arguments):
        # "node_name" stands for "node-name"
        dashed = {"node_name": "node-name", "qom_type": "qom-type", "mem_path": "mem-path"}
        arguments = {dashed.get(key, key): value for key, value in arguments.items()}
        self.qmp.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            message = json.loads(self.file.readline())
            if "event" not in message:
                return message
            self.events.append(message)

    def ok(self, name, /, **arguments):
        message = self.call(name, **arguments)
        if "return" not in message:
            self.fail(f"{name}: {message}")
        return message["return"]

    def refused(self, class_, name, /, **arguments):
        message = self.call(name, **arguments)
        if message.get("error", {}).get("class") != class_:
            self.fail(f"{name}: {message}, expected {class_}")

    def event(self, name, check=lambda data: True):
        while True:
            for message in self.events:
                if message["event"] == name and check(message.get("data")):
                    self.events.remove(message)
                    return message
            try:
                self.events.append(json.loads(self.file.readline()))
            except (OSError, ValueError):
                self.fail(f"no event {name}")

    def said(self):
        text = open(self.log, errors="replace").read().replace("\r", "")
        return re.findall(r"^T: (.*?) *$", text, re.M)

    def tell(self, command):
        self.console.sendall(command.encode() + b"\n")

    def expect_word(self, text, seconds=90):
        deadline = time.monotonic() + seconds
        while text not in self.said():
            self.wait(deadline, text)

    def expect(self, disks, cards, others=()):
        """The last state that the guest told is this one: {serial: sectors}, {mac: carrier}, PCI ids."""
        functions = ["0x1045"] + ["0x1042"] * len(disks) + ["0x1041"] * len(cards) + list(others)
        words = ["disks"] + [f"{k}:{v}" for k, v in disks.items()] + \
                ["cards"] + [f"{k}:{v}" for k, v in cards.items()] + ["pci"] + sorted(functions) + ["lspci"]
        deadline = time.monotonic() + PATIENCE
        while True:
            states = [line.split() for line in self.said() if line.startswith("disks")]
            if states and states[-1][:-1] == words and states[-1][-1] in ("-", str(len(functions))):
                return
            self.wait(deadline, f"{words}, the guest's last is {states[-1:]}")

    def expect_numbers(self, cpus, blocks):
        """CPUs that run, and blocks of 128 MiB beyond those of the beginning."""
        cpus = (cpus,) if isinstance(cpus, str) else cpus
        wanted = [["cpus", c, "blocks", str(self.first_blocks + blocks)] for c in cpus]
        deadline = time.monotonic() + PATIENCE
        while True:
            states = [line.split() for line in self.said() if line.startswith("cpus")]
            if states and states[-1] in wanted:
                return
            self.wait(deadline, f"{wanted}, the guest's last is {states[-1:]}")

    def blocks(self):
        """How many there are in the beginning."""
        deadline = time.monotonic() + PATIENCE
        while True:
            states = [line.split() for line in self.said() if line.startswith("cpus")]
            if states:
                self.first_blocks = int(states[-1][-1])
                return self.first_blocks
            self.wait(deadline, "cpus")

    def memory(self):
        mark = f"mem{time.monotonic_ns()}"
        self.tell(f"echo T: {mark} $(grep MemTotal /proc/meminfo)")
        deadline = time.monotonic() + 20
        while True:
            for line in self.said():
                if line.startswith(mark) and line.endswith("kB"):
                    return int(line.split()[2]) * 1024
            self.wait(deadline, mark)


def plug(g, n):
    """Disk and card of round n."""
    image = os.path.join(WORK, "image")
    with open(image, "wb") as f:
        f.truncate(8 * MIB)
    g.ok("blockdev-add", driver="raw", node_name=f"d{n}", file={"driver": "file", "filename": image})
    g.ok("netdev_add", type="dgram", id=f"n{n}", path=f"{WORK}/peer", local=f"{WORK}/own{n}")
    g.ok("device_add", driver="virtio-blk-pci", id=f"disk{n}", bus="rp1", drive=f"d{n}", serial=f"round{n}")
    g.ok("device_add", driver="virtio-net-pci", id=f"card{n}", bus="rp2", netdev=f"n{n}", mac=MAC % (n % 250))
    g.expect({f"round{n}": 16384}, {MAC % (n % 250): 1})


def unplug(g, n):
    for id_ in (f"disk{n}", f"card{n}"):
        g.ok("device_del", id=id_)
        g.refused("GenericError", "device_del", id=id_)  # it was asked already
    for id_ in (f"disk{n}", f"card{n}"):
        g.event("DEVICE_DELETED", lambda data, id_=id_: data.get("device") == id_)
        g.refused("DeviceNotFound", "device_del", id=id_)
    g.expect({}, {})
    g.ok("blockdev-del", node_name=f"d{n}")
    g.ok("netdev_del", id=f"n{n}")


def plug_cpu(g, n):
    """A CPU and a memory module of round n come and go."""
    core = 1 + n % 2
    kind = "memfd" if n % 2 else "ram"
    cpus = [c for c in g.ok("query-hotpluggable-cpus") if c["props"]["core-id"] == core]
    if len(cpus) != 1 or "qom-path" in cpus[0]:
        g.fail(f"query-hotpluggable-cpus: {cpus}")
    g.ok("device_add", driver=cpus[0]["type"], id=f"cpu{n}", **cpus[0]["props"])
    g.ok("object-add", qom_type=f"memory-backend-{kind}", id=f"mem{n}", size=256 * MIB)
    g.ok("device_add", driver="pc-dimm", id=f"dimm{n}", memdev=f"mem{n}")
    g.expect_numbers(("0-1", "0,2"), 2)  # Linux numbers them as they come first
    if [c["cpu-index"] for c in g.ok("query-cpus-fast")] != [0, core]:
        g.fail("query-cpus-fast")
    if g.ok("query-memory-size-summary") != {"base-memory": 256 * MIB, "plugged-memory": 256 * MIB}:
        g.fail("query-memory-size-summary")
    g.refused("GenericError", "object-del", id=f"mem{n}")
    for id_ in (f"cpu{n}", f"dimm{n}"):
        g.ok("device_del", id=id_)
    for id_ in (f"cpu{n}", f"dimm{n}"):
        g.event("DEVICE_DELETED", lambda data, id_=id_: data.get("device") == id_)
    g.ok("object-del", id=f"mem{n}")
    g.expect_numbers("0", 0)
    g.events = [e for e in g.events if e["event"] != "ACPI_DEVICE_OST"]


def virtio_mem(g):
    path = {"path": "/machine/peripheral/vm"}
    g.ok("object-add", qom_type="memory-backend-ram", id="vmem", size=1024 * MIB)
    g.ok("device_add", driver="virtio-mem-pci", id="vm", bus="rp1", memdev="vmem")
    g.expect({}, {}, ["0x1058"])
    for size, blocks in ((256, 2), (512, 4), (128, 1), (0, 0)):
        g.ok("qom-set", property="requested-size", value=size * MIB, **path)
        deadline = time.monotonic() + PATIENCE
        while g.ok("qom-get", property="size", **path) != size * MIB:
            g.wait(deadline, f"virtio-mem of {size} MiB")
        if size == 128:  # taken where it was free: not whole blocks of Linux
            continue
        g.expect_numbers("0", blocks)
    deadline = time.monotonic() + PATIENCE
    device = g.ok("query-memory-devices")[0]
    if device["type"] != "virtio-mem" or device["data"]["size"] != 0:
        g.fail(f"query-memory-devices: {device}")
    g.event("MEMORY_DEVICE_SIZE_CHANGE", lambda data: data["id"] == "vm")
    while "error" in g.call("device_del", id="vm"):  # the slot's light may still blink
        g.wait(deadline, "the slot of virtio-mem")
    g.event("DEVICE_DELETED", lambda data: data.get("device") == "vm")
    g.ok("object-del", id="vmem")
    g.expect({}, {})


def virtio_pmem(g):
    image = os.path.join(WORK, "pmem")
    g.ok("object-add", qom_type="memory-backend-file", id="pm", size=128 * MIB, share=True, mem_path=image)
    g.ok("device_add", driver="virtio-pmem-pci", id="pmem", bus="rp2", memdev="pm")
    g.expect({}, {}, ["0x105b"])
    g.tell("while [ ! -b /dev/pmem0 ]; do sleep 0.1; done; "
           "echo persistent >/tmp/p; dd if=/tmp/p of=/dev/pmem0 bs=512 seek=8 conv=fsync,sync; echo T: pmem written")
    g.expect_word("pmem written")
    with open(image, "rb") as f:
        f.seek(4096)
        if f.read(10) != b"persistent":
            g.fail("the file has not what the guest wrote")
    g.ok("device_del", id="pmem")
    g.event("DEVICE_DELETED", lambda data: data.get("device") == "pmem")
    g.ok("object-del", id="pm")
    g.expect({}, {})


def watchdog(g):
    """The guest has no driver: it writes the registers by hand, with two stages of 64 ms."""
    g.tell("cd /sys/bus/pci/devices/0000:00:07.0; echo 1 >enable; read -r bar rest <resource; "
           "u() { devmem $((bar + 12)) 16 0x80; devmem $((bar + 12)) 16 0x86; }; "
           "u; devmem $bar 32 64; u; devmem $((bar + 4)) 32 64; "
           "printf '\\002' | dd of=config bs=1 seek=104 conv=notrunc; cd /")
    g.event("WATCHDOG", lambda data: data["action"] == "none")
    g.ok("watchdog-set-action", action="pause")
    g.tell("devmem $((bar + 12)) 16 0x80; devmem $((bar + 12)) 16 0x86; devmem $((bar + 12)) 16 0x100")
    g.event("WATCHDOG", lambda data: data["action"] == "pause")
    g.event("STOP")
    g.ok("cont")


def pull(g):
    """Surprise removal, of a function without driver: virtio drivers of Linux 6.1 wait for one that is gone."""
    g.ok("device_add", driver="virtio-rng-pci", id="rng", bus="rp1")
    g.expect({}, {}, ["0x1044"])
    g.ok("device_del", id="rng", force=True)
    g.event("DEVICE_DELETED", lambda data: data.get("device") == "rng")
    g.expect({}, {})


def change(g, n):
    """What can be done to a disk and a card that are there."""
    mac = MAC % n
    g.ok("set_link", name=f"card{n}", up=False)
    g.expect({f"round{n}": 16384}, {mac: 0})
    g.ok("set_link", name=f"n{n}", up=True)
    g.ok("block_resize", node_name=f"d{n}", size=16 * MIB)
    g.expect({f"round{n}": 32768}, {mac: 1})
    g.ok("block_resize", device=f"disk{n}", size=12 * MIB)
    g.expect({f"round{n}": 24576}, {mac: 1})
    stats = g.ok("query-blockstats")
    if stats[0]["node-name"] != f"d{n}" or stats[0]["stats"]["rd_operations"] == 0:
        g.fail(f"query-blockstats: {stats}")
    block = g.ok("query-block")
    if block[0]["inserted"]["image"]["virtual-size"] != 12 * MIB:
        g.fail(f"query-block: {block}")
    if g.ok("query-rx-filter", name=f"card{n}")[0]["main-mac"] != mac:
        g.fail("query-rx-filter")
    g.refused("GenericError", "blockdev-del", node_name=f"d{n}")
    g.refused("GenericError", "netdev_del", id=f"n{n}")


def functions(devices):
    for d in devices:
        yield d
        yield from functions(d.get("pci_bridge", {}).get("devices", []))


def check_pci(g, ids):
    """query-pci's devices have addresses that the guest gave them."""
    found = {d["qdev_id"]: d for bus in g.ok("query-pci") for d in functions(bus["devices"])}
    for id_ in ids:
        if not any(r["address"] > 0 for r in found[id_]["regions"]) or not found[id_]["bus"]:
            g.fail(f"query-pci: {found[id_]}")


def eject(g, n):
    """A guest that switches a slot off by itself keeps the device, and can switch it on again."""
    mac = MAC % n
    g.tell("echo 0 >/sys/bus/pci/slots/2/power")
    g.expect({f"round{n}": 24576}, {})
    g.tell("echo 1 >/sys/bus/pci/slots/2/power")
    g.expect({f"round{n}": 24576}, {mac: 1})


def balloon(g):
    before = g.memory()
    g.ok("balloon", value=192 * MIB)
    g.event("BALLOON_CHANGE", lambda data: data["actual"] == 192 * MIB)
    if g.ok("query-balloon")["actual"] != 192 * MIB:
        g.fail("query-balloon")
    taken = before - g.memory()
    if not 60 * MIB <= taken <= 68 * MIB:
        g.fail(f"the guest gave {taken} bytes")
    path = {"path": "/machine/peripheral/balloon0"}
    g.ok("qom-set", property="guest-stats-polling-interval", value=1, **path)
    deadline = time.monotonic() + 20
    while g.ok("qom-get", property="guest-stats", **path)["stats"]["stat-total-memory"] > 256 * MIB:
        g.wait(deadline, "guest-stats")
    g.ok("balloon", value=256 * MIB)
    g.event("BALLOON_CHANGE", lambda data: data["actual"] == 256 * MIB)
    if g.memory() != before:
        g.fail("the balloon kept memory")


def nmi(g):
    g.ok("inject-nmi")
    time.sleep(0.2)
    g.tell("echo T: nmi $(grep NMI: /proc/interrupts | tr -s ' ' | cut -d ' ' -f 2)")
    g.expect_word("nmi 1")


guest = Guest()
guest.expect_word("ready")
guest.expect({}, {})
guest.blocks()
for n in range(1, ROUNDS + 1):
    plug(guest, n)
    if n == 1:
        check_pci(guest, [f"disk{n}", f"card{n}"])
        change(guest, n)
        eject(guest, n)
    unplug(guest, n)
    plug_cpu(guest, n)
for _ in range(3):
    pull(guest)
virtio_mem(guest)
virtio_pmem(guest)
watchdog(guest)
balloon(guest)
nmi(guest)
guest.ok("quit")
status = guest.process.wait(20)
if status != 0:
    sys.exit(f"vemu ended with {status}")
print(f"{ROUNDS} rounds")
