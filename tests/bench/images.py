# SPDX-License-Identifier: LGPL-2.1-or-later
"""vemu-img beside qemu-img: an image half random, a quarter zeros, a quarter holes."""
import os
import shutil
import subprocess
import sys
import time

MIB = 1 << 20


class Images:
    def __init__(self, bench):
        self.bench = bench
        self.ours = bench.as_installed(f"{bench.build}/tools/vemu-img/vemu-img")
        self.theirs = shutil.which("qemu-img")
        self.dir = f"{bench.work}/images"
        self.env = dict(os.environ, LD_LIBRARY_PATH=f"{bench.build}/libvemu:{bench.build}/libvkvm")
        os.mkdir(self.dir)

    def path(self, name):
        return f"{self.dir}/{name}"

    def make(self):
        """Random, zeros, random and a hole in turn, 64 MiB each (less in a small image)."""
        size = self.bench.image_mib * MIB
        part = min(64 * MIB, size // 4)
        with open(self.path("a.raw"), "wb") as f:
            for at in range(0, size, part):
                kind = at // part % 4
                if kind < 3:
                    f.seek(at)
                    for _ in range(0, part, MIB):
                        f.write(os.urandom(MIB) if kind != 1 else bytes(MIB))
            f.truncate(size)
        self.run(self.theirs, "convert -f raw -O qcow2 a.raw a.qcow2")
        os.sync()

    def run(self, program, words, before=None):
        """Seconds. `before` is a function that prepares the run."""
        if before:
            before()
        begin = time.monotonic()
        p = subprocess.run([program, *words.split()], cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        seconds = time.monotonic() - begin
        if p.returncode:
            sys.exit(f"{program} {words}: status {p.returncode}\n{p.stdout.decode()}")
        return seconds

    def remove(self, *names):
        for name in names:
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))

    def both(self, what, words, goal=1.0, before=None):
        times = [[], []]
        for n in range(self.bench.rounds + 1):
            for which, program in enumerate((self.ours, self.theirs)):
                seconds = self.run(program, words, before)
                if n:  # the first time is for the page cache
                    times[which].append(seconds)
        ours, theirs = (sorted(t)[len(t) // 2] for t in times)
        self.bench.row(f"vemu-img: {what}", ours, theirs, "s", theirs / ours, f">= {goal}", theirs >= goal * ours,
                       "qemu-img")

    def overlay(self):
        """A quarter of the image is in the overlay, in pieces of 1 MiB."""
        self.remove("base.raw", "top.qcow2")
        size = self.bench.image_mib
        self.run(self.theirs, f"create -q -f raw base.raw {size}M")
        self.run(self.theirs, "create -q -f qcow2 -b base.raw -F raw top.qcow2")
        script = "".join(f"write -q -P 5 {at}M 1M\n" for at in range(0, size, 4))
        subprocess.run(["qemu-io", self.path("top.qcow2")], input=script.encode(), check=True, cwd=self.dir,
                       stdout=subprocess.DEVNULL)


def bench_images(b):
    i = Images(b)
    i.make()
    for name, cache in (("page cache", ""), ("O_DIRECT", "-t none -T none ")):
        i.both(f"raw to qcow2, {name}", f"convert {cache}-f raw -O qcow2 a.raw out", 1.5, lambda: i.remove("out"))
        i.both(f"qcow2 to raw, {name}", f"convert {cache}-f qcow2 -O raw a.qcow2 out", 1.5, lambda: i.remove("out"))
    for kind in ("zlib", "zstd"):
        i.both(f"qcow2 to compressed qcow2, {kind}",
               f"convert -c -f qcow2 -O qcow2 -o compression_type={kind} a.qcow2 out", 1.5, lambda: i.remove("out"))
    i.remove("out")
    i.both("check", "check -q -f qcow2 a.qcow2")
    i.both("compare", "compare -q -f raw -F qcow2 a.raw a.qcow2")
    i.both("compare, O_DIRECT", "compare -q -T none -f raw -F qcow2 a.raw a.qcow2")
    i.both("measure", "measure -f raw -O qcow2 a.raw")
    i.both("map", "map --output=json -f qcow2 a.qcow2")
    i.both("commit", "commit -q top.qcow2", 1.0, i.overlay)
    i.remove("base.raw", "top.qcow2")
    for mode in ("metadata", "falloc", "full"):
        i.both(f"create, preallocation={mode}", f"create -q -f qcow2 -o preallocation={mode} out {b.image_mib // 4}M",
               1.0, lambda: i.remove("out"))
    i.remove("out")
    # far apart, and never the same place twice in a row: as good as random for a disk
    for depth, count in ((1, 40000), (32, 80000)):
        for way, word in (("", "read"), ("-w ", "write")):
            for name, cache in (("page cache", ""), ("O_DIRECT", "-t none ")):
                i.both(f"bench, 4 KiB, random {word}, depth {depth}, {name}",
                       f"bench {way}{cache}-f qcow2 -c {count // (4 if cache else 1)} -d {depth} -s 4k -S 165900288 a.qcow2")
    shutil.rmtree(i.dir)
