# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keeps CPUs from going idle, by a loop of the lowest priority on each (SCHED_IDLE, sched(7)).

A virtual CPU that goes idle leaves the guest, and takes its host's time to come back: tens of microseconds for each call between
two processes, on both sides of a comparison. With this the figures are the software's."""
import os
import signal
import subprocess
import sys


class Awake:
    def __init__(self, wanted):
        self.cpus = sorted(os.sched_getaffinity(0)) if wanted else []
        self.loops = []

    def __enter__(self):
        for cpu in self.cpus:
            self.loops.append(subprocess.Popen([sys.executable, "-c", "while True: pass"], stdin=subprocess.DEVNULL,
                                               preexec_fn=lambda cpu=cpu: self.settle(cpu)))
        return self

    @staticmethod
    def settle(cpu):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.sched_setaffinity(0, {cpu})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

    def __exit__(self, *_):
        for loop in self.loops:
            loop.kill()
            loop.wait()
