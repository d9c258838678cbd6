#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Round trips of qcow2 images between QEMU's tools and ours.

    image-matrix.py --build DIR [--seed N] [--count N] [--jobs N] [--keep] [--verbose]

Each combination is a chain of images made by one side or the other, with options, then rounds of
random requests by either. A copy of what the guest would see is kept beside it. After each round both
sides check the image and compare its contents; at its end snapshots are read, and the image is
converted by each side and compared by the other.
"""
import argparse
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import tempfile

KIB = 1024
MIB = 1024 * KIB


class Wrong(Exception):
    pass


class Matrix:
    """The values of each dimension; a combination takes one of each as its number says."""
    clusters = [512, 1 * KIB, 2 * KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 2 * MIB]
    refcounts = [1, 2, 4, 8, 16, 32, 64]
    kinds = ["plain", "v2", "lazy", "extended", "data", "zstd", "preallocated"]
    depths = [0, 1, 2, 3]

    def __init__(self, seed, number):
        r = random.Random(seed * 1000003 + number)
        self.random = r
        self.kind = self.kinds[number % len(self.kinds)]
        self.cluster = self.clusters[(number // 7 + number) % len(self.clusters)]
        self.refcount = self.refcounts[(number // 3 + number) % len(self.refcounts)]
        self.depth = self.depths[(number // 2) % len(self.depths)]
        self.creator = "ours" if (number + number // 8) % 2 else "qemu"
        self.snapshots = r.randrange(3)
        if self.kind == "v2":
            self.refcount = 16
        if self.kind == "extended":
            self.cluster = max(self.cluster, 16 * KIB)
        if self.kind == "data":
            self.snapshots = 0
        if self.kind == "preallocated":
            self.depth = 0
        if self.refcount < 4:
            self.snapshots = 0
        self.size = 12 * MIB if self.cluster > 64 * KIB else r.choice([1, 2, 3]) * MIB
        self.size += r.choice([0, 0, 512, 3584])

    def __str__(self):
        return (f"{self.kind}, clusters of {self.cluster}, {self.refcount}-bit refcounts, depth "
                f"{self.depth}, {self.snapshots} snapshots, made by {self.creator}")

    def options(self, data):
        words = [("cluster_size", self.cluster)]
        if self.kind == "v2":
            return words + [("compat", "0.10")]
        words += [("compat", "1.1"), ("refcount_bits", self.refcount)]
        words += {"lazy": [("lazy_refcounts", "on")], "extended": [("extended_l2", "on")],
                  "zstd": [("compression_type", "zstd")], "data": [("data_file", data)],
                  "preallocated": [("preallocation", "metadata")]}.get(self.kind, [])
        return words


class Combination:
    def __init__(self, args, number):
        self.tool = os.path.join(args.build, "tests/image/tool/image-tool")
        self.img = os.path.join(args.build, "tools/vemu-img/vemu-img")
        if not os.path.exists(self.img):
            self.img = None
        self.m = Matrix(args.seed, number)
        self.random = self.m.random
        self.log = []
        self.dir = tempfile.mkdtemp(prefix=f"image-matrix-{number}-")
        self.top = self.path("top.qcow2")
        self.shadow = bytearray(self.m.size)
        self.saved = {}
        self.virgin = set(range(self.m.size // self.m.cluster))

    def path(self, name):
        return os.path.join(self.dir, name)

    def call(self, *argv, ok=(0,)):
        argv = [str(a) for a in argv]
        self.log.append(" ".join(f"'{a}'" if " " in a else a for a in argv))
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        if done.returncode not in ok:
            raise Wrong(f"exit status {done.returncode}: {done.stdout.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    # --- making -------------------------------------------------------------------------------

    def create(self, side, path, size, options, backing=None):
        options = list(options)
        if backing:
            options += [("backing_file", backing[0]), ("backing_fmt", backing[1])]
        if side == "ours" and (not self.img or self.random.random() < 0.5):
            self.call(self.tool, "create", "qcow2", size, path, *(f"{k}={v}" for k, v in options))
        else:
            self.call("qemu-img" if side == "qemu" else self.img, "create", "-q", "-f", "qcow2", "-o",
                      ",".join(f"{k}={v}" for k, v in options), path, size)

    def chain(self):
        below = None
        for level in range(self.m.depth, 0, -1):
            r = self.random
            size = max(512, self.m.size + r.choice([0, 0, -300 * KIB // 512 * 512, 65536]))
            if level == self.m.depth and r.random() < 0.5:
                path = self.path(f"base{level}.raw")
                with open(path, "wb") as f:
                    f.truncate(size)
                below = (path, "raw")
            else:
                path = self.path(f"base{level}.qcow2")
                self.create(r.choice(["qemu", "ours"]), path, size,
                            [("cluster_size", r.choice(self.m.clusters[:6]))], below)
                below = (path, "qcow2")
            keep, self.shadow = self.shadow, bytearray(size)
            n = min(len(keep), size)
            self.shadow[:n] = keep[:n]
            self.requests(r.choice(["qemu", "ours"]), path, below[1], 6, plain=True)
            keep = self.shadow
            self.shadow = bytearray(self.m.size)
            n = min(len(keep), self.m.size)
            self.shadow[:n] = keep[:n]
        self.create(self.m.creator, self.top, self.m.size, self.m.options(self.path("data.raw")), below)

    # --- requests -----------------------------------------------------------------------------

    def place(self, size):
        r = self.random
        kind = r.randrange(4)
        if kind == 0:
            offset = r.randrange(size // 512) * 512
            count = r.randrange(1, 65) * 512
        elif kind == 1:
            cluster = min(self.m.cluster, size)
            offset = r.randrange(max(1, size // cluster)) * cluster
            count = cluster * r.randrange(1, 4)
        elif kind == 2:
            offset = r.randrange(size)
            count = r.randrange(1, 20000)
        else:
            offset = r.randrange(size // 512) * 512
            count = r.randrange(1, 1024) * 512
        return offset, min(count, size - offset)

    def requests(self, side, path, fmt, count, plain=False):
        r = self.random
        size = len(self.shadow)
        commands, gone = [], []
        kinds = [r.choice(["write"] * 5 + ["zero", "unmap", "discard", "compress", "flush"])
                 for _ in range(count)]
        if side == "qemu":
            # Compressed ones first, and by themselves: QEMU 7.2 goes on filling a cluster with
            # compressed data after it was freed and is used for something else.
            kinds.sort(key=lambda kind: kind != "compress")
        packed = 0
        for kind in kinds:
            offset, n = self.place(size)
            pattern = r.randrange(1, 256)
            if plain and kind in ("discard", "compress"):
                kind = "write"
            if kind == "compress":
                if self.m.kind in ("data", "preallocated") or not self.virgin:
                    continue
                cluster = r.choice(sorted(self.virgin))
                offset, n = cluster * self.m.cluster, self.m.cluster
                packed += 1
            if not plain:
                first, last = offset // self.m.cluster, (offset + n - 1) // self.m.cluster
                self.virgin -= set(range(first, last + 1))
            if kind in ("write", "compress"):
                self.shadow[offset:offset + n] = bytes([pattern]) * n
            elif kind in ("zero", "unmap"):
                self.shadow[offset:offset + n] = bytes(n)
            elif kind == "discard":
                gone.append((offset, n))
            if side == "qemu":
                commands.append({"write": f"write -P {pattern} {offset} {n}",
                                 "compress": f"write -c -P {pattern} {offset} {n}",
                                 "zero": f"write -z {offset} {n}",
                                 "unmap": f"write -z -u {offset} {n}",
                                 "discard": f"discard {offset} {n}", "flush": "flush"}[kind])
            else:
                commands.append({"write": f"write {offset} {n} {pattern}",
                                 "compress": f"compress {offset} {n} {pattern}",
                                 "zero": f"zero {offset} {n}", "unmap": f"unmap {offset} {n}",
                                 "discard": f"discard {offset} {n}", "flush": "flush"}[kind])
        if side == "qemu":
            for part in (commands[:packed], commands[packed:]):
                argv = ["qemu-io", "-f", fmt, "-d", "unmap"]
                for c in part:
                    argv += ["-c", c]
                out = self.call(*argv, path) if part else ""
                if "rror" in out or "failed" in out:
                    raise Wrong(out)
        else:
            self.call(self.tool, "do", "-f", fmt, path, *commands)
        if gone:
            self.learn(path, gone)

    def learn(self, path, gone):
        """What is left of discarded ranges is the image's own business, but it must not change."""
        raw = self.path("gone.raw")
        self.call("qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, raw)
        with open(raw, "rb") as f:
            for offset, n in gone:
                f.seek(offset)
                self.shadow[offset:offset + n] = f.read(n)
        os.unlink(raw)

    # --- looking ------------------------------------------------------------------------------

    def save_shadow(self, contents=None):
        path = self.path("shadow.raw")
        with open(path, "wb") as f:
            f.write(self.shadow if contents is None else contents)
        return path

    def look(self, path):
        self.call("qemu-img", "check", "-q", "-f", "qcow2", path)
        self.call(self.tool, "do", "-f", "qcow2", "-r", path, "check")
        shadow = self.save_shadow()
        self.call("qemu-img", "compare", "-q", "-f", "raw", "-F", "qcow2", shadow, path)
        self.call(self.tool, "do", "-f", "qcow2", "-r", path, f"compare {shadow}")
        if self.img:
            self.call(self.img, "check", "-q", "-f", "qcow2", path)
            self.call(self.img, "compare", "-q", "-f", "raw", "-F", "qcow2", shadow, path)

    def look_at_snapshot(self, name):
        shadow = self.save_shadow(self.saved[name])
        self.call(self.tool, "do", "-f", "qcow2", "-r", self.top, f"load {name}", f"compare {shadow}")
        raw = self.path("snapshot.raw")
        self.call("qemu-img", "convert", "-f", "qcow2", "-O", "raw", "-l", f"snapshot.name={name}",
                  self.top, raw)
        self.call("cmp", shadow, raw)

    def snapshot(self, side, number):
        name = f"snap{number}"
        if side == "qemu":
            self.call("qemu-img", "snapshot", "-c", name, self.top)
        else:
            self.call(self.tool, "do", "-f", "qcow2", self.top, f"snapshot {name}")
        self.saved[name] = bytes(self.shadow)

    def snapshot_back(self, side):
        name = self.random.choice(sorted(self.saved))
        if side == "qemu":
            self.call("qemu-img", "snapshot", "-a", name, self.top)
        else:
            self.call(self.tool, "do", "-f", "qcow2", self.top, f"apply {name}")
        self.shadow[:] = self.saved[name]

    def snapshot_delete(self, side):
        name = self.random.choice(sorted(self.saved))
        if side == "qemu":
            self.call("qemu-img", "snapshot", "-d", name, self.top)
        else:
            self.call(self.tool, "do", "-f", "qcow2", self.top, f"delete {name}")
        del self.saved[name]

    def resize(self, side):
        size = self.m.size + self.random.choice([512 * KIB, 65536 + 512, -64 * KIB, -300 * KIB])
        size = size // 512 * 512
        if self.m.kind == "v2" and self.m.depth:
            side = "ours" # QEMU has no zero clusters to hide the backing image with
        if side == "qemu":
            self.call("qemu-img", "resize", "-q", "--shrink", "-f", "qcow2", self.top, size)
        else:
            self.call(self.tool, "do", "-f", "qcow2", self.top, f"resize {size}")
        keep = self.shadow[:size]
        self.shadow = keep + bytearray(size - len(keep))
        self.virgin = set()

    def convert(self):
        for side in ("qemu", "ours"):
            program = "qemu-img" if side == "qemu" else self.img
            if not program:
                continue
            path = self.path(f"converted-{side}.qcow2")
            argv = [program, "convert", "-f", "qcow2", "-O", "qcow2"]
            if self.random.random() < 0.5:
                argv += ["-c", "-o", f"compression_type={self.random.choice(['zlib', 'zstd'])}"]
            self.call(*argv, self.top, path)
            self.look(path)

    def run(self):
        r = self.random
        self.chain()
        sides = ["qemu", "ours"]
        r.shuffle(sides)
        for turn in range(4):
            side = sides[turn % 2]
            self.requests(side, self.top, "qcow2", 9)
            self.look(self.top)
            if turn < self.m.snapshots:
                self.snapshot(sides[(turn + 1) % 2], turn)
        for name in sorted(self.saved):
            self.look_at_snapshot(name)
        if self.saved and r.random() < 0.6:
            self.snapshot_back(r.choice(sides))
            self.look(self.top)
        while self.saved:
            self.snapshot_delete(r.choice(sides))
        self.look(self.top)
        if r.random() < 0.5 and self.m.kind != "data":
            self.resize(r.choice(sides))
            self.look(self.top)
        self.convert()


def one(args, number):
    combination = Combination(args, number)
    try:
        combination.run()
    except (Wrong, subprocess.TimeoutExpired) as error:
        text = "\n".join("    " + line for line in combination.log)
        return f"{number}: {combination.m} (seed {args.seed})\n{text}\n  {error}"
    finally:
        if not args.keep:
            shutil.rmtree(combination.dir)
        elif args.verbose:
            print(combination.dir)
    if args.verbose:
        print(f"{number}: {combination.m}: fine", flush=True)
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    numbers = range(args.first, args.first + args.count)
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for text in pool.map(lambda n: one(args, n), numbers):
            if text:
                failures += 1
                print(text, flush=True)
    print(f"{args.count} combinations, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
