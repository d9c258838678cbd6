# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-jobs.py BUILD WORK: jobs on whole guests, their screens and keys, and their crashes.

Guests are a few instructions: they say on the serial port what they hear from the keyboard, or
panic at once. A dump into a pipe that nobody reads is one that takes as long as the test wants.
"""
import contextlib
import os
import re
import struct
import subprocess
import sys
import threading

from vmgrd_daemon import Daemon, check, fails, result, run, until

BUILD, WORK = sys.argv[1:3]
LOAD = 0x100000

# The keyboard's controller translates into set 1 (0x60, 0x41), the keyboard scans (0xf4); then
# in al,0x64; test al,1; jz; in al,0x60; mov dx,0x3f8; out dx,al; jmp
LISTENS = bytes.fromhex("b060e664b041e660b0f4e660" "e464a80174fae46066baf803eeebf1")
# mov dx,0x3f8; mov al,'P'; out; mov dx,0x505; mov al,1; out; cli; hlt; jmp
PANICS = bytes.fromhex("66baf803b050ee66ba0505b001eefaf4ebfc")


def at(name):
    return os.path.join(WORK, name)


def kernel(name, code):
    """a multiboot image with addresses in its header (multiboot 0.6.96, 3.1.3)"""
    flags = 1 << 16
    header = struct.pack("<IIIIIIII", 0x1badb002, flags, -(0x1badb002 + flags) & 0xffffffff,
                         LOAD, LOAD, 0, 0, LOAD + 32)
    with open(at(name), "wb") as f:
        f.write(header + code + bytes(4096))
    return at(name)


def document(name, image, more="", devices=""):
    return f"""<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type><kernel>{at(image)}</kernel></os>{more}
<devices><serial type='file'><source path='{at(name + ".serial")}'/></serial>
<panic model='isa'/>{devices}</devices></domain>"""


@contextlib.contextmanager
def background(*command):
    """a program that ends with the block, however that ends"""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def contents(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def define(program, name, image, **more):
    with open(at(name + ".xml"), "w", encoding="utf-8") as f:
        f.write(document(name, image, **more))
    run(program, "define", at(name + ".xml"))


def state(program, name):
    return run(program, "domstate", name, "--reason").strip()


def same(programs, *command):
    """both clients print the same"""
    texts = [re.sub(r"\d+ +ms", "N ms", run(p, *command)) for p in programs]
    check(texts[0].rstrip("\n") == texts[1].rstrip("\n"), f"{command}: {texts}")
    return texts[0]


def is_core(path):
    data = contents(path)
    return data[:4] == b"\x7fELF" and len(data) > 64 << 20 and LISTENS in data


def dumps(virsh, vmsh):
    """files that gdb and crash read, made by the daemon and not by the guest's user"""
    for program, options in ((virsh, []), (vmsh, ["--verbose"]), (virsh, ["--live"]),
                             (vmsh, ["--bypass-cache", "--format", "elf"])):
        out = run(program, "dump", "g", at("core"), "--memory-only", *options)
        check(f"Domain 'g' dumped to {at('core')}" in out, out)
        check(is_core(at("core")), "the dump has the guest's memory")
        check(os.stat(at("core")).st_mode & 0o777 == 0o600, "nobody else reads it")
        check(state(virsh, "g") in ("running (booted)", "running (unpaused)"), "it runs again")
    fails(virsh, "only memory-only ones", "dump", "g", at("no"))
    fails(vmsh, "only memory-only ones", "dump", "g", at("no"))
    for program in (virsh, vmsh):
        fails(program, "unsupported dumpformat 'kdump-zlib'", "dump", "g", at("no"),
              "--memory-only", "--format", "kdump-zlib")
        fails(program, "failed to create file", "dump", "g", "/nowhere/core", "--memory-only")
        fails(program, "exclusive", "dump", "g", at("no"), "--memory-only", "--crash", "--live")
        fails(program, "domain is not running", "dump", "p", at("no"), "--memory-only")
    fails(virsh, "No space left on device", "dump", "g", "/dev/full", "--memory-only")
    check(not os.path.exists(at("no")), "what is refused makes no file")
    check(state(virsh, "g") == "running (unpaused)", "a dump that failed lets it run")


def long_dump(daemon, virsh, vmsh):
    """asked about, refused things, abandoned by vmgrd, and aborted"""
    os.mkfifo(at("pipe"))
    hold = os.open(at("pipe"), os.O_RDWR)
    with background(*virsh, "dump", "g", at("pipe"), "--memory-only") as client:
        until(lambda: "Unbounded" in run(virsh, "domjobinfo", "g"), "the dump goes on")
        out = same((virsh, vmsh), "domjobinfo", "g")
        check("Operation:        Dump" in out and "Memory total:     64.000 MiB" in out, out)
        raw = same((virsh, vmsh), "domjobinfo", "g", "--completed", "--rawstats", "--keep-completed")
        check(raw.startswith("Job type: "), raw)
        check("background job (" in run(virsh, "domcontrol", "g"), "domcontrol")
        check("background job (" in run(vmsh, "domcontrol", "g"), "domcontrol")
        check(state(vmsh, "g") == "paused (dumping)", state(vmsh, "g"))
        for program in (virsh, vmsh):
            fails(program, "another job is active", "dump", "g", at("no"), "--memory-only")
            fails(program, "post-copy", "domjobabort", "g", "--postcopy")
            fails(program, "dump in process", "resume", "g")
        daemon.kill()
        client.wait(30)
    daemon.start()
    check("Unbounded" in run(virsh, "domjobinfo", "g"), "the job outlives vmgrd")
    run(virsh, "domjobabort", "g")
    drain = threading.Thread(target=lambda: [os.read(hold, 1 << 20) for _ in range(40)],
                             daemon=True)
    drain.start()
    until(lambda: "Unbounded" not in run(virsh, "domjobinfo", "g"), "it ends")
    out = same((virsh, vmsh), "domjobinfo", "g", "--completed", "--keep-completed", "--anystats")
    check("Cancelled" in out, out)
    until(lambda: state(virsh, "g") == "running (unpaused)", "the guest runs again")
    fails(virsh, "no job is active", "domjobabort", "g")
    fails(vmsh, "no job is active", "domjobabort", "g")
    check(run(virsh, "domcontrol", "g").strip() == "ok", "domcontrol")


def told(virsh, vmsh):
    """the end of a job is told to who listens, and once to who asks"""
    wait = ["event", "g", "--event", "job-completed", "--timeout", "60"]
    with background(*virsh, *wait) as one, background(*vmsh, *wait) as two:
        heard = threading.Event()
        def shout():
            while not heard.wait(0.5):
                run(virsh, "dump", "g", at("core"), "--memory-only")
        thread = threading.Thread(target=shout)
        thread.start()
        texts = [one.communicate()[0], two.communicate()[0]]
        heard.set()
        thread.join()
    for text in texts:
        check("event 'job-completed' for domain 'g':" in text, text)
        check("\toperation: 8\n" in text and "\tmemory_total: 67108864\n" in text and
              "\tsuccess: 1\n" in text, text)
    out = run(virsh, "domjobinfo", "g", "--completed", "--keep-completed")
    check("Completed" in out and "Dump" in out, out)
    check("Completed" in same((virsh, vmsh), "domjobinfo", "g", "--completed", "--keep-completed",
                              "--rawstats") or True, "raw")
    check("Completed" in run(vmsh, "domjobinfo", "g", "--completed"), "told once more")
    check("None" in run(virsh, "domjobinfo", "g", "--completed"), "and then no more")


def screen_and_keys(virsh, vmsh):
    until(lambda: contents(at("g.serial")), "the keyboard answers")
    for program in (virsh, vmsh):
        out = run(program, "screenshot", "g", at("shot.png"))
        check("with type of image/png" in out, out)
        data = contents(at("shot.png"))
        check(data[:8] == b"\x89PNG\r\n\x1a\n" and
              struct.unpack(">II", data[16:24]) == (640, 480), f"a picture: {data[:24]}")
        fails(program, "screen ID 0 to 0", "screenshot", "g", at("no"), "--screen", "1")
        fails(program, "no <video>", "screenshot", "w", at("no"))
        before = len(contents(at("g.serial")))
        run(program, "send-key", "g", "KEY_LEFTCTRL", "KEY_A")
        run(program, "send-key", "g", "--codeset", "usb", "4")
        run(program, "send-key", "g", "--codeset", "atset1", "0x1e")
        keys = bytes.fromhex("1d1e9e9d" "1e9e" "1e9e")
        until(lambda: len(contents(at("g.serial"))) >= before + len(keys), "keys come")
        check(contents(at("g.serial"))[before:] == keys, "the guest reads scan codes")
        fails(program, "cannot translate keycode 900", "send-key", "g", "900")
        fails(program, "codeset 'os_x'", "send-key", "g", "--codeset", "os_x", "1")
        fails(program, "not supported by the connection driver: virDomainSendProcessSignal",
              "send-process-signal", "g", "1", "term")
        run(program, "inject-nmi", "g")
    check(not os.path.exists(os.path.join(WORK, "root/run/vmgr/domains/g.d/screenshot.png")),
          "nothing is left of a picture")


def crashes(daemon, virsh, vmsh):
    """a listener keeps vmgrd at it"""
    kept = os.path.join(daemon.root, "var/lib/vmgr/dump")
    with background(*virsh, "event", "--event", "lifecycle", "--loop") as listener:
        for program, action, end in ((virsh, "destroy", "shut off (crashed)"),
                                     (vmsh, "preserve", "crashed (panicked)"),
                                     (virsh, "coredump-destroy", "shut off (crashed)")):
            run(program, "set-lifecycle-action", "p", "crash", action, "--config")
            check(f"<on_crash>{action}</on_crash>" in run(virsh, "dumpxml", "p"), action)
            run(virsh, "start", "p")
            until(lambda: state(vmsh, "p") == end, f"{action} ends as {end}: {state(vmsh, 'p')}")
            result(virsh, "destroy", "p")
        files = os.listdir(kept)
        check(len(files) == 1 and re.fullmatch(r"\d+-p-\d{4}(-\d\d){3}(:\d\d){2}", files[0]), files)
        check(contents(os.path.join(kept, files[0]))[:4] == b"\x7fELF", "a core")
        os.unlink(at("p.serial"))
        for action in ("restart", "coredump-restart"):
            run(vmsh, "set-lifecycle-action", "p", "--type", "crash", "--action", action)
            run(vmsh, "start", "p")
            until(lambda: contents(at("p.serial")).count(b"P") > 2, f"{action}: it panics again")
            run(vmsh, "destroy", "p")
            os.unlink(at("p.serial"))
        check(len(os.listdir(kept)) > 1, "coredump-restart dumps")
        listener.terminate()
        out = listener.communicate()[0]
    for words in ("Crashed Panicked", "Stopped Crashed", "Started Booted"):
        check(f"event 'lifecycle' for domain 'p': {words}" in out, out)
    for program in (virsh, vmsh):
        fails(program, "on_crash action 'rename-restart' is not supported", "set-lifecycle-action",
              "p", "crash", "rename-restart")
        fails(program, "doesn't support 'coredump-restart' action", "set-lifecycle-action", "p",
              "reboot", "coredump-restart")
    run(virsh, "set-lifecycle-action", "g", "crash", "preserve", "--live")
    check("<on_crash>preserve</on_crash>" in run(vmsh, "dumpxml", "g"), "live")
    check("<on_crash>destroy</on_crash>" in run(vmsh, "dumpxml", "g", "--inactive"), "not stored")


def ends_of_dumps(virsh, vmsh):
    run(virsh, "dump", "g", at("core"), "--memory-only", "--reset")
    check(state(virsh, "g") == "running (unpaused)", "reset")
    run(vmsh, "dump", "g", at("core"), "--memory-only", "--crash")
    check(state(virsh, "g") == "shut off (crashed)", "crash")
    check(is_core(at("core")), "the dump is there")


def main():
    kernel("listens", LISTENS)
    kernel("panics", PANICS)
    daemon = Daemon(BUILD, at("root"), emulator=os.path.join(BUILD, "tools/vemu/vemu"))
    virsh = ["virsh", "-c", f"qemu:///system?socket={daemon.socket}"]
    vmsh = [os.path.join(BUILD, "tools/vmsh/vmsh"), "-c",
            f"qemu:///system?socket={daemon.socket}"]
    define(virsh, "g", "listens", devices="<video><model type='bochs'/></video>")
    define(virsh, "w", "listens", devices="<video><model type='none'/></video>")
    define(virsh, "p", "panics")
    for name in ("g", "w"):
        run(virsh, "start", name)
    dumps(virsh, vmsh)
    long_dump(daemon, virsh, vmsh)
    told(virsh, vmsh)
    screen_and_keys(virsh, vmsh)
    crashes(daemon, virsh, vmsh)
    ends_of_dumps(virsh, vmsh)
    run(virsh, "destroy", "w")
    daemon.stop()


main()
