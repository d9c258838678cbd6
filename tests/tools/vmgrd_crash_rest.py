# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must be whole when vmgrd was killed, and what may not be left in the end (vmgrd-crash.py)."""
import difflib
import glob
import json
import os
import re
import stat
import subprocess
import xml.etree.ElementTree as ET

from vmgrd_crash_work import MAC, PARTITION, PORT, REAL, ROOT, SECRET, VALUE, WORK, vmsh
from vmgrd_daemon import check, until

PATIENCE = 60 # seconds, on a slow machine
JOBS_OF_REAL = [f"blockjob busy {disk} --abort" for disk in ("vda", "vdb", "vdd", "vde")] + [
    "domjobabort busy"]
REST_OF_REAL = [f"detach-disk busy {disk} --live" for disk in ("vdc", "vdd", "vde")] + [
    f"detach-interface busy network --mac {MAC} --live",
    "change-media busy sda --eject --force --live",
    "checkpoint-delete busy second", "checkpoint-delete busy first"]
REST = ["detach-disk stays vdb --live", "destroy one", "undefine one", "destroy two", "undefine two",
        "destroy drei", "undefine drei", "undefine files", "net-destroy net", "net-undefine net",
        f"net-port-delete steady {PORT}", f"secret-undefine {SECRET}", "nwfilter-undefine other",
        "nwfilter-binding-delete vmbind", "iface-commit", "iface-destroy vmhost", "iface-undefine vmhost"]
POOL = ["pool-define-as pool dir --target {work}/pool", "pool-build pool", "pool-start pool"]
STEADY = ["destroy busy", "undefine busy", "destroy stays", "undefine stays", "net-destroy steady",
          "net-undefine steady", "nwfilter-undefine own"]
OURS = ("fake-vemu", "vemu", "dnsmasq", "nft", "vmsh")


def contents(path):
    """None: it has gone meanwhile."""
    try:
        with open(path, encoding="utf-8") as text:
            return text.read()
    except FileNotFoundError:
        return None


def whole():
    """Nobody writes: no file is half written, none that nobody takes away is gone."""
    there = [os.path.join(ROOT, "etc/vmgr", name)
             for name in ("domains/stays.xml", "networks/steady.xml", "nwfilter/own.xml")]
    check(all(map(os.path.exists, there)), f"{there} are there")
    for folder, _, names in os.walk(ROOT):
        for name in names:
            path = os.path.join(folder, name)
            text = contents(path) if name.endswith((".xml", ".base64", ".port")) else None
            if text is None:
                continue
            if name.endswith(".base64"):
                check(text.strip() in ("", VALUE), f"{path} is whole: {text}")
                continue
            try:
                ET.fromstring(text)
            except ET.ParseError as e:
                check(False, f"{path}: {e}: '{text}'")
    for name in ("vol", "copy"):
        path = os.path.join(WORK, "pool", name)
        check(not os.path.exists(path) or os.path.getsize(path) == 1 << 20, f"{path} is whole")
    for name in ("grown", "copied"):
        path = os.path.join(WORK, "pool", name)
        if REAL and os.path.exists(path):
            subprocess.run(["qemu-img", "check", "-q", "-f", "qcow2", path], check=True)


def files_left(known):
    """Files and directories that were not there before. Locks, logs and the places of each kind of object
    stay."""
    words = []
    for folder, folders, names in os.walk(WORK):
        short = os.path.relpath(folder, WORK)
        if short not in ("root/etc/vmgr", "root/run/vmgr"):
            names += [name for name in folders if name != "autostart"]
        words += [os.path.join(short, name) for name in names
                  if not name.endswith((".lock", ".log")) and not name.startswith("locks.") and
                  os.path.join(short, name) not in known]
    return words


def files():
    return {os.path.join(os.path.relpath(folder, WORK), name)
            for folder, folders, names in os.walk(WORK) for name in folders + names}


def processes_left():
    words = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        name, state = (contents(f"/proc/{process}/stat") or "() Z").partition("(")[2].rpartition(")")[::2]
        if state.split()[0] != "Z" and name in OURS:
            words.append(f"process {name}")
    return words


def rights_left():
    """Access control entries that were there for guests."""
    return [f"rights on {path}" for path in [WORK] + glob.glob(f"{WORK}/**", recursive=True)
            if not os.path.islink(path) and os.path.exists(path) and
            "system.posix_acl_access" in os.listxattr(path)]


def tables():
    return subprocess.run(["nft", "list", "tables"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.splitlines()


def left_over(known):
    """What should not be there any more, in words."""
    links = subprocess.run(["ip", "-br", "link"], stdout=subprocess.PIPE, text=True, check=True)
    return (files_left(known) + tables() + processes_left() + rights_left() +
            [line.split()[0] for line in links.stdout.splitlines()
             if line.split()[0] not in ("lo", "vmbind")] +
            glob.glob(f"/sys/fs/cgroup{PARTITION}/vmgr-*") +
            glob.glob(f"/sys/fs/cgroup/*{PARTITION}/vmgr-*"))


def monitor(command):
    said = vmsh(f"""qemu-monitor-command busy '{{{{"execute": "{command}"}}}}'""")
    try:
        return json.loads(said)["return"]
    except ValueError:
        check(False, f"{command}: {said}")
        return None


def figures(pid):
    """Of an emulator: how many descriptors of which kind."""
    kinds = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            kind = re.sub(r"[\[0-9\]]+", "", os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


def of_guests(constants):
    """All that is known of guests, by the daemon, by themselves and by the host."""
    state = {}
    for name, (pid,) in constants.items():
        for option in ("", " --inactive"):
            text = vmsh(f"dumpxml {name}{option}") # whether the guest has its channel open is its own
            state[name + option] = re.sub(" state='(dis)?connected'", "", text).splitlines()
        state[name + "'s descriptors"] = figures(pid)
    state["ports"] = re.sub("[0-9a-f]{8}-[0-9a-f-]*", "", vmsh("net-port-list steady"))
    state["bindings"] = vmsh("nwfilter-binding-list")
    state["tables"] = sorted(tables())
    if REAL:
        state["nodes"] = sorted(node["node-name"] for node in monitor("query-named-block-nodes"))
        state["bitmaps"] = sorted(bitmap.get("name", "") for node in monitor("query-named-block-nodes")
                                  for bitmap in node.get("dirty-bitmaps", []))
        for question in ("query-block-jobs", "query-jobs", "query-block-exports"):
            state[question] = monitor(question)
        state["characters"] = sorted(device["label"] for device in monitor("query-chardev"))
    return state


def compare(state, before, said):
    words = []
    for key, value in before.items():
        if isinstance(value, list) and state[key] != value:
            words += [f"{key} now:", *difflib.unified_diff(list(map(str, value)), list(map(str, state[key])), n=1)]
        elif state[key] != value:
            words.append(f"{key}: {state[key]}, not {value}")
    check(not words, f"guests are as they were: {chr(10).join(words)}\nafter {said}")


def filter_in_force():
    """The rules of the busy guest are those of the filter's definition."""
    (wanted,) = re.findall("protocolid='(0x[0-9a-f]+)'", vmsh("nwfilter-dumpxml own"))
    rules = subprocess.run(["nft", "list", "ruleset"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout
    check(wanted in rules, f"the filter {wanted} is in force: {rules}")


def pool_is_listed():
    """Each file of the pool is a volume, and can be deleted."""
    vmsh(*POOL)
    place = os.path.join(WORK, "pool")
    names = sorted(os.listdir(place))
    said = vmsh("vol-list pool").splitlines()[2:]
    check(sorted(line.split()[0] for line in said if line) == names, f"{names} are listed: {said}")
    said = vmsh(*(f"vol-delete {name} --pool pool" for name in names), "pool-destroy pool", "pool-undefine pool")
    check(not os.listdir(place), f"volumes are deleted: {said}")


def is_done(command):
    """Or there is nothing to do."""
    said = vmsh(command)
    return "error" not in said or re.search("error: (No .* found|Domain checkpoint not found|.* doesn't have media)", said)


def end_jobs():
    said = vmsh(*JOBS_OF_REAL)
    try:
        until(lambda: monitor("query-block-jobs") == [], "jobs end", PATIENCE)
    except SystemExit:
        status = contents(os.path.join(ROOT, "run/vmgr/domains/busy.d/status.xml"))
        check(False, f"jobs end: {said} {monitor('query-block-jobs')} {status}")


def settle(constants, before):
    """All that clients began is ended: the guests are as they were in the beginning."""
    if REAL:
        end_jobs()
        for command in REST_OF_REAL: # the guest decides when
            until(lambda command=command: is_done(command), command, PATIENCE)
    pool_is_listed()
    said = vmsh(*REST)
    until(lambda: not set(vmsh("list --all --name").split()) - set(constants), "others end", PATIENCE)
    if REAL:
        filter_in_force()
    try: # a monitor's descriptor is closed when the emulator looks at it
        until(lambda: of_guests(constants) == before, "guests are as they were", PATIENCE)
    except SystemExit:
        compare(of_guests(constants), before, said)


def ends_clean(daemon):
    """Of the daemon itself no socket stays; and the partition was made for this test alone."""
    daemon.stop()
    sockets = [os.path.join(folder, name) for folder, _, names in os.walk(WORK) for name in names
               if stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode)]
    check(not sockets, f"sockets are left: {sockets}")
    for path in glob.glob(f"/sys/fs/cgroup{PARTITION}") + glob.glob(f"/sys/fs/cgroup/*{PARTITION}"):
        os.rmdir(path)
