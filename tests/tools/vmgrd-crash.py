#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-crash.py BUILD WORK [KERNEL INITRAMFS]: vmgrd is killed at random moments while clients work.

After each kill: the guests that run beside go on, every file of a definition and each volume is whole, the
daemon is there again and knows guests and networks. In the end the guests are as they were: devices, jobs,
nodes, bitmaps, descriptors, rules. And when all is undefined no process, link, rule, lease, run
directory, socket, control group, access right, volume or half-written file is left, and the daemon has no
more descriptors than in the beginning. With a kernel one of the guests is a real one, with jobs
on its disks, backups and checkpoints, interfaces that come and go. To be run in namespaces of its own: it
makes networks. What clients do: vmgrd_crash_work.py; what is looked at: vmgrd_crash_rest.py."""
import os
import random
import subprocess
import threading
import time

from vmgrd_crash_rest import (PATIENCE, STEADY, ends_clean, files, left_over, of_guests, settle,
                              whole)
from vmgrd_crash_work import (BUILD, HANGS, REAL, ROOT, WORK, Failures, documents, rehearse, streams, vmsh,
                              work_on, works)
from vmgrd_daemon import Daemon, check, emulators, until

KILLS = int(os.environ.get("VEMU_TEST_KILLS") or (1000 if os.environ.get("VEMU_TEST_SOAK") == "1" else 10))


def make_constants():
    """What is there from beginning to end: names of guests and their processes."""
    said = vmsh("nwfilter-define {work}/filter.xml", "net-define {work}/steady.xml",
                "net-start steady", "define {work}/stays.xml", "start stays")
    names = ["stays"]
    if REAL:
        names.append("busy")
        said += vmsh("define {work}/busy.xml", "start busy")
    until(lambda: all(len(emulators(name)) == 1 for name in names), f"{names} run: {said}", PATIENCE)
    if REAL:
        until(lambda: os.path.exists(os.path.join(WORK, "serial")) and
              "ready" in open(os.path.join(WORK, "serial"), encoding="utf-8").read(),
              "the real guest is up", 120)
    return {name: emulators(name) for name in names}


def known(constants, what):
    """The daemon knows what is there, and it is the same as ever."""
    for name, processes in constants.items():
        check(emulators(name) == processes, f"{name} goes on {what}")
    said = vmsh("list --name --state-running", "net-list --name").split()
    check(set(constants) | {"steady"} <= set(said), f"{said} are known {what}")


def kill_often(daemon, constants, done, failures):
    rng, began = random.Random(6), time.monotonic()
    for number in range(KILLS):
        time.sleep(rng.random() * 0.3)
        daemon.kill()
        whole()
        daemon.start()
        known(constants, f"after kill {number}")
        check(not failures, f"after kill {number}: {failures}")
        if number % 100 == 99 or number + 1 == KILLS:
            print(f"{number + 1} kills, {sum(done.values())} rounds of clients, "
                  f"{time.monotonic() - began:.0f} s", flush=True)


def clients_work(daemon, constants):
    """vmgrd is killed while they do; how many rounds each of them did."""
    over, failures = threading.Event(), Failures()
    jobs = {name: work_on for name in works()} | {"console": streams} | ({"channel": streams} if REAL else {})
    done = dict.fromkeys(jobs, 0)
    workers = [threading.Thread(target=failures.around, args=(job, name, over, done), daemon=True)
               for name, job in jobs.items()]
    for worker in workers:
        worker.start()
    kill_often(daemon, constants, done, failures)
    over.set()
    for worker in workers:
        worker.join(HANGS * 8)
        check(not worker.is_alive(), "a client hangs")
    check(not failures, f"clients: {failures}")
    check(all(done.values()), f"the clients got something done: {done}")
    return done


def all_goes(daemon, at_first, descriptors):
    said = vmsh(*STEADY)
    check(vmsh("list --all --name", "net-list --all --name", "pool-list --all --name").split() == [],
          "all is undefined: " + said)
    subprocess.run(f"rmdir {WORK}/pool; cd {WORK} && rm -f copy target down serial commit-* pull-*",
                   shell=True, check=True)
    until(lambda: not left_over(at_first), f"nothing is left: {left_over(at_first)}", PATIENCE)
    until(lambda: daemon.descriptors() <= descriptors,
          f"descriptors: {daemon.descriptors()} after {descriptors}", PATIENCE)
    ends_clean(daemon)


def main():
    documents()
    daemon = Daemon(BUILD, ROOT)
    vmsh("list")
    at_first = files()
    constants = make_constants()
    rehearse()
    before = of_guests(constants)
    descriptors = daemon.descriptors()
    done = clients_work(daemon, constants)
    known(constants, "at the end")
    settle(constants, before)
    all_goes(daemon, at_first, descriptors)
    print(f"{KILLS} kills, rounds of clients: {done}", flush=True)


main()
