# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows about devices: a payload that drives them on KVM, Linux guests on the software CPU, idle guests."""
import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PAYLOADS = f"{TOP}/tests/guests/payloads"
MICROVM = "microvm,acpi=off"
NET = "192.0.2"


def run(argv, **kw):
    return subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, **kw)


def build_payload(b):
    # As the other payloads are built: hosts that interpret kernel mode get some code of -O2 wrong.
    run(["gcc", "-m64", "-mno-red-zone", "-ffreestanding", "-nostdlib", "-static", "-fno-pic", "-no-pie", "-Os",
         "-mgeneral-regs-only", "-fno-stack-protector", "-fcf-protection=none", "-fno-asynchronous-unwind-tables",
         "-Wl,--build-id=none", "-Wl,-z,noexecstack", f"-I{PAYLOADS}",
         f"-Wl,-T,{PAYLOADS}/link.ld", "-o", f"{b.work}/devices", f"{HERE}/devices.c", f"{PAYLOADS}/runtime.c",
         f"{PAYLOADS}/entry64.S"])


def in_network(b, argv):
    return ["nsenter", "-t", str(b.network.pid), "-n", *argv] if getattr(b, "network", None) else argv


def make_network(b):
    """A network namespace with a tap interface; False: not possible here."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        return False
    b.network = subprocess.Popen(["unshare", "-n", "sleep", "100000"])  # pylint: disable=consider-using-with
    time.sleep(0.3)
    script = (f"ip link set lo up && ip tuntap add dev tap0 mode tap vnet_hdr && ip address add {NET}.1/24 dev tap0 && "
              f"ip link set tap0 up txqueuelen 10000 && ip neighbour add {NET}.2 lladdr 02:00:00:00:00:07 dev tap0")
    if subprocess.run(in_network(b, ["sh", "-c", script]), check=False).returncode == 0:
        return True
    end_network(b)
    return False


def end_network(b):
    if getattr(b, "network", None):
        b.network.kill()
        b.network.wait()
        b.network = None


def disk_of(b, size):
    path = f"{b.work}/disk"
    if not os.path.exists(path):
        with open(path, "wb") as f:
            for _ in range(size >> 20):
                f.write(os.urandom(1 << 20))
    with open(path, "rb") as f:  # into the page cache
        while f.read(1 << 20):
            pass
    return path


# --- the payload on KVM --------------------------------------------------------------------------------------------

def payload_argv(b, who, words, devices):
    args = ["-m", "64M", "-nodefaults", "-kernel", f"{b.work}/devices", "-append", words, "-display", "none",
            "-no-reboot", *devices]
    if who == "vemu":
        return [b.vemu, "-accel", "kvm", "-machine", f"{MICROVM},auto-kernel-cmdline=off", "-chardev",
                "file,id=text,path=/dev/stdout", "-device", "isa-debugcon,chardev=text", "-device", "isa-debug-exit",
                *args]
    return [b.qemu, "-accel", "kvm", "-M", f"{MICROVM},auto-kernel-cmdline=off", "-global",
            "virtio-mmio.force-legacy=false", "-chardev", "stdio,id=text", "-device",
            "isa-debugcon,iobase=0xe9,chardev=text", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", *args]


def payload_once(b, who, words, devices, beside=None):
    """Cycles for an operation."""
    argv = in_network(b, payload_argv(b, who, words, devices))
    other = None
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        if beside:
            other = subprocess.Popen(in_network(b, beside))  # pylint: disable=consider-using-with
        try:
            out, err = p.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
        finally:
            if other:
                other.kill()
                other.wait()
    m = re.search(r"^\w+ (\d+) (\d+) (\d+)$", out.decode(errors="replace"), re.M)
    if not m or int(m[3]):
        sys.exit(f"{' '.join(argv)}:\n{out.decode(errors='replace')}{err.decode(errors='replace')}")
    return int(m[2]) / int(m[1])


def cycles_per_second():
    return float(re.search(r"cpu MHz\s*: ([0-9.]+)", open("/proc/cpuinfo", encoding="ascii").read())[1]) * 1e6


def compare(b, what, unit, scale, goal, words, devices, beside=None):
    """A row of rates: scale operations in unit; both programs in turn."""
    hz = cycles_per_second()
    ours, theirs = [], []
    payload_once(b, "vemu", words, devices["vemu"], beside)
    payload_once(b, "qemu", words, devices["qemu"], beside)
    for _ in range(b.rounds):
        ours.append(payload_once(b, "vemu", words, devices["vemu"], beside))
        theirs.append(payload_once(b, "qemu", words, devices["qemu"], beside))
    a, c = (hz / statistics.median(x) * scale for x in (ours, theirs))
    b.row(f"kvm: {what}", a, c, unit, a / c, f">= {goal}", a >= goal * c, "QEMU microvm KVM")


def bench_devices(b):
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("skip devices: no /dev/kvm")
        return
    build_payload(b)
    disk = ["-drive", f"file={disk_of(b, 256 << 20)},if=none,id=d,format=raw", "-device", "virtio-blk-device,drive=d"]
    disks = {"vemu": disk, "qemu": disk}
    compare(b, "virtio-blk 4 KiB random read, depth 1", "k/s", 1e-3, 1.2, "blk 1 4096 40000 random", disks)
    compare(b, "virtio-blk 4 KiB random read, depth 32", "k/s", 1e-3, 1.2, "blk 32 4096 200000 random", disks)
    compare(b, "virtio-blk 1 MiB sequential read, depth 1", "MiB/s", 1, 1.2, "blk 1 1048576 4000 forth", disks)
    compare(b, "virtio-blk 1 MiB sequential read, depth 4", "MiB/s", 1, 1.2, "blk 4 1048576 4000 forth", disks)
    compare(b, "doorbell to interrupt and back", "k/s", 1e-3, 1.2, "irq 4000", disks)
    if not make_network(b):
        print("skip devices over tap: not root, or no /dev/net/tun")
        return
    try:
        tap = ["-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no", "-device", "virtio-net-device,netdev=n"]
        taps = {"vemu": tap, "qemu": tap}
        compare(b, "virtio-net frames of 60 bytes sent over tap", "k/s", 1e-3, 1.2, "net 64 60 300000", taps)
        compare(b, "virtio-net frames of 1514 bytes sent over tap", "MiB/s", 1514 / 1048576, 1.2, "net 64 1514 200000",
                taps)
        compare(b, "virtio-net segments of 60 KiB sent over tap", "MiB/s", 61454 / 1048576, 1.2, "gso 64 61454 40000",
                taps)
        run(["gcc", "-O2", "-o", f"{b.work}/flood", f"{HERE}/flood.c"])
        compare(b, "virtio-net frames of 60 bytes received over tap", "k/s", 1e-3, 1.2, "recv 64 60 200000", taps,
                [f"{b.work}/flood", f"{NET}.2"])
    finally:
        end_network(b)


# --- idle guests -----------------------------------------------------------------------------------------------------

def bench_idle(b):
    """50 guests that halt, of 32 MiB each: private memory of all, their RAM left out."""
    count, ram = 50, 32 << 20
    own = [b.vemu, "-accel", "soft", "-machine", "microvm", "-m", "32M", "-nodefaults", "-kernel", f"{b.work}/idle"]
    tcg = [b.qemu, "-accel", "tcg", "-M", f"{MICROVM},pit=on,pic=on,rtc=on", "-m", "32M", "-nodefaults", "-display",
           "none", "-kernel", f"{b.work}/idle"]
    ours, theirs = fleet(b, own, count, ram), fleet(b, tcg, count, ram)
    b.row(f"private memory of {count} idle guests of 32 MiB, soft", ours, theirs, "MiB", ours / theirs, "<= 0.25",
          ours <= 0.25 * theirs, "QEMU microvm TCG")


def fleet(b, argv, count, ram):
    processes = [subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for _ in range(count)]
    time.sleep(5)
    try:
        return sum(b.private_dirty(p.pid, ram) for p in processes)
    finally:
        for p in processes:
            p.kill()
        for p in processes:
            p.wait()


# --- Linux on the software CPU ---------------------------------------------------------------------------------------

INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
ip address add {net}.2/24 dev eth0
ip link set eth0 up
/guestload cpu 3
/guestload read /dev/vda 1048576 96
/guestload read /dev/vda 4096 4000 random
/guestload send {net}.1 5001 256
/guestload recv {net}.1 5002 256
/guestload echo {net}.1 5003 2000
echo END-OF-LOAD
poweroff -f
"""


def soft_guest(b):
    kernel = os.path.basename(b.kernel)[len("vmlinuz-"):]
    modules = run(["bash", "-c", f". {TOP}/tests/lib/modules.sh; PATH=$PATH:/sbin:/usr/sbin find_modules "
                   f"vmlinuz-{kernel} virtio_mmio virtio_pci virtio_blk virtio_net"],
                  stdout=subprocess.PIPE).stdout.decode().split()
    run(["gcc", "-O2", "-static", "-o", f"{b.work}/guestload", f"{HERE}/guestload.c"])
    for name, text in (("load.init", INIT.format(net=NET)), ("modules", "\n".join(modules) + "\n")):
        with open(f"{b.work}/{name}", "w", encoding="ascii") as f:
            f.write(text)
    out = f"{b.work}/load.cpio"
    run(["bash", f"{TOP}/tests/lib/initramfs.sh", out, f"{b.work}/load.init", *modules])
    tail = run(["bash", "-c", "printf '%s\\n' modules guestload | cpio --quiet -o -H newc -R 0:0"], cwd=b.work,
               stdout=subprocess.PIPE).stdout
    with open(out, "ab") as f:
        f.write(tail)
    return out


def soft_once(b, who, ramdisk, disk):
    """What the guest says: a dictionary of rates."""
    args = ["-m", "256M", "-kernel", b.kernel, "-initrd", ramdisk, "-append", "console=ttyS0 quiet cryptomgr.notests",
            "-no-reboot", "-nodefaults", "-display", "none", "-serial", "stdio", "-drive",
            f"file={disk},if=none,id=d,format=raw", "-device", "virtio-blk-pci,drive=d", "-netdev",
            "tap,id=n,ifname=tap0,script=no,downscript=no", "-device", "virtio-net-pci,netdev=n,mac=02:00:00:00:00:07"]
    argv = [b.vemu, "-accel", "soft", "-machine", "q35"] if who == "vemu" else [b.qemu, "-accel", "tcg", "-M", "q35"]
    with subprocess.Popen(in_network(b, [sys.executable, f"{HERE}/loadserver.py"])) as server:
        try:
            text = subprocess.run(in_network(b, argv + args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  check=False, timeout=300).stdout.decode(errors="replace")
        finally:
            server.kill()
    if "END-OF-LOAD" not in text:
        sys.exit(f"{who}: the guest did not get through:\n{text[-2000:]}")
    return {m[0]: float(m[1]) for m in re.findall(r"^LOAD (\S+) ([0-9.]+)", text.replace("\r", ""), re.M)}


def bench_softio(b):
    if not make_network(b):
        print("skip softio: not root, or no /dev/net/tun")
        return
    try:
        ramdisk, disk = soft_guest(b), disk_of(b, 256 << 20)
        ours, theirs = [], []
        for _ in range(b.rounds):
            ours.append(soft_once(b, "vemu", ramdisk, disk))
            theirs.append(soft_once(b, "qemu", ramdisk, disk))
        def both(name):
            return (statistics.median(r[name] for r in x) for x in (ours, theirs))
        a, c = both("cpu")
        cpu = a / c
        b.row("soft: the CPU alone (system calls and copies)", a, c, "rounds/s", cpu, "-", True, "QEMU q35 TCG")
        for name, what, unit, goal in (
                ("read-1048576", "virtio-blk sequential read", "MiB/s", 1.0),
                ("send", "virtio-net sent by TCP over tap", "MiB/s", 1.0),
                ("recv", "virtio-net received by TCP over tap", "MiB/s", 1.0),
                ("read-4096", "virtio-blk 4 KiB random read, direct", "/s", min(1.0, cpu)),
                ("echo", "virtio-net round trips of a byte by TCP", "/s", min(1.0, cpu))):
            a, c = both(name)
            b.row(f"soft: {what}", a, c, unit, a / c, f">= {goal:.3g}", a >= goal * c, "QEMU q35 TCG")
    finally:
        end_network(b)
