# SPDX-License-Identifier: LGPL-2.1-or-later
"""vemu-nbd beside qemu-nbd: one file in the page cache, read by the same clients over a Unix socket."""
import os
import shutil
import subprocess
import time

MIB = 1 << 20
CLIENTS = (
    ("nbdcopy", "nbdcopy {uri} null:"),
    ("nbdcopy, one connection", "nbdcopy -C 1 {uri} null:"),
    ("4 KiB, depth 1", "qemu-img bench -f raw -c 50000 -d 1 -s 4k {uri}"),
    ("4 KiB, depth 32", "qemu-img bench -f raw -c 100000 -d 32 -s 4k {uri}"),
    ("64 KiB, depth 16", "qemu-img bench -f raw -c 30000 -d 16 -s 64k {uri}"),
)


class Server:
    def __init__(self, program, folder, env):
        self.uri = f"nbd+unix:///?socket={folder}/{os.path.basename(program)}.sock"
        path = self.uri.partition("=")[2]
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [program, "-r", "-t", "-e", "8", "-k", path, "-f", "raw", "disk"], cwd=folder, env=env,
            stdin=subprocess.DEVNULL)
        while not os.path.exists(path):
            time.sleep(0.05)

    def processor_time(self):
        """in seconds (proc_pid_stat(5))"""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self, words):
        """(seconds, seconds of the server's processor time)"""
        used, began = self.processor_time(), time.monotonic()
        subprocess.run(words.format(uri=self.uri).split(), check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        return time.monotonic() - began, self.processor_time() - used

    def stop(self):
        self.process.terminate()
        self.process.wait()


def bench_nbd(b):
    folder = f"{b.work}/nbd"
    os.mkdir(folder)
    with open(f"{folder}/disk", "wb") as f:
        for _ in range(1024):
            f.write(os.urandom(MIB))
    env = dict(os.environ, LD_LIBRARY_PATH=f"{b.build}/libvemu:{b.build}/libvkvm")
    servers = [Server(b.as_installed(f"{b.build}/tools/vemu-nbd/vemu-nbd"), folder, env),
               Server(shutil.which("qemu-nbd"), folder, env)]
    try:
        for what, words in CLIENTS:
            times = [[s.measure(words) for s in servers] for _ in range(b.rounds + 1)][1:]
            for kind, at in (("", 0), (", the server's processor time", 1)):
                ours, theirs = (sorted(t[side][at] for t in times)[len(times) // 2] for side in (0, 1))
                b.row(f"vemu-nbd: {what}{kind}", ours, theirs, "s", theirs / ours, ">= 1.0" if not at else "-",
                      bool(at) or theirs >= ours, "qemu-nbd")
    finally:
        for s in servers:
            s.stop()
        shutil.rmtree(folder)
