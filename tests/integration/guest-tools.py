# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks at a guest with its own tools: guest-tools.py VEMU KERNEL DIR user|tap."""
import base64
import glob
import json
import os
import re
import subprocess
import sys
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.dont_write_bytecode = True
from guest import Guest  # pylint: disable=wrong-import-position

VEMU, KERNEL, WORK, NETWORK = sys.argv[1:5]
UUID = "12345678-9abc-def0-1234-56789abcdef0"
MIB = 1 << 20
MEMORY = 512 * MIB
BAD = []


def expect(what, true, text=""):
    if not true:
        BAD.append(what)
        print(f"FAILED: {what}\n{text[-2000:]}")


def wait(guest, what, done):
    while not done():
        guest.look(what)
        time.sleep(0.05)


def start():
    net = ["-netdev", "tap,id=n,ifname=vemu0,queues=2" if NETWORK == "tap" else "user,id=n"]
    return Guest(
        [VEMU, "-accel", "soft", "-machine", "q35", "-smp", "2", "-m", "512M", "-uuid", UUID, "-kernel", KERNEL,
         "-fw_cfg", "opt/test/text,string=a,,b", "-fw_cfg", f"opt/test/file,file={WORK}/init",
         "-smbios", "type=1,serial=S-1,,2", "-smbios", "type=2,asset=board", "-smbios", "type=11,value=one,value=two words",
         "-initrd", f"{WORK}/initramfs", "-append", "console=ttyS0 quiet panic=-1",
         "-drive", f"file={WORK}/root,if=none,id=d0,format=raw", "-device", "virtio-blk-pci,drive=d0,serial=root",
         "-drive", f"file={WORK}/data,if=none,id=d1,format=raw,cache=none", "-device",
         "virtio-blk-pci,drive=d1,serial=data", *net, "-device", "virtio-net-pci,netdev=n,mac=52:54:00:00:00:07",
         "-device", "virtio-rng-pci", "-device", "virtio-balloon-pci,id=balloon0"], WORK, 240)


def look_at_root(guest):
    text = guest.run("grep ' / ' /proc/mounts")
    expect("root on virtio-blk", "/dev/vda / ext4" in text, text)
    text = guest.run("nproc; cat /sys/block/vda/serial")
    expect("two CPUs, serial number", text.split() == ["2", "root"], text)


def look_at_pci(guest):
    text = guest.run("lspci -vvn 2>/dev/null")
    functions = {f.split()[2]: f for f in text.strip().split("\n\n")}
    for name, vectors in (("1af4:1041", 6 if NETWORK == "tap" else 4), ("1af4:1042", 3), ("1af4:1043", None),
                          ("1af4:1044", 2), ("1af4:1045", None)):
        f = functions.get(name, "")
        expect(f"lspci: {name} works by MSI-X", "MSI-X: Enable+" in f and "Kernel driver in use: virtio-pci" in f, f)
        expect(f"lspci: {name} has {vectors} vectors", vectors is None or f"Enable+ Count={vectors} " in f, f)
        expect(f"lspci: {name} is a root complex integrated endpoint", "Root Complex Integrated Endpoint" in f, f)
        expect(f"lspci: {name} has the virtio capabilities", f.count("VirtIO:") == 5, f)
        expect(f"lspci: {name} has its memory on", "Mem+ BusMaster+" in f and "[disabled]" not in f, f)
    for wrong in ("access denied", "!!!", "<chain", "Unknown", "<?>", "rev ff"):
        expect(f"lspci does not say '{wrong}'", wrong not in text, text)
    expect("lspci: the machine's own functions", all(n in functions for n in ("8086:29c0", "8086:2918")), str(list(functions)))


def look_at_dmi(guest):
    text = guest.run("dmidecode")
    for words in ("SMBIOS 2.8 present", "System Information", f"UUID: {UUID}", "Product Name: Standard PC (Q35 + ICH9, 2009)",
                  "Serial Number: S-1,2", "Base Board Information", "Asset Tag: board", "String 1: one", "String 2: two words",
                  "BIOS Information", "Chassis Information", "Physical Memory Array", "Maximum Capacity: 512 MB",
                  "Memory Device\n\tArray Handle", "Size: 512 MB", "Memory Array Mapped Address",
                  "System Boot Information", "End Of Table"):
        expect(f"dmidecode: {words}", words in text, text)
    processors = text.count("Processor Information")
    expect("dmidecode: processors", processors in (1, 2), text)
    for wrong in ("OUT OF SPEC", "BAD", "Invalid", "TRUNCATED", "broken", "Wrong DMI"):
        expect(f"dmidecode does not say '{wrong}'", wrong not in text, text)
    numbers = [int(h, 16) for h in re.findall(r"Handle (0x[0-9A-F]+), DMI type", text)]
    expect("dmidecode: each handle once", len(numbers) == len(set(numbers)) > 8, text)


def look_at_fw_cfg(guest):
    folder = "/sys/firmware/qemu_fw_cfg/by_name/opt/test"
    expect("fw_cfg: text", guest.run(f"cat {folder}/text/raw").strip() == "a,b")
    with open(f"{WORK}/init", encoding="ascii") as f:
        expect("fw_cfg: file", guest.run(f"cat {folder}/file/raw") == f.read())


def look_at_acpi(guest):
    """The tables as the guest's acpidump has them go through iasl here, and back into the same bytes."""
    folder = f"{WORK}/acpi"
    os.mkdir(folder)
    with open(f"{folder}/dump", "w", encoding="ascii") as f:
        f.write(guest.run("acpidump"))
    subprocess.run(["acpixtract", "-a", "dump"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    names = sorted(os.path.basename(f)[:-4] for f in glob.glob(f"{folder}/*.dat"))
    expect("acpidump: tables", {"apic", "dsdt", "facp", "facs", "mcfg"} <= set(names), str(names))
    for name in names:
        p = subprocess.run(["iasl", "-d", f"{name}.dat"], cwd=folder, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, check=False)
        text = p.stdout.decode()
        expect(f"iasl -d {name}", p.returncode == 0 and "rror" not in text and "arning" not in text, text)
        p = subprocess.run(["iasl", "-we", "-p", f"{name}-again", f"{name}.dsl"], cwd=folder, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, check=False)
        text = p.stdout.decode()
        counts = re.search(r"(\d+) Errors, (\d+) Warnings", text)
        expect(f"iasl on {name}: no errors, no warnings", p.returncode == 0 and
               (not counts or counts.groups() == ("0", "0")), text)
        if name == "dsdt":
            expect("iasl counted", counts, text)


def look_at_interrupts(guest):
    text = guest.run("cat /proc/interrupts")
    counts = {}
    for line in text.splitlines():
        words = line.split()
        if "PCI-MSI" in line:
            counts[words[-1]] = sum(int(w) for w in words[1:3])
    used = {"virtio0-req.0", "virtio0-req.1", "virtio1-req.0", "virtio1-req.1", "virtio2-input.0",
            "virtio2-output.0", "virtio3-input", "virtio4-inflate", "virtio4-deflate"}
    listed = used | {"virtio0-config", "virtio1-config", "virtio2-config"}
    if NETWORK == "tap":
        listed |= {"virtio2-input.1", "virtio2-output.1"}
    expect("interrupts: a vector for each queue", listed <= set(counts), text)
    # A network card polls for what it sent, so nobody need have interrupted it.
    for name in sorted(used - {"virtio2-output.0"}):
        expect(f"interrupts: {name} came", counts.get(name), text)


def use_disk(guest):
    job = ["--name=verify", "--rw=randwrite", "--bsrange=512-65536", "--size=3M", "--offset_increment=16M",
           "--numjobs=2", "--verify=crc32c", "--verify_fatal=1", "--group_reporting", "--output-format=json"]
    guest_job = job + ["--filename=/dev/vdb", "--ioengine=libaio", "--iodepth=16", "--direct=1",
                       "--cpus_allowed=0,1", "--cpus_allowed_policy=split", "--thread", "--do_verify=1"]
    text = guest.run("fio " + " ".join(guest_job))
    report = json.loads(text[text.index("{"):])["jobs"][0]
    text = json.dumps(report)[:1500]
    expect("fio: no error", report["error"] == 0, text)
    for way in ("read", "write"):
        expect(f"fio: {way} all of it", report[way]["io_bytes"] == 6 * MIB, text)
    guest.run("sync")
    # The same numbers, looked for in the image.
    p = subprocess.run(["fio", *job, f"--filename={WORK}/data", "--verify_only=1"], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, cwd=WORK, check=False)
    expect("fio here finds what fio wrote there", p.returncode == 0, p.stdout.decode())


def use_network(guest):
    if NETWORK == "tap":
        host = "192.0.2.1"
        guest.run("ip address add 192.0.2.2/24 dev eth0; ip link set eth0 up")
    else:
        host = "10.0.2.2"
        guest.run("ip link set eth0 up; ip address add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2")
    text = guest.run("ethtool -i eth0; ethtool eth0; ethtool -k eth0; ethtool -l eth0; ethtool -S eth0")
    for words in ("driver: virtio_net", "Link detected: yes", "bus-info: 0000:00:0", "generic-receive-offload: on"):
        expect(f"ethtool: {words}", words in text, text)
    on = "on" if NETWORK == "tap" else "off [fixed]"
    for words in ("tx-checksum-ip-generic", "tcp-segmentation-offload", "tx-tcp-segmentation", "tx-tcp6-segmentation"):
        expect(f"ethtool: {words} is {on}", re.search(rf"\b{words}: {re.escape(on)}$", text, re.M), text)
    if NETWORK == "tap":
        expect("ethtool: rx-checksumming", re.search(r"rx-checksumming: on", text), text)
        expect("ethtool: two pairs of queues", len(re.findall(r"Combined:\s+2", text)) >= 1, text)
        guest.run("ethtool -L eth0 combined 1 && ethtool -L eth0 combined 2")
        text = guest.run("ethtool -K eth0 tso off rx-gro-hw off; ethtool -k eth0")
        expect("ethtool: segmentation off", "tcp-segmentation-offload: off" in text, text)
        expect("ethtool: receive segmentation off", "rx-gro-hw: off" in text, text)
        guest.run("ethtool -K eth0 tso on rx-gro-hw on")
    for way in ("", "-R"):
        size, window = 64 * MIB, 16 * MIB  # its receiver counts until the sender has sent, not what is on the way then
        with subprocess.Popen(["iperf3", "-s", "-1", "-p", "5299", "-J"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as server:
            guest.run(f"i=0; until iperf3 -c {host} -p 5299 -J -n {size} -l 65536 {way} >/tmp/iperf; "
                      "do sleep 0.2; i=$((i+1)); [ $i -lt 20 ] || break; done")
            there = server.communicate(timeout=60)[0].decode()
        text = guest.run("cat /tmp/iperf")
        end = json.loads(text)["end"]
        sent, received = end["sum_sent"]["bytes"], end["sum_received"]["bytes"]
        expect(f"iperf3 {way}: it arrives", sent >= size and abs(sent - received) < window and
               "error" not in json.loads(there), text)
        print(f"iperf3 {way or '  '} {end['sum_received']['bits_per_second'] / 1e6:.0f} Mbit/s")


def use_balloon(guest):
    def total():
        return int(re.search(r"MemTotal:\s+(\d+)", guest.run("cat /proc/meminfo"))[1]) * 1024

    def actual():
        return guest.command("query-balloon")["actual"]

    before = total()
    expect("balloon is empty", actual() == MEMORY)
    guest.command("balloon", value=256 * MIB)
    wait(guest, "the balloon grows", lambda: actual() == 256 * MIB)
    taken = before - total()
    expect("balloon: the guest has 256 MiB less", taken == 256 * MIB, str(taken))
    guest.command("balloon", value=MEMORY)
    wait(guest, "the balloon shrinks", lambda: actual() == MEMORY)
    expect("balloon: the guest has all of it again", total() == before, str(total()))
    while not any(e["event"] == "BALLOON_CHANGE" and e["data"]["actual"] == MEMORY for e in guest.events):
        guest.events.append(guest.message())  # at most one a second


def use_console(guest):
    guest.begin('exec 4<>/dev/hvc0; stty -F /dev/hvc0 raw -echo; echo ready >&4; read -r x <&4; echo "got $x" >&4; '
                "echo heard")
    lines = guest.console.makefile("rb")
    expect("console: out", lines.readline() == b"ready\n")
    guest.console.sendall(b"a word from outside\n")
    expect("console: in", guest.finish("console")[0].strip() == "heard")
    expect("console: both", lines.readline() == b"got a word from outside\n")
    # The port has carried all the rest; now more than fits into its queues, in both directions.
    text = base64.b64encode(os.urandom(150000)).decode()
    got = guest.run(f"echo {text} | base64 -d | sha256sum; echo {text}").split()
    expect("port: 200 kB there and back", got[-1] == text)


def use_rng(guest):
    text = guest.run("cat /sys/class/misc/hw_random/rng_current; "
                     "dd if=/dev/hwrng bs=4096 count=4 iflag=fullblock 2>/dev/null | base64 -w 0")
    name, data = text.split()
    data = base64.b64decode(data)
    expect("entropy comes from virtio", name.startswith("virtio_rng"), name)
    expect("entropy looks like it", len(data) == 16384 and len(set(data)) == 256 and
           len(zlib.compress(data)) > 16000)


def main():
    began = time.monotonic()
    guest = start()
    guest.ready()
    for step in (look_at_root, look_at_pci, look_at_dmi, look_at_fw_cfg, look_at_acpi, use_console, use_rng, use_network, use_disk,
                 use_balloon, look_at_interrupts):
        before = time.monotonic()
        if not BAD:
            print(f"{before - began:5.1f} s {step.__name__}", flush=True)
        step(guest)
    text = guest.run("dmesg | grep -iE 'BUG:|WARNING:|call trace|I/O error|virtio.*(fail|error)' || true").strip()
    expect("the kernel has nothing to complain about", not text, text)
    guest.power_off()
    print(f"{time.monotonic() - began:5.1f} s in all")
    sys.exit(1 if BAD else 0)


main()
