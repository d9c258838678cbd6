# SPDX-License-Identifier: LGPL-2.1-or-later
"""Systems that want somebody at the terminal: firmware-soak.py WHAT VEMU FILE..."""
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["TOP"], "tests/lib"))
from terminal import Terminal  # noqa: E402


def start(vemu, *arguments):
    return Terminal([vemu, "-accel", "soft", "-machine", "q35", "-nographic", "-no-reboot", *arguments])


def rescue(vemu, iso):
    """Menu and prompt of the rescue CD, over SeaBIOS's serial console."""
    guest = start(vemu, "-m", "128M", "-cdrom", iso)
    guest.expect("Change the colors", 120)
    guest.type("c")
    guest.expect("grub>", 60)
    guest.type("halt\r")
    return guest.finish(60)


def memtest(vemu, iso):
    """A pass over little memory, without errors."""
    guest = start(vemu, "-m", "32M", "-cdrom", iso)
    guest.expect("Memtest86+", 120)
    guest.expect("Pass:  1        Errors: 0 ", 3600)
    os.kill(guest.pid, signal.SIGTERM)
    return guest.finish(60)


WATCH = """#!/bin/sh
# What the installer has found so far.
say() { echo "T: $*" >/dev/ttyS0; }
until grep -q nameserver /etc/resolv.conf 2>/dev/null; do sleep 1; done
say "network $(ip -4 addr show | sed -n 's/.*inet \\(10[^ ]*\\).*/\\1/p')"
until list-devices disk | grep -q vda; do sleep 1; done
say "disk $(list-devices disk) $(cat /sys/block/vda/size)"
"""
PRESEED = """d-i debian-installer/locale string en_US
d-i keyboard-configuration/xkb-keymap select us
d-i netcfg/choose_interface select auto
d-i netcfg/get_hostname string guest
d-i netcfg/get_domain string test
d-i mirror/country string manual
d-i mirror/http/hostname string deb.debian.org
d-i mirror/http/directory string /debian
d-i mirror/http/proxy string
d-i preseed/early_command string /watch </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- &
"""


def archive(folder, files):
    """A cpio archive to be put behind an initrd."""
    for name, text, mode in files:
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
    names = "".join(f"{name}\n" for name, _, _ in files)
    return subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=folder,
                          input=names.encode(), stdout=subprocess.PIPE, check=True).stdout


def first_of(guest, texts, timeout):
    """Which of the texts comes first."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for text in texts:
            if text in guest.output[guest.at:]:
                return text
        guest.read(1)
    sys.exit(f"none of {texts} came; the terminal shows:\n{guest.output[-3000:]}")


def installer(vemu, kernel, initrd, disk):
    """Network and disk as the installer finds them. Disk drivers are not in the netboot image but on
    the mirror: where that cannot be reached, it ends with the network."""
    with tempfile.TemporaryDirectory() as folder:
        whole = os.path.join(folder, "initrd")
        with open(initrd, "rb") as first, open(whole, "wb") as file:
            file.write(first.read())
            file.write(archive(folder, [("watch", WATCH, 0o755), ("preseed.cfg", PRESEED, 0o644)]))
        guest = start(vemu, "-m", "1G", "-kernel", kernel, "-initrd", whole, "-append",
                      "console=ttyS0 auto=true priority=critical DEBIAN_FRONTEND=text",
                      "-drive", f"file={disk},format=raw,if=virtio", "-nic", "user")
        guest.expect("T: network 10.0.2.15/", 600)
        found = "T: disk /dev/vda 4194304"
        no_mirror = "mirror does not", "failed to download", "Bad archive mirror"
        if first_of(guest, (found, *no_mirror), 1200) != found:
            print("the mirror cannot be reached: the installer has no drivers to look for disks")
        os.kill(guest.pid, signal.SIGTERM)
        return guest.finish(60)


sys.exit(globals()[sys.argv[1]](*sys.argv[2:]))
