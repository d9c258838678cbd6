# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest sleeps and is woken: sleep.py VEMU KERNEL DIR direct|kvm|seabios|ovmf|microvm|off."""
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.dont_write_bytecode = True
from guest import Guest  # pylint: disable=wrong-import-position

VEMU, KERNEL, DIR, HOW = sys.argv[1:5]
WORK = f"{DIR}/{HOW}"
OVMF = "/usr/share/OVMF/OVMF"
SLEEP = "echo mem >/sys/power/state"


def argv():
    board = {"microvm": "microvm", "off": "q35,s3=off"}.get(HOW, "q35")
    words = [VEMU, "-accel", "kvm" if HOW == "kvm" else "soft", "-machine", board, "-smp", "2", "-m", "512M",
             "-nic", "none"]
    if HOW in ("seabios", "ovmf"):
        words += ["-drive", f"file={DIR}/grub.iso,format=raw,if=none,id=cd,readonly=on",
                  "-device", "virtio-blk-pci,drive=cd,bootindex=1"]
    else:
        words += ["-kernel", KERNEL, "-initrd", f"{DIR}/initramfs", "-append", "console=ttyS0 quiet panic=-1"]
    if HOW == "ovmf":
        shutil.copy(f"{OVMF}_VARS_4M.fd", f"{WORK}/vars")
        words += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF}_CODE_4M.fd",
                  "-drive", f"if=pflash,unit=1,format=raw,file={WORK}/vars"]
    return words + ["-drive", f"file={WORK}/data,if=none,id=d,format=raw", "-device",
                    "virtio-blk,drive=d,serial=data"]


def event(guest, name):
    while True:
        for message in guest.events:
            if message["event"] == name:
                guest.events.remove(message)
                return message
        guest.events.append(guest.message())


def expect(guest, what, got, wanted):
    if got != wanted:
        guest.fail(f"{what}: {got!r} instead of {wanted!r}")


def refused(guest, name, words):
    """The command fails, for that reason."""
    guest.qmp.sendall(b'{"execute":"%s"}\n' % name.encode())
    while True:
        message = guest.message()
        if "event" not in message:
            break
        guest.events.append(message)
    if words not in message.get("error", {}).get("desc", ""):
        guest.fail(f"{name}: {message}")


def fall_asleep(guest, command=SLEEP):
    guest.begin(f"{command} && cat /sys/power/mem_sleep")
    event(guest, "SUSPEND")
    expect(guest, "status", guest.command("query-status"),
           {"status": "suspended", "singlestep": False, "running": False})


def is_back(guest, count):
    """It goes on where it was, with all that it had."""
    event(guest, "WAKEUP")
    expect(guest, "status", guest.command("query-status")["status"], "running")
    text, status = guest.finish("sleep")
    expect(guest, "end of the sleep", (text.strip(), status), ("s2idle [deep]", 0))
    expect(guest, "sleeps", guest.run("cat /sys/power/suspend_stats/success").strip(), str(count))
    expect(guest, "memory", guest.run("cat /tmp/mark").strip(), "in memory")
    expect(guest, "processors", guest.run("nproc").strip(), "2")
    disk = "disk=/dev/$(basename $(dirname $(grep -lx data /sys/block/vd*/serial)))"
    expect(guest, "disk", guest.run(f"{disk}; dd if=$disk bs=512 count=1 2>/dev/null | head -n 1").strip(),
           f"on disk {count - 1}")
    guest.run(f"{disk}; (echo on disk {count}; dd if=/dev/zero bs=512 count=1 2>/dev/null) |"
              " dd of=$disk bs=512 count=1 iflag=fullblock conv=fsync 2>/dev/null")
    guest.run("sync; echo 3 >/proc/sys/vm/drop_caches")
    before = time.time()
    clock = float(guest.run("date +%s").strip())
    if not before - 3 <= clock <= time.time() + 3:
        guest.fail(f"the guest's clock shows {clock} at {before}")


def sleeps():
    guest = Guest(argv(), WORK, 1500 if HOW == "kvm" else 150)
    guest.ready()
    expect(guest, "support", guest.command("query-current-machine"), {"wakeup-suspend-support": True})
    expect(guest, "states", guest.run("cat /sys/power/mem_sleep").strip(), "s2idle [deep]")
    guest.run("echo in memory >/tmp/mark")
    guest.run("disk=/dev/$(basename $(dirname $(grep -lx data /sys/block/vd*/serial)));"
              "(echo on disk 0; dd if=/dev/zero bs=512 count=1 2>/dev/null) |"
              " dd of=$disk bs=512 count=1 iflag=fullblock conv=fsync 2>/dev/null")
    refused(guest, "system_wakeup", "guest is not in suspended state")
    count = 0

    def woken_by(wake, command=SLEEP):
        nonlocal count
        count += 1
        fall_asleep(guest, command)
        wake()
        is_back(guest, count)

    def by_host():
        # neither is for a guest that sleeps
        guest.command("stop")
        guest.command("cont")
        expect(guest, "status", guest.command("query-status")["status"], "suspended")
        # its clock goes on while it sleeps
        time.sleep(5)
        guest.command("system_wakeup")

    woken_by(by_host)
    woken_by(lambda: None, f"echo +4 >/sys/class/rtc/rtc0/wakealarm && {SLEEP}")
    if HOW in ("direct", "kvm"):
        woken_by(lambda: guest.command("system_powerdown"))
        woken_by(lambda: guest.command("send-key", keys=[{"type": "qcode", "data": "spc"}]))
        woken_by(lambda: guest.command("input-send-event", events=[
            {"type": "rel", "data": {"axis": "x", "value": 3}}]))
        # a reset is a boot, also of one that sleeps
        fall_asleep(guest)
        guest.command("system_reset")
        event(guest, "RESET")
        event(guest, "WAKEUP")
        guest.shell.close()
        guest.shell = guest.connect(f"{WORK}/shell")
        guest.output = guest.shell.makefile("rb")
        guest.ready()
        expect(guest, "booted", guest.run("cat /sys/power/suspend_stats/success; ls /tmp/mark", 1).split()[0], "0")
    fall_asleep(guest)
    guest.command("quit")
    expect(guest, "end in sleep", guest.process.wait(timeout=60), 0)


def does_not_sleep():
    """The board has no S3, and the kernel knows."""
    guest = Guest(argv(), WORK, 200)
    guest.ready()
    expect(guest, "support", guest.command("query-current-machine"), {"wakeup-suspend-support": False})
    expect(guest, "states", guest.run("cat /sys/power/mem_sleep").strip(), "[s2idle]")
    refused(guest, "system_wakeup", "not supported by this guest")
    guest.power_off()


if HOW in ("microvm", "off"):
    does_not_sleep()
else:
    sleeps()
