# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keeps a guest busy for some time: soak.py VEMU KERNEL DIR SECONDS."""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.dont_write_bytecode = True
from guest import Guest  # pylint: disable=wrong-import-position

VEMU, KERNEL, WORK = sys.argv[1:4]
SECONDS = int(sys.argv[4])
MIB = 1 << 20
MEMORY = 768 * MIB
PORT = 5298

# Each says its status in /tmp/NAME.status when it is over.
LOADS = {
    "fio": "fio --name=soak --filename=/dev/vdb --rw=randrw --bsrange=512-65536 --size=64M --offset_increment=96M "
           "--numjobs=2 --ioengine=libaio --iodepth=16 --direct=1 --verify=crc32c --verify_fatal=1 --thread "
           f"--verify_backlog=128 --time_based --runtime={SECONDS} --group_reporting --output-format=json",
    "out": f"iperf3 -c 10.0.2.2 -p {PORT} -t {SECONDS // 2} -b 100M && "
           f"iperf3 -c 10.0.2.2 -p {PORT} -t {SECONDS - SECONDS // 2} -b 100M -R",
    "cpu": f"end=$(($(date +%s) + {SECONDS})); head -c 300000 /dev/urandom >/tmp/cpu; want=; "
           "while [ $(date +%s) -lt $end ]; do sum=$(gzip -c /tmp/cpu | gzip -dc | sha256sum); "
           "[ \"${want:-$sum}\" = \"$sum\" ] || exit 1; want=$sum; done",
    "files": f"end=$(($(date +%s) + {SECONDS})); n=0; while [ $(date +%s) -lt $end ]; do n=$((n+1)); "
             "dd if=/tmp/random of=/scratch bs=4096 2>/dev/null; sync; echo 3 >/proc/sys/vm/drop_caches; "
             "cmp /scratch /tmp/random || exit 1; done; echo $n rounds",
}


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status", encoding="ascii").read())[1]) * 1024


def start():
    return Guest(
        [VEMU, "-accel", "soft", "-machine", "q35", "-smp", "4", "-m", "768M", "-kernel", KERNEL, "-initrd",
         f"{WORK}/initramfs", "-append", "console=ttyS0 quiet panic=-1",
         "-drive", f"file={WORK}/root,if=virtio,format=raw", "-drive", f"file={WORK}/data,if=virtio,format=raw",
         "-nic", "user", "-device", "virtio-balloon-pci,id=balloon0", "-device", "virtio-rng-pci"],
        WORK, SECONDS + 400)


def begin_loads(guest):
    guest.run("ip link set eth0 up; ip address add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2")
    guest.run("head -c 300000 /dev/urandom >/tmp/random")
    for name, command in LOADS.items():
        guest.run(f"(({command}); echo $? >/tmp/{name}.status) >/tmp/{name}.log 2>&1 &")


def watch(guest):
    """The balloon moves meanwhile; the sizes vemu has."""
    sizes, end = [], time.monotonic() + SECONDS
    full = True
    while time.monotonic() < end:
        full = not full
        guest.command("balloon", value=MEMORY if full else MEMORY - 128 * MIB)
        time.sleep(min(10, max(1, SECONDS / 20)))
        guest.run("true")
        sizes.append(resident(guest.process.pid))
    guest.command("balloon", value=MEMORY)
    return sizes


def look_at_results(guest):
    bad = False
    for name in LOADS:
        while not guest.run(f"cat /tmp/{name}.status 2>/dev/null || true").strip():
            time.sleep(0.5)
        status = guest.run(f"cat /tmp/{name}.status").strip()
        log = guest.run(f"cat /tmp/{name}.log")
        if status != "0":
            print(f"FAILED: {name}: status {status}: {log[-2000:]}")
            bad = True
        elif name == "fio":
            job = json.loads(log[log.index("{"):])["jobs"][0]
            print(f"fio: {job['read']['total_ios']} reads, {job['write']['total_ios']} writes")
            bad = bad or job["error"] != 0
        else:
            print(f"{name}: {log.strip().splitlines()[-1] if log.strip() else 'well'}")
    text = guest.run("dmesg | grep -iE 'BUG:|WARNING:|call trace|I/O error|hung|stall|clocksource.*unstable' || true")
    if text.strip():
        print(f"FAILED: the kernel complains: {text}")
        bad = True
    return bad


def main():
    with subprocess.Popen(["iperf3", "-s", "-p", str(PORT), "-B", "127.0.0.1"], stdout=subprocess.DEVNULL) as server:
        try:
            guest = start()
            guest.ready()
            begin_loads(guest)
            sizes = watch(guest)
            bad = look_at_results(guest)
            guest.power_off()
        finally:
            server.kill()
    quarter = max(sizes[:max(1, len(sizes) // 4)])
    print(f"vemu's memory: {quarter // MIB} MiB in the first quarter, {sizes[-1] // MIB} MiB at the end, "
          f"the guest's is {MEMORY // MIB}")
    # Of the guest's memory ever more is touched; beyond that there is translated code and little else.
    if sizes[-1] > MEMORY + 256 * MIB:
        print("FAILED: memory grows")
        bad = True
    sys.exit(1 if bad else 0)


main()
