# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills the vemu of a writing guest, and looks at what is left on its disk: see disk-kill.sh.

disk-kill.py BUILD KERNEL FOLDER KILLS fio|"" [SEED]: the folder has initramfs and base.qcow2.
"""

import hashlib
import os
import random
import subprocess
import sys
import time

BOOT_LIMIT = 240  # seconds until the guest writes, on the slowest machine
KINDS = [  # options of the image, cache mode
    ("", "writeback"),
    ("cluster_size=4k", "none"),
    ("extended_l2=on", "writeback"),
    ("lazy_refcounts=on", "none"),
    ("refcount_bits=64,cluster_size=16k", "writethrough"),
    ("bitmap", "writeback"),
    ("cluster_size=2M", "directsync"),
    ("compat=0.10", "writeback"),
]
LIVES = 7  # kills that an image has to bear


class Failure(Exception):
    pass


def run(*command, good=(0,)):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode not in good:
        raise Failure(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
    return done.returncode


class Disk:
    """An image, and what its guest was told is safe."""

    def __init__(self, test, number):
        self.test = test
        options, self.cache = KINDS[number % len(KINDS)]
        self.lazy = "lazy" in options
        self.name = f"{options or 'plain'}, cache={self.cache}"
        self.image = test.path("disk.qcow2")
        self.files, self.slots, self.boots = {}, {}, 0
        self.blocks = None  # fio's
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", test.path("base.qcow2")]
        if options and options != "bitmap":
            command += ["-o", options]
        run(*command, self.image)
        if options == "bitmap":
            run("qemu-img", "bitmap", "--add", "-g", "64k", self.image, "changes")

    def note(self, log):
        """Takes over what the guest said; a line that has no end may be cut anywhere."""
        written = 0
        for line in log[: log.rfind("\n") + 1].splitlines():
            words = line.split()
            if line.startswith("FILE ") and len(words) == 3:
                self.files[words[1]] = words[2]
                written += 1
            elif line.startswith("GONE ") and len(words) == 2:
                self.files.pop(words[1], None)
            elif line.startswith("SLOT ") and len(words) == 4:
                self.slots[int(words[1])] = (int(words[2]), int(words[3]))
                written += 1
        return written

    def kill_in_mid_write(self):
        self.boots += 1
        log = self.test.path("log")
        command = [
            self.test.tool("vemu"), "-accel", "soft", "-machine", "microvm", "-m", "256M",
            "-kernel", self.test.kernel, "-initrd", self.test.path("initramfs"),
            "-append", f"console=ttyS0 quiet panic=-1 boot={self.boots}", "-nographic",
            "-drive", f"file={self.image},format=qcow2,if=none,id=d,cache={self.cache},discard=unmap",
            "-device", "virtio-blk-device,drive=d",
        ]
        with open(log, "wb") as out:
            vemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            limit = time.monotonic() + BOOT_LIMIT
            # Some writes have to be there; the moment is anywhere in the time that follows.
            enough = 2 + self.test.random.randrange(12)
            while self.text(log).count("\nSLOT ") + self.text(log).count("\nFILE ") < enough:
                if vemu.poll() is not None or time.monotonic() > limit:
                    raise Failure(f"the guest does not write:\n{self.text(log)[-2000:]}")
                time.sleep(0.02)
            time.sleep(self.test.random.random() * 0.6)
            if vemu.poll() is not None:
                raise Failure(f"vemu ended:\n{self.text(log)[-2000:]}")
        finally:
            vemu.kill()
            vemu.wait()
        text = self.text(log)
        if "FAILED" in text or "error" in text:
            raise Failure(f"errors in the guest:\n{text[-3000:]}")
        return self.note(text)

    @staticmethod
    def text(log):
        with open(log, "rb") as stream:
            return stream.read().decode(errors="replace").replace("\r", "")

    def wait_for_lock(self):
        """What the kernel still does for a dead process with io_uring keeps its files a moment longer."""
        limit = time.monotonic() + BOOT_LIMIT
        while subprocess.run(["qemu-img", "info", self.image], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL).returncode:
            if time.monotonic() > limit:
                raise Failure("the image is still locked")
            time.sleep(0.02)

    def look(self):
        """Returns whether there were leaks."""
        self.wait_for_lock()
        vemu_img, flat, out = self.test.tool("vemu-img"), self.test.path("flat"), self.test.path("out")
        if self.lazy:  # refcounts are made right when it is opened for writing the next time
            run("cp", "--sparse=always", self.image, out)
            run("qemu-img", "check", "-q", "-r", "all", out)
            run(vemu_img, "check", out)
            os.unlink(out)
            leaks = False
        else:
            leaks = run("qemu-img", "check", self.image, good=(0, 3)) == 3
            if (run(vemu_img, "check", self.image, good=(0, 3)) == 3) != leaks:
                raise Failure("qemu-img and vemu-img do not agree on leaks")
        run("qemu-img", "convert", "-O", "raw", self.image, flat)
        run(vemu_img, "compare", "-f", "qcow2", "-F", "raw", self.image, flat)
        run("e2fsck", "-p", flat, good=(0, 1))  # the journal
        run("e2fsck", "-fn", flat)
        os.mkdir(out)
        before = self.blocks
        run("debugfs", "-R", f"rdump /files /slots /fio.data {out}", flat)
        self.contents(out)
        with open(f"{out}/fio.data", "rb") as stream:
            self.blocks = [hash(block) for block in iter(lambda: stream.read(4096), b"")]
        self.test.overwritten += before is not None and before != self.blocks
        run("fio", "--name=look", f"--filename={out}/fio.data", "--rw=read", "--bs=4k", "--size=16M",
            "--verify=crc32c", "--verify_fatal=1", "--verify_state_save=0", "--allow_file_create=0")
        run("rm", "-r", out)
        os.unlink(flat)
        return leaks

    def contents(self, out):
        for name, digest in self.files.items():
            try:
                with open(f"{out}/files/{name}", "rb") as stream:
                    found = hashlib.sha256(stream.read()).hexdigest()
            except OSError as error:
                found = str(error)
            if found != digest:
                raise Failure(f"file {name} was safe, and now is not: {found}")
        with open(f"{out}/slots", "rb") as stream:
            slots = stream.read()
        for slot, safe in self.slots.items():
            block = slots[slot * 4096 : slot * 4096 + 4096]
            words = block.split(b"\n", 1)[0].decode(errors="replace").split()
            try:
                is_slot, found = int(words[1]), (int(words[3]), int(words[5]))
            except (IndexError, ValueError):
                raise Failure(f"slot {slot} begins with {block[:64]}")
            line = f"slot {slot} boot {found[0]} round {found[1]}\n".encode()
            if is_slot != slot or found < safe or (line * 4096)[:4096] != block:
                raise Failure(f"slot {slot} holds {found} and should hold {safe} or later")
        return True


class Test:
    def __init__(self, build, kernel, folder, seed):
        self.build, self.kernel, self.folder = build, kernel, folder
        self.random = random.Random(seed)
        self.overwritten = 0  # times that fio's blocks were other ones

    def path(self, name):
        return os.path.join(self.folder, name)

    def tool(self, name):
        return os.path.join(self.build, "tools", name, name)

    def digest(self):
        with open(self.path("base.qcow2"), "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()


def main():
    build, kernel, folder, kills = *sys.argv[1:4], int(sys.argv[4])
    seed = int(sys.argv[6]) if len(sys.argv) > 6 else random.randrange(1 << 30)
    test = Test(build, kernel, folder, seed)
    base = test.digest()
    disk, leaky, written = None, 0, 0
    try:
        for kill in range(kills):
            if kill % LIVES == 0:
                disk = Disk(test, kill // LIVES)
            written += disk.kill_in_mid_write()
            leaky += disk.look()
            if disk.boots == LIVES:
                print(f"{disk.name}: killed {disk.boots} times, {len(disk.files)} files, {len(disk.slots)} slots",
                      flush=True)
        if test.digest() != base:
            raise Failure("the backing file was written to")
        if sys.argv[5] and not test.overwritten:
            raise Failure("fio wrote nothing")
    except Failure as failure:
        print(f"seed {seed}, kill {kill + 1}, {disk.name}: {failure}")
        keep = os.environ.get("VEMU_KEEP")
        if keep:
            run("cp", "-a", folder, keep)
        return 1
    print(
        f"{kills} kills, {written} writes noted as safe, "
        f"fio's blocks were others {test.overwritten} times, {leaky} times with leaks, none lost (seed {seed})"
    )
    return 0


sys.exit(main())

